//! Evaluation during an apply: the values of a run over what has been applied so far.
//!
//! An object's value is computed when an operation needs it. By the order of the plan everything that it refers to is
//! final then, so that it can be kept; nothing has to be forgotten when an operation is done. Start at
//! [`ApplyValues::new`].

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use stackctl_core::diag::has_errors;
use stackctl_core::{Diagnostic, Draft, Error, InstanceAddr, InstanceKey, Known, Mode, Partial, Path};
use stackctl_lang::config::Provisioner;
use stackctl_lang::eval::Expansion;
use stackctl_lang::value::Value;
use stackctl_state::{CheckObject, CheckResult, Object, ObjectStatus, Output, ProviderAddr};

use super::evaluator::{Evaluator, Settings};
use super::graph::{Graph, Kind, ModId, NodeId};
use super::opened::Opened;
use super::provisioners::{Provision, Whose};
use super::scope::Rep;
use super::types::{Config, TypeInfo, write_only};
use crate::apply::{Conclusion, Needs, Prepared, Ready, Values};
use crate::plan::complete::{Completed, complete};
use crate::plan::instance::ignore;
use crate::plan::reads::referred;
use crate::plan::{
    Action, CheckAddr, CheckStatus, Ignore, OpId, Operation, OutputChange, Plan, PlanMode, ReplaceOrder, diff,
};
use crate::providers::Providers;

/// The values of a run.
pub struct ApplyValues<'p> {
    pub(super) ev: Evaluator<'p>,
    pub(super) plan: Arc<Plan>,
    pub(super) opened: Opened,
    referred: HashMap<NodeId, Option<BTreeSet<String>>>,
    /// Variables whose validations the plan could not decide, with the nodes of these validations.
    undecided: HashMap<NodeId, NodeId>,
}

impl<'p> ApplyValues<'p> {
    /// The values of a plan's run. `settings` must be those that the plan was made with, variables included; they say
    /// that this is no planning. A configuration with cycles has no plan, so that there are none here.
    pub fn new(plan: Arc<Plan>, settings: Settings, providers: &'p Providers) -> ApplyValues<'p> {
        let sources: Vec<String> =
            plan.ops.iter().filter(|o| o.provider.module.is_root()).map(|o| o.provider.source.clone()).collect();
        let (graph, _) = Graph::new(&settings.config.root, &settings.sources, &sources);
        let settings = Settings { planning: false, plan_time: Some(plan.timestamp), ..settings };
        let referred = referred(&graph);
        let mut ev = Evaluator::new(settings, Arc::new(graph), providers);
        ev.given = given(&plan);
        let undecided = undecided(&ev.graph, &plan);
        let opened = Opened::new(&ev.graph, &plan);
        ApplyValues { ev, plan, opened, referred, undecided }
    }

    pub(super) fn locate(&mut self, op: &Operation) -> Option<(NodeId, u32)> {
        let id = self.ev.graph.find_resource(&op.addr.resource)?;
        // The instance of the module exists once the calls on the way are expanded, which needs no more than the module.
        let graph = Arc::clone(&self.ev.graph);
        let module = graph.node(id).module;
        let mut path = vec![module];
        while let Some((parent, _)) = graph.module(*path.last()?).parent {
            path.push(parent);
        }
        let mut instance = 0;
        for (depth, m) in path.iter().rev().enumerate().skip(1) {
            let (parent, call) = graph.module(*m).parent?;
            self.ev.ensure(graph.at(parent, Kind::Call(call)), instance);
            let key = op.addr.resource.module.0.get(depth - 1)?.key.clone();
            instance = self.ev.find_child(*m, instance, key.as_ref())?;
        }
        Some((id, instance))
    }

    /// The configuration of a provider that `what` needs.
    pub(super) fn provider_config(
        &mut self,
        provider: &ProviderAddr,
        what: &InstanceAddr,
        node: Option<NodeId>,
    ) -> Result<(Partial, Known), Vec<Diagnostic>> {
        let id = node.or_else(|| self.ev.graph.find_provider(provider));
        let found = id.and_then(|id| {
            self.ev.ensure(id, 0);
            self.ev.provider_config(id)
        });
        let mut diags = std::mem::take(&mut self.ev.diags);
        let Some(Config { value: config, .. }) = found else {
            if diags.is_empty() {
                diags.push(
                    Diagnostic::error(
                        "Provider configuration not present",
                        format!("The provider configuration {provider} could not be evaluated."),
                    )
                    .of(what),
                );
            }
            return Err(diags);
        };
        match config.to_known() {
            Ok(k) => Ok((config, k)),
            Err(path) => Err(vec![
                Diagnostic::error(
                    "Provider configuration not known",
                    format!("The argument {path} of {provider} is still not known."),
                )
                .of(what),
            ]),
        }
    }

    /// Decides validations that the plan could not decide, of the variables that a node needs. False if one fails.
    fn validated(&mut self, id: NodeId, instance: u32) -> bool {
        if self.undecided.is_empty() {
            return true;
        }
        let graph = Arc::clone(&self.ev.graph);
        let (mut seen, mut work, mut good) = (BTreeSet::from([id]), vec![id], true);
        while let Some(n) = work.pop() {
            if let Some(validation) = self.undecided.get(&n).copied() {
                for i in self.ev.related(graph.node(id).module, instance, graph.node(validation).module) {
                    good &= self.ev.ensure(validation, i);
                }
            }
            work.extend(graph.node(n).deps.iter().copied().filter(|d| seen.insert(*d)));
        }
        good
    }

    /// Makes the instances of a module, where nothing has needed them yet.
    pub(super) fn expand(&mut self, module: ModId) {
        let graph = Arc::clone(&self.ev.graph);
        let Some((parent, call)) = graph.module(module).parent else { return };
        self.expand(parent);
        for i in 0..self.ev.instances_of(parent) {
            self.ev.ensure(graph.at(parent, Kind::Call(call)), i);
        }
    }

    /// What the evaluator reported since; errors with `what` as address where they have none.
    pub(super) fn diags(&mut self, addr: &InstanceAddr) -> Vec<Diagnostic> {
        std::mem::take(&mut self.ev.diags)
            .into_iter()
            .map(|d| if d.address.is_none() { d.of(addr) } else { d })
            .collect()
    }

    pub(super) fn failed(&mut self, op: &Operation) -> Vec<Diagnostic> {
        let mut diags = self.diags(&op.addr);
        if !has_errors(&diags) {
            diags.push(
                Diagnostic::error(
                    "Configuration could not be evaluated",
                    format!("Something that {} refers to has no value.", op.addr),
                )
                .of(&op.addr),
            );
        }
        diags
    }

    fn forward(&mut self, op: &Operation, prior: Option<&Object>) -> Result<Prepared, Vec<Diagnostic>> {
        let Some((id, instance)) = self.locate(op) else { return Err(self.failed(op)) };
        if !self.ev.ensure(id, instance) || !self.validated(id, instance) {
            return Err(self.failed(op));
        }
        let graph = Arc::clone(&self.ev.graph);
        let (Some(resource), Some(info)) = (graph.resource(id), self.ev.load_type(id)) else {
            return Err(self.failed(op));
        };
        let (provider, provider_known) = self.provider_config(&op.provider, &op.addr, graph.node(id).provider)?;
        let each = self.each(id, instance, op.addr.key.as_ref());
        let rep = rep(op.addr.key.as_ref(), each.as_ref());
        let at = (id, instance);
        if let Some(addr) = graph.resource_addr(id) {
            self.ev.checks.clear(&CheckAddr::Resource(addr), &op.addr.resource.module, op.addr.key.as_ref());
        }
        let conditions = &resource.lifecycle.preconditions;
        if !self.ev.conditions(conditions, "precondition", at, op.addr.key.as_ref(), rep, None).0 {
            return Err(self.failed(op));
        }
        let Some(config) = self.ev.decode(id, instance, rep, &op.addr) else { return Err(self.failed(op)) };
        if let Err(path) = config.value.to_known() {
            let d = Diagnostic::error(
                "Value still not known",
                format!("The value of {path} of {} is not known although everything before it is done.", op.addr),
            );
            return Err(vec![self.ev.place_path(id, d.of(&op.addr).path(path))]);
        }
        let hook = |d: &mut Draft<'_>| info.provider.plan(&op.addr.resource.ty, &provider, d);
        let referred = self.referred.get(&id).cloned().unwrap_or_else(|| Some(BTreeSet::new()));
        // One whose tag alone is left was made by the run before.
        let made = op.action == Action::Create || op.resume && prior.is_some_and(|o| !o.tagged);
        let provisioned = made && resource.provisioners.iter().any(|p| !p.on_destroy);
        let ready = |d: crate::plan::Diff, info: &TypeInfo<'_>| {
            let sensitive = info.sensitive_paths(&d.planned, &config.sensitive);
            Prepared::Go(Box::new(Ready {
                write_only: write_only(&info.schema.block, &config.value),
                config: d.config,
                planned: d.planned,
                fields: d.fields,
                sensitive: sensitive.iter().cloned().collect(),
                referred: referred.clone(),
                before: Vec::new(),
                provisioned,
                provider: provider_known.clone(),
            }))
        };
        if op.action == Action::Read {
            return Ok(ready(diff(info.schema, &config.value, None, &Ignore::Nothing, &|_| {}), &info));
        }
        let prior = prior.map(|o| {
            let mut v = Known::clone(&o.attributes);
            stackctl_core::canonical(&info.schema.block, &mut v);
            v
        });
        let ignore = ignore(&resource.lifecycle.ignore_changes);
        match complete(op, &info, &config.value, prior.as_ref(), &ignore, &hook) {
            Ok(Completed::Go(d)) => Ok(ready(*d, &info)),
            Ok(Completed::Nothing) => Ok(Prepared::Nothing),
            Err(diags) => Err(diags.into_iter().map(|d| self.ev.place_path(id, d)).collect()),
        }
    }

    /// Provisioners that run before an object is destroyed: those of its configuration, or of the `removed` block that
    /// took its place. A tainted object, and one that was replaced before it is destroyed, has none.
    fn before_delete(&mut self, op: &Operation, object: Option<&Object>) -> Result<Vec<Provision>, Vec<Diagnostic>> {
        let first = op.replacement.is_some_and(|r| r.order == ReplaceOrder::CreateFirst);
        let Some(object) = object.filter(|o| o.status != ObjectStatus::Tainted && op.deposed.is_none() && !first)
        else {
            return Ok(Vec::new());
        };
        let graph = Arc::clone(&self.ev.graph);
        let config = op.addr.resource.config();
        let (module, all): (ModId, &[Provisioner]) = match graph.find_resource(&config) {
            Some(id) => (graph.node(id).module, graph.resource(id).map_or(&[], |r| &r.provisioners)),
            None => match graph.removed(&config).find(|(_, r)| r.destroy) {
                Some((module, removed)) => (module, &removed.provisioners),
                None => return Ok(Vec::new()),
            },
        };
        let list: Vec<&Provisioner> = all.iter().filter(|p| p.on_destroy).collect();
        if list.is_empty() {
            return Ok(Vec::new());
        }
        let Some(info) = self.ev.type_named(&op.provider.source, Mode::Managed, &config.ty) else {
            return Ok(Vec::new());
        };
        let this = Given::Object(Arc::new(object.clone())).value(&info);
        let each = Value::dynamic();
        let name = op.addr.to_string();
        let instance = self.ev.find_instance(module, &op.addr.resource.module).unwrap_or(0);
        let whose = Whose { module, instance, rep: rep(op.addr.key.as_ref(), Some(&each)), this: &this, name: &name };
        match self.ev.provisions(&list, whose) {
            Some(list) => Ok(list),
            None => Err(self.failed(op)),
        }
    }

    fn each(&self, id: NodeId, instance: u32, key: Option<&InstanceKey>) -> Option<Value> {
        match (self.ev.expansion(id, instance)?, key?) {
            (Expansion::ForEach(m), InstanceKey::Str(k)) => m.get(k).cloned(),
            _ => None,
        }
    }
}

fn rep<'a>(key: Option<&'a InstanceKey>, each: Option<&'a Value>) -> Rep<'a> {
    crate::plan::instance::rep(key, each)
}

/// Validations of variables that were unknown at plan.
fn undecided(graph: &Graph, plan: &Plan) -> HashMap<NodeId, NodeId> {
    let unknown = plan.checks.iter().filter(|c| c.status == CheckStatus::Unknown);
    let of = |c: &crate::plan::CheckResult| {
        let CheckAddr::Variable(module, name) = &c.addr else { return None };
        let m = graph.find_module(module)?;
        let i = graph.module(m).module.content.variables.get_index_of(name)? as u32;
        Some((graph.at(m, Kind::Variable(i)), graph.at(m, Kind::Validation(i))))
    };
    unknown.filter_map(of).collect()
}

/// The values that instances have while a plan has not been carried out.
pub(super) fn given(plan: &Arc<Plan>) -> HashMap<InstanceAddr, Given> {
    let mut all: HashMap<InstanceAddr, Given> = HashMap::new();
    for (at, o) in plan.prior.objects().filter(|(at, _)| at.deposed.is_none()) {
        all.insert(at.addr, Given::Object(Arc::clone(o)));
    }
    for (i, op) in plan.ops.iter().enumerate().filter(|(_, op)| op.deposed.is_none()) {
        match op.action {
            Action::Create | Action::Update | Action::Read => {
                all.insert((*op.addr).clone(), Given::Planned(Arc::clone(plan), OpId(i as u32)));
            }
            Action::Delete if op.replacement.is_none() => {
                all.remove(&*op.addr);
            }
            _ => {}
        }
    }
    all
}

/// The value that an instance has before its operation is done.
pub(super) enum Given {
    /// What state has.
    Object(Arc<Object>),
    /// What is planned.
    Planned(Arc<Plan>, OpId),
}

impl Given {
    /// The value in expressions.
    pub(super) fn value(&self, info: &TypeInfo<'_>) -> Value {
        match self {
            Given::Object(o) => {
                let marks: Vec<Path> = o.sensitive.iter().cloned().collect();
                let mut v = Known::clone(&o.attributes);
                stackctl_core::canonical(&info.schema.block, &mut v);
                let sensitive = info.sensitive_paths(&Partial::from(v.clone()), &marks);
                info.known(&v, &sensitive)
            }
            Given::Planned(plan, id) => {
                let op = plan.op(*id);
                op.planned().map_or_else(|| info.unknown(), |p| info.partial(&p, &op.after_sensitive))
            }
        }
    }
}

impl Values for ApplyValues<'_> {
    fn needs(&mut self, op: Option<OpId>) -> Needs {
        self.needed(op)
    }

    fn opened(&mut self, addr: &InstanceAddr, result: Result<Known, Error>) -> Vec<Diagnostic> {
        self.take_opened(addr, result)
    }

    fn is_checks(&self, op: OpId) -> bool {
        let found = self.ev.graph.find_resource(&self.plan.op(op).addr.resource.config());
        found.is_some_and(|id| self.ev.graph.is_checks(id))
    }

    fn unneeded(&mut self, op: OpId) -> Vec<Arc<InstanceAddr>> {
        ApplyValues::unneeded(self, op)
    }

    fn prepare(&mut self, op: OpId, prior: Option<&Object>) -> Result<Prepared, Vec<Diagnostic>> {
        let plan = Arc::clone(&self.plan);
        let op = plan.op(op);
        match op.action {
            Action::Create | Action::Update | Action::Read => self.forward(op, prior),
            Action::Delete => {
                let (_, provider) = self.provider_config(&op.provider, &op.addr, None)?;
                let before = self.before_delete(op, prior)?;
                Ok(Prepared::Go(Box::new(Ready {
                    config: Partial::Null,
                    planned: Partial::Null,
                    write_only: Vec::new(),
                    fields: Default::default(),
                    sensitive: op.before_sensitive.iter().cloned().collect(),
                    referred: None,
                    before,
                    provisioned: false,
                    provider,
                })))
            }
            Action::NoOp | Action::Forget => Ok(Prepared::Nothing),
        }
    }

    fn provisions(&mut self, op: OpId, object: &Object) -> Result<Vec<Provision>, Vec<Diagnostic>> {
        let plan = Arc::clone(&self.plan);
        let op = plan.op(op);
        let Some((id, instance)) = self.locate(op) else { return Err(self.failed(op)) };
        let graph = Arc::clone(&self.ev.graph);
        let (Some(info), Some(resource)) = (self.ev.load_type(id), graph.resource(id)) else {
            return Err(self.failed(op));
        };
        let this = Given::Object(Arc::new(object.clone())).value(&info);
        let each = self.each(id, instance, op.addr.key.as_ref());
        let rep = rep(op.addr.key.as_ref(), each.as_ref());
        let list: Vec<&Provisioner> = resource.provisioners.iter().filter(|p| !p.on_destroy).collect();
        let name = op.addr.to_string();
        let whose = Whose { module: graph.node(id).module, instance, rep, this: &this, name: &name };
        match self.ev.provisions(&list, whose) {
            Some(list) => Ok(list),
            None => Err(self.failed(op)),
        }
    }

    fn done(&mut self, op: OpId, object: Option<&Object>) -> Vec<Diagnostic> {
        let plan = Arc::clone(&self.plan);
        let op = plan.op(op);
        if op.deposed.is_some() || !matches!(op.action, Action::Create | Action::Update | Action::Read) {
            return Vec::new();
        }
        let (Some(object), Some((id, instance))) = (object, self.locate(op)) else { return Vec::new() };
        let given = Given::Object(Arc::new(object.clone()));
        let graph = Arc::clone(&self.ev.graph);
        let (Some(info), Some(resource)) = (self.ev.load_type(id), graph.resource(id)) else { return Vec::new() };
        let value = given.value(&info);
        self.ev.given.insert((*op.addr).clone(), given);
        self.ev.set_instance(id, instance, op.addr.key.clone(), value.clone());
        let each = self.each(id, instance, op.addr.key.as_ref());
        let rep = rep(op.addr.key.as_ref(), each.as_ref());
        let conditions = &resource.lifecycle.postconditions;
        self.ev.conditions(conditions, "postcondition", (id, instance), op.addr.key.as_ref(), rep, Some(&value));
        self.diags(&op.addr)
    }

    fn conclude(&mut self, failed: bool) -> Conclusion {
        let plan = Arc::clone(&self.plan);
        if plan.mode == PlanMode::Destroy {
            let all = plan.targets.is_empty() && !failed;
            return Conclusion { outputs: all.then(BTreeMap::new), checks: all.then(Vec::new), diags: Vec::new() };
        }
        let graph = Arc::clone(&self.ev.graph);
        let content = &graph.modules[0].module.content;
        let mut outputs = BTreeMap::new();
        for (i, o) in content.outputs.values().enumerate() {
            let id = graph.at(ModId(0), Kind::Output(i as u32));
            let old = plan.prior.outputs.get(&o.name);
            // What `-target` leaves out stays as it is.
            let part = plan.targets.is_empty() || plan.outputs.get(&o.name).is_some_and(OutputChange::is_change);
            if !part {
                outputs.extend(old.map(|o2| (o.name.clone(), o2.clone())));
                continue;
            }
            let good = self.ev.ensure(id, 0);
            let (value, marks) = self.ev.value(id, 0).unmark_deep();
            let ty = value.ty();
            let new = match value.to_partial(&ty) {
                _ if !good => None,
                Partial::Unknown => None,
                // Of what `-target` leaves out, nothing is known at the end either.
                v if !plan.targets.is_empty() => Some(v.or_null()),
                v => v.to_known().ok(),
            };
            match new {
                Some(Known::Null) => {}
                Some(known) => {
                    let sensitive = o.sensitive || marks.is_sensitive();
                    outputs.insert(o.name.clone(), Output { value: known, ty: value.ty(), sensitive });
                }
                None => {
                    outputs.extend(old.map(|o2| (o.name.clone(), o2.clone())));
                }
            }
        }
        if !plan.targets.is_empty() {
            let gone = plan.prior.outputs.iter().filter(|(name, _)| !content.outputs.contains_key(*name));
            outputs.extend(gone.map(|(name, o)| (name.clone(), o.clone())));
        }
        for id in (0..graph.nodes.len() as u32).map(NodeId) {
            let undecided = || self.undecided.values().any(|v| *v == id);
            if matches!(graph.node(id).kind, Kind::Check(_)) || undecided() {
                self.expand(graph.node(id).module);
                for i in 0..self.ev.instances_of(graph.node(id).module) {
                    self.ev.ensure(id, i);
                }
            }
        }
        let mut diags = std::mem::take(&mut self.ev.diags);
        if failed {
            // What could not be evaluated after a failure is a consequence of it.
            diags.retain(|d| !d.is_error());
        }
        Conclusion { outputs: Some(outputs), checks: Some(self.checks()), diags }
    }
}

impl ApplyValues<'_> {
    /// Results of all checks: those of this run where it evaluated them, else the plan's.
    fn checks(&self) -> Vec<CheckResult> {
        let mut all: BTreeMap<CheckAddr, crate::plan::CheckResult> =
            self.plan.checks.iter().map(|c| (c.addr.clone(), c.clone())).collect();
        for new in self.ev.checks.results() {
            let entry = all.entry(new.addr.clone()).or_insert_with(|| new.clone());
            for i in new.instances {
                match entry.instances.iter_mut().find(|o| o.module == i.module && o.key == i.key) {
                    Some(old) => *old = i,
                    None => entry.instances.push(i),
                }
            }
            entry.status = entry.instances.iter().map(|i| i.status).max().unwrap_or(CheckStatus::Pass);
        }
        all.into_values().map(stored).collect()
    }
}

/// A result of checks as state stores it.
pub fn stored(c: crate::plan::CheckResult) -> CheckResult {
    let status = |s: CheckStatus| {
        match s {
            CheckStatus::Pass => "pass",
            CheckStatus::Unknown => "unknown",
            CheckStatus::Fail => "fail",
            CheckStatus::Error => "error",
        }
        .to_owned()
    };
    let prefix = |m: &stackctl_core::ModuleAddr| if m.is_root() { String::new() } else { format!("{m}.") };
    let local = |addr: &CheckAddr| match addr {
        CheckAddr::Resource(r) => ("resource", r.module.clone(), r.local()),
        CheckAddr::Output(m, n) => ("output", m.clone(), format!("output.{n}")),
        CheckAddr::Check(m, n) => ("check", m.clone(), format!("check.{n}")),
        CheckAddr::Variable(m, n) => ("var", m.clone(), format!("var.{n}")),
    };
    let (kind, module, name) = local(&c.addr);
    let objects: Vec<CheckObject> = c
        .instances
        .iter()
        .map(|i| CheckObject {
            object_addr: format!(
                "{}{name}{}",
                prefix(&i.module),
                i.key.as_ref().map_or_else(String::new, ToString::to_string)
            ),
            status: status(i.status),
            failure_messages: i.problems.clone(),
        })
        .collect();
    CheckResult {
        object_kind: kind.to_owned(),
        config_addr: format!("{}{name}", prefix(&module)),
        status: status(c.status),
        objects: (!objects.is_empty()).then_some(objects),
    }
}
