//! The value of each kind of object: variables, locals, outputs, module calls, expansions, providers.
//!
//! Everything that an object refers to has its value already. Start at [`Evaluator::evaluate`], which calls what is here.

use std::sync::{Arc, OnceLock};

use stackctl_core::{InstanceKey, Mode};
use stackctl_hcl::Span;
use stackctl_lang::config::Repeat;
use stackctl_lang::config::inputs::prepare;
use stackctl_lang::diag::Problem;
use stackctl_lang::eval::{Expansion, expr};
use stackctl_lang::value::{Marks, Value};

use super::evaluator::{Evaluator, Instances, ModInstance, ResTable, Slot, keys};
use super::graph::{Kind, NodeId};
use super::scope::{Place, Rep};
use super::types::{Config, TypeInfo, infinite};
use crate::providers::Providers;

impl<'p> Evaluator<'p> {
    pub(super) fn variable(&mut self, id: NodeId, instance: u32) -> Option<Value> {
        let graph = Arc::clone(&self.graph);
        let v = graph.variable(id)?;
        let module = graph.node(id).module;
        let given = match graph.module(module).parent {
            None => self.settings.variables.get(&v.name).cloned().map(|value| (value, None)),
            Some((parent, call)) => {
                let (_, call) = graph.module(parent).module.content.module_calls.get_index(call as usize)?;
                match call.body.attribute(&v.name) {
                    // The call is told that it lacks the argument.
                    None if self.validating && v.default.is_none() => return Some(Value::unknown(&v.constraint.ty)),
                    None => None,
                    Some(a) => {
                        let at = self.module_instance(module, instance);
                        let outer = at.parent;
                        let (key, each) = (at.key.clone(), at.each.clone());
                        let rep = match (&key, &each) {
                            (Some(InstanceKey::Int(i)), _) => Rep::Count(*i),
                            (Some(InstanceKey::Str(k)), Some(v)) => Rep::Each(k, v),
                            _ if self.validating && !matches!(call.repeat, Repeat::Single) => Rep::Unknown,
                            _ => Rep::Single,
                        };
                        let (value, problems) = {
                            let place = Place { ev: self, module: parent, instance: outer, rep, this: None };
                            expr(&a.expr, &place)
                        };
                        let name = format!("module.{}", call.name);
                        if !self.report(problems, Some(&name)) {
                            return None;
                        }
                        Some((value, Some(a.expr.span)))
                    }
                }
            }
        };
        let (given, span) = given.map_or((None, v.span), |(value, span)| (Some(value), span.unwrap_or(v.span)));
        match prepare(v, given, span) {
            // Guards like `count = length(var.rules)` hold for values, and no instance is known to exist.
            Ok(value) if self.validating => Some(Value::unknown(&v.constraint.ty).with_marks(value.marks())),
            Ok(value) => Some(value),
            Err(p) => {
                self.report(vec![p], None);
                None
            }
        }
    }

    pub(super) fn local(&mut self, id: NodeId, instance: u32) -> Option<Value> {
        let graph = Arc::clone(&self.graph);
        let (_, l) = graph.local(id)?;
        self.expression(&l.value, id, instance, Rep::Single)
    }

    pub(super) fn output(&mut self, id: NodeId, instance: u32) -> Option<Value> {
        let graph = Arc::clone(&self.graph);
        let o = graph.output(id)?;
        if !self.output_preconditions(id, instance) {
            return None;
        }
        let value = self.expression(&o.value, id, instance, Rep::Single)?;
        let root = graph.node(id).module.0 == 0;
        let marks = value.all_marks();
        let mut wrong = None;
        if root && infinite(&value).is_some() {
            wrong = Some((
                "Division by zero",
                format!(
                    "The value of \"{}\" is infinite, which no state can hold: something is divided by zero.",
                    o.name
                ),
            ));
        } else if root && marks.is_ephemeral() && !(self.validating && o.ephemeral) {
            wrong = Some((
                "Ephemeral value not allowed",
                "Outputs of the root module are stored, and this value must not be.".to_owned(),
            ));
        } else if !root && marks.is_ephemeral() && !o.ephemeral {
            wrong = Some((
                "Ephemeral value not allowed",
                format!("The value of \"{}\" is ephemeral: declare the output with ephemeral = true.", o.name),
            ));
        } else if !root && o.ephemeral && !value.marks().is_ephemeral() {
            wrong = Some((
                "Value not allowed in ephemeral output",
                format!(
                    "\"{}\" is declared with ephemeral = true, so that its value has to be an ephemeral one.",
                    o.name
                ),
            ));
        } else if root && marks.is_sensitive() && !o.sensitive {
            wrong = Some((
                "Output refers to sensitive values",
                format!(
                    "The value of \"{}\" holds something sensitive. To show nothing of it by accident, declare the output with sensitive = true, or use nonsensitive() where it is none.",
                    o.name
                ),
            ));
        }
        if let Some((summary, detail)) = wrong {
            let problem = Problem::error(summary, detail).at(o.value.span);
            let hint = "ephemeralasnull(…) puts null in the place of what must not be stored.";
            let problem = if root && marks.is_ephemeral() { problem.hinted(hint) } else { problem };
            self.report(vec![problem], None);
            return None;
        }
        let value = if o.sensitive { value.sensitive() } else { value };
        Some(if o.ephemeral { value.with_marks(Marks::EPHEMERAL) } else { value })
    }

    pub(super) fn call(&mut self, id: NodeId, instance: u32) -> Option<Value> {
        let graph = Arc::clone(&self.graph);
        let call = graph.call(id)?;
        let (expansion, problems) = self.repeat(&call.repeat, id, instance);
        let name = self.name(id, instance);
        if !self.report(problems, Some(name.trim_end_matches(" (expand)"))) {
            return None;
        }
        let Some(child) = graph.called(id) else { return Some(Value::bool(true)) };
        let outer = self.module_instance(graph.node(id).module, instance).addr.clone();
        let table = &mut self.modules[child.0 as usize];
        table.by_parent.insert(instance, Vec::new());
        let mut all: Vec<_> = keys(&expansion).collect();
        if matches!(expansion, Expansion::Unknown { .. }) {
            all.push((None, None));
        }
        for (key, each) in all {
            let addr = outer.child(call.name.as_str(), key.clone());
            table.add(ModInstance { addr, parent: instance, key, each });
        }
        Some(Value::bool(true))
    }

    pub(super) fn whole(&self, id: NodeId, instance: u32) -> Value {
        let graph = &self.graph;
        let Some(child) = graph.called(id) else { return Value::dynamic() };
        let outputs = &graph.module(child).module.content.outputs;
        let one = |i: u32| {
            let value = |n: usize| self.value(graph.at(child, Kind::Output(n as u32)), i);
            Value::object(outputs.keys().enumerate().map(|(n, name)| (name.as_str(), value(n))))
        };
        let children = self.children(child, instance);
        let key = |i: u32| self.module_instance(child, i).key.clone();
        let repeats = graph.call(id).map(|c| &c.repeat);
        if self.validating && !matches!(repeats, Some(Repeat::Single)) {
            return Value::dynamic();
        }
        match repeats {
            Some(Repeat::Count(_)) => Value::tuple(children.iter().map(|i| one(*i)).collect()),
            Some(Repeat::ForEach(_)) => Value::object(children.iter().filter_map(|i| match key(*i) {
                Some(InstanceKey::Str(k)) => Some((k, one(*i))),
                _ => None,
            })),
            _ => children.first().map_or_else(Value::dynamic, |i| one(*i)),
        }
    }

    pub(super) fn expand(&mut self, id: NodeId, instance: u32) -> Option<Value> {
        let graph = Arc::clone(&self.graph);
        let r = graph.resource(id)?;
        self.load_type(id);
        let (expansion, problems) = self.repeat(&r.repeat, id, instance);
        let name = self.name(id, instance);
        if !self.report(problems, Some(&name)) {
            return None;
        }
        let mut values = Instances::default();
        if !self.given.is_empty()
            && let Some(info) = self.type_of(id)
        {
            let mut resource = graph.module(graph.node(id).module).module.addr(r);
            resource.module = self.module_instance(graph.node(id).module, instance).addr.clone();
            for (key, _) in keys(&expansion) {
                if let Some(v) = self.given.get(&resource.instance(key.clone())) {
                    values.insert(key, v.value(info));
                }
            }
        }
        let tables = self.resources.entry(id).or_default();
        if tables.len() <= instance as usize {
            tables.resize_with(instance as usize + 1, || None);
        }
        tables[instance as usize] = Some(ResTable { expansion, values, whole: OnceLock::new() });
        Some(Value::bool(true))
    }

    /// The keys of a resource's instances in a module instance.
    pub fn keys(&self, id: NodeId, instance: u32) -> Vec<Option<InstanceKey>> {
        self.expansion(id, instance).map(|e| keys(e).map(|(k, _)| k).collect()).unwrap_or_default()
    }

    pub(super) fn provider(&mut self, id: NodeId, instance: u32) -> Option<Value> {
        let graph = Arc::clone(&self.graph);
        let addr = graph.provider_addr(id)?;
        let providers: &'p Providers = self.providers;
        let Some(table) = providers.table(&addr.source) else { return Some(Value::dynamic()) };
        let info = {
            let key = (addr.source.clone(), Mode::Managed, String::new());
            let made = || Some(Arc::new(TypeInfo::new(table, table.config()).not_stored()));
            self.types.entry(key).or_insert_with(made).clone()?
        };
        let empty = stackctl_hcl::Body::default();
        let block = graph.provider_block(id);
        let body = block.map_or(&empty, |b| &b.body);
        let span = block.map_or_else(Span::default, |b| b.span);
        let decoded = {
            let place = self.place(id, instance, Rep::Single, None);
            info.spec.decode(body, span, &place)
        };
        self.report(decoded.problems, Some(&addr.to_string())).then_some(decoded.value)
    }

    /// The arguments of a provider configuration as plain data, with where they are sensitive and ephemeral.
    pub fn provider_config(&self, id: NodeId) -> Option<Config> {
        let addr = self.graph.provider_addr(id)?;
        let ty = self.providers.table(&addr.source)?.config().ty();
        match self.slots[id.0 as usize].first() {
            Some(Slot::Done(v)) => Some(Config::of(v, &ty)),
            _ => None,
        }
    }
}
