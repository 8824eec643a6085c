//! The `archive` provider: files packed into one, as Lambda functions are uploaded.

pub(crate) mod file;
mod pack;
