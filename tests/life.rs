//! The life of stacks in the sandbox: apply, nothing to do, a stranger's changes, drift, healing, updates, destroy.

use std::collections::BTreeSet;

use crate::aws::tag;
use crate::lab::world::text;
use crate::lab::{Bench, World};
use crate::{contains, repository, run, world};

/// The attributes of an instance in the local state.
fn attribute(bench: &Bench, ty: &str, name: &str, attribute: &str) -> String {
    let state = bench.state().unwrap();
    let found = state["resources"].as_array().unwrap().iter().find(|r| r["type"] == ty && r["name"] == name);
    let value = found.unwrap_or_else(|| panic!("{ty}.{name} is not in the state"))["instances"][0]["attributes"]
        [attribute]
        .clone();
    text(&value).to_owned()
}

/// Addresses and first path elements that `drift -json` reports.
#[track_caller]
fn drifted(bench: &Bench) -> BTreeSet<(String, String)> {
    let report = run(bench, &["drift", "-json"], 2).json().unwrap();
    let resources = report["resources"].as_array().unwrap();
    let paths = |r: &serde_json::Value| -> Vec<String> {
        r["attributes"].as_array().unwrap().iter().map(|a| text(&a["path"][0]).to_owned()).collect()
    };
    resources.iter().flat_map(|r| paths(r).into_iter().map(move |p| (text(&r["address"]).to_owned(), p))).collect()
}

/// A tag, a rule and a bucket setting, changed by hand.
fn stranger(bench: &Bench, world: World, group: &str, bucket: &str) {
    let id = attribute(bench, "aws_security_group", group, "id");
    world
        .query("ec2", "CreateTags", &[("ResourceId.1", &id), ("Tag.1.Key", "Stranger"), ("Tag.1.Value", "yes")])
        .unwrap();
    let rule = [
        ("GroupId", id.as_str()),
        ("IpPermissions.1.IpProtocol", "tcp"),
        ("IpPermissions.1.FromPort", "2222"),
        ("IpPermissions.1.ToPort", "2222"),
        ("IpPermissions.1.IpRanges.1.CidrIp", "198.51.100.0/24"),
    ];
    world.query("ec2", "AuthorizeSecurityGroupIngress", &rule).unwrap();
    let bucket = attribute(bench, "aws_s3_bucket", bucket, "bucket");
    let setting = "<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Status>Suspended</Status></VersioningConfiguration>";
    world.s3("PUT", &format!("/{bucket}?versioning"), setting).unwrap();
    assert_eq!(tag(&world.s3("GET", &format!("/{bucket}?versioning"), "").unwrap(), "Status"), Some("Suspended"));
}

#[test]
fn six() {
    let world = world();
    let bench = Bench::copy_of(&repository("tests/stacks/six"), Some(world)).unwrap();
    run(&bench, &["apply", "-auto-approve"], 0);
    run(&bench, &["plan", "-detailed-exitcode"], 0);
    run(&bench, &["drift"], 0);

    stranger(&bench, world, "web", "data");
    let want = [
        ("aws_s3_bucket_versioning.data", "versioning_configuration"),
        ("aws_security_group.web", "ingress"),
        ("aws_security_group.web", "tags"),
    ];
    let mut found = drifted(&bench);
    // What is computed from others is no finding of its own.
    found.retain(|(_, path)| path != "tags_all");
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
