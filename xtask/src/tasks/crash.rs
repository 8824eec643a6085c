//! `crash`: kills, interrupts and disturbs the product at every request of apply, update and destroy.

use std::path::PathBuf;
use std::time::Instant;

use crate::host::{Empty, Where, root};
use crate::lab::Result;
use crate::lab::crash::{Kind, Ready, WORKS};
use crate::{say, tell};

/// `crash`
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Directory of the stack, or its name below tests/stacks. It needs a variable `generation`.
    #[arg(long, default_value = "six")]
    stack: String,
    /// What is done at each request.
    #[arg(long, value_enum, default_values_t = [How::Kill], value_delimiter = ',')]
    how: Vec<How>,
    /// State in S3 with a lock table, in the same world: its requests are disturbed too.
    #[arg(long)]
    s3: bool,
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

/// What is done to the product.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum How {
    /// SIGKILL, before and after each request.
    Kill,
    /// SIGKILL, and once more inside the recovery.
    Inside,
    /// SIGINT and SIGTERM, before and after each request.
    Signal,
    /// Throttling, internal errors, cut connections, lost and slow answers.
    Fault,
}

/// Runs the trials and fails if one of them lost anything.
pub(crate) fn run(host: &Where, args: &Args) -> Result<()> {
    let stackctl = host.stackctl(false)?;
    let empty = Empty::new(&stackctl)?;
    let stack = stack_dir(&args.stack)?;
    let mut failures = 0;
    for work in WORKS.into_iter().filter(|w| args.work.as_ref().is_none_or(|name| name == w.name)) {
        let start = Instant::now();
        let ready = Ready::prepare(&stackctl, &stack, empty.world, work, args.s3)?;
        for how in &args.how {
            failures += trials(&ready, work.name, *how, args, start);
        }
    }
    if failures == 0 { Ok(()) } else { Err(format!("{failures} trials lost something")) }
}

fn trials(ready: &Ready, work: &str, how: How, args: &Args, start: Instant) -> usize {
    let kind = match how {
        How::Kill => Kind::Kill,
        How::Inside => Kind::Inside,
        How::Signal => Kind::Signal,
        How::Fault => Kind::Fault,
    };
    let mut points = match args.sample {
        Some(n) => ready.sample(kind, n, args.seed),
        None => ready.points(kind),
    };
    points.retain(|p| args.at.is_none_or(|k| p.k == k));
    tell(&format!("{work}: {} requests, {} trials", ready.requests, points.len()));
    let outcome = ready.run(&points, args.jobs, |point, text| tell(&format!("  {work} {point}: {text}")));
    say(&format!(
        "{work}, {how:?}: {} requests, {} trials, {} reached, {} of them went through, {} failures, {} s",
        ready.requests,
        points.len(),
        outcome.hit,
        outcome.through,
        outcome.failures.len(),
        start.elapsed().as_secs()
    ));
    for failure in &outcome.failures {
        say(&format!("  {failure}"));
    }
    outcome.failures.len()
}

/// A directory, or a name below tests/stacks.
pub(crate) fn stack_dir(name: &str) -> Result<PathBuf> {
    let candidates = [PathBuf::from(name), root().join("tests/stacks").join(name), root().join(name)];
    let found = candidates.into_iter().find(|d| d.is_dir());
    found.ok_or_else(|| format!("there is no stack {name}"))
}
