//! Conversion between types, and the type that several types have in common.
//!
//! [`convert`] is what happens to an argument of a function, an operand, an attribute or a variable; [`unify`] decides
//! what `cond ? a : b`, `tolist([…])` and `coalesce(…)` are. Numbers never become bools nor bools numbers. Marks stay on
//! the nodes they are on, except that a set takes those of its elements.
//!
//! Start at [`convert`]; [`constraint`] holds types with default values, as variables have them.

pub mod constraint;
mod describe;
mod unify;

use std::collections::BTreeMap;

use stackctl_core::{Number, Path, Step, Ty, ty::ObjectTy};

use crate::value::{Kind, Value, same_ty};

pub use constraint::{Defaults, TypeConstraint};
pub use describe::{friendly, mismatch};
pub use unify::unify;

/// A value cannot become what is asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", prefix(path))]
pub struct ConvertError {
    /// Where in the value.
    pub path: Path,
    /// What is wrong there, without the place.
    pub message: String,
}

fn prefix(path: &Path) -> String {
    match path.0.as_slice() {
        [] => String::new(),
        [Step::Index(i)] => format!("element {i}: "),
        [Step::Key(k)] => format!("element {k:?}: "),
        [Step::Attr(n)] => format!("attribute {n:?}: "),
        _ => format!("{path}: "),
    }
}

/// Converts a value to a type. `Dynamic` in `want` leaves that part as it is, except that the elements of a list, set or
/// map are brought to one type. Optional attributes of `want` that are absent become null.
///
/// # Errors
/// Where and why it cannot be done. Values with unknown parts fail only if no value of their type could be converted.
pub fn convert(v: &Value, want: &Ty) -> Result<Value, ConvertError> {
    if v.has_ty(want) {
        return Ok(v.clone());
    }
    let ty = v.ty();
    if !convertible(&ty, want) {
        return Err(ConvertError { path: Path::default(), message: mismatch(&ty, want) });
    }
    go(v, want, &mut Vec::new())
}

/// True if values of type `from` may be convertible to `to`: the types fit, whether or not a particular string is a
/// number.
pub fn convertible(from: &Ty, to: &Ty) -> bool {
    match (from, to) {
        (_, Ty::Dynamic) | (Ty::Dynamic, _) => true,
        (Ty::Number, Ty::Bool) | (Ty::Bool, Ty::Number) => false,
        (a, b) if a.is_primitive() && b.is_primitive() => true,
        (Ty::List(a) | Ty::Set(a), Ty::List(b) | Ty::Set(b)) | (Ty::Map(a), Ty::Map(b)) => convertible(a, b),
        (Ty::Tuple(ts), Ty::List(of) | Ty::Set(of)) => all_convertible(ts.iter(), of),
        (Ty::Object(o), Ty::Map(of)) => {
            all_convertible(o.attrs.values(), of) || (**of == Ty::Dynamic && one_known(o.attrs.values()).is_some())
        }
        (Ty::Tuple(a), Ty::Tuple(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| convertible(a, b)),
        (Ty::Map(a), Ty::Object(o)) => o.attrs.values().all(|b| convertible(a, b)),
        (Ty::Object(a), Ty::Object(b)) => b
            .attrs
            .iter()
            .all(|(n, t)| a.attrs.get(n).map_or_else(|| b.optional.contains(n), |from| convertible(from, t))),
        _ => false,
    }
}

fn all_convertible<'a>(tys: impl Iterator<Item = &'a Ty> + Clone, of: &Ty) -> bool {
    if *of != Ty::Dynamic {
        return tys.clone().all(|t| convertible(t, of));
    }
    let tys: Vec<Ty> = tys.cloned().collect();
    match unify(&tys) {
        Some(Ty::Dynamic) => tys.iter().all(|t| *t == Ty::Dynamic),
        Some(_) => true,
        None => tys.is_empty(),
    }
}

/// The one type that all have whose type is known, if there is just one. Objects become maps then, lists do not arise.
fn one_known<'a>(tys: impl Iterator<Item = &'a Ty>) -> Option<&'a Ty> {
    let mut known = tys.filter(|t| **t != Ty::Dynamic);
    let first = known.next()?;
    known.all(|t| same_ty(t, first)).then_some(first)
}

/// The type that a null or unknown value of type `from` has as `to`: what is dynamic in `to` stays as it was.
fn replaced(from: &Ty, to: &Ty) -> Ty {
    match (from, to) {
        (Ty::Dynamic, _) => to.clone(),
        (_, Ty::Dynamic) => from.clone(),
        (Ty::List(a) | Ty::Set(a), Ty::List(b)) => Ty::list(replaced(a, b)),
        (Ty::List(a) | Ty::Set(a), Ty::Set(b)) => Ty::set(replaced(a, b)),
        (Ty::Map(a), Ty::Map(b)) => Ty::map(replaced(a, b)),
        (Ty::Tuple(ts), Ty::List(b)) if b.has_dynamic() => Ty::list(replaced(&unify(ts).unwrap_or(Ty::Dynamic), b)),
        (Ty::Tuple(ts), Ty::Set(b)) if b.has_dynamic() => Ty::set(replaced(&unify(ts).unwrap_or(Ty::Dynamic), b)),
        (Ty::Object(o), Ty::Map(b)) if b.has_dynamic() => {
            let tys: Vec<Ty> = o.attrs.values().cloned().collect();
            Ty::map(replaced(&unify(&tys).unwrap_or(Ty::Dynamic), b))
        }
        (Ty::Tuple(a), Ty::Tuple(b)) if a.len() == b.len() => {
            Ty::Tuple(a.iter().zip(b).map(|(a, b)| replaced(a, b)).collect())
        }
        (Ty::Map(a), Ty::Object(o)) => Ty::object(o.attrs.iter().map(|(n, t)| (n.as_str(), replaced(a, t)))),
        (Ty::Object(a), Ty::Object(b)) => Ty::object(
            b.attrs.iter().map(|(n, t)| (n.as_str(), a.attrs.get(n).map_or_else(|| t.clone(), |f| replaced(f, t)))),
        ),
        _ => to.clone(),
    }
}

/// An unknown value as a type, with what is still true of it.
fn unknown_as(v: &Value, ty: &Ty) -> Value {
    let (lo, hi) = v.length_bounds();
    let was = v.range();
    let mut out = Value::unknown(ty);
    if !was.not_null {
        return out;
    }
    out = out.not_null();
    match ty {
        Ty::List(_) | Ty::Map(_) => out.with_length(lo, hi),
        Ty::Set(_) => out.with_length(lo.min(1), hi),
        _ => out,
    }
}

fn go(v: &Value, want: &Ty, at: &mut Vec<Step>) -> Result<Value, ConvertError> {
    if *want == Ty::Dynamic || v.has_ty(want) {
        return Ok(v.clone());
    }
    let fail = |at: &[Step], message: &str| ConvertError { path: Path(at.to_vec()), message: message.to_owned() };
    let out = match (v.kind(), want) {
        (Kind::Null, _) => Value::null(&replaced(&v.ty(), want)),
        (Kind::Unknown(_), _) => unknown_as(v, &replaced(&v.ty(), want)),
        (Kind::Number(n), Ty::String) => Value::string(n.to_string()),
        (Kind::Bool(b), Ty::String) => Value::string(if b { "true" } else { "false" }),
        (Kind::String(s), Ty::Number) => match number(s) {
            Some(n) => Value::number(n),
            None => return Err(fail(at, "a number is required")),
        },
        (Kind::String(s), Ty::Bool) => match s {
            "true" | "1" => Value::bool(true),
            "false" | "0" => Value::bool(false),
            "True" | "TRUE" => {
                return Err(fail(at, "a bool is required; to convert from string, use lowercase \"true\""));
            }
            "False" | "FALSE" => {
                return Err(fail(at, "a bool is required; to convert from string, use lowercase \"false\""));
            }
            _ => return Err(fail(at, "a bool is required")),
        },
        // How many elements the list will have depends on which of them turn out to be equal.
        (Kind::Set(l), Ty::List(of)) if l.len() > 1 && !v.is_wholly_known() => {
            let (_, of) = sequence(v, l, of, at)?;
            unknown_as(v, &Ty::list(of))
        }
        (Kind::List(l) | Kind::Set(l) | Kind::Tuple(l), Ty::List(of) | Ty::Set(of)) => {
            let (items, of) = sequence(v, l, of, at)?;
            if matches!(want, Ty::Set(_)) { Value::set(&of, items) } else { Value::list(&of, items) }
        }
        (Kind::Map(m) | Kind::Object(m), Ty::Map(of)) => {
            let keys: Vec<&String> = m.keys().collect();
            let attribute = matches!(v.kind(), Kind::Object(_));
            let step = |k: &str| if attribute { Step::Attr(k.to_owned()) } else { Step::Key(k.to_owned()) };
            let (items, of) = mapping(v, m, of, &step, at)?;
            Value::map(&of, keys.into_iter().zip(items))
        }
        (Kind::Tuple(l), Ty::Tuple(ts)) if l.len() == ts.len() => {
            let mut out = Vec::with_capacity(l.len());
            for (i, (v, t)) in l.iter().zip(ts).enumerate() {
                at.push(Step::Index(i));
                out.push(go(v, t, at)?);
                at.pop();
            }
            Value::tuple(out)
        }
        (Kind::Map(m) | Kind::Object(m), Ty::Object(o)) => object(m, o, at)?,
        _ => return Err(fail(at, &mismatch(&v.ty(), want))),
    };
    Ok(out.with_marks(v.marks()))
}

/// The number that a text is: a decimal, a decimal times a power of two (`1p3`), or an infinity.
fn number(text: &str) -> Option<Number> {
    match text {
        "Inf" | "inf" | "+Inf" | "+inf" => return Some(Number::INFINITY),
        "-Inf" | "-inf" => return Some(Number::NEG_INFINITY),
        _ => {}
    }
    let Some((mantissa, power)) = text.split_once('p') else { return Number::parse(text) };
    let power: i16 = power.parse().ok()?;
    let factor = Number::parse_radix(&format!("1{}", "0".repeat(usize::from(power.unsigned_abs()))), 2)?;
    let mantissa = Number::parse(mantissa)?;
    if power < 0 { mantissa.checked_div(&factor) } else { mantissa.checked_mul(&factor) }
}

fn object(m: &BTreeMap<String, Value>, o: &ObjectTy, at: &mut Vec<Step>) -> Result<Value, ConvertError> {
    let mut out = Vec::with_capacity(o.attrs.len());
    for (name, t) in &o.attrs {
        let value = match m.get(name) {
            Some(v) => {
                at.push(Step::Attr(name.clone()));
                let v = go(v, t, at)?;
                at.pop();
                v
            }
            None if o.optional.contains(name) => Value::null(t),
            None => {
                let message = format!("attribute {name:?} is required");
                return Err(ConvertError { path: Path(at.clone()), message });
            }
        };
        out.push((name, value));
    }
    Ok(Value::object(out))
}

type Elements = (Vec<Value>, Ty);

fn sequence(v: &Value, items: &[Value], of: &Ty, at: &mut Vec<Step>) -> Result<Elements, ConvertError> {
    let of = common(v, items.iter(), of);
    let mut out = Vec::with_capacity(items.len());
    for (i, item) in items.iter().enumerate() {
        at.push(Step::Index(i));
        out.push(go(item, &of, at)?);
        at.pop();
    }
    settle(v, out, &of, at)
}

fn mapping(
    v: &Value,
    m: &BTreeMap<String, Value>,
    of: &Ty,
    step: &dyn Fn(&str) -> Step,
    at: &mut Vec<Step>,
) -> Result<Elements, ConvertError> {
    let of = common(v, m.values(), of);
    let mut out = Vec::with_capacity(m.len());
    for (k, item) in m {
        at.push(step(k));
        out.push(go(item, &of, at)?);
        at.pop();
    }
    settle(v, out, &of, at)
}

/// `of`, or where it is dynamic the type that the elements of a tuple or object have in common.
fn common<'a>(v: &Value, items: impl Iterator<Item = &'a Value>, of: &Ty) -> Ty {
    if *of != Ty::Dynamic {
        return of.clone();
    }
    match v.element_ty() {
        Some(t) => t.clone(),
        None => unify(&items.map(Value::ty).collect::<Vec<_>>()).unwrap_or(Ty::Dynamic),
    }
}

/// Converted elements, brought to one type if what was asked for left it open.
fn settle(v: &Value, items: Vec<Value>, of: &Ty, at: &mut Vec<Step>) -> Result<Elements, ConvertError> {
    if !of.has_dynamic() {
        return Ok((items, of.clone()));
    }
    let Some(first) = items.first() else {
        return Ok((items, replaced(v.element_ty().unwrap_or(&Ty::Dynamic), of)));
    };
    let first = first.ty();
    if items.iter().all(|i| i.has_ty(&first)) {
        return Ok((items, first));
    }
    let tys: Vec<Ty> = items.iter().map(Value::ty).collect();
    let common = unify(&tys).filter(|t| *t != Ty::Dynamic).or_else(|| one_known(tys.iter()).cloned());
    let Some(one) = common else {
        return Err(ConvertError {
            path: Path(at.clone()),
            message: "all elements must have the same type".to_owned(),
        });
    };
    let items = items.iter().map(|i| go(i, &one, at)).collect::<Result<_, _>>()?;
    Ok((items, one))
}

/// Brings values to one type, as the elements of a list are.
///
/// # Errors
/// If they have no type in common.
pub fn unify_values(items: &[Value]) -> Result<(Vec<Value>, Ty), ConvertError> {
    let tys: Vec<Ty> = items.iter().map(Value::ty).collect();
    let none = || ConvertError { path: Path::default(), message: "all elements must have the same type".to_owned() };
    let one = if items.is_empty() { Ty::Dynamic } else { unify(&tys).ok_or_else(none)? };
    if one == Ty::Dynamic && tys.iter().any(|t| *t != Ty::Dynamic) {
        return Err(none());
    }
    let items = items.iter().map(|i| convert(i, &one)).collect::<Result<Vec<_>, _>>()?;
    let exact = items.first().map_or(Ty::Dynamic, Value::ty);
    if items.iter().all(|i| i.has_ty(&exact)) { Ok((items, exact)) } else { Err(none()) }
}

/// True if two types are the same, optional attributes aside.
pub fn same(a: &Ty, b: &Ty) -> bool {
    same_ty(a, b)
}

#[cfg(test)]
mod tests;
