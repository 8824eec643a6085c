//! Plans the instances of one managed resource: conditions, configuration, diff, what the lifecycle says.
//!
//! Start at [`Planner::managed`].

use std::collections::BTreeSet;
use std::sync::Arc;

use stackctl_core::check::schema_checks;
use stackctl_core::{Diagnostic, Draft, InstanceAddr, InstanceKey, Known, Partial, Path, Step};
use stackctl_hcl::Expr;
use stackctl_lang::config::{IgnoreChanges, Resource};
use stackctl_lang::diag::closest;
use stackctl_lang::refs::{Reference, references};
use stackctl_lang::value::Value;
use stackctl_state::ObjectStatus;

use super::diff::{Diff, Ignore, diff, equal};
use super::drift::{Wanted, drift};
use super::model::{Action, After, Drift, OpId, OpTimeouts, Operation, PlanMode, Reason, ReplaceOrder, Replacement};
use super::planner::{Import, Planner, ProviderState};
use crate::eval::provisioners::Whose;
use crate::eval::types::{Config, kind_of_type, types_of};
use crate::eval::{NodeId, Rep, TypeInfo};

/// One instance on its way through planning.
struct At<'a, 'p> {
    id: NodeId,
    instance: u32,
    key: Option<InstanceKey>,
    each: Option<Value>,
    addr: Arc<InstanceAddr>,
    resource: &'a Resource,
    info: Arc<TypeInfo<'p>>,
    provider: ProviderState,
}

impl At<'_, '_> {
    fn rep(&self) -> Rep<'_> {
        rep(self.key.as_ref(), self.each.as_ref())
    }
}

/// `count.index` or `each` of an instance.
pub(crate) fn rep<'a>(key: Option<&'a InstanceKey>, each: Option<&'a Value>) -> Rep<'a> {
    match (key, each) {
        (Some(InstanceKey::Int(i)), _) => Rep::Count(*i),
        (Some(InstanceKey::Str(k)), Some(v)) => Rep::Each(k, v),
        _ => Rep::Single,
    }
}

impl<'p> Planner<'p> {
    /// Plans all instances of a resource in all instances of its module.
    pub(super) fn managed(&mut self, id: NodeId) {
        let graph = Arc::clone(&self.graph);
        let Some(resource) = graph.resource(id) else { return };
        let module = graph.node(id).module;
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
            let Some(provider) = self.provider_of(id).cloned() else {
                good = false;
                break;
            };
            let place = self.ev.module_instance(module, instance).addr.clone();
            if !resource.provisioners.is_empty() && self.mode == PlanMode::Normal {
                let (each, this, name) = (Value::dynamic(), info.unknown(), graph.name(id));
                let rep = rep(keys[0].0.as_ref(), Some(keys[0].1.as_ref().unwrap_or(&each)));
                let whose = Whose { module, instance, rep, this: &this, name: &name };
                good &= self.ev.check_provisioners(&resource.provisioners, whose);
            }
            for (key, each) in keys {
                let mut address = graph.module(module).module.addr(resource);
                address.module.clone_from(&place);
                let addr = address.instance(key.clone());
                let addr = match self.current.get_key_value(&addr) {
                    Some((shared, _)) => Arc::clone(shared),
                    None => Arc::new(addr),
                };
                let (info, provider) = (Arc::clone(&info), provider.clone());
                let at = At { id, instance, key, each, addr, resource, info, provider };
                good &= self.plan_instance(&at);
            }
        }
        if good && self.mode == PlanMode::Normal {
            good = self.imports_have_instances(id);
        }
        if !good {
            self.ev.fail(id);
        }
        if self.by_node.get(&id).is_some_and(|l| l.iter().any(|(_, op)| self.ops[op.0 as usize].action != Action::NoOp))
        {
            self.changing.insert(id);
        }
    }

    pub(super) fn unknown_type(&mut self, id: NodeId, resource: &Resource) {
        let what = kind_of_type(resource.key.mode);
        let ty = resource.key.ty.as_str();
        let source = self.graph.node(id).provider.and_then(|p| self.graph.provider_addr(p)).map(|a| a.source);
        let source = source.unwrap_or_default();
        let providers = self.ev.providers;
        let d = match providers.table(&source) {
            None => Diagnostic::error(
                "Unknown provider",
                format!("The {what} {ty} belongs to the provider {source}, which is not built in."),
            ),
            Some(p) => {
                let all = types_of(p, resource.key.mode);
                let d = Diagnostic::error(
                    format!("Invalid {what}"),
                    format!("The provider {source} has no {what} \"{ty}\" here."),
                );
                match closest(ty, all) {
                    Some(c) => d.hinted(format!("Did you mean \"{c}\"?")),
                    None => d,
                }
            }
        };
        let d = self.ev.place_path(id, d);
        self.errors.push(d.of(self.graph.name(id)));
    }

    fn plan_instance(&mut self, at: &At<'_, 'p>) -> bool {
        let found = self.current_object(&at.addr);
        let import = self.import_of(at);
        if let Some(i) = found {
            self.objects[i].claimed = true;
        }
        let prior: Option<Arc<Known>> = match (found, &import) {
            (Some(i), _) => self.objects[i].live.clone(),
            (None, Some(im)) => im.found.clone().map(Arc::new),
            (None, None) => None,
        };
        let excluded = !self.targets.is_empty() && self.direct.contains(&at.id) && !self.covered(at);
        if self.mode == PlanMode::Destroy || excluded {
            if excluded && let Some(i) = found {
                // What `-target` leaves out stays as state has it.
                self.objects[i].live = Some(Arc::clone(&self.objects[i].recorded));
            }
            let value = match found.filter(|_| excluded).map(|i| Arc::clone(&self.objects[i].recorded)).or(prior) {
                Some(v) => self.known_value(at, &v, found),
                None => at.info.unknown(),
            };
            self.ev.set_instance(at.id, at.instance, at.key.clone(), value);
            return true;
        }
        let life = &at.resource.lifecycle;
        let place = (at.id, at.instance);
        let (ok, _) = self.ev.conditions(&life.preconditions, "precondition", place, at.key.as_ref(), at.rep(), None);
        if !ok {
            return false;
        }
        let Some(config) = self.decode(at) else { return false };
        let ignore = ignore(&life.ignore_changes);
        let hook = |d: &mut Draft<'_>| at.info.provider.plan(&at.addr.resource.ty, &at.provider.config, d);
        let tainted = found.is_some_and(|i| self.objects[i].object.status == ObjectStatus::Tainted);
        let first = diff(at.info.schema, &config.value, prior.as_deref(), &ignore, &hook);
        if let Some(i) = found {
            self.note_drift(i, Some(Wanted { config: &first.config, planned: &first.planned, ignore: &ignore }));
        }
        if self.mode == PlanMode::RefreshOnly {
            let value = match &prior {
                Some(v) => self.known_value(at, v, found),
                None => at.info.unknown(),
            };
            self.ev.set_instance(at.id, at.instance, at.key.clone(), value);
            return true;
        }
        let requested = self.replace.contains(&*at.addr);
        let triggered = prior.is_some() && !tainted && self.triggered(at);
        let why = match &prior {
            None => None,
            Some(_) if tainted => Some(Reason::ReplaceBecauseTainted),
            Some(_) if requested => Some(Reason::ReplaceByRequest),
            Some(_) if triggered => Some(Reason::ReplaceByTriggers),
            Some(_) if !first.replace.is_empty() => Some(Reason::ReplaceBecauseCannotUpdate),
            Some(_) => None,
        };
        let replace_paths = if tainted { Vec::new() } else { first.replace.clone() };
        let d = match why {
            // A new object is as the configuration wants it now: what was ignored of the old one goes with it.
            Some(_) => diff(at.info.schema, &config.value, None, &Ignore::Nothing, &hook),
            None => first,
        };
        if !self.report_draft(at, &d) {
            return false;
        }
        if why.is_some() && life.prevent_destroy {
            self.prevented(at.id, &at.addr);
            return false;
        }
        let sensitive = at.info.sensitive_paths(&d.planned, &config.sensitive);
        let value = self.value_of(at, &d, prior.as_deref(), why.is_some(), &sensitive, &config.refined);
        if let Some(v) = &value {
            self.ev.set_instance(at.id, at.instance, at.key.clone(), v.clone());
            let (ok, _) =
                self.ev.conditions(&life.postconditions, "postcondition", place, at.key.as_ref(), at.rep(), Some(v));
            if !ok {
                return false;
            }
        }
        self.operations(at, found, prior, d, why, replace_paths, sensitive, import, &config.value);
        true
    }

    /// The instance's value in expressions, where anybody asks for it.
    fn value_of(
        &self,
        at: &At<'_, 'p>,
        d: &Diff,
        prior: Option<&Known>,
        replaced: bool,
        sensitive: &[Path],
        refined: &[(String, Value)],
    ) -> Option<Value> {
        let asked =
            !self.graph.dependents[at.id.0 as usize].is_empty() || !at.resource.lifecycle.postconditions.is_empty();
        asked.then(|| match prior {
            Some(p) if d.is_empty() && !replaced => at.info.known(p, sensitive),
            _ => at.info.planned(&d.planned, sensitive, refined),
        })
    }

    fn known_value(&self, at: &At<'_, 'p>, v: &Known, found: Option<usize>) -> Value {
        let marks: Vec<Path> =
            found.map(|i| self.objects[i].object.sensitive.iter().cloned().collect()).unwrap_or_default();
        let partial = Partial::from(v.clone());
        at.info.known(v, &at.info.sensitive_paths(&partial, &marks))
    }

    fn covered(&self, at: &At<'_, 'p>) -> bool {
        // An instance that a target leaves out is planned all the same where something in the run needs its resource.
        self.targeted(&at.addr)
            || self.graph.dependents[at.id.0 as usize].iter().any(|d| {
                self.needed[d.0 as usize] && matches!(self.graph.node(*d).kind, crate::eval::Kind::Resource(_))
            })
    }

    fn decode(&mut self, at: &At<'_, 'p>) -> Option<Config> {
        let config = self.ev.decode(at.id, at.instance, at.rep(), &at.addr)?;
        let mut good = true;
        for path in &config.ephemeral {
            let stored = match path.0.first() {
                Some(Step::Attr(n)) => at.info.schema.block.attrs.get(n.as_str()).is_none_or(|a| !a.write_only),
                _ => true,
            };
            if stored {
                let d = Diagnostic::error(
                    "Invalid use of ephemeral value",
                    format!(
                        "The value of \"{path}\" is ephemeral and would be stored. Only write-only arguments take such values."
                    ),
                );
                let d = self.ev.place_path(at.id, d.path(path.clone()));
                self.errors.push(d.of(&at.addr));
                good = false;
            }
        }
        let wrong = schema_checks(at.info.schema, &config.value);
        for e in wrong.into_iter().chain(at.info.provider.validate(&at.addr.resource.ty, &config.value)) {
            let d = Diagnostic::from_provider("Invalid configuration", e);
            let d = self.ev.place_path(at.id, d);
            self.errors.push(d.of(&at.addr));
            good = false;
        }
        good.then_some(config)
    }

    fn report_draft(&mut self, at: &At<'_, 'p>, d: &Diff) -> bool {
        for e in &d.errors {
            let d = Diagnostic::from_provider("Invalid configuration", e.clone());
            let d = self.ev.place_path(at.id, d);
            self.errors.push(d.of(&at.addr));
        }
        d.errors.is_empty()
    }

    pub(super) fn prevented(&mut self, id: NodeId, addr: &InstanceAddr) {
        let d = Diagnostic::error(
            "Instance cannot be destroyed",
            format!("{addr} has lifecycle.prevent_destroy set, and this plan would destroy it."),
        )
        .hinted("Remove prevent_destroy, or limit the run with -target to other objects.");
        let d = self.ev.place_path(id, d);
        self.errors.push(d.of(addr));
    }

    /// True if something that `replace_triggered_by` names changes.
    fn triggered(&mut self, at: &At<'_, 'p>) -> bool {
        at.resource.lifecycle.replace_triggered_by.iter().any(|e| self.trigger(at, e))
    }

    fn trigger(&mut self, at: &At<'_, 'p>, e: &Expr) -> bool {
        let graph = Arc::clone(&self.graph);
        let refs = references(e);
        let Some(r) = refs.first() else { return false };
        let Some(target) = graph.lookup(graph.node(at.id).module, &r.subject) else { return false };
        let (key, attr) = self.trigger_parts(at, e, r);
        let ops = self.by_node.get(&target).map_or(&[][..], Vec::as_slice);
        ops.iter().any(|(instance, op)| {
            let op = &self.ops[op.0 as usize];
            let same = *instance == at.instance && key.as_ref().is_none_or(|k| op.addr.key.as_ref() == Some(k));
            let changes = matches!(op.action, Action::Create | Action::Update | Action::Delete);
            same && changes
                && match (&attr, &op.before, op.planned()) {
                    (Some(a), Some(b), Some(p)) => !equal(p.get(a), b.get(a)),
                    // What replaces it says how the attribute changes.
                    (Some(_), _, None) if op.replacement.is_some() => false,
                    _ => true,
                }
        })
    }

    fn trigger_parts(&mut self, at: &At<'_, 'p>, e: &Expr, r: &Reference<'_>) -> (Option<InstanceKey>, Option<String>) {
        use stackctl_hcl::ExprKind;
        use stackctl_hcl::ast::StepKind;
        let attr = |steps: &[stackctl_hcl::ast::TraversalStep]| {
            steps.iter().find_map(|s| match &s.kind {
                StepKind::Attr(n) => Some(n.to_string()),
                _ => None,
            })
        };
        match &e.kind {
            ExprKind::RelativeTraversal { source, steps } => (self.trigger_parts(at, source, r).0, attr(steps)),
            ExprKind::Index { key, .. } => {
                let v = self.ev.expression(key, at.id, at.instance, at.rep());
                let key = v.and_then(|v| match (v.as_str(), v.as_number()) {
                    (Some(s), _) => Some(InstanceKey::Str(s.to_owned())),
                    (None, Some(n)) => n.to_i64().and_then(|i| u64::try_from(i).ok()).map(InstanceKey::Int),
                    _ => None,
                });
                (key, None)
            }
            _ => (r.key(), attr(r.rest)),
        }
    }

    /// Compares what was read with what state has.
    pub(super) fn note_drift(&mut self, i: usize, wanted: Option<Wanted<'_>>) {
        let o = &self.objects[i];
        let Some(info) = &o.info else { return };
        if o.unread || o.object.unfinished || o.live.as_ref().is_some_and(|l| *l == o.recorded) {
            return;
        }
        let paths = match &o.live {
            Some(live) => drift(info.schema, &o.recorded, live, wanted),
            None => Vec::new(),
        };
        let marks: Vec<Path> = o.object.sensitive.iter().cloned().collect();
        let shown = |v: &Known| info.sensitive_paths(&Partial::from(v.clone()), &marks);
        let before_sensitive = shown(&o.recorded);
        let after_sensitive = o.live.as_deref().map_or_else(|| Arc::from([]), shown);
        let d = Drift {
            addr: Arc::clone(&o.addr),
            deposed: o.at.deposed.as_ref().map(|k| k.as_str().to_owned()),
            previous: self.previous.get(&*o.addr).cloned(),
            provider: Arc::clone(&o.provider),
            before: Arc::clone(&o.recorded),
            after: o.live.clone(),
            paths,
            before_sensitive,
            after_sensitive,
        };
        self.drift.push(d);
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one operation, gathered in one place")]
    fn operations(
        &mut self,
        at: &At<'_, 'p>,
        found: Option<usize>,
        prior: Option<Arc<Known>>,
        d: Diff,
        why: Option<Reason>,
        replace_paths: Vec<Path>,
        sensitive: Arc<[Path]>,
        import: Option<Import>,
        config: &Partial,
    ) {
        let object = found.map(|i| Arc::clone(&self.objects[i].object));
        let resume = object.as_ref().is_some_and(|o| o.unfinished || o.tagged) && prior.is_some() && why.is_none();
        let before_sensitive: Arc<[Path]> = match (&prior, &object) {
            (Some(p), o) => {
                let marks: Vec<Path> = o.iter().flat_map(|o| o.sensitive.iter().cloned()).collect();
                if marks.is_empty() && !at.info.sensitive {
                    Arc::from([])
                } else {
                    at.info.sensitive_paths(&Partial::from((**p).clone()), &marks)
                }
            }
            (None, _) => Arc::from([]),
        };
        // A value that is hidden from now on, or no longer, is a change of state alone.
        let remarked = object.is_some() && before_sensitive != sensitive;
        let action = match &prior {
            None => Action::Create,
            Some(_) if why.is_some() => Action::Create,
            Some(_) if d.is_empty() && !resume && !remarked => Action::NoOp,
            Some(_) => Action::Update,
        };
        let after = if action == Action::NoOp { After::Same } else { After::from_partial(d.planned) };
        let mut op = Operation {
            addr: Arc::clone(&at.addr),
            deposed: None,
            action,
            replacement: None,
            provider: Arc::clone(&at.provider.addr),
            before: prior,
            after,
            replace_paths,
            reason: why,
            before_sensitive,
            after_sensitive: sensitive,
            fields: d.fields,
            importing: import.filter(|_| found.is_none()).map(|i| i.id),
            previous: self.previous.get(&*at.addr).cloned(),
            dependencies: Arc::from([]),
            create_before_destroy: at.resource.lifecycle.create_before_destroy.unwrap_or(false),
            timeouts: timeouts(config.get("timeouts")),
            unread: found.is_some_and(|i| self.objects[i].unread),
            resume,
        };
        if why.is_some() {
            let id = OpId(self.ops.len() as u32);
            let (old, new) = (id, OpId(id.0 + 1));
            let order = ReplaceOrder::DeleteFirst;
            let mut gone = op.clone();
            gone.action = Action::Delete;
            gone.after = After::Gone;
            gone.after_sensitive = Arc::from([]);
            gone.fields = BTreeSet::new();
            gone.replacement = Some(Replacement { partner: new, order });
            if let Some(i) = found {
                gone.provider = Arc::clone(&self.objects[i].provider);
            }
            op.replacement = Some(Replacement { partner: old, order });
            op.importing = None;
            self.push(at.id, at.instance, gone);
        }
        self.push(at.id, at.instance, op);
    }

    pub(super) fn push(&mut self, id: NodeId, instance: u32, op: Operation) -> OpId {
        let n = OpId(self.ops.len() as u32);
        self.ops.push(op);
        self.by_node.entry(id).or_default().push((instance, n));
        n
    }

    fn import_of(&self, at: &At<'_, 'p>) -> Option<Import> {
        self.imports.get(&at.id)?.iter().find(|i| i.addr == *at.addr).cloned()
    }
}

/// `ignore_changes` as the diff takes it.
pub(crate) fn ignore(i: &IgnoreChanges) -> Ignore {
    match i {
        IgnoreChanges::Nothing => Ignore::Nothing,
        IgnoreChanges::All => Ignore::All,
        IgnoreChanges::Paths(p) => Ignore::Paths(p.iter().map(|(p, _)| p.clone()).collect()),
    }
}

/// Timeouts that a `timeouts` block sets.
pub(crate) fn timeouts(v: &Partial) -> OpTimeouts {
    let v = match v {
        Partial::List(l) => l.first().unwrap_or(&Partial::Null),
        v => v,
    };
    let one = |name: &str| v.get(name).as_str().and_then(duration);
    OpTimeouts { create: one("create"), read: one("read"), update: one("update"), delete: one("delete") }
}

/// A duration as the language writes it: `1h30m`, `45s`, `1.5h`, `500ms`.
pub(crate) fn duration(text: &str) -> Option<std::time::Duration> {
    let (mut rest, mut total) = (text.trim(), 0.0);
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let n = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let value: f64 = rest[..n].parse().ok()?;
        rest = &rest[n..];
        let unit = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        total += value
            * match &rest[..unit] {
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 1e-3,
                "us" | "µs" => 1e-6,
                "ns" => 1e-9,
                _ => return None,
            };
        rest = &rest[unit..];
    }
    std::time::Duration::try_from_secs_f64(total).ok()
}
