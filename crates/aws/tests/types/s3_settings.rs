//! Settings of buckets that are types of their own.

use serde_json::{Value as Json, json};

use crate::rig::{Object, Rig, unique};

async fn bucket(rig: &Rig) -> Object {
    rig.create("aws_s3_bucket", json!({"bucket": unique("bucket"), "force_destroy": true})).await
}

/// A setting's whole life, from one configuration to another that differs in `changed`.
async fn life(ty: &'static str, first: impl Fn(&str) -> Json, second: impl Fn(&str) -> Json, changed: &[&str]) {
    let rig = Rig::new().await;
    let b = bucket(&rig).await;
    let s = rig.create(ty, first(&b.id)).await;
    let s = rig.update(s, second(&b.id), changed).await;
    rig.import(&s, &b.id, &[]).await;
    rig.delete(s).await;
    rig.delete(b).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn policy() {
    let with = |effect: &'static str| {
        move |bucket: &str| {
            let all = format!("arn:aws:s3:::{bucket}/*");
            let statement = json!({"Effect": effect, "Principal": "*", "Action": ["s3:PutObject"], "Resource": all});
            json!({"bucket": bucket, "policy": json!({"Version": "2012-10-17", "Statement": [statement]}).to_string()})
        }
    };
    life("aws_s3_bucket_policy", with("Deny"), with("Allow"), &["policy"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn public_access_block() {
    let first = |b: &str| json!({"bucket": b, "block_public_acls": true, "ignore_public_acls": true});
    let second = |b: &str| json!({"bucket": b, "block_public_acls": true, "block_public_policy": true, "restrict_public_buckets": true});
    let changed = ["block_public_policy", "ignore_public_acls", "restrict_public_buckets"];
    life("aws_s3_bucket_public_access_block", first, second, &changed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ownership_controls() {
    let with = |owner: &'static str| move |b: &str| json!({"bucket": b, "rule": [{"object_ownership": owner}]});
    let (first, second) = (with("BucketOwnerPreferred"), with("BucketOwnerEnforced"));
    life("aws_s3_bucket_ownership_controls", first, second, &["rule"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cors_configuration() {
    let with = |age: i32| {
        move |b: &str| {
            json!({"bucket": b, "cors_rule": [
                {"allowed_methods": ["PUT", "GET"], "allowed_origins": ["https://b.example", "https://a.example"],
                 "allowed_headers": ["*"], "expose_headers": ["ETag"], "max_age_seconds": age, "id": "one"},
                {"allowed_methods": ["GET"], "allowed_origins": ["*"]},
            ]})
        }
    };
    life("aws_s3_bucket_cors_configuration", with(60), with(90), &["cors_rule"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn server_side_encryption_configuration() {
    let kms = |b: &str| {
        let by_default = json!([{"sse_algorithm": "aws:kms", "kms_master_key_id": "alias/x"}]);
        json!({"bucket": b, "rule": [{"apply_server_side_encryption_by_default": by_default, "bucket_key_enabled": true}]})
    };
    let plain = |b: &str| json!({"bucket": b, "rule": [{"apply_server_side_encryption_by_default": [{"sse_algorithm": "AES256"}]}]});
    life("aws_s3_bucket_server_side_encryption_configuration", kms, plain, &["rule"]).await;
}
