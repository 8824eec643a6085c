//! One request of the sandbox's log as a text that is the same whoever sent it: without encoding, chance and ownership.
//!
//! What may differ without meaning is written down here and nowhere else: how a protocol spells lists, numbers and
//! documents, the order of what is unordered, identifiers that the emulator makes up, and the tag `stackctl:id`. A value
//! that is present on one side only, an empty text included, stays a difference.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::lab::world::text;

/// What makes an object ours while it is being made; Terraform knows nothing of it.
const OWNERSHIP: &str = "stackctl:id";
/// Parameters that differ with every run, or say how a request travels.
const CHANCE: [&str; 7] = [
    "ClientToken",
    "ClientRequestToken",
    "CreatorRequestId",
    "IdempotencyToken",
    "CallerReference",
    "clientToken",
    "xmlns",
];
/// Headers that are part of what a request says; others are about its transport.
const HEADERS: [&str; 3] = ["x-amz-acl", "x-amz-bucket-object-lock-enabled", "x-amz-object-ownership"];

/// The request in one line; none for one that is about ownership alone.
pub(crate) fn line(request: &Value) -> Option<String> {
    let (service, action) = (text(&request["service"]), text(&request["action"]));
    let params = &request["params"];
    let mut tree = match params.as_object() {
        Some(o) if o.contains_key("path") && o.contains_key("headers") => rest(o),
        Some(o) => unfold(o),
        None => params.clone(),
    };
    let mut owned = false;
    tree = plain(tree, &mut owned);
    let about_tags = action.to_lowercase().contains("tag") && !action.starts_with("Create");
    if owned && about_tags && !tags_are_left(&tree) {
        return None;
    }
    if service == "s3" && action == "CreateBucket" {
        // A bucket's own tags travel with the create for the sake of ownership; the request after it sets them anyway.
        without_tags(&mut tree);
    }
    // Taking members out may have changed their order.
    let tree = if let Value::Object(o) = tree { in_order(o.into_iter()) } else { tree };
    Some(format!("{service}:{action} {tree}"))
}

fn rest(o: &Map<String, Value>) -> Value {
    let mut tree = Map::new();
    tree.insert("path".into(), text(&o["path"]).trim_end_matches('/').into());
    for (k, v) in o["query"].as_object().into_iter().flatten().filter(|(k, _)| *k != "x-id") {
        tree.insert(format!("?{k}"), v.clone());
    }
    for (k, v) in o["headers"].as_object().into_iter().flatten().filter(|(k, _)| HEADERS.contains(&k.as_str())) {
        tree.insert(k.clone(), v.clone());
    }
    match &o["body"] {
        Value::String(s) if s.is_empty() => {}
        Value::String(s) => {
            tree.insert("body".into(), xml(s).unwrap_or_else(|| o["body"].clone()));
        }
        Value::Null => {}
        other => {
            tree.insert("body".into(), other.clone());
        }
    }
    Value::Object(tree)
}

/// `A.member.1.B = x` as `{A: [{B: x}]}`.
fn unfold(o: &Map<String, Value>) -> Value {
    let mut tree = Value::Object(Map::new());
    for (key, value) in o.iter().filter(|(k, _)| *k != "Action" && *k != "Version") {
        let mut at = &mut tree;
        for part in key.split('.') {
            if !at.is_object() {
                *at = Value::Object(Map::new());
            }
            at = &mut at[part];
        }
        *at = value.clone();
    }
    tree
}

/// One spelling for what the protocols spell differently.
fn plain(value: Value, owned: &mut bool) -> Value {
    match value {
        Value::Object(o) if ["Key", "key", "TagKey"].iter().any(|k| o.get(*k).is_some_and(|k| k == OWNERSHIP)) => {
            *owned = true;
            Value::Null
        }
        Value::Object(mut o) => {
            *owned |= o.remove(OWNERSHIP).is_some();
            o.retain(|k, _| !CHANCE.contains(&k.as_str()));
            let list = |k: &str| matches!(k, "member" | "entry");
            if o.len() == 1
                && let Some(k) = o.keys().next().filter(|k| list(k)).cloned()
            {
                return plain(o.remove(&k).unwrap_or_default(), owned);
            }
            if !o.is_empty() && o.keys().all(|k| k.parse::<u32>().is_ok()) {
                return plain(Value::Array(o.into_iter().map(|(_, v)| v).collect()), owned);
            }
            let members = o.into_iter().map(|(k, v)| (k, plain(v, owned)));
            in_order(members.filter(|(_, v)| !v.is_null()))
        }
        Value::Array(a) => {
            let mut a: Vec<Value> = a.into_iter().map(|v| plain(v, owned)).filter(|v| !v.is_null()).collect();
            a.sort_by_key(Value::to_string);
            if a.is_empty() { Value::Null } else { Value::Array(a) }
        }
        Value::String(s) if s == OWNERSHIP => {
            *owned = true;
            Value::Null
        }
        Value::String(s) => match serde_json::from_str::<Value>(&s) {
            Ok(document @ (Value::Object(_) | Value::Array(_))) => anonymous(&document),
            _ => Value::String(kind_of(number(&s))),
        },
        Value::Number(n) => Value::String(number(&n.to_string()).to_owned()),
        Value::Bool(b) => Value::String(b.to_string()),
        Value::Null => Value::Null,
    }
}

/// A document whose order means something, with made-up identifiers by their kind.
fn anonymous(document: &Value) -> Value {
    match document {
        Value::Object(o) => in_order(o.iter().map(|(k, v)| (k.clone(), anonymous(v)))),
        Value::Array(a) => a.iter().map(anonymous).collect(),
        Value::String(s) => kind_of(s).into(),
        other => other.clone(),
    }
}

fn in_order(members: impl Iterator<Item = (String, Value)>) -> Value {
    members.collect::<BTreeMap<_, _>>().into_iter().collect::<Map<_, _>>().into()
}

fn number(s: &str) -> &str {
    match s.split_once('.') {
        Some((whole, zeros))
            if !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') && whole.parse::<i64>().is_ok() =>
        {
            whole
        }
        _ => s,
    }
}

fn tags_are_left(tree: &Value) -> bool {
    let lists = ["Tag", "Tags", "tags", "TagKeys", "tagKeys", "body"];
    lists.iter().any(|l| tree.get(l).is_some_and(|v| !v.is_null() && v != &Value::Object(Map::new())))
}

fn without_tags(tree: &mut Value) {
    let Some(o) = tree.as_object_mut() else { return };
    let gone = o.get_mut("body").and_then(|b| b.get_mut("CreateBucketConfiguration")).is_some_and(|c| {
        let c = c.as_object_mut();
        c.is_some_and(|c| c.remove("Tags").is_some() && c.is_empty())
    });
    if gone {
        o.remove("body");
    }
}

/// Identifiers that the emulator made up become their prefix; generated suffixes one word.
pub(crate) fn kind_of(value: &str) -> String {
    let mut out = String::new();
    let mut word = String::new();
    // A word is what may be part of an identifier; everything else separates.
    for c in value.chars().chain(['\0']) {
        if c.is_ascii_alphanumeric() || c == '-' {
            word.push(c);
            continue;
        }
        out.push_str(&word_kind(&word));
        word.clear();
        if c != '\0' {
            out.push(c);
        }
    }
    if let Some((head, tail)) = out.split_once("2400:6500:") {
        return format!("{head}(range){}", tail.find("::").map_or("", |i| &tail[i..]));
    }
    match out.split_once("http://127.0.0.1:") {
        Some(("", tail)) => format!("(endpoint){}", tail.trim_start_matches(|c: char| c.is_ascii_digit())),
        _ => out,
    }
}

fn word_kind(word: &str) -> String {
    let hex = |s: &str| s.bytes().all(|b| b.is_ascii_hexdigit());
    let pieces: Vec<&str> = word.split('-').collect();
    // With what stands before it, and the six letters that a secret's ARN has behind it.
    let uuid = |p: &[&str]| [8, 4, 4, 4, 12].iter().zip(p).all(|(n, p)| p.len() == *n && hex(p));
    if let Some(i) = pieces.windows(5).position(uuid) {
        let head: String = pieces[..i].iter().map(|p| format!("{p}-")).collect();
        return format!("{head}(uuid)");
    }
    match word.rsplit_once('-') {
        Some((head, tail)) if tail.len() == 17 && hex(tail) => format!("{head}-…"),
        Some((head, tail)) if tail.len() == 26 && hex(tail) => format!("{head}-(unique)"),
        _ => word.to_owned(),
    }
}

/// An XML document as a tree: members by name, a list where there are several; no attributes.
fn xml(s: &str) -> Option<Value> {
    let mut rest = s.trim();
    if rest.starts_with("<?") {
        rest = rest.split_once("?>")?.1.trim_start();
    }
    let (name, value, _) = element(rest)?;
    Some(Value::Object(Map::from_iter([(name, value)])))
}

fn element(s: &str) -> Option<(String, Value, &str)> {
    let (head, mut rest) = s.trim_start().strip_prefix('<')?.split_once('>')?;
    let closed = head.ends_with('/');
    let name = head.trim_end_matches('/').split_whitespace().next()?.to_owned();
    if closed {
        return Some((name, Value::String(String::new()), rest));
    }
    let mut members: Map<String, Value> = Map::new();
    let mut words = String::new();
    loop {
        let at = rest.find('<')?;
        words.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("</") {
            let rest = after.split_once('>')?.1;
            if members.is_empty() {
                let unescaped =
                    words.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&");
                return Some((name, Value::String(unescaped), rest));
            }
            return Some((name, Value::Object(members), rest));
        }
        let (child, value, after) = element(rest)?;
        match members.get_mut(&child) {
            None => {
                members.insert(child, value);
            }
            Some(Value::Array(a)) => a.push(value),
            Some(one) => *one = Value::Array(vec![one.take(), value]),
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(service: &str, action: &str, a: &Value, b: &Value) {
        let of = |params: &Value| line(&json!({"service": service, "action": action, "params": params}));
        assert_eq!(of(a), of(b), "{action}");
    }

    #[test]
    fn protocols_spell_the_same() {
        check(
            "cloudwatch",
            "PutMetricAlarm",
            &json!({"Threshold": 81.0, "Dimensions": [{"Name": "a", "Value": "b"}], "On": true, "Tags": [{"Key": "stackctl:id", "Value": "x"}]}),
            &json!({"Threshold": "81", "Dimensions.member.1.Name": "a", "Dimensions.member.1.Value": "b", "On": "true"}),
        );
        check(
            "iam",
            "CreateRole",
            &json!({"P": "{\"a\": 1, \"b\": [\"y\", \"x\"]}", "Name": "r-20261121135757854100000001"}),
            &json!({"P": "{\"b\":[\"y\",\"x\"],\"a\":1}", "Name": "r-20261121135757854100000002"}),
        );
        let rest = |path: &str, body: &str| json!({"path": path, "query": {}, "headers": {"x-amz-checksum-crc32": path}, "body": body});
        check(
            "s3",
            "PutX",
            &rest("/b/", "<C xmlns=\"u\"><R><A>1</A><B>2</B></R><R><A>3</A></R></C>"),
            &rest("/b", "<C><R><A>3</A></R><R><B>2</B><A>1</A></R></C>"),
        );
    }

    #[test]
    fn differences_stay() {
        let of = |params: Value| line(&json!({"service": "ec2", "action": "X", "params": params}));
        for (a, b) in [
            (json!({"A": ""}), json!({})),
            (json!({"Tag.1.Key": "a", "Tag.1.Value": "1"}), json!({"Tag.1.Key": "a", "Tag.1.Value": "2"})),
            (json!({"L.1": "a", "L.2": "a"}), json!({"L.1": "a"})),
            (json!({"P": "{\"a\":[1,2]}"}), json!({"P": "{\"a\":[2,1]}"})),
        ] {
            assert_ne!(of(a.clone()), of(b), "{a}");
        }
    }

    #[test]
    fn ownership_alone_is_no_request() {
        let of = |action: &str, params: Value| line(&json!({"service": "x", "action": action, "params": params}));
        assert_eq!(of("UntagResource", json!({"TagKeys.member.1": "stackctl:id", "Arn": "a"})), None);
        assert_eq!(of("DeleteTags", json!({"ResourceId.1": "sg-1", "Tag.1.Key": "stackctl:id"})), None);
        assert!(of("UntagResource", json!({"TagKeys": ["stackctl:id", "other"], "Arn": "a"})).is_some());
        assert!(of("CreateThing", json!({"Tags.1.Key": "stackctl:id"})).is_some());
        let key = json!({"Tags": [{"TagKey": "a", "TagValue": "1"}, {"TagKey": "stackctl:id", "TagValue": "t"}]});
        assert_eq!(of("CreateKey", key), of("CreateKey", json!({"Tags": [{"TagKey": "a", "TagValue": "1"}]})));
    }

    #[test]
    fn made_up_identifiers() {
        for (text, want) in [
            ("arn:aws:ec2:r:1:vpc/vpc-833f1ae764340339c", "arn:aws:ec2:r:1:vpc/vpc-…"),
            ("name-20261121135757854100000001.fifo", "name-(unique).fifo"),
            ("2400:6500:968b:4600::/64", "(range)::/64"),
            ("us-east-1a", "us-east-1a"),
            ("secret:rds!db-0dd73950-08f2-4860-a7c1-15fc30efeac1-ZKfiaB", "secret:rds!db-(uuid)"),
            ("http://127.0.0.1:36441/123456789012/q", "(endpoint)/123456789012/q"),
        ] {
            assert_eq!(kind_of(text), want);
        }
    }
}
