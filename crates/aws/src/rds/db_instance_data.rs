//! `data.aws_db_instance`.

use aws_sdk_rds::types::{DbInstance as Sdk, Filter};

use super::from_tags;
use crate::kit::prelude::*;

/// A database instance, by identifier or by tags. Exactly one must match.
#[derive(Clone, Debug, Data)]
#[data(type = "aws_db_instance")]
pub(crate) struct DbInstanceData {
    /// Host name.
    address: Computed<String>,
    /// Storage, in GiB.
    allocated_storage: Computed<i32>,
    /// Whether minor versions are applied by themselves.
    auto_minor_version_upgrade: Computed<bool>,
    /// Availability zone.
    availability_zone: Computed<String>,
    /// Days for which backups are kept.
    backup_retention_period: Computed<i32>,
    /// CA of the server's certificate.
    ca_cert_identifier: Computed<String>,
    /// Mode of Database Insights.
    database_insights_mode: Computed<String>,
    /// Cluster that it belongs to.
    db_cluster_identifier: Computed<String>,
    /// ARN.
    db_instance_arn: Computed<String>,
    /// Class.
    db_instance_class: Computed<String>,
    /// Identifier, to find an instance by.
    db_instance_identifier: OptComputed<String>,
    /// Port of a member of a cluster.
    db_instance_port: Computed<i32>,
    /// First database.
    db_name: Computed<String>,
    /// Parameter groups.
    db_parameter_groups: Computed<Vec<String>>,
    /// Subnet group.
    db_subnet_group: Computed<String>,
    /// Logs that go to CloudWatch.
    enabled_cloudwatch_logs_exports: Computed<Vec<String>>,
    /// Host name and port.
    endpoint: Computed<String>,
    /// Engine.
    engine: Computed<String>,
    /// Version of the engine.
    engine_version: Computed<String>,
    /// Route 53 zone of the host name.
    hosted_zone_id: Computed<String>,
    /// Identifier.
    id: OptComputed<String>,
    /// Provisioned IOPS.
    iops: Computed<i32>,
    /// KMS key of the storage.
    kms_key_id: Computed<String>,
    /// License model.
    license_model: Computed<String>,
    /// The password that RDS manages.
    master_user_secret: Computed<Vec<ManagedSecret>>,
    /// Main user.
    master_username: Computed<String>,
    /// How far storage may grow, in GiB.
    max_allocated_storage: Computed<i32>,
    /// Seconds between measurements of the system.
    monitoring_interval: Computed<i32>,
    /// Role that writes them.
    monitoring_role_arn: Computed<String>,
    /// Whether a standby exists in another zone.
    multi_az: Computed<bool>,
    /// `IPV4` or `DUAL`.
    network_type: Computed<String>,
    /// Option groups.
    option_group_memberships: Computed<Vec<String>>,
    /// Port.
    port: Computed<i32>,
    /// When backups are made.
    preferred_backup_window: Computed<String>,
    /// When maintenance is done.
    preferred_maintenance_window: Computed<String>,
    /// Whether it can be reached from the internet.
    publicly_accessible: Computed<bool>,
    /// Source of a replica.
    replicate_source_db: Computed<String>,
    /// Id that never changes.
    resource_id: Computed<String>,
    /// Whether the storage is encrypted.
    storage_encrypted: Computed<bool>,
    /// Throughput of the storage.
    storage_throughput: Computed<i32>,
    /// Type of the storage.
    storage_type: Computed<String>,
    /// Tags, to find an instance by.
    tags: OptComputed<BTreeMap<String, String>>,
    /// Time zone.
    timezone: Computed<String>,
    /// Security groups.
    vpc_security_groups: Computed<Vec<String>>,
}

/// The password that RDS manages.
#[derive(Block, Clone, Debug)]
pub(crate) struct ManagedSecret {
    /// KMS key.
    kms_key_id: String,
    /// ARN of the secret.
    secret_arn: String,
    /// State of the secret.
    secret_status: String,
}

impl Data for DbInstanceData {
    const ACTIONS: &'static [&'static str] = &["rds:DescribeDBInstances"];

    async fn read(cx: &Cx, config: &Self) -> Result<Self> {
        let name = config.db_instance_identifier.clone().filter(|n| !n.is_empty());
        let filter = name.map(|n| Filter::builder().name("db-instance-id").set_values(Some(vec![n])).build());
        let call = cx.rds().describe_db_instances().set_filters(filter.map(|f| vec![f]));
        let wanted = config.tags.clone().unwrap_or_default();
        let has = |d: &Sdk| wanted.iter().all(|(k, v)| from_tags(d.tag_list()).0.get(k) == Some(v));
        let mut found = all(call.into_paginator().items().send()).await?;
        found.retain(has);
        match found.len() {
            1 => Ok(shown(cx, &found.remove(0))),
            0 => Err(Error::invalid("No database instance matches.")),
            n => Err(Error::invalid(format!("{n} database instances match: say more about the one that is meant."))),
        }
    }
}

fn shown(cx: &Cx, d: &Sdk) -> DbInstanceData {
    let text = |v: Option<&str>| Some(v.unwrap_or_default().to_owned());
    let number = |v: Option<i32>| Some(v.unwrap_or_default());
    let flag = |v: Option<bool>| Some(v.unwrap_or_default());
    let at = d.endpoint();
    let address = at.and_then(|e| e.address()).unwrap_or_default().to_owned();
    let port = at.and_then(|e| e.port()).unwrap_or_default();
    let parameters = d.db_parameter_groups().iter().filter_map(|g| g.db_parameter_group_name.clone());
    let options = d.option_group_memberships().iter().filter_map(|g| g.option_group_name.clone());
    let groups = d.vpc_security_groups().iter().filter_map(|g| g.vpc_security_group_id.clone());
    let secret = d.master_user_secret().map(|s| ManagedSecret {
        kms_key_id: s.kms_key_id().unwrap_or_default().to_owned(),
        secret_arn: s.secret_arn().unwrap_or_default().to_owned(),
        secret_status: s.secret_status().unwrap_or_default().to_owned(),
    });
    DbInstanceData {
        allocated_storage: number(d.allocated_storage()),
        auto_minor_version_upgrade: flag(d.auto_minor_version_upgrade()),
        availability_zone: text(d.availability_zone()),
        backup_retention_period: number(d.backup_retention_period()),
        ca_cert_identifier: text(d.ca_certificate_identifier()),
        database_insights_mode: text(d.database_insights_mode().map(|m| m.as_str())),
        db_cluster_identifier: text(d.db_cluster_identifier()),
        db_instance_arn: text(d.db_instance_arn()),
        db_instance_class: text(d.db_instance_class()),
        db_instance_identifier: text(d.db_instance_identifier()),
        db_instance_port: number(d.db_instance_port()),
        db_name: text(d.db_name()),
        db_parameter_groups: Some(parameters.collect()),
        db_subnet_group: text(d.db_subnet_group().and_then(|g| g.db_subnet_group_name())),
        enabled_cloudwatch_logs_exports: Some(d.enabled_cloudwatch_logs_exports().to_vec()),
        endpoint: at.map(|_| format!("{address}:{port}")),
        engine: text(d.engine()),
        engine_version: text(d.engine_version()),
        hosted_zone_id: text(at.and_then(|e| e.hosted_zone_id())),
        id: text(d.db_instance_identifier()),
        iops: number(d.iops()),
        kms_key_id: text(d.kms_key_id()),
        license_model: text(d.license_model()),
        master_user_secret: secret.map(|s| vec![s]),
        master_username: text(d.master_username()),
        max_allocated_storage: number(d.max_allocated_storage()),
        monitoring_interval: number(d.monitoring_interval()),
        monitoring_role_arn: text(d.monitoring_role_arn()),
        multi_az: flag(d.multi_az()),
        network_type: text(d.network_type()),
        option_group_memberships: Some(options.collect()),
        port: Some(port),
        preferred_backup_window: text(d.preferred_backup_window()),
        preferred_maintenance_window: text(d.preferred_maintenance_window()),
        publicly_accessible: flag(d.publicly_accessible()),
        replicate_source_db: text(d.read_replica_source_db_instance_identifier()),
        resource_id: text(d.dbi_resource_id()),
        storage_encrypted: flag(d.storage_encrypted()),
        storage_throughput: number(d.storage_throughput()),
        storage_type: text(d.storage_type()),
        tags: Some(cx.visible_tags(&from_tags(d.tag_list()))),
        timezone: text(d.timezone()),
        vpc_security_groups: Some(groups.collect()),
        address: Some(address),
    }
}
