//! Every record's meaning, and the two properties that recovery rests on.

use proptest::prelude::*;

use super::*;
use crate::segment::{Base, Header, Kind, Segment, replay};
use crate::testing::*;

/// Addresses with ids, deposed ones behind a `~`, then `open`, `doubts` and `claims` if there are any.
fn show(l: &Ledger) -> String {
    let mut out: Vec<String> = l
        .state
        .objects()
        .map(|(t, o)| format!("{}{}={}", t.addr, if t.deposed.is_some() { "~" } else { "" }, o.id().unwrap_or("-")))
        .collect();
    out.extend(l.open.keys().map(|t| format!("open:{t}")));
    out.extend(l.doubts.values().map(|d| {
        let seen: Vec<_> = d.seen.iter().cloned().collect();
        format!("doubt:{}{}[{}]", d.intent.token, if d.spent { "!" } else { "" }, seen.join(","))
    }));
    out.extend(l.claims.iter().map(|c| format!("claim:{}={}", c.addr, c.object.id().unwrap_or("-"))));
    out.join(" ")
}

fn check(reading: Reading, records: &[Record], want: &str) {
    let mut l = Ledger::new(State::new("l"));
    l.state.put(&at("t.old"), object("old"));
    for r in records {
        l.apply(r, reading);
    }
    assert_eq!(show(&l), want, "{records:#?}");
}

fn adopt(to: &str, token: Option<&str>, id: &str) -> Record {
    Record::Adopt { token: token.map(str::to_owned), addr: addr(to), object: object(id) }
}

#[test]
fn records_change_the_state() {
    use Reading::New;
    let make = |to: &str, tok: &str| intent(Action::Create, to, tok, None);
    check(New, &[make("t.a", "T")], "t.old=old open:T");
    check(New, &[make("t.a", "T"), created("t.a", "T", "1")], "t.a=1 t.old=old");
    check(New, &[make("t.a", "T"), Record::Failed { token: "T".into() }], "t.old=old");
    check(New, &[created("t.old", "T", "new")], "t.old=new t.old~=old");
    check(New, &[created("t.old", "T", "old")], "t.old=old");
    check(New, &[created("t.old", "T", "new"), deleted("t.old", "D", "old")], "t.old=new");
    check(New, &[created("t.old", "T", "new"), deleted("t.old", "D", "new")], "t.old~=old");
    check(New, &[deleted("t.old", "D", "other")], "t.old=old");
    check(New, &[Record::Rm { at: at("t.old") }], "");
    check(New, &[Record::Mv { from: addr("t.old"), to: addr("module.m.t.x[0]") }], "module.m.t.x[0]=old");
    check(New, &[Record::Import { addr: addr("t.a"), object: object("7") }], "t.a=7 t.old=old");
    check(New, &[Record::Set { at: at("data.d.x"), object: object("9") }], "data.d.x=9 t.old=old");
    check(New, &[adopt("t.a", Some("T"), "1")], "t.a=1 t.old=old");
    check(New, &[adopt("t.old", Some("T"), "1")], "t.old=old t.old~=1");
    check(New, &[adopt("t.old", None, "old")], "t.old=old");
}

/// Where ids are names, a create that arrives after the object was deleted makes another one of the same id.
#[test]
fn a_doubt_looks_again_for_what_was_deleted() {
    let late = |records: &[Record]| {
        let mut l = Ledger::new(State::new("l"));
        l.apply(&intent(Action::Create, "t.a", "T", None), Reading::New);
        l.settle(Timestamp::UNIX_EPOCH);
        l.apply(&created("t.a", "T", "name"), Reading::New);
        l.account();
        for r in records {
            l.apply(r, Reading::New);
        }
        l.settle(Timestamp::UNIX_EPOCH);
        show(&l)
    };
    assert_eq!(late(&[]), "t.a=name doubt:T![name]");
    assert_eq!(late(&[deleted("t.a", "D", "name")]), "doubt:T![]");
    assert_eq!(late(&[Record::Rm { at: at("t.a") }]), "doubt:T![name]", "it was let go");
    let open = intent(Action::Delete, "t.a", "D", Some("name"));
    assert_eq!(late(std::slice::from_ref(&open)), "t.a=name doubt:T![name]", "it is still there");
    assert_eq!(late(&[open, Record::Rm { at: at("t.a") }]), "doubt:T![]", "found to be deleted");
}

#[test]
fn a_set_finds_its_object_where_it_went() {
    let mut l = Ledger::new(State::new("l"));
    l.apply(&created("t.a", "T", "1"), Reading::New);
    l.apply(&created("t.a", "U", "2"), Reading::New);
    let mut o = (*object("1")).clone();
    o.unfinished = true;
    l.apply(&Record::Set { at: at("t.a"), object: Arc::new(o) }, Reading::New);
    assert_eq!(show(&l), "t.a=2 t.a~=1");
    assert!(l.state.instance(&addr("t.a")).unwrap().by_id("1").unwrap().1.unfinished);
}

#[test]
fn what_another_tool_wrote_is_not_touched() {
    use Reading::Foreign;
    let make = intent(Action::Create, "t.a", "T", None);
    check(Foreign, &[make.clone(), created("t.a", "T", "1")], "t.old=old claim:t.a=1");
    check(Foreign, &[created("t.old", "T", "old")], "t.old=old");
    check(Foreign, &[created("t.old", "T", "new")], "t.old=old claim:t.old=new");
    check(Foreign, &[created("t.a", "T", "1"), deleted("t.a", "D", "1")], "t.old=old");
    check(Foreign, &[deleted("t.old", "D", "old")], "");
    check(Foreign, &[Record::Rm { at: at("t.old") }], "t.old=old");
    check(
        Foreign,
        &[created("t.a", "T", "1"), Record::Mv { from: addr("t.a"), to: addr("t.b") }],
        "t.old=old claim:t.b=1",
    );
}

#[test]
fn doubts_outlive_what_they_found() {
    let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let later = |s: i64| now + SignedDuration::from_secs(s);
    let mut l = Ledger::new(State::new("l"));
    l.state.put(&at("t.a"), object("0"));
    l.apply(&intent(Action::Create, "t.a", "T", None), Reading::New);
    l.apply(&intent(Action::Delete, "t.a", "D", Some("0")), Reading::New);
    l.settle(now);
    assert_eq!(show(&l), "t.a=0 doubt:T[0]");
    assert_eq!(l.doubted(&addr("t.a")), Some("T"), "the create is repeated with its token");
    l.apply(&created("t.a", "T", "1"), Reading::New);
    assert_eq!(l.doubted(&addr("t.a")), None, "the token of a known object is never used again");
    l.account();
    assert_eq!(show(&l), "t.a=1 t.a~=0 doubt:T![0,1]");
    l.settle(later(19 * 60));
    assert_eq!(l.doubts.len(), 1);
    l.settle(later(21 * 60));
    assert_eq!(l.doubts.len(), 0);
}

/// Cuts records into segments at the given places.
fn segments(records: &[Record], cuts: &[usize]) -> Vec<Segment> {
    let mut out: Vec<Segment> = Vec::new();
    for (i, r) in records.iter().enumerate() {
        if i == 0 || cuts.contains(&i) {
            let n = out.len() as u64 + 1;
            let kind = if n == 1 { Kind::Open { base: Base::default(), takeover: false } } else { Kind::Data };
            let header = Header { n, epoch: 1, writer: "w".into(), lineage: "l".into(), at: String::new(), kind };
            out.push(Segment { header, records: Vec::new() });
        }
        out.last_mut().unwrap().records.push(r.clone());
    }
    out
}

fn any_record() -> impl Strategy<Value = Record> {
    let to = prop_oneof![Just("t.a"), Just("t.b[0]"), Just("t.b[1]"), Just("module.m[\"k\"].t.c")];
    (0..9usize, to.clone(), to, 0..4u8, 0..4u8).prop_map(|(kind, a, b, tok, id)| {
        let (tok, id) = (format!("T{tok}"), format!("i{id}"));
        match kind {
            0 => intent(Action::Create, a, &tok, None),
            1 => intent(Action::Delete, a, &tok, Some(&id)),
            2 => created(a, &tok, &id),
            3 => deleted(a, &tok, &id),
            4 => Record::Failed { token: tok },
            5 => Record::Set { at: at(a), object: object(&id) },
            6 => Record::Mv { from: addr(a), to: addr(b) },
            7 => Record::Rm { at: at(a) },
            _ => Record::Import { addr: addr(a), object: object(&id) },
        }
    })
}

proptest! {
    #[test]
    fn cuts_do_not_matter(
        records in prop::collection::vec(any_record(), 1..24),
        cuts in prop::collection::vec(1..24usize, 0..6),
    ) {
        let fold = |cuts: &[usize]| {
            replay(State::new("l"), &Base::default(), &segments(&records, cuts), "j").unwrap().ledger
        };
        prop_assert_eq!(fold(&cuts), fold(&[]));
    }

    #[test]
    fn a_fold_may_end_anywhere_and_be_repeated(
        records in prop::collection::vec(any_record(), 1..24),
        cuts in prop::collection::vec(1..24usize, 0..6),
        done in 0..6usize,
    ) {
        let all = segments(&records, &cuts);
        let whole = replay(State::new("l"), &Base::default(), &all, "j").unwrap().ledger;
        // The state object was written after the first segments, and nothing else of the fold happened.
        let done = done.min(all.len());
        let first = replay(State::new("l"), &Base::default(), &all[..done], "j").unwrap().ledger;
        let mut written = first.state;
        written.mark = Some(crate::Mark { epoch: 1, through: done as u64, writer: "w".into() });
        let read = State::parse(&written.to_bytes(), "k").unwrap();
        let again = replay(read, &Base::of(Some(b"other"), 1), &all, "j").unwrap().ledger;
        prop_assert_eq!(&again.state.resources, &whole.state.resources);
        prop_assert_eq!(&again.open, &whole.open);
    }
}
