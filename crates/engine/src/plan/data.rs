//! Data sources: read while planning as soon as their configuration is known and nothing that they depend on is about to
//! change; else read at apply.
//!
//! Start at [`Planner::start_data`].

use std::collections::BTreeSet;
use std::sync::Arc;

use stackctl_core::check::schema_checks;
use stackctl_core::{Diagnostic, InstanceAddr, InstanceKey, Known, Partial, Path, Schema, Severity, canonical};
use stackctl_lang::value::Value;
use stackctl_state::{Object, Target};

use super::diff::{Ignore, diff};
use super::instance::{rep, timeouts};
use super::model::{Action, After, Operation, PlanMode, Reason};
use super::planner::Planner;
use crate::eval::NodeId;
use crate::refresh::Answer;

/// An instance of a data source.
pub(super) struct Source {
    addr: Arc<InstanceAddr>,
    instance: u32,
    key: Option<InstanceKey>,
    each: Option<Value>,
    config: Partial,
    sensitive: Vec<Path>,
    /// Why it is not read now.
    deferred: Option<Reason>,
    /// What was read.
    found: Option<Known>,
}

impl Planner<'_> {
    /// Evaluates the configuration of a data source's instances and asks for those that can be read. False while answers
    /// are missing.
    pub(super) fn start_data(&mut self, id: NodeId) -> bool {
        if self.data.contains_key(&id) {
            return true;
        }
        let graph = Arc::clone(&self.graph);
        let Some(resource) = graph.resource(id) else { return true };
        let module = graph.node(id).module;
        let mut sources = Vec::new();
        let mut good = true;
        for instance in 0..self.ev.instances_of(module) {
            if !self.ev.evaluate(id, instance) {
                good = false;
                continue;
            }
            let keys = self.keys(id, instance);
            if keys.is_empty() {
                continue;
            }
            let Some(info) = self.ev.load_type(id) else {
                self.unknown_type(id, resource);
                good = false;
                break;
            };
            let place = self.ev.module_instance(module, instance).addr.clone();
            for (key, each) in keys {
                let mut address = graph.module(module).module.addr(resource);
                address.module.clone_from(&place);
                let addr = Arc::new(address.instance(key.clone()));
                let r = rep(key.as_ref(), each.as_ref());
                let conditions = &resource.lifecycle.preconditions;
                if !self.ev.conditions(conditions, "precondition", (id, instance), key.as_ref(), r, None).0 {
                    good = false;
                    continue;
                }
                let Some(config) = self.ev.decode(id, instance, r, &addr) else {
                    good = false;
                    continue;
                };
                let wrong = schema_checks(info.schema, &config.value);
                for e in wrong.into_iter().chain(info.provider.validate_data(&addr.resource.ty, &config.value)) {
                    let d = self.ev.place_path(id, Diagnostic::from_provider("Invalid configuration", e));
                    self.errors.push(d.of(&addr));
                    good = false;
                }
                sources.push(Source {
                    addr,
                    instance,
                    key,
                    each,
                    config: config.value,
                    sensitive: config.sensitive,
                    deferred: None,
                    found: None,
                });
            }
        }
        if !good {
            self.ev.fail(id);
            self.data.insert(id, Vec::new());
            return true;
        }
        let waits = graph.node(id).explicit.iter().any(|d| self.changing.contains(d));
        let known = self.provider_of(id).is_some_and(|p| p.known.is_some());
        let mut asked = false;
        for (i, s) in sources.iter_mut().enumerate() {
            match s.config.to_known() {
                Ok(config) if known && !waits => {
                    asked = true;
                    self.ask_data(id, i, &s.addr, config);
                }
                Ok(_) if waits => s.deferred = Some(Reason::ReadBecauseDependencyPending),
                _ => s.deferred = Some(Reason::ReadBecauseConfigUnknown),
            }
        }
        self.data.insert(id, sources);
        !asked
    }

    /// Takes an answer.
    pub(super) fn data_answer(&mut self, id: NodeId, i: usize, result: Result<Answer, stackctl_core::Error>) {
        let Some(info) = self.ev.load_type(id) else { return };
        let Some(source) = self.data.get_mut(&id).and_then(|l| l.get_mut(i)) else { return };
        match result {
            Ok(Answer::Data(mut v)) => {
                canonical(&info.schema.block, &mut v);
                source.found = Some(v);
            }
            Ok(Answer::Objects(_) | Answer::Closed) => {}
            Err(e) => {
                let addr = Arc::clone(&source.addr);
                let mut d = Diagnostic::from_provider(format!("Reading {addr}"), e);
                // A check's own data source never stops a plan.
                if self.graph.resource(id).is_some_and(|r| r.check.is_some()) {
                    d.severity = Severity::Warning;
                } else {
                    self.ev.fail(id);
                }
                let d = self.ev.place_path(id, d);
                self.errors.push(d.of(&addr));
            }
        }
    }

    /// Gives the instances their values.
    pub(super) fn finish_data(&mut self, id: NodeId) {
        let graph = Arc::clone(&self.graph);
        let Some(resource) = graph.resource(id) else { return };
        let Some(info) = self.ev.load_type(id) else { return };
        let Some(provider) = self.provider_of(id).cloned() else { return };
        let mut good = !self.ev.failed(id);
        for s in self.data.remove(&id).unwrap_or_default() {
            let at = Target::current((*s.addr).clone());
            // The data source of a check is read again when all is done: the check tells of what is then.
            let reason = s.deferred.or(resource.check.is_some().then_some(Reason::ReadBecauseCheckNested));
            let reason = reason.filter(|_| self.mode == PlanMode::Normal);
            let (value, after, sensitive) = match s.found {
                Some(found) => {
                    let sensitive = info.sensitive_paths(&s.config, &s.sensitive);
                    let after = reason.map(|_| After::Known(Arc::new(found.clone())));
                    let value = info.known(&found, &sensitive);
                    let mut object = Object::new(Arc::clone(&provider.addr), found);
                    object.schema_version = info.schema.version;
                    object.sensitive = sensitive.iter().cloned().collect();
                    if self.state.object(&at).is_none_or(|o| **o != object) {
                        self.state.put(&at, Arc::new(object));
                    }
                    (value, after, sensitive)
                }
                None => {
                    // What is asked stands in the plan as it is configured; no provider has a say in it.
                    let plain = Schema { zero_is_null: false, ..info.schema.clone() };
                    let d = diff(&plain, &s.config, None, &Ignore::Nothing, &|_| {});
                    let sensitive = info.sensitive_paths(&d.planned, &s.sensitive);
                    let value = info.partial(&d.planned, &sensitive);
                    (value, reason.map(|_| After::from_partial(d.planned)), sensitive)
                }
            };
            if let Some(after) = after {
                let op = Operation {
                    addr: Arc::clone(&s.addr),
                    deposed: None,
                    action: Action::Read,
                    replacement: None,
                    provider: Arc::clone(&provider.addr),
                    before: None,
                    after,
                    replace_paths: Vec::new(),
                    reason,
                    before_sensitive: Arc::from([]),
                    after_sensitive: sensitive,
                    fields: BTreeSet::new(),
                    importing: None,
                    previous: None,
                    dependencies: Arc::from([]),
                    create_before_destroy: false,
                    timeouts: timeouts(s.config.get("timeouts")),
                    unread: false,
                    resume: false,
                };
                self.push(id, s.instance, op);
                if s.deferred.is_some() {
                    self.changing.insert(id);
                }
            }
            self.ev.set_instance(id, s.instance, s.key.clone(), value.clone());
            let r = rep(s.key.as_ref(), s.each.as_ref());
            let conditions = &resource.lifecycle.postconditions;
            let at = (id, s.instance);
            good &= self.ev.conditions(conditions, "postcondition", at, s.key.as_ref(), r, Some(&value)).0;
        }
        if !good {
            self.ev.fail(id);
        }
    }
}
