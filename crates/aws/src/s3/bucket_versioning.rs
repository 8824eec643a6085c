//! `aws_s3_bucket_versioning`.

use aws_sdk_s3::types::{BucketVersioningStatus, MfaDelete, VersioningConfiguration};

use super::{ACCOUNT, import_setting, setting, setting_id, versioning};
use crate::kit::prelude::*;

/// Versioning of a bucket.
///
/// `Disabled` says that versioning was never switched on: AWS cannot go back to it, only suspend.
#[derive(Clone, Debug, Resource)]
#[resource(type = "aws_s3_bucket_versioning", identity(key(&["bucket", "expected_bucket_owner"])), setting)]
pub(crate) struct Versioning {
    /// Bucket.
    #[attr(force_new, length(1, 63))]
    bucket: String,
    /// Account that must own the bucket.
    #[attr(force_new, check = stackctl_core::Check::Pattern(ACCOUNT[0], ACCOUNT[1]))]
    expected_bucket_owner: Option<String>,
    /// Serial number of the MFA device, a space, and its code: needed where MFA delete is on.
    mfa: Local<Option<String>>,
    /// The setting.
    versioning_configuration: Configuration,
}

/// The setting.
#[derive(Block, Clone, Debug)]
pub(crate) struct Configuration {
    /// Whether permanent deletions need MFA.
    #[attr(one_of("Enabled", "Disabled"))]
    mfa_delete: OptComputed<String>,
    /// State of versioning.
    #[attr(one_of("Enabled", "Suspended", "Disabled"))]
    status: String,
}

impl Resource for Versioning {
    const ACTIONS: &'static [&'static str] = &["s3:GetBucketVersioning", "s3:PutBucketVersioning"];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let at = only(at);
        let (bucket, owner) = setting(&at.id);
        let v = versioning(cx, bucket, owner.clone()).await?;
        let value = Versioning {
            bucket: bucket.to_owned(),
            expected_bucket_owner: owner,
            mfa: unread(),
            versioning_configuration: Configuration {
                mfa_delete: v.mfa_delete().map(|m| m.as_str().to_owned()),
                status: v.status().map_or("Disabled", |s| s.as_str()).to_owned(),
            },
        };
        Ok(vec![at.live(&at.id, value)])
    }

    async fn create(cx: &Cx, new: &Self) -> Result<String> {
        if new.versioning_configuration.status != "Disabled" {
            put(cx, new).await?;
        }
        Ok(setting_id(&new.bucket, new.expected_bucket_owner.as_deref()))
    }

    async fn delete(cx: &Cx, at: &Ref<Self>) -> Result<()> {
        let (bucket, owner) = setting(&at.id);
        if at.known.versioning_configuration.status == "Disabled" {
            return Ok(());
        }
        let off = VersioningConfiguration::builder().status(BucketVersioningStatus::Suspended).build();
        let call = cx.s3().put_bucket_versioning().bucket(bucket).set_expected_bucket_owner(owner);
        match call.versioning_configuration(off).send().await.map_err(Error::from) {
            // Object lock and replication need versioning for good.
            Err(e) if e.code() == "InvalidBucketState" => Ok(()),
            done => done.map(|_| ()),
        }
    }

    fn import(spec: &str) -> Result<Vec<(&'static str, Known)>> {
        import_setting(spec)
    }

    fn plan(draft: &mut Draft<'_>) {
        let status = |v: &Partial| match v {
            Partial::List(l) => l.first().map(|b| b.get("status").as_str().unwrap_or_default().to_owned()),
            _ => None,
        };
        let before = status(&draft.prior("versioning_configuration").clone().into()).unwrap_or_default();
        let planned = status(draft.planned("versioning_configuration"));
        if !matches!(before.as_str(), "" | "Disabled") && planned.as_deref() == Some("Disabled") {
            draft.error(
                "versioning_configuration",
                "Versioning cannot be disabled again; use `status = \"Suspended\"`.",
            );
        }
    }
}

impl Update for Versioning {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        if changed!(ch, versioning_configuration) || (!ch.fresh && changed!(ch, mfa)) {
            put(cx, ch.new).await?;
        }
        Ok(())
    }
}

async fn put(cx: &Cx, new: &Versioning) -> Result<()> {
    let v = &new.versioning_configuration;
    let configuration = VersioningConfiguration::builder()
        .status(BucketVersioningStatus::from(v.status.as_str()))
        .set_mfa_delete(v.mfa_delete.as_deref().map(MfaDelete::from))
        .build();
    let call = cx.s3().put_bucket_versioning().bucket(&new.bucket).versioning_configuration(configuration);
    call.set_expected_bucket_owner(new.expected_bucket_owner.clone()).set_mfa(new.mfa.clone()).send().await?;
    Ok(())
}
