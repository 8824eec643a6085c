//! `aws_s3_bucket_ownership_controls`.

use aws_sdk_s3::types::{ObjectOwnership, OwnershipControls, OwnershipControlsRule};

use crate::kit::prelude::*;

/// Who owns the objects of a bucket.
#[derive(Clone, Debug, Resource)]
#[resource(type = "aws_s3_bucket_ownership_controls", identity(key(&["bucket"])))]
pub(crate) struct Ownership {
    /// Bucket.
    #[attr(force_new, length(1, 255))]
    bucket: String,
    /// The rule.
    rule: Rule,
}

/// The rule.
#[derive(Block, Clone, Debug)]
pub(crate) struct Rule {
    /// The bucket's owner, with or without ACLs, or the writer.
    #[attr(one_of("BucketOwnerPreferred", "ObjectWriter", "BucketOwnerEnforced"))]
    object_ownership: String,
}

impl Resource for Ownership {
    const ACTIONS: &'static [&'static str] = &["s3:GetBucketOwnershipControls", "s3:PutBucketOwnershipControls"];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let at = only(at);
        let found = cx.s3().get_bucket_ownership_controls().bucket(&at.id).send().await?;
        let rules = found.ownership_controls.map(|c| c.rules).unwrap_or_default();
        let Some(rule) = rules.first() else { return Ok(Vec::new()) };
        let rule = Rule { object_ownership: rule.object_ownership().as_str().to_owned() };
        Ok(vec![at.live(&at.id, Ownership { bucket: at.id.clone(), rule })])
    }

    async fn create(cx: &Cx, new: &Self) -> Result<String> {
        put(cx, new).await?;
        Ok(new.bucket.clone())
    }

    async fn delete(cx: &Cx, at: &Ref<Self>) -> Result<()> {
        cx.s3().delete_bucket_ownership_controls().bucket(&at.id).send().await?;
        Ok(())
    }
}

impl Update for Ownership {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        if changed!(ch, rule) { put(cx, ch.new).await } else { Ok(()) }
    }
}

async fn put(cx: &Cx, new: &Ownership) -> Result<()> {
    let ownership = ObjectOwnership::from(new.rule.object_ownership.as_str());
    let rule = OwnershipControlsRule::builder().object_ownership(ownership).build()?;
    let controls = OwnershipControls::builder().rules(rule).build()?;
    cx.s3().put_bucket_ownership_controls().bucket(&new.bucket).ownership_controls(controls).send().await?;
    Ok(())
}
