//! `docs`: the pages of docs/resources, from the schemas, and docs/cli.md, from the commands' own help.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::host::{Where, root};
use crate::lab::world::text;
use crate::lab::{Result, Tool};
use crate::say;

/// `docs`
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Write nothing; fail if something is not as it would be written.
    #[arg(long)]
    check: bool,
}

/// Writes the pages, or compares them.
pub(crate) fn run(host: &Where, args: &Args) -> Result<()> {
    let stackctl = host.stackctl(false)?;
    let pages = pages(&stackctl)?;
    let docs = root().join("docs");
    let there = existing(&docs.join("resources"));
    let mut stale: Vec<String> = Vec::new();
    for (name, content) in &pages {
        let path = docs.join(name);
        if std::fs::read_to_string(&path).is_ok_and(|old| old == *content) {
            continue;
        }
        stale.push(name.clone());
        if !args.check {
            let made =
                path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, content));
            made.map_err(|e| format!("{}: {e}", path.display()))?;
        }
    }
    for path in there {
        let name = path.strip_prefix(&docs).unwrap_or(&path).to_string_lossy().into_owned();
        if !pages.contains_key(&name) {
            stale.push(name);
            if !args.check {
                std::fs::remove_file(&path).map_err(|e| format!("{}: {e}", path.display()))?;
            }
        }
    }
    match (args.check, stale.is_empty()) {
        (true, false) => Err(format!("stale: docs/{}; run `cargo xtask docs`", stale.join(", docs/"))),
        (_, fresh) => {
            say(&format!(
                "{} pages, {}",
                pages.len(),
                if fresh { "all fresh".to_owned() } else { format!("{} written", stale.len()) }
            ));
            Ok(())
        }
    }
}

/// All generated pages by their path below docs/.
fn pages(stackctl: &Tool) -> Result<BTreeMap<String, String>> {
    let data: Value =
        serde_json::from_str(&output(stackctl, &["docs-data"])?).map_err(|e| format!("docs-data: {e}"))?;
    let mut pages = BTreeMap::new();
    let mut index =
        "# Resources, data sources and ephemeral resources\n\nWritten by `cargo xtask docs` from the types themselves.\n".to_owned();
    for provider in list(&data) {
        let _ = write!(index, "\n## Provider `{}`\n\n", text(&provider["provider"]));
        let name = text(&provider["provider"]);
        if !list(&provider["config"]["attributes"]).is_empty() {
            let page = page(&provider["config"], &format!("Provider `{name}`"), "provider");
            let _ = writeln!(index, "- [settings](provider-{name}.md)");
            pages.insert(format!("resources/provider-{name}.md"), page);
        }
        let kinds = [
            ("resources", "", "resource"),
            ("data", "data/", "data source"),
            ("ephemeral", "ephemeral/", "ephemeral resource"),
        ];
        for (key, folder, title) in kinds {
            for ty in list(&provider[key]) {
                let name = text(&ty["name"]);
                let first = text(&ty["doc"]).lines().next().unwrap_or_default();
                let _ = writeln!(
                    index,
                    "- [{name}]({folder}{name}.md) ({title}){}{first}",
                    if first.is_empty() { "" } else { ": " }
                );
                let page = page(ty, &format!("`{name}`"), title);
                pages.insert(format!("resources/{folder}{name}.md"), page);
            }
        }
    }
    pages.insert("resources/README.md".to_owned(), index);
    pages.insert("cli.md".to_owned(), cli(stackctl)?);
    Ok(pages)
}

fn page(schema: &Value, title: &str, kind: &str) -> String {
    let mut out = format!("# {title}\n");
    paragraph(&mut out, text(&schema["doc"]));
    let (mut given, mut made) = (String::new(), String::new());
    let mut blocks = Vec::new();
    body(schema, "", &mut given, &mut made, &mut blocks);
    section(&mut out, "Arguments", &given);
    for (path, text) in blocks {
        section(&mut out, &format!("Block `{path}`"), &text);
    }
    section(&mut out, "Attributes", &made);
    let rules: String = list(&schema["rules"]).iter().map(|r| format!("- {}\n", text(r))).collect();
    section(&mut out, "Together", &rules);
    let timeouts: String = entries(&schema["timeouts"])
        .map(|(n, s)| format!("- `{n}`: {}\n", duration(s.as_u64().unwrap_or(0))))
        .collect();
    section(&mut out, "Timeouts", &timeouts);
    let refused: String = entries(&schema["refused"]).map(|(n, why)| format!("- `{n}`: {}\n", text(why))).collect();
    section(&mut out, "Refused", &refused);
    if kind == "resource" && schema["identity"].is_string() {
        section(
            &mut out,
            "After a crash",
            &format!("An object whose creation was cut off is recognised by {}.\n", text(&schema["identity"])),
        );
    }
    out
}

/// Arguments and attributes of one level, and its blocks below it.
fn body(level: &Value, path: &str, given: &mut String, made: &mut String, blocks: &mut Vec<(String, String)>) {
    for a in list(&level["attributes"]) {
        let line = attribute(a);
        match text(&a["presence"]) {
            "computed" => made.push_str(&line),
            _ => given.push_str(&line),
        }
        if a["block"].is_object() {
            nested(&a["block"], &join(path, text(&a["name"])), blocks, "");
        }
    }
    for b in list(&level["blocks"]) {
        let name = text(&b["name"]);
        let _ = writeln!(given, "- `{name}` (block{}): see below", occurs(b));
        nested(b, &join(path, name), blocks, text(&b["doc"]));
    }
}

fn nested(block: &Value, path: &str, blocks: &mut Vec<(String, String)>, doc: &str) {
    let (mut given, mut made) = (String::new(), String::new());
    let mut inner = Vec::new();
    body(block, path, &mut given, &mut made, &mut inner);
    let doc = if doc.is_empty() { String::new() } else { format!("{doc}\n\n") };
    blocks.push((path.to_owned(), format!("{doc}{given}{made}")));
    blocks.extend(inner);
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

fn attribute(a: &Value) -> String {
    let mut notes = vec![text(&a["type"]).to_owned()];
    match text(&a["presence"]) {
        "required" => notes.push("required".to_owned()),
        "optional+computed" if a["default"].is_null() => notes.push("chosen for you unless it is set".to_owned()),
        _ => {}
    }
    if !a["default"].is_null() {
        notes.push(format!("default `{}`", a["default"]));
    }
    match text(&a["force_new"]) {
        "yes" => notes.push("a change replaces the object".to_owned()),
        "sometimes" => notes.push("some changes replace the object".to_owned()),
        _ => {}
    }
    if a["sensitive"] == true {
        notes.push("sensitive".to_owned());
    }
    if a["write_only"] == true {
        notes.push("never stored".to_owned());
    }
    if a["prefix_of"].is_string() {
        notes.push(format!("beginning of a unique `{}`", text(&a["prefix_of"])));
    }
    notes.extend(list(&a["checks"]).iter().map(|c| text(c).to_owned()));
    let doc = text(&a["doc"]).split_whitespace().collect::<Vec<_>>().join(" ");
    let deprecated = if a["deprecated"].is_string() {
        format!(" **Deprecated:** {}", text(&a["deprecated"]))
    } else {
        String::new()
    };
    let colon = if doc.is_empty() { "" } else { ": " };
    format!("- `{}` ({}){colon}{doc}{deprecated}\n", text(&a["name"]), notes.join("; "))
}

fn occurs(b: &Value) -> String {
    match (b["min"].as_u64().unwrap_or(0), b["max"].as_u64().unwrap_or(0), text(&b["nesting"])) {
        (0, 1, _) | (_, _, "single") => ", at most once".to_owned(),
        (1, 1, _) => ", once".to_owned(),
        (0, 0, kind) => format!(", any number, a {kind}"),
        (min, 0, kind) => format!(", at least {min}, a {kind}"),
        (min, max, kind) => format!(", {min} to {max}, a {kind}"),
    }
}

fn duration(seconds: u64) -> String {
    match seconds {
        s if s % 3600 == 0 => format!("{} h", s / 3600),
        s if s % 60 == 0 => format!("{} min", s / 60),
        s => format!("{s} s"),
    }
}

fn paragraph(out: &mut String, text: &str) {
    if !text.trim().is_empty() {
        let _ = write!(out, "\n{}\n", text.trim());
    }
}

fn section(out: &mut String, title: &str, text: &str) {
    if !text.trim().is_empty() {
        let _ = write!(out, "\n## {title}\n\n{}\n", text.trim_end());
    }
}

/// The help of every command, as it prints it.
fn cli(stackctl: &Tool) -> Result<String> {
    let mut out = "# The command line\n\nWritten by `cargo xtask docs` from the help of each command.\n".to_owned();
    let mut left = vec![Vec::<String>::new()];
    while let Some(path) = left.pop() {
        let args: Vec<&str> = path.iter().map(String::as_str).chain(["--help"]).collect();
        let help = output(stackctl, &args)?;
        let name = std::iter::once("stackctl").chain(path.iter().map(String::as_str)).collect::<Vec<_>>().join(" ");
        let level = "#".repeat(2 + path.len().min(3));
        let _ = write!(out, "\n{level} `{name}`\n\n```text\n{}\n```\n", help.trim_end());
        let below = help.lines().skip_while(|l| *l != "Commands:").skip(1).take_while(|l| l.starts_with(' '));
        let names: Vec<&str> = below
            .filter(|l| l.starts_with("  ") && !l.starts_with("   "))
            .filter_map(|l| l.split_whitespace().next())
            .filter(|n| *n != "help")
            .collect();
        left.extend(names.iter().rev().map(|n| path.iter().cloned().chain([(*n).to_owned()]).collect::<Vec<_>>()));
    }
    Ok(out)
}

fn output(stackctl: &Tool, args: &[&str]) -> Result<String> {
    // The width of whoever runs this must not show.
    let done = Command::new(&stackctl.program).args(args).env("COLUMNS", "100").env("NO_COLOR", "1").output();
    let done = done.map_err(|e| format!("{}: {e}", stackctl.program.display()))?;
    if !done.status.success() {
        return Err(format!("{} failed: {}", args.join(" "), String::from_utf8_lossy(&done.stderr)));
    }
    Ok(String::from_utf8_lossy(&done.stdout).lines().map(|l| format!("{}\n", l.trim_end())).collect())
}

fn existing(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut found = Vec::new();
    for path in entries.filter_map(|e| Some(e.ok()?.path())) {
        if path.is_dir() {
            found.extend(existing(&path));
        } else if path.extension().is_some_and(|e| e == "md") {
            found.push(path);
        }
    }
    found
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn entries(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}
