//! Places of states that are not as they should be, and states that are none: what the message says, and that nothing is
//! overwritten, made or left locked.

use std::io::{BufReader, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::connections::{Request, listen};
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

/// A store before a world's: it keeps the requests that pass, and takes these headers from them.
struct Relay {
    port: u16,
    passed: Arc<Mutex<Vec<Request>>>,
}

impl Relay {
    fn before(world: World, without: &'static [&'static str]) -> Relay {
        let passed = Arc::default();
        let all = Arc::clone(&passed);
        Relay { port: listen(move |client| pass(client, world.port, without, &all)), passed }
    }
    /// The backend's arguments for it.
    fn arguments(&self) -> String {
        format!("use_path_style = true\n    endpoints = {{ s3 = \"http://127.0.0.1:{}\" }}", self.port)
    }
    /// What a header says in all requests of a method for keys that contain this.
    fn said(&self, method: &str, key: &str, header: &str) -> Vec<Option<String>> {
        let passed = self.passed.lock().unwrap();
        let fits = |r: &&Request| r.head[0].starts_with(&format!("{method} /states/")) && r.head[0].contains(key);
        passed.iter().filter(fits).map(|r| r.header(header).map(str::to_owned)).collect()
    }
}

/// One request of one connection.
fn pass(client: TcpStream, port: u16, without: &[&str], passed: &Mutex<Vec<Request>>) -> std::io::Result<()> {
    let Some(request) = Request::read(&mut BufReader::new(client.try_clone()?))? else { return Ok(()) };
    let name = |l: &String| l.split(':').next().unwrap_or_default().to_lowercase();
    let kept = |(i, l): &(usize, &String)| *i == 0 || name(l) != "connection" && !without.contains(&&*name(l));
    let mut server = TcpStream::connect(("127.0.0.1", port))?;
    for (_, line) in request.head.iter().enumerate().filter(kept) {
        write!(server, "{line}\r\n")?;
    }
    write!(server, "Connection: close\r\n\r\n")?;
    server.write_all(&request.body)?;
    passed.lock().unwrap().push(request);
    std::io::copy(&mut server, &mut &client).map(drop)
}

/// A lock, further lines of the backend block, and the headers that every PUT has then.
type Settings<'a> = (&'a str, String, &'a [(&'a str, &'a str)]);

/// Everything that is put beside the state is encrypted and opened as the state is.
#[test]
fn segments_and_locks_have_the_settings_of_the_state() {
    let key = "arn:aws:kms:us-east-1:123456789012:key/5a1d0f6e-0000-4000-8000-000000000000";
    let customer = format!("{}=", "A".repeat(43));
    let (kms, own) = ("x-amz-server-side-encryption", "x-amz-server-side-encryption-customer-");
    let cases: [Settings<'_>; 4] = [
        (
            FILE,
            format!("encrypt = true\n    kms_key_id = {key:?}\n    acl = \"bucket-owner-full-control\""),
            &[
                (kms, "aws:kms"),
                ("x-amz-server-side-encryption-aws-kms-key-id", key),
                ("x-amz-acl", "bucket-owner-full-control"),
            ],
        ),
        ("", "encrypt = true".to_owned(), &[(kms, "AES256")]),
        ("", format!("encrypt = true\n    sse_customer_key = {customer:?}"), &[(own, "")]),
        (FILE, String::new(), &[]),
    ];
    let empty = world();
    ready(empty);
    for (lock, more, wanted) in cases {
        let world = empty.fork().unwrap();
        let relay = Relay::before(world, &[]);
        let lines = format!("{lock}\n    {more}\n    {}", relay.arguments());
        let stack = bench(world, &lines, BODY);
        strictly(&stack, &["apply", "-auto-approve"], 0);
        stack.write("more.tf", "resource \"aws_sqs_queue\" \"more\" { name = \"more\" }\n").unwrap();
        strictly(&stack, &["apply", "-auto-approve"], 0);
        assert_eq!(strictly(&stack, &["workspace", "list"], 0).out.trim(), "* default", "segments are no workspaces");
        strictly(&stack, &["plan", "-detailed-exitcode"], 0);
        let lock = if lock == FILE { "app.tfstate.tflock" } else { "app.tfstate.journal/lease" };
        for of in ["/app.tfstate?", "app.tfstate.journal/0", lock] {
            for (header, value) in wanted {
                let (put, got) = match *header == own {
                    // The key itself travels with each request, for reading too.
                    true => (relay.said("PUT", of, &format!("{own}key")), relay.said("GET", of, &format!("{own}key"))),
                    false => (relay.said("PUT", of, header), Vec::new()),
                };
                let value = if *header == own { &customer } else { *value };
                assert!(!put.is_empty(), "{of}: nothing was put");
                assert!(
                    put.iter().chain(&got).all(|v| v.as_deref() == Some(value)),
                    "{more}, {of}: {header} {put:?} {got:?}"
                );
            }
            if wanted.is_empty() {
                for header in [kms, "x-amz-acl", "x-amz-server-side-encryption-customer-key"] {
                    assert!(relay.said("PUT", of, header).iter().all(Option::is_none), "{of}: {header}");
                }
            }
        }
        world.exit();
    }
    empty.exit();
}

/// A store that carries out every write is found out before anything is changed.
#[test]
fn a_store_without_conditions_is_refused() {
    let world = world();
    ready(world);
    let relay = Relay::before(world, &["if-match", "if-none-match"]);
    let mut stack = bench(world, &format!("{TABLE}\n    {}", relay.arguments()), BODY);
    let done = strictly(&stack, &["apply", "-auto-approve"], 1);
    contains(&done.text(), &["does not honour conditional writes", "Nothing was changed", "STACKCTL_UNSAFE_STORE=1"]);
    assert!(!world.census().unwrap().contains_key("aws_sqs_queue"));
    strictly(&stack, &["plan", "-detailed-exitcode"], 2);
    stack.env.push(("STACKCTL_UNSAFE_STORE".to_owned(), "1".to_owned()));
    let insisted = strictly(&stack, &["apply", "-auto-approve"], 0);
    contains(&insisted.text(), &["Warning", "Unsafe state storage"]);
    strictly(&stack, &["plan", "-detailed-exitcode"], 0);
    world.exit();
}

/// Permissions on the key that seals the state are named too, before anything is made.
#[test]
fn a_key_that_may_not_be_used_is_named() {
    let world = world();
    let secret = "variable \"p\" {\n  sensitive = true\n  default = \"hush\"\n}\n\
                  output \"p\" {\n  value = var.p\n  sensitive = true\n}\n";
    let stack = bench(world, TABLE, &format!("{BODY}{secret}"));
    run(&stack, &["bootstrap"], 0);
    fails(world, &denied("kms", "GenerateDataKey"));
    contains(&strictly(&stack, &["apply", "-auto-approve"], 1).text(), &["kms:GenerateDataKey", "arn:aws:kms:"]);
    assert!(!world.census().unwrap().contains_key("aws_sqs_queue"));
    fails(world, &json!([]));
    strictly(&stack, &["apply", "-auto-approve"], 0);
    fails(world, &denied("kms", "Decrypt"));
    contains(&strictly(&stack, &["plan"], 1).text(), &["\"Action\": \"kms:Decrypt\"", "arn:aws:kms:"]);
    contains(&strictly(&stack, &["output"], 0).out, &["<sensitive>"]);
    strictly(&stack, &["state", "list"], 0);
    world.exit();
}
