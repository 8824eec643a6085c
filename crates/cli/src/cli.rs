//! The commands and their options. Each command's code is one file in [`crate::commands`].

mod seal;
mod state;

use clap::{ArgAction, Args, Parser, Subcommand};

pub(crate) use seal::{Bootstrap, SealKey, StatePull, StateSeal, StateUnseal};
pub(crate) use state::{
    Backup, Import, Journal, JournalSub, Parked, Replace, StateCmd, StateHistory, StateList, StateMv, StatePush,
    StateRebuild, StateRestore, StateRm, StateShow, StateSub, Taint, WorkspaceCmd, WorkspaceDelete, WorkspaceNew,
    WorkspaceSelect, WorkspaceSub,
};

/// Plans and applies infrastructure written in the Terraform language on AWS.
#[derive(Parser, Debug)]
#[command(
    name = "stackctl",
    version,
    disable_version_flag = true,
    disable_help_subcommand = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    /// Options of the whole program.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    /// Show the version.
    #[arg(long, action = ArgAction::SetTrue)]
    pub(crate) version: bool,
}

/// Options of the whole program.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Global {
    /// Work in this directory.
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) chdir: Option<String>,
    /// Run against local AWS emulators; installs and starts them where needed.
    #[arg(long, global = true)]
    pub(crate) sandbox: bool,
    /// Do not cap the log level of other people's code (may log secrets).
    #[arg(long, global = true)]
    pub(crate) unsafe_log: bool,
    /// No colours.
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
    /// Show warnings as one line each.
    #[arg(long, global = true)]
    pub(crate) compact_warnings: bool,
}

/// Which environment and state.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Environment {
    /// Environment: loads environments/NAME.tfvars (or NAME.tfvars) and uses the workspace NAME for this run.
    #[arg(long, value_name = "NAME")]
    pub(crate) env: Option<String>,
}

/// Locking of the state.
#[derive(Args, Clone, Debug)]
pub(crate) struct Locking {
    /// Lock the state.
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = ArgAction::Set, value_name = "BOOL")]
    pub(crate) lock: bool,
    /// Wait this long for a lock: 30s, 5m.
    #[arg(long, default_value = "0s", value_name = "DURATION")]
    pub(crate) lock_timeout: String,
    /// Ask for missing values.
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = ArgAction::Set, value_name = "BOOL")]
    pub(crate) input: bool,
}

/// Values of variables.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Variables {
    /// Set a variable: NAME=VALUE. May be repeated.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) var: Vec<String>,
    /// Read variables from a file. May be repeated.
    #[arg(long, value_name = "FILE")]
    pub(crate) var_file: Vec<String>,
    /// Order of `-var` and `-var-file` as they were written; filled in after parsing.
    #[arg(skip)]
    pub(crate) order: Vec<VarSource>,
}

/// One `-var` or `-var-file`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum VarSource {
    /// `-var NAME=VALUE`
    Var(String),
    /// `-var-file FILE`
    File(String),
}

/// What a plan is made of.
#[derive(Args, Clone, Debug)]
pub(crate) struct Planning {
    /// Plan to destroy everything.
    #[arg(long)]
    pub(crate) destroy: bool,
    /// Only bring the state up to date with what exists.
    #[arg(long)]
    pub(crate) refresh_only: bool,
    /// Read what exists before planning.
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = ArgAction::Set, value_name = "BOOL")]
    pub(crate) refresh: bool,
    /// Plan only for this address and what it depends on. May be repeated.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) target: Vec<String>,
    /// Replace this instance. May be repeated.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) replace: Vec<String>,
    #[command(flatten)]
    pub(crate) variables: Variables,
    /// At most this many operations at the same time.
    #[arg(long, value_name = "N")]
    pub(crate) parallelism: Option<usize>,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Prepare a stack: check its backend and modules.
    Init(Init),
    /// Make the bucket, key and lock table that the backend of a stack needs.
    Bootstrap(Bootstrap),
    /// Fetch modules.
    Get(Get),
    /// Check a configuration without asking AWS.
    Validate(Validate),
    /// Show what would change.
    Plan(PlanCmd),
    /// Change what has to change.
    Apply(ApplyCmd),
    /// Destroy everything that the stack manages.
    Destroy(ApplyCmd),
    /// Report what changed outside: exit code 0 for nothing, 2 for drift, 1 for errors.
    Drift(Drift),
    /// Bring the state up to date with what exists.
    Refresh(ApplyCmd),
    /// Break a lock that nobody holds any more.
    ForceUnlock(ForceUnlock),
    /// Show the outputs.
    Output(Output),
    /// Show the state or a saved plan.
    Show(Show),
    /// Look into the state.
    State(StateCmd),
    /// Take an existing object into the state.
    Import(Import),
    /// Have an object replaced by the next apply.
    Taint(Taint),
    /// Take back a taint.
    Untaint(Taint),
    /// Workspaces of the state.
    Workspace(WorkspaceCmd),
    /// Evaluate expressions.
    Console(Console),
    /// Print the order of the work as a graph in DOT.
    Graph(Graph),
    /// Rewrite configuration files in canonical form.
    Fmt(Fmt),
    /// Show the version.
    Version(Version),
    /// The local AWS emulators.
    Sandbox(SandboxCmd),
    /// List the providers that the configuration uses, or write their schemas.
    Providers(ProvidersCmd),
    /// Describe the language, for editors.
    Metadata(MetadataCmd),
    /// List the modules of the configuration.
    Modules(Modules),
    /// What the documentation is made of, as JSON.
    #[command(hide = true)]
    DocsData,
    /// Not available; other tools do it.
    #[command(hide = true)]
    Test(Refused),
    /// Not available.
    #[command(hide = true)]
    Login(Refused),
    /// Not available.
    #[command(hide = true)]
    Logout(Refused),
}

/// A directory to work in.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Where {
    /// Directory of the stack.
    #[arg(value_name = "PATH")]
    pub(crate) path: Option<String>,
}

/// `init`
#[derive(Args, Debug)]
pub(crate) struct Init {
    #[command(flatten)]
    pub(crate) dir: Where,
    #[command(flatten)]
    pub(crate) environment: Environment,
    /// Backend settings: a file, or NAME=VALUE. May be repeated.
    #[arg(long, value_name = "SETTING")]
    pub(crate) backend_config: Vec<String>,
    /// Configure the backend.
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = ArgAction::Set, value_name = "BOOL")]
    pub(crate) backend: bool,
    /// Forget the earlier backend settings; states stay where they are.
    #[arg(long, conflicts_with_all = ["migrate_state", "force_copy"])]
    pub(crate) reconfigure: bool,
    /// Copy the states of the earlier backend into the configured one.
    #[arg(long)]
    pub(crate) migrate_state: bool,
    /// As -migrate-state, without questions.
    #[arg(long)]
    pub(crate) force_copy: bool,
    /// Fetch modules: the pinned ones, or what their versions allow.
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = ArgAction::Set, value_name = "BOOL")]
    pub(crate) get: bool,
    /// Fetch all modules anew, the newest versions allowed, and pin those.
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = ArgAction::Set, value_name = "BOOL")]
    pub(crate) upgrade: bool,
    /// "readonly": stackctl.lock.json may not change.
    #[arg(long, value_name = "MODE", value_parser = ["readonly"])]
    pub(crate) lockfile: Option<String>,
    #[command(flatten)]
    pub(crate) locking: Locking,
}

/// `get`
#[derive(Args, Debug)]
pub(crate) struct Get {
    #[command(flatten)]
    pub(crate) dir: Where,
    /// Fetch all modules anew, the newest versions allowed, and pin those.
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = false, default_missing_value = "true", action = ArgAction::Set, value_name = "BOOL")]
    pub(crate) update: bool,
}

/// `validate`
#[derive(Args, Debug)]
pub(crate) struct Validate {
    #[command(flatten)]
    pub(crate) dir: Where,
    /// Write JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `plan`
#[derive(Args, Debug)]
pub(crate) struct PlanCmd {
    #[command(flatten)]
    pub(crate) dir: Where,
    #[command(flatten)]
    pub(crate) environment: Environment,
    #[command(flatten)]
    pub(crate) planning: Planning,
    #[command(flatten)]
    pub(crate) locking: Locking,
    /// Save the plan in a file.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<String>,
    /// Write configuration for objects of import blocks that have none into a new file.
    #[arg(long, value_name = "FILE")]
    pub(crate) generate_config_out: Option<String>,
    /// Exit code 2 if there are changes.
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
    /// Write events as JSON lines.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `apply`, `destroy`, `refresh`
#[derive(Args, Debug)]
pub(crate) struct ApplyCmd {
    /// Directory of the stack, or a saved plan.
    #[arg(value_name = "PATH")]
    pub(crate) path: Option<String>,
    #[command(flatten)]
    pub(crate) environment: Environment,
    #[command(flatten)]
    pub(crate) planning: Planning,
    #[command(flatten)]
    pub(crate) locking: Locking,
    /// Do not ask.
    #[arg(long)]
    pub(crate) auto_approve: bool,
    /// Write events as JSON lines.
    #[arg(long)]
    pub(crate) json: bool,
    /// Keep the earlier local state in this file; "-" for none.
    #[arg(long, value_name = "FILE")]
    pub(crate) backup: Option<String>,
}

/// `drift`
#[derive(Args, Debug)]
pub(crate) struct Drift {
    #[command(flatten)]
    pub(crate) dir: Where,
    #[command(flatten)]
    pub(crate) environment: Environment,
    #[command(flatten)]
    pub(crate) variables: Variables,
    /// Look only at this address. May be repeated.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) target: Vec<String>,
    /// Write JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Ask for missing values.
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = ArgAction::Set, value_name = "BOOL")]
    pub(crate) input: bool,
}

/// `force-unlock`
#[derive(Args, Debug)]
pub(crate) struct ForceUnlock {
    /// Id of the lock, as the error message shows it.
    #[arg(value_name = "LOCK_ID")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) dir: Where,
    #[command(flatten)]
    pub(crate) environment: Environment,
    /// Do not ask.
    #[arg(long)]
    pub(crate) force: bool,
}

/// `output`
#[derive(Args, Debug)]
pub(crate) struct Output {
    /// One output only.
    #[arg(value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Directory of the stack.
    #[arg(value_name = "PATH")]
    pub(crate) path: Option<String>,
    #[command(flatten)]
    pub(crate) environment: Environment,
    /// Write the bare text of one output.
    #[arg(long, conflicts_with = "json")]
    pub(crate) raw: bool,
    /// Write JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `show`
#[derive(Args, Debug)]
pub(crate) struct Show {
    /// Directory of the stack, a saved plan, or a state file.
    #[arg(value_name = "PATH")]
    pub(crate) path: Option<String>,
    #[command(flatten)]
    pub(crate) environment: Environment,
    /// Write JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Show secrets in JSON.
    #[arg(long)]
    pub(crate) unsealed: bool,
}

/// `console`
#[derive(Args, Debug)]
pub(crate) struct Console {
    #[command(flatten)]
    pub(crate) dir: Where,
    #[command(flatten)]
    pub(crate) environment: Environment,
    #[command(flatten)]
    pub(crate) variables: Variables,
    /// Evaluate against a plan instead of the state alone.
    #[arg(long)]
    pub(crate) plan: bool,
}

/// `graph`
#[derive(Args, Debug)]
pub(crate) struct Graph {
    #[command(flatten)]
    pub(crate) dir: Where,
}

/// `fmt`
#[derive(Args, Debug)]
pub(crate) struct Fmt {
    /// Files and directories; "-" for standard input.
    #[arg(value_name = "TARGET")]
    pub(crate) targets: Vec<String>,
    /// List the files that change.
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = ArgAction::Set, value_name = "BOOL")]
    pub(crate) list: bool,
    /// Write the files.
    #[arg(long, num_args = 0..=1, require_equals = true, default_value_t = true, default_missing_value = "true", action = ArgAction::Set, value_name = "BOOL")]
    pub(crate) write: bool,
    /// Show the differences.
    #[arg(long)]
    pub(crate) diff: bool,
    /// Change nothing; exit code 3 if something would change.
    #[arg(long)]
    pub(crate) check: bool,
    /// Go into directories.
    #[arg(long)]
    pub(crate) recursive: bool,
}

/// `version`
#[derive(Args, Debug)]
pub(crate) struct Version {
    /// Write JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `sandbox`
#[derive(Args, Debug)]
pub(crate) struct SandboxCmd {
    #[command(subcommand)]
    pub(crate) command: SandboxSub,
}

/// Subcommands of `sandbox`.
#[derive(Subcommand, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SandboxSub {
    /// Start the emulators.
    Start,
    /// Stop them; their world is gone.
    Stop,
    /// Say whether they run, and how to reach them.
    Status,
    /// Empty their world.
    Reset,
}

/// A command that other tools have.
#[derive(Args, Debug)]
pub(crate) struct Refused {
    /// Ignored.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) rest: Vec<String>,
}

/// `providers`
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct ProvidersCmd {
    #[command(flatten)]
    pub(crate) dir: Where,
    #[command(subcommand)]
    pub(crate) command: Option<ProvidersSub>,
}

/// Subcommands of `providers`.
#[derive(Subcommand, Debug)]
pub(crate) enum ProvidersSub {
    /// Write the schemas of the providers that the configuration uses.
    Schema(JsonOnly),
    /// Not needed.
    #[command(hide = true)]
    Lock(Refused),
    /// Not needed.
    #[command(hide = true)]
    Mirror(Refused),
}

/// `metadata`
#[derive(Args, Debug)]
pub(crate) struct MetadataCmd {
    #[command(subcommand)]
    pub(crate) command: MetadataSub,
}

/// Subcommands of `metadata`.
#[derive(Subcommand, Debug)]
pub(crate) enum MetadataSub {
    /// Write the signatures of all functions.
    Functions(JsonOnly),
}

/// A command whose output is for programs.
#[derive(Args, Debug)]
pub(crate) struct JsonOnly {
    #[command(flatten)]
    pub(crate) dir: Where,
    /// Write JSON; required, because there is no other form.
    #[arg(long, required = true)]
    pub(crate) json: bool,
}

/// `modules`
#[derive(Args, Debug)]
pub(crate) struct Modules {
    #[command(flatten)]
    pub(crate) dir: Where,
    /// Write JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
