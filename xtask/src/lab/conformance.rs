//! Cases of the language with known answers, for any binary with Terraform's command line.
//!
//! A folder of cases holds `expressions.tsv` (expression, tab, what `console -plan` prints, `⏎` for line breaks, or
//! `ERROR`; lines without a tab and those that begin with `# ` are comments) with the configuration that they see in
//! `expressions_fixture.tf`, and `config/*.json` (files, command, arguments, environment, whether it succeeds, planned
//! actions, outputs). Where a console prints the answers to several lines, it is asked many at a time. Start at [`run`].

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::Result;
use super::run::{Bench, Done, Tool};

/// What came of all cases: how many passed, and what of the others differs.
pub(crate) struct Outcome {
    pub(crate) passed: usize,
    pub(crate) failed: Vec<String>,
}

/// Cases at work at a time.
const WORKERS: usize = 2;
/// Expressions that one console is asked.
const BATCH: usize = 100;

/// Runs the cases of a folder; with `only`, those whose expression or file name contains it.
///
/// # Errors
/// What keeps the cases from being run. Cases that differ are in the outcome.
pub(crate) fn run(tool: &Tool, dir: &Path, only: Option<&str>) -> Result<Outcome> {
    let wanted = |name: &str| only.is_none_or(|only| name.contains(only));
    let text = read(&dir.join("expressions.tsv"))?;
    let rows = text.lines().filter(|l| !l.starts_with("# ")).filter_map(|l| l.split_once('\t'));
    let rows: Vec<(&str, &str)> = rows.filter(|(e, _)| wanted(e)).collect();
    let fixture = read(&dir.join("expressions_fixture.tf"))?;
    let (errors, values): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(_, want)| want.starts_with("ERROR"));
    let folder = dir.join("config");
    let files = std::fs::read_dir(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut files: Vec<PathBuf> = files.filter_map(|f| Some(f.ok()?.path())).collect();
    files.retain(|f| wanted(&f.to_string_lossy()));
    files.sort();

    // Each worker has a directory of its own, as a console holds the state.
    let consoles = Mutex::new(Vec::new());
    for _ in 0..WORKERS {
        let bench = Bench::of(&fixture, None)?;
        bench.run(tool, &["init", "-input=false"])?.want(0)?;
        consoles.lock().map_err(|e| e.to_string())?.push(bench);
    }
    let mut jobs: Vec<Job<'_>> = files.iter().map(|f| Job::Configuration(f)).collect();
    jobs.extend(values.chunks(BATCH).map(Job::Expressions));
    jobs.extend(errors.chunks(BATCH / 4).map(Job::Expressions));
    let (next, outcome) = (AtomicUsize::new(0), Mutex::new(Outcome { passed: 0, failed: Vec::new() }));
    std::thread::scope(|s| {
        for _ in 0..WORKERS {
            s.spawn(|| {
                let console = consoles.lock().ok().and_then(|mut c| c.pop());
                while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let done = job.run(tool, console.as_ref());
                    let Ok(mut outcome) = outcome.lock() else { return };
                    for (what, result) in done {
                        match result {
                            Ok(()) => outcome.passed += 1,
                            Err(why) => outcome.failed.push(format!("{what}\n  {why}")),
                        }
                    }
                }
            });
        }
    });
    outcome.into_inner().map_err(|e| e.to_string())
}

/// What one worker does at a time.
enum Job<'a> {
    Configuration(&'a Path),
    Expressions(&'a [(&'a str, &'a str)]),
}

impl Job<'_> {
    fn run(&self, tool: &Tool, console: Option<&Bench>) -> Vec<(String, Result<()>)> {
        match (self, console) {
            (Job::Configuration(path), _) => vec![configuration_of(tool, path)],
            (Job::Expressions(rows), Some(console)) => expressions(tool, console, rows),
            (Job::Expressions(rows), None) => vec![(format!("{} expressions", rows.len()), Err("no console".into()))],
        }
    }
}

fn configuration_of(tool: &Tool, path: &Path) -> (String, Result<()>) {
    let case = read(path).and_then(|t| serde_json::from_str(&t).map_err(|e| format!("{}: {e}", path.display())));
    match case.and_then(|j| Case::of(j).ok_or_else(|| format!("{} is not a case", path.display()))) {
        Ok(case) => (case.id.clone(), configuration(tool, &case)),
        Err(why) => (path.display().to_string(), Err(why)),
    }
}

/// A case in a file of its own.
struct Case {
    id: String,
    command: String,
    ok: bool,
    files: BTreeMap<String, String>,
    args: Vec<String>,
    env: BTreeMap<String, String>,
    stage: String,
    plan: Option<Value>,
    outputs: Value,
    nondeterministic: bool,
}

impl Case {
    fn of(j: Value) -> Option<Case> {
        let text = |v: &Value| v.as_str().map(str::to_owned);
        let texts = |v: &Value| -> BTreeMap<String, String> {
            v.as_object().into_iter().flatten().filter_map(|(k, v)| Some((k.clone(), text(v)?))).collect()
        };
        Some(Case {
            id: text(&j["id"])?,
            command: text(&j["command"])?,
            ok: j["ok"].as_bool()?,
            files: texts(&j["files"]),
            args: j["args"].as_array().into_iter().flatten().filter_map(text).collect(),
            env: texts(&j["env"]),
            stage: text(&j["stage"]).unwrap_or_default(),
            plan: j.get("plan").cloned(),
            outputs: j["outputs"].clone(),
            nondeterministic: j["nondeterministic"] == true,
        })
    }
}

/// Asks one console all of them, and each that differs once more on its own: an error ends a console that reads a pipe.
fn expressions(tool: &Tool, bench: &Bench, rows: &[(&str, &str)]) -> Vec<(String, Result<()>)> {
    let mut answers = Vec::new();
    if rows.first().is_some_and(|(_, want)| !want.starts_with("ERROR")) {
        let asked = rows.iter().enumerate().map(|(i, (e, _))| format!("{e}\n\"{}\"\n", mark(i)));
        if let Ok(output) = ask(tool, bench, &asked.collect::<String>()) {
            let mut rest = &*String::from_utf8_lossy(&output.stdout);
            for i in 0..rows.len() {
                let Some((answer, after)) = rest.split_once(&format!("\"{}\"\n", mark(i))) else { break };
                answers.push(flat(answer));
                rest = after;
            }
        }
    }
    let one = |(i, (e, want)): (usize, &(&str, &str))| {
        let known = answers.get(i).is_some_and(|got| same(got, want));
        ((*e).to_owned(), if known { Ok(()) } else { expression(tool, bench, e, want) })
    };
    rows.iter().enumerate().map(one).collect()
}

/// What is printed between two answers.
fn mark(i: usize) -> String {
    format!("==== {i} ====")
}

fn ask(tool: &Tool, bench: &Bench, lines: &str) -> Result<Output> {
    let mut command = bench.command(tool, &["console", "-plan"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|e| format!("{} cannot be started: {e}", tool.name()))?;
    let input = child.stdin.take();
    std::thread::scope(|s| {
        // A console that ends at an error reads no further; that is seen in its answers.
        let writer = s.spawn(move || input.map(|mut i| i.write_all(lines.as_bytes())));
        let output = child.wait_with_output().map_err(|e| e.to_string());
        drop(writer.join());
        output
    })
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
    let output = ask(tool, bench, &format!("{text}\n"))?;
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
