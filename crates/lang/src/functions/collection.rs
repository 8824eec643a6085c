//! Functions of lists, sets and tuples.

use std::collections::BTreeSet;

use stackctl_core::{Number, Ty};
use unicode_segmentation::UnicodeSegmentation;

use super::args::{items, whole};
use super::protocol::{FnError, FnResult, Function, Kind as P, Param, Returns};
use crate::convert::{convert, friendly, unify};
use crate::ops::{equal, equality};
use crate::value::{Kind, Marks, Value, order};

/// The family.
pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("length", &[Param::any("value").dynamic().marked()], Returns::Of(length_ty), |a, _, _| length(&a[0]))
        .documented(P::Num),
    Function::new(
        "element",
        &[Param::any("list").marked(), Param::num("index")],
        Returns::Of(element_ty),
        |a, _, _| element(a),
    )
    .nullable(),
    Function::new("index", &[Param::any("list"), Param::any("value")], Returns::Is(P::Num), |a, _, _| index(a))
        .documented(P::Any),
    Function::new("contains", &[Param::any("list"), Param::any("value")], Returns::Is(P::Bool), |a, _, _| contains(a))
        .documented(P::Any),
    Function::new("coalesce", &[], Returns::Of(coalesce_ty), coalesce).variadic(Param::any("vals").dynamic().null()),
    Function::new("coalescelist", &[], Returns::Of(coalescelist_ty), coalescelist)
        .variadic(Param::any("vals").dynamic().null()),
    Function::new("compact", &[Param::new("list", P::Strs)], Returns::Is(P::Strs), |a, _, _| {
        let keep = |v: &&Value| !v.is_null() && v.as_str() != Some("");
        Ok(Value::list(&Ty::String, items(a, 0).iter().filter(keep).cloned().collect()))
    })
    .whole(),
    Function::new("concat", &[], Returns::Of(concat_ty), concat).variadic(Param::any("seqs").marked()),
    Function::new("distinct", &[Param::new("list", P::List)], Returns::Of(|a| Ok(a[0].ty())), |a, ty, _| {
        let mut out: Vec<Value> = Vec::new();
        let mut seen = BTreeSet::new();
        for v in items(a, 0) {
            if seen.insert(Ordered(v.clone())) {
                out.push(v.clone());
            }
        }
        Ok(list_of(ty, out))
    })
    .documented(P::List)
    .whole(),
    Function::new(
        "chunklist",
        &[Param::new("list", P::List).marked(), Param::num("size")],
        Returns::Of(|a| Ok(Ty::list(a[0].ty()))),
        chunklist,
    )
    .documented(P::Lists),
    Function::new("flatten", &[Param::any("list").marked()], Returns::Of(flatten_ty), |a, _, _| {
        let mut flat = Flat::default();
        flat.add(&a[0]);
        let out = if flat.unknown { Value::dynamic() } else { Value::tuple(flat.out) };
        Ok(out.with_marks(flat.marks))
    }),
    Function::new("reverse", &[Param::any("list").marked()], Returns::Of(reverse_ty), |a, ty, _| {
        let out: Vec<Value> = items(a, 0).iter().rev().cloned().collect();
        Ok(if matches!(ty, Ty::Tuple(_)) { Value::tuple(out) } else { list_of(ty, out) }.with_marks(a[0].marks()))
    }),
    Function::new(
        "slice",
        &[Param::any("list").marked(), Param::num("start_index").unknown(), Param::num("end_index").unknown()],
        Returns::Of(slice_ty),
        slice,
    ),
    Function::new("sort", &[Param::new("list", P::Strs).unknown()], Returns::Is(P::Strs), |a, ty, _| {
        if !a[0].is_wholly_known() {
            let (lo, hi) = a[0].length_bounds();
            return Ok(Value::unknown(ty).with_length(lo, hi));
        }
        if let Some(i) = items(a, 0).iter().position(Value::is_null) {
            return Err(FnError::new(format!("given list element {i} is null; a null string cannot be sorted")));
        }
        let mut out = items(a, 0).to_vec();
        out.sort_by(order::compare);
        Ok(Value::list(&Ty::String, out))
    }),
    Function::new(
        "matchkeys",
        &[Param::new("values", P::List), Param::new("keys", P::List), Param::new("searchset", P::List)],
        Returns::Of(matchkeys_ty),
        matchkeys,
    )
    .documented(P::List)
    .whole(),
    Function::new("one", &[Param::any("list")], Returns::Of(one_ty), one).nullable(),
];

/// Elements in the canonical order, for sets of values.
#[derive(Clone)]
struct Ordered(Value);
impl PartialEq for Ordered {
    fn eq(&self, other: &Ordered) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Ordered {}
impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Ordered) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Ordered {
    fn cmp(&self, other: &Ordered) -> std::cmp::Ordering {
        order::compare(&self.0, &other.0)
    }
}

/// A list of type `ty`, which is a list type.
pub(super) fn list_of(ty: &Ty, items: Vec<Value>) -> Value {
    match ty {
        Ty::List(of) => Value::list(of, items),
        _ => Value::tuple(items),
    }
}

fn is_sequence(ty: &Ty) -> bool {
    matches!(ty, Ty::List(_) | Ty::Set(_) | Ty::Tuple(_))
}

fn length_ty(a: &[Value]) -> Result<Ty, FnError> {
    match a[0].ty() {
        Ty::Number | Ty::Bool => {
            Err(FnError::arg(0, "argument must be a string, a collection type, or a structural type"))
        }
        _ => Ok(Ty::Number),
    }
}

fn length(v: &Value) -> FnResult {
    let out = if let Some(s) = v.as_str() {
        Value::length(s.graphemes(true).count())
    } else {
        let (mut lo, hi) = v.length_bounds();
        if let Kind::Unknown(r) = v.kind()
            && !r.prefix.is_empty()
        {
            lo = r.prefix.graphemes(true).count();
        }
        let bound = |n: usize| Number::from(i64::try_from(n).unwrap_or(i64::MAX));
        Value::unknown(&Ty::Number).with_bounds(Some(bound(lo)), hi.map(bound))
    };
    Ok(out.with_marks(v.marks()))
}

fn element_ty(a: &[Value]) -> Result<Ty, FnError> {
    match a[0].ty() {
        Ty::List(of) => Ok(*of),
        Ty::Tuple(ts) => {
            let Some(n) = a[1].as_number() else { return Ok(Ty::Dynamic) };
            let i = n.to_i64().ok_or_else(|| {
                FnError::new(format!(
                    "invalid index: value must be a whole number, between {} and {}",
                    i64::MIN,
                    i64::MAX
                ))
            })?;
            if ts.is_empty() {
                return Err(FnError::new("cannot use element function with an empty list"));
            }
            // The remainder has the sign of the index: only multiples of the length may be negative.
            let at = i % i64::try_from(ts.len()).unwrap_or(i64::MAX);
            let at =
                usize::try_from(at).map_err(|_| FnError::new("cannot use element function with a negative index"))?;
            Ok(ts[at].clone())
        }
        other => Err(FnError::new(format!("cannot read elements from {}", friendly(&other)))),
    }
}

fn element(a: &[Value]) -> FnResult {
    let i = whole(a, 1)?;
    let list = items(a, 0);
    if list.is_empty() {
        return Err(FnError::new("cannot use element function with an empty list"));
    }
    let n = i64::try_from(list.len()).unwrap_or(i64::MAX);
    let at = usize::try_from(i.rem_euclid(n)).unwrap_or(0);
    Ok(list[at].clone().with_marks(a[0].marks()))
}

fn index(a: &[Value]) -> FnResult {
    if !matches!(a[0].kind(), Kind::List(_) | Kind::Tuple(_)) {
        return Err(FnError::arg(0, "argument must be a list or tuple"));
    }
    if items(a, 0).is_empty() {
        return Err(FnError::new("cannot search an empty list"));
    }
    for (i, v) in items(a, 0).iter().enumerate() {
        match equality(v, &a[1]) {
            Some(true) => return Ok(Value::length(i)),
            Some(false) => {}
            None => return Ok(Value::unknown(&Ty::Number)),
        }
    }
    Err(FnError::new("item not found"))
}

fn contains(a: &[Value]) -> FnResult {
    if a[0].elements().is_none() {
        return Err(FnError::new("argument must be list, tuple, or set"));
    }
    let mut undecided = false;
    for v in items(a, 0) {
        match equal(v, &a[1]).as_bool() {
            Some(true) => return Ok(Value::bool(true)),
            Some(false) => {}
            None => undecided = true,
        }
    }
    Ok(if undecided { Value::unknown(&Ty::Bool) } else { Value::bool(false) })
}

fn coalesce_ty(a: &[Value]) -> Result<Ty, FnError> {
    let tys: Vec<Ty> = a.iter().map(Value::ty).collect();
    unify(&tys).ok_or_else(|| FnError::new("all arguments must have the same type"))
}

fn coalesce(a: &[Value], ty: &Ty, _: &super::FnContext<'_>) -> FnResult {
    for (i, v) in a.iter().enumerate() {
        let v = convert(v, ty).map_err(|e| FnError::arg(i, e.to_string()))?;
        if !v.is_known() {
            return Ok(Value::unknown(ty));
        }
        if !v.is_null() && v.as_str() != Some("") {
            return Ok(v);
        }
    }
    Err(FnError::new("no non-null, non-empty-string arguments"))
}

fn coalescelist_ty(a: &[Value]) -> Result<Ty, FnError> {
    if a.is_empty() {
        return Err(FnError::new("at least one argument is required"));
    }
    let mut tys = Vec::new();
    for v in a {
        if !v.is_known() {
            return Ok(Ty::Dynamic);
        }
        let ty = v.ty();
        if !matches!(ty, Ty::List(_) | Ty::Tuple(_)) {
            return Err(FnError::new("coalescelist arguments must be lists or tuples"));
        }
        tys.push(ty);
    }
    Ok(if tys.iter().all(|t| *t == tys[0]) { tys[0].clone() } else { Ty::Dynamic })
}

fn coalescelist(a: &[Value], ty: &Ty, _: &super::FnContext<'_>) -> FnResult {
    for v in a {
        if !v.is_known() {
            return Ok(Value::unknown(ty));
        }
        if !v.is_null() && !v.is_empty() {
            return Ok(v.clone());
        }
    }
    Err(FnError::new("no non-null arguments"))
}

fn concat_ty(a: &[Value]) -> Result<Ty, FnError> {
    if a.is_empty() {
        return Err(FnError::new("at least one argument is required"));
    }
    let tys: Vec<Ty> = a.iter().map(Value::ty).collect();
    if tys.iter().all(|t| matches!(t, Ty::List(_)))
        && let Some(of) = unify(&a.iter().filter_map(|v| v.element_ty().cloned()).collect::<Vec<_>>())
    {
        return Ok(Ty::list(of));
    }
    let mut out = Vec::new();
    let mut known = true;
    for (i, (v, ty)) in a.iter().zip(tys).enumerate() {
        match ty {
            Ty::Tuple(ts) => out.extend(ts),
            Ty::List(of) => match v.len() {
                Some(n) => out.extend(vec![*of; n]),
                None => known = false,
            },
            other => {
                let message = format!("all arguments must be lists or tuples; got {}", friendly(&other));
                return Err(FnError::arg(i, message));
            }
        }
    }
    Ok(if known { Ty::Tuple(out) } else { Ty::Dynamic })
}

fn concat(a: &[Value], ty: &Ty, _: &super::FnContext<'_>) -> FnResult {
    let mut marks = Marks::NONE;
    let mut out = Vec::new();
    for (i, v) in a.iter().enumerate() {
        marks |= v.marks();
        let v = if matches!(ty, Ty::List(_)) {
            convert(v, ty).map_err(|e| FnError::arg(i, e.to_string()))?
        } else {
            v.clone()
        };
        out.extend_from_slice(v.elements().unwrap_or_default());
    }
    Ok(list_of(ty, out).with_marks(marks))
}

fn chunklist(a: &[Value], ty: &Ty, _: &super::FnContext<'_>) -> FnResult {
    let size = usize::try_from(whole(a, 1)?).map_err(|_| FnError::new("the size argument must be positive"))?;
    let Ty::List(inner) = ty else { return Ok(Value::dynamic()) };
    let list = items(a, 0);
    let size = if size == 0 { list.len().max(1) } else { size };
    let chunks = list.chunks(size).map(|c| list_of(inner, c.to_vec())).collect();
    Ok(Value::list(inner, chunks).with_marks(a[0].marks()))
}

/// What `flatten` gathers.
#[derive(Default)]
struct Flat {
    out: Vec<Value>,
    marks: Marks,
    unknown: bool,
}

impl Flat {
    fn add(&mut self, list: &Value) {
        self.marks |= list.marks();
        let unknown_length = matches!(list.kind(), Kind::Set(_)) && !list.is_wholly_known();
        let Some(items) = list.elements().filter(|_| !unknown_length && is_sequence(&list.ty())) else {
            self.unknown = true;
            return;
        };
        for v in items {
            match v.kind() {
                Kind::List(_) | Kind::Set(_) | Kind::Tuple(_) => self.add(v),
                Kind::Unknown(_) if v.bare_ty().is_some_and(|t| is_sequence(t) || *t == Ty::Dynamic) => {
                    self.unknown = true;
                }
                _ => self.out.push(v.clone()),
            }
        }
    }
}

fn flatten_ty(a: &[Value]) -> Result<Ty, FnError> {
    if !is_sequence(&a[0].ty()) {
        if !a[0].is_wholly_known() {
            return Ok(Ty::Dynamic);
        }
        return Err(FnError::new("can only flatten lists, sets and tuples"));
    }
    let mut flat = Flat::default();
    flat.add(&a[0]);
    Ok(if flat.unknown { Ty::Dynamic } else { Ty::Tuple(flat.out.iter().map(Value::ty).collect()) })
}

fn reverse_ty(a: &[Value]) -> Result<Ty, FnError> {
    match a[0].ty() {
        Ty::Tuple(mut ts) => {
            ts.reverse();
            Ok(Ty::Tuple(ts))
        }
        Ty::List(of) | Ty::Set(of) => Ok(Ty::List(of)),
        other => Err(FnError::arg(0, format!("can only reverse list or tuple values, not {}", friendly(&other)))),
    }
}

/// Start and end of a slice, checked as far as they and the length are known.
fn bounds(a: &[Value], len: Option<usize>) -> Result<Option<(usize, usize)>, FnError> {
    let at = |i: usize, what: &str| -> Result<Option<usize>, FnError> {
        if !a[i].is_known() {
            return Ok(None);
        }
        let n = whole(a, i).map_err(|e| FnError::arg(i, format!("invalid {what}: {e}")))?;
        let n = usize::try_from(n).map_err(|_| FnError::arg(i, format!("{what} must not be less than zero")))?;
        if len.is_some_and(|len| n > len) {
            return Err(FnError::arg(i, format!("{what} must not be greater than the length of the list")));
        }
        Ok(Some(n))
    };
    match (at(1, "start index")?, at(2, "end index")?) {
        (Some(s), Some(e)) if s > e => Err(FnError::arg(1, "start index must not be greater than end index")),
        (Some(s), Some(e)) => Ok(Some((s, e))),
        _ => Ok(None),
    }
}

fn slice_ty(a: &[Value]) -> Result<Ty, FnError> {
    match a[0].ty() {
        Ty::Set(_) => Err(FnError::arg(
            0,
            "cannot slice a set, because its elements do not have indices; explicitly convert to a list if the ordering \
             of the result is not important",
        )),
        ty @ Ty::List(_) => Ok(ty),
        Ty::Tuple(ts) => Ok(bounds(a, Some(ts.len()))?.map_or(Ty::Dynamic, |(s, e)| Ty::Tuple(ts[s..e].to_vec()))),
        _ => Err(FnError::arg(0, "must be a list or tuple value")),
    }
}

fn slice(a: &[Value], ty: &Ty, _: &super::FnContext<'_>) -> FnResult {
    let list = items(a, 0);
    Ok(match bounds(a, Some(list.len()))? {
        Some((s, e)) => list_of(ty, list[s..e].to_vec()),
        None => Value::unknown(ty),
    }
    .with_marks(a[0].marks()))
}

fn matchkeys_ty(a: &[Value]) -> Result<Ty, FnError> {
    match unify(&[a[1].ty(), a[2].ty()]) {
        Some(_) if a[2].is_known() && a[0].len().zip(a[1].len()).is_some_and(|(values, keys)| values != keys) => {
            Err(FnError::new("length of keys and values should be equal"))
        }
        Some(_) => Ok(a[0].ty()),
        None => Err(FnError::arg(1, "keys and searchset must be of the same type")),
    }
}

fn matchkeys(a: &[Value], ty: &Ty, _: &super::FnContext<'_>) -> FnResult {
    let values = items(a, 0);
    let one = unify(&[a[1].ty(), a[2].ty()]).unwrap_or(Ty::Dynamic);
    let as_one = |i: usize| convert(&a[i], &one).map_err(|e| FnError::arg(i, e.to_string()));
    let (keys, wanted) = (as_one(1)?, as_one(2)?);
    let wanted: BTreeSet<Ordered> = wanted.elements().unwrap_or_default().iter().cloned().map(Ordered).collect();
    let hit = |k: &Value| !k.is_null() && wanted.contains(&Ordered(k.clone()));
    let out = values.iter().zip(keys.elements().unwrap_or_default()).filter(|(_, k)| hit(k)).map(|(v, _)| v.clone());
    Ok(list_of(ty, out.collect()))
}

const ONE: &str = "must be a list, set, or tuple value with either zero or one elements";

fn one_ty(a: &[Value]) -> Result<Ty, FnError> {
    match a[0].ty() {
        Ty::List(of) | Ty::Set(of) => Ok(*of),
        Ty::Tuple(ts) => match ts.as_slice() {
            [] => Ok(Ty::Dynamic),
            [one] => Ok(one.clone()),
            _ => Err(FnError::arg(0, ONE)),
        },
        _ => Err(FnError::arg(0, ONE)),
    }
}

fn one(a: &[Value], ty: &Ty, _: &super::FnContext<'_>) -> FnResult {
    match (items(a, 0), a[0].length_bounds()) {
        ([], _) => Ok(Value::null(ty)),
        ([v], _) => Ok(v.clone()),
        (_, (1, _)) => Ok(Value::unknown(ty)),
        _ => Err(FnError::arg(0, ONE)),
    }
}
