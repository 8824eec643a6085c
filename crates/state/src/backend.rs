//! The interface to kept state, the same for a local file and for an object store.
//!
//! ```text
//! let mut s = backend.open(options, &host).await?;      // lock, look, claim if needed, load
//! let records = look_up(s.pending(), cloud).await;      // the engine reads the cloud; reads only
//! s.resolve(records).await?;                            // folded before anything else happens
//! … plan from s.state() …
//! let t = s.token(&addr);
//! s.append(vec![Record::Intent(…t…)]).await?;           // durable: now the request may be sent
//! s.gate().check()?;                                    // just before each request that changes something
//! s.append(vec![Record::Done(…)]).await?;               // durable: now others may depend on it
//! s.close().await?;                                     // fold, unlock
//! ```
//!
//! A command that writes nothing opens with [`Access::Plan`] (lock) or [`Access::Read`] (none) and resolves in memory.

use std::sync::Arc;
use std::time::Duration;

use stackctl_core::{BoxFuture, Host};

use crate::error::Result;
use crate::lock::LockInfo;
use crate::record::Claim;
use crate::seal::{DataKeys, Sealing};
use crate::session::Session;
pub use crate::store::Version;

/// What a command may do with the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing is locked and nothing written: `output`, `show`, `drift`.
    Read,
    /// Locked, as Terraform's plan is; nothing is written.
    Plan,
    /// Locked and written.
    Write,
}

/// Whether to lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Locking {
    /// Lock; wait as long as this for another holder.
    On {
        /// Zero for not at all.
        timeout: Duration,
    },
    /// `-lock=false`.
    Off,
}

/// What happens while a state is opened or saved, for whoever shows progress. `Display` is the line to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Somebody else holds the lock; asked again until the timeout is over.
    Waiting {
        /// Who.
        holder: Option<Box<LockInfo>>,
        /// How long already.
        since: Duration,
    },
    /// The lock of a run that is gone was taken over.
    TookOver {
        /// Whose it was.
        holder: Box<LockInfo>,
        /// Why it is known to be gone.
        why: String,
    },
    /// There is no lock, by configuration or on request.
    NotLocked {
        /// Why.
        why: String,
    },
    /// An earlier run ended before its end; its journal is being read.
    Recovering {
        /// Records found.
        records: usize,
        /// Intents without outcome.
        open: usize,
    },
    /// Another tool wrote the state after the journal was written.
    Foreign {
        /// Objects that only the journal knows.
        claims: usize,
    },
    /// The journal belongs to another lineage and is kept aside.
    Parked {
        /// Its lineage.
        lineage: String,
        /// Where it is kept.
        place: String,
    },
    /// Changes are not announced in a journal, by configuration.
    NoJournal {
        /// State.
        place: String,
    },
    /// No lock is configured; a lease object keeps our own runs apart.
    LeaseOnly {
        /// Where it is.
        place: String,
    },
    /// The store does not honour conditions, and the user insists on using it.
    Careless {
        /// State.
        place: String,
    },
    /// The store keeps no earlier versions of a new state.
    NotVersioned {
        /// State.
        place: String,
    },
    /// The digest did not match and was ours to mend.
    DigestRepaired,
    /// Another tool wrote the state while this run has it open.
    ChangedMeanwhile {
        /// The state.
        place: String,
    },
    /// A new state holds secrets, and is not sealed.
    NotSealed,
    /// A request failed for a passing reason and is tried again.
    Retrying {
        /// Why.
        problem: String,
        /// After how long.
        after: Duration,
    },
}

/// Receives notices.
pub type Watch = Arc<dyn Fn(Notice) + Send + Sync>;

/// How to open a state.
#[derive(Clone)]
pub struct Options {
    /// Which workspace.
    pub workspace: String,
    /// What for.
    pub access: Access,
    /// Whether to lock.
    pub locking: Locking,
    /// The operation in the lock's record: `OperationTypeApply`, `OperationTypePlan`, `init`, `state-rm` …
    pub operation: String,
    /// Another path for the backup of a local state (`-backup`); `None` for the usual one, `Some("-")` for none.
    pub backup: Option<String>,
    /// The state is about to be replaced as a whole (`state restore`, `push -force`): content that cannot be read, or is
    /// missing although a journal knows of some, is no error. The journal is then kept aside.
    pub replacing: bool,
    /// Receives notices.
    pub watch: Watch,
    /// Whether and how secrets are sealed.
    pub sealing: Sealing,
}

impl Options {
    /// Options of a command in a workspace, locking without waiting.
    pub fn new(workspace: impl Into<String>, access: Access, operation: impl Into<String>) -> Options {
        Options {
            workspace: workspace.into(),
            access,
            locking: Locking::On { timeout: Duration::ZERO },
            operation: operation.into(),
            backup: None,
            replacing: false,
            watch: Arc::new(|_| {}),
            sealing: Sealing::default(),
        }
    }
}

/// A journal of another lineage than that of its state, kept aside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parked {
    /// Lineage of the state that it belongs to.
    pub lineage: String,
    /// Where it is kept.
    pub place: String,
    /// Records in it that its last checkpoint does not cover.
    pub records: usize,
    /// Objects that these records made or changed.
    pub claims: Vec<Claim>,
    /// Requests without outcome.
    pub open: usize,
}

/// A place where states are kept, one per workspace.
pub trait Backend: Send + Sync {
    /// `local` or `s3`.
    fn kind(&self) -> &'static str;
    /// Where the state of a workspace is, for users.
    fn place(&self, workspace: &str) -> String;
    /// Names of all workspaces, sorted, `default` first and always there.
    fn workspaces<'a>(&'a self) -> BoxFuture<'a, Result<Vec<String>>>;
    /// Opens the state of a workspace. One that does not exist is empty; with [`Access::Write`] its first record or
    /// [`Session::create`] brings it into being.
    fn open<'a>(&'a self, options: Options, host: &'a Host) -> BoxFuture<'a, Result<Session>>;
    /// The service that wraps data keys here; `None` where there is none.
    fn data_keys(&self) -> Option<Arc<dyn DataKeys>> {
        None
    }
    /// The bytes as they are kept, journal aside; `None` if there is no state.
    fn raw<'a>(&'a self, workspace: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>>>;
    /// Deletes a workspace and all that belongs to it. Refused for `default`, and without `force` while it holds
    /// resources or unsettled work.
    fn delete<'a>(&'a self, options: Options, force: bool, host: &'a Host) -> BoxFuture<'a, Result<()>>;
    /// The versions of a state that are kept, newest first.
    fn versions<'a>(&'a self, _workspace: &'a str) -> BoxFuture<'a, Result<Vec<Version>>> {
        Box::pin(async { Ok(Vec::new()) })
    }
    /// The bytes of one of them; `None` if there is no such version.
    fn version<'a>(&'a self, _workspace: &'a str, _id: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>>> {
        Box::pin(async { Ok(None) })
    }
    /// Journals of other lineages that are kept aside.
    fn parked<'a>(&'a self, _workspace: &'a str) -> BoxFuture<'a, Result<Vec<Parked>>> {
        Box::pin(async { Ok(Vec::new()) })
    }
    /// Deletes a journal that is kept aside. False if there is none of this lineage. The caller holds the lock.
    fn discard<'a>(&'a self, _workspace: &'a str, _lineage: &'a str) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async { Ok(false) })
    }
    /// Breaks the lock with this id.
    fn force_unlock<'a>(&'a self, workspace: &'a str, id: &'a str) -> BoxFuture<'a, Result<LockInfo>>;
}

impl std::fmt::Display for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Notice::Waiting { holder: Some(h), since } => write!(
                f,
                "Waiting for the state lock: held by {} since {} ({}), {}s so far",
                h.who,
                h.created,
                h.operation,
                since.as_secs()
            ),
            Notice::Waiting { holder: None, since } => {
                write!(f, "Waiting for the state lock, {}s so far", since.as_secs())
            }
            Notice::TookOver { holder, why } => {
                write!(f, "Took over the state lock of {} ({}): {why}", holder.who, holder.operation)
            }
            Notice::NotLocked { why } => write!(f, "The state is not locked: {why}"),
            Notice::Recovering { records, open } => {
                write!(f, "An earlier run was interrupted: {records} journal records, {open} requests to look up")
            }
            Notice::Foreign { claims } => write!(
                f,
                "Another tool wrote the state after an interrupted run; {claims} objects of that run are looked up"
            ),
            Notice::Parked { lineage, place } => {
                write!(f, "A journal of another state (lineage {lineage}) is kept aside in {place}")
            }
            Notice::NoJournal { place } => write!(
                f,
                "The journal of {place} is switched off: if this run is killed, what it has made may exist without \
                 being in the state, and nobody will know of it"
            ),
            Notice::LeaseOnly { place } => write!(
                f,
                "No lock is configured (use_lockfile or dynamodb_table): runs of stackctl exclude each other through \
                 {place}, other tools are not excluded"
            ),
            Notice::Careless { place } => write!(
                f,
                "The store of {place} does not honour conditional writes: only the lock keeps two runs from destroying \
                 each other's work (STACKCTL_UNSAFE_STORE is set)"
            ),
            Notice::NotVersioned { place } => write!(
                f,
                "The bucket of {place} keeps no earlier versions, so that a lost or damaged state cannot be brought \
                 back; `stackctl bootstrap` switches versions on"
            ),
            Notice::DigestRepaired => f.write_str("The digest of an interrupted run was completed"),
            Notice::ChangedMeanwhile { place } => write!(
                f,
                "Another tool wrote the state {place} while this run has it open; the run goes on, and its journal keeps \
                 what it does"
            ),
            Notice::NotSealed => f.write_str(
                "The state holds secrets as plain text; STACKCTL_PASSPHRASE or `stackctl bootstrap` seals new states, \
                 `stackctl state seal` this one",
            ),
            Notice::Retrying { problem, after } => {
                write!(f, "State storage: {problem}; trying again in {}s", after.as_secs())
            }
        }
    }
}
