//! Type constraints of the Terraform language, in the form that schemas, state and plan JSON share.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value as Json, json};

/// A type. `Dynamic` stands for "any": the value brings its own type.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ty {
    /// Decided by the value.
    Dynamic,
    /// Unicode text, NFC.
    String,
    /// Binary float of 512 bits.
    Number,
    /// Truth value.
    Bool,
    /// Ordered, elements of one type.
    List(Box<Ty>),
    /// Unordered, unique elements of one type.
    Set(Box<Ty>),
    /// String keys, values of one type.
    Map(Box<Ty>),
    /// Fixed length, a type for each element.
    Tuple(Vec<Ty>),
    /// Fixed attributes.
    Object(ObjectTy),
}

/// Attributes of an object type; `optional` ones may be absent when converting *to* the type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectTy {
    /// Name and type, in byte order of names.
    pub attrs: BTreeMap<String, Ty>,
    /// Names of attributes that a conversion fills with null where they are absent.
    pub optional: std::collections::BTreeSet<String>,
}

impl Ty {
    /// `list(of)`
    pub fn list(of: Ty) -> Ty {
        Ty::List(Box::new(of))
    }
    /// `set(of)`
    pub fn set(of: Ty) -> Ty {
        Ty::Set(Box::new(of))
    }
    /// `map(of)`
    pub fn map(of: Ty) -> Ty {
        Ty::Map(Box::new(of))
    }
    /// An object type without optional attributes.
    pub fn object<N: Into<String>>(attrs: impl IntoIterator<Item = (N, Ty)>) -> Ty {
        Ty::Object(ObjectTy {
            attrs: attrs.into_iter().map(|(n, t)| (n.into(), t)).collect(),
            optional: Default::default(),
        })
    }
    /// True for string, number and bool.
    pub fn is_primitive(&self) -> bool {
        matches!(self, Ty::String | Ty::Number | Ty::Bool)
    }
    /// True for list, set and map.
    pub fn is_collection(&self) -> bool {
        matches!(self, Ty::List(_) | Ty::Set(_) | Ty::Map(_))
    }
    /// True if `Dynamic` occurs anywhere in the type.
    pub fn has_dynamic(&self) -> bool {
        match self {
            Ty::Dynamic => true,
            Ty::String | Ty::Number | Ty::Bool => false,
            Ty::List(t) | Ty::Set(t) | Ty::Map(t) => t.has_dynamic(),
            Ty::Tuple(ts) => ts.iter().any(Ty::has_dynamic),
            Ty::Object(o) => o.attrs.values().any(Ty::has_dynamic),
        }
    }

    /// The JSON form that state outputs, dynamic attributes and schemas use: `"string"`, `["list","string"]`, …
    pub fn to_json(&self) -> Json {
        match self {
            Ty::Dynamic => json!("dynamic"),
            Ty::String => json!("string"),
            Ty::Number => json!("number"),
            Ty::Bool => json!("bool"),
            Ty::List(t) => json!(["list", t.to_json()]),
            Ty::Set(t) => json!(["set", t.to_json()]),
            Ty::Map(t) => json!(["map", t.to_json()]),
            Ty::Tuple(ts) => json!(["tuple", ts.iter().map(Ty::to_json).collect::<Vec<_>>()]),
            Ty::Object(o) => {
                let attrs: serde_json::Map<_, _> = o.attrs.iter().map(|(n, t)| (n.clone(), t.to_json())).collect();
                if o.optional.is_empty() {
                    json!(["object", attrs])
                } else {
                    json!(["object", attrs, o.optional.iter().collect::<Vec<_>>()])
                }
            }
        }
    }

    /// Reads what [`Ty::to_json`] writes. `None` if the JSON is not a type.
    pub fn from_json(v: &Json) -> Option<Ty> {
        match v {
            Json::String(s) => Some(match s.as_str() {
                "dynamic" => Ty::Dynamic,
                "string" => Ty::String,
                "number" => Ty::Number,
                "bool" => Ty::Bool,
                _ => return None,
            }),
            Json::Array(a) => match (a.first()?.as_str()?, a.get(1)?) {
                ("list", t) => Some(Ty::list(Ty::from_json(t)?)),
                ("set", t) => Some(Ty::set(Ty::from_json(t)?)),
                ("map", t) => Some(Ty::map(Ty::from_json(t)?)),
                ("tuple", Json::Array(ts)) => Some(Ty::Tuple(ts.iter().map(Ty::from_json).collect::<Option<_>>()?)),
                ("object", Json::Object(m)) => {
                    let attrs = m.iter().map(|(n, t)| Some((n.clone(), Ty::from_json(t)?))).collect::<Option<_>>()?;
                    let optional = match a.get(2) {
                        Some(Json::Array(o)) => {
                            o.iter().map(|n| n.as_str().map(str::to_owned)).collect::<Option<_>>()?
                        }
                        _ => Default::default(),
                    };
                    Some(Ty::Object(ObjectTy { attrs, optional }))
                }
                _ => None,
            },
            _ => None,
        }
    }
}

/// As a user would write the constraint: `list(string)`, `object({a=number})`, `any`.
impl fmt::Display for Ty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ty::Dynamic => f.write_str("any"),
            Ty::String => f.write_str("string"),
            Ty::Number => f.write_str("number"),
            Ty::Bool => f.write_str("bool"),
            Ty::List(t) => write!(f, "list({t})"),
            Ty::Set(t) => write!(f, "set({t})"),
            Ty::Map(t) => write!(f, "map({t})"),
            Ty::Tuple(ts) => {
                f.write_str("tuple([")?;
                for (i, t) in ts.iter().enumerate() {
                    write!(f, "{}{t}", if i > 0 { ", " } else { "" })?;
                }
                f.write_str("])")
            }
            Ty::Object(o) => {
                f.write_str("object({")?;
                for (i, (n, t)) in o.attrs.iter().enumerate() {
                    let sep = if i > 0 { ", " } else { "" };
                    if o.optional.contains(n) {
                        write!(f, "{sep}{n}=optional({t})")?;
                    } else {
                        write!(f, "{sep}{n}={t}")?;
                    }
                }
                f.write_str("})")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_round_trip() {
        let t = Ty::list(Ty::object([("a", Ty::Tuple(vec![Ty::Number, Ty::Dynamic])), ("b", Ty::map(Ty::Bool))]));
        assert_eq!(Ty::from_json(&t.to_json()), Some(t));
        assert_eq!(Ty::from_json(&json!(["list"])), None);
    }
}
