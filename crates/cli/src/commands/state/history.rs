//! `state history`: the versions of the state that are kept, and what each changed.

use serde_json::{Value as Json, json};
use stackctl_core::Diagnostic;
use stackctl_state::{State, Version};

use super::difference::{Difference, difference};
use super::load;
use crate::cli::StateHistory;
use crate::commands::Context;
use crate::stack::Stack;
use crate::{Exit, Outcome};

/// Lists versions, newest first.
pub(super) async fn run(cx: Context, args: StateHistory) -> Outcome {
    let stack = load(&cx, args.environment.env.as_deref()).await?;
    let all = stack.backend.versions(&stack.workspace).await.map_err(|e| vec![e.diagnostic()])?;
    let shown = args.limit.min(all.len());
    // Each line tells what came with that version, so that the one before the oldest is read too.
    let mut read = Vec::new();
    for v in all.iter().take(shown + 1) {
        read.push(Entry::read(&stack, v).await?);
    }
    if args.json {
        let out: Vec<Json> = (0..shown).map(|i| read[i].json(changes(&read, i))).collect();
        cx.term.line(&serde_json::to_string_pretty(&out).unwrap_or_default());
        return Ok(Exit::Done);
    }
    let place = stack.backend.place(&stack.workspace);
    if shown == 0 {
        cx.term.line(&format!("There is no state in {place}, and no earlier version of one."));
        return Ok(Exit::Done);
    }
    let mut rows = vec![["VERSION", "TIME", "SERIAL", "BY", "CHANGES"].map(str::to_owned)];
    rows.extend((0..shown).map(|i| read[i].row(changes(&read, i))));
    for line in columns(&rows) {
        cx.term.line(&line);
    }
    if all.len() > shown {
        cx.term.line(&format!("\n{} older versions: -limit={} shows all.", all.len() - shown, all.len()));
    }
    if stack.backend.kind() == "s3" && all.iter().all(|v| v.id == "null") {
        cx.term.error_line(
            "Note: the bucket keeps no versions; `stackctl bootstrap` switches them on, so that a state can be brought back.",
        );
    }
    Ok(Exit::Done)
}

/// A version with what could be read of it.
struct Entry {
    version: Version,
    state: Result<State, String>,
}

impl Entry {
    async fn read(stack: &Stack, version: &Version) -> Result<Entry, Vec<Diagnostic>> {
        let version = version.clone();
        if version.deleted {
            return Ok(Entry { version, state: Err("the state was deleted".to_owned()) });
        }
        let bytes = stack.backend.version(&stack.workspace, &version.id).await.map_err(|e| vec![e.diagnostic()])?;
        let state = match bytes.filter(|b| !b.is_empty()) {
            None => Err("empty".to_owned()),
            Some(b) => State::parse(&b, &version.id).map_err(|e| e.to_string()),
        };
        Ok(Entry { version, state })
    }
    fn by(state: &State) -> String {
        match &state.by {
            Some(by) => format!("{} ({})", by.who, verb(&by.operation)),
            None => format!("another tool, version {}", state.terraform_version),
        }
    }
    fn row(&self, changes: Option<Difference>) -> [String; 5] {
        let id = format!("{}{}", self.version.id, if self.version.current { " *" } else { "" });
        let time = self.version.at.map(|t| t.strftime("%Y-%m-%d %H:%M:%SZ").to_string()).unwrap_or_default();
        match &self.state {
            Err(why) => [id, time, String::new(), String::new(), why.clone()],
            Ok(s) => {
                let what = changes.map_or_else(|| objects(s.len()), |d| d.summary());
                [id, time, s.serial.to_string(), Entry::by(s), what]
            }
        }
    }
    fn json(&self, changes: Option<Difference>) -> Json {
        let v = &self.version;
        let mut out = json!({
            "version": v.id,
            "time": v.at.map(|t| t.to_string()),
            "current": v.current,
            "deleted": v.deleted,
            "size": v.size,
        });
        match &self.state {
            Err(why) => out["problem"] = json!(why),
            Ok(s) => {
                out["serial"] = json!(s.serial);
                out["lineage"] = json!(s.lineage);
                out["terraform_version"] = json!(s.terraform_version);
                out["objects"] = json!(s.len());
                out["who"] = json!(s.by.as_ref().map(|b| &b.who));
                out["operation"] = json!(s.by.as_ref().map(|b| verb(&b.operation)));
                out["changes"] = changes.map_or(Json::Null, |d| Json::Object(d.json()));
            }
        }
        out
    }
}

/// What a version changed: `None` for the first one that is known.
fn changes(all: &[Entry], i: usize) -> Option<Difference> {
    let new = all[i].state.as_ref().ok()?;
    let old = all[i + 1..].iter().find_map(|e| e.state.as_ref().ok())?;
    Some(difference(old, new))
}

fn objects(n: usize) -> String {
    format!("{n} object{}", if n == 1 { "" } else { "s" })
}

/// `OperationTypeApply` is `apply`.
fn verb(operation: &str) -> String {
    match operation.strip_prefix("OperationType") {
        Some("Invalid") | None => operation.to_owned(),
        Some(rest) => rest.to_lowercase(),
    }
}

fn columns(rows: &[[String; 5]]) -> Vec<String> {
    let width = |c: usize| rows.iter().map(|r| r[c].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..4).map(width).collect();
    rows.iter()
        .map(|r| {
            let cells: Vec<String> = (0..4).map(|c| format!("{:w$}", r[c], w = widths[c])).collect();
            format!("{}  {}", cells.join("  "), r[4]).trim_end().to_owned()
        })
        .collect()
}
