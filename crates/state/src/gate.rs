//! Whether a run may still send requests that change something: nobody has displaced it, and its lock's lease is fresh.
//!
//! The gate protects the cloud. The state needs no gate: it is safe by the journal's fence.

use std::sync::Arc;
use std::time::Duration;

use stackctl_core::Clock;
use tokio::sync::{Notify, watch};

use crate::error::{Error, Result};

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
