//! `bench`: what plans cost as stacks grow, and how many requests a stack costs.

use std::fmt::Write as _;

use crate::host::Where;
use crate::lab::{Bench, Result, Tool};
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
    /// Reading and evaluating large configurations.
    Language(super::bench_language::Args),
    /// What the journal costs an apply, locally and on S3.
    Journal(super::bench_journal::Args),
    /// Requests per service of apply, refresh and destroy, beside Terraform's and the floor of the API.
    Requests(super::bench_requests::Args),
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
        What::Language(args) => super::bench_language::run(host, args),
        What::Journal(args) => super::bench_journal::run(host, args),
        What::Requests(args) => super::bench_requests::run(host, args),
    }
}

/// What one run cost.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost {
    pub(super) cpu: f64,
    pub(super) wall: f64,
    pub(super) megabytes: f64,
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
pub(super) fn measured(bench: &Bench, tool: &Tool, args: &[&str]) -> Result<Cost> {
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
