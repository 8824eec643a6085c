//! The canonical order of values: what a set iterates in, and what makes two elements one.
//!
//! Modules index into lists of sets and build names from positions, so composite values follow the order of Terraform: by
//! a text of theirs (see [`key`]), in which 10 comes before 2. Primitives have their natural order. Start at [`sort`].

use std::cmp::Ordering;

use super::{Kind, Value};
use crate::functions::general_ten;

/// Most bytes of a key, and of all keys of a set: parts of values are shared, so that a small value can have a huge text.
const LONGEST_KEY: usize = 1 << 20;
const ALL_KEYS: usize = 256 << 20;

/// A total order of values of one type: known ones first (strings by bytes, numbers by size, false before true, others
/// by their key, then element by element), then null, then unknown. All unknown values of a type compare equal. Ignores
/// marks.
pub fn compare(a: &Value, b: &Value) -> Ordering {
    match (composite(a), composite(b)) {
        (true, true) => key(a, LONGEST_KEY).cmp(&key(b, LONGEST_KEY)).then_with(|| structural(a, b)),
        _ => structural(a, b),
    }
}

/// Sorts as [`compare`] says, with one key for each composite value.
pub fn sort(values: &mut Vec<Value>) {
    if values.len() < 2 {
        return;
    }
    if !values.iter().any(composite) {
        values.sort_by(structural);
        return;
    }
    let most = (ALL_KEYS / values.len()).clamp(64, LONGEST_KEY);
    let mut keyed: Vec<(Vec<u8>, Value)> =
        values.drain(..).map(|v| (if composite(&v) { key(&v, most) } else { Vec::new() }, v)).collect();
    keyed.sort_by(|(ka, a), (kb, b)| match (composite(a), composite(b)) {
        (true, true) => ka.cmp(kb).then_with(|| structural(a, b)),
        _ => structural(a, b),
    });
    values.extend(keyed.into_iter().map(|(_, v)| v));
}

/// True for what has a key.
fn composite(v: &Value) -> bool {
    matches!(v.kind(), Kind::List(_) | Kind::Set(_) | Kind::Tuple(_) | Kind::Map(_) | Kind::Object(_))
}

fn structural(a: &Value, b: &Value) -> Ordering {
    match (a.kind(), b.kind()) {
        (Kind::Bool(a), Kind::Bool(b)) => a.cmp(&b),
        (Kind::Number(a), Kind::Number(b)) => a.cmp(b),
        (Kind::String(a), Kind::String(b)) => a.cmp(b),
        (Kind::List(a) | Kind::Set(a) | Kind::Tuple(a), Kind::List(b) | Kind::Set(b) | Kind::Tuple(b)) => {
            a.iter().zip(b).map(|(a, b)| structural(a, b)).find(|o| o.is_ne()).unwrap_or_else(|| a.len().cmp(&b.len()))
        }
        (Kind::Map(a) | Kind::Object(a), Kind::Map(b) | Kind::Object(b)) => a
            .iter()
            .zip(b)
            .map(|((ka, va), (kb, vb))| ka.cmp(kb).then_with(|| structural(va, vb)))
            .find(|o| o.is_ne())
            .unwrap_or_else(|| a.len().cmp(&b.len())),
        (a, b) => rank(a).cmp(&rank(b)),
    }
}

fn rank(k: Kind<'_>) -> u8 {
    match k {
        Kind::Bool(_) => 0,
        Kind::Number(_) => 1,
        Kind::String(_) => 2,
        Kind::List(_) | Kind::Set(_) | Kind::Tuple(_) => 3,
        Kind::Map(_) | Kind::Object(_) => 4,
        Kind::Null => 5,
        Kind::Unknown(_) => 6,
    }
}

/// The text that composite values are ordered by: strings in quotes, numbers with ten digits, every element followed by a
/// semicolon, attributes without their names; cut after about `most` bytes. Two values may have one key.
fn key(v: &Value, most: usize) -> Vec<u8> {
    let mut out = Vec::new();
    write_key(v, most, &mut out);
    out
}

fn write_key(v: &Value, most: usize, out: &mut Vec<u8>) {
    if out.len() > most {
        return;
    }
    match v.kind() {
        Kind::Unknown(_) => out.push(b'?'),
        Kind::Null => out.push(b'~'),
        Kind::Bool(b) => out.push(if b { b'T' } else { b'F' }),
        Kind::Number(n) => out.extend_from_slice(general_ten(n).as_bytes()),
        Kind::String(s) => write_quoted(s, most, out),
        Kind::List(l) | Kind::Set(l) => {
            out.push(b'[');
            for e in l {
                write_key(e, most, out);
                out.push(b';');
            }
            out.push(b']');
        }
        Kind::Tuple(l) => {
            out.push(b'<');
            for e in l {
                write_key(e, most, out);
                out.push(b';');
            }
            out.push(b'>');
        }
        Kind::Map(m) => {
            out.push(b'{');
            for (k, e) in m {
                write_quoted(k, most, out);
                out.push(b':');
                write_key(e, most, out);
                out.push(b';');
            }
            out.push(b'}');
        }
        Kind::Object(m) => {
            out.push(b'<');
            for e in m.values() {
                write_key(e, most, out);
                out.push(b';');
            }
            out.push(b'>');
        }
    }
}

/// A text in quotes, with what cannot be printed written as an escape.
fn write_quoted(s: &str, most: usize, out: &mut Vec<u8>) {
    out.push(b'"');
    for c in s.chars() {
        if out.len() > most {
            return;
        }
        let escape = match c {
            '"' => "\\\"".to_owned(),
            '\\' => "\\\\".to_owned(),
            '\n' => "\\n".to_owned(),
            '\r' => "\\r".to_owned(),
            '\t' => "\\t".to_owned(),
            '\u{7}' => "\\a".to_owned(),
            '\u{8}' => "\\b".to_owned(),
            '\u{c}' => "\\f".to_owned(),
            '\u{b}' => "\\v".to_owned(),
            ' '..='~' => {
                out.push(c as u8);
                continue;
            }
            '\0'..='\u{7f}' => format!("\\x{:02x}", u32::from(c)),
            c if c.is_control() || c.is_whitespace() => format!("\\u{:04x}", u32::from(c)),
            c => c.to_string(),
        };
        out.extend_from_slice(escape.as_bytes());
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use stackctl_core::{Number, Ty};

    use super::*;

    /// A set of the values prints in this order.
    fn check(mut values: Vec<Value>, expect: &str) {
        values.reverse();
        sort(&mut values);
        let shown: Vec<String> = values.iter().map(|v| String::from_utf8(key(v, LONGEST_KEY)).unwrap()).collect();
        assert_eq!(shown.join(" "), expect);
        for pair in values.windows(2) {
            assert!(compare(&pair[0], &pair[1]).is_lt());
        }
    }

    fn number(text: &str) -> Value {
        Value::tuple(vec![Value::number(Number::parse(text).unwrap())])
    }

    #[test]
    fn composite_values_go_by_their_text() {
        check(["1", "2", "10", "12"].map(number).into(), "<10;> <12;> <1;> <2;>");
        check(["1000000000", "10000000000", "1", "2"].map(number).into(), "<1000000000;> <1;> <1e+10;> <2;>");
        check(
            ["-1", "1.5", "123456789.123456", "1e30", "0.00001"].map(number).into(),
            "<-1;> <1.5;> <123456789.1;> <1e+30;> <1e-05;>",
        );
        let a = |v: Value| Value::object([("a", v)]);
        check(
            vec![a("a".into()), a("a!".into()), a("a\n".into()), a("é".into()), a(Value::null(&Ty::String))],
            "<\"a!\";> <\"a\";> <\"a\\n\";> <\"é\";> <~;>",
        );
        let m = |k: &str| Value::map(&Ty::Bool, [(k, Value::bool(true))]);
        check(vec![m("b"), m("a"), Value::map::<&str>(&Ty::Bool, [])], "{\"a\":T;} {\"b\":T;} {}");
        let l = |l: &[&str]| Value::strings(l);
        check(vec![l(&[]), l(&["a"]), l(&["a", "b"])], "[\"a\";\"b\";] [\"a\";] []");
    }

    #[test]
    fn equal_texts_are_told_apart() {
        let (a, b) = (number("1.0000000000001"), number("1"));
        assert_eq!(key(&a, LONGEST_KEY), key(&b, LONGEST_KEY));
        assert!(compare(&b, &a).is_lt());
    }

    #[test]
    fn null_and_unknown_come_last() {
        let ty = Ty::Tuple(vec![Ty::Number]);
        let mut all = vec![Value::unknown(&ty), Value::null(&ty), number("1")];
        sort(&mut all);
        assert!(all[0].is_known() && all[1].is_null() && !all[2].is_known());
    }
}
