//! Options of the commands on states and workspaces.

use clap::{Args, Subcommand};

use super::{Environment, Locking, StatePull, StateSeal, StateUnseal, Variables, Where};

/// `state`
#[derive(Args, Debug)]
pub(crate) struct StateCmd {
    #[command(subcommand)]
    pub(crate) command: StateSub,
}

/// Subcommands of `state`.
#[derive(Subcommand, Debug)]
pub(crate) enum StateSub {
    /// List the addresses of all instances.
    List(StateList),
    /// Show one instance.
    Show(StateShow),
    /// Write the state to standard output.
    Pull(StatePull),
    /// Put a state file in place of the state.
    Push(StatePush),
    /// Let go of objects without destroying them.
    Rm(StateRm),
    /// Move objects to other addresses.
    Mv(StateMv),
    /// Hand objects over to another provider.
    ReplaceProvider(Replace),
    /// List the versions of the state: object versions in S3, backups of a local state.
    History(StateHistory),
    /// Bring back a version of the history, or a file.
    Restore(StateRestore),
    /// Find the objects of the configuration in AWS and take them into a state that was lost.
    Rebuild(StateRebuild),
    /// Show what the journal holds; adopt or discard a journal of another state.
    Journal(Journal),
    /// Encrypt the secrets of the state.
    Seal(StateSeal),
    /// Encrypt the secrets of a sealed state with a new key.
    Rekey(StateSeal),
    /// Write the secrets of a sealed state in the open.
    Unseal(StateUnseal),
}

/// Where the state before a change is kept.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Backup {
    /// Keep the state as it was in this file. A local state is backed up anyway, in a file beside it.
    #[arg(long, value_name = "FILE")]
    pub(crate) backup: Option<String>,
}

/// `state list`
#[derive(Args, Debug)]
pub(crate) struct StateList {
    /// Addresses to list; all without any.
    #[arg(value_name = "ADDRESS")]
    pub(crate) addresses: Vec<String>,
    #[command(flatten)]
    pub(crate) environment: Environment,
    /// Only the instance with this id.
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<String>,
}

/// `state show`
#[derive(Args, Debug)]
pub(crate) struct StateShow {
    /// Address of the instance.
    #[arg(value_name = "ADDRESS")]
    pub(crate) address: String,
    #[command(flatten)]
    pub(crate) environment: Environment,
}

/// `state push`
#[derive(Args, Debug)]
pub(crate) struct StatePush {
    /// State file; "-" for standard input.
    #[arg(value_name = "FILE")]
    pub(crate) file: String,
    #[command(flatten)]
    pub(crate) environment: Environment,
    #[command(flatten)]
    pub(crate) locking: Locking,
    #[command(flatten)]
    pub(crate) backup: Backup,
    /// Also if it is of another lineage or older.
    #[arg(long)]
    pub(crate) force: bool,
}

/// `state rm`
#[derive(Args, Debug)]
pub(crate) struct StateRm {
    /// Addresses to let go.
    #[arg(value_name = "ADDRESS", required = true)]
    pub(crate) addresses: Vec<String>,
    #[command(flatten)]
    pub(crate) environment: Environment,
    #[command(flatten)]
    pub(crate) locking: Locking,
    #[command(flatten)]
    pub(crate) backup: Backup,
    /// Only say what would happen.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// `state mv`
#[derive(Args, Debug)]
pub(crate) struct StateMv {
    /// Old address.
    #[arg(value_name = "FROM")]
    pub(crate) from: String,
    /// New address.
    #[arg(value_name = "TO")]
    pub(crate) to: String,
    #[command(flatten)]
    pub(crate) environment: Environment,
    #[command(flatten)]
    pub(crate) locking: Locking,
    #[command(flatten)]
    pub(crate) backup: Backup,
    /// Only say what would happen.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// `state replace-provider`
#[derive(Args, Debug)]
pub(crate) struct Replace {
    /// Source address of the provider as it is: hashicorp/aws.
    #[arg(value_name = "FROM")]
    pub(crate) from: String,
    /// Source address that takes its place.
    #[arg(value_name = "TO")]
    pub(crate) to: String,
    #[command(flatten)]
    pub(crate) environment: Environment,
    #[command(flatten)]
    pub(crate) locking: Locking,
    #[command(flatten)]
    pub(crate) backup: Backup,
    /// Do not ask.
    #[arg(long)]
    pub(crate) auto_approve: bool,
}

/// `state history`
#[derive(Args, Debug)]
pub(crate) struct StateHistory {
    #[command(flatten)]
    pub(crate) environment: Environment,
    /// At most this many versions, newest first.
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) limit: usize,
    /// Write JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `state restore`
#[derive(Args, Debug)]
pub(crate) struct StateRestore {
    /// A version that `state history` lists, or a file.
    #[arg(value_name = "VERSION|FILE")]
    pub(crate) from: String,
    #[command(flatten)]
    pub(crate) environment: Environment,
    #[command(flatten)]
    pub(crate) locking: Locking,
    #[command(flatten)]
    pub(crate) backup: Backup,
    /// Do not ask.
    #[arg(long)]
    pub(crate) auto_approve: bool,
    /// Also if it is of another lineage.
    #[arg(long)]
    pub(crate) force: bool,
}

/// `state rebuild`
#[derive(Args, Debug)]
pub(crate) struct StateRebuild {
    #[command(flatten)]
    pub(crate) dir: Where,
    #[command(flatten)]
    pub(crate) environment: Environment,
    #[command(flatten)]
    pub(crate) variables: Variables,
    #[command(flatten)]
    pub(crate) locking: Locking,
    #[command(flatten)]
    pub(crate) backup: Backup,
    /// Do not ask.
    #[arg(long)]
    pub(crate) auto_approve: bool,
    /// Only say what would be taken in.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// `state journal`
#[derive(Args, Debug)]
pub(crate) struct Journal {
    #[command(flatten)]
    pub(crate) environment: Environment,
    #[command(subcommand)]
    pub(crate) command: Option<JournalSub>,
}

/// Subcommands of `state journal`.
#[derive(Subcommand, Debug)]
pub(crate) enum JournalSub {
    /// Take objects of a journal that is kept aside into the state.
    Adopt(Parked),
    /// Delete a journal that is kept aside.
    Discard(Parked),
}

/// Which journal.
#[derive(Args, Debug)]
pub(crate) struct Parked {
    /// Its lineage, as `state journal` shows it.
    #[arg(value_name = "LINEAGE")]
    pub(crate) lineage: String,
    #[command(flatten)]
    pub(crate) environment: Environment,
    #[command(flatten)]
    pub(crate) locking: Locking,
    /// Do not ask.
    #[arg(long)]
    pub(crate) auto_approve: bool,
}

/// `import`
#[derive(Args, Debug)]
pub(crate) struct Import {
    /// Address that the object gets; the configuration has a block for it.
    #[arg(value_name = "ADDRESS")]
    pub(crate) address: String,
    /// Its id; the page of the type says how it looks.
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) environment: Environment,
    #[command(flatten)]
    pub(crate) variables: Variables,
    #[command(flatten)]
    pub(crate) locking: Locking,
    #[command(flatten)]
    pub(crate) backup: Backup,
    /// Directory of the stack.
    #[arg(long, value_name = "DIR")]
    pub(crate) config: Option<String>,
    /// At most this many operations at the same time.
    #[arg(long, value_name = "N")]
    pub(crate) parallelism: Option<usize>,
}

/// `taint`, `untaint`
#[derive(Args, Debug)]
pub(crate) struct Taint {
    /// Address of the instance.
    #[arg(value_name = "ADDRESS")]
    pub(crate) address: String,
    #[command(flatten)]
    pub(crate) environment: Environment,
    #[command(flatten)]
    pub(crate) locking: Locking,
    #[command(flatten)]
    pub(crate) backup: Backup,
    /// No error if there is no such instance.
    #[arg(long)]
    pub(crate) allow_missing: bool,
}

/// `workspace`
#[derive(Args, Debug)]
pub(crate) struct WorkspaceCmd {
    #[command(subcommand)]
    pub(crate) command: WorkspaceSub,
}

/// Subcommands of `workspace`.
#[derive(Subcommand, Debug)]
pub(crate) enum WorkspaceSub {
    /// List all workspaces.
    List(Where),
    /// Show the selected workspace.
    Show(Where),
    /// Select a workspace.
    Select(WorkspaceSelect),
    /// Create a workspace and select it.
    New(WorkspaceNew),
    /// Delete a workspace.
    Delete(WorkspaceDelete),
}

/// `workspace select`
#[derive(Args, Debug)]
pub(crate) struct WorkspaceSelect {
    /// Its name.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) dir: Where,
    /// Create it if it does not exist.
    #[arg(long)]
    pub(crate) or_create: bool,
    #[command(flatten)]
    pub(crate) locking: Locking,
}

/// `workspace new`
#[derive(Args, Debug)]
pub(crate) struct WorkspaceNew {
    /// Its name.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) dir: Where,
    /// Start with the content of this state file.
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<String>,
    #[command(flatten)]
    pub(crate) locking: Locking,
}

/// `workspace delete`
#[derive(Args, Debug)]
pub(crate) struct WorkspaceDelete {
    /// Its name.
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) dir: Where,
    /// Also if it holds resources; they are let go of, and stay alive.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) locking: Locking,
}
