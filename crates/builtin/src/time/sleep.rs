//! `time_sleep`: waits after its creation, before its destruction, or both.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use stackctl_core::{Attr, Block, Check, Error, Known, Path, Result, Rule, Schema, Ty};

use crate::table::Type;

/// The type.
pub(crate) fn resource() -> Type {
    let wait = |doc| {
        Attr::optional(Ty::String)
            .check(Check::Pattern("[0-9]+(\\.[0-9]+)?(ms|s|m|h)", "a number with a unit: \"30s\", \"5m\", \"1h\""))
            .doc(doc)
    };
    let attrs = BTreeMap::from([
        ("create_duration", wait("How long to wait after the creation.")),
        ("destroy_duration", wait("How long to wait before the destruction.")),
        ("id", Attr::id()),
        ("triggers", super::triggers()),
    ]);
    let schema = Schema {
        doc: "Waits for a while when it is created, when it is destroyed, or both.",
        rules: vec![Rule::AtLeastOneOf(&["create_duration", "destroy_duration"])],
        ..Schema::new("time_sleep", Block { attrs, blocks: BTreeMap::new() })
    };
    Type {
        delete: |v, host| {
            Box::pin(async move {
                host.clock.sleep(duration(v, "destroy_duration")?).await;
                Ok(())
            })
        },
        import: |spec| {
            let (create, destroy) = spec.split_once(',').ok_or_else(|| {
                Error::invalid(format!("{spec:?} is not an import id."))
                    .hinted("It is CREATE_DURATION,DESTROY_DURATION.")
            })?;
            let set = |t: &str| (!t.is_empty()).then(|| t.to_owned());
            let mut v = Known::from([("create_duration", set(create)), ("destroy_duration", set(destroy))]);
            v.set("id", Timestamp::now().to_string().into());
            Ok(v)
        },
        ..Type::new(schema, |new, host| {
            Box::pin(async move {
                host.clock.sleep(duration(new, "create_duration")?).await;
                let mut v = new.clone();
                let now = Timestamp::from_second(host.clock.now().as_second()).unwrap_or(Timestamp::UNIX_EPOCH);
                v.set("id", now.to_string().into());
                Ok(v)
            })
        })
    }
}

fn duration(v: &Known, name: &str) -> Result<Duration> {
    let Some(text) = v.get(name).as_str().filter(|t| !t.is_empty()) else { return Ok(Duration::ZERO) };
    let wrong = || {
        Error::at(Path::attr(name), format!("{text:?} is not a duration.")).hinted("Write \"30s\", \"5m\" or \"1h\".")
    };
    let split = text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(wrong)?;
    let n: f64 = text[..split].parse().map_err(|_| wrong())?;
    let unit = match &text[split..] {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(wrong()),
    };
    Duration::try_from_secs_f64(n * unit).map_err(|_| wrong())
}
