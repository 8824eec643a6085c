//! State in an object store with an optional lock table, as Terraform's S3 backend keeps it.
//!
//! - `keys`: where the state of a workspace lies, and which workspaces there are.
//! - `lock`: taking and releasing the lock; `place`: its item and its object; `lease`: who lives, and until when.
//! - `kept`: the state object and its digest.
//! - `plain`: saving without a journal. `journal`: with one, whose objects are in `segments`. `aside`: journals of other
//!   lineages, and the end of one.
//!
//! Everything goes through [`crate::store`], so that the same code runs on the fakes.

mod aside;
mod journal;
mod kept;
mod keys;
mod lease;
mod lock;
mod place;
mod plain;
mod segments;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use stackctl_core::{BoxFuture, Host};

use self::place::At;
use crate::backend::{Access, Backend, Options, Parked};
use crate::error::{Error, Result};
use crate::lock::LockInfo;
use crate::seal::{DataKeys, Sealing};
use crate::session::Session;
use crate::store::{LockTable, Objects, Version};
use crate::workspace;

/// The `s3` backend above its store.
#[derive(Clone)]
pub struct Remote {
    objects: Arc<dyn Objects>,
    table: Option<Arc<dyn LockTable>>,
    use_lockfile: bool,
    journal: bool,
    keys: Option<Arc<dyn DataKeys>>,
    key: String,
    prefix: String,
}

impl Remote {
    /// A backend with the state of the default workspace under `key`, of others under `prefix/NAME/key`.
    pub fn new(objects: Arc<dyn Objects>, key: impl Into<String>, prefix: impl Into<String>) -> Remote {
        let (key, prefix) = (key.into(), prefix.into());
        Remote { objects, table: None, use_lockfile: false, journal: false, keys: None, key, prefix }
    }
    /// Locks in a table, and keeps digests there.
    #[must_use]
    pub fn table(mut self, table: Arc<dyn LockTable>) -> Remote {
        self.table = Some(table);
        self
    }
    /// Locks with an object beside the state.
    #[must_use]
    pub fn lockfile(mut self) -> Remote {
        self.use_lockfile = true;
        self
    }
    /// Seals states with keys of this service.
    #[must_use]
    pub fn keys(mut self, keys: Arc<dyn DataKeys>) -> Remote {
        self.keys = Some(keys);
        self
    }
    /// Keeps a journal beside the state, so that a killed run loses nothing.
    #[must_use]
    pub fn journal(mut self) -> Remote {
        self.journal = true;
        self
    }
    /// One workspace's place in it.
    fn spot(&self, workspace: &str, host: Option<&Host>, options: Option<&Options>) -> Spot {
        let key = keys::of(&self.key, &self.prefix, workspace);
        Spot {
            place: self.objects.place(&key),
            path: self.objects.path(&key),
            objects: self.objects.clone(),
            table: self.table.clone(),
            use_lockfile: self.use_lockfile,
            journal: self.journal,
            replacing: options.is_some_and(|o| o.replacing),
            insists: host.is_some_and(|h| h.env.get("STACKCTL_UNSAFE_STORE").is_some_and(|v| v == "1")),
            keys: self.keys.clone(),
            key,
            host: host.cloned(),
            watch: options.map(|o| o.watch.clone()),
            reached: Arc::default(),
        }
    }
}

/// The state of one workspace, and how to reach it.
#[derive(Clone)]
struct Spot {
    objects: Arc<dyn Objects>,
    table: Option<Arc<dyn LockTable>>,
    use_lockfile: bool,
    /// Runs keep a journal.
    journal: bool,
    /// Content that cannot be read or is missing will be replaced.
    replacing: bool,
    /// The user insists on a store that does not honour conditions.
    insists: bool,
    keys: Option<Arc<dyn DataKeys>>,
    /// Key of the state object.
    key: String,
    /// For users.
    place: String,
    /// In lock records.
    path: String,
    host: Option<Host>,
    watch: Option<crate::backend::Watch>,
    /// The store has answered: it is the right one, and worth waiting for.
    reached: Arc<AtomicBool>,
}

impl Spot {
    fn digest_id(&self) -> String {
        format!("{}-md5", self.path)
    }
    /// Where the lock lies, in the order in which it is taken.
    fn places(&self) -> Vec<At> {
        let mut places = Vec::new();
        if self.use_lockfile {
            places.push(At::Object(format!("{}.tflock", self.key)));
        }
        if self.table.is_some() {
            places.push(At::Item);
        }
        if places.is_empty() && self.journal {
            places.push(At::Object(self.lease_key()));
        }
        places
    }
    /// The lease object of a state for which no lock is configured.
    fn lease_key(&self) -> String {
        format!("{}.journal/lease", self.key)
    }
}

impl Backend for Remote {
    fn kind(&self) -> &'static str {
        "s3"
    }
    fn place(&self, workspace: &str) -> String {
        self.spot(workspace, None, None).place
    }
    fn workspaces<'a>(&'a self) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(async move {
            let under = keys::prefix(&self.prefix);
            let listing = self
                .objects
                .list(&under)
                .await
                .map_err(|e| Error::store("listing workspaces in", &self.objects.place(&under), e))?;
            Ok(keys::workspaces(&listing.keys, &self.key, &self.prefix))
        })
    }
    fn open<'a>(&'a self, options: Options, host: &'a Host) -> BoxFuture<'a, Result<Session>> {
        Box::pin(async move {
            let spot = self.spot(&options.workspace, Some(host), Some(&options));
            if self.journal { journal::open(spot, options, host).await } else { plain::open(spot, options, host).await }
        })
    }
    fn data_keys(&self) -> Option<Arc<dyn DataKeys>> {
        self.keys.clone()
    }
    fn raw<'a>(&'a self, workspace: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>>> {
        Box::pin(async move {
            let spot = self.spot(workspace, None, None);
            let blob = spot.objects.get(&spot.key).await.map_err(|e| Error::store("reading", &spot.place, e))?;
            Ok(blob.map(|b| b.bytes).filter(|b| !b.is_empty()))
        })
    }
    fn delete<'a>(&'a self, options: Options, force: bool, host: &'a Host) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let name = options.workspace.clone();
            workspace::deletable(&name)?;
            if !self.workspaces().await?.contains(&name) {
                return Err(Error::NoWorkspace { name });
            }
            let spot = self.spot(&name, Some(host), Some(&options));
            let sealing = Sealing { without_key: true, ..options.sealing.clone() };
            let session = self.open(Options { access: Access::Plan, sealing, ..options }, host).await?;
            let answer = match workspace::may_delete(&name, &session, force) {
                Ok(()) => spot.remove(host).await,
                Err(e) => Err(e),
            };
            session.close().await?;
            answer
        })
    }
    fn versions<'a>(&'a self, workspace: &'a str) -> BoxFuture<'a, Result<Vec<Version>>> {
        Box::pin(async move {
            let spot = self.spot(workspace, None, None);
            spot.objects.versions(&spot.key).await.map_err(|e| Error::store("listing versions of", &spot.place, e))
        })
    }
    fn version<'a>(&'a self, workspace: &'a str, id: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>>> {
        Box::pin(async move {
            let spot = self.spot(workspace, None, None);
            let found = spot.objects.version(&spot.key, id).await;
            found.map_err(|e| Error::store("reading a version of", &spot.place, e))
        })
    }
    fn parked<'a>(&'a self, workspace: &'a str) -> BoxFuture<'a, Result<Vec<Parked>>> {
        Box::pin(async move {
            let spot = self.spot(workspace, None, None);
            Ok(aside::parked(&spot).await?.into_iter().map(|(p, _)| p).collect())
        })
    }
    fn discard<'a>(&'a self, workspace: &'a str, lineage: &'a str) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let spot = self.spot(workspace, None, None);
            let found = aside::parked(&spot).await?.into_iter().find(|(p, _)| p.lineage == lineage);
            let Some((_, numbers)) = found else { return Ok(false) };
            for n in numbers {
                let key = spot.segment_key(n);
                spot.again("deleting the journal of", &spot.place, || spot.objects.delete(&key, None)).await?;
            }
            Ok(true)
        })
    }
    fn force_unlock<'a>(&'a self, workspace: &'a str, id: &'a str) -> BoxFuture<'a, Result<LockInfo>> {
        Box::pin(async move { lock::force_unlock(&self.spot(workspace, None, None), id).await })
    }
}

/// A key that encrypts objects and travels with each request (SSE-C).
#[derive(Clone)]
pub struct CustomerKey {
    /// 32 bytes in base64.
    pub key: String,
    /// MD5 of the bytes in base64, which the service asks for.
    pub md5: String,
}

impl CustomerKey {
    /// Checks a key.
    ///
    /// # Errors
    /// Says why it cannot be one, without showing it.
    pub fn parse(text: &str) -> Result<CustomerKey, String> {
        use base64::Engine as _;
        use base64::engine::general_purpose::STANDARD;
        use md5::Digest as _;
        let bytes = STANDARD.decode(text).map_err(|_| "it is not base64".to_owned())?;
        if bytes.len() != 32 {
            return Err(format!("it has {} bits instead of 256", bytes.len() * 8));
        }
        Ok(CustomerKey { key: text.to_owned(), md5: STANDARD.encode(md5::Md5::digest(&bytes)) })
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
#[path = "trouble_tests.rs"]
mod trouble;
