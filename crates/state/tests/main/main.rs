//! The journal's model (`docs/design/journal_model.py`) still runs, still finds nothing in the protocol, and still can fail.
//!
//! Only its smallest bound: what is explored otherwise, and what was found, is in `docs/design/journal.md`.

use std::process::{Command, Output};

fn model(names: &[&str]) -> Output {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/design/journal_model.py");
    Command::new("python3").arg("-B").arg(script).args(names).output().expect("python3 is needed by this test")
}

#[test]
fn the_smallest_model_finds_nothing_and_a_broken_rule_is_found() {
    let out = model(&["smallest", "intent not awaited"]);
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success(), "{text}{}", String::from_utf8_lossy(&out.stderr));
    let line = |start: &str| text.lines().find(|l| l.starts_with(start)).unwrap_or_else(|| panic!("{start}: {text}"));
    assert!(line("= smallest").ends_with("nothing found"), "{text}");
    assert!(line("- intent not awaited").contains("announced: "), "{text}");
}
