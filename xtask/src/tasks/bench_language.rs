//! `bench language`: how fast configurations are read and evaluated, beside Terraform on the same ones.
//!
//! Parsing alone is measured by an example of `crates/hcl`, in one process that parses once. The binary is measured as it
//! is: the cost of its start is taken off, and what is left of `validate` on a large file of ordinary resources is counted
//! as reading, although it checks as well.

use std::fmt::Write as _;

use super::bench::{Cost, measured};
use crate::host::Where;
use crate::lab::{Bench, Result, Tool};
use crate::{say, tell};

/// `bench language`
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Megabytes of configuration to read.
    #[arg(long, default_value_t = 8)]
    megabytes: usize,
    /// Locals of the largest configuration to evaluate; a tenth as many module instances.
    #[arg(long, default_value_t = 10_000)]
    locals: usize,
    /// Leave Terraform out of the configurations that take it minutes.
    #[arg(long)]
    short: bool,
}

/// Measures and prints.
pub(crate) fn run(host: &Where, args: &Args) -> Result<()> {
    let (ours, theirs) = (host.stackctl(true)?, host.terraform());
    let start = best(&ours, "", &["validate"])?;
    say(&format!("start-up with an empty configuration: {:.0} ms of CPU, {:.0} MB", start.cpu * 1e3, start.megabytes));

    parsing(host, args.megabytes)?;
    say("reading: `fmt -check` of one file, and `validate` of it");
    for n in [args.megabytes.div_ceil(4), args.megabytes] {
        let text = file(n << 20);
        let size = text.len() as f64 / 1e6;
        for command in [&["fmt", "-check"][..], &["validate"]] {
            let cost = best(&ours, &text, command)?;
            let speed = size / (cost.cpu - start.cpu).max(1e-3);
            let theirs = match &theirs {
                Some(t) if !args.short => {
                    let cost = best(t, &text, command)?;
                    format!("; terraform {:.2} s, {:.0} MB", cost.cpu, cost.megabytes)
                }
                _ => String::new(),
            };
            say(&format!(
                "  {:<10} {size:>5.1} MB: {:>6.2} s of CPU, {speed:>6.0} MB/s, {:.0} MB of memory{theirs}",
                command[0], cost.cpu, cost.megabytes
            ));
        }
    }

    say("evaluating: `plan` of locals and a tenth as many module instances");
    let mut last: Option<f64> = None;
    for n in [args.locals / 8, args.locals / 4, args.locals / 2, args.locals] {
        let text = locals(n);
        let cost = best(&ours, &text, &["plan", "-refresh=false"])?;
        let cpu = cost.cpu - start.cpu;
        let growth = last.map_or(String::new(), |l| format!(", {:.1} times the one before", cpu / l.max(1e-3)));
        let theirs = match &theirs {
            Some(t) if !args.short || n <= 1_250 => {
                let t = best(t, &text, &["plan", "-refresh=false"])?;
                format!("; terraform {:.2} s, {:.0} MB: {:.0}×", t.cpu, t.megabytes, t.cpu / cost.cpu)
            }
            _ => String::new(),
        };
        say(&format!(
            "  {n:>6} locals: {:>6.0} ms of CPU{growth}, {:.0} MB of memory{theirs}",
            cpu * 1e3,
            cost.megabytes
        ));
        last = Some(cpu);
    }
    Ok(())
}

/// Text → tree, the cheapest of five processes: memory that is touched for the first time counts.
fn parsing(host: &Where, megabytes: usize) -> Result<()> {
    let (parser, bench) = (host.parser()?, Bench::of(&file(megabytes << 20), None)?);
    let mut best = f64::INFINITY;
    let mut bytes = 0.0;
    for _ in 0..5 {
        let told = bench.run(&parser, &["main.tf", "1"])?.want(0)?.json()?;
        best = best.min(told["seconds"].as_f64().unwrap_or(f64::INFINITY));
        bytes = told["bytes"].as_f64().unwrap_or_default();
    }
    let (size, speed) = (bytes / 1e6, bytes / 1e6 / best);
    say(&format!("parsing alone: {size:.1} MB in {best:.3} s of CPU, {speed:.0} MB/s"));
    Ok(())
}

/// The cheapest of three runs.
fn best(tool: &Tool, text: &str, args: &[&str]) -> Result<Cost> {
    let bench = Bench::of(text, None)?;
    bench.write("child/main.tf", CHILD)?;
    bench.run(tool, &["init", "-input=false"])?.want(0)?;
    tell(&format!("  {}: {}", tool.name(), args.join(" ")));
    let mut best = measured(&bench, tool, args)?;
    for _ in 0..2 {
        let cost = measured(&bench, tool, args)?;
        if cost.cpu < best.cpu {
            best = cost;
        }
    }
    Ok(best)
}

const CHILD: &str = r#"variable "name" { type = string }
variable "size" {
  type    = number
  default = 1
}
locals {
  upper = upper(var.name)
  sizes = [for i in range(3) : i * var.size]
}
output "text" { value = "${local.upper}-${join(",", local.sizes)}" }
"#;

/// Ordinary configuration of about so many bytes, as `fmt` writes it.
fn file(bytes: usize) -> String {
    let mut out = String::new();
    for i in 0.. {
        if out.len() >= bytes {
            break;
        }
        let _ = write!(
            out,
            r#"# The server number {i}, with some words about what it is for.
resource "terraform_data" "server_{i}" {{
  count = var.enabled ? 1 : 0

  input = {{
    name  = "${{var.prefix}}-server-{i}"
    size  = {i} * 2 + 1
    ports = [for p in [80, 443] : p + {i} if p != 22]
    tags = merge(local.tags, {{
      Name = "server-{i}"
      Role = try(var.roles["server-{i}"], "none")
    }})
  }}
  triggers_replace = [var.prefix, local.tags["Owner"]]

  lifecycle {{
    create_before_destroy = true
    ignore_changes        = [input]
  }}
}}

"#
        );
    }
    out + r#"variable "enabled" {
  type    = bool
  default = false
}
variable "prefix" {
  type    = string
  default = "p"
}
variable "roles" {
  type    = map(string)
  default = {}
}
locals {
  tags = { Owner = "me" }
}
"#
}

/// `n` locals, each of which needs an earlier one, and `n / 10` instances of a module.
fn locals(n: usize) -> String {
    let mut out = String::from("locals {\n  l0 = \"x\"\n");
    for i in 1..n {
        let _ = writeln!(out, "  l{i} = length(local.l{}) > 5 ? \"v{i}\" : \"${{local.l{}}}-{i}\"", i / 2, i / 2);
    }
    let _ = write!(
        out,
        "}}\nmodule \"m\" {{\n  source = \"./child\"\n  count  = {}\n  name   = \"${{local.l{}}}-${{count.index}}\"\n}}\n\
         output \"all\" {{\n  value = length(join(\"\", module.m[*].text))\n}}\n",
        n / 10,
        n - 1
    );
    out
}
