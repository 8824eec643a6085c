//! Sealed states: no artifact of a run holds a secret in any form, and what a lost key still allows.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::interrupt::wait_for;
use crate::lab::run::{Done, finish};
use crate::lab::{Bench, Tool};
use crate::{contains, repository, run, stackctl, world};

const SECRET: &str = "Zx9-\"<&>/+ür kq7Wm";

const STACK: &str = r#"
variable "password" { sensitive = true }
variable "size" { default = 1 }
resource "random_password" "generated" { length = 24 + var.size }
resource "terraform_data" "holder" {
  input = { user = "ada", password = var.password, also = [random_password.generated.result] }
}
resource "terraform_data" "trigger" { triggers_replace = [var.password] }
output "password" {
  value     = var.password
  sensitive = true
}
output "plain" { value = "in the open" }
"#;

/// A stack whose state is sealed with the key in a file.
fn sealed(text: &str, secret: &str) -> Bench {
    let mut bench = Bench::of(text, None).unwrap();
    bench.env.push(("STACKCTL_KEY_FILE".to_owned(), "key".to_owned()));
    bench.env.push(("TF_VAR_password".to_owned(), secret.to_owned()));
    bench
}

/// The same directory for somebody with another key, or none.
fn with_key(bench: &mut Bench, variable: &str, value: Option<&str>) {
    bench.env.retain(|(n, _)| n != "STACKCTL_PASSPHRASE" && n != "STACKCTL_KEY_FILE");
    bench.env.extend(value.map(|v| (format!("STACKCTL_{variable}"), v.to_owned())));
}

fn base64(bytes: &[u8], url: bool) -> String {
    let digits = match url {
        false => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        true => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
    };
    let mut out = String::new();
    for group in bytes.chunks(3) {
        let n = group.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - group.len()));
        for i in 0..=group.len() {
            out.push(char::from(digits[(n >> (18 - 6 * i)) as usize & 63]));
        }
    }
    out
}

/// Every form in which a secret could lie about.
fn forms(secret: &str) -> Vec<String> {
    let json = serde_json::to_string(secret).unwrap();
    let json = json.trim_matches('"').to_owned();
    let go = json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
    let percent = |keep: &dyn Fn(u8) -> bool, space: &str| -> String {
        secret.bytes().fold(String::new(), |mut out, b| {
            match b {
                b' ' => out.push_str(space),
                b if keep(b) => out.push(char::from(b)),
                b => out.push_str(&format!("%{b:02X}")),
            }
            out
        })
    };
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    let mut all = vec![secret.to_owned(), json, go, percent(&plain, "%20"), percent(&plain, "+")];
    all.push(format!("{secret:?}").trim_matches('"').to_owned());
    for url in [false, true] {
        // The secret may stand anywhere in what was encoded: of each of the three alignments, what does not depend on its
        // neighbours.
        for before in 0..3 {
            let text = base64(&[&vec![b'x'; before][..], secret.as_bytes()].concat(), url);
            all.push(text[[0, 2, 3][before]..text.len() - 2].to_owned());
        }
    }
    all.push(secret.bytes().map(|b| format!("{b:02x}")).collect());
    // A part of it is as bad.
    all.push(secret.chars().take(5).collect());
    all.push(secret.chars().skip(secret.chars().count() - 6).collect());
    all.extend(hashes(secret));
    all
}

/// Its hashes, as the language computes them.
fn hashes(secret: &str) -> Vec<String> {
    let bench = Bench::of("variable \"s\" {}", None).unwrap();
    let names = ["md5", "sha1", "sha256", "sha512", "base64sha256", "base64sha512"];
    let text: String = names.iter().map(|n| format!("{n}(var.s)\n")).collect();
    let mut command = bench.command(&stackctl(), &["console"]);
    command.env("TF_VAR_s", secret).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes()).unwrap();
    let done = finish(child).unwrap();
    let found: Vec<String> = done.out.lines().map(|l| l.trim_matches('"').to_owned()).collect();
    assert_eq!(found.len(), names.len(), "{}", done.text());
    assert!(found.iter().all(|h| h.len() > 20), "{found:?}");
    found
}

/// Looks for secrets in whatever a run leaves behind.
struct Search {
    forms: Vec<String>,
    looked: usize,
}

impl Search {
    fn for_secrets(secrets: &[&str]) -> Search {
        Search { forms: secrets.iter().flat_map(|s| forms(s)).collect(), looked: 0 }
    }
    #[track_caller]
    fn bytes(&mut self, what: &str, bytes: &[u8]) {
        self.looked += 1;
        let text = String::from_utf8_lossy(bytes);
        let found: Vec<&String> = self.forms.iter().filter(|f| text.contains(f.as_str())).collect();
        assert!(found.is_empty(), "{what} holds {found:?}");
    }
    #[track_caller]
    fn done(&mut self, what: &str, done: &Done) {
        self.bytes(what, done.text().as_bytes());
    }
    #[track_caller]
    fn directory(&mut self, dir: &Path) {
        for e in std::fs::read_dir(dir).unwrap() {
            let path = e.unwrap().path();
            match path.is_dir() {
                true => self.directory(&path),
                false => self.bytes(&path.display().to_string(), &std::fs::read(&path).unwrap()),
            }
        }
    }
}

/// A run whose log has everything.
#[track_caller]
fn traced(bench: &Bench, args: &[&str], code: i32) -> Done {
    let mut tool = stackctl();
    tool.env.push(("TF_LOG".to_owned(), "trace".to_owned()));
    match bench.run(&tool, args).unwrap().want(code) {
        Ok(done) => done,
        Err(e) => panic!("stackctl {}: {e}", args.join(" ")),
    }
}

#[test]
fn the_search_finds_every_form() {
    for (i, form) in forms(SECRET).into_iter().enumerate() {
        let mut search = Search::for_secrets(&[SECRET]);
        let text = format!("before {form} after");
        assert!(std::panic::catch_unwind(move || search.bytes("", text.as_bytes())).is_err(), "form {i}");
    }
}

#[test]
fn nothing_a_run_leaves_holds_a_secret() {
    let bench = sealed(STACK, SECRET);
    let mut runs = Vec::new();
    for (args, code) in [
        (&["plan", "-out=first.plan"][..], 0),
        (&["show", "first.plan"], 0),
        (&["show", "-json", "first.plan"], 0),
        (&["apply", "first.plan"], 0),
        (&["apply", "-auto-approve", "-var=size=3"], 0),
        (&["apply", "-auto-approve", "-json", "-var=size=4"], 0),
        (&["plan", "-json", "-var=size=5"], 0),
        (&["drift"], 0),
        (&["refresh"], 0),
        (&["show"], 0),
        (&["show", "-json"], 0),
        (&["output"], 0),
        (&["state", "list"], 0),
        (&["state", "show", "terraform_data.holder"], 0),
        (&["state", "pull"], 0),
        (&["state", "history"], 0),
        (&["state", "mv", "terraform_data.holder", "terraform_data.moved"], 0),
        (&["state", "mv", "terraform_data.moved", "terraform_data.holder"], 0),
        (&["taint", "terraform_data.trigger"], 0),
        (&["plan", "-out=second.plan"], 0),
        (&["state", "push", "elsewhere"], 1),
    ] {
        runs.push((args.join(" "), traced(&bench, args, code)));
    }
    let open: Value = run(&bench, &["state", "pull", "--unsealed"], 0).json().unwrap();
    let generated = open["resources"].as_array().unwrap().iter().find(|r| r["type"] == "random_password").unwrap();
    let generated = generated["instances"][0]["attributes"]["result"].as_str().unwrap();
    assert_eq!(run(&bench, &["output", "-raw", "password"], 0).out, SECRET, "shown where it is asked for");
    let mut search = Search::for_secrets(&[SECRET, generated]);
    for (what, done) in &runs {
        search.done(what, done);
    }
    search.directory(bench.path());
    assert!(search.looked > runs.len() + 4, "state, backup, journal and plans are there");
    let state = bench.read("terraform.tfstate").unwrap();
    contains(&state, &["sealed by stackctl", "in the open"]);
}

/// What a killed run leaves, and what the next one says about it.
#[test]
fn a_killed_run_leaves_no_secret() {
    let text = format!(
        "{STACK}\nresource \"terraform_data\" \"slow\" {{\n  input = terraform_data.holder.output.user\n  \
         provisioner \"local-exec\" {{ command = \"touch begun; exec sleep 9\" }}\n}}\n"
    );
    let bench = sealed(&text, SECRET);
    let mut child = bench.command(&stackctl(), &["apply", "-auto-approve"]);
    let mut child = child.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    assert!(wait_for(Duration::from_secs(60), || bench.path().join("begun").exists()), "the provisioner began");
    child.kill().unwrap();
    let done = finish(child).unwrap();
    let mut search = Search::for_secrets(&[SECRET]);
    search.done("the killed run", &done);
    assert!(bench.read("terraform.tfstate.journal").unwrap().contains("stackctl:sealed:v1:"), "the journal is sealed");
    search.directory(bench.path());
    bench.write("main.tf", STACK).unwrap();
    search.done("recovery", &traced(&bench, &["apply", "-auto-approve"], 0));
    search.directory(bench.path());
    run(&bench, &["plan", "-detailed-exitcode"], 0);
}

/// The language forgets that the output of `terraform_data` is a secret; the state does not.
#[test]
fn copies_without_marks_are_sealed() {
    let text =
        format!("{STACK}\nresource \"terraform_data\" \"copy\" {{ input = terraform_data.holder.output.password }}\n");
    let bench = sealed(&text, SECRET);
    run(&bench, &["apply", "-auto-approve"], 0);
    run(&bench, &["plan", "-detailed-exitcode", "-out=saved.plan"], 0);
    Search::for_secrets(&[SECRET]).directory(bench.path());
}

/// Other people's code logs requests with all that is in them: it is heard from `warn` on, unless that is asked for.
#[test]
fn logs_of_others_are_capped() {
    let world = world();
    crate::stores::ready(world);
    let stack = "resource \"aws_ssm_parameter\" \"p\" {\n  name = \"p\"\n  type = \"SecureString\"\n  value = var.password\n}\n";
    let mut bench = crate::journal::bench(
        world,
        crate::journal::TABLE,
        &format!("variable \"password\" {{ sensitive = true }}\n{stack}"),
    );
    bench.env.push(("TF_VAR_password".to_owned(), SECRET.to_owned()));
    let mut search = Search::for_secrets(&[SECRET]);
    let chatty = |done: &Done| -> (usize, usize) {
        let levels = ["TRACE ", "DEBUG ", " INFO "];
        let lines = done.err.lines().filter_map(|l| levels.iter().find_map(|n| l.split_once(n)).map(|(_, rest)| rest));
        let (ours, others): (Vec<&str>, Vec<&str>) = lines.partition(|rest| rest.trim_start().starts_with("stackctl"));
        (ours.len(), others.len())
    };
    let capped = traced(&bench, &["apply", "-auto-approve"], 0);
    search.done("the log", &capped);
    let (ours, others) = chatty(&capped);
    assert!(ours > 2 && others == 0, "{ours} lines of ours, {others} of others:\n{}", capped.err);
    let open = traced(&bench, &["plan", "--unsafe-log"], 0);
    assert!(chatty(&open).1 > 10, "{}", open.err);
    world.exit();
}

#[test]
fn mistakes_with_secrets_do_not_show_them() {
    for body in [
        "resource \"terraform_data\" \"a\" {\n  input = 1\n  lifecycle {\n    precondition {\n      condition = var.password == \
         \"x\"\n      error_message = \"Wrong: ${var.password}\"\n    }\n  }\n}",
        "resource \"terraform_data\" \"a\" { input = tonumber(var.password) }",
        "resource \"terraform_data\" \"a\" { input = { x = 1 }[var.password] }",
        "resource \"terraform_data\" \"a\" { input = jsondecode(var.password) }",
        "resource \"terraform_data\" \"a\" { input = file(var.password) }",
        "resource \"terraform_data\" \"a\" { for_each = toset([var.password]) }",
        "output \"o\" { value = var.password }",
    ] {
        let bench = sealed(&format!("variable \"password\" {{ sensitive = true }}\n{body}\n"), SECRET);
        let mut search = Search::for_secrets(&[SECRET]);
        search.done(body, &traced(&bench, &["apply", "-auto-approve"], 1));
        search.done(body, &traced(&bench, &["plan", "-json"], 1));
        search.directory(bench.path());
    }
}

#[test]
fn without_the_key() {
    let mut bench = sealed(STACK, SECRET);
    run(&bench, &["apply", "-auto-approve"], 0);
    run(&bench, &["plan", "-out=saved.plan", "-var=size=2"], 0);
    let other = sealed(STACK, SECRET);
    run(&other, &["apply", "-auto-approve"], 0);
    let wrong = other.path().join("key").display().to_string();
    for key in [None, Some(wrong.as_str())] {
        with_key(&mut bench, "KEY_FILE", key);
        let before = bench.read("terraform.tfstate");
        for args in [
            &["plan"][..],
            &["apply", "-auto-approve"],
            &["destroy", "-auto-approve"],
            &["drift"],
            &["refresh"],
            &["apply", "saved.plan"],
            &["show", "saved.plan"],
            &["output", "-raw", "password"],
            &["output", "-json"],
            &["show", "-json", "--unsealed"],
            &["state", "pull", "--unsealed"],
            &["state", "rekey", "-passphrase"],
            &["state", "unseal", "-auto-approve"],
        ] {
            contains(&run(&bench, args, 1).err, &["Sealed secrets cannot be used", "STACKCTL_KEY_FILE"]);
        }
        assert_eq!(before, bench.read("terraform.tfstate"), "nothing was written");
        contains(&run(&bench, &["output"], 0).out, &["in the open", "<sensitive>"]);
        contains(&run(&bench, &["output", "-raw", "plain"], 0).out, &["in the open"]);
        contains(&run(&bench, &["state", "show", "terraform_data.holder"], 0).out, &["ada", "(sensitive value)"]);
        contains(&run(&bench, &["show"], 0).out, &["ada", "(sensitive value)"]);
        run(&bench, &["show", "-json"], 0);
        run(&bench, &["state", "mv", "terraform_data.holder", "terraform_data.x"], 0);
        run(&bench, &["state", "mv", "terraform_data.x", "terraform_data.holder"], 0);
        run(&bench, &["workspace", "list"], 0);
    }
    with_key(&mut bench, "KEY_FILE", Some("key"));
    run(&bench, &["plan", "-detailed-exitcode"], 0);
    // The key is lost for good: what is not secret stays, and the stack goes on.
    with_key(&mut bench, "KEY_FILE", None);
    contains(&run(&bench, &["state", "unseal", "-force", "-auto-approve"], 0).out, &["were lost"]);
    contains(&run(&bench, &["apply", "-auto-approve"], 0).out, &["Apply complete"]);
    assert_eq!(run(&bench, &["output", "-raw", "password"], 0).out, SECRET);
}

#[test]
fn seal_rekey_unseal() {
    let mut bench = sealed(STACK, SECRET);
    with_key(&mut bench, "KEY_FILE", None);
    let hint = run(&bench, &["apply", "-auto-approve"], 0);
    assert_eq!(hint.text().matches("holds secrets as plain text").count(), 1, "{}", hint.text());
    assert!(!run(&bench, &["apply", "-auto-approve", "-var=size=2"], 0).text().contains("plain text"), "told once");
    contains(&run(&bench, &["state", "seal"], 1).err, &["there is no key for it", "stackctl bootstrap"]);
    contains(&run(&bench, &["state", "rekey"], 1).err, &["is not sealed"]);

    bench.write("stackctl.toml", "key_file = \"keys/state\"\n").unwrap();
    contains(&run(&bench, &["state", "seal"], 0).out, &["is sealed with the key file", "hold the secrets in the open"]);
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(bench.path().join("keys/state")).unwrap().permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);
    contains(&run(&bench, &["state", "seal"], 1).err, &["sealed already", "rekey"]);
    let state = |b: &Bench| b.state().unwrap()["stackctl"]["seal"].clone();
    let first = state(&bench);
    assert_eq!(first["by"], "file");
    assert!(!bench.read("terraform.tfstate").unwrap().contains("kq7Wm"));
    run(&bench, &["plan", "-detailed-exitcode", "-var=size=2"], 0);

    bench.env.push(("STACKCTL_NEW_PASSPHRASE".to_owned(), "another".to_owned()));
    contains(&run(&bench, &["state", "rekey", "-passphrase"], 0).out, &["sealed with a passphrase"]);
    bench.env.retain(|(n, _)| n != "STACKCTL_NEW_PASSPHRASE");
    contains(&run(&bench, &["plan"], 1).err, &["sealed with a passphrase"]);
    with_key(&mut bench, "PASSPHRASE", Some("another"));
    assert_ne!(state(&bench)["key"], first["key"]);
    run(&bench, &["plan", "-detailed-exitcode", "-var=size=2"], 0);

    contains(&run(&bench, &["state", "unseal"], 1).err, &["-auto-approve"]);
    run(&bench, &["state", "unseal", "-auto-approve"], 0);
    assert_eq!(bench.state().unwrap()["terraform_version"], "1.11.4");
    assert_eq!(bench.state().unwrap()["outputs"]["password"]["value"], SECRET);
}

#[test]
fn settings_decide_about_new_states() {
    for (settings, passphrase, sealed) in [
        ("", None, false),
        ("", Some("p"), true),
        ("seal = \"never\"", Some("p"), false),
        ("seal = \"always\"\nkey_file = \"k\"", None, true),
        ("key_file = \"k\"", None, true),
    ] {
        let mut bench = self::sealed(STACK, SECRET);
        with_key(&mut bench, "PASSPHRASE", passphrase);
        bench.write("stackctl.toml", settings).unwrap();
        run(&bench, &["apply", "-auto-approve"], 0);
        let text = bench.read("terraform.tfstate").unwrap();
        assert_eq!(text.contains("sealed by stackctl"), sealed, "{settings}");
    }
    let mut bench = sealed(STACK, SECRET);
    with_key(&mut bench, "KEY_FILE", None);
    bench.write("stackctl.toml", "seal = \"always\"").unwrap();
    contains(&run(&bench, &["apply", "-auto-approve"], 1).err, &["has to be sealed", "key_file"]);
    assert_eq!(bench.read("terraform.tfstate"), None, "nothing was begun");
}

/// A state of somebody else's that is put in the place of a sealed one is sealed again, and a sealed one is restored.
#[test]
fn pushed_and_restored_states_stay_sealed() {
    let bench = sealed(STACK, SECRET);
    run(&bench, &["apply", "-auto-approve"], 0);
    let mut search = Search::for_secrets(&[SECRET]);
    let kept = run(&bench, &["state", "pull"], 0).out;
    let open = run(&bench, &["state", "pull", "--unsealed"], 0).out;
    let mut edited: Value = serde_json::from_str(&open).unwrap();
    edited["serial"] = 90.into();
    edited["outputs"]["plain"]["value"] = "edited".into();
    let elsewhere = Bench::empty(None).unwrap();
    elsewhere.write("edited.tfstate", &edited.to_string()).unwrap();
    elsewhere.write("kept.tfstate", &kept).unwrap();
    let path = elsewhere.path().join("edited.tfstate").display().to_string();
    run(&bench, &["state", "push", &path], 0);
    search.directory(bench.path());
    assert_eq!(run(&bench, &["output", "-raw", "plain"], 0).out, "edited");
    assert_eq!(run(&bench, &["output", "-raw", "password"], 0).out, SECRET);
    let kept = elsewhere.path().join("kept.tfstate").display().to_string();
    run(&bench, &["state", "restore", &kept, "-auto-approve"], 0);
    search.directory(bench.path());
    assert_eq!(run(&bench, &["output", "-raw", "plain"], 0).out, "in the open");
    assert_eq!(run(&bench, &["output", "-raw", "password"], 0).out, SECRET);
}

#[test]
fn terraform_refuses_a_sealed_state() {
    if Command::new("terraform").arg("version").output().is_err() {
        return;
    }
    let bench = sealed(
        "variable \"password\" { sensitive = true }\nresource \"terraform_data\" \"a\" { input = var.password }",
        SECRET,
    );
    run(&bench, &["apply", "-auto-approve"], 0);
    let before = bench.read("terraform.tfstate");
    let mut terraform = Tool::new("terraform");
    terraform.env.push(("CHECKPOINT_DISABLE".to_owned(), "1".to_owned()));
    bench.run(&terraform, &["init"]).unwrap();
    for args in
        [&["plan"][..], &["apply", "-auto-approve"], &["state", "list"], &["state", "push", "terraform.tfstate"]]
    {
        let done = bench.run(&terraform, args).unwrap();
        assert_eq!(done.code, Some(1), "{}", done.text());
        contains(&done.text(), &["sealed by stackctl"]);
    }
    assert_eq!(before, bench.read("terraform.tfstate"));
}

/// The whole way with S3 and KMS: the backend is prepared, new states are sealed by themselves, and nothing that was ever
/// in the bucket holds a secret.
#[test]
fn a_prepared_backend_seals_by_itself() {
    let world = world();
    let backend = "terraform {\n  backend \"s3\" {\n    bucket = \"states\"\n    key = \"app.tfstate\"\n    region = \
                   \"eu-west-1\"\n    dynamodb_table = \"locks\"\n  }\n}\n";
    let mut bench = Bench::of(&format!("{backend}{STACK}"), Some(world)).unwrap();
    bench.env.push(("TF_VAR_password".to_owned(), SECRET.to_owned()));
    let first = run(&bench, &["bootstrap"], 0);
    contains(&first.out, &["versions of its objects", "TLS only", "no public access", "KMS key arn:aws:kms:eu-west-1"]);
    let logged = world.log().unwrap().len();
    let second = run(&bench, &["bootstrap"], 0);
    contains(&second.out, &["nothing was changed"]);
    let changes = ["Create", "Put", "Enable", "Tag"];
    let again: Vec<Value> = world.log().unwrap().drain(logged..).collect();
    let changing =
        again.iter().filter(|r| changes.iter().any(|c| r["action"].as_str().unwrap_or_default().starts_with(c)));
    assert_eq!(changing.count(), 0, "a second run only looks: {again:?}");
    // Only versions that were replaced expire, after a year and beyond the newest fifty: a journal object is current until
    // its run has been folded.
    let rules = world.s3("GET", "/states?lifecycle", "").unwrap();
    contains(
        &rules,
        &["<NoncurrentDays>365</NoncurrentDays>", "<NewerNoncurrentVersions>50</NewerNoncurrentVersions>"],
    );
    assert!(!rules.contains("<Days>") && !rules.contains("<Date>"), "{rules}");

    let mut search = Search::for_secrets(&[SECRET]);
    for args in [&["plan", "-out=saved.plan"][..], &["apply", "saved.plan"], &["apply", "-auto-approve", "-var=size=2"]]
    {
        search.done(&args.join(" "), &traced(&bench, args, 0));
    }
    search.directory(bench.path());
    let objects = world.s3("GET", "/states?versions", "").unwrap();
    let mut seen = 0;
    for part in objects.split("<Version>").skip(1) {
        let field = |name: &str| {
            part.split_once(&format!("<{name}>"))
                .and_then(|(_, p)| p.split_once('<'))
                .map(|(v, _)| v)
                .unwrap_or_default()
        };
        let (key, version) = (field("Key"), field("VersionId"));
        let text = world.s3("GET", &format!("/states/{key}?versionId={version}"), "").unwrap();
        search.bytes(&format!("{key} {version}"), text.as_bytes());
        seen += 1;
    }
    assert!(seen >= 3, "state and journal were there: {objects}");
    let state = world.s3("GET", "/states/app.tfstate", "").unwrap();
    contains(&state, &["sealed by stackctl", "\"by\": \"kms\""]);
    assert_eq!(run(&bench, &["output", "-raw", "password"], 0).out, SECRET);
    run(&bench, &["plan", "-detailed-exitcode", "-var=size=2"], 0);
}

/// The key that the block names for encryption seals the state too; the bucket has none.
#[test]
fn the_key_of_the_block_seals() {
    let world = world();
    let made =
        Bench::of("resource \"aws_kms_key\" \"k\" {}\noutput \"arn\" { value = aws_kms_key.k.arn }\n", Some(world));
    let made = made.unwrap();
    run(&made, &["apply", "-auto-approve"], 0);
    let arn = run(&made, &["output", "-raw", "arn"], 0).out;
    world.s3("PUT", "/states", "").unwrap();
    let backend = format!(
        "terraform {{\n  backend \"s3\" {{\n    bucket = \"states\"\n    key = \"app.tfstate\"\n    region = \"us-east-1\"\n    \
         encrypt = true\n    kms_key_id = {arn:?}\n  }}\n}}\n"
    );
    let mut bench = Bench::of(&format!("{backend}{STACK}"), Some(world)).unwrap();
    bench.env.push(("TF_VAR_password".to_owned(), SECRET.to_owned()));
    bench.write("stackctl.toml", "seal = \"always\"\n").unwrap();
    run(&bench, &["apply", "-auto-approve"], 0);
    let state = world.s3("GET", "/states/app.tfstate", "").unwrap();
    contains(&state, &["sealed by stackctl", "\"by\": \"kms\"", &format!("\"kms_key\": {arn:?}")]);
    assert!(!state.contains("kq7Wm"), "{state}");
    assert_eq!(run(&bench, &["output", "-raw", "password"], 0).out, SECRET);
}

/// What others have set up in the bucket stays.
#[test]
fn bootstrap_adds_and_never_replaces() {
    let world = world();
    let text = "terraform {\n  backend \"s3\" {\n    bucket = \"theirs\"\n    key = \"k\"\n    region = \"us-east-1\"\n  }\n}\n";
    let bench = Bench::of(text, Some(world)).unwrap();
    world.s3("PUT", "/theirs", "").unwrap();
    let theirs = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Theirs","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::theirs/*"}]}"#;
    world.s3("PUT", "/theirs?policy", theirs).unwrap();
    let rule = "<LifecycleConfiguration><Rule><ID>theirs</ID><Status>Enabled</Status><Filter><Prefix>logs/</Prefix></Filter>\
                <Expiration><Days>9</Days></Expiration></Rule></LifecycleConfiguration>";
    world.s3("PUT", "/theirs?lifecycle", rule).unwrap();
    contains(&run(&bench, &["bootstrap", "-no-seal"], 0).out, &["found", "bucket theirs", "made", "TLS only"]);
    let policy = world.s3("GET", "/theirs?policy", "").unwrap();
    contains(&policy, &["Theirs", "StackctlTlsOnly"]);
    let rules = world.s3("GET", "/theirs?lifecycle", "").unwrap();
    contains(&rules, &["<ID>theirs</ID>", "stackctl-old-versions"]);
    // Ours takes old versions alone: nothing current, of the journal or else, is ever touched.
    let ours = rules.split("<Rule>").find(|r| r.contains("stackctl-old-versions")).unwrap();
    contains(ours, &["<NoncurrentDays>365</NoncurrentDays>", "<NewerNoncurrentVersions>50</NewerNoncurrentVersions>"]);
    assert!(!ours.contains("<Days>") && !ours.contains("<Date>") && !ours.contains("<Transition>"), "{ours}");
    let local = Bench::of("terraform {}", Some(world)).unwrap();
    contains(&run(&local, &["bootstrap"], 1).err, &["Nothing to prepare", "backend \"s3\""]);
}

/// The stack in `state/` and the command make the same.
#[test]
fn the_stack_makes_what_bootstrap_finds() {
    let world = world();
    let stack = Bench::copy_of(&repository("state"), Some(world)).unwrap();
    let variables = ["-var=bucket=example-states", "-var=region=eu-west-1", "-var=lock_table=locks"];
    run(&stack, &[&["apply", "-auto-approve"], &variables[..]].concat(), 0);
    run(&stack, &[&["plan", "-detailed-exitcode"], &variables[..]].concat(), 0);
    let text = "terraform {\n  backend \"s3\" {\n    bucket = \"example-states\"\n    key = \"k\"\n    region = \
                \"eu-west-1\"\n    dynamodb_table = \"locks\"\n  }\n}\n";
    let bench = Bench::of(text, Some(world)).unwrap();
    contains(&run(&bench, &["bootstrap"], 0).out, &["Everything was there; nothing was changed."]);
}

/// Programs of the user's get the environment without the passphrase of the state.
#[test]
fn programs_do_not_inherit_the_passphrase() {
    let text = r#"
data "external" "shown" {
  program = ["sh", "-c", "printf '{\"it\": \"%s %s %s\"}' \"$STACKCTL_PASSPHRASE\" \"$STACKCTL_NEW_PASSPHRASE\" \"$OTHER\""]
}
resource "terraform_data" "a" {
  provisioner "local-exec" { command = "env > shown.txt" }
}
output "shown" { value = data.external.shown.result.it }
"#;
    let mut bench = Bench::of(text, None).unwrap();
    for (name, value) in [("PASSPHRASE", "hush-hush"), ("NEW_PASSPHRASE", "hush-too")] {
        bench.env.push((format!("STACKCTL_{name}"), value.to_owned()));
    }
    bench.env.push(("OTHER".to_owned(), "seen".to_owned()));
    run(&bench, &["apply", "-auto-approve"], 0);
    assert_eq!(run(&bench, &["output", "-raw", "shown"], 0).out, "  seen");
    let shown = bench.read("shown.txt").unwrap();
    assert!(shown.contains("OTHER=seen") && !shown.contains("hush"), "{shown}");
}
