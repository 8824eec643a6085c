//! Terraform's remote lock: an item in the table, an object beside the state, or both.
//!
//! With both, the object is taken first and released last. A lock that cannot be taken whole is given back.

use std::time::Duration;

use stackctl_core::Host;

use super::Spot;
use crate::backend::{Locking, Notice, Options};
use crate::error::{Error, Result};
use crate::local::backoff;
use crate::lock::LockInfo;
use crate::store::{Cond, Item, ItemCond, StoreErrorKind};

/// A held lock.
pub(super) struct Lock {
    spot: Spot,
    info: LockInfo,
    /// Version of the lock object, if there is one.
    object: Option<String>,
    item: bool,
}

/// Somebody else's lock: who, or why that cannot be read.
type Held = Result<LockInfo, String>;

impl Lock {
    /// Takes the lock, waiting as long as the options say. `None` if nothing is configured to lock with, or on request.
    pub(super) async fn take(spot: &Spot, options: &Options, host: &Host) -> Result<Option<Lock>> {
        let unlocked = |why: &str| (options.watch)(Notice::NotLocked { why: why.to_owned() });
        let timeout = match options.locking {
            Locking::Off => {
                unlocked("-lock=false");
                return Ok(None);
            }
            Locking::On { .. } if spot.table.is_none() && !spot.use_lockfile => {
                unlocked("neither use_lockfile nor dynamodb_table is configured");
                return Ok(None);
            }
            Locking::On { timeout } => timeout,
        };
        let info = LockInfo::new(host, &options.operation, "", &spot.path);
        let start = host.clock.boot();
        let mut attempt = 0;
        loop {
            let held = match Lock::attempt(spot, &info).await? {
                Ok(lock) => return Ok(Some(lock)),
                Err(held) => held,
            };
            let since = host.clock.boot().saturating_sub(start);
            if since >= timeout {
                let place = spot.place.clone();
                return Err(match held {
                    Ok(h) => Error::Locked { place, holder: Some(Box::new(h)), reason: String::new() },
                    Err(reason) => Error::Locked { place, holder: None, reason },
                });
            }
            (options.watch)(Notice::Waiting { holder: held.ok().map(Box::new), since });
            host.clock.sleep(backoff(attempt).min(timeout.saturating_sub(since)).max(Duration::from_millis(1))).await;
            attempt += 1;
        }
    }

    async fn attempt(spot: &Spot, info: &LockInfo) -> Result<Result<Lock, Held>> {
        let mut lock = Lock { spot: spot.clone(), info: info.clone(), object: None, item: false };
        if spot.use_lockfile {
            match put_object(spot, info).await? {
                Ok(etag) => lock.object = Some(etag),
                Err(held) => return Ok(Err(held)),
            }
        }
        if spot.table.is_some() {
            match put_item(spot, info).await {
                Ok(Ok(())) => lock.item = true,
                Ok(Err(held)) => {
                    lock.release().await?;
                    return Ok(Err(held));
                }
                Err(e) => {
                    // The reason that users need is why the table failed.
                    let _ = lock.release().await;
                    return Err(e);
                }
            }
        }
        Ok(Ok(lock))
    }

    /// Gives the lock back, as far as it is still ours.
    pub(super) async fn release(self) -> Result<()> {
        let Lock { spot, info, object, item } = self;
        if item && let Some(t) = &spot.table {
            let cond = ItemCond::Info(info.to_json());
            let r = spot.again("unlocking", &spot.place, || t.delete(&spot.path, cond.clone())).await;
            gone_is_fine(r)?;
        }
        if let Some(etag) = object {
            let key = spot.lockfile();
            let r = spot.again("unlocking", &spot.place, || spot.objects.delete(&key, Some(etag.clone()))).await;
            gone_is_fine(r)?;
        }
        Ok(())
    }
}

/// A lock that is another's by now is not ours to release.
fn gone_is_fine(r: Result<()>) -> Result<()> {
    match r {
        Err(Error::Store { error, .. }) if error.is_condition() || error.kind == StoreErrorKind::NotFound => Ok(()),
        r => r,
    }
}

/// Takes the lock object.
async fn put_object(spot: &Spot, info: &LockInfo) -> Result<Result<String, Held>> {
    let key = spot.lockfile();
    let json = info.to_json();
    let mut attempt = 0;
    loop {
        let e = match spot.objects.put(&key, json.clone().into_bytes(), Cond::Absent).await {
            Ok(etag) => return Ok(Ok(etag)),
            Err(e) => e,
        };
        if e.is_condition() {
            let blob = spot.again("reading the lock of", &spot.place, || spot.objects.get(&key)).await?;
            return Ok(match blob {
                // Our own, whose answer was lost.
                Some(b) if b.bytes == json.as_bytes() => Ok(b.etag),
                Some(b) => Err(LockInfo::parse(&String::from_utf8_lossy(&b.bytes))),
                None => Err(Err("it has just been released".to_owned())),
            });
        }
        if !e.is_transient() || attempt >= 6 {
            return Err(Error::store("locking", &spot.place, e));
        }
        spot.pause(attempt, &e.message).await;
        attempt += 1;
    }
}

/// Takes the lock item.
async fn put_item(spot: &Spot, info: &LockInfo) -> Result<Result<(), Held>> {
    let Some(table) = &spot.table else { return Ok(Ok(())) };
    let json = info.to_json();
    let mut attempt = 0;
    loop {
        let item = Item { id: spot.path.clone(), info: Some(json.clone()), ..Item::default() };
        let e = match table.put(item, ItemCond::Absent).await {
            Ok(()) => return Ok(Ok(())),
            Err(e) => e,
        };
        if let StoreErrorKind::Condition(there) = &e.kind {
            let there = match there {
                Some(t) => Some((**t).clone()),
                None => spot.again("reading the lock of", &spot.place, || table.get(&spot.path)).await?,
            };
            return Ok(match there.map(|t| t.info) {
                Some(Some(i)) if i == json => Ok(()),
                Some(Some(i)) => Err(LockInfo::parse(&i)),
                Some(None) => Err(Err("the lock item has no Info".to_owned())),
                None => Err(Err("it has just been released".to_owned())),
            });
        }
        if !e.is_transient() || attempt >= 6 {
            return Err(Error::store("locking", &spot.place, e));
        }
        spot.pause(attempt, &e.message).await;
        attempt += 1;
    }
}

/// Breaks the lock with this id, item and object, whichever there are.
pub(super) async fn force_unlock(spot: &Spot, id: &str) -> Result<LockInfo> {
    let refuse = |problem: String| Error::Unlock { problem };
    let unreadable =
        |e: String| refuse(format!("{} is locked, but {e}; remove the lock by hand if nobody holds it", spot.place));
    let mut broken = None;
    let mut other = None;
    if let Some(t) = &spot.table {
        let item = spot.again("reading the lock of", &spot.place, || t.get(&spot.path)).await?;
        if let Some(item) = item {
            let text = item.info.ok_or_else(|| unreadable("the lock item has no Info".to_owned()))?;
            let info = LockInfo::parse(&text).map_err(unreadable)?;
            if info.id == id {
                let cond = ItemCond::Info(text);
                spot.again("unlocking", &spot.place, || t.delete(&spot.path, cond.clone())).await?;
                broken = Some(info);
            } else {
                other = Some(info);
            }
        }
    }
    if spot.use_lockfile {
        let key = spot.lockfile();
        let blob = spot.again("reading the lock of", &spot.place, || spot.objects.get(&key)).await?;
        if let Some(b) = blob {
            let info = LockInfo::parse(&String::from_utf8_lossy(&b.bytes)).map_err(unreadable)?;
            if info.id == id {
                let etag = Some(b.etag);
                let delete = || spot.objects.delete(&key, etag.clone());
                spot.again("unlocking", &spot.place, delete).await?;
                broken = Some(info);
            } else {
                other = Some(info);
            }
        }
    }
    match (broken, other) {
        (Some(info), _) => Ok(info),
        (None, Some(info)) => Err(refuse(format!("the lock has the ID {}, not {id}\n{}", info.id, info.table()))),
        (None, None) => Err(refuse(format!("{} is not locked", spot.place))),
    }
}
