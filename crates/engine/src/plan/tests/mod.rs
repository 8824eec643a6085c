//! Plans as data: a configuration, a state, and what comes of them.

mod applied;
mod basics;
mod carried;
mod chains;
mod diffs;
mod early;
mod ephemeral;
mod killed;
mod lifecycle;
mod modules;
mod outputs;
mod strangers;
mod unsaved;

use std::fmt::Write as _;

use petgraph::visit::EdgeRef as _;

use super::{Action, Node, OpId, Options, Plan, ReplaceOrder};
use crate::testing::Bench;

/// The plan in lines: one for each operation that does something, then outputs and drift.
fn shown(plan: &Plan) -> String {
    let mut out = String::new();
    for op in &plan.ops {
        let symbol = match (op.action, op.replacement.map(|r| r.order)) {
            (Action::Create, Some(ReplaceOrder::DeleteFirst)) => "-/+",
            (Action::Create, Some(ReplaceOrder::CreateFirst)) => "+/-",
            (Action::Delete, Some(_)) => continue,
            (Action::Create, None) => "+",
            (Action::Update, _) => "~",
            (Action::Delete, None) => "-",
            (Action::Read, _) => "<=",
            (Action::Forget, _) => ".",
            (Action::NoOp, _) if op.importing.is_some() || op.previous.is_some() => "=",
            (Action::NoOp, _) => continue,
        };
        let _ = write!(out, "{symbol} {}", op.addr);
        if let Some(d) = &op.deposed {
            let _ = write!(out, " ({d})");
        }
        if op.action == Action::Update {
            let _ = write!(out, " {}", op.fields.iter().cloned().collect::<Vec<_>>().join(","));
        }
        if !op.replace_paths.is_empty() {
            let paths: Vec<_> = op.replace_paths.iter().map(ToString::to_string).collect();
            let _ = write!(out, " !{}", paths.join(","));
        }
        if let Some(r) = op.reason.filter(|r| *r != super::Reason::ReplaceBecauseCannotUpdate) {
            let _ = write!(out, " {}", r.as_str());
        }
        if let Some(id) = &op.importing {
            let _ = write!(out, " import {id}");
        }
        if let Some(p) = &op.previous {
            let _ = write!(out, " from {p}");
        }
        out.push('\n');
    }
    for (name, c) in plan.outputs.iter().filter(|(_, c)| c.is_change()) {
        let after = match &c.after {
            None => "gone".to_owned(),
            Some(_) if c.after_sensitive => "(sensitive)".to_owned(),
            Some(v) if !v.is_known() => "(unknown)".to_owned(),
            Some(v) => v.or_null().to_json().to_string(),
        };
        let _ = writeln!(out, "output {name} = {after}");
    }
    for d in plan.drift.iter().filter(|d| d.counts()) {
        let paths: Vec<_> = d.paths.iter().map(ToString::to_string).collect();
        let what = if d.after.is_none() { "gone".to_owned() } else { paths.join(",") };
        let _ = writeln!(out, "drift {} {what}", d.addr);
    }
    out
}

/// The order of the work: `a < b` for each operation `a` that has to be done before `b` directly.
fn ordered(plan: &Plan) -> Vec<String> {
    let name = |id: OpId| {
        let op = plan.op(id);
        let verb = match op.action {
            Action::Create => "create",
            Action::Update => "update",
            Action::Delete => "delete",
            Action::Read => "read",
            Action::Forget => "forget",
            Action::NoOp => "nothing",
        };
        format!("{verb} {}", op.addr)
    };
    let mut out = Vec::new();
    for n in plan.graph.node_indices() {
        let Node::Op(from) = plan.graph[n] else { continue };
        // Joins are looked through.
        let mut work = vec![n];
        while let Some(n) = work.pop() {
            for e in plan.graph.edges(n) {
                match plan.graph[e.target()] {
                    Node::Op(to) => out.push(format!("{} < {}", name(from), name(to))),
                    Node::Join => work.push(e.target()),
                }
            }
        }
    }
    out.sort();
    out.dedup();
    assert!(!petgraph::algo::is_cyclic_directed(&plan.graph), "the order of the work has a cycle: {out:#?}");
    out
}

/// Plans a configuration over what `bench` holds. Errors and warnings come first, `! summary: detail`.
fn planned(bench: &mut Bench, config: &str, with: impl FnOnce(&mut Options)) -> (Option<Plan>, String) {
    let files: Vec<(&str, &str)> = split(config);
    let (plan, diags) = match bench.plan(&files, with) {
        Ok((plan, diags)) => (Some(plan), diags),
        Err(diags) => (None, diags),
    };
    let mut text = String::new();
    for d in &diags {
        let mark = if d.is_error() { "!" } else { "?" };
        let place = d.range.as_ref().map_or_else(String::new, |r| format!("{}:{} ", r.filename, r.start.line));
        let _ = writeln!(text, "{mark} {place}{}: {}", d.summary, d.detail);
    }
    if let Some(p) = &plan {
        text.push_str(&shown(p));
        let json = serde_json::to_string(p).unwrap();
        let back: Plan = serde_json::from_str(&json).unwrap();
        assert_eq!(serde_json::to_string(&back).unwrap(), json, "a plan survives being saved");
    }
    (plan, text)
}

/// `# file NAME` starts a file; what stands before the first is `main.tf`.
fn split(config: &str) -> Vec<(&str, &str)> {
    let mut out = Vec::new();
    for (i, part) in config.split("# file ").enumerate() {
        if i == 0 {
            out.push(("main.tf", part));
        } else if let Some((name, text)) = part.split_once('\n') {
            out.push((name.trim(), text));
        }
    }
    out
}

/// Lines without their indentation, empty ones left out.
fn lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).filter(|l| !l.is_empty()).collect()
}

/// Plans `config` over what `state` made and compares the plan with `expect`.
fn check(config: &str, state: impl FnOnce(&mut Bench), expect: &str) -> Bench {
    let mut bench = Bench::default();
    state(&mut bench);
    let (_, text) = planned(&mut bench, config, |_| {});
    assert_eq!(lines(&text), lines(expect), "{config}");
    bench
}
