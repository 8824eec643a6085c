//! Ephemeral objects during an apply: what an operation needs open before it is prepared, and until when.
//!
//! Start at [`ApplyValues::needed`].

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use stackctl_core::{Diagnostic, Error, InstanceAddr, Known};

use super::ephemerals::Opening;
use super::graph::{Graph, Kind, NodeId};
use super::values::ApplyValues;
use crate::apply::{Needs, Open};
use crate::plan::{Action, OpId, Operation, Plan};

/// The ephemeral objects of a run.
pub(super) struct Opened {
    /// What each node needs, directly or not.
    needs: HashMap<NodeId, Arc<[NodeId]>>,
    /// By resource and module instance, what was asked for.
    asked: HashMap<(NodeId, u32), Vec<Asked>>,
    /// How many operations still need a resource; the end of the run counts as one.
    users: HashMap<NodeId, usize>,
}

struct Asked {
    opening: Opening,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Asked,
    Open,
    Failed,
}

impl Opened {
    pub(super) fn new(graph: &Graph, plan: &Plan) -> Opened {
        let mut out = Opened { needs: graph.ephemerals(), asked: HashMap::new(), users: HashMap::new() };
        if out.needs.is_empty() {
            return out;
        }
        let ends = graph.order.iter().filter(|id| is_end(graph, **id)).flat_map(|id| out.of(*id).iter().copied());
        let ends: BTreeSet<NodeId> = ends.collect();
        let ops = plan.ops.iter().flat_map(|op| out.of_op(graph, op));
        for e in ends.into_iter().chain(ops.collect::<Vec<_>>()) {
            *out.users.entry(e).or_default() += 1;
        }
        out
    }
    fn of(&self, id: NodeId) -> &[NodeId] {
        self.needs.get(&id).map_or(&[], |n| n)
    }
    fn of_op(&self, graph: &Graph, op: &Operation) -> Vec<NodeId> {
        user(graph, op).map_or_else(Vec::new, |id| self.of(id).to_vec())
    }
}

/// True for what is evaluated when all operations are done.
fn is_end(graph: &Graph, id: NodeId) -> bool {
    let node = graph.node(id);
    matches!(node.kind, Kind::Check(_) | Kind::Validation(_))
        || node.module.0 == 0 && matches!(node.kind, Kind::Output(_))
}

/// The node whose needs are those of an operation.
fn user(graph: &Graph, op: &Operation) -> Option<NodeId> {
    match op.action {
        Action::Create | Action::Update | Action::Read => graph.find_resource(&op.addr.resource),
        Action::Delete => graph.find_provider(&op.provider),
        Action::NoOp | Action::Forget => None,
    }
}

impl ApplyValues<'_> {
    /// What has to be open before an operation is prepared; without one, before the end of the run.
    pub(super) fn needed(&mut self, op: Option<OpId>) -> Needs {
        if self.opened.needs.is_empty() {
            return Needs::Nothing;
        }
        let plan = Arc::clone(&self.plan);
        let graph = Arc::clone(&self.ev.graph);
        let Some(op) = op.map(|id| plan.op(id)) else {
            let all: BTreeSet<NodeId> = (graph.order.iter().filter(|id| is_end(&graph, **id)))
                .flat_map(|id| self.opened.of(*id).iter().copied())
                .collect();
            let mut all: Vec<NodeId> = all.into_iter().collect();
            all.sort_by_key(|id| graph.rank[id.0 as usize]);
            return self.open_all(&all, None);
        };
        let all = self.opened.of_op(&graph, op);
        self.open_all(&all, Some(op))
    }

    fn open_all(&mut self, all: &[NodeId], op: Option<&Operation>) -> Needs {
        let graph = Arc::clone(&self.ev.graph);
        let (mut open, mut waiting) = (Vec::new(), BTreeSet::new());
        for e in all {
            if self.opened.of(*e).iter().any(|d| waiting.contains(d)) {
                waiting.insert(*e);
                continue;
            }
            let module = graph.node(*e).module;
            let instances = match op {
                _ if module.0 == 0 => vec![0],
                // Where the instances of a module are not known before something is open, that is open first.
                Some(_) if !waiting.is_empty() => {
                    waiting.insert(*e);
                    continue;
                }
                Some(op) => {
                    let from = match op.action {
                        Action::Delete => graph.find_provider(&op.provider).map(|id| (id, 0)),
                        _ => self.locate(op),
                    };
                    let Some((id, at)) = from else { return Needs::Failed(self.failed(op)) };
                    self.ev.related_made(graph.node(id).module, at, module)
                }
                None => {
                    self.expand(module);
                    (0..self.ev.instances_of(module)).collect()
                }
            };
            for instance in instances {
                if let Some(asked) = self.opened.asked.get(&(*e, instance)) {
                    match (asked.iter().map(|a| a.state).max_by_key(|s| *s as u8), op) {
                        (Some(State::Failed), Some(_)) => return Needs::Failed(Vec::new()),
                        _ if asked.iter().any(|a| a.state == State::Asked) => {
                            waiting.insert(*e);
                        }
                        _ => {}
                    }
                    continue;
                }
                match self.ask(*e, instance, op) {
                    Ok(list) if list.is_empty() => {}
                    Ok(list) => {
                        waiting.insert(*e);
                        open.extend(list);
                    }
                    // At the end of a run what cannot be opened is not known.
                    Err(_) if op.is_none() => {}
                    Err(diags) => return Needs::Failed(diags),
                }
            }
        }
        if waiting.is_empty() { Needs::Nothing } else { Needs::Open(open) }
    }

    /// Evaluates the instances of an ephemeral resource, everything that it needs being open.
    fn ask(&mut self, id: NodeId, instance: u32, op: Option<&Operation>) -> Result<Vec<Open>, Vec<Diagnostic>> {
        let good = self.ev.ensure(id, instance);
        let found = if good { self.ev.openings(id, instance) } else { None };
        let Some(openings) = found else {
            self.ev.fail(id);
            return Err(op.map_or_else(Vec::new, |op| self.failed(op)));
        };
        let graph = Arc::clone(&self.ev.graph);
        let (mut out, mut asked) = (Vec::new(), Vec::new());
        for opening in openings {
            let config = match opening.config.to_known() {
                Ok(c) => c,
                Err(_) if op.is_none() => {
                    self.ev.set_opened(&opening, None);
                    continue;
                }
                Err(path) => {
                    let detail = format!(
                        "The value of {path} is not known although everything before {} is done.",
                        opening.addr
                    );
                    let d = Diagnostic::error("Value still not known", detail).of(&opening.addr).path(path);
                    return Err(vec![self.ev.place_path(id, d)]);
                }
            };
            let provider = graph.node(id).provider;
            let addr = provider.and_then(|p| graph.provider_addr(p)).map(Arc::new).ok_or_else(Vec::new)?;
            let (_, provider_config) = self.provider_config(&addr, &opening.addr, provider)?;
            let open = Open { addr: Arc::clone(&opening.addr), provider: addr, provider_config, config };
            out.push(open);
            asked.push(Asked { opening, state: State::Asked });
        }
        self.opened.asked.insert((id, instance), asked);
        Ok(out)
    }

    /// Takes what opening an object brought.
    pub(super) fn take_opened(&mut self, addr: &InstanceAddr, result: Result<Known, Error>) -> Vec<Diagnostic> {
        let all = self.opened.asked.values_mut().flatten();
        let Some(asked) = all.into_iter().find(|a| *a.opening.addr == *addr) else { return Vec::new() };
        let id = asked.opening.id;
        match result {
            Ok(mut value) => {
                if let Some(info) = self.ev.load_type(id) {
                    stackctl_core::canonical(&info.schema.block, &mut value);
                }
                let good = self.ev.set_opened(&asked.opening, Some(&value));
                asked.state = if good { State::Open } else { State::Failed };
                if !good {
                    self.ev.fail(id);
                }
                self.diags(addr)
            }
            Err(e) => {
                asked.state = State::Failed;
                self.ev.fail(id);
                let d = Diagnostic::from_provider(format!("Opening {addr}"), e);
                vec![self.ev.place_path(id, d).of(addr)]
            }
        }
    }

    /// What nobody needs any more now that an operation is done.
    pub(super) fn unneeded(&mut self, op: OpId) -> Vec<Arc<InstanceAddr>> {
        if self.opened.needs.is_empty() {
            return Vec::new();
        }
        let mut out = Vec::new();
        for e in self.opened.of_op(&self.ev.graph, self.plan.op(op)) {
            let Some(n) = self.opened.users.get_mut(&e) else { continue };
            *n -= 1;
            if *n == 0 {
                self.opened.users.remove(&e);
                let asked = self.opened.asked.iter().filter(|((id, _), _)| *id == e).flat_map(|(_, all)| all);
                out.extend(asked.filter(|a| a.state == State::Open).map(|a| Arc::clone(&a.opening.addr)));
            }
        }
        out
    }
}
