//! `show`: the state, a state file, or a saved plan.

use stackctl_state::State;
use stackctl_state::seal::is_sealed;

use super::{Context, opened, state};
use crate::json;
use crate::json::plan::View;
use crate::stack::{Loading, Stack};
use crate::{Exit, Outcome, cli, render, saved};

/// Shows the state or a saved plan.
pub(crate) async fn run(mut cx: Context, args: cli::Show) -> Outcome {
    if let Some(path) = args.path.as_ref().filter(|p| std::path::Path::new(p).is_file()) {
        return match state_file(path) {
            Some(state) => {
                let stack = Stack::offline(&cx, Loading { state_only: true, ..Loading::default() })?;
                show(&cx, &stack, &state.map_err(|e| vec![e.diagnostic()])?, &args)
            }
            None => plan(&cx, path, &args).await,
        };
    }
    cx.enter_named(args.path.as_ref())?;
    let how = Loading { env: args.environment.env.as_deref(), state_only: true, ..Loading::default() };
    let stack = Stack::load(&cx, how).await?;
    let state = opened::read(&*stack.backend, &stack.workspace, &cx).await?;
    if args.json && args.unsealed && holds_sealed(&state) {
        return Err(opened::locked(&stack, &cx).await);
    }
    show(&cx, &stack, &state, &args)
}

/// The content of a file that says that it is a state.
fn state_file(path: &str) -> Option<Result<State, stackctl_state::Error>> {
    let bytes = std::fs::read(path).ok()?;
    let text = std::str::from_utf8(&bytes).ok()?;
    // A saved plan is JSON too, without these.
    let head: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).ok()?;
    (head.contains_key("lineage") && head.contains_key("version")).then(|| State::parse(&bytes, path))
}

fn holds_sealed(state: &State) -> bool {
    state.objects().any(|(_, o)| is_sealed(&o.attributes)) || state.outputs.values().any(|o| is_sealed(&o.value))
}

fn show(cx: &Context, stack: &Stack, state: &State, args: &cli::Show) -> Outcome {
    if args.json {
        let view = View { unsealed: args.unsealed, schema: &|a| stack.schema(a) };
        cx.term.line(&json::plan::state(state, view).to_string());
        return Ok(Exit::Done);
    }
    if state.is_empty() {
        cx.term.line("The state is empty. No resources are represented.");
        return Ok(Exit::Done);
    }
    for (at, object) in state.objects() {
        cx.term.line(&format!("{}\n", state::text(cx, stack, &at.addr, object)));
    }
    if !state.outputs.is_empty() {
        cx.term.line("\nOutputs:\n");
        super::output::all(cx, &state.outputs);
    }
    Ok(Exit::Done)
}

async fn plan(cx: &Context, path: &str, args: &cli::Show) -> Outcome {
    let saved = saved::load(cx, path).await?;
    let (stack, plan) = (&saved.stack, &saved.plan);
    if args.json {
        let view = View { unsealed: args.unsealed, schema: &|a| stack.schema(a) };
        let configuration = json::config::configuration(&stack.config, &stack.providers);
        cx.term.line(&json::plan::plan(plan, configuration, view).to_string());
    } else {
        cx.term.line(&render::plan::plan(&cx.term, plan, &|a| stack.schema(a)));
    }
    Ok(Exit::Done)
}
