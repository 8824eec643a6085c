//! Files and blocks, and where parsing goes on after an error.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::Parser;
use crate::ast::{Attribute, Block, Body, Expr, ExprKind, Ident, Item, Label};
use crate::token::{Kind, Token};
use crate::{Span, SyntaxError};

/// The header of a block while its body is read.
#[derive(Clone, Copy)]
struct Opener {
    kind: Token,
    brace: Token,
}

/// In a body with fewer items, looking at all of them finds a repeated name fastest.
const FEW: usize = 16;

/// The place of the earlier attribute of the same name as `name`, which is not in `items` yet. `names` is an index that
/// is built once the body is large.
fn earlier(items: &[Item], names: &mut HashMap<Box<str>, Span>, name: &Ident) -> Option<Span> {
    let attributes = || {
        items.iter().filter_map(|item| match item {
            Item::Attribute(attribute) => Some(&attribute.name),
            Item::Block(_) => None,
        })
    };
    if items.len() < FEW {
        return attributes().find(|earlier| earlier.name == name.name).map(|earlier| earlier.span);
    }
    if names.is_empty() {
        names.extend(attributes().map(|earlier| (earlier.name.clone(), earlier.span)));
    }
    match names.entry(name.name.clone()) {
        Entry::Occupied(earlier) => Some(*earlier.get()),
        Entry::Vacant(free) => {
            free.insert(name.span);
            None
        }
    }
}

impl Parser<'_> {
    pub(super) fn file(&mut self) -> Body {
        let items = self.items(None);
        let end = self.span(u32::try_from(self.text.len()).unwrap_or(u32::MAX), self.text.len());
        Body { items, span: self.span(0, self.text.len()), end_span: end }
    }

    /// Items up to the closing brace, which is not consumed, or to the end.
    fn items(&mut self, opener: Option<Opener>) -> Vec<Item> {
        let mut items: Vec<Item> = Vec::new();
        let mut names = HashMap::new();
        let mut single_line = opener.is_some() && !matches!(self.peek(), Kind::Newline | Kind::CBrace | Kind::Eof);
        loop {
            let token = self.token();
            if let Some(opener) = opener
                && token.kind != Kind::Newline
                && self.belongs_outside(opener.brace)
            {
                self.unclosed("Unclosed block", "block", opener.brace, opener.kind);
                self.panicking = false;
                break;
            }
            match token.kind {
                Kind::Newline => {
                    self.bump();
                }
                Kind::Eof => break,
                Kind::CBrace if opener.is_some() => break,
                Kind::Ident => {
                    let item = self.item(single_line);
                    if let Some(Item::Attribute(attribute)) = &item {
                        self.check_repeated(&items, &mut names, &attribute.name);
                    }
                    items.extend(item);
                    if single_line {
                        self.single_line_end(opener);
                        single_line = false;
                    }
                }
                _ => self.no_item(),
            }
        }
        // Trees live long, and most bodies are small.
        items.shrink_to_fit();
        items
    }

    fn check_repeated(&mut self, items: &[Item], names: &mut HashMap<Box<str>, Span>, name: &Ident) {
        if let Some(earlier) = earlier(items, names, name) {
            let detail = format!("The argument `{}` is set twice; each argument may be set only once.", name.name);
            let error = SyntaxError::new("Attribute redefined", detail, name.span);
            self.errors.push(error.with_context(earlier, "first set here"));
        }
    }

    /// What stands at the next token is no item: reports it and skips it.
    fn no_item(&mut self) {
        let token = self.token();
        match token.kind {
            Kind::OQuote => {
                let detail = "The name of an argument or the type of a block is written without quotes.";
                self.fail("Invalid argument name", detail);
            }
            kind if kind.is_closer() => {
                let detail = format!("There is nothing open that {} could close.", kind.describe());
                self.fail("Unexpected closing bracket", detail);
            }
            _ => {
                let found = self.found();
                let detail = format!("The name of an argument or the type of a block is expected here, not {found}.");
                self.fail("Argument or block definition required", detail);
            }
        }
        if token.kind.is_closer() {
            self.bump();
        }
        self.skip_item(self.pos, self.pos);
    }

    fn item(&mut self, single_line: bool) -> Option<Item> {
        let start = self.pos;
        let kind = self.bump();
        match self.peek() {
            Kind::Equal => Some(Item::Attribute(self.attribute(kind, start, single_line))),
            Kind::OBrace | Kind::OQuote | Kind::Ident => {
                if single_line {
                    let detail = "A block on one line may hold a single argument and no blocks.";
                    let error =
                        SyntaxError::new("Invalid single-argument block definition", detail, self.span_of(kind));
                    self.report(error.with_hint("put the inner block on lines of its own"));
                }
                self.block(kind, start)
            }
            _ => {
                let name = self.text_of(kind);
                let (found, next) = (self.found(), self.peek());
                let detail = format!("After `{name}`, `=` and a value or `{{` and a block are expected, not {found}.");
                let token = self.token();
                let error = SyntaxError::new("Argument or block definition required", detail, self.place_of(token));
                self.fail_with(
                    token,
                    match next {
                        Kind::Colon => error.with_hint(format!("arguments are set with an equals sign: {name} = …")),
                        Kind::Dot => error.with_hint("the name of an argument has no dots"),
                        _ => error,
                    },
                );
                self.skip_item(start, self.pos);
                None
            }
        }
    }

    fn attribute(&mut self, name_token: Token, start: usize, single_line: bool) -> Attribute {
        let name = Ident { name: self.text_of(name_token).into(), span: self.span_of(name_token) };
        let equals = self.bump();
        let equals_span = self.span_of(equals);
        let expr_start = self.pos;
        let mut expr = self.expr();
        if self.panicking {
            self.skip_item(expr_start, self.pos);
            let end = self.tokens[..self.pos.max(start + 2)].iter().rev().find(|token| token.kind != Kind::Newline);
            let end = end.map_or(equals.end, |token| token.end.max(equals.end));
            let from = self.tokens[expr_start].start.clamp(equals.end, end);
            expr = Expr { kind: ExprKind::Invalid, span: self.place.span(from, end) };
        } else if !single_line && !matches!(self.peek(), Kind::Newline | Kind::Eof) {
            self.no_line_end();
            self.skip_item(expr_start, self.pos);
        }
        let span = name.span.to(expr.span);
        Attribute { name, expr, span, equals_span }
    }

    fn no_line_end(&mut self) {
        let token = self.token();
        let found = self.found();
        let error = match token.kind {
            Kind::CBrace => {
                let detail = "An argument ends with its line, but `}` stands here.";
                SyntaxError::new("Missing newline after argument", detail, self.place_of(token))
                    .with_hint("put the closing brace on a line of its own")
            }
            Kind::Comma => {
                let detail = "An argument ends with its line; arguments are not separated by commas.";
                SyntaxError::new("Missing newline after argument", detail, self.place_of(token))
            }
            kind if kind.is_closer() => {
                let detail = format!("There is nothing open that {found} could close.");
                SyntaxError::new("Unexpected closing bracket", detail, self.place_of(token))
            }
            _ => {
                let detail = format!("An argument ends with its line, but {found} stands after its value.");
                SyntaxError::new("Missing newline after argument", detail, self.place_of(token))
            }
        };
        self.fail_with(token, error);
    }

    fn block(&mut self, kind_token: Token, start: usize) -> Option<Item> {
        let kind = Ident { name: self.text_of(kind_token).into(), span: self.span_of(kind_token) };
        let mut labels = Vec::new();
        loop {
            let token = self.token();
            match token.kind {
                Kind::OBrace => break,
                Kind::Ident => {
                    self.bump();
                    let value = self.text_of(token).into();
                    labels.push(Label { value, span: self.span_of(token), quoted: false });
                }
                Kind::OQuote => labels.push(self.quoted_label(token)),
                Kind::Newline if self.brace_in_label() => break,
                _ => {
                    self.no_block_brace(token);
                    if !self.skip_to_brace(token.kind) {
                        self.skip_item(start, self.pos);
                        return None;
                    }
                    self.panicking = false;
                    break;
                }
            }
        }
        let header_span = labels.last().map_or(kind.span, |label| kind.span.to(label.span));
        let brace = if self.peek() == Kind::OBrace { self.bump() } else { self.last };
        let opener = Opener { kind: kind_token, brace };
        let body = self.block_body(opener);
        let span = self.span_from(kind_token.start);
        Some(Item::Block(Block { kind, labels, body, span, header_span }))
    }

    fn block_body(&mut self, opener: Opener) -> Body {
        let items = if self.enter() {
            self.items(Some(opener))
        } else {
            self.pos = self.after_block(self.pos);
            self.panicking = false;
            Vec::new()
        };
        self.leave();
        let resumed = self.resume.take().is_some();
        let end_span = self.block_end(opener, resumed);
        Body { items, span: self.span_from(opener.brace.start), end_span }
    }

    /// Consumes the closing brace and the rest of its line.
    fn block_end(&mut self, opener: Opener, resumed: bool) -> Span {
        let end = self.token();
        if resumed {
            return self.span_of(end).at_start();
        }
        if end.kind != Kind::CBrace && self.missing_braces <= 0 {
            // Another brace or block has been reported for it.
            return self.span_of(end);
        }
        if end.kind != Kind::CBrace {
            self.unclosed("Unclosed block", "block", opener.brace, opener.kind);
            self.panicking = false;
            self.resume = None;
            return self.span_of(end);
        }
        self.bump();
        let next = self.token();
        if !matches!(next.kind, Kind::Newline | Kind::Eof) {
            let (pos, last, found) = (self.pos, self.last, self.found());
            if next.kind != Kind::CBrace || self.depth == 0 {
                self.fail(
                    "Missing newline after block definition",
                    format!("A block ends with its line, but {found} stands here."),
                );
            } else {
                self.fail(
                    "Missing newline after block definition",
                    "Each closing brace of a block needs a line of its own.",
                );
                self.panicking = false;
            }
            if self.panicking {
                self.panicking = false;
                if next.kind != Kind::Ident {
                    self.skip_item(pos, pos);
                }
                self.last = last;
            }
        }
        self.span_of(end)
    }

    /// The index of the token that closes the block whose content begins at `from`, or of the end.
    fn after_block(&self, from: usize) -> usize {
        let mut open = 0;
        for (index, token) in self.tokens.iter().enumerate().skip(from) {
            match token.kind {
                Kind::OBrace => open += 1,
                Kind::CBrace if open == 0 => return index,
                Kind::CBrace => open -= 1,
                _ => {}
            }
        }
        self.tokens.len() - 1
    }

    fn quoted_label(&mut self, open: Token) -> Label {
        self.bump();
        let mut value = String::new();
        loop {
            let token = self.tokens[self.pos];
            match token.kind {
                Kind::QuotedLit => {
                    value.push_str(&self.quoted_text(token));
                    self.bump();
                }
                Kind::CQuote | Kind::Eof => {
                    self.bump();
                    break;
                }
                _ => {
                    let detail = "The label of a block is a plain text, without interpolations and directives.";
                    let error = SyntaxError::new("Invalid block label", detail, self.place_of(token));
                    self.report(error.with_hint("write `$${` or `%%{` for the characters themselves"));
                    self.skip_to_quote();
                }
            }
        }
        Label { value: value.into(), span: self.span_from(open.start), quoted: true }
    }

    /// Moves to the `CQuote` of the string around the next token.
    fn skip_to_quote(&mut self) {
        let mut open = 0_u32;
        loop {
            match self.tokens[self.pos].kind {
                Kind::OQuote => open += 1,
                Kind::CQuote if open == 0 => break,
                Kind::CQuote => open -= 1,
                Kind::Eof => break,
                _ => {}
            }
            self.pos += 1;
        }
    }

    /// Whether the last label lacks its closing quote and has taken the brace that begins the block.
    fn brace_in_label(&self) -> bool {
        let quote = self.last;
        let label = self.text[..quote.start as usize].trim_end();
        quote.kind == Kind::CQuote && quote.start == quote.end && label.ends_with('{')
    }

    fn no_block_brace(&mut self, token: Token) {
        let found = self.found();
        let (detail, hint) = match token.kind {
            Kind::Equal => (
                "`=` sets an argument, and is not used to define a block.".to_owned(),
                Some("leave out the equals sign, or the labels"),
            ),
            Kind::Newline | Kind::Eof => {
                ("A block needs `{` on the line of its labels, but the line ends here.".to_owned(), None)
            }
            Kind::Dot | Kind::OBrack => (
                format!("A label in quotes or `{{` is expected here, not {found}."),
                Some("labels are separated by blanks, not by dots"),
            ),
            _ => (format!("A label in quotes or `{{` is expected here, not {found}."), None),
        };
        let mut error = SyntaxError::new("Invalid block definition", detail, self.place_of(token));
        error.hint = hint.map(str::to_owned);
        self.fail_with(token, error);
    }

    /// Moves to the brace that opens the body of a block with a broken header: on the same line, or at the beginning of
    /// the next one.
    fn skip_to_brace(&mut self, at: Kind) -> bool {
        let is_brace = |token: &Token| token.kind == Kind::OBrace;
        let found = match at {
            Kind::Newline => {
                let next = self.tokens[self.pos..].iter().position(|token| token.kind != Kind::Newline);
                next.filter(|skip| self.tokens.get(self.pos + skip).is_some_and(is_brace))
            }
            _ => {
                let line = self.tokens[self.pos..].iter().take_while(|token| token.kind != Kind::Newline);
                line.clone().position(is_brace)
            }
        };
        self.pos += found.unwrap_or(0);
        found.is_some()
    }

    fn single_line_end(&mut self, opener: Option<Opener>) {
        let token = self.token();
        let Some(opener) = opener.filter(|_| token.kind != Kind::CBrace) else { return };
        let detail = match token.kind {
            Kind::Comma => "A block on one line may hold only one argument; write several on lines of their own.",
            Kind::Newline | Kind::Eof => {
                "A block that begins with an argument on its first line must end on that line."
            }
            _ => "A block on one line must end with `}` right after its argument.",
        };
        let error = SyntaxError::new("Invalid single-argument block definition", detail, self.place_of(token));
        let error = error.with_context(self.span_of(opener.brace), "opened here");
        self.fail_with(token, error);
        if token.kind != Kind::Newline {
            self.skip_item(self.pos, self.pos);
        }
        self.panicking = false;
    }

    /// Moves to the end of a broken item, whose tokens from `from` on are balanced if all is well, and stops panicking.
    /// The error is at `error_at` or before. Outside of blocks, closers are skipped, as nothing is
    /// open.
    fn skip_item(&mut self, from: usize, error_at: usize) {
        self.panicking = false;
        let at_top = self.depth == 0;
        let target = match self.resume.take() {
            Some(target) => target,
            None => self.balanced_end(from, error_at, at_top).unwrap_or_else(|| self.next_item_line(from, error_at)),
        };
        self.pos = target.max(self.pos.min(self.tokens.len() - 1));
    }

    /// The index of the token that ends the item: its line break, or the brace that closes the block around it. `None` if
    /// brackets do not match.
    fn balanced_end(&self, from: usize, error_at: usize, at_top: bool) -> Option<usize> {
        let mut open = Vec::new();
        for (index, token) in self.tokens.iter().enumerate().skip(from) {
            let past = index >= error_at;
            if let Some(closer) = token.kind.closer() {
                open.push(closer);
            } else if token.kind.is_closer() {
                match open.pop() {
                    Some(expected) if expected == token.kind => {}
                    None if past && token.kind == Kind::CBrace && !at_top => return Some(index),
                    None if past => {}
                    _ => return None,
                }
            } else if open.is_empty() && past && matches!(token.kind, Kind::Newline | Kind::Eof) {
                return Some(index);
            }
        }
        None
    }

    /// The index of the first token, on a line after the error, that looks like the next item or like the end of the
    /// block: it is not indented deeper than the broken item.
    fn next_item_line(&self, from: usize, error_at: usize) -> usize {
        let indent = self.line_indent(self.tokens[from].start);
        let kind_at = |index: usize| self.tokens.get(index).map_or(Kind::Eof, |token| token.kind);
        for index in error_at.max(1)..self.tokens.len() {
            let token = self.tokens[index];
            let fits = match token.kind {
                Kind::Eof => return index,
                Kind::CBrace => true,
                Kind::Ident => matches!(kind_at(index + 1), Kind::Equal | Kind::OBrace | Kind::OQuote | Kind::Ident),
                _ => false,
            };
            if fits && kind_at(index - 1) == Kind::Newline && self.indent(token.start).is_some_and(|at| at <= indent) {
                return index;
            }
        }
        self.tokens.len() - 1
    }
}
