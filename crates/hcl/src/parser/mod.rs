//! Recursive descent from tokens to the tree.
//!
//! Parsing never fails as a whole: it yields a tree and errors. An expression that cannot be read becomes
//! [`ExprKind::Invalid`], its attribute keeps its name, and parsing goes on with the next item of the body. `panicking`
//! is set between the report of an error and the end of the attribute, label or header in which it happened; while it
//! is set nothing else is reported.
//!
//! Line breaks are tokens or blanks depending on `newlines`, which every bracket sets for its inside and restores.
//!
//! Start at [`body`] for files and at [`expr`] for expressions.

mod body;
mod collection;
mod expr;
mod literal;
mod template;

use std::borrow::Cow;

use crate::ast::{Body, Expr, ExprKind, MAX_DEPTH, ScopeTraversal, Template, TemplateStyle};
use crate::diag::SyntaxError;
use crate::lexer::{self, Start};
use crate::span::{FileId, Span};
use crate::token::{Kind, Token};

pub(crate) use literal::normalize;

/// The file of a body: `.tf`, `.tfvars`, `.hcl`. Every error of the file is reported at once, in source order.
pub fn parse_body(text: &str, file: FileId) -> (Body, Vec<SyntaxError>) {
    let mut parser = Parser::new(text, Place::file(file), Start::Code);
    let body = parser.file();
    (body, parser.finish())
}

/// A single expression, with line breaks as blanks, that begins at byte `offset` of `file` (0 if it is a text of its own).
pub fn parse_expr(text: &str, file: FileId, offset: u32) -> (Expr, Vec<SyntaxError>) {
    parse_expr_at(text, Place { file, base: offset, jumps: Cow::Borrowed(&[]) })
}

/// A text that is a template as a whole: the content of a template file. If it is exactly one interpolation, the result
/// is [`ExprKind::TemplateWrap`].
pub fn parse_template(text: &str, file: FileId) -> (Expr, Vec<SyntaxError>) {
    parse_template_at(text, Place::file(file))
}

/// An address-like text, such as `module.a["x"].b[0]`, that begins at byte `offset` of `file`: a root name with
/// attributes and literal indexes.
///
/// # Errors
/// What is wrong with the text, or that it is another kind of expression.
pub fn parse_traversal(text: &str, file: FileId, offset: u32) -> Result<ScopeTraversal, Vec<SyntaxError>> {
    let (expr, errors) = parse_expr(text, file, offset);
    match expr.kind {
        ExprKind::ScopeTraversal(traversal) if errors.is_empty() => Ok(*traversal),
        _ if !errors.is_empty() => Err(errors),
        _ => {
            let detail =
                "A name is required here, followed by attributes (`.name`) and literal indexes (`[0]`, `[\"key\"]`).";
            Err(vec![SyntaxError::new("Invalid reference", detail, expr.span)])
        }
    }
}

pub(crate) fn parse_expr_at(text: &str, place: Place<'_>) -> (Expr, Vec<SyntaxError>) {
    let mut parser = Parser::new(text, place, Start::Code);
    parser.newlines = false;
    let mut expr = parser.expr();
    if parser.peek() != Kind::Eof {
        let found = parser.found();
        parser.fail("Extra characters after expression", format!("The expression ends before {found}."));
    }
    if parser.panicking {
        expr = Expr { kind: ExprKind::Invalid, span: parser.span(0, text.len()) };
    }
    (expr, parser.finish())
}

pub(crate) fn parse_template_at(text: &str, place: Place<'_>) -> (Expr, Vec<SyntaxError>) {
    let mut parser = Parser::new(text, place, Start::Template);
    let expr = parser.template_until(Kind::Eof, TemplateStyle::Bare, 0);
    (expr, parser.finish())
}

/// Where the parsed text stands in its file.
#[derive(Clone)]
pub(crate) struct Place<'a> {
    pub(crate) file: FileId,
    /// Offset of the text's beginning in the file.
    pub(crate) base: u32,
    /// Where the text and the file diverge (escapes in JSON strings): from the offset in the text on, the offset in the
    /// file is the second number plus the distance. Sorted.
    pub(crate) jumps: Cow<'a, [(u32, u32)]>,
}

impl Place<'_> {
    fn file(file: FileId) -> Place<'static> {
        Place { file, base: 0, jumps: Cow::Borrowed(&[]) }
    }

    fn offset(&self, at: u32) -> u32 {
        match self.jumps.partition_point(|(from, _)| *from <= at).checked_sub(1) {
            Some(index) => self.jumps[index].1 + (at - self.jumps[index].0),
            None => self.base.saturating_add(at),
        }
    }

    fn span(&self, start: u32, end: u32) -> Span {
        if self.jumps.is_empty() {
            return Span { file: self.file, start: self.base + start, end: self.base + end };
        }
        // The end is that of the last character, which may be longer in the file.
        let end = if end > start { self.offset(end - 1) + 1 } else { self.offset(end) };
        Span { file: self.file, start: self.offset(start), end: end.max(self.offset(start)) }
    }
}

/// After so many errors the rest of a text is not looked at. It also bounds the time that looking for places to go on at
/// takes.
const MAX_ERRORS: usize = 100;

pub(crate) struct Parser<'t> {
    text: &'t str,
    /// Ends with `Eof`, which is never passed.
    tokens: Vec<Token>,
    pos: usize,
    /// The token consumed last.
    last: Token,
    /// Whether line breaks are tokens.
    newlines: bool,
    place: Place<'t>,
    errors: Vec<SyntaxError>,
    /// Places that the lexer reported; nothing else is reported there.
    broken: Vec<(u32, u32)>,
    panicking: bool,
    /// Where to go on after the error, if that is known better than by counting brackets.
    resume: Option<usize>,
    /// Number of expressions and bodies around the current place.
    depth: u32,
    /// Height of the expression or template read last.
    height: u32,
    /// How many more `{` than `}` the text has, less those reported: if positive, indentation decides where a body
    /// without end ends.
    missing_braces: i32,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str, place: Place<'t>, start: Start) -> Parser<'t> {
        let too_large = text.len() > i32::MAX as usize;
        let mut lexed = lexer::lex(if too_large { "" } else { text }, start, false);
        lexed.errors.truncate(MAX_ERRORS);
        let end = u32::try_from(text.len()).unwrap_or(u32::MAX);
        let broken =
            lexed.errors.iter().map(|error| (error.at.0, if error.swallows { end } else { error.at.1 })).collect();
        let place_error = |error: lexer::LexError| error.place(|(start, end)| place.span(start, end));
        let mut errors: Vec<SyntaxError> = lexed.errors.into_iter().map(place_error).collect();
        if too_large {
            errors.push(SyntaxError::new("Text too large", "A file may have at most 2 GiB.", place.span(0, 0)));
        }
        let mut missing_braces = 0;
        for token in &lexed.tokens {
            match token.kind {
                Kind::OBrace => missing_braces += 1,
                Kind::CBrace => missing_braces -= 1,
                _ => {}
            }
        }
        let last = Token { kind: Kind::Newline, start: 0, end: 0 };
        Parser {
            text,
            tokens: lexed.tokens,
            pos: 0,
            last,
            newlines: true,
            place,
            errors,
            broken,
            panicking: false,
            resume: None,
            depth: 0,
            height: 0,
            missing_braces,
        }
    }

    fn finish(mut self) -> Vec<SyntaxError> {
        self.errors.sort_by_key(|error| error.span.start);
        self.errors
    }

    fn span(&self, start: u32, end: usize) -> Span {
        self.place.span(start, u32::try_from(end).unwrap_or(u32::MAX))
    }

    fn span_of(&self, token: Token) -> Span {
        self.place.span(token.start, token.end)
    }

    /// Where an error at this token points to: for a line break, right before it.
    fn place_of(&self, token: Token) -> Span {
        let span = self.span_of(token);
        if token.kind == Kind::Newline { span.at_start() } else { span }
    }

    /// From `start` to the end of the token consumed last.
    fn span_from(&self, start: u32) -> Span {
        self.place.span(start, self.last.end.max(start))
    }

    fn text_of(&self, token: Token) -> &'t str {
        &self.text[token.start as usize..token.end as usize]
    }

    /// The next token that counts.
    fn token(&mut self) -> Token {
        if !self.newlines {
            while self.tokens[self.pos].kind == Kind::Newline {
                self.pos += 1;
            }
        }
        self.tokens[self.pos]
    }

    fn peek(&mut self) -> Kind {
        self.token().kind
    }

    /// The kind of the token after the next one, line breaks counted.
    fn peek_second(&mut self) -> Kind {
        self.token();
        self.tokens.get(self.pos + 1).map_or(Kind::Eof, |token| token.kind)
    }

    fn bump(&mut self) -> Token {
        let token = self.token();
        if token.kind != Kind::Eof {
            self.pos += 1;
        }
        self.last = token;
        token
    }

    fn eat(&mut self, kind: Kind) -> bool {
        let found = self.peek() == kind;
        if found {
            self.bump();
        }
        found
    }

    fn at_keyword(&mut self, word: &str) -> bool {
        let token = self.token();
        token.kind == Kind::Ident && self.text_of(token) == word
    }

    fn with_newlines<T>(&mut self, newlines: bool, inside: impl FnOnce(&mut Self) -> T) -> T {
        let outside = std::mem::replace(&mut self.newlines, newlines);
        let result = inside(self);
        self.newlines = outside;
        result
    }

    /// How a message calls the next token.
    fn found(&mut self) -> String {
        let token = self.token();
        match token.kind {
            Kind::Ident | Kind::Number if token.end - token.start < 40 => format!("`{}`", self.text_of(token)),
            kind => kind.describe().to_owned(),
        }
    }

    /// Reports that the next token is wrong and begins to panic.
    fn fail(&mut self, summary: &str, detail: impl Into<String>) {
        let token = self.token();
        let span = self.place_of(token);
        self.fail_with(token, SyntaxError::new(summary, detail, span));
    }

    /// As [`Self::fail`], pointing also at the token that began what is broken.
    fn fail_opened(&mut self, summary: &str, detail: impl Into<String>, open: Token) {
        let token = self.token();
        let error = SyntaxError::new(summary, detail, self.place_of(token));
        let error = error.with_context(self.span_of(open), "opened here");
        self.fail_with(token, error);
    }

    /// `token` is the one that decides whether the lexer has reported the place already.
    fn fail_with(&mut self, token: Token, error: SyntaxError) {
        let known = token.kind == Kind::Invalid
            || self.broken.iter().any(|(start, end)| *start <= token.start && token.start <= *end);
        if !self.panicking && !known {
            self.errors.push(error);
        }
        self.panicking = true;
        if self.errors.len() > MAX_ERRORS {
            self.pos = self.tokens.len() - 1;
        }
    }

    /// Reports something that does not keep the parser from going on.
    fn report(&mut self, error: SyntaxError) {
        if !self.panicking {
            self.errors.push(error);
        }
    }

    /// One level deeper; `false` and an error at the limit. Pair it with [`Self::leave`] in both cases.
    fn enter(&mut self) -> bool {
        self.depth += 1;
        self.depth <= MAX_DEPTH || self.too_deep()
    }

    fn leave(&mut self) {
        self.depth -= 1;
    }

    fn too_deep(&mut self) -> bool {
        let detail = format!("Expressions and blocks may be nested up to {MAX_DEPTH} levels.");
        self.fail("Nesting too deep", detail);
        false
    }

    /// Sets the height of an expression whose highest part has the height `below`.
    fn grow(&mut self, below: u32) {
        self.height = below + 1;
        if self.height > MAX_DEPTH && !self.panicking {
            self.too_deep();
        }
    }

    /// Number of bytes before `at` in its line if they are all blanks: how far the line is indented.
    fn indent(&self, at: u32) -> Option<usize> {
        let before = &self.text[..at as usize];
        let line = &before[before.rfind('\n').map_or(0, |newline| newline + 1)..];
        let line = line.strip_prefix(crate::span::BYTE_ORDER_MARK).unwrap_or(line);
        line.bytes().all(|byte| byte == b' ' || byte == b'\t').then_some(line.len())
    }

    /// Indentation of the line on which `at` stands.
    fn line_indent(&self, at: u32) -> usize {
        let before = &self.text[..at as usize];
        let line = &self.text[before.rfind('\n').map_or(0, |newline| newline + 1)..];
        line.len() - line.trim_start_matches([' ', '\t']).len()
    }

    /// Whether the closing brace or item at the next token seems to belong to something outside of what `open` (a brace)
    /// began. Only when the text lacks closing braces at all.
    fn belongs_outside(&mut self, open: Token) -> bool {
        if self.missing_braces <= 0 {
            return false;
        }
        let token = self.token();
        let inside = self.line_indent(open.start);
        match self.indent(token.start) {
            Some(indent) if token.kind == Kind::CBrace => indent < inside,
            Some(indent) => indent <= inside,
            None => false,
        }
    }

    /// Reports that what `open` began has no end before the next token, where parsing goes on.
    fn unclosed(&mut self, summary: &str, what: &str, open: Token, label_at: Token) {
        let token = self.token();
        let detail = format!("There is no closing `}}` for this {what} before {}.", self.found());
        let error = SyntaxError::new(summary, detail, self.place_of(token));
        let error = error.with_context(self.place.span(label_at.start, open.end), "opened here");
        self.fail_with(token, error);
        self.missing_braces -= 1;
        self.resume = Some(self.pos);
    }

    fn invalid(&mut self, start: u32) -> Expr {
        self.height = 1;
        Expr { kind: ExprKind::Invalid, span: self.span_from(start) }
    }

    fn template_until(&mut self, close: Kind, style: TemplateStyle, start: u32) -> Expr {
        let (parts, wraps) = self.template_parts(close, style);
        let end = if close == Kind::Eof { self.text.len() } else { self.last.end as usize };
        let span = self.span(start, end);
        if self.panicking && close == Kind::Eof {
            return Expr { kind: ExprKind::Invalid, span };
        }
        let below = self.height;
        self.grow(below);
        template::wrap(Template { parts, style }, wraps, span)
    }
}
