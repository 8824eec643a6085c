//! Functions of numbers and truth values.

use stackctl_core::{Number, Ty};

use super::FnContext;
use super::args::{items, number, text, whole};
use super::double;
use super::protocol::{FnError, FnResult, Function, Kind as P, Param, Returns};
use crate::convert::{convert, friendly};
use crate::value::Value;

const ONE: Param = Param::num("num");
const NUM: &[Param] = &[ONE];
const NUMBERS: Param = Param::num("numbers");

/// The family.
pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("abs", NUM, Returns::Is(P::Num), |a, _, _| Ok(Value::number(number(a, 0).abs()))),
    Function::new("ceil", NUM, Returns::Is(P::Num), |a, _, _| Ok(Value::number(number(a, 0).ceil()))),
    Function::new("floor", NUM, Returns::Is(P::Num), |a, _, _| Ok(Value::number(number(a, 0).floor()))),
    Function::new("signum", NUM, Returns::Is(P::Num), |a, _, _| {
        whole(a, 0).map(|n| Value::number(n.signum())).map_err(|e| FnError::new(e.message))
    }),
    Function::new("log", &[ONE, Param::num("base")], Returns::Is(P::Num), |a, _, _| {
        let (n, base) = (number(a, 0).to_f64(), number(a, 1).to_f64());
        let log = Number::from_f64(double::ln(n) / double::ln(base));
        log.map(Value::number).ok_or_else(|| FnError::new("the logarithm is not a number"))
    }),
    Function::new("pow", &[ONE, Param::num("power")], Returns::Is(P::Num), |a, _, _| {
        let power = Number::from_f64(double::pow(number(a, 0).to_f64(), number(a, 1).to_f64()));
        power.map(Value::number).ok_or_else(|| FnError::new("the power is not a number"))
    }),
    Function::new("max", &[], Returns::Is(P::Num), |a, _, _| most(a.iter().max_by(|a, b| compare(a, b))))
        .variadic(NUMBERS),
    Function::new("min", &[], Returns::Is(P::Num), |a, _, _| most(a.iter().min_by(|a, b| compare(a, b))))
        .variadic(NUMBERS),
    Function::new("parseint", &[Param::any("number"), Param::num("base")], Returns::Of(parseint_ty), parseint),
    Function::new("sum", &[Param::any("list")], Returns::Is(P::Num), sum).documented(P::Any),
    Function::new("range", &[], Returns::Is(P::Nums), range).variadic(Param::num("params")),
    Function::new("alltrue", &[Param::new("list", P::Bools)], Returns::Is(P::Bool), |a, _, _| Ok(alltrue(items(a, 0)))),
    Function::new("anytrue", &[Param::new("list", P::Bools)], Returns::Is(P::Bool), |a, _, _| Ok(anytrue(items(a, 0)))),
];

fn compare(a: &Value, b: &Value) -> std::cmp::Ordering {
    a.as_number().cmp(&b.as_number())
}

fn most(v: Option<&Value>) -> FnResult {
    v.cloned().ok_or_else(|| FnError::new("must pass at least one number"))
}

/// What the first element that is not true says: a false that follows an unknown one is not seen. Null counts as false.
fn alltrue(values: &[Value]) -> Value {
    match values.iter().find(|v| !v.is_known() || v.as_bool() != Some(true)) {
        Some(v) if !v.is_known() => Value::unknown(&Ty::Bool),
        first => Value::bool(first.is_none()),
    }
}

/// True if one of the values is, unknown if one may be. Null counts as false.
fn anytrue(values: &[Value]) -> Value {
    if values.iter().any(|v| v.is_known() && v.as_bool() == Some(true)) {
        Value::bool(true)
    } else if values.iter().any(|v| !v.is_known()) {
        Value::unknown(&Ty::Bool)
    } else {
        Value::bool(false)
    }
}

fn parseint_ty(a: &[Value]) -> Result<Ty, FnError> {
    match a[0].ty() {
        Ty::String => Ok(Ty::Number),
        other => Err(FnError::arg(0, format!("first argument must be a string, not {}", friendly(&other)))),
    }
}

fn parseint(a: &[Value], _: &Ty, _: &FnContext<'_>) -> FnResult {
    let base = number(a, 1).to_i64().and_then(|b| u32::try_from(b).ok()).filter(|b| (2..=62).contains(b));
    let Some(base) = base else {
        return Err(FnError::arg(1, "base must be a whole number between 2 and 62 inclusive"));
    };
    let digits = text(a, 0);
    Number::parse_radix(digits, base)
        .map(Value::number)
        .ok_or_else(|| FnError::arg(0, format!("cannot parse {digits:?} as a base {base} integer")))
}

fn sum(a: &[Value], ty: &Ty, _: &FnContext<'_>) -> FnResult {
    let list = match a[0].elements() {
        Some([]) => return Err(FnError::arg(0, "cannot sum an empty list")),
        Some(_) if !a[0].is_wholly_known() => return Ok(Value::unknown(ty)),
        Some(list) => list,
        None => {
            let message = format!("argument must be list, set, or tuple. Received {}", friendly(&a[0].ty()));
            return Err(FnError::arg(0, message));
        }
    };
    let mut total = Number::ZERO;
    for v in list {
        let numbers_only = || FnError::arg(0, "argument must be list, set, or tuple of number values");
        let v = convert(v, &Ty::Number).map_err(|_| numbers_only())?;
        let n = v.as_number().ok_or_else(numbers_only)?;
        total = total.checked_add(n).ok_or_else(|| FnError::new("can't compute sum of opposing infinities"))?;
    }
    Ok(Value::number(total))
}

/// Most values that `range` makes.
const MOST: usize = 1024;

fn range(a: &[Value], _: &Ty, _: &FnContext<'_>) -> FnResult {
    let (one, minus) = (Number::from(1), Number::from(-1));
    let by = |from: &Number, to: &Number| if to < from { minus.clone() } else { one.clone() };
    let (start, end, step) = match a.len() {
        1 => (Number::ZERO, number(a, 0).clone(), by(&Number::ZERO, number(a, 0))),
        2 => (number(a, 0).clone(), number(a, 1).clone(), by(number(a, 0), number(a, 1))),
        3 => (number(a, 0).clone(), number(a, 1).clone(), number(a, 2).clone()),
        _ => return Err(FnError::new("must have one, two, or three arguments")),
    };
    let down = step < Number::ZERO;
    if down && end > start {
        return Err(FnError::arg(1, "end must be less than start when step is negative"));
    }
    if !down && end < start {
        return Err(FnError::arg(1, "end must be greater than start when step is positive"));
    }
    let mut out = Vec::new();
    let mut next = start;
    while if down { next > end } else { next < end } {
        if out.len() >= MOST {
            return Err(FnError::new(
                "more than 1024 values were generated; either decrease the difference between start and end or use a \
                 smaller step",
            ));
        }
        out.push(Value::number(next.clone()));
        let Some(n) = next.checked_add(&step) else { break };
        next = n;
    }
    Ok(Value::list(&Ty::Number, out))
}
