//! The remote lock: Terraform's item in the table, its object beside the state, or both, with a lease of ours; a lease
//! object alone where neither is configured.
//!
//! With both, the object is taken, renewed and taken over first, and released last. A lock that cannot be taken whole is
//! given back. A lock without a lease is another tool's and only `force-unlock` breaks it.

use std::sync::Arc;
use std::time::Duration;

use stackctl_core::Host;
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;

use super::Spot;
use super::lease::{OPEN_FOR, Renewal, STILL, Sightings, lease, looks_dead};
use super::place::{At, Held, Standing, When, get, give_back, put, remove};
use crate::backend::{Access, Locking, Notice, Options};
use crate::error::{Error, Result};
use crate::local::backoff;
use crate::lock::LockInfo;
use crate::session::LeaseGate;
use crate::store::StoreErrorKind;

/// A held lock. Dropping it stops the renewals and releases nothing: that is what a crash does.
pub(super) struct Lock {
    spot: Spot,
    info: LockInfo,
    held: Arc<Mutex<Vec<Held>>>,
    gate: Arc<LeaseGate>,
    renewal: JoinHandle<()>,
    at_once: bool,
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

/// Displaces the session when the lock is lost.
pub(super) type Fence = Arc<watch::Sender<Option<Error>>>;

impl Lock {
    /// Takes the lock, waiting as long as the options say, and as long as it takes to be sure of a holder that seems to
    /// be gone. `None` if there is nothing to lock with, or on request.
    pub(super) async fn take(spot: &Spot, options: &Options, host: &Host, fence: &Fence) -> Result<Option<Lock>> {
        let unlocked = |why: &str| (options.watch)(Notice::NotLocked { why: why.to_owned() });
        let timeout = match options.locking {
            Locking::Off => {
                unlocked("-lock=false");
                return Ok(None);
            }
            Locking::On { timeout } => timeout,
        };
        let places = spot.places();
        if places.is_empty() {
            unlocked("neither use_lockfile nor dynamodb_table is configured");
            return Ok(None);
        }
        let note = match options.access {
            Access::Write if spot.journal => {
                "stackctl: journal open; run stackctl apply or refresh instead of force-unlock"
            }
            _ => "",
        };
        let mut wish = Wish {
            spot,
            info: LockInfo::new(host, &options.operation, note, &spot.path),
            places,
            host,
            sightings: Sightings::default(),
            options,
        };
        let start = host.clock.boot();
        let mut attempt = 0;
        loop {
            let renewed = (host.clock.boot(), host.clock.now());
            let standing = match wish.attempt().await? {
                Ok(held) => return Ok(Some(Lock::start(wish, held, renewed, fence, attempt == 0))),
                Err(standing) => standing,
            };
            let now = host.clock.boot();
            let since = now.saturating_sub(start);
            let dying = standing.as_ref().is_some_and(|s| looks_dead(s, host.clock.now()));
            let patience = if dying { timeout.max(STILL + Duration::from_secs(10)) } else { timeout };
            if since >= patience {
                return Err(locked(spot, standing));
            }
            let holder = standing.and_then(|s| s.info.ok()).map(Box::new);
            (options.watch)(Notice::Waiting { holder, since });
            let soonest = wish.sightings.soonest(now).unwrap_or(STILL) + Duration::from_millis(10);
            let pause = backoff(attempt).min(patience.saturating_sub(since)).min(soonest);
            host.clock.sleep_passively(pause.max(Duration::from_millis(1))).await;
            attempt += 1;
        }
    }

    fn start(
        wish: Wish<'_>,
        held: Vec<Held>,
        renewed: (Duration, jiff::Timestamp),
        fence: &Fence,
        at_once: bool,
    ) -> Lock {
        let (spot, info) = (wish.spot.clone(), wish.info);
        let held = Arc::new(Mutex::new(held));
        let gate = Arc::new(LeaseGate::new(wish.host.clock.clone(), renewed, OPEN_FOR));
        let renewal = Renewal {
            spot: spot.clone(),
            info: info.clone(),
            held: Arc::clone(&held),
            gate: Arc::clone(&gate),
            fence: Arc::clone(fence),
        };
        Lock { spot, info, held, gate, renewal: tokio::spawn(renewal.run()), at_once }
    }

    /// The first attempt took it: nobody held it when it was asked for.
    pub(super) fn at_once(&self) -> bool {
        self.at_once
    }

    /// Until when requests may be sent.
    pub(super) fn gate(&self) -> Arc<LeaseGate> {
        Arc::clone(&self.gate)
    }

    /// Gives the lock back, as far as it is still ours.
    pub(super) async fn release(mut self) -> Result<()> {
        self.renewal.abort();
        let _ = (&mut self.renewal).await;
        let held = std::mem::take(&mut *self.held.lock().await);
        release(&self.spot, &self.info, held, &|| self.gate.is_fresh()).await
    }
}

/// Lets go of places, the last one first. `fresh` says whether the lock must still be ours, for stores that cannot be
/// asked to delete a certain version only.
async fn release(spot: &Spot, info: &LockInfo, held: Vec<Held>, fresh: &(dyn Fn() -> bool + Sync)) -> Result<()> {
    for h in held.into_iter().rev() {
        let r = spot.again("unlocking", &spot.place, || Box::pin(give_back(spot, info, &h))).await;
        match r {
            // What is another's by now is not ours to release.
            Err(Error::Store { error, .. }) if error.is_condition() || error.kind == StoreErrorKind::NotFound => {}
            Err(Error::Store { error, .. }) if error.kind == StoreErrorKind::Unsupported && fresh() => {
                if let At::Object(key) = &h.at {
                    spot.again("unlocking", &spot.place, || spot.objects.delete(key, None)).await?;
                }
            }
            r => r?,
        }
    }
    Ok(())
}

/// A lock that is wanted.
struct Wish<'a> {
    spot: &'a Spot,
    info: LockInfo,
    places: Vec<At>,
    host: &'a Host,
    sightings: Sightings,
    options: &'a Options,
}

impl Wish<'_> {
    /// One attempt at all places. Says what stands in the way.
    async fn attempt(&mut self) -> Result<Result<Vec<Held>, Option<Standing>>> {
        let mut held = Vec::new();
        // The id of a holder that was taken over at the place before: it does not live at this one.
        let mut displaced = None;
        for at in self.places.clone() {
            match self.one(&at, &mut displaced).await {
                Ok(Ok(h)) => held.push(h),
                Ok(Err(standing)) => {
                    release(self.spot, &self.info, held, &|| true).await?;
                    return Ok(Err(standing));
                }
                Err(e) => {
                    // The reason that users need is why this place failed.
                    let _ = release(self.spot, &self.info, held, &|| true).await;
                    return Err(e);
                }
            }
        }
        Ok(Ok(held))
    }

    async fn one(&mut self, at: &At, displaced: &mut Option<String>) -> Result<Result<Held, Option<Standing>>> {
        let standing = match self.claim(at, || When::Absent).await? {
            Ok(held) => return Ok(Ok(held)),
            Err(None) => return Ok(Err(None)),
            Err(Some(s)) => s,
        };
        let Ok(holder) = standing.info.clone() else { return Ok(Err(Some(standing))) };
        let same = standing.lease.is_some() && displaced.as_ref() == Some(&holder.id);
        let dead = self.sightings.dead(at, &standing, self.host.clock.boot());
        let Some(why) = dead.or_else(|| same.then(String::new)) else { return Ok(Err(Some(standing))) };
        let answer = self.claim(at, || When::Replaces(&standing)).await?;
        if answer.is_ok() {
            *displaced = Some(holder.id.clone());
            if !same {
                (self.options.watch)(Notice::TookOver { holder: Box::new(holder), why });
            }
        }
        Ok(answer)
    }

    /// Writes our lock at a place, again while it fails for a passing reason.
    async fn claim<'w>(&self, at: &At, when: impl Fn() -> When<'w>) -> Result<Result<Held, Option<Standing>>> {
        let first = lease(0, &*self.host.clock);
        let mut attempt = 0;
        loop {
            let held = |beat, version| Held { at: at.clone(), beat, version };
            match put(self.spot, at, &self.info, &first, when()).await {
                Ok(Ok(version)) => return Ok(Ok(held(first.beat, version))),
                // Our own, whose answer was lost.
                Ok(Err(Some(s))) if s.is(&self.info) => {
                    return Ok(Ok(held(s.lease.map_or(first.beat, |l| l.beat), s.version)));
                }
                Ok(Err(standing)) => return Ok(Err(standing)),
                Err(e) if self.spot.is_worth_another(attempt, &e) => self.spot.pause(attempt, &e.message).await,
                Err(e) => return Err(Error::store("locking", &self.spot.place, e)),
            }
            attempt += 1;
        }
    }
}

fn locked(spot: &Spot, standing: Option<Standing>) -> Error {
    let place = spot.place.clone();
    let Some(Standing { info, lease, .. }) = standing else {
        let reason = "it has just been released".to_owned();
        return Error::Locked { place, holder: None, reason };
    };
    match info {
        Ok(h) => {
            let reason = lease.map(|l| format!("It was renewed last at {}.", l.beat_at)).unwrap_or_default();
            Error::Locked { place, holder: Some(Box::new(h)), reason }
        }
        Err(reason) => Error::Locked { place, holder: None, reason },
    }
}

/// Breaks the lock with this id at every place.
pub(super) async fn force_unlock(spot: &Spot, id: &str) -> Result<LockInfo> {
    let refuse = |problem: String| Error::Unlock { problem };
    let (mut broken, mut other) = (None, None);
    for at in spot.places().into_iter().rev() {
        let standing = spot.again("reading the lock of", &spot.place, || Box::pin(get(spot, &at))).await?;
        let Some(standing) = standing else { continue };
        let info = standing.info.clone().map_err(|e| {
            refuse(format!("{} is locked, but {e}; remove the lock by hand if nobody holds it", spot.place))
        })?;
        if info.id != id {
            other = Some(info);
            continue;
        }
        spot.again("unlocking", &spot.place, || Box::pin(remove(spot, &at, &standing))).await?;
        broken = Some(info);
    }
    match (broken, other) {
        (Some(info), _) => Ok(info),
        (None, Some(info)) => Err(refuse(format!("the lock has the ID {}, not {id}\n{}", info.id, info.table()))),
        (None, None) => Err(refuse(format!("{} is not locked", spot.place))),
    }
}
