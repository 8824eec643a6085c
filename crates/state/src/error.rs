//! What can go wrong with a state, and what the user can do about it.

use std::path::PathBuf;

use stackctl_core::Diagnostic;

use crate::lock::LockInfo;
use crate::store::StoreError;

/// Result of this crate's operations.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error. [`Error::diagnostic`] is its long form. Cheap to clone, because everybody who waited for a group commit
/// gets the same one.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The file is not a state, or its content contradicts itself.
    #[error("{place} is not a usable state: {problem}")]
    Format {
        /// File or object.
        place: String,
        /// What is wrong, with line and column where known.
        problem: String,
        /// What to do.
        hint: String,
    },
    /// A journal is damaged in a way that no crash leaves behind.
    #[error("the journal {place} is damaged: {problem}")]
    Damaged {
        /// File or object, with the number of the segment.
        place: String,
        /// What is wrong.
        problem: String,
    },
    /// Somebody else holds the lock.
    #[error("the state {place} is locked")]
    Locked {
        /// State file or object.
        place: String,
        /// Who holds it, if that can be read.
        holder: Option<Box<LockInfo>>,
        /// What the store said, or why the holder is not known.
        reason: String,
    },
    /// Another writer has displaced this one. Nothing more may be sent or written.
    #[error("another run has taken over the state {place}: {how}")]
    Fenced {
        /// State file or object.
        place: String,
        /// How it was noticed.
        how: String,
    },
    /// The state changed under a writer that cannot merge.
    #[error("the state {place} was changed by another tool while this run had it open")]
    Changed {
        /// State file or object.
        place: String,
        /// The journal has what this run did.
        kept: bool,
    },
    /// A change was asked of a session that only reads.
    #[error("the state was opened for reading only")]
    ReadOnly,
    /// Records were appended before what an earlier run left open was resolved.
    #[error("an earlier run left work open that is not resolved yet")]
    Unresolved,
    /// The state object is gone although the journal says that it had content.
    #[error("the state {place} is missing, and its journal says that it held {resources} objects")]
    Missing {
        /// State file or object.
        place: String,
        /// Objects at the last checkpoint.
        resources: usize,
    },
    /// The digest in the lock table is not that of the state object.
    #[error("state data in {place} does not have the expected content")]
    Digest {
        /// Object.
        place: String,
        /// What the lock table says.
        expected: String,
        /// MD5 of the object, empty if there is none.
        found: String,
    },
    /// A workspace does not exist.
    #[error("workspace {name:?} does not exist")]
    NoWorkspace {
        /// Its name.
        name: String,
    },
    /// A workspace cannot be made or deleted.
    #[error("workspace {name:?}: {problem}")]
    Workspace {
        /// Its name.
        name: String,
        /// Why not.
        problem: String,
    },
    /// The lock that `force-unlock` names is not there.
    #[error("{problem}")]
    Unlock {
        /// Why not.
        problem: String,
    },
    /// A file operation failed.
    #[error("{what} {}: {problem}", path.display())]
    Io {
        /// "reading", "writing" …
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        problem: String,
    },
    /// A request to the store failed.
    #[error("{what} {place}: {error}")]
    Store {
        /// "reading", "writing" …
        what: &'static str,
        /// Which object or item.
        place: String,
        /// What the store said.
        error: Box<StoreError>,
    },
    /// The state could not be saved; what it holds was written to a file instead.
    #[error("the state could not be saved: {cause}")]
    NotSaved {
        /// Why.
        cause: Box<Error>,
        /// Where it lies now; `None` if even that failed.
        errored: Option<PathBuf>,
    },
    /// The secrets of a sealed state, or of a sealed file, cannot be read or written.
    #[error("{place} is sealed: {problem}")]
    Sealed {
        /// State or file.
        place: String,
        /// What is missing.
        problem: String,
        /// Where to get it.
        hint: String,
    },
    /// The key of a state cannot be changed yet.
    #[error("creates of an interrupted run are in doubt until {until} and depend on the key of the state {place}")]
    InDoubt {
        /// State file or object.
        place: String,
        /// When the last of them is over.
        until: String,
    },
    /// The store carries out writes whose condition is false.
    #[error("the store of {place} does not honour conditional writes")]
    Careless {
        /// State.
        place: String,
    },
    /// A backend setting is wrong.
    #[error("{0}")]
    Config(String),
}

impl Error {
    pub(crate) fn io(what: &'static str, path: &std::path::Path, e: impl std::fmt::Display) -> Error {
        Error::Io { what, path: path.to_owned(), problem: e.to_string() }
    }
    pub(crate) fn store(what: &'static str, place: &str, error: StoreError) -> Error {
        Error::Store { what, place: place.to_owned(), error: Box::new(error) }
    }
    pub(crate) fn changed(place: &str) -> Error {
        Error::Changed { place: place.to_owned(), kept: false }
    }
    /// True if nothing more may be sent or written after it.
    pub fn is_fence(&self) -> bool {
        matches!(self, Error::Fenced { .. })
    }
    /// What users see.
    pub fn diagnostic(&self) -> Diagnostic {
        let d = |summary: &str, detail: String| Diagnostic::error(summary, detail);
        let said = self.to_string();
        match self {
            Error::Format { hint, .. } => d("Unusable state", capital(&said)).hinted(hint.clone()),
            Error::Damaged { .. } => d("Damaged journal", capital(&said)).hinted(
                "A crash leaves at most an incomplete last line, so something else changed the journal. Restore it from \
                 a backup, or move it away if the state itself is known to be complete.",
            ),
            Error::Locked { holder, reason, .. } => {
                let detail = match holder {
                    Some(h) => format!("{}.\n{}", capital(&said), h.table()),
                    None => format!("{}, and its holder cannot be read: {reason}.", capital(&said)),
                };
                let detail = match holder {
                    Some(_) if !reason.is_empty() => format!("{detail}\n{reason}"),
                    _ => detail,
                };
                let hint = match holder {
                    Some(h) => format!(
                        "Wait for the other run (-lock-timeout=5m waits up to five minutes). If it is certainly gone: \
                         stackctl force-unlock {}",
                        h.id
                    ),
                    None => "Wait for the other run (-lock-timeout=5m), or remove the lock by hand if nobody holds it."
                        .to_owned(),
                };
                d("Error acquiring the state lock", detail).hinted(hint)
            }
            Error::Fenced { .. } => d("The state has been taken over", capital(&said)).hinted(
                "This run stopped and wrote nothing more. The other run finds what this one had announced; when it has \
                 ended, plan again.",
            ),
            Error::Changed { .. } => d("State changed outside this run", capital(&said))
                .hinted("Nothing was overwritten. Run the command again; it starts from the new state."),
            Error::Missing { .. } => d("State is missing", capital(&said)).hinted(
                "Bring it back (`stackctl state restore`, a backup, or an earlier object version). To start anew on \
                 purpose, remove the journal as well.",
            ),
            Error::Digest { expected, found, .. } => d(
                "State does not match its digest",
                format!(
                    "{}: the lock table expects MD5 {expected}, the object has {}.",
                    capital(&said),
                    if found.is_empty() { "no content" } else { found }
                ),
            )
            .hinted(
                "Another tool was probably interrupted between writing the state and its digest. See which version is the \
                 right one (`stackctl state history`) and bring it back: stackctl state restore VERSION. It writes the \
                 digest, too, also where the version is the present one.",
            ),
            Error::NoWorkspace { name } => {
                d("Unknown workspace", capital(&said)).hinted(format!("Create it with: stackctl workspace new {name}"))
            }
            Error::NotSaved { cause, errored } => {
                let inner = cause.diagnostic();
                let mut out = d("State could not be saved", format!("{}.", capital(&said)));
                out.hint = Some(match errored {
                    Some(path) if cause.is_fence() => format!(
                        "Nothing is lost: the journal has what this run did, and the next run reads it. What this run \
                         knew at its end is in {p} as well; do not push it over what the other run writes.",
                        p = path.display()
                    ),
                    Some(path) if matches!(**cause, Error::Changed { kept: true, .. }) => format!(
                        "Nothing was overwritten and nothing is lost: the journal has what this run did, and the next run \
                         (stackctl apply) takes it into the state as it is now. What this run knew at its end is in {p} as \
                         well; do not push it over what the other tool wrote.",
                        p = path.display()
                    ),
                    Some(path) if matches!(**cause, Error::Changed { .. }) => format!(
                        "Nothing was overwritten. What this run knew at its end is in {p}: import what the state now lacks. \
                         stackctl state push -force {p} would undo what the other tool wrote.",
                        p = path.display()
                    ),
                    Some(path) => format!(
                        "Everything that is known of the resources is in {p}. Once the cause is mended: stackctl state \
                         push {p}",
                        p = path.display()
                    ),
                    None => "The state could not be written to errored.tfstate either: free some space and note the \
                             resources listed above."
                        .to_owned(),
                });
                out.detail = format!("{}\n{}", out.detail, inner.detail);
                out
            }
            Error::Store { error, .. } => {
                let mut out = d("State storage failed", capital(&said));
                out.hint = error.hint.clone();
                out
            }
            Error::Sealed { place, problem, hint } => {
                d("Sealed secrets cannot be used", format!("{place}: {problem}.")).hinted(hint.clone())
            }
            Error::Careless { .. } => d(
                "Unsafe state storage",
                format!("{}: a put that must fail was carried out. Nothing was changed.", capital(&said)),
            )
            .hinted(
                "Two runs could overwrite each other's state there. Keep the state in a store with If-None-Match and \
                 If-Match, as S3 has them, or rely on the lock alone at your own risk: STACKCTL_UNSAFE_STORE=1",
            ),
            Error::Config(_) => d("Invalid backend configuration", capital(&said)),
            Error::Io { .. } => d("State file failed", capital(&said)),
            Error::InDoubt { .. } => d("State operation refused", capital(&said)).hinted("Try again after that time."),
            Error::ReadOnly | Error::Unresolved | Error::Workspace { .. } | Error::Unlock { .. } => {
                d("State operation refused", capital(&said))
            }
        }
    }
}

fn capital(text: &str) -> String {
    // A message that starts with the name of a file keeps it as it is.
    if text.split(' ').next().is_some_and(|w| w.contains(['.', '/'])) {
        return text.to_owned();
    }
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |c| c.to_uppercase().chain(chars).collect())
}
