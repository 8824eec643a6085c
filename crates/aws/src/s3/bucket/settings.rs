//! The inline settings of a bucket: each is read only where it is wanted, and sent only where it changed.

use std::future::Future;

use aws_sdk_s3::operation::get_object_lock_configuration::GetObjectLockConfigurationOutput;
use aws_sdk_s3::types::{
    AccelerateConfiguration, AccessControlPolicy, BucketAccelerateStatus, BucketCannedAcl, BucketLoggingStatus,
    BucketVersioningStatus, CorsConfiguration, CorsRule, DefaultRetention, ErrorDocument, Grant as SdkGrant, Grantee,
    IndexDocument, LoggingEnabled, MfaDelete, ObjectLockConfiguration, ObjectLockEnabled, ObjectLockRetentionMode,
    ObjectLockRule, Payer, Permission, Protocol, RedirectAllRequestsTo, RequestPaymentConfiguration,
    ServerSideEncryption, ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration, ServerSideEncryptionRule,
    Type, VersioningConfiguration, WebsiteConfiguration,
};

use super::{Bucket, lifecycle, region, replication, routing};
use crate::kit::prelude::*;
use crate::s3;

/// A rule for requests from other origins.
#[derive(Block, Clone, Debug)]
pub(crate) struct Cors {
    /// Headers that requests may have.
    allowed_headers: Option<Vec<String>>,
    /// Methods that are allowed.
    allowed_methods: Vec<String>,
    /// Origins that are allowed.
    allowed_origins: Vec<String>,
    /// Headers that the application may see.
    expose_headers: Option<Vec<String>>,
    /// Seconds for which the answer may be remembered.
    #[attr(integer)]
    max_age_seconds: Option<i32>,
}

/// A grant of the ACL.
#[derive(Block, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Grant {
    /// Canonical id of the user.
    id: Option<String>,
    /// What is granted.
    #[attr(one_of("FULL_CONTROL", "WRITE", "WRITE_ACP", "READ", "READ_ACP"))]
    permissions: BTreeSet<String>,
    /// To whom.
    #[attr(name = "type", one_of("CanonicalUser", "Group"))]
    kind: String,
    /// URI of the group.
    uri: Option<String>,
}

/// Where access is logged.
#[derive(Block, Clone, Debug)]
pub(crate) struct Logging {
    /// Bucket for the logs.
    target_bucket: String,
    /// Start of their keys.
    target_prefix: Option<String>,
}

/// Object lock.
#[derive(Block, Clone, Debug)]
pub(crate) struct ObjectLock {
    /// Whether objects can be locked.
    #[attr(force_new, deprecated = "Use the bucket's own `object_lock_enabled` instead.", one_of("Enabled"))]
    object_lock_enabled: Option<String>,
    /// How long they are locked.
    #[attr(deprecated = "Use aws_s3_bucket_object_lock_configuration instead.")]
    rule: Option<LockRule>,
}

impl ObjectLock {
    /// True if objects can be locked.
    pub(super) fn enabled(&self) -> bool {
        self.object_lock_enabled.as_deref() == Some("Enabled")
    }
}

/// How long objects are locked.
#[derive(Block, Clone, Debug)]
pub(crate) struct LockRule {
    /// Where the upload does not say.
    default_retention: Retention,
}

/// How long an object is locked.
#[derive(Block, Clone, Debug)]
pub(crate) struct Retention {
    /// Days.
    #[attr(range(1, i64::MAX))]
    days: Option<i32>,
    /// Who may lift the lock.
    #[attr(one_of("GOVERNANCE", "COMPLIANCE"))]
    mode: String,
    /// Years.
    #[attr(range(1, i64::MAX))]
    years: Option<i32>,
}

/// Default encryption.
#[derive(Block, Clone, Debug)]
pub(crate) struct Encryption {
    /// The rule.
    rule: EncryptionRule,
}

/// Rule of default encryption.
#[derive(Block, Clone, Debug)]
pub(crate) struct EncryptionRule {
    /// How.
    apply_server_side_encryption_by_default: EncryptionDefault,
    /// One data key for the bucket instead of one for each object.
    bucket_key_enabled: Option<bool>,
}

/// How objects are encrypted.
#[derive(Block, Clone, Debug)]
pub(crate) struct EncryptionDefault {
    /// KMS key.
    kms_master_key_id: Option<String>,
    /// Algorithm.
    #[attr(one_of("AES256", "aws:kms", "aws:kms:dsse"))]
    sse_algorithm: String,
}

/// Versioning.
#[derive(Block, Clone, Debug)]
pub(crate) struct Versioning {
    /// Whether it is on.
    #[attr(default = false)]
    enabled: bool,
    /// Whether permanent deletions need MFA.
    #[attr(default = false)]
    mfa_delete: bool,
}

/// Static website.
#[derive(Block, Clone, Debug)]
pub(crate) struct Website {
    /// Key of the page for errors.
    error_document: Option<String>,
    /// Name of index pages.
    index_document: Option<String>,
    /// Host that gets all requests, with its protocol.
    redirect_all_requests_to: Option<String>,
    /// Routing rules, as JSON.
    #[attr(json)]
    routing_rules: Option<Json>,
}

// ── reading ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/// A setting that is read only if wanted.
async fn lazily<T, F>(wanted: bool, read: impl FnOnce() -> F) -> Result<Option<T>>
where
    F: Future<Output = Result<Option<T>>>,
{
    if wanted { read().await } else { Ok(None) }
}

pub(super) async fn read(cx: &Cx, at: &Ref<Bucket>, region: String, tags: Tags) -> Result<Bucket> {
    let (s3, bucket) = (cx.s3(), at.id.as_str());
    let site = ["website", "website_domain", "website_endpoint"].iter().any(|a| at.wants(a));
    let lock = at.wants("object_lock_enabled") || at.wants("object_lock_configuration");
    let (acceleration, cors, grant, rules, logging, lock) = futures::try_join!(
        lazily(at.wants("acceleration_status"), || async {
            let call = s3.get_bucket_accelerate_configuration().bucket(bucket).send().await.map_err(Error::from);
            match call {
                // Not every region has acceleration.
                Err(e) if matches!(e.code(), "UnsupportedArgument" | "MethodNotAllowed") => Ok(None),
                found => Ok(found?.status.map(|s| s.as_str().to_owned())),
            }
        }),
        lazily(at.wants("cors_rule"), || cors(cx, bucket)),
        lazily(at.wants("grant"), || grants(cx, bucket)),
        lazily(at.wants("lifecycle_rule"), || lifecycle::read(cx, bucket)),
        lazily(at.wants("logging"), || async {
            let found = s3.get_bucket_logging().bucket(bucket).send().await?;
            let to =
                |l: LoggingEnabled| Logging { target_bucket: l.target_bucket, target_prefix: Some(l.target_prefix) };
            Ok(found.logging_enabled.map(to))
        }),
        lazily(lock, || async { s3.get_object_lock_configuration().bucket(bucket).send().await.absent() }),
    )?;
    let (policy, replication, payer, encryption, versioning, website) = futures::try_join!(
        lazily(at.wants("policy"), || async {
            let found = s3.get_bucket_policy().bucket(bucket).send().await.absent()?;
            Ok(Some(found.and_then(|f| f.policy).map_or_else(Policy::default, Policy::from)))
        }),
        lazily(at.wants("replication_configuration"), || replication::read(cx, bucket)),
        lazily(at.wants("request_payer"), || async {
            let found = s3.get_bucket_request_payment().bucket(bucket).send().await?;
            Ok(found.payer.map(|p| p.as_str().to_owned()))
        }),
        lazily(at.wants("server_side_encryption_configuration"), || encryption(cx, bucket)),
        lazily(at.wants("versioning"), || async {
            let v = s3::versioning(cx, bucket, None).await?;
            let enabled = v.status() == Some(&BucketVersioningStatus::Enabled);
            let mfa_delete = v.mfa_delete().is_some_and(|m| m.as_str() == "Enabled");
            Ok(Some(Versioning { enabled, mfa_delete }))
        }),
        lazily(site, || website(cx, bucket)),
    )?;
    let domain = website.as_ref().map(|_| region::website_domain(&region));
    Ok(Bucket {
        acceleration_status: acceleration,
        acl: unread(),
        arn: Some(format!("arn:{}:s3:::{bucket}", cx.partition())),
        bucket: bucket.to_owned(),
        bucket_domain_name: Some(region::global_domain(bucket, &region)),
        bucket_regional_domain_name: Some(region::domain(bucket, &region)),
        cors_rule: cors,
        force_destroy: unread(),
        grant,
        hosted_zone_id: region::zone(&region),
        lifecycle_rule: rules,
        logging,
        object_lock_configuration: lock.as_ref().and_then(object_lock),
        object_lock_enabled: at.wants("object_lock_enabled").then(|| lock.as_ref().and_then(object_lock).is_some()),
        policy,
        region: Some(region),
        replication_configuration: replication,
        request_payer: payer,
        server_side_encryption_configuration: encryption,
        tags,
        versioning,
        website_endpoint: domain.as_ref().map(|d| format!("{bucket}.{d}")),
        website_domain: domain,
        website,
    })
}

async fn cors(cx: &Cx, bucket: &str) -> Result<Option<Vec<Cors>>> {
    let found = cx.s3().get_bucket_cors().bucket(bucket).send().await.absent()?;
    let list = |l: &[String]| Some(l.to_vec()).filter(|l| !l.is_empty());
    let rule = |r: &CorsRule| Cors {
        allowed_headers: list(r.allowed_headers()),
        allowed_methods: r.allowed_methods().to_vec(),
        allowed_origins: r.allowed_origins().to_vec(),
        expose_headers: list(r.expose_headers()),
        max_age_seconds: r.max_age_seconds(),
    };
    Ok(Some(found.iter().flat_map(|f| f.cors_rules()).map(rule).collect()))
}

async fn grants(cx: &Cx, bucket: &str) -> Result<Option<BTreeSet<Grant>>> {
    let found = cx.s3().get_bucket_acl().bucket(bucket).send().await?;
    let mut by_grantee: BTreeMap<(String, Option<String>, Option<String>), BTreeSet<String>> = BTreeMap::new();
    for g in found.grants() {
        if let (Some(to), Some(permission)) = (g.grantee(), g.permission()) {
            let key = (to.r#type().as_str().to_owned(), to.id().map(str::to_owned), to.uri().map(str::to_owned));
            by_grantee.entry(key).or_default().insert(permission.as_str().to_owned());
        }
    }
    Ok(Some(
        by_grantee.into_iter().map(|((kind, id, uri), permissions)| Grant { id, permissions, kind, uri }).collect(),
    ))
}

async fn encryption(cx: &Cx, bucket: &str) -> Result<Option<Encryption>> {
    let found = cx.s3().get_bucket_encryption().bucket(bucket).send().await.absent()?;
    let rules = found.as_ref().and_then(|f| f.server_side_encryption_configuration()).map(|c| c.rules());
    Ok(rules.and_then(<[_]>::first).map(|r| {
        let by = r.apply_server_side_encryption_by_default();
        Encryption {
            rule: EncryptionRule {
                apply_server_side_encryption_by_default: EncryptionDefault {
                    kms_master_key_id: by.and_then(|d| d.kms_master_key_id()).map(str::to_owned),
                    sse_algorithm: by.map_or("", |d| d.sse_algorithm().as_str()).to_owned(),
                },
                bucket_key_enabled: r.bucket_key_enabled(),
            },
        }
    }))
}

fn object_lock(found: &GetObjectLockConfigurationOutput) -> Option<ObjectLock> {
    let c = found.object_lock_configuration()?;
    let retention = c.rule().and_then(|r| r.default_retention()).map(|d| Retention {
        days: d.days(),
        mode: d.mode().map_or("", |m| m.as_str()).to_owned(),
        years: d.years(),
    });
    let enabled = c.object_lock_enabled()?.as_str().to_owned();
    Some(ObjectLock { object_lock_enabled: Some(enabled), rule: retention.map(|r| LockRule { default_retention: r }) })
}

async fn website(cx: &Cx, bucket: &str) -> Result<Option<Website>> {
    let found = cx.s3().get_bucket_website().bucket(bucket).send().await.absent()?;
    Ok(found.map(|w| Website {
        error_document: w.error_document().map(|d| d.key().to_owned()),
        index_document: w.index_document().map(|d| d.suffix().to_owned()),
        redirect_all_requests_to: w.redirect_all_requests_to().map(|r| match r.protocol() {
            Some(p) => format!("{}://{}", p.as_str(), r.host_name()),
            None => r.host_name().to_owned(),
        }),
        routing_rules: (!w.routing_rules().is_empty()).then(|| routing::to_json(w.routing_rules())),
    }))
}

// ── sending ─────────────────────────────────────────────────────────────────────────────────────────────────────────

pub(super) async fn update(cx: &Cx, ch: &Change<'_, Bucket>) -> Result<()> {
    let (s3, bucket, new) = (cx.s3(), ch.at.id.as_str(), ch.new);
    if changed!(ch, policy) {
        match new.policy.as_ref().map(Policy::as_str).filter(|p| !p.is_empty()) {
            Some(p) => drop(s3.put_bucket_policy().bucket(bucket).policy(p).send().await?),
            None => drop(s3.delete_bucket_policy().bucket(bucket).send().await?),
        }
    }
    if changed!(ch, cors_rule) {
        put_cors(cx, bucket, new.cors_rule.as_deref().unwrap_or_default()).await?;
    }
    if changed!(ch, website) {
        put_website(cx, bucket, new.website.as_ref()).await?;
    }
    if changed!(ch, versioning) {
        put_versioning(cx, bucket, ch).await?;
    }
    // A new bucket has its ACL from the create.
    if changed!(ch, acl) && !ch.fresh {
        let acl = BucketCannedAcl::from(new.acl.as_deref().unwrap_or("private"));
        s3.put_bucket_acl().bucket(bucket).acl(acl).send().await?;
    }
    if changed!(ch, grant) {
        put_grants(cx, bucket, new.grant.as_ref()).await?;
    }
    if changed!(ch, logging) {
        let on = new.logging.as_ref().map(|l| {
            let b = LoggingEnabled::builder().target_bucket(&l.target_bucket);
            b.target_prefix(l.target_prefix.clone().unwrap_or_default()).build()
        });
        let status = BucketLoggingStatus::builder().set_logging_enabled(on.transpose()?).build();
        s3.put_bucket_logging().bucket(bucket).bucket_logging_status(status).send().await?;
    }
    if changed!(ch, lifecycle_rule) {
        lifecycle::put(cx, bucket, new.lifecycle_rule.as_deref().unwrap_or_default()).await?;
    }
    if changed!(ch, acceleration_status) {
        let status = new.acceleration_status.as_deref().map(BucketAccelerateStatus::from);
        let c = AccelerateConfiguration::builder().set_status(status).build();
        s3.put_bucket_accelerate_configuration().bucket(bucket).accelerate_configuration(c).send().await?;
    }
    if changed!(ch, request_payer) {
        let payer = Payer::from(new.request_payer.as_deref().unwrap_or("BucketOwner"));
        let c = RequestPaymentConfiguration::builder().payer(payer).build()?;
        s3.put_bucket_request_payment().bucket(bucket).request_payment_configuration(c).send().await?;
    }
    if changed!(ch, replication_configuration) {
        replication::put(cx, bucket, new.replication_configuration.as_ref()).await?;
    }
    if changed!(ch, server_side_encryption_configuration) {
        put_encryption(cx, bucket, new.server_side_encryption_configuration.as_ref()).await?;
    }
    if changed!(ch, object_lock_configuration) {
        put_lock(cx, bucket, new.object_lock_configuration.as_ref()).await?;
    }
    Ok(())
}

async fn put_cors(cx: &Cx, bucket: &str, rules: &[Cors]) -> Result<()> {
    if rules.is_empty() {
        cx.s3().delete_bucket_cors().bucket(bucket).send().await?;
        return Ok(());
    }
    let rule = |r: &Cors| {
        let b = CorsRule::builder()
            .set_allowed_headers(r.allowed_headers.clone().filter(|l| !l.is_empty()))
            .set_allowed_methods(Some(r.allowed_methods.clone()))
            .set_allowed_origins(Some(r.allowed_origins.clone()))
            .set_expose_headers(r.expose_headers.clone().filter(|l| !l.is_empty()));
        Ok(b.set_max_age_seconds(r.max_age_seconds).build()?)
    };
    let rules = rules.iter().map(rule).collect::<Result<Vec<_>>>()?;
    let all = CorsConfiguration::builder().set_cors_rules(Some(rules)).build()?;
    cx.s3().put_bucket_cors().bucket(bucket).cors_configuration(all).send().await?;
    Ok(())
}

async fn put_website(cx: &Cx, bucket: &str, new: Option<&Website>) -> Result<()> {
    let Some(w) = new else {
        cx.s3().delete_bucket_website().bucket(bucket).send().await?;
        return Ok(());
    };
    let redirect = w.redirect_all_requests_to.as_deref().map(|to| {
        let (protocol, host) = to.split_once("://").map_or((None, to), |(p, h)| (Some(Protocol::from(p)), h));
        RedirectAllRequestsTo::builder().host_name(host).set_protocol(protocol).build()
    });
    let rules = w.routing_rules.as_ref().map(|r| routing::from_json(r.as_str())).transpose()?;
    let error = w.error_document.as_ref().map(|key| ErrorDocument::builder().key(key).build());
    let index = w.index_document.as_ref().map(|suffix| IndexDocument::builder().suffix(suffix).build());
    let all = WebsiteConfiguration::builder()
        .set_redirect_all_requests_to(redirect.transpose()?)
        .set_routing_rules(rules)
        .set_error_document(error.transpose()?)
        .set_index_document(index.transpose()?)
        .build();
    cx.s3().put_bucket_website().bucket(bucket).website_configuration(all).send().await?;
    Ok(())
}

async fn put_versioning(cx: &Cx, bucket: &str, ch: &Change<'_, Bucket>) -> Result<()> {
    let (enabled, mfa) = ch.new.versioning.as_ref().map_or((false, false), |v| (v.enabled, v.mfa_delete));
    let status = if enabled { BucketVersioningStatus::Enabled } else { BucketVersioningStatus::Suspended };
    let delete = if mfa { MfaDelete::Enabled } else { MfaDelete::Disabled };
    // A bucket that was never versioned needs no word about what stays off.
    if ch.fresh && !enabled && !mfa {
        return Ok(());
    }
    let b = VersioningConfiguration::builder()
        .set_status(Some(status).filter(|_| enabled || !ch.fresh))
        .set_mfa_delete(Some(delete).filter(|_| mfa || !ch.fresh));
    cx.s3().put_bucket_versioning().bucket(bucket).versioning_configuration(b.build()).send().await?;
    Ok(())
}

async fn put_grants(cx: &Cx, bucket: &str, new: Option<&BTreeSet<Grant>>) -> Result<()> {
    let call = cx.s3().put_bucket_acl().bucket(bucket);
    let Some(grants) = new.filter(|g| !g.is_empty()) else {
        call.acl(BucketCannedAcl::Private).send().await?;
        return Ok(());
    };
    let owner = cx.s3().get_bucket_acl().bucket(bucket).send().await?.owner;
    let mut all = Vec::new();
    for g in grants {
        let to = Grantee::builder()
            .set_id(g.id.clone())
            .set_uri(g.uri.clone())
            .r#type(Type::from(g.kind.as_str()))
            .build()?;
        for p in &g.permissions {
            all.push(SdkGrant::builder().grantee(to.clone()).permission(Permission::from(p.as_str())).build());
        }
    }
    let policy = AccessControlPolicy::builder().set_grants(Some(all)).set_owner(owner).build();
    call.access_control_policy(policy).send().await?;
    Ok(())
}

async fn put_encryption(cx: &Cx, bucket: &str, new: Option<&Encryption>) -> Result<()> {
    let Some(Encryption { rule }) = new else {
        cx.s3().delete_bucket_encryption().bucket(bucket).send().await?;
        return Ok(());
    };
    let by = &rule.apply_server_side_encryption_by_default;
    let by = ServerSideEncryptionByDefault::builder()
        .sse_algorithm(ServerSideEncryption::from(by.sse_algorithm.as_str()))
        .set_kms_master_key_id(by.kms_master_key_id.clone())
        .build()?;
    let rule = ServerSideEncryptionRule::builder()
        .apply_server_side_encryption_by_default(by)
        .set_bucket_key_enabled(rule.bucket_key_enabled)
        .build();
    let all = ServerSideEncryptionConfiguration::builder().rules(rule).build()?;
    cx.s3().put_bucket_encryption().bucket(bucket).server_side_encryption_configuration(all).send().await?;
    Ok(())
}

async fn put_lock(cx: &Cx, bucket: &str, new: Option<&ObjectLock>) -> Result<()> {
    let Some(lock) = new else { return Ok(()) };
    let rule = lock.rule.as_ref().map(|r| {
        let r = &r.default_retention;
        let positive = |n: Option<i32>| n.filter(|n| *n > 0);
        let retention = DefaultRetention::builder()
            .mode(ObjectLockRetentionMode::from(r.mode.as_str()))
            .set_days(positive(r.days))
            .set_years(positive(r.years))
            .build();
        ObjectLockRule::builder().default_retention(retention).build()
    });
    let all = ObjectLockConfiguration::builder()
        .set_object_lock_enabled(lock.object_lock_enabled.as_deref().map(ObjectLockEnabled::from))
        .set_rule(rule)
        .build();
    cx.s3().put_object_lock_configuration().bucket(bucket).object_lock_configuration(all).send().await?;
    Ok(())
}
