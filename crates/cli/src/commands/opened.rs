//! The state for commands that look at it or edit it without planning.

use std::sync::Arc;
use std::time::Duration;

use stackctl_core::{Diagnostic, Diagnostics};
use stackctl_engine::events::{Event, Events};

use stackctl_state::{Access, Backend, Locking, Notice, Options, Session, State};

use super::Context;
use crate::cli;
use crate::settings;
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
        // With a detail it is a warning of its own, else a note in passing.
        let warn = |summary: &str, detail: String| {
            let end = if detail.is_empty() { "" } else { "." };
            events.send(Event::Note(Box::new(Diagnostic::warning(summary, format!("{detail}{end}")))));
        };
        match n {
            Notice::Waiting { .. } => events.send(Event::LockWaiting { holder: text }),
            // The engine tells about recovery itself, object by object.
            Notice::Recovering { .. } => {}
            Notice::NoJournal { .. } => warn("The journal is switched off", text),
            Notice::Careless { .. } => warn("Unsafe state storage", text),
            Notice::NotLocked { .. } => warn("No state lock", text),
            _ => warn(&text, String::new()),
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
    let mut o = Options::new(workspace, Access::Read, "OperationTypeInvalid");
    o.sealing = settings::sealing(&cx.host.cwd, true)?;
    let session = backend.open(o, &cx.host).await.map_err(unopened)?;
    Ok(session.state().clone())
}

/// Why the secrets of a state cannot be read, after [`read`] has found sealed ones.
pub(crate) async fn locked(stack: &Stack, cx: &Context) -> Diagnostics {
    let open = async {
        let mut o = Options::new(&*stack.workspace, Access::Read, "OperationTypeInvalid");
        o.sealing = settings::sealing(&cx.host.cwd, false)?;
        stack.backend.open(o, &cx.host).await.map_err(|e| vec![e.diagnostic()])
    };
    match open.await {
        Err(diags) => diags,
        Ok(_) => vec![Diagnostic::error("Sealed secrets cannot be used", "Their key was not there a moment ago.")],
    }
}

/// Why a state cannot be opened. One that is broken can be brought back.
pub(crate) fn unopened(e: stackctl_state::Error) -> Diagnostics {
    let broken = matches!(e, stackctl_state::Error::Format { .. });
    let mut d = e.diagnostic();
    if broken {
        let more = "Earlier versions: stackctl state history. To bring one back: stackctl state restore VERSION";
        d.hint = Some(d.hint.map_or_else(|| more.to_owned(), |h| format!("{h} {more}")));
    }
    vec![d]
}

/// A state from elsewhere in the open, as the session's is, if its key is there.
pub(crate) async fn unsealed(session: &Session, state: State) -> State {
    let open = session.vault().keys().open_state(state.clone(), session.place()).await;
    // Without the key its secrets are copied as they are, and whoever writes them decides whether they may be.
    open.unwrap_or(state)
}

/// How a state is opened for an edit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Edit {
    /// The state is replaced as a whole: a broken or missing one is no error.
    pub(crate) replacing: bool,
    /// Where the state is kept as it was; `None` for the usual file beside a local state.
    pub(crate) backup: Option<String>,
}

/// An edit whose backup of a local state has a name of its own, as Terraform's commands on addresses keep it.
pub(crate) fn dated(cx: &Context, stack: &Stack, backup: &cli::Backup) -> Edit {
    let of_local = || {
        let place = stack.backend.place(&stack.workspace);
        let name = |second: i64| format!("{place}.{second}.backup");
        let free = |n: &String| !cx.host.cwd.join(n).exists();
        (stack.backend.kind() == "local").then(|| (cx.host.clock.now().as_second()..).map(name).find(free)).flatten()
    };
    Edit { replacing: false, backup: backup.backup.clone().or_else(of_local) }
}

/// What happens on the way, told at once: who is waited for, and warnings.
pub(crate) fn told(cx: &Context) -> Events {
    let term = cx.term;
    Events::to(move |e| match e {
        Event::LockWaiting { holder } => term.error_line(&holder),
        Event::Note(d) => super::show_note(&term, &d),
        _ => {}
    })
}

/// Opens the state to edit it, after an interrupted run was looked up.
pub(crate) async fn edit(
    stack: &Stack,
    operation: &str,
    locking: &cli::Locking,
    how: &Edit,
    cx: &Context,
) -> Result<Session, Diagnostics> {
    let events = told(cx);
    let mut o = options(&stack.workspace, Access::Write, operation, Some(locking), &events)?;
    o.replacing = how.replacing;
    o.sealing = settings::sealing(&cx.host.cwd, true)?;
    o.backup.clone_from(&how.backup);
    let mut session = stack.backend.open(o, &cx.host).await.map_err(unopened)?;
    let settled = stackctl_engine::run::settle(&mut session, &stack.settings(cx), &stack.providers, &events).await;
    let kept = match settled {
        Ok(()) => keep(stack, how.backup.as_deref(), cx).await,
        Err(diags) => Err(diags),
    };
    if let Err(diags) = kept {
        // Nothing was changed; let go of the lock.
        give_up(session).await;
        return Err(diags);
    }
    Ok(session)
}

/// Keeps the state of another backend than `local`, which keeps its own, in the file of `-backup`.
pub(crate) async fn keep(stack: &Stack, backup: Option<&str>, cx: &Context) -> Result<(), Diagnostics> {
    let Some(path) = backup.filter(|p| *p != "-" && stack.backend.kind() != "local") else { return Ok(()) };
    let Some(raw) = stack.backend.raw(&stack.workspace).await.map_err(|e| vec![e.diagnostic()])? else {
        return Ok(());
    };
    stackctl_state::local::file::write_private(&cx.host.cwd.join(path), &raw).map_err(|e| vec![e.diagnostic()])
}

/// Lets go of a state that was not changed.
pub(crate) async fn give_up(session: Session) {
    // There is nothing to save, and why nothing was done is told anyway.
    let _ = session.close().await;
}

/// Asks before a state is changed. `None` if the answer is no; the state is then closed, as after an error.
///
/// # Errors
/// If there is nobody to ask.
pub(crate) async fn approve(
    cx: &Context,
    session: Session,
    (auto_approve, input): (bool, bool),
    question: &str,
) -> Result<Option<Session>, Diagnostics> {
    let answer = if auto_approve { Ok(true) } else { confirm(cx, input, question) };
    if matches!(answer, Ok(true)) {
        return Ok(Some(session));
    }
    give_up(session).await;
    answer?;
    cx.term.line("Nothing was changed.");
    Ok(None)
}

/// Asks before something is done. Only "yes" is one.
///
/// # Errors
/// If there is nobody to ask.
pub(crate) fn confirm(cx: &Context, input: bool, question: &str) -> Result<bool, Diagnostics> {
    if !cx.may_ask(input) {
        let d = Diagnostic::error("Confirmation required", "There is nobody who could confirm this.");
        return Err(vec![d.hinted("Confirm with -auto-approve.")]);
    }
    let answer = cx.ask(&format!("\n{question}\n  Only 'yes' is accepted.\n\n  Enter a value: "));
    Ok(answer.as_deref() == Some("yes"))
}
