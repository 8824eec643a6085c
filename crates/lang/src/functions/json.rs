//! `jsonencode` and `jsondecode`, and the JSON text that other functions share.

use stackctl_core::{Number, Ty};

use super::FnContext;
use super::args::text;
use super::protocol::{FnError, FnResult, Function, Kind as P, Param, Returns};
use crate::value::{Kind, Value};

/// The family.
pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("jsonencode", &[Param::any("val").dynamic().null()], Returns::Is(P::Str), jsonencode),
    Function::new("jsondecode", &[Param::str("str")], Returns::Is(P::Any), |a, _, _| decode(text(a, 0))).nullable(),
];

fn jsonencode(a: &[Value], ty: &Ty, _: &FnContext<'_>) -> FnResult {
    if a[0].is_wholly_known() {
        return encode(&a[0]).map(Value::string);
    }
    // Whatever the value turns out to be, its type decides the first character.
    let start = match a[0].ty() {
        _ if !a[0].is_not_null() => "",
        Ty::String => "\"",
        Ty::Object(_) | Ty::Map(_) => "{",
        Ty::List(_) | Ty::Set(_) | Ty::Tuple(_) => "[",
        _ => "",
    };
    Ok(Value::unknown(ty).with_prefix(start))
}

/// A known value as compact JSON: keys sorted, numbers without exponent, `<`, `>`, `&` and line separators escaped.
///
/// # Errors
/// Infinite numbers.
pub(super) fn encode(v: &Value) -> Result<String, FnError> {
    let mut out = String::new();
    write(v, &mut out)?;
    Ok(out)
}

fn write(v: &Value, out: &mut String) -> Result<(), FnError> {
    match v.kind() {
        Kind::Null | Kind::Unknown(_) => out.push_str("null"),
        Kind::Bool(b) => out.push_str(if b { "true" } else { "false" }),
        Kind::Number(n) if n.is_finite() => out.push_str(&n.to_string()),
        Kind::Number(_) => return Err(FnError::new("cannot serialize infinity as JSON")),
        Kind::String(s) => quote(s, out),
        Kind::List(l) | Kind::Set(l) | Kind::Tuple(l) => {
            out.push('[');
            for (i, v) in l.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write(v, out)?;
            }
            out.push(']');
        }
        Kind::Map(m) | Kind::Object(m) => {
            out.push('{');
            for (i, (k, v)) in m.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                quote(k, out);
                out.push(':');
                write(v, out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

/// A JSON string literal.
pub(super) fn quote(s: &str, out: &mut String) {
    out.push('"');
    for c in s.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                out.push_str(&format!("\\u{:04x}", c as u32));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Deepest nesting that is read.
const DEPTH: usize = 512;

fn decode(text: &str) -> FnResult {
    let mut d = Decoder { text, at: 0 };
    let v = d.value(0)?;
    d.space();
    if d.at < text.len() {
        return Err(FnError::new("extraneous data after JSON object"));
    }
    Ok(v)
}

struct Decoder<'t> {
    text: &'t str,
    at: usize,
}

impl Decoder<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }
    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }
    fn unexpected(&self, place: &str) -> FnError {
        match self.text[self.at..].chars().next() {
            Some(c) => FnError::new(format!("invalid character {c:?} {place}")),
            None if self.text.trim().is_empty() => FnError::new("EOF"),
            None => FnError::new("unexpected EOF"),
        }
    }
    fn word(&mut self, word: &str, v: Value) -> FnResult {
        if self.text[self.at..].starts_with(word) {
            self.at += word.len();
            return Ok(v);
        }
        while let Some(b) = self.peek().filter(u8::is_ascii_lowercase) {
            let _ = b;
            self.at += 1;
        }
        Err(self.unexpected(&format!("in literal {word}")))
    }
    fn value(&mut self, depth: usize) -> FnResult {
        if depth > DEPTH {
            return Err(FnError::new(format!("nested more than {DEPTH} levels deep")));
        }
        self.space();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(Value::string),
            Some(b't') => self.word("true", Value::bool(true)),
            Some(b'f') => self.word("false", Value::bool(false)),
            Some(b'n') => self.word("null", Value::null(&Ty::Dynamic)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.unexpected("looking for beginning of value")),
        }
    }
    fn object(&mut self, depth: usize) -> FnResult {
        let mut out = Vec::new();
        self.at += 1;
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::object::<&str>([]));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("looking for beginning of object key string"));
            }
            let key = self.string()?;
            self.space();
            if self.peek() != Some(b':') {
                return Err(self.unexpected("after object key"));
            }
            self.at += 1;
            out.push((key, self.value(depth + 1)?));
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Value::object(out));
                }
                _ => return Err(self.unexpected("after object key:value pair")),
            }
        }
    }
    fn array(&mut self, depth: usize) -> FnResult {
        let mut out = Vec::new();
        self.at += 1;
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::tuple(out));
        }
        loop {
            out.push(self.value(depth + 1)?);
            self.space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Value::tuple(out));
                }
                _ => return Err(self.unexpected("after array element")),
            }
        }
    }
    fn number(&mut self) -> FnResult {
        let start = self.at;
        let digits = |d: &mut Self| {
            let from = d.at;
            while d.peek().is_some_and(|b| b.is_ascii_digit()) {
                d.at += 1;
            }
            d.at > from
        };
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else if !digits(self) {
            return Err(self.unexpected("in numeric literal"));
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            if !digits(self) {
                return Err(self.unexpected("after decimal point in numeric literal"));
            }
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if !digits(self) {
                return Err(self.unexpected("in exponent of numeric literal"));
            }
        }
        Number::parse(&self.text[start..self.at]).map(Value::number).ok_or_else(|| FnError::new("number out of range"))
    }
    fn string(&mut self) -> Result<String, FnError> {
        let mut out = String::new();
        self.at += 1;
        loop {
            let Some(c) = self.text[self.at..].chars().next() else { return Err(FnError::new("unexpected EOF")) };
            match c {
                '"' => {
                    self.at += 1;
                    return Ok(out);
                }
                '\\' => {
                    self.at += 1;
                    self.escape(&mut out)?;
                }
                '\0'..='\u{1f}' => return Err(self.unexpected("in string literal")),
                c => {
                    out.push(c);
                    self.at += c.len_utf8();
                }
            }
        }
    }
    fn escape(&mut self, out: &mut String) -> Result<(), FnError> {
        let c = match self.peek() {
            Some(c @ (b'"' | b'\\' | b'/')) => c as char,
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                let high = self.unit()?;
                let c = match high {
                    0xd800..=0xdbff => {
                        let before = self.at;
                        let low = if self.text[self.at..].starts_with("\\u") {
                            self.at += 2;
                            self.unit()?
                        } else {
                            0
                        };
                        if (0xdc00..=0xdfff).contains(&low) {
                            char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))
                        } else {
                            self.at = before;
                            None
                        }
                    }
                    unit => char::from_u32(unit),
                };
                out.push(c.unwrap_or(char::REPLACEMENT_CHARACTER));
                return Ok(());
            }
            _ => return Err(self.unexpected("in string escape code")),
        };
        out.push(c);
        self.at += 1;
        Ok(())
    }
    fn unit(&mut self) -> Result<u32, FnError> {
        let digits = self.text.get(self.at..self.at + 4).filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let Some(unit) = digits.and_then(|d| u32::from_str_radix(d, 16).ok()) else {
            return Err(self.unexpected("in \\u hexadecimal character escape"));
        };
        self.at += 4;
        Ok(unit)
    }
}
