//! The traits of a resource type and of a data source. `CONTRIBUTING.md` shows how they are filled in.
//!
//! A resource converts between its struct and the service, and does nothing else: it never waits, never retries, never
//! compares values, and never looks at tags, prefixes or "not found".

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;

use jiff::Timestamp;
use stackctl_core::{self as core, Draft, Known, Partial, Schema, Status};

use super::Cx;
use super::errors::{Error, Result};
use super::value::Tags;

/// Written by the derives: the table of a type and its conversions.
pub trait HasSchema: Sized + Clone + Send + Sync + 'static {
    /// Attribute names as constants.
    type Names: 'static;
    /// The names, for `changed!`.
    const NAMES: &'static Self::Names;
    /// The schema, built anew.
    fn schema() -> Schema;
    /// Reads an object, leniently.
    fn decode(v: &Known) -> Self;
    /// Writes an object.
    fn encode(&self) -> Known;
}

/// Written by `derive(Resource)`: reaches [`Update`] where the type has one.
pub trait Dispatch: HasSchema {
    /// Updates, or does nothing.
    fn dispatch_update(cx: &Cx, ch: &Change<'_, Self>) -> impl Future<Output = Result<()>> + Send;
}

/// A managed resource type.
pub trait Resource: Dispatch {
    /// Most objects that one `read` may be asked for.
    const BATCH: usize = 1;
    /// API actions that it calls, as IAM spells them; policies are generated from it.
    const ACTIONS: &'static [&'static str];

    /// Reads objects. What is missing from the answer is gone; `Err(NotFound)` means the same for a single one.
    fn read(cx: &Cx, at: &[Ref<Self>]) -> impl Future<Output = Result<Vec<Live<Self>>>> + Send;
    /// Sends the one request that brings the object into being; its id.
    fn create(cx: &Cx, new: &Self) -> impl Future<Output = Result<String>> + Send;
    /// Asks for deletion; `Err(NotFound)` is success. For a setting: resets it.
    fn delete(cx: &Cx, at: &Ref<Self>) -> impl Future<Output = Result<()>> + Send;
    /// Sets and removes tags of objects. One line, per service.
    fn retag(_cx: &Cx, _at: &[Ref<Self>], _add: &Tags, _remove: &[String]) -> impl Future<Output = Result<()>> + Send {
        async { Err(Error::invalid("This type has no tags.")) }
    }
    /// Live objects that the intent may have made. The edge reads the evidence off their tags and creation times.
    /// The default reads by the natural key: the name, or the key attributes joined by commas.
    fn find(cx: &Cx, intent: &Intent<Self>) -> impl Future<Output = Result<Vec<Live<Self>>>> + Send {
        async move {
            let Some(id) = intent.natural_id() else {
                return Err(Error::invalid("This type does not say how its objects are found."));
            };
            intent.read(cx, id).await
        }
    }
    /// What an import id says besides itself: attributes to read with. May replace `id`.
    ///
    /// # Errors
    /// If the id has not the form that the type expects.
    fn import(_spec: &str) -> Result<Vec<(&'static str, Known)>> {
        Ok(Vec::new())
    }
    /// The plan hook. Pure.
    fn plan(_draft: &mut Draft<'_>) {}
    /// Checks beyond the schema's. Pure.
    fn validate(_config: &Partial, _errors: &mut Vec<core::Error>) {}
    /// Brings attributes of an older schema version up to date.
    ///
    /// # Errors
    /// If they cannot be.
    fn upgrade(_version: u64, attributes: Known) -> Result<Known> {
        Ok(attributes)
    }
}

/// A type of which something can change in place. The derive demands it where that is so.
pub trait Update: Resource {
    /// Changes what `changed!` says. With `fresh`, completes what `create` could not set.
    fn update(cx: &Cx, ch: &Change<'_, Self>) -> impl Future<Output = Result<()>> + Send;
}

/// A data source.
pub trait Data: HasSchema {
    /// API actions that it calls.
    const ACTIONS: &'static [&'static str];
    /// Answers a configuration: `config` with its results filled in, `id` among them.
    fn read(cx: &Cx, config: &Self) -> impl Future<Output = Result<Self>> + Send;
    /// Checks beyond the schema's. Pure.
    fn validate(_config: &Partial, _errors: &mut Vec<core::Error>) {}
}

/// Which object.
#[derive(Clone, Debug)]
pub struct Ref<T> {
    /// Its id, or what an import was given.
    pub id: String,
    /// What is known of it, from state, import or plan; may be empty.
    pub known: T,
    /// Lazy attributes that somebody asks for; `None` for all.
    pub wanted: Option<Arc<BTreeSet<String>>>,
}

impl<T: HasSchema> Ref<T> {
    pub(super) fn new(r: &core::Ref) -> Ref<T> {
        Ref { id: r.id.clone(), known: T::decode(&r.known), wanted: r.wanted.clone() }
    }
    /// True if the lazy attribute is asked for.
    pub fn wants(&self, attr: &str) -> bool {
        self.wanted.as_ref().is_none_or(|w| w.contains(attr))
    }
    /// The object is alive.
    pub fn live(&self, id: impl Into<String>, value: T) -> Live<T> {
        Live { asked: self.id.clone(), id: id.into(), value, status: Status::Ready, created: None }
    }
}

/// The only element of a slice of one, for types with `BATCH = 1`.
///
/// # Panics
/// If the slice is empty, which the driver rules out.
pub fn only<T>(at: &[T]) -> &T {
    &at[0]
}

/// A live object.
#[derive(Clone, Debug)]
pub struct Live<T> {
    /// The id of the [`Ref`] that this answers.
    pub asked: String,
    /// The id that state holds.
    pub id: String,
    /// Its attributes, with every tag that the service shows.
    pub value: T,
    /// Its state.
    pub status: Status,
    /// When the service made it, where its API says so and calls that immutable.
    pub created: Option<Timestamp>,
}

impl<T> Live<T> {
    /// Sets the state.
    #[must_use]
    pub fn status(self, status: Status) -> Live<T> {
        Live { status, ..self }
    }
    /// Sets the creation time, seconds since 1970.
    #[must_use]
    pub fn created(self, at: Option<i64>) -> Live<T> {
        Live { created: at.and_then(|s| Timestamp::from_second(s).ok()), ..self }
    }
}

/// What to change.
#[derive(Debug)]
pub struct Change<'a, T> {
    /// Which object. With `fresh`, `at.known` is what was planned, empty where the provider decides.
    pub at: &'a Ref<T>,
    /// As it is.
    pub old: &'a T,
    /// As planned.
    pub new: &'a T,
    /// The object was just made, or is unfinished.
    pub fresh: bool,
    /// What the planner found changed.
    pub fields: &'a Fields,
}

impl<T: HasSchema> Change<'_, T> {
    /// Attribute names, for `changed!`.
    pub fn names(&self) -> &'static T::Names {
        T::NAMES
    }
}

/// Names of changed top-level attributes and blocks.
#[derive(Clone, Debug, Default)]
pub struct Fields(pub BTreeSet<String>);

impl Fields {
    /// True if one of them changed.
    pub fn any(&self, names: &[&str]) -> bool {
        names.iter().any(|n| self.0.contains(*n))
    }
}

/// An intent whose outcome is not known.
#[derive(Clone, Debug)]
pub struct Intent<T> {
    /// Its token: the client token, and the value of the ownership tag.
    pub token: String,
    /// Planned key, name and force-new attributes.
    pub keys: T,
    /// The service's clock before the request.
    pub since: Option<Timestamp>,
    pub(super) natural: Option<String>,
}

impl<T: Resource> Intent<T> {
    /// The object of that id if it exists: for `find` of types whose id follows from their keys.
    ///
    /// # Errors
    /// What reading it reports.
    pub async fn read(&self, cx: &Cx, id: impl Into<String>) -> Result<Vec<Live<T>>> {
        let at = Ref { id: id.into(), known: self.keys.clone(), wanted: None };
        match T::read(cx, &[at]).await {
            Err(e) if e.is_not_found() => Ok(Vec::new()),
            found => found,
        }
    }
}

impl<T> Intent<T> {
    /// The id as the natural key tells it, where the type has one.
    pub fn natural_id(&self) -> Option<String> {
        self.natural.clone()
    }
}

/// True if one of the attributes changed: `changed!(ch, iops, storage_type)`. Names are checked at compile time.
#[macro_export]
macro_rules! changed {
    ($ch:expr, $($field:ident),+ $(,)?) => {{
        let names = $ch.names();
        $ch.fields.any(&[$(names.$field),+])
    }};
}

/// The new value for an optional setter if the attribute changed, else `None`: `.set_iops(if_changed!(ch, iops))`.
#[macro_export]
macro_rules! if_changed {
    ($ch:expr, $field:ident) => {
        if $crate::changed!($ch, $field) { $crate::kit::value::Sent::sent(&$ch.new.$field) } else { None }
    };
}
