//! `console`: evaluates expressions over the configuration and its state.

use std::io::BufRead as _;
use std::sync::Arc;

use stackctl_core::Diagnostic;
use stackctl_engine::eval::Console as Values;
use stackctl_engine::events::Events;
use stackctl_engine::plan::{Options, PlanMode};
use stackctl_state::Access;

use super::{Context, planning};
use crate::commands::planning::{Opening, Report};
use crate::stack::{Loading, Stack, has_configuration};
use crate::{Exit, Outcome, cli, render};

/// Reads expressions from standard input, prompting on a terminal.
pub(crate) async fn run(mut cx: Context, args: cli::Console) -> Outcome {
    cx.enter_named(args.dir.path.as_ref())?;
    let how = Loading {
        env: args.environment.env.as_deref(),
        variables: Some(&args.variables),
        complete: true,
        input: true,
        // Expressions can be tried out anywhere.
        extra: (!has_configuration(&cx.host.cwd)).then_some(("console.tf", "")),
        ..Loading::default()
    };
    let stack = Stack::load(&cx, how).await?;
    let report = Report::Text(render::progress::Progress::new(cx.term, true));
    let events = report.events(&cx);
    // A local state does not change under an open console, as with Terraform; one that somebody else holds, and one that a team
    // shares, is read as it is.
    let held = Opening { access: Access::Plan, ..Opening::reading(OPERATION, &events) };
    let session = match stack.backend.kind() {
        "local" => planning::open(&cx, &stack, held).await.ok(),
        _ => None,
    };
    let session = match session {
        Some(session) => session,
        None => planning::open(&cx, &stack, Opening::reading(OPERATION, &events)).await?,
    };
    let state = Arc::new(session.state().clone());
    let outcome = answer(&cx, &args, &stack, state, &events).await;
    match session.close().await {
        Ok(_) => outcome,
        Err(e) => outcome.and(Err(vec![e.diagnostic()])),
    }
}

/// What the lock calls it.
const OPERATION: &str = "OperationTypeInvalid";

async fn answer(
    cx: &Context,
    args: &cli::Console,
    stack: &Stack,
    state: Arc<stackctl_state::State>,
    events: &Events,
) -> Outcome {
    let mut values = if args.plan {
        let options = Options {
            mode: PlanMode::Normal,
            targets: Vec::new(),
            replace: Vec::new(),
            refresh: true,
            settings: stack.settings(cx),
        };
        let (plan, diags) = stackctl_engine::run::plan(options, state, &stack.providers, events).await;
        if stackctl_core::diag::has_errors(&diags) {
            return Err(diags);
        }
        Values::of_plan(plan, stack.settings(cx), &stack.providers)
    } else {
        Values::of_state(state, stack.settings(cx), &stack.providers)
    };
    let asks = cx.term.interactive;
    let mut text = String::new();
    let mut lines = std::io::stdin().lock().lines();
    loop {
        if asks {
            // An expression may go over several lines: until its brackets and heredocs are closed.
            cx.term.raw(if text.is_empty() { "> " } else { ": " });
        }
        let Some(line) = lines.next() else { break };
        let line = line.map_err(|e| vec![Diagnostic::error("Unreadable input", e.to_string())])?;
        if asks && text.is_empty() && line.trim() == "exit" {
            return Ok(Exit::Done);
        }
        text.push_str(&line);
        text.push('\n');
        if is_open(&text) {
            continue;
        }
        let expression = std::mem::take(&mut text);
        // Somebody at a terminal can try again, a script cannot.
        if !expression.trim().is_empty() && !evaluate(cx, &mut values, &expression) && !asks {
            return Ok(Exit::Code(1));
        }
    }
    if asks {
        cx.term.line("");
        return Ok(Exit::Done);
    }
    let whole = text.trim().is_empty() || evaluate(cx, &mut values, &text);
    Ok(if whole { Exit::Done } else { Exit::Code(1) })
}

fn evaluate(cx: &Context, values: &mut Values<'_>, text: &str) -> bool {
    // The name that ends a heredoc has to be followed by a line break.
    let text = if text.contains("<<") { format!("{}\n", text.trim()) } else { text.trim().to_owned() };
    match values.evaluate(&text) {
        Ok(printed) => {
            cx.term.line(&printed);
            true
        }
        Err(diags) => {
            let typed = |name: &str| (name == "<console-input>").then(|| text.clone());
            cx.show(&diags, &|n| typed(n).or_else(|| super::source(n)));
            false
        }
    }
}

/// True while brackets or a heredoc are open. Strings and comments do not count.
fn is_open(text: &str) -> bool {
    let (mut depth, mut chars) = (0i32, text.chars().peekable());
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                while let Some(c) = chars.next() {
                    match c {
                        '\\' => {
                            chars.next();
                        }
                        '"' | '\n' => break,
                        _ => {}
                    }
                }
            }
            '#' => while chars.next_if(|c| *c != '\n').is_some() {},
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            '<' if chars.next_if_eq(&'<').is_some() => {
                chars.next_if_eq(&'-');
                let mut end = String::new();
                while let Some(c) = chars.next_if(|c| c.is_alphanumeric() || *c == '_') {
                    end.push(c);
                }
                if end.is_empty() {
                    continue;
                }
                // What stands in a heredoc opens nothing.
                let mut line = String::new();
                while chars.next_if(|c| *c != '\n').is_some() {}
                while line.trim() != end || chars.peek().is_some_and(|c| *c != '\n') {
                    match chars.next() {
                        None => return true,
                        Some('\n') => line.clear(),
                        Some(c) => line.push(c),
                    }
                }
            }
            _ => {}
        }
    }
    depth > 0
}

#[cfg(test)]
mod tests {
    use super::is_open;

    #[test]
    fn expressions_go_on_while_something_is_open() {
        for (text, want) in [
            ("[1,\n", true),
            ("[1]\n", false),
            ("\"(\"\n", false),
            ("<<EOT\n(\n", true),
            ("<<EOT\nx\nEOT\n", false),
            ("<<EOT\na(\nEOT\n", false),
            ("<<EOT\n  EOTs\n", true),
            ("[<<-EOT\n{\n  EOT\n", true),
            ("[<<-EOT\n{\n  EOT\n]\n", false),
            ("1 # (\n", false),
        ] {
            assert_eq!(is_open(text), want, "{text}");
        }
    }
}
