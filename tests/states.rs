//! Commands on states: what they change, what they refuse, and how a state comes back; where states are kept, and how they
//! move.

use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use crate::interrupt::wait_for;
use crate::lab::run::Done;
use crate::lab::{Bench, World};
use crate::{contains, run, stackctl, world};

const STACK: &str = r#"
resource "terraform_data" "a" { input = "one" }
resource "terraform_data" "b" {
  count = 2
  input = terraform_data.a.output
}
output "o" { value = terraform_data.a.output }
"#;

/// A stack that was applied, with a local state.
fn applied(text: &str) -> Bench {
    let bench = Bench::of(text, None).unwrap();
    run(&bench, &["apply", "-auto-approve"], 0);
    bench
}

/// Runs with something on standard input.
#[track_caller]
fn piped(bench: &Bench, args: &[&str], input: &str, code: i32) -> Done {
    use std::io::Write as _;
    let mut command = bench.command(&stackctl(), args);
    command.stdin(Stdio::piped());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let done = crate::lab::run::finish(child).unwrap();
    assert_eq!(done.code, Some(code), "{args:?}: {}", done.text());
    done
}

#[track_caller]
fn addresses(bench: &Bench) -> Vec<String> {
    run(bench, &["state", "list"], 0).out.lines().map(str::to_owned).collect()
}

/// A state file with another serial or lineage, or whatever else is changed in it.
fn edited(text: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut state: Value = serde_json::from_str(text).unwrap();
    change(&mut state);
    state.to_string()
}

const EMPTY_PLAN: &[&str] = &["plan", "-detailed-exitcode"];

#[test]
fn taint_and_back() {
    let bench = applied(STACK);
    let status = |b: &Bench| b.state().unwrap()["resources"][0]["instances"][0]["status"].clone();
    run(&bench, &["taint", "terraform_data.a"], 0);
    assert_eq!(status(&bench), "tainted");
    contains(&run(&bench, &["plan"], 0).out, &["terraform_data.a is tainted", "1 to destroy"]);
    contains(&run(&bench, &["taint", "terraform_data.a"], 0).out, &["already"]);
    run(&bench, &["untaint", "terraform_data.a"], 0);
    run(&bench, EMPTY_PLAN, 0);
    contains(&run(&bench, &["untaint", "terraform_data.a"], 1).err, &["terraform_data.a is not tainted"]);
    contains(&run(&bench, &["taint", "terraform_data.x"], 1).err, &["terraform_data.x"]);
    contains(&run(&bench, &["taint", "-allow-missing", "terraform_data.x"], 0).err, &["Warning", "terraform_data.x"]);
    contains(&run(&bench, &["taint", "data.a.b"], 1).err, &["managed resource"]);
}

#[test]
fn history_and_restore() {
    let bench = applied(STACK);
    run(&bench, &["taint", "terraform_data.a"], 0);
    run(&bench, &["state", "rm", "terraform_data.b"], 0);
    assert_eq!(addresses(&bench), ["terraform_data.a"]);
    let history = run(&bench, &["state", "history", "-json"], 0).json().unwrap();
    let versions = history.as_array().unwrap();
    assert_eq!((&versions[0]["current"], &versions[0]["operation"]), (&json!(true), &json!("state-rm")));
    assert_eq!(versions[0]["changes"]["removed"], json!(["terraform_data.b[0]", "terraform_data.b[1]"]));
    assert!(versions[0]["who"].as_str().unwrap().contains('@'));
    contains(&run(&bench, &["state", "history"], 0).out, &["- terraform_data.b[0]", "(state-rm)"]);
    let first = versions.last().unwrap();
    assert!(first["who"].is_string() && first["operation"].is_string(), "{first}");
    let old = versions[1]["version"].as_str().unwrap();
    // The question shows what would change, and there is nobody to answer.
    let asked = run(&bench, &["state", "restore", old], 1);
    contains(&asked.text(), &["+ terraform_data.b[0]", "-auto-approve"]);
    let before = bench.state().unwrap()["serial"].as_u64().unwrap();
    run(&bench, &["state", "restore", "-auto-approve", old], 0);
    assert_eq!(bench.state().unwrap()["serial"].as_u64().unwrap(), before + 1);
    assert_eq!(addresses(&bench).len(), 3);
    contains(&run(&bench, &["state", "restore", "-auto-approve", old], 0).out, &["already"]);
    contains(&run(&bench, &["state", "restore", "nothing"], 1).err, &["\"nothing\"", "state history"]);
    let foreign = edited(&bench.read("terraform.tfstate").unwrap(), |s| s["lineage"] = json!("another"));
    bench.write("foreign.json", &foreign).unwrap();
    contains(&run(&bench, &["state", "restore", "-auto-approve", "foreign.json"], 1).err, &["lineage", "-force"]);
    run(&bench, &["state", "restore", "-auto-approve", "-force", "foreign.json"], 0);
    assert_eq!(bench.state().unwrap()["lineage"], "another");
    run(&bench, &["untaint", "terraform_data.a"], 0);
    run(&bench, EMPTY_PLAN, 0);
    run(&bench, &["destroy", "-auto-approve"], 0);
    contains(&run(&bench, &["state", "history"], 0).out, &["(destroy)"]);
}

/// A state that is broken or gone stops everything but what brings it back.
#[test]
fn a_lost_state_comes_back() {
    let bench = applied(STACK);
    let good = bench.read("terraform.tfstate").unwrap();
    bench.write("good.json", &good).unwrap();
    for broken in [Some("no state"), Some("{\"version\": 4"), None] {
        match broken {
            Some(text) => bench.write("terraform.tfstate", text).unwrap(),
            None => std::fs::remove_file(bench.path().join("terraform.tfstate")).unwrap(),
        }
        contains(&run(&bench, &["apply", "-auto-approve"], 1).err, &["state restore"]);
        run(&bench, &["state", "mv", "terraform_data.a", "terraform_data.x"], 1);
        assert_eq!(bench.read("terraform.tfstate").as_deref(), broken);
        run(&bench, &["state", "restore", "-auto-approve", "good.json"], 0);
        assert_eq!(addresses(&bench).len(), 3);
        run(&bench, EMPTY_PLAN, 0);
    }
}

#[test]
fn push_loses_nothing() {
    let bench = applied(STACK);
    let old = run(&bench, &["state", "pull"], 0).out;
    bench.write("old.json", &old).unwrap();
    run(&bench, &["state", "mv", "terraform_data.a", "terraform_data.c"], 0);
    let kept = bench.read("terraform.tfstate").unwrap();
    contains(
        &run(&bench, &["state", "push", "old.json"], 1).err,
        &["newer", "stackctl state restore old.json", "-force"],
    );
    let same = edited(&kept, |s| s["outputs"] = json!({}));
    contains(&piped(&bench, &["state", "push", "-"], &same, 1).err, &["both have serial"]);
    let foreign = edited(&old, |s| {
        s["lineage"] = json!("another");
        s["serial"] = json!(99);
    });
    contains(&piped(&bench, &["state", "push", "-"], &foreign, 1).err, &["lineage", "-force"]);
    assert_eq!(bench.read("terraform.tfstate").unwrap(), kept);
    // What is there already is not written again; what is newer is taken as it is.
    contains(&piped(&bench, &["state", "push", "-"], &kept, 0).out, &["nothing was written"]);
    assert_eq!(bench.read("terraform.tfstate").unwrap(), kept);
    let newer = edited(&old, |s| s["serial"] = json!(50));
    piped(&bench, &["state", "push", "-"], &newer, 0);
    assert_eq!(bench.state().unwrap()["serial"], 50);
    run(&bench, EMPTY_PLAN, 0);
    run(&bench, &["state", "rm", "terraform_data.b"], 0);
    run(&bench, &["state", "push", "-force", "old.json"], 0);
    assert_eq!((bench.state().unwrap()["serial"].clone(), addresses(&bench).len()), (json!(52), 3));
    // Into nothing: a state that could not be saved elsewhere.
    let fresh = Bench::of(STACK, None).unwrap();
    fresh.write("errored.tfstate", &old).unwrap();
    run(&fresh, &["state", "push", "errored.tfstate"], 0);
    run(&fresh, EMPTY_PLAN, 0);
    run(&bench, &["apply", "-auto-approve"], 0);
}

#[test]
fn what_is_no_state_is_not_pushed() {
    let bench = applied(STACK);
    let kept = bench.read("terraform.tfstate").unwrap();
    let cases: [(String, &[&str]); 6] = [
        ("no state".to_owned(), &["tandard input", "not a JSON object"]),
        (String::new(), &["empty"]),
        (edited(&kept, |s| s["version"] = json!(3)), &["version 3"]),
        (edited(&kept, |s| s["version"] = json!(5)), &["version 5", "newer"]),
        (kept[..kept.len() / 2].to_owned(), &["tandard input"]),
        (
            edited(&kept, |s| {
                let r = s["resources"][0].clone();
                s["resources"].as_array_mut().unwrap().push(r);
            }),
            &["occurs twice", "terraform_data.a"],
        ),
    ];
    for (text, message) in cases {
        contains(&piped(&bench, &["state", "push", "-force", "-"], &text, 1).err, message);
        assert_eq!(bench.read("terraform.tfstate").unwrap(), kept);
    }
    contains(&run(&bench, &["state", "push", "missing.json"], 1).err, &["missing.json"]);
}

/// Objects of types and providers that nobody here knows stay as they are, whatever happens around them.
#[test]
fn unknown_types_are_kept() {
    let bench = applied(STACK);
    let strange = json!({
        "mode": "managed", "type": "acme_thing", "name": "x", "provider": "provider[\"example.com/acme/acme\"]",
        "instances": [{
            "schema_version": 3, "attributes": { "deep": [1, 2.5, { "k": null }], "id": "1" },
            "sensitive_attributes": [], "private": "c2VjcmV0",
        }],
    });
    let with = edited(&bench.read("terraform.tfstate").unwrap(), |s| {
        s["serial"] = json!(20);
        s["resources"].as_array_mut().unwrap().push(strange.clone());
    });
    piped(&bench, &["state", "push", "-"], &with, 0);
    assert!(addresses(&bench).contains(&"acme_thing.x".to_owned()));
    contains(&run(&bench, &["state", "show", "acme_thing.x"], 0).out, &["acme_thing"]);
    run(&bench, &["state", "mv", "terraform_data.a", "terraform_data.c"], 0);
    let state = bench.state().unwrap();
    let found = state["resources"].as_array().unwrap().iter().find(|r| r["type"] == "acme_thing");
    assert_eq!(found, Some(&strange));
    run(&bench, &["state", "rm", "acme_thing.x"], 0);
    run(&bench, &["state", "mv", "terraform_data.c", "terraform_data.a"], 0);
    run(&bench, EMPTY_PLAN, 0);
}

#[test]
fn providers_are_replaced() {
    let bench = applied(STACK);
    let args = ["state", "replace-provider", "terraform.io/builtin/terraform", "example.com/acme/data"];
    contains(&run(&bench, &args, 1).err, &["-auto-approve"]);
    let asked = run(&bench, &[&args[..], &["-auto-approve"]].concat(), 0);
    contains(&asked.out, &["3 objects", "terraform_data.b[1]"]);
    assert_eq!(bench.state().unwrap()["resources"][0]["provider"], "provider[\"example.com/acme/data\"]");
    let back = ["state", "replace-provider", "-auto-approve", "example.com/acme/data", "terraform"];
    run(&bench, &back, 0);
    run(&bench, EMPTY_PLAN, 0);
    contains(&run(&bench, &back, 0).out, &["No object"]);
    contains(&run(&bench, &["state", "replace-provider", "a b", "c"], 1).err, &["\"a b\""]);
}

#[test]
fn backups() {
    let bench = applied(STACK);
    run(&bench, &["state", "rm", "-backup=before.json", "terraform_data.b"], 0);
    let before: Value = serde_json::from_str(&bench.read("before.json").unwrap()).unwrap();
    assert_eq!(Bench::census(&before)["terraform_data"], 3);
    run(&bench, &["state", "mv", "terraform_data.a", "terraform_data.c"], 0);
    run(&bench, &["state", "mv", "terraform_data.c", "terraform_data.d"], 0);
    let dated = std::fs::read_dir(bench.path()).unwrap().filter(|e| {
        let name = e.as_ref().unwrap().file_name().into_string().unwrap();
        name.starts_with("terraform.tfstate.1") && name.ends_with(".backup")
    });
    assert_eq!(dated.count(), 2, "each has a backup of its own, in the same second too");
}

#[test]
fn imports() {
    let text = "resource \"random_id\" \"r\" {\n  byte_length = 4\n}\nresource \"terraform_data\" \"n\" {\n  count = 2\n}\n\
                variable \"needed\" {}\n";
    let bench = Bench::of(text, None).unwrap();
    let with = |args: &[&str], code: i32| run(&bench, &[&["import", "-var=needed=x"], args].concat(), code);
    contains(&run(&bench, &["import", "-input=false", "random_id.r", "p-9yTg"], 1).err, &["needed"]);
    contains(&with(&["random_id.r", "p-9yTg"], 0).out, &["random_id.r: imported [id=p-9yTg]"]);
    let object = &bench.state().unwrap()["resources"][0]["instances"][0]["attributes"];
    assert_eq!(object["hex"], "a7ef724e");
    contains(&with(&["random_id.r", "p-9yTg"], 1).err, &["already", "state rm 'random_id.r'"]);
    with(&["terraform_data.n[0]", "${not a template}\"\\"], 0);
    contains(&with(&["terraform_data.n[1]", "${not a template}\"\\"], 1).err, &["managed already", "state mv"]);
    contains(&with(&["terraform_data.n[7]", "x"], 1).err, &["terraform_data.n[7]"]);
    contains(&with(&["terraform_data.none", "x"], 1).err, &["terraform_data.none has no resource block"]);
    contains(&with(&["data.a.b", "x"], 1).err, &["managed resource"]);
    assert_eq!(addresses(&bench), ["random_id.r", "terraform_data.n[0]"]);
}

#[test]
fn workspaces() {
    let bench = applied(STACK);
    bench.write("other.json", &run(&bench, &["state", "pull"], 0).out).unwrap();
    contains(&run(&bench, &["workspace", "select", "dev"], 1).err, &["\"dev\" does not exist", "workspace new dev"]);
    run(&bench, &["workspace", "select", "-or-create", "dev"], 0);
    assert_eq!(addresses(&bench).len(), 0);
    run(&bench, &["workspace", "new", "-state=other.json", "copy"], 0);
    assert_eq!(addresses(&bench).len(), 3);
    run(&bench, EMPTY_PLAN, 0);
    contains(&run(&bench, &["workspace", "new", "copy"], 1).err, &["exists already"]);
    contains(&run(&bench, &["workspace", "new", "a/b"], 1).err, &["a/b"]);
    contains(&run(&bench, &["workspace", "delete", "copy"], 1).err, &["selected"]);
    assert_eq!(run(&bench, &["workspace", "show"], 0).out, "copy\n");
    run(&bench, &["workspace", "select", "default"], 0);
    contains(&run(&bench, &["workspace", "delete", "copy"], 1).err, &["3 objects", "-force"]);
    run(&bench, &["workspace", "delete", "-force", "copy"], 0);
    run(&bench, &["workspace", "delete", "dev"], 0);
    assert_eq!(run(&bench, &["workspace", "list"], 0).out.trim(), "* default");
    contains(&run(&bench, &["workspace", "delete", "default"], 1).err, &["default"]);
}

/// A journal of another state is kept aside until somebody decides.
#[test]
fn journals_kept_aside() {
    let bench = applied(STACK);
    let lineage = bench.state().unwrap()["lineage"].as_str().unwrap().to_owned();
    contains(&run(&bench, &["state", "journal"], 0).out, &["settled"]);
    let foreign = edited(&bench.read("terraform.tfstate").unwrap(), |s| s["lineage"] = json!("another"));
    bench.write("terraform.tfstate", &foreign).unwrap();
    contains(&run(&bench, &["state", "journal"], 0).out, &["Kept aside", &lineage]);
    run(&bench, &["taint", "terraform_data.a"], 0);
    contains(&run(&bench, &["state", "journal"], 0).out, &["Kept aside", &lineage]);
    contains(&run(&bench, &["state", "journal", "discard", "none"], 1).err, &["\"none\"", &lineage]);
    contains(&run(&bench, &["state", "journal", "discard", &lineage], 1).err, &["-auto-approve"]);
    run(&bench, &["state", "journal", "adopt", "-auto-approve", &lineage], 0);
    assert!(!run(&bench, &["state", "journal"], 0).out.contains("Kept aside"));
    assert_eq!(addresses(&bench).len(), 3);
}

const MOVING: &str =
    "terraform {\n  backend \"local\" {}\n}\nresource \"terraform_data\" \"a\" {\n  input = terraform.workspace\n}\n";

#[test]
fn states_move_between_backends() {
    let bench = applied(MOVING);
    run(&bench, &["init"], 0);
    bench.write("main.tf", &MOVING.replace("\"local\" {}", "\"local\" { path = \"new/x.tfstate\" }")).unwrap();
    for args in [&["plan"][..], &["init"], &["state", "list"]] {
        contains(&run(&bench, args, 1).err, &["Backend configuration changed", "-migrate-state", "-reconfigure"]);
    }
    contains(&run(&bench, &["init", "-migrate-state"], 1).err, &["-force-copy"]);
    assert!(bench.read("new/x.tfstate").is_none());
    contains(&run(&bench, &["init", "-migrate-state", "-force-copy"], 0).out, &["Copied the state of workspace"]);
    assert!(bench.read("terraform.tfstate").is_none(), "nobody goes on with the old one");
    assert!(bench.read("terraform.tfstate.backup").is_some());
    run(&bench, EMPTY_PLAN, 0);
    // Left behind on purpose.
    run(&bench, &["init", "-reconfigure", "-backend-config=path=third.tfstate"], 0);
    assert_eq!(addresses(&bench).len(), 0);
    bench.write("x.tfbackend", "path = \"new/x.tfstate\"\n").unwrap();
    run(&bench, &["init", "-reconfigure", "-backend-config=x.tfbackend"], 0);
    run(&bench, EMPTY_PLAN, 0);
    contains(&run(&bench, &["init", "-backend-config=pth=x"], 1).err, &["pth"]);
    contains(&run(&bench, &["init", "-backend-config=nofile"], 1).err, &["nofile", "NAME=VALUE"]);
    run(&bench, EMPTY_PLAN, 0);
}

const REMOTE: &str = r#"terraform {
  backend "s3" {
    key            = "app/x.tfstate"
    region         = "us-east-1"
    dynamodb_table = "locks"
  }
}
"#;

fn prepared() -> World {
    let world = world();
    crate::stores::ready(world);
    world
}

#[test]
fn states_move_to_s3_and_have_a_history_there() {
    let world = prepared();
    let bench = Bench::of(STACK, Some(world)).unwrap();
    run(&bench, &["apply", "-auto-approve"], 0);
    run(&bench, &["workspace", "new", "dev"], 0);
    run(&bench, &["apply", "-auto-approve"], 0);
    run(&bench, &["workspace", "select", "default"], 0);
    bench.write("backend.tf", REMOTE).unwrap();
    // The bucket comes from the command line.
    contains(&run(&bench, &["plan"], 1).err, &["bucket", "-backend-config=bucket="]);
    let init = ["init", "-backend-config=bucket=states"];
    contains(&run(&bench, &init, 1).err, &["default", "dev", "-force-copy", "-reconfigure"]);
    run(&bench, &[&init[..], &["-force-copy"]].concat(), 0);
    for (args, code) in [(EMPTY_PLAN, 0), (&["plan", "-detailed-exitcode", "--env=dev"][..], 1)] {
        run(&bench, args, code);
    }
    run(&bench, &["workspace", "select", "dev"], 0);
    run(&bench, EMPTY_PLAN, 0);
    run(&bench, &["workspace", "select", "default"], 0);

    run(&bench, &["taint", "-backup=before.json", "terraform_data.a"], 0);
    assert!(bench.read("before.json").unwrap().contains("terraform_data"), "-backup works for S3 too");
    run(&bench, &["state", "rm", "terraform_data.b"], 0);
    let history = run(&bench, &["state", "history", "-json"], 0).json().unwrap();
    let versions = history.as_array().unwrap();
    assert!(versions.len() >= 3, "{history}");
    assert_eq!(versions[0]["operation"], "state-rm");
    assert_eq!(versions[1]["operation"], "taint");
    assert_eq!(versions[1]["changes"]["changed"][0]["address"], "terraform_data.a");
    let whole = versions[2]["version"].as_str().unwrap();
    run(&bench, &["state", "restore", "-auto-approve", whole], 0);
    run(&bench, EMPTY_PLAN, 0);
    contains(&run(&bench, &["state", "restore", "-auto-approve", "no-such-version"], 1).err, &["state history"]);

    // The object is gone: the journal knows that there was something.
    world.s3("DELETE", "/states/app/x.tfstate", "").unwrap();
    contains(&run(&bench, &["plan"], 1).err, &["state"]);
    run(&bench, &["state", "restore", "-auto-approve", whole], 0);
    run(&bench, EMPTY_PLAN, 0);

    // Another tool left a digest that is not that of the state: whoever knows that the state is right puts it in its own place.
    let item = json!({"TableName": "locks", "Item": {
        "LockID": {"S": "states/app/x.tfstate-md5"}, "Digest": {"S": "0".repeat(32)},
    }});
    world.dynamodb("PutItem", &item).unwrap();
    contains(&run(&bench, &["plan"], 1).err, &["does not match its digest", "state restore VERSION"]);
    let history = run(&bench, &["state", "history", "-json"], 0).json().unwrap();
    run(&bench, &["state", "restore", "-auto-approve", history[0]["version"].as_str().unwrap()], 0);
    run(&bench, EMPTY_PLAN, 0);

    // And back to a local file.
    bench.write("backend.tf", "").unwrap();
    contains(&run(&bench, &["plan"], 1).err, &["Backend configuration changed", "states/app/x.tfstate"]);
    run(&bench, &["init", "-migrate-state", "-force-copy"], 0);
    run(&bench, EMPTY_PLAN, 0);
    world.exit();
}

/// Named objects and relations between them are found again without any state.
#[test]
fn rebuilt_from_nothing() {
    let text = r#"
provider "aws" {
  region = "us-east-1"
}
resource "aws_iam_role" "app" {
  name               = "app"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Action = "sts:AssumeRole", Effect = "Allow", Principal = { Service = "ec2.amazonaws.com" } }]
  })
}
resource "aws_iam_role_policy" "inline" {
  name   = "inline"
  role   = aws_iam_role.app.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Action = "s3:ListAllMyBuckets", Effect = "Allow", Resource = "*" }]
  })
}
resource "aws_cloudwatch_log_group" "app" { name = "/app" }
resource "aws_ssm_parameter" "p" {
  for_each = toset(["a", "b"])
  name     = "/app/${each.key}"
  type     = "String"
  value    = "v"
}
resource "aws_s3_bucket" "logs" { bucket = "logs-of-app" }
resource "aws_vpc" "nameless" { cidr_block = "10.0.0.0/16" }
resource "terraform_data" "memory" { input = "x" }
"#;
    let world = world();
    let bench = Bench::of(text, Some(world)).unwrap();
    run(&bench, &["apply", "-auto-approve"], 0);
    let vpc = bench.state().unwrap()["resources"].as_array().unwrap().iter().find(|r| r["type"] == "aws_vpc").unwrap()
        ["instances"][0]["attributes"]["id"]
        .clone();
    for name in ["terraform.tfstate", "terraform.tfstate.journal"] {
        std::fs::remove_file(bench.path().join(name)).unwrap();
    }
    let dry = run(&bench, &["state", "rebuild", "-dry-run"], 0);
    contains(&dry.out, &["Found 6 objects", "? aws_vpc.nameless", "? terraform_data.memory", "stackctl import"]);
    assert!(bench.read("terraform.tfstate").is_none());
    contains(&run(&bench, &["state", "rebuild"], 1).err, &["-auto-approve"]);
    run(&bench, &["state", "rebuild", "-auto-approve"], 0);
    assert_eq!(addresses(&bench).len(), 6);
    run(&bench, &["import", "aws_vpc.nameless", vpc.as_str().unwrap()], 0);
    let plan = run(&bench, &["plan", "-detailed-exitcode"], 2);
    contains(&plan.out, &["1 to add, 0 to change, 0 to destroy", "terraform_data.memory"]);
    run(&bench, &["destroy", "-auto-approve"], 0);
    assert!(world.census().unwrap().is_empty());
    world.exit();
}

/// Objects without a name are found by the tag that they kept.
#[test]
fn rebuilt_by_tags() {
    let text = r#"
provider "aws" {
  region = "us-east-1"
}
resource "aws_vpc" "net" { cidr_block = "10.0.0.0/16" }
resource "aws_subnet" "a" {
  count      = 2
  vpc_id     = aws_vpc.net.id
  cidr_block = cidrsubnet(aws_vpc.net.cidr_block, 8, count.index)
}
resource "aws_kms_key" "k" { deletion_window_in_days = 7 }
resource "aws_internet_gateway" "out" { vpc_id = aws_vpc.net.id }
resource "aws_route_table" "out" { vpc_id = aws_vpc.net.id }
resource "aws_route" "out" {
  route_table_id         = aws_route_table.out.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.out.id
}
resource "aws_route_table_association" "a" {
  count          = 2
  route_table_id = aws_route_table.out.id
  subnet_id      = aws_subnet.a[count.index].id
}
"#;
    let world = world();
    let bench = Bench::of(text, Some(world)).unwrap();
    bench.write("stackctl.toml", "ownership_tags = \"keep\"\n").unwrap();
    run(&bench, &["apply", "-auto-approve"], 0);
    let before = addresses(&bench);
    for name in ["terraform.tfstate", "terraform.tfstate.journal"] {
        std::fs::remove_file(bench.path().join(name)).unwrap();
    }
    run(&bench, &["state", "rebuild", "-auto-approve"], 0);
    assert_eq!(addresses(&bench), before);
    run(&bench, EMPTY_PLAN, 0);
    run(&bench, &["destroy", "-auto-approve"], 0);
    assert!(world.census().unwrap().is_empty());
    world.exit();
}

/// What editors and linters ask for, in Terraform's formats.
#[test]
fn for_programs() {
    let bench = Bench::of(
        "terraform {\n  required_providers {\n    aws = {\n      source  = \"hashicorp/aws\"\n      version = \"~> 5.0\"\n    }\n  }\n}\n\
         resource \"terraform_data\" \"a\" {\n}\nmodule \"m\" {\n  source = \"./m\"\n}\n",
        None,
    )
    .unwrap();
    bench.write("m/main.tf", "module \"deep\" {\n  source = \"./deep\"\n}\n").unwrap();
    bench.write("m/deep/main.tf", "output \"x\" { value = 1 }\n").unwrap();
    let modules = run(&bench, &["modules", "-json"], 0).json().unwrap();
    let want = json!({ "format_version": "1.0", "modules": [
        { "key": "m", "source": "./m", "version": "" }, { "key": "m.deep", "source": "./deep", "version": "" }] });
    assert_eq!(modules, want);
    let functions = run(&bench, &["metadata", "functions", "-json"], 0).json().unwrap();
    assert_eq!(functions["function_signatures"]["core::upper"]["return_type"], "string");
    let schemas = run(&bench, &["providers", "schema", "-json"], 0).json().unwrap();
    let of = |source: &str| schemas["provider_schemas"][source].clone();
    let data =
        of("terraform.io/builtin/terraform")["resource_schemas"]["terraform_data"]["block"]["attributes"].clone();
    assert_eq!((&data["id"]["computed"], &data["input"]["type"]), (&json!(true), &json!("dynamic")));
    let vpc = of("registry.terraform.io/hashicorp/aws")["resource_schemas"]["aws_vpc"].clone();
    assert_eq!(vpc["block"]["attributes"]["cidr_block"]["optional"], true);
    contains(
        &run(&bench, &["providers"], 0).out,
        &["provider[registry.terraform.io/hashicorp/aws] ~> 5.0", "module.m"],
    );
    run(&bench, &["providers", "schema"], 1);
    for refused in [&["providers", "lock"][..], &["providers", "mirror", "x"], &["login"], &["test"]] {
        contains(&run(&bench, refused, 1).err, &["Not available"]);
    }
    let valid = run(&bench, &["validate", "-json"], 0).json().unwrap();
    let want = json!({
        "format_version": "1.0", "valid": true, "error_count": 0, "warning_count": 0, "diagnostics": [],
    });
    assert_eq!(valid, want);
}

#[test]
fn consoles() {
    let bench = applied(STACK);
    let ask = |args: &[&str], input: &str, code: i32| piped(&bench, &[&["console"], args].concat(), input, code);
    assert_eq!(ask(&[], "[\n  1,\n  2,\n]\n", 0).out, "[\n  1,\n  2,\n]\n");
    assert_eq!(ask(&[], "<<EOT\na(\nEOT\nlength([\n1])\n", 0).out.lines().last(), Some("1"));
    contains(&ask(&[], "1 +\n", 1).err, &["<console-input>"]);
    bench.write("main.tf", &STACK.replace("one", "two")).unwrap();
    assert_eq!(ask(&[], "terraform_data.a.input\n", 0).out, "\"one\"\n");
    assert_eq!(ask(&["-plan"], "terraform_data.a.input\n", 0).out, "\"two\"\n");
    // A local state is held while a console is open, as Terraform holds it; another console reads it all the same.
    let held = || bench.path().join(".terraform.tfstate.lock.info").exists();
    assert!(!held());
    let mut command = bench.command(&stackctl(), &["console"]);
    let mut first = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    assert!(wait_for(Duration::from_secs(20), held));
    assert_eq!(ask(&[], "terraform_data.a.input\n", 0).out, "\"one\"\n");
    assert!(held());
    drop(first.stdin.take());
    assert!(first.wait().unwrap().success());
    assert!(!held());
}
