//! Ephemeral resources: when they are opened and closed, where their values go, and that nothing of them is stored.

use super::*;
use crate::testing::Bench;

/// Plans and applies over what `bench` holds. The calls, and what went wrong.
async fn run(bench: &mut Bench, config: &str) -> (Vec<String>, String) {
    bench.provider.world().calls.clear();
    let files = split(config);
    let (mut text, mut stored) = (String::new(), String::new());
    match bench.apply(&files, |_| {}).await {
        Ok((plan, applied)) => {
            for d in &applied.diags {
                let _ = writeln!(text, "{}: {}", d.summary, d.detail);
            }
            stored.push_str(&serde_json::to_string(&*plan).unwrap());
            stored.push_str(&String::from_utf8_lossy(&bench.store.object("state").unwrap_or_default()));
        }
        Err(diags) => diags.iter().for_each(|d| text.push_str(&format!("{}: {}\n", d.summary, d.detail))),
    }
    assert!(!stored.contains("secret-"), "{stored}");
    (bench.provider.world().calls.clone(), text)
}

const USED: &str = r#"
    ephemeral "test_secret" "db" { name = "db" }
    locals { word = ephemeral.test_secret.db.value }
    provider "test" {
      alias = "by"
      token = local.word
    }
    resource "test_thing" "a" {
      provider  = test.by
      name      = "a"
      secret_wo = local.word
    }
    resource "test_thing" "b" { name = "b" }
"#;

#[tokio::test]
async fn opened_for_provider_and_write_only_arguments_and_closed_after() {
    let mut bench = Bench::default();
    let (calls, wrong) = run(&mut bench, USED).await;
    assert_eq!(wrong, "");
    assert_eq!(calls[..2], ["open test_secret db", "close test_secret db"], "the plan: {calls:#?}");
    let of_apply = &calls[2..];
    let at =
        |text: &str| of_apply.iter().position(|c| c.starts_with(text)).unwrap_or_else(|| panic!("{text}: {calls:#?}"));
    let (open, create, close) = (at("open"), at("create test_thing a with secret-db-2 by secret-db-2"), at("close"));
    assert!(open < create && create < close, "{calls:#?}");
    assert_eq!(calls.iter().filter(|c| c.starts_with("open")).count(), 2, "{calls:#?}");
    let last_of_a = of_apply.iter().rposition(|c| c.contains("test_thing")).unwrap();
    assert!(close > create && last_of_a > 0, "{calls:#?}");
    // A destroy needs the provider, and nothing else of it.
    let (calls, wrong) = run(&mut bench, &USED.replace("\"a\" {", "\"other\" {")).await;
    assert_eq!(wrong, "");
    assert!(calls.iter().any(|c| c.starts_with("delete test_thing")), "{calls:#?}");
}

// The bench plans without a runtime, and a renewal needs a thread of its own then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_known_is_opened_by_the_apply() {
    let mut bench = Bench::default();
    let config = r#"
        resource "test_thing" "first" { name = "first" }
        ephemeral "test_secret" "late" {
          name  = test_thing.first.color
          lasts = 1
          lifecycle {
            postcondition {
              condition     = self.name == "grey"
              error_message = "Not grey."
            }
          }
        }
        ephemeral "test_secret" "after" {
          name       = "after"
          depends_on = [test_thing.first]
        }
        module "m" {
          source = "./m"
          secret = [ephemeral.test_secret.late.value, ephemeral.test_secret.after.value]
        }
        output "none" {
          value     = ephemeralasnull(module.m.back)
          sensitive = true
        }
        # file m/main.tf
        variable "secret" { ephemeral = true }
        resource "test_thing" "second" {
          name      = "second"
          secret_wo = var.secret[0]
        }
        resource "test_thing" "third" {
          name      = "third"
          secret_wo = var.secret[1]
        }
        output "back" {
          value     = var.secret[0]
          ephemeral = true
        }
    "#;
    let (calls, wrong) = run(&mut bench, config).await;
    assert_eq!(wrong, "");
    assert!(!calls[0].starts_with("open"), "nothing is opened while planning: {calls:#?}");
    let at =
        |text: &str| calls.iter().position(|c| c.starts_with(text)).unwrap_or_else(|| panic!("{text}: {calls:#?}"));
    assert!(at("create test_thing first") < at("open test_secret grey"), "{calls:#?}");
    assert!(at("open test_secret grey") < at("create test_thing second with secret-grey"), "{calls:#?}");
    assert!(at("create test_thing first") < at("open test_secret after"), "{calls:#?}");
    assert!(at("create test_thing third with secret-after") < at("close test_secret after"), "{calls:#?}");
    assert!(at("renew test_secret grey") < at("close test_secret grey, renewed"), "{calls:#?}");
    // The second time everything is known.
    let (calls, wrong) = run(&mut bench, config).await;
    assert_eq!(wrong, "");
    assert!(calls.iter().any(|c| c == "open test_secret grey"), "{calls:#?}");
    assert!(!calls.iter().any(|c| c.starts_with("create")), "{calls:#?}");
}

#[tokio::test]
async fn instances_modules_and_failures() {
    let mut bench = Bench::default();
    let config = r#"
        module "m" {
          source   = "./m"
          for_each = toset(["x", "y"])
          name     = each.key
        }
        # file m/main.tf
        variable "name" {}
        ephemeral "test_secret" "s" {
          count = 2
          name  = "${var.name}${count.index}"
        }
        resource "test_thing" "t" {
          count     = 2
          name      = "t-${var.name}${count.index}"
          secret_wo = ephemeral.test_secret.s[count.index].value
        }
    "#;
    let (calls, wrong) = run(&mut bench, config).await;
    assert_eq!(wrong, "");
    for name in ["x0", "x1", "y0", "y1"] {
        for what in [format!("open test_secret {name}"), format!("close test_secret {name}")] {
            assert_eq!(calls.iter().filter(|c| **c == what).count(), 2, "{what}: {calls:#?}");
        }
        assert!(
            calls.iter().any(|c| c.starts_with(&format!("create test_thing t-{name} with secret-{name}-"))),
            "{calls:#?}"
        );
    }

    let mut bench = Bench::default();
    bench.provider.world().faults = vec![("open test_secret x0".into(), stackctl_core::ErrorKind::Denied)];
    let (_, wrong) = run(&mut bench, config).await;
    assert_eq!(wrong, "Opening module.m[\"x\"].ephemeral.test_secret.s[0]: The test wants this call to fail.\n");

    // The plan opens and the apply cannot: only what needs it fails.
    let mut bench = Bench::default();
    let late = r#"
        resource "test_thing" "first" { name = "first" }
        ephemeral "test_secret" "late" { name = test_thing.first.color }
        resource "test_thing" "second" {
          name      = "second"
          secret_wo = ephemeral.test_secret.late.value
        }
        resource "test_part" "third" { thing = test_thing.second.id }
        resource "test_part" "free" { thing = test_thing.first.id }
    "#;
    bench.provider.world().faults = vec![("open test_secret grey".into(), stackctl_core::ErrorKind::Denied)];
    let (calls, wrong) = run(&mut bench, late).await;
    assert_eq!(wrong, "Opening ephemeral.test_secret.late: The test wants this call to fail.\n");
    assert_eq!(calls.iter().filter(|c| c.starts_with("create test_part")).count(), 1, "{calls:#?}");
    assert!(!calls.iter().any(|c| c.starts_with("create test_thing second")), "{calls:#?}");
}

/// What the language refuses, with its place.
#[test]
fn values_stay_where_nothing_is_stored() {
    let secret = "ephemeral \"test_secret\" \"s\" { name = \"s\" }\n";
    for (config, expect) in [
        ("output \"o\" { value = ephemeral.test_secret.s.name }", "! main.tf:2 Ephemeral value not allowed"),
        (
            "resource \"test_thing\" \"t\" { name = ephemeral.test_secret.s.name }",
            "! main.tf:2 Invalid use of ephemeral value",
        ),
        (
            "resource \"test_thing\" \"t\" {\n count = length(ephemeral.test_secret.s.value)\n name = \"t\"\n }",
            "! main.tf:3 Invalid count argument",
        ),
        ("ephemeral \"test_secret\" \"u\" {}", "! main.tf:2 Missing required argument"),
        ("ephemeral \"test_secrt\" \"u\" {}", "! main.tf:2 Invalid ephemeral resource type"),
        ("output \"o\" { value = ephemeral.test_secret.t.name }", "! main.tf:2 Reference to undeclared resource"),
        (
            "ephemeral \"test_secret\" \"u\" {\n name = \"u\"\n lifecycle {\n prevent_destroy = true\n }\n}",
            "! main.tf:5 Invalid ephemeral resource lifecycle argument",
        ),
        ("output \"o\" {\n value = 1\n ephemeral = true\n}", "! main.tf:2 Ephemeral output not allowed"),
        (
            "module \"m\" { source = \"./m\" }\n# file m/main.tf\noutput \"o\" {\n value = 1\n ephemeral = true\n}",
            "! m/main.tf:2 Value not allowed in ephemeral output",
        ),
        (
            "data \"test_lookup\" \"d\" { name = ephemeral.test_secret.s.name }",
            "! main.tf:2 Invalid use of ephemeral value",
        ),
        (
            "module \"m\" {\n source = \"./m\"\n v = ephemeral.test_secret.s.name\n}\n# file m/main.tf\nvariable \"v\" {}",
            "! main.tf:4 Ephemeral value not allowed",
        ),
        (
            "resource \"test_thing\" \"t\" {\n name = \"t\"\n tags = { a = ephemeral.test_secret.s.name }\n }",
            "! main.tf:4 Invalid use of ephemeral value",
        ),
    ] {
        let (_, text) = planned(&mut Bench::default(), &format!("{secret}{config}"), |_| {});
        let first = text.lines().find(|l| l.starts_with('!')).unwrap_or_default();
        assert!(first.starts_with(expect), "{config}\n{text}");
    }
}
