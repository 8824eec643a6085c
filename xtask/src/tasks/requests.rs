//! The changing requests of both tools for the same change, by service, action and parameters.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};

use super::interop::{init, prepare, vars};
use crate::lab::world::text;
use crate::lab::{Result, Tool, World};
use crate::say;

/// What makes an object ours while it is being made; Terraform knows nothing of it.
const OWNERSHIP: &str = "stackctl:id";
/// Names that differ with every run.
const CHANCE: [&str; 7] = [
    "ClientToken",
    "ClientRequestToken",
    "CreatorRequestId",
    "IdempotencyToken",
    "Version",
    "Action",
    "CallerReference",
];

/// Applies, updates and compares; the number of requests that only one of both sends.
pub(crate) fn compare(stackctl: &Tool, terraform: &Tool, dir: &Path, empty: World) -> Result<usize> {
    let (ours, theirs) = (sent(stackctl, dir, empty)?, sent(terraform, dir, empty)?);
    let mut wrong = 0;
    for (step, ours) in &ours {
        let theirs = theirs.get(step).cloned().unwrap_or_default();
        let total = |m: &BTreeMap<String, usize>| m.values().sum::<usize>();
        say(&format!("  {step}: {} changing requests, terraform's {}", total(ours), total(&theirs)));
        for key in ours.keys().chain(theirs.keys()).collect::<std::collections::BTreeSet<_>>() {
            let (a, b) = (ours.get(key).copied().unwrap_or(0), theirs.get(key).copied().unwrap_or(0));
            if a != b {
                wrong += 1;
                say(&format!("    {a} : {b}  {key}"));
            }
        }
    }
    Ok(wrong)
}

type Sent = BTreeMap<&'static str, BTreeMap<String, usize>>;

fn sent(tool: &Tool, dir: &Path, empty: World) -> Result<Sent> {
    let world = empty.fork()?;
    let result = in_world(tool, dir, world);
    world.exit();
    result
}

fn in_world(tool: &Tool, dir: &Path, world: World) -> Result<Sent> {
    let bench = prepare(dir, world)?;
    init(&bench, tool)?;
    let vars = vars(dir);
    let mut all = Sent::new();
    let steps: &[(&str, &[&str])] = &[("apply", &[]), ("update", &["-var=generation=2"])];
    let several = std::fs::read_dir(dir)
        .into_iter()
        .flatten()
        .filter_map(std::result::Result::ok)
        .any(|f| std::fs::read_to_string(f.path()).is_ok_and(|t| t.contains("variable \"generation\"")));
    for (step, more) in steps.iter().filter(|(step, _)| several || *step == "apply") {
        world.clear_log()?;
        let args: Vec<&str> = ["apply", "-auto-approve", "-input=false"]
            .into_iter()
            .chain(vars.iter().map(String::as_str))
            .chain(more.iter().copied())
            .collect();
        bench.run(tool, &args)?.want(0)?;
        let mut counts = BTreeMap::new();
        for request in world.log()?.iter().filter(|r| r["changes"] == true && succeeded(r)) {
            if let Some(key) = key(request) {
                *counts.entry(key).or_default() += 1;
            }
        }
        all.insert(step, counts);
    }
    Ok(all)
}

fn succeeded(request: &Value) -> bool {
    request["status"].as_u64().is_some_and(|s| s < 300)
}

/// A request in one line, without what differs by chance; none for one that is about ownership alone.
fn key(request: &Value) -> Option<String> {
    let action = text(&request["action"]);
    let params = plain(&request["params"]);
    let about_tags = action.contains("Tag") && !action.starts_with("Create") || action == "DeleteTags";
    let whole = request["params"].to_string();
    if about_tags && whole.contains(OWNERSHIP) {
        return None;
    }
    Some(format!("{}:{action} {}", text(&request["service"]), Value::Object(params)))
}

/// Parameters without chance and ownership, with made-up ids by their kind, tags in order.
fn plain(params: &Value) -> Map<String, Value> {
    let mut flat = BTreeMap::new();
    flatten("", params, &mut flat);
    // A pair `….Key = stackctl:id`, `….Value = token` goes together, and so does a member of a map.
    let owned: Vec<String> = flat
        .iter()
        .filter(|(_, v)| v.as_str() == OWNERSHIP)
        .filter_map(|(k, _)| k.rsplit_once('.').map(|(p, _)| format!("{p}.")))
        .collect();
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (k, v) in flat {
        let chance = CHANCE.iter().any(|c| k == *c || k.ends_with(&format!(".{c}")));
        if chance
            || k.contains(OWNERSHIP)
            || owned.iter().any(|p| k.starts_with(p.as_str()))
            || k.starts_with("headers")
        {
            continue;
        }
        let unnumbered: Vec<&str> = k.split('.').filter(|p| p.parse::<u32>().is_err()).collect();
        values.entry(unnumbered.join(".")).or_default().push(kind_of(&v));
    }
    values
        .into_iter()
        .map(|(k, mut v)| {
            v.sort();
            (k, v.into())
        })
        .collect()
}

fn flatten(path: &str, value: &Value, out: &mut BTreeMap<String, String>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Object(o) => o.iter().for_each(|(k, v)| flatten(&below(k), v, out)),
        Value::Array(a) => a.iter().enumerate().for_each(|(i, v)| flatten(&below(&i.to_string()), v, out)),
        Value::String(s) => {
            out.insert(path.to_owned(), document(s));
        }
        Value::Null => {}
        v => {
            out.insert(path.to_owned(), v.to_string());
        }
    }
}

/// A JSON text in one spelling; any other text as it is.
fn document(text: &str) -> String {
    match serde_json::from_str::<Value>(text) {
        Ok(v @ (Value::Object(_) | Value::Array(_))) => v.to_string(),
        _ => text.to_owned(),
    }
}

/// Ids that the emulator made up become their prefix; generated suffixes their length.
fn kind_of(value: &str) -> String {
    if let Some((head, tail)) = value.rsplit_once('-') {
        let hex = tail.len() >= 8 && tail.chars().all(|c| c.is_ascii_hexdigit());
        if hex && head.len() <= 24 && tail.len() == 17 {
            return format!("{head}-…");
        }
        if tail.len() == 26 && tail.chars().all(|c| c.is_ascii_hexdigit()) {
            return format!("{head}-(unique)");
        }
    }
    value.to_owned()
}
