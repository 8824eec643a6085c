//! What the configuration says, module by module, before any instance exists.
//!
//! The tree is of module *calls*: `count` and `for_each` stay expressions. Calls of the same directory share one
//! [`Content`]. Bodies are as written, without the meta-arguments, which stand in fields of their own.
//!
//! Start at [`Module`] and [`Content`].

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::Arc;

use indexmap::{Equivalent, IndexMap};
use stackctl_core::{InstanceKey, Mode, ModuleAddr, Path, ResourceAddr};
use stackctl_hcl::{Body, Expr, Span};

use crate::convert::TypeConstraint;
use crate::value::Value;

/// A module at its place in the tree. Everything that its files say is reached through [`Content`].
#[derive(Debug)]
pub struct Module {
    /// Its address, without instance keys.
    pub path: ModuleAddr,
    /// What its files say. Shared by all calls of the same directory.
    pub content: Arc<Content>,
    /// The modules that it calls, by name of the call. A call whose module could not be loaded is absent.
    pub children: BTreeMap<String, Arc<Module>>,
}

impl Deref for Module {
    type Target = Content;
    fn deref(&self) -> &Content {
        &self.content
    }
}

impl Module {
    /// The address of a resource of this module, without instance keys.
    pub fn addr(&self, resource: &Resource) -> ResourceAddr {
        let Resource { key: ResourceKey { mode, ty, name }, .. } = resource;
        ResourceAddr { module: self.path.clone(), mode: *mode, ty: ty.clone(), name: name.clone() }
    }
}

/// What the files of one directory say. Everything is in source order.
#[derive(Debug, Default)]
pub struct Content {
    /// The directory, as `path.module` shows it: `.` for the root, else relative to the working directory.
    pub dir: PathBuf,
    /// Input variables.
    pub variables: IndexMap<String, Variable>,
    /// Output values.
    pub outputs: IndexMap<String, Output>,
    /// Local values.
    pub locals: IndexMap<String, Local>,
    /// Managed, data and ephemeral resources, the scoped data sources of checks included.
    pub resources: IndexMap<ResourceKey, Resource>,
    /// Calls of other modules.
    pub module_calls: IndexMap<String, ModuleCall>,
    /// `provider` blocks.
    pub provider_configs: Vec<ProviderConfig>,
    /// What `required_providers` says, by local name.
    pub required_providers: IndexMap<String, ProviderRequirement>,
    /// The rest of the `terraform` blocks.
    pub terraform: TerraformSettings,
    /// `moved` blocks.
    pub moved: Vec<Moved>,
    /// `import` blocks.
    pub imports: Vec<Import>,
    /// `removed` blocks.
    pub removed: Vec<Removed>,
    /// `check` blocks.
    pub checks: IndexMap<String, CheckBlock>,
}

impl Content {
    /// A resource of this module. Allocates nothing.
    pub fn resource(&self, mode: Mode, ty: &str, name: &str) -> Option<&Resource> {
        self.resources.get(&(mode, ty, name))
    }
    /// The `provider` block of a local name and alias.
    pub fn provider_config(&self, name: &str, alias: Option<&str>) -> Option<&ProviderConfig> {
        self.provider_configs.iter().find(|p| p.name == name && p.alias.as_deref() == alias)
    }
    /// Source address of a provider's local name, stated or implied: `registry.terraform.io/hashicorp/aws`.
    pub fn provider_source(&self, name: &str) -> String {
        self.required_providers.get(name).map_or_else(|| super::providers::implied_source(name), |r| r.source.clone())
    }
}

/// Which resource of a module.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ResourceKey {
    /// Kind of block.
    pub mode: Mode,
    /// Type, `aws_subnet`.
    pub ty: String,
    /// Name of the block.
    pub name: String,
}

impl Hash for ResourceKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.mode, self.ty.as_str(), self.name.as_str()).hash(state);
    }
}

impl Equivalent<ResourceKey> for (Mode, &str, &str) {
    fn equivalent(&self, key: &ResourceKey) -> bool {
        *self == (key.mode, key.ty.as_str(), key.name.as_str())
    }
}

/// How often an object exists.
#[derive(Debug, Default)]
pub enum Repeat {
    /// Once, without a key.
    #[default]
    Single,
    /// `count = …`
    Count(Expr),
    /// `for_each = …`
    ForEach(Expr),
}

/// `resource`, `data` or `ephemeral`.
#[derive(Debug)]
pub struct Resource {
    /// Kind, type and name.
    pub key: ResourceKey,
    /// How many instances.
    pub repeat: Repeat,
    /// What it waits for beyond its references. Each is a reference (see [`crate::refs::Reference::of_expr`]).
    pub depends_on: Vec<Expr>,
    /// `provider = aws.west`; `None` for the default configuration of the provider that the type names.
    pub provider: Option<ProviderRef>,
    /// The `lifecycle` block.
    pub lifecycle: Lifecycle,
    /// `provisioner` blocks.
    pub provisioners: Vec<Provisioner>,
    /// The `connection` block.
    pub connection: Option<Body>,
    /// Name of the `check` block whose scoped data source this is.
    pub check: Option<String>,
    /// The arguments that the type's schema knows.
    pub body: Body,
    /// The block's header.
    pub span: Span,
}

/// `lifecycle`
#[derive(Debug, Default)]
pub struct Lifecycle {
    /// Replacements are created before what they replace is destroyed; `None` where it is not set.
    pub create_before_destroy: Option<bool>,
    /// Plans that destroy the object are refused.
    pub prevent_destroy: bool,
    /// Changes of configuration that do not count.
    pub ignore_changes: IgnoreChanges,
    /// References whose change replaces the object; index keys may use `count.index` and `each.key`.
    pub replace_triggered_by: Vec<Expr>,
    /// Checked before the object is planned.
    pub preconditions: Vec<Condition>,
    /// Checked when the object's values are known; may refer to `self`.
    pub postconditions: Vec<Condition>,
}

/// `ignore_changes`
#[derive(Clone, Debug, Default, PartialEq)]
pub enum IgnoreChanges {
    /// Every change counts.
    #[default]
    Nothing,
    /// No change counts.
    All,
    /// Changes at these places do not.
    Paths(Vec<(Path, Span)>),
}

/// A condition with its message: `validation`, `precondition`, `postcondition`, `assert`.
#[derive(Debug)]
pub struct Condition {
    /// Must be true.
    pub condition: Expr,
    /// What to say where it is not.
    pub error_message: Expr,
    /// The block's header.
    pub span: Span,
}

/// `provisioner`
#[derive(Debug)]
pub struct Provisioner {
    /// `local-exec`, `file`, `remote-exec`.
    pub ty: String,
    /// Runs before the object is destroyed instead of after its creation.
    pub on_destroy: bool,
    /// A failure is reported and passed over.
    pub ignore_failure: bool,
    /// Its own `connection` block.
    pub connection: Option<Body>,
    /// Its arguments.
    pub body: Body,
    /// The block's header.
    pub span: Span,
}

/// A provider configuration, named as a module knows it: `aws.west`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ProviderRef {
    /// Local name.
    pub name: String,
    /// Alias.
    pub alias: Option<String>,
    /// Where it is written.
    pub span: Span,
}

/// `variable`
#[derive(Debug)]
pub struct Variable {
    /// Name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Its type, with the defaults of optional attributes.
    pub constraint: TypeConstraint,
    /// It has a `type`; without one, values from the command line and the environment are literal texts.
    pub typed: bool,
    /// Value where none is given, converted already; `None` for a required variable.
    pub default: Option<Value>,
    /// Null is a value; else null means the default.
    pub nullable: bool,
    /// Hidden wherever values are shown.
    pub sensitive: bool,
    /// Never stored.
    pub ephemeral: bool,
    /// Rules for its value; may refer to other objects of the module.
    pub validations: Vec<Condition>,
    /// The block's header.
    pub span: Span,
}

/// `output`
#[derive(Debug)]
pub struct Output {
    /// Name.
    pub name: String,
    /// Its value.
    pub value: Expr,
    /// What it is.
    pub description: Option<String>,
    /// Hidden wherever values are shown.
    pub sensitive: bool,
    /// Never stored.
    pub ephemeral: bool,
    /// What it waits for beyond its references.
    pub depends_on: Vec<Expr>,
    /// Checked before it is evaluated.
    pub preconditions: Vec<Condition>,
    /// The block's header.
    pub span: Span,
}

/// One entry of `locals`.
#[derive(Debug)]
pub struct Local {
    /// Its value.
    pub value: Expr,
    /// Its name in the source.
    pub span: Span,
}

/// `module`
#[derive(Debug)]
pub struct ModuleCall {
    /// Name of the call.
    pub name: String,
    /// Where the module comes from, as written.
    pub source: String,
    /// Where the source is written.
    pub source_span: Span,
    /// Version constraint, for modules from a registry.
    pub version: Option<String>,
    /// How many instances.
    pub repeat: Repeat,
    /// What everything in it waits for.
    pub depends_on: Vec<Expr>,
    /// Provider configurations passed: name in the child, name here.
    pub providers: Vec<(ProviderRef, ProviderRef)>,
    /// The child's input variables.
    pub body: Body,
    /// The block's header.
    pub span: Span,
}

/// `provider`
#[derive(Debug)]
pub struct ProviderConfig {
    /// Local name.
    pub name: String,
    /// Alias; `None` for the default configuration.
    pub alias: Option<String>,
    /// The arguments that the provider's schema knows.
    pub body: Body,
    /// The block's header.
    pub span: Span,
}

/// One entry of `required_providers`.
#[derive(Clone, Debug)]
pub struct ProviderRequirement {
    /// Source address, complete: `registry.terraform.io/hashicorp/aws`.
    pub source: String,
    /// Version constraint, as written.
    pub version: Option<(String, Span)>,
    /// Aliases that the caller has to pass.
    pub configuration_aliases: Vec<ProviderRef>,
    /// Where it is written.
    pub span: Span,
}

/// What the `terraform` blocks of a module say, required providers aside.
#[derive(Debug, Default)]
pub struct TerraformSettings {
    /// Language version constraints.
    pub required_version: Vec<(String, Span)>,
    /// The `backend` block.
    pub backend: Option<Backend>,
    /// The `cloud` block, tolerated.
    pub cloud: Option<Span>,
}

/// `backend`
#[derive(Debug)]
pub struct Backend {
    /// `s3`, `local`.
    pub ty: String,
    /// Its settings: literals.
    pub body: Body,
    /// The block's header.
    pub span: Span,
}

/// A place that `moved` and `removed` name: a module or a resource, with or without instance keys, seen from the module
/// that the block stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The module, relative to the one that the block stands in.
    pub module: ModuleAddr,
    /// The resource in it; `None` where the endpoint is the module itself.
    pub resource: Option<ResourceKey>,
    /// Instance key of the resource.
    pub key: Option<InstanceKey>,
    /// Where it is written.
    pub span: Span,
}

/// `moved`
#[derive(Debug)]
pub struct Moved {
    /// Old place.
    pub from: Endpoint,
    /// New place.
    pub to: Endpoint,
    /// The block's header.
    pub span: Span,
}

/// `import`
#[derive(Debug)]
pub struct Import {
    /// Address of the instance; keys may use `each`.
    pub to: Expr,
    /// Import id.
    pub id: Expr,
    /// One import for each element.
    pub for_each: Option<Expr>,
    /// Provider configuration, where the resource has no block.
    pub provider: Option<ProviderRef>,
    /// The block's header.
    pub span: Span,
}

/// `removed`
#[derive(Debug)]
pub struct Removed {
    /// What is no longer configured; without instance keys.
    pub from: Endpoint,
    /// Destroy it; else forget it.
    pub destroy: bool,
    /// Provisioners to run before it is destroyed.
    pub provisioners: Vec<Provisioner>,
    /// The block's header.
    pub span: Span,
}

/// `check`
#[derive(Debug)]
pub struct CheckBlock {
    /// Name.
    pub name: String,
    /// Its scoped data source, which stands in [`Content::resources`].
    pub data: Option<ResourceKey>,
    /// Failing ones are warnings.
    pub asserts: Vec<Condition>,
    /// The block's header.
    pub span: Span,
}
