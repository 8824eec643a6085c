//! Typical mistakes, and what the program says of each, word for word: tests/transcripts/mistakes.txt.
//!
//! A case is a configuration (`# file NAME` starts a further file), a line `$` with the arguments, and the message.
//! With STACKCTL_WRITE_TRANSCRIPTS set the messages are written instead of compared; read them before they are committed.

use std::fmt::Write as _;

use crate::lab::Bench;
use crate::{repository, stackctl};

#[test]
fn typical_mistakes() {
    let path = repository("tests/transcripts/mistakes.txt");
    let text = std::fs::read_to_string(&path).unwrap();
    let (mut now, mut wrong) = (String::new(), Vec::new());
    let cases: Vec<&str> = text.split("====\n").collect();
    assert!(cases.len() >= 25, "{} cases", cases.len());
    for case in &cases {
        let (files, rest) = case.split_once("\n$ ").unwrap_or_else(|| panic!("no arguments in:\n{case}"));
        let (args, expect) = rest.split_once('\n').unwrap();
        let said = said(files, args);
        if said != expect {
            wrong.push(format!("{files}\n$ {args}\n{said}"));
        }
        let end = if now.is_empty() { "" } else { "====\n" };
        write!(now, "{end}{files}\n$ {args}\n{said}").unwrap();
    }
    if std::env::var_os("STACKCTL_WRITE_TRANSCRIPTS").is_some() {
        std::fs::write(&path, now).unwrap();
        return;
    }
    assert!(wrong.is_empty(), "{} of {} cases differ; they are now:\n\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// What is said on standard error, the exit code being 1.
fn said(files: &str, args: &str) -> String {
    let bench = Bench::of("", None).unwrap();
    for (i, part) in files.split("# file ").enumerate() {
        let (name, text) = if i == 0 { ("main.tf", part) } else { part.split_once('\n').unwrap() };
        bench.write(name.trim(), text).unwrap();
    }
    let args: Vec<&str> = args.split(' ').collect();
    let done = bench.run(&stackctl(), &args).unwrap();
    assert_eq!(done.code, Some(1), "{files}\n{}", done.text());
    assert_eq!(bench.read("terraform.tfstate"), None, "{files}");
    done.err
}
