//! `apply`, `destroy` and `refresh`: plan, ask, carry out.

use std::sync::Arc;

use stackctl_core::{Diagnostic, Diagnostics};
use stackctl_engine::apply::{Applied, apply};
use stackctl_engine::eval::values::ApplyValues;
use stackctl_engine::events::Events;
use stackctl_engine::plan::{Plan, PlanMode};
use stackctl_state::{Access, Session};

use super::{Context, output, planning};
use crate::cli::ApplyCmd;
use crate::commands::planning::{Opening, Report};
use crate::stack::{Loading, Stack};
use crate::{Exit, Outcome, saved};

/// Which command it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Apply,
    Destroy,
    Refresh,
}

/// Carries out the command.
pub(crate) async fn run(mut cx: Context, args: ApplyCmd, kind: Kind) -> Outcome {
    let report = Report::new(&cx, args.json);
    match go(&mut cx, &args, kind, &report).await {
        Err(diags) if args.json => {
            report.diagnostics(&cx, &diags);
            Ok(Exit::Code(1))
        }
        outcome => outcome,
    }
}

async fn go(cx: &mut Context, args: &ApplyCmd, kind: Kind, report: &Report) -> Outcome {
    let file = args.path.as_ref().filter(|p| std::path::Path::new(p).is_file());
    if let Some(path) = file {
        return saved_plan(cx, args, kind, report, path).await;
    }
    if args.json && !args.auto_approve && kind != Kind::Refresh {
        let detail = "With -json nobody can be asked, so that -auto-approve or a saved plan is needed.";
        return Err(vec![Diagnostic::error("Plan not approved", detail)]);
    }
    cx.enter_named(args.path.as_ref())?;
    let mode = planning::mode(&args.planning, kind == Kind::Destroy, kind == Kind::Refresh)?;
    let how = Loading {
        env: args.environment.env.as_deref(),
        variables: Some(&args.planning.variables),
        complete: true,
        input: args.locking.input,
        ..Loading::default()
    };
    let stack = Stack::load(cx, how).await?;
    report.diagnostics(cx, &stack.warnings);
    let stop = planning::interrupts();
    let events = report.events(cx);
    let how = Opening {
        access: Access::Write,
        operation: operation(mode),
        locking: Some(&args.locking),
        backup: args.backup.as_ref(),
        events: &events,
        stop: Some(&stop),
    };
    let session = planning::open(cx, &stack, how).await?;
    let options = match planning::options(cx, &stack, &args.planning, mode) {
        Ok(o) => o,
        Err(diags) => return close(session, diags).await,
    };
    let state = Arc::new(session.state().clone());
    let planning = stackctl_engine::run::plan(options, state, &stack.providers, &events);
    let Some((plan, diags)) = planning::unless_stopped(&stop, planning).await else {
        return close(session, vec![planning::interrupted()]).await;
    };
    if stackctl_core::diag::has_errors(&diags) {
        report.diagnostics(cx, &diags);
        return close(session, Vec::new()).await;
    }
    report.plan(cx, &stack, &plan);
    report.diagnostics(cx, &diags);
    let asked = plan.has_changes() && !args.auto_approve && kind != Kind::Refresh;
    if asked && !approved(cx, args, mode) {
        close(session, Vec::new()).await.ok();
        if !cx.may_ask(args.locking.input) {
            let detail = "The plan has to be approved, and nobody can be asked.";
            return Err(vec![Diagnostic::error("Plan not approved", detail).hinted("Approve it with -auto-approve.")]);
        }
        cx.term.line("\nNothing was changed.");
        return Ok(Exit::Code(1));
    }
    if *stop.borrow() > stackctl_engine::events::Stop::No {
        return close(session, vec![planning::interrupted()]).await;
    }
    let work = Work { cx, stack: &stack, report, events, stop, args, told: diags };
    work.carry_out(plan, session, mode).await
}

async fn saved_plan(cx: &mut Context, args: &ApplyCmd, kind: Kind, report: &Report, path: &str) -> Outcome {
    let refuse = |what: &str| {
        let detail = format!("A saved plan has its {what}; it cannot be given again.");
        Err(vec![Diagnostic::error("Option not possible with a saved plan", detail)])
    };
    if kind != Kind::Apply {
        let detail = "A saved plan is carried out with apply. For destroying: stackctl plan -destroy -out=FILE.";
        return Err(vec![Diagnostic::error("Not possible with a saved plan", detail)]);
    }
    let p = &args.planning;
    if args.environment.env.is_some() {
        return refuse("environment (--env)");
    }
    if !p.variables.var.is_empty() || !p.variables.var_file.is_empty() {
        return refuse("variables");
    }
    if p.destroy || p.refresh_only || !p.refresh || !p.target.is_empty() || !p.replace.is_empty() {
        return refuse("planning options");
    }
    let loaded = saved::load(cx, path).await?;
    let (stack, plan) = (loaded.stack, loaded.plan);
    if plan.errored {
        let detail = "Planning failed when this plan was made; it shows how far it came and cannot be carried out.";
        return Err(vec![Diagnostic::error("Plan has errors", detail)]);
    }
    let stop = planning::interrupts();
    let events = report.events(cx);
    let how = Opening {
        access: Access::Write,
        operation: operation(plan.mode),
        locking: Some(&args.locking),
        backup: args.backup.as_ref(),
        events: &events,
        stop: Some(&stop),
    };
    let session = planning::open(cx, &stack, how).await?;
    let state = session.state();
    let same_lineage = plan.lineage.is_empty() || plan.lineage == state.lineage;
    if !same_lineage || plan.digest != state.digest() {
        let why = if same_lineage { "its state has changed since" } else { "it belongs to another state" };
        let stale =
            Diagnostic::error("Saved plan is stale", format!("The plan in {path} cannot be carried out: {why}."));
        return close(session, vec![stale.hinted("Make a new plan.")]).await;
    }
    let mode = plan.mode;
    let work = Work { cx, stack: &stack, report, events, stop, args, told: Vec::new() };
    work.carry_out(plan, session, mode).await
}

/// What lock and history call it.
fn operation(mode: PlanMode) -> &'static str {
    match mode {
        PlanMode::Normal => "OperationTypeApply",
        PlanMode::Destroy => "OperationTypeDestroy",
        PlanMode::RefreshOnly => "OperationTypeRefresh",
    }
}

/// Lets go of the state without a change and reports what went wrong.
async fn close(session: Session, mut diags: Diagnostics) -> Outcome {
    if let Err(e) = session.close().await {
        diags.push(e.diagnostic());
    }
    if diags.is_empty() { Ok(Exit::Code(1)) } else { Err(diags) }
}

fn approved(cx: &Context, args: &ApplyCmd, mode: PlanMode) -> bool {
    if !cx.may_ask(args.locking.input) {
        return false;
    }
    let question = match mode {
        PlanMode::Destroy => {
            "Do you really want to destroy all resources?\n  There is no undo. Only 'yes' is accepted."
        }
        PlanMode::RefreshOnly => "Update the state to reflect these changes?\n  Only 'yes' is accepted.",
        PlanMode::Normal => "Carry out these actions?\n  Only 'yes' is accepted.",
    };
    cx.ask(&format!("\n{question}\n\n  Enter a value: ")).as_deref() == Some("yes")
}

struct Work<'a> {
    cx: &'a Context,
    stack: &'a Stack,
    report: &'a Report,
    events: Events,
    stop: tokio::sync::watch::Receiver<stackctl_engine::events::Stop>,
    args: &'a ApplyCmd,
    /// Warnings that this command has shown already.
    told: Diagnostics,
}

impl Work<'_> {
    async fn carry_out(self, plan: Plan, session: Session, mode: PlanMode) -> Outcome {
        let plan = Arc::new(plan);
        let mut settings = self.stack.settings(self.cx);
        settings.planning = false;
        settings.plan_time = Some(plan.timestamp);
        let mut values = ApplyValues::new(Arc::clone(&plan), settings, &self.stack.providers);
        let applied = apply(
            Arc::clone(&plan),
            session,
            &mut values,
            Arc::clone(&self.stack.providers),
            self.events.clone(),
            self.stop.clone(),
            self.args.planning.parallelism,
        )
        .await;
        self.finish(&applied, mode)
    }

    fn finish(&self, applied: &Applied, mode: PlanMode) -> Outcome {
        let same = |a: &Diagnostic, b: &Diagnostic| {
            (&a.summary, &a.detail, &a.range, &a.address) == (&b.summary, &b.detail, &b.range, &b.address)
        };
        let new = applied.diags.iter().filter(|d| d.is_error() || !self.told.iter().any(|t| same(t, d)));
        let new: Diagnostics = new.cloned().collect();
        self.report.diagnostics(self.cx, &new);
        let failed = stackctl_core::diag::has_errors(&applied.diags) || applied.interrupted || applied.skipped > 0;
        match self.report {
            Report::Json(l) => {
                if !failed {
                    l.applied(applied, mode == PlanMode::Destroy);
                }
            }
            Report::Text(_) => self.summary(applied, mode, failed),
        }
        Ok(if failed { Exit::Code(1) } else { Exit::Done })
    }

    fn summary(&self, applied: &Applied, mode: PlanMode, failed: bool) {
        let n = applied.done;
        let term = &self.cx.term;
        let imported = if n.imported > 0 { format!("{} imported, ", n.imported) } else { String::new() };
        let counts = format!("{imported}{} added, {} changed, {} destroyed", n.added, n.changed, n.destroyed);
        if failed {
            let skipped =
                if applied.skipped > 0 { format!(", {} not started", applied.skipped) } else { String::new() };
            term.line(&format!(
                "\nApply incomplete. Resources: {counts}{skipped}. What was done is recorded in the state."
            ));
            return;
        }
        let line = match mode {
            PlanMode::Destroy => format!("Destroy complete! Resources: {} destroyed.", n.destroyed),
            PlanMode::Normal | PlanMode::RefreshOnly => format!("Apply complete! Resources: {counts}."),
        };
        term.line(&format!("\n{}", term.paint(crate::render::term::Style::Green, &line)));
        if !applied.state.outputs.is_empty() && mode != PlanMode::Destroy {
            term.line("\nOutputs:\n");
            output::all(self.cx, &applied.state.outputs);
        }
    }
}
