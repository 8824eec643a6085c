//! `console`: evaluates expressions over the configuration and its state.

use std::io::BufRead as _;
use std::sync::Arc;

use stackctl_core::Diagnostic;
use stackctl_engine::eval::values::Console as Values;
use stackctl_engine::plan::{Options, PlanMode};
use stackctl_state::Access;

use super::{Context, planning};
use crate::commands::planning::Report;
use crate::stack::{Loading, Stack};
use crate::{Exit, Outcome, cli, render};

/// Reads expressions from standard input, prompting on a terminal.
pub(crate) async fn run(mut cx: Context, args: cli::Console) -> Outcome {
    cx.enter_named(args.dir.path.as_ref())?;
    let how = Loading {
        env: args.environment.env.as_deref(),
        variables: Some(&args.variables),
        complete: true,
        input: true,
        ..Loading::default()
    };
    let stack = Stack::load(&cx, how).await?;
    let report = Report::Text(render::progress::Progress::new(cx.term, true));
    let events = report.events(&cx);
    let session = planning::open(&cx, &stack, Access::Read, "OperationTypeInvalid", None, None, &events).await?;
    let state = Arc::new(session.state().clone());
    let mut values = if args.plan {
        let options = Options {
            mode: PlanMode::Normal,
            targets: Vec::new(),
            replace: Vec::new(),
            refresh: true,
            settings: stack.settings(&cx),
        };
        let (plan, diags) = stackctl_engine::run::plan(options, state, &stack.providers, &events).await;
        if stackctl_core::diag::has_errors(&diags) {
            return Err(diags);
        }
        Values::of_plan(plan, stack.settings(&cx), &stack.providers)
    } else {
        Values::of_state(state, stack.settings(&cx), &stack.providers)
    };
    let interactive = cx.term.interactive;
    let mut failed = false;
    let mut text = String::new();
    if interactive {
        loop {
            cx.term.raw("> ");
            let mut line = String::new();
            if std::io::stdin().lock().read_line(&mut line).unwrap_or(0) == 0 || line.trim() == "exit" {
                break;
            }
            if !line.trim().is_empty() {
                evaluate(&cx, &mut values, &line);
            }
        }
        return Ok(Exit::Done);
    }
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|e| vec![Diagnostic::error("Unreadable input", e.to_string())])?;
        text.push_str(&line);
        text.push('\n');
        // An expression may go over several lines: until its brackets and heredocs are closed.
        if is_open(&text) {
            continue;
        }
        let expression = std::mem::take(&mut text);
        if !expression.trim().is_empty() && !evaluate(&cx, &mut values, &expression) {
            failed = true;
            break;
        }
    }
    if !text.trim().is_empty() && !failed {
        failed = !evaluate(&cx, &mut values, &text);
    }
    Ok(if failed { Exit::Code(1) } else { Exit::Done })
}

fn evaluate(cx: &Context, values: &mut Values<'_>, text: &str) -> bool {
    match values.evaluate(text.trim()) {
        Ok(printed) => {
            cx.term.line(&printed);
            true
        }
        Err(diags) => {
            let all = |name: &str| (name == "<console-input>").then(|| text.trim().to_owned());
            cx.show(&diags, &|n| all(n).or_else(|| super::source(n)));
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
                let rest: String = chars.clone().collect();
                if !end.is_empty() && !rest.lines().any(|l| l.trim() == end) {
                    return true;
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
            ("1 # (\n", false),
        ] {
            assert_eq!(is_open(text), want, "{text}");
        }
    }
}
