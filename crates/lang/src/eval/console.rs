//! The console's evaluation: `type(…)` exists there and nowhere else.

use stackctl_hcl::Expr;

use super::Scope;
use super::evaluator::Evaluator;
use crate::diag::Problem;
use crate::value::{Marks, show};

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
    if !v.all_marks().contains(Marks::TYPE) {
        return Ok(show(&v));
    }
    // The type of a secret is none.
    v.as_str().map(str::to_owned).ok_or_else(|| {
        let detail = "The value of \"type\" can be looked at, and nothing else: it cannot be a part of something.";
        vec![Problem::error("Invalid use of type function", detail).at(e.span)]
    })
}
