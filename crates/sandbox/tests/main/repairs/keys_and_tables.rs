//! Repairs of KMS and DynamoDB, of metric filters and of identity providers.

use std::time::Duration;

use serde_json::{Value, json};

use crate::aws::Aws;
use crate::world;

fn kms(aws: Aws, action: &str, document: Value) -> crate::aws::Answer {
    aws.json("kms", &format!("TrentService.{action}"), document)
}

fn dynamo(aws: Aws, action: &str, document: Value) -> crate::aws::Answer {
    aws.json("dynamodb", &format!("DynamoDB_20120810.{action}"), document)
}

fn parsed(answer: crate::aws::Answer) -> Value {
    serde_json::from_str(&answer.ok().body).unwrap()
}

#[tokio::test]
async fn kms_rotation_periods_alias_dates_and_keys_that_wait_for_deletion() {
    let (_, aws) = world().await;
    let key = parsed(kms(aws, "CreateKey", json!({})))["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned();
    let rotation = || parsed(kms(aws, "GetKeyRotationStatus", json!({"KeyId": key})));
    assert_eq!(rotation()["RotationPeriodInDays"], Value::Null);
    kms(aws, "EnableKeyRotation", json!({"KeyId": key})).ok();
    assert_eq!(rotation()["RotationPeriodInDays"], 365);
    kms(aws, "EnableKeyRotation", json!({"KeyId": key, "RotationPeriodInDays": 100})).ok();
    assert_eq!(rotation()["RotationPeriodInDays"], 100);
    kms(aws, "EnableKeyRotation", json!({"KeyId": key, "RotationPeriodInDays": 1})).refused("ValidationException");
    kms(aws, "CreateAlias", json!({"AliasName": "alias/x", "TargetKeyId": key})).ok();
    let aliases = parsed(kms(aws, "ListAliases", json!({})));
    let alias = aliases["Aliases"].as_array().unwrap().iter().find(|a| a["AliasName"] == "alias/x").unwrap().clone();
    assert!(alias["CreationDate"].as_f64().unwrap() > 0.0, "{alias}");
    kms(aws, "ScheduleKeyDeletion", json!({"KeyId": key})).ok();
    kms(aws, "ScheduleKeyDeletion", json!({"KeyId": key})).refused("KMSInvalidStateException");
    kms(aws, "EnableKey", json!({"KeyId": key})).refused("KMSInvalidStateException");
}

fn table(aws: Aws, name: &str) {
    let document = json!({
        "TableName": name, "BillingMode": "PAY_PER_REQUEST", "TableClass": "STANDARD_INFREQUENT_ACCESS",
        "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
        "OnDemandThroughput": {"MaxReadRequestUnits": 5},
    });
    dynamo(aws, "CreateTable", document).ok();
}

fn described(aws: Aws, name: &str) -> Value {
    parsed(dynamo(aws, "DescribeTable", json!({"TableName": name})))["Table"].clone()
}

#[tokio::test]
async fn dynamodb_kept_settings_streams_again_and_replaced_tags() {
    let (_, aws) = world().await;
    table(aws, "t");
    let t = described(aws, "t");
    assert_eq!(t["TableClassSummary"]["TableClass"], "STANDARD_INFREQUENT_ACCESS");
    assert_eq!(t["OnDemandThroughput"]["MaxReadRequestUnits"], 5);
    let stream = |on: bool| {
        let spec = if on {
            json!({"StreamEnabled": true, "StreamViewType": "KEYS_ONLY"})
        } else {
            json!({"StreamEnabled": false})
        };
        dynamo(aws, "UpdateTable", json!({"TableName": "t", "StreamSpecification": spec}))
    };
    stream(true).ok();
    stream(true).refused("ValidationException");
    stream(false).ok();
    stream(true).ok();
    let update = json!({"TableName": "t", "SSESpecification": {"Enabled": true}});
    dynamo(aws, "UpdateTable", update).ok();
    assert_eq!(described(aws, "t")["SSEDescription"]["Status"], "ENABLED");
    let arn = t["TableArn"].clone();
    for value in ["1", "2"] {
        let tags = json!({"ResourceArn": arn, "Tags": [{"Key": "a", "Value": value}]});
        dynamo(aws, "TagResource", tags).ok();
    }
    let tags = parsed(dynamo(aws, "ListTagsOfResource", json!({"ResourceArn": arn})));
    assert_eq!(tags["Tags"], json!([{"Key": "a", "Value": "2"}]));
}

#[tokio::test]
async fn dynamodb_table_states() {
    let (control, aws) = world().await;
    control.states(&json!({"table": {"create": 60, "modify": 60}})).await.unwrap();
    table(aws, "t");
    assert_eq!(described(aws, "t")["TableStatus"], "CREATING");
    let update = || dynamo(aws, "UpdateTable", json!({"TableName": "t", "DeletionProtectionEnabled": true}));
    update().refused("ResourceInUseException");
    control.clock_advance(Duration::from_secs(61)).await.unwrap();
    update().ok();
    assert_eq!(described(aws, "t")["TableStatus"], "UPDATING");
    control.clock_advance(Duration::from_secs(61)).await.unwrap();
    assert_eq!(described(aws, "t")["TableStatus"], "ACTIVE");
}

#[tokio::test]
async fn dynamodb_restored_settings_and_replicas() {
    let (_, aws) = world().await;
    table(aws, "t");
    let restore = json!({"TargetTableName": "u", "SourceTableName": "t", "BillingModeOverride": "PROVISIONED",
        "ProvisionedThroughputOverride": {"ReadCapacityUnits": 3, "WriteCapacityUnits": 4}});
    dynamo(aws, "RestoreTableToPointInTime", restore).ok();
    let restored = described(aws, "u");
    assert_eq!(restored["BillingModeSummary"]["BillingMode"], "PROVISIONED");
    assert_eq!(restored["ProvisionedThroughput"]["ReadCapacityUnits"], 3);
    let replica = |what: &str| {
        let update = json!({"TableName": "t", "ReplicaUpdates": [{what: {"RegionName": "eu-west-1"}}]});
        dynamo(aws, "UpdateTable", update)
    };
    replica("Create").ok();
    replica("Create").refused("ValidationException");
    assert_eq!(described(aws, "t")["Replicas"][0]["RegionName"], "eu-west-1");
    dynamo(aws, "DeleteTable", json!({"TableName": "t"})).refused("ValidationException");
    replica("Delete").ok();
    dynamo(aws, "DeleteTable", json!({"TableName": "t"})).ok();
}

#[tokio::test]
async fn logs_replaced_metric_filters() {
    let (_, aws) = world().await;
    let logs = |action: &str, document: Value| aws.json("logs", &format!("Logs_20140328.{action}"), document);
    logs("CreateLogGroup", json!({"logGroupName": "g"})).ok();
    for pattern in ["a", "b"] {
        let metric = json!({"metricName": "m", "metricNamespace": "n", "metricValue": "1"});
        let filter = json!({"logGroupName": "g", "filterName": "f", "filterPattern": pattern, "metricTransformations": [metric]});
        logs("PutMetricFilter", filter).ok();
    }
    let found = parsed(logs("DescribeMetricFilters", json!({"logGroupName": "g"})));
    let patterns: Vec<_> =
        found["metricFilters"].as_array().unwrap().iter().map(|f| f["filterPattern"].clone()).collect();
    assert_eq!(patterns, ["b"]);
}

#[tokio::test]
async fn iam_client_ids_of_identity_providers() {
    let (_, aws) = world().await;
    let print = "1".repeat(40);
    let create =
        [("Url", "https://a.example.com"), ("ClientIDList.member.1", "x"), ("ThumbprintList.member.1", &print)];
    let arn = aws.query("iam", "CreateOpenIDConnectProvider", &create).ok().tag("OpenIDConnectProviderArn");
    let client = |action: &str, id: &str| {
        aws.query("iam", action, &[("OpenIDConnectProviderArn", &arn), ("ClientID", id)]).ok();
    };
    client("AddClientIDToOpenIDConnectProvider", "y");
    client("AddClientIDToOpenIDConnectProvider", "y");
    client("RemoveClientIDFromOpenIDConnectProvider", "x");
    let found = aws.query("iam", "GetOpenIDConnectProvider", &[("OpenIDConnectProviderArn", &arn)]).ok();
    assert!(found.body.contains("<member>y</member>") && !found.body.contains("<member>x</member>"), "{}", found.body);
}
