//! The alphabet of the language: kinds of tokens and what they are called in messages.

/// A piece of the text. Blanks are between tokens; everything else is in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    /// Byte offsets into the lexed text.
    pub(crate) start: u32,
    pub(crate) end: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Ident,
    Number,
    /// A line break; also the one that ends a line comment when comments are dropped.
    Newline,
    /// Only when comments are kept. A line comment includes its line break.
    Comment,
    OParen,
    CParen,
    OBrack,
    CBrack,
    OBrace,
    CBrace,
    OQuote,
    CQuote,
    /// Text between quotes, escapes unresolved.
    QuotedLit,
    /// `<<NAME` and its line break.
    OHeredoc,
    /// `<<-NAME` and its line break.
    OFlushHeredoc,
    /// The line of the closing marker without its line break.
    CHeredoc,
    /// One line of a heredoc or of a bare template, or a piece of one.
    StringLit,
    /// `${` or `${~`.
    Interp,
    /// `%{` or `%{~`.
    Control,
    /// `}` or `~}` that ends an interpolation or a directive; empty when it was missing and is reported.
    SeqEnd,
    Equal,
    EqualEqual,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    AndAnd,
    OrOr,
    Bang,
    Plus,
    Minus,
    Star,
    Slash,
    Percent,
    Question,
    Colon,
    DoubleColon,
    Comma,
    Dot,
    Ellipsis,
    FatArrow,
    /// Already reported by the lexer.
    Invalid,
    Eof,
}

impl Kind {
    /// +1 for what opens a bracket pair, −1 for what closes one.
    pub(crate) fn bracket_change(self) -> i32 {
        match self {
            Kind::OParen | Kind::OBrack | Kind::OBrace | Kind::Interp | Kind::Control => 1,
            Kind::CParen | Kind::CBrack | Kind::CBrace | Kind::SeqEnd => -1,
            _ => 0,
        }
    }

    /// What closes the pair that this opens.
    pub(crate) fn closer(self) -> Option<Kind> {
        Some(match self {
            Kind::OParen => Kind::CParen,
            Kind::OBrack => Kind::CBrack,
            Kind::OBrace => Kind::CBrace,
            Kind::OQuote => Kind::CQuote,
            Kind::OHeredoc | Kind::OFlushHeredoc => Kind::CHeredoc,
            Kind::Interp | Kind::Control => Kind::SeqEnd,
            _ => return None,
        })
    }

    pub(crate) fn is_closer(self) -> bool {
        matches!(self, Kind::CParen | Kind::CBrack | Kind::CBrace | Kind::CQuote | Kind::CHeredoc | Kind::SeqEnd)
    }

    /// How messages call a token of this kind.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Kind::Ident => "a name",
            Kind::Number => "a number",
            Kind::Newline => "the end of the line",
            Kind::Comment => "a comment",
            Kind::OParen => "`(`",
            Kind::CParen => "`)`",
            Kind::OBrack => "`[`",
            Kind::CBrack => "`]`",
            Kind::OBrace => "`{`",
            Kind::CBrace => "`}`",
            Kind::OQuote => "a quoted string",
            Kind::CQuote => "the end of the string",
            Kind::QuotedLit | Kind::StringLit => "text",
            Kind::OHeredoc | Kind::OFlushHeredoc => "a heredoc",
            Kind::CHeredoc => "the end of the heredoc",
            Kind::Interp => "`${`",
            Kind::Control => "`%{`",
            Kind::SeqEnd => "`}`",
            Kind::Equal => "`=`",
            Kind::EqualEqual => "`==`",
            Kind::NotEqual => "`!=`",
            Kind::Less => "`<`",
            Kind::LessEqual => "`<=`",
            Kind::Greater => "`>`",
            Kind::GreaterEqual => "`>=`",
            Kind::AndAnd => "`&&`",
            Kind::OrOr => "`||`",
            Kind::Bang => "`!`",
            Kind::Plus => "`+`",
            Kind::Minus => "`-`",
            Kind::Star => "`*`",
            Kind::Slash => "`/`",
            Kind::Percent => "`%`",
            Kind::Question => "`?`",
            Kind::Colon => "`:`",
            Kind::DoubleColon => "`::`",
            Kind::Comma => "`,`",
            Kind::Dot => "`.`",
            Kind::Ellipsis => "`...`",
            Kind::FatArrow => "`=>`",
            Kind::Invalid => "an invalid character",
            Kind::Eof => "the end of the file",
        }
    }
}

/// Whether a name may begin with this character.
pub(crate) fn is_ident_start(c: char) -> bool {
    c == '_' || unicode_ident::is_xid_start(c)
}

/// Whether a name may go on with this character.
pub(crate) fn is_ident_continue(c: char) -> bool {
    c == '-' || unicode_ident::is_xid_continue(c)
}

/// Whether `text` is a name as a whole.
pub fn is_identifier(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(is_ident_start) && chars.all(is_ident_continue)
}
