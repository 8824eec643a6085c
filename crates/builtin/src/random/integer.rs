//! `random_integer`: a whole number between two bounds.

use std::collections::BTreeMap;

use stackctl_core::{Attr, Block, Check, Error, Known, Path, Result, Schema, Ty};

use crate::generate::{below, seeded, u64_of};
use crate::table::Type;

/// The type.
pub(crate) fn resource() -> Type {
    let bound = |doc| Attr::required(Ty::Number).force_new().check(Check::Integer).doc(doc);
    let attrs = BTreeMap::from([
        ("id", Attr::id()),
        ("keepers", super::keepers()),
        ("max", bound("Largest value, included.")),
        ("min", bound("Smallest value, included.")),
        ("result", Attr { not_null: true, ..Attr::computed(Ty::Number) }.doc("The number.")),
        ("seed", Attr::optional(Ty::String).force_new().doc("Text that makes the result repeatable.")),
    ]);
    let schema = Schema {
        doc: "A random whole number, made once and kept in state.",
        ..Schema::new("random_integer", Block { attrs, blocks: BTreeMap::new() })
    };
    Type {
        import: |spec| {
            let parts: Vec<&str> = spec.split(',').collect();
            let n = |i: usize| {
                parts.get(i).and_then(|p| p.parse::<i64>().ok()).ok_or_else(|| {
                    Error::invalid(format!("{spec:?} is not an import id.")).hinted("It is RESULT,MIN,MAX[,SEED].")
                })
            };
            let mut v = Known::from([("min", n(1)?), ("max", n(2)?), ("result", n(0)?)]);
            v.set("id", n(0)?.to_string().into());
            v.set("seed", parts.get(3).copied().into());
            Ok(v)
        },
        ..Type::new(schema, |new, host| {
            Box::pin(async move {
                let mut v = new.clone();
                let seed = new.get("seed").as_str().filter(|s| !s.is_empty());
                let result = match seed {
                    Some(seed) => draw(new, seeded(seed))?,
                    None => draw(new, || u64_of(host))?,
                };
                v.set("result", result.into());
                v.set("id", result.to_string().into());
                Ok(v)
            })
        })
    }
}

fn draw(v: &Known, next: impl FnMut() -> u64) -> Result<i64> {
    let (min, max) = (v.get("min").as_i64().unwrap_or(0), v.get("max").as_i64().unwrap_or(0));
    if min > max {
        return Err(Error::at(Path::attr("min"), format!("The smallest value {min} is above the largest, {max}.")));
    }
    let width = max.abs_diff(min);
    let offset = if width == u64::MAX { u64::MAX / 2 } else { below(next, width + 1) };
    Ok(min.wrapping_add_unsigned(offset))
}
