//! Complete data ([`Known`]) and data with holes ([`Partial`]).
//!
//! Both are untyped trees; the schema says what a `List` (list, set or tuple) or a `Map` (map or object) means. An
//! attribute of dynamic type holds the map `{"type": T, "value": V}`, exactly as the state file does: see
//! [`Known::dynamic`]. Neither shows strings in `Debug`: secrets are strings too.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value as Json;

use crate::{Number, Path, Step, Ty};

/// A complete value.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Known {
    /// Absent.
    #[default]
    Null,
    /// Truth value.
    Bool(bool),
    /// Number.
    Number(Number),
    /// Text, NFC.
    String(String),
    /// List, set (in canonical order) or tuple.
    List(Vec<Known>),
    /// Map or object.
    Map(BTreeMap<String, Known>),
}

/// A value in which any node may be not known yet.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Partial {
    /// Known after apply. What is nevertheless known of it (never null, a prefix) stands in the schema.
    Unknown,
    /// Absent.
    #[default]
    Null,
    /// Truth value.
    Bool(bool),
    /// Number.
    Number(Number),
    /// Text, NFC.
    String(String),
    /// List, set or tuple.
    List(Vec<Partial>),
    /// Map or object.
    Map(BTreeMap<String, Partial>),
}

impl Known {
    /// An empty map, the object without attributes.
    pub fn object() -> Known {
        Known::Map(BTreeMap::new())
    }
    /// The content of an attribute of dynamic type.
    pub fn dynamic(ty: &Ty, value: Known) -> Known {
        Known::Map([("type".to_owned(), Known::from_json(&ty.to_json())), ("value".to_owned(), value)].into())
    }
    /// Takes apart what [`Known::dynamic`] made.
    pub fn as_dynamic(&self) -> Option<(Ty, &Known)> {
        let Known::Map(m) = self else { return None };
        Some((Ty::from_json(&m.get("type")?.to_json())?, m.get("value")?))
    }
    /// True for null.
    pub fn is_null(&self) -> bool {
        matches!(self, Known::Null)
    }
    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        if let Known::String(s) = self { Some(s) } else { None }
    }
    /// The truth value of a bool.
    pub fn as_bool(&self) -> Option<bool> {
        if let Known::Bool(b) = self { Some(*b) } else { None }
    }
    /// The integer value of a number that is one.
    pub fn as_i64(&self) -> Option<i64> {
        if let Known::Number(n) = self { n.to_i64() } else { None }
    }
    /// The elements of a list, set or tuple.
    pub fn as_list(&self) -> Option<&[Known]> {
        if let Known::List(l) = self { Some(l) } else { None }
    }
    /// The entries of a map or object.
    pub fn as_map(&self) -> Option<&BTreeMap<String, Known>> {
        if let Known::Map(m) = self { Some(m) } else { None }
    }
    /// The entries of a map or object, to change.
    pub fn as_map_mut(&mut self) -> Option<&mut BTreeMap<String, Known>> {
        if let Known::Map(m) = self { Some(m) } else { None }
    }
    /// The attribute `name` of an object; null where it is absent or `self` is no object.
    pub fn get(&self, name: &str) -> &Known {
        static NULL: Known = Known::Null;
        self.as_map().and_then(|m| m.get(name)).unwrap_or(&NULL)
    }
    /// Sets an attribute of an object. Makes an object of anything else.
    pub fn set(&mut self, name: impl Into<String>, value: Known) {
        if !matches!(self, Known::Map(_)) {
            *self = Known::object();
        }
        if let Known::Map(m) = self {
            m.insert(name.into(), value);
        }
    }
    /// Plain JSON. Numbers keep all their digits.
    pub fn to_json(&self) -> Json {
        match self {
            Known::Null => Json::Null,
            Known::Bool(b) => Json::Bool(*b),
            Known::Number(n) => n.to_json(),
            Known::String(s) => Json::String(s.clone()),
            Known::List(l) => Json::Array(l.iter().map(Known::to_json).collect()),
            Known::Map(m) => Json::Object(m.iter().map(|(k, v)| (k.clone(), v.to_json())).collect()),
        }
    }
    /// Reads plain JSON.
    pub fn from_json(v: &Json) -> Known {
        match v {
            Json::Null => Known::Null,
            Json::Bool(b) => Known::Bool(*b),
            Json::Number(n) => Number::from_json(n).map_or(Known::Null, Known::Number),
            Json::String(s) => Known::String(s.clone()),
            Json::Array(a) => Known::List(a.iter().map(Known::from_json).collect()),
            Json::Object(o) => Known::Map(o.iter().map(|(k, v)| (k.clone(), Known::from_json(v))).collect()),
        }
    }
}

impl Partial {
    /// An empty object.
    pub fn object() -> Partial {
        Partial::Map(BTreeMap::new())
    }
    /// True if nothing inside is unknown.
    pub fn is_known(&self) -> bool {
        match self {
            Partial::Unknown => false,
            Partial::List(l) => l.iter().all(Partial::is_known),
            Partial::Map(m) => m.values().all(Partial::is_known),
            _ => true,
        }
    }
    /// True for null.
    pub fn is_null(&self) -> bool {
        matches!(self, Partial::Null)
    }
    /// The text of a known string.
    pub fn as_str(&self) -> Option<&str> {
        if let Partial::String(s) = self { Some(s) } else { None }
    }
    /// The entries of a map or object.
    pub fn as_map(&self) -> Option<&BTreeMap<String, Partial>> {
        if let Partial::Map(m) = self { Some(m) } else { None }
    }
    /// The attribute `name` of an object; null where it is absent or `self` is no object.
    pub fn get(&self, name: &str) -> &Partial {
        static NULL: Partial = Partial::Null;
        self.as_map().and_then(|m| m.get(name)).unwrap_or(&NULL)
    }
    /// Sets an attribute of an object. Makes an object of anything else.
    pub fn set(&mut self, name: impl Into<String>, value: Partial) {
        if !matches!(self, Partial::Map(_)) {
            *self = Partial::object();
        }
        if let Partial::Map(m) = self {
            m.insert(name.into(), value);
        }
    }
    /// The complete value.
    ///
    /// # Errors
    /// The path of the first unknown node.
    pub fn to_known(&self) -> Result<Known, Path> {
        fn go(v: &Partial, at: &mut Vec<Step>) -> Option<Known> {
            Some(match v {
                Partial::Unknown => return None,
                Partial::Null => Known::Null,
                Partial::Bool(b) => Known::Bool(*b),
                Partial::Number(n) => Known::Number(n.clone()),
                Partial::String(s) => Known::String(s.clone()),
                Partial::List(l) => {
                    let mut out = Vec::with_capacity(l.len());
                    for (i, v) in l.iter().enumerate() {
                        at.push(Step::Index(i));
                        out.push(go(v, at)?);
                        at.pop();
                    }
                    Known::List(out)
                }
                Partial::Map(m) => {
                    let mut out = BTreeMap::new();
                    for (k, v) in m {
                        at.push(Step::Attr(k.clone()));
                        out.insert(k.clone(), go(v, at)?);
                        at.pop();
                    }
                    Known::Map(out)
                }
            })
        }
        let mut at = Vec::new();
        go(self, &mut at).ok_or(Path(at))
    }
    /// The value with every unknown node replaced by null, as plan JSON and lenient decoding need it.
    pub fn or_null(&self) -> Known {
        match self {
            Partial::Unknown | Partial::Null => Known::Null,
            Partial::Bool(b) => Known::Bool(*b),
            Partial::Number(n) => Known::Number(n.clone()),
            Partial::String(s) => Known::String(s.clone()),
            Partial::List(l) => Known::List(l.iter().map(Partial::or_null).collect()),
            Partial::Map(m) => Known::Map(m.iter().map(|(k, v)| (k.clone(), v.or_null())).collect()),
        }
    }
}

impl From<Known> for Partial {
    fn from(v: Known) -> Partial {
        match v {
            Known::Null => Partial::Null,
            Known::Bool(b) => Partial::Bool(b),
            Known::Number(n) => Partial::Number(n),
            Known::String(s) => Partial::String(s),
            Known::List(l) => Partial::List(l.into_iter().map(Into::into).collect()),
            Known::Map(m) => Partial::Map(m.into_iter().map(|(k, v)| (k, v.into())).collect()),
        }
    }
}

macro_rules! from {
    ($($t:ty => |$v:ident| $e:expr),* $(,)?) => {$(
        impl From<$t> for Known { fn from($v: $t) -> Known { $e } }
    )*};
}
from! {
    bool => |b| Known::Bool(b),
    i32 => |n| Known::Number(Number::from(i64::from(n))),
    i64 => |n| Known::Number(Number::from(n)),
    &str => |s| Known::String(s.to_owned()),
    String => |s| Known::String(s),
    Number => |n| Known::Number(n),
}
impl<T: Into<Known>> From<Option<T>> for Known {
    fn from(v: Option<T>) -> Known {
        v.map_or(Known::Null, Into::into)
    }
}
impl<T: Into<Known>> From<Vec<T>> for Known {
    fn from(v: Vec<T>) -> Known {
        Known::List(v.into_iter().map(Into::into).collect())
    }
}
impl<K: Into<String>, V: Into<Known>, const N: usize> From<[(K, V); N]> for Known {
    fn from(v: [(K, V); N]) -> Known {
        Known::Map(v.into_iter().map(|(k, v)| (k.into(), v.into())).collect())
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Known::Null => f.write_str("null"),
            Known::Bool(b) => write!(f, "{b}"),
            Known::Number(n) => write!(f, "{n}"),
            Known::String(s) => write!(f, "<{} bytes>", s.len()),
            Known::List(l) => f.debug_list().entries(l).finish(),
            Known::Map(m) => f.debug_map().entries(m).finish(),
        }
    }
}

impl fmt::Debug for Partial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Partial::Unknown => f.write_str("(unknown)"),
            Partial::List(l) => f.debug_list().entries(l).finish(),
            Partial::Map(m) => f.debug_map().entries(m).finish(),
            leaf => fmt::Debug::fmt(&leaf.or_null(), f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_strings() {
        let v = Known::from([("password", "hunter2")]);
        assert!(!format!("{v:?}").contains("hunter2"));
        assert!(!format!("{:?}", Partial::from(v)).contains("hunter2"));
    }

    #[test]
    fn first_unknown_is_named() {
        let mut v = Partial::object();
        v.set("a", Partial::List(vec![Partial::Null, Partial::Unknown]));
        assert_eq!(v.to_known().unwrap_err().to_string(), "a[1]");
    }
}
