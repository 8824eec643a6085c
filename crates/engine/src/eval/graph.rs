//! The static graph: every object of the configuration, and what it refers to.
//!
//! Nodes are objects of the configuration, one for each place in the tree of modules; instances do not exist yet, so
//! that the graph is as large as the configuration and no larger. Its order is the order of evaluation: whoever follows
//! it finds everything that an object refers to evaluated already. Start at [`Graph::new`].

use std::collections::HashMap;
use std::sync::Arc;

use stackctl_core::{Diagnostic, Diagnostics, Mode, ModuleAddr, ResourceAddr};
use stackctl_hcl::{Expr, SourceMap, Span};
use stackctl_lang::config::{
    CheckBlock, Condition, Content, Local, Module, ModuleCall, Output, ProviderConfig, Repeat, Resource, Variable,
};
use stackctl_lang::diag::range;
use stackctl_lang::refs::{Reference, Subject, body_references, references};
use stackctl_state::ProviderAddr;

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
    /// Those of them that `depends_on` names, here or at a module call.
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
    first: [u32; 11],
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
    implied_nodes: Vec<NodeId>,
    /// Nodes after all that they depend on. Without nodes of cycles.
    pub order: Vec<NodeId>,
    /// Position of a node in `order`.
    pub rank: Vec<u32>,
    /// For each node, the nodes that depend on it.
    pub dependents: Vec<Vec<NodeId>>,
    by_module: HashMap<ModuleAddr, ModId>,
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
            Subject::Output { call, output, .. } => {
                let child = self.child(m, call)?;
                let i = self.module(child).module.content.outputs.get_index_of(*output)?;
                return Some(self.at(child, Kind::Output(i as u32)));
            }
            _ => return None,
        };
        Some(self.at(m, kind))
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

    // ── building ────────────────────────────────────────────────────────────────────────────────────────────────

    fn add_module(&mut self, module: &Arc<Module>, parent: Option<(ModId, u32)>) -> ModId {
        let id = ModId(self.modules.len() as u32);
        let c = &module.content;
        let calls = c.module_calls.len();
        let kinds: [(usize, fn(u32) -> Kind); 11] = [
            (c.variables.len(), Kind::Variable),
            (c.variables.len(), Kind::Validation),
            (c.locals.len(), Kind::Local),
            (c.outputs.len(), Kind::Output),
            (calls, Kind::Call),
            (calls, Kind::Gate),
            (calls, Kind::Whole),
            (calls, Kind::Close),
            (c.resources.len(), Kind::Resource),
            (c.provider_configs.len(), Kind::Provider),
            (c.checks.len(), Kind::Check),
        ];
        let mut first = [0; 11];
        for (k, (n, kind)) in kinds.into_iter().enumerate() {
            first[k] = self.nodes.len() as u32;
            self.nodes.extend((0..n as u32).map(|i| Node {
                module: id,
                kind: kind(i),
                deps: Vec::new(),
                explicit: Vec::new(),
                provider: None,
            }));
        }
        self.by_module.insert(module.path.clone(), id);
        self.modules.push(ModNode { module: Arc::clone(module), parent, children: Vec::new(), first });
        let children = (0..calls)
            .map(|i| {
                let (name, _) = c.module_calls.get_index(i)?;
                let child = module.children.get(name)?;
                Some(self.add_module(child, Some((id, i as u32))))
            })
            .collect();
        self.modules[id.0 as usize].children = children;
        id
    }

    fn connect(&mut self, m: ModId, sources: &SourceMap, diags: &mut Diagnostics) {
        let module = Arc::clone(&self.module(m).module);
        let c = &module.content;
        // Nothing in a called module exists before its instances are known.
        let expand = self.module(m).parent.map(|(p, i)| self.at(p, Kind::Call(i)));
        let gate = self.module(m).parent.map(|(p, i)| self.at(p, Kind::Gate(i)));
        for (i, v) in c.variables.values().enumerate() {
            let mut deps = Deps::of(self, m, expand);
            if let Some((p, call)) = self.module(m).parent
                && let Some((_, call)) = self.module(p).module.content.module_calls.get_index(call as usize)
                && let Some(a) = call.body.attribute(&v.name)
            {
                deps.within(p, |d| d.expr(&a.expr));
            }
            let deps = deps.done();
            let id = self.at(m, Kind::Variable(i as u32));
            self.set(id, deps);
            let mut deps = Deps::of(self, m, Some(id));
            v.validations.iter().for_each(|v| deps.condition(v));
            let deps = deps.done();
            self.set(self.at(m, Kind::Validation(i as u32)), deps);
        }
        for (i, l) in c.locals.values().enumerate() {
            let mut deps = Deps::of(self, m, expand);
            deps.expr(&l.value);
            let deps = deps.done();
            self.set(self.at(m, Kind::Local(i as u32)), deps);
        }
        for (i, o) in c.outputs.values().enumerate() {
            let mut deps = Deps::of(self, m, expand);
            deps.expr(&o.value);
            o.preconditions.iter().for_each(|c| deps.condition(c));
            o.depends_on.iter().for_each(|e| deps.explicit(e));
            deps.gate(gate);
            let deps = deps.done();
            self.set(self.at(m, Kind::Output(i as u32)), deps);
        }
        for (i, call) in c.module_calls.values().enumerate() {
            let i = i as u32;
            let mut deps = Deps::of(self, m, expand);
            deps.repeat(&call.repeat);
            let expansion = deps.done();
            let mut deps = Deps::of(self, m, expand);
            call.depends_on.iter().for_each(|e| deps.explicit(e));
            deps.gate(gate);
            let gated = deps.done();
            let id = self.at(m, Kind::Call(i));
            self.set(id, expansion);
            self.set(self.at(m, Kind::Gate(i)), gated);
            let (mut whole, mut close) = (Deps::of(self, m, Some(id)), Deps::of(self, m, Some(id)));
            if let Some(child) = self.module(m).children[i as usize] {
                let content = &self.module(child).module.content;
                let outputs = (0..content.outputs.len()).map(|i| self.at(child, Kind::Output(i as u32)));
                whole.nodes.extend(outputs.clone());
                close.nodes.extend(outputs);
                close.nodes.extend((0..content.resources.len()).map(|i| self.at(child, Kind::Resource(i as u32))));
                close.nodes.extend((0..content.module_calls.len()).map(|i| self.at(child, Kind::Close(i as u32))));
            }
            let (whole, close) = (whole.done(), close.done());
            self.set(self.at(m, Kind::Whole(i)), whole);
            self.set(self.at(m, Kind::Close(i)), close);
        }
        for (i, r) in c.resources.values().enumerate() {
            let local = match &r.provider {
                Some(p) => (p.name.as_str(), p.alias.as_deref()),
                None => (r.key.ty.split('_').next().unwrap_or_default(), None),
            };
            let provider = self.need_provider(m, local.0, local.1);
            if provider.is_none() {
                let name = local.1.map_or_else(|| local.0.to_owned(), |a| format!("{}.{a}", local.0));
                let mut d = Diagnostic::error(
                    "Provider configuration not present",
                    format!(
                        "The provider configuration {name} is used here, but no provider block and no caller of the module defines it."
                    ),
                );
                d.range = range(sources, r.provider.as_ref().map_or(r.span, |p| p.span));
                diags.push(d.of(module.addr(r)));
            }
            let mut deps = Deps::of(self, m, expand);
            deps.nodes.extend(provider);
            deps.repeat(&r.repeat);
            deps.body(&r.body);
            let l = &r.lifecycle;
            l.replace_triggered_by.iter().for_each(|e| deps.expr(e));
            l.preconditions.iter().chain(&l.postconditions).for_each(|c| deps.condition(c));
            // Provisioners of a destroy see the object alone.
            for p in r.provisioners.iter().filter(|p| !p.on_destroy) {
                deps.body(&p.body);
                p.connection.iter().for_each(|b| deps.body(b));
            }
            r.connection.iter().for_each(|b| deps.body(b));
            r.depends_on.iter().for_each(|e| deps.explicit(e));
            deps.gate(gate);
            let deps = deps.done();
            let id = self.at(m, Kind::Resource(i as u32));
            self.set(id, deps);
            self.nodes[id.0 as usize].provider = provider;
        }
        for (i, p) in c.provider_configs.iter().enumerate() {
            let mut deps = Deps::of(self, m, expand);
            deps.body(&p.body);
            let deps = deps.done();
            self.set(self.at(m, Kind::Provider(i as u32)), deps);
        }
        for (i, b) in c.checks.values().enumerate() {
            let mut deps = Deps::of(self, m, expand);
            b.asserts.iter().for_each(|a| deps.condition(a));
            if let Some(key) = &b.data
                && let Some(r) = c.resources.get_index_of(key)
            {
                deps.nodes.push(self.at(m, Kind::Resource(r as u32)));
            }
            let deps = deps.done();
            self.set(self.at(m, Kind::Check(i as u32)), deps);
        }
        if m.0 == 0 {
            // An import has to know its id before its target is planned.
            for i in &c.imports {
                let Ok(to) = Reference::of_expr(&i.to) else { continue };
                let Some(target) = self.lookup_target(m, &i.to, &to) else { continue };
                let mut deps = Deps::of(self, m, None);
                deps.expr(&i.id);
                i.for_each.iter().for_each(|e| deps.expr(e));
                let (nodes, _) = deps.done();
                let node = &mut self.nodes[target.0 as usize];
                node.deps.extend(nodes.into_iter().filter(|n| *n != target));
                node.deps.sort();
                node.deps.dedup();
            }
        }
    }

    /// The node of the resource that an import's `to` names, which may lie in a called module.
    fn lookup_target(&self, m: ModId, to: &Expr, r: &Reference<'_>) -> Option<NodeId> {
        match &r.subject {
            Subject::Resource(..) => self.lookup(m, &r.subject),
            _ => self.find_resource(&super::address::config_addr(to)?),
        }
    }

    fn set(&mut self, id: NodeId, (deps, explicit): (Vec<NodeId>, Vec<NodeId>)) {
        let node = &mut self.nodes[id.0 as usize];
        node.deps = deps;
        node.explicit = explicit;
    }

    fn resolve_provider(&self, mut m: ModId, name: &str, alias: Option<&str>) -> Option<(ModId, Place)> {
        let (mut name, mut alias) = (name.to_owned(), alias.map(str::to_owned));
        loop {
            let module = &self.module(m).module;
            let found = module.provider_configs.iter().position(|p| p.name == name && p.alias == alias);
            if let Some(i) = found {
                return Some((m, Place::Block(i as u32)));
            }
            let source = module.provider_source(&name);
            let Some((parent, _)) = self.module(m).parent else {
                return alias.is_none().then_some((m, Place::Implied(source)));
            };
            let passed = self
                .caller(m)
                .and_then(|c| c.providers.iter().find(|(child, _)| child.name == name && child.alias == alias));
            match passed {
                Some((_, outer)) => (name, alias) = (outer.name.clone(), outer.alias.clone()),
                None if alias.is_some() => return None,
                // The default configuration is inherited; the caller may know the provider by another name.
                None => {
                    let outer = &self.module(parent).module.required_providers;
                    if let Some((n, _)) = outer.iter().find(|(_, r)| r.source == source) {
                        name.clone_from(n);
                    }
                }
            }
            m = parent;
        }
    }

    fn need_provider(&mut self, m: ModId, name: &str, alias: Option<&str>) -> Option<NodeId> {
        let (m, place) = self.resolve_provider(m, name, alias)?;
        match place {
            Place::Block(i) => Some(self.at(m, Kind::Provider(i))),
            Place::Implied(source) => Some(self.imply(source)),
        }
    }

    /// The node of a provider without a block, made where it is missing.
    fn imply(&mut self, source: String) -> NodeId {
        if let Some(i) = self.implied.iter().position(|s| *s == source) {
            return self.at(ModId(0), Kind::Implied(i as u32));
        }
        let kind = Kind::Implied(self.implied.len() as u32);
        self.implied.push(source);
        let id = NodeId(self.nodes.len() as u32);
        self.nodes.push(Node { module: ModId(0), kind, deps: Vec::new(), explicit: Vec::new(), provider: None });
        self.implied_nodes.push(id);
        id
    }

    fn sort(&mut self, sources: &SourceMap, diags: &mut Diagnostics) {
        let n = self.nodes.len();
        let mut dependents = vec![Vec::new(); n];
        let mut waits = vec![0u32; n];
        for (i, node) in self.nodes.iter().enumerate() {
            waits[i] = node.deps.len() as u32;
            for d in &node.deps {
                dependents[d.0 as usize].push(NodeId(i as u32));
            }
        }
        let mut order: Vec<NodeId> = (0..n as u32).map(NodeId).filter(|id| waits[id.0 as usize] == 0).collect();
        let mut next = 0;
        while let Some(id) = order.get(next).copied() {
            next += 1;
            for d in &dependents[id.0 as usize] {
                waits[d.0 as usize] -= 1;
                if waits[d.0 as usize] == 0 {
                    order.push(*d);
                }
            }
        }
        let mut rank = vec![u32::MAX; n];
        for (i, id) in order.iter().enumerate() {
            rank[id.0 as usize] = i as u32;
        }
        self.dependents = dependents;
        self.order = order;
        self.rank = rank;
        if self.order.len() < n {
            self.report_cycles(sources, diags);
        }
    }

    fn report_cycles(&self, sources: &SourceMap, diags: &mut Diagnostics) {
        // Every node that is left waits for a node that is left: following such edges must come back.
        let left = |id: &NodeId| self.rank[id.0 as usize] == u32::MAX;
        let mut seen = vec![false; self.nodes.len()];
        for start in (0..self.nodes.len() as u32).map(NodeId).filter(left) {
            let (mut at, mut path) = (start, Vec::new());
            while !seen[at.0 as usize] {
                seen[at.0 as usize] = true;
                path.push(at);
                match self.node(at).deps.iter().copied().find(left) {
                    Some(d) => at = d,
                    None => break,
                }
            }
            let Some(from) = path.iter().position(|p| *p == at) else { continue };
            let cycle = &path[from..];
            let first = cycle.iter().enumerate().min_by_key(|(_, id)| **id).map_or(0, |(i, _)| i);
            let cycle: Vec<NodeId> = cycle[first..].iter().chain(&cycle[..first]).copied().collect();
            let names: Vec<String> = cycle.iter().map(|id| self.name(*id)).collect();
            let mut d = if let [only] = names.as_slice() {
                Diagnostic::error("Self-referential block", format!("{only} refers to itself."))
            } else {
                let chain = names.iter().chain(names.first()).cloned().collect::<Vec<_>>().join(" → ");
                Diagnostic::error("Cycle", format!("Each of these needs the next one first: {chain}."))
            };
            d.range = cycle.first().and_then(|id| self.span(*id)).and_then(|s| range(sources, s));
            for (i, id) in cycle.iter().enumerate().skip(1) {
                if let Some(r) = self.span(*id).and_then(|s| range(sources, s)) {
                    d = d.with(r, format!("{} is needed by {}", names[i], names[i - 1]));
                }
            }
            diags.push(d);
        }
    }
}

enum Place {
    Block(u32),
    Implied(String),
}

/// Collects what an object refers to.
struct Deps<'g> {
    graph: &'g Graph,
    module: ModId,
    nodes: Vec<NodeId>,
    explicit: Vec<NodeId>,
}

impl<'g> Deps<'g> {
    fn of(graph: &'g Graph, module: ModId, first: Option<NodeId>) -> Deps<'g> {
        Deps { graph, module, nodes: first.into_iter().collect(), explicit: Vec::new() }
    }
    fn within(&mut self, module: ModId, f: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.module, module);
        f(self);
        self.module = outer;
    }
    fn reference(&mut self, r: &Reference<'_>) {
        self.nodes.extend(self.graph.lookup(self.module, &r.subject));
    }
    fn expr(&mut self, e: &Expr) {
        references(e).iter().for_each(|r| self.reference(r));
    }
    fn body(&mut self, b: &stackctl_hcl::Body) {
        body_references(b).iter().for_each(|r| self.reference(r));
    }
    fn condition(&mut self, c: &Condition) {
        self.expr(&c.condition);
        self.expr(&c.error_message);
    }
    fn repeat(&mut self, r: &Repeat) {
        match r {
            Repeat::Single => {}
            Repeat::Count(e) | Repeat::ForEach(e) => self.expr(e),
        }
    }
    fn explicit(&mut self, e: &Expr) {
        let Ok(r) = Reference::of_expr(e) else { return };
        let node = match r.subject {
            Subject::Module(call) | Subject::Output { call, .. } => {
                let calls = &self.graph.module(self.module).module.content.module_calls;
                calls.get_index_of(call).map(|i| self.graph.at(self.module, Kind::Close(i as u32)))
            }
            s => self.graph.lookup(self.module, &s),
        };
        self.explicit.extend(node);
    }
    fn gate(&mut self, gate: Option<NodeId>) {
        self.explicit.extend(gate);
    }
    fn done(mut self) -> (Vec<NodeId>, Vec<NodeId>) {
        self.nodes.extend(&self.explicit);
        for v in [&mut self.nodes, &mut self.explicit] {
            v.sort();
            v.dedup();
        }
        (self.nodes, self.explicit)
    }
}

/// True for resources that are read and never created.
pub fn is_data(r: &Resource) -> bool {
    r.key.mode == Mode::Data
}
