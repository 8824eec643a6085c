//! The journal and the lock of a state in S3, seen from outside: runs that are killed, sixteen at once, one that sleeps
//! past its lease, and Terraform beside them.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::interrupt::wait_for;
use crate::lab::run::{Done, finish};
use crate::lab::{Bench, World};
use crate::{contains, run, stackctl, world};

pub(crate) const TABLE: &str = "dynamodb_table = \"locks\"";
pub(crate) const FILE: &str = "use_lockfile = true";

/// A stack whose state is in the world's bucket `states`.
pub(crate) fn bench(world: World, lock: &str, body: &str) -> Bench {
    let backend = format!(
        "terraform {{\n  backend \"s3\" {{\n    bucket = \"states\"\n    key = \"app.tfstate\"\n    \
         region = \"us-east-1\"\n    {lock}\n  }}\n}}\n"
    );
    Bench::of(&format!("{backend}{body}"), Some(world)).unwrap()
}

/// Ready to run, with the machine's clock instead of the world's.
pub(crate) fn in_real_time(bench: &Bench, args: &[&str]) -> Command {
    let mut command = bench.command(&stackctl(), args);
    command.env_remove("STACKCTL_SANDBOX");
    command
}

pub(crate) fn spawn(mut command: Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().unwrap().success());
}

/// Keys in the bucket; none where there is no bucket.
pub(crate) fn keys(world: World) -> Vec<String> {
    let Ok(xml) = world.s3("GET", "/states?list-type=2", "") else { return Vec::new() };
    let parts = xml.split("<Key>").skip(1);
    parts.filter_map(|p| p.split_once("</Key>").map(|(k, _)| k.to_owned())).collect()
}

fn journal(world: World) -> Vec<String> {
    keys(world).into_iter().filter(|k| k.contains(".journal/")).collect()
}

fn requests(world: World, action: &str) -> usize {
    world.log().unwrap().iter().filter(|r| r["action"] == action).count()
}

/// Objects in the state.
fn recorded(bench: &Bench) -> Vec<String> {
    run(bench, &["state", "list"], 0).out.lines().map(str::to_owned).collect()
}

const NET: &str = r#"
resource "aws_vpc" "a" { cidr_block = "10.0.0.0/16" }
resource "aws_subnet" "b" {
  vpc_id     = aws_vpc.a.id
  cidr_block = "10.0.1.0/24"
}
"#;

#[test]
fn a_killed_run_loses_nothing_and_nobody_waits_for_its_lock() {
    let empty = world();
    run(&bench(empty, TABLE, ""), &["plan"], 0);
    let rehearsal = empty.fork().unwrap();
    run(&bench(rehearsal, TABLE, NET), &["apply", "-auto-approve"], 0);
    let both = format!("{TABLE}\n    {FILE}");
    let trials = [(TABLE, "CreateVpc"), (FILE, "CreateSubnet"), (&both, "CreateVpc"), ("", "CreateSubnet")];
    for (lock, action) in trials {
        let world = empty.fork().unwrap();
        let stack = bench(world, lock, NET);
        // The request is carried out, and its answer comes too late for a run that is dead by then.
        let rule = json!([{"action": action, "kind": "slow", "delay_s": 3, "times": 1}]);
        world.control("POST", "faults", &rule).unwrap();
        let mut child = spawn(stack.command(&stackctl(), &["apply", "-auto-approve"]));
        let sent = || world.control("GET", "faults", &Value::Null).unwrap().to_string().contains("\"hits\": 1");
        let sent = || sent() || requests(world, action) > 0;
        assert!(wait_for(Duration::from_secs(120), sent), "{lock} {action}");
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!journal(world).is_empty(), "{lock} {action}: {:?}", keys(world));
        let names = run(&stack, &["workspace", "list"], 0).out;
        assert_eq!(names.trim(), "* default", "segments are no workspaces");
        std::thread::sleep(Duration::from_secs(3));
        let start = Instant::now();
        let done = run(&stack, &["apply", "-auto-approve"], 0);
        assert!(start.elapsed() < Duration::from_secs(60), "{lock} {action}: it waited for a dead process");
        contains(&done.text(), &["Took over the state lock"]);
        let census = world.census().unwrap();
        assert_eq!((census["aws_vpc"], census["aws_subnet"]), (1, 1), "{lock} {action}: {census:?}");
        assert_eq!(recorded(&stack), ["aws_subnet.b", "aws_vpc.a"], "{lock} {action}");
        run(&stack, &["plan", "-detailed-exitcode"], 0);
        let left = keys(world);
        assert!(!left.iter().any(|k| k.ends_with(".tflock") || k.ends_with("/lease")), "{left:?}");
        world.exit();
    }
    rehearsal.exit();
}

/// Sixteen runs at once, each with an object of its own to make: none is lost, and no two were at it together.
#[test]
fn sixteen_applies_take_turns() {
    let world = world();
    let body = r#"
resource "terraform_data" "x" {
  for_each = toset([for n in range(16) : tostring(n)])
  input    = each.key
}
"#;
    let stack = bench(world, TABLE, body);
    run(&stack, &["plan"], 0);
    let runs: Vec<(Bench, Child)> = (0..16)
        .map(|n| {
            let bench = Bench::copy_of(stack.path(), Some(world)).unwrap();
            let target = format!("-target=terraform_data.x[\"{n}\"]");
            let args = ["apply", "-auto-approve", "-lock-timeout=15m", &target];
            let child = spawn(in_real_time(&bench, &args));
            (bench, child)
        })
        .collect();
    for (n, (_bench, child)) in runs.into_iter().enumerate() {
        let done = finish(child).unwrap();
        assert_eq!(done.code, Some(0), "run {n}: {}", done.text());
    }
    let mut want: Vec<String> = (0..16).map(|n| format!("terraform_data.x[\"{n}\"]")).collect();
    want.sort();
    let mut got = recorded(&stack);
    got.sort();
    assert_eq!(got, want);
    run(&stack, &["plan", "-detailed-exitcode"], 0);
    let state = run(&stack, &["state", "pull"], 0).json().unwrap();
    // One fold of each run, and an empty state before them where the first one's record did not wait for its fold.
    assert!(matches!(state["serial"].as_u64(), Some(16 | 17)), "{}", state["serial"]);
    assert_eq!(journal(world).len(), 1, "{:?}", journal(world));
}

/// A holder is stopped past its lease while one of its requests is still under way; another run takes over. When it
/// wakes up it changes nothing, and what its late request made is found.
#[test]
fn a_holder_that_slept_too_long_changes_nothing_more() {
    let world = world();
    let body = r#"
resource "aws_vpc" "late" { cidr_block = "10.9.0.0/16" }
resource "aws_subnet" "after" {
  vpc_id     = aws_vpc.late.id
  cidr_block = "10.9.1.0/24"
}
"#;
    let stack = bench(world, TABLE, body);
    run(&stack, &["plan"], 0);
    let rule = json!([{"action": "CreateVpc", "kind": "slow", "delay_s": 40, "times": 1}]);
    world.control("POST", "faults", &rule).unwrap();
    let asleep = spawn(stack.command(&stackctl(), &["apply", "-auto-approve"]));
    let announced = || journal(world).len() == 1;
    assert!(wait_for(Duration::from_secs(60), announced), "no intent was written");
    std::thread::sleep(Duration::from_secs(2));
    signal(&asleep, "-STOP");
    // Another machine's run: here the stopped process still lives, so that its lease has to end.
    let other = Bench::copy_of(stack.path(), Some(world)).unwrap();
    let second = spawn(other.command(&stackctl(), &["apply", "-auto-approve", "-lock-timeout=10m"]));
    std::thread::sleep(Duration::from_secs(3));
    for _ in 0..12 {
        world.control("POST", "clock", &json!({"advance": 10})).unwrap();
        std::thread::sleep(Duration::from_millis(300));
    }
    let second = finish(second).unwrap();
    assert_eq!(second.code, Some(0), "{}", second.text());
    contains(&second.text(), &["Took over the state lock"]);
    let kept = run(&other, &["state", "pull"], 0).out;
    let segments = journal(world);
    assert!(wait_for(Duration::from_secs(90), || requests(world, "CreateVpc") == 2), "the late one never came");
    std::thread::sleep(Duration::from_secs(1));
    signal(&asleep, "-CONT");
    let asleep = finish(asleep).unwrap();
    assert_eq!(asleep.code, Some(1), "{}", asleep.text());
    contains(&asleep.text(), &["taken over"]);
    assert_eq!(run(&other, &["state", "pull"], 0).out, kept, "the sleeper wrote the state");
    assert_eq!(journal(world), segments, "the sleeper wrote or deleted segments");
    assert_eq!(requests(world, "CreateSubnet"), 1, "the sleeper began something new");
    assert_eq!(world.census().unwrap()["aws_vpc"], 2, "the late create was carried out");
    // The first command that takes the lock finds it: it belongs to no address, and is destroyed.
    run(&other, &["apply", "-auto-approve"], 0);
    assert_eq!(world.census().unwrap()["aws_vpc"], 1);
    run(&other, &["plan", "-detailed-exitcode"], 0);
}

#[test]
fn without_a_journal_there_is_a_warning_and_no_segment() {
    let world = world();
    let stack = bench(world, TABLE, "resource \"terraform_data\" \"a\" { input = 1 }\n");
    stack.write("stackctl.toml", "journal = \"off\"\n").unwrap();
    let done = run(&stack, &["apply", "-auto-approve"], 0);
    contains(&done.text(), &["Warning", "journal", "is switched off"]);
    assert_eq!(keys(world), ["app.tfstate"]);
    let again = run(&stack, &["plan", "-detailed-exitcode"], 0);
    assert!(!again.text().contains("switched off"), "a plan writes nothing anyway");
}

#[test]
fn without_a_lock_the_lease_object_excludes() {
    let world = world();
    let stack = bench(world, "", crate::interrupt::SLOW);
    run(&stack, &["plan"], 0);
    let first = spawn(in_real_time(&stack, &["apply", "-auto-approve"]));
    assert!(wait_for(Duration::from_secs(60), || journal(world).len() > 1), "{:?}", keys(world));
    let second = run(&stack, &["apply", "-auto-approve"], 1);
    contains(&second.text(), &["Error acquiring the state lock", "OperationTypeApply", "renewed last at"]);
    // Waiting says for whom, and goes on when the holder has ended. A command on the state waits as an apply does.
    let third = spawn(in_real_time(&stack, &["state", "rm", "-lock-timeout=5m", "terraform_data.first"]));
    let third = finish(third).unwrap();
    assert_eq!(third.code, Some(0), "{}", third.text());
    contains(&third.text(), &["Waiting for the state lock: held by", "OperationTypeApply", "s so far", "Removed"]);
    let first = finish(first).unwrap();
    assert_eq!(first.code, Some(0), "{}", first.text());
    contains(&first.text(), &["other tools are not excluded"]);
    assert!(!keys(world).iter().any(|k| k.ends_with("/lease")));
}

/// A lock of another tool's has no lease, and is shown and respected until somebody breaks it by its id.
#[test]
fn a_lock_without_a_lease_is_broken_by_force_unlock_alone() {
    let world = world();
    crate::stores::ready(world);
    let stack = bench(world, TABLE, "resource \"terraform_data\" \"a\" { input = 1 }\n");
    let info = json!({"ID": "1b4d", "Operation": "OperationTypePlan", "Info": "", "Who": "ada@elsewhere", "Version": "1.11.4",
                      "Created": "2026-11-21T07:12:00.1Z", "Path": "states/app.tfstate"});
    let item = json!({"TableName": "locks", "Item": {
        "LockID": {"S": "states/app.tfstate"}, "Info": {"S": info.to_string()},
    }});
    world.dynamodb("PutItem", &item).unwrap();
    for args in [&["apply", "-auto-approve"][..], &["plan"], &["state", "rm", "terraform_data.a"]] {
        let refused = run(&stack, args, 1);
        contains(&refused.err, &["ada@elsewhere", "OperationTypePlan", "2026-11-21", "force-unlock 1b4d"]);
    }
    contains(&run(&stack, &["force-unlock", "1b4d"], 1).err, &["-force"]);
    contains(&run(&stack, &["force-unlock", "-force", "another"], 1).err, &["1b4d"]);
    run(&stack, &["plan"], 1);
    contains(&run(&stack, &["force-unlock", "-force", "1b4d"], 0).out, &["ada@elsewhere", "is broken"]);
    run(&stack, &["apply", "-auto-approve"], 0);
    contains(&run(&stack, &["force-unlock", "-force", "1b4d"], 1).err, &["not locked"]);
    world.exit();
}

#[test]
fn bad_buckets_and_tables_are_named() {
    let world = world();
    let stack = bench(world, TABLE, "");
    run(&stack, &["plan"], 0);
    let real = |lock: &str, bucket: &str, region: &str| -> Done {
        let b = bench(world, lock, "");
        let text = b.read("main.tf").unwrap().replace("\"states\"", &format!("{bucket:?}"));
        b.write("main.tf", &text.replace("us-east-1", region)).unwrap();
        let done = finish(spawn(in_real_time(&b, &["plan"]))).unwrap();
        assert_eq!(done.code, Some(1), "{}", done.text());
        done
    };
    contains(&real(TABLE, "no-such-bucket", "us-east-1").text(), &["no-such-bucket", "stackctl bootstrap"]);
    let table = real("dynamodb_table = \"nobody\"", "states", "us-east-1").text();
    contains(&table, &["The lock table \"nobody\" does not exist", "stackctl bootstrap"]);
}

/// Terraform, where it is installed.
pub(crate) fn terraform() -> Option<crate::lab::Tool> {
    let found = Command::new("terraform").arg("version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    found.is_ok_and(|s| s.success()).then(|| crate::lab::Tool::new("terraform"))
}

#[test]
fn terraform_beside_us() {
    let Some(terraform) = terraform() else { return };
    let world = world();
    let body = r#"
variable "ours" { default = 1 }
resource "terraform_data" "shared" { input = var.ours }
resource "terraform_data" "slow" {
  input = 1
  provisioner "local-exec" { command = "touch started; sleep 8" }
}
"#;
    let lock = format!("{TABLE}\n    {FILE}\n    use_path_style = true\n    skip_requesting_account_id = true");
    let ours = bench(world, &lock, body);
    run(&ours, &["plan"], 0);
    let theirs = Bench::copy_of(ours.path(), Some(world)).unwrap();
    let tf = |args: &[&str], code: i32| theirs.run(&terraform, args).unwrap().want(code).unwrap();
    tf(&["init", "-input=false"], 0);
    // Ours is respected and shown.
    let first = spawn(in_real_time(&ours, &["apply", "-auto-approve"]));
    assert!(wait_for(Duration::from_secs(60), || ours.read("started").is_some()));
    let refused = tf(&["apply", "-auto-approve", "-input=false"], 1);
    contains(&refused.text(), &["Error acquiring the state lock", "stackctl: journal open", "OperationTypeApply"]);
    let first = finish(first).unwrap();
    assert_eq!(first.code, Some(0), "{}", first.text());
    // What we made it plans nothing about, and what it changes between two runs of ours stays.
    tf(&["plan", "-input=false", "-detailed-exitcode"], 0);
    tf(&["apply", "-input=false", "-auto-approve", "-var=ours=2"], 0);
    run(&ours, &["plan", "-detailed-exitcode", "-var=ours=2"], 0);
    run(&ours, &["apply", "-auto-approve", "-var=ours=3"], 0);
    tf(&["plan", "-input=false", "-detailed-exitcode", "-var=ours=3"], 0);
    // Theirs is respected and shown.
    let theirs_too =
        theirs.start(&terraform, &["apply", "-auto-approve", "-input=false", "-replace=terraform_data.slow"]);
    let theirs_too = theirs_too.unwrap();
    assert!(wait_for(Duration::from_secs(60), || theirs.read("started").is_some()));
    let refused = run(&ours, &["apply", "-auto-approve"], 1);
    contains(&refused.text(), &["Error acquiring the state lock", "OperationTypeApply"]);
    assert!(!refused.text().contains("renewed last"), "it has no lease");
    let done = finish(theirs_too).unwrap();
    assert_eq!(done.code, Some(0), "{}", done.text());
    run(&ours, &["plan", "-detailed-exitcode"], 0);
}

/// The lease in real time: a create that takes longer than a period does not outlive it.
#[test]
fn a_lease_is_renewed_while_a_create_takes_its_time() {
    let world = world();
    let stack = bench(world, TABLE, "resource \"aws_sqs_queue\" \"slow\" { name = \"slow\" }\n");
    run(&stack, &["plan"], 0);
    let rule = json!([{"action": "CreateQueue", "kind": "slow", "delay_s": 25, "times": 1}]);
    world.control("POST", "faults", &rule).unwrap();
    let beat = || {
        let key = json!({"TableName": "locks", "Key": {"LockID": {"S": "states/app.tfstate"}}, "ConsistentRead": true});
        let item: Value = serde_json::from_str(&world.dynamodb("GetItem", &key).unwrap()).unwrap();
        item["Item"]["StackctlBeat"]["N"].as_str().map(|n| n.parse::<u64>().unwrap())
    };
    let child = spawn(in_real_time(&stack, &["apply", "-auto-approve"]));
    assert!(wait_for(Duration::from_secs(60), || beat() == Some(0)), "it is locked");
    let start = Instant::now();
    assert!(wait_for(Duration::from_secs(40), || beat() == Some(1)), "it was never renewed");
    assert!(start.elapsed() > Duration::from_secs(10), "it was renewed after {:?}", start.elapsed());
    let done = finish(child).unwrap();
    assert_eq!(done.code, Some(0), "{}", done.text());
    assert_eq!(beat(), None, "it is still locked");
    world.exit();
}
