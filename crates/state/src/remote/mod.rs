//! State in an object store with an optional lock table, as Terraform's S3 backend keeps it.
//!
//! - `keys`: where the state of a workspace lies, and which workspaces there are.
//! - `lock`: the lock item and the lock object.
//! - `kept`: the state object and its digest.
//! - `plain`: saving without a journal. `journal`: with one, whose objects are in `segments`.
//!
//! Everything goes through [`crate::store`], so that the same code runs on the fakes.

mod journal;
mod kept;
mod keys;
mod lock;
mod plain;
mod segments;

use std::sync::Arc;

use stackctl_core::{BoxFuture, Host};

use crate::backend::{Access, Backend, Options};
use crate::error::{Error, Result};
use crate::lock::LockInfo;
use crate::session::Session;
use crate::store::{LockTable, Objects};
use crate::workspace;

/// The `s3` backend above its store.
#[derive(Clone)]
pub struct Remote {
    objects: Arc<dyn Objects>,
    table: Option<Arc<dyn LockTable>>,
    use_lockfile: bool,
    journal: bool,
    key: String,
    prefix: String,
}

impl Remote {
    /// A backend with the state of the default workspace under `key`, of others under `prefix/NAME/key`.
    pub fn new(objects: Arc<dyn Objects>, key: impl Into<String>, prefix: impl Into<String>) -> Remote {
        Remote { objects, table: None, use_lockfile: false, journal: false, key: key.into(), prefix: prefix.into() }
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
            key,
            host: host.cloned(),
            watch: options.map(|o| o.watch.clone()),
        }
    }
}

/// The state of one workspace, and how to reach it.
#[derive(Clone)]
struct Spot {
    objects: Arc<dyn Objects>,
    table: Option<Arc<dyn LockTable>>,
    use_lockfile: bool,
    /// Key of the state object.
    key: String,
    /// For users.
    place: String,
    /// In lock records.
    path: String,
    host: Option<Host>,
    watch: Option<crate::backend::Watch>,
}

impl Spot {
    fn digest_id(&self) -> String {
        format!("{}-md5", self.path)
    }
    fn lockfile(&self) -> String {
        format!("{}.tflock", self.key)
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
            let session = self.open(Options { access: Access::Plan, ..options }, host).await?;
            let answer = match workspace::may_delete(&name, &session, force) {
                Ok(()) => spot.remove().await,
                Err(e) => Err(e),
            };
            session.close().await?;
            answer
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
