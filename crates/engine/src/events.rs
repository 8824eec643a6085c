//! What happens, as one stream of typed events. Terminal, `-json` and tests only consume it.
//!
//! Nothing here renders: an event carries facts, and secrets never enter one.

use std::sync::Arc;
use std::time::Duration;

use stackctl_core::{Diagnostic, InstanceAddr};

use crate::plan::Action;

/// Which object an event is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subject {
    /// The instance.
    pub addr: Arc<InstanceAddr>,
    /// Key of the deposed object, `None` for the current one.
    pub deposed: Option<String>,
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// Somebody else holds the lock; we wait.
    LockWaiting {
        /// The holder, in lines for people.
        holder: String,
    },
    /// A run before this one did not end; what it left is being resolved.
    Recovering {
        /// Number of open intents and doubts.
        open: usize,
    },
    /// What became of an open intent.
    Recovered {
        /// The object.
        subject: Subject,
        /// What was found and done, a sentence.
        outcome: String,
    },
    /// An object is being read.
    RefreshStart {
        /// The object.
        subject: Subject,
        /// Its id.
        id: String,
    },
    /// An object was read.
    RefreshDone {
        /// The object.
        subject: Subject,
        /// Its id.
        id: String,
    },
    /// An operation starts.
    OpStart {
        /// The object.
        subject: Subject,
        /// What is done.
        action: Action,
        /// Id of the object, where it has one.
        id: Option<String>,
    },
    /// An operation still runs: every ten seconds.
    OpProgress {
        /// The object.
        subject: Subject,
        /// What is done.
        action: Action,
        /// Id of the object, where it has one.
        id: Option<String>,
        /// Since its start.
        elapsed: Duration,
    },
    /// An operation is done.
    OpDone {
        /// The object.
        subject: Subject,
        /// What was done.
        action: Action,
        /// Id of the object, where it has one.
        id: Option<String>,
        /// Since its start.
        elapsed: Duration,
    },
    /// An operation failed; the diagnostic follows at the end of the run.
    OpFailed {
        /// The object.
        subject: Subject,
        /// What was tried.
        action: Action,
        /// Since its start.
        elapsed: Duration,
    },
    /// An operation did not start because something before it failed or the run was interrupted.
    OpSkipped {
        /// The object.
        subject: Subject,
        /// What was planned.
        action: Action,
    },
    /// A provisioner runs.
    Provisioning {
        /// The object that it is about.
        subject: Subject,
        /// Its type.
        provisioner: &'static str,
        /// What it does.
        what: Provisioning,
    },
    /// Something becomes of an ephemeral object.
    Ephemeral {
        /// The object.
        subject: Subject,
        /// What.
        what: Lease,
    },
    /// The user interrupted the run.
    Interrupted(Stop),
    /// The state was written.
    Saved {
        /// Its serial.
        serial: u64,
    },
    /// Something to tell at once.
    Note(Box<Diagnostic>),
}

/// What a provisioner does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provisioning {
    /// It starts.
    Started,
    /// A line of its output. Nothing of one that uses sensitive values.
    Output(String),
    /// It is done.
    Done,
    /// It failed; the diagnostic follows at the end of the run, or as a note where its failure is passed over.
    Failed,
}

/// What becomes of an ephemeral object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lease {
    /// It is being opened.
    Opening,
    /// It is open.
    Opened,
    /// It is being renewed.
    Renewing,
    /// It is being closed.
    Closing,
    /// It is closed.
    Closed,
    /// It could not be opened or closed; a diagnostic says why.
    Failed,
}

/// How urgently a run is to end. Each Ctrl-C raises it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stop {
    /// It is not.
    #[default]
    No,
    /// Start nothing, finish and record what runs.
    Drain,
    /// Stop waiting, record what is known.
    Now,
}

/// Where events go. Cheap to clone; must not block.
#[derive(Clone)]
pub struct Events(Arc<dyn Fn(Event) + Send + Sync>);

impl Events {
    /// Events go to a function.
    pub fn to(f: impl Fn(Event) + Send + Sync + 'static) -> Events {
        Events(Arc::new(f))
    }
    /// Events go nowhere.
    pub fn none() -> Events {
        Events::to(|_| {})
    }
    /// Sends an event.
    pub fn send(&self, e: Event) {
        (self.0)(e);
    }
}
