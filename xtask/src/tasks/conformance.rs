//! `conformance BINARY DIR`: cases of the language with known answers, against any binary with Terraform's command line.
//!
//! DIR holds `expressions.tsv` (expression, tab, what the console prints, `⏎` for line breaks, or `ERROR …`) with the
//! configuration that they see in `expressions_fixture.tf`, and `config/*.json` (files, command, environment, whether it
//! succeeds, planned actions, outputs). It ends with an error if any answer differs.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::lab::run::Done;
use crate::lab::{Bench, Result, Tool};
use crate::{say, tell};

/// `conformance`
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The binary to ask.
    binary: PathBuf,
    /// The folder with the cases.
    dir: PathBuf,
    /// Only cases whose expression or id contains this.
    #[arg(long, short = 'k')]
    only: Option<String>,
}

/// A case in a file of its own.
#[derive(Deserialize)]
struct Case {
    id: String,
    command: String,
    ok: bool,
    files: BTreeMap<String, String>,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    #[serde(default)]
    stage: String,
    #[serde(default)]
    plan: Option<Value>,
    #[serde(default)]
    outputs: Value,
    #[serde(default)]
    nondeterministic: bool,
}

/// Runs all cases and reports those that differ.
pub(crate) fn run(args: &Args) -> Result<()> {
    let binary =
        if args.binary.components().count() > 1 { args.binary.canonicalize() } else { Ok(args.binary.clone()) };
    let tool = Tool::new(binary.map_err(|e| format!("{}: {e}", args.binary.display()))?);
    let wanted = |name: &str| args.only.as_deref().is_none_or(|only| name.contains(only));
    let (mut passed, mut failed) = (0, 0);
    let mut count = |what: &str, outcome: Result<()>| match outcome {
        Ok(()) => passed += 1,
        Err(why) => {
            failed += 1;
            say(&format!("FAIL {what}\n  {why}"));
        }
    };
    let bench = Bench::of(&read(&args.dir.join("expressions_fixture.tf"))?, None)?;
    bench.run(&tool, &["init", "-input=false"])?.want(0)?;
    for row in read(&args.dir.join("expressions.tsv"))?.lines() {
        if let Some((expression, want)) = row.split_once('\t').filter(|(e, _)| wanted(e)) {
            count(expression, self::expression(&tool, &bench, expression, want));
        }
    }
    let folder = args.dir.join("config");
    let files = std::fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut files: Vec<PathBuf> = files.filter_map(|f| Some(f.ok()?.path())).collect();
    files.sort();
    for file in files.iter().filter(|f| wanted(&f.to_string_lossy())) {
        let case: Case = serde_json::from_str(&read(file)?).map_err(|e| format!("{}: {e}", file.display()))?;
        count(&case.id, configuration(&tool, &case));
    }
    say(&format!("{passed} passed, {failed} failed"));
    if failed > 0 { Err(format!("{failed} cases differ")) } else { Ok(()) }
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()))
}

/// Lines without their blanks, joined as the tables have them.
fn flat(text: &str) -> String {
    text.trim().lines().map(str::trim).filter(|l| !l.is_empty()).collect::<Vec<_>>().join(" ⏎ ")
}

/// Of long fractions thirty digits decide: what follows is rounding.
fn same(got: &str, want: &str) -> bool {
    let long = |t: &str| t.len() > 32 && t.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-'));
    got == want || (long(got) && long(want) && got[..32] == want[..32])
}

fn expression(tool: &Tool, bench: &Bench, text: &str, want: &str) -> Result<()> {
    let mut command = bench.command(tool, &["console", "-plan"]);
    command.env("NO_COLOR", "1").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|e| format!("{} cannot be started: {e}", tool.name()))?;
    if let Some(mut input) = child.stdin.take()
        && writeln!(input, "{text}").is_err()
    {
        tell("the console did not read its input");
    }
    let output = child.wait_with_output().map_err(|e| e.to_string())?;
    let got = flat(&String::from_utf8_lossy(&output.stdout));
    let right =
        if want.starts_with("ERROR") { !output.status.success() } else { output.status.success() && same(&got, want) };
    if right { Ok(()) } else { Err(format!("want {want}\n  got  {got}")) }
}

fn configuration(tool: &Tool, case: &Case) -> Result<()> {
    let mut bench = Bench::empty(None)?;
    for (name, text) in &case.files {
        bench.write(name, text)?;
    }
    bench.env = case.env.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
    bench.env.push(("NO_COLOR".to_owned(), "1".to_owned()));
    let init = bench.run(tool, &["init", "-input=false", "-no-color"])?;
    if init.code != Some(0) {
        return refused(case, &init);
    }
    if case.command == "validate" {
        let told = bench.run(tool, &["validate", "-json"])?.json()?;
        return equal("validity", &json!(case.ok), &told["valid"]);
    }
    let plan = ["plan", "-input=false", "-no-color", "-out=p.tfplan"];
    let plan: Vec<&str> = plan.into_iter().chain(case.args.iter().map(String::as_str)).collect();
    let planned = bench.run(tool, &plan)?;
    if planned.code != Some(0) {
        return refused(case, &planned);
    }
    match &case.plan {
        Some(want) => compare_plan(case, want, &bench.run(tool, &["show", "-json", "p.tfplan"])?.json()?)?,
        None if !case.ok => return Err("it planned, and should not".to_owned()),
        None => {}
    }
    if case.command == "apply" {
        let done = bench.run(tool, &["apply", "-input=false", "-no-color", "p.tfplan"])?;
        if (done.code == Some(0)) != case.ok {
            return Err(format!("apply ended with {:?}: {}", done.code, flat(&done.err)));
        }
        if case.ok && !case.nondeterministic {
            equal("outputs", &case.outputs, &bench.run(tool, &["output", "-json"])?.json()?)?;
        }
    }
    Ok(())
}

/// Fine where the case says so.
fn refused(case: &Case, done: &Done) -> Result<()> {
    if !case.ok && case.stage != "apply" { Ok(()) } else { Err(format!("refused: {}", flat(&done.text()))) }
}

fn compare_plan(case: &Case, want: &Value, shown: &Value) -> Result<()> {
    let actions = |list: &Value, of: fn(&Value) -> &Value| {
        let mut all: Vec<(String, String)> = list
            .as_array()
            .into_iter()
            .flatten()
            .map(|r| (r["address"].to_string(), of(r).to_string()))
            .filter(|(_, actions)| actions != "[\"no-op\"]")
            .collect();
        all.sort();
        json!(all)
    };
    equal(
        "planned actions",
        &actions(&want["resources"], |r| &r["actions"]),
        &actions(&shown["resource_changes"], |r| &r["change"]["actions"]),
    )?;
    if case.nondeterministic {
        return Ok(());
    }
    let outputs = |map: &Value| {
        let unknown = |v: &Value| if v["after_unknown"].is_null() { json!(false) } else { v["after_unknown"].clone() };
        let one = |v: &Value| json!({ "after": v["after"], "after_unknown": unknown(v) });
        let all: BTreeMap<String, Value> =
            map.as_object().into_iter().flatten().map(|(k, v)| (k.clone(), one(v))).collect();
        json!(all)
    };
    equal("planned outputs", &outputs(&want["outputs"]), &outputs(&shown["output_changes"]))
}

fn equal(what: &str, want: &Value, got: &Value) -> Result<()> {
    if want == got { Ok(()) } else { Err(format!("{what}\n  want {want}\n  got  {got}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_compared_without_layout() {
        assert_eq!(flat("[\n  1,\n\n  2,\n]\n"), "[ ⏎ 1, ⏎ 2, ⏎ ]");
        let third = "0.3333333333333333333333333333333333";
        assert!(same(&format!("{third}5"), &format!("{third}41")));
        assert!(!same("1", "2") && !same(third, "0.25"));
    }
}
