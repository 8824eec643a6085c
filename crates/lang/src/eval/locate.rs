//! From the path of an attribute back to the place that sets it, for errors that providers report.

use stackctl_core::{Path, Step};
use stackctl_hcl::{Body, Expr, ExprKind, Item, Span};

use crate::config::fields::key_text;
use crate::refs::Dynamic;

/// The place in a body that sets what a path leads to: the expression, as deep as it is written out, or the block. A
/// block that a `dynamic` made is placed in its content. `None` if nothing in the body sets it.
pub fn locate(body: &Body, path: &Path) -> Option<Span> {
    let (first, rest) = path.0.split_first()?;
    let (Step::Attr(name) | Step::Key(name)) = first else { return None };
    if let Some(a) = body.attribute(name) {
        return Some(in_expr(&a.expr, rest).unwrap_or(a.expr.span));
    }
    let (index, inner) = match rest.split_first() {
        Some((Step::Index(i), inner)) => (*i, inner),
        _ => (0, rest),
    };
    let mut seen = 0;
    let mut last = None;
    for item in &body.items {
        let Item::Block(b) = item else { continue };
        let (content, dynamic) = match Dynamic::of(b) {
            Some(d) if d.kind == name => (d.content?, true),
            None if b.kind.as_str() == name => (&b.body, false),
            _ => continue,
        };
        let place = || locate(content, &Path(inner.to_vec())).unwrap_or(b.header_span);
        if seen == index || dynamic {
            return Some(place());
        }
        last = Some(place());
        seen += 1;
    }
    last
}

/// The part of a written-out object or tuple that steps lead to.
fn in_expr(e: &Expr, steps: &[Step]) -> Option<Span> {
    let Some((first, rest)) = steps.split_first() else { return Some(e.span) };
    match (&e.kind, first) {
        (ExprKind::Parens(inner), _) => in_expr(inner, steps),
        (ExprKind::Object(items), Step::Attr(n) | Step::Key(n)) => {
            let item = items.iter().rev().find(|i| key_text(&i.key).is_some_and(|(k, _)| k == *n))?;
            in_expr(&item.value, rest).or(Some(item.value.span))
        }
        (ExprKind::Tuple(items), Step::Index(i)) => {
            let item = items.get(*i)?;
            in_expr(item, rest).or(Some(item.span))
        }
        _ => None,
    }
}
