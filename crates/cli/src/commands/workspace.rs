//! `workspace list|show|select|new|delete`

use std::sync::Arc;

use stackctl_core::{Diagnostic, Mode};
use stackctl_state::{Access, Object, State, Target, workspace};

use super::{Context, opened};
use crate::cli::{Locking, WorkspaceDelete, WorkspaceNew, WorkspaceSelect, WorkspaceSub};
use crate::stack::{Loading, Stack, data_dir};
use crate::{Exit, Outcome};

/// Carries out a subcommand.
pub(crate) async fn run(mut cx: Context, command: WorkspaceSub) -> Outcome {
    match command {
        WorkspaceSub::Show(dir) => {
            cx.enter_named(dir.path.as_ref())?;
            let name = workspace::selected(&data_dir(&cx), cx.env("TF_WORKSPACE")).map_err(|e| vec![e.diagnostic()])?;
            cx.term.line(&name);
            Ok(Exit::Done)
        }
        WorkspaceSub::List(dir) => {
            cx.enter_named(dir.path.as_ref())?;
            let stack = Stack::load(&cx, Loading { state_only: true, ..Loading::default() }).await?;
            for name in stack.backend.workspaces().await.map_err(|e| vec![e.diagnostic()])? {
                cx.term.line(&format!("{} {name}", if name == stack.workspace { "*" } else { " " }));
            }
            Ok(Exit::Done)
        }
        WorkspaceSub::Select(a) => select(cx, a).await,
        WorkspaceSub::New(a) => new(cx, a).await,
        WorkspaceSub::Delete(a) => delete(cx, a).await,
    }
}

fn overridden(cx: &Context) -> Result<(), Vec<Diagnostic>> {
    match cx.env("TF_WORKSPACE") {
        None => Ok(()),
        Some(name) => Err(vec![Diagnostic::error(
            "Workspace is overridden",
            format!("TF_WORKSPACE={name} decides the workspace, so that selecting one has no effect. Unset it first."),
        )]),
    }
}

async fn select(mut cx: Context, a: WorkspaceSelect) -> Outcome {
    cx.enter_named(a.dir.path.as_ref())?;
    overridden(&cx)?;
    let stack = Stack::load(&cx, Loading { state_only: true, ..Loading::default() }).await?;
    let all = stack.backend.workspaces().await.map_err(|e| vec![e.diagnostic()])?;
    if !all.contains(&a.name) {
        if a.or_create {
            return create(&cx, &stack, &a.name, None, &a.locking).await;
        }
        let detail = format!("Workspace {:?} does not exist. There are: {}.", a.name, all.join(", "));
        let hint = format!("Create it: stackctl workspace new {}", a.name);
        return Err(vec![Diagnostic::error("Unknown workspace", detail).hinted(hint)]);
    }
    workspace::select(&data_dir(&cx), &a.name).map_err(|e| vec![e.diagnostic()])?;
    cx.term.line(&format!("Switched to workspace {:?}.", a.name));
    Ok(Exit::Done)
}

async fn new(mut cx: Context, a: WorkspaceNew) -> Outcome {
    cx.enter_named(a.dir.path.as_ref())?;
    overridden(&cx)?;
    let stack = Stack::load(&cx, Loading { state_only: true, ..Loading::default() }).await?;
    let all = stack.backend.workspaces().await.map_err(|e| vec![e.diagnostic()])?;
    if all.contains(&a.name) {
        let detail = format!("Workspace {:?} exists already.", a.name);
        return Err(vec![Diagnostic::error("Workspace exists", detail)]);
    }
    let content = match &a.state {
        None => None,
        Some(file) => {
            let bytes = std::fs::read(file);
            let bytes = bytes.map_err(|e| vec![Diagnostic::error("Unreadable state file", format!("{file}: {e}."))])?;
            Some(State::parse(&bytes, file).map_err(|e| vec![e.diagnostic()])?)
        }
    };
    create(&cx, &stack, &a.name, content, &a.locking).await
}

async fn create(cx: &Context, stack: &Stack, name: &str, content: Option<State>, locking: &Locking) -> Outcome {
    workspace::check_name(name).map_err(|e| vec![e.diagnostic()])?;
    let mut o = opened::options(name, Access::Write, "init", Some(locking), &opened::told(cx))?;
    o.sealing = crate::settings::sealing(&cx.host.cwd, true)?;
    let mut session = stack.backend.open(o, &cx.host).await.map_err(|e| vec![e.diagnostic()])?;
    session.resolve(Vec::new()).await.map_err(|e| vec![e.diagnostic()])?;
    match content {
        // The same objects must not be in two states of one lineage: this is a state of its own from here on.
        Some(mut new) => {
            new.lineage.clone_from(&session.state().lineage);
            super::state::put(&mut session, new).await.map(|_| ())?;
        }
        None => session.create().await.map_err(|e| vec![e.diagnostic()])?,
    }
    session.close().await.map_err(|e| vec![e.diagnostic()])?;
    workspace::select(&data_dir(cx), name).map_err(|e| vec![e.diagnostic()])?;
    cx.term.line(&format!("Created workspace {name:?} and switched to it."));
    Ok(Exit::Done)
}

async fn delete(mut cx: Context, a: WorkspaceDelete) -> Outcome {
    cx.enter_named(a.dir.path.as_ref())?;
    let stack = Stack::load(&cx, Loading { state_only: true, ..Loading::default() }).await?;
    if stack.workspace == a.name {
        let detail = format!("Workspace {:?} is selected.", a.name);
        let hint = "Select another one first: stackctl workspace select default";
        return Err(vec![Diagnostic::error("Workspace in use", detail).hinted(hint)]);
    }
    let all = stack.backend.workspaces().await.map_err(|e| vec![e.diagnostic()])?;
    if !all.contains(&a.name) {
        let detail = format!("Workspace {:?} does not exist. There are: {}.", a.name, all.join(", "));
        return Err(vec![Diagnostic::error("Unknown workspace", detail)]);
    }
    // A state that cannot be read is deleted as well, where that is insisted on.
    let left = if a.force { opened::read(&*stack.backend, &a.name, &cx).await.ok() } else { None };
    let o = opened::options(&a.name, Access::Write, "workspace-delete", Some(&a.locking), &opened::told(&cx))?;
    stack.backend.delete(o, a.force, &cx.host).await.map_err(|e| vec![e.diagnostic()])?;
    cx.term.line(&format!("Deleted workspace {:?}.", a.name));
    let managed = |(at, _): &(Target, &Arc<Object>)| at.addr.resource.mode == Mode::Managed;
    let left: Vec<(Target, &Arc<Object>)> = left.iter().flat_map(State::objects).filter(managed).collect();
    if !left.is_empty() {
        cx.term.line("These stay alive, and nobody manages them any more:\n");
        left.iter().for_each(|(at, o)| cx.term.line(&format!("  {at} {}", o.id().unwrap_or_default())));
    }
    Ok(Exit::Done)
}
