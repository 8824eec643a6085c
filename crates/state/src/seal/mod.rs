//! Sealed states: sensitive values are encrypted before they leave the process, in the state, its journal and saved plans.
//!
//! - `cipher`: a data key, and texts that it sealed. `wrap`: how a data key itself is kept: under a KMS key, a passphrase
//!   or a key file.
//! - `walk`: which places of objects, outputs and intents are sealed.
//! - `vault`: what a session knows: plain, open, or locked because the key is not there. **Start here.**
//! - `document`: whole files (saved plans) under the key of a state.
//!
//! Invariants: a [`crate::State`] with `seal` set holds sealed texts where it holds secrets, one without holds values;
//! sealed texts are copied by folds and moves and never need the key; nothing here shows a secret, a data key or a
//! passphrase in `Debug` or in an error.

mod cipher;
mod document;
mod fake;
mod vault;
mod walk;
mod wrap;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use stackctl_core::BoxFuture;

use crate::store::Answer;

pub(crate) use cipher::key_in;
pub use cipher::{DataKey, is_sealed};
pub use document::Document;
pub use fake::FakeKeys;
pub use vault::{Keys, Source, Vault};
pub use wrap::{Seal, Wrap};

/// What `terraform_version` says in a sealed state. It is no version, so that Terraform refuses the file instead of
/// planning sealed texts into resources; it shows this text to its user.
pub const SEALED_VERSION: &str = "sealed by stackctl";

/// Passphrase for states.
pub const PASSPHRASE: &str = "STACKCTL_PASSPHRASE";
/// Passphrase that takes the place of the other one: `state rekey`.
pub const NEW_PASSPHRASE: &str = "STACKCTL_NEW_PASSPHRASE";
/// Path of a key file, before the setting of the stack.
pub const KEY_FILE: &str = "STACKCTL_KEY_FILE";

/// Whether new states are sealed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// Where a key was prepared: by `bootstrap`, a passphrase, or a key file.
    #[default]
    Auto,
    /// Always; without any key it is an error.
    Always,
    /// Never.
    Never,
}

/// How a command wants sealing to be handled.
#[derive(Clone, Debug, Default)]
pub struct Sealing {
    /// Whether new states are sealed.
    pub policy: Policy,
    /// Key file of the stack's settings.
    pub key_file: Option<PathBuf>,
    /// The command can do its work with sealed texts in place of secrets, if their key is not there.
    pub without_key: bool,
}

/// The key of a place that wraps data keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// ARN of the key.
    pub key: String,
    /// `bootstrap` made it for sealing.
    pub prepared: bool,
}

/// A new data key.
pub struct Generated {
    /// The key.
    pub key: Arc<DataKey>,
    /// Its wrapped form.
    pub wrapped: Vec<u8>,
    /// ARN of the key that wrapped it.
    pub by: String,
}

/// A key service: KMS, or a fake.
pub trait DataKeys: Send + Sync {
    /// The key of this place; `None` if it has none.
    fn home<'a>(&'a self) -> BoxFuture<'a, Answer<Option<Home>>>;
    /// A new data key, wrapped by a key: its ARN, id or alias.
    fn generate<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Answer<Generated>>;
    /// The data key of a wrapped form.
    fn unwrap<'a>(&'a self, key: &'a str, wrapped: &'a [u8]) -> BoxFuture<'a, Answer<Arc<DataKey>>>;
}
