//! `aws_iam_instance_profile`.

use super::{NAME, from_tags, tags, time};
use crate::kit::prelude::*;

/// An instance profile: what carries a role to an instance.
#[derive(Clone, Debug, Resource)]
#[resource(type = "aws_iam_instance_profile", identity(name("name").dated()))]
pub(crate) struct InstanceProfile {
    /// ARN.
    #[attr(starts_with = "arn:")]
    arn: Computed<String>,
    /// When it was created.
    create_date: Computed<String>,
    /// Name, unique in the account.
    #[attr(force_new, length(1, 128), prefix_max = 102, check = stackctl_core::Check::Pattern(NAME[0], NAME[1]), prefix_pattern = NAME)]
    name: Name,
    /// Path.
    #[attr(force_new, default = "/")]
    path: String,
    /// Name of the role.
    role: Option<String>,
    /// Tags.
    tags: Tags,
    /// Id that is never used again.
    unique_id: Computed<String>,
}

impl Resource for InstanceProfile {
    const ACTIONS: &'static [&'static str] = &[
        "iam:AddRoleToInstanceProfile",
        "iam:CreateInstanceProfile",
        "iam:DeleteInstanceProfile",
        "iam:GetInstanceProfile",
        "iam:PassRole",
        "iam:RemoveRoleFromInstanceProfile",
        "iam:TagInstanceProfile",
        "iam:UntagInstanceProfile",
    ];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let at = only(at);
        let found = cx.iam().get_instance_profile().instance_profile_name(&at.id).send().await?;
        let p = found.instance_profile.ok_or_else(|| Error::incomplete("the instance profile"))?;
        let value = InstanceProfile {
            arn: Some(p.arn().to_owned()),
            create_date: time(p.create_date()),
            name: p.instance_profile_name().to_owned(),
            path: p.path().to_owned(),
            role: p.roles().first().map(|r| r.role_name().to_owned()),
            tags: from_tags(p.tags()),
            unique_id: Some(p.instance_profile_id().to_owned()),
        };
        Ok(vec![at.live(&at.id, value).created(Some(p.create_date().secs()))])
    }

    async fn create(cx: &Cx, new: &Self) -> Result<String> {
        let call = cx.iam().create_instance_profile().instance_profile_name(&new.name).path(&new.path);
        call.set_tags(tags(&new.tags)?).send().await?;
        Ok(new.name.clone())
    }

    async fn delete(cx: &Cx, at: &Ref<Self>) -> Result<()> {
        if let Some(role) = at.known.role.as_ref().filter(|r| !r.is_empty()) {
            let call = cx.iam().remove_role_from_instance_profile().instance_profile_name(&at.id);
            call.role_name(role).send().await.absent()?;
        }
        cx.iam().delete_instance_profile().instance_profile_name(&at.id).send().await?;
        Ok(())
    }

    async fn retag(cx: &Cx, at: &[Ref<Self>], add: &Tags, remove: &[String]) -> Result<()> {
        for r in at {
            if !remove.is_empty() {
                let call = cx.iam().untag_instance_profile().instance_profile_name(&r.id);
                call.set_tag_keys(Some(remove.to_vec())).send().await?;
            }
            if let Some(tags) = tags(add)? {
                let call = cx.iam().tag_instance_profile().instance_profile_name(&r.id);
                call.set_tags(Some(tags)).send().await?;
            }
        }
        Ok(())
    }
}

impl Update for InstanceProfile {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        if changed!(ch, role) {
            // A profile holds one role.
            if let Some(role) = &ch.old.role {
                let call = cx.iam().remove_role_from_instance_profile().instance_profile_name(&ch.at.id);
                call.role_name(role).send().await.absent()?;
            }
            if let Some(role) = &ch.new.role {
                let call = cx.iam().add_role_to_instance_profile().instance_profile_name(&ch.at.id);
                call.role_name(role).send().await?;
            }
        }
        Ok(())
    }
}
