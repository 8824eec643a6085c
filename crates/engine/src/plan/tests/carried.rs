//! What is done while a plan is carried out: waits, reads, order, warnings, and what counts as proof.

use std::sync::Arc;
use std::time::Duration;

use stackctl_core::{Evidence, Found, InstanceAddr, Known, Provider as _, Scope};
use stackctl_state::{Intent, ProviderAddr, Target};

use super::{Bench, ordered, planned, split};
use crate::apply::{Applied, lost};
use crate::plan::{Options, Plan, PlanMode};
use crate::testing::SOURCE;

fn run(bench: &mut Bench, text: &str, with: impl FnOnce(&mut Options)) -> (Arc<Plan>, Applied) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(bench.apply(&split(text), with)).unwrap_or_else(|d| panic!("{d:?}\n{text}"))
}

fn position(bench: &Bench, call: &str) -> usize {
    let calls = bench.provider.world().calls.clone();
    calls.iter().position(|c| c.starts_with(call)).unwrap_or_else(|| panic!("no {call} in {calls:?}"))
}

#[test]
fn nobody_waits_for_what_stays() {
    let mut bench = Bench::default();
    let text = "resource \"test_named\" \"a\" {\n name = \"n\"\n stay = true\n}";
    run(&mut bench, text, |_| {});
    let before = bench.providers.host().clock.boot();
    let (_, applied) = run(&mut bench, text, |o| o.mode = PlanMode::Destroy);
    assert!(applied.diags.is_empty() && applied.done.destroyed == 1, "{:?}", applied.diags);
    assert!(bench.state.resources.is_empty());
    assert_eq!(bench.provider.world().objects.len(), 1, "it was let go");
    let took = bench.providers.host().clock.boot() - before;
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[test]
fn what_is_referred_to_is_read_after_a_create() {
    for (reference, want) in [
        ("test_named.a.detail", Some("detail of test_named-1")),
        ("test_named.a[*].detail", Some("detail of test_named-1")),
        ("test_named.a", Some("detail of test_named-1")),
        ("test_named.a.name", None),
    ] {
        let mut bench = Bench::default();
        let text =
            format!("resource \"test_named\" \"a\" {{\n name = \"n\"\n}}\noutput \"o\" {{ value = {reference} }}");
        run(&mut bench, &text, |_| {});
        let at = Target::current(InstanceAddr::parse("test_named.a").unwrap());
        let detail = bench.state.object(&at).unwrap().attributes.get("detail").as_str().map(str::to_owned);
        assert_eq!(detail.as_deref(), want, "{reference}");
        assert!(!bench.plan(&split(&text), |_| {}).unwrap().0.has_changes(), "{reference}");
    }
}

#[test]
fn slow_types_start_first() {
    let mut bench = Bench::default();
    run(
        &mut bench,
        "resource \"test_part\" \"a\" { thing = \"t\" }\nresource \"test_named\" \"z\" { name = \"n\" }",
        |_| {},
    );
    assert!(position(&bench, "create test_named") < position(&bench, "create test_part"));
}

#[test]
fn warnings_of_the_plan_are_not_told_again() {
    let mut bench = Bench::default();
    let text = r#"
        resource "test_named" "a" {
          name  = "n"
          title = "t"
        }
        check "c" {
          assert {
            condition     = test_named.a.name == "m"
            error_message = "It is not m."
          }
        }
    "#;
    let (_, told) = planned(&mut bench, text, |_| {});
    assert!(told.contains("Argument is deprecated") && told.contains("Check block assertion failed"), "{told}");
    let (_, applied) = run(&mut bench, text, |_| {});
    let again: Vec<&str> = applied.diags.iter().map(|d| d.summary.as_str()).collect();
    assert_eq!(again, ["Check block assertion failed"], "checks are about what is there now");
}

#[test]
fn an_update_lets_go_before_a_replacement_deletes() {
    let text = |part: &str, zone: &str| {
        format!(
            "resource \"test_thing\" \"a\" {{\n name = \"n\"\n zone = \"{zone}\"\n}}\n\
             resource \"test_part\" \"b\" {{\n thing = {part}\n}}"
        )
    };
    let mut bench = Bench::default();
    run(&mut bench, &text("test_thing.a.id", "1"), |_| {});
    // It refers to the old object no longer, and not to the new one.
    let (plan, shown) = planned(&mut bench, &text("\"none\"", "2"), |_| {});
    let order = ordered(&plan.unwrap());
    assert!(order.contains(&"update test_part.b < delete test_thing.a".to_owned()), "{shown}{order:#?}");
    // It refers to the new object, which comes after the delete of the old one.
    let (plan, shown) = planned(&mut bench, &text("test_thing.a.id", "2"), |_| {});
    let order = ordered(&plan.unwrap());
    assert!(!order.iter().any(|o| o.starts_with("update test_part.b <")), "{shown}{order:#?}");
}

#[test]
fn an_output_that_is_null_is_listed_and_no_change() {
    let mut bench = Bench::default();
    let (plan, _) = planned(&mut bench, "output \"o\" { value = null }", |_| {});
    let plan = plan.unwrap();
    assert!(!plan.has_changes());
    assert_eq!(plan.outputs["o"].action(), "no-op");
    let back: Plan = serde_json::from_str(&serde_json::to_string(&plan).unwrap()).unwrap();
    assert!(back.outputs["o"].after.is_some(), "null is a value");
}

#[test]
fn a_name_proves_nothing_without_the_planned_keys() {
    let bench = Bench::default();
    let schema = bench.provider.resource("test_named").unwrap().clone();
    let since = "2026-01-02T03:04:05Z".parse().unwrap();
    bench.provider.world().time = Some(since);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let instance = runtime.block_on(bench.provider.configure(Known::object(), bench.providers.host().clone())).unwrap();
    for (live_zone, created, ours) in [("1", 0, true), ("2", 0, false), ("1", 5, true), ("1", -5, false)] {
        let key = ("test_named".to_owned(), "x".to_owned());
        let live = Known::from([("id", "x"), ("name", "n"), ("zone", live_zone), ("detail", "d")]);
        bench.provider.world().objects.insert(key, live);
        let intent = Intent {
            token: "t".into(),
            action: stackctl_state::Action::Create,
            at: Target::current(InstanceAddr::parse("test_named.a").unwrap()),
            provider: Arc::new(ProviderAddr::root(SOURCE)),
            scope: Scope::default(),
            id: None,
            keys: Known::from([("name", "n"), ("zone", "1")]),
            aws_at: Some(since),
            written: since,
            want: None,
            dependencies: Vec::new(),
            create_before_destroy: false,
        };
        let at = since + jiff::SignedDuration::from_secs(created);
        let found = [Found { id: "x".into(), evidence: Evidence::Created(at) }];
        let got = runtime.block_on(lost::proven(&*instance, &schema, &intent, &found)).unwrap();
        assert_eq!(got.is_some(), ours, "zone {live_zone}, created {created} s after the intent");
    }
}

#[test]
fn validations_that_the_plan_cannot_decide_are_decided_later() {
    let text = |size: &str| {
        format!(
            r#"
            resource "test_thing" "a" {{ name = "n" }}
            module "m" {{
              source = "./m"
              size   = test_thing.a.version
            }}
            # file m/main.tf
            variable "size" {{
              validation {{
                condition     = var.size > {size}
                error_message = "It is too small."
              }}
            }}
            resource "test_part" "p" {{
              thing = "t"
              note  = "${{var.size}}"
            }}
            "#
        )
    };
    let mut bench = Bench::default();
    let (plan, applied) = run(&mut bench, &text("100"), |_| {});
    assert!(plan.checks.iter().any(|c| c.status == crate::plan::CheckStatus::Unknown), "{:?}", plan.checks);
    let errors: Vec<&str> = applied.diags.iter().map(|d| d.detail.as_str()).collect();
    assert_eq!(errors, ["It is too small."]);
    assert!(!bench.provider.world().calls.iter().any(|c| c.starts_with("create test_part")), "it needs the variable");
    let mut bench = Bench::default();
    let (_, applied) = run(&mut bench, &text("0"), |_| {});
    assert!(applied.diags.is_empty() && applied.done.added == 2, "{:?}", applied.diags);
    let checks = bench.state.checks.as_deref().unwrap_or_default();
    assert!(checks.iter().all(|c| c.status == "pass"), "{checks:?}");
}

/// Nothing else needs the module: its instances are made for its conditions alone.
#[test]
fn conditions_in_modules_that_nothing_needs_are_decided_later() {
    let text = r#"
        resource "test_thing" "a" { name = "n" }
        module "m" {
          source = "./m"
          count  = 1
          size   = test_thing.a.version
          other  = test_thing.a.version
        }
        # file m/main.tf
        variable "other" {}
        variable "size" {
          validation {
            condition     = var.size > 100
            error_message = "It is too small."
          }
        }
        check "c" {
          assert {
            condition     = var.other > 200
            error_message = "It is much too small."
          }
        }
    "#;
    let mut bench = Bench::default();
    let (_, applied) = run(&mut bench, text, |_| {});
    let said: Vec<&str> = applied.diags.iter().map(|d| d.detail.as_str()).collect();
    assert!(said.contains(&"It is too small."), "{said:?}");
    let checks = bench.state.checks.as_deref().unwrap_or_default();
    assert!(checks.iter().all(|c| c.status != "unknown"), "{checks:?}");
}

/// A check looks again when everything else is done, and tells of what it finds then.
#[test]
fn data_sources_of_checks_are_read_last() {
    let text = r#"
        resource "test_thing" "a" { name = "n" }
        check "c" {
          data "test_lookup" "d" { name = "x" }
          assert {
            condition     = data.test_lookup.d.value == "nothing"
            error_message = "It is ${data.test_lookup.d.value}."
          }
        }
    "#;
    let mut bench = Bench::default();
    let (plan, told) = planned(&mut bench, text, |_| {});
    assert!(told.contains("<= data.test_lookup.d read_because_check_nested"), "{told}");
    assert_eq!(ordered(&plan.unwrap()), ["create test_thing.a < read data.test_lookup.d"]);
    let (_, applied) = run(&mut bench, text, |_| {});
    let said: Vec<&str> = applied.diags.iter().map(|d| d.detail.as_str()).collect();
    assert_eq!(said, ["It is value of x."]);
    let (plan, told) = planned(&mut bench, text, |_| {});
    assert!(told.contains("<= data.test_lookup.d"), "{told}");
    assert!(!plan.unwrap().has_changes(), "looking is no change");
}

/// A module of outputs alone that another module's arguments refer to, as labels are passed around.
#[test]
fn modules_without_resources_are_there_for_others() {
    let text = r#"
        resource "test_thing" "a" { name = "n" }
        module "label" {
          source = "./label"
          count  = 1
          prefix = "p"
        }
        module "used" {
          source = "./used"
          name   = module.label[0].name
          thing  = test_thing.a.id
        }
        # file label/main.tf
        variable "prefix" {}
        module "inner" {
          source = "../inner"
          name   = var.prefix
        }
        output "name" { value = "${module.inner.name}-x" }
        # file inner/main.tf
        variable "name" {}
        output "name" { value = upper(var.name) }
        # file used/main.tf
        variable "name" {}
        variable "thing" {}
        resource "test_part" "p" {
          thing = var.thing
          note  = "${var.name} ${var.thing}"
        }
    "#;
    let mut bench = Bench::default();
    let (_, applied) = run(&mut bench, text, |_| {});
    assert!(applied.diags.is_empty(), "{:?}", applied.diags);
    let at = Target::current(InstanceAddr::parse("module.used.test_part.p").unwrap());
    let object = bench.state.object(&at).unwrap();
    assert_eq!(object.attributes.get("note").as_str(), Some("P-x test_thing-1"));
}

mod provisioners {
    //! `local-exec`: what runs when, with what, and what a failure leaves.

    use stackctl_state::ObjectStatus;

    use super::*;

    /// Applies, and gives the lines that commands wrote to the file `$OUT`, the errors, and the state of the object.
    fn check(
        bench: &mut Bench,
        out: &std::path::Path,
        text: &str,
        mode: PlanMode,
    ) -> (Vec<String>, String, Option<ObjectStatus>) {
        let text = text.replace("$OUT", &out.display().to_string());
        let (_, applied) = run(bench, &text, |o| o.mode = mode);
        let errors: Vec<String> = applied.diags.iter().map(|d| format!("{}: {}", d.summary, d.detail)).collect();
        let lines = std::fs::read_to_string(out).unwrap_or_default().lines().map(str::to_owned).collect();
        let _ = std::fs::remove_file(out);
        let at = Target::current(InstanceAddr::parse("test_thing.a").unwrap());
        (lines, errors.join("\n"), bench.state.object(&at).map(|o| o.status))
    }

    const TWO: &str = r#"
        variable "zone" { default = "1" }
        resource "test_part" "p" { thing = "other" }
        resource "test_thing" "a" {
          name = "n"
          zone = var.zone
          provisioner "local-exec" {
            command     = "echo made $WHO $PART by ${self.name} >> $OUT"
            environment = { WHO = self.id, PART = test_part.p.id }
          }
          provisioner "local-exec" {
            command     = "import-free"
            interpreter = ["/bin/sh", "-c", "echo $0 in $(pwd) >> $OUT"]
            working_dir = "tmp"
          }
          provisioner "local-exec" {
            when    = destroy
            command = "echo gone ${self.id} ${path.module} >> $OUT"
          }
        }
    "#;

    #[test]
    fn they_run_at_creation_and_before_destruction() {
        let dir = tempdir();
        let out = dir.join("out");
        let mut bench = Bench::default();
        let (lines, errors, status) = check(&mut bench, &out, TWO, PlanMode::Normal);
        assert_eq!(errors, "");
        assert_eq!(lines, ["made test_thing-2 test_part-1 by n", "import-free in /tmp"]);
        assert_eq!(status, Some(ObjectStatus::Ready));
        // Nothing to do: nothing runs. An update runs nothing either.
        assert_eq!(check(&mut bench, &out, TWO, PlanMode::Normal).0, [""; 0]);
        let updated = TWO.replace("\"n\"", "\"m\"");
        assert_eq!(check(&mut bench, &out, &updated, PlanMode::Normal).0, [""; 0]);
        bench.vars = vec!["zone=2".to_owned()];
        let (lines, ..) = check(&mut bench, &out, &updated, PlanMode::Normal);
        assert_eq!(lines[0], "gone test_thing-2 .");
        assert_eq!(lines[1], "made test_thing-3 test_part-1 by m");
        let (lines, errors, status) = check(&mut bench, &out, &updated, PlanMode::Destroy);
        assert_eq!((lines, errors.as_str(), status), (vec!["gone test_thing-3 .".to_owned()], "", None));
    }

    #[test]
    fn a_failure_taints_and_the_next_apply_replaces() {
        let dir = tempdir();
        let out = dir.join("out");
        let text = |first: &str| {
            format!(
                "resource \"test_thing\" \"a\" {{\n name = \"n\"\n provisioner \"local-exec\" {{\n {first}\n }}\n \
                 provisioner \"local-exec\" {{\n command = \"echo second >> $OUT\"\n }}\n \
                 provisioner \"local-exec\" {{\n when = destroy\n command = \"echo gone >> $OUT\"\n }}\n}}\n\
                 resource \"test_part\" \"b\" {{\n thing = test_thing.a.id\n}}"
            )
        };
        let mut bench = Bench::default();
        let (lines, errors, status) =
            check(&mut bench, &out, &text("command = \"echo why; exit 3\""), PlanMode::Normal);
        assert_eq!(lines, [""; 0], "what follows does not run");
        let want = "local-exec provisioner error: Error running command 'echo why; exit 3': exit status 3. Output: why";
        assert_eq!(errors, want);
        assert_eq!(status, Some(ObjectStatus::Tainted));
        assert!(bench.state.object(&Target::current(InstanceAddr::parse("test_part.b").unwrap())).is_none());
        // A tainted object has no destroy-time provisioners.
        let (lines, errors, status) = check(&mut bench, &out, &text("command = \"true\""), PlanMode::Normal);
        assert_eq!((lines, errors.as_str(), status), (vec!["second".to_owned()], "", Some(ObjectStatus::Ready)));
        let mut bench = Bench::default();
        let passed = text("command = \"exit 1\"\n on_failure = continue");
        let (lines, errors, status) = check(&mut bench, &out, &passed, PlanMode::Normal);
        assert_eq!((lines, errors.as_str(), status), (vec!["second".to_owned()], "", Some(ObjectStatus::Ready)));
    }

    #[test]
    fn a_failure_before_destruction_keeps_the_object() {
        let dir = tempdir();
        let out = dir.join("out");
        let text = "resource \"test_thing\" \"a\" {\n name = \"n\"\n provisioner \"local-exec\" {\n when = destroy\n \
                    command = \"test -e $OUT\"\n }\n}";
        let mut bench = Bench::default();
        check(&mut bench, &out, text, PlanMode::Normal);
        let (_, errors, status) = check(&mut bench, &out, text, PlanMode::Destroy);
        assert!(errors.contains("exit status 1") && status == Some(ObjectStatus::Ready), "{errors}");
        std::fs::write(&out, "").unwrap();
        assert_eq!(check(&mut bench, &out, text, PlanMode::Destroy).2, None);
    }

    #[test]
    fn a_removed_block_runs_them() {
        let dir = tempdir();
        let out = dir.join("out");
        let mut bench = Bench::default();
        check(&mut bench, &out, "resource \"test_thing\" \"a\" {\n name = \"n\"\n}", PlanMode::Normal);
        let removed = "removed {\n from = test_thing.a\n lifecycle {\n destroy = true\n }\n provisioner \"local-exec\" {\n \
                       when = destroy\n command = \"echo gone ${self.name} >> $OUT\"\n }\n}";
        let (lines, errors, status) = check(&mut bench, &out, removed, PlanMode::Normal);
        assert_eq!((lines, errors.as_str(), status), (vec!["gone n".to_owned()], "", None));
    }

    #[test]
    fn secrets_are_not_shown() {
        let dir = tempdir();
        let out = dir.join("out");
        let mut bench = Bench::default();
        let text = "resource \"test_thing\" \"a\" {\n name = \"n\"\n secret = \"geheim\"\n provisioner \"local-exec\" {\n \
                    command = \"echo ${self.secret}; exit 1\"\n }\n}";
        let (_, errors, _) = check(&mut bench, &out, text, PlanMode::Normal);
        assert!(errors.contains("Error running command '(sensitive)': exit status 1"), "{errors}");
        assert!(!errors.contains("geheim"), "{errors}");
    }

    #[test]
    fn arguments_are_checked_by_the_plan() {
        for (body, want) in [
            ("", "The argument \"command\" is required"),
            ("command = \"x\"\n shell = \"y\"", "shell"),
            ("command = [1]", "command"),
        ] {
            let text = format!(
                "resource \"test_thing\" \"a\" {{\n name = \"n\"\n provisioner \"local-exec\" {{\n {body}\n }}\n}}"
            );
            let (_, shown) = planned(&mut Bench::default(), &text, |_| {});
            assert!(shown.starts_with('!') && shown.contains(want), "{shown}");
            let bench = Bench::default();
            let settings = bench.settings(&split(&text)).unwrap();
            assert!(!crate::plan::validate(&settings, &bench.providers).is_empty(), "{text}");
        }
    }

    fn tempdir() -> std::path::PathBuf {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("stackctl-engine-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let dir = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&dir).unwrap();
        dir
    }
}
