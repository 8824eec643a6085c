//! S3: contents, and what its types share.

mod bucket;
mod bucket_cors_configuration;
mod bucket_data;
mod bucket_encryption;
mod bucket_lifecycle_configuration;
mod bucket_ownership_controls;
mod bucket_policy;
mod bucket_public_access_block;
mod bucket_versioning;
mod canonical_user_id_data;

use std::sync::Arc;

use aws_sdk_s3::operation::get_bucket_versioning::GetBucketVersioningOutput;

use crate::kit::erase::{data, resource};
use crate::kit::prelude::*;
use crate::kit::provider::Service;

/// The types of this service.
pub(crate) fn service() -> Service {
    Service {
        resources: vec![
            resource::<bucket::Bucket>(),
            resource::<bucket_cors_configuration::Cors>(),
            resource::<bucket_encryption::Encryption>(),
            resource::<bucket_lifecycle_configuration::LifecycleConfiguration>(),
            resource::<bucket_ownership_controls::Ownership>(),
            resource::<bucket_policy::BucketPolicy>(),
            resource::<bucket_public_access_block::PublicAccessBlock>(),
            resource::<bucket_versioning::Versioning>(),
        ],
        data: vec![data::<bucket_data::BucketData>(), data::<canonical_user_id_data::CanonicalUserId>()],
    }
}

/// The id of a setting: the bucket, and the expected owner behind a comma where one is set.
pub(crate) fn setting_id(bucket: &str, owner: Option<&str>) -> String {
    match owner.filter(|o| !o.is_empty()) {
        Some(owner) => format!("{bucket},{owner}"),
        None => bucket.to_owned(),
    }
}

/// Bucket and expected owner, from a setting's id.
pub(crate) fn setting(id: &str) -> (&str, Option<String>) {
    match id.split_once(',') {
        Some((bucket, owner)) => (bucket, Some(owner.to_owned())),
        None => (id, None),
    }
}

/// `import` of settings: `bucket` or `bucket,owner`.
pub(crate) fn import_setting(spec: &str) -> Result<Vec<(&'static str, Known)>> {
    let (bucket, owner) = setting(spec);
    let account = |o: &String| o.len() == 12 && o.bytes().all(|b| b.is_ascii_digit());
    if bucket.is_empty() || owner.as_ref().is_some_and(|o| !account(o)) {
        return Err(Error::invalid(format!("{spec:?} is not BUCKET or BUCKET,ACCOUNT.")));
    }
    Ok(vec![("bucket", bucket.into()), ("expected_bucket_owner", owner.into())])
}

/// `create`, `delete` and `import` of a setting that the function `put` of its file sets and the named request removes.
macro_rules! put_and_removed {
    ($remove:ident) => {
        async fn create(cx: &Cx, new: &Self) -> Result<String> {
            put(cx, new).await?;
            Ok(super::setting_id(&new.bucket, new.expected_bucket_owner.as_deref()))
        }

        async fn delete(cx: &Cx, at: &Ref<Self>) -> Result<()> {
            let (bucket, owner) = super::setting(&at.id);
            cx.s3().$remove().bucket(bucket).set_expected_bucket_owner(owner).send().await?;
            Ok(())
        }

        fn import(spec: &str) -> Result<Vec<(&'static str, Known)>> {
            super::import_setting(spec)
        }
    };
}
pub(crate) use put_and_removed;

/// A bucket's versioning, asked once for all types that show it.
pub(crate) async fn versioning(cx: &Cx, bucket: &str, owner: Option<String>) -> Result<Arc<GetBucketVersioningOutput>> {
    let bucket = bucket.to_owned();
    cx.shared(format!("versioning {bucket} {owner:?}"), |cx| async move {
        Ok(cx.s3().get_bucket_versioning().bucket(bucket).set_expected_bucket_owner(owner).send().await?)
    })
    .await
}

/// An S3 date as RFC 3339.
pub(crate) fn date(d: &aws_sdk_s3::primitives::DateTime) -> Option<String> {
    d.fmt(aws_sdk_s3::primitives::DateTimeFormat::DateTime).ok()
}

/// An RFC 3339 date as S3 takes it.
pub(crate) fn to_date(text: &str) -> Result<aws_sdk_s3::primitives::DateTime> {
    aws_sdk_s3::primitives::DateTime::from_str(text, aws_sdk_s3::primitives::DateTimeFormat::DateTime)
        .map_err(|_| Error::invalid(format!("{text:?} is not a date such as 2030-01-01T00:00:00Z.")))
}

/// Storage classes that objects can move to.
pub(crate) const STORAGE_CLASSES: &[&str] =
    &["GLACIER", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "DEEP_ARCHIVE", "GLACIER_IR"];

/// What an account id looks like.
pub(crate) const ACCOUNT: &[&str; 2] = &["[0-9]{12}", "an account id of 12 digits"];
/// What a date looks like.
pub(crate) const RFC3339: &[&str; 2] =
    &[r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})", "a date such as 2030-01-01T00:00:00Z"];
