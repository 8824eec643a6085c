//! The end of planning: objects without configuration, deposed objects, outputs, and the plan itself.
//!
//! Start at [`Planner::finish`].

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use stackctl_core::diag::has_errors;
use stackctl_core::{Diagnostic, Diagnostics, InstanceKey, Known, Mode, Partial, Path, ResourceAddr, Ty};
use stackctl_lang::config::Repeat;
use stackctl_state::{Object, Target};

use super::instance::timeouts;
use super::model::{
    Action, After, CheckAddr, CheckResult, CheckStatus, Operation, OutputChange, PLAN_VERSION, Plan, PlanMode,
    PlannedVariable, ProviderUse, Reason,
};
use super::moves;
use super::planner::Planner;
use crate::eval::{Kind, ModId, NodeId};

impl Planner<'_> {
    /// Makes the plan.
    pub(super) fn finish(&mut self) -> (Plan, Diagnostics) {
        if !self.targets.is_empty() {
            self.errors.insert(
                0,
                Diagnostic::warning(
                    "Resource targeting is in effect",
                    "The plan covers only a part of the configuration, because -target was given. Use it for exceptional \
                     situations; then run without it.",
                ),
            );
        }
        let near = self.near();
        match self.mode {
            PlanMode::Destroy => self.destroy_all(),
            PlanMode::Normal | PlanMode::RefreshOnly => {
                let wanted = self.ops.iter().filter(|o| !matches!(o.action, Action::Delete | Action::Forget));
                let still = moves::still_there(&self.moves.statements, wanted.map(|o| &*o.addr));
                self.errors.extend(still);
                self.orphans();
            }
        }
        self.keep_state();
        self.settle(&near);
        self.remember();
        self.sort_ops();
        let graph = self.order(&near);
        self.unmatched_requests();
        let outputs = self.outputs();
        let relevant = self.relevant();
        let mut diags = std::mem::take(&mut self.errors);
        diags.append(&mut self.ev.diags);
        // Instances of one module tell the same story.
        let mut told = HashSet::new();
        diags.retain(|d| {
            told.insert((
                d.summary.clone(),
                d.detail.clone(),
                d.range.clone(),
                d.range.is_none().then(|| d.address.clone()),
            ))
        });
        in_order(&mut diags);
        self.drift.sort_by(|a, b| (&a.addr, &a.deposed).cmp(&(&b.addr, &b.deposed)));
        let timestamp = self.ev.settings.plan_time.unwrap_or(self.ev.settings.now);
        let mut providers: Vec<ProviderUse> = self
            .providers
            .values()
            .map(|p| ProviderUse {
                addr: Arc::clone(&p.addr),
                config: without(&p.config, &p.ephemeral),
                sensitive: p.sensitive.clone(),
                ephemeral: !p.ephemeral.is_empty(),
            })
            .collect();
        providers.sort_by(|a, b| a.addr.cmp(&b.addr));
        let plan = Plan {
            version: PLAN_VERSION,
            mode: self.mode,
            targets: self.raw_targets.clone(),
            replace: self.replace.iter().cloned().collect(),
            variables: self.variables(),
            // A state that does not exist yet gets its lineage when it is first written.
            lineage: if self.recorded.serial == 0 { String::new() } else { self.recorded.lineage.clone() },
            digest: self.recorded.digest(),
            timestamp,
            prior: Arc::new(self.state.clone()),
            providers,
            moves: std::mem::take(&mut self.moves.moves),
            ops: std::mem::take(&mut self.ops),
            graph,
            outputs,
            drift: std::mem::take(&mut self.drift),
            checks: if self.mode == PlanMode::Destroy { Vec::new() } else { self.checks() },
            relevant,
            generated: BTreeMap::new(),
            complete: self.targets.is_empty(),
            errored: has_errors(&diags),
        };
        (plan, diags)
    }

    /// Warns of `-replace` that replaces nothing.
    fn unmatched_requests(&mut self) {
        if !self.targets.is_empty() {
            return;
        }
        for asked in &self.replace {
            if self.ops.iter().any(|op| *op.addr == *asked) {
                continue;
            }
            let there = |op: &&Operation| op.addr.resource == asked.resource && op.deposed.is_none();
            let keys: BTreeSet<String> = self.ops.iter().filter(there).map(|op| op.addr.to_string()).collect();
            let d = Diagnostic::warning(
                "Nothing to replace",
                format!("-replace names {asked}, and there is no object with this address."),
            );
            self.errors.push(if keys.is_empty() {
                d
            } else {
                d.hinted(format!("There are: {}.", keys.into_iter().collect::<Vec<_>>().join(", ")))
            });
        }
    }

    /// Results of all conditions; those without any instance pass.
    fn checks(&self) -> Vec<CheckResult> {
        let mut all = self.ev.checks.results();
        let known: HashSet<CheckAddr> = all.iter().map(|c| c.addr.clone()).collect();
        for id in (0..self.graph.nodes.len() as u32).map(NodeId) {
            let place = || self.graph.module(self.graph.node(id).module).module.path.clone();
            let addr = match self.graph.node(id).kind {
                Kind::Resource(_) => {
                    let r = self.graph.resource(id);
                    r.filter(|r| !(r.lifecycle.preconditions.is_empty() && r.lifecycle.postconditions.is_empty()))
                        .and_then(|_| self.graph.resource_addr(id))
                        .map(CheckAddr::Resource)
                }
                Kind::Output(_) => self
                    .graph
                    .output(id)
                    .filter(|o| !o.preconditions.is_empty())
                    .map(|o| CheckAddr::Output(place(), o.name.clone())),
                Kind::Check(_) => self.graph.check(id).map(|c| CheckAddr::Check(place(), c.name.clone())),
                Kind::Validation(_) => self
                    .graph
                    .variable(id)
                    .filter(|v| !v.validations.is_empty())
                    .map(|v| CheckAddr::Variable(place(), v.name.clone())),
                _ => None,
            };
            let Some(addr) = addr.filter(|a| self.needed[id.0 as usize] && self.succeeded(id) && !known.contains(a))
            else {
                continue;
            };
            all.push(CheckResult { addr, status: CheckStatus::Pass, instances: Vec::new() });
        }
        all.sort_by(|a, b| a.addr.cmp(&b.addr));
        all
    }

    // ── objects without configuration ───────────────────────────────────────────────────────────────────────────

    fn orphans(&mut self) {
        for i in 0..self.objects.len() {
            let o = &self.objects[i];
            let deposed = o.at.deposed.is_some();
            if o.claimed || !self.targeted(&o.addr) {
                continue;
            }
            if let Some(node) = o.node
                && !(self.needed[node.0 as usize] && self.succeeded(node))
            {
                continue;
            }
            self.note_drift(i, None);
            let o = &self.objects[i];
            if self.mode == PlanMode::RefreshOnly || o.live.is_none() {
                continue;
            }
            let reason = if deposed { None } else { Some(self.orphan_reason(i)) };
            let forget = !deposed && self.forgotten(i);
            let action = if forget { Action::Forget } else { Action::Delete };
            let o = &self.objects[i];
            let protected = o.node.filter(|n| self.graph.resource(*n).is_some_and(|r| r.lifecycle.prevent_destroy));
            if let Some(node) = protected.filter(|_| !deposed) {
                let addr = Arc::clone(&o.addr);
                self.prevented(node, &addr);
                continue;
            }
            self.remove(i, action, reason);
        }
    }

    fn destroy_all(&mut self) {
        let chosen = self.destroyed();
        for (i, chosen) in chosen.into_iter().enumerate() {
            let o = &self.objects[i];
            if !chosen || o.live.is_none() {
                continue;
            }
            let node = o.node;
            let addr = Arc::clone(&o.addr);
            let prevent = node.and_then(|n| self.graph.resource(n)).is_some_and(|r| r.lifecycle.prevent_destroy)
                && o.at.deposed.is_none();
            if let Some(n) = node.filter(|_| prevent) {
                self.prevented(n, &addr);
                continue;
            }
            self.remove(i, Action::Delete, None);
        }
        if self.targets.is_empty() {
            let data: Vec<Target> =
                self.state.objects().filter(|(at, _)| at.addr.resource.mode == Mode::Data).map(|(at, _)| at).collect();
            for at in data {
                self.state.remove(&at);
            }
        }
    }

    /// Which objects a destroy is about: all, or those of `-target` and everything that depends on them.
    fn destroyed(&self) -> Vec<bool> {
        let mut chosen: Vec<bool> = self.objects.iter().map(|o| self.targeted(&o.addr)).collect();
        if self.targets.is_empty() {
            return chosen;
        }
        let near = self.near();
        let mut dependents: HashMap<ResourceAddr, Vec<usize>> = HashMap::new();
        for (i, o) in self.objects.iter().enumerate() {
            let stored = o.object.dependencies.iter().filter_map(|d| ResourceAddr::parse(d));
            let configured =
                o.node.into_iter().flat_map(|n| near.of(n).iter().filter_map(|d| self.graph.resource_addr(*d)));
            for d in stored.chain(configured) {
                dependents.entry(d).or_default().push(i);
            }
        }
        let mut work: Vec<usize> = (0..chosen.len()).filter(|i| chosen[*i]).collect();
        while let Some(i) = work.pop() {
            for d in dependents.get(&self.objects[i].addr.resource.config()).map_or(&[][..], Vec::as_slice) {
                if !std::mem::replace(&mut chosen[*d], true) {
                    work.push(*d);
                }
            }
        }
        chosen
    }

    fn remove(&mut self, i: usize, action: Action, reason: Option<Reason>) {
        let o = &self.objects[i];
        let Some(live) = o.live.clone() else { return };
        let at = o.at.clone();
        if action == Action::Delete {
            if o.info.is_none() {
                let d = Diagnostic::error(
                    "Unknown resource type in state",
                    format!(
                        "{at} is to be destroyed, but {} has no resource type \"{}\" here.",
                        o.provider.source, at.addr.resource.ty
                    ),
                )
                .hinted("Keep its resource block, or let go of it with a \"removed\" block.");
                self.errors.push(d.of(&at));
                return;
            }
            if o.provider_node.is_none() {
                let d = Diagnostic::error(
                    "Provider configuration not present",
                    format!(
                        "To destroy {at}, its provider configuration {} is needed, but it was removed. Put it back until \
                         the object is destroyed.",
                        o.provider
                    ),
                );
                self.errors.push(d.of(&at));
                return;
            }
        }
        let marks: Vec<Path> = o.object.sensitive.iter().cloned().collect();
        let partial = Partial::from((*live).clone());
        let before_sensitive =
            o.info.as_ref().map_or_else(|| Arc::from(marks.clone()), |info| info.sensitive_paths(&partial, &marks));
        let op = Operation {
            addr: Arc::clone(&o.addr),
            deposed: at.deposed.as_ref().map(|k| k.as_str().to_owned()),
            action,
            replacement: None,
            provider: Arc::clone(&o.provider),
            after: if action == Action::Forget { After::Same } else { After::Gone },
            after_sensitive: if action == Action::Forget { Arc::clone(&before_sensitive) } else { Arc::from([]) },
            timeouts: timeouts(partial.get("timeouts")),
            before: Some(live),
            replace_paths: Vec::new(),
            reason,
            before_sensitive,
            fields: BTreeSet::new(),
            importing: None,
            previous: self.previous.get(&at.addr).cloned(),
            dependencies: o.object.dependencies.iter().filter_map(|d| ResourceAddr::parse(d)).collect(),
            create_before_destroy: o.object.create_before_destroy,
            unread: o.unread,
            resume: false,
        };
        self.ops.push(op);
    }

    fn orphan_reason(&self, i: usize) -> Reason {
        let o = &self.objects[i];
        let addr = &o.addr;
        let Some(node) = o.node else {
            let moved = self.moves.targets.contains(&**addr);
            return if moved { Reason::DeleteBecauseNoMoveTarget } else { Reason::DeleteBecauseNoResourceConfig };
        };
        let module = self.graph.node(node).module;
        if self.ev.find_instance(module, &addr.resource.module).is_none() {
            return Reason::DeleteBecauseNoModule;
        }
        match (self.graph.resource(node).map(|r| &r.repeat), &addr.key) {
            (Some(Repeat::Count(_)), Some(InstanceKey::Int(_))) => Reason::DeleteBecauseCountIndex,
            (Some(Repeat::ForEach(_)), Some(InstanceKey::Str(_))) => Reason::DeleteBecauseEachKey,
            _ => Reason::DeleteBecauseWrongRepetition,
        }
    }

    /// True if a `removed` block lets go of the object.
    fn forgotten(&self, i: usize) -> bool {
        self.graph.removed(&self.objects[i].addr.resource.config()).any(|(_, r)| !r.destroy)
    }

    // ── state ───────────────────────────────────────────────────────────────────────────────────────────────────

    /// Puts what was read into the state.
    fn keep_state(&mut self) {
        for o in &self.objects {
            match &o.live {
                None => {
                    self.state.remove(&o.at);
                }
                Some(live) => {
                    let version = o.info.as_ref().map_or(o.object.schema_version, |i| i.schema.version);
                    let same = o.object.flat.is_none() && o.object.schema_version == version;
                    if Arc::ptr_eq(live, &o.recorded) && same {
                        continue;
                    }
                    let mut object = (*o.object).clone();
                    object.attributes = Arc::clone(live);
                    object.flat = None;
                    object.schema_version = version;
                    self.state.put(&o.at, Arc::new(object));
                }
            }
        }
        // Data sources that are not configured any more.
        if self.targets.is_empty() && self.mode != PlanMode::Destroy {
            let gone: Vec<Target> = self
                .state
                .objects()
                .filter(|(at, _)| at.addr.resource.mode == Mode::Data && !self.has_instance(at))
                .map(|(at, _)| at)
                .collect();
            for at in gone {
                self.state.remove(&at);
            }
        }
    }

    fn has_instance(&self, at: &Target) -> bool {
        match self.graph.find_resource(&at.addr.resource.config()) {
            None => false,
            Some(id) if !self.succeeded(id) => true,
            Some(id) => self
                .ev
                .find_instance(self.graph.node(id).module, &at.addr.resource.module)
                .is_some_and(|i| self.ev.keys(id, i).contains(&at.addr.key)),
        }
    }

    /// Brings what state remembers of unchanged and imported objects up to date.
    fn remember(&mut self) {
        let mut texts: HashMap<*const [ResourceAddr], Vec<String>> = HashMap::new();
        for op in &self.ops {
            let imported = op.importing.is_some();
            let unchanged =
                op.action == Action::NoOp || op.action == Action::Update && op.fields.is_empty() && !op.resume;
            if op.deposed.is_some() || !(unchanged || imported) {
                continue;
            }
            let Some(before) = &op.before else { continue };
            let at = Target::current((*op.addr).clone());
            let dependencies = texts
                .entry(Arc::as_ptr(&op.dependencies))
                .or_insert_with(|| op.dependencies.iter().map(ToString::to_string).collect());
            match self.state.object(&at) {
                Some(o) => {
                    let sensitive_same = o.sensitive.len() == op.after_sensitive.len()
                        && op.after_sensitive.iter().all(|p| o.sensitive.contains(p));
                    if sensitive_same
                        && o.dependencies == *dependencies
                        && o.create_before_destroy == op.create_before_destroy
                        && *o.provider == *op.provider
                    {
                        continue;
                    }
                    let mut object = (**o).clone();
                    object.sensitive = op.after_sensitive.iter().cloned().collect();
                    object.dependencies.clone_from(dependencies);
                    object.create_before_destroy = op.create_before_destroy;
                    object.provider = Arc::clone(&op.provider);
                    self.state.put(&at, Arc::new(object));
                }
                None if imported => {
                    let mut object = Object::new(Arc::clone(&op.provider), (**before).clone());
                    object.sensitive = op.before_sensitive.iter().cloned().collect();
                    object.dependencies.clone_from(dependencies);
                    object.create_before_destroy = op.create_before_destroy;
                    if let Some(info) = self.ev.type_named(&op.provider.source, Mode::Managed, &op.addr.resource.ty) {
                        object.schema_version = info.schema.version;
                    }
                    self.state.put(&at, Arc::new(object));
                }
                None => {}
            }
        }
    }

    // ── outputs and variables ───────────────────────────────────────────────────────────────────────────────────

    fn outputs(&self) -> BTreeMap<String, OutputChange> {
        let mut out = BTreeMap::new();
        let content = &self.graph.modules[0].module.content;
        let destroy = self.mode == PlanMode::Destroy;
        for (i, name) in content.outputs.keys().enumerate() {
            let id = self.graph.at(ModId(0), Kind::Output(i as u32));
            let old = self.recorded.outputs.get(name);
            let (before, before_sensitive) = (old.map(|o| o.value.clone()), old.is_some_and(|o| o.sensitive));
            let kept = || OutputChange {
                before: before.clone(),
                after: before.clone().map(Partial::from),
                ty: old.map_or(Ty::Dynamic, |o| o.ty.clone()),
                before_sensitive,
                after_sensitive: before_sensitive,
            };
            let change = if destroy {
                let after = if self.targets.is_empty() { None } else { before.clone().map(Partial::from) };
                OutputChange { after, ..kept() }
            } else if !self.needed[id.0 as usize] {
                // Left out by `-target`.
                continue;
            } else if !self.succeeded(id) {
                kept()
            } else {
                let (value, marks) = self.ev.value(id, 0).unmark_deep();
                let ty = value.ty();
                if self.mode == PlanMode::RefreshOnly && !value.is_wholly_known() {
                    kept()
                } else {
                    // State stores no null; an output that is null from the start is listed, and is no change.
                    let after = Some(value.to_partial(&ty));
                    OutputChange { before, after, ty, before_sensitive, after_sensitive: marks.is_sensitive() }
                }
            };
            if change.before.is_some() || change.after.is_some() {
                out.insert(name.clone(), change);
            }
        }
        for (name, o) in &self.recorded.outputs {
            if !content.outputs.contains_key(name) && (self.targets.is_empty() || destroy) {
                out.insert(
                    name.clone(),
                    OutputChange {
                        before: Some(o.value.clone()),
                        after: None,
                        ty: o.ty.clone(),
                        before_sensitive: o.sensitive,
                        after_sensitive: false,
                    },
                );
            }
        }
        out
    }

    fn variables(&mut self) -> BTreeMap<String, PlannedVariable> {
        let graph = Arc::clone(&self.graph);
        let content = &graph.modules[0].module.content;
        let mut out = BTreeMap::new();
        for (i, v) in content.variables.values().enumerate() {
            let id = graph.at(ModId(0), Kind::Variable(i as u32));
            if !self.ev.ensure(id, 0) {
                continue;
            }
            let (value, _) = self.ev.value(id, 0).unmark_deep();
            let ty = value.ty();
            let value = if v.ephemeral { Known::Null } else { value.to_known(&ty).unwrap_or_default() };
            out.insert(v.name.clone(), PlannedVariable { value, ty, sensitive: v.sensitive, ephemeral: v.ephemeral });
        }
        out
    }
}

/// A configuration with what must not be stored unknown.
fn without(config: &Partial, ephemeral: &[Path]) -> Partial {
    let mut out = config.clone();
    for name in ephemeral.iter().filter_map(Path::root) {
        out.set(name, Partial::Unknown);
    }
    out
}

/// Warnings before errors, which are read first at the end of a terminal's page; each by their place in the files.
pub(super) fn in_order(diags: &mut Diagnostics) {
    diags.sort_by_cached_key(|d| {
        let place = d.range.as_ref().map(|r| (r.filename.clone(), r.start.line, r.start.column));
        (d.is_error(), place.is_none(), place)
    });
}
