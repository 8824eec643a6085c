//! Waiting: with growing pauses, within a timeout, until the user has had enough.

use std::time::Duration;

use stackctl_core::Clock;
use tokio::sync::watch;

use crate::events::Stop;

/// First pause of a wait; each following one is half as long again, up to [`LONGEST`].
const FIRST: Duration = Duration::from_millis(400);
/// Longest pause.
const LONGEST: Duration = Duration::from_secs(10);

/// Why a wait ended without what was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The timeout passed.
    Timeout,
    /// The user stopped the run.
    Stopped,
}

/// A wait with a limit.
pub(crate) struct Wait<'a> {
    clock: &'a dyn Clock,
    stop: watch::Receiver<Stop>,
    start: Duration,
    limit: Duration,
    pause: Duration,
}

impl<'a> Wait<'a> {
    /// A wait that starts now.
    pub(crate) fn new(clock: &'a dyn Clock, stop: watch::Receiver<Stop>, limit: Duration) -> Wait<'a> {
        Wait { clock, stop, start: clock.boot(), limit, pause: FIRST }
    }
    /// Time since the start.
    pub(crate) fn elapsed(&self) -> Duration {
        self.clock.boot().saturating_sub(self.start)
    }
    /// Pauses once.
    ///
    /// # Errors
    /// If the limit is reached, or the user stops the run.
    pub(crate) async fn pause(&mut self) -> Result<(), Ended> {
        if *self.stop.borrow() >= Stop::Now {
            return Err(Ended::Stopped);
        }
        let left = self.limit.saturating_sub(self.elapsed());
        if left.is_zero() {
            return Err(Ended::Timeout);
        }
        let nap = self.clock.sleep(self.pause.min(left));
        let stopped = self.stop.wait_for(|s| *s >= Stop::Now);
        tokio::select! {
            biased;
            // A sender that is gone can no longer stop anything: then only the pause counts.
            Ok(_) = stopped => return Err(Ended::Stopped),
            () = nap => {}
        }
        self.pause = (self.pause * 3 / 2).min(LONGEST);
        Ok(())
    }
}
