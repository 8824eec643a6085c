//! Until an object is as it should be: ready after a create or update, gone after a delete.

use std::time::Duration;

use stackctl_core::{Error, ErrorKind, Known, Live, Ref, Result, Schema, Status};

use super::job::Job;
use super::tools::Tools;
use super::wait::Ended;
use crate::events::Event;

/// How an object settled.
pub(crate) enum Settled {
    /// It is ready.
    Ready(Box<Live>),
    /// The service gave up on it.
    Failed(Box<Live>, String),
    /// The user did not want to wait; this is what was last seen.
    Stopped(Option<Box<Live>>),
}

/// Emits progress every ten seconds of an operation.
pub(crate) struct Ticker {
    start: Duration,
    next: Duration,
}

impl Ticker {
    const EVERY: Duration = Duration::from_secs(10);

    pub(crate) fn new(tools: &Tools) -> Ticker {
        Ticker { start: tools.clock.boot(), next: Ticker::EVERY }
    }
    pub(crate) fn elapsed(&self, tools: &Tools) -> Duration {
        tools.clock.boot().saturating_sub(self.start)
    }
    pub(crate) fn tick(&mut self, tools: &Tools, job: &Job, id: Option<&str>) {
        let elapsed = self.elapsed(tools);
        if elapsed >= self.next {
            self.next = elapsed + Ticker::EVERY;
            let (subject, action, id) = (job.subject(), job.action, id.map(str::to_owned));
            tools.events.send(Event::OpProgress { subject, action, id, elapsed });
        }
    }
}

/// Waits until the object is ready and `settled` holds for it, or two reads in a row find it ready.
pub(crate) async fn until_ready(
    tools: &Tools,
    job: &Job,
    schema: &Schema,
    at: &Ref,
    ticker: &mut Ticker,
    settled: impl Fn(&Known) -> bool,
) -> Result<Settled> {
    let mut wait = tools.wait(job.timeout.saturating_sub(ticker.elapsed(tools)));
    let mut last: Option<Box<Live>> = None;
    loop {
        match job.instance.read(job.ty(), vec![at.clone()]).await {
            Ok(live) => match live.into_iter().next() {
                None if wait.elapsed() > schema.visibility => {
                    return Err(Error::new(
                        ErrorKind::NotFound,
                        format!("{} disappeared while it was being set up.", at.id),
                    ));
                }
                None => last = None,
                Some(live) => match &live.status {
                    Status::Ready => {
                        // Values such as times change with every read, so that the second read need not equal the first.
                        let twice = last.as_ref().is_some_and(|l| l.status == Status::Ready);
                        if twice || settled(&live.value) {
                            return Ok(Settled::Ready(Box::new(live)));
                        }
                        last = Some(Box::new(live));
                    }
                    Status::Failed(why) => {
                        let why = why.clone();
                        return Ok(Settled::Failed(Box::new(live), why));
                    }
                    Status::Deleting => {
                        let message = format!("{} is being deleted by somebody else.", at.id);
                        return Err(Error::new(ErrorKind::NotFound, message));
                    }
                    Status::Pending => last = Some(Box::new(live)),
                },
            },
            Err(e) if is_passing(&e) => {}
            Err(e) => return Err(e),
        }
        ticker.tick(tools, job, Some(&at.id));
        match wait.pause().await {
            Ok(()) => {}
            Err(Ended::Stopped) => return Ok(Settled::Stopped(last)),
            Err(Ended::Timeout) => {
                return Err(Error::new(ErrorKind::NotReady, format!("{} was not ready in time.", at.id)).hinted(
                    "It is recorded in state; apply again to go on, or raise the `timeouts` of the resource.",
                ));
            }
        }
    }
}

/// Waits until the object is gone.
pub(crate) async fn until_gone(tools: &Tools, job: &Job, at: &Ref, ticker: &mut Ticker) -> Result<bool> {
    let mut wait = tools.wait(job.timeout.saturating_sub(ticker.elapsed(tools)));
    loop {
        match job.instance.read(job.ty(), vec![at.clone()]).await {
            Ok(live) if live.is_empty() => return Ok(true),
            Ok(_) => {}
            Err(e) if e.kind == ErrorKind::NotFound => return Ok(true),
            Err(e) if is_passing(&e) => {}
            Err(e) => return Err(e),
        }
        ticker.tick(tools, job, Some(&at.id));
        match wait.pause().await {
            Ok(()) => {}
            Err(Ended::Stopped) => return Ok(false),
            Err(Ended::Timeout) => {
                return Err(Error::new(ErrorKind::NotReady, format!("{} was not gone in time.", at.id))
                    .hinted("Its deletion goes on; apply again later, or raise the `timeouts` of the resource."));
            }
        }
    }
}

/// An error of a read that says nothing about the object.
pub(crate) fn is_passing(e: &Error) -> bool {
    matches!(e.kind, ErrorKind::Throttled | ErrorKind::Lost | ErrorKind::NotYetVisible)
}
