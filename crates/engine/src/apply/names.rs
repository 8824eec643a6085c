//! Names that are chosen before an intent is written, so that the intent can carry them.
//!
//! A `name_prefix`, or no name at all where the type generates one, becomes a prefix and 26 digits: the time and a
//! counter, in the form that users of the language know.

use std::sync::atomic::{AtomicU32, Ordering};

use jiff::tz::TimeZone;
use stackctl_core::{Clock, Partial, Presence, Schema};

/// Gives every attribute that has a prefix form and no value yet its final name.
pub(crate) fn settle_names(schema: &Schema, planned: &mut Partial, clock: &dyn Clock, counter: &AtomicU32) {
    for (prefix_name, prefix_attr) in &schema.block.attrs {
        let Some(name) = prefix_attr.prefix_of else { continue };
        if !matches!(planned.get(name), Partial::Unknown | Partial::Null) {
            continue;
        }
        let prefix = match planned.get(prefix_name) {
            Partial::String(p) if !p.is_empty() => p.clone(),
            _ => match schema.block.attrs.get(name) {
                Some(a) if a.presence == Presence::OptComputed => "terraform-".to_owned(),
                _ => continue,
            },
        };
        let unique = unique(clock, counter);
        planned.set(*prefix_name, Partial::String(prefix.clone()));
        planned.set(name, Partial::String(format!("{prefix}{unique}")));
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
        let attrs = [("name", Attr::opt_computed(Ty::String)), ("name_prefix", prefix)].into();
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
