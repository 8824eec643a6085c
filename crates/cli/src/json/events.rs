//! Events as lines of JSON, in Terraform's format "ui 1.2".

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};
use stackctl_core::{Diagnostic, InstanceAddr, InstanceKey, Severity};
use stackctl_engine::apply::Applied;
use stackctl_engine::events::{Event, Events, Lease, Provisioning, Subject};
use stackctl_engine::plan::{Action, Drift, Operation, Plan, PlanMode, Reason};
use stackctl_state::{Output, TERRAFORM_VERSION};

use crate::json::diag::diagnostic;
use crate::render::diag::Text;
use crate::render::progress::{finished, label, running, time};
use crate::render::term::Term;

/// Writes events.
#[derive(Clone)]
pub(crate) struct Lines {
    term: Term,
    now: Arc<dyn Fn() -> jiff::Timestamp + Send + Sync>,
}

impl Lines {
    /// A writer; the first line names the versions.
    pub(crate) fn start(term: Term, now: Arc<dyn Fn() -> jiff::Timestamp + Send + Sync>) -> Lines {
        let lines = Lines { term, now };
        let message = format!("stackctl {}", env!("CARGO_PKG_VERSION"));
        lines.write("info", &message, "version", [("terraform", TERRAFORM_VERSION.into()), ("ui", "1.2".into())]);
        lines
    }
    /// The sink of the engine's events.
    pub(crate) fn events(&self) -> Events {
        let this = self.clone();
        Events::to(move |e| this.event(&e))
    }

    fn write<'a>(&self, level: &str, message: &str, ty: &str, more: impl IntoIterator<Item = (&'a str, Json)>) {
        let mut out = Map::new();
        out.insert("@level".into(), level.into());
        out.insert("@message".into(), message.into());
        out.insert("@module".into(), "terraform.ui".into());
        out.insert("@timestamp".into(), format!("{:.6}", (self.now)()).into());
        for (k, v) in more {
            out.insert(k.to_owned(), v);
        }
        out.insert("type".into(), ty.into());
        self.term.line(&Json::Object(out).to_string());
    }

    fn event(&self, e: &Event) {
        let hook = |s: &Subject, action: Option<Action>, id: Option<&str>, elapsed: Option<u64>| {
            let mut h = Map::new();
            h.insert("resource".into(), resource(&s.addr));
            if let Some(a) = action {
                h.insert("action".into(), verb(a).into());
            }
            if let Some(id) = id {
                h.insert("id_key".into(), "id".into());
                h.insert("id_value".into(), id.into());
            }
            if let Some(t) = elapsed {
                h.insert("elapsed_seconds".into(), t.into());
            }
            ("hook", Json::Object(h))
        };
        let shown = |id: Option<&str>| id.map(|i| format!(" [id={i}]")).unwrap_or_default();
        match e {
            Event::RefreshStart { subject, id } => {
                let m = format!("{}: Refreshing state...{}", label(subject), shown(Some(id)));
                self.write("info", &m, "refresh_start", [hook(subject, None, Some(id), None)]);
            }
            Event::RefreshDone { subject, id } => {
                let m = format!("{}: Refresh complete{}", label(subject), shown(Some(id)));
                self.write("info", &m, "refresh_complete", [hook(subject, None, Some(id), None)]);
            }
            Event::OpStart { subject, action, id } => {
                let m = format!("{}: {}...{}", label(subject), running(*action), shown(id.as_deref()));
                self.write("info", &m, "apply_start", [hook(subject, Some(*action), id.as_deref(), None)]);
            }
            Event::OpProgress { subject, action, id, elapsed } => {
                let doing = running(*action).to_lowercase();
                let m = format!("{}: Still {doing}... [{} elapsed]", label(subject), time(*elapsed));
                let h = hook(subject, Some(*action), id.as_deref(), Some(elapsed.as_secs()));
                self.write("info", &m, "apply_progress", [h]);
            }
            Event::OpDone { subject, action, id, elapsed } => {
                let (took, id) = (time(*elapsed), id.as_deref());
                let m = format!("{}: {} complete after {took}{}", label(subject), finished(*action), shown(id));
                self.write("info", &m, "apply_complete", [hook(subject, Some(*action), id, Some(elapsed.as_secs()))]);
            }
            Event::OpFailed { subject, action, elapsed } => {
                let m = format!("{}: {} errored after {}", label(subject), finished(*action), time(*elapsed));
                let h = hook(subject, Some(*action), None, Some(elapsed.as_secs()));
                self.write("error", &m, "apply_errored", [h]);
            }
            Event::Recovered { subject, outcome } => {
                let m = format!("{}: {outcome}", label(subject));
                self.write("info", &m, "log", [hook(subject, None, None, None)]);
            }
            Event::Provisioning { subject, provisioner, what } => {
                let who = label(subject);
                let (level, m, ty) = match what {
                    Provisioning::Started => {
                        ("info", format!("{who}: Provisioning with '{provisioner}'..."), "provision_start")
                    }
                    Provisioning::Output(line) => {
                        ("info", format!("{who}: ({provisioner}): {line}"), "provision_progress")
                    }
                    Provisioning::Done => {
                        ("info", format!("{who}: ({provisioner}) Provisioning complete"), "provision_complete")
                    }
                    Provisioning::Failed => {
                        ("info", format!("{who}: ({provisioner}) Provisioning errored"), "provision_errored")
                    }
                };
                let mut h = Map::new();
                h.insert("resource".into(), resource(&subject.addr));
                h.insert("provisioner".into(), (*provisioner).into());
                if let Provisioning::Output(line) = what {
                    h.insert("output".into(), line.as_str().into());
                }
                self.write(level, &m, ty, [("hook", Json::Object(h))]);
            }
            Event::Ephemeral { subject, what } => {
                let (action, doing, ty) = match what {
                    Lease::Opening => ("open", "Opening...", "ephemeral_op_start"),
                    Lease::Opened => ("open", "Opening complete", "ephemeral_op_complete"),
                    Lease::Renewing => ("renew", "Renewing...", "ephemeral_op_start"),
                    Lease::Closing => ("close", "Closing...", "ephemeral_op_start"),
                    Lease::Closed => ("close", "Closing complete", "ephemeral_op_complete"),
                    Lease::Failed => ("open", "Opening or closing failed", "ephemeral_op_errored"),
                };
                let h = json!({"resource": resource(&subject.addr), "action": action});
                self.write("info", &format!("{}: {doing}", label(subject)), ty, [("hook", h)]);
            }
            Event::LockWaiting { .. } => self.write("info", "Waiting for the state lock", "log", []),
            Event::Recovering { open } => {
                let m = format!("Looking up {open} request(s) of a run that did not end");
                self.write("info", &m, "log", []);
            }
            Event::Interrupted(_) => self.write("info", "Interrupted", "log", []),
            Event::Note(d) if !d.detail.is_empty() => self.diagnostic(d, &crate::commands::source),
            Event::Note(_) | Event::OpSkipped { .. } | Event::Saved { .. } => {}
        }
    }

    /// A diagnostic.
    pub(crate) fn diagnostic(&self, d: &Diagnostic, text: Text<'_>) {
        let (level, word) = match d.severity {
            Severity::Error => ("error", "Error"),
            Severity::Warning => ("warn", "Warning"),
        };
        self.write(level, &format!("{word}: {}", d.summary), "diagnostic", [("diagnostic", diagnostic(d, text))]);
    }

    /// What a plan found and will do.
    pub(crate) fn plan(&self, plan: &Plan) {
        for d in plan.drift.iter().filter(|d| d.counts()) {
            self.drift(d);
        }
        if plan.mode != PlanMode::RefreshOnly {
            for op in plan.ops.iter().filter(|o| o.is_change()) {
                if !(op.action == Action::Delete && op.replacement.is_some()) {
                    self.planned(op);
                }
            }
        }
        let n = plan.counts();
        let m = format!("Plan: {} to add, {} to change, {} to destroy.", n.add, n.change, n.destroy);
        let changes =
            json!({"add": n.add, "change": n.change, "import": n.import, "remove": n.destroy, "operation": "plan"});
        self.write("info", &m, "change_summary", [("changes", changes)]);
        if !plan.outputs.is_empty() {
            let outputs: Map<String, Json> = plan
                .outputs
                .iter()
                .map(|(name, c)| {
                    let action = if c.action() == "no-op" { "noop" } else { c.action() };
                    (name.clone(), json!({"sensitive": c.after_sensitive, "action": action}))
                })
                .collect();
            self.write("info", &format!("Outputs: {}", outputs.len()), "outputs", [("outputs", Json::Object(outputs))]);
        }
    }

    /// A change from outside.
    pub(crate) fn drift(&self, d: &Drift) {
        let action = if d.after.is_some() { "update" } else { "delete" };
        let change = json!({"resource": resource(&d.addr), "action": action});
        self.write("info", &format!("{}: Drift detected ({action})", d.addr), "resource_drift", [("change", change)]);
    }

    fn planned(&self, op: &Operation) {
        let action = match (op.action, op.replacement.is_some()) {
            (Action::Create, true) => "replace",
            (Action::Forget, _) => "remove",
            (Action::NoOp, _) if op.importing.is_some() => "import",
            (Action::NoOp, _) => "move",
            (a, _) => verb(a),
        };
        let mut change = Map::new();
        change.insert("resource".into(), resource(&op.addr));
        if let Some(p) = &op.previous {
            change.insert("previous_resource".into(), resource(p));
        }
        change.insert("action".into(), action.into());
        if let Some(r) = op.reason.and_then(reason) {
            change.insert("reason".into(), r.into());
        }
        if let Some(id) = &op.importing {
            change.insert("importing".into(), json!({"id": id}));
        }
        self.write(
            "info",
            &format!("{}: Plan to {action}", op.addr),
            "planned_change",
            [("change", Json::Object(change))],
        );
    }

    /// How an apply ended.
    pub(crate) fn applied(&self, applied: &Applied, destroy: bool) {
        let n = applied.done;
        let (m, operation) = if destroy {
            (format!("Destroy complete! Resources: {} destroyed.", n.destroyed), "destroy")
        } else {
            let m = format!("{} added, {} changed, {} destroyed", n.added, n.changed, n.destroyed);
            (format!("Apply complete! Resources: {m}."), "apply")
        };
        let changes = json!({"add": n.added, "change": n.changed, "import": n.imported, "remove": n.destroyed, "operation": operation});
        self.write("info", &m, "change_summary", [("changes", changes)]);
        self.outputs(&applied.state.outputs);
    }

    fn outputs(&self, outputs: &std::collections::BTreeMap<String, Output>) {
        let all: Map<String, Json> = outputs
            .iter()
            .map(|(name, o)| {
                let mut v = Map::new();
                v.insert("sensitive".into(), o.sensitive.into());
                v.insert("type".into(), o.ty.to_json());
                if !o.sensitive {
                    v.insert("value".into(), o.value.to_json());
                }
                (name.clone(), Json::Object(v))
            })
            .collect();
        self.write("info", &format!("Outputs: {}", all.len()), "outputs", [("outputs", Json::Object(all))]);
    }
}

fn reason(r: Reason) -> Option<&'static str> {
    Some(match r {
        Reason::ReplaceBecauseTainted => "tainted",
        Reason::ReplaceBecauseCannotUpdate => "cannot_update",
        Reason::ReplaceByRequest => "requested",
        Reason::ReplaceByTriggers => "triggered",
        Reason::DeleteBecauseNoResourceConfig => "delete_because_no_resource_config",
        Reason::DeleteBecauseWrongRepetition => "delete_because_wrong_repetition",
        Reason::DeleteBecauseCountIndex => "delete_because_count_index",
        Reason::DeleteBecauseEachKey => "delete_because_each_key",
        Reason::DeleteBecauseNoModule => "delete_because_no_module",
        Reason::DeleteBecauseNoMoveTarget => "delete_because_no_move_target",
        Reason::ReadBecauseConfigUnknown | Reason::ReadBecauseDependencyPending | Reason::ReadBecauseCheckNested => {
            return None;
        }
    })
}

fn verb(a: Action) -> &'static str {
    match a {
        Action::NoOp => "noop",
        Action::Read => "read",
        Action::Create => "create",
        Action::Update => "update",
        Action::Delete => "delete",
        Action::Forget => "remove",
    }
}

fn resource(a: &InstanceAddr) -> Json {
    let r = &a.resource;
    let module = r.module.to_string();
    let local = match &a.key {
        Some(k) => format!("{}{k}", r.local()),
        None => r.local(),
    };
    let key = match &a.key {
        None => Json::Null,
        Some(InstanceKey::Int(i)) => (*i).into(),
        Some(InstanceKey::Str(s)) => s.as_str().into(),
    };
    json!({
        "addr": a.to_string(),
        "module": module,
        "resource": local,
        "implied_provider": r.ty.split('_').next().unwrap_or_default(),
        "resource_type": r.ty,
        "resource_name": r.name,
        "resource_key": key,
    })
}
