//! `resource`, `data` and `ephemeral` blocks: meta-arguments, lifecycle, provisioners, conditions.

use stackctl_core::{Mode, Path, Step};
use stackctl_hcl::ast::{Block, IndexKey, StepKind};
use stackctl_hcl::{Expr, ExprKind, Span};

use super::fields::{Cx, Fields, Shape, elements, literal_text, mode_word, reference, split};
use super::model::{Condition, IgnoreChanges, Lifecycle, ProviderRef, Provisioner, Repeat, Resource, ResourceKey};
use crate::diag::Problem;
use crate::refs::{Reference, keyword};

const MANAGED: Shape = Shape {
    what: "resource",
    attrs: &["count", "for_each", "provider", "depends_on"],
    blocks: &[("lifecycle", 0), ("provisioner", 1), ("connection", 0)],
    open: true,
};
const DATA: Shape = Shape {
    what: "data",
    attrs: &["count", "for_each", "provider", "depends_on"],
    blocks: &[("lifecycle", 0)],
    open: true,
};
const LIFECYCLE: Shape = Shape {
    what: "lifecycle",
    attrs: &["create_before_destroy", "prevent_destroy", "ignore_changes", "replace_triggered_by"],
    blocks: &[("precondition", 0), ("postcondition", 0)],
    open: false,
};
const CONDITION: Shape = Shape { what: "condition", attrs: &["condition", "error_message"], blocks: &[], open: false };
const PROVISIONER: Shape =
    Shape { what: "provisioner", attrs: &["when", "on_failure"], blocks: &[("connection", 0)], open: true };

/// Reads the block of a resource whose labels are checked.
pub(super) fn resource(block: Block, mode: Mode, check: Option<&str>, cx: &mut Cx) -> Option<Resource> {
    let header = block.header_span;
    let (ty, name) = (block.labels.first()?.clone(), block.labels.get(1)?.clone());
    for (label, what) in [(&ty, "type"), (&name, "name")] {
        if !stackctl_hcl::is_identifier(&label.value) {
            cx.report(invalid_name(mode_word(mode), what, label.span));
            return None;
        }
    }
    let shape = if mode == Mode::Managed { &MANAGED } else { &DATA };
    let mut f = split(block.body, header, shape, cx);
    let lifecycle = f.block("lifecycle", cx).map(|b| lifecycle(b, mode, cx)).unwrap_or_default();
    let provisioners = f.blocks("provisioner").into_iter().filter_map(|b| provisioner(b, cx)).collect();
    Some(Resource {
        key: ResourceKey { mode, ty: ty.value.to_string(), name: name.value.to_string() },
        repeat: repeat(&mut f, cx),
        depends_on: depends_on(&mut f, cx),
        provider: f.expr("provider").and_then(|e| provider_ref(e, cx)),
        lifecycle,
        provisioners,
        connection: f.block("connection", cx).map(|b| b.body),
        check: check.map(str::to_owned),
        body: f.rest(),
        span: header,
    })
}

pub(super) fn invalid_name(kind: &str, what: &str, span: Span) -> Problem {
    Problem::error(
        format!("Invalid {kind} {what}"),
        "A name must start with a letter or underscore and may contain only letters, digits, underscores, and dashes.",
    )
    .at(span)
}

/// `count` or `for_each`.
pub(super) fn repeat(f: &mut Fields, cx: &mut Cx) -> Repeat {
    match (f.attr("count"), f.attr("for_each")) {
        (Some(c), Some(e)) => {
            cx.report(
                Problem::error(
                    "Invalid combination of \"count\" and \"for_each\"",
                    "The \"count\" and \"for_each\" arguments are mutually exclusive: only one may be used.",
                )
                .at(e.name.span)
                .with(c.name.span, "count is set here"),
            );
            Repeat::ForEach(e.expr)
        }
        (Some(c), None) => Repeat::Count(c.expr),
        (None, Some(e)) => Repeat::ForEach(e.expr),
        (None, None) => Repeat::Single,
    }
}

/// `depends_on`: plain references, checked for their form.
pub(super) fn depends_on(f: &mut Fields, cx: &mut Cx) -> Vec<Expr> {
    let Some(e) = f.expr("depends_on") else { return Vec::new() };
    let mut out = Vec::new();
    for e in elements(e, "references", cx) {
        let e = reference(e, cx);
        let plain = matches!(e.kind, ExprKind::ScopeTraversal(_) | ExprKind::Invalid);
        let partly = "References in depends_on must be to a whole object, not to an attribute of one.";
        match Reference::of_expr(&e) {
            _ if matches!(e.kind, ExprKind::Invalid) => {}
            Ok(r) if plain && !r.rest.iter().any(|s| matches!(s.kind, StepKind::Attr(_))) => out.push(e),
            Ok(_) => cx.report(Problem::error("Invalid depends_on reference", partly).at(e.span)),
            Err(p) => cx.report(p),
        }
    }
    out
}

/// `aws.west`, `aws`; in JSON a text.
pub(super) fn provider_ref(e: Expr, cx: &mut Cx) -> Option<ProviderRef> {
    let e = reference(e, cx);
    let span = e.span;
    let found = match &e.kind {
        ExprKind::ScopeTraversal(t) => match t.steps.iter().map(|s| &s.kind).collect::<Vec<_>>()[..] {
            [] => Some((t.root.name.to_string(), None)),
            [StepKind::Attr(alias)] => Some((t.root.name.to_string(), Some(alias.to_string()))),
            _ => None,
        },
        ExprKind::Invalid => return None,
        _ => None,
    };
    if found.is_none() {
        cx.report(
            Problem::error(
                "Invalid provider configuration reference",
                "The name of a provider configuration is required here: NAME, or NAME.ALIAS.",
            )
            .at(span),
        );
    }
    found.map(|(name, alias)| ProviderRef { name, alias, span })
}

fn lifecycle(block: Block, mode: Mode, cx: &mut Cx) -> Lifecycle {
    let mut f = split(block.body, block.header_span, &LIFECYCLE, cx);
    if mode != Mode::Managed {
        for name in LIFECYCLE.attrs {
            if let Some(a) = f.attr(name) {
                cx.report(
                    Problem::error(
                        format!("Invalid {} resource lifecycle argument", mode_word(mode)),
                        format!("The lifecycle argument \"{name}\" is defined only for managed resources."),
                    )
                    .at(a.name.span),
                );
            }
        }
    }
    let mut l = Lifecycle {
        create_before_destroy: f.bool("create_before_destroy", cx),
        prevent_destroy: f.bool("prevent_destroy", cx).unwrap_or_default(),
        ..Lifecycle::default()
    };
    if let Some(e) = f.expr("ignore_changes") {
        l.ignore_changes = ignore_changes(e, cx);
    }
    if let Some(e) = f.expr("replace_triggered_by") {
        for e in elements(e, "references", cx) {
            let e = reference(e, cx);
            match Reference::of_expr(&e) {
                Ok(_) => l.replace_triggered_by.push(e),
                Err(_) if matches!(e.kind, ExprKind::Invalid) => {}
                Err(p) => cx.report(p),
            }
        }
    }
    l.preconditions = conditions(f.blocks("precondition"), "precondition", cx);
    l.postconditions = conditions(f.blocks("postcondition"), "postcondition", cx);
    l
}

/// `validation`, `precondition`, `postcondition` and `assert` blocks.
pub(super) fn conditions(blocks: Vec<Block>, what: &'static str, cx: &mut Cx) -> Vec<Condition> {
    let mut out = Vec::new();
    for b in blocks {
        let span = b.header_span;
        let mut f = split(b.body, span, &Shape { what, ..CONDITION }, cx);
        let (condition, error_message) = (f.required("condition", cx), f.required("error_message", cx));
        if let (Some(condition), Some(error_message)) = (condition, error_message) {
            out.push(Condition { condition, error_message, span });
        }
    }
    out
}

fn ignore_changes(e: Expr, cx: &mut Cx) -> IgnoreChanges {
    if keyword(&e) == Some("all") || (cx.is_json(e.span) && literal_text(&e).as_deref() == Some("all")) {
        return IgnoreChanges::All;
    }
    let mut paths = Vec::new();
    for e in elements(e, "attributes", cx) {
        if literal_text(&e).as_deref() == Some("*") {
            cx.report(
                Problem::error("Invalid ignore_changes wildcard", "To ignore all changes, write ignore_changes = all.")
                    .at(e.span),
            );
            continue;
        }
        let e = reference(e, cx);
        match attribute_path(&e) {
            Some(p) => paths.push((p, e.span)),
            None if matches!(e.kind, ExprKind::Invalid) => {}
            None => cx.report(
                Problem::error(
                    "Invalid ignore_changes argument",
                    "The name of an attribute is required here, perhaps with literal indexes: tags, tags[\"key\"].",
                )
                .at(e.span),
            ),
        }
    }
    IgnoreChanges::Paths(paths)
}

/// The path of an attribute of the object itself: `tags["k"]`, `ingress[0].from_port`.
fn attribute_path(e: &Expr) -> Option<Path> {
    let ExprKind::ScopeTraversal(t) = &e.kind else { return None };
    let mut path = Path::attr(t.root.as_str());
    for s in &t.steps {
        path = match &s.kind {
            StepKind::Attr(n) => path.with_attr(&**n),
            StepKind::Index(IndexKey::String(k)) => path.with(Step::Key(k.to_string())),
            StepKind::Index(IndexKey::Number(n)) | StepKind::LegacyIndex(n) => path.with_index(n.parse().ok()?),
            StepKind::Index(_) => return None,
        };
    }
    Some(path)
}

/// A `provisioner` block.
pub(super) fn provisioner(block: Block, cx: &mut Cx) -> Option<Provisioner> {
    let span = block.header_span;
    let ty = block.labels.first()?.value.to_string();
    let mut f = split(block.body, span, &PROVISIONER, cx);
    let mut choice = |name: &str, usual: &str, other: &str, cx: &mut Cx| {
        let Some(e) = f.expr(name) else { return false };
        let word = literal_text(&e).or_else(|| keyword(&e).map(str::to_owned)).unwrap_or_default();
        if word != usual && word != other {
            cx.report(
                Problem::error(
                    format!("Invalid \"{name}\" keyword"),
                    format!("The \"{name}\" argument requires one of these keywords: {usual} or {other}."),
                )
                .at(e.span),
            );
        }
        word == other
    };
    let on_destroy = choice("when", "create", "destroy", cx);
    let ignore_failure = choice("on_failure", "fail", "continue", cx);
    let connection = f.block("connection", cx).map(|b| b.body);
    Some(Provisioner { ty, on_destroy, ignore_failure, connection, body: f.rest(), span })
}
