//! The life of stacks in the sandbox: apply, nothing to do, a stranger's changes, drift, healing, updates, destroy.

use std::collections::BTreeSet;

use crate::aws::tag;
use crate::lab::world::text;
use crate::lab::{Bench, World};
use crate::{contains, repository, run, world};

/// An attribute of the first instance of a resource in a state.
#[track_caller]
fn attribute(state: &serde_json::Value, ty: &str, name: &str, attribute: &str) -> String {
    let found = state["resources"].as_array().unwrap().iter().find(|r| r["type"] == ty && r["name"] == name);
    let value = &found.unwrap_or_else(|| panic!("{ty}.{name} is not in the state"))["instances"][0]["attributes"];
    text(&value[attribute]).to_owned()
}

/// What `drift -json` reports.
#[track_caller]
fn drifted(bench: &Bench, args: &[&str]) -> Vec<serde_json::Value> {
    let report = run(bench, &[&["drift", "-json"], args].concat(), 2).json().unwrap();
    report["resources"].as_array().unwrap().clone()
}

/// The resource of an instance's address.
fn resource(address: &str) -> String {
    address.split('[').next().unwrap_or_default().to_owned()
}

/// A tag and a rule of a group, changed by hand.
fn stranger_at_group(world: World, id: &str) {
    world
        .query("ec2", "CreateTags", &[("ResourceId.1", id), ("Tag.1.Key", "Stranger"), ("Tag.1.Value", "yes")])
        .unwrap();
    let rule = [
        ("GroupId", id),
        ("IpPermissions.1.IpProtocol", "tcp"),
        ("IpPermissions.1.FromPort", "2222"),
        ("IpPermissions.1.ToPort", "2222"),
        ("IpPermissions.1.IpRanges.1.CidrIp", "198.51.100.0/24"),
    ];
    world.query("ec2", "AuthorizeSecurityGroupIngress", &rule).unwrap();
}

/// A setting of a bucket, changed by hand.
fn stranger_at_bucket(world: World, bucket: &str, versioning: &str) {
    let setting = format!(
        "<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Status>{versioning}</Status></VersioningConfiguration>"
    );
    world.s3("PUT", &format!("/{bucket}?versioning"), &setting).unwrap();
    assert_eq!(tag(&world.s3("GET", &format!("/{bucket}?versioning"), "").unwrap(), "Status"), Some(versioning));
}

#[test]
fn six() {
    let world = world();
    let bench = Bench::copy_of(&repository("tests/stacks/six"), Some(world)).unwrap();
    run(&bench, &["apply", "-auto-approve"], 0);
    run(&bench, &["plan", "-detailed-exitcode"], 0);
    run(&bench, &["drift"], 0);

    let state = bench.state().unwrap();
    stranger_at_group(world, &attribute(&state, "aws_security_group", "web", "id"));
    stranger_at_bucket(world, &attribute(&state, "aws_s3_bucket", "data", "bucket"), "Suspended");
    let want = [
        ("aws_s3_bucket_versioning.data", "versioning_configuration"),
        ("aws_security_group.web", "ingress"),
        ("aws_security_group.web", "tags"),
    ];
    let mut found = BTreeSet::new();
    for r in drifted(&bench, &[]) {
        let paths = r["attributes"].as_array().unwrap().iter().map(|a| text(&a["path"][0]).to_owned());
        // What is computed from others is no finding of its own.
        found.extend(paths.filter(|p| p != "tags_all").map(|p| (text(&r["address"]).to_owned(), p)));
    }
    assert_eq!(found, want.map(|(a, p)| (a.to_owned(), p.to_owned())).into());
    contains(
        &run(&bench, &["drift"], 2).out,
        &["aws_security_group.web", "Stranger", "2222", "aws_s3_bucket_versioning.data"],
    );
    run(&bench, &["apply", "-auto-approve"], 0);
    run(&bench, &["drift"], 0);
    run(&bench, &["plan", "-detailed-exitcode"], 0);

    let before = bench.recorded().unwrap();
    let plan = run(&bench, &["plan", "-detailed-exitcode", "-var=generation=2"], 2);
    contains(
        &plan.out,
        &["aws_db_instance.primary will be updated in-place", "aws_iam_role.app will be updated in-place"],
    );
    // Not applied yet is no drift.
    run(&bench, &["drift", "-var=generation=2"], 0);
    run(&bench, &["apply", "-auto-approve", "-var=generation=2"], 0);
    run(&bench, &["plan", "-detailed-exitcode", "-var=generation=2"], 0);
    run(&bench, &["apply", "-auto-approve", "-var=generation=2", "-var=replacement=2"], 0);
    run(&bench, &["plan", "-detailed-exitcode", "-var=generation=2", "-var=replacement=2"], 0);
    assert_eq!(before["aws_security_group"], bench.recorded().unwrap()["aws_security_group"]);
    run(&bench, &["destroy", "-auto-approve"], 0);
    assert!(bench.recorded().unwrap().is_empty());
    assert_eq!(world.census().unwrap(), Default::default(), "something is left");
    world.exit();
}

#[test]
fn wide() {
    let world = world();
    let bench = Bench::copy_of(&repository("tests/stacks/wide"), Some(world)).unwrap();
    run(&bench, &["apply", "-auto-approve"], 0);
    run(&bench, &["plan", "-detailed-exitcode"], 0);
    run(&bench, &["drift"], 0);
    run(&bench, &["apply", "-auto-approve", "-var=generation=2"], 0);
    run(&bench, &["plan", "-detailed-exitcode", "-var=generation=2"], 0);
    run(&bench, &["apply", "-auto-approve", "-var=generation=2", "-var=replacement=2"], 0);
    run(&bench, &["plan", "-detailed-exitcode", "-var=generation=2", "-var=replacement=2"], 0);
    run(&bench, &["destroy", "-auto-approve"], 0);
    assert!(bench.recorded().unwrap().is_empty());
    assert_eq!(world.census().unwrap(), Default::default(), "something is left");
    world.exit();
}

/// A password for the environments whose database has replicas.
fn muejam(world: World) -> Bench {
    let mut bench = Bench::copy_of(&repository("stacks/muejam"), Some(world)).unwrap();
    bench.env.push(("TF_VAR_db_master_password".to_owned(), "not-a-real-secret-1".to_owned()));
    bench
}

/// Types that are left when a stack with a state in S3 is destroyed: the state's own, and what AWS keeps.
#[track_caller]
fn only_what_stays(world: World) {
    let stays = ["aws_db_snapshot", "aws_dynamodb_table", "aws_s3_bucket"];
    let left = world.inventory().unwrap();
    let more: Vec<_> = left.iter().filter(|(ty, things)| !things.is_empty() && !stays.contains(&ty.as_str())).collect();
    assert!(more.is_empty(), "left: {more:?}");
    let buckets: Vec<_> = left.get("aws_s3_bucket").into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    assert!(buckets.iter().all(|name| *name == "muejam-terraform-state"), "left: {buckets:?}");
}

/// An environment of a real stack, its state in S3, in a workspace of its own.
#[track_caller]
fn environment(name: &str) {
    let world = world();
    let bench = muejam(world);
    let env = format!("--env={name}");
    run(&bench, &["apply", "-auto-approve", &env], 0);
    run(&bench, &["plan", "-detailed-exitcode", &env], 0);
    run(&bench, &["drift", &env], 0);

    // A stranger takes a rule away, adds a tag, and turns a bucket's versions on or off.
    let state = run(&bench, &["state", "pull", &env], 0).json().unwrap();
    let group = attribute(&state, "aws_security_group", "app", "id");
    world
        .query("ec2", "CreateTags", &[("ResourceId.1", &group), ("Tag.1.Key", "Stranger"), ("Tag.1.Value", "yes")])
        .unwrap();
    let rule = |name: &str| attribute(&state, "aws_vpc_security_group_egress_rule", name, "security_group_rule_id");
    world
        .query(
            "ec2",
            "RevokeSecurityGroupEgress",
            &[("GroupId", &group), ("SecurityGroupRuleId.1", &rule("app_https"))],
        )
        .unwrap();
    let bucket = attribute(&state, "aws_s3_bucket_versioning", "main", "bucket");
    let now = tag(&world.s3("GET", &format!("/{bucket}?versioning"), "").unwrap(), "Status").map(str::to_owned);
    stranger_at_bucket(world, &bucket, if now.as_deref() == Some("Enabled") { "Suspended" } else { "Enabled" });
    let found: BTreeSet<String> = drifted(&bench, &[&env]).iter().map(|r| resource(text(&r["address"]))).collect();
    let want = [
        "aws_security_group.app",
        "aws_vpc_security_group_egress_rule.app_https",
        "module.s3.aws_s3_bucket_versioning.main",
    ];
    assert_eq!(found, want.map(str::to_owned).into());
    run(&bench, &["apply", "-auto-approve", &env], 0);
    run(&bench, &["drift", &env], 0);
    run(&bench, &["plan", "-detailed-exitcode", &env], 0);

    run(&bench, &["destroy", "-auto-approve", &env], 0);
    only_what_stays(world);
    world.exit();
}

#[test]
fn muejam_dev() {
    environment("dev");
}

#[test]
fn muejam_staging() {
    environment("staging");
}

#[test]
fn muejam_production() {
    environment("production");
}

/// One stack that becomes each of the environments in turn.
#[test]
fn muejam_switched() {
    let world = world();
    let bench = muejam(world);
    for name in ["dev", "staging", "production", "dev"] {
        let file = format!("-var-file=environments/{name}.tfvars");
        run(&bench, &["apply", "-auto-approve", &file, "-var=db_apply_immediately=true"], 0);
        run(&bench, &["plan", "-detailed-exitcode", &file, "-var=db_apply_immediately=true"], 0);
    }
    run(&bench, &["destroy", "-auto-approve", "-var-file=environments/dev.tfvars"], 0);
    only_what_stays(world);
    world.exit();
}
