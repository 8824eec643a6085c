//! The one equality: when two values of an attribute mean the same.
//!
//! Planner (is it a change?), edge (does the live value keep the prior spelling?) and guard (is it what was planned?) all
//! ask here.

use crate::{Equality, Known};

/// True if `a` and `b` mean the same under `eq`.
pub fn same(eq: Equality, a: &Known, b: &Known) -> bool {
    let _ = eq;
    a == b
}
