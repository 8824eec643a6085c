//! One opened state.
//!
//! The caller owns the [`Session`] and with it the newest state: every appended record is applied at once, and
//! [`Session::append`] gives a future that ends when the record is durable. A task of its own owns the storage and
//! writes whatever has been appended meanwhile in one go (group commit), outcomes before intents. It keeps a ledger of
//! what is durable, which is what folds write: never a record ahead of its intent.

use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use stackctl_core::{BoxFuture, Clock, Host, Ids, InstanceAddr};
use tokio::sync::{Notify, mpsc, oneshot, watch};

use crate::backend::{Access, Notice, Options, Watch};
use crate::error::{Error, Result};
use crate::fold::{Ledger, Reading};
use crate::model::State;
use crate::record::{Action, Claim, Done, Doubt, Intent, Record};
use crate::seal::{DataKeys, Keys, Policy, Source, Vault};

/// What an earlier run left open. The engine looks each of them up in the cloud and answers with records.
///
/// | found open | cloud | record |
/// |---|---|---|
/// | create | made, address held by the object it replaces | [`Record::Done`] |
/// | create | made | [`Record::Adopt`] |
/// | create | nothing | none: it stays in doubt, and its token is used again |
/// | update, delete | there | [`Record::Set`], if it differs from state |
/// | update, delete | gone | [`Record::Rm`] |
/// | doubt | an object with its proof whose id is not in `seen` | [`Record::Adopt`] |
/// | claim | there | [`Record::Adopt`] without token |
/// | claim | gone | none |
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Requests whose outcome is not known.
    pub open: Vec<Arc<Intent>>,
    /// Creates that may still arrive.
    pub doubts: Vec<Doubt>,
    /// Objects that only the journal knows.
    pub claims: Vec<Claim>,
}

impl Pending {
    /// True if there is nothing to look up.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty() && self.doubts.is_empty() && self.claims.is_empty()
    }
}

/// An opened state. Dropping it without [`Session::close`] writes nothing more and keeps remote locks: that is what a
/// crash does.
pub struct Session {
    /// In the open; what is kept may be sealed.
    ledger: Ledger,
    vault: Vault,
    /// Told once when secrets enter a new plain state.
    hint: Option<Watch>,
    pending: Pending,
    recovered: bool,
    access: Access,
    existed: bool,
    tokens: Tokens,
    tx: Option<mpsc::UnboundedSender<Command>>,
    gate: Gate,
    place: String,
    host: Host,
}

/// The future of an appended record: ends when it is durable. Dropping it does not undo the record.
#[must_use = "a record is durable only when this future has ended"]
pub struct Durable(oneshot::Receiver<Result<()>>);

impl Future for Durable {
    type Output = Result<()>;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll(cx).map(|r| r.unwrap_or_else(|_| Err(stopped())))
    }
}

/// Says whether requests that change something may still be sent. Cheap to clone.
#[derive(Clone)]
pub struct Gate {
    pub(crate) closed: watch::Receiver<Option<Error>>,
    pub(crate) lease: Option<Arc<LeaseGate>>,
}

/// Until when requests may be sent, and by which clock.
pub(crate) struct LeaseGate {
    pub(crate) clock: Arc<dyn Clock>,
    /// Boot time and wall clock at the start of the last successful renewal.
    renewed: std::sync::Mutex<(Duration, jiff::Timestamp)>,
    open_for: Duration,
    /// Asks for a renewal before its time.
    pub(crate) nudge: Notify,
}

/// How long requests wait for a renewal.
const RENEWAL: Duration = Duration::from_secs(300);
/// How far the wall clock may run ahead before the machine must have been stopped meanwhile.
const AHEAD: f64 = 5.0;

impl Gate {
    /// Asks before each request, without waiting.
    ///
    /// # Errors
    /// [`Error::Fenced`] if another run has taken over or the lease was not renewed in time.
    pub fn check(&self) -> Result<()> {
        if let Some(e) = self.closed.borrow().clone() {
            return Err(e);
        }
        match &self.lease {
            Some(l) => l.check(),
            None => Ok(()),
        }
    }
    /// Asks before each request. A lease that is over may still be ours, if nobody has taken it over meanwhile: its
    /// renewal is awaited.
    ///
    /// # Errors
    /// [`Error::Fenced`] if another run has taken over, or the lease could not be renewed within five minutes.
    pub async fn open(&self) -> Result<()> {
        let mut waited = Duration::ZERO;
        loop {
            let (r, Some(lease)) = (self.check(), &self.lease) else { return self.check() };
            if r.is_ok() || self.closed.borrow().is_some() || waited >= RENEWAL {
                return r;
            }
            lease.nudge.notify_one();
            let pause = Duration::from_millis(500);
            tokio::select! {
                e = self.closed() => return Err(e),
                () = lease.clock.sleep_passively(pause) => waited += pause,
            }
        }
    }
    /// Ends when nothing more may be sent.
    pub async fn closed(&self) -> Error {
        let mut rx = self.closed.clone();
        loop {
            if let Some(e) = rx.borrow_and_update().clone() {
                return e;
            }
            if rx.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    }
}

impl LeaseGate {
    pub(crate) fn new(clock: Arc<dyn Clock>, renewed: (Duration, jiff::Timestamp), open_for: Duration) -> LeaseGate {
        LeaseGate { clock, renewed: std::sync::Mutex::new(renewed), open_for, nudge: Notify::new() }
    }
    /// A renewal that started then was successful.
    pub(crate) fn renewed(&self, start: (Duration, jiff::Timestamp)) {
        *self.renewed.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = start;
    }
    pub(crate) fn is_fresh(&self) -> bool {
        self.check().is_ok()
    }
    fn check(&self) -> Result<()> {
        let (boot, wall) = *self.renewed.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let passed = self.clock.boot().saturating_sub(boot);
        let on_wall = self.clock.now().duration_since(wall).as_secs_f64();
        let jumped = on_wall > passed.as_secs_f64() + AHEAD;
        if passed <= self.open_for && !jumped {
            return Ok(());
        }
        let how = if jumped { "the machine was stopped for a while" } else { "its lock could not be renewed in time" };
        Err(Error::Fenced { place: String::new(), how: how.to_owned() })
    }
}

/// Makes tokens: unique over the life of a lineage, the same for nobody else.
struct Tokens {
    writer: String,
    count: u64,
}

impl Tokens {
    fn next(&mut self, lineage: &str, addr: &InstanceAddr) -> String {
        self.count += 1;
        let mut hash = Sha256::new();
        for part in [lineage, &addr.to_string(), &self.writer, &self.count.to_string()] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        base32(&hash.finalize())[..32].to_owned()
    }
}

fn base32(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut out = String::new();
    let (mut acc, mut bits) = (0u32, 0);
    for &b in bytes {
        acc = acc << 8 | u32::from(b);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            out.push(char::from(DIGITS[(acc >> bits) as usize & 31]));
        }
    }
    out
}

impl Session {
    /// The state with everything appended so far.
    pub fn state(&self) -> &State {
        &self.ledger.state
    }
    /// The state, what is open and what is in doubt.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }
    /// What must be looked up in the cloud before anything can be appended.
    pub fn pending(&self) -> &Pending {
        &self.pending
    }
    /// False if there was no state yet.
    pub fn existed(&self) -> bool {
        self.existed
    }
    /// Where the state is, for users.
    pub fn place(&self) -> &str {
        &self.place
    }
    /// How the state is sealed, and whether its secrets can be read.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }
    /// The state as it is kept: sealed, if it is sealed.
    ///
    /// # Errors
    /// If there is something to seal and the key is not there.
    pub fn kept_state(&self) -> Result<State> {
        self.vault.state(&self.ledger.state)
    }
    /// Whether requests may still be sent.
    pub fn gate(&self) -> Gate {
        self.gate.clone()
    }
    /// The token for a create at an address: that of a doubt about it, else a new one. Call it once per create and keep
    /// the token over repetitions.
    pub fn token(&mut self, addr: &InstanceAddr) -> String {
        match self.ledger.doubted(addr) {
            Some(t) => t.to_owned(),
            None => self.tokens.next(&self.ledger.state.lineage, addr),
        }
    }
    /// Settles what was pending. With [`Access::Write`] the result is folded into the kept state before this returns;
    /// else it happens in memory.
    ///
    /// # Errors
    /// If the fold cannot be written.
    pub async fn resolve(&mut self, records: Vec<Record>) -> Result<()> {
        let before = self.ledger.clone();
        let now = self.host.clock.now();
        for r in &records {
            if let Record::Adopt { token: Some(t), .. } | Record::Done(Done { token: t, .. }) = r
                && let Some(i) = self.ledger.open.get(t).cloned()
                && i.action == Action::Create
            {
                self.ledger.doubt_found(i, now);
            }
            self.ledger.apply(r, Reading::New);
        }
        self.ledger.settle(now);
        self.pending = Pending::default();
        if self.access == Access::Write && (self.recovered || self.ledger != before) {
            self.fold_ledger().await?;
        }
        self.recovered = false;
        Ok(())
    }
    async fn fold_ledger(&mut self) -> Result<()> {
        let ledger = Box::new(self.vault.ledger(&self.ledger)?);
        self.send(|reply| Command::Fold { ledger, reply }).await
    }
    /// Applies records to the state at once and makes them durable; the future ends when they are. Records of one call
    /// stay together and in order.
    pub fn append(&mut self, records: Vec<Record>) -> Durable {
        let (reply, rx) = oneshot::channel();
        let refused = match self.access {
            Access::Write if !self.pending.is_empty() || self.recovered => Some(Error::Unresolved),
            Access::Write => None,
            Access::Read | Access::Plan => Some(Error::ReadOnly),
        };
        if let Some(e) = refused {
            let _ = reply.send(Err(e));
            return Durable(rx);
        }
        let kept = match self.vault.records(records.clone()) {
            Ok(kept) => kept,
            Err(e) => {
                let _ = reply.send(Err(e));
                return Durable(rx);
            }
        };
        if !self.existed
            && let Some(watch) = self.hint.take_if(|_| self.vault.exposes(&records))
        {
            watch(Notice::NotSealed);
        }
        for r in &records {
            self.ledger.apply(r, Reading::New);
        }
        let records = kept;
        match &self.tx {
            Some(tx) => {
                if let Err(mpsc::error::SendError(Command::Commit { reply, .. })) =
                    tx.send(Command::Commit { records, reply })
                {
                    let _ = reply.send(Err(stopped()));
                }
            }
            None => {
                let _ = reply.send(Err(Error::ReadOnly));
            }
        }
        Durable(rx)
    }
    /// Changes the state as a whole (`push`, `restore`, `taint`, `replace-provider`) and folds at once.
    ///
    /// # Errors
    /// If the fold cannot be written, or the session only reads.
    pub async fn edit(&mut self, change: impl FnOnce(&mut State)) -> Result<()> {
        if self.access != Access::Write {
            return Err(Error::ReadOnly);
        }
        if !self.pending.is_empty() || self.recovered {
            return Err(Error::Unresolved);
        }
        change(&mut self.ledger.state);
        self.vault.adopt(&mut self.ledger.state).await?;
        self.fold_ledger().await
    }
    /// Seals the state with a new data key, whether or not it was sealed before, and folds at once.
    ///
    /// # Errors
    /// If no key can be made, the present one is not there, creates are in doubt (what is known of them is sealed with
    /// the present key), or the fold cannot be written.
    pub async fn seal(&mut self, source: &Source) -> Result<()> {
        self.settled()?;
        self.vault.rekey(source).await?;
        self.fold_ledger().await
    }
    /// Keeps the state plain from now on, and folds at once. Without the key only with `lose`: the secrets in it become
    /// null then. Returns how many did.
    ///
    /// # Errors
    /// As for [`Session::seal`].
    pub async fn unseal(&mut self, lose: bool) -> Result<usize> {
        self.settled()?;
        let lost = self.vault.unseal(&mut self.ledger.state, lose)?;
        self.fold_ledger().await?;
        Ok(lost)
    }
    fn settled(&self) -> Result<()> {
        if self.access != Access::Write {
            return Err(Error::ReadOnly);
        }
        if !self.pending.is_empty() || self.recovered {
            return Err(Error::Unresolved);
        }
        match self.ledger.doubts.values().filter(|_| self.vault.seal().is_some()).map(|d| d.until).max() {
            None => Ok(()),
            Some(until) => Err(Error::InDoubt { place: self.place.clone(), until: until.to_string() }),
        }
    }
    /// Brings a state that does not exist yet into being, empty. Does nothing to one that exists.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn create(&mut self) -> Result<()> {
        if self.existed {
            return Ok(());
        }
        self.edit(|_| {}).await?;
        self.existed = true;
        Ok(())
    }
    /// Folds what was appended, so that the kept state is complete at this moment.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn flush(&mut self) -> Result<()> {
        if self.access == Access::Write { self.send(Command::Flush).await } else { Ok(()) }
    }
    /// Folds and unlocks, and returns the state as it is now kept. After a fence nothing is written or unlocked.
    ///
    /// # Errors
    /// [`Error::NotSaved`] if the state could not be saved; it was then written to `errored.tfstate` in the working
    /// directory.
    pub async fn close(mut self) -> Result<State> {
        if self.tx.is_none() {
            return Ok(self.ledger.state);
        }
        let (reply, rx) = oneshot::channel();
        let sent = self.tx.take().map(|tx| tx.send(Command::Close { reply }));
        let answer = match sent {
            Some(Ok(())) => rx.await.unwrap_or_else(|_| Err(stopped())),
            _ => Err(stopped()),
        };
        match answer {
            // What is kept may be sealed; the caller gets it in the open.
            Ok(Some(State { serial, mark, by, .. })) => Ok(State { serial, mark, by, ..self.ledger.state }),
            Ok(None) => Ok(self.ledger.state),
            Err(e @ Error::NotSaved { .. }) => Err(e),
            Err(cause) => Err(Error::NotSaved { errored: self.rescue(), cause: Box::new(cause) }),
        }
    }
    /// Writes the newest state to `errored.tfstate` in the working directory.
    pub fn rescue(&self) -> Option<std::path::PathBuf> {
        let path = self.host.cwd.join("errored.tfstate");
        let mut state = self.kept_state().ok()?;
        state.serial += 1;
        state.mark = None;
        crate::local::file::write_private(&path, &state.to_bytes()).ok().map(|()| path)
    }

    async fn send(&mut self, command: impl FnOnce(oneshot::Sender<Result<()>>) -> Command) -> Result<()> {
        let Some(tx) = &self.tx else { return Err(Error::ReadOnly) };
        let (reply, rx) = oneshot::channel();
        tx.send(command(reply)).map_err(|_| stopped())?;
        rx.await.unwrap_or_else(|_| Err(stopped()))
    }
}

fn stopped() -> Error {
    Error::Fenced { place: String::new(), how: "its journal has stopped after an earlier error".to_owned() }
}

/// What the storage of a place does. One at a time; owned by the session's task.
pub(crate) trait Writer: Send {
    /// Makes records durable. Must not touch the kept state object.
    fn commit<'a>(&'a mut self, records: &'a [Record], after: &'a Ledger) -> BoxFuture<'a, Result<()>>;
    /// Writes the ledger's state to its place, raising its serial and setting its mark, and forgets records that are in
    /// it. Does nothing if nothing changed since the last fold, unless `changed`.
    fn fold<'a>(&'a mut self, ledger: &'a mut Ledger, changed: bool, close: bool) -> BoxFuture<'a, Result<()>>;
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
    /// Releases the lock.
    fn unlock<'a>(&'a mut self) -> BoxFuture<'a, Result<()>>;
}

/// What a place hands over when it has opened a state.
pub(crate) struct Opened {
    pub(crate) ledger: Ledger,
    /// There was a state.
    pub(crate) existed: bool,
    /// The journal is unclean: a fold is due even if the lookups change nothing.
    pub(crate) recovered: bool,
    /// Journal records that no checkpoint covers.
    pub(crate) records: usize,
    pub(crate) writer: Option<Box<dyn Writer>>,
    pub(crate) place: String,
    pub(crate) id: String,
    /// Closes the gate; a lock that is lost closes it too.
    pub(crate) fence: Arc<watch::Sender<Option<Error>>>,
    pub(crate) lease: Option<Arc<LeaseGate>>,
}

enum Command {
    Commit { records: Vec<Record>, reply: oneshot::Sender<Result<()>> },
    Fold { ledger: Box<Ledger>, reply: oneshot::Sender<Result<()>> },
    Flush(oneshot::Sender<Result<()>>),
    Close { reply: oneshot::Sender<Result<Option<State>>> },
}

/// Begins a session. The lock is let go if the secrets of the state cannot be read and the command needs them.
pub(crate) async fn start(
    opened: Opened,
    options: &Options,
    host: &Host,
    kms: Option<Arc<dyn DataKeys>>,
) -> Result<Session> {
    let Opened { ledger: mut kept, existed, recovered, records, mut writer, place, id, fence, lease } = opened;
    let (access, watch) = (options.access, &options.watch);
    let keys = Keys::gather(&options.sealing, host, kms);
    let mut sealing = options.sealing.clone();
    sealing.without_key |= options.replacing;
    let new = (!existed && access != Access::Read).then_some(sealing.policy);
    let (vault, ledger) = match Vault::open(&mut kept, new, &sealing, keys, &place).await {
        Ok(opened) => opened,
        Err(e) => {
            if let Some(writer) = &mut writer {
                writer.unlock().await?;
            }
            return Err(e);
        }
    };
    let pending = Pending {
        open: ledger.open.values().cloned().collect(),
        doubts: ledger.doubts.values().cloned().collect(),
        claims: ledger.claims.clone(),
    };
    if !pending.open.is_empty() || recovered {
        watch(Notice::Recovering { records, open: pending.open.len() });
    }
    if !pending.claims.is_empty() {
        watch(Notice::Foreign { claims: pending.claims.len() });
    }
    let gate = Gate { closed: fence.subscribe(), lease };
    let tx = writer.map(|writer| {
        let (tx, rx) = mpsc::unbounded_channel();
        let task = Task {
            writer,
            ledger: kept,
            fence,
            failed: None,
            clock: host.clock.clone(),
            dirty: false,
            writes: access == Access::Write,
        };
        tokio::spawn(task.run(rx));
        tx
    });
    let hint = (sealing.policy == Policy::Auto).then(|| watch.clone());
    Ok(Session {
        vault,
        hint,
        ledger,
        pending,
        recovered: recovered && access == Access::Write,
        access,
        existed,
        tokens: Tokens { writer: id, count: 0 },
        tx,
        gate,
        place,
        host: host.clone(),
    })
}

struct Task {
    writer: Box<dyn Writer>,
    /// What is durable.
    ledger: Ledger,
    fence: Arc<watch::Sender<Option<Error>>>,
    /// The first error; after it nothing more is written.
    failed: Option<Error>,
    clock: Arc<dyn Clock>,
    dirty: bool,
    /// False for a plan, which holds the lock and writes nothing.
    writes: bool,
}

impl Task {
    async fn run(mut self, mut rx: mpsc::UnboundedReceiver<Command>) {
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
        for c in rest.by_ref() {
            match c {
                Command::Commit { records, reply } => {
                    batch.extend(records);
                    replies.push(reply);
                }
                c => {
                    other = Some(c);
                    break;
                }
            }
        }
        if !replies.is_empty() {
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
            self.fold(false, false).await?;
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

/// A random id of a writer.
pub(crate) fn writer_id(ids: &dyn Ids) -> String {
    ids.uuid()
}
