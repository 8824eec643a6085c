//! `data.aws_iam_policy`.

use super::{document, from_tags};
use crate::kit::prelude::*;

/// A managed policy, by ARN, or by name and path.
#[derive(Clone, Debug, Data)]
#[data(type = "aws_iam_policy")]
pub(crate) struct PolicyData {
    /// ARN.
    #[attr(arn)]
    arn: OptComputed<String>,
    /// To how many users, groups and roles it is attached.
    attachment_count: Computed<i32>,
    /// Description.
    description: Computed<String>,
    /// ARN.
    id: OptComputed<String>,
    /// Name.
    name: OptComputed<String>,
    /// Path.
    path: Computed<String>,
    /// What the path begins with, to find a policy by.
    path_prefix: Option<String>,
    /// What is allowed and denied.
    policy: Computed<String>,
    /// Id that is never used again.
    policy_id: Computed<String>,
    /// Tags.
    tags: OptComputed<BTreeMap<String, String>>,
}

impl Data for PolicyData {
    const ACTIONS: &'static [&'static str] = &["iam:GetPolicy", "iam:GetPolicyVersion", "iam:ListPolicies"];

    async fn read(cx: &Cx, config: &Self) -> Result<Self> {
        let arn = match config.arn.clone().filter(|a| !a.is_empty()) {
            Some(arn) => arn,
            None => find(cx, config).await?,
        };
        let found = cx.iam().get_policy().policy_arn(&arn).send().await?;
        let p = found.policy.ok_or_else(|| Error::incomplete("the policy"))?;
        let version = p.default_version_id().unwrap_or_default();
        let found = cx.iam().get_policy_version().policy_arn(&arn).version_id(version).send().await?;
        let text = found.policy_version.and_then(|v| v.document).unwrap_or_default();
        Ok(PolicyData {
            attachment_count: p.attachment_count(),
            description: Some(p.description().unwrap_or_default().to_owned()),
            id: Some(arn.clone()),
            name: p.policy_name().map(str::to_owned),
            path: p.path().map(str::to_owned),
            path_prefix: config.path_prefix.clone(),
            policy: Some(document(&text)),
            policy_id: p.policy_id().map(str::to_owned),
            tags: Some(cx.visible_tags(&from_tags(p.tags()))),
            arn: Some(arn),
        })
    }

    fn validate(config: &Partial, errors: &mut Vec<stackctl_core::Error>) {
        let set = |n: &str| !config.get(n).is_null();
        for other in ["name", "path_prefix"].into_iter().filter(|o| set("arn") && set(o)) {
            let message = format!("`arn` says which policy is meant: it excludes `{other}`.");
            errors.push(stackctl_core::Error::at(stackctl_core::Path::attr(other), message));
        }
        if !set("arn") && !set("name") {
            let message = "Say which policy is meant by `arn` or by `name`.";
            errors.push(stackctl_core::Error::invalid(message));
        }
    }
}

async fn find(cx: &Cx, config: &PolicyData) -> Result<String> {
    let prefix = config.path_prefix.clone().filter(|p| !p.is_empty());
    let policies = all(cx.iam().list_policies().set_path_prefix(prefix).into_paginator().items().send()).await?;
    let mut found = policies.into_iter().filter(|p| p.policy_name() == config.name.as_deref()).filter_map(|p| p.arn);
    let name = config.name.as_deref().unwrap_or_default();
    match (found.next(), found.next()) {
        (Some(arn), None) => Ok(arn),
        (None, _) => Err(Error::invalid(format!("There is no policy {name:?}."))),
        (Some(_), Some(_)) => Err(Error::invalid(format!("Several policies are called {name:?}: set `path_prefix`."))),
    }
}
