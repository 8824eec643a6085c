//! `tostring` and its kin, and the functions that put marks on and take them off.

use stackctl_core::Ty;

use super::FnContext;
use super::protocol::{FnError, FnResult, Function, Kind as P, Param, Returns};
use crate::convert::{convert, convertible, friendly};
use crate::value::{Marks, Value};

const V: &[Param] = &[Param::any("v").dynamic().null().marked()];
const VALUE: &[Param] = &[Param::any("value").dynamic().null().marked()];

/// The family.
pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("tostring", V, Returns::Is(P::Str), |a, _, _| to(&a[0], P::Str)).nullable(),
    Function::new("tonumber", V, Returns::Is(P::Num), |a, _, _| to(&a[0], P::Num)).nullable(),
    Function::new("tobool", V, Returns::Is(P::Bool), |a, _, _| to(&a[0], P::Bool)).nullable(),
    Function::new("tolist", V, Returns::Is(P::List), |a, _, _| to(&a[0], P::List)).nullable(),
    Function::new("toset", V, Returns::Is(P::Set), |a, _, _| to(&a[0], P::Set)).nullable(),
    Function::new("tomap", V, Returns::Is(P::Map), |a, _, _| to(&a[0], P::Map)).nullable(),
    Function::new("sensitive", VALUE, Returns::Of(own_ty), |a, _, _| Ok(a[0].clone().sensitive())).nullable(),
    Function::new("nonsensitive", VALUE, Returns::Of(own_ty), |a, _, _| {
        let (v, marks) = a[0].unmark();
        Ok(v.with_marks(marks.without(Marks::SENSITIVE)))
    })
    .nullable(),
    Function::new("issensitive", VALUE, Returns::Is(P::Bool), issensitive).nullable(),
    Function::new("ephemeralasnull", VALUE, Returns::Of(own_ty), |a, _, _| Ok(without_ephemeral(&a[0]))).nullable(),
];

fn own_ty(a: &[Value]) -> Result<Ty, FnError> {
    Ok(a[0].ty())
}

/// The name of the type in messages: `list of any single type`.
fn wanted(kind: P) -> String {
    match kind {
        P::List => "list of any single type".to_owned(),
        P::Set => "set of any single type".to_owned(),
        P::Map => "map of any single type".to_owned(),
        other => friendly(&other.ty()),
    }
}

fn to(v: &Value, kind: P) -> FnResult {
    let want = kind.ty();
    let from = v.ty();
    let cannot = |what: &str, more: &str| FnError::arg(0, format!("cannot convert {what} to {}{more}", wanted(kind)));
    if !convertible(&from, &want) {
        return Err(cannot(&friendly(&from), ""));
    }
    if !v.is_known() {
        // Neither the type of its elements is taken over nor what is known of it.
        return Ok(Value::unknown(&want).with_marks(v.marks()));
    }
    convert(v, &want).map_err(|e| {
        let more = match kind {
            P::Num => "; given string must be a decimal representation of a number",
            P::Bool => "; only the strings \"true\" or \"false\" are allowed",
            _ => "",
        };
        if v.all_marks().is_sensitive() {
            return cannot(&format!("this sensitive {}", friendly(&from)), "");
        }
        match v.as_str() {
            Some(s) => cannot(&format!("{s:?}"), more),
            None => cannot(&friendly(&from), &format!(": {e}")),
        }
    })
}

fn issensitive(a: &[Value], ty: &Ty, _: &FnContext<'_>) -> FnResult {
    Ok(if a[0].marks().is_sensitive() {
        Value::bool(true)
    } else if a[0].is_known() {
        Value::bool(false)
    } else {
        Value::unknown(ty)
    })
}

fn without_ephemeral(v: &Value) -> Value {
    if !v.all_marks().is_ephemeral() {
        return v.clone();
    }
    let (plain, marks) = v.unmark();
    if marks.is_ephemeral() {
        return Value::null(&plain.ty()).with_marks(marks.without(Marks::EPHEMERAL));
    }
    match v.try_map_children(|c| Ok::<_, std::convert::Infallible>(without_ephemeral(c))) {
        Ok(v) => v,
    }
}
