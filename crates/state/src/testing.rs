//! What the tests of this crate share: a clock that jumps, ids that repeat, objects in short form.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use stackctl_core::{BoxFuture, Clock, Host, Ids, InstanceAddr, Known, Scope};

use crate::model::{Object, ProviderAddr, Target};
use crate::record::{Action, Done, Intent, Record};

/// Sleeping takes no time and moves the clock. Passive sleepers wake when somebody else has moved it far enough, or when
/// nobody does anything else for a while.
#[derive(Clone, Default)]
pub(crate) struct Jump(Arc<Mutex<Duration>>);

/// Turns of the other tasks after which nothing else is assumed to happen.
const QUIET: usize = 300;

fn wall(boot: Duration) -> Timestamp {
    let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    start + SignedDuration::try_from(boot).unwrap()
}

impl Clock for Jump {
    fn now(&self) -> Timestamp {
        wall(self.boot())
    }
    fn boot(&self) -> Duration {
        *self.0.lock().unwrap()
    }
    fn sleep(&self, d: Duration) -> BoxFuture<'static, ()> {
        let t = self.0.clone();
        Box::pin(async move {
            tokio::task::yield_now().await;
            *t.lock().unwrap() += d;
        })
    }
    fn sleep_passively(&self, d: Duration) -> BoxFuture<'static, ()> {
        let clock = self.clone();
        let until = self.boot() + d;
        Box::pin(async move {
            for _ in 0..QUIET {
                if clock.boot() >= until {
                    return;
                }
                tokio::task::yield_now().await;
            }
            let mut now = clock.0.lock().unwrap();
            *now = until.max(*now);
        })
    }
}

/// A clock that a test moves, for everybody who has a handle. The holder of a stopped machine has its own.
#[derive(Clone, Default)]
pub(crate) struct Hand(Arc<Mutex<Duration>>);

impl Hand {
    /// Moves on second by second, and lets everybody act in between.
    pub(crate) async fn advance(&self, d: Duration) {
        for _ in 0..d.as_secs() {
            *self.0.lock().unwrap() += Duration::from_secs(1);
            for _ in 0..8 {
                tokio::task::yield_now().await;
            }
        }
    }
}

impl Clock for Hand {
    fn now(&self) -> Timestamp {
        wall(self.boot())
    }
    fn boot(&self) -> Duration {
        *self.0.lock().unwrap()
    }
    fn sleep(&self, d: Duration) -> BoxFuture<'static, ()> {
        let (clock, until) = (self.clone(), self.boot() + d);
        Box::pin(async move {
            while clock.boot() < until {
                tokio::task::yield_now().await;
            }
        })
    }
}

struct Counter(AtomicU64);

impl Ids for Counter {
    fn fill(&self, out: &mut [u8]) {
        let n = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        out.fill(0);
        for (to, from) in out.iter_mut().rev().zip(n.iter().rev()) {
            *to = *from;
        }
    }
}

/// Surroundings with a clock that the test moves.
pub(crate) fn host_with(cwd: &Path, first_id: u64, clock: &Hand) -> Host {
    Host { clock: Arc::new(clock.clone()), ..host(cwd, first_id) }
}

/// Surroundings whose ids start at a number.
pub(crate) fn host(cwd: &Path, first_id: u64) -> Host {
    Host {
        env: Arc::new(BTreeMap::from([("USER".to_owned(), "ada".to_owned())])),
        clock: Arc::new(Jump::default()),
        ids: Arc::new(Counter(AtomicU64::new(first_id << 32))),
        keep_ownership_tags: false,
        cwd: cwd.to_owned(),
    }
}

pub(crate) fn addr(text: &str) -> InstanceAddr {
    InstanceAddr::parse(text).unwrap()
}

pub(crate) fn at(text: &str) -> Target {
    Target::current(addr(text))
}

pub(crate) fn aws() -> Arc<ProviderAddr> {
    Arc::new(ProviderAddr::root("registry.terraform.io/hashicorp/aws"))
}

pub(crate) fn object(id: &str) -> Arc<Object> {
    Arc::new(Object::new(aws(), Known::from([("id", id)])))
}

pub(crate) fn intent(action: Action, to: &str, token: &str, id: Option<&str>) -> Record {
    Record::Intent(Arc::new(Intent {
        token: token.to_owned(),
        action,
        at: at(to),
        provider: aws(),
        scope: Scope { account: "123456789012".to_owned(), region: "eu-west-1".to_owned() },
        id: id.map(str::to_owned),
        keys: if id.is_none() { Known::from([("name", to)]) } else { Known::Null },
        aws_at: None,
        written: "2026-01-01T00:00:00Z".parse().unwrap(),
        want: None,
        dependencies: Vec::new(),
        create_before_destroy: false,
    }))
}

pub(crate) fn created(to: &str, token: &str, id: &str) -> Record {
    let object = Some(object(id));
    Record::Done(Done { token: token.to_owned(), action: Action::Create, at: at(to), id: Some(id.to_owned()), object })
}

pub(crate) fn deleted(to: &str, token: &str, id: &str) -> Record {
    let d = Done { token: token.to_owned(), action: Action::Delete, at: at(to), id: Some(id.to_owned()), object: None };
    Record::Done(d)
}
