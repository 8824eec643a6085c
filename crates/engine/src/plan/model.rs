//! The plan: everything that an apply will do, with every choice made.
//!
//! A plan is data. It is rendered, written as plan JSON, saved to a file and carried out, and none of these plans anew.
//! What is not known yet is [`Partial::Unknown`] in [`After::Partial`]; an apply evaluates that instance's
//! configuration again, completes the diff ([`crate::plan::complete`]) and stops where the action would be another one.
//!
//! Start at [`Plan`] and [`Operation`]; the order of the work is [`Plan::graph`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use petgraph::graph::DiGraph;
use serde::{Deserialize, Serialize};
use stackctl_core::{InstanceAddr, InstanceKey, Known, ModuleAddr, Partial, Path, ResourceAddr, Ty};
use stackctl_state::{ProviderAddr, State};

use super::serial;

/// Version of the serialised form. A plan of another version is refused.
pub const PLAN_VERSION: u32 = 1;

/// Everything that an apply will do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Plan {
    /// [`PLAN_VERSION`] of the program that made it.
    pub version: u32,
    /// What the plan is for.
    pub mode: PlanMode,
    /// `-target` addresses as the user wrote them. With any, the plan is not [`Plan::complete`].
    pub targets: Vec<String>,
    /// `-replace` addresses.
    pub replace: Vec<InstanceAddr>,
    /// Root variables.
    pub variables: BTreeMap<String, PlannedVariable>,
    /// Lineage of the state that the plan was made from; empty for a state that does not exist yet.
    pub lineage: String,
    /// Digest of the folded state that the plan was made from (resources and outputs).
    pub digest: String,
    /// When the plan was made: `plantimestamp()`.
    pub timestamp: Timestamp,
    /// The state after moves, imports and refresh: where an apply starts from.
    #[serde(with = "serial::state")]
    pub prior: Arc<State>,
    /// Provider configurations that operations use, as far as they are known.
    pub providers: Vec<ProviderUse>,
    /// Changes of addresses in state; durable before anything that depends on them.
    pub moves: Vec<Move>,
    /// One for each object, objects without changes included. Sorted by address; the delete half of a replacement
    /// stands before its create half.
    pub ops: Vec<Operation>,
    /// The order of the work: an edge leads from what comes first to what waits for it. Operations that do nothing
    /// are not in it; their dependents wait for their dependencies.
    pub graph: DiGraph<Node, ()>,
    /// Changes of root outputs.
    pub outputs: BTreeMap<String, OutputChange>,
    /// What the refresh found changed outside.
    pub drift: Vec<Drift>,
    /// Results of conditions and check blocks.
    pub checks: Vec<CheckResult>,
    /// Attributes of other objects that contribute to the changes.
    pub relevant: Vec<Relevant>,
    /// Resource blocks that were made for imported objects, by address.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub generated: BTreeMap<String, String>,
    /// False where `-target` or a deferral left something out.
    pub complete: bool,
    /// Planning failed; the plan shows how far it came and cannot be applied.
    pub errored: bool,
}

/// What a plan is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlanMode {
    /// Makes the world like the configuration.
    #[default]
    Normal,
    /// Destroys everything in state.
    Destroy,
    /// Only records in state what the refresh found.
    RefreshOnly,
}

/// The value of a root variable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedVariable {
    /// Value after conversion.
    pub value: Known,
    /// Its type.
    pub ty: Ty,
    /// Hidden wherever it is shown.
    pub sensitive: bool,
    /// Not stored: the value is null here and has to be given again at apply.
    pub ephemeral: bool,
}

/// A provider configuration that operations use.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProviderUse {
    /// Its address.
    #[serde(with = "serial::provider")]
    pub addr: Arc<ProviderAddr>,
    /// Its arguments; apply evaluates again what is not known. Ephemeral ones are not known here.
    pub config: Partial,
    /// Paths of sensitive arguments.
    pub sensitive: Vec<Path>,
    /// Something in it is ephemeral: what is configured with it must not outlive the plan.
    #[serde(default)]
    pub ephemeral: bool,
}

/// An object changes its address in state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// Old address.
    pub from: InstanceAddr,
    /// New address.
    pub to: InstanceAddr,
}

/// Index of an operation in [`Plan::ops`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OpId(pub u32);

/// A node of [`Plan::graph`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Node {
    /// An operation.
    Op(OpId),
    /// Nothing to do: gathers many edges into one, so that the graph stays linear in the number of instances.
    Join,
}

/// What is done to one object.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Operation {
    /// The instance.
    pub addr: Arc<InstanceAddr>,
    /// Key of the deposed object that this is about; `None` for the current one.
    pub deposed: Option<String>,
    /// What is done.
    pub action: Action,
    /// The other half of a replacement.
    pub replacement: Option<Replacement>,
    /// Provider configuration.
    #[serde(with = "serial::provider")]
    pub provider: Arc<ProviderAddr>,
    /// The object as the refresh found it; `None` where there is none.
    pub before: Option<Arc<Known>>,
    /// The object as it will be.
    pub after: After,
    /// Attributes that make the change a replacement, on both halves.
    pub replace_paths: Vec<Path>,
    /// Why.
    pub reason: Option<Reason>,
    /// Sensitive places of `before`.
    pub before_sensitive: Arc<[Path]>,
    /// Sensitive places of `after`.
    pub after_sensitive: Arc<[Path]>,
    /// Names of the top-level attributes and blocks that change; for a create those with a configured value.
    pub fields: BTreeSet<String>,
    /// Import id, where the object enters state by an `import` block.
    pub importing: Option<String>,
    /// Address in state before a move.
    pub previous: Option<Arc<InstanceAddr>>,
    /// What to store as `dependencies` in state: managed resources whose objects must outlive this one. The nearest, seen
    /// through data sources, locals and modules, and some of those behind them.
    pub dependencies: Arc<[ResourceAddr]>,
    /// What to store as `create_before_destroy`: set, or inherited from a dependent.
    pub create_before_destroy: bool,
    /// Timeouts from configuration or state.
    pub timeouts: OpTimeouts,
    /// The provider configuration was not known, so that `before` is what state recorded.
    pub unread: bool,
    /// The object was created by a run that did not end, and has to be completed whether or not it differs.
    pub resume: bool,
}

/// What is done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Nothing. State may still change: refreshed values, a new address, an import.
    NoOp,
    /// A data source is read during apply.
    Read,
    /// Created.
    Create,
    /// Changed in place.
    Update,
    /// Destroyed.
    Delete,
    /// Leaves state, stays alive.
    Forget,
}

/// The other half of a replacement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replacement {
    /// The create of a delete, the delete of a create.
    pub partner: OpId,
    /// Which comes first.
    pub order: ReplaceOrder,
}

/// Which half of a replacement comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReplaceOrder {
    /// `-/+`
    DeleteFirst,
    /// `+/-`: the old object is deposed when the new one is created.
    CreateFirst,
}

/// The object after an operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum After {
    /// There is none.
    Gone,
    /// The same as before.
    Same,
    /// Wholly known. Write-only attributes are null.
    Known(Arc<Known>),
    /// Some of it is known after apply.
    Partial(Arc<Partial>),
}

/// Why an action was chosen, in Terraform's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    ReplaceBecauseTainted,
    ReplaceBecauseCannotUpdate,
    ReplaceByRequest,
    ReplaceByTriggers,
    DeleteBecauseNoResourceConfig,
    DeleteBecauseWrongRepetition,
    DeleteBecauseCountIndex,
    DeleteBecauseEachKey,
    DeleteBecauseNoModule,
    DeleteBecauseNoMoveTarget,
    ReadBecauseConfigUnknown,
    ReadBecauseDependencyPending,
    ReadBecauseCheckNested,
}

/// Timeouts of an instance that differ from its type's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpTimeouts {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create: Option<Duration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read: Option<Duration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update: Option<Duration>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete: Option<Duration>,
}

/// Change of a root output.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OutputChange {
    /// What state holds; `None` where it has no such output.
    pub before: Option<Known>,
    /// Its new value; `None` where it goes away. Null without `before` is an output that is null and stored nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "serial::some")]
    pub after: Option<Partial>,
    /// Type of the new value; dynamic where it is not known.
    pub ty: Ty,
    /// The old value is hidden.
    pub before_sensitive: bool,
    /// The new value is hidden.
    pub after_sensitive: bool,
}

/// An object that changed outside.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Drift {
    /// The instance.
    pub addr: Arc<InstanceAddr>,
    /// Key of a deposed object.
    pub deposed: Option<String>,
    /// Address in state before a move.
    pub previous: Option<Arc<InstanceAddr>>,
    /// Provider configuration.
    #[serde(with = "serial::provider")]
    pub provider: Arc<ProviderAddr>,
    /// As state recorded it.
    pub before: Arc<Known>,
    /// As it is; `None` if it is gone.
    pub after: Option<Arc<Known>>,
    /// Places that differ and that count: not ignored by `ignore_changes`, and not what the configuration says
    /// anyway. Empty for an object that is gone, and where nothing counts (plan JSON lists these too).
    pub paths: Vec<Path>,
    /// Sensitive places of `before`.
    pub before_sensitive: Arc<[Path]>,
    /// Sensitive places of `after`.
    pub after_sensitive: Arc<[Path]>,
}

/// Result of the conditions of one configuration object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckResult {
    /// Whose conditions.
    pub addr: CheckAddr,
    /// The worst of its instances.
    pub status: CheckStatus,
    /// Each instance.
    pub instances: Vec<CheckInstance>,
}

/// A configuration object with conditions. Modules are without instance keys.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckAddr {
    /// Pre- and postconditions.
    Resource(ResourceAddr),
    /// Preconditions of an output.
    Output(ModuleAddr, String),
    /// A check block.
    Check(ModuleAddr, String),
    /// Validations of a variable.
    Variable(ModuleAddr, String),
}

/// Result of the conditions of one instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckInstance {
    /// Module instance that it stands in.
    pub module: ModuleAddr,
    /// Key of a resource's instance.
    pub key: Option<InstanceKey>,
    /// The worst of its conditions.
    pub status: CheckStatus,
    /// Messages of those that failed.
    pub problems: Vec<String>,
}

/// Result of a condition. Ordered from good to bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// True.
    Pass,
    /// Not known yet.
    Unknown,
    /// False.
    Fail,
    /// Could not be evaluated.
    Error,
}

/// An attribute that contributes to the changes of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Relevant {
    /// The resource or instance, as the configuration refers to it.
    pub resource: String,
    /// The attribute.
    pub attribute: Path,
}

/// What a plan will do, counted as the summary line counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Objects that enter state by import.
    pub import: usize,
    /// Created, replacements included.
    pub add: usize,
    /// Changed in place.
    pub change: usize,
    /// Destroyed, replacements and deposed objects included.
    pub destroy: usize,
    /// Forgotten.
    pub forget: usize,
}

impl Plan {
    /// The operation of an id.
    pub fn op(&self, id: OpId) -> &Operation {
        &self.ops[id.0 as usize]
    }
    /// Ids and operations, in order.
    pub fn operations(&self) -> impl Iterator<Item = (OpId, &Operation)> {
        self.ops.iter().enumerate().map(|(i, op)| (OpId(i as u32), op))
    }
    /// Counts for the summary line.
    pub fn counts(&self) -> Counts {
        let mut n = Counts::default();
        for op in &self.ops {
            n.import += usize::from(op.importing.is_some());
            match op.action {
                Action::Create => n.add += 1,
                Action::Update => n.change += 1,
                Action::Delete => n.destroy += 1,
                Action::Forget => n.forget += 1,
                Action::NoOp | Action::Read => {}
            }
        }
        n
    }
    /// True if something will be created, changed, destroyed, read, moved, imported or forgotten, or an output
    /// changes: exit code 2 of `-detailed-exitcode`.
    pub fn has_changes(&self) -> bool {
        if self.mode == PlanMode::RefreshOnly {
            return !self.drift.is_empty() || self.outputs.values().any(OutputChange::is_change);
        }
        self.ops.iter().any(Operation::is_change)
            || !self.moves.is_empty()
            || self.outputs.values().any(OutputChange::is_change)
    }
}

impl Operation {
    /// True if it does anything, an import or a move included. That a check looks again afterwards is no change.
    pub fn is_change(&self) -> bool {
        let looks = self.reason == Some(Reason::ReadBecauseCheckNested);
        self.action != Action::NoOp && !looks || self.importing.is_some() || self.previous.is_some()
    }
    /// Terraform's list of actions for the object that this operation belongs to, as plan JSON has it.
    pub fn actions(&self) -> &'static [&'static str] {
        match (self.replacement.map(|r| r.order), self.action) {
            (Some(ReplaceOrder::DeleteFirst), _) => &["delete", "create"],
            (Some(ReplaceOrder::CreateFirst), _) => &["create", "delete"],
            (None, Action::NoOp) => &["no-op"],
            (None, Action::Read) => &["read"],
            (None, Action::Create) => &["create"],
            (None, Action::Update) => &["update"],
            (None, Action::Delete) => &["delete"],
            (None, Action::Forget) => &["forget"],
        }
    }
    /// The planned object, `None` if there will be none.
    pub fn planned(&self) -> Option<Partial> {
        match &self.after {
            After::Gone => None,
            After::Same => self.before.as_ref().map(|b| Partial::from((**b).clone())),
            After::Known(v) => Some(Partial::from((**v).clone())),
            After::Partial(v) => Some((**v).clone()),
        }
    }
    /// The planned object where it is wholly known.
    pub fn planned_known(&self) -> Option<Arc<Known>> {
        match &self.after {
            After::Same => self.before.clone(),
            After::Known(v) => Some(Arc::clone(v)),
            After::Gone | After::Partial(_) => None,
        }
    }
}

impl After {
    /// The smallest form that holds the value.
    pub fn from_partial(v: Partial) -> After {
        match v.to_known() {
            Ok(k) => After::Known(Arc::new(k)),
            Err(_) => After::Partial(Arc::new(v)),
        }
    }
}

impl OutputChange {
    /// True if the output changes.
    pub fn is_change(&self) -> bool {
        match (&self.before, &self.after) {
            (Some(b), Some(a)) => self.before_sensitive != self.after_sensitive || a.to_known().as_ref() != Ok(b),
            (None, None | Some(Partial::Null)) => false,
            _ => true,
        }
    }
    /// The action as plan JSON names it.
    pub fn action(&self) -> &'static str {
        match (&self.before, &self.after) {
            _ if !self.is_change() => "no-op",
            (None, _) => "create",
            (_, None) => "delete",
            _ => "update",
        }
    }
}

impl Drift {
    /// True if it counts as drift: see [`Drift::paths`].
    pub fn counts(&self) -> bool {
        self.after.is_none() || !self.paths.is_empty()
    }
}

impl Reason {
    /// Terraform's word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::ReplaceBecauseTainted => "replace_because_tainted",
            Reason::ReplaceBecauseCannotUpdate => "replace_because_cannot_update",
            Reason::ReplaceByRequest => "replace_by_request",
            Reason::ReplaceByTriggers => "replace_by_triggers",
            Reason::DeleteBecauseNoResourceConfig => "delete_because_no_resource_config",
            Reason::DeleteBecauseWrongRepetition => "delete_because_wrong_repetition",
            Reason::DeleteBecauseCountIndex => "delete_because_count_index",
            Reason::DeleteBecauseEachKey => "delete_because_each_key",
            Reason::DeleteBecauseNoModule => "delete_because_no_module",
            Reason::DeleteBecauseNoMoveTarget => "delete_because_no_move_target",
            Reason::ReadBecauseConfigUnknown => "read_because_config_unknown",
            Reason::ReadBecauseDependencyPending => "read_because_dependency_pending",
            Reason::ReadBecauseCheckNested => "read_because_check_nested",
        }
    }
}
