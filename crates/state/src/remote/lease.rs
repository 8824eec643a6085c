//! The lease beside a lock: how long its holder may send, when it is renewed, and when whoever waits may take it over.
//!
//! A holder sends nothing [`OPEN_FOR`] after the start of its last renewal; whoever waits takes over when the beat stood
//! still for [`STILL`] on its own clock. No clocks are compared. The lease protects the cloud only: the state is safe by
//! the journal's fence, whatever clocks do.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use stackctl_core::Clock;
use tokio::sync::{Mutex, watch};

use super::Spot;
use super::place::{At, Held, Standing, When, put};
use crate::backend::Notice;
use crate::error::Error;
use crate::lock::LockInfo;
use crate::process;
use crate::session::LeaseGate;
use crate::store::Lease;

/// What a lock promises: its holder's last request has left when this has passed since a renewal.
pub(super) const LEASE: Duration = Duration::from_secs(90);
/// Time between renewals.
pub(super) const RENEW: Duration = Duration::from_secs(20);
/// Time between attempts of a renewal that failed for a passing reason.
const AGAIN: Duration = Duration::from_secs(3);
/// How long an answer is awaited before the request counts as lost.
const ANSWER: Duration = Duration::from_secs(12);
/// How long after the start of a renewal requests may leave. They time out after 30 seconds.
pub(super) const OPEN_FOR: Duration = Duration::from_secs(45);
/// How long a beat must stand still.
pub(super) const STILL: Duration = Duration::from_secs(95);

/// The first lease of a lock, and each one after.
pub(super) fn lease(beat: u64, clock: &dyn Clock) -> Lease {
    Lease {
        lease_ms: u64::try_from(LEASE.as_millis()).unwrap_or(u64::MAX),
        beat,
        beat_at: clock.now().to_string(),
        process: process::current(),
    }
}

/// Who holds which lock since when, as one waiter saw it.
#[derive(Default)]
pub(super) struct Sightings(BTreeMap<At, (String, u64, Duration)>);

impl Sightings {
    /// Why the holder must be gone; `None` if it may live.
    pub(super) fn dead(&mut self, at: &At, seen: &Standing, now: Duration) -> Option<String> {
        let (Some(lease), Ok(holder)) = (&seen.lease, &seen.info) else {
            self.0.remove(at);
            return None;
        };
        if process::is_gone(&lease.process) {
            return Some("its process on this machine has ended".to_owned());
        }
        let since = match self.0.get(at) {
            Some((id, beat, since)) if *id == holder.id && *beat == lease.beat => *since,
            _ => {
                self.0.insert(at.clone(), (holder.id.clone(), lease.beat, now));
                now
            }
        };
        let still = now.saturating_sub(since);
        (still >= needed(lease)).then(|| format!("it has not been renewed for {}s", still.as_secs()))
    }
    /// How long until something here may be believed dead.
    pub(super) fn soonest(&self, now: Duration) -> Option<Duration> {
        self.0.values().map(|(_, _, since)| (*since + STILL).saturating_sub(now)).min()
    }
}

/// A newer version may promise longer leases.
fn needed(lease: &Lease) -> Duration {
    STILL.max(Duration::from_millis(lease.lease_ms).saturating_add(STILL - LEASE))
}

/// True if the holder's own time of its last renewal says that the lease is over. Clocks differ, so that this decides
/// only whether it is worth waiting for proof.
pub(super) fn looks_dead(seen: &Standing, now: Timestamp) -> bool {
    let Some(lease) = &seen.lease else { return false };
    let Ok(beat_at) = lease.beat_at.parse::<Timestamp>() else { return false };
    let age = now.duration_since(beat_at);
    Duration::try_from(age).is_ok_and(|age| age > LEASE)
}

/// Renews until it is stopped or the lock is another's.
pub(super) struct Renewal {
    pub(super) spot: Spot,
    pub(super) info: LockInfo,
    pub(super) held: Arc<Mutex<Vec<Held>>>,
    pub(super) gate: Arc<LeaseGate>,
    pub(super) fence: Arc<watch::Sender<Option<Error>>>,
}

/// What came of a renewal.
enum Beat {
    Renewed,
    /// A renewal before this one, whose answer was lost, has arrived at some place; at the others this one.
    Earlier,
    Failed(String),
    Lost(Option<Box<LockInfo>>),
}

impl Renewal {
    pub(super) async fn run(self) {
        let clock = self.gate.clock.clone();
        let mut pause = RENEW;
        let mut failures = 0u32;
        // Start of the first attempt since the last one that was answered.
        let mut earliest = None;
        loop {
            tokio::select! {
                () = clock.sleep_passively(pause) => {}
                () = self.gate.nudge.notified() => {}
            }
            let start = (clock.boot(), clock.now());
            pause = match self.beat(&*clock).await {
                answered @ (Beat::Renewed | Beat::Earlier) => {
                    let first = earliest.take().unwrap_or(start);
                    self.gate.renewed(if matches!(answered, Beat::Renewed) { start } else { first });
                    failures = 0;
                    // What is older than a period is not worth much.
                    RENEW.saturating_sub(clock.boot().saturating_sub(first.0))
                }
                Beat::Failed(problem) => {
                    earliest.get_or_insert(start);
                    failures += 1;
                    if failures > 2
                        && let Some(watch) = &self.spot.watch
                    {
                        watch(Notice::Retrying { problem: format!("renewing the lock: {problem}"), after: AGAIN });
                    }
                    AGAIN
                }
                Beat::Lost(by) => {
                    let how = match by {
                        Some(by) => format!("its lock was taken over by {} ({})", by.who, by.operation),
                        None => "its lock was broken".to_owned(),
                    };
                    let e = Error::Fenced { place: self.spot.place.clone(), how };
                    self.fence.send_if_modified(|f| f.is_none() && f.replace(e).is_none());
                    return;
                }
            };
        }
    }

    /// Raises the beat at every place, in the order in which they were taken.
    async fn beat(&self, clock: &dyn Clock) -> Beat {
        let mut all = self.held.lock().await;
        let mut answer = Beat::Renewed;
        for held in all.iter_mut() {
            let next = lease(held.beat + 1, clock);
            let answer_of_one = tokio::select! {
                biased;
                r = put(&self.spot, &held.at, &self.info, &next, When::Renews(held)) => r,
                () = clock.sleep_passively(ANSWER) => return Beat::Failed("there is no answer".to_owned()),
            };
            match answer_of_one {
                Ok(Ok(version)) => {
                    held.beat = next.beat;
                    held.version = version;
                }
                Ok(Err(Some(there))) if there.is(&self.info) => {
                    let beat = there.lease.as_ref().map_or(0, |l| l.beat);
                    held.version = there.version;
                    if beat <= held.beat {
                        return Beat::Failed("the lock is ours and was written by somebody else".to_owned());
                    }
                    held.beat = beat;
                    answer = Beat::Earlier;
                }
                Ok(Err(there)) => return Beat::Lost(there.and_then(|t| t.info.ok().map(Box::new))),
                Err(e) => return Beat::Failed(e.message),
            }
        }
        answer
    }
}

#[cfg(test)]
#[path = "lease_tests.rs"]
mod tests;
