//! Properties of what is read from disk and store: whatever the bytes are, reading them does not panic; what was written
//! is read again; and a fold depends neither on where segments are cut nor on how often it happens.

use proptest::prelude::*;

use crate::fold::{Ledger, Reading};
use crate::model::State;
use crate::record::{Action, Record};
use crate::segment::{Base, Header, Kind, Segment, replay};
use crate::testing::*;

/// A journal of a few objects that come, change, move and go.
fn records() -> impl Strategy<Value = Vec<Record>> {
    let one = (0..9u8, 0..4usize, 0..4usize, 0..6u32);
    proptest::collection::vec(one, 0..24).prop_map(|all| all.into_iter().map(record).collect())
}

fn record((kind, a, b, n): (u8, usize, usize, u32)) -> Record {
    const ADDRS: [&str; 4] = ["t.a", "t.b[0]", "module.m.t.c[\"x\"]", "u.d"];
    let (to, other, token, id) = (ADDRS[a], ADDRS[b], format!("tok{n}"), format!("id{n}"));
    match kind {
        0 => intent(Action::Create, to, &token, None),
        1 => intent(Action::Delete, to, &token, Some(&id)),
        2 => created(to, &token, &id),
        3 => deleted(to, &token, &id),
        4 => Record::Failed { token },
        5 => Record::Set { at: at(to), object: object(&id) },
        6 => Record::Adopt { token: (n % 2 == 0).then_some(token), addr: addr(to), object: object(&id) },
        7 if a != b => Record::Mv { from: addr(to), to: addr(other) },
        7 => Record::Import { addr: addr(to), object: object(&id) },
        _ => Record::Rm { at: at(to) },
    }
}

/// The same records in segments that end at these places.
fn cut(records: &[Record], mut cuts: Vec<usize>, base: &Base) -> Vec<Segment> {
    cuts.retain(|c| *c <= records.len());
    cuts.extend([0, records.len()]);
    cuts.sort_unstable();
    let parts = cuts.windows(2).map(|w| records[w[0]..w[1]].to_vec());
    let parts = parts.enumerate().map(|(i, records)| {
        let n = i as u64 + 1;
        let kind = if i == 0 { Kind::Open { base: base.clone(), takeover: false } } else { Kind::Data };
        let header = Header { n, epoch: 1, writer: "w".into(), lineage: "l".into(), at: "t".into(), kind };
        Segment { header, records }
    });
    parts.collect()
}

fn sample() -> Vec<u8> {
    let mut state = State::new("l");
    state.put(&at("t.a"), object("1"));
    state.put(&at("module.m.t.c[\"x\"]"), object("2"));
    state.to_bytes()
}

/// A lock's record, a segment and a state with some bytes exchanged, cut off or repeated.
fn damaged(bytes: &[u8], edits: &[(u16, u8)], end: u16) -> Vec<u8> {
    let mut out = bytes.to_vec();
    for (at, b) in edits {
        let n = out.len();
        if n > 0 {
            out[usize::from(*at) % n] = *b;
        }
    }
    out.truncate(usize::from(end) % (bytes.len() + 1));
    out
}

fn edits() -> impl Strategy<Value = (Vec<(u16, u8)>, u16)> {
    let byte = prop_oneof![any::<u8>(), proptest::sample::select(b"{}[]\",:0-e.\\nu".to_vec())];
    (proptest::collection::vec((any::<u16>(), byte), 0..6), any::<u16>())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = State::parse(&bytes, "x");
        let _ = Segment::decode(&bytes, "x");
        let _ = Segment::decode_all(&bytes, "x");
        let _ = crate::LockInfo::parse(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn reading_what_is_damaged_never_panics((edits, end) in edits(), records in records()) {
        if let Ok(state) = State::parse(&damaged(&sample(), &edits, end), "x") {
            let again = State::parse(&state.to_bytes(), "x").map_err(|e| TestCaseError::fail(e.to_string()))?;
            prop_assert!(again.same_content(&state), "what was accepted is kept");
        }
        for s in cut(&records, vec![records.len() / 2], &Base::default()) {
            let bytes = Segment::encode(&s.header, &s.records, true);
            prop_assert_eq!(&Segment::decode(&bytes, "x").map_err(|e| TestCaseError::fail(e.to_string()))?, &s);
            let wrong = damaged(&bytes, &edits, end);
            if wrong != bytes {
                prop_assert!(Segment::decode(&wrong, "x").is_err(), "damage in an object is always an error");
            }
            let _ = Segment::decode_all(&wrong, "x");
        }
    }

    #[test]
    fn a_fold_does_not_depend_on_where_segments_are_cut(
        records in records(),
        cuts in proptest::collection::vec(0..24usize, 0..6),
    ) {
        let base = Base::of(None, 0);
        let fold = |segments: &[Segment]| replay(State::new("l"), &base, segments, "x").unwrap().ledger;
        let one = fold(&cut(&records, Vec::new(), &base));
        prop_assert_eq!(&fold(&cut(&records, cuts, &base)), &one);
        let mut direct = Ledger::new(State::new("l"));
        for r in &records {
            direct.apply(r, Reading::New);
        }
        prop_assert_eq!(&direct, &one);
    }

    /// A state with the mark of a fold, and the journal that the fold had no time to delete: nothing is applied twice.
    #[test]
    fn a_fold_is_idempotent(records in records(), cuts in proptest::collection::vec(0..24usize, 0..6), at in 0..8u64) {
        let base = Base::of(None, 0);
        let segments = cut(&records, cuts, &base);
        let whole = replay(State::new("l"), &base, &segments, "x").unwrap().ledger;
        let through = at.min(segments.len() as u64);
        let mut half = replay(State::new("l"), &base, &segments[..through as usize], "x").unwrap().ledger.state;
        half.mark = Some(crate::Mark { epoch: 1, through, writer: "w".into() });
        let written = half.to_bytes();
        let read = State::parse(&written, "x").unwrap();
        let mut again = replay(read, &Base::of(Some(&written), 1), &segments, "x").unwrap().ledger;
        prop_assert!(again.state.same_content(&whole.state));
        prop_assert_eq!(&again.open, &whole.open);
        again.claims.clear();
    }
}
