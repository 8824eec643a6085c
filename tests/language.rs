//! The language, case by case: `tests/conformance` holds expressions and configurations with the answers that Terraform
//! 1.11.4 gives to them, but where the guide names a difference (`docs/guide/differences-from-terraform.md`).

use crate::lab::conformance;
use crate::{repository, stackctl};

#[test]
fn conformance_with_known_answers() {
    let outcome = conformance::run(&stackctl(), &repository("tests/conformance"), None).unwrap();
    assert!(outcome.failed.is_empty(), "{} cases differ:\n{}", outcome.failed.len(), outcome.failed.join("\n"));
    assert!(outcome.passed > 700, "only {} cases", outcome.passed);
}
