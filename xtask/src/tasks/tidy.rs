//! `tidy`: the house rules that a program can check.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::host::root;
use crate::lab::Result;
use crate::say;

/// Longest file without a reason at its top.
const LINES: usize = 600;

/// Checks everything; fails with the list of what is wrong.
pub(crate) fn run() -> Result<()> {
    let wrong = check(&root())?;
    for line in &wrong {
        say(line);
    }
    if wrong.is_empty() { Ok(()) } else { Err(format!("{} house rules broken", wrong.len())) }
}

/// What is wrong below a directory, a line each.
pub(crate) fn check(root: &Path) -> Result<Vec<String>> {
    let mut wrong = arrows(root)?;
    let mut files = Vec::new();
    for dir in ["crates", "xtask", "tests", "stacks", "docs", ".ci", ".cargo"] {
        list(&root.join(dir), &mut files);
    }
    files.extend(["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|n| root.join(n)));
    files.sort();
    for file in files {
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        let name = file.strip_prefix(root).unwrap_or(&file).to_string_lossy().into_owned();
        if name.ends_with(".rs") {
            source(&name, &text, &mut wrong);
        }
        for (n, line) in text.lines().enumerate() {
            if let Some(word) = foreign().iter().find(|w| line.contains(w.as_str())) {
                wrong.push(format!("{name}:{}: mentions {word}, which exists on one machine only", n + 1));
            }
        }
    }
    Ok(wrong)
}

/// Paths that no file of ours may name. Put together here, so that this file does not name them either.
fn foreign() -> [String; 3] {
    ["work", "opt", "root"].map(|dir| match dir {
        "opt" => format!("/{dir}/tf-plugins"),
        "root" => format!("/{dir}/.cache"),
        _ => format!("/{dir}/shared"),
    })
}

fn source(name: &str, text: &str, wrong: &mut Vec<String>) {
    let lines = text.lines().count();
    let top: Vec<&str> = text.lines().take_while(|l| l.starts_with("//!") || l.is_empty()).collect();
    // A main file of a few lines has nothing to explain; a module always has.
    if !top.iter().any(|l| l.starts_with("//!")) && !text.trim().is_empty() {
        wrong.push(format!("{name}: does not open with `//!`"));
    }
    let reason = top.iter().any(|l| l.to_lowercase().contains("one file") || l.to_lowercase().contains("long because"));
    if lines > LINES && !reason {
        wrong.push(format!("{name}: {lines} lines without a reason at its top (`one file: …` or `long because …`)"));
    }
    let talks = ["crates/cli/", "xtask/", "tests/"].iter().any(|d| name.starts_with(d)) || name.contains("/tests/");
    for (n, line) in text.lines().enumerate() {
        let code = line.trim_start();
        if code.starts_with("//") {
            continue;
        }
        let prints = ["println!(", "eprintln!(", "print!(", "eprint!("].iter().any(|m| code.starts_with(m));
        if prints && !talks {
            wrong.push(format!("{name}:{}: prints; only cli and xtask do", n + 1));
        }
        if code.starts_with("#[allow(") || code.starts_with("#![allow(") {
            wrong.push(format!("{name}:{}: `allow` instead of `expect` with a reason", n + 1));
        }
        if code.contains("unsafe {") && !code.contains('"') {
            wrong.push(format!("{name}:{}: unsafe", n + 1));
        }
    }
}

/// Which of our crates each crate may use. Arrows point one way; `engine` and `aws` never see each other.
fn allowed() -> BTreeMap<&'static str, &'static [&'static str]> {
    BTreeMap::from([
        ("hcl", &[][..]),
        ("core", &[][..]),
        ("derive", &[][..]),
        ("sandbox", &[][..]),
        ("lang", &["hcl", "core"][..]),
        ("state", &["core", "hcl"][..]),
        ("aws", &["core", "derive"][..]),
        ("builtin", &["core", "derive"][..]),
        ("backend", &["core", "state", "aws"][..]),
        ("engine", &["core", "hcl", "lang", "state"][..]),
        ("cli", &["aws", "backend", "builtin", "core", "engine", "hcl", "lang", "sandbox", "state"][..]),
        ("xtask", &[][..]),
    ])
}

/// Compares the manifests with [`allowed`]. Tests may use the sandbox, and `state` besides.
fn arrows(root: &Path) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    let allowed = allowed();
    let mut manifests = vec![("xtask".to_owned(), root.join("xtask/Cargo.toml"))];
    let crates = std::fs::read_dir(root.join("crates")).map_err(|e| format!("crates: {e}"))?;
    for entry in crates.filter_map(std::result::Result::ok) {
        manifests.push((entry.file_name().to_string_lossy().into_owned(), entry.path().join("Cargo.toml")));
    }
    manifests.sort();
    for (name, path) in manifests {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let Some(may) = allowed.get(name.as_str()) else {
            wrong.push(format!("crates/{name}: its place in the house is not known to tidy"));
            continue;
        };
        let mut section = "";
        for line in text.lines().map(str::trim) {
            if line.starts_with('[') {
                section = line;
                continue;
            }
            let Some(used) = line.strip_prefix("stackctl-").and_then(|rest| rest.split(['.', ' ', '=']).next()) else {
                continue;
            };
            let in_tests = section == "[dev-dependencies]" && matches!(used, "sandbox" | "builtin");
            if section.ends_with("dependencies]") && !may.contains(&used) && !in_tests {
                wrong.push(format!("{name} must not depend on {used}"));
            }
        }
    }
    Ok(wrong)
}

fn list(dir: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries.filter_map(std::result::Result::ok) {
        let path = entry.path();
        if path.is_dir() && entry.file_name() != "target" {
            list(&path, files);
        } else if path.is_file() {
            files.push(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_house_is_tidy() {
        let wrong = check(&root()).unwrap();
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// Each rule finds what it is for.
    #[test]
    fn rules_can_fail() {
        fn found(name: &str, text: &str) -> Vec<String> {
            let mut wrong = Vec::new();
            source(name, text, &mut wrong);
            wrong
        }
        assert_eq!(found("crates/core/src/a.rs", "//! A.\nfn f() {}\n"), Vec::<String>::new());
        assert_eq!(found("crates/core/src/a.rs", "fn f() {}\n").len(), 1);
        assert_eq!(found("crates/core/src/a.rs", "//! A.\nfn f() {\n    println!();\n}\n").len(), 1);
        assert_eq!(found("crates/cli/src/a.rs", "//! A.\nfn f() {\n    println!();\n}\n").len(), 0);
        assert_eq!(found("crates/core/src/a.rs", "//! A.\n#[allow(dead_code)]\nfn f() {}\n").len(), 1);
        let long = "fn f() {}\n".repeat(LINES);
        assert_eq!(found("crates/core/src/a.rs", &format!("//! A.\n{long}")).len(), 1);
        assert_eq!(found("crates/core/src/a.rs", &format!("//! A, in one file: it is a table.\n{long}")).len(), 0);

        let dir = tempfile::tempdir().unwrap();
        let engine = dir.path().join("crates/engine");
        std::fs::create_dir_all(&engine).unwrap();
        let manifest = "[package]\nname = \"stackctl-engine\"\n[dependencies]\nstackctl-aws.workspace = true\n";
        std::fs::write(engine.join("Cargo.toml"), manifest).unwrap();
        assert_eq!(arrows(dir.path()).unwrap(), ["engine must not depend on aws"]);
        let path = foreign()[0].clone();
        std::fs::write(engine.join("lib.rs"), format!("//! See {path}.\n")).unwrap();
        assert!(check(dir.path()).unwrap().iter().any(|w| w.contains("one machine only")));
    }
}
