//! `state journal`: what the journal holds, and journals of other states that are kept aside.

use stackctl_core::Diagnostic;
use stackctl_engine::events::Events;
use stackctl_state::{Access, Options, Parked};

use super::load;
use crate::cli::{Journal, JournalSub, Parked as Which};
use crate::commands::{Context, opened};
use crate::stack::Stack;
use crate::{Exit, Outcome};

/// Shows the journal, or decides about one that is kept aside.
pub(super) async fn run(cx: Context, args: Journal) -> Outcome {
    match args.command {
        None => show(cx, args.environment.env.as_deref()).await,
        Some(JournalSub::Adopt(which)) => adopt(cx, which).await,
        Some(JournalSub::Discard(which)) => discard(cx, which).await,
    }
}

async fn show(cx: Context, env: Option<&str>) -> Outcome {
    let stack = load(&cx, env).await?;
    let mut o = Options::new(&*stack.workspace, Access::Read, "state-journal");
    o.sealing = crate::settings::sealing(&cx.host.cwd, true)?;
    let session = stack.backend.open(o, &cx.host).await.map_err(|e| vec![e.diagnostic()])?;
    let pending = session.pending();
    if pending.is_empty() {
        cx.term.line("The journal is settled: no request is without outcome.");
    } else {
        cx.term.line("An earlier run did not end. The next apply or refresh looks these up:\n");
    }
    for i in &pending.open {
        let id = i.id.as_deref().map(|id| format!(" {id}")).unwrap_or_default();
        cx.term.line(&format!(
            "  {:?} of {}{id}, sent {} ({} {})",
            i.action, i.at, i.written, i.scope.account, i.scope.region
        ));
    }
    for d in &pending.doubts {
        cx.term.line(&format!("  a creation of {} may still arrive, until {}", d.intent.at, d.until));
    }
    for c in &pending.claims {
        cx.term.line(&format!("  {} {}, known to the journal alone", c.addr, c.object.id().unwrap_or_default()));
    }
    for p in parked(&stack).await? {
        cx.term.line(&format!("\nKept aside: a journal of lineage {} in {}", p.lineage, p.place));
        for c in &p.claims {
            cx.term.line(&format!("  {} {}", c.addr, c.object.id().unwrap_or_default()));
        }
        cx.term.line(&format!("  {} records, {} requests without outcome", p.records, p.open));
        cx.term.line(&format!(
            "  stackctl state journal adopt {0} takes its objects in, discard {0} deletes it.",
            p.lineage
        ));
    }
    Ok(Exit::Done)
}

async fn parked(stack: &Stack) -> Result<Vec<Parked>, Vec<Diagnostic>> {
    stack.backend.parked(&stack.workspace).await.map_err(|e| vec![e.diagnostic()])
}

/// The journals of a lineage that are kept aside.
async fn of(stack: &Stack, lineage: &str) -> Result<Vec<Parked>, Vec<Diagnostic>> {
    let all = parked(stack).await?;
    let known: Vec<String> = all.iter().map(|p| p.lineage.clone()).collect();
    let found: Vec<Parked> = all.into_iter().filter(|p| p.lineage == lineage).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let detail = format!("No journal of lineage {lineage:?} is kept aside.");
    let hint = match known.is_empty() {
        true => "There is none at all.".to_owned(),
        false => format!("There are: {}.", known.join(", ")),
    };
    Err(vec![Diagnostic::error("Unknown journal", detail).hinted(hint)])
}

async fn adopt(cx: Context, which: Which) -> Outcome {
    let stack = load(&cx, which.environment.env.as_deref()).await?;
    let claims: Vec<_> = of(&stack, &which.lineage).await?.into_iter().flat_map(|p| p.claims).collect();
    let session = opened::edit(&stack, "state-journal", &which.locking, &opened::Edit::default(), &cx).await?;
    let (settings, events) = (stack.settings(&cx), Events::none());
    let looked = stackctl_engine::run::claims(claims, &session, &settings, &stack.providers, &events).await;
    let records = match looked {
        Ok(records) => records,
        Err(diags) => {
            opened::give_up(session).await;
            return Err(diags);
        }
    };
    for r in &records {
        if let stackctl_state::Record::Adopt { addr, object, .. } = r {
            cx.term.line(&format!("  + {addr} {}", object.id().unwrap_or_default()));
        }
    }
    let question = format!("{} objects exist and are taken into the state. Go on?", records.len());
    let asked = (which.auto_approve, which.locking.input);
    let Some(mut session) = opened::approve(&cx, session, asked, &question).await? else {
        return Ok(Exit::Code(1));
    };
    session.append(records).await.map_err(|e| vec![e.diagnostic()])?;
    session.flush().await.map_err(|e| vec![e.diagnostic()])?;
    stack.backend.discard(&stack.workspace, &which.lineage).await.map_err(|e| vec![e.diagnostic()])?;
    session.close().await.map_err(|e| vec![e.diagnostic()])?;
    cx.term.line("The journal is adopted.");
    Ok(Exit::Done)
}

async fn discard(cx: Context, which: Which) -> Outcome {
    let stack = load(&cx, which.environment.env.as_deref()).await?;
    let found = of(&stack, &which.lineage).await?;
    for p in &found {
        cx.term.line(&format!("{}: {} records, {} objects", p.place, p.records, p.claims.len()));
        p.claims.iter().for_each(|c| cx.term.line(&format!("  {} {}", c.addr, c.object.id().unwrap_or_default())));
    }
    let question = "Delete this journal? What it alone knows of stays alive and is managed by nobody.";
    if !which.auto_approve && !opened::confirm(&cx, which.locking.input, question)? {
        cx.term.line("Nothing was changed.");
        return Ok(Exit::Code(1));
    }
    let session = opened::edit(&stack, "state-journal", &which.locking, &opened::Edit::default(), &cx).await?;
    stack.backend.discard(&stack.workspace, &which.lineage).await.map_err(|e| vec![e.diagnostic()])?;
    session.close().await.map_err(|e| vec![e.diagnostic()])?;
    cx.term.line("The journal is deleted.");
    Ok(Exit::Done)
}
