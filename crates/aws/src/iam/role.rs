//! `aws_iam_role`.

use aws_sdk_iam::types::Role as SdkRole;
use stackctl_core::equal::same;

use super::{NAME, document, from_tags, tags, time};
use crate::kit::prelude::*;

const EXCLUSIVE: &str = "Use aws_iam_role_policy or aws_iam_role_policy_attachment instead.";

/// A role.
///
/// With `inline_policy` or `managed_policy_arns` the role has exactly the policies that they name; without them, policies
/// are left alone.
#[derive(Clone, Debug, Resource)]
#[resource(type = "aws_iam_role", identity(name("name").dated()))]
pub(crate) struct Role {
    /// ARN.
    #[attr(starts_with = "arn:")]
    arn: Computed<String>,
    /// Who may assume the role.
    #[attr(json)]
    assume_role_policy: Policy,
    /// When it was created.
    create_date: Computed<String>,
    /// Description.
    #[attr(length(0, 1000))]
    description: Option<String>,
    /// Detach and delete all policies, also those of others, when the role is destroyed.
    #[attr(default = false)]
    force_detach_policies: Local<bool>,
    /// Inline policies; one empty block for none at all.
    #[attr(if_configured, lazy, deprecated = EXCLUSIVE)]
    inline_policy: BTreeSet<Inline>,
    /// ARNs of all attached policies.
    #[attr(if_configured, lazy, arn, deprecated = EXCLUSIVE)]
    managed_policy_arns: OptComputed<BTreeSet<String>>,
    /// Longest session, in seconds.
    #[attr(default = 3600, range(3600, 43200))]
    max_session_duration: i32,
    /// Name, unique in the account.
    #[attr(force_new, length(1, 64), prefix_max = 38, check = stackctl_core::Check::Pattern(NAME[0], NAME[1]), prefix_pattern = NAME)]
    name: Name,
    /// Path.
    #[attr(force_new, default = "/", length(0, 512))]
    path: String,
    /// Policy that bounds what the role may be allowed.
    #[attr(arn)]
    permissions_boundary: Option<String>,
    /// Tags.
    tags: Tags,
    /// Id that is never used again.
    unique_id: Computed<String>,
}

/// An inline policy.
#[derive(Block, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Inline {
    /// Name.
    #[attr(length(1, 128), check = stackctl_core::Check::Pattern(NAME[0], NAME[1]))]
    name: Option<String>,
    /// The policy.
    #[attr(json)]
    policy: Option<Policy>,
}

impl Resource for Role {
    const ACTIONS: &'static [&'static str] = &[
        "iam:AttachRolePolicy",
        "iam:CreateRole",
        "iam:DeleteRole",
        "iam:DeleteRolePermissionsBoundary",
        "iam:DeleteRolePolicy",
        "iam:DetachRolePolicy",
        "iam:GetRole",
        "iam:GetRolePolicy",
        "iam:ListAttachedRolePolicies",
        "iam:ListInstanceProfilesForRole",
        "iam:ListRolePolicies",
        "iam:PutRolePermissionsBoundary",
        "iam:PutRolePolicy",
        "iam:RemoveRoleFromInstanceProfile",
        "iam:TagRole",
        "iam:UntagRole",
        "iam:UpdateAssumeRolePolicy",
        "iam:UpdateRole",
        "iam:UpdateRoleDescription",
    ];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let at = only(at);
        let found = cx.iam().get_role().role_name(&at.id).send().await?;
        let role = found.role.ok_or_else(|| Error::incomplete("the role"))?;
        let (inline, managed) = futures::try_join!(
            async { if at.wants("inline_policy") { inline_policies(cx, at).await } else { Ok(BTreeSet::new()) } },
            async { if at.wants("managed_policy_arns") { attached(cx, &at.id).await.map(Some) } else { Ok(None) } },
        )?;
        let created = Some(role.create_date().secs());
        Ok(vec![at.live(&at.id, live(&role, inline, managed)).created(created)])
    }

    async fn create(cx: &Cx, new: &Self) -> Result<String> {
        cx.iam()
            .create_role()
            .role_name(&new.name)
            .path(&new.path)
            .assume_role_policy_document(new.assume_role_policy.as_str())
            .set_description(new.description.clone())
            .max_session_duration(new.max_session_duration)
            .set_permissions_boundary(new.permissions_boundary.clone())
            .set_tags(tags(&new.tags)?)
            .send()
            .await?;
        Ok(new.name.clone())
    }

    async fn delete(cx: &Cx, at: &Ref<Self>) -> Result<()> {
        let (iam, name, known) = (cx.iam(), &at.id, &at.known);
        let profiles = iam.list_instance_profiles_for_role().role_name(name).into_paginator().items().send();
        for p in all(profiles).await? {
            let call = iam.remove_role_from_instance_profile().role_name(name);
            call.instance_profile_name(p.instance_profile_name()).send().await.absent()?;
        }
        if known.force_detach_policies || known.managed_policy_arns.as_ref().is_some_and(|m| !m.is_empty()) {
            for arn in attached(cx, name).await? {
                iam.detach_role_policy().role_name(name).policy_arn(arn).send().await.absent()?;
            }
        }
        if known.force_detach_policies || !known.inline_policy.is_empty() {
            for policy in all(iam.list_role_policies().role_name(name).into_paginator().items().send()).await? {
                iam.delete_role_policy().role_name(name).policy_name(policy).send().await.absent()?;
            }
        }
        iam.delete_role().role_name(name).send().await?;
        Ok(())
    }

    async fn retag(cx: &Cx, at: &[Ref<Self>], add: &Tags, remove: &[String]) -> Result<()> {
        for r in at {
            if !remove.is_empty() {
                cx.iam().untag_role().role_name(&r.id).set_tag_keys(Some(remove.to_vec())).send().await?;
            }
            if let Some(tags) = tags(add)? {
                cx.iam().tag_role().role_name(&r.id).set_tags(Some(tags)).send().await?;
            }
        }
        Ok(())
    }
}

impl Update for Role {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        let (iam, name, old, new) = (cx.iam(), &ch.at.id, ch.old, ch.new);
        if changed!(ch, assume_role_policy) {
            let call = iam.update_assume_role_policy().role_name(name);
            call.policy_document(new.assume_role_policy.as_str()).send().await?;
        }
        if changed!(ch, description) {
            let text = new.description.clone().unwrap_or_default();
            iam.update_role_description().role_name(name).description(text).send().await?;
        }
        if changed!(ch, max_session_duration) {
            iam.update_role().role_name(name).max_session_duration(new.max_session_duration).send().await?;
        }
        if changed!(ch, permissions_boundary) {
            match &new.permissions_boundary {
                Some(arn) => {
                    iam.put_role_permissions_boundary().role_name(name).permissions_boundary(arn).send().await?;
                }
                None => {
                    iam.delete_role_permissions_boundary().role_name(name).send().await?;
                }
            }
        }
        if changed!(ch, inline_policy) {
            let named = |l: &BTreeSet<Inline>| l.iter().filter_map(|p| p.name.clone()).collect::<BTreeSet<_>>();
            for gone in named(&old.inline_policy).difference(&named(&new.inline_policy)) {
                iam.delete_role_policy().role_name(name).policy_name(gone).send().await.absent()?;
            }
            for p in new.inline_policy.difference(&old.inline_policy) {
                let (Some(policy), Some(document)) = (&p.name, &p.policy) else { continue };
                let call = iam.put_role_policy().role_name(name).policy_name(policy);
                call.policy_document(ordered(document.as_str())).send().await?;
            }
        }
        if changed!(ch, managed_policy_arns) {
            let (empty, to) = (BTreeSet::new(), new.managed_policy_arns.clone().unwrap_or_default());
            let from = old.managed_policy_arns.as_ref().unwrap_or(&empty);
            for arn in from.difference(&to) {
                iam.detach_role_policy().role_name(name).policy_arn(arn).send().await.absent()?;
            }
            for arn in to.difference(from) {
                iam.attach_role_policy().role_name(name).policy_arn(arn).send().await?;
            }
        }
        Ok(())
    }
}

fn live(r: &SdkRole, inline_policy: BTreeSet<Inline>, managed: Option<BTreeSet<String>>) -> Role {
    Role {
        arn: Some(r.arn().to_owned()),
        assume_role_policy: document(r.assume_role_policy_document().unwrap_or_default()).into(),
        create_date: time(r.create_date()),
        description: r.description().map(str::to_owned),
        force_detach_policies: unread(),
        inline_policy,
        managed_policy_arns: managed,
        max_session_duration: r.max_session_duration().unwrap_or(3600),
        name: r.role_name().to_owned(),
        path: r.path().to_owned(),
        permissions_boundary: r.permissions_boundary().and_then(|b| b.permissions_boundary_arn()).map(str::to_owned),
        tags: from_tags(r.tags()),
        unique_id: Some(r.role_id().to_owned()),
    }
}

/// Inline policies, each in the spelling of state where that means the same.
async fn inline_policies(cx: &Cx, at: &Ref<Role>) -> Result<BTreeSet<Inline>> {
    let names = all(cx.iam().list_role_policies().role_name(&at.id).into_paginator().items().send()).await?;
    let known = &at.known.inline_policy;
    let nothing = Inline::default();
    if names.is_empty() && known.len() == 1 && known.contains(&nothing) {
        return Ok([nothing].into());
    }
    let read = names.iter().map(|name| async move {
        let found = cx.iam().get_role_policy().role_name(&at.id).policy_name(name).send().await?;
        let policy = Policy(document(found.policy_document()));
        let before = known.iter().find(|p| p.name.as_deref() == Some(name)).and_then(|p| p.policy.clone());
        let (a, b) = (Known::from(policy.as_str()), Known::from(before.as_ref().map(|p| p.0.clone())));
        let policy = if same(Equality::Policy, &a, &b) { before } else { Some(policy) };
        Ok::<_, Error>(Inline { name: Some(name.clone()), policy })
    });
    Ok(futures::future::try_join_all(read).await?.into_iter().collect())
}

async fn attached(cx: &Cx, role: &str) -> Result<BTreeSet<String>> {
    let found = all(cx.iam().list_attached_role_policies().role_name(role).into_paginator().items().send()).await?;
    Ok(found.into_iter().filter_map(|p| p.policy_arn).collect())
}

/// The document with `Version` and `Id` before `Statement`, as inline policies are sent.
pub(super) fn ordered(text: &str) -> String {
    let Ok(serde_json::Value::Object(mut m)) = serde_json::from_str(text) else { return text.to_owned() };
    let mut out = serde_json::Map::new();
    for key in ["Version", "Id", "Statement"] {
        if let Some(v) = m.remove(key) {
            out.insert(key.to_owned(), v);
        }
    }
    out.extend(m);
    serde_json::Value::Object(out).to_string()
}
