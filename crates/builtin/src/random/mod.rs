//! The `random` provider: values that stay in state until a keeper changes.

pub(crate) mod bytes;
pub(crate) mod chars;
pub(crate) mod id;
pub(crate) mod integer;
pub(crate) mod password;
pub(crate) mod pet;
pub(crate) mod shuffle;
pub(crate) mod string;
pub(crate) mod uuid;

use stackctl_core::{Attr, Ty};

/// The argument that all of these types share.
pub(crate) fn keepers() -> Attr {
    Attr::optional(Ty::map(Ty::String)).force_new().doc("Values whose change makes a new random value.")
}
