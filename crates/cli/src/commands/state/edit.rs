//! `state rm`, `state mv`

use std::collections::BTreeSet;

use stackctl_core::{Diagnostic, InstanceAddr, ModuleAddr};
use stackctl_state::State;

use super::{load, not_found, selected};
use crate::cli::{StateMv, StateRm};
use crate::commands::{Context, opened};
use crate::{Exit, Outcome};

/// Lets go of objects.
pub(super) async fn rm(cx: Context, args: StateRm) -> Outcome {
    let stack = load(&cx, args.environment.env.as_deref()).await?;
    let mut session =
        opened::edit(&stack, "state-rm", &args.locking, &opened::dated(&cx, &stack, &args.backup), &cx).await?;
    let (mut going, mut seen) = (Vec::new(), BTreeSet::new());
    for a in &args.addresses {
        let found = selected(session.state(), a).map_err(|d| vec![*d])?;
        if found.is_empty() {
            session.close().await.map_err(|e| vec![e.diagnostic()])?;
            return Err(vec![not_found(a)]);
        }
        // An object that two of the addresses name goes once.
        going.extend(found.into_iter().filter(|t| !seen.contains(t)));
        seen.extend(going.iter().cloned());
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

/// Moves objects.
pub(super) async fn mv(cx: Context, args: StateMv) -> Outcome {
    let stack = load(&cx, args.environment.env.as_deref()).await?;
    let mut session =
        opened::edit(&stack, "state-mv", &args.locking, &opened::dated(&cx, &stack, &args.backup), &cx).await?;
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
            let exact = state.instance(&f).is_some() && (found.len() == 1 || f.key.is_some());
            if t.key.is_some() && !exact && found.len() > 1 {
                let many = found.len();
                return Err(wrong(format!("{from} has {many} instances, and {to} is one. Move them one by one.")));
            }
            // A resource keeps the keys of its instances, where it is not told another one.
            let one = exact || t.key.is_some();
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
