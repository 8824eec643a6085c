//! The engine: plans what makes the world like the configuration, and carries it out.
//!
//! - [`plan`]: configuration and state in, reads to be done or a finished [`plan::Plan`] out. Pure and synchronous.
//! - [`eval`]: evaluates a configuration over planned and real values.
//! - [`refresh`]: what to read and what was read.
//!
//! The engine sees providers only through `stackctl_core::Provider` and never knows AWS.

pub mod plan;
