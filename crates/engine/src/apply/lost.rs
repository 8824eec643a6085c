//! A create whose answer may be lost: what to send again, and when an object that exists is ours.
//!
//! The table is that of the journal protocol (`docs/design/journal.md`, "A lost answer to a create"): a client token is
//! sent again, a unique name is sent again and then needs proof, a natural key is its own answer, and what has none of
//! these is looked for by its ownership tag before anything is sent twice.

use std::time::Duration;

use stackctl_core::{
    Error, ErrorKind, Evidence, Found, Identity, Instance, Known, New, Ref, Result, Schema, Status, canonical, is_zero,
    same,
};
use stackctl_state::Intent;

use super::job::Job;
use super::settle::Ticker;
use super::tools::Tools;
use super::work::closed;

/// How long a tag may lag behind its object.
const TAG_LAG: Duration = Duration::from_secs(60);

/// The create did not lead to an object that is known.
pub(crate) struct Refused {
    /// Why.
    pub(crate) error: Error,
    /// Nothing was made for certain.
    pub(crate) certain: bool,
}

/// Sends the create until it is certain what came of it. Returns the id.
pub(crate) async fn create(
    tools: &Tools,
    job: &Job,
    schema: &Schema,
    intent: &Intent,
    new: New,
    ticker: &mut Ticker,
) -> Result<String, Refused> {
    let mut wait = tools.wait(job.timeout);
    let patience = tools.recent.patience(&*tools.clock);
    let mut doubtful = false;
    loop {
        if let Err(d) = tools.ledger.gate().await {
            return Err(Refused { error: closed(d), certain: !doubtful });
        }
        let error = match tools.ledger.sending(job.instance.create(job.ty(), new.clone())).await {
            Ok(made) => return Ok(made.id),
            Err(e) => e,
        };
        let again = match error.kind {
            ErrorKind::Lost => {
                doubtful = true;
                true
            }
            ErrorKind::Throttled | ErrorKind::NotReady => true,
            ErrorKind::NotYetVisible => wait.elapsed() < patience,
            ErrorKind::TokenMismatch | ErrorKind::Exists => {
                return match search(job, schema, intent).await {
                    Ok(Some(id)) if doubtful || error.kind == ErrorKind::TokenMismatch => Ok(id),
                    Ok(_) => Err(Refused { error: taken(job, intent, error), certain: true }),
                    Err(e) => Err(Refused { error: e, certain: false }),
                };
            }
            _ => false,
        };
        if !again {
            return Err(Refused { certain: !doubtful, error });
        }
        ticker.tick(tools, job, None);
        if doubtful && !matches!(schema.identity, Identity::Token) {
            if let Some(id) =
                look(tools, job, schema, intent, &mut wait).await.map_err(|error| Refused { error, certain: false })?
            {
                return Ok(id);
            }
        } else if wait.pause().await.is_err() {
            return Err(Refused { error, certain: !doubtful });
        }
    }
}

/// Looks for what a lost create made: by tag until one could have become visible, else once.
async fn look(
    tools: &Tools,
    job: &Job,
    schema: &Schema,
    intent: &Intent,
    wait: &mut super::wait::Wait<'_>,
) -> Result<Option<String>> {
    let tagged = matches!(schema.identity, Identity::Tag);
    let mut lag = tools.wait(TAG_LAG);
    loop {
        match search(job, schema, intent).await {
            Ok(Some(id)) => return Ok(Some(id)),
            Ok(None) if !tagged => {
                // A pause before the next attempt; a timeout shows there.
                let _ = wait.pause().await;
                return Ok(None);
            }
            Ok(None) => {}
            Err(e) if super::settle::is_passing(&e) => {}
            Err(e) => return Err(e),
        }
        match lag.pause().await {
            Ok(()) => {}
            Err(super::wait::Ended::Timeout) => return Ok(None),
            Err(super::wait::Ended::Stopped) => {
                return Err(Error::new(ErrorKind::Lost, "It is not known whether the object was made.")
                    .hinted("The intent stays in the journal; the next apply looks for it."));
            }
        }
    }
}

/// The object that an intent made, if one is there with proof.
pub(crate) async fn search(job: &Job, schema: &Schema, intent: &Intent) -> Result<Option<String>> {
    let found = job.instance.find(job.ty(), question(intent)).await?;
    proven(&*job.instance, schema, intent, &found).await
}

/// What a provider is asked about an intent.
pub(crate) fn question(intent: &Intent) -> stackctl_core::Intent {
    stackctl_core::Intent { token: intent.token.clone(), keys: intent.keys.clone(), since: intent.aws_at }
}

/// The first object that is ours by the protocol's rule: its token or tag is the intent's; it is the relation itself;
/// or it has the intended name, was created, by an immutable time on the service's own clock, not before the intent, and
/// is as planned in everything that cannot be changed.
///
/// # Errors
/// If an object with the intended name cannot be read.
pub(crate) async fn proven(
    instance: &dyn Instance,
    schema: &Schema,
    intent: &Intent,
    found: &[Found],
) -> Result<Option<String>> {
    for f in found {
        let ours = match &f.evidence {
            Evidence::Token => true,
            Evidence::Relation => matches!(schema.identity, Identity::Key(_)),
            Evidence::Created(at) => {
                let dated = matches!(schema.identity, Identity::Name { dated: true, .. });
                dated
                    && intent.aws_at.is_some_and(|since| *at >= since)
                    && is_as_planned(instance, schema, intent, &f.id).await?
            }
            Evidence::OtherToken | Evidence::NameOnly => false,
        };
        if ours {
            return Ok(Some(f.id.clone()));
        }
    }
    Ok(None)
}

/// True if the object has the planned value in every key and in everything that cannot be changed.
async fn is_as_planned(instance: &dyn Instance, schema: &Schema, intent: &Intent, id: &str) -> Result<bool> {
    let at = Ref { id: id.to_owned(), known: intent.keys.clone(), wanted: None };
    let live = instance.read(&intent.at.addr.resource.ty, vec![at]).await?.into_iter().next();
    let Some(mut live) = live.filter(|l| l.status != Status::Deleting) else { return Ok(false) };
    canonical(&schema.block, &mut live.value);
    Ok(same_keys(schema, &intent.keys, &live.value))
}

/// Compares what an intent planned with a live object, by the rules of the diff.
pub(crate) fn same_keys(schema: &Schema, planned: &Known, live: &Known) -> bool {
    schema.block.attrs.iter().all(|(name, attr)| {
        let (want, have) = (planned.get(name), live.get(name));
        // No API returns what is local, nor the prefix that a name was made from.
        let compared = !attr.local && !attr.lazy && !attr.write_only && attr.prefix_of.is_none();
        !compared
            || want.is_null()
            || same(attr.equality, want, have)
            || schema.zero_is_null && is_zero(want) && is_zero(have)
    })
}

/// Types whose create does not fail on an existing object: the name must be free before the intent is written.
pub(crate) async fn name_is_free(job: &Job, intent: &Intent) -> Result<()> {
    let found = job.instance.find(job.ty(), question(intent)).await?;
    match found.first() {
        None => Ok(()),
        Some(f) => Err(taken(job, intent, Error::new(ErrorKind::Exists, format!("{} exists already.", f.id)))),
    }
}

fn taken(job: &Job, intent: &Intent, e: Error) -> Error {
    let id = match &intent.keys {
        Known::Map(m) => m.get("name").and_then(|n| n.as_str()).unwrap_or("ID").to_owned(),
        _ => "ID".to_owned(),
    };
    let hint =
        format!("It may be somebody else's. To manage it here, import it: stackctl import '{}' {id}", job.at.addr);
    e.hinted(hint)
}
