//! The planner: goes through the configuration in the order of its graph, and asks for what it has to read.
//!
//! Pure and synchronous. An object is evaluated as soon as what it refers to is; only what waits for an answer is held
//! up, everything else goes on. The first round refreshes all objects of providers whose configuration is known. An
//! error stops what depends on it; everything else is planned, so that all errors are reported together.
//!
//! Start at [`Planner::step`]. What happens to one instance is in [`super::instance`], data sources are in
//! [`super::data`], reads are in [`super::reads`], objects without configuration and the end of the work in [`super::finish`].

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use stackctl_core::diag::has_errors;
use stackctl_core::{
    Diagnostic, Diagnostics, InstanceAddr, InstanceKey, Known, Mode, Partial, Path, canonical, is_canonical,
};
use stackctl_lang::diag::diagnostics;
use stackctl_state::{Object, ProviderAddr, State, Target as ObjectAddr};

use super::model::{Drift, OpId, Operation, Plan, PlanMode};
use super::moves::{self, Moved, Statement};
use super::target::Target;
use crate::eval::{Evaluator, Graph, Kind, ModId, NodeId, Settings, TypeInfo};
use crate::providers::Providers;
use crate::refresh::{ReadAnswer, ReadId, ReadRequest};

/// What is to be planned.
#[derive(Clone)]
pub struct Options {
    /// What for.
    pub mode: PlanMode,
    /// `-target`, as written.
    pub targets: Vec<String>,
    /// `-replace`
    pub replace: Vec<InstanceAddr>,
    /// Read objects anew; else state is believed.
    pub refresh: bool,
    /// Configuration, variables, and the world.
    pub settings: Settings,
}

/// What the planner wants next.
pub enum Step {
    /// These reads, all at the same time.
    Need(Vec<ReadRequest>),
    /// Nothing: the plan is done. With errors it shows how far planning came.
    Done(Box<Plan>, Diagnostics),
}

/// A plan in the making.
pub struct Planner<'p> {
    pub(super) ev: Evaluator<'p>,
    pub(super) graph: Arc<Graph>,
    pub(super) mode: PlanMode,
    pub(super) refresh: bool,
    pub(super) raw_targets: Vec<String>,
    pub(super) targets: Vec<Target>,
    pub(super) replace: BTreeSet<InstanceAddr>,
    /// The state as it was given.
    pub(super) recorded: Arc<State>,
    /// The state after moves; takes up what is read.
    pub(super) state: State,
    pub(super) moves: Moved,
    pub(super) previous: HashMap<InstanceAddr, Arc<InstanceAddr>>,
    /// Managed objects in state, in order of address.
    pub(super) objects: Vec<Obj<'p>>,
    pub(super) current: HashMap<Arc<InstanceAddr>, usize>,
    /// Nodes that this run is about.
    pub(super) needed: Vec<bool>,
    /// Nodes that `-target` means, without what they depend on.
    pub(super) direct: HashSet<NodeId>,
    waits: Vec<u32>,
    pub(super) queue: VecDeque<NodeId>,
    finished: Vec<bool>,
    /// Unanswered reads that a node waits for.
    pub(super) parked: HashMap<NodeId, u32>,
    /// Unanswered reads of objects, by node of their resource.
    pub(super) unread: HashMap<NodeId, u32>,
    pub(super) pending: HashMap<ReadId, Pending>,
    pub(super) outbox: Vec<ReadRequest>,
    pub(super) next_read: u32,
    pub(super) by_provider: HashMap<NodeId, Vec<usize>>,
    pub(super) providers: HashMap<NodeId, ProviderState>,
    pub(super) imports: BTreeMap<NodeId, Vec<Import>>,
    pub(super) data: HashMap<NodeId, Vec<super::data::Source>>,
    /// Ephemeral objects of a node whose answers are awaited.
    pub(super) opening: HashMap<NodeId, Vec<super::ephemeral::Awaited>>,
    /// Open ephemeral objects, and who still needs them.
    pub(super) held: super::ephemeral::Held,
    pub(super) ops: Vec<Operation>,
    /// Operations of a node, with the module instance.
    pub(super) by_node: HashMap<NodeId, Vec<(u32, OpId)>>,
    /// Nodes in which something is about to change, for `depends_on`.
    pub(super) changing: HashSet<NodeId>,
    pub(super) drift: Vec<Drift>,
    pub(super) errors: Diagnostics,
    /// Attributes that somebody refers to, by resource; `None` for the whole object.
    pub(super) referred: HashMap<NodeId, Option<BTreeSet<String>>>,
}

/// An object in state.
pub(super) struct Obj<'p> {
    pub(super) at: ObjectAddr,
    pub(super) addr: Arc<InstanceAddr>,
    pub(super) object: Arc<Object>,
    pub(super) info: Option<Arc<TypeInfo<'p>>>,
    pub(super) node: Option<NodeId>,
    pub(super) provider: Arc<ProviderAddr>,
    pub(super) provider_node: Option<NodeId>,
    /// Attributes as state has them, in canonical form.
    pub(super) recorded: Arc<Known>,
    /// Attributes as they are; `None` if the object is gone.
    pub(super) live: Option<Arc<Known>>,
    /// The provider could not be asked.
    pub(super) unread: bool,
    /// An instance of the configuration, or a destroy, has dealt with it.
    pub(super) claimed: bool,
}

/// A provider configuration as far as it is known.
#[derive(Clone)]
pub(super) struct ProviderState {
    pub(super) addr: Arc<ProviderAddr>,
    pub(super) config: Arc<Partial>,
    pub(super) sensitive: Vec<Path>,
    pub(super) ephemeral: Vec<Path>,
    pub(super) known: Option<Arc<Known>>,
}

/// An object to import.
#[derive(Clone)]
pub(super) struct Import {
    pub(super) addr: InstanceAddr,
    pub(super) id: String,
    /// What was found.
    pub(super) found: Option<Known>,
}

/// What an answer is for.
pub(super) enum Pending {
    Objects(Vec<usize>),
    Import(NodeId, usize),
    Data(NodeId, usize),
    Opening(NodeId, usize),
    Closing(NodeId),
}

impl<'p> Planner<'p> {
    /// Prepares a plan of `state`, which has nothing open any more.
    pub fn new(options: Options, state: Arc<State>, providers: &'p Providers) -> Planner<'p> {
        let settings = options.settings;
        let implied: BTreeSet<String> = state
            .objects()
            .map(|(_, o)| &o.provider)
            .filter(|p| p.module.is_root() && p.alias.is_none())
            .map(|p| p.source.clone())
            .collect();
        let implied: Vec<String> = implied.into_iter().collect();
        let (graph, mut errors) = Graph::new(&settings.config.root, &settings.sources, &implied);
        let graph = Arc::new(graph);
        let problems =
            stackctl_lang::check::configuration(&settings.config, &crate::eval::types::AllSchemas(providers));
        errors.extend(diagnostics(problems, &settings.sources));
        let statements: Vec<Statement> = graph
            .modules
            .iter()
            .flat_map(|m| {
                m.module.moved.iter().map(|s| Statement {
                    module: m.module.path.clone(),
                    from: s.from.clone(),
                    to: s.to.clone(),
                    range: stackctl_lang::diag::range(&settings.sources, s.span),
                })
            })
            .collect();
        let (mut moved, diags) = moves::apply(&statements, &graph, &state);
        errors.extend(diags);
        let previous = moved.moves.iter().map(|m| (m.to.clone(), Arc::new(m.from.clone()))).collect();
        let targets = parse_targets(&options.targets, &mut errors);
        let n = graph.nodes.len();
        let mut planner = Planner {
            ev: Evaluator::new(settings, Arc::clone(&graph), providers),
            mode: options.mode,
            refresh: options.refresh,
            raw_targets: options.targets,
            targets,
            replace: options.replace.into_iter().collect(),
            recorded: state,
            state: std::mem::replace(&mut moved.state, State::new("")),
            moves: moved,
            previous,
            objects: Vec::new(),
            current: HashMap::new(),
            needed: vec![false; n],
            direct: HashSet::new(),
            waits: vec![0; n],
            queue: VecDeque::new(),
            finished: vec![false; n],
            parked: HashMap::new(),
            unread: HashMap::new(),
            pending: HashMap::new(),
            outbox: Vec::new(),
            next_read: 0,
            by_provider: HashMap::new(),
            providers: HashMap::new(),
            imports: BTreeMap::new(),
            data: HashMap::new(),
            opening: HashMap::new(),
            held: Default::default(),
            ops: Vec::new(),
            by_node: HashMap::new(),
            changing: HashSet::new(),
            drift: Vec::new(),
            errors,
            referred: HashMap::new(),
            graph,
        };
        if has_errors(&planner.errors) {
            // Nothing is planned; what else can be said without values is said all the same.
            let said: HashSet<_> = planner.errors.iter().map(|d| (d.summary.clone(), d.range.clone())).collect();
            let mut more = super::validate(&planner.ev.settings, providers);
            more.retain(|d| d.is_error() && !said.contains(&(d.summary.clone(), d.range.clone())));
            planner.errors.append(&mut more);
            planner.finished = vec![true; n];
            return planner;
        }
        planner.take_objects();
        planner.choose();
        planner.collect_references();
        planner.start();
        planner
    }

    /// Takes the answers to the reads of the last step, in any order, and goes on as far as possible.
    pub fn step(&mut self, answers: Vec<ReadAnswer>) -> Step {
        for a in answers {
            self.answer(a);
        }
        self.close_idle();
        while let Some(id) = self.queue.pop_front() {
            self.run(id);
        }
        if self.outbox.is_empty() && self.pending.is_empty() {
            self.close_idle();
        }
        if self.outbox.is_empty() && self.pending.is_empty() {
            let (plan, diags) = self.finish();
            return Step::Done(Box::new(plan), diags);
        }
        Step::Need(std::mem::take(&mut self.outbox))
    }

    // ── preparation ─────────────────────────────────────────────────────────────────────────────────────────────

    fn take_objects(&mut self) {
        let all: Vec<(ObjectAddr, Arc<Object>)> = self
            .state
            .objects()
            .filter(|(at, _)| at.addr.resource.mode == Mode::Managed)
            .map(|(at, o)| (at, Arc::clone(o)))
            .collect();
        let mut addrs: HashMap<ProviderAddr, Arc<ProviderAddr>> = HashMap::new();
        for (at, object) in all {
            let node = self.graph.find_resource(&at.addr.resource.config());
            let provider_node = match node {
                Some(id) => self.graph.node(id).provider,
                None => self.graph.find_provider(&object.provider),
            };
            let provider = match node.and(provider_node).and_then(|id| self.graph.provider_addr(id)) {
                Some(a) => Arc::clone(addrs.entry(a).or_insert_with_key(|a| Arc::new(a.clone()))),
                None => Arc::clone(&object.provider),
            };
            let info = self.ev.type_named(&provider.source, Mode::Managed, &at.addr.resource.ty);
            let recorded = match &info {
                Some(info) => self.upgraded(&at, &object, info),
                None => Arc::clone(&object.attributes),
            };
            let addr = Arc::new(at.addr.clone());
            let i = self.objects.len();
            if at.deposed.is_none() {
                self.current.insert(Arc::clone(&addr), i);
            }
            if let Some(p) = provider_node {
                self.by_provider.entry(p).or_default().push(i);
            }
            let (unread, claimed, live) = (false, false, Some(Arc::clone(&recorded)));
            self.objects.push(Obj {
                at,
                addr,
                object,
                info,
                node,
                provider,
                provider_node,
                recorded,
                live,
                unread,
                claimed,
            });
        }
    }

    /// Attributes in the canonical form of today's schema.
    fn upgraded(&mut self, at: &ObjectAddr, object: &Object, info: &TypeInfo<'p>) -> Arc<Known> {
        let today = object.flat.is_none() && object.schema_version == info.schema.version;
        if today && is_canonical(&info.schema.block, &object.attributes) {
            return Arc::clone(&object.attributes);
        }
        let mut v = match &object.flat {
            Some(flat) => crate::refresh::unflatten(&info.schema.block, flat),
            None => Known::clone(&object.attributes),
        };
        if object.schema_version != info.schema.version {
            match info.provider.upgrade(&at.addr.resource.ty, object.schema_version, v.clone()) {
                Ok(new) => v = new,
                Err(e) => self
                    .errors
                    .push(Diagnostic::from_provider("Resource instance managed by newer provider version", e).of(at)),
            }
        }
        canonical(&info.schema.block, &mut v);
        Arc::new(v)
    }

    /// Decides which nodes this run is about.
    fn choose(&mut self) {
        let n = self.graph.nodes.len();
        let destroy = self.mode == PlanMode::Destroy;
        if self.targets.is_empty() && !destroy {
            self.needed = vec![true; n];
            return;
        }
        let mut roots: Vec<NodeId> = Vec::new();
        if destroy {
            // Only what provider configurations need has a value while everything goes away.
            roots.extend(self.objects.iter().filter_map(|o| o.provider_node));
        } else {
            let graph = Arc::clone(&self.graph);
            for id in graph.resources() {
                let Some(addr) = graph.resource_addr(id) else { continue };
                if self.targets.iter().any(|t| t.may_cover(&addr)) {
                    self.direct.insert(id);
                    roots.push(id);
                }
            }
            let orphans = self.objects.iter().filter(|o| o.node.is_none() && self.targeted(&o.addr));
            roots.extend(orphans.filter_map(|o| o.provider_node));
        }
        while let Some(id) = roots.pop() {
            if !std::mem::replace(&mut self.needed[id.0 as usize], true) {
                roots.extend(&self.graph.node(id).deps);
            }
        }
        if !destroy {
            self.choose_outputs();
        }
    }

    /// Root outputs that depend on what `-target` chose and on no other resource or data source are part of the run.
    fn choose_outputs(&mut self) {
        let graph = Arc::clone(&self.graph);
        // Of what each node depends on: some of it is chosen, all of it is.
        let mut reach = vec![(false, true); graph.nodes.len()];
        let mut work = Vec::new();
        for id in &graph.order {
            let node = graph.node(*id);
            let (mut some, mut all) = (false, true);
            for d in &node.deps {
                let object = matches!(graph.node(*d).kind, Kind::Resource(_));
                let chosen = self.needed[d.0 as usize];
                let (s, a) = if object { (chosen, chosen) } else { reach[d.0 as usize] };
                some |= s;
                all &= a;
            }
            reach[id.0 as usize] = (some, all);
            if matches!(node.kind, Kind::Output(_)) && node.module == ModId(0) && some && all {
                work.push(*id);
            }
        }
        while let Some(id) = work.pop() {
            if !std::mem::replace(&mut self.needed[id.0 as usize], true) {
                work.extend(&graph.node(id).deps);
            }
        }
    }

    /// True if `-target` does not leave an instance out.
    pub(super) fn targeted(&self, addr: &InstanceAddr) -> bool {
        self.targets.is_empty() || self.targets.iter().any(|t| t.covers(addr))
    }

    fn start(&mut self) {
        let graph = Arc::clone(&self.graph);
        for id in &graph.order {
            if !self.needed[id.0 as usize] {
                self.finished[id.0 as usize] = true;
                continue;
            }
            let waits = graph.node(*id).deps.iter().filter(|d| self.needed[d.0 as usize]).count();
            self.waits[id.0 as usize] = waits as u32;
            if waits == 0 {
                self.queue.push_back(*id);
            }
        }
        self.collect_imports();
        self.hold();
    }

    // ── the walk ────────────────────────────────────────────────────────────────────────────────────────────────

    fn run(&mut self, id: NodeId) {
        let graph = Arc::clone(&self.graph);
        let node = graph.node(id);
        if node.deps.iter().any(|d| self.needed[d.0 as usize] && self.ev.failed(*d)) {
            self.ev.fail(id);
            return self.done(id);
        }
        match node.kind {
            Kind::Resource(_) => {
                if self.unread.get(&id).is_some_and(|n| *n > 0) {
                    // The answers wake the node.
                    self.parked.insert(id, self.unread[&id]);
                    return;
                }
                let mode = graph.resource(id).map_or(Mode::Managed, |r| r.key.mode);
                let ready = match mode {
                    Mode::Managed => self.start_imports(id),
                    Mode::Data => self.start_data(id),
                    Mode::Ephemeral => self.start_ephemeral(id),
                };
                if !ready {
                    return;
                }
                match mode {
                    Mode::Managed => self.managed(id),
                    Mode::Data => self.finish_data(id),
                    Mode::Ephemeral => self.finish_ephemeral(id),
                }
            }
            Kind::Provider(_) | Kind::Implied(_) => {
                let instances = self.ev.instances_of(node.module).min(1);
                (0..instances).for_each(|i| {
                    self.ev.evaluate(id, i);
                });
                self.provider_ready(id);
            }
            _ => {
                for i in 0..self.ev.instances_of(node.module) {
                    self.ev.evaluate(id, i);
                }
                if matches!(node.kind, Kind::Gate(_) | Kind::Close(_))
                    && node.deps.iter().any(|d| self.changing.contains(d))
                {
                    self.changing.insert(id);
                }
            }
        }
        self.done(id);
    }

    fn done(&mut self, id: NodeId) {
        if std::mem::replace(&mut self.finished[id.0 as usize], true) {
            return;
        }
        self.release(id);
        let graph = Arc::clone(&self.graph);
        for d in &graph.dependents[id.0 as usize] {
            let w = &mut self.waits[d.0 as usize];
            if *w > 0 {
                *w -= 1;
                if *w == 0 {
                    self.queue.push_back(*d);
                }
            }
        }
    }

    /// True if a node was evaluated without error.
    pub(super) fn succeeded(&self, id: NodeId) -> bool {
        self.finished[id.0 as usize] && !self.ev.failed(id) && self.graph.rank[id.0 as usize] != u32::MAX
    }

    /// The provider configuration of a resource's node.
    pub(super) fn provider_of(&self, id: NodeId) -> Option<&ProviderState> {
        self.providers.get(&self.graph.node(id).provider?)
    }

    /// The current object in state at an address.
    pub(super) fn current_object(&self, addr: &InstanceAddr) -> Option<usize> {
        self.current.get(addr).copied()
    }

    /// Keys of a node's instances with `each.value`, in a module instance.
    pub(super) fn keys(
        &self,
        id: NodeId,
        instance: u32,
    ) -> Vec<(Option<InstanceKey>, Option<stackctl_lang::value::Value>)> {
        self.ev.expansion(id, instance).map(|e| crate::eval::evaluator::keys(e).collect()).unwrap_or_default()
    }
}

fn parse_targets(raw: &[String], errors: &mut Diagnostics) -> Vec<Target> {
    raw.iter()
        .filter_map(|t| {
            let parsed = Target::parse(t);
            if parsed.is_none() {
                errors.push(Diagnostic::error(
                    "Invalid target",
                    format!("\"{t}\" is not the address of a resource, an instance or a module."),
                ));
            }
            parsed
        })
        .collect()
}
