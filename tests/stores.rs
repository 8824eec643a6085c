//! Places of states that are not as they should be, and states that are none: what the message says, and that nothing is
//! overwritten, made or left locked.

use serde_json::{Value, json};

use crate::journal::{FILE, TABLE, bench, in_real_time, keys, spawn};
use crate::lab::run::{Done, finish};
use crate::lab::{Bench, World};
use crate::{contains, run, world};

const BODY: &str = "resource \"aws_sqs_queue\" \"q\" { name = \"q\" }\n";

/// Outside the sandbox's convenience: nothing is made where it is missing, and waiting takes its time.
#[track_caller]
fn strictly(bench: &Bench, args: &[&str], code: i32) -> Done {
    let mut command = in_real_time(bench, args);
    command.stdin(std::process::Stdio::null());
    let done = finish(spawn(command)).unwrap();
    assert_eq!(done.code, Some(code), "{args:?}: {}", done.text());
    done
}

fn make_bucket(world: World) {
    world.s3("PUT", "/states", "").unwrap();
}

fn keep_versions(world: World) {
    let versions = "<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Status>Enabled</Status>\
                    </VersioningConfiguration>";
    world.s3("PUT", "/states?versioning", versions).unwrap();
}

pub(crate) fn make_table(world: World, key: &str, kind: &str) {
    let table = json!({
        "TableName": "locks", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{ "AttributeName": key, "AttributeType": kind }],
        "KeySchema": [{ "AttributeName": key, "KeyType": "HASH" }],
    });
    world.dynamodb("CreateTable", &table).unwrap();
}

/// A bucket that keeps versions, and a lock table.
pub(crate) fn ready(world: World) {
    make_bucket(world);
    keep_versions(world);
    make_table(world, "LockID", "S");
}

fn fails(world: World, rules: &Value) {
    world.control("POST", "faults", rules).unwrap();
}

fn denied(service: &str, action: &str) -> Value {
    let (code, status) = if service == "s3" { ("AccessDenied", 403) } else { ("AccessDeniedException", 400) };
    json!([{"service": service, "action": action, "kind": "error", "code": code, "status": status,
            "message": "not authorized", "times": -1}])
}

/// A place that is not as it should be: how it came to be so, with which lock, and what the message has to say.
type Place = (&'static str, fn(World), &'static str, &'static [&'static str]);

const PLACES: &[Place] = &[
    ("no bucket", |_| {}, "", &["\"states\" does not exist", "stackctl bootstrap"]),
    (
        "no table",
        |w| {
            make_bucket(w);
            keep_versions(w);
        },
        TABLE,
        &["lock table \"locks\" does not exist", "stackctl bootstrap"],
    ),
    (
        "another key",
        |w| {
            make_bucket(w);
            make_table(w, "Lock", "S");
        },
        TABLE,
        &["lock table \"locks\" needs the hash key `LockID`", "make a new one"],
    ),
    (
        "a key of another type",
        |w| {
            make_bucket(w);
            make_table(w, "LockID", "N");
        },
        TABLE,
        &["lock table \"locks\" needs the hash key `LockID`"],
    ),
    (
        "another region",
        |w| {
            ready(w);
            fails(
                w,
                &json!([{"service": "s3", "kind": "error", "code": "PermanentRedirect", "status": 301,
                         "message": "The bucket must be addressed using another endpoint.",
                         "headers": {"x-amz-bucket-region": "eu-west-1"}, "times": -1}]),
            );
        },
        FILE,
        &["\"states\" is in eu-west-1: set `region = \"eu-west-1\"`"],
    ),
    (
        "no permission to read",
        |w| {
            ready(w);
            fails(w, &denied("s3", "GetObject"));
        },
        TABLE,
        &["\"Action\": \"s3:GetObject\"", "arn:aws:s3:::states/app.tfstate"],
    ),
    (
        "no permission to list the journal",
        |w| {
            ready(w);
            fails(w, &denied("s3", "ListObjectsV2"));
        },
        TABLE,
        &["s3:ListBucket", "app.tfstate.journal/*", "journal = \"off\""],
    ),
    (
        "no permission to delete from the journal",
        |w| {
            ready(w);
            fails(w, &denied("s3", "DeleteObject"));
        },
        TABLE,
        &["s3:DeleteObject", "app.tfstate.journal/*", "journal = \"off\""],
    ),
    (
        "no permission to write",
        |w| {
            ready(w);
            fails(w, &denied("s3", "PutObject"));
        },
        TABLE,
        &["\"Action\": \"s3:PutObject\"", "arn:aws:s3:::states/app.tfstate"],
    ),
    (
        "no permission to lock",
        |w| {
            ready(w);
            fails(w, &denied("dynamodb", "PutItem"));
        },
        TABLE,
        &["\"Action\": \"dynamodb:PutItem\"", ":table/locks"],
    ),
];

#[test]
fn places_that_are_not_as_they_should_be() {
    let empty = world();
    for (what, prepare, lock, wanted) in PLACES {
        let world = empty.fork().unwrap();
        prepare(world);
        let stack = bench(world, lock, BODY);
        let done = strictly(&stack, &["apply", "-auto-approve"], 1);
        let missing = crate::missing(&done.text(), wanted);
        assert!(missing.is_empty(), "{what}: missing {missing:?} in:\n{}", done.text());
        fails(world, &json!([]));
        assert!(!world.census().unwrap().contains_key("aws_sqs_queue"), "{what}");
        let left = keys(world);
        assert!(left.is_empty(), "{what}: {left:?}");
        world.exit();
    }
}

#[test]
fn a_bucket_without_versions_is_used_with_a_warning() {
    let world = world();
    make_bucket(world);
    let stack = bench(world, FILE, BODY);
    let done = strictly(&stack, &["apply", "-auto-approve"], 0);
    contains(&done.text(), &["keeps no earlier versions", "stackctl bootstrap"]);
    // Once: the state is there now.
    let again = strictly(&stack, &["apply", "-auto-approve"], 0).text();
    assert!(!again.contains("earlier versions"), "{again}");
    world.exit();
}

/// What lies where the state should be, and what the message has to say.
const STATES: &[(&str, &[&str])] = &[
    ("no state", &["not a usable state", "state restore"]),
    ("{\"version\": 4, \"serial\": 1, ", &["not a usable state", "state restore"]),
    ("[]", &["not a usable state"]),
    ("{}", &["version"]),
    ("{\"version\": 3, \"serial\": 1, \"lineage\": \"l\", \"modules\": []}", &["version 3"]),
    ("{\"version\": 5, \"serial\": 1, \"lineage\": \"l\", \"resources\": []}", &["version 5", "newer"]),
    ("{\"version\": 4, \"serial\": -1, \"lineage\": \"l\", \"resources\": []}", &["serial"]),
    (
        r#"{"version": 4, "serial": 1, "lineage": "l", "outputs": {}, "resources": [
            {"mode": "managed", "type": "terraform_data", "name": "a",
             "provider": "provider[\"terraform.io/builtin/terraform\"]", "instances": [
               {"schema_version": 0, "attributes": {"id": "1"}}, {"schema_version": 0, "attributes": {"id": "2"}}]}]}"#,
        &["terraform_data.a", "twice"],
    ),
    (
        r#"{"version": 4, "serial": 1, "lineage": "l", "outputs": {}, "resources": [
            {"mode": "managed", "type": "terraform_data", "name": "a",
             "provider": "provider[\"terraform.io/builtin/terraform\"]", "instances": [{"schema_version": 0, "attributes": {"id": "1"}}]},
            {"mode": "managed", "type": "terraform_data", "name": "a",
             "provider": "provider[\"terraform.io/builtin/terraform\"]", "instances": [{"schema_version": 0, "attributes": {"id": "2"}}]}]}"#,
        &["terraform_data.a", "twice"],
    ),
];

#[test]
fn what_is_no_state_is_left_alone() {
    let world = world();
    ready(world);
    let stack = bench(world, FILE, BODY);
    for (text, wanted) in STATES {
        world.s3("PUT", "/states/app.tfstate", text).unwrap();
        for args in [&["apply", "-auto-approve"][..], &["plan"], &["state", "list"], &["taint", "aws_sqs_queue.q"]] {
            let done = strictly(&stack, args, 1);
            let missing = crate::missing(&done.text(), wanted);
            assert!(missing.is_empty(), "{text}\n{args:?}: missing {missing:?} in:\n{}", done.text());
        }
        assert_eq!(world.s3("GET", "/states/app.tfstate", "").unwrap(), *text);
        assert_eq!(keys(world), ["app.tfstate"], "{text}");
    }
    assert!(!world.census().unwrap().contains_key("aws_sqs_queue"));
    world.exit();
}

/// Objects of types that nobody here knows stay in the state, byte for byte, whatever is done beside them.
#[test]
fn unknown_types_stay_as_they_are() {
    let strange = json!({
        "mode": "managed", "type": "acme_rocket", "name": "r", "provider": "provider[\"registry.terraform.io/acme/acme\"]",
        "instances": [{"schema_version": 7, "attributes": {"id": "x", "stages": [{"fuel": 1.5}]},
                       "sensitive_attributes": [], "private": "AAAA", "dependencies": ["acme_pad.p"]}],
    });
    let text = "resource \"terraform_data\" \"a\" { input = 1 }\n";
    let stack = Bench::of(text, None).unwrap();
    run(&stack, &["apply", "-auto-approve"], 0);
    let mut state = stack.state().unwrap();
    state["resources"].as_array_mut().unwrap().push(strange.clone());
    state["serial"] = json!(9);
    stack.write("terraform.tfstate", &state.to_string()).unwrap();
    let kept = |stack: &Bench| {
        let state = stack.state().unwrap();
        let found = state["resources"].as_array().unwrap().iter().find(|r| r["type"] == "acme_rocket").cloned();
        found.unwrap()["instances"][0].clone()
    };
    run(&stack, &["state", "mv", "terraform_data.a", "terraform_data.b"], 0);
    run(&stack, &["state", "mv", "terraform_data.b", "terraform_data.a"], 0);
    stack.write("main.tf", &text.replace('1', "2")).unwrap();
    run(&stack, &["apply", "-auto-approve", "-target=terraform_data.a"], 0);
    assert_eq!(kept(&stack), strange["instances"][0]);
    // It has no configuration, and nobody here can destroy it.
    contains(&run(&stack, &["apply", "-auto-approve"], 1).err, &["acme_rocket", "removed"]);
    assert_eq!(kept(&stack), strange["instances"][0]);
    let removed = "removed {\n  from = acme_rocket.r\n  lifecycle { destroy = false }\n}\n";
    stack.write("removed.tf", removed).unwrap();
    run(&stack, &["apply", "-auto-approve"], 0);
    assert_eq!(run(&stack, &["state", "list"], 0).out.trim(), "terraform_data.a");
}

/// The state cannot be saved at the end, however often it is tried: it lies in a file, and comes back from there.
#[test]
fn a_state_that_cannot_be_saved_is_pushed_later() {
    for journal in [true, false] {
        let world = world();
        ready(world);
        let stack = bench(world, TABLE, BODY);
        stack.write("stackctl.toml", if journal { "" } else { "journal = \"off\"\n" }).unwrap();
        run(&stack, &["apply", "-auto-approve"], 0);
        stack.write("more.tf", "resource \"aws_sqs_queue\" \"more\" { name = \"more\" }\n").unwrap();
        // Segments still pass: the state object alone is refused, once each time it is tried.
        let path = "/states/app.tfstate";
        let rule = json!([{"service": "s3", "action": "PutObject", "path": path, "kind": "error500", "times": -1}]);
        fails(world, &rule);
        let done = run(&stack, &["apply", "-auto-approve"], 1);
        let errored = stack.path().join("errored.tfstate");
        contains(&done.text(), &["could not be saved", "stackctl state push", "errored.tfstate"]);
        let puts = world.log().unwrap().iter().filter(|r| r["action"] == "PutObject" && r["path"] == path).count();
        assert!(puts >= 8, "it was tried {puts} times");
        assert!(errored.exists());
        assert_eq!(world.census().unwrap()["aws_sqs_queue"], 2, "what was made exists");
        fails(world, &json!([]));
        run(&stack, &["state", "push", "errored.tfstate"], 0);
        let list = run(&stack, &["state", "list"], 0).out;
        assert_eq!(list.lines().collect::<Vec<_>>(), ["aws_sqs_queue.more", "aws_sqs_queue.q"], "journal: {journal}");
        // Without a journal the run stopped in the middle of a creation, which is resumed.
        run(&stack, &["apply", "-auto-approve"], 0);
        run(&stack, &["plan", "-detailed-exitcode"], 0);
        assert_eq!(world.census().unwrap()["aws_sqs_queue"], 2, "nothing was made twice");
        world.exit();
    }
}

/// An endpoint that the block names wins over AWS_ENDPOINT_URL.
#[test]
fn endpoints_of_the_block_win() {
    let (world, store) = (world(), world());
    ready(store);
    let stack = bench(world, TABLE, BODY);
    let endpoint = store.endpoint();
    let text = stack.read("main.tf").unwrap().replace(
        TABLE,
        &format!(
            "{TABLE}\n    use_path_style = true\n    endpoints = {{ s3 = {endpoint:?}, dynamodb = {endpoint:?} }}"
        ),
    );
    stack.write("main.tf", &text).unwrap();
    strictly(&stack, &["apply", "-auto-approve"], 0);
    assert!(keys(store).contains(&"app.tfstate".to_owned()), "{:?}", keys(store));
    assert!(keys(world).is_empty());
    assert_eq!(world.census().unwrap()["aws_sqs_queue"], 1);
    world.exit();
    store.exit();
}
