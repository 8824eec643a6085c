//! `yamldecode`: one YAML document with the scalars of YAML 1.1 as the language reads them.
//!
//! Differences from plain YAML 1.2: `yes`, `on`, `y` and their opposites are bools, `010` is ten, dates become RFC 3339
//! text, `<<` merges a mapping. Aliases share what they refer to; the number of nodes that a document expands to, and how
//! deep they nest, is limited.

use std::collections::HashMap;

use jiff::civil::DateTime;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};
use stackctl_core::{Number, Ty};

use super::datetime::Time;
use super::protocol::{FnError, FnResult};
use crate::convert::friendly;
use crate::value::Value;

/// Most nodes of a document, aliases counted with all that is in them.
const MOST_NODES: usize = 1_000_000;
/// Deepest nesting.
const DEPTH: usize = 200;

pub(super) fn decode(text: &str) -> FnResult {
    let (nodes, at) = (0, Marker::new(0, 1, 0));
    let unfinished = (!text.ends_with('\n')).then(|| text.chars().count());
    let mut d = Decoder { parser: Parser::new_from_str(text), anchors: HashMap::new(), nodes, at, unfinished, end: 0 };
    if text.trim_start_matches(' ').starts_with('\t') {
        return Err(d.error("found character that cannot start any token"));
    }
    if let Some(c) = text.chars().enumerate().find(|(i, c)| !printable(*c) && (*i, *c) != (0, '\u{feff}')) {
        return Err(d.error(format!("control characters are not allowed (U+{:04X})", c.1 as u32)));
    }
    let mut document = None;
    loop {
        match d.next()? {
            Event::DocumentStart(_) if document.is_some() => {
                return Err(d.error("unexpected extra content after value"));
            }
            Event::DocumentStart(_) => {
                let first = d.next()?;
                document = Some(d.node(first, 0)?);
            }
            Event::StreamEnd => return document.ok_or_else(|| d.error("missing start of document")),
            _ => {}
        }
    }
}

/// The characters that a document may have as they are.
fn printable(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..)
}

struct Decoder<'t> {
    parser: Parser<'t, saphyr_parser::StrInput<'t>>,
    /// What each anchor stands for and its number of nodes; `None` while inside its own definition.
    anchors: HashMap<usize, Option<(Value, usize)>>,
    nodes: usize,
    at: Marker,
    /// Characters of a text that does not end with a line break.
    unfinished: Option<usize>,
    /// Where the last event ended, in characters.
    end: usize,
}

impl<'t> Decoder<'t> {
    fn error(&self, what: impl std::fmt::Display) -> FnError {
        FnError::new(format!("on line {}, column {}: {what}", self.at.line(), self.at.col() + 1))
    }
    fn next(&mut self) -> Result<Event<'t>, FnError> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => {
                self.at = span.start;
                self.end = span.end.index();
                Ok(event)
            }
            Some(Err(e)) => {
                self.at = *e.marker();
                Err(self.error(e.info()))
            }
            None => Ok(Event::StreamEnd),
        }
    }
    fn count(&mut self, n: usize) -> Result<(), FnError> {
        self.nodes += n;
        if self.nodes > MOST_NODES {
            return Err(self.error(format!("the document expands to more than {MOST_NODES} values")));
        }
        Ok(())
    }
    fn node(&mut self, event: Event<'t>, depth: usize) -> FnResult {
        if depth > DEPTH {
            return Err(self.error(format!("nested more than {DEPTH} levels deep")));
        }
        self.count(1)?;
        let before = self.nodes;
        match event {
            Event::Alias(id) => match self.anchors.get(&id) {
                Some(Some((v, n))) => {
                    let (v, n) = (v.clone(), *n);
                    self.count(n)?;
                    Ok(v)
                }
                Some(None) => Err(self.error("cannot refer to an anchor from inside its own definition")),
                None => Err(self.error("reference to undefined anchor")),
            },
            Event::Scalar(mut text, style, anchor, tag) => {
                // A block that ends with the text and not with a line break has none at its end.
                let block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                if block && self.unfinished.is_some_and(|n| self.end >= n) && text.ends_with('\n') {
                    text.to_mut().pop();
                }
                let v = self.scalar(&text, style, tag.as_deref())?;
                self.keep(anchor, &v, 1);
                Ok(v)
            }
            Event::SequenceStart(anchor, tag) => {
                self.collection_tag(tag.as_deref(), "seq", "sequence")?;
                self.open(anchor);
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        Event::SequenceEnd => break,
                        event => items.push(self.node(event, depth + 1)?),
                    }
                }
                let v = Value::tuple(items);
                self.keep(anchor, &v, self.nodes - before + 1);
                Ok(v)
            }
            Event::MappingStart(anchor, tag) => {
                self.collection_tag(tag.as_deref(), "map", "mapping")?;
                self.open(anchor);
                let mut attrs: Vec<(String, Value)> = Vec::new();
                loop {
                    let event = match self.next()? {
                        Event::MappingEnd => break,
                        event => event,
                    };
                    let merge = matches!(&event, Event::Scalar(t, ..) if t == "<<");
                    let key = self.node(event, depth + 1)?;
                    let key = if merge { String::new() } else { self.key(&key)? };
                    let event = self.next()?;
                    let v = self.node(event, depth + 1)?;
                    if !merge {
                        attrs.push((key, v));
                        continue;
                    }
                    let Some(m) = v.entries() else {
                        return Err(self.error(format!("cannot merge {} into mapping", friendly(&v.ty()))));
                    };
                    self.count(m.len())?;
                    attrs.extend(m.iter().map(|(k, v)| (k.clone(), v.clone())));
                }
                let v = Value::object(attrs);
                self.keep(anchor, &v, self.nodes - before + 1);
                Ok(v)
            }
            _ => Err(self.error("unexpected end of document")),
        }
    }
    fn open(&mut self, anchor: usize) {
        if anchor > 0 {
            self.anchors.insert(anchor, None);
        }
    }
    fn keep(&mut self, anchor: usize, v: &Value, nodes: usize) {
        if anchor > 0 {
            self.anchors.insert(anchor, Some((v.clone(), nodes)));
        }
    }
    fn key(&self, key: &Value) -> Result<String, FnError> {
        if key.is_null() {
            return Err(self.error("mapping key cannot be null"));
        }
        let text = crate::convert::convert(key, &Ty::String);
        let text = text.ok().and_then(|t| t.as_str().map(str::to_owned));
        text.ok_or_else(|| self.error("only strings are allowed as mapping keys"))
    }
    fn collection_tag(&self, tag: Option<&Tag>, wanted: &str, what: &str) -> Result<(), FnError> {
        match tag {
            Some(t) if !(t.is_yaml_core_schema() && t.suffix == wanted) => {
                Err(self.error(format!("can't interpret {what} as {}{}", t.handle, t.suffix)))
            }
            _ => Ok(()),
        }
    }
    fn scalar(&self, text: &str, style: ScalarStyle, tag: Option<&Tag>) -> FnResult {
        let plain = style == ScalarStyle::Plain;
        let Some(tag) = tag else { return if plain { self.implicit(text) } else { Ok(Value::string(text)) } };
        if !tag.is_yaml_core_schema() {
            return Err(self.error(format!("unsupported tag \"{}{}\"", tag.handle, tag.suffix)));
        }
        if !plain {
            return Ok(Value::string(text));
        }
        let cannot = || self.error(format!("cannot parse {text:?} as tag:yaml.org,2002:{}", tag.suffix));
        match tag.suffix.as_str() {
            "str" | "binary" => Ok(Value::string(text)),
            "int" => int(text).map(Value::number).ok_or_else(cannot),
            "float" => float(text).or_else(|| int(text)).map(Value::number).ok_or_else(cannot),
            "bool" => truth(text).map(Value::bool).ok_or_else(cannot),
            "null" => is_null(text).then(|| Value::null(&Ty::Dynamic)).ok_or_else(cannot),
            "timestamp" => timestamp(text).map(Value::string).ok_or_else(cannot),
            other => Err(self.error(format!("unsupported tag \"tag:yaml.org,2002:{other}\""))),
        }
    }
    fn implicit(&self, text: &str) -> FnResult {
        if matches!(text, ".nan" | ".NaN" | ".NAN") {
            return Err(self.error("floating point NaN is not supported"));
        }
        Ok(if is_null(text) {
            Value::null(&Ty::Dynamic)
        } else if let Some(b) = truth(text) {
            Value::bool(b)
        } else if let Some(n) = int(text).or_else(|| float(text)) {
            Value::number(n)
        } else if let Some(t) = timestamp(text) {
            Value::string(t)
        } else {
            Value::string(text)
        })
    }
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

fn truth(text: &str) -> Option<bool> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" | "true" | "True" | "TRUE" => Some(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" | "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

fn int(text: &str) -> Option<Number> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    for (prefix, base) in [("0o", 8), ("0x", 16)] {
        if let Some(d) = digits.strip_prefix(prefix) {
            let n = Number::parse_radix(d, base).filter(|_| d.starts_with(|c: char| c.is_ascii_hexdigit()))?;
            return Some(if text.starts_with('-') { n.neg() } else { n });
        }
    }
    let decimal = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if decimal { Number::parse(text) } else { None }
}

fn float(text: &str) -> Option<Number> {
    match text {
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Some(Number::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Some(Number::NEG_INFINITY),
        _ => {}
    }
    Number::parse(text)
}

/// A date, with or without a time, as RFC 3339; a time without a zone is UTC.
fn timestamp(text: &str) -> Option<String> {
    let mut numbers = Vec::new();
    let mut rest = text;
    let mut take = |rest: &mut &str, most: usize| -> Option<i64> {
        let n = rest.bytes().take_while(u8::is_ascii_digit).count();
        if n == 0 || n > most {
            return None;
        }
        let v = rest[..n].parse().ok()?;
        *rest = &rest[n..];
        numbers.push(v);
        Some(v)
    };
    if !text.as_bytes().get(..5).is_some_and(|b| b[..4].iter().all(u8::is_ascii_digit) && b[4] == b'-') {
        return None;
    }
    take(&mut rest, 4)?;
    for _ in 0..2 {
        rest = rest.strip_prefix('-')?;
        take(&mut rest, 2)?;
    }
    let mut offset = 0;
    if !rest.is_empty() {
        let zoned = !rest.starts_with(' ');
        rest = rest.strip_prefix([' ', 'T', 't'])?;
        take(&mut rest, 2)?;
        for _ in 0..2 {
            rest = rest.strip_prefix(':')?;
            take(&mut rest, 2)?;
        }
        if let Some(fraction) = rest.strip_prefix('.') {
            let n = fraction.bytes().take_while(u8::is_ascii_digit).count();
            rest = if n == 0 { return None } else { &fraction[n..] };
        }
        offset = match (zoned, rest) {
            (false, "") | (true, "Z") => 0,
            (true, zone) => {
                let sign = match zone.bytes().next()? {
                    b'+' => 1,
                    b'-' => -1,
                    _ => return None,
                };
                let (h, m) = zone[1..].split_once(':')?;
                if h.len() != 2 || m.len() != 2 {
                    return None;
                }
                sign * (h.parse::<i32>().ok()? * 60 + m.parse::<i32>().ok()?)
            }
            _ => return None,
        };
    }
    let n = |i: usize| i8::try_from(numbers.get(i).copied().unwrap_or(0)).ok();
    let year = i16::try_from(numbers[0]).ok()?;
    let civil = DateTime::new(year, n(1)?, n(2)?, n(3)?, n(4)?, n(5)?, 0).ok()?;
    Some(Time::new(civil, offset).rfc3339())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(yaml: &str, expect: &str) {
        let got = match decode(yaml) {
            Ok(v) => super::super::json::encode(&v).unwrap(),
            Err(e) => format!("error: {}", e.message),
        };
        assert_eq!(got, expect, "{yaml}");
    }

    #[test]
    fn scalars() {
        check("[yes, Y, On, TRUE, tRue]", "[true,true,true,true,\"tRue\"]");
        check("[no, n, off, ~, Null, '']", "[false,false,false,null,null,\"\"]");
        check(
            "[010, 0o17, 0O17, 0x1F, 0b101, 1_000, 1e3, .5, 5., -.5, 1e, 0x]",
            "[10,15,\"0O17\",31,\"0b101\",\"1_000\",1000,0.5,5,-0.5,\"1e\",\"0x\"]",
        );
        check("[12:30, 1.2.3, +1]", "[\"12:30\",\"1.2.3\",1]");
        check(
            "[2001-01-01, 2001-1-1, 2001-01-01 10:00:00, 2001-01-01t10:00:00.5-05:00]",
            "[\"2001-01-01T00:00:00Z\",\"2001-01-01T00:00:00Z\",\"2001-01-01T10:00:00Z\",\"2001-01-01T10:00:00-05:00\"]",
        );
        check(
            "[2001-13-01, 2001-01-01 10:00:00 +1, 2001-01-01 1:2:3]",
            "[\"2001-13-01\",\"2001-01-01 10:00:00 +1\",\"2001-01-01T01:02:03Z\"]",
        );
        check("a: !!str 1\nb: !!int '1'\nc: !!float 1", "{\"a\":\"1\",\"b\":\"1\",\"c\":1}");
        check("1: a\ntrue: b\n1.50: c", "{\"1\":\"a\",\"1.5\":\"c\",\"true\":\"b\"}");
    }

    #[test]
    fn structure() {
        check("a:\n- b\n- c\n", "{\"a\":[\"b\",\"c\"]}");
        check("a: &x {b: 1, d: 0}\nc:\n  d: 2\n  <<: *x", "{\"a\":{\"b\":1,\"d\":0},\"c\":{\"b\":1,\"d\":0}}");
        check(
            "a: >\n  x\n  y\n\n  z\nb: |-\n  q\n   r\nc: |+\n  s\n\n",
            "{\"a\":\"x y\\nz\\n\",\"b\":\"q\\n r\",\"c\":\"s\\n\\n\"}",
        );
        check("{a: 1, b}", "{\"a\":1,\"b\":null}");
        check("---\n", "null");
        check("a: 1\na: 2", "{\"a\":2}");
    }

    #[test]
    fn errors() {
        check("", "error: on line 1, column 1: missing start of document");
        check("---\na: 1\n---\nb: 2", "error: on line 3, column 1: unexpected extra content after value");
        for (yaml, part) in [
            ("a: &x [*x]", "inside its own definition"),
            ("~: 3", "mapping key cannot be null"),
            ("? [a]\n: 3", "only strings are allowed"),
            ("<<: [1]", "cannot merge tuple into mapping"),
            ("!foo bar", "unsupported tag \"!foo\""),
            (".nan", "NaN is not supported"),
            ("a: b: c", "mapping values"),
            ("a: \u{1}", "control characters"),
        ] {
            let e = decode(yaml).unwrap_err().message;
            assert!(e.contains(part), "{yaml}: {e}");
        }
    }

    #[test]
    fn bombs_are_refused() {
        let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for i in 1..10 {
            let line = vec![format!("*a{}", i - 1); 10].join(",");
            bomb += &format!("a{i}: &a{i} [{line}]\n");
        }
        assert!(decode(&bomb).unwrap_err().message.contains("more than 1000000 values"));
        assert!(decode(&"[".repeat(5000)).is_err());
    }
}
