//! Small configurations with blocks that contradict each other or themselves, as strangers write them.

use serde_json::json;

use super::check;

#[test]
fn moves_that_contradict() {
    check(
        r#"
        resource "test_thing" "a" { name = "x" }
        resource "test_thing" "many" {
          count = 2
          name  = "x"
        }
        moved {
          from = test_thing.a
          to   = test_thing.b
        }
        moved {
          from = test_thing.many[1]
          to   = test_thing.c
        }
        "#,
        |_| {},
        r#"
        ! main.tf:7 Moved object still exists: A "moved" block says that test_thing.a is now test_thing.b, but the configuration still has test_thing.a.
        ! main.tf:11 Moved object still exists: A "moved" block says that test_thing.many[1] is now test_thing.c, but the configuration still has test_thing.many[1].
        + test_thing.a
        + test_thing.many[0]
        + test_thing.many[1]
        "#,
    );
    check(
        "moved {\n from = test_thing.gone\n to = test_thing.gone\n}",
        |_| {},
        "! main.tf:1 Redundant move statement: Old and new address are the same.",
    );
    check(
        r#"
        resource "test_thing" "c" { name = "x" }
        moved {
          from = test_thing.a
          to   = test_thing.c
        }
        moved {
          from = test_thing.b
          to   = test_thing.c
        }
        "#,
        |_| {},
        r#"
        ! main.tf:7 Ambiguous move statements: Two objects move to test_thing.c: test_thing.a and test_thing.b.
        "#,
    );
}

/// Two moves that undo each other have no end; one that leads to such two is none of them.
#[test]
fn moves_in_a_circle() {
    let moved = |from: &str, to: &str| format!("moved {{\n from = test_thing.{from}\n to = test_thing.{to}\n}}\n");
    check(
        &[moved("a", "b"), moved("b", "a"), moved("c", "a")].concat(),
        |_| {},
        r#"
        ! main.tf:1 Cyclic dependency in move statements: The moves that begin at test_thing.a come back to it: there is no final address.
        ! main.tf:5 Cyclic dependency in move statements: The moves that begin at test_thing.b come back to it: there is no final address.
        ! main.tf:9 Ambiguous move statements: Two objects move to test_thing.a: test_thing.b and test_thing.c.
        "#,
    );
}

/// A resource that got `count` keeps its name: the old address without a key is free.
#[test]
fn moves_into_and_between_instances() {
    check(
        r#"
        resource "test_thing" "a" {
          count = 2
          name  = "x"
        }
        moved {
          from = test_thing.a
          to   = test_thing.a[1]
        }
        "#,
        |b| drop(b.exists("test_thing.a", json!({"name": "x"}))),
        r#"
        + test_thing.a[0]
        = test_thing.a[1] from test_thing.a
        "#,
    );
}

#[test]
fn moves_between_types_matter_where_something_moves() {
    let config = r#"
        resource "test_part" "b" { thing = "x" }
        moved {
          from = test_thing.a
          to   = test_part.b
        }
    "#;
    check(config, |_| {}, "+ test_part.b");
    check(
        config,
        |b| drop(b.exists("test_thing.a", json!({"name": "x"}))),
        "! Resource type mismatch: test_thing.a cannot move to test_part.b: an object of type test_thing cannot become one of type test_part.",
    );
}

#[test]
fn imports_that_are_wrong() {
    check(
        r#"
        resource "test_thing" "a" { name = "x" }
        import {
          to = test_thing.a
          id = ""
        }
        "#,
        |_| {},
        "! main.tf:5 Invalid import: The import id is empty.\n+ test_thing.a",
    );
}

/// Only a change of the attribute itself triggers, also where the object is replaced.
#[test]
fn triggers_that_name_an_attribute() {
    let config = |zone: &str, name: &str| {
        format!(
            "resource \"test_thing\" \"a\" {{\n name = \"{name}\"\n zone = \"{zone}\"\n}}\nresource \"test_thing\" \"b\" {{\n \
             name = \"b\"\n lifecycle {{ replace_triggered_by = [test_thing.a.name] }}\n}}\n"
        )
    };
    let state = |b: &mut super::Bench| {
        b.exists("test_thing.a", json!({"name": "x", "zone": "1"}));
        b.exists("test_thing.b", json!({"name": "b"}));
    };
    check(&config("2", "x"), state, "-/+ test_thing.a !zone");
    check(&config("2", "y"), state, "-/+ test_thing.a !zone\n-/+ test_thing.b replace_by_triggers");
}
