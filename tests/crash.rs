//! Crashes at requests of apply, update and destroy of the six types: a sample. `cargo xtask crash` kills at every one.

use crate::lab::crash::{Ready, WORKS};
use crate::{repository, stackctl, world};

/// Points of each kind of work, and what chooses them.
const SAMPLE: usize = 6;
const SEED: u64 = 20;

#[track_caller]
fn check(name: &str) {
    let world = world();
    let work = WORKS.into_iter().find(|w| w.name == name).unwrap();
    let ready = Ready::prepare(&stackctl(), &repository("tests/stacks/six"), world, work).unwrap();
    let outcome = ready.run(&ready.sample(SAMPLE, SEED), 2, |_, _| {});
    world.exit();
    assert!(outcome.failures.is_empty(), "{}", outcome.failures.join("\n"));
    // Parallel work may take a request less than it did in the rehearsal, but not many.
    assert!(outcome.killed + 1 >= SAMPLE, "killed at {} points only", outcome.killed);
}

#[test]
fn apply() {
    check("apply");
}

#[test]
fn update() {
    check("update");
}

#[test]
fn destroy() {
    check("destroy");
}
