//! `state restore`: brings back a version of the history, or a file, as a new serial. Works where the state is broken or
//! gone.

use stackctl_core::Diagnostic;
use stackctl_state::State;

use super::difference::difference;
use super::{load, push};
use crate::cli::StateRestore;
use crate::commands::{Context, opened};
use crate::stack::Stack;
use crate::{Exit, Outcome};

/// Restores after a question that shows the difference.
pub(super) async fn run(cx: Context, args: StateRestore) -> Outcome {
    let stack = load(&cx, args.environment.env.as_deref()).await?;
    let old = read(&stack, &args.from).await?;
    let how = opened::Edit { replacing: true, ..opened::dated(&cx, &stack, &args.backup) };
    let session = opened::edit(&stack, "state-restore", &args.locking, &how, &cx).await?;
    let old = opened::unsealed(&session, old).await;
    let there = session.state();
    if session.existed() && !there.is_empty() && there.lineage != old.lineage && !args.force {
        let detail = format!(
            "{} is of another lineage ({:?}) than the state that is there ({:?}): it describes other objects.",
            args.from, old.lineage, there.lineage
        );
        opened::give_up(session).await;
        let hint = "Restore it with -force only if what is there now can be lost.";
        return Err(vec![Diagnostic::error("Restore refused", detail).hinted(hint)]);
    }
    let difference = difference(there, &old);
    if session.existed() && session.is_sound() && difference.is_empty() && there.lineage == old.lineage {
        opened::give_up(session).await;
        cx.term.line("The state says this already; nothing was written.");
        return Ok(Exit::Done);
    }
    cx.term.line(&format!(
        "From {} (serial {}) to {} (serial {}):\n",
        stack.backend.place(&stack.workspace),
        there.serial,
        args.from,
        old.serial
    ));
    difference.lines().iter().for_each(|l| cx.term.line(l));
    cx.term.line(
        "\nOnly what the state says is changed. Objects that leave it stay alive and are not managed any more; of those that \
         come back, the next plan shows what became of them.",
    );
    let asked = (args.auto_approve, args.locking.input);
    let Some(mut session) = opened::approve(&cx, session, asked, "Restore this state?").await? else {
        return Ok(Exit::Code(1));
    };
    push::put(&mut session, old).await?;
    let state = session.close().await.map_err(|e| vec![e.diagnostic()])?;
    cx.term.line(&format!("The state is restored, with {} objects, as serial {}.", state.len(), state.serial));
    Ok(Exit::Done)
}

/// A file, or a version that the history lists (its beginning will do where only one begins so).
async fn read(stack: &Stack, from: &str) -> Result<State, Vec<Diagnostic>> {
    let parse = |bytes: &[u8]| State::parse(bytes, from).map_err(|e| vec![e.diagnostic()]);
    if std::path::Path::new(from).is_file() {
        let bytes = std::fs::read(from);
        let bytes = bytes.map_err(|e| vec![Diagnostic::error("Unreadable state file", format!("{from}: {e}."))])?;
        return parse(&bytes);
    }
    let all = stack.backend.versions(&stack.workspace).await.map_err(|e| vec![e.diagnostic()])?;
    let begins: Vec<_> = all.iter().filter(|v| v.id.starts_with(from)).collect();
    let id = match (all.iter().find(|v| v.id == from), begins.as_slice()) {
        (Some(v), _) => v.id.as_str(),
        (None, [v]) => v.id.as_str(),
        (None, several) => {
            let what = if several.is_empty() { "neither a file nor" } else { "not the whole id of" };
            let detail = format!("{from:?} is {what} a version of the state.");
            let hint = "stackctl state history lists the versions.";
            return Err(vec![Diagnostic::error("Unknown version", detail).hinted(hint)]);
        }
    };
    let bytes = stack.backend.version(&stack.workspace, id).await.map_err(|e| vec![e.diagnostic()])?;
    match bytes {
        Some(b) => parse(&b),
        None => {
            let detail =
                format!("The version {id} holds no state: it marks that the state was deleted, or is gone by now.");
            Err(vec![Diagnostic::error("No state in this version", detail)])
        }
    }
}
