//! Which attributes of other objects the changes of a plan come from: what drift is worth showing beside them.
//!
//! References are followed through locals, variables and outputs to the resources behind them.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use stackctl_core::{Path, Step};
use stackctl_hcl::ast::StepKind;
use stackctl_lang::config::Repeat;
use stackctl_lang::refs::{Reference, Subject, body_references, references};

use super::model::{Action, Relevant};
use super::planner::Planner;
use crate::eval::{Kind, ModId, NodeId};

impl Planner<'_> {
    /// Attributes that changing resources and the root module's outputs refer to.
    pub(super) fn relevant(&self) -> Vec<Relevant> {
        let graph = Arc::clone(&self.graph);
        let mut work: Vec<NodeId> = self
            .by_node
            .iter()
            .filter(|(_, ops)| ops.iter().any(|(_, op)| self.ops[op.0 as usize].action != Action::NoOp))
            .map(|(id, _)| *id)
            .collect();
        let outputs = graph.modules[0].module.content.outputs.len();
        work.extend((0..outputs).map(|i| graph.at(ModId(0), Kind::Output(i as u32))));
        let mut seen: HashSet<NodeId> = work.iter().copied().collect();
        let mut out = BTreeSet::new();
        while let Some(id) = work.pop() {
            let (module, refs) = self.own_references(id);
            for r in refs {
                let Some(target) = graph.lookup(module, &r.subject) else { continue };
                match r.subject {
                    Subject::Resource(..) => self.add_relevant(target, &r, &mut out),
                    Subject::Module(_) => work.extend(graph.node(target).deps.iter().filter(|d| seen.insert(**d))),
                    _ if seen.insert(target) => work.push(target),
                    _ => {}
                }
            }
        }
        out.into_iter().collect()
    }

    /// What an object's own expressions refer to, and the module that they stand in.
    fn own_references(&self, id: NodeId) -> (ModId, Vec<Reference<'_>>) {
        let graph = &self.graph;
        let module = graph.node(id).module;
        let repeat = |r| match r {
            &Repeat::Count(ref e) | &Repeat::ForEach(ref e) => references(e),
            Repeat::Single => Vec::new(),
        };
        match graph.node(id).kind {
            Kind::Resource(_) => {
                let Some(r) = graph.resource(id) else { return (module, Vec::new()) };
                let mut refs = body_references(&r.body);
                refs.extend(repeat(&r.repeat));
                (module, refs)
            }
            Kind::Local(_) => (module, graph.local(id).map(|(_, l)| references(&l.value)).unwrap_or_default()),
            Kind::Output(_) => (module, graph.output(id).map(|o| references(&o.value)).unwrap_or_default()),
            Kind::Call(_) => (module, graph.call(id).map(|c| repeat(&c.repeat)).unwrap_or_default()),
            Kind::Variable(_) => {
                let Some((parent, _)) = graph.module(module).parent else { return (module, Vec::new()) };
                let given = graph.variable(id).and_then(|v| graph.caller(module)?.body.attribute(&v.name));
                (parent, given.map(|a| references(&a.expr)).unwrap_or_default())
            }
            _ => (module, Vec::new()),
        }
    }

    fn add_relevant(&self, target: NodeId, r: &Reference<'_>, out: &mut BTreeSet<Relevant>) {
        let Some(config) = self.graph.resource_addr(target) else { return };
        let key = r.key();
        let rest = if key.is_some() { &r.rest[1..] } else { r.rest };
        let steps = rest.iter().map_while(|s| match &s.kind {
            StepKind::Attr(n) => Some(Step::Attr(n.to_string())),
            StepKind::Index(k) => stackctl_lang::refs::instance_key(k).map(|k| match k {
                stackctl_core::InstanceKey::Int(i) => Step::Index(usize::try_from(i).unwrap_or(usize::MAX)),
                stackctl_core::InstanceKey::Str(s) => Step::Key(s),
            }),
            StepKind::LegacyIndex(n) => n.parse().ok().map(Step::Index),
        });
        let attribute = Path(steps.collect());
        let module = self.graph.node(target).module;
        for i in 0..self.ev.instances_of(module) {
            let mut addr = config.clone();
            addr.module = self.ev.module_instance(module, i).addr.clone();
            let resource = addr.instance(key.clone()).to_string();
            out.insert(Relevant { resource, attribute: attribute.clone() });
        }
    }
}
