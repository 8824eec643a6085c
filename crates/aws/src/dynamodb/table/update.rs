//! Changes of a table.
//!
//! DynamoDB takes one change at a time and is busy with it for a while. So a change is found by comparing what is live with
//! what is wanted: the first request of those that are still needed is sent, and the engine asks again until none is left.
//! Asking again is always right, also after a crash.

use aws_sdk_dynamodb::operation::update_table::builders::UpdateTableFluentBuilder;
use aws_sdk_dynamodb::types::{
    BillingMode, CreateGlobalSecondaryIndexAction, CreateReplicationGroupMemberAction,
    DeleteGlobalSecondaryIndexAction, DeleteReplicationGroupMemberAction, GlobalSecondaryIndexUpdate,
    PointInTimeRecoverySpecification, ReplicationGroupUpdate, StreamSpecification, TableClass, TableDescription,
    TimeToLiveSpecification, TimeToLiveStatus, UpdateGlobalSecondaryIndexAction, UpdateReplicationGroupMemberAction,
};

use super::create::{capacity, definitions, encryption, keys, on_demand, projection, stream};
use super::read::{backed_up, billing_mode, describe, global, in_region, is_busy, time_to_live, units};
use super::{GlobalIndex, OnDemand, Replica, Table, busy, given, tags};
use crate::kit::prelude::*;

pub(super) async fn update(cx: &Cx, ch: &Change<'_, Table>) -> Result<()> {
    let of_table = changed!(
        ch,
        billing_mode,
        deletion_protection_enabled,
        global_secondary_index,
        on_demand_throughput,
        read_capacity,
        replica,
        server_side_encryption,
        stream_enabled,
        stream_view_type,
        table_class,
        write_capacity
    );
    if of_table {
        let live = describe(cx, &ch.at.id).await?;
        if is_busy(&live) {
            return Err(busy());
        }
        let mut requests = requests(cx, ch, &live)?.into_iter();
        if let Some(first) = requests.next() {
            first.send().await?;
            if requests.next().is_some() {
                return Err(busy());
            }
        }
    }
    if changed!(ch, replica) {
        in_regions(cx, ch).await?;
    }
    if changed!(ch, ttl) {
        expire(cx, ch).await?;
    }
    if changed!(ch, point_in_time_recovery)
        && let Some(r) = &ch.new.point_in_time_recovery
    {
        let days = r.recovery_period_in_days.filter(|d| r.enabled && *d > 0);
        let spec = PointInTimeRecoverySpecification::builder().point_in_time_recovery_enabled(r.enabled);
        let spec = spec.set_recovery_period_in_days(days).build()?;
        let call = cx.dynamodb().update_continuous_backups().table_name(&ch.at.id);
        call.point_in_time_recovery_specification(spec).send().await?;
    }
    Ok(())
}

/// The requests between the live table and the wanted one, in the order in which DynamoDB accepts them.
fn requests(cx: &Cx, ch: &Change<'_, Table>, live: &TableDescription) -> Result<Vec<UpdateTableFluentBuilder>> {
    let new = ch.new;
    let call = || cx.dynamodb().update_table().table_name(&ch.at.id);
    let indexes: Vec<GlobalIndex> = live.global_secondary_indexes().iter().map(global).collect();
    let wanted = |name: &str| new.global_secondary_index.iter().find(|w| w.name == name);
    let mut out = Vec::new();
    // Indexes go first: one that goes needs no capacity.
    let of_indexes = changed!(ch, global_secondary_index);
    let stays = |i: &&GlobalIndex| !of_indexes || wanted(&i.name).is_some_and(|w| same_index(w, i));
    for index in indexes.iter().filter(|i| !stays(i)) {
        let delete = DeleteGlobalSecondaryIndexAction::builder().index_name(&index.name).build()?;
        let change = GlobalSecondaryIndexUpdate::builder().delete(delete).build();
        out.push(call().global_secondary_index_updates(change));
    }
    let class = |c: Option<&str>| c.filter(|c| !c.is_empty()).unwrap_or("STANDARD").to_owned();
    let live_class = class(live.table_class_summary().and_then(|c| c.table_class()).map(|c| c.as_str()));
    let new_class = class(new.table_class.as_deref());
    if changed!(ch, table_class) && live_class != new_class {
        out.push(call().table_class(TableClass::from(new_class.as_str())));
    }
    let live_stream = live.stream_specification().filter(|s| s.stream_enabled());
    let on = new.stream_enabled.unwrap_or_default();
    let view = given(&new.stream_view_type);
    let of_stream = changed!(ch, stream_enabled, stream_view_type);
    let other_view = |s: &StreamSpecification| view.as_deref() != s.stream_view_type().map(|v| v.as_str());
    // A stream holds one thing for as long as it lives.
    let cycle = of_stream && on && view.is_some() && live_stream.is_some_and(other_view);
    if cycle {
        out.push(call().stream_specification(StreamSpecification::builder().stream_enabled(false).build()?));
    }
    let toggle = cycle || of_stream && on != live_stream.is_some();
    let staying: Vec<&GlobalIndex> = indexes.iter().filter(stays).collect();
    out.extend(together(call(), ch, live, toggle.then(|| stream(new)).transpose()?, &staying)?);
    for index in &new.global_secondary_index {
        if of_indexes && !staying.iter().any(|i| i.name == index.name) {
            let create = CreateGlobalSecondaryIndexAction::builder()
                .index_name(&index.name)
                .set_key_schema(Some(keys(Some(&index.hash_key), Some(&index.range_key))?))
                .projection(projection(&index.projection_type, index.non_key_attributes.iter().flatten()))
                .set_on_demand_throughput(index.on_demand_throughput.as_ref().map(on_demand))
                .set_provisioned_throughput(capacity(&new.billing_mode, index.read_capacity, index.write_capacity)?)
                .build()?;
            let change = GlobalSecondaryIndexUpdate::builder().create(create).build();
            let call = call().set_attribute_definitions(definitions(&new.attribute)?);
            out.push(call.global_secondary_index_updates(change));
        }
    }
    if changed!(ch, server_side_encryption)
        && let Some(e) = &new.server_side_encryption
    {
        let sse = live.sse_description();
        let is_on = sse.is_some_and(|s| s.status().is_some_and(|s| s.as_str() == "ENABLED"));
        let key = given(&e.kms_key_arn);
        let other_key = e.enabled && key.is_some() && key.as_deref() != sse.and_then(|s| s.kms_master_key_arn());
        if e.enabled != is_on || other_key {
            let replicas = new.replica.iter().filter_map(|r| Some((r, given(&r.kms_key_arn)?)));
            let replicas = replicas.map(|(r, key)| {
                let update = UpdateReplicationGroupMemberAction::builder().region_name(&r.region_name);
                let update = update.kms_master_key_id(key).build()?;
                Ok(ReplicationGroupUpdate::builder().update(update).build())
            });
            let replicas = replicas.collect::<Result<Vec<_>>>()?;
            let call = call().sse_specification(encryption(e));
            out.push(call.set_replica_updates(Some(replicas).filter(|r| !r.is_empty())));
        }
    }
    if changed!(ch, replica) {
        out.extend(replicas(cx, new, live)?.into_iter().map(|change| call().replica_updates(change)));
    }
    Ok(out)
}

/// What one request changes together: how the table is paid for, its protection, its stream, and capacities of indexes.
fn together(
    mut call: UpdateTableFluentBuilder,
    ch: &Change<'_, Table>,
    live: &TableDescription,
    stream: Option<StreamSpecification>,
    indexes: &[&GlobalIndex],
) -> Result<Option<UpdateTableFluentBuilder>> {
    let new = ch.new;
    let mut any = stream.is_some();
    call = call.set_stream_specification(stream);
    let provisioned = new.billing_mode != "PAY_PER_REQUEST";
    let switch = changed!(ch, billing_mode) && billing_mode(live) != new.billing_mode;
    let (read, write) = units(live.provisioned_throughput());
    let want = (units_or(new.read_capacity, read), units_or(new.write_capacity, write));
    if switch || provisioned && changed!(ch, read_capacity, write_capacity) && want != (read, write) {
        call = call.billing_mode(BillingMode::from(new.billing_mode.as_str()));
        call = call.set_provisioned_throughput(capacity(&new.billing_mode, Some(want.0), Some(want.1))?);
        any = true;
    }
    let protect = new.deletion_protection_enabled.unwrap_or_default();
    if changed!(ch, deletion_protection_enabled) && protect != live.deletion_protection_enabled().unwrap_or_default() {
        call = call.deletion_protection_enabled(protect);
        any = true;
    }
    if changed!(ch, on_demand_throughput)
        && let Some(limits) = other_limits(new.on_demand_throughput.as_ref(), live.on_demand_throughput())
    {
        call = call.on_demand_throughput(on_demand(&limits));
        any = true;
    }
    for i in indexes {
        let wanted = new.global_secondary_index.iter().find(|w| w.name == i.name);
        let Some(wanted) = wanted.filter(|_| switch || changed!(ch, global_secondary_index)) else { continue };
        let live_limits = live.global_secondary_indexes().iter().find(|l| l.index_name() == Some(&i.name));
        let live_limits = live_limits.and_then(|l| l.on_demand_throughput());
        let mut update = UpdateGlobalSecondaryIndexAction::builder().index_name(&i.name);
        let is = (i.read_capacity.unwrap_or_default(), i.write_capacity.unwrap_or_default());
        let want = (units_or(wanted.read_capacity, is.0), units_or(wanted.write_capacity, is.1));
        if provisioned && (switch || want != is) {
            update = update.set_provisioned_throughput(capacity(&new.billing_mode, Some(want.0), Some(want.1))?);
        } else if let Some(limits) =
            other_limits(wanted.on_demand_throughput.as_ref(), live_limits).filter(|_| !provisioned)
        {
            update = update.on_demand_throughput(on_demand(&limits));
        } else {
            continue;
        }
        call =
            call.global_secondary_index_updates(GlobalSecondaryIndexUpdate::builder().update(update.build()?).build());
        any = true;
    }
    Ok(any.then_some(call))
}

/// Units to send: what is wanted, else what there is, and at least one.
fn units_or(wanted: Option<i64>, live: i64) -> i64 {
    wanted.filter(|n| *n > 0).unwrap_or(live).max(1)
}

/// The limits to send where they differ; a limit that is not wanted any more is -1.
fn other_limits(
    wanted: Option<&OnDemand>,
    live: Option<&aws_sdk_dynamodb::types::OnDemandThroughput>,
) -> Option<OnDemand> {
    let limit = |n: Option<i64>| n.filter(|n| *n != 0).unwrap_or(-1);
    let want =
        (limit(wanted.and_then(|w| w.max_read_request_units)), limit(wanted.and_then(|w| w.max_write_request_units)));
    let is =
        (limit(live.and_then(|l| l.max_read_request_units())), limit(live.and_then(|l| l.max_write_request_units())));
    let limits = OnDemand { max_read_request_units: Some(want.0), max_write_request_units: Some(want.1) };
    (want != is).then_some(limits)
}

/// True if an index need not be made anew.
fn same_index(a: &GlobalIndex, b: &GlobalIndex) -> bool {
    let more = |i: &GlobalIndex| i.non_key_attributes.clone().unwrap_or_default();
    a.hash_key == b.hash_key
        && a.range_key == b.range_key
        && a.projection_type == b.projection_type
        && more(a) == more(b)
}

/// Replicas to remove and to add. One with another key is made anew.
fn replicas(cx: &Cx, new: &Table, live: &TableDescription) -> Result<Vec<ReplicationGroupUpdate>> {
    let others = || live.replicas().iter().filter(|r| r.region_name() != Some(cx.region()));
    let stays = |region: &str, key: Option<&str>| {
        let wanted = new.replica.iter().find(|r| r.region_name == region);
        wanted.is_some_and(|w| given(&w.kms_key_arn).is_none_or(|k| Some(k.as_str()) == key))
    };
    let mut out = Vec::new();
    for r in others() {
        let region = r.region_name().unwrap_or_default();
        if !stays(region, r.kms_master_key_id()) {
            out.push(removal(region)?);
        }
    }
    for r in &new.replica {
        let there =
            others().any(|l| l.region_name() == Some(&r.region_name) && stays(&r.region_name, l.kms_master_key_id()));
        if !there {
            let create = CreateReplicationGroupMemberAction::builder().region_name(&r.region_name);
            let create = create.set_kms_master_key_id(given(&r.kms_key_arn)).build()?;
            out.push(ReplicationGroupUpdate::builder().create(create).build());
        }
    }
    Ok(out)
}

fn removal(region: &str) -> Result<ReplicationGroupUpdate> {
    let delete = DeleteReplicationGroupMemberAction::builder().region_name(region).build()?;
    Ok(ReplicationGroupUpdate::builder().delete(delete).build())
}

/// Removes replicas one by one; refuses until there is none.
pub(super) async fn remove_replicas(cx: &Cx, name: &str) -> Result<()> {
    let live = describe(cx, name).await?;
    let Some(replica) = live.replicas().iter().find(|r| r.region_name() != Some(cx.region())) else { return Ok(()) };
    if !is_busy(&live) {
        let change = removal(replica.region_name().unwrap_or_default())?;
        cx.dynamodb().update_table().table_name(name).replica_updates(change).send().await?;
    }
    Err(busy())
}

/// What replicas have of their own: backups and tags.
async fn in_regions(cx: &Cx, ch: &Change<'_, Table>) -> Result<()> {
    let before = |r: &Replica| ch.old.replica.iter().find(|o| o.region_name == r.region_name);
    for r in &ch.new.replica {
        let (region, name) = (r.region_name.as_str(), &ch.at.id);
        if (r.point_in_time_recovery || before(r).is_some())
            && backed_up(cx, region, name).await? != r.point_in_time_recovery
        {
            let spec = PointInTimeRecoverySpecification::builder();
            let spec = spec.point_in_time_recovery_enabled(r.point_in_time_recovery).build()?;
            let call = cx.dynamodb().update_continuous_backups().table_name(name);
            let call = call.point_in_time_recovery_specification(spec);
            call.customize().config_override(in_region(region)).send().await?;
        }
        if r.propagate_tags && (ch.fresh || !before(r).is_some_and(|b| b.propagate_tags)) {
            let arn = given(&ch.old.arn).unwrap_or_else(|| cx.arn("dynamodb", &format!("table/{name}")));
            let arn = arn.replacen(&format!(":{}:", cx.region()), &format!(":{region}:"), 1);
            tag(cx, region, &arn, &ch.new.tags, &[]).await?;
        }
    }
    Ok(())
}

async fn expire(cx: &Cx, ch: &Change<'_, Table>) -> Result<()> {
    let Some(ttl) = &ch.new.ttl else { return Ok(()) };
    let live = time_to_live(cx, &ch.at.id).await?;
    let status = live.as_ref().and_then(|l| l.time_to_live_status());
    let on = matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling));
    let live_name = live.as_ref().and_then(|l| l.attribute_name());
    let name = given(&ttl.attribute_name);
    // A second request for what is there already is an error.
    if ttl.enabled == on && (!on || name.as_deref() == live_name) {
        return Ok(());
    }
    let name = if ttl.enabled { name } else { live_name.map(str::to_owned).or(name) };
    let spec = TimeToLiveSpecification::builder().attribute_name(name.unwrap_or_default()).enabled(ttl.enabled);
    let call = cx.dynamodb().update_time_to_live().table_name(&ch.at.id);
    call.time_to_live_specification(spec.build()?).send().await?;
    Ok(())
}

/// Sets and removes tags of a table in a region.
pub(super) async fn tag(cx: &Cx, region: &str, arn: &str, add: &Tags, remove: &[String]) -> Result<()> {
    if !remove.is_empty() {
        let call = cx.dynamodb().untag_resource().resource_arn(arn).set_tag_keys(Some(remove.to_vec()));
        call.customize().config_override(in_region(region)).send().await?;
    }
    if let Some(tags) = tags(add)? {
        let call = cx.dynamodb().tag_resource().resource_arn(arn).set_tags(Some(tags));
        call.customize().config_override(in_region(region)).send().await?;
    }
    Ok(())
}
