//! `output`: the outputs of the state. The place where a secret is shown on purpose: `-raw NAME`, `-json NAME`.

use serde_json::{Map, Value as Json};
use stackctl_core::{Diagnostic, Known, Partial, Path};
use stackctl_state::Output;
use stackctl_state::seal::is_sealed;

use super::{Context, opened};
use crate::cli;
use crate::render::value::{Mark, Secrets, Writer};
use crate::stack::{Loading, Stack};
use crate::{Exit, Outcome};

/// Shows outputs.
pub(crate) async fn run(mut cx: Context, args: cli::Output) -> Outcome {
    let (mut name, mut path) = (args.name.clone(), args.path.clone());
    if path.is_none() && name.as_ref().is_some_and(|n| std::path::Path::new(n).is_dir()) {
        path = name.take();
    }
    cx.enter_named(path.as_ref())?;
    let how = Loading { env: args.environment.env.as_deref(), state_only: true, ..Loading::default() };
    let stack = Stack::load(&cx, how).await?;
    let state = opened::read(&*stack.backend, &stack.workspace, &cx).await?;
    let Some(name) = name else {
        if args.raw {
            let detail = "-raw shows one output; name it.";
            return Err(vec![Diagnostic::error("Output name required", detail)]);
        }
        if args.json {
            if state.outputs.values().any(|o| is_sealed(&o.value)) {
                return Err(opened::locked(&stack, &cx).await);
            }
            let all: Map<String, Json> = state.outputs.iter().map(|(n, o)| (n.clone(), json(o))).collect();
            cx.term.line(&serde_json::to_string_pretty(&all).unwrap_or_default());
        } else if state.outputs.is_empty() {
            let detail = "The state has no outputs: none are defined, or the stack was not applied yet.";
            cx.show(&[Diagnostic::warning("No outputs found", detail)], &|_| None);
        } else {
            all(&cx, &state.outputs);
        }
        return Ok(Exit::Done);
    };
    let Some(output) = state.outputs.get(&name) else {
        let known: Vec<&str> = state.outputs.keys().map(String::as_str).collect();
        let hint = match known.is_empty() {
            true => "The state has no outputs.".to_owned(),
            false => format!("There are: {}.", known.join(", ")),
        };
        let detail = format!("The state has no output {name:?}.");
        return Err(vec![Diagnostic::error("Output not found", detail).hinted(hint)]);
    };
    if is_sealed(&output.value) {
        return Err(opened::locked(&stack, &cx).await);
    }
    if args.json {
        cx.term.line(&output.value.to_json().to_string());
    } else if args.raw {
        cx.term.raw(&raw(&name, &output.value).map_err(|d| vec![*d])?);
    } else {
        cx.term.line(&text(&cx, "", &output.value));
    }
    Ok(Exit::Done)
}

/// All outputs as an apply shows them at its end.
pub(crate) fn all(cx: &Context, outputs: &std::collections::BTreeMap<String, Output>) {
    let width = outputs.keys().map(|n| n.chars().count()).max().unwrap_or(0);
    for (name, o) in outputs {
        if o.sensitive {
            cx.term.line(&format!("{name:width$} = <sensitive>"));
        } else {
            cx.term.line(&text(cx, &format!("{name:width$} = "), &o.value));
        }
    }
}

fn text(cx: &Context, head: &str, v: &Known) -> String {
    let secrets = Secrets { before: &[], after: &[] };
    let mut w = Writer { term: &cx.term, out: Vec::new(), secrets, replace: &[] };
    w.plain(0, head, &Path::default(), &Partial::from(v.clone()), Mark::None);
    w.out.join("\n")
}

fn json(o: &Output) -> Json {
    let mut m = Map::new();
    m.insert("sensitive".into(), o.sensitive.into());
    m.insert("type".into(), o.ty.to_json());
    m.insert("value".into(), o.value.to_json());
    Json::Object(m)
}

fn raw(name: &str, v: &Known) -> Result<String, Box<Diagnostic>> {
    match v {
        Known::String(s) => Ok(s.clone()),
        Known::Number(n) => Ok(n.to_string()),
        Known::Bool(b) => Ok(b.to_string()),
        Known::Null | Known::List(_) | Known::Map(_) => {
            let detail = format!("The output {name:?} is no text, number or bool.");
            Err(Box::new(Diagnostic::error("Unsupported value for raw output", detail).hinted("Use -json instead.")))
        }
    }
}
