//! Diagnostics: the one type in which anything is reported to users. Only `cli` renders it.

use serde::{Deserialize, Serialize};

use crate::error::Call;
use crate::{Error, Path};

/// Errors stop the command, warnings do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The command cannot go on.
    Error,
    /// The command goes on.
    Warning,
}

/// A place in a file. Lines and columns start at 1, columns count grapheme clusters; `byte` starts at 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position {
    /// Line.
    pub line: u32,
    /// Column.
    pub column: u32,
    /// Offset in bytes.
    pub byte: u32,
}

/// A range of a file, as Terraform's JSON diagnostics have it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SourceRange {
    /// File name as the user would write it, relative to the working directory.
    pub filename: String,
    /// First character.
    pub start: Position,
    /// One after the last character.
    pub end: Position,
}

/// An error or warning.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// What is wrong, a few words without a full stop.
    pub summary: String,
    /// What it means and what to do, in sentences. May be empty.
    pub detail: String,
    /// The place at fault.
    pub range: Option<SourceRange>,
    /// Further places, each with a word on what it has to do with it ("opened here").
    pub context: Vec<(SourceRange, String)>,
    /// Address of the resource, module or output concerned.
    pub address: Option<String>,
    /// Attribute concerned, for whoever can place it ([`Diagnostic::range`] is still empty).
    pub path: Option<Path>,
    /// Values of what the failing expression refers to: (`var.a`, `is "x"`). Never sensitive ones.
    pub values: Vec<(String, String)>,
    /// What the user can do.
    pub hint: Option<String>,
    /// The service call that failed.
    pub call: Option<Box<Call>>,
}

/// What a step reports, in order.
pub type Diagnostics = Vec<Diagnostic>;

impl Diagnostic {
    /// An error.
    pub fn error(summary: impl Into<String>, detail: impl Into<String>) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            summary: summary.into(),
            detail: detail.into(),
            range: None,
            context: Vec::new(),
            address: None,
            path: None,
            values: Vec::new(),
            hint: None,
            call: None,
        }
    }
    /// A warning.
    pub fn warning(summary: impl Into<String>, detail: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..Diagnostic::error(summary, detail) }
    }
    /// Places the diagnostic.
    #[must_use]
    pub fn at(mut self, range: SourceRange) -> Diagnostic {
        self.range = Some(range);
        self
    }
    /// Names the object concerned.
    #[must_use]
    pub fn of(mut self, address: impl ToString) -> Diagnostic {
        self.address = Some(address.to_string());
        self
    }
    /// Adds a hint.
    #[must_use]
    pub fn hinted(mut self, hint: impl Into<String>) -> Diagnostic {
        self.hint = Some(hint.into());
        self
    }
    /// Adds a related place.
    #[must_use]
    pub fn with(mut self, range: SourceRange, note: impl Into<String>) -> Diagnostic {
        self.context.push((range, note.into()));
        self
    }
    /// Names the attribute concerned.
    #[must_use]
    pub fn path(mut self, path: Path) -> Diagnostic {
        self.path = Some(path);
        self
    }
    /// True for errors.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
    /// What a provider reported while doing `summary` ("creating aws_vpc.main").
    pub fn from_provider(summary: impl Into<String>, e: Error) -> Diagnostic {
        Diagnostic { path: e.path, hint: e.hint, call: e.call, ..Diagnostic::error(summary, e.message) }
    }
}

/// True if any of them is an error.
pub fn has_errors(diags: &[Diagnostic]) -> bool {
    diags.iter().any(Diagnostic::is_error)
}
