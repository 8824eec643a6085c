//! Planning: start at [`model`] for what a plan is.

pub mod model;

pub use model::*;
