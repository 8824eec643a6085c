//! `providers`: which providers the configuration uses.

use std::collections::BTreeSet;

use super::Context;
use crate::cli::Where;
use crate::stack::{Loading, Stack};
use crate::{Exit, Outcome};

/// Lists providers by module.
pub(crate) async fn run(mut cx: Context, args: Where) -> Outcome {
    cx.enter_named(args.path.as_ref())?;
    let stack = Stack::offline(&cx, Loading::default())?;
    cx.term.line("Providers required by configuration:");
    for module in stack.config.modules() {
        let content = &module.content;
        let mut sources: BTreeSet<String> =
            content.required_providers.keys().map(|n| content.provider_source(n)).collect();
        sources.extend(content.resources.keys().map(|k| {
            let implied = k.ty.split('_').next().unwrap_or_default();
            content.provider_source(implied)
        }));
        let name = if module.path.is_root() { ".".to_owned() } else { module.path.to_string() };
        cx.term.line(&name);
        for source in sources {
            let note = if stack.providers.table(&source).is_some() { "" } else { " (not available)" };
            cx.term.line(&format!("  provider[{source}]{note}"));
        }
    }
    Ok(Exit::Done)
}
