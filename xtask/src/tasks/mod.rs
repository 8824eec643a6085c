//! The tasks, a file each.

pub(crate) mod bench;
pub(crate) mod bench_journal;
pub(crate) mod bench_language;
pub(crate) mod bench_requests;
pub(crate) mod conformance;
pub(crate) mod crash;
pub(crate) mod docs;
pub(crate) mod interop;
pub(crate) mod tidy;
