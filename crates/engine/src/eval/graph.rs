//! The static graph: every object of the configuration, and what it refers to.
//!
//! Nodes are objects of the configuration, one for each place in the tree of modules; instances do not exist yet, so
//! that the graph is as large as the configuration and no larger. Its order is the order of evaluation: whoever follows
//! it finds everything that an object refers to evaluated already. Start at [`Graph::new`].

use std::collections::HashMap;
use std::sync::Arc;

use stackctl_core::{Diagnostics, ModuleAddr, ResourceAddr};
use stackctl_hcl::{SourceMap, Span};
use stackctl_lang::config::{
    CheckBlock, Content, Local, Module, ModuleCall, Output, ProviderConfig, Removed, Repeat, Resource, Variable,
};
use stackctl_lang::refs::Subject;
use stackctl_state::ProviderAddr;

use super::build::Place;

/// Index of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

/// Index of a module of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ModId(pub u32);

/// What a node is. Numbers are positions in [`Content`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Value of an input variable.
    Variable(u32),
    /// Validations of a variable, apart from its value because they may refer to other objects.
    Validation(u32),
    /// A local value.
    Local(u32),
    /// An output value.
    Output(u32),
    /// `count` or `for_each` of a module call: which instances of the module there are.
    Call(u32),
    /// What a module call's `depends_on` names.
    Gate(u32),
    /// A module call as a value: all its outputs.
    Whole(u32),
    /// Everything in a called module, for `depends_on = [module.m]`.
    Close(u32),
    /// A resource or data source.
    Resource(u32),
    /// A `provider` block.
    Provider(u32),
    /// A provider without a block; position in [`Graph::implied`].
    Implied(u32),
    /// A check block.
    Check(u32),
}

/// An object of the configuration.
#[derive(Clone, Debug)]
pub struct Node {
    /// Module that it stands in.
    pub module: ModId,
    /// What it is.
    pub kind: Kind,
    /// Nodes that it refers to, without duplicates.
    pub deps: Vec<NodeId>,
    /// Those of them that `depends_on` names, here or at a module call; of a data source also the managed resources that
    /// it refers to.
    pub explicit: Vec<NodeId>,
    /// Provider configuration of a resource.
    pub provider: Option<NodeId>,
}

/// A module of the configuration with the nodes of its objects, in the order of [`Content`].
#[derive(Debug)]
pub struct ModNode {
    /// The module.
    pub module: Arc<Module>,
    /// Its caller and the position of the call there.
    pub parent: Option<(ModId, u32)>,
    /// The modules that it calls; `None` for a call whose module could not be loaded.
    pub children: Vec<Option<ModId>>,
    /// First node of each kind; the nodes of a kind follow each other.
    pub(super) first: [u32; 11],
}

/// The graph of a configuration.
#[derive(Debug)]
pub struct Graph {
    /// All nodes.
    pub nodes: Vec<Node>,
    /// All modules; the root is the first, callers stand before what they call.
    pub modules: Vec<ModNode>,
    /// Source addresses of providers that no block configures.
    pub implied: Vec<String>,
    pub(super) implied_nodes: Vec<NodeId>,
    /// Nodes after all that they depend on. Without nodes of cycles.
    pub order: Vec<NodeId>,
    /// Position of a node in `order`.
    pub rank: Vec<u32>,
    /// For each node, the nodes that depend on it.
    pub dependents: Vec<Vec<NodeId>>,
    pub(super) by_module: HashMap<ModuleAddr, ModId>,
}

impl Graph {
    /// Builds the graph of a tree of modules. Cycles are errors that name every object on them; what depends on a cycle
    /// is not in [`Graph::order`]. `providers` are sources of providers that state needs without a block.
    pub fn new(root: &Arc<Module>, sources: &SourceMap, providers: &[String]) -> (Graph, Diagnostics) {
        let mut g = Graph {
            nodes: Vec::new(),
            modules: Vec::new(),
            implied: Vec::new(),
            implied_nodes: Vec::new(),
            order: Vec::new(),
            rank: Vec::new(),
            dependents: Vec::new(),
            by_module: HashMap::new(),
        };
        g.add_module(root, None);
        let mut diags = Vec::new();
        for m in 0..g.modules.len() {
            g.connect(ModId(m as u32), sources, &mut diags);
        }
        for source in providers {
            let block =
                root.provider_configs.iter().any(|p| p.alias.is_none() && root.provider_source(&p.name) == *source);
            if !block {
                g.imply(source.clone());
            }
        }
        g.sort(sources, &mut diags);
        (g, diags)
    }

    /// The node of an id.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }
    /// The module of an id.
    pub fn module(&self, id: ModId) -> &ModNode {
        &self.modules[id.0 as usize]
    }
    /// The content of the module that a node stands in.
    pub fn content(&self, id: NodeId) -> &Content {
        &self.module(self.node(id).module).module.content
    }
    /// The module at an address; keys do not matter.
    pub fn find_module(&self, addr: &ModuleAddr) -> Option<ModId> {
        self.by_module.get(addr).or_else(|| self.by_module.get(&addr.config())).copied()
    }
    /// The node of a resource at an address; keys do not matter.
    pub fn find_resource(&self, addr: &ResourceAddr) -> Option<NodeId> {
        let m = self.find_module(&addr.module)?;
        let key = (addr.mode, addr.ty.as_str(), addr.name.as_str());
        let i = self.module(m).module.content.resources.get_index_of(&key)?;
        Some(self.at(m, Kind::Resource(i as u32)))
    }
    /// The resource that a node is.
    pub fn resource(&self, id: NodeId) -> Option<&Resource> {
        match self.node(id).kind {
            Kind::Resource(i) => self.content(id).resources.get_index(i as usize).map(|(_, r)| r),
            _ => None,
        }
    }
    /// The address of the resource that a node is, without keys.
    pub fn resource_addr(&self, id: NodeId) -> Option<ResourceAddr> {
        self.resource(id).map(|r| self.module(self.node(id).module).module.addr(r))
    }
    /// All nodes of resources, in order of evaluation where there is one.
    pub fn resources(&self) -> impl Iterator<Item = NodeId> + '_ {
        (0..self.nodes.len() as u32).map(NodeId).filter(|id| matches!(self.node(*id).kind, Kind::Resource(_)))
    }
    /// Address of the provider configuration that a node is.
    pub fn provider_addr(&self, id: NodeId) -> Option<ProviderAddr> {
        match self.node(id).kind {
            Kind::Provider(i) => {
                let module = &self.module(self.node(id).module).module;
                let p = &module.provider_configs[i as usize];
                let source = module.provider_source(&p.name);
                Some(ProviderAddr { module: module.path.clone(), source, alias: p.alias.clone() })
            }
            Kind::Implied(i) => Some(ProviderAddr::root(self.implied[i as usize].clone())),
            _ => None,
        }
    }
    /// The node of a kind in a module. The position must exist.
    pub fn at(&self, m: ModId, kind: Kind) -> NodeId {
        let (k, i) = match kind {
            Kind::Variable(i) => (0, i),
            Kind::Validation(i) => (1, i),
            Kind::Local(i) => (2, i),
            Kind::Output(i) => (3, i),
            Kind::Call(i) => (4, i),
            Kind::Gate(i) => (5, i),
            Kind::Whole(i) => (6, i),
            Kind::Close(i) => (7, i),
            Kind::Resource(i) => (8, i),
            Kind::Provider(i) => (9, i),
            Kind::Check(i) => (10, i),
            Kind::Implied(i) => return self.implied_nodes[i as usize],
        };
        NodeId(self.module(m).first[k] + i)
    }
    /// The node of an object that a reference in a module names; `None` for what is no node (`each.key`, `self`) and
    /// for what does not exist.
    pub fn lookup(&self, m: ModId, subject: &Subject<'_>) -> Option<NodeId> {
        let content = &self.module(m).module.content;
        let kind = match subject {
            Subject::Variable(n) => Kind::Variable(content.variables.get_index_of(*n)? as u32),
            Subject::Local(n) => Kind::Local(content.locals.get_index_of(*n)? as u32),
            Subject::Resource(mode, ty, name) => {
                Kind::Resource(content.resources.get_index_of(&(*mode, *ty, *name))? as u32)
            }
            Subject::Module(call) => Kind::Whole(content.module_calls.get_index_of(*call)? as u32),
            // The instance with that key, so that all outputs are meant.
            Subject::Output { call, key: None, .. } if content.module_calls.get(*call).is_some_and(by_key) => {
                Kind::Whole(content.module_calls.get_index_of(*call)? as u32)
            }
            Subject::Output { call, output, .. } => {
                let child = self.child(m, call)?;
                let i = self.module(child).module.content.outputs.get_index_of(*output)?;
                return Some(self.at(child, Kind::Output(i as u32)));
            }
            _ => return None,
        };
        Some(self.at(m, kind))
    }
    /// True for the data source of a check.
    pub fn is_checks(&self, id: NodeId) -> bool {
        self.resource(id).is_some_and(|r| r.check.is_some())
    }
    /// The module that a call names.
    pub fn child(&self, m: ModId, call: &str) -> Option<ModId> {
        let i = self.module(m).module.content.module_calls.get_index_of(call)?;
        self.module(m).children[i]
    }
    /// The provider configuration that a module means by a local name and alias.
    pub fn provider(&self, m: ModId, name: &str, alias: Option<&str>) -> Option<NodeId> {
        let (m, place) = self.resolve_provider(m, name, alias)?;
        match place {
            Place::Block(i) => Some(self.at(m, Kind::Provider(i))),
            Place::Implied(source) => {
                let i = self.implied.iter().position(|s| *s == source)?;
                Some(self.at(m, Kind::Implied(i as u32)))
            }
        }
    }
    /// The node with a provider configuration's address.
    pub fn find_provider(&self, addr: &ProviderAddr) -> Option<NodeId> {
        let m = self.find_module(&addr.module)?;
        let module = &self.module(m).module;
        let block = module
            .provider_configs
            .iter()
            .position(|p| p.alias == addr.alias && module.provider_source(&p.name) == addr.source);
        match block {
            Some(i) => Some(self.at(m, Kind::Provider(i as u32))),
            None if addr.alias.is_none() && addr.module.is_root() => {
                let i = self.implied.iter().position(|s| *s == addr.source)?;
                Some(self.at(m, Kind::Implied(i as u32)))
            }
            None => None,
        }
    }

    // ── objects for nodes ───────────────────────────────────────────────────────────────────────────────────────

    /// The variable of a `Variable` or `Validation` node.
    pub fn variable(&self, id: NodeId) -> Option<&Variable> {
        let (Kind::Variable(i) | Kind::Validation(i)) = self.node(id).kind else { return None };
        self.content(id).variables.get_index(i as usize).map(|(_, v)| v)
    }
    /// The local of a node, with its name.
    pub fn local(&self, id: NodeId) -> Option<(&str, &Local)> {
        let Kind::Local(i) = self.node(id).kind else { return None };
        self.content(id).locals.get_index(i as usize).map(|(n, l)| (n.as_str(), l))
    }
    /// The output of a node.
    pub fn output(&self, id: NodeId) -> Option<&Output> {
        let Kind::Output(i) = self.node(id).kind else { return None };
        self.content(id).outputs.get_index(i as usize).map(|(_, o)| o)
    }
    /// The module call of a `Call`, `Gate`, `Whole` or `Close` node.
    pub fn call(&self, id: NodeId) -> Option<&ModuleCall> {
        let (Kind::Call(i) | Kind::Gate(i) | Kind::Whole(i) | Kind::Close(i)) = self.node(id).kind else { return None };
        self.content(id).module_calls.get_index(i as usize).map(|(_, c)| c)
    }
    /// The `provider` block of a node.
    pub fn provider_block(&self, id: NodeId) -> Option<&ProviderConfig> {
        let Kind::Provider(i) = self.node(id).kind else { return None };
        self.content(id).provider_configs.get(i as usize)
    }
    /// The check block of a node.
    pub fn check(&self, id: NodeId) -> Option<&CheckBlock> {
        let Kind::Check(i) = self.node(id).kind else { return None };
        self.content(id).checks.get_index(i as usize).map(|(_, c)| c)
    }
    /// The module that a call node's call leads to.
    pub fn called(&self, id: NodeId) -> Option<ModId> {
        let (Kind::Call(i) | Kind::Gate(i) | Kind::Whole(i) | Kind::Close(i)) = self.node(id).kind else { return None };
        self.module(self.node(id).module).children.get(i as usize).copied().flatten()
    }
    /// The module call that made a module.
    pub fn caller(&self, m: ModId) -> Option<&ModuleCall> {
        let (parent, i) = self.module(m).parent?;
        self.module(parent).module.content.module_calls.get_index(i as usize).map(|(_, c)| c)
    }

    /// The `removed` blocks that an address without keys belongs to, with their modules.
    pub fn removed<'g>(&'g self, addr: &'g ResourceAddr) -> impl Iterator<Item = (ModId, &'g Removed)> {
        let all = self.modules.iter().enumerate();
        all.flat_map(|(i, m)| m.module.removed.iter().map(move |r| (ModId(i as u32), m, r))).filter_map(|(id, m, r)| {
            let mut place = m.module.path.clone();
            place.0.extend(r.from.module.config().0);
            let meant = match &r.from.resource {
                Some(k) => place == addr.module && (k.mode, &k.ty, &k.name) == (addr.mode, &addr.ty, &addr.name),
                None => place.contains(&addr.module),
            };
            meant.then_some((id, r))
        })
    }

    /// The object's name as users know it.
    pub fn name(&self, id: NodeId) -> String {
        let node = self.node(id);
        let call = || self.call(id).map_or("", |c| c.name.as_str());
        let local = match node.kind {
            Kind::Variable(_) => format!("var.{}", self.variable(id).map_or("", |v| v.name.as_str())),
            Kind::Validation(_) => {
                format!("var.{} (validation)", self.variable(id).map_or("", |v| v.name.as_str()))
            }
            Kind::Local(_) => format!("local.{}", self.local(id).map_or("", |(n, _)| n)),
            Kind::Output(_) => format!("output.{}", self.output(id).map_or("", |o| o.name.as_str())),
            Kind::Call(_) => format!("module.{} (expand)", call()),
            Kind::Gate(_) => format!("module.{} (depends_on)", call()),
            Kind::Whole(_) => format!("module.{}", call()),
            Kind::Close(_) => format!("module.{} (close)", call()),
            Kind::Resource(_) => return self.resource_addr(id).map(|a| a.to_string()).unwrap_or_default(),
            Kind::Provider(_) | Kind::Implied(_) => {
                return self.provider_addr(id).map(|a| a.to_string()).unwrap_or_default();
            }
            Kind::Check(_) => format!("check.{}", self.check(id).map_or("", |c| c.name.as_str())),
        };
        let path = &self.module(node.module).module.path;
        if path.is_root() { local } else { format!("{path}.{local}") }
    }
    /// Where the object is written.
    pub fn span(&self, id: NodeId) -> Option<Span> {
        match self.node(id).kind {
            Kind::Variable(_) | Kind::Validation(_) => self.variable(id).map(|v| v.span),
            Kind::Local(_) => self.local(id).map(|(_, l)| l.span),
            Kind::Output(_) => self.output(id).map(|o| o.span),
            Kind::Call(_) | Kind::Gate(_) | Kind::Whole(_) | Kind::Close(_) => self.call(id).map(|c| c.span),
            Kind::Resource(_) => self.resource(id).map(|r| r.span),
            Kind::Provider(_) => self.provider_block(id).map(|p| p.span),
            Kind::Implied(_) => None,
            Kind::Check(_) => self.check(id).map(|c| c.span),
        }
    }
}

/// True if the instances of a module have keys.
fn by_key(c: &ModuleCall) -> bool {
    matches!(c.repeat, Repeat::ForEach(_))
}
