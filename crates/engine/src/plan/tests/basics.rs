//! Creates, updates, replacements, data sources, outputs.

use serde_json::json;

use super::{Bench, check, lines, ordered, planned};

#[test]
fn a_create() {
    check(
        r#"
        resource "test_thing" "a" { name = "x" }
        resource "test_part" "b" { thing = test_thing.a.id }
        output "id" { value = test_thing.a.id }
        output "name" { value = test_thing.a.name }
        "#,
        |_| {},
        r#"
        + test_part.b
        + test_thing.a
        output id = (unknown)
        output name = "x"
        "#,
    );
}

#[test]
fn nothing_to_do() {
    let mut b = check(
        r#"
        resource "test_thing" "a" { name = "x" }
        resource "test_part" "b" { thing = test_thing.a.id }
        "#,
        |b| {
            let id = b.exists("test_thing.a", json!({"name": "x"}));
            b.exists("test_part.b", json!({"thing": id}));
        },
        "",
    );
    assert_eq!(b.rounds, 1);
    assert_eq!(b.provider.world().calls, ["read test_part 1", "read test_thing 1"]);
    let (_, text) = planned(&mut b, "resource \"test_thing\" \"a\" { name = \"x\" }", |o| o.refresh = false);
    assert_eq!(lines(&text), ["- test_part.b delete_because_no_resource_config"]);
    assert_eq!(b.rounds, 0);
}

#[test]
fn updates_and_replacements() {
    check(
        r#"
        resource "test_thing" "a" {
          name = "y"
          rule { port = 1 }
        }
        resource "test_thing" "b" {
          name = "x"
          zone = "2"
        }
        resource "test_part" "p" { thing = test_thing.b.id }
        resource "test_part" "q" {
          thing = test_thing.a.id
          pin   = test_thing.a.version
        }
        "#,
        |b| {
            let a = b.exists("test_thing.a", json!({"name": "x"}));
            let id = b.exists("test_thing.b", json!({"name": "x", "zone": "1"}));
            b.exists("test_part.p", json!({"thing": id}));
            b.exists("test_part.q", json!({"thing": a, "pin": "1"}));
        },
        r#"
        ~ test_part.p thing
        -/+ test_part.q !pin
        ~ test_thing.a name,rule,version
        -/+ test_thing.b !zone
        "#,
    );
}

#[test]
fn data_sources_follow_in_waves() {
    let b = check(
        r#"
        data "test_lookup" "a" { name = "one" }
        data "test_lookup" "b" { name = data.test_lookup.a.value }
        resource "test_thing" "t" { name = data.test_lookup.b.value }
        data "test_lookup" "late" { name = test_thing.t.id }
        data "test_lookup" "after" {
          name       = "known"
          depends_on = [test_thing.t]
        }
        resource "test_thing" "u" { name = data.test_lookup.late.value }
        "#,
        |_| {},
        r#"
        <= data.test_lookup.after read_because_dependency_pending
        <= data.test_lookup.late read_because_config_unknown
        + test_thing.t
        + test_thing.u
        "#,
    );
    assert_eq!(b.rounds, 2);
}

/// A reference to a managed resource means the resource as it will be, though the value that is taken is known already.
#[test]
fn data_sources_wait_for_resources_that_they_name() {
    check(
        r#"
        resource "test_thing" "t" { name = "n" }
        locals { through = test_thing.t.name }
        data "test_lookup" "named" { name = test_thing.t.name }
        data "test_lookup" "through" { name = local.through }
        data "test_lookup" "repeated" {
          for_each = { k = test_thing.t.name }
          name     = each.value
        }
        "#,
        |_| {},
        r#"
        <= data.test_lookup.named read_because_dependency_pending
        <= data.test_lookup.repeated["k"] read_because_dependency_pending
        + test_thing.t
        "#,
    );
}

#[test]
fn the_order_of_creates() {
    let mut b = Bench::default();
    let config = r#"
        resource "test_thing" "a" {
          count = 2
          name = "x"
        }
        locals { ids = test_thing.a[*].id }
        resource "test_part" "b" {
          for_each = toset(["k", "l"])
          thing    = local.ids[0]
        }
    "#;
    let (plan, _) = planned(&mut b, config, |_| {});
    assert_eq!(
        ordered(&plan.unwrap()),
        [
            "create test_thing.a[0] < create test_part.b[\"k\"]",
            "create test_thing.a[0] < create test_part.b[\"l\"]",
            "create test_thing.a[1] < create test_part.b[\"k\"]",
            "create test_thing.a[1] < create test_part.b[\"l\"]",
        ]
    );
}
