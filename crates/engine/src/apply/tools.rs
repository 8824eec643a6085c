//! What the workers of an apply share: clock, journal, events, and the memory of what was made a moment ago.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use stackctl_core::{Clock, Diagnostic, sending};
use stackctl_state::{Durable, Gate, Object, Record};
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
        self.append(records)?.durable().await
    }
    /// Begins to make records durable.
    ///
    /// # Errors
    /// If the run has ended.
    pub(crate) fn append(&self, records: Vec<Record>) -> Result<Appended, Diagnostic> {
        let (reply, rx) = oneshot::channel();
        self.tx.send(Message::Commit { records, reply }).map_err(|_| gone())?;
        Ok(Appended(rx))
    }
    /// Appends records without waiting until they are durable. Nothing outside may depend on them but what announces
    /// itself in this journal: its intent comes after them, and is waited for. A journal that cannot be written closes
    /// the gate and fails the end of the run.
    ///
    /// # Errors
    /// If the run has ended.
    pub(crate) fn post(&self, records: Vec<Record>) -> Result<(), Diagnostic> {
        self.append(records).map(drop)
    }
    /// Tells that an object is as it shall be: what depends on it may begin, though its operation goes on.
    pub(crate) fn ready(&self, op: OpId, object: Arc<Object>) {
        // The dispatcher outlives its workers unless the process is ending.
        let _ = self.tx.send(Message::Ready { op, object });
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
    /// Runs what may turn out to have nothing to send. `None` if it had: then nothing left.
    pub(crate) async fn silently<T>(&self, work: impl Future<Output = stackctl_core::Result<T>>) -> Option<T> {
        let asked = Arc::new(AtomicBool::new(false));
        let noted = Arc::clone(&asked);
        let ask = move || {
            noted.store(true, Ordering::Relaxed);
            Err("its id is not durable yet".to_owned())
        };
        let done = sending::guarded(Arc::new(ask), work).await;
        done.ok().filter(|_| !asked.load(Ordering::Relaxed))
    }
}

/// Records under way to the journal. Dropping it does not undo them: nobody waits for them then.
#[must_use = "records are durable only when `durable` has ended"]
pub(crate) struct Appended(oneshot::Receiver<Durable>);

impl Appended {
    /// Waits until they are durable.
    ///
    /// # Errors
    /// If the journal cannot be written any more: then nothing may be sent either.
    pub(crate) async fn durable(self) -> Result<(), Diagnostic> {
        self.0.await.map_err(|_| gone())?.await.map_err(|e| e.diagnostic())
    }
}

fn gone() -> Diagnostic {
    Diagnostic::error("The run has ended", "The journal of this run is closed.")
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
