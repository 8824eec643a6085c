//! Making the bucket and the lock table of a block, where they are missing.

use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TableDescription, TableStatus,
};
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
        Err(e) => {
            // The answer to HEAD has no body, so that its status and headers are all there is.
            let elsewhere = e.raw_response().and_then(|r| r.headers().get("x-amz-bucket-region")).map(str::to_owned);
            let status = e.raw_response().map(|r| r.status().as_u16());
            return Err(unusable(name, region, elsewhere.as_deref(), status, sdk("s3", "HeadBucket", e)));
        }
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

/// Why a bucket that exists cannot be used.
fn unusable(name: &str, region: &str, elsewhere: Option<&str>, status: Option<u16>, mut e: Error) -> Error {
    match (elsewhere.filter(|r| *r != region), status) {
        (Some(other), _) => {
            e.message = format!("The bucket {name:?} is in {other}.");
            e.hint = Some(format!("Set `region = \"{other}\"` in the backend block."));
        }
        (None, Some(301)) => {
            e.message = format!("The bucket {name:?} is in another region than {region}.");
            e.hint = Some("Correct `region` in the backend block.".to_owned());
        }
        (None, Some(403)) => {
            e.message = format!("The bucket {name:?} exists, and these credentials may not use it.");
            e.hint = Some(
                "Names of buckets are shared by all accounts. If it is somebody else's, choose another name; if it is yours, \
                 the policy needs s3:ListBucket on it."
                    .to_owned(),
            );
        }
        _ => {}
    }
    e
}

/// Refuses a table that cannot hold locks.
fn usable(name: &str, table: &TableDescription) -> Result<()> {
    let keys = table.key_schema();
    let text =
        |d: &AttributeDefinition| d.attribute_name() == "LockID" && *d.attribute_type() == ScalarAttributeType::S;
    if keys.len() == 1 && keys[0].attribute_name() == "LockID" && table.attribute_definitions().iter().any(text) {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "The table {name:?} exists, and cannot hold locks: it needs the hash key `LockID` of type string and no sort key."
    ))
    .hinted("The key of a table cannot be changed: name another one with `dynamodb_table`, and it is made."))
}

/// True if it was made.
pub(crate) async fn table(client: &aws_sdk_dynamodb::Client, name: &str) -> Result<bool> {
    let incomplete = |e: aws_sdk_dynamodb::error::BuildError| Error::invalid(e.to_string());
    match client.describe_table().table_name(name).send().await {
        Ok(out) => {
            let table = out.table();
            table.map_or(Ok(()), |t| usable(name, t))?;
            // A run that was interrupted may have left it in the making.
            return match table.and_then(|t| t.table_status()) {
                Some(TableStatus::Creating) => active(client, name).await.map(|()| false),
                _ => Ok(false),
            };
        }
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
    active(client, name).await.map(|()| true)
}

async fn active(client: &aws_sdk_dynamodb::Client, name: &str) -> Result<()> {
    for _ in 0..60 {
        let now = client.describe_table().table_name(name).send().await;
        let now = now.map_err(|e| sdk("dynamodb", "DescribeTable", e))?;
        if now.table().and_then(|t| t.table_status()) == Some(&TableStatus::Active) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    Err(Error::invalid(format!("The lock table {name:?} does not become active.")))
}
