//! Every type against the measured facts of its provider schema (`facts/*.json`): names, types, who sets what, force-new,
//! defaults, equality, limits, nesting, rules between arguments.
//!
//! A difference fails unless the file's `differences` gives its reason: `"path: what": "reason"`. A reason that explains
//! nothing fails, too.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::Value as Json;
use stackctl_core::equal::is_zero;
use stackctl_core::schema::OnUpdate;
use stackctl_core::{Attr, Block, Check, Equality, ForceNew, Known, Nesting, Presence, Rule, Schema, Ty};

struct Compare {
    zero_is_null: bool,
    found: BTreeMap<String, String>,
}

#[test]
fn every_type_agrees_with_its_facts() {
    let provider = stackctl_aws::provider();
    let mut wrong = Vec::new();
    let resources = provider.resources().into_iter().filter_map(|t| Some((t.to_owned(), provider.resource(t)?)));
    let data = provider.data_sources().into_iter().filter_map(|t| Some((format!("data.{t}"), provider.data(t)?)));
    let opened = provider.ephemerals().into_iter();
    let opened = opened.filter_map(|t| Some((format!("ephemeral.{t}"), provider.ephemeral(t)?)));
    for (name, schema) in resources.chain(data).chain(opened) {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("facts/{name}.json"));
        let Ok(text) = std::fs::read_to_string(&path) else {
            wrong.push(format!("{name}: facts/{name}.json is missing"));
            continue;
        };
        let facts: Json = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let mut reasons: BTreeMap<String, Json> =
            facts["differences"].as_object().cloned().unwrap_or_default().into_iter().collect();
        // Those are about behaviour: `arguments` reads them.
        reasons.retain(|what, _| !what.ends_with(": no effect"));
        for (what, detail) in compare(schema, &facts) {
            if reasons.remove(&what).is_none() {
                wrong.push(format!("{name}.{what}  ({detail})"));
            }
        }
        wrong.extend(reasons.keys().map(|r| format!("{name}: the reason for {r:?} explains no difference")));
    }
    assert!(wrong.is_empty(), "{} differences without a reason:\n{}", wrong.len(), wrong.join("\n"));
}

fn compare(schema: &Schema, facts: &Json) -> BTreeMap<String, String> {
    let mut c = Compare { zero_is_null: schema.zero_is_null, found: BTreeMap::new() };
    if let Some(v) = facts["version"].as_u64() {
        c.check("", "version", v, schema.version);
        c.check("", "framework", facts["framework"] == true, !schema.zero_is_null);
        for (op, seconds) in facts["timeouts"].as_object().into_iter().flatten() {
            let t = &schema.timeouts;
            let ours = match op.as_str() {
                "create" => t.create,
                "read" => t.read,
                "update" => t.update,
                _ => t.delete,
            };
            c.check("", &format!("timeout of {op}"), seconds.as_u64(), ours.map(|d| d.as_secs()));
        }
    }
    c.block("", facts, &schema.block);
    let refused: BTreeSet<&str> = schema.refused.iter().map(|r| r.0).collect();
    c.found.retain(|what, _| {
        let path = what.split(": ").next().unwrap_or_default();
        !refused.iter().any(|r| path == *r || path.starts_with(&format!("{r}.")))
    });
    c.rules(facts, &schema.rules, &refused);
    c.found
}

impl Compare {
    fn check<T: PartialEq + std::fmt::Debug>(&mut self, path: &str, what: &str, fact: T, ours: T) {
        if fact != ours {
            self.found.insert(format!("{path}: {what}"), format!("fact {fact:?}, ours {ours:?}"));
        }
    }

    fn block(&mut self, path: &str, facts: &Json, ours: &Block) {
        let at = |n: &str| if path.is_empty() { n.to_owned() } else { format!("{path}.{n}") };
        let (attrs, blocks) = (entries(&facts["attrs"]), entries(&facts["blocks"]));
        let names = |l: &BTreeMap<String, Json>| l.keys().cloned().collect::<BTreeSet<_>>();
        self.names(path, names(&attrs), ours.attrs.keys().map(|n| (*n).to_owned()).collect());
        self.names(path, names(&blocks), ours.blocks.keys().map(|n| (*n).to_owned()).collect());
        for (n, f) in &attrs {
            if let Some(a) = ours.attrs.get(n.as_str()) {
                self.attr(&at(n), f, a);
            }
        }
        for (n, f) in &blocks {
            let Some(b) = ours.blocks.get(n.as_str()) else { continue };
            let path = at(n);
            let nesting = match b.nesting {
                Nesting::Single => "single",
                Nesting::List => "list",
                Nesting::Set => "set",
            };
            self.check(&path, "nesting", f["nesting"].as_str(), Some(nesting));
            let items = |i: usize| f["items"][i].as_u64().unwrap_or_default() as usize;
            if b.nesting != Nesting::Single {
                // The plugin framework checks the number of blocks by validators, which its schema does not show.
                let hidden = !self.zero_is_null && items(0) == 0 && items(1) == 0;
                if !hidden {
                    self.check(&path, "fewest and most", (items(0), items(1)), (b.min, b.max));
                }
            }
            self.check(&path, "force_new", f["force_new"] == true, b.force_new);
            self.check(&path, "deprecated", f["deprecated"] == true, b.deprecated.is_some());
            self.block(&path, f, &b.block);
        }
    }

    fn names(&mut self, path: &str, facts: BTreeSet<String>, ours: BTreeSet<String>) {
        let at = |n: &String| if path.is_empty() { n.clone() } else { format!("{path}.{n}") };
        for n in facts.difference(&ours) {
            self.found.insert(format!("{}: missing", at(n)), String::new());
        }
        for n in ours.difference(&facts) {
            self.found.insert(format!("{}: unknown", at(n)), String::new());
        }
    }

    fn attr(&mut self, path: &str, f: &Json, a: &Attr) {
        self.check(path, "type", Ty::from_json(&f["type"]), Some(a.ty.clone()));
        let presence = match a.presence {
            Presence::Required => "required",
            Presence::Optional => "optional",
            Presence::OptComputed => "both",
            Presence::Computed => "computed",
        };
        self.check(path, "set by", f["set"].as_str(), Some(presence));
        let force_new = match a.force_new {
            ForceNew::No => Json::Null,
            ForceNew::Yes => true.into(),
            ForceNew::Conditional => "conditional".into(),
        };
        self.check(path, "force_new", &f["force_new"], &force_new);
        for (flag, ours) in
            [("sensitive", a.sensitive), ("write_only", a.write_only), ("deprecated", a.deprecated.is_some())]
        {
            self.check(path, flag, f[flag] == true, ours);
        }
        let default = f.get("default").map(Known::from_json);
        // The older plugin SDK shows zero values as defaults of members of blocks.
        let zero = self.zero_is_null && a.default.is_none() && default.as_ref().is_some_and(is_zero);
        if !zero {
            self.check(path, "default", default.map(|d| d.to_json()), a.default.as_ref().map(Known::to_json));
        }
        let on_update = match a.on_update {
            OnUpdate::Keeps => Json::Null,
            OnUpdate::Unknown => "unknown".into(),
            OnUpdate::UnknownWhen(l) => l.iter().copied().collect::<BTreeSet<_>>().into_iter().collect(),
        };
        self.check(path, "on_update", &f["on_update"], &on_update);
        let equal = match a.equality {
            Equality::Exact | Equality::Unordered | Equality::VersionPrefix => Json::Null,
            Equality::Json => "json".into(),
            Equality::Policy => "policy".into(),
            Equality::IgnoreCase => "case".into(),
            Equality::TrailingDot => "trail_dot".into(),
            Equality::TrailingNewline => "trail_nl".into(),
        };
        self.check(path, "equal", &f["equal"], &equal);
        self.limits(path, f, a);
        if let (Some(members), Some(element)) = (f["element"].as_object(), &a.element) {
            for (n, f) in members {
                if let Some(a) = element.attrs.get(n.as_str()) {
                    let mut f = f.clone();
                    // Measured files of the second series know types and force-new only.
                    if f.get("set") == Some(&"optional".into()) && a.presence == Presence::Required {
                        f["set"] = "required".into();
                    }
                    self.attr(&format!("{path}.{n}"), &f, a);
                }
            }
        }
    }

    fn limits(&mut self, path: &str, f: &Json, a: &Attr) {
        let checks: Vec<&Check> = a.checks.iter().map(inner).collect();
        let strings = |l: &[&str]| Some(l.iter().map(|s| Json::from(*s)).collect::<Vec<_>>());
        let sorted = |l: Option<Vec<Json>>| {
            l.map(|l| l.iter().map(ToString::to_string).collect::<BTreeSet<_>>()).filter(|l| !l.is_empty())
        };
        let one_of = checks.iter().find_map(|c| match c {
            Check::OneOf(l) => strings(l),
            Check::RangeOr(low, high, l) if low > high => Some(l.iter().map(|n| Json::from(*n)).collect()),
            _ => None,
        });
        self.check(path, "one_of", sorted(f["one_of"].as_array().cloned()), sorted(one_of));
        let any_case = checks.iter().find_map(|c| if let Check::OneOfIgnoreCase(l) = c { strings(l) } else { None });
        self.check(path, "one_of_any_case", sorted(f["one_of_any_case"].as_array().cloned()), sorted(any_case));
        if let Some(r) = f["range"].as_array() {
            let ours = checks.iter().find_map(|c| match c {
                Check::Range(a, b) | Check::RangeOr(a, b, _) => Some((*a, *b)),
                _ => None,
            });
            let fact = (r[0].as_i64().unwrap_or(i64::MIN), r[1].as_i64().unwrap_or(i64::MAX));
            let ours =
                ours.map(|(a, b)| (if r[0].is_null() { fact.0 } else { a }, if r[1].is_null() { fact.1 } else { b }));
            self.check(path, "range", Some(fact), ours);
        }
        if f["integer"] == true && f["one_of"].is_null() {
            let whole =
                |c: &&Check| matches!(c, Check::Integer | Check::Range(..) | Check::RangeOr(..) | Check::MultipleOf(_));
            self.check(path, "integer", true, checks.iter().any(whole));
        }
        if let Some(l) = f["length"].as_array() {
            let ours = checks.iter().find_map(|c| if let Check::Length(a, b) = c { Some((*a, *b)) } else { None });
            self.check(path, "longest", l[1].as_u64(), ours.map(|o| o.1 as u64).filter(|_| !l[1].is_null()));
            if let Some(least) = l[0].as_u64() {
                self.check(path, "shortest", Some(least), ours.map(|o| o.0 as u64));
            }
        }
        if let Some(format) = f["format"].as_str() {
            let shaped = |c: &&Check| !matches!(c, Check::Length(..) | Check::Integer | Check::Items(..));
            self.check(path, "format", format, if checks.iter().any(shaped) { format } else { "unchecked" });
        }
    }

    fn rules(&mut self, facts: &Json, ours: &[Rule], refused: &BTreeSet<&str>) {
        let mut have = BTreeSet::new();
        for r in ours {
            match r {
                Rule::ExactlyOneOf(l) => {
                    have.insert(rule("exactly_one_of", l));
                }
                Rule::AtLeastOneOf(l) => {
                    have.insert(rule("at_least_one_of", l));
                }
                Rule::Conflicts(first, l) => have.extend(l.iter().map(|o| rule("conflicts", &[first, o]))),
                Rule::RequiredWith(first, l) => {
                    have.insert(format!(
                        "required_with {first} {}",
                        l.iter().copied().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" ")
                    ));
                }
            }
        }
        let mut want = BTreeSet::new();
        for r in facts["rules"].as_array().into_iter().flatten() {
            let words: Vec<&str> = r.as_array().into_iter().flatten().filter_map(Json::as_str).collect();
            let [kind, paths @ ..] = &words[..] else { continue };
            if paths.iter().any(|p| refused.contains(p)) {
                continue;
            }
            match *kind {
                "conflicts" => {
                    for (i, a) in paths.iter().enumerate() {
                        want.extend(paths[i + 1..].iter().map(|b| rule("conflicts", &[a, b])));
                    }
                }
                "required_with" => {
                    want.insert(words.join(" "));
                }
                kind => {
                    want.insert(rule(kind, paths));
                }
            }
        }
        for r in want.difference(&have) {
            self.found.insert(format!("rule missing: {r}"), String::new());
        }
        for r in have.difference(&want) {
            self.found.insert(format!("rule unknown: {r}"), String::new());
        }
    }
}

fn rule(kind: &str, paths: &[&str]) -> String {
    let paths: BTreeSet<&str> = paths.iter().copied().collect();
    format!("{kind} {}", paths.into_iter().collect::<Vec<_>>().join(" "))
}

fn inner(c: &Check) -> &Check {
    if let Check::Each(c) = c { inner(c) } else { c }
}

fn entries(v: &Json) -> BTreeMap<String, Json> {
    v.as_object().into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect()
}
