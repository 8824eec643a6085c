//! Repairs of RDS.

use std::time::Duration;

use serde_json::json;

use super::{database, described, subnets};
use crate::world;

#[tokio::test]
async fn rds_own_resource_id() {
    let (_, aws) = world().await;
    let ids = ["one", "two"].map(|name| database(aws, name, &[]).ok().tag("DbiResourceId"));
    assert_ne!(ids[0], ids[1]);
    assert!(ids.iter().all(|id| id.len() == 29 && id.starts_with("db-")), "{ids:?}");
    let filter = [("Filters.Filter.1.Name", "dbi-resource-id"), ("Filters.Filter.1.Values.Value.1", ids[1].as_str())];
    let found = aws.query("rds", "DescribeDBInstances", &filter).ok();
    assert_eq!(found.tags("DBInstanceIdentifier"), ["two"]);
}

#[tokio::test]
async fn rds_performance_insights() {
    let (_, aws) = world().await;
    let made = database(aws, "one", &[("EnablePerformanceInsights", "true")]).ok();
    assert_eq!(made.tag("PerformanceInsightsEnabled"), "true");
    assert_eq!(made.tag("PerformanceInsightsRetentionPeriod"), "7");
    let off = [("DBInstanceIdentifier", "one"), ("EnablePerformanceInsights", "false"), ("ApplyImmediately", "true")];
    aws.query("rds", "ModifyDBInstance", &off).ok();
    assert_eq!(described(aws, "one").tag("PerformanceInsightsEnabled"), "false");
}

#[tokio::test]
async fn rds_touching_windows() {
    let (_, aws) = world().await;
    let windows = |backup| [("PreferredBackupWindow", backup), ("PreferredMaintenanceWindow", "mon:04:00-mon:05:00")];
    database(aws, "touching", &windows("03:00-04:00")).ok();
    database(aws, "overlapping", &windows("03:00-04:01")).refused("must not overlap");
}

#[tokio::test]
async fn rds_subnet_groups() {
    let (_, aws) = world().await;
    let (_, subnets) = subnets(aws);
    let group = [("DBSubnetGroupName", "Group"), ("DBSubnetGroupDescription", "text")];
    let members =
        [("SubnetIds.SubnetIdentifier.1", subnets[0].as_str()), ("SubnetIds.SubnetIdentifier.2", &subnets[1])];
    let tags = [("Tags.Tag.1.Key", "k"), ("Tags.Tag.1.Value", "v")];
    let made = aws.query("rds", "CreateDBSubnetGroup", &[&group[..], &members, &tags].concat()).ok();
    aws.query("rds", "CreateDBSubnetGroup", &[&group[..], &members].concat()).refused("DBSubnetGroupAlreadyExists");
    let listed = aws.query("rds", "ListTagsForResource", &[("ResourceName", &made.tag("DBSubnetGroupArn"))]);
    assert_eq!(listed.tags("Value"), ["v"]);
    aws.query("rds", "ModifyDBSubnetGroup", &[group[0], members[0]]).ok();
    let got = aws.query("rds", "DescribeDBSubnetGroups", &[("DBSubnetGroupName", "group")]).ok();
    assert_eq!((got.tags("SubnetIdentifier").len(), got.tag("DBSubnetGroupDescription").as_str()), (1, "text"));
    database(aws, "inside", &[("DBSubnetGroupName", "group")]).ok();
    aws.query("rds", "DeleteDBSubnetGroup", &[group[0]]).refused("InvalidDBSubnetGroupStateFault");
    let gone = [("DBInstanceIdentifier", "inside"), ("SkipFinalSnapshot", "true")];
    aws.query("rds", "DeleteDBInstance", &gone).ok();
    aws.query("rds", "DeleteDBSubnetGroup", &[group[0]]).ok();
}

#[tokio::test]
async fn rds_parameter_groups() {
    let (_, aws) = world().await;
    let name = ("DBParameterGroupName", "pg");
    aws.query("rds", "DescribeDBParameterGroups", &[name]).refused("DBParameterGroupNotFound");
    let family = [name, ("DBParameterGroupFamily", "postgres15"), ("Description", "text")];
    aws.query("rds", "CreateDBParameterGroup", &family).ok();
    let parameter = |n: &'static str| (n, "max_connections");
    let set = [
        parameter("Parameters.Parameter.1.ParameterName"),
        ("Parameters.Parameter.1.ParameterValue", "9"),
        ("Parameters.Parameter.1.ApplyMethod", "immediate"),
    ];
    aws.query("rds", "ModifyDBParameterGroup", &[&[name], &set[..]].concat()).ok();
    let values = || aws.query("rds", "DescribeDBParameters", &[name, ("Source", "user")]).ok().tags("ParameterValue");
    assert_eq!(values(), ["9"]);
    aws.query("rds", "ResetDBParameterGroup", &[name, set[0], set[2]]).ok();
    assert_eq!(values(), [""; 0]);
}

#[tokio::test]
async fn rds_replicas() {
    let (_, aws) = world().await;
    let made = database(aws, "primary", &[("DeletionProtection", "true"), ("BackupRetentionPeriod", "3")]).ok();
    let replica = [("DBInstanceIdentifier", "replica"), ("SourceDBInstanceIdentifier", "primary")];
    let replica = aws.query("rds", "CreateDBInstanceReadReplica", &replica).ok();
    assert_ne!(made.tag("DbiResourceId"), replica.tag("DbiResourceId"));
    assert_eq!((replica.tag("DeletionProtection"), replica.tag("BackupRetentionPeriod")), ("false".into(), "0".into()));
    assert!(described(aws, "primary").body.contains(">replica<"));
    aws.query("rds", "DeleteDBInstance", &[("DBInstanceIdentifier", "replica"), ("SkipFinalSnapshot", "true")]).ok();
    aws.query("rds", "DeleteDBInstance", &[("DBInstanceIdentifier", "primary"), ("SkipFinalSnapshot", "true")])
        .refused("deletion protection");
}

#[tokio::test]
async fn rds_instance_states() {
    let (control, aws) = world().await;
    control.states(&json!({"db_instance": {"create": 300, "modify": 60, "delete": 90}})).await.unwrap();
    let status = || described(aws, "slow").tag("DBInstanceStatus");
    database(aws, "slow", &[]).ok();
    assert_eq!((status(), described(aws, "slow").tag("Address")), ("creating".into(), String::new()));
    let size = [("DBInstanceIdentifier", "slow"), ("AllocatedStorage", "30"), ("ApplyImmediately", "true")];
    aws.query("rds", "ModifyDBInstance", &size).refused("InvalidDBInstanceState");
    control.clock_advance(Duration::from_secs(200)).await.unwrap();
    assert_eq!(status(), "creating");
    control.clock_advance(Duration::from_secs(101)).await.unwrap();
    assert_eq!(status(), "available");
    assert!(described(aws, "slow").tag("Address").ends_with(".rds.amazonaws.com"));
    aws.query("rds", "ModifyDBInstance", &size).ok();
    assert_eq!(status(), "modifying");
    control.clock_advance(Duration::from_secs(61)).await.unwrap();
    assert_eq!(status(), "available");
    aws.query("rds", "DeleteDBInstance", &[("DBInstanceIdentifier", "slow"), ("SkipFinalSnapshot", "true")]).ok();
    assert_eq!(status(), "deleting");
    control.clock_advance(Duration::from_secs(91)).await.unwrap();
    described(aws, "slow").refused("DBInstanceNotFound");
}
