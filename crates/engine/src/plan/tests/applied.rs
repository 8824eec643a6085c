//! Applying a plan makes the next one empty, whatever was planned.

use super::{Bench, ordered, shown, split};
use crate::plan::{Options, PlanMode};

/// Applies each configuration after the other. After each, planning again is empty; after the last, a destroy leaves
/// nothing.
fn check(steps: &[&str]) -> Bench {
    let mut bench = Bench::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for text in steps {
            run(&mut bench, text, |_| {}).await;
            let files = split(text);
            let (plan, diags) = bench.plan(&files, |_| {}).unwrap();
            assert!(!plan.has_changes() && diags.is_empty(), "{}{diags:?}\n{text}", shown(&plan));
            let (plan, _) = bench.plan(&files, |o| o.refresh = false).unwrap();
            assert!(!plan.has_changes(), "{}\n{text}", shown(&plan));
            // A move leaves the names under which others depend on an object to the next change of theirs.
            for op in plan.ops.iter().filter(|_| !text.contains("moved")) {
                let at = stackctl_state::Target::current((*op.addr).clone());
                let stored = &bench.state.object(&at).unwrap().dependencies;
                let wanted: Vec<String> = op.dependencies.iter().map(ToString::to_string).collect();
                assert_eq!(*stored, wanted, "dependencies of {}", op.addr);
            }
        }
        let last = steps.last().copied().unwrap_or_default();
        run(&mut bench, last, |o| o.mode = PlanMode::Destroy).await;
        assert!(bench.state.resources.is_empty() && bench.state.outputs.is_empty());
        assert!(bench.provider.world().objects.is_empty());
    });
    bench
}

async fn run(bench: &mut Bench, text: &str, with: impl FnOnce(&mut Options)) {
    let files = split(text);
    let (plan, applied) = bench.apply(&files, with).await.unwrap_or_else(|d| panic!("{d:?}\n{text}"));
    assert!(applied.diags.is_empty() && applied.skipped == 0, "{:?}\n{}\n{text}", applied.diags, shown(&plan));
    ordered(&plan);
}

const BASE: &str = r#"
    data "test_lookup" "d" { name = "one" }
    resource "test_thing" "a" {
      name      = data.test_lookup.d.value
      secret    = "s"
      secret_wo = "w"
      tags      = { k = "v" }
      rule {
        port = 2
        note = "x"
      }
      rule { port = 1 }
      step { port = 7 }
      timeouts { create = "3m" }
    }
    resource "test_part" "b" {
      count = 2
      thing = test_thing.a.id
      note  = "n${count.index}"
    }
    data "test_lookup" "late" { name = test_thing.a.arn }
    resource "test_value" "v" {
      input            = { parts = test_part.b[*].id, late = data.test_lookup.late.value }
      triggers_replace = test_thing.a.version
    }
    output "all" { value = test_value.v.output }
"#;

#[test]
fn from_nothing_and_back() {
    let b = check(&[BASE]);
    let calls = &b.provider.world().calls;
    assert!(calls.iter().any(|c| c.starts_with("data test_lookup arn:")), "{calls:?}");
}

#[test]
fn updates_follow_through() {
    let changed = BASE.replace("\"v\" }", "\"w\" }").replace("port = 1", "port = 9").replace("count = 2", "count = 1");
    check(&[BASE, &changed, BASE]);
}

#[test]
fn replacements_in_both_orders() {
    let with = |zone: &str, life: &str| {
        format!(
            r#"
            resource "test_thing" "a" {{
              name = "x"
              zone = "{zone}"
            }}
            resource "test_part" "b" {{
              thing = test_thing.a.id
              pin   = test_thing.a.id
              {life}
            }}
            "#
        )
    };
    check(&[&with("1", ""), &with("2", "")]);
    let first = "lifecycle { create_before_destroy = true }";
    let b = check(&[&with("1", first), &with("2", first)]);
    let calls = b.provider.world().calls.clone();
    let create = calls.iter().rposition(|c| c.starts_with("create test_part")).unwrap();
    let delete = calls.iter().position(|c| c.starts_with("delete test_thing")).unwrap();
    assert!(create < delete, "{calls:?}");
}

#[test]
fn modules_and_moves() {
    let module = |call: &str| {
        format!(
            r#"
            {call}
            # file m/main.tf
            variable "n" {{}}
            resource "test_thing" "t" {{ name = var.n }}
            resource "test_part" "p" {{ thing = test_thing.t.id }}
            output "id" {{ value = test_part.p.id }}
            "#
        )
    };
    let b = check(&[
        &module("module \"m\" {\n source = \"./m\"\n n = \"x\"\n}\noutput \"o\" { value = module.m.id }"),
        &module(
            "module \"n\" {\n source = \"./m\"\n for_each = { k = \"x\", l = \"y\" }\n n = each.value\n}\n\
             moved {\n from = module.m\n to = module.n[\"k\"]\n}\noutput \"o\" { value = module.n[\"k\"].id }",
        ),
    ]);
    let creates = b.provider.world().calls.iter().filter(|c| c.starts_with("create test_thing")).count();
    assert_eq!(creates, 2, "what moved is not made again");
}

#[test]
fn an_update_that_became_empty_is_dropped() {
    let part = |zone: &str| {
        format!(
            "resource \"test_thing\" \"a\" {{\n name = \"{zone}\"\n}}\n\
             resource \"test_part\" \"b\" {{\n thing = test_thing.a.version > 0 ? \"yes\" : \"no\"\n}}"
        )
    };
    let b = check(&[&part("x"), &part("y")]);
    let calls = b.provider.world().calls.clone();
    assert!(!calls.iter().any(|c| c.starts_with("update test_part") && c.contains("thing")), "{calls:?}");
}

/// The first answer is that the object exists. It carries the token of the intent: an earlier copy of the request had
/// arrived. A new object of the right name alone would be a stranger's, for nothing of ours was under way.
#[tokio::test]
async fn what_exists_is_ours_by_its_token_alone() {
    let text = "resource \"test_named\" \"a\" { name = \"x\" }";
    for by_token in [true, false] {
        let mut bench = Bench::default();
        {
            let mut world = bench.provider.world();
            world.faults.push(("create test_named".into(), stackctl_core::ErrorKind::Exists));
            world.time = (!by_token).then(|| "2100-01-01T00:00:00Z".parse().unwrap());
        }
        let (_, applied) = bench.apply(&split(text), |_| {}).await.unwrap();
        let creates = bench.provider.world().calls.iter().filter(|c| c.starts_with("create")).count();
        assert_eq!(creates, 1);
        assert_eq!(applied.diags.is_empty(), by_token, "{:?}", applied.diags);
        assert_eq!(bench.state.resources.is_empty(), !by_token);
        if !by_token {
            assert!(format!("{:?}", applied.diags).contains("stackctl import 'test_named.a' "), "{:?}", applied.diags);
        }
    }
}

/// A service that never answers an update is not asked until the operation's timeout, which is twenty minutes here.
#[tokio::test]
async fn a_service_that_never_answers_is_given_up() {
    let of = |rest: &str| format!("resource \"test_thing\" \"a\" {{\n name = \"x\"\n {rest}\n}}");
    let mut bench = Bench::default();
    run(&mut bench, &of(""), |_| {}).await;
    let lost = || ("update test_thing".to_owned(), stackctl_core::ErrorKind::Lost);
    bench.provider.world().faults.extend(std::iter::repeat_with(lost).take(1000));
    let (_, applied) = bench.apply(&split(&of("force = true")), |_| {}).await.unwrap();
    assert!(format!("{:?}", applied.diags).contains("lost"), "{:?}", applied.diags);
    let sent = bench.provider.world().calls.iter().filter(|c| c.starts_with("update")).count();
    assert!((10..60).contains(&sent), "{sent}");
}

/// The answer to the update is lost after the service carried it out. What a read shows to be done is not sent again; what
/// no read shows is.
#[tokio::test]
async fn an_update_without_an_answer_is_repeated_only_where_it_differs() {
    let of = |rest: &str| format!("resource \"test_thing\" \"a\" {{\n name = \"x\"\n {rest}\n}}");
    for (rest, unreadable, sent) in [
        ("size = 2", false, vec!["size,version"]),
        ("size = 2", true, vec!["size,version"]),
        ("size = 2\n force = true", false, vec!["force,size,version", "force,version"]),
    ] {
        let mut bench = Bench::default();
        run(&mut bench, &of(""), |_| {}).await;
        {
            let mut world = bench.provider.world();
            world.calls.clear();
            world.faults.push(("update test_thing".into(), stackctl_core::ErrorKind::Lost));
            if unreadable {
                // The first look fails too: that is no reason to send anything.
                world.faults.push(("read test_thing".into(), stackctl_core::ErrorKind::Throttled));
            }
        }
        run(&mut bench, &of(rest), |o| o.refresh = false).await;
        let calls = bench.provider.world().calls.clone();
        let updates = calls.iter().filter_map(|c| c.strip_prefix("update test_thing test_thing-1 "));
        assert_eq!(updates.collect::<Vec<_>>(), sent, "{calls:?}");
        let (plan, _) = bench.plan(&split(&of(rest)), |_| {}).unwrap();
        assert!(!plan.has_changes(), "{}", shown(&plan));
    }
}
