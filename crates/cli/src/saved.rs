//! Saved plans: one file with the plan, the configuration that it was made from, and where its state is, so that it can be
//! applied on another machine.
//!
//! The file is readable by its owner only. That of a plain state holds what the state holds, secrets included; that of a
//! sealed one is sealed as a whole, with the settings of the backend that leads to the key beside it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stackctl_core::{Diagnostic, Diagnostics, Known};
use stackctl_engine::plan::{PLAN_VERSION, Plan};
use stackctl_engine::providers::Providers;
use stackctl_hcl::SourceMap;
use stackctl_lang::config::inputs::{Inputs, collect};
use stackctl_lang::config::{Config, Manifest};
use stackctl_lang::files::{Entry, Files, Kind, Memory};
use stackctl_lang::value::Value;
use stackctl_state::seal::{Document, Keys, Vault};

use crate::commands::Context;
use crate::settings::{self, OwnershipTags};
use crate::stack::{Stack, all_providers, backend, data_dir};

/// First key of the file, by which it is recognised.
const FORMAT: &str = "stackctl saved plan";

#[derive(Serialize, Deserialize)]
struct File {
    format: String,
    version: u32,
    workspace: String,
    backend: (String, Known),
    /// The directory that the plan was made in.
    directory: std::path::PathBuf,
    files: BTreeMap<String, String>,
    listings: BTreeMap<String, Vec<Entry>>,
    kinds: BTreeMap<String, Option<Kind>>,
    plan: Plan,
}

/// A plan under the key of its state.
#[derive(Serialize, Deserialize)]
struct Sealed {
    format: String,
    version: u32,
    /// Where the state is, without secrets.
    backend: (String, Known),
    sealed: Document,
}

/// The file of a plan, sealed if its state is.
///
/// # Errors
/// If the state is sealed and its key is not there.
pub(crate) fn encode(stack: &Stack, plan: &Plan, vault: &Vault) -> Result<Vec<u8>, Box<Diagnostic>> {
    let snapshot = stack.recorder.as_ref().map(|r| r.snapshot()).unwrap_or_default();
    let files = snapshot.iter().map(|(p, b)| (p.display().to_string(), hex(b))).collect();
    let listings = snapshot.listings().map(|(p, entries)| (p.display().to_string(), entries.to_vec())).collect();
    let kinds = snapshot.kinds().map(|(p, kind)| (p.display().to_string(), kind)).collect();
    let file = File {
        format: FORMAT.to_owned(),
        version: PLAN_VERSION,
        workspace: stack.workspace.clone(),
        backend: stack.backend_settings.clone(),
        directory: stack.files.cwd().to_path_buf(),
        files,
        listings,
        kinds,
        plan: plan.clone(),
    };
    let problem = |m: String| Box::new(Diagnostic::error("The plan cannot be saved", format!("{m}.")));
    let text = serde_json::to_vec(&file).map_err(|e| problem(e.to_string()))?;
    let Some(sealed) = vault.document(&text).map_err(|e| Box::new(e.diagnostic()))? else { return Ok(text) };
    let backend = without_secrets(&stack.backend_settings);
    let sealed = Sealed { format: FORMAT.to_owned(), version: PLAN_VERSION, backend, sealed };
    serde_json::to_vec(&sealed).map_err(|e| problem(e.to_string()))
}

/// Writes the file.
///
/// # Errors
/// If it cannot be written.
pub(crate) fn write(path: &str, bytes: &[u8]) -> Result<(), Box<Diagnostic>> {
    let problem = |e: std::io::Error| Diagnostic::error("The plan cannot be saved", format!("{path}: {e}."));
    write_private(Path::new(path), bytes).map_err(|e| Box::new(problem(e)))
}

/// Settings of a backend that lead to the key of its states. Credentials among them have to come from the environment
/// when the plan is opened.
fn without_secrets((kind, settings): &(String, Known)) -> (String, Known) {
    let mut out = settings.clone();
    if let (Some(schema), Some(m)) = (stackctl_backend::block(kind), out.as_map_mut()) {
        m.retain(|name, _| schema.block.attrs.get(name.as_str()).is_none_or(|a| !a.sensitive));
        if let Some(identity) = m.get_mut("assume_role_with_web_identity").and_then(Known::as_map_mut) {
            identity.remove("web_identity_token");
        }
    }
    (kind.clone(), out)
}

fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
    let mut f = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    f.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    f.write_all(bytes)?;
    f.sync_all()
}

/// A saved plan with the stack that it was made from.
pub(crate) struct Saved {
    pub(crate) stack: Stack,
    pub(crate) plan: Plan,
}

/// Loads a saved plan.
///
/// # Errors
/// If the file is no saved plan, or of another version.
pub(crate) async fn load(cx: &Context, path: &str) -> Result<Saved, Diagnostics> {
    let wrong = |m: String| {
        vec![
            Diagnostic::error("Unusable saved plan", format!("{path}: {m}."))
                .hinted("Make a new one: stackctl plan -out=FILE"),
        ]
    };
    let bytes = std::fs::read(path).map_err(|e| wrong(e.to_string()))?;
    let head: serde_json::Value = serde_json::from_slice(&bytes)
        .map_err(|_| wrong("it is not a plan that stackctl saved (plans of other tools cannot be read)".into()))?;
    if head.get("format").and_then(|f| f.as_str()) != Some(FORMAT) {
        return Err(wrong("it is not a saved plan".into()));
    }
    let version = head.get("version").and_then(serde_json::Value::as_u64);
    if version != Some(u64::from(PLAN_VERSION)) {
        return Err(wrong("it was made by another version of stackctl".into()));
    }
    let damaged = |e: serde_json::Error| wrong(format!("it is damaged ({e})"));
    let file: File = if head.get("sealed").is_some() {
        let sealed: Sealed = serde_json::from_value(head).map_err(damaged)?;
        let kms = backend(cx, &sealed.backend).await?.data_keys();
        let keys = Keys::gather(&settings::sealing(&cx.host.cwd, false)?, &cx.host, kms);
        let text = sealed.sealed.open(&keys, path).await.map_err(|e| vec![e.diagnostic()])?;
        serde_json::from_slice(&text).map_err(damaged)?
    } else {
        serde_json::from_value(head).map_err(damaged)?
    };
    let mut memory = Memory::at(&file.directory);
    for (name, text) in &file.files {
        memory.add(name, unhex(text).ok_or_else(|| wrong("it is damaged".into()))?);
    }
    for (name, entries) in &file.listings {
        memory.add_listing(name, entries.clone());
    }
    for (name, kind) in &file.kinds {
        memory.add_kind(name, *kind);
    }
    let files: Arc<dyn Files> = Arc::new(memory);
    let mut sources = SourceMap::new();
    // Relative, so that the plan finds its modules in another directory than the one it was made in.
    let data_dir = data_dir(cx);
    let manifest = Manifest::read(&*files, data_dir.strip_prefix(&cx.host.cwd).unwrap_or(&data_dir));
    let (config, warnings) = Config::load(Path::new("."), &*files, &mut sources, &manifest);
    let Some(config) = config.filter(|_| !stackctl_core::diag::has_errors(&warnings)) else {
        return Err(warnings);
    };
    let mut inputs = Inputs::default();
    // Ephemeral variables are in no plan: they are given again, by the environment, a file or their defaults.
    let (given, problems) = collect(&config.root.content, &cx.host.env, &[], &*files, &mut sources);
    for (n, v) in &file.plan.variables {
        if v.ephemeral {
            if problems.iter().any(stackctl_lang::diag::Problem::is_error) {
                return Err(stackctl_lang::diag::diagnostics(problems, &sources));
            }
            let Some(value) = given.values.get(n) else {
                let detail = format!("The variable {n} is ephemeral, so that the plan does not hold its value.");
                let hint = format!("Give it again: TF_VAR_{n}=VALUE");
                return Err(vec![Diagnostic::error("No value for required variable", detail).hinted(hint)]);
            };
            inputs.values.insert(n.clone(), value.clone());
            continue;
        }
        let value = Value::from_known(&v.value, &v.ty).map_err(|_| wrong(format!("the variable {n} is damaged")))?;
        let marked = if v.sensitive { value.with_marks(stackctl_lang::value::Marks::SENSITIVE) } else { value };
        inputs.values.insert(n.clone(), marked);
    }
    let settings = settings::load(&cx.host.cwd).map_err(|d| vec![*d])?;
    let mut host = cx.host.clone();
    host.keep_ownership_tags = settings.ownership_tags == OwnershipTags::Keep;
    let stack = Stack {
        files,
        recorder: None,
        sources: Arc::new(sources),
        config,
        inputs,
        workspace: file.workspace,
        backend: backend(cx, &file.backend).await?,
        backend_settings: file.backend,
        providers: Arc::new(Providers::new(all_providers(), host)),
        warnings: Vec::new(),
    };
    Ok(Saved { stack, plan: file.plan })
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, b| {
        let _ = write!(out, "{b:02x}");
        out
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |c: u8| char::from(c).to_digit(16);
    let pairs = text.as_bytes().chunks_exact(2);
    pairs.map(|p| u8::try_from(digit(p[0])? * 16 + digit(p[1])?).ok()).collect()
}
