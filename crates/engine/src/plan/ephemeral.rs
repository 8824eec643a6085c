//! Ephemeral resources while planning: opened as soon as their configuration is known and nothing that `depends_on` names is
//! about to change; else they are opened by the apply, and nothing of them is known until then. Closed when nothing in the
//! plan needs them any more.
//!
//! Start at [`Planner::start_ephemeral`].

use std::collections::HashMap;
use std::sync::Arc;

use stackctl_core::{Diagnostic, Error, InstanceAddr, Known, canonical};

use super::planner::{Pending, Planner};
use crate::eval::NodeId;
use crate::eval::ephemerals::Opening;
use crate::refresh::{Answer, Read};

/// An instance that is being opened, or will be by the apply.
pub(super) struct Awaited {
    opening: Opening,
    found: Option<Known>,
}

/// What is open, and who still needs it.
#[derive(Default)]
pub(super) struct Held {
    /// Unfinished nodes that need an ephemeral resource.
    users: HashMap<NodeId, usize>,
    /// What each of these nodes needs.
    needs: HashMap<NodeId, Arc<[NodeId]>>,
    open: HashMap<NodeId, Vec<Arc<InstanceAddr>>>,
    /// What nobody needs any more. Reads of the same moment may still use it: it is closed in the next round.
    idle: Vec<(NodeId, Arc<InstanceAddr>)>,
}

impl Planner<'_> {
    /// Counts who needs what.
    pub(super) fn hold(&mut self) {
        let needs = self.graph.ephemerals();
        for (_, all) in needs.iter().filter(|(id, _)| self.needed[id.0 as usize]) {
            for e in all.iter() {
                *self.held.users.entry(*e).or_default() += 1;
            }
        }
        self.held.needs = needs;
    }

    /// Evaluates the configuration of an ephemeral resource's instances and asks for those that can be opened. False
    /// while answers are missing.
    pub(super) fn start_ephemeral(&mut self, id: NodeId) -> bool {
        if self.opening.contains_key(&id) {
            return true;
        }
        let graph = Arc::clone(&self.graph);
        let Some(resource) = graph.resource(id) else { return true };
        let mut awaited = Vec::new();
        let mut good = true;
        for instance in 0..self.ev.instances_of(graph.node(id).module) {
            if !self.ev.evaluate(id, instance) {
                good = false;
                continue;
            }
            if self.keys(id, instance).is_empty() {
                continue;
            }
            if self.ev.load_type(id).is_none() {
                self.unknown_type(id, resource);
                good = false;
                break;
            }
            match self.ev.openings(id, instance) {
                Some(all) => awaited.extend(all.into_iter().map(|opening| Awaited { opening, found: None })),
                None => good = false,
            }
        }
        if !good {
            self.ev.fail(id);
            self.opening.insert(id, Vec::new());
            return true;
        }
        let waits = graph.node(id).explicit.iter().any(|d| self.changing.contains(d));
        let provider = graph.node(id).provider.filter(|p| self.providers.get(p).is_some_and(|p| p.known.is_some()));
        let mut asked = false;
        for (i, a) in awaited.iter().enumerate() {
            if let (Some(p), Ok(config), false) = (provider, a.opening.config.to_known(), waits) {
                let addr = Arc::clone(&a.opening.addr);
                let ty = addr.resource.ty.clone();
                self.ask(p, ty, Read::Open(config), Pending::Opening(id, i), vec![addr]);
                *self.parked.entry(id).or_default() += 1;
                asked = true;
            }
        }
        self.opening.insert(id, awaited);
        !asked
    }

    /// Takes an answer.
    pub(super) fn opened(&mut self, id: NodeId, i: usize, result: Result<Answer, Error>) {
        let Some(info) = self.ev.load_type(id) else { return };
        let Some(a) = self.opening.get_mut(&id).and_then(|l| l.get_mut(i)) else { return };
        let addr = Arc::clone(&a.opening.addr);
        match result {
            Ok(Answer::Data(mut v)) => {
                canonical(&info.schema.block, &mut v);
                a.found = Some(v);
                self.held.open.entry(id).or_default().push(addr);
            }
            Ok(Answer::Objects(_) | Answer::Closed) => {}
            Err(e) => {
                let d = self.ev.place_path(id, Diagnostic::from_provider(format!("Opening {addr}"), e));
                self.errors.push(d.of(&addr));
                self.ev.fail(id);
            }
        }
    }

    /// Gives the instances their values.
    pub(super) fn finish_ephemeral(&mut self, id: NodeId) {
        let mut good = !self.ev.failed(id);
        for a in self.opening.remove(&id).unwrap_or_default() {
            good &= self.ev.set_opened(&a.opening, a.found.as_ref());
        }
        if !good {
            self.ev.fail(id);
        }
        if !self.held.users.contains_key(&id) {
            self.idle(id);
        }
    }

    /// A node is done: what it alone still needed can be closed.
    pub(super) fn release(&mut self, id: NodeId) {
        let Some(needs) = self.held.needs.get(&id).cloned().filter(|_| self.needed[id.0 as usize]) else { return };
        for e in needs.iter() {
            let Some(n) = self.held.users.get_mut(e) else { continue };
            *n -= 1;
            if *n == 0 {
                self.held.users.remove(e);
                self.idle(*e);
            }
        }
    }

    fn idle(&mut self, id: NodeId) {
        let open = self.held.open.remove(&id).unwrap_or_default();
        self.held.idle.extend(open.into_iter().map(|addr| (id, addr)));
    }

    /// Asks to close what nobody needs any more.
    pub(super) fn close_idle(&mut self) {
        for (id, addr) in std::mem::take(&mut self.held.idle) {
            if let Some(p) = self.graph.node(id).provider {
                self.ask(p, addr.resource.ty.clone(), Read::Close, Pending::Closing(id), vec![addr]);
            }
        }
    }

    /// Takes the answer to that.
    pub(super) fn closed(&mut self, id: NodeId, result: Result<Answer, Error>) {
        if let Err(e) = result {
            let name = self.graph.name(id);
            let d = self.ev.place_path(id, Diagnostic::from_provider(format!("Closing {name}"), e));
            self.errors.push(d.of(name));
        }
    }
}
