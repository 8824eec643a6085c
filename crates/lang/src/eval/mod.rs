//! From expressions and bodies to values.
//!
//! Evaluation never stops at the first error: what fails becomes an unknown value of unknown type, and everything wrong
//! is reported together. Nothing is cached here; a [`Scope`] answers what names stand for and may cache as it likes.
//! Values and operators bring their own rules ([`crate::ops`], [`crate::convert`], [`crate::functions`]): this module
//! decides what is evaluated, in which order, and whose errors count.
//!
//! For the planner: dependencies of a configuration object are [`crate::refs::references`] and
//! [`crate::refs::body_references`] over its expressions (they borrow and cost one walk); `count` and `for_each` are
//! [`repeat`]; an instance's arguments are [`Spec::decode`] in a scope that answers `count.index`, `each.key` and
//! `each.value` of that instance. Make one [`Spec`] per type and keep it.
//!
//! Start at [`Scope`] and [`expr`].

pub(crate) mod call;
mod collection;
mod condition;
mod console;
mod decode;
mod describe;
mod evaluator;
mod locate;
mod repeat;
mod template;

use jiff::Timestamp;
use stackctl_core::{Diagnostics, Ids, Ty};
use stackctl_hcl::{Expr, SourceMap};

pub use condition::{Outcome, condition};
pub use console::console;
pub use decode::{Decoded, Spec};
pub use describe::describe;
pub use locate::locate;
pub use repeat::{Expansion, MAX_INSTANCES, Unknowns, repeat};
pub use template::render;

use crate::convert::convert;
use crate::diag::{Problem, diagnostics};
use crate::files::Files;
use crate::refs::Reference;
use crate::value::Value;
use evaluator::Evaluator;

/// What names stand for, and what functions may see of the world.
pub trait Scope {
    /// The value of a reference's subject; the evaluator applies [`Reference::rest`] to it. For a whole resource that
    /// is its object, the tuple (`count`) or the object by key (`for_each`) of its instances. Called once for each
    /// occurrence: keep it cheap, and hand out clones of shared values.
    ///
    /// # Errors
    /// If there is nothing of that name. The evaluator places the problem.
    fn resolve(&self, r: &Reference<'_>) -> Result<Value, Problem>;
    /// The world as functions see it; `None` where functions are not allowed.
    fn world(&self) -> Option<World<'_>>;
    /// The sources, to tell JSON files from others.
    fn sources(&self) -> Option<&SourceMap> {
        None
    }
}

/// What functions may see of the world.
#[derive(Clone, Copy)]
pub struct World<'a> {
    /// Files; relative paths start from its working directory.
    pub files: &'a dyn Files,
    /// True during plan and validate: `timestamp`, `uuid` and `bcrypt` are unknown then.
    pub planning: bool,
    /// When the plan was made, for `plantimestamp`; `None` (validate) makes it unknown.
    pub plan_time: Option<Timestamp>,
    /// The present, for `timestamp`.
    pub now: Timestamp,
    /// Randomness, for `uuid` and `bcrypt`.
    pub ids: &'a dyn Ids,
}

/// The value of an expression, and what is wrong.
pub fn expr(e: &Expr, scope: &dyn Scope) -> (Value, Vec<Problem>) {
    let mut ev = Evaluator::new(scope);
    let v = ev.eval(e);
    (v, ev.problems)
}

/// As [`expr`], with diagnostics instead of problems.
pub fn expr_diagnosed(e: &Expr, scope: &dyn Scope, sources: &SourceMap) -> (Value, Diagnostics) {
    let (v, problems) = expr(e, scope);
    (v, diagnostics(problems, sources))
}

/// The value of an expression, converted to a type.
pub fn expr_as(e: &Expr, ty: &Ty, scope: &dyn Scope) -> (Value, Vec<Problem>) {
    let (v, mut problems) = expr(e, scope);
    match convert(&v, ty) {
        Ok(v) => (v, problems),
        Err(err) => {
            let detail = format!("Unsuitable value: {err}.");
            problems.push(Problem::error("Unsuitable value type", detail).at(e.span));
            (Value::unknown(ty), problems)
        }
    }
}

/// The value of an expression that may refer to nothing and call nothing.
pub fn constant(e: &Expr) -> (Value, Vec<Problem>) {
    expr(e, &Constants)
}

/// The scope in which nothing has a name and no function may be called: backend settings, defaults of variables.
pub struct Constants;

impl Scope for Constants {
    fn resolve(&self, _: &Reference<'_>) -> Result<Value, Problem> {
        Err(Problem::error("Variables not allowed", "Variables may not be used here: a literal value is required."))
    }
    fn world(&self) -> Option<World<'_>> {
        None
    }
}
