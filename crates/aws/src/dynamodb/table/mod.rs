//! `aws_dynamodb_table`: the struct and its life. [`create`] has the three ways to make a table, [`read`] what is read, and
//! [`update`] the steps of a change, of which DynamoDB takes one at a time; [`check`] what is refused while planning.

mod check;
mod create;
mod read;
mod update;

use aws_sdk_dynamodb::types::Tag;
use stackctl_core::ErrorKind;

pub(super) use self::read::{Parts, key_names, parts};
use crate::kit::prelude::*;

const RFC3339: &[&str; 2] =
    &[r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})", "a date such as 2030-01-01T00:00:00Z"];

/// A table.
///
/// DynamoDB changes one thing of a table at a time: indexes are removed, changed and added one after the other. The type
/// of an attribute that a key uses cannot be changed; as with Terraform such a change in the configuration plans nothing,
/// and neither does a change of the definition of a local index.
#[derive(Clone, Debug, Resource)]
#[resource(
    type = "aws_dynamodb_table",
    version = 1,
    identity(name("name").dated().tagged()),
    timeouts(create = 1800, delete = 600, update = 3600),
    conflicts("import_table", "restore_source_name", "restore_source_table_arn"),
    conflicts("on_demand_throughput", "read_capacity", "write_capacity"),
    conflicts("restore_source_name", "restore_source_table_arn")
)]
pub(crate) struct Table {
    /// ARN.
    #[attr(starts_with = "arn:")]
    arn: Computed<String>,
    /// Attributes that keys of the table and its indexes use.
    attribute: BTreeSet<Attribute>,
    /// How reads and writes are paid for.
    #[attr(default = "PROVISIONED", one_of("PROVISIONED", "PAY_PER_REQUEST"))]
    billing_mode: String,
    /// Refuse to delete the table.
    deletion_protection_enabled: Option<bool>,
    /// Indexes with keys of their own.
    global_secondary_index: BTreeSet<GlobalIndex>,
    /// Attribute of the partition key.
    #[attr(force_new)]
    hash_key: OptComputed<String>,
    /// Make the table from data in S3.
    #[attr(force_new)]
    import_table: Local<Option<Import>>,
    /// Indexes with the table's partition key.
    #[attr(force_new)]
    local_secondary_index: BTreeSet<LocalIndex>,
    /// Name, unique in account and region.
    #[attr(force_new, length(3, 255), pattern(r"[a-zA-Z0-9_.-]+", "letters, digits and _.-"))]
    name: String,
    /// Limits of a table that is paid per request.
    on_demand_throughput: Option<OnDemand>,
    /// Continuous backups.
    #[attr(computed)]
    point_in_time_recovery: Option<Recovery>,
    /// Attribute of the sort key.
    #[attr(force_new)]
    range_key: Option<String>,
    /// Reads per second that are provisioned.
    #[attr(integer)]
    read_capacity: OptComputed<i64>,
    /// The table in other regions.
    replica: BTreeSet<Replica>,
    /// Moment to restore.
    #[attr(force_new, pattern = RFC3339)]
    restore_date_time: Local<Option<String>>,
    /// Table to restore from, by name. Removing it does nothing.
    #[attr(conditional)]
    restore_source_name: Local<Option<String>>,
    /// Table to restore from, by ARN. Removing it does nothing.
    #[attr(conditional, arn)]
    restore_source_table_arn: Local<Option<String>>,
    /// Restore the latest moment.
    #[attr(force_new)]
    restore_to_latest_time: Local<Option<bool>>,
    /// Encryption with a key of KMS in place of one of DynamoDB's own.
    #[attr(computed)]
    server_side_encryption: Option<Encryption>,
    /// ARN of the stream.
    #[attr(changes_with("stream_enabled", "stream_view_type"))]
    stream_arn: Computed<String>,
    /// Whether changes are written to a stream.
    stream_enabled: Option<bool>,
    /// When the stream was made.
    #[attr(changes_with("stream_enabled", "stream_view_type"))]
    stream_label: Computed<String>,
    /// What the stream holds.
    #[attr(one_of("NEW_IMAGE", "OLD_IMAGE", "NEW_AND_OLD_IMAGES", "KEYS_ONLY", ""))]
    stream_view_type: OptComputed<String>,
    /// Storage class; `STANDARD` is the same as none.
    #[attr(one_of("STANDARD", "STANDARD_INFREQUENT_ACCESS"))]
    table_class: Option<String>,
    /// Tags.
    tags: Tags,
    /// Deletion of items by age.
    #[attr(computed)]
    ttl: Option<Ttl>,
    /// Writes per second that are provisioned.
    #[attr(integer)]
    write_capacity: OptComputed<i64>,
}

/// An attribute.
#[derive(Block, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Attribute {
    /// Name.
    pub(super) name: String,
    /// String, number or binary.
    #[attr(name = "type", one_of("S", "N", "B"))]
    pub(super) kind: String,
}

/// A global index.
#[derive(Block, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GlobalIndex {
    /// Attribute of the partition key.
    pub(super) hash_key: String,
    /// Name.
    pub(super) name: String,
    /// Further attributes that it holds, with `INCLUDE`.
    pub(super) non_key_attributes: Option<BTreeSet<String>>,
    /// Limits of a table that is paid per request.
    pub(super) on_demand_throughput: Option<OnDemand>,
    /// What it holds.
    #[attr(one_of("ALL", "KEYS_ONLY", "INCLUDE"))]
    pub(super) projection_type: String,
    /// Attribute of the sort key.
    #[attr(default = "")]
    pub(super) range_key: String,
    /// Reads per second that are provisioned.
    #[attr(integer)]
    pub(super) read_capacity: OptComputed<i64>,
    /// Writes per second that are provisioned.
    #[attr(integer)]
    pub(super) write_capacity: OptComputed<i64>,
}

/// A local index.
#[derive(Block, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LocalIndex {
    /// Name.
    #[attr(force_new)]
    pub(super) name: String,
    /// Further attributes that it holds, with `INCLUDE`.
    #[attr(force_new)]
    pub(super) non_key_attributes: Option<Vec<String>>,
    /// What it holds.
    #[attr(force_new, one_of("ALL", "KEYS_ONLY", "INCLUDE"))]
    pub(super) projection_type: String,
    /// Attribute of the sort key.
    #[attr(force_new)]
    pub(super) range_key: String,
}

/// Limits of what is paid per request; -1 for none.
#[derive(Block, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OnDemand {
    /// Reads per second.
    #[attr(integer)]
    pub(super) max_read_request_units: OptComputed<i64>,
    /// Writes per second.
    #[attr(integer)]
    pub(super) max_write_request_units: OptComputed<i64>,
}

/// Continuous backups.
#[derive(Block, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Recovery {
    /// Whether there are any.
    pub(super) enabled: bool,
    /// For how many days.
    #[attr(range(1, 35))]
    pub(super) recovery_period_in_days: OptComputed<i32>,
}

/// The table in another region.
#[derive(Block, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Replica {
    /// ARN.
    pub(super) arn: Computed<String>,
    /// KMS key there.
    #[attr(arn)]
    pub(super) kms_key_arn: OptComputed<String>,
    /// Continuous backups there.
    #[attr(default = false)]
    pub(super) point_in_time_recovery: bool,
    /// Give it the table's tags.
    #[attr(default = false)]
    pub(super) propagate_tags: bool,
    /// Region.
    pub(super) region_name: String,
    /// ARN of the stream.
    pub(super) stream_arn: Computed<String>,
    /// When the stream was made.
    pub(super) stream_label: Computed<String>,
}

/// Encryption with a key of KMS.
#[derive(Block, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Encryption {
    /// Whether a key of KMS is used.
    pub(super) enabled: bool,
    /// The key; that of the service in the account where it is not set.
    #[attr(arn)]
    pub(super) kms_key_arn: OptComputed<String>,
}

/// Deletion of items by age.
#[derive(Block, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ttl {
    /// Attribute that tells when an item may go.
    pub(super) attribute_name: Option<String>,
    /// Whether items are deleted.
    #[attr(default = false)]
    pub(super) enabled: bool,
}

/// Where data is taken from.
#[derive(Block, Clone, Debug)]
pub(crate) struct Import {
    /// How objects are compressed.
    #[attr(one_of("GZIP", "ZSTD", "NONE"))]
    input_compression_type: Option<String>,
    /// What objects hold.
    #[attr(one_of("DYNAMODB_JSON", "ION", "CSV"))]
    input_format: String,
    /// How they are read.
    input_format_options: Option<ImportOptions>,
    /// Where they are.
    #[attr(force_new)]
    s3_bucket_source: ImportSource,
}

/// How objects are read.
#[derive(Block, Clone, Debug)]
pub(crate) struct ImportOptions {
    /// Of comma-separated values.
    csv: Option<Csv>,
}

/// How comma-separated values are read.
#[derive(Block, Clone, Debug)]
pub(crate) struct Csv {
    /// What stands between values.
    delimiter: Option<String>,
    /// Names of columns.
    header_list: Option<BTreeSet<String>>,
}

/// Where objects are.
#[derive(Block, Clone, Debug)]
pub(crate) struct ImportSource {
    /// Bucket.
    bucket: String,
    /// Account that owns it.
    bucket_owner: Option<String>,
    /// What their keys begin with.
    key_prefix: Option<String>,
}

impl Resource for Table {
    const ACTIONS: &'static [&'static str] = &[
        "dynamodb:CreateTable",
        "dynamodb:CreateTableReplica",
        "dynamodb:DeleteTable",
        "dynamodb:DeleteTableReplica",
        "dynamodb:DescribeContinuousBackups",
        "dynamodb:DescribeTable",
        "dynamodb:DescribeTimeToLive",
        "dynamodb:ImportTable",
        "dynamodb:ListTagsOfResource",
        "dynamodb:RestoreTableToPointInTime",
        "dynamodb:TagResource",
        "dynamodb:UntagResource",
        "dynamodb:UpdateContinuousBackups",
        "dynamodb:UpdateTable",
        "dynamodb:UpdateTimeToLive",
        "kms:DescribeKey",
    ];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let at = only(at);
        let found = parts(cx, &at.id).await?;
        let regions = found.replicas(cx, &at.known).await?;
        let created = found.table.creation_date_time().map(|t| t.secs());
        let (status, value) = (found.status(), found.live(&at.known, regions));
        Ok(vec![at.live(&at.id, value).status(status).created(created)])
    }

    async fn create(cx: &Cx, new: &Self) -> Result<String> {
        create::create(cx, new).await?;
        Ok(new.name.clone())
    }

    async fn delete(cx: &Cx, at: &Ref<Self>) -> Result<()> {
        if !at.known.replica.is_empty() {
            update::remove_replicas(cx, &at.id).await?;
        }
        cx.dynamodb().delete_table().table_name(&at.id).send().await?;
        Ok(())
    }

    async fn retag(cx: &Cx, at: &[Ref<Self>], add: &Tags, remove: &[String]) -> Result<()> {
        for r in at {
            let arn = r.known.arn.clone().filter(|a| !a.is_empty());
            let arn = arn.unwrap_or_else(|| cx.arn("dynamodb", &format!("table/{}", r.id)));
            update::tag(cx, cx.region(), &arn, add, remove).await?;
            // The ownership tag was never on them; nothing of ours is removed there.
            for replica in r.known.replica.iter().filter(|p| p.propagate_tags) {
                if let Some(arn) = replica.arn.as_ref().filter(|a| !a.is_empty()) {
                    update::tag(cx, &replica.region_name, arn, add, remove).await?;
                }
            }
        }
        Ok(())
    }

    fn plan(draft: &mut Draft<'_>) {
        check::plan(draft);
    }

    fn validate(config: &Partial, errors: &mut Vec<stackctl_core::Error>) {
        check::validate(config, errors);
    }
}

impl Update for Table {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        update::update(cx, ch).await
    }
}

/// The table is busy, or was given the first of several changes: ask again.
fn busy() -> Error {
    Error(stackctl_core::Error::new(ErrorKind::NotReady, "The table is being changed."))
}

fn tags(tags: &Tags) -> Result<Option<Vec<Tag>>> {
    let tags = tags.iter().map(|(k, v)| Ok(Tag::builder().key(k).value(v).build()?)).collect::<Result<Vec<_>>>()?;
    Ok(Some(tags).filter(|t| !t.is_empty()))
}

/// A text that is neither missing nor empty.
fn given(v: &Option<String>) -> Option<String> {
    v.clone().filter(|t| !t.is_empty())
}
