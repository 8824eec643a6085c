//! The rules of `try` and `can`, whose arguments are expressions: the evaluator evaluates them and asks here.

use stackctl_core::Ty;

use super::protocol::{Param, Signature};
use crate::value::Value;

/// What `try` returns for the first argument that evaluated without error. A value with anything unknown in it may still
/// turn out to be an error, so that nothing at all is known of the result.
pub fn try_accepts(value: &Value) -> Value {
    if value.is_wholly_known() { value.clone() } else { Value::dynamic().with_marks(value.all_marks()) }
}

/// What `can` returns: `value` is what its argument evaluated to, `None` if that failed.
pub fn can(value: Option<&Value>) -> Value {
    match value {
        None => Value::bool(false),
        Some(v) if v.is_wholly_known() => Value::bool(true),
        Some(_) => Value::unknown(&Ty::Bool),
    }
}

/// Signatures of `try` and `can`.
pub fn signature(name: &str) -> Option<Signature> {
    let any = |name| Param::any(name);
    match name.strip_prefix("core::").unwrap_or(name) {
        "try" => {
            Some(Signature { name: "try", params: vec![], variadic: Some(any("expressions")), returns: Ty::Dynamic })
        }
        "can" => Some(Signature { name: "can", params: vec![any("expression")], variadic: None, returns: Ty::Bool }),
        _ => None,
    }
}
