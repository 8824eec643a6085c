//! The task of a session that owns the storage: it makes records durable in groups, and folds.
//!
//! Its ledger holds what is durable, which is what folds write: never a record ahead of its intent.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use stackctl_core::{BoxFuture, Clock};
use tokio::sync::{mpsc, oneshot, watch};

use crate::error::{Error, Result};
use crate::fold::{Ledger, Reading};
use crate::model::State;
use crate::record::Record;

/// What the storage of a place does. One at a time; owned by the session's task.
pub(crate) trait Writer: Send {
    /// Makes records durable. Must not touch the kept state object.
    fn commit<'a>(&'a mut self, records: &'a [Record], after: &'a Ledger) -> BoxFuture<'a, Result<()>>;
    /// Writes the ledger's state to its place, raising its serial and setting its mark, and forgets records that are in
    /// it. Does nothing if nothing changed since the last fold, unless `changed`.
    fn fold<'a>(&'a mut self, ledger: &'a mut Ledger, changed: bool, close: bool) -> BoxFuture<'a, Result<()>>;
    /// What takes its time before the first records can be made durable. Those that arrive meanwhile go along.
    fn prepare<'a>(&'a mut self, before: &'a Ledger) -> BoxFuture<'a, Result<()>> {
        let _ = before;
        Box::pin(async { Ok(()) })
    }
    /// True when so much has been committed that a fold is due.
    fn wants_fold(&self) -> bool;
    /// After how long, without a commit, a fold is due (places without journal).
    fn due(&self) -> Option<Duration> {
        None
    }
    /// True if the kept state is written even after the lock was lost: places without a journal have nothing else to
    /// leave behind, and write under a condition.
    fn folds_without_lock(&self) -> bool {
        true
    }
    /// A fold in the middle of a run met another tool's write. True if the journal keeps everything until the end of the
    /// run, so that it may go on without folds.
    fn postpone(&mut self) -> bool {
        false
    }
    /// Releases the lock.
    fn unlock<'a>(&'a mut self) -> BoxFuture<'a, Result<()>>;
}

/// What a session asks of its task.
pub(crate) enum Command {
    Commit { records: Vec<Record>, reply: oneshot::Sender<Result<()>> },
    Fold { ledger: Box<Ledger>, reply: oneshot::Sender<Result<()>> },
    Flush(oneshot::Sender<Result<()>>),
    Close { reply: oneshot::Sender<Result<Option<State>>> },
}

impl Command {
    /// True for records that nobody waits for.
    fn is_idle(&self) -> bool {
        matches!(self, Command::Commit { reply, .. } if reply.is_closed())
    }
    /// True for records that somebody waits for.
    fn is_awaited(&self) -> bool {
        matches!(self, Command::Commit { reply, .. } if !reply.is_closed())
    }
}

/// How long records that nobody waits for may stay in memory.
const LINGER: Duration = Duration::from_millis(200);

/// The task.
pub(crate) struct Task {
    pub(crate) writer: Box<dyn Writer>,
    /// What is durable.
    pub(crate) ledger: Ledger,
    pub(crate) fence: Arc<watch::Sender<Option<Error>>>,
    /// The first error; after it nothing more is written.
    pub(crate) failed: Option<Error>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) dirty: bool,
    /// False for a plan, which holds the lock and writes nothing.
    pub(crate) writes: bool,
}

impl Task {
    pub(crate) async fn run(mut self, mut rx: mpsc::UnboundedReceiver<Command>) {
        let mut queue: Vec<Command> = Vec::new();
        loop {
            if queue.is_empty() {
                let due = self.writer.due().filter(|_| self.failed.is_none());
                let next = match due {
                    None => rx.recv().await,
                    Some(d) => tokio::select! {
                        biased;
                        c = rx.recv() => c,
                        () = self.clock.sleep(d) => {
                            let r = self.fold(false, false).await;
                            self.note(&r);
                            continue;
                        }
                    },
                };
                match next {
                    Some(c) => queue.push(c),
                    None => return,
                }
            }
            while let Ok(c) = rx.try_recv() {
                queue.push(c);
            }
            // What nobody waits for waits for company: soon somebody does, or the run ends.
            let until = self.clock.boot() + LINGER;
            while self.failed.is_none() && queue.iter().all(Command::is_idle) {
                let left = until.saturating_sub(self.clock.boot());
                if left.is_zero() {
                    break;
                }
                tokio::select! {
                    biased;
                    c = rx.recv() => match c {
                        Some(c) => queue.push(c),
                        // The session was dropped: nobody will come any more.
                        None => break,
                    },
                    () = self.clock.sleep_passively(left) => break,
                }
            }
            if self.failed.is_none() && queue.iter().any(Command::is_awaited) {
                let r = self.writer.prepare(&self.ledger).await;
                self.note(&r);
                while let Ok(c) = rx.try_recv() {
                    queue.push(c);
                }
            }
            queue = match self.take(queue).await {
                Some(rest) => rest,
                None => return,
            };
        }
    }

    /// Carries out the commands at the head of the queue: all commits up to the next other command at once.
    async fn take(&mut self, queue: Vec<Command>) -> Option<Vec<Command>> {
        let mut rest = queue.into_iter();
        let mut batch = Vec::new();
        let mut replies = Vec::new();
        let mut other = None;
        let mut waited = false;
        for c in rest.by_ref() {
            match c {
                Command::Commit { records, reply } => {
                    waited |= !reply.is_closed();
                    batch.extend(records);
                    replies.push(reply);
                }
                c => {
                    other = Some(c);
                    break;
                }
            }
        }
        // The fold at the end takes what nobody waits for along.
        let mut along = Vec::new();
        if !replies.is_empty() && !waited && self.writes && matches!(other, Some(Command::Close { .. })) {
            along = outcomes_first(batch);
            for r in &along {
                self.ledger.apply(r, Reading::New);
            }
            self.dirty = true;
        } else if !replies.is_empty() {
            let r = self.commit(batch).await;
            self.note(&r);
            for reply in replies {
                let _ = reply.send(r.clone());
            }
        }
        match other {
            None => {}
            Some(Command::Commit { .. }) => {}
            Some(Command::Fold { ledger, reply }) => {
                let r = match self.failed.clone() {
                    Some(e) => Err(e),
                    None => {
                        let serial = self.ledger.state.serial;
                        let mark = self.ledger.state.mark.take();
                        self.ledger = *ledger;
                        // The caller knows neither the serial nor the mark of folds since it opened.
                        self.ledger.state.serial = self.ledger.state.serial.max(serial);
                        self.ledger.state.mark = mark;
                        self.fold(true, false).await
                    }
                };
                self.note(&r);
                let _ = reply.send(r);
            }
            Some(Command::Flush(reply)) => {
                let r = self.fold(false, false).await;
                self.note(&r);
                let _ = reply.send(r);
            }
            Some(Command::Close { reply }) => {
                let r = self.fold(false, true).await;
                if r.is_err() && !along.is_empty() && self.failed.is_none() {
                    // Not in the kept state: then at least in the journal, as far as it is ours.
                    let _ = self.writer.commit(&along, &self.ledger).await;
                }
                self.note(&r);
                let r = match r {
                    Ok(()) => self.writer.unlock().await,
                    // Fenced: the lock is another's. Otherwise the state is not saved, and whoever comes next must wait
                    // or find the journal; our own process ends, so the lock is of no use to anybody.
                    Err(e) if e.is_fence() => Err(e),
                    Err(e) => {
                        let _ = self.writer.unlock().await;
                        Err(e)
                    }
                };
                let _ = reply.send(r.map(|()| Some(self.ledger.state.clone())));
                return None;
            }
        }
        Some(rest.collect())
    }

    async fn commit(&mut self, batch: Vec<Record>) -> Result<()> {
        if let Some(e) = &self.failed {
            return Err(e.clone());
        }
        let records = outcomes_first(batch);
        for r in &records {
            self.ledger.apply(r, Reading::New);
        }
        self.dirty = true;
        self.writer.commit(&records, &self.ledger).await?;
        if self.writer.wants_fold() {
            match self.fold(false, false).await {
                Err(Error::Changed { .. }) if self.writer.postpone() => {}
                r => r?,
            }
        }
        Ok(())
    }
    async fn fold(&mut self, changed: bool, close: bool) -> Result<()> {
        if let Some(e) = &self.failed {
            return Err(e.clone());
        }
        if !self.writes {
            return Ok(());
        }
        // The journal keeps what is done; whoever comes next folds it.
        if !self.writer.folds_without_lock()
            && let Some(e) = self.fence.borrow().clone()
        {
            return Err(e);
        }
        self.ledger.account();
        self.writer.fold(&mut self.ledger, changed || self.dirty, close).await?;
        self.dirty = false;
        Ok(())
    }
    fn note(&mut self, r: &Result<()>) {
        if let Err(e) = r
            && self.failed.is_none()
        {
            self.failed = Some(e.clone());
            self.fence.send_replace(Some(e.clone()));
        }
    }
}

/// Outcomes before intents, so that an intent may ride with the outcome that it depends on. Records of one object keep
/// their order, because an intent never precedes its own outcome in one batch.
fn outcomes_first(batch: Vec<Record>) -> Vec<Record> {
    let announced: HashSet<&str> =
        batch.iter().filter_map(|r| if let Record::Intent(i) = r { Some(i.token.as_str()) } else { None }).collect();
    let own = batch.iter().any(|r| match r {
        Record::Done(d) => announced.contains(d.token.as_str()),
        Record::Failed { token } => announced.contains(token.as_str()),
        _ => false,
    });
    if own {
        return batch;
    }
    let (intents, mut rest): (Vec<Record>, Vec<Record>) = batch.into_iter().partition(Record::is_intent);
    rest.extend(intents);
    rest
}
