//! Kills the product at a request and looks whether anything was lost.
//!
//! A trial: the world holds request k, before it is executed or after; the product dies of SIGKILL; a plain `apply`
//! follows. Then nothing may exist that the same work without a crash would not have made, nothing may be missing, and
//! the next plan must be empty. What a trial starts from is made once and forked.

use std::path::Path;
use std::process::Stdio;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::world::Census;
use super::{Bench, Result, Tool, World};

/// Longest wait for a request, or for the end of a program that never sends it.
const PATIENCE: Duration = Duration::from_secs(180);

/// Work that is interrupted, and the apply that picks it up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    /// For reports.
    pub(crate) name: &'static str,
    /// It works on what an apply has made.
    pub(crate) on_applied: bool,
    /// Arguments of the run that dies.
    pub(crate) args: &'static [&'static str],
    /// Arguments of the plan afterwards; the apply before it has the same.
    pub(crate) wanted: &'static [&'static str],
}

/// The three kinds of work.
pub(crate) const WORKS: [Work; 3] = [
    Work { name: "apply", on_applied: false, args: &["apply", "-auto-approve"], wanted: &[] },
    Work {
        name: "update",
        on_applied: true,
        args: &["apply", "-auto-approve", "-var=generation=2"],
        wanted: &["-var=generation=2"],
    },
    Work { name: "destroy", on_applied: true, args: &["destroy", "-auto-approve"], wanted: &[] },
];

/// Where the crash is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Point {
    /// Which request, from 1.
    pub(crate) k: u64,
    /// `before` it is executed, or `after`.
    pub(crate) when: &'static str,
}

/// Everything that the trials of one work have in common.
#[derive(Debug)]
pub(crate) struct Ready {
    tool: Tool,
    work: Work,
    world: World,
    stack: Bench,
    exists: Census,
    recorded: Census,
    /// Requests of the work without a crash.
    pub(crate) requests: u64,
}

/// What came out of many trials.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Trials in which the product was killed at a request.
    pub(crate) killed: usize,
    /// Trials in which it was done before.
    pub(crate) finished: usize,
    /// What was wrong, a text each.
    pub(crate) failures: Vec<String>,
}

impl Ready {
    /// Brings a fork of `empty` to the point where the work starts, and does the work once without a crash.
    ///
    /// # Errors
    /// If it does not even work without a crash.
    pub(crate) fn prepare(tool: &Tool, stack: &Path, empty: World, work: Work) -> Result<Ready> {
        let (tool, world) = (tool.clone(), empty.fork()?);
        let stack = Bench::copy_of(stack, Some(world))?;
        if work.on_applied {
            stack.run(&tool, &["apply", "-auto-approve"])?.want(0)?;
        }
        let rehearsal = world.fork()?;
        let bench = Bench::copy_of(stack.path(), Some(rehearsal))?;
        rehearsal.clear_log()?;
        bench.run(&tool, work.args)?.want(0)?;
        let requests = rehearsal.log()?.len() as u64;
        bench.run(&tool, &again(work))?.want(0)?;
        let (exists, recorded) = (rehearsal.census()?, bench.recorded()?);
        rehearsal.exit();
        Ok(Ready { tool, work, world, stack, exists, recorded, requests })
    }

    /// Every crash point. Parallel work may take a request more or less than it did in the rehearsal.
    pub(crate) fn points(&self) -> Vec<Point> {
        (1..=self.requests + 2).flat_map(|k| ["before", "after"].map(|when| Point { k, when })).collect()
    }

    /// `n` crash points of all, chosen by a seed.
    pub(crate) fn sample(&self, n: usize, seed: u64) -> Vec<Point> {
        let mut all = self.points();
        all.truncate(all.len().saturating_sub(4).max(1));
        let mut x = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut chosen = Vec::new();
        while chosen.len() < n && !all.is_empty() {
            // xorshift: the same points for the same seed, everywhere.
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            chosen.push(all.remove((x % all.len() as u64) as usize));
        }
        chosen
    }

    /// Runs trials, `jobs` at a time.
    pub(crate) fn run(&self, points: &[Point], jobs: usize, mut tell: impl FnMut(&Point, &str) + Send) -> Outcome {
        let (next, outcome, tell) = (AtomicUsize::new(0), Mutex::new(Outcome::default()), Mutex::new(&mut tell));
        std::thread::scope(|threads| {
            for _ in 0..jobs.max(1) {
                threads.spawn(|| {
                    while let Some(point) = points.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let result = self.trial(*point);
                        let Ok(mut all) = outcome.lock() else { return };
                        let text = match result {
                            Ok(Some(request)) => {
                                all.killed += 1;
                                format!("killed at {request}: recovered")
                            }
                            Ok(None) => {
                                all.finished += 1;
                                "was done before".to_owned()
                            }
                            Err(e) => {
                                let what = format!("{} {} request {}", self.work.name, point.when, point.k);
                                all.failures.push(format!("{what}: {e}"));
                                format!("FAILED: {e}")
                            }
                        };
                        if let Ok(mut tell) = tell.lock() {
                            tell(point, &text);
                        }
                    }
                });
            }
        });
        outcome.into_inner().unwrap_or_default()
    }

    /// One trial: the request at which the product was killed, none if it had finished before.
    fn trial(&self, point: Point) -> Result<Option<String>> {
        let world = self.world.fork()?;
        let result = self.in_world(world, point);
        world.exit();
        result
    }

    fn in_world(&self, world: World, point: Point) -> Result<Option<String>> {
        let bench = Bench::copy_of(self.stack.path(), Some(world))?;
        world.stop_at(point.k, point.when)?;
        let mut command = bench.command(&self.tool, self.work.args);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|e| format!("the product cannot be started: {e}"))?;
        let start = Instant::now();
        let reached = loop {
            if let Some(request) = world.stopped(Duration::from_millis(100))? {
                break Some(request);
            }
            if child.try_wait().map_err(|e| e.to_string())?.is_some() {
                break None;
            }
            if start.elapsed() > PATIENCE {
                let _ = child.kill();
                return Err("neither request k nor the end came".to_owned());
            }
        };
        // SIGKILL: nothing of the product runs after this.
        let _ = child.kill();
        let _ = child.wait();
        world.clear_stop()?;
        let at = reached.clone().unwrap_or_default();
        let inside = |e: String| format!("the apply after the crash (killed at {at}): {e}");
        bench.run(&self.tool, &again(self.work))?.want(0).map_err(inside)?;
        self.nothing_lost(&bench, world)
            .map_err(|e| format!("killed at {}: {e}", reached.as_deref().unwrap_or("-")))?;
        Ok(reached)
    }

    fn nothing_lost(&self, bench: &Bench, world: World) -> Result<()> {
        let different = |what: &str, got: &Census, want: &Census| {
            let types = got.keys().chain(want.keys()).collect::<std::collections::BTreeSet<_>>();
            let of = |c: &Census, t: &String| c.get(t).copied().unwrap_or(0);
            let list: Vec<String> = types
                .into_iter()
                .filter(|t| of(got, t) != of(want, t))
                .map(|t| format!("{t}: {} instead of {}", of(got, t), of(want, t)))
                .collect();
            if list.is_empty() { Ok(()) } else { Err(format!("{what}: {}", list.join(", "))) }
        };
        different("what exists (more: orphans or duplicates)", &world.census()?, &self.exists)?;
        different("what the state records", &bench.recorded()?, &self.recorded)?;
        if bench.path().join(".terraform.tfstate.lock.info").exists() {
            return Err("the lock is still there".to_owned());
        }
        let plan = [&["plan", "-detailed-exitcode"], self.work.wanted].concat();
        bench.run(&self.tool, &plan)?.want(0).map_err(|e| format!("the plan afterwards is not empty: {e}"))?;
        Ok(())
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        self.world.exit();
    }
}

fn again(work: Work) -> Vec<&'static str> {
    [&["apply", "-auto-approve"], work.wanted].concat()
}
