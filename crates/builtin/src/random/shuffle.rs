//! `random_shuffle`: a list in random order.

use std::collections::BTreeMap;

use stackctl_core::{Attr, Block, Check, Known, Schema, Ty};

use crate::generate::{seeded, shuffle, u64_of};
use crate::table::Type;

/// The type.
pub(crate) fn resource() -> Type {
    let attrs = BTreeMap::from([
        ("id", Attr::id()),
        ("input", Attr::required(Ty::list(Ty::String)).force_new().doc("What to shuffle.")),
        ("keepers", super::keepers()),
        ("result", Attr { not_null: true, ..Attr::computed(Ty::list(Ty::String)) }.doc("The shuffled list.")),
        (
            "result_count",
            Attr::optional(Ty::Number).force_new().check(Check::Range(0, 1_000_000)).doc(
                "Number of elements wanted: fewer leave some out, more repeat them, none more often than another by two.",
            ),
        ),
        ("seed", Attr::optional(Ty::String).force_new().doc("Text that makes the order repeatable.")),
    ]);
    let schema = Schema {
        doc: "A list in random order, made once and kept in state.",
        ..Schema::new("random_shuffle", Block { attrs, blocks: BTreeMap::new() })
    };
    Type::new(schema, |new, host| {
        Box::pin(async move {
            let input = new.get("input").as_list().unwrap_or_default().to_vec();
            let count = new.get("result_count").as_i64().filter(|n| *n > 0);
            let count = count.map_or(input.len(), |n| usize::try_from(n).unwrap_or(usize::MAX));
            let mut result = Vec::new();
            let mut from_seed = new.get("seed").as_str().filter(|s| !s.is_empty()).map(seeded);
            let mut next = || from_seed.as_mut().map_or_else(|| u64_of(host), |f| f());
            while result.len() < count && !input.is_empty() {
                let mut round = input.clone();
                shuffle(&mut next, &mut round);
                round.truncate(count - result.len());
                result.append(&mut round);
            }
            let mut v = new.clone();
            v.set("result", Known::List(result));
            v.set("id", "-".into());
            Ok(v)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{host, run};

    fn shuffled(count: Option<i64>, seed: Option<&str>) -> Vec<String> {
        let (_dir, host) = host();
        let mut new = Known::from([("input", vec!["a", "b", "c"])]);
        new.set("result_count", count.into());
        new.set("seed", seed.into());
        let v = run((resource().create)(&new, &host)).unwrap();
        v.get("result").as_list().unwrap().iter().map(|e| e.as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn every_element_once_more_or_less() {
        let mut all = shuffled(None, None);
        all.sort();
        assert_eq!(all, ["a", "b", "c"]);
        assert_eq!(shuffled(Some(2), None).len(), 2);
        let many = shuffled(Some(7), Some("s"));
        for x in ["a", "b", "c"] {
            assert!((2..=3).contains(&many.iter().filter(|e| *e == x).count()), "{many:?}");
        }
        assert_eq!(many, shuffled(Some(7), Some("s")));
    }
}
