//! What every resource has in common, so that a resource file holds only what is its own.
//!
//! Resource code needs [`prelude`]; the rest is for those who change the kit:
//! [`resource`] the traits · [`value`] field types · [`table`] flags · [`edge`] tags, prefixes, spelling · [`errors`] codes ·
//! [`attributes`] attributes in a map ·
//! [`cx`] clients and shared answers · [`gate`] limits and retries · [`erase`] and [`provider`] the engine's view ·
//! [`connect`] and [`provider_config`] the `provider` block.
//!
//! The kit never knows a resource type.

pub mod attributes;
mod calm;
pub mod connect;
pub mod cx;
pub mod edge;
mod endpoints;
pub mod erase;
pub mod errors;
pub mod gate;
pub(crate) mod http;
pub mod names;
pub mod provider;
pub mod provider_config;
pub mod region;
pub mod resource;
mod role;
pub mod table;
pub mod value;

pub use cx::Cx;
pub use errors::{Error, Result};
pub use resource::{Change, Data, Dispatch, HasSchema, Resource, Update};

/// What a resource file imports.
pub mod prelude {
    pub use std::collections::{BTreeMap, BTreeSet};

    pub use stackctl_core::{Draft, Equality, Known, Number, Partial, Status};
    pub use stackctl_derive::{Block, Data, Resource};

    pub use super::cx::{Cx, Loader, all};
    pub use super::errors::{Absent, Error, Result};
    pub use super::resource::{Change, Data, Intent, Live, Ref, Resource, Update, only};
    pub use super::value::{
        Computed, Defaulted, Json, Local, Name, OptComputed, Policy, Secret, Tags, WriteOnly, unread,
    };
    pub use crate::{changed, if_changed};
}
