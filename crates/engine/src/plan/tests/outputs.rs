//! Outputs and variables: what `-target` leaves of them, what may be stored, and whose validations come first.

use super::*;
use crate::testing::Bench;

#[test]
fn targets_bring_the_outputs_that_depend_on_them_alone() {
    let config = r#"
        resource "test_part" "a" { thing = "a" }
        resource "test_part" "b" { thing = "b" }
        locals { text = "text" }
        module "m" {
          source = "./m"
          v      = test_part.a.id
        }
        output "a" { value = test_part.a.thing }
        output "b" { value = test_part.b.thing }
        output "both" { value = "${test_part.a.id}${test_part.b.id}" }
        output "constant" { value = local.text }
        output "through" { value = module.m.v }
        output "beside" { value = module.m.constant }
        # file m/main.tf
        variable "v" {}
        resource "test_part" "inner" { thing = "inner" }
        output "v" { value = var.v }
        output "constant" { value = "constant" }
    "#;
    let mut bench = Bench::default();
    let (_, text) = planned(&mut bench, config, |o| o.targets = vec!["test_part.a".to_owned()]);
    assert_eq!(lines(&text)[1..], ["+ test_part.a", "output a = \"a\"", "output through = (unknown)"], "{text}");
}

#[tokio::test]
async fn targets_leave_other_outputs_in_state_as_they_are() {
    let mut bench = Bench::default();
    let config = |b: &str| {
        format!(
            "resource \"test_part\" \"a\" {{ thing = \"a{b}\" }}\nresource \"test_part\" \"b\" {{ thing = \"b{b}\" }}\n\
             output \"a\" {{ value = test_part.a.thing }}\noutput \"b\" {{ value = test_part.b.thing }}\n\
             output \"text\" {{ value = \"{b}\" }}\n"
        )
    };
    let values = |bench: &Bench| -> Vec<String> {
        bench.state.outputs.iter().map(|(n, o)| format!("{n}={}", o.value.as_str().unwrap_or_default())).collect()
    };
    let first = config("1");
    bench.apply(&[("main.tf", &first)], |o| o.targets = vec!["test_part.a".to_owned()]).await.unwrap();
    assert_eq!(values(&bench), ["a=a1"]);
    bench.apply(&[("main.tf", &first)], |_| {}).await.unwrap();
    assert_eq!(values(&bench), ["a=a1", "b=b1", "text=1"]);
    let second = config("2").replace("output \"text\" { value = \"2\" }", "");
    bench.apply(&[("main.tf", &second)], |o| o.targets = vec!["test_part.a".to_owned()]).await.unwrap();
    assert_eq!(values(&bench), ["a=a2", "b=b1", "text=1"]);
}

/// Of an output that depends on more than the target, the rest is null until it is applied.
#[tokio::test]
async fn targets_leave_parts_of_outputs_open() {
    let config = r#"
        module "m" {
          source   = "./m"
          for_each = toset(["x", "y"])
        }
        resource "test_part" "b" { thing = "b" }
        output "all" { value = { for k, m in module.m : k => m.id } }
        output "b" { value = test_part.b.id }
        # file m/main.tf
        resource "test_part" "p" { thing = "p" }
        output "id" { value = test_part.p.id }
    "#;
    let mut bench = Bench::default();
    let files = split(config);
    bench.apply(&files, |o| o.targets = vec!["module.m[\"x\"]".to_owned()]).await.unwrap();
    let all = &bench.state.outputs["all"].value;
    assert!(all.get("x").as_str().is_some() && all.get("y").is_null(), "{all:?}");
    let (plan, _) = planned(&mut bench, config, |o| o.targets = vec!["test_part.b".to_owned()]);
    assert_eq!(plan.unwrap().outputs.keys().collect::<Vec<_>>(), ["b"], "what is left out is not listed");
}

/// What is known of an unknown argument is known of the object's attribute too.
#[test]
fn arguments_keep_what_is_known_of_them() {
    let config = r#"
        resource "test_thing" "a" { name = "a" }
        resource "test_value" "b" {
          input = test_thing.a.arn
          lifecycle {
            postcondition {
              condition     = self.input != null && startswith(self.input, "arn:")
              error_message = "No."
            }
          }
        }
        resource "test_part" "c" {
          count = test_value.b.input != null ? 1 : 0
          thing = "c"
        }
    "#;
    let (plan, text) = planned(&mut Bench::default(), config, |_| {});
    assert_eq!(lines(&text), ["+ test_part.c[0]", "+ test_thing.a", "+ test_value.b"], "{text}");
    assert!(plan.unwrap().checks.iter().all(|c| c.status == super::super::CheckStatus::Pass));
}

#[test]
fn nothing_that_is_stored_is_infinite() {
    for (config, expect) in [
        ("locals { none = 0 }\noutput \"o\" { value = [1 / local.none] }", "! main.tf:2 Division by zero"),
        ("resource \"test_thing\" \"t\" {\n name = \"t\"\n size = 1 / 0\n}", "! main.tf:3 Division by zero"),
        ("resource \"test_value\" \"t\" {\n input = { a = [-1 / 0] }\n}", "! main.tf:2 Division by zero"),
        ("output \"o\" { value = 1 / 0 > 5 }", "output o = true"),
        ("output \"o\" { value = 0 / 0 }", "! main.tf:1 "),
    ] {
        let (_, text) = planned(&mut Bench::default(), config, |_| {});
        assert!(text.starts_with(expect), "{config}\n{text}");
    }
}

#[test]
fn whoever_uses_a_variable_waits_for_its_validations() {
    let through_a_local = r#"
        variable "a" {
          default = "x"
          validation {
            condition     = local.b == var.a
            error_message = "No."
          }
        }
        locals { b = var.a }
    "#;
    let (_, text) = planned(&mut Bench::default(), through_a_local, |_| {});
    let cycle = "Cycle: Each of these needs the next one first: var.a (validation) → local.b → var.a (validation).";
    assert!(text.contains(cycle), "{text}");
    // Of what a variable that is not valid leads to, nothing is told.
    let invalid = r#"
        variable "a" {
          default = "x"
          validation {
            condition     = var.a != "x"
            error_message = "Not x."
          }
        }
        output "o" { value = tonumber(var.a) }
    "#;
    check(invalid, |_| {}, "! main.tf:2 Invalid value for variable: Not x.");
    let each_other = r#"
        variable "a" {
          default = "x"
          validation {
            condition     = var.a == var.b
            error_message = "No."
          }
        }
        variable "b" { default = "x" }
        output "o" { value = var.a }
    "#;
    check(each_other, |_| {}, "output o = \"x\"");
}

/// A panic prints what it holds with `Debug`: no type does so with the text of a value, sensitive or not.
#[tokio::test]
async fn what_a_panic_prints_holds_no_values() {
    let text = "resource \"test_thing\" \"a\" {\n name = \"x\"\n secret = \"hunter2\"\n tags = { k = \"hunter2\" }\n}\n\
                output \"o\" {\n value = [test_thing.a.secret, test_thing.a.tags]\n sensitive = true\n}";
    let mut bench = Bench::default();
    let (plan, applied) = bench.apply(&split(text), |_| {}).await.unwrap();
    assert!(applied.diags.is_empty(), "{:?}", applied.diags);
    for shown in [format!("{plan:?}"), format!("{:?}", bench.state), format!("{:?}", applied.state)] {
        assert!(shown.contains("test_thing") && !shown.contains("hunter2"), "{shown}");
    }
}
