//! Disturbs the product at a request and looks whether anything was lost.
//!
//! A trial: the world holds request k, before it is executed or after, and the product dies of SIGKILL, or is asked to end
//! by a signal while that request is cut; or the world answers request k with a fault. A plain `apply` follows. Then
//! the lock must be free, the next apply must find nothing to do, and the state and the world must be what the same work
//! leaves without a disturbance ([`Left`]). What a trial starts from is made once and forked. Start at [`Ready`].

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::left::Left;
use super::world::text;
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

/// The three kinds of work. A stack has variables for what changes in place and for what is replaced.
pub(crate) const WORKS: [Work; 3] = [
    Work { name: "apply", on_applied: false, args: &["apply", "-auto-approve"], wanted: &[] },
    Work {
        name: "update",
        on_applied: true,
        args: &["apply", "-auto-approve", "-var=generation=2", "-var=replacement=2"],
        wanted: &["-var=generation=2", "-var=replacement=2"],
    },
    Work { name: "destroy", on_applied: true, args: &["destroy", "-auto-approve"], wanted: &[] },
];

/// Where the state is and how it is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Setup {
    /// In the world itself, with these arguments of the backend for its lock; else in a local file.
    pub(crate) s3: Option<&'static str>,
    /// Sealed with a passphrase.
    pub(crate) sealed: bool,
}

/// Arguments for the lock of a state in S3.
pub(crate) const TABLE: &str = "dynamodb_table = \"crash-locks\"";
/// The same, with a lock file beside the state instead of the table.
pub(crate) const LOCKFILE: &str = "use_lockfile = true";
/// The same, with both.
pub(crate) const BOTH: &str = "dynamodb_table = \"crash-locks\"\n    use_lockfile   = true";

/// A fault of the world's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// For reports.
    name: &'static str,
    /// The world's own name for it.
    kind: &'static str,
    /// Service, and action if not all: only these are counted and disturbed.
    only: (&'static str, &'static str),
    /// How long a slow answer takes.
    seconds: u64,
    /// HTTP status of an error.
    status: u64,
}

const fn fault(name: &'static str, kind: &'static str, only: (&'static str, &'static str), seconds: u64) -> Fault {
    Fault { name, kind, only, seconds, status: 409 }
}

/// At any request.
pub(crate) const FAULTS: [Fault; 6] = [
    fault("throttled", "throttle", ("", ""), 0),
    fault("internal error", "error500", ("", ""), 0),
    fault("cut before", "reset_before", ("", ""), 0),
    fault("answer lost", "lost_answer", ("", ""), 0),
    fault("answer cut", "cut_answer", ("", ""), 0),
    fault("slow", "slow", ("", ""), 2),
];

/// At requests of the backend. An answer of S3 that takes longer than twelve seconds counts as lost while the lock is held by it.
pub(crate) const BACKEND_FAULTS: [Fault; 9] = [
    fault("PUT refused with 409", "error", ("s3", "PutObject"), 0),
    fault("PUT answered late", "slow", ("s3", "PutObject"), 14),
    fault("answer to PUT lost", "lost_answer", ("s3", "PutObject"), 0),
    fault("answer to GET cut", "cut_answer", ("s3", "GetObject"), 0),
    fault("answer to PUT cut", "cut_answer", ("s3", "PutObject"), 0),
    fault("DELETE's answer lost", "lost_answer", ("s3", "DeleteObject"), 0),
    fault("table throttled", "throttle", ("dynamodb", ""), 0),
    fault("table's answer lost", "lost_answer", ("dynamodb", ""), 0),
    fault("table cut before", "reset_before", ("dynamodb", ""), 0),
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
    Fault(Fault),
}

/// Where the disturbance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Point {
    /// Which request, from 1.
    pub(crate) k: u64,
    /// Only requests that change something are counted.
    pub(crate) changes: bool,
    /// `before` it is executed, or `after`. A fault has its own time.
    pub(crate) when: &'static str,
    /// What happens there.
    pub(crate) blow: Blow,
}

/// Of the points at each request one, by turns: the first request has the one that the seed says, the next one the next.
pub(crate) fn by_turns(points: &[Point], seed: u64) -> Vec<Point> {
    let mut at: BTreeMap<_, Vec<Point>> = BTreeMap::new();
    for p in points {
        let only = if let Blow::Fault(f) = p.blow { f.only } else { ("", "") };
        at.entry((only, p.k)).or_default().push(*p);
    }
    at.into_iter().filter_map(|((_, k), all)| all.get(((k + seed) % all.len() as u64) as usize).copied()).collect()
}

impl std::fmt::Display for Point {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (k, when) = (self.k, self.when);
        let k = if self.changes { format!("{k} that changes something") } else { k.to_string() };
        match self.blow {
            Blow::Kill => write!(f, "killed {when} request {k}"),
            Blow::Twice(j) => write!(f, "killed {when} request {k}, and {when} request {j} of the next apply"),
            Blow::Signal(name) => write!(f, "SIG{name} {when} request {k}"),
            Blow::Fault(Fault { name, only: ("", _), .. }) => write!(f, "{name} at request {k}"),
            Blow::Fault(Fault { name, only: (service, action), .. }) => {
                write!(f, "{name} at request {k} of {service}:{action}")
            }
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
    /// Every fault of the backend at every request of its own.
    Backend,
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
    setup: Setup,
    stack: Bench,
    /// What the same work leaves without a disturbance.
    left: Left,
    /// The requests of the work without a disturbance.
    log: Vec<Value>,
    /// How many these are.
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

/// Does everything once in a world and undoes it, so that forks of it need not import every service again.
///
/// # Errors
/// If it does not work, or leaves anything.
pub(crate) fn warm(tool: &Tool, stack: &Path, world: World) -> Result<()> {
    let bench = Bench::copy_of(stack, Some(world))?;
    bench.run(tool, &["apply", "-auto-approve"])?.want(0)?;
    bench.run(tool, &["destroy", "-auto-approve"])?.want(0)?;
    match (world.census()?, bench.recorded()?) {
        (left, recorded) if left.is_empty() && recorded.is_empty() => world.clear_log(),
        (left, recorded) => Err(format!("destroy left {left:?} and {recorded:?}")),
    }
}

impl Ready {
    /// Brings a fork of `empty` to the point where the work starts, and does the work once without a disturbance.
    ///
    /// # Errors
    /// If it does not even work without one.
    pub(crate) fn prepare(tool: &Tool, stack: &Path, empty: World, work: Work, setup: Setup) -> Result<Ready> {
        let (tool, world) = (tool.clone(), empty.fork()?);
        let mut stack = Bench::copy_of(stack, Some(world))?;
        stack.env = env(setup);
        if let Some(lock) = setup.s3 {
            let backend = format!("{BACKEND}    {lock}\n  }}\n}}\n");
            stack.write("backend_override.tf", &backend)?;
            stack.run(&tool, &["init", "-input=false"])?.want(0)?;
        }
        if work.on_applied {
            stack.run(&tool, &["apply", "-auto-approve"])?.want(0)?;
        }
        let rehearsal = world.fork()?;
        let mut bench = Bench::copy_of(stack.path(), Some(rehearsal))?;
        bench.env = env(setup);
        rehearsal.clear_log()?;
        bench.run(&tool, work.args)?.want(0)?;
        let log = rehearsal.log()?;
        bench.run(&tool, &again(work))?.want(0)?;
        settled(&bench, &tool, work)?;
        let left = left(&bench, &tool, rehearsal, setup)?;
        rehearsal.exit();
        Ok(Ready { tool, work, world, setup, stack, left, requests: log.len() as u64, log })
    }

    /// Objects that the work leaves.
    pub(crate) fn objects(&self) -> usize {
        self.left.count()
    }

    /// Every point, or every one at a request that changes something. Parallel work may take a request more or less than it
    /// did in the rehearsal.
    pub(crate) fn points(&self, kind: Kind, changes: bool) -> Vec<Point> {
        let whens = ["before", "after"];
        let at = |k, when, blow| Point { k, changes, when, blow };
        if kind == Kind::Backend {
            let every = |f: Fault| {
                let only =
                    move |r: &&Value| r["service"] == f.only.0 && (f.only.1.is_empty() || r["action"] == f.only.1);
                (1..=self.log.iter().filter(only).count() as u64).map(move |k| at(k, "before", Blow::Fault(f)))
            };
            return BACKEND_FAULTS.into_iter().flat_map(every).collect();
        }
        // A recovery's first requests say who we are, and take the lock and read the journal where these are in S3.
        let inside = if self.setup.s3.is_some() { 20 } else { 6 };
        let each = |k: u64| -> Vec<Point> {
            match kind {
                Kind::Kill | Kind::Backend => whens.map(|w| at(k, w, Blow::Kill)).into(),
                Kind::Inside => whens.iter().flat_map(|w| (1..=inside).map(|j| at(k, w, Blow::Twice(j)))).collect(),
                Kind::Signal => {
                    whens.iter().flat_map(|w| ["INT", "TERM"].map(|name| at(k, w, Blow::Signal(name)))).collect()
                }
                Kind::Fault => FAULTS.map(|fault| at(k, "before", Blow::Fault(fault))).into(),
            }
        };
        let requests = self.log.iter().filter(|r| !changes || r["changes"] == true).count() as u64;
        (1..=requests + 2).flat_map(each).collect()
    }

    /// `n` of all points, chosen by a seed.
    pub(crate) fn sample(&self, mut all: Vec<Point>, n: usize, seed: u64) -> Vec<Point> {
        let last = all.iter().map(|p| p.k).max().unwrap_or(0);
        // The last two are there for runs that take more requests than the rehearsal.
        all.retain(|p| p.k + 2 <= last || matches!(p.blow, Blow::Fault(f) if !f.only.0.is_empty()));
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
        let mut bench = Bench::copy_of(self.stack.path(), Some(world))?;
        bench.env = env(self.setup);
        let mut trial = match point.blow {
            Blow::Kill | Blow::Twice(_) => {
                Trial { request: self.stopped_at(&bench, world, point, self.work.args, None)?.request, through: false }
            }
            Blow::Signal(name) => self.stopped_at(&bench, world, point, self.work.args, Some(name))?,
            Blow::Fault(fault) => self.faulted(&bench, world, point.k, fault)?,
        };
        let mut raw = self.raw(&bench, world)?;
        if let Blow::Twice(j) = point.blow {
            let second = Point { k: j, changes: false, ..point };
            let second = self.stopped_at(&bench, world, second, &again(self.work), None)?.request;
            trial.request = trial.request.map(|r| format!("{r}, then {}", second.as_deref().unwrap_or("the end")));
            raw += &self.raw(&bench, world)?;
        }
        let at = trial.request.clone().unwrap_or_else(|| "-".to_owned());
        let inside =
            |e: String| format!("{at}: the apply afterwards: {}", e.split_once("\nError: ").map_or(&*e, |(_, e)| e));
        let done = bench.run(&self.tool, &again(self.work))?.want(0).map_err(inside)?;
        if done.text().contains("Enter a value") {
            return Err("the apply afterwards asked a question".to_owned());
        }
        self.nothing_lost(&bench, world, &raw).map_err(|e| format!("{at}: {e}"))?;
        Ok(trial)
    }

    /// Everything that the backend holds, as text, where it must not hold secrets.
    fn raw(&self, bench: &Bench, world: World) -> Result<String> {
        if !self.setup.sealed {
            return Ok(String::new());
        }
        let mut all: String =
            ["terraform.tfstate", "terraform.tfstate.journal", "terraform.tfstate.backup", "errored.tfstate"]
                .iter()
                .filter_map(|f| bench.read(f))
                .collect();
        for key in world.keys(STATES)? {
            all += &world.object(STATES, &key)?;
        }
        Ok(all)
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
        world.stop_at(point.k, point.when, point.changes)?;
        let mut command = bench.command(&self.tool, args);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|e| format!("the product cannot be started: {e}"))?;
        let start = Instant::now();
        let request = loop {
            if let Some(request) = world.stopped(Duration::from_millis(200))? {
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
        self.lock_is_free(bench, world).map_err(|e| format!("after SIG{signal}: {e}"))?;
        // Before it has locked the state, a signal may end it where it stands.
        let died = [("INT", 2), ("TERM", 15)].contains(&(signal, status.signal().unwrap_or(0)));
        match status.code() {
            None if died => Ok(Trial { request, through: false }),
            Some(code @ (0 | 1)) => Ok(Trial { request, through: code == 0 }),
            _ => Err(format!("SIG{signal} ended it with {status}")),
        }
    }

    /// Runs the work in a world that answers request k with a fault: it succeeds, or fails cleanly.
    fn faulted(&self, bench: &Bench, world: World, k: u64, fault: Fault) -> Result<Trial> {
        world.clear_log()?;
        let mut rule = json!({"kind": fault.kind, "delay_s": fault.seconds});
        if fault.kind == "error" {
            rule["code"] = "ConditionalRequestConflict".into();
            rule["status"] = fault.status.into();
        }
        for (key, only) in [("service", fault.only.0), ("action", fault.only.1)] {
            if !only.is_empty() {
                rule[key] = only.into();
            }
        }
        world.fault(rule, k)?;
        let done = bench.run(&self.tool, self.work.args)?;
        let log = world.log()?;
        let hit = log.iter().find(|r| r["fault"] == fault.kind);
        let request = hit.map(|r| format!("{}:{}", text(&r["service"]), text(&r["action"])));
        world.clear_faults()?;
        match done.code {
            Some(0) => Ok(Trial { request, through: true }),
            Some(1) if done.err.contains("Error") && !done.text().contains("panicked") => {
                self.lock_is_free(bench, world).map_err(|e| format!("after {}: {e}: {}", fault.name, done.text()))?;
                Ok(Trial { request, through: false })
            }
            _ => done.want(0).map(|_| Trial { request, through: true }),
        }
    }

    /// Everything that is asserted once an apply has picked up what was left. `raw` is what the backend held before.
    fn nothing_lost(&self, bench: &Bench, world: World, raw: &str) -> Result<()> {
        self.lock_is_free(bench, world)?;
        settled(bench, &self.tool, self.work)?;
        let now = left(bench, &self.tool, world, self.setup)?;
        let differences = now.differences(&self.left);
        if !differences.is_empty() {
            return Err(format!("what is there afterwards:\n    {}", differences.join("\n    ")));
        }
        self.lock_is_free(bench, world)?;
        if self.setup.sealed {
            let raw = format!("{raw}{}", self.raw(bench, world)?);
            let leaked = now.passwords().find(|p| raw.contains(p.as_str()));
            if raw.is_empty() || leaked.is_some() {
                return Err("a secret lies in the open".to_owned());
            }
        }
        Ok(())
    }

    fn lock_is_free(&self, bench: &Bench, world: World) -> Result<()> {
        if self.setup.s3.is_none() {
            let held = bench.path().join(".terraform.tfstate.lock.info").exists();
            return if held { Err("the lock is still there".to_owned()) } else { Ok(()) };
        }
        let keys = world.keys(STATES)?;
        if let Some(key) = keys.iter().find(|k| k.ends_with(".tflock") || k.ends_with("/lease")) {
            return Err(format!("the lock {key} is still there"));
        }
        // The state's digest stays in the table.
        let inventory = world.inventory()?;
        let table = inventory.get("aws_dynamodb_table").and_then(|tables| tables.get(LOCKS));
        let items = table.map_or(0, |t| t["items"].as_u64().unwrap_or(0));
        if items > 1 { Err(format!("the table of locks has {items} items")) } else { Ok(()) }
    }
}

/// Bucket and table of states in the world.
const STATES: &str = "crash-state";
const LOCKS: &str = "crash-locks";

/// State in the world itself; arguments of the lock follow.
const BACKEND: &str = r#"terraform {
  backend "s3" {
    bucket = "crash-state"
    key    = "stack.tfstate"
    region = "us-east-1"
"#;

fn env(setup: Setup) -> Vec<(String, String)> {
    let passphrase = ("STACKCTL_PASSPHRASE".to_owned(), "open, sesame".to_owned());
    setup.sealed.then_some(passphrase).into_iter().collect()
}

/// What is there: the state, its secrets readable, and the world.
fn left(bench: &Bench, tool: &Tool, world: World, setup: Setup) -> Result<Left> {
    let state = match setup {
        Setup { sealed: true, .. } => bench.run(tool, &["state", "pull", "--unsealed"])?.want(0)?.json()?,
        Setup { s3: Some(_), .. } => bench.run(tool, &["state", "pull"])?.want(0)?.json()?,
        _ => bench.state()?,
    };
    Left::new(&state, &world.inventory()?)
}

impl Drop for Ready {
    fn drop(&mut self) {
        self.world.exit();
    }
}

/// One more apply, which finds nothing to do. It reads everything, so that the state knows what later work did to an object.
fn settled(bench: &Bench, tool: &Tool, work: Work) -> Result<()> {
    let done = bench.run(tool, &again(work))?.want(0).map_err(|e| format!("the second apply afterwards: {e}"))?;
    match done.text() {
        text if text.contains("No changes") => Ok(()),
        text => Err(format!("the second apply afterwards has something to do: {text}")),
    }
}

fn again(work: Work) -> Vec<&'static str> {
    [&["apply", "-auto-approve"], work.wanted].concat()
}
