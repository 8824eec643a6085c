//! `null_resource`: an object that does nothing but be replaced.

use std::collections::BTreeMap;

use stackctl_core::{Attr, Block, Number, Schema, Ty};

use crate::generate::u64_of;
use crate::table::Type;

/// The type.
pub(crate) fn resource() -> Type {
    let attrs = BTreeMap::from([
        ("id", Attr::id()),
        ("triggers", Attr::optional(Ty::map(Ty::String)).force_new().doc("Values whose change replaces the object.")),
    ]);
    let schema = Schema {
        doc: "An object without anything behind it, for provisioners and dependencies.",
        ..Schema::new("null_resource", Block { attrs, blocks: BTreeMap::new() })
    };
    Type::new(schema, |new, host| {
        Box::pin(async move {
            let mut v = new.clone();
            let id = Number::from((u64_of(host) >> 1) as i64);
            v.set("id", id.to_string().into());
            Ok(v)
        })
    })
}
