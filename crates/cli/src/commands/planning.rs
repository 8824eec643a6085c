//! What `plan`, `apply`, `destroy`, `refresh` and `drift` share: opening the state, planning, and showing what came of it.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use stackctl_core::{Diagnostic, Diagnostics, InstanceAddr};
use stackctl_engine::events::{Event, Events, Stop};
use stackctl_engine::plan::{Options, Plan, PlanMode};
use stackctl_state::{Access, Notice, Session};
use tokio::sync::watch;

use super::{Context, opened};
use crate::cli::{Locking, Planning};
use crate::json::events::Lines;
use crate::render;
use crate::render::progress::Progress;
use crate::settings;
use crate::stack::Stack;

/// How a run reports: as text or as JSON lines.
pub(crate) enum Report {
    Text(Progress),
    Json(Lines),
}

impl Report {
    /// A reporter on this terminal.
    pub(crate) fn new(cx: &Context, json: bool) -> Report {
        if json {
            let clock = Arc::clone(&cx.host.clock);
            Report::Json(Lines::start(cx.term, Arc::new(move || clock.now())))
        } else {
            Report::Text(Progress::new(cx.term, true))
        }
    }
    /// Where the engine's events go.
    pub(crate) fn events(&self, cx: &Context) -> Events {
        let inner = match self {
            Report::Text(p) => p.events(),
            Report::Json(l) => l.events(),
        };
        let (term, json) = (cx.term, matches!(self, Report::Json(_)));
        Events::to(move |e| match &e {
            Event::Note(d) if !json => super::show_note(&term, d),
            _ => inner.send(e),
        })
    }
    /// Shows diagnostics.
    pub(crate) fn diagnostics(&self, cx: &Context, diags: &[Diagnostic]) {
        match self {
            Report::Text(_) => cx.show(diags, &super::source),
            Report::Json(l) => diags.iter().for_each(|d| l.diagnostic(d, &super::source)),
        }
    }
    /// Shows a plan.
    pub(crate) fn plan(&self, cx: &Context, stack: &Stack, plan: &Plan) {
        match self {
            Report::Text(_) => cx.term.line(&render::plan::plan(&cx.term, plan, &|a| stack.schema(a))),
            Report::Json(l) => l.plan(plan),
        }
    }
}

/// What a plan is to be made of, checked.
pub(crate) fn mode(p: &Planning, command_destroys: bool, command_refreshes: bool) -> Result<PlanMode, Diagnostics> {
    let destroy = p.destroy || command_destroys;
    let refresh_only = p.refresh_only || command_refreshes;
    let wrong = |m: &str| Err(vec![Diagnostic::error("Incompatible options", m)]);
    match (destroy, refresh_only) {
        (true, true) => wrong("-destroy and -refresh-only exclude each other."),
        (_, true) if !p.refresh => wrong("-refresh-only and -refresh=false exclude each other."),
        (_, true) if !p.replace.is_empty() => wrong("-refresh-only and -replace exclude each other."),
        (true, _) if !p.replace.is_empty() => wrong("-destroy and -replace exclude each other."),
        (true, false) => Ok(PlanMode::Destroy),
        (false, true) => Ok(PlanMode::RefreshOnly),
        (false, false) => Ok(PlanMode::Normal),
    }
}

/// Options of the planner.
pub(crate) fn options(cx: &Context, stack: &Stack, p: &Planning, mode: PlanMode) -> Result<Options, Diagnostics> {
    let replace = p
        .replace
        .iter()
        .map(|a| {
            InstanceAddr::parse(a).ok_or_else(|| {
                let detail = format!("-replace={a:?}: this is not the address of an instance.");
                vec![Diagnostic::error("Invalid address", detail).hinted("Addresses look like aws_instance.a[0].")]
            })
        })
        .collect::<Result<_, _>>()?;
    Ok(Options { mode, targets: p.target.clone(), replace, refresh: p.refresh, settings: stack.settings(cx) })
}

/// How a run opens the state.
pub(crate) struct Opening<'a> {
    pub(crate) access: Access,
    /// What the lock calls the run.
    pub(crate) operation: &'a str,
    pub(crate) locking: Option<&'a Locking>,
    /// Where a local state is kept as it was.
    pub(crate) backup: Option<&'a String>,
    pub(crate) events: &'a Events,
    /// Ends the wait for somebody else's lock.
    pub(crate) stop: Option<&'a watch::Receiver<Stop>>,
}

impl<'a> Opening<'a> {
    /// Without a lock, by a command that changes nothing.
    pub(crate) fn reading(operation: &'a str, events: &'a Events) -> Opening<'a> {
        Opening { access: Access::Read, operation, locking: None, backup: None, events, stop: None }
    }
}

/// Opens the state and resolves what an interrupted run left.
pub(crate) async fn open(cx: &Context, stack: &Stack, how: Opening<'_>) -> Result<Session, Diagnostics> {
    let Opening { access, operation, locking, backup, events, stop } = how;
    let mut o = opened::options(&stack.workspace, access, operation, locking, events)?;
    o.backup = backup.cloned();
    o.sealing = settings::sealing(&cx.host.cwd, false)?;
    // Who waits for another's lock holds nothing: that can end at once. Anything else ends in good order.
    let (waiting, watch) = (Arc::new(AtomicBool::new(false)), Arc::clone(&o.watch));
    let waits = Arc::clone(&waiting);
    o.watch = Arc::new(move |notice: Notice| {
        waits.store(matches!(notice, Notice::Waiting { .. }), Ordering::Relaxed);
        watch(notice);
    });
    let ended = async {
        match stop {
            Some(stop) => stopped(stop.clone()).await,
            None => std::future::pending().await,
        }
        while !waiting.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let mut session = tokio::select! {
        session = stack.backend.open(o, &cx.host) => session.map_err(opened::unopened)?,
        () = ended => return Err(vec![interrupted()]),
    };
    if let Err(diags) = opened::keep(stack, backup.map(String::as_str), cx).await {
        opened::give_up(session).await;
        return Err(diags);
    }
    let settings = stack.settings(cx);
    if let Err(diags) = stackctl_engine::run::settle(&mut session, &settings, &stack.providers, events).await {
        // Nothing was changed; let go of the lock.
        let _ = session.close().await;
        return Err(diags);
    }
    Ok(session)
}

/// Does what changes nothing; `None` if the user ends the run before it is done.
pub(crate) async fn unless_stopped<T>(stop: &watch::Receiver<Stop>, looking: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        done = looking => Some(done),
        () = stopped(stop.clone()) => None,
    }
}

/// What a run says that was ended before it changed anything.
pub(crate) fn interrupted() -> Diagnostic {
    Diagnostic::error("Interrupted", "Nothing was changed.")
}

/// Ends when the user wants the run to end.
async fn stopped(mut stop: watch::Receiver<Stop>) {
    if stop.wait_for(|s| *s > Stop::No).await.is_err() {
        // Signals cannot be received here.
        std::future::pending::<()>().await;
    }
}

/// Ctrl-C and SIGTERM, each time more urgent.
pub(crate) fn interrupts() -> watch::Receiver<Stop> {
    let (tx, rx) = watch::channel(Stop::No);
    tokio::spawn(async move {
        let Ok(mut term) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else { return };
        for next in [Stop::Drain, Stop::Now] {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = term.recv() => {}
            }
            tx.send_replace(next);
        }
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = term.recv() => {}
        }
        // The third one: what is durable is durable, and the next run finds the rest.
        std::process::exit(130);
    });
    rx
}
