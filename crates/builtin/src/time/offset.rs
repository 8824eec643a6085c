//! `time_offset`: a moment so much after (or before) another one.

use std::collections::BTreeMap;

use stackctl_core::{Attr, Block, Check, Draft, Error, Known, Partial, Path, Result, Rule, Schema, Ty};

use super::moment::{Moment, PARTS, parts};
use crate::table::Type;

const OFFSETS: [&str; 6] =
    ["offset_years", "offset_months", "offset_days", "offset_hours", "offset_minutes", "offset_seconds"];

/// The type.
pub(crate) fn resource() -> Type {
    let amount = |doc| Attr::optional(Ty::Number).check(Check::Integer).doc(doc);
    let mut attrs = parts();
    attrs.extend(BTreeMap::from([
        ("base_rfc3339", Attr { not_null: true, ..Attr::opt_computed(Ty::String) }.force_new().doc("The base moment.")),
        ("id", Attr::id()),
        ("offset_days", amount("Days to add.")),
        ("offset_hours", amount("Hours to add.")),
        ("offset_minutes", amount("Minutes to add.")),
        ("offset_months", amount("Months to add.")),
        ("offset_seconds", amount("Seconds to add.")),
        ("offset_years", amount("Years to add.")),
        ("rfc3339", Attr { not_null: true, ..Attr::computed(Ty::String) }.doc("The moment.")),
        ("triggers", super::triggers()),
    ]));
    let schema = Schema {
        doc: "A moment at a distance from another one; both stay in state.",
        rules: vec![Rule::AtLeastOneOf(&OFFSETS)],
        ..Schema::new("time_offset", Block { attrs, blocks: BTreeMap::new() })
    };
    Type {
        plan,
        update: |_, new| spell(new.clone()),
        import: |spec| {
            let wrong = || {
                Error::invalid(format!("{spec:?} is not an import id."))
                    .hinted("It is BASE,YEARS,MONTHS,DAYS,HOURS,MINUTES,SECONDS; amounts may be empty, but not all.")
            };
            let [base, amounts @ ..] = &spec.split(',').collect::<Vec<_>>()[..] else { return Err(wrong()) };
            if amounts.len() != OFFSETS.len() || amounts.iter().all(|a| a.is_empty()) {
                return Err(wrong());
            }
            let mut v = Known::from([("base_rfc3339", *base)]);
            v.set("triggers", Known::object());
            for (name, text) in OFFSETS.iter().zip(amounts).filter(|(_, t)| !t.is_empty()) {
                v.set(*name, text.parse::<i64>().map_err(|_| wrong())?.into());
            }
            spell(v)
        },
        ..Type::new(schema, |new, host| {
            Box::pin(async move {
                let mut v = new.clone();
                if v.get("base_rfc3339").as_str().is_none_or(str::is_empty) {
                    v.set("base_rfc3339", Moment::now(host).to_string().into());
                }
                spell(v)
            })
        })
    }
}

/// What an update will make is known as soon as its amounts are.
fn plan(draft: &mut Draft<'_>) {
    if draft.is_create() || OFFSETS.iter().all(|k| !draft.changes(k)) {
        return;
    }
    let computed = PARTS.iter().chain(&["rfc3339", "id"]);
    match draft.planned.to_known().map(spell) {
        Ok(Ok(v)) => computed.for_each(|k| draft.set(k, Partial::from(v.get(k).clone()))),
        Ok(Err(e)) => draft.errors.push(e),
        Err(_) => computed.for_each(|k| draft.unknown(k)),
    }
}

fn spell(mut v: Known) -> Result<Known> {
    let amount = |k: &str| v.get(k).as_i64().unwrap_or(0);
    let text = v.get("base_rfc3339").as_str().unwrap_or_default();
    let base = Moment::parse("base_rfc3339", text)?;
    let [years, months, days, hours, minutes, seconds] = OFFSETS.map(amount);
    let seconds = hours.checked_mul(3600).and_then(|s| s.checked_add(minutes.checked_mul(60)?)?.checked_add(seconds));
    let far = || Error::at(Path::attr("base_rfc3339"), "The moment lies too far away: the year must be below 10,000.");
    let at = base.plus_date(years, months, days).zip(seconds).and_then(|(t, s)| t.plus_seconds(s)).ok_or_else(far)?;
    let base = base.to_string();
    at.spell(&mut v);
    v.set("rfc3339", at.to_string().into());
    v.set("base_rfc3339", base.as_str().into());
    v.set("id", base.into());
    Ok(v)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{host, run};

    #[test]
    fn offsets_add_up() {
        let (_dir, host) = host();
        let new = Known::from([("offset_years", 1i64), ("offset_hours", -1)]);
        let v = run((resource().create)(&new, &host)).unwrap();
        let text = |k: &str| v.get(k).as_str().unwrap_or_default().to_owned();
        assert_eq!((text("id"), text("rfc3339")), ("2026-01-31T12:00:00Z".into(), "2027-01-31T11:00:00Z".into()));
        assert_eq!((v.get("year").as_i64(), v.get("unix").as_i64()), (Some(2027), Some(1_801_393_200)));
    }

    #[test]
    fn import_ids() {
        let import = resource().import;
        let v = import("2020-02-12T06:36:13Z,,,7,,,").unwrap();
        assert_eq!(v.get("rfc3339").as_str(), Some("2020-02-19T06:36:13Z"));
        assert!(v.get("offset_years").is_null());
        for wrong in ["2020-02-12T06:36:13Z,,,,,,", "2020-02-12T06:36:13Z,1", "x,1,,,,,", "2020-02-12T06:36:13Z,a,,,,,"]
        {
            assert!(import(wrong).is_err(), "{wrong}");
        }
    }
}
