//! Completes the diff of an operation when everything that it refers to is known.
//!
//! Nothing is planned anew: the operation's configuration is evaluated again and compared with the same rules. An update
//! that became empty is dropped; anything but the planned action, or a value other than the planned one, is an error.
//! Start at [`complete`].

use stackctl_core::{Block, Diagnostic, Draft, Known, Nesting, Partial, Path, Step};

use super::diff::{Diff, Hook, Ignore, diff};
use super::model::{Action, After, Operation};
use crate::eval::TypeInfo;

/// What is left to do.
pub enum Completed {
    /// Carry it out with this diff.
    Go(Box<Diff>),
    /// Nothing any more.
    Nothing,
}

/// Completes an operation whose configuration evaluates to `config` now. `prior` is the object as it is, `None` for a
/// create.
///
/// # Errors
/// If the operation would be another one than planned.
pub fn complete(
    op: &Operation,
    info: &TypeInfo<'_>,
    config: &Partial,
    prior: Option<&Known>,
    ignore: &Ignore,
    hook: &dyn Fn(&mut Draft<'_>),
) -> Result<Completed, Vec<Diagnostic>> {
    let schema = info.schema;
    let hook: Hook<'_> = hook;
    let d = match op.action {
        Action::Update => diff(schema, config, prior, ignore, hook),
        _ => diff(schema, config, None, &Ignore::Nothing, hook),
    };
    if !d.errors.is_empty() {
        let place =
            |e: &stackctl_core::Error| Diagnostic::from_provider("Invalid configuration", e.clone()).of(&op.addr);
        return Err(d.errors.iter().map(place).collect());
    }
    if op.action == Action::Update {
        if !d.replace.is_empty() {
            let paths: Vec<String> = d.replace.iter().map(Path::to_string).collect();
            let detail = format!(
                "{} was planned as an update in place. With the values that are known now, {} would have to replace it.",
                op.addr,
                paths.join(", ")
            );
            return Err(vec![unplanned(op, detail)]);
        }
        if d.is_empty() && !op.resume {
            return Ok(Completed::Nothing);
        }
    }
    let planned = match &op.after {
        After::Known(v) => Some(Partial::from((**v).clone())),
        After::Partial(v) => Some((**v).clone()),
        After::Gone | After::Same => None,
    };
    if let Some(planned) = planned
        && let Some(path) = contradiction(&schema.block, &planned, &d.planned)
    {
        let detail = format!(
            "The value of {path} of {} is not the one that was planned. What it is made from changed since: plan again.",
            op.addr
        );
        return Err(vec![unplanned(op, detail).path(path)]);
    }
    Ok(Completed::Go(Box::new(d)))
}

fn unplanned(op: &Operation, detail: String) -> Diagnostic {
    Diagnostic::error("The plan does not hold any more", detail).of(&op.addr)
}

/// The first place where `now` is not what `planned` promised.
fn contradiction(block: &Block, planned: &Partial, now: &Partial) -> Option<Path> {
    for name in block.attrs.keys() {
        if let Some(p) = differs(planned.get(name), now.get(name), &mut vec![Step::Attr((*name).to_owned())]) {
            return Some(p);
        }
    }
    for (name, b) in &block.blocks {
        let (p, n) = (planned.get(name), now.get(name));
        match (b.nesting, p, n) {
            // Elements of sets with holes have no place of their own.
            (Nesting::Set, p, _) if !p.is_known() => {}
            (Nesting::List, Partial::List(p), Partial::List(n)) if p.len() == n.len() => {
                for (i, (p, n)) in p.iter().zip(n).enumerate() {
                    if let Some(inner) = contradiction(&b.block, p, n) {
                        let mut path = Path::attr(*name).with_index(i);
                        path.0.extend(inner.0);
                        return Some(path);
                    }
                }
            }
            (Nesting::Single, p @ Partial::Map(_), n @ Partial::Map(_)) => {
                if let Some(inner) = contradiction(&b.block, p, n) {
                    let mut path = Path::attr(*name);
                    path.0.extend(inner.0);
                    return Some(path);
                }
            }
            _ => {
                if let Some(p) = differs(p, n, &mut vec![Step::Attr((*name).to_owned())]) {
                    return Some(p);
                }
            }
        }
    }
    None
}

fn differs(planned: &Partial, now: &Partial, at: &mut Vec<Step>) -> Option<Path> {
    match (planned, now) {
        (Partial::Unknown, _) => None,
        (p, n) if p == n => None,
        (Partial::List(p), Partial::List(n)) if p.len() == n.len() && !planned.is_known() => {
            p.iter().zip(n).enumerate().find_map(|(i, (p, n))| {
                at.push(Step::Index(i));
                let found = differs(p, n, at);
                at.pop();
                found
            })
        }
        (Partial::Map(p), Partial::Map(n)) if !planned.is_known() => p.iter().find_map(|(k, p)| {
            // The type of a dynamic value is known with the value.
            if k == "type" && p != n.get(k).unwrap_or(&Partial::Null) {
                return None;
            }
            at.push(Step::Key(k.clone()));
            let found = differs(p, n.get(k).unwrap_or(&Partial::Null), at);
            at.pop();
            found
        }),
        _ => Some(Path(at.clone())),
    }
}
