//! `time_static`: the moment of its creation, or one that is given.

use std::collections::BTreeMap;

use stackctl_core::{Attr, Block, Known, Result, Schema, Ty};

use super::moment::Moment;
use crate::table::Type;

/// The type.
pub(crate) fn resource() -> Type {
    let part = |doc| Attr { not_null: true, ..Attr::computed(Ty::Number) }.doc(doc);
    let attrs = BTreeMap::from([
        ("day", part("Day of the month.")),
        ("hour", part("Hour.")),
        ("id", Attr::id()),
        ("minute", part("Minute.")),
        ("month", part("Month.")),
        ("rfc3339", Attr { not_null: true, ..Attr::opt_computed(Ty::String) }.force_new().doc("The moment, UTC.")),
        ("second", part("Second.")),
        ("triggers", super::triggers()),
        ("unix", part("Seconds since 1970.")),
        ("year", part("Year.")),
    ]);
    let schema = Schema {
        doc: "A moment that stays in state.",
        ..Schema::new("time_static", Block { attrs, blocks: BTreeMap::new() })
    };
    Type {
        import: |spec| spell(Known::object(), spec),
        ..Type::new(schema, |new, host| {
            Box::pin(async move {
                let given = new.get("rfc3339").as_str().map(str::to_owned);
                spell(new.clone(), &given.unwrap_or_else(|| Moment::now(host).to_string()))
            })
        })
    }
}

fn spell(mut v: Known, text: &str) -> Result<Known> {
    Moment::parse("rfc3339", text)?.spell(&mut v);
    v.set("rfc3339", text.into());
    v.set("id", text.into());
    Ok(v)
}
