//! A create whose answer may be lost: what to send again, and when an object that exists is ours.
//!
//! The table is that of the journal protocol (`docs/design/journal.md`, "A lost answer to a create"): a client token is
//! sent again, a unique name is sent again and then needs proof, a natural key is its own answer, and what has none of
//! these is looked for by its ownership tag before anything is sent twice.

use std::time::Duration;

use stackctl_core::{
    Block, Error, ErrorKind, Evidence, Found, Identity, Instance, Known, New, Ref, Result, Schema, Status, canonical,
    is_zero, same,
};
use stackctl_state::Intent;

use super::job::Job;
use super::settle::Ticker;
use super::tools::Tools;
use super::wait::Wait;
use super::work::closed;

/// How long a tag may lag behind its object.
const TAG_LAG: Duration = Duration::from_secs(60);

/// How long a request is sent again whose answer is lost each time.
const IN_DOUBT: Duration = Duration::from_secs(300);

/// Since when it is not known what a request did.
#[derive(Default)]
pub(crate) struct Doubt(Option<Duration>);

impl Doubt {
    fn exists(&self) -> bool {
        self.0.is_some()
    }
    /// An answer was lost. True while another attempt is worth it: a service that fails each time would else be asked
    /// until the operation's timeout, which may be an hour.
    pub(crate) fn allows_another(&mut self, wait: &Wait<'_>) -> bool {
        let now = wait.elapsed();
        now.saturating_sub(*self.0.get_or_insert(now)) < IN_DOUBT
    }
}

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
    let mut doubt = Doubt::default();
    loop {
        if let Err(d) = tools.ledger.gate().await {
            return Err(Refused { error: closed(d), certain: !doubt.exists() });
        }
        let error = match tools.ledger.sending(job.instance.create(job.ty(), new.clone())).await {
            Ok(made) => return Ok(made.id),
            Err(e) => e,
        };
        let again = match error.kind {
            ErrorKind::Lost => doubt.allows_another(&wait),
            ErrorKind::Throttled | ErrorKind::NotReady => true,
            ErrorKind::NotYetVisible => wait.elapsed() < patience,
            ErrorKind::TokenMismatch | ErrorKind::Exists => {
                let uncertain = |error| Refused { error, certain: false };
                let found = job.instance.find(job.ty(), question(intent)).await.map_err(uncertain)?;
                // What carries the intent's token is ours, though it may be an earlier run's late request that made it.
                if let Some(ours) = found.iter().find(|f| matches!(f.evidence, Evidence::Token)) {
                    return Ok(ours.id.clone());
                }
                return match proven(&*job.instance, schema, intent, &found).await {
                    Ok(Some(id)) if doubt.exists() || error.kind == ErrorKind::TokenMismatch => Ok(id),
                    Ok(_) => {
                        let there = found.first().map(|f| f.id.as_str()).or_else(|| named(schema, intent));
                        Err(Refused { error: taken(job, there, error), certain: true })
                    }
                    Err(e) => Err(uncertain(e)),
                };
            }
            _ => false,
        };
        if !again {
            return Err(Refused { certain: !doubt.exists(), error });
        }
        ticker.tick(tools, job, None);
        if doubt.exists() && !matches!(schema.identity, Identity::Token) {
            if let Some(id) =
                look(tools, job, schema, intent, &mut wait).await.map_err(|error| Refused { error, certain: false })?
            {
                return Ok(id);
            }
        } else if wait.pause().await.is_err() {
            return Err(Refused { error, certain: !doubt.exists() });
        }
    }
}

/// Looks for what a lost create made: by tag until one could have become visible, else once.
async fn look(
    tools: &Tools,
    job: &Job,
    schema: &Schema,
    intent: &Intent,
    wait: &mut Wait<'_>,
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
/// is as planned in everything that cannot be changed; or, where the API keeps neither tags nor such a time, its name was
/// free when the intent was written and it is as planned in everything.
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
            Evidence::NameOnly => {
                // Such an intent's keys are all of its values, and it was written after the name was seen to be free.
                let mute = matches!(schema.identity, Identity::Name { silent: true, dated: false, tagged: false, .. });
                mute && is_as_planned(instance, schema, intent, &f.id).await?
            }
            Evidence::OtherToken => false,
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
    same_block(schema, &schema.block, planned, live)
}

fn same_block(schema: &Schema, block: &Block, planned: &Known, live: &Known) -> bool {
    let zeros = |want: &Known, have: &Known| schema.zero_is_null && is_zero(want) && is_zero(have);
    let attrs = block.attrs.iter().all(|(name, attr)| {
        let (want, have) = (planned.get(name), live.get(name));
        // No API returns what is local, nor the prefix that a name was made from.
        let compared = !attr.local && !attr.lazy && !attr.write_only && attr.prefix_of.is_none();
        !compared || want.is_null() || same(attr.equality, want, have) || zeros(want, have)
    });
    let blocks = block.blocks.iter().all(|(name, nested)| {
        let (want, have) = (planned.get(name), live.get(name));
        match (want, have) {
            (Known::Null, _) => true,
            (Known::List(want), Known::List(have)) if want.len() == have.len() => {
                want.iter().zip(have).all(|(want, have)| same_block(schema, &nested.block, want, have))
            }
            (Known::Map(_), Known::Map(_)) => same_block(schema, &nested.block, want, have),
            _ => nested.lazy || *name == "timeouts" || zeros(want, have),
        }
    });
    attrs && blocks
}

/// Types whose create does not fail on an existing object: no stranger may have the name. What carries the intent's own
/// token is ours, made by a late request of an earlier run that this one carries on.
pub(crate) async fn name_is_free(job: &Job, intent: &Intent) -> Result<()> {
    let found = job.instance.find(job.ty(), question(intent)).await?;
    match found.iter().find(|f| !matches!(f.evidence, Evidence::Token)) {
        None => Ok(()),
        Some(f) => Err(taken(job, Some(&f.id), Error::new(ErrorKind::Exists, format!("{} exists already.", f.id)))),
    }
}

/// The intended name of an object whose type has one.
fn named<'a>(schema: &Schema, intent: &'a Intent) -> Option<&'a str> {
    match schema.identity {
        Identity::Name { attr, .. } => intent.keys.get(attr).as_str(),
        _ => None,
    }
}

/// The error for an object that is not ours, with the command that takes it in. `id` is what is there.
fn taken(job: &Job, id: Option<&str>, e: Error) -> Error {
    let id = id.unwrap_or("ID");
    let hint =
        format!("It may be somebody else's. To manage it here, import it: stackctl import '{}' {id}", job.at.addr);
    e.hinted(hint)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stackctl_core::{InstanceAddr, Nesting, Partial, Provider as _, Scope, Ty};
    use stackctl_state::{Action, ProviderAddr, Target};

    use super::*;
    use crate::apply::keys;
    use crate::testing::{Bench, SOURCE};

    /// The type of the tests without anything that tells who made an object.
    fn mute(bench: &Bench) -> Schema {
        let schema = bench.provider.resource("test_named").unwrap().clone();
        let identity = Identity::Name { attr: "name", within: &[], silent: true, dated: false, tagged: false };
        Schema { identity, ..schema }
    }

    #[test]
    fn a_name_that_was_free_proves_with_all_values() {
        let bench = Bench::default();
        let schema = mute(&bench);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let host = bench.providers.host().clone();
        let instance = runtime.block_on(bench.provider.configure(Known::object(), host)).unwrap();
        let mut planned = Partial::object();
        for name in ["name", "zone", "title"] {
            planned.set(name, Partial::String(format!("{name} of mine")));
        }
        let intent = Intent {
            token: "t".into(),
            action: Action::Create,
            at: Target::current(InstanceAddr::parse("test_named.a").unwrap()),
            provider: Arc::new(ProviderAddr::root(SOURCE)),
            scope: Scope::default(),
            id: None,
            keys: keys(&schema, &planned),
            aws_at: None,
            written: Default::default(),
            want: None,
            dependencies: Vec::new(),
            create_before_destroy: false,
        };
        assert_eq!(intent.keys.get("title").as_str(), Some("title of mine"));
        for (title, ours) in [("title of mine", true), ("title of a stranger", false)] {
            let live = Known::from([("id", "x"), ("name", "name of mine"), ("zone", "zone of mine"), ("title", title)]);
            bench.provider.world().objects.insert(("test_named".to_owned(), "x".to_owned()), live);
            let found = [Found { id: "x".into(), evidence: Evidence::NameOnly }];
            let got = runtime.block_on(proven(&*instance, &schema, &intent, &found)).unwrap();
            assert_eq!(got.is_some(), ours, "{title}");
            // A type whose objects have an owner is not believed for its name.
            let named = bench.provider.resource("test_named").unwrap();
            assert_eq!(runtime.block_on(proven(&*instance, named, &intent, &found)).unwrap(), None);
        }
    }

    #[test]
    fn blocks_are_compared_too() {
        let port =
            Block { attrs: [("port", stackctl_core::Attr::optional(Ty::Number))].into(), blocks: Default::default() };
        let blocks = [("rule", stackctl_core::BlockType::new(Nesting::List, port))].into();
        let schema = Schema::new("t", Block { attrs: Default::default(), blocks });
        let of = |ports: &[i64]| {
            let rules = ports.iter().map(|p| Known::from([("port", *p)])).collect();
            Known::from([("rule", Known::List(rules))])
        };
        for (want, have, same) in [
            (of(&[1]), of(&[1]), true),
            (of(&[1]), of(&[2]), false),
            (of(&[1]), of(&[1, 1]), false),
            (Known::object(), of(&[1]), true),
        ] {
            assert_eq!(same_keys(&schema, &want, &have), same, "{want:?} {have:?}");
        }
    }
}
