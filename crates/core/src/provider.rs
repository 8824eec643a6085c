//! The erased provider: how the engine reaches `crates/aws` and `crates/builtin` without knowing them.
//!
//! A [`Provider`] is a table of types and needs no network; a configured [`Instance`] carries out operations. Objects
//! cross this border as [`Known`] maps of all schema attributes.
//!
//! Waiting, retrying "in use" and "not yet visible", journal and adoption are the engine's; batching, throttling, tags
//! and error classification are the provider's.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use jiff::Timestamp;

use crate::{Clock, Draft, Error, ErrorKind, Ids, Known, Partial, Result, Schema};

/// A boxed future, the price of erasure, paid once at the edge.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Which object, and what is known of it.
#[derive(Clone, Debug)]
pub struct Ref {
    /// Its id, or what an import was given.
    pub id: String,
    /// Attributes from state, import or plan; may be partial or empty.
    pub known: Known,
    /// Lazy attributes that somebody asks for; `None` for all.
    pub wanted: Option<Arc<BTreeSet<String>>>,
}

/// State of a live object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Usable.
    Ready,
    /// On its way.
    Pending,
    /// The service gave up, with its reason.
    Failed(String),
    /// On its way out: as good as gone for a refresh.
    Deleting,
}

/// A live object as a read found it. Ids that are missing from a read's answer are gone.
#[derive(Clone, Debug)]
pub struct Live {
    /// The id of the [`Ref`] that this answers.
    pub asked: String,
    /// The id that state holds; differs from `asked` after some imports.
    pub id: String,
    /// All attributes of the schema.
    pub value: Known,
    /// Its state.
    pub status: Status,
}

/// What to create.
#[derive(Clone, Debug)]
pub struct New {
    /// Planned attributes, write-only ones included; names are final. Computed attributes are null.
    pub value: Known,
    /// Token of the intent: the client token, and the value of the ownership tag.
    pub token: String,
}

/// What a create or update of an object that lives in state alone returns instead of being read back.
#[derive(Clone, Debug)]
pub struct Made {
    /// Its id.
    pub id: String,
    /// All attributes, for `local_only` types; `None` where the engine reads the object back.
    pub value: Option<Known>,
}

/// An ephemeral object that is open. It lives as long as the run needs it, and nothing of it is ever stored.
#[derive(Clone, Debug)]
pub struct Opened {
    /// All attributes of the schema.
    pub value: Known,
    /// What renewing and closing need; nobody else looks at it.
    pub private: Known,
    /// When it has to be renewed; `None` for an object that lasts.
    pub renew_at: Option<Timestamp>,
}

/// What a renewal of an ephemeral object brought.
#[derive(Clone, Debug)]
pub struct Renewed {
    /// Takes the place of [`Opened::private`].
    pub private: Known,
    /// When it has to be renewed again.
    pub renew_at: Option<Timestamp>,
}

/// What to change.
#[derive(Clone, Debug)]
pub struct Change {
    /// Which object.
    pub at: Ref,
    /// Attributes as they are.
    pub old: Known,
    /// Attributes as planned, write-only ones included. Values that only the provider sets are as in `old`.
    pub new: Known,
    /// The object was just made (or is unfinished): `update` completes what `create` could not set. The engine calls it once
    /// after every create, also when `fields` is empty; `at.known` then holds what was planned, null where that was not
    /// known, so that "configured" and "left to the provider" can be told apart.
    pub fresh: bool,
    /// Names of the top-level attributes and blocks that the planner found changed.
    pub fields: BTreeSet<String>,
}

/// An intent whose outcome is not known.
#[derive(Clone, Debug)]
pub struct Intent {
    /// Its token.
    pub token: String,
    /// Planned key, name and force-new attributes.
    pub keys: Known,
    /// The service's clock before the request.
    pub since: Option<Timestamp>,
}

/// Why an object found after a crash may be ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// It carries the token of the intent, as client token or ownership tag.
    Token,
    /// It carries the token of another intent: somebody else's.
    OtherToken,
    /// It has the intended name or key and was created at this time, which its API calls immutable.
    Created(Timestamp),
    /// It is the relation that was intended.
    Relation,
    /// It has the intended name, and nothing says who made it.
    NameOnly,
}

/// An object that may be what an intent made.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its id.
    pub id: String,
    /// Why it may be ours; the engine decides.
    pub evidence: Evidence,
}

/// Where a provider instance works: objects of different scopes never meet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope {
    /// Account id, empty where the provider has none or it is not known.
    pub account: String,
    /// Region, empty where the provider has none.
    pub region: String,
}

/// What the surroundings give a provider.
#[derive(Clone)]
pub struct Host {
    /// Environment variables, as the process found them or as the sandbox sets them.
    pub env: Arc<BTreeMap<String, String>>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub ids: Arc<dyn Ids>,
    /// Keep `stackctl:id` on objects for good.
    pub keep_ownership_tags: bool,
    /// Directory that relative file names of arguments start from.
    pub cwd: std::path::PathBuf,
}

impl Host {
    /// The variables that a program of the user's inherits (`local-exec`, `data.external`): all but the passphrases of
    /// states. Credentials are among them, because such programs call AWS on purpose.
    pub fn env_for_programs(&self) -> BTreeMap<String, String> {
        let secret = |name: &str| name.starts_with("STACKCTL_") && name.ends_with("PASSPHRASE");
        self.env.iter().filter(|(n, _)| !secret(n)).map(|(n, v)| (n.clone(), v.clone())).collect()
    }
}

/// A table of types.
pub trait Provider: Send + Sync {
    /// Local name that resource types imply: `aws`.
    fn name(&self) -> &'static str;
    /// Source address in state and plans: `registry.terraform.io/hashicorp/aws`.
    fn source(&self) -> &'static str;
    /// Version that constraints are compared with.
    fn version(&self) -> &'static str;
    /// Schema of the `provider` block.
    fn config(&self) -> &Schema;
    /// Schema of a resource type.
    fn resource(&self, ty: &str) -> Option<&Schema>;
    /// Schema of a data source.
    fn data(&self, ty: &str) -> Option<&Schema>;
    /// All resource types, for suggestions and listings.
    fn resources(&self) -> Vec<&'static str>;
    /// All data sources.
    fn data_sources(&self) -> Vec<&'static str>;
    /// Schema of an ephemeral resource type. Types without any need say nothing.
    fn ephemeral(&self, _ty: &str) -> Option<&Schema> {
        None
    }
    /// All ephemeral resource types.
    fn ephemerals(&self) -> Vec<&'static str> {
        Vec::new()
    }
    /// Checks of an ephemeral resource beyond the schema's own, on configuration as far as it is known. Pure.
    fn validate_ephemeral(&self, _ty: &str, _config: &Partial) -> Vec<Error> {
        Vec::new()
    }
    /// The fourth pass of a diff, after defaults, unknowns and attribute rules. `config` is the provider's own
    /// configuration, for default tags. Pure.
    fn plan(&self, _ty: &str, _config: &Partial, _draft: &mut Draft<'_>) {}
    /// Checks beyond the schema's own, on configuration as far as it is known. Pure.
    fn validate(&self, _ty: &str, _config: &Partial) -> Vec<Error> {
        Vec::new()
    }
    /// The same for a data source, which may have the name of a resource type.
    fn validate_data(&self, ty: &str, config: &Partial) -> Vec<Error> {
        self.validate(ty, config)
    }
    /// What an import id says: attributes to read with, `id` among them.
    ///
    /// # Errors
    /// If the id has not the form that the type expects.
    fn import(&self, ty: &str, spec: &str) -> Result<Known>;
    /// Brings attributes of an older schema version up to date.
    ///
    /// # Errors
    /// If the version is newer than ours.
    fn upgrade(&self, ty: &str, version: u64, attributes: Known) -> Result<Known>;
    /// Makes clients. `config` is complete.
    fn configure(&self, config: Known, host: Host) -> BoxFuture<'static, Result<Arc<dyn Instance>>>;
}

/// A configured provider. Operations of one instance may run concurrently.
pub trait Instance: Send + Sync {
    /// Account and region.
    fn scope(&self) -> Scope;
    /// The service's clock, from the `Date` of its last answer.
    fn service_time(&self) -> Option<Timestamp>;
    /// Reads objects; batches with other reads of the same moment. What is missing from the answer is gone.
    fn read<'a>(&'a self, ty: &'a str, at: Vec<Ref>) -> BoxFuture<'a, Result<Vec<Live>>>;
    /// Reads a data source. `config` has all attributes of its schema, computed ones null; so has the answer.
    fn data<'a>(&'a self, ty: &'a str, config: Known) -> BoxFuture<'a, Result<Known>>;
    /// Sends the one request that brings the object into being. Never retries after a lost answer.
    fn create<'a>(&'a self, ty: &'a str, new: New) -> BoxFuture<'a, Result<Made>>;
    /// Changes what `Change::fields` names. For `local_only` types the answer carries the new attributes.
    fn update<'a>(&'a self, ty: &'a str, change: Change) -> BoxFuture<'a, Result<Option<Known>>>;
    /// Asks for deletion. An object that is gone is success.
    fn delete<'a>(&'a self, ty: &'a str, at: Ref) -> BoxFuture<'a, Result<()>>;
    /// Finds what an intent may have made.
    fn find<'a>(&'a self, ty: &'a str, intent: Intent) -> BoxFuture<'a, Result<Vec<Found>>>;
    /// Removes the ownership tag from objects whose ids are durable, in batches where the API has them.
    fn release<'a>(&'a self, ty: &'a str, at: Vec<Ref>) -> BoxFuture<'a, Result<()>>;
    /// Opens an ephemeral object. `config` has all attributes of its schema, computed ones null; so has the answer's value.
    fn open<'a>(&'a self, ty: &'a str, _config: Known) -> BoxFuture<'a, Result<Opened>> {
        Box::pin(async move { Err(no_ephemeral(ty)) })
    }
    /// Keeps an ephemeral object alive. `private` is what opening it, or the last renewal, gave.
    fn renew<'a>(&'a self, ty: &'a str, _private: Known) -> BoxFuture<'a, Result<Renewed>> {
        Box::pin(async move { Err(no_ephemeral(ty)) })
    }
    /// Ends an ephemeral object that nobody needs any more.
    fn close<'a>(&'a self, _ty: &'a str, _private: Known) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }
}

fn no_ephemeral(ty: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("There is no ephemeral resource type {ty:?}."))
}
