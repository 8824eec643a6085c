//! Options of the commands that seal states and prepare their backends.

use clap::Args;

use super::{Environment, Locking};

/// `bootstrap`
#[derive(Args, Debug)]
pub(crate) struct Bootstrap {
    /// Directory of the stack.
    #[arg(value_name = "PATH")]
    pub(crate) path: Option<String>,
    /// Do not let the bucket's key seal new states.
    #[arg(long)]
    pub(crate) no_seal: bool,
}

/// `state pull`
#[derive(Args, Debug)]
pub(crate) struct StatePull {
    #[command(flatten)]
    pub(crate) environment: Environment,
    /// Write the secrets of a sealed state in the open.
    #[arg(long)]
    pub(crate) unsealed: bool,
}

/// `state seal`, `state rekey`
#[derive(Args, Debug)]
pub(crate) struct StateSeal {
    #[command(flatten)]
    pub(crate) environment: Environment,
    #[command(flatten)]
    pub(crate) locking: Locking,
    #[command(flatten)]
    pub(crate) key: SealKey,
}

/// What seals a state.
#[derive(Args, Debug, Default)]
#[group(multiple = false)]
pub(crate) struct SealKey {
    /// Seal with this key of KMS (ARN, id or alias).
    #[arg(long, value_name = "KEY")]
    pub(crate) kms_key: Option<String>,
    /// Seal with the key in this file; it is made where it is missing.
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<String>,
    /// Seal with STACKCTL_PASSPHRASE (`rekey`: STACKCTL_NEW_PASSPHRASE).
    #[arg(long)]
    pub(crate) passphrase: bool,
}

/// `state unseal`
#[derive(Args, Debug)]
pub(crate) struct StateUnseal {
    #[command(flatten)]
    pub(crate) environment: Environment,
    #[command(flatten)]
    pub(crate) locking: Locking,
    /// Also without the key: the secrets in the state are lost.
    #[arg(long)]
    pub(crate) force: bool,
    /// Do not ask.
    #[arg(long)]
    pub(crate) auto_approve: bool,
}
