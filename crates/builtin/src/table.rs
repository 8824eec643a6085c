//! A provider as a table of types: objects that live in state alone, and data sources.
//!
//! A type is one file that fills a [`Type`] or a [`Source`]; nothing here knows any of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use stackctl_core::{
    BoxFuture, Change, Draft, Error, ErrorKind, Found, Host, Instance, Intent, Known, Live, Made, New, Opened, Partial,
    Provider, Ref, Result, Schema, Scope, Status,
};

use crate::terraform::remote_state::RemoteStates;

/// Makes all attributes of a new object from the planned ones.
pub(crate) type Create = for<'a> fn(&'a Known, &'a Host) -> BoxFuture<'a, Result<Known>>;
/// Looks at an object: its attributes now, `None` if it is gone.
pub(crate) type Refresh = fn(&Known, &Host) -> Result<Option<Known>>;
/// Reads a data source: completes its configuration.
pub(crate) type Read = for<'a> fn(Known, &'a Setup) -> BoxFuture<'a, Result<Known>>;

/// Opens an ephemeral object: completes its configuration.
pub(crate) type Open = for<'a> fn(Known, &'a Host) -> BoxFuture<'a, Result<Known>>;

/// An ephemeral resource type whose objects last and need no closing.
pub(crate) struct Ephemeral {
    /// Schema.
    pub(crate) schema: Schema,
    /// Checks beyond the schema's.
    pub(crate) validate: fn(&Partial) -> Vec<Error>,
    /// Opens an object; defaults are set already.
    pub(crate) open: Open,
}

impl Ephemeral {
    /// A type without checks of its own.
    pub(crate) fn new(schema: Schema, open: Open) -> Ephemeral {
        Ephemeral { schema: Schema { zero_is_null: false, ..schema }, validate: |_| Vec::new(), open }
    }
}

/// A resource type: its facts and its few functions.
pub(crate) struct Type {
    /// Schema; `local_only`.
    pub(crate) schema: Schema,
    /// Refines a diff.
    pub(crate) plan: fn(&mut Draft<'_>),
    /// Checks beyond the schema's.
    pub(crate) validate: fn(&Partial) -> Vec<Error>,
    /// All attributes of a new object, from the planned ones.
    pub(crate) create: Create,
    /// All attributes after an update in place, from the old and the planned ones.
    pub(crate) update: fn(&Known, &Known) -> Result<Known>,
    /// What happens when an object is destroyed.
    pub(crate) delete: for<'a> fn(&'a Known, &'a Host) -> BoxFuture<'a, Result<()>>,
    /// What a refresh finds, `None` if the object is gone. Without it, state is the truth.
    pub(crate) refresh: Option<Refresh>,
    /// All attributes of an object that an import id describes.
    pub(crate) import: fn(&str) -> Result<Known>,
    /// Attributes of an older schema version brought up to date.
    pub(crate) upgrade: fn(u64, Known) -> Known,
}

impl Type {
    /// A type that is made by `create` and otherwise does nothing.
    pub(crate) fn new(schema: Schema, create: Create) -> Type {
        Type {
            schema: Schema { local_only: true, zero_is_null: false, ..schema },
            plan: |_| {},
            validate: |_| Vec::new(),
            create,
            update: |_, new| Ok(new.clone()),
            delete: |_, _| Box::pin(async { Ok(()) }),
            refresh: None,
            import: |_| Err(Error::invalid("Objects of this type cannot be imported.")),
            upgrade: |_, attributes| attributes,
        }
    }

    /// A refresh asks this.
    pub(crate) fn refreshed(mut self, by: Refresh) -> Type {
        self.schema.refreshed = true;
        self.refresh = Some(by);
        self
    }
}

/// A data source.
pub(crate) struct Source {
    /// Schema.
    pub(crate) schema: Schema,
    /// Checks beyond the schema's.
    pub(crate) validate: fn(&Partial) -> Vec<Error>,
    /// Reads it.
    pub(crate) read: Read,
    /// What the provider's data sources read other states with.
    pub(crate) states: Option<Arc<dyn RemoteStates>>,
}

impl Source {
    /// A data source without checks of its own.
    pub(crate) fn new(schema: Schema, read: Read) -> Source {
        Source { schema: Schema { zero_is_null: false, ..schema }, validate: |_| Vec::new(), read, states: None }
    }
    /// With access to other states.
    pub(crate) fn with(self, states: Arc<dyn RemoteStates>) -> Source {
        Source { states: Some(states), ..self }
    }
}

/// What a configured provider works with.
pub(crate) struct Setup {
    /// The surroundings.
    pub(crate) host: Host,
    /// The provider's configuration.
    pub(crate) config: Known,
    /// Access to other states, where a data source has it.
    pub(crate) states: Option<Arc<dyn RemoteStates>>,
}

/// A provider before it is erased.
pub(crate) struct Table {
    name: &'static str,
    source: &'static str,
    version: &'static str,
    config: Schema,
    kinds: Arc<Kinds>,
}

struct Kinds {
    types: BTreeMap<&'static str, Type>,
    sources: BTreeMap<&'static str, Source>,
    ephemerals: BTreeMap<&'static str, Ephemeral>,
}

impl Kinds {
    fn resource(&self, ty: &str) -> Result<&Type> {
        let none = || Error::new(ErrorKind::Unsupported, format!("There is no resource type {ty:?}."));
        self.types.get(ty).ok_or_else(none)
    }
    fn source(&self, ty: &str) -> Result<&Source> {
        let none = || Error::new(ErrorKind::Unsupported, format!("There is no data source {ty:?}."));
        self.sources.get(ty).ok_or_else(none)
    }
}

impl Table {
    /// A provider of a name, source and version with these types and data sources, and no configuration.
    pub(crate) fn new(
        name: &'static str,
        source: &'static str,
        version: &'static str,
        types: Vec<Type>,
        sources: Vec<Source>,
    ) -> Table {
        let kinds = Kinds {
            types: types.into_iter().map(|t| (t.schema.name, t)).collect(),
            sources: sources.into_iter().map(|s| (s.schema.name, s)).collect(),
            ephemerals: BTreeMap::new(),
        };
        Table { name, source, version, config: Schema::new(name, Default::default()), kinds: Arc::new(kinds) }
    }
    /// With ephemeral resource types.
    pub(crate) fn opening(mut self, types: Vec<Ephemeral>) -> Table {
        if let Some(kinds) = Arc::get_mut(&mut self.kinds) {
            kinds.ephemerals = types.into_iter().map(|t| (t.schema.name, t)).collect();
        }
        self
    }
    /// The schema of the `provider` block.
    pub(crate) fn configured_by(mut self, config: Schema) -> Table {
        self.config = config;
        self
    }
}

impl Provider for Table {
    fn name(&self) -> &'static str {
        self.name
    }
    fn source(&self) -> &'static str {
        self.source
    }
    fn version(&self) -> &'static str {
        self.version
    }
    fn config(&self) -> &Schema {
        &self.config
    }
    fn resource(&self, ty: &str) -> Option<&Schema> {
        self.kinds.types.get(ty).map(|t| &t.schema)
    }
    fn data(&self, ty: &str) -> Option<&Schema> {
        self.kinds.sources.get(ty).map(|s| &s.schema)
    }
    fn resources(&self) -> Vec<&'static str> {
        self.kinds.types.keys().copied().collect()
    }
    fn data_sources(&self) -> Vec<&'static str> {
        self.kinds.sources.keys().copied().collect()
    }
    fn ephemeral(&self, ty: &str) -> Option<&Schema> {
        self.kinds.ephemerals.get(ty).map(|t| &t.schema)
    }
    fn ephemerals(&self) -> Vec<&'static str> {
        self.kinds.ephemerals.keys().copied().collect()
    }
    fn validate_ephemeral(&self, ty: &str, config: &Partial) -> Vec<Error> {
        self.kinds.ephemerals.get(ty).map_or_else(Vec::new, |t| (t.validate)(config))
    }
    fn plan(&self, ty: &str, _config: &Partial, draft: &mut Draft<'_>) {
        if let Some(t) = self.kinds.types.get(ty) {
            (t.plan)(draft);
        }
    }
    /// Where a resource type and a data source share a name, they share their checks.
    fn validate(&self, ty: &str, config: &Partial) -> Vec<Error> {
        let of_type = self.kinds.types.get(ty).map(|t| t.validate);
        let check = of_type.or_else(|| self.kinds.sources.get(ty).map(|s| s.validate));
        check.map_or_else(Vec::new, |f| f(config))
    }
    fn import(&self, ty: &str, spec: &str) -> Result<Known> {
        (self.kinds.resource(ty)?.import)(spec)
    }
    fn upgrade(&self, ty: &str, version: u64, attributes: Known) -> Result<Known> {
        let t = self.kinds.resource(ty)?;
        if version > t.schema.version {
            return Err(Error::invalid(format!(
                "The state holds {ty} in schema version {version}; this program knows versions up to {}.",
                t.schema.version
            ))
            .hinted("Use a newer stackctl."));
        }
        Ok((t.upgrade)(version, attributes))
    }
    fn configure(&self, config: Known, host: Host) -> BoxFuture<'static, Result<Arc<dyn Instance>>> {
        let kinds = Arc::clone(&self.kinds);
        let states = kinds.sources.values().find_map(|s| s.states.clone());
        let setup = Setup { host, config, states };
        Box::pin(async move { Ok(Arc::new(Configured { kinds, setup }) as Arc<dyn Instance>) })
    }
}

struct Configured {
    kinds: Arc<Kinds>,
    setup: Setup,
}

impl Instance for Configured {
    fn scope(&self) -> Scope {
        Scope::default()
    }
    fn service_time(&self) -> Option<Timestamp> {
        None
    }
    fn read<'a>(&'a self, ty: &'a str, at: Vec<Ref>) -> BoxFuture<'a, Result<Vec<Live>>> {
        Box::pin(async move {
            let refresh = self.kinds.resource(ty)?.refresh;
            let mut live = Vec::with_capacity(at.len());
            for r in at {
                let value = match refresh {
                    None => Some(r.known),
                    Some(f) => f(&r.known, &self.setup.host)?,
                };
                if let Some(value) = value {
                    let id = value.get("id").as_str().unwrap_or(&r.id).to_owned();
                    live.push(Live { asked: r.id, id, value, status: Status::Ready });
                }
            }
            Ok(live)
        })
    }
    fn data<'a>(&'a self, ty: &'a str, config: Known) -> BoxFuture<'a, Result<Known>> {
        Box::pin(async move { (self.kinds.source(ty)?.read)(config, &self.setup).await })
    }
    fn create<'a>(&'a self, ty: &'a str, new: New) -> BoxFuture<'a, Result<Made>> {
        Box::pin(async move {
            let value = (self.kinds.resource(ty)?.create)(&new.value, &self.setup.host).await?;
            let id = value.get("id").as_str().unwrap_or_default().to_owned();
            Ok(Made { id, value: Some(value) })
        })
    }
    fn update<'a>(&'a self, ty: &'a str, change: Change) -> BoxFuture<'a, Result<Option<Known>>> {
        Box::pin(async move { (self.kinds.resource(ty)?.update)(&change.old, &change.new).map(Some) })
    }
    fn delete<'a>(&'a self, ty: &'a str, at: Ref) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { (self.kinds.resource(ty)?.delete)(&at.known, &self.setup.host).await })
    }
    fn open<'a>(&'a self, ty: &'a str, mut config: Known) -> BoxFuture<'a, Result<Opened>> {
        Box::pin(async move {
            let none = || Error::new(ErrorKind::Unsupported, format!("There is no ephemeral resource type {ty:?}."));
            let t = self.kinds.ephemerals.get(ty).ok_or_else(none)?;
            for (name, attr) in &t.schema.block.attrs {
                if let (true, Some(d)) = (config.get(name).is_null(), &attr.default) {
                    config.set(*name, d.clone());
                }
            }
            let value = (t.open)(config, &self.setup.host).await?;
            Ok(Opened { value, private: Known::Null, renew_at: None })
        })
    }
    fn find<'a>(&'a self, _ty: &'a str, _intent: Intent) -> BoxFuture<'a, Result<Vec<Found>>> {
        Box::pin(async { Ok(Vec::new()) })
    }
    fn release<'a>(&'a self, _ty: &'a str, _at: Vec<Ref>) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }
}
