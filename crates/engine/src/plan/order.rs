//! What comes before what, and what state has to remember of it.
//!
//! - Creates, updates and reads come after those that their configuration refers to, module instance by module instance.
//! - A delete comes after the deletes of objects that depend on it, by the dependencies that state recorded; links of that
//!   chain that are not deleted themselves are looked through.
//! - A replacement deletes first, unless `create_before_destroy` is set or a dependent has it: it is contagious to
//!   dependencies, because a dependency that is deleted first would have to wait for a dependent that is deleted last.
//! - What lets go of an object by an update comes before its delete.
//!
//! Joins gather edges, so that the graph grows with instances and references and never with their product.
//! Start at [`Planner::order`].

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use petgraph::algo::has_path_connecting;
use petgraph::graph::{DiGraph, NodeIndex};
use stackctl_core::{Mode, ResourceAddr};

use super::model::{Action, Node, OpId, Operation, ReplaceOrder, Replacement};
use super::planner::Planner;
use crate::eval::NodeId;

/// How many objects behind the nearest ones state remembers for each: see [`Near::remembered`].
const BEHIND: usize = 8;

/// Managed resources that a node's objects need, as sets that nodes share where they can.
pub(super) struct Near(Vec<Arc<[NodeId]>>);

impl Near {
    /// The nearest managed resources that a node depends on, seen through locals, data sources and modules.
    pub(super) fn of(&self, id: NodeId) -> &Arc<[NodeId]> {
        &self.0[id.0 as usize]
    }
    /// What state remembers of objects whose nearest are `set`: all of these, and the first few behind them.
    ///
    /// Without configuration, Terraform orders only deletes whose objects name each other. The nearest alone are right
    /// while every link of a chain is destroyed with it; a link that stays, or has left the state, cuts the chain. All
    /// that lies behind would be right always, and grows with the square of a chain: a bounded number stays linear, and
    /// is all there is for most objects.
    fn remembered(&self, set: &[NodeId]) -> Vec<NodeId> {
        let mut all = set.to_vec();
        let mut seen: HashSet<NodeId> = set.iter().copied().collect();
        let most = set.len() + BEHIND;
        let mut next = 0;
        while next < all.len() && all.len() < most {
            let behind = Arc::clone(self.of(all[next]));
            all.extend(behind.iter().copied().filter(|d| seen.insert(*d)).take(most - all.len()));
            next += 1;
        }
        all
    }
}

impl Planner<'_> {
    /// The nearest managed resources of each node.
    pub(super) fn near(&self) -> Near {
        let empty: Arc<[NodeId]> = Arc::from([]);
        let mut near: Vec<Arc<[NodeId]>> = vec![Arc::clone(&empty); self.graph.nodes.len()];
        for id in &self.graph.order {
            let (mut own, mut sets): (Vec<NodeId>, Vec<&Arc<[NodeId]>>) = (Vec::new(), Vec::new());
            for d in &self.graph.node(*id).deps {
                if self.holds_objects(*d) {
                    own.push(*d);
                } else if !near[d.0 as usize].is_empty() && !sets.iter().any(|s| Arc::ptr_eq(s, &near[d.0 as usize])) {
                    sets.push(&near[d.0 as usize]);
                }
            }
            let all = match (own.is_empty(), sets.as_slice()) {
                (true, []) => continue,
                (true, [one]) => Arc::clone(one),
                _ => {
                    let all: BTreeSet<NodeId> =
                        own.into_iter().chain(sets.iter().flat_map(|s| s.iter().copied())).collect();
                    all.into_iter().collect()
                }
            };
            near[id.0 as usize] = all;
        }
        Near(near)
    }

    /// True for managed resources with instances, and for those that this run does not look at.
    fn holds_objects(&self, id: NodeId) -> bool {
        let Some(r) = self.graph.resource(id) else { return false };
        if r.key.mode != Mode::Managed {
            return false;
        }
        let module = self.graph.node(id).module;
        !self.needed[id.0 as usize] || (0..self.ev.instances_of(module)).any(|i| !self.keys_empty(id, i))
    }

    fn keys_empty(&self, id: NodeId, instance: u32) -> bool {
        use stackctl_lang::eval::Expansion;
        match self.ev.expansion(id, instance) {
            Some(Expansion::Single) => false,
            Some(Expansion::Count(n)) => *n == 0,
            Some(Expansion::ForEach(m)) => m.is_empty(),
            Some(Expansion::Unknown { .. }) | None => true,
        }
    }

    /// Decides which replacements create first, and what state remembers.
    pub(super) fn settle(&mut self, near: &Near) {
        let graph = Arc::clone(&self.graph);
        let mut first = vec![false; graph.nodes.len()];
        // Objects without configuration pass on what state remembers of them.
        for o in self.objects.iter().filter(|o| o.object.create_before_destroy && o.node.is_none()) {
            for dep in &o.object.dependencies {
                if let Some(id) = ResourceAddr::parse(dep).and_then(|a| graph.find_resource(&a)) {
                    first[id.0 as usize] = true;
                }
            }
        }
        for id in graph.order.iter().rev() {
            let Some(r) = graph.resource(*id).filter(|r| r.key.mode == Mode::Managed) else { continue };
            first[id.0 as usize] |= r.lifecycle.create_before_destroy == Some(true);
            if first[id.0 as usize] {
                near.of(*id).iter().for_each(|d| first[d.0 as usize] = true);
            }
        }
        let mut shared: HashMap<*const [NodeId], Arc<[ResourceAddr]>> = HashMap::new();
        for (id, list) in &self.by_node {
            let set = near.of(*id);
            let deps = shared
                .entry(Arc::as_ptr(set))
                .or_insert_with(|| {
                    let mut all: Vec<_> =
                        near.remembered(set).into_iter().filter_map(|d| graph.resource_addr(d)).collect();
                    all.sort_by_cached_key(ToString::to_string);
                    all.into()
                })
                .clone();
            for (_, op) in list {
                let op = &mut self.ops[op.0 as usize];
                op.create_before_destroy = first[id.0 as usize];
                if op.action != Action::Delete {
                    op.dependencies = Arc::clone(&deps);
                }
                if let Some(r) = &mut op.replacement
                    && first[id.0 as usize]
                {
                    r.order = ReplaceOrder::CreateFirst;
                }
            }
        }
    }

    /// Sorts the operations by address, deletes before creates.
    pub(super) fn sort_ops(&mut self) {
        let mut by: Vec<usize> = (0..self.ops.len()).collect();
        by.sort_by(|a, b| {
            let (a, b) = (&self.ops[*a], &self.ops[*b]);
            let rank = |o: &Operation| (o.deposed.is_some(), o.action != Action::Delete);
            (&a.addr, rank(a), &a.deposed).cmp(&(&b.addr, rank(b), &b.deposed))
        });
        let mut new_of = vec![OpId(0); by.len()];
        for (new, old) in by.iter().enumerate() {
            new_of[*old] = OpId(new as u32);
        }
        let mut old: Vec<Option<Operation>> = std::mem::take(&mut self.ops).into_iter().map(Some).collect();
        self.ops = by.iter().filter_map(|i| old[*i].take()).collect();
        for op in &mut self.ops {
            if let Some(Replacement { partner, .. }) = &mut op.replacement {
                *partner = new_of[partner.0 as usize];
            }
        }
        for list in self.by_node.values_mut() {
            list.iter_mut().for_each(|(_, op)| *op = new_of[op.0 as usize]);
        }
    }

    /// The order of the work.
    pub(super) fn order(&self, near: &Near) -> DiGraph<Node, ()> {
        let mut g: DiGraph<Node, ()> = DiGraph::new();
        let mut at: Vec<Option<NodeIndex>> = vec![None; self.ops.len()];
        for (i, op) in self.ops.iter().enumerate() {
            if op.action != Action::NoOp {
                at[i] = Some(g.add_node(Node::Op(OpId(i as u32))));
            }
        }
        if g.node_count() == 0 {
            return g;
        }
        let out = self.forward(&mut g, &at);
        for (i, op) in self.ops.iter().enumerate() {
            if let (Some(Replacement { partner, order }), Action::Delete) = (op.replacement, op.action)
                && let (Some(delete), Some(create)) = (at[i], at[partner.0 as usize])
            {
                match order {
                    ReplaceOrder::DeleteFirst => g.add_edge(delete, create, ()),
                    ReplaceOrder::CreateFirst => g.add_edge(create, delete, ()),
                };
            }
        }
        if self.ops.iter().any(|o| o.action == Action::Delete) {
            self.backward(&mut g, &at, near);
            self.after_providers(&mut g, &at, &out);
        }
        self.checks_last(&mut g, &at);
        g
    }

    /// True for the data source of a check, which nothing but the check refers to.
    fn is_checks(&self, op: &Operation) -> bool {
        op.action == Action::Read
            && self.graph.find_resource(&op.addr.resource.config()).is_some_and(|id| self.graph.is_checks(id))
    }

    /// Data sources of checks after everything else.
    fn checks_last(&self, g: &mut DiGraph<Node, ()>, at: &[Option<NodeIndex>]) {
        let reads: Vec<NodeIndex> =
            self.ops.iter().enumerate().filter(|(_, op)| self.is_checks(op)).filter_map(|(i, _)| at[i]).collect();
        if reads.is_empty() {
            return;
        }
        let ends: Vec<NodeIndex> =
            g.node_indices().filter(|n| !reads.contains(n) && g.neighbors(*n).next().is_none()).collect();
        if !ends.is_empty() {
            chain(g, ends, &reads);
        }
    }

    /// Creates, updates and reads after what they refer to.
    /// Returns what stands for each node's work, by module instance.
    fn forward(&self, g: &mut DiGraph<Node, ()>, at: &[Option<NodeIndex>]) -> Vec<Vec<Option<NodeIndex>>> {
        let graph = &self.graph;
        let mut out: Vec<Vec<Option<NodeIndex>>> = vec![Vec::new(); graph.nodes.len()];
        let mut any = vec![false; graph.nodes.len()];
        for id in &graph.order {
            let node = graph.node(*id);
            let mut own: HashMap<u32, Vec<NodeIndex>> = HashMap::new();
            for (instance, op) in self.by_node.get(id).map_or(&[][..], Vec::as_slice) {
                let action = self.ops[op.0 as usize].action;
                if graph.is_checks(*id) {
                    continue;
                }
                if matches!(action, Action::Create | Action::Update | Action::Read)
                    && let Some(n) = at[op.0 as usize]
                {
                    own.entry(*instance).or_default().push(n);
                }
            }
            let active: Vec<NodeId> = node.deps.iter().copied().filter(|d| any[d.0 as usize]).collect();
            if own.is_empty() && active.is_empty() {
                continue;
            }
            let instances = self.ev.instances_of(node.module);
            let mut mine = vec![None; instances as usize];
            for (i, slot) in mine.iter_mut().enumerate() {
                let i = i as u32;
                let mut before: Vec<NodeIndex> = Vec::new();
                for d in &active {
                    for r in self.ev.related(node.module, i, graph.node(*d).module) {
                        before.extend(out[d.0 as usize].get(r as usize).copied().flatten());
                    }
                }
                before.sort();
                before.dedup();
                let ops = own.remove(&i).unwrap_or_default();
                *slot = chain(g, before, &ops);
            }
            any[id.0 as usize] = mine.iter().any(Option::is_some);
            out[id.0 as usize] = mine;
        }
        out
    }

    /// Deletes after what their provider's configuration waits for, unless that waits for them.
    fn after_providers(&self, g: &mut DiGraph<Node, ()>, at: &[Option<NodeIndex>], out: &[Vec<Option<NodeIndex>>]) {
        for (i, op) in self.ops.iter().enumerate().filter(|(_, o)| o.action == Action::Delete) {
            let ready =
                self.graph.find_provider(&op.provider).and_then(|p| out[p.0 as usize].first().copied().flatten());
            if let (Some(ready), Some(delete)) = (ready, at[i])
                && !has_path_connecting(&*g, delete, ready, None)
            {
                g.add_edge(ready, delete, ());
            }
        }
    }

    /// Deletes after the deletes and updates of what depends on them.
    fn backward(&self, g: &mut DiGraph<Node, ()>, at: &[Option<NodeIndex>], near: &Near) {
        let mut deps: BTreeMap<ResourceAddr, BTreeSet<ResourceAddr>> = BTreeMap::new();
        for o in &self.objects {
            let entry = deps.entry(o.addr.resource.config()).or_default();
            entry.extend(o.object.dependencies.iter().filter_map(|d| ResourceAddr::parse(d)));
        }
        for id in self.by_node.keys() {
            let Some(addr) = self.graph.resource_addr(*id) else { continue };
            if let Some(entry) = deps.get_mut(&addr) {
                entry.extend(near.of(*id).iter().filter_map(|d| self.graph.resource_addr(*d)));
            }
        }
        for (addr, set) in &mut deps {
            set.remove(addr);
        }
        let mut deletes: HashMap<ResourceAddr, Vec<NodeIndex>> = HashMap::new();
        let mut updates: BTreeMap<ResourceAddr, Vec<NodeIndex>> = BTreeMap::new();
        for (i, op) in self.ops.iter().enumerate() {
            let Some(n) = at[i] else { continue };
            match op.action {
                Action::Delete => {
                    deletes.entry(op.addr.resource.config()).or_default().push(n);
                }
                Action::Update => updates.entry(op.addr.resource.config()).or_default().push(n),
                _ => {}
            }
        }
        let mut waits: HashMap<&ResourceAddr, usize> = deps.keys().map(|a| (a, 0)).collect();
        for set in deps.values() {
            for d in set {
                if let Some(n) = waits.get_mut(d) {
                    *n += 1;
                }
            }
        }
        let mut inputs: HashMap<&ResourceAddr, Vec<NodeIndex>> = HashMap::new();
        let mut queue: Vec<&ResourceAddr> = deps.keys().filter(|a| waits[a] == 0).collect();
        // Addresses on a cycle, which only a damaged state has, are left without order among each other.
        while let Some(addr) = queue.pop() {
            let mut before = inputs.remove(addr).unwrap_or_default();
            before.sort();
            before.dedup();
            let out = chain(g, before, deletes.get(addr).map_or(&[], Vec::as_slice));
            for d in &deps[addr] {
                let Some((d, _)) = deps.get_key_value(d) else { continue };
                inputs.entry(d).or_default().extend(out);
                if let Some(n) = waits.get_mut(d) {
                    *n -= 1;
                    if *n == 0 {
                        queue.push(d);
                    }
                }
            }
        }
        let is_first = |o: &Operation| o.replacement.is_some_and(|r| r.order == ReplaceOrder::DeleteFirst);
        let delete_first: HashSet<NodeIndex> = (self.ops.iter().zip(at))
            .filter(|(o, _)| o.action == Action::Delete && is_first(o))
            .filter_map(|(_, n)| *n)
            .collect();
        let safe = delete_first.is_empty();
        // An update that still refers to what is replaced needs the new object, and with it the delete of the old one.
        let refers: HashMap<ResourceAddr, BTreeSet<ResourceAddr>> = match safe {
            true => HashMap::new(),
            false => {
                let configured = self.by_node.keys().filter_map(|id| Some((*id, self.graph.resource_addr(*id)?)));
                let of = |id| near.of(id).iter().filter_map(|d| self.graph.resource_addr(*d)).collect();
                configured.filter(|(_, a)| updates.contains_key(a)).map(|(id, a)| (a, of(id))).collect()
            }
        };
        for (addr, ops) in &updates {
            let mut join = None;
            for gone in deps.get(addr).into_iter().flatten() {
                for delete in deletes.get(gone).into_iter().flatten() {
                    let blocked = || {
                        delete_first.contains(delete) && refers.get(addr).is_some_and(|r| r.contains(gone))
                            || ops.iter().any(|u| has_path_connecting(&*g, *delete, *u, None))
                    };
                    if !safe && blocked() {
                        continue;
                    }
                    let from = *join.get_or_insert_with(|| match ops.as_slice() {
                        [one] => *one,
                        _ => {
                            let j = g.add_node(Node::Join);
                            ops.iter().for_each(|o| {
                                g.add_edge(*o, j, ());
                            });
                            j
                        }
                    });
                    g.add_edge(from, *delete, ());
                }
            }
        }
    }
}

/// Puts `ops` after `before`; returns what stands for all of it, where there is anything.
fn chain(g: &mut DiGraph<Node, ()>, before: Vec<NodeIndex>, ops: &[NodeIndex]) -> Option<NodeIndex> {
    let gather = |g: &mut DiGraph<Node, ()>, list: &[NodeIndex]| {
        let j = g.add_node(Node::Join);
        for n in list {
            g.add_edge(*n, j, ());
        }
        j
    };
    match (before.as_slice(), ops) {
        ([], []) => None,
        ([one], []) => Some(*one),
        (many, []) => Some(gather(g, many)),
        (before, ops) => {
            let start = if before.len() * ops.len() > before.len() + ops.len() {
                vec![gather(g, before)]
            } else {
                before.to_vec()
            };
            for b in &start {
                for o in ops {
                    g.add_edge(*b, *o, ());
                }
            }
            Some(if let [one] = ops { *one } else { gather(g, ops) })
        }
    }
}
