//! One opened state.
//!
//! The caller owns the [`Session`] and with it the newest state: every appended record is applied at once, and
//! [`Session::append`] gives a future that ends when the record is durable. A task of its own owns the storage and
//! writes whatever has been appended meanwhile in one go (group commit), outcomes before intents. It keeps a ledger of
//! what is durable, which is what folds write: never a record ahead of its intent.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use sha2::{Digest as _, Sha256};
use stackctl_core::{Host, Ids, InstanceAddr};
use tokio::sync::{mpsc, oneshot, watch};

use crate::backend::{Access, Notice, Options, Watch};
pub(crate) use crate::committer::Writer;
use crate::committer::{Command, Task};
use crate::error::{Error, Result};
use crate::fold::{Ledger, Reading};
pub use crate::gate::Gate;
pub(crate) use crate::gate::LeaseGate;
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
    /// Tokens of open intents that were announced before another tool wrote the state.
    foreign: BTreeSet<String>,
    access: Access,
    existed: bool,
    sound: bool,
    /// Records were not taken on, and perhaps nobody waited for them: the end says so.
    refused: Option<Error>,
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

/// Makes tokens: unique over the life of a lineage, the same for nobody else.
struct Tokens {
    /// Where the state is: an object's URL, or a file's absolute path.
    place: String,
    writer: String,
    count: u64,
}

impl Tokens {
    fn next(&mut self, lineage: &str, addr: &InstanceAddr) -> String {
        self.count += 1;
        let unique = digest(&[lineage, &addr.to_string(), &self.writer, &self.count.to_string()]);
        // The first half is the same for every token of the address: see `Session::owner_prefix`.
        format!("{}{unique}", self.prefix(addr))
    }
    fn prefix(&self, addr: &InstanceAddr) -> String {
        digest(&[&self.place, &addr.to_string()])
    }
}

/// 80 bits in 16 characters.
fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    base32(&hash.finalize())[..16].to_owned()
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
    /// False if the state is not what its digest says, which only commands that replace it get to see: the next fold
    /// writes both.
    pub fn is_sound(&self) -> bool {
        self.sound
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
    /// What every token of an address in this state begins with. Objects that keep their tag (`ownership_tags = "keep"`)
    /// are found by it when the state is gone.
    pub fn owner_prefix(&self, addr: &InstanceAddr) -> String {
        self.tokens.prefix(addr)
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
            match r {
                // What another tool has put at the address since then stays there; ours is deposed.
                Record::Done(Done { token, action: Action::Create, at, object: Some(object), .. })
                    if self.foreign.contains(token) && !self.replaces(token) =>
                {
                    let (token, addr) = (Some(token.clone()), at.addr.clone());
                    self.ledger.apply(&Record::Adopt { token, addr, object: object.clone() }, Reading::New);
                }
                r => self.ledger.apply(r, Reading::New),
            }
        }
        self.ledger.settle(now);
        self.pending = Pending::default();
        if self.access == Access::Write && (self.recovered || self.ledger != before) {
            self.fold_ledger().await?;
        }
        self.recovered = false;
        Ok(())
    }
    /// The object that an open create was to replace still stands at its address.
    fn replaces(&self, token: &str) -> bool {
        let Some(intent) = self.ledger.open.get(token) else { return false };
        let there = self.ledger.state.current(&intent.at.addr).and_then(|o| o.id());
        there.is_some() && there == intent.id.as_deref()
    }
    async fn fold_ledger(&mut self) -> Result<()> {
        let ledger = Box::new(self.vault.ledger(&self.ledger)?);
        self.send(|reply| Command::Fold { ledger, reply }).await
    }
    /// Applies records to the state at once and makes them durable; the future ends when they are. Records of one call
    /// stay together and in order. Those whose future is dropped may stay in memory for a moment longer, until others go
    /// along or the run ends; if they cannot be taken on, [`Session::close`] fails.
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
                self.refused.get_or_insert(e.clone());
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
        let answer = match self.refused.take() {
            Some(e) => answer.and(Err(e)),
            None => answer,
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

/// What a place hands over when it has opened a state.
pub(crate) struct Opened {
    pub(crate) ledger: Ledger,
    /// There was a state.
    pub(crate) existed: bool,
    /// The state is what its digest says, or there is none.
    pub(crate) sound: bool,
    /// The journal is unclean: a fold is due even if the lookups change nothing.
    pub(crate) recovered: bool,
    /// Journal records that no checkpoint covers.
    pub(crate) records: usize,
    /// Tokens of open intents that were announced before another tool wrote the state.
    pub(crate) foreign: BTreeSet<String>,
    pub(crate) writer: Option<Box<dyn Writer>>,
    pub(crate) place: String,
    pub(crate) id: String,
    /// Closes the gate; a lock that is lost closes it too.
    pub(crate) fence: Arc<watch::Sender<Option<Error>>>,
    pub(crate) lease: Option<Arc<LeaseGate>>,
}

/// Begins a session. The lock is let go if the secrets of the state cannot be read and the command needs them.
pub(crate) async fn start(
    opened: Opened,
    options: &Options,
    host: &Host,
    kms: Option<Arc<dyn DataKeys>>,
) -> Result<Session> {
    let Opened { ledger: mut kept, existed, sound, recovered, records, foreign, mut writer, place, id, fence, lease } =
        opened;
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
    let whole = if place.contains("://") { place.clone() } else { host.cwd.join(&place).display().to_string() };
    Ok(Session {
        vault,
        hint,
        ledger,
        pending,
        recovered: recovered && access == Access::Write,
        foreign,
        access,
        existed,
        sound,
        refused: None,
        tokens: Tokens { place: whole, writer: id, count: 0 },
        tx,
        gate,
        place,
        host: host.clone(),
    })
}

/// A random id of a writer.
pub(crate) fn writer_id(ids: &dyn Ids) -> String {
    ids.uuid()
}
