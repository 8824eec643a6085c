//! What the remote protocol asks of a store: objects with conditional writes, and a table with conditional puts.
//!
//! Implementations carry out one request per call and never repeat a conditional one by themselves: whether a request
//! whose answer was lost may be repeated is the protocol's decision. [`crate::memory`] has fakes with faults.

use futures::future::join_all;
use stackctl_core::{BoxFuture, error::Call};

/// Result of a request.
pub type Answer<T> = Result<T, StoreError>;

/// Why a request failed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct StoreError {
    /// Class, which decides what the protocol does.
    pub kind: StoreErrorKind,
    /// One sentence for the user, without secrets.
    pub message: String,
    /// The call behind it.
    pub call: Option<Box<Call>>,
    /// What the user can do.
    pub hint: Option<String>,
}

/// Classes of failed requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// A condition was false: 412, `ConditionalCheckFailedException` (with the item as it is, where the store says).
    Condition(Option<Box<Item>>),
    /// Two conditional writes met: 409. Repeat.
    Busy,
    /// What was to be changed does not exist.
    NotFound,
    /// It may or may not have been carried out: no answer, or a server error.
    Lost,
    /// Too many requests.
    Throttled,
    /// No permission, or wrong credentials.
    Denied,
    /// Never reached the store.
    Unreachable,
    /// The store does not know such requests.
    Unsupported,
    /// Anything else.
    Other,
}

/// Bytes of an object and their version.
#[derive(Clone, PartialEq, Eq)]
pub struct Blob {
    /// Content.
    pub bytes: Vec<u8>,
    /// Changes with each write. Opaque.
    pub etag: String,
}

/// When a put is carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cond {
    /// Always.
    Always,
    /// If there is no object: `If-None-Match: *`.
    Absent,
    /// If the object has this version: `If-Match`.
    Is(String),
}

/// Names of a listing, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Keys of objects.
    pub keys: Vec<String>,
}

/// A kept version of a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Names it: an object version, or the name of a file.
    pub id: String,
    /// When it was written, as the place says.
    pub at: Option<jiff::Timestamp>,
    /// Bytes.
    pub size: u64,
    /// It is what is read now.
    pub current: bool,
    /// Here the object was deleted: there is no content.
    pub deleted: bool,
}

impl Version {
    /// The moment that stores give as seconds since 1970.
    pub fn moment(seconds: i64) -> Option<jiff::Timestamp> {
        jiff::Timestamp::from_second(seconds).ok()
    }
}

/// Objects under keys, strongly consistent.
pub trait Objects: Send + Sync {
    /// The object, `None` if there is none.
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Answer<Option<Blob>>>;
    /// The version of an object, `None` if there is none.
    fn head<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Answer<Option<String>>>;
    /// Writes the whole object and returns its version.
    fn put<'a>(&'a self, key: &'a str, bytes: Vec<u8>, cond: Cond) -> BoxFuture<'a, Answer<String>>;
    /// Deletes an object; with a version, only that one. What is gone is success.
    fn delete<'a>(&'a self, key: &'a str, version: Option<String>) -> BoxFuture<'a, Answer<()>>;
    /// Deletes objects, and returns the keys of those that are gone now. What cannot be deleted is not.
    fn delete_all<'a>(&'a self, keys: &'a [String]) -> BoxFuture<'a, Vec<String>> {
        Box::pin(async move {
            let mut gone = Vec::new();
            for group in keys.chunks(16) {
                let deletes =
                    group.iter().map(|k| async move { self.delete(k, None).await.is_ok().then(|| k.clone()) });
                gone.extend(join_all(deletes).await.into_iter().flatten());
            }
            gone
        })
    }
    /// All versions of an object that are kept, newest first. One alone where the store keeps none.
    fn versions<'a>(&'a self, _key: &'a str) -> BoxFuture<'a, Answer<Vec<Version>>> {
        Box::pin(async { Ok(Vec::new()) })
    }
    /// The content of a version, `None` if there is none.
    fn version<'a>(&'a self, _key: &'a str, _id: &'a str) -> BoxFuture<'a, Answer<Option<Vec<u8>>>> {
        Box::pin(async { Ok(None) })
    }
    /// All keys that start with a prefix.
    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Answer<Listing>>;
    /// Whether the store keeps earlier versions of objects; `None` where that cannot be told.
    fn versioned<'a>(&'a self) -> BoxFuture<'a, Answer<Option<bool>>> {
        Box::pin(async { Ok(None) })
    }
    /// True if the store is known to honour conditions. Others are tested before the first change.
    fn honours_conditions(&self) -> bool {
        true
    }
    /// The permissions that a journal under this prefix needs, as statements of a policy.
    fn statements(&self, _prefix: &str) -> Option<String> {
        None
    }
    /// How users know a key: `s3://bucket/key`.
    fn place(&self, key: &str) -> String;
    /// The path of a key in lock records: `bucket/key`.
    fn path(&self, key: &str) -> String;
}

/// A row of the lock table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Item {
    /// Hash key.
    pub id: String,
    /// Record of a lock, JSON.
    pub info: Option<String>,
    /// MD5 of a state object.
    pub digest: Option<String>,
    /// Our lease, where the lock is ours.
    pub lease: Option<Lease>,
}

/// The lease beside a lock's record.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Lease {
    /// How long a holder that does not renew is still respected, in milliseconds.
    pub lease_ms: u64,
    /// Grows by one with each renewal.
    pub beat: u64,
    /// When it grew last, for people.
    pub beat_at: String,
    /// Machine, boot, process id and its start time.
    pub process: String,
}

/// When a row is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemCond {
    /// Always.
    Always,
    /// If there is no such row.
    Absent,
    /// If its record is this.
    Info(String),
    /// If its record and beat are these.
    Beat(String, u64),
    /// If its digest is this, or absent.
    DigestIsOrAbsent(String),
    /// If it has no digest.
    NoDigest,
}

/// The lock table.
pub trait LockTable: Send + Sync {
    /// A row, read consistently.
    fn get<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Answer<Option<Item>>>;
    /// Writes a row.
    fn put<'a>(&'a self, item: Item, cond: ItemCond) -> BoxFuture<'a, Answer<()>>;
    /// Deletes a row. What is gone is success, unless a condition asks for it.
    fn delete<'a>(&'a self, id: &'a str, cond: ItemCond) -> BoxFuture<'a, Answer<()>>;
    /// How users know the table.
    fn place(&self) -> String;
}

impl StoreError {
    /// An error of a class.
    pub fn new(kind: StoreErrorKind, message: impl Into<String>) -> StoreError {
        StoreError { kind, message: message.into(), call: None, hint: None }
    }
    /// Adds a hint.
    #[must_use]
    pub fn hinted(mut self, hint: impl Into<String>) -> StoreError {
        self.hint = Some(hint.into());
        self
    }
    /// True if the same request may succeed when it is sent again.
    pub fn is_transient(&self) -> bool {
        use StoreErrorKind::{Busy, Lost, Throttled, Unreachable};
        matches!(self.kind, Busy | Lost | Throttled | Unreachable)
    }
    /// True if a condition was false.
    pub fn is_condition(&self) -> bool {
        matches!(self.kind, StoreErrorKind::Condition(_))
    }
}

/// Shows the size only: state holds secrets.
impl std::fmt::Debug for Blob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "<{} bytes, version {}>", self.bytes.len(), self.etag)
    }
}
