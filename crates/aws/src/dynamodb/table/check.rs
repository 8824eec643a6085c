//! What is wrong before anything is sent, and which differences are none.

use stackctl_core::{Error, Path};

use crate::kit::prelude::*;

/// Elements of a set of blocks; `None` where something of them is not known yet.
fn blocks<'a>(config: &'a Partial, name: &str) -> Option<&'a [Partial]> {
    match config.get(name) {
        Partial::List(l) => Some(l),
        Partial::Null => Some(&[]),
        _ => None,
    }
}

/// A text of a block: `None` where it is not known yet, empty where it is not set.
fn text<'a>(block: &'a Partial, name: &str) -> Option<&'a str> {
    match block.get(name) {
        Partial::Unknown => None,
        v => Some(v.as_str().unwrap_or_default()),
    }
}

pub(super) fn validate(config: &Partial, errors: &mut Vec<Error>) {
    if let Some((declared, used)) = keys(config) {
        // The key of a table that is restored comes with its data.
        let whole = !config.get("hash_key").is_null();
        let idle: Vec<&str> = declared.difference(&used).copied().collect();
        if !idle.is_empty() && whole {
            let message = format!("No key of the table or of an index uses the attribute {}.", idle.join(", "));
            errors.push(
                Error::at(Path::attr("attribute"), message)
                    .hinted("Only attributes of keys are declared; items may have any others."),
            );
        }
        let missing: Vec<&str> = used.difference(&declared).copied().collect();
        if !missing.is_empty() {
            let message = format!("Keys use {}, for which there is no `attribute` block.", missing.join(", "));
            errors.push(Error::at(Path::attr("attribute"), message));
        }
    }
    if config.get("stream_enabled") == &Partial::Bool(true) && config.get("stream_view_type").is_null() {
        let message = "A stream needs `stream_view_type`.";
        errors.push(Error::at(Path::attr("stream_enabled"), message));
    }
    for ttl in blocks(config, "ttl").unwrap_or_default() {
        if ttl.get("enabled") == &Partial::Bool(true) && text(ttl, "attribute_name") == Some("") {
            errors.push(Error::at(Path::attr("ttl"), "Deletion by age needs `attribute_name`."));
        }
    }
}

/// Names of declared attributes, and of those that keys use.
fn keys(config: &Partial) -> Option<(BTreeSet<&str>, BTreeSet<&str>)> {
    let mut declared = BTreeSet::new();
    for a in blocks(config, "attribute")? {
        declared.insert(text(a, "name")?);
    }
    let mut used = BTreeSet::from([text(config, "hash_key")?, text(config, "range_key")?]);
    for i in blocks(config, "global_secondary_index")? {
        used.extend([text(i, "hash_key")?, text(i, "range_key")?]);
    }
    for i in blocks(config, "local_secondary_index")? {
        used.insert(text(i, "range_key")?);
    }
    used.remove("");
    Some((declared, used))
}

pub(super) fn plan(draft: &mut Draft<'_>) {
    let class = |v: Option<&str>| v.filter(|c| !c.is_empty()).unwrap_or("STANDARD").to_owned();
    if let Partial::String(_) | Partial::Null = draft.planned("table_class") {
        let planned = class(draft.planned("table_class").as_str());
        if draft.is_create() || class(draft.prior("table_class").as_str()) != planned {
            draft.set("table_class", Partial::String(planned));
        } else {
            draft.keep("table_class");
        }
    }
    capacity(draft);
    if draft.is_create() {
        return;
    }
    for source in ["restore_source_name", "restore_source_table_arn"] {
        if draft.changes(source) && draft.planned(source).as_str().is_some_and(|s| !s.is_empty()) {
            draft.replace(source);
        }
    }
    // Where nothing is deleted by age, the service does not tell by which attribute it would be.
    let on = |v: &Partial| v.get("enabled") == &Partial::Bool(true);
    let still_off = match (draft.planned("ttl"), draft.prior("ttl").as_list()) {
        (Partial::List(planned), Some([prior])) => {
            planned.iter().all(|t| t.get("enabled").is_known() && !on(t))
                && prior.get("enabled").as_bool() != Some(true)
                && prior.get("attribute_name").as_str().is_none_or(str::is_empty)
        }
        _ => false,
    };
    if still_off {
        draft.keep("ttl");
    }
    let off = |e: &Partial| e.get("enabled") == &Partial::Bool(false);
    let none = draft.prior("server_side_encryption").as_list().is_none_or(<[Known]>::is_empty);
    // Off is the same as never on.
    if none && matches!(draft.planned("server_side_encryption"), Partial::List(l) if l.iter().all(off)) {
        draft.keep("server_side_encryption");
    }
    // The service knows these by name and never changes them.
    for set in ["attribute", "local_secondary_index"] {
        keep_by_name(draft, set);
    }
}

/// Elements of a prior element's name are planned as that.
fn keep_by_name(draft: &mut Draft<'_>, set: &str) {
    let (Partial::List(planned), Some(prior)) = (draft.planned(set), draft.prior(set).as_list()) else { return };
    let known = |p: &Partial| {
        let name = p.get("name").as_str()?;
        prior.iter().find(|k| k.get("name").as_str() == Some(name)).cloned().map(Partial::from)
    };
    let mut kept: Vec<Partial> = planned.iter().map(|p| known(p).unwrap_or_else(|| p.clone())).collect();
    if kept.iter().all(Partial::is_known) {
        kept.sort();
        kept.dedup();
    }
    draft.set(set, Partial::List(kept));
}

/// Provisioned capacity is needed where it is paid for, and refused where it is not.
fn capacity(draft: &mut Draft<'_>) {
    let restored = ["restore_source_name", "restore_source_table_arn"].iter().any(|s| !draft.config(s).is_null());
    let mode = draft.planned("billing_mode").as_str().unwrap_or_default().to_owned();
    let switched = draft.prior("billing_mode").as_str() == Some("PAY_PER_REQUEST");
    for units in ["read_capacity", "write_capacity"] {
        let wrong = match (mode.as_str(), draft.config(units)) {
            _ if restored => None,
            (_, Partial::Unknown) => None,
            ("PAY_PER_REQUEST", Partial::Number(n)) if draft.is_create() && *n != Number::ZERO => {
                Some(format!("`{units}` is for tables of provisioned capacity, and this one is paid per request."))
            }
            ("PROVISIONED", Partial::Null) if draft.is_create() => Some(format!(
                "A table of provisioned capacity needs `{units}`, or `billing_mode = \"PAY_PER_REQUEST\"`."
            )),
            ("PROVISIONED", Partial::Number(n)) if !switched && n.to_i64().is_none_or(|n| n < 1) => {
                Some(format!("`{units}` must be at least 1."))
            }
            _ => None,
        };
        if let Some(wrong) = wrong {
            draft.error(units, wrong);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(config: serde_json::Value, want: &[&str]) {
        let config = Partial::from(Known::from_json(&config));
        let mut errors = Vec::new();
        validate(&config, &mut errors);
        let found: Vec<String> = errors.iter().map(|e| e.message.clone()).collect();
        assert_eq!(found.len(), want.len(), "{found:?}");
        assert!(found.iter().zip(want).all(|(f, w)| f.contains(w)), "{found:?}");
    }

    #[test]
    fn keys_and_attributes() {
        use serde_json::json;
        let k = json!([{"name": "k", "type": "S"}]);
        check(json!({"hash_key": "k", "attribute": k}), &[]);
        check(json!({"hash_key": "j", "attribute": k}), &["uses the attribute k", "Keys use j"]);
        check(json!({"hash_key": "k", "range_key": "r", "attribute": k}), &["Keys use r"]);
        let index = json!([{"name": "i", "hash_key": "g", "projection_type": "ALL"}]);
        check(json!({"hash_key": "k", "attribute": k, "global_secondary_index": index}), &["Keys use g"]);
        check(json!({"hash_key": "k", "attribute": k, "stream_enabled": true}), &["stream_view_type"]);
        check(json!({"hash_key": "k", "attribute": k, "ttl": [{"enabled": true}]}), &["attribute_name"]);
    }

    #[test]
    fn what_is_not_known_is_not_refused() {
        let mut config = Partial::from(Known::from_json(&serde_json::json!({"hash_key": "k"})));
        config.set("attribute", Partial::Unknown);
        let mut errors = Vec::new();
        validate(&config, &mut errors);
        assert!(errors.is_empty());
    }
}
