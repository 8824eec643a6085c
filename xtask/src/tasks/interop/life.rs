//! One program's life of a stack: its steps, what it sends in each, and what both programs plan after each.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::lab::world::{exchange, text};
use crate::lab::{Bench, Result, Tool, World};
use crate::tell;

/// The settings without which Terraform leaves the sandbox.
const PROVIDER: &str = "provider \"aws\" {\n  s3_use_path_style       = true\n  skip_metadata_api_check = true\n}\n";
const LOCAL: &str = "terraform {\n  backend \"local\" {}\n}\n\n";
const S3: &str = "terraform {\n  backend \"s3\" {\n    bucket                      = \"interop-state\"\n    \
    key                         = \"stack.tfstate\"\n    region                      = \"us-east-1\"\n    \
    dynamodb_table              = \"interop-locks\"\n    use_path_style              = true\n    \
    skip_credentials_validation = true\n    skip_metadata_api_check     = true\n    \
    skip_requesting_account_id  = true\n  }\n}\n\n";
const OVERRIDE: &str = "comparison_override.tf";

/// What a program's plan wants to change.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Plans {
    /// Number of managed objects in the plan.
    pub(super) objects: usize,
    /// Number of managed objects by type.
    pub(super) types: BTreeMap<String, usize>,
    /// Address → actions and names of attributes.
    pub(super) changes: BTreeMap<String, String>,
}

/// A step of a life.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Step {
    /// `apply`, `update`, `replace` or `destroy`.
    pub(super) name: String,
    /// Changing requests that succeeded, from the log.
    pub(super) sent: Vec<Value>,
    /// The program's own plan afterwards.
    pub(super) own: Option<Plans>,
    /// The other's.
    pub(super) other: Option<Plans>,
    /// The other's, with the state in S3.
    pub(super) other_s3: Option<Plans>,
    /// Port of a copy of the world after this step, where it was kept.
    pub(super) port: Option<u16>,
    /// The state after this step, where it was kept.
    pub(super) state: Option<String>,
}

/// All steps.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Life {
    /// In order.
    pub(super) steps: Vec<Step>,
}

/// Steps of a stack with their variables; none for the last, which destroys.
fn steps(dir: &Path) -> Vec<(&'static str, Vec<String>)> {
    let environment = |name: &str| format!("environments/{name}.tfvars");
    if dir.join(environment("dev")).is_file() {
        let switched = [("apply", "dev"), ("update", "staging"), ("replace", "production")];
        return switched.map(|(step, name)| (step, vec![format!("-var-file={}", environment(name))])).to_vec();
    }
    let vars = |v: &[&str]| v.iter().map(|v| format!("-var={v}")).collect();
    vec![
        ("apply", Vec::new()),
        ("update", vars(&["generation=2"])),
        ("replace", vars(&["generation=2", "replacement=2"])),
    ]
}

impl Step {
    /// Changing requests, one per line, those about ownership alone left out.
    pub(super) fn lines(&self) -> Vec<String> {
        self.sent.iter().filter_map(super::line::line).collect()
    }
}

impl Life {
    /// Lives it in a copy of an empty world.
    pub(super) fn live(
        tool: &Tool,
        other: &Tool,
        dir: &Path,
        empty: World,
        plans: bool,
        keep: Option<&Path>,
    ) -> Result<Life> {
        let world = empty.fork()?;
        let result = in_world(tool, other, dir, world, plans, keep.is_some());
        // A world ends with the one that it was copied from: what is kept needs this one.
        if keep.is_none() {
            world.exit();
        }
        let life = result.map_err(|e| format!("{} on {}: {e}", tool.name(), dir.display()))?;
        if let Some(file) = keep {
            let text = serde_json::to_string(&life).map_err(|e| e.to_string())?;
            std::fs::create_dir_all(file.parent().unwrap_or(file)).map_err(|e| e.to_string())?;
            std::fs::write(file, text).map_err(|e| format!("{}: {e}", file.display()))?;
        }
        Ok(life)
    }

    /// A life that was kept.
    pub(super) fn load(file: &Path) -> Option<Life> {
        serde_json::from_str(&std::fs::read_to_string(file).ok()?).ok()
    }

    /// The same life with the other program's plans made anew, in copies of the kept worlds.
    pub(super) fn planned_again(mut self, tool: &Tool, other: &Tool, dir: &Path) -> Result<Life> {
        for (step, (_, vars)) in self.steps.iter_mut().zip(steps(dir)) {
            let (Some(port), Some(state)) = (step.port, &step.state) else { continue };
            let world = World { port }.fork()?;
            let done = prepare(dir, world).and_then(|bench| {
                bench.write("terraform.tfstate", state)?;
                plan(&bench, other, &vars)
            });
            if step.name == "apply" {
                step.other_s3 = Some(from_s3(state, tool, other, dir, world, &vars)?);
            }
            world.exit();
            step.other = Some(done?);
        }
        Ok(self)
    }
}

fn in_world(tool: &Tool, other: &Tool, dir: &Path, mut world: World, plans: bool, keep: bool) -> Result<Life> {
    let mut bench = prepare(dir, world)?;
    init(&bench, tool)?;
    if plans {
        init(&bench, other)?;
    }
    let mut life = Life::default();
    let steps = steps(dir);
    let last = steps.last().map(|(_, v)| v.clone()).unwrap_or_default();
    for (name, vars) in steps {
        let sent = applied(&bench, tool, world, name, "apply", &vars)?;
        let mut step = Step { name: name.to_owned(), sent, ..Step::default() };
        if plans {
            step.own = Some(plan(&bench, tool, &vars)?);
            step.other = Some(plan(&bench, other, &vars)?);
            if name == "apply" {
                let state = bench.read("terraform.tfstate").ok_or("there is no local state")?;
                step.other_s3 = Some(from_s3(&state, tool, other, dir, world, &vars)?);
            }
        }
        if keep {
            // Life goes on in a copy, and this world stays as it is.
            step.port = Some(world.port);
            step.state = bench.read("terraform.tfstate");
            world = world.fork()?;
            bench.world = Some(world);
        }
        life.steps.push(step);
    }
    let sent = applied(&bench, tool, world, "destroy", "destroy", &last)?;
    life.steps.push(Step { name: "destroy".to_owned(), sent, ..Step::default() });
    Ok(life)
}

fn applied(bench: &Bench, tool: &Tool, world: World, name: &str, command: &str, vars: &[String]) -> Result<Vec<Value>> {
    tell(&format!("  {} {name} {}", tool.name(), bench.path().display()));
    world.clear_log()?;
    let args = [command, "-auto-approve", "-input=false"].into_iter().chain(vars.iter().map(String::as_str));
    bench.run(tool, &args.collect::<Vec<_>>())?.want(0).map_err(|e| format!("{name}: {e}"))?;
    let changing = |r: &Value| r["changes"] == true && r["status"].as_u64().is_some_and(|s| s < 300);
    Ok(world.log()?.into_iter().filter(changing).collect())
}

/// The state in S3 as the applying program brings it there, read by the other.
fn from_s3(state: &str, tool: &Tool, other: &Tool, dir: &Path, world: World, vars: &[String]) -> Result<Plans> {
    let copy = world.fork()?;
    let result = (|| {
        let there = prepare(dir, copy)?;
        there.write(OVERRIDE, &format!("{S3}{PROVIDER}"))?;
        send(copy, "s3", "PUT", "/interop-state", "", "")?;
        let table = serde_json::json!({"TableName": "interop-locks", "BillingMode": "PAY_PER_REQUEST",
            "AttributeDefinitions": [{"AttributeName": "LockID", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "LockID", "KeyType": "HASH"}]});
        let target = "Content-Type: application/x-amz-json-1.0\r\nX-Amz-Target: DynamoDB_20120810.CreateTable\r\n";
        send(copy, "dynamodb", "POST", "/", target, &table.to_string())?;
        init(&there, tool)?;
        there.write("local.tfstate", state)?;
        there.run(tool, &["state", "push", "local.tfstate"])?.want(0).map_err(|e| format!("state push: {e}"))?;
        init(&there, other)?;
        plan(&there, other, vars)
    })();
    copy.exit();
    result
}

/// A request in nobody's name.
fn send(world: World, service: &str, method: &str, path: &str, head: &str, body: &str) -> Result<()> {
    let head = format!(
        "{head}Authorization: AWS4-HMAC-SHA256 Credential=sandbox/20260101/us-east-1/{service}/aws4_request, \
         SignedHeaders=host, Signature=0\r\n"
    );
    match exchange(world.port, method, path, &head, body.as_bytes())? {
        (status, _) if status < 300 => Ok(()),
        (status, text) => Err(format!("{service} {method} {path}: {status} {text}")),
    }
}

fn plan(bench: &Bench, tool: &Tool, vars: &[String]) -> Result<Plans> {
    tell(&format!("  {} plans in {}", tool.name(), bench.path().display()));
    let file = format!("{}.plan", tool.name());
    let out = format!("-out={file}");
    let args = ["plan", "-input=false", "-detailed-exitcode", &out].into_iter().chain(vars.iter().map(String::as_str));
    let done = bench.run(tool, &args.collect::<Vec<_>>())?;
    if done.code == Some(1) {
        return Err(format!("the plan of {} failed\n{}", tool.name(), done.text()));
    }
    // Ours keeps secrets to itself unless it is told otherwise; Terraform has no such flag.
    let show: &[&str] = if tool.name().starts_with("stackctl") {
        &["show", "-json", "-unsealed", &file]
    } else {
        &["show", "-json", &file]
    };
    let shown = bench.run(tool, show)?.want(0)?.json()?;
    let mut found = Plans::default();
    for change in shown["resource_changes"].as_array().into_iter().flatten().filter(|c| c["mode"] == "managed") {
        found.objects += 1;
        *found.types.entry(text(&change["type"]).to_owned()).or_default() += 1;
        let actions: Vec<&str> = change["change"]["actions"].as_array().into_iter().flatten().map(text).collect();
        if actions != ["no-op"] {
            let what = format!("{}: {}", actions.join("/"), differing(&change["change"]).join(", "));
            found.changes.insert(text(&change["address"]).to_owned(), what);
        }
    }
    for (name, change) in shown["output_changes"].as_object().into_iter().flatten() {
        if change["actions"] != serde_json::json!(["no-op"]) {
            found.changes.insert(format!("output.{name}"), "update".to_owned());
        }
    }
    Ok(found)
}

/// Names of the attributes that differ between before and after, or are unknown after.
fn differing(change: &Value) -> Vec<String> {
    let mut all: Vec<&String> = ["before", "after", "after_unknown"]
        .iter()
        .filter_map(|side| change[side].as_object())
        .flat_map(serde_json::Map::keys)
        .collect();
    all.sort();
    all.dedup();
    let differs = |n: &String| change["after_unknown"][n] == true || change["before"][n] != change["after"][n];
    all.into_iter().filter(|n| differs(n)).cloned().collect()
}

/// A copy of a stack with a local backend.
fn prepare(dir: &Path, world: World) -> Result<Bench> {
    let bench = Bench::copy_of(dir, Some(world))?;
    bench.write(OVERRIDE, &format!("{LOCAL}{PROVIDER}"))?;
    Ok(bench)
}

/// Makes a program ready in a directory.
fn init(bench: &Bench, tool: &Tool) -> Result<()> {
    bench.run(tool, &["init", "-input=false"])?.want(0).map(drop).map_err(|e| format!("init: {e}"))
}
