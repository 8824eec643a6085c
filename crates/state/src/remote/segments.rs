//! The journal's segments as objects `KEY.journal/NNNNNNNNNNNN`: listing, reading, and claiming numbers.

use futures::future::{try_join, try_join_all};

use super::Spot;
use super::kept::ATTEMPTS;
use crate::error::{Error, Result};
use crate::segment::{Kind, Segment};
use crate::store::{Cond, StoreErrorKind};

/// Segments read, or deleted, at the same time.
pub(super) const AT_ONCE: usize = 16;

/// The journal as it was read.
pub(super) struct Listed {
    /// All numbers, ascending, fences below the checkpoint among them.
    pub(super) numbers: Vec<u64>,
    /// The newest checkpoint and everything above it, ascending.
    pub(super) segments: Vec<Segment>,
}

impl Listed {
    pub(super) fn top(&self) -> u64 {
        self.numbers.last().copied().unwrap_or(0)
    }
}

/// What became of a claim of a number.
pub(super) enum Claim {
    /// The number is ours. `unsure`: an answer was lost on the way, so that it may have been folded and deleted by
    /// another writer meanwhile.
    Ours { unsure: bool },
    /// Another writer has it.
    Taken,
}

impl Spot {
    pub(super) fn segment_key(&self, n: u64) -> String {
        format!("{}.journal/{n:012}", self.key)
    }
    pub(super) fn fenced(&self, how: impl Into<String>) -> Error {
        Error::Fenced { place: self.place.clone(), how: how.into() }
    }
    pub(super) fn journal_prefix(&self) -> String {
        format!("{}.journal/", self.key)
    }
    /// A journal needs permissions that Terraform's policy for this backend does not have: says which.
    pub(super) fn explained(&self, e: Error) -> Error {
        match e {
            Error::Store { what, place, mut error } if error.kind == StoreErrorKind::Denied => {
                if let Some(statements) = self.objects.statements(&self.journal_prefix()) {
                    error.hint = Some(format!(
                        "The journal beside the state needs permissions beyond those of Terraform's backend. Add to the \
                         policy of these credentials: {statements}\nWithout a journal (`journal = \"off\"` in \
                         stackctl.toml) a killed run loses what it has made."
                    ));
                }
                Error::Store { what, place, error }
            }
            e => e,
        }
    }
    /// Numbers of all segments, ascending.
    pub(super) async fn numbers(&self) -> Result<Vec<u64>> {
        let prefix = self.journal_prefix();
        let listing = self.again("listing the journal of", &self.place, || self.objects.list(&prefix)).await;
        let listing = listing.map_err(|e| self.explained(e))?;
        let number = |k: &String| k.strip_prefix(&prefix)?.parse().ok();
        let mut numbers: Vec<u64> = listing.keys.iter().filter_map(number).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }
    /// A segment, `None` if it is gone.
    pub(super) async fn segment(&self, n: u64) -> Result<Option<Segment>> {
        let key = self.segment_key(n);
        let blob = self.again("reading the journal of", &self.place, || self.objects.get(&key)).await;
        let blob = blob.map_err(|e| self.explained(e))?;
        blob.map(|b| Segment::decode(&b.bytes, &self.objects.place(&key))).transpose()
    }
    /// The newest checkpoint and what lies above it; `None` if a segment vanished between listing and reading.
    pub(super) async fn listed(&self) -> Result<Option<Listed>> {
        let numbers = self.numbers().await?;
        let mut segments = Vec::new();
        for chunk in numbers.rchunks(AT_ONCE) {
            let read = try_join_all(chunk.iter().rev().map(|n| self.segment(*n))).await?;
            for s in read {
                let Some(s) = s else { return Ok(None) };
                let last = matches!(s.header.kind, Kind::Checkpoint { .. });
                segments.push(s);
                if last {
                    segments.reverse();
                    return Ok(Some(Listed { numbers, segments }));
                }
            }
        }
        segments.reverse();
        Ok(Some(Listed { numbers, segments }))
    }
    /// Puts a segment under a number that nobody has.
    pub(super) async fn claim(&self, n: u64, bytes: &[u8]) -> Result<Claim> {
        let key = self.segment_key(n);
        let (mut attempt, mut unsure) = (0, false);
        loop {
            let e = match self.objects.put(&key, bytes.to_vec(), Cond::Absent).await {
                Ok(_) => return Ok(Claim::Ours { unsure }),
                Err(e) => e,
            };
            match e.kind {
                StoreErrorKind::Condition(_) => {
                    let there = self.again("reading the journal of", &self.place, || self.objects.get(&key)).await?;
                    match there {
                        Some(b) if b.bytes == bytes => return Ok(Claim::Ours { unsure: true }),
                        Some(_) => return Ok(Claim::Taken),
                        // Deleted between the two requests: the next attempt writes it again, and the list that
                        // follows an unsure claim shows who is newer.
                        None => unsure = true,
                    }
                }
                StoreErrorKind::Lost => unsure = true,
                _ => {}
            }
            if !(e.is_transient() || e.is_condition()) || attempt >= ATTEMPTS {
                return Err(self.explained(Error::store("writing the journal of", &self.place, e)));
            }
            self.pause(attempt, &e.message).await;
            attempt += 1;
        }
    }
    /// [`Spot::claim`] for the first segment of a run. A store that nobody knows must refuse what it has to refuse, here,
    /// where nothing has been changed yet. True if it does not, and the user insists.
    pub(super) async fn claim_open(&self, n: u64, bytes: &[u8]) -> Result<(Claim, bool)> {
        let claim = self.claim(n, bytes).await?;
        let careless = matches!(claim, Claim::Ours { .. }) && self.is_careless(n, bytes).await?;
        Ok((claim, careless))
    }
    /// Puts a segment that is there already again: true if the store does it, and the user insists.
    pub(super) async fn is_careless(&self, n: u64, bytes: &[u8]) -> Result<bool> {
        if self.objects.honours_conditions() {
            return Ok(false);
        }
        let key = self.segment_key(n);
        // The first may succeed where somebody deleted the segment meanwhile.
        let absent = async {
            Ok(self.is_put(&key, bytes, Cond::Absent).await? && self.is_put(&key, bytes, Cond::Absent).await?)
        };
        let wrong = self.is_put(&key, bytes, Cond::Is("\"00000000000000000000000000000000\"".to_owned()));
        let (absent, wrong) = try_join(absent, wrong).await?;
        let careless = absent || wrong;
        if careless && !self.insists {
            let _ = self.objects.delete(&key, None).await;
            return Err(Error::Careless { place: self.place.clone() });
        }
        Ok(careless)
    }
    /// True if a put was carried out.
    async fn is_put(&self, key: &str, bytes: &[u8], cond: Cond) -> Result<bool> {
        let what = "testing conditional writes in";
        let put = self.again(what, &self.place, || self.objects.put(key, bytes.to_vec(), cond.clone())).await;
        match put {
            Ok(_) => Ok(true),
            Err(Error::Store { error, .. }) if error.is_condition() || error.kind == StoreErrorKind::NotFound => {
                Ok(false)
            }
            Err(e) => Err(e),
        }
    }
    /// Tests the permission to delete segments, without deleting any.
    pub(super) async fn may_delete(&self) -> Result<()> {
        let key = format!("{}probe", self.journal_prefix());
        match self.objects.delete(&key, Some("\"0\"".to_owned())).await {
            Err(e) if e.kind == StoreErrorKind::Denied => {
                Err(self.explained(Error::store("deleting from the journal of", &self.place, e)))
            }
            // Whatever else became of it, it was permitted.
            _ => Ok(()),
        }
    }
    /// Proves that `n` is the highest number.
    pub(super) async fn prove_highest(&self, n: u64) -> Result<()> {
        match self.numbers().await?.last() {
            Some(top) if *top > n => Err(self.fenced(format!("segment {top} follows ours, {n}"))),
            _ => Ok(()),
        }
    }
}
