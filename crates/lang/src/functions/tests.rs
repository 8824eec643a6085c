//! Functions and operators on tables of facts: `cases/*.tsv` has an expression and its result on each line, the result as
//! the console prints it with line breaks and indentation reduced to single spaces, or `error:` and a part of the message.
//!
//! The results are those of Terraform 1.11.4, except where ours are better on purpose: short circuits of `&&` and `||`,
//! no negative zero, network numbers that do not fit are refused, links that form a loop are not followed.

use jiff::Timestamp;
use stackctl_core::{Ids, Number, Ty};
use stackctl_hcl::{ExprKind, FileId, parse_expr};

use crate::diag::Problem;
use crate::eval::{self, Scope, World};
use crate::files::Memory;
use crate::refs::{Reference, Subject};
use crate::value::{Value, show, type_text};

/// `us`, `ub`, `un`, `ul`, `umap`: unknown string, bool, length, list and map, none of them null; `ud`: unknown and of
/// unknown type; `s`, `sl`: sensitive text and tuple.
struct Fixture(Memory);

struct Sevens;
impl Ids for Sevens {
    fn fill(&self, out: &mut [u8]) {
        out.fill(7);
    }
}

impl Scope for Fixture {
    fn resolve(&self, r: &Reference<'_>) -> Result<Value, Problem> {
        let unknown = |t: Ty| Value::unknown(&t).not_null();
        match r.subject {
            Subject::Local("us") => Ok(unknown(Ty::String)),
            Subject::Local("ub") => Ok(unknown(Ty::Bool)),
            Subject::Local("un") => Ok(unknown(Ty::Number).with_bounds(Some(Number::ZERO), None)),
            Subject::Local("ul") => Ok(unknown(Ty::list(Ty::String))),
            Subject::Local("umap") => Ok(unknown(Ty::map(Ty::String))),
            Subject::Local("ud") => Ok(Value::dynamic()),
            Subject::Local("s") => Ok(Value::from("sec").sensitive()),
            Subject::Local("sl") => Ok(Value::tuple(vec!["a".into(), "b".into()]).sensitive()),
            _ => Err(Problem::error("Unknown name", "the fixture has no such name")),
        }
    }
    fn world(&self) -> Option<World<'_>> {
        Some(World {
            files: &self.0,
            planning: true,
            plan_time: Some(Timestamp::UNIX_EPOCH),
            now: Timestamp::UNIX_EPOCH,
            ids: &Sevens,
        })
    }
}

fn fixture() -> Fixture {
    let mut files = Memory::new();
    for (path, text) in [
        ("t/a.tpl", "hello ${name}"),
        ("t/list.tpl", "${[1,2]}"),
        ("t/for.tpl", "%{ for x in xs }${x},%{ endfor }"),
        ("t/rec.tpl", "${templatefile(\"t/rec.tpl\", {})}"),
        ("t/sub/b.txt", "x"),
        ("t/sub/c.TXT", "y"),
        ("t/.hid/d.txt", "z\n"),
    ] {
        files.add(path, text.as_bytes());
    }
    files.add("t/bin", vec![0xff, 0xfe]);
    Fixture(files)
}

/// What the console would print for an expression.
fn evaluate(text: &str, scope: &Fixture) -> String {
    let (e, errors) = parse_expr(text, FileId(0), 0);
    if let Some(e) = errors.first() {
        return format!("error: {}", e.summary);
    }
    let (subject, shown): (_, fn(&Value) -> String) = match &e.kind {
        ExprKind::FunctionCall(c) if c.name.as_str() == "type" => (&c.args[0], |v| type_text(&v.ty())),
        _ => (&e, show),
    };
    let (v, problems) = eval::expr(subject, scope);
    let text = problems.first().map_or_else(|| shown(&v), |p| format!("error: {}", p.detail));
    text.lines().map(str::trim).filter(|l| !l.is_empty()).collect::<Vec<_>>().join(" ")
}

fn check(table: &str) {
    let scope = fixture();
    let mut wrong = Vec::new();
    for line in table.lines().filter(|l| !l.is_empty() && !l.starts_with('#')) {
        let (text, expect) = line.split_once('\t').expect("a tab stands between expression and result");
        let got = evaluate(text, &scope);
        // Of a message, the part that the table has.
        let same = match (expect.strip_prefix("error: "), got.strip_prefix("error: ")) {
            (Some(expect), Some(got)) => got.contains(expect),
            _ => got == expect,
        };
        if !same {
            wrong.push(format!("{text}\n  expected {expect}\n       got {got}"));
        }
    }
    assert!(wrong.is_empty(), "{} cases differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn operators() {
    check(include_str!("cases/operators.tsv"));
}
#[test]
fn collections() {
    check(include_str!("cases/collections.tsv"));
}
#[test]
fn text() {
    check(include_str!("cases/text.tsv"));
}
#[test]
fn encodings_and_networks() {
    check(include_str!("cases/encodings.tsv"));
}
#[test]
fn files_hashes_and_time() {
    check(include_str!("cases/files.tsv"));
}
#[test]
fn unknown_and_sensitive() {
    check(include_str!("cases/unknown.tsv"));
}
#[test]
fn yaml() {
    check(include_str!("cases/yaml.tsv"));
}

/// Calls a function while applying, when nothing is unknown for being unpredictable.
fn apply(name: &str, args: &[Value]) -> String {
    let Fixture(files) = fixture();
    let no_templates = |_: &str, _: &str, _: &Value| Err("no templates here".to_owned());
    let cx = super::FnContext {
        files: &files,
        planning: false,
        plan_time: None,
        now: Timestamp::UNIX_EPOCH,
        ids: &Sevens,
        render: &no_templates,
    };
    super::call(name, args, &cx).map_or_else(|e| format!("error: {}", e.message), |v| show(&v))
}

#[test]
fn unpredictable_functions_are_known_while_applying() {
    assert_eq!(apply("timestamp", &[]), "\"1970-01-01T00:00:00Z\"");
    assert_eq!(apply("uuid", &[]), "\"07070707-0707-4707-8707-070707070707\"");
    assert_eq!(apply("plantimestamp", &[]), "(known after apply)");
    let hash = apply("bcrypt", &["secret".into(), 4.into()]);
    let hash = hash.trim_matches('"');
    assert!(hash.starts_with("$2a$04$") && bcrypt::verify("secret", hash).unwrap(), "{hash}");
    assert!(apply("bcrypt", &["x".repeat(73).into()]).contains("exceeds 72 bytes"));
    assert!(apply("format", &["%s".into(), Value::null(&Ty::Dynamic)]).contains("null value cannot be formatted"));
}

#[test]
fn rsadecrypt_reads_both_kinds_of_keys() {
    use base64::Engine;
    use rsa::pkcs1::EncodeRsaPrivateKey;
    use rsa::pkcs8::EncodePrivateKey;
    let mut rng = rsa::rand_core::OsRng;
    let key = rsa::RsaPrivateKey::new(&mut rng, 512).unwrap();
    let cipher = key.to_public_key().encrypt(&mut rng, rsa::Pkcs1v15Encrypt, b"hello").unwrap();
    let cipher = base64::engine::general_purpose::STANDARD.encode(cipher);
    for pem in [key.to_pkcs1_pem(Default::default()).unwrap(), key.to_pkcs8_pem(Default::default()).unwrap()] {
        assert_eq!(apply("rsadecrypt", &[cipher.as_str().into(), pem.as_str().into()]), "\"hello\"");
    }
}

#[test]
fn every_function_has_a_signature_and_the_names_are_sorted() {
    let names = super::names();
    assert_eq!(names.len(), 118);
    assert!(names.is_sorted());
    for n in names {
        assert_eq!(super::signature(&format!("core::{n}")).map(|s| s.name), Some(n));
    }
    assert!(super::signature("nope").is_none());
}
