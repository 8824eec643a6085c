//! The border between [`Value`] and the untyped data of providers and state.
//!
//! A place of dynamic type holds `{"type": T, "value": V}` on the other side, as `core::Known::dynamic` makes it; a null
//! without a type is plain null there. Marks never cross: remove them first.

use std::collections::BTreeMap;

use stackctl_core::{Known, Partial, Path, Step, Ty};

use super::{Data, Value};

/// Data does not have the shape that its type asks for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {expected} required")]
pub struct Mismatch {
    /// Where in the data.
    pub path: Path,
    /// The type that was to be there.
    pub expected: String,
}

/// # The border to providers and state
impl Value {
    /// Types complete data. Attributes that the data lacks are null; attributes that the type lacks are dropped.
    ///
    /// # Errors
    /// The first place where the data contradicts the type.
    pub fn from_known(data: &Known, ty: &Ty) -> Result<Value, Mismatch> {
        known(data, ty, &mut Vec::new())
    }
    /// Types data with holes; a hole is an unknown value of its type, without refinement.
    ///
    /// # Errors
    /// The first place where the data contradicts the type.
    pub fn from_partial(data: &Partial, ty: &Ty) -> Result<Value, Mismatch> {
        partial(data, ty, &mut Vec::new())
    }
    /// Untyped data of a value whose place has type `ty`: where `ty` is dynamic, the type is stored beside the value.
    /// Refinements are lost. Marks must have been removed before.
    pub fn to_partial(&self, ty: &Ty) -> Partial {
        debug_assert!(!self.contains_marked(), "marks never cross the border");
        match (&self.data, ty) {
            (Data::Null(t), Ty::Dynamic) if **t == Ty::Dynamic => Partial::Null,
            (Data::Unknown(t, _), Ty::Dynamic) if **t == Ty::Dynamic => Partial::Unknown,
            (_, Ty::Dynamic) => {
                let own = self.ty();
                let ty_json = Known::from_json(&own.to_json()).into();
                Partial::Map([("type".to_owned(), ty_json), ("value".to_owned(), self.to_partial(&own))].into())
            }
            (Data::Null(_), _) => Partial::Null,
            (Data::Unknown(..), _) => Partial::Unknown,
            (Data::Bool(b), _) => Partial::Bool(*b),
            (Data::Number(n), _) => Partial::Number(n.clone()),
            (Data::String(s), _) => Partial::String(s.to_string()),
            (Data::List(_, l) | Data::Set(_, l) | Data::Tuple(l), _) => {
                let of = |i: usize| match ty {
                    Ty::List(t) | Ty::Set(t) => Some(&**t),
                    Ty::Tuple(ts) => ts.get(i),
                    _ => None,
                };
                Partial::List(l.iter().enumerate().map(|(i, v)| v.to_partial_as(of(i))).collect())
            }
            (Data::Map(_, m) | Data::Object(m), _) => {
                let of = |k: &str| match ty {
                    Ty::Map(t) => Some(&**t),
                    Ty::Object(o) => o.attrs.get(k),
                    _ => None,
                };
                Partial::Map(m.iter().map(|(k, v)| (k.clone(), v.to_partial_as(of(k)))).collect())
            }
        }
    }
    fn to_partial_as(&self, ty: Option<&Ty>) -> Partial {
        ty.map_or_else(|| self.to_partial(&self.ty()), |t| self.to_partial(t))
    }
    /// Untyped complete data; see [`Value::to_partial`].
    ///
    /// # Errors
    /// The path of the first unknown node.
    pub fn to_known(&self, ty: &Ty) -> Result<Known, Path> {
        self.to_partial(ty).to_known()
    }
}

fn wrong(at: &[Step], ty: &Ty) -> Mismatch {
    Mismatch { path: Path(at.to_vec()), expected: ty.to_string() }
}

macro_rules! typed {
    ($name:ident, $data:ident, [$($hole:ident)?], $untype:expr) => {
        fn $name(data: &$data, ty: &Ty, at: &mut Vec<Step>) -> Result<Value, Mismatch> {
            Ok(match (data, ty) {
                ($data::Null, _) => Value::null(ty),
                $(($data::$hole, _) => Value::unknown(ty),)?
                ($data::Map(m), Ty::Dynamic) => match (m.get("type").and_then($untype), m.get("value")) {
                    (Some(t), Some(v)) => $name(v, &t, at)?,
                    _ => return Err(wrong(at, ty)),
                },
                ($data::Bool(b), Ty::Bool) => Value::bool(*b),
                ($data::Number(n), Ty::Number) => Value::number(n.clone()),
                ($data::String(s), Ty::String) => Value::string(s),
                ($data::List(l), Ty::List(of) | Ty::Set(of)) => {
                    let mut out = Vec::with_capacity(l.len());
                    for (i, v) in l.iter().enumerate() {
                        at.push(Step::Index(i));
                        out.push($name(v, of, at)?);
                        at.pop();
                    }
                    if matches!(ty, Ty::Set(_)) { Value::set(of, out) } else { Value::list(of, out) }
                }
                ($data::List(l), Ty::Tuple(ts)) if l.len() == ts.len() => {
                    let mut out = Vec::with_capacity(l.len());
                    for (i, (v, t)) in l.iter().zip(ts).enumerate() {
                        at.push(Step::Index(i));
                        out.push($name(v, t, at)?);
                        at.pop();
                    }
                    Value::tuple(out)
                }
                ($data::Map(m), Ty::Map(of)) => {
                    let mut out = BTreeMap::new();
                    for (k, v) in m {
                        at.push(Step::Key(k.clone()));
                        out.insert(k.clone(), $name(v, of, at)?);
                        at.pop();
                    }
                    Value::map(of, out)
                }
                ($data::Map(m), Ty::Object(o)) => {
                    let mut out = BTreeMap::new();
                    for (k, t) in &o.attrs {
                        at.push(Step::Attr(k.clone()));
                        out.insert(k.clone(), $name(m.get(k).unwrap_or(&$data::Null), t, at)?);
                        at.pop();
                    }
                    Value::object(out)
                }
                _ => return Err(wrong(at, ty)),
            })
        }
    };
}

typed!(known, Known, [], |t: &Known| Ty::from_json(&t.to_json()));
typed!(partial, Partial, [Unknown], |t: &Partial| Ty::from_json(&t.or_null().to_json()));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dynamic_places_keep_their_type() {
        let ty = Ty::object([("input", Ty::Dynamic), ("n", Ty::Number), ("tags", Ty::set(Ty::String))]);
        let v = Value::object([
            ("input", Value::tuple(vec![Value::from(1), Value::unknown(&Ty::String)])),
            ("n", Value::null(&Ty::Number)),
            ("tags", Value::set(&Ty::String, vec!["b".into(), "a".into()])),
        ]);
        let p = v.to_partial(&ty);
        assert_eq!(
            p.get("input").get("type").clone().to_known().unwrap().to_json().to_string(),
            r#"["tuple",["number","string"]]"#
        );
        assert_eq!(Value::from_partial(&p, &ty).unwrap(), v);
    }

    #[test]
    fn absent_attributes_are_null_and_wrong_ones_are_named() {
        let ty = Ty::object([("a", Ty::list(Ty::Number))]);
        assert_eq!(
            Value::from_known(&Known::object(), &ty).unwrap(),
            Value::object([("a", Value::null(&Ty::list(Ty::Number)))])
        );
        let bad = Known::from([("a", vec!["x"])]);
        assert_eq!(Value::from_known(&bad, &ty).unwrap_err().to_string(), "a[0]: number required");
    }
}
