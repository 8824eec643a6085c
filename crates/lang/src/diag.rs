//! Problems with a place in the source, on their way to becoming [`Diagnostic`]s.
//!
//! A [`Problem`] holds spans and no file names, so that making one costs little; whoever owns the [`SourceMap`] turns it
//! into a [`Diagnostic`]. Messages never hold values of variables except in [`Problem::values`], where sensitive ones
//! are hidden.

use stackctl_core::{Diagnostic, Diagnostics, Position, Severity, SourceRange};
use stackctl_hcl::{SourceMap, Span, SyntaxError};

/// What is wrong at a place.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Error or warning.
    pub severity: Severity,
    /// What is wrong, a few words without a full stop.
    pub summary: String,
    /// What it means and what to do.
    pub detail: String,
    /// The place at fault; `None` until somebody who knows places it.
    pub span: Option<Span>,
    /// Further places with a word on each.
    pub context: Box<[(Span, String)]>,
    /// Values of what the failing expression refers to.
    pub values: Box<[(String, String)]>,
    /// What the user can do.
    pub hint: Option<Box<str>>,
}

impl Problem {
    /// An error without a place.
    pub fn error(summary: impl Into<String>, detail: impl Into<String>) -> Problem {
        Problem {
            severity: Severity::Error,
            summary: summary.into(),
            detail: detail.into(),
            span: None,
            context: Box::default(),
            values: Box::default(),
            hint: None,
        }
    }
    /// A warning without a place.
    pub fn warning(summary: impl Into<String>, detail: impl Into<String>) -> Problem {
        Problem { severity: Severity::Warning, ..Problem::error(summary, detail) }
    }
    /// Places the problem, unless it has a place.
    #[must_use]
    pub fn at(mut self, span: Span) -> Problem {
        self.span.get_or_insert(span);
        self
    }
    /// Adds a related place.
    #[must_use]
    pub fn with(self, span: Span, note: impl Into<String>) -> Problem {
        let mut all = self.context.into_vec();
        all.push((span, note.into()));
        Problem { context: all.into(), ..self }
    }
    /// Adds a hint.
    #[must_use]
    pub fn hinted(self, hint: impl Into<String>) -> Problem {
        Problem { hint: Some(hint.into().into()), ..self }
    }
    /// Adds "Did you mean …?" if a candidate is close to what was written.
    #[must_use]
    pub fn suggest<'c>(self, written: &str, candidates: impl IntoIterator<Item = &'c str>) -> Problem {
        match closest(written, candidates) {
            Some(c) => {
                let hint = format!("Did you mean \"{c}\"?");
                self.hinted(hint)
            }
            None => self,
        }
    }
    /// True for errors.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
    /// The diagnostic that users see.
    pub fn into_diagnostic(self, sources: &SourceMap) -> Diagnostic {
        let start = match self.severity {
            Severity::Error => Diagnostic::error(self.summary, self.detail),
            Severity::Warning => Diagnostic::warning(self.summary, self.detail),
        };
        let context =
            self.context.into_vec().into_iter().filter_map(|(s, note)| Some((range(sources, s)?, note))).collect();
        let range = self.span.and_then(|s| range(sources, s));
        let hint = self.hint.map(Into::into);
        Diagnostic { range, context, values: self.values.into_vec(), hint, ..start }
    }
}

impl From<SyntaxError> for Problem {
    fn from(e: SyntaxError) -> Problem {
        let p = Problem::error(e.summary, e.detail).at(e.span);
        Problem { context: e.context.into_iter().collect(), hint: e.hint.map(Into::into), ..p }
    }
}

/// Diagnostics of all problems, in their order.
pub fn diagnostics(problems: Vec<Problem>, sources: &SourceMap) -> Diagnostics {
    problems.into_iter().map(|p| p.into_diagnostic(sources)).collect()
}

/// File name and positions of a span; `None` if the span's file is not in the map.
pub fn range(sources: &SourceMap, span: Span) -> Option<SourceRange> {
    let r = sources.range(span)?;
    let position = |p: stackctl_hcl::Position| Position { line: p.line, column: p.column, byte: p.byte };
    Some(SourceRange { filename: r.filename.to_string(), start: position(r.start), end: position(r.end) })
}

/// The candidate that somebody who wrote `written` most likely meant.
pub fn closest<'c>(written: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let limit = (written.chars().count() / 3).clamp(1, 4);
    candidates
        .into_iter()
        .map(|c| (strsim::damerau_levenshtein(written, c), c))
        .filter(|(d, _)| *d <= limit)
        .min()
        .map(|(_, c)| c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggestions_are_close_or_absent() {
        for (written, candidates, want) in [
            ("instnce", &["instance", "distance"][..], Some("instance")),
            ("cidr", &["cidr_block", "tags"], None),
            ("tgas", &["tags", "tag"], Some("tags")),
            ("x", &["longer"], None),
        ] {
            assert_eq!(closest(written, candidates.iter().copied()), want, "{written}");
        }
    }
}
