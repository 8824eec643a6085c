//! What the tests evaluate in: a fixed clock, fixed randomness, files in memory, and a small module tree evaluator that
//! stands for the planner: resources are objects of their arguments and an unknown id.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;

use jiff::Timestamp;
use stackctl_core::{Ids, Ty};
use stackctl_hcl::SourceMap;
use stackctl_lang::config::{Config, Manifest, Module, Repeat, inputs};
use stackctl_lang::diag::Problem;
use stackctl_lang::eval::{self, Expansion, Scope, Unknowns, World};
use stackctl_lang::files::Memory;
use stackctl_lang::refs::{Key, Reference, Subject};
use stackctl_lang::value::{Kind, Value};

/// Randomness that is not.
struct Zeros;

impl Ids for Zeros {
    fn fill(&self, out: &mut [u8]) {
        out.fill(0);
    }
}

/// The world over some files.
pub(crate) fn world(files: &Memory) -> World<'_> {
    World { files, planning: true, plan_time: Some(Timestamp::UNIX_EPOCH), now: Timestamp::UNIX_EPOCH, ids: &Zeros }
}

/// A configuration from `name: text` pairs, and everything reported as `summary @ file:line` lines.
pub(crate) fn load(files: &Memory) -> (Option<Config>, SourceMap, Vec<Problem>) {
    let mut sources = SourceMap::new();
    let (config, problems) = Config::load_problems(Path::new("."), files, &mut sources, &Manifest::default());
    (config, sources, problems)
}

/// `summary @ file:line` of each problem.
pub(crate) fn lines(problems: &[Problem], sources: &SourceMap) -> Vec<String> {
    let place = |p: &Problem| p.span.and_then(|s| sources.range(s)).map(|r| format!("{}:{}", r.filename, r.start.line));
    problems.iter().map(|p| format!("{} @ {}", p.summary, place(p).unwrap_or_default())).collect()
}

/// A value in a short form for comparison.
pub(crate) fn show(v: &Value) -> String {
    let inner = match v.kind() {
        Kind::Null => "null".to_owned(),
        Kind::Unknown(_) => format!("unknown {}", v.ty()),
        Kind::Bool(b) => b.to_string(),
        Kind::Number(n) => n.to_string(),
        Kind::String(s) => format!("{s:?}"),
        Kind::List(l) => format!("list{}", list(l)),
        Kind::Set(l) => format!("set{}", list(l)),
        Kind::Tuple(l) => list(l),
        Kind::Map(m) => format!("map{}", object(m)),
        Kind::Object(m) => object(m),
    };
    if v.marks().is_sensitive() { format!("sensitive({inner})") } else { inner }
}

fn list(l: &[Value]) -> String {
    format!("[{}]", l.iter().map(show).collect::<Vec<_>>().join(", "))
}

fn object(m: &BTreeMap<String, Value>) -> String {
    format!("{{{}}}", m.iter().map(|(k, v)| format!("{k} = {}", show(v))).collect::<Vec<_>>().join(", "))
}

/// An instance of a module, evaluated on demand.
pub(crate) struct Instance<'c> {
    module: &'c Module,
    variables: BTreeMap<String, Value>,
    files: &'c Memory,
    pub(crate) problems: RefCell<Vec<Problem>>,
}

impl<'c> Instance<'c> {
    /// The root with values for its variables.
    pub(crate) fn root(config: &'c Config, variables: BTreeMap<String, Value>, files: &'c Memory) -> Instance<'c> {
        Instance { module: &config.root, variables, files, problems: RefCell::default() }
    }
    /// The value of an output.
    pub(crate) fn output(&self, name: &str) -> Option<Value> {
        Some(self.eval(&self.module.outputs.get(name)?.value, None))
    }
    /// The value of an output as the console prints it; `error` if something is wrong with it.
    pub(crate) fn console(&self, name: &str) -> Option<String> {
        let value = eval::console(&self.module.outputs.get(name)?.value, &At { instance: self, each: None });
        let wrong = value.is_err() || !self.problems.take().is_empty();
        Some(value.ok().filter(|_| !wrong).unwrap_or_else(|| "error".to_owned()))
    }
    fn eval(&self, e: &stackctl_hcl::Expr, each: Option<&(Value, Value)>) -> Value {
        let (v, problems) = eval::expr(e, &At { instance: self, each });
        self.problems.borrow_mut().extend(problems);
        v
    }
    fn expand<T>(&self, r: &Repeat, mut make: impl FnMut(Option<&(Value, Value)>) -> T) -> Many<T> {
        let (x, problems) = eval::repeat(r, Unknowns::Refused, &At { instance: self, each: None });
        self.problems.borrow_mut().extend(problems);
        match x {
            Expansion::Single => Many::One(make(None)),
            Expansion::Count(n) => {
                let n = i64::try_from(n).unwrap();
                Many::List((0..n).map(|i| make(Some(&(Value::from(i), Value::from(i))))).collect())
            }
            Expansion::ForEach(m) => {
                Many::Map(m.into_iter().map(|(k, v)| (k.clone(), make(Some(&(Value::from(k.as_str()), v))))).collect())
            }
            Expansion::Unknown { .. } => Many::None,
        }
    }
    fn children(&self, call: &str) -> Result<Many<Instance<'c>>, Problem> {
        let missing = || Problem::error("Reference to undeclared module", call);
        let c = self.module.module_calls.get(call).ok_or_else(missing)?;
        let child = self.module.children.get(call).ok_or_else(missing)?;
        Ok(self.expand(&c.repeat, |each| {
            let mut variables = BTreeMap::new();
            for v in child.variables.values() {
                let given = c.body.attribute(&v.name);
                let span = given.map_or(c.span, |a| a.expr.span);
                match inputs::prepare(v, given.map(|a| self.eval(&a.expr, each)), span) {
                    Ok(value) => drop(variables.insert(v.name.clone(), value)),
                    Err(p) => self.problems.borrow_mut().push(p),
                }
            }
            Instance { module: child, variables, files: self.files, problems: RefCell::default() }
        }))
    }
    fn outputs(&self) -> Value {
        Value::object(self.module.outputs.keys().filter_map(|n| Some((n, self.output(n)?))))
    }
}

enum Many<T> {
    None,
    One(T),
    List(Vec<T>),
    Map(BTreeMap<String, T>),
}

impl<T> Many<T> {
    fn value(self, f: impl Fn(T) -> Value) -> Value {
        match self {
            Many::None => Value::dynamic(),
            Many::One(t) => f(t),
            Many::List(l) => Value::tuple(l.into_iter().map(f).collect()),
            Many::Map(m) => Value::object(m.into_iter().map(|(k, t)| (k, f(t)))),
        }
    }
}

struct At<'i, 'c> {
    instance: &'i Instance<'c>,
    each: Option<&'i (Value, Value)>,
}

impl Scope for At<'_, '_> {
    fn resolve(&self, r: &Reference<'_>) -> Result<Value, Problem> {
        let i = self.instance;
        let missing = || Problem::error("Reference to undeclared object", r.subject.to_string());
        match r.subject {
            Subject::Variable(n) => i.variables.get(n).cloned().ok_or_else(missing),
            Subject::Local(n) => Ok(i.eval(&i.module.locals.get(n).ok_or_else(missing)?.value, None)),
            Subject::Resource(mode, ty, name) => {
                let r = i.module.resource(mode, ty, name).ok_or_else(missing)?;
                let made = i.expand(&r.repeat, |each| {
                    let args = r.body.attributes().map(|a| (a.name.as_str(), i.eval(&a.expr, each)));
                    let id = [("id", Value::unknown(&Ty::String).not_null())];
                    Value::object(args.chain(id).collect::<Vec<_>>())
                });
                Ok(made.value(|v| v))
            }
            Subject::Module(call) => Ok(i.children(call)?.value(|c| c.outputs())),
            Subject::Output { call, key, output } => {
                let child = match (i.children(call)?, key) {
                    (Many::One(c), None) => Some(c),
                    (Many::List(l), Some(Key::Int(n))) => l.into_iter().nth(usize::try_from(n).unwrap()),
                    (Many::Map(mut m), Some(Key::Str(k))) => m.remove(k),
                    _ => None,
                };
                child.and_then(|c| c.output(output)).ok_or_else(missing)
            }
            Subject::CountIndex | Subject::EachKey => self.each.map(|e| e.0.clone()).ok_or_else(missing),
            Subject::EachValue => self.each.map(|e| e.1.clone()).ok_or_else(missing),
            Subject::PathModule => Ok(Value::string(i.module.dir.display().to_string())),
            Subject::PathRoot => Ok(Value::from(".")),
            Subject::Workspace => Ok(Value::from("default")),
            _ => Err(missing()),
        }
    }
    fn world(&self) -> Option<World<'_>> {
        Some(world(self.instance.files))
    }
}
