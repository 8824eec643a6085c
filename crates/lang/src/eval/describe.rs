//! Values in error messages: short, and never secret.

use stackctl_core::Ty;
use stackctl_hcl::Expr;
use stackctl_hcl::ast::{ScopeTraversal, StepKind};

use super::evaluator::{Evaluator, key_value};
use crate::convert::friendly;
use crate::ops;
use crate::refs::{Reference, Walk};
use crate::value::{Kind, Value};

/// Longer texts are cut.
const MAX_TEXT: usize = 60;

/// What a value is, in a few words after the name of what holds it: `is "x"`, `is a list of string`,
/// `has a sensitive value`.
pub fn describe(v: &Value) -> String {
    if !v.marks().is_empty() {
        return format!("has {} value", v.marks().adjective());
    }
    let ty = |v: &Value| friendly(&v.ty());
    match v.kind() {
        Kind::Unknown(_) if v.is_dynamic() => "will be known only after apply".to_owned(),
        Kind::Unknown(_) => format!("is {}, known only after apply", article(&ty(v))),
        Kind::Null => "is null".to_owned(),
        Kind::Bool(b) => format!("is {b}"),
        Kind::Number(n) => format!("is {n}"),
        Kind::String(s) if s.chars().count() > MAX_TEXT => {
            format!("is {:?}", s.chars().take(MAX_TEXT).chain(['…']).collect::<String>())
        }
        Kind::String(s) => format!("is {s:?}"),
        Kind::List(l) | Kind::Set(l) => format!("is {} with {}", article(&ty(v)), count(l.len(), "element")),
        Kind::Map(m) => format!("is {} with {}", article(&ty(v)), count(m.len(), "element")),
        Kind::Tuple(l) => format!("is a tuple with {}", count(l.len(), "element")),
        Kind::Object(m) if m.is_empty() => "is an object with no attributes".to_owned(),
        Kind::Object(m) if m.len() == 1 => {
            format!("is an object with 1 attribute {:?}", m.keys().next().map_or("", String::as_str))
        }
        Kind::Object(m) => format!("is an object with {}", count(m.len(), "attribute")),
    }
}

fn count(n: usize, what: &str) -> String {
    match n {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    }
}

fn article(what: &str) -> String {
    let an = what.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {what}", if an { "an" } else { "a" })
}

/// What the references in an expression stand for, without those that cannot be resolved.
pub(super) fn values_of<'a>(ev: &Evaluator<'a>, e: &'a Expr) -> Box<[(String, String)]> {
    let mut found: Vec<&ScopeTraversal> = Vec::new();
    Walk::new(&mut |e, at| found.extend(at.free(e))).expr(e);
    let mut out: Vec<(String, String)> = Vec::new();
    for t in found {
        if let Some((name, v)) = value_of(ev, t)
            && !out.iter().any(|(n, _)| *n == name)
        {
            out.push((name, describe(&v)));
        }
    }
    out.sort();
    out.into()
}

fn value_of(ev: &Evaluator<'_>, t: &ScopeTraversal) -> Option<(String, Value)> {
    let (mut name, mut v, rest) = match ev.bound(t.root.as_str()) {
        Some(v) => (t.root.as_str().to_owned(), v.clone(), t.steps.as_slice()),
        None if ev.in_template => return None,
        None => {
            let r = Reference::of(t).ok()?;
            (r.subject.to_string(), ev.scope.resolve(&r).ok()?, r.rest)
        }
    };
    for s in rest {
        let (next, shown) = match &s.kind {
            StepKind::Attr(n) => (ops::get_attr(&v, n), format!(".{n}")),
            StepKind::Index(k) => {
                let key = key_value(k);
                let shown = match key.kind() {
                    Kind::String(s) => format!("[{s:?}]"),
                    Kind::Number(n) => format!("[{n}]"),
                    _ => return Some((name, v)),
                };
                (ops::index(&v, &key), shown)
            }
            StepKind::LegacyIndex(d) => (ops::index(&v, &Value::number(d.parse::<i64>().ok()?)), format!("[{d}]")),
        };
        match next {
            Ok(n) => {
                v = n;
                name.push_str(&shown);
            }
            Err(_) => break,
        }
    }
    Some((name, v))
}

/// A type in messages, with its article.
pub(super) fn a_type(ty: &Ty) -> String {
    article(&friendly(ty))
}
