//! What state remembers of chains, and that it is enough to destroy them in order when their configuration is gone.

use petgraph::algo::has_path_connecting;

use super::{Action, Bench, Node, Plan, planned, split};

/// Links of a chain: `a` needs `b`, which needs `c`, in some way each.
const CHAINS: &[(&str, &str)] = &[
    (
        "directly",
        r#"
        resource "test_thing" "c" { name = "c" }
        resource "test_part" "b" { thing = test_thing.c.id }
        resource "test_part" "a" { thing = test_part.b.id }
        "#,
    ),
    (
        "through locals",
        r#"
        resource "test_thing" "c" { name = "c" }
        locals {
          c = test_thing.c.id
          d = [local.c]
          b = { id = test_part.b.id }
        }
        resource "test_part" "b" { thing = local.d[0] }
        resource "test_part" "a" { thing = local.b.id }
        "#,
    ),
    (
        "through data sources",
        r#"
        resource "test_thing" "c" { name = "c" }
        data "test_lookup" "c" { name = test_thing.c.id }
        resource "test_part" "b" { thing = data.test_lookup.c.value }
        data "test_lookup" "b" { name = test_part.b.id }
        data "test_lookup" "again" { name = data.test_lookup.b.value }
        resource "test_part" "a" { thing = data.test_lookup.again.value }
        "#,
    ),
    (
        "by depends_on alone",
        r#"
        resource "test_thing" "c" { name = "c" }
        resource "test_part" "b" {
          thing      = "x"
          depends_on = [test_thing.c]
        }
        resource "test_part" "a" {
          thing      = "x"
          depends_on = [test_part.b]
        }
        "#,
    ),
    (
        "through modules without objects",
        r#"
        resource "test_thing" "c" { name = "c" }
        module "m" {
          source = "./m"
          in     = test_thing.c.id
        }
        resource "test_part" "b" { thing = module.m.out }
        module "n" {
          source = "./m"
          count  = 2
          in     = test_part.b.id
        }
        resource "test_part" "a" { thing = module.n[1].out }
        # file m/main.tf
        variable "in" {}
        data "test_lookup" "in" { name = var.in }
        locals { out = data.test_lookup.in.value }
        output "out" { value = local.out }
        "#,
    ),
    (
        "through a zero of objects",
        r#"
        resource "test_thing" "c" { name = "c" }
        resource "test_part" "none" {
          count = 0
          thing = test_thing.c.id
        }
        resource "test_part" "b" { thing = length(test_part.none) == 0 ? "x" : "y" }
        resource "test_part" "a" { thing = test_part.b.id }
        "#,
    ),
    (
        "by keys",
        r#"
        resource "test_thing" "c" {
          for_each = toset(["x"])
          name     = each.key
        }
        resource "test_part" "b" {
          for_each = test_thing.c
          thing    = "fixed"
        }
        resource "test_part" "a" { thing = length(test_part.b) > 0 ? "one" : "none" }
        "#,
    ),
];

/// The same in other modules, where the addresses are others.
const IN_MODULES: &str = r#"
    module "c" { source = "./c" }
    module "b" {
      source     = "./b"
      depends_on = [module.c]
    }
    module "a" {
      source = "./a"
      count  = 2
      b      = module.b.id
    }
    # file c/main.tf
    resource "test_thing" "c" { name = "c" }
    # file b/main.tf
    resource "test_part" "b" { thing = "x" }
    output "id" { value = test_part.b.id }
    # file a/main.tf
    variable "b" {}
    resource "test_part" "a" { thing = var.b }
"#;

/// What was applied, with its state.
fn applied(text: &str) -> Bench {
    let mut bench = Bench::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (_, applied) = runtime.block_on(bench.apply(&split(text), |_| {})).unwrap();
    assert!(applied.diags.is_empty() && applied.skipped == 0, "{:?}", applied.diags);
    bench
}

/// Whether every delete of `first` is ordered before every delete of `last`, and there are some.
fn before(plan: &Plan, first: &str, last: &str) -> bool {
    let deletes = |name: &str| -> Vec<_> {
        let is = |n: &Node| match n {
            Node::Op(id) => {
                let op = plan.op(*id);
                op.action == Action::Delete && op.addr.resource.config().to_string() == name
            }
            Node::Join => false,
        };
        plan.graph.node_indices().filter(|n| is(&plan.graph[*n])).collect()
    };
    let (firsts, lasts) = (deletes(first), deletes(last));
    let all = firsts.iter().all(|f| lasts.iter().all(|l| has_path_connecting(&plan.graph, *f, *l, None)));
    all && !firsts.is_empty() && !lasts.is_empty()
}

fn dependencies(bench: &Bench, addr: &str) -> Vec<String> {
    let addr = stackctl_core::InstanceAddr::parse(addr).unwrap();
    bench.state.current(&addr).unwrap().dependencies.clone()
}

#[test]
fn a_chain_is_destroyed_in_order_without_its_configuration() {
    for (how, text) in CHAINS {
        let mut bench = applied(text);
        assert_eq!(dependencies(&bench, "test_part.a"), ["test_part.b", "test_thing.c"], "{how}");
        let (plan, diags) = planned(&mut bench, "", |_| {});
        let plan = plan.unwrap_or_else(|| panic!("{how}: {diags}"));
        assert!(before(&plan, "test_part.a", "test_part.b"), "{how}");
        assert!(before(&plan, "test_part.b", "test_thing.c"), "{how}");
        // A link that stays, and one that has left the state.
        for rest in ["resource \"test_part\" \"b\" { thing = \"another\" }", ""] {
            if rest.is_empty() {
                bench.change_state(|s| s.resources.retain(|r, _| r.name != "b"));
            } else if how.contains("keys") {
                continue;
            }
            let (plan, _) = planned(&mut bench, rest, |_| {});
            assert!(before(&plan.unwrap(), "test_part.a", "test_thing.c"), "{how}, {rest:?}");
        }
    }
}

#[test]
fn a_chain_over_modules_is_destroyed_in_order_without_its_configuration() {
    let mut bench = applied(IN_MODULES);
    assert_eq!(dependencies(&bench, "module.a[1].test_part.a"), ["module.b.test_part.b", "module.c.test_thing.c"]);
    let (plan, _) = planned(&mut bench, "", |_| {});
    let plan = plan.unwrap();
    assert!(before(&plan, "module.a.test_part.a", "module.b.test_part.b"));
    assert!(before(&plan, "module.b.test_part.b", "module.c.test_thing.c"));
}

/// What is remembered grows with the number of objects, not with its square.
#[test]
fn a_long_chain_remembers_a_part_of_itself() {
    let mut text = "resource \"test_thing\" \"n0\" { name = \"x\" }\n".to_owned();
    for i in 1..40 {
        text += &format!("resource \"test_thing\" \"n{i}\" {{ name = test_thing.n{}.id }}\n", i - 1);
    }
    let bench = applied(&text);
    let last = dependencies(&bench, "test_thing.n39");
    let mut want: Vec<String> = (30..39).map(|i| format!("test_thing.n{i}")).collect();
    want.sort();
    assert_eq!(last, want);
    assert_eq!(dependencies(&bench, "test_thing.n3"), ["test_thing.n0", "test_thing.n1", "test_thing.n2"]);
}
