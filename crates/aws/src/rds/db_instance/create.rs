//! The four ways to come into being. Each sends what its request can carry; the rest follows in `update`, which sees the
//! difference.

use aws_sdk_rds::primitives::{DateTime, DateTimeFormat};
use aws_sdk_rds::types::{DbInstance as Sdk, ReplicaMode};

use super::{DbInstance, PointInTime};
use crate::kit::prelude::*;
use crate::rds::tags;

pub(super) async fn create(cx: &Cx, new: &DbInstance) -> Result<String> {
    let made = if new.s3_import.is_some() {
        return Err(Error::invalid("`s3_import` is not supported."));
    } else if let Some(source) = &new.replicate_source_db {
        replica(cx, new, source).await?
    } else if let Some(snapshot) = &new.snapshot_identifier {
        from_snapshot(cx, new, snapshot).await?
    } else if let Some(point) = &new.restore_to_point_in_time {
        from_point_in_time(cx, new, point).await?
    } else {
        afresh(cx, new).await?
    };
    made.and_then(|d| d.dbi_resource_id).ok_or_else(|| Error::incomplete("the instance's resource id"))
}

/// Zero says "not set" for numbers and flags of which zero is no setting.
fn positive(n: Option<i32>) -> Option<i32> {
    n.filter(|n| *n != 0)
}

fn on(flag: Option<bool>) -> Option<bool> {
    flag.filter(|f| *f)
}

fn list(set: &Option<BTreeSet<String>>) -> Option<Vec<String>> {
    set.as_ref().filter(|s| !s.is_empty()).map(|s| s.iter().cloned().collect())
}

fn ips(new: &DbInstance) -> Option<Vec<String>> {
    new.domain_dns_ips.clone().filter(|l| !l.is_empty())
}

/// The password to send, from whichever argument has it.
pub(super) fn password(new: &DbInstance) -> Option<String> {
    new.password.as_ref().or(new.password_wo.as_ref()).map(|p| p.expose().to_owned()).filter(|p| !p.is_empty())
}

/// Engines whose restore takes no database name.
fn restored_name(new: &DbInstance) -> Option<String> {
    let engine = new.engine.as_deref().unwrap_or_default().to_ascii_lowercase();
    new.db_name.clone().filter(|_| !matches!(engine.as_str(), "mysql" | "postgres" | "mariadb"))
}

async fn afresh(cx: &Cx, new: &DbInstance) -> Result<Option<Sdk>> {
    let insights = on(Some(new.performance_insights_enabled));
    let made = cx
        .rds()
        .create_db_instance()
        .db_instance_identifier(&new.identifier)
        .set_allocated_storage(new.allocated_storage)
        .auto_minor_version_upgrade(new.auto_minor_version_upgrade)
        .set_availability_zone(new.availability_zone.clone())
        .backup_retention_period(new.backup_retention_period.unwrap_or_default())
        .set_backup_target(new.backup_target.clone())
        .set_preferred_backup_window(new.backup_window.clone())
        .set_ca_certificate_identifier(new.ca_cert_identifier.clone())
        .set_character_set_name(new.character_set_name.clone())
        .copy_tags_to_snapshot(new.copy_tags_to_snapshot)
        .set_custom_iam_instance_profile(new.custom_iam_instance_profile.clone())
        .set_enable_customer_owned_ip(on(new.customer_owned_ip_enabled))
        .set_database_insights_mode(new.database_insights_mode.as_deref().map(Into::into))
        .db_name(new.db_name.clone().unwrap_or_default())
        .set_db_subnet_group_name(new.db_subnet_group_name.clone())
        .set_dedicated_log_volume(on(Some(new.dedicated_log_volume)))
        .deletion_protection(new.deletion_protection.unwrap_or_default())
        .set_domain(new.domain.clone())
        .set_domain_auth_secret_arn(new.domain_auth_secret_arn.clone())
        .set_domain_dns_ips(ips(new))
        .set_domain_fqdn(new.domain_fqdn.clone())
        .set_domain_iam_role_name(new.domain_iam_role_name.clone())
        .set_domain_ou(new.domain_ou.clone())
        .set_enable_cloudwatch_logs_exports(list(&new.enabled_cloudwatch_logs_exports))
        .engine(new.engine.clone().unwrap_or_default())
        .set_engine_lifecycle_support(new.engine_lifecycle_support.clone())
        .engine_version(new.engine_version.clone().unwrap_or_default())
        .set_enable_iam_database_authentication(on(new.iam_database_authentication_enabled))
        .db_instance_class(&new.instance_class)
        .set_iops(positive(new.iops))
        .set_kms_key_id(new.kms_key_id.clone())
        .set_license_model(new.license_model.clone())
        .set_preferred_maintenance_window(new.maintenance_window.clone())
        .set_manage_master_user_password(on(new.manage_master_user_password))
        .set_master_user_secret_kms_key_id(new.master_user_secret_kms_key_id.clone())
        .set_max_allocated_storage(positive(new.max_allocated_storage))
        .set_monitoring_interval(positive(Some(new.monitoring_interval)))
        .set_monitoring_role_arn(new.monitoring_role_arn.clone())
        .set_multi_az(on(new.multi_az))
        .set_nchar_character_set_name(new.nchar_character_set_name.clone())
        .set_network_type(new.network_type.clone())
        .set_option_group_name(new.option_group_name.clone())
        .set_db_parameter_group_name(new.parameter_group_name.clone())
        .set_master_user_password(password(new))
        .set_enable_performance_insights(insights)
        .set_performance_insights_kms_key_id(new.performance_insights_kms_key_id.clone())
        .set_performance_insights_retention_period(positive(new.performance_insights_retention_period))
        .set_port(positive(new.port))
        .publicly_accessible(new.publicly_accessible)
        .storage_encrypted(new.storage_encrypted.unwrap_or_default())
        .set_storage_throughput(positive(new.storage_throughput))
        .set_storage_type(new.storage_type.clone())
        .set_tags(tags(&new.tags))
        .set_timezone(new.timezone.clone())
        .master_username(new.username.clone().unwrap_or_default())
        .set_vpc_security_group_ids(list(&new.vpc_security_group_ids))
        .send()
        .await?;
    Ok(made.db_instance)
}

async fn replica(cx: &Cx, new: &DbInstance, source: &str) -> Result<Option<Sdk>> {
    // A source in another region is named by its ARN, and the request is signed for that region, too.
    let made = cx
        .rds()
        .create_db_instance_read_replica()
        .db_instance_identifier(&new.identifier)
        .source_db_instance_identifier(source)
        .set_allocated_storage(positive(new.allocated_storage))
        .auto_minor_version_upgrade(new.auto_minor_version_upgrade)
        .set_availability_zone(new.availability_zone.clone())
        .set_ca_certificate_identifier(new.ca_cert_identifier.clone())
        .copy_tags_to_snapshot(new.copy_tags_to_snapshot)
        .set_custom_iam_instance_profile(new.custom_iam_instance_profile.clone())
        .set_enable_customer_owned_ip(on(new.customer_owned_ip_enabled))
        .set_database_insights_mode(new.database_insights_mode.as_deref().map(Into::into))
        .set_db_subnet_group_name(new.db_subnet_group_name.clone())
        .set_dedicated_log_volume(on(Some(new.dedicated_log_volume)))
        .deletion_protection(new.deletion_protection.unwrap_or_default())
        .set_domain(new.domain.clone())
        .set_domain_auth_secret_arn(new.domain_auth_secret_arn.clone())
        .set_domain_dns_ips(ips(new))
        .set_domain_fqdn(new.domain_fqdn.clone())
        .set_domain_iam_role_name(new.domain_iam_role_name.clone())
        .set_domain_ou(new.domain_ou.clone())
        .set_enable_cloudwatch_logs_exports(list(&new.enabled_cloudwatch_logs_exports))
        .set_enable_iam_database_authentication(on(new.iam_database_authentication_enabled))
        .db_instance_class(&new.instance_class)
        .set_iops(positive(new.iops))
        .set_kms_key_id(new.kms_key_id.clone())
        .set_monitoring_interval(positive(Some(new.monitoring_interval)))
        .set_monitoring_role_arn(new.monitoring_role_arn.clone())
        .set_multi_az(on(new.multi_az))
        .set_network_type(new.network_type.clone())
        .set_option_group_name(new.option_group_name.clone())
        .set_db_parameter_group_name(new.parameter_group_name.clone())
        .set_enable_performance_insights(on(Some(new.performance_insights_enabled)))
        .set_performance_insights_kms_key_id(new.performance_insights_kms_key_id.clone())
        .set_performance_insights_retention_period(positive(new.performance_insights_retention_period))
        .set_port(positive(new.port))
        .publicly_accessible(new.publicly_accessible)
        .set_replica_mode(new.replica_mode.as_deref().map(ReplicaMode::from))
        .set_storage_throughput(positive(new.storage_throughput))
        .set_storage_type(new.storage_type.clone())
        .set_tags(tags(&new.tags))
        .set_upgrade_storage_config(on(new.upgrade_storage_config))
        .set_vpc_security_group_ids(list(&new.vpc_security_group_ids))
        .send()
        .await?;
    Ok(made.db_instance)
}

async fn from_snapshot(cx: &Cx, new: &DbInstance, snapshot: &str) -> Result<Option<Sdk>> {
    let made = cx
        .rds()
        .restore_db_instance_from_db_snapshot()
        .db_instance_identifier(&new.identifier)
        .db_snapshot_identifier(snapshot)
        .auto_minor_version_upgrade(new.auto_minor_version_upgrade)
        .set_availability_zone(new.availability_zone.clone())
        .set_backup_target(new.backup_target.clone())
        .copy_tags_to_snapshot(new.copy_tags_to_snapshot)
        .set_ca_certificate_identifier(new.ca_cert_identifier.clone())
        .set_custom_iam_instance_profile(new.custom_iam_instance_profile.clone())
        .set_enable_customer_owned_ip(on(new.customer_owned_ip_enabled))
        .set_db_name(restored_name(new))
        .set_db_subnet_group_name(new.db_subnet_group_name.clone())
        .set_dedicated_log_volume(on(Some(new.dedicated_log_volume)))
        .deletion_protection(new.deletion_protection.unwrap_or_default())
        .set_domain(new.domain.clone())
        .set_domain_auth_secret_arn(new.domain_auth_secret_arn.clone())
        .set_domain_dns_ips(ips(new))
        .set_domain_fqdn(new.domain_fqdn.clone())
        .set_domain_iam_role_name(new.domain_iam_role_name.clone())
        .set_domain_ou(new.domain_ou.clone())
        .set_enable_cloudwatch_logs_exports(list(&new.enabled_cloudwatch_logs_exports))
        .set_engine(new.engine.clone())
        .set_engine_lifecycle_support(new.engine_lifecycle_support.clone())
        .set_enable_iam_database_authentication(on(new.iam_database_authentication_enabled))
        .db_instance_class(&new.instance_class)
        .set_iops(positive(new.iops).filter(|_| new.storage_type.as_deref() != Some("gp3")))
        .set_license_model(new.license_model.clone())
        .set_multi_az(on(new.multi_az))
        .set_network_type(new.network_type.clone())
        .set_option_group_name(new.option_group_name.clone())
        .set_db_parameter_group_name(new.parameter_group_name.clone())
        .set_port(positive(new.port))
        .publicly_accessible(new.publicly_accessible)
        .set_tags(tags(&new.tags))
        .set_vpc_security_group_ids(list(&new.vpc_security_group_ids))
        .send()
        .await?;
    Ok(made.db_instance)
}

async fn from_point_in_time(cx: &Cx, new: &DbInstance, point: &PointInTime) -> Result<Option<Sdk>> {
    let time = point.restore_time.as_deref().map(|t| {
        DateTime::from_str(t, DateTimeFormat::DateTimeWithOffset)
            .map_err(|_| Error::invalid(format!("`restore_time` {t:?} is not a time such as 2030-01-01T00:00:00Z.")))
    });
    let made = cx
        .rds()
        .restore_db_instance_to_point_in_time()
        .target_db_instance_identifier(&new.identifier)
        .set_restore_time(time.transpose()?)
        .set_source_db_instance_automated_backups_arn(point.source_db_instance_automated_backups_arn.clone())
        .set_source_db_instance_identifier(point.source_db_instance_identifier.clone())
        .set_source_dbi_resource_id(point.source_dbi_resource_id.clone())
        .set_use_latest_restorable_time(on(point.use_latest_restorable_time))
        .auto_minor_version_upgrade(new.auto_minor_version_upgrade)
        .set_availability_zone(new.availability_zone.clone())
        .set_backup_target(new.backup_target.clone())
        .set_ca_certificate_identifier(new.ca_cert_identifier.clone())
        .copy_tags_to_snapshot(new.copy_tags_to_snapshot)
        .set_custom_iam_instance_profile(new.custom_iam_instance_profile.clone())
        .set_enable_customer_owned_ip(on(new.customer_owned_ip_enabled))
        .set_db_name(restored_name(new))
        .set_db_subnet_group_name(new.db_subnet_group_name.clone())
        .set_dedicated_log_volume(on(Some(new.dedicated_log_volume)))
        .deletion_protection(new.deletion_protection.unwrap_or_default())
        .set_domain(new.domain.clone())
        .set_domain_auth_secret_arn(new.domain_auth_secret_arn.clone())
        .set_domain_dns_ips(ips(new))
        .set_domain_fqdn(new.domain_fqdn.clone())
        .set_domain_iam_role_name(new.domain_iam_role_name.clone())
        .set_domain_ou(new.domain_ou.clone())
        .set_enable_cloudwatch_logs_exports(list(&new.enabled_cloudwatch_logs_exports))
        .set_engine(new.engine.clone())
        .set_engine_lifecycle_support(new.engine_lifecycle_support.clone())
        .set_enable_iam_database_authentication(on(new.iam_database_authentication_enabled))
        .db_instance_class(&new.instance_class)
        .set_iops(positive(new.iops))
        .set_license_model(new.license_model.clone())
        .set_max_allocated_storage(positive(new.max_allocated_storage))
        .set_multi_az(on(new.multi_az))
        .set_network_type(new.network_type.clone())
        .set_option_group_name(new.option_group_name.clone())
        .set_db_parameter_group_name(new.parameter_group_name.clone())
        .set_port(positive(new.port))
        .publicly_accessible(new.publicly_accessible)
        .set_storage_throughput(positive(new.storage_throughput))
        .set_storage_type(new.storage_type.clone())
        .set_tags(tags(&new.tags))
        .set_vpc_security_group_ids(list(&new.vpc_security_group_ids))
        .send()
        .await?;
    Ok(made.db_instance)
}
