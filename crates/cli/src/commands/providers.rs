//! `providers`: which providers the configuration and the state use, and their schemas.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json, json};
use stackctl_core::Diagnostic;
use stackctl_lang::config::Module;
use stackctl_lang::functions::signature;

use super::modules::branches;
use super::{Context, metadata, opened};
use crate::cli::{ProvidersCmd, ProvidersSub};
use crate::stack::{Loading, Stack};
use crate::{Exit, Outcome};

/// Lists providers by module, or carries out a subcommand.
pub(crate) async fn run(mut cx: Context, args: ProvidersCmd) -> Outcome {
    match args.command {
        Some(ProvidersSub::Schema(a)) => {
            cx.enter_named(a.dir.path.as_ref())?;
            schema(&cx).await
        }
        Some(ProvidersSub::Lock(_)) => Err(vec![refused("lock")]),
        Some(ProvidersSub::Mirror(_)) => Err(vec![refused("mirror")]),
        None => {
            cx.enter_named(args.dir.path.as_ref())?;
            list(&cx).await
        }
    }
}

fn refused(command: &str) -> Diagnostic {
    Diagnostic::error("Not available", format!("stackctl has no command \"providers {command}\"."))
        .hinted("All providers are part of the program: there is nothing to lock, to mirror or to download.")
}

async fn list(cx: &Context) -> Outcome {
    let stack = Stack::offline(cx, Loading::default())?;
    cx.term.line("\nProviders required by configuration:\n.");
    for line in tree(&stack, &stack.config.root) {
        cx.term.line(&line);
    }
    let in_state = of_state(cx).await?;
    if !in_state.is_empty() {
        cx.term.line("\nProviders required by state:\n");
        in_state.iter().for_each(|p| cx.term.line(&format!("    provider[{p}]")));
    }
    Ok(Exit::Done)
}

fn tree(stack: &Stack, module: &Module) -> Vec<String> {
    let mut entries: Vec<(String, Vec<String>)> = sources(module)
        .into_iter()
        .map(|(source, constraint)| {
            let note = if stack.providers.table(&source).is_some() { "" } else { " (not available)" };
            (format!("provider[{source}]{constraint}{note}"), Vec::new())
        })
        .collect();
    entries.extend(module.children.iter().map(|(name, child)| (format!("module.{name}"), tree(stack, child))));
    branches(entries)
}

/// Sources that a module needs, with their version constraints as it writes them.
fn sources(module: &Module) -> BTreeSet<(String, String)> {
    let content = &module.content;
    let mut names: BTreeSet<String> = content.required_providers.keys().cloned().collect();
    names.extend(content.provider_configs.iter().map(|p| p.name.clone()));
    for r in content.resources.values() {
        names.insert(match &r.provider {
            Some(p) => p.name.clone(),
            None => r.key.ty.split('_').next().unwrap_or_default().to_owned(),
        });
    }
    names
        .into_iter()
        .map(|n| {
            let required = content.required_providers.get(&n).and_then(|r| r.version.as_ref());
            (content.provider_source(&n), required.map(|(v, _)| format!(" {v}")).unwrap_or_default())
        })
        .collect()
}

/// Providers of the objects in state. A state that cannot be read now is no reason to tell nothing.
async fn of_state(cx: &Context) -> Result<BTreeSet<String>, Vec<Diagnostic>> {
    let stack = Stack::load(cx, Loading::default()).await?;
    let state = opened::read(&*stack.backend, &stack.workspace, cx).await?;
    Ok(state.objects().map(|(_, o)| o.provider.source.clone()).collect())
}

async fn schema(cx: &Context) -> Outcome {
    let stack = Stack::offline(cx, Loading::default())?;
    let mut used: BTreeSet<String> =
        stack.config.modules().iter().flat_map(|m| sources(m)).map(|(source, _)| source).collect();
    match of_state(cx).await {
        Ok(more) => used.extend(more),
        // Editors ask for schemas where there are no credentials for the state.
        Err(diags) => cx.show(&diags.into_iter().map(as_warning).collect::<Vec<_>>(), &super::source),
    }
    let mut all = Map::new();
    for source in used {
        let Some(table) = stack.providers.table(&source) else { continue };
        let mut of = crate::json::schema::provider(&**table);
        if table.name() == "terraform" {
            let names = ["decode_tfvars", "encode_expr", "encode_tfvars"];
            let functions: Map<String, Json> = names
                .iter()
                .filter_map(|n| {
                    Some(((*n).to_owned(), metadata::json(&signature(&format!("provider::terraform::{n}"))?)))
                })
                .collect();
            of["functions"] = Json::Object(functions);
        }
        all.insert(source, of);
    }
    cx.term.line(&json!({ "format_version": "1.0", "provider_schemas": all }).to_string());
    Ok(Exit::Done)
}

fn as_warning(d: Diagnostic) -> Diagnostic {
    Diagnostic { severity: stackctl_core::Severity::Warning, ..d }
}
