//! `init`: checks the configuration, and keeps what `-backend-config` says for the other commands.

use std::collections::BTreeMap;
use std::path::Path;

use stackctl_core::{Diagnostic, Known};
use stackctl_lang::eval::constant;

use super::Context;
use crate::cli::Init;
use crate::stack::{Loading, Stack, data_dir};
use crate::{Exit, Outcome};

/// File in the data directory that holds backend settings from the command line.
const FILE: &str = "stackctl/backend.json";

/// Prepares a stack.
pub(crate) async fn run(mut cx: Context, args: Init) -> Outcome {
    cx.enter_named(args.dir.path.as_ref())?;
    let dir = data_dir(&cx);
    let file = dir.join(FILE);
    if args.reconfigure && file.exists() {
        std::fs::remove_file(&file).map_err(|e| vec![unwritable(&file, &e)])?;
    }
    if !args.backend_config.is_empty() {
        let mut settings = overrides(&dir).map_err(|d| vec![*d])?;
        for given in &args.backend_config {
            settings.extend(parse(given)?);
        }
        let text = Known::Map(settings).to_json().to_string();
        let written = std::fs::create_dir_all(file.parent().unwrap_or(&dir)).and_then(|()| std::fs::write(&file, text));
        written.map_err(|e| vec![unwritable(&file, &e)])?;
    }
    let how = Loading { env: args.environment.env.as_deref(), ..Loading::default() };
    let stack = match args.backend {
        true => Stack::load(&cx, how).await?,
        false => Stack::offline(&cx, how)?,
    };
    cx.show(&stack.warnings, &super::source);
    if args.backend {
        // Asks the backend, so that wrong settings show here and not at the first plan.
        stack.backend.workspaces().await.map_err(|e| vec![e.diagnostic()])?;
        cx.term.line(&format!("Backend: {} ({})", stack.backend.kind(), stack.backend.place(&stack.workspace)));
    }
    cx.term.line("The stack is ready: stackctl plan shows what would change.");
    Ok(Exit::Done)
}

fn unwritable(file: &Path, e: &std::io::Error) -> Diagnostic {
    Diagnostic::error("Backend settings cannot be kept", format!("{}: {e}.", file.display()))
}

/// Settings that an earlier `init -backend-config` kept.
pub(crate) fn overrides(dir: &Path) -> Result<BTreeMap<String, Known>, Box<Diagnostic>> {
    let file = dir.join(FILE);
    let text = match std::fs::read_to_string(&file) {
        Ok(t) => t,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(e) => return Err(Box::new(unwritable(&file, &e))),
    };
    match serde_json::from_str(&text).map(|j| Known::from_json(&j)) {
        Ok(Known::Map(m)) => Ok(m),
        _ => {
            let detail = format!("{} is damaged.", file.display());
            let hint = "Run: stackctl init -reconfigure -backend-config=…";
            Err(Box::new(Diagnostic::error("Unusable backend settings", detail).hinted(hint)))
        }
    }
}

/// `NAME=VALUE`, or a file of such settings.
fn parse(given: &str) -> Result<BTreeMap<String, Known>, Vec<Diagnostic>> {
    if let Some((name, value)) = given.split_once('=') {
        let value = match value {
            "true" => Known::Bool(true),
            "false" => Known::Bool(false),
            text => Known::from(text),
        };
        return Ok(BTreeMap::from([(name.to_owned(), value)]));
    }
    let text = std::fs::read_to_string(given).map_err(|e| {
        let detail = format!("-backend-config={given}: this is neither NAME=VALUE nor a readable file ({e}).");
        vec![Diagnostic::error("Invalid backend setting", detail)]
    })?;
    let mut sources = stackctl_hcl::SourceMap::new();
    let id = sources.add(given, text.as_str());
    let (body, errors) = stackctl_hcl::parse_body(&text, id);
    let mut problems: Vec<stackctl_lang::diag::Problem> = errors.into_iter().map(Into::into).collect();
    let mut out = BTreeMap::new();
    for attribute in body.attributes() {
        let (value, more) = constant(&attribute.expr);
        problems.extend(more);
        out.insert(attribute.name.as_str().to_owned(), value.to_partial(&value.ty()).or_null());
    }
    if problems.is_empty() { Ok(out) } else { Err(stackctl_lang::diag::diagnostics(problems, &sources)) }
}
