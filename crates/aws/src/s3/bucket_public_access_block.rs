//! `aws_s3_bucket_public_access_block`.

use aws_sdk_s3::types::PublicAccessBlockConfiguration;

use crate::kit::prelude::*;

/// What of public access to a bucket is blocked.
#[derive(Clone, Debug, Resource)]
#[resource(type = "aws_s3_bucket_public_access_block", identity(key(&["bucket"])))]
pub(crate) struct PublicAccessBlock {
    /// Refuse new public ACLs.
    #[attr(default = false)]
    block_public_acls: bool,
    /// Refuse public policies.
    #[attr(default = false)]
    block_public_policy: bool,
    /// Bucket.
    #[attr(force_new)]
    bucket: String,
    /// Ignore public ACLs that are there.
    #[attr(default = false)]
    ignore_public_acls: bool,
    /// Let only AWS services and this account use a bucket with a public policy.
    #[attr(default = false)]
    restrict_public_buckets: bool,
}

impl Resource for PublicAccessBlock {
    const ACTIONS: &'static [&'static str] = &["s3:GetBucketPublicAccessBlock", "s3:PutBucketPublicAccessBlock"];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let at = only(at);
        let found = cx.s3().get_public_access_block().bucket(&at.id).send().await?;
        let Some(c) = found.public_access_block_configuration() else { return Ok(Vec::new()) };
        let value = PublicAccessBlock {
            block_public_acls: c.block_public_acls().unwrap_or_default(),
            block_public_policy: c.block_public_policy().unwrap_or_default(),
            bucket: at.id.clone(),
            ignore_public_acls: c.ignore_public_acls().unwrap_or_default(),
            restrict_public_buckets: c.restrict_public_buckets().unwrap_or_default(),
        };
        Ok(vec![at.live(&at.id, value)])
    }

    async fn create(cx: &Cx, new: &Self) -> Result<String> {
        put(cx, new).await?;
        Ok(new.bucket.clone())
    }

    async fn delete(cx: &Cx, at: &Ref<Self>) -> Result<()> {
        cx.s3().delete_public_access_block().bucket(&at.id).send().await?;
        Ok(())
    }
}

impl Update for PublicAccessBlock {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        if changed!(ch, block_public_acls, block_public_policy, ignore_public_acls, restrict_public_buckets) {
            put(cx, ch.new).await?;
        }
        Ok(())
    }
}

async fn put(cx: &Cx, new: &PublicAccessBlock) -> Result<()> {
    let configuration = PublicAccessBlockConfiguration::builder()
        .block_public_acls(new.block_public_acls)
        .block_public_policy(new.block_public_policy)
        .ignore_public_acls(new.ignore_public_acls)
        .restrict_public_buckets(new.restrict_public_buckets)
        .build();
    let call = cx.s3().put_public_access_block().bucket(&new.bucket);
    call.public_access_block_configuration(configuration).send().await?;
    Ok(())
}
