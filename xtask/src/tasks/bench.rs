//! `bench`: what plans cost as stacks grow, and how many requests a stack costs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::host::{Empty, Where};
use crate::lab::world::text;
use crate::lab::{Bench, Result, Tool, World};
use crate::{say, tell};

/// `bench`
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand, Debug)]
enum What {
    /// CPU time, peak memory and state size of thousands of `terraform_data`.
    Scale {
        /// How many resources. May be repeated.
        #[arg(long, value_name = "N")]
        size: Vec<usize>,
        /// Terraform only up to this size.
        #[arg(long, default_value_t = 10_000)]
        terraform_up_to: usize,
    },
    /// What the journal costs an apply, locally and on S3.
    Journal(super::bench_journal::Args),
    /// Requests per service of apply, refresh and destroy, beside Terraform's and the floor of the API.
    Requests {
        /// How many of each kind.
        #[arg(long, default_value_t = 10)]
        units: usize,
    },
}

/// Measures and prints a table.
pub(crate) fn run(host: &Where, args: &Args) -> Result<()> {
    let terraform = host.terraform();
    if terraform.is_none() {
        tell("no terraform on PATH: no ratios");
    }
    match &args.what {
        What::Scale { size, terraform_up_to } => {
            let sizes = if size.is_empty() { vec![1_000, 10_000, 100_000] } else { size.clone() };
            let stackctl = host.stackctl(true)?;
            for n in sizes {
                scale(&stackctl, terraform.as_ref().filter(|_| n <= *terraform_up_to), n)?;
            }
            Ok(())
        }
        What::Journal(args) => super::bench_journal::run(host, args),
        What::Requests { units } => requests(&host.stackctl(false)?, terraform.as_ref(), *units),
    }
}

/// What one run cost.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    cpu: f64,
    wall: f64,
    megabytes: f64,
}

/// `n` resources in layers of 50; each of a layer refers to one of the layer above it.
fn layers(n: usize) -> String {
    let mut out = String::new();
    for i in 0..n {
        let input = if i < 50 { format!("\"{i}\"") } else { format!("terraform_data.r{}.output", i - 50) };
        let _ = writeln!(out, "resource \"terraform_data\" \"r{i}\" {{\n  input = {input}\n}}");
    }
    out
}

fn scale(stackctl: &Tool, terraform: Option<&Tool>, n: usize) -> Result<()> {
    let steps: [(&str, &[&str]); 4] = [
        ("plan from nothing", &["plan"]),
        ("apply", &["apply", "-auto-approve"]),
        ("no-op plan", &["plan"]),
        ("no-op plan, no refresh", &["plan", "-refresh=false"]),
    ];
    say(&format!("{n} terraform_data in layers of 50"));
    let all = |tool: &Tool| -> Result<(Vec<Cost>, u64)> {
        let bench = Bench::of(&layers(n), None)?;
        bench.run(tool, &["init", "-input=false"])?.want(0)?;
        let mut costs = Vec::new();
        for (name, args) in steps {
            tell(&format!("  {}: {name}", tool.name()));
            costs.push(measured(&bench, tool, args)?);
        }
        let size = std::fs::metadata(bench.path().join("terraform.tfstate")).map_or(0, |m| m.len());
        Ok((costs, size))
    };
    let (ours, size) = all(stackctl)?;
    let theirs = terraform.map(all).transpose()?;
    say(&format!("  {:<24} {:>9} {:>9} {:>9}   terraform / ours", "", "CPU s", "wall s", "peak MB"));
    for (i, (name, _)) in steps.iter().enumerate() {
        let c = ours[i];
        let ratio = theirs.as_ref().map(|(t, _)| {
            let r = |a: f64, b: f64| if b > 0.0 { format!("{:.0}×", a / b) } else { "-".to_owned() };
            let t = t[i];
            format!(
                "CPU {}, memory {} (terraform {:.2} s, {:.0} MB)",
                r(t.cpu, c.cpu),
                r(t.megabytes, c.megabytes),
                t.cpu,
                t.megabytes
            )
        });
        let ratio = ratio.unwrap_or_default();
        say(&format!("  {name:<24} {:>9.2} {:>9.2} {:>9.0}   {ratio}", c.cpu, c.wall, c.megabytes));
    }
    let theirs = theirs.map(|(_, s)| format!(", terraform's {s}")).unwrap_or_default();
    say(&format!("  state: {size} bytes{theirs}"));
    Ok(())
}

/// Runs a program under a small script that asks the system what it cost: safe Rust has no `wait4`.
fn measured(bench: &Bench, tool: &Tool, args: &[&str]) -> Result<Cost> {
    const SCRIPT: &str = "import os,sys,time,json,platform\n\
        t=time.monotonic()\n\
        pid=os.posix_spawnp(sys.argv[1],sys.argv[1:],os.environ,file_actions=[(os.POSIX_SPAWN_OPEN,1,'/dev/null',os.O_WRONLY,0)])\n\
        _,status,u=os.wait4(pid,0)\n\
        unit=1 if platform.system()=='Darwin' else 1024\n\
        print(json.dumps([os.waitstatus_to_exitcode(status),u.ru_utime+u.ru_stime,time.monotonic()-t,u.ru_maxrss*unit]))\n";
    let program = tool.program.to_string_lossy().into_owned();
    let args: Vec<&str> = ["-c", SCRIPT, &program].into_iter().chain(args.iter().copied()).collect();
    let python = Tool { program: "python3".into(), env: tool.env.clone() };
    let done = bench.run(&python, &args)?.want(0)?;
    let told = done.json()?;
    if told[0] != 0 {
        return Err(format!("exit code {}\n{}", told[0], done.err));
    }
    let number = |i: usize| told[i].as_f64().unwrap_or_default();
    Ok(Cost { cpu: number(1), wall: number(2), megabytes: number(3) / 1e6 })
}

/// A kind of unit: configuration of `n` of them, and the fewest requests that read all of them.
struct Unit {
    name: &'static str,
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

const UNITS: [Unit; 7] = [
    Unit {
        name: "VPC with subnets",
        config: |n| {
            format!(
                "resource \"aws_vpc\" \"v\" {{\n  cidr_block = \"10.0.0.0/16\"\n}}\nresource \"aws_subnet\" \"s\" {{\n  \
                 count      = {n}\n  vpc_id     = aws_vpc.v.id\n  cidr_block = cidrsubnet(\"10.0.0.0/16\", 8, count.index)\n}}\n"
            )
        },
        floor: |n| Floor {
            apply: n + 1,
            refresh: 7,
            destroy: n + 1,
            why: "one create each; a refresh is one DescribeSubnets, and for the VPC DescribeVpcs, two attributes, main table, ACL, group",
        },
    },
    Unit {
        name: "security groups with 4 rules",
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
        name: "roles",
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
        config: |n| {
            format!("resource \"aws_sqs_queue\" \"q\" {{\n  count = {n}\n  name  = \"q${{count.index}}\"\n}}\n")
        },
        floor: |n| Floor { apply: n, refresh: 2 * n, destroy: n, why: "GetQueueAttributes and ListQueueTags each" },
    },
    Unit {
        name: "alarms",
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

fn requests(stackctl: &Tool, terraform: Option<&Tool>, n: usize) -> Result<()> {
    let empty = Empty::new(stackctl)?;
    for unit in &UNITS {
        let config = format!(
            "provider \"aws\" {{\n  region                      = \"us-east-1\"\n  s3_use_path_style           = true\n  \
             skip_metadata_api_check     = true\n}}\n{}",
            (unit.config)(n)
        );
        tell(unit.name);
        let ours = counted(stackctl, &config, empty.world)?;
        let theirs = terraform.map(|t| counted(t, &config, empty.world)).transpose()?;
        let floor = (unit.floor)(n);
        say(&format!("{n} {} (floor: {})", unit.name, floor.why));
        for (i, (step, least)) in
            [("apply", floor.apply), ("refresh", floor.refresh), ("destroy", floor.destroy)].into_iter().enumerate()
        {
            let total = |m: &BTreeMap<String, usize>| m.values().sum::<usize>();
            let theirs = theirs.as_ref().map(|t| total(&t[i]).to_string()).unwrap_or_else(|| "-".to_owned());
            let services: Vec<String> = ours[i].iter().map(|(s, n)| format!("{s} {n}")).collect();
            say(&format!(
                "  {step:<8} terraform {theirs:>6}  ours {:>6}  floor {least:>6}   {}",
                total(&ours[i]),
                services.join(", ")
            ));
        }
    }
    Ok(())
}

/// Requests by service of apply, refresh and destroy.
fn counted(tool: &Tool, config: &str, empty: World) -> Result<[BTreeMap<String, usize>; 3]> {
    let world = empty.fork()?;
    let result = (|| {
        let bench = Bench::of(config, Some(world))?;
        bench.run(tool, &["init", "-input=false"])?.want(0)?;
        let count = |args: &[&str]| -> Result<BTreeMap<String, usize>> {
            world.clear_log()?;
            bench.run(tool, args)?.want(0)?;
            let mut services = BTreeMap::new();
            for request in world.log()? {
                *services.entry(text(&request["service"]).to_owned()).or_default() += 1;
            }
            Ok(services)
        };
        Ok([count(&["apply", "-auto-approve"])?, count(&["plan"])?, count(&["destroy", "-auto-approve"])?])
    })();
    world.exit();
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_refer_to_the_layer_above() {
        let text = layers(51);
        assert_eq!(text.matches("resource ").count(), 51);
        assert!(text.contains("terraform_data.r0.output"));
    }

    #[test]
    fn costs_are_measured() {
        let bench = Bench::empty(None).unwrap();
        let cost = measured(&bench, &Tool::new("python3"), &["-c", "sum(range(3000000))"]);
        let cost = cost.unwrap();
        assert!(cost.cpu > 0.0 && cost.megabytes > 1.0, "{cost:?}");
    }
}
