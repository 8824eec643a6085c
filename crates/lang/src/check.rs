//! What is wrong with a configuration before anything is evaluated: references to what does not exist, names used out of
//! their context, unknown functions, arguments of module calls.
//!
//! These errors are not caught by `try`, except those that depend on values: an output that a module does not have, or
//! an instance key. Each module's content is checked once, however often it is called. Start at [`configuration`].

use std::collections::HashSet;

use stackctl_core::{Mode, ModuleAddr, Schema};
use stackctl_hcl::ast::{StepKind, TraversalStep};
use stackctl_hcl::{Body, Expr, ExprKind, Span};

use crate::config::{Condition, Config, IgnoreChanges, Module, ModuleCall, Repeat, Resource};
use crate::diag::{Problem, closest};
use crate::eval::call::unknown_function;
use crate::functions;
use crate::refs::{At, Key, Reference, Subject, Walk, body_references, references};

/// Knows the schemas of types, as far as anybody does.
pub trait Schemas {
    /// The schema of a resource type or data source; `None` where the type is not known.
    fn schema(&self, mode: Mode, ty: &str) -> Option<&Schema>;
}

/// No schema is known: attributes of resources are not checked.
impl Schemas for () {
    fn schema(&self, _: Mode, _: &str) -> Option<&Schema> {
        None
    }
}

/// Checks all modules.
pub fn configuration(config: &Config, schemas: &dyn Schemas) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut seen = HashSet::new();
    for module in config.modules() {
        removed(config, module, &mut problems);
        imports(module, &mut problems);
        for call in module.module_calls.values() {
            if let Some(child) = module.children.get(&call.name) {
                arguments(call, child, &mut problems);
            }
        }
        for r in module.resources.values() {
            if let Err(p) = config.resolve_provider(module, r) {
                problems.push(p);
            }
        }
        if seen.insert(std::sync::Arc::as_ptr(&module.content)) {
            let mut c = Checker { module, schemas, problems: Vec::new(), in_console: false };
            c.module();
            problems.append(&mut c.problems);
        }
    }
    let mut told = HashSet::new();
    problems.retain(|p| told.insert((p.span, p.summary.clone(), p.detail.clone())));
    problems.sort_by_key(|p| p.span);
    problems
}

/// `removed` blocks for what is still there.
fn removed(config: &Config, module: &Module, problems: &mut Vec<Problem>) {
    for r in &module.removed {
        let steps = module.path.0.iter().chain(&r.from.module.0).cloned().collect();
        let Some(target) = config.module(&ModuleAddr(steps)) else { continue };
        let (what, first) = match &r.from.resource {
            None => (format!("{}", r.from.module), None),
            Some(key) => match target.resource(key.mode, &key.ty, &key.name) {
                Some(still) => (format!("{}.{}", key.ty, key.name), Some(still.span)),
                None => continue,
            },
        };
        let detail = format!("This block says that {what} was removed, but the configuration still has it.");
        let p = Problem::error("Removed object still exists", detail).at(r.from.span);
        let p = p.hinted("Remove what is still declared, or this block.");
        problems.push(match first {
            Some(span) => p.with(span, "still declared here"),
            None => p,
        });
    }
}

/// `import` blocks are the root's.
fn imports(module: &Module, problems: &mut Vec<Problem>) {
    for i in module.imports.iter().filter(|_| !module.path.is_root()) {
        let detail = format!("{} has an import block; only the root module may have those.", module.path);
        let hint = format!("Move it to the root module: to = {}.…", module.path);
        problems.push(Problem::error("Invalid import configuration", detail).at(i.span).hinted(hint));
    }
}

/// Resources whose own block refers to them, another instance included: an error of the plan, not of `validate`.
pub fn self_references(config: &Config) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut seen = HashSet::new();
    for m in config.modules().into_iter().filter(|m| seen.insert(std::sync::Arc::as_ptr(&m.content))) {
        for r in m.resources.values() {
            let own = Subject::Resource(r.key.mode, &r.key.ty, &r.key.name);
            let exprs = match &r.repeat {
                Repeat::Count(e) | Repeat::ForEach(e) => Some(e),
                Repeat::Single => None,
            };
            let all = exprs.into_iter().chain(&r.depends_on).flat_map(references).chain(body_references(&r.body));
            for found in all.filter(|f| f.subject == own) {
                let detail = format!("Configuration for {own} may not refer to itself.");
                problems.push(Problem::error("Self-referential block", detail).at(found.span));
            }
        }
    }
    problems
}

/// Checks an expression that stands in no file of the module, as the console reads them.
pub fn expression(e: &Expr, module: &Module, schemas: &dyn Schemas) -> Vec<Problem> {
    let mut c = Checker { module, schemas, problems: Vec::new(), in_console: true };
    c.expr(e, &Context::default());
    c.problems
}

/// What may be referred to besides the objects of the module.
#[derive(Clone, Copy, Default)]
struct Context<'c> {
    count: bool,
    each: bool,
    this: bool,
    /// The check block that this is in, whose scoped data source can be seen here only.
    check: Option<&'c str>,
}

impl Context<'_> {
    fn of(r: &Repeat) -> Context<'static> {
        let (count, each) = (matches!(r, Repeat::Count(_)), matches!(r, Repeat::ForEach(_)));
        Context { count, each, ..Context::default() }
    }
}

/// Variables that a call sets and its module does not have, and the other way round.
fn arguments(call: &ModuleCall, child: &Module, problems: &mut Vec<Problem>) {
    for a in call.body.attributes() {
        let name = a.name.as_str();
        if !child.variables.contains_key(name) {
            let detail = format!("The module \"{}\" has no variable named \"{name}\".", call.name);
            let p = Problem::error("Unsupported argument", detail).at(a.name.span);
            problems.push(p.suggest(name, child.variables.keys().map(String::as_str)));
        }
    }
    for v in child.variables.values() {
        if v.default.is_none() && call.body.attribute(&v.name).is_none() {
            let detail = format!("The argument \"{}\" is required, but no definition was found.", v.name);
            let p = Problem::error("Missing required argument", detail).at(call.span);
            problems.push(p.with(v.span, "the module declares the variable here, without a default"));
        }
    }
}

struct Checker<'m> {
    module: &'m Module,
    schemas: &'m dyn Schemas,
    problems: Vec<Problem>,
    /// The console's own functions exist.
    in_console: bool,
}

impl<'m> Checker<'m> {
    fn module(&mut self) {
        let m = self.module;
        let plain = Context::default();
        for v in m.variables.values() {
            for c in &v.validations {
                self.condition(c, &plain);
                let own = |e| references(e).iter().any(|r| r.subject == Subject::Variable(&v.name));
                if !own(&c.condition) {
                    let detail = format!(
                        "The condition for variable \"{}\" must refer to var.{} in order to test incoming values.",
                        v.name, v.name
                    );
                    self.problems
                        .push(Problem::error("Invalid variable validation condition", detail).at(c.condition.span));
                }
            }
        }
        for l in m.locals.values() {
            self.expr(&l.value, &plain);
        }
        for o in m.outputs.values() {
            if o.ephemeral && m.path.is_root() {
                let detail = "Outputs of the root module are stored, so they cannot be ephemeral.";
                let p = Problem::error("Ephemeral output not allowed", detail).at(o.span);
                self.problems.push(p.hinted("Set ephemeral = true on outputs of child modules only."));
            }
            self.expr(&o.value, &plain);
            self.all(&o.depends_on, &plain);
            self.conditions(&o.preconditions, &plain);
        }
        for r in m.resources.values() {
            self.resource(r);
        }
        for c in m.module_calls.values() {
            self.repeat(&c.repeat);
            self.all(&c.depends_on, &plain);
            self.body(&c.body, &Context::of(&c.repeat));
        }
        for p in &m.provider_configs {
            self.body(&p.body, &plain);
        }
        for c in m.checks.values() {
            self.conditions(&c.asserts, &Context { check: Some(&c.name), ..plain });
        }
        for i in &m.imports {
            let cx = Context { each: i.for_each.is_some(), ..plain };
            self.expr(&i.id, &cx);
            if let Some(e) = &i.for_each {
                self.expr(e, &plain);
            }
        }
    }

    fn resource(&mut self, r: &'m Resource) {
        let own = Context { check: r.check.as_deref(), ..Context::of(&r.repeat) };
        self.repeat(&r.repeat);
        self.all(&r.depends_on, &Context::default());
        self.all(&r.lifecycle.replace_triggered_by, &own);
        for e in &r.lifecycle.replace_triggered_by {
            if let Ok(found) = Reference::of_expr(e)
                && !matches!(found.subject, Subject::Resource(Mode::Managed, ..))
            {
                let detail = "Only resources of this module can trigger a replacement, whole or by an attribute.";
                self.problems.push(Problem::error("Invalid replace_triggered_by expression", detail).at(e.span));
            }
        }
        self.body(&r.body, &own);
        self.conditions(&r.lifecycle.preconditions, &own);
        let this = Context { this: true, ..own };
        self.conditions(&r.lifecycle.postconditions, &this);
        for p in &r.provisioners {
            let bodies = || std::iter::once(&p.body).chain(&p.connection);
            for b in bodies() {
                self.body(b, &this);
            }
            let mut others = bodies().flat_map(body_references).filter(|r| p.on_destroy && !lasting(r.subject));
            if let Some(other) = others.next() {
                let detail = "A destroy-time provisioner runs when the rest of the configuration may be gone: it may refer \
                              to \"self\", \"count.index\", \"each.key\" and paths only.";
                self.problems.push(Problem::error("Invalid reference from destroy provisioner", detail).at(other.span));
            }
        }
        if let Some(b) = &r.connection {
            self.body(b, &this);
        }
        if let (IgnoreChanges::Paths(paths), Some(schema)) =
            (&r.lifecycle.ignore_changes, self.schemas.schema(r.key.mode, &r.key.ty))
        {
            for (path, span) in paths {
                let name = path.root().unwrap_or_default();
                self.attribute(schema, name, *span);
            }
        }
    }

    fn repeat(&mut self, r: &'m Repeat) {
        if let Repeat::Count(e) | Repeat::ForEach(e) = r {
            self.expr(e, &Context::default());
        }
    }

    fn conditions(&mut self, all: &'m [Condition], cx: &Context<'_>) {
        for c in all {
            self.condition(c, cx);
        }
    }

    fn condition(&mut self, c: &'m Condition, cx: &Context<'_>) {
        let mut refers = matches!(c.condition.kind, ExprKind::Invalid);
        Walk::new(&mut |e, at| refers |= at.free(e).is_some()).expr(&c.condition);
        if !refers {
            let detail = "The condition must refer to at least one object of the configuration, or else it would not be \
                          checking anything.";
            self.problems.push(Problem::error("Invalid condition expression", detail).at(c.condition.span));
        }
        self.expr(&c.condition, cx);
        self.expr(&c.error_message, cx);
    }

    fn all(&mut self, all: &[Expr], cx: &Context<'_>) {
        for e in all {
            self.expr(e, cx);
        }
    }

    fn body(&mut self, b: &Body, cx: &Context<'_>) {
        let mut found = Vec::new();
        Walk::new(&mut |e, at| self.visit(e, at, cx, &mut found)).body(b);
        self.problems.append(&mut found);
    }

    fn expr(&mut self, e: &Expr, cx: &Context<'_>) {
        let mut found = Vec::new();
        Walk::new(&mut |e, at| self.visit(e, at, cx, &mut found)).expr(e);
        self.problems.append(&mut found);
    }

    fn visit<'e>(&self, e: &'e Expr, at: &At<'e>, cx: &Context<'_>, out: &mut Vec<Problem>) {
        if let ExprKind::FunctionCall(c) = &e.kind
            && let Some(provider) = c.name.as_str().strip_prefix("provider::").and_then(|n| n.split("::").next())
            && !self.module.required_providers.contains_key(provider)
        {
            let detail = format!(
                "This module requires no provider named \"{provider}\": its functions can be called where \
                 required_providers has it."
            );
            out.push(Problem::error("Unknown provider function", detail).at(c.name.span));
        } else if let ExprKind::FunctionCall(c) = &e.kind
            && functions::signature(c.name.as_str()).is_none()
            && !(self.in_console && c.name.as_str() == "type")
        {
            out.push(unknown_function(c.name.as_str(), c.name.span));
        }
        if let Some(t) = at.free(e) {
            match Reference::of(t) {
                Ok(r) => out.extend(self.reference(&r, cx, at.is_tried())),
                Err(p) => out.push(p),
            }
        }
    }

    fn undeclared(&self, what: &str, written: &str, span: Span) -> Problem {
        let place =
            if self.module.path.is_root() { "the root module".to_owned() } else { self.module.path.to_string() };
        let detail = format!("{written} has not been declared in {place}.");
        Problem::error(format!("Reference to undeclared {what}"), detail).at(span)
    }

    fn reference(&self, r: &Reference<'_>, cx: &Context<'_>, tried: bool) -> Option<Problem> {
        let m = self.module;
        let error = |summary: &str, detail: String| Some(Problem::error(summary, detail).at(r.span));
        match r.subject {
            Subject::Variable(n) if !m.variables.contains_key(n) => {
                let names = m.variables.keys().map(String::as_str);
                let written = format!("An input variable with the name \"{n}\"");
                let p = self.undeclared("input variable", &written, r.span).suggest(n, names);
                Some(if p.hint.is_none() { p.hinted(format!("Declare it with: variable \"{n}\" {{}}")) } else { p })
            }
            Subject::Local(n) if !m.locals.contains_key(n) => {
                let names = m.locals.keys().map(String::as_str);
                let written = format!("A local value with the name \"{n}\"");
                Some(self.undeclared("local value", &written, r.span).suggest(n, names))
            }
            Subject::Module(n) | Subject::Output { call: n, .. } if !m.module_calls.contains_key(n) => {
                let names = m.module_calls.keys().map(String::as_str);
                Some(self.undeclared("module", &format!("A module call named \"{n}\""), r.span).suggest(n, names))
            }
            Subject::Output { call, key, output } if !tried => {
                let c = m.module_calls.get(call)?;
                let single = matches!(c.repeat, Repeat::Single);
                if let (Repeat::Count(_), Some(Key::Str(k))) = (&c.repeat, key)
                    && k.parse::<u64>().is_err()
                {
                    let detail = format!(
                        "Because module.{call} has \"count\" set, its instances have numbers as keys, and \"{k}\" is none."
                    );
                    return error("Invalid index", detail);
                }
                // An instance, by its key: `module.m.k.output`.
                let attribute = match r.rest.first().map(|s| (&s.kind, s.span)) {
                    Some((StepKind::Attr(name), span)) => Some((&**name, span)),
                    _ => None,
                };
                let (output, at) = match (&c.repeat, key, attribute) {
                    (Repeat::ForEach(_), None, Some(found)) => found,
                    (Repeat::ForEach(_), None, None) => return None,
                    _ => (output, r.span),
                };
                if !single && key.is_none() && !matches!(c.repeat, Repeat::ForEach(_)) {
                    return error(
                        "Missing module instance key",
                        format!(
                            "Because module.{call} has \"count\" or \"for_each\" set, its outputs must be accessed on \
                             specific instances: module.{call}[KEY].{output}."
                        ),
                    );
                }
                let child = m.children.get(call)?;
                if (key.is_some() && single) || child.outputs.contains_key(output) {
                    return None;
                }
                let p = Problem::error(
                    "Unsupported attribute",
                    format!("The module \"{call}\" has no output named \"{output}\"."),
                );
                Some(p.at(at).suggest(output, child.outputs.keys().map(String::as_str)))
            }
            Subject::Resource(mode, ty, name) => self.resource_reference(r, mode, ty, name, cx),
            Subject::CountIndex if !cx.count => error(
                "Reference to \"count\" in non-counted context",
                "The \"count\" object can only be used in \"module\", \"resource\", and \"data\" blocks, and only when the \
                 \"count\" argument is set."
                    .into(),
            ),
            Subject::EachKey | Subject::EachValue if !cx.each => error(
                "Reference to \"each\" in context without for_each",
                "The \"each\" object can be used only in \"module\" or \"resource\" blocks, and only when the \
                 \"for_each\" argument is set."
                    .into(),
            ),
            Subject::SelfObject if !cx.this => error(
                "Invalid \"self\" reference",
                "The \"self\" object is not available in this context. It can be used only in provisioner, connection, \
                 and postcondition blocks."
                    .into(),
            ),
            _ => None,
        }
    }

    fn resource_reference(
        &self,
        r: &Reference<'_>,
        mode: Mode,
        ty: &str,
        name: &str,
        cx: &Context<'_>,
    ) -> Option<Problem> {
        let m = self.module;
        let word = match mode {
            Mode::Managed => "managed resource",
            Mode::Data => "data resource",
            Mode::Ephemeral => "ephemeral resource",
        };
        let Some(target) = m.resource(mode, ty, name) else {
            let other = m.resources.keys().find(|k| k.ty == ty && k.name == name);
            let names: Vec<&str> =
                m.resources.keys().filter(|k| k.mode == mode && k.ty == ty).map(|k| k.name.as_str()).collect();
            let types: Vec<&str> =
                m.resources.keys().filter(|k| k.mode == mode && k.name == name).map(|k| k.ty.as_str()).collect();
            let prefix = |mode| match mode {
                Mode::Managed => "",
                Mode::Data => "data.",
                Mode::Ephemeral => "ephemeral.",
            };
            let meant = match other {
                Some(k) => Some(format!("{}{ty}.{name}", prefix(k.mode))),
                None => closest(name, names)
                    .map(|n| format!("{}{ty}.{n}", prefix(mode)))
                    .or_else(|| closest(ty, types).map(|t| format!("{}{t}.{name}", prefix(mode)))),
            };
            let p = self.undeclared("resource", &format!("A {word} \"{ty}\" \"{name}\""), r.span);
            return Some(match meant {
                Some(m) => p.hinted(format!("Did you mean {m}?")),
                None => p,
            });
        };
        let addr = r.subject;
        if let Some(check) = &target.check
            && cx.check != Some(check.as_str())
        {
            let detail =
                format!("{addr} is the scoped data source of check \"{check}\", and is visible in there only.");
            return Some(Problem::error("Reference to scoped resource", detail).at(r.span));
        }
        let indexed = matches!(r.rest.first().map(|s| &s.kind), Some(StepKind::Index(_) | StepKind::LegacyIndex(_)));
        let attr = r.rest.first().filter(|s| matches!(s.kind, StepKind::Attr(_)));
        match (&target.repeat, attr) {
            (Repeat::Single, _) if indexed => {
                let detail = format!(
                    "Because {addr} does not have \"count\" or \"for_each\" set, references to it must not include an \
                     index key. Remove the bracketed index to refer to the single instance of this resource."
                );
                return Some(Problem::error("Unexpected resource instance key", detail).at(r.rest[0].span));
            }
            (Repeat::Count(_), Some(s)) => return Some(missing_key(addr, "count", "count.index", s)),
            (Repeat::ForEach(_), Some(s)) => return Some(missing_key(addr, "for_each", "each.key", s)),
            _ => {}
        }
        let step = if indexed { r.rest.get(1) } else { r.rest.first() }?;
        let StepKind::Attr(attr) = &step.kind else { return None };
        self.attribute_problem(self.schemas.schema(mode, ty)?, attr, step.span)
    }

    fn attribute(&mut self, schema: &Schema, name: &str, span: Span) {
        self.problems.extend(self.attribute_problem(schema, name, span));
    }

    fn attribute_problem(&self, schema: &Schema, name: &str, span: Span) -> Option<Problem> {
        let (attrs, blocks) = (&schema.block.attrs, &schema.block.blocks);
        if attrs.contains_key(name) || blocks.contains_key(name) || schema.refused.iter().any(|(n, _)| *n == name) {
            return None;
        }
        let detail = format!("This object has no argument, nested block, or exported attribute named \"{name}\".");
        let p = Problem::error("Unsupported attribute", detail).at(span);
        Some(p.suggest(name, attrs.keys().chain(blocks.keys()).copied()))
    }
}

/// True for what is still there when an object is destroyed.
fn lasting(s: Subject<'_>) -> bool {
    use Subject::{CountIndex, EachKey, PathCwd, PathModule, PathRoot, SelfObject, Workspace};
    matches!(s, SelfObject | CountIndex | EachKey | PathModule | PathRoot | PathCwd | Workspace)
}

fn missing_key(addr: Subject<'_>, set: &str, key: &str, at: &TraversalStep) -> Problem {
    let detail = format!(
        "Because {addr} has \"{set}\" set, its attributes must be accessed on specific instances. For example, to \
         correlate with the instances of a referring resource: {addr}[{key}]."
    );
    Problem::error("Missing resource instance key", detail).at(at.span)
}
