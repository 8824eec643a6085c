//! Data keys from KMS: what seals the states of a bucket.

use std::sync::Arc;

use aws_sdk_kms::Client;
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;
use aws_types::SdkConfig;
use aws_types::region::Region;
use stackctl_aws::kit::connect::Connection;
use stackctl_core::BoxFuture;
use stackctl_state::seal::{DataKey, DataKeys, Generated, Home};
use stackctl_state::store::{Answer, StoreError, StoreErrorKind};

use crate::config::{Encryption, S3};
use crate::errors::{About, convert};

/// Tag of keys that seal new states; its value is the bucket's name.
pub(crate) const TAG: &str = "stackctl:seal";

/// What every data key is bound to.
const CONTEXT: (&str, &str) = ("stackctl", "state");

/// KMS, and the bucket whose default encryption may name a key.
pub(crate) struct Kms {
    sdk: SdkConfig,
    region: String,
    partition: &'static str,
    s3: aws_sdk_s3::Client,
    bucket: String,
    /// Key of the block.
    key: Option<String>,
}

impl Kms {
    pub(crate) fn new(settings: &S3, s3: aws_sdk_s3::Client, connection: &Connection) -> Kms {
        let key = match &settings.encryption {
            Encryption::Kms(id) => Some(id.clone()),
            Encryption::Bucket | Encryption::Aes | Encryption::Customer(_) => None,
        };
        let sdk = connection.sdk_for("kms");
        let (region, partition) = (connection.region.clone(), connection.partition);
        Kms { sdk, region, partition, s3, bucket: settings.bucket.clone(), key }
    }
    fn about<'a>(&'a self, operation: &'static str, action: &'static str, key: &'a str) -> About<'a> {
        let resource = if key.starts_with("arn:") { key.to_owned() } else { "*".to_owned() };
        About { service: "kms", operation, action, resource, name: key, region: &self.region }
    }
    fn client(&self, key: &str) -> Client {
        client(&self.sdk, key)
    }
    async fn prepared(&self, key: &str) -> Answer<bool> {
        let about = self.about("ListResourceTags", "kms:ListResourceTags", key);
        let mut pages = self.client(key).list_resource_tags().key_id(key).into_paginator().send();
        while let Some(page) = pages.next().await {
            match page {
                Ok(page) if page.tags().iter().any(|t| t.tag_key() == TAG) => return Ok(true),
                Ok(_) => {}
                Err(e) => return Err(convert(&about, e)),
            }
        }
        Ok(false)
    }
}

/// A client in the region of a key.
pub(crate) fn client(sdk: &SdkConfig, key: &str) -> Client {
    let region = key.strip_prefix("arn:").and_then(|k| k.split(':').nth(2)).filter(|r| !r.is_empty());
    match region {
        Some(r) => Client::new(&sdk.to_builder().region(Region::new(r.to_owned())).build()),
        None => Client::new(sdk),
    }
}

/// The KMS key that encrypts new objects of a bucket, where it is not S3's own; `None` without one.
pub(crate) async fn default_key(s3: &aws_sdk_s3::Client, about: &About<'_>) -> Answer<Option<String>> {
    let out = match s3.get_bucket_encryption().bucket(about.name).send().await {
        Ok(out) => out,
        Err(e) => {
            let e = convert(about, e);
            let none = e.call.as_ref().and_then(|c| c.code.as_deref())
                == Some("ServerSideEncryptionConfigurationNotFoundError");
            return if none || e.kind == StoreErrorKind::NotFound { Ok(None) } else { Err(e) };
        }
    };
    let rules = out.server_side_encryption_configuration().map(|c| c.rules()).unwrap_or_default();
    let key = rules
        .iter()
        .filter_map(|r| r.apply_server_side_encryption_by_default())
        .find_map(|d| d.kms_master_key_id())
        .filter(|k| !k.ends_with("alias/aws/s3"));
    Ok(key.map(str::to_owned))
}

impl DataKeys for Kms {
    fn home<'a>(&'a self) -> BoxFuture<'a, Answer<Option<Home>>> {
        Box::pin(async {
            let key = match &self.key {
                Some(k) => Some(k.clone()),
                None => {
                    let about = About {
                        service: "s3",
                        operation: "GetBucketEncryption",
                        action: "s3:GetEncryptionConfiguration",
                        resource: format!("arn:{}:s3:::{}", self.partition, self.bucket),
                        name: &self.bucket,
                        region: &self.region,
                    };
                    default_key(&self.s3, &about).await?
                }
            };
            let Some(key) = key else { return Ok(None) };
            let prepared = match self.prepared(&key).await {
                Ok(p) => p,
                Err(e) if e.is_transient() => return Err(e),
                // Who may not look at the tags cannot know; the key still serves on request.
                Err(_) => false,
            };
            Ok(Some(Home { key, prepared }))
        })
    }
    fn generate<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Answer<Generated>> {
        Box::pin(async move {
            let about = self.about("GenerateDataKey", "kms:GenerateDataKey", key);
            let request = self.client(key).generate_data_key().key_id(key).key_spec(DataKeySpec::Aes256);
            let out = request.encryption_context(CONTEXT.0, CONTEXT.1).send().await.map_err(|e| convert(&about, e))?;
            let by = out.key_id().unwrap_or(key).to_owned();
            let made = out.plaintext().zip(out.ciphertext_blob()).and_then(|(plain, wrapped)| {
                Some(Generated { key: data_key(plain.as_ref())?, wrapped: wrapped.as_ref().to_vec(), by })
            });
            made.ok_or_else(|| incomplete("GenerateDataKey"))
        })
    }
    fn unwrap<'a>(&'a self, key: &'a str, wrapped: &'a [u8]) -> BoxFuture<'a, Answer<Arc<DataKey>>> {
        Box::pin(async move {
            let about = self.about("Decrypt", "kms:Decrypt", key);
            let request = self.client(key).decrypt().key_id(key).ciphertext_blob(Blob::new(wrapped));
            let out = request.encryption_context(CONTEXT.0, CONTEXT.1).send().await.map_err(|e| convert(&about, e))?;
            out.plaintext().and_then(|p| data_key(p.as_ref())).ok_or_else(|| incomplete("Decrypt"))
        })
    }
}

fn data_key(bytes: &[u8]) -> Option<Arc<DataKey>> {
    DataKey::new(bytes).map(Arc::new)
}

fn incomplete(operation: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Other, format!("The answer to {operation} has no usable key"))
}
