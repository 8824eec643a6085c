//! Type constraints with default values, as `variable` blocks have them: `object({ port = optional(number, 80) })`.

use std::collections::BTreeMap;
use std::sync::Arc;

use stackctl_core::Ty;

use super::{ConvertError, convert};
use crate::value::{Kind, Value};

/// A type, and the values that optional attributes in it take where they are absent or null.
#[derive(Clone, Debug, PartialEq)]
pub struct TypeConstraint {
    /// The type; its object types know which attributes are optional.
    pub ty: Ty,
    /// Default values, if any attribute in the type has one.
    pub defaults: Option<Arc<Defaults>>,
}

/// Default values at one level of a type, and below.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Defaults {
    /// Of an object: attribute and default value, already of the attribute's type as far as its own defaults allow.
    pub attrs: BTreeMap<String, Value>,
    /// Defaults inside attributes of an object, or inside elements of a tuple (by index, in decimal).
    pub children: BTreeMap<String, Defaults>,
    /// Defaults inside the elements of a list, set or map.
    pub each: Option<Box<Defaults>>,
}

impl TypeConstraint {
    /// `any`: every value as it is.
    pub fn any() -> TypeConstraint {
        TypeConstraint::from(Ty::Dynamic)
    }
    /// Applies the defaults, then converts to the type. Null stays null.
    ///
    /// # Errors
    /// As [`convert`].
    pub fn convert(&self, v: &Value) -> Result<Value, ConvertError> {
        match &self.defaults {
            Some(d) => convert(&d.apply(v), &self.ty),
            None => convert(v, &self.ty),
        }
    }
}

impl From<Ty> for TypeConstraint {
    fn from(ty: Ty) -> TypeConstraint {
        TypeConstraint { ty, defaults: None }
    }
}

impl Defaults {
    /// True if there is no default at this level or below.
    pub fn is_empty(&self) -> bool {
        self.attrs.is_empty()
            && self.children.values().all(Defaults::is_empty)
            && self.each.as_ref().is_none_or(|e| e.is_empty())
    }
    /// The value with absent and null attributes filled, also inside filled ones. Lists and sets with defaults inside come
    /// back as tuples, maps as objects: convert afterwards. Null, unknown and mistyped parts are left alone.
    #[must_use]
    pub fn apply(&self, v: &Value) -> Value {
        if self.is_empty() {
            return v.clone();
        }
        let out = match v.kind() {
            Kind::List(l) | Kind::Set(l) | Kind::Tuple(l) => {
                let at = |i: usize| self.each.as_deref().or_else(|| self.children.get(&i.to_string()));
                if self.each.is_none() && self.children.is_empty() {
                    return v.clone();
                }
                Value::tuple(
                    l.iter().enumerate().map(|(i, e)| at(i).map_or_else(|| e.clone(), |d| d.apply(e))).collect(),
                )
            }
            Kind::Map(m) | Kind::Object(m) => {
                let mut out = m.clone();
                for (name, default) in &self.attrs {
                    if out.get(name).is_none_or(Value::is_null) {
                        out.insert(name.clone(), default.clone());
                    }
                }
                for (name, value) in &mut out {
                    if let Some(d) = self.children.get(name).or(self.each.as_deref()) {
                        *value = d.apply(value);
                    }
                }
                Value::object(out)
            }
            _ => return v.clone(),
        };
        out.with_marks(v.marks())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use stackctl_core::ty::ObjectTy;

    use super::*;

    /// `set(object({ a = optional(string, "x"), o = optional(object({ n = optional(number, 1) })) }))`
    fn constraint() -> TypeConstraint {
        let inner = Ty::Object(ObjectTy {
            attrs: [("n".to_owned(), Ty::Number)].into(),
            optional: BTreeSet::from(["n".to_owned()]),
        });
        let outer = Ty::Object(ObjectTy {
            attrs: [("a".to_owned(), Ty::String), ("o".to_owned(), inner)].into(),
            optional: BTreeSet::from(["a".to_owned(), "o".to_owned()]),
        });
        let n = Defaults { attrs: [("n".to_owned(), Value::from(1))].into(), ..Defaults::default() };
        let each = Defaults {
            attrs: [("a".to_owned(), Value::from("x"))].into(),
            children: [("o".to_owned(), n)].into(),
            each: None,
        };
        let defaults = Defaults { each: Some(Box::new(each)), ..Defaults::default() };
        TypeConstraint { ty: Ty::set(outer), defaults: Some(Arc::new(defaults)) }
    }

    #[test]
    fn defaults_come_before_duplicates_are_removed() {
        let given = Value::tuple(vec![
            Value::object::<&str>([]),
            Value::object([("a", Value::from("x"))]),
            Value::object([("a", Value::null(&Ty::Dynamic))]),
        ]);
        assert_eq!(constraint().convert(&given).unwrap().len(), Some(1));
    }

    #[test]
    fn an_omitted_object_stays_null_and_a_given_one_is_filled() {
        let given = Value::tuple(vec![Value::object([("o", Value::object::<&str>([]))]), Value::object::<&str>([])]);
        let set = constraint().convert(&given).unwrap();
        let shown: Vec<String> =
            set.elements().unwrap().iter().map(|e| format!("{:?}", e.attr("o").unwrap())).collect();
        assert_eq!(shown, ["{\"n\": 1}", "null(object({n=number}))"]);
    }
}
