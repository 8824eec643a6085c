//! An object store and a lock table in memory, linearizable, with faults on demand.
//!
//! For tests of everything above the traits: what a request does and what its sender learns of it are decided apart.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use stackctl_core::BoxFuture;

use crate::store::{Answer, Blob, Cond, Item, ItemCond, Listing, LockTable, Objects, StoreError, StoreErrorKind};

/// What happens to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is carried out and answered.
    None,
    /// It is carried out, and its answer is lost.
    AnswerLost,
    /// It never arrives, and its sender cannot know.
    Dropped,
    /// 409.
    Busy,
    /// Too many requests.
    Throttled,
    /// No permission.
    Denied,
    /// Nobody is there.
    Unreachable,
    /// It never arrives and its sender waits for ever: a crash right before it.
    StopBefore,
    /// It is carried out, and its sender waits for ever: a crash right after it.
    StopAfter,
}

/// One request, as the fault function sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Counts all requests from 1.
    pub n: u64,
    /// `get`, `head`, `put`, `delete`, `list`, `item.get`, `item.put`, `item.delete`.
    pub op: &'static str,
    /// Key of the object or row.
    pub key: String,
    /// Which handle sent it: see [`Memory::handle`].
    pub by: u32,
}

type Decide = Box<dyn FnMut(&Request) -> Fault + Send>;

#[derive(Default)]
struct World {
    objects: BTreeMap<String, (Vec<u8>, u64)>,
    items: BTreeMap<String, Item>,
    writes: u64,
    /// Puts are carried out whatever their condition says.
    careless: bool,
    /// The store is no known one.
    strange: bool,
    requests: u64,
    log: Vec<Request>,
    decide: Option<Decide>,
}

/// A store. Handles share its content.
#[derive(Clone, Default)]
pub struct Memory {
    world: Arc<Mutex<World>>,
    by: u32,
}

impl Memory {
    /// An empty store.
    pub fn new() -> Memory {
        Memory::default()
    }
    /// The same store for another sender.
    #[must_use]
    pub fn handle(&self, by: u32) -> Memory {
        Memory { world: self.world.clone(), by }
    }
    /// A store of an unknown make from now on; a careless one carries out puts whatever their condition says.
    pub fn strange(&self, careless: bool) {
        let mut w = self.lock();
        (w.strange, w.careless) = (true, careless);
    }
    /// Decides about each request from now on.
    pub fn faults(&self, decide: impl FnMut(&Request) -> Fault + Send + 'static) {
        self.lock().decide = Some(Box::new(decide));
    }
    /// No faults from now on.
    pub fn heal(&self) {
        self.lock().decide = None;
    }
    /// Requests so far, and forgets them.
    pub fn take_log(&self) -> Vec<Request> {
        std::mem::take(&mut self.lock().log)
    }
    /// Content of an object.
    pub fn object(&self, key: &str) -> Option<Vec<u8>> {
        self.lock().objects.get(key).map(|(b, _)| b.clone())
    }
    /// Puts an object as another tool would.
    pub fn put_object(&self, key: &str, bytes: Vec<u8>) {
        let mut w = self.lock();
        w.writes += 1;
        let n = w.writes;
        w.objects.insert(key.to_owned(), (bytes, n));
    }
    /// Removes an object as another tool would.
    pub fn remove_object(&self, key: &str) {
        self.lock().objects.remove(key);
    }
    /// A row.
    pub fn item(&self, id: &str) -> Option<Item> {
        self.lock().items.get(id).cloned()
    }
    /// Puts a row as another tool would.
    pub fn put_item(&self, item: Item) {
        self.lock().items.insert(item.id.clone(), item);
    }
    /// Removes a row as another tool would.
    pub fn remove_item(&self, id: &str) {
        self.lock().items.remove(id);
    }
    /// Keys of all objects.
    pub fn keys(&self) -> Vec<String> {
        self.lock().objects.keys().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run<'a, T: Send + 'a>(
        &'a self,
        op: &'static str,
        key: &'a str,
        act: impl FnOnce(&mut World) -> Answer<T> + Send + 'a,
    ) -> BoxFuture<'a, Answer<T>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            let (fault, answer) = {
                let mut w = self.lock();
                w.requests += 1;
                let request = Request { n: w.requests, op, key: key.to_owned(), by: self.by };
                let fault = w.decide.as_mut().map_or(Fault::None, |d| d(&request));
                w.log.push(request);
                let answer = match fault {
                    Fault::None | Fault::AnswerLost | Fault::StopAfter => Some(act(&mut w)),
                    _ => None,
                };
                (fault, answer)
            };
            tokio::task::yield_now().await;
            let failed = |kind| Err(StoreError::new(kind, format!("{op} {key}: {fault:?}")));
            match (fault, answer) {
                (Fault::None, Some(a)) => a,
                (Fault::Busy, _) => failed(StoreErrorKind::Busy),
                (Fault::Throttled, _) => failed(StoreErrorKind::Throttled),
                (Fault::Denied, _) => failed(StoreErrorKind::Denied),
                (Fault::Unreachable, _) => failed(StoreErrorKind::Unreachable),
                (Fault::StopBefore | Fault::StopAfter, _) => std::future::pending().await,
                _ => failed(StoreErrorKind::Lost),
            }
        })
    }
}

fn condition<T>(item: Option<Item>) -> Answer<T> {
    Err(StoreError::new(StoreErrorKind::Condition(item.map(Box::new)), "the condition is false"))
}

impl Objects for Memory {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Answer<Option<Blob>>> {
        self.run("get", key, move |w| {
            Ok(w.objects.get(key).map(|(b, v)| Blob { bytes: b.clone(), etag: v.to_string() }))
        })
    }
    fn head<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Answer<Option<String>>> {
        self.run("head", key, move |w| Ok(w.objects.get(key).map(|(_, v)| v.to_string())))
    }
    fn put<'a>(&'a self, key: &'a str, bytes: Vec<u8>, cond: Cond) -> BoxFuture<'a, Answer<String>> {
        self.run("put", key, move |w| {
            let there = w.objects.get(key).map(|(_, v)| v.to_string());
            match (&cond, &there) {
                _ if w.careless => {}
                (Cond::Absent, Some(_)) => return condition(None),
                (Cond::Is(_), None) => return Err(StoreError::new(StoreErrorKind::NotFound, "no such object")),
                (Cond::Is(v), Some(t)) if v != t => return condition(None),
                _ => {}
            }
            w.writes += 1;
            let n = w.writes;
            w.objects.insert(key.to_owned(), (bytes, n));
            Ok(n.to_string())
        })
    }
    fn delete<'a>(&'a self, key: &'a str, version: Option<String>) -> BoxFuture<'a, Answer<()>> {
        self.run("delete", key, move |w| match (w.objects.get(key), &version) {
            (Some((_, v)), Some(want)) if v.to_string() != *want => condition(None),
            _ => {
                w.objects.remove(key);
                Ok(())
            }
        })
    }
    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Answer<Listing>> {
        self.run("list", prefix, move |w| {
            Ok(Listing { keys: w.objects.keys().filter(|k| k.starts_with(prefix)).cloned().collect() })
        })
    }
    fn honours_conditions(&self) -> bool {
        !self.lock().strange
    }
    fn statements(&self, prefix: &str) -> Option<String> {
        Some(format!("allow {prefix}*"))
    }
    fn place(&self, key: &str) -> String {
        format!("s3://bucket/{key}")
    }
    fn path(&self, key: &str) -> String {
        format!("bucket/{key}")
    }
}

fn holds(there: Option<&Item>, cond: &ItemCond) -> bool {
    match cond {
        ItemCond::Always => true,
        ItemCond::Absent => there.is_none(),
        ItemCond::Info(i) => there.is_some_and(|t| t.info.as_ref() == Some(i)),
        ItemCond::Beat(i, b) => {
            there.is_some_and(|t| t.info.as_ref() == Some(i) && t.lease.as_ref().is_some_and(|l| l.beat == *b))
        }
        ItemCond::DigestIsOrAbsent(d) => there.and_then(|t| t.digest.as_ref()).is_none_or(|t| t == d),
        ItemCond::NoDigest => there.and_then(|t| t.digest.as_ref()).is_none(),
    }
}

impl LockTable for Memory {
    fn get<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Answer<Option<Item>>> {
        self.run("item.get", id, move |w| Ok(w.items.get(id).cloned()))
    }
    fn put<'a>(&'a self, item: Item, cond: ItemCond) -> BoxFuture<'a, Answer<()>> {
        Box::pin(async move {
            let id = item.id.clone();
            self.run("item.put", &id, move |w| {
                let there = w.items.get(&item.id);
                if !holds(there, &cond) {
                    return condition(there.cloned());
                }
                w.items.insert(item.id.clone(), item);
                Ok(())
            })
            .await
        })
    }
    fn delete<'a>(&'a self, id: &'a str, cond: ItemCond) -> BoxFuture<'a, Answer<()>> {
        self.run("item.delete", id, move |w| {
            let there = w.items.get(id);
            if !holds(there, &cond) {
                return condition(there.cloned());
            }
            w.items.remove(id);
            Ok(())
        })
    }
    fn place(&self) -> String {
        "table".to_owned()
    }
}
