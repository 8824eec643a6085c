//! `data.aws_dynamodb_table`.

use super::table::{Attribute, LocalIndex, OnDemand, Parts, Recovery, Ttl, parts};
use crate::kit::prelude::*;

/// A table.
#[derive(Clone, Debug, Data)]
#[data(type = "aws_dynamodb_table")]
pub(crate) struct TableData {
    /// ARN.
    arn: Computed<String>,
    /// Attributes that keys use.
    attribute: Computed<BTreeSet<Attribute>>,
    /// How reads and writes are paid for.
    billing_mode: Computed<String>,
    /// Whether deletion is refused.
    deletion_protection_enabled: Computed<bool>,
    /// Indexes with keys of their own.
    global_secondary_index: Computed<BTreeSet<GlobalIndex>>,
    /// Attribute of the partition key.
    hash_key: Computed<String>,
    /// Name.
    id: OptComputed<String>,
    /// Indexes with the table's partition key.
    local_secondary_index: Computed<BTreeSet<LocalIndex>>,
    /// Name.
    name: String,
    /// Limits of a table that is paid per request.
    on_demand_throughput: Computed<Vec<OnDemand>>,
    /// Continuous backups.
    point_in_time_recovery: Computed<Vec<Recovery>>,
    /// Attribute of the sort key.
    range_key: Computed<String>,
    /// Reads per second that are provisioned.
    read_capacity: Computed<i64>,
    /// The table in other regions.
    replica: Computed<BTreeSet<Replica>>,
    /// Encryption with a key of KMS.
    #[attr(computed)]
    server_side_encryption: Option<Shown>,
    /// ARN of the stream.
    stream_arn: Computed<String>,
    /// Whether changes are written to a stream.
    stream_enabled: Computed<bool>,
    /// When the stream was made.
    stream_label: Computed<String>,
    /// What the stream holds.
    stream_view_type: Computed<String>,
    /// Storage class.
    table_class: Computed<String>,
    /// Tags.
    tags: OptComputed<BTreeMap<String, String>>,
    /// Deletion of items by age.
    ttl: Computed<BTreeSet<Age>>,
    /// Writes per second that are provisioned.
    write_capacity: Computed<i64>,
}

/// A global index.
#[derive(Block, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GlobalIndex {
    /// Attribute of the partition key.
    hash_key: String,
    /// Name.
    name: String,
    /// Further attributes that it holds.
    non_key_attributes: Vec<String>,
    /// Limits of a table that is paid per request.
    on_demand_throughput: Computed<Vec<OnDemand>>,
    /// What it holds.
    projection_type: String,
    /// Attribute of the sort key.
    range_key: String,
    /// Reads per second that are provisioned.
    read_capacity: i64,
    /// Writes per second that are provisioned.
    write_capacity: i64,
}

/// The table in another region.
#[derive(Block, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Replica {
    /// KMS key there.
    kms_key_arn: String,
    /// Region.
    region_name: String,
}

/// Encryption.
#[derive(Block, Clone, Debug)]
pub(crate) struct Shown {
    /// Whether a key of KMS is used.
    enabled: Computed<bool>,
    /// The key.
    kms_key_arn: Computed<String>,
}

/// Deletion of items by age.
#[derive(Block, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Age {
    /// Attribute that tells when an item may go.
    attribute_name: String,
    /// Whether items are deleted.
    enabled: bool,
}

impl Data for TableData {
    const ACTIONS: &'static [&'static str] = &[
        "dynamodb:DescribeContinuousBackups",
        "dynamodb:DescribeTable",
        "dynamodb:DescribeTimeToLive",
        "dynamodb:ListTagsOfResource",
        "kms:DescribeKey",
    ];

    async fn read(cx: &Cx, config: &Self) -> Result<Self> {
        let found = parts(cx, &config.name).await?;
        let t = &found.table;
        let text = |v: Option<&str>| Some(v.unwrap_or_default().to_owned());
        let (hash_key, range_key) = super::table::key_names(t.key_schema());
        let stream = t.stream_specification();
        let replica = |r: &aws_sdk_dynamodb::types::ReplicaDescription| Replica {
            kms_key_arn: r.kms_master_key_id().unwrap_or_default().to_owned(),
            region_name: r.region_name().unwrap_or_default().to_owned(),
        };
        let others = t.replicas().iter().filter(|r| r.region_name() != Some(cx.region()));
        Ok(TableData {
            arn: t.table_arn().map(str::to_owned),
            attribute: Some(found.attributes()),
            billing_mode: Some(found.billing_mode().to_owned()),
            deletion_protection_enabled: Some(t.deletion_protection_enabled().unwrap_or_default()),
            global_secondary_index: Some(global(&found)),
            hash_key: Some(hash_key),
            id: Some(config.name.clone()),
            local_secondary_index: Some(found.local()),
            name: config.name.clone(),
            on_demand_throughput: Some(found.on_demand().into_iter().collect()),
            point_in_time_recovery: Some(vec![found.recovery()]),
            range_key: Some(range_key).filter(|k| !k.is_empty()),
            read_capacity: Some(found.units().0),
            replica: Some(others.map(replica).collect()),
            server_side_encryption: found
                .sse()
                .map(|(enabled, key)| Shown { enabled: Some(enabled), kms_key_arn: Some(key) }),
            stream_arn: text(t.latest_stream_arn()),
            stream_enabled: Some(stream.is_some_and(|s| s.stream_enabled())),
            stream_label: text(t.latest_stream_label()),
            stream_view_type: text(stream.and_then(|s| s.stream_view_type()).map(|v| v.as_str())),
            table_class: Some(found.class().to_owned()),
            tags: Some(cx.visible_tags(&found.tags)),
            ttl: Some(ttl(&found)),
            write_capacity: Some(found.units().1),
        })
    }
}

fn global(found: &Parts) -> BTreeSet<GlobalIndex> {
    let of = |i: super::table::GlobalIndex| GlobalIndex {
        hash_key: i.hash_key,
        name: i.name,
        non_key_attributes: i.non_key_attributes.into_iter().flatten().collect(),
        on_demand_throughput: Some(i.on_demand_throughput.into_iter().collect()),
        projection_type: i.projection_type,
        range_key: i.range_key,
        read_capacity: i.read_capacity.unwrap_or_default(),
        write_capacity: i.write_capacity.unwrap_or_default(),
    };
    found.global().into_iter().map(of).collect()
}

fn ttl(found: &Parts) -> BTreeSet<Age> {
    let Ttl { attribute_name, enabled } = found.ttl();
    BTreeSet::from([Age { attribute_name: attribute_name.unwrap_or_default(), enabled }])
}
