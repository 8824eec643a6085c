//! `modules`: the modules that the configuration calls.

use serde_json::{Value as Json, json};
use stackctl_lang::config::{Config, Module};

use super::Context;
use crate::cli::Modules;
use crate::stack::{Loading, Stack};
use crate::{Exit, Outcome};

/// Lists modules.
pub(crate) fn run(mut cx: Context, args: Modules) -> Outcome {
    cx.enter_named(args.dir.path.as_ref())?;
    let stack = Stack::offline(&cx, Loading::default())?;
    if args.json {
        cx.term.line(&json(&stack.config).to_string());
        return Ok(Exit::Done);
    }
    if stack.config.root.children.is_empty() {
        cx.term.line("The configuration calls no modules.");
        return Ok(Exit::Done);
    }
    cx.term.line("Modules declared by configuration:\n.");
    for line in tree(&stack.config.root) {
        cx.term.line(&line);
    }
    Ok(Exit::Done)
}

/// The called modules in Terraform's format.
fn json(config: &Config) -> Json {
    let mut all = Vec::new();
    collect(&config.root, "", &mut all);
    json!({ "format_version": "1.0", "modules": all })
}

fn collect(module: &Module, key: &str, out: &mut Vec<Json>) {
    for (name, child) in &module.children {
        let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
        let Some(call) = module.content.module_calls.get(name) else { continue };
        let version = call.version.clone().unwrap_or_default();
        out.push(json!({ "key": key, "source": call.source, "version": version }));
        collect(child, &key, out);
    }
}

fn tree(module: &Module) -> Vec<String> {
    let children: Vec<String> = module
        .children
        .keys()
        .filter_map(|name| Some(format!("{name:?}[{}]", module.content.module_calls.get(name)?.source)))
        .collect();
    let below = module.children.values().map(|c| tree(c)).collect::<Vec<_>>();
    branches(children.into_iter().zip(below).collect())
}

/// Lines of a tree: each entry with what stands below it.
pub(super) fn branches(entries: Vec<(String, Vec<String>)>) -> Vec<String> {
    let last = entries.len().saturating_sub(1);
    let mut out = Vec::new();
    for (i, (head, below)) in entries.into_iter().enumerate() {
        let (here, there) = if i == last { ("└── ", "    ") } else { ("├── ", "│   ") };
        out.push(format!("{here}{head}"));
        out.extend(below.into_iter().map(|l| format!("{there}{l}")));
    }
    out
}
