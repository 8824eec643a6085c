//! `state seal`, `state rekey`, `state unseal`: whether the secrets of a state are encrypted, and with which key.

use stackctl_core::Diagnostic;
use stackctl_state::seal::{Policy, Source};
use stackctl_state::{Error, Session};

use super::state::load;
use super::{Context, opened};
use crate::cli::{SealKey, StateSeal, StateUnseal};
use crate::{Exit, Outcome};

/// Seals a plain state.
pub(crate) async fn seal(cx: Context, args: StateSeal) -> Outcome {
    change(cx, args, false).await
}

/// Seals a sealed state with a new key.
pub(crate) async fn rekey(cx: Context, args: StateSeal) -> Outcome {
    change(cx, args, true).await
}

async fn change(cx: Context, args: StateSeal, again: bool) -> Outcome {
    let stack = load(&cx, args.environment.env.as_deref()).await?;
    // A backup would keep the secrets as they were.
    let how = opened::Edit { replacing: false, backup: Some("-".to_owned()) };
    let operation = if again { "state-rekey" } else { "state-seal" };
    let mut session = opened::edit(&stack, operation, &args.locking, &how, &cx).await?;
    let refused = match (session.vault().seal(), again) {
        (Some(seal), false) => {
            let detail = format!("{} is sealed already, with {}.", session.place(), seal.wrap.describe());
            Some(Diagnostic::error("State is sealed", detail).hinted("For another key: stackctl state rekey"))
        }
        (None, true) => {
            let detail = format!("{} is not sealed.", session.place());
            Some(Diagnostic::error("State is plain", detail).hinted("Seal it with: stackctl state seal"))
        }
        _ => None,
    };
    let done = match refused {
        Some(d) => Err(vec![d]),
        None => sealed(&cx, &mut session, &args.key).await.map_err(|e| vec![e.diagnostic()]),
    };
    if let Err(diags) = done {
        opened::give_up(session).await;
        return Err(diags);
    }
    let with = session.vault().seal().map(|s| s.wrap.describe()).unwrap_or_default();
    let place = session.place().to_owned();
    session.close().await.map_err(|e| vec![e.diagnostic()])?;
    cx.term.line(&format!("{place} is sealed with {with}."));
    let older = match stack.backend.kind() {
        "local" => "Backups that were made before (terraform.tfstate.backup …)",
        _ => "Earlier versions of the object (stackctl state history)",
    };
    let what = if again { "are still sealed with the old key" } else { "still hold the secrets in the open" };
    cx.term.line(&format!("{older} {what}; delete them if that is why you do this."));
    Ok(Exit::Done)
}

async fn sealed(cx: &Context, session: &mut Session, key: &SealKey) -> Result<(), Error> {
    let source = match key {
        SealKey { kms_key: Some(k), .. } => Source::Kms(k.clone()),
        SealKey { key_file: Some(f), .. } => Source::File(cx.host.cwd.join(f)),
        SealKey { passphrase: true, .. } => Source::Passphrase,
        SealKey { .. } => match session.vault().keys().source(Policy::Always, session.place()).await? {
            Some(source) => source,
            None => return Err(Error::Config("there is no key to seal with".to_owned())),
        },
    };
    session.seal(&source).await
}

/// Makes a sealed state plain.
pub(crate) async fn unseal(cx: Context, args: StateUnseal) -> Outcome {
    let stack = load(&cx, args.environment.env.as_deref()).await?;
    let how = opened::Edit::default();
    let session = opened::edit(&stack, "state-unseal", &args.locking, &how, &cx).await?;
    let locked = session.vault().locked().cloned();
    let refused = match (session.vault().seal(), &locked) {
        (None, _) => Some(Diagnostic::error("State is plain", format!("{} is not sealed.", session.place()))),
        (Some(_), Some(e)) if !args.force => {
            let mut d = e.diagnostic();
            let lose =
                "If the key is lost for good: stackctl state unseal -force (everything but the secrets is kept).";
            d.hint = Some(d.hint.map_or_else(|| lose.to_owned(), |h| format!("{h} {lose}")));
            Some(d)
        }
        (Some(_), _) => None,
    };
    if let Some(d) = refused {
        opened::give_up(session).await;
        return Err(vec![d]);
    }
    let question = match locked {
        Some(_) => "Give up the secrets of this state? Their key is not there, and they become null.",
        None => "Write the secrets of this state in the open? Everybody who can read the state can read them then.",
    };
    let asked = (args.auto_approve, args.locking.input);
    let Some(mut session) = opened::approve(&cx, session, asked, question).await? else { return Ok(Exit::Code(1)) };
    let lost = match session.unseal(args.force).await {
        Ok(lost) => lost,
        Err(e) => {
            opened::give_up(session).await;
            return Err(vec![e.diagnostic()]);
        }
    };
    let place = session.place().to_owned();
    session.close().await.map_err(|e| vec![e.diagnostic()])?;
    cx.term.line(&format!("{place} is plain now."));
    if lost > 0 {
        cx.term.line(&format!("{lost} secrets were lost; the next plan shows what has to be set anew."));
    }
    Ok(Exit::Done)
}
