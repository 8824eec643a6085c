//! The diff of one instance, as data.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use stackctl_core::schema::OnUpdate;
use stackctl_core::{Attr, Block, BlockType, Equality, Known, Nesting, Partial, Path, Schema, Step, Ty};

use crate::plan::diff::{Ignore, diff};

fn schema() -> Schema {
    let s = || Attr::optional(Ty::String);
    let rule = Block {
        attrs: [
            ("port", Attr::required(Ty::Number)),
            ("note", s()),
            ("rule_id", Attr::computed(Ty::String)),
            ("kind", s().force_new()),
        ]
        .into(),
        blocks: BTreeMap::new(),
    };
    let object = Ty::object([
        ("from", Ty::Number),
        ("self", Ty::Bool),
        ("cidrs", Ty::list(Ty::String)),
        ("peers", Ty::set(Ty::String)),
    ]);
    let block = Block {
        attrs: [
            ("id", Attr::id()),
            ("name", Attr::required(Ty::String).force_new()),
            ("size", Attr::optional(Ty::Number).default(8i64)),
            ("zone", Attr::opt_computed(Ty::String).force_new()),
            ("note", s()),
            ("groups", Attr::opt_computed(Ty::set(Ty::String))),
            ("names", Attr::optional(Ty::set(Ty::String))),
            ("policy", Attr { equality: Equality::Json, ..s() }),
            ("secret_wo", Attr { write_only: true, ..s() }),
            ("version", Attr { on_update: OnUpdate::Unknown, ..Attr::computed(Ty::Number) }),
            ("size_text", Attr { on_update: OnUpdate::UnknownWhen(&["size"]), ..Attr::computed(Ty::String) }),
            ("ingress", Attr { as_block: true, if_configured: true, ..Attr::opt_computed(Ty::set(object)) }),
            ("tags", Attr::optional(Ty::map(Ty::String))),
        ]
        .into(),
        blocks: [
            ("rule", BlockType::new(Nesting::Set, rule.clone())),
            ("step", BlockType::new(Nesting::List, rule)),
            (
                "disk",
                BlockType {
                    force_new: true,
                    ..BlockType::new(Nesting::List, Block { attrs: [("gb", s())].into(), blocks: BTreeMap::new() })
                },
            ),
        ]
        .into(),
    };
    Schema::new("test", block)
}

/// `"?"` stands for unknown.
fn partial(v: &Json) -> Partial {
    match v {
        Json::String(s) if s == "?" => Partial::Unknown,
        Json::Array(a) => Partial::List(a.iter().map(partial).collect()),
        Json::Object(o) => Partial::Map(o.iter().map(|(k, v)| (k.clone(), partial(v))).collect()),
        v => Known::from_json(v).into(),
    }
}

fn shown(v: &Partial) -> Json {
    match v {
        Partial::Unknown => json!("?"),
        Partial::List(l) => l.iter().map(shown).collect(),
        Partial::Map(m) => Json::Object(m.iter().map(|(k, v)| (k.clone(), shown(v))).collect()),
        v => v.or_null().to_json(),
    }
}

/// Diffs `config` against what `prior` says over a plain object; `expect` is fields, replace paths, and planned
/// values of some attributes.
fn check(config: Json, prior: Option<Json>, ignore: &Ignore, fields: &[&str], replace: &[&str], planned: Json) {
    let s = schema();
    let prior = prior.map(|p| {
        let mut k =
            Known::from_json(&json!({"id": "i", "name": "n", "size": 8, "zone": "z", "version": 1, "size_text": "8"}));
        for (name, v) in p.as_object().unwrap() {
            k.set(name.clone(), Known::from_json(v));
        }
        stackctl_core::canonical(&s.block, &mut k);
        k
    });
    let mut c = partial(&config);
    if config.get("name").is_none() {
        c.set("name", Known::from("n").into());
    }
    let d = diff(&s, &c, prior.as_ref(), ignore, &|_| {});
    let paths: Vec<_> = d.replace.iter().map(Path::to_string).collect();
    assert_eq!(d.fields.iter().collect::<Vec<_>>(), fields, "fields of {config}");
    assert_eq!(paths, replace, "replacements of {config}");
    for (name, want) in planned.as_object().unwrap() {
        assert_eq!(&shown(d.planned.get(name)), want, "{name} of {config}");
    }
}

#[test]
fn creates() {
    check(
        json!({"rule": [{"port": 1}], "secret_wo": "x"}),
        None,
        &Ignore::Nothing,
        &["name", "rule", "secret_wo", "size"],
        &[],
        json!({"id": "?", "zone": "?", "size": 8, "note": null, "secret_wo": null, "version": "?", "disk": [],
            "rule": [{"port": 1, "note": null, "rule_id": "?", "kind": null}]}),
    );
    check(json!({"names": ["a", "?"]}), None, &Ignore::Nothing, &["name", "names", "size"], &[], json!({"names": "?"}));
}

/// A set of objects keeps what is known of each, as the prior value spells it; a set of texts has none that is not known.
#[test]
fn sets_of_what_is_known_in_parts() {
    let config = json!({"ingress": [{"from": 2, "peers": ["a", "?"]}, {"from": 1, "self": null}]});
    let known = |of_self| json!({"from": 1, "self": of_self, "cidrs": null, "peers": null});
    let open = json!({"from": 2, "self": null, "cidrs": null, "peers": "?"});
    for (prior, of_self) in
        [(None, json!(null)), (Some(json!({"ingress": [{"from": 1, "self": false}]})), json!(false))]
    {
        let fields: &[&str] = if prior.is_none() { &["ingress", "name", "size"] } else { &["ingress", "version"] };
        check(config.clone(), prior, &Ignore::Nothing, fields, &[], json!({"ingress": [known(of_self), open]}));
    }
    let nobody = json!({"ingress": [{"from": 1}, "?"]});
    check(nobody, None, &Ignore::Nothing, &["ingress", "name", "size"], &[], json!({"ingress": "?"}));
}

#[test]
fn no_changes() {
    for (config, prior) in [
        (json!({}), json!({})),
        (json!({}), json!({"note": "", "tags": {}, "names": []})),
        (json!({"note": "", "tags": {}}), json!({})),
        (json!({"names": ["b", "a"]}), json!({"names": ["a", "b"]})),
        (json!({"policy": "{\"a\":1}"}), json!({"policy": "{ \"a\": 1 }"})),
        (json!({"secret_wo": "other"}), json!({})),
        (json!({}), json!({"ingress": [{"from": 1}]})),
        (
            json!({"ingress": [{"from": 1, "self": null, "cidrs": null}]}),
            json!({"ingress": [{"from": 1, "self": false, "cidrs": []}]}),
        ),
        (
            json!({"rule": [{"port": 2}, {"port": 1}]}),
            json!({"rule": [{"port": 1, "rule_id": "a", "note": ""}, {"port": 2, "rule_id": "b"}]}),
        ),
        (json!({"zone": "z"}), json!({})),
    ] {
        check(config, Some(prior), &Ignore::Nothing, &[], &[], json!({"id": "i"}));
    }
}

#[test]
fn updates() {
    let n = &Ignore::Nothing;
    check(
        json!({"note": "x"}),
        Some(json!({})),
        n,
        &["note", "version"],
        &[],
        json!({"version": "?", "size_text": "8"}),
    );
    check(json!({"size": 9}), Some(json!({})), n, &["size", "size_text", "version"], &[], json!({"size_text": "?"}));
    check(json!({}), Some(json!({"note": "x"})), n, &["note", "version"], &[], json!({"note": null, "id": "i"}));
    check(json!({"note": "?"}), Some(json!({"note": "x"})), n, &["note", "version"], &[], json!({"note": "?"}));
    check(
        json!({"ingress": []}),
        Some(json!({"ingress": [{"from": 1}]})),
        n,
        &["ingress", "version"],
        &[],
        json!({"ingress": []}),
    );
    check(
        json!({"ingress": [{"from": 1}, {"from": 2}]}),
        Some(json!({"ingress": [{"from": 1, "self": false}]})),
        n,
        &["ingress", "version"],
        &[],
        json!({"ingress": [
            {"from": 1, "self": false, "cidrs": null, "peers": null},
            {"from": 2, "self": null, "cidrs": null, "peers": null},
        ]}),
    );
    check(
        json!({"rule": [{"port": 1}, {"port": 3}]}),
        Some(json!({"rule": [{"port": 1, "rule_id": "a"}, {"port": 2, "rule_id": "b"}]})),
        n,
        &["rule", "version"],
        &[],
        json!({"rule": [{"port": 1, "rule_id": "a", "note": null, "kind": null}, {"port": 3, "rule_id": "?", "note": null, "kind": null}]}),
    );
}

#[test]
fn replacements_are_named() {
    let n = &Ignore::Nothing;
    check(json!({"name": "m"}), Some(json!({})), n, &["name", "version"], &["name"], json!({}));
    check(json!({"name": "?"}), Some(json!({})), n, &["name", "version"], &["name"], json!({}));
    check(json!({"zone": "y"}), Some(json!({})), n, &["version", "zone"], &["zone"], json!({}));
    check(json!({"disk": [{"gb": "1"}]}), Some(json!({})), n, &["disk", "version"], &["disk"], json!({}));
    check(
        json!({"disk": [{"gb": "1"}]}),
        Some(json!({"disk": [{"gb": "2"}]})),
        n,
        &["disk", "version"],
        &[],
        json!({}),
    );
    check(
        json!({"step": [{"port": 1, "kind": "b"}]}),
        Some(json!({"step": [{"port": 1, "kind": "a"}]})),
        n,
        &["step", "version"],
        &["step[0].kind"],
        json!({}),
    );
    check(
        json!({"rule": [{"port": 1, "kind": "b"}]}),
        Some(json!({"rule": [{"port": 1, "kind": "a"}]})),
        n,
        &["rule", "version"],
        &["rule"],
        json!({}),
    );
}

#[test]
fn ignored_changes() {
    let tag = |k: &str| Path(vec![Step::Attr("tags".into()), Step::Key(k.into())]);
    check(json!({"note": "x", "size": 9}), Some(json!({})), &Ignore::All, &[], &[], json!({"size": 8}));
    check(json!({"name": "x"}), Some(json!({})), &Ignore::Paths(vec![Path::attr("name")]), &[], &[], json!({}));
    for (config, prior, fields) in [
        (json!({"tags": {"a": "1"}}), json!({"tags": {"a": "2"}}), &[][..]),
        (json!({"tags": {"a": "1"}}), json!({"tags": {}}), &[]),
        (json!({}), json!({"tags": {"a": "2"}}), &[]),
        (json!({"tags": {"b": "1"}}), json!({"tags": {"a": "2"}}), &["tags", "version"]),
    ] {
        check(config, Some(prior), &Ignore::Paths(vec![tag("a")]), fields, &[], json!({}));
    }
}

/// An empty text of an optional and computed attribute is none; so is an empty set, as long as there is no object.
#[test]
fn what_is_empty_is_not_set() {
    let none = Ignore::Nothing;
    let empty = json!({"zone": "", "note": "", "groups": [], "ingress": []});
    check(
        empty.clone(),
        None,
        &none,
        &["name", "note", "size"],
        &[],
        json!({"zone": "?", "note": "", "groups": "?", "ingress": []}),
    );
    let prior = json!({"groups": ["a"], "note": "", "ingress": []});
    check(empty, Some(prior), &none, &["groups", "version"], &[], json!({"zone": "z", "groups": []}));
}
