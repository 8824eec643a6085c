//! Values of configuration objects in each module instance.
//!
//! A value is computed once, when everything that it refers to has its value; what failed, and what depends on it, has
//! none and stands for "unknown" silently. The values of resources come from outside ([`Evaluator::set_instance`]): from
//! the planner, from an apply, or from state.
//!
//! Start at [`Evaluator::evaluate`] (planner: in the order of the graph) and [`Evaluator::ensure`] (apply, console: what
//! an object needs).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use stackctl_core::{Diagnostic, Diagnostics, Ids, InstanceAddr, InstanceKey, Mode, ModuleAddr, SourceRange};
use stackctl_hcl::{Expr, SourceMap, Span};
use stackctl_lang::config::{Config, Repeat};
use stackctl_lang::diag::{Problem, diagnostics, range};
use stackctl_lang::eval::{Expansion, Unknowns, expr, repeat};
use stackctl_lang::files::Files;
use stackctl_lang::refs::references;
use stackctl_lang::value::{Marks, Value};

use super::conditions::Checks;
use super::graph::{Graph, Kind, ModId, NodeId};
use super::scope::{Place, Rep};
use super::types::{TypeInfo, Types, schema_of};
use crate::providers::Providers;

/// What evaluation sees of the world.
#[derive(Clone)]
pub struct Settings {
    /// The configuration.
    pub config: Config,
    /// Its sources.
    pub sources: Arc<SourceMap>,
    /// Files that functions read.
    pub files: Arc<dyn Files>,
    /// Randomness.
    pub ids: Arc<dyn Ids>,
    /// The present.
    pub now: Timestamp,
    /// When the plan was made; `None` makes it unknown.
    pub plan_time: Option<Timestamp>,
    /// True while planning: some functions are unknown then.
    pub planning: bool,
    /// Name of the workspace.
    pub workspace: String,
    /// Values given for root variables, not converted yet.
    pub variables: BTreeMap<String, Value>,
}

/// The values of a configuration.
pub struct Evaluator<'p> {
    /// The objects.
    pub graph: Arc<Graph>,
    /// The world.
    pub settings: Settings,
    /// The providers.
    pub providers: &'p Providers,
    /// Results of conditions.
    pub checks: Checks,
    /// What was wrong so far.
    pub diags: Diagnostics,
    pub(super) modules: Vec<ModTable>,
    /// By node, then by module instance.
    pub(super) slots: Vec<Vec<Slot>>,
    /// By node, then by module instance.
    pub(super) resources: HashMap<NodeId, Vec<Option<ResTable>>>,
    pub(super) types: Types<'p>,
    /// Values that instances have as soon as they exist, during an apply.
    pub(super) given: HashMap<InstanceAddr, super::values::Given>,
    /// Nothing is planned: repeated objects are evaluated once, with unknown keys.
    pub(super) validating: bool,
}

#[derive(Clone, Debug, Default)]
pub(super) enum Slot {
    #[default]
    Empty,
    Done(Value),
    Failed,
}

/// Instances of a module.
#[derive(Debug, Default)]
pub(super) struct ModTable {
    instances: Vec<ModInstance>,
    by_place: HashMap<(u32, Option<InstanceKey>), u32>,
    by_addr: HashMap<ModuleAddr, u32>,
    pub(super) by_parent: HashMap<u32, Vec<u32>>,
}

/// An instance of a module.
#[derive(Debug)]
pub struct ModInstance {
    /// Its address.
    pub addr: ModuleAddr,
    /// Instance of the calling module.
    pub parent: u32,
    /// Its key.
    pub key: Option<InstanceKey>,
    /// `each.value` of its call.
    pub(super) each: Option<Value>,
}

/// Instances of a resource in a module instance.
#[derive(Debug)]
pub(super) struct ResTable {
    pub(super) expansion: Expansion,
    pub(super) values: Instances,
    pub(super) whole: OnceLock<Value>,
}

/// Values of a resource's instances. Most resources have one, which needs no map.
#[derive(Debug, Default)]
pub(super) struct Instances {
    single: Option<Value>,
    keyed: BTreeMap<InstanceKey, Value>,
}

impl Instances {
    fn get(&self, key: Option<&InstanceKey>) -> Option<&Value> {
        key.map_or(self.single.as_ref(), |k| self.keyed.get(k))
    }
    pub(super) fn insert(&mut self, key: Option<InstanceKey>, value: Value) {
        match key {
            None => self.single = Some(value),
            Some(k) => {
                self.keyed.insert(k, value);
            }
        }
    }
}

impl<'p> Evaluator<'p> {
    /// An evaluator in which nothing has a value yet.
    pub fn new(settings: Settings, graph: Arc<Graph>, providers: &'p Providers) -> Evaluator<'p> {
        let mut modules: Vec<ModTable> = graph.modules.iter().map(|_| ModTable::default()).collect();
        modules[0].add(ModInstance { addr: ModuleAddr::root(), parent: 0, key: None, each: None });
        let slots = graph.nodes.iter().map(|_| Vec::new()).collect();
        Evaluator {
            graph,
            settings,
            providers,
            checks: Checks::default(),
            diags: Vec::new(),
            modules,
            slots,
            resources: HashMap::new(),
            types: BTreeMap::new(),
            given: HashMap::new(),
            validating: false,
        }
    }

    /// The same for validation: repeated objects are evaluated once, with unknown keys.
    pub fn validating(mut self) -> Evaluator<'p> {
        self.validating = true;
        self
    }
    pub(super) fn repeat(&self, r: &Repeat, id: NodeId, instance: u32) -> (Expansion, Vec<Problem>) {
        let unknowns = if self.validating { Unknowns::Allowed } else { Unknowns::Refused };
        let (expansion, mut problems) = repeat(r, unknowns, &self.place(id, instance, Rep::Single, None));
        if let (Repeat::Count(e) | Repeat::ForEach(e), true) = (r, !problems.is_empty()) {
            let causes = self.undetermined(e, self.graph.node(id).module, instance);
            let told = problems.iter_mut().filter_map(|p| p.hint.as_mut()).find(|h| h.contains("-target"));
            if let (Some(hint), false) = (told, causes.is_empty()) {
                let targets: Vec<String> = causes.iter().map(|a| format!("-target={a}")).collect();
                *hint = format!("{hint} Here that is: stackctl apply {}", targets.join(" ")).into();
            }
        }
        match r {
            Repeat::Count(_) if self.validating => (Expansion::Unknown { count: true }, problems),
            Repeat::ForEach(_) if self.validating => (Expansion::Unknown { count: false }, problems),
            _ => (expansion, problems),
        }
    }

    /// The managed resources that keep an expression from being known, at most three.
    fn undetermined(&self, e: &Expr, module: ModId, instance: u32) -> Vec<stackctl_core::ResourceAddr> {
        let graph = &self.graph;
        let mut work: Vec<NodeId> = references(e).iter().filter_map(|r| graph.lookup(module, &r.subject)).collect();
        let (mut seen, mut out) = (HashSet::new(), Vec::new());
        while let Some(id) = work.pop().filter(|_| out.len() < 3) {
            if !seen.insert(id) {
                continue;
            }
            if graph.resource(id).is_some_and(|r| r.key.mode == Mode::Managed) {
                let at = self.related(module, instance, graph.node(id).module);
                if at.iter().any(|i| !self.resource_value(id, *i).is_wholly_known()) {
                    out.extend(graph.resource_addr(id));
                }
            } else {
                work.extend(&graph.node(id).deps);
            }
        }
        out.sort();
        out
    }

    // ── module instances ────────────────────────────────────────────────────────────────────────────────────────

    /// Number of instances of a module that are known so far.
    pub fn instances_of(&self, m: ModId) -> u32 {
        self.modules[m.0 as usize].instances.len() as u32
    }
    /// An instance of a module.
    pub fn module_instance(&self, m: ModId, instance: u32) -> &ModInstance {
        &self.modules[m.0 as usize].instances[instance as usize]
    }
    /// The instance of a module with an address.
    pub fn find_instance(&self, m: ModId, addr: &ModuleAddr) -> Option<u32> {
        self.modules[m.0 as usize].by_addr.get(addr).copied()
    }
    /// The instance of a called module with a key in an instance of its caller.
    pub fn find_child(&self, child: ModId, parent: u32, key: Option<&InstanceKey>) -> Option<u32> {
        self.modules[child.0 as usize].by_place.get(&(parent, key.cloned())).copied()
    }
    /// True if a called module has instances in an instance of its caller.
    pub fn has_children(&self, child: ModId, parent: u32) -> bool {
        self.modules[child.0 as usize].by_parent.contains_key(&parent)
    }
    /// The instances of a called module in an instance of its caller.
    pub fn children(&self, child: ModId, parent: u32) -> &[u32] {
        self.modules[child.0 as usize].by_parent.get(&parent).map_or(&[], Vec::as_slice)
    }
    /// The instances of `to` that belong to an instance of `from`: itself, the one that contains it, or those in it.
    pub fn related(&self, from: ModId, instance: u32, to: ModId) -> Vec<u32> {
        if from == to {
            return vec![instance];
        }
        let depth = |m: ModId| self.graph.module(m).module.path.0.len();
        if depth(to) < depth(from) {
            let Some((parent, _)) = self.graph.module(from).parent else { return Vec::new() };
            return self.related(parent, self.module_instance(from, instance).parent, to);
        }
        let Some((parent, _)) = self.graph.module(to).parent else { return Vec::new() };
        let outer = self.related(from, instance, parent);
        outer.into_iter().flat_map(|p| self.children(to, p).iter().copied()).collect()
    }

    // ── values ──────────────────────────────────────────────────────────────────────────────────────────────────

    /// The value of an object; unknown where it has none.
    pub fn value(&self, id: NodeId, instance: u32) -> Value {
        match self.slots[id.0 as usize].get(instance as usize) {
            Some(Slot::Done(v)) => v.clone(),
            _ => Value::dynamic(),
        }
    }
    /// True if the object could not be evaluated in some module instance.
    pub fn failed(&self, id: NodeId) -> bool {
        self.slots[id.0 as usize].iter().any(|s| matches!(s, Slot::Failed))
    }
    /// Marks an object as failed, in all module instances that there are.
    pub fn fail(&mut self, id: NodeId) {
        let n = self.instances_of(self.graph.node(id).module).max(1);
        (0..n).for_each(|i| self.put(id, i, Slot::Failed));
    }
    fn put(&mut self, id: NodeId, instance: u32, slot: Slot) {
        let slots = &mut self.slots[id.0 as usize];
        if slots.len() <= instance as usize {
            slots.resize(instance as usize + 1, Slot::Empty);
        }
        slots[instance as usize] = slot;
    }
    fn is_empty(&self, id: NodeId, instance: u32) -> bool {
        matches!(self.slots[id.0 as usize].get(instance as usize), None | Some(Slot::Empty))
    }

    /// The value of a resource: its object, or a tuple or object of its instances.
    pub fn resource_value(&self, id: NodeId, instance: u32) -> Value {
        let Some(t) = self.resources.get(&id).and_then(|t| t.get(instance as usize)?.as_ref()) else {
            return Value::dynamic();
        };
        let ephemeral = self.graph.resource(id).is_some_and(|r| r.key.mode == Mode::Ephemeral);
        let missing = || {
            let v = self.type_of(id).map_or_else(Value::dynamic, |t| t.unknown());
            if ephemeral { v.with_marks(Marks::EPHEMERAL) } else { v }
        };
        let one = |key: Option<InstanceKey>| t.values.get(key.as_ref()).cloned().unwrap_or_else(missing);
        t.whole
            .get_or_init(|| match &t.expansion {
                Expansion::Single => one(None),
                Expansion::Count(n) => Value::tuple((0..*n).map(|i| one(Some(InstanceKey::Int(i)))).collect()),
                Expansion::ForEach(m) => {
                    Value::object(m.keys().map(|k| (k.as_str(), one(Some(InstanceKey::Str(k.clone()))))))
                }
                Expansion::Unknown { .. } => Value::dynamic(),
            })
            .clone()
    }
    /// The expansion of a resource in a module instance, where it is known.
    pub fn expansion(&self, id: NodeId, instance: u32) -> Option<&Expansion> {
        self.resources.get(&id)?.get(instance as usize)?.as_ref().map(|t| &t.expansion)
    }
    /// Gives an instance of a resource its value. The resource must have been expanded.
    pub fn set_instance(&mut self, id: NodeId, instance: u32, key: Option<InstanceKey>, value: Value) {
        if let Some(Some(t)) = self.resources.get_mut(&id).and_then(|t| t.get_mut(instance as usize)) {
            t.values.insert(key, value);
            t.whole = OnceLock::new();
        }
    }
    /// The node and module instance of an instance's address.
    pub fn locate(&self, addr: &InstanceAddr) -> Option<(NodeId, u32)> {
        let id = self.graph.find_resource(&addr.resource)?;
        Some((id, self.find_instance(self.graph.node(id).module, &addr.resource.module)?))
    }
    /// A place for expressions of a node in a module instance.
    pub fn place<'e>(&'e self, id: NodeId, instance: u32, rep: Rep<'e>, this: Option<&'e Value>) -> Place<'e, 'p> {
        Place { ev: self, module: self.graph.node(id).module, instance, rep, this }
    }

    // ── types ───────────────────────────────────────────────────────────────────────────────────────────────────

    /// Makes the type of a resource available; `None` if no provider has it.
    pub fn load_type(&mut self, id: NodeId) -> Option<Arc<TypeInfo<'p>>> {
        let key = self.type_key(id)?;
        if let Some(t) = self.types.get(&key) {
            return t.clone();
        }
        self.type_named(&key.0, key.1, &key.2)
    }
    /// A type of a provider; `None` if it does not have it.
    pub fn type_named(&mut self, source: &str, mode: Mode, ty: &str) -> Option<Arc<TypeInfo<'p>>> {
        let key = (source.to_owned(), mode, ty.to_owned());
        if let Some(t) = self.types.get(&key) {
            return t.clone();
        }
        let providers: &'p Providers = self.providers;
        let found = providers.table(source).and_then(|p| {
            let info = TypeInfo::new(p, schema_of(p, mode, ty)?);
            Some(Arc::new(if mode == Mode::Ephemeral { info.not_stored() } else { info }))
        });
        self.types.insert(key, found.clone());
        found
    }
    /// The type of a resource, once it was loaded.
    pub fn type_of(&self, id: NodeId) -> Option<&Arc<TypeInfo<'p>>> {
        self.types.get(&self.type_key(id)?)?.as_ref()
    }
    fn type_key(&self, id: NodeId) -> Option<(String, Mode, String)> {
        let r = self.graph.resource(id)?;
        let source = self.graph.provider_addr(self.graph.node(id).provider?)?.source;
        Some((source, r.key.mode, r.key.ty.clone()))
    }

    // ── diagnostics ─────────────────────────────────────────────────────────────────────────────────────────────

    /// The place of a span in its file.
    pub fn range(&self, span: Span) -> Option<SourceRange> {
        range(&self.settings.sources, span)
    }
    /// Reports problems about an object; true if none of them is an error. An apply leaves warnings out: its plan told
    /// them.
    pub fn report(&mut self, mut problems: Vec<Problem>, address: Option<&str>) -> bool {
        if !self.settings.planning {
            problems.retain(Problem::is_error);
        }
        self.tell(problems, address)
    }
    /// The same with all warnings.
    pub(super) fn tell(&mut self, problems: Vec<Problem>, address: Option<&str>) -> bool {
        if problems.is_empty() {
            return true;
        }
        let good = !problems.iter().any(Problem::is_error);
        let found = diagnostics(problems, &self.settings.sources);
        self.diags.extend(found.into_iter().map(|d| match (&d.address, address) {
            (None, Some(a)) => d.of(a),
            _ => d,
        }));
        good
    }

    // ── evaluation ──────────────────────────────────────────────────────────────────────────────────────────────

    /// Evaluates an object in a module instance; everything that it refers to must have been evaluated. Of a resource
    /// only the expansion: its instances get their values from outside. False if it failed.
    pub fn evaluate(&mut self, id: NodeId, instance: u32) -> bool {
        if !self.is_empty(id, instance) {
            return !matches!(self.slots[id.0 as usize][instance as usize], Slot::Failed);
        }
        let value = match self.graph.node(id).kind {
            Kind::Variable(_) => self.variable(id, instance),
            Kind::Local(_) => self.local(id, instance),
            Kind::Output(_) => self.output(id, instance),
            Kind::Call(_) => self.call(id, instance),
            Kind::Whole(_) => Some(self.whole(id, instance)),
            Kind::Resource(_) => self.expand(id, instance),
            Kind::Provider(_) | Kind::Implied(_) => self.provider(id, instance),
            Kind::Validation(_) => self.validate_variable(id, instance),
            Kind::Check(_) => self.run_check(id, instance),
            Kind::Gate(_) | Kind::Close(_) => Some(Value::bool(true)),
        };
        let good = value.is_some();
        self.put(id, instance, value.map_or(Slot::Failed, Slot::Done));
        good
    }

    /// Evaluates an object and everything that it needs. False if something failed.
    pub fn ensure(&mut self, id: NodeId, instance: u32) -> bool {
        let mut stack = vec![(id, instance)];
        while let Some((id, at)) = stack.last().copied() {
            if !self.is_empty(id, at) {
                stack.pop();
                continue;
            }
            let graph = Arc::clone(&self.graph);
            if graph.rank[id.0 as usize] == u32::MAX {
                // On a cycle, or behind one: reported when the graph was made.
                self.put(id, at, Slot::Failed);
                continue;
            }
            let before = stack.len();
            let mut poisoned = false;
            let module = graph.node(id).module;
            for dep in &graph.node(id).deps {
                let to = graph.node(*dep).module;
                // The instances of a called module are known after its call.
                if let Some(call) = self.missing_call(module, at, to) {
                    stack.push(call);
                    continue;
                }
                for i in self.related(module, at, to) {
                    match self.slots[dep.0 as usize].get(i as usize) {
                        None | Some(Slot::Empty) => stack.push((*dep, i)),
                        Some(Slot::Failed) => poisoned = true,
                        Some(Slot::Done(_)) => {}
                    }
                }
            }
            if stack.len() == before {
                stack.pop();
                if poisoned {
                    self.put(id, at, Slot::Failed);
                } else {
                    self.evaluate(id, at);
                }
            }
        }
        matches!(self.slots[id.0 as usize].get(instance as usize), Some(Slot::Done(_)))
    }

    /// [`Evaluator::related`] after the calls on the way are expanded; nothing where one of them cannot be.
    pub fn related_made(&mut self, from: ModId, instance: u32, to: ModId) -> Vec<u32> {
        while let Some((call, at)) = self.missing_call(from, instance, to) {
            if !self.ensure(call, at) {
                return Vec::new();
            }
        }
        self.related(from, instance, to)
    }

    /// The call on the way from a module instance to `to` that is not expanded yet: down from the instance itself, or from one
    /// that contains it, where arguments of its call refer to other modules.
    fn missing_call(&self, from: ModId, instance: u32, to: ModId) -> Option<(NodeId, u32)> {
        if from == to {
            return None;
        }
        let (parent, call) = self.graph.module(to).parent?;
        let inside = self.graph.module(from).module.path.contains(&self.graph.module(to).module.path);
        if !inside {
            let (caller, _) = self.graph.module(from).parent?;
            return self.missing_call(caller, self.module_instance(from, instance).parent, to);
        }
        if let Some(outer) = self.missing_call(from, instance, parent) {
            return Some(outer);
        }
        let node = self.graph.at(parent, Kind::Call(call));
        self.related(from, instance, parent).into_iter().find(|i| self.is_empty(node, *i)).map(|i| (node, i))
    }

    /// The value of an expression in a place; `None` with errors, which are reported.
    pub fn expression(&mut self, e: &Expr, id: NodeId, instance: u32, rep: Rep<'_>) -> Option<Value> {
        let (v, problems) = {
            let place = Place { ev: self, module: self.graph.node(id).module, instance, rep, this: None };
            expr(e, &place)
        };
        let name = self.name(id, instance);
        self.report(problems, Some(&name)).then_some(v)
    }

    /// The same in the root module, outside of any object.
    pub fn root_expression(&mut self, e: &Expr) -> Option<Value> {
        let place = Place { ev: self, module: ModId(0), instance: 0, rep: Rep::Single, this: None };
        let (v, problems) = expr(e, &place);
        self.report(problems, None).then_some(v)
    }

    /// The address of an object in a module instance.
    pub fn name(&self, id: NodeId, instance: u32) -> String {
        let node = self.graph.node(id);
        let module = &self.module_instance(node.module, instance).addr;
        match self.graph.resource(id) {
            Some(r) => {
                let mut addr = self.graph.module(node.module).module.addr(r);
                addr.module = module.clone();
                addr.to_string()
            }
            None if module.is_root() => self.graph.name(id),
            None => {
                let config = self.graph.module(node.module).module.path.to_string();
                let full = self.graph.name(id);
                format!("{module}{}", full.strip_prefix(&config).unwrap_or(&full))
            }
        }
    }

    /// Decodes the body of a resource. `None` with errors, which are reported.
    pub fn decode(
        &mut self,
        id: NodeId,
        instance: u32,
        rep: Rep<'_>,
        addr: &InstanceAddr,
    ) -> Option<super::types::Config> {
        let graph = Arc::clone(&self.graph);
        let (resource, info) = (graph.resource(id)?, self.load_type(id)?);
        let decoded = info.spec.decode(&resource.body, resource.span, &self.place(id, instance, rep, None));
        let infinite = super::types::infinite(&decoded.value);
        if !decoded.problems.is_empty() && !self.report(decoded.problems, Some(&addr.to_string())) {
            return None;
        }
        if let Some(path) = infinite {
            let detail =
                format!("The value of {path} is infinite, which nothing can store: something is divided by zero.");
            let d = self.place_path(id, Diagnostic::error("Division by zero", detail).path(path));
            self.diags.push(d.of(addr));
            return None;
        }
        Some(super::types::Config::of(&decoded.value, &info.ty))
    }

    /// A diagnostic about an attribute of a resource, placed where the configuration sets it.
    pub fn place_path(&self, id: NodeId, d: Diagnostic) -> Diagnostic {
        let Some(r) = self.graph.resource(id) else { return d };
        if d.range.is_some() {
            return d;
        }
        let span = d.path.as_ref().and_then(|p| stackctl_lang::eval::locate(&r.body, p)).unwrap_or(r.span);
        match self.range(span) {
            Some(r) => d.at(r),
            None => d,
        }
    }
}

/// Keys of an expansion, with `each.value`.
pub fn keys(e: &Expansion) -> Box<dyn Iterator<Item = (Option<InstanceKey>, Option<Value>)> + '_> {
    match e {
        Expansion::Single => Box::new(std::iter::once((None, None))),
        Expansion::Count(n) => Box::new((0..*n).map(|i| (Some(InstanceKey::Int(i)), None))),
        Expansion::ForEach(m) => Box::new(m.iter().map(|(k, v)| (Some(InstanceKey::Str(k.clone())), Some(v.clone())))),
        Expansion::Unknown { .. } => Box::new(std::iter::empty()),
    }
}

impl ModTable {
    pub(super) fn add(&mut self, m: ModInstance) {
        let i = self.instances.len() as u32;
        self.by_place.insert((m.parent, m.key.clone()), i);
        self.by_addr.insert(m.addr.clone(), i);
        self.by_parent.entry(m.parent).or_default().push(i);
        self.instances.push(m);
    }
}
