//! Lifecycle, counts, moves, imports, removals, targets, destroy, drift.

use serde_json::json;
use stackctl_core::{InstanceAddr, Known};

use super::super::{PlanMode, ReplaceOrder};
use super::{Bench, check, lines, ordered, planned};

#[test]
fn ignored_and_prevented() {
    check(
        r#"
        resource "test_thing" "a" {
          name = "y"
          tags = { a = "1", b = "2" }
          lifecycle { ignore_changes = [name, tags["a"]] }
        }
        resource "test_thing" "all" {
          name = "y"
          zone = "2"
          lifecycle { ignore_changes = all }
        }
        resource "test_thing" "kept" {
          name = "x"
          zone = "2"
          lifecycle { prevent_destroy = true }
        }
        "#,
        |b| {
            b.exists("test_thing.a", json!({"name": "x", "tags": {"a": "0", "b": "2"}}));
            b.exists("test_thing.all", json!({"name": "x"}));
            b.exists("test_thing.kept", json!({"name": "x", "zone": "1"}));
        },
        "! main.tf:12 Instance cannot be destroyed: test_thing.kept has lifecycle.prevent_destroy set, and this plan would destroy it.",
    );
}

#[test]
fn create_before_destroy_is_contagious() {
    let mut b = Bench::default();
    let a = b.exists("test_thing.a", json!({"name": "x", "zone": "1"}));
    b.exists("test_part.b", json!({"thing": a, "pin": "1"}));
    b.change_object("test_part.b", |o| o.dependencies = vec!["test_thing.a".into()]);
    let config = r#"
        resource "test_thing" "a" {
          name = "x"
          zone = "2"
        }
        locals { pin = test_thing.a.zone }
        resource "test_part" "b" {
          thing = "fixed"
          pin   = local.pin
          lifecycle { create_before_destroy = true }
        }
    "#;
    let (plan, text) = planned(&mut b, config, |_| {});
    assert_eq!(lines(&text), ["+/- test_part.b !pin", "+/- test_thing.a !zone"]);
    let plan = plan.unwrap();
    assert!(plan.ops.iter().all(|o| o.create_before_destroy));
    assert!(plan.ops.iter().all(|o| o.replacement.is_some_and(|r| r.order == ReplaceOrder::CreateFirst)));
    assert_eq!(
        ordered(&plan),
        [
            "create test_part.b < delete test_part.b",
            "create test_thing.a < create test_part.b",
            "create test_thing.a < delete test_thing.a",
            "delete test_part.b < delete test_thing.a",
        ]
    );
}

#[test]
fn delete_first_takes_dependents_along() {
    let mut b = Bench::default();
    let a = b.exists("test_thing.a", json!({"name": "x", "zone": "1"}));
    b.exists("test_part.b", json!({"thing": a, "pin": a}));
    b.change_object("test_part.b", |o| o.dependencies = vec!["test_thing.a".into()]);
    let config = r#"
        resource "test_thing" "a" {
          name = "x"
          zone = "2"
        }
        resource "test_part" "b" {
          thing = test_thing.a.id
          pin   = test_thing.a.id
        }
    "#;
    let (plan, _) = planned(&mut b, config, |_| {});
    let plan = plan.unwrap();
    assert_eq!(
        ordered(&plan),
        [
            "create test_thing.a < create test_part.b",
            "delete test_part.b < create test_part.b",
            "delete test_part.b < delete test_thing.a",
            "delete test_thing.a < create test_thing.a",
        ]
    );
    let part = plan.ops.iter().find(|o| o.addr.to_string() == "test_part.b" && o.planned().is_some()).unwrap();
    assert_eq!(part.dependencies.iter().map(ToString::to_string).collect::<Vec<_>>(), ["test_thing.a"]);
}

#[test]
fn letting_go_comes_before_the_delete() {
    let mut b = Bench::default();
    let a = b.exists("test_thing.a", json!({"name": "x"}));
    b.exists("test_part.b", json!({"thing": a}));
    b.change_object("test_part.b", |o| o.dependencies = vec!["test_thing.a".into()]);
    let (plan, _) = planned(&mut b, r#"resource "test_part" "b" { thing = "other" }"#, |_| {});
    assert_eq!(ordered(&plan.unwrap()), ["update test_part.b < delete test_thing.a"]);
}

/// Chains without configuration, three deep, with a link that is gone already.
#[test]
fn destroy_order_without_configuration() {
    let mut b = Bench::default();
    b.exists("test_thing.a", json!({"name": "a"}));
    b.exists("test_thing.b", json!({"name": "b"}));
    b.exists("module.m[0].test_thing.c", json!({"name": "c"}));
    b.exists("test_thing.d", json!({"name": "d"}));
    b.change_object("test_thing.b", |o| o.dependencies = vec!["test_thing.a".into()]);
    b.change_object("module.m[0].test_thing.c", |o| o.dependencies = vec!["test_thing.b".into()]);
    b.change_object("test_thing.d", |o| o.dependencies = vec!["module.m.test_thing.c".into()]);
    let (plan, text) = planned(&mut b, "", |_| {});
    assert_eq!(
        lines(&text),
        [
            "- test_thing.a delete_because_no_resource_config",
            "- test_thing.b delete_because_no_resource_config",
            "- test_thing.d delete_because_no_resource_config",
            "- module.m[0].test_thing.c delete_because_no_resource_config",
        ]
    );
    let chain = [
        "delete module.m[0].test_thing.c < delete test_thing.b",
        "delete test_thing.b < delete test_thing.a",
        "delete test_thing.d < delete module.m[0].test_thing.c",
    ];
    assert_eq!(ordered(&plan.unwrap()), chain);
    let gone = |w: &mut crate::testing::World| w.objects.retain(|_, v| v.get("name").as_str() != Some("b"));
    gone(&mut b.provider.world());
    let (plan, _) = planned(&mut b, "", |_| {});
    assert_eq!(
        ordered(&plan.unwrap()),
        [
            "delete module.m[0].test_thing.c < delete test_thing.a",
            "delete test_thing.d < delete module.m[0].test_thing.c",
        ]
    );
}

#[test]
fn counts_and_keys() {
    check(
        r#"
        resource "test_thing" "c" {
          count = 1
          name  = "c${count.index}"
        }
        resource "test_thing" "e" {
          for_each = { a = "x" }
          name     = each.value
        }
        resource "test_thing" "single" { name = "s" }
        output "names" { value = test_thing.c[*].name }
        output "all" { value = { for k, t in test_thing.e : k => t.arn } }
        "#,
        |b| {
            b.exists("test_thing.c[0]", json!({"name": "c0"}));
            b.exists("test_thing.c[1]", json!({"name": "c1"}));
            b.exists("test_thing.e[\"a\"]", json!({"name": "x"}));
            b.exists("test_thing.e[\"b\"]", json!({"name": "x"}));
            b.exists("test_thing.single[\"k\"]", json!({"name": "s"}));
        },
        r#"
        - test_thing.c[1] delete_because_count_index
        - test_thing.e["b"] delete_because_each_key
        + test_thing.single
        - test_thing.single["k"] delete_because_wrong_repetition
        output all = {"a":"arn:test:test_thing-3"}
        output names = ["c0"]
        "#,
    );
}

#[test]
fn moves() {
    check(
        r#"
        resource "test_thing" "new" { name = "x" }
        resource "test_thing" "counted" {
          count = 1
          name  = "x"
        }
        module "n" {
          source = "./m"
          count  = 1
        }
        moved {
          from = test_thing.old
          to   = test_thing.mid
        }
        moved {
          from = test_thing.mid
          to   = test_thing.new
        }
        moved {
          from = module.m
          to   = module.n[0]
        }
        moved {
          from = test_thing.lost
          to   = test_thing.nowhere
        }
        # file m/main.tf
        resource "test_thing" "in" { name = "x" }
        "#,
        |b| {
            b.exists("test_thing.old", json!({"name": "x"}));
            b.exists("test_thing.counted", json!({"name": "x"}));
            b.exists("test_thing.lost", json!({"name": "x"}));
            b.exists("module.m.test_thing.in", json!({"name": "x"}));
        },
        r#"
        = test_thing.counted[0] from test_thing.counted
        = test_thing.new from test_thing.old
        - test_thing.nowhere delete_because_no_move_target from test_thing.lost
        = module.n[0].test_thing.in from module.m.test_thing.in
        "#,
    );
}

#[test]
fn removed_blocks() {
    check(
        r#"
        removed {
          from = test_thing.a
          lifecycle { destroy = false }
        }
        removed {
          from = module.m
          lifecycle { destroy = false }
        }
        removed {
          from = test_thing.b
          lifecycle { destroy = true }
        }
        "#,
        |b| {
            b.exists("test_thing.a", json!({"name": "x"}));
            b.exists("test_thing.b", json!({"name": "x"}));
            b.exists("module.m.test_thing.c", json!({"name": "x"}));
        },
        r#"
        . test_thing.a delete_because_no_resource_config
        - test_thing.b delete_because_no_resource_config
        . module.m.test_thing.c delete_because_no_resource_config
        "#,
    );
}

#[test]
fn imports() {
    let config = r#"
        variable "ids" { default = { k = "thing-7" } }
        resource "test_thing" "a" {
          for_each = var.ids
          name     = "x"
          size     = 3
        }
        resource "test_thing" "b" { name = "same" }
        import {
          for_each = var.ids
          to       = test_thing.a[each.key]
          id       = each.value
        }
        import {
          to = test_thing.b
          id = "thing-8"
        }
    "#;
    let put = |b: &mut Bench| {
        b.exists("test_thing.tmp", json!({"id": "thing-7", "name": "x"}));
        b.exists("test_thing.tmp", json!({"id": "thing-8", "name": "same"}));
        b.change_state(|s| s.resources.clear());
    };
    let mut bench = check(
        config,
        put,
        r#"
        ~ test_thing.a["k"] force,size,version import thing-7
        ~ test_thing.b force,version import thing-8
        "#,
    );
    let (plan, _) = planned(&mut bench, config, |_| {});
    let at = stackctl_state::Target::current(InstanceAddr::parse("test_thing.b").unwrap());
    assert_eq!(plan.unwrap().prior.object(&at).and_then(|o| o.id()), Some("thing-8"));
    check(
        r#"
        resource "test_thing" "a" { name = "x" }
        import {
          to = test_thing.a
          id = "none"
        }
        "#,
        |_| {},
        "! Cannot import non-existent remote object: No test_thing with the id \"none\" exists, so test_thing.a cannot be imported.",
    );
}

#[test]
fn ids_of_imports() {
    for (id, expect) in [
        (
            "7",
            "! Cannot import non-existent remote object: No test_thing with the id \"7\" exists, so test_thing.a cannot be imported.",
        ),
        ("\"\"", "! main.tf:4 Invalid import: The import id is empty."),
        ("null", "! main.tf:4 Invalid import: The import id is null."),
        ("[]", "! main.tf:4 Invalid import: The import id is unsuitable: string required."),
        (
            "sensitive(\"7\")",
            "! Cannot import non-existent remote object: No test_thing with the id \"7\" exists, so test_thing.a cannot be imported.",
        ),
    ] {
        let config =
            format!("resource \"test_thing\" \"a\" {{ name = \"x\" }}\nimport {{\nto = test_thing.a\nid = {id}\n}}\n");
        let (_, text) = planned(&mut Bench::default(), &config, |_| {});
        assert_eq!(lines(&text)[0], expect, "{id}");
    }
}

#[test]
fn replacement_of_what_is_not_there_is_told() {
    let config = "resource \"test_thing\" \"a\" {\ncount = 1\nname = \"x\"\n}\n";
    for (asked, expect) in [
        (
            "test_thing.a",
            "? Nothing to replace: -replace names test_thing.a, and there is no object with this address.",
        ),
        ("test_thing.a[0]", "-/+ test_thing.a[0] replace_by_request"),
    ] {
        let mut b = Bench::default();
        b.exists("test_thing.a[0]", json!({"name": "x"}));
        let (_, text) = planned(&mut b, config, |o| o.replace = vec![InstanceAddr::parse(asked).unwrap()]);
        assert_eq!(lines(&text)[0], expect, "{asked}");
    }
}

#[test]
fn a_sensitive_number_of_instances() {
    check("resource \"test_thing\" \"a\" {\ncount = sensitive(1)\nname = \"x\"\n}\n", |_| {}, "+ test_thing.a[0]");
}

#[test]
fn instances_that_are_not_configured() {
    check(
        r#"
        resource "test_thing" "a" {
          count = 1
          name  = "x"
          lifecycle { prevent_destroy = true }
        }
        import {
          to = test_thing.a[5]
          id = "test_thing-9"
        }
        "#,
        |b| {
            b.exists("test_thing.a[0]", json!({"name": "x"}));
            b.exists("test_thing.other", json!({"name": "x", "id": "test_thing-9"}));
            b.change_state(|s| {
                s.remove_instance(&InstanceAddr::parse("test_thing.other").unwrap());
            });
        },
        "! main.tf:2 Configuration for import target does not exist: The configuration has no instance test_thing.a[5], so nothing can be imported to it.",
    );
    check(
        r#"
        resource "test_thing" "a" {
          count = 1
          name  = "x"
          lifecycle { prevent_destroy = true }
        }
        "#,
        |b| {
            b.exists("test_thing.a[0]", json!({"name": "x"}));
            b.exists("test_thing.a[1]", json!({"name": "x"}));
        },
        "! main.tf:2 Instance cannot be destroyed: test_thing.a[1] has lifecycle.prevent_destroy set, and this plan would destroy it.",
    );
}

#[test]
fn taint_replace_and_triggers() {
    let config = r#"
        resource "test_thing" "a" { name = "x" }
        resource "test_thing" "b" { name = "x" }
        resource "test_thing" "c" {
          name = "new"
        }
        resource "test_thing" "d" {
          name = "x"
          lifecycle { replace_triggered_by = [test_thing.c.name] }
        }
        resource "test_thing" "e" {
          name = "x"
          lifecycle { replace_triggered_by = [test_thing.c.size] }
        }
    "#;
    let mut b = Bench::default();
    for n in ["a", "b", "c", "d", "e"] {
        b.exists(&format!("test_thing.{n}"), json!({"name": "x"}));
    }
    b.change_object("test_thing.a", |o| o.status = stackctl_state::ObjectStatus::Tainted);
    let (_, text) = planned(&mut b, config, |o| o.replace = vec![InstanceAddr::parse("test_thing.b").unwrap()]);
    assert_eq!(
        lines(&text),
        [
            "-/+ test_thing.a replace_because_tainted",
            "-/+ test_thing.b replace_by_request",
            "~ test_thing.c name,version",
            "-/+ test_thing.d replace_by_triggers",
        ]
    );
}

#[test]
fn destroying() {
    let config = r#"
        resource "test_thing" "a" { name = "x" }
        resource "test_part" "b" { thing = test_thing.a.id }
        resource "test_thing" "c" { name = "x" }
        output "o" { value = test_thing.a.name }
    "#;
    let mut b = Bench::default();
    let id = b.exists("test_thing.a", json!({"name": "x"}));
    b.exists("test_part.b", json!({"thing": id}));
    b.exists("test_thing.c", json!({"name": "x"}));
    b.change_object("test_part.b", |o| o.dependencies = vec!["test_thing.a".into()]);
    b.change_state(|s| {
        let o = stackctl_state::Output { value: Known::from("x"), ty: stackctl_core::Ty::String, sensitive: false };
        s.outputs.insert("o".into(), o);
    });
    let (plan, text) = planned(&mut b, config, |o| o.mode = PlanMode::Destroy);
    assert_eq!(lines(&text), ["- test_part.b", "- test_thing.a", "- test_thing.c", "output o = gone"]);
    assert_eq!(ordered(&plan.unwrap()), ["delete test_part.b < delete test_thing.a"]);
    let (_, text) = planned(&mut b, config, |o| {
        o.mode = PlanMode::Destroy;
        o.targets = vec!["test_thing.a".into()];
    });
    assert_eq!(lines(&text)[1..], ["- test_part.b", "- test_thing.a"]);
}

#[test]
fn targets() {
    let config = r#"
        resource "test_thing" "a" { name = "x" }
        resource "test_part" "b" { thing = test_thing.a.id }
        resource "test_thing" "c" {
          count = 2
          name  = "x"
        }
        data "test_lookup" "d" { name = "n" }
    "#;
    for (target, expect) in [
        ("test_part.b", &["+ test_part.b", "+ test_thing.a"][..]),
        ("test_thing.c[1]", &["+ test_thing.c[1]"]),
        ("test_thing.gone", &["- test_thing.gone delete_because_no_resource_config"]),
    ] {
        let mut b = Bench::default();
        b.exists("test_thing.gone", json!({"name": "x"}));
        let (plan, text) = planned(&mut b, config, |o| o.targets = vec![target.into()]);
        assert_eq!(&lines(&text)[1..], expect, "{target}");
        assert!(!plan.unwrap().complete);
        assert!(!b.provider.world().calls.iter().any(|c| c.starts_with("data")));
    }
}

#[test]
fn drift_and_refresh_only() {
    let config = r#"
        resource "test_thing" "a" {
          name = "x"
          tags = { a = "1" }
        }
        resource "test_thing" "ignored" {
          name = "x"
          lifecycle { ignore_changes = [name] }
        }
        resource "test_thing" "wanted" { name = "new" }
        resource "test_thing" "gone" { name = "x" }
        resource "test_thing" "pending" { name = "y" }
        output "tags" { value = test_thing.a.tags }
    "#;
    let mut b = Bench::default();
    let mut ids = std::collections::BTreeMap::new();
    for n in ["a", "ignored", "wanted", "gone", "pending"] {
        ids.insert(n, b.exists(&format!("test_thing.{n}"), json!({"name": "x", "tags": {"a": "1"}})));
    }
    {
        let mut w = b.provider.world();
        let mut set = |n: &str, attr: &str, v: Known| {
            let key = ("test_thing".to_owned(), ids[n].clone());
            w.objects.get_mut(&key).unwrap().set(attr, v);
        };
        set("a", "tags", Known::from([("a", "2"), ("b", "3")]));
        set("ignored", "name", Known::from("else"));
        set("wanted", "name", Known::from("new"));
        w.objects.remove(&("test_thing".to_owned(), ids["gone"].clone()));
    }
    let drifts = ["drift test_thing.a tags[\"a\"],tags[\"b\"]", "drift test_thing.gone gone"];
    let (_, text) = planned(&mut b, config, |_| {});
    let got: Vec<_> = lines(&text).into_iter().filter(|l| l.starts_with("drift")).collect();
    assert_eq!(got, drifts);
    let (plan, text) = planned(&mut b, config, |o| o.mode = PlanMode::RefreshOnly);
    let expect = ["output tags = {\"a\":\"2\",\"b\":\"3\"}", drifts[0], drifts[1]];
    assert_eq!(lines(&text), expect);
    let plan = plan.unwrap();
    assert!(plan.ops.is_empty() && plan.prior.resources.len() == 4);
}

#[test]
fn deposed_objects_are_destroyed() {
    let mut b = Bench::default();
    b.exists("test_thing.a", json!({"name": "x"}));
    let addr = InstanceAddr::parse("test_thing.a").unwrap();
    let mut key = String::new();
    b.change_state(|s| key = s.depose(&addr, "seed").map(|k| k.to_string()).unwrap_or_default());
    b.exists("test_thing.a", json!({"name": "x"}));
    let (plan, text) = planned(&mut b, "resource \"test_thing\" \"a\" { name = \"x\" }", |_| {});
    assert_eq!(lines(&text), [format!("- test_thing.a ({key})")]);
    assert_eq!(plan.unwrap().counts().destroy, 1);
}

#[test]
fn an_unfinished_object_is_resumed() {
    let mut b = Bench::default();
    b.exists("test_thing.a", json!({"name": "x"}));
    b.change_object("test_thing.a", |o| o.unfinished = true);
    let (plan, text) = planned(&mut b, "resource \"test_thing\" \"a\" { name = \"x\" }", |o| o.refresh = false);
    assert_eq!(lines(&text), ["~ test_thing.a"]);
    assert!(plan.unwrap().ops[0].resume);
    assert_eq!(b.rounds, 1, "an unfinished object is read whatever was asked for");
}

#[test]
fn old_schemas_are_upgraded() {
    let mut b = Bench::default();
    b.exists("test_thing.a", json!({"name": "x"}));
    b.change_object("test_thing.a", |o| {
        o.schema_version = 0;
        let name = o.attributes.get("name").clone();
        o.attributes_mut().set("title", name);
        o.attributes_mut().set("name", Known::Null);
    });
    let (_, text) = planned(&mut b, "resource \"test_thing\" \"a\" { name = \"x\" }", |o| o.refresh = false);
    assert_eq!(text, "");
    b.change_object("test_thing.a", |o| o.schema_version = 9);
    let (_, text) = planned(&mut b, "resource \"test_thing\" \"a\" { name = \"x\" }", |o| o.refresh = false);
    assert!(text.contains("managed by newer provider version"), "{text}");
}
