//! `aws_db_instance`. The folder splits it by concern: this file is the schema and the life, [`create`] the four ways to
//! come into being, [`read`] the answer, [`update`] what can change in place.

mod create;
mod read;
mod update;

use crate::kit::prelude::*;

const WINDOW: &[&str; 2] =
    &["([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]|", "a daily window such as 03:00-04:00"];
const WEEKLY: &[&str; 2] = &[
    "(?i)(mon|tue|wed|thu|fri|sat|sun):([01][0-9]|2[0-3]):[0-5][0-9]-(mon|tue|wed|thu|fri|sat|sun):([01][0-9]|2[0-3]):[0-5][0-9]|",
    "a weekly window such as Mon:00:00-Mon:03:00",
];
const LOGS: &[&str] = &[
    "agent",
    "alert",
    "audit",
    "diag.log",
    "error",
    "general",
    "iam-db-auth-error",
    "listener",
    "notify.log",
    "oemagent",
    "postgresql",
    "slowquery",
    "trace",
    "upgrade",
];
/// A week, months of 31 days, two years; none for engines without Performance Insights.
const RETENTION: &[i64] = &[
    0, 7, 31, 62, 93, 124, 155, 186, 217, 248, 279, 310, 341, 372, 403, 434, 465, 496, 527, 558, 589, 620, 651, 682,
    713, 731,
];

/// A database instance.
///
/// It is made anew, as a replica (`replicate_source_db`), from a snapshot (`snapshot_identifier`) or from a point in time
/// (`restore_to_point_in_time`); what such a restore cannot set is set right after it. Changes wait for the maintenance
/// window unless `apply_immediately` is set.
#[derive(Clone, Debug, Resource)]
#[resource(
    type = "aws_db_instance",
    version = 2,
    identity(name("identifier").dated().tagged()),
    timeouts(create = 3000, update = 4800, delete = 3600),
    refused(
        ("blue_green_update", "blue/green deployments are not supported yet; change the instance in place"),
        ("s3_import", "restoring from files in S3 is not supported yet; import a snapshot instead"),
    ),
    conflicts("domain", "domain_auth_secret_arn", "domain_dns_ips", "domain_fqdn", "domain_ou"),
    conflicts("domain_iam_role_name", "domain_auth_secret_arn", "domain_dns_ips", "domain_fqdn", "domain_ou"),
    exclusive("manage_master_user_password", "password", "password_wo"),
    conflicts("replicate_source_db", "db_name", "restore_to_point_in_time", "username"),
    conflicts("restore_to_point_in_time", "snapshot_identifier"),
    conflicts("restore_to_point_in_time.restore_time", "restore_to_point_in_time.use_latest_restorable_time"),
    required_with("password_wo", "password_wo_version"),
    required_with("password_wo_version", "password_wo")
)]
pub(crate) struct DbInstance {
    /// Host name.
    #[attr(changes_with("identifier", "identifier_prefix"))]
    address: Computed<String>,
    /// Storage in GiB.
    #[attr(integer)]
    allocated_storage: OptComputed<i32>,
    /// Allow changes of `engine_version` to another major version.
    allow_major_version_upgrade: Local<Option<bool>>,
    /// Carry out changes at once instead of in the maintenance window.
    #[attr(default = false)]
    apply_immediately: Local<bool>,
    /// ARN.
    #[attr(starts_with = "arn:")]
    arn: Computed<String>,
    /// Install minor versions in the maintenance window.
    #[attr(default = true)]
    auto_minor_version_upgrade: bool,
    /// Availability zone.
    #[attr(force_new)]
    availability_zone: OptComputed<String>,
    /// Days for which automated backups are kept.
    #[attr(range(0, 35))]
    backup_retention_period: OptComputed<i32>,
    /// Where backups are stored.
    #[attr(force_new, one_of("outposts", "region"))]
    backup_target: OptComputed<String>,
    /// Daily window of backups, in UTC.
    #[attr(pattern = WINDOW)]
    backup_window: OptComputed<String>,
    /// Blue/green update.
    blue_green_update: Local<Option<BlueGreen>>,
    /// CA of the server certificate.
    ca_cert_identifier: OptComputed<String>,
    /// Character set, for Oracle and SQL Server.
    #[attr(force_new)]
    character_set_name: OptComputed<String>,
    /// Copy tags to snapshots.
    #[attr(default = false)]
    copy_tags_to_snapshot: bool,
    /// Instance profile, for RDS Custom.
    #[attr(force_new, length(13, 2048), pattern("AWSRDSCustom.*", "a name that starts with AWSRDSCustom"))]
    custom_iam_instance_profile: Option<String>,
    /// Use addresses of the customer, on Outposts.
    customer_owned_ip_enabled: Option<bool>,
    /// Mode of Database Insights.
    #[attr(one_of("standard", "advanced"))]
    database_insights_mode: OptComputed<String>,
    /// Name of the first database.
    #[attr(force_new)]
    db_name: OptComputed<String>,
    /// Subnet group.
    db_subnet_group_name: OptComputed<String>,
    /// A volume of its own for transaction logs.
    #[attr(default = false)]
    dedicated_log_volume: bool,
    /// Delete automated backups with the instance.
    #[attr(default = true)]
    delete_automated_backups: Local<bool>,
    /// Refuse deletion.
    deletion_protection: Option<bool>,
    /// Directory that the instance joins.
    domain: Option<String>,
    /// Secret with the credentials for the directory.
    #[attr(arn)]
    domain_auth_secret_arn: Option<String>,
    /// DNS servers of the directory.
    domain_dns_ips: Option<Vec<String>>,
    /// Name of the directory's domain.
    domain_fqdn: OptComputed<String>,
    /// Role for calls to the directory service.
    domain_iam_role_name: Option<String>,
    /// Organizational unit in the directory.
    domain_ou: Option<String>,
    /// Logs that go to CloudWatch.
    #[attr(one_of = LOGS)]
    enabled_cloudwatch_logs_exports: Option<BTreeSet<String>>,
    /// `address:port`.
    #[attr(changes_with("identifier", "identifier_prefix", "port"))]
    endpoint: Computed<String>,
    /// Engine.
    #[attr(force_new, ignore_case)]
    engine: OptComputed<String>,
    /// Life cycle support of the engine version.
    #[attr(one_of("open-source-rds-extended-support", "open-source-rds-extended-support-disabled"))]
    engine_lifecycle_support: OptComputed<String>,
    /// Engine version; a prefix such as `16` leaves the minor version to AWS.
    #[attr(equality = Equality::VersionPrefix)]
    engine_version: OptComputed<String>,
    /// Engine version in full.
    engine_version_actual: Computed<String>,
    /// Name of the snapshot that is made on deletion.
    #[attr(pattern("[A-Za-z](-?[0-9A-Za-z])*", "a letter, then letters, digits and single hyphens"))]
    final_snapshot_identifier: Local<Option<String>>,
    /// Route 53 zone of the endpoint.
    hosted_zone_id: Computed<String>,
    /// Let IAM users sign in.
    iam_database_authentication_enabled: Option<bool>,
    /// Name, unique in account and region.
    #[attr(
        pattern("[a-z](-?[0-9a-z])*", "a lower-case letter, then lower-case letters, digits and single hyphens"),
        prefix_pattern(
            "[a-z](-?[0-9a-z])*-?",
            "a lower-case letter, then lower-case letters, digits and single hyphens"
        )
    )]
    identifier: Name,
    /// Class, such as `db.t4g.micro`.
    instance_class: String,
    /// Provisioned I/O operations per second.
    #[attr(integer)]
    iops: OptComputed<i32>,
    /// Key that encrypts the storage.
    #[attr(force_new, arn)]
    kms_key_id: OptComputed<String>,
    /// Latest point in time that can be restored. Read only where something refers to it, because it moves all the time.
    #[attr(lazy)]
    latest_restorable_time: Computed<String>,
    /// License model.
    license_model: OptComputed<String>,
    /// Endpoint of the listener, for SQL Server Always On.
    listener_endpoint: Computed<Vec<Endpoint>>,
    /// Weekly window of maintenance, in UTC.
    #[attr(ignore_case, pattern = WEEKLY)]
    maintenance_window: OptComputed<String>,
    /// Let RDS keep the password in Secrets Manager.
    manage_master_user_password: Local<Option<bool>>,
    /// The secret that RDS keeps.
    master_user_secret: Computed<Vec<MasterSecret>>,
    /// Key that encrypts that secret.
    #[attr(length(1, 2048))]
    master_user_secret_kms_key_id: OptComputed<String>,
    /// Storage in GiB up to which it grows by itself.
    #[attr(integer)]
    max_allocated_storage: Option<i32>,
    /// Seconds between samples of enhanced monitoring.
    #[attr(default = 0, one_of_numbers(0, 1, 5, 10, 15, 30, 60))]
    monitoring_interval: i32,
    /// Role for enhanced monitoring.
    #[attr(arn)]
    monitoring_role_arn: OptComputed<String>,
    /// A standby in another zone.
    multi_az: OptComputed<bool>,
    /// National character set, for Oracle.
    #[attr(force_new)]
    nchar_character_set_name: OptComputed<String>,
    /// Network type.
    #[attr(one_of("DUAL", "IPV4"))]
    network_type: OptComputed<String>,
    /// Option group.
    option_group_name: OptComputed<String>,
    /// Parameter group.
    parameter_group_name: OptComputed<String>,
    /// Password of the master user.
    password: Local<Option<Secret>>,
    /// Password of the master user, not stored.
    password_wo: WriteOnly,
    /// Change it to send `password_wo` again.
    #[attr(integer)]
    password_wo_version: Local<Option<i32>>,
    /// Performance Insights.
    #[attr(default = false)]
    performance_insights_enabled: bool,
    /// Key that encrypts its data.
    #[attr(arn)]
    performance_insights_kms_key_id: OptComputed<String>,
    /// Days for which its data is kept.
    #[attr(one_of_numbers = RETENTION)]
    performance_insights_retention_period: OptComputed<i32>,
    /// Port.
    #[attr(integer)]
    port: OptComputed<i32>,
    /// A public address.
    #[attr(default = false)]
    publicly_accessible: bool,
    /// Mode of an Oracle replica.
    #[attr(one_of("open-read-only", "mounted"))]
    replica_mode: OptComputed<String>,
    /// Replicas of this instance.
    replicas: Computed<Vec<String>>,
    /// Instance that this one is a replica of; removing it promotes the replica.
    replicate_source_db: Option<String>,
    /// Resource id.
    resource_id: Computed<String>,
    /// Restore from a point in time.
    #[attr(force_new)]
    restore_to_point_in_time: Local<Option<PointInTime>>,
    /// Restore from files in S3.
    #[attr(force_new)]
    s3_import: Local<Option<S3Import>>,
    /// Make no snapshot on deletion.
    #[attr(default = false)]
    skip_final_snapshot: Local<bool>,
    /// Snapshot to restore.
    #[attr(force_new)]
    snapshot_identifier: Local<OptComputed<String>>,
    /// Status.
    status: Computed<String>,
    /// Encrypt the storage.
    #[attr(force_new)]
    storage_encrypted: Option<bool>,
    /// Throughput of gp3 storage in MiB/s.
    #[attr(integer)]
    storage_throughput: OptComputed<i32>,
    /// Storage type.
    storage_type: OptComputed<String>,
    /// Tags.
    tags: Tags,
    /// Time zone, for SQL Server.
    #[attr(force_new)]
    timezone: OptComputed<String>,
    /// Upgrade the file system of a replica.
    upgrade_storage_config: Local<Option<bool>>,
    /// Name of the master user.
    #[attr(force_new)]
    username: OptComputed<String>,
    /// Security groups.
    vpc_security_group_ids: OptComputed<BTreeSet<String>>,
}

/// Blue/green update.
#[derive(Block, Clone, Debug)]
pub(crate) struct BlueGreen {
    /// Whether updates go through a second instance.
    enabled: Option<bool>,
}

/// An endpoint.
#[derive(Block, Clone, Debug)]
pub(crate) struct Endpoint {
    /// Host name.
    address: Option<String>,
    /// Route 53 zone.
    hosted_zone_id: Option<String>,
    /// Port.
    port: Option<i32>,
}

/// A secret that RDS keeps.
#[derive(Block, Clone, Debug)]
pub(crate) struct MasterSecret {
    /// Key that encrypts it.
    kms_key_id: Option<String>,
    /// ARN.
    secret_arn: Option<String>,
    /// Status.
    secret_status: Option<String>,
}

/// A point in time of another instance.
#[derive(Block, Clone, Debug)]
pub(crate) struct PointInTime {
    /// The time, in RFC 3339.
    #[attr(pattern(
        r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})",
        "a time such as 2030-01-01T00:00:00Z"
    ))]
    restore_time: Option<String>,
    /// ARN of replicated automated backups.
    source_db_instance_automated_backups_arn: Option<String>,
    /// The instance.
    source_db_instance_identifier: Option<String>,
    /// Resource id of the instance, which may be gone.
    source_dbi_resource_id: Option<String>,
    /// The latest time possible.
    use_latest_restorable_time: Option<bool>,
}

/// Files in S3.
#[derive(Block, Clone, Debug)]
pub(crate) struct S3Import {
    /// Bucket.
    #[attr(force_new)]
    bucket_name: String,
    /// Start of their keys.
    #[attr(force_new)]
    bucket_prefix: Option<String>,
    /// Role that reads them.
    #[attr(force_new)]
    ingestion_role: String,
    /// Engine that wrote them.
    #[attr(force_new)]
    source_engine: String,
    /// Its version.
    #[attr(force_new)]
    source_engine_version: String,
}

impl Resource for DbInstance {
    const BATCH: usize = 100;
    const ACTIONS: &'static [&'static str] = &[
        "rds:AddTagsToResource",
        "rds:CreateDBInstance",
        "rds:CreateDBInstanceReadReplica",
        "rds:DeleteDBInstance",
        "rds:DescribeDBInstances",
        "rds:ModifyDBInstance",
        "rds:PromoteReadReplica",
        "rds:RemoveTagsFromResource",
        "rds:RestoreDBInstanceFromDBSnapshot",
        "rds:RestoreDBInstanceToPointInTime",
    ];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        read::read(cx, at).await
    }

    async fn create(cx: &Cx, new: &Self) -> Result<String> {
        create::create(cx, new).await
    }

    async fn delete(cx: &Cx, at: &Ref<Self>) -> Result<()> {
        let known = &at.known;
        if !known.skip_final_snapshot && known.final_snapshot_identifier.is_none() {
            let message = "`final_snapshot_identifier` is required where `skip_final_snapshot` is false.";
            return Err(Error::invalid(message));
        }
        let snapshot = known.final_snapshot_identifier.clone().filter(|_| !known.skip_final_snapshot);
        cx.rds()
            .delete_db_instance()
            .db_instance_identifier(&known.identifier)
            .delete_automated_backups(known.delete_automated_backups)
            .skip_final_snapshot(known.skip_final_snapshot)
            .set_final_db_snapshot_identifier(snapshot)
            .send()
            .await
            .map_err(|e| {
                let e = Error::from(e);
                let hint = "Set `deletion_protection = false` and apply before destroying.";
                let guarded = e.code() == "InvalidParameterCombination" && e.0.message.contains("protect");
                if guarded { Error(e.0.hinted(hint)) } else { deleting(e) }
            })?;
        Ok(())
    }

    async fn retag(cx: &Cx, at: &[Ref<Self>], add: &Tags, remove: &[String]) -> Result<()> {
        let arn = |r: &Ref<Self>| {
            let made = || cx.arn("rds", &format!("db:{}", r.known.identifier));
            r.known.arn.clone().filter(|a| !a.is_empty()).unwrap_or_else(made)
        };
        futures::future::try_join_all(at.iter().map(|r| async move { super::retag(cx, &arn(r), add, remove).await }))
            .await?;
        Ok(())
    }

    fn import(_: &str) -> Result<Vec<(&'static str, Known)>> {
        Ok(vec![("delete_automated_backups", true.into()), ("skip_final_snapshot", true.into())])
    }

    fn plan(draft: &mut Draft<'_>) {
        let number = |v: &Partial| match v {
            Partial::Number(n) => n.to_i64(),
            _ => None,
        };
        let before = |attr: &str| draft.prior(attr).as_i64();
        let (old, max) = (before("allocated_storage"), number(draft.config("max_allocated_storage")));
        // Storage that has grown by itself beyond what configuration says is no change.
        if let (Some(old), Some(new), Some(max)) = (old, number(draft.config("allocated_storage")), max)
            && old > new
            && max > new
        {
            draft.keep("allocated_storage");
        }
        // A limit that equals the storage switches growth off, which the service tells as no limit.
        if draft.prior.is_some() && before_zero(draft.prior("max_allocated_storage")) && max.is_some() && max == old {
            draft.keep("max_allocated_storage");
        }
    }

    fn validate(config: &Partial, errors: &mut Vec<stackctl_core::Error>) {
        let unset = |attr: &str| match config.get(attr) {
            Partial::Null => true,
            Partial::List(l) => l.is_empty(),
            _ => false,
        };
        let origins = ["replicate_source_db", "snapshot_identifier", "restore_to_point_in_time", "s3_import"];
        if !origins.iter().all(|o| unset(o)) {
            return;
        }
        for attr in ["allocated_storage", "engine", "username"] {
            if unset(attr) {
                let message = format!("A new instance needs `{attr}`.");
                errors.push(stackctl_core::Error::at(stackctl_core::Path::attr(attr), message));
            }
        }
        if ["password", "password_wo", "manage_master_user_password"].iter().all(|a| unset(a)) {
            let message = "A new instance needs `password`, `password_wo` or `manage_master_user_password`.";
            errors.push(stackctl_core::Error::at(stackctl_core::Path::attr("password"), message));
        }
    }
}

impl Update for DbInstance {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        update::update(cx, ch).await
    }
}

fn before_zero(v: &Known) -> bool {
    v.is_null() || v.as_i64() == Some(0)
}

/// An instance that is being deleted already is as good as deleted.
fn deleting(e: Error) -> Error {
    if e.code() == "InvalidDBInstanceState" && e.0.message.contains("already being deleted") {
        return Error(stackctl_core::Error { kind: stackctl_core::ErrorKind::NotFound, ..e.0 });
    }
    e
}
