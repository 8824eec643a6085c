//! `taint`, `untaint`: whether the next apply replaces an object.

use std::sync::Arc;

use stackctl_core::{Diagnostic, InstanceAddr, Mode};
use stackctl_state::{Object, ObjectStatus, Record, Session, Target};

use super::{Context, opened, state};
use crate::cli::Taint;
use crate::{Exit, Outcome};

/// Sets the status of an object.
pub(crate) async fn run(cx: Context, args: Taint, status: ObjectStatus) -> Outcome {
    let addr = InstanceAddr::parse(&args.address).filter(|a| a.resource.mode == Mode::Managed).ok_or_else(|| {
        let detail = format!("{:?} is not the address of an instance of a managed resource.", args.address);
        vec![Diagnostic::error("Invalid address", detail).hinted("Addresses look like aws_instance.a[0].")]
    })?;
    let stack = state::load(&cx, args.environment.env.as_deref()).await?;
    let how = opened::Edit { replacing: false, backup: args.backup.backup.clone() };
    let operation = if status == ObjectStatus::Tainted { "taint" } else { "untaint" };
    let mut session = opened::edit(&stack, operation, &args.locking, &how, &cx).await?;
    let done = match session.state().current(&addr).cloned() {
        None if args.allow_missing => {
            let d =
                Diagnostic::warning("No such object", format!("The state has nothing at {addr}; nothing was changed."));
            cx.show(&[d], &|_| None);
            Ok(())
        }
        None => Err(vec![state::not_found(&args.address)]),
        Some(object) => set(&cx, &mut session, &addr, &object, status).await,
    };
    match done {
        Ok(()) => {
            session.close().await.map_err(|e| vec![e.diagnostic()])?;
            Ok(Exit::Done)
        }
        Err(diags) => {
            opened::give_up(session).await;
            Err(diags)
        }
    }
}

async fn set(
    cx: &Context,
    session: &mut Session,
    addr: &InstanceAddr,
    object: &Object,
    status: ObjectStatus,
) -> Result<(), Vec<Diagnostic>> {
    let tainted = status == ObjectStatus::Tainted;
    if object.status == status {
        if tainted {
            cx.term.line(&format!("{addr} is tainted already."));
            return Ok(());
        }
        let d = Diagnostic::error(
            "Object is not tainted",
            format!("{addr} is not tainted, so there is nothing to take back."),
        );
        return Err(vec![d]);
    }
    let object = Arc::new(Object { status, ..object.clone() });
    let record = Record::Set { at: Target::current(addr.clone()), object };
    session.append(vec![record]).await.map_err(|e| vec![e.diagnostic()])?;
    cx.term.line(&match tainted {
        true => format!("{addr} is tainted: the next apply replaces it."),
        false => format!("{addr} is not tainted any more."),
    });
    Ok(())
}
