//! What an operation of a provider reports when it fails.
//!
//! A provider says *what* failed and at which attribute; only `lang` knows the source range that set the attribute, and
//! only the terminal shows it.

use std::fmt;

use crate::Path;

/// Result of a provider's operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What the engine does about an error depends on this and on nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The object does not exist. A delete counts it as success.
    NotFound,
    /// The object exists already (name or key taken).
    Exists,
    /// Something still uses the object: retried within the delete timeout.
    InUse,
    /// Something the request refers to is not visible yet: retried if it was made recently.
    NotYetVisible,
    /// The object is in a state that does not allow the request yet: retried within the timeout.
    NotReady,
    /// The same token was used with other parameters: the object exists.
    TokenMismatch,
    /// Too many requests, also after the client's own retries.
    Throttled,
    /// No permission, or wrong credentials.
    Denied,
    /// The service refuses the arguments.
    Invalid,
    /// The endpoint does not know the operation.
    Unsupported,
    /// The request may or may not have been carried out: no answer came.
    Lost,
    /// The request did not reach the service (connection refused, no route, no credentials found).
    Unreachable,
    /// Anything else.
    Other,
}

/// An error of a provider's operation.
#[derive(Clone, Debug)]
pub struct Error {
    /// Class, which decides about retries.
    pub kind: ErrorKind,
    /// One sentence for the user, without secrets.
    pub message: String,
    /// Attribute at fault, where known.
    pub path: Option<Path>,
    /// What the service said, where a service was asked.
    pub call: Option<Box<Call>>,
    /// What the user can do about it.
    pub hint: Option<String>,
}

/// The service call behind an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    /// Service id, `ec2`.
    pub service: String,
    /// Operation, `CreateVpc`.
    pub operation: String,
    /// Error code of the service, `VpcLimitExceeded`.
    pub code: Option<String>,
    /// HTTP status.
    pub status: Option<u16>,
    /// The service's id of the request.
    pub request_id: Option<String>,
}

impl Error {
    /// An error of a kind with a message.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error { kind, message: message.into(), path: None, call: None, hint: None }
    }
    /// An error about arguments.
    pub fn invalid(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Invalid, message)
    }
    /// An error about the attribute at `path`.
    pub fn at(path: Path, message: impl Into<String>) -> Error {
        Error { path: Some(path), ..Error::invalid(message) }
    }
    /// Adds a hint.
    #[must_use]
    pub fn hinted(mut self, hint: impl Into<String>) -> Error {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(c) = &self.call {
            write!(f, " ({}:{}", c.service, c.operation)?;
            if let Some(code) = &c.code {
                write!(f, ", {code}")?;
            }
            if let Some(id) = &c.request_id {
                write!(f, ", request {id}")?;
            }
            f.write_str(")")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
