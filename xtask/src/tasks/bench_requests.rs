//! `bench requests`: how many requests a stack costs, beside Terraform's and the fewest that the API allows.

use std::collections::BTreeMap;

use crate::host::{Empty, Where};
use crate::lab::world::text;
use crate::lab::{Result, Tool, World};
use crate::{say, tell};

/// `bench requests`
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// How many of each kind.
    #[arg(long, default_value_t = 10)]
    units: usize,
    /// Only kinds whose name contains this. May be repeated.
    #[arg(long, value_name = "TEXT")]
    kind: Vec<String>,
    /// Without Terraform.
    #[arg(long)]
    alone: bool,
}

/// Counts and prints a table in Markdown.
pub(super) fn run(host: &Where, args: &Args) -> Result<()> {
    let terraform = host.terraform().filter(|_| !args.alone);
    if terraform.is_none() {
        tell("without terraform: no comparison");
    }
    let stackctl = host.stackctl(false)?;
    let empty = Empty::new(&stackctl)?;
    say("| what | step | Terraform | stackctl | floor | stackctl's requests |\n|---|---|---|---|---|---|");
    let mut floors = String::new();
    for unit in UNITS.iter().filter(|u| args.kind.is_empty() || args.kind.iter().any(|k| u.name.contains(k.as_str()))) {
        let n = unit.fixed.unwrap_or(args.units);
        let config = format!("{PROVIDER}{}", (unit.config)(n));
        tell(unit.name);
        let ours = counted(&stackctl, &config, empty.world)?;
        let theirs = terraform.as_ref().map(|t| counted(t, &config, empty.world)).transpose()?;
        let floor = (unit.floor)(n);
        // Everybody asks once who they are.
        let least = [floor.apply, floor.refresh, floor.destroy].map(|f| f + 1);
        for (i, step) in ["apply", "refresh", "destroy"].into_iter().enumerate() {
            let theirs = theirs.as_ref().map_or_else(|| "-".to_owned(), |t| total(&t[i]).to_string());
            let actions: Vec<String> = ours[i].iter().map(|(action, n)| format!("{action} {n}")).collect();
            let (ours, list) = (total(&ours[i]), actions.join(", "));
            say(&format!("| {n} {} | {step} | {theirs} | {ours} | {} | {list} |", unit.name, least[i]));
        }
        floors += &format!("\n- {}: {}", unit.name, floor.why);
    }
    say(&format!("\nThe floors, each with one request for the caller's identity:\n{floors}"));
    Ok(())
}

fn total(counts: &BTreeMap<String, usize>) -> usize {
    counts.values().sum()
}

const PROVIDER: &str = "provider \"aws\" {\n  region                  = \"us-east-1\"\n  s3_use_path_style       = true\n  \
    skip_metadata_api_check = true\n}\n";

/// A kind of unit: configuration of `n` of them, and the fewest requests that read all of them.
struct Unit {
    name: &'static str,
    /// Always so many.
    fixed: Option<usize>,
    config: fn(usize) -> String,
    floor: fn(usize) -> Floor,
}

/// The fewest requests that the API allows for creating, reading and deleting `n` units.
struct Floor {
    apply: usize,
    refresh: usize,
    destroy: usize,
    why: &'static str,
}

const UNITS: [Unit; 8] = [
    Unit {
        name: "VPC with subnets",
        fixed: None,
        config: |n| {
            format!(
                "resource \"aws_vpc\" \"v\" {{\n  cidr_block = \"10.0.0.0/16\"\n}}\nresource \"aws_subnet\" \"s\" {{\n  \
                 count      = {n}\n  vpc_id     = aws_vpc.v.id\n  cidr_block = cidrsubnet(\"10.0.0.0/16\", 8, count.index)\n}}\n"
            )
        },
        floor: |n| Floor {
            apply: n + 1,
            refresh: 8,
            destroy: n + 1,
            why: "one create each; a refresh is one DescribeSubnets, and for the VPC DescribeVpcs, main table, ACL, group, and its three \
                  attributes (host names, DNS support, usage metrics), of which DescribeVpcAttribute tells one at a time and no other request any",
        },
    },
    Unit {
        name: "security groups with 4 rules",
        fixed: None,
        config: |n| {
            format!(
                "resource \"aws_security_group\" \"g\" {{\n  count = {n}\n  name  = \"g${{count.index}}\"\n}}\n\
                 resource \"aws_vpc_security_group_ingress_rule\" \"r\" {{\n  count             = {}\n  \
                 security_group_id = aws_security_group.g[floor(count.index / 4)].id\n  ip_protocol       = \"tcp\"\n  \
                 from_port         = 1000 + count.index\n  to_port           = 1000 + count.index\n  cidr_ipv4         = \"10.0.0.0/8\"\n}}\n",
                4 * n
            )
        },
        floor: |n| Floor {
            apply: n + n + n,
            refresh: n.div_ceil(1000) + (4 * n).div_ceil(1000),
            destroy: n,
            why: "a group, its default egress, its rules in one request; describes take 1000 a page; rules go with their group",
        },
    },
    Unit {
        name: "security groups with 1,400 rules",
        fixed: Some(300),
        config: |n| {
            format!(
                "resource \"aws_security_group\" \"g\" {{\n  count = {n}\n  name  = \"g${{count.index}}\"\n}}\n\
                 resource \"aws_security_group_rule\" \"r\" {{\n  count             = 1400\n  type              = \"ingress\"\n  \
                 security_group_id = aws_security_group.g[count.index % {n}].id\n  protocol          = \"tcp\"\n  \
                 from_port         = 1000 + count.index\n  to_port           = 1000 + count.index\n  cidr_blocks       = [\"10.0.0.0/8\"]\n}}\n"
            )
        },
        floor: |n| Floor {
            apply: n + n + n,
            refresh: n.div_ceil(1000) + 1400_usize.div_ceil(1000),
            destroy: n,
            why: "as above; the goal for the refresh is ten",
        },
    },
    Unit {
        name: "roles",
        fixed: None,
        config: |n| {
            format!(
                "resource \"aws_iam_role\" \"r\" {{\n  count              = {n}\n  name               = \"r${{count.index}}\"\n  \
                 assume_role_policy = jsonencode({{ Version = \"2012-10-17\", Statement = [{{ Effect = \"Allow\", Action = \"sts:AssumeRole\", Principal = {{ Service = \"ec2.amazonaws.com\" }} }}] }})\n}}\n"
            )
        },
        floor: |n| Floor {
            apply: n,
            refresh: 3 * n,
            destroy: n,
            why: "no batch reads a role with inline and attached policies: GetRole, ListRolePolicies, ListAttachedRolePolicies",
        },
    },
    Unit {
        name: "buckets",
        fixed: None,
        config: |n| {
            format!(
                "resource \"aws_s3_bucket\" \"b\" {{\n  count  = {n}\n  bucket = \"bench-bucket-${{count.index}}\"\n}}\n"
            )
        },
        floor: |n| Floor {
            apply: n,
            refresh: 2 * n,
            destroy: n,
            why: "HeadBucket and GetBucketTagging each; nothing lists them together",
        },
    },
    Unit {
        name: "queues",
        fixed: None,
        config: |n| {
            format!("resource \"aws_sqs_queue\" \"q\" {{\n  count = {n}\n  name  = \"q${{count.index}}\"\n}}\n")
        },
        floor: |n| Floor { apply: n, refresh: 2 * n, destroy: n, why: "GetQueueAttributes and ListQueueTags each" },
    },
    Unit {
        name: "alarms",
        fixed: None,
        config: |n| {
            format!(
                "resource \"aws_cloudwatch_metric_alarm\" \"a\" {{\n  count               = {n}\n  alarm_name          = \"a${{count.index}}\"\n  \
                 comparison_operator = \"GreaterThanThreshold\"\n  evaluation_periods  = 1\n  metric_name         = \"m\"\n  \
                 namespace           = \"n\"\n  period              = 60\n  statistic           = \"Sum\"\n  threshold           = 1\n}}\n"
            )
        },
        floor: |n| Floor {
            apply: n,
            refresh: n.div_ceil(100) + n,
            destroy: n.div_ceil(100),
            why: "DescribeAlarms takes 100 names, DeleteAlarms 100; tags are read one by one",
        },
    },
    Unit {
        name: "parameters",
        fixed: None,
        config: |n| {
            format!(
                "resource \"aws_ssm_parameter\" \"p\" {{\n  count = {n}\n  name  = \"/p/${{count.index}}\"\n  type  = \"String\"\n  value = \"v\"\n}}\n"
            )
        },
        floor: |n| Floor {
            apply: n,
            refresh: n.div_ceil(10) + n.div_ceil(50) + n,
            destroy: n.div_ceil(10),
            why: "GetParameters takes 10, DescribeParameters 50, DeleteParameters 10; tags are read one by one",
        },
    },
];

/// Requests by action of apply, refresh and destroy.
fn counted(tool: &Tool, config: &str, empty: World) -> Result<[BTreeMap<String, usize>; 3]> {
    let world = empty.fork()?;
    let result = (|| {
        let bench = crate::lab::Bench::of(config, Some(world))?;
        bench.run(tool, &["init", "-input=false"])?.want(0)?;
        let count = |args: &[&str]| -> Result<BTreeMap<String, usize>> {
            world.clear_log()?;
            bench.run(tool, args)?.want(0)?;
            let mut actions = BTreeMap::new();
            for request in world.log()? {
                let action = format!("{}:{}", text(&request["service"]), text(&request["action"]));
                *actions.entry(action).or_default() += 1;
            }
            Ok(actions)
        };
        Ok([count(&["apply", "-auto-approve"])?, count(&["plan"])?, count(&["destroy", "-auto-approve"])?])
    })();
    world.exit();
    result
}
