//! The course of a run: what is sent when, what rides with what, and what happens when another tool writes meanwhile.

use std::sync::{Arc, Mutex};

use super::*;
use crate::backend::{Backend as _, Notice, Options};
use crate::memory::{Fault, Memory, Request};
use crate::record::{Action, Record};
use crate::remote::Remote;
use crate::session::Durable;
use crate::store::LockTable;
use crate::testing::*;

fn remote(store: &Memory) -> Remote {
    let table: Arc<dyn LockTable> = Arc::new(store.clone());
    Remote::new(Arc::new(store.clone()), "k", "env:").table(table).journal()
}

async fn open(store: &Memory, dir: &tempfile::TempDir, run: u64) -> Session {
    let options = Options::new("default", Access::Write, "OperationTypeApply");
    remote(store).open(options, &host(dir.path(), run)).await.unwrap()
}

/// Nobody waits for these.
fn post(durable: Durable) {
    drop(durable);
}

fn segments(log: &[Request]) -> usize {
    log.iter().filter(|r| r.op == "put" && r.key.contains(".journal/")).count()
}

async fn quiet() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_nobody_waits_for_rides_with_what_somebody_waits_for() {
    let (store, dir) = (Memory::new(), tempfile::tempdir().unwrap());
    let mut s = open(&store, &dir, 1).await;
    s.append(vec![intent(Action::Create, "t.a", "ta", None)]).await.unwrap();
    s.append(vec![created("t.a", "ta", "a")]).await.unwrap();
    store.take_log();
    post(s.append(vec![Record::Set { at: at("t.a"), object: object("a") }]));
    quiet().await;
    s.append(vec![intent(Action::Create, "t.b", "tb", None)]).await.unwrap();
    assert_eq!(segments(&store.take_log()), 1, "both in one segment");
    // Alone, it is written after a moment.
    post(s.append(vec![created("t.b", "tb", "b")]));
    for _ in 0..600 {
        tokio::task::yield_now().await;
    }
    assert_eq!(segments(&store.take_log()), 1);
    drop(s);
    let r = remote(&store).open(Options::new("default", Access::Read, "show"), &host(dir.path(), 2)).await.unwrap();
    assert!(r.pending().open.is_empty() && r.state().len() == 2);
}

/// What nobody waits for at the end is folded and needs no segment: the checkpoint is the only one.
#[tokio::test]
async fn the_fold_at_the_end_takes_along_what_nobody_waits_for() {
    let (store, dir) = (Memory::new(), tempfile::tempdir().unwrap());
    let mut s = open(&store, &dir, 1).await;
    s.append(vec![intent(Action::Create, "t.a", "ta", None)]).await.unwrap();
    store.take_log();
    post(s.append(vec![created("t.a", "ta", "a")]));
    s.close().await.unwrap();
    let log = store.take_log();
    assert_eq!(segments(&log), 1, "{log:?}");
    assert_eq!(open(&store, &dir, 2).await.state().len(), 1);

    // Where the fold fails, they are in the journal instead.
    for (fault, wanted) in [("k", 2), ("bucket/k-md5", 2)] {
        let (store, dir) = (Memory::new(), tempfile::tempdir().unwrap());
        let mut s = open(&store, &dir, 1).await;
        s.append(vec![intent(Action::Create, "t.a", "ta", None)]).await.unwrap();
        s.append(vec![created("t.a", "ta", "a"), intent(Action::Create, "t.b", "tb", None)]).await.unwrap();
        let fails = move |r: &Request| r.op.ends_with("put") && r.key == fault;
        store.faults(move |r| if fails(r) { Fault::Denied } else { Fault::None });
        post(s.append(vec![created("t.b", "tb", "b")]));
        assert!(matches!(s.close().await, Err(Error::NotSaved { .. })), "{fault}");
        store.heal();
        let s = open(&store, &dir, 2).await;
        assert!(s.pending().open.is_empty(), "{fault}: {:?}", s.pending());
        assert_eq!(s.state().len(), wanted, "{fault}");
    }
}

/// Before the first create: the state, then its digest beside the segment, then everything that proves the claim at once.
#[tokio::test]
async fn the_first_commit_waits_for_the_store_three_times() {
    let (store, dir) = (Memory::new(), tempfile::tempdir().unwrap());
    let mut s = open(&store, &dir, 1).await;
    quiet().await;
    store.take_log();
    s.append(vec![intent(Action::Create, "t.a", "ta", None)]).await.unwrap();
    let log: Vec<_> = store.take_log().iter().map(|r| format!("{} {}", r.op, r.key)).collect();
    assert_eq!(log[0], "put k");
    let mut second = log[1..3].to_vec();
    second.sort();
    assert_eq!(second, ["item.put bucket/k-md5", "put k.journal/000000000001"]);
    let mut third = log[3..].to_vec();
    third.sort();
    assert_eq!(third, ["head k", "list k.journal/"]);
    s.close().await.unwrap();
}

/// Another tool overwrites the state while a run is so long that it folds meanwhile. The run goes on; at its end nothing is
/// overwritten, and the next run has everything of both.
#[tokio::test]
async fn a_run_goes_on_when_another_tool_writes_meanwhile() {
    let (store, dir) = (Memory::new(), tempfile::tempdir().unwrap());
    open(&store, &dir, 1).await.create().await.unwrap();
    store.remove_item("bucket/k");
    let told: Arc<Mutex<Vec<String>>> = Arc::default();
    let notices = told.clone();
    let options = Options {
        watch: Arc::new(move |n: Notice| notices.lock().unwrap().push(n.to_string())),
        ..Options::new("default", Access::Write, "OperationTypeApply")
    };
    let mut s = remote(&store).open(options, &host(dir.path(), 2)).await.unwrap();
    s.resolve(Vec::new()).await.unwrap();
    let mut theirs = State::new(s.state().lineage.as_str());
    for n in 0..300 {
        if n == 150 {
            theirs.serial = 7;
            theirs.put(&at("t.theirs"), object("theirs"));
            store.put_object("k", theirs.to_bytes());
            let digest = md5(&theirs.to_bytes());
            let item = crate::store::Item { id: "bucket/k-md5".into(), digest: Some(digest), ..Default::default() };
            store.put_item(item);
        }
        let (to, token) = (format!("t.o[{n}]"), format!("t{n}"));
        s.append(vec![intent(Action::Create, &to, &token, None)]).await.unwrap_or_else(|e| panic!("{n}: {e}"));
        s.gate().check().unwrap();
        s.append(vec![created(&to, &token, &format!("i{n}"))]).await.unwrap();
    }
    let told = told.lock().unwrap().iter().filter(|n| n.contains("Another tool wrote the state")).count();
    assert_eq!(told, 1);
    let folded = store.object("k");
    let e = s.close().await.unwrap_err();
    assert!(
        matches!(&e, Error::NotSaved { cause, .. } if matches!(*cause.clone(), Error::Changed { kept: true, .. })),
        "{e}"
    );
    let hint = e.diagnostic().hint.unwrap();
    assert!(hint.contains("stackctl apply") && hint.contains("do not push"), "{hint}");
    assert_eq!(store.object("k"), folded, "it was overwritten");

    let mut next = open(&store, &dir, 3).await;
    let found: Vec<Record> = (next.pending().claims.iter())
        .map(|c| Record::Adopt { token: None, addr: c.addr.clone(), object: c.object.clone() })
        .collect();
    next.resolve(found).await.unwrap();
    // What the fold before had saved was in the state that the other tool replaced.
    let claimed = (0..300).filter(|n| next.state().current(&addr(&format!("t.o[{n}]"))).is_some()).count();
    assert!(next.state().current(&addr("t.theirs")).is_some());
    assert!((150..300).all(|n| next.state().current(&addr(&format!("t.o[{n}]"))).is_some()), "{claimed}");
    next.close().await.unwrap();
}

/// What an apply writes grows with what it changes and not with what there is; the whole state is put once, at the end.
#[tokio::test]
async fn writes_are_small() {
    let mut written = Vec::new();
    for n in [10, 10_000] {
        let (store, dir) = (Memory::new(), tempfile::tempdir().unwrap());
        let mut s = open(&store, &dir, 1).await;
        s.edit(|state| (0..n).for_each(|i| state.put(&at(&format!("t.x{i}")), object(&format!("x{i}")))))
            .await
            .unwrap();
        s.close().await.unwrap();
        let (whole, before) = (store.object("k").unwrap(), store.keys());
        let mut s = open(&store, &dir, 2).await;
        store.take_log();
        for i in 0..10 {
            let (to, token) = (format!("t.y{i}"), format!("y{i}"));
            s.append(vec![intent(Action::Create, &to, &token, None)]).await.unwrap();
            s.append(vec![created(&to, &token, &token)]).await.unwrap();
        }
        let puts = |log: Vec<Request>| log.iter().filter(|r| r.op == "put" && r.key == "k").count();
        assert_eq!(puts(store.take_log()), 0);
        let segments = store.keys().into_iter().filter(|k| k.contains(".journal/") && !before.contains(k));
        let bytes: usize = segments.map(|k| store.object(&k).unwrap().len()).sum();
        assert!(n < 1000 || bytes * 50 < whole.len(), "{bytes} of {}", whole.len());
        written.push(bytes);
        assert_eq!(s.close().await.unwrap().len(), n + 10);
        assert_eq!(puts(store.take_log()), 1);
    }
    assert!(written[0].abs_diff(written[1]) < 100, "{written:?}");
}
