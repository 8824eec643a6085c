//! Text → flat sequence of tokens, templates included, so that the parser and the formatter agree on what a token is.
//!
//! Invariants: tokens are in source order and do not overlap; the last one is `Eof`; outside of unterminated heredocs
//! every opener of a template (`"`, `<<`, `${`, `%{`) has its closer, which is empty where the text lacks it. No
//! recursion, and no allocation per token.

mod template;

use crate::diag::SyntaxError;
use crate::span::BYTE_ORDER_MARK;
use crate::token::{Kind, Token, is_ident_continue, is_ident_start};

/// What the lexer made of a text.
pub(crate) struct Lexed {
    pub(crate) tokens: Vec<Token>,
    /// Spans are of the file id 0 and relative to the lexed text.
    pub(crate) errors: Vec<LexError>,
}

/// A [`SyntaxError`] whose places are offsets still.
pub(crate) struct LexError {
    pub(crate) summary: &'static str,
    pub(crate) detail: String,
    pub(crate) at: (u32, u32),
    pub(crate) context: Option<((u32, u32), &'static str)>,
    pub(crate) hint: Option<String>,
    /// Everything after the place is lost to it.
    pub(crate) swallows: bool,
}

impl LexError {
    pub(crate) fn place(self, span: impl Fn((u32, u32)) -> crate::Span) -> SyntaxError {
        let mut error = SyntaxError::new(self.summary, self.detail, span(self.at));
        error.context = self.context.map(|(at, label)| (span(at), label.to_owned()));
        error.hint = self.hint;
        error
    }
}

/// How a text starts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start {
    /// Attributes, blocks, expressions.
    Code,
    /// A template without quotes around it.
    Template,
}

#[derive(Clone, Copy)]
enum Mode {
    /// Outside of literal text. `depth` counts open braces; at 0, `}` ends the sequence unless this is the outermost.
    Code {
        depth: u32,
        open: u32,
    },
    Quoted {
        open: u32,
    },
    Heredoc {
        open: u32,
        marker: (u32, u32),
        line_start: bool,
    },
    Bare,
}

pub(crate) fn lex(text: &str, start: Start, keep_comments: bool) -> Lexed {
    let mut lexer = Lexer {
        text,
        bytes: text.as_bytes(),
        at: 0,
        // More than any text needs in practice: room that is not used costs nothing, a second copy would.
        tokens: Vec::with_capacity(text.len() / 3 + 8),
        errors: Vec::new(),
        stack: Vec::new(),
        keep_comments,
        rewinds: 0,
    };
    if start == Start::Code && text.starts_with(BYTE_ORDER_MARK) {
        lexer.at = BYTE_ORDER_MARK.len();
    }
    lexer.stack.push(match start {
        Start::Code => Mode::Code { depth: 0, open: 0 },
        Start::Template => Mode::Bare,
    });
    lexer.run();
    Lexed { tokens: lexer.tokens, errors: lexer.errors }
}

struct Lexer<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    tokens: Vec<Token>,
    errors: Vec<LexError>,
    /// Never empty.
    stack: Vec<Mode>,
    keep_comments: bool,
    rewinds: u32,
}

/// How often a text may be lexed again from an unclosed sequence, so that no text takes quadratic time.
const MAX_REWINDS: u32 = 20;

#[expect(clippy::cast_possible_truncation, reason = "texts over 2 GiB are refused before they are lexed")]
fn offset(at: usize) -> u32 {
    at as u32
}

impl Lexer<'_> {
    fn run(&mut self) {
        loop {
            while self.at < self.bytes.len() {
                match self.stack.last().copied().unwrap_or(Mode::Bare) {
                    Mode::Code { .. } => self.code(),
                    Mode::Quoted { open } => self.quoted(open),
                    Mode::Heredoc { open, marker, line_start } => self.heredoc(open, marker, line_start),
                    Mode::Bare => self.literal_line(),
                }
            }
            if !self.rewind() {
                break;
            }
        }
        self.finish();
        let end = offset(self.bytes.len());
        self.tokens.push(Token { kind: Kind::Eof, start: end, end });
    }

    fn push(&mut self, kind: Kind, start: usize, end: usize) {
        self.tokens.push(Token { kind, start: offset(start), end: offset(end) });
        self.at = end;
    }

    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn error(&mut self, summary: &'static str, detail: impl Into<String>, start: usize, end: usize) -> &mut LexError {
        let at = (offset(start), offset(end));
        self.errors.push(LexError { summary, detail: detail.into(), at, context: None, hint: None, swallows: false });
        let last = self.errors.len() - 1;
        &mut self.errors[last]
    }

    /// Whether the innermost code is that of an interpolation or directive (rather than the outermost of a file).
    fn in_sequence(&self) -> bool {
        self.stack.len() > 1
    }

    fn code(&mut self) {
        while let Some(b' ' | b'\t') = self.bytes.get(self.at) {
            self.at += 1;
        }
        let start = self.at;
        let Some(byte) = self.bytes.get(start).copied() else { return };
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.ident(),
            b'0'..=b'9' => self.number(),
            b'\n' => self.push(Kind::Newline, start, start + 1),
            b'\r' if self.peek(1) == b'\n' => self.push(Kind::Newline, start, start + 2),
            b'"' => {
                self.push(Kind::OQuote, start, start + 1);
                self.stack.push(Mode::Quoted { open: offset(start) });
            }
            b'#' => self.line_comment(),
            b'/' if self.peek(1) == b'/' => self.line_comment(),
            b'/' if self.peek(1) == b'*' => self.block_comment(),
            b'{' | b'}' => self.brace(byte),
            b'~' if self.peek(1) == b'}' && self.closes_sequence() => {
                self.stack.pop();
                self.push(Kind::SeqEnd, start, start + 2);
            }
            b'<' | b'=' | b'>' if self.at_conflict_marker(byte) => self.conflict_marker(),
            b'<' if self.peek(1) == b'<' => self.heredoc_opener(),
            _ => self.operator(byte),
        }
    }

    fn ident(&mut self) {
        let start = self.at;
        let mut end = start;
        loop {
            match self.bytes.get(end) {
                Some(b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-') => end += 1,
                Some(byte) if !byte.is_ascii() => match self.text[end..].chars().next() {
                    Some(c) if is_ident_continue(c) => end += c.len_utf8(),
                    _ => break,
                },
                _ => break,
            }
        }
        self.push(Kind::Ident, start, end);
    }

    fn number(&mut self) {
        let digits = |mut at: usize| {
            while self.bytes.get(at).is_some_and(u8::is_ascii_digit) {
                at += 1;
            }
            at
        };
        let mut end = digits(self.at);
        if self.bytes.get(end) == Some(&b'.') && self.bytes.get(end + 1).is_some_and(u8::is_ascii_digit) {
            end = digits(end + 1);
        }
        if matches!(self.bytes.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(self.bytes.get(end + 1), Some(b'+' | b'-')));
            if self.bytes.get(end + 1 + sign).is_some_and(u8::is_ascii_digit) {
                end = digits(end + 1 + sign);
            }
        }
        self.push(Kind::Number, self.at, end);
    }

    fn line_comment(&mut self) {
        let start = self.at;
        let line_end = self.line_end(start);
        if self.keep_comments {
            let end = if line_end < self.bytes.len() { line_end + 1 } else { line_end };
            self.push(Kind::Comment, start, end);
        } else if line_end < self.bytes.len() {
            self.push(Kind::Newline, line_end, line_end + 1);
        } else {
            self.at = line_end;
        }
    }

    /// Offset of the `\n` that ends the line, or of the end of the text.
    fn line_end(&self, from: usize) -> usize {
        self.bytes[from..].iter().position(|byte| *byte == b'\n').map_or(self.bytes.len(), |length| from + length)
    }

    fn block_comment(&mut self) {
        let start = self.at;
        match self.text[start + 2..].find("*/") {
            Some(length) => {
                let end = start + 2 + length + 2;
                if self.keep_comments {
                    self.push(Kind::Comment, start, end);
                } else {
                    self.at = end;
                }
            }
            None => {
                let detail = "There is no `*/` to end this comment before the end of the file.";
                self.error("Unclosed comment", detail, start, start + 2).swallows = true;
                self.at = self.bytes.len();
            }
        }
    }

    fn closes_sequence(&self) -> bool {
        self.in_sequence() && matches!(self.stack.last(), Some(Mode::Code { depth: 0, .. }))
    }

    fn brace(&mut self, byte: u8) {
        let start = self.at;
        if byte == b'}' && self.closes_sequence() {
            self.stack.pop();
            return self.push(Kind::SeqEnd, start, start + 1);
        }
        if let Some(Mode::Code { depth, .. }) = self.stack.last_mut() {
            *depth = if byte == b'{' { *depth + 1 } else { depth.saturating_sub(1) };
        }
        self.push(if byte == b'{' { Kind::OBrace } else { Kind::CBrace }, start, start + 1);
    }

    /// Whether seven of `byte` begin a line, as version control leaves them where two changes collide.
    fn at_conflict_marker(&self, byte: u8) -> bool {
        let at_line_start = self.at == 0 || self.bytes[self.at - 1] == b'\n';
        at_line_start && self.bytes.get(self.at..self.at + 7).is_some_and(|run| run.iter().all(|other| *other == byte))
    }

    fn conflict_marker(&mut self) {
        let (start, end) = (self.at, self.line_end(self.at));
        let detail = "This line was left by a merge of two versions of the file that changed the same place.";
        self.error("Merge conflict", detail, start, end).hint =
            Some("keep one version and remove the markers".to_owned());
        self.at = end;
    }

    fn heredoc_opener(&mut self) {
        let start = self.at;
        let flush = self.peek(2) == b'-';
        let name_start = start + 2 + usize::from(flush);
        let mut name_end = name_start;
        for c in self.text[name_start..].chars() {
            let fits = if name_end == name_start { is_ident_start(c) } else { is_ident_continue(c) };
            if !fits {
                break;
            }
            name_end += c.len_utf8();
        }
        let line_end = self.line_end(name_end);
        let rest = &self.text[name_end..line_end];
        if name_end == name_start || line_end == self.bytes.len() {
            let detail = "A heredoc begins with `<<` or `<<-`, a name, and a line break right after the name.";
            self.error("Invalid heredoc", detail, start, name_end);
            return self.push(Kind::Invalid, start, name_end.max(start + 2));
        }
        if !rest.is_empty() && rest != "\r" {
            let detail = "The name that begins a heredoc must be the last thing on its line.";
            self.error("Invalid heredoc", detail, name_end, line_end);
        }
        self.push(if flush { Kind::OFlushHeredoc } else { Kind::OHeredoc }, start, line_end + 1);
        let marker = (offset(name_start), offset(name_end));
        self.stack.push(Mode::Heredoc { open: offset(start), marker, line_start: true });
    }

    fn operator(&mut self, byte: u8) {
        let start = self.at;
        let (kind, length) = match (byte, self.peek(1), self.peek(2)) {
            (b'=', b'=', _) => (Kind::EqualEqual, 2),
            (b'=', b'>', _) => (Kind::FatArrow, 2),
            (b'=', ..) => (Kind::Equal, 1),
            (b'!', b'=', _) => (Kind::NotEqual, 2),
            (b'!', ..) => (Kind::Bang, 1),
            (b'<', b'=', _) => (Kind::LessEqual, 2),
            (b'<', ..) => (Kind::Less, 1),
            (b'>', b'=', _) => (Kind::GreaterEqual, 2),
            (b'>', ..) => (Kind::Greater, 1),
            (b'&', b'&', _) => (Kind::AndAnd, 2),
            (b'|', b'|', _) => (Kind::OrOr, 2),
            (b'.', b'.', b'.') => (Kind::Ellipsis, 3),
            (b'.', ..) => (Kind::Dot, 1),
            (b':', b':', _) => (Kind::DoubleColon, 2),
            (b':', ..) => (Kind::Colon, 1),
            (b'(', ..) => (Kind::OParen, 1),
            (b')', ..) => (Kind::CParen, 1),
            (b'[', ..) => (Kind::OBrack, 1),
            (b']', ..) => (Kind::CBrack, 1),
            (b'+', ..) => (Kind::Plus, 1),
            (b'-', ..) => (Kind::Minus, 1),
            (b'*', b'*', _) => return self.unsupported(2, Kind::Star, "exponentiation is the function `pow`"),
            (b'*', ..) => (Kind::Star, 1),
            (b'/', ..) => (Kind::Slash, 1),
            (b'%', ..) => (Kind::Percent, 1),
            (b'?', ..) => (Kind::Question, 1),
            (b',', ..) => (Kind::Comma, 1),
            (b'&', ..) => return self.unsupported(1, Kind::AndAnd, "the logical operator is `&&`"),
            (b'|', ..) => return self.unsupported(1, Kind::OrOr, "the logical operator is `||`"),
            (b'^', ..) => return self.unsupported(1, Kind::Invalid, "there are no bitwise operators"),
            (b'~', ..) => return self.unsupported(1, Kind::Bang, "the logical operator is `!`"),
            _ => return self.unusual(),
        };
        self.push(kind, start, start + length);
    }

    /// An operator of other languages; goes on as if `instead` had been written.
    fn unsupported(&mut self, length: usize, instead: Kind, hint: &str) {
        let (start, end) = (self.at, self.at + length);
        let detail = format!("`{}` is not an operator of this language.", &self.text[start..end]);
        self.error("Unsupported operator", detail, start, end).hint = Some(hint.to_owned());
        self.push(instead, start, end);
    }

    fn unusual(&mut self) {
        let start = self.at;
        let Some(c) = self.text[start..].chars().next() else { return };
        let end = start + c.len_utf8();
        match c {
            c if is_ident_start(c) => self.ident(),
            ';' => {
                let detail =
                    "`;` is not used: arguments and blocks end with their line, elements are separated by commas.";
                self.error("Invalid character", detail, start, end);
                self.push(Kind::Newline, start, end);
            }
            '\'' => {
                let line = &self.text[end..self.line_end(end)];
                let end = line.find('\'').map_or(end, |length| end + length + 1);
                let detail = "Strings are written with double quotes (`\"`), not with single quotes.";
                self.error("Invalid character", detail, start, end);
                self.push(Kind::Invalid, start, end);
            }
            '`' => {
                let detail = "The backquote is not used. A string of several lines is a heredoc: `<<EOT`.";
                self.error("Invalid character", detail, start, end);
                self.push(Kind::Invalid, start, end);
            }
            '\u{201c}' | '\u{201d}' => {
                let detail =
                    "This is a typographic quotation mark; strings are written with plain double quotes (`\"`).";
                self.error("Invalid character", detail, start, end);
                self.push(Kind::Invalid, start, end);
            }
            c if c.is_whitespace() || matches!(c, '\u{200b}'..='\u{200d}' | '\u{feff}') => {
                let detail = format!(
                    "U+{:04X} is a blank that this language does not know; use a space or a line break.",
                    u32::from(c)
                );
                self.error("Invalid character", detail, start, end);
                self.at = end;
            }
            c => {
                let shown = if c.is_control() { format!("U+{:04X}", u32::from(c)) } else { format!("`{c}`") };
                self.error("Invalid character", format!("{shown} is not used within the language."), start, end);
                self.push(Kind::Invalid, start, end);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str, start: Start) -> String {
        let lexed = lex(text, start, true);
        let mut last = 0;
        for token in &lexed.tokens {
            assert!(last <= token.start && token.start <= token.end, "{text:?}: {token:?}");
            last = token.end;
        }
        let shown = |token: &Token| format!("{:?}({})", token.kind, &text[token.start as usize..token.end as usize]);
        let errors = lexed.errors.iter().map(|e| format!("!{}@{}..{}", e.summary, e.at.0, e.at.1));
        let all: Vec<String> = lexed.tokens.iter().map(shown).chain(errors).collect();
        all.join(" ").replace('\n', "\\n")
    }

    #[test]
    fn tokens() {
        let cases: &[(&str, &str)] = &[
            ("a-1 - 1.5e-3", "Ident(a-1) Minus(-) Number(1.5e-3) Eof()"),
            ("1.e 1e x.0.1", "Number(1) Dot(.) Ident(e) Number(1) Ident(e) Ident(x) Dot(.) Number(0.1) Eof()"),
            ("a # b\nc", "Ident(a) Comment(# b\\n) Ident(c) Eof()"),
            ("\u{feff}é", "Ident(é) Eof()"),
            ("\"$${a} ${b}\"", "OQuote(\") QuotedLit($${a} ) Interp(${) Ident(b) SeqEnd(}) CQuote(\") Eof()"),
            ("\"${~{}~}\"", "OQuote(\") Interp(${~) OBrace({) CBrace(}) SeqEnd(~}) CQuote(\") Eof()"),
            ("\"a\\\"b\"", "OQuote(\") QuotedLit(a\\\"b) CQuote(\") Eof()"),
            (
                "\"a${b\nc",
                "OQuote(\") QuotedLit(a) Interp(${) Ident(b) SeqEnd() CQuote() Newline(\\n) Ident(c) Eof() \
                 !Unclosed template sequence@2..5",
            ),
            (
                "\"${f(\"x)}\"\nc",
                "OQuote(\") Interp(${) Ident(f) OParen(() OQuote(\") QuotedLit(x)}) CQuote(\") SeqEnd() CQuote() \
                 Newline(\\n) Ident(c) Eof() !Unclosed template sequence@1..10",
            ),
            (
                "\"${f(\"x\nc",
                "OQuote(\") Interp(${) Ident(f) OParen(() OQuote(\") QuotedLit(x) CQuote() SeqEnd() CQuote() \
                 Newline(\\n) Ident(c) Eof() !Unclosed string@0..7",
            ),
            (
                "<<-E\n a$${b\n  E\nc",
                "OFlushHeredoc(<<-E\\n) StringLit( a$${b\\n) CHeredoc(  E) Newline(\\n) Ident(c) Eof()",
            ),
            ("<<E\nE x\n E", "OHeredoc(<<E\\n) StringLit(E x\\n) CHeredoc( E) Eof() !Unclosed heredoc@8..10"),
            (
                "<<E\n${1}E\nE\n",
                "OHeredoc(<<E\\n) Interp(${) Number(1) SeqEnd(}) StringLit(E\\n) CHeredoc(E) Newline(\\n) Eof()",
            ),
            (
                "1;'a'&|",
                "Number(1) Newline(;) Invalid('a') AndAnd(&) OrOr(|) Eof() !Invalid character@1..2 \
                !Invalid character@2..5 !Unsupported operator@5..6 !Unsupported operator@6..7",
            ),
            ("/* a", "Eof() !Unclosed comment@0..2"),
            ("}", "CBrace(}) Eof()"),
        ];
        for (text, expected) in cases {
            assert_eq!(kinds(text, Start::Code), *expected, "{text:?}");
        }
        assert_eq!(
            kinds("a\n%%{ %{x}", Start::Template),
            "StringLit(a\\n) StringLit(%%{ ) Control(%{) Ident(x) SeqEnd(}) Eof()"
        );
    }
}
