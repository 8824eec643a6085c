//! Addresses that are written as expressions: the `to` of an `import` block.

use stackctl_core::{InstanceAddr, InstanceKey, Mode, ModuleAddr, ResourceAddr};
use stackctl_hcl::ast::StepKind;
use stackctl_hcl::{Expr, ExprKind};
use stackctl_lang::refs::instance_key;

/// A part of an address.
enum Part<'a> {
    Name(&'a str),
    Key(InstanceKey),
    Computed(&'a Expr),
}

/// The address of configuration that an expression names, instance keys aside.
pub fn config_addr(e: &Expr) -> Option<ResourceAddr> {
    instance_addr(e, &mut |_| Some(InstanceKey::Int(0))).map(|a| a.resource.config())
}

/// The address of the instance that an expression names; `key` evaluates keys that are no literals.
pub fn instance_addr(e: &Expr, key: &mut dyn FnMut(&Expr) -> Option<InstanceKey>) -> Option<InstanceAddr> {
    let mut parts = Vec::new();
    flatten(e, &mut parts)?;
    let mut at = parts.into_iter().peekable();
    let mut module = ModuleAddr::root();
    let mut take_key = |at: &mut std::iter::Peekable<std::vec::IntoIter<Part<'_>>>| match at.peek() {
        Some(Part::Key(_) | Part::Computed(_)) => match at.next()? {
            Part::Key(k) => Some(Some(k)),
            Part::Computed(e) => key(e).map(Some),
            Part::Name(_) => None,
        },
        _ => Some(None),
    };
    let name = |at: &mut std::iter::Peekable<std::vec::IntoIter<Part<'_>>>| match at.next()? {
        Part::Name(n) => Some(n.to_owned()),
        _ => None,
    };
    while matches!(at.peek(), Some(Part::Name("module"))) {
        at.next();
        let call = name(&mut at)?;
        let key = take_key(&mut at)?;
        module = module.child(call, key);
    }
    let mut ty = name(&mut at)?;
    let mode = if ty == "data" { Mode::Data } else { Mode::Managed };
    if mode == Mode::Data || ty == "resource" {
        ty = name(&mut at)?;
    }
    let resource = ResourceAddr { module, mode, ty, name: name(&mut at)? };
    let key = take_key(&mut at)?;
    at.next().is_none().then_some(InstanceAddr { resource, key })
}

fn flatten<'a>(e: &'a Expr, out: &mut Vec<Part<'a>>) -> Option<()> {
    let steps = match &e.kind {
        ExprKind::Parens(inner) => return flatten(inner, out),
        ExprKind::ScopeTraversal(t) => {
            out.push(Part::Name(t.root.as_str()));
            &t.steps
        }
        ExprKind::RelativeTraversal { source, steps } => {
            flatten(source, out)?;
            steps
        }
        ExprKind::Index { source, key } => {
            flatten(source, out)?;
            out.push(Part::Computed(key));
            return Some(());
        }
        _ => return None,
    };
    for s in steps {
        out.push(match &s.kind {
            StepKind::Attr(n) => Part::Name(n),
            StepKind::Index(k) => Part::Key(instance_key(k)?),
            StepKind::LegacyIndex(n) => Part::Key(InstanceKey::Int(n.parse().ok()?)),
        });
    }
    Some(())
}
