//! `time_rotating`: a moment that is replaced when its time has come.

use std::collections::BTreeMap;

use stackctl_core::{Attr, Block, Check, Draft, Error, Known, Partial, Path, Result, Rule, Schema, Ty};

use super::moment::{Moment, PARTS, parts};
use crate::table::Type;

/// Where several are set, the last one of them counts.
const AMOUNTS: [&str; 5] = ["rotation_days", "rotation_hours", "rotation_minutes", "rotation_months", "rotation_years"];

/// The type.
pub(crate) fn resource() -> Type {
    let amount = |doc| Attr::optional(Ty::Number).check(Check::Range(1, i64::MAX)).check(Check::Integer).doc(doc);
    let moment = |doc| Attr { not_null: true, ..Attr::opt_computed(Ty::String) }.doc(doc);
    let mut attrs = parts();
    attrs.extend(BTreeMap::from([
        ("id", Attr::id()),
        ("rfc3339", moment("The base moment; now where nothing is set.").force_new()),
        ("rotation_days", amount("Days after the base moment.")),
        ("rotation_hours", amount("Hours after the base moment.")),
        ("rotation_minutes", amount("Minutes after the base moment.")),
        ("rotation_months", amount("Months after the base moment.")),
        ("rotation_rfc3339", moment("The moment after which the object is replaced.")),
        ("rotation_years", amount("Years after the base moment.")),
        ("triggers", super::triggers()),
    ]));
    let schema = Schema {
        doc: "A moment that the first run after its rotation replaces by a new one.",
        rules: vec![Rule::AtLeastOneOf(&[
            "rotation_minutes",
            "rotation_hours",
            "rotation_days",
            "rotation_months",
            "rotation_years",
            "rotation_rfc3339",
        ])],
        ..Schema::new("time_rotating", Block { attrs, blocks: BTreeMap::new() })
    };
    Type {
        plan,
        update: |_, new| spell(new.clone()),
        import,
        ..Type::new(schema, |new, host| {
            Box::pin(async move {
                let mut v = new.clone();
                if v.get("rfc3339").as_str().is_none_or(str::is_empty) {
                    v.set("rfc3339", Moment::now(host).to_string().into());
                }
                spell(v)
            })
        })
    }
    .refreshed(|v, host| {
        let due = match v.get("rotation_rfc3339").as_str().filter(|t| !t.is_empty()) {
            Some(t) => host.clock.now().as_second() > Moment::parse("rotation_rfc3339", t)?.unix(),
            None => false,
        };
        Ok((!due).then(|| v.clone()))
    })
}

fn plan(draft: &mut Draft<'_>) {
    if draft.is_create() {
        return;
    }
    let configured = !draft.config("rotation_rfc3339").is_null();
    let amounts = AMOUNTS.iter().any(|k| draft.changes(k));
    let moved = configured && draft.changes("rotation_rfc3339");
    if !amounts && !moved {
        return;
    }
    let computed = PARTS.iter().chain(&["rotation_rfc3339"]);
    if !configured {
        draft.set("rotation_rfc3339", Partial::Null);
    }
    match draft.planned.to_known().map(spell) {
        Ok(Ok(v)) => computed.for_each(|k| draft.set(k, Partial::from(v.get(k).clone()))),
        Ok(Err(e)) => draft.errors.push(e),
        Err(_) => computed.filter(|k| !configured || **k != "rotation_rfc3339").for_each(|k| draft.unknown(k)),
    }
}

fn spell(mut v: Known) -> Result<Known> {
    let text = v.get("rfc3339").as_str().unwrap_or_default();
    let base = Moment::parse("rfc3339", text)?;
    let mut at = match v.get("rotation_rfc3339").as_str().filter(|t| !t.is_empty()) {
        Some(t) => Some(Moment::parse("rotation_rfc3339", t)?),
        None => None,
    };
    for name in AMOUNTS {
        let Some(n) = v.get(name).as_i64().filter(|n| *n != 0) else { continue };
        let later = match name {
            "rotation_days" => base.plus_date(0, 0, n),
            "rotation_hours" => n.checked_mul(3600).and_then(|s| base.plus_seconds(s)),
            "rotation_minutes" => n.checked_mul(60).and_then(|s| base.plus_seconds(s)),
            "rotation_months" => base.plus_date(0, n, 0),
            _ => base.plus_date(n, 0, 0),
        };
        let far = || Error::at(Path::attr(name), "The moment lies too far away: the year must be below 10,000.");
        at = Some(later.ok_or_else(far)?);
    }
    let at = at.ok_or_else(|| Error::invalid("One of the `rotation_` arguments must be set."))?;
    let base = base.to_string();
    at.spell(&mut v);
    v.set("rotation_rfc3339", at.to_string().into());
    v.set("rfc3339", base.as_str().into());
    v.set("id", base.into());
    Ok(v)
}

fn import(spec: &str) -> Result<Known> {
    let wrong = || {
        Error::invalid(format!("{spec:?} is not an import id.")).hinted(
            "It is BASE,YEARS,MONTHS,DAYS,HOURS,MINUTES, where amounts may be empty, but not all; or BASE,ROTATION with \
             two moments.",
        )
    };
    let parts: Vec<&str> = spec.split(',').collect();
    let mut v = Known::from([("rfc3339", parts[0])]);
    v.set("triggers", Known::object());
    match &parts[1..] {
        [at] if !at.is_empty() => v.set("rotation_rfc3339", (*at).into()),
        amounts if amounts.len() == 5 && amounts.iter().any(|a| !a.is_empty()) => {
            let names = ["rotation_years", "rotation_months", "rotation_days", "rotation_hours", "rotation_minutes"];
            for (name, text) in names.into_iter().zip(amounts).filter(|(_, t)| !t.is_empty()) {
                v.set(name, text.parse::<i64>().map_err(|_| wrong())?.into());
            }
        }
        _ => return Err(wrong()),
    }
    spell(v)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{host, run};

    #[test]
    fn rotates_when_it_is_time() {
        let (_dir, host) = host();
        let ty = resource();
        let make = |args: Known| run((ty.create)(&args, &host)).unwrap();
        let fresh = make(Known::from([("rotation_days", 30i64)]));
        assert_eq!(fresh.get("rotation_rfc3339").as_str(), Some("2026-03-02T12:00:00Z"));
        assert_eq!(fresh.get("id").as_str(), Some("2026-01-31T12:00:00Z"));
        let refresh = ty.refresh.unwrap();
        assert_eq!(refresh(&fresh, &host).unwrap(), Some(fresh.clone()));
        let mut old = Known::from([("rotation_days", 30i64)]);
        old.set("rfc3339", "2026-01-01T00:00:00Z".into());
        assert_eq!(refresh(&make(old), &host).unwrap(), None);
    }

    #[test]
    fn import_ids() {
        let rotation = |id: &str| import(id).map(|v| v.get("rotation_rfc3339").as_str().unwrap_or_default().to_owned());
        assert_eq!(rotation("2020-02-12T06:36:13Z,0,0,30,0,0").unwrap(), "2020-03-13T06:36:13Z");
        assert_eq!(rotation("2020-02-12T06:36:13Z,2020-02-13T06:36:13Z").unwrap(), "2020-02-13T06:36:13Z");
        for wrong in ["2020-02-12T06:36:13Z", "2020-02-12T06:36:13Z,,,,,", "x,1,,,,", "2020-02-12T06:36:13Z,x"] {
            assert!(import(wrong).is_err(), "{wrong}");
        }
    }
}
