//! End-to-end tests: the built binary on stacks in throw-away directories, most of them in a world of the sandbox.
//!
//! A file is an area. [`lab`] (shared with xtask) runs programs and reads worlds, [`aws`] is the stranger who changes
//! things outside. Nothing here knows the product's code; what it prints and does is all there is.

#[path = "../xtask/src/lab/mod.rs"]
#[expect(dead_code, reason = "xtask uses the rest")]
mod lab;

mod aws;
mod connections;
mod crash;
mod input;
mod interrupt;
mod journal;
mod language;
mod life;
mod local;
mod mistakes;
mod modules;
mod options;
mod orders;
mod plans;
mod sealing;
mod states;
mod stores;
mod terminal;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use lab::run::Done;
use lab::{Bench, Tool, World};
use stackctl_sandbox::{Options, Sandbox};

/// The binary under test.
fn stackctl() -> Tool {
    Tool::new(env!("CARGO_BIN_EXE_stackctl"))
}

/// An empty world of one test's own. One server is started for all tests; it ends with the process.
fn world() -> World {
    static SERVER: OnceLock<(tokio::runtime::Runtime, Sandbox)> = OnceLock::new();
    let (_, server) = SERVER.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let server = runtime.block_on(Sandbox::start(Options::default())).unwrap();
        // What is imported once need not be imported in every fork.
        let world = World { port: server.control().port() };
        for (service, action) in [("ec2", "DescribeVpcs"), ("rds", "DescribeDBInstances"), ("iam", "ListRoles")] {
            world.query(service, action, &[]).unwrap();
        }
        world.s3("GET", "/", "").unwrap();
        (runtime, server)
    });
    World { port: server.control().port() }.fork().unwrap()
}

/// A directory of this repository.
fn repository(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)
}

/// Runs the binary; fails the test with its output where the exit code is another.
#[track_caller]
fn run(bench: &Bench, args: &[&str], code: i32) -> Done {
    match bench.run(&stackctl(), args).unwrap().want(code) {
        Ok(done) => done,
        Err(e) => panic!("stackctl {}: {e}", args.join(" ")),
    }
}

/// Checks that a text contains every one of these; line breaks and the margin of messages count as one blank.
#[track_caller]
fn contains(text: &str, parts: &[&str]) {
    let missing = missing(text, parts);
    assert!(missing.is_empty(), "missing {missing:?} in:\n{text}");
}

/// Which of these a text does not contain.
fn missing<'a>(text: &str, parts: &[&'a str]) -> Vec<&'a str> {
    let text = flat(text);
    parts.iter().copied().filter(|part| !text.contains(&flat(part))).collect()
}

fn flat(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || matches!(c, '│' | '╷' | '╵' | '|'))
        .filter(|w| !w.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}
