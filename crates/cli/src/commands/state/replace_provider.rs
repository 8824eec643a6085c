//! `state replace-provider`: hands objects over to another provider, after a source address has changed.

use std::sync::Arc;

use stackctl_core::Diagnostic;
use stackctl_state::{Object, ProviderAddr, Record, Target};

use super::load;
use crate::cli::Replace;
use crate::commands::{Context, opened};
use crate::{Exit, Outcome};

/// Changes the provider of all objects of one source address.
pub(super) async fn run(cx: Context, args: Replace) -> Outcome {
    let (from, to) = (source(&args.from)?, source(&args.to)?);
    let stack = load(&cx, args.environment.env.as_deref()).await?;
    let how = opened::dated(&cx, &stack, &args.backup);
    let session = opened::edit(&stack, "state-replace-provider", &args.locking, &how, &cx).await?;
    let found: Vec<(Target, Arc<Object>)> = session
        .state()
        .objects()
        .filter(|(_, o)| o.provider.source == from)
        .map(|(at, o)| (at, Arc::clone(o)))
        .collect();
    if found.is_empty() {
        opened::give_up(session).await;
        cx.term.line(&format!("No object of the state belongs to {from}."));
        return Ok(Exit::Done);
    }
    cx.term.line(&format!("{} objects change their provider from {from} to {to}:\n", found.len()));
    for (at, _) in &found {
        cx.term.line(&format!("  {at}"));
    }
    let asked = (args.auto_approve, args.locking.input);
    let Some(mut session) = opened::approve(&cx, session, asked, "Hand these objects over?").await? else {
        return Ok(Exit::Code(1));
    };
    let records = found.into_iter().map(|(at, o)| {
        let provider = Arc::new(ProviderAddr { source: to.clone(), ..ProviderAddr::clone(&o.provider) });
        Record::Set { at, object: Arc::new(Object { provider, ..Object::clone(&o) }) }
    });
    session.append(records.collect()).await.map_err(|e| vec![e.diagnostic()])?;
    session.close().await.map_err(|e| vec![e.diagnostic()])?;
    cx.term.line("\nThe objects belong to the new provider now.");
    Ok(Exit::Done)
}

/// A full source address: `aws` and `hashicorp/aws` mean the usual registry's.
fn source(text: &str) -> Result<String, Vec<Diagnostic>> {
    let parts: Vec<&str> = text.split('/').collect();
    let part = |p: &str| {
        let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '-');
        edge(p.chars().next()) && p.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:".contains(c))
    };
    let full = match parts.as_slice() {
        ["terraform"] => "terraform.io/builtin/terraform".to_owned(),
        [name] => format!("registry.terraform.io/hashicorp/{name}"),
        ["-", name] => format!("registry.terraform.io/hashicorp/{name}"),
        [namespace, name] => format!("registry.terraform.io/{namespace}/{name}"),
        ["registry.opentofu.org", namespace, name] => format!("registry.terraform.io/{namespace}/{name}"),
        [host, "-", name] => format!("{host}/hashicorp/{name}"),
        [_, _, _] => text.to_owned(),
        _ => String::new(),
    };
    if full.is_empty() || !parts.iter().all(|p| part(p)) {
        let detail = format!("{text:?} is not the source address of a provider.");
        let hint = "Addresses look like hashicorp/aws or registry.example.com/team/aws.";
        return Err(vec![Diagnostic::error("Invalid provider address", detail).hinted(hint)]);
    }
    Ok(full.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::source;

    #[test]
    fn addresses() {
        for (text, want) in [
            ("aws", "registry.terraform.io/hashicorp/aws"),
            ("-/aws", "registry.terraform.io/hashicorp/aws"),
            ("hashicorp/aws", "registry.terraform.io/hashicorp/aws"),
            ("registry.example.com/Acme/aws", "registry.example.com/acme/aws"),
            ("terraform.io/builtin/terraform", "terraform.io/builtin/terraform"),
        ] {
            assert_eq!(source(text).unwrap(), want);
        }
        for bad in ["", "a/b/c/d", "a b", "/aws", "a//b"] {
            assert!(source(bad).is_err(), "{bad}");
        }
    }
}
