//! The remote backend on the fakes: requests in Terraform's order, conflicts, faults.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::backend::{Locking, Options};
use crate::memory::{Fault, Memory};
use crate::model::State;
use crate::record::{Action, Record};
use crate::store::Item;
use crate::testing::*;

struct Place {
    store: Memory,
    dir: tempfile::TempDir,
    runs: std::cell::Cell<u64>,
}

impl Place {
    fn new() -> Place {
        Place { store: Memory::new(), dir: tempfile::tempdir().unwrap(), runs: std::cell::Cell::new(0) }
    }
    fn remote(&self) -> Remote {
        Remote::new(Arc::new(self.store.clone()), "app.tfstate", "env:").table(Arc::new(self.store.clone()))
    }
    fn host(&self) -> Host {
        self.runs.set(self.runs.get() + 1);
        host(self.dir.path(), self.runs.get())
    }
    async fn try_open(&self, remote: &Remote, access: Access) -> Result<Session> {
        remote.open(Options::new("default", access, "OperationTypeApply"), &self.host()).await
    }
    async fn writer(&self) -> Session {
        let mut s = self.try_open(&self.remote(), Access::Write).await.unwrap();
        s.resolve(Vec::new()).await.unwrap();
        s
    }
    fn kept(&self) -> State {
        State::parse(&self.store.object("app.tfstate").unwrap(), "kept").unwrap()
    }
    fn digest(&self) -> Option<String> {
        self.store.item("bucket/app.tfstate-md5").and_then(|i| i.digest)
    }
    fn digest_is_right(&self) -> bool {
        self.digest() == self.store.object("app.tfstate").map(|b| kept::md5(&b))
    }
    fn log(&self) -> Vec<String> {
        self.store.take_log().into_iter().map(|r| format!("{} {}", r.op, r.key.replace("bucket/", ""))).collect()
    }
}

async fn create(s: &mut Session, to: &str, id: &str) -> Result<()> {
    let t = s.token(&addr(to));
    s.append(vec![intent(Action::Create, to, &t, None)]).await?;
    s.append(vec![created(to, &t, id)]).await
}

#[tokio::test]
async fn a_run_sends_what_terraform_sends() {
    let p = Place::new();
    let mut s = p.writer().await;
    create(&mut s, "t.a", "1").await.unwrap();
    s.close().await.unwrap();
    assert_eq!(
        p.log(),
        [
            "item.put app.tfstate",
            "get app.tfstate",
            "item.get app.tfstate-md5",
            "put app.tfstate",
            "item.put app.tfstate-md5",
            "item.delete app.tfstate",
        ]
    );
    assert_eq!((p.kept().serial, p.kept().len()), (1, 1));
    assert!(p.digest_is_right());
    assert_eq!(p.kept().mark, None);
    p.writer().await.close().await.unwrap();
    assert!(!p.log().iter().any(|r| r.starts_with("put")), "nothing to do writes nothing");
    let s = p.try_open(&p.remote(), Access::Read).await.unwrap();
    assert_eq!(s.state().len(), 1);
    assert_eq!(p.log(), ["get app.tfstate", "item.get app.tfstate-md5"]);
}

#[tokio::test]
async fn the_object_is_written_at_most_once_a_second() {
    let p = Place::new();
    let h = p.host();
    let mut s = p.remote().open(Options::new("default", Access::Write, "a"), &h).await.unwrap();
    p.log();
    for i in 0..50 {
        create(&mut s, &format!("t.a[{i}]"), &i.to_string()).await.unwrap();
    }
    let puts = |log: Vec<String>| log.iter().filter(|r| *r == "put app.tfstate").count();
    let burst = puts(p.log());
    assert!(burst <= 2, "{burst} writes in no time");
    h.clock.sleep(Duration::from_secs(2)).await;
    create(&mut s, "t.b", "b").await.unwrap();
    s.flush().await.unwrap();
    assert_eq!(p.kept().len(), 51);
    s.close().await.unwrap();
    assert!(p.digest_is_right());
}

#[tokio::test]
async fn lock_kinds_and_their_order() {
    let p = Place::new();
    let objects: Arc<dyn Objects> = Arc::new(p.store.clone());
    let file = Remote::new(objects.clone(), "k", "env:").lockfile();
    file.open(Options::new("dev", Access::Plan, "OperationTypePlan"), &p.host()).await.unwrap().close().await.unwrap();
    let key = "env:/dev/k";
    let log = p.log();
    assert_eq!(log, [format!("put {key}.tflock"), format!("get {key}"), format!("delete {key}.tflock")]);
    let both = Remote::new(objects, "k", "env:").lockfile().table(Arc::new(p.store.clone()));
    let s = p.try_open(&both, Access::Plan).await.unwrap();
    let info = LockInfo::parse(&p.store.item("bucket/k").unwrap().info.unwrap()).unwrap();
    assert_eq!(info.path, "bucket/k");
    let object = String::from_utf8(p.store.object("k.tflock").unwrap()).unwrap();
    assert!(object.starts_with(info.to_json().trim_end_matches('}')), "{object}");
    s.close().await.unwrap();
    let log = p.log();
    assert_eq!(log[..2], ["put k.tflock", "item.put k"]);
    assert_eq!(log[log.len() - 2..], ["item.delete k", "delete k.tflock"]);
    // If the second half fails, the first is given back.
    p.store.put_item(Item { id: "bucket/k".into(), info: Some("{\"ID\":\"x\"}".into()), ..Item::default() });
    let Err(Error::Locked { holder: Some(h), .. }) = p.try_open(&both, Access::Plan).await else { panic!() };
    assert_eq!(h.id, "x");
    assert_eq!(p.store.object("k.tflock"), None);
}

#[tokio::test]
async fn a_held_lock_is_shown_waited_for_and_broken() {
    let p = Place::new();
    let first = p.writer().await;
    let Err(Error::Locked { holder: Some(h), .. }) = p.try_open(&p.remote(), Access::Write).await else { panic!() };
    assert_eq!(h.operation, "OperationTypeApply");
    let mut o = Options::new("default", Access::Write, "x");
    o.locking = Locking::On { timeout: Duration::from_secs(5) };
    let r = p.remote();
    let waiting = {
        let h = p.host();
        tokio::spawn(async move { r.open(o, &h).await.map(|_| ()) })
    };
    assert!(matches!(waiting.await.unwrap(), Err(Error::Locked { .. })));
    assert!(p.remote().force_unlock("default", "nonsense").await.unwrap_err().to_string().contains(&h.id));
    p.remote().force_unlock("default", &h.id).await.unwrap();
    let second = p.writer().await;
    first.close().await.unwrap();
    assert!(p.store.item("bucket/app.tfstate").is_some(), "the lock of another is not released");
    second.close().await.unwrap();
    assert!(p.store.item("bucket/app.tfstate").is_none());
    assert!(p.remote().force_unlock("default", &h.id).await.unwrap_err().to_string().contains("not locked"));
}

#[tokio::test]
async fn an_unreadable_lock_is_respected() {
    let p = Place::new();
    for (info, want) in [(None, "no Info"), (Some(""), "not readable"), (Some("{}"), "no ID")] {
        p.store.put_item(Item { id: "bucket/app.tfstate".into(), info: info.map(str::to_owned), ..Item::default() });
        let Err(Error::Locked { holder: None, reason, .. }) = p.try_open(&p.remote(), Access::Plan).await else {
            panic!()
        };
        assert!(reason.contains(want), "{reason}");
        assert!(p.remote().force_unlock("default", "x").await.unwrap_err().to_string().contains("by hand"));
    }
}

#[tokio::test]
async fn a_wrong_digest_stops_everything() {
    let p = Place::new();
    let mut s = p.writer().await;
    create(&mut s, "t.a", "1").await.unwrap();
    s.close().await.unwrap();
    p.store.put_item(Item { id: "bucket/app.tfstate-md5".into(), digest: Some("00".into()), ..Item::default() });
    let before = p.store.object("app.tfstate");
    let h = p.host();
    let e = p.remote().open(Options::new("default", Access::Write, "x"), &h).await.err().unwrap();
    assert!(matches!(&e, Error::Digest { expected, .. } if expected == "00"), "{e}");
    assert_eq!(h.clock.boot().as_secs(), 10, "asked again for ten seconds");
    assert_eq!(p.store.object("app.tfstate"), before);
    assert!(p.store.item("bucket/app.tfstate").is_none(), "the lock was given back");
    p.store.remove_item("bucket/app.tfstate-md5");
    p.writer().await.close().await.unwrap();
}

#[tokio::test]
async fn another_writer_is_never_overwritten() {
    let p = Place::new();
    let mut s = p.writer().await;
    create(&mut s, "t.a", "1").await.unwrap();
    s.flush().await.unwrap();
    let theirs = State::new("other").to_bytes();
    p.store.put_object("app.tfstate", theirs.clone());
    create(&mut s, "t.b", "2").await.unwrap();
    let e = s.close().await.unwrap_err();
    let Error::NotSaved { cause, errored: Some(path) } = e else { panic!("{e}") };
    assert!(matches!(*cause, Error::Changed { .. }));
    assert_eq!(p.store.object("app.tfstate").unwrap(), theirs);
    assert_eq!(State::parse(&std::fs::read(path).unwrap(), "e").unwrap().len(), 2);
}

#[tokio::test]
async fn an_empty_object_is_no_state() {
    let p = Place::new();
    p.store.put_object("app.tfstate", Vec::new());
    let mut s = p.writer().await;
    assert!(!s.existed());
    create(&mut s, "t.a", "1").await.unwrap();
    s.close().await.unwrap();
    assert_eq!(p.kept().len(), 1);
}

#[tokio::test]
async fn every_request_may_fail_once_in_every_way() {
    for fault in [Fault::AnswerLost, Fault::Dropped, Fault::Busy, Fault::Throttled] {
        for k in 1.. {
            let p = Place::new();
            let remote = p.remote().lockfile();
            p.store.faults(move |r| if r.n == k { fault } else { Fault::None });
            let mut s = p.try_open(&remote, Access::Write).await.unwrap_or_else(|e| panic!("{fault:?} at {k}: {e}"));
            create(&mut s, "t.a", "1").await.unwrap();
            s.close().await.unwrap_or_else(|e| panic!("{fault:?} at {k}: {e}"));
            let requests = p.log().len() as u64;
            assert_eq!(p.kept().len(), 1, "{fault:?} at {k}");
            assert!(p.digest_is_right(), "{fault:?} at {k}");
            assert!(p.store.item("bucket/app.tfstate").is_none(), "{fault:?} at {k}: still locked");
            assert_eq!(p.store.object("app.tfstate.tflock"), None, "{fault:?} at {k}: still locked");
            if k > requests {
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_store_that_stays_away_leaves_errored_tfstate() {
    let p = Place::new();
    let mut s = p.writer().await;
    create(&mut s, "t.a", "1").await.unwrap();
    p.store.faults(|r| if r.op == "put" { Fault::Dropped } else { Fault::None });
    create(&mut s, "t.b", "2").await.unwrap();
    let e = s.close().await.unwrap_err();
    assert!(matches!(&e, Error::NotSaved { errored: Some(_), .. }), "{e}");
    assert!(p.store.item("bucket/app.tfstate").is_none(), "the lock is of no use to anybody");
    p.store.heal();
    let e = p.dir.path().join("errored.tfstate");
    assert_eq!(State::parse(&std::fs::read(e).unwrap(), "e").unwrap().len(), 2);
}

#[tokio::test]
async fn permission_is_not_retried() {
    let p = Place::new();
    p.store.faults(|_| Fault::Denied);
    let h = p.host();
    let e = p.remote().open(Options::new("default", Access::Write, "x"), &h).await.err().unwrap();
    assert!(matches!(e, Error::Store { .. }), "{e}");
    assert_eq!(h.clock.boot(), Duration::ZERO);
}

#[tokio::test]
async fn workspaces() {
    let p = Place::new();
    let r = p.remote();
    let h = p.host();
    let mut s = r.open(Options::new("dev", Access::Write, "init"), &h).await.unwrap();
    s.create().await.unwrap();
    s.append(vec![Record::Import { addr: addr("t.a"), object: object("1") }]).await.unwrap();
    s.close().await.unwrap();
    assert_eq!(r.workspaces().await.unwrap(), ["default", "dev"]);
    let o = || Options::new("dev", Access::Write, "workspace-delete");
    assert!(r.delete(o(), false, &h).await.unwrap_err().to_string().contains("still holds 1"));
    r.delete(o(), true, &h).await.unwrap();
    assert_eq!(r.workspaces().await.unwrap(), ["default"]);
    assert_eq!(p.store.keys(), Vec::<String>::new());
    assert!(p.store.item("bucket/env:/dev/app.tfstate-md5").is_none());
    assert!(matches!(r.delete(o(), true, &h).await, Err(Error::NoWorkspace { .. })));
    assert!(r.delete(Options::new("default", Access::Write, "x"), true, &h).await.is_err());
}
