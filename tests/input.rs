//! Bad input: exit code 1, a message that says what is wrong, and no change to the state.

use crate::lab::Bench;
use crate::{contains, run, world};

/// Runs a command on a configuration and looks for parts of the message. Nothing may be written.
#[track_caller]
fn check(text: &str, args: &[&str], message: &[&str]) {
    let bench = Bench::of(text, None).unwrap();
    let done = run(&bench, args, 1);
    contains(&done.text(), message);
    assert!(bench.read("terraform.tfstate").is_none(), "the state was written");
}

#[test]
fn configurations() {
    let apply: &[&str] = &["apply", "-auto-approve"];
    let validate: &[&str] = &["validate"];
    // All errors of a file at once.
    let syntax = "resource \"terraform_data\" \"a\" {\n  input = = 1\n}\nlocals {\n  x = [1,\n}\noutput \"o\" {\n  value = )\n}\n";
    check(syntax, apply, &["main.tf", "line 2", "line 8"]);
    check(
        "resource \"terraform_data\" \"a\" {\n  inputt = 1\n}\n",
        apply,
        &["inputt", "Did you mean \"input\"", "line 2"],
    );
    check("resource \"terraform_dat\" \"a\" {\n}\n", apply, &["terraform_dat", "terraform_data"]);
    check("resource \"aws_vpcs\" \"a\" {\n}\n", validate, &["aws_vpcs", "aws_vpc"]);
    check("resource \"aws_vpc\" \"a\" {\n  cidr_block = [\"10.0.0.0/16\"]\n}\n", validate, &["cidr_block", "string"]);
    check(
        "resource \"aws_vpc\" \"a\" {\n  cidr_block = \"10.0.0.0/99\"\n}\n",
        validate,
        &["cidr_block", "10.0.0.0/99", "line 2"],
    );
    check("resource \"aws_s3_bucket\" \"a\" {\n  bucket = \"Not_A_Bucket\"\n}\n", validate, &["bucket", "line 2"]);
    check("resource \"aws_subnet\" \"a\" {\n  cidr_block = \"10.0.0.0/24\"\n}\n", validate, &["vpc_id", "required"]);
    check("variable \"size\" {\n  type = number\n}\n", apply, &["size", "variable"]);
    check("output \"o\" {\n  value = var.nothing\n}\n", validate, &["nothing", "declared"]);
    check("output \"o\" {\n  value = nosuch(1)\n}\n", validate, &["nosuch"]);
    let cycle = "locals {\n  a = local.b\n  b = local.c\n  c = local.a\n}\noutput \"o\" { value = local.a }\n";
    check(cycle, apply, &["ycle", "local.a", "local.b", "local.c"]);
    check("terraform {\n  required_version = \">= 99.0\"\n}\n", apply, &["99.0", "1.11.4"]);
    check("terraform {\n  backend \"gcs\" {\n  }\n}\n", apply, &["gcs", "s3"]);
    check("resource \"terraform_data\" \"a\" {\n  count = 1\n  for_each = {}\n}\n", validate, &["count", "for_each"]);
}

#[test]
fn variables() {
    let text = "variable \"size\" {\n  type = number\n}\noutput \"o\" { value = var.size }\n";
    check(text, &["apply", "-auto-approve", "-var=size=many"], &["size", "number"]);
    check(text, &["apply", "-auto-approve", "-var=siz=1", "-var=size=1"], &["siz"]);
    check(text, &["apply", "-auto-approve", "-var-file=missing.tfvars"], &["missing.tfvars"]);
    check(text, &["apply", "-auto-approve", "-input=false"], &["size"]);
    check(text, &["apply", "-auto-approve", "--env", "dev"], &["environments/dev.tfvars"]);
    check(text, &["apply", "-auto-approve", "-nonsense"], &["nonsense"]);
    check(text, &["aply"], &["aply"]);
}

#[test]
fn secrets_stay_out_of_messages() {
    let text = "variable \"p\" {\n  sensitive = true\n  default = \"correct-horse\"\n}\nresource \"terraform_data\" \"a\" {\n  \
                input = cidrhost(var.p, 1)\n}\n";
    let bench = Bench::of(text, None).unwrap();
    let done = run(&bench, &["apply", "-auto-approve"], 1);
    assert!(!done.text().contains("correct-horse"), "{}", done.text());
}

const SMALL: &str = "resource \"terraform_data\" \"a\" {\n  input = 1\n}\n";

/// A state that is not ours to touch is left as it is, byte by byte.
#[test]
fn states() {
    #[track_caller]
    fn check(state: &str, message: &[&str]) {
        let bench = Bench::of(SMALL, None).unwrap();
        bench.write("terraform.tfstate", state).unwrap();
        let done = run(&bench, &["apply", "-auto-approve"], 1);
        contains(&done.text(), message);
        assert_eq!(bench.read("terraform.tfstate").as_deref(), Some(state));
    }
    check("this is no state", &["terraform.tfstate"]);
    check("{\"version\": 99, \"serial\": 1, \"lineage\": \"l\"}", &["99"]);
    check("{\"version\": 4", &["terraform.tfstate"]);
    check("[]", &["terraform.tfstate"]);
}

#[test]
fn a_resource_type_of_a_newer_version() {
    let bench = Bench::of(SMALL, None).unwrap();
    run(&bench, &["apply", "-auto-approve"], 0);
    let newer = bench.read("terraform.tfstate").unwrap().replace("\"schema_version\": 0", "\"schema_version\": 77");
    assert!(newer.contains("77"));
    bench.write("terraform.tfstate", &newer).unwrap();
    contains(&run(&bench, &["apply", "-auto-approve"], 1).text(), &["terraform_data.a", "newer"]);
    assert_eq!(bench.read("terraform.tfstate").unwrap(), newer);
}

#[test]
fn accounts_and_endpoints() {
    let vpc = "resource \"aws_vpc\" \"v\" {\n  cidr_block = \"10.0.0.0/16\"\n}\n";
    let wrong =
        format!("provider \"aws\" {{\n  region = \"us-east-1\"\n  allowed_account_ids = [\"999999999999\"]\n}}\n{vpc}");
    let world = world();
    let bench = Bench::of(&wrong, Some(world)).unwrap();
    contains(&run(&bench, &["apply", "-auto-approve"], 1).text(), &["999999999999", "123456789012"]);
    assert!(world.census().unwrap().is_empty());
    world.exit();

    let nobody = format!("provider \"aws\" {{\n  region = \"us-east-1\"\n  max_retries = 1\n}}\n{vpc}");
    let mut bench = Bench::of(&nobody, None).unwrap();
    for (name, value) in
        [("AWS_ENDPOINT_URL", "http://127.0.0.1:9"), ("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY", "x")]
    {
        bench.env.push((name.to_owned(), value.to_owned()));
    }
    contains(&run(&bench, &["apply", "-auto-approve"], 1).text(), &["127.0.0.1:9"]);
    assert!(bench.read("terraform.tfstate").is_none());
}
