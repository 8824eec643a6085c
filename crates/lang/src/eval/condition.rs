//! Conditions: `validation`, `precondition`, `postcondition`, `assert`.

use stackctl_core::Ty;

use super::describe::values_of;
use super::evaluator::Evaluator;
use super::{Scope, expr};
use crate::config::Condition;
use crate::convert::convert;
use crate::diag::Problem;

/// How a condition came out.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// True.
    Pass,
    /// Not known yet.
    Unknown,
    /// False: the message, and a problem that carries it with the place and the values involved.
    Fail(String, Box<Problem>),
    /// It could not be evaluated.
    Error(Vec<Problem>),
}

/// Evaluates a condition. `summary` is the headline of its failure: `Resource precondition failed`.
pub fn condition(c: &Condition, summary: &str, scope: &dyn Scope) -> Outcome {
    let (v, mut problems) = expr(&c.condition, scope);
    let failed = |problems: &[Problem]| problems.iter().any(Problem::is_error);
    if failed(&problems) {
        return Outcome::Error(problems);
    }
    let invalid = |detail: String| {
        let p = Problem::error("Invalid condition result", detail).at(c.condition.span);
        Outcome::Error(vec![p])
    };
    if v.is_null() {
        return invalid("The condition value must be true or false, and not null.".to_owned());
    }
    let truth = match convert(&v, &Ty::Bool) {
        Ok(v) => v.as_bool(),
        Err(err) => return invalid(format!("The condition value is unsuitable: {err}.")),
    };
    match truth {
        Some(true) => return Outcome::Pass,
        None => return Outcome::Unknown,
        Some(false) => {}
    }
    let (message, more) = expr(&c.error_message, scope);
    problems.extend(more);
    if failed(&problems) {
        return Outcome::Error(problems);
    }
    let marks = message.all_marks();
    let (plain, _) = message.unmark_deep();
    let text = match convert(&plain, &Ty::String) {
        _ if !marks.is_empty() => {
            format!("The error message included {} value, so it is not displayed.", marks.adjective())
        }
        Ok(v) => match v.as_str() {
            Some(s) => s.trim().to_owned(),
            None if v.is_null() => "The error message is null.".to_owned(),
            None => "The error message is not known yet.".to_owned(),
        },
        Err(err) => return invalid(format!("The error message is unsuitable: {err}.")),
    };
    let p = Problem::error(summary, text.clone()).at(c.condition.span);
    let values = values_of(&Evaluator::new(scope), &c.condition);
    Outcome::Fail(text, Box::new(Problem { values, ..p }))
}
