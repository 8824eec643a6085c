//! Recovery: what became of the requests whose answers nobody wrote down. Reads the cloud, changes nothing in it.
//!
//! A session that finds an unclean journal lists open intents, doubts and claims. [`look_up`] asks the providers and
//! answers with records; the session folds them before anything else happens (`docs/design/journal.md`, recovery).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use stackctl_core::{Diagnostic, Found, Known, Live, Ref, Schema, Status};
use stackctl_state::{Action, Claim, Done, Doubt, Intent, Object, ObjectStatus, Pending, ProviderAddr, Record, State};

use crate::apply::lost::{proven, question};
use crate::events::{Event, Events, Subject};
use crate::providers::{Configured, Providers};
use crate::refresh::absorb;

/// How long a new object's tags may stay invisible: an intent that is younger is asked about again.
const YOUNG: Duration = Duration::from_secs(60);

/// Looks up everything that is pending. `config` gives the complete configuration of a provider.
///
/// # Errors
/// If a provider cannot be configured or a service cannot be asked: then nothing is known, and nothing may be written.
pub async fn look_up(
    pending: &Pending,
    state: &State,
    providers: &Providers,
    config: &dyn Fn(&ProviderAddr) -> Result<Known, Diagnostic>,
    events: &Events,
) -> Result<Vec<Record>, Diagnostic> {
    let mut out = Vec::new();
    if pending.is_empty() {
        return Ok(out);
    }
    events.send(Event::Recovering { open: pending.open.len() + pending.doubts.len() });
    let run = Lookup { state, providers, config, events };
    for intent in &pending.open {
        out.extend(run.open(intent).await?);
    }
    for doubt in &pending.doubts {
        out.extend(run.doubt(doubt).await?);
    }
    for claim in &pending.claims {
        out.extend(run.claim(claim).await?);
    }
    Ok(out)
}

struct Lookup<'a> {
    state: &'a State,
    providers: &'a Providers,
    config: &'a dyn Fn(&ProviderAddr) -> Result<Known, Diagnostic>,
    events: &'a Events,
}

impl Lookup<'_> {
    async fn open(&self, intent: &Arc<Intent>) -> Result<Option<Record>, Diagnostic> {
        match intent.action {
            Action::Create => self.create(intent).await,
            Action::Update | Action::Delete => self.change(intent).await,
        }
    }

    async fn create(&self, intent: &Arc<Intent>) -> Result<Option<Record>, Diagnostic> {
        let (provider, schema) =
            self.provider(&intent.provider, &intent.at.addr.resource.ty)?.reach(self, intent).await?;
        let ty = &intent.at.addr.resource.ty;
        let (found, ours) = loop {
            let found = self.find(&provider, intent).await?;
            let ours = self.ours(&provider, &schema, intent, &found).await?;
            if ours.is_some() || !self.is_young(intent) {
                break (found, ours);
            }
            self.providers.host().clock.sleep(Duration::from_secs(2)).await;
        };
        let Some(id) = ours else {
            let stranger =
                if found.is_empty() { "" } else { " An object of the intended name exists, but it is not ours." };
            self.tell(intent, format!("Its creation had not reached the service.{stranger}"));
            return Ok(None);
        };
        let known = intent.keys.clone();
        let Some(live) = self.read(&provider, &schema, ty, &id, known).await? else {
            self.tell(intent, format!("{id} was created and is gone."));
            return Ok(None);
        };
        let object = self.unfinished(intent, &schema, live);
        self.tell(intent, format!("{id} was created; it is taken over and completed."));
        let replaced = self.state.current(&intent.at.addr).is_some();
        Ok(Some(match replaced {
            true => Record::Done(Done {
                token: intent.token.clone(),
                action: Action::Create,
                at: intent.at.clone(),
                id: Some(id),
                object: Some(object),
            }),
            false => Record::Adopt { token: Some(intent.token.clone()), addr: intent.at.addr.clone(), object },
        }))
    }

    async fn change(&self, intent: &Arc<Intent>) -> Result<Option<Record>, Diagnostic> {
        let Some(object) = self.state.object(&intent.at) else { return Ok(None) };
        let ty = &intent.at.addr.resource.ty;
        let (provider, schema) = self.provider(&intent.provider, ty)?.reach(self, intent).await?;
        if schema.local_only {
            return Ok(None);
        }
        let id = object.attributes.get("id").as_str().unwrap_or_default().to_owned();
        match self.read(&provider, &schema, ty, &id, Known::clone(&object.attributes)).await? {
            None => {
                self.tell(intent, format!("{id} is gone."));
                Ok(Some(Record::Rm { at: intent.at.clone() }))
            }
            Some(live) => {
                self.tell(intent, format!("{id} is there; its values were read again."));
                let mut now = Object::clone(object);
                now.attributes = Arc::new(absorb(&schema, &object.attributes, live.value));
                Ok((now != **object).then(|| Record::Set { at: intent.at.clone(), object: Arc::new(now) }))
            }
        }
    }

    async fn doubt(&self, doubt: &Doubt) -> Result<Option<Record>, Diagnostic> {
        let intent = &doubt.intent;
        let ty = &intent.at.addr.resource.ty;
        let (provider, schema) = self.provider(&intent.provider, ty)?.reach(self, intent).await?;
        let found: Vec<Found> =
            self.find(&provider, intent).await?.into_iter().filter(|f| !doubt.seen.contains(&f.id)).collect();
        let known: BTreeSet<&str> = self
            .state
            .objects()
            .filter(|(at, _)| at.addr.resource.ty == *ty)
            .filter_map(|(_, o)| o.attributes.get("id").as_str())
            .collect();
        let ours = self.ours(&provider, &schema, intent, &found).await?;
        let Some(id) = ours.filter(|id| !known.contains(id.as_str())) else { return Ok(None) };
        let Some(live) = self.read(&provider, &schema, ty, &id, intent.keys.clone()).await? else { return Ok(None) };
        let object = self.unfinished(intent, &schema, live);
        self.tell(intent, format!("{id} was created late; it is taken over."));
        Ok(Some(Record::Adopt { token: Some(intent.token.clone()), addr: intent.at.addr.clone(), object }))
    }

    async fn claim(&self, claim: &Claim) -> Result<Option<Record>, Diagnostic> {
        let ty = &claim.addr.resource.ty;
        let configured = self.provider(&claim.object.provider, ty)?;
        let (provider, schema) = configured.configure(self).await?;
        let id = claim.object.attributes.get("id").as_str().unwrap_or_default().to_owned();
        Ok(self.read(&provider, &schema, ty, &id, Known::clone(&claim.object.attributes)).await?.map(|live| {
            let mut object = Object::clone(&claim.object);
            object.attributes = Arc::new(absorb(&schema, &claim.object.attributes, live.value));
            Record::Adopt { token: None, addr: claim.addr.clone(), object: Arc::new(object) }
        }))
    }

    fn provider<'a>(&'a self, addr: &'a ProviderAddr, ty: &'a str) -> Result<Unconfigured<'a>, Diagnostic> {
        let table = self.providers.table(&addr.source).ok_or_else(|| {
            Diagnostic::error("Unknown provider", format!("An interrupted run used {addr}, which is not available."))
        })?;
        let schema = table.resource(ty).ok_or_else(|| {
            Diagnostic::error("Unknown resource type", format!("An interrupted run used the type {ty:?}."))
        })?;
        Ok(Unconfigured { addr, schema: schema.clone() })
    }
    async fn find(&self, provider: &Configured, intent: &Intent) -> Result<Vec<Found>, Diagnostic> {
        let ty = &intent.at.addr.resource.ty;
        provider.instance.find(ty, question(intent)).await.map_err(|e| {
            Diagnostic::from_provider(format!("Error looking for {}", intent.at.addr), e).of(&intent.at.addr)
        })
    }
    async fn ours(
        &self,
        provider: &Configured,
        schema: &Schema,
        intent: &Intent,
        found: &[Found],
    ) -> Result<Option<String>, Diagnostic> {
        proven(&*provider.instance, schema, intent, found).await.map_err(|e| {
            Diagnostic::from_provider(format!("Error looking for {}", intent.at.addr), e).of(&intent.at.addr)
        })
    }
    /// Reads an object; what is lazy only where it is known, so that the state does not get more than other reads give it.
    async fn read(
        &self,
        provider: &Configured,
        schema: &Schema,
        ty: &str,
        id: &str,
        known: Known,
    ) -> Result<Option<Live>, Diagnostic> {
        let at = Ref { id: id.to_owned(), wanted: Some(held(schema, &known)), known };
        let live = provider.instance.read(ty, vec![at]).await;
        let live = live.map_err(|e| Diagnostic::from_provider(format!("Error reading {id}"), e))?;
        Ok(live.into_iter().next().filter(|l| l.status != Status::Deleting))
    }
    fn unfinished(&self, intent: &Intent, schema: &Schema, live: Live) -> Arc<Object> {
        let mut attributes = live.value;
        attributes.set("id", live.id.into());
        let failed = matches!(live.status, Status::Failed(_));
        Arc::new(Object {
            schema_version: schema.version,
            attributes: Arc::new(attributes),
            flat: None,
            sensitive: sensitive(schema),
            private: None,
            status: if failed { ObjectStatus::Tainted } else { ObjectStatus::Ready },
            unfinished: !failed,
            tagged: false,
            dependencies: intent.dependencies.clone(),
            create_before_destroy: intent.create_before_destroy,
            provider: Arc::clone(&intent.provider),
        })
    }
    fn is_young(&self, intent: &Intent) -> bool {
        let age = self.providers.host().clock.now().duration_since(intent.written);
        age < jiff::SignedDuration::try_from(YOUNG).unwrap_or_default()
    }
    fn tell(&self, intent: &Intent, outcome: String) {
        let deposed = intent.at.deposed.as_ref().map(|k| k.as_str().to_owned());
        let subject = Subject { addr: Arc::new(intent.at.addr.clone()), deposed };
        self.events.send(Event::Recovered { subject, outcome });
    }
}

/// A provider whose configuration is still to be asked for.
struct Unconfigured<'a> {
    addr: &'a ProviderAddr,
    schema: Schema,
}

impl Unconfigured<'_> {
    async fn configure(self, run: &Lookup<'_>) -> Result<(Configured, Schema), Diagnostic> {
        let config = (run.config)(self.addr)?;
        let configured = run.providers.configure(self.addr, config).await.map_err(|e| {
            Diagnostic::from_provider(format!("Error configuring {}", self.addr), e)
                .hinted("An interrupted run has to be looked up first, with the provider that it used.")
        })?;
        Ok((configured, self.schema))
    }
    /// Configures the provider, which must work in the account and region of the intent.
    async fn reach(self, run: &Lookup<'_>, intent: &Intent) -> Result<(Configured, Schema), Diagnostic> {
        let (configured, schema) = self.configure(run).await?;
        let scope = configured.instance.scope();
        if scope == intent.scope {
            return Ok((configured, schema));
        }
        Err(Diagnostic::error(
            "Interrupted run in another place",
            format!(
                "An interrupted run was working on {} in account {} and region {}; the provider now works in account {} \
                 and region {}.",
                intent.at.addr, intent.scope.account, intent.scope.region, scope.account, scope.region
            ),
        )
        .hinted("Use the credentials and region of that run once, so that what it left can be found."))
    }
}

/// Lazy attributes and blocks that have a value.
fn held(schema: &Schema, known: &Known) -> Arc<BTreeSet<String>> {
    let attrs = schema.block.attrs.iter().filter(|(_, a)| a.lazy).map(|(n, _)| *n);
    let lazy = attrs.chain(schema.block.blocks.iter().filter(|(_, b)| b.lazy).map(|(n, _)| *n));
    let has = |n: &&str| match known.get(n) {
        Known::Null => false,
        Known::List(l) => !l.is_empty(),
        _ => true,
    };
    Arc::new(lazy.filter(has).map(str::to_owned).collect())
}

/// Sensitive places by schema.
fn sensitive(schema: &Schema) -> BTreeSet<stackctl_core::Path> {
    schema.block.attrs.iter().filter(|(_, a)| a.sensitive).map(|(n, _)| stackctl_core::Path::attr(*n)).collect()
}
