//! Names that are chosen before an intent is written, so that the intent can carry them.
//!
//! A `name_prefix`, or no name at all where the type generates one, becomes a prefix and 26 characters: the time and a
//! counter, in the form that users of the language know.

use std::sync::atomic::{AtomicU32, Ordering};

use jiff::tz::TimeZone;
use stackctl_core::{Clock, Partial, Schema};

/// Gives every attribute that is generated or has a prefix form, and no value yet, its final name.
pub(crate) fn settle_names(schema: &Schema, planned: &mut Partial, clock: &dyn Clock, counter: &AtomicU32) {
    let open = |v: &Partial| matches!(v, Partial::Unknown | Partial::Null);
    for (name, attr) in &schema.block.attrs {
        let partner = schema.block.attrs.iter().find(|(_, a)| a.prefix_of == Some(name)).map(|(n, _)| *n);
        if (attr.generated.is_none() && partner.is_none()) || !open(planned.get(name)) {
            continue;
        }
        let configured = partner.and_then(|p| planned.get(p).as_str()).filter(|p| !p.is_empty());
        let Some(prefix) = configured.or(attr.generated).map(str::to_owned) else { continue };
        let value = format!("{prefix}{}", unique(clock, counter));
        planned.set(*name, Partial::String(value));
        if let Some(partner) = partner.filter(|p| matches!(planned.get(p), Partial::Unknown)) {
            planned.set(partner, Partial::String(prefix));
        }
    }
}

/// 18 digits of time and eight of a counter: names of one run sort by the order of their creation.
fn unique(clock: &dyn Clock, counter: &AtomicU32) -> String {
    let t = clock.now().to_zoned(TimeZone::UTC);
    let n = counter.fetch_add(1, Ordering::Relaxed) + 1;
    format!("{}{:04}{n:08x}", t.strftime("%Y%m%d%H%M%S"), t.subsec_nanosecond() / 100_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use stackctl_core::{Attr, Block, Ty};

    struct Fixed;
    impl Clock for Fixed {
        fn now(&self) -> jiff::Timestamp {
            "2026-01-02T03:04:05.6789Z".parse().unwrap_or_default()
        }
        fn boot(&self) -> std::time::Duration {
            std::time::Duration::ZERO
        }
        fn sleep(&self, _: std::time::Duration) -> stackctl_core::BoxFuture<'static, ()> {
            Box::pin(async {})
        }
    }

    #[test]
    fn prefixes_become_names() {
        let prefix = Attr { prefix_of: Some("name"), ..Attr::opt_computed(Ty::String) };
        let name = Attr { generated: Some("terraform-"), ..Attr::opt_computed(Ty::String) };
        let attrs = [("name", name), ("name_prefix", prefix)].into();
        let schema = Schema::new("t", Block { attrs, blocks: Default::default() });
        let counter = AtomicU32::new(0);
        for (prefix, want) in [
            (Partial::String("web-".into()), "web-20260102030405678900000001"),
            (Partial::Unknown, "terraform-20260102030405678900000002"),
        ] {
            let mut v = Partial::object();
            v.set("name", Partial::Unknown);
            v.set("name_prefix", prefix);
            settle_names(&schema, &mut v, &Fixed, &counter);
            assert_eq!(v.get("name").as_str(), Some(want));
        }
        let mut v = Partial::object();
        v.set("name", Partial::String("mine".into()));
        settle_names(&schema, &mut v, &Fixed, &counter);
        assert_eq!(v.get("name").as_str(), Some("mine"));
    }
}
