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
