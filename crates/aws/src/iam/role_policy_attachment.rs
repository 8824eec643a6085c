//! `aws_iam_role_policy_attachment`.

use crate::kit::prelude::*;

/// A managed policy attached to a role.
#[derive(Clone, Debug, Resource)]
#[resource(type = "aws_iam_role_policy_attachment", identity(key(&["role", "policy_arn"])))]
pub(crate) struct Attachment {
    /// ARN of the policy.
    #[attr(force_new, arn)]
    policy_arn: String,
    /// Name of the role.
    #[attr(force_new)]
    role: String,
}

impl Resource for Attachment {
    const BATCH: usize = 100;
    const ACTIONS: &'static [&'static str] =
        &["iam:AttachRolePolicy", "iam:DetachRolePolicy", "iam:ListAttachedRolePolicies"];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let roles: BTreeSet<&str> = at.iter().map(|r| r.known.role.as_str()).filter(|r| !r.is_empty()).collect();
        let lists = roles.into_iter().map(|role| async move {
            let pages = cx.iam().list_attached_role_policies().role_name(role).into_paginator().items().send();
            // A role that is gone has no policies.
            let found = all(pages).await.absent()?.unwrap_or_default();
            Ok::<_, Error>((role, found.into_iter().filter_map(|p| p.policy_arn).collect::<BTreeSet<_>>()))
        });
        let attached: BTreeMap<_, _> = futures::future::try_join_all(lists).await?.into_iter().collect();
        let has = |r: &Attachment| attached.get(r.role.as_str()).is_some_and(|l| l.contains(&r.policy_arn));
        let there = at.iter().filter(|r| has(&r.known));
        Ok(there.map(|r| r.live(&r.id, r.known.clone())).collect())
    }

    async fn create(cx: &Cx, new: &Self) -> Result<String> {
        cx.iam().attach_role_policy().role_name(&new.role).policy_arn(&new.policy_arn).send().await?;
        Ok(id(new))
    }

    async fn delete(cx: &Cx, at: &Ref<Self>) -> Result<()> {
        let call = cx.iam().detach_role_policy().role_name(&at.known.role);
        call.policy_arn(&at.known.policy_arn).send().await?;
        Ok(())
    }

    async fn find(cx: &Cx, intent: &Intent<Self>) -> Result<Vec<Live<Self>>> {
        intent.read(cx, id(&intent.keys)).await
    }

    fn import(spec: &str) -> Result<Vec<(&'static str, Known)>> {
        let parts = spec.split_once('/').filter(|(role, arn)| !role.is_empty() && arn.starts_with("arn:"));
        let (role, arn) = parts.ok_or_else(|| Error::invalid(format!("{spec:?} is not ROLE/POLICY-ARN.")))?;
        Ok(vec![("id", format!("{role}-{arn}").into()), ("policy_arn", arn.into()), ("role", role.into())])
    }
}

fn id(a: &Attachment) -> String {
    format!("{}-{}", a.role, a.policy_arn)
}
