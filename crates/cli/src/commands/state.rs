//! `state list|show|pull|rm|mv`

use stackctl_core::{Diagnostic, InstanceAddr, ModuleAddr, Partial, Path};
use stackctl_state::{Object, State, Target};

use super::{Context, opened};
use crate::cli::{StateList, StateMv, StateRm, StateShow, StateSub};
use crate::render::value::{Mark, Secrets, Writer};
use crate::stack::{Loading, Stack};
use crate::{Exit, Outcome};

/// Carries out a subcommand.
pub(crate) async fn run(cx: Context, command: StateSub) -> Outcome {
    match command {
        StateSub::List(a) => list(cx, a).await,
        StateSub::Show(a) => show(cx, a).await,
        StateSub::Pull(a) => {
            let stack = load(&cx, a.environment.env.as_deref()).await?;
            let raw = stack.backend.raw(&stack.workspace).await.map_err(|e| vec![e.diagnostic()])?;
            cx.term.raw(&String::from_utf8_lossy(&raw.unwrap_or_default()));
            Ok(Exit::Done)
        }
        StateSub::Rm(a) => rm(cx, a).await,
        StateSub::Mv(a) => mv(cx, a).await,
    }
}

async fn load(cx: &Context, env: Option<&str>) -> Result<Stack, Vec<Diagnostic>> {
    Stack::load(cx, Loading { env, state_only: true, ..Loading::default() }).await
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

fn not_found(text: &str) -> Diagnostic {
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

async fn show(cx: Context, args: StateShow) -> Outcome {
    let stack = load(&cx, args.environment.env.as_deref()).await?;
    let state = opened::read(&*stack.backend, &stack.workspace, &cx).await?;
    let addr = InstanceAddr::parse(&args.address).ok_or_else(|| {
        vec![Diagnostic::error("Invalid address", format!("{:?} is not the address of an instance.", args.address))]
    })?;
    let object = state.current(&addr).ok_or_else(|| vec![not_found(&args.address)])?;
    cx.term.line(&text(&cx, &stack, &addr, object));
    Ok(Exit::Done)
}

/// An object as the language would write it.
pub(crate) fn text(cx: &Context, stack: &Stack, addr: &InstanceAddr, object: &Object) -> String {
    let schema = stack.schema(addr);
    let marked: Vec<Path> = object.sensitive.iter().cloned().collect();
    let sensitive = crate::render::dynamic::secrets(schema.as_ref(), &marked);
    let secrets = Secrets { before: &sensitive, after: &sensitive };
    let kind = match addr.resource.mode {
        stackctl_core::Mode::Data => "data",
        _ => "resource",
    };
    let tainted = match object.status {
        stackctl_state::ObjectStatus::Tainted => " (tainted)",
        stackctl_state::ObjectStatus::Ready => "",
    };
    let head =
        vec![format!("# {addr}:{tainted}"), format!("{kind} {:?} {:?} {{", addr.resource.ty, addr.resource.name)];
    let mut w = Writer { term: &cx.term, out: head, secrets, replace: &[] };
    let value = crate::render::dynamic::plain(schema.as_ref(), Partial::from(object.attributes.clone()));
    if let Partial::Map(m) = &value {
        let width = m.iter().filter(|(_, v)| !v.is_null()).map(|(k, _)| k.chars().count()).max().unwrap_or(0);
        for (k, v) in m.iter().filter(|(_, v)| !v.is_null()) {
            w.plain(4, &format!("{k:width$} = "), &Path::attr(k.as_str()), v, Mark::None);
        }
    }
    w.out.push("}".to_owned());
    w.out.join("\n")
}

async fn rm(cx: Context, args: StateRm) -> Outcome {
    let stack = load(&cx, args.environment.env.as_deref()).await?;
    let mut session = opened::edit(&stack, "state-rm", &args.locking, &cx).await?;
    let mut going = Vec::new();
    for a in &args.addresses {
        let found = selected(session.state(), a).map_err(|d| vec![*d])?;
        if found.is_empty() {
            session.close().await.map_err(|e| vec![e.diagnostic()])?;
            return Err(vec![not_found(a)]);
        }
        going.extend(found);
    }
    for t in &going {
        cx.term.line(&format!("{} {}", if args.dry_run { "Would remove" } else { "Removed" }, t.addr));
    }
    if !args.dry_run {
        let records = going.into_iter().map(|at| stackctl_state::Record::Rm { at }).collect();
        session.append(records).await.map_err(|e| vec![e.diagnostic()])?;
    }
    session.close().await.map_err(|e| vec![e.diagnostic()])?;
    Ok(Exit::Done)
}

async fn mv(cx: Context, args: StateMv) -> Outcome {
    let stack = load(&cx, args.environment.env.as_deref()).await?;
    let mut session = opened::edit(&stack, "state-mv", &args.locking, &cx).await?;
    let moves = moves(session.state(), &args.from, &args.to);
    let done = match moves {
        Err(d) => Err(vec![*d]),
        Ok(moves) => {
            for (from, to) in &moves {
                cx.term.line(&format!("{} {from} to {to}", if args.dry_run { "Would move" } else { "Moved" }));
            }
            if !args.dry_run {
                let records = moves.into_iter().map(|(from, to)| stackctl_state::Record::Mv { from, to }).collect();
                session.append(records).await.map_err(|e| vec![e.diagnostic()])?;
            }
            Ok(Exit::Done)
        }
    };
    session.close().await.map_err(|e| vec![e.diagnostic()])?;
    done
}

/// What moves where: an instance, all instances of a resource, or everything in a module.
fn moves(state: &State, from: &str, to: &str) -> Result<Vec<(InstanceAddr, InstanceAddr)>, Box<Diagnostic>> {
    let wrong = |detail: String| Box::new(Diagnostic::error("Invalid move", detail));
    let mut found: Vec<InstanceAddr> = selected(state, from)?.into_iter().map(|t| t.addr).collect();
    found.dedup();
    if found.is_empty() {
        return Err(Box::new(not_found(from)));
    }
    let pairs: Vec<(InstanceAddr, InstanceAddr)> = match (InstanceAddr::parse(from), InstanceAddr::parse(to)) {
        (Some(f), Some(t)) => {
            if f.resource.ty != t.resource.ty || f.resource.mode != t.resource.mode {
                return Err(wrong(format!("{from} and {to} are of different types.")));
            }
            let one = state.instance(&f).is_some() && (found.len() == 1 || f.key.is_some());
            found
                .into_iter()
                .map(|a| {
                    let key = if one { t.key.clone() } else { a.key.clone() };
                    let to = InstanceAddr { resource: t.resource.clone(), key };
                    (a, to)
                })
                .collect()
        }
        (None, None) => {
            let (Some(f), Some(t)) = (ModuleAddr::parse(from), ModuleAddr::parse(to)) else {
                return Err(wrong(format!("{to:?} is not an address.")));
            };
            found
                .into_iter()
                .map(|a| {
                    let mut new = a.clone();
                    let mut steps = t.0.clone();
                    steps.extend(a.resource.module.0.iter().skip(f.0.len()).cloned());
                    new.resource.module = ModuleAddr(steps);
                    (a, new)
                })
                .collect()
        }
        _ => return Err(wrong(format!("{from} and {to} are of different kinds."))),
    };
    if let Some((_, taken)) = pairs.iter().find(|(_, t)| state.instance(t).is_some()) {
        return Err(wrong(format!("There is already an object at {taken}.")));
    }
    Ok(pairs)
}
