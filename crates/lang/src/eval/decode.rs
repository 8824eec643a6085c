//! Bodies to objects of a schema's type.
//!
//! A [`Spec`] is a schema prepared once: its null and empty values are made ahead, so that decoding an instance costs
//! what its configuration says and not what its type could say. Everything wrong with a body is reported together, each
//! at its place.
//!
//! Blocks from a `dynamic` whose `for_each` is unknown make the whole list or set of that kind unknown, because nothing
//! about its length may be decided (a single nested block becomes an object whose configured attributes are unknown);
//! its content is evaluated once nevertheless, for its errors.

use std::collections::BTreeMap;

use stackctl_core::ty::ObjectTy;
use stackctl_core::{Attr, Block as Schema, Nesting, Presence, Ty};
use stackctl_hcl::ast::Block;
use stackctl_hcl::{Attribute, Body, ExprKind, Item, Span};

use super::Scope;
use super::describe::a_type;
use super::evaluator::Evaluator;
use crate::convert::convert;
use crate::diag::Problem;
use crate::ops;
use crate::refs::{Dynamic, keyword};
use crate::value::{Marks, Value};

/// What a body says.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// An object of the schema's type: attributes that the body leaves out are null, blocks that it leaves out empty.
    pub value: Value,
    /// Errors and warnings, placed.
    pub problems: Vec<Problem>,
}

/// A schema's block, prepared for decoding.
pub struct Spec<'s> {
    block: &'s Schema,
    /// What it decodes is not stored: provider configurations, provisioners, ephemeral resources.
    ephemeral: bool,
    refused: &'s [(&'static str, &'static str)],
    /// Null of each attribute, nothing of each nested block.
    blank: BTreeMap<&'s str, Value>,
    nested: BTreeMap<&'s str, Nested<'s>>,
    /// Of attributes that may be written as blocks and whose members the schema describes.
    elements: BTreeMap<&'s str, Spec<'s>>,
}

struct Nested<'s> {
    spec: Spec<'s>,
    ty: Ty,
}

impl<'s> Spec<'s> {
    /// Prepares a block. `refused` are arguments that exist and are refused, with the reason.
    pub fn new(block: &'s Schema, refused: &'s [(&'static str, &'static str)]) -> Spec<'s> {
        let mut blank: BTreeMap<&str, Value> = block.attrs.iter().map(|(n, a)| (*n, Value::null(&a.ty))).collect();
        let mut nested = BTreeMap::new();
        for (name, b) in &block.blocks {
            let ty = b.block.ty();
            let nothing = match b.nesting {
                Nesting::Single => Value::null(&ty),
                Nesting::List => Value::list(&ty, Vec::new()),
                Nesting::Set => Value::set(&ty, Vec::new()),
            };
            blank.insert(name, nothing);
            nested.insert(*name, Nested { spec: Spec::new(&b.block, &[]), ty });
        }
        let elements = block.attrs.iter().filter_map(|(n, a)| Some((*n, Spec::new(a.element.as_deref()?, &[]))));
        Spec { elements: elements.collect(), block, ephemeral: false, refused, blank, nested }
    }

    /// For bodies whose values are never stored, as those of `provider` blocks: ephemeral values are welcome.
    #[must_use]
    pub fn not_stored(mut self) -> Spec<'s> {
        self.ephemeral = true;
        self
    }

    /// Decodes a body. `header` is where the block as a whole stands, for what is missing from it.
    pub fn decode(&self, body: &Body, header: Span, scope: &dyn Scope) -> Decoded {
        let mut d = Decoder { ev: Evaluator::new(scope), top: true, ephemeral: self.ephemeral, marks: Marks::NONE };
        let value = d.body(self, body, header);
        Decoded { value, problems: d.ev.problems }
    }
}

struct Decoder<'a> {
    ev: Evaluator<'a>,
    top: bool,
    /// Ephemeral values are welcome.
    ephemeral: bool,
    /// Marks of the collections that the `dynamic` blocks around iterate over.
    marks: Marks,
}

/// The blocks of one kind, in source order.
#[derive(Default)]
struct Group {
    items: Vec<Value>,
    /// A `dynamic` with an unknown collection is among them.
    unknown: bool,
    /// The first too many, or else the last.
    at: Option<Span>,
}

impl<'a> Decoder<'a> {
    fn body(&mut self, spec: &Spec<'_>, body: &'a Body, header: Span) -> Value {
        let top = std::mem::replace(&mut self.top, false);
        let mut values = spec.blank.clone();
        let mut groups: BTreeMap<&str, Group> = BTreeMap::new();
        for item in &body.items {
            match item {
                Item::Attribute(a) => {
                    let name = a.name.as_str();
                    if let Some((key, attr)) = spec.block.attrs.get_key_value(name) {
                        if let Some(v) = self.attribute(attr, a) {
                            values.insert(key, v);
                        }
                    } else if let Some((key, _)) = spec.block.blocks.get_key_value(name)
                        && self.is_json(a.name.span)
                    {
                        self.json_blocks(spec, key, a, groups.entry(key).or_default());
                    } else {
                        self.unsupported(spec, name, a.name.span, false, top);
                    }
                }
                Item::Block(b) => match Dynamic::of(b) {
                    Some(d) => {
                        let known = spec.block.blocks.get_key_value(d.kind).map(|(k, _)| *k);
                        match known.or_else(|| as_block(spec.block, d.kind)) {
                            Some(key) => self.dynamic(spec, key, &d, groups.entry(key).or_default()),
                            None => self.unsupported(spec, d.kind, d.kind_span, true, top),
                        }
                    }
                    None => {
                        let name = b.kind.as_str();
                        let known = spec.block.blocks.get_key_value(name).map(|(k, _)| *k);
                        match known.or_else(|| as_block(spec.block, name)) {
                            Some(key) => {
                                self.labels(b);
                                let v = self.nested(spec, key, &b.body, b.header_span);
                                let g = groups.entry(key).or_default();
                                g.items.push(v);
                                self.limit(spec, key, g, b.header_span);
                            }
                            None => self.unsupported(spec, name, b.kind.span, true, top),
                        }
                    }
                },
            }
        }
        self.missing(spec, body, header, &groups);
        for (name, group) in groups {
            values.insert(key_of(spec, name), self.collect(spec, name, group));
        }
        Value::object(values)
    }

    fn is_json(&self, span: Span) -> bool {
        let sources = self.ev.scope.sources();
        sources.and_then(|s| s.get(span.file)).is_some_and(|f| f.name().ends_with(".json"))
    }

    fn attribute(&mut self, attr: &Attr, a: &'a Attribute) -> Option<Value> {
        let name = a.name.as_str();
        if attr.presence == Presence::Computed {
            self.ev.fail(|_| {
                Problem::error(
                    "Value for unconfigurable attribute",
                    format!("Can't configure a value for \"{name}\": its value will be decided automatically."),
                )
                .at(a.name.span)
            });
            return None;
        }
        let v = self.ev.eval(&a.expr);
        let v = match convert(&v, &attr.ty) {
            Ok(v) => v,
            Err(err) => {
                self.ev.fail_at(&a.expr, || {
                    Problem::error(
                        "Incorrect attribute value type",
                        format!("Inappropriate value for attribute \"{name}\": {err}."),
                    )
                });
                Value::unknown(&attr.ty)
            }
        };
        if attr.presence == Presence::Required && v.is_null() {
            self.ev.fail_at(&a.expr, || {
                Problem::error(
                    "Missing required argument",
                    format!("The argument \"{name}\" is required, but its value is null."),
                )
            });
        }
        if let Some(why) = attr.deprecated
            && !v.is_null()
        {
            self.warn(Problem::warning("Argument is deprecated", sentence(why)).at(a.name.span));
        }
        if v.all_marks().is_ephemeral() && !attr.write_only && !self.ephemeral {
            self.ev.fail_at(&a.expr, || {
                Problem::error(
                    "Invalid use of ephemeral value",
                    format!(
                        "Ephemeral values are not valid for \"{name}\", because its value is stored in plan and state."
                    ),
                )
            });
        }
        Some(v.with_marks(self.marks))
    }

    fn warn(&mut self, p: Problem) {
        if self.ev.quiet == 0 {
            self.ev.problems.push(p);
        }
    }

    fn labels(&mut self, b: &Block) {
        if let Some(l) = b.labels.first() {
            let kind = b.kind.as_str();
            let detail = format!("No labels are expected for {kind} blocks.");
            self.ev.fail_span(l.span, "Extraneous label for nested block", detail);
        }
    }

    /// One block of a kind, by its schema or by the object type of an attribute that may be written as blocks.
    fn nested(&mut self, spec: &Spec<'_>, kind: &str, body: &'a Body, header: Span) -> Value {
        if let Some(n) = spec.nested.get(kind) {
            if let Some(why) = spec.block.blocks.get(kind).and_then(|b| b.deprecated) {
                self.warn(Problem::warning("Block is deprecated", sentence(why)).at(header));
            }
            return self.body(&n.spec, body, header);
        }
        if let Some(e) = spec.elements.get(kind) {
            return self.body(e, body, header);
        }
        match spec.block.attrs.get(kind).and_then(|a| element(&a.ty)) {
            Some(o) => self.object_body(o, body),
            None => Value::dynamic(),
        }
    }

    /// A block that stands for an object of an attribute's type: arguments left out are null.
    fn object_body(&mut self, o: &ObjectTy, body: &'a Body) -> Value {
        let mut values: BTreeMap<&str, Value> = o.attrs.iter().map(|(n, t)| (n.as_str(), Value::null(t))).collect();
        let mut lists: BTreeMap<&str, Group> = BTreeMap::new();
        for item in &body.items {
            let (name, at) = match item {
                Item::Attribute(a) => (a.name.as_str(), a.name.span),
                Item::Block(b) => match Dynamic::of(b) {
                    Some(d) => (d.kind, d.kind_span),
                    None => (b.kind.as_str(), b.kind.span),
                },
            };
            let Some((key, ty)) = o.attrs.get_key_value(name) else {
                self.ev.fail(|_| {
                    Problem::error(
                        "Unsupported argument",
                        format!("An argument named \"{name}\" is not expected here."),
                    )
                    .at(at)
                    .suggest(name, o.attrs.keys().map(String::as_str))
                });
                continue;
            };
            match (item, element(ty)) {
                (Item::Attribute(a), _) => {
                    let v = self.ev.eval(&a.expr);
                    let v = convert(&v, ty).unwrap_or_else(|err| {
                        self.ev.fail_at(&a.expr, || {
                            let detail = format!("Inappropriate value for attribute \"{name}\": {err}.");
                            Problem::error("Incorrect attribute value type", detail)
                        });
                        Value::unknown(ty)
                    });
                    values.insert(key, v.with_marks(self.marks));
                }
                (Item::Block(b), Some(inner)) => {
                    let g = lists.entry(key).or_default();
                    match Dynamic::of(b) {
                        Some(d) => self.expand(&d, g, &mut |this, body| this.object_body(inner, body)),
                        None => g.items.push(self.object_body(inner, &b.body)),
                    }
                }
                (Item::Block(b), None) => self.needs_equals(name, b.kind.span),
            }
        }
        for (name, g) in lists {
            if let Some(ty) = o.attrs.get(name) {
                values.insert(name, of_elements(ty, g));
            }
        }
        Value::object(values)
    }

    fn needs_equals(&mut self, name: &str, at: Span) {
        self.ev.fail(|_| {
            Problem::error("Unsupported block type", format!("Blocks of type \"{name}\" are not expected here."))
                .at(at)
                .hinted(format!(
                    "Did you mean to define argument \"{name}\"? Then write an equals sign: {name} = {{ … }}."
                ))
        });
    }

    fn dynamic(&mut self, spec: &Spec<'_>, key: &str, d: &Dynamic<'a>, g: &mut Group) {
        let before = g.items.len();
        self.expand(d, g, &mut |this, body| this.nested(spec, key, body, d.block.header_span));
        if g.items.len() > before {
            self.limit(spec, key, g, d.block.header_span);
        }
    }

    /// Makes the blocks of a `dynamic` block.
    fn expand(&mut self, d: &Dynamic<'a>, g: &mut Group, make: &mut dyn FnMut(&mut Self, &'a Body) -> Value) {
        let errors = self.ev.errors;
        self.check_dynamic(d);
        let (Some(for_each), Some(content)) = (d.for_each, d.content) else { return };
        let collection = self.ev.eval(for_each);
        if self.ev.errors > errors {
            return;
        }
        if collection.is_null() {
            self.ev.fail_at(for_each, || {
                Problem::error("Invalid dynamic for_each value", "Cannot use a null value in for_each.")
            });
            return;
        }
        let entries = match ops::entries(&collection) {
            Ok(entries) => entries,
            Err(_) => {
                let ty = a_type(&collection.ty());
                self.ev.fail_at(for_each, || {
                    Problem::error(
                        "Invalid dynamic for_each value",
                        format!("Cannot use {ty} value in for_each. An iterable collection is required."),
                    )
                });
                return;
            }
        };
        let outer = self.marks;
        self.marks |= collection.marks();
        match entries {
            Some(entries) => {
                for (k, v) in entries {
                    let item = Value::object([("key", k), ("value", v)]);
                    self.ev.names.push((d.iterator, item));
                    let made = make(self, content);
                    self.ev.names.pop();
                    g.items.push(made);
                }
            }
            None => {
                let item = Value::object([("key", Value::dynamic()), ("value", Value::dynamic())]);
                self.ev.names.push((d.iterator, item));
                let made = make(self, content);
                self.ev.names.pop();
                g.items.push(all_unknown(&made));
                g.unknown = true;
            }
        }
        self.marks = outer;
    }

    fn check_dynamic(&mut self, d: &Dynamic<'a>) {
        let header = d.block.header_span;
        if d.for_each.is_none() {
            let detail = "A dynamic block needs the argument \"for_each\", which gives it its blocks.";
            self.ev.fail_span(header, "Missing required argument", detail);
        }
        if d.content.is_none() {
            self.ev.fail_span(header, "Missing required block", "A dynamic block needs exactly one \"content\" block.");
        }
        if let Some(second) = d.block.body.blocks_of("content").nth(1) {
            let detail = "A dynamic block has exactly one \"content\" block.";
            self.ev.fail_span(second.header_span, "Duplicate content block", detail);
        }
        if let Some(e) = d.labels {
            let detail = format!("Blocks of type \"{}\" have no labels.", d.kind);
            self.ev.fail_span(e.span, "Extraneous dynamic block labels", detail);
        }
        for item in &d.block.body.items {
            match item {
                Item::Attribute(a) => match a.name.as_str() {
                    "iterator" if keyword(&a.expr).is_none() => {
                        let detail = "The iterator is a single name, without quotes.";
                        self.ev.fail_span(a.expr.span, "Invalid expression", detail);
                    }
                    "for_each" | "iterator" | "labels" => {}
                    name => {
                        self.ev.fail(|_| {
                            let detail = format!("An argument named \"{name}\" is not expected in a dynamic block.");
                            Problem::error("Unsupported argument", detail)
                                .at(a.name.span)
                                .suggest(name, ["for_each", "iterator"])
                        });
                    }
                },
                Item::Block(b) if b.kind.as_str() != "content" => {
                    let detail = "In a dynamic block stands a \"content\" block, and what it holds inside of that.";
                    self.ev.fail_span(b.header_span, "Unsupported block type", detail);
                }
                Item::Block(_) => {}
            }
        }
    }

    /// In JSON a property may stand for blocks: an object for one, an array for several.
    fn json_blocks(&mut self, spec: &Spec<'_>, key: &str, a: &'a Attribute, g: &mut Group) {
        let many = match &a.expr.kind {
            ExprKind::Tuple(items) => items.as_slice(),
            _ => std::slice::from_ref(&a.expr),
        };
        for e in many {
            match &e.kind {
                ExprKind::Object(items) => {
                    let mut cx = crate::config::fields::Cx::default();
                    let body = crate::config::fields::json_body_with_dynamics(items.clone(), e.span, &mut cx);
                    let ev = Evaluator::new(self.ev.scope);
                    let mut d = Decoder { ev, top: false, ephemeral: self.ephemeral, marks: self.marks };
                    d.ev.names.extend(self.ev.names.iter().map(|(n, v)| (*n, v.clone())));
                    let v = d.nested(spec, key, &body, e.span);
                    let (errors, problems) = (d.ev.errors, d.ev.problems);
                    self.ev.errors += errors + cx.problems.len();
                    self.ev.problems.extend(problems);
                    self.ev.problems.extend(cx.problems);
                    g.items.push(v);
                    self.limit(spec, key, g, a.name.span);
                }
                ExprKind::Literal(_) | ExprKind::Invalid => {}
                _ => {
                    let detail = format!("An object is required here, to stand for a \"{key}\" block.");
                    self.ev.fail_span(e.span, "Incorrect JSON value type", detail);
                }
            }
        }
    }

    fn limit(&mut self, spec: &Spec<'_>, key: &str, g: &mut Group, at: Span) {
        let Some(b) = spec.block.blocks.get(key) else { return };
        let max = if b.nesting == Nesting::Single { 1 } else { b.max };
        if max > 0 && g.items.len() > max && g.at.is_none() && !g.unknown {
            g.at = Some(at);
            let detail = match max {
                1 => format!("Only one \"{key}\" block is allowed."),
                n => format!("No more than {n} \"{key}\" blocks are allowed."),
            };
            self.ev.fail_span(at, "Too many blocks", detail);
        }
    }

    fn missing(&mut self, spec: &Spec<'_>, body: &Body, header: Span, groups: &BTreeMap<&str, Group>) {
        for (name, a) in &spec.block.attrs {
            if a.presence == Presence::Required && body.attribute(name).is_none() && !groups.contains_key(name) {
                let detail = format!("The argument \"{name}\" is required, but no definition was found.");
                self.ev.fail_span(header, "Missing required argument", detail);
            }
        }
        for (name, b) in &spec.block.blocks {
            let g = groups.get(name);
            let n = g.map_or(0, |g| g.items.len());
            if n < b.min && !g.is_some_and(|g| g.unknown) {
                let detail = match b.min {
                    1 => format!("At least one \"{name}\" block is required."),
                    min => format!("At least {min} \"{name}\" blocks are required."),
                };
                self.ev.fail_span(header, "Insufficient blocks", detail);
            }
        }
    }

    fn collect(&mut self, spec: &Spec<'_>, name: &str, mut g: Group) -> Value {
        let Some(b) = spec.block.blocks.get(name) else {
            return spec.block.attrs.get(name).map_or_else(Value::dynamic, |a| of_elements(&a.ty, g));
        };
        let Some(n) = spec.nested.get(name) else { return Value::dynamic() };
        match b.nesting {
            Nesting::Single => g.items.drain(..).next().unwrap_or_else(|| Value::null(&n.ty)),
            Nesting::List if g.unknown => Value::unknown(&Ty::list(n.ty.clone())).not_null(),
            Nesting::Set if g.unknown => Value::unknown(&Ty::set(n.ty.clone())).not_null(),
            Nesting::List => Value::list(&n.ty, g.items),
            Nesting::Set => Value::set(&n.ty, g.items),
        }
    }

    fn unsupported(&mut self, spec: &Spec<'_>, name: &str, at: Span, is_block: bool, top: bool) {
        if let Some((_, why)) = spec.refused.iter().find(|(n, _)| top && *n == name) {
            self.ev.fail_span(at, "Unsupported argument", format!("\"{name}\" is not supported: {}", sentence(why)));
            return;
        }
        let attr = spec.block.attrs.contains_key(name);
        let block = spec.block.blocks.contains_key(name);
        let configurable = spec.block.attrs.iter().filter(|(_, a)| a.configurable()).map(|(n, _)| *n);
        let candidates: Vec<&str> = configurable.chain(spec.block.blocks.keys().copied()).collect();
        self.ev.fail(|_| {
            if is_block {
                let detail = format!("Blocks of type \"{name}\" are not expected here.");
                let p = Problem::error("Unsupported block type", detail).at(at);
                if attr {
                    return p.hinted(format!(
                        "Did you mean to define argument \"{name}\"? Then write an equals sign: {name} = {{ … }}."
                    ));
                }
                return p.suggest(name, candidates);
            }
            let detail = format!("An argument named \"{name}\" is not expected here.");
            let p = Problem::error("Unsupported argument", detail).at(at);
            if block {
                return p.hinted(format!(
                    "Did you mean to define a block of type \"{name}\"? Then leave out the equals sign: {name} {{ … }}."
                ));
            }
            p.suggest(name, candidates)
        });
    }
}

fn key_of<'k>(spec: &Spec<'k>, name: &str) -> &'k str {
    let block = spec.block.blocks.get_key_value(name).map(|(k, _)| *k);
    block.or_else(|| spec.block.attrs.get_key_value(name).map(|(k, _)| *k)).unwrap_or_default()
}

/// The attribute of a name, if it may be written as blocks.
fn as_block<'k>(block: &'k Schema, name: &str) -> Option<&'k str> {
    let (key, a) = block.attrs.get_key_value(name)?;
    (a.as_block && a.configurable() && element(&a.ty).is_some()).then_some(*key)
}

/// The object type of a list's or set's elements.
fn element(ty: &Ty) -> Option<&ObjectTy> {
    match ty {
        Ty::List(t) | Ty::Set(t) => match &**t {
            Ty::Object(o) => Some(o),
            _ => None,
        },
        _ => None,
    }
}

/// The value of an attribute written as blocks. Where `dynamic` made none, the attribute is not set at all.
fn of_elements(ty: &Ty, g: Group) -> Value {
    match ty {
        _ if g.unknown => Value::unknown(ty),
        _ if g.items.is_empty() => Value::null(ty),
        Ty::List(t) => Value::list(t, g.items),
        Ty::Set(t) => Value::set(t, g.items),
        _ => Value::unknown(ty),
    }
}

/// The object with every attribute that is set made unknown.
fn all_unknown(v: &Value) -> Value {
    match v.entries() {
        Some(m) => Value::object(m.iter().map(|(k, v)| {
            let unset = v.is_null() || v.is_empty();
            (k, if unset { v.clone() } else { Value::unknown(&v.ty()).with_marks(v.all_marks()) })
        })),
        None => Value::unknown(&v.ty()),
    }
}

fn sentence(text: &str) -> String {
    let t = text.trim();
    if t.ends_with(['.', '!', '?']) { t.to_owned() } else { format!("{t}.") }
}
