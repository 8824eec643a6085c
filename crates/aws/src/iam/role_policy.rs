//! `aws_iam_role_policy`.

use super::{NAME, document, role};
use crate::kit::prelude::*;

/// An inline policy of a role.
#[derive(Clone, Debug, Resource)]
#[resource(type = "aws_iam_role_policy", identity(key(&["role", "name"])))]
pub(crate) struct RolePolicy {
    /// Name, unique in the role.
    #[attr(force_new, length(1, 128), prefix_max = 102, check = stackctl_core::Check::Pattern(NAME[0], NAME[1]), prefix_pattern = NAME)]
    name: Name,
    /// What is allowed and denied.
    #[attr(json)]
    policy: Policy,
    /// Name of the role.
    #[attr(force_new, length(1, 128), check = stackctl_core::Check::Pattern("[^:/]+", "the name of a role, not its ARN"))]
    role: String,
}

impl Resource for RolePolicy {
    const ACTIONS: &'static [&'static str] = &["iam:DeleteRolePolicy", "iam:GetRolePolicy", "iam:PutRolePolicy"];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let at = only(at);
        let (role, name) = parts(&at.id)?;
        let found = cx.iam().get_role_policy().role_name(role).policy_name(name).send().await?;
        let policy = document(found.policy_document()).into();
        Ok(vec![at.live(&at.id, RolePolicy { name: name.to_owned(), policy, role: role.to_owned() })])
    }

    async fn create(cx: &Cx, new: &Self) -> Result<String> {
        let id = format!("{}:{}", new.role, new.name);
        put(cx, &id, new).await?;
        Ok(id)
    }

    async fn delete(cx: &Cx, at: &Ref<Self>) -> Result<()> {
        let (role, name) = parts(&at.id)?;
        cx.iam().delete_role_policy().role_name(role).policy_name(name).send().await?;
        Ok(())
    }

    async fn find(cx: &Cx, intent: &Intent<Self>) -> Result<Vec<Live<Self>>> {
        intent.read(cx, format!("{}:{}", intent.keys.role, intent.keys.name)).await
    }

    fn import(spec: &str) -> Result<Vec<(&'static str, Known)>> {
        let (role, name) = parts(spec)?;
        Ok(vec![("role", role.into()), ("name", name.into())])
    }

    fn plan(draft: &mut Draft<'_>) {
        if draft.changes("policy")
            && let Some(text) = draft.planned("policy").as_str().map(role::ordered)
        {
            // As documents are spelled everywhere: `<`, `>` and `&` escaped.
            let text = text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
            draft.set("policy", Partial::String(text));
        }
    }
}

impl Update for RolePolicy {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        if changed!(ch, policy) { put(cx, &ch.at.id, ch.new).await } else { Ok(()) }
    }
}

async fn put(cx: &Cx, id: &str, new: &RolePolicy) -> Result<()> {
    let (role, name) = parts(id)?;
    let call = cx.iam().put_role_policy().role_name(role).policy_name(name);
    call.policy_document(new.policy.as_str()).send().await?;
    Ok(())
}

fn parts(id: &str) -> Result<(&str, &str)> {
    let parts = id.split_once(':').filter(|(role, name)| !role.is_empty() && !name.is_empty());
    parts.ok_or_else(|| Error::invalid(format!("{id:?} is not ROLE:POLICY.")))
}
