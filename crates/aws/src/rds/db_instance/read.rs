//! From the service's answer.

use aws_sdk_rds::types::{DbInstance as Sdk, DomainMembership, Filter};

use super::{DbInstance, Endpoint, MasterSecret};
use crate::kit::prelude::*;
use crate::rds::{from_tags, time};

/// Resource ids and names are asked apart; a list of ids that are gone would fail as a whole, a filter does not.
pub(super) async fn read(cx: &Cx, at: &[Ref<DbInstance>]) -> Result<Vec<Live<DbInstance>>> {
    let (by_id, by_name): (Vec<_>, Vec<_>) = at.iter().partition(|r| is_resource_id(&r.id));
    let mut out = Vec::new();
    for (filter, refs) in [("dbi-resource-id", by_id), ("db-instance-id", by_name)] {
        if refs.is_empty() {
            continue;
        }
        let ids = refs.iter().map(|r| r.id.clone()).collect();
        let filter = Filter::builder().name(filter).set_values(Some(ids)).build();
        let call = cx.rds().describe_db_instances().filters(filter).max_records(100);
        for found in all(call.into_paginator().items().send()).await? {
            let names = [found.dbi_resource_id(), found.db_instance_identifier()];
            for r in refs.iter().filter(|r| names.contains(&Some(&r.id))) {
                let id = found.dbi_resource_id().unwrap_or(&r.id).to_owned();
                let created = found.instance_create_time().map(|t| t.secs());
                out.push(r.live(id, live(&found, &r.known)).status(status(&found)).created(created));
            }
        }
    }
    Ok(out)
}

/// `db-` and capitals; names have no capitals.
fn is_resource_id(id: &str) -> bool {
    id.strip_prefix("db-").is_some_and(|rest| rest.bytes().any(|b| b.is_ascii_uppercase()))
}

fn status(d: &Sdk) -> Status {
    match d.db_instance_status().unwrap_or_default() {
        "available" | "storage-optimization" | "storage-full" | "stopped" | "upgrade-failed" => Status::Ready,
        "deleting" => Status::Deleting,
        s @ ("failed" | "restore-error" | "inaccessible-encryption-credentials") => {
            Status::Failed(format!("status {s}"))
        }
        s if s.starts_with("incompatible-") => Status::Failed(format!("status {s}")),
        _ => Status::Pending,
    }
}

fn live(d: &Sdk, known: &DbInstance) -> DbInstance {
    let text = |t: Option<&str>| t.filter(|t| !t.is_empty()).map(str::to_owned);
    let domain = |f: fn(&DomainMembership) -> Option<&str>| text(d.domain_memberships().first().and_then(f));
    let dns: Vec<String> = d.domain_memberships().iter().flat_map(|m| m.dns_ips()).cloned().collect();
    let at = d.endpoint();
    let address = text(at.and_then(|e| e.address()));
    let port = at.and_then(|e| e.port()).or(d.db_instance_port().filter(|p| *p > 0));
    let groups = d.vpc_security_groups().iter().filter_map(|g| g.vpc_security_group_id.clone());
    DbInstance {
        allocated_storage: d.allocated_storage(),
        allow_major_version_upgrade: unread(),
        apply_immediately: unread(),
        arn: text(d.db_instance_arn()),
        auto_minor_version_upgrade: d.auto_minor_version_upgrade().unwrap_or_default(),
        availability_zone: text(d.availability_zone()),
        backup_retention_period: Some(d.backup_retention_period().unwrap_or_default()),
        backup_target: text(d.backup_target()),
        backup_window: text(d.preferred_backup_window()),
        blue_green_update: unread(),
        ca_cert_identifier: text(d.ca_certificate_identifier()),
        character_set_name: text(d.character_set_name()),
        copy_tags_to_snapshot: d.copy_tags_to_snapshot().unwrap_or_default(),
        custom_iam_instance_profile: text(d.custom_iam_instance_profile()),
        customer_owned_ip_enabled: Some(d.customer_owned_ip_enabled().unwrap_or_default()),
        database_insights_mode: d.database_insights_mode().map(|m| m.as_str().to_owned()),
        db_name: text(d.db_name()),
        db_subnet_group_name: text(d.db_subnet_group().and_then(|g| g.db_subnet_group_name())),
        dedicated_log_volume: d.dedicated_log_volume().unwrap_or_default(),
        delete_automated_backups: unread(),
        deletion_protection: Some(d.deletion_protection().unwrap_or_default()),
        domain: domain(|m| m.domain()),
        domain_auth_secret_arn: domain(|m| m.auth_secret_arn()),
        domain_dns_ips: Some(dns).filter(|l| !l.is_empty()),
        domain_fqdn: domain(|m| m.fqdn()),
        domain_iam_role_name: domain(|m| m.iam_role_name()),
        domain_ou: domain(|m| m.ou()),
        enabled_cloudwatch_logs_exports: Some(d.enabled_cloudwatch_logs_exports().iter().cloned().collect()),
        endpoint: address.as_ref().map(|a| format!("{a}:{}", port.unwrap_or_default())),
        address,
        engine: text(d.engine()),
        engine_lifecycle_support: text(d.engine_lifecycle_support()),
        engine_version: text(d.engine_version()),
        engine_version_actual: text(d.engine_version()),
        final_snapshot_identifier: unread(),
        hosted_zone_id: text(at.and_then(|e| e.hosted_zone_id())),
        iam_database_authentication_enabled: Some(d.iam_database_authentication_enabled().unwrap_or_default()),
        identifier: d.db_instance_identifier().unwrap_or_default().to_owned(),
        instance_class: d.db_instance_class().unwrap_or_default().to_owned(),
        iops: Some(d.iops().unwrap_or_default()),
        kms_key_id: text(d.kms_key_id()),
        latest_restorable_time: d.latest_restorable_time().and_then(time),
        license_model: text(d.license_model()),
        listener_endpoint: Some(d.listener_endpoint().map(endpoint).into_iter().collect()),
        maintenance_window: text(d.preferred_maintenance_window()),
        manage_master_user_password: unread(),
        master_user_secret: Some(d.master_user_secret().map(secret).into_iter().collect()),
        master_user_secret_kms_key_id: text(d.master_user_secret().and_then(|s| s.kms_key_id())),
        max_allocated_storage: Some(d.max_allocated_storage().unwrap_or_default()),
        monitoring_interval: d.monitoring_interval().unwrap_or_default(),
        monitoring_role_arn: text(d.monitoring_role_arn()),
        multi_az: d.multi_az(),
        nchar_character_set_name: text(d.nchar_character_set_name()),
        network_type: text(d.network_type()),
        option_group_name: text(d.option_group_memberships().first().and_then(|g| g.option_group_name())),
        parameter_group_name: text(d.db_parameter_groups().first().and_then(|g| g.db_parameter_group_name())),
        password: unread(),
        password_wo: unread(),
        password_wo_version: unread(),
        performance_insights_enabled: d.performance_insights_enabled().unwrap_or_default(),
        performance_insights_kms_key_id: text(d.performance_insights_kms_key_id()),
        performance_insights_retention_period: Some(d.performance_insights_retention_period().unwrap_or_default()),
        port,
        publicly_accessible: d.publicly_accessible().unwrap_or_default(),
        replica_mode: d.replica_mode().map(|m| m.as_str().to_owned()),
        replicas: Some(d.read_replica_db_instance_identifiers().to_vec()),
        replicate_source_db: source(d.read_replica_source_db_instance_identifier(), known),
        resource_id: text(d.dbi_resource_id()),
        restore_to_point_in_time: unread(),
        s3_import: unread(),
        skip_final_snapshot: unread(),
        snapshot_identifier: unread(),
        status: text(d.db_instance_status()),
        storage_encrypted: Some(d.storage_encrypted().unwrap_or_default()),
        storage_throughput: Some(d.storage_throughput().unwrap_or_default()),
        storage_type: text(d.storage_type()),
        tags: from_tags(d.tag_list()),
        timezone: text(d.timezone()),
        upgrade_storage_config: unread(),
        username: text(d.master_username()),
        vpc_security_group_ids: Some(groups.collect()),
    }
}

/// The source's name; its ARN where the user wrote that for a source in the same region.
fn source(live: Option<&str>, known: &DbInstance) -> Option<String> {
    let live = live.filter(|s| !s.is_empty())?;
    let written = known.replicate_source_db.as_deref().filter(|w| w.rsplit(':').next() == Some(live));
    Some(written.unwrap_or(live).to_owned())
}

fn endpoint(e: &aws_sdk_rds::types::Endpoint) -> Endpoint {
    Endpoint { address: e.address.clone(), hosted_zone_id: e.hosted_zone_id.clone(), port: e.port }
}

fn secret(s: &aws_sdk_rds::types::MasterUserSecret) -> MasterSecret {
    MasterSecret {
        kms_key_id: s.kms_key_id.clone(),
        secret_arn: s.secret_arn.clone(),
        secret_status: s.secret_status.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_names() {
        assert!(is_resource_id("db-ABCDEF012345"));
        assert!(!is_resource_id("db-main") && !is_resource_id("main"));
    }
}
