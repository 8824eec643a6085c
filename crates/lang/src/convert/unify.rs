//! The type that values of several types can all become.
//!
//! Objects with the same attribute names unify to an object, others to a map; tuples of one length to a tuple, others to
//! a list. Numbers and bools have nothing in common but string, and only where a string takes part.

use std::cmp::Ordering;

use stackctl_core::Ty;

use super::convertible;

/// The type that values of all of `tys` convert to, or `None` if there is none (also for no types at all). `Dynamic`
/// among objects, tuples or collections makes the result `Dynamic`; among primitives it gives way.
pub fn unify(tys: &[Ty]) -> Option<Ty> {
    let first = tys.first()?;
    if tys.iter().all(|t| t == first) {
        return Some(super::super::value::without_optional(first));
    }
    let count = |f: fn(&Ty) -> bool| tys.iter().filter(|t| f(t)).count();
    let maps = count(|t| matches!(t, Ty::Map(_)));
    let lists = count(|t| matches!(t, Ty::List(_)));
    let sets = count(|t| matches!(t, Ty::Set(_)));
    let objects = count(|t| matches!(t, Ty::Object(_)));
    let tuples = count(|t| matches!(t, Ty::Tuple(_)));
    let dynamics = count(|t| *t == Ty::Dynamic);
    let all = |n: usize| n > 0 && n + dynamics == tys.len();
    let of_one_kind = all(maps) || all(lists) || all(sets) || all(objects) || all(tuples);
    if of_one_kind && dynamics > 0 {
        return Some(Ty::Dynamic);
    }
    if all(maps) {
        return Some(Ty::map(unify(&elements(tys))?));
    }
    if maps > 0 && all(maps + objects) {
        if let Some(t) = to_map(tys) {
            return Some(t);
        }
    } else if all(lists) {
        return Some(Ty::list(unify(&elements(tys))?));
    } else if lists > 0 && all(lists + tuples) {
        if let Some(t) = to_list(tys) {
            return Some(t);
        }
    } else if all(sets) {
        return Some(Ty::set(unify(&elements(tys))?));
    } else if all(objects) {
        return unify_objects(tys);
    } else if all(tuples) {
        return unify_tuples(tys);
    } else if objects > 0 && tuples > 0 {
        return None;
    }
    let mut order: Vec<&Ty> = tys.iter().collect();
    order.sort_by(|a, b| preference(a, b));
    order.into_iter().find(|want| tys.iter().all(|t| convertible(t, want))).map(super::super::value::without_optional)
}

fn elements(tys: &[Ty]) -> Vec<Ty> {
    tys.iter()
        .flat_map(|t| match t {
            Ty::List(t) | Ty::Set(t) | Ty::Map(t) => vec![(**t).clone()],
            Ty::Tuple(ts) => ts.clone(),
            Ty::Object(o) => o.attrs.values().cloned().collect(),
            _ => Vec::new(),
        })
        .collect()
}

/// A map that all of the maps and objects can become.
fn to_map(tys: &[Ty]) -> Option<Ty> {
    let one = Ty::map(unify(&elements(tys))?);
    tys.iter().all(|t| convertible(t, &one)).then_some(one)
}

/// A list that all of the lists and tuples can become.
fn to_list(tys: &[Ty]) -> Option<Ty> {
    let one = Ty::list(unify(&elements(tys))?);
    tys.iter().all(|t| convertible(t, &one)).then_some(one)
}

fn unify_objects(tys: &[Ty]) -> Option<Ty> {
    let objects: Vec<_> =
        tys.iter().filter_map(|t| if let Ty::Object(o) = t { Some(&o.attrs) } else { None }).collect();
    let first = objects.first()?;
    if objects.iter().any(|o| !o.keys().eq(first.keys())) {
        return to_map(tys);
    }
    let attrs: Option<Vec<_>> = first
        .keys()
        .map(|n| {
            let across: Vec<Ty> = objects.iter().filter_map(|o| o.get(n).cloned()).collect();
            Some((n.clone(), unify(&across)?))
        })
        .collect();
    Some(Ty::object(attrs?))
}

fn unify_tuples(tys: &[Ty]) -> Option<Ty> {
    let tuples: Vec<_> = tys.iter().filter_map(|t| if let Ty::Tuple(ts) = t { Some(ts) } else { None }).collect();
    let first = tuples.first()?;
    if tuples.iter().any(|t| t.len() != first.len()) {
        return to_list(tys);
    }
    (0..first.len())
        .map(|i| unify(&tuples.iter().map(|t| t[i].clone()).collect::<Vec<_>>()))
        .collect::<Option<_>>()
        .map(Ty::Tuple)
}

/// Which of two types to try first: string before other primitives, list before set before tuple, map before object, and
/// unknown types last.
fn preference(a: &Ty, b: &Ty) -> Ordering {
    fn rank(t: &Ty) -> u8 {
        match t {
            Ty::String | Ty::List(_) | Ty::Map(_) => 0,
            Ty::Set(_) => 1,
            Ty::Number | Ty::Bool | Ty::Tuple(_) | Ty::Object(_) => 2,
            Ty::Dynamic => 3,
        }
    }
    match (a, b) {
        (Ty::List(a), Ty::List(b)) | (Ty::Set(a), Ty::Set(b)) | (Ty::Map(a), Ty::Map(b)) => preference(a, b),
        _ => rank(a).cmp(&rank(b)),
    }
}
