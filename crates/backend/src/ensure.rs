//! Making the bucket and the lock table of a block, where they are missing.

use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketVersioningStatus, CreateBucketConfiguration, VersioningConfiguration,
};
use stackctl_aws::kit::connect::Connection;
use stackctl_aws::kit::errors::sdk;
use stackctl_core::{Error, Result};

use crate::config::S3;

pub(crate) async fn ensure(settings: &S3, connection: &Connection) -> Result<()> {
    let (client, _) = crate::clients(settings, connection);
    if bucket(&client, &settings.bucket, &connection.region).await? {
        versioned(&client, &settings.bucket).await?;
    }
    if let Some(name) = &settings.table {
        table(&aws_sdk_dynamodb::Client::new(&connection.sdk_for("dynamodb")), name).await?;
    }
    Ok(())
}

/// True if it was made.
pub(crate) async fn bucket(client: &aws_sdk_s3::Client, name: &str, region: &str) -> Result<bool> {
    match client.head_bucket().bucket(name).send().await {
        Ok(_) => return Ok(false),
        Err(e) if e.as_service_error().is_some_and(|e| e.is_not_found()) => {}
        Err(e) => return Err(sdk("s3", "HeadBucket", e)),
    }
    let place = (region != "us-east-1").then(|| {
        CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::from(region)).build()
    });
    match client.create_bucket().bucket(name).set_create_bucket_configuration(place).send().await {
        Ok(_) => Ok(true),
        Err(e) if e.as_service_error().is_some_and(|e| e.is_bucket_already_owned_by_you()) => Ok(true),
        Err(e) => Err(sdk("s3", "CreateBucket", e)),
    }
}

async fn versioned(client: &aws_sdk_s3::Client, name: &str) -> Result<()> {
    let on = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    let sent = client.put_bucket_versioning().bucket(name).versioning_configuration(on).send().await;
    sent.map(|_| ()).map_err(|e| sdk("s3", "PutBucketVersioning", e))
}

/// True if it was made.
pub(crate) async fn table(client: &aws_sdk_dynamodb::Client, name: &str) -> Result<bool> {
    let incomplete = |e: aws_sdk_dynamodb::error::BuildError| Error::invalid(e.to_string());
    match client.describe_table().table_name(name).send().await {
        Ok(_) => return Ok(false),
        Err(e) if e.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => {}
        Err(e) => return Err(sdk("dynamodb", "DescribeTable", e)),
    }
    let key =
        KeySchemaElement::builder().attribute_name("LockID").key_type(KeyType::Hash).build().map_err(incomplete)?;
    let definition = AttributeDefinition::builder()
        .attribute_name("LockID")
        .attribute_type(ScalarAttributeType::S)
        .build()
        .map_err(incomplete)?;
    let made = client
        .create_table()
        .table_name(name)
        .key_schema(key)
        .attribute_definitions(definition)
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await;
    match made {
        Ok(_) => {}
        Err(e) if e.as_service_error().is_some_and(|e| e.is_resource_in_use_exception()) => {}
        Err(e) => return Err(sdk("dynamodb", "CreateTable", e)),
    }
    for _ in 0..60 {
        let now = client.describe_table().table_name(name).send().await;
        let now = now.map_err(|e| sdk("dynamodb", "DescribeTable", e))?;
        let active = aws_sdk_dynamodb::types::TableStatus::Active;
        if now.table().and_then(|t| t.table_status()) == Some(&active) {
            return Ok(true);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Err(Error::invalid(format!("The lock table {name:?} was made and does not become active.")))
}
