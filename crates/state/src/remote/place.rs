//! The places where a lock lies, one request at a time: an item of the table, or an object.
//!
//! Both hold Terraform's record of the holder and our lease beside it. In an object the lease is further keys of the
//! record's JSON, which Terraform ignores, as it ignores further attributes of the item.

use serde::{Deserialize, Serialize};

use super::Spot;
use crate::lock::LockInfo;
use crate::store::{Answer, Blob, Cond, Item, ItemCond, Lease, StoreErrorKind};

/// A place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum At {
    /// An object of this key.
    Object(String),
    /// The item of the state.
    Item,
}

/// A place that is ours.
pub(super) struct Held {
    pub(super) at: At,
    /// Beat of the lease there.
    pub(super) beat: u64,
    /// Version of the object.
    pub(super) version: Option<String>,
}

/// What stands at a place.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    /// The record as it is written there.
    text: String,
    /// The holder, or why the record cannot be read.
    pub(super) info: Result<LockInfo, String>,
    pub(super) lease: Option<Lease>,
    pub(super) version: Option<String>,
}

impl Standing {
    /// True if it is the lock of this record.
    pub(super) fn is(&self, info: &LockInfo) -> bool {
        self.info.as_ref().is_ok_and(|i| i.id == info.id)
    }
    fn of_item(item: Item) -> Standing {
        let (text, info) = match item.info {
            Some(text) => {
                let info = LockInfo::parse(&text);
                (text, info)
            }
            None => (String::new(), Err("the lock item has no Info".to_owned())),
        };
        Standing { text, info, lease: item.lease, version: None }
    }
    fn of_blob(blob: Blob) -> Standing {
        let text = String::from_utf8_lossy(&blob.bytes).into_owned();
        let lease = serde_json::from_str::<Keys>(&text).ok().and_then(Keys::lease);
        Standing { info: LockInfo::parse(&text), lease, text, version: Some(blob.etag) }
    }
}

/// The keys of a lease in a lock object.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Keys {
    stackctl_lease_ms: Option<u64>,
    stackctl_beat: Option<u64>,
    #[serde(default)]
    stackctl_beat_at: String,
    #[serde(default)]
    stackctl_proc: String,
}

impl Keys {
    fn lease(self) -> Option<Lease> {
        Some(Lease {
            lease_ms: self.stackctl_lease_ms?,
            beat: self.stackctl_beat?,
            beat_at: self.stackctl_beat_at,
            process: self.stackctl_proc,
        })
    }
}

/// The bytes of a lock object.
fn body(info: &LockInfo, lease: &Lease) -> Vec<u8> {
    let keys = Keys {
        stackctl_lease_ms: Some(lease.lease_ms),
        stackctl_beat: Some(lease.beat),
        stackctl_beat_at: lease.beat_at.clone(),
        stackctl_proc: lease.process.clone(),
    };
    let mut out = info.to_json();
    let keys = serde_json::to_string(&keys).unwrap_or_default();
    out.pop();
    out.push(',');
    out.push_str(keys.strip_prefix('{').unwrap_or("}"));
    out.into_bytes()
}

/// When a place is written.
pub(super) enum When<'a> {
    /// If nothing is there.
    Absent,
    /// If this is still there.
    Replaces(&'a Standing),
    /// If it is ours as we left it.
    Renews(&'a Held),
}

/// Writes a place. `Ok(Err(_))` says what stands there instead.
pub(super) async fn put(
    spot: &Spot,
    at: &At,
    info: &LockInfo,
    lease: &Lease,
    when: When<'_>,
) -> Answer<Result<Option<String>, Option<Standing>>> {
    match at {
        At::Object(key) => {
            let cond = match when {
                When::Absent => Cond::Absent,
                When::Replaces(s) => Cond::Is(s.version.clone().unwrap_or_default()),
                When::Renews(h) => Cond::Is(h.version.clone().unwrap_or_default()),
            };
            match spot.objects.put(key, body(info, lease), cond).await {
                Ok(version) => Ok(Ok(Some(version))),
                Err(e) if e.is_condition() || e.kind == StoreErrorKind::NotFound => Ok(Err(get(spot, at).await?)),
                Err(e) => Err(e),
            }
        }
        At::Item => {
            let Some(table) = &spot.table else { return Ok(Ok(None)) };
            let text = info.to_json();
            let cond = match when {
                When::Absent => ItemCond::Absent,
                When::Replaces(s) => ItemCond::Beat(s.text.clone(), s.lease.as_ref().map_or(0, |l| l.beat)),
                When::Renews(h) => ItemCond::Beat(text.clone(), h.beat),
            };
            let item = Item { id: spot.path.clone(), info: Some(text), lease: Some(lease.clone()), ..Item::default() };
            match table.put(item, cond).await {
                Ok(()) => Ok(Ok(None)),
                Err(e) => match e.kind {
                    StoreErrorKind::Condition(Some(there)) => Ok(Err(Some(Standing::of_item(*there)))),
                    StoreErrorKind::Condition(None) => Ok(Err(get(spot, at).await?)),
                    _ => Err(e),
                },
            }
        }
    }
}

/// Reads a place.
pub(super) async fn get(spot: &Spot, at: &At) -> Answer<Option<Standing>> {
    match at {
        At::Object(key) => Ok(spot.objects.get(key).await?.map(Standing::of_blob)),
        At::Item => match &spot.table {
            Some(table) => Ok(table.get(&spot.path).await?.map(Standing::of_item)),
            None => Ok(None),
        },
    }
}

/// Removes what stands there, if it still does.
pub(super) async fn remove(spot: &Spot, at: &At, standing: &Standing) -> Answer<()> {
    match at {
        At::Object(key) => spot.objects.delete(key, standing.version.clone()).await,
        At::Item => match &spot.table {
            Some(table) => table.delete(&spot.path, ItemCond::Info(standing.text.clone())).await,
            None => Ok(()),
        },
    }
}

/// Removes a place that is ours. The version of an object may have been left behind by a renewal whose answer is lost.
pub(super) async fn give_back(spot: &Spot, info: &LockInfo, held: &Held) -> Answer<()> {
    match &held.at {
        At::Object(key) => {
            let first = spot.objects.delete(key, held.version.clone()).await;
            match first {
                Err(e) if e.is_condition() => match get(spot, &held.at).await? {
                    Some(there) if there.is(info) => spot.objects.delete(key, there.version).await,
                    _ => Ok(()),
                },
                r => r,
            }
        }
        At::Item => match &spot.table {
            Some(table) => table.delete(&spot.path, ItemCond::Info(info.to_json())).await,
            None => Ok(()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_object_is_terraforms_with_keys_of_ours() {
        let info = LockInfo { id: "a".into(), who: "x<y".into(), ..LockInfo::default() };
        let lease = Lease { lease_ms: 90_000, beat: 3, beat_at: "t".into(), process: "m/b/1/2".into() };
        let bytes = body(&info, &lease);
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(text.starts_with(info.to_json().trim_end_matches('}')), "{text}");
        let read = Standing::of_blob(Blob { bytes, etag: "1".into() });
        assert_eq!((read.info.unwrap(), read.lease.unwrap()), (info.clone(), lease));
        let foreign = Standing::of_blob(Blob { bytes: info.to_json().into_bytes(), etag: "1".into() });
        assert_eq!((foreign.info.unwrap(), foreign.lease), (info, None));
    }
}
