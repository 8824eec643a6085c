//! Ctrl-C: what runs is finished and recorded, nothing new starts, and the lock is free afterwards.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::lab::Bench;
use crate::lab::run::finish;
use crate::{run, stackctl, world};

/// Something that takes a while, something before it, and something after it.
pub(crate) const SLOW: &str = r#"
resource "terraform_data" "first" { input = 1 }
resource "time_sleep" "slow" {
  create_duration = "8s"
  depends_on      = [terraform_data.first]
}
resource "terraform_data" "last" {
  input      = 2
  depends_on = [time_sleep.slow]
}
"#;

/// Waits until something is true; false where it never was.
pub(crate) fn wait_for(most: Duration, mut it: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while start.elapsed() < most {
        if it() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    it()
}

#[test]
fn once() {
    let bench = Bench::of(SLOW, None).unwrap();
    let child = bench.start(&stackctl(), &["apply", "-auto-approve"]).unwrap();
    std::thread::sleep(Duration::from_secs(3));
    let signal = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(signal.success());
    let done = finish(child).unwrap();
    assert_eq!(done.code, Some(1), "{}", done.text());
    let list = run(&bench, &["state", "list"], 0).out;
    assert!(list.contains("terraform_data.first"), "{list}");
    assert!(!list.contains("terraform_data.last"), "nothing new may start: {list}");
    assert!(!bench.path().join(".terraform.tfstate.lock.info").exists());
    run(&bench, &["apply", "-auto-approve"], 0);
    run(&bench, &["plan", "-detailed-exitcode"], 0);
}

/// Until something changes there is nothing to finish: a run that plans, or waits for somebody else's lock, ends at once.
#[test]
fn before_anything_is_changed() {
    let long = "data \"external\" \"long\" { program = [\"sh\", \"-c\", \"touch asked; sleep 60; echo {}\"] }\n";
    for (command, signal) in [(&["plan"][..], "-TERM"), (&["apply", "-auto-approve"], "-INT")] {
        let bench = Bench::of(long, None).unwrap();
        let child = bench.start(&stackctl(), command).unwrap();
        assert!(wait_for(Duration::from_secs(20), || bench.path().join("asked").exists()), "{command:?}");
        ends(child, signal);
        assert!(!bench.path().join(".terraform.tfstate.lock.info").exists(), "{command:?}");
    }

    let bench = Bench::of(SLOW, None).unwrap();
    let holder = bench.start(&stackctl(), &["apply", "-auto-approve"]).unwrap();
    let held = || bench.path().join(".terraform.tfstate.lock.info").exists();
    assert!(wait_for(Duration::from_secs(20), held));
    let waiter = bench.start(&stackctl(), &["apply", "-auto-approve", "-lock-timeout=10m"]).unwrap();
    std::thread::sleep(Duration::from_secs(2));
    ends(waiter, "-INT");
    assert_eq!(finish(holder).unwrap().code, Some(0), "the holder goes on");
}

/// A signal ends the run within seconds, as a failure that changed nothing.
fn ends(child: std::process::Child, signal: &str) {
    let start = Instant::now();
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    let done = finish(child).unwrap();
    assert_eq!(done.code, Some(1), "{}", done.text());
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    assert!(done.text().contains("Interrupted"), "{}", done.text());
}

/// The second phase of a creation has work that no argument shows: the rule that a new group gets by itself goes. An answer
/// that is lost there does not make it be forgotten.
#[test]
fn a_group_without_rules_has_none_though_the_answer_is_lost() {
    let world = world();
    let text = "resource \"aws_vpc\" \"v\" { cidr_block = \"10.0.0.0/16\" }\n\
                resource \"aws_security_group\" \"g\" {\n  name = \"g\"\n  vpc_id = aws_vpc.v.id\n}\n";
    for kind in ["reset_before", "lost_answer", "cut_answer", "error500"] {
        let world = world.fork().unwrap();
        let bench = Bench::of(text, Some(world)).unwrap();
        let fault = serde_json::json!({"service": "ec2", "action": "RevokeSecurityGroupEgress", "kind": kind});
        world.fault(fault, 1).unwrap();
        run(&bench, &["apply", "-auto-approve"], 0);
        let log = world.log().unwrap();
        assert!(log.iter().any(|r| r["fault"] == kind), "{kind}: nothing was disturbed");
        run(&bench, &["plan", "-detailed-exitcode"], 0);
        let state = bench.state().unwrap();
        let group = state["resources"].as_array().unwrap().iter().find(|r| r["type"] == "aws_security_group").unwrap();
        assert_eq!(group["instances"][0]["attributes"]["egress"], serde_json::json!([]), "{kind}");
        world.exit();
    }
}
