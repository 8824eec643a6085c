//! Operators, access and splat on values, and the one place where marks of operands join the result.
//!
//! No source ranges here: an [`OpError`] says what is wrong and with which operand, the evaluator says where. Start at
//! [`binary`].

mod access;

use stackctl_core::{Number, Ty};
use stackctl_hcl::ast::{BinaryOp, UnaryOp};

use crate::convert::{ConvertError, convert, convertible, friendly, mismatch, unify};
use crate::value::{Kind, LONGEST_TEXT, Marks, Refine, Value, same_ty, too_long};

pub use access::{entries, get_attr, index, splat};

/// An operation cannot be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{summary}: {detail}")]
pub struct OpError {
    /// A few words.
    pub summary: &'static str,
    /// Sentences.
    pub detail: String,
    /// The operand that is to blame, if one is.
    pub operand: Option<Operand>,
}

/// Which operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operand {
    /// Left of the operator, the only operand, the collection, the condition.
    Left,
    /// Right of the operator, the key.
    Right,
}

type Outcome = Result<Value, OpError>;

impl OpError {
    fn new(summary: &'static str, detail: impl Into<String>) -> OpError {
        OpError { summary, detail: detail.into(), operand: None }
    }
    fn at(self, operand: Operand) -> OpError {
        OpError { operand: Some(operand), ..self }
    }
}

/// `-v`, `!v`
///
/// # Errors
/// The operand is null or of another type.
pub fn unary(op: UnaryOp, v: &Value) -> Outcome {
    let (v, marks) = v.unmark();
    let want = if op == UnaryOp::Negate { Ty::Number } else { Ty::Bool };
    let unsuitable = |e: ConvertError| {
        OpError::new("Invalid operand", format!("Unsuitable value for unary operand: {e}.")).at(Operand::Left)
    };
    let v = not_null(convert(&v, &want).map_err(unsuitable)?, Operand::Left)?;
    let out = match (v.kind(), op) {
        (Kind::Number(n), _) => Value::number(n.neg()),
        (Kind::Bool(b), _) => Value::bool(!b),
        _ => Value::unknown(&want).not_null(),
    };
    Ok(out.with_marks(marks))
}

/// `l op r`. For `&&` and `||` both operands must have been evaluated without error; see [`and_or`].
///
/// # Errors
/// An operand is null or of another type, or the operation has no result (`0/0`).
pub fn binary(op: BinaryOp, l: &Value, r: &Value) -> Outcome {
    match op {
        BinaryOp::Equal => Ok(equal(l, r)),
        BinaryOp::NotEqual => unary(UnaryOp::Not, &equal(l, r)),
        BinaryOp::And | BinaryOp::Or => and_or(op, Some(l), Some(r)).map(|v| v.unwrap_or_else(Value::dynamic)),
        _ => {
            let (l, a) = l.unmark();
            let (r, b) = r.unmark();
            let l = operand(&l, &Ty::Number, Operand::Left)?;
            let r = operand(&r, &Ty::Number, Operand::Right)?;
            let l = not_null(l, Operand::Left)?;
            let r = not_null(r, Operand::Right)?;
            let out = if matches!(op, BinaryOp::Less | BinaryOp::LessEqual | BinaryOp::Greater | BinaryOp::GreaterEqual)
            {
                compare(op, &l, &r)
            } else {
                arithmetic(op, &l, &r)?
            };
            Ok(out.with_marks(a | b))
        }
    }
}

fn operand(v: &Value, want: &Ty, which: Operand) -> Outcome {
    let side = if which == Operand::Left { "left" } else { "right" };
    convert(v, want)
        .map_err(|e| OpError::new("Invalid operand", format!("Unsuitable value for {side} operand: {e}.")).at(which))
}

fn not_null(v: Value, which: Operand) -> Outcome {
    if v.is_null() {
        return Err(OpError::new("Operation failed", "Error during operation: argument must not be null.").at(which));
    }
    Ok(v)
}

fn arithmetic(op: BinaryOp, l: &Value, r: &Value) -> Outcome {
    let failed = |what: &str| OpError::new("Operation failed", format!("Error during operation: {what}."));
    let (Some(a), Some(b)) = (l.as_number(), r.as_number()) else {
        return Ok(Value::unknown(&Ty::Number).refine(|out| *out = reckon(op, &l.range(), &r.range())));
    };
    let (done, what) = match op {
        BinaryOp::Add => (a.checked_add(b), "can't compute sum of opposing infinities"),
        BinaryOp::Subtract => (a.checked_sub(b), "can't subtract infinity from itself"),
        BinaryOp::Multiply => (a.checked_mul(b), "can't multiply zero by infinity"),
        BinaryOp::Divide => (a.checked_div(b), "can't divide zero by zero or infinity by infinity"),
        _ => (a.checked_rem(b), "can't divide zero by zero or infinity by infinity"),
    };
    done.map(Value::number).ok_or_else(|| failed(what))
}

/// What is known of a sum, difference or product whose operands lie within bounds.
fn reckon(op: BinaryOp, l: &Refine, r: &Refine) -> Refine {
    let mut out = Refine { not_null: true, ..Refine::NOTHING };
    let (Some(a), Some(b), Some(c), Some(d)) = (&l.lo, &l.hi, &r.lo, &r.hi) else { return out };
    let f = match op {
        BinaryOp::Add => Number::checked_add,
        BinaryOp::Subtract => Number::checked_sub,
        BinaryOp::Multiply => Number::checked_mul,
        _ => return out,
    };
    let corners: Option<Vec<Number>> = [(a, c), (a, d), (b, c), (b, d)].iter().map(|(x, y)| f(&x.0, &y.0)).collect();
    if let Some(corners) = corners {
        out.lo = corners.iter().min().map(|n| (n.clone(), true));
        out.hi = corners.iter().max().map(|n| (n.clone(), true));
    }
    out
}

fn compare(op: BinaryOp, l: &Value, r: &Value) -> Value {
    let known = match (l.as_number(), r.as_number()) {
        (Some(a), Some(b)) => Some(match op {
            BinaryOp::Less => a < b,
            BinaryOp::LessEqual => a <= b,
            BinaryOp::Greater => a > b,
            _ => a >= b,
        }),
        _ => match op {
            BinaryOp::Less => less(l, r),
            BinaryOp::Greater => less(r, l),
            BinaryOp::LessEqual => or_equal(less(l, r), l, r),
            _ => or_equal(less(r, l), l, r),
        },
    };
    known.map_or_else(|| Value::unknown(&Ty::Bool).not_null(), Value::bool)
}

/// Whether `l < r` whatever unknown numbers turn out to be.
fn less(l: &Value, r: &Value) -> Option<bool> {
    let (l, r) = (l.range(), r.range());
    if let (Some((hi, _)), Some((lo, _))) = (&l.hi, &r.lo)
        && hi < lo
    {
        return Some(true);
    }
    if let (Some((lo, _)), Some((hi, _))) = (&l.lo, &r.hi)
        && lo > hi
    {
        return Some(false);
    }
    None
}

fn or_equal(less: Option<bool>, l: &Value, r: &Value) -> Option<bool> {
    match (less, equal(l, r).as_bool()) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    }
}

/// `l && r`, `l || r`; `None` stands for an operand whose evaluation failed. The result is `None` where it depends on a
/// failed operand: then the operand's errors stand. Otherwise they are to be dropped: `false && X` is false, `X && false`
/// is false, `unknown && X` is unknown.
///
/// # Errors
/// An operand that matters is null or no bool.
pub fn and_or(op: BinaryOp, l: Option<&Value>, r: Option<&Value>) -> Result<Option<Value>, OpError> {
    let decisive = op == BinaryOp::Or;
    let check = |v: Option<&Value>, which| -> Result<Option<Value>, OpError> {
        let Some(v) = v else { return Ok(None) };
        let (v, marks) = v.unmark();
        Ok(Some(not_null(operand(&v, &Ty::Bool, which)?, which)?.with_marks(marks)))
    };
    let left = check(l, Operand::Left);
    if let Ok(Some(v)) = &left
        && v.as_bool() == Some(decisive)
    {
        return Ok(Some(v.clone()));
    }
    let right = check(r, Operand::Right);
    if let Ok(Some(v)) = &right
        && v.as_bool() == Some(decisive)
    {
        return Ok(Some(v.clone()));
    }
    let Some(left) = left? else { return Ok(None) };
    if !left.is_known() {
        let marks = if let Ok(Some(r)) = &right { r.marks() } else { Marks::NONE };
        return Ok(Some(Value::unknown(&Ty::Bool).not_null().with_marks(left.marks() | marks)));
    }
    let Some(right) = right? else { return Ok(None) };
    let marks = left.marks() | right.marks();
    Ok(Some(match right.as_bool() {
        Some(b) => Value::bool(b).with_marks(marks),
        None => Value::unknown(&Ty::Bool).not_null().with_marks(marks),
    }))
}

/// `l == r`: a bool, unknown where it cannot be decided yet. Values of different types are never equal, except that null
/// equals null. All marks in both join the result.
pub fn equal(l: &Value, r: &Value) -> Value {
    let (l, a) = l.unmark_deep();
    let (r, b) = r.unmark_deep();
    equality(&l, &r).map_or_else(|| Value::unknown(&Ty::Bool).not_null(), Value::bool).with_marks(a | b)
}

/// Whether two values without marks are equal; `None` if that depends on something unknown.
pub(crate) fn equality(l: &Value, r: &Value) -> Option<bool> {
    match (l.kind(), r.kind()) {
        (Kind::Null, Kind::Null) => Some(true),
        (Kind::Null, Kind::Unknown(_)) => r.is_not_null().then_some(false),
        (Kind::Unknown(_), Kind::Null) => l.is_not_null().then_some(false),
        (Kind::Null, _) | (_, Kind::Null) => Some(false),
        (Kind::Unknown(_), Kind::Unknown(_)) => None,
        (Kind::Unknown(_), _) => admits(l, r),
        (_, Kind::Unknown(_)) => admits(r, l),
        (Kind::Bool(a), Kind::Bool(b)) => Some(a == b),
        (Kind::Number(a), Kind::Number(b)) => Some(a == b),
        (Kind::String(a), Kind::String(b)) => Some(a == b),
        (Kind::List(a), Kind::List(b)) => {
            if !same_element_ty(l, r) {
                return Some(false);
            }
            if a.len() != b.len() { Some(false) } else { pairwise(a.iter().zip(b)) }
        }
        (Kind::Tuple(a), Kind::Tuple(b)) => {
            if a.len() != b.len() {
                return Some(false);
            }
            if l.shares_ty(r) || comparable(&l.ty(), &r.ty()) { pairwise(a.iter().zip(b)) } else { Some(false) }
        }
        (Kind::Set(a), Kind::Set(b)) => {
            if !same_element_ty(l, r) {
                return Some(false);
            }
            if l.is_wholly_known() && r.is_wholly_known() {
                return Some(a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equality(a, b) == Some(true)));
            }
            // An unknown element may equal any other, but a set with elements is never empty.
            (a.is_empty() != b.is_empty()).then_some(false)
        }
        (Kind::Map(a), Kind::Map(b)) => {
            if !same_element_ty(l, r) {
                return Some(false);
            }
            if !a.keys().eq(b.keys()) { Some(false) } else { unordered(a.values().zip(b.values())) }
        }
        (Kind::Object(a), Kind::Object(b)) => {
            if !a.keys().eq(b.keys()) {
                return Some(false);
            }
            if l.shares_ty(r) || comparable(&l.ty(), &r.ty()) {
                unordered(a.values().zip(b.values()))
            } else {
                Some(false)
            }
        }
        _ => Some(false),
    }
}

/// Equal if all are; undecided at the first undecided pair before any difference.
fn pairwise<'a>(pairs: impl Iterator<Item = (&'a Value, &'a Value)>) -> Option<bool> {
    for (a, b) in pairs {
        match equality(a, b) {
            Some(true) => {}
            other => return other,
        }
    }
    Some(true)
}

/// Equal if all are; one difference decides, however much else is undecided.
fn unordered<'a>(pairs: impl Iterator<Item = (&'a Value, &'a Value)>) -> Option<bool> {
    let mut all = Some(true);
    for (a, b) in pairs {
        match equality(a, b) {
            Some(true) => {}
            Some(false) => return Some(false),
            None => all = None,
        }
    }
    all
}

fn same_element_ty(l: &Value, r: &Value) -> bool {
    l.element_ty().zip(r.element_ty()).is_some_and(|(a, b)| comparable(a, b))
}

/// Whether two types are the same as far as they are known: what is dynamic agrees with every type.
fn comparable(a: &Ty, b: &Ty) -> bool {
    match (a, b) {
        (Ty::Dynamic, _) | (_, Ty::Dynamic) => true,
        (Ty::List(a), Ty::List(b)) | (Ty::Set(a), Ty::Set(b)) | (Ty::Map(a), Ty::Map(b)) => comparable(a, b),
        (Ty::Tuple(a), Ty::Tuple(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| comparable(a, b)),
        (Ty::Object(a), Ty::Object(b)) => {
            a.attrs.keys().eq(b.attrs.keys()) && a.attrs.values().zip(b.attrs.values()).all(|(a, b)| comparable(a, b))
        }
        _ => same_ty(a, b),
    }
}

/// Whether an unknown value could equal a known one: `Some(false)` if not.
fn admits(unknown: &Value, known: &Value) -> Option<bool> {
    let Kind::Unknown(r) = unknown.kind() else { return None };
    if !comparable(&unknown.ty(), &known.ty()) {
        return Some(false);
    }
    let excluded = match known.kind() {
        Kind::String(s) => !s.starts_with(&r.prefix),
        Kind::Number(n) => {
            r.lo.as_ref().is_some_and(|(lo, incl)| n < lo || (n == lo && !incl))
                || r.hi.as_ref().is_some_and(|(hi, incl)| n > hi || (n == hi && !incl))
        }
        _ => {
            let (lo, hi) = known.length_bounds();
            hi.is_some_and(|h| h < r.min_len) || r.max_len.is_some_and(|h| lo > h)
        }
    };
    excluded.then_some(false)
}

/// `cond ? then : other`. A branch that failed but is not taken takes part with the type of what could be evaluated of
/// it: pass the value with [`Value::dynamic`] in the places that failed.
///
/// # Errors
/// The condition is null or no bool, or the branches have no type in common.
pub fn conditional(cond: &Value, then: &Value, other: &Value) -> Outcome {
    let one = then.shares_ty(other);
    let ty = if one && cond.as_bool().is_some() {
        // Nothing to convert: the type does not matter.
        Ty::Dynamic
    } else if then.is_null() && then.is_dynamic() {
        other.ty()
    } else if other.is_null() && other.is_dynamic() {
        then.ty()
    } else if then.is_dynamic() || other.is_dynamic() {
        Ty::Dynamic
    } else {
        let (a, b) = (then.ty(), other.ty());
        match unify(&[a.clone(), b.clone()]) {
            Some(t) => t,
            None => {
                let detail = "The true and false result expressions must have consistent types.";
                let detail = format!("{detail} {}", disagreement(&a, &b));
                return Err(OpError::new("Inconsistent conditional result types", detail));
            }
        }
    };
    let null = "The condition value is null. Conditions must either be true or false.";
    if cond.is_null() {
        return Err(OpError::new("Null condition", null).at(Operand::Left));
    }
    let marks = cond.marks() | then.marks() | other.marks();
    if !cond.is_known() {
        return Ok(undecided(then, other, &ty).with_marks(marks));
    }
    let cond = convert(cond, &Ty::Bool).map_err(|e| {
        OpError::new("Incorrect condition type", format!("The condition expression must be of type bool: {e}."))
            .at(Operand::Left)
    })?;
    let inconsistent = |e: ConvertError| {
        OpError::new(
            "Inconsistent conditional result types",
            format!("The result cannot be converted to the type of both branches: {e}."),
        )
    };
    let out = match cond.as_bool() {
        Some(true) => convert(then, &ty).map_err(inconsistent)?,
        _ => convert(other, &ty).map_err(inconsistent)?,
    };
    Ok(out.with_marks(marks))
}

/// What either of two values will be, as a value of the type of both.
fn undecided(then: &Value, other: &Value, ty: &Ty) -> Value {
    let ((a, _), (b, _)) = (then.unmark_deep(), other.unmark_deep());
    if a.is_null() && b.is_null() {
        return Value::null(ty);
    }
    let (Ok(a), Ok(b)) = (convert(&a, ty), convert(&b, ty)) else { return Value::unknown(ty) };
    let mut either = a.range().either(&b.range());
    // Two texts with a common start: a prefix would make more comparisons decidable than the language defines.
    either.prefix = String::new();
    if !matches!(ty, Ty::List(_) | Ty::Set(_) | Ty::Map(_)) {
        either.min_len = 0;
        either.max_len = None;
    }
    Value::unknown(ty).refine(|r| *r = either)
}

/// The first difference between the types of two branches, in a sentence.
fn disagreement(a: &Ty, b: &Ty) -> String {
    match (a, b) {
        (Ty::Object(x), Ty::Object(y)) => {
            if let Some(n) = x.attrs.keys().find(|n| !y.attrs.contains_key(*n)) {
                return format!(
                    "The 'true' value includes object attribute {n:?}, which is absent in the 'false' value."
                );
            }
            if let Some(n) = y.attrs.keys().find(|n| !x.attrs.contains_key(*n)) {
                return format!(
                    "The 'false' value includes object attribute {n:?}, which is absent in the 'true' value."
                );
            }
            x.attrs
                .iter()
                .filter_map(|(n, t)| Some((n, t, y.attrs.get(n)?)))
                .find(|(_, t, u)| unify(&[(*t).clone(), (*u).clone()]).is_none())
                .map_or_else(String::new, |(n, t, u)| {
                    format!("Type mismatch for object attribute {n:?}: {}", disagreement(t, u))
                })
        }
        (Ty::Tuple(x), Ty::Tuple(y)) if x.len() != y.len() => {
            format!("The 'true' tuple has length {}, but the 'false' tuple has length {}.", x.len(), y.len())
        }
        (Ty::Tuple(x), Ty::Tuple(y)) => x
            .iter()
            .zip(y)
            .enumerate()
            .find(|(_, (t, u))| unify(&[(*t).clone(), (*u).clone()]).is_none())
            .map_or_else(String::new, |(i, (t, u))| {
                format!("Type mismatch for tuple element {i}: {}", disagreement(t, u))
            }),
        (Ty::List(x), Ty::List(y)) | (Ty::Set(x), Ty::Set(y)) | (Ty::Map(x), Ty::Map(y)) if !convertible(x, y) => {
            format!("Mismatched element types: {}", disagreement(x, y))
        }
        _ => format!("The 'true' value is {}, but the 'false' value is {}.", friendly(a), friendly(b)),
    }
}

/// The text of a template from its literal and interpolated parts, in order. An unknown part makes the result unknown,
/// with everything before it as its known prefix.
///
/// # Errors
/// The index of the first part that is null or no text, and why.
pub fn concat(parts: &[Value]) -> Result<Value, (usize, OpError)> {
    let mut text = String::new();
    let mut known = true;
    let mut marks = Marks::NONE;
    for (i, part) in parts.iter().enumerate() {
        let bad = |detail: String| (i, OpError::new("Invalid template interpolation value", detail).at(Operand::Left));
        marks |= part.all_marks();
        let (part, _) = part.unmark_deep();
        if part.is_null() {
            let detail = "The expression result is null. Cannot include a null value in a string template.";
            return Err(bad(detail.to_owned()));
        }
        if !part.is_known() && part.bare_ty().is_some_and(|t| !t.is_primitive() && *t != Ty::Dynamic) {
            // Refused once it is known.
            if std::mem::replace(&mut known, false) {
                text.clear();
            }
            continue;
        }
        if !convertible(&part.ty(), &Ty::String) {
            let why = mismatch(&part.ty(), &Ty::String);
            return Err(bad(format!("Cannot include the given value in a string template: {why}.")));
        }
        if let (Kind::Unknown(r), true) = (part.kind(), known) {
            known = false;
            // The language takes the text before an unknown for its start only where that is a string.
            if part.bare_ty() == Some(&Ty::String) { text.push_str(&r.prefix) } else { text.clear() }
        }
        let part = convert(&part, &Ty::String)
            .map_err(|e| bad(format!("Cannot include the given value in a string template: {e}.")))?;
        if let (Kind::String(s), true) = (part.kind(), known) {
            if text.len() + s.len() > LONGEST_TEXT {
                return Err(bad(format!("Cannot include the given value in a string template: {}.", too_long())));
            }
            text.push_str(s);
        }
    }
    let out = if known { Value::string(text) } else { Value::unknown(&Ty::String).with_prefix(&text) };
    Ok(out.with_marks(marks))
}
