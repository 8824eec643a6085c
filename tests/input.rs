//! Bad input: exit code 1, a message that says what is wrong, and no change to the state.

use crate::lab::Bench;
use crate::{contains, missing, run, stackctl, world};

/// A configuration, the arguments, and parts of the message.
type Case<'a> = (&'a str, &'a [&'a str], &'a [&'a str]);

/// Runs each case. Nothing may be written.
#[track_caller]
fn check(cases: &[Case<'_>]) {
    let mut wrong = Vec::new();
    for (text, args, message) in cases {
        let bench = Bench::of(text, None).unwrap();
        let done = bench.run(&stackctl(), args).unwrap();
        let (shown, missing) = (done.text(), missing(&done.text(), message));
        if done.code != Some(1) || !missing.is_empty() || bench.read("terraform.tfstate").is_some() {
            wrong.push(format!("{text}\n{args:?}: exit code {:?}, missing {missing:?} in:\n{shown}", done.code));
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n\n{}", wrong.len(), cases.len(), wrong.join("\n----\n"));
}

const APPLY: &[&str] = &["apply", "-auto-approve"];
const VALIDATE: &[&str] = &["validate"];

#[test]
fn configurations() {
    check(&[
        // All errors of a file at once, with the source.
        (
            "resource \"terraform_data\" \"a\" {\n  input = = 1\n}\nlocals {\n  x = [1,\n}\noutput \"o\" {\n  value = )\n}\n",
            APPLY,
            &["main.tf:2", "main.tf:6", "main.tf:8", "input = = 1"],
        ),
        (
            "resource \"terraform_data\" \"a\" {\n  inputt = 1\n}\n",
            APPLY,
            &["inputt", "Did you mean \"input\"", "main.tf:2"],
        ),
        ("resource \"terraform_dat\" \"a\" {\n}\n", APPLY, &["terraform_dat", "terraform_data"]),
        ("variable \"size\" {\n  type = number\n}\n", APPLY, &["size", "variable"]),
        ("output \"o\" {\n  value = var.nothing\n}\n", VALIDATE, &["nothing", "declared"]),
        ("output \"o\" {\n  value = nosuch(1)\n}\n", VALIDATE, &["nosuch"]),
        (
            "locals {\n  a = local.b\n  b = local.c\n  c = local.a\n}\noutput \"o\" { value = local.a }\n",
            APPLY,
            &["ycle", "local.a", "local.b", "local.c"],
        ),
        ("terraform {\n  required_version = \">= 99.0\"\n}\n", APPLY, &["99.0", "1.11.4"]),
        ("terraform {\n  backend \"gcs\" {\n  }\n}\n", APPLY, &["gcs", "s3"]),
        ("resource \"terraform_data\" \"a\" {\n  count = 1\n  for_each = {}\n}\n", VALIDATE, &["count", "for_each"]),
        ("output \"o\" {\n  value = 1 + \"x\"\n}\n", APPLY, &["number", "main.tf:2"]),
        ("resource \"terraform_data\" \"a\" {\n  count = -1\n}\n", APPLY, &["count", "main.tf:2"]),
        ("module \"m\" {\n  source = \"./missing\"\n}\n", APPLY, &["missing"]),
    ]);
}

/// Mistakes that the types' own schemas find before anything is asked of AWS.
#[test]
fn arguments_of_aws() {
    check(&[
        ("resource \"aws_vpcs\" \"a\" {\n}\n", VALIDATE, &["aws_vpcs", "aws_vpc"]),
        ("resource \"aws_vpc\" \"a\" {\n  cidr_block = [\"10.0.0.0/16\"]\n}\n", VALIDATE, &["cidr_block", "string"]),
        (
            "resource \"aws_vpc\" \"a\" {\n  cidr_block = \"10.0.0.0/99\"\n}\n",
            VALIDATE,
            &["cidr_block", "10.0.0.0/99", "main.tf:2"],
        ),
        ("resource \"aws_s3_bucket\" \"a\" {\n  bucket = \"Not_A_Bucket\"\n}\n", VALIDATE, &["bucket", "main.tf:2"]),
        ("resource \"aws_subnet\" \"a\" {\n  cidr_block = \"10.0.0.0/24\"\n}\n", VALIDATE, &["vpc_id", "required"]),
        (
            "resource \"aws_security_group\" \"a\" {\n  name = \"a\"\n  name_prefix = \"b\"\n}\n",
            VALIDATE,
            &["name", "name_prefix"],
        ),
    ]);
}

#[test]
fn variables() {
    let text = "variable \"size\" {\n  type = number\n}\noutput \"o\" { value = var.size }\n";
    check(&[
        (text, &["apply", "-auto-approve", "-var=size=many"], &["size", "number"]),
        (text, &["apply", "-auto-approve", "-var=siz=1", "-var=size=1"], &["siz"]),
        (text, &["apply", "-auto-approve", "-var-file=missing.tfvars"], &["missing.tfvars"]),
        (text, &["apply", "-auto-approve", "-input=false"], &["size"]),
        (text, &["apply", "-auto-approve", "--env", "dev"], &["environments/dev.tfvars"]),
        (text, &["apply", "-auto-approve", "-nonsense"], &["nonsense"]),
        (text, &["aply"], &["aply"]),
    ]);
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
    fn refused(state: &str, message: &[&str]) {
        let bench = Bench::of(SMALL, None).unwrap();
        bench.write("terraform.tfstate", state).unwrap();
        let done = run(&bench, &["apply", "-auto-approve"], 1);
        contains(&done.text(), message);
        assert_eq!(bench.read("terraform.tfstate").as_deref(), Some(state));
    }
    refused("this is no state", &["terraform.tfstate"]);
    refused("{\"version\": 99, \"serial\": 1, \"lineage\": \"l\"}", &["99"]);
    refused("{\"version\": 4", &["terraform.tfstate"]);
    refused("[]", &["terraform.tfstate"]);
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
    contains(&run(&bench, &["apply", "-auto-approve"], 1).text(), &["allowed_account_ids", "123456789012"]);
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
