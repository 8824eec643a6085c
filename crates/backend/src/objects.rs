//! Objects in an S3 bucket.

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, ObjectCannedAcl, ServerSideEncryption};
use stackctl_aws::kit::connect::Connection;
use stackctl_core::BoxFuture;
use stackctl_state::store::{Answer, Blob, Cond, Listing, Objects, StoreError, StoreErrorKind};

use crate::config::{Encryption, S3};
use crate::errors::{About, convert};

/// One bucket with the settings of its block.
pub(crate) struct Bucket {
    client: Client,
    /// Never repeats a request.
    once: Client,
    name: String,
    region: String,
    partition: &'static str,
    encryption: Encryption,
    acl: Option<ObjectCannedAcl>,
    checksums: bool,
}

impl Bucket {
    pub(crate) fn new(settings: &S3, (client, once): (Client, Client), connection: &Connection) -> Bucket {
        Bucket {
            client,
            once,
            name: settings.bucket.clone(),
            region: connection.region.clone(),
            partition: connection.partition,
            encryption: settings.encryption.clone(),
            acl: settings.acl.as_deref().map(ObjectCannedAcl::from),
            checksums: settings.checksums,
        }
    }
    fn about(&self, operation: &'static str, action: &'static str, key: Option<&str>) -> About<'_> {
        let key = key.map(|k| format!("/{k}")).unwrap_or_default();
        About {
            service: "s3",
            operation,
            action,
            resource: format!("arn:{}:s3:::{}{key}", self.partition, self.name),
            name: &self.name,
            region: &self.region,
        }
    }
    /// Algorithm, key and its digest, where each request carries the key.
    fn customer(&self) -> (Option<String>, Option<String>, Option<String>) {
        match &self.encryption {
            Encryption::Customer(k) => (Some("AES256".to_owned()), Some(k.key.clone()), Some(k.md5.clone())),
            _ => (None, None, None),
        }
    }
}

impl Objects for Bucket {
    fn get<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Answer<Option<Blob>>> {
        Box::pin(async move {
            let about = self.about("GetObject", "s3:GetObject", Some(key));
            let (algorithm, customer, digest) = self.customer();
            let sent = self
                .client
                .get_object()
                .bucket(&self.name)
                .key(key)
                .set_sse_customer_algorithm(algorithm)
                .set_sse_customer_key(customer)
                .set_sse_customer_key_md5(digest)
                .send()
                .await;
            let out = match sent {
                Ok(out) => out,
                Err(e) => return absent(convert(&about, e)),
            };
            let etag = out.e_tag().unwrap_or_default().to_owned();
            let bytes = out.body.collect().await.map_err(|e| {
                StoreError::new(StoreErrorKind::Lost, format!("The answer to GetObject ended early: {e}"))
            })?;
            Ok(Some(Blob { bytes: bytes.to_vec(), etag }))
        })
    }
    fn head<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Answer<Option<String>>> {
        Box::pin(async move {
            let about = self.about("HeadObject", "s3:GetObject", Some(key));
            let (algorithm, customer, digest) = self.customer();
            let sent = self
                .client
                .head_object()
                .bucket(&self.name)
                .key(key)
                .set_sse_customer_algorithm(algorithm)
                .set_sse_customer_key(customer)
                .set_sse_customer_key_md5(digest)
                .send()
                .await;
            match sent {
                Ok(out) => Ok(Some(out.e_tag().unwrap_or_default().to_owned())),
                Err(e) => absent(convert(&about, e)),
            }
        })
    }
    fn put<'a>(&'a self, key: &'a str, bytes: Vec<u8>, cond: Cond) -> BoxFuture<'a, Answer<String>> {
        Box::pin(async move {
            let about = self.about("PutObject", "s3:PutObject", Some(key));
            let client = if cond == Cond::Always { &self.client } else { &self.once };
            let (algorithm, customer, digest) = self.customer();
            let (encryption, kms) = match &self.encryption {
                Encryption::Aes => (Some(ServerSideEncryption::Aes256), None),
                Encryption::Kms(id) => (Some(ServerSideEncryption::AwsKms), Some(id.clone())),
                Encryption::Bucket | Encryption::Customer(_) => (None, None),
            };
            let (is, absent) = match cond {
                Cond::Always => (None, None),
                Cond::Absent => (None, Some("*".to_owned())),
                Cond::Is(etag) => (Some(etag), None),
            };
            let out = client
                .put_object()
                .bucket(&self.name)
                .key(key)
                .content_type("application/json")
                .content_length(i64::try_from(bytes.len()).unwrap_or(i64::MAX))
                .body(ByteStream::from(bytes))
                .set_if_match(is)
                .set_if_none_match(absent)
                .set_acl(self.acl.clone())
                .set_checksum_algorithm(self.checksums.then_some(ChecksumAlgorithm::Sha256))
                .set_server_side_encryption(encryption)
                .set_ssekms_key_id(kms)
                .set_sse_customer_algorithm(algorithm)
                .set_sse_customer_key(customer)
                .set_sse_customer_key_md5(digest)
                .send()
                .await
                .map_err(|e| convert(&about, e))?;
            Ok(out.e_tag().unwrap_or_default().to_owned())
        })
    }
    fn delete<'a>(&'a self, key: &'a str, version: Option<String>) -> BoxFuture<'a, Answer<()>> {
        Box::pin(async move {
            let about = self.about("DeleteObject", "s3:DeleteObject", Some(key));
            let client = if version.is_none() { &self.client } else { &self.once };
            let sent = client.delete_object().bucket(&self.name).key(key).set_if_match(version).send().await;
            match sent.map_err(|e| convert(&about, e)) {
                Err(e) if e.kind == StoreErrorKind::NotFound => Ok(()),
                r => r.map(|_| ()),
            }
        })
    }
    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Answer<Listing>> {
        Box::pin(async move {
            let about = self.about("ListObjectsV2", "s3:ListBucket", None);
            let mut keys = Vec::new();
            let mut pages =
                self.client.list_objects_v2().bucket(&self.name).prefix(prefix).max_keys(1000).into_paginator().send();
            while let Some(page) = pages.next().await {
                let page = page.map_err(|e| convert(&about, e))?;
                keys.extend(page.contents().iter().filter_map(|o| o.key().map(str::to_owned)));
            }
            keys.sort();
            Ok(Listing { keys })
        })
    }
    fn place(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.name)
    }
    fn path(&self, key: &str) -> String {
        format!("{}/{key}", self.name)
    }
}

fn absent<T>(e: StoreError) -> Answer<Option<T>> {
    if e.kind == StoreErrorKind::NotFound { Ok(None) } else { Err(e) }
}
