//! The engine end to end on a local backend, without AWS: `terraform_data` and the built-in providers.

use serde_json::json;

use crate::lab::Bench;
use crate::{contains, run};

const CHAIN: &str = r#"
variable "name" { default = "one" }
resource "terraform_data" "a" { input = var.name }
resource "terraform_data" "b" { input = "${terraform_data.a.output}!" }
resource "terraform_data" "many" {
  for_each = toset(["x", "y"])
  input    = "${each.key}-${terraform_data.b.output}"
}
output "b" { value = terraform_data.b.output }
output "list" { value = [for k, m in terraform_data.many : m.output] }
output "secret" {
  value     = "hidden-${terraform_data.a.output}"
  sensitive = true
}
"#;

#[test]
fn a_stack_from_nothing_to_nothing() {
    let bench = Bench::of(CHAIN, None).unwrap();
    run(&bench, &["init"], 0);
    run(&bench, &["validate"], 0);
    let plan = run(&bench, &["plan", "-detailed-exitcode"], 2);
    contains(&plan.out, &["# terraform_data.a will be created", "Plan: 4 to add, 0 to change, 0 to destroy."]);
    assert!(bench.read("terraform.tfstate").is_none(), "a plan writes no state");
    let apply = run(&bench, &["apply", "-auto-approve"], 0);
    contains(&apply.out, &["Resources: 4 added, 0 changed, 0 destroyed"]);
    let plan = run(&bench, &["plan", "-detailed-exitcode"], 0);
    contains(&plan.out, &["No changes"]);
    run(&bench, &["drift"], 0);
    let plan = run(&bench, &["plan", "-detailed-exitcode", "-var", "name=two"], 2);
    contains(&plan.out, &["will be updated in-place", "0 to add, 4 to change, 0 to destroy", "\"one\" -> \"two\""]);
    run(&bench, &["apply", "-auto-approve", "-var=name=two"], 0);
    assert_eq!(run(&bench, &["output", "-raw", "b"], 0).out.trim_end(), "two!");
    run(&bench, &["destroy", "-auto-approve"], 0);
    assert!(bench.recorded().unwrap().is_empty());
}

#[test]
fn outputs() {
    let bench = Bench::of(CHAIN, None).unwrap();
    run(&bench, &["apply", "-auto-approve"], 0);
    let text = run(&bench, &["output"], 0).out;
    contains(&text, &["b = \"one!\"", "secret = <sensitive>"]);
    assert!(!text.contains("hidden-one"), "{text}");
    assert_eq!(run(&bench, &["output", "-json", "list"], 0).json().unwrap(), json!(["x-one!", "y-one!"]));
    let all = run(&bench, &["output", "-json"], 0).json().unwrap();
    assert_eq!(all["b"], json!({"sensitive": false, "type": "string", "value": "one!"}));
    assert_eq!(run(&bench, &["output", "-raw", "secret"], 0).out, "hidden-one");
    contains(&run(&bench, &["output", "nothing"], 1).err, &["nothing"]);
}

#[test]
fn state_and_show() {
    let bench = Bench::of(CHAIN, None).unwrap();
    run(&bench, &["apply", "-auto-approve"], 0);
    let list = run(&bench, &["state", "list"], 0).out;
    let want = ["terraform_data.a", "terraform_data.b", "terraform_data.many[\"x\"]", "terraform_data.many[\"y\"]"];
    assert_eq!(list.lines().collect::<Vec<_>>(), want);
    contains(&run(&bench, &["state", "show", "terraform_data.b"], 0).out, &["input = \"one!\""]);
    let shown = run(&bench, &["show", "-json"], 0).json().unwrap();
    assert_eq!(shown["values"]["root_module"]["resources"].as_array().unwrap().len(), 4);
    let state = bench.state().unwrap();
    assert_eq!((&state["version"], &state["terraform_version"]), (&json!(4), &json!("1.11.4")));
}

#[test]
fn replacement_and_targets() {
    let bench = Bench::of(CHAIN, None).unwrap();
    run(&bench, &["apply", "-auto-approve", "-target=terraform_data.a"], 0);
    assert_eq!(run(&bench, &["state", "list"], 0).out.lines().collect::<Vec<_>>(), ["terraform_data.a"]);
    run(&bench, &["apply", "-auto-approve"], 0);
    let id = |b: &Bench| b.state().unwrap()["resources"][0]["instances"][0]["attributes"]["id"].clone();
    let before = id(&bench);
    let plan = run(&bench, &["plan", "-detailed-exitcode", "-replace=terraform_data.a"], 2);
    contains(&plan.out, &["terraform_data.a will be replaced, as requested", "1 to add, 3 to change, 1 to destroy"]);
    run(&bench, &["apply", "-auto-approve", "-replace=terraform_data.a"], 0);
    assert_ne!(before, id(&bench));
    run(&bench, &["destroy", "-auto-approve", "-target=terraform_data.many"], 0);
    assert_eq!(run(&bench, &["state", "list"], 0).out.lines().count(), 2);
}

#[test]
fn modules_conditions_and_moves() {
    let bench = Bench::of(
        "module \"m\" {\n  source = \"./m\"\n  size   = 3\n}\noutput \"sum\" { value = module.m.sum }\n",
        None,
    );
    let bench = bench.unwrap();
    let module = "variable \"size\" {\n  type = number\n  validation {\n    condition     = var.size < 5\n    \
                  error_message = \"Too big.\"\n  }\n}\nresource \"terraform_data\" \"d\" {\n  count = var.size\n  input = count.index\n}\n\
                  output \"sum\" { value = sum(terraform_data.d[*].output) }\n";
    bench.write("m/main.tf", module).unwrap();
    run(&bench, &["apply", "-auto-approve"], 0);
    assert_eq!(run(&bench, &["output", "-raw", "sum"], 0).out, "3");
    bench.write("m/main.tf", &module.replace("\"d\"", "\"e\"").replace(".d[", ".e[")).unwrap();
    bench.write("m/moved.tf", "moved {\n  from = terraform_data.d\n  to   = terraform_data.e\n}\n").unwrap();
    let plan = run(&bench, &["plan"], 0);
    contains(&plan.out, &["has moved to module.m.terraform_data.e[0]", "0 to add, 0 to change, 0 to destroy"]);
    run(&bench, &["apply", "-auto-approve"], 0);
    run(&bench, &["plan", "-detailed-exitcode"], 0);
    let text = "module \"m\" {\n  source = \"./m\"\n  size   = 7\n}\noutput \"sum\" { value = module.m.sum }\n";
    bench.write("main.tf", text).unwrap();
    contains(&run(&bench, &["plan"], 1).err, &["Too big."]);
}

#[test]
fn console_graph_version() {
    use std::io::Write as _;
    let bench = Bench::of(CHAIN, None).unwrap();
    run(&bench, &["apply", "-auto-approve"], 0);
    let mut command = bench.command(&crate::stackctl(), &["console"]);
    command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"upper(terraform_data.b.output)\n").unwrap();
    assert_eq!(String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap(), "\"ONE!\"\n");
    let dot = run(&bench, &["graph"], 0).out;
    contains(&dot, &["digraph", "terraform_data.b"]);
    assert_eq!(run(&bench, &["version", "-json"], 0).json().unwrap()["terraform_version"], "1.11.4");
}
