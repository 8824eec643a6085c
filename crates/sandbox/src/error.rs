//! What can go wrong with the sandbox, in words for the person who runs it.

use std::path::PathBuf;

/// An error of the sandbox itself, never of a simulated AWS service.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No usable Python on PATH.
    #[error(
        "the sandbox needs Python 3.10 or newer as `python3`: {0}; on Debian and Ubuntu install the packages python3 and python3-venv"
    )]
    Python(String),
    /// `python3 -m venv` cannot make an environment.
    #[error("`python3 -m venv` failed: {0}; on Debian and Ubuntu install the package python3-venv")]
    Venv(String),
    /// pip could not install the pinned packages; its last lines.
    #[error("pip could not install {packages} for the sandbox:\n{lines}")]
    Pip {
        /// The requirements that were asked for.
        packages: String,
        /// The end of pip's output.
        lines: String,
    },
    /// The server ended or stayed silent before it was ready; the end of its log.
    #[error("the sandbox's server did not start: {0}")]
    Start(String),
    /// No directory for caches: neither STACKCTL_SANDBOX_HOME nor XDG_CACHE_HOME nor HOME is set.
    #[error("nowhere to install the sandbox: set STACKCTL_SANDBOX_HOME to a directory")]
    Home,
    /// A server of another version runs, and its world would be lost.
    #[error(
        "the sandbox that runs at {endpoint} was started by another version of this program (server {theirs}, here {ours}), and its \
         world holds {holds}; go on with that version, or end the sandbox and lose its world: `stackctl sandbox stop`"
    )]
    Version {
        /// Its address.
        endpoint: String,
        /// Its version.
        theirs: String,
        /// The version that this program brings.
        ours: String,
        /// What it holds, in words.
        holds: String,
    },
    /// A file operation failed.
    #[error("{path}: {source}")]
    Io {
        /// What was read or written.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The server could not be reached.
    #[error("the sandbox at {endpoint} does not answer: {source}")]
    Unreachable {
        /// Its address.
        endpoint: String,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A control request was refused.
    #[error("the sandbox refused {request}: {message}")]
    Refused {
        /// Method and path.
        request: String,
        /// The server's explanation.
        message: String,
    },
}

impl Error {
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}
