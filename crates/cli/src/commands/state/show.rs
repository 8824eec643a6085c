//! `state show`: one object as the language would write it.

use stackctl_core::{Diagnostic, InstanceAddr, Partial, Path};
use stackctl_state::Object;

use super::{load, not_found};
use crate::cli::StateShow;
use crate::commands::{Context, opened};
use crate::render::value::{Mark, Secrets, Writer};
use crate::stack::Stack;
use crate::{Exit, Outcome};

/// Shows an instance.
pub(super) async fn run(cx: Context, args: StateShow) -> Outcome {
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
    let value = crate::render::dynamic::plain(schema.as_ref(), Partial::from((*object.attributes).clone()));
    if let Partial::Map(m) = &value {
        let width = m.iter().filter(|(_, v)| !v.is_null()).map(|(k, _)| k.chars().count()).max().unwrap_or(0);
        for (k, v) in m.iter().filter(|(_, v)| !v.is_null()) {
            w.plain(4, &format!("{k:width$} = "), &Path::attr(k.as_str()), v, Mark::None);
        }
    }
    w.out.push("}".to_owned());
    w.out.join("\n")
}
