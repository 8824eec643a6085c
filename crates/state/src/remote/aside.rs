//! Journals beside the run that writes one: what of them may be deleted, those of other lineages, and the end of one.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use stackctl_core::Host;

use super::Spot;
use super::segments::Claim;
use crate::backend::Parked;
use crate::error::Result;
use crate::model::State;
use crate::segment::{Base, Header, Kind, Segment, replay};
use crate::session::writer_id;

/// Fences of displaced writers stay this long: the writer may come back and try the number after its last.
const FENCE_DAYS: i64 = 30;

/// Fences stay: they lie exactly on the number that a displaced writer tries next. So do segments of another lineage.
pub(super) fn deletable(s: &Segment, lineage: &str, now: Timestamp) -> bool {
    match s.header.kind {
        _ if s.header.lineage != lineage => false,
        Kind::Open { takeover: true, .. } => {
            let age = s.header.at.parse::<Timestamp>().map_or(SignedDuration::ZERO, |at| now.duration_since(at));
            age > SignedDuration::from_hours(24 * FENCE_DAYS)
        }
        _ => true,
    }
}

/// Deletes the journal of a state that is gone.
pub(super) async fn remove(spot: &Spot, host: &Host) -> Result<()> {
    let now = host.clock.now();
    let numbers = spot.numbers().await?;
    let mut fences = Vec::new();
    for n in &numbers {
        if let Some(s) = spot.segment(*n).await?
            && !deletable(&s, &s.header.lineage, now)
        {
            fences.push(*n);
        }
    }
    if let (Some(_), Some(top)) = (fences.last(), numbers.last()) {
        let n = top + 1;
        let (open, doubts) = (Vec::new(), Vec::new());
        let kind = Kind::Checkpoint { state: Base::default(), through: *top, open, doubts, objects: 0, close: true };
        let (writer, lineage, at) = (writer_id(&*host.ids), String::new(), now.to_string());
        let bytes = Segment::encode(&Header { n, epoch: n, writer, lineage, at, kind }, &[], true);
        if matches!(spot.claim(n, &bytes).await?, Claim::Taken) {
            return Err(spot.fenced(format!("segment {n} is another run's")));
        }
    }
    for n in numbers.iter().filter(|n| !fences.contains(n)) {
        let key = spot.segment_key(*n);
        spot.again("deleting the journal of", &spot.place, || spot.objects.delete(&key, None)).await?;
    }
    Ok(())
}

/// The journal's parts that belong to other lineages than the state, and are of use still.
pub(super) async fn parked(spot: &Spot) -> Result<Vec<(Parked, Vec<u64>)>> {
    let kept = spot.look().await?;
    let lineage = kept.state.map(|s| s.lineage).unwrap_or_default();
    let mut others: BTreeMap<String, Vec<Segment>> = BTreeMap::new();
    for n in spot.numbers().await? {
        if let Some(s) = spot.segment(n).await?
            && s.header.lineage != lineage
            && !s.header.lineage.is_empty()
        {
            others.entry(s.header.lineage.clone()).or_default().push(s);
        }
    }
    let mut out = Vec::new();
    for (lineage, segments) in others {
        // No state object is this one's base, so that outcomes become claims.
        let nobody = Base { sha256: "-".to_owned(), serial: 0 };
        let replayed = replay(State::new(lineage.clone()), &nobody, &segments, &spot.place)?;
        let ledger = replayed.ledger;
        if replayed.records + ledger.open.len() == 0 {
            continue;
        }
        let place = spot.objects.place(&spot.journal_prefix());
        let open = ledger.open.len();
        let parked = Parked { lineage, place, records: replayed.records, claims: ledger.claims, open };
        // Fences keep their numbers.
        let gone = segments.iter().filter(|s| !matches!(s.header.kind, Kind::Open { takeover: true, .. }));
        out.push((parked, gone.map(|s| s.header.n).collect()));
    }
    Ok(out)
}
