//! Objects in an S3 bucket.

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{
    BucketVersioningStatus, ChecksumAlgorithm, Delete, ObjectCannedAcl, ObjectIdentifier, ServerSideEncryption,
};
use stackctl_aws::kit::connect::Connection;
use stackctl_core::BoxFuture;
use stackctl_state::store::{Answer, Blob, Cond, Listing, Objects, StoreError, StoreErrorKind, Version};

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
    /// It is AWS's own.
    known: bool,
}

impl Bucket {
    pub(crate) fn new(settings: &S3, (client, once): (Client, Client), connection: &Connection, known: bool) -> Bucket {
        Bucket {
            known,
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
    fn delete_all<'a>(&'a self, keys: &'a [String]) -> BoxFuture<'a, Vec<String>> {
        Box::pin(async move {
            let mut gone = Vec::new();
            // What one request takes.
            for group in keys.chunks(1000) {
                let ids: Result<Vec<_>, _> = group.iter().map(|k| ObjectIdentifier::builder().key(k).build()).collect();
                let all = ids.and_then(|ids| Delete::builder().set_objects(Some(ids)).build());
                let Ok(all) = all else { return gone };
                let sent = self.client.delete_objects().bucket(&self.name).delete(all).send().await;
                match sent {
                    Ok(out) => gone.extend(out.deleted().iter().filter_map(|d| d.key().map(str::to_owned))),
                    // A store that knows no such request.
                    Err(_) => {
                        for key in group {
                            if self.delete(key, None).await.is_ok() {
                                gone.push(key.clone());
                            }
                        }
                    }
                }
            }
            gone
        })
    }
    fn versions<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Answer<Vec<Version>>> {
        Box::pin(async move {
            let about = self.about("ListObjectVersions", "s3:ListBucketVersions", None);
            let mut out = Vec::new();
            let (mut after_key, mut after_version) = (None, None);
            loop {
                let sent = self.client.list_object_versions().bucket(&self.name).prefix(key);
                let sent = sent.set_key_marker(after_key.take()).set_version_id_marker(after_version.take()).send();
                let page = sent.await.map_err(|e| convert(&about, e))?;
                for v in page.versions().iter().filter(|v| v.key() == Some(key)) {
                    out.push(Version {
                        id: v.version_id().unwrap_or("null").to_owned(),
                        at: v.last_modified().and_then(|t| Version::moment(t.secs())),
                        size: v.size().and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
                        current: v.is_latest() == Some(true),
                        deleted: false,
                    });
                }
                for v in page.delete_markers().iter().filter(|v| v.key() == Some(key)) {
                    out.push(Version {
                        id: v.version_id().unwrap_or("null").to_owned(),
                        at: v.last_modified().and_then(|t| Version::moment(t.secs())),
                        size: 0,
                        current: v.is_latest() == Some(true),
                        deleted: true,
                    });
                }
                if page.is_truncated() != Some(true) {
                    break;
                }
                after_key = page.next_key_marker().map(str::to_owned);
                after_version = page.next_version_id_marker().map(str::to_owned);
                // Keys are listed in order: beyond ours there are only longer ones.
                if after_key.as_deref().is_none_or(|k| k > key) {
                    break;
                }
            }
            // Versions of a key come newest first, but apart from its delete markers. Times have whole seconds, so that the
            // order of the listing decides among equals.
            out.sort_by_key(|v| std::cmp::Reverse((v.current, v.at)));
            Ok(out)
        })
    }
    fn version<'a>(&'a self, key: &'a str, id: &'a str) -> BoxFuture<'a, Answer<Option<Vec<u8>>>> {
        Box::pin(async move {
            let about = self.about("GetObject", "s3:GetObjectVersion", Some(key));
            let (algorithm, customer, digest) = self.customer();
            let request = self.client.get_object().bucket(&self.name).key(key).version_id(id);
            let request = request.set_sse_customer_algorithm(algorithm).set_sse_customer_key(customer);
            let out = match request.set_sse_customer_key_md5(digest).send().await {
                Ok(out) => out,
                Err(e) => {
                    let e = convert(&about, e);
                    let code = e.call.as_ref().and_then(|c| c.code.as_deref()).unwrap_or_default();
                    // An id that no version has, one that S3 cannot even read, and a delete marker.
                    let none = matches!(code, "NoSuchVersion" | "InvalidArgument" | "MethodNotAllowed");
                    return if none { Ok(None) } else { absent(e) };
                }
            };
            let bytes = out.body.collect().await.map_err(|e| {
                StoreError::new(StoreErrorKind::Lost, format!("The answer to GetObject ended early: {e}"))
            })?;
            Ok(Some(bytes.to_vec()))
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
    fn versioned<'a>(&'a self) -> BoxFuture<'a, Answer<Option<bool>>> {
        Box::pin(async move {
            let about = self.about("GetBucketVersioning", "s3:GetBucketVersioning", None);
            let sent = self.client.get_bucket_versioning().bucket(&self.name).send().await;
            let out = sent.map_err(|e| convert(&about, e))?;
            Ok(Some(out.status() == Some(&BucketVersioningStatus::Enabled)))
        })
    }
    fn honours_conditions(&self) -> bool {
        self.known
    }
    fn statements(&self, prefix: &str) -> Option<String> {
        let bucket = format!("arn:{}:s3:::{}", self.partition, self.name);
        Some(format!(
            "[{{\"Effect\": \"Allow\", \"Action\": [\"s3:GetObject\", \"s3:PutObject\", \"s3:DeleteObject\"], \
             \"Resource\": \"{bucket}/{prefix}*\"}}, {{\"Effect\": \"Allow\", \"Action\": \"s3:ListBucket\", \
             \"Resource\": \"{bucket}\", \"Condition\": {{\"StringLike\": {{\"s3:prefix\": \"{prefix}*\"}}}}}}]"
        ))
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
