//! Time, randomness and environment of the real process, and the sandbox's clock in their place.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use stackctl_core::{BoxFuture, Clock, Host, Ids};

/// The machine's clock.
pub(crate) struct SystemClock {
    #[cfg(not(target_os = "linux"))]
    start: Option<std::time::Instant>,
}

impl SystemClock {
    fn of_machine() -> SystemClock {
        SystemClock {
            #[cfg(not(target_os = "linux"))]
            start: Some(std::time::Instant::now()),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
    fn boot(&self) -> Duration {
        // The boot-time clock goes on while the machine sleeps; `Instant` does not on every platform.
        #[cfg(target_os = "linux")]
        {
            let t = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
            Duration::new(u64::try_from(t.tv_sec).unwrap_or(0), u32::try_from(t.tv_nsec).unwrap_or(0))
        }
        #[cfg(not(target_os = "linux"))]
        self.start.map_or(Duration::ZERO, |s| s.elapsed())
    }
    fn sleep(&self, d: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(d))
    }
}

/// The operating system's random numbers.
pub(crate) struct SystemIds;

impl Ids for SystemIds {
    fn fill(&self, out: &mut [u8]) {
        use rand::TryRng as _;
        if rand::rngs::SysRng.try_fill_bytes(out).is_err() {
            // Without the kernel's generator a process-local one, seeded by it at start, still never repeats.
            use rand::Rng as _;
            rand::rng().fill_bytes(out);
        }
    }
}

/// The real surroundings.
pub(crate) fn host(env: BTreeMap<String, String>, clock: Option<Arc<dyn Clock>>) -> Host {
    Host {
        env: Arc::new(env),
        clock: clock.unwrap_or_else(|| Arc::new(SystemClock::of_machine())),
        ids: Arc::new(SystemIds),
        keep_ownership_tags: false,
        cwd: std::env::current_dir().unwrap_or_default(),
    }
}
