//! `aws_iam_policy`.

use aws_sdk_iam::types::{Policy as SdkPolicy, PolicyScopeType};

use super::{NAME, document, from_tags, tags};
use crate::kit::prelude::*;

/// Most versions that AWS keeps of a policy.
const VERSIONS: usize = 5;

/// A managed policy.
///
/// A change makes a new version the default one; where five exist, the oldest of the others goes first.
#[derive(Clone, Debug, Resource)]
#[resource(type = "aws_iam_policy", identity(name("name").dated()))]
pub(crate) struct ManagedPolicy {
    /// ARN.
    #[attr(starts_with = "arn:")]
    arn: Computed<String>,
    /// To how many users, groups and roles it is attached.
    attachment_count: Computed<i32>,
    /// Description.
    #[attr(force_new)]
    description: Option<String>,
    /// Name, unique in the account.
    #[attr(force_new, length(1, 128), prefix_max = 102, check = stackctl_core::Check::Pattern(NAME[0], NAME[1]), prefix_pattern = NAME)]
    name: Name,
    /// Path.
    #[attr(force_new, default = "/")]
    path: String,
    /// What is allowed and denied.
    #[attr(json)]
    policy: Policy,
    /// Id that is never used again.
    policy_id: Computed<String>,
    /// Tags.
    tags: Tags,
}

impl Resource for ManagedPolicy {
    const ACTIONS: &'static [&'static str] = &[
        "iam:CreatePolicy",
        "iam:CreatePolicyVersion",
        "iam:DeletePolicy",
        "iam:DeletePolicyVersion",
        "iam:GetPolicy",
        "iam:GetPolicyVersion",
        "iam:ListPolicies",
        "iam:ListPolicyVersions",
        "iam:TagPolicy",
        "iam:UntagPolicy",
    ];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let at = only(at);
        let found = cx.iam().get_policy().policy_arn(&at.id).send().await?;
        let policy = found.policy.ok_or_else(|| Error::incomplete("the policy"))?;
        let version = policy.default_version_id().unwrap_or_default();
        let found = cx.iam().get_policy_version().policy_arn(&at.id).version_id(version).send().await?;
        let text = found.policy_version.and_then(|v| v.document).unwrap_or_default();
        let created = policy.create_date().map(|d| d.secs());
        Ok(vec![at.live(&at.id, live(&policy, document(&text))).created(created)])
    }

    async fn create(cx: &Cx, new: &Self) -> Result<String> {
        let made = cx
            .iam()
            .create_policy()
            .policy_name(&new.name)
            .path(&new.path)
            .policy_document(new.policy.as_str())
            .description(new.description.clone().unwrap_or_default())
            .set_tags(tags(&new.tags)?)
            .send()
            .await?;
        made.policy.and_then(|p| p.arn).ok_or_else(|| Error::incomplete("the policy's ARN"))
    }

    async fn delete(cx: &Cx, at: &Ref<Self>) -> Result<()> {
        let (iam, arn) = (cx.iam(), &at.id);
        for v in all(iam.list_policy_versions().policy_arn(arn).into_paginator().items().send()).await? {
            if let Some(id) = v.version_id().filter(|_| !v.is_default_version()) {
                iam.delete_policy_version().policy_arn(arn).version_id(id).send().await.absent()?;
            }
        }
        iam.delete_policy().policy_arn(arn).send().await?;
        Ok(())
    }

    async fn retag(cx: &Cx, at: &[Ref<Self>], add: &Tags, remove: &[String]) -> Result<()> {
        for r in at {
            if !remove.is_empty() {
                cx.iam().untag_policy().policy_arn(&r.id).set_tag_keys(Some(remove.to_vec())).send().await?;
            }
            if let Some(tags) = tags(add)? {
                cx.iam().tag_policy().policy_arn(&r.id).set_tags(Some(tags)).send().await?;
            }
        }
        Ok(())
    }

    async fn find(cx: &Cx, intent: &Intent<Self>) -> Result<Vec<Live<Self>>> {
        let (name, path) = (&intent.keys.name, &intent.keys.path);
        if !cx.account().is_empty() {
            let arn = format!("arn:{}:iam::{}:policy{path}{name}", cx.partition(), cx.account());
            return intent.read(cx, arn).await;
        }
        let call = cx.iam().list_policies().scope(PolicyScopeType::Local).path_prefix(path);
        let policies = all(call.into_paginator().items().send()).await?;
        match policies.into_iter().find(|p| p.policy_name() == Some(name)).and_then(|p| p.arn) {
            Some(arn) => intent.read(cx, arn).await,
            None => Ok(Vec::new()),
        }
    }
}

impl Update for ManagedPolicy {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        if changed!(ch, policy) {
            let (iam, arn) = (cx.iam(), &ch.at.id);
            make_room(cx, arn).await?;
            let call = iam.create_policy_version().policy_arn(arn).policy_document(ch.new.policy.as_str());
            call.set_as_default(true).send().await?;
        }
        Ok(())
    }
}

async fn make_room(cx: &Cx, arn: &str) -> Result<()> {
    let versions = all(cx.iam().list_policy_versions().policy_arn(arn).into_paginator().items().send()).await?;
    if versions.len() < VERSIONS {
        return Ok(());
    }
    let others = versions.iter().filter(|v| !v.is_default_version());
    let oldest = others.min_by_key(|v| v.create_date().map(|d| (d.secs(), d.subsec_nanos())));
    if let Some(id) = oldest.and_then(|v| v.version_id()) {
        cx.iam().delete_policy_version().policy_arn(arn).version_id(id).send().await.absent()?;
    }
    Ok(())
}

fn live(p: &SdkPolicy, document: String) -> ManagedPolicy {
    ManagedPolicy {
        arn: p.arn().map(str::to_owned),
        attachment_count: p.attachment_count(),
        description: p.description().map(str::to_owned),
        name: p.policy_name().unwrap_or_default().to_owned(),
        path: p.path().unwrap_or("/").to_owned(),
        policy: document.into(),
        policy_id: p.policy_id().map(str::to_owned),
        tags: from_tags(p.tags()),
    }
}
