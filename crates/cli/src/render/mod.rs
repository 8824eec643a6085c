//! What people read: diagnostics, plans, progress, values. The only code that writes to the terminal.

pub(crate) mod diag;
pub(crate) mod dynamic;
pub(crate) mod plan;
pub(crate) mod progress;
pub(crate) mod term;
pub(crate) mod value;
