//! The engine: plans what makes the world like the configuration, and carries it out.
//!
//! - [`plan`]: configuration and state in, reads to be done or a finished [`plan::Plan`] out. Pure and synchronous.
//! - [`apply`]: carries out a plan.
//! - [`recover`]: what became of requests of a run that did not end.
//! - [`providers`]: all providers, and those that are configured.
//! - [`leases`]: ephemeral objects that are open.
//! - [`generate`]: configuration for objects that are imported.
//! - [`events`]: what happens, for whoever shows it.
//!
//! The engine sees providers only through `stackctl_core::Provider` and never knows AWS.

pub mod apply;
pub mod eval;
pub mod events;
pub mod generate;
pub mod leases;
pub mod plan;
pub mod providers;
pub mod recover;
pub mod refresh;
pub mod run;
pub mod testing;
