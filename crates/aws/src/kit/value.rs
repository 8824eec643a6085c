//! Field types of resources and blocks, and how each becomes a schema entry and a [`Known`].
//!
//! Decoding is lenient: what is missing or of another type becomes the type's empty value, because imports, adoptions and
//! old states have no complete prior. Who sets an attribute is said by the alias around its type ([`Computed`],
//! [`OptComputed`] …), which only the derive sees, so that values of the SDK need no conversion.
//!
//! Start at [`Value`]; a new scalar needs one line in `scalars!`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use stackctl_core::{Attr, Block, Equality, Known, Nesting, Number, Presence, Ty};

/// Only the provider sets it.
pub type Computed<T> = Option<T>;
/// Configuration may set it, else the provider does.
pub type OptComputed<T> = Option<T>;
/// Configuration may set it, else it has the default of its `default = …` flag.
pub type Defaulted<T> = T;
/// Kept from configuration and state; no API returns it. `read` sets it to [`unread`].
pub type Local<T> = T;
/// Sent, never stored, never compared. `read` sets it to [`unread`].
pub type WriteOnly = Option<Secret>;
/// A name that has a prefix form (`name_prefix`). Final when resources see it.
pub type Name = String;

/// Marks an attribute that `read` cannot know; the edge fills it from state.
pub fn unread<T: Default>() -> T {
    T::default()
}

/// What a field is in the schema.
pub enum Shape {
    /// An attribute; the entry is a prototype whose presence the derive sets.
    Attr(Attr),
    /// Nested blocks.
    Blocks {
        /// Content of one.
        block: Block,
        /// List or set.
        nesting: Nesting,
        /// Fewest.
        min: usize,
        /// Most; 0 for no limit.
        max: usize,
    },
}

/// The type of a field.
pub trait Value: Sized + Clone {
    /// Its schema entry.
    fn shape() -> Shape;
    /// True for values that `Option` of this type reads as `None`.
    fn absent(v: &Known) -> bool {
        v.is_null()
    }
    /// Reads a value, leniently.
    fn decode(v: &Known) -> Self;
    /// Writes a value.
    fn encode(&self) -> Known;
}

/// The type of an element of a list or set.
pub trait Element: Sized + Clone {
    /// Prototype of an attribute of this type.
    fn attr() -> Attr;
    /// Content, for structs that derive `Block`.
    fn block() -> Option<Block> {
        None
    }
    /// Reads an element, leniently.
    fn decode(v: &Known) -> Self;
    /// Writes an element.
    fn encode(&self) -> Known;
}

fn plain(ty: Ty) -> Attr {
    Attr::new(ty, Presence::Required)
}

macro_rules! scalars {
    ($($t:ty: $attr:expr, |$v:ident| $decode:expr, |$s:ident| $encode:expr;)*) => {$(
        impl Element for $t {
            fn attr() -> Attr { $attr }
            fn decode($v: &Known) -> Self { $decode }
            fn encode(&self) -> Known { let $s = self; $encode }
        }
        impl Value for $t {
            fn shape() -> Shape { Shape::Attr(<$t as Element>::attr()) }
            fn decode(v: &Known) -> Self { <$t as Element>::decode(v) }
            fn encode(&self) -> Known { <$t as Element>::encode(self) }
        }
    )*};
}

fn text(v: &Known) -> String {
    v.as_str().unwrap_or_default().to_owned()
}

fn number(v: &Known) -> Number {
    match v {
        Known::Number(n) => n.clone(),
        Known::String(s) => Number::parse(s).unwrap_or(Number::ZERO),
        _ => Number::ZERO,
    }
}

scalars! {
    String: plain(Ty::String), |v| text(v), |s| Known::from(s.as_str());
    bool: plain(Ty::Bool), |v| v.as_bool().unwrap_or_default(), |s| Known::from(*s);
    i32: plain(Ty::Number), |v| number(v).to_i64().and_then(|n| n.try_into().ok()).unwrap_or_default(), |s| Known::from(*s);
    i64: plain(Ty::Number), |v| number(v).to_i64().unwrap_or_default(), |s| Known::from(*s);
    f64: plain(Ty::Number), |v| number(v).to_f64(), |s| Number::parse(&s.to_string()).map_or(Known::Null, Known::Number);
    Number: plain(Ty::Number), |v| number(v), |s| Known::Number(s.clone());
    Secret: plain(Ty::String).sensitive(), |v| Secret(text(v)), |s| Known::from(s.0.as_str());
    Json: equal(Equality::Json), |v| Json(text(v)), |s| Known::from(s.0.as_str());
    Policy: equal(Equality::Policy), |v| Policy(text(v)), |s| Known::from(s.0.as_str());
    // An attribute of another service's choosing, such as a map of dynamic type, is kept as it is.
    Known: plain(Ty::Dynamic), |v| v.clone(), |s| s.clone();
}

fn equal(equality: Equality) -> Attr {
    Attr { equality, ..plain(Ty::String) }
}

impl<V: Value> Value for Option<V> {
    fn shape() -> Shape {
        match V::shape() {
            Shape::Blocks { block, nesting, max, .. } => Shape::Blocks { block, nesting, min: 0, max },
            attr => attr,
        }
    }
    fn absent(v: &Known) -> bool {
        V::absent(v)
    }
    fn decode(v: &Known) -> Self {
        (!V::absent(v)).then(|| V::decode(v))
    }
    fn encode(&self) -> Known {
        self.as_ref().map_or(Known::Null, V::encode)
    }
}

fn many<E: Element>(nesting: Nesting) -> Shape {
    match E::block() {
        Some(block) => Shape::Blocks { block, nesting, min: 0, max: 0 },
        None => {
            let of = E::attr();
            let ty = if nesting == Nesting::Set { Ty::set(of.ty) } else { Ty::list(of.ty) };
            Shape::Attr(Attr { ty, equality: of.equality, sensitive: of.sensitive, ..plain(Ty::Dynamic) })
        }
    }
}

impl<E: Element> Value for Vec<E> {
    fn shape() -> Shape {
        many::<E>(Nesting::List)
    }
    fn decode(v: &Known) -> Self {
        v.as_list().unwrap_or_default().iter().map(E::decode).collect()
    }
    fn encode(&self) -> Known {
        Known::List(self.iter().map(E::encode).collect())
    }
}

impl<E: Element + Ord> Value for BTreeSet<E> {
    fn shape() -> Shape {
        many::<E>(Nesting::Set)
    }
    fn decode(v: &Known) -> Self {
        v.as_list().unwrap_or_default().iter().map(E::decode).collect()
    }
    fn encode(&self) -> Known {
        let mut l: Vec<_> = self.iter().map(E::encode).collect();
        l.sort();
        Known::List(l)
    }
}

impl<E: Element> Value for BTreeMap<String, E> {
    fn shape() -> Shape {
        let of = E::attr();
        Shape::Attr(Attr { ty: Ty::map(of.ty), sensitive: of.sensitive, ..plain(Ty::Dynamic) })
    }
    fn decode(v: &Known) -> Self {
        v.as_map().into_iter().flatten().map(|(k, v)| (k.clone(), E::decode(v))).collect()
    }
    fn encode(&self) -> Known {
        Known::Map(self.iter().map(|(k, v)| (k.clone(), v.encode())).collect())
    }
}

/// The shape of a single block.
pub fn one<B: Element>() -> Shape {
    Shape::Blocks { block: B::block().unwrap_or_default(), nesting: Nesting::List, min: 1, max: 1 }
}

/// True where there is no block.
pub fn no_block(v: &Known) -> bool {
    match v {
        Known::List(l) => l.is_empty() || l.iter().all(Known::is_null),
        v => v.is_null(),
    }
}

/// Reads a single block: the first of its list.
pub fn decode_one<B: Element>(v: &Known) -> B {
    match v {
        Known::List(l) => B::decode(l.first().unwrap_or(&Known::Null)),
        v => B::decode(v),
    }
}

/// Reads a value, or takes the default where it is null.
pub fn decode_or<V: Value>(v: &Known, default: impl Into<Known>) -> V {
    if v.is_null() { V::decode(&default.into()) } else { V::decode(v) }
}

/// A text that no `Debug` shows.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Secret(String);

impl Secret {
    /// The text, for the one call that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(s: String) -> Secret {
        Secret(s)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

macro_rules! documents {
    ($($(#[$doc:meta])* $t:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $t(pub String);
        impl $t {
            /// The text as it stands.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl From<&str> for $t {
            fn from(s: &str) -> $t { $t(s.to_owned()) }
        }
        impl From<String> for $t {
            fn from(s: String) -> $t { $t(s) }
        }
        impl From<$t> for String {
            fn from(d: $t) -> String { d.0 }
        }
    )*};
}
documents! {
    /// A JSON document, compared by meaning.
    Json;
    /// An IAM policy, compared by meaning: a text equals a list of that text.
    Policy;
}

/// Tags of an object. A resource sees all of them: `read` reports every tag that the service shows, `create` gets default
/// tags and the ownership tag with the user's own. What state and configuration see is decided at the edge.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags(pub BTreeMap<String, String>);

impl Tags {
    /// From pairs; pairs without a key are dropped.
    pub fn from_pairs<K: Into<String>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (Option<K>, Option<V>)>,
    ) -> Tags {
        let pair = |(k, v): (Option<K>, Option<V>)| Some((k?.into(), v.map(Into::into).unwrap_or_default()));
        Tags(pairs.into_iter().filter_map(pair).collect())
    }
    /// All pairs, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(k, v)| (k.as_str(), v.as_str()))
    }
    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// Each pair as the SDK's own tag type; `None` if there are none, as optional setters want it.
    pub fn sdk<T>(&self, tag: impl Fn(&str, &str) -> T) -> Option<Vec<T>> {
        (!self.is_empty()).then(|| self.iter().map(|(k, v)| tag(k, v)).collect())
    }
}

impl Value for Tags {
    fn shape() -> Shape {
        <BTreeMap<String, String> as Value>::shape()
    }
    fn decode(v: &Known) -> Self {
        Tags(Value::decode(v))
    }
    fn encode(&self) -> Known {
        self.0.encode()
    }
}

/// A value for a setter that takes an `Option`: `None` stays `None`, anything else is sent.
pub trait Sent {
    /// What the setter takes.
    type Out;
    /// The value as an option.
    fn sent(&self) -> Option<Self::Out>;
}

impl<T: Sent> Sent for Option<T> {
    type Out = T::Out;
    fn sent(&self) -> Option<T::Out> {
        self.as_ref().and_then(Sent::sent)
    }
}

macro_rules! sends {
    ($($t:ty => $out:ty: |$s:ident| $e:expr;)*) => {$(
        impl Sent for $t {
            type Out = $out;
            fn sent(&self) -> Option<$out> { let $s = self; Some($e) }
        }
    )*};
}
sends! {
    String => String: |s| s.clone();
    bool => bool: |s| *s;
    i32 => i32: |s| *s;
    i64 => i64: |s| *s;
    f64 => f64: |s| *s;
    Secret => String: |s| s.0.clone();
    Json => String: |s| s.0.clone();
    Policy => String: |s| s.0.clone();
    Vec<String> => Vec<String>: |s| s.clone();
    BTreeSet<String> => Vec<String>: |s| s.iter().cloned().collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoding_is_lenient() {
        assert_eq!(<String as Value>::decode(&Known::Null), "");
        assert_eq!(<Option<i32> as Value>::decode(&Known::from("12")), Some(12));
        assert_eq!(<Vec<String> as Value>::decode(&Known::from(true)), Vec::<String>::new());
        assert!(decode_or::<bool>(&Known::Null, true));
        assert_eq!(<Option<Vec<String>> as Value>::decode(&Known::List(vec![])), Some(vec![]));
    }

    #[test]
    fn secrets_stay_out_of_debug() {
        assert!(!format!("{:?}", Secret::from("hunter2".to_owned())).contains("hunter2"));
    }
}
