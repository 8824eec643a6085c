//! Text → JSON values.

use super::{JsonKind, JsonMember, JsonString, JsonValue, MAX_JSON_DEPTH};
use crate::diag::SyntaxError;
use crate::span::{BYTE_ORDER_MARK, FileId, Span};

/// The value that the text is, if it can be read at all, and everything that is wrong with it. A missing or superfluous
/// comma is reported and passed over; other errors end the reading.
pub fn parse(text: &str, file: FileId) -> (Option<JsonValue>, Vec<SyntaxError>) {
    let at = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    let mut reader = Reader { text, at, file, errors: Vec::new(), depth: 0 };
    let value = reader.value();
    if value.is_some() {
        reader.blanks();
        if reader.at < text.len() {
            reader.unexpected("the end of the file");
        }
    }
    (value, reader.errors)
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    file: FileId,
    errors: Vec<SyntaxError>,
    depth: u32,
}

/// Every method that returns `None` has reported why.
impl<'t> Reader<'t> {
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn span(&self, start: usize) -> Span {
        Span::new(self.file, start, self.at)
    }

    fn error(&mut self, summary: &str, detail: String, start: usize, end: usize) {
        self.errors.push(SyntaxError::new(summary, detail, Span::new(self.file, start, end)));
    }

    /// Reports that something else than `expected` stands here.
    fn unexpected(&mut self, expected: &str) {
        let rest = &self.text[self.at..];
        let word: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').take(30).collect();
        let (found, length) = match rest.chars().next() {
            None => ("the file ends here".to_owned(), 0),
            Some(_) if !word.is_empty() => (format!("`{word}` stands here"), word.len()),
            Some(c) => (format!("`{c}` stands here"), c.len_utf8()),
        };
        let summary = if length == 0 { "Unexpected end of JSON" } else { "Invalid JSON" };
        self.error(summary, format!("Expected is {expected}, but {found}."), self.at, self.at + length);
    }

    fn value(&mut self) -> Option<JsonValue> {
        self.blanks();
        let start = self.at;
        let kind = match self.byte() {
            Some(b'{') => self.nested(Self::object)?,
            Some(b'[') => self.nested(Self::array)?,
            Some(b'"') => JsonKind::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b'a'..=b'z' | b'A'..=b'Z' | b'_') => self.word()?,
            _ => {
                self.unexpected("a JSON value");
                return None;
            }
        };
        Some(JsonValue { kind, span: self.span(start) })
    }

    fn nested(&mut self, read: fn(&mut Self) -> Option<JsonKind>) -> Option<JsonKind> {
        if self.depth == MAX_JSON_DEPTH {
            let detail = format!("JSON values may be nested up to {MAX_JSON_DEPTH} levels.");
            self.error("Nesting too deep", detail, self.at, self.at + 1);
            return None;
        }
        self.depth += 1;
        let kind = read(self);
        self.depth -= 1;
        kind
    }

    fn word(&mut self) -> Option<JsonKind> {
        let rest = &self.text[self.at..];
        let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let kind = match &rest[..length] {
            "null" => JsonKind::Null,
            "true" => JsonKind::Bool(true),
            "false" => JsonKind::Bool(false),
            _ => {
                self.unexpected("a JSON value; names are written in quotes and words are true, false and null: it");
                return None;
            }
        };
        self.at += length;
        Some(kind)
    }

    fn number(&mut self) -> Option<JsonKind> {
        let start = self.at;
        let rest = &self.text[start..];
        let length = rest.find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E')).unwrap_or(rest.len());
        let text = &rest[..length];
        self.at += length;
        if is_number(text) {
            return Some(JsonKind::Number(text.into()));
        }
        let detail =
            format!("`{text}` is not a JSON number: digits without leading zeros, perhaps a fraction and an exponent.");
        self.error("Invalid JSON number", detail, start, start + length);
        None
    }

    fn array(&mut self) -> Option<JsonKind> {
        let open = self.at;
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.blanks();
            if self.byte() == Some(b']') {
                self.superfluous_comma(!items.is_empty(), "]");
                break;
            }
            items.push(self.value()?);
            if !self.separator(open, b']', "array")? {
                break;
            }
        }
        self.at += 1;
        Some(JsonKind::Array(items))
    }

    fn object(&mut self) -> Option<JsonKind> {
        let open = self.at;
        self.at += 1;
        let mut members = Vec::new();
        loop {
            self.blanks();
            match self.byte() {
                Some(b'}') => {
                    self.superfluous_comma(!members.is_empty(), "}");
                    break;
                }
                Some(b'"') => {}
                _ => {
                    self.unexpected("the name of a property in double quotes");
                    self.opened(open);
                    return None;
                }
            }
            let key = self.string()?;
            self.blanks();
            let colon = self.at;
            if self.byte() != Some(b':') {
                self.unexpected("a colon after the name of a property");
                return None;
            }
            self.at += 1;
            let colon_span = self.span(colon);
            let value = self.value()?;
            members.push(JsonMember { key, colon_span, value });
            if !self.separator(open, b'}', "object")? {
                break;
            }
        }
        self.at += 1;
        Some(JsonKind::Object(members))
    }

    fn opened(&mut self, open: usize) {
        let span = Span::new(self.file, open, open + 1);
        if let Some(error) = self.errors.last_mut() {
            error.context = Some((span, "opened here".to_owned()));
        }
    }

    /// Called at a closer; `after` tells whether a comma must have stood before it.
    fn superfluous_comma(&mut self, after: bool, closer: &str) {
        if after {
            let comma = self.text[..self.at].rfind(',').unwrap_or(self.at);
            let detail = format!("JSON allows no comma before `{closer}`.");
            self.error("Superfluous comma", detail, comma, comma + 1);
        }
    }

    /// Passes a comma (true) or stops before the closer (false).
    fn separator(&mut self, open: usize, closer: u8, what: &str) -> Option<bool> {
        let end = self.at;
        self.blanks();
        match self.byte() {
            Some(b',') => {
                self.at += 1;
                Some(true)
            }
            Some(byte) if byte == closer => Some(false),
            Some(b'"' | b'{' | b'[' | b'0'..=b'9' | b'-') => {
                let detail = format!("The elements of an {what} are separated by commas.");
                self.error("Missing comma", detail, end, end);
                Some(true)
            }
            _ => {
                self.unexpected(&format!("a comma or `{}` to end the {what}", char::from(closer)));
                self.opened(open);
                None
            }
        }
    }

    fn string(&mut self) -> Option<JsonString> {
        let start = self.at;
        self.at += 1;
        let mut value = String::new();
        let mut jumps = Vec::new();
        let mut copied = self.at;
        loop {
            match self.byte() {
                Some(b'"') => break,
                Some(b'\\') => {
                    value.push_str(&self.text[copied..self.at]);
                    let from = jump(value.len(), self.at);
                    self.escape(&mut value)?;
                    copied = self.at;
                    // All of an escape's character stands where the escape begins.
                    jumps.push(from);
                    jumps.push(jump(value.len(), self.at));
                }
                None | Some(b'\n' | b'\r') => {
                    let detail = "There is no closing quote for this string before the end of its line.".to_owned();
                    self.error("Unclosed string", detail, start, self.at);
                    return None;
                }
                Some(byte) if byte < b' ' => {
                    let detail = format!("A control character is written `\\u{byte:04x}` in JSON strings.");
                    self.error("Invalid character", detail, self.at, self.at + 1);
                    self.at += 1;
                }
                Some(_) => self.at += 1,
            }
        }
        value.push_str(&self.text[copied..self.at]);
        self.at += 1;
        if !jumps.is_empty() {
            jumps.insert(0, jump(0, start + 1));
        }
        Some(JsonString { value: value.into(), span: self.span(start), jumps })
    }

    fn escape(&mut self, value: &mut String) -> Option<()> {
        let start = self.at;
        let plain = match self.text.as_bytes().get(start + 1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let (c, length) = self.unicode(start)?;
                value.push(c);
                self.at = start + length;
                return Some(());
            }
            _ => return self.bad_escape(start),
        };
        value.push(plain);
        self.at = start + 2;
        Some(())
    }

    fn bad_escape<T>(&mut self, start: usize) -> Option<T> {
        let shown: String = self.text[start..].chars().take(2).collect();
        let detail =
            format!("`{shown}` is not an escape; JSON has \\\", \\\\, \\/, \\b, \\f, \\n, \\r, \\t and \\uNNNN.");
        self.error("Invalid escape sequence", detail, start, start + shown.len());
        None
    }

    /// The character of `\uNNNN` or of two of them that are a surrogate pair, and the length of the escape. A surrogate
    /// alone reads as the replacement character.
    fn unicode(&mut self, start: usize) -> Option<(char, usize)> {
        let Some(first) = self.hex(start) else { return self.bad_escape(start) };
        if let Some(c) = char::from_u32(first) {
            return Some((c, 6));
        }
        let second =
            if first < 0xdc00 { self.hex(start + 6).filter(|unit| (0xdc00..0xe000).contains(unit)) } else { None };
        let pair = second.and_then(|second| char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)));
        Some(pair.map_or((char::REPLACEMENT_CHARACTER, 6), |c| (c, 12)))
    }

    fn hex(&self, start: usize) -> Option<u32> {
        let digits = self.text.get(start..start + 6)?.strip_prefix("\\u")?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        u32::from_str_radix(digits, 16).ok()
    }
}

fn jump(value: usize, file: usize) -> (u32, u32) {
    (u32::try_from(value).unwrap_or(u32::MAX), u32::try_from(file).unwrap_or(u32::MAX))
}

fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(digits)
}
