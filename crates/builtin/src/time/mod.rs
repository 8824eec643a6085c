//! The `time` provider: moments that stay, and waiting.

pub(crate) mod fixed;
mod moment;
pub(crate) mod offset;
pub(crate) mod rotating;
pub(crate) mod sleep;

use stackctl_core::{Attr, Ty};

/// The argument that all of these types share.
pub(crate) fn triggers() -> Attr {
    Attr::optional(Ty::map(Ty::String)).force_new().doc("Values whose change makes a new object.")
}
