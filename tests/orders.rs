//! Commands on states in odd orders, commands that die half-way, and objects that are not ours: nothing is lost, doubled or
//! taken from anybody.

use std::time::Duration;

use serde_json::{Value, json};

use crate::interrupt::wait_for;
use crate::journal::{FILE, TABLE, bench, keys, spawn};
use crate::lab::{Bench, World};
use crate::{contains, run, stackctl, stores, world};

const STACK: &str = r#"
resource "terraform_data" "a" { input = "one" }
resource "terraform_data" "b" {
  count = 2
  input = terraform_data.a.output
}
resource "random_id" "late" {
  count       = 0
  byte_length = 4
}
"#;

fn addresses(bench: &Bench) -> Vec<String> {
    run(bench, &["state", "list"], 0).out.lines().map(str::to_owned).collect()
}

/// Runs a command until its `k`th request that changes something was carried out, and kills it before it hears of that.
/// False if it came to its end before.
fn dies(bench: &Bench, world: World, args: &[&str], k: u64) -> bool {
    world.stop_at(k, "after", true).unwrap();
    let mut child = spawn(bench.command(&stackctl(), args));
    let reached = loop {
        if world.stopped(Duration::from_millis(50)).unwrap().is_some() {
            break true;
        }
        if child.try_wait().unwrap().is_some() {
            break false;
        }
    };
    let _ = child.kill();
    let _ = child.wait();
    world.clear_stop().unwrap();
    reached
}

/// Addresses in the state object itself, in order.
#[track_caller]
fn folded(world: World, what: &str) -> Vec<String> {
    let text = world.object("states", "app.tfstate").unwrap();
    let state: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{what}: {e}: {text}"));
    let mut all = Vec::new();
    for r in state["resources"].as_array().unwrap() {
        for i in r["instances"].as_array().unwrap() {
            let key = i.get("index_key").map(|k| format!("[{k}]")).unwrap_or_default();
            all.push(format!("{}.{}{key}", r["type"].as_str().unwrap(), r["name"].as_str().unwrap()));
        }
    }
    all.sort();
    all
}

/// Whatever request a command on the state dies at: the state is what it was or what it should be, and the same command goes
/// through afterwards without help, or says that there is nothing left to do.
#[test]
fn commands_on_states_may_die_at_every_request() {
    let world = world();
    stores::ready(world);
    let stack = bench(world, FILE, &STACK.replace("count       = 0", "count       = 1"));
    run(&stack, &["apply", "-auto-approve"], 0);
    run(&stack, &["state", "rm", "random_id.late"], 0);
    let before = addresses(&stack);
    let mut pushed = run(&stack, &["state", "pull"], 0).json().unwrap();
    pushed["serial"] = json!(50);
    pushed["resources"].as_array_mut().unwrap().retain(|r| r["name"] != "b");
    stack.write("pushed.json", &pushed.to_string()).unwrap();
    let commands: [(&[&str], &[&str]); 3] = [
        (
            &["state", "mv", "terraform_data.a", "terraform_data.z"],
            &["terraform_data.b[0]", "terraform_data.b[1]", "terraform_data.z"],
        ),
        (
            &["import", "random_id.late[0]", "p-9yTg"],
            &["random_id.late[0]", "terraform_data.a", "terraform_data.b[0]", "terraform_data.b[1]"],
        ),
        (&["state", "push", "pushed.json"], &["terraform_data.a"]),
    ];
    for (args, after) in commands {
        let mut deaths = 0;
        loop {
            let trial = world.fork().unwrap();
            let copy = Bench::copy_of(stack.path(), Some(trial)).unwrap();
            if !dies(&copy, trial, args, deaths + 1) {
                trial.exit();
                break;
            }
            deaths += 1;
            let what = format!("{args:?} killed after its change {deaths}");
            let found = addresses(&copy);
            assert!(found == before || found == after, "{what}: {found:?}");
            let again = copy.run(&stackctl(), args).unwrap();
            assert!(again.code == Some(0) || found == after, "{what}: {}", again.text());
            assert_eq!(folded(trial, &what), after, "{what}: {}", again.text());
            let left = keys(trial);
            assert!(!left.iter().any(|k| k.ends_with(".tflock") || k.ends_with("/lease")), "{what}: {left:?}");
            trial.exit();
        }
        assert!(deaths >= 5, "{args:?} has {deaths} changes only");
    }
    world.exit();
}

/// A state that is on its way from a file to S3 when the program dies is in one of the two places, whole.
#[test]
fn a_migration_may_die_at_every_request() {
    let world = world();
    stores::ready(world);
    let local = Bench::of(STACK, Some(world)).unwrap();
    run(&local, &["apply", "-auto-approve"], 0);
    let want = addresses(&local);
    let remote = bench(world, TABLE, STACK).read("main.tf").unwrap();
    local.write("main.tf", &remote).unwrap();
    for k in 1.. {
        let trial = world.fork().unwrap();
        let copy = Bench::copy_of(local.path(), Some(trial)).unwrap();
        let reached = dies(&copy, trial, &["init", "-force-copy"], k);
        if !reached {
            assert!(k > 4, "{k}");
            break;
        }
        run(&copy, &["init", "-force-copy"], 0);
        assert_eq!(addresses(&copy), want, "killed after change {k}");
        run(&copy, &["plan", "-detailed-exitcode"], 0);
        assert!(copy.read("terraform.tfstate").is_none(), "killed after change {k}");
        trial.exit();
    }
    world.exit();
}

/// `bootstrap` goes on where it died: whatever it had made is found, and nothing is made twice.
#[test]
fn bootstrap_may_die_at_every_request() {
    let world = world();
    let stack = bench(world, TABLE, "");
    let mut deaths = 0;
    loop {
        let trial = world.fork().unwrap();
        let copy = Bench::copy_of(stack.path(), Some(trial)).unwrap();
        if !dies(&copy, trial, &["bootstrap"], deaths + 1) {
            break;
        }
        deaths += 1;
        contains(&run(&copy, &["bootstrap"], 0).out, &["bucket states", "TLS only", "lock table locks"]);
        contains(&run(&copy, &["bootstrap"], 0).out, &["nothing was changed"]);
        let census = trial.census().unwrap();
        assert_eq!(census.get("aws_kms_key"), Some(&1), "killed after change {deaths}: {census:?}");
        trial.exit();
    }
    assert!(deaths >= 9, "{deaths}");
    world.exit();
}

/// What cannot be prepared says why, and nothing is called found that would not serve.
#[test]
fn what_bootstrap_cannot_use() {
    let empty = world();
    let error = |operation: &str, status: u64, code: &str, headers: Value| {
        json!([{"action": operation, "kind": "error", "code": code, "status": status, "message": "no", "times": -1,
                "headers": headers}])
    };
    let cases: [(Value, &[&str]); 4] = [
        (
            error("HeadBucket", 403, "Forbidden", json!({})),
            &["\"states\" exists, and these credentials may not use it", "choose another name"],
        ),
        (
            error("HeadBucket", 301, "PermanentRedirect", json!({"x-amz-bucket-region": "eu-west-1"})),
            &["\"states\" is in eu-west-1", "region = \"eu-west-1\""],
        ),
        (
            error("PutBucketEncryption", 403, "AccessDenied", json!({})),
            &["\"Action\": \"s3:PutEncryptionConfiguration\"", "arn:aws:s3:::states"],
        ),
        (error("CreateKey", 400, "AccessDeniedException", json!({})), &["\"Action\": \"kms:CreateKey\""]),
    ];
    for (rule, wanted) in cases {
        let world = empty.fork().unwrap();
        world.control("POST", "faults", &rule).unwrap();
        contains(&run(&bench(world, TABLE, ""), &["bootstrap"], 1).err, wanted);
        world.exit();
    }
    stores::make_table(empty, "Lock", "S");
    let done = run(&bench(empty, TABLE, ""), &["bootstrap"], 1);
    contains(&done.err, &["\"locks\" exists, and cannot hold locks", "hash key `LockID`", "dynamodb_table"]);
    empty.exit();
}

/// Somebody else's objects that have the intended names stay theirs; everything else is made.
#[test]
fn strangers_are_not_adopted() {
    let world = world();
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Action":"sts:AssumeRole","Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"}}]}"#;
    let role = [("RoleName", "app"), ("AssumeRolePolicyDocument", trust)];
    world.query("iam", "CreateRole", &role).unwrap();
    world.s3("PUT", "/logs-of-app", "").unwrap();
    world.query("sns", "CreateTopic", &[("Name", "news")]).unwrap();
    let body = format!(
        "provider \"aws\" {{\n  region = \"us-east-1\"\n}}\nresource \"aws_iam_role\" \"app\" {{\n  name = \"app\"\n  \
         assume_role_policy = {trust:?}\n}}\nresource \"aws_s3_bucket\" \"logs\" {{ bucket = \"logs-of-app\" }}\n\
         resource \"aws_sns_topic\" \"news\" {{ name = \"news\" }}\nresource \"aws_sqs_queue\" \"own\" {{ name = \"own\" }}\n\
         resource \"aws_iam_role_policy_attachment\" \"a\" {{\n  role = aws_iam_role.app.name\n  \
         policy_arn = \"arn:aws:iam::aws:policy/ReadOnlyAccess\"\n}}\n"
    );
    stores::ready(world);
    let stack = bench(world, TABLE, &body);
    for _ in 0..2 {
        let done = run(&stack, &["apply", "-auto-approve"], 1);
        contains(
            &done.text(),
            &[
                "stackctl import 'aws_iam_role.app' app",
                "stackctl import 'aws_s3_bucket.logs' logs-of-app",
                "stackctl import 'aws_sns_topic.news' arn:aws:sns:us-east-1:123456789012:news",
            ],
        );
        assert_eq!(addresses(&stack), ["aws_sqs_queue.own"], "only what we made is in the state");
    }
    let attached = world.query("iam", "ListAttachedRolePolicies", &[("RoleName", "app")]).unwrap();
    assert!(!attached.contains("ReadOnlyAccess"), "what depends on it was not begun");
    let tags = world.query("iam", "ListRoleTags", &[("RoleName", "app")]).unwrap();
    assert!(!tags.contains("stackctl"), "{tags}");
    // The command of the message is the one to use.
    run(&stack, &["import", "aws_iam_role.app", "app"], 0);
    run(&stack, &["import", "aws_s3_bucket.logs", "logs-of-app"], 0);
    run(&stack, &["import", "aws_sns_topic.news", "arn:aws:sns:us-east-1:123456789012:news"], 0);
    run(&stack, &["apply", "-auto-approve"], 0);
    run(&stack, &["plan", "-detailed-exitcode"], 0);
    world.exit();
}

/// A run dies between a create and its answer; the next one finds the object; `state rm` lets go of it. From then on it belongs
/// to nobody here, though its create is still in doubt and the next create has the same place.
#[test]
fn what_was_let_go_is_never_adopted_again() {
    let body = "resource \"aws_vpc\" \"a\" { cidr_block = \"10.0.0.0/16\" }\n\
                resource \"aws_sqs_queue\" \"q\" { name_prefix = \"q-\" }\n";
    for action in ["CreateVpc", "CreateQueue"] {
        let world = world();
        stores::ready(world);
        let stack = bench(world, TABLE, body);
        let rule = json!([{"action": action, "kind": "slow", "delay_s": 4, "times": 1}]);
        world.control("POST", "faults", &rule).unwrap();
        let mut child = spawn(stack.command(&stackctl(), &["apply", "-auto-approve"]));
        let hit = || world.control("GET", "faults", &Value::Null).unwrap().to_string().contains("\"hits\":1");
        assert!(wait_for(Duration::from_secs(60), hit), "{action} was never sent");
        child.kill().unwrap();
        child.wait().unwrap();
        std::thread::sleep(Duration::from_secs(4));
        run(&stack, &["apply", "-auto-approve"], 0);
        assert_eq!(addresses(&stack), ["aws_sqs_queue.q", "aws_vpc.a"], "{action}");
        let count = |ty: &str| world.census().unwrap().get(ty).copied().unwrap_or(0);
        assert_eq!((count("aws_vpc"), count("aws_sqs_queue")), (1, 1), "{action}: adopted, and not made twice");
        run(&stack, &["state", "rm", "aws_vpc.a", "aws_sqs_queue.q"], 0);
        assert!(addresses(&stack).is_empty());
        // A refresh takes the lock too, and looks for what is in doubt.
        run(&stack, &["refresh"], 0);
        assert!(addresses(&stack).is_empty(), "{action}: {:?}", addresses(&stack));
        let done = run(&stack, &["apply", "-auto-approve"], 0);
        contains(&done.out, &["2 added"]);
        assert_eq!((count("aws_vpc"), count("aws_sqs_queue")), (2, 2), "{action}: what was let go stays where it is");
        run(&stack, &["destroy", "-auto-approve"], 0);
        assert_eq!((count("aws_vpc"), count("aws_sqs_queue")), (1, 1), "{action}");
        assert!(addresses(&stack).is_empty());
        world.exit();
    }
}

/// Moves and removals that say less, more or something else than can be done.
#[test]
fn moves_that_cannot_be_meant() {
    let module = "resource \"terraform_data\" \"x\" { input = 1 }\n";
    let stack = Bench::of(&format!("{STACK}module \"m\" {{ source = \"./m\" }}\n"), None).unwrap();
    stack.write("m/main.tf", module).unwrap();
    run(&stack, &["apply", "-auto-approve"], 0);
    let (before, text) = (addresses(&stack), stack.read("terraform.tfstate").unwrap());
    for (from, to, wanted) in [
        ("terraform_data.b", "terraform_data.c[5]", "has 2 instances"),
        ("terraform_data.b[0]", "terraform_data.b[1]", "already an object at terraform_data.b[1]"),
        ("terraform_data.a", "terraform_data.a", "already an object"),
        ("terraform_data.a", "random_id.a", "different types"),
        ("terraform_data.a", "module.z", "different kinds"),
        ("module.m", "terraform_data.q", "different kinds"),
        ("terraform_data.none", "terraform_data.q", "nothing at terraform_data.none"),
        ("terraform_data.a", "not an address", "not an address"),
    ] {
        let done = run(&stack, &["state", "mv", from, to], 1);
        contains(&done.err, &[wanted]);
        assert_eq!(stack.read("terraform.tfstate").unwrap(), text, "{from} to {to}");
    }
    run(&stack, &["state", "mv", "module.m", "module.n.module.k[0]"], 0);
    run(&stack, &["state", "mv", "module.n.module.k[0]", "module.m"], 0);
    run(&stack, &["state", "mv", "terraform_data.b", "terraform_data.c"], 0);
    run(&stack, &["state", "mv", "terraform_data.c", "terraform_data.b"], 0);
    assert_eq!(addresses(&stack), before);
    let gone = run(&stack, &["state", "rm", "module.m", "terraform_data.b[1]", "terraform_data.b"], 0).out;
    assert_eq!(gone.matches("terraform_data.b[1]").count(), 1, "{gone}");
    assert_eq!(gone.lines().count(), 3, "{gone}");
    // A resource that is left with one instance may become another one.
    run(&stack, &["apply", "-auto-approve"], 0);
    run(&stack, &["state", "rm", "terraform_data.b[0]"], 0);
    run(&stack, &["state", "mv", "terraform_data.b", "terraform_data.c[\"x\"]"], 0);
    assert_eq!(addresses(&stack), ["terraform_data.a", "terraform_data.c[\"x\"]", "module.m.terraform_data.x"]);
}

/// A workspace of S3 that is deleted takes everything of it along, and says what is left to nobody.
#[test]
fn workspaces_in_s3_go_whole() {
    let world = world();
    stores::ready(world);
    let stack = bench(world, TABLE, "resource \"aws_sqs_queue\" \"q\" { name = \"q-${terraform.workspace}\" }\n");
    run(&stack, &["apply", "-auto-approve"], 0);
    run(&stack, &["workspace", "new", "dev"], 0);
    run(&stack, &["apply", "-auto-approve"], 0);
    let of_dev = |k: &&String| k.starts_with("env:/dev/");
    assert_eq!(keys(world).iter().filter(of_dev).count(), 2, "{:?}", keys(world));
    run(&stack, &["workspace", "select", "default"], 0);
    contains(&run(&stack, &["workspace", "delete", "dev"], 1).err, &["1 objects", "-force"]);
    contains(&run(&stack, &["workspace", "delete", "none"], 1).err, &["\"none\" does not exist", "default, dev"]);
    let done = run(&stack, &["workspace", "delete", "-force", "dev"], 0);
    contains(&done.out, &["nobody manages them", "aws_sqs_queue.q", "/q-dev"]);
    assert_eq!(keys(world).iter().filter(of_dev).count(), 0, "{:?}", keys(world));
    let item = json!({"TableName": "locks", "Key": {"LockID": {"S": "states/env:/dev/app.tfstate-md5"}}});
    assert!(!world.dynamodb("GetItem", &item).unwrap().contains("Digest"), "its digest is gone too");
    assert_eq!(run(&stack, &["workspace", "list"], 0).out.trim(), "* default");
    run(&stack, &["plan", "-detailed-exitcode"], 0);
    // It may be made again, and knows nothing of its predecessor.
    run(&stack, &["workspace", "new", "dev"], 0);
    assert!(addresses(&stack).is_empty());
    world.exit();
}

/// Terraform destroys what we made in the right order though the configuration is gone, by the `dependencies` alone.
#[test]
fn terraform_destroys_chains_in_order_without_configuration() {
    let Some(terraform) = crate::journal::terraform() else { return };
    let chains = 12;
    let text = format!(
        "resource \"terraform_data\" \"c\" {{\n  count = {chains}\n  input = count.index\n}}\n\
         resource \"terraform_data\" \"b\" {{\n  count = {chains}\n  input = terraform_data.c[count.index].output\n}}\n\
         locals {{\n  through = [for b in terraform_data.b : b.output]\n}}\n\
         resource \"terraform_data\" \"a\" {{\n  count = {chains}\n  input = local.through[count.index]\n}}\n"
    );
    let stack = Bench::of(&text, None).unwrap();
    run(&stack, &["apply", "-auto-approve"], 0);
    stack.write("main.tf", "terraform {}\n").unwrap();
    stack.run(&terraform, &["init", "-input=false"]).unwrap().want(0).unwrap();
    let done = stack.run(&terraform, &["apply", "-auto-approve", "-input=false", "-json"]).unwrap().want(0).unwrap();
    let events: Vec<(String, String)> = done
        .out
        .lines()
        .filter_map(|l| serde_json::from_str::<Value>(l).ok())
        .filter_map(|e| Some((e["type"].as_str()?.to_owned(), e["hook"]["resource"]["resource"].as_str()?.to_owned())))
        .collect();
    let at = |kind: &str, name: &str| {
        let found = events.iter().enumerate().filter(|(_, (k, n))| k == kind && n.starts_with(name)).map(|(i, _)| i);
        found.collect::<Vec<_>>()
    };
    for (first, then) in [("terraform_data.a[", "terraform_data.b["), ("terraform_data.b[", "terraform_data.c[")] {
        let (ends, starts) = (at("apply_complete", first), at("apply_start", then));
        assert_eq!((ends.len(), starts.len()), (chains, chains), "{}", done.out);
        assert!(ends.iter().max() < starts.iter().min(), "{then} was begun before {first} had gone");
    }
}
