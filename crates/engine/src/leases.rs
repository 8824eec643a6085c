//! Ephemeral objects that are open: renewed as long as they are, closed when nobody needs them any more.
//!
//! A renewal that fails is told when the object is closed: until then whoever uses it may well be done. Nothing here is
//! ever stored. Start at [`Leases::open`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use stackctl_core::{Clock, Error, Instance, InstanceAddr, Known, Result};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::events::{Event, Events, Lease, Subject};

/// The open ephemeral objects of a run.
pub struct Leases {
    clock: Arc<dyn Clock>,
    events: Events,
    open: Mutex<BTreeMap<InstanceAddr, Open>>,
}

struct Open {
    ty: String,
    instance: Arc<dyn Instance>,
    keeping: Keeping,
}

/// Who has what closing needs.
enum Keeping {
    /// Nobody: the object lasts.
    Lasts(Known),
    /// A task that renews it, and gives it back when it is told to end.
    Renewed(oneshot::Sender<()>, JoinHandle<(Known, Option<Error>)>),
}

impl Leases {
    /// None is open yet.
    pub fn new(clock: Arc<dyn Clock>, events: Events) -> Leases {
        Leases { clock, events, open: Mutex::default() }
    }

    /// Opens an object and returns its attributes.
    ///
    /// # Errors
    /// Why it cannot be opened.
    pub async fn open(&self, addr: &Arc<InstanceAddr>, instance: Arc<dyn Instance>, config: Known) -> Result<Known> {
        let ty = addr.resource.ty.clone();
        self.tell(addr, Lease::Opening);
        let opened = instance.open(&ty, config).await.inspect_err(|_| self.tell(addr, Lease::Failed))?;
        self.tell(addr, Lease::Opened);
        let keeping = match opened.renew_at {
            None => Keeping::Lasts(opened.private),
            Some(at) => {
                let (end, ended) = oneshot::channel();
                let renewer = Renewer {
                    clock: Arc::clone(&self.clock),
                    events: self.events.clone(),
                    subject: Subject { addr: Arc::clone(addr), deposed: None },
                    instance: Arc::clone(&instance),
                    ty: ty.clone(),
                };
                Keeping::Renewed(end, tokio::spawn(renewer.keep(opened.private, at, ended)))
            }
        };
        self.all().insert((**addr).clone(), Open { ty, instance, keeping });
        Ok(opened.value)
    }

    /// Closes an object; nothing happens where it is not open.
    ///
    /// # Errors
    /// If it could not be closed, or not be renewed before.
    pub async fn close(&self, addr: &Arc<InstanceAddr>) -> Result<()> {
        let Some(open) = self.all().remove(addr) else { return Ok(()) };
        let (private, problem) = match open.keeping {
            Keeping::Lasts(private) => (private, None),
            Keeping::Renewed(end, task) => {
                // The task may have ended on its own.
                let _ = end.send(());
                task.await.unwrap_or((Known::Null, None))
            }
        };
        self.tell(addr, Lease::Closing);
        let closed = open.instance.close(&open.ty, private).await;
        self.tell(addr, if closed.is_ok() { Lease::Closed } else { Lease::Failed });
        match (problem, closed) {
            (Some(e), _) | (None, Err(e)) => Err(e),
            (None, Ok(())) => Ok(()),
        }
    }

    /// Closes everything that is still open.
    pub async fn close_all(&self) -> Vec<(Arc<InstanceAddr>, Error)> {
        let left: Vec<InstanceAddr> = self.all().keys().cloned().collect();
        let mut out = Vec::new();
        for addr in left.into_iter().map(Arc::new) {
            if let Err(e) = self.close(&addr).await {
                out.push((addr, e));
            }
        }
        out
    }

    fn all(&self) -> std::sync::MutexGuard<'_, BTreeMap<InstanceAddr, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn tell(&self, addr: &Arc<InstanceAddr>, what: Lease) {
        self.events.send(Event::Ephemeral { subject: Subject { addr: Arc::clone(addr), deposed: None }, what });
    }
}

struct Renewer {
    clock: Arc<dyn Clock>,
    events: Events,
    subject: Subject,
    instance: Arc<dyn Instance>,
    ty: String,
}

impl Renewer {
    async fn keep(
        self,
        mut private: Known,
        mut at: Timestamp,
        mut end: oneshot::Receiver<()>,
    ) -> (Known, Option<Error>) {
        loop {
            let left = at.duration_since(self.clock.now()).try_into().unwrap_or_default();
            tokio::select! {
                biased;
                _ = &mut end => return (private, None),
                () = self.clock.sleep_passively(left) => {}
            }
            self.events.send(Event::Ephemeral { subject: self.subject.clone(), what: Lease::Renewing });
            match self.instance.renew(&self.ty, private.clone()).await {
                Ok(renewed) => {
                    private = renewed.private;
                    match renewed.renew_at {
                        Some(next) => at = next,
                        None => return (private, None),
                    }
                }
                Err(e) => return (private, Some(e)),
            }
        }
    }
}
