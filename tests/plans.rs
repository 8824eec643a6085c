//! Saved plans: elsewhere, stale, and what they show.

use crate::lab::Bench;
use crate::{contains, run};

const STACK: &str = r#"
variable "name" { default = "one" }
variable "password" {
  default   = "correct-horse"
  sensitive = true
}
resource "terraform_data" "a" { input = var.name }
resource "terraform_data" "p" { input = var.password }
output "secret" {
  value     = var.password
  sensitive = true
}
"#;

#[test]
fn applies_in_another_directory() {
    let bench = Bench::of(STACK, None).unwrap();
    run(&bench, &["plan", "-out=saved.plan", "-var=name=two"], 0);
    // The configuration it was made from is gone; the plan carries it.
    let other = Bench::copy_of(bench.path(), None).unwrap();
    std::fs::remove_file(other.path().join("main.tf")).unwrap();
    run(&other, &["apply", "saved.plan"], 0);
    contains(&run(&other, &["state", "list"], 0).out, &["terraform_data.a", "terraform_data.p"]);
    assert_eq!(other.state().unwrap()["resources"][0]["instances"][0]["attributes"]["output"]["value"], "two");
}

#[test]
fn a_stale_plan_is_refused() {
    let bench = Bench::of(STACK, None).unwrap();
    run(&bench, &["apply", "-auto-approve"], 0);
    run(&bench, &["plan", "-out=saved.plan", "-var=name=two"], 0);
    run(&bench, &["apply", "-auto-approve", "-var=name=three"], 0);
    let before = bench.read("terraform.tfstate");
    contains(&run(&bench, &["apply", "saved.plan"], 1).err.to_lowercase(), &["stale"]);
    assert_eq!(before, bench.read("terraform.tfstate"));
}

#[test]
fn a_plan_takes_no_more_options() {
    let bench = Bench::of(STACK, None).unwrap();
    bench.write("dev.tfvars", "name = \"dev\"\n").unwrap();
    run(&bench, &["plan", "-out=saved.plan"], 0);
    run(&bench, &["apply", "-var=name=x", "saved.plan"], 1);
    run(&bench, &["apply", "--env", "dev", "saved.plan"], 1);
    assert!(bench.read("terraform.tfstate").is_none());
}

#[test]
fn secrets_are_not_shown() {
    let bench = Bench::of(STACK, None).unwrap();
    let plan = run(&bench, &["plan", "-out=saved.plan"], 0);
    contains(&plan.out, &["(sensitive value)"]);
    assert!(!plan.text().contains("correct-horse"), "{}", plan.text());
    let shown = run(&bench, &["show", "-json", "saved.plan"], 0);
    assert!(!shown.out.contains("correct-horse"), "{}", shown.out);
    let json = shown.json().unwrap();
    let changes = json["resource_changes"].as_array().unwrap();
    let secret = changes.iter().find(|c| c["address"] == "terraform_data.p").unwrap();
    assert!(secret["change"]["after"]["input"].is_null());
    assert_eq!(secret["change"]["after_sensitive"]["input"], true);
    assert!(run(&bench, &["show", "-json", "--unsealed", "saved.plan"], 0).out.contains("correct-horse"));
    let applied = run(&bench, &["apply", "saved.plan"], 0);
    assert!(!applied.text().contains("correct-horse"), "{}", applied.text());
    assert!(!run(&bench, &["show"], 0).out.contains("correct-horse"));
    assert!(!run(&bench, &["state", "show", "terraform_data.p"], 0).out.contains("correct-horse"));
}

#[test]
fn a_plan_to_destroy() {
    let bench = Bench::of(STACK, None).unwrap();
    run(&bench, &["apply", "-auto-approve"], 0);
    let plan = run(&bench, &["plan", "-destroy", "-out=saved.plan"], 0);
    contains(&plan.out, &["0 to add, 0 to change, 2 to destroy"]);
    run(&bench, &["apply", "saved.plan"], 0);
    assert!(bench.recorded().unwrap().is_empty());
}

/// Every line of `-json` is an event with the fields that every event has.
#[test]
fn events_are_lines_of_json() {
    let bench = Bench::of(STACK, None).unwrap();
    for args in [&["plan", "-json"][..], &["apply", "-json", "-auto-approve"], &["destroy", "-json", "-auto-approve"]] {
        let done = run(&bench, args, 0);
        let mut kinds = Vec::new();
        for line in done.out.lines() {
            let event: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
            for field in ["@level", "@message", "@module", "@timestamp", "type"] {
                assert!(event[field].is_string(), "{field} missing in {line}");
            }
            kinds.push(event["type"].as_str().unwrap().to_owned());
        }
        assert_eq!(kinds[0], "version");
        assert!(kinds.iter().any(|k| k == "change_summary"), "{kinds:?}");
        assert!(!done.out.contains("correct-horse"));
    }
}

/// Values of ephemeral variables are in no plan; they are given again.
#[test]
fn ephemeral_variables_are_given_again() {
    let text = "variable \"e\" {\n  default   = \"one\"\n  ephemeral = true\n}\nvariable \"needed\" {\n  ephemeral = true\n}\n\
                resource \"terraform_data\" \"a\" {\n  provisioner \"local-exec\" {\n    \
                command = \"echo ${var.e} ${var.needed} > said\"\n  }\n}\n";
    let mut bench = Bench::of(text, None).unwrap();
    run(&bench, &["plan", "-out=p", "-var=needed=two"], 0);
    assert!(!bench.read("p").unwrap().contains("two"), "it is not stored");
    contains(&run(&bench, &["apply", "p"], 1).text(), &["needed is ephemeral", "TF_VAR_needed"]);
    bench.env.push(("TF_VAR_needed".into(), "two".into()));
    run(&bench, &["apply", "p"], 0);
    assert_eq!(bench.read("said").as_deref(), Some("one two\n"));
}

/// Imported objects without a block: the configuration is written, the plan is made with it, and the next one is quiet.
#[test]
fn configuration_is_generated_for_imports() {
    let text = "locals {\n  id = \"abc1\"\n}\nimport {\n  to = random_string.s\n  id = local.id\n}\n\
                import {\n  to = random_password.p\n  id = \"hunter2\"\n}\n";
    let bench = Bench::of(text, None).unwrap();
    contains(&run(&bench, &["plan"], 1).text(), &["random_string.s has no resource block", "-generate-config-out"]);
    let plan = run(&bench, &["plan", "-generate-config-out=generated.tf", "-out=p"], 0);
    contains(
        &plan.out,
        &["random_string.s will be imported", "its configuration is generated", "2 to import, 0 to add"],
    );
    let generated = bench.read("generated.tf").unwrap();
    let expect = "# __generated__ by stackctl\n# Please review these resources and move them into your main configuration \
                  files.\n\n# __generated__ by stackctl, from \"hunter2\"\nresource \"random_password\" \"p\" {\n  length  = 7\n  \
                  numeric = true\n}\n\n# __generated__ by stackctl, from \"abc1\"\nresource \"random_string\" \"s\" {\n  length  \
                  = 4\n  numeric = true\n}\n";
    assert_eq!(generated, expect);
    run(&bench, &["fmt", "-check"], 0);
    let json = run(&bench, &["show", "-json", "p"], 0).json().unwrap();
    let change =
        json["resource_changes"].as_array().unwrap().iter().find(|c| c["address"] == "random_string.s").unwrap();
    assert_eq!(change["change"]["importing"]["id"], "abc1");
    assert!(change["change"]["generated_config"].as_str().unwrap().contains("length  = 4"));
    let again = run(&bench, &["plan", "-generate-config-out=generated.tf"], 1);
    contains(&again.text(), &["Target generated file already exists"]);
    // The saved plan carries the file; with it in place there is nothing left to do.
    run(&bench, &["apply", "p"], 0);
    contains(&run(&bench, &["plan"], 0).out, &["No changes"]);
    for (to, why) in
        [("module.m.random_string.s", "it stands in a module"), ("random_string.q[0]", "count or for_each")]
    {
        let bench = Bench::of(&format!("import {{\n  to = {to}\n  id = \"x\"\n}}\n"), None).unwrap();
        contains(&run(&bench, &["plan", "-generate-config-out=g.tf"], 1).text(), &["main.tf:2:8", why]);
        assert_eq!(bench.read("g.tf"), None);
    }
}

/// An ephemeral password reaches a provisioner, and no file.
#[test]
fn ephemeral_objects_are_stored_nowhere() {
    let text = r#"
ephemeral "random_password" "db" { length = 30 }
locals { line = "password=${ephemeral.random_password.db.result}" }
resource "terraform_data" "a" {
  provisioner "local-exec" {
    command     = "echo \"$LINE\" > said"
    environment = { LINE = local.line }
  }
}
output "applying" { value = ephemeralasnull(terraform.applying) }
"#;
    let bench = Bench::of(text, None).unwrap();
    let plan = run(&bench, &["plan", "-out=p"], 0);
    contains(&plan.out, &["ephemeral.random_password.db: Opening", "ephemeral.random_password.db: Closing complete"]);
    let applied = run(&bench, &["apply", "p"], 0);
    contains(&applied.out, &["random_password.db: Opening complete", "terraform_data.a: Creation complete"]);
    let said = bench.read("said").unwrap();
    let secret = said.trim().strip_prefix("password=").unwrap();
    assert_eq!(secret.len(), 30);
    for text in [plan.text(), applied.text(), bench.read("p").unwrap(), bench.read("terraform.tfstate").unwrap()] {
        assert!(!text.contains(secret), "{text}");
    }
    // Another run opens another one.
    let json = run(&bench, &["plan", "-json"], 0).out;
    let events: Vec<&str> = json.lines().filter(|l| l.contains("\"ephemeral_op_")).collect();
    assert_eq!(events.len(), 4, "{json}");
    contains(&run(&bench, &["providers", "schema", "-json"], 0).out, &["ephemeral_resource_schemas"]);
}

/// Outputs of what `-target` leaves out stay as they are.
#[test]
fn targets_leave_other_outputs_alone() {
    let text = "resource \"terraform_data\" \"a\" {\n  input = \"a\"\n}\noutput \"a\" {\n  value = terraform_data.a.input\n}\n\
                output \"text\" {\n  value = \"constant\"\n}\n";
    let bench = Bench::of(text, None).unwrap();
    run(&bench, &["apply", "-auto-approve", "-target=terraform_data.a"], 0);
    let outputs = bench.state().unwrap()["outputs"].clone();
    assert_eq!(outputs.as_object().unwrap().keys().collect::<Vec<_>>(), ["a"]);
}
