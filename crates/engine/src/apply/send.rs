//! An update until it is certain what came of it: sent again while the service is not ready for it, and after a lost answer
//! only where the object still differs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use stackctl_core::{Change, Error, ErrorKind, Result, Schema, Status};

use super::job::Job;
use super::lost::Doubt;
use super::settle::{Ticker, is_passing};
use super::tools::Tools;
use super::wait::Wait;
use super::work::closed;
use crate::refresh::absorb;

/// Sends an update, again while what it refers to is not visible or the object is not ready for it. Where the answer was
/// lost, the object is read first and only what still differs is sent again. True if a request left.
pub(crate) async fn send_update(
    tools: &Tools,
    job: &Job,
    schema: &Schema,
    mut change: Change,
    ticker: &mut Ticker,
) -> Result<bool> {
    let left = Arc::new(AtomicBool::new(false));
    let mut wait = tools.wait(job.timeout.saturating_sub(ticker.elapsed(tools)));
    let patience = tools.recent.patience(&*tools.clock);
    let mut doubt = Doubt::default();
    loop {
        tools.ledger.gate().await.map_err(closed)?;
        let e = match tools.ledger.noting(&left, job.instance.update(job.ty(), change.clone())).await {
            Ok(_) => return Ok(left.load(Ordering::Relaxed)),
            Err(e) => e,
        };
        let again = match e.kind {
            ErrorKind::Lost => doubt.allows_another(&wait),
            ErrorKind::NotReady | ErrorKind::Throttled | ErrorKind::InUse => true,
            ErrorKind::NotYetVisible => wait.elapsed() < patience,
            // An object made a moment ago may not be visible to its own update.
            ErrorKind::NotFound => change.fresh && wait.elapsed() < patience,
            _ => false,
        };
        if !again || wait.pause().await.is_err() {
            return Err(e);
        }
        ticker.tick(tools, job, Some(&change.at.id));
        if e.kind == ErrorKind::Lost {
            change = outstanding(job, schema, change, &mut wait).await?;
            // The second phase of a creation also does what no argument shows.
            if change.fields.is_empty() && !change.fresh {
                return Ok(true);
            }
        }
    }
}

/// What is left of a change whose answer was lost, once the object is settled.
async fn outstanding(job: &Job, schema: &Schema, change: Change, wait: &mut Wait<'_>) -> Result<Change> {
    loop {
        match job.instance.read(job.ty(), vec![change.at.clone()]).await {
            Ok(live) => match live.into_iter().next() {
                // Not visible yet, or gone: sending it again tells.
                None => return Ok(change),
                Some(live) if live.status != Status::Pending => {
                    let old = if change.fresh { live.value } else { absorb(schema, &change.old, live.value) };
                    let mut fields = job.differing(schema, &old);
                    fields.retain(|f| change.fields.contains(f));
                    return Ok(Change { old, fields, ..change });
                }
                Some(_) => {}
            },
            Err(e) if is_passing(&e) => {}
            Err(e) => return Err(e),
        }
        if wait.pause().await.is_err() {
            return Err(Error::new(ErrorKind::Lost, "It is not known what the update changed."));
        }
    }
}
