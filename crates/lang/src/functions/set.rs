//! Functions of sets.

use stackctl_core::Ty;

use super::FnContext;
use super::args::items;
use super::protocol::{FnError, FnResult, Function, Kind as P, Param, Returns};
use crate::convert::{convert, unify};
use crate::ops::equality;
use crate::value::{Marks, Value};

const FIRST: Param = Param::new("first_set", P::Set);
const OTHERS: Param = Param::new("other_sets", P::Set);

/// The family.
pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("setproduct", &[], Returns::Of(product_ty), product).variadic(Param::any("sets").marked()),
    Function::new("setunion", &[FIRST], Returns::Of(same_ty), |a, ty, _| {
        let sets = as_sets(a, ty)?;
        Ok(set_of(ty, sets.concat()))
    })
    .documented(P::Set)
    .variadic(OTHERS),
    Function::new("setintersection", &[FIRST], Returns::Of(same_ty), |a, ty, _| {
        let sets = as_sets(a, ty)?;
        let common = |v: &Value| sets[1..].iter().all(|s| holds(s, v));
        Ok(set_of(ty, sets[0].iter().filter(|v| common(v)).cloned().collect()))
    })
    .documented(P::Set)
    .variadic(OTHERS)
    .whole(),
    Function::new(
        "setsubtract",
        &[Param::new("a", P::Set), Param::new("b", P::Set)],
        Returns::Of(same_ty),
        |a, ty, _| {
            let sets = as_sets(a, ty)?;
            Ok(set_of(ty, sets[0].iter().filter(|v| !holds(&sets[1], v)).cloned().collect()))
        },
    )
    .documented(P::Set)
    .whole(),
];

/// Most elements of a product, against accidents that would fill the memory.
const MOST: usize = 1_000_000;

fn holds(set: &[Value], v: &Value) -> bool {
    set.iter().any(|w| equality(w, v) == Some(true))
}

fn set_of(ty: &Ty, items: Vec<Value>) -> Value {
    if let Ty::Set(of) = ty { Value::set(of, items) } else { Value::dynamic() }
}

fn same_ty(a: &[Value]) -> Result<Ty, FnError> {
    // An empty set of no type takes the type of the others.
    let of: Vec<Ty> = a.iter().filter_map(|v| v.element_ty().cloned()).filter(|t| *t != Ty::Dynamic).collect();
    if of.is_empty() {
        return Ok(Ty::set(Ty::Dynamic));
    }
    unify(&of).map(Ty::set).ok_or_else(|| FnError::new("given sets must all have compatible element types"))
}

fn as_sets(a: &[Value], ty: &Ty) -> Result<Vec<Vec<Value>>, FnError> {
    a.iter()
        .enumerate()
        .map(|(i, v)| {
            let v = convert(v, ty).map_err(|e| FnError::arg(i, e.to_string()))?;
            Ok(v.elements().unwrap_or_default().to_vec())
        })
        .collect()
}

fn product_ty(a: &[Value]) -> Result<Ty, FnError> {
    if a.len() < 2 {
        return Err(FnError::new("at least two arguments are required"));
    }
    let mut of = Vec::new();
    for (i, v) in a.iter().enumerate() {
        of.push(match v.ty() {
            Ty::List(of) | Ty::Set(of) => *of,
            Ty::Tuple(ts) if ts.is_empty() => Ty::Dynamic,
            Ty::Tuple(ts) => unify(&ts).ok_or_else(|| FnError::arg(i, "all elements must be of the same type"))?,
            _ => return Err(FnError::arg(i, "a set or a list is required")),
        });
    }
    // One set among them, and there is no order of all.
    let any_set = a.iter().any(|v| matches!(v.ty(), Ty::Set(_)));
    Ok(if any_set { Ty::set(Ty::Tuple(of)) } else { Ty::list(Ty::Tuple(of)) })
}

fn product(a: &[Value], ty: &Ty, _: &FnContext<'_>) -> FnResult {
    let (Ty::List(of) | Ty::Set(of)) = ty else { return Ok(Value::dynamic()) };
    let Ty::Tuple(tys) = &**of else { return Ok(Value::dynamic()) };
    let marks = a.iter().fold(Marks::NONE, |m, v| m | v.marks());
    let total =
        a.iter().enumerate().try_fold(1usize, |n, (i, _)| n.checked_mul(items(a, i).len()).filter(|n| *n <= MOST));
    let Some(total) = total else {
        return Err(FnError::new(format!("the product would have more than {MOST} elements")));
    };
    let mut columns = Vec::new();
    for (i, t) in tys.iter().enumerate() {
        let column: Result<Vec<Value>, _> = items(a, i).iter().map(|v| convert(v, t)).collect();
        columns.push(column.map_err(|e| FnError::arg(i, e.to_string()))?);
    }
    let mut rows: Vec<Vec<Value>> = if total == 0 { Vec::new() } else { vec![Vec::new()] };
    for column in columns.iter().filter(|_| total > 0) {
        rows = rows
            .into_iter()
            .flat_map(|row| column.iter().map(move |v| [row.clone(), vec![v.clone()]].concat()))
            .collect();
    }
    let rows: Vec<Value> = rows.into_iter().map(Value::tuple).collect();
    Ok(if matches!(ty, Ty::Set(_)) { Value::set(of, rows) } else { Value::list(of, rows) }.with_marks(marks))
}
