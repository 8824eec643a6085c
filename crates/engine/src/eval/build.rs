//! Builds the static graph: nodes of all objects, edges by references, the order, and cycles.
//!
//! Start at [`Graph::new`], which calls what is here.

use std::sync::Arc;

use stackctl_core::{Diagnostic, Diagnostics, Mode};
use stackctl_hcl::{Expr, SourceMap};
use stackctl_lang::config::{Condition, Module, Repeat};
use stackctl_lang::diag::range;
use stackctl_lang::refs::{Reference, Subject, body_references, references};

use super::graph::{Graph, Kind, ModId, ModNode, Node, NodeId};

/// Summary of the error about an object that refers to itself: an error of plans, not of validation.
pub(crate) const SELF_REFERENCE: &str = "Self-referential block";

/// The summary of a use of a provider that nothing configures.
pub(crate) const NO_PROVIDER: &str = "Provider configuration not present";

/// Makes the kind of the node at a position.
type MakeKind = fn(u32) -> Kind;

impl Graph {
    pub(super) fn add_module(&mut self, module: &Arc<Module>, parent: Option<(ModId, u32)>) -> ModId {
        let id = ModId(self.modules.len() as u32);
        let c = &module.content;
        let calls = c.module_calls.len();
        let kinds: [(usize, MakeKind); 11] = [
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

    pub(super) fn connect(&mut self, m: ModId, sources: &SourceMap, diags: &mut Diagnostics) {
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
            let mut deps = Deps { validating: Some(&v.name), ..Deps::of(self, m, Some(id)) };
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
                    NO_PROVIDER,
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
            if r.key.mode == Mode::Data {
                deps.awaits(&r.repeat, &r.body);
            }
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

    pub(super) fn resolve_provider(&self, mut m: ModId, name: &str, alias: Option<&str>) -> Option<(ModId, Place)> {
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
    pub(super) fn imply(&mut self, source: String) -> NodeId {
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

    pub(super) fn sort(&mut self, sources: &SourceMap, diags: &mut Diagnostics) {
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
                let resource = matches!(self.node(cycle[0]).kind, Kind::Resource(_));
                let summary = if resource { SELF_REFERENCE } else { "Cycle" };
                Diagnostic::error(summary, format!("{only} refers to itself."))
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

/// Where a provider configuration is.
pub(super) enum Place {
    Block(u32),
    Implied(String),
}

/// Collects what an object refers to.
struct Deps<'g> {
    graph: &'g Graph,
    module: ModId,
    nodes: Vec<NodeId>,
    explicit: Vec<NodeId>,
    /// The variable whose validations these are: they are about its value, and not about a valid one.
    validating: Option<&'g str>,
}

impl<'g> Deps<'g> {
    fn of(graph: &'g Graph, module: ModId, first: Option<NodeId>) -> Deps<'g> {
        Deps { graph, module, nodes: first.into_iter().collect(), explicit: Vec::new(), validating: None }
    }
    fn within(&mut self, module: ModId, f: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.module, module);
        f(self);
        self.module = outer;
    }
    fn reference(&mut self, r: &Reference<'_>) {
        let found = self.graph.lookup(self.module, &r.subject);
        self.nodes.extend(found);
        // Whoever uses a variable relies on its value being valid.
        if let (Subject::Variable(name), Some(id)) = (r.subject, found)
            && let Kind::Variable(i) = self.graph.node(id).kind
            && self.validating != Some(name)
            && self.graph.variable(id).is_some_and(|v| !v.validations.is_empty())
        {
            self.nodes.push(self.graph.at(self.module, Kind::Validation(i)));
        }
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
    /// A data source that refers to a managed resource means the resource as it will be: it waits for it as if
    /// `depends_on` named it, even where the values that it takes are known already.
    fn awaits(&mut self, repeat: &Repeat, body: &stackctl_hcl::Body) {
        let repeated = match repeat {
            Repeat::Single => Vec::new(),
            Repeat::Count(e) | Repeat::ForEach(e) => references(e),
        };
        for r in repeated.iter().chain(&body_references(body)) {
            if let Subject::Resource(Mode::Managed, ..) = r.subject {
                self.explicit.extend(self.graph.lookup(self.module, &r.subject));
            }
        }
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
