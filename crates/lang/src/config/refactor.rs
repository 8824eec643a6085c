//! Addresses in `moved`, `removed` and `import` blocks.

use stackctl_core::{Mode, ModuleAddr};
use stackctl_hcl::ast::StepKind;
use stackctl_hcl::{Expr, ExprKind};

use super::fields::{Cx, address};
use super::model::{Endpoint, ResourceKey};
use crate::diag::Problem;
use crate::refs::instance_key;

/// Reads an address; with `keys`, it may name instances.
pub(super) fn endpoint(e: Expr, keys: bool, cx: &mut Cx) -> Option<Endpoint> {
    let e = address(e, cx);
    let span = e.span;
    let ExprKind::ScopeTraversal(t) = &e.kind else {
        if !matches!(e.kind, ExprKind::Invalid) {
            cx.report(bad(span, "The address of a resource or module is required here."));
        }
        return None;
    };
    let mut steps = vec![StepKind::Attr(t.root.name.clone())];
    steps.extend(t.steps.iter().map(|s| s.kind.clone()));
    let found = parse(&steps, span);
    match &found {
        None => cx.report(bad(span, "This is not the address of a resource or module.")),
        Some(e) if !keys && (e.key.is_some() || e.module.0.iter().any(|s| s.key.is_some())) => {
            cx.report(bad(span, "An address without instance keys is required here."));
            return None;
        }
        Some(_) => {}
    }
    found
}

fn bad(span: stackctl_hcl::Span, detail: &str) -> Problem {
    Problem::error("Invalid address", detail).at(span)
}

/// The address that steps spell, root name first.
fn parse(mut steps: &[StepKind], span: stackctl_hcl::Span) -> Option<Endpoint> {
    let mut module = ModuleAddr::root();
    while let [StepKind::Attr(word), StepKind::Attr(name), rest @ ..] = steps
        && &**word == "module"
    {
        let (key, rest) = match rest {
            [StepKind::Index(k), rest @ ..] => (Some(instance_key(k)?), rest),
            _ => (None, rest),
        };
        module = module.child(&**name, key);
        steps = rest;
    }
    if steps.is_empty() {
        return Some(Endpoint { module, resource: None, key: None, span });
    }
    let (mode, steps) = match steps {
        [StepKind::Attr(word), rest @ ..] if &**word == "data" => (Mode::Data, rest),
        [StepKind::Attr(word), rest @ ..] if &**word == "ephemeral" => (Mode::Ephemeral, rest),
        [StepKind::Attr(word), rest @ ..] if &**word == "resource" && rest.len() >= 2 => (Mode::Managed, rest),
        _ => (Mode::Managed, steps),
    };
    let (ty, name, key) = match steps {
        [StepKind::Attr(ty), StepKind::Attr(name)] => (ty, name, None),
        [StepKind::Attr(ty), StepKind::Attr(name), StepKind::Index(k)] => (ty, name, Some(instance_key(k)?)),
        _ => return None,
    };
    let resource = Some(ResourceKey { mode, ty: ty.to_string(), name: name.to_string() });
    Some(Endpoint { module, resource, key, span })
}
