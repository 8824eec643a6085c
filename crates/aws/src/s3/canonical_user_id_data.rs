//! `data.aws_canonical_user_id`.

use crate::kit::prelude::*;

/// The account as grants of S3 name it.
#[derive(Clone, Debug, Data)]
#[data(type = "aws_canonical_user_id")]
pub(crate) struct CanonicalUserId {
    /// Name in words, where the region shows it.
    display_name: Computed<String>,
    /// The id.
    id: OptComputed<String>,
}

impl Data for CanonicalUserId {
    const ACTIONS: &'static [&'static str] = &["s3:ListAllMyBuckets"];

    async fn read(cx: &Cx, config: &Self) -> Result<Self> {
        let found = cx.s3().list_buckets().send().await?;
        let owner = found.owner.ok_or_else(|| Error::incomplete("the owner of the buckets"))?;
        Ok(CanonicalUserId {
            display_name: Some(owner.display_name.unwrap_or_default()),
            id: config.id.clone().or(owner.id),
        })
    }
}
