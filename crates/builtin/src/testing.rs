//! What the tests of the types share: a host in a directory of its own, with a clock that stands still and randomness
//! that repeats.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use stackctl_core::{BoxFuture, Clock, Host, Ids, Known};
use tempfile::TempDir;

use crate::generate::seeded;
use crate::table::Setup;

/// 2026-01-31T12:00:00.5Z.
pub(crate) const NOW: &str = "2026-01-31T12:00:00.5Z";

struct Still;
impl Clock for Still {
    fn now(&self) -> Timestamp {
        NOW.parse().unwrap()
    }
    fn boot(&self) -> Duration {
        Duration::ZERO
    }
    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(async {})
    }
}

#[derive(Default)]
struct Repeating(AtomicU64);
impl Ids for Repeating {
    fn fill(&self, out: &mut [u8]) {
        let mut next = seeded(&self.0.fetch_add(1, Ordering::Relaxed).to_string());
        out.chunks_mut(8).for_each(|c| c.copy_from_slice(&next().to_le_bytes()[..c.len()]));
    }
}

/// A host whose working directory is empty and goes with the returned guard.
pub(crate) fn host() -> (TempDir, Host) {
    let dir = tempfile::tempdir().unwrap();
    let host = Host {
        env: Arc::new(BTreeMap::from([("PATH".to_owned(), std::env::var("PATH").unwrap_or_default())])),
        clock: Arc::new(Still),
        ids: Arc::new(Repeating::default()),
        keep_ownership_tags: false,
        cwd: dir.path().to_owned(),
    };
    (dir, host)
}

/// The same as the setup of a provider with this configuration.
pub(crate) fn setup(config: Known) -> (TempDir, Setup) {
    let (dir, host) = host();
    (dir, Setup { host, config, states: None })
}

/// Runs a future to its end.
pub(crate) fn run<T>(f: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(f)
}
