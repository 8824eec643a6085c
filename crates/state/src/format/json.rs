//! JSON as Go writes it, and values read from JSON without a detour.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use stackctl_core::{Known, Number};

/// How `serde_json` hands over a number of arbitrary precision; a test would notice a change.
const NUMBER: &str = "$serde_json::private::Number";

/// Appends a JSON string as Go's encoder does: `<`, `>`, `&` and the two line separators of Unicode are escaped.
pub fn go_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut plain = 0;
    let bytes = text.as_bytes();
    for (i, &b) in bytes.iter().enumerate() {
        let escape: &[u8] = match b {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            0x08 => b"\\b",
            0x0c => b"\\f",
            b'<' => b"\\u003c",
            b'>' => b"\\u003e",
            b'&' => b"\\u0026",
            0x00..0x20 => {
                out.extend_from_slice(&bytes[plain..i]);
                out.extend_from_slice(format!("\\u{b:04x}").as_bytes());
                plain = i + 1;
                continue;
            }
            0xe2 if bytes[i..].starts_with("\u{2028}".as_bytes()) || bytes[i..].starts_with("\u{2029}".as_bytes()) => {
                out.extend_from_slice(&bytes[plain..i]);
                out.extend_from_slice(if bytes[i + 2] == 0xa8 { b"\\u2028" } else { b"\\u2029" });
                plain = i + 3;
                continue;
            }
            _ => continue,
        };
        out.extend_from_slice(&bytes[plain..i]);
        out.extend_from_slice(escape);
        plain = i + 1;
    }
    out.extend_from_slice(&bytes[plain..]);
    out.push(b'"');
}

/// Adds Go's escapes to JSON that another encoder wrote; they occur in strings only.
pub fn go_escape(json: String) -> String {
    if !json.contains(['<', '>', '&', '\u{2028}', '\u{2029}']) {
        return json;
    }
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        match c {
            '<' => out.push_str("\\u003c"),
            '>' => out.push_str("\\u003e"),
            '&' => out.push_str("\\u0026"),
            '\u{2028}' => out.push_str("\\u2028"),
            '\u{2029}' => out.push_str("\\u2029"),
            c => out.push(c),
        }
    }
    out
}

/// Reads any JSON into a [`Known`].
pub struct Value(pub Known);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Value, D::Error> {
        d.deserialize_any(ValueVisitor).map(Value)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Known;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<Known, E> {
        Ok(Known::Null)
    }
    fn visit_bool<E>(self, b: bool) -> Result<Known, E> {
        Ok(Known::Bool(b))
    }
    fn visit_i64<E>(self, i: i64) -> Result<Known, E> {
        Ok(Known::from(i))
    }
    fn visit_u64<E: serde::de::Error>(self, i: u64) -> Result<Known, E> {
        number(&i.to_string())
    }
    fn visit_str<E>(self, s: &str) -> Result<Known, E> {
        Ok(Known::from(s))
    }
    fn visit_string<E>(self, s: String) -> Result<Known, E> {
        Ok(Known::String(s))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Known, A::Error> {
        let mut list = Vec::new();
        while let Some(Value(v)) = seq.next_element()? {
            list.push(v);
        }
        Ok(Known::List(list))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Known, A::Error> {
        let mut out = BTreeMap::new();
        while let Some(key) = map.next_key::<String>()? {
            if out.is_empty() && key == NUMBER {
                return number(&map.next_value::<String>()?);
            }
            out.insert(key, map.next_value::<Value>()?.0);
        }
        Ok(Known::Map(out))
    }
}

fn number<E: serde::de::Error>(text: &str) -> Result<Known, E> {
    Number::parse(text).map(Known::Number).ok_or_else(|| E::custom(format_args!("{text} is not a usable number")))
}

/// Reads a whole text.
///
/// # Errors
/// The parser's, with line and column.
pub fn parse(text: &str) -> Result<Known, serde_json::Error> {
    let mut d = serde_json::Deserializer::from_str(text);
    let v = Value::deserialize(&mut d)?;
    d.end().map_err(|e| serde_json::Error::custom(e.to_string()))?;
    Ok(v.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_as_go_writes_them() {
        for (text, want) in [
            ("plain ü 😀", "\"plain ü 😀\""),
            ("a\"b\\c\n\r\t\u{8}\u{c}\u{1}\u{7f}", "\"a\\\"b\\\\c\\n\\r\\t\\b\\f\\u0001\u{7f}\""),
            ("<a href=\"x\">&", "\"\\u003ca href=\\\"x\\\"\\u003e\\u0026\""),
            ("\u{2028}x\u{2029}\u{2027}", "\"\\u2028x\\u2029\u{2027}\""),
        ] {
            let mut out = Vec::new();
            go_string(&mut out, text);
            assert_eq!(String::from_utf8(out.clone()).unwrap(), want);
            assert_eq!(parse(want).unwrap(), Known::from(text));
            assert_eq!(go_escape(serde_json::to_string(text).unwrap()), want);
        }
    }

    #[test]
    fn values_come_through() {
        let v = parse("{\"b\": [1, -2, null, true, {}], \"a\": {\"x\": \"y\"}}").unwrap();
        assert_eq!(v.get("b").as_list().unwrap()[1], Known::from(-2));
        assert_eq!(v.get("a").get("x").as_str(), Some("y"));
        for bad in ["", "{", "[1,]", "{} x", "nul"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
