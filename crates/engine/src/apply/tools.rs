//! What the workers of an apply share: clock, journal, events, and the memory of what was made a moment ago.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stackctl_core::{Clock, Diagnostic, sending};
use stackctl_state::{Gate, Object, Record};
use tokio::sync::{mpsc, oneshot, watch};

use super::dispatch::Message;
use super::wait::Wait;
use crate::eval::Provision;
use crate::events::{Events, Stop};
use crate::plan::OpId;

/// The journal as workers see it: the dispatcher owns the session, workers ask it to append.
#[derive(Clone)]
pub(crate) struct Ledger {
    pub(crate) tx: mpsc::UnboundedSender<Message>,
    pub(crate) gate: Gate,
}

impl Ledger {
    /// Makes records durable, group-committed with those of other workers.
    ///
    /// # Errors
    /// If the journal cannot be written any more: then nothing may be sent either.
    pub(crate) async fn commit(&self, records: Vec<Record>) -> Result<(), Diagnostic> {
        let gone = || Diagnostic::error("The run has ended", "The journal of this run is closed.");
        let (reply, rx) = oneshot::channel();
        self.tx.send(Message::Commit { records, reply }).map_err(|_| gone())?;
        rx.await.map_err(|_| gone())?.await.map_err(|e| e.diagnostic())
    }
    /// Appends records without waiting until they are durable. Nothing outside may depend on them but what announces
    /// itself in this journal: its intent comes after them, and is waited for. A journal that cannot be written closes
    /// the gate and fails the end of the run.
    ///
    /// # Errors
    /// If the run has ended.
    pub(crate) fn post(&self, records: Vec<Record>) -> Result<(), Diagnostic> {
        let gone = || Diagnostic::error("The run has ended", "The journal of this run is closed.");
        let (reply, _) = oneshot::channel();
        self.tx.send(Message::Commit { records, reply }).map_err(|_| gone())
    }
    /// The provisioners to run for an object that was just made.
    ///
    /// # Errors
    /// If one of them cannot be evaluated.
    pub(crate) async fn provisions(&self, op: OpId, object: Arc<Object>) -> Result<Vec<Provision>, Diagnostic> {
        let gone = || Diagnostic::error("The run has ended", "Its provisioners can no longer be evaluated.");
        let (reply, rx) = oneshot::channel();
        self.tx.send(Message::Provision { op, object, reply }).map_err(|_| gone())?;
        rx.await.map_err(|_| gone())?.map_err(|d| *d)
    }
    /// Asked before each request that changes something. Waits while the lock's lease is being renewed.
    ///
    /// # Errors
    /// If another run has taken over, or the lease cannot be renewed.
    pub(crate) async fn gate(&self) -> Result<(), Diagnostic> {
        self.gate.open().await.map_err(|e| e.diagnostic())
    }
    /// Runs a request that changes something: it asks once more right before it leaves.
    pub(crate) async fn sending<F: Future>(&self, request: F) -> F::Output {
        self.noting(&Arc::default(), request).await
    }
    /// The same, and notes whether any request left.
    pub(crate) async fn noting<F: Future>(&self, sent: &Arc<AtomicBool>, request: F) -> F::Output {
        let (gate, sent) = (self.gate.clone(), Arc::clone(sent));
        let ask = move || {
            sent.store(true, Ordering::Relaxed);
            gate.check().map_err(|e| e.to_string())
        };
        sending::guarded(Arc::new(ask), request).await
    }
}

/// What workers share.
pub(crate) struct Tools {
    /// Variables of provisioners.
    pub(crate) env: Arc<BTreeMap<String, String>>,
    /// Where they run.
    pub(crate) cwd: PathBuf,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ledger: Ledger,
    pub(crate) events: Events,
    pub(crate) stop: watch::Receiver<Stop>,
    pub(crate) names: AtomicU32,
    pub(crate) recent: Recent,
    /// Leave `stackctl:id` on objects.
    pub(crate) keep_ownership_tags: bool,
}

impl Tools {
    /// A wait that starts now.
    pub(crate) fn wait(&self, limit: Duration) -> Wait<'_> {
        Wait::new(&*self.clock, self.stop.clone(), limit)
    }
}

/// When this run last made or changed something. An error such as "invalid principal" is worth a second try only if what
/// the request refers to may have been made a moment ago; else a typo would cost a minute.
#[derive(Default)]
pub(crate) struct Recent(Mutex<Option<Duration>>);

/// How long a new object may stay invisible to other services.
const PROPAGATION: Duration = Duration::from_secs(120);

impl Recent {
    /// Something was made now.
    pub(crate) fn note(&self, clock: &dyn Clock) {
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(clock.boot());
    }
    /// How long "not visible yet" is still worth waiting for.
    pub(crate) fn patience(&self, clock: &dyn Clock) -> Duration {
        let last = *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        last.map_or(Duration::ZERO, |t| PROPAGATION.saturating_sub(clock.boot().saturating_sub(t)))
    }
}
