//! What a table is, from four answers of the service and one for each region that has a replica.

use aws_sdk_dynamodb::config::Region;
use aws_sdk_dynamodb::types::{
    self as sdk, IndexStatus, KeySchemaElement, KeyType, PointInTimeRecoveryDescription, PointInTimeRecoveryStatus,
    ReplicaStatus, SseStatus, TableStatus, TimeToLiveDescription, TimeToLiveStatus,
};

use super::{Attribute, Encryption, GlobalIndex, LocalIndex, OnDemand, Recovery, Replica, Table, Ttl};
use crate::kit::prelude::*;
use crate::kms::default_key;

/// The answers.
pub(crate) struct Parts {
    pub(crate) table: sdk::TableDescription,
    pub(crate) tags: Tags,
    recovery: Option<PointInTimeRecoveryDescription>,
    ttl: Option<TimeToLiveDescription>,
    /// The key that encrypts where none is chosen.
    default_key: Option<String>,
}

/// Asks.
pub(crate) async fn parts(cx: &Cx, name: &str) -> Result<Parts> {
    let table = describe(cx, name).await?;
    let arn = table.table_arn().unwrap_or_default().to_owned();
    let encrypted = table.sse_description().is_some_and(|s| s.kms_master_key_arn().is_some());
    let key = async { if encrypted { Ok(default_key(cx, "dynamodb").await) } else { Ok(None) } };
    let (tags, recovery, ttl, default_key) =
        futures::try_join!(tags(cx, &arn), recovery(cx, cx.region(), name), time_to_live(cx, name), key)?;
    Ok(Parts { table, tags, recovery, ttl, default_key })
}

/// The table itself.
pub(super) async fn describe(cx: &Cx, name: &str) -> Result<sdk::TableDescription> {
    let found = cx.dynamodb().describe_table().table_name(name).send().await?;
    found.table.ok_or_else(|| Error::incomplete("the table"))
}

/// Settings of a request that goes to another region.
pub(super) fn in_region(region: &str) -> aws_sdk_dynamodb::config::Builder {
    aws_sdk_dynamodb::Config::builder().region(Region::new(region.to_owned()))
}

async fn recovery(cx: &Cx, region: &str, name: &str) -> Result<Option<PointInTimeRecoveryDescription>> {
    let call = cx.dynamodb().describe_continuous_backups().table_name(name);
    let found = call.customize().config_override(in_region(region)).send().await.map_err(Error::from);
    match found {
        Ok(f) => Ok(f.continuous_backups_description.and_then(|d| d.point_in_time_recovery_description)),
        // Services that speak the API without backups.
        Err(e) if e.code() == "UnknownOperationException" => Ok(None),
        Err(e) => Err(e),
    }
}

/// State of deletion by age; `None` where the service does not know of it.
pub(super) async fn time_to_live(cx: &Cx, name: &str) -> Result<Option<TimeToLiveDescription>> {
    Ok(cx.dynamodb().describe_time_to_live().table_name(name).send().await?.time_to_live_description)
}

async fn tags(cx: &Cx, arn: &str) -> Result<Tags> {
    let (mut tags, mut next) = (Tags::default(), None);
    loop {
        let call = cx.dynamodb().list_tags_of_resource().resource_arn(arn).set_next_token(next);
        let page = call.send().await?;
        tags.0.extend(page.tags().iter().map(|t| (t.key().to_owned(), t.value().to_owned())));
        next = page.next_token;
        if next.is_none() {
            return Ok(tags);
        }
    }
}

pub(super) fn enabled(d: Option<&PointInTimeRecoveryDescription>) -> bool {
    d.and_then(|d| d.point_in_time_recovery_status()) == Some(&PointInTimeRecoveryStatus::Enabled)
}

/// Whether a region's replica has continuous backups.
pub(super) async fn backed_up(cx: &Cx, region: &str, name: &str) -> Result<bool> {
    Ok(enabled(recovery(cx, region, name).await?.as_ref()))
}

/// True while the table accepts no other change.
pub(super) fn is_busy(t: &sdk::TableDescription) -> bool {
    let indexes = t.global_secondary_indexes().iter().filter_map(|i| i.index_status());
    let replicas = t.replicas().iter().filter_map(|r| r.replica_status());
    t.table_status() != Some(&TableStatus::Active)
        || indexes.into_iter().any(|s| *s != IndexStatus::Active)
        || replicas
            .into_iter()
            .any(|s| matches!(s, ReplicaStatus::Creating | ReplicaStatus::Updating | ReplicaStatus::Deleting))
}

impl Parts {
    /// Whether the table is settled.
    pub(super) fn status(&self) -> Status {
        let t = &self.table;
        let failed = t.replicas().iter().find(|r| r.replica_status() == Some(&ReplicaStatus::CreationFailed));
        let sse = t.sse_description().and_then(|s| s.status());
        let ttl = self.ttl.as_ref().and_then(|t| t.time_to_live_status());
        match t.table_status() {
            Some(TableStatus::Deleting) => Status::Deleting,
            // It exists and cannot be used until its key can; that is for people to change.
            Some(
                TableStatus::InaccessibleEncryptionCredentials
                | TableStatus::Archived
                | TableStatus::ReplicationNotAuthorized,
            ) => Status::Ready,
            _ if failed.is_some() => {
                let why = failed.and_then(|r| r.replica_status_description()).unwrap_or_default();
                Status::Failed(format!("A replica could not be made: {why}"))
            }
            _ if is_busy(t)
                || matches!(sse, Some(SseStatus::Enabling | SseStatus::Updating | SseStatus::Disabling))
                || matches!(ttl, Some(TimeToLiveStatus::Enabling | TimeToLiveStatus::Disabling)) =>
            {
                Status::Pending
            }
            _ => Status::Ready,
        }
    }

    /// Replicas with what their own regions say of them.
    pub(super) async fn replicas(&self, cx: &Cx, known: &Table) -> Result<BTreeSet<Replica>> {
        let name = self.table.table_name().unwrap_or_default();
        let others = self.table.replicas().iter().filter(|r| r.region_name() != Some(cx.region()));
        let read = others.map(|r| async move {
            let region = r.region_name().unwrap_or_default();
            let ready = r.replica_status() == Some(&ReplicaStatus::Active);
            let before = known.replica.iter().find(|k| k.region_name == region);
            let (backups, streams) = if ready {
                let describe = async {
                    let call = cx.dynamodb().describe_table().table_name(name);
                    // A replica that is not visible there yet.
                    let found = call.customize().config_override(in_region(region)).send().await.absent()?;
                    Ok::<_, Error>(found.and_then(|t| t.table))
                };
                let backups = async { Ok::<_, Error>(backed_up(cx, region, name).await.absent()?.unwrap_or_default()) };
                futures::try_join!(backups, describe)?
            } else {
                (before.is_some_and(|b| b.point_in_time_recovery), None)
            };
            let text = |v: Option<&str>| Some(v.unwrap_or_default().to_owned());
            let there = streams.as_ref();
            Ok::<_, Error>(Replica {
                arn: text(there.and_then(|t| t.table_arn()).or(r.replica_arn())),
                kms_key_arn: text(r.kms_master_key_id()),
                point_in_time_recovery: backups,
                propagate_tags: before.is_some_and(|b| b.propagate_tags),
                region_name: region.to_owned(),
                stream_arn: text(there.and_then(|t| t.latest_stream_arn())),
                stream_label: text(there.and_then(|t| t.latest_stream_label())),
            })
        });
        Ok(futures::future::try_join_all(read).await?.into_iter().collect())
    }

    /// The object of state.
    pub(super) fn live(self, known: &Table, replica: BTreeSet<Replica>) -> Table {
        let t = &self.table;
        let text = |v: Option<&str>| Some(v.unwrap_or_default().to_owned());
        let (hash_key, range_key) = key_names(t.key_schema());
        let stream = t.stream_specification();
        let view = stream.and_then(|s| s.stream_view_type()).map(|v| v.as_str());
        Table {
            arn: t.table_arn().map(str::to_owned),
            attribute: self.attributes(),
            billing_mode: self.billing_mode().to_owned(),
            deletion_protection_enabled: Some(t.deletion_protection_enabled().unwrap_or_default()),
            global_secondary_index: self.global_as(known),
            hash_key: Some(hash_key),
            import_table: unread(),
            local_secondary_index: self.local(),
            name: t.table_name().unwrap_or_default().to_owned(),
            on_demand_throughput: self.on_demand().filter(|o| known.on_demand_throughput.is_some() || limits(o)),
            point_in_time_recovery: Some(self.recovery()),
            range_key: Some(range_key).filter(|k| !k.is_empty()),
            read_capacity: Some(self.units().0),
            replica,
            restore_date_time: unread(),
            restore_source_name: unread(),
            restore_source_table_arn: unread(),
            restore_to_latest_time: unread(),
            server_side_encryption: self.encryption().or_else(|| {
                // Off is the same as never on.
                let off = known.server_side_encryption.as_ref().filter(|e| !e.enabled);
                off.map(|_| Encryption { enabled: false, kms_key_arn: Some(String::new()) })
            }),
            stream_arn: text(t.latest_stream_arn()),
            stream_enabled: Some(stream.is_some_and(|s| s.stream_enabled())),
            stream_label: text(t.latest_stream_label()),
            stream_view_type: text(view),
            table_class: Some(self.class().to_owned()),
            ttl: Some(self.ttl()),
            write_capacity: Some(self.units().1),
            tags: self.tags,
        }
    }

    pub(crate) fn billing_mode(&self) -> &str {
        billing_mode(&self.table)
    }

    /// Provisioned reads and writes.
    pub(crate) fn units(&self) -> (i64, i64) {
        units(self.table.provisioned_throughput())
    }

    pub(crate) fn attributes(&self) -> BTreeSet<Attribute> {
        let of = |a: &sdk::AttributeDefinition| Attribute {
            name: a.attribute_name().to_owned(),
            kind: a.attribute_type().as_str().to_owned(),
        };
        self.table.attribute_definitions().iter().map(of).collect()
    }

    pub(crate) fn global(&self) -> BTreeSet<GlobalIndex> {
        let indexes = self.table.global_secondary_indexes().iter();
        // One that is on its way out is none.
        indexes.filter(|i| i.index_status() != Some(&IndexStatus::Deleting)).map(global).collect()
    }

    /// The same; limits that were removed do not show.
    fn global_as(&self, known: &Table) -> BTreeSet<GlobalIndex> {
        let before = |n: &str| known.global_secondary_index.iter().find(|k| k.name == n);
        let shown = |mut i: GlobalIndex| {
            let configured = before(&i.name).is_some_and(|b| b.on_demand_throughput.is_some());
            i.on_demand_throughput = i.on_demand_throughput.filter(|o| configured || limits(o));
            i
        };
        self.global().into_iter().map(shown).collect()
    }

    pub(crate) fn on_demand(&self) -> Option<OnDemand> {
        self.table.on_demand_throughput().map(on_demand)
    }

    pub(crate) fn local(&self) -> BTreeSet<LocalIndex> {
        let of = |i: &sdk::LocalSecondaryIndexDescription| LocalIndex {
            name: i.index_name().unwrap_or_default().to_owned(),
            non_key_attributes: Some(i.projection().map(|p| p.non_key_attributes().to_vec()).unwrap_or_default()),
            projection_type: projection_type(i.projection()),
            range_key: key_names(i.key_schema()).1,
        };
        self.table.local_secondary_indexes().iter().map(of).collect()
    }

    pub(crate) fn recovery(&self) -> Recovery {
        let d = self.recovery.as_ref();
        let days = d.and_then(|d| d.recovery_period_in_days()).unwrap_or_default();
        Recovery { enabled: enabled(d), recovery_period_in_days: Some(days) }
    }

    /// Storage class; tables that never had another one do not tell it.
    pub(crate) fn class(&self) -> &str {
        self.table.table_class_summary().and_then(|c| c.table_class()).map_or("STANDARD", |c| c.as_str())
    }

    /// Whether a key of KMS is used, and which.
    pub(crate) fn sse(&self) -> Option<(bool, String)> {
        let sse = self.table.sse_description()?;
        Some((sse.status() == Some(&SseStatus::Enabled), sse.kms_master_key_arn().unwrap_or_default().to_owned()))
    }

    fn encryption(&self) -> Option<Encryption> {
        let (enabled, key) = self.sse()?;
        // The key of the service is not shown: nobody chose it.
        let key = Some(key).filter(|k| self.default_key.as_ref() != Some(k));
        Some(Encryption { enabled, kms_key_arn: Some(key.unwrap_or_default()) })
    }

    pub(crate) fn ttl(&self) -> Ttl {
        let d = self.ttl.as_ref();
        let enabled = d.and_then(|d| d.time_to_live_status()) == Some(&TimeToLiveStatus::Enabled);
        let name = d.and_then(|d| d.attribute_name()).unwrap_or_default();
        Ttl { attribute_name: Some(name.to_owned()), enabled }
    }
}

pub(super) fn billing_mode(t: &sdk::TableDescription) -> &str {
    t.billing_mode_summary().and_then(|b| b.billing_mode()).map_or("PROVISIONED", |m| m.as_str())
}

pub(super) fn units(p: Option<&sdk::ProvisionedThroughputDescription>) -> (i64, i64) {
    let n = |v: Option<i64>| v.unwrap_or_default();
    p.map_or((0, 0), |p| (n(p.read_capacity_units()), n(p.write_capacity_units())))
}

pub(super) fn global(i: &sdk::GlobalSecondaryIndexDescription) -> GlobalIndex {
    let (hash_key, range_key) = key_names(i.key_schema());
    let (read, write) = units(i.provisioned_throughput());
    let more = i.projection().map(|p| p.non_key_attributes().iter().cloned().collect());
    GlobalIndex {
        hash_key,
        name: i.index_name().unwrap_or_default().to_owned(),
        non_key_attributes: Some(more.unwrap_or_default()),
        on_demand_throughput: i.on_demand_throughput().map(on_demand),
        projection_type: projection_type(i.projection()),
        range_key,
        read_capacity: Some(read),
        write_capacity: Some(write),
    }
}

pub(super) fn on_demand(o: &sdk::OnDemandThroughput) -> OnDemand {
    OnDemand {
        max_read_request_units: Some(o.max_read_request_units().unwrap_or_default()),
        max_write_request_units: Some(o.max_write_request_units().unwrap_or_default()),
    }
}

/// True if it limits anything.
fn limits(o: &OnDemand) -> bool {
    o.max_read_request_units.is_some_and(|n| n > 0) || o.max_write_request_units.is_some_and(|n| n > 0)
}

fn projection_type(p: Option<&sdk::Projection>) -> String {
    p.and_then(|p| p.projection_type()).map_or("", |t| t.as_str()).to_owned()
}

/// Attributes of the partition key and the sort key.
pub(crate) fn key_names(keys: &[KeySchemaElement]) -> (String, String) {
    let of = |kind: KeyType| {
        let key = keys.iter().find(|k| *k.key_type() == kind);
        key.map_or("", |k| k.attribute_name()).to_owned()
    };
    (of(KeyType::Hash), of(KeyType::Range))
}
