//! The file, byte for byte, and everything that may be wrong with one.

use std::sync::Arc;

use stackctl_core::Known;

use crate::model::{ObjectStatus, ProviderAddr, State};
use crate::testing::{addr, at};

/// What Terraform writes: every optional field once, deposed and tainted objects, Go's escapes.
const SAMPLE: &str = include_str!("sample.tfstate");

fn read(text: &str) -> State {
    State::parse(text.as_bytes(), "test").unwrap()
}

fn fails(text: &str, want: &str) {
    let e = State::parse(text.as_bytes(), "test").unwrap_err().to_string();
    assert!(e.contains(want), "{e}");
}

/// A state with these resources.
fn with(resources: &str) -> String {
    format!("{{\"version\":4,\"serial\":1,\"lineage\":\"l\",\"resources\":[{resources}]}}")
}

fn one(instances: &str) -> String {
    with(&format!(
        "{{\"mode\":\"managed\",\"type\":\"t\",\"name\":\"a\",\"provider\":\"provider.aws\",\"instances\":[{instances}]}}"
    ))
}

#[test]
fn a_file_comes_back_byte_for_byte() {
    let s = read(SAMPLE);
    assert_eq!(String::from_utf8(s.to_bytes()).unwrap(), SAMPLE);
    assert_eq!(s.len(), 8);
    assert_eq!(s.serial, 17);
    assert!(s.outputs["secret"].sensitive);
    let tainted = s.current(&addr("terraform_data.taint")).unwrap();
    assert_eq!(tainted.status, ObjectStatus::Tainted);
    assert!(s.current(&addr("module.m[\"y z\"].aws_sqs_queue.q[1]")).is_some());
    let bucket = s.instance(&addr("aws_s3_bucket.b")).unwrap();
    assert_eq!(bucket.deposed.keys().next().unwrap().as_str(), "b082b7c4");
}

#[test]
fn our_own_keys_come_back_too() {
    let mut s = read(SAMPLE);
    s.mark = Some(crate::Mark { epoch: 3, through: 9, writer: "w".into() });
    let mut o = (**s.current(&addr("aws_s3_bucket.b")).unwrap()).clone();
    o.unfinished = true;
    o.tagged = true;
    let other =
        ProviderAddr { alias: Some("east".into()), ..ProviderAddr::root("registry.terraform.io/hashicorp/aws") };
    o.provider = Arc::new(other);
    s.put(&at("module.m[\"y z\"].aws_sqs_queue.q[1]"), Arc::new(o));
    assert_eq!(State::parse(&s.to_bytes(), "x").unwrap(), s);
}

#[test]
fn the_digest_is_about_content() {
    let mut s = read(SAMPLE);
    let d = s.digest();
    s.serial += 1;
    s.mark = Some(crate::Mark { epoch: 1, through: 1, writer: String::new() });
    assert_eq!(s.digest(), d);
    s.remove(&at("terraform_data.taint"));
    assert_ne!(s.digest(), d);
}

#[test]
fn reading_is_tolerant() {
    let s = read(&with(
        r#"{"mode":"managed","type":"t","name":"a","each":"list","new":{},
            "provider":"provider[\"registry.opentofu.org/hashicorp/aws\"]",
            "instances":[{"index_key":0,"attributes":{"id":"x"},"unheard":1},{"index_key":"k"}]}"#,
    ));
    let o = s.current(&addr("t.a[0]")).unwrap();
    assert_eq!(o.provider.source, "registry.terraform.io/hashicorp/aws");
    assert_eq!(*o.attributes, Known::from([("id", "x")]));
    assert_eq!(*s.current(&addr("t.a[\"k\"]")).unwrap().attributes, Known::object());
    let s = read(&one(r#"{"schema_version":1,"attributes_flat":{"id":"i-1","tags.%":"0"}}"#));
    assert_eq!(s.current(&addr("t.a")).unwrap().id(), Some("i-1"));
    assert!(String::from_utf8(s.to_bytes()).unwrap().contains("\"tags.%\": \"0\""));
    let s = read(&one(
        r#"{"attributes":{},"sensitive_attributes":[[{"type":"get_attr","value":"set"},{"type":"index","value":{"value":{"a":1},"type":["object",{"a":"number"}]}}]]}"#,
    ));
    assert_eq!(s.current(&addr("t.a")).unwrap().sensitive.iter().next().unwrap().to_string(), "set");
    assert_eq!(read("{\"version\":4}").serial, 0);
}

#[test]
fn what_cannot_be_used_says_why() {
    fails("", "empty");
    fails("\u{feff}", "not a JSON object");
    fails("[]", "not a JSON object");
    fails("{\"version\":4", "EOF");
    fails("{\"lineage\":\"x\"}", "no \"version\"");
    fails("{\"version\":3}", "Terraform 0.11");
    fails("{\"version\":5}", "4 is the newest");
    fails("{\"version\":\"4\"}", "version is \"4\"");
    fails("{\"version\":4,\"serial\":-1}", "its serial is -1");
    fails("{\"version\":4,\"terraform_version\":\"sealed-1\"}", "not a version number");
    fails(&one("{},{}"), "t.a occurs twice");
    fails(&one("{\"index_key\":1.5}"), "index_key");
    fails(&one("{\"status\":\"odd\"}"), "unknown status");
    fails(&one("{\"attributes\":[]}"), "not an object");
    fails(&with("{\"mode\":\"x\",\"type\":\"t\",\"name\":\"a\",\"provider\":\"provider.aws\"}"), "mode");
    fails(&with("{\"mode\":\"data\",\"type\":\"t\",\"name\":\"a\",\"provider\":\"aws\"}"), "provider address");
    assert!(State::parse(b"{\"version\":4,\xff}", "x").unwrap_err().to_string().contains("UTF-8"));
    let deep = format!("{}1{}", "[".repeat(9000), "]".repeat(9000));
    fails(&one(&format!("{{\"attributes\":{{\"x\":{deep}}}}}")), "recursion");
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let whole = SAMPLE.trim_end().len();
    for end in (0..whole).filter(|i| SAMPLE.is_char_boundary(*i)) {
        assert!(State::parse(&SAMPLE.as_bytes()[..end], "x").is_err(), "cut at {end}");
    }
}

#[test]
fn time_grows_with_size_alone() {
    let state = |n: u64| {
        let mut s = State::new("l");
        for i in 0..n {
            s.put(&at(&format!("terraform_data.r{}[{i}]", i % 50)), crate::testing::object(&i.to_string()));
        }
        s
    };
    let measure = |n: u64| {
        let s = state(n);
        let start = std::time::Instant::now();
        assert_eq!(State::parse(&s.to_bytes(), "x").unwrap().len(), s.len());
        start.elapsed()
    };
    let (small, large) = (measure(1_000), measure(10_000));
    assert!(large < small * 60 + std::time::Duration::from_millis(200), "{small:?} for 1,000, {large:?} for 10,000");
}
