//! States whose secrets are sealed: what is written, what is read with and without the key, and how keys change.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value as Json;
use stackctl_core::path::Step;
use stackctl_core::{Host, Known, Ty};

use super::*;
use crate::backend::{Access, Backend, Options};
use crate::error::Error;
use crate::memory::Memory;
use crate::model::{Object, Output, State};
use crate::record::Record;
use crate::remote::Remote;
use crate::testing::{addr, at, aws, created, host, intent, object};
use crate::{Local, Session};

#[path = "schema_tests.rs"]
mod schema;

const SECRET: &str = "hunter2-\"<&>\n";

fn with_env(dir: &Path, id: u64, passphrase: Option<&str>) -> Host {
    let mut h = host(dir, id);
    if let Some(p) = passphrase {
        Arc::make_mut(&mut h.env).insert(PASSPHRASE.to_owned(), p.to_owned());
    }
    h
}

fn secret_object(id: &str) -> Object {
    let attributes = Known::from([("id", Known::from(id)), ("password", Known::from(SECRET))]);
    let mut o = Object::new(aws(), attributes);
    o.sensitive.insert(stackctl_core::Path::attr("password"));
    o
}

fn options(access: Access) -> Options {
    Options::new("default", access, "test")
}

async fn open(b: &dyn Backend, o: Options, h: &Host) -> Result<Session, Error> {
    let mut s = b.open(o, h).await?;
    s.resolve(Vec::new()).await?;
    Ok(s)
}

/// An apply that makes one object with a secret and an output with it.
async fn apply(b: &dyn Backend, h: &Host) -> State {
    let mut s = open(b, options(Access::Write), h).await.unwrap();
    let mut announced = intent(crate::Action::Create, "t.a", "tok", None);
    if let Record::Intent(i) = &mut announced {
        Arc::make_mut(i).keys = Known::from([("password", SECRET)]);
    }
    s.append(vec![announced]).await.unwrap();
    s.append(vec![created("t.a", "tok", "1")]).await.unwrap();
    s.append(vec![Record::Set { at: at("t.a"), object: Arc::new(secret_object("1")) }]).await.unwrap();
    let output = Output { value: Known::from(SECRET), ty: Ty::String, sensitive: true };
    s.append(vec![Record::Outputs([("p".to_owned(), output)].into())]).await.unwrap();
    s.close().await.unwrap()
}

fn password(s: &State) -> Option<&str> {
    s.current(&addr("t.a")).unwrap().attributes.get("password").as_str()
}

/// No file below a directory holds the secret, in any of its usual forms.
fn is_clean(dir: &Path) {
    for e in std::fs::read_dir(dir).unwrap() {
        let path = e.unwrap().path();
        if path.is_dir() {
            is_clean(&path);
        } else {
            clean(&std::fs::read(&path).unwrap(), &path.display().to_string());
        }
    }
}

fn clean(bytes: &[u8], what: &str) {
    assert!(!String::from_utf8_lossy(bytes).contains("hunter2"), "{what} holds the secret");
}

#[test]
fn values_come_back() {
    let key = DataKey::new(&[7; 32]).unwrap();
    for v in [
        Known::from(SECRET),
        Known::from(""),
        Known::from(true),
        Known::from(-42),
        Known::from(vec![Known::from("a"), Known::Null]),
        Known::from([("k", Known::from([("l", 1)]))]),
    ] {
        let text = key.seal("k-1", [9; 12], &v);
        assert_eq!(key.open(&text).as_ref(), Some(&v));
        assert_eq!(cipher::key_of(&text), Some("k-1"));
        assert_eq!(DataKey::new(&[8; 32]).unwrap().open(&text), None, "another key");
        // A changed bit anywhere, the key's name included, is noticed.
        for i in ["stackctl:sealed:v1:".len(), text.len() - 3] {
            let mut changed = text.clone().into_bytes();
            changed[i] = if changed[i] == b'A' { b'B' } else { b'A' };
            assert_eq!(key.open(&String::from_utf8(changed).unwrap()), None);
        }
    }
    let lengths: Vec<usize> =
        ["a", "longer password 123"].iter().map(|s| key.seal("k", [0; 12], &Known::from(*s)).len()).collect();
    assert_eq!(lengths[0], lengths[1], "the length of a short password does not show");
    assert!(!is_sealed(&Known::from("stackctl:sealed:v1:k-1:short")));
    assert!(!format!("{key:?}").contains('7'));
}

#[test]
fn paths_that_lead_into_or_past_containers() {
    let attr = stackctl_core::Path::attr;
    let dynamic = Known::dynamic(&Ty::String, Known::from("s3cret"));
    for (attributes, path, want) in [
        (Known::from([("a", "s3cret")]), attr("a"), "a"),
        (Known::from([("a", vec!["x", "s3cret"])]), attr("a").with_index(1), "a"),
        (Known::from([("a", Known::from([("k", "s3cret")]))]), attr("a").with(Step::Key("k".into())), "a"),
        (Known::from([("a", dynamic.clone())]), attr("a"), "a"),
        // An element of a set has no index: all of the set is sealed.
        (Known::from([("a", vec![Known::from([("p", "s3cret")])])]), attr("a").with_attr("p"), "a"),
        (
            Known::from([("a", Known::dynamic(&Ty::String, Known::from([("p", "s3cret")])))]),
            attr("a").with_attr("p"),
            "a",
        ),
    ] {
        let mut s = State::new("l");
        let mut o = Object::new(aws(), attributes.clone());
        o.sensitive.insert(path.clone());
        s.put(&at("t.a"), Arc::new(o));
        let before = s.clone();
        let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        rt.block_on(async {
            let h = with_env(Path::new("."), 1, Some("p"));
            let keys = || Keys::gather(&Sealing::default(), &h, None);
            let mut kept = crate::Ledger::new(s.clone());
            let (vault, open) =
                Vault::open(&mut kept, Some(Policy::Auto), &Sealing::default(), keys(), "x").await.unwrap();
            assert_eq!(open.state, before);
            let sealed = vault.state(&open.state).unwrap();
            let bytes = sealed.to_bytes();
            assert!(!String::from_utf8_lossy(&bytes).contains("s3cret"), "{path}");
            assert!(is_sealed(sealed.current(&addr("t.a")).unwrap().attributes.get(want)), "{path}");
            assert_eq!(vault.state(&open.state).unwrap(), sealed, "sealing again gives the same texts");
            let read = State::parse(&bytes, "x").unwrap();
            assert_eq!(keys().open_state(read, "x").await.unwrap(), before, "{path}");
        });
    }
}

#[tokio::test]
async fn texts_that_repeat_a_secret_are_sealed_too() {
    let dir = tempfile::tempdir().unwrap();
    let b = Local::new(dir.path(), None, None);
    let attributes = Known::from([
        ("id", Known::from("1")),
        ("input", Known::from([("password", Known::from("hunter2!"))])),
        ("output", Known::from([("password", Known::from("hunter2!"))])),
        ("url", Known::from("db://ada:hunter2!@host")),
        ("name", Known::from("ada")),
    ]);
    let mut o = Object::new(aws(), attributes.clone());
    o.sensitive.insert(stackctl_core::Path::attr("input").with_attr("password"));
    let mut s = open(&b, options(Access::Write), &with_env(dir.path(), 1, Some("p"))).await.unwrap();
    s.append(vec![Record::Set { at: at("t.a"), object: Arc::new(o) }]).await.unwrap();
    s.close().await.unwrap();
    is_clean(dir.path());
    assert!(std::fs::read_to_string(dir.path().join("terraform.tfstate")).unwrap().contains("\"name\": \"ada\""));
    let s = open(&b, options(Access::Read), &with_env(dir.path(), 2, Some("p"))).await.unwrap();
    assert_eq!(*s.state().current(&addr("t.a")).unwrap().attributes, attributes);
}

/// Marks are lost on the way through a mirror, through another stack's outputs, and where a later run copies a value.
#[tokio::test]
async fn secrets_in_other_objects_are_sealed_too() {
    let dir = tempfile::tempdir().unwrap();
    let b = Local::new(dir.path(), None, None);
    let mut owner = Object::new(aws(), Known::from([("id", "1"), ("password", "hunter2-long")]));
    owner.sensitive.insert(stackctl_core::Path::attr("password"));
    let copy = |id: &str| Arc::new(Object::new(aws(), Known::from([("id", id), ("text", "hunter2-long")])));
    let remote = Known::from([
        ("id", Known::Null),
        ("config", Known::from([("secret_key", "hunter2 key")])),
        ("outputs", Known::from([("p", "hunter2 of another stack")])),
    ]);
    let remote = Arc::new(Object::new(aws(), remote));
    {
        let mut s = open(&b, options(Access::Write), &with_env(dir.path(), 1, Some("p"))).await.unwrap();
        s.append(vec![
            Record::Set { at: at("t.z"), object: Arc::new(owner) },
            Record::Set { at: at("t.a"), object: copy("2") },
            Record::Set { at: at("data.terraform_remote_state.r"), object: remote.clone() },
        ])
        .await
        .unwrap();
        is_clean(dir.path());
        s.close().await.unwrap();
    }
    is_clean(dir.path());
    let mut s = open(&b, options(Access::Write), &with_env(dir.path(), 2, Some("p"))).await.unwrap();
    assert_eq!(s.state().current(&addr("t.a")), Some(&copy("2")));
    assert_eq!(s.state().current(&addr("data.terraform_remote_state.r")), Some(&remote));
    s.append(vec![Record::Set { at: at("t.b"), object: copy("3") }]).await.unwrap();
    // Plain names of objects stay what the fold goes by, whatever repeats them.
    let named = Known::from([("id", "hunter2-long"), ("name", "hunter2-long")]);
    let mut named = Object::new(aws(), named);
    named.sensitive.insert(stackctl_core::Path::attr("name"));
    s.append(vec![Record::Set { at: at("t.c"), object: Arc::new(named) }]).await.unwrap();
    let state = s.close().await.unwrap();
    let kept = State::parse(&std::fs::read(dir.path().join("terraform.tfstate")).unwrap(), "x").unwrap();
    assert_eq!(kept.current(&addr("t.c")).unwrap().id(), Some("hunter2-long"));
    assert!(is_sealed(kept.current(&addr("t.c")).unwrap().attributes.get("name")));
    assert!(is_sealed(kept.current(&addr("t.b")).unwrap().attributes.get("text")));
    assert_eq!(state.len(), 5);
}

#[tokio::test]
async fn a_local_state_is_sealed_on_request() {
    let dir = tempfile::tempdir().unwrap();
    let b = Local::new(dir.path(), None, None);
    let h = with_env(dir.path(), 1, Some("correct horse"));
    let closed = apply(&b, &h).await;
    assert_eq!(password(&closed), Some(SECRET), "the caller has it in the open");
    is_clean(dir.path());
    let text = std::fs::read_to_string(dir.path().join("terraform.tfstate")).unwrap();
    assert!(text.contains("\"terraform_version\": \"sealed by stackctl\""), "{text}");

    let again = with_env(dir.path(), 2, Some("correct horse"));
    let s = open(&b, options(Access::Read), &again).await.unwrap();
    assert_eq!(password(s.state()), Some(SECRET));
    assert_eq!(s.state().outputs["p"].value, Known::from(SECRET));

    // A run that changes nothing writes nothing.
    let before = std::fs::read(dir.path().join("terraform.tfstate")).unwrap();
    let mut s = open(&b, options(Access::Write), &again).await.unwrap();
    s.append(vec![Record::Set { at: at("t.a"), object: Arc::new(secret_object("1")) }]).await.unwrap();
    s.close().await.unwrap();
    assert_eq!(std::fs::read(dir.path().join("terraform.tfstate")).unwrap(), before);
}

#[tokio::test]
async fn without_the_key_everything_else_works() {
    let dir = tempfile::tempdir().unwrap();
    let b = Local::new(dir.path(), None, None);
    apply(&b, &with_env(dir.path(), 1, Some("right"))).await;
    for (id, passphrase) in [(2, None), (3, Some("wrong"))] {
        let h = with_env(dir.path(), id, passphrase);
        let Err(Error::Sealed { hint, .. }) = open(&b, options(Access::Write), &h).await.map(|_| ()) else {
            panic!("opened with {passphrase:?}")
        };
        assert!(hint.contains(PASSPHRASE), "{hint}");
        // The refusal has let go of the lock.
        let mut o = options(Access::Write);
        o.sealing.without_key = true;
        let mut s = open(&b, o, &h).await.unwrap();
        assert!(s.vault().locked().is_some());
        let to = if id == 2 { ("t.a", "t.b") } else { ("t.b", "t.a") };
        assert!(is_sealed(s.state().current(&addr(to.0)).unwrap().attributes.get("password")));
        s.append(vec![Record::Mv { from: addr(to.0), to: addr(to.1) }]).await.unwrap();
        let refused = s.append(vec![Record::Set { at: at("t.c"), object: Arc::new(secret_object("2")) }]).await;
        assert!(matches!(refused, Err(Error::Sealed { .. })), "no secret is written in the open");
        s.append(vec![Record::Set { at: at("t.d"), object: object("3") }]).await.unwrap();
        // Everything else is kept, and the end says that something was not, lest nobody waited for it.
        assert!(matches!(s.close().await, Err(Error::NotSaved { .. })));
    }
    is_clean(dir.path());
    let s = open(&b, options(Access::Read), &with_env(dir.path(), 4, Some("right"))).await.unwrap();
    assert_eq!(password(s.state()), Some(SECRET), "the moved object still opens");
    assert_eq!(s.state().len(), 2);
}

#[tokio::test]
async fn an_interrupted_run_leaves_no_secret() {
    let dir = tempfile::tempdir().unwrap();
    let b = Local::new(dir.path(), None, None);
    let h = with_env(dir.path(), 1, Some("p"));
    let mut s = open(&b, options(Access::Write), &h).await.unwrap();
    let mut announced = intent(crate::Action::Create, "t.a", "tok", None);
    if let Record::Intent(i) = &mut announced {
        Arc::make_mut(i).keys = Known::from([("password", SECRET)]);
        Arc::make_mut(i).want = Some("digest of hunter2".to_owned());
    }
    s.append(vec![announced.clone()]).await.unwrap();
    s.append(vec![Record::Set { at: at("t.b"), object: Arc::new(secret_object("2")) }]).await.unwrap();
    drop(s);
    is_clean(dir.path());
    let h = with_env(dir.path(), 2, Some("p"));
    let s = b.open(options(Access::Read), &h).await.unwrap();
    let Record::Intent(i) = announced else { unreachable!() };
    assert_eq!(s.pending().open, [i], "recovery has what it needs");
    assert_eq!(s.state().current(&addr("t.b")).unwrap().attributes.get("password").as_str(), Some(SECRET));
}

/// Journals name the key, and every line of them and every state follows its schema.
#[tokio::test]
async fn files_follow_their_schemas() {
    let state_schema: Json = serde_json::from_str(include_str!("../../../../state/state.schema.json")).unwrap();
    let line_schema: Json = serde_json::from_str(include_str!("../../../../state/journal.schema.json")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let b = Local::new(dir.path(), None, None);
    let h = with_env(dir.path(), 1, Some("p"));
    let mut s = open(&b, options(Access::Write), &h).await.unwrap();
    let mut announced = intent(crate::Action::Create, "t.a", "tok", None);
    if let Record::Intent(i) = &mut announced {
        let i = Arc::make_mut(i);
        i.want = Some("w".to_owned());
        i.dependencies.push("t.z".to_owned());
        i.create_before_destroy = true;
        i.aws_at = Some(i.written);
    }
    let mut whole = secret_object("1");
    whole.private = Some("AA==".to_owned());
    whole.status = crate::ObjectStatus::Tainted;
    whole.unfinished = true;
    whole.dependencies.push("t.z".to_owned());
    whole.create_before_destroy = true;
    let output = Output { value: Known::from(SECRET), ty: Ty::String, sensitive: true };
    s.append(vec![announced, intent(crate::Action::Update, "t.b", "tok2", Some("2"))]).await.unwrap();
    s.append(vec![
        Record::Set { at: at("module.m[\"k\"].t.b[0]"), object: Arc::new(whole) },
        Record::Failed { token: "tok2".to_owned() },
        Record::Mv { from: addr("t.x"), to: addr("t.y") },
        Record::Rm { at: at("t.y") },
        Record::Import { addr: addr("t.i"), object: object("3") },
        Record::Adopt { token: None, addr: addr("t.i"), object: object("4") },
        Record::Outputs([("p".to_owned(), output)].into()),
        Record::Checks(None),
    ])
    .await
    .unwrap();
    let lines = |what: &str| {
        let text = std::fs::read_to_string(dir.path().join("terraform.tfstate.journal")).unwrap();
        for line in text.lines() {
            let v: Json = serde_json::from_str(line).unwrap();
            assert_eq!(schema::check(&line_schema, &line_schema, &v, "line"), Vec::<String>::new(), "{what}: {line}");
        }
        text
    };
    let sealed = lines("while it runs");
    let key = s.vault().seal().unwrap().key.clone();
    assert!(sealed.contains(&format!("\"key\":\"{key}\"")), "{sealed}");
    drop(s);
    // The create stays in doubt, so that the checkpoint has one.
    // Its lock goes with its task.
    let again = with_env(dir.path(), 2, Some("p"));
    let mut s = loop {
        match b.open(options(Access::Write), &again).await {
            Ok(s) => break s,
            Err(Error::Locked { .. }) => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
            Err(e) => panic!("{e}"),
        }
    };
    s.resolve(Vec::new()).await.unwrap();
    s.close().await.unwrap();
    assert!(lines("after recovery").contains("\"doubts\":[{"));
    let state = std::fs::read(dir.path().join("terraform.tfstate")).unwrap();
    let state: Json = serde_json::from_slice(&state).unwrap();
    assert_eq!(schema::check(&state_schema, &state_schema, &state, "state"), Vec::<String>::new());
    assert_eq!(state["resources"].as_array().unwrap().len(), 2);
    // The check itself notices what is wrong.
    let mut wrong = state.clone();
    wrong["resources"][0]["instances"][0]["extra"] = Json::from(1);
    wrong["serial"] = Json::from("1");
    assert_eq!(schema::check(&state_schema, &state_schema, &wrong, "state").len(), 2);
}

#[tokio::test]
async fn seal_rekey_unseal() {
    let dir = tempfile::tempdir().unwrap();
    let b = Local::new(dir.path(), None, None);
    let notes: Arc<std::sync::Mutex<Vec<String>>> = Arc::default();
    let plain = with_env(dir.path(), 1, None);
    {
        let mut o = options(Access::Write);
        let to = notes.clone();
        o.watch = Arc::new(move |n| to.lock().unwrap().push(n.to_string()));
        let mut s = open(&b, o, &plain).await.unwrap();
        for id in ["1", "2"] {
            s.append(vec![Record::Set { at: at("t.a"), object: Arc::new(secret_object(id)) }]).await.unwrap();
        }
        s.close().await.unwrap();
    }
    assert_eq!(notes.lock().unwrap().iter().filter(|n| n.contains("plain text")).count(), 1, "one hint");
    let file = dir.path().join("terraform.tfstate");
    let text = || std::fs::read_to_string(&file).unwrap();
    assert!(text().contains("hunter2"));
    let key_file = dir.path().join("keys/state.key");
    let with_file = |id| {
        let mut h = with_env(dir.path(), id, Some("p"));
        Arc::make_mut(&mut h.env).insert(KEY_FILE.to_owned(), key_file.display().to_string());
        h
    };
    let mut seals = Vec::new();
    for (id, source) in [(2, Source::Passphrase), (3, Source::File(key_file.clone())), (4, Source::Passphrase)] {
        let mut s = open(&b, options(Access::Write), &with_file(id)).await.unwrap();
        s.seal(&source).await.unwrap();
        s.close().await.unwrap();
        assert!(!text().contains("hunter2"), "{source:?}");
        seals.push(State::parse(text().as_bytes(), "x").unwrap().seal.unwrap().key.clone());
        let s = open(&b, options(Access::Read), &with_file(id + 100)).await.unwrap();
        assert_eq!(password(s.state()), Some(SECRET));
    }
    seals.dedup();
    assert_eq!(seals.len(), 3, "each has a key of its own");
    let h = with_file(9);
    let mut s = open(&b, options(Access::Write), &h).await.unwrap();
    assert_eq!(s.unseal(false).await.unwrap(), 0);
    s.close().await.unwrap();
    assert!(text().contains("hunter2") && text().contains("\"terraform_version\": \"1.11.4\""));
}

#[tokio::test]
async fn a_lost_key_can_be_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let b = Local::new(dir.path(), None, None);
    apply(&b, &with_env(dir.path(), 1, Some("lost"))).await;
    let mut o = options(Access::Write);
    o.sealing.without_key = true;
    let mut s = open(&b, o, &with_env(dir.path(), 2, None)).await.unwrap();
    assert!(s.unseal(false).await.is_err());
    assert_eq!(s.unseal(true).await.unwrap(), 2, "the attribute and the output");
    let state = s.close().await.unwrap();
    assert_eq!(password(&state), None);
    assert_eq!(state.current(&addr("t.a")).unwrap().id(), Some("1"), "the object itself is known");
}

#[tokio::test]
async fn a_state_put_in_its_place_is_sealed_again() {
    let dir = tempfile::tempdir().unwrap();
    let b = Local::new(dir.path(), None, None);
    let h = with_env(dir.path(), 1, Some("p"));
    let open_state = apply(&b, &h).await;
    let sealed_file = std::fs::read(dir.path().join("terraform.tfstate")).unwrap();
    // A plain file, and a sealed one with another key of the same passphrase.
    let other = tempfile::tempdir().unwrap();
    apply(&Local::new(other.path(), None, None), &with_env(other.path(), 7, Some("p"))).await;
    let foreign = State::parse(&std::fs::read(other.path().join("terraform.tfstate")).unwrap(), "x").unwrap();
    for (id, pushed) in [(2, open_state), (3, foreign), (4, State::parse(&sealed_file, "x").unwrap())] {
        let h = with_env(dir.path(), id, Some("p"));
        let mut s = open(&b, options(Access::Write), &h).await.unwrap();
        let key = s.vault().seal().unwrap().key.clone();
        s.edit(|s| *s = State { lineage: s.lineage.clone(), ..pushed }).await.unwrap();
        let state = s.close().await.unwrap();
        assert_eq!(password(&state), Some(SECRET));
        is_clean(dir.path());
        let kept = State::parse(&std::fs::read(dir.path().join("terraform.tfstate")).unwrap(), "x").unwrap();
        assert_eq!(kept.seal.unwrap().key, key);
    }
}

#[tokio::test]
async fn kms_seals_what_bootstrap_prepared() {
    for journal in [false, true] {
        for (kms, policy, sealed) in [
            (FakeKeys::with("arn:k", true), Policy::Auto, true),
            (FakeKeys::with("arn:k", false), Policy::Auto, false),
            (FakeKeys::with("arn:k", false), Policy::Always, true),
            (FakeKeys::with("arn:k", true), Policy::Never, false),
            (FakeKeys::default(), Policy::Auto, false),
        ] {
            let store = Memory::new();
            let mut b = Remote::new(Arc::new(store.clone()), "x", "env:").keys(Arc::new(kms.clone()));
            if journal {
                b = b.journal();
            }
            let dir = tempfile::tempdir().unwrap();
            let h = host(dir.path(), 1);
            let mut o = options(Access::Write);
            o.sealing.policy = policy;
            let mut s = open(&b, o, &h).await.unwrap();
            s.append(vec![Record::Set { at: at("t.a"), object: Arc::new(secret_object("1")) }]).await.unwrap();
            if journal && sealed {
                for key in store.keys() {
                    clean(&store.object(&key).unwrap(), &key);
                }
            }
            s.close().await.unwrap();
            let bytes = store.object("x").unwrap();
            assert_eq!(!String::from_utf8_lossy(&bytes).contains("hunter2"), sealed, "{policy:?}");
            kms.deny(true);
            let read = open(&b, options(Access::Read), &host(dir.path(), 2)).await.map(|s| s.state().clone());
            match read {
                Ok(s) => assert!(!sealed && password(&s) == Some(SECRET)),
                Err(e) => assert!(sealed && e.to_string().contains("arn:k"), "{e}"),
            }
        }
    }
    let b = Remote::new(Arc::new(Memory::new()), "x", "env:");
    let mut o = options(Access::Write);
    o.sealing.policy = Policy::Always;
    let e = open(&b, o, &host(Path::new("."), 1)).await.map(|_| ()).unwrap_err();
    assert!(e.diagnostic().hint.unwrap().contains("bootstrap"));
}

#[tokio::test]
async fn key_files_are_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("k");
    let h = host(dir.path(), 1);
    let sealing = Sealing { key_file: Some(path.clone()), ..Sealing::default() };
    let keys = Keys::gather(&sealing, &h, None);
    let (seal, _) = keys.generate(&Source::File(path.clone()), "x").await.unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(keys.unwrap(&seal, "x").await.is_ok());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let e = keys.unwrap(&seal, "x").await.unwrap_err().to_string();
    assert!(e.contains("may be read by others"), "{e}");
    std::fs::remove_file(&path).unwrap();
    assert!(keys.unwrap(&seal, "x").await.is_err());
    assert!(!format!("{seal:?}").contains("data"));
}

#[tokio::test]
async fn documents_open_with_the_key_alone() {
    let h = with_env(Path::new("."), 1, Some("p"));
    let keys = Keys::gather(&Sealing::default(), &h, None);
    let mut kept = crate::Ledger::new(State::new("l"));
    let (vault, _) = Vault::open(&mut kept, Some(Policy::Auto), &Sealing::default(), keys.clone(), "x").await.unwrap();
    let document = vault.document(SECRET.as_bytes()).unwrap().unwrap();
    let text = serde_json::to_string(&document).unwrap();
    clean(text.as_bytes(), "the document");
    let read: Document = serde_json::from_str(&text).unwrap();
    assert_eq!(read.open(&keys, "plan").await.unwrap(), SECRET.as_bytes());
    let changed: Document = serde_json::from_str(&text.replace("\"content\":\"", "\"content\":\"AAAA")).unwrap();
    assert!(changed.open(&keys, "plan").await.is_err());
    let without = Keys::gather(&Sealing::default(), &host(Path::new("."), 2), None);
    assert!(read.open(&without, "plan").await.is_err());
}

#[test]
fn headers_are_not_trusted() {
    let wrap = |memory: u64| {
        format!(
            "{{\"version\":4,\"terraform_version\":\"sealed by stackctl\",\"serial\":1,\"lineage\":\"l\",\"stackctl\":\
             {{\"seal\":{{\"v\":1,\"key\":\"k\",\"by\":\"passphrase\",\"salt\":\"c2FsdHNhbHQ=\",\"memory\":{memory},\
             \"passes\":1,\"lanes\":1,\"data\":\"AAAA\"}}}}}}"
        )
    };
    let s = State::parse(wrap(4_000_000_000).as_bytes(), "x").unwrap();
    let e = s.seal.unwrap().wrap.open_with_passphrase("p").unwrap_err();
    assert!(e.contains("implausible"), "{e}");
    for bad in [
        wrap(1).replace("\"v\":1", "\"v\":2"),
        wrap(1).replace("passphrase", "magic"),
        "{\"version\":4,\"terraform_version\":\"sealed by stackctl\",\"serial\":1,\"lineage\":\"l\"}".to_owned(),
    ] {
        let e = State::parse(bad.as_bytes(), "x").unwrap_err().to_string();
        assert!(e.contains("sealed") || e.contains("header"), "{e}");
    }
}
