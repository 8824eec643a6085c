//! The sandbox: AWS without an account. Local emulators, repaired, with what tests need beside them.
//!
//! Start reading at [`Sandbox::start`] (a server for one test) and [`Sandbox::attach_or_start`] (one that is kept for
//! a user); [`Control`] is what can be asked of either. The server itself is Python, in `src/server/`, embedded here
//! and run in a virtual environment of its own; its `stackbox/__init__.py` is the map. By hand:
//! `python3 crates/sandbox/src/server --port 5000 --detach`, with a Python that has `moto[server]`, and
//! `curl 127.0.0.1:5000/_sandbox/log`.
//!
//! This crate never speaks AWS and knows no crate of ours. Repairs of emulators belong here, never in the product.

mod clock;
mod control;
mod error;
mod files;
mod http;
mod process;
mod venv;

pub use clock::SandboxClock;
pub use control::{Control, ENV_REMOVE, Fault, Fork, Kind, Logged, Stopped, When, World};
pub use error::Error;
pub use process::{Options, Sandbox};
pub use venv::home;
