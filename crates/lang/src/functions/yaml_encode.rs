//! `yamlencode`: block style, strings and keys in double quotes, text of several lines as a literal block.

use super::args::text;
use super::json;
use super::protocol::{Function, Kind as P, Param, Returns};
use crate::value::{Kind, Value};

/// The family, with the decoder.
pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("yamlencode", &[Param::any("value").dynamic().null()], Returns::Is(P::Str), |a, _, _| {
        Ok(Value::string(encode(&a[0])))
    })
    .whole()
    .nullable(),
    Function::new("yamldecode", &[Param::str("src")], Returns::Is(P::Any), |a, _, _| {
        super::yaml_decode::decode(text(a, 0))
    })
    .nullable(),
];

/// Column after which a long double-quoted text is continued on the next line, at a space.
const WIDTH: usize = 80;
/// Longest key, in bytes, that stands before its colon; a longer one is introduced by a question mark.
const SIMPLE_KEY: usize = 128;
const STEP: usize = 2;

fn encode(v: &Value) -> String {
    let mut e = Emitter { out: String::new() };
    e.node(v, None, Place::Top);
    if !e.out.ends_with('\n') {
        e.out.push('\n');
    }
    // A plain scalar alone needs a mark of the document's end.
    if matches!(v.kind(), Kind::Null | Kind::Bool(_) | Kind::Number(_)) {
        e.out.push_str("...\n");
    }
    e.out
}

/// Where a node stands.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Top,
    /// After `key:`.
    Value,
    /// After `-`, `?`, or `:` of a long key: collections begin on the same line.
    Inline,
}

struct Emitter {
    out: String,
}

impl Emitter {
    fn line(&mut self, indent: usize) {
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n(' ', indent));
    }
    fn column(&self) -> usize {
        self.out.rsplit('\n').next().map_or(0, |l| l.chars().count())
    }
    /// Writes a node; `indent` is that of the collection around it.
    fn node(&mut self, v: &Value, indent: Option<usize>, place: Place) {
        let deeper = indent.map_or(0, |i| i + STEP);
        match v.kind() {
            Kind::Map(m) | Kind::Object(m) if !m.is_empty() => {
                for (i, (k, v)) in m.iter().enumerate() {
                    self.begin(i, deeper, place);
                    self.entry(k, v, deeper);
                }
            }
            Kind::List(l) | Kind::Set(l) | Kind::Tuple(l) if !l.is_empty() => {
                // A sequence under a key stands at the key's own indentation.
                let at = if place == Place::Value { indent.unwrap_or(0) } else { deeper };
                for (i, v) in l.iter().enumerate() {
                    self.begin(i, at, place);
                    self.out.push('-');
                    self.node(v, Some(at), Place::Inline);
                }
            }
            kind => {
                if place != Place::Top {
                    self.out.push(' ');
                }
                let inner = indent.map_or(STEP, |i| i + STEP);
                match kind {
                    Kind::Map(_) | Kind::Object(_) => self.out.push_str("{}"),
                    Kind::List(_) | Kind::Set(_) | Kind::Tuple(_) => self.out.push_str("[]"),
                    Kind::String(s) => self.text(s, inner, true),
                    Kind::Number(n) if !n.is_finite() => self.out.push_str(&n.to_string()),
                    _ => self.out.push_str(&json::encode(v).unwrap_or_default()),
                }
            }
        }
    }
    /// Goes to where the item number `i` of a collection begins.
    fn begin(&mut self, i: usize, indent: usize, place: Place) {
        match (i, place) {
            (0, Place::Top) => {}
            (0, Place::Inline) => self.out.push(' '),
            _ => self.next_line(indent),
        }
    }
    /// Goes to a new line, unless a block that keeps its last line breaks has just done so.
    fn next_line(&mut self, indent: usize) {
        if self.out.ends_with('\n') {
            self.out.pop();
        }
        self.line(indent);
    }
    fn entry(&mut self, key: &str, v: &Value, indent: usize) {
        if key.len() > SIMPLE_KEY || key.contains('\n') {
            self.out.push_str("? ");
            self.text(key, indent + STEP, true);
            self.next_line(indent);
            self.out.push(':');
            self.node(v, Some(indent), Place::Inline);
        } else {
            self.text(key, indent + STEP, false);
            self.out.push(':');
            self.node(v, Some(indent), Place::Value);
        }
    }
    fn text(&mut self, s: &str, indent: usize, breaks: bool) {
        if breaks && s.contains('\n') && fits_block(s) {
            self.literal(s, indent);
        } else {
            self.quoted(s, indent, breaks);
        }
    }
    fn literal(&mut self, s: &str, indent: usize) {
        self.out.push('|');
        if s.starts_with([' ', '\n']) {
            self.out.push_str(&STEP.to_string());
        }
        let body = s.strip_suffix('\n');
        match body {
            None => self.out.push('-'),
            Some(b) if b.is_empty() || b.ends_with('\n') => self.out.push('+'),
            Some(_) => {}
        }
        for l in body.unwrap_or(s).split('\n') {
            if l.is_empty() {
                self.out.push('\n')
            } else {
                self.line(indent)
            }
            self.out.push_str(l);
        }
        if body.is_some_and(|b| b.is_empty() || b.ends_with('\n')) {
            self.out.push('\n');
        }
    }
    fn quoted(&mut self, s: &str, indent: usize, breaks: bool) {
        self.out.push('"');
        let mut column = self.column();
        let mut after_space = false;
        // A text that starts with a byte order mark is escaped from end to end.
        let escape_all = s.starts_with('\u{feff}');
        let last = s.chars().count().saturating_sub(1);
        let mut chars = s.chars().enumerate().peekable();
        while let Some((i, c)) = chars.next() {
            let before = self.out.len();
            match c {
                ' ' if breaks && !after_space && column > WIDTH && i > 0 && i < last => {
                    self.line(indent);
                    column = indent;
                    if chars.peek().is_some_and(|(_, c)| *c == ' ') {
                        self.out.push('\\');
                        column += 1;
                    }
                    after_space = true;
                    continue;
                }
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\0' => self.out.push_str("\\0"),
                '\u{7}' => self.out.push_str("\\a"),
                '\u{8}' => self.out.push_str("\\b"),
                '\t' => self.out.push_str("\\t"),
                '\n' => self.out.push_str("\\n"),
                '\u{b}' => self.out.push_str("\\v"),
                '\u{c}' => self.out.push_str("\\f"),
                '\r' => self.out.push_str("\\r"),
                '\u{1b}' => self.out.push_str("\\e"),
                '\u{85}' => self.out.push_str("\\N"),
                '\u{2028}' => self.out.push_str("\\L"),
                '\u{2029}' => self.out.push_str("\\P"),
                c if printable(c) && !escape_all => self.out.push(c),
                c => match c as u32 {
                    n @ 0..=0xff => self.out.push_str(&format!("\\x{n:02X}")),
                    n @ 0x100..=0xffff => self.out.push_str(&format!("\\u{n:04X}")),
                    n => self.out.push_str(&format!("\\U{n:08X}")),
                },
            }
            column += self.out[before..].chars().count();
            after_space = c == ' ';
        }
        self.out.push('"');
    }
}

/// Characters that YAML 1.1 writers leave as they are: tabs and those beyond the first plane are not among them.
fn printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}') && c != '\u{feff}'
}

/// True if a text of several lines can be a literal block: no line ends in a space, nothing needs an escape.
fn fits_block(s: &str) -> bool {
    !s.contains(" \n") && !s.ends_with(' ') && s.chars().all(|c| printable(c) && !matches!(c, '\u{2028}' | '\u{2029}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(v: Value, expect: &str) {
        assert_eq!(encode(&v), expect);
    }
    fn obj(attrs: Vec<(&str, Value)>) -> Value {
        Value::object(attrs)
    }
    fn seq(items: Vec<Value>) -> Value {
        Value::tuple(items)
    }

    #[test]
    fn scalars() {
        for (text, expect) in [
            ("a b", "\"a b\"\n"),
            ("", "\"\"\n"),
            ("a\nb", "|-\n  a\n  b\n"),
            ("a\nb\n", "|\n  a\n  b\n"),
            ("a\nb\n\n", "|+\n  a\n  b\n\n"),
            ("\na\nb", "|2-\n\n  a\n  b\n"),
            (" a\nb", "|2-\n   a\n  b\n"),
            ("\n", "|2+\n\n"),
            ("\n\n", "|2+\n\n\n"),
            ("a\n\nb", "|-\n  a\n\n  b\n"),
            ("a \nb", "\"a \\nb\"\n"),
            ("a\n\tb", "\"a\\n\\tb\"\n"),
            ("a\u{1}b", "\"a\\x01b\"\n"),
            ("é\u{a0}\u{2028}\u{feff}😀", "\"é\u{a0}\\L\\uFEFF\\U0001F600\"\n"),
            ("x\u{85}y\u{7f}", "\"x\\Ny\\x7F\"\n"),
        ] {
            check(text.into(), expect);
        }
        check(Value::null(&stackctl_core::Ty::Dynamic), "null\n...\n");
        check(true.into(), "true\n...\n");
    }

    #[test]
    fn collections() {
        check(seq(vec![seq(vec![1.into(), 2.into()]), seq(vec![3.into()])]), "- - 1\n  - 2\n- - 3\n");
        check(seq(vec![seq(vec![])]), "- []\n");
        check(
            seq(vec![obj(vec![("a", 1.into()), ("b", 2.into())]), obj(vec![("c", seq(vec![1.into()]))])]),
            "- \"a\": 1\n  \"b\": 2\n- \"c\":\n  - 1\n",
        );
        check(obj(vec![("a", obj(vec![("b", obj(vec![("c", 1.into())]))]))]), "\"a\":\n  \"b\":\n    \"c\": 1\n");
        check(
            obj(vec![("a", seq(vec![obj(vec![("b", seq(vec![obj(vec![("c", "x\ny".into())])]))])]))]),
            "\"a\":\n- \"b\":\n  - \"c\": |-\n      x\n      y\n",
        );
        check(obj(vec![("a", seq(vec![seq(vec![obj(vec![("b", 1.into())])])]))]), "\"a\":\n- - \"b\": 1\n");
        check(obj(vec![("a\nb", 1.into())]), "? |-\n  a\n  b\n: 1\n");
        check(obj(vec![("a", seq(vec!["a\n b\n".into()]))]), "\"a\":\n- |\n  a\n   b\n");
        check(seq(vec![seq(vec!["a\nb".into()])]), "- - |-\n    a\n    b\n");
        check(seq(vec!["a\n\n".into(), 1.into()]), "- |+\n  a\n\n- 1\n");
        let long = "x".repeat(130);
        check(obj(vec![(&long, obj(vec![("a", 1.into())]))]), &format!("? \"{long}\"\n: \"a\": 1\n"));
    }

    #[test]
    fn long_lines_are_folded_at_spaces() {
        let (a, b) = ("x".repeat(41), "y".repeat(40));
        check(format!("{a} {b} {a} {a}").as_str().into(), &format!("\"{a} {b}\n  {a} {a}\"\n"));
    }
}
