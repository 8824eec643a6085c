//! Schemas prepared for decoding, and the values that objects have in expressions.

use std::collections::BTreeMap;
use std::sync::Arc;

use stackctl_core::{Attr, Block, Known, Mode, Nesting, Partial, Path, Presence, Provider, Schema, Step, Ty};
use stackctl_lang::eval::Spec;
use stackctl_lang::value::{Kind, Marks, Value};

use crate::providers::Providers;

/// A type with what is needed of it again and again.
pub struct TypeInfo<'p> {
    /// Its schema.
    pub schema: &'p Schema,
    /// The provider that has it.
    pub provider: &'p Arc<dyn Provider>,
    /// Decodes its bodies.
    pub spec: Spec<'p>,
    /// The type of its values.
    pub ty: Ty,
    /// Something in it is sensitive by its schema.
    pub sensitive: bool,
}

impl<'p> TypeInfo<'p> {
    /// Prepares a type.
    pub fn new(provider: &'p Arc<dyn Provider>, schema: &'p Schema) -> TypeInfo<'p> {
        TypeInfo {
            schema,
            provider,
            spec: Spec::new(&schema.block, schema.refused),
            ty: schema.ty(),
            sensitive: has_sensitive(&schema.block),
        }
    }
    /// For bodies that are never stored, in which ephemeral values are welcome.
    #[must_use]
    pub fn not_stored(self) -> TypeInfo<'p> {
        TypeInfo { spec: self.spec.not_stored(), ..self }
    }
    /// Sensitive places of an object: those of the schema and `marked`, which come from configuration or state.
    pub fn sensitive_paths(&self, object: &Partial, marked: &[Path]) -> Arc<[Path]> {
        let mut out = marked.to_vec();
        if self.sensitive {
            schema_paths(&self.schema.block, object, &mut Vec::new(), &mut out);
        }
        out.sort();
        out.dedup();
        out.into()
    }
    /// The value of a known object in expressions. An object that does not fit its type is wholly unknown.
    pub fn known(&self, object: &Known, sensitive: &[Path]) -> Value {
        let v = Value::from_known(object, &self.ty).unwrap_or_else(|_| Value::unknown(&self.ty));
        marked(v, sensitive)
    }
    /// The value of a planned object in expressions. Computed attributes are refined by what the schema says of them.
    pub fn partial(&self, object: &Partial, sensitive: &[Path]) -> Value {
        let attrs = self.schema.block.attrs.iter().map(|(name, attr)| (*name, attr_value(attr, object.get(name))));
        let blocks = self.schema.block.blocks.iter().map(|(name, b)| {
            let ty = b.ty();
            (*name, Value::from_partial(object.get(name), &ty).unwrap_or_else(|_| Value::unknown(&ty)))
        });
        marked(Value::object(attrs.chain(blocks)), sensitive)
    }
    /// [`TypeInfo::partial`] of an object whose configuration says something of what is not known.
    pub fn planned(&self, object: &Partial, sensitive: &[Path], refined: &[(String, Value)]) -> Value {
        let plain = self.partial(object, sensitive);
        let left: Vec<_> = refined.iter().filter(|(n, _)| plain.attr(n).is_some_and(|v| !v.is_known())).collect();
        if left.is_empty() {
            return plain;
        }
        let both = |n: &String, v: &Value| match left.iter().find(|(l, _)| l == n) {
            Some((_, more)) if v.is_not_null() => more.clone().not_null(),
            Some((_, more)) => more.clone(),
            None => v.clone(),
        };
        let marks = plain.marks();
        let attrs = plain.entries().into_iter().flatten().map(|(n, v)| (n, both(n, v)));
        Value::object(attrs).with_marks(marks)
    }
    /// An object of which nothing is known.
    pub fn unknown(&self) -> Value {
        let attrs = self.schema.block.attrs.iter().map(|(name, attr)| (*name, attr_value(attr, &Partial::Unknown)));
        let blocks = self.schema.block.blocks.iter().map(|(name, b)| (*name, Value::unknown(&b.ty())));
        Value::object(attrs.chain(blocks))
    }
}

fn attr_value(attr: &Attr, v: &Partial) -> Value {
    let out = Value::from_partial(v, &attr.ty).unwrap_or_else(|_| Value::unknown(&attr.ty));
    if out.is_known() {
        return out;
    }
    let out = if attr.not_null || attr.presence == Presence::Required { out.not_null() } else { out };
    match attr.starts_with {
        Some(p) if attr.ty == Ty::String => out.with_prefix(p),
        _ => out,
    }
}

fn marked(v: Value, sensitive: &[Path]) -> Value {
    if sensitive.is_empty() { v } else { v.mark_paths(sensitive.iter().map(|p| (p, Marks::SENSITIVE))) }
}

fn has_sensitive(b: &Block) -> bool {
    b.attrs.values().any(|a| a.sensitive) || b.blocks.values().any(|b| has_sensitive(&b.block))
}

fn schema_paths(b: &Block, object: &Partial, at: &mut Vec<Step>, out: &mut Vec<Path>) {
    for (name, a) in &b.attrs {
        if a.sensitive {
            at.push(Step::Attr((*name).to_owned()));
            out.push(Path(at.clone()));
            at.pop();
        }
    }
    for (name, b) in b.blocks.iter().filter(|(_, b)| has_sensitive(&b.block)) {
        at.push(Step::Attr((*name).to_owned()));
        match (b.nesting, object.get(name)) {
            (Nesting::Single, v @ Partial::Map(_)) => schema_paths(&b.block, v, at, out),
            (Nesting::List, Partial::List(l)) => {
                for (i, v) in l.iter().enumerate() {
                    at.push(Step::Index(i));
                    schema_paths(&b.block, v, at, out);
                    at.pop();
                }
            }
            (Nesting::Set, Partial::List(l)) if !l.is_empty() => out.push(Path(at.clone())),
            _ => {}
        }
        at.pop();
    }
}

/// The place of the first infinite number in a value: nothing can store those.
pub fn infinite(v: &Value) -> Option<Path> {
    fn go(v: &Value, at: &mut Vec<Step>) -> bool {
        match v.kind() {
            Kind::Number(n) => !n.is_finite(),
            Kind::List(l) | Kind::Set(l) | Kind::Tuple(l) => l.iter().enumerate().any(|(i, v)| {
                at.push(Step::Index(i));
                go(v, at) || at.pop().is_none()
            }),
            Kind::Map(m) | Kind::Object(m) => m.iter().any(|(k, v)| {
                at.push(Step::Attr(k.clone()));
                go(v, at) || at.pop().is_none()
            }),
            Kind::Null | Kind::Unknown(_) | Kind::Bool(_) | Kind::String(_) => false,
        }
    }
    let mut at = Vec::new();
    go(v, &mut at).then_some(Path(at))
}

/// A decoded body as the diff takes it: plain data, where it is sensitive, and where it is ephemeral.
pub struct Config {
    /// All attributes and blocks; null and empty where unset.
    pub value: Partial,
    /// Sensitive places.
    pub sensitive: Vec<Path>,
    /// Ephemeral places.
    pub ephemeral: Vec<Path>,
    /// Attributes that are not known, with what is known of them nevertheless: that they are not null, how they begin.
    pub refined: Vec<(String, Value)>,
}

impl Config {
    /// Takes a decoded value apart.
    pub fn of(value: &Value, ty: &Ty) -> Config {
        let attrs = value.entries().into_iter().flatten().filter(|(_, v)| !v.is_known() && !v.is_dynamic());
        let refined = attrs.map(|(n, v)| (n.clone(), v.clone())).collect();
        if !value.contains_marked() {
            let (sensitive, ephemeral) = (Vec::new(), Vec::new());
            return Config { value: value.to_partial(ty), sensitive, ephemeral, refined };
        }
        let (plain, paths) = value.unmark_deep_with_paths();
        let with = |m: Marks| paths.iter().filter(|(_, x)| x.contains(m)).map(|(p, _)| p.clone()).collect();
        let (sensitive, ephemeral) = (with(Marks::SENSITIVE), with(Marks::EPHEMERAL));
        Config { value: plain.to_partial(ty), sensitive, ephemeral, refined }
    }
}

/// The values of write-only attributes, for what is sent.
pub fn write_only(block: &Block, config: &Partial) -> Vec<(Path, Known)> {
    fn go(block: &Block, v: &Partial, at: &mut Vec<Step>, out: &mut Vec<(Path, Known)>) {
        for (name, a) in &block.attrs {
            if a.write_only
                && let Ok(k) = v.get(name).to_known()
                && !k.is_null()
            {
                at.push(Step::Attr((*name).to_owned()));
                out.push((Path(at.clone()), k));
                at.pop();
            }
        }
        for (name, b) in &block.blocks {
            at.push(Step::Attr((*name).to_owned()));
            match v.get(name) {
                Partial::List(l) => {
                    for (i, v) in l.iter().enumerate() {
                        at.push(Step::Index(i));
                        go(&b.block, v, at, out);
                        at.pop();
                    }
                }
                m @ Partial::Map(_) => go(&b.block, m, at, out),
                _ => {}
            }
            at.pop();
        }
    }
    let mut out = Vec::new();
    go(block, config, &mut Vec::new(), &mut out);
    out
}

/// The schema of a type of a provider.
pub(crate) fn schema_of<'p>(p: &'p Arc<dyn Provider>, mode: Mode, ty: &str) -> Option<&'p Schema> {
    match mode {
        Mode::Managed => p.resource(ty),
        Mode::Data => p.data(ty),
        Mode::Ephemeral => p.ephemeral(ty),
    }
}

/// What a provider has of a mode, for suggestions.
pub(crate) fn types_of(p: &Arc<dyn Provider>, mode: Mode) -> Vec<&'static str> {
    match mode {
        Mode::Managed => p.resources(),
        Mode::Data => p.data_sources(),
        Mode::Ephemeral => p.ephemerals(),
    }
}

/// The words for a type of a mode.
pub(crate) fn kind_of_type(mode: Mode) -> &'static str {
    match mode {
        Mode::Managed => "resource type",
        Mode::Data => "data source",
        Mode::Ephemeral => "ephemeral resource type",
    }
}

/// Cache of types by source, mode and name.
pub type Types<'p> = BTreeMap<(String, Mode, String), Option<Arc<TypeInfo<'p>>>>;

/// The schemas of all providers, for static checks.
pub struct AllSchemas<'p>(pub &'p Providers);

impl stackctl_lang::check::Schemas for AllSchemas<'_> {
    fn schema(&self, mode: Mode, ty: &str) -> Option<&Schema> {
        self.0.all().find_map(|p| schema_of(p, mode, ty))
    }
}
