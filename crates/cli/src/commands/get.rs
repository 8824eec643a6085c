//! `get`: fetches modules, as `init` does, and nothing else.

use super::Context;
use crate::cli::Get;
use crate::{Exit, Outcome, modules};

/// Fetches what is missing; with `-update`, everything anew.
pub(crate) async fn run(mut cx: Context, args: Get) -> Outcome {
    cx.enter_named(args.dir.path.as_ref())?;
    modules::install(&cx, modules::Options { upgrade: args.update, frozen: false }).await?;
    Ok(Exit::Done)
}
