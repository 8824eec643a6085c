//! The functions of the built-in provider, `provider::terraform::…`: values as expressions and as tfvars files.

use stackctl_core::Ty;
use stackctl_hcl::{FileId, Item, fmt, is_identifier, parse_body};

use super::FnContext;
use super::args::text;
use super::protocol::{FnError, FnResult, Function, Kind as P, Param, Returns};
use crate::convert::friendly;
use crate::value::{Kind, Value, show};

/// The family.
pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("provider::terraform::encode_expr", &[Param::any("value")], Returns::Is(P::Str), |a, _, _| {
        // The layout is that of an argument's value.
        let laid_out = lay_out(&format!("x = {}\n", expression(&a[0])?))?;
        Ok(Value::string(laid_out.trim_start_matches("x = ").trim_end_matches('\n')))
    })
    .whole(),
    Function::new("provider::terraform::encode_tfvars", &[Param::any("value")], Returns::Is(P::Str), encode_tfvars)
        .whole(),
    Function::new("provider::terraform::decode_tfvars", &[Param::str("src")], Returns::Is(P::Any), decode_tfvars),
];

fn lay_out(source: &str) -> Result<String, FnError> {
    fmt::format(source).map_err(|_| FnError::new("the value cannot be written as an expression"))
}

fn expression(v: &Value) -> Result<String, FnError> {
    let all = |l: &[Value]| l.iter().map(expression).collect::<Result<Vec<_>, _>>();
    Ok(match v.kind() {
        Kind::Null | Kind::Unknown(_) => "null".to_owned(),
        Kind::Bool(b) => b.to_string(),
        Kind::Number(n) if n.is_finite() => n.to_string(),
        Kind::Number(_) => return Err(FnError::new("an infinite number has no literal")),
        Kind::String(s) => quoted(s),
        Kind::List(l) | Kind::Set(l) | Kind::Tuple(l) => format!("[{}]", all(l)?.join(", ")),
        Kind::Map(m) | Kind::Object(m) if m.is_empty() => "{}".to_owned(),
        Kind::Map(m) | Kind::Object(m) => {
            let mut out = "{\n".to_owned();
            for (k, v) in m {
                let key = if is_identifier(k) { k.clone() } else { quoted(k) };
                out.push_str(&format!("{key} = {}\n", expression(v)?));
            }
            out + "}"
        }
    })
}

/// A quoted template that evaluates to the text.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '$' | '%' if rest.peek() == Some(&'{') => {
                out.push(c);
                out.push(c);
            }
            c if show::prints(c) => out.push(c),
            c => match c as u32 {
                n @ 0..=0xffff => out.push_str(&format!("\\u{n:04x}")),
                n => out.push_str(&format!("\\U{n:08x}")),
            },
        }
    }
    out.push('"');
    out
}

fn encode_tfvars(a: &[Value], _: &Ty, _: &FnContext<'_>) -> FnResult {
    let Some(vars) = a[0].entries() else {
        return Err(FnError::new(format!(
            "invalid value to encode: must be an object whose attribute names will become the encoded variable names, \
             not {}",
            friendly(&a[0].ty())
        )));
    };
    let mut out = String::new();
    for (name, v) in vars {
        if !is_identifier(name) {
            return Err(FnError::new(format!("invalid variable name {name:?}: must be a valid identifier")));
        }
        out.push_str(&format!("{name} = {}\n", expression(v)?));
    }
    lay_out(&out).map(Value::string)
}

fn decode_tfvars(a: &[Value], _: &Ty, _: &FnContext<'_>) -> FnResult {
    let (body, errors) = parse_body(text(a, 0), FileId::default());
    if let Some(e) = errors.first() {
        return Err(FnError::new(format!("invalid tfvars syntax: {}", e.summary)));
    }
    let mut out = Vec::new();
    for item in &body.items {
        match item {
            Item::Attribute(attr) => {
                let name = attr.name.as_str();
                let (v, problems) = crate::eval::constant(&attr.expr);
                if let Some(p) = problems.first() {
                    let message = format!("invalid expression for variable {name:?}: {}; {}", p.summary, p.detail);
                    return Err(FnError::new(message.trim_end_matches('.').to_owned()));
                }
                out.push((name.to_owned(), v));
            }
            Item::Block(b) => {
                return Err(FnError::new(format!("invalid tfvars content: unexpected {:?} block", b.kind.as_str())));
            }
        }
    }
    Ok(Value::object(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions() {
        let v = Value::object([
            ("1x", Value::tuple(vec![])),
            ("a", 1.into()),
            ("a b", Value::object([("z", Value::object::<&str>([]))])),
            ("bcd", "x".into()),
            ("c", Value::tuple(vec![1.into(), "y".into(), Value::null(&Ty::Dynamic), true.into()])),
        ]);
        let laid_out = lay_out(&format!("x = {}\n", expression(&v).unwrap())).unwrap();
        let expect = "x = {\n  \"1x\" = []\n  a    = 1\n  \"a b\" = {\n    z = {}\n  }\n  bcd = \"x\"\n  c   = [1, \"y\", null, true]\n}\n";
        assert_eq!(laid_out, expect);
        assert_eq!(quoted("a\nb${x}%{y}$\"\\é\u{1}\u{2028}"), r#""a\nb$${x}%%{y}$\"\\é\u0001\u2028""#);
    }

    #[test]
    fn variables_round_trip() {
        let vars = Value::object([
            ("b", Value::tuple(vec!["${x}".into(), Value::object([("c", true.into())])])),
            ("n", 1.into()),
        ]);
        let source: String =
            vars.entries().unwrap().iter().map(|(n, v)| format!("{n} = {}\n", expression(v).unwrap())).collect();
        let (body, errors) = parse_body(&source, FileId::default());
        assert!(errors.is_empty());
        let read = body.items.iter().map(|i| match i {
            Item::Attribute(a) => (a.name.as_str().to_owned(), crate::eval::constant(&a.expr).0),
            Item::Block(_) => panic!("no block was written"),
        });
        assert_eq!(Value::object(read), vars);
    }
}
