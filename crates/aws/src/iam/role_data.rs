//! `data.aws_iam_role`.

use super::{document, from_tags, time};
use crate::kit::prelude::*;

/// A role.
#[derive(Clone, Debug, Data)]
#[data(type = "aws_iam_role")]
pub(crate) struct RoleData {
    /// ARN.
    arn: Computed<String>,
    /// Who may assume the role.
    assume_role_policy: Computed<String>,
    /// When it was created.
    create_date: Computed<String>,
    /// Description.
    description: Computed<String>,
    /// Name.
    id: OptComputed<String>,
    /// Longest session, in seconds.
    max_session_duration: Computed<i32>,
    /// Name.
    name: String,
    /// Path.
    path: Computed<String>,
    /// Policy that bounds what the role may be allowed.
    permissions_boundary: Computed<String>,
    /// When it was used last.
    role_last_used: Computed<Vec<LastUsed>>,
    /// Tags.
    tags: OptComputed<BTreeMap<String, String>>,
    /// Id that is never used again.
    unique_id: Computed<String>,
}

/// Use of a role.
#[derive(Block, Clone, Debug)]
pub(crate) struct LastUsed {
    /// When.
    last_used_date: Option<String>,
    /// Where.
    region: Option<String>,
}

impl Data for RoleData {
    const ACTIONS: &'static [&'static str] = &["iam:GetRole"];

    async fn read(cx: &Cx, config: &Self) -> Result<Self> {
        let found = cx.iam().get_role().role_name(&config.name).send().await?;
        let r = found.role.ok_or_else(|| Error::incomplete("the role"))?;
        let used = r.role_last_used().map(|u| LastUsed {
            last_used_date: Some(u.last_used_date().and_then(time).unwrap_or_default()),
            region: Some(u.region().unwrap_or_default().to_owned()),
        });
        let boundary = r.permissions_boundary().and_then(|b| b.permissions_boundary_arn());
        Ok(RoleData {
            arn: Some(r.arn().to_owned()),
            assume_role_policy: Some(document(r.assume_role_policy_document().unwrap_or_default())),
            create_date: time(r.create_date()),
            description: Some(r.description().unwrap_or_default().to_owned()),
            id: Some(r.role_name().to_owned()),
            max_session_duration: r.max_session_duration(),
            name: r.role_name().to_owned(),
            path: Some(r.path().to_owned()),
            permissions_boundary: Some(boundary.unwrap_or_default().to_owned()),
            role_last_used: Some(used.into_iter().collect()),
            tags: Some(cx.visible_tags(&from_tags(r.tags()))),
            unique_id: Some(r.role_id().to_owned()),
        })
    }
}
