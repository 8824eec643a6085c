//! Types and their differences in words.

use stackctl_core::{Ty, ty::ObjectTy};

use super::convertible;

/// A type as messages name it: `string`, `list of string`, `object`.
pub fn friendly(ty: &Ty) -> String {
    match ty {
        Ty::Dynamic => "any type".to_owned(),
        Ty::String => "string".to_owned(),
        Ty::Number => "number".to_owned(),
        Ty::Bool => "bool".to_owned(),
        Ty::List(t) => format!("list of {}", friendly(t)),
        Ty::Set(t) => format!("set of {}", friendly(t)),
        Ty::Map(t) => format!("map of {}", friendly(t)),
        Ty::Tuple(_) => "tuple".to_owned(),
        Ty::Object(_) => "object".to_owned(),
    }
}

/// Why values of type `got` cannot become `want`, as a phrase without a full stop.
pub fn mismatch(got: &Ty, want: &Ty) -> String {
    match (got, want) {
        (Ty::Object(g), Ty::Object(w)) => objects(g, w),
        (Ty::Tuple(g), Ty::Tuple(w)) if g.len() != w.len() => {
            format!("tuple of {} elements required, but the given one has {}", w.len(), g.len())
        }
        (Ty::Tuple(g), Ty::Tuple(w)) => {
            first_wrong(g.iter().zip(w).enumerate().map(|(i, (g, w))| (format!("element {i}"), g, w)), want)
        }
        (Ty::Tuple(ts), Ty::List(of) | Ty::Set(of)) => {
            let kind = if matches!(want, Ty::List(_)) { "list" } else { "set" };
            if **of == Ty::Dynamic {
                return format!("all {kind} elements must have the same type");
            }
            first_wrong(ts.iter().enumerate().map(|(i, g)| (format!("element {i}"), g, &**of)), want)
        }
        (Ty::Object(o), Ty::Map(of)) => {
            if **of == Ty::Dynamic {
                return "all map elements must have the same type".to_owned();
            }
            first_wrong(o.attrs.iter().map(|(n, g)| (format!("element {n:?}"), g, &**of)), want)
        }
        (Ty::List(g) | Ty::Set(g), Ty::List(w) | Ty::Set(w)) | (Ty::Map(g), Ty::Map(w)) => {
            let kind = match want {
                Ty::List(_) => "list",
                Ty::Set(_) => "set",
                _ => "map",
            };
            format!("incorrect {kind} element type: {}", mismatch(g, w))
        }
        _ => format!("{} required", friendly(want)),
    }
}

fn first_wrong<'a>(mut parts: impl Iterator<Item = (String, &'a Ty, &'a Ty)>, want: &Ty) -> String {
    parts
        .find(|(_, g, w)| !convertible(g, w))
        .map_or_else(|| format!("{} required", friendly(want)), |(name, g, w)| format!("{name}: {}", mismatch(g, w)))
}

fn objects(got: &ObjectTy, want: &ObjectTy) -> String {
    let missing: Vec<String> = want
        .attrs
        .keys()
        .filter(|n| !got.attrs.contains_key(*n) && !want.optional.contains(*n))
        .map(|n| format!("{n:?}"))
        .collect();
    match missing.as_slice() {
        [] => {}
        [one] => return format!("attribute {one} is required"),
        [init @ .., last] => return format!("attributes {} and {last} are required", init.join(", ")),
    }
    want.attrs
        .iter()
        .filter_map(|(n, w)| Some((n, got.attrs.get(n)?, w)))
        .find(|(_, g, w)| !convertible(g, w))
        .map_or_else(|| "object required".to_owned(), |(n, g, w)| format!("attribute {n:?}: {}", mismatch(g, w)))
}
