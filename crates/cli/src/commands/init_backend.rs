//! The backend's part of `init`: settings from the command line, what was configured before, and moving states when it
//! changes.
//!
//! What `init` chose is kept in the data directory ([`Recorded`]); every other command compares it with the configuration
//! ([`check`]), because a backend that changed unnoticed is an empty state, and a plan that creates everything anew.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use stackctl_core::schema::Presence;
use stackctl_core::{Diagnostic, Diagnostics, Known, Schema};
use stackctl_hcl::{Body, SourceMap, Span};
use stackctl_lang::diag::{Problem, diagnostics};
use stackctl_lang::eval::{Constants, Spec};
use stackctl_state::{Access, Backend, Session};

use super::{Context, opened, state};
use crate::cli::Init;
use crate::stack::{self, Stack, data_dir};

/// File in the data directory.
const FILE: &str = "stackctl/backend.json";
const VERSION: u32 = 1;

/// Type and settings of a backend.
pub(crate) type Chosen = (String, Known);

/// What the last `init` chose.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Recorded {
    version: u32,
    /// Type.
    #[serde(rename = "type")]
    pub(crate) ty: String,
    /// All settings but secrets and what is null.
    settings: serde_json::Value,
    /// What `-backend-config` gave, secrets included: it is nowhere else.
    #[serde(default)]
    pub(crate) overrides: BTreeMap<String, serde_json::Value>,
}

/// What the last `init` chose; `None` where none has run.
///
/// # Errors
/// If the file is not readable.
pub(crate) fn recorded(data_dir: &Path) -> Result<Option<Recorded>, Box<Diagnostic>> {
    let file = data_dir.join(FILE);
    let text = match std::fs::read_to_string(&file) {
        Ok(t) => t,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(Box::new(unwritable(&file, &e))),
    };
    match serde_json::from_str::<Recorded>(&text) {
        Ok(r) if r.version == VERSION => Ok(Some(r)),
        _ => {
            let detail = format!("{} is damaged, or of another version of stackctl.", file.display());
            let hint = "Choose the backend anew: stackctl init -reconfigure";
            Err(Box::new(Diagnostic::error("Unusable backend settings", detail).hinted(hint)))
        }
    }
}

impl Recorded {
    fn new((ty, settings): &Chosen, overrides: BTreeMap<String, Known>) -> Recorded {
        let overrides = overrides.into_iter().map(|(n, v)| (n, v.to_json())).collect();
        Recorded { version: VERSION, ty: ty.clone(), settings: visible(ty, settings), overrides }
    }
    /// The same backend with the same settings.
    fn is(&self, (ty, settings): &Chosen) -> bool {
        self.ty == *ty && self.settings == visible(ty, settings)
    }
    /// What `-backend-config` gave, if it was for this type.
    pub(crate) fn overrides(&self, ty: &str) -> BTreeMap<String, Known> {
        match self.ty == ty {
            true => self.overrides.iter().map(|(n, v)| (n.clone(), Known::from_json(v))).collect(),
            false => BTreeMap::new(),
        }
    }
    fn chosen(&self) -> Chosen {
        let mut settings = Known::from_json(&self.settings);
        for (n, v) in self.overrides(&self.ty) {
            settings.set(n, v);
        }
        (self.ty.clone(), settings)
    }
    fn write(&self, data_dir: &Path) -> Result<(), Diagnostics> {
        let file = data_dir.join(FILE);
        let dir = file.parent().unwrap_or(data_dir);
        std::fs::create_dir_all(dir).map_err(|e| vec![unwritable(&file, &e)])?;
        let text = serde_json::to_vec_pretty(self).unwrap_or_default();
        stackctl_state::local::file::write_private(&file, &text).map_err(|e| vec![e.diagnostic()])
    }
}

/// Settings without nulls and secrets, for comparison and for the file.
fn visible(ty: &str, settings: &Known) -> serde_json::Value {
    let schema = stackctl_backend::block(ty);
    let secret = |n: &str| schema.as_ref().and_then(|s| s.block.attrs.get(n)).is_some_and(|a| a.sensitive);
    let kept = settings.as_map().into_iter().flatten().filter(|(n, v)| !v.is_null() && !secret(n));
    serde_json::Value::Object(kept.map(|(n, v)| (n.clone(), v.to_json())).collect())
}

/// Refuses to work with a backend that is another one than `init` chose, or that would leave a local state behind.
///
/// # Errors
/// Says which, and the two ways out.
pub(crate) fn check(cx: &Context, chosen: &Chosen, before: Option<&Recorded>) -> Result<(), Box<Diagnostic>> {
    let ways =
        "To move the states: stackctl init -migrate-state. To leave them where they are: stackctl init -reconfigure";
    match before {
        Some(r) if !r.is(chosen) => {
            let detail =
                format!("The stack was initialised with another backend ({}) than it has now.", name(&r.chosen()));
            Err(Box::new(Diagnostic::error("Backend configuration changed", detail).hinted(ways)))
        }
        None if chosen.0 != "local" && has_objects(&cx.host.cwd.join("terraform.tfstate")) => {
            let detail = format!(
                "terraform.tfstate in this directory holds objects, and the configured backend is {:?}.",
                chosen.0
            );
            Err(Box::new(Diagnostic::error("State would be left behind", detail).hinted(ways)))
        }
        _ => Ok(()),
    }
}

fn has_objects(file: &Path) -> bool {
    let bytes = std::fs::read(file).unwrap_or_default();
    stackctl_state::State::parse(&bytes, "").is_ok_and(|s| !s.resources.is_empty())
}

fn name((ty, settings): &Chosen) -> String {
    let text = |n: &str| settings.get(n).as_str().unwrap_or_default().to_owned();
    match ty.as_str() {
        "s3" => format!("s3: {}/{}", text("bucket"), text("key")),
        "local" => format!("local: {}", settings.get("path").as_str().unwrap_or("terraform.tfstate")),
        other => other.to_owned(),
    }
}

/// Chooses the backend, moves states to it where that was asked for, and keeps the choice.
pub(super) async fn run(cx: &Context, stack: &mut Stack, args: &Init) -> Result<(), Diagnostics> {
    let dir = data_dir(cx);
    let before = match recorded(&dir) {
        Err(_) if args.reconfigure => None,
        r => r.map_err(|d| vec![*d])?.filter(|_| !args.reconfigure),
    };
    let ty = stack.config.root.content.terraform.backend.as_ref().map_or("local", |b| b.ty.as_str()).to_owned();
    let mut overrides = before.as_ref().map(|r| r.overrides(&ty)).unwrap_or_default();
    for given in &args.backend_config {
        overrides.extend(parse(&cx.host.cwd, &ty, given)?);
    }
    ask_missing(cx, stack, args.locking.input, &mut overrides);
    let chosen = stack::backend_settings(&stack.config, &stack.sources, &overrides)?;
    let to = stack::backend(cx, &chosen).await?;
    // Asks the backend, so that wrong settings show here and not at the first plan.
    to.workspaces().await.map_err(|e| vec![e.diagnostic()])?;
    let migrate = args.migrate_state || args.force_copy;
    let from = match &before {
        Some(r) if r.is(&chosen) => None,
        Some(r) if migrate => Some(r.chosen()),
        // What the file cannot hold (secrets) is as configured now.
        None if !args.reconfigure && chosen.0 != "local" => Some(("local".to_owned(), Known::object())),
        Some(_) => {
            check(cx, &chosen, before.as_ref()).map_err(|d| vec![*d])?;
            None
        }
        None => None,
    };
    if let Some(mut from) = from {
        if from.0 == chosen.0 {
            secrets(&mut from, &chosen);
        }
        let old = stack::backend(cx, &from).await?;
        move_states(cx, args, &from, &*old, &*to).await?;
    }
    // A local state that nobody chose is what there is without a record.
    if stack.config.root.content.terraform.backend.is_none() && overrides.is_empty() {
        forget(&dir)?;
    } else {
        Recorded::new(&chosen, overrides).write(&dir)?;
    }
    stack.backend_settings = chosen;
    stack.backend = to;
    Ok(())
}

/// Removes the record of an earlier choice.
fn forget(data_dir: &Path) -> Result<(), Diagnostics> {
    let file = data_dir.join(FILE);
    match std::fs::remove_file(&file) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(vec![unwritable(&file, &e)]),
        _ => Ok(()),
    }
}

/// Asks for the required arguments that neither the block nor the command line gives.
fn ask_missing(cx: &Context, stack: &Stack, input: bool, overrides: &mut BTreeMap<String, Known>) {
    let Some(block) = stack.config.root.content.terraform.backend.as_ref().filter(|_| cx.may_ask(input)) else {
        return;
    };
    let Some(schema) = stackctl_backend::block(&block.ty) else { return };
    for (name, attr) in schema.block.attrs.iter().filter(|(_, a)| a.presence == Presence::Required) {
        if block.body.attribute(name).is_some() || overrides.contains_key(*name) {
            continue;
        }
        let Some(text) = cx.ask(&format!("{name}\n  {}\n\n  Enter a value: ", attr.doc)) else { return };
        if !text.is_empty() {
            overrides.insert((*name).to_owned(), Known::from(text.as_str()));
        }
    }
}

/// Secrets are not in the record: the earlier backend is reached with those of the present one.
fn secrets((ty, settings): &mut Chosen, now: &Chosen) {
    let Some(schema) = stackctl_backend::block(ty) else { return };
    for (name, _) in schema.block.attrs.iter().filter(|(_, a)| a.sensitive) {
        if settings.get(name).is_null() {
            settings.set(*name, now.1.get(name).clone());
        }
    }
}

/// Copies the states of all workspaces that have one.
async fn move_states(
    cx: &Context,
    args: &Init,
    from: &Chosen,
    old: &dyn Backend,
    new: &dyn Backend,
) -> Result<(), Diagnostics> {
    let mut names = Vec::new();
    for name in old.workspaces().await.map_err(|e| vec![e.diagnostic()])? {
        // Other credentials or endpoints for the same place move nothing.
        let same = old.kind() == new.kind() && old.place(&name) == new.place(&name);
        if !same && old.raw(&name).await.map_err(|e| vec![e.diagnostic()])?.is_some() {
            names.push(name);
        }
    }
    if names.is_empty() {
        return Ok(());
    }
    let what = format!("from {} to {}", name(from), new.place(&names[0]));
    if !args.force_copy {
        if !cx.may_ask(args.locking.input) {
            let detail = format!("States have to be copied {what}: {}.", names.join(", "));
            let hint = "Copy them with -force-copy, or leave them behind with -reconfigure.";
            return Err(vec![Diagnostic::error("Confirmation required", detail).hinted(hint)]);
        }
        let question = format!("Copy the states {what}? Workspaces: {}", names.join(", "));
        if !opened::confirm(cx, true, &question)? {
            let d = Diagnostic::error("Backend not changed", "No state was copied, so the backend stays as it was.");
            return Err(vec![d.hinted("To start with an empty state in the new backend: stackctl init -reconfigure")]);
        }
    }
    for name in &names {
        copy(cx, args, name, old, new).await?;
    }
    if from.0 == "local" {
        names.iter().try_for_each(|n| retire(cx, &from.1, n))?;
    }
    Ok(())
}

async fn copy(cx: &Context, args: &Init, name: &str, old: &dyn Backend, new: &dyn Backend) -> Result<(), Diagnostics> {
    let source = open(cx, args, name, Access::Plan, old).await?;
    let target = match open(cx, args, name, Access::Write, new).await {
        Ok(t) => t,
        Err(diags) => {
            opened::give_up(source).await;
            return Err(diags);
        }
    };
    let done = fill(cx, args, name, &source, target, &old.place(name), &new.place(name)).await;
    opened::give_up(source).await;
    done
}

async fn fill(
    cx: &Context,
    args: &Init,
    name: &str,
    source: &Session,
    mut target: Session,
    from: &str,
    to: &str,
) -> Result<(), Diagnostics> {
    let there = target.state();
    let other = target.existed() && !there.is_empty() && !there.same_content(source.state());
    if other && !args.force_copy {
        let question = format!(
            "The workspace {name:?} has a state in {to} already (lineage {}, serial {}). Overwrite it with {from} \
             (lineage {}, serial {})?",
            there.lineage,
            there.serial,
            source.state().lineage,
            source.state().serial
        );
        let answer = opened::confirm(cx, args.locking.input, &question);
        if !matches!(answer, Ok(true)) {
            opened::give_up(target).await;
            answer?;
            let d = Diagnostic::error("Backend not changed", format!("The state in {to} was not overwritten."));
            return Err(vec![d]);
        }
    }
    let put = state::put(&mut target, source.state().clone()).await;
    if put.is_err() {
        opened::give_up(target).await;
        return put.map(|_| ());
    }
    target.close().await.map_err(|e| vec![e.diagnostic()])?;
    cx.term.line(&format!("Copied the state of workspace {name:?} from {from} to {to}."));
    Ok(())
}

/// Opens one side. What an interrupted run left has to be settled where it was left.
async fn open(
    cx: &Context,
    args: &Init,
    name: &str,
    access: Access,
    backend: &dyn Backend,
) -> Result<Session, Diagnostics> {
    let mut o = opened::options(name, access, "init", Some(&args.locking), &opened::told(cx))?;
    o.sealing = crate::settings::sealing(&cx.host.cwd, false)?;
    let mut session = backend.open(o, &cx.host).await.map_err(|e| vec![e.diagnostic()])?;
    if !session.pending().is_empty() {
        let detail = format!("An interrupted run left work open in {}.", backend.place(name));
        opened::give_up(session).await;
        let hint = "Run stackctl apply or refresh with the backend as it was, then move the state.";
        return Err(vec![Diagnostic::error("State cannot be moved yet", detail).hinted(hint)]);
    }
    session.resolve(Vec::new()).await.map_err(|e| vec![e.diagnostic()])?;
    Ok(session)
}

/// A local state that was copied becomes its own backup, so that nobody goes on with it.
fn retire(cx: &Context, settings: &Known, workspace: &str) -> Result<(), Diagnostics> {
    let text = |n: &str| settings.get(n).as_str();
    let local = stackctl_state::Local::new(&cx.host.cwd, text("path"), text("workspace_dir"));
    let file = local.file(workspace);
    let beside = |ending: &str| {
        let mut name = file.clone().into_os_string();
        name.push(ending);
        PathBuf::from(name)
    };
    let moved = std::fs::rename(&file, beside(".backup"));
    moved.map_err(|e| vec![Diagnostic::error("Local state stays", format!("{}: {e}.", file.display()))])?;
    match std::fs::remove_file(beside(".journal")) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            Err(vec![Diagnostic::error("Local journal stays", format!("{}: {e}.", beside(".journal").display()))])
        }
        _ => Ok(()),
    }
}

fn unwritable(file: &Path, e: &std::io::Error) -> Diagnostic {
    Diagnostic::error("Backend settings cannot be kept", format!("{}: {e}.", file.display()))
}

/// `NAME=VALUE`, or a file of such settings, converted and checked as the block's arguments are.
fn parse(cwd: &Path, ty: &str, given: &str) -> Result<BTreeMap<String, Known>, Diagnostics> {
    let schema = stackctl_backend::block(ty).unwrap_or_else(|| Schema::new("none", Default::default()));
    let mut sources = SourceMap::new();
    let text = match given.split_once('=') {
        Some((name, value)) => {
            let primitive = schema.block.attrs.get(name).is_none_or(|a| a.ty.is_primitive());
            let value = if primitive { super::import::quoted(value) } else { value.to_owned() };
            format!("{name} = {value}\n")
        }
        None => std::fs::read_to_string(cwd.join(given)).map_err(|e| {
            let detail = format!("-backend-config={given}: this is neither NAME=VALUE nor a readable file ({e}).");
            vec![Diagnostic::error("Invalid backend setting", detail)]
        })?,
    };
    let shown = if given.contains('=') { "<-backend-config>" } else { given };
    let id = sources.add(shown, text.as_str());
    let (body, errors) = stackctl_hcl::parse_body(&text, id);
    if !errors.is_empty() {
        return Err(diagnostics(errors.into_iter().map(Into::into).collect(), &sources));
    }
    let span = body.span;
    let known = decode(&schema, &body, span).map_err(|problems| diagnostics(problems, &sources))?;
    Ok(body.attributes().map(|a| (a.name.as_str().to_owned(), known.get(a.name.as_str()).clone())).collect())
}

/// The arguments of a block, none of them required.
pub(crate) fn decode(schema: &Schema, body: &Body, span: Span) -> Result<Known, Vec<Problem>> {
    let mut lenient = schema.block.clone();
    for attr in lenient.attrs.values_mut().filter(|a| a.presence == Presence::Required) {
        attr.presence = Presence::Optional;
    }
    let decoded = Spec::new(&lenient, schema.refused).decode(body, span, &Constants);
    match decoded.problems.iter().any(Problem::is_error) {
        true => Err(decoded.problems),
        false => Ok(decoded.value.to_partial(&lenient.ty()).or_null()),
    }
}

/// A backend of the stack for a command: compared with what `init` chose.
pub(crate) async fn of_stack(cx: &Context, stack: &Stack) -> Result<(Chosen, Arc<dyn Backend>), Diagnostics> {
    let before = recorded(&data_dir(cx)).map_err(|d| vec![*d])?;
    let ty = stack.config.root.content.terraform.backend.as_ref().map_or("local", |b| b.ty.as_str());
    let overrides = before.as_ref().map(|r| r.overrides(ty)).unwrap_or_default();
    let chosen = stack::backend_settings(&stack.config, &stack.sources, &overrides)?;
    check(cx, &chosen, before.as_ref()).map_err(|d| vec![*d])?;
    let backend = stack::backend(cx, &chosen).await?;
    Ok((chosen, backend))
}
