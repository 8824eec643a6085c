//! Inline replication of a bucket.

use aws_sdk_s3::types::{
    AccessControlTranslation, DeleteMarkerReplication, DeleteMarkerReplicationStatus, Destination as SdkDestination,
    EncryptionConfiguration, Metrics as SdkMetrics, MetricsStatus, OwnerOverride, ReplicationConfiguration,
    ReplicationRule, ReplicationRuleAndOperator, ReplicationRuleFilter, ReplicationRuleStatus,
    ReplicationTime as SdkTime, ReplicationTimeStatus, ReplicationTimeValue, SourceSelectionCriteria,
    SseKmsEncryptedObjects, SseKmsEncryptedObjectsStatus, StorageClass,
};

use super::tag;
use crate::kit::prelude::*;
use crate::s3::ACCOUNT;

/// Replication to other buckets.
#[derive(Block, Clone, Debug)]
pub(crate) struct Configuration {
    /// Role that replicates.
    role: String,
    /// The rules.
    #[attr(min = 1)]
    rules: BTreeSet<Rule>,
}

/// A replication rule.
#[derive(Block, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rule {
    /// Whether delete markers are replicated.
    #[attr(one_of("Enabled"))]
    delete_marker_replication_status: Option<String>,
    /// Where to.
    destination: Destination,
    /// Which objects.
    filter: Option<Filter>,
    /// Name.
    #[attr(length(0, 255))]
    id: Option<String>,
    /// Start of the keys to which the rule applies.
    #[attr(length(0, 1024))]
    prefix: Option<String>,
    /// Which of several rules applies.
    #[attr(integer)]
    priority: Option<i32>,
    /// Further criteria.
    source_selection_criteria: Option<Criteria>,
    /// Whether the rule is in force.
    #[attr(one_of("Enabled", "Disabled"))]
    status: String,
}

/// Where objects are replicated to.
#[derive(Block, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Destination {
    /// Who owns the replicas.
    access_control_translation: Option<Owner>,
    /// Account of the bucket.
    #[attr(check = stackctl_core::Check::Pattern(ACCOUNT[0], ACCOUNT[1]))]
    account_id: Option<String>,
    /// ARN of the bucket.
    #[attr(arn)]
    bucket: String,
    /// Metrics of replication.
    metrics: Option<Metrics>,
    /// Key that encrypts replicas.
    replica_kms_key_id: Option<String>,
    /// Within which time objects are replicated.
    replication_time: Option<Time>,
    /// Storage class of replicas.
    #[attr(one_of(
        "STANDARD",
        "REDUCED_REDUNDANCY",
        "STANDARD_IA",
        "ONEZONE_IA",
        "INTELLIGENT_TIERING",
        "GLACIER",
        "DEEP_ARCHIVE",
        "OUTPOSTS",
        "GLACIER_IR",
        "SNOW",
        "EXPRESS_ONEZONE"
    ))]
    storage_class: Option<String>,
}

/// Who owns replicas.
#[derive(Block, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Owner {
    /// The destination bucket's owner.
    #[attr(one_of("Destination"))]
    owner: String,
}

/// Metrics of replication.
#[derive(Block, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Metrics {
    /// Minutes after which a replication counts as late.
    #[attr(default = 15, range(10, 15))]
    minutes: i32,
    /// Whether they are collected.
    #[attr(default = "Enabled", one_of("Enabled", "Disabled"))]
    status: String,
}

/// Within which time objects are replicated.
#[derive(Block, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Time {
    /// Minutes.
    #[attr(default = 15, range(15, 15))]
    minutes: i32,
    /// Whether it is guaranteed.
    #[attr(default = "Enabled", one_of("Enabled", "Disabled"))]
    status: String,
}

/// Which objects a rule applies to.
#[derive(Block, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Filter {
    /// Keys that start with this.
    #[attr(length(0, 1024))]
    prefix: Option<String>,
    /// Objects with these tags.
    tags: Option<BTreeMap<String, String>>,
}

/// Further criteria.
#[derive(Block, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Criteria {
    /// Objects that KMS encrypts.
    sse_kms_encrypted_objects: Option<Kms>,
}

/// Objects that KMS encrypts.
#[derive(Block, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kms {
    /// Replicate them.
    enabled: bool,
}

pub(super) async fn read(cx: &Cx, bucket: &str) -> Result<Option<Configuration>> {
    let found = cx.s3().get_bucket_replication().bucket(bucket).send().await.absent()?;
    let configuration = found.as_ref().and_then(|f| f.replication_configuration());
    Ok(configuration
        .map(|c| Configuration { role: c.role().to_owned(), rules: c.rules().iter().map(from_sdk).collect() }))
}

pub(super) async fn put(cx: &Cx, bucket: &str, new: Option<&Configuration>) -> Result<()> {
    let Some(new) = new else {
        cx.s3().delete_bucket_replication().bucket(bucket).send().await?;
        return Ok(());
    };
    let rules = new.rules.iter().map(to_sdk).collect::<Result<Vec<_>>>()?;
    let all = ReplicationConfiguration::builder().role(&new.role).set_rules(Some(rules)).build()?;
    cx.s3().put_bucket_replication().bucket(bucket).replication_configuration(all).send().await?;
    Ok(())
}

#[expect(deprecated, reason = "rules without a filter are of the first form, which has a prefix instead")]
fn to_sdk(r: &Rule) -> Result<ReplicationRule> {
    let mut b = ReplicationRule::builder()
        .destination(destination(&r.destination)?)
        .set_id(r.id.clone())
        .status(ReplicationRuleStatus::from(r.status.as_str()));
    if let Some(kms) = r.source_selection_criteria.as_ref().and_then(|c| c.sse_kms_encrypted_objects.as_ref()) {
        let status =
            if kms.enabled { SseKmsEncryptedObjectsStatus::Enabled } else { SseKmsEncryptedObjectsStatus::Disabled };
        let objects = SseKmsEncryptedObjects::builder().status(status).build()?;
        b = b.source_selection_criteria(SourceSelectionCriteria::builder().sse_kms_encrypted_objects(objects).build());
    }
    let Some(f) = &r.filter else {
        return Ok(b.prefix(r.prefix.clone().unwrap_or_default()).build()?);
    };
    let prefix = f.prefix.clone().unwrap_or_default();
    let tags = f.tags.iter().flatten().map(|(k, v)| tag((k, v))).collect::<Result<Vec<_>>>()?;
    let filter = if tags.is_empty() {
        ReplicationRuleFilter::builder().prefix(prefix)
    } else {
        ReplicationRuleFilter::builder()
            .and(ReplicationRuleAndOperator::builder().prefix(prefix).set_tags(Some(tags)).build())
    };
    let markers =
        DeleteMarkerReplicationStatus::from(r.delete_marker_replication_status.as_deref().unwrap_or("Disabled"));
    b = b.filter(filter.build()).priority(r.priority.unwrap_or_default());
    Ok(b.delete_marker_replication(DeleteMarkerReplication::builder().status(markers).build()).build()?)
}

fn destination(d: &Destination) -> Result<SdkDestination> {
    let minutes = |m: i32| ReplicationTimeValue::builder().minutes(m).build();
    let owner = |o: &Owner| AccessControlTranslation::builder().owner(OwnerOverride::from(o.owner.as_str())).build();
    let key = |k: &String| EncryptionConfiguration::builder().replica_kms_key_id(k).build();
    let metrics = |m: &Metrics| {
        let b = SdkMetrics::builder().status(MetricsStatus::from(m.status.as_str()));
        b.event_threshold(minutes(m.minutes)).build()
    };
    let time = |t: &Time| {
        let b = SdkTime::builder().status(ReplicationTimeStatus::from(t.status.as_str()));
        b.time(minutes(t.minutes)).build()
    };
    Ok(SdkDestination::builder()
        .bucket(&d.bucket)
        .set_account(d.account_id.clone())
        .set_storage_class(d.storage_class.as_deref().map(StorageClass::from))
        .set_access_control_translation(d.access_control_translation.as_ref().map(owner).transpose()?)
        .set_encryption_configuration(d.replica_kms_key_id.as_ref().map(key))
        .set_metrics(d.metrics.as_ref().map(metrics).transpose()?)
        .set_replication_time(d.replication_time.as_ref().map(time).transpose()?)
        .build()?)
}

#[expect(deprecated, reason = "rules without a filter are of the first form, which has a prefix instead")]
fn from_sdk(r: &ReplicationRule) -> Rule {
    let markers = r.delete_marker_replication().and_then(|d| d.status());
    let kms = r.source_selection_criteria().and_then(|c| c.sse_kms_encrypted_objects());
    Rule {
        delete_marker_replication_status: markers
            .filter(|s| **s == DeleteMarkerReplicationStatus::Enabled)
            .map(|s| s.as_str().to_owned()),
        destination: from_destination(r.destination()),
        filter: r.filter().map(|f| {
            let tags = f.tag().into_iter().chain(f.and().into_iter().flat_map(|a| a.tags()));
            let tags: BTreeMap<_, _> = tags.map(|t| (t.key().to_owned(), t.value().to_owned())).collect();
            let prefix = f.prefix().or(f.and().and_then(|a| a.prefix()));
            Filter { prefix: prefix.map(str::to_owned), tags: Some(tags).filter(|t| !t.is_empty()) }
        }),
        id: r.id().map(str::to_owned),
        prefix: r.prefix().map(str::to_owned),
        priority: r.priority(),
        source_selection_criteria: kms.map(|k| Criteria {
            sse_kms_encrypted_objects: Some(Kms { enabled: *k.status() == SseKmsEncryptedObjectsStatus::Enabled }),
        }),
        status: r.status().as_str().to_owned(),
    }
}

fn from_destination(d: Option<&SdkDestination>) -> Destination {
    let key = d.and_then(|d| d.encryption_configuration()).and_then(|e| e.replica_kms_key_id());
    Destination {
        access_control_translation: d
            .and_then(|d| d.access_control_translation())
            .map(|a| Owner { owner: a.owner().as_str().to_owned() }),
        account_id: d.and_then(|d| d.account()).map(str::to_owned),
        bucket: d.map_or("", |d| d.bucket()).to_owned(),
        metrics: d.and_then(|d| d.metrics()).map(|m| Metrics {
            minutes: m.event_threshold().and_then(|t| t.minutes()).unwrap_or(15),
            status: m.status().as_str().to_owned(),
        }),
        replica_kms_key_id: key.map(str::to_owned),
        replication_time: d.and_then(|d| d.replication_time()).map(|t| Time {
            minutes: t.time().and_then(|t| t.minutes()).unwrap_or(15),
            status: t.status().as_str().to_owned(),
        }),
        storage_class: d.and_then(|d| d.storage_class()).map(|c| c.as_str().to_owned()),
    }
}
