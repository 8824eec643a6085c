//! Values and types as the console prints them, in the language's own notation.
//!
//! Never shows what is marked. Several lines for collections, two more spaces per level, heredocs for text of several
//! lines.

use stackctl_core::Ty;

use super::{Kind, Value};
use crate::convert::friendly;

/// A value in the language's notation, `(known after apply)` and `(sensitive value)` where there is nothing to show.
pub fn show(v: &Value) -> String {
    let mut out = String::new();
    write(v, 0, &mut out);
    out
}

/// A type as the console's `type` function prints it, over several lines for objects and tuples.
pub fn type_text(ty: &Ty) -> String {
    let mut out = String::new();
    write_ty(ty, 0, &mut out);
    out
}

/// A text in double quotes; characters that do not print are escaped.
pub fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            c if prints(c) => out.push(c),
            c => match c as u32 {
                n @ 0..=0x7f => out.push_str(&format!("\\x{n:02x}")),
                n @ 0x80..=0xffff => out.push_str(&format!("\\u{n:04x}")),
                n => out.push_str(&format!("\\U{n:08x}")),
            },
        }
    }
    out.push('"');
    out
}

/// Letters, marks, digits, punctuation and symbols, and the plain space.
pub(crate) fn prints(c: char) -> bool {
    // After a letter, because a combining mark alone is escaped.
    let pair: String = ['a', c].iter().collect();
    c == '\'' || pair.escape_debug().count() == 2
}

fn pad(indent: usize, out: &mut String) {
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', indent));
}

fn write(v: &Value, indent: usize, out: &mut String) {
    let marks = v.marks();
    if !v.is_known() {
        return out.push_str("(known after apply)");
    }
    if marks.is_sensitive() {
        return out.push_str("(sensitive value)");
    }
    if marks.is_ephemeral() {
        return out.push_str("(ephemeral value)");
    }
    match v.kind() {
        Kind::Null => out.push_str(&null(&v.ty())),
        Kind::Unknown(_) => out.push_str("(known after apply)"),
        Kind::Bool(b) => out.push_str(if b { "true" } else { "false" }),
        Kind::Number(n) => out.push_str(&n.to_string()),
        Kind::String(s) if s.contains('\n') => heredoc(s, indent, out),
        Kind::String(s) => out.push_str(&quoted(s)),
        Kind::Tuple(l) => sequence(l, indent, out),
        Kind::List(l) => wrapped("tolist", out, |out| sequence(l, indent, out)),
        Kind::Set(l) => wrapped("toset", out, |out| sequence(l, indent, out)),
        Kind::Object(m) => mapping(m, indent, out),
        Kind::Map(m) => wrapped("tomap", out, |out| mapping(m, indent, out)),
    }
}

fn wrapped(function: &str, out: &mut String, inner: impl FnOnce(&mut String)) {
    out.push_str(function);
    out.push('(');
    inner(out);
    out.push(')');
}

fn null(ty: &Ty) -> String {
    let friendly = |t: &Ty| if *t == Ty::Dynamic { "dynamic".to_owned() } else { friendly(t) };
    match ty {
        Ty::Dynamic => "null".to_owned(),
        Ty::String => "tostring(null)".to_owned(),
        Ty::Number => "tonumber(null)".to_owned(),
        Ty::Bool => "tobool(null)".to_owned(),
        Ty::List(t) => format!("tolist(null) /* of {} */", friendly(t)),
        Ty::Set(t) => format!("toset(null) /* of {} */", friendly(t)),
        Ty::Map(t) => format!("tomap(null) /* of {} */", friendly(t)),
        Ty::Tuple(_) | Ty::Object(_) => format!("null /* {} */", friendly(ty)),
    }
}

fn heredoc(text: &str, indent: usize, out: &mut String) {
    let mut end = "EOT".to_owned();
    while text.split('\n').any(|l| l.trim() == end) {
        end.push('_');
    }
    out.push_str(if indent > 0 { "<<-" } else { "<<" });
    out.push_str(&end);
    for line in text.split('\n') {
        pad(indent, out);
        out.push_str(line);
    }
    pad(indent, out);
    out.push_str(&end);
}

fn sequence(items: &[Value], indent: usize, out: &mut String) {
    out.push('[');
    for v in items {
        pad(indent + 2, out);
        write(v, indent + 2, out);
        out.push(',');
    }
    if !items.is_empty() {
        pad(indent, out);
    }
    out.push(']');
}

fn mapping(entries: &std::collections::BTreeMap<String, Value>, indent: usize, out: &mut String) {
    out.push('{');
    for (k, v) in entries {
        pad(indent + 2, out);
        if k.contains('\n') {
            heredoc(k, indent + 2, out)
        } else {
            out.push_str(&quoted(k))
        }
        out.push_str(" = ");
        write(v, indent + 2, out);
    }
    if !entries.is_empty() {
        pad(indent, out);
    }
    out.push('}');
}

/// Spaces per level of a type.
const STEP: usize = 4;

fn write_ty(ty: &Ty, indent: usize, out: &mut String) {
    let collection = |name: &str, of: &Ty, out: &mut String| {
        out.push_str(name);
        out.push('(');
        if matches!(of, Ty::Object(_) | Ty::Tuple(_)) {
            pad(indent + STEP, out);
            write_ty(of, indent + STEP, out);
            out.push(',');
            pad(indent, out);
        } else {
            write_ty(of, indent, out);
        }
        out.push(')');
    };
    match ty {
        Ty::Dynamic => out.push_str("dynamic"),
        Ty::List(t) => collection("list", t, out),
        Ty::Set(t) => collection("set", t, out),
        Ty::Map(t) => collection("map", t, out),
        Ty::Tuple(ts) if ts.is_empty() => out.push_str("tuple([])"),
        Ty::Object(o) if o.attrs.is_empty() => out.push_str("object({})"),
        Ty::Tuple(ts) => {
            out.push_str("tuple([");
            for t in ts {
                pad(indent + STEP, out);
                write_ty(t, indent + STEP, out);
                out.push(',');
            }
            pad(indent, out);
            out.push_str("])");
        }
        Ty::Object(o) => {
            out.push_str("object({");
            for (n, t) in &o.attrs {
                pad(indent + STEP, out);
                out.push_str(n);
                out.push_str(": ");
                write_ty(t, indent + STEP, out);
                out.push(',');
            }
            pad(indent, out);
            out.push_str("})");
        }
        leaf => out.push_str(&leaf.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values() {
        let v = Value::object([
            ("a", Value::list(&Ty::String, vec!["x\ny\n".into(), Value::null(&Ty::String)])),
            ("b", Value::map(&Ty::Number, Vec::<(&str, Value)>::new())),
            ("c", Value::from("secret").sensitive()),
            ("d", Value::unknown(&Ty::Bool)),
        ]);
        let expect = "{\n  \"a\" = tolist([\n    <<-EOT\n    x\n    y\n    \n    EOT,\n    tostring(null),\n  ])\n  \
                      \"b\" = tomap({})\n  \"c\" = (sensitive value)\n  \"d\" = (known after apply)\n}";
        assert_eq!(show(&v), expect);
        assert_eq!(show(&"a\"\u{0}é'\u{2028}\u{301}".into()), "\"a\\\"\\x00é'\\u2028\u{301}\"");
    }

    #[test]
    fn types() {
        let t = Ty::list(Ty::object([("a", Ty::Tuple(vec![Ty::Dynamic])), ("b", Ty::map(Ty::String))]));
        let expect = "list(\n    object({\n        a: tuple([\n            dynamic,\n        ]),\n        b: map(string),\n    }),\n)";
        assert_eq!(type_text(&t), expect);
    }
}
