//! `aws_s3_bucket_cors_configuration`.

use aws_sdk_s3::types::{CorsConfiguration, CorsRule};

use super::{ACCOUNT, put_and_removed, setting};
use crate::kit::prelude::*;

/// Which requests from other origins a bucket answers.
#[derive(Clone, Debug, Resource)]
#[resource(type = "aws_s3_bucket_cors_configuration", identity(key(&["bucket", "expected_bucket_owner"])))]
pub(crate) struct Cors {
    /// Bucket.
    #[attr(force_new, length(1, 63))]
    bucket: String,
    /// The rules.
    #[attr(min = 1, max = 100)]
    cors_rule: BTreeSet<Rule>,
    /// Account that must own the bucket.
    #[attr(force_new, check = stackctl_core::Check::Pattern(ACCOUNT[0], ACCOUNT[1]))]
    expected_bucket_owner: Option<String>,
}

/// A rule.
#[derive(Block, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rule {
    /// Headers that requests may have.
    allowed_headers: Option<BTreeSet<String>>,
    /// Methods that are allowed.
    allowed_methods: BTreeSet<String>,
    /// Origins that are allowed.
    allowed_origins: BTreeSet<String>,
    /// Headers that the application may see.
    expose_headers: Option<BTreeSet<String>>,
    /// Name.
    #[attr(length(0, 255))]
    id: Option<String>,
    /// Seconds for which the answer may be remembered.
    #[attr(integer)]
    max_age_seconds: Option<i32>,
}

impl Resource for Cors {
    const ACTIONS: &'static [&'static str] = &["s3:GetBucketCORS", "s3:PutBucketCORS"];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let at = only(at);
        let (bucket, owner) = setting(&at.id);
        let found = cx.s3().get_bucket_cors().bucket(bucket).set_expected_bucket_owner(owner.clone()).send().await?;
        if found.cors_rules().is_empty() {
            return Ok(Vec::new());
        }
        let cors_rule = found.cors_rules().iter().map(from_sdk).collect();
        let value = Cors { bucket: bucket.to_owned(), cors_rule, expected_bucket_owner: owner };
        Ok(vec![at.live(&at.id, value)])
    }

    put_and_removed!(delete_bucket_cors);
}

impl Update for Cors {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        if changed!(ch, cors_rule) { put(cx, ch.new).await } else { Ok(()) }
    }
}

async fn put(cx: &Cx, new: &Cors) -> Result<()> {
    let rules = new.cors_rule.iter().map(sdk).collect::<Result<Vec<_>>>()?;
    let all = CorsConfiguration::builder().set_cors_rules(Some(rules)).build()?;
    let call = cx.s3().put_bucket_cors().bucket(&new.bucket).cors_configuration(all);
    call.set_expected_bucket_owner(new.expected_bucket_owner.clone()).send().await?;
    Ok(())
}

fn sdk(r: &Rule) -> Result<CorsRule> {
    let list = |l: &BTreeSet<String>| (!l.is_empty()).then(|| l.iter().cloned().collect::<Vec<_>>());
    Ok(CorsRule::builder()
        .set_allowed_headers(r.allowed_headers.as_ref().and_then(list))
        .set_allowed_methods(list(&r.allowed_methods))
        .set_allowed_origins(list(&r.allowed_origins))
        .set_expose_headers(r.expose_headers.as_ref().and_then(list))
        .set_id(r.id.clone())
        .max_age_seconds(r.max_age_seconds.unwrap_or_default())
        .build()?)
}

fn from_sdk(r: &CorsRule) -> Rule {
    let set = |l: &[String]| l.iter().cloned().collect::<BTreeSet<_>>();
    Rule {
        allowed_headers: Some(set(r.allowed_headers())).filter(|l| !l.is_empty()),
        allowed_methods: set(r.allowed_methods()),
        allowed_origins: set(r.allowed_origins()),
        expose_headers: Some(set(r.expose_headers())).filter(|l| !l.is_empty()),
        id: r.id().filter(|id| !id.is_empty()).map(str::to_owned),
        max_age_seconds: r.max_age_seconds(),
    }
}
