//! `time_static`: the moment of its creation, or one that is given.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use stackctl_core::{Attr, Block, Error, Known, Path, Result, Schema, Ty};

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
                let now = || Timestamp::from_second(host.clock.now().as_second()).unwrap_or(Timestamp::UNIX_EPOCH);
                spell(new.clone(), &given.unwrap_or_else(|| now().to_string()))
            })
        })
    }
}

fn spell(mut v: Known, text: &str) -> Result<Known> {
    let at: Timestamp = text.parse().map_err(|_| {
        Error::at(Path::attr("rfc3339"), format!("{text:?} is not a moment."))
            .hinted("Write it as in RFC 3339: 2026-01-31T12:00:00Z.")
    })?;
    let t = at.to_zoned(TimeZone::UTC);
    for (name, n) in [
        ("day", i64::from(t.day())),
        ("hour", i64::from(t.hour())),
        ("minute", i64::from(t.minute())),
        ("month", i64::from(t.month())),
        ("second", i64::from(t.second())),
        ("unix", at.as_second()),
        ("year", i64::from(t.year())),
    ] {
        v.set(name, n.into());
    }
    v.set("rfc3339", text.into());
    v.set("id", text.into());
    Ok(v)
}
