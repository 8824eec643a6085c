//! Saving to an object store with a journal: every run survives being killed at any request.
//!
//! `docs/design/journal.md` has the protocol; the steps here carry its names. Claiming a number of the journal is the
//! fence: correctness rests on it and on conditional writes, never on the lock alone. After a fence nothing is written,
//! deleted or unlocked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{OptionFuture, join, join3};
use stackctl_core::{BoxFuture, Clock, Host};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::Spot;
use super::aside::deletable;
use super::kept::{Kept, md5};
use super::lock::Lock;
use super::place::At;
use super::segments::{Claim, Listed};
use crate::backend::{Access, Notice, Options};
use crate::error::{Error, Result};
use crate::fold::Ledger;
use crate::lock::author;
use crate::model::{Mark, State, TERRAFORM_VERSION};
use crate::record::Record;
use crate::segment::{Base, Header, Kind, Replayed, Segment, replay};
use crate::session::{self, Opened, Session, Writer, writer_id};

/// A fold is due when this much lies in the journal, and no less than the state has.
const FOLD_BYTES: usize = 4 << 20;
/// A fold is due after this many segments.
const FOLD_SEGMENTS: usize = 200;

/// State and journal at one moment.
struct Look {
    kept: Kept,
    listed: Listed,
    replayed: Replayed,
    base: Base,
    /// The digest is not that of the object, and the journal proves that this is our doing.
    repair: bool,
    /// The run before has not closed the journal: it may still be alive, and hold the version of the state.
    displaces: bool,
    /// The store does not honour conditions.
    careless: bool,
}

pub(super) async fn open(spot: Spot, options: Options, host: &Host) -> Result<Session> {
    let fence = Arc::new(watch::channel(None).0);
    let (lock, listed) = match options.access {
        Access::Read => (None, None),
        Access::Plan | Access::Write => {
            // Listed while the lock is asked for. Correctness rests on the order of list and state and on the fence; where
            // the lock had to be waited for, the list says what was before.
            let (lock, listed) = join(Lock::take(&spot, &options, host, &fence), spot.listed()).await;
            let lock = lock?;
            let fresh = lock.as_ref().is_some_and(Lock::at_once);
            (lock, fresh.then(|| listed.ok().flatten()).flatten())
        }
    };
    let lease = lock.as_ref().map(Lock::gate);
    let id = writer_id(&*host.ids);
    let opened = match options.access {
        Access::Read | Access::Plan => look(&spot, host, listed).await.map(|l| (l, None)),
        Access::Write => start(&spot, &id, host, listed).await,
    };
    let (look, epoch) = match opened {
        Ok(o) => o,
        Err(e) => {
            if let Some(lock) = lock
                && !e.is_fence()
            {
                lock.release().await?;
            }
            return Err(e);
        }
    };
    if look.careless {
        (options.watch)(Notice::Careless { place: spot.place.clone() });
    }
    let mut probe = None;
    let first = look.listed.numbers.is_empty() && options.access == Access::Write;
    if first {
        if spot.places() == [At::Object(spot.lease_key())] {
            (options.watch)(Notice::LeaseOnly { place: spot.objects.place(&spot.lease_key()) });
        }
        let spot = spot.clone();
        probe = Some(tokio::spawn(async move { spot.may_delete().await }));
    }
    let versions = (first && look.kept.state.is_none()).then(|| spot.clone());
    if look.repair {
        (options.watch)(Notice::DigestRepaired);
    }
    let mut ledger = look.replayed.ledger.clone();
    ledger.state.by = Some(author(host, &options.operation));
    let existed = look.kept.state.is_some();
    let sound = look.kept.matches();
    let keys = spot.keys.clone();
    let recovered = look.replayed.unclean || look.repair;
    let (records, foreign) = (look.replayed.records, look.replayed.foreign.clone());
    let place = spot.place.clone();
    let writer = (options.access != Access::Read)
        .then(|| Box::new(JournalWriter::new(spot, lock, id.clone(), look, epoch, probe, host)) as Box<dyn Writer>);
    let opened = Opened { ledger, existed, sound, recovered, records, foreign, writer, place, id, fence, lease };
    let warned = async {
        if let Some(spot) = versions {
            spot.check_versions(&options.watch).await;
        }
    };
    join(session::start(opened, &options, host, keys), warned).await.0
}

/// Reads journal and state, the state last: whoever does not claim must not miss what is durable. The journal may have been
/// listed already.
async fn look(spot: &Spot, host: &Host, mut listed: Option<Listed>) -> Result<Look> {
    let mut attempt = 0;
    loop {
        let listed = match listed.take() {
            Some(listed) => Some(listed),
            None => spot.listed().await?,
        };
        if let Some(listed) = listed {
            let kept = spot.look().await?;
            let look = combine(spot, host, kept, listed)?;
            if look.repair || look.kept.matches() || spot.replacing {
                return Ok(look);
            }
            if attempt >= 5 {
                return Err(Error::Digest {
                    place: spot.place.clone(),
                    expected: look.kept.digest.unwrap_or_default(),
                    found: look.kept.bytes.as_deref().map(md5).unwrap_or_default(),
                });
            }
        } else if attempt >= 5 {
            return Err(Error::changed(&spot.place));
        }
        host.clock.sleep(Duration::from_secs(2)).await;
        attempt += 1;
    }
}

fn combine(spot: &Spot, host: &Host, kept: Kept, listed: Listed) -> Result<Look> {
    let base = Base::of(kept.bytes.as_deref(), kept.state.as_ref().map_or(0, |s| s.serial));
    // A checkpoint without lineage ends the journal of a workspace that was deleted.
    let lineage = listed.segments.last().map(|s| s.header.lineage.clone()).filter(|l| !l.is_empty());
    let parked = match (&kept.state, &lineage) {
        (Some(s), Some(l)) if s.lineage != *l => Some(l.clone()),
        _ => None,
    };
    if let Some(lineage) = &parked
        && let Some(watch) = &spot.watch
    {
        watch(Notice::Parked { lineage: lineage.clone(), place: spot.place.clone() });
    }
    let state = match kept.state.clone() {
        Some(mut s) => {
            if s.lineage.is_empty() {
                s.lineage = host.ids.uuid();
            }
            s
        }
        None => State::new(lineage.unwrap_or_else(|| host.ids.uuid())),
    };
    // Of another lineage above the newest checkpoint: parked before this lineage began to write.
    let own = |s: &&Segment| parked.is_none() && s.header.lineage == state.lineage;
    let segments: Vec<Segment> = listed.segments.iter().filter(own).cloned().collect();
    let mut replayed = replay(state, &base, &segments, &spot.place)?;
    replayed.top = replayed.top.max(listed.top());
    if kept.state.is_none() && !spot.replacing && (replayed.objects > 0 || replayed.records > 0) {
        return Err(Error::Missing { place: spot.place.clone(), resources: replayed.objects });
    }
    // Another tool would have dropped the mark, and a checkpoint comes after the digest.
    let repair = !kept.matches() && !replayed.covered;
    replayed.unclean |= !replayed.covered;
    replayed.unclosed |= !replayed.covered;
    let displaces = replayed.unclosed;
    Ok(Look { kept, listed, replayed, base, repair, displaces, careless: false })
}

/// Steps 2 to 4: a clean journal is claimed by the first commit, an unclean one at once.
async fn start(spot: &Spot, id: &str, host: &Host, mut listed: Option<Listed>) -> Result<(Look, Option<u64>)> {
    loop {
        let before = look(spot, host, listed.take()).await?;
        if !before.replayed.unclean && before.replayed.ledger.doubts.is_empty() && !before.repair {
            return Ok((before, None));
        }
        let n = before.replayed.top + 1;
        let header = Header {
            n,
            epoch: n,
            writer: id.to_owned(),
            lineage: before.replayed.ledger.state.lineage.clone(),
            at: host.clock.now().to_string(),
            kind: Kind::Open { base: before.base, takeover: true },
        };
        let (claim, careless) = spot.claim_open(n, &Segment::encode(&header, &[], true)).await?;
        if matches!(claim, Claim::Taken) {
            continue;
        }
        // The state before the list: the version that the fold will ask for must be older than the proof that nobody
        // has claimed a higher number.
        let kept = spot.look().await?;
        let listed = loop {
            if let Some(l) = spot.listed().await? {
                break l;
            }
            if spot.numbers().await?.last().is_some_and(|top| *top > n) {
                return Err(spot.fenced("another run has claimed the journal"));
            }
        };
        if listed.top() > n {
            return Err(spot.fenced(format!("segment {} follows ours, {n}", listed.top())));
        }
        let mut look = combine(spot, host, kept, listed)?;
        look.careless = careless;
        look.displaces = before.displaces;
        look.repair = look.repair || !look.kept.matches() && before.repair;
        if !look.repair && !look.kept.matches() && !spot.replacing {
            return Err(Error::changed(&spot.place));
        }
        return Ok((look, Some(n)));
    }
}

struct JournalWriter {
    spot: Spot,
    lock: Option<Lock>,
    id: String,
    clock: Arc<dyn Clock>,
    /// Number of this run's open segment, once it is claimed.
    epoch: Option<u64>,
    next: u64,
    takeover: bool,
    closed: bool,
    unfolded: bool,
    repair: bool,
    /// The next fold writes the state even if it is equal: the version that a displaced run holds must end, or the digest is
    /// wrong.
    displaces: bool,
    /// The store does not honour conditions: lists prove what puts do not.
    careless: bool,
    watch: Option<crate::backend::Watch>,
    bytes: usize,
    /// Bytes of the state object.
    size: usize,
    count: usize,
    etag: Option<String>,
    digest: Option<String>,
    written: Option<State>,
    base: Base,
    /// The test of the permission to delete, which must be over before anything is changed.
    probe: Option<JoinHandle<Result<()>>>,
    /// Another tool wrote the state while this run had it open: the journal keeps everything until the end.
    foreign: bool,
    /// The first state, whose digest is due.
    undigested: Option<Vec<u8>>,
    /// The checkpoint below which segments may go now.
    swept: Option<(u64, String)>,
    /// Segments that exist: `true` for those that may go once a checkpoint covers them, `None` where that is not known.
    live: BTreeMap<u64, Option<bool>>,
}

impl JournalWriter {
    fn new(
        spot: Spot,
        lock: Option<Lock>,
        id: String,
        look: Look,
        epoch: Option<u64>,
        probe: Option<JoinHandle<Result<()>>>,
        host: &Host,
    ) -> JournalWriter {
        let Look { kept, listed, replayed, base, repair, displaces, careless } = look;
        let now = host.clock.now();
        let size = kept.bytes.as_ref().map_or(0, Vec::len);
        let mut live: BTreeMap<u64, Option<bool>> = listed.numbers.iter().map(|n| (*n, None)).collect();
        let lineage = &replayed.ledger.state.lineage;
        for s in &listed.segments {
            live.insert(s.header.n, Some(deletable(s, lineage, now)));
        }
        JournalWriter {
            careless,
            watch: spot.watch.clone(),
            spot,
            lock,
            id,
            clock: host.clock.clone(),
            epoch,
            next: replayed.top + 1,
            takeover: replayed.unclosed,
            closed: !replayed.unclosed && epoch.is_none(),
            unfolded: replayed.unclean,
            repair,
            displaces: displaces || repair || !kept.matches(),
            bytes: 0,
            size,
            count: 0,
            etag: kept.etag,
            digest: kept.digest,
            written: kept.state,
            base,
            live,
            probe,
            foreign: false,
            undigested: None,
            swept: None,
        }
    }
    fn header(&self, kind: Kind, lineage: &str) -> Header {
        let at = self.clock.now().to_string();
        let epoch = self.epoch.unwrap_or(self.next);
        Header { n: self.next, epoch, writer: self.id.clone(), lineage: lineage.to_owned(), at, kind }
    }

    /// Step 7, and step 8 for the first segment of a run that found the journal clean.
    async fn put_segment(&mut self, kind: Kind, lineage: &str, records: &[Record]) -> Result<()> {
        let n = self.next;
        let fence = matches!(kind, Kind::Open { takeover: true, .. });
        let bytes = Segment::encode(&self.header(kind, lineage), records, true);
        let first = self.epoch.is_none();
        match self.spot.claim(n, &bytes).await? {
            Claim::Taken => return Err(self.spot.fenced(format!("segment {n} is another run's"))),
            Claim::Ours { .. } if first => self.prove_open(n, &bytes).await?,
            Claim::Ours { unsure } if unsure || self.careless => self.spot.prove_highest(n).await?,
            Claim::Ours { .. } => {}
        }
        self.live.insert(n, Some(!fence));
        self.next += 1;
        self.bytes += bytes.len();
        self.count += 1;
        Ok(())
    }

    /// The rest of step 8. Its questions are asked at the same time: each finds what happened before it was asked, and what
    /// happens later meets the conditions of the next write.
    async fn prove_open(&mut self, n: u64, bytes: &[u8]) -> Result<()> {
        let spot = &self.spot;
        let head = spot.again("reading", &spot.place, || spot.objects.head(&spot.key));
        let (careless, highest, now) = join3(spot.is_careless(n, bytes), spot.prove_highest(n), head).await;
        if careless? {
            self.careless = true;
            if let Some(watch) = &self.watch {
                watch(Notice::Careless { place: spot.place.clone() });
            }
        }
        highest?;
        if now? != self.etag {
            return Err(Error::changed(&spot.place));
        }
        self.epoch = Some(n);
        Ok(())
    }

    /// F1 and F2.
    async fn write_state(&mut self, state: &mut State) -> Result<()> {
        let bytes = self.put_state(state).await?;
        let digest = self.digest(&bytes).await;
        self.digested(digest).await
    }
    /// F1. Returns what the digest is made of.
    async fn put_state(&mut self, state: &mut State) -> Result<Vec<u8>> {
        let mut next = state.clone();
        next.serial += 1;
        next.terraform_version = TERRAFORM_VERSION.to_owned();
        let epoch = self.epoch.unwrap_or(self.next);
        next.mark = Some(Mark { epoch, through: self.next - 1, writer: self.id.clone() });
        let bytes = next.to_bytes();
        let etag = match self.spot.put_state(&bytes, self.etag.as_deref()).await {
            Err(e @ Error::Changed { .. }) => {
                self.spot.prove_highest(self.next - 1).await?;
                return Err(e);
            }
            r => r?,
        };
        self.etag = Some(etag);
        self.base = Base::of(Some(&bytes), next.serial);
        self.size = bytes.len();
        *state = next;
        self.written = Some(state.clone());
        self.displaces = false;
        Ok(bytes)
    }
    /// F2.
    fn digest(&mut self, bytes: &[u8]) -> impl Future<Output = Result<Option<String>>> + use<> {
        let (spot, digest) = (self.spot.clone(), md5(bytes));
        let etag = self.etag.clone().unwrap_or_default();
        let was = self.digest.take();
        async move { spot.put_digest(digest, &etag, was).await }
    }
    async fn digested(&mut self, answer: Result<Option<String>>) -> Result<()> {
        match answer {
            Err(e @ Error::Changed { .. }) => {
                self.spot.prove_highest(self.next - 1).await?;
                Err(e)
            }
            r => {
                self.digest = r?;
                self.repair = false;
                Ok(())
            }
        }
    }

    /// No intent may exist without a state that names its lineage. Without the digest of that state it may.
    async fn do_prepare(&mut self, before: &Ledger) -> Result<()> {
        if let Some(probe) = self.probe.take() {
            probe.await.map_err(|e| Error::Config(format!("the permission test was interrupted: {e}")))??;
        }
        if self.written.is_none() {
            let State { lineage, seal, by, .. } = &before.state;
            let mut empty = State { seal: seal.clone(), by: by.clone(), ..State::new(lineage.as_str()) };
            self.undigested = Some(self.put_state(&mut empty).await?);
        }
        Ok(())
    }

    async fn do_commit(&mut self, records: &[Record], after: &Ledger) -> Result<()> {
        self.do_prepare(after).await?;
        let lineage = after.state.lineage.clone();
        let kind = match self.epoch {
            Some(_) => Kind::Data,
            None => Kind::Open { base: self.base.clone(), takeover: self.takeover },
        };
        let digest = self.undigested.take().map(|bytes| self.digest(&bytes));
        let (digest, put) = join(OptionFuture::from(digest), self.put_segment(kind, &lineage, records)).await;
        put?;
        if let Some(answer) = digest {
            self.digested(answer).await?;
        }
        self.closed = false;
        self.unfolded = true;
        Ok(())
    }

    async fn do_fold(&mut self, ledger: &mut Ledger, changed: bool, close: bool) -> Result<()> {
        let due = changed || self.unfolded || self.repair || (close && !self.closed);
        if !due {
            return Ok(());
        }
        if self.foreign {
            return Err(Error::changed(&self.spot.place));
        }
        let lineage = ledger.state.lineage.clone();
        let same = !self.displaces && self.written.as_ref().is_some_and(|w| w.same_content(&ledger.state));
        if let Some(w) = &self.written {
            ledger.state.serial = ledger.state.serial.max(w.serial);
        }
        if self.epoch.is_none() && self.written.is_some() {
            let kind = Kind::Open { base: self.base.clone(), takeover: self.takeover };
            self.put_segment(kind, &lineage, &[]).await?;
        }
        if same {
            if let Some(w) = &self.written {
                ledger.state.serial = w.serial;
                ledger.state.mark.clone_from(&w.mark);
            }
        } else {
            self.write_state(&mut ledger.state).await?;
        }
        if self.epoch.is_none() {
            let kind = Kind::Open { base: self.base.clone(), takeover: self.takeover };
            self.put_segment(kind, &lineage, &[]).await?;
        }
        // F3
        let n = self.next;
        let kind = Kind::Checkpoint {
            state: self.base.clone(),
            through: n - 1,
            open: ledger.open.values().cloned().collect(),
            doubts: ledger.doubts.values().cloned().collect(),
            objects: ledger.state.len(),
            close,
        };
        self.put_segment(kind, &lineage, &[]).await?;
        self.closed = close;
        self.unfolded = false;
        self.bytes = 0;
        self.count = 0;
        self.swept = Some((n, lineage));
        if !close {
            self.sweep().await;
        }
        Ok(())
    }

    /// F4. What cannot be deleted now is ignored by everybody and deleted by the next fold. It needs no lock: whoever opens
    /// the state meanwhile starts at the checkpoint.
    async fn sweep(&mut self) {
        let Some((checkpoint, lineage)) = self.swept.take() else { return };
        let now = self.clock.now();
        let below: Vec<(u64, Option<bool>)> = self.live.range(..checkpoint).map(|(n, d)| (*n, *d)).collect();
        for (n, known) in below {
            let go = match known {
                Some(go) => go,
                None => match self.spot.segment(n).await {
                    Ok(Some(s)) => deletable(&s, &lineage, now),
                    Ok(None) => {
                        self.live.remove(&n);
                        continue;
                    }
                    Err(_) => continue,
                },
            };
            self.live.insert(n, Some(go));
        }
        // Whoever reads starts at the checkpoint, so that their order does not matter.
        let gone: BTreeMap<String, u64> = (self.live.range(..checkpoint).filter(|(_, go)| **go == Some(true)))
            .map(|(n, _)| (self.spot.segment_key(*n), *n))
            .collect();
        let keys: Vec<String> = gone.keys().cloned().collect();
        for key in self.spot.objects.delete_all(&keys).await {
            if let Some(n) = gone.get(&key) {
                self.live.remove(n);
            }
        }
    }
}

impl Writer for JournalWriter {
    fn commit<'a>(&'a mut self, records: &'a [Record], after: &'a Ledger) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.do_commit(records, after))
    }
    fn fold<'a>(&'a mut self, ledger: &'a mut Ledger, changed: bool, close: bool) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            match self.do_fold(ledger, changed, close).await {
                Err(Error::Changed { place, .. }) => Err(Error::Changed { place, kept: self.epoch.is_some() }),
                r => r,
            }
        })
    }
    fn prepare<'a>(&'a mut self, before: &'a Ledger) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.do_prepare(before))
    }
    fn wants_fold(&self) -> bool {
        !self.foreign && (self.bytes > FOLD_BYTES.max(self.size) || self.count > FOLD_SEGMENTS)
    }
    fn postpone(&mut self) -> bool {
        if let Some(watch) = self.watch.as_ref().filter(|_| !self.foreign) {
            watch(Notice::ChangedMeanwhile { place: self.spot.place.clone() });
        }
        self.foreign = true;
        true
    }
    fn folds_without_lock(&self) -> bool {
        false
    }
    fn unlock<'a>(&'a mut self) -> BoxFuture<'a, Result<()>> {
        Box::pin(async {
            let lock = self.lock.take();
            let release = async {
                match lock {
                    Some(lock) => lock.release().await,
                    None => Ok(()),
                }
            };
            join(release, self.sweep()).await.0
        })
    }
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "course_tests.rs"]
mod course;

#[cfg(test)]
#[path = "remains_tests.rs"]
mod remains;
