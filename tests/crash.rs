//! Crashes at requests of apply, update and destroy of the six types: a sample. `cargo xtask crash` kills at every one.

use crate::lab::crash::{Kind, Ready, WORKS};
use crate::{repository, stackctl, world};

/// Points of each kind of work, and what chooses them.
const SAMPLE: usize = 6;
const SEED: u64 = 20;

#[track_caller]
fn check(name: &str, kind: Kind, n: usize) {
    let world = world();
    let work = WORKS.into_iter().find(|w| w.name == name).unwrap();
    let ready = Ready::prepare(&stackctl(), &repository("tests/stacks/six"), world, work, false).unwrap();
    let outcome = ready.run(&ready.sample(kind, n, SEED), 2, |_, _| {});
    world.exit();
    assert!(outcome.failures.is_empty(), "{}", outcome.failures.join("\n"));
    // Parallel work may take a request less than it did in the rehearsal, but not many.
    assert!(outcome.hit + 1 >= n, "{} points were reached only", outcome.hit);
}

#[test]
fn apply() {
    check("apply", Kind::Kill, SAMPLE);
}

#[test]
fn update() {
    check("update", Kind::Kill, SAMPLE);
}

#[test]
fn destroy() {
    check("destroy", Kind::Kill, SAMPLE);
}

#[test]
fn inside_the_recovery() {
    check("apply", Kind::Inside, 3);
}

#[test]
fn signals() {
    check("apply", Kind::Signal, 3);
}

#[test]
fn faults() {
    check("apply", Kind::Fault, 4);
    check("update", Kind::Fault, 2);
}
