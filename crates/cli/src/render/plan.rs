//! A plan as people read it: what is done to each object, attribute by attribute, and the summary line.

use std::collections::BTreeSet;

use stackctl_core::{Diagnostic, Known, Partial, Path, Schema};
use stackctl_engine::plan::{Action, Drift, Operation, OutputChange, Plan, PlanMode, Reason, ReplaceOrder};

use super::dynamic::{plain, secrets};
use super::term::{Style, Term};
use super::value::{Mark, Secrets, Writer, change};

/// Finds the schema of the object that an operation is about.
pub(crate) type Schemas<'a> = &'a dyn Fn(&stackctl_core::InstanceAddr) -> Option<Schema>;

/// The whole plan.
pub(crate) fn plan(term: &Term, plan: &Plan, schemas: Schemas<'_>) -> String {
    let mut out = Vec::new();
    let counted: Vec<&Drift> = plan.drift.iter().filter(|d| d.counts()).collect();
    if !counted.is_empty() {
        out.push(drift(term, &counted, schemas, plan.mode == PlanMode::RefreshOnly));
    }
    let shown: Vec<&Operation> = plan.ops.iter().filter(|op| is_shown(op)).collect();
    if plan.mode != PlanMode::RefreshOnly && !shown.is_empty() {
        out.push(legend(term, &shown));
        out.push("stackctl will perform the following actions:\n".to_owned());
        for op in &shown {
            out.push(operation(term, op, plan.generated.contains_key(&op.addr.to_string()), schemas));
        }
        out.push(summary(term, plan));
    }
    let outputs = outputs(term, plan);
    if !outputs.is_empty() {
        out.push(outputs);
    }
    if !plan.has_changes() {
        out.push(nothing(term, plan));
    }
    out.join("\n")
}

/// Objects that the plan shows: all that change; of a replacement the create half stands for both.
fn is_shown(op: &Operation) -> bool {
    op.is_change() && !(op.action == Action::Delete && op.replacement.is_some())
}

fn nothing(term: &Term, plan: &Plan) -> String {
    let no = term.paint(Style::Green, "No changes.");
    match plan.mode {
        PlanMode::RefreshOnly => format!("{no} The state matches what exists."),
        PlanMode::Destroy => format!("{no} There is nothing to destroy."),
        PlanMode::Normal => format!("{no} What exists matches the configuration."),
    }
}

fn legend(term: &Term, ops: &[&Operation]) -> String {
    let mut symbols: BTreeSet<(u8, String)> = BTreeSet::new();
    for op in ops {
        let entry = match (op.action, op.replacement.map(|r| r.order)) {
            (Action::Create, None) => (0, format!("  {} create", term.paint(Style::Green, "+"))),
            (Action::Update, _) => (1, format!("  {} update in-place", term.paint(Style::Yellow, "~"))),
            (Action::Delete, _) => (2, format!("  {} destroy", term.paint(Style::Red, "-"))),
            (Action::Create, Some(ReplaceOrder::DeleteFirst)) => {
                (3, format!("{} destroy and then create replacement", symbol(term, op)))
            }
            (Action::Create, Some(ReplaceOrder::CreateFirst)) => {
                (4, format!("{} create replacement and then destroy", symbol(term, op)))
            }
            (Action::Read, _) => (5, format!(" {} read (data sources)", term.paint(Style::Cyan, "<="))),
            (Action::Forget, _) => (6, "  . forget, keep alive".to_owned()),
            (Action::NoOp, _) => continue,
        };
        symbols.insert(entry);
    }
    let lines: Vec<String> = symbols.into_iter().map(|(_, l)| l).collect();
    if lines.is_empty() {
        return String::new();
    }
    format!("Actions are marked with these symbols:\n{}\n", lines.join("\n"))
}

fn symbol(term: &Term, op: &Operation) -> String {
    let (minus, plus) = (term.paint(Style::Red, "-"), term.paint(Style::Green, "+"));
    match (op.action, op.replacement.map(|r| r.order)) {
        (Action::Create, Some(ReplaceOrder::DeleteFirst)) => format!("{minus}/{plus}"),
        (Action::Create, Some(ReplaceOrder::CreateFirst)) => format!("{plus}/{minus}"),
        (Action::Create, None) => format!("  {plus}"),
        (Action::Update, _) => format!("  {}", term.paint(Style::Yellow, "~")),
        (Action::Delete, _) => format!("  {minus}"),
        (Action::Read, _) => format!(" {}", term.paint(Style::Cyan, "<=")),
        (Action::Forget, _) => "  .".to_owned(),
        (Action::NoOp, _) => "   ".to_owned(),
    }
}

fn operation(term: &Term, op: &Operation, generated: bool, schemas: Schemas<'_>) -> String {
    let addr = term.paint(Style::Bold, &op.addr.to_string());
    let mut head = Vec::new();
    let deposed = op.deposed.as_ref().map(|k| format!(" (deposed object {k})")).unwrap_or_default();
    let what = match (op.action, op.replacement.is_some(), op.reason) {
        (Action::Create, true, Some(Reason::ReplaceBecauseTainted)) => "is tainted, so it must be replaced".to_owned(),
        (Action::Create, true, Some(Reason::ReplaceByRequest)) => "will be replaced, as requested".to_owned(),
        (Action::Create, true, Some(Reason::ReplaceByTriggers)) => {
            "will be replaced due to changes in replace_triggered_by".to_owned()
        }
        (Action::Create, true, _) => "must be replaced".to_owned(),
        (Action::Create, false, _) => "will be created".to_owned(),
        (Action::Update, ..) => "will be updated in-place".to_owned(),
        (Action::Delete, ..) => "will be destroyed".to_owned(),
        (Action::Read, ..) => "will be read during apply".to_owned(),
        (Action::Forget, ..) => "will no longer be managed, but will not be destroyed".to_owned(),
        (Action::NoOp, ..) => match (&op.previous, &op.importing) {
            (Some(_), _) => String::new(),
            (None, Some(_)) => "will be imported".to_owned(),
            (None, None) => "does not change".to_owned(),
        },
    };
    match &op.previous {
        Some(old) if op.action == Action::NoOp => head.push(format!("  # {old} has moved to {addr}")),
        _ => head.push(format!("  # {addr}{deposed} {}", colored(term, op, &what))),
    }
    if let Some(why) = op.reason.and_then(because) {
        head.push(format!("  # ({why})"));
    }
    if let Some(old) = op.previous.as_ref().filter(|_| op.action != Action::NoOp) {
        head.push(format!("  # (moved from {old})"));
    }
    if let Some(id) = &op.importing {
        head.push(format!("  # (imported from {id:?})"));
    }
    if generated {
        head.push("  # (its configuration is generated)".to_owned());
    }
    let kind = match op.addr.resource.mode {
        stackctl_core::Mode::Data => "data",
        stackctl_core::Mode::Managed => "resource",
        stackctl_core::Mode::Ephemeral => "ephemeral",
    };
    head.push(format!("{} {kind} {:?} {:?} {{", symbol(term, op), op.addr.resource.ty, op.addr.resource.name));
    let before = op.before.as_ref().map(|b| Partial::from((**b).clone()));
    let after = match op.action {
        Action::Delete => None,
        Action::Forget => before.clone(),
        _ => op.planned(),
    };
    let before = if op.action == Action::Create && op.replacement.is_none() { None } else { before };
    let schema = schemas(&op.addr);
    let (hidden_before, hidden_after) =
        (secrets(schema.as_ref(), &op.before_sensitive), secrets(schema.as_ref(), &op.after_sensitive));
    let secrets = Secrets { before: &hidden_before, after: &hidden_after };
    let shown = |v: Option<Partial>| v.map(|v| plain(schema.as_ref(), v));
    let (before, after) = (shown(before), shown(after));
    let mut w = Writer { term, out: head, secrets, replace: &op.replace_paths };
    object(&mut w, schema.as_ref(), before.as_ref(), after.as_ref());
    w.out.push("    }\n".to_owned());
    w.out.join("\n")
}

fn colored(term: &Term, op: &Operation, what: &str) -> String {
    match (op.action, op.replacement.is_some()) {
        (Action::Delete, _) => what.replace("destroyed", &term.paint(Style::Red, "destroyed")),
        (Action::Create, true) => what.replace("replaced", &term.paint(Style::Red, "replaced")),
        _ => what.to_owned(),
    }
}

fn because(r: Reason) -> Option<&'static str> {
    Some(match r {
        Reason::DeleteBecauseNoResourceConfig => "because it is not in the configuration any more",
        Reason::DeleteBecauseWrongRepetition => "because the configuration repeats it in another way",
        Reason::DeleteBecauseCountIndex => "because its index is out of the range of count",
        Reason::DeleteBecauseEachKey => "because its key is not in for_each",
        Reason::DeleteBecauseNoModule => "because its module is not in the configuration any more",
        Reason::DeleteBecauseNoMoveTarget => "because it was moved to an address that is not in the configuration",
        Reason::ReadBecauseConfigUnknown => "config refers to values not yet known",
        Reason::ReadBecauseDependencyPending => "depends on a resource or a module with changes pending",
        Reason::ReadBecauseCheckNested => "config will be reloaded to verify a check block",
        Reason::ReplaceBecauseTainted
        | Reason::ReplaceBecauseCannotUpdate
        | Reason::ReplaceByRequest
        | Reason::ReplaceByTriggers => return None,
    })
}

/// The attributes and blocks of an object, what changes first of all.
fn object(w: &mut Writer<'_>, schema: Option<&Schema>, before: Option<&Partial>, after: Option<&Partial>) {
    block(w, 8, &Path::default(), schema.map(|s| &s.block), before, after, true);
}

fn block(
    w: &mut Writer<'_>,
    indent: usize,
    path: &Path,
    schema: Option<&stackctl_core::Block>,
    before: Option<&Partial>,
    after: Option<&Partial>,
    top: bool,
) {
    let null = Partial::Null;
    let names: BTreeSet<&String> =
        [before, after].into_iter().flatten().filter_map(Partial::as_map).flat_map(|m| m.keys()).collect();
    let is_block = |n: &str| schema.is_some_and(|s| s.blocks.contains_key(n));
    let attrs: Vec<&&String> = names.iter().filter(|n| !is_block(n)).collect();
    let get = |v: Option<&Partial>, n: &str| v.map(|v| v.get(n).clone()).unwrap_or_else(|| null.clone());
    let set = |v: &Partial| !v.is_null();
    let width = attrs
        .iter()
        .filter(|n| set(&get(before, n)) || set(&get(after, n)))
        .map(|n| n.chars().count())
        .max()
        .unwrap_or(0);
    let mut hidden = 0;
    for name in attrs {
        let (b, a) = (get(before, name), get(after, name));
        if !set(&b) && !set(&a) {
            continue;
        }
        let telling = top && matches!(name.as_str(), "id" | "name" | "tags");
        if before.is_some() && after.is_some() && b == a && !telling {
            hidden += 1;
            continue;
        }
        let at = path.with_attr(name.as_str());
        let head = format!("{name:width$} = ");
        w.attribute(indent, &head, &at, before.map(|_| &b), after.map(|_| &a), "");
    }
    w.hidden(indent, hidden, "attribute");
    let mut same = 0;
    for (name, ty) in schema.into_iter().flat_map(|s| &s.blocks) {
        let (b, a) = (get(before, name), get(after, name));
        let at = path.with_attr(*name);
        if a == Partial::Unknown {
            w.out.push(String::new());
            w.line(indent, if set(&b) { Mark::Change } else { Mark::Add }, &format!("{name} (known after apply)"));
            continue;
        }
        let items = |v: &Partial| match v {
            Partial::List(l) => l.clone(),
            Partial::Map(_) => vec![v.clone()],
            _ => Vec::new(),
        };
        let (bs, mut rest) = (items(&b), items(&a));
        let is_set = ty.nesting == stackctl_core::Nesting::Set;
        let mut pairs: Vec<(Option<Partial>, Option<Partial>, usize)> = Vec::new();
        if is_set {
            for (i, b) in bs.iter().enumerate() {
                match rest.iter().position(|a| a == b) {
                    Some(at) => pairs.push((Some(b.clone()), Some(rest.remove(at)), i)),
                    None => pairs.push((Some(b.clone()), None, i)),
                }
            }
            pairs.extend(rest.into_iter().enumerate().map(|(i, a)| (None, Some(a), i)));
        } else {
            let n = bs.len().max(rest.len());
            pairs.extend((0..n).map(|i| (bs.get(i).cloned(), rest.get(i).cloned(), i)));
        }
        let mut first = true;
        for (b, a, i) in pairs {
            let m = change(b.as_ref(), a.as_ref());
            if m == Mark::None {
                same += 1;
                continue;
            }
            if std::mem::take(&mut first) {
                w.out.push(String::new());
            }
            let at = if ty.nesting == stackctl_core::Nesting::Single { at.clone() } else { at.with_index(i) };
            let forces = if ty.force_new || b.is_none() || a.is_none() {
                w.forces(&path.with_attr(*name))
            } else {
                String::new()
            };
            w.line(indent, m, &format!("{name} {{{forces}"));
            block(w, indent + 4, &at, Some(&ty.block), b.as_ref(), a.as_ref(), false);
            w.line(indent, Mark::None, "}");
        }
    }
    if same > 0 {
        w.out.push(String::new());
        w.hidden(indent, same, "block");
    }
}

/// `Plan: 1 to add, 2 to change, 0 to destroy.`
fn summary(term: &Term, plan: &Plan) -> String {
    let n = plan.counts();
    let mut parts = Vec::new();
    if n.import > 0 {
        parts.push(format!("{} to import", n.import));
    }
    parts.push(format!("{} to add, {} to change, {} to destroy", n.add, n.change, n.destroy));
    if n.forget > 0 {
        parts.push(format!("{} to forget", n.forget));
    }
    format!("{} {}.", term.paint(Style::Bold, "Plan:"), parts.join(", "))
}

fn outputs(term: &Term, plan: &Plan) -> String {
    let changes: Vec<(&String, &OutputChange)> = plan.outputs.iter().filter(|(_, c)| c.is_change()).collect();
    if changes.is_empty() {
        return String::new();
    }
    let width = changes.iter().map(|(n, _)| n.chars().count()).max().unwrap_or(0);
    let mut w = Writer {
        term,
        out: vec!["\nChanges to Outputs:".to_owned()],
        secrets: Secrets { before: &[], after: &[] },
        replace: &[],
    };
    for (name, c) in changes {
        let before = c.before.as_ref().map(|b| Partial::from(b.clone()));
        let head = format!("{name:width$} = ");
        if c.before_sensitive || c.after_sensitive {
            let m = change(before.as_ref(), c.after.as_ref());
            w.line(4, if m == Mark::None { Mark::Change } else { m }, &format!("{head}(sensitive value)"));
        } else {
            w.attribute(4, &head, &Path::default(), before.as_ref(), c.after.as_ref(), "");
        }
    }
    w.out.join("\n")
}

/// What changed outside, object by object.
pub(crate) fn drift(term: &Term, drift: &[&Drift], schemas: Schemas<'_>, all: bool) -> String {
    let mut out = vec![format!("{} Objects have changed outside of stackctl:\n", term.paint(Style::Bold, "Note:"))];
    for d in drift {
        let addr = term.paint(Style::Bold, &d.addr.to_string());
        let deposed = d.deposed.as_ref().map(|k| format!(" (deposed object {k})")).unwrap_or_default();
        let (what, mark) = match d.after {
            None => ("has been deleted", term.paint(Style::Red, "-")),
            Some(_) => ("has changed", term.paint(Style::Yellow, "~")),
        };
        let mut head = vec![format!("  # {addr}{deposed} {what}")];
        head.push(format!("  {mark} resource {:?} {:?} {{", d.addr.resource.ty, d.addr.resource.name));
        let before = Partial::from((*d.before).clone());
        let after =
            d.after.as_ref().map(|a| Partial::from(if all { (**a).clone() } else { only(&d.before, a, &d.paths) }));
        let schema = schemas(&d.addr);
        let (hidden_before, hidden_after) =
            (secrets(schema.as_ref(), &d.before_sensitive), secrets(schema.as_ref(), &d.after_sensitive));
        let secrets = Secrets { before: &hidden_before, after: &hidden_after };
        let mut w = Writer { term, out: head, secrets, replace: &[] };
        object(&mut w, schema.as_ref(), Some(&before), after.as_ref());
        w.out.push("    }\n".to_owned());
        out.push(w.out.join("\n"));
    }
    out.join("\n")
}

/// The old object with only the attributes that count taken from the new one.
fn only(before: &Known, after: &Known, paths: &[Path]) -> Known {
    let mut out = before.clone();
    for root in paths.iter().filter_map(Path::root) {
        out.set(root, after.get(root).clone());
    }
    out
}

/// A word about secrets in a saved plan.
pub(crate) fn saved_plan_note(path: &str) -> Diagnostic {
    Diagnostic::warning(
        "The saved plan holds secrets in plain text",
        format!("{path} holds what the state holds, sensitive values included; it is readable by its owner only."),
    )
}
