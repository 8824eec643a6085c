//! What runs leave behind that died or were displaced in the middle of a fold: the states that `docs/design/journal_model.py`
//! found to be without a way out, or without a fence.

use std::sync::Arc;

use super::*;
use crate::backend::{Backend as _, Options};
use crate::memory::{Fault, Memory, Request};
use crate::record::{Action, Record};
use crate::remote::Remote;
use crate::store::{Item, LockTable};
use crate::testing::*;

struct Place {
    store: Memory,
    dir: tempfile::TempDir,
    runs: u64,
}

impl Place {
    /// A state that exists.
    async fn new() -> Place {
        let mut p = Place { store: Memory::new(), dir: tempfile::tempdir().unwrap(), runs: 0 };
        let mut s = p.open().await.unwrap();
        s.create().await.unwrap();
        s.close().await.unwrap();
        p
    }
    /// The next run; whoever held the lock is displaced.
    async fn open(&mut self) -> Result<Session> {
        self.store.remove_item("bucket/k");
        self.runs += 1;
        let table: Arc<dyn LockTable> = Arc::new(self.store.clone());
        let remote = Remote::new(Arc::new(self.store.clone()), "k", "env:").table(table).journal();
        let options = Options::new("default", Access::Write, "OperationTypeApply");
        remote.open(options, &host(self.dir.path(), self.runs)).await
    }
    async fn recover(&mut self) -> Session {
        let mut s = self.open().await.unwrap_or_else(|e| panic!("run {}: {e}", self.runs));
        s.resolve(Vec::new()).await.unwrap();
        s
    }
    /// Closes a run that dies at the first request of which this is true.
    async fn dies(&self, s: Session, at: impl Fn(&Request) -> bool + Send + 'static) {
        self.store.faults(move |r| if at(r) { Fault::StopBefore } else { Fault::None });
        let end = tokio::spawn(s.close());
        for _ in 0..500 {
            tokio::task::yield_now().await;
        }
        assert!(!end.is_finished(), "it was to die");
        end.abort();
        self.store.heal();
    }
    fn digest_is_right(&self) -> bool {
        self.store.item("bucket/k-md5").unwrap().digest.unwrap() == md5(&self.store.object("k").unwrap())
    }
    /// The next run ends without a question, with the digest right and nothing left to do.
    async fn check(&mut self, objects: usize) {
        let state = self.recover().await.close().await.unwrap();
        assert_eq!(state.len(), objects);
        assert!(self.digest_is_right());
        let s = self.open().await.unwrap();
        self.store.take_log();
        s.close().await.unwrap();
        let written: Vec<_> = self.store.take_log().into_iter().filter(|r| r.op == "put").collect();
        assert!(written.is_empty(), "{written:?}");
    }
}

fn digest(r: &Request) -> bool {
    r.op == "item.put" && r.key == "bucket/k-md5"
}

async fn made(s: &mut Session, to: &str) {
    let token = s.token(&addr(to));
    s.append(vec![intent(Action::Create, to, &token, None)]).await.unwrap();
    s.append(vec![created(to, &token, &format!("id-{to}"))]).await.unwrap();
}

/// The recovery has folded everything; what its run then did needed no segment; and it died between state and digest.
#[tokio::test]
async fn a_last_fold_without_segments_may_die_before_its_digest() {
    let mut p = Place::new().await;
    let mut s = p.open().await.unwrap();
    made(&mut s, "t.a").await;
    drop(s);
    let mut s = p.recover().await;
    drop(s.append(vec![Record::Set { at: at("t.b"), object: object("b") }]));
    p.dies(s, digest).await;
    assert!(!p.digest_is_right());
    p.check(2).await;
}

/// One run died between state and digest, and the recovery after it behind its claim.
#[tokio::test]
async fn a_recovery_of_a_digest_may_die_behind_its_claim() {
    let mut p = Place::new().await;
    let mut s = p.open().await.unwrap();
    made(&mut s, "t.a").await;
    p.dies(s, digest).await;
    for _ in 0..2 {
        drop(p.open().await.unwrap_or_else(|e| panic!("run {}: {e}", p.runs)));
    }
    assert!(!p.digest_is_right());
    p.check(1).await;
}

/// A recovery that finds the state as it should be writes it nevertheless: whom it displaced holds its version.
#[tokio::test]
async fn a_displaced_fold_fails_also_where_the_recovery_changed_nothing() {
    let mut p = Place::new().await;
    let mut asleep = p.open().await.unwrap();
    asleep.append(vec![intent(Action::Create, "t.a", "t", None)]).await.unwrap();
    asleep.append(vec![Record::Failed { token: "t".into() }]).await.unwrap();
    drop(asleep.append(vec![Record::Set { at: at("t.b"), object: object("b") }]));
    p.recover().await.close().await.unwrap();
    let kept = p.store.object("k");
    p.store.put_item(Item { id: "bucket/k".into(), info: Some("{}".into()), ..Item::default() });
    let end = asleep.close().await;
    assert!(matches!(&end, Err(Error::NotSaved { cause, .. }) if cause.is_fence()), "{end:?}");
    assert_eq!(p.store.object("k"), kept, "it wrote the state");
    p.check(0).await;
}

/// An intent of a run that died, announced in a segment or carried on by a checkpoint, and another tool that has made its own
/// object at the address since, or written the state around the object that was to be replaced.
#[tokio::test]
async fn what_another_tool_made_stays_where_a_create_is_found() {
    for (folded, replaced) in [(false, None), (true, None), (false, Some("theirs")), (true, Some("theirs"))] {
        let mut p = Place::new().await;
        let mut s = p.open().await.unwrap();
        s.append(vec![intent(Action::Create, "t.a", "t", replaced)]).await.unwrap();
        if folded {
            s.flush().await.unwrap();
        }
        drop(s);
        let mut theirs = State::parse(&p.store.object("k").unwrap(), "k").unwrap();
        theirs.mark = None;
        theirs.put(&at("t.a"), object("theirs"));
        p.store.put_object("k", theirs.to_bytes());
        let digest = Some(md5(&theirs.to_bytes()));
        p.store.put_item(Item { id: "bucket/k-md5".into(), digest, ..Item::default() });
        // A recovery that died behind its claim changes nothing about it.
        drop(p.open().await.unwrap());
        let mut s = p.open().await.unwrap();
        assert_eq!(s.pending().open.len(), 1);
        s.resolve(vec![created("t.a", "t", "ours")]).await.unwrap();
        let state = s.close().await.unwrap();
        let (stays, deposed) = if replaced.is_some() { ("ours", "theirs") } else { ("theirs", "ours") };
        let what = format!("folded: {folded}, replaces {replaced:?}");
        assert_eq!(state.current(&addr("t.a")).unwrap().id(), Some(stays), "{what}");
        assert!(state.instance(&addr("t.a")).unwrap().by_id(deposed).is_some(), "{what}");
    }
}

/// Nobody knows whether the state or its digest is right. Who says so, by replacing the state with itself, writes both.
#[tokio::test]
async fn a_state_that_is_put_in_its_own_place_has_its_digest_again() {
    for journal in [true, false] {
        let mut p = Place::new().await;
        let kept = p.store.object("k").unwrap();
        p.store.put_item(Item { id: "bucket/k-md5".into(), digest: Some("0".repeat(32)), ..Item::default() });
        if journal {
            assert!(matches!(p.open().await, Err(Error::Digest { .. })));
        }
        p.store.remove_item("bucket/k");
        let table: Arc<dyn LockTable> = Arc::new(p.store.clone());
        let remote = Remote::new(Arc::new(p.store.clone()), "k", "env:").table(table);
        let remote = if journal { remote.journal() } else { remote };
        let options = Options { replacing: true, ..Options::new("default", Access::Write, "OperationTypeApply") };
        let mut s = remote.open(options, &host(p.dir.path(), 9)).await.unwrap();
        assert!(!s.is_sound());
        s.edit(|_| {}).await.unwrap();
        s.close().await.unwrap();
        assert_ne!(p.store.object("k").unwrap(), kept, "another serial");
        assert!(p.digest_is_right(), "journal: {journal}");
    }
}
