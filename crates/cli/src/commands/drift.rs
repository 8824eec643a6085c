//! `drift`: what changed outside. Takes no lock and writes nothing.

use std::sync::Arc;

use serde_json::json;
use stackctl_engine::plan::{Drift, Options, PlanMode};

use super::{Context, planning};
use crate::commands::planning::{Opening, Report};
use crate::stack::{Loading, Stack};
use crate::{Exit, Outcome, cli, render};

/// Exit code where something has drifted.
const DRIFTED: u8 = 2;

/// Reports drift.
pub(crate) async fn run(mut cx: Context, args: cli::Drift) -> Outcome {
    cx.enter_named(args.dir.path.as_ref())?;
    let how = Loading {
        env: args.environment.env.as_deref(),
        variables: Some(&args.variables),
        complete: true,
        input: args.input,
        ..Loading::default()
    };
    let stack = Stack::load(&cx, how).await?;
    let report = Report::Text(render::progress::Progress::new(cx.term, true));
    let events = report.events(&cx);
    let session = planning::open(&cx, &stack, Opening::reading("OperationTypeDrift", &events)).await?;
    let options = Options {
        mode: PlanMode::Normal,
        targets: args.target.clone(),
        replace: Vec::new(),
        refresh: true,
        settings: stack.settings(&cx),
    };
    let state = Arc::new(session.state().clone());
    let (plan, diags) = stackctl_engine::run::plan(options, state, &stack.providers, &events).await;
    session.close().await.map_err(|e| vec![e.diagnostic()])?;
    report.diagnostics(&cx, &diags);
    if stackctl_core::diag::has_errors(&diags) {
        return Ok(Exit::Code(1));
    }
    let drift: Vec<&Drift> = plan.drift.iter().filter(|d| d.counts()).collect();
    if args.json {
        let changes: Vec<serde_json::Value> = drift.iter().map(|d| change(d)).collect();
        let out = json!({"format_version": "1.0", "drifted": !drift.is_empty(), "resources": changes});
        cx.term.line(&serde_json::to_string_pretty(&out).unwrap_or_default());
    } else if drift.is_empty() {
        let no = cx.term.paint(render::term::Style::Green, "No drift.");
        cx.term.line(&format!("{no} Everything is as the state recorded it, or as the configuration wants it."));
    } else {
        cx.term.line(&render::plan::drift(&cx.term, &drift, &|a| stack.schema(a), false));
        cx.term.line(&format!("{} object(s) changed outside. `stackctl apply` heals them.", drift.len()));
    }
    Ok(if drift.is_empty() { Exit::Done } else { Exit::Code(DRIFTED) })
}

/// One object for machines: secrets are null.
fn change(d: &Drift) -> serde_json::Value {
    let secret =
        |p: &stackctl_core::Path, list: &[stackctl_core::Path]| list.iter().any(|s| s.contains(p) || p.contains(s));
    let attributes: Vec<serde_json::Value> = d
        .paths
        .iter()
        .map(|p| {
            let hidden = secret(p, &d.before_sensitive) || secret(p, &d.after_sensitive);
            let show = |v: Option<&stackctl_core::Known>| match v {
                Some(v) if !hidden => v.to_json(),
                _ => serde_json::Value::Null,
            };
            json!({
                "path": p.to_plan_json(),
                "before": show(p.get(&d.before)),
                "after": show(d.after.as_ref().and_then(|a| p.get(a))),
                "sensitive": hidden,
            })
        })
        .collect();
    json!({
        "address": d.addr.to_string(),
        "deposed": d.deposed,
        "type": d.addr.resource.ty,
        "change": if d.after.is_some() { "update" } else { "delete" },
        "attributes": attributes,
    })
}
