//! The state for commands that look at it or edit it without planning.

use std::sync::Arc;
use std::time::Duration;

use stackctl_core::{Diagnostic, Diagnostics};
use stackctl_engine::events::{Event, Events};

use stackctl_state::{Access, Backend, Locking, Notice, Options, Session, State};

use super::Context;
use crate::cli;
use crate::stack::Stack;

/// Options for opening a state.
pub(crate) fn options(
    workspace: &str,
    access: Access,
    operation: &str,
    locking: Option<&cli::Locking>,
    events: &Events,
) -> Result<Options, Diagnostics> {
    let mut o = Options::new(workspace, access, operation);
    if let Some(l) = locking {
        o.locking = if l.lock { Locking::On { timeout: duration(&l.lock_timeout)? } } else { Locking::Off };
    }
    let events = events.clone();
    o.watch = Arc::new(move |n| {
        let text = n.to_string();
        match n {
            Notice::Waiting { .. } => events.send(Event::LockWaiting { holder: text }),
            // The engine tells about recovery itself, object by object.
            Notice::Recovering { .. } => {}
            _ => events.send(Event::Note(Box::new(Diagnostic::warning(text, "")))),
        }
    });
    Ok(o)
}

/// `30s`, `5m`, `1h`, `1m30s`.
pub(crate) fn duration(text: &str) -> Result<Duration, Diagnostics> {
    let wrong = || {
        vec![
            Diagnostic::error("Invalid duration", format!("{text:?} is not a duration."))
                .hinted("Write 30s, 5m or 1h."),
        ]
    };
    let (mut total, mut digits) = (0.0, String::new());
    for c in text.chars() {
        let unit = match c {
            '0'..='9' | '.' => {
                digits.push(c);
                continue;
            }
            'h' => 3600.0,
            'm' => 60.0,
            's' => 1.0,
            _ => return Err(wrong()),
        };
        total += digits.parse::<f64>().map_err(|_| wrong())? * unit;
        digits.clear();
    }
    if !digits.is_empty() && digits != "0" {
        return Err(wrong());
    }
    Duration::try_from_secs_f64(total).map_err(|_| wrong())
}

/// Reads the state without a lock. What an interrupted run left open is not looked up: such objects are shown as the journal
/// knows them.
pub(crate) async fn read(backend: &dyn Backend, workspace: &str, cx: &Context) -> Result<State, Diagnostics> {
    let o = Options::new(workspace, Access::Read, "OperationTypeInvalid");
    let session = backend.open(o, &cx.host).await.map_err(|e| vec![e.diagnostic()])?;
    Ok(session.state().clone())
}

/// Opens the state to edit it, after an interrupted run was looked up.
pub(crate) async fn edit(
    stack: &Stack,
    operation: &str,
    locking: &cli::Locking,
    cx: &Context,
) -> Result<Session, Diagnostics> {
    let events = Events::none();
    let o = options(&stack.workspace, Access::Write, operation, Some(locking), &events)?;
    let mut session = stack.backend.open(o, &cx.host).await.map_err(|e| vec![e.diagnostic()])?;
    match stackctl_engine::run::settle(&mut session, &stack.settings(cx), &stack.providers, &events).await {
        Ok(()) => Ok(session),
        Err(diags) => {
            // Nothing was changed; let go of the lock.
            let _ = session.close().await;
            Err(diags)
        }
    }
}
