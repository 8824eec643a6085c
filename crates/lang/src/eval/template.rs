//! Templates with interpolations and directives, and templates that functions render.

use stackctl_core::Ty;
use stackctl_hcl::ast::{TemplateFor, TemplateIf, TemplatePart};
use stackctl_hcl::{FileId, Span};

use super::evaluator::Evaluator;
use super::{Scope, World};
use crate::convert::convert;
use crate::diag::Problem;
use crate::ops;
use crate::refs::{Reference, Walk};
use crate::value::{Marks, Value};

impl<'a> Evaluator<'a> {
    /// The text of a template's parts.
    pub(super) fn template(&mut self, parts: &'a [TemplatePart]) -> Value {
        match parts {
            [] => return Value::string(""),
            [TemplatePart::Literal { value, .. }] => return Value::string(value),
            _ => {}
        }
        let values: Vec<Value> = parts.iter().map(|p| self.part(p)).collect();
        match ops::concat(&values) {
            Ok(v) => v,
            Err((i, err)) => {
                let part = parts.get(i);
                match part {
                    Some(TemplatePart::Interpolation { expr, .. }) => {
                        self.fail_at(expr, || Problem::error(err.summary, err.detail))
                    }
                    Some(p) => self.fail(|_| Problem::error(err.summary, err.detail).at(span(p))),
                    None => self.fail(|_| Problem::error(err.summary, err.detail)),
                };
                Value::unknown(&Ty::String)
            }
        }
    }

    fn part(&mut self, part: &'a TemplatePart) -> Value {
        match part {
            TemplatePart::Literal { value, .. } => Value::string(value),
            TemplatePart::Interpolation { expr, .. } => self.eval(expr),
            TemplatePart::If(i) => self.template_if(i),
            TemplatePart::For(f) => self.template_for(f),
        }
    }

    fn template_if(&mut self, i: &'a TemplateIf) -> Value {
        let cond = self.eval(&i.condition);
        let taken = convert(&cond, &Ty::Bool).ok().and_then(|v| v.as_bool());
        let mut branch = |parts: &'a [TemplatePart], taken: bool| {
            if taken {
                return self.template(parts);
            }
            let errors = self.errors;
            self.quiet += 1;
            let v = self.template(parts);
            self.quiet -= 1;
            self.errors = errors;
            v
        };
        let then = branch(&i.then, taken == Some(true));
        let other = branch(i.otherwise.as_deref().unwrap_or_default(), taken == Some(false));
        match ops::conditional(&cond, &then, &other) {
            Ok(v) => v,
            Err(err) => {
                self.fail_at(&i.condition, || Problem::error(err.summary, err.detail));
                Value::unknown(&Ty::String)
            }
        }
    }

    fn template_for(&mut self, f: &'a TemplateFor) -> Value {
        let collection = self.eval(&f.collection);
        let marks = collection.marks();
        let entries = match ops::entries(&collection) {
            Ok(Some(entries)) => entries,
            Ok(None) => return Value::unknown(&Ty::String).not_null().with_marks(marks),
            Err(err) => {
                self.fail_at(&f.collection, || Problem::error(err.summary, err.detail));
                return Value::unknown(&Ty::String);
            }
        };
        let mut out = Vec::with_capacity(entries.len());
        for (k, v) in entries {
            if !self.step(f.span) {
                break;
            }
            let depth = self.names.len();
            if let Some(name) = &f.key {
                self.names.push((name.as_str(), k));
            }
            self.names.push((f.value.as_str(), v));
            out.push(self.template(&f.body));
            self.names.truncate(depth);
        }
        match ops::concat(&out) {
            Ok(v) => v.with_marks(marks),
            Err((_, err)) => {
                self.fail(|_| Problem::error(err.summary, err.detail).at(f.span));
                Value::unknown(&Ty::String)
            }
        }
    }
}

fn span(p: &TemplatePart) -> Span {
    match p {
        TemplatePart::Literal { span, .. } | TemplatePart::Interpolation { span, .. } => *span,
        TemplatePart::If(i) => i.span,
        TemplatePart::For(f) => f.span,
    }
}

/// Renders a template file: its text, its name for messages, and an object or map of its variables. Nothing else has a
/// name in it, and it may not render another template.
///
/// # Errors
/// Everything that is wrong with the template, in one text.
pub fn render(text: &str, name: &str, vars: &Value, world: World<'_>) -> Result<Value, String> {
    let mut sources = stackctl_hcl::SourceMap::new();
    let file: FileId = sources.add(name, text);
    let (template, errors) = stackctl_hcl::parse_template(text, file);
    if !errors.is_empty() {
        return Err(message(errors.into_iter().map(Problem::from).collect(), &sources));
    }
    let (vars, marks) = (vars, vars.marks());
    let Some(entries) = vars.entries() else {
        return Err("the template's variables must be an object or a map".to_owned());
    };
    for name in entries.keys() {
        if !stackctl_hcl::is_identifier(name) {
            return Err(format!("{name:?} is not a valid name of a template variable"));
        }
    }
    // Also what is not evaluated, as a branch that is not taken, has to be there.
    let mut missing = None;
    Walk::new(&mut |e, at| {
        if let Some(t) = at.free(e).filter(|t| !entries.contains_key(t.root.as_str())) {
            missing.get_or_insert((t.root.as_str(), t.root.span));
        }
    })
    .expr(&template);
    if let Some((name, span)) = missing {
        let detail = format!("The template has no variable \"{name}\".");
        let p = Problem::error("Unknown template variable", detail).at(span);
        return Err(message(vec![p.suggest(name, entries.keys().map(String::as_str))], &sources));
    }
    let scope = Variables { world };
    let mut ev = Evaluator::new(&scope);
    ev.in_template = true;
    ev.names.extend(entries.iter().map(|(k, v)| (k.as_str(), v.clone())));
    let v = ev.eval(&template);
    if ev.errors > 0 {
        return Err(message(ev.problems, &sources));
    }
    Ok(if marks == Marks::NONE { v } else { v.with_marks(marks) })
}

fn message(problems: Vec<Problem>, sources: &stackctl_hcl::SourceMap) -> String {
    let mut out: Vec<String> = Vec::new();
    for p in problems {
        let place = p.span.and_then(|s| sources.range(s));
        let place = place.map(|r| format!("{}:{},{}: ", r.filename, r.start.line, r.start.column));
        let detail = p.detail.trim_end_matches('.');
        out.push(format!("{}{}; {detail}", place.unwrap_or_default(), p.summary));
    }
    out.join("; ")
}

/// The scope of a template: its variables are bound names, and the evaluator asks for nothing else.
struct Variables<'a> {
    world: World<'a>,
}

impl Scope for Variables<'_> {
    fn resolve(&self, r: &Reference<'_>) -> Result<Value, Problem> {
        Err(Problem::error("Unknown template variable", format!("A template cannot see {}.", r.subject)))
    }
    fn world(&self) -> Option<World<'_>> {
        Some(self.world)
    }
}
