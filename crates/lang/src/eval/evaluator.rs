//! Expressions other than collections, calls and templates.
//!
//! Errors are counted always and described only where somebody will see them: inside of `try`, and in the branch that a
//! conditional does not take, `quiet` is set and no message is made.

use stackctl_hcl::ast::{
    Binary, BinaryOp, Conditional, IndexKey, Literal, ScopeTraversal, Splat, StepKind, TraversalStep,
};
use stackctl_hcl::{Expr, ExprKind, Span};

use super::Scope;
use super::describe::values_of;
use crate::diag::{Problem, closest};
use crate::ops::{self, OpError, Operand};
use crate::refs::Reference;
use crate::value::{MOST_NODES, Value};
use stackctl_core::{Number, Ty};

/// The state of one evaluation.
pub(super) struct Evaluator<'a> {
    pub(super) scope: &'a dyn Scope,
    /// Names that `for`, `dynamic` and template variables bind, innermost last.
    pub(super) names: Vec<(&'a str, Value)>,
    /// The current element of each splat around, innermost last.
    items: Vec<Value>,
    /// What is wrong, quiet parts aside.
    pub(super) problems: Vec<Problem>,
    /// Number of errors so far, quiet ones included.
    pub(super) errors: usize,
    /// Depth of places whose errors nobody will see.
    pub(super) quiet: u32,
    /// Inside of a template that a function renders: functions that would render another one are refused.
    pub(super) in_template: bool,
    /// The console's own functions exist.
    pub(super) in_console: bool,
    /// This evaluation only finds out why another one failed.
    pub(super) explaining: bool,
    /// Elements that `for` and splats have gone through.
    steps: u64,
}

/// More problems of one evaluation are counted and not described.
const MAX_PROBLEMS: usize = 50;

/// More elements in one evaluation are taken for a mistake: their values would not fit into memory.
const MAX_STEPS: u64 = 4_000_000;

impl<'a> Evaluator<'a> {
    pub(super) fn new(scope: &'a dyn Scope) -> Evaluator<'a> {
        let (names, items, problems) = (Vec::new(), Vec::new(), Vec::new());
        Evaluator {
            scope,
            names,
            items,
            problems,
            errors: 0,
            quiet: 0,
            in_template: false,
            in_console: false,
            explaining: false,
            steps: 0,
        }
    }

    /// Reports an error; the value stands for what could not be evaluated.
    pub(super) fn fail(&mut self, problem: impl FnOnce(&Self) -> Problem) -> Value {
        self.errors += 1;
        if self.quiet == 0 && self.problems.len() < MAX_PROBLEMS {
            let p = problem(self);
            let repeated = |q: &Problem| q.span == p.span && q.summary == p.summary && q.detail == p.detail;
            if !self.problems.iter().any(repeated) {
                self.problems.push(p);
            }
        }
        Value::dynamic()
    }

    /// Reports an error at an expression, with the values of what it refers to.
    pub(super) fn fail_at(&mut self, e: &'a Expr, problem: impl FnOnce() -> Problem) -> Value {
        self.fail(|ev| {
            let p = problem().at(e.span);
            Problem { values: values_of(ev, e), ..p }
        })
    }

    /// Reports what an operator says, at the operand that it blames.
    fn fail_op(&mut self, err: OpError, whole: &'a Expr, left: &'a Expr, right: Option<&'a Expr>) -> Value {
        let at = match err.operand {
            Some(Operand::Left) => left,
            Some(Operand::Right) => right.unwrap_or(whole),
            None => whole,
        };
        self.fail_at(at, || Problem::error(err.summary, err.detail))
    }

    /// Evaluates something whose errors are dropped; `None` if there were any.
    pub(super) fn attempt(&mut self, e: &'a Expr) -> Option<Value> {
        let (v, good) = self.quietly(e);
        good.then_some(v)
    }

    /// The same with what could be evaluated, unknown where something failed; false if anything did.
    fn quietly(&mut self, e: &'a Expr) -> (Value, bool) {
        let before = self.errors;
        self.quiet += 1;
        let v = self.eval(e);
        self.quiet -= 1;
        let good = self.errors == before;
        self.errors = before;
        (v, good)
    }

    /// The value of an expression.
    pub(super) fn eval(&mut self, e: &'a Expr) -> Value {
        let v = self.unlimited(e);
        if v.nodes() > MOST_NODES {
            let detail = format!("Its value has more than {MOST_NODES} parts.");
            return self.fail_span(e.span, "Expression too large", detail);
        }
        v
    }

    fn unlimited(&mut self, e: &'a Expr) -> Value {
        match &e.kind {
            ExprKind::Literal(l) => match l {
                Literal::Null => Value::null(&Ty::Dynamic),
                Literal::Bool(b) => Value::bool(*b),
                Literal::Number(n) => match Number::parse(n) {
                    Some(n) => Value::number(n),
                    None => self.fail(|_| Problem::error("Invalid number", "This number cannot be read.").at(e.span)),
                },
            },
            ExprKind::Template(t) => self.template(&t.parts),
            ExprKind::TemplateWrap(inner) | ExprKind::Parens(inner) => self.eval(inner),
            ExprKind::ScopeTraversal(t) => self.scope_traversal(t, e),
            ExprKind::RelativeTraversal { source, steps } => {
                let v = self.eval(source);
                self.steps(v, steps, e)
            }
            ExprKind::Index { source, key } => {
                let (collection, k) = (self.eval(source), self.eval(key));
                match ops::index(&collection, &k) {
                    Ok(v) => v,
                    Err(err) => {
                        let hint = index_hint(&collection, &k);
                        let at = if err.operand == Some(Operand::Left) { &**source } else { &**key };
                        self.fail_at(at, || hinted(Problem::error(err.summary, err.detail), hint))
                    }
                }
            }
            ExprKind::Splat(s) => self.splat(s, e),
            ExprKind::SplatItem => self.items.last().cloned().unwrap_or_else(Value::dynamic),
            ExprKind::FunctionCall(c) => self.call(c, e),
            ExprKind::Conditional(c) => self.conditional(c, e),
            ExprKind::Unary { op, operand, .. } => {
                let v = self.eval(operand);
                match ops::unary(*op, &v) {
                    Ok(v) => v,
                    Err(err) => self.fail_op(err, e, operand, None),
                }
            }
            ExprKind::Binary(b) => self.binary(b, e),
            ExprKind::Tuple(items) => Value::tuple(items.iter().map(|i| self.eval(i)).collect()),
            ExprKind::Object(items) => self.object(items),
            ExprKind::For(f) => self.for_expr(f, e),
            ExprKind::Invalid => Value::dynamic(),
        }
    }

    /// Counts an element of a collection; false, with a report, where there are too many.
    pub(super) fn step(&mut self, at: Span) -> bool {
        self.steps += 1;
        if self.steps == MAX_STEPS {
            let detail = format!("It goes through more than {MAX_STEPS} elements.");
            self.fail_span(at, "Expression too large", detail);
        }
        self.steps < MAX_STEPS
    }

    /// The value that a name bound in here has.
    pub(super) fn bound(&self, name: &str) -> Option<&Value> {
        self.names.iter().rev().find(|(n, _)| *n == name).map(|(_, v)| v)
    }

    fn scope_traversal(&mut self, t: &'a ScopeTraversal, e: &'a Expr) -> Value {
        if !self.names.is_empty()
            && let Some(v) = self.bound(t.root.as_str())
        {
            let v = v.clone();
            return self.steps(v, &t.steps, e);
        }
        if self.in_template {
            let root = t.root.as_str();
            return self.fail(|ev| {
                let detail = format!("The variables given to the template have no \"{root}\".");
                let p = Problem::error("Unknown template variable", detail).at(t.root.span);
                p.suggest(root, ev.names.iter().map(|(n, _)| *n))
            });
        }
        let r = match Reference::of(t) {
            Ok(r) => r,
            Err(p) => return self.fail(|_| p.at(t.span)),
        };
        match self.scope.resolve(&r) {
            Ok(v) => self.steps(v, r.rest, e),
            Err(p) => self.fail(|_| p.at(r.span)),
        }
    }

    /// Follows steps of fixed keys.
    fn steps(&mut self, mut v: Value, steps: &'a [TraversalStep], e: &'a Expr) -> Value {
        for s in steps {
            let next = match &s.kind {
                StepKind::Attr(name) => ops::get_attr(&v, name),
                StepKind::Index(key) => ops::index(&v, &key_value(key)),
                StepKind::LegacyIndex(digits) => {
                    ops::index(&v, &Number::parse(digits).map_or_else(Value::dynamic, Value::number))
                }
            };
            match next {
                Ok(n) => v = n,
                Err(err) => {
                    return self.fail(|ev| {
                        let p = Problem::error(err.summary, err.detail).at(s.span);
                        let p = match &s.kind {
                            StepKind::Attr(name) => hinted(p, name_hint(&v, name)),
                            StepKind::Index(key) => hinted(p, index_hint(&v, &key_value(key))),
                            StepKind::LegacyIndex(_) => hinted(p, index_hint(&v, &Value::from(0))),
                        };
                        Problem { values: values_of(ev, e), ..p }
                    });
                }
            }
        }
        v
    }

    fn splat(&mut self, s: &'a Splat, e: &'a Expr) -> Value {
        let source = self.eval(&s.source);
        let result = ops::splat(&source, &mut |item| {
            if !self.step(s.marker_span) {
                return Value::dynamic();
            }
            self.items.push(item.clone());
            let v = self.eval(&s.each);
            self.items.pop();
            v
        });
        match result {
            Ok(v) => v,
            Err(err) => self.fail_op(err, e, &s.source, None),
        }
    }

    /// Errors of the branch that is not taken are dropped, and those of both where it is not known which one is; their
    /// types take part nevertheless.
    fn conditional(&mut self, c: &'a Conditional, e: &'a Expr) -> Value {
        let cond = self.eval(&c.condition);
        let taken = crate::convert::convert(&cond, &Ty::Bool).ok().and_then(|v| v.as_bool());
        let mut branch = |e: &'a Expr, taken: bool| if taken { self.eval(e) } else { self.quietly(e).0 };
        let then = branch(&c.if_true, taken == Some(true));
        let other = branch(&c.if_false, taken == Some(false));
        match ops::conditional(&cond, &then, &other) {
            Ok(v) => v,
            Err(err) => self.fail_op(err, e, &c.condition, None),
        }
    }

    fn binary(&mut self, b: &'a Binary, e: &'a Expr) -> Value {
        if !matches!(b.op, BinaryOp::And | BinaryOp::Or) {
            let (l, r) = (self.eval(&b.lhs), self.eval(&b.rhs));
            return match ops::binary(b.op, &l, &r) {
                Ok(v) => v,
                Err(err) => self.fail_op(err, e, &b.lhs, Some(&b.rhs)),
            };
        }
        let (errors, reported) = (self.errors, self.problems.len());
        let l = self.eval(&b.lhs);
        let l = (self.errors == errors).then_some(l);
        if let Ok(Some(v)) = l.as_ref().map_or(Ok(None), |l| ops::and_or(b.op, Some(l), None))
            && v.is_known()
        {
            return v;
        }
        let before = self.errors;
        let r = self.eval(&b.rhs);
        let r = (self.errors == before).then_some(r);
        match ops::and_or(b.op, l.as_ref(), r.as_ref()) {
            Ok(Some(v)) => {
                self.errors = errors;
                self.problems.truncate(reported);
                v
            }
            Ok(None) => Value::dynamic(),
            Err(err) => self.fail_op(err, e, &b.lhs, Some(&b.rhs)),
        }
    }

    /// Reports an error at a place that is no expression.
    pub(super) fn fail_span(&mut self, span: Span, summary: &'static str, detail: impl Into<String>) -> Value {
        self.fail(|_| Problem::error(summary, detail).at(span))
    }
}

fn hinted(p: Problem, hint: Option<String>) -> Problem {
    match hint {
        Some(h) => p.hinted(h),
        None => p,
    }
}

/// The attribute or key that was probably meant. Nothing of marked values is shown.
fn name_hint(v: &Value, written: &str) -> Option<String> {
    let entries = v.entries().filter(|_| !v.contains_marked())?;
    closest(written, entries.keys().map(String::as_str)).map(|c| format!("Did you mean \"{c}\"?"))
}

/// Which indexes or keys there are. Nothing of marked values is shown.
fn index_hint(v: &Value, key: &Value) -> Option<String> {
    if v.contains_marked() || key.contains_marked() {
        return None;
    }
    match (v.elements().map(<[Value]>::len), key.as_str()) {
        (Some(0), _) => Some("There are no elements in it.".to_owned()),
        (Some(1), _) => Some("There is only one element in it, [0].".to_owned()),
        (Some(n), _) => Some(format!("There are {n} elements in it, [0] to [{}].", n - 1)),
        (None, Some(written)) => name_hint(v, written),
        (None, None) => None,
    }
}

/// The value of a literal index key.
pub(super) fn key_value(key: &IndexKey) -> Value {
    match key {
        IndexKey::Number(n) => Number::parse(n).map_or_else(Value::dynamic, Value::number),
        IndexKey::String(s) => Value::string(s),
        IndexKey::Bool(b) => Value::bool(*b),
        IndexKey::Null => Value::null(&Ty::Dynamic),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::Constants;

    #[test]
    fn loops_over_too_many_elements_end_with_an_error() {
        for text in ["[for a in [1, 2, 3] : [for b in [1, 2, 3] : b]]", "[[1, 2], [3], [4]][*][*]"] {
            let (e, errors) = stackctl_hcl::parse_expr(text, Default::default(), 0);
            assert!(errors.is_empty());
            let mut ev = Evaluator::new(&Constants);
            ev.steps = MAX_STEPS - 5;
            assert!(!ev.eval(&e).is_wholly_known());
            let found: Vec<_> = ev.problems.iter().map(|p| p.summary.as_str()).collect();
            assert_eq!(found, ["Expression too large"], "{text}");
        }
    }

    /// Every name is this value.
    struct All(Value);
    impl Scope for All {
        fn resolve(&self, _: &Reference<'_>) -> Result<Value, Problem> {
            Ok(self.0.clone())
        }
        fn world(&self) -> Option<crate::eval::World<'_>> {
            None
        }
    }

    /// Values that share their parts are small in memory, but whatever walks through them would never end.
    #[test]
    fn values_that_double_end_with_an_error() {
        for text in ["[local.l, local.l]", "{ a = local.l, b = local.l }", "{ for k in [1, 2] : k => local.l }"] {
            let (e, errors) = stackctl_hcl::parse_expr(text, Default::default(), 0);
            assert!(errors.is_empty());
            let mut v = Value::from(1);
            let mut said = Vec::new();
            for _ in 0..64 {
                let (next, problems) = crate::eval::expr(&e, &All(v));
                v = next;
                said.extend(problems.into_iter().map(|p| p.summary));
            }
            assert!(said.iter().any(|s| s == "Expression too large"), "{text}: {said:?}");
        }
    }
}
