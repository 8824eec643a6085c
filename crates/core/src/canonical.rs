//! The one complete form of a value: every attribute of the schema present, sets in order, blocks never null.
//!
//! State, provider answers and planned values are compared in this form and stored in it. Attributes that the schema does
//! not know are kept. Start at [`canonical`].

use crate::schema::Nesting;
use crate::{Block, Known, Number, Ty};

/// Brings an object of a schema's block into its complete form, in place:
/// missing attributes become null, missing list and set blocks empty, sets are sorted without duplicates, and primitives
/// of another primitive type are converted where that loses nothing.
pub fn canonical(block: &Block, v: &mut Known) {
    if !matches!(v, Known::Map(_)) {
        *v = Known::object();
    }
    let Known::Map(m) = v else { return };
    for (name, attr) in &block.attrs {
        match m.get_mut(*name) {
            Some(v) => canonical_ty(&attr.ty, v),
            None => {
                m.insert((*name).to_owned(), Known::Null);
            }
        }
    }
    for (name, b) in &block.blocks {
        if !m.contains_key(*name) {
            m.insert((*name).to_owned(), Known::Null);
        }
        let Some(v) = m.get_mut(*name) else { continue };
        match b.nesting {
            Nesting::Single => {
                // Old states hold single blocks as lists of at most one.
                if let Known::List(l) = v {
                    *v = l.pop().unwrap_or(Known::Null);
                }
                if !v.is_null() {
                    canonical(&b.block, v);
                }
            }
            Nesting::List | Nesting::Set => {
                if !matches!(v, Known::List(_)) {
                    let one = std::mem::take(v);
                    *v = Known::List(if one.is_null() { Vec::new() } else { vec![one] });
                }
                let Known::List(l) = v else { continue };
                l.iter_mut().for_each(|e| canonical(&b.block, e));
                if b.nesting == Nesting::Set {
                    sort(l);
                }
            }
        }
    }
}

/// Brings a value of a type into its complete form, in place. What does not fit the type stays as it is.
pub fn canonical_ty(ty: &Ty, v: &mut Known) {
    match (ty, &mut *v) {
        (_, Known::Null) => {}
        (Ty::List(t), Known::List(l)) => l.iter_mut().for_each(|e| canonical_ty(t, e)),
        (Ty::Set(t), Known::List(l)) => {
            l.iter_mut().for_each(|e| canonical_ty(t, e));
            sort(l);
        }
        (Ty::Tuple(ts), Known::List(l)) => l.iter_mut().zip(ts).for_each(|(e, t)| canonical_ty(t, e)),
        (Ty::Map(t), Known::Map(m)) => m.values_mut().for_each(|e| canonical_ty(t, e)),
        (Ty::Object(o), Known::Map(m)) => {
            for (n, t) in &o.attrs {
                match m.get_mut(n) {
                    Some(e) => canonical_ty(t, e),
                    None => {
                        m.insert(n.clone(), Known::Null);
                    }
                }
            }
        }
        (Ty::String, Known::Number(n)) => *v = Known::String(n.to_string()),
        (Ty::String, Known::Bool(b)) => *v = Known::String(b.to_string()),
        (Ty::Number, Known::String(s)) => {
            if let Some(n) = Number::parse(s) {
                *v = Known::Number(n);
            }
        }
        (Ty::Bool, Known::String(s)) => match s.as_str() {
            "true" | "1" => *v = Known::Bool(true),
            "false" | "0" => *v = Known::Bool(false),
            _ => {}
        },
        _ => {}
    }
}

/// True if [`canonical`] would change nothing. Costs no copy, and most states are.
pub fn is_canonical(block: &Block, v: &Known) -> bool {
    let Known::Map(m) = v else { return false };
    let attrs = block.attrs.iter().all(|(name, attr)| m.get(*name).is_some_and(|v| is_canonical_ty(&attr.ty, v)));
    attrs
        && block.blocks.iter().all(|(name, b)| match (b.nesting, m.get(*name)) {
            (Nesting::Single, Some(v @ Known::Map(_))) => is_canonical(&b.block, v),
            (Nesting::Single, v) => v.is_some_and(Known::is_null),
            (nesting, Some(Known::List(l))) => {
                l.iter().all(|e| is_canonical(&b.block, e)) && (nesting == Nesting::List || is_sorted(l))
            }
            _ => false,
        })
}

fn is_canonical_ty(ty: &Ty, v: &Known) -> bool {
    match (ty, v) {
        (_, Known::Null) => true,
        (Ty::List(t), Known::List(l)) => l.iter().all(|e| is_canonical_ty(t, e)),
        (Ty::Set(t), Known::List(l)) => l.iter().all(|e| is_canonical_ty(t, e)) && is_sorted(l),
        (Ty::Tuple(ts), Known::List(l)) => l.iter().zip(ts).all(|(e, t)| is_canonical_ty(t, e)),
        (Ty::Map(t), Known::Map(m)) => m.values().all(|e| is_canonical_ty(t, e)),
        (Ty::Object(o), Known::Map(m)) => o.attrs.iter().all(|(n, t)| m.get(n).is_some_and(|e| is_canonical_ty(t, e))),
        (Ty::String, v) => matches!(v, Known::String(_)),
        (Ty::Number, v) => matches!(v, Known::Number(_)),
        (Ty::Bool, v) => matches!(v, Known::Bool(_)),
        // What has a dynamic type, or does not fit, stays as it is.
        _ => true,
    }
}

fn is_sorted(l: &[Known]) -> bool {
    l.is_sorted_by(|a, b| a < b)
}

fn sort(l: &mut Vec<Known>) {
    if !is_sorted(l) {
        l.sort();
        l.dedup();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Attr, BlockType};

    #[test]
    fn completes_and_orders() {
        let inner = Block { attrs: [("port", Attr::optional(Ty::Number))].into(), blocks: Default::default() };
        let block = Block {
            attrs: [("id", Attr::id()), ("names", Attr::optional(Ty::set(Ty::String)))].into(),
            blocks: [
                ("rule", BlockType::new(Nesting::Set, inner.clone())),
                ("one", BlockType::new(Nesting::Single, inner)),
            ]
            .into(),
        };
        let mut v = Known::from([
            ("names", Known::from(vec!["b", "a", "b"])),
            ("rule", Known::List(vec![Known::from([("port", "80")]), Known::object()])),
            ("other", Known::from(true)),
        ]);
        canonical(&block, &mut v);
        let expect = Known::from([
            ("id", Known::Null),
            ("names", Known::from(vec!["a", "b"])),
            ("one", Known::Null),
            ("other", Known::from(true)),
            ("rule", Known::List(vec![Known::from([("port", Known::Null)]), Known::from([("port", 80i64)])])),
        ]);
        assert_eq!(v, expect);
        assert!(is_canonical(&block, &v));
        let before = v.clone();
        canonical(&block, &mut v);
        assert_eq!(v, before);
    }

    #[test]
    fn tells_what_is_complete_already() {
        let inner = Block { attrs: [("port", Attr::optional(Ty::Number))].into(), blocks: Default::default() };
        let block = Block {
            attrs: [("id", Attr::id()), ("names", Attr::optional(Ty::set(Ty::String)))].into(),
            blocks: [
                ("one", BlockType::new(Nesting::Single, inner.clone())),
                ("rule", BlockType::new(Nesting::Set, inner)),
            ]
            .into(),
        };
        let port = |p: Known| Known::from([("port", p)]);
        let (one, rules) = (port(Known::from(1i64)), Known::List(vec![]));
        let object = |names: Known, one: &Known, rule: &Known| {
            Known::from([("id", Known::Null), ("names", names), ("one", one.clone()), ("rule", rule.clone())])
        };
        let names = |l: &[&str]| Known::from(l.to_vec());
        for v in [
            object(names(&["a", "b"]), &one, &rules),
            object(names(&["b", "a"]), &one, &rules),
            object(names(&["a", "a"]), &one, &rules),
            object(names(&[]), &Known::Null, &rules),
            object(names(&[]), &Known::List(vec![one.clone()]), &rules),
            object(names(&[]), &Known::object(), &rules),
            object(names(&[]), &port(Known::from("1")), &rules),
            object(names(&[]), &one, &Known::Null),
            object(names(&[]), &one, &one),
            object(names(&[]), &one, &Known::List(vec![port(2i64.into()), port(1i64.into())])),
            object(names(&[]), &one, &Known::List(vec![port(1i64.into()), port(2i64.into())])),
            Known::object(),
            Known::Null,
        ] {
            let mut complete = v.clone();
            canonical(&block, &mut complete);
            assert_eq!(is_canonical(&block, &v), v == complete, "{v:?}");
        }
    }
}
