//! Type expressions of variables: `list(object({ a = optional(string, "x") }))`.

use std::collections::BTreeMap;
use std::sync::Arc;

use stackctl_core::Ty;
use stackctl_core::ty::ObjectTy;
use stackctl_hcl::ast::{FunctionCall, ScopeTraversal};
use stackctl_hcl::{Expr, ExprKind, Span};

use super::fields::{Cx, constant, key_text, literal_text};
use crate::convert::{Defaults, TypeConstraint, convert};
use crate::diag::Problem;
use crate::value::Value;

const NAMES: [&str; 10] = ["string", "number", "bool", "any", "list", "set", "map", "object", "tuple", "optional"];

/// Reads the type of a variable; `None` if something is wrong, which is reported.
pub(super) fn constraint(e: &Expr, cx: &mut Cx) -> Option<TypeConstraint> {
    let (ty, defaults) = ty(e, true, cx)?;
    Some(TypeConstraint { ty, defaults: (!defaults.is_empty()).then(|| Arc::new(defaults)) })
}

/// A type, and the default values in it.
type Typed = (Ty, Defaults);

fn wrong(cx: &mut Cx, span: Span, detail: impl Into<String>) -> Option<Typed> {
    cx.report(Problem::error("Invalid type specification", detail).at(span));
    None
}

fn ty(e: &Expr, top: bool, cx: &mut Cx) -> Option<Typed> {
    match &e.kind {
        ExprKind::ScopeTraversal(t) => named(t, top, cx),
        ExprKind::FunctionCall(c) => constructor(c, e.span, cx),
        ExprKind::Template(_) => {
            let Some(text) = literal_text(e) else { return wrong(cx, e.span, "A type is required here.") };
            let (parsed, errors) = stackctl_hcl::parse_expr(&text, e.span.file, e.span.start + 1);
            if !errors.is_empty() {
                cx.problems.extend(errors.into_iter().map(Problem::from));
                return None;
            }
            if cx.is_json(e.span) {
                return ty(&parsed, top, cx);
            }
            let p = Problem::error("Invalid type specification", "A type is written without quotes.").at(e.span);
            cx.report(match text.as_str() {
                "list" | "set" | "map" => p.hinted(format!("Write {text}(string).")),
                _ => p.hinted(format!("Write {text}.")),
            });
            None
        }
        ExprKind::Invalid => None,
        _ => wrong(
            cx,
            e.span,
            "A type is required here: string, number, bool, any, or list(…), set(…), map(…), tuple([…]), object({…}).",
        ),
    }
}

fn named(t: &ScopeTraversal, top: bool, cx: &mut Cx) -> Option<Typed> {
    let name = t.root.as_str();
    let plain = |ty| Some((ty, Defaults::default()));
    match name {
        _ if !t.steps.is_empty() => wrong(cx, t.span, "A type is a single word or a call such as list(string)."),
        "string" => plain(Ty::String),
        "number" => plain(Ty::Number),
        "bool" => plain(Ty::Bool),
        "any" => plain(Ty::Dynamic),
        "list" if top => plain(Ty::list(Ty::Dynamic)),
        "map" if top => plain(Ty::map(Ty::Dynamic)),
        "list" | "set" | "map" => {
            wrong(cx, t.span, format!("The {name} type needs the type of its elements: {name}(string)."))
        }
        "object" => wrong(cx, t.span, "The object type needs its attributes: object({ name = string })."),
        "tuple" => wrong(cx, t.span, "The tuple type needs the types of its elements: tuple([string, number])."),
        "optional" => wrong(cx, t.span, "\"optional\" is for attributes of object types only."),
        _ => {
            let p = Problem::error("Invalid type specification", format!("\"{name}\" is not a type.")).at(t.span);
            cx.report(p.suggest(name, NAMES));
            None
        }
    }
}

fn constructor(c: &FunctionCall, span: Span, cx: &mut Cx) -> Option<Typed> {
    let name = c.name.as_str();
    let one = match c.args.as_slice() {
        [a] if !c.expand_final => Some(a),
        _ => None,
    };
    match name {
        "list" | "set" | "map" => {
            let Some(of) = one else {
                return wrong(cx, span, format!("The {name} type has one argument, the type of its elements."));
            };
            let (of, inner) = ty(of, false, cx)?;
            let defaults = Defaults { each: (!inner.is_empty()).then(|| Box::new(inner)), ..Defaults::default() };
            let ty = match name {
                "list" => Ty::list(of),
                "set" => Ty::set(of),
                _ => Ty::map(of),
            };
            Some((ty, defaults))
        }
        "tuple" => {
            let Some(Expr { kind: ExprKind::Tuple(items), .. }) = one else {
                return wrong(cx, span, "The tuple type has one argument, a list of types: tuple([string, number]).");
            };
            let all: Vec<_> = items.iter().map(|e| ty(e, false, cx)).collect();
            let (mut tys, mut children) = (Vec::new(), BTreeMap::new());
            for (i, t) in all.into_iter().enumerate() {
                let (t, d) = t?;
                tys.push(t);
                if !d.is_empty() {
                    children.insert(i.to_string(), d);
                }
            }
            Some((Ty::Tuple(tys), Defaults { children, ..Defaults::default() }))
        }
        "object" => {
            let Some(Expr { kind: ExprKind::Object(items), .. }) = one else {
                return wrong(cx, span, "The object type has one argument, its attributes: object({ name = string }).");
            };
            object(items, cx)
        }
        "optional" => wrong(cx, span, "\"optional\" is for attributes of object types only."),
        "string" | "number" | "bool" | "any" => wrong(cx, span, format!("The type \"{name}\" has no arguments.")),
        _ => {
            let p = Problem::error("Invalid type specification", format!("\"{name}\" is not a type constructor."));
            cx.report(p.at(c.name.span).suggest(name, NAMES));
            None
        }
    }
}

fn object(items: &[stackctl_hcl::ast::ObjectItem], cx: &mut Cx) -> Option<Typed> {
    let mut o = ObjectTy::default();
    let (mut values, mut children) = (BTreeMap::new(), BTreeMap::new());
    let mut good = true;
    for item in items {
        let Some((name, at)) = key_text(&item.key) else {
            wrong(cx, item.key.span(), "The name of an attribute is required here.");
            good = false;
            continue;
        };
        let (of, default) = match &item.value.kind {
            ExprKind::FunctionCall(c) if c.name.as_str() == "optional" => match c.args.as_slice() {
                [t] => {
                    o.optional.insert(name.clone());
                    (t, None)
                }
                [t, d] => {
                    o.optional.insert(name.clone());
                    (t, Some(d))
                }
                _ => {
                    wrong(
                        cx,
                        item.value.span,
                        "\"optional\" has a type and perhaps a default: optional(string, \"x\").",
                    );
                    good = false;
                    continue;
                }
            },
            _ => (&item.value, None),
        };
        let Some((t, inner)) = ty(of, false, cx) else {
            good = false;
            continue;
        };
        if let Some(d) = default {
            match default_value(d, &t, &inner, cx) {
                Some(v) => {
                    values.insert(name.clone(), v);
                }
                None => good = false,
            }
        }
        if !inner.is_empty() {
            children.insert(name.clone(), inner);
        }
        if o.attrs.insert(name.clone(), t).is_some() {
            wrong(cx, at, format!("The attribute \"{name}\" is given twice."));
            good = false;
        }
    }
    good.then_some((Ty::Object(o), Defaults { attrs: values, children, each: None }))
}

/// A default value, converted to the type of its attribute.
fn default_value(e: &Expr, ty: &Ty, inner: &Defaults, cx: &mut Cx) -> Option<Value> {
    let v = constant(e, cx)?;
    match convert(&inner.apply(&v), ty) {
        Ok(v) => Some(v),
        Err(err) => {
            cx.report(
                Problem::error(
                    "Invalid default value for optional attribute",
                    format!("This default value is not compatible with the attribute's type constraint: {err}."),
                )
                .at(e.span),
            );
            None
        }
    }
}
