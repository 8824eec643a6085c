//! Templates: pieces in the order of the text, with strip markers and heredoc indents applied, then the tree of
//! directives.
//!
//! A strip marker takes blanks from the neighbouring piece of literal text only, and in heredocs and bare templates a
//! piece ends with its line: `~}` at the end of a line removes the line break and leaves the next line's indent.
//! Indents of `<<-` are counted after that, so that a stripped beginning of a line counts as not indented.

use std::collections::VecDeque;

use unicode_segmentation::UnicodeSegmentation;

use super::Parser;
use super::literal::normalize;
use crate::SyntaxError;
use crate::ast::{Expr, ExprKind, Ident, Template, TemplateFor, TemplateIf, TemplatePart, TemplateStyle};
use crate::span::Span;
use crate::token::{Kind, Token};

enum Piece {
    /// Offsets into the parsed text.
    Literal {
        value: String,
        start: u32,
        end: u32,
    },
    Interpolation {
        expr: Expr,
        span: Span,
    },
    If {
        condition: Expr,
        opener: Token,
        span: Span,
    },
    Else {
        span: Span,
    },
    EndIf {
        span: Span,
    },
    For {
        key: Option<Ident>,
        value: Ident,
        collection: Expr,
        opener: Token,
        span: Span,
    },
    EndFor {
        span: Span,
    },
}

/// The expression that a template is.
pub(super) fn wrap(mut template: Template, wraps: bool, span: Span) -> Expr {
    if wraps && let Some(TemplatePart::Interpolation { expr, .. }) = template.parts.pop() {
        return Expr { kind: ExprKind::TemplateWrap(Box::new(expr)), span };
    }
    Expr { kind: ExprKind::Template(template), span }
}

impl Parser<'_> {
    /// What stands before `close`, which is consumed, and whether that is exactly one interpolation.
    pub(super) fn template_parts(&mut self, close: Kind, style: TemplateStyle) -> (Vec<TemplatePart>, bool) {
        self.height = 1;
        if let Some(parts) = self.plain_template(close, style) {
            return (parts, false);
        }
        let (mut pieces, height) = self.pieces(close);
        self.height = height;
        if self.panicking {
            return (Vec::new(), false);
        }
        let wraps = matches!(pieces.as_slice(), [Piece::Interpolation { .. }]);
        if style == TemplateStyle::FlushHeredoc {
            remove_indent(&mut pieces);
        }
        let mut pieces = VecDeque::from(join_literals(pieces));
        let mut directives = 0;
        let parts = self.tree(&mut pieces, &mut directives, None);
        self.height = height + directives;
        (parts, wraps)
    }

    /// The common case: nothing but one piece of literal text, or none.
    fn plain_template(&mut self, close: Kind, style: TemplateStyle) -> Option<Vec<TemplatePart>> {
        let first = self.tokens[self.pos];
        if first.kind == close {
            self.bump();
            return Some(Vec::new());
        }
        if style != TemplateStyle::Quoted || self.tokens.get(self.pos + 1)?.kind != close {
            return None;
        }
        if first.kind != Kind::QuotedLit {
            return None;
        }
        self.pos += 1;
        self.bump();
        let value = normalize(self.quoted_text(first));
        Some(vec![TemplatePart::Literal { value, span: self.span_of(first) }])
    }

    /// The pieces before `close`, and the height of the highest expression in them.
    fn pieces(&mut self, close: Kind) -> (Vec<Piece>, u32) {
        let mut pieces = Vec::new();
        let mut height = 1;
        let mut strip_next = false;
        while !self.panicking {
            // Line breaks between the pieces are part of the pieces, so that `newlines` does not matter here.
            let token = self.tokens[self.pos];
            match token.kind {
                kind if kind == close => {
                    self.bump();
                    break;
                }
                Kind::QuotedLit | Kind::StringLit => {
                    self.bump();
                    let quoted = token.kind == Kind::QuotedLit;
                    let mut value = if quoted { self.quoted_text(token) } else { self.plain_text(token) };
                    if strip_next {
                        value = value.trim_start().to_owned();
                    }
                    pieces.push(Piece::Literal { value, start: token.start, end: token.end });
                    strip_next = false;
                }
                Kind::Interp | Kind::Control => {
                    if token.end - token.start == 3
                        && let Some(Piece::Literal { value, .. }) = pieces.last_mut()
                    {
                        value.truncate(value.trim_end().len());
                    }
                    let piece = self.with_newlines(false, |parser| parser.sequence(token));
                    height = height.max(self.height);
                    strip_next = self.last.kind == Kind::SeqEnd && self.last.end - self.last.start == 2;
                    pieces.extend(piece);
                }
                _ => {
                    let detail = format!("The template does not end before {}.", self.found());
                    self.fail("Invalid template", detail);
                }
            }
        }
        (pieces, height)
    }

    /// From `${` or `%{` to the closing brace; `None` after an error.
    fn sequence(&mut self, opener: Token) -> Option<Piece> {
        self.bump();
        self.height = 1;
        let piece = if opener.kind == Kind::Interp {
            let expr = self.expr();
            Some(Piece::Interpolation { expr, span: self.span_of(opener) })
        } else {
            self.directive(opener)
        };
        if !self.panicking && !self.eat(Kind::SeqEnd) {
            self.no_sequence_end(opener);
        }
        let whole = self.span_from(opener.start);
        let mut piece = piece.filter(|_| !self.panicking)?;
        match &mut piece {
            Piece::Literal { .. } => {}
            Piece::Interpolation { span, .. }
            | Piece::If { span, .. }
            | Piece::Else { span }
            | Piece::EndIf { span }
            | Piece::For { span, .. }
            | Piece::EndFor { span } => *span = whole,
        }
        Some(piece)
    }

    fn no_sequence_end(&mut self, opener: Token) {
        let what = if opener.kind == Kind::Interp { "interpolation" } else { "directive" };
        let doubled = if opener.kind == Kind::Interp { "$${" } else { "%%{" };
        let token = self.token();
        let detail = format!("The {what} must end with `}}` before {}.", self.found());
        let error = SyntaxError::new(format!("Extra characters in template {what}"), detail, self.place_of(token))
            .with_context(self.span_of(opener), "opened here")
            .with_hint(format!("if this is text for another language, write `{doubled}`"));
        self.fail_with(token, error);
    }

    fn directive(&mut self, opener: Token) -> Option<Piece> {
        let span = self.span_of(opener);
        let keyword = self.token();
        let word = if keyword.kind == Kind::Ident { self.text_of(keyword) } else { "" };
        if matches!(word, "if" | "else" | "endif" | "for" | "endfor") {
            self.bump();
        }
        match word {
            "if" => Some(Piece::If { condition: self.expr(), opener, span }),
            "else" => Some(Piece::Else { span }),
            "endif" => Some(Piece::EndIf { span }),
            "for" => {
                let (key, value, collection) = self.for_head(opener)?;
                Some(Piece::For { key, value, collection, opener, span })
            }
            "endfor" => Some(Piece::EndFor { span }),
            _ => {
                let detail = format!(
                    "`%{{` must be followed by if, else, endif, for or endfor, but {} stands here.",
                    self.found()
                );
                let error = SyntaxError::new("Invalid template directive", detail, self.place_of(keyword));
                self.fail_with(keyword, error.with_hint("write `%%{` for the characters themselves"));
                None
            }
        }
    }

    /// The parts up to the directive that ends or continues the one begun by `within`, which stays in `pieces`.
    fn tree(&mut self, pieces: &mut VecDeque<Piece>, nesting: &mut u32, within: Option<Token>) -> Vec<TemplatePart> {
        let mut parts = Vec::new();
        while let Some(piece) = pieces.pop_front() {
            match piece {
                Piece::Literal { value, start, end } if !value.is_empty() => {
                    parts.push(TemplatePart::Literal { value: normalize(value), span: self.place.span(start, end) });
                }
                Piece::Literal { .. } => {}
                Piece::Interpolation { expr, span } => parts.push(TemplatePart::Interpolation { expr, span }),
                Piece::If { condition, opener, span } => {
                    let mut inner = 0;
                    let part = self.if_directive(pieces, &mut inner, condition, opener, span);
                    *nesting = (*nesting).max(inner + 1);
                    parts.push(part);
                }
                Piece::For { key, value, collection, opener, span } => {
                    let mut inner = 0;
                    let body = self.directive_body(pieces, &mut inner, opener);
                    let end = match pieces.pop_front() {
                        Some(Piece::EndFor { span }) => span,
                        other => self.unbalanced(other, opener, "for", "endfor"),
                    };
                    *nesting = (*nesting).max(inner + 1);
                    let directive = TemplateFor { key, value, collection, body, span: span.to(end) };
                    parts.push(TemplatePart::For(Box::new(directive)));
                }
                end @ (Piece::Else { .. } | Piece::EndIf { .. } | Piece::EndFor { .. }) => {
                    if within.is_some() {
                        pieces.push_front(end);
                        break;
                    }
                    self.stray(&end);
                }
            }
            if self.panicking {
                break;
            }
        }
        parts
    }

    fn directive_body(&mut self, pieces: &mut VecDeque<Piece>, nesting: &mut u32, opener: Token) -> Vec<TemplatePart> {
        let parts = if self.enter() { self.tree(pieces, nesting, Some(opener)) } else { Vec::new() };
        self.leave();
        parts
    }

    fn if_directive(
        &mut self,
        pieces: &mut VecDeque<Piece>,
        nesting: &mut u32,
        condition: Expr,
        opener: Token,
        span: Span,
    ) -> TemplatePart {
        let then = self.directive_body(pieces, nesting, opener);
        let mut next = pieces.pop_front();
        let mut otherwise = None;
        if let Some(Piece::Else { .. }) = next {
            let mut inner = 0;
            otherwise = Some(self.directive_body(pieces, &mut inner, opener));
            *nesting = (*nesting).max(inner);
            next = pieces.pop_front();
        }
        let end = match next {
            Some(Piece::EndIf { span }) => span,
            other => self.unbalanced(other, opener, "if", "endif"),
        };
        TemplatePart::If(Box::new(TemplateIf { condition, then, otherwise, span: span.to(end) }))
    }

    /// Reports that `found` (or the end of the template) stands where `%{ end }` should.
    fn unbalanced(&mut self, found: Option<Piece>, opener: Token, name: &str, end: &str) -> Span {
        let opened = self.span_of(opener);
        let (place, what) = match &found {
            Some(Piece::Else { span }) => (*span, "`else`"),
            Some(Piece::EndIf { span }) => (*span, "`endif`"),
            Some(Piece::EndFor { span }) => (*span, "`endfor`"),
            _ => (self.span_of(self.last), "the end of the template"),
        };
        let detail = format!("The directive `{name}` must be ended with `%{{ {end} }}` before {what}.");
        let error = SyntaxError::new("Unclosed template directive", detail, place).with_context(opened, "opened here");
        self.fail_with(opener, error);
        place
    }

    fn stray(&mut self, piece: &Piece) {
        let (span, name, opener) = match piece {
            Piece::Else { span } => (*span, "else", "if"),
            Piece::EndIf { span } => (*span, "endif", "if"),
            Piece::EndFor { span } => (*span, "endfor", "for"),
            _ => return,
        };
        let detail = format!("There is no `{opener}` directive open for this `{name}`.");
        self.fail_with(self.last, SyntaxError::new(format!("Unexpected {name} directive"), detail, span));
    }
}

/// Takes from every line the indent that all lines of the heredoc have in common. Lines that begin with a sequence have
/// none; lines of blanks alone do not count.
fn remove_indent(pieces: &mut [Piece]) {
    let mut line_start = true;
    let mut indented = Vec::new();
    let mut common = usize::MAX;
    for (index, piece) in pieces.iter().enumerate() {
        let starts_line = std::mem::replace(&mut line_start, false);
        let Piece::Literal { value, .. } = piece else {
            if starts_line {
                common = 0;
            }
            continue;
        };
        line_start = value.ends_with('\n');
        let text = value.trim_start();
        if starts_line && !(text.is_empty() && line_start) {
            common = common.min(value[..value.len() - text.len()].graphemes(true).count());
            indented.push(index);
        }
    }
    for index in indented {
        if let Some(Piece::Literal { value, .. }) = pieces.get_mut(index) {
            let length = value.grapheme_indices(true).nth(common).map_or(value.len(), |(at, _)| at);
            value.drain(..length);
        }
    }
}

/// Makes one literal of every run of literals.
fn join_literals(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut joined: Vec<Piece> = Vec::with_capacity(pieces.len());
    for piece in pieces {
        match (joined.last_mut(), piece) {
            (Some(Piece::Literal { value, end, .. }), Piece::Literal { value: more, end: more_end, .. }) => {
                value.push_str(&more);
                *end = more_end;
            }
            (_, piece) => joined.push(piece),
        }
    }
    joined
}
