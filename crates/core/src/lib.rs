//! What every other crate speaks: values, types, addresses, schemas, diagnostics and the erased provider trait.
//!
//! Invariants: nothing here does I/O, knows AWS, or knows the Terraform language's syntax. `Known` is complete data;
//! "not known yet" exists only as [`Partial`], which can never reach code that calls an API.
//!
//! Start reading at [`known`], then [`schema`], then [`provider`].

pub mod addr;
pub mod canonical;
pub mod check;
pub mod clock;
pub mod diag;
pub mod draft;
pub mod equal;
pub mod error;
pub mod known;
pub mod number;
pub mod path;
pub mod provider;
pub mod schema;
pub mod sending;
mod serial;
pub mod ty;

pub use addr::{InstanceAddr, InstanceKey, Mode, ModuleAddr, ModuleStep, ResourceAddr};
pub use canonical::{canonical, canonical_ty, is_canonical};
pub use clock::{Clock, Ids};
pub use diag::{Diagnostic, Diagnostics, Position, Severity, SourceRange};
pub use draft::Draft;
pub use equal::{is_zero, same};
pub use error::{Error, ErrorKind, Result};
pub use known::{Known, Partial};
pub use number::Number;
pub use path::{Path, Step};
pub use provider::{
    BoxFuture, Change, Evidence, Found, Host, Instance, Intent, Live, Made, New, Opened, Provider, Ref, Renewed, Scope,
    Status,
};
pub use schema::{
    Attr, Block, BlockType, Check, Equality, ForceNew, Identity, Nesting, Presence, Rule, Schema, Timeouts,
};
pub use ty::Ty;
