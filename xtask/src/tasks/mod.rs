//! The tasks, a file each.

pub(crate) mod bench;
pub(crate) mod crash;
pub(crate) mod docs;
pub(crate) mod interop;
pub(crate) mod requests;
pub(crate) mod tidy;
