//! What differs between two states, by address. Values are never shown: states hold secrets.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};
use stackctl_core::Known;
use stackctl_state::{Object, ObjectStatus, State, Target};

/// What leads from one state to another.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Addresses that only the later one has.
    pub(crate) added: Vec<String>,
    /// Addresses that only the earlier one has.
    pub(crate) removed: Vec<String>,
    /// Addresses whose objects differ, with the names of the attributes.
    pub(crate) changed: Vec<(String, Vec<String>)>,
    /// Names of the outputs that differ.
    pub(crate) outputs: Vec<String>,
    /// Both lineages, where a state was put in the place of another one.
    pub(crate) lineage: Option<(String, String)>,
}

/// Compares two states.
pub(crate) fn difference(from: &State, to: &State) -> Difference {
    let (old, new): (BTreeMap<Target, _>, BTreeMap<Target, _>) = (from.objects().collect(), to.objects().collect());
    let mut out = Difference::default();
    for at in old.keys().chain(new.keys()).collect::<BTreeSet<_>>() {
        match (old.get(at), new.get(at)) {
            (None, _) => out.added.push(at.to_string()),
            (_, None) => out.removed.push(at.to_string()),
            (Some(a), Some(b)) if a != b => out.changed.push((at.to_string(), fields(a, b))),
            _ => {}
        }
    }
    if from.serial > 0 && from.lineage != to.lineage {
        out.lineage = Some((from.lineage.clone(), to.lineage.clone()));
    }
    let names: BTreeSet<&String> = from.outputs.keys().chain(to.outputs.keys()).collect();
    out.outputs = names.into_iter().filter(|n| from.outputs.get(*n) != to.outputs.get(*n)).cloned().collect();
    out
}

/// What differs in an object: attributes by name, and the rest in words.
fn fields(a: &Object, b: &Object) -> Vec<String> {
    let empty = BTreeMap::new();
    let map = |o: &Object| o.attributes.as_map().cloned().unwrap_or_else(|| empty.clone());
    let (old, new) = (map(a), map(b));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let of = |m: &BTreeMap<String, Known>, n: &str| m.get(n).cloned().unwrap_or_default();
    let mut out: Vec<String> = names.into_iter().filter(|n| of(&old, n) != of(&new, n)).cloned().collect();
    if a.status != b.status {
        let now = if b.status == ObjectStatus::Tainted { "tainted" } else { "no longer tainted" };
        out.push(now.to_owned());
    }
    if a.provider != b.provider {
        out.push(format!("provider {} -> {}", a.provider, b.provider));
    }
    if out.is_empty() {
        out.push("what the state records about it".to_owned());
    }
    out
}

impl Difference {
    /// True if nothing differs.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Difference::default()
    }
    /// A line for each address.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut out: Vec<String> = self.added.iter().map(|a| format!("  + {a}")).collect();
        out.extend(self.changed.iter().map(|(a, f)| format!("  ~ {a} ({})", f.join(", "))));
        out.extend(self.removed.iter().map(|a| format!("  - {a}")));
        out.extend(self.outputs.iter().map(|o| format!("  ~ output {o}")));
        out.extend(self.lineage.iter().map(|(a, b)| format!("  ~ lineage {a} -> {b}")));
        out
    }
    /// `2 added, 1 changed`, with the addresses where there are few.
    pub(crate) fn summary(&self) -> String {
        let changed = self.changed.iter().map(|(a, _)| a.clone()).collect::<Vec<_>>();
        let kinds = [("+", "added", &self.added), ("~", "changed", &changed), ("-", "removed", &self.removed)];
        let all: usize = kinds.iter().map(|(_, _, l)| l.len()).sum();
        let mut parts: Vec<String> = Vec::new();
        for (sign, word, list) in kinds.iter().filter(|(_, _, l)| !l.is_empty()) {
            if all <= 3 {
                parts.extend(list.iter().map(|a| format!("{sign} {a}")));
            } else {
                parts.push(format!("{} {word}", list.len()));
            }
        }
        if !self.outputs.is_empty() {
            parts.push(format!("outputs {}", self.outputs.join(", ")));
        }
        if let Some((_, lineage)) = &self.lineage {
            parts.push(format!("lineage {lineage}"));
        }
        if parts.is_empty() { "nothing".to_owned() } else { parts.join(", ") }
    }
    /// The same for programs.
    pub(crate) fn json(&self) -> Map<String, Json> {
        let changed: Vec<Json> = self.changed.iter().map(|(a, f)| json!({ "address": a, "attributes": f })).collect();
        let mut m = Map::new();
        m.insert("added".to_owned(), json!(self.added));
        m.insert("changed".to_owned(), json!(changed));
        m.insert("removed".to_owned(), json!(self.removed));
        m.insert("outputs".to_owned(), json!(self.outputs));
        m.insert("lineage".to_owned(), json!(self.lineage.as_ref().map(|(_, new)| new)));
        m
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stackctl_core::InstanceAddr;
    use stackctl_state::ProviderAddr;

    use super::*;

    #[test]
    fn addresses_and_names_without_values() {
        let state = |objects: &[(&str, &str)]| {
            let mut s = State::new("l");
            for (addr, secret) in objects {
                let provider = Arc::new(ProviderAddr::root("registry.terraform.io/hashicorp/aws"));
                let object = Object::new(provider, Known::from([("id", "1"), ("password", *secret)]));
                s.put(&Target::current(InstanceAddr::parse(addr).unwrap()), Arc::new(object));
            }
            s
        };
        let (a, b) = (state(&[("t.a", "hush"), ("t.b", "x")]), state(&[("t.a", "hush hush"), ("t.c", "x")]));
        let d = difference(&a, &b);
        assert_eq!(d.lines(), ["  + t.c", "  ~ t.a (password)", "  - t.b"]);
        assert_eq!(d.summary(), "+ t.c, ~ t.a, - t.b");
        assert!(!d.lines().concat().contains("hush"));
        assert!(difference(&a, &a).is_empty());
        let mut other = State { serial: 1, ..State::new("m") };
        assert_eq!(difference(&other, &State::new("l")).summary(), "lineage l");
        other.serial = 0;
        assert!(difference(&other, &State::new("l")).is_empty(), "what was never written has no lineage to lose");
    }
}
