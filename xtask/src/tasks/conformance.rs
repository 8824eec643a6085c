//! `conformance BINARY DIR`: cases of the language with known answers, against any binary with Terraform's command line.
//!
//! What a case is, [`crate::lab::conformance`] says. Our own are in `tests/conformance`. It ends with an error if any
//! answer differs.

use std::path::PathBuf;

use crate::lab::{Result, Tool, conformance};
use crate::say;

/// `conformance`
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The binary to ask.
    binary: PathBuf,
    /// The folder with the cases.
    dir: PathBuf,
    /// Only cases whose expression or file name contains this.
    #[arg(long, short = 'k')]
    only: Option<String>,
}

/// Runs all cases and reports those that differ.
pub(crate) fn run(args: &Args) -> Result<()> {
    let binary =
        if args.binary.components().count() > 1 { args.binary.canonicalize() } else { Ok(args.binary.clone()) };
    let tool = Tool::new(binary.map_err(|e| format!("{}: {e}", args.binary.display()))?);
    let outcome = conformance::run(&tool, &args.dir, args.only.as_deref())?;
    for what in &outcome.failed {
        say(&format!("FAIL {what}"));
    }
    say(&format!("{} passed, {} failed", outcome.passed, outcome.failed.len()));
    if outcome.failed.is_empty() { Ok(()) } else { Err(format!("{} cases differ", outcome.failed.len())) }
}
