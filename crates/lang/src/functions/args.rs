//! Reading arguments that the protocol has already converted.

use stackctl_core::Number;

use super::protocol::FnError;
use crate::value::{LONGEST_TEXT, Value, too_long};

/// The text of a string argument; empty for an absent one.
pub(super) fn text(args: &[Value], i: usize) -> &str {
    args.get(i).and_then(Value::as_str).unwrap_or_default()
}

/// A number argument.
pub(super) fn number(args: &[Value], i: usize) -> &Number {
    static ZERO: Number = Number::ZERO;
    args.get(i).and_then(Value::as_number).unwrap_or(&ZERO)
}

/// A number argument that must be a whole number.
pub(super) fn whole(args: &[Value], i: usize) -> Result<i64, FnError> {
    number(args, i)
        .to_i64()
        .ok_or_else(|| FnError::arg(i, format!("value must be a whole number, between {} and {}", i64::MIN, i64::MAX)))
}

/// The elements of a known list, set or tuple; empty for anything else.
pub(super) fn items(args: &[Value], i: usize) -> &[Value] {
    args.get(i).and_then(Value::elements).unwrap_or_default()
}

/// Refuses a result that would fill the memory.
pub(super) fn fits(bytes: usize) -> Result<(), FnError> {
    if bytes > LONGEST_TEXT { Err(FnError::new(too_long())) } else { Ok(()) }
}
