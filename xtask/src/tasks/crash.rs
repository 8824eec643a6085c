//! `crash`: kills, interrupts and disturbs the product at every request of apply, update and destroy.

use std::path::PathBuf;
use std::time::Instant;

use crate::host::{Empty, Where, root};
use crate::lab::Result;
use crate::lab::crash::{BOTH, Kind, LOCKFILE, Ready, Setup, TABLE, WORKS, by_turns, warm};
use crate::{say, tell};

/// `crash`
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Directory of the stack, or its name below tests/stacks. It needs the variables `generation` and `replacement`.
    #[arg(long, default_value = "forty")]
    stack: String,
    /// What is done at each request.
    #[arg(long, value_enum, default_values_t = [How::Kill], value_delimiter = ',')]
    how: Vec<How>,
    /// State in S3 in the same world, so that its requests are disturbed too; and what locks it.
    #[arg(long, value_enum, num_args = 0..=1, default_missing_value = "table", value_name = "LOCK")]
    s3: Option<Lock>,
    /// The state is sealed with a passphrase, and must not hold its password in the open.
    #[arg(long)]
    sealed: bool,
    /// Only this kind of work: apply, update, destroy.
    #[arg(long)]
    work: Option<String>,
    /// So many points of each kind of work instead of all.
    #[arg(long, value_name = "N")]
    sample: Option<usize>,
    /// One disturbance at each request, by turns, instead of every one at each.
    #[arg(long)]
    turn: bool,
    /// Chooses the sample, and which disturbance comes first.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only requests that change something: what comes between two of them changes nothing that could be lost.
    #[arg(long)]
    changes: bool,
    /// Only disturbances whose name contains this: `answer cut`, `SIGTERM`.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Only this request.
    #[arg(long, value_name = "K", conflicts_with_all = ["from", "to"])]
    at: Option<u64>,
    /// Only requests from this one.
    #[arg(long, value_name = "K")]
    from: Option<u64>,
    /// Only requests up to this one.
    #[arg(long, value_name = "K")]
    to: Option<u64>,
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
    /// Throttling, internal errors, cut connections, lost, cut and slow answers.
    Fault,
    /// The same and 409 at requests of the backend alone: PUT and DELETE of S3, and all of the table.
    Backend,
}

/// What locks a state in S3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Lock {
    /// A table of DynamoDB.
    Table,
    /// An object.
    File,
    /// Both.
    Both,
}

/// Runs the trials and fails if one of them lost anything.
pub(crate) fn run(host: &Where, args: &Args) -> Result<()> {
    let stackctl = host.stackctl(false)?;
    let empty = Empty::new(&stackctl)?;
    let stack = stack_dir(&args.stack)?;
    let lock = |l| match l {
        Lock::Table => TABLE,
        Lock::File => LOCKFILE,
        Lock::Both => BOTH,
    };
    let setup = Setup { s3: args.s3.map(lock), sealed: args.sealed };
    warm(&stackctl, &stack, empty.world)?;
    let mut failures = 0;
    for work in WORKS.into_iter().filter(|w| args.work.as_ref().is_none_or(|name| name == w.name)) {
        let start = Instant::now();
        let ready = Ready::prepare(&stackctl, &stack, empty.world, work, setup)?;
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
        How::Backend => Kind::Backend,
    };
    let mut points = ready.points(kind, args.changes);
    points.retain(|p| args.only.as_ref().is_none_or(|text| p.to_string().contains(text)));
    points.retain(|p| args.at.is_none_or(|k| p.k == k));
    points.retain(|p| args.from.is_none_or(|k| p.k >= k) && args.to.is_none_or(|k| p.k <= k));
    if args.turn {
        points = by_turns(&points, args.seed);
    }
    if let Some(n) = args.sample {
        points = ready.sample(points, n, args.seed);
    }
    tell(&format!("{work}: {} objects, {} requests, {} trials", ready.objects(), ready.requests, points.len()));
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
