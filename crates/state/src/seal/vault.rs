//! What a session knows about the sealing of its state, and where keys come from.
//!
//! A session has its state in the open; whatever leaves it for storage goes through its [`Vault`]. A value that did not
//! change keeps its sealed text, so that writing an unchanged state changes nothing.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use stackctl_core::{Host, Ids, Known};

use super::cipher::{key_of, plain};
use super::walk::{self, Count, Look, Work};
use super::wrap::{make_key_file, nonce, random_key, read_key_file};
use super::{DataKey, DataKeys, Document, KEY_FILE, NEW_PASSPHRASE, PASSPHRASE, Policy, Seal, Sealing, Wrap};
use crate::error::{Error, Result};
use crate::fold::Ledger;
use crate::model::State;
use crate::record::Record;

/// The keys that a command has at hand.
#[derive(Clone)]
pub struct Keys {
    kms: Option<Arc<dyn DataKeys>>,
    passphrase: Option<Arc<str>>,
    /// For new data keys, where another one is to take the place of `passphrase`.
    new_passphrase: Option<Arc<str>>,
    key_file: Option<PathBuf>,
    ids: Arc<dyn Ids>,
}

/// What wraps a data key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A key of KMS, by ARN, id or alias.
    Kms(String),
    /// The passphrase of the environment.
    Passphrase,
    /// A key file; it is made where it is missing.
    File(PathBuf),
}

impl Keys {
    /// Those of the environment, the settings and a place.
    pub fn gather(sealing: &Sealing, host: &Host, kms: Option<Arc<dyn DataKeys>>) -> Keys {
        let env = |name: &str| host.env.get(name).filter(|v| !v.is_empty());
        let key_file = env(KEY_FILE).map(PathBuf::from).or_else(|| sealing.key_file.clone());
        Keys {
            kms,
            passphrase: env(PASSPHRASE).map(|p| Arc::from(p.as_str())),
            new_passphrase: env(NEW_PASSPHRASE).map(|p| Arc::from(p.as_str())),
            key_file: key_file.map(|p| host.cwd.join(p)),
            ids: host.ids.clone(),
        }
    }
    /// What seals a new state, by policy; `None` if it stays plain.
    ///
    /// # Errors
    /// If it must be sealed and there is nothing to seal it with, or the place cannot be asked at the moment.
    pub async fn source(&self, policy: Policy, place: &str) -> Result<Option<Source>> {
        if policy == Policy::Never {
            return Ok(None);
        }
        let home = match &self.kms {
            None => None,
            Some(kms) => match kms.home().await {
                Ok(home) => home,
                Err(e) if e.is_transient() => return Err(Error::store("looking for the key of", place, e)),
                // A store without encryption settings, or nobody may look at them: there is no such key for us.
                Err(_) => None,
            },
        };
        let found = match (home, &self.passphrase, &self.key_file) {
            (Some(h), _, _) if h.prepared => Some(Source::Kms(h.key)),
            (_, Some(_), _) => Some(Source::Passphrase),
            (Some(h), None, _) if policy == Policy::Always => Some(Source::Kms(h.key)),
            (_, None, Some(f)) => Some(Source::File(f.clone())),
            (_, None, None) => None,
        };
        if found.is_none() && policy == Policy::Always {
            return Err(Error::Sealed {
                place: place.to_owned(),
                problem: "it has to be sealed, and there is no key for it".to_owned(),
                hint: format!(
                    "Run `stackctl bootstrap` (S3 with KMS), set {PASSPHRASE}, or name a key file: key_file = \"…\" in \
                     stackctl.toml."
                ),
            });
        }
        Ok(found)
    }
    /// A new data key.
    ///
    /// # Errors
    /// If what wraps it is not there or refuses. The passphrase must be set for [`Source::Passphrase`].
    pub async fn generate(&self, source: &Source, place: &str) -> Result<(Seal, Arc<DataKey>)> {
        let failed = |problem: String, hint: &str| Error::Sealed {
            place: place.to_owned(),
            problem: format!("no key can be made for it: {problem}"),
            hint: hint.to_owned(),
        };
        match source {
            Source::Kms(name) => {
                let Some(kms) = &self.kms else {
                    return Err(failed("only states in S3 are sealed with KMS".to_owned(), "Use a passphrase."));
                };
                let made = kms.generate(name).await;
                let made = made.map_err(|e| {
                    failed(e.message.clone(), e.hint.as_deref().unwrap_or("The key must allow kms:GenerateDataKey."))
                })?;
                Ok((Seal::new(&*self.ids, Wrap::kms(&made.by, &made.wrapped)), made.key))
            }
            Source::Passphrase => {
                let Some(passphrase) = self.new_passphrase.clone().or_else(|| self.passphrase.clone()) else {
                    return Err(failed(format!("{PASSPHRASE} is not set"), "Set it, and keep it in a safe place."));
                };
                let ids = self.ids.clone();
                let (key, wrap) = blocking(move || {
                    let key = random_key(&*ids);
                    Wrap::passphrase(&key, &passphrase, &*ids).map(|w| (key, w))
                })
                .await
                .map_err(|e| failed(e, "Try again."))?;
                Ok((Seal::new(&*self.ids, wrap), Arc::new(key)))
            }
            Source::File(path) => {
                let by = if path.exists() { read_key_file(path) } else { make_key_file(path, &*self.ids) };
                let by = by.map_err(|e| failed(e, "A key file holds 32 bytes in base64 and has mode 600."))?;
                let key = random_key(&*self.ids);
                Ok((Seal::new(&*self.ids, Wrap::file(&key, &by, &*self.ids)), Arc::new(key)))
            }
        }
    }
    /// The data key of a header.
    ///
    /// # Errors
    /// [`Error::Sealed`]: what is missing, and where to get it.
    pub async fn unwrap(&self, seal: &Seal, place: &str) -> Result<Arc<DataKey>> {
        let locked = |problem: String, hint: String| Error::Sealed { place: place.to_owned(), problem, hint };
        match &seal.wrap {
            Wrap::Kms { .. } => {
                let Some((name, data)) = seal.wrap.for_kms() else {
                    return Err(locked("its header is damaged".to_owned(), "Restore an earlier version.".to_owned()));
                };
                let Some(kms) = &self.kms else {
                    let problem = format!("it is sealed with {}, and this backend has no KMS", seal.wrap.describe());
                    return Err(locked(problem, "Use it with the S3 backend that it comes from.".to_owned()));
                };
                let answer = kms.unwrap(name, &data).await;
                answer.map_err(|e| {
                    locked(
                        format!("the KMS key {name} does not open it: {}", e.message),
                        e.hint.unwrap_or_else(|| {
                            format!("You need kms:Decrypt on {name}, and the key must exist and be enabled.")
                        }),
                    )
                })
            }
            Wrap::Passphrase { .. } => {
                let Some(passphrase) = self.passphrase.clone() else {
                    let hint = format!("Set {PASSPHRASE} to the passphrase that it was sealed with.");
                    return Err(locked("it is sealed with a passphrase, and none is set".to_owned(), hint));
                };
                let wrap = seal.wrap.clone();
                let opened = blocking(move || wrap.open_with_passphrase(&passphrase)).await;
                opened.map(Arc::new).map_err(|e| locked(e, format!("Set {PASSPHRASE} to the right passphrase.")))
            }
            Wrap::File { .. } => {
                let hint = format!(
                    "Name the file with {KEY_FILE}, or with key_file in stackctl.toml. Without the key the secrets of \
                     this state cannot be read by anybody."
                );
                let Some(path) = &self.key_file else {
                    let problem = format!("it is sealed with {}, and no key file is named", seal.wrap.describe());
                    return Err(locked(problem, hint));
                };
                let opened = read_key_file(path).and_then(|by| seal.wrap.open_with_file(&by));
                opened.map(Arc::new).map_err(|e| locked(e, hint))
            }
        }
    }
    /// A state file as it is, in the open.
    ///
    /// # Errors
    /// [`Error::Sealed`] if its key is not there.
    pub async fn open_state(&self, mut state: State, place: &str) -> Result<State> {
        if let Some(seal) = state.seal.take() {
            let sealer = Sealer::new(seal.clone(), self.unwrap(&seal, place).await?, self.ids.clone());
            walk::state(&mut state, &mut Opens(&sealer)).map_err(|at| damaged(place, &at))?;
        }
        Ok(state)
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, String> + Send + 'static) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err("the work was interrupted".to_owned()))
}

fn damaged(place: &str, at: &str) -> Error {
    Error::Sealed {
        place: place.to_owned(),
        problem: format!("the sealed value of {at} was changed or cut"),
        hint: "Restore an earlier version of the state: stackctl state history".to_owned(),
    }
}

/// Shortest secret that is looked for in other objects too.
const LONG: usize = 8;

/// A data key in use.
struct Sealer {
    seal: Arc<Seal>,
    key: Arc<DataKey>,
    ids: Arc<dyn Ids>,
    /// Texts by place and value.
    memo: Mutex<HashMap<(String, Vec<u8>), String>>,
    /// Secrets that are long enough to be nothing else by chance.
    known: Mutex<HashSet<String>>,
}

impl Sealer {
    fn new(seal: Arc<Seal>, key: Arc<DataKey>, ids: Arc<dyn Ids>) -> Sealer {
        Sealer { seal, key, ids, memo: Mutex::default(), known: Mutex::default() }
    }
    fn learn(&self, secrets: &[String]) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for s in secrets.iter().filter(|s| s.len() >= LONG) {
            if !known.contains(s) {
                known.insert(s.clone());
            }
        }
    }
    fn ours(&self, v: &Known) -> bool {
        v.as_str().and_then(key_of) == Some(&self.seal.key)
    }
}

struct Seals<'a>(&'a Sealer);

impl Work for Seals<'_> {
    type Error = std::convert::Infallible;
    const LOOK: Look = Look::Mirrors;
    fn learn(&mut self, secrets: &[String]) {
        self.0.learn(secrets);
    }
    fn knows(&self, text: &str) -> bool {
        text.len() >= LONG && self.0.known.lock().unwrap_or_else(PoisonError::into_inner).contains(text)
    }
    fn at(&mut self, place: &str, v: &mut Known) -> Result<(), Self::Error> {
        if v.is_null() || self.0.ours(v) {
            return Ok(());
        }
        let mut memo = self.0.memo.lock().unwrap_or_else(PoisonError::into_inner);
        let text = memo
            .entry((place.to_owned(), plain(v)))
            .or_insert_with(|| self.0.key.seal(&self.0.seal.key, nonce(&*self.0.ids), v));
        *v = Known::String(text.clone());
        Ok(())
    }
}

struct Opens<'a>(&'a Sealer);

impl Work for Opens<'_> {
    type Error = String;
    const LOOK: Look = Look::All;
    fn at(&mut self, place: &str, v: &mut Known) -> Result<(), String> {
        let Some(text) = v.as_str().filter(|_| self.0.ours(v)) else { return Ok(()) };
        let open = self.0.key.open(text).ok_or_else(|| place.to_owned())?;
        let mut secrets = Vec::new();
        walk::texts(&open, &mut secrets);
        self.0.learn(&secrets);
        let mut memo = self.0.memo.lock().unwrap_or_else(PoisonError::into_inner);
        memo.insert((place.to_owned(), plain(&open)), text.to_owned());
        *v = open;
        Ok(())
    }
}

enum Kind {
    Plain,
    Open(Sealer),
    Locked { seal: Arc<Seal>, error: Error },
}

/// How the state of a session is kept.
pub struct Vault {
    kind: Kind,
    keys: Keys,
    place: String,
}

impl Vault {
    /// Opens a ledger as it was read, or prepares a new state's sealing. Returns the ledger in the open; `kept` becomes
    /// what the storage starts from.
    ///
    /// # Errors
    /// [`Error::Sealed`] without the key, unless the command can do without it.
    pub(crate) async fn open(
        kept: &mut Ledger,
        new: Option<Policy>,
        sealing: &Sealing,
        keys: Keys,
        place: &str,
    ) -> Result<(Vault, Ledger)> {
        let place = place.to_owned();
        if let Some(policy) = new
            && kept.state.seal.is_none()
            && let Some(source) = keys.source(policy, &place).await?
        {
            let (seal, key) = keys.generate(&source, &place).await?;
            let seal = Arc::new(seal);
            kept.state.seal = Some(seal.clone());
            let mut open = kept.clone();
            open.state.seal = None;
            let sealer = Sealer::new(seal, key, keys.ids.clone());
            return Ok((Vault { kind: Kind::Open(sealer), keys, place }, open));
        }
        let mut open = kept.clone();
        let Some(seal) = kept.state.seal.clone() else { return Ok((Vault { kind: Kind::Plain, keys, place }, open)) };
        match keys.unwrap(&seal, &place).await {
            Ok(key) => {
                open.state.seal = None;
                let sealer = Sealer::new(seal, key, keys.ids.clone());
                walk::ledger(&mut open, &mut Opens(&sealer)).map_err(|at| damaged(&place, &at))?;
                Ok((Vault { kind: Kind::Open(sealer), keys, place }, open))
            }
            Err(error) if sealing.without_key => Ok((Vault { kind: Kind::Locked { seal, error }, keys, place }, open)),
            Err(error) => Err(error),
        }
    }
    /// How the state is sealed; `None` if it is plain.
    pub fn seal(&self) -> Option<&Arc<Seal>> {
        match &self.kind {
            Kind::Plain => None,
            Kind::Open(s) => Some(&s.seal),
            Kind::Locked { seal, .. } => Some(seal),
        }
    }
    /// Why the secrets of the state cannot be read; `None` if they can.
    pub fn locked(&self) -> Option<&Error> {
        if let Kind::Locked { error, .. } = &self.kind { Some(error) } else { None }
    }
    /// The keys at hand.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }
    /// A ledger as it is kept.
    pub(crate) fn ledger(&self, open: &Ledger) -> Result<Ledger> {
        let mut out = open.clone();
        self.kept(&mut out, walk::ledger, walk::ledger)?;
        if let Kind::Open(s) = &self.kind {
            out.state.seal = Some(s.seal.clone());
        }
        Ok(out)
    }
    /// A state as it is kept.
    ///
    /// # Errors
    /// If the key is not there and something is to be sealed.
    pub fn state(&self, open: &State) -> Result<State> {
        let mut out = open.clone();
        self.kept(&mut out, walk::state, walk::state)?;
        if let Kind::Open(s) = &self.kind {
            out.seal = Some(s.seal.clone());
        }
        Ok(out)
    }
    /// Records as they are kept.
    pub(crate) fn records(&self, mut records: Vec<Record>) -> Result<Vec<Record>> {
        for r in &mut records {
            self.kept(r, walk::record, walk::record)?;
        }
        Ok(records)
    }
    fn kept<'s, T>(
        &'s self,
        thing: &mut T,
        sealing: impl FnOnce(&mut T, &mut Seals<'s>) -> Result<(), std::convert::Infallible>,
        counting: impl FnOnce(&mut T, &mut Count) -> Result<(), std::convert::Infallible>,
    ) -> Result<()> {
        match &self.kind {
            Kind::Plain => Ok(()),
            Kind::Open(s) => {
                let Ok(()) = sealing(thing, &mut Seals(s));
                Ok(())
            }
            Kind::Locked { error, .. } => {
                let mut count = Count::default();
                let Ok(()) = counting(thing, &mut count);
                if count.open == 0 { Ok(()) } else { Err(error.clone()) }
            }
        }
    }
    /// A file under the key of the state; `None` if the state is plain.
    ///
    /// # Errors
    /// If the key is not there.
    pub fn document(&self, bytes: &[u8]) -> Result<Option<Document>> {
        match &self.kind {
            Kind::Plain => Ok(None),
            Kind::Open(s) => Ok(Some(Document::seal(&s.seal, &s.key, nonce(&*s.ids), bytes))),
            Kind::Locked { error, .. } => Err(error.clone()),
        }
    }
    /// True if records bring a secret into a plain state.
    pub(crate) fn exposes(&self, records: &[Record]) -> bool {
        let secret = |r: &Record| match r {
            Record::Done(d) => d.object.as_ref().is_some_and(|o| !o.sensitive.is_empty()),
            Record::Set { object, .. } | Record::Adopt { object, .. } | Record::Import { object, .. } => {
                !object.sensitive.is_empty()
            }
            Record::Outputs(all) => all.values().any(|o| o.sensitive && !o.value.is_null()),
            _ => false,
        };
        matches!(self.kind, Kind::Plain) && records.iter().any(secret)
    }

    /// From now on the state is kept under a new data key.
    ///
    /// # Errors
    /// If none can be made, or the present one is not there.
    pub(crate) async fn rekey(&mut self, source: &Source) -> Result<()> {
        if let Kind::Locked { error, .. } = &self.kind {
            return Err(error.clone());
        }
        let (seal, key) = self.keys.generate(source, &self.place).await?;
        self.kind = Kind::Open(Sealer::new(Arc::new(seal), key, self.keys.ids.clone()));
        Ok(())
    }
    /// From now on the state is kept plain. Without its key only with `lose`: then `state` loses its secrets, and the
    /// number of places that did is returned.
    ///
    /// # Errors
    /// If the key is not there.
    pub(crate) fn unseal(&mut self, state: &mut State, lose: bool) -> Result<usize> {
        let mut lost = Lose(0);
        if let Kind::Locked { error, .. } = &self.kind {
            if !lose {
                return Err(error.clone());
            }
            let Ok(()) = walk::state(state, &mut lost);
            state.seal = None;
        }
        self.kind = Kind::Plain;
        Ok(lost.0)
    }
    /// Takes in a state that somebody put in the place of the session's: what was sealed elsewhere is opened, or copied
    /// as it is where its key is not there.
    ///
    /// # Errors
    /// If that would mix two keys, or bring secrets into the open.
    pub(crate) async fn adopt(&mut self, state: &mut State) -> Result<()> {
        let same = |a: &Option<Arc<Seal>>, b: Option<&Arc<Seal>>| a.as_ref().map(|s| &s.key) == b.map(|s| &s.key);
        match (&self.kind, state.seal.clone()) {
            (Kind::Plain | Kind::Open(_), None) => Ok(()),
            (Kind::Locked { .. }, s) if same(&s, self.seal()) => Ok(()),
            (Kind::Locked { error, .. }, None) => Err(error.clone()),
            (kind, Some(seal)) => {
                let open = matches!(kind, Kind::Open(_));
                match self.keys.unwrap(&seal, &self.place).await {
                    Ok(key) => {
                        let sealer = Sealer::new(seal, key, self.keys.ids.clone());
                        state.seal = None;
                        walk::state(state, &mut Opens(&sealer)).map_err(|at| damaged(&self.place, &at))?;
                        if !open {
                            self.kind = Kind::Open(sealer);
                        }
                        Ok(())
                    }
                    Err(error) if open => Err(error),
                    Err(error) => {
                        self.kind = Kind::Locked { seal, error };
                        Ok(())
                    }
                }
            }
        }
    }
}

struct Lose(usize);

impl Work for Lose {
    type Error = std::convert::Infallible;
    const LOOK: Look = Look::All;
    fn at(&mut self, _: &str, v: &mut Known) -> Result<(), Self::Error> {
        if v.as_str().is_some_and(|s| key_of(s).is_some()) {
            *v = Known::Null;
            self.0 += 1;
        }
        Ok(())
    }
}
