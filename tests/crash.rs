//! Disturbances at requests of apply, update and destroy: a sample, chosen by a seed. `cargo xtask crash` goes through all.
//!
//! `STACKCTL_CRASH_SEED=7` takes other points than the usual ones; a failure tells its seed.

use std::sync::OnceLock;

use crate::lab::World;
use crate::lab::crash::{BOTH, Kind, Ready, Setup, TABLE, WORKS, warm};
use crate::{repository, stackctl, world};

fn seed() -> u64 {
    std::env::var("STACKCTL_CRASH_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or(20)
}

/// An empty world in which everything was made and destroyed once.
fn warmed() -> World {
    static WARM: OnceLock<World> = OnceLock::new();
    *WARM.get_or_init(|| {
        let world = world();
        warm(&stackctl(), &repository("tests/stacks/forty"), world).unwrap();
        world
    })
}

/// So many points of each kind.
#[track_caller]
fn check(stack: &str, work: &str, setup: Setup, samples: &[(Kind, usize)]) {
    let seed = seed();
    let work = WORKS.into_iter().find(|w| w.name == work).unwrap();
    let stack = repository(&format!("tests/stacks/{stack}"));
    let ready = Ready::prepare(&stackctl(), &stack, warmed(), work, setup).unwrap();
    for (kind, n) in samples {
        let points = ready.sample(ready.points(*kind, false), *n, seed);
        let which = format!("{} {kind:?}, STACKCTL_CRASH_SEED={seed}, {points:?}", work.name);
        let outcome = ready.run(&points, 2, |_, _| {});
        assert!(outcome.failures.is_empty(), "{which}: {}", outcome.failures.join("\n"));
        // Parallel work may take a request less than it did in the rehearsal, but not many.
        assert!(outcome.hit + 1 >= *n, "{which}: {} points were reached only", outcome.hit);
    }
}

const LOCAL: Setup = Setup { s3: None, sealed: false };
const S3: Setup = Setup { s3: Some(TABLE), sealed: false };

#[test]
fn apply() {
    let samples = [(Kind::Kill, 3), (Kind::Signal, 1), (Kind::Fault, 1), (Kind::Backend, 1), (Kind::Inside, 1)];
    check("forty", "apply", S3, &samples);
}

#[test]
fn update() {
    let samples = [(Kind::Kill, 3), (Kind::Signal, 1), (Kind::Fault, 1), (Kind::Backend, 1)];
    check("forty", "update", Setup { s3: Some(BOTH), ..S3 }, &samples);
}

#[test]
fn destroy() {
    check("forty", "destroy", S3, &[(Kind::Kill, 3), (Kind::Signal, 1), (Kind::Fault, 1)]);
}

#[test]
fn of_a_local_state() {
    check("six", "apply", LOCAL, &[(Kind::Kill, 2), (Kind::Inside, 2), (Kind::Signal, 1)]);
    check("six", "update", LOCAL, &[(Kind::Kill, 2), (Kind::Fault, 2)]);
    check("six", "destroy", LOCAL, &[(Kind::Kill, 2)]);
}
