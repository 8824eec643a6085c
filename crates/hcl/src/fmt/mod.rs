//! The formatter: the layout that the field is used to, byte for byte.
//!
//! It works on tokens, comments included, and changes blanks only, but for four old spellings that it modernises (see
//! [`rewrite`]). A text with syntax errors is not touched. Line breaks stay where they are.
//!
//! Start at [`format`].

mod layout;
mod rewrite;
mod spacing;

use std::borrow::Cow;

use crate::diag::SyntaxError;
use crate::lexer::{Start, lex};
use crate::parser::parse_body;
use crate::span::FileId;
use crate::token::Kind;

/// A token on its way to the output.
#[derive(Clone, Debug)]
struct Piece<'t> {
    kind: Kind,
    text: Cow<'t, str>,
    /// Number of spaces to write before it.
    spaces: usize,
}

impl Piece<'_> {
    fn new(kind: Kind, text: &'static str) -> Piece<'static> {
        Piece { kind, text: Cow::Borrowed(text), spaces: 0 }
    }

    /// Whether a line of the source ends with this token. Line breaks of heredocs do not count: they are text.
    fn ends_line(&self) -> bool {
        self.kind == Kind::Newline || (self.kind == Kind::Comment && self.text.ends_with('\n'))
    }
}

/// The text in canonical layout. Formatting the result again does not always leave it as it is, but nearly always.
///
/// # Errors
/// The syntax errors of the text.
pub fn format(text: &str) -> Result<String, Vec<SyntaxError>> {
    let (body, errors) = parse_body(text, FileId::default());
    if !errors.is_empty() {
        return Err(errors);
    }
    let tokens = lex(text, Start::Code, true).tokens;
    let mut end = 0;
    let mut pieces = Vec::with_capacity(tokens.len());
    // Blanks at the end of a last line without line break stay: they are before the `Eof`, which is on no line.
    for token in &tokens {
        let (start, stop) = (token.start as usize, token.end as usize);
        pieces.push(Piece { kind: token.kind, text: Cow::Borrowed(&text[start..stop]), spaces: start - end });
        end = stop;
    }
    let mut pieces = rewrite::modernise(&body, &tokens, pieces);
    layout::lay_out(&mut pieces);
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for piece in &pieces {
        out.extend(std::iter::repeat_n(' ', piece.spaces));
        out.push_str(&piece.text);
    }
    Ok(out)
}
