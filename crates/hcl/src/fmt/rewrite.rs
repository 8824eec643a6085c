//! Old spellings that the formatter modernises: `"${x}"` becomes `x`, quoted and bare types of variables
//! (`"string"`, `list`) become type expressions, and labels of blocks stand in quotes.

use std::borrow::Cow;

use super::Piece;
use crate::ast::{Attribute, Block, Body, Item};
use crate::parser::normalize;
use crate::span::Span;
use crate::token::{Kind, Token};

/// Replaces the pieces of a range of tokens.
struct Edit<'t> {
    from: usize,
    to: usize,
    pieces: Vec<Piece<'t>>,
}

/// The pieces with everything modernised. `pieces` are those of `tokens`, one each.
pub(super) fn modernise<'t>(body: &Body, tokens: &[Token], pieces: Vec<Piece<'t>>) -> Vec<Piece<'t>> {
    let mut rewriter = Rewriter { tokens, pieces: &pieces, edits: Vec::new() };
    rewriter.body(body, &mut Vec::new());
    let edits = rewriter.edits;
    if edits.is_empty() {
        return pieces;
    }
    let mut out = Vec::with_capacity(pieces.len());
    let mut rest = pieces.into_iter();
    let mut at = 0;
    for edit in edits {
        out.extend(rest.by_ref().take(edit.from - at));
        at = edit.to;
        rest.by_ref().take(edit.to - edit.from).for_each(drop);
        out.extend(edit.pieces);
    }
    out.extend(rest);
    out
}

struct Rewriter<'a, 't> {
    tokens: &'a [Token],
    pieces: &'a [Piece<'t>],
    /// In source order, not overlapping.
    edits: Vec<Edit<'t>>,
}

impl<'t> Rewriter<'_, 't> {
    fn range(&self, span: Span) -> (usize, usize) {
        let from = self.tokens.partition_point(|token| token.start < span.start);
        (from, self.tokens.partition_point(|token| token.start < span.end))
    }

    fn body<'b>(&mut self, body: &'b Body, path: &mut Vec<&'b str>) {
        for item in &body.items {
            match item {
                Item::Attribute(attribute) => self.attribute(attribute, path),
                Item::Block(block) => {
                    self.labels(block);
                    path.push(block.kind.as_str());
                    self.body(&block.body, path);
                    path.pop();
                }
            }
        }
    }

    fn attribute(&mut self, attribute: &Attribute, path: &[&str]) {
        let (from, to) = self.range(attribute.expr.span);
        let pieces = &self.pieces[from..to];
        let replacement = if path == ["variable"] && attribute.name.as_str() == "type" {
            modern_type(pieces)
        } else {
            unwrapped(pieces)
        };
        self.edits.extend(replacement.map(|pieces| Edit { from, to, pieces }));
    }

    fn labels(&mut self, block: &Block) {
        let Some(last) = block.labels.last() else { return };
        let (kind, _) = self.range(block.kind.span);
        let (_, end) = self.range(last.span);
        let mut pieces = Vec::new();
        for label in &block.labels {
            pieces.push(Piece::new(Kind::OQuote, "\""));
            if !label.value.is_empty() {
                let text = Cow::Owned(quoted(&normalize(label.value.to_string())));
                pieces.push(Piece { kind: Kind::QuotedLit, text, spaces: 0 });
            }
            pieces.push(Piece::new(Kind::CQuote, "\""));
        }
        self.edits.push(Edit { from: kind + 1, to: end, pieces });
    }
}

/// The text as it stands between quotes.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '$' | '%' if chars.peek() == Some(&'{') => out.extend([c, c]),
            c if is_visible(c) => out.push(c),
            c if u32::from(c) < 0x10000 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    out
}

/// Whether a character leaves ink, or is a plain space: not a control or format character, another blank, or for
/// private use.
fn is_visible(c: char) -> bool {
    let format_character = matches!(c,
        '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}' | '\u{891}' | '\u{8e2}'
        | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0001}' | '\u{e0020}'..='\u{e007f}');
    let private = matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..);
    c == ' ' || !(c.is_control() || c.is_whitespace() || format_character || private)
}

/// What is inside of a string that is provably one interpolation and nothing else.
fn unwrapped<'t>(pieces: &[Piece<'t>]) -> Option<Vec<Piece<'t>>> {
    let [first, second, inside @ .., second_last, last] = pieces else { return None };
    let kinds = [first.kind, second.kind, second_last.kind, last.kind];
    if inside.is_empty() || kinds != [Kind::OQuote, Kind::Interp, Kind::SeqEnd, Kind::CQuote] {
        return None;
    }
    let mut quotes = 0;
    for piece in inside {
        match piece.kind {
            Kind::OQuote => quotes += 1,
            Kind::CQuote => quotes -= 1,
            Kind::Interp | Kind::SeqEnd | Kind::QuotedLit if quotes <= 0 => return None,
            _ => {}
        }
    }
    let is_text = |piece: &Piece<'_>| piece.kind != Kind::Newline;
    let start = inside.iter().position(is_text).unwrap_or(0);
    let end = inside.iter().rposition(is_text).map_or(0, |last| last + 1);
    let inside = inside.get(start..end)?;
    let parenthesised = inside.first()?.kind == Kind::OParen && inside.last()?.kind == Kind::CParen;
    let mut out = inside.to_vec();
    if !parenthesised && breaks_line(inside) {
        // Outside of a sequence, line breaks would end the argument.
        out.insert(0, Piece::new(Kind::OParen, "("));
        out.push(Piece::new(Kind::CParen, ")"));
    }
    Some(out)
}

/// Whether line breaks inside of the pieces call for parentheses around them. Those of comments do only where no bracket
/// is open.
fn breaks_line(pieces: &[Piece<'_>]) -> bool {
    let mut open = 0;
    pieces.iter().any(|piece| {
        open += piece.kind.bracket_change();
        piece.kind == Kind::Newline || (open == 0 && piece.ends_line())
    })
}

/// A type as it is written today, if it was written in an older way.
fn modern_type<'t>(pieces: &[Piece<'t>]) -> Option<Vec<Piece<'t>>> {
    let collection = |name: &'static str, element: &'static str| {
        vec![
            Piece::new(Kind::Ident, name),
            Piece::new(Kind::OParen, "("),
            Piece::new(Kind::Ident, element),
            Piece::new(Kind::CParen, ")"),
        ]
    };
    match pieces {
        [name] if name.kind == Kind::Ident => match &*name.text {
            "list" => Some(collection("list", "any")),
            "map" => Some(collection("map", "any")),
            "set" => Some(collection("set", "any")),
            _ => None,
        },
        [open, text, close] if [open.kind, text.kind, close.kind] == [Kind::OQuote, Kind::QuotedLit, Kind::CQuote] => {
            match &*text.text {
                "string" => Some(vec![Piece::new(Kind::Ident, "string")]),
                "list" => Some(collection("list", "string")),
                "map" => Some(collection("map", "string")),
                _ => None,
            }
        }
        _ => None,
    }
}
