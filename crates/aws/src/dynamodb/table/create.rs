//! The three requests that bring a table into being: a new one, one from a backup, one from files.

use aws_sdk_dynamodb::primitives::{DateTime, DateTimeFormat};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, CsvOptions, GlobalSecondaryIndex, InputCompressionType, InputFormat,
    InputFormatOptions, KeySchemaElement, KeyType, LocalSecondaryIndex, OnDemandThroughput, Projection, ProjectionType,
    ProvisionedThroughput, S3BucketSource, ScalarAttributeType, SseSpecification, SseType, StreamSpecification,
    StreamViewType, TableClass, TableCreationParameters,
};

use super::{Attribute, Encryption, GlobalIndex, Import, LocalIndex, OnDemand, Table, given, tags};
use crate::kit::prelude::*;

pub(super) async fn create(cx: &Cx, new: &Table) -> Result<()> {
    match &new.import_table {
        _ if given(&new.restore_source_name).is_some() || given(&new.restore_source_table_arn).is_some() => {
            restore(cx, new).await
        }
        Some(import) => self::import(cx, new, import).await,
        None => plain(cx, new).await,
    }
}

async fn plain(cx: &Cx, new: &Table) -> Result<()> {
    let stream = new.stream_enabled.unwrap_or_default().then(|| stream(new)).transpose()?;
    let class = given(&new.table_class).filter(|c| c != "STANDARD").map(|c| TableClass::from(c.as_str()));
    cx.dynamodb()
        .create_table()
        .table_name(&new.name)
        .set_attribute_definitions(definitions(&new.attribute)?)
        .billing_mode(BillingMode::from(new.billing_mode.as_str()))
        .set_deletion_protection_enabled(new.deletion_protection_enabled.filter(|p| *p))
        .set_global_secondary_indexes(global(new)?)
        .set_key_schema(Some(keys(new.hash_key.as_deref(), new.range_key.as_deref())?))
        .set_local_secondary_indexes(local(new)?)
        .set_on_demand_throughput(new.on_demand_throughput.as_ref().map(on_demand))
        .set_provisioned_throughput(capacity(&new.billing_mode, new.read_capacity, new.write_capacity)?)
        .set_sse_specification(new.server_side_encryption.as_ref().map(encryption))
        .set_stream_specification(stream)
        .set_table_class(class)
        .set_tags(tags(&new.tags)?)
        .send()
        .await?;
    Ok(())
}

async fn restore(cx: &Cx, new: &Table) -> Result<()> {
    let until = given(&new.restore_date_time).map(|t| {
        DateTime::from_str(&t, DateTimeFormat::DateTimeWithOffset)
            .map_err(|e| Error::invalid(format!("`restore_date_time`: {e}")))
    });
    // The backup has the table's own settings; those that are configured take their place.
    let mode = Some(BillingMode::from(new.billing_mode.as_str()));
    cx.dynamodb()
        .restore_table_to_point_in_time()
        .target_table_name(&new.name)
        .set_source_table_name(given(&new.restore_source_name))
        .set_source_table_arn(given(&new.restore_source_table_arn))
        .set_restore_date_time(until.transpose()?)
        .set_use_latest_restorable_time(new.restore_to_latest_time.filter(|l| *l))
        .set_billing_mode_override(mode)
        .set_global_secondary_index_override(global(new)?)
        .set_local_secondary_index_override(local(new)?)
        .set_on_demand_throughput_override(new.on_demand_throughput.as_ref().map(on_demand))
        .set_provisioned_throughput_override(match (new.read_capacity, new.write_capacity) {
            (Some(r), Some(w)) if r > 0 && w > 0 => capacity(&new.billing_mode, Some(r), Some(w))?,
            _ => None,
        })
        .set_sse_specification_override(new.server_side_encryption.as_ref().map(encryption))
        .send()
        .await?;
    Ok(())
}

async fn import(cx: &Cx, new: &Table, from: &Import) -> Result<()> {
    let table = TableCreationParameters::builder()
        .table_name(&new.name)
        .set_attribute_definitions(definitions(&new.attribute)?)
        .billing_mode(BillingMode::from(new.billing_mode.as_str()))
        .set_global_secondary_indexes(global(new)?)
        .set_key_schema(Some(keys(new.hash_key.as_deref(), new.range_key.as_deref())?))
        .set_on_demand_throughput(new.on_demand_throughput.as_ref().map(on_demand))
        .set_provisioned_throughput(capacity(&new.billing_mode, new.read_capacity, new.write_capacity)?)
        .set_sse_specification(new.server_side_encryption.as_ref().map(encryption))
        .build()?;
    let source = &from.s3_bucket_source;
    let bucket = S3BucketSource::builder()
        .s3_bucket(&source.bucket)
        .set_s3_bucket_owner(given(&source.bucket_owner))
        .set_s3_key_prefix(given(&source.key_prefix))
        .build()?;
    let options = from.input_format_options.as_ref().and_then(|o| o.csv.as_ref()).map(|csv| {
        let headers = csv.header_list.clone().filter(|h| !h.is_empty());
        let csv = CsvOptions::builder()
            .set_delimiter(given(&csv.delimiter))
            .set_header_list(headers.map(|h| h.into_iter().collect()))
            .build();
        InputFormatOptions::builder().csv(csv).build()
    });
    cx.dynamodb()
        .import_table()
        .client_token(cx.token())
        .set_input_compression_type(given(&from.input_compression_type).map(|t| InputCompressionType::from(t.as_str())))
        .input_format(InputFormat::from(from.input_format.as_str()))
        .set_input_format_options(options)
        .s3_bucket_source(bucket)
        .table_creation_parameters(table)
        .send()
        .await?;
    Ok(())
}

pub(super) fn definitions(attributes: &BTreeSet<Attribute>) -> Result<Option<Vec<AttributeDefinition>>> {
    let of = |a: &Attribute| {
        let kind = ScalarAttributeType::from(a.kind.as_str());
        Ok(AttributeDefinition::builder().attribute_name(&a.name).attribute_type(kind).build()?)
    };
    let list = attributes.iter().map(of).collect::<Result<Vec<_>>>()?;
    Ok(Some(list).filter(|l| !l.is_empty()))
}

pub(super) fn keys(hash: Option<&str>, range: Option<&str>) -> Result<Vec<KeySchemaElement>> {
    let key = |name: Option<&str>, kind: KeyType| {
        let name = name.filter(|n| !n.is_empty())?;
        Some(KeySchemaElement::builder().attribute_name(name).key_type(kind).build())
    };
    let keys = [key(hash, KeyType::Hash), key(range, KeyType::Range)];
    Ok(keys.into_iter().flatten().collect::<std::result::Result<_, _>>()?)
}

/// Provisioned capacity, for tables that have one.
pub(super) fn capacity(mode: &str, read: Option<i64>, write: Option<i64>) -> Result<Option<ProvisionedThroughput>> {
    if mode == "PAY_PER_REQUEST" {
        return Ok(None);
    }
    let units = ProvisionedThroughput::builder().read_capacity_units(read.unwrap_or_default());
    Ok(Some(units.write_capacity_units(write.unwrap_or_default()).build()?))
}

pub(super) fn on_demand(limits: &OnDemand) -> OnDemandThroughput {
    let given = |n: Option<i64>| n.filter(|n| *n != 0);
    OnDemandThroughput::builder()
        .set_max_read_request_units(given(limits.max_read_request_units))
        .set_max_write_request_units(given(limits.max_write_request_units))
        .build()
}

pub(super) fn projection<'a>(kind: &str, more: impl IntoIterator<Item = &'a String>) -> Projection {
    let more: Vec<String> = more.into_iter().cloned().collect();
    let builder = Projection::builder().projection_type(ProjectionType::from(kind));
    builder.set_non_key_attributes(Some(more).filter(|m| !m.is_empty())).build()
}

fn global(new: &Table) -> Result<Option<Vec<GlobalSecondaryIndex>>> {
    let of = |i: &GlobalIndex| {
        Ok(GlobalSecondaryIndex::builder()
            .index_name(&i.name)
            .set_key_schema(Some(keys(Some(&i.hash_key), Some(&i.range_key))?))
            .projection(projection(&i.projection_type, i.non_key_attributes.iter().flatten()))
            .set_on_demand_throughput(i.on_demand_throughput.as_ref().map(on_demand))
            .set_provisioned_throughput(capacity(&new.billing_mode, i.read_capacity, i.write_capacity)?)
            .build()?)
    };
    let list = new.global_secondary_index.iter().map(of).collect::<Result<Vec<_>>>()?;
    Ok(Some(list).filter(|l| !l.is_empty()))
}

fn local(new: &Table) -> Result<Option<Vec<LocalSecondaryIndex>>> {
    let of = |i: &LocalIndex| {
        Ok(LocalSecondaryIndex::builder()
            .index_name(&i.name)
            .set_key_schema(Some(keys(new.hash_key.as_deref(), Some(&i.range_key))?))
            .projection(projection(&i.projection_type, i.non_key_attributes.iter().flatten()))
            .build()?)
    };
    let list = new.local_secondary_index.iter().map(of).collect::<Result<Vec<_>>>()?;
    Ok(Some(list).filter(|l| !l.is_empty()))
}

pub(super) fn encryption(e: &Encryption) -> SseSpecification {
    let key = given(&e.kms_key_arn);
    let kind = key.is_some().then_some(SseType::Kms);
    SseSpecification::builder().enabled(e.enabled).set_kms_master_key_id(key).set_sse_type(kind).build()
}

/// The stream as configured; what it holds goes along where it is on.
pub(super) fn stream(new: &Table) -> Result<StreamSpecification> {
    let on = new.stream_enabled.unwrap_or_default();
    let view = given(&new.stream_view_type).filter(|_| on).map(|v| StreamViewType::from(v.as_str()));
    Ok(StreamSpecification::builder().stream_enabled(on).set_stream_view_type(view).build()?)
}
