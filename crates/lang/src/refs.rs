//! References: what an expression or a body refers to, known without evaluating it.
//!
//! A reference borrows from the syntax tree, so that finding and following one allocates nothing. References are found
//! in every branch, taken or not, and in every argument of `try`; names that `for`, `%{ for }` and `dynamic` bind are
//! left out. Start at [`Reference::of`], [`references`] and [`body_references`].

use stackctl_core::{InstanceKey, Mode};
use stackctl_hcl::ast::{
    Block, IndexKey, Literal, ObjectKey, ScopeTraversal, StepKind, TemplatePart, TemplateStyle, TraversalStep,
};
use stackctl_hcl::{Body, Expr, ExprKind, Item, Span};

use crate::diag::Problem;

/// What a traversal refers to, and the steps that lead on from there.
#[derive(Clone, Copy, Debug)]
pub struct Reference<'a> {
    /// The object.
    pub subject: Subject<'a>,
    /// Steps into its value.
    pub rest: &'a [TraversalStep],
    /// Root and steps up to the object.
    pub span: Span,
}

/// What can be referred to. For a resource and a module it is the whole with all instances; instance keys are among the
/// steps that follow (but see [`Subject::Output`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject<'a> {
    /// `var.name`
    Variable(&'a str),
    /// `local.name`
    Local(&'a str),
    /// `aws_subnet.a`, `data.aws_ami.b`, `ephemeral.x.y`: the object, the tuple (`count`) or the object of instances
    /// by key (`for_each`).
    Resource(Mode, &'a str, &'a str),
    /// `module.m` without an output name that is known statically: an object of outputs, or a tuple or object of such.
    Module(&'a str),
    /// `module.m.out`, `module.m[0].out`, `module.m["k"].out`: one output of the single instance or of the one named.
    Output {
        /// Name of the call.
        call: &'a str,
        /// Key of the instance, as written.
        key: Option<Key<'a>>,
        /// Name of the output.
        output: &'a str,
    },
    /// `count.index`
    CountIndex,
    /// `each.key`
    EachKey,
    /// `each.value`
    EachValue,
    /// `self`
    SelfObject,
    /// `path.module`
    PathModule,
    /// `path.root`
    PathRoot,
    /// `path.cwd`
    PathCwd,
    /// `terraform.workspace`
    Workspace,
    /// `terraform.applying`
    Applying,
}

/// A literal instance key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key<'a> {
    /// `[0]`
    Int(u64),
    /// `["k"]`
    Str(&'a str),
}

impl<'a> Key<'a> {
    /// The key that an index can be; `None` for one that no instance has.
    pub fn of(key: &'a IndexKey) -> Option<Key<'a>> {
        match key {
            IndexKey::Number(n) => n.parse().ok().map(Key::Int),
            IndexKey::String(s) => Some(Key::Str(s)),
            IndexKey::Bool(_) | IndexKey::Null => None,
        }
    }
    /// The key, owned.
    pub fn instance(self) -> InstanceKey {
        match self {
            Key::Int(i) => InstanceKey::Int(i),
            Key::Str(s) => InstanceKey::Str(s.to_owned()),
        }
    }
}

impl<'a> Reference<'a> {
    /// What a traversal refers to.
    ///
    /// # Errors
    /// If no reference looks like this.
    pub fn of(t: &'a ScopeTraversal) -> Result<Reference<'a>, Problem> {
        let steps = t.steps.as_slice();
        let make = |subject, taken: usize| {
            let span = taken.checked_sub(1).map_or(t.root.span, |last| t.root.span.to(steps[last].span));
            Ok(Reference { subject, rest: &steps[taken..], span })
        };
        let bad = |detail: String| Err(Problem::error("Invalid reference", detail).at(t.span));
        let root = t.root.as_str();
        match root {
            "var" => match name(steps, 0) {
                Some(n) => make(Subject::Variable(n), 1),
                None => bad("\"var\" is followed by the name of an input variable: var.name.".into()),
            },
            "local" => match name(steps, 0) {
                Some(n) => make(Subject::Local(n), 1),
                None => bad("\"local\" is followed by the name of a local value: local.name.".into()),
            },
            "module" => {
                let Some(call) = name(steps, 0) else {
                    return bad("\"module\" is followed by the name of a module call: module.name.".into());
                };
                match steps.get(1).map(|s| &s.kind) {
                    Some(StepKind::Attr(output)) => make(Subject::Output { call, key: None, output }, 2),
                    Some(StepKind::Index(key)) => match (Key::of(key), name(steps, 2)) {
                        (key @ Some(_), Some(output)) => make(Subject::Output { call, key, output }, 3),
                        _ => make(Subject::Module(call), 1),
                    },
                    _ => make(Subject::Module(call), 1),
                }
            }
            "data" | "resource" | "ephemeral" => {
                let mode = match root {
                    "data" => Mode::Data,
                    "resource" => Mode::Managed,
                    _ => Mode::Ephemeral,
                };
                match (name(steps, 0), name(steps, 1)) {
                    (Some(ty), Some(n)) => make(Subject::Resource(mode, ty, n), 2),
                    _ => bad(format!("\"{root}\" is followed by a type and a name: {root}.TYPE.NAME.")),
                }
            }
            "count" => match name(steps, 0) {
                Some("index") => make(Subject::CountIndex, 1),
                _ => bad("\"count\" has one attribute only: count.index.".into()),
            },
            "each" => match name(steps, 0) {
                Some("key") => make(Subject::EachKey, 1),
                Some("value") => make(Subject::EachValue, 1),
                _ => bad("\"each\" has two attributes only: each.key and each.value.".into()),
            },
            "self" => make(Subject::SelfObject, 0),
            "path" => match name(steps, 0) {
                Some("module") => make(Subject::PathModule, 1),
                Some("root") => make(Subject::PathRoot, 1),
                Some("cwd") => make(Subject::PathCwd, 1),
                _ => bad("\"path\" has three attributes only: path.module, path.root and path.cwd.".into()),
            },
            "terraform" | "tofu" => match name(steps, 0) {
                Some("workspace") => make(Subject::Workspace, 1),
                Some("applying") => make(Subject::Applying, 1),
                Some("env") => bad("terraform.env was removed: use terraform.workspace.".into()),
                _ => bad("\"terraform\" has two attributes: terraform.workspace and terraform.applying.".into()),
            },
            ty => match name(steps, 0) {
                Some(n) => make(Subject::Resource(Mode::Managed, ty, n), 1),
                None => {
                    let p = Problem::error(
                        "Invalid reference",
                        format!(
                            "\"{ty}\" alone refers to nothing. A reference to a resource is its type and name, \
                             TYPE.NAME; a text needs quotes."
                        ),
                    );
                    let roots = ["var", "local", "module", "data", "count", "each", "self", "path", "terraform"];
                    Err(p.at(t.span).suggest(ty, roots))
                }
            },
        }
    }

    /// What an expression that must be a plain reference refers to, as in `depends_on`. Quoted references of JSON are
    /// the loader's business: it has replaced them.
    ///
    /// # Errors
    /// If it is another expression, or no reference looks like this.
    pub fn of_expr(e: &'a Expr) -> Result<Reference<'a>, Problem> {
        match traversal(e) {
            Some(t) => Reference::of(t),
            None => Err(Problem::error("Invalid reference", "A reference to an object is required here.").at(e.span)),
        }
    }

    /// The instance key that the first step names, if it is literal: a hint of which instance is meant.
    pub fn key(&self) -> Option<InstanceKey> {
        match &self.rest.first()?.kind {
            StepKind::Index(key) => instance_key(key),
            StepKind::LegacyIndex(digits) => digits.parse().ok().map(InstanceKey::Int),
            StepKind::Attr(_) => None,
        }
    }
}

/// The instance key that a literal index means; `None` where it can be none.
pub fn instance_key(key: &IndexKey) -> Option<InstanceKey> {
    Key::of(key).map(Key::instance)
}

/// The scope traversal that an expression is, parentheses and a splat or index around it aside.
fn traversal(e: &Expr) -> Option<&ScopeTraversal> {
    match &e.kind {
        ExprKind::ScopeTraversal(t) => Some(t),
        ExprKind::Parens(inner) | ExprKind::TemplateWrap(inner) => traversal(inner),
        ExprKind::Splat(s) => traversal(&s.source),
        ExprKind::Index { source, .. } | ExprKind::RelativeTraversal { source, .. } => traversal(source),
        _ => None,
    }
}

fn name(steps: &[TraversalStep], i: usize) -> Option<&str> {
    match &steps.get(i)?.kind {
        StepKind::Attr(n) => Some(n),
        _ => None,
    }
}

/// Everything that an expression refers to, in source order, with duplicates. Traversals that cannot be references are
/// left out here: [`crate::check`] reports them.
pub fn references(e: &Expr) -> Vec<Reference<'_>> {
    let mut out = Vec::new();
    Walk::new(&mut |e, at| out.extend(at.free(e).and_then(|t| Reference::of(t).ok()))).expr(e);
    out
}

/// Everything that a body refers to, `dynamic` blocks included.
pub fn body_references(b: &Body) -> Vec<Reference<'_>> {
    let mut out = Vec::new();
    Walk::new(&mut |e, at| out.extend(at.free(e).and_then(|t| Reference::of(t).ok()))).body(b);
    out
}

/// Where a [`Walk`] is.
pub struct At<'a> {
    /// Names that `for` and `dynamic` around the expression bind.
    bound: Vec<&'a str>,
    /// Number of `try` and `can` around the expression.
    tries: u32,
}

impl<'a> At<'a> {
    /// The traversal that an expression is, unless its root is a bound name.
    pub fn free(&self, e: &'a Expr) -> Option<&'a ScopeTraversal> {
        match &e.kind {
            ExprKind::ScopeTraversal(t) if !self.bound.contains(&t.root.as_str()) => Some(t),
            _ => None,
        }
    }
    /// True inside of `try` and `can`, whose dynamic errors do not count.
    pub fn is_tried(&self) -> bool {
        self.tries > 0
    }
}

/// Visits every expression, outer ones first.
pub struct Walk<'a, 'f> {
    visit: &'f mut dyn FnMut(&'a Expr, &At<'a>),
    at: At<'a>,
}

impl<'a, 'f> Walk<'a, 'f> {
    /// A walk that calls `visit` for each.
    pub fn new(visit: &'f mut dyn FnMut(&'a Expr, &At<'a>)) -> Walk<'a, 'f> {
        Walk { visit, at: At { bound: Vec::new(), tries: 0 } }
    }
    /// Walks a body.
    pub fn body(&mut self, b: &'a Body) {
        for item in &b.items {
            match item {
                Item::Attribute(a) => self.expr(&a.expr),
                Item::Block(b) => match Dynamic::of(b) {
                    Some(d) => self.dynamic(&d),
                    None => self.body(&b.body),
                },
            }
        }
    }
    fn dynamic(&mut self, d: &Dynamic<'a>) {
        if let Some(e) = d.for_each {
            self.expr(e);
        }
        self.at.bound.push(d.iterator);
        if let Some(e) = d.labels {
            self.expr(e);
        }
        if let Some(b) = d.content {
            self.body(b);
        }
        self.at.bound.pop();
    }
    /// Walks an expression.
    pub fn expr(&mut self, e: &'a Expr) {
        (self.visit)(e, &self.at);
        match &e.kind {
            ExprKind::Literal(_) | ExprKind::SplatItem | ExprKind::Invalid | ExprKind::ScopeTraversal(_) => {}
            ExprKind::Template(t) => self.parts(&t.parts),
            ExprKind::TemplateWrap(e) | ExprKind::Parens(e) => self.expr(e),
            ExprKind::RelativeTraversal { source, .. } => self.expr(source),
            ExprKind::Index { source, key } => {
                self.expr(source);
                self.expr(key);
            }
            ExprKind::Splat(s) => {
                self.expr(&s.source);
                self.expr(&s.each);
            }
            ExprKind::FunctionCall(c) => {
                let tries = u32::from(matches!(c.name.as_str(), "try" | "can" | "core::try" | "core::can"));
                self.at.tries += tries;
                c.args.iter().for_each(|a| self.expr(a));
                self.at.tries -= tries;
            }
            ExprKind::Conditional(c) => {
                self.expr(&c.condition);
                self.expr(&c.if_true);
                self.expr(&c.if_false);
            }
            ExprKind::Unary { operand, .. } => self.expr(operand),
            ExprKind::Binary(b) => {
                self.expr(&b.lhs);
                self.expr(&b.rhs);
            }
            ExprKind::Tuple(items) => items.iter().for_each(|e| self.expr(e)),
            ExprKind::Object(items) => {
                for item in items {
                    // A bare key with dots is ambiguous, which evaluation reports, and no reference.
                    if let ObjectKey::Expr(e) = &item.key
                        && !matches!(e.kind, ExprKind::ScopeTraversal(_))
                    {
                        self.expr(e);
                    }
                    self.expr(&item.value);
                }
            }
            ExprKind::For(f) => {
                self.expr(&f.collection);
                let depth = self.at.bound.len();
                self.at.bound.extend(f.key_var.as_ref().map(|k| k.as_str()));
                self.at.bound.push(f.value_var.as_str());
                for e in f.key.iter().chain([&f.value]).chain(&f.condition) {
                    self.expr(e);
                }
                self.at.bound.truncate(depth);
            }
        }
    }
    fn parts(&mut self, parts: &'a [TemplatePart]) {
        for part in parts {
            match part {
                TemplatePart::Literal { .. } => {}
                TemplatePart::Interpolation { expr, .. } => self.expr(expr),
                TemplatePart::If(i) => {
                    self.expr(&i.condition);
                    self.parts(&i.then);
                    self.parts(i.otherwise.as_deref().unwrap_or_default());
                }
                TemplatePart::For(f) => {
                    self.expr(&f.collection);
                    let depth = self.at.bound.len();
                    self.at.bound.extend(f.key.as_ref().map(|k| k.as_str()));
                    self.at.bound.push(f.value.as_str());
                    self.parts(&f.body);
                    self.at.bound.truncate(depth);
                }
            }
        }
    }
}

/// The parts of a `dynamic` block, present or not.
#[derive(Clone, Copy, Debug)]
pub struct Dynamic<'a> {
    /// The kind of block that it makes.
    pub kind: &'a str,
    /// Where the kind is written.
    pub kind_span: Span,
    /// What it iterates over.
    pub for_each: Option<&'a Expr>,
    /// Name of the iterator: `iterator = x`, else the kind.
    pub iterator: &'a str,
    /// Labels of the blocks.
    pub labels: Option<&'a Expr>,
    /// Content of each block.
    pub content: Option<&'a Body>,
    /// The `dynamic` block.
    pub block: &'a Block,
}

impl<'a> Dynamic<'a> {
    /// Takes a `dynamic` block apart; `None` for any other block, and for one without exactly one label.
    pub fn of(block: &'a Block) -> Option<Dynamic<'a>> {
        if block.kind.as_str() != "dynamic" || block.labels.len() != 1 {
            return None;
        }
        let label = &block.labels[0];
        let mut d = Dynamic {
            kind: &label.value,
            kind_span: label.span,
            for_each: block.body.attribute("for_each").map(|a| &a.expr),
            iterator: &label.value,
            labels: block.body.attribute("labels").map(|a| &a.expr),
            content: block.body.blocks_of("content").next().map(|b| &b.body),
            block,
        };
        if let Some(a) = block.body.attribute("iterator")
            && let Some(name) = keyword(&a.expr)
        {
            d.iterator = name;
        }
        Some(d)
    }
}

/// The bare word that an expression is (`all`, `string`), in JSON a text that is one word.
pub fn keyword(e: &Expr) -> Option<&str> {
    match &e.kind {
        ExprKind::ScopeTraversal(t) if t.steps.is_empty() => Some(t.root.as_str()),
        ExprKind::Literal(Literal::Null) => Some("null"),
        ExprKind::Template(t) if t.style == TemplateStyle::Bare => match t.parts.as_slice() {
            [TemplatePart::Literal { value, .. }] => Some(value),
            _ => None,
        },
        _ => None,
    }
}

/// As a user writes it, steps left out: `var.a`, `module.m["k"].out`.
impl std::fmt::Display for Subject<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Subject::Variable(n) => write!(f, "var.{n}"),
            Subject::Local(n) => write!(f, "local.{n}"),
            Subject::Resource(Mode::Managed, ty, n) => write!(f, "{ty}.{n}"),
            Subject::Resource(Mode::Data, ty, n) => write!(f, "data.{ty}.{n}"),
            Subject::Resource(Mode::Ephemeral, ty, n) => write!(f, "ephemeral.{ty}.{n}"),
            Subject::Module(c) => write!(f, "module.{c}"),
            Subject::Output { call, key, output } => {
                write!(f, "module.{call}")?;
                if let Some(k) = key {
                    write!(f, "{}", k.instance())?;
                }
                write!(f, ".{output}")
            }
            Subject::CountIndex => f.write_str("count.index"),
            Subject::EachKey => f.write_str("each.key"),
            Subject::EachValue => f.write_str("each.value"),
            Subject::SelfObject => f.write_str("self"),
            Subject::PathModule => f.write_str("path.module"),
            Subject::PathRoot => f.write_str("path.root"),
            Subject::PathCwd => f.write_str("path.cwd"),
            Subject::Workspace => f.write_str("terraform.workspace"),
            Subject::Applying => f.write_str("terraform.applying"),
        }
    }
}
