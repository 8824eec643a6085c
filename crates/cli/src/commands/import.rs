//! `import`: takes an existing object into the state. The same as an `import` block, planned for that address alone, of
//! which only the import is carried out.

use std::sync::Arc;

use stackctl_core::{Diagnostic, InstanceAddr, Mode};
use stackctl_engine::plan::{Options, PlanMode};
use stackctl_state::{Object, Record};

use super::planning::Report;
use super::{Context, opened};
use crate::cli::Import;
use crate::stack::{Loading, Stack};
use crate::{Exit, Outcome};

/// Name of the configuration file that holds the block.
const FILE: &str = "stackctl-import.tf";

/// Imports one object.
pub(crate) async fn run(mut cx: Context, args: Import) -> Outcome {
    cx.enter_named(args.config.as_ref())?;
    let addr = InstanceAddr::parse(&args.address).filter(|a| a.resource.mode == Mode::Managed).ok_or_else(|| {
        let detail = format!("{:?} is not the address of an instance of a managed resource.", args.address);
        vec![Diagnostic::error("Invalid address", detail).hinted("Addresses look like aws_instance.a[0].")]
    })?;
    let block = format!("import {{\n  to = {addr}\n  id = {}\n}}\n", quoted(&args.id));
    let how = Loading {
        env: args.environment.env.as_deref(),
        variables: Some(&args.variables),
        complete: true,
        input: args.locking.input,
        extra: Some((FILE, &block)),
        ..Loading::default()
    };
    let stack = Stack::load(&cx, how).await?;
    cx.show(&stack.warnings, &super::source);
    let how = opened::Edit { replacing: false, backup: args.backup.backup.clone() };
    let mut session = opened::edit(&stack, "import", &args.locking, &how, &cx).await?;
    if session.state().current(&addr).is_some() {
        opened::give_up(session).await;
        let detail = format!("The state has an object at {addr} already.");
        let hint = format!("To manage another object there, let go of that one first: stackctl state rm '{addr}'");
        return Err(vec![Diagnostic::error("Address is taken", detail).hinted(hint)]);
    }
    cx.term.line(&format!("{addr}: importing {}", args.id));
    let report = Report::new(&cx, false);
    let options = Options {
        mode: PlanMode::Normal,
        targets: vec![addr.to_string()],
        replace: Vec::new(),
        refresh: false,
        settings: stack.settings(&cx),
    };
    let state = Arc::new(session.state().clone());
    let (plan, diags) = stackctl_engine::run::plan(options, state, &stack.providers, &report.events(&cx)).await;
    drop(report);
    // That the plan is for one address only is no news here.
    let mut errors: Vec<Diagnostic> = diags.into_iter().filter(Diagnostic::is_error).collect();
    // Nobody has written the block, so that its place tells nothing.
    for e in errors.iter_mut().filter(|e| e.range.as_ref().is_some_and(|r| r.filename == FILE)) {
        e.range = None;
    }
    let Some(object) = plan.prior.current(&addr).filter(|_| errors.is_empty()).cloned() else {
        opened::give_up(session).await;
        return Err(if errors.is_empty() { vec![no_block(&addr)] } else { errors });
    };
    let id = object.id().unwrap_or_default().to_owned();
    let same = |o: &Object| o.provider == object.provider && o.id() == Some(&id) && !id.is_empty();
    let other = session.state().objects().find(|(t, o)| t.addr.resource.ty == addr.resource.ty && same(o)).map(|f| f.0);
    if let Some(other) = other {
        opened::give_up(session).await;
        let detail = format!("{} {id} is managed already, as {other}.", addr.resource.ty);
        let hint = format!("Move it instead: stackctl state mv '{}' '{addr}'", other.addr);
        return Err(vec![Diagnostic::error("Object is managed already", detail).hinted(hint)]);
    }
    let record = Record::Import { addr: addr.clone(), object };
    session.append(vec![record]).await.map_err(|e| vec![e.diagnostic()])?;
    session.close().await.map_err(|e| vec![e.diagnostic()])?;
    cx.term.line(&format!("{addr}: imported [id={id}]\n\nstackctl plan shows how it differs from its configuration."));
    Ok(Exit::Done)
}

fn no_block(addr: &InstanceAddr) -> Diagnostic {
    Diagnostic::error("Nothing was imported", format!("The configuration has no instance {addr}."))
        .hinted("Write its resource block first; count and for_each decide which instances there are.")
}

/// A text as the language writes it.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '$' | '%' if chars.peek() == Some(&'{') => {
                out.push(c);
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn ids_are_texts_whatever_they_hold() {
        for (id, want) in [
            ("vpc-1", r#""vpc-1""#),
            (r#"{"a": "b\c"}"#, r#""{\"a\": \"b\\c\"}""#),
            ("${var.x} %{ if", "\"$${var.x} %%{ if\""),
            ("a\nb", r#""a\nb""#),
        ] {
            assert_eq!(quoted(id), want);
        }
    }
}
