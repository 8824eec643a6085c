//! Stores that cannot be relied on, permissions that are missing, journals that outlive their state.

use std::sync::{Arc, Mutex};

use super::*;
use crate::backend::{Locking, Notice, Options};
use crate::memory::{Fault, Memory};
use crate::model::State;
use crate::record::Action;
use crate::store::LockTable;
use crate::testing::*;

struct Place {
    store: Memory,
    dir: tempfile::TempDir,
    runs: std::cell::Cell<u64>,
    notices: Arc<Mutex<Vec<Notice>>>,
}

impl Place {
    fn new() -> Place {
        let dir = tempfile::tempdir().unwrap();
        Place { store: Memory::new(), dir, runs: std::cell::Cell::new(0), notices: Arc::default() }
    }
    fn remote(&self) -> Remote {
        let table: Arc<dyn LockTable> = Arc::new(self.store.clone());
        Remote::new(Arc::new(self.store.clone()), "k", "env:").table(table).journal()
    }
    fn host(&self) -> Host {
        self.runs.set(self.runs.get() + 1);
        host(self.dir.path(), self.runs.get())
    }
    fn options(&self, workspace: &str) -> Options {
        let notices = self.notices.clone();
        Options {
            watch: Arc::new(move |n| notices.lock().unwrap().push(n)),
            ..Options::new(workspace, Access::Write, "OperationTypeApply")
        }
    }
    async fn open(&self, workspace: &str) -> Result<Session> {
        self.open_at(workspace, &self.host()).await
    }
    async fn open_at(&self, workspace: &str, host: &Host) -> Result<Session> {
        let mut s = self.remote().open(self.options(workspace), host).await?;
        s.resolve(Vec::new()).await?;
        Ok(s)
    }
    fn told(&self, what: impl Fn(&Notice) -> bool) -> usize {
        self.notices.lock().unwrap().iter().filter(|n| what(n)).count()
    }
    fn requests(&self, op: &str) -> usize {
        self.store.take_log().iter().filter(|r| r.op == op).count()
    }
}

async fn create(s: &mut Session, to: &str) -> Result<()> {
    let t = s.token(&addr(to));
    s.append(vec![intent(Action::Create, to, &t, None)]).await?;
    s.append(vec![created(to, &t, to)]).await
}

/// The first commit of a run in which `fault` befalls every request of that kind on the journal.
async fn denied(op: &'static str) -> (Place, Error) {
    let p = Place::new();
    p.store.faults(move |r| if r.op == op && r.key.contains(".journal/") { Fault::Denied } else { Fault::None });
    let e = match p.open("default").await {
        Err(e) => e,
        Ok(mut s) => {
            let t = s.token(&addr("t.a"));
            let e = s.append(vec![intent(Action::Create, "t.a", &t, None)]).await.unwrap_err();
            assert!(s.gate().check().is_err(), "{op}: the request would be sent");
            let _ = s.close().await;
            e
        }
    };
    (p, e)
}

#[tokio::test]
async fn a_missing_permission_is_named_before_the_first_change() {
    for op in ["list", "put", "delete"] {
        let (p, e) = denied(op).await;
        let d = e.diagnostic();
        let hint = d.hint.unwrap_or_default();
        assert!(hint.contains("allow k.journal/*") && hint.contains("journal = \"off\""), "{op}: {hint}");
        assert!(p.store.item("bucket/k").is_none(), "{op}: still locked");
    }
    // Reading is first needed by a run that finds a journal.
    let p = Place::new();
    let mut s = p.open("default").await.unwrap();
    create(&mut s, "t.a").await.unwrap();
    s.close().await.unwrap();
    p.store.faults(|r| if r.op == "get" && r.key.contains(".journal/") { Fault::Denied } else { Fault::None });
    let e = p.open("default").await.err().unwrap();
    assert!(e.diagnostic().hint.unwrap().contains("allow k.journal/*"), "{e}");
}

/// A wrong address is told soon; a store that has answered before is worth waiting for.
#[tokio::test]
async fn nobody_waits_for_a_store_that_never_answered() {
    let p = Place::new();
    p.store.faults(|_| Fault::Unreachable);
    assert!(p.open("default").await.is_err());
    let log = p.store.take_log();
    let sent = |op: &str| log.iter().filter(|r| r.op == op).count();
    assert_eq!((sent("item.put"), sent("list") <= 2), (2, true), "{log:?}");

    p.store.faults(|_| Fault::None);
    let mut s = p.open("default").await.unwrap();
    let first = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let seen = first.clone();
    p.store.faults(move |r| {
        let away = r.op == "put" && seen.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < 6;
        if away { Fault::Unreachable } else { Fault::None }
    });
    create(&mut s, "t.a").await.unwrap();
    s.close().await.unwrap();
    assert!(first.load(std::sync::atomic::Ordering::Relaxed) > 6, "it was away");
}

#[tokio::test]
async fn permission_to_delete_is_tested_once() {
    let p = Place::new();
    for round in 0..2 {
        let mut s = p.open("default").await.unwrap();
        create(&mut s, &format!("t.a[{round}]")).await.unwrap();
        s.close().await.unwrap();
        let probes = p.store.take_log().iter().filter(|r| r.key.ends_with("/probe")).count();
        assert_eq!(probes, 1 - round);
    }
}

#[tokio::test]
async fn a_store_that_ignores_conditions_is_refused() {
    let p = Place::new();
    p.store.strange(true);
    let mut s = p.open("default").await.unwrap();
    let e = create(&mut s, "t.a").await.unwrap_err();
    assert!(matches!(e, Error::Careless { .. }), "{e}");
    assert!(e.diagnostic().hint.unwrap().contains("STACKCTL_UNSAFE_STORE=1"));
    let _ = s.close().await;
    assert!(p.store.item("bucket/k").is_none());
}

#[tokio::test]
async fn a_store_that_ignores_conditions_may_be_insisted_on() {
    let p = Place::new();
    p.store.strange(true);
    let mut host = p.host();
    host.env = Arc::new([("STACKCTL_UNSAFE_STORE".to_owned(), "1".to_owned())].into());
    let mut s = p.open_at("default", &host).await.unwrap();
    create(&mut s, "t.a").await.unwrap();
    assert_eq!(p.told(|n| matches!(n, Notice::Careless { .. })), 1);
    p.store.take_log();
    create(&mut s, "t.b").await.unwrap();
    assert_eq!(p.requests("list"), 2, "a list after every commit");
    assert_eq!(s.close().await.unwrap().len(), 2);
}

#[tokio::test]
async fn an_unknown_store_that_honours_conditions_is_fine() {
    let p = Place::new();
    p.store.strange(false);
    let mut s = p.open("default").await.unwrap();
    create(&mut s, "t.a").await.unwrap();
    p.store.take_log();
    create(&mut s, "t.b").await.unwrap();
    assert_eq!(p.requests("put"), 2, "it is tested once a run");
    s.close().await.unwrap();
    assert_eq!(p.told(|n| matches!(n, Notice::Careless { .. })), 0);
}

#[tokio::test]
async fn a_lease_alone_is_said_once() {
    let p = Place::new();
    let remote = || Remote::new(Arc::new(p.store.clone()) as Arc<dyn Objects>, "k", "env:").journal();
    for _ in 0..3 {
        let mut s = remote().open(p.options("default"), &p.host()).await.unwrap();
        s.resolve(Vec::new()).await.unwrap();
        assert!(p.store.object("k.journal/lease").is_some());
        let second = remote().open(p.options("default"), &p.host()).await;
        assert!(matches!(second.err(), Some(Error::Locked { holder: Some(_), .. })));
        create(&mut s, &format!("t.a[{}]", p.runs.get())).await.unwrap();
        s.close().await.unwrap();
        assert!(p.store.object("k.journal/lease").is_none());
    }
    assert_eq!(p.told(|n| matches!(n, Notice::LeaseOnly { .. })), 1);
}

#[tokio::test]
async fn without_a_lock_the_fence_alone_keeps_the_state() {
    let p = Place::new();
    let off = || Options { locking: Locking::Off, ..p.options("default") };
    let mut first = p.remote().open(off(), &p.host()).await.unwrap();
    first.resolve(Vec::new()).await.unwrap();
    create(&mut first, "t.a").await.unwrap();
    let mut second = p.remote().open(off(), &p.host()).await.unwrap();
    second.resolve(Vec::new()).await.unwrap();
    create(&mut second, "t.b").await.unwrap();
    let t = first.token(&addr("t.c"));
    let late = first.append(vec![intent(Action::Create, "t.c", &t, None)]).await;
    assert!(late.unwrap_err().is_fence());
    assert!(first.close().await.is_err());
    assert_eq!(second.close().await.unwrap().len(), 2);
    assert_eq!(p.told(|n| matches!(n, Notice::NotLocked { .. })), 2);
}

#[tokio::test]
async fn a_deleted_workspace_takes_its_journal_along_but_for_young_fences() {
    let p = Place::new();
    let journal = |p: &Place| p.store.keys().into_iter().filter(|k| k.contains(".journal/")).collect::<Vec<_>>();
    let mut s = p.open("dev").await.unwrap();
    s.create().await.unwrap();
    s.close().await.unwrap();
    p.remote().delete(p.options("dev"), false, &p.host()).await.unwrap();
    assert_eq!(journal(&p), Vec::<String>::new());
    // The same with a run that was displaced.
    let mut s = p.open("dev").await.unwrap();
    create(&mut s, "t.a").await.unwrap();
    drop(s);
    p.store.remove_item("bucket/env:/dev/k");
    let s = p.open("dev").await.unwrap();
    s.close().await.unwrap();
    let e = p.remote().delete(p.options("dev"), false, &p.host()).await.unwrap_err();
    assert!(e.to_string().contains("still holds 1"), "{e}");
    p.remote().delete(p.options("dev"), true, &p.host()).await.unwrap();
    assert_eq!(journal(&p).len(), 2, "the fence and a checkpoint above it: {:?}", journal(&p));
    assert_eq!(p.remote().workspaces().await.unwrap(), ["default"]);
    // And a new workspace of the name starts anew above them.
    let mut s = p.open("dev").await.unwrap();
    assert!(!s.existed());
    create(&mut s, "t.b").await.unwrap();
    assert_eq!(s.close().await.unwrap().len(), 1);
    assert_eq!(p.told(|n| matches!(n, Notice::Parked { .. })), 0);
}

/// A run dies; then its state is replaced by another lineage.
async fn parked() -> Place {
    let p = Place::new();
    let mut s = p.open("default").await.unwrap();
    create(&mut s, "t.a").await.unwrap();
    let t = s.token(&addr("t.b"));
    s.append(vec![intent(Action::Create, "t.b", &t, None)]).await.unwrap();
    drop(s);
    p.store.remove_item("bucket/k");
    p.store.remove_item("bucket/k-md5");
    p.store.put_object("k", State::new("other").to_bytes());
    p
}

#[tokio::test]
async fn journals_of_other_lineages_are_kept_shown_and_discarded() {
    let p = parked().await;
    let mut s = p.open("default").await.unwrap();
    assert_eq!((s.state().len(), s.state().lineage.as_str()), (0, "other"));
    create(&mut s, "t.c").await.unwrap();
    s.close().await.unwrap();
    let shown = p.remote().parked("default").await.unwrap();
    assert_eq!(shown.len(), 1);
    assert_eq!((shown[0].records, shown[0].open, shown[0].claims.len()), (3, 1, 1), "{shown:?}");
    assert!(p.remote().discard("default", &shown[0].lineage).await.unwrap());
    assert!(!p.remote().discard("default", &shown[0].lineage).await.unwrap());
    assert!(p.remote().parked("default").await.unwrap().is_empty());
    assert_eq!(p.open("default").await.unwrap().close().await.unwrap().len(), 1);
}

#[tokio::test]
async fn records_of_another_lineage_never_enter_a_state() {
    let p = parked().await;
    // Dies with a journal of the new lineage above the old one.
    let mut s = p.open("default").await.unwrap();
    create(&mut s, "t.c").await.unwrap();
    drop(s);
    p.store.remove_item("bucket/k");
    let s = p.open("default").await.unwrap();
    let addrs: Vec<String> = s.state().objects().map(|(t, _)| t.addr.to_string()).collect();
    assert_eq!(addrs, ["t.c"]);
    s.close().await.unwrap();
}

#[tokio::test]
async fn a_state_that_is_broken_or_missing_can_be_replaced() {
    for broken in [true, false] {
        let p = Place::new();
        let mut s = p.open("default").await.unwrap();
        create(&mut s, "t.a").await.unwrap();
        s.close().await.unwrap();
        match broken {
            true => p.store.put_object("k", b"{ not json".to_vec()),
            false => p.store.remove_object("k"),
        }
        let e = p.open("default").await.err().unwrap();
        let fits = if broken { matches!(e, Error::Format { .. }) } else { matches!(e, Error::Missing { .. }) };
        assert!(fits, "{e}");
        let options = Options { replacing: true, ..p.options("default") };
        let mut s = p.remote().open(options, &p.host()).await.unwrap();
        s.resolve(Vec::new()).await.unwrap();
        s.edit(|state| state.put(&at("t.z"), object("z"))).await.unwrap();
        s.close().await.unwrap();
        let s = p.open("default").await.unwrap();
        let addrs: Vec<String> = s.state().objects().map(|(t, _)| t.addr.to_string()).collect();
        assert_eq!(addrs, ["t.z"], "broken: {broken}");
        s.close().await.unwrap();
    }
}
