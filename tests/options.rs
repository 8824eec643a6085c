//! Options and variables of the environment, as Terraform's users know them, and `--env`.

use std::time::Duration;

use crate::lab::Bench;
use crate::{contains, interrupt, run, stackctl};

const STACK: &str = r#"
variable "name" { default = "default" }
resource "terraform_data" "a" { input = "${terraform.workspace}: ${var.name}" }
output "o" { value = terraform_data.a.output }
"#;

#[test]
fn environments() {
    let bench = Bench::of(STACK, None).unwrap();
    bench.write("environments/dev.tfvars", "name = \"from dev\"\n").unwrap();
    bench.write("staging.tfvars", "name = \"from staging\"\n").unwrap();
    bench.write("some.auto.tfvars", "name = \"automatic\"\n").unwrap();
    run(&bench, &["apply", "-auto-approve", "--env", "dev"], 0);
    assert!(bench.read("terraform.tfstate.d/dev/terraform.tfstate").is_some());
    assert!(bench.read("terraform.tfstate").is_none());
    assert!(bench.read(".terraform/environment").is_none(), "--env is for one run");
    assert_eq!(run(&bench, &["output", "-raw", "o", "--env=dev"], 0).out, "dev: from dev");
    run(&bench, &["apply", "-auto-approve", "--env=staging", "-var=name=given"], 0);
    assert_eq!(run(&bench, &["output", "-raw", "o", "--env=staging"], 0).out, "staging: given");
    run(&bench, &["apply", "-auto-approve"], 0);
    assert_eq!(run(&bench, &["output", "-raw", "o"], 0).out, "default: automatic");
    let done = run(&bench, &["plan", "--env=production"], 1);
    contains(&done.err, &["environments/production.tfvars", "dev", "staging"]);
    run(&bench, &["plan", "-detailed-exitcode", "--env=dev"], 0);
}

#[test]
fn variables_of_the_environment() {
    let mut bench = Bench::of(STACK, None).unwrap();
    let mut with = |name: &str, value: &str, args: &[&str], code: i32| {
        bench.env = vec![(name.to_owned(), value.to_owned())];
        run(&bench, args, code)
    };
    with("TF_VAR_name", "from the environment", &["apply", "-auto-approve"], 0);
    assert_eq!(with("X", "", &["output", "-raw", "o"], 0).out, "default: from the environment");
    with("TF_CLI_ARGS_plan", "-detailed-exitcode -var 'name=two words'", &["plan"], 2);
    with("TF_CLI_ARGS_apply", "-auto-approve", &["apply"], 0);
    assert_eq!(with("X", "", &["output", "-raw", "o"], 0).out, "default: default");
    with("TF_WORKSPACE", "other", &["apply", "-auto-approve"], 0);
    assert_eq!(with("TF_WORKSPACE", "other", &["output", "-raw", "o"], 0).out, "other: default");
    assert_eq!(with("X", "", &["output", "-raw", "o"], 0).out, "default: default");
    with("TF_DATA_DIR", "data", &["init"], 0);
}

#[test]
fn directories_and_dashes() {
    let bench = Bench::empty(None).unwrap();
    bench.write("deep/main.tf", STACK).unwrap();
    run(&bench, &["apply", "deep", "--auto-approve"], 0);
    assert!(bench.read("deep/terraform.tfstate").is_some());
    run(&bench, &["-chdir=deep", "plan", "-detailed-exitcode"], 0);
    run(&bench, &["--chdir=deep", "plan", "--detailed-exitcode"], 0);
    run(&bench, &["plan", "deep", "-detailed-exitcode"], 0);
    run(&bench, &["plan", "nowhere"], 1);
    run(&bench, &["plan"], 1);
}

#[test]
fn nobody_to_ask() {
    let bench = Bench::of(STACK, None).unwrap();
    // Without -auto-approve and without a terminal there is nobody who could say yes.
    run(&bench, &["apply", "-input=false"], 1);
    run(&bench, &["apply"], 1);
    assert!(bench.read("terraform.tfstate").is_none());
}

#[test]
fn a_held_lock() {
    let bench = Bench::of(interrupt::SLOW, None).unwrap();
    let mut child = bench.start(&stackctl(), &["apply", "-auto-approve"]).unwrap();
    assert!(interrupt::wait_for(Duration::from_secs(20), || bench
        .path()
        .join(".terraform.tfstate.lock.info")
        .exists()));
    let done = run(&bench, &["apply", "-auto-approve"], 1);
    contains(&done.err, &["lock", "OperationTypeApply"]);
    contains(&run(&bench, &["plan", "-lock-timeout=1s"], 1).err, &["lock"]);
    // A killed holder on this machine holds nothing any more.
    child.kill().unwrap();
    child.wait().unwrap();
    bench.write("main.tf", "resource \"terraform_data\" \"first\" {\n  input = 1\n}\n").unwrap();
    run(&bench, &["apply", "-auto-approve"], 0);
    assert!(!bench.path().join(".terraform.tfstate.lock.info").exists());
    run(&bench, &["plan", "-detailed-exitcode"], 0);
}
