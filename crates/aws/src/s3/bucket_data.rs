//! `data.aws_s3_bucket`.

use super::bucket::region;
use crate::kit::prelude::*;

/// A bucket, wherever it is.
#[derive(Clone, Debug, Data)]
#[data(type = "aws_s3_bucket")]
pub(crate) struct BucketData {
    /// ARN.
    arn: Computed<String>,
    /// Name.
    bucket: String,
    /// Domain name.
    bucket_domain_name: Computed<String>,
    /// Domain name with the region.
    bucket_regional_domain_name: Computed<String>,
    /// Route 53 zone of the region's website endpoint.
    hosted_zone_id: Computed<String>,
    /// Name.
    id: OptComputed<String>,
    /// Region.
    region: Computed<String>,
    /// Domain of the website endpoint, of a bucket that is a website.
    website_domain: Computed<String>,
    /// Website endpoint, of a bucket that is a website.
    website_endpoint: Computed<String>,
}

impl Data for BucketData {
    const ACTIONS: &'static [&'static str] = &["s3:GetBucketWebsite", "s3:ListBucket"];

    async fn read(cx: &Cx, config: &Self) -> Result<Self> {
        let bucket = &config.bucket;
        let (head, website) = futures::try_join!(
            async {
                let head = cx.s3().head_bucket().bucket(bucket).send().await.map_err(Error::from);
                head.map_err(|e| if e.is_not_found() { missing(bucket) } else { e })
            },
            async { cx.s3().get_bucket_website().bucket(bucket).send().await.absent() },
        )?;
        let at = head.bucket_region.unwrap_or_else(|| cx.region().to_owned());
        let domain = website.map(|_| region::website_domain(&at));
        Ok(BucketData {
            arn: Some(format!("arn:{}:s3:::{bucket}", cx.partition())),
            bucket: bucket.clone(),
            bucket_domain_name: Some(region::global_domain(bucket, &at)),
            bucket_regional_domain_name: Some(region::domain(bucket, &at)),
            hosted_zone_id: Some(region::zone(&at).unwrap_or_default()),
            id: Some(bucket.clone()),
            website_endpoint: domain.as_ref().map(|d| format!("{bucket}.{d}")),
            website_domain: domain,
            region: Some(at),
        })
    }
}

fn missing(bucket: &str) -> Error {
    Error::invalid(format!("There is no bucket {bucket:?}."))
}
