//! The console's evaluation: `type(…)` exists there and nowhere else.

use stackctl_hcl::{Expr, ExprKind};

use super::Scope;
use super::evaluator::Evaluator;
use crate::diag::Problem;
use crate::value::show;

/// Evaluates an expression that [`crate::check::expression`] found nothing wrong with, and prints its value as the
/// console does.
///
/// # Errors
/// Everything that is wrong with its values.
pub fn console(e: &Expr, scope: &dyn Scope) -> Result<String, Vec<Problem>> {
    let mut ev = Evaluator::new(scope);
    ev.in_console = true;
    let v = ev.eval(e);
    if ev.errors > 0 {
        return Err(ev.problems);
    }
    let is_type = matches!(&e.without_parens().kind, ExprKind::FunctionCall(c) if c.name.as_str() == "type");
    Ok(match v.as_str() {
        Some(text) if is_type && !v.marks().is_sensitive() => text.to_owned(),
        _ => show(&v),
    })
}
