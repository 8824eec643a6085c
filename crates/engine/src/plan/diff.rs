//! The diff of one instance, in five passes: defaults, unset computed values become unknown, attribute rules, the type's
//! hook, replacement.
//!
//! Everything is decided by the schema; no type is known by name. Values that mean what the prior ones mean keep the
//! prior spelling, so that afterwards "changed" is plain inequality. Pure. Start at [`diff`].

mod collections;
mod unset;

use std::collections::{BTreeMap, BTreeSet};

use stackctl_core::schema::{Nesting, OnUpdate};
use stackctl_core::{
    Attr, Block, BlockType, Draft, Error, ForceNew, Known, Partial, Path, Schema, Step, Ty, canonical_ty, is_zero, same,
};

use collections::{folded, has_object, open_sets, respelled};

/// Attributes whose changes in configuration are ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Ignore {
    /// None.
    #[default]
    Nothing,
    /// `ignore_changes = all`.
    All,
    /// These places and everything in them.
    Paths(Vec<Path>),
}

/// The fourth pass: what the provider says about the type.
pub type Hook<'a> = &'a dyn Fn(&mut Draft<'_>);

/// What a diff found.
#[derive(Clone, Debug)]
pub struct Diff {
    /// The configuration with ignored places replaced by prior values.
    pub config: Partial,
    /// The object as it will be. Equal to the prior one where nothing changes.
    pub planned: Partial,
    /// Names of top-level attributes and blocks that change; for a create those that are set.
    pub fields: BTreeSet<String>,
    /// Places that cannot be changed in place.
    pub replace: Vec<Path>,
    /// What the hook complained about.
    pub errors: Vec<Error>,
}

impl Diff {
    /// True if the object stays as it is.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
}

/// Compares configuration and prior object (in canonical form); `None` plans a create.
pub fn diff(schema: &Schema, config: &Partial, prior: Option<&Known>, ignore: &Ignore, hook: Hook<'_>) -> Diff {
    let config = match prior {
        Some(prior) => ignored(schema, config, prior, ignore),
        None => config.clone(),
    };
    let config = unset::unset(schema, config, prior.is_none());
    let mut planned = plan_block(schema.zero_is_null, &schema.block, &config, prior);
    if let (Partial::Map(p), Some(Known::Map(old))) = (&mut planned, prior) {
        for (name, v) in old {
            if !schema.block.attrs.contains_key(name.as_str()) && !schema.block.blocks.contains_key(name.as_str()) {
                p.insert(name.clone(), v.clone().into());
            }
        }
    }
    if let Some(prior) = prior {
        rules(schema, &config, prior, &mut planned);
    }
    let (mut replace, mut errors) = (BTreeSet::new(), Vec::new());
    hook(&mut Draft { config: &config, prior, planned: &mut planned, replace: &mut replace, errors: &mut errors });
    let fields = match prior {
        Some(prior) => {
            let at = &mut Vec::new();
            replacements(&schema.block, &config, Some(&planned), Some(prior), at, None, &mut replace);
            changed(schema, &planned, prior)
        }
        None => {
            replace.clear();
            set_fields(schema, &config, &planned)
        }
    };
    if fields.is_empty()
        && let Some(prior) = prior
    {
        planned = prior.clone().into();
        replace.clear();
    }
    Diff { config, planned, fields, replace: replace.into_iter().collect(), errors }
}

/// True if the two are the same data.
pub fn equal(a: &Partial, b: &Known) -> bool {
    match (a, b) {
        (Partial::Null, Known::Null) => true,
        (Partial::Bool(a), Known::Bool(b)) => a == b,
        (Partial::Number(a), Known::Number(b)) => a == b,
        (Partial::String(a), Known::String(b)) => a == b,
        (Partial::List(a), Known::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Partial::Map(a), Known::Map(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((k, a), (l, b))| k == l && equal(a, b))
        }
        _ => false,
    }
}

/// Names of the top-level attributes and blocks that differ. A change of `timeouts` alone is none for types that follow
/// the older plugin SDK.
fn changed(schema: &Schema, planned: &Partial, prior: &Known) -> BTreeSet<String> {
    let names = schema.block.attrs.keys().chain(schema.block.blocks.keys());
    let mut out: BTreeSet<String> =
        names.filter(|n| !equal(planned.get(n), prior.get(n))).map(|n| (*n).to_owned()).collect();
    if schema.zero_is_null && out.len() == 1 && out.contains("timeouts") {
        out.clear();
    }
    out
}

fn set_fields(schema: &Schema, config: &Partial, planned: &Partial) -> BTreeSet<String> {
    let set = |n: &&&str| {
        let (c, p) = (config.get(n), planned.get(n));
        !absent(c) || !matches!(p, Partial::Unknown) && !absent(p)
    };
    schema.block.attrs.keys().chain(schema.block.blocks.keys()).filter(set).map(|n| (*n).to_owned()).collect()
}

fn absent(v: &Partial) -> bool {
    match v {
        Partial::Null => true,
        Partial::List(l) => l.is_empty(),
        _ => false,
    }
}

// ── ignore_changes ──────────────────────────────────────────────────────────────────────────────────────────────────

/// The configuration with ignored places as the prior object has them.
pub fn ignored(schema: &Schema, config: &Partial, prior: &Known, ignore: &Ignore) -> Partial {
    let mut out = config.clone();
    match ignore {
        Ignore::Nothing => {}
        Ignore::All => {
            for (name, attr) in &schema.block.attrs {
                if attr.configurable() && !attr.write_only {
                    out.set(*name, prior.get(name).clone().into());
                }
            }
            for name in schema.block.blocks.keys() {
                out.set(*name, prior.get(name).clone().into());
            }
        }
        Ignore::Paths(paths) => {
            for p in paths {
                match p.0.split_first() {
                    Some((Step::Attr(name), rest)) if !rest.is_empty() && is_dynamic(schema, name) => {
                        if let Some(c) = member(&mut out, name) {
                            put_back_dynamic(c, prior.get(name), rest);
                        }
                    }
                    _ => put_back(&mut out, prior, &p.0),
                }
            }
        }
    }
    out
}

fn member<'m>(of: &'m mut Partial, name: &str) -> Option<&'m mut Partial> {
    if let Partial::Map(m) = of { m.get_mut(name) } else { None }
}

fn is_dynamic(schema: &Schema, name: &str) -> bool {
    schema.block.attrs.get(name).is_some_and(|a| a.ty == Ty::Dynamic)
}

/// As [`put_back`], in a value that brings its own type: the type follows.
fn put_back_dynamic(config: &mut Partial, prior: &Known, at: &[Step]) {
    let Some((prior_ty, prior)) = prior.as_dynamic() else { return };
    let Some(mut ty) = config.get("type").to_known().ok().and_then(|t| Ty::from_json(&t.to_json())) else { return };
    let Some(value) = member(config, "value") else { return };
    put_back_typed(value, &mut ty, prior, &prior_ty, at);
    let Known::Map(mut new) = Known::dynamic(&ty, Known::Null) else { return };
    if let Some(ty) = new.remove("type") {
        config.set("type", ty.into());
    }
}

fn put_back_typed(config: &mut Partial, ty: &mut Ty, prior: &Known, prior_ty: &Ty, at: &[Step]) {
    let Some((step, rest)) = at.split_first() else {
        (*config, *ty) = (prior.clone().into(), prior_ty.clone());
        return;
    };
    match (step, &mut *ty, prior_ty) {
        // An index looks into maps; of an object it means all there is.
        (Step::Key(_), Ty::Object(_), Ty::Object(_)) if rest.is_empty() => {
            (*config, *ty) = (prior.clone().into(), prior_ty.clone());
        }
        (Step::Key(_), Ty::Object(_), Ty::Object(_)) => {}
        (Step::Attr(n), Ty::Object(o), Ty::Object(p)) => {
            // An attribute that only one of them has is a difference of type, which cannot be ignored.
            if let (Some(c), Some(t), Some(v), Some(pt)) =
                (member(config, n), o.attrs.get_mut(n), prior.as_map().and_then(|m| m.get(n)), p.attrs.get(n))
            {
                put_back_typed(c, t, v, pt, rest);
            }
        }
        (Step::Index(i), Ty::Tuple(ts), Ty::Tuple(ps)) => {
            if let (Partial::List(l), Some(t), Some(v), Some(pt)) =
                (config, ts.get_mut(*i), prior.as_list().and_then(|l| l.get(*i)), ps.get(*i))
                && let Some(c) = l.get_mut(*i)
            {
                put_back_typed(c, t, v, pt, rest);
            }
        }
        (_, t, p) if t == p => put_back(config, prior, at),
        _ => {}
    }
}

/// Makes `config` say at `at` what `prior` says; a key of a map that `prior` lacks goes away.
fn put_back(config: &mut Partial, prior: &Known, at: &[Step]) {
    let Some((step, rest)) = at.split_first() else {
        *config = prior.clone().into();
        return;
    };
    match (step, config) {
        (Step::Attr(n) | Step::Key(n), Partial::Map(c)) => {
            match (prior.as_map().and_then(|p| p.get(n)), c.get_mut(n)) {
                (Some(p), Some(c)) => put_back(c, p, rest),
                (Some(p), None) => put_back(c.entry(n.clone()).or_default(), p, rest),
                (None, Some(_)) if rest.is_empty() => {
                    c.remove(n);
                }
                _ => {}
            }
        }
        // A map that configuration leaves out, while the prior one has the key.
        (Step::Attr(n) | Step::Key(n), c @ Partial::Null) if rest.is_empty() => {
            if let Some(p) = prior.as_map().and_then(|p| p.get(n)) {
                *c = Partial::Map([(n.clone(), p.clone().into())].into());
            }
        }
        (Step::Index(i), Partial::List(c)) => {
            if let (Some(c), Some(p)) = (c.get_mut(*i), prior.as_list().and_then(|l| l.get(*i))) {
                put_back(c, p, rest);
            }
        }
        _ => {}
    }
}

// ── passes one and two ──────────────────────────────────────────────────────────────────────────────────────────────

fn plan_block(zero: bool, block: &Block, config: &Partial, prior: Option<&Known>) -> Partial {
    if matches!(config, Partial::Unknown) {
        return unknown_block(block);
    }
    let attrs = block
        .attrs
        .iter()
        .map(|(name, attr)| ((*name).to_owned(), plan_attr(zero, attr, config.get(name), prior.map(|p| p.get(name)))));
    let blocks = block
        .blocks
        .iter()
        .map(|(name, b)| ((*name).to_owned(), plan_blocks(zero, b, config.get(name), prior.map(|p| p.get(name)))));
    Partial::Map(attrs.chain(blocks).collect())
}

/// A block of which only the existence is known.
fn unknown_block(block: &Block) -> Partial {
    let attrs =
        block.attrs.iter().map(|(n, a)| ((*n).to_owned(), if a.write_only { Partial::Null } else { Partial::Unknown }));
    let blocks = block.blocks.keys().map(|n| ((*n).to_owned(), Partial::Unknown));
    Partial::Map(attrs.chain(blocks).collect())
}

fn plan_attr(zero: bool, attr: &Attr, config: &Partial, prior: Option<&Known>) -> Partial {
    if attr.write_only {
        return Partial::Null;
    }
    let config = if attr.configurable() { config } else { &Partial::Null };
    let keep = |p: &Known| Partial::from(p.clone());
    if config.is_null() {
        if let Some(d) = &attr.default {
            return match prior {
                Some(p) if !p.is_null() && means_same(zero, attr, d, p) => keep(p),
                _ => d.clone().into(),
            };
        }
        return match prior {
            None if attr.is_computed() => Partial::Unknown,
            Some(p) if attr.is_computed() || attr.if_configured || zero && is_zero(p) => keep(p),
            _ => Partial::Null,
        };
    }
    match config.to_known() {
        // The older plugin SDK cannot hold a set of which one element is not known. It takes such a value of an optional
        // and computed attribute for no change, and then changes what it had not planned; we do not.
        Err(_) if zero => open_sets(&attr.ty, config, prior),
        Err(_) => config.clone(),
        Ok(mut c) => {
            canonical_ty(&attr.ty, &mut c);
            match prior {
                Some(p) if means_same(zero && !attr.if_configured, attr, &c, p) => keep(p),
                Some(p) => respelled(zero, attr, c, p).into(),
                None => c.into(),
            }
        }
    }
}

/// True if an attribute's values mean the same: by its equality, null and zero aside where the type says so.
fn means_same(zero: bool, attr: &Attr, a: &Known, b: &Known) -> bool {
    same(attr.equality, a, b)
        || zero
            && (is_zero(a) && b.is_null()
                || a.is_null() && is_zero(b)
                || has_object(&attr.ty) && folded(&attr.ty, a) == folded(&attr.ty, b))
}

fn plan_blocks(zero: bool, b: &BlockType, config: &Partial, prior: Option<&Known>) -> Partial {
    if absent(config) {
        return match prior {
            Some(p) if b.computed || b.if_configured => p.clone().into(),
            None if b.computed => Partial::Unknown,
            _ if b.nesting == Nesting::Single => Partial::Null,
            _ => Partial::List(Vec::new()),
        };
    }
    match (b.nesting, config) {
        (Nesting::Single, c) => plan_block(zero, &b.block, c, prior.filter(|p| !p.is_null())),
        (_, Partial::List(c)) => {
            let p = prior.and_then(Known::as_list);
            Partial::List(match (b.nesting, p) {
                (_, None) => c.iter().map(|c| plan_block(zero, &b.block, c, None)).collect(),
                (Nesting::Set, Some(p)) => plan_set(zero, &b.block, c, p),
                (_, Some(p)) => c.iter().enumerate().map(|(i, c)| plan_block(zero, &b.block, c, p.get(i))).collect(),
            })
        }
        _ => Partial::Unknown,
    }
}

/// Elements of a set of blocks are matched by what is configured; computed members come from the match.
fn plan_set(zero: bool, block: &Block, config: &[Partial], prior: &[Known]) -> Vec<Partial> {
    let mut free: Vec<bool> = vec![true; prior.len()];
    let mut by_value: BTreeMap<&Known, usize> = prior.iter().enumerate().map(|(i, v)| (v, i)).collect();
    let mut out: Vec<Option<Partial>> = config
        .iter()
        .map(|c| {
            let i = by_value.remove(&plan_block(zero, block, c, None).to_known().ok()?)?;
            free[i] = false;
            Some(prior[i].clone().into())
        })
        .collect();
    for (c, planned) in config.iter().zip(&mut out) {
        if planned.is_none() {
            let found = (0..prior.len()).find(|i| free[*i] && matches_block(zero, block, c, &prior[*i]));
            if let Some(i) = found {
                free[i] = false;
            }
            *planned = Some(plan_block(zero, block, c, found.map(|i| &prior[i])));
        }
    }
    let mut out: Vec<Partial> = out.into_iter().flatten().collect();
    if out.iter().all(Partial::is_known) {
        // The order of complete sets is the canonical one.
        let mut known: Vec<Known> = out.iter().map(Partial::or_null).collect();
        known.sort();
        known.dedup();
        out = known.into_iter().map(Into::into).collect();
    }
    out
}

fn matches_block(zero: bool, block: &Block, config: &Partial, prior: &Known) -> bool {
    block.attrs.iter().all(|(n, a)| equal(&plan_attr(zero, a, config.get(n), Some(prior.get(n))), prior.get(n)))
        && block
            .blocks
            .iter()
            .all(|(n, b)| equal(&plan_blocks(zero, b, config.get(n), Some(prior.get(n))), prior.get(n)))
}

// ── pass three ──────────────────────────────────────────────────────────────────────────────────────────────────────

/// Computed values that an update in place will change become unknown.
fn rules(schema: &Schema, config: &Partial, prior: &Known, planned: &mut Partial) {
    let fields = changed(schema, planned, prior);
    if fields.is_empty() {
        return;
    }
    for (name, attr) in &schema.block.attrs {
        if !attr.is_computed() || attr.configurable() && !config.get(name).is_null() {
            continue;
        }
        let unknown = match attr.on_update {
            OnUpdate::Keeps => false,
            OnUpdate::Unknown => true,
            OnUpdate::UnknownWhen(names) => names.iter().any(|n| fields.contains(*n)),
        };
        if unknown {
            planned.set(*name, Partial::Unknown);
        }
    }
}

// ── pass five ───────────────────────────────────────────────────────────────────────────────────────────────────────

/// Collects the places whose change replaces the object. `set` is the path of the innermost set: elements of sets have
/// no address of their own.
fn replacements(
    block: &Block,
    config: &Partial,
    planned: Option<&Partial>,
    prior: Option<&Known>,
    at: &mut Vec<Step>,
    set: Option<&Path>,
    out: &mut BTreeSet<Path>,
) {
    let place = |at: &[Step]| set.cloned().unwrap_or_else(|| Path(at.to_vec()));
    for (name, attr) in &block.attrs {
        if attr.force_new != ForceNew::Yes {
            continue;
        }
        let (p, old) = (planned.map_or(&Partial::Null, |p| p.get(name)), prior.map_or(&Known::Null, |p| p.get(name)));
        // A value that only the provider decides replaces nothing.
        let provider_decides = matches!(p, Partial::Unknown) && config.get(name).is_null();
        // A new or removed element counts where it says something.
        let silent = (prior.is_none() && zero_partial(p)) || (planned.is_none() && is_zero(old));
        if !provider_decides && !silent && !equal(p, old) {
            at.push(Step::Attr((*name).to_owned()));
            out.insert(place(at));
            at.pop();
        }
    }
    for (name, b) in &block.blocks {
        let p = planned.map_or(&Partial::Null, |p| p.get(name));
        let old = prior.map_or(&Known::Null, |p| p.get(name));
        if equal(p, old) {
            continue;
        }
        at.push(Step::Attr((*name).to_owned()));
        let c = config.get(name);
        match (p, old) {
            (Partial::Unknown, _) if absent(c) => {}
            (Partial::Unknown, _) => {
                if b.force_new {
                    out.insert(place(at));
                }
            }
            (Partial::Map(_), Known::Map(_)) => replacements(&b.block, c, Some(p), Some(old), at, set, out),
            (Partial::Map(_), _) => {
                if b.force_new {
                    out.insert(place(at));
                }
                replacements(&b.block, c, Some(p), None, at, set, out);
            }
            (_, Known::Map(_)) => {
                if b.force_new {
                    out.insert(place(at));
                }
                replacements(&b.block, c, None, Some(old), at, set, out);
            }
            _ => {
                let p = if let Partial::List(l) = p { l.as_slice() } else { &[] };
                let old = old.as_list().unwrap_or_default();
                let c = if let Partial::List(l) = c { l.as_slice() } else { &[] };
                if b.nesting == Nesting::Set {
                    let whole = place(at);
                    let gone = old.iter().filter(|o| !p.iter().any(|p| equal(p, o)));
                    let new = p.iter().filter(|p| !old.iter().any(|o| equal(p, o)));
                    let (gone, new): (Vec<_>, Vec<_>) = (gone.collect(), new.collect());
                    if b.force_new && (!gone.is_empty() || !new.is_empty()) {
                        out.insert(whole.clone());
                    }
                    // What the configuration of an element is does not matter here: its values are all its own.
                    gone.iter()
                        .for_each(|o| replacements(&b.block, &Partial::Null, None, Some(o), at, Some(&whole), out));
                    new.iter().for_each(|p| replacements(&b.block, p, Some(p), None, at, Some(&whole), out));
                } else {
                    if b.force_new && p.len() != old.len() {
                        out.insert(place(at));
                    }
                    for i in 0..p.len().max(old.len()) {
                        at.push(Step::Index(i));
                        replacements(&b.block, c.get(i).unwrap_or(&Partial::Null), p.get(i), old.get(i), at, set, out);
                        at.pop();
                    }
                }
            }
        }
        at.pop();
    }
}

fn zero_partial(p: &Partial) -> bool {
    p.to_known().is_ok_and(|k| is_zero(&k))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What the configuration says after places of a dynamic value were put back.
    #[test]
    fn places_in_dynamic_values_are_ignored_with_their_types() {
        let attrs = BTreeMap::from([("input", Attr::optional(Ty::Dynamic))]);
        let schema = Schema::new("x", Block { attrs, blocks: BTreeMap::new() });
        let value = |ty: serde_json::Value, v: serde_json::Value| Known::from_json(&json!({"type": ty, "value": v}));
        let object = |a: &str| json!(["object", {"a": a, "b": "number"}]);
        let map = || json!(["map", "number"]);
        let at = |step: Step| Ignore::Paths(vec![Path::attr("input").with(step)]);
        let (a, key) = (Step::Attr("a".into()), Step::Key("a".into()));
        for (step, prior, config, want) in [
            (
                a.clone(),
                value(object("number"), json!({"a": 1, "b": 2})),
                value(object("string"), json!({"a": "5", "b": 3})),
                value(object("number"), json!({"a": 1, "b": 3})),
            ),
            (
                key.clone(),
                value(map(), json!({"a": 1, "b": 2})),
                value(map(), json!({"a": 5, "b": 3})),
                value(map(), json!({"a": 1, "b": 3})),
            ),
            (
                Step::Index(0),
                value(json!(["tuple", ["number", "string"]]), json!([1, "x"])),
                value(json!(["tuple", ["string", "string"]]), json!(["y", "z"])),
                value(json!(["tuple", ["number", "string"]]), json!([1, "z"])),
            ),
            (a, value(json!("number"), json!(1)), value(map(), json!({"a": 5})), value(map(), json!({"a": 5}))),
            (key, Known::Null, value(map(), json!({"a": 5})), value(map(), json!({"a": 5}))),
        ] {
            let of = |v: Known| Known::from([("input", v)]);
            let got = ignored(&schema, &of(config).into(), &of(prior), &at(step));
            assert_eq!(got.to_known().unwrap(), of(want));
        }
    }
}
