//! From typed resources to the table that the engine sees: boxed futures over `Known`, once per type.
//!
//! Only conversions are generic here; everything else is in [`super::edge`] and compiled once.

use std::collections::HashMap;
use std::marker::PhantomData;

use stackctl_core::{
    self as core, BoxFuture, Draft, Evidence, Found, Identity, Known, Live, New, Partial, Result, Schema, Step,
};

use super::Cx;
use super::edge;
use super::gate::unrepeatable;
use super::provider_config::TagRules;
use super::resource::{Change, Data, Fields, Intent, Ref, Resource};
use super::value::Tags;

/// A resource type without its Rust type.
pub trait AnyResource: Send + Sync {
    /// Its schema.
    fn schema(&self) -> &Schema;
    /// API actions that it calls.
    fn actions(&self) -> &'static [&'static str];
    /// Most objects of one read.
    fn batch(&self) -> usize;
    /// Reads one chunk.
    fn read<'a>(&'a self, cx: &'a Cx, at: &'a [core::Ref]) -> BoxFuture<'a, Result<Vec<Live>>>;
    /// Creates.
    fn create<'a>(&'a self, cx: &'a Cx, new: New) -> BoxFuture<'a, Result<String>>;
    /// Updates, tags included.
    fn update<'a>(&'a self, cx: &'a Cx, change: core::Change) -> BoxFuture<'a, Result<()>>;
    /// Deletes.
    fn delete<'a>(&'a self, cx: &'a Cx, at: core::Ref) -> BoxFuture<'a, Result<()>>;
    /// Finds what an intent may have made.
    fn find<'a>(&'a self, cx: &'a Cx, intent: core::Intent) -> BoxFuture<'a, Result<Vec<Found>>>;
    /// Removes the ownership tag.
    fn release<'a>(&'a self, cx: &'a Cx, at: &'a [core::Ref]) -> BoxFuture<'a, Result<()>>;
    /// What an import id says.
    ///
    /// # Errors
    /// If it has not the form that the type expects.
    fn import(&self, spec: &str) -> Result<Known>;
    /// The plan hook.
    fn plan(&self, rules: &TagRules, rules_known: bool, draft: &mut Draft<'_>);
    /// Checks beyond the schema's.
    fn validate(&self, config: &Partial) -> Vec<core::Error>;
    /// Brings old attributes up to date.
    ///
    /// # Errors
    /// If they are newer than the type.
    fn upgrade(&self, version: u64, attributes: Known) -> Result<Known>;
}

/// A data source without its Rust type.
pub trait AnyData: Send + Sync {
    /// Its schema.
    fn schema(&self) -> &Schema;
    /// API actions that it calls.
    fn actions(&self) -> &'static [&'static str];
    /// Answers a configuration.
    fn read<'a>(&'a self, cx: &'a Cx, config: Known) -> BoxFuture<'a, Result<Known>>;
    /// Checks beyond the schema's.
    fn validate(&self, config: &Partial) -> Vec<core::Error>;
}

/// A line of a service's table of resource types.
pub fn resource<T: Resource>() -> Box<dyn AnyResource> {
    Box::new(Of::<T> { schema: T::schema(), of: PhantomData })
}

/// A line of a service's table of data sources.
pub fn data<T: Data>() -> Box<dyn AnyData> {
    Box::new(Of::<T> { schema: T::schema(), of: PhantomData })
}

/// A line of a service's table of ephemeral types: read as a data source is, but without an id.
pub fn ephemeral<T: Data>() -> Box<dyn AnyData> {
    let mut schema = T::schema();
    schema.block.attrs.remove("id");
    Box::new(Of::<T> { schema, of: PhantomData })
}

struct Of<T> {
    schema: Schema,
    of: PhantomData<fn() -> T>,
}

impl<T: Resource> AnyResource for Of<T> {
    fn schema(&self) -> &Schema {
        &self.schema
    }
    fn actions(&self) -> &'static [&'static str] {
        T::ACTIONS
    }
    fn batch(&self) -> usize {
        T::BATCH
    }
    fn read<'a>(&'a self, cx: &'a Cx, at: &'a [core::Ref]) -> BoxFuture<'a, Result<Vec<Live>>> {
        Box::pin(async move {
            let typed: Vec<Ref<T>> = at.iter().map(Ref::new).collect();
            let live = match T::read(cx, &typed).await {
                Err(e) if e.is_not_found() && at.len() == 1 => return Ok(Vec::new()),
                live => live?,
            };
            let mut by_asked: HashMap<String, _> = live.into_iter().map(|l| (l.asked.clone(), l)).collect();
            let answer = |r: &core::Ref| {
                let l = by_asked.remove(&r.id)?;
                let value = edge::outward(&self.schema, cx.tag_rules(), l.value.encode(), &l.id, r);
                Some(Live { asked: l.asked, id: l.id, value, status: l.status })
            };
            Ok(at.iter().filter_map(answer).collect())
        })
    }
    fn create<'a>(&'a self, cx: &'a Cx, new: New) -> BoxFuture<'a, Result<String>> {
        Box::pin(async move {
            let value = T::decode(&edge::inward(&self.schema, cx.tag_rules(), new.value, Some(&new.token)));
            let cx = cx.with_token(&new.token);
            let made = if self.schema.identity == Identity::Token {
                T::create(&cx, &value).await
            } else {
                unrepeatable(T::create(&cx, &value)).await
            };
            made.map_err(|e| edge::uncertain(e.0))
        })
    }
    fn update<'a>(&'a self, cx: &'a Cx, change: core::Change) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let mut fields = change.fields;
            let at = Ref::<T>::new(&change.at);
            if fields.remove("tags") | fields.remove("tags_all") {
                let (add, remove) = edge::retag(cx.tag_rules(), &change.old, &change.new);
                if !add.is_empty() || !remove.is_empty() {
                    T::retag(cx, std::slice::from_ref(&at), &Tags(add), &remove).await?;
                }
            }
            let (old, new) = (T::decode(&change.old), edge::inward(&self.schema, cx.tag_rules(), change.new, None));
            let fields = Fields(fields);
            let ch = Change { at: &at, old: &old, new: &T::decode(&new), fresh: change.fresh, fields: &fields };
            unrepeatable(T::dispatch_update(cx, &ch)).await.map_err(|e| edge::uncertain(e.0))
        })
    }
    fn delete<'a>(&'a self, cx: &'a Cx, at: core::Ref) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            match T::delete(cx, &Ref::new(&at)).await {
                Err(e) if e.is_not_found() => Ok(()),
                done => Ok(done?),
            }
        })
    }
    fn find<'a>(&'a self, cx: &'a Cx, intent: core::Intent) -> BoxFuture<'a, Result<Vec<Found>>> {
        Box::pin(async move {
            let natural = edge::natural_id(&self.schema, &intent.keys);
            let keys = T::decode(&intent.keys);
            let typed = Intent { token: intent.token.clone(), keys, since: intent.since, natural };
            let live = T::find(cx, &typed).await?;
            let relation = matches!(self.schema.identity, Identity::Key(_));
            let found = live.into_iter().map(|l| {
                let owner = l.value.encode().get("tags").get(edge::OWNER_TAG).as_str().map(str::to_owned);
                let evidence = match (owner, l.created) {
                    _ if relation => Evidence::Relation,
                    (Some(o), _) if o == intent.token => Evidence::Token,
                    (Some(_), _) => Evidence::OtherToken,
                    (None, Some(at)) => Evidence::Created(at),
                    (None, None) => Evidence::NameOnly,
                };
                Found { id: l.id, evidence }
            });
            Ok(found.collect())
        })
    }
    fn release<'a>(&'a self, cx: &'a Cx, at: &'a [core::Ref]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            if self.schema.tagged() && !at.is_empty() {
                let typed: Vec<Ref<T>> = at.iter().map(Ref::new).collect();
                match T::retag(cx, &typed, &Tags::default(), &[edge::OWNER_TAG.to_owned()]).await {
                    Err(e) if e.is_not_found() && at.len() == 1 => {}
                    done => done?,
                }
            }
            Ok(())
        })
    }
    fn import(&self, spec: &str) -> Result<Known> {
        let mut known = Known::from([("id", spec)]);
        for (name, value) in T::import(spec)? {
            known.set(name, value);
        }
        Ok(known)
    }
    fn plan(&self, rules: &TagRules, rules_known: bool, draft: &mut Draft<'_>) {
        edge::plan(&self.schema, rules, rules_known, draft);
        T::plan(draft);
    }
    fn validate(&self, config: &Partial) -> Vec<core::Error> {
        let mut errors = Vec::new();
        T::validate(config, &mut errors);
        errors
    }
    fn upgrade(&self, version: u64, attributes: Known) -> Result<Known> {
        if version > self.schema.version {
            let (name, ours) = (self.schema.name, self.schema.version);
            return Err(core::Error::invalid(format!(
                "State holds {name} in version {version}; only {ours} is known."
            ))
            .hinted("A newer provider wrote this state: use a newer stackctl."));
        }
        if version == self.schema.version { Ok(attributes) } else { Ok(T::upgrade(version, attributes)?) }
    }
}

impl<T: Data> AnyData for Of<T> {
    fn schema(&self) -> &Schema {
        &self.schema
    }
    fn actions(&self) -> &'static [&'static str] {
        T::ACTIONS
    }
    fn read<'a>(&'a self, cx: &'a Cx, config: Known) -> BoxFuture<'a, Result<Known>> {
        Box::pin(async move {
            let mut value = T::read(cx, &T::decode(&config)).await?.encode();
            core::canonical::canonical(&self.schema.block, &mut value);
            // What configuration set stays as it was written.
            for (name, attr) in &self.schema.block.attrs {
                let set = config.get(name);
                if attr.configurable() && !set.is_null() {
                    value.set(*name, set.clone());
                }
            }
            for (name, b) in &self.schema.block.blocks {
                if !b.computed {
                    value.set(*name, config.get(name).clone());
                }
            }
            core::canonical::canonical(&self.schema.block, &mut value);
            Ok(value)
        })
    }
    fn validate(&self, config: &Partial) -> Vec<core::Error> {
        let mut errors = Vec::new();
        T::validate(config, &mut errors);
        errors
    }
}

/// An error about a top-level attribute's nested value.
pub fn at(path: impl IntoIterator<Item = Step>, message: impl Into<String>) -> core::Error {
    core::Error::at(core::Path(path.into_iter().collect()), message)
}
