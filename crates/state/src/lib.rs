//! State: what exists, where it is kept, who may write it, and how nothing is ever lost.
//!
//! - [`model`]: the state in memory; [`format`]: its file, byte for byte Terraform's.
//! - [`backend`]: the interface that engine and commands use, the same for every place. **Start here.**
//! - [`session`]: one opened state: lock, load, recovery, durable records, folds. `committer`: its task that writes.
//!   `gate`: whether its run may still change anything.
//! - [`record`], [`fold`], [`segment`]: the journal's records, what they mean, and their lines.
//! - [`local`]: state in a file, with a journal beside it. [`remote`]: state in an object store with a lock table.
//! - [`store`]: the traits under `remote`; [`memory`]: fakes of them, with faults.
//! - [`seal`]: states whose secrets are encrypted.
//! - [`workspace`]: names, and which one is selected.
//!
//! Invariants: nothing here evaluates configuration, calls a cloud or asks the user; time and randomness are injected;
//! what a caller was told to be durable is durable.

pub mod backend;
mod committer;
pub mod error;
pub mod fold;
pub mod format;
mod gate;
pub mod local;
pub mod lock;
pub mod memory;
pub mod model;
mod process;
#[cfg(test)]
mod properties;
pub mod record;
pub mod remote;
pub mod seal;
pub mod segment;
pub mod session;
pub mod store;
#[cfg(test)]
mod testing;
pub mod workspace;

pub use backend::{Access, Backend, Locking, Notice, Options, Parked, Version, Watch};
pub use error::{Error, Result};
pub use fold::Ledger;
pub use local::Local;
pub use lock::LockInfo;
pub use model::{
    Author, CheckObject, CheckResult, DeposedKey, Instance, Mark, Object, ObjectStatus, Output, ProviderAddr, Resource,
    State, TERRAFORM_VERSION, Target,
};
pub use record::{Action, Claim, Done, Doubt, Intent, Record};
pub use remote::Remote;
pub use session::{Durable, Gate, Pending, Session};
