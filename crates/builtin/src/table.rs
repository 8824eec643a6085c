//! A provider as a table of types whose objects live in state alone.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use stackctl_core::{
    BoxFuture, Change, Draft, Error, ErrorKind, Found, Host, Instance, Intent, Known, Live, Made, New, Partial,
    Provider, Ref, Result, Schema, Scope,
};

/// A type: its facts and its few functions.
pub(crate) struct Type {
    /// Schema; `local_only`.
    pub(crate) schema: Schema,
    /// Refines a diff.
    pub(crate) plan: fn(&mut Draft<'_>),
    /// All attributes of a new object, from the planned ones.
    pub(crate) create: for<'a> fn(&'a Known, &'a Host) -> BoxFuture<'a, Result<Known>>,
    /// All attributes after an update in place.
    pub(crate) update: fn(&Known, &Known) -> Result<Known>,
    /// What happens when an object is destroyed.
    pub(crate) delete: for<'a> fn(&'a Known, &'a Host) -> BoxFuture<'a, Result<()>>,
    /// All attributes of an object that an import id describes.
    pub(crate) import: fn(&str) -> Result<Known>,
    /// Attributes of an older schema version brought up to date.
    pub(crate) upgrade: fn(u64, Known) -> Known,
}

impl Type {
    /// A type that is made by `create` and otherwise does nothing.
    pub(crate) fn new(schema: Schema, create: for<'a> fn(&'a Known, &'a Host) -> BoxFuture<'a, Result<Known>>) -> Type {
        Type {
            schema: Schema { local_only: true, zero_is_null: false, ..schema },
            plan: |_| {},
            create,
            update: |_, new| Ok(new.clone()),
            delete: |_, _| Box::pin(async { Ok(()) }),
            import: |_| Err(Error::invalid("Objects of this type cannot be imported.")),
            upgrade: |_, attributes| attributes,
        }
    }
}

/// A provider of a name, source and version with these types.
pub(crate) fn provider(
    name: &'static str,
    source: &'static str,
    version: &'static str,
    types: Vec<Type>,
) -> Arc<dyn Provider> {
    let config = Schema::new(name, Default::default());
    let types = types.into_iter().map(|t| (t.schema.name, t)).collect();
    Arc::new(Table { name, source, version, config, types: Arc::new(types) })
}

struct Table {
    name: &'static str,
    source: &'static str,
    version: &'static str,
    config: Schema,
    types: Arc<BTreeMap<&'static str, Type>>,
}

impl Table {
    fn get(&self, ty: &str) -> Result<&Type> {
        find(&self.types, ty)
    }
}

fn find<'a>(types: &'a BTreeMap<&'static str, Type>, ty: &str) -> Result<&'a Type> {
    types.get(ty).ok_or_else(|| Error::new(ErrorKind::Unsupported, format!("There is no resource type {ty:?}.")))
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
        self.types.get(ty).map(|t| &t.schema)
    }
    fn data(&self, _ty: &str) -> Option<&Schema> {
        None
    }
    fn resources(&self) -> Vec<&'static str> {
        self.types.keys().copied().collect()
    }
    fn data_sources(&self) -> Vec<&'static str> {
        Vec::new()
    }
    fn plan(&self, ty: &str, _config: &Partial, draft: &mut Draft<'_>) {
        if let Some(t) = self.types.get(ty) {
            (t.plan)(draft);
        }
    }
    fn import(&self, ty: &str, spec: &str) -> Result<Known> {
        (self.get(ty)?.import)(spec)
    }
    fn upgrade(&self, ty: &str, version: u64, attributes: Known) -> Result<Known> {
        let t = self.get(ty)?;
        if version > t.schema.version {
            return Err(Error::invalid(format!(
                "The state holds {ty} in schema version {version}; this program knows versions up to {}.",
                t.schema.version
            ))
            .hinted("Use a newer stackctl."));
        }
        Ok((t.upgrade)(version, attributes))
    }
    fn configure(&self, _config: Known, host: Host) -> BoxFuture<'static, Result<Arc<dyn Instance>>> {
        let types = Arc::clone(&self.types);
        Box::pin(async move { Ok(Arc::new(Configured { types, host }) as Arc<dyn Instance>) })
    }
}

struct Configured {
    types: Arc<BTreeMap<&'static str, Type>>,
    host: Host,
}

impl Instance for Configured {
    fn scope(&self) -> Scope {
        Scope::default()
    }
    fn service_time(&self) -> Option<Timestamp> {
        None
    }
    fn read<'a>(&'a self, _ty: &'a str, at: Vec<Ref>) -> BoxFuture<'a, Result<Vec<Live>>> {
        let live =
            |r: Ref| Live { asked: r.id.clone(), id: r.id, value: r.known, status: stackctl_core::Status::Ready };
        Box::pin(async move { Ok(at.into_iter().map(live).collect()) })
    }
    fn data<'a>(&'a self, ty: &'a str, _config: Known) -> BoxFuture<'a, Result<Known>> {
        Box::pin(async move { Err(Error::new(ErrorKind::Unsupported, format!("There is no data source {ty:?}."))) })
    }
    fn create<'a>(&'a self, ty: &'a str, new: New) -> BoxFuture<'a, Result<Made>> {
        Box::pin(async move {
            let value = (find(&self.types, ty)?.create)(&new.value, &self.host).await?;
            let id = value.get("id").as_str().unwrap_or_default().to_owned();
            Ok(Made { id, value: Some(value) })
        })
    }
    fn update<'a>(&'a self, ty: &'a str, change: Change) -> BoxFuture<'a, Result<Option<Known>>> {
        Box::pin(async move { (find(&self.types, ty)?.update)(&change.old, &change.new).map(Some) })
    }
    fn delete<'a>(&'a self, ty: &'a str, at: Ref) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { (find(&self.types, ty)?.delete)(&at.known, &self.host).await })
    }
    fn find<'a>(&'a self, _ty: &'a str, _intent: Intent) -> BoxFuture<'a, Result<Vec<Found>>> {
        Box::pin(async { Ok(Vec::new()) })
    }
    fn release<'a>(&'a self, _ty: &'a str, _at: Vec<Ref>) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }
}
