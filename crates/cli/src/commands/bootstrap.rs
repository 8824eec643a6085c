//! `bootstrap`: makes the bucket, the key and the lock table that the backend of a stack names.

use stackctl_backend::Outcome as Done;
use stackctl_core::Diagnostic;

use super::{Context, init_backend};
use crate::cli::Bootstrap;
use crate::stack::{self, Loading, Stack, data_dir};
use crate::{Exit, Outcome};

/// Makes what is missing and says what was there.
pub(crate) async fn run(mut cx: Context, args: Bootstrap) -> Outcome {
    cx.enter_named(args.path.as_ref())?;
    let stack = Stack::offline(&cx, Loading { state_only: true, ..Loading::default() })?;
    let recorded = init_backend::recorded(&data_dir(&cx)).map_err(|d| vec![*d])?;
    let overrides = recorded.map(|r| r.overrides("s3")).unwrap_or_default();
    let (kind, settings) = stack::backend_settings(&stack.config, &stack.sources, &overrides)?;
    if kind != "s3" {
        let detail = format!("The backend of this stack is {kind:?}, which needs no preparation.");
        let hint = "States in S3: terraform { backend \"s3\" { bucket = \"…\", key = \"…\", region = \"…\" } }";
        return Err(vec![Diagnostic::error("Nothing to prepare", detail).hinted(hint)]);
    }
    let failed = |e| vec![Diagnostic::from_provider("The backend cannot be prepared", e)];
    let steps = stackctl_backend::bootstrap(&settings, &cx.host, !args.no_seal).await.map_err(failed)?;
    for s in &steps {
        let outcome = match s.outcome {
            Done::Found => "found",
            Done::Made => "made ",
        };
        cx.term.line(&format!("{outcome}  {}", s.what));
    }
    if steps.iter().all(|s| s.outcome == Done::Found) {
        cx.term.line("\nEverything was there; nothing was changed.");
    }
    Ok(Exit::Done)
}
