//! The state object and its digest.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::future::try_join;
use md5::{Digest as _, Md5};
use stackctl_core::BoxFuture;

use super::Spot;
use crate::backend::Notice;
use crate::error::{Error, Result};
use crate::format::hex;
use crate::local::backoff;
use crate::model::State;
use crate::store::{Answer, Cond, Item, ItemCond, StoreError, StoreErrorKind};

/// Attempts of a request that failed for a passing reason.
pub(super) const ATTEMPTS: u32 = 8;

/// The state object as it was read.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    /// The state, `None` if there is none (no object, or an empty one).
    pub(super) state: Option<State>,
    /// The bytes, `None` as above.
    pub(super) bytes: Option<Vec<u8>>,
    /// Version of the object, empty or not; `None` without one.
    pub(super) etag: Option<String>,
    /// The digest item.
    pub(super) digest: Option<String>,
}

pub(super) fn md5(bytes: &[u8]) -> String {
    hex(&Md5::digest(bytes))
}

impl Kept {
    /// True if the digest is that of the object, or there is none.
    pub(super) fn matches(&self) -> bool {
        let found = self.bytes.as_deref().map(md5);
        self.digest.as_ref().is_none_or(|d| Some(d) == found.as_ref())
    }
}

impl Spot {
    /// Repeats a request that failed for a passing reason. Only for requests whose repetition is harmless.
    pub(super) async fn again<'a, T: Send + 'a>(
        &self,
        what: &'static str,
        place: &str,
        mut request: impl FnMut() -> BoxFuture<'a, Answer<T>> + Send,
    ) -> Result<T> {
        let mut attempt = 0;
        loop {
            match request().await {
                Ok(v) => {
                    self.reached.store(true, Ordering::Relaxed);
                    return Ok(v);
                }
                Err(e) if self.is_worth_another(attempt, &e) => {
                    self.pause(attempt, &e.message).await;
                    attempt += 1;
                }
                Err(e) => return Err(Error::store(what, place, e)),
            }
        }
    }
    /// True for a passing reason, a few times. Nothing is at stake before the first answer, and a wrong address does not
    /// become right: then once.
    pub(super) fn is_worth_another(&self, attempt: u32, e: &StoreError) -> bool {
        if e.kind != StoreErrorKind::Unreachable {
            self.reached.store(true, Ordering::Relaxed);
        }
        let attempts = if self.reached.load(Ordering::Relaxed) { ATTEMPTS } else { 1 };
        e.is_transient() && attempt < attempts
    }
    pub(super) async fn pause(&self, attempt: u32, problem: &str) {
        let after = backoff(attempt);
        if let Some(watch) = &self.watch
            && attempt > 0
        {
            watch(Notice::Retrying { problem: problem.to_owned(), after });
        }
        if let Some(host) = &self.host {
            host.clock.sleep(after).await;
        }
    }
    /// Says so if a new state will have no earlier versions. That this cannot be asked is no problem of a run.
    pub(super) async fn check_versions(&self, watch: &crate::backend::Watch) {
        if let Ok(Some(false)) = self.objects.versioned().await {
            watch(Notice::NotVersioned { place: self.place.clone() });
        }
    }
    /// The state object and the digest as they are, whether or not they match.
    pub(super) async fn look(&self) -> Result<Kept> {
        let id = self.digest_id();
        let digest = async {
            match &self.table {
                None => Ok(None),
                Some(t) => self.again("reading the digest of", &self.place, || t.get(&id)).await,
            }
        };
        let object = self.again("reading", &self.place, || self.objects.get(&self.key));
        let (blob, digest) = try_join(object, digest).await?;
        let digest = digest.and_then(|i| i.digest);
        let (bytes, etag) = blob.map_or((None, None), |b| (Some(b.bytes).filter(|b| !b.is_empty()), Some(b.etag)));
        let state = match bytes.as_deref().map(|b| State::parse(b, &self.place)).transpose() {
            Err(_) if self.replacing => None,
            r => r?,
        };
        Ok(Kept { state, bytes, etag, digest })
    }
    /// The state object once its digest matches: an interrupted writer gets ten seconds, as Terraform gives it.
    pub(super) async fn load(&self) -> Result<Kept> {
        let mut attempt = 0;
        loop {
            let kept = self.look().await?;
            if kept.matches() || self.replacing {
                return Ok(kept);
            }
            if attempt == 5 {
                return Err(Error::Digest {
                    place: self.place.clone(),
                    expected: kept.digest.unwrap_or_default(),
                    found: kept.bytes.as_deref().map(md5).unwrap_or_default(),
                });
            }
            attempt += 1;
            if let Some(host) = &self.host {
                host.clock.sleep(Duration::from_secs(2)).await;
            }
        }
    }
    /// Writes the state object if it is still the version that was read, and returns its new version.
    ///
    /// A lost answer is cleared up by reading: nobody else can write these very bytes.
    pub(super) async fn put_state(&self, bytes: &[u8], etag: Option<&str>) -> Result<String> {
        let cond = etag.map_or(Cond::Absent, |v| Cond::Is(v.to_owned()));
        let mut attempt = 0;
        let mut unsure = false;
        loop {
            let e = match self.objects.put(&self.key, bytes.to_vec(), cond.clone()).await {
                Ok(v) => return Ok(v),
                Err(e) => e,
            };
            match &e.kind {
                StoreErrorKind::Condition(_) | StoreErrorKind::NotFound => {
                    let there = self.again("reading", &self.place, || self.objects.get(&self.key)).await?;
                    return match there {
                        Some(b) if unsure && b.bytes == bytes => Ok(b.etag),
                        _ => Err(Error::changed(&self.place)),
                    };
                }
                StoreErrorKind::Lost => unsure = true,
                _ => {}
            }
            if !e.is_transient() || attempt >= ATTEMPTS {
                return Err(Error::store("writing", &self.place, e));
            }
            self.pause(attempt, &e.message).await;
            attempt += 1;
        }
    }
    /// Sets the digest to that of what was just written, if it is still what was read. When it is not, the object
    /// decides: as long as it is ours, its digest is ours to set.
    pub(super) async fn put_digest(
        &self,
        digest: String,
        etag: &str,
        mut was: Option<String>,
    ) -> Result<Option<String>> {
        let Some(table) = &self.table else { return Ok(None) };
        let mut attempt = 0;
        loop {
            let item = Item { id: self.digest_id(), digest: Some(digest.clone()), ..Item::default() };
            let cond = was.clone().map_or(ItemCond::NoDigest, ItemCond::DigestIsOrAbsent);
            let e = match table.put(item, cond).await {
                Ok(()) => return Ok(Some(digest)),
                Err(e) => e,
            };
            if attempt >= ATTEMPTS || !(e.is_transient() || e.is_condition()) {
                return Err(Error::store("writing the digest of", &self.place, e));
            }
            if e.is_condition() {
                let id = self.digest_id();
                let there = self.again("reading the digest of", &self.place, || table.get(&id)).await?;
                was = there.and_then(|i| i.digest);
                if was.as_ref() == Some(&digest) {
                    return Ok(Some(digest));
                }
                let now = self.again("reading", &self.place, || self.objects.head(&self.key)).await?;
                if now.as_deref() != Some(etag) {
                    return Err(Error::changed(&self.place));
                }
            } else {
                self.pause(attempt, &e.message).await;
            }
            attempt += 1;
        }
    }
    /// Deletes the state object, its digest and its journal. Where a writer was displaced not long ago, a checkpoint
    /// without lineage stays above its fence: the writer may come back, and must find its number taken.
    pub(super) async fn remove(&self, host: &stackctl_core::Host) -> Result<()> {
        let etag = self.again("reading", &self.place, || self.objects.head(&self.key)).await?;
        if etag.is_some() {
            self.again("deleting", &self.place, || self.objects.delete(&self.key, etag.clone())).await?;
        }
        if let Some(t) = &self.table {
            let id = self.digest_id();
            self.again("deleting the digest of", &self.place, || t.delete(&id, ItemCond::Always)).await?;
        }
        if self.journal { super::aside::remove(self, host).await } else { Ok(()) }
    }
}
