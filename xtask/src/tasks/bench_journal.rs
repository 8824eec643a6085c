//! `bench journal`: what the journal costs an apply whose creates take their time, locally and on S3 with a network's
//! latency, and how many backend requests a created resource needs.

use std::fmt::Write as _;
use std::time::Instant;

use serde_json::json;

use crate::host::{Empty, Where};
use crate::lab::{Bench, Result, Tool, World};
use crate::{say, tell};

/// Sizes and delays.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Resources that are created at the same time.
    #[arg(long, default_value_t = 10)]
    width: usize,
    /// Resources that follow each other.
    #[arg(long, default_value_t = 5)]
    depth: usize,
    /// Seconds that a create takes.
    #[arg(long, default_value_t = 1.0)]
    create: f64,
    /// Seconds that an answer of the backend is late.
    #[arg(long, default_value_t = 0.03)]
    latency: f64,
    /// Runs of each kind; the fastest counts.
    #[arg(long, default_value_t = 3)]
    runs: usize,
}

/// Where the state is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Disk,
    /// A directory in memory: what it costs less than `Disk` is what waiting for the disk costs.
    Memory,
    S3 {
        journal: bool,
    },
}

/// Measures and prints a table.
pub(crate) fn run(host: &Where, args: &Args) -> Result<()> {
    let stackctl = host.stackctl(false)?;
    let empty = Empty::new(&stackctl)?;
    let n = args.width * args.depth;
    let mut rows = Vec::new();
    let kinds = [
        ("S3 without journal", Place::S3 { journal: false }),
        ("S3 with journal", Place::S3 { journal: true }),
        ("local, in memory", Place::Memory),
        ("local, on disk", Place::Disk),
    ];
    for (name, place) in kinds {
        tell(name);
        let mut best: Option<(f64, usize)> = None;
        for _ in 0..args.runs.max(1) {
            // States and resources lie in two processes, so that they do not wait for each other's emulator.
            let (world, store) = (empty.world.fork()?, empty.world.fork()?);
            let one = apply(&stackctl, (world, store), args, place);
            world.exit();
            store.exit();
            let one = one?;
            best = Some(best.map_or(one, |b| if one.0 < b.0 { one } else { b }));
        }
        let (seconds, requests) = best.unwrap_or_default();
        rows.push((name, seconds, requests));
    }
    say(&format!(
        "{n} aws_sqs_queue, {} wide and {} deep, {} s a create, {} ms a backend answer; {:.1} s of creates on the longest \
         path",
        args.width,
        args.depth,
        args.create,
        args.latency * 1000.0,
        args.create * args.depth as f64
    ));
    say("| state | seconds | against | backend requests | for each resource |");
    say("|---|---|---|---|---|");
    for (i, (name, seconds, requests)) in rows.iter().enumerate() {
        let against =
            if i % 2 == 0 { "—".to_owned() } else { format!("{:+.1} %", (seconds / rows[i - 1].1 - 1.0) * 100.0) };
        let each = *requests as f64 / n as f64;
        say(&format!("| {name} | {seconds:.2} | {against} | {requests} | {each:.2} |"));
    }
    Ok(())
}

/// Seconds and backend requests of one apply.
fn apply(stackctl: &Tool, (world, store): (World, World), args: &Args, place: Place) -> Result<(f64, usize)> {
    let text = stack(args);
    let mut bench = Bench::of(&text, Some(world))?;
    let memory = tempfile::tempdir_in("/dev/shm").map_err(|e| format!("no directory in memory: {e}"))?;
    match place {
        Place::Disk => {}
        Place::Memory => {
            let path = memory.path().join("state");
            bench.write("backend.tf", &format!("terraform {{\n  backend \"local\" {{ path = {path:?} }}\n}}\n"))?;
        }
        Place::S3 { journal } => {
            bench.write("backend.tf", BACKEND)?;
            bench.env.extend(["S3", "DYNAMODB"].map(|s| (format!("AWS_ENDPOINT_URL_{s}"), store.endpoint())));
            bench.write("stackctl.toml", if journal { "" } else { "journal = \"off\"\n" })?;
        }
    }
    // Makes bucket and table.
    bench.run(stackctl, &["plan"])?.want(0)?;
    let create =
        json!({"service": "sqs", "action": "CreateQueue", "kind": "slow", "delay_s": args.create, "times": -1});
    let late = ["s3", "dynamodb"].map(|s| json!({"service": s, "kind": "slow", "delay_s": args.latency, "times": -1}));
    world.control("POST", "faults", &json!([create]))?;
    store.control("POST", "faults", &json!(late))?;
    world.clear_log()?;
    store.clear_log()?;
    let mut command = bench.command(stackctl, &["apply", "-auto-approve"]);
    // Waiting must take its time here.
    command.env_remove("STACKCTL_SANDBOX");
    let start = Instant::now();
    let output = command.output().map_err(|e| format!("the product cannot be started: {e}"))?;
    let seconds = start.elapsed().as_secs_f64();
    if !output.status.success() {
        return Err(format!("apply failed:\n{}", String::from_utf8_lossy(&output.stderr)));
    }
    let made = world.log()?.iter().filter(|r| r["action"] == "CreateQueue").count();
    if made != args.width * args.depth {
        return Err(format!("{made} queues were made"));
    }
    Ok((seconds, store.log()?.len()))
}

fn stack(args: &Args) -> String {
    let mut out = String::new();
    for layer in 0..args.depth {
        for i in 0..args.width {
            let _ = writeln!(out, "resource \"aws_sqs_queue\" \"q{layer}_{i}\" {{\n  name = \"q{layer}-{i}\"");
            if layer > 0 {
                let _ = writeln!(out, "  depends_on = [aws_sqs_queue.q{}_{i}]", layer - 1);
            }
            out.push_str("}\n");
        }
    }
    out
}

const BACKEND: &str = r#"terraform {
  backend "s3" {
    bucket         = "bench-state"
    key            = "stack.tfstate"
    region         = "us-east-1"
    dynamodb_table = "bench-locks"
    use_path_style = true
  }
}
"#;
