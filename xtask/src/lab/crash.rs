//! Disturbs the product at a request and looks whether anything was lost.
//!
//! A trial: the world holds request k, before it is executed or after, and the product dies of SIGKILL, or is asked to end
//! by a signal while that request is cut; or the world answers request k with a fault. A plain `apply` follows. Then
//! nothing may exist that the same work without a disturbance would not have made, nothing may be missing, and the next
//! plan must be empty. What a trial starts from is made once and forked.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::world::{Census, text};
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

/// What happens at a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Blow {
    /// SIGKILL.
    Kill,
    /// SIGKILL, and once more at this request of the apply that looks up what the first one left.
    Twice(u64),
    /// This signal, `INT` or `TERM`; the request that is held is cut.
    Signal(&'static str),
    /// The world's answer is this fault.
    Fault(&'static str),
}

/// The faults that a world has.
pub(crate) const FAULTS: [&str; 5] = ["throttle", "error500", "reset_before", "lost_answer", "slow"];

/// Where the disturbance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Point {
    /// Which request, from 1.
    pub(crate) k: u64,
    /// `before` it is executed, or `after`. A fault has its own time.
    pub(crate) when: &'static str,
    /// What happens there.
    pub(crate) blow: Blow,
}

impl std::fmt::Display for Point {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (k, when) = (self.k, self.when);
        match self.blow {
            Blow::Kill => write!(f, "killed {when} request {k}"),
            Blow::Twice(j) => write!(f, "killed {when} request {k}, and again {when} request {j} of the next apply"),
            Blow::Signal(name) => write!(f, "SIG{name} {when} request {k}"),
            Blow::Fault(kind) => write!(f, "{kind} at request {k}"),
        }
    }
}

/// Which disturbances a run of trials has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// SIGKILL at every request.
    Kill,
    /// SIGKILL at every request, and again inside the recovery.
    Inside,
    /// SIGINT and SIGTERM at every request.
    Signal,
    /// Every fault at every request.
    Fault,
}

/// What came of one trial.
struct Trial {
    /// The request that was disturbed, none if the work was done before.
    request: Option<String>,
    /// The disturbed run did all of its work.
    through: bool,
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
    /// Trials in which the request was reached.
    pub(crate) hit: usize,
    /// Of those, how often the disturbed run did all of its work nevertheless.
    pub(crate) through: usize,
    /// Trials in which the work was done before.
    pub(crate) finished: usize,
    /// What was wrong, a text each.
    pub(crate) failures: Vec<String>,
}

impl Ready {
    /// Brings a fork of `empty` to the point where the work starts, and does the work once without a crash.
    ///
    /// # Errors
    /// If it does not even work without a crash.
    pub(crate) fn prepare(tool: &Tool, stack: &Path, empty: World, work: Work, s3: bool) -> Result<Ready> {
        let (tool, world) = (tool.clone(), empty.fork()?);
        let stack = Bench::copy_of(stack, Some(world))?;
        if s3 {
            stack.write("backend_override.tf", BACKEND)?;
            stack.run(&tool, &["init", "-input=false"])?.want(0)?;
        }
        if work.on_applied {
            stack.run(&tool, &["apply", "-auto-approve"])?.want(0)?;
        }
        let rehearsal = world.fork()?;
        let bench = Bench::copy_of(stack.path(), Some(rehearsal))?;
        rehearsal.clear_log()?;
        bench.run(&tool, work.args)?.want(0)?;
        let requests = rehearsal.log()?.len() as u64;
        bench.run(&tool, &again(work))?.want(0)?;
        let (exists, recorded) = (rehearsal.census()?, recorded(&bench, &tool)?);
        rehearsal.exit();
        Ok(Ready { tool, work, world, stack, exists, recorded, requests })
    }

    /// Every point. Parallel work may take a request more or less than it did in the rehearsal.
    pub(crate) fn points(&self, kind: Kind) -> Vec<Point> {
        let whens = ["before", "after"];
        let each = |k: u64| -> Vec<Point> {
            let at = |when, blow| Point { k, when, blow };
            match kind {
                Kind::Kill => whens.map(|w| at(w, Blow::Kill)).into(),
                // The first requests of a recovery say who we are; then come its look-ups, then new work.
                Kind::Inside => whens.iter().flat_map(|w| (1..=6).map(|j| at(w, Blow::Twice(j)))).collect(),
                Kind::Signal => {
                    whens.iter().flat_map(|w| ["INT", "TERM"].map(|name| at(w, Blow::Signal(name)))).collect()
                }
                Kind::Fault => FAULTS.map(|fault| at("before", Blow::Fault(fault))).into(),
            }
        };
        (1..=self.requests + 2).flat_map(each).collect()
    }

    /// `n` points of all, chosen by a seed.
    pub(crate) fn sample(&self, kind: Kind, n: usize, seed: u64) -> Vec<Point> {
        let mut all = self.points(kind);
        all.retain(|p| p.k <= self.requests);
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
                            Ok(Trial { request: Some(request), through }) => {
                                all.hit += 1;
                                all.through += usize::from(through);
                                format!("{request}: {}", if through { "went through" } else { "recovered" })
                            }
                            Ok(Trial { request: None, .. }) => {
                                all.finished += 1;
                                "was done before".to_owned()
                            }
                            Err(e) => {
                                all.failures.push(format!("{} {point}: {e}", self.work.name));
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

    fn trial(&self, point: Point) -> Result<Trial> {
        let world = self.world.fork()?;
        let result = self.in_world(world, point);
        world.exit();
        result
    }

    fn in_world(&self, world: World, point: Point) -> Result<Trial> {
        let bench = Bench::copy_of(self.stack.path(), Some(world))?;
        let trial = match point.blow {
            Blow::Kill | Blow::Twice(_) => {
                Trial { request: self.stopped_at(&bench, world, point, self.work.args, None)?.request, through: false }
            }
            Blow::Signal(name) => self.stopped_at(&bench, world, point, self.work.args, Some(name))?,
            Blow::Fault(kind) => self.faulted(&bench, world, point.k, kind)?,
        };
        let at = trial.request.clone().unwrap_or_else(|| "-".to_owned());
        if let Blow::Twice(j) = point.blow {
            let second = Point { k: j, ..point };
            self.stopped_at(&bench, world, second, &again(self.work), None)?;
        }
        let inside = |e: String| format!("the apply afterwards ({point}, {at}): {e}");
        bench.run(&self.tool, &again(self.work))?.want(0).map_err(inside)?;
        self.nothing_lost(&bench, world).map_err(|e| format!("{point}, {at}: {e}"))?;
        Ok(trial)
    }

    /// Runs the work until request k is held, and ends the product: at once, or by a signal that lets it finish.
    fn stopped_at(
        &self,
        bench: &Bench,
        world: World,
        point: Point,
        args: &[&str],
        signal: Option<&str>,
    ) -> Result<Trial> {
        world.stop_at(point.k, point.when)?;
        let mut command = bench.command(&self.tool, args);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|e| format!("the product cannot be started: {e}"))?;
        let start = Instant::now();
        let request = loop {
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
        let Some(signal) = signal else {
            // SIGKILL: nothing of the product runs after this.
            let _ = child.kill();
            let _ = child.wait();
            world.clear_stop()?;
            return Ok(Trial { request, through: false });
        };
        let sent = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status();
        sent.map_err(|e| format!("kill cannot be started: {e}"))?;
        // The product hears of the signal before its request is cut.
        std::thread::sleep(Duration::from_millis(200));
        world.clear_stop()?;
        let start = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().map_err(|e| e.to_string())? {
                break status;
            }
            if start.elapsed() > PATIENCE {
                let _ = child.kill();
                return Err(format!("SIG{signal} did not end it"));
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        match status.code() {
            Some(code @ (0 | 1)) => Ok(Trial { request, through: code == 0 }),
            _ => Err(format!("SIG{signal} ended it with {status}")),
        }
    }

    /// Runs the work in a world that answers request k with a fault: it succeeds, or fails cleanly.
    fn faulted(&self, bench: &Bench, world: World, k: u64, kind: &str) -> Result<Trial> {
        world.clear_log()?;
        world.fault(kind, k)?;
        let done = bench.run(&self.tool, self.work.args)?;
        let log = world.log()?;
        let hit = log.iter().find(|r| r["fault"] == kind);
        let request = hit.map(|r| format!("{}:{}", text(&r["service"]), text(&r["action"])));
        world.clear_faults()?;
        match done.code {
            Some(0) => Ok(Trial { request, through: true }),
            Some(1) if done.err.contains("Error") => Ok(Trial { request, through: false }),
            _ => done.want(0).map(|_| Trial { request, through: true }),
        }
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
        different("what the state records", &recorded(bench, &self.tool)?, &self.recorded)?;
        if bench.path().join(".terraform.tfstate.lock.info").exists() {
            return Err("the lock is still there".to_owned());
        }
        let plan = [&["plan", "-detailed-exitcode"], self.work.wanted].concat();
        bench.run(&self.tool, &plan)?.want(0).map_err(|e| format!("the plan afterwards is not empty: {e}"))?;
        Ok(())
    }
}

/// State in the world itself.
const BACKEND: &str = r#"terraform {
  backend "s3" {
    bucket         = "crash-state"
    key            = "stack.tfstate"
    region         = "us-east-1"
    dynamodb_table = "crash-locks"
  }
}
"#;

/// What the state holds: type → number of objects.
fn recorded(bench: &Bench, tool: &Tool) -> Result<Census> {
    match bench.read("backend_override.tf") {
        None => bench.recorded(),
        Some(_) => Ok(Bench::census(&bench.run(tool, &["state", "pull"])?.want(0)?.json()?)),
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
