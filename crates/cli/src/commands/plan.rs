//! `plan`

use std::sync::Arc;

use stackctl_core::Diagnostic;
use stackctl_state::Access;

use super::{Context, planning};
use crate::cli::PlanCmd;
use crate::commands::planning::Report;
use crate::stack::{Loading, Stack};
use crate::{Exit, Outcome};

/// Exit code of `-detailed-exitcode` when there are changes.
const CHANGES: u8 = 2;

/// Shows what would change.
pub(crate) async fn run(mut cx: Context, args: PlanCmd) -> Outcome {
    let report = Report::new(&cx, args.json);
    match plan(&mut cx, &args, &report).await {
        Err(diags) if args.json => {
            report.diagnostics(&cx, &diags);
            Ok(Exit::Code(1))
        }
        outcome => outcome,
    }
}

async fn plan(cx: &mut Context, args: &PlanCmd, report: &Report) -> Outcome {
    let mode = planning::mode(&args.planning, false, false)?;
    let out = args.out.as_ref().map(|o| absolute(cx, o));
    cx.enter_named(args.dir.path.as_ref())?;
    let how = Loading {
        env: args.environment.env.as_deref(),
        variables: Some(&args.planning.variables),
        complete: true,
        input: args.locking.input,
        ..Loading::default()
    };
    let stack = Stack::load(cx, how).await?;
    report.diagnostics(cx, &stack.warnings);
    let events = report.events(cx);
    let session =
        planning::open(cx, &stack, Access::Plan, "OperationTypePlan", Some(&args.locking), None, &events).await?;
    let options = planning::options(cx, &stack, &args.planning, mode)?;
    let state = Arc::new(session.state().clone());
    let (plan, diags) = stackctl_engine::run::plan(options, state, &stack.providers, &events).await;
    let sealed = session.vault().seal().is_some();
    let file = out.as_ref().map(|_| crate::saved::encode(&stack, &plan, session.vault()));
    session.close().await.map_err(|e| vec![e.diagnostic()])?;
    let failed = stackctl_core::diag::has_errors(&diags);
    if !failed {
        report.plan(cx, &stack, &plan);
    }
    report.diagnostics(cx, &diags);
    if let (Some(path), Some(file)) = (&out, file) {
        crate::saved::write(path, &file.map_err(|d| vec![*d])?).map_err(|d| vec![*d])?;
        if !failed && let Report::Text(_) = report {
            cx.term.line(&format!("\nSaved the plan in {path}. To carry out exactly this plan: stackctl apply {path}"));
            if !sealed && plan_holds_secrets(&plan) {
                let note: Diagnostic = crate::render::plan::saved_plan_note(path);
                report.diagnostics(cx, &[note]);
            }
        }
    }
    Ok(match (failed, args.detailed_exitcode && plan.has_changes()) {
        (true, _) => Exit::Code(1),
        (false, true) => Exit::Code(CHANGES),
        (false, false) => Exit::Done,
    })
}

/// A path of the directory that the program was started in, whatever `-chdir` says.
fn absolute(cx: &Context, path: &str) -> String {
    // With -chdir relative paths are relative to the new directory, as in Terraform; a PATH argument moves later.
    cx.host.cwd.join(path).display().to_string()
}

fn plan_holds_secrets(plan: &stackctl_engine::plan::Plan) -> bool {
    plan.variables.values().any(|v| v.sensitive)
        || plan.ops.iter().any(|o| !o.before_sensitive.is_empty() || !o.after_sensitive.is_empty())
}
