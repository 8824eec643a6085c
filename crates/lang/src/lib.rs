//! The Terraform language: configuration model, module loading, values with unknowns and marks, functions, evaluation.
//!
//! Invariants: no network, no clock and no environment of its own (all are passed in); files are read through
//! [`files::Files`] only; nothing panics on what a user wrote; every error of a configuration is reported together.
//!
//! - [`config`]: what the files say, as a tree of modules. Start at [`config::Config::load`].
//! - [`check`]: what is wrong with a configuration before anything is evaluated.
//! - [`refs`]: what an expression or body refers to, known without evaluating it.
//! - [`eval`]: expressions and bodies to values, in a [`eval::Scope`].
//! - [`diag`]: problems on their way to becoming [`stackctl_core::Diagnostic`]s.
//! - [`files`]: reading files, from disk or from a snapshot.
//! - [`value`], [`convert`], [`ops`]: typed values with unknowns and marks, conversion, operators.
//! - [`functions`]: the functions of the language and how they are called.

pub mod check;
pub mod config;
pub mod convert;
pub mod diag;
pub mod eval;
pub mod files;
pub mod functions;
pub mod ops;
pub mod refs;
pub mod value;
