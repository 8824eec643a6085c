//! The one equality: when two values of an attribute mean the same.
//!
//! Planner (is it a change?), edge (does the live value keep the prior spelling?) and guard (is it what was planned?) all
//! ask here. Start at [`same`]; [`is_zero`] is the other half of what the older plugin SDK calls "no difference".

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::{Equality, Known, Number};

/// True if `a` and `b` mean the same under `eq`. Rules for text apply to each text inside lists and maps.
pub fn same(eq: Equality, a: &Known, b: &Known) -> bool {
    if a == b {
        return true;
    }
    match (eq, a, b) {
        (Equality::Exact, ..) => false,
        (Equality::Unordered, Known::List(x), Known::List(y)) => {
            let (mut x, mut y) = (x.clone(), y.clone());
            x.sort();
            y.sort();
            x == y
        }
        (_, Known::String(x), Known::String(y)) => same_text(eq, x, y),
        (_, Known::List(x), Known::List(y)) => x.len() == y.len() && x.iter().zip(y).all(|(x, y)| same(eq, x, y)),
        (_, Known::Map(x), Known::Map(y)) => {
            x.len() == y.len() && x.iter().zip(y).all(|((k, x), (l, y))| k == l && same(eq, x, y))
        }
        _ => false,
    }
}

fn same_text(eq: Equality, a: &str, b: &str) -> bool {
    match eq {
        Equality::Exact | Equality::Unordered => a == b,
        Equality::Json => match (serde_json::from_str::<Json>(a), serde_json::from_str::<Json>(b)) {
            (Ok(x), Ok(y)) => Known::from_json(&x) == Known::from_json(&y),
            _ => false,
        },
        Equality::Policy => match (serde_json::from_str::<Json>(a), serde_json::from_str::<Json>(b)) {
            (Ok(x), Ok(y)) => policy(&Known::from_json(&x)) == policy(&Known::from_json(&y)),
            _ => false,
        },
        Equality::IgnoreCase => a.to_lowercase() == b.to_lowercase(),
        Equality::TrailingDot => a.strip_suffix('.').unwrap_or(a) == b.strip_suffix('.').unwrap_or(b),
        Equality::TrailingNewline => a.trim_end_matches(['\r', '\n']) == b.trim_end_matches(['\r', '\n']),
        Equality::VersionPrefix => refines(a, b) || refines(b, a),
    }
}

/// True if `full` is the version `short` with further parts.
fn refines(short: &str, full: &str) -> bool {
    full.strip_prefix(short).is_some_and(|rest| !short.is_empty() && rest.starts_with('.'))
}

/// True for null and for what the older plugin SDK cannot tell from null: `""`, `0`, `false`, an empty collection, and
/// objects and blocks of nothing else.
pub fn is_zero(v: &Known) -> bool {
    match v {
        Known::Null => true,
        Known::Bool(b) => !b,
        Known::Number(n) => *n == Number::ZERO,
        Known::String(s) => s.is_empty(),
        Known::List(l) => l.is_empty(),
        Known::Map(m) => m.values().all(is_zero),
    }
}

/// A policy document in a form in which documents of one meaning are equal: single values as lists, lists sorted,
/// scalars of conditions as text, an account's root in its long form.
fn policy(doc: &Known) -> Known {
    let Known::Map(m) = doc else { return doc.clone() };
    Known::Map(
        m.iter()
            .filter(|(_, v)| !v.is_null())
            .map(|(k, v)| {
                let v = match k.as_str() {
                    "Statement" => sorted(as_list(v).iter().map(statement).collect()),
                    _ => v.clone(),
                };
                (k.clone(), v)
            })
            .collect(),
    )
}

fn statement(s: &Known) -> Known {
    let Known::Map(m) = s else { return s.clone() };
    let mut out = BTreeMap::new();
    for (k, v) in m {
        let v = match k.as_str() {
            "Action" | "NotAction" => sorted(
                // Action names are compared without regard to case by the service.
                as_list(v).iter().map(|a| a.as_str().map_or(a.clone(), |s| s.to_lowercase().into())).collect(),
            ),
            "Resource" | "NotResource" => sorted(as_list(v)),
            "Principal" | "NotPrincipal" => principal(v),
            "Condition" => condition(v),
            "Sid" if is_zero(v) => continue,
            _ => v.clone(),
        };
        if !v.is_null() {
            out.insert(k.clone(), v);
        }
    }
    Known::Map(out)
}

fn principal(v: &Known) -> Known {
    let Known::Map(m) = v else { return sorted(as_list(v)) };
    let kind = |(k, v): (&String, &Known)| {
        let ids = as_list(v).into_iter().map(|id| match id.as_str() {
            Some(s) if k == "AWS" && s.len() == 12 && s.bytes().all(|b| b.is_ascii_digit()) => {
                Known::from(format!("arn:aws:iam::{s}:root"))
            }
            _ => id,
        });
        (k.clone(), sorted(ids.collect()))
    };
    Known::Map(m.iter().map(kind).collect())
}

fn condition(v: &Known) -> Known {
    match v {
        Known::Map(m) => Known::Map(m.iter().map(|(k, v)| (k.clone(), condition(v))).collect()),
        v => sorted(
            as_list(v)
                .into_iter()
                .map(|x| match x {
                    Known::Bool(b) => b.to_string().into(),
                    Known::Number(n) => n.to_string().into(),
                    x => x,
                })
                .collect(),
        ),
    }
}

fn as_list(v: &Known) -> Vec<Known> {
    match v {
        Known::Null => Vec::new(),
        Known::List(l) => l.clone(),
        v => vec![v.clone()],
    }
}

fn sorted(mut l: Vec<Known>) -> Known {
    l.sort();
    l.dedup();
    Known::List(l)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(eq: Equality, a: &str, b: &str, expect: bool) {
        let (x, y) = (Known::from(a), Known::from(b));
        assert_eq!(same(eq, &x, &y), expect, "{eq:?}: {a} and {b}");
        assert_eq!(same(eq, &y, &x), expect, "{eq:?}: {b} and {a}");
    }

    #[test]
    fn texts() {
        use Equality::*;
        for (eq, a, b, expect) in [
            (Exact, "a", "A", false),
            (IgnoreCase, "a", "A", true),
            (TrailingDot, "x.y.", "x.y", true),
            (TrailingDot, "x.y..", "x.y", false),
            (TrailingNewline, "x\n", "x", true),
            (VersionPrefix, "16", "16.3", true),
            (VersionPrefix, "16", "161", false),
            (VersionPrefix, "", "16", false),
            (Json, r#"{"a":1,"b":[1,2]}"#, r#"{ "b": [1,2], "a": 1 }"#, true),
            (Json, r#"{"b":[1,2]}"#, r#"{"b":[2,1]}"#, false),
            (Json, "{", "{ ", false),
            (
                Policy,
                r#"{"Statement":{"Effect":"Allow","Action":["s3:Get","s3:Put"],"Resource":"*"}}"#,
                r#"{"Statement":[{"Sid":"","Effect":"Allow","Action":["s3:put","s3:get"],"Resource":["*"]}]}"#,
                true,
            ),
            (
                Policy,
                r#"{"Statement":{"Principal":{"AWS":"123456789012"},"Condition":{"Bool":{"x":true}}}}"#,
                r#"{"Statement":{"Principal":{"AWS":["arn:aws:iam::123456789012:root"]},"Condition":{"Bool":{"x":"true"}}}}"#,
                true,
            ),
            (Policy, r#"{"Statement":{"Effect":"Allow"}}"#, r#"{"Statement":{"Effect":"Deny"}}"#, false),
        ] {
            check(eq, a, b, expect);
        }
    }

    #[test]
    fn collections() {
        let (x, y) = (Known::from(vec!["a", "b"]), Known::from(vec!["b", "a"]));
        assert!(same(Equality::Unordered, &x, &y) && !same(Equality::Exact, &x, &y));
        assert!(same(Equality::IgnoreCase, &x, &Known::from(vec!["A", "b"])));
        assert!(is_zero(&Known::from([("a", Known::from(0i64)), ("b", Known::Null)])));
        assert!(!is_zero(&Known::from(vec![""])));
    }
}
