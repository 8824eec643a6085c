//! Between what the engine holds and what a resource sees: tags, prefixes, local attributes, spelling. Pure functions over
//! a schema, so that they are compiled once and tested as data.
//!
//! Outward ([`outward`]): from what a resource read to what state holds. Inward ([`inward`]): from a planned object to what
//! a resource may send. Nothing here knows a type.

use std::collections::BTreeMap;

use stackctl_core::canonical::canonical;
use stackctl_core::equal::{is_zero, same};
use stackctl_core::{Block, Draft, Equality, Error, ErrorKind, Identity, Known, Partial, Presence, Ref, Schema, Ty};

use super::errors::is_refusal;
use super::provider_config::TagRules;

/// The tag that carries the token of an intent until its object's id is durable.
pub const OWNER_TAG: &str = "stackctl:id";

type Map = BTreeMap<String, String>;

/// Tags without AWS's own, ignored ones and ours.
pub(super) fn visible(rules: &TagRules, mut tags: Map) -> Map {
    tags.retain(|k, _| k != OWNER_TAG && !k.starts_with("aws:") && !rules.ignores(k));
    tags
}

fn map(v: &Known) -> Map {
    v.as_map().into_iter().flatten().filter_map(|(k, v)| Some((k.clone(), v.as_str()?.to_owned()))).collect()
}

fn known(m: Map) -> Known {
    Known::Map(m.into_iter().map(|(k, v)| (k, v.into())).collect())
}

/// All tags that an object shall have: the provider's defaults under its own `tags`.
pub(super) fn wanted_tags(rules: &TagRules, tags: &Known) -> Map {
    let mut all = rules.defaults.clone();
    all.extend(map(tags));
    all.retain(|k, _| !rules.ignores(k));
    all
}

/// A planned object as a resource sees it: `tags` are all tags, and zero values of optional attributes are absent where
/// the type cannot tell them apart.
pub(super) fn inward(schema: &Schema, rules: &TagRules, mut value: Known, token: Option<&str>) -> Known {
    if schema.block.attrs.contains_key("tags_all") {
        let mut tags = wanted_tags(rules, value.get("tags"));
        if let Some(token) = token.filter(|_| schema.tagged()) {
            tags.insert(OWNER_TAG.to_owned(), token.to_owned());
        }
        value.set("tags", known(tags));
    }
    if schema.zero_is_null {
        empty_text_to_null(&schema.block, &mut value);
    }
    value
}

fn empty_text_to_null(block: &Block, v: &mut Known) {
    let Some(m) = v.as_map_mut() else { return };
    for (name, attr) in &block.attrs {
        if let Some(v) = m.get_mut(*name)
            && attr.presence != Presence::Required
            && attr.ty == Ty::String
            && v.as_str() == Some("")
        {
            *v = Known::Null;
        }
    }
    for (name, b) in &block.blocks {
        if let Some(Known::List(l)) = m.get_mut(*name) {
            l.iter_mut().for_each(|e| empty_text_to_null(&b.block, e));
        }
    }
}

/// What state holds of a live object, given what a resource read and what was known before.
pub(super) fn outward(schema: &Schema, rules: &TagRules, mut value: Known, id: &str, at: &Ref) -> Known {
    let prior = &at.known;
    if !schema.block.attrs.get("id").is_some_and(|a| a.configurable()) {
        value.set("id", id.into());
    }
    if schema.block.attrs.contains_key("tags_all") {
        let all = visible(rules, map(value.get("tags")));
        let before = map(prior.get("tags"));
        let own = all.iter().filter(|(k, v)| rules.defaults.get(*k) != Some(*v) || before.contains_key(*k));
        let own: Map = own.map(|(k, v)| (k.clone(), v.clone())).collect();
        // Types of the framework tell no tags from an empty map of them.
        let unset = !schema.zero_is_null && own.is_empty() && prior.get("tags").is_null();
        value.set("tags", if unset { Known::Null } else { known(own) });
        value.set("tags_all", known(all));
    }
    let wanted = |name: &str| at.wanted.as_ref().is_none_or(|w| w.contains(name));
    for (name, attr) in &schema.block.attrs {
        if attr.write_only {
            value.set(*name, Known::Null);
        } else if attr.local || (attr.lazy && !wanted(name)) {
            value.set(*name, prior.get(name).clone());
        } else if let Some(of) = attr.prefix_of {
            value.set(*name, prefix(prior, name, value.get(of).as_str().unwrap_or_default(), prior.get(of)));
        }
    }
    for (name, b) in &schema.block.blocks {
        if b.local || (b.lazy && !wanted(name)) {
            value.set(*name, prior.get(name).clone());
        }
    }
    canonical(&schema.block, &mut value);
    spell_as(&schema.block, schema.zero_is_null, &mut value, prior);
    canonical(&schema.block, &mut value);
    value
}

/// The prefix form of a live name: as before if the name begins with it, else as generated names tell.
fn prefix(prior: &Known, attr: &str, name: &str, old_name: &Known) -> Known {
    match prior.get(attr).as_str() {
        Some(p) if name.starts_with(p) && (old_name.is_null() || old_name.as_str() == Some(name)) => p.into(),
        _ => generated_prefix(name).into(),
    }
}

/// The text before a generated suffix: 18 digits of time and 8 hexadecimal digits. Empty for other names.
pub(super) fn generated_prefix(name: &str) -> &str {
    let Some(at) = name.len().checked_sub(26).filter(|at| name.is_char_boundary(*at)) else { return "" };
    let (start, suffix) = name.split_at(at);
    let digits = suffix.bytes().take(18).all(|b| b.is_ascii_digit());
    let hex = suffix.bytes().skip(18).all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if digits && hex { start } else { "" }
}

/// Where a live value means the same as the prior one, the prior one's spelling stays.
fn spell_as(block: &Block, zero_is_null: bool, live: &mut Known, prior: &Known) {
    let Some(m) = live.as_map_mut() else { return };
    for (name, attr) in &block.attrs {
        let before = prior.get(name);
        let Some(now) = m.get_mut(*name) else { continue };
        // A computed null says "not known yet", an optional one "not set": only the latter is a spelling.
        let absent = zero_is_null && attr.presence == Presence::Optional && is_zero(before) && is_zero(now);
        let known_absent = absent && prior.as_map().is_some_and(|p| p.contains_key(*name));
        if *now != *before && (known_absent || (!before.is_null() && same(attr.equality, now, before))) {
            *now = before.clone();
        }
    }
    for (name, b) in &block.blocks {
        if let (Some(Known::List(now)), Known::List(before)) = (m.get_mut(*name), prior.get(name))
            && now.len() == before.len()
        {
            now.iter_mut().zip(before).for_each(|(n, p)| spell_as(&b.block, zero_is_null, n, p));
        }
    }
}

/// The part of the plan hook that every type has: `tags_all`, and elements of attributes written as blocks.
pub(super) fn plan(schema: &Schema, rules: &TagRules, rules_known: bool, draft: &mut Draft<'_>) {
    if schema.block.attrs.contains_key("tags_all") {
        let tags = draft.planned("tags");
        if !rules_known || !tags.is_known() {
            draft.unknown("tags_all");
        } else {
            let all = wanted_tags(rules, &tags.or_null());
            // The older SDK does not know the empty result of a create.
            if !(all.is_empty() && draft.is_create() && schema.zero_is_null) {
                draft.set("tags_all", known(all));
            }
        }
    }
    for (name, attr) in &schema.block.attrs {
        if matches!(attr.equality, Equality::Json | Equality::Policy)
            && draft.changes(name)
            && let Some(text) = draft.planned(name).as_str().and_then(normal)
        {
            draft.set(name, Partial::String(text));
        }
    }
    if schema.zero_is_null {
        for (name, attr) in schema.block.attrs.iter().filter(|(_, a)| a.as_block) {
            if let (Ty::Set(of) | Ty::List(of), Partial::List(l)) = (&attr.ty, draft.planned(name)) {
                let mut l = l.clone();
                l.iter_mut().for_each(|e| complete(of, e));
                in_order(&attr.ty, &mut l);
                draft.set(name, Partial::List(l));
            }
        }
    }
}

/// The id that an object has by its name or its key attributes; `None` where the service chooses ids.
pub(super) fn natural_id(schema: &Schema, keys: &Known) -> Option<String> {
    let text = |attr: &str| keys.get(attr).as_str().filter(|s| !s.is_empty());
    match &schema.identity {
        Identity::Name { attr, .. } => text(attr).map(str::to_owned),
        Identity::Key(attrs) => Some(attrs.iter().filter_map(|a| text(a)).collect::<Vec<_>>().join(",")),
        Identity::Token | Identity::Tag | Identity::None => None,
    }
}

/// The error of a create or an update: a failure inside the service, and an answer that cannot be read, say nothing about
/// what was done.
pub(super) fn uncertain(e: Error) -> Error {
    let silent = e.call.as_ref().and_then(|c| c.status).is_some_and(|s| !is_refusal(s));
    if silent && e.kind == ErrorKind::Other { Error { kind: ErrorKind::Lost, ..e } } else { e }
}

/// A JSON document in the one spelling that is sent and stored: compact, keys sorted, `<`, `>` and `&` escaped.
pub(crate) fn normal(text: &str) -> Option<String> {
    let document = Known::from_json(&serde_json::from_str(text).ok()?).to_json().to_string();
    Some(document.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026"))
}

/// Brings elements of a set into canonical order.
pub fn in_order(ty: &Ty, l: &mut Vec<Partial>) {
    if matches!(ty, Ty::Set(_)) {
        l.sort();
        l.dedup();
    }
}

/// Fills null members of an object with their types' zero values, as the older plugin SDK stores them.
fn complete(ty: &Ty, v: &mut Partial) {
    let (Ty::Object(o), Partial::Map(m)) = (ty, v) else { return };
    for (name, ty) in &o.attrs {
        let v = m.entry(name.clone()).or_default();
        if v.is_null() {
            *v = match ty {
                Ty::String => Partial::String(String::new()),
                Ty::Bool => Partial::Bool(false),
                Ty::Number => Partial::Number(stackctl_core::Number::ZERO),
                Ty::List(_) | Ty::Set(_) => Partial::List(Vec::new()),
                _ => continue,
            };
        }
    }
}

/// Tags to set and keys to remove for an update.
pub(super) fn retag(rules: &TagRules, old: &Known, new: &Known) -> (Map, Vec<String>) {
    let (have, want) = (visible(rules, map(old.get("tags_all"))), wanted_tags(rules, new.get("tags")));
    let gone = have.keys().filter(|k| !want.contains_key(*k)).cloned().collect();
    (want.into_iter().filter(|(k, v)| have.get(k) != Some(v)).collect(), gone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kit::table::{Sheet, identity, slot};
    use crate::kit::value::{Name, Tags};

    /// A redirect has done nothing, and trying again does not help.
    #[test]
    fn what_is_uncertain() {
        for (status, kind, wanted) in [
            (200, ErrorKind::Other, ErrorKind::Lost),
            (301, ErrorKind::Other, ErrorKind::Other),
            (400, ErrorKind::Invalid, ErrorKind::Invalid),
            (418, ErrorKind::Other, ErrorKind::Other),
            (500, ErrorKind::Other, ErrorKind::Lost),
            (503, ErrorKind::Throttled, ErrorKind::Throttled),
        ] {
            let call = stackctl_core::error::Call { status: Some(status), ..Default::default() };
            let e = Error { call: Some(Box::new(call)), ..Error::new(kind, "no") };
            assert_eq!(uncertain(e).kind, wanted, "{status}");
        }
        assert_eq!(uncertain(Error::new(ErrorKind::Other, "our own")).kind, ErrorKind::Other);
    }

    fn schema() -> Schema {
        Sheet::new(
            "x",
            "",
            vec![
                slot::<Name>("name", Presence::OptComputed, "").named("name_prefix"),
                slot::<Tags>("tags", Presence::Optional, "").tags(),
                slot::<bool>("keep", Presence::Optional, "").local(),
                slot::<Option<String>>("note", Presence::Optional, ""),
            ],
        )
        .identity(identity::tag())
        .build()
    }

    fn rules() -> TagRules {
        TagRules { defaults: Map::from([("team".into(), "a".into())]), ..TagRules::default() }
    }

    #[test]
    fn tags_go_in_with_defaults_and_owner_and_come_out_apart() {
        let new = Known::from([("tags", Known::from([("k", "v")]))]);
        let sent = inward(&schema(), &rules(), new, Some("tok"));
        let want = Known::from([("k", "v"), ("stackctl:id", "tok"), ("team", "a")]);
        assert_eq!(sent.get("tags"), &want);
        let mut read = sent;
        read.set("name", "n".into());
        let at = Ref { id: "i".into(), known: Known::from([("keep", Known::from(true))]), wanted: None };
        let live = outward(&schema(), &rules(), read, "i", &at);
        assert_eq!(live.get("tags"), &Known::from([("k", "v")]));
        assert_eq!(live.get("tags_all"), &Known::from([("k", "v"), ("team", "a")]));
        assert_eq!(live.get("keep"), &Known::from(true));
    }

    #[test]
    fn spelling_of_the_prior_stays() {
        let at =
            Ref { id: "i".into(), known: Known::from([("note", Known::Null), ("tags", Known::Null)]), wanted: None };
        let read = Known::from([("note", Known::from("")), ("name", "n".into()), ("tags", Known::object())]);
        let live = outward(&schema(), &TagRules::default(), read, "i", &at);
        assert!(live.get("note").is_null() && live.get("tags").is_null());
    }

    #[test]
    fn prefixes() {
        assert_eq!(generated_prefix("web-20240102030405060700000001"), "web-");
        assert_eq!(generated_prefix("web-2024"), "");
        let prior = Known::from([("name_prefix", "we"), ("name", "web")]);
        assert_eq!(prefix(&prior, "name_prefix", "web", prior.get("name")), Known::from("we"));
    }

    #[test]
    fn retagging_leaves_invisible_tags_alone() {
        let old = Known::from([("tags_all", Known::from([("a", "1"), ("b", "2"), ("stackctl:id", "t")]))]);
        let new = Known::from([("tags", Known::from([("a", "3")]))]);
        let (add, remove) = retag(&rules(), &old, &new);
        assert_eq!(add, Map::from([("a".into(), "3".into()), ("team".into(), "a".into())]));
        assert_eq!(remove, vec!["b".to_owned()]);
    }
}
