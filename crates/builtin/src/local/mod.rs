//! The `local` provider: files on this machine.
//!
//! Relative names start at the working directory, as those of functions do.

pub(crate) mod data;
pub(crate) mod file;

use std::path::{Path, PathBuf};

use stackctl_core::{Error, ErrorKind, Host};

/// The file that an argument names.
pub(crate) fn place(host: &Host, name: &str) -> PathBuf {
    host.cwd.join(name)
}

/// What went wrong with a file.
pub(crate) fn trouble(what: &str, at: &Path, e: &std::io::Error) -> Error {
    Error::new(ErrorKind::Other, format!("{} cannot be {what}: {e}.", at.display()))
}
