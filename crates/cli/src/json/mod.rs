//! What programs read: Terraform's JSON formats for events, plans, states and diagnostics.

pub(crate) mod config;
pub(crate) mod diag;
pub(crate) mod events;
pub(crate) mod plan;
pub(crate) mod schema;
