//! Ways to fetch modules besides git and open archives: Mercurial, S3, and archives behind `netrc`.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use serde_json::json;

use super::{Server, calls, forget, lock, output, outputs, sh, write};
use crate::lab::Bench;
use crate::{contains, run};

/// What `hg` was asked for, and what is made of its answers; a program of that name stands in for it.
#[test]
fn mercurial_as_it_is_called() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    write(at("src/sub/main.tf"), &output("sub"));
    write(at("src/main.tf"), &output("package"));
    let node = "0123456789".repeat(4);
    let script = format!(
        "#!/bin/sh\necho \"$@\" >> {log}\nshift 2\ncase \"$1\" in\n  clone) for d; do :; done; mkdir -p \"$d/.hg\" && cp -r {src}/. \"$d\" ;;\n  \
         update) case \"$*\" in *--rev=nope*) echo \"abort: unknown revision 'nope'\" >&2; exit 255 ;; esac ;;\n  log) printf {node} ;;\nesac\n",
        log = at("log").display(),
        src = at("src").display(),
    );
    write(at("bin/hg"), &script);
    std::fs::set_permissions(at("bin/hg"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let source = "hg::https://hg.example.com/repo";
    let text = calls(&[("m", &format!("{source}//sub?rev=stable"), None), ("n", source, None)]);
    let mut bench = Bench::of(&text, None).unwrap();
    bench.env.push(("PATH".into(), format!("{}:{}", at("bin").display(), std::env::var("PATH").unwrap())));
    let done = run(&bench, &["init"], 0);
    contains(&done.out, &["- m:", "at 012345678901", "in .terraform/modules/m/sub"]);
    assert_eq!(outputs(&bench), json!({"m": "sub", "n": "package"}));
    assert_eq!(lock(&bench, "m")["commit"], json!(node));
    assert!(!bench.path().join(".terraform/modules/n/.hg").exists());
    let log = std::fs::read_to_string(at("log")).unwrap();
    contains(
        &log,
        &["clone --quiet --noupdate -- https://hg.example.com/repo /", "update --quiet --clean --rev=stable"],
    );
    assert!(log.lines().any(|l| l.ends_with("update --quiet --clean")), "{log}");
    // The pinned changeset, and not what the name means now.
    std::fs::remove_file(at("log")).unwrap();
    forget(&bench);
    run(&bench, &["init"], 0);
    let log = std::fs::read_to_string(at("log")).unwrap();
    assert_eq!(log.matches(&format!("--rev={node}")).count(), 2, "{log}");

    bench.write("main.tf", &calls(&[("m", &format!("{source}?rev=nope"), None)])).unwrap();
    contains(&run(&bench, &["init"], 1).text(), &["Unknown Mercurial revision", "\"nope\"", "?rev=", "main.tf:2"]);
    bench.env.push(("PATH".into(), at("src").display().to_string()));
    contains(&run(&bench, &["init"], 1).text(), &["The hg command is missing", "\"mercurial\"", "main.tf:2"]);
}

/// The same with the real program, where there is one.
#[test]
fn mercurial_repositories() {
    if Command::new("hg").arg("--version").output().is_err() {
        return;
    }
    let repo = tempfile::tempdir().unwrap();
    let hg = |args: &[&str]| sh(repo.path(), "hg", args);
    hg(&["init"]);
    let commit = |value: &str| {
        write(repo.path().join("main.tf"), &output(value));
        hg(&["commit", "-q", "-A", "-m", value, "-u", "a"]);
        hg(&["log", "--rev=.", "--template={node}"])
    };
    let one = commit("one");
    hg(&["tag", "-u", "a", "v1"]);
    commit("two");
    let source = |rest: &str| format!("hg::file://{}{rest}", repo.path().display());
    let bench = Bench::of(&calls(&[("m", &source("?rev=v1"), None), ("n", &source(""), None)]), None).unwrap();
    run(&bench, &["init"], 0);
    assert_eq!(outputs(&bench), json!({"m": "one", "n": "two"}));
    assert_eq!(lock(&bench, "m")["commit"], json!(one));
    commit("three");
    forget(&bench);
    run(&bench, &["init"], 0);
    assert_eq!(outputs(&bench), json!({"m": "one", "n": "two"}));
    run(&bench, &["init", "-upgrade"], 0);
    assert_eq!(outputs(&bench), json!({"m": "one", "n": "three"}));
    for (rest, want) in [("?rev=nope", "Unknown Mercurial revision"), ("/nothing", "cannot be fetched with hg")] {
        bench.write("main.tf", &calls(&[("m", &source(rest), None)])).unwrap();
        contains(&run(&bench, &["init"], 1).text(), &[want, "main.tf:2"]);
    }
}

/// The bucket answers to one access key and one region.
fn with_keys(server: &Server, text: &str) -> Bench {
    let mut bench = server.bench(text);
    let certificate = server.dir.path().join("cert.pem").display().to_string();
    let settings =
        [("AWS_ACCESS_KEY_ID", "AKIDMODULES"), ("AWS_SECRET_ACCESS_KEY", "x"), ("AWS_CA_BUNDLE", &certificate)];
    bench.env.extend(settings.map(|(k, v)| (k.to_owned(), v.to_owned())));
    bench.env.push(("AWS_EC2_METADATA_DISABLED".into(), "true".into()));
    bench
}

#[test]
fn buckets() {
    let server = Server::start();
    for (name, value) in [("tree/main.tf", "tree"), ("tree/sub/main.tf", "below"), ("treetop/main.tf", "no")] {
        write(server.dir.path().join("bucket").join(name), &output(value));
    }
    for name in ["m.zip", "m.tar.gz"] {
        std::fs::copy(server.dir.path().join("files").join(name), server.dir.path().join("bucket").join(name)).unwrap();
    }
    let source = |rest: &str| format!("s3::{}", server.https(&format!("/bucket/{rest}")));
    let bench = with_keys(
        &server,
        &calls(&[
            ("zip", &source("m.zip?region=eu-west-1"), None),
            ("sub", &source("m.tar.gz//sub?region=eu-west-1"), None),
            ("tree", &source("tree?region=eu-west-1"), None),
            ("below", &source("tree//sub?region=eu-west-1"), None),
        ]),
    );
    run(&bench, &["init"], 0);
    assert_eq!(outputs(&bench), json!({"zip": "package", "sub": "sub", "tree": "tree", "below": "below"}));
    assert!(lock(&bench, "tree")["hash"].as_str().unwrap().starts_with("h1:"));
    assert!(!bench.path().join(".terraform/modules/tree/no").exists());
    let elsewhere = &["is in another region"][..];
    let cases: [(String, &[&str]); 6] = [
        (source("m.zip"), elsewhere),
        (source("missing.zip?region=eu-west-1"), &["GetObject", "Failed to fetch module"]),
        (source("nothing?region=eu-west-1"), &["no objects below \"nothing\"", "?archive=zip"]),
        (source("m.zip?region=eu-west-1&archive=tar.gz"), &["damaged"]),
        (source("m.zip?aws_access_key_id=AKID&aws_access_key_secret=TOPSECRET"), &["aws_profile="]),
        ("s3::https://s3.amazonaws.com/b".into(), &["names no bucket and key", "s3-REGION"]),
    ];
    for (source, want) in cases {
        bench.write("main.tf", &calls(&[("m", &source, None)])).unwrap();
        let said = run(&bench, &["init"], 1).text();
        contains(&said, want);
        contains(&said, &["main.tf:2"]);
        let quoted = said.lines().filter(|l| !l.contains("source ="));
        assert!(!quoted.collect::<String>().contains("TOPSECRET"), "{said}");
    }
    let mut denied = with_keys(&server, &calls(&[("m", &source("m.zip?region=eu-west-1"), None)]));
    denied.env.push(("AWS_ACCESS_KEY_ID".into(), "AKIDOTHER".into()));
    contains(&run(&denied, &["init"], 1).text(), &["Failed to fetch module", "GetObject", "AccessDenied"]);
}

#[test]
fn archives_behind_netrc() {
    let server = Server::start();
    let source = server.https("/basic/m.zip");
    let file = server.dir.path().join("home/.netrc");
    write(file.clone(), &format!("machine {}\n  login me\n  password pass@word\n", server.at("")));
    let (home, file) = (file.parent().unwrap().display().to_string(), file.display().to_string());
    let init = |env: &[(&str, &str)], source: &str, code: i32| {
        let mut bench = server.bench(&calls(&[("m", source, None)]));
        bench.env.push(("HOME".into(), server.dir.path().display().to_string()));
        bench.env.extend(env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        (run(&bench, &["init"], code).text(), bench)
    };
    contains(&init(&[], &source, 1).0, &["HTTP 401", "~/.netrc"]);
    let wrong = source.replace("https://", "https://me:wrong@");
    contains(&init(&[("NETRC", &file)], &wrong, 1).0, &["HTTP 401"]);
    for env in [("NETRC", &file), ("HOME", &home)] {
        let (said, bench) = init(&[(env.0, env.1)], &source, 0);
        assert_eq!(outputs(&bench), json!({"m": "package"}));
        let lock = bench.read("stackctl.lock.json").unwrap();
        assert!(!format!("{said}{lock}").contains("pass@word"), "{said}{lock}");
    }
    // What a redirect leads to is not its machine.
    server.log();
    init(&[("NETRC", &file)], &server.https("/elsewhere/m.zip"), 0);
    let log = server.log();
    let to = |host: &str| log.iter().filter(|l| l.contains(host)).cloned().collect::<Vec<_>>();
    assert!(to("/elsewhere/m.zip").iter().all(|l| l.contains("Basic ")), "{log:?}");
    assert!(!to("/there/m.zip").is_empty() && to("/there/m.zip").iter().all(|l| !l.contains("Basic ")), "{log:?}");
}
