//! Saving to an object store without a journal: the whole object, after outcomes, at most once a second, and at the end.
//!
//! Here a record is "durable" as soon as it was taken on: what happened in the second before a crash is lost, as with
//! Terraform (which loses up to twenty). Every write is conditional on the version that was read, so that two writers
//! without a lock cannot overwrite each other.

use std::sync::Arc;
use std::time::Duration;

use stackctl_core::{BoxFuture, Clock, Host};
use tokio::sync::watch;

use super::Spot;
use super::kept::md5;
use super::lock::Lock;
use crate::backend::{Access, Notice, Options};
use crate::error::Result;
use crate::fold::Ledger;
use crate::lock::author;
use crate::model::{State, TERRAFORM_VERSION};
use crate::record::Record;
use crate::session::{self, Opened, Session, Writer, writer_id};

/// Shortest time between two writes of the object.
const PACE: Duration = Duration::from_secs(1);

pub(super) async fn open(spot: Spot, options: Options, host: &Host) -> Result<Session> {
    let fence = Arc::new(watch::channel(None).0);
    let lock = match options.access {
        Access::Read => None,
        Access::Plan | Access::Write => Lock::take(&spot, &options, host, &fence).await?,
    };
    let lease = lock.as_ref().map(Lock::gate);
    let kept = match spot.load().await {
        Ok(kept) => kept,
        Err(e) => {
            if let Some(lock) = lock {
                lock.release().await?;
            }
            return Err(e);
        }
    };
    let (existed, sound) = (kept.state.is_some(), kept.matches());
    if options.access == Access::Write {
        (options.watch)(Notice::NoJournal { place: spot.place.clone() });
    }
    if !existed && options.access == Access::Write {
        spot.check_versions(&options.watch).await;
    }
    let keys = spot.keys.clone();
    let mut state = kept.state.clone().unwrap_or_else(|| State::new(host.ids.uuid()));
    if state.lineage.is_empty() {
        state.lineage = host.ids.uuid();
    }
    state.by = Some(author(host, &options.operation));
    let writer = (options.access != Access::Read).then(|| {
        Box::new(PlainWriter {
            spot: spot.clone(),
            lock,
            etag: kept.etag,
            digest: kept.digest,
            written: kept.state,
            sound,
            clock: host.clock.clone(),
            last: None,
            waiting: false,
        }) as Box<dyn Writer>
    });
    let opened = Opened {
        ledger: Ledger::new(state),
        existed,
        sound,
        recovered: false,
        records: 0,
        foreign: Default::default(),
        writer,
        place: spot.place,
        id: writer_id(&*host.ids),
        fence,
        lease,
    };
    session::start(opened, &options, host, keys).await
}

struct PlainWriter {
    spot: Spot,
    lock: Option<Lock>,
    etag: Option<String>,
    digest: Option<String>,
    /// The digest is that of the object.
    sound: bool,
    written: Option<State>,
    clock: Arc<dyn Clock>,
    /// When the object was written last.
    last: Option<Duration>,
    /// Outcomes wait for the next write.
    waiting: bool,
}

impl PlainWriter {
    fn wait(&self) -> Duration {
        self.last.map_or(Duration::ZERO, |l| (l + PACE).saturating_sub(self.clock.boot()))
    }
    async fn do_fold(&mut self, ledger: &mut Ledger, changed: bool) -> Result<()> {
        if !changed && !self.waiting {
            return Ok(());
        }
        self.waiting = false;
        let state = &mut ledger.state;
        state.mark = None;
        if let Some(w) = &self.written {
            state.serial = state.serial.max(w.serial);
            if self.sound && w.same_content(state) {
                return Ok(());
            }
        }
        let mut next = state.clone();
        next.serial += 1;
        next.terraform_version = TERRAFORM_VERSION.to_owned();
        let bytes = next.to_bytes();
        let etag = self.spot.put_state(&bytes, self.etag.as_deref()).await?;
        // The object is written whatever becomes of the digest: another attempt must build on it.
        self.etag = Some(etag.clone());
        *state = next;
        self.written = Some(state.clone());
        self.last = Some(self.clock.boot());
        self.digest = self.spot.put_digest(md5(&bytes), &etag, self.digest.take()).await?;
        self.sound = true;
        Ok(())
    }
}

impl Writer for PlainWriter {
    fn commit<'a>(&'a mut self, records: &'a [Record], _after: &'a Ledger) -> BoxFuture<'a, Result<()>> {
        Box::pin(async {
            self.waiting |= records.iter().any(|r| !r.is_intent());
            Ok(())
        })
    }
    fn fold<'a>(&'a mut self, ledger: &'a mut Ledger, changed: bool, _close: bool) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.do_fold(ledger, changed))
    }
    fn wants_fold(&self) -> bool {
        self.waiting && self.wait().is_zero()
    }
    fn due(&self) -> Option<Duration> {
        self.waiting.then(|| self.wait())
    }
    fn unlock<'a>(&'a mut self) -> BoxFuture<'a, Result<()>> {
        Box::pin(async {
            match self.lock.take() {
                Some(lock) => lock.release().await,
                None => Ok(()),
            }
        })
    }
}
