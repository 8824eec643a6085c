//! Function calls. `try` and `can` see expressions; everything else gets values.

use std::cell::RefCell;

use stackctl_core::Ty;
use stackctl_hcl::ast::FunctionCall;
use stackctl_hcl::{Expr, ExprKind};

use super::evaluator::Evaluator;
use super::template::render;
use crate::diag::Problem;
use crate::functions::{self, FnContext, Signature, lazy};
use crate::value::{Marks, Value, type_text};

impl<'a> Evaluator<'a> {
    /// `name(args…)`
    pub(super) fn call(&mut self, c: &'a FunctionCall, e: &'a Expr) -> Value {
        let name = c.name.as_str();
        match name.strip_prefix("core::").unwrap_or(name) {
            "try" if !c.expand_final => return self.call_try(c, e),
            "can" if c.args.len() == 1 && !c.expand_final => {
                let v = self.attempt(&c.args[0]);
                return lazy::can(v.as_ref());
            }
            "templatefile" | "templatestring" if self.in_template => {
                let detail = format!("A template cannot render another one: \"{name}\" is not allowed in it.");
                return self.fail_span(c.name.span, "Error in function call", detail);
            }
            "type" if self.in_console && c.args.len() == 1 => {
                let errors = self.errors;
                let v = self.eval(&c.args[0]);
                if self.errors > errors {
                    return Value::dynamic();
                }
                return Value::string(type_text(&v.ty())).with_marks(v.marks() | Marks::TYPE);
            }
            "templatestring" => {
                if let Some(why) = c.args.first().and_then(not_from_elsewhere) {
                    return self.fail_at(&c.args[0], || Problem::error("Invalid function argument", why));
                }
            }
            _ => {}
        }
        let Some(world) = self.scope.world() else {
            return self.fail_span(
                c.name.span,
                "Function calls not allowed",
                "Functions may not be called here: a literal value is required.",
            );
        };
        let Some(signature) = functions::signature(name) else {
            let p = unknown_function(name, c.name.span);
            return self.fail(|_| p);
        };
        if !c.expand_final
            && let Some((summary, detail)) = miscounted(&signature, c.args.len())
        {
            return self.fail_at(e, || Problem::error(summary, detail));
        }
        let errors = self.errors;
        let mut args: Vec<Value> = c.args.iter().map(|a| self.eval(a)).collect();
        if self.errors > errors {
            return Value::dynamic();
        }
        let mut marks = Marks::NONE;
        if c.expand_final
            && let Some(last) = args.pop()
        {
            marks = last.marks();
            let sequence = matches!(last.bare_ty(), Some(Ty::Dynamic | Ty::List(_) | Ty::Set(_) | Ty::Tuple(_)));
            match last.elements() {
                Some(items) => args.extend_from_slice(items),
                None if !last.is_known() && sequence => return Value::dynamic().with_marks(last.all_marks()),
                None => {
                    let at = c.args.last().unwrap_or(e);
                    return self.fail_at(at, || {
                        Problem::error(
                            "Invalid expanding argument value",
                            "The expanding argument (marked by ...) must be a list, set or tuple, and not null.",
                        )
                    });
                }
            }
        }
        if c.expand_final
            && let Some((summary, detail)) = miscounted(&signature, args.len())
        {
            return self.fail_at(e, || Problem::error(summary, detail));
        }
        let nested: RefCell<usize> = RefCell::new(0);
        let renderer = |text: &str, name: &str, vars: &Value| {
            *nested.borrow_mut() += 1;
            render(text, name, vars, world)
        };
        let cx = FnContext {
            files: world.files,
            planning: world.planning,
            plan_time: world.plan_time,
            now: world.now,
            ids: world.ids,
            render: &renderer,
        };
        match functions::call(name, &args, &cx) {
            Ok(v) if marks == Marks::NONE => v,
            Ok(v) => v.with_marks(marks),
            Err(err) => {
                let at = err.arg.and_then(|i| c.args.get(i.min(c.args.len().saturating_sub(1)))).unwrap_or(e);
                let secret = args.iter().any(|a| quotes(&err.message, a, false));
                let message = match err.message.trim_end_matches('.') {
                    // What a function says may quote its arguments.
                    _ if secret => "the reason is not shown, because an argument is sensitive or ephemeral".to_owned(),
                    message => message.to_owned(),
                };
                let param = err.arg.and_then(|i| parameter(name, i));
                self.fail_at(at, || match param {
                    Some(param) => Problem::error(
                        "Invalid function argument",
                        format!("Invalid value for \"{param}\" parameter: {message}."),
                    ),
                    None => Problem::error(
                        "Error in function call",
                        format!("Call to function \"{name}\" failed: {message}."),
                    ),
                })
            }
        }
    }

    fn call_try(&mut self, c: &'a FunctionCall, e: &'a Expr) -> Value {
        for a in &c.args {
            if let Some(v) = self.attempt(a) {
                return lazy::try_accepts(&v);
            }
        }
        let detail = if self.quiet > 0 || self.explaining {
            "No expression succeeded.".to_owned()
        } else {
            self.why_all_failed(c)
        };
        self.fail_at(e, || Problem::error("Error in function call", detail))
    }

    fn why_all_failed(&self, c: &'a FunctionCall) -> String {
        if c.args.is_empty() {
            return "Call to function \"try\" failed: at least one argument is required.".to_owned();
        }
        let mut out = "Call to function \"try\" failed: no expression succeeded:".to_owned();
        for a in &c.args {
            let mut ev = Evaluator::new(self.scope);
            ev.names.clone_from(&self.names);
            ev.in_template = self.in_template;
            ev.explaining = true;
            ev.eval(a);
            for p in ev.problems {
                out.push_str(&format!("\n- {}: {}", p.summary, p.detail));
            }
        }
        out
    }
}

/// What is wrong with a number of arguments.
fn miscounted(s: &Signature, n: usize) -> Option<(&'static str, String)> {
    let (name, wanted) = (s.name, s.params.len());
    if let Some(missing) = s.params.get(n) {
        let least = if s.variadic.is_some() { "at least" } else { "exactly" };
        let ending = if wanted == 1 { "" } else { "s" };
        let detail = format!(
            "Function \"{name}\" needs {least} {wanted} argument{ending}: a value for \"{}\" is missing.",
            missing.name
        );
        return Some(("Not enough function arguments", detail));
    }
    let too_many = n > wanted && s.variadic.is_none();
    too_many.then(|| {
        let detail = match wanted {
            0 => format!("Function \"{name}\" takes no arguments."),
            1 => format!("Function \"{name}\" takes just 1 argument."),
            _ => format!("Function \"{name}\" takes at most {wanted} arguments."),
        };
        ("Too many function arguments", detail)
    })
}

/// Whether a message repeats a text of a marked value.
fn quotes(message: &str, v: &Value, inside: bool) -> bool {
    if !inside && !v.contains_marked() {
        return false;
    }
    let marked = inside || v.marks() != Marks::NONE;
    if let Some(items) = v.elements() {
        return items.iter().any(|i| quotes(message, i, marked));
    }
    if let Some(entries) = v.entries() {
        return entries.iter().any(|(k, i)| (marked && repeats(message, k)) || quotes(message, i, marked));
    }
    let text = match v.as_number() {
        Some(n) => n.to_string(),
        None => v.as_str().unwrap_or_default().to_owned(),
    };
    marked && repeats(message, &text)
}

fn repeats(message: &str, text: &str) -> bool {
    let quoted = || [format!("{text:?}"), format!("'{text}'"), format!(" {text}")].iter().any(|q| message.contains(q));
    !text.is_empty() && if text.len() > 3 { message.contains(text) } else { quoted() }
}

/// Why an expression may not be the template of `templatestring`: it must be a reference to a text from elsewhere.
fn not_from_elsewhere(e: &Expr) -> Option<&'static str> {
    match &e.without_parens().kind {
        ExprKind::ScopeTraversal(_)
        | ExprKind::RelativeTraversal { .. }
        | ExprKind::Index { .. }
        | ExprKind::Invalid => None,
        ExprKind::Template(_) | ExprKind::TemplateWrap(_) => Some(
            "Invalid value for \"template\" parameter: templatestring is only for templates that come from elsewhere, and \
             so does not support a literal template; use a template string expression instead.",
        ),
        _ => Some("Invalid value for \"template\" parameter: it must be a direct reference to a single string."),
    }
}

/// Name of a function's parameter.
fn parameter(function: &str, i: usize) -> Option<&'static str> {
    let s = functions::signature(function)?;
    s.params.get(i).or(s.variadic.as_ref()).map(|p| p.name)
}

/// A call of a function that does not exist.
pub(crate) fn unknown_function(name: &str, at: stackctl_hcl::Span) -> Problem {
    let p = match name.split_once("::") {
        Some((space, _)) if space != "core" => Problem::error(
            "Unknown provider function",
            format!("The function \"{name}\" does not exist: no provider in use has functions of that name."),
        ),
        _ => Problem::error("Call to unknown function", format!("There is no function named \"{name}\".")),
    };
    p.at(at).suggest(name, functions::names())
}
