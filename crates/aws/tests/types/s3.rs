//! S3 types.

use serde_json::{Value as Json, json};

use crate::rig::{Object, Rig, unique};

async fn bucket(rig: &Rig) -> Object {
    rig.create("aws_s3_bucket", json!({"bucket": unique("bucket"), "force_destroy": true})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn bucket_life() {
    let rig = Rig::with(json!({"default_tags": [{"tags": {"team": "core"}}]})).await;
    let name = unique("plain");
    let with = |tags: Json| json!({"bucket": name, "tags": tags});
    let b = rig.create("aws_s3_bucket", with(json!({"a": "1"}))).await;
    assert_eq!(b.state.get("tags_all").to_json(), json!({"a": "1", "team": "core"}));
    assert_eq!(
        b.state.get("bucket_regional_domain_name").to_json(),
        json!(format!("{name}.s3.us-east-1.amazonaws.com"))
    );
    let b = rig.update(b, with(json!({"b": "2"})), &["tags", "tags_all"]).await;
    let b = rig.update(b, json!({"bucket": name, "force_destroy": true}), &["force_destroy", "tags", "tags_all"]).await;
    rig.import(&b, &name, &[]).await;
    rig.delete(b).await;
}

/// A no-op refresh of a bucket asks two questions.
#[tokio::test(flavor = "multi_thread")]
async fn bucket_refreshes_with_two_requests() {
    let rig = Rig::new().await;
    let b = bucket(&rig).await;
    let at = stackctl_core::Ref { id: b.id.clone(), known: b.state.clone(), wanted: Some(Default::default()) };
    let live = rig.instance.read("aws_s3_bucket", vec![at]).await.unwrap();
    assert_eq!(live[0].value, b.state);
    let asked: Vec<String> =
        rig.sandbox.log().await.unwrap().iter().filter(|l| l.path.contains(&b.id)).map(|l| l.action.clone()).collect();
    let mut last = asked[asked.len() - 2..].to_vec();
    last.sort();
    assert_eq!(last, ["GetBucketTagging", "HeadBucket"]);
    rig.delete(b).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bucket_with_inline_settings() {
    let rig = Rig::new().await;
    let (name, logs) = (unique("inline"), bucket(&rig).await);
    let statement = json!({"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": format!("arn:aws:s3:::{name}/*")});
    let policy = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
    let mut config = json!({
        "bucket": name,
        "cors_rule": [{"allowed_methods": ["GET"], "allowed_origins": ["https://a.example"], "max_age_seconds": 60}],
        "lifecycle_rule": [{
            "id": "old", "enabled": true, "prefix": "logs/", "tags": {"k": "v"}, "expiration": [{"days": 30}],
            "transition": [{"days": 10, "storage_class": "GLACIER"}],
            "noncurrent_version_expiration": [{"days": 4}], "abort_incomplete_multipart_upload_days": 3,
        }],
        "policy": policy,
        "request_payer": "Requester",
        "server_side_encryption_configuration": [{"rule": [{
            "apply_server_side_encryption_by_default": [{"sse_algorithm": "aws:kms", "kms_master_key_id": "alias/x"}],
            "bucket_key_enabled": true,
        }]}],
        "versioning": [{"enabled": true}],
        "website": [{"index_document": "index.html", "error_document": "e.html", "routing_rules":
            r#"[{"Condition":{"KeyPrefixEquals":"a/"},"Redirect":{"ReplaceKeyPrefixWith":"b/"}}]"#}],
    });
    let b = rig.create("aws_s3_bucket", config.clone()).await;
    assert_eq!(b.state.get("website_endpoint").to_json(), json!(format!("{name}.s3-website-us-east-1.amazonaws.com")));
    config["cors_rule"][0]["allowed_methods"] = json!(["GET", "PUT"]);
    config["versioning"][0]["enabled"] = json!(false);
    config["lifecycle_rule"][0]["enabled"] = json!(false);
    config["logging"] = json!([{"target_bucket": logs.id, "target_prefix": "x/"}]);
    let b = rig.update(b, config, &["cors_rule", "lifecycle_rule", "logging", "versioning"]).await;
    rig.import(&b, &name, &[]).await;
    rig.delete(b).await;
    rig.delete(logs).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bucket_with_objects() {
    let rig = Rig::new().await;
    let b = rig.create("aws_s3_bucket", json!({"bucket": unique("full"), "versioning": [{"enabled": true}]})).await;
    let raw = aws_sdk_s3::Client::from_conf(
        aws_sdk_s3::config::Builder::from(&rig.raw().await).force_path_style(true).build(),
    );
    for _ in 0..2 {
        raw.put_object().bucket(&b.id).key("k").send().await.unwrap();
    }
    raw.delete_object().bucket(&b.id).key("k").send().await.unwrap();
    let at = stackctl_core::Ref { id: b.id.clone(), known: b.state.clone(), wanted: None };
    let refused = rig.instance.delete("aws_s3_bucket", at).await.unwrap_err();
    assert!(refused.hint.unwrap().contains("force_destroy"));
    let config = json!({"bucket": b.id, "versioning": [{"enabled": true}], "force_destroy": true});
    let b = rig.update(b, config, &["force_destroy"]).await;
    rig.delete(b).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn versioning() {
    let rig = Rig::new().await;
    let b = bucket(&rig).await;
    let with = |status: &str| json!({"bucket": b.id, "versioning_configuration": [{"status": status}]});
    let v = rig.create("aws_s3_bucket_versioning", with("Enabled")).await;
    let v = rig.update(v, with("Suspended"), &["versioning_configuration"]).await;
    rig.import(&v, &b.id, &[]).await;
    rig.delete(v).await;
    let off = rig.create("aws_s3_bucket_versioning", with("Suspended")).await;
    rig.delete(off).await;
    rig.delete(b).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lifecycle_configuration() {
    let rig = Rig::new().await;
    let b = bucket(&rig).await;
    let with = |days: i32| {
        json!({"bucket": b.id, "rule": [
            {"id": "logs", "status": "Enabled", "filter": [{"prefix": "logs/"}], "expiration": [{"days": days}],
             "transition": [{"days": 5, "storage_class": "GLACIER"}],
             "noncurrent_version_expiration": [{"noncurrent_days": 3}],
             "abort_incomplete_multipart_upload": [{"days_after_initiation": 7}]},
            {"id": "all", "status": "Enabled", "filter": [{}], "noncurrent_version_transition":
                [{"noncurrent_days": 9, "newer_noncurrent_versions": 2, "storage_class": "STANDARD_IA"}]},
            {"id": "and", "status": "Enabled", "expiration": [{"days": 1}], "filter":
                [{"and": [{"prefix": "x", "tags": {"k": "v"}, "object_size_greater_than": 10}]}]},
            {"id": "tag", "status": "Disabled", "filter": [{"tag": [{"key": "k", "value": "v"}]}],
             "expiration": [{"date": "2030-01-01T00:00:00Z"}]},
            {"id": "size", "status": "Enabled", "filter": [{"object_size_less_than": 100}], "expiration": [{"days": 1}]},
        ]})
    };
    let l = rig.create("aws_s3_bucket_lifecycle_configuration", with(10)).await;
    let l = rig.update(l, with(20), &["rule"]).await;
    rig.import(&l, &b.id, &[]).await;
    rig.delete(l).await;
    rig.delete(b).await;
}
