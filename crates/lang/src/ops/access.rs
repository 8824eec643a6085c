//! Access: indexes, attributes, splat and iteration.

use stackctl_core::{Number, Ty};

use super::{OpError, Operand, Outcome};
use crate::convert::{convert, friendly};
use crate::value::{Kind, Value};

/// `collection[key]`
///
/// # Errors
/// The collection is null or has no indices, the key is null, unsuitable or absent.
pub fn index(collection: &Value, key: &Value) -> Outcome {
    let invalid = |detail: &str| Err(OpError::new("Invalid index", detail).at(Operand::Right));
    const NO_ELEMENT: &str = "The given key does not identify an element in this collection value";
    if collection.is_null() {
        let detail = "This value is null, so it does not have any indices.";
        return Err(OpError::new("Attempt to index null value", detail).at(Operand::Left));
    }
    if key.is_null() {
        return invalid("Can't use a null value as an indexing key.");
    }
    let marks = collection.marks() | key.marks();
    if collection.is_dynamic() || key.is_dynamic() {
        return Ok(Value::dynamic().with_marks(marks));
    }
    let ty = collection.bare_ty().cloned();
    let (sequence, mapping, object) = match collection.kind() {
        Kind::List(_) | Kind::Tuple(_) => (true, false, false),
        Kind::Map(_) => (false, true, false),
        Kind::Object(_) => (false, false, true),
        Kind::Set(_) => (false, false, false),
        Kind::Unknown(_) => match &ty {
            Some(Ty::List(_) | Ty::Tuple(_)) => (true, false, false),
            Some(Ty::Map(_)) => (false, true, false),
            Some(Ty::Object(_)) => (false, false, true),
            Some(Ty::Set(_)) => (false, false, false),
            _ => return invalid("This value does not have any indices."),
        },
        _ => return invalid("This value does not have any indices."),
    };
    let want = if sequence { Ty::Number } else { Ty::String };
    if !sequence && !mapping && !object {
        return invalid(
            "Elements of a set are identified only by their value and don't have any separate index or key to select with, \
             so it's only possible to perform operations across all elements of the set.",
        );
    }
    let (plain, _) = key.unmark();
    let key = match convert(&plain, &want) {
        Ok(k) => k,
        Err(e) => return invalid(&format!("{NO_ELEMENT}: {e}.")),
    };
    // The language forgets what marks a key that names an attribute.
    let marks = if object { collection.marks() } else { marks };
    let out = if let Some(n) = key.as_number() {
        if let (false, Some(Ty::List(t))) = (collection.is_known(), &ty) {
            return Ok(Value::unknown(t).with_marks(marks));
        }
        if *n < Number::ZERO {
            return invalid(&format!("{NO_ELEMENT}: a negative number is not a valid index for a sequence."));
        }
        let Some(i) = n.to_i64() else {
            let why = if n.is_integer() {
                ""
            } else {
                ": indexing a sequence requires a whole number, but the given index has a fractional part"
            };
            return invalid(&format!("{NO_ELEMENT}{why}."));
        };
        let i = usize::try_from(i).unwrap_or(usize::MAX);
        match (collection.elements(), &ty) {
            (Some(l), _) => l.get(i).cloned(),
            (None, Some(Ty::Tuple(ts))) => ts.get(i).map(Value::unknown),
            _ => None,
        }
    } else if let Some(k) = key.as_str() {
        match (collection.entries(), &ty) {
            (Some(m), _) => m.get(k).cloned(),
            (None, Some(Ty::Object(o))) => o.attrs.get(k).map(Value::unknown),
            (None, Some(Ty::Map(t))) => Some(Value::unknown(t)),
            _ => None,
        }
    } else {
        // The key is unknown.
        Some(match collection.element_ty() {
            Some(t) => Value::unknown(t),
            None => Value::dynamic(),
        })
    };
    match out {
        Some(v) => Ok(v.with_marks(marks)),
        None => invalid(&format!("{NO_ELEMENT}.")),
    }
}

/// `object.name`
///
/// # Errors
/// The value is null, or has no such attribute.
pub fn get_attr(object: &Value, name: &str) -> Outcome {
    let unsupported = |detail: String| Err(OpError::new("Unsupported attribute", detail));
    if object.is_null() {
        let detail = "This value is null, so it does not have any attributes.";
        return Err(OpError::new("Attempt to get attribute from null value", detail));
    }
    let marks = object.marks();
    if object.is_dynamic() {
        return Ok(Value::dynamic().with_marks(marks));
    }
    let no_element = || {
        Err(OpError::new("Missing map element", format!("This map does not have an element with the key {name:?}.")))
    };
    let no_attr = || unsupported(format!("This object does not have an attribute named {name:?}."));
    let out = match (object.kind(), object.bare_ty()) {
        (Kind::Object(m), _) => match m.get(name) {
            Some(v) => v.clone(),
            None => return no_attr(),
        },
        (Kind::Map(m), _) => match m.get(name) {
            Some(v) => v.clone(),
            None => return no_element(),
        },
        (_, Some(Ty::Object(o))) => match o.attrs.get(name) {
            Some(t) => Value::unknown(t),
            None => return no_attr(),
        },
        (_, Some(Ty::Map(t))) => Value::unknown(t),
        _ => {
            let ty = object.ty();
            return unsupported(match &ty {
                t if t.is_primitive() => {
                    format!("Can't access attributes on a primitive-typed value ({}).", friendly(t))
                }
                Ty::List(e) | Ty::Set(e) if matches!(**e, Ty::Object(_)) => {
                    let kind = if matches!(ty, Ty::List(_)) { "list" } else { "set" };
                    format!(
                        "Can't access attributes on a {kind} of objects. Did you mean to access attribute {name:?} for a \
                         specific element of the {kind}, or across all elements of the {kind}?"
                    )
                }
                _ => "This value does not have any attributes.".to_owned(),
            });
        }
    };
    Ok(out.with_marks(marks))
}

/// `source[*]…`: applies `each` to every element of a list, set or tuple, or to a single other value, or to nothing where
/// such a value is null. `each` evaluates what follows the star, keeps its own errors, and returns [`Value::dynamic`] for
/// a failed element.
///
/// # Errors
/// The source is a null list, set or tuple.
pub fn splat(source: &Value, each: &mut dyn FnMut(&Value) -> Value) -> Outcome {
    let marks = source.marks();
    let ty = source.ty();
    let sequence = matches!(ty, Ty::List(_) | Ty::Set(_) | Ty::Tuple(_));
    if source.is_null() {
        if sequence {
            let detail = "Splat expressions (with the * symbol) cannot be applied to null sequences.";
            return Err(OpError::new("Splat of null value", detail));
        }
        return Ok(Value::tuple(Vec::new()).with_marks(marks));
    }
    if ty == Ty::Dynamic {
        return Ok(Value::dynamic().with_marks(marks));
    }
    if !sequence {
        let item = each(source);
        let out = if source.is_not_null() { Value::tuple(vec![item]) } else { Value::dynamic() };
        return Ok(out.with_marks(marks));
    }
    if let Some(items) = source.elements() {
        let out: Vec<Value> = items.iter().map(&mut *each).collect();
        let value = match &ty {
            Ty::Tuple(_) => Value::tuple(out),
            Ty::List(of) | Ty::Set(of) => {
                let of = out.first().map_or_else(|| each(&Value::unknown(of)).ty(), Value::ty);
                if out.iter().all(|v| v.has_ty(&of)) { Value::list(&of, out) } else { Value::tuple(out) }
            }
            _ => Value::dynamic(),
        };
        return Ok(value.with_marks(marks));
    }
    let (lo, hi) = source.length_bounds();
    let out = match &ty {
        Ty::Tuple(ts) => {
            Value::unknown(&Ty::Tuple(ts.iter().map(|t| each(&Value::unknown(t)).ty()).collect())).not_null()
        }
        Ty::List(of) => Value::unknown(&Ty::list(each(&Value::unknown(of)).ty())).with_length(lo, hi),
        Ty::Set(of) => Value::unknown(&Ty::list(each(&Value::unknown(of)).ty())).with_length(lo, hi),
        _ => Value::dynamic(),
    };
    Ok(out.with_marks(marks))
}

/// The keys and values that a `for` expression goes through, in order: indexes and elements, keys and elements, or each
/// element of a set twice. Marks of the collection are not added; `None` if the collection is unknown.
///
/// # Errors
/// The value is null or cannot be iterated.
pub fn entries(collection: &Value) -> Result<Option<Vec<(Value, Value)>>, OpError> {
    Ok(Some(match collection.kind() {
        Kind::List(l) | Kind::Tuple(l) => l.iter().enumerate().map(|(i, v)| (Value::length(i), v.clone())).collect(),
        Kind::Set(l) => l.iter().map(|v| (v.clone(), v.clone())).collect(),
        Kind::Map(m) | Kind::Object(m) => m.iter().map(|(k, v)| (Value::string(k), v.clone())).collect(),
        Kind::Null => {
            let detail = "A null value cannot be used as the collection in a 'for' expression.";
            return Err(OpError::new("Iteration over null value", detail));
        }
        Kind::Unknown(_) if !collection.bare_ty().is_some_and(Ty::is_primitive) => return Ok(None),
        _ => {
            let detail = format!(
                "A value of type {} cannot be used as the collection in a 'for' expression.",
                friendly(&collection.ty())
            );
            return Err(OpError::new("Iteration over non-iterable value", detail));
        }
    }))
}
