//! Planning: start at [`model`] for what a plan is, then [`diff`] for how one instance is compared.

pub mod diff;
pub mod model;

pub use diff::{Diff, Ignore, diff};
pub use model::*;
