//! `aws_s3_bucket_lifecycle_configuration`.

use aws_sdk_s3::types::builders::LifecycleRuleBuilder;
use aws_sdk_s3::types::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, ExpirationStatus, LifecycleExpiration, LifecycleRule,
    LifecycleRuleAndOperator, LifecycleRuleFilter, NoncurrentVersionExpiration, NoncurrentVersionTransition, Tag,
    Transition, TransitionDefaultMinimumObjectSize, TransitionStorageClass,
};

use super::{ACCOUNT, RFC3339, STORAGE_CLASSES, date, put_and_removed, setting, to_date};
use crate::kit::prelude::*;

/// Lifecycle rules of a bucket: the whole list, in the order given.
#[derive(Clone, Debug, Resource)]
#[resource(
    type = "aws_s3_bucket_lifecycle_configuration",
    version = 1,
    framework,
    setting,
    id_deprecated = "Use `bucket` instead.",
    identity(key(&["bucket", "expected_bucket_owner"])),
    exactly_one_of("rule.transition.date", "rule.transition.days"),
    timeouts(create = 180, update = 180)
)]
pub(crate) struct LifecycleConfiguration {
    /// Bucket.
    #[attr(force_new, length(1, 63))]
    bucket: String,
    /// Account that must own the bucket.
    #[attr(force_new, check = stackctl_core::Check::Pattern(ACCOUNT[0], ACCOUNT[1]))]
    expected_bucket_owner: OptComputed<String>,
    /// The rules.
    rule: Vec<Rule>,
    /// Which objects are too small to move to another storage class.
    #[attr(default = "all_storage_classes_128K", one_of("varies_by_storage_class", "all_storage_classes_128K"))]
    transition_default_minimum_object_size: OptComputed<String>,
}

/// A rule.
#[derive(Block, Clone, Debug)]
pub(crate) struct Rule {
    /// Removes parts of uploads that were never finished.
    abort_incomplete_multipart_upload: Option<Abort>,
    /// When objects expire.
    expiration: Option<Expiration>,
    /// To which objects the rule applies; without it, and without `prefix`, to all.
    filter: Option<Filter>,
    /// Name, unique in the bucket.
    #[attr(length(1, 255))]
    id: String,
    /// When earlier versions expire.
    noncurrent_version_expiration: Option<NoncurrentExpiration>,
    /// When earlier versions move to another storage class.
    noncurrent_version_transition: BTreeSet<NoncurrentTransition>,
    /// Start of the keys to which the rule applies.
    #[attr(default = "", deprecated = "Use `filter` instead.")]
    prefix: OptComputed<String>,
    /// Whether the rule is in force.
    #[attr(one_of("Disabled", "Enabled"))]
    status: String,
    /// When objects move to another storage class.
    transition: BTreeSet<Move>,
}

/// Removes parts of uploads that were never finished.
#[derive(Block, Clone, Debug)]
pub(crate) struct Abort {
    /// Days after the upload began.
    #[attr(integer)]
    days_after_initiation: Option<i32>,
}

/// When objects expire.
#[derive(Block, Clone, Debug)]
pub(crate) struct Expiration {
    /// On this day.
    #[attr(check = stackctl_core::Check::Pattern(RFC3339[0], RFC3339[1]))]
    date: Option<String>,
    /// After so many days.
    #[attr(default = 0, integer)]
    days: OptComputed<i32>,
    /// Remove delete markers without earlier versions.
    #[attr(default = false)]
    expired_object_delete_marker: OptComputed<bool>,
}

/// To which objects a rule applies: one of its conditions, or several in `and`.
#[derive(Block, Clone, Debug)]
pub(crate) struct Filter {
    /// All of these.
    and: Option<And>,
    /// Larger than so many bytes.
    #[attr(integer)]
    object_size_greater_than: OptComputed<i64>,
    /// Smaller than so many bytes.
    #[attr(integer)]
    object_size_less_than: OptComputed<i64>,
    /// Keys that start with this.
    #[attr(default = "")]
    prefix: OptComputed<String>,
    /// Objects with this tag.
    tag: Option<ObjectTag>,
}

/// Several conditions.
#[derive(Block, Clone, Debug)]
pub(crate) struct And {
    /// Larger than so many bytes.
    #[attr(default = 0, range(0, i64::MAX))]
    object_size_greater_than: OptComputed<i64>,
    /// Smaller than so many bytes.
    #[attr(default = 0, range(1, i64::MAX))]
    object_size_less_than: OptComputed<i64>,
    /// Keys that start with this.
    #[attr(default = "")]
    prefix: OptComputed<String>,
    /// Objects with these tags.
    tags: Option<BTreeMap<String, String>>,
}

/// A tag of objects.
#[derive(Block, Clone, Debug)]
pub(crate) struct ObjectTag {
    /// Key.
    key: String,
    /// Value.
    value: String,
}

/// When earlier versions expire.
#[derive(Block, Clone, Debug)]
pub(crate) struct NoncurrentExpiration {
    /// How many of them are kept nevertheless.
    #[attr(range(1, i64::MAX))]
    newer_noncurrent_versions: OptComputed<i32>,
    /// Days after they became earlier versions.
    #[attr(range(1, i64::MAX))]
    noncurrent_days: i32,
}

/// When earlier versions move.
#[derive(Block, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NoncurrentTransition {
    /// How many of them stay nevertheless.
    #[attr(range(1, i64::MAX))]
    newer_noncurrent_versions: OptComputed<i32>,
    /// Days after they became earlier versions.
    #[attr(range(0, i64::MAX))]
    noncurrent_days: i32,
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
    #[attr(default = 0, range(0, i64::MAX))]
    days: OptComputed<i32>,
    /// Storage class.
    #[attr(one_of = STORAGE_CLASSES)]
    storage_class: String,
}

impl Resource for LifecycleConfiguration {
    const ACTIONS: &'static [&'static str] = &["s3:GetLifecycleConfiguration", "s3:PutLifecycleConfiguration"];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let at = only(at);
        let (bucket, owner) = setting(&at.id);
        let call = cx.s3().get_bucket_lifecycle_configuration().bucket(bucket);
        let found = call.set_expected_bucket_owner(owner.clone()).send().await?;
        let known = |id: &str| at.known.rule.iter().position(|r| r.id == id);
        let mut rule: Vec<Rule> = found
            .rules()
            .iter()
            .map(|r| from_sdk(r, known(r.id().unwrap_or_default()).map(|i| &at.known.rule[i])))
            .collect();
        // The service may list rules in another order.
        rule.sort_by_key(|r| known(&r.id).unwrap_or(usize::MAX));
        let size = found.transition_default_minimum_object_size().map_or("all_storage_classes_128K", |s| s.as_str());
        let value = LifecycleConfiguration {
            bucket: bucket.to_owned(),
            expected_bucket_owner: Some(owner.unwrap_or_default()),
            rule,
            transition_default_minimum_object_size: Some(size.to_owned()),
        };
        Ok(vec![at.live(&at.id, value)])
    }

    put_and_removed!(delete_bucket_lifecycle);
}

impl Update for LifecycleConfiguration {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        if changed!(ch, rule, transition_default_minimum_object_size) {
            put(cx, ch.new).await?;
        }
        Ok(())
    }
}

async fn put(cx: &Cx, new: &LifecycleConfiguration) -> Result<()> {
    let rules = new.rule.iter().map(to_sdk).collect::<Result<Vec<_>>>()?;
    let size = new.transition_default_minimum_object_size.as_deref().map(TransitionDefaultMinimumObjectSize::from);
    cx.s3()
        .put_bucket_lifecycle_configuration()
        .bucket(&new.bucket)
        .set_expected_bucket_owner(new.expected_bucket_owner.clone().filter(|o| !o.is_empty()))
        .lifecycle_configuration(BucketLifecycleConfiguration::builder().set_rules(Some(rules)).build()?)
        .set_transition_default_minimum_object_size(size)
        .send()
        .await?;
    Ok(())
}

// ── to the service ──────────────────────────────────────────────────────────────────────────────────────────────────

fn some(text: &Option<String>) -> Option<String> {
    text.clone().filter(|t| !t.is_empty())
}

fn positive<N: PartialOrd + Default + Copy>(n: Option<N>) -> Option<N> {
    n.filter(|n| *n > N::default())
}

fn to_sdk(r: &Rule) -> Result<LifecycleRule> {
    let mut b = LifecycleRule::builder().id(&r.id).status(ExpirationStatus::from(r.status.as_str()));
    b = match (&r.filter, some(&r.prefix)) {
        (Some(f), _) => b.filter(filter_to_sdk(f)?),
        (None, Some(prefix)) => with_old_prefix(b, prefix),
        (None, None) => b.filter(LifecycleRuleFilter::builder().build()),
    };
    let abort = |a: &Abort| {
        AbortIncompleteMultipartUpload::builder().set_days_after_initiation(a.days_after_initiation).build()
    };
    let gone = |e: &NoncurrentExpiration| {
        let b = NoncurrentVersionExpiration::builder().noncurrent_days(e.noncurrent_days);
        b.set_newer_noncurrent_versions(positive(e.newer_noncurrent_versions)).build()
    };
    b = b
        .set_abort_incomplete_multipart_upload(r.abort_incomplete_multipart_upload.as_ref().map(abort))
        .set_expiration(r.expiration.as_ref().map(expiration_to_sdk).transpose()?)
        .set_noncurrent_version_expiration(r.noncurrent_version_expiration.as_ref().map(gone));
    for t in &r.noncurrent_version_transition {
        let class = TransitionStorageClass::from(t.storage_class.as_str());
        let t = NoncurrentVersionTransition::builder()
            .noncurrent_days(t.noncurrent_days)
            .set_newer_noncurrent_versions(positive(t.newer_noncurrent_versions))
            .storage_class(class);
        b = b.noncurrent_version_transitions(t.build());
    }
    for t in &r.transition {
        let date = t.date.as_deref().map(to_date).transpose()?;
        let days = if date.is_some() { None } else { Some(t.days.unwrap_or_default()) };
        let class = TransitionStorageClass::from(t.storage_class.as_str());
        b = b.transitions(Transition::builder().set_date(date).set_days(days).storage_class(class).build());
    }
    Ok(b.build()?)
}

#[expect(deprecated, reason = "users still write a prefix outside of the filter")]
fn with_old_prefix(b: LifecycleRuleBuilder, prefix: String) -> LifecycleRuleBuilder {
    b.prefix(prefix)
}

fn expiration_to_sdk(e: &Expiration) -> Result<LifecycleExpiration> {
    Ok(LifecycleExpiration::builder()
        .set_date(e.date.as_deref().map(to_date).transpose()?)
        .set_days(positive(e.days))
        .set_expired_object_delete_marker(e.expired_object_delete_marker.filter(|m| *m))
        .build())
}

fn filter_to_sdk(f: &Filter) -> Result<LifecycleRuleFilter> {
    let tag = |k: &str, v: &str| Tag::builder().key(k).value(v).build();
    let mut b = LifecycleRuleFilter::builder()
        .set_object_size_greater_than(f.object_size_greater_than)
        .set_object_size_less_than(f.object_size_less_than)
        .set_tag(f.tag.as_ref().map(|t| tag(&t.key, &t.value)).transpose()?);
    if let Some(a) = &f.and {
        let tags = a.tags.iter().flatten().map(|(k, v)| tag(k, v)).collect::<std::result::Result<Vec<_>, _>>()?;
        let and = LifecycleRuleAndOperator::builder()
            .set_object_size_greater_than(a.object_size_greater_than)
            .set_object_size_less_than(positive(a.object_size_less_than))
            .set_prefix(some(&a.prefix))
            .set_tags(Some(tags).filter(|t| !t.is_empty()));
        b = b.and(and.build());
    }
    // An empty filter is written as an empty prefix: the service refuses a filter without any condition.
    let alone = f.and.is_none() && f.tag.is_none() && f.object_size_greater_than.or(f.object_size_less_than).is_none();
    let prefix = f.prefix.clone().unwrap_or_default();
    Ok(b.set_prefix(Some(prefix).filter(|p| alone || !p.is_empty())).build())
}

// ── from the service ────────────────────────────────────────────────────────────────────────────────────────────────

fn from_sdk(r: &LifecycleRule, known: Option<&Rule>) -> Rule {
    Rule {
        abort_incomplete_multipart_upload: r
            .abort_incomplete_multipart_upload()
            .map(|a| Abort { days_after_initiation: a.days_after_initiation() }),
        expiration: r.expiration().map(|e| Expiration {
            date: e.date().and_then(date),
            days: Some(e.days().unwrap_or_default()),
            expired_object_delete_marker: Some(e.expired_object_delete_marker().unwrap_or_default()),
        }),
        filter: r.filter().and_then(|f| filter_from_sdk(f, known)),
        id: r.id().unwrap_or_default().to_owned(),
        noncurrent_version_expiration: r.noncurrent_version_expiration().map(|e| NoncurrentExpiration {
            newer_noncurrent_versions: e.newer_noncurrent_versions(),
            noncurrent_days: e.noncurrent_days().unwrap_or_default(),
        }),
        noncurrent_version_transition: r
            .noncurrent_version_transitions()
            .iter()
            .map(|t| NoncurrentTransition {
                newer_noncurrent_versions: t.newer_noncurrent_versions(),
                noncurrent_days: t.noncurrent_days().unwrap_or_default(),
                storage_class: t.storage_class().map_or("", |c| c.as_str()).to_owned(),
            })
            .collect(),
        prefix: Some(old_prefix(r).unwrap_or_default()),
        status: r.status().as_str().to_owned(),
        transition: r
            .transitions()
            .iter()
            .map(|t| Move {
                date: t.date().and_then(date),
                days: Some(t.days().unwrap_or_default()),
                storage_class: t.storage_class().map_or("", |c| c.as_str()).to_owned(),
            })
            .collect(),
    }
}

#[expect(deprecated, reason = "rules of old buckets still have a prefix outside of their filter")]
fn old_prefix(r: &LifecycleRule) -> Option<String> {
    r.prefix().map(str::to_owned)
}

/// An empty filter and none are the same to the service: what was written decides.
fn filter_from_sdk(f: &LifecycleRuleFilter, known: Option<&Rule>) -> Option<Filter> {
    let tags = |t: &[Tag]| {
        let tags: BTreeMap<_, _> = t.iter().map(|t| (t.key().to_owned(), t.value().to_owned())).collect();
        Some(tags).filter(|t| !t.is_empty())
    };
    let and = f.and().map(|a| And {
        object_size_greater_than: Some(a.object_size_greater_than().unwrap_or_default()),
        object_size_less_than: Some(a.object_size_less_than().unwrap_or_default()),
        prefix: Some(a.prefix().unwrap_or_default().to_owned()),
        tags: tags(a.tags()),
    });
    let tag = f.tag().map(|t| ObjectTag { key: t.key().to_owned(), value: t.value().to_owned() });
    let sizes = f.object_size_greater_than().or(f.object_size_less_than());
    let empty = and.is_none() && tag.is_none() && sizes.is_none() && f.prefix().is_none_or(str::is_empty);
    let written = known.map_or(f.prefix().is_some(), |r| r.filter.is_some());
    (!empty || written).then(|| Filter {
        and,
        object_size_greater_than: f.object_size_greater_than(),
        object_size_less_than: f.object_size_less_than(),
        prefix: Some(f.prefix().unwrap_or_default().to_owned()),
        tag,
    })
}
