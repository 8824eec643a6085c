//! `data.aws_iam_policy_document`: makes documents, asks nobody.
//!
//! State and other tools compare the text, so it is made byte for byte as it has always been: keys in their customary
//! order, lists of actions, resources and identifiers from last to first, single values without a list.

use serde_json::{Map, Value as Json};
use stackctl_core::Check;

use crate::kit::prelude::*;

/// A policy document as JSON.
///
/// Statements of `source_policy_documents` come first, then those of this document, then those of
/// `override_policy_documents`; a statement replaces an earlier one of the same `sid`. `&{` in resources, conditions and
/// principals stands for `${`.
#[derive(Clone, Debug, Data)]
#[data(type = "aws_iam_policy_document")]
pub(crate) struct PolicyDocument {
    /// Checksum of the document.
    id: Computed<String>,
    /// The document.
    json: Computed<String>,
    /// The document without blanks.
    minified_json: Computed<String>,
    /// No longer of use.
    #[attr(check = EMPTY, deprecated = "Use `override_policy_documents` instead.")]
    override_json: Option<String>,
    /// Documents whose statements replace those of the same `sid`.
    #[attr(json)]
    override_policy_documents: Option<Vec<String>>,
    /// Id of the document.
    policy_id: Option<String>,
    /// No longer of use.
    #[attr(check = EMPTY, deprecated = "Use `source_policy_documents` instead.")]
    source_json: Option<String>,
    /// Documents that come first.
    #[attr(json)]
    source_policy_documents: Option<Vec<String>>,
    /// Statements.
    statement: Vec<Statement>,
    /// Version of the policy language; `2012-10-17` if unset.
    #[attr(one_of("2008-10-17", "2012-10-17"))]
    version: Option<String>,
}

const EMPTY: Check = Check::Pattern("", "empty");

/// A statement.
#[derive(Block, Clone, Debug)]
pub(crate) struct Statement {
    /// Actions that it is about.
    actions: Option<BTreeSet<String>>,
    /// When it holds: all of these.
    condition: BTreeSet<Condition>,
    /// `Allow` if unset.
    #[attr(one_of("Allow", "Deny"))]
    effect: Option<String>,
    /// All actions but these.
    not_actions: Option<BTreeSet<String>>,
    /// All principals but these.
    not_principals: BTreeSet<Principal>,
    /// All resources but these.
    not_resources: Option<BTreeSet<String>>,
    /// To whom it applies.
    principals: BTreeSet<Principal>,
    /// Resources that it is about.
    resources: Option<BTreeSet<String>>,
    /// Name, unique in the document.
    sid: Option<String>,
}

/// A condition.
#[derive(Block, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Condition {
    /// Operator, such as `StringEquals`.
    test: String,
    /// Any of these.
    values: Vec<String>,
    /// What is tested, such as `aws:SourceArn`.
    variable: String,
}

/// Principals of one kind.
#[derive(Block, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Principal {
    /// Who.
    identifiers: BTreeSet<String>,
    /// Kind: `AWS`, `Service`, `Federated`, `CanonicalUser` or `*`.
    #[attr(name = "type")]
    kind: String,
}

impl Data for PolicyDocument {
    const ACTIONS: &'static [&'static str] = &[];

    async fn read(_cx: &Cx, config: &Self) -> Result<Self> {
        let document = document(config)?;
        let json = escaped(&serde_json::to_string_pretty(&document).unwrap_or_default());
        let minified = escaped(&document.to_string());
        Ok(PolicyDocument {
            id: Some(crc32(&json).to_string()),
            json: Some(json),
            minified_json: Some(minified),
            ..config.clone()
        })
    }
}

/// A document in the making.
#[derive(Default)]
struct Document {
    version: String,
    id: String,
    statements: Vec<Map<String, Json>>,
}

fn document(config: &PolicyDocument) -> Result<Json> {
    let mut out = Document::default();
    let mut sids = BTreeSet::new();
    for (i, text) in texts(&config.source_policy_documents) {
        let source = parse(text, &format!("source_policy_documents[{i}]"))?;
        for sid in source.statements.iter().map(sid_of).filter(|s| !s.is_empty()) {
            if !sids.insert(sid.to_owned()) {
                let what = format!("Sid {sid:?} occurs twice in `source_policy_documents` (again in element {i}).");
                return Err(Error::invalid(what));
            }
        }
        out.merge(source);
    }
    out.merge(own(config)?);
    for (i, text) in texts(&config.override_policy_documents) {
        out.merge(parse(text, &format!("override_policy_documents[{i}]"))?);
    }
    Ok(out.into_json())
}

fn texts(list: &Option<Vec<String>>) -> impl Iterator<Item = (usize, &String)> {
    list.iter().flatten().enumerate().filter(|(_, t)| !t.is_empty())
}

impl Document {
    fn merge(&mut self, new: Document) {
        if !new.id.is_empty() {
            self.id = new.id;
        }
        self.version = std::mem::take(&mut self.version).max(new.version);
        for s in new.statements {
            let sid = sid_of(&s);
            match self.statements.iter_mut().find(|o| !sid.is_empty() && sid_of(o) == sid) {
                Some(old) => *old = s,
                None => self.statements.push(s),
            }
        }
    }

    fn into_json(self) -> Json {
        let mut out = Map::new();
        let statements = self.statements.into_iter().map(Json::Object).collect::<Vec<_>>();
        for (key, value) in [("Version", self.version), ("Id", self.id)] {
            if !value.is_empty() {
                out.insert(key.to_owned(), value.into());
            }
        }
        if !statements.is_empty() {
            out.insert("Statement".to_owned(), statements.into());
        }
        Json::Object(out)
    }
}

fn sid_of(s: &Map<String, Json>) -> &str {
    s.get("Sid").and_then(Json::as_str).unwrap_or_default()
}

// ── what configuration says ─────────────────────────────────────────────────────────────────────────────────────────

fn own(config: &PolicyDocument) -> Result<Document> {
    let version = config.version.clone().filter(|v| !v.is_empty()).unwrap_or_else(|| "2012-10-17".to_owned());
    let mut sids = BTreeSet::new();
    let mut statements = Vec::new();
    for s in &config.statement {
        let sid = s.sid.clone().unwrap_or_default();
        if !sid.is_empty() && !sids.insert(sid.clone()) {
            return Err(Error::invalid(format!("Sid {sid:?} occurs twice.")));
        }
        let list = |l: &Option<BTreeSet<String>>| l.as_ref().filter(|l| !l.is_empty()).map(listed);
        let open = |l: &Option<BTreeSet<String>>| match list(l) {
            Some(v) => with_variables(v, &version),
            None => Ok(Json::Null),
        };
        let effect = s.effect.clone().filter(|e| !e.is_empty()).unwrap_or_else(|| "Allow".to_owned());
        statements.push(statement([
            ("Sid", if sid.is_empty() { Json::Null } else { sid.into() }),
            ("Effect", effect.into()),
            ("Action", list(&s.actions).unwrap_or_default()),
            ("NotAction", list(&s.not_actions).unwrap_or_default()),
            ("Resource", open(&s.resources)?),
            ("NotResource", open(&s.not_resources)?),
            ("Principal", principals(pairs(&s.principals, &version)?)),
            ("NotPrincipal", principals(pairs(&s.not_principals, &version)?)),
            ("Condition", conditions(&tests(&s.condition, &version)?)),
        ]));
    }
    Ok(Document { version, id: config.policy_id.clone().unwrap_or_default(), statements })
}

/// The members that say something, in their order.
fn statement<'a>(members: impl IntoIterator<Item = (&'a str, Json)>) -> Map<String, Json> {
    members.into_iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k.to_owned(), v)).collect()
}

/// One text by itself, several from last to first.
fn listed(l: &BTreeSet<String>) -> Json {
    match l.first() {
        Some(one) if l.len() == 1 => one.clone().into(),
        _ => l.iter().rev().cloned().collect::<Vec<_>>().into(),
    }
}

/// `&{` is how variables are written where `${` would be a template.
fn with_variables(v: Json, version: &str) -> Result<Json> {
    match v {
        Json::String(s) if version == "2008-10-17" && s.contains("&{") => {
            Err(Error::invalid(format!("{s:?} has a variable, which version 2008-10-17 does not know.")))
        }
        Json::String(s) => Ok(s.replace("&{", "${").into()),
        Json::Array(l) => Ok(l.into_iter().map(|v| with_variables(v, version)).collect::<Result<Vec<_>>>()?.into()),
        other => Ok(other),
    }
}

fn pairs(set: &BTreeSet<Principal>, version: &str) -> Result<Vec<(String, Json)>> {
    let hash = |p: &Principal| {
        format!("identifiers:{{{}}};type:{};", in_old_order(&p.identifiers, |i| format!("{i};")).concat(), p.kind)
    };
    let mut set: Vec<_> = set.iter().map(|p| (crc32(&hash(p)).to_string(), p)).collect();
    set.sort_by(|a, b| a.0.cmp(&b.0));
    set.into_iter().map(|(_, p)| Ok((p.kind.clone(), with_variables(listed(&p.identifiers), version)?))).collect()
}

fn tests(set: &BTreeSet<Condition>, version: &str) -> Result<Vec<(String, String, Vec<Json>)>> {
    let values = |c: &Condition| c.values.iter().map(|v| format!("{v};")).collect::<String>();
    let hash = |c: &Condition| format!("test:{};values:({});variable:{};", c.test, values(c), c.variable);
    let mut set: Vec<_> = set.iter().map(|c| (crc32(&hash(c)).to_string(), c)).collect();
    set.sort_by(|a, b| a.0.cmp(&b.0));
    let each = set.into_iter().map(|(_, c)| {
        let values = c.values.iter().map(|v| with_variables(v.clone().into(), version)).collect::<Result<Vec<_>>>()?;
        Ok((c.test.clone(), c.variable.clone(), values))
    });
    each.collect()
}

/// Elements of a set in the order of their checksums as text: the order of the older plugin SDK, which shows where
/// several blocks say something about the same principal or variable.
fn in_old_order(set: &BTreeSet<String>, text: impl Fn(&String) -> String) -> Vec<String> {
    let mut l: Vec<_> = set.iter().map(text).map(|t| (crc32(&t).to_string(), t)).collect();
    l.sort();
    l.into_iter().map(|(_, t)| t).collect()
}

// ── what both configuration and documents say ───────────────────────────────────────────────────────────────────────

/// Kinds with their identifiers; null if there are none.
fn principals(of: Vec<(String, Json)>) -> Json {
    let anybody = |v: &Json| v == "*" || v.as_array().is_some_and(|l| l.len() == 1 && l[0] == "*");
    if let [(kind, who)] = &of[..]
        && kind == "*"
        && anybody(who)
    {
        return "*".into();
    }
    let mut out: BTreeMap<String, Json> = BTreeMap::new();
    for (kind, who) in of {
        let v = match (out.remove(&kind), who) {
            (None, who @ Json::String(_)) => who,
            (before, who) => {
                let mut l = as_list(before.unwrap_or_else(|| Json::Array(Vec::new())));
                l.extend(as_list(who));
                l.into()
            }
        };
        out.insert(kind, v);
    }
    if out.is_empty() { Json::Null } else { Json::Object(out.into_iter().collect()) }
}

fn as_list(v: Json) -> Vec<Json> {
    if let Json::Array(l) = v { l } else { vec![v] }
}

/// Operators with their variables and values; null if there are none.
fn conditions(of: &[(String, String, Vec<Json>)]) -> Json {
    let mut out: BTreeMap<&str, BTreeMap<&str, Vec<Json>>> = BTreeMap::new();
    for (test, variable, values) in of {
        out.entry(test).or_default().entry(variable).or_default().extend(values.iter().cloned());
    }
    let one = |mut l: Vec<Json>| if l.len() == 1 { l.remove(0) } else { l.into() };
    let variables =
        |m: BTreeMap<&str, Vec<Json>>| Json::Object(m.into_iter().map(|(k, l)| (k.to_owned(), one(l))).collect());
    let all: Map<_, _> = out.into_iter().map(|(test, m)| (test.to_owned(), variables(m))).collect();
    if all.is_empty() { Json::Null } else { Json::Object(all) }
}

// ── what other documents say ────────────────────────────────────────────────────────────────────────────────────────

fn parse(text: &str, place: &str) -> Result<Document> {
    let bad = |why: &str| Error::invalid(format!("`{place}` is not a policy document: {why}."));
    let parsed: Json = serde_json::from_str(text).map_err(|e| bad(&e.to_string()))?;
    let Json::Object(mut doc) = parsed else { return Err(bad("it is not an object")) };
    let mut text = |k: &str| match take(&mut doc, k) {
        Json::String(s) => Ok(s),
        Json::Null => Ok(String::new()),
        _ => Err(bad(&format!("{k} is not a text"))),
    };
    let (version, id) = (text("Version")?, text("Id")?);
    let statements = match take(&mut doc, "Statement") {
        Json::Null => Vec::new(),
        Json::Array(l) => l,
        one => vec![one],
    };
    let statements = statements.into_iter().map(|s| match s {
        Json::Object(s) => parse_statement(s).map_err(|why| bad(&why)),
        _ => Err(bad("a statement is not an object")),
    });
    Ok(Document { version, id, statements: statements.collect::<Result<_>>()? })
}

fn parse_statement(mut s: Map<String, Json>) -> std::result::Result<Map<String, Json>, String> {
    let mut member = |k: &str| take(&mut s, k);
    let text = |v: Json| if v == "" { Json::Null } else { v };
    let (sid, effect) = (text(member("Sid")), text(member("Effect")));
    let as_is = ["Action", "NotAction", "Resource", "NotResource"].map(|k| (k, sorted(member(k))));
    let who = ["Principal", "NotPrincipal"].map(|k| (k, member(k)));
    let condition = parse_conditions(member("Condition"))?;
    let mut members = vec![("Sid", sid), ("Effect", effect)];
    members.extend(as_is);
    for (k, v) in who {
        members.push((k, principals(parse_principals(v)?)));
    }
    members.push(("Condition", conditions(&condition)));
    Ok(statement(members))
}

/// The member of that name, whatever its case.
fn take(m: &mut Map<String, Json>, name: &str) -> Json {
    if let Some(v) = m.remove(name) {
        return v;
    }
    let key = m.keys().find(|k| k.eq_ignore_ascii_case(name)).cloned();
    key.and_then(|k| m.remove(&k)).unwrap_or_default()
}

fn parse_principals(v: Json) -> std::result::Result<Vec<(String, Json)>, String> {
    match v {
        Json::Null => Ok(Vec::new()),
        Json::String(_) => Ok(vec![("*".to_owned(), vec!["*"].into())]),
        Json::Object(m) => {
            let mut out = Vec::new();
            for (kind, who) in m {
                let who = match who {
                    Json::String(s) => Json::String(s),
                    Json::Array(l) => {
                        let texts: Option<BTreeMap<_, _>> =
                            l.iter().enumerate().map(|(i, v)| Some(((v.as_str()?.to_owned(), i), ()))).collect();
                        let texts = texts.ok_or_else(|| format!("a principal of kind {kind:?} is not a text"))?;
                        texts.into_keys().rev().map(|(s, _)| s).collect::<Vec<_>>().into()
                    }
                    _ => return Err(format!("principals of kind {kind:?} are neither a text nor a list")),
                };
                out.push((kind, who));
            }
            Ok(out)
        }
        _ => Err("principals are neither a text nor an object".to_owned()),
    }
}

fn parse_conditions(v: Json) -> std::result::Result<Vec<(String, String, Vec<Json>)>, String> {
    let m = match v {
        Json::Null => return Ok(Vec::new()),
        Json::Object(m) => m,
        _ => return Err("conditions are not an object".to_owned()),
    };
    let mut out = Vec::new();
    for (test, variables) in m {
        let Json::Object(variables) = variables else { return Err(format!("condition {test:?} is not an object")) };
        for (variable, values) in variables {
            // A condition that goes unsaid would allow more: nothing is left out.
            let text = |v: Json| match v {
                Json::String(s) => Ok(Json::String(s)),
                Json::Bool(b) => Ok(b.to_string().into()),
                Json::Number(n) => Ok(n.to_string().into()),
                _ => Err(format!("a value of {variable:?} is not a text")),
            };
            let values = as_list(values).into_iter().map(text).collect::<std::result::Result<_, _>>()?;
            out.push((test.clone(), variable.clone(), values));
        }
    }
    Ok(out)
}

/// Members of objects by name, all the way down.
fn sorted(v: Json) -> Json {
    match v {
        Json::Object(m) => {
            let m: BTreeMap<_, _> = m.into_iter().map(|(k, v)| (k, sorted(v))).collect();
            Json::Object(m.into_iter().collect())
        }
        Json::Array(l) => l.into_iter().map(sorted).collect::<Vec<_>>().into(),
        v => v,
    }
}

fn escaped(json: &str) -> String {
    let marks =
        [('<', "\\u003c"), ('>', "\\u003e"), ('&', "\\u0026"), ('\u{2028}', "\\u2028"), ('\u{2029}', "\\u2029")];
    marks.iter().fold(json.to_owned(), |s, (from, to)| s.replace(*from, to))
}

/// CRC-32 (IEEE 802.3).
fn crc32(text: &str) -> u32 {
    let step =
        |c: u32, b: u8| (0..8).fold(c ^ u32::from(b), |c, _| if c & 1 == 1 { (c >> 1) ^ 0xEDB8_8320 } else { c >> 1 });
    !text.bytes().fold(!0, step)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kit::HasSchema;

    fn made(config: Json) -> Result<(String, String)> {
        let config = PolicyDocument::decode(&Known::from_json(&config));
        let document = document(&config)?;
        let pretty = escaped(&serde_json::to_string_pretty(&document).unwrap());
        Ok((crc32(&pretty).to_string(), escaped(&document.to_string())))
    }

    /// The id is the checksum of the indented text, so it proves that, too.
    #[track_caller]
    fn check(config: Json, id: &str, minified: &str) {
        let (have_id, have) = made(config).unwrap();
        assert_eq!(have, minified);
        assert_eq!(have_id, id);
    }

    #[test]
    fn no_statement() {
        check(json!({}), "1132004489", r#"{"Version":"2012-10-17"}"#);
    }

    #[test]
    fn conditions_and_lists() {
        let is =
            |test: &str, variable: &str, values: Json| json!({"test": test, "variable": variable, "values": values});
        let config = json!({"policy_id": "pid", "statement": [
            {"sid": "One", "actions": ["s3:ListBucket", "s3:GetObject", "s3:AbortMultipartUpload"],
             "resources": ["arn:aws:s3:::b/&{aws:username}/*", "arn:aws:s3:::a"]},
            {"effect": "Deny", "not_actions": ["iam:*"], "not_resources": ["arn:aws:s3:::<b>&c"], "condition": [
                is("StringEquals", "aws:SourceAccount", json!(["1"])),
                is("StringLike", "aws:x", json!(["b", "a", "&{y}"])),
                is("StringLike", "aws:x", json!(["c"])),
                is("StringLike", "aws:x", json!(["d", ""])),
                is("Null", "aws:e", json!([])),
            ]},
        ]});
        let want = concat!(
            r#"{"Version":"2012-10-17","Id":"pid","Statement":[{"Sid":"One","Effect":"Allow","Action":["s3:ListBucket","#,
            r#""s3:GetObject","s3:AbortMultipartUpload"],"Resource":["arn:aws:s3:::b/${aws:username}/*","arn:aws:s3:::a"]},"#,
            r#"{"Effect":"Deny","NotAction":"iam:*","NotResource":"arn:aws:s3:::\u003cb\u003e\u0026c","Condition":"#,
            r#"{"Null":{"aws:e":[]},"StringEquals":{"aws:SourceAccount":"1"},"#,
            r#""StringLike":{"aws:x":["c","b","a","${y}","d",""]}}}]}"#,
        );
        check(config, "1714989199", want);
    }

    #[test]
    fn principals_of_one_kind_in_several_blocks() {
        let of = |kind: &str, who: Json| json!({"type": kind, "identifiers": who});
        let config = json!({"version": "2008-10-17", "statement": [
            {"actions": ["sts:AssumeRole"], "principals": [
                of("Service", json!(["ec2.amazonaws.com"])),
                of("AWS", json!(["arn:aws:iam::1:root", "arn:aws:iam::2:root"])),
                of("AWS", json!(["arn:aws:iam::3:root"])),
                of("Federated", json!(["a"])),
                of("Federated", json!(["b"])),
                of("Federated", json!(["c", "q", "f"])),
                of("Federated", json!(["d"])),
            ]},
            {"actions": ["x:y"], "principals": [of("*", json!(["*"]))]},
            {"actions": ["x:y"], "not_principals": [of("AWS", json!(["*"]))]},
            {"actions": ["x:y"], "principals": [of("*", json!(["*"])), of("AWS", json!([]))]},
        ]});
        let want = concat!(
            r#"{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"#,
            r#""AWS":["arn:aws:iam::2:root","arn:aws:iam::1:root","arn:aws:iam::3:root"],"#,
            r#""Federated":["b","d","a","q","f","c"],"Service":"ec2.amazonaws.com"}},"#,
            r#"{"Effect":"Allow","Action":"x:y","Principal":"*"},"#,
            r#"{"Effect":"Allow","Action":"x:y","NotPrincipal":{"AWS":"*"}},"#,
            r#"{"Effect":"Allow","Action":"x:y","Principal":{"*":"*","AWS":[]}}]}"#,
        );
        check(config, "2321083283", want);
    }

    fn source() -> String {
        json!({"Version": "2008-10-17", "Id": "src", "Statement": [
            {"Sid": "A", "Effect": "Allow", "Action": ["s3:b", "s3:a"], "Resource": "*",
             "Principal": {"AWS": ["1", "3", "2"], "Service": "x"}, "NotPrincipal": {"*": "*"}},
            {"Sid": "B", "Action": "s3:c", "Resource": ["z", "y"], "Principal": "*",
             "Condition": {"StringLike": {"v": ["b", "a"], "t": true, "one": ["x"]}}},
            {"Effect": "Deny", "NotAction": "x", "NotResource": "q", "Principal": {"*": ["*"]}, "Condition": {}},
        ]})
        .to_string()
    }

    #[test]
    fn other_documents() {
        let want = concat!(
            r#"{"Version":"2012-10-17","Id":"src","Statement":[{"Sid":"A","Effect":"Allow","Action":["s3:b","s3:a"],"#,
            r#""Resource":"*","Principal":{"AWS":["3","2","1"],"Service":"x"},"NotPrincipal":"*"},"#,
            r#"{"Sid":"B","Action":"s3:c","Resource":["z","y"],"Principal":"*","#,
            r#""Condition":{"StringLike":{"one":"x","t":"true","v":["b","a"]}}},"#,
            r#"{"Effect":"Deny","NotAction":"x","NotResource":"q","Principal":"*"}]}"#,
        );
        check(json!({"source_policy_documents": [source()]}), "1810058856", want);
    }

    #[test]
    fn statements_replace_those_of_the_same_sid() {
        let first = json!({"Version": "2008-10-17", "Id": "src", "Statement": [
            {"Sid": "A", "Effect": "Allow", "Action": ["s3:b", "s3:a"], "Resource": "*"},
            {"Sid": "B", "Action": "s3:c", "Resource": ["z", "y"], "Principal": "*"},
            {"Effect": "Deny", "NotAction": [], "Extra": 1, "Condition": {}},
        ]});
        let second = json!({"Statement": [
            {"Sid": "C", "Effect": "Allow", "Action": "s3:d", "Resource": {"b": 1, "a": [2]}},
        ]});
        let over = json!({"Version": "2012-10-17", "Id": "over", "Statement": [
            {"Sid": "D", "Effect": "Deny", "Action": "o:d", "Resource": "*"}, {"Effect": "Allow", "Action": "o:e"},
        ]});
        let lower = json!({"statement": [{"sid": "A", "effect": "Deny", "action": "o:a", "resource": "*"}]});
        let config = json!({
            "source_policy_documents": ["", first.to_string(), second.to_string()],
            "statement": [{"sid": "B", "actions": ["own:b"], "resources": ["*"]}, {"sid": "D", "actions": ["own:d"]}],
            "override_policy_documents": [over.to_string(), lower.to_string()],
        });
        let want = concat!(
            r#"{"Version":"2012-10-17","Id":"over","Statement":[{"Sid":"A","Effect":"Deny","Action":"o:a","Resource":"*"},"#,
            r#"{"Sid":"B","Effect":"Allow","Action":"own:b","Resource":"*"},{"Effect":"Deny","NotAction":[]},"#,
            r#"{"Sid":"C","Effect":"Allow","Action":"s3:d","Resource":{"a":[2],"b":1}},"#,
            r#"{"Sid":"D","Effect":"Deny","Action":"o:d","Resource":"*"},{"Effect":"Allow","Action":"o:e"}]}"#,
        );
        check(config, "344285295", want);
    }

    #[test]
    fn mistakes() {
        let twice = json!([{"sid": "A"}, {"sid": "A"}]);
        let same = json!({"Statement": [{"Sid": "A"}]}).to_string();
        for (config, message) in [
            (json!({"statement": twice}), r#"Sid "A" occurs twice"#),
            (json!({"source_policy_documents": [same, same]}), "element 1"),
            (json!({"version": "2008-10-17", "statement": [{"resources": ["&{x}"]}]}), "2008-10-17"),
            (json!({"source_policy_documents": ["[]"]}), "source_policy_documents[0]"),
            (json!({"override_policy_documents": [r#"{"Statement":[1]}"#]}), "a statement is not an object"),
        ] {
            let e = made(config).unwrap_err().to_string();
            assert!(e.contains(message), "{e}");
        }
    }
}
