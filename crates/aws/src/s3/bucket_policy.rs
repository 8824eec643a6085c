//! `aws_s3_bucket_policy`.

use crate::kit::prelude::*;

/// The policy of a bucket.
#[derive(Clone, Debug, Resource)]
#[resource(type = "aws_s3_bucket_policy", identity(key(&["bucket"])))]
pub(crate) struct BucketPolicy {
    /// Bucket.
    #[attr(force_new)]
    bucket: String,
    /// Who may do what with the bucket and its objects.
    #[attr(json)]
    policy: Policy,
}

impl Resource for BucketPolicy {
    const ACTIONS: &'static [&'static str] = &["s3:DeleteBucketPolicy", "s3:GetBucketPolicy", "s3:PutBucketPolicy"];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let at = only(at);
        let found = cx.s3().get_bucket_policy().bucket(&at.id).send().await?;
        let policy = found.policy.unwrap_or_default();
        if policy.is_empty() {
            return Ok(Vec::new());
        }
        Ok(vec![at.live(&at.id, BucketPolicy { bucket: at.id.clone(), policy: policy.into() })])
    }

    async fn create(cx: &Cx, new: &Self) -> Result<String> {
        put(cx, new).await?;
        Ok(new.bucket.clone())
    }

    async fn delete(cx: &Cx, at: &Ref<Self>) -> Result<()> {
        cx.s3().delete_bucket_policy().bucket(&at.id).send().await?;
        Ok(())
    }
}

impl Update for BucketPolicy {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        if changed!(ch, policy) { put(cx, ch.new).await } else { Ok(()) }
    }
}

async fn put(cx: &Cx, new: &BucketPolicy) -> Result<()> {
    cx.s3().put_bucket_policy().bucket(&new.bucket).policy(new.policy.as_str()).send().await?;
    Ok(())
}
