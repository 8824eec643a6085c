//! What names stand for in one place of the configuration.

use stackctl_core::{InstanceKey, Ty};
use stackctl_hcl::SourceMap;
use stackctl_lang::config::Repeat;
use stackctl_lang::diag::{Problem, closest};
use stackctl_lang::eval::{Expansion, Scope, World};
use stackctl_lang::refs::{Key, Reference, Subject};
use stackctl_lang::value::{Marks, Value};

use super::evaluator::Evaluator;
use super::graph::{Kind, ModId};

/// Which instance of its object a place belongs to.
#[derive(Clone, Copy, Debug, Default)]
pub enum Rep<'a> {
    /// Its object is not repeated.
    #[default]
    Single,
    /// `count.index`
    Count(u64),
    /// `each.key` and `each.value`
    Each(&'a str, &'a Value),
    /// It is repeated, nobody knows how often.
    Unknown,
}

impl<'a> Rep<'a> {
    /// The instance of an expansion with a key.
    pub fn of(expansion: &'a Expansion, key: Option<&'a InstanceKey>) -> Rep<'a> {
        match (expansion, key) {
            (Expansion::Count(_), Some(InstanceKey::Int(i))) => Rep::Count(*i),
            (Expansion::ForEach(m), Some(InstanceKey::Str(k))) => m.get(k).map_or(Rep::Single, |v| Rep::Each(k, v)),
            _ => Rep::Single,
        }
    }
}

/// A place in a module instance.
pub struct Place<'e, 'p> {
    /// The values.
    pub ev: &'e Evaluator<'p>,
    /// Module.
    pub module: ModId,
    /// Its instance.
    pub instance: u32,
    /// Instance of the object.
    pub rep: Rep<'e>,
    /// `self`
    pub this: Option<&'e Value>,
}

impl Scope for Place<'_, '_> {
    fn resolve(&self, r: &Reference<'_>) -> Result<Value, Problem> {
        let graph = &self.ev.graph;
        let content = &graph.module(self.module).module.content;
        let undeclared = |what: &str, name: &str, known: Vec<&str>| {
            let p = Problem::error(
                format!("Reference to undeclared {what}"),
                format!("{} is not declared in this module.", r.subject),
            );
            Err(match closest(name, known) {
                Some(c) => p.hinted(format!("Did you mean \"{c}\"?")),
                None => p,
            })
        };
        match &r.subject {
            Subject::Variable(n) => match graph.lookup(self.module, &r.subject) {
                Some(id) => Ok(self.ev.value(id, self.instance)),
                None => undeclared("input variable", n, content.variables.keys().map(String::as_str).collect()),
            },
            Subject::Local(n) => match graph.lookup(self.module, &r.subject) {
                Some(id) => Ok(self.ev.value(id, self.instance)),
                None => undeclared("local value", n, content.locals.keys().map(String::as_str).collect()),
            },
            Subject::Resource(mode, ty, n) => match graph.lookup(self.module, &r.subject) {
                Some(id) => Ok(self.ev.resource_value(id, self.instance)),
                None => {
                    let same = content.resources.keys().filter(|k| k.mode == *mode && k.ty == *ty);
                    undeclared("resource", n, same.map(|k| k.name.as_str()).collect())
                }
            },
            Subject::Module(n) => match graph.lookup(self.module, &r.subject) {
                Some(id) => Ok(self.ev.value(id, self.instance)),
                None => undeclared("module", n, content.module_calls.keys().map(String::as_str).collect()),
            },
            Subject::Output { call, key, output } => self.output(call, *key, output),
            Subject::CountIndex => match self.rep {
                Rep::Count(i) => Ok(Value::number(i64::try_from(i).unwrap_or(i64::MAX))),
                Rep::Unknown => Ok(Value::unknown(&Ty::Number).not_null()),
                _ => Err(Problem::error(
                    "Reference to \"count\" in non-counted context",
                    "The \"count\" object can only be used where the \"count\" argument is set.",
                )),
            },
            Subject::EachKey | Subject::EachValue => match (self.rep, &r.subject) {
                (Rep::Each(k, _), Subject::EachKey) => Ok(Value::string(k)),
                (Rep::Each(_, v), _) => Ok(v.clone()),
                (Rep::Unknown, Subject::EachKey) => Ok(Value::unknown(&Ty::String).not_null()),
                (Rep::Unknown, _) => Ok(Value::dynamic()),
                _ => Err(Problem::error(
                    "Reference to \"each\" in context without for_each",
                    "The \"each\" object can only be used where the \"for_each\" argument is set.",
                )),
            },
            Subject::SelfObject => self.this.cloned().ok_or_else(|| {
                Problem::error(
                    "Invalid \"self\" reference",
                    "The \"self\" object is available in postconditions, provisioners and connections only.",
                )
            }),
            Subject::PathModule => Ok(Value::string(content.dir.to_string_lossy())),
            Subject::PathRoot => Ok(Value::string(graph.modules[0].module.content.dir.to_string_lossy())),
            Subject::PathCwd => Ok(Value::string(self.ev.settings.files.cwd().to_string_lossy())),
            Subject::Workspace => Ok(Value::string(&self.ev.settings.workspace)),
            Subject::Applying => Ok(Value::bool(!self.ev.settings.planning).with_marks(Marks::EPHEMERAL)),
        }
    }

    fn world(&self) -> Option<World<'_>> {
        let s = &self.ev.settings;
        Some(World { files: &*s.files, planning: s.planning, plan_time: s.plan_time, now: s.now, ids: &*s.ids })
    }

    fn sources(&self) -> Option<&SourceMap> {
        Some(&self.ev.settings.sources)
    }
}

impl Place<'_, '_> {
    fn output(&self, call: &str, key: Option<Key<'_>>, output: &str) -> Result<Value, Problem> {
        let graph = &self.ev.graph;
        let Some(child) = graph.child(self.module, call) else {
            let calls = &graph.module(self.module).module.content.module_calls;
            if calls.contains_key(call) {
                // A module that could not be loaded was reported then.
                return Ok(Value::dynamic());
            }
            let p =
                Problem::error("Reference to undeclared module", format!("No module call is named \"{call}\" here."));
            return Err(p.suggest(call, calls.keys().map(String::as_str)));
        };
        let repeat = graph.module(self.module).module.content.module_calls.get(call).map(|c| &c.repeat);
        if key.is_none()
            && let Some(Repeat::ForEach(_)) = repeat
        {
            let whole = graph.lookup(self.module, &Subject::Module(call));
            let whole = whole.map_or_else(Value::dynamic, |id| self.ev.value(id, self.instance));
            return match whole.attr(output) {
                Some(v) => Ok(v.clone()),
                None if !whole.is_known() => Ok(Value::dynamic()),
                None => Err(no_instance(call)),
            };
        }
        let outputs = &graph.module(child).module.content.outputs;
        let Some(i) = outputs.get_index_of(output) else {
            let p = Problem::error(
                "Unsupported attribute",
                format!("The module \"{call}\" has no output value named \"{output}\"."),
            );
            return Err(p.suggest(output, outputs.keys().map(String::as_str)));
        };
        let id = graph.at(child, Kind::Output(i as u32));
        // Which instances there are is not looked at before a plan.
        if self.ev.validating && (key.is_some() || !matches!(repeat, Some(Repeat::Single))) {
            return Ok(Value::dynamic());
        }
        let key = key.map(|key| match (repeat, key) {
            (Some(Repeat::ForEach(_)), Key::Int(i)) => InstanceKey::Str(i.to_string()),
            (Some(Repeat::Count(_)), Key::Str(k)) => k.parse().map_or_else(|_| key.instance(), InstanceKey::Int),
            _ => key.instance(),
        });
        match self.ev.find_child(child, self.instance, key.as_ref()) {
            Some(instance) => Ok(self.ev.value(id, instance)),
            None if key.is_none() => Err(unindexed(call)),
            None => Err(no_instance(call)),
        }
    }
}

fn no_instance(call: &str) -> Problem {
    Problem::error("Invalid index", format!("module.{call} has no instance with the key that is given here."))
}

fn unindexed(call: &str) -> Problem {
    Problem::error(
        "Unsupported attribute",
        format!("module.{call} has several instances, so an output of it needs an instance key: module.{call}[…]."),
    )
}
