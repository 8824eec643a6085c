//! `crash`: kills the product at every request of apply, update and destroy.

use std::path::PathBuf;
use std::time::Instant;

use crate::host::{Empty, Where, root};
use crate::lab::Result;
use crate::lab::crash::{Ready, WORKS};
use crate::{say, tell};

/// `crash`
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Directory of the stack, or its name below tests/stacks. It needs a variable `generation`.
    #[arg(long, default_value = "six")]
    stack: String,
    /// Only this kind of work: apply, update, destroy.
    #[arg(long)]
    work: Option<String>,
    /// So many points of each kind of work instead of all.
    #[arg(long, value_name = "N")]
    sample: Option<usize>,
    /// Chooses the sample.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only this request.
    #[arg(long, value_name = "K")]
    at: Option<u64>,
    /// Trials at the same time.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
}

/// Runs the trials and fails if one of them lost anything.
pub(crate) fn run(host: &Where, args: &Args) -> Result<()> {
    let stackctl = host.stackctl(false)?;
    let empty = Empty::new(&stackctl)?;
    let stack = stack_dir(&args.stack)?;
    let mut failures = 0;
    for work in WORKS.into_iter().filter(|w| args.work.as_ref().is_none_or(|name| name == w.name)) {
        let start = Instant::now();
        let ready = Ready::prepare(&stackctl, &stack, empty.world, work)?;
        let mut points = match args.sample {
            Some(n) => ready.sample(n, args.seed),
            None => ready.points(),
        };
        points.retain(|p| args.at.is_none_or(|k| p.k == k));
        tell(&format!("{}: {} requests, {} trials", work.name, ready.requests, points.len()));
        let outcome = ready.run(&points, args.jobs, |point, text| {
            tell(&format!("  {} {} request {}: {text}", work.name, point.when, point.k));
        });
        say(&format!(
            "{}: {} requests, killed at {} points, done before at {}, {} failures, {} s",
            work.name,
            ready.requests,
            outcome.killed,
            outcome.finished,
            outcome.failures.len(),
            start.elapsed().as_secs()
        ));
        failures += outcome.failures.len();
        for failure in &outcome.failures {
            say(&format!("  {failure}"));
        }
    }
    if failures == 0 { Ok(()) } else { Err(format!("{failures} trials lost something")) }
}

/// A directory, or a name below tests/stacks.
pub(crate) fn stack_dir(name: &str) -> Result<PathBuf> {
    let candidates = [PathBuf::from(name), root().join("tests/stacks").join(name), root().join(name)];
    let found = candidates.into_iter().find(|d| d.is_dir());
    found.ok_or_else(|| format!("there is no stack {name}"))
}
