//! `aws_s3_bucket`.
//!
//! The bucket itself is two requests; everything else in this folder is its deprecated inline arguments, which have types
//! of their own today and are read only where somebody asks for them. [`settings`] holds most of them, [`lifecycle`] and
//! [`replication`] the two long ones, [`region`] names that follow from the region.

mod lifecycle;
pub(super) mod region;
mod replication;
mod routing;
mod settings;

use aws_sdk_s3::types::{
    BucketCannedAcl, BucketLocationConstraint, CreateBucketConfiguration, Delete, ObjectIdentifier, Tag, Tagging,
};
use stackctl_core::ErrorKind;

use self::settings::{Cors, Encryption, Grant, Logging, ObjectLock, Versioning, Website};
use crate::kit::prelude::*;

const OWN_TYPE: &str = "Use the resource type of this setting instead.";

/// A general purpose bucket.
///
/// Settings belong to resource types of their own (`aws_s3_bucket_versioning` …). The inline arguments are managed only
/// where they are configured, and an inline argument and its own type exclude each other.
#[derive(Clone, Debug, Resource)]
#[resource(
    type = "aws_s3_bucket",
    identity(name("bucket").silent().tagged()),
    exactly_one_of("website.index_document", "website.redirect_all_requests_to"),
    conflicts("acl", "grant"),
    conflicts("object_lock_configuration", "object_lock_enabled"),
    conflicts("website.redirect_all_requests_to", "website.error_document", "website.routing_rules"),
    timeouts(create = 1200, delete = 3600, read = 1200, update = 1200)
)]
pub(crate) struct Bucket {
    /// Transfer acceleration.
    #[attr(lazy, deprecated = OWN_TYPE, one_of("Enabled", "Suspended"))]
    acceleration_status: OptComputed<String>,
    /// Canned ACL; the service does not tell it.
    #[attr(deprecated = OWN_TYPE, one_of("private", "public-read", "public-read-write", "authenticated-read", "aws-exec-read", "log-delivery-write"))]
    acl: Local<OptComputed<String>>,
    /// ARN.
    #[attr(starts_with = "arn:")]
    arn: Computed<String>,
    /// Name, unique in the partition.
    #[attr(
        force_new,
        length(0, 63),
        prefix_max = 37,
        pattern(r"([a-z0-9][a-z0-9.-]*)?", "lower-case letters, digits, dots and hyphens")
    )]
    bucket: Name,
    /// Domain name.
    bucket_domain_name: Computed<String>,
    /// Domain name with the region.
    bucket_regional_domain_name: Computed<String>,
    /// Rules for requests from other origins.
    #[attr(lazy, deprecated = OWN_TYPE)]
    cors_rule: OptComputed<Vec<Cors>>,
    /// Delete all objects and versions, locked ones too, when the bucket is destroyed.
    #[attr(default = false)]
    force_destroy: Local<bool>,
    /// Grants of the ACL.
    #[attr(lazy, deprecated = OWN_TYPE)]
    grant: OptComputed<BTreeSet<Grant>>,
    /// Route 53 zone of the region's website endpoint.
    hosted_zone_id: Computed<String>,
    /// Lifecycle rules.
    #[attr(lazy, deprecated = OWN_TYPE)]
    lifecycle_rule: OptComputed<Vec<lifecycle::Rule>>,
    /// Where access is logged.
    #[attr(lazy, deprecated = OWN_TYPE)]
    logging: OptComputed<Logging>,
    /// Object lock, with its default retention.
    #[attr(
        lazy,
        force_new,
        deprecated = "Use `object_lock_enabled` and aws_s3_bucket_object_lock_configuration instead."
    )]
    object_lock_configuration: OptComputed<ObjectLock>,
    /// Whether objects can be locked.
    #[attr(lazy, force_new)]
    object_lock_enabled: OptComputed<bool>,
    /// Bucket policy.
    #[attr(lazy, json, deprecated = OWN_TYPE)]
    policy: OptComputed<Policy>,
    /// Region.
    region: Computed<String>,
    /// Replication to other buckets.
    #[attr(lazy, deprecated = OWN_TYPE)]
    replication_configuration: OptComputed<replication::Configuration>,
    /// Who pays for requests.
    #[attr(lazy, deprecated = OWN_TYPE, one_of("Requester", "BucketOwner"))]
    request_payer: OptComputed<String>,
    /// Default encryption.
    #[attr(lazy, deprecated = OWN_TYPE)]
    server_side_encryption_configuration: OptComputed<Encryption>,
    /// Tags.
    tags: Tags,
    /// Versioning.
    #[attr(lazy, deprecated = OWN_TYPE)]
    versioning: OptComputed<Versioning>,
    /// Static website.
    #[attr(lazy, deprecated = OWN_TYPE)]
    website: OptComputed<Website>,
    /// Domain of the website endpoint.
    #[attr(lazy, deprecated = "Use aws_s3_bucket_website_configuration instead.")]
    website_domain: Computed<String>,
    /// Website endpoint.
    #[attr(lazy, deprecated = "Use aws_s3_bucket_website_configuration instead.")]
    website_endpoint: Computed<String>,
}

impl Resource for Bucket {
    const ACTIONS: &'static [&'static str] = &[
        "s3:BypassGovernanceRetention",
        "s3:CreateBucket",
        "s3:DeleteBucket",
        "s3:DeleteBucketPolicy",
        "s3:DeleteBucketWebsite",
        "s3:DeleteObject",
        "s3:DeleteObjectVersion",
        "s3:GetAccelerateConfiguration",
        "s3:GetBucketAcl",
        "s3:GetBucketCORS",
        "s3:GetBucketLogging",
        "s3:GetBucketObjectLockConfiguration",
        "s3:GetBucketPolicy",
        "s3:GetBucketRequestPayment",
        "s3:GetBucketTagging",
        "s3:GetBucketVersioning",
        "s3:GetBucketWebsite",
        "s3:GetEncryptionConfiguration",
        "s3:GetLifecycleConfiguration",
        "s3:GetReplicationConfiguration",
        "s3:ListBucket",
        "s3:ListBucketVersions",
        "s3:PutAccelerateConfiguration",
        "s3:PutBucketAcl",
        "s3:PutBucketCORS",
        "s3:PutBucketLogging",
        "s3:PutBucketObjectLockConfiguration",
        "s3:PutBucketPolicy",
        "s3:PutBucketRequestPayment",
        "s3:PutBucketTagging",
        "s3:PutBucketVersioning",
        "s3:PutBucketWebsite",
        "s3:PutEncryptionConfiguration",
        "s3:PutLifecycleConfiguration",
        "s3:PutReplicationConfiguration",
        "s3:TagResource",
    ];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let at = only(at);
        let (head, tags) = futures::join!(cx.s3().head_bucket().bucket(&at.id).send(), tags(cx, &at.id));
        let region = head?.bucket_region.unwrap_or_else(|| cx.region().to_owned());
        let value = settings::read(cx, at, region, tags?).await?;
        Ok(vec![at.live(&at.id, value)])
    }

    async fn create(cx: &Cx, new: &Self) -> Result<String> {
        let acl = BucketCannedAcl::from(new.acl.as_deref().unwrap_or("private"));
        let tags = new.tags.iter().map(tag).collect::<Result<Vec<_>>>()?;
        let place = Some(cx.region()).filter(|r| *r != "us-east-1").map(BucketLocationConstraint::from);
        let configuration = CreateBucketConfiguration::builder()
            .set_location_constraint(place.clone())
            .set_tags(Some(tags.clone()).filter(|t| !t.is_empty()))
            .build();
        let locked = new.object_lock_configuration.as_ref().is_some_and(ObjectLock::enabled);
        cx.s3()
            .create_bucket()
            .bucket(&new.bucket)
            .acl(acl)
            .set_create_bucket_configuration(Some(configuration).filter(|_| place.is_some() || !tags.is_empty()))
            .set_object_lock_enabled_for_bucket(Some(true).filter(|_| locked || new.object_lock_enabled == Some(true)))
            .send()
            .await
            .map_err(|e| {
                let e = Error::from(e);
                let hint = "Creating a bucket with tags needs s3:TagResource beside s3:CreateBucket.";
                if e.kind() == ErrorKind::Denied { Error(e.0.hinted(hint)) } else { e }
            })?;
        Ok(new.bucket.clone())
    }

    async fn delete(cx: &Cx, at: &Ref<Self>) -> Result<()> {
        let first = cx.s3().delete_bucket().bucket(&at.id).send().await.map_err(Error::from);
        match first {
            Err(e) if e.code() == "BucketNotEmpty" && at.known.force_destroy => {
                empty(cx, &at.id, at.known.object_lock_enabled == Some(true)).await?;
                cx.s3().delete_bucket().bucket(&at.id).send().await?;
                Ok(())
            }
            Err(e) if e.code() == "BucketNotEmpty" => {
                // Nothing but the user empties it: waiting, as for other uses, would be in vain.
                let hint = "Empty it, or set `force_destroy = true` and apply before destroying.";
                Err(Error(stackctl_core::Error { kind: ErrorKind::Invalid, ..e.0 }.hinted(hint)))
            }
            done => done.map(|_| ()),
        }
    }

    async fn retag(cx: &Cx, at: &[Ref<Self>], add: &Tags, remove: &[String]) -> Result<()> {
        futures::future::try_join_all(at.iter().map(|r| retag(cx, &r.id, add, remove))).await?;
        Ok(())
    }

    fn plan(draft: &mut Draft<'_>) {
        // A bucket with inline object lock is one with object lock: the two arguments describe the same thing.
        if draft.is_create() && *draft.config("object_lock_enabled") == Partial::Null {
            let inline = draft.config("object_lock_configuration");
            if matches!(inline, Partial::List(l) if l.iter().any(|b| b.get("object_lock_enabled").as_str() == Some("Enabled")))
            {
                draft.set("object_lock_enabled", Partial::Bool(true));
            }
        }
    }
}

impl Update for Bucket {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        settings::update(cx, ch).await
    }
}

fn tag((key, value): (&str, &str)) -> Result<Tag> {
    Ok(Tag::builder().key(key).value(value).build()?)
}

async fn tags(cx: &Cx, bucket: &str) -> Result<Tags> {
    let found = cx.s3().get_bucket_tagging().bucket(bucket).send().await.map_err(Error::from);
    match found {
        Err(e) if e.code().starts_with("NoSuchTagSet") => Ok(Tags::default()),
        found => Ok(Tags::from_pairs(found?.tag_set().iter().map(|t| (Some(t.key()), Some(t.value()))))),
    }
}

/// The service knows the whole set only.
async fn retag(cx: &Cx, bucket: &str, add: &Tags, remove: &[String]) -> Result<()> {
    let mut all = tags(cx, bucket).await?;
    all.0.retain(|k, _| !remove.contains(k));
    all.0.extend(add.0.clone());
    if all.is_empty() {
        cx.s3().delete_bucket_tagging().bucket(bucket).send().await?;
        return Ok(());
    }
    let set = all.iter().map(tag).collect::<Result<Vec<_>>>()?;
    let tagging = Tagging::builder().set_tag_set(Some(set)).build()?;
    cx.s3().put_bucket_tagging().bucket(bucket).tagging(tagging).send().await?;
    Ok(())
}

/// Deletes every version of every object.
async fn empty(cx: &Cx, bucket: &str, locked: bool) -> Result<()> {
    loop {
        let page = cx.s3().list_object_versions().bucket(bucket).send().await?;
        let versions = page.versions().iter().map(|v| (v.key(), v.version_id()));
        let markers = page.delete_markers().iter().map(|m| (m.key(), m.version_id()));
        let objects = versions
            .chain(markers)
            .map(|(key, version)| {
                let b = ObjectIdentifier::builder().key(key.unwrap_or_default());
                Ok(b.set_version_id(version.map(str::to_owned)).build()?)
            })
            .collect::<Result<Vec<_>>>()?;
        if objects.is_empty() {
            return Ok(());
        }
        let delete = Delete::builder().set_objects(Some(objects)).quiet(true).build()?;
        let call = cx.s3().delete_objects().bucket(bucket).delete(delete);
        let done = call.set_bypass_governance_retention(locked.then_some(true)).send().await?;
        if let Some(e) = done.errors().first() {
            let (key, why) = (e.key().unwrap_or_default(), e.message().or(e.code()).unwrap_or_default());
            return Err(Error::invalid(format!("Object {key:?} cannot be deleted: {why}")));
        }
    }
}
