//! What a plan needs to be read, and what becomes of the answers.
//!
//! The planner asks in rounds; a driver carries out all requests of a round at the same time and hands the answers
//! back. Objects of one type and provider configuration are one request, so that they are batched. Nothing here does
//! I/O. Start at [`ReadRequest`], then [`absorb`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use stackctl_core::{Block, Error, InstanceAddr, Known, Live, Nesting, Ref, Schema, Ty, canonical, is_zero, same};
use stackctl_state::ProviderAddr;

/// Number of a request within a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReadId(pub u32);

/// Something that a plan needs to know.
#[derive(Clone, Debug)]
pub struct ReadRequest {
    /// Comes back with the answer.
    pub id: ReadId,
    /// Provider configuration to ask.
    pub provider: Arc<ProviderAddr>,
    /// Its arguments, complete. The same for all requests with the same `provider`.
    pub config: Arc<Known>,
    /// Type name.
    pub ty: String,
    /// Whose objects they are, in the order of the references; one for a data source and an ephemeral object.
    pub addrs: Vec<Arc<InstanceAddr>>,
    /// What to read.
    pub read: Read,
}

/// What to read.
#[derive(Clone, Debug)]
pub enum Read {
    /// Objects of a resource type.
    Objects(Vec<Ref>),
    /// A data source, by its configuration.
    Data(Known),
    /// An ephemeral object that is to be opened, by its configuration.
    Open(Known),
    /// An ephemeral object that nobody needs any more.
    Close,
}

/// What was read.
#[derive(Clone, Debug)]
pub struct ReadAnswer {
    /// Number of the request.
    pub id: ReadId,
    /// What was found.
    pub result: Result<Answer, Error>,
}

/// What was found.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The objects that exist; those missing are gone.
    Objects(Vec<Live>),
    /// All attributes of the data source, or of the ephemeral object.
    Data(Known),
    /// The ephemeral object is closed.
    Closed,
}

/// A live object's attributes as state will hold them: complete, with the prior spelling where it means the same, and
/// with the prior value of what no API returns. `prior` is null for an object that was not in state.
pub fn absorb(schema: &Schema, prior: &Known, mut live: Known) -> Known {
    canonical(&schema.block, &mut live);
    keep(schema.zero_is_null, &schema.block, prior, &mut live);
    if let (Known::Map(l), Known::Map(p)) = (&mut live, prior) {
        // Only configuration sets timeouts, and nobody but state knows attributes that the schema lacks.
        for (name, v) in p {
            let known =
                schema.block.attrs.contains_key(name.as_str()) || schema.block.blocks.contains_key(name.as_str());
            if name == "timeouts" || !known && !l.contains_key(name) {
                l.insert(name.clone(), v.clone());
            }
        }
    }
    live
}

/// Attributes in the form that Terraform 0.11 wrote (`tags.%`, `tags.Name`, `rule.#`, `rule.123.port`), as an object.
/// What does not fit the schema is left out.
pub fn unflatten(block: &Block, flat: &BTreeMap<String, String>) -> Known {
    fn parts<'a>(flat: &'a BTreeMap<String, String>, prefix: &str) -> BTreeSet<&'a str> {
        let inside = flat.keys().filter_map(|k| k.strip_prefix(prefix));
        inside.filter_map(|k| k.split('.').next()).filter(|k| !matches!(*k, "#" | "%" | "")).collect()
    }
    /// Numeric order, so that the elements of lists keep their places.
    fn ordered(keys: BTreeSet<&str>) -> Vec<&str> {
        let mut keys: Vec<&str> = keys.into_iter().collect();
        keys.sort_by_key(|k| (k.parse::<u64>().unwrap_or(u64::MAX), *k));
        keys
    }
    fn of_ty(ty: &Ty, flat: &BTreeMap<String, String>, at: &str) -> Known {
        let below = format!("{at}.");
        match ty {
            Ty::List(t) | Ty::Set(t) => {
                if !flat.contains_key(&format!("{at}.#")) {
                    return Known::Null;
                }
                let keys = ordered(parts(flat, &below));
                Known::List(keys.into_iter().map(|k| of_ty(t, flat, &format!("{below}{k}"))).collect())
            }
            Ty::Map(t) => {
                if !flat.contains_key(&format!("{at}.%")) {
                    return Known::Null;
                }
                let keys = flat.keys().filter_map(|k| k.strip_prefix(below.as_str())).filter(|k| *k != "%");
                Known::Map(keys.map(|k| (k.to_owned(), of_ty(t, flat, &format!("{below}{k}")))).collect())
            }
            Ty::Object(o) => {
                Known::Map(o.attrs.iter().map(|(n, t)| (n.clone(), of_ty(t, flat, &format!("{below}{n}")))).collect())
            }
            _ => flat.get(at).map_or(Known::Null, |s| Known::from(s.as_str())),
        }
    }
    fn of_block(block: &Block, flat: &BTreeMap<String, String>, prefix: &str) -> Known {
        let attrs = block.attrs.iter().map(|(n, a)| ((*n).to_owned(), of_ty(&a.ty, flat, &format!("{prefix}{n}"))));
        let blocks = block.blocks.iter().map(|(n, b)| {
            let below = format!("{prefix}{n}.");
            let keys = ordered(parts(flat, &below));
            ((*n).to_owned(), keys.into_iter().map(|k| of_block(&b.block, flat, &format!("{below}{k}."))).collect())
        });
        let blocks = blocks.map(|(n, l): (String, Vec<Known>)| (n, Known::List(l)));
        Known::Map(attrs.chain(blocks).collect())
    }
    of_block(block, flat, "")
}

fn keep(zero: bool, block: &Block, prior: &Known, live: &mut Known) {
    let Known::Map(l) = live else { return };
    for (name, attr) in &block.attrs {
        let Some(v) = l.get_mut(*name) else { continue };
        let p = prior.get(name);
        if attr.write_only {
            *v = Known::Null;
        } else if attr.local || attr.lazy && v.is_null() {
            *v = p.clone();
        } else if *v != *p && !prior.is_null() {
            let silent = zero && !attr.if_configured && is_zero(v) && is_zero(p);
            if silent || same(attr.equality, v, p) {
                *v = p.clone();
            }
        }
    }
    for (name, b) in &block.blocks {
        let Some(v) = l.get_mut(*name) else { continue };
        let p = prior.get(name);
        // What is lazy and was not read comes with the prior value; none, where it was read, is news.
        if b.local {
            *v = p.clone();
            continue;
        }
        match (b.nesting, v, p) {
            (Nesting::Single, v @ Known::Map(_), p @ Known::Map(_)) => keep(zero, &b.block, p, v),
            (Nesting::List, Known::List(v), Known::List(p)) => {
                v.iter_mut().zip(p).for_each(|(v, p)| keep(zero, &b.block, p, v));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use stackctl_core::{Attr, Equality};

    use super::*;

    #[test]
    fn lazy_blocks_that_are_gone_are_gone() {
        let inner = Block { attrs: [("port", Attr::optional(Ty::Number))].into(), blocks: Default::default() };
        let rule = |lazy, local| stackctl_core::BlockType {
            lazy,
            local,
            ..stackctl_core::BlockType::new(Nesting::List, inner.clone())
        };
        let none = Known::from([("rule", Known::List(Vec::new()))]);
        let one = Known::from([("rule", Known::List(vec![Known::from([("port", 1)])]))]);
        for (lazy, local, stays) in [(true, false, false), (false, false, false), (false, true, true)] {
            let schema =
                Schema::new("t", Block { attrs: Default::default(), blocks: [("rule", rule(lazy, local))].into() });
            let got = absorb(&schema, &one, none.clone());
            assert_eq!(got.get("rule").as_list().is_some_and(|l| !l.is_empty()), stays, "lazy {lazy}, local {local}");
        }
    }

    #[test]
    fn flat_attributes_become_objects() {
        let inner = Block { attrs: [("port", Attr::optional(Ty::Number))].into(), blocks: Default::default() };
        let block = Block {
            attrs: [
                ("id", Attr::id()),
                ("names", Attr::optional(Ty::list(Ty::String))),
                ("tags", Attr::optional(Ty::map(Ty::String))),
            ]
            .into(),
            blocks: [("rule", stackctl_core::BlockType::new(Nesting::Set, inner))].into(),
        };
        let flat: BTreeMap<String, String> = [
            ("id", "i"),
            ("names.#", "2"),
            ("names.0", "b"),
            ("names.1", "a"),
            ("tags.%", "1"),
            ("tags.a.b", "c"),
            ("rule.#", "1"),
            ("rule.42.port", "80"),
        ]
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .into();
        let mut got = unflatten(&block, &flat);
        canonical(&block, &mut got);
        let want = Known::from([
            ("id", Known::from("i")),
            ("names", Known::from(vec!["b", "a"])),
            ("rule", Known::List(vec![Known::from([("port", 80i64)])])),
            ("tags", Known::from([("a.b", "c")])),
        ]);
        assert_eq!(got, want);
    }

    #[test]
    fn meaning_keeps_its_spelling() {
        let attrs = [
            ("id", Attr::id()),
            ("policy", Attr { equality: Equality::Json, ..Attr::optional(Ty::String) }),
            ("note", Attr::optional(Ty::String)),
            ("size", Attr::optional(Ty::Number)),
            ("force", Attr { local: true, ..Attr::optional(Ty::Bool) }),
            ("secret", Attr { write_only: true, ..Attr::optional(Ty::String) }),
        ];
        let schema = Schema::new("t", Block { attrs: attrs.into(), blocks: Default::default() });
        let prior = Known::from([
            ("id", Known::from("i")),
            ("policy", Known::from("{\"a\": 1}")),
            ("note", Known::Null),
            ("size", Known::from(1i64)),
            ("force", Known::from(true)),
            ("old", Known::from("kept")),
        ]);
        let live = Known::from([
            ("id", Known::from("i")),
            ("policy", Known::from("{\"a\":1}")),
            ("note", Known::from("")),
            ("size", Known::from(2i64)),
            ("secret", Known::from("x")),
        ]);
        let got = absorb(&schema, &prior, live);
        let mut want = prior.clone();
        want.set("size", Known::from(2i64));
        want.set("secret", Known::Null);
        assert_eq!(got, want);
    }
}
