//! Inline lifecycle rules of a bucket, in their old form.

use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, ExpirationStatus, LifecycleExpiration, LifecycleRule,
    LifecycleRuleAndOperator, LifecycleRuleFilter, NoncurrentVersionExpiration, NoncurrentVersionTransition,
    Transition as SdkTransition, TransitionStorageClass,
};

use super::tag;
use crate::kit::prelude::*;
use crate::s3::{RFC3339, STORAGE_CLASSES, date, to_date};

/// A lifecycle rule.
#[derive(Block, Clone, Debug)]
pub(crate) struct Rule {
    /// Days after which parts of uploads that were never finished go away.
    #[attr(integer)]
    abort_incomplete_multipart_upload_days: Option<i32>,
    /// Whether the rule is in force.
    enabled: bool,
    /// When objects expire.
    expiration: Option<Expiration>,
    /// Name, unique in the bucket.
    #[attr(length(0, 255))]
    id: OptComputed<String>,
    /// When earlier versions expire.
    noncurrent_version_expiration: Option<NoncurrentExpiration>,
    /// When earlier versions move to another storage class.
    noncurrent_version_transition: BTreeSet<NoncurrentTransition>,
    /// Start of the keys to which the rule applies.
    prefix: Option<String>,
    /// Tags of the objects to which the rule applies.
    tags: Option<BTreeMap<String, String>>,
    /// When objects move to another storage class.
    transition: BTreeSet<Move>,
}

/// When objects expire.
#[derive(Block, Clone, Debug)]
pub(crate) struct Expiration {
    /// On this day.
    #[attr(check = stackctl_core::Check::Pattern(RFC3339[0], RFC3339[1]))]
    date: Option<String>,
    /// After so many days.
    #[attr(range(0, i64::MAX))]
    days: Option<i32>,
    /// Remove delete markers without earlier versions.
    expired_object_delete_marker: Option<bool>,
}

/// When earlier versions expire.
#[derive(Block, Clone, Debug)]
pub(crate) struct NoncurrentExpiration {
    /// Days after they became earlier versions.
    #[attr(range(1, i64::MAX))]
    days: Option<i32>,
}

/// When earlier versions move.
#[derive(Block, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NoncurrentTransition {
    /// Days after they became earlier versions.
    #[attr(range(0, i64::MAX))]
    days: Option<i32>,
    /// Storage class.
    #[attr(one_of = STORAGE_CLASSES)]
    storage_class: String,
}

/// When objects move.
#[derive(Block, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Move {
    /// On this day.
    #[attr(check = stackctl_core::Check::Pattern(RFC3339[0], RFC3339[1]))]
    date: Option<String>,
    /// After so many days.
    #[attr(range(0, i64::MAX))]
    days: Option<i32>,
    /// Storage class.
    #[attr(one_of = STORAGE_CLASSES)]
    storage_class: String,
}

pub(super) async fn read(cx: &Cx, bucket: &str) -> Result<Option<Vec<Rule>>> {
    let found = cx.s3().get_bucket_lifecycle_configuration().bucket(bucket).send().await.absent()?;
    Ok(Some(found.iter().flat_map(|f| f.rules()).map(from_sdk).collect()))
}

pub(super) async fn put(cx: &Cx, bucket: &str, rules: &[Rule]) -> Result<()> {
    if rules.is_empty() {
        cx.s3().delete_bucket_lifecycle().bucket(bucket).send().await?;
        return Ok(());
    }
    let rules = rules.iter().enumerate().map(to_sdk).collect::<Result<Vec<_>>>()?;
    let all = BucketLifecycleConfiguration::builder().set_rules(Some(rules)).build()?;
    cx.s3().put_bucket_lifecycle_configuration().bucket(bucket).lifecycle_configuration(all).send().await?;
    Ok(())
}

fn to_sdk((i, r): (usize, &Rule)) -> Result<LifecycleRule> {
    let prefix = r.prefix.clone().unwrap_or_default();
    let filter = match r.tags.iter().flatten().map(|(k, v)| tag((k, v))).collect::<Result<Vec<_>>>()? {
        tags if tags.is_empty() => LifecycleRuleFilter::builder().prefix(prefix),
        tags => LifecycleRuleFilter::builder()
            .and(LifecycleRuleAndOperator::builder().prefix(prefix).set_tags(Some(tags)).build()),
    };
    let positive = |d: Option<i32>| d.filter(|d| *d > 0);
    let expiration = |e: &Expiration| -> Result<LifecycleExpiration> {
        let (day, days) = (e.date.as_deref().map(to_date).transpose()?, positive(e.days));
        let marker = e.expired_object_delete_marker.filter(|_| day.is_none() && days.is_none());
        let b = LifecycleExpiration::builder().set_expired_object_delete_marker(marker);
        Ok(b.set_days(days.filter(|_| day.is_none())).set_date(day).build())
    };
    let abort = |d| AbortIncompleteMultipartUpload::builder().days_after_initiation(d).build();
    let gone = |e: &NoncurrentExpiration| NoncurrentVersionExpiration::builder().set_noncurrent_days(e.days).build();
    let status = if r.enabled { ExpirationStatus::Enabled } else { ExpirationStatus::Disabled };
    let mut b = LifecycleRule::builder()
        .id(r.id.clone().unwrap_or_else(|| format!("tf-s3-lifecycle-{i}")))
        .filter(filter.build())
        .status(status)
        .set_abort_incomplete_multipart_upload(positive(r.abort_incomplete_multipart_upload_days).map(abort))
        .set_expiration(r.expiration.as_ref().map(expiration).transpose()?)
        .set_noncurrent_version_expiration(r.noncurrent_version_expiration.as_ref().map(gone));
    for t in &r.noncurrent_version_transition {
        let class = TransitionStorageClass::from(t.storage_class.as_str());
        let days = Some(t.days.unwrap_or_default());
        let t = NoncurrentVersionTransition::builder().set_noncurrent_days(days).storage_class(class);
        b = b.noncurrent_version_transitions(t.build());
    }
    for t in &r.transition {
        let day = t.date.as_deref().filter(|d| !d.is_empty()).map(to_date).transpose()?;
        let days = if day.is_some() { None } else { Some(t.days.unwrap_or_default()) };
        let class = TransitionStorageClass::from(t.storage_class.as_str());
        b = b.transitions(SdkTransition::builder().set_date(day).set_days(days).storage_class(class).build());
    }
    Ok(b.build()?)
}

fn from_sdk(r: &LifecycleRule) -> Rule {
    let filter = r.filter();
    let and = filter.and_then(|f| f.and());
    let prefix = and.and_then(|a| a.prefix()).or(filter.and_then(|f| f.prefix())).map(str::to_owned);
    let one = filter.and_then(|f| f.tag()).into_iter().chain(and.into_iter().flat_map(|a| a.tags()));
    let tags: BTreeMap<_, _> = one.map(|t| (t.key().to_owned(), t.value().to_owned())).collect();
    let class = |c: Option<&TransitionStorageClass>| c.map_or("", |c| c.as_str()).to_owned();
    Rule {
        abort_incomplete_multipart_upload_days: r
            .abort_incomplete_multipart_upload()
            .and_then(|a| a.days_after_initiation()),
        enabled: *r.status() == ExpirationStatus::Enabled,
        expiration: r.expiration().map(|e| Expiration {
            date: e.date().and_then(date),
            days: e.days(),
            expired_object_delete_marker: e.expired_object_delete_marker(),
        }),
        id: r.id().map(str::to_owned),
        noncurrent_version_expiration: r
            .noncurrent_version_expiration()
            .map(|e| NoncurrentExpiration { days: e.noncurrent_days() }),
        noncurrent_version_transition: r
            .noncurrent_version_transitions()
            .iter()
            .map(|t| NoncurrentTransition { days: t.noncurrent_days(), storage_class: class(t.storage_class()) })
            .collect(),
        prefix,
        tags: Some(tags).filter(|t| !t.is_empty()),
        transition: r
            .transitions()
            .iter()
            .map(|t| Move { date: t.date().and_then(date), days: t.days(), storage_class: class(t.storage_class()) })
            .collect(),
    }
}
