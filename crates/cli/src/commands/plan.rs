//! `plan`

use std::sync::Arc;

use stackctl_core::{Diagnostic, Diagnostics};
use stackctl_engine::generate::{HEADER, generate};
use stackctl_engine::plan::PlanMode;
use stackctl_state::{Access, Session};

use super::{Context, planning};
use crate::cli::PlanCmd;
use crate::commands::planning::{Opening, Report};
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
    let loading = Loading {
        env: args.environment.env.as_deref(),
        variables: Some(&args.planning.variables),
        complete: true,
        input: args.locking.input,
        ..Loading::default()
    };
    let generated = match &args.generate_config_out {
        Some(path) => Some(target(cx, path, mode)?),
        None => None,
    };
    let mut stack = Stack::load(cx, loading).await?;
    report.diagnostics(cx, &stack.warnings);
    let events = report.events(cx);
    let stop = planning::interrupts();
    let how = Opening {
        access: Access::Plan,
        operation: "OperationTypePlan",
        locking: Some(&args.locking),
        backup: None,
        events: &events,
        stop: Some(&stop),
    };
    let session = planning::open(cx, &stack, how).await?;
    let state = Arc::new(session.state().clone());
    let mut made = Vec::new();
    let mut text = String::new();
    if let Some(path) = &generated {
        made = match generate(&stack.settings(cx), &state, &stack.providers, &events).await {
            Ok(made) => made,
            Err(diags) => return close(session, diags).await,
        };
        if !made.is_empty() {
            text = std::iter::once(HEADER).chain(made.iter().flat_map(|g| ["\n", g.text.as_str()])).collect();
            // The plan is made as if the file were there already.
            let extra = Some((path.shown.as_str(), text.as_str()));
            stack = match Stack::load(cx, Loading { extra, ..loading }).await {
                Ok(stack) => stack,
                Err(diags) => return close(session, diags).await,
            };
        }
    }
    let options = match planning::options(cx, &stack, &args.planning, mode) {
        Ok(options) => options,
        Err(diags) => return close(session, diags).await,
    };
    let planning = stackctl_engine::run::plan(options, state, &stack.providers, &events);
    let Some((mut plan, diags)) = planning::unless_stopped(&stop, planning).await else {
        return close(session, vec![planning::interrupted()]).await;
    };
    plan.generated = made.iter().map(|g| (g.addr.to_string(), g.text.clone())).collect();
    if let Some(path) = generated.as_ref().filter(|_| !made.is_empty()) {
        if let Err(e) = std::fs::write(&path.file, &text) {
            let detail = format!("{} cannot be written: {e}.", path.given);
            return close(session, vec![Diagnostic::error("Generated configuration not written", detail)]).await;
        }
        // A saved plan carries the file.
        let _ = stack.files.read(std::path::Path::new(&path.shown));
        let _ = stack.files.list(std::path::Path::new("."));
    }
    let sealed = session.vault().seal().is_some();
    let file = out.as_ref().map(|_| crate::saved::encode(&stack, &plan, session.vault()));
    session.close().await.map_err(|e| vec![e.diagnostic()])?;
    let failed = stackctl_core::diag::has_errors(&diags);
    if !failed {
        report.plan(cx, &stack, &plan);
    }
    report.diagnostics(cx, &diags);
    if let (Some(path), false, Report::Text(_)) = (&generated, made.is_empty(), report) {
        cx.term.line(&format!(
            "\nWrote configuration for {} in {}. Review it before it goes into version control; what is secret is not in it.",
            if made.len() == 1 { "one object".to_owned() } else { format!("{} objects", made.len()) },
            path.given
        ));
    }
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

/// Where generated configuration goes.
struct Target {
    /// As it was given.
    given: String,
    file: std::path::PathBuf,
    /// Name under which the configuration sees it.
    shown: String,
}

/// Checks that generated configuration can be written.
fn target(cx: &Context, path: &str, mode: PlanMode) -> Result<Target, Diagnostics> {
    if mode != PlanMode::Normal {
        let detail = "-generate-config-out is for plans that import; -destroy and -refresh-only do not.";
        return Err(vec![Diagnostic::error("Incompatible options", detail)]);
    }
    let file = cx.host.cwd.join(path);
    if file.exists() {
        let detail = format!("{path} exists, and generated configuration goes into a new file only.");
        let hint = "Give another name, or move what is in it elsewhere and delete it.";
        return Err(vec![Diagnostic::error("Target generated file already exists", detail).hinted(hint)]);
    }
    let here = file.parent() == Some(cx.host.cwd.as_path()) && path.ends_with(".tf");
    let name = file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let shown = if here { name } else { "__generated__.tf".to_owned() };
    Ok(Target { given: path.to_owned(), file, shown })
}

/// Lets go of the state and reports what went wrong.
async fn close(session: Session, mut diags: Diagnostics) -> Outcome {
    if let Err(e) = session.close().await {
        diags.push(e.diagnostic());
    }
    Err(diags)
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
