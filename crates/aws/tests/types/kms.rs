//! Keys and aliases.

use serde_json::{Value as Json, json};
use stackctl_core::{Evidence, Intent};

use crate::rig::{Rig, known, unique};

fn policy(sid: &str) -> String {
    let root = "arn:aws:iam::123456789012:root";
    json!({"Version": "2012-10-17", "Statement": [
        {"Sid": sid, "Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"},
    ]})
    .to_string()
}

fn with(base: &Json, more: Json) -> Json {
    let mut out = base.clone();
    out.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn key_life() {
    let rig = Rig::with(json!({"default_tags": [{"tags": {"team": "core"}}]})).await;
    let base = json!({"description": "first", "deletion_window_in_days": 7});
    let first = with(&base, json!({"enable_key_rotation": true, "policy": policy("a"), "tags": {"a": "1"}}));
    let key = rig.create("aws_kms_key", first).await;
    assert_eq!(key.state.get("key_id").as_str(), Some(key.id.as_str()));
    assert_eq!(key.state.get("rotation_period_in_days").as_i64(), Some(365));
    assert_eq!(key.state.get("customer_master_key_spec").as_str(), Some("SYMMETRIC_DEFAULT"));
    let second = json!({
        "description": "second", "enable_key_rotation": true, "rotation_period_in_days": 90, "policy": policy("b"),
    });
    let changed = ["description", "policy", "rotation_period_in_days", "tags", "tags_all"];
    let key = rig.update(key, with(&base, second), &changed).await;
    rig.import(&key, &key.id, &[]).await;
    let off = json!({"description": "second", "is_enabled": false, "policy": policy("b")});
    let key = rig.update(key, with(&base, off), &["enable_key_rotation", "is_enabled"]).await;
    // Enabled before it is changed.
    let on = json!({"description": "third", "policy": policy("b")});
    let key = rig.update(key, with(&base, on), &["description", "is_enabled"]).await;
    rig.delete(key).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn key_that_signs() {
    let rig = Rig::new().await;
    let config = json!({
        "customer_master_key_spec": "ECC_NIST_P256", "key_usage": "SIGN_VERIFY", "multi_region": true,
        "is_enabled": false,
    });
    let key = rig.create("aws_kms_key", config).await;
    assert_eq!(key.state.get("is_enabled").as_bool(), Some(false));
    assert_eq!(key.state.get("multi_region").as_bool(), Some(true));
    rig.delete(key).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn alias_life() {
    let rig = Rig::new().await;
    let a = rig.create("aws_kms_key", json!({})).await;
    let b = rig.create("aws_kms_key", json!({})).await;
    let name = format!("alias/{}", unique("app"));
    let arn = |k: &crate::rig::Object| k.state.get("arn").as_str().unwrap().to_owned();
    let of = |target: &str| json!({"name": name, "target_key_id": target});
    let alias = rig.create("aws_kms_alias", of(&a.id)).await;
    assert_eq!(alias.state.get("target_key_arn").as_str(), Some(arn(&a).as_str()));
    // The same key by its ARN is no change.
    let planned = rig.planned("aws_kms_alias", &known(of(&arn(&a))), Some(&alias.state));
    assert!(rig.differing("aws_kms_alias", &planned, &alias.state).is_empty());
    let alias = rig.update(alias, of(&arn(&b)), &["target_key_id"]).await;
    assert_eq!(alias.state.get("target_key_arn").as_str(), Some(arn(&b).as_str()));
    rig.import(&alias, &name, &["target_key_id"]).await;
    // Its date is the proof of who made it.
    let intent = Intent { token: "t".into(), keys: known(json!({"name": name})), since: None };
    let found = rig.instance.find("aws_kms_alias", intent).await.unwrap();
    assert!(matches!(found[0].evidence, Evidence::Created(_)), "{found:?}");
    rig.delete(alias).await;
    rig.delete(a).await;
    rig.delete(b).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_opened() {
    use base64::Engine as _;
    let rig = Rig::new().await;
    let key = rig.create("aws_kms_key", json!({"description": "secrets"})).await;
    let raw = aws_sdk_kms::Client::new(&rig.raw().await);
    let call = raw.encrypt().key_id(&key.id).encryption_context("for", "tests");
    let text =
        call.plaintext(aws_sdk_kms::primitives::Blob::new("hunter2")).send().await.unwrap().ciphertext_blob.unwrap();
    let payload = base64::engine::general_purpose::STANDARD.encode(text.into_inner());
    let secret = |context: &str, payload: &str| json!({"secret": [{"name": "s", "payload": payload, "context": {"for": context}}]});
    let opened = rig.open("aws_kms_secrets", secret("tests", &payload)).await.unwrap();
    assert_eq!(opened["plaintext"], json!({"s": "hunter2"}));
    assert!(rig.open("aws_kms_secrets", secret("others", &payload)).await.is_err());
    let e = rig.open("aws_kms_secrets", secret("tests", "no base64!")).await.unwrap_err();
    assert!(e.contains("base64"), "{e}");
    rig.delete(key).await;
}
