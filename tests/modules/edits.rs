//! What was changed in `.terraform/modules` after it was fetched: no command works with it in silence.

use serde_json::json;

use super::{Repository, calls, output, outputs};
use crate::lab::Bench;
use crate::{contains, run};

const NOT_PINNED: &str = "Module is not the pinned one";

#[test]
fn hand_edits_are_noticed() {
    let repo = Repository::new();
    let nested = "module \"n\" {\n  source = \"./sub\"\n}\noutput \"x\" {\n  value = module.n.x\n}\n";
    repo.commit(&[("main.tf", nested), ("sub/main.tf", &output("one")), ("README.md", "read me")]);
    let bench = Bench::of(&calls(&[("m", &repo.source(""), None), ("other", &repo.source(""), None)]), None).unwrap();
    run(&bench, &["init"], 0);
    let want = json!({"m": "one", "other": "one"});
    assert_eq!(outputs(&bench), want);
    let at = |name: &str| format!(".terraform/modules/m/{name}");
    let package = bench.path().join(".terraform/modules/m");

    // Written again with the same content: nothing has changed.
    bench.write(&at("sub/main.tf"), &output("one")).unwrap();
    assert_eq!(outputs(&bench), want);

    // As long, so that no size tells, in a directory below the package.
    bench.write(&at("sub/main.tf"), &output("two")).unwrap();
    bench.write(&at("extra.tf"), "locals {}\n").unwrap();
    std::fs::remove_file(package.join("README.md")).unwrap();
    for command in [&["plan"][..], &["apply", "-auto-approve"], &["validate"], &["plan", "-destroy"]] {
        let said = run(&bench, command, 1).text();
        contains(
            &said,
            &[NOT_PINNED, "module.m", "stackctl.lock.json", "stackctl init", "main.tf:2", ".terraform/modules/m"],
        );
        contains(&said, &["README.md is gone, extra.tf is new, sub/main.tf differs", "To keep them"]);
        assert!(!said.contains("module.other"), "{said}");
    }
    // Looking at the state needs no modules.
    assert_eq!(run(&bench, &["output", "-raw", "m"], 0).out, "one");
    run(&bench, &["init"], 0);
    assert_eq!(outputs(&bench), want);

    // Without what init noted, contents tell all the same.
    std::fs::remove_file(bench.path().join(".terraform/stackctl/modules.json")).unwrap();
    run(&bench, &["plan"], 0);
    bench.write(&at("sub/main.tf"), &output("two")).unwrap();
    contains(
        &run(&bench, &["plan"], 1).text(),
        &[NOT_PINNED, "is not what stackctl.lock.json pins for module.m (commit "],
    );
    // A package that is gone, and its entry in the list is not.
    std::fs::remove_dir_all(&package).unwrap();
    contains(&run(&bench, &["plan"], 1).text(), &[NOT_PINNED, "cannot be read", "stackctl init"]);
    run(&bench, &["init"], 0);
    assert_eq!(outputs(&bench), want);
    // A saved plan carries what it was made with.
    run(&bench, &["plan", "-out=p"], 0);
    bench.write(&at("sub/main.tf"), &output("two")).unwrap();
    run(&bench, &["apply", "p"], 0);
    assert_eq!(bench.state().unwrap()["outputs"]["m"]["value"], "one");
}
