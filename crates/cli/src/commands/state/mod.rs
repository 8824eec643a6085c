//! `state`: looks into the state and edits it. A file for each subcommand but the shortest.

mod difference;
mod edit;
mod history;
mod journal;
mod push;
mod rebuild;
mod replace_provider;
mod restore;
mod show;

use stackctl_core::{Diagnostic, InstanceAddr, ModuleAddr};
use stackctl_state::{Access, Options, State, Target};

use super::{Context, opened, seal};
use crate::cli::{StateList, StatePull, StateSub, Variables};
use crate::stack::{Loading, Stack};
use crate::{Exit, Outcome};

pub(crate) use push::put;
pub(crate) use show::text;

/// Carries out a subcommand.
pub(crate) async fn run(cx: Context, command: StateSub) -> Outcome {
    match command {
        StateSub::List(a) => list(cx, a).await,
        StateSub::Show(a) => show::run(cx, a).await,
        StateSub::Pull(a) => pull(cx, a).await,
        StateSub::Push(a) => push::run(cx, a).await,
        StateSub::Rm(a) => edit::rm(cx, a).await,
        StateSub::Mv(a) => edit::mv(cx, a).await,
        StateSub::ReplaceProvider(a) => replace_provider::run(cx, a).await,
        StateSub::History(a) => history::run(cx, a).await,
        StateSub::Restore(a) => restore::run(cx, a).await,
        StateSub::Rebuild(a) => rebuild::run(cx, a).await,
        StateSub::Journal(a) => journal::run(cx, a).await,
        StateSub::Seal(a) => seal::seal(cx, a).await,
        StateSub::Rekey(a) => seal::rekey(cx, a).await,
        StateSub::Unseal(a) => seal::unseal(cx, a).await,
    }
}

/// The stack of the working directory, for commands on its state: a directory without configuration will do.
pub(crate) async fn load(cx: &Context, env: Option<&str>) -> Result<Stack, Vec<Diagnostic>> {
    Stack::load(cx, Loading { env, state_only: true, ..Loading::default() }).await
}

/// The same with values for all variables.
async fn load_complete(
    cx: &Context,
    env: Option<&str>,
    variables: &Variables,
    input: bool,
) -> Result<Stack, Vec<Diagnostic>> {
    let how = Loading { env, variables: Some(variables), complete: true, input, ..Loading::default() };
    Stack::load(cx, how).await
}

async fn pull(cx: Context, a: StatePull) -> Outcome {
    let stack = load(&cx, a.environment.env.as_deref()).await?;
    if a.unsealed {
        let mut o = Options::new(&*stack.workspace, Access::Read, "state-pull");
        o.sealing = crate::settings::sealing(&cx.host.cwd, false)?;
        let session = stack.backend.open(o, &cx.host).await.map_err(|e| vec![e.diagnostic()])?;
        cx.term.raw(&String::from_utf8_lossy(&session.state().to_bytes()));
        return Ok(Exit::Done);
    }
    let raw = stack.backend.raw(&stack.workspace).await.map_err(|e| vec![e.diagnostic()])?;
    cx.term.raw(&String::from_utf8_lossy(&raw.unwrap_or_default()));
    Ok(Exit::Done)
}

/// Addresses of the state that a text names: an instance, a resource with all its instances, or a module.
fn selected(state: &State, text: &str) -> Result<Vec<Target>, Box<Diagnostic>> {
    let instance = InstanceAddr::parse(text);
    let module = ModuleAddr::parse(text);
    if instance.is_none() && module.is_none() {
        let detail = format!("{text:?} is not an address.");
        let hint = "Addresses look like aws_vpc.main, aws_subnet.a[0], module.net or data.aws_ami.x.";
        return Err(Box::new(Diagnostic::error("Invalid address", detail).hinted(hint)));
    }
    let fits = |t: &Target| match (&instance, &module) {
        (Some(i), _) => t.addr == *i || (i.key.is_none() && t.addr.resource == i.resource),
        (None, Some(m)) => {
            m.contains(&t.addr.resource.module) || m.config() == *m && m.contains(&t.addr.resource.module.config())
        }
        (None, None) => false,
    };
    Ok(state.objects().map(|(t, _)| t).filter(fits).collect())
}

pub(crate) fn not_found(text: &str) -> Diagnostic {
    Diagnostic::error("No such object", format!("The state has nothing at {text}."))
        .hinted("`stackctl state list` shows all addresses.")
}

async fn list(cx: Context, args: StateList) -> Outcome {
    let stack = load(&cx, args.environment.env.as_deref()).await?;
    let state = opened::read(&*stack.backend, &stack.workspace, &cx).await?;
    let mut shown: Vec<Target> = Vec::new();
    for text in &args.addresses {
        let found = selected(&state, text).map_err(|d| vec![*d])?;
        if found.is_empty() {
            return Err(vec![not_found(text)]);
        }
        shown.extend(found);
    }
    if args.addresses.is_empty() {
        shown = state.objects().map(|(t, _)| t).collect();
    }
    shown.retain(|t| match &args.id {
        Some(id) => state.object(t).is_some_and(|o| o.attributes.get("id").as_str() == Some(id)),
        None => true,
    });
    shown.dedup_by(|a, b| a.addr == b.addr);
    for t in shown {
        cx.term.line(&t.addr.to_string());
    }
    Ok(Exit::Done)
}
