//! What a plan asks for, and what becomes of the answers: refresh of objects, imports, data sources.
//!
//! Objects of one type and provider configuration are one request. Start at [`Planner::provider_ready`].

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use stackctl_core::{Diagnostic, InstanceAddr, Known, Live, Mode, Partial, Ref, Status};
use stackctl_hcl::{Body, Expr};
use stackctl_lang::refs::{Reference, Subject, body_references, references};

use super::model::PlanMode;
use super::planner::{Obj, Pending, Planner, ProviderState};
use crate::eval::types::Config;
use crate::eval::{Graph, Kind, ModId, NodeId, TypeInfo};
use crate::refresh::{Answer, Read, ReadAnswer, ReadId, ReadRequest, absorb};

impl Planner<'_> {
    /// What the configuration refers to decides which lazy attributes are read.
    pub(super) fn collect_references(&mut self) {
        let graph = Arc::clone(&self.graph);
        let lazy = |i: &TypeInfo<'_>| {
            i.schema.block.attrs.values().any(|a| a.lazy) || i.schema.block.blocks.values().any(|b| b.lazy)
        };
        if !self.objects.iter().any(|o| o.info.as_deref().is_some_and(lazy)) {
            return;
        }
        self.referred = referred(&graph);
    }

    pub(super) fn provider_ready(&mut self, id: NodeId) {
        let Some(addr) = self.graph.provider_addr(id) else { return };
        let unknown =
            || Config { value: Partial::Unknown, sensitive: Vec::new(), ephemeral: Vec::new(), refined: Vec::new() };
        let Config { value: config, sensitive, ephemeral, .. } = self.ev.provider_config(id).unwrap_or_else(unknown);
        let known = config.to_known().ok().map(Arc::new);
        let addr = Arc::new(addr);
        let state = ProviderState { addr, config: Arc::new(config), sensitive, ephemeral, known: known.clone() };
        self.providers.insert(id, state);
        let failed = self.ev.failed(id);
        let mut by_type: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for i in self.by_provider.get(&id).cloned().unwrap_or_default() {
            let o = &self.objects[i];
            let in_run = o.node.map_or_else(|| self.targeted(&o.addr), |n| self.needed[n.0 as usize])
                || self.mode == PlanMode::Destroy;
            let Some(info) = o.info.as_ref().filter(|_| in_run && !failed) else { continue };
            if info.schema.local_only && !info.schema.refreshed
                || o.recorded.get("id").as_str().is_none_or(str::is_empty)
            {
                continue;
            }
            if known.is_none() {
                self.objects[i].unread = true;
            } else if self.refresh || o.object.unfinished {
                by_type.entry(o.addr.resource.ty.clone()).or_default().push(i);
            }
        }
        for (ty, list) in by_type {
            let refs: Vec<Ref> = list.iter().map(|i| self.reference(*i)).collect();
            for i in &list {
                if let Some(node) = self.objects[*i].node {
                    *self.unread.entry(node).or_default() += 1;
                }
            }
            let addrs = list.iter().map(|i| Arc::clone(&self.objects[*i].addr)).collect();
            self.ask(id, ty, Read::Objects(refs), Pending::Objects(list), addrs);
        }
    }

    fn reference(&self, i: usize) -> Ref {
        let o = &self.objects[i];
        let id = o.recorded.get("id").as_str().unwrap_or_default().to_owned();
        Ref { id, known: (*o.recorded).clone(), wanted: self.wanted(o) }
    }

    /// Lazy attributes of an object that are configured, in state, or referred to.
    fn wanted(&self, o: &Obj<'_>) -> Option<Arc<BTreeSet<String>>> {
        let block = &o.info.as_ref()?.schema.block;
        let lazy: Vec<&str> = block
            .attrs
            .iter()
            .filter(|(_, a)| a.lazy)
            .map(|(n, _)| *n)
            .chain(block.blocks.iter().filter(|(_, b)| b.lazy).map(|(n, _)| *n))
            .collect();
        if lazy.is_empty() {
            return None;
        }
        let referred = o.node.and_then(|n| self.referred.get(&n));
        if matches!(referred, Some(None)) {
            return None;
        }
        let body = o.node.and_then(|n| self.graph.resource(n)).map(|r| &r.body);
        let wanted = lazy.into_iter().filter(|n| {
            let configured = body.is_some_and(|b| {
                b.attribute(n).is_some()
                    || b.blocks_of(n).next().is_some()
                    || b.blocks_of("dynamic").any(|d| d.label(0) == Some(n))
            });
            let in_state = match o.recorded.get(n) {
                Known::Null => false,
                Known::List(l) => !l.is_empty(),
                _ => true,
            };
            configured || in_state || referred.is_some_and(|r| r.as_ref().is_none_or(|r| r.contains(*n)))
        });
        Some(Arc::new(wanted.map(str::to_owned).collect()))
    }

    // ── reads ───────────────────────────────────────────────────────────────────────────────────────────────────

    pub(super) fn ask(
        &mut self,
        provider: NodeId,
        ty: String,
        read: Read,
        pending: Pending,
        addrs: Vec<Arc<InstanceAddr>>,
    ) {
        let Some(p) = self.providers.get(&provider) else { return };
        let Some(config) = p.known.clone() else { return };
        let id = ReadId(self.next_read);
        self.next_read += 1;
        let provider = Arc::clone(&p.addr);
        self.pending.insert(id, pending);
        self.outbox.push(ReadRequest { id, provider, config, ty, addrs, read });
    }

    pub(super) fn ask_data(&mut self, id: NodeId, source: usize, addr: &Arc<InstanceAddr>, config: Known) {
        let ty = &addr.resource.ty;
        if let Some(p) = self.graph.node(id).provider {
            self.ask(p, ty.to_owned(), Read::Data(config), Pending::Data(id, source), vec![Arc::clone(addr)]);
            *self.parked.entry(id).or_default() += 1;
        }
    }

    pub(super) fn ask_import(&mut self, id: NodeId, import: usize, addr: &InstanceAddr, known: Known) {
        let ty = &addr.resource.ty;
        let text = known.get("id").as_str().unwrap_or_default().to_owned();
        if let Some(p) = self.graph.node(id).provider {
            let at = Ref { id: text, known, wanted: None };
            let addrs = vec![Arc::new(addr.clone())];
            self.ask(p, ty.to_owned(), Read::Objects(vec![at]), Pending::Import(id, import), addrs);
            *self.parked.entry(id).or_default() += 1;
        }
    }

    pub(super) fn answer(&mut self, a: ReadAnswer) {
        match self.pending.remove(&a.id) {
            None => {}
            Some(Pending::Objects(list)) => {
                self.refreshed(&list, a.result);
                for i in list {
                    if let Some(node) = self.objects[i].node {
                        if let Some(n) = self.unread.get_mut(&node) {
                            *n -= 1;
                        }
                        self.wake(node);
                    }
                }
            }
            Some(Pending::Import(node, i)) => {
                self.imported(node, i, a.result);
                self.wake(node);
            }
            Some(Pending::Data(node, i)) => {
                self.data_answer(node, i, a.result);
                self.wake(node);
            }
            Some(Pending::Opening(node, i)) => {
                self.opened(node, i, a.result);
                self.wake(node);
            }
            Some(Pending::Closing(node)) => self.closed(node, a.result),
        }
    }

    fn wake(&mut self, node: NodeId) {
        if let Some(n) = self.parked.get_mut(&node) {
            *n -= 1;
            if *n == 0 {
                self.parked.remove(&node);
                self.queue.push_back(node);
            }
        }
    }

    fn refreshed(&mut self, list: &[usize], result: Result<Answer, stackctl_core::Error>) {
        let live = match result {
            Ok(Answer::Objects(l)) => l,
            Ok(Answer::Data(_) | Answer::Closed) => Vec::new(),
            Err(e) => {
                let names: Vec<String> = list.iter().take(3).map(|i| self.objects[*i].at.to_string()).collect();
                let more = list.len().saturating_sub(names.len());
                let what = if more > 0 { format!("{} and {more} more", names.join(", ")) } else { names.join(", ") };
                let mut d = Diagnostic::from_provider(format!("Reading {what}"), e);
                if let [only] = list {
                    d = d.of(&self.objects[*only].at);
                }
                self.errors.push(d);
                for i in list {
                    if let Some(node) = self.objects[*i].node {
                        self.ev.fail(node);
                    }
                }
                return;
            }
        };
        let mut by_id: HashMap<String, Live> = live.into_iter().map(|l| (l.asked.clone(), l)).collect();
        for i in list {
            let o = &mut self.objects[*i];
            let id = o.recorded.get("id").as_str().unwrap_or_default();
            o.live = match (by_id.remove(id), &o.info) {
                (Some(l), Some(info)) if l.status != Status::Deleting => {
                    let new = absorb(info.schema, &o.recorded, l.value);
                    Some(if new == *o.recorded { Arc::clone(&o.recorded) } else { Arc::new(new) })
                }
                _ => None,
            };
        }
    }
}

/// Attributes of managed resources that something in the configuration refers to, by resource; `None` for the whole
/// object. What is not in the map is not referred to.
pub(crate) fn referred(graph: &Graph) -> HashMap<NodeId, Option<BTreeSet<String>>> {
    let mut out: HashMap<NodeId, Option<BTreeSet<String>>> = HashMap::new();
    for m in 0..graph.modules.len() {
        let module = ModId(m as u32);
        let c = &graph.module(module).module.content;
        let mut note = |r: &Reference<'_>, this: Option<NodeId>| {
            let id = match r.subject {
                Subject::Resource(Mode::Managed, ..) => graph.lookup(module, &r.subject),
                Subject::SelfObject => this,
                _ => None,
            };
            let Some(id) = id else { return };
            let attr = r.rest.iter().find_map(|s| match &s.kind {
                stackctl_hcl::ast::StepKind::Attr(n) => Some(n.to_string()),
                _ => None,
            });
            let entry = out.entry(id).or_insert_with(|| Some(BTreeSet::new()));
            match (entry, attr) {
                (Some(set), Some(a)) => {
                    set.insert(a);
                }
                (entry, None) => *entry = None,
                (None, _) => {}
            }
        };
        let mut expr = |e: &Expr, this| references(e).iter().for_each(|r| note(r, this));
        c.locals.values().for_each(|l| expr(&l.value, None));
        c.outputs.values().for_each(|o| expr(&o.value, None));
        let asserts =
            c.checks.values().flat_map(|k| &k.asserts).chain(c.outputs.values().flat_map(|o| &o.preconditions));
        asserts.for_each(|a| [&a.condition, &a.error_message].into_iter().for_each(|e| expr(e, None)));
        for (i, r) in c.resources.values().enumerate() {
            let this = Some(graph.at(module, Kind::Resource(i as u32)));
            let l = &r.lifecycle;
            for c in l.preconditions.iter().chain(&l.postconditions) {
                [&c.condition, &c.error_message].into_iter().for_each(|e| expr(e, this));
            }
            l.replace_triggered_by.iter().for_each(|e| expr(e, this));
        }
        let mut body = |b: &Body, this| body_references(b).iter().for_each(|r| note(r, this));
        c.module_calls.values().for_each(|c| body(&c.body, None));
        c.provider_configs.iter().for_each(|p| body(&p.body, None));
        for (i, r) in c.resources.values().enumerate() {
            let this = Some(graph.at(module, Kind::Resource(i as u32)));
            body(&r.body, None);
            r.connection.iter().for_each(|b| body(b, this));
            for p in &r.provisioners {
                std::iter::once(&p.body).chain(&p.connection).for_each(|b| body(b, this));
            }
        }
    }
    out
}
