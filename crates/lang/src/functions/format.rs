//! `format` and `formatlist`: the verbs `%v %s %q %t %b %d %o %x %X %e %E %f %g %G` and `%%`.
//!
//! A verb is `%`, flags of `space # + - 0`, a width, `.` and a precision, `[n]` to choose an argument, and a letter.

use stackctl_core::{Number, Ty};
use unicode_segmentation::UnicodeSegmentation;

use super::FnContext;
use super::args::text;
use super::protocol::{FnError, FnResult, Function, Kind as P, Param, Returns};
use crate::convert::convert;
use crate::value::Value;

const FORMAT: Param = Param::str("format");
const ARGS: Param = Param::any("args").dynamic().null();

/// The family.
pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("format", &[FORMAT], Returns::Is(P::Str), format).documented(P::Any).variadic(ARGS),
    Function::new("formatlist", &[FORMAT], Returns::Is(P::Strs), formatlist).documented(P::Any).variadic(ARGS),
];

fn format(a: &[Value], ty: &Ty, cx: &FnContext<'_>) -> FnResult {
    let args = &a[1..];
    // A null without a type has no form; while planning it counts as not known yet.
    let untyped = cx.planning && args.iter().any(|v| v.is_null() && v.is_dynamic());
    if untyped || args.iter().any(|v| !v.is_wholly_known()) {
        let literal = text(a, 0).split('%').next().unwrap_or_default();
        return Ok(Value::unknown(ty).with_prefix(literal));
    }
    render(text(a, 0), args).map(Value::string)
}

fn formatlist(a: &[Value], ty: &Ty, cx: &FnContext<'_>) -> FnResult {
    let args = &a[1..];
    if cx.planning && args.iter().any(|v| v.is_null() && v.is_dynamic()) {
        return Ok(Value::unknown(ty));
    }
    let mut len: Option<(usize, usize)> = None;
    for (i, v) in args.iter().enumerate() {
        let iterated = matches!(v.ty(), Ty::List(_) | Ty::Set(_) | Ty::Tuple(_));
        if v.is_dynamic() && !v.is_known() {
            return Ok(Value::unknown(ty));
        }
        if !iterated || v.is_null() {
            continue;
        }
        let countable = v.is_wholly_known() || !matches!(v.ty(), Ty::Set(_));
        let Some(n) = v.elements().filter(|_| countable).map(<[Value]>::len) else { return Ok(Value::unknown(ty)) };
        match len {
            Some((first, wanted)) if n != wanted => {
                let message = format!(
                    "argument {} has length {n}, which is inconsistent with argument {} of length {wanted}",
                    i + 1,
                    first + 1
                );
                return Err(FnError::arg(i + 1, message));
            }
            Some(_) => {}
            None => len = Some((i, n)),
        }
    }
    let mut out = Vec::new();
    for i in 0..len.map_or(1, |(_, n)| n) {
        let row: Vec<Value> = args.iter().map(|v| v.elements().map_or_else(|| v.clone(), |l| l[i].clone())).collect();
        out.push(if row.iter().all(Value::is_wholly_known) {
            let text = render(text(a, 0), &row);
            Value::string(text.map_err(|e| FnError::new(format!("error on format iteration {i}: {}", e.message)))?)
        } else {
            Value::unknown(&Ty::String).not_null()
        });
    }
    Ok(Value::list(&Ty::String, out))
}

/// Widest field and longest precision, against accidents that would fill the memory.
const WIDEST: usize = 1_000_000;

#[derive(Default)]
struct Verb {
    space: bool,
    alternate: bool,
    plus: bool,
    minus: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
    arg: Option<usize>,
}

fn render(format: &str, args: &[Value]) -> Result<String, FnError> {
    let mut out = String::new();
    let (mut next, mut used) = (0, 0);
    let mut at = 0;
    while let Some(i) = format[at..].find('%') {
        out.push_str(&format[at..at + i]);
        let start = at + i;
        let (verb, letter, end) = match scan(format, start)? {
            Some(found) => found,
            None => {
                out.push('%');
                at = start + 2;
                continue;
            }
        };
        let shown = &format[start..end];
        let arg = verb.arg.unwrap_or(next);
        next = arg + 1;
        used = used.max(next);
        let Some(value) = args.get(arg) else {
            let total = args.len();
            return Err(FnError::new(format!(
                "not enough arguments for {shown:?} at {start}: need index {} but have {total} total",
                arg + 1
            )));
        };
        let unsupported = |why: &str| FnError::new(format!("unsupported value for {shown:?} at {start}: {why}"));
        if value.is_null() && letter != 'v' {
            return Err(unsupported("null value cannot be formatted"));
        }
        let piece = match letter {
            'v' => verb.plain(value)?,
            't' => {
                let v = convert(value, &Ty::Bool).map_err(|e| unsupported(&e.to_string()))?;
                v.as_bool().unwrap_or(false).to_string()
            }
            's' | 'q' => {
                let v = convert(value, &Ty::String).map_err(|e| unsupported(&e.to_string()))?;
                verb.text(v.as_str().unwrap_or_default(), letter == 'q')
            }
            'b' | 'd' | 'o' | 'x' | 'X' | 'e' | 'E' | 'f' | 'g' | 'G' => {
                let v = convert(value, &Ty::Number).map_err(|e| unsupported(&e.to_string()))?;
                let n = v.as_number().cloned().unwrap_or(Number::ZERO);
                verb.number(&n, letter).ok_or_else(|| unsupported("an integer is required"))?
            }
            other => {
                return Err(FnError::new(format!("unsupported format verb {other:?} in {shown:?} at offset {start}")));
            }
        };
        out.push_str(&piece);
        at = end;
    }
    out.push_str(&format[at..]);
    if used < args.len() {
        let message = match used {
            0 => "too many arguments; no verbs in format string".to_owned(),
            n => format!("too many arguments; only {n} used by format string"),
        };
        return Err(FnError::arg(used + 1, message));
    }
    Ok(out)
}

/// Reads the verb at `start`, where a percent sign stands: the verb, its letter, and where it ends. `None` for `%%`.
fn scan(format: &str, start: usize) -> Result<Option<(Verb, char, usize)>, FnError> {
    let bytes = format.as_bytes();
    let mut at = start + 1;
    if bytes.get(at) == Some(&b'%') {
        return Ok(None);
    }
    let mut v = Verb::default();
    while let Some(b) = bytes.get(at) {
        match b {
            b' ' => v.space = true,
            b'#' => v.alternate = true,
            b'+' => v.plus = true,
            b'-' => v.minus = true,
            b'0' => v.zero = true,
            _ => break,
        }
        at += 1;
    }
    let digits = |at: &mut usize| -> Option<usize> {
        let from = *at;
        while bytes.get(*at).is_some_and(u8::is_ascii_digit) {
            *at += 1;
        }
        if *at == from { None } else { Some(format[from..*at].parse().unwrap_or(usize::MAX)) }
    };
    v.width = digits(&mut at).unwrap_or(0);
    if bytes.get(at) == Some(&b'.') {
        at += 1;
        v.precision = Some(digits(&mut at).unwrap_or(0));
    }
    let unrecognized = |at: usize| {
        let c = format[at..].chars().next().unwrap_or(' ');
        FnError::new(format!("unrecognized format character {c:?} at offset {at}"))
    };
    if bytes.get(at) == Some(&b'[') {
        at += 1;
        v.arg = digits(&mut at).and_then(|n| n.checked_sub(1));
        if v.arg.is_none() || bytes.get(at) != Some(&b']') {
            return Err(unrecognized(at.min(format.len())));
        }
        at += 1;
    }
    if v.width > WIDEST || v.precision.is_some_and(|p| p > WIDEST) {
        return Err(FnError::new(format!("a field at offset {start} is wider than {WIDEST} characters")));
    }
    match format[at..].chars().next() {
        Some(c) if c.is_ascii_alphabetic() => Ok(Some((v, c, at + 1))),
        Some(_) => Err(unrecognized(at)),
        None => Err(FnError::new(format!("invalid format string starting at offset {}", start + 1))),
    }
}

impl Verb {
    /// Fills up to the width, counted in grapheme clusters.
    fn pad(&self, text: String) -> String {
        let missing = self.width.saturating_sub(super::string::width(&text));
        if missing == 0 {
            text
        } else if self.minus {
            text + &" ".repeat(missing)
        } else if self.zero {
            "0".repeat(missing) + &text
        } else {
            " ".repeat(missing) + &text
        }
    }
    /// `%v`: what is natural for the type.
    fn plain(&self, v: &Value) -> Result<String, FnError> {
        let text = match (v.as_str(), v.as_number()) {
            (Some(s), _) if !self.alternate => s.to_owned(),
            (_, Some(n)) if !self.alternate => general(n, None),
            _ => super::json::encode(v)?,
        };
        Ok(self.pad(text))
    }
    fn text(&self, s: &str, quoted: bool) -> String {
        let cut = match self.precision {
            Some(n @ 1..) => s.graphemes(true).take(n).collect::<String>(),
            _ => s.to_owned(),
        };
        if !quoted {
            return self.pad(cut);
        }
        let mut q = String::new();
        super::json::quote(&cut, &mut q);
        self.pad(q)
    }
    /// A number; `None` if the verb wants an integer and it is none.
    fn number(&self, n: &Number, letter: char) -> Option<String> {
        let negative = n.signum() < 0;
        let magnitude = n.abs();
        let mut digits = match letter {
            'e' | 'E' => scientific(&magnitude, Some(self.precision.unwrap_or(6))),
            'f' => fixed(&magnitude, self.precision.unwrap_or(6)),
            'g' | 'G' => general(&magnitude, self.precision),
            _ => {
                let base = match letter {
                    'b' => 2,
                    'o' => 8,
                    'd' => 10,
                    _ => 16,
                };
                let digits = magnitude.to_radix(base)?;
                let least = self.precision.unwrap_or(0);
                format!("{}{digits}", "0".repeat(least.saturating_sub(digits.len())))
            }
        };
        if letter.is_ascii_uppercase() {
            digits = digits.to_uppercase();
        }
        let mark = match letter {
            'b' => "0b",
            'o' => "0",
            'x' => "0x",
            'X' => "0X",
            _ => "",
        };
        let digits = digits.trim_start_matches('+').to_owned();
        let sign = if negative {
            "-"
        } else if self.plus || !n.is_finite() {
            "+"
        } else if self.space {
            " "
        } else {
            ""
        };
        let head = format!("{sign}{}", if self.alternate { mark } else { "" });
        let missing = self.width.saturating_sub(head.len() + digits.len());
        Some(if self.minus {
            format!("{head}{digits}{}", " ".repeat(missing))
        } else if self.zero && n.is_finite() {
            format!("{head}{}{digits}", "0".repeat(missing))
        } else {
            format!("{}{head}{digits}", " ".repeat(missing))
        })
    }
}

/// Digits of `0.DIGITS × 10^point`, rounded to `keep` of them (ties to even).
fn round(digits: &[u8], point: i64, keep: i64) -> (Vec<u8>, i64) {
    let Ok(keep) = usize::try_from(keep) else { return (Vec::new(), point) };
    if keep >= digits.len() {
        return (digits.to_vec(), point);
    }
    let (head, tail) = digits.split_at(keep);
    let half = tail[0] == b'5' && tail[1..].iter().all(|d| *d == b'0');
    let up = if half { head.last().is_some_and(|d| (d - b'0') % 2 == 1) } else { tail[0] >= b'5' };
    let mut out = head.to_vec();
    if up {
        let mut i = out.len();
        loop {
            if i == 0 {
                out.insert(0, b'1');
                return (out, point + 1);
            }
            i -= 1;
            if out[i] == b'9' {
                out[i] = b'0';
            } else {
                out[i] += 1;
                break;
            }
        }
    }
    (out, point)
}

/// `%f` of a number that is not negative.
fn fixed(n: &Number, precision: usize) -> String {
    let Some(d) = n.exact() else { return n.to_string() };
    let places = i64::try_from(precision).unwrap_or(i64::MAX);
    let (digits, point) = round(&d.digits, d.point, d.point.saturating_add(places));
    let digit = |i: i64| usize::try_from(i).ok().and_then(|i| digits.get(i)).map_or('0', |b| *b as char);
    let whole: String = if point > 0 { (0..point).map(digit).collect() } else { "0".to_owned() };
    if precision == 0 {
        return whole;
    }
    let fraction: String = (point..point.saturating_add(places)).map(digit).collect();
    format!("{whole}.{fraction}")
}

/// `%e` of a number that is not negative; all digits that it takes without a precision.
fn scientific(n: &Number, precision: Option<usize>) -> String {
    let (digits, point) = match precision {
        Some(p) => {
            let Some(d) = n.exact() else { return n.to_string() };
            let (mut digits, point) = round(&d.digits, d.point, i64::try_from(p).unwrap_or(i64::MAX).saturating_add(1));
            digits.resize(p + 1, b'0');
            (digits, if d.digits.is_empty() { 1 } else { point })
        }
        None => {
            let Some(d) = n.shortest() else { return n.to_string() };
            if d.digits.is_empty() { (vec![b'0'], 1) } else { (d.digits, d.point) }
        }
    };
    let text = String::from_utf8_lossy(&digits);
    let exponent = point - 1;
    let sign = if exponent < 0 { '-' } else { '+' };
    let dot = if text.len() > 1 { "." } else { "" };
    format!("{}{dot}{}e{sign}{:02}", &text[..1], &text[1..], exponent.unsigned_abs())
}

/// A number with at most ten digits, as it stands in the keys that sets are ordered by.
pub(crate) fn general_ten(n: &Number) -> String {
    match n.to_i64() {
        Some(i) if i.unsigned_abs() < 10_000_000_000 => i.to_string(),
        _ => general(n, Some(10)),
    }
}

/// `%g`: with an exponent below 10^-4, and from 10^6 on where the digits do not reach that far.
fn general(n: &Number, precision: Option<usize>) -> String {
    let negative = n.signum() < 0;
    let n = n.abs();
    let (Some(short), Some(exact)) = (n.shortest(), n.exact()) else {
        return if negative { "-Inf".to_owned() } else { "+Inf".to_owned() };
    };
    let sign = if negative { "-" } else { "" };
    if short.digits.is_empty() {
        return "0".to_owned();
    }
    let (digits, point, limit) = match precision {
        None => (short.digits, short.point, 6),
        Some(p) => {
            let p = i64::try_from(p.max(1)).unwrap_or(i64::MAX);
            let (mut digits, point) = round(&exact.digits, exact.point, p);
            while digits.last() == Some(&b'0') {
                digits.pop();
            }
            let len = i64::try_from(digits.len()).unwrap_or(i64::MAX);
            (digits, point, if p > len && len >= point { len } else { p })
        }
    };
    let exponent = point - 1;
    let d = stackctl_core::number::Decimal { negative, digits, point };
    if exponent < -4 || exponent >= limit {
        let text = String::from_utf8_lossy(&d.digits).into_owned();
        let dot = if text.len() > 1 { "." } else { "" };
        let e = if exponent < 0 { '-' } else { '+' };
        return format!("{sign}{}{dot}{}e{e}{:02}", &text[..1], &text[1..], exponent.unsigned_abs());
    }
    d.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn n(text: &str) -> Value {
        Value::number(Number::parse(text).unwrap())
    }

    fn check(format: &str, args: &[Value], expect: &str) {
        let got = render(format, args).unwrap_or_else(|e| format!("error: {}", e.message));
        assert_eq!(got, expect, "{format}");
    }

    #[test]
    fn verbs() {
        let s = |t: &str| Value::string(t);
        let list = Value::tuple(vec![1.into(), "a".into(), Value::null(&Ty::Dynamic)]);
        check("%v", &[list], r#"[1,"a",null]"#);
        check("%%|%s", &[n("12")], "%|12");
        check("%05.2f|%-5s|", &[n("3.14159"), s("ab")], "03.14|ab   |");
        check("%5.1f|%-8v|%08d", &[n("3.14159"), s("ab"), n("42")], "  3.1|ab      |00000042");
        check("% d|%05d|%-5d|%+05d", &[n("5"), n("-5"), n("5"), n("5")], " 5|-0005|5    |+0005");
        check("%x|%X|%o|%b|%#x", &[n("255"), n("255"), n("8"), n("5"), n("-255")], "ff|FF|10|101|-0xff");
        check("%e|%.2e|%.0f|%.0e", &[n("0"), n("1234.5678"), n("2.5"), n("15")], "0.000000e+00|1.23e+03|2|2e+01");
        check("%g|%g|%g|%g", &[n("1e20"), n("100000"), n("1e-4"), n("1e-5")], "1e+20|100000|0.0001|1e-05");
        check("%v|%v|%v", &[n("1234567"), n("123456.5"), n("1e21")], "1.234567e+06|123456.5|1e+21");
        check("%s|%d", &[n("1e30"), n("1e21")], "1000000000000000000000000000000|1000000000000000000000");
        check("%.3g|%.10g|%.3g", &[n("1234.5678"), n("100000"), n("0.00001234")], "1.23e+03|100000|1.23e-05");
        check("%6.2f%%", &[n("12.345")], " 12.34%");
        check("%q", &[s("a\"b<")], "\"a\\\"b\\u003c\"");
        check("%5s|%.1s|%05s", &[s("é"), s("éa"), s("ab")], "    é|é|000ab");
        check("%[2]s %[1]s %s", &[s("a"), s("b")], "b a b");
        check("%t|%t", &[s("1"), Value::bool(false)], "true|false");
        check("%08.3f|%+.1f|% .1f", &[n("3.14159"), n("2"), n("2")], "0003.142|+2.0| 2.0");
        check("%f|%.3d|%#08x", &[n("0.1"), n("5"), n("255")], "0.100000|005|0x0000ff");
        check("%#v", &[Value::object([("a", "x".into())])], r#"{"a":"x"}"#);
    }

    #[test]
    fn errors() {
        let s = |t: &str| Value::string(t);
        check("%d", &[n("1.5")], "error: unsupported value for \"%d\" at 0: an integer is required");
        check("%s", &[Value::tuple(vec![])], "error: unsupported value for \"%s\" at 0: string required");
        check("%s", &[s("a"), s("b")], "error: too many arguments; only 1 used by format string");
        check("a", &[s("b")], "error: too many arguments; no verbs in format string");
        check("%s %s", &[s("a")], "error: not enough arguments for \"%s\" at 3: need index 2 but have 1 total");
        check("%z", &[s("a")], "error: unsupported format verb 'z' in \"%z\" at offset 0");
        check("%*d", &[s("a")], "error: unrecognized format character '*' at offset 1");
        check("%[0]s", &[s("a")], "error: unrecognized format character ']' at offset 3");
        check("%", &[], "error: invalid format string starting at offset 1");
        check("%99999999999s", &[s("a")], "error: a field at offset 0 is wider than 1000000 characters");
        check(
            "%s",
            &[Value::null(&Ty::String)],
            "error: unsupported value for \"%s\" at 0: null value cannot be formatted",
        );
    }
}
