//! Lines come back as they were written; damage is found.

use super::*;
use crate::record::Action;
use crate::testing::*;
use stackctl_core::{Known, Path, Ty};

fn header(n: u64, kind: Kind) -> Header {
    Header { n, epoch: 1, writer: "w-1".into(), lineage: "l-1".into(), at: "2026-01-01T00:00:00Z".into(), kind }
}

fn records() -> Vec<Record> {
    let mut o = (*object("i-1")).clone();
    o.unfinished = true;
    o.sensitive.insert(Path::attr("password"));
    o.private = Some("bnVsbA==".into());
    o.dependencies = vec!["aws_vpc.main".into()];
    let output = crate::Output { value: Known::from("<&>"), ty: Ty::String, sensitive: true };
    vec![
        intent(Action::Create, "module.m[\"a b\"].t.a[3]", "T1", None),
        created("module.m[\"a b\"].t.a[3]", "T1", "i-1"),
        Record::Set { at: at("t.b"), object: Arc::new(o.clone()) },
        intent(Action::Update, "t.b", "T2", Some("i-1")),
        Record::Failed { token: "T2".into() },
        deleted("t.b", "T3", "i-1"),
        Record::Mv { from: addr("t.b"), to: addr("t.c") },
        Record::Rm { at: Target { addr: addr("t.c"), deposed: crate::DeposedKey::parse("00aa11bb") } },
        Record::Import { addr: addr("t.d"), object: Arc::new(o.clone()) },
        Record::Adopt { token: Some("T1".into()), addr: addr("t.e"), object: Arc::new(o) },
        Record::Outputs([("x".to_owned(), output)].into()),
        Record::Checks(None),
    ]
}

use crate::model::Target;

#[test]
fn segments_round_trip() {
    let Record::Intent(i) = intent(Action::Create, "t.z", "TZ", None) else { unreachable!() };
    let doubt = Doubt {
        intent: i.clone(),
        seen: ["i-7".to_owned()].into(),
        until: "2026-01-01T00:20:00Z".parse().unwrap(),
        spent: true,
    };
    let base = Base { sha256: "9c4e".into(), serial: 41 };
    let checkpoint = Kind::Checkpoint {
        state: base.clone(),
        through: 17,
        open: vec![i],
        doubts: vec![doubt],
        objects: 3,
        close: true,
    };
    for kind in [Kind::Data, Kind::Open { base, takeover: true }, checkpoint] {
        let h = header(18, kind);
        let bytes = Segment::encode(&h, &records(), true);
        assert_eq!(Segment::decode(&bytes, "s").unwrap(), Segment { header: h, records: records() });
    }
}

#[test]
fn an_object_with_any_flipped_bit_or_cut_is_refused() {
    let bytes = Segment::encode(&header(1, Kind::Data), &records()[..2], true);
    for i in 0..bytes.len() {
        assert!(Segment::decode(&bytes[..i], "s").is_err(), "cut at {i}");
        let mut b = bytes.clone();
        b[i] ^= 4;
        assert!(Segment::decode(&b, "s").is_err(), "bit flipped at {i}");
    }
}

#[test]
fn a_torn_last_write_is_dropped_and_older_damage_is_not() {
    let open = Kind::Open { base: Base::default(), takeover: false };
    let first = Segment::encode(&header(1, open), &records()[..2], false);
    let second = Segment::encode(&header(2, Kind::Data), &records()[2..4], false);
    let all = [first.clone(), second].concat();
    for end in 0..=all.len() {
        let (segments, good) = Segment::decode_all(&all[..end], "j").unwrap();
        let whole = all[..end].iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
        assert_eq!(good, whole, "cut at {end}");
        let lines = all[..end].iter().filter(|b| **b == b'\n').count();
        assert_eq!(segments.iter().map(|s| s.records.len() + 1).sum::<usize>(), lines);
    }
    // A page of the last write that never reached the disk.
    let mut torn = all.clone();
    torn[first.len() + 20..first.len() + 60].fill(0);
    assert_eq!(Segment::decode_all(&torn, "j").unwrap().1, first.len());
    let mut damaged = all.clone();
    damaged[first.len() / 2] ^= 1;
    assert!(matches!(Segment::decode_all(&damaged, "j"), Err(Error::Damaged { .. })));
}

#[test]
fn reading_never_panics_on_rubbish() {
    let whole = Segment::encode(&header(1, Kind::Data), &records(), true);
    for junk in [&b""[..], b"\n", b"{}", b"null\n", b"\xff\xfe\n", b"{\"c\":\"00000000\",\"r\":{}}\n", &whole[30..]] {
        assert!(Segment::decode(junk, "s").is_err());
        let _ = Segment::decode_all(junk, "j");
    }
}

#[test]
fn a_gap_is_named() {
    let s = |n| Segment { header: header(n, Kind::Data), records: Vec::new() };
    let e = replay(State::new("l-1"), &Base::default(), &[s(4), s(6)], "j").err().unwrap();
    assert!(e.to_string().contains("segment 5 is missing"), "{e}");
}
