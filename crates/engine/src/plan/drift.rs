//! Drift: what differs between state and the live object, and counts.
//!
//! A difference counts unless `ignore_changes` covers it or the live value is what the configuration says; a change of
//! configuration that is not applied yet is no drift. Start at [`drift`].

use stackctl_core::{Block, Known, Nesting, Partial, Path, Presence, Schema, Step, is_zero, same};

use super::diff::{Ignore, equal};

/// What the configuration wants of an object.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// The configuration, with unset attributes null.
    pub config: &'a Partial,
    /// The planned object.
    pub planned: &'a Partial,
    /// Changes that do not count.
    pub ignore: &'a Ignore,
}

/// Places at which `live` differs from `recorded` and which count. `None` for an object that is not configured: then
/// every difference counts.
pub fn drift(schema: &Schema, recorded: &Known, live: &Known, wanted: Option<Wanted<'_>>) -> Vec<Path> {
    if matches!(wanted, Some(Wanted { ignore: Ignore::All, .. })) {
        return Vec::new();
    }
    let mut out = Vec::new();
    differences(schema.zero_is_null, &schema.block, recorded, live, &mut Vec::new(), &mut out);
    out.retain(|p| is_managed(&schema.block, wanted, p));
    if let Some(w) = wanted {
        out.retain(|p| !ignored(w.ignore, p) && !configured(&schema.block, w, live, p));
    }
    out
}

/// True if the place is the user's to decide. What only the provider sets (times, counters, lists of dependents), or sets
/// because configuration leaves it out, changes by itself, and no apply would bring the old value back.
fn is_managed(block: &Block, wanted: Option<Wanted<'_>>, path: &Path) -> bool {
    let Some(root) = path.root() else { return true };
    let left_out = || wanted.is_some_and(|w| is_absent(w.config.get(root)));
    match (block.attrs.get(root), block.blocks.get(root)) {
        (Some(attr), _) => match attr.presence {
            Presence::Computed => false,
            Presence::OptComputed => !left_out(),
            Presence::Required | Presence::Optional => !(attr.if_configured && left_out()),
        },
        (None, Some(b)) => !((b.computed || b.if_configured) && left_out()),
        (None, None) => true,
    }
}

fn is_absent(v: &Partial) -> bool {
    match v {
        Partial::Null => true,
        Partial::List(l) => l.is_empty(),
        _ => false,
    }
}

fn differences(zero: bool, block: &Block, a: &Known, b: &Known, at: &mut Vec<Step>, out: &mut Vec<Path>) {
    for (name, attr) in &block.attrs {
        let (x, y) = (a.get(name), b.get(name));
        if x == y || attr.write_only || same(attr.equality, x, y) || zero && is_zero(x) && is_zero(y) {
            continue;
        }
        at.push(Step::Attr((*name).to_owned()));
        match (&attr.ty, x, y) {
            (stackctl_core::Ty::Map(_), x, y) if x.as_map().or(y.as_map()).is_some() => {
                let empty = Default::default();
                let (x, y) = (x.as_map().unwrap_or(&empty), y.as_map().unwrap_or(&empty));
                for k in x.keys().chain(y.keys().filter(|k| !x.contains_key(*k))) {
                    if x.get(k) != y.get(k) {
                        at.push(Step::Key(k.clone()));
                        out.push(Path(at.clone()));
                        at.pop();
                    }
                }
            }
            _ => out.push(Path(at.clone())),
        }
        at.pop();
    }
    for (name, b_ty) in &block.blocks {
        let (x, y) = (a.get(name), b.get(name));
        if x == y || *name == "timeouts" {
            continue;
        }
        at.push(Step::Attr((*name).to_owned()));
        match (b_ty.nesting, x, y) {
            (Nesting::Single, Known::Map(_), Known::Map(_)) => differences(zero, &b_ty.block, x, y, at, out),
            (Nesting::List, Known::List(x), Known::List(y)) if x.len() == y.len() => {
                for (i, (x, y)) in x.iter().zip(y).enumerate() {
                    at.push(Step::Index(i));
                    differences(zero, &b_ty.block, x, y, at, out);
                    at.pop();
                }
            }
            _ if zero && is_zero(x) && is_zero(y) => {}
            _ => out.push(Path(at.clone())),
        }
        at.pop();
    }
}

fn ignored(ignore: &Ignore, path: &Path) -> bool {
    let Ignore::Paths(paths) = ignore else { return false };
    // A key of a map and an attribute of the same name are one place here.
    let step_eq = |a: &Step, b: &Step| match (a, b) {
        (Step::Attr(a) | Step::Key(a), Step::Attr(b) | Step::Key(b)) => a == b,
        (a, b) => a == b,
    };
    paths.iter().any(|p| p.0.len() <= path.0.len() && p.0.iter().zip(&path.0).all(|(a, b)| step_eq(a, b)))
}

/// True if the configuration decides the value at `path` and the live value is what it says.
fn configured(block: &Block, w: Wanted<'_>, live: &Known, path: &Path) -> bool {
    let Some(root) = path.root() else { return false };
    let config = w.config.get(root);
    let set = match config {
        Partial::Null => false,
        Partial::List(l) => !l.is_empty(),
        _ => true,
    };
    let decides = match (block.attrs.get(root), block.blocks.get(root)) {
        (Some(a), _) => set || matches!(a.presence, Presence::Required | Presence::Optional) && !a.if_configured,
        (None, Some(b)) => set || !b.computed && !b.if_configured,
        (None, None) => false,
    };
    if !decides {
        return false;
    }
    let absent = Known::Null;
    match (w.planned.at(path), path.get(live).unwrap_or(&absent)) {
        (Some(p), l) => equal(p, l),
        (None, l) => l.is_null(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};
    use stackctl_core::{Attr, Ty};

    use super::*;
    use crate::plan::diff::diff;

    fn check(recorded: Json, live: Json, config: Json, ignore: Ignore, expect: &[&str]) {
        let attrs = [
            ("id", Attr::id()),
            ("name", Attr::optional(Ty::String)),
            ("zone", Attr::opt_computed(Ty::String)),
            ("tags", Attr::optional(Ty::map(Ty::String))),
        ];
        let schema = Schema::new("t", Block { attrs: attrs.into(), blocks: Default::default() });
        let known = |v: &Json| {
            let mut k = Known::from_json(v);
            stackctl_core::canonical(&schema.block, &mut k);
            k
        };
        let (a, b) = (known(&recorded), known(&live));
        let config = Partial::from(Known::from_json(&config));
        let d = diff(&schema, &config, Some(&b), &ignore, &|_| {});
        let w = Wanted { config: &config, planned: &d.planned, ignore: &ignore };
        let got: Vec<_> = drift(&schema, &a, &b, Some(w)).iter().map(Path::to_string).collect();
        assert_eq!(got, expect, "{recorded} {live} {config:?}");
    }

    #[test]
    fn what_counts() {
        let tags = |a: &str| json!({"tags": {"a": a}});
        let name = |a: &str| json!({"name": a});
        check(tags("1"), tags("2"), tags("1"), Ignore::Nothing, &["tags[\"a\"]"]);
        check(tags("1"), tags("2"), tags("2"), Ignore::Nothing, &[]);
        check(tags("1"), tags("2"), tags("3"), Ignore::Nothing, &["tags[\"a\"]"]);
        check(tags("1"), tags("2"), tags("1"), Ignore::Paths(vec![Path::attr("tags")]), &[]);
        check(tags("1"), tags("2"), tags("1"), Ignore::All, &[]);
        // Configuration that is not applied yet is no drift.
        check(name("a"), name("a"), name("b"), Ignore::Nothing, &[]);
        // Removed outside, and no longer configured either.
        check(name("a"), json!({}), json!({}), Ignore::Nothing, &[]);
        check(name("a"), json!({}), name("a"), Ignore::Nothing, &["name"]);
        // What configuration leaves to the provider is the provider's.
        check(json!({"zone": "a"}), json!({"zone": "b"}), json!({}), Ignore::Nothing, &[]);
        check(json!({"zone": "a"}), json!({"zone": "b"}), json!({"zone": "a"}), Ignore::Nothing, &["zone"]);
        check(json!({}), json!({"name": "", "tags": {}}), json!({}), Ignore::Nothing, &[]);
    }
}
