//! Making what an `s3` block needs, so that it is safe to keep states there: a bucket with versions, closed to the public
//! and to plain HTTP, encrypted with a key of its own that also seals states; a lock table where the block names one.
//!
//! Every step looks first and changes only what is missing, so that running it again changes nothing, and a run that
//! was interrupted is completed by the next one. What others have set up is added to and never replaced.

use aws_sdk_kms::types::Tag;
use aws_sdk_s3::Client;
use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, BucketVersioningStatus, ExpirationStatus,
    LifecycleExpiration, LifecycleRule, LifecycleRuleFilter, NoncurrentVersionExpiration,
    PublicAccessBlockConfiguration, ServerSideEncryption, ServerSideEncryptionByDefault,
    ServerSideEncryptionConfiguration, ServerSideEncryptionRule, VersioningConfiguration,
};
use serde_json::{Value as Json, json};
use stackctl_aws::kit::connect::{Connection, connect};
use stackctl_aws::kit::errors::sdk;
use stackctl_core::{Error, ErrorKind, Host, Known, Result};

use crate::config::S3;
use crate::errors::About;
use crate::keys::{TAG, client, default_key};
use crate::{clients, ensure};

/// Id of our lifecycle rule.
const RULE: &str = "stackctl-old-versions";
/// Statement of our bucket policy.
const STATEMENT: &str = "StackctlTlsOnly";
/// Earlier versions of a state go after this many days, and never while they are among the newest.
const DAYS: i32 = 365;
const NEWEST: i32 = 50;

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was there.
    Found,
    /// It was missing and is there now.
    Made,
}

/// One thing that the backend needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it is, for users.
    pub what: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// Makes what is missing of a block's bucket, key and table. `seal` makes the key one that seals new states.
///
/// # Errors
/// If something can be neither found nor made. What was made before stays; another run goes on from there.
pub async fn bootstrap(config: &Known, host: &Host, seal: bool) -> Result<Vec<Step>> {
    let settings = S3::decode(config, &host.env)?;
    let connection = connect(&settings.connection, host).await?;
    prepare(&settings, &connection, seal).await.map_err(|e| with_permission(e, &settings, &connection))
}

async fn prepare(settings: &S3, connection: &Connection, seal: bool) -> Result<Vec<Step>> {
    let (s3, _) = clients(settings, connection);
    let name = settings.bucket.as_str();
    let mut steps = Vec::new();
    let mut step = |what: String, made: bool| {
        steps.push(Step { what, outcome: if made { Outcome::Made } else { Outcome::Found } });
    };
    let made = ensure::bucket(&s3, name, &connection.region).await?;
    step(format!("bucket {name} in {}", connection.region), made);
    step("versions of its objects".to_owned(), versioning(&s3, name).await?);
    step("no public access".to_owned(), public_access(&s3, name).await?);
    step("TLS only".to_owned(), policy(&s3, name, connection.partition).await?);
    step(format!("old versions go after {DAYS} days, never the newest {NEWEST}"), lifecycle(&s3, name).await?);
    let (key, made) = encryption(settings, &s3, connection).await?;
    step(format!("encrypted with the KMS key {key}"), made);
    if seal {
        step("new states are sealed with it".to_owned(), mark(connection, &key, name).await?);
    }
    if let Some(table) = &settings.table {
        let made = ensure::table(&aws_sdk_dynamodb::Client::new(&connection.sdk_for("dynamodb")), table).await?;
        step(format!("lock table {table}"), made);
    }
    Ok(steps)
}

/// An error that says which permission it was for, if it was for one.
fn with_permission(mut e: Error, settings: &S3, connection: &Connection) -> Error {
    let call = e.call.as_ref().filter(|_| e.kind == ErrorKind::Denied && e.hint.is_none());
    if let Some(call) = call {
        let action = action(&call.service, &call.operation);
        let resource = match (call.service.as_str(), &settings.table) {
            ("s3", _) => format!("arn:{}:s3:::{}", connection.partition, settings.bucket),
            ("dynamodb", Some(table)) => {
                format!("arn:{}:dynamodb:{}:*:table/{table}", connection.partition, connection.region)
            }
            _ => "*".to_owned(),
        };
        e.hint = Some(format!(
            "Whoever prepares a backend needs: {{\"Effect\": \"Allow\", \"Action\": \"{action}\", \
             \"Resource\": \"{resource}\"}}"
        ));
    }
    e
}

/// The permission that an operation needs, where it has another name.
fn action(service: &str, operation: &str) -> String {
    let named = match operation {
        "HeadBucket" => "ListBucket",
        "GetPublicAccessBlock" => "GetBucketPublicAccessBlock",
        "PutPublicAccessBlock" => "PutBucketPublicAccessBlock",
        "GetBucketLifecycleConfiguration" => "GetLifecycleConfiguration",
        "PutBucketLifecycleConfiguration" => "PutLifecycleConfiguration",
        "GetBucketEncryption" => "GetEncryptionConfiguration",
        "PutBucketEncryption" => "PutEncryptionConfiguration",
        other => other,
    };
    format!("{service}:{named}")
}

async fn versioning(s3: &Client, name: &str) -> Result<bool> {
    let now = s3.get_bucket_versioning().bucket(name).send().await;
    let now = now.map_err(|e| sdk("s3", "GetBucketVersioning", e))?;
    if now.status() == Some(&BucketVersioningStatus::Enabled) {
        return Ok(false);
    }
    let on = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    let sent = s3.put_bucket_versioning().bucket(name).versioning_configuration(on).send().await;
    sent.map(|_| true).map_err(|e| sdk("s3", "PutBucketVersioning", e))
}

async fn public_access(s3: &Client, name: &str) -> Result<bool> {
    let closed = PublicAccessBlockConfiguration::builder()
        .block_public_acls(true)
        .block_public_policy(true)
        .ignore_public_acls(true)
        .restrict_public_buckets(true)
        .build();
    match s3.get_public_access_block().bucket(name).send().await {
        Ok(now) if now.public_access_block_configuration() == Some(&closed) => return Ok(false),
        Ok(_) => {}
        Err(e) => absent(sdk("s3", "GetPublicAccessBlock", e), "NoSuchPublicAccessBlockConfiguration")?,
    }
    let sent = s3.put_public_access_block().bucket(name).public_access_block_configuration(closed).send().await;
    sent.map(|_| true).map_err(|e| sdk("s3", "PutPublicAccessBlock", e))
}

/// Nothing, if the error says that the thing is not set up.
fn absent(e: Error, code: &str) -> Result<()> {
    let says = e.call.as_ref().and_then(|c| c.code.as_deref()) == Some(code);
    if says { Ok(()) } else { Err(e) }
}

async fn policy(s3: &Client, name: &str, partition: &str) -> Result<bool> {
    let there = match s3.get_bucket_policy().bucket(name).send().await {
        Ok(p) => p.policy().map(str::to_owned),
        Err(e) => {
            absent(sdk("s3", "GetBucketPolicy", e), "NoSuchBucketPolicy")?;
            None
        }
    };
    let Some(new) = tls_only(there.as_deref(), name, partition)? else { return Ok(false) };
    let sent = s3.put_bucket_policy().bucket(name).policy(new).send().await;
    sent.map(|_| true).map_err(|e| sdk("s3", "PutBucketPolicy", e))
}

/// The policy with a statement that refuses plain HTTP; `None` if it has one.
fn tls_only(there: Option<&str>, name: &str, partition: &str) -> Result<Option<String>> {
    let mut policy = match there {
        None => json!({"Version": "2012-10-17", "Statement": []}),
        Some(text) => serde_json::from_str(text)
            .map_err(|e| Error::invalid(format!("The policy of the bucket {name:?} cannot be read: {e}.")))?,
    };
    let ours = json!({
        "Sid": STATEMENT,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [format!("arn:{partition}:s3:::{name}"), format!("arn:{partition}:s3:::{name}/*")],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    });
    let statements = policy.get_mut("Statement").map(Json::take).unwrap_or_default();
    let mut statements = match statements {
        Json::Array(a) => a,
        Json::Null => Vec::new(),
        one => vec![one],
    };
    if statements.contains(&ours) {
        return Ok(None);
    }
    statements.retain(|s| s.get("Sid").and_then(Json::as_str) != Some(STATEMENT));
    statements.push(ours);
    policy["Statement"] = Json::Array(statements);
    Ok(Some(policy.to_string()))
}

/// A rule for versions that nobody needs. It touches no object that is current, and journals are current until a fold
/// has deleted them: the fences of displaced writers stay as long as their owner wants.
async fn lifecycle(s3: &Client, name: &str) -> Result<bool> {
    let mut rules = match s3.get_bucket_lifecycle_configuration().bucket(name).send().await {
        Ok(now) => now.rules().to_vec(),
        Err(e) => {
            absent(sdk("s3", "GetBucketLifecycleConfiguration", e), "NoSuchLifecycleConfiguration")?;
            Vec::new()
        }
    };
    if rules.iter().any(|r| r.id() == Some(RULE)) {
        return Ok(false);
    }
    let incomplete = |e: aws_sdk_s3::error::BuildError| Error::invalid(e.to_string());
    let old = NoncurrentVersionExpiration::builder().noncurrent_days(DAYS).newer_noncurrent_versions(NEWEST).build();
    let rule = LifecycleRule::builder()
        .id(RULE)
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix("").build())
        .noncurrent_version_expiration(old)
        .expiration(LifecycleExpiration::builder().expired_object_delete_marker(true).build())
        .abort_incomplete_multipart_upload(AbortIncompleteMultipartUpload::builder().days_after_initiation(7).build());
    rules.push(rule.build().map_err(incomplete)?);
    let all = BucketLifecycleConfiguration::builder().set_rules(Some(rules)).build().map_err(incomplete)?;
    let sent = s3.put_bucket_lifecycle_configuration().bucket(name).lifecycle_configuration(all).send().await;
    sent.map(|_| true).map_err(|e| sdk("s3", "PutBucketLifecycleConfiguration", e))
}

/// The key of the bucket's default encryption; made where it has none.
async fn encryption(settings: &S3, s3: &Client, connection: &Connection) -> Result<(String, bool)> {
    let name = settings.bucket.as_str();
    let about = About {
        service: "s3",
        operation: "GetBucketEncryption",
        action: "s3:GetEncryptionConfiguration",
        resource: format!("arn:{}:s3:::{name}", connection.partition),
        name,
        region: &connection.region,
    };
    let now = default_key(s3, &about).await;
    let now = now.map_err(|e| {
        let mut error = Error::invalid(e.message);
        error.hint = e.hint;
        error
    })?;
    if let Some(key) = now {
        return Ok((key, false));
    }
    let key = key(connection, name).await?;
    let incomplete = |e: aws_sdk_s3::error::BuildError| Error::invalid(e.to_string());
    let default = ServerSideEncryptionByDefault::builder()
        .sse_algorithm(ServerSideEncryption::AwsKms)
        .kms_master_key_id(&key)
        .build()
        .map_err(incomplete)?;
    let rule =
        ServerSideEncryptionRule::builder().apply_server_side_encryption_by_default(default).bucket_key_enabled(true);
    let all = ServerSideEncryptionConfiguration::builder().rules(rule.build()).build().map_err(incomplete)?;
    let sent = s3.put_bucket_encryption().bucket(name).server_side_encryption_configuration(all).send().await;
    sent.map_err(|e| sdk("s3", "PutBucketEncryption", e))?;
    Ok((key, true))
}

/// The key under our alias; made where there is none.
async fn key(connection: &Connection, bucket: &str) -> Result<String> {
    let kms = client(&connection.sdk_for("kms"), "");
    let alias = format!("alias/stackctl-state-{}", bucket.replace('.', "-"));
    match kms.describe_key().key_id(&alias).send().await {
        Ok(out) => {
            let key = out.key_metadata().and_then(|m| m.arn()).map(str::to_owned);
            return key.ok_or_else(|| Error::invalid(format!("The key {alias} has no ARN.")));
        }
        Err(e) if e.as_service_error().is_some_and(|e| e.is_not_found_exception()) => {}
        Err(e) => return Err(sdk("kms", "DescribeKey", e)),
    }
    // A run that was interrupted may have left a key without its alias; its tag names the bucket.
    let (id, arn) = match orphan(&kms, bucket).await? {
        Some(found) => found,
        None => create(&kms, bucket).await?,
    };
    let rotated = kms.enable_key_rotation().key_id(&id).send().await;
    rotated.map_err(|e| sdk("kms", "EnableKeyRotation", e))?;
    let named = kms.create_alias().alias_name(&alias).target_key_id(&id).send().await;
    named.map_err(|e| sdk("kms", "CreateAlias", e))?;
    Ok(arn)
}

/// Tag of keys that `bootstrap` made, with the bucket's name.
const OWNER: &str = "stackctl:bucket";

async fn create(kms: &aws_sdk_kms::Client, bucket: &str) -> Result<(String, String)> {
    let incomplete = |e: aws_sdk_kms::error::BuildError| Error::invalid(e.to_string());
    let tag = Tag::builder().tag_key(OWNER).tag_value(bucket).build().map_err(incomplete)?;
    let made = kms.create_key().description(format!("States in the bucket {bucket}")).tags(tag).send().await;
    let made = made.map_err(|e| sdk("kms", "CreateKey", e))?;
    let meta = made.key_metadata().and_then(|m| Some((m.key_id().to_owned(), m.arn()?.to_owned())));
    meta.ok_or_else(|| Error::invalid("The answer to CreateKey names no key."))
}

async fn orphan(kms: &aws_sdk_kms::Client, bucket: &str) -> Result<Option<(String, String)>> {
    let mut pages = kms.list_keys().into_paginator().items().send();
    while let Some(entry) = pages.next().await {
        let entry = entry.map_err(|e| sdk("kms", "ListKeys", e))?;
        let (Some(id), Some(arn)) = (entry.key_id(), entry.key_arn()) else { continue };
        // Keys whose tags are not ours to see are not ours.
        let Ok(tags) = kms.list_resource_tags().key_id(id).send().await else { continue };
        if !tags.tags().iter().any(|t| t.tag_key() == OWNER && t.tag_value() == bucket) {
            continue;
        }
        let about = kms.describe_key().key_id(id).send().await.map_err(|e| sdk("kms", "DescribeKey", e))?;
        if about.key_metadata().is_some_and(|m| m.enabled()) {
            return Ok(Some((id.to_owned(), arn.to_owned())));
        }
    }
    Ok(None)
}

/// Marks a key as one that seals new states.
async fn mark(connection: &Connection, key: &str, bucket: &str) -> Result<bool> {
    let kms = client(&connection.sdk_for("kms"), key);
    let now = kms.list_resource_tags().key_id(key).send().await.map_err(|e| sdk("kms", "ListResourceTags", e))?;
    if now.tags().iter().any(|t| t.tag_key() == TAG) {
        return Ok(false);
    }
    let incomplete = |e: aws_sdk_kms::error::BuildError| Error::invalid(e.to_string());
    let tag = Tag::builder().tag_key(TAG).tag_value(bucket).build().map_err(incomplete)?;
    let sent = kms.tag_resource().key_id(key).tags(tag).send().await;
    sent.map(|_| true).map_err(|e| sdk("kms", "TagResource", e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_keeps_what_others_said() {
        let fresh = tls_only(None, "b", "aws").unwrap().unwrap();
        assert!(fresh.contains("aws:SecureTransport") && fresh.contains("arn:aws:s3:::b/*"));
        assert_eq!(tls_only(Some(&fresh), "b", "aws").unwrap(), None, "a second run changes nothing");
        let other = r#"{"Version":"2012-10-17","Statement":{"Sid":"Theirs","Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*"}}"#;
        let both = tls_only(Some(other), "b", "aws").unwrap().unwrap();
        assert!(both.contains("Theirs") && both.contains(STATEMENT));
        let outdated = fresh.replace("\"s3:*\"", "\"s3:PutObject\"");
        let mended: Json = serde_json::from_str(&tls_only(Some(&outdated), "b", "aws").unwrap().unwrap()).unwrap();
        assert_eq!(mended["Statement"].as_array().unwrap().len(), 1);
        assert!(tls_only(Some("{"), "b", "aws").is_err());
    }
}
