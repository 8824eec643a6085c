//! Serialised forms of values, types and paths, for saved plans and the journal.
//!
//! A [`Known`] is plain JSON. A [`Partial`] is `{"value": V, "unknown": [PATH, …]}` with null at the unknown places, so
//! that no value of a user can be mistaken for a mark. Values go through serde_json's numbers, which keep all digits.

use serde::de::Error as _;
use serde::ser::{SerializeMap as _, SerializeSeq as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value as Json;

use crate::{Known, Partial, Path, Step, Ty};

impl Serialize for Known {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Known::Null => s.serialize_unit(),
            Known::Bool(b) => s.serialize_bool(*b),
            Known::Number(n) => n.to_json().serialize(s),
            Known::String(t) => s.serialize_str(t),
            Known::List(l) => {
                let mut seq = s.serialize_seq(Some(l.len()))?;
                for v in l {
                    seq.serialize_element(v)?;
                }
                seq.end()
            }
            Known::Map(m) => {
                let mut map = s.serialize_map(Some(m.len()))?;
                for (k, v) in m {
                    map.serialize_entry(k, v)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Known {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Known, D::Error> {
        Ok(Known::from_json(&Json::deserialize(d)?))
    }
}

#[derive(Serialize, Deserialize)]
struct Holes {
    value: Known,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unknown: Vec<Path>,
}

impl Serialize for Partial {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        Holes { value: self.or_null(), unknown: self.unknown_paths() }.serialize(s)
    }
}

impl<'de> Deserialize<'de> for Partial {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Partial, D::Error> {
        let holes = Holes::deserialize(d)?;
        let mut v = Partial::from(holes.value);
        for p in &holes.unknown {
            let at = v.at_mut(p).ok_or_else(|| D::Error::custom("an unknown place lies outside of the value"))?;
            *at = Partial::Unknown;
        }
        Ok(v)
    }
}

impl Partial {
    /// Paths of the unknown places, in order. Map keys appear as attributes.
    pub fn unknown_paths(&self) -> Vec<Path> {
        fn go(v: &Partial, at: &mut Vec<Step>, out: &mut Vec<Path>) {
            match v {
                Partial::Unknown => out.push(Path(at.clone())),
                Partial::List(l) => {
                    for (i, v) in l.iter().enumerate() {
                        at.push(Step::Index(i));
                        go(v, at, out);
                        at.pop();
                    }
                }
                Partial::Map(m) => {
                    for (k, v) in m {
                        at.push(Step::Attr(k.clone()));
                        go(v, at, out);
                        at.pop();
                    }
                }
                _ => {}
            }
        }
        let mut out = Vec::new();
        go(self, &mut Vec::new(), &mut out);
        out
    }
    /// The value at a path, `None` where the value has no such place.
    pub fn at(&self, path: &Path) -> Option<&Partial> {
        path.0.iter().try_fold(self, |v, step| match (step, v) {
            (Step::Attr(n) | Step::Key(n), Partial::Map(m)) => m.get(n),
            (Step::Index(i), Partial::List(l)) => l.get(*i),
            _ => None,
        })
    }
    /// The place at a path, to change.
    pub fn at_mut(&mut self, path: &Path) -> Option<&mut Partial> {
        path.0.iter().try_fold(self, |v, step| match (step, v) {
            (Step::Attr(n) | Step::Key(n), Partial::Map(m)) => m.get_mut(n),
            (Step::Index(i), Partial::List(l)) => l.get_mut(*i),
            _ => None,
        })
    }
}

/// The state file's form of a path.
impl Serialize for Path {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.to_state_json().serialize(s)
    }
}

impl<'de> Deserialize<'de> for Path {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Path, D::Error> {
        Path::from_state_json(&Json::deserialize(d)?).ok_or_else(|| D::Error::custom("not a path"))
    }
}

impl Serialize for Ty {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(s)
    }
}

impl<'de> Deserialize<'de> for Ty {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Ty, D::Error> {
        Ty::from_json(&Json::deserialize(d)?).ok_or_else(|| D::Error::custom("not a type"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_round_trip() {
        let mut v = Partial::from(Known::from([("a", Known::from(vec!["x", "y"])), ("$unknown", Known::from(1i64))]));
        v.set("b", Partial::List(vec![Partial::Unknown, Partial::Null]));
        let text = serde_json::to_string(&v).unwrap();
        assert_eq!(serde_json::from_str::<Partial>(&text).unwrap(), v);
        assert_eq!(v.unknown_paths().len(), 1);
        assert!(
            serde_json::from_str::<Partial>(r#"{"value":{},"unknown":[[{"type":"get_attr","value":"q"}]]}"#).is_err()
        );
    }
}
