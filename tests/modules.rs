//! Modules from elsewhere: git repositories of this machine, archives and a module registry on a local server with TLS.
//!
//! They need `git`, `python3`, `openssl` and `tar`.

mod edits;
mod idioms;
mod sources;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::lab::Bench;
use crate::{contains, run};

/// Runs a program of the test's own; its standard output.
#[track_caller]
fn sh(dir: &Path, program: &str, args: &[&str]) -> String {
    let mut command = Command::new(program);
    command.args(args).current_dir(dir).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    for (who, name) in [("AUTHOR", "a"), ("COMMITTER", "c")] {
        command.env(format!("GIT_{who}_NAME"), name).env(format!("GIT_{who}_EMAIL"), format!("{name}@example.com"));
    }
    let out = command.output().unwrap();
    assert!(out.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

#[track_caller]
fn write(path: PathBuf, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn output(value: &str) -> String {
    format!("output \"x\" {{\n  value = \"{value}\"\n}}\n")
}

/// A git repository.
struct Repository(tempfile::TempDir);

impl Repository {
    fn new() -> Repository {
        let dir = tempfile::tempdir().unwrap();
        sh(dir.path(), "git", &["init", "-q", "-b", "main", "."]);
        Repository(dir)
    }
    fn path(&self) -> &Path {
        self.0.path()
    }
    fn git(&self, args: &[&str]) -> String {
        sh(self.path(), "git", args)
    }
    /// Writes files and commits them; the commit.
    fn commit(&self, files: &[(&str, &str)]) -> String {
        for (name, text) in files {
            write(self.path().join(name), text);
        }
        self.git(&["add", "-A"]);
        self.git(&["-c", "protocol.file.allow=always", "commit", "-q", "-m", "change"]);
        self.git(&["rev-parse", "HEAD"])
    }
    /// Its address as a source.
    fn source(&self, rest: &str) -> String {
        format!("git::file://{}{rest}", self.path().display())
    }
}

/// A configuration that calls modules and shows their output `x`.
fn calls(modules: &[(&str, &str, Option<&str>)]) -> String {
    let mut text = String::new();
    for (name, source, version) in modules {
        let version = version.map(|v| format!("  version = \"{v}\"\n")).unwrap_or_default();
        text.push_str(&format!("module \"{name}\" {{\n  source = \"{source}\"\n{version}}}\n"));
        text.push_str(&format!("output \"{name}\" {{\n  value = module.{name}.x\n}}\n"));
    }
    text
}

/// The outputs after an apply.
#[track_caller]
fn outputs(bench: &Bench) -> Value {
    run(bench, &["apply", "-auto-approve"], 0);
    let all = run(bench, &["output", "-json"], 0).json().unwrap();
    let pairs = all.as_object().unwrap().iter().map(|(k, v)| (k.clone(), v["value"].clone()));
    Value::Object(pairs.collect())
}

#[track_caller]
fn file(bench: &Bench, name: &str) -> Value {
    serde_json::from_str(&bench.read(name).unwrap_or_else(|| panic!("no {name}"))).unwrap()
}

fn lock(bench: &Bench, key: &str) -> Value {
    file(bench, "stackctl.lock.json")["modules"][key].clone()
}

#[track_caller]
fn forget(bench: &Bench) {
    std::fs::remove_dir_all(bench.path().join(".terraform")).unwrap();
}

#[test]
fn git_repositories() {
    let other = Repository::new();
    other.commit(&[("main.tf", &output("submodule"))]);
    let repo = Repository::new();
    let nested = "module \"o\" {\n  source = \"../other\"\n}\noutput \"x\" {\n  value = module.o.x\n}\n";
    let one =
        repo.commit(&[("main.tf", &output("one")), ("sub/main.tf", nested), ("other/main.tf", &output("nested"))]);
    repo.git(&["tag", "-a", "v1", "-m", "v1"]);
    repo.git(&["checkout", "-q", "-b", "feature/x"]);
    let branch = repo.commit(&[("main.tf", &output("branch"))]);
    repo.git(&["checkout", "-q", "main"]);
    repo.git(&[
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "add",
        "-q",
        &other.path().display().to_string(),
        "deep",
    ]);
    let two = repo.commit(&[("main.tf", &output("two"))]);
    let text = calls(&[
        ("head", &repo.source(""), None),
        ("tag", &repo.source("?ref=v1"), None),
        ("branch", &repo.source("?ref=feature%2Fx&depth=1"), None),
        ("commit", &repo.source(&format!("?ref={}", &one[..9])), None),
        ("sub", &repo.source("//sub?ref=v1"), None),
        ("deep", &repo.source("//deep"), None),
        ("place", &format!("{}//other", repo.path().display()), None),
    ]);
    let bench = Bench::of(&text, None).unwrap();
    contains(&run(&bench, &["plan"], 1).text(), &["Module not installed", "stackctl init", "main.tf:2"]);
    let done = run(&bench, &["init"], 0);
    contains(&done.out, &["- head:", "in .terraform/modules/sub/sub", "stackctl.lock.json records what was fetched"]);
    let want = json!({"head": "two", "tag": "one", "branch": "branch", "commit": "one", "sub": "nested",
        "deep": "submodule", "place": "nested"});
    assert_eq!(outputs(&bench), want);
    let list = file(&bench, ".terraform/modules/modules.json");
    let entries: Vec<String> =
        list["Modules"].as_array().unwrap().iter().map(|m| format!("{} {}", m["Key"], m["Dir"])).collect();
    let dirs = |rest: &str| format!("\".terraform/modules/{rest}\"");
    assert_eq!(
        entries,
        [
            "\"\" \".\"".to_owned(),
            format!("\"branch\" {}", dirs("branch")),
            format!("\"commit\" {}", dirs("commit")),
            format!("\"deep\" {}", dirs("deep/deep")),
            format!("\"head\" {}", dirs("head")),
            format!("\"place\" {}", dirs("place/other")),
            format!("\"sub\" {}", dirs("sub/sub")),
            format!("\"sub.o\" {}", dirs("sub/other")),
            format!("\"tag\" {}", dirs("tag")),
        ]
    );
    let commits = ["head", "tag", "branch", "commit"].map(|k| lock(&bench, k)["commit"].as_str().unwrap().to_owned());
    assert_eq!(commits, [two.clone(), one.clone(), branch, one]);
    assert!(lock(&bench, "place").is_null(), "directories of this machine are not pinned");
    assert!(!bench.path().join(".terraform/modules/head/.git").exists());
    // Nothing has to be fetched again.
    let gone = repo.path().with_extension("gone");
    std::fs::rename(repo.path(), &gone).unwrap();
    assert_eq!(run(&bench, &["get"], 1).code, Some(1), "the directory of this machine is gone");
    std::fs::rename(&gone, repo.path()).unwrap();
    let again = run(&bench, &["init"], 0);
    assert!(!again.out.contains("- head"), "{}", again.out);
}

#[test]
fn pins_hold_until_an_upgrade() {
    let repo = Repository::new();
    let one = repo.commit(&[("main.tf", &output("one"))]);
    let bench = Bench::of(&calls(&[("m", &repo.source("?ref=main"), None)]), None).unwrap();
    run(&bench, &["init"], 0);
    let pinned = lock(&bench, "m");
    assert_eq!((&pinned["commit"], pinned["hash"].as_str().unwrap().starts_with("h1:")), (&json!(one), true));
    let two = repo.commit(&[("main.tf", &output("two"))]);
    forget(&bench);
    run(&bench, &["init"], 0);
    assert_eq!(outputs(&bench), json!({"m": "one"}));
    assert_eq!(lock(&bench, "m"), pinned);
    run(&bench, &["get", "-update"], 0);
    assert_eq!(outputs(&bench), json!({"m": "two"}));
    assert_eq!(lock(&bench, "m")["commit"], json!(two));
    // Somebody else's pin: what is installed here is not it.
    bench.write("stackctl.lock.json", &json!({"version": 1, "modules": {"m": pinned}}).to_string()).unwrap();
    contains(&run(&bench, &["plan"], 1).text(), &["Module is not the pinned one", "stackctl init", "main.tf:2"]);
    run(&bench, &["init", "-lockfile=readonly"], 0);
    assert_eq!(outputs(&bench), json!({"m": "one"}));
    // Changed by hand: fetched again.
    bench.write(".terraform/modules/m/main.tf", &output("forged")).unwrap();
    run(&bench, &["init"], 0);
    assert_eq!(outputs(&bench), json!({"m": "one"}));
    // The lock file may not change, but the configuration did.
    bench.write("main.tf", &calls(&[("m", &repo.source("?ref=main"), None), ("n", &repo.source(""), None)])).unwrap();
    contains(&run(&bench, &["init", "-lockfile=readonly"], 1).text(), &["Lock file is out of date", "n"]);
    assert!(lock(&bench, "n").is_null());
    run(&bench, &["init"], 0);
    assert_eq!(outputs(&bench), json!({"m": "one", "n": "two"}));
    // A module that is no longer called is no longer pinned.
    bench.write("main.tf", &calls(&[("n", &repo.source(""), None)])).unwrap();
    run(&bench, &["init"], 0);
    assert!(lock(&bench, "m").is_null() && !lock(&bench, "n").is_null());
}

#[test]
fn a_saved_plan_carries_its_modules() {
    let repo = Repository::new();
    repo.commit(&[("main.tf", &output("one"))]);
    let bench = Bench::of(&calls(&[("m", &repo.source(""), None)]), None).unwrap();
    run(&bench, &["init"], 0);
    run(&bench, &["plan", "-out=p"], 0);
    forget(&bench);
    run(&bench, &["apply", "p"], 0);
    let state = bench.state().unwrap();
    assert_eq!(state["outputs"]["m"]["value"], "one");
    // Elsewhere, where nothing but the plan is.
    let elsewhere = Bench::empty(None).unwrap();
    let fresh = Bench::of(&calls(&[("m", &repo.source(""), None)]), None).unwrap();
    run(&fresh, &["init"], 0);
    run(&fresh, &["plan", "-out=p"], 0);
    std::fs::copy(fresh.path().join("p"), elsewhere.path().join("p")).unwrap();
    run(&elsewhere, &["apply", "p"], 0);
    assert_eq!(elsewhere.state().unwrap()["outputs"]["m"]["value"], "one");
}

/// The state can be looked at where modules are not fetched, as after a clone.
#[test]
fn states_need_no_modules() {
    let repo = Repository::new();
    repo.commit(&[(
        "main.tf",
        "resource \"terraform_data\" \"d\" {\n  input = 1\n}\noutput \"x\" {\n  value = 1\n}\n",
    )]);
    let bench = Bench::of(&calls(&[("m", &repo.source(""), None)]), None).unwrap();
    run(&bench, &["init"], 0);
    run(&bench, &["apply", "-auto-approve"], 0);
    forget(&bench);
    assert_eq!(run(&bench, &["output", "-raw", "m"], 0).out, "1");
    contains(&run(&bench, &["state", "list"], 0).out, &["module.m.terraform_data.d"]);
    contains(&run(&bench, &["show"], 0).out, &["terraform_data"]);
    assert!(run(&bench, &["workspace", "list"], 0).err.is_empty());
    contains(&run(&bench, &["plan"], 1).text(), &["Module not installed"]);
    run(&bench, &["init"], 0);
    run(&bench, &["plan", "-detailed-exitcode"], 0);
}

/// A server with TLS and what it serves.
struct Server {
    dir: tempfile::TempDir,
    child: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start() -> Server {
        let dir = tempfile::tempdir().unwrap();
        let name = ["-subj", "/CN=stackctl test", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"];
        let kind =
            ["-addext", "basicConstraints=critical,CA:FALSE", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
        let files = ["req", "-x509", "-nodes", "-days", "2", "-keyout", "key.pem", "-out", "cert.pem"];
        sh(dir.path(), "openssl", &[files.as_slice(), name.as_slice(), kind.as_slice()].concat());
        let script = crate::repository("tests/modules_server.py");
        let mut child = Command::new("python3")
            .arg(script)
            .args([".", "cert.pem", "key.pem"])
            .current_dir(dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let server = Server { dir, child, port: line.trim().parse().unwrap() };
        server.pack("m", &[("main.tf", &output("package")), ("sub/main.tf", &output("sub"))]);
        server
    }
    /// Makes `files/NAME.tar.gz`, `.tar.xz`, `.zip` and `NAME-top.tar.gz`, in which everything is in one directory more.
    fn pack(&self, name: &str, files: &[(&str, &str)]) {
        let (from, to) = (self.dir.path().join("package-1"), self.dir.path().join("files"));
        for (file, text) in files {
            write(from.join(file), text);
        }
        std::fs::create_dir_all(&to).unwrap();
        let target = |ending: &str| to.join(format!("{name}{ending}")).display().to_string();
        sh(&from, "tar", &["-czf", &target(".tar.gz"), "."]);
        sh(&from, "tar", &["-cJf", &target(".tar.xz"), "."]);
        sh(self.dir.path(), "tar", &["-czf", &target("-top.tar.gz"), "package-1"]);
        let zip = "import shutil, sys; shutil.make_archive(sys.argv[1], 'zip', '.')";
        sh(&from, "python3", &["-c", zip, &target("")]);
        std::fs::remove_dir_all(from).unwrap();
    }
    /// Says which versions a module has, and where they are.
    fn versions(&self, module: &str, versions: &[(&str, &str)]) {
        let text: String = versions.iter().map(|(v, at)| format!("{v} {at}\n")).collect();
        write(self.dir.path().join("versions").join(module), &text);
    }
    /// `127.0.0.1:PORT` with what stands behind it.
    fn at(&self, rest: &str) -> String {
        format!("127.0.0.1:{}{rest}", self.port)
    }
    fn https(&self, rest: &str) -> String {
        format!("https://{}", self.at(rest))
    }
    /// The requests since the last time.
    fn log(&self) -> Vec<String> {
        let path = self.dir.path().join("log");
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let _ = std::fs::remove_file(path);
        text.lines().map(|l| l.trim_end().to_owned()).collect()
    }
    fn bench(&self, text: &str) -> Bench {
        let mut bench = Bench::of(text, None).unwrap();
        bench.env.push(("SSL_CERT_FILE".into(), self.dir.path().join("cert.pem").display().to_string()));
        bench
    }
}

#[test]
fn archives() {
    let server = Server::start();
    let sum = sh(server.dir.path(), "openssl", &["dgst", "-sha256", "-r", "files/m.zip"]);
    let sum = sum.split(' ').next().unwrap();
    let bench = server.bench(&calls(&[
        ("tar", &server.https("/m.tar.gz"), None),
        ("xz", &server.https("/m.tar.xz//sub"), None),
        ("zip", &server.https("/m.zip//sub"), None),
        (
            "named",
            &server.https("/x/m.zip?archive=zip&checksum=sha256:").replace("sha256:", &format!("sha256:{sum}")),
            None,
        ),
        ("moved", &server.https("/moved/m.tar.gz"), None),
        ("page", &server.https("/page"), None),
        ("header", &server.https("/header//sub"), None),
        ("basic", &server.https("/basic/m.zip").replace("https://", "https://me:pass%40word@"), None),
    ]));
    let done = run(&bench, &["init"], 0);
    assert!(!done.text().contains("pass%40word"), "{}", done.text());
    let want = json!({"tar": "package", "xz": "sub", "zip": "sub", "named": "package", "moved": "package", "page": "sub",
        "header": "sub", "basic": "package"});
    assert_eq!(outputs(&bench), want);
    let text = bench.read("stackctl.lock.json").unwrap();
    assert!(!text.contains("pass%40word"), "{text}");
    assert_eq!(lock(&bench, "tar")["hash"], lock(&bench, "zip")["hash"], "the same files, however they are packed");
}

#[test]
fn registries() {
    let server = Server::start();
    let version = |v: &str| {
        let nested =
            "module \"n\" {\n  source = \"./sub\"\n}\noutput \"x\" {\n  value = \"VERSION ${module.n.x}\"\n}\n";
        server.pack(v, &[("main.tf", &nested.replace("VERSION", v)), ("sub/main.tf", &output("nested"))]);
    };
    for v in ["1.2.0", "1.10.0", "2.0.0", "2.1.0-rc1"] {
        version(v);
    }
    let at = [
        ("1.2.0", "/1.2.0.tar.gz"),
        ("1.10.0", "json:./../../../../../1.10.0-top.tar.gz//*?archive=tar.gz"),
        ("2.0.0", "/2.0.0.zip"),
        ("2.1.0-rc1", "/2.1.0-rc1.zip"),
    ];
    server.versions("acme/net/aws", &at);
    server.versions("private/net/aws", &at);
    let source = server.at("/acme/net/aws");
    let mut bench = server.bench(&calls(&[
        ("any", &source, None),
        ("one", &source, Some("~> 1.0")),
        ("old", &source, Some(">= 1.0, < 1.10")),
        ("pre", &source, Some("2.1.0-rc1")),
        ("sub", &format!("{source}//sub"), Some("2.0.0")),
        ("private", &server.at("/private/net/aws"), Some("1.2.0")),
    ]));
    let refused = run(&bench, &["init"], 1).text();
    contains(&refused, &["Module registry refused access", "TF_TOKEN_127_0_0_1", "main.tf"]);
    bench.env.push((format!("TF_TOKEN_127.0.0.1:{}", server.port), "letmein".into()));
    server.log();
    let done = run(&bench, &["init"], 0);
    contains(&done.out, &["private", "1.2.0 in .terraform/modules/private"]);
    assert!(!done.out.contains("- any"), "what the first run could fetch is there:\n{}", done.out);
    assert!(
        server
            .log()
            .iter()
            .filter(|l| !l.starts_with("/v1") && !l.starts_with("/.well"))
            .all(|l| !l.contains("letmein"))
    );
    let want = json!({"any": "2.0.0 nested", "one": "1.10.0 nested", "old": "1.2.0 nested", "pre": "2.1.0-rc1 nested",
        "sub": "nested", "private": "1.2.0 nested"});
    assert_eq!(outputs(&bench), want);
    let list = file(&bench, ".terraform/modules/modules.json");
    let entry = |key: &str| list["Modules"].as_array().unwrap().iter().find(|m| m["Key"] == key).unwrap().clone();
    let one = entry("one");
    assert_eq!((&one["Version"], &one["Source"]), (&json!("1.10.0"), &json!(source)));
    assert_eq!(one["Dir"], ".terraform/modules/one/package-1");
    assert_eq!(entry("one.n")["Dir"], ".terraform/modules/one/package-1/sub");

    // A newer version changes nothing until an upgrade, and only within the constraint.
    version("1.11.0");
    server.versions("acme/net/aws", &[at.as_slice(), &[("1.11.0", "/1.11.0.zip")]].concat());
    forget(&bench);
    server.log();
    run(&bench, &["init"], 0);
    assert_eq!(outputs(&bench), want);
    assert!(!server.log().iter().any(|l| l.contains("/versions")), "pinned versions are not looked for");
    run(&bench, &["init", "-upgrade"], 0);
    let upgraded = outputs(&bench);
    assert_eq!(
        (&upgraded["one"], &upgraded["any"], &upgraded["old"]),
        (&json!("1.11.0 nested"), &want["any"], &want["old"])
    );

    // A pinned version whose content is another one.
    server.pack("1.11.0", &[("main.tf", &output("replaced"))]);
    forget(&bench);
    let done = run(&bench, &["init"], 1);
    contains(&done.text(), &["Module content has changed", "1.11.0", "stackctl init -upgrade"]);
    run(&bench, &["init", "-upgrade"], 0);
    assert_eq!(outputs(&bench)["one"], "replaced");
}

/// What is said about sources that lead nowhere.
#[test]
fn mistakes() {
    let server = Server::start();
    let repo = Repository::new();
    let around = "module \"again\" {\n  source = \"SOURCE\"\n}\noutput \"x\" {\n  value = 1\n}\n";
    let escape = "module \"up\" {\n  source = \"../../..\"\n}\noutput \"x\" {\n  value = 1\n}\n"
        .replace("../../..", "../../../m");
    repo.commit(&[
        ("main.tf", &output("one")),
        ("around/main.tf", &around.replace("SOURCE", &repo.source("//around"))),
        ("escape/main.tf", &escape),
    ]);
    server.versions("acme/net/aws", &[("1.0.0", "/m.zip"), ("1.1.0", "/m.zip")]);
    server.versions("acme/local/aws", &[("1.0.0", "/m.zip"), ("2.0.0", "file:///etc")]);
    let closed = server.at("").replace(&server.port.to_string(), "1");
    let cases: Vec<(String, Option<&str>, &[&str])> = vec![
        ("foo/bar".into(), None, &["Invalid module source address", "\"./foo/bar\"", "main.tf:2"]),
        ("./x".into(), Some("1.0"), &["no versions", "Remove the argument"]),
        (repo.source(""), Some("1.0"), &["only those have versions", "?ref=TAG"]),
        ("ssh://git@example.com/x.git".into(), None, &["git::ssh://git@example.com/x.git"]),
        ("gcs::https://www.googleapis.com/storage/v1/b/m.zip".into(), None, &["not available", "\"gcs\""]),
        (repo.source("?ref=nope"), None, &["Unknown git reference", "\"nope\"", "?ref="]),
        (repo.source("//nope"), None, &["Module directory not found", "\"nope\""]),
        ("git::file:///nowhere/at/all".into(), None, &["Failed to fetch module", "does not", "git ls-remote"]),
        ("/nowhere/at/all".into(), None, &["/nowhere/at/all is no directory"]),
        (repo.source("//around"), None, &["Module includes itself"]),
        (repo.source("//escape"), None, &["Local module path escapes module package", "../../../m"]),
        (server.https("/missing.zip"), None, &["HTTP 404", "/missing.zip"]),
        (server.https("/m.zip?archive=rar"), None, &["no kind of archive \"rar\"", "tar.gz"]),
        (server.https("/m.zip?checksum=sha256:00"), None, &["checksum", "00 is asked for"]),
        (server.https("/m.zip?archive=tar.gz"), None, &["damaged"]),
        (server.https("/m"), None, &["HTTP 404"]),
        (server.https("/loop"), None, &["name each other without end"]),
        (format!("https://{closed}/m.zip"), None, &["Failed to fetch module", "HTTPS_PROXY"]),
        (format!("{closed}/a/b/c"), None, &["Module registry cannot be reached"]),
        (server.at("/acme/nothing/aws"), None, &["Module not found", "acme/nothing/aws"]),
        (server.at("/acme/net/aws"), Some("~> 3.0"), &["No matching version", "1.1.0, 1.0.0"]),
        (server.at("/acme/net/aws"), Some(">> 3"), &["Invalid version constraint"]),
        (server.at("/acme/local/aws"), Some("2.0.0"), &["names a local directory"]),
    ];
    let mut wrong = String::new();
    for (source, version, want) in cases {
        let bench = server.bench(&calls(&[("m", &source, version)]));
        let done = bench.run(&crate::stackctl(), &["init"]).unwrap();
        let missing = crate::missing(&done.text(), want);
        let left = std::fs::read_dir(bench.path().join(".terraform/modules")).into_iter().flatten().flatten();
        let left: Vec<_> =
            left.filter(|e| e.file_name().to_string_lossy().starts_with('.')).map(|e| e.path()).collect();
        if done.code != Some(1) || !missing.is_empty() || !left.is_empty() {
            wrong.push_str(&format!(
                "{source}: {:?}, missing {missing:?}, left {left:?} in:\n{}\n",
                done.code,
                done.text()
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// All that cannot be fetched is said at once, and what can be fetched is.
#[test]
fn one_failure_stops_nothing_else() {
    let repo = Repository::new();
    repo.commit(&[("main.tf", &output("one"))]);
    let text = calls(&[
        ("a", &repo.source("?ref=nope"), None),
        ("b", &repo.source(""), None),
        ("c", "git::file:///nowhere/at/all", None),
    ]);
    let bench = Bench::of(&format!("{text}resource \"terraform_data\" {{}}\n"), None).unwrap();
    let done = run(&bench, &["init"], 1);
    contains(&done.text(), &["Unknown git reference", "nowhere/at/all", "Missing name for resource", "- b:"]);
    assert!(bench.path().join(".terraform/modules/b/main.tf").exists());
    assert!(!lock(&bench, "b").is_null() && lock(&bench, "a").is_null());
}

/// What Terraform fetched is used, and pinned by the next `init`.
#[test]
fn what_terraform_fetched() {
    let repo = Repository::new();
    let one = repo.commit(&[("sub/main.tf", &output("one"))]);
    let source = repo.source("//sub");
    let bench = Bench::of(&calls(&[("m", &source, None)]), None).unwrap();
    let list = json!({"Modules": [{"Key": "", "Source": "", "Dir": "."},
        {"Key": "m", "Source": source, "Dir": ".terraform/modules/m/sub"}]});
    bench.write(".terraform/modules/modules.json", &list.to_string()).unwrap();
    sh(bench.path(), "git", &["clone", "-q", &repo.path().display().to_string(), ".terraform/modules/m"]);
    assert_eq!(outputs(&bench), json!({"m": "one"}));
    let done = run(&bench, &["init"], 0);
    assert!(!done.out.contains("- m:"), "{}", done.out);
    assert_eq!(lock(&bench, "m")["commit"], json!(one));
    assert_eq!(file(&bench, ".terraform/modules/modules.json"), list);
}

/// Local modules need no `init`, and leave nothing behind.
#[test]
fn local_modules_alone() {
    let bench = Bench::of(&calls(&[("m", "./m", None)]), None).unwrap();
    bench.write("m/main.tf", &output("local")).unwrap();
    assert_eq!(outputs(&bench), json!({"m": "local"}));
    run(&bench, &["init"], 0);
    assert!(bench.read("stackctl.lock.json").is_none() && !bench.path().join(".terraform/modules").exists());
    bench.write("stackctl.lock.json", "{").unwrap();
    contains(&run(&bench, &["plan"], 1).text(), &["Unusable lock file", "stackctl.lock.json"]);
}
