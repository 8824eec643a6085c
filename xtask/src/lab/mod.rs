//! The laboratory: stacks in throw-away directories, programs run on them, and worlds of the sandbox to run them in.
//!
//! Used by the tasks of `xtask` and, as the same files, by the end-to-end tests in `tests/`. Knows none of our crates:
//! the binary is a program like any other here, and a world is a port. Start at [`World`], [`Bench`] and [`crash::Trial`].

pub(crate) mod conformance;
pub(crate) mod crash;
pub(crate) mod left;
pub(crate) mod run;
pub(crate) mod world;

pub(crate) use run::{Bench, Tool};
pub(crate) use world::World;

/// What went wrong, in words for whoever started the task.
pub(crate) type Result<T> = std::result::Result<T, String>;
