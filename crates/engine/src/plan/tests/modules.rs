//! Modules, provider configurations, conditions, sensitive values, errors.

use serde_json::json;

use super::{Bench, check, lines, ordered, planned};

#[test]
fn module_instances_are_apart() {
    let mut b = Bench::default();
    let config = r#"
        module "m" {
          for_each = { a = "1", b = "2" }
          source   = "./m"
          name     = each.value
        }
        resource "test_part" "p" { thing = module.m["a"].id }
        output "names" { value = { for k, m in module.m : k => m.name } }
        # file m/main.tf
        variable "name" { type = string }
        resource "test_thing" "t" { name = "n-${var.name}" }
        resource "test_part" "p" { thing = test_thing.t.id }
        output "id" { value = test_thing.t.id }
        output "name" { value = test_thing.t.name }
    "#;
    let (plan, text) = planned(&mut b, config, |_| {});
    assert_eq!(
        lines(&text),
        [
            "+ test_part.p",
            "+ module.m[\"a\"].test_part.p",
            "+ module.m[\"a\"].test_thing.t",
            "+ module.m[\"b\"].test_part.p",
            "+ module.m[\"b\"].test_thing.t",
            "output names = {\"a\":\"n-1\",\"b\":\"n-2\"}",
        ]
    );
    let order = ordered(&plan.unwrap());
    assert!(order.contains(&"create module.m[\"b\"].test_thing.t < create module.m[\"b\"].test_part.p".to_owned()));
    assert!(!order.contains(&"create module.m[\"a\"].test_thing.t < create module.m[\"b\"].test_part.p".to_owned()));
}

#[test]
fn module_instances_by_attribute() {
    check(
        r#"
        module "m" {
          for_each = { a = 1 }
          source   = "./m"
        }
        output "o" { value = [module.m.a.x, module.m["a"].x, try(module.m.b.x, "none")] }
        # file m/main.tf
        output "x" { value = 1 }
        "#,
        |_| {},
        "output o = [1,1,\"none\"]",
    );
    check(
        r#"
        module "m" {
          count  = 1
          source = "./m"
        }
        output "o" { value = module.m["0"].x }
        # file m/main.tf
        output "x" { value = 1 }
        "#,
        |_| {},
        "output o = 1",
    );
}

#[test]
fn depends_on_a_module_defers_reads_in_it() {
    check(
        r#"
        resource "test_thing" "t" { name = "x" }
        module "m" {
          source     = "./m"
          depends_on = [test_thing.t]
        }
        module "n" {
          source = "./m"
        }
        data "test_lookup" "after" {
          name       = "x"
          depends_on = [module.m]
        }
        # file m/main.tf
        data "test_lookup" "d" { name = "x" }
        "#,
        |_| {},
        r#"
        <= data.test_lookup.after read_because_dependency_pending
        + test_thing.t
        <= module.m.data.test_lookup.d read_because_dependency_pending
        "#,
    );
}

#[test]
fn provider_configurations() {
    let mut b = Bench::default();
    let config = r#"
        provider "test" { region = "east" }
        provider "test" {
          alias  = "west"
          region = "west"
        }
        provider "test" {
          alias  = "late"
          region = test_thing.a.arn
        }
        resource "test_thing" "a" { name = "x" }
        module "m" {
          source    = "./m"
          providers = { test = test.west }
        }
        resource "test_thing" "l" {
          provider = test.late
          name     = "y"
        }
        data "test_lookup" "l" {
          provider = test.late
          name     = "y"
        }
        # file m/main.tf
        resource "test_thing" "t" { name = "x" }
    "#;
    b.exists("test_thing.l", json!({"name": "x"}));
    let (plan, text) = planned(&mut b, config, |_| {});
    assert_eq!(
        lines(&text),
        [
            "<= data.test_lookup.l read_because_config_unknown",
            "+ test_thing.a",
            "~ test_thing.l name,version",
            "+ module.m.test_thing.t",
        ]
    );
    let plan = plan.unwrap();
    let of = |addr: &str| {
        plan.ops.iter().find(|o| o.addr.to_string() == addr).map(|o| (o.provider.alias.clone(), o.unread)).unwrap()
    };
    assert_eq!(of("module.m.test_thing.t"), (Some("west".into()), false));
    assert_eq!(of("test_thing.l"), (Some("late".into()), true));
    assert!(b.provider.world().calls.is_empty(), "nothing is read with a provider that is not known");
}

#[test]
fn an_orphan_needs_its_provider() {
    let mut b = Bench::default();
    b.exists("test_thing.a", json!({"name": "x"}));
    b.change_object("test_thing.a", |o| {
        let mut p = (*o.provider).clone();
        p.alias = Some("west".into());
        o.provider = std::sync::Arc::new(p);
    });
    let (_, text) = planned(&mut b, "", |_| {});
    assert!(text.starts_with("! Provider configuration not present: To destroy test_thing.a"), "{text}");
}

#[test]
fn conditions() {
    check(
        r#"
        variable "n" {
          default = 3
          validation {
            condition     = var.n > 2
            error_message = "too small"
          }
        }
        resource "test_thing" "a" {
          name = "x"
          lifecycle {
            precondition {
              condition     = var.n > 5
              error_message = "n is ${var.n}"
            }
          }
        }
        resource "test_thing" "b" {
          name = "x"
          lifecycle {
            postcondition {
              condition     = self.arn != ""
              error_message = "no arn"
            }
            postcondition {
              condition     = self.name == "y"
              error_message = "name is ${self.name}"
            }
          }
        }
        resource "test_thing" "c" {
          name = "x"
          lifecycle {
            postcondition {
              condition     = self.color == "red"
              error_message = "not red"
            }
          }
        }
        check "c" {
          data "test_lookup" "d" { name = "x" }
          assert {
            condition     = data.test_lookup.d.value == "nothing"
            error_message = "found ${data.test_lookup.d.value}"
          }
        }
        "#,
        |_| {},
        r#"
        ? main.tf:43 Check block assertion failed: found value of x
        ! main.tf:13 Resource precondition failed: n is 3
        ! main.tf:26 Resource postcondition failed: name is x
        <= data.test_lookup.d read_because_check_nested
        + test_thing.c
        "#,
    );
}

#[test]
fn secrets_stay_hidden() {
    let mut b = Bench::default();
    let config = r#"
        variable "pw" {
          sensitive = true
          default   = "hunter2"
        }
        variable "once" {
          ephemeral = true
          default   = "swordfish"
        }
        resource "test_thing" "a" {
          name      = "n-${var.pw}"
          secret    = "s"
          secret_wo = var.once
        }
        resource "test_part" "b" {
          thing = test_thing.a.secret
        }
        output "o" {
          value     = test_thing.a.name
          sensitive = true
        }
        output "wrong" { value = test_thing.a.secret }
    "#;
    let (plan, text) = planned(&mut b, config, |_| {});
    assert_eq!(lines(&text).len(), 4, "{text}");
    assert!(lines(&text)[0].contains("Output refers to sensitive values"));
    assert_eq!(lines(&text)[3], "output o = (sensitive)");
    let plan = plan.unwrap();
    let paths = |addr: &str| {
        let op = plan.ops.iter().find(|o| o.addr.to_string() == addr).unwrap();
        op.after_sensitive.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(paths("test_thing.a"), ["name", "secret"]);
    assert_eq!(paths("test_part.b"), ["thing"]);
    assert!(!serde_json::to_string(&plan).unwrap().contains("swordfish"), "ephemeral values are never stored");
    let (_, text) = planned(
        &mut b,
        r#"
        variable "once" {
          ephemeral = true
          default   = "x"
        }
        resource "test_thing" "a" { name = var.once }
        "#,
        |_| {},
    );
    assert!(text.contains("Invalid use of ephemeral value"), "{text}");
}

#[test]
fn hiding_a_value_is_a_change_of_state_alone() {
    let config = r#"
        resource "test_thing" "a" { name = sensitive("x") }
        resource "test_thing" "b" {
          name   = "x"
          secret = "y"
        }
    "#;
    let mut b = check(
        config,
        |b| {
            b.exists("test_thing.a", json!({"name": "x"}));
            b.exists("test_thing.b", json!({"name": "x", "secret": "y"}));
        },
        "~ test_thing.a",
    );
    let (plan, _) = planned(&mut b, config, |_| {});
    b.state = std::sync::Arc::clone(&plan.unwrap().prior);
    let (_, text) = planned(&mut b, config, |_| {});
    assert_eq!(text, "");
}

#[test]
fn cycles_are_named_whole() {
    for (config, expect) in [
        (
            "locals {\n a = local.b\n b = local.c\n c = local.a\n}",
            "! main.tf:2 Cycle: Each of these needs the next one first: local.a → local.b → local.c → local.a.",
        ),
        (
            r#"resource "test_thing" "a" { name = test_thing.a.id }"#,
            "! main.tf:1 Self-referential block: test_thing.a refers to itself.",
        ),
        (
            "module \"m\" {\n source = \"./m\"\n x = module.m.y\n}\n# file m/main.tf\nvariable \"x\" {}\noutput \"y\" { value = var.x }",
            "! m/main.tf:1 Cycle: Each of these needs the next one first: module.m.var.x → module.m.output.y → module.m.var.x.",
        ),
    ] {
        check(config, |_| {}, expect);
    }
}

#[test]
fn errors_do_not_hide_each_other() {
    check(
        r#"
        resource "test_thing" "a" { nme = "x" }
        resource "test_thingy" "c" {}
        resource "test_thing" "d" { name = "forbidden" }
        resource "test_part" "e" { thing = test_thing.a.id }
        resource "test_part" "f" { thing = "x" }
        resource "test_other" "none" { count = 0 }
        data "test_lookup" "x" { name = ["a"][2] }
        "#,
        |_| {},
        r#"
        ! main.tf:2 Missing required argument: The argument "name" is required, but no definition was found.
        ! main.tf:2 Unsupported argument: An argument named "nme" is not expected here.
        ! main.tf:3 Invalid resource type: The provider registry.terraform.io/hashicorp/test has no resource type "test_thingy" here.
        ! main.tf:4 Invalid configuration: This name is forbidden.
        ! main.tf:8 Invalid index: The given key does not identify an element in this collection value.
        + test_part.f
        "#,
    );
    check(
        "resource \"test_thing\" \"a\" { name = nothing.here.id }\nresource \"test_thingy\" \"c\" {}",
        |_| {},
        "! main.tf:1 Reference to undeclared resource: A managed resource \"nothing\" \"here\" has not been declared in the root module.
         ! main.tf:2 Invalid resource type: The provider registry.terraform.io/hashicorp/test has no \"test_thingy\" here.",
    );
}

#[test]
fn failed_reads_are_reported_once() {
    let mut b = Bench::default();
    b.exists("test_thing.a", json!({"name": "x"}));
    b.provider.world().faults.push(("read test_thing".into(), stackctl_core::ErrorKind::Denied));
    let config = r#"
        resource "test_thing" "a" { name = "x" }
        resource "test_part" "p" { thing = test_thing.a.id }
    "#;
    let (plan, text) = planned(&mut b, config, |_| {});
    assert_eq!(lines(&text), ["! Reading test_thing.a: The test wants this call to fail."]);
    assert!(plan.unwrap().errored);
}

#[test]
fn what_changes_come_from() {
    let mut b = Bench::default();
    let config = r#"
        resource "test_thing" "a" {
          name = "x"
          tags = { k = "v" }
        }
        resource "test_thing" "b" { name = "x" }
        locals { tags = test_thing.a.tags["k"] }
        module "m" {
          source = "./m"
          tag    = local.tags
        }
        output "o" { value = test_thing.b.arn }
        # file m/main.tf
        variable "tag" {}
        resource "test_part" "p" { thing = var.tag }
    "#;
    let (plan, _) = planned(&mut b, config, |_| {});
    let shown: Vec<_> = plan.unwrap().relevant.iter().map(|r| format!("{} {}", r.resource, r.attribute)).collect();
    assert_eq!(shown, ["test_thing.a tags[\"k\"]", "test_thing.b arn"]);
}

#[test]
fn validation_needs_no_values() {
    let b = Bench::default();
    let settings = |text: &str| b.settings(&[("main.tf", text)]).map_err(|d| format!("{d:?}")).unwrap();
    let errors = |text: &str| {
        let diags = super::super::validate(&settings(text), &b.providers);
        diags.iter().map(|d| d.summary.clone()).collect::<Vec<_>>()
    };
    let good = r#"
        variable "n" { type = number }
        variable "m" { type = map(string) }
        provider "test" { region = "x" }
        resource "test_thing" "a" {
          count = var.n
          name  = "a-${count.index}"
        }
        resource "test_part" "b" {
          for_each = var.m
          thing    = test_thing.a[0].id
          note     = each.value
          pin      = each.key
        }
        output "all" { value = test_thing.a[*].arn }
    "#;
    assert_eq!(errors(good), Vec::<String>::new());
    // What a module does with its variables is right or wrong for every caller.
    let calls = "module \"m\" { source = \"./m\" }\nmodule \"n\" {\n source = \"./m\"\n names = {}\n}";
    let guarded = r#"
        variable "names" { default = {} }
        resource "test_thing" "t" {
          count = length(var.names) > 0 ? 1 : 0
          name  = try(var.names["first"], upper(var.names["second"]))
        }
    "#;
    let called = b.settings(&[("main.tf", calls), ("m/main.tf", guarded)]).map_err(|d| format!("{d:?}")).unwrap();
    assert_eq!(format!("{:?}", super::super::validate(&called, &b.providers)), "[]");
    assert_eq!(
        errors("resource \"test_thing\" \"a\" {\n count = 0\n nme = 1\n}"),
        ["Missing required argument", "Unsupported argument"]
    );
    assert_eq!(errors("resource \"test_thingy\" \"a\" {}"), ["Invalid resource type"]);
    // Another instance of the same resource: only a plan refuses it.
    let other = "resource \"test_thing\" \"a\" {\n count = 2\n name = count.index == 0 ? \"x\" : test_thing.a[0].id\n}";
    assert_eq!(errors(other), Vec::<String>::new());
    assert_eq!(errors("locals {\n a = local.b\n b = local.a\n}"), ["Cycle"]);
    assert_eq!(errors("locals {\n a = { b = 1, c = local.a.b }\n}"), ["Cycle"]);
}

#[test]
fn a_console_sees_state_and_plan() {
    let mut b = Bench::default();
    b.exists("module.m[0].test_thing.a", json!({"name": "x", "secret": "s"}));
    b.exists("test_thing.r", json!({"name": "root"}));
    let files = [
        (
            "main.tf",
            "module \"m\" {\n source = \"./m\"\n count = 1\n}\nresource \"test_thing\" \"r\" { name = local.n }\nlocals { n = \"n\" }",
        ),
        ("m/main.tf", "resource \"test_thing\" \"a\" { name = \"x\" }\noutput \"o\" { value = test_thing.a }"),
    ];
    let settings = b.settings(&files).map_err(|d| format!("{d:?}")).unwrap();
    let mut console = crate::eval::Console::of_state(std::sync::Arc::clone(&b.state), settings.clone(), &b.providers);
    let mut ask = |text: &str| console.evaluate(text).unwrap_or_else(|d| format!("! {}", d[0].summary));
    assert_eq!(ask("upper(local.n)"), "\"N\"");
    assert_eq!(ask("test_thing.r.name"), "\"root\"");
    assert_eq!(ask("module.m[0].o.name"), "\"x\"");
    assert_eq!(ask("module.m[0].o.secret"), "(sensitive value)");
    assert_eq!(ask("local.x"), "! Reference to undeclared local value");
    let (plan, _) = b.plan(&files, |_| {}).map_err(|d| format!("{d:?}")).unwrap();
    let mut console = crate::eval::Console::of_plan(plan, settings, &b.providers);
    assert_eq!(console.evaluate("test_thing.r.name").ok().as_deref(), Some("\"n\""));
    assert_eq!(console.evaluate("type(local.n)").ok().as_deref(), Some("string"));
}
