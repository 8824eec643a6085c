//! Writing a state file and its journal.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use stackctl_core::{BoxFuture, Clock, Host};

use super::lock::Lock;
use super::open::Found;
use super::{beside, file};
use crate::backend::Options;
use crate::error::{Error, Result};
use crate::fold::Ledger;
use crate::model::{Mark, State, TERRAFORM_VERSION};
use crate::record::Record;
use crate::segment::{Base, Header, Kind, Segment};
use crate::session::Writer;

/// A fold is due when this much lies in the journal, and no less than the state has: folds then cost no more than the
/// records themselves, whatever the size of the state.
const FOLD_BYTES: usize = 4 << 20;

pub(super) struct LocalWriter {
    disk: Option<Disk>,
    id: String,
    clock: Arc<dyn Clock>,
    /// Number of this run's first segment.
    epoch: u64,
    /// Number of the next segment.
    next: u64,
    /// This run has written a segment.
    opened: bool,
    /// The run before ended without closing its journal.
    takeover: bool,
    /// The newest checkpoint is a closing one of this run, or nothing was ever to be closed.
    closed: bool,
    /// Records lie above the checkpoint.
    unfolded: bool,
    bytes: usize,
    /// Bytes of the state file.
    size: usize,
    /// The state as the file has it; `None` if there is no file yet.
    written: Option<State>,
    base: Base,
}

/// The part that does file operations, on a thread where they may block.
struct Disk {
    path: PathBuf,
    place: String,
    lock: Option<Lock>,
    journal: Option<File>,
    /// Whole bytes of the journal as it was found; the rest is cut off before the first append.
    whole: usize,
    /// Content for the backup, until it is written.
    backup: Option<(PathBuf, Vec<u8>)>,
    parked: Option<String>,
}

impl LocalWriter {
    pub(super) fn new(
        path: PathBuf,
        place: String,
        lock: Option<Lock>,
        found: Found,
        id: String,
        options: &Options,
        host: &Host,
    ) -> LocalWriter {
        let Found { replayed, bytes, base, journal, written, parked } = found;
        let backup_path = match options.backup.as_deref() {
            Some("-") => None,
            Some(p) => Some(host.cwd.join(p)),
            None => Some(beside(&path, ".backup")),
        };
        let epoch = replayed.top + 1;
        let size = bytes.as_ref().map_or(0, Vec::len);
        LocalWriter {
            disk: Some(Disk {
                path,
                place,
                lock,
                journal: None,
                whole: journal,
                backup: backup_path.zip(bytes),
                parked,
            }),
            id,
            clock: host.clock.clone(),
            epoch,
            next: epoch,
            opened: false,
            takeover: replayed.unclosed,
            closed: !replayed.unclosed,
            unfolded: replayed.unclean,
            bytes: 0,
            size,
            written,
            base,
        }
    }

    fn header(&self, kind: Kind, lineage: &str) -> Header {
        let at = self.clock.now().to_string();
        Header { n: self.next, epoch: self.epoch, writer: self.id.clone(), lineage: lineage.to_owned(), at, kind }
    }

    async fn on_disk<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Disk) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let Some(mut disk) = self.disk.take() else {
            return Err(Error::Config("the state is closed already".to_owned()));
        };
        let (disk, answer) = tokio::task::spawn_blocking(move || {
            let answer = work(&mut disk);
            (disk, answer)
        })
        .await
        .map_err(|e| Error::Config(format!("writing the state was interrupted: {e}")))?;
        self.disk = Some(disk);
        answer
    }

    /// Writes the state object: the next serial, marked with what it contains.
    async fn write_state(&mut self, state: &mut State) -> Result<()> {
        state.serial += 1;
        state.terraform_version = TERRAFORM_VERSION.to_owned();
        state.mark = Some(Mark { epoch: self.epoch, through: self.next.saturating_sub(1), writer: self.id.clone() });
        let bytes = state.to_bytes();
        let base = Base::of(Some(&bytes), state.serial);
        self.size = bytes.len();
        self.on_disk(move |d| d.replace_state(&bytes)).await?;
        self.base = base;
        self.written = Some(state.clone());
        Ok(())
    }

    async fn do_commit(&mut self, records: &[Record], after: &Ledger) -> Result<()> {
        let lineage = after.state.lineage.clone();
        if self.written.is_none() {
            // No intent may exist without a state that names its lineage.
            self.write_state(&mut State {
                seal: after.state.seal.clone(),
                by: after.state.by.clone(),
                ..State::new(lineage.clone())
            })
            .await?;
        }
        let kind =
            if self.opened { Kind::Data } else { Kind::Open { base: self.base.clone(), takeover: self.takeover } };
        let bytes = Segment::encode(&self.header(kind, &lineage), records, false);
        self.bytes += bytes.len();
        self.on_disk(move |d| d.append(&bytes)).await?;
        self.next += 1;
        self.opened = true;
        self.closed = false;
        self.unfolded = true;
        Ok(())
    }

    async fn do_fold(&mut self, ledger: &mut Ledger, changed: bool, close: bool) -> Result<()> {
        let due = changed || self.unfolded || (close && !self.closed);
        if !due {
            return Ok(());
        }
        let same = self.written.as_ref().is_some_and(|w| w.same_content(&ledger.state));
        if same {
            if let Some(w) = &self.written {
                ledger.state.serial = ledger.state.serial.max(w.serial);
                ledger.state.mark.clone_from(&w.mark);
            }
        } else {
            if let Some(w) = &self.written {
                ledger.state.serial = ledger.state.serial.max(w.serial);
            }
            self.write_state(&mut ledger.state).await?;
        }
        let kind = Kind::Checkpoint {
            state: self.base.clone(),
            through: self.next - 1,
            open: ledger.open.values().cloned().collect(),
            doubts: ledger.doubts.values().cloned().collect(),
            objects: ledger.state.len(),
            close,
        };
        let bytes = Segment::encode(&self.header(kind, &ledger.state.lineage), &[], false);
        self.on_disk(move |d| d.replace_journal(&bytes)).await?;
        self.next += 1;
        self.opened = true;
        self.closed = close;
        self.unfolded = false;
        self.bytes = 0;
        Ok(())
    }
}

impl Writer for LocalWriter {
    fn commit<'a>(&'a mut self, records: &'a [Record], after: &'a Ledger) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.do_commit(records, after))
    }
    fn fold<'a>(&'a mut self, ledger: &'a mut Ledger, changed: bool, close: bool) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.do_fold(ledger, changed, close))
    }
    fn wants_fold(&self) -> bool {
        self.bytes > FOLD_BYTES.max(self.size)
    }
    fn unlock<'a>(&'a mut self) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.on_disk(|d| d.lock.take().map_or(Ok(()), Lock::release)))
    }
}

impl Disk {
    fn check_lock(&self) -> Result<()> {
        match &self.lock {
            Some(l) if !l.holds() => Err(Error::Fenced {
                place: self.place.clone(),
                how: "the state file was replaced or removed although it was locked".to_owned(),
            }),
            _ => Ok(()),
        }
    }
    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.check_lock()?;
        let path = beside(&self.path, ".journal");
        let failed = |e: std::io::Error| Error::io("writing", &path, e);
        if self.journal.is_none() {
            self.park()?;
            let new = !path.exists();
            let f = OpenOptions::new().append(true).create(true).mode(0o600).open(&path).map_err(failed)?;
            let whole = if new { 0 } else { self.whole as u64 };
            if f.metadata().map_err(failed)?.len() > whole {
                f.set_len(whole).map_err(failed)?;
            }
            if new {
                file::sync_dir(&path)?;
            }
            self.journal = Some(f);
        }
        if let Some(f) = &mut self.journal {
            f.write_all(bytes).and_then(|()| f.sync_data()).map_err(failed)?;
        }
        Ok(())
    }
    fn replace_state(&mut self, bytes: &[u8]) -> Result<()> {
        self.check_lock()?;
        if let Some(dir) = self.path.parent() {
            std::fs::create_dir_all(dir).map_err(|e| Error::io("creating", dir, e))?;
        }
        if let Some((path, old)) = self.backup.take() {
            file::write_private(&path, &old)?;
        }
        let (f, tmp) = file::prepare(&self.path, bytes, 0o600)?;
        // The lock moves with the name: the new file is locked before it can be found.
        if let Some(lock) = &self.lock {
            lock.add(&f)?;
        }
        file::install(&tmp, &self.path)?;
        if let Some(lock) = &mut self.lock {
            lock.moved_to(f);
        }
        Ok(())
    }
    fn replace_journal(&mut self, bytes: &[u8]) -> Result<()> {
        self.park()?;
        let path = beside(&self.path, ".journal");
        let (_, tmp) = file::prepare(&path, bytes, 0o600)?;
        file::install(&tmp, &path)?;
        self.whole = bytes.len();
        self.journal = None;
        Ok(())
    }
    /// Moves a journal of another lineage out of the way; it is kept.
    fn park(&mut self) -> Result<()> {
        let Some(lineage) = self.parked.take() else { return Ok(()) };
        let path = beside(&self.path, ".journal");
        let safe: String = lineage.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
        let aside = beside(&self.path, &format!(".journal.{safe}"));
        std::fs::rename(&path, &aside).map_err(|e| Error::io("moving", &path, e))?;
        self.whole = 0;
        file::sync_dir(&path)
    }
}
