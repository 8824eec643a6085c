//! The S3 journal on the fakes: a small cloud, writers that are killed at every request, and several at once.
//!
//! The cloud has three kinds of objects, as the protocol has: `tok.*` honours client tokens, `name.*` has unique names
//! and carries its token as a tag, `tag.*` makes a new object for every request.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::*;
use crate::backend::Backend as _;
use crate::memory::{Fault, Memory};
use crate::record::{Action, Record};
use crate::remote::Remote;
use crate::session::Pending;
use crate::store::{LockTable, Objects};
use crate::testing::*;

#[derive(Clone, Debug)]
struct Thing {
    addr: String,
    token: String,
    alive: bool,
}

/// Things by id.
#[derive(Clone, Default)]
struct Cloud(Arc<Mutex<BTreeMap<String, Thing>>>);

impl Cloud {
    fn create(&self, addr: &str, token: &str) -> Option<String> {
        let mut w = self.0.lock().unwrap();
        let kind = addr.split('.').next().unwrap();
        for (id, t) in w.iter().filter(|(_, t)| t.addr == addr) {
            match kind {
                "tok" if t.token == token => {
                    assert!(t.alive, "the token of a deleted object was used again");
                    return Some(id.clone());
                }
                "name" if t.alive => return (t.token == token).then(|| id.clone()),
                _ => {}
            }
        }
        let id = format!("i{}", w.len());
        w.insert(id.clone(), Thing { addr: addr.to_owned(), token: token.to_owned(), alive: true });
        Some(id)
    }
    fn delete(&self, id: &str) {
        if let Some(t) = self.0.lock().unwrap().get_mut(id) {
            t.alive = false;
        }
    }
    fn alive(&self, id: &str) -> bool {
        self.0.lock().unwrap().get(id).is_some_and(|t| t.alive)
    }
    fn by_token(&self, token: &str) -> Vec<String> {
        let w = self.0.lock().unwrap();
        w.iter().filter(|(_, t)| t.alive && t.token == token).map(|(id, _)| id.clone()).collect()
    }
    fn living(&self) -> Vec<(String, String)> {
        let w = self.0.lock().unwrap();
        w.iter().filter(|(_, t)| t.alive).map(|(id, t)| (t.addr.clone(), id.clone())).collect()
    }
}

/// What an engine does with what an earlier run left open.
fn look_up(cloud: &Cloud, pending: &Pending) -> Vec<Record> {
    let mut out = Vec::new();
    let adopt = |token: &str, addr: &stackctl_core::InstanceAddr, id: &str| Record::Adopt {
        token: Some(token.to_owned()),
        addr: addr.clone(),
        object: object(id),
    };
    for i in &pending.open {
        match (i.action, &i.id) {
            (Action::Create, _) => {
                out.extend(cloud.by_token(&i.token).iter().map(|id| adopt(&i.token, &i.at.addr, id)));
            }
            (_, Some(id)) if !cloud.alive(id) => out.push(deleted(&i.at.addr.to_string(), &i.token, id)),
            _ => {}
        }
    }
    for d in &pending.doubts {
        let found = cloud.by_token(&d.intent.token);
        let new = found.iter().filter(|id| !d.seen.contains(*id));
        out.extend(new.map(|id| adopt(&d.intent.token, &d.intent.at.addr, id)));
    }
    for c in pending.claims.iter().filter(|c| c.object.id().is_some_and(|id| cloud.alive(id))) {
        out.push(Record::Adopt { token: None, addr: c.addr.clone(), object: c.object.clone() });
    }
    out
}

async fn breathe(n: u64) {
    for _ in 0..n {
        tokio::task::yield_now().await;
    }
}

/// One run: recover, destroy what is deposed or unwanted, create what is missing.
async fn apply(remote: &Remote, cloud: &Cloud, host: &Host, goal: &[&str], mut rng: Rng) -> Result<State> {
    let mut s = remote.open(Options::new("default", Access::Write, "OperationTypeApply"), host).await?;
    let found = look_up(cloud, s.pending());
    s.resolve(found).await?;
    // The refresh: what is gone leaves the state.
    let gone: Vec<Record> =
        s.state().objects().filter(|(_, o)| !cloud.alive(o.id().unwrap())).map(|(at, _)| Record::Rm { at }).collect();
    if !gone.is_empty() {
        s.append(gone).await?;
    }
    let unwanted: Vec<_> = s
        .state()
        .objects()
        .filter(|(t, _)| t.deposed.is_some() || !goal.contains(&t.addr.to_string().as_str()))
        .map(|(t, o)| (t.addr.to_string(), o.id().unwrap().to_owned()))
        .collect();
    for (to, id) in unwanted {
        let token = format!("delete-{to}-{id}");
        s.append(vec![intent(Action::Delete, &to, &token, Some(&id))]).await?;
        breathe(rng.below(4)).await;
        cloud.delete(&id);
        breathe(rng.below(4)).await;
        s.append(vec![deleted(&to, &token, &id)]).await?;
    }
    for to in goal {
        if s.state().current(&addr(to)).is_some() {
            continue;
        }
        let token = s.token(&addr(to));
        s.append(vec![intent(Action::Create, to, &token, None)]).await?;
        s.gate().check()?;
        // Here a paused process may sleep for any time: the request still goes out.
        breathe(rng.below(40)).await;
        let id = cloud.create(to, &token).expect("a name is taken by an object that nobody knows");
        breathe(rng.below(4)).await;
        s.append(vec![created(to, &token, &id)]).await?;
        if rng.below(6) == 0 {
            s.flush().await?;
        }
    }
    s.close().await
}

/// A small linear congruential generator: the same seed, the same run.
#[derive(Clone)]
struct Rng(u64);

impl Rng {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

struct World {
    store: Memory,
    cloud: Cloud,
    dir: tempfile::TempDir,
    hosts: u64,
}

const GOAL: &[&str] = &["tok.a", "name.b", "tag.c", "tag.d[0]"];

impl World {
    fn new() -> World {
        World { store: Memory::new(), cloud: Cloud::default(), dir: tempfile::tempdir().unwrap(), hosts: 0 }
    }
    fn remote(&self, by: u32) -> Remote {
        let store = self.store.handle(by);
        let objects: Arc<dyn Objects> = Arc::new(store.clone());
        let table: Arc<dyn LockTable> = Arc::new(store);
        Remote::new(objects, "k", "env:").table(table).journal()
    }
    fn host(&mut self) -> Host {
        self.hosts += 1;
        host(self.dir.path(), self.hosts)
    }
    /// What `force-unlock` does, or a lease that is over.
    fn steal(&self) {
        self.store.remove_item("bucket/k");
    }
    async fn undisturbed(&mut self, goal: &[&str], what: &str) -> State {
        self.store.heal();
        self.steal();
        let (remote, host) = (self.remote(9), self.host());
        let state = apply(&remote, &self.cloud, &host, goal, Rng(1)).await;
        state.unwrap_or_else(|e| panic!("{what}: the last run failed: {e}"))
    }
    /// After everybody died: one run ends without a question, and everything is as it should be.
    async fn check(&mut self, goal: &[&str], what: &str) {
        let state = self.undisturbed(goal, what).await;
        let mut in_state: Vec<(String, String)> =
            state.objects().map(|(t, o)| (t.addr.to_string(), o.id().unwrap().to_owned())).collect();
        let mut living = self.cloud.living();
        in_state.sort();
        living.sort();
        assert_eq!(in_state, living, "{what}: state and cloud differ");
        let mut addrs: Vec<&str> = living.iter().map(|(a, _)| a.as_str()).collect();
        addrs.dedup();
        let mut want = goal.to_vec();
        want.sort_unstable();
        assert_eq!(addrs, want, "{what}");
        assert_eq!(living.len(), want.len(), "{what}: something exists twice");
        let kept = self.store.object("k").unwrap();
        assert_eq!(self.store.item("bucket/k-md5").unwrap().digest.unwrap(), md5(&kept), "{what}: digest");
        assert!(self.store.item("bucket/k").is_none(), "{what}: still locked");
        let again = self.undisturbed(goal, what).await;
        assert!(again.same_content(&state), "{what}: a second run changes something");
    }
}

#[tokio::test]
async fn a_clean_run_leaves_one_small_segment() {
    let mut w = World::new();
    w.check(GOAL, "alone").await;
    let journal: Vec<String> = w.store.keys().into_iter().filter(|k| k.contains(".journal/")).collect();
    assert_eq!(journal.len(), 1, "{journal:?}");
    w.store.take_log();
    w.undisturbed(GOAL, "again").await;
    let writes = w.store.take_log().into_iter().filter(|r| r.op == "put" || r.op == "delete").count();
    assert_eq!(writes, 0, "nothing to do writes nothing");
    let text = String::from_utf8(w.store.object("k").unwrap()).unwrap();
    assert!(text.contains("\"stackctl\": {\n    \"journal\": {\n      \"epoch\": "), "{text}");
}

#[tokio::test]
async fn an_apply_may_die_at_every_request() {
    for stop in [Fault::StopBefore, Fault::StopAfter] {
        for k in 1.. {
            let mut w = World::new();
            w.store.faults(move |r| if r.n == k { stop } else { Fault::None });
            let (remote, cloud, host) = (w.remote(1), w.cloud.clone(), w.host());
            let run = tokio::spawn(async move { apply(&remote, &cloud, &host, GOAL, Rng(k)).await });
            breathe(3000).await;
            let done = run.is_finished();
            run.abort();
            w.check(GOAL, &format!("{stop:?} at request {k}")).await;
            if done {
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_destroy_and_a_recovery_may_die_at_every_request() {
    for stop in [Fault::StopBefore, Fault::StopAfter] {
        for k in (1..).step_by(3) {
            let mut w = World::new();
            w.undisturbed(GOAL, "setting up").await;
            let mut done = false;
            for _ in 0..2 {
                w.steal();
                let mut n = 0;
                w.store.faults(move |_| {
                    n += 1;
                    if n == k { stop } else { Fault::None }
                });
                let (remote, cloud, host) = (w.remote(1), w.cloud.clone(), w.host());
                let run = tokio::spawn(async move { apply(&remote, &cloud, &host, &["tok.a"], Rng(k)).await });
                breathe(3000).await;
                done = run.is_finished();
                run.abort();
            }
            w.check(&["tok.a"], &format!("{stop:?} at request {k}")).await;
            if done {
                break;
            }
        }
    }
}

#[tokio::test]
async fn every_answer_may_be_late_or_lost() {
    for fault in [Fault::AnswerLost, Fault::Dropped, Fault::Busy, Fault::Throttled] {
        for k in 1.. {
            let mut w = World::new();
            w.store.faults(move |r| if r.n == k { fault } else { Fault::None });
            let (remote, host) = (w.remote(1), w.host());
            let r = apply(&remote, &w.cloud, &host, GOAL, Rng(3)).await;
            assert!(r.is_ok(), "{fault:?} at request {k}: {}", r.unwrap_err());
            let requests = w.store.take_log().len() as u64;
            w.check(GOAL, &format!("{fault:?} at request {k}")).await;
            if k > requests {
                break;
            }
        }
    }
}

/// Three writers whose locks are stolen at random, with lost answers and deaths: the fence alone must hold.
async fn storm(seed: u64) -> usize {
    let mut rng = Rng(seed);
    let mut w = World::new();
    let goals: &[&[&str]] = &[GOAL, GOAL, &["tok.a", "tag.c"]];
    let mut faults = Rng(seed ^ 0x5555);
    let trouble = rng.below(3) * 40;
    w.store.faults(move |r| match faults.below(1000) {
        0..8 if r.op == "put" || r.op == "item.put" => Fault::AnswerLost,
        8..12 => Fault::Busy,
        12..20 if trouble > 0 => Fault::StopAfter,
        20..28 if trouble > 40 => Fault::StopBefore,
        _ => Fault::None,
    });
    let mut runs = Vec::new();
    for (i, goal) in goals.iter().enumerate() {
        let (remote, cloud, host, rng) = (w.remote(i as u32), w.cloud.clone(), w.host(), Rng(seed + i as u64));
        let pause = 60 * i as u64 + rng.clone().below(200);
        let goal: Vec<&'static str> = goal.to_vec();
        runs.push(tokio::spawn(async move {
            breathe(pause).await;
            let mut tries = 0;
            loop {
                match apply(&remote, &cloud, &host, &goal, rng.clone()).await {
                    Err(Error::Locked { .. }) if tries < 50 => tries += 1,
                    Err(Error::NotSaved { cause, .. }) => return Err(*cause),
                    r => return r.map(|_| ()),
                }
                breathe(20).await;
            }
        }));
    }
    for _ in 0..rng.below(12) {
        breathe(rng.below(300)).await;
        w.steal();
    }
    for _ in 0..60 {
        if runs.iter().all(|r| r.is_finished()) {
            break;
        }
        breathe(100).await;
    }
    let mut displaced = 0;
    for r in runs {
        if r.is_finished() {
            let answer = r.await.unwrap();
            displaced += usize::from(matches!(&answer, Err(Error::Fenced { .. })));
            match answer {
                Ok(()) | Err(Error::Fenced { .. } | Error::Locked { .. } | Error::Changed { .. }) => {}
                Err(e) => panic!("seed {seed}: a run ended with: {e}"),
            }
        } else {
            r.abort();
            let _ = r.await;
        }
    }
    w.check(GOAL, &format!("seed {seed}")).await;
    displaced
}

#[tokio::test]
async fn many_writers_and_stolen_locks() {
    let mut fenced = 0;
    for seed in 0..100 {
        fenced += storm(seed).await;
    }
    assert!(fenced > 20, "the storms are too tame to show anything: {fenced} runs were displaced");
}

#[tokio::test]
async fn terraform_in_between() {
    let mut w = World::new();
    w.undisturbed(&["tok.a"], "setting up").await;
    // Killed with two outcomes in the journal that no state holds.
    let (remote, cloud, host) = (w.remote(1), w.cloud.clone(), w.host());
    let mut s = remote.open(Options::new("default", Access::Write, "a"), &host).await.unwrap();
    s.resolve(Vec::new()).await.unwrap();
    for to in ["name.b", "tag.c"] {
        let token = s.token(&addr(to));
        s.append(vec![intent(Action::Create, to, &token, None)]).await.unwrap();
        let id = cloud.create(to, &token).unwrap();
        s.append(vec![created(to, &token, &id)]).await.unwrap();
    }
    drop(s);
    // Terraform breaks the lock, knows nothing of the journal, and makes its own `tag.c`.
    w.steal();
    let mut theirs = State::parse(&w.store.object("k").unwrap(), "k").unwrap();
    theirs.mark = None;
    theirs.serial += 1;
    let id = cloud.create("tag.c", "terraform").unwrap();
    theirs.put(&at("tag.c"), object(&id));
    let bytes = theirs.to_bytes();
    w.store.put_item(crate::store::Item { id: "bucket/k-md5".into(), digest: Some(md5(&bytes)), ..Default::default() });
    w.store.put_object("k", bytes);
    let state = w.undisturbed(&["tok.a", "name.b", "tag.c"], "after").await;
    assert_eq!(state.current(&addr("tag.c")).unwrap().id(), Some(id.as_str()), "theirs stays");
    w.check(&["tok.a", "name.b", "tag.c"], "after Terraform").await;
}

#[tokio::test]
async fn a_reader_needs_no_lock_and_sees_everything() {
    let mut w = World::new();
    let (remote, cloud, host) = (w.remote(1), w.cloud.clone(), w.host());
    let mut s = remote.open(Options::new("default", Access::Write, "a"), &host).await.unwrap();
    s.resolve(Vec::new()).await.unwrap();
    let token = s.token(&addr("tok.a"));
    s.append(vec![intent(Action::Create, "tok.a", &token, None)]).await.unwrap();
    let id = cloud.create("tok.a", &token).unwrap();
    s.append(vec![created("tok.a", &token, &id)]).await.unwrap();
    let t = s.token(&addr("tok.b"));
    s.append(vec![intent(Action::Create, "tok.b", &t, None)]).await.unwrap();
    w.store.take_log();
    let r = w.remote(2).open(Options::new("default", Access::Read, "show"), &w.host()).await.unwrap();
    assert_eq!(r.state().current(&addr("tok.a")).unwrap().id(), Some(id.as_str()));
    assert_eq!(r.pending().open.len(), 1);
    assert!(w.store.take_log().iter().all(|r| !matches!(r.op, "put" | "delete" | "item.put" | "item.delete")));
}

#[tokio::test]
async fn a_damaged_segment_is_named_and_nothing_is_written() {
    let mut w = World::new();
    let sweeps = |r: &crate::memory::Request| r.op == "delete" && !r.key.ends_with("/probe");
    w.store.faults(move |r| if sweeps(r) { Fault::StopBefore } else { Fault::None });
    let (remote, cloud, host) = (w.remote(1), w.cloud.clone(), w.host());
    let run = tokio::spawn(async move { apply(&remote, &cloud, &host, GOAL, Rng(1)).await });
    breathe(3000).await;
    run.abort();
    w.store.heal();
    w.steal();
    let key = w.store.keys().into_iter().rfind(|k| k.contains(".journal/")).unwrap();
    let mut bytes = w.store.object(&key).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    w.store.put_object(&key, bytes);
    w.store.take_log();
    let e = w.remote(1).open(Options::new("default", Access::Write, "a"), &w.host()).await.err().unwrap();
    assert!(matches!(&e, Error::Damaged { place, .. } if place.contains(&key)), "{e}");
    assert!(w.store.take_log().iter().all(|r| !matches!(r.op, "put" | "delete")));
}

/// A writer sleeps at some point while another takes over and runs to its end; then it wakes up.
#[tokio::test]
async fn a_displaced_writer_is_stopped_wherever_it_stands() {
    for (created_before, wakes_with) in [(0, "intent"), (1, "intent"), (1, "close"), (2, "flush"), (1, "edit")] {
        let what = format!("{created_before} created, wakes with {wakes_with}");
        let mut w = World::new();
        w.undisturbed(&["tok.z"], "setting up").await;
        let host = w.host();
        let mut s = w.remote(1).open(Options::new("default", Access::Write, "a"), &host).await.unwrap();
        s.resolve(Vec::new()).await.unwrap();
        for to in &["tok.a", "tag.b"][..created_before] {
            let token = s.token(&addr(to));
            s.append(vec![intent(Action::Create, to, &token, None)]).await.unwrap();
            let id = w.cloud.create(to, &token).unwrap();
            s.append(vec![created(to, &token, &id)]).await.unwrap();
        }
        w.undisturbed(&["tok.z", "tag.y"], &what).await;
        let (before, keys) = (w.store.object("k"), w.store.keys());
        let answer = match wakes_with {
            "intent" => {
                let token = s.token(&addr("tag.late"));
                s.append(vec![intent(Action::Create, "tag.late", &token, None)]).await
            }
            "flush" => s.flush().await,
            "edit" => s.edit(|state| state.outputs.clear()).await,
            _ => Ok(()),
        };
        if wakes_with != "close" {
            assert!(matches!(answer, Err(Error::Fenced { .. })), "{what}: {answer:?}");
            assert!(s.gate().check().is_err(), "{what}: it may still send");
        }
        w.store.put_item(crate::store::Item { id: "bucket/k".into(), info: Some("{}".into()), ..Default::default() });
        let end = s.close().await;
        assert!(matches!(&end, Err(Error::NotSaved { cause, .. }) if cause.is_fence()), "{what}: {end:?}");
        assert_eq!(w.store.object("k"), before, "{what}: it wrote the state");
        assert!(keys.iter().all(|k| w.store.object(k).is_some()), "{what}: it deleted segments");
        assert!(w.store.item("bucket/k").is_some(), "{what}: it unlocked");
        w.check(&["tok.z", "tag.y"], &what).await;
    }
}

#[tokio::test]
async fn what_was_let_go_is_not_adopted_again() {
    let mut w = World::new();
    w.undisturbed(&["tok.z"], "setting up").await;
    // Killed after the request and before its outcome was durable; the next run adopts the object.
    let host = w.host();
    let mut s = w.remote(1).open(Options::new("default", Access::Write, "a"), &host).await.unwrap();
    s.resolve(Vec::new()).await.unwrap();
    let token = s.token(&addr("tag.a"));
    s.append(vec![intent(Action::Create, "tag.a", &token, None)]).await.unwrap();
    let id = w.cloud.create("tag.a", &token).unwrap();
    drop(s);
    let state = w.undisturbed(&["tok.z", "tag.a"], "recovery").await;
    assert_eq!(state.current(&addr("tag.a")).unwrap().id(), Some(id.as_str()));
    // `state rm`, while the create is still in doubt.
    let host = w.host();
    let mut s = w.remote(1).open(Options::new("default", Access::Write, "state-rm"), &host).await.unwrap();
    assert_eq!(s.pending().doubts.len(), 1);
    let found = look_up(&w.cloud, s.pending());
    assert!(found.is_empty(), "it is accounted for");
    s.resolve(found).await.unwrap();
    s.append(vec![Record::Rm { at: at("tag.a") }]).await.unwrap();
    s.close().await.unwrap();
    let state = w.undisturbed(&["tok.z"], "after").await;
    assert_eq!(state.len(), 1);
    assert!(w.cloud.alive(&id), "nothing happened to it");
}
