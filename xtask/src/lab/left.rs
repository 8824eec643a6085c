//! What a run has left, in the state and in the world, compared with what another run of the same work has left.
//!
//! Two runs never leave the same bytes: ids, times and random values differ. A text may differ in such a part alone, and
//! each part has to stand for the same part of the other run everywhere, so that a reference to the wrong object shows.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::world::text;

/// What exists: type → id → attributes.
pub(crate) type Inventory = BTreeMap<String, BTreeMap<String, Value>>;

/// Bucket and table of states: what is in them is not what the work made.
const STATES: [&str; 2] = ["crash-state", "crash-locks"];

/// A state with the world that it describes.
#[derive(Clone, Debug)]
pub(crate) struct Left {
    /// Address → what the state says of it; outputs too.
    state: BTreeMap<String, Value>,
    world: Inventory,
}

impl Left {
    /// Takes both as they are, without the ports of worlds in URLs.
    ///
    /// # Errors
    /// If the state has something twice.
    pub(crate) fn new(state: &Value, world: &Inventory) -> Result<Left, String> {
        let mut flat = BTreeMap::new();
        for resource in unported(state)["resources"].as_array().into_iter().flatten() {
            for instance in resource["instances"].as_array().into_iter().flatten() {
                let mut address = format!("{}.{}", text(&resource["type"]), text(&resource["name"]));
                if resource["mode"] == "data" {
                    address.insert_str(0, "data.");
                }
                if let Some(key) = instance.get("index_key") {
                    address += &format!("[{key}]");
                }
                if instance.get("deposed").is_some() {
                    address += " (deposed)";
                }
                let mut instance = instance.clone();
                instance["provider"] = resource["provider"].clone();
                if flat.insert(address.clone(), instance).is_some() {
                    return Err(format!("the state has {address} twice"));
                }
            }
        }
        for (name, output) in unported(state)["outputs"].as_object().into_iter().flatten() {
            flat.insert(format!("output.{name}"), output.clone());
        }
        let world = world.iter().map(|(kind, all)| {
            let all = all.iter().map(|(id, v)| match STATES.contains(&id.as_str()) {
                true => (id.clone(), Value::Null),
                false => (id.clone(), unported(v)),
            });
            (kind.clone(), all.collect())
        });
        Ok(Left { state: flat, world: world.collect() })
    }

    /// What the state keeps of generated passwords.
    pub(crate) fn passwords(&self) -> impl Iterator<Item = String> {
        let all = self.state.iter().filter(|(address, _)| address.starts_with("random_password."));
        all.filter_map(|(_, v)| v["attributes"]["result"].as_str().map(str::to_owned))
    }

    /// How many objects the state records as managed.
    pub(crate) fn count(&self) -> usize {
        self.state.keys().filter(|a| !a.starts_with("output.") && !a.starts_with("data.")).count()
    }

    /// In words, what is not as `other` has it, apart from what differs by nature.
    pub(crate) fn differences(&self, other: &Left) -> Vec<String> {
        let (mut out, mut names) = (Vec::new(), Names::default());
        let all: BTreeSet<&String> = self.state.keys().chain(other.state.keys()).collect();
        let mut both = Vec::new();
        for address in all {
            match (self.state.get(address), other.state.get(address)) {
                (Some(a), Some(b)) => both.push((address, a, b)),
                (Some(_), None) => out.push(format!("the state has {address}, which should not be there")),
                _ => out.push(format!("the state lacks {address}")),
            }
        }
        // Ids first: they are what everything else refers to.
        for (address, a, b) in &both {
            names.learn_value(address, &a["attributes"]["id"], &b["attributes"]["id"], &mut out);
        }
        for (address, a, b) in &both {
            names.learn_value(address, a, b, &mut out);
        }
        for (address, a, b) in both {
            names.compare(address, a, b, &mut out);
        }
        out.extend(self.compare_worlds(other, &names));
        out
    }

    fn compare_worlds(&self, other: &Left, names: &Names) -> Vec<String> {
        let mut out = Vec::new();
        let kinds: BTreeSet<&String> = self.world.keys().chain(other.world.keys()).collect();
        for kind in kinds {
            let list = |left: &Left, ours: bool| -> Vec<String> {
                let all = left.world.get(kind).into_iter().flatten();
                let mut all: Vec<String> = all
                    .map(|(id, v)| {
                        let id = Value::from(id.as_str());
                        format!("{} {}", names.masked(&id, ours), names.masked(v, ours))
                    })
                    .collect();
                all.sort();
                all
            };
            let (mut mine, mut theirs) = (list(self, true), list(other, false));
            let common: Vec<String> = mine.iter().filter(|m| theirs.contains(m)).cloned().collect();
            for one in common {
                // One of each side goes: what is there twice stays once.
                let (i, j) = (mine.iter().position(|m| *m == one), theirs.iter().position(|t| *t == one));
                if let (Some(i), Some(j)) = (i, j) {
                    mine.remove(i);
                    theirs.remove(j);
                }
            }
            out.extend(mine.iter().map(|one| format!("{kind} exists, which should not: {one}")));
            out.extend(theirs.iter().map(|one| format!("{kind} should exist and does not: {one}")));
        }
        out
    }
}

/// A value without the ports of worlds, which stand in a few URLs, and with documents of one meaning in one spelling.
fn unported(v: &Value) -> Value {
    let text = v.to_string();
    let mut parts = text.split("127.0.0.1:");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out += "127.0.0.1:0";
        out += part.trim_start_matches(|c: char| c.is_ascii_digit());
    }
    let mut v = serde_json::from_str(&out).unwrap_or_default();
    unspelled(&mut v);
    v
}

/// Documents in texts with their keys in one order: services and users spell the same policy in several ways.
fn unspelled(v: &mut Value) {
    match v {
        Value::String(s) if s.starts_with('{') => {
            if let Ok(mut document) = serde_json::from_str::<Value>(s) {
                unspelled(&mut document);
                *s = document.to_string();
            }
        }
        Value::Array(all) => all.iter_mut().for_each(unspelled),
        Value::Object(all) => {
            all.values_mut().for_each(unspelled);
            all.sort_keys();
        }
        _ => {}
    }
}

/// Which part of a text of ours stands for which part of the other run's.
#[derive(Default)]
struct Names {
    ours: BTreeMap<String, String>,
    theirs: BTreeMap<String, String>,
}

impl Names {
    /// Walks two values of the same shape. Lists may be sorted by id, so that only lists of one are walked.
    fn learn_value(&mut self, at: &str, a: &Value, b: &Value, out: &mut Vec<String>) {
        match (a, b) {
            (Value::String(a), Value::String(b)) => self.learn(at, a, b, out),
            (Value::Object(a), Value::Object(b)) => {
                for (key, a) in a.iter().filter(|(key, _)| *key != "private") {
                    self.learn_value(at, a, b.get(key).unwrap_or(&Value::Null), out);
                }
            }
            (Value::Array(a), Value::Array(b)) if a.len() == 1 && b.len() == 1 => {
                self.learn_value(at, &a[0], &b[0], out);
            }
            _ => {}
        }
    }

    fn learn(&mut self, at: &str, a: &str, b: &str, out: &mut Vec<String>) {
        let (x, y) = (tokens(a), tokens(b));
        if a == b || by_nature(a, b) || x.len() != y.len() {
            return;
        }
        for (x, y) in x.into_iter().zip(y).filter(|(x, y)| x != y && random(x, y)) {
            let before = self.ours.entry(x.to_owned()).or_insert_with(|| y.to_owned()).clone();
            let back = self.theirs.entry(y.to_owned()).or_insert_with(|| x.to_owned()).clone();
            if before != y || back != x {
                out.push(format!("{at}: {x} stands for {y} here and for {before} elsewhere ({back} for {y})"));
            }
        }
    }

    fn compare(&self, at: &str, a: &Value, b: &Value, out: &mut Vec<String>) {
        match (a, b) {
            (Value::Object(a), Value::Object(b)) => {
                let keys: BTreeSet<&String> = a.keys().chain(b.keys()).filter(|k| *k != "private").collect();
                let of = |m: &Map<String, Value>, k: &str| m.get(k).cloned().unwrap_or_default();
                for key in keys {
                    self.compare(&format!("{at}.{key}"), &of(a, key), &of(b, key), out);
                }
            }
            (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
                let mut a: Vec<&Value> = a.iter().collect();
                let mut b: Vec<&Value> = b.iter().collect();
                a.sort_by_cached_key(|v| self.masked(v, true));
                b.sort_by_cached_key(|v| self.masked(v, false));
                for (i, (a, b)) in a.into_iter().zip(b).enumerate() {
                    self.compare(&format!("{at}[{i}]"), a, b, out);
                }
            }
            (Value::String(x), Value::String(y)) if self.same(x, y) => {}
            // The same text is wrong where it should be the other run's name for something.
            _ if a == b && !a.is_string() => {}
            _ => out.push(format!("{at} is {} instead of {}", short(a), short(b))),
        }
    }

    fn same(&self, a: &str, b: &str) -> bool {
        let (x, y) = (tokens(a), tokens(b));
        let one = |x: &str, y: &str| match self.ours.get(x) {
            Some(known) => known == y,
            None => x == y || random(x, y) && !self.theirs.contains_key(y),
        };
        by_nature(a, b)
            || separators(a) == separators(b) && x.len() == y.len() && x.iter().zip(y).all(|(x, y)| one(x, y))
    }

    /// A value as text in which ids of ours are replaced by the other run's, and random parts that nothing is known of
    /// by a sign.
    fn masked(&self, v: &Value, ours: bool) -> String {
        match v {
            Value::String(s) => {
                if address(s) {
                    return "#".to_owned();
                }
                let mut out = String::new();
                let mut rest = s.as_str();
                for token in tokens(s) {
                    let start = rest.find(token).unwrap_or(0);
                    out += &rest[..start];
                    rest = &rest[start + token.len()..];
                    match self.ours.get(token).filter(|_| ours) {
                        Some(known) => out += known,
                        None if !ours && self.theirs.contains_key(token) => out += token,
                        None if uuid(token) || token.split('-').any(looks_random) => out.push('#'),
                        None => out += token,
                    }
                }
                out + rest
            }
            Value::Array(all) => {
                let mut all: Vec<String> = all.iter().map(|v| self.masked(v, ours)).collect();
                all.sort();
                format!("[{}]", all.join(", "))
            }
            Value::Object(all) => {
                let mut all: Vec<String> = all.iter().map(|(k, v)| format!("{k}: {}", self.masked(v, ours))).collect();
                all.sort();
                format!("{{{}}}", all.join(", "))
            }
            other => other.to_string(),
        }
    }
}

fn is_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

/// Runs of letters, digits, `-` and `_`.
fn tokens(s: &str) -> Vec<&str> {
    s.split(|c| !is_part(c)).filter(|t| !t.is_empty()).collect()
}

fn separators(s: &str) -> String {
    s.chars().filter(|c| !is_part(*c)).collect()
}

/// Two parts that may differ: the same where they are not random, and random alike where they differ.
fn random(x: &str, y: &str) -> bool {
    let host = |prefix| x.starts_with(prefix) && y.starts_with(prefix);
    if uuid(x) && uuid(y) || host("ec2-") || host("ip-") {
        return true;
    }
    let (x, y): (Vec<&str>, Vec<&str>) = (x.split('-').collect(), y.split('-').collect());
    // Checksums are numbers without leading zeros.
    let number = |x: &str| x.len() >= 5 && x.bytes().all(|b| b.is_ascii_digit());
    let alike =
        |x: &str, y: &str| number(x) && number(y) || x.len() >= 8 && y.len() >= 8 && x.len().abs_diff(y.len()) <= 3;
    x.len() == y.len() && x.into_iter().zip(y).all(|(x, y)| x == y || alike(x, y))
}

fn looks_random(part: &str) -> bool {
    part.len() >= 8 && part.chars().any(|c| c.is_ascii_digit()) || part.len() >= 16
}

fn uuid(s: &str) -> bool {
    let parts: Vec<usize> = s.split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12] && s.chars().all(|c| c == '-' || c.is_ascii_hexdigit())
}

/// A single IPv4 address, as AWS hands them out.
fn address(s: &str) -> bool {
    s.parse::<std::net::Ipv4Addr>().is_ok()
}

/// Times, addresses and hashes of passwords, which differ as a whole.
fn by_nature(a: &str, b: &str) -> bool {
    let time = |s: &str| {
        let b = s.as_bytes();
        b.len() >= 19 && b[4] == b'-' && b[7] == b'-' && b[10] == b'T' && b[13] == b':' && b[16] == b':'
    };
    let hash = |s: &str| s.starts_with("$2") && s.len() == 60;
    [time, hash, address].iter().any(|is| is(a) && is(b))
}

fn short(v: &Value) -> String {
    let text = v.to_string();
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn left(group: &str, rule_of: &str, port: u64) -> Left {
        let state = json!({
            "resources": [
                {"mode": "managed", "type": "group", "name": "a", "provider": "p", "instances": [
                    {"attributes": {"id": group, "at": "2026-01-01T00:00:00Z", "ip": "127.0.0.9"}}]},
                {"mode": "managed", "type": "rule", "name": "b", "provider": "p", "instances": [
                    {"attributes": {"id": "sgr-0011223344", "groups": ["sg-aabbccdd00", rule_of], "port": port}}]},
            ],
            "outputs": {},
        });
        let world = BTreeMap::from([
            ("group".to_owned(), BTreeMap::from([(group.to_owned(), json!({"name": "a"}))])),
            ("rule".to_owned(), BTreeMap::from([("sgr-0011223344".to_owned(), json!({"group": rule_of}))])),
        ]);
        Left::new(&state, &world).unwrap()
    }

    fn check(a: &Left, b: &Left, want: &[&str]) {
        let got = a.differences(b);
        assert_eq!(got.len(), want.len(), "{got:#?}");
        for (got, want) in got.iter().zip(want) {
            assert!(got.contains(want), "{got:#?}");
        }
    }

    #[test]
    fn ids_may_differ_and_references_may_not() {
        let a = left("sg-1111111111", "sg-1111111111", 1);
        check(&a, &a, &[]);
        let documents = [r#"{"b": {"d": 1, "c": 2}, "a": "127.0.0.1:99"}"#, r#"{"a":"127.0.0.1:1","b":{"c":2,"d":1}}"#];
        assert_eq!(unported(&json!([documents[0]])), unported(&json!([documents[1]])));
        check(&a, &left("sg-2222222222", "sg-2222222222", 1), &[]);
        check(&a, &left("sg-1111111111", "sg-1111111111", 2), &["rule.b.attributes.port is 1 instead of 2"]);
        assert!(random("sgrule-7314960", "sgrule-2657791925") && !random("sg-1111", "sg-2222"));
        let wrong = a.differences(&left("sg-2222222222", "sg-1111111111", 1));
        assert!(wrong.iter().any(|d| d.starts_with("rule.b.attributes.groups")), "{wrong:#?}");
        assert!(wrong.iter().any(|d| d.starts_with("rule exists, which should not")), "{wrong:#?}");
    }

    #[test]
    fn what_is_missing_or_there_twice_shows() {
        let a = left("sg-1111111111", "sg-1111111111", 1);
        let mut more = a.clone();
        more.world.get_mut("group").unwrap().insert("sg-9999999999".to_owned(), json!({"name": "a"}));
        check(&more, &a, &["group exists, which should not"]);
        check(&a, &more, &["group should exist and does not"]);
        let mut less = a.clone();
        less.state.remove("rule.b");
        check(&less, &a, &["the state lacks rule.b"]);
        check(&a, &less, &["the state has rule.b"]);
    }
}
