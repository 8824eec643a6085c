//! Checks of configured values against a schema: allowed values, ranges, lengths, patterns, networks, ARNs, JSON, and
//! rules over several arguments.
//!
//! Only what is known is judged. Messages never hold the value itself, because it may be a secret: the terminal shows the
//! user's own line. Start at [`schema_checks`].

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use regex::Regex;

use crate::{Attr, Block, Check, Error, Nesting, Partial, Path, Rule, Schema, Step, Ty};

/// Everything that is wrong with configured values, each at its path. Elements of sets are addressed by the set.
pub fn schema_checks(schema: &Schema, config: &Partial) -> Vec<Error> {
    let mut out = Vec::new();
    block(&schema.block, config, &Path::default(), &mut out);
    for r in &schema.rules {
        rule(r, config, &mut out);
    }
    out
}

fn block(b: &Block, v: &Partial, at: &Path, out: &mut Vec<Error>) {
    for (name, attr) in &b.attrs {
        let value = v.get(name);
        if value.is_null() || !attr.configurable() {
            continue;
        }
        if !attr.checks.is_empty() {
            let at = at.with_attr(*name);
            for c in &attr.checks {
                check(c, value, attr, &at, out);
            }
        }
        if let (Some(element), Partial::List(items)) = (&attr.element, value) {
            elements(element, items, matches!(attr.ty, Ty::List(_)), &at.with_attr(*name), out);
        }
    }
    for (name, t) in &b.blocks {
        match v.get(name) {
            Partial::List(items) => elements(&t.block, items, t.nesting == Nesting::List, &at.with_attr(*name), out),
            item @ Partial::Map(_) => block(&t.block, item, &at.with_attr(*name), out),
            _ => {}
        }
    }
}

/// Objects of a list, each at its index, or of a set, all at the set.
fn elements(b: &Block, items: &[Partial], indexed: bool, at: &Path, out: &mut Vec<Error>) {
    for (i, item) in items.iter().enumerate() {
        if indexed {
            block(b, item, &at.with_index(i), out);
            continue;
        }
        let mut found = Vec::new();
        block(b, item, &Path::default(), &mut found);
        out.extend(found.into_iter().map(|e| {
            let within = e.path.as_ref().map(ToString::to_string).unwrap_or_default();
            Error { message: format!("{within}: {}", e.message), path: Some(at.clone()), ..e }
        }));
    }
}

fn check(c: &Check, v: &Partial, attr: &Attr, at: &Path, out: &mut Vec<Error>) {
    if let Check::Each(inner) = c {
        match v {
            Partial::List(items) => {
                let indexed = !matches!(attr.ty, Ty::Set(_));
                for (i, item) in items.iter().enumerate() {
                    let at = if indexed { at.with_index(i) } else { at.clone() };
                    check(inner, item, attr, &at, out);
                }
            }
            Partial::Map(m) => {
                for (k, item) in m {
                    check(inner, item, attr, &at.with(Step::Key(k.clone())), out);
                }
            }
            _ => {}
        }
        return;
    }
    if let Some((message, hint)) = fault(c, v) {
        let e = Error::at(at.clone(), message);
        out.push(match hint {
            Some(h) if !attr.sensitive => e.hinted(h),
            _ => e,
        });
    }
}

/// What is wrong with a value, and perhaps a hint; `None` if nothing is, or if it is not known.
fn fault(c: &Check, v: &Partial) -> Option<(String, Option<String>)> {
    let plain = |message: String| Some((message, None));
    match (c, v) {
        (Check::OneOf(allowed), Partial::String(s)) if !allowed.contains(&s.as_str()) => {
            let close = allowed.iter().map(|a| (strsim::damerau_levenshtein(&s.to_lowercase(), &a.to_lowercase()), a));
            let close = close.filter(|(d, a)| *d <= (a.len() / 3).max(1)).min();
            let hint = close.map(|(_, a)| format!("Did you mean \"{a}\"?"));
            Some((format!("The value must be one of {}.", listed(allowed)), hint))
        }
        (Check::OneOfIgnoreCase(allowed), Partial::String(s)) => {
            let good = allowed.iter().any(|a| a.eq_ignore_ascii_case(s));
            (!good).then(|| (format!("The value must be one of {}, in any case.", listed(allowed)), None))
        }
        (Check::Range(lo, hi), Partial::Number(n)) => {
            let good = n.to_f64() >= *lo as f64 && n.to_f64() <= *hi as f64;
            if good { None } else { plain(bounds("The value", *lo, *hi)) }
        }
        (Check::RangeOr(lo, hi, others), Partial::Number(n)) => {
            let good = n.to_f64() >= *lo as f64 && n.to_f64() <= *hi as f64;
            if good || n.to_i64().is_some_and(|n| others.contains(&n)) {
                return None;
            }
            let others: Vec<_> = others.iter().map(ToString::to_string).collect();
            plain(format!("{} or {}.", bounds("The value", *lo, *hi).trim_end_matches('.'), others.join(" or ")))
        }
        (Check::Integer, Partial::Number(n)) if n.to_i64().is_none() => {
            plain("The value must be a whole number.".to_owned())
        }
        (Check::MultipleOf(k), Partial::Number(n)) => {
            let good = n.to_i64().is_some_and(|n| n % k == 0);
            if good { None } else { plain(format!("The value must be a multiple of {k}.")) }
        }
        (Check::Length(lo, hi), Partial::String(s)) => {
            let n = s.chars().count();
            if (*lo..=*hi).contains(&n) {
                return None;
            }
            let want = match (*lo, *hi) {
                (lo, usize::MAX) => format!("at least {lo}"),
                (lo, hi) if lo == hi => format!("exactly {lo}"),
                (0, hi) => format!("at most {hi}"),
                (lo, hi) => format!("{lo} to {hi}"),
            };
            plain(format!("The text must have {want} characters, and has {n}."))
        }
        (Check::Pattern(p, meaning), Partial::String(s)) => match pattern(p) {
            Some(re) if !re.is_match(s) => plain(format!("The text must be {}.", meaning.trim_end_matches('.'))),
            _ => None,
        },
        (Check::Cidr4(lo, hi), Partial::String(s)) => match s.parse::<Ipv4Net>() {
            Ok(n) => network(IpNet::V4(n), *lo, *hi),
            Err(_) => plain("The value must be an IPv4 network, such as 10.0.0.0/16.".to_owned()),
        },
        (Check::Cidr6(lo, hi), Partial::String(s)) => match s.parse::<Ipv6Net>() {
            Ok(n) => network(IpNet::V6(n), *lo, *hi),
            Err(_) => plain("The value must be an IPv6 network, such as 2001:db8::/56.".to_owned()),
        },
        (Check::Cidr, Partial::String(s)) => match s.parse::<IpNet>() {
            Ok(n) => network(n, 0, 128),
            Err(_) => plain("The value must be a network, such as 10.0.0.0/16.".to_owned()),
        },
        (Check::Ip, Partial::String(s)) if s.parse::<IpAddr>().is_err() => {
            plain("The value must be an IP address.".to_owned())
        }
        // Modules write "" for what is not set, and Terraform's checks of ARNs and documents let it through.
        (Check::Arn | Check::Json, Partial::String(s)) if s.is_empty() => None,
        (Check::Arn, Partial::String(s)) => arn(s).and_then(|m| plain(m.to_owned())),
        (Check::Json, Partial::String(s)) => match serde_json::from_str::<serde::de::IgnoredAny>(s) {
            Ok(_) => None,
            Err(e) => plain(format!(
                "The text must be a JSON document: it has a mistake in line {}, column {}.",
                e.line(),
                e.column()
            )),
        },
        (Check::Items(lo, hi), v) => {
            let n = match v {
                Partial::List(l) => l.len(),
                Partial::Map(m) => m.len(),
                _ => return None,
            };
            if (*lo..=*hi).contains(&n) {
                return None;
            }
            let want = match (*lo, *hi) {
                (lo, usize::MAX) => format!("at least {lo}"),
                (lo, hi) if lo == hi => format!("exactly {lo}"),
                (0, hi) => format!("at most {hi}"),
                (lo, hi) => format!("{lo} to {hi}"),
            };
            plain(format!("The collection must have {want} elements, and has {n}."))
        }
        _ => None,
    }
}

fn bounds(what: &str, lo: i64, hi: i64) -> String {
    match (lo, hi) {
        (i64::MIN, hi) => format!("{what} must be at most {hi}."),
        (lo, i64::MAX) => format!("{what} must be at least {lo}."),
        _ => format!("{what} must be between {lo} and {hi}."),
    }
}

fn listed(all: &[&str]) -> String {
    all.iter().map(|a| format!("\"{a}\"")).collect::<Vec<_>>().join(", ")
}

fn network(n: IpNet, lo: u8, hi: u8) -> Option<(String, Option<String>)> {
    if !(lo..=hi).contains(&n.prefix_len()) {
        return Some((format!("The prefix length of the network must be between /{lo} and /{hi}."), None));
    }
    (n.trunc() != n).then(|| {
        let detail = "The address must be the first one of its network: the bits after the prefix are zero.";
        (detail.to_owned(), Some(format!("Did you mean \"{}\"?", n.trunc())))
    })
}

fn arn(s: &str) -> Option<&'static str> {
    let parts: Vec<&str> = s.splitn(6, ':').collect();
    let [prefix, partition, service, region, account, resource] = parts[..] else {
        return Some("The value must be an ARN: arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE.");
    };
    let region_ok = region.is_empty()
        || (region.len() >= 7 && region.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
    let account_ok = account.is_empty()
        || (account.len() == 12 && account.chars().all(|c| c.is_ascii_alphanumeric()))
        || matches!(account, "aws" | "aws-managed" | "aws-marketplace" | "third-party");
    match () {
        () if prefix != "arn" => Some("The value must be an ARN: it begins with \"arn:\"."),
        () if partition.is_empty() || service.is_empty() => Some("The ARN lacks its partition or service."),
        () if !region_ok => Some("The region in the ARN is none."),
        () if !account_ok => Some("The account in the ARN must be 12 digits, or empty."),
        () if resource.is_empty() => Some("The ARN lacks its resource."),
        () => None,
    }
}

/// Compiled patterns, anchored at both ends. `None` for one that does not compile, which a test of its type finds.
fn pattern(p: &'static str) -> Option<Arc<Regex>> {
    type Cache = Mutex<HashMap<&'static str, Option<Arc<Regex>>>>;
    static CACHE: LazyLock<Cache> = LazyLock::new(Mutex::default);
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    cache.entry(p).or_insert_with(|| Regex::new(&format!(r"\A(?:{p})\z")).ok().map(Arc::new)).clone()
}

/// Whether an argument is set.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Set {
    No,
    Yes,
    /// It is not known yet whether it will be null.
    Maybe,
}

fn rule(r: &Rule, config: &Partial, out: &mut Vec<Error>) {
    let paths: Vec<&str> = match r {
        Rule::ExactlyOneOf(all) | Rule::AtLeastOneOf(all) => all.to_vec(),
        Rule::Conflicts(first, others) | Rule::RequiredWith(first, others) => {
            std::iter::once(*first).chain(others.iter().copied()).collect()
        }
    };
    let parents: Vec<&str> = paths.iter().map(|p| p.rsplit_once('.').map_or("", |(parent, _)| parent)).collect();
    match parents.first() {
        Some(parent) if !parent.is_empty() && parents.iter().all(|p| p == parent) => {
            for (at, object) in objects(config, parent) {
                let leaf: Vec<&str> = paths.iter().map(|p| p.rsplit('.').next().unwrap_or(p)).collect();
                let set: Vec<Set> = leaf.iter().map(|n| is_set(object.get(n))).collect();
                judge(r, &leaf, &set, &at, out);
            }
        }
        _ => {
            let set: Vec<Set> = paths.iter().map(|p| anywhere(config, p)).collect();
            judge(r, &paths, &set, &Path::default(), out);
        }
    }
}

/// The objects that a dotted path leads to, elements of lists each.
fn objects<'v>(v: &'v Partial, dotted: &str) -> Vec<(Path, &'v Partial)> {
    let mut found = vec![(Path::default(), v)];
    for name in dotted.split('.') {
        let mut next = Vec::new();
        for (at, v) in found {
            let at = at.with_attr(name);
            match v.get(name) {
                Partial::List(items) => next.extend(items.iter().enumerate().map(|(i, v)| (at.with_index(i), v))),
                v @ Partial::Map(_) => next.push((at, v)),
                _ => {}
            }
        }
        found = next;
    }
    found
}

fn is_set(v: &Partial) -> Set {
    match v {
        Partial::Null => Set::No,
        Partial::List(l) if l.is_empty() => Set::No,
        Partial::Unknown => Set::Maybe,
        _ => Set::Yes,
    }
}

fn anywhere(config: &Partial, dotted: &str) -> Set {
    let Some((parent, leaf)) = dotted.rsplit_once('.') else { return is_set(config.get(dotted)) };
    let all: Vec<Set> = objects(config, parent).iter().map(|(_, o)| is_set(o.get(leaf))).collect();
    match () {
        () if all.contains(&Set::Yes) => Set::Yes,
        () if all.contains(&Set::Maybe) => Set::Maybe,
        () => Set::No,
    }
}

fn judge(r: &Rule, names: &[&str], set: &[Set], at: &Path, out: &mut Vec<Error>) {
    let number = |what: Set| set.iter().filter(|s| **s == what).count();
    let (yes, maybe) = (number(Set::Yes), number(Set::Maybe));
    let place = |i: usize| names[i].split('.').fold(at.clone(), |p, n| p.with_attr(n));
    let first_set = || set.iter().rposition(|s| *s == Set::Yes).map_or_else(|| at.clone(), place);
    match r {
        Rule::ExactlyOneOf(_) if yes > 1 => {
            out.push(Error::at(first_set(), format!("Only one of {} may be set.", listed(names))));
        }
        Rule::ExactlyOneOf(_) if yes + maybe == 0 => {
            out.push(Error::at(at.clone(), format!("One of {} must be set.", listed(names))));
        }
        Rule::AtLeastOneOf(_) if yes + maybe == 0 => {
            out.push(Error::at(at.clone(), format!("At least one of {} must be set.", listed(names))));
        }
        Rule::Conflicts(first, _) if set[0] == Set::Yes => {
            for (i, s) in set.iter().enumerate().skip(1) {
                if *s == Set::Yes {
                    let message = format!("\"{}\" cannot be set together with \"{first}\".", names[i]);
                    out.push(Error::at(place(0), message));
                }
            }
        }
        Rule::RequiredWith(first, _) if set[0] == Set::Yes => {
            for (i, s) in set.iter().enumerate().skip(1) {
                if *s == Set::No {
                    let message = format!("\"{first}\" needs \"{}\" to be set, too.", names[i]);
                    out.push(Error::at(place(0), message));
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BlockType, Known, Number};

    fn text(s: &str) -> Partial {
        Partial::String(s.to_owned())
    }
    fn number(n: &str) -> Partial {
        Partial::Number(Number::parse(n).unwrap())
    }

    #[test]
    fn checks_of_single_values() {
        let cases: &[(Check, Partial, &str)] = &[
            (Check::OneOf(&["public", "private"]), text("private"), ""),
            (Check::OneOf(&["public", "private"]), text("Public"), "one of"),
            (Check::OneOfIgnoreCase(&["TCP"]), text("tcp"), ""),
            (Check::OneOfIgnoreCase(&["TCP"]), text("udp"), "one of"),
            (Check::OneOf(&["a"]), Partial::Unknown, ""),
            (Check::Range(1, 5), number("5"), ""),
            (Check::Range(1, 5), number("6"), "between 1 and 5"),
            (Check::Range(1, i64::MAX), number("0"), "at least 1"),
            (Check::RangeOr(7, 9, &[0]), number("0"), ""),
            (Check::RangeOr(7, 9, &[0]), number("1"), "between 7 and 9 or 0"),
            (Check::MultipleOf(60), number("120"), ""),
            (Check::MultipleOf(60), number("90"), "multiple of 60"),
            (Check::Length(1, 3), text("äöü"), ""),
            (Check::Length(1, 3), text("four"), "1 to 3 characters, and has 4"),
            (Check::Pattern("[a-z]+", "lower-case letters"), text("abc"), ""),
            (Check::Pattern("[a-z]+", "lower-case letters"), text("abc1"), "lower-case letters"),
            (Check::Cidr4(16, 28), text("10.0.0.0/16"), ""),
            (Check::Cidr4(16, 28), text("10.0.0.0/8"), "between /16 and /28"),
            (Check::Cidr4(16, 28), text("10.0.0.1/16"), "first one"),
            (Check::Cidr4(16, 28), text("10.0.0/16"), "IPv4 network"),
            (Check::Cidr6(0, 64), text("2001:db8::/56"), ""),
            (Check::Cidr6(0, 64), text("10.0.0.0/8"), "IPv6"),
            (Check::Cidr, text("::/0"), ""),
            (Check::Ip, text("10.0.0.256"), "IP address"),
            (Check::Arn, text("arn:aws:iam::123456789012:role/x"), ""),
            (Check::Arn, text("arn:aws:iam::aws:policy/x"), ""),
            (Check::Arn, text("arn:aws:s3:::bucket"), ""),
            (Check::Arn, text("arn:aws:iam::123:role/x"), "12 digits"),
            (Check::Arn, text("role"), "ARN"),
            (Check::Arn, text(""), ""),
            (Check::Json, text(""), ""),
            (Check::Json, text(" "), "JSON"),
            (Check::Json, text("{\"a\": [1]}"), ""),
            (Check::Json, text("{a: 1}"), "line 1"),
            (Check::Items(1, 2), Partial::List(vec![text("a"); 3]), "1 to 2 elements, and has 3"),
        ];
        for (c, v, want) in cases {
            let got = fault(c, v).map(|(m, _)| m).unwrap_or_default();
            assert!(if want.is_empty() { got.is_empty() } else { got.contains(want) }, "{c:?}: {got:?}, not {want:?}");
        }
    }

    #[test]
    fn suggestions_do_not_repeat_values() {
        let (message, hint) = fault(&Check::OneOf(&["gp2", "gp3"]), &text("gp4secret")).unwrap();
        assert!(!message.contains("secret") && hint.is_none());
        let (_, hint) = fault(&Check::OneOf(&["public", "private"]), &text("Public")).unwrap();
        assert_eq!(hint.as_deref(), Some("Did you mean \"public\"?"));
    }

    fn schema(rules: Vec<Rule>) -> Schema {
        let opt = || Attr::optional(Ty::String);
        let inner = Block {
            attrs: [("p", opt().check(Check::OneOf(&["x"]))), ("q", opt())].into(),
            blocks: Default::default(),
        };
        let block = Block {
            attrs: [("a", opt()), ("b", opt()), ("c", opt())].into(),
            blocks: [
                ("nest", BlockType::new(Nesting::List, inner.clone())),
                ("bag", BlockType::new(Nesting::Set, inner)),
            ]
            .into(),
        };
        Schema { rules, ..Schema::new("t", block) }
    }

    fn errors(rules: Vec<Rule>, config: Known) -> Vec<String> {
        let found = schema_checks(&schema(rules), &config.into());
        found.iter().map(|e| format!("{}: {}", e.path.clone().unwrap_or_default(), e.message)).collect()
    }

    #[test]
    fn nested_values_are_checked_at_their_path() {
        let nest = Known::List(vec![Known::from([("p", "x")]), Known::from([("p", "y")])]);
        let got = errors(vec![], Known::from([("nest", nest.clone()), ("bag", nest)]));
        assert_eq!(got, ["bag: p: The value must be one of \"x\".", "nest[1].p: The value must be one of \"x\"."]);
    }

    #[test]
    fn rules_over_several_arguments() {
        type Case<'a> = (Rule, &'a [(&'a str, &'a str)], &'a str);
        let cases: &[Case<'_>] = &[
            (Rule::ExactlyOneOf(&["a", "b"]), &[("a", "1")], ""),
            (Rule::ExactlyOneOf(&["a", "b"]), &[], ": One of \"a\", \"b\" must be set."),
            (Rule::ExactlyOneOf(&["a", "b"]), &[("a", "1"), ("b", "1")], "b: Only one of \"a\", \"b\" may be set."),
            (Rule::AtLeastOneOf(&["a", "b"]), &[("c", "1")], ": At least one of \"a\", \"b\" must be set."),
            (
                Rule::Conflicts("a", &["b", "c"]),
                &[("a", "1"), ("c", "1")],
                "a: \"c\" cannot be set together with \"a\".",
            ),
            (Rule::Conflicts("a", &["b", "c"]), &[("b", "1"), ("c", "1")], ""),
            (Rule::RequiredWith("a", &["b"]), &[("a", "1")], "a: \"a\" needs \"b\" to be set, too."),
            (Rule::RequiredWith("a", &["b"]), &[("b", "1")], ""),
        ];
        for (rule, set, want) in cases {
            let config = Known::Map(set.iter().map(|(k, v)| ((*k).to_owned(), Known::from(*v))).collect());
            assert_eq!(errors(vec![rule.clone()], config).join(" "), *want, "{rule:?} {set:?}");
        }
        let unknown = Partial::Map([("a".to_owned(), Partial::Unknown)].into());
        assert!(schema_checks(&schema(vec![Rule::ExactlyOneOf(&["a", "b"])]), &unknown).is_empty());
    }

    #[test]
    fn rules_inside_blocks_hold_for_each_block() {
        let rule = Rule::ExactlyOneOf(&["nest.p", "nest.q"]);
        assert!(errors(vec![rule.clone()], Known::object()).is_empty());
        let nest = Known::List(vec![Known::from([("q", "1")]), Known::object()]);
        assert_eq!(errors(vec![rule], Known::from([("nest", nest)])), ["nest[1]: One of \"p\", \"q\" must be set."]);
    }
}
