//! What can change in place: all of it in one request, sent only if there is anything to send.

use aws_sdk_rds::types::{CloudwatchLogsExportConfiguration, ReplicaMode};

use super::{DbInstance, create};
use crate::kit::prelude::*;

pub(super) async fn update(cx: &Cx, ch: &Change<'_, DbInstance>) -> Result<()> {
    if changed!(ch, replicate_source_db) {
        promote(cx, ch).await?;
    }
    let Some(password) = password(ch) else { return Ok(()) };
    modify(cx, ch, password).await
}

/// A replica without source becomes an instance of its own. It cannot get another source.
async fn promote(cx: &Cx, ch: &Change<'_, DbInstance>) -> Result<()> {
    let new = ch.new;
    if new.replicate_source_db.is_some() {
        let message =
            "The source of a replica cannot be changed; remove `replicate_source_db` to promote it, or replace it.";
        return Err(Error::invalid(message));
    }
    cx.rds()
        .promote_read_replica()
        .db_instance_identifier(&ch.old.identifier)
        .set_backup_retention_period(new.backup_retention_period)
        .set_preferred_backup_window(new.backup_window.clone())
        .send()
        .await?;
    Ok(())
}

/// The password to send: `Some(None)` for none, `None` where there is nothing to modify at all.
fn password(ch: &Change<'_, DbInstance>) -> Option<Option<String>> {
    let new = ch.new;
    // A restore and a replica take no password; it is sent when they are there.
    let origin = new.snapshot_identifier.is_some() || new.restore_to_point_in_time.is_some();
    let managed = new.manage_master_user_password == Some(true);
    if ch.fresh {
        let password = create::password(new).filter(|_| origin || new.replicate_source_db.is_some());
        let any = sent(ch) || password.is_some() || (origin && managed);
        return any.then_some(password);
    }
    let password =
        create::password(new).filter(|_| changed!(ch, password, password_wo_version, manage_master_user_password));
    let any = sent(ch) || password.is_some() || changed!(ch, manage_master_user_password);
    any.then_some(password)
}

/// True if anything changed that a modification carries. Arguments that only steer other requests do not count: the
/// service refuses a modification of nothing.
fn sent(ch: &Change<'_, DbInstance>) -> bool {
    let steering = changed_names(ch);
    ch.fields.0.iter().any(|f| !steering.contains(&f.as_str()))
}

fn changed_names(ch: &Change<'_, DbInstance>) -> [&'static str; 16] {
    let n = ch.names();
    [
        n.allow_major_version_upgrade,
        n.apply_immediately,
        n.blue_green_update,
        n.delete_automated_backups,
        n.final_snapshot_identifier,
        n.manage_master_user_password,
        n.password,
        n.password_wo,
        n.password_wo_version,
        n.replicate_source_db,
        n.restore_to_point_in_time,
        n.s3_import,
        n.skip_final_snapshot,
        n.snapshot_identifier,
        n.upgrade_storage_config,
        "timeouts",
    ]
}

async fn modify(cx: &Cx, ch: &Change<'_, DbInstance>, password: Option<String>) -> Result<()> {
    let (old, new) = (ch.old, ch.new);
    let fresh_managed =
        ch.fresh && new.replicate_source_db.is_none() && old.master_user_secret.iter().flatten().next().is_none();
    let managed = if fresh_managed {
        new.manage_master_user_password.filter(|m| *m)
    } else if changed!(ch, manage_master_user_password) {
        Some(new.manage_master_user_password.unwrap_or_default())
    } else {
        None
    };
    let domain = changed!(ch, domain, domain_iam_role_name);
    let own_domain = changed!(ch, domain_auth_secret_arn, domain_dns_ips, domain_fqdn, domain_ou);
    let insights = changed!(
        ch,
        database_insights_mode,
        performance_insights_enabled,
        performance_insights_kms_key_id,
        performance_insights_retention_period
    );
    let positive = |n: Option<i32>| n.filter(|n| *n != 0);
    let (storage, iops, throughput) = volume(ch);
    // No limit is told as a limit that equals the storage.
    let limit = changed!(ch, max_allocated_storage)
        .then(|| positive(new.max_allocated_storage).or(new.allocated_storage).or(old.allocated_storage));
    cx.rds()
        .modify_db_instance()
        .db_instance_identifier(&old.identifier)
        .apply_immediately(ch.fresh || new.apply_immediately)
        .set_allocated_storage(storage)
        .set_iops(iops)
        .set_storage_throughput(throughput)
        .set_storage_type(if_changed!(ch, storage_type))
        .set_max_allocated_storage(limit.flatten())
        .set_allow_major_version_upgrade(new.allow_major_version_upgrade.filter(|a| *a))
        .set_auto_minor_version_upgrade(if_changed!(ch, auto_minor_version_upgrade))
        .set_backup_retention_period(if_changed!(ch, backup_retention_period))
        .set_preferred_backup_window(if_changed!(ch, backup_window))
        .set_ca_certificate_identifier(if_changed!(ch, ca_cert_identifier))
        .set_copy_tags_to_snapshot(if_changed!(ch, copy_tags_to_snapshot))
        .set_enable_customer_owned_ip(flag(changed!(ch, customer_owned_ip_enabled), new.customer_owned_ip_enabled))
        .set_database_insights_mode(
            new.database_insights_mode.as_deref().map(Into::into).filter(|_| changed!(ch, database_insights_mode)),
        )
        .set_db_subnet_group_name(if_changed!(ch, db_subnet_group_name))
        .set_dedicated_log_volume(if_changed!(ch, dedicated_log_volume))
        .set_deletion_protection(flag(!ch.fresh || changed!(ch, deletion_protection), new.deletion_protection))
        .set_domain(text(domain, &new.domain))
        .set_domain_iam_role_name(text(domain, &new.domain_iam_role_name))
        .set_domain_auth_secret_arn(text(own_domain, &new.domain_auth_secret_arn))
        .set_domain_dns_ips(new.domain_dns_ips.clone().filter(|l| own_domain && !l.is_empty()))
        .set_domain_fqdn(text(own_domain, &new.domain_fqdn))
        .set_domain_ou(text(own_domain, &new.domain_ou))
        .set_cloudwatch_logs_export_configuration(changed!(ch, enabled_cloudwatch_logs_exports).then(|| logs(old, new)))
        .set_engine_lifecycle_support(if_changed!(ch, engine_lifecycle_support))
        .set_engine_version(if_changed!(ch, engine_version))
        .set_enable_iam_database_authentication(flag(
            changed!(ch, iam_database_authentication_enabled),
            new.iam_database_authentication_enabled,
        ))
        .set_new_db_instance_identifier(Some(new.identifier.clone()).filter(|_| changed!(ch, identifier) && !ch.fresh))
        .set_db_instance_class(if_changed!(ch, instance_class))
        .set_license_model(if_changed!(ch, license_model))
        .set_preferred_maintenance_window(if_changed!(ch, maintenance_window))
        .set_manage_master_user_password(managed)
        .set_master_user_secret_kms_key_id(if_changed!(ch, master_user_secret_kms_key_id))
        .set_monitoring_interval(if_changed!(ch, monitoring_interval))
        .set_monitoring_role_arn(if_changed!(ch, monitoring_role_arn))
        .set_multi_az(if_changed!(ch, multi_az))
        .set_network_type(if_changed!(ch, network_type))
        .set_option_group_name(if_changed!(ch, option_group_name))
        .set_db_parameter_group_name(if_changed!(ch, parameter_group_name))
        .set_master_user_password(password)
        .set_enable_performance_insights(insights.then_some(new.performance_insights_enabled))
        .set_performance_insights_kms_key_id(
            text(insights, &new.performance_insights_kms_key_id).filter(|k| !k.is_empty()),
        )
        .set_performance_insights_retention_period(
            positive(new.performance_insights_retention_period).filter(|_| insights),
        )
        .set_db_port_number(if_changed!(ch, port))
        .set_publicly_accessible(if_changed!(ch, publicly_accessible))
        .set_replica_mode(new.replica_mode.as_deref().map(ReplicaMode::from).filter(|_| changed!(ch, replica_mode)))
        .set_vpc_security_group_ids(if_changed!(ch, vpc_security_group_ids))
        .send()
        .await?;
    Ok(())
}

/// A flag that is off where configuration does not set it.
fn flag(changed: bool, new: Option<bool>) -> Option<bool> {
    changed.then(|| new.unwrap_or_default())
}

/// A text that is removed by sending an empty one.
fn text(changed: bool, new: &Option<String>) -> Option<String> {
    changed.then(|| new.clone().unwrap_or_default())
}

/// Storage, IOPS and throughput travel together: provisioned types need all of them in each change.
fn volume(ch: &Change<'_, DbInstance>) -> (Option<i32>, Option<i32>, Option<i32>) {
    let new = ch.new;
    let kind = new.storage_type.as_deref().unwrap_or_default();
    let throughput = changed!(ch, storage_throughput);
    let storage = changed!(ch, allocated_storage, iops) || throughput;
    let provisioned = changed!(ch, storage_type) && kind.starts_with("io");
    let growing = changed!(ch, allocated_storage) && !gp3_baseline(new);
    let iops = changed!(ch, iops) || growing || throughput || provisioned;
    (
        new.allocated_storage.filter(|_| storage),
        iops.then(|| new.iops.unwrap_or_default()),
        new.storage_throughput.filter(|_| throughput),
    )
}

/// gp3 volumes below these sizes have fixed IOPS, which a request must not name (Amazon RDS user guide, "gp3 storage").
fn gp3_baseline(new: &DbInstance) -> bool {
    let engine = new.engine.as_deref().unwrap_or_default().to_ascii_lowercase();
    let below = match engine.as_str() {
        "mysql" | "mariadb" | "postgres" => 400,
        e if e.starts_with("oracle") => 200,
        e if e.starts_with("db2") => 100,
        _ => 0,
    };
    new.storage_type.as_deref() == Some("gp3") && new.allocated_storage.unwrap_or_default() < below
}

fn logs(old: &DbInstance, new: &DbInstance) -> CloudwatchLogsExportConfiguration {
    let empty = BTreeSet::new();
    let from = old.enabled_cloudwatch_logs_exports.as_ref().unwrap_or(&empty);
    let to = new.enabled_cloudwatch_logs_exports.as_ref().unwrap_or(&empty);
    CloudwatchLogsExportConfiguration::builder()
        .set_enable_log_types(Some(to.difference(from).cloned().collect()))
        .set_disable_log_types(Some(from.difference(to).cloned().collect()))
        .build()
}
