//! Literal text: escapes resolved, Unicode normalised.

use unicode_normalization::UnicodeNormalization;

use super::Parser;
use crate::diag::SyntaxError;
use crate::token::Token;

impl Parser<'_> {
    /// The text of a piece of a quoted string.
    pub(super) fn quoted_text(&mut self, token: Token) -> String {
        let raw = self.text_of(token);
        if !raw.bytes().any(|byte| matches!(byte, b'\\' | b'$' | b'%')) {
            return raw.to_owned();
        }
        let mut out = String::with_capacity(raw.len());
        let mut rest = raw;
        while let Some(at) = rest.find(['\\', '$', '%']) {
            out.push_str(&rest[..at]);
            rest = &rest[at..];
            let length = match rest.as_bytes() {
                [b'\\', ..] => self.escape(rest, token.end as usize - rest.len(), &mut out),
                bytes => sequence_escape(bytes, &mut out),
            };
            rest = &rest[length..];
        }
        out.push_str(rest);
        out
    }

    /// The text of a piece of a heredoc or bare template: backslashes are ordinary characters.
    pub(super) fn plain_text(&self, token: Token) -> String {
        let raw = self.text_of(token);
        if !raw.contains("$${") && !raw.contains("%%{") {
            return raw.to_owned();
        }
        let mut out = String::with_capacity(raw.len());
        let mut rest = raw;
        while let Some(at) = rest.find(['$', '%']) {
            out.push_str(&rest[..at]);
            let length = sequence_escape(&rest.as_bytes()[at..], &mut out);
            rest = &rest[at + length..];
        }
        out.push_str(rest);
        out
    }

    /// Resolves the escape at the beginning of `rest`, which is at offset `at` of the text; returns its length.
    fn escape(&mut self, rest: &str, at: usize, out: &mut String) -> usize {
        let selector = rest[1..].chars().next();
        let plain = match selector {
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('"') => '"',
            Some('\\') => '\\',
            Some('u') => return self.unicode_escape(rest, at, 4, out),
            Some('U') => return self.unicode_escape(rest, at, 8, out),
            _ => {
                let length = 1 + selector.map_or(0, char::len_utf8);
                let shown = selector.map(String::from).unwrap_or_default();
                let hint = match selector {
                    Some('\'') => "a single quote needs no escape",
                    Some('$' | '%') => "`${` is escaped by doubling: `$${`",
                    Some('0'..='9' | 'x') => "a character by its number is `\\uNNNN`, with four hexadecimal digits",
                    _ => "a backslash itself is written `\\\\`",
                };
                let detail = format!(
                    "`\\{shown}` is not an escape; there are \\n, \\r, \\t, \\\", \\\\, \\uNNNN and \\UNNNNNNNN."
                );
                self.bad_escape(detail, hint, at, length);
                return length;
            }
        };
        out.push(plain);
        2
    }

    fn unicode_escape(&mut self, rest: &str, at: usize, digits: usize, out: &mut String) -> usize {
        let available = rest.bytes().skip(2).take(digits).take_while(u8::is_ascii_hexdigit).count();
        let length = 2 + available;
        if available < digits {
            let detail = format!("`{}` must be followed by {digits} hexadecimal digits.", &rest[..2]);
            self.bad_escape(detail, "pad the number with zeros on the left", at, length);
            return length;
        }
        let number = u32::from_str_radix(&rest[2..length], 16).unwrap_or(u32::MAX);
        match char::from_u32(number) {
            Some(c) => out.push(c),
            None => {
                self.bad_escape(
                    format!("There is no character number {number:X}."),
                    "a character beyond FFFF is `\\UNNNNNNNN`; the last one is 10FFFF",
                    at,
                    length,
                );
            }
        }
        length
    }

    fn bad_escape(&mut self, detail: String, hint: &str, at: usize, length: usize) {
        let start = u32::try_from(at).unwrap_or(u32::MAX);
        let span = self.span(start, at + length);
        self.report(SyntaxError::new("Invalid escape sequence", detail, span).with_hint(hint));
    }
}

/// Copies the `$` or `%` at the beginning of `bytes`, as one if it is doubled before a brace; returns the length read.
fn sequence_escape(bytes: &[u8], out: &mut String) -> usize {
    let sign = bytes[0];
    out.push(char::from(sign));
    if bytes.get(1) == Some(&sign) && bytes.get(2) == Some(&b'{') {
        out.push('{');
        return 3;
    }
    1
}

/// Normalisation form C, which all strings of the language have.
pub(crate) fn normalize(text: String) -> Box<str> {
    if text.is_ascii() || unicode_normalization::is_nfc(&text) {
        return text.into();
    }
    text.nfc().collect::<String>().into()
}
