//! `interop`: apply with one tool, plan with the other, in both directions; and the requests that both send.
//!
//! Terraform and its AWS provider are used where they are at hand and nowhere else in this repository.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use super::crash::stack_dir;
use super::requests;
use crate::host::{Empty, Where};
use crate::lab::world::text;
use crate::lab::{Bench, Result, Tool, World};
use crate::{say, tell};

/// The stacks that are compared where none is named.
const STACKS: [&str; 3] = ["six", "wide", "stacks/muejam"];

/// `interop`
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// `requests` compares the creating and updating requests instead.
    #[arg(value_parser = ["requests"])]
    what: Option<String>,
    /// Directory of a stack, or its name below tests/stacks. May be repeated.
    #[arg(long, value_name = "DIR")]
    stack: Vec<String>,
}

/// A type's answer: instances that plan no change, and the differences of the others.
type PerType = BTreeMap<String, (usize, BTreeSet<String>)>;

/// Compares, and fails where a type that Terraform agrees with itself about differs.
pub(crate) fn run(host: &Where, args: &Args) -> Result<()> {
    let stackctl = host.stackctl(false)?;
    let terraform = host.terraform().ok_or("there is no terraform on PATH; name one with --terraform")?;
    let empty = Empty::new(&stackctl)?;
    let names: Vec<&str> =
        if args.stack.is_empty() { STACKS.to_vec() } else { args.stack.iter().map(String::as_str).collect() };
    let mut wrong = 0;
    for name in names {
        let dir = stack_dir(name)?;
        say(&format!("{name}:"));
        wrong += match args.what.as_deref() {
            Some("requests") => requests::compare(&stackctl, &terraform, &dir, empty.world)?,
            _ => both_ways(&stackctl, &terraform, &dir, empty.world)?,
        };
    }
    if wrong == 0 { Ok(()) } else { Err(format!("{wrong} differences")) }
}

fn both_ways(stackctl: &Tool, terraform: &Tool, dir: &Path, empty: World) -> Result<usize> {
    let mut wrong = 0;
    // What Terraform plans on a state of its own is not our doing.
    let own = applied_and_planned(terraform, terraform, dir, empty)?;
    for (first, second, title) in [
        (stackctl, terraform, "stackctl applies, terraform plans"),
        (terraform, stackctl, "terraform applies, stackctl plans"),
    ] {
        let found = applied_and_planned(first, second, dir, empty)?;
        let quiet: usize = found.values().filter(|(_, d)| d.is_empty()).count();
        say(&format!("  {title}: {quiet} of {} types plan no change", found.len()));
        for (ty, (_, differences)) in &found {
            for d in differences {
                let known = own.get(ty).is_some_and(|(_, own)| own.contains(d));
                wrong += usize::from(!known);
                say(&format!("    {ty}: {d}{}", if known { " (terraform's own difference)" } else { "" }));
            }
        }
    }
    Ok(wrong)
}

/// Applies with one tool and plans with the other on the same state.
fn applied_and_planned(first: &Tool, second: &Tool, dir: &Path, empty: World) -> Result<PerType> {
    let world = empty.fork()?;
    let result = in_world(first, second, dir, world);
    world.exit();
    result
}

fn in_world(first: &Tool, second: &Tool, dir: &Path, world: World) -> Result<PerType> {
    let bench = prepare(dir, world)?;
    let vars = vars(dir);
    let vars: Vec<&str> = vars.iter().map(String::as_str).collect();
    tell(&format!("  {} applies", first.name()));
    init(&bench, first)?;
    bench.run(first, &[&["apply", "-auto-approve", "-input=false"], &vars[..]].concat())?.want(0)?;
    tell(&format!("  {} plans", second.name()));
    init(&bench, second)?;
    let plan = [&["plan", "-input=false", "-out=compared.plan", "-detailed-exitcode"], &vars[..]].concat();
    let done = bench.run(second, &plan)?;
    if done.code == Some(1) {
        return Err(format!("the plan of {} failed\n{}", second.name(), done.text()));
    }
    let shown = bench.run(second, &["show", "-json", "compared.plan"])?.want(0)?.json()?;
    let mut found = PerType::new();
    for (ty, n) in bench.recorded()? {
        found.entry(ty).or_default().0 = n;
    }
    for change in shown["resource_changes"].as_array().into_iter().flatten().filter(|c| c["mode"] == "managed") {
        let actions: Vec<&str> = change["change"]["actions"].as_array().into_iter().flatten().map(text).collect();
        if actions != ["no-op"] {
            let what = format!("{} ({})", differing(&change["change"]).join(", "), actions.join("/"));
            found.entry(text(&change["type"]).to_owned()).or_default().1.insert(what);
        }
    }
    for (name, change) in shown["output_changes"].as_object().into_iter().flatten() {
        if change["actions"] != serde_json::json!(["no-op"]) {
            found.entry("output".to_owned()).or_default().1.insert(name.clone());
        }
    }
    Ok(found)
}

/// Names of the attributes that differ between before and after, or are unknown after.
fn differing(change: &Value) -> Vec<String> {
    let names = |v: &Value| v.as_object().map(|o| o.keys().cloned().collect::<BTreeSet<_>>()).unwrap_or_default();
    let (before, after, unknown) = (&change["before"], &change["after"], &change["after_unknown"]);
    let mut all = names(before);
    all.extend(names(after));
    all.extend(names(unknown));
    let differs = |n: &String| {
        let hidden = unknown[n] == true;
        hidden || before[n] != after[n]
    };
    all.into_iter().filter(differs).collect()
}

/// A copy of a stack with a local backend, and settings without which Terraform leaves the sandbox.
pub(crate) fn prepare(dir: &Path, world: World) -> Result<Bench> {
    let bench = Bench::copy_of(dir, Some(world))?;
    bench.write(
        "comparison_override.tf",
        "terraform {\n  backend \"local\" {}\n}\n\nprovider \"aws\" {\n  s3_use_path_style       = true\n  \
         skip_metadata_api_check = true\n}\n",
    )?;
    Ok(bench)
}

/// Values that a stack cannot be applied without.
pub(crate) fn vars(dir: &Path) -> Vec<String> {
    let dev = "environments/dev.tfvars";
    if dir.join(dev).is_file() { vec![format!("-var-file={dev}")] } else { Vec::new() }
}

/// Makes a tool ready in a directory.
pub(crate) fn init(bench: &Bench, tool: &Tool) -> Result<()> {
    bench.run(tool, &["init", "-input=false"])?.want(0).map(drop)
}
