//! `state push`: puts a state file in place of the state. Refused for another lineage and for what is older, because it
//! would throw away what others recorded meanwhile.

use std::io::Read as _;

use stackctl_core::Diagnostic;
use stackctl_state::State;

use super::difference::difference;
use super::load;
use crate::cli::StatePush;
use crate::commands::{Context, opened};
use crate::{Exit, Outcome};

/// Writes the file's content as the state.
pub(super) async fn run(cx: Context, args: StatePush) -> Outcome {
    let new = read(&args.file)?;
    let stack = load(&cx, args.environment.env.as_deref()).await?;
    let how = opened::Edit { replacing: args.force, ..opened::dated(&cx, &stack, &args.backup) };
    let mut session = opened::edit(&stack, "state-push", &args.locking, &how, &cx).await?;
    let new = opened::unsealed(&session, new).await;
    let refused = match (args.force, session.existed()) {
        (false, true) => may_replace(session.state(), &new, &args.file),
        _ => Ok(()),
    };
    let done = match refused {
        Err(d) => Err(vec![*d]),
        Ok(()) => put(&mut session, new).await,
    };
    let changed = match done {
        Ok(changed) => changed,
        Err(diags) => {
            opened::give_up(session).await;
            return Err(diags);
        }
    };
    let state = session.close().await.map_err(|e| vec![e.diagnostic()])?;
    let place = stack.backend.place(&stack.workspace);
    cx.term.line(&match changed {
        true => format!("{place} holds {} objects now (serial {}).", state.len(), state.serial),
        false => format!("{place} holds this state already; nothing was written."),
    });
    Ok(Exit::Done)
}

fn read(file: &str) -> Result<State, Vec<Diagnostic>> {
    let mut bytes = Vec::new();
    let read = match file {
        "-" => std::io::stdin().lock().read_to_end(&mut bytes).map(|_| ()),
        path => std::fs::read(path).map(|b| bytes = b),
    };
    let place = if file == "-" { "standard input" } else { file };
    read.map_err(|e| vec![Diagnostic::error("Unreadable state file", format!("{place} cannot be read: {e}."))])?;
    State::parse(&bytes, place).map_err(|e| vec![e.diagnostic()])
}

/// Refuses what would lose something.
fn may_replace(there: &State, new: &State, file: &str) -> Result<(), Box<Diagnostic>> {
    let refused =
        |detail: String, hint: String| Err(Box::new(Diagnostic::error("State push refused", detail).hinted(hint)));
    let anyway = "Push it with -force only if what is there now can be lost.";
    if there.lineage != new.lineage {
        let detail = format!(
            "{file} is of another lineage ({:?}) than the state that is there ({:?}): it describes other objects.",
            new.lineage, there.lineage
        );
        return refused(detail, anyway.to_owned());
    }
    let restore = format!("To bring an earlier state back on purpose: stackctl state restore {file}. {anyway}");
    if there.serial > new.serial {
        let detail =
            format!("{file} has serial {}, and the state that is there is newer: serial {}.", new.serial, there.serial);
        return refused(detail, restore);
    }
    if there.serial == new.serial && !there.same_content(new) {
        let detail = format!("{file} and the state that is there both have serial {}, and differ.", new.serial);
        return refused(detail, restore);
    }
    Ok(())
}

/// Puts a state in place of the one that is there. False if it says the same.
///
/// # Errors
/// If it cannot be written.
pub(crate) async fn put(session: &mut stackctl_state::Session, new: State) -> Result<bool, Vec<Diagnostic>> {
    let there = session.state();
    let same = there.same_content(&new) || (there.lineage == new.lineage && difference(there, &new).is_empty());
    if session.existed() && session.is_sound() && same && there.serial >= new.serial {
        return Ok(false);
    }
    let change = |s: &mut State| {
        s.lineage = new.lineage;
        // Writing raises the serial by one: a newer state keeps the one that it has.
        s.serial = s.serial.max(new.serial.saturating_sub(1));
        s.outputs = new.outputs;
        s.resources = new.resources;
        s.checks = new.checks;
        s.seal = new.seal;
    };
    session.edit(change).await.map_err(|e| vec![e.diagnostic()])?;
    Ok(true)
}
