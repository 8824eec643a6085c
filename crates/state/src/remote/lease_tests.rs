//! The lease on the fakes, one test for each row of the protocol's table: holders that live, die at any request, sleep.

use std::sync::Arc;
use std::time::Duration;

use stackctl_core::Host;

use super::*;
use crate::backend::{Access, Backend as _, Locking, Notice, Options};
use crate::memory::{Fault, Memory};
use crate::record::Action;
use crate::remote::Remote;
use crate::session::Session;
use crate::store::{Item, LockTable, Objects};
use crate::testing::*;

/// What locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Item,
    Object,
    Both,
    /// Nothing is configured: the lease object.
    Neither,
}

const ALL: [How; 4] = [How::Item, How::Object, How::Both, How::Neither];
const MINUTES: Duration = Duration::from_secs(300);

struct Place {
    store: Memory,
    dir: tempfile::TempDir,
    clock: Hand,
    runs: std::cell::Cell<u64>,
    notices: Arc<std::sync::Mutex<Vec<Notice>>>,
}

impl Place {
    fn new() -> Place {
        let dir = tempfile::tempdir().unwrap();
        let (store, clock) = (Memory::new(), Hand::default());
        Place { store, dir, clock, runs: std::cell::Cell::new(0), notices: Arc::default() }
    }
    fn remote(&self, how: How, by: u32) -> Remote {
        let store = self.store.handle(by);
        let objects: Arc<dyn Objects> = Arc::new(store.clone());
        let mut remote = Remote::new(objects, "k", "env:").journal();
        if matches!(how, How::Item | How::Both) {
            let table: Arc<dyn LockTable> = Arc::new(store);
            remote = remote.table(table);
        }
        if matches!(how, How::Object | How::Both) { remote.lockfile() } else { remote }
    }
    fn host(&self) -> Host {
        self.runs.set(self.runs.get() + 1);
        host_with(self.dir.path(), self.runs.get(), &self.clock)
    }
    fn options(&self, timeout: Duration) -> Options {
        let notices = self.notices.clone();
        Options {
            locking: Locking::On { timeout },
            watch: Arc::new(move |n| notices.lock().unwrap().push(n)),
            ..Options::new("default", Access::Write, "OperationTypeApply")
        }
    }
    async fn open(&self, how: How, by: u32, host: &Host) -> Result<Session, Error> {
        let mut s = self.remote(how, by).open(self.options(Duration::ZERO), host).await?;
        s.resolve(Vec::new()).await?;
        Ok(s)
    }
    /// Opens in the background, waiting up to five minutes. Ends with the time that it took.
    fn wait(&self, how: How, by: u32) -> tokio::task::JoinHandle<Result<(Session, Duration), Error>> {
        let (remote, host, options) = (self.remote(how, by), self.host(), self.options(MINUTES));
        tokio::spawn(async move {
            let start = host.clock.boot();
            let mut s = remote.open(options, &host).await?;
            s.resolve(Vec::new()).await?;
            Ok((s, host.clock.boot() - start))
        })
    }
    fn beats(&self) -> Vec<u64> {
        let objects = ["k.tflock", "k.journal/lease"].into_iter().filter_map(|k| {
            let v: serde_json::Value = serde_json::from_slice(&self.store.object(k)?).unwrap();
            v["StackctlBeat"].as_u64()
        });
        objects.chain(self.store.item("bucket/k").and_then(|i| i.lease).map(|l| l.beat)).collect()
    }
    fn is_locked(&self) -> bool {
        !self.beats().is_empty()
    }
    fn took_over(&self) -> bool {
        self.notices.lock().unwrap().iter().any(|n| matches!(n, Notice::TookOver { .. }))
    }
    /// The holder seems to run on another machine.
    fn elsewhere(&self) {
        for key in ["k.tflock", "k.journal/lease"] {
            if let Some(bytes) = self.store.object(key) {
                let mut v: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
                v["StackctlProc"] = "other/boot/1/1".into();
                self.store.put_object(key, serde_json::to_vec(&v).unwrap());
            }
        }
    }
}

async fn create(s: &mut Session, to: &str) -> Result<(), Error> {
    let t = s.token(&addr(to));
    s.append(vec![intent(Action::Create, to, &t, None)]).await?;
    s.gate().open().await?;
    s.append(vec![created(to, &t, to)]).await
}

#[tokio::test]
async fn a_living_holder_is_renewed_and_never_taken_over() {
    for how in ALL {
        let p = Place::new();
        let mut s = p.open(how, 1, &p.host()).await.unwrap();
        let places = if how == How::Both { 2 } else { 1 };
        assert_eq!(p.beats(), vec![0; places], "{how:?}");
        let waiting = p.wait(how, 2);
        p.clock.advance(Duration::from_secs(250)).await;
        assert_eq!(p.beats(), vec![12; places], "{how:?}: a beat every twenty seconds");
        assert!(!waiting.is_finished(), "{how:?}");
        create(&mut s, "t.a").await.unwrap();
        s.close().await.unwrap();
        p.clock.advance(Duration::from_secs(20)).await;
        assert!(waiting.is_finished(), "{how:?}: it waits no longer than the lock is held");
        let (s, _) = waiting.await.unwrap().unwrap();
        assert_eq!(s.state().len(), 1);
        s.close().await.unwrap();
        assert!(!p.is_locked(), "{how:?}");
        assert!(!p.took_over(), "{how:?}");
    }
}

#[tokio::test]
async fn a_dead_holder_elsewhere_is_taken_over_after_95_seconds() {
    for how in ALL {
        let p = Place::new();
        let mut s = p.open(how, 1, &p.host()).await.unwrap();
        create(&mut s, "t.a").await.unwrap();
        drop(s);
        p.clock.advance(Duration::from_secs(1000)).await;
        let waiting = p.wait(how, 2);
        p.clock.advance(Duration::from_secs(94)).await;
        assert!(!waiting.is_finished(), "{how:?}: the beat's own time proves nothing");
        p.clock.advance(Duration::from_secs(4)).await;
        let (s, took) = waiting.await.unwrap().unwrap();
        assert!(took >= STILL, "{how:?}: {took:?}");
        assert_eq!(s.state().len(), 1, "{how:?}: recovered");
        assert!(p.took_over(), "{how:?}");
        s.close().await.unwrap();
        assert!(!p.is_locked(), "{how:?}");
    }
}

#[tokio::test]
async fn waiting_is_worth_it_only_where_the_holder_seems_dead() {
    let p = Place::new();
    let s = p.open(How::Item, 1, &p.host()).await.unwrap();
    let e = p.open(How::Item, 2, &p.host()).await.err().unwrap();
    assert!(matches!(&e, Error::Locked { holder: Some(_), reason, .. } if reason.contains("renewed last")), "{e}");
    assert_eq!(p.clock.boot(), Duration::ZERO, "without -lock-timeout nobody waits for the living");
    drop(s);
    p.clock.advance(Duration::from_secs(91)).await;
    let (remote, host, options) = (p.remote(How::Item, 2), p.host(), p.options(Duration::ZERO));
    let late = tokio::spawn(async move { remote.open(options, &host).await });
    p.clock.advance(Duration::from_secs(100)).await;
    assert!(late.await.unwrap().is_ok(), "it waited for the proof");
}

#[tokio::test]
async fn a_dead_process_of_this_machine_is_replaced_at_once() {
    let me = process::current();
    let (here, _) = me.rsplit_once('/').unwrap();
    let p = Place::new();
    let info = LockInfo { id: "dead".into(), who: "ada@here".into(), ..LockInfo::default() }.to_json();
    let lease = Lease { lease_ms: 90_000, beat: 4, beat_at: String::new(), process: format!("{here}/1") };
    p.store.put_item(Item { id: "bucket/k".into(), info: Some(info), lease: Some(lease), ..Item::default() });
    let s = p.open(How::Item, 1, &p.host()).await.unwrap();
    assert!(p.took_over());
    s.close().await.unwrap();
    assert!(!p.is_locked());
}

#[tokio::test]
async fn terraforms_lock_has_no_lease_and_is_never_taken_over() {
    for how in [How::Item, How::Object, How::Both] {
        let p = Place::new();
        let info = LockInfo { id: "tf".into(), who: "bob@tf".into(), ..LockInfo::default() }.to_json();
        if how == How::Item {
            p.store.put_item(Item { id: "bucket/k".into(), info: Some(info.clone()), ..Item::default() });
        } else {
            p.store.put_object("k.tflock", info.clone().into_bytes());
        }
        let waiting = p.wait(how, 1);
        p.clock.advance(MINUTES + Duration::from_secs(2)).await;
        let e = waiting.await.unwrap().err().unwrap();
        assert!(matches!(&e, Error::Locked { holder: Some(h), .. } if h.who == "bob@tf"), "{how:?}: {e}");
        if how != How::Item {
            assert_eq!(p.store.object("k.tflock").unwrap(), info.into_bytes());
            assert!(p.store.item("bucket/k").is_none());
        }
        p.remote(how, 1).force_unlock("default", "tf").await.unwrap();
        p.open(how, 1, &p.host()).await.unwrap().close().await.unwrap();
    }
}

/// A machine that stood still: its clock goes on elsewhere, and it learns of it when it wakes.
#[tokio::test]
async fn a_sleeping_holder_sends_nothing_more() {
    for how in ALL {
        let p = Place::new();
        let mut asleep = p.open(how, 1, &p.host()).await.unwrap();
        create(&mut asleep, "t.a").await.unwrap();
        // Its renewals do not get out any more, and neither does anything else.
        p.store.faults(|r| if r.by == 1 { Fault::StopBefore } else { Fault::None });
        p.clock.advance(Duration::from_secs(44)).await;
        asleep.gate().check().unwrap();
        p.clock.advance(Duration::from_secs(22)).await;
        let e = asleep.gate().check().unwrap_err();
        assert!(e.is_fence(), "{how:?}: closed before anybody else may take over: {e}");
        p.elsewhere();
        let waiting = p.wait(how, 2);
        p.clock.advance(Duration::from_secs(100)).await;
        let (mut second, _) = waiting.await.unwrap().unwrap();
        create(&mut second, "t.b").await.unwrap();
        second.close().await.unwrap();
        let before = (p.store.object("k"), p.store.keys());
        // It wakes up: nothing of what it wants happens.
        p.store.heal();
        let gate = asleep.gate();
        let open = tokio::spawn(async move { gate.open().await });
        p.clock.advance(Duration::from_secs(30)).await;
        if open.is_finished() {
            assert!(open.await.unwrap().is_err(), "{how:?}: it may still send");
        }
        assert!(asleep.append(vec![created("t.late", "x", "late")]).await.is_err(), "{how:?}");
        assert!(asleep.close().await.is_err());
        assert_eq!((p.store.object("k"), p.store.keys()), before, "{how:?}");
    }
}

/// Paused for too long, but nobody wanted the lock: the run goes on.
#[tokio::test]
async fn a_pause_that_nobody_used_does_no_harm() {
    let p = Place::new();
    let mut s = p.open(How::Both, 1, &p.host()).await.unwrap();
    let down = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let d = down.clone();
    p.store.faults(move |_| if d.load(std::sync::atomic::Ordering::SeqCst) { Fault::Throttled } else { Fault::None });
    p.clock.advance(Duration::from_secs(200)).await;
    assert!(s.gate().check().is_err());
    down.store(false, std::sync::atomic::Ordering::SeqCst);
    let gate = s.gate();
    let open = tokio::spawn(async move { gate.open().await });
    p.clock.advance(Duration::from_secs(5)).await;
    open.await.unwrap().unwrap();
    create(&mut s, "t.a").await.unwrap();
    assert_eq!(s.close().await.unwrap().len(), 1);
    assert!(!p.is_locked());
}

#[tokio::test]
async fn after_force_unlock_outcomes_are_kept_and_nothing_is_sent() {
    for how in ALL {
        let p = Place::new();
        let mut s = p.open(how, 1, &p.host()).await.unwrap();
        create(&mut s, "t.a").await.unwrap();
        let t = s.token(&addr("t.b"));
        s.append(vec![intent(Action::Create, "t.b", &t, None)]).await.unwrap();
        let Err(Error::Locked { holder: Some(h), .. }) = p.open(how, 2, &p.host()).await else { panic!("{how:?}") };
        p.remote(how, 2).force_unlock("default", &h.id).await.unwrap();
        p.clock.advance(Duration::from_secs(21)).await;
        let e = s.gate().open().await.unwrap_err();
        assert!(e.to_string().contains("was broken"), "{how:?}: {e}");
        let kept = p.store.object("k");
        s.append(vec![created("t.b", &t, "t.b")]).await.unwrap();
        let end = s.close().await.unwrap_err();
        assert!(matches!(&end, Error::NotSaved { cause, .. } if cause.is_fence()), "{how:?}: {end}");
        assert_eq!(p.store.object("k"), kept, "{how:?}: it folds nothing");
        let s = p.open(how, 2, &p.host()).await.unwrap();
        assert_eq!(s.state().len(), 2, "{how:?}: the outcome is in the journal");
        s.close().await.unwrap();
    }
}

/// A holder dies at every request, the renewals among them; whoever waits gets the lock and everything that was durable.
#[tokio::test]
async fn holders_die_at_every_request() {
    for how in [How::Both, How::Neither] {
        for stop in [Fault::StopBefore, Fault::StopAfter] {
            for k in 1.. {
                let p = Place::new();
                let mut mine = 0;
                p.store.faults(move |r| {
                    mine += u64::from(r.by == 1);
                    match mine {
                        _ if r.by != 1 || mine < k => Fault::None,
                        _ if mine == k => stop,
                        _ => Fault::StopBefore,
                    }
                });
                let (remote, host, options) = (p.remote(how, 1), p.host(), p.options(Duration::ZERO));
                let durable = Arc::new(std::sync::atomic::AtomicUsize::new(0));
                let (count, clock) = (durable.clone(), host.clock.clone());
                let run = tokio::spawn(async move {
                    let mut s = remote.open(options, &host).await?;
                    s.resolve(Vec::new()).await?;
                    for to in ["t.a", "t.b"] {
                        create(&mut s, to).await?;
                        count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                        clock.sleep(Duration::from_secs(25)).await;
                    }
                    s.close().await
                });
                p.clock.advance(Duration::from_secs(60)).await;
                let done = run.is_finished();
                run.abort();
                let _ = run.await;
                let waiting = p.wait(how, 2);
                p.clock.advance(Duration::from_secs(120)).await;
                let what = format!("{how:?} {stop:?} at request {k}");
                assert!(waiting.is_finished(), "{what}: nobody gets the lock");
                let (s, _) = waiting.await.unwrap().unwrap_or_else(|e| panic!("{what}: {e}"));
                let least = durable.load(std::sync::atomic::Ordering::SeqCst);
                assert!(s.state().len() >= least, "{what}: {} of {least}", s.state().len());
                s.close().await.unwrap_or_else(|e| panic!("{what}: {e}"));
                assert!(!p.is_locked(), "{what}");
                if done {
                    break;
                }
            }
        }
    }
}

#[tokio::test]
async fn answers_of_renewals_may_be_lost() {
    for fault in [Fault::AnswerLost, Fault::Dropped, Fault::Busy, Fault::Throttled] {
        for how in ALL {
            let p = Place::new();
            let s = p.open(how, 1, &p.host()).await.unwrap();
            let mut n = 0;
            p.store.faults(move |_| {
                n += 1;
                if n % 3 == 1 { fault } else { Fault::None }
            });
            for _ in 0..30 {
                p.clock.advance(Duration::from_secs(10)).await;
                s.gate().check().unwrap_or_else(|e| panic!("{fault:?} {how:?}: {e}"));
            }
            p.store.heal();
            s.close().await.unwrap();
            assert!(!p.is_locked(), "{fault:?} {how:?}");
        }
    }
}
