//! The journal's segments as objects `KEY.journal/NNNNNNNNNNNN`: listing, reading, and claiming numbers.

use futures::future::try_join_all;

use super::Spot;
use super::kept::ATTEMPTS;
use crate::error::{Error, Result};
use crate::segment::{Kind, Segment};
use crate::store::{Cond, StoreErrorKind};

/// Segments read at the same time.
const AT_ONCE: usize = 16;

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
    /// Numbers of all segments, ascending.
    pub(super) async fn numbers(&self) -> Result<Vec<u64>> {
        let prefix = format!("{}.journal/", self.key);
        let listing = self.again("listing the journal of", &self.place, || self.objects.list(&prefix)).await?;
        let number = |k: &String| k.strip_prefix(&prefix)?.parse().ok();
        let mut numbers: Vec<u64> = listing.keys.iter().filter_map(number).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }
    /// A segment, `None` if it is gone.
    pub(super) async fn segment(&self, n: u64) -> Result<Option<Segment>> {
        let key = self.segment_key(n);
        let blob = self.again("reading the journal of", &self.place, || self.objects.get(&key)).await?;
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
                return Err(Error::store("writing the journal of", &self.place, e));
            }
            self.pause(attempt, &e.message).await;
            attempt += 1;
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
