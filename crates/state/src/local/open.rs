//! Opening a state file: lock, look, replay the journal.

use std::path::{Path, PathBuf};

use stackctl_core::Host;
use tokio::sync::watch;

use super::lock::Lock;
use super::writer::LocalWriter;
use super::{beside, file};
use crate::backend::{Access, Locking, Notice, Options};
use crate::error::{Error, Result};
use crate::lock::author;
use crate::model::State;
use crate::segment::{Base, Replayed, Segment, replay};
use crate::session::{self, Opened, Session, Writer, writer_id};

/// What lies on disk.
pub(super) struct Found {
    pub(super) replayed: Replayed,
    /// The state file's bytes, `None` if there is no state.
    pub(super) bytes: Option<Vec<u8>>,
    pub(super) base: Base,
    /// Bytes of the journal that are whole; the rest is a torn write.
    pub(super) journal: usize,
    /// The state file as it was read; none where there is none, or nothing to be read of it.
    pub(super) written: Option<State>,
    /// The journal belongs to another lineage.
    pub(super) parked: Option<String>,
}

pub(super) async fn open(path: PathBuf, place: String, options: Options, host: &Host) -> Result<Session> {
    let path = std::fs::canonicalize(&path).unwrap_or(path);
    let lock = match (options.access, options.locking) {
        (Access::Read, _) => None,
        (_, Locking::Off) => {
            (options.watch)(Notice::NotLocked { why: "-lock=false".to_owned() });
            None
        }
        (_, Locking::On { .. }) => Some(Lock::take(&path, &place, &options, host).await?),
    };
    let found = match look(&path, &place, options.replacing, host) {
        Ok(found) => found,
        Err(e) => {
            if let Some(lock) = lock {
                lock.release()?;
            }
            return Err(e);
        }
    };
    if let Some(lineage) = &found.parked {
        let place = beside(&path, ".journal").display().to_string();
        (options.watch)(Notice::Parked { lineage: lineage.clone(), place });
    }
    let id = writer_id(&*host.ids);
    let existed = found.bytes.is_some();
    let mut ledger = found.replayed.ledger.clone();
    ledger.state.by = Some(author(host, &options.operation));
    let recovered = found.replayed.unclean;
    let (records, foreign) = (found.replayed.records, found.replayed.foreign.clone());
    let writer = (options.access != Access::Read).then(|| {
        let w = LocalWriter::new(path, place.clone(), lock, found, id.clone(), &options, host);
        Box::new(w) as Box<dyn Writer>
    });
    let fence = std::sync::Arc::new(watch::channel(None).0);
    let opened =
        Opened { ledger, existed, sound: true, recovered, records, foreign, writer, place, id, fence, lease: None };
    session::start(opened, &options, host, None).await
}

/// Reads journal and state. The journal first: whoever reads without the lock then sees what is in either.
fn look(path: &Path, place: &str, replacing: bool, host: &Host) -> Result<Found> {
    let journal_path = beside(path, ".journal");
    let journal_place = journal_path.display().to_string();
    let journal = file::read(&journal_path)?.unwrap_or_default();
    let bytes = file::read(path)?.filter(|b| !b.is_empty());
    let (segments, whole) = Segment::decode_all(&journal, &journal_place)?;
    let state = match &bytes {
        Some(b) => match State::parse(b, place) {
            Err(_) if replacing => None,
            read => Some(read?),
        },
        None => None,
    };
    let written = state.clone();
    let serial = state.as_ref().map_or(0, |s| s.serial);
    let base = Base::of(bytes.as_deref(), serial);
    let lineage = segments.last().map(|s| s.header.lineage.clone());
    let parked = match (&state, &lineage) {
        (Some(s), Some(l)) if s.lineage != *l => Some(l.clone()),
        _ => None,
    };
    let segments = if parked.is_some() { Vec::new() } else { segments };
    let new = state.is_none();
    let state = match state {
        Some(mut s) => {
            if s.lineage.is_empty() {
                s.lineage = host.ids.uuid();
            }
            s
        }
        None => State::new(lineage.unwrap_or_else(|| host.ids.uuid())),
    };
    let empty = new.then(|| State::new(state.lineage.clone()));
    let mut parked = parked;
    let mut replayed = replay(state, &base, &segments, &journal_place)?;
    if let Some(empty) = empty
        && (replayed.objects > 0 || replayed.records > 0)
    {
        if !replacing {
            return Err(Error::Missing { place: place.to_owned(), resources: replayed.objects });
        }
        parked = Some(empty.lineage.clone());
        let top = replayed.top;
        replayed = replay(empty, &base, &[], &journal_place)?;
        replayed.top = top;
    }
    Ok(Found { replayed, bytes, base, journal: whole, written, parked })
}
