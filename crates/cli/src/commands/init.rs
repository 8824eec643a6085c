//! `init`: fetches modules, checks the configuration, and chooses the backend for the other commands.

use super::{Context, init_backend};
use crate::cli::Init;
use crate::stack::{Loading, Stack};
use crate::{Exit, Outcome, modules};

/// Prepares a stack.
pub(crate) async fn run(mut cx: Context, args: Init) -> Outcome {
    cx.enter_named(args.dir.path.as_ref())?;
    if args.get {
        let options = modules::Options { upgrade: args.upgrade, frozen: args.lockfile.is_some() };
        modules::install(&cx, options).await?;
    }
    let how = Loading { env: args.environment.env.as_deref(), ..Loading::default() };
    let mut stack = Stack::offline(&cx, how)?;
    cx.show(&stack.warnings, &super::source);
    if args.backend {
        init_backend::run(&cx, &mut stack, &args).await?;
        cx.term.line(&format!("Backend: {} ({})", stack.backend.kind(), stack.backend.place(&stack.workspace)));
    }
    cx.term.line("The stack is ready: stackctl plan shows what would change.");
    Ok(Exit::Done)
}
