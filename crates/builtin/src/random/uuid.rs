//! `random_uuid`: a UUID of version 4.

use std::collections::BTreeMap;

use stackctl_core::{Attr, Block, Error, Known, Schema, Ty};

use crate::table::Type;

/// The type.
pub(crate) fn resource() -> Type {
    let attrs = BTreeMap::from([
        ("id", Attr::id()),
        ("keepers", super::keepers()),
        ("result", Attr { not_null: true, ..Attr::computed(Ty::String) }.doc("The UUID.")),
    ]);
    let schema = Schema {
        doc: "A random UUID, made once and kept in state.",
        ..Schema::new("random_uuid", Block { attrs, blocks: BTreeMap::new() })
    };
    Type {
        import: |text| {
            let id = ::uuid::Uuid::parse_str(text).map_err(|_| Error::invalid(format!("{text:?} is not a UUID.")))?;
            let id = id.to_string();
            Ok(Known::from([("id", id.clone()), ("result", id)]))
        },
        ..Type::new(schema, |new, host| {
            Box::pin(async move {
                let mut v = new.clone();
                let id = host.ids.uuid();
                v.set("id", id.as_str().into());
                v.set("result", id.into());
                Ok(v)
            })
        })
    }
}
