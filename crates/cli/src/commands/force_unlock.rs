//! `force-unlock`

use stackctl_core::Diagnostic;

use super::Context;
use crate::cli::ForceUnlock;
use crate::stack::{Loading, Stack};
use crate::{Exit, Outcome};

/// Breaks a lock after a question.
pub(crate) async fn run(mut cx: Context, args: ForceUnlock) -> Outcome {
    cx.enter_named(args.dir.path.as_ref())?;
    let how = Loading { env: args.environment.env.as_deref(), state_only: true, ..Loading::default() };
    let stack = Stack::load(&cx, how).await?;
    if !args.force {
        if !cx.may_ask(true) {
            let detail = "Breaking a lock that somebody holds lets two runs write at once, so it has to be confirmed.";
            return Err(vec![Diagnostic::error("Confirmation required", detail).hinted("Confirm with -force.")]);
        }
        let question = format!(
            "Break the lock on {}?\n  Only do this if its holder is certainly gone. Only 'yes' is accepted.\n\n  \
             Enter a value: ",
            stack.backend.place(&stack.workspace)
        );
        if cx.ask(&question).as_deref() != Some("yes") {
            cx.term.line("Nothing was unlocked.");
            return Ok(Exit::Code(1));
        }
    }
    let held = stack.backend.force_unlock(&stack.workspace, &args.id).await.map_err(|e| vec![e.diagnostic()])?;
    cx.term.line(&format!("The lock of {} ({}) is broken.", held.who, held.operation));
    Ok(Exit::Done)
}
