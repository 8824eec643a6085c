//! Functions of maps and objects.

use std::collections::BTreeMap;

use stackctl_core::Ty;

use super::FnContext;
use super::args::{items, text};
use super::protocol::{FnError, FnResult, Function, Kind as P, Param, Returns};
use crate::convert::{convert, friendly};
use crate::value::{Kind, Marks, Value};

/// The family.
pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("keys", &[Param::any("inputMap").unknown().marked()], Returns::Of(keys_ty), keys),
    Function::new("values", &[Param::any("mapping").marked()], Returns::Of(values_ty), |a, ty, _| {
        let out = a[0].entries().map(|m| m.values().cloned().collect()).unwrap_or_default();
        Ok(super::collection::list_of(ty, out).with_marks(a[0].marks()))
    }),
    Function::new(
        "lookup",
        &[Param::any("inputMap").marked(), Param::str("key").marked()],
        Returns::Of(lookup_ty),
        lookup,
    )
    .variadic(Param::any("default").dynamic().null().marked())
    .nullable(),
    Function::new("merge", &[], Returns::Of(merge_ty), merge).variadic(Param::any("maps").null().marked()),
    Function::new(
        "zipmap",
        &[Param::new("keys", P::Strs), Param::any("values").marked()],
        Returns::Of(zipmap_ty),
        zipmap,
    ),
    Function::new("transpose", &[Param::new("values", P::StrsMap)], Returns::Is(P::StrsMap), transpose).whole(),
];

fn keys_ty(a: &[Value]) -> Result<Ty, FnError> {
    match a[0].ty() {
        Ty::Map(_) => Ok(Ty::list(Ty::String)),
        Ty::Object(o) => Ok(Ty::Tuple(vec![Ty::String; o.attrs.len()])),
        Ty::Dynamic => Ok(Ty::Dynamic),
        _ => Err(FnError::arg(0, "must have map or object type")),
    }
}

fn keys(a: &[Value], ty: &Ty, _: &FnContext<'_>) -> FnResult {
    let out = match (a[0].entries(), a[0].ty()) {
        (Some(m), _) => super::collection::list_of(ty, m.keys().map(Value::string).collect()),
        // The attribute names of an object are known before the object is.
        (None, Ty::Object(o)) => Value::tuple(o.attrs.keys().map(Value::string).collect()),
        _ => {
            let (lo, hi) = a[0].length_bounds();
            Value::unknown(ty).with_length(lo, hi)
        }
    };
    Ok(out.with_marks(a[0].marks()))
}

fn values_ty(a: &[Value]) -> Result<Ty, FnError> {
    match a[0].ty() {
        Ty::Map(of) => Ok(Ty::List(of)),
        Ty::Object(o) => Ok(Ty::Tuple(o.attrs.into_values().collect())),
        _ => Err(FnError::new("values() requires a map as the first argument")),
    }
}

fn lookup_ty(a: &[Value]) -> Result<Ty, FnError> {
    if a.len() > 3 {
        return Err(FnError::new(format!("lookup() takes two or three arguments, got {}", a.len())));
    }
    match a[0].ty() {
        Ty::Object(o) => {
            let Some(key) = a[1].as_str() else { return Ok(Ty::Dynamic) };
            match (o.attrs.get(key), a.get(2)) {
                (Some(t), _) => Ok(t.clone()),
                (None, Some(default)) => Ok(default.ty()),
                (None, None) if a[1].marks().is_sensitive() => {
                    Err(FnError::arg(0, "the given object has no attribute of this sensitive name"))
                }
                (None, None) => Err(FnError::arg(0, format!("the given object has no attribute {key:?}"))),
            }
        }
        Ty::Map(of) => match a.get(2) {
            Some(default) if convert(default, &of).is_err() => {
                Err(FnError::arg(2, "the default value must have the same type as the map elements"))
            }
            _ => Ok(*of),
        },
        _ => Err(FnError::arg(0, "lookup() requires a map as the first argument")),
    }
}

fn lookup(a: &[Value], ty: &Ty, _: &FnContext<'_>) -> FnResult {
    let marks = a[0].marks() | a[1].marks();
    let key = text(a, 1);
    if let Some(v) = a[0].attr(key) {
        return Ok(v.clone().with_marks(marks));
    }
    match a.get(2) {
        Some(default) => Ok(convert(default, ty).map_err(|e| FnError::arg(2, e.to_string()))?.with_marks(marks)),
        None if a[1].marks().is_sensitive() => Err(FnError::new("lookup failed to find the sensitive key")),
        None => Err(FnError::new(format!("lookup failed to find key {key:?}"))),
    }
}

fn merge_ty(a: &[Value]) -> Result<Ty, FnError> {
    let mut attrs: BTreeMap<String, Ty> = BTreeMap::new();
    let mut known = true;
    let tys: Vec<Ty> = a.iter().map(Value::ty).collect();
    if tys.contains(&Ty::Dynamic) {
        // A null without a type adds nothing; the type follows from the result.
        return Ok(Ty::Dynamic);
    }
    for (i, (v, ty)) in a.iter().zip(&tys).enumerate() {
        match (v.kind(), ty) {
            (Kind::Null, Ty::Object(_) | Ty::Map(_)) => {}
            (_, Ty::Object(o)) => attrs.extend(o.attrs.clone()),
            (Kind::Map(m), Ty::Map(of)) => attrs.extend(m.keys().map(|k| (k.clone(), (**of).clone()))),
            (_, Ty::Map(_)) => known = false,
            (_, other) => {
                let message = format!("arguments must be maps or objects, got {:?}", friendly(other));
                let _ = i;
                return Err(FnError::new(message));
            }
        }
    }
    match tys.first() {
        None => Ok(Ty::object::<&str>([])),
        Some(first) if tys.iter().all(|t| t == first) => Ok(first.clone()),
        _ if known => Ok(Ty::object(attrs)),
        _ => Ok(Ty::Dynamic),
    }
}

fn merge(a: &[Value], ty: &Ty, _: &FnContext<'_>) -> FnResult {
    let mut out = BTreeMap::new();
    let mut marks = Marks::NONE;
    for v in a.iter().filter(|v| !v.is_null()) {
        marks |= v.marks();
        let Some(m) = v.entries() else {
            return Err(FnError::new(format!("arguments must be maps or objects, got {:?}", friendly(&v.ty()))));
        };
        out.extend(m.iter().map(|(k, v)| (k.clone(), v.clone())));
    }
    Ok(if let Ty::Map(of) = ty { Value::map(of, out) } else { Value::object(out) }.with_marks(marks))
}

fn zipmap_ty(a: &[Value]) -> Result<Ty, FnError> {
    match a[1].ty() {
        Ty::List(of) => Ok(Ty::Map(of)),
        Ty::Tuple(ts) => {
            if !a[0].is_wholly_known() {
                return Ok(Ty::Dynamic);
            }
            let keys = items(a, 0);
            if keys.len() != ts.len() {
                return Err(uneven(keys.len(), ts.len()));
            }
            if let Some(i) = keys.iter().position(Value::is_null) {
                return Err(FnError::new(format!("keys list has null value at index {i}")));
            }
            Ok(Ty::object(keys.iter().zip(ts).map(|(k, t)| (k.as_str().unwrap_or_default(), t))))
        }
        _ => Err(FnError::new("values argument must be a list or tuple value")),
    }
}

fn uneven(keys: usize, values: usize) -> FnError {
    FnError::new(format!("number of keys ({keys}) does not match number of values ({values})"))
}

fn zipmap(a: &[Value], ty: &Ty, _: &FnContext<'_>) -> FnResult {
    let (keys, values) = (items(a, 0), items(a, 1));
    if !a[0].is_wholly_known() {
        return Ok(Value::unknown(ty).with_marks(a[1].marks()));
    }
    if keys.len() != values.len() {
        return Err(uneven(keys.len(), values.len()));
    }
    if let Some(i) = keys.iter().position(Value::is_null) {
        return Err(FnError::new(format!("keys list has null value at index {i}")));
    }
    let pairs = keys.iter().zip(values).map(|(k, v)| (k.as_str().unwrap_or_default(), v.clone()));
    Ok(if let Ty::Map(of) = ty { Value::map(of, pairs) } else { Value::object(pairs) }.with_marks(a[1].marks()))
}

fn transpose(a: &[Value], _: &Ty, _: &FnContext<'_>) -> FnResult {
    let mut out: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for (key, list) in a[0].entries().into_iter().flatten() {
        let Some(list) = list.elements() else { return Err(FnError::new("input must not contain null list")) };
        for v in list {
            let Some(v) = v.as_str() else { return Err(FnError::new("input must not contain null string")) };
            out.entry(v.to_owned()).or_default().push(Value::string(key));
        }
    }
    let list = Ty::list(Ty::String);
    Ok(Value::map(&list, out.into_iter().map(|(k, v)| (k, Value::list(&Ty::String, v)))))
}
