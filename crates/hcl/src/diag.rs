//! What this crate reports: one type for everything that is wrong with a text.
//!
//! A [`SyntaxError`] places itself by spans and never holds source text beyond short names and tokens. It does not
//! render itself; the terminal does.

use std::fmt;

use crate::span::Span;

/// One thing that is wrong with a text. All of a file are reported together, in source order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// A few words without a final stop: "Missing closing brace".
    pub summary: String,
    /// Full sentences: what was expected, what stands there.
    pub detail: String,
    /// The place to point at; may be empty (between two characters, or at the end of the file).
    pub span: Span,
    /// A second place that explains the first, with a label such as "opened here".
    pub context: Option<(Span, String)>,
    /// What to do, if something is likely: "escape it as `$${`".
    pub hint: Option<String>,
}

impl SyntaxError {
    /// An error at `span` without second place and hint.
    pub fn new(summary: impl Into<String>, detail: impl Into<String>, span: Span) -> SyntaxError {
        SyntaxError { summary: summary.into(), detail: detail.into(), span, context: None, hint: None }
    }

    /// Adds the second place.
    #[must_use]
    pub fn with_context(mut self, span: Span, label: impl Into<String>) -> SyntaxError {
        self.context = Some((span, label.into()));
        self
    }

    /// Adds the hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> SyntaxError {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.summary, self.detail)
    }
}

impl std::error::Error for SyntaxError {}
