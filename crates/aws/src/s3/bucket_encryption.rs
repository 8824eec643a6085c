//! `aws_s3_bucket_server_side_encryption_configuration`.

use aws_sdk_s3::types::{
    ServerSideEncryption, ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration, ServerSideEncryptionRule,
};

use super::{ACCOUNT, put_and_removed, setting};
use crate::kit::prelude::*;

/// Default encryption of a bucket.
///
/// Every bucket has one: destroying the resource sets it back to `AES256`.
#[derive(Clone, Debug, Resource)]
#[resource(
    type = "aws_s3_bucket_server_side_encryption_configuration",
    identity(key(&["bucket", "expected_bucket_owner"])),
    setting
)]
pub(crate) struct Encryption {
    /// Bucket.
    #[attr(force_new, length(1, 63))]
    bucket: String,
    /// Account that must own the bucket.
    #[attr(force_new, check = stackctl_core::Check::Pattern(ACCOUNT[0], ACCOUNT[1]))]
    expected_bucket_owner: Option<String>,
    /// The rule.
    #[attr(min = 1)]
    rule: BTreeSet<Rule>,
}

/// A rule.
#[derive(Block, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rule {
    /// How objects are encrypted that do not say it themselves.
    apply_server_side_encryption_by_default: Option<ByDefault>,
    /// One data key for the bucket instead of one for each object.
    bucket_key_enabled: Option<bool>,
}

/// How objects are encrypted.
#[derive(Block, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ByDefault {
    /// KMS key; the account's own key for S3 if unset.
    kms_master_key_id: Option<String>,
    /// Algorithm.
    #[attr(one_of("AES256", "aws:kms", "aws:kms:dsse"))]
    sse_algorithm: String,
}

impl Resource for Encryption {
    const ACTIONS: &'static [&'static str] = &["s3:GetEncryptionConfiguration", "s3:PutEncryptionConfiguration"];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let at = only(at);
        let (bucket, owner) = setting(&at.id);
        let call = cx.s3().get_bucket_encryption().bucket(bucket).set_expected_bucket_owner(owner.clone());
        let found = call.send().await?.server_side_encryption_configuration;
        let rule = found.iter().flat_map(|c| c.rules()).map(from_sdk).collect();
        let value = Encryption { bucket: bucket.to_owned(), expected_bucket_owner: owner, rule };
        Ok(vec![at.live(&at.id, value)])
    }

    put_and_removed!(delete_bucket_encryption);
}

impl Update for Encryption {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        if changed!(ch, rule) { put(cx, ch.new).await } else { Ok(()) }
    }
}

async fn put(cx: &Cx, new: &Encryption) -> Result<()> {
    let rules = new.rule.iter().map(sdk).collect::<Result<Vec<_>>>()?;
    let all = ServerSideEncryptionConfiguration::builder().set_rules(Some(rules)).build()?;
    let call = cx.s3().put_bucket_encryption().bucket(&new.bucket).server_side_encryption_configuration(all);
    call.set_expected_bucket_owner(new.expected_bucket_owner.clone()).send().await?;
    Ok(())
}

fn sdk(r: &Rule) -> Result<ServerSideEncryptionRule> {
    let by_default = r.apply_server_side_encryption_by_default.as_ref().map(|d| {
        ServerSideEncryptionByDefault::builder()
            .sse_algorithm(ServerSideEncryption::from(d.sse_algorithm.as_str()))
            .set_kms_master_key_id(d.kms_master_key_id.clone())
            .build()
    });
    Ok(ServerSideEncryptionRule::builder()
        .set_apply_server_side_encryption_by_default(by_default.transpose()?)
        .bucket_key_enabled(r.bucket_key_enabled.unwrap_or_default())
        .build())
}

fn from_sdk(r: &ServerSideEncryptionRule) -> Rule {
    let by_default = r.apply_server_side_encryption_by_default().map(|d| ByDefault {
        kms_master_key_id: d.kms_master_key_id().filter(|k| !k.is_empty()).map(str::to_owned),
        sse_algorithm: d.sse_algorithm().as_str().to_owned(),
    });
    Rule { apply_server_side_encryption_by_default: by_default, bucket_key_enabled: r.bucket_key_enabled() }
}
