//! Ephemeral resources: objects that are opened while something needs them, and stored nowhere.
//!
//! Their values carry the ephemeral mark, so that the language keeps them out of everything that is stored. Nothing is
//! opened here: the planner and an apply ask for it. Start at [`Evaluator::openings`].

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use stackctl_core::check::schema_checks;
use stackctl_core::{Diagnostic, InstanceAddr, InstanceKey, Known, Mode, Partial, Path};
use stackctl_lang::value::{Marks, Value};

use super::evaluator::{Evaluator, keys};
use super::graph::{Graph, NodeId};
use super::types::Config;
use crate::plan::instance::rep;
use crate::plan::{CheckAddr, Ignore, diff};

/// An instance of an ephemeral resource with its configuration.
pub struct Opening {
    /// Its resource.
    pub id: NodeId,
    /// Module instance.
    pub instance: u32,
    /// Its key.
    pub key: Option<InstanceKey>,
    /// `each.value`
    pub each: Option<Value>,
    /// Its address.
    pub addr: Arc<InstanceAddr>,
    /// Its configuration, as far as it is known.
    pub config: Partial,
    /// Sensitive places of the configuration.
    pub sensitive: Vec<Path>,
}

impl Graph {
    /// The ephemeral resources that each node depends on, directly or not, in order of evaluation. Nodes that need none are
    /// left out.
    pub fn ephemerals(&self) -> HashMap<NodeId, Arc<[NodeId]>> {
        let mut out: HashMap<NodeId, Arc<[NodeId]>> = HashMap::new();
        if !self.resources().any(|id| self.is_ephemeral(id)) {
            return out;
        }
        for id in &self.order {
            let mut all = BTreeSet::new();
            for d in &self.node(*id).deps {
                all.extend(out.get(d).into_iter().flat_map(|s| s.iter().map(|e| (self.rank[e.0 as usize], *e))));
                if self.is_ephemeral(*d) {
                    all.insert((self.rank[d.0 as usize], *d));
                }
            }
            if !all.is_empty() {
                out.insert(*id, all.into_iter().map(|(_, e)| e).collect());
            }
        }
        out
    }
    /// True for an ephemeral resource.
    pub fn is_ephemeral(&self, id: NodeId) -> bool {
        self.resource(id).is_some_and(|r| r.key.mode == Mode::Ephemeral)
    }
}

impl Evaluator<'_> {
    /// The instances of an ephemeral resource in a module instance with their configuration; the resource must have been
    /// expanded. `None` if something is wrong with one of them, which was reported.
    pub fn openings(&mut self, id: NodeId, instance: u32) -> Option<Vec<Opening>> {
        let graph = Arc::clone(&self.graph);
        let resource = graph.resource(id)?;
        let info = self.load_type(id)?;
        let module = graph.node(id).module;
        let mut base = graph.module(module).module.addr(resource);
        let checked = CheckAddr::Resource(base.clone());
        base.module.clone_from(&self.module_instance(module, instance).addr);
        let all: Vec<_> = self.expansion(id, instance).map(|e| keys(e).collect()).unwrap_or_default();
        let mut out = Vec::with_capacity(all.len());
        let mut good = true;
        for (key, each) in all {
            let addr = Arc::new(base.clone().instance(key.clone()));
            let r = rep(key.as_ref(), each.as_ref());
            self.checks.clear(&checked, &addr.resource.module, key.as_ref());
            let conditions = &resource.lifecycle.preconditions;
            if !self.conditions(conditions, "precondition", (id, instance), key.as_ref(), r, None).0 {
                good = false;
                continue;
            }
            let Some(Config { value: config, sensitive, .. }) = self.decode(id, instance, r, &addr) else {
                good = false;
                continue;
            };
            let wrong = schema_checks(info.schema, &config);
            for e in wrong.into_iter().chain(info.provider.validate_ephemeral(&addr.resource.ty, &config)) {
                let d = self.place_path(id, Diagnostic::from_provider("Invalid configuration", e));
                self.diags.push(d.of(&addr));
                good = false;
            }
            out.push(Opening { id, instance, key, each, addr, config, sensitive });
        }
        good.then_some(out)
    }

    /// Gives an instance its value: what opening it found, or what its configuration says while it is not open. False if
    /// a postcondition fails.
    pub fn set_opened(&mut self, o: &Opening, found: Option<&Known>) -> bool {
        let graph = Arc::clone(&self.graph);
        let (Some(info), Some(resource)) = (self.load_type(o.id), graph.resource(o.id)) else { return false };
        let sensitive = info.sensitive_paths(&o.config, &o.sensitive);
        let value = match found {
            Some(v) => info.known(v, &sensitive),
            None => info.partial(&diff(info.schema, &o.config, None, &Ignore::Nothing, &|_| {}).planned, &sensitive),
        };
        let value = value.with_marks(Marks::EPHEMERAL);
        self.set_instance(o.id, o.instance, o.key.clone(), value.clone());
        let r = rep(o.key.as_ref(), o.each.as_ref());
        let conditions = &resource.lifecycle.postconditions;
        self.conditions(conditions, "postcondition", (o.id, o.instance), o.key.as_ref(), r, Some(&value)).0
    }
}
