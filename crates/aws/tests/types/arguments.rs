//! No argument is silently ignored: each argument of each type, set to a value that is not its default, must change what
//! is sent to the service by a create, an update or a delete.
//!
//! The service here refuses everything and remembers what it was asked. An argument whose effect cannot show that way
//! needs a reason in its facts file: `"path: no effect": "reason"`. What the engine takes care of (`timeouts`, prefixes of
//! names) is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use serde_json::{Value as Json, json};
use stackctl_core::canonical::canonical;
use stackctl_core::{Attr, Block, Change, Check, Instance, Known, Nesting, New, Presence, Provider, Ref, Schema, Ty};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::rig::{host, known};

/// What the least configuration needs so that an argument, or what is in a block, can have an effect.
const COMPANIONS: &[(&str, &str, &str)] = &[
    ("aws_dynamodb_table", "import_table", r#"{"attribute": [{"name": "k", "type": "S"}]}"#),
    ("aws_dynamodb_table", "replica.propagate_tags", r#"{"tags": {"k": "v"}}"#),
    ("aws_dynamodb_table", "restore_date_time", r#"{"restore_source_name": "x"}"#),
    ("aws_dynamodb_table", "restore_to_latest_time", r#"{"restore_source_name": "x"}"#),
    ("aws_dynamodb_table", "stream_view_type", r#"{"stream_enabled": true}"#),
    ("aws_dynamodb_table", "ttl.attribute_name", r#"{"ttl": [{"enabled": true}]}"#),
    ("aws_kms_key", "rotation_period_in_days", r#"{"enable_key_rotation": true}"#),
    ("aws_db_instance", "delete_automated_backups", r#"{"skip_final_snapshot": true}"#),
    ("aws_db_instance", "upgrade_storage_config", r#"{"replicate_source_db": "x"}"#),
    ("aws_db_instance", "replica_mode", r#"{"replicate_source_db": "x"}"#),
    ("aws_ssm_parameter", "key_id", r#"{"type": "SecureString", "value": "x"}"#),
    ("aws_iam_role", "inline_policy", r#"{"inline_policy": [{"name": "n", "policy": "{}"}]}"#),
    ("aws_s3_bucket", "replication_configuration.rules.delete_marker_replication_status", REPLICATION),
    ("aws_s3_bucket", "replication_configuration.rules.priority", REPLICATION),
    (
        "aws_security_group",
        "egress",
        r#"{"egress": [{"protocol": "udp", "from_port": 1, "to_port": 2, "cidr_blocks": ["10.9.0.0/16"]}]}"#,
    ),
    (
        "aws_security_group",
        "ingress",
        r#"{"ingress": [{"protocol": "udp", "from_port": 1, "to_port": 2, "cidr_blocks": ["10.9.0.0/16"]}]}"#,
    ),
    (
        "aws_default_security_group",
        "egress",
        r#"{"egress": [{"protocol": "udp", "from_port": 1, "to_port": 2, "cidr_blocks": ["10.9.0.0/16"]}]}"#,
    ),
    (
        "aws_default_security_group",
        "ingress",
        r#"{"ingress": [{"protocol": "udp", "from_port": 1, "to_port": 2, "cidr_blocks": ["10.9.0.0/16"]}]}"#,
    ),
    ("aws_eip", "associate_with_private_ip", r#"{"network_interface": "eni-1"}"#),
    ("aws_route", "carrier_gateway_id", TO_NETWORK),
    ("aws_route", "core_network_arn", TO_NETWORK),
    ("aws_route", "egress_only_gateway_id", TO_NETWORK),
    ("aws_route", "gateway_id", TO_NETWORK),
    ("aws_route", "local_gateway_id", TO_NETWORK),
    ("aws_route", "nat_gateway_id", TO_NETWORK),
    ("aws_route", "network_interface_id", TO_NETWORK),
    ("aws_route", "transit_gateway_id", TO_NETWORK),
    ("aws_route", "vpc_endpoint_id", TO_NETWORK),
    ("aws_route", "vpc_peering_connection_id", TO_NETWORK),
    ("aws_route", "route_table_id", r#"{"destination_cidr_block": "10.9.0.0/16", "gateway_id": "igw-1"}"#),
    ("aws_default_route_table", "route.cidr_block", THROUGH_GATEWAY),
    ("aws_default_route_table", "route.destination_prefix_list_id", THROUGH_GATEWAY),
    ("aws_default_route_table", "route.ipv6_cidr_block", THROUGH_GATEWAY),
    ("aws_default_route_table", "route", INLINE_TO_NETWORK),
    ("aws_route_table", "route.cidr_block", THROUGH_GATEWAY),
    ("aws_route_table", "route.destination_prefix_list_id", THROUGH_GATEWAY),
    ("aws_route_table", "route.ipv6_cidr_block", THROUGH_GATEWAY),
    ("aws_route_table", "route", INLINE_TO_NETWORK),
    ("aws_security_group_rule", "description", r#"{"cidr_blocks": ["10.9.0.0/16"]}"#),
];

// Routes have one destination and one target: the half that is not under test.
const TO_NETWORK: &str = r#"{"destination_cidr_block": "10.9.0.0/16"}"#;
const INLINE_TO_NETWORK: &str = r#"{"route": [{"cidr_block": "10.9.0.0/16"}]}"#;
const THROUGH_GATEWAY: &str = r#"{"route": [{"gateway_id": "igw-1"}]}"#;

const REPLICATION: &str = r#"{"replication_configuration": [{"role": "r", "rules": [
    {"status": "Enabled", "filter": [{"prefix": "a"}], "destination": [{"bucket": "arn:aws:s3:::x"}]}
]}]}"#;

/// Requests that have to be answered before the one that shows the effect, by a part of them.
const ANSWERS: &[(&str, &str)] = &[
    ("?acl HTTP", "<AccessControlPolicy><Owner><ID>o</ID></Owner><AccessControlList/></AccessControlPolicy>"),
    (
        "DynamoDB_20120810.DescribeTable",
        r#"{"Table": {"TableName": "name", "TableStatus": "ACTIVE", "Replicas": [
            {"RegionName": "value-x", "ReplicaStatus": "ACTIVE"}
        ]}}"#,
    ),
    ("DynamoDB_20120810.DescribeTimeToLive", r#"{"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}"#),
    (
        "DynamoDB_20120810.DescribeContinuousBackups",
        r#"{"ContinuousBackupsDescription": {"ContinuousBackupsStatus": "ENABLED"}}"#,
    ),
    (
        "Action=PromoteReadReplica",
        "<PromoteReadReplicaResponse><PromoteReadReplicaResult/></PromoteReadReplicaResponse>",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_argument_has_an_effect() {
    let service = Service::start().await;
    let provider = stackctl_aws::provider();
    let instance = service.instance(&*provider).await;
    let mut wrong = Vec::new();
    for ty in provider.resources() {
        let Some(schema) = provider.resource(ty) else { continue };
        let mut reasons = reasons(ty);
        let mut seen: BTreeMap<(Known, &str), Vec<String>> = BTreeMap::new();
        for path in paths(&schema.block, &[]) {
            let name = path.join(".");
            if schema.refused.iter().any(|r| name == r.0 || name.starts_with(&format!("{}.", r.0))) {
                continue;
            }
            let companion = COMPANIONS.iter().find(|c| {
                c.0 == ty && name.strip_prefix(c.1).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            });
            let companion = companion.map(|c| c.2);
            let Some((base, variants)) = variants(schema, &path, companion) else {
                wrong.push(format!("{ty}.{name}: the blocks around it cannot be made"));
                continue;
            };
            let top = path[0];
            let before = match seen.get(&(base.clone(), top)) {
                Some(sent) => sent,
                None => {
                    let sent = service.sent(&*instance, ty, schema, &base, &base, top).await;
                    seen.entry((base.clone(), top)).or_insert(sent)
                }
            };
            // An argument with one legal value, which is its default, has nothing to show.
            let mut silent = !variants.is_empty();
            for changed in variants {
                if service.sent(&*instance, ty, schema, &base, &changed, top).await != *before {
                    silent = false;
                    break;
                }
            }
            let excused = reasons.remove(&format!("{name}: no effect"));
            if silent && !excused {
                wrong.push(format!("{ty}.{name}: nothing that is sent depends on it"));
            } else if !silent && excused {
                wrong.push(format!("{ty}.{name}: has an effect, the reason against it is out of date"));
            }
        }
        wrong.extend(reasons.iter().map(|r| format!("{ty}: {r:?} names no argument")));
    }
    assert!(wrong.is_empty(), "{} arguments:\n{}", wrong.len(), wrong.join("\n"));
}

/// Set of the `no effect` keys of a type's facts file, with removal by key.
struct Reasons(BTreeSet<String>);

impl Reasons {
    fn remove(&mut self, key: &str) -> bool {
        self.0.remove(key)
    }
    fn iter(&self) -> impl Iterator<Item = &String> {
        self.0.iter()
    }
}

fn reasons(ty: &str) -> Reasons {
    let path = format!("{}/facts/{ty}.json", env!("CARGO_MANIFEST_DIR"));
    let facts: Json = serde_json::from_str(&std::fs::read_to_string(path).unwrap_or_default()).unwrap_or_default();
    let keys = facts["differences"].as_object().into_iter().flatten().map(|(k, _)| k.clone());
    Reasons(keys.filter(|k| k.ends_with(": no effect")).collect())
}

// ── arguments and values ────────────────────────────────────────────────────────────────────────────────────────────

/// Paths of all arguments, members of blocks included.
fn paths<'a>(block: &'a Block, at: &[&'a str]) -> Vec<Vec<&'a str>> {
    let with = |n: &'a str| at.iter().copied().chain([n]).collect::<Vec<_>>();
    let mut out = Vec::new();
    for (n, a) in &block.attrs {
        if a.configurable() && a.prefix_of.is_none() && !matches!(*n, "id" | "tags_all") {
            match &a.element {
                Some(element) => out.extend(paths(element, &with(n))),
                None => out.push(with(n)),
            }
        }
    }
    for (n, b) in block.blocks.iter().filter(|(n, _)| **n != "timeouts") {
        let inner = paths(&b.block, &with(n));
        out.extend(if inner.is_empty() { vec![with(n)] } else { inner });
    }
    out
}

/// The least configuration with the blocks around the argument, and the same with each of some other values for it.
fn variants(schema: &Schema, path: &[&str], companion: Option<&str>) -> Option<(Known, Vec<Known>)> {
    let mut base = least(&schema.block);
    for (k, v) in
        companion.and_then(|c| serde_json::from_str::<Json>(c).ok()?.as_object().cloned()).into_iter().flatten()
    {
        base.set(k, known(v));
    }
    surround(&schema.block, &mut base, path)?;
    let mut others = Vec::new();
    place(&schema.block, &mut base.clone(), path, |attr, v| {
        others = samples(attr);
        others.retain(|s| s != v && Some(s) != attr.default.as_ref());
        others.truncate(4);
        Some(())
    })?;
    let with = |value: Known| {
        let mut changed = base.clone();
        place(&schema.block, &mut changed, path, |_, v| {
            *v = value;
            Some(())
        })?;
        canonical(&schema.block, &mut changed);
        Some(changed)
    };
    let changed = others.into_iter().filter_map(with).collect();
    canonical(&schema.block, &mut base);
    Some((base, changed))
}

/// Required arguments and blocks, with defaults.
fn least(block: &Block) -> Known {
    let mut v = Known::object();
    for (n, a) in &block.attrs {
        let value = match (&a.default, a.presence) {
            (Some(d), _) => d.clone(),
            (None, Presence::Required) => samples(a).into_iter().next().unwrap_or_default(),
            // Names are made by the engine.
            (None, _) if a.generated.is_some() => "name".into(),
            _ => Known::Null,
        };
        v.set(*n, value);
    }
    for (n, b) in &block.blocks {
        let one = (b.min > 0).then(|| least(&b.block));
        v.set(*n, if b.nesting == Nesting::Single { Known::Null } else { Known::List(one.into_iter().collect()) });
    }
    v
}

/// Makes the blocks on the way to an argument exist.
fn surround(block: &Block, v: &mut Known, path: &[&str]) -> Option<()> {
    let [first, rest @ ..] = path else { return Some(()) };
    let inner = inner(block, first);
    let Some(inner) = inner else { return Some(()) };
    let m = v.as_map_mut()?;
    let list = m.entry((*first).to_owned()).or_default();
    if list.as_list().is_none_or(<[Known]>::is_empty) && !rest.is_empty() {
        *list = Known::List(vec![least(inner)]);
    }
    match list {
        Known::List(l) if !rest.is_empty() => surround(inner, l.first_mut()?, rest),
        _ => Some(()),
    }
}

fn inner<'a>(block: &'a Block, name: &str) -> Option<&'a Block> {
    match (block.blocks.get(name), block.attrs.get(name)) {
        (Some(b), _) => Some(&b.block),
        (None, Some(a)) => a.element.as_deref(),
        (None, None) => None,
    }
}

fn place(block: &Block, v: &mut Known, path: &[&str], f: impl FnOnce(&Attr, &mut Known) -> Option<()>) -> Option<()> {
    let [first, rest @ ..] = path else { return None };
    let m = v.as_map_mut()?;
    if rest.is_empty() {
        return match block.attrs.get(first) {
            Some(a) => f(a, m.entry((*first).to_owned()).or_default()),
            // A block without arguments: it is there.
            None => {
                m.insert((*first).to_owned(), Known::List(vec![least(&block.blocks.get(first)?.block)]));
                Some(())
            }
        };
    }
    match m.get_mut(*first)? {
        Known::List(l) => place(inner(block, first)?, l.first_mut()?, rest, f),
        _ => None,
    }
}

/// Values that an attribute accepts.
fn samples(a: &Attr) -> Vec<Known> {
    let checks: Vec<&Check> = a.checks.iter().collect();
    of_type(&a.ty, &checks)
}

fn of_type(ty: &Ty, checks: &[&Check]) -> Vec<Known> {
    let inner: Vec<&Check> =
        checks.iter().filter_map(|c| if let Check::Each(c) = c { Some(&**c) } else { None }).collect();
    let found: Vec<Known> = match ty {
        Ty::Bool => vec![true.into(), false.into()],
        Ty::Number => numbers(checks),
        Ty::String => strings(checks),
        Ty::List(t) | Ty::Set(t) => of_type(t, &inner).into_iter().map(|v| Known::List(vec![v])).collect(),
        Ty::Map(t) => of_type(t, &inner).into_iter().map(|v| Known::from([("k", v)])).collect(),
        Ty::Object(o) => {
            let members =
                o.attrs.iter().map(|(n, t)| (n.clone(), of_type(t, &[]).into_iter().next().unwrap_or_default()));
            vec![Known::Map(members.collect())]
        }
        Ty::Tuple(_) | Ty::Dynamic => Vec::new(),
    };
    found.into_iter().filter(|v| checks.iter().all(|c| accepts(c, v))).collect()
}

fn numbers(checks: &[&Check]) -> Vec<Known> {
    let mut pool = vec![7, 731, 5, 15, 60, 2, 1, 13, 31, 100, 1024, 3601, 30];
    for c in checks {
        match c {
            Check::Range(low, high) => pool.extend([low.saturating_add(1), *low, *high]),
            Check::RangeOr(low, high, more) => pool.extend(more.iter().copied().chain([*low, *high])),
            Check::MultipleOf(n) => pool.extend([*n, 2 * n]),
            _ => {}
        }
    }
    pool.into_iter().filter(|n| *n < i64::from(i32::MAX) && *n > i64::from(i32::MIN)).map(Known::from).collect()
}

fn strings(checks: &[&Check]) -> Vec<Known> {
    let mut pool = vec![
        "value-x",
        "value-y",
        "arn:aws:iam::123456789012:role/x",
        "arn:aws:iam::123456789012:role/y",
        "10.1.0.0/24",
        "10.2.0.0/24",
        "10.1.2.3",
        "2001:db8::/56",
        "2001:db8::/64",
        r#"{"Version":"2012-10-17","Statement":[]}"#,
        r#"[{"Redirect":{"HostName":"x"}}]"#,
        "03:00-04:00",
        "mon:05:00-mon:06:00",
        "123456789012",
        "2030-01-01T00:00:00Z",
        "AWSRDSCustom-x",
        "us-east-1a",
        "https://example.com/x",
        "a@example.com",
        "5",
        "/x/",
        "x",
    ];
    for c in checks {
        if let Check::OneOf(l) | Check::OneOfIgnoreCase(l) = c {
            pool.extend(l.iter().copied());
        }
    }
    pool.into_iter().map(Known::from).collect()
}

fn accepts(c: &Check, v: &Known) -> bool {
    let text = v.as_str().unwrap_or_default();
    let number = v.as_i64().unwrap_or_default();
    let len = text.chars().count();
    match c {
        Check::OneOf(l) => l.contains(&text),
        Check::OneOfIgnoreCase(l) => l.iter().any(|o| o.eq_ignore_ascii_case(text)),
        Check::Range(low, high) => (*low..=*high).contains(&number),
        Check::RangeOr(low, high, more) => (low <= high && (*low..=*high).contains(&number)) || more.contains(&number),
        Check::MultipleOf(n) => number % n == 0,
        Check::Length(low, high) => (*low..=*high).contains(&len),
        Check::Pattern(p, _) => regex::Regex::new(&format!("^(?:{p})$")).unwrap().is_match(text),
        Check::Cidr4(low, high) => {
            text.parse::<ipnet::Ipv4Net>().is_ok_and(|n| (*low..=*high).contains(&n.prefix_len()))
        }
        Check::Cidr6(low, high) => {
            text.parse::<ipnet::Ipv6Net>().is_ok_and(|n| (*low..=*high).contains(&n.prefix_len()))
        }
        Check::Cidr => text.parse::<ipnet::IpNet>().is_ok(),
        Check::Ip => text.parse::<std::net::IpAddr>().is_ok(),
        Check::Arn => text.starts_with("arn:"),
        Check::Json => serde_json::from_str::<Json>(text).is_ok(),
        Check::Integer | Check::Items(..) | Check::Each(_) => true,
    }
}

// ── the service ─────────────────────────────────────────────────────────────────────────────────────────────────────

/// Refuses every request and remembers it.
struct Service {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Service {
    async fn start() -> Service {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, log.clone()));
            }
        });
        Service { port, asked }
    }

    async fn instance(&self, provider: &dyn Provider) -> Arc<dyn Instance> {
        let url = format!("http://127.0.0.1:{}", self.port);
        let services = "ec2 s3 iam rds sns sqs ssm cloudwatch cloudwatchlogs kms dynamodb".split(' ');
        let endpoints: serde_json::Map<_, _> = services.map(|s| (s.to_owned(), url.clone().into())).collect();
        let mut config = known(json!({
            "region": "us-east-1", "access_key": "test", "secret_key": "test", "s3_use_path_style": true,
            "max_retries": 0, "endpoints": [endpoints], "skip_requesting_account_id": true,
            "skip_credentials_validation": true,
        }));
        canonical(&provider.config().block, &mut config);
        provider.configure(config, host()).await.unwrap()
    }

    /// What a create, an update of the argument and of everything, and a delete send.
    async fn sent(
        &self,
        on: &dyn Instance,
        ty: &str,
        schema: &Schema,
        old: &Known,
        new: &Known,
        top: &str,
    ) -> Vec<String> {
        self.asked.lock().unwrap().clear();
        let at = |known: &Known| Ref { id: "name".into(), known: known.clone(), wanted: None };
        // Refusals are what is wanted; errors before the first request show in what is sent.
        let mut errors = Vec::new();
        errors.extend(on.create(ty, New { value: new.clone(), token: "token".into() }).await.err());
        let all: BTreeSet<String> =
            schema.block.attrs.keys().chain(schema.block.blocks.keys()).map(|n| (*n).to_owned()).collect();
        for fields in [[top.to_owned()].into(), all] {
            let change = Change { at: at(old), old: old.clone(), new: new.clone(), fresh: false, fields };
            errors.extend(on.update(ty, change).await.err());
        }
        errors.extend(on.delete(ty, at(new)).await.err());
        let mut sent = self.asked.lock().unwrap().clone();
        sent.extend(errors.iter().filter(|e| e.call.is_none()).map(ToString::to_string));
        sent
    }
}

const REFUSAL: &str = "<ErrorResponse><Error><Code>Refused</Code><Message>no</Message></Error></ErrorResponse>";

async fn answer(mut stream: tokio::net::TcpStream, log: Arc<Mutex<Vec<String>>>) -> Option<()> {
    let mut bytes = Vec::new();
    loop {
        let head = loop {
            if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
                break end + 4;
            }
            if stream.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
        };
        let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
        let mut lines = text.lines();
        let request = lines.next()?.to_owned();
        let headers: BTreeMap<String, String> =
            lines.filter_map(|l| l.split_once(": ")).map(|(k, v)| (k.to_ascii_lowercase(), v.to_owned())).collect();
        let length: usize = headers.get("content-length").and_then(|l| l.parse().ok()).unwrap_or(0);
        while bytes.len() < head + length {
            if stream.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
        }
        // Some services speak a binary protocol: the record keeps every byte apart.
        let record = bytes[head..head + length].escape_ascii().to_string();
        let body = String::from_utf8_lossy(&bytes[head..head + length]).into_owned();
        bytes.drain(..head + length);
        let told = |k: &str| {
            let noise = ["x-amz-date", "x-amz-content-sha256", "x-amz-user-agent", "x-amz-checksum-crc32"];
            k.starts_with("x-amz-") && !noise.contains(&k)
        };
        let told: Vec<String> = headers.iter().filter(|(k, _)| told(k)).map(|(k, v)| format!("{k}: {v}")).collect();
        log.lock().unwrap().push(format!("{request} {told:?} {record}"));
        let target = headers.get("x-amz-target").cloned().unwrap_or_default();
        let asks = |q: &str| request.contains(q) || body.contains(q) || target == q;
        let known = ANSWERS.iter().find(|(q, _)| !request.starts_with("PUT") && asks(q));
        let (status, body) = known.map_or(("400 Bad Request", REFUSAL), |(_, body)| ("200 OK", *body));
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len());
        let body = if request.starts_with("HEAD") { "" } else { body };
        stream.write_all(format!("{head}{body}").as_bytes()).await.ok()?;
    }
}
