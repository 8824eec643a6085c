//! Planning: what makes the world like the configuration.
//!
//! - [`model`]: what a plan is.
//! - [`planner`]: goes through the configuration and asks for what it has to read. **Start here.**
//! - [`diff`]: how one instance is compared. [`drift`]: what changed outside.
//! - [`moves`], [`target`]: `moved` blocks, `-target`.
//! - [`order`]: what comes before what.

pub mod complete;
mod data;
pub mod diff;
pub mod drift;
mod ephemeral;
mod finish;
mod import;
pub(crate) mod instance;
pub mod model;
pub mod moves;
mod order;
pub mod planner;
pub(crate) mod reads;
mod relevant;
mod serial;
pub mod target;
mod validate;

pub use diff::{Diff, Ignore, diff};
pub(crate) use import::import_id;
pub use model::*;
pub use planner::{Options, Planner, Step};
pub use validate::validate;

#[cfg(test)]
mod tests;
