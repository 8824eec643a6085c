//! Attributes that are collections of objects, as the older plugin SDK sees them: what means the same is spelled as it was, and
//! a set has no element of which nothing is known.

use std::collections::{BTreeMap, BTreeSet};

use stackctl_core::{Attr, Known, Partial, Ty, canonical_ty, is_zero};

pub(super) fn has_object(ty: &Ty) -> bool {
    match ty {
        Ty::List(t) | Ty::Set(t) | Ty::Map(t) => has_object(t),
        Ty::Object(_) => true,
        Ty::Tuple(ts) => ts.iter().any(has_object),
        _ => false,
    }
}

/// The value with zero attributes of objects as null, sets in order again.
pub(super) fn folded(ty: &Ty, v: &Known) -> Known {
    match (ty, v) {
        (Ty::Object(o), Known::Map(m)) => Known::Map(
            o.attrs
                .iter()
                .map(|(n, t)| {
                    let v = m.get(n).map_or(Known::Null, |v| folded(t, v));
                    (n.clone(), if is_zero(&v) { Known::Null } else { v })
                })
                .collect(),
        ),
        (Ty::List(t), Known::List(l)) => Known::List(l.iter().map(|v| folded(t, v)).collect()),
        (Ty::Set(t), Known::List(l)) => {
            let mut l: Vec<Known> = l.iter().map(|v| folded(t, v)).collect();
            l.sort();
            l.dedup();
            Known::List(l)
        }
        (Ty::Map(t), Known::Map(m)) => Known::Map(m.iter().map(|(k, v)| (k.clone(), folded(t, v))).collect()),
        (_, v) => v.clone(),
    }
}

/// A value that is known in parts, without sets of which an element is not known at all. Objects whose attributes are not
/// known may be elements; what is known of them comes first, spelled as it was.
pub(super) fn open_sets(ty: &Ty, v: &Partial, prior: Option<&Known>) -> Partial {
    if let Ok(mut known) = v.to_known() {
        canonical_ty(ty, &mut known);
        return known.into();
    }
    match (ty, v) {
        (Ty::Set(of), Partial::List(l)) => {
            let l: Vec<Partial> = l.iter().map(|e| open_sets(of, e, None)).collect();
            if l.iter().any(|e| matches!(e, Partial::Unknown)) {
                return Partial::Unknown;
            }
            let (known, open): (Vec<_>, Vec<_>) = l.into_iter().partition(Partial::is_known);
            let known = known.iter().filter_map(|k| k.to_known().ok()).collect();
            let known = spelled(of, known, prior).into_iter().collect::<BTreeSet<_>>();
            Partial::List(known.into_iter().map(Partial::from).chain(open).collect())
        }
        (Ty::List(of), Partial::List(l)) => Partial::List(l.iter().map(|e| open_sets(of, e, None)).collect()),
        (Ty::Map(of), Partial::Map(m)) => {
            Partial::Map(m.iter().map(|(k, e)| (k.clone(), open_sets(of, e, None))).collect())
        }
        (Ty::Object(o), Partial::Map(m)) => {
            let attr = |(n, t): (&String, &Ty)| (n.clone(), m.get(n).map_or(Partial::Null, |e| open_sets(t, e, None)));
            Partial::Map(o.attrs.iter().map(attr).collect())
        }
        (_, v) => v.clone(),
    }
}

/// Elements of a changed collection of objects that mean what a prior element means keep its spelling.
pub(super) fn respelled(zero: bool, attr: &Attr, config: Known, prior: &Known) -> Known {
    let (Ty::Set(of) | Ty::List(of)) = &attr.ty else { return config };
    if !zero || !matches!(**of, Ty::Object(_)) {
        return config;
    }
    let Known::List(c) = config else { return config };
    let mut out = spelled(of, c, Some(prior));
    if matches!(attr.ty, Ty::Set(_)) {
        out.sort();
        out.dedup();
    }
    Known::List(out)
}

/// Elements that mean what a prior one means have its spelling.
fn spelled(of: &Ty, elements: Vec<Known>, prior: Option<&Known>) -> Vec<Known> {
    let prior = prior.and_then(Known::as_list).unwrap_or_default();
    let by_meaning: BTreeMap<Known, &Known> = prior.iter().map(|v| (folded(of, v), v)).collect();
    elements.into_iter().map(|v| by_meaning.get(&folded(of, &v)).map_or(v, |v| (*v).clone())).collect()
}
