//! Whether a space stands between two tokens of a line.

use super::Piece;
use crate::token::Kind;

/// `before` is the token before `left`, if that is not the first of its cell.
pub(super) fn space_between(before: Option<Kind>, left: &Piece<'_>, right: &Piece<'_>) -> bool {
    let (l, r) = (left.kind, right.kind);
    let name = |kind| kind == Kind::Ident;
    if r == Kind::Newline
        || (name(l) && r == Kind::OParen)
        || (name(l) && r == Kind::DoubleColon)
        || (l == Kind::DoubleColon && name(r))
        || l == Kind::Dot
        || matches!(r, Kind::Dot | Kind::Comma | Kind::Ellipsis)
    {
        return false;
    }
    if l == Kind::Comma {
        return true;
    }
    if within_text(l, r) {
        return false;
    }
    if name(l) && left.text == "in" && before == Some(Kind::Ident) {
        // `[for x in [a] : x]`: a list, not an index of something called `in`.
        return true;
    }
    if r == Kind::OBrack && (matches!(l, Kind::Ident | Kind::Number) || l.bracket_change() < 0) {
        return false;
    }
    match l {
        Kind::Bang => return false,
        Kind::Minus => return !negates(before),
        _ => {}
    }
    if l == Kind::OBrace || r == Kind::CBrace {
        return !(l == Kind::OBrace && r == Kind::CBrace);
    }
    let sequence = |kind| matches!(kind, Kind::Interp | Kind::Control);
    if (sequence(l) && r == Kind::OBrace) || (l == Kind::CBrace && r == Kind::SeqEnd) {
        return true;
    }
    if l == Kind::SeqEnd && sequence(r) {
        return false;
    }
    l.bracket_change() <= 0 && r.bracket_change() >= 0
}

/// Blanks next to literal text are text themselves, and none are added at its borders.
fn within_text(left: Kind, right: Kind) -> bool {
    matches!(left, Kind::QuotedLit | Kind::StringLit | Kind::OQuote | Kind::OHeredoc | Kind::OFlushHeredoc)
        || matches!(right, Kind::QuotedLit | Kind::StringLit | Kind::CQuote | Kind::CHeredoc)
}

/// Whether a minus after this token is that of a negative number rather than of a subtraction.
fn negates(before: Option<Kind>) -> bool {
    let Some(before) = before else { return true };
    matches!(
        before,
        Kind::OParen | Kind::OBrace | Kind::OBrack | Kind::Equal | Kind::Colon | Kind::Comma | Kind::Question
    ) || matches!(before, Kind::Plus | Kind::Star | Kind::Slash | Kind::Percent | Kind::Minus)
        || matches!(before, Kind::EqualEqual | Kind::NotEqual | Kind::Greater | Kind::GreaterEqual)
        || matches!(before, Kind::Less | Kind::LessEqual | Kind::AndAnd | Kind::OrOr | Kind::Bang)
}
