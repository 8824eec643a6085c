//! `data.aws_cloudwatch_log_group`.

use super::log_group::{arn, named};
use crate::kit::prelude::*;

/// A log group.
#[derive(Clone, Debug, Data)]
#[data(type = "aws_cloudwatch_log_group")]
pub(crate) struct LogGroupData {
    /// ARN.
    arn: Computed<String>,
    /// When it was made, in milliseconds since 1970.
    creation_time: Computed<i64>,
    /// Name.
    id: OptComputed<String>,
    /// KMS key that encrypts new entries.
    kms_key_id: Computed<String>,
    /// What the group's entries can be used for.
    log_group_class: Computed<String>,
    /// Name.
    name: String,
    /// Days for which entries are kept; 0 for ever.
    retention_in_days: Computed<i32>,
    /// Tags.
    tags: OptComputed<BTreeMap<String, String>>,
}

impl Data for LogGroupData {
    const ACTIONS: &'static [&'static str] = &["logs:DescribeLogGroups", "logs:ListTagsForResource"];

    async fn read(cx: &Cx, config: &Self) -> Result<Self> {
        let group = named(cx, &config.name).await?.into_iter().find(|g| g.log_group_name() == Some(&config.name));
        let missing = || Error::invalid(format!("There is no log group {:?} in {}.", config.name, cx.region()));
        let g = group.ok_or_else(missing)?;
        let arn = arn(&g);
        let found = cx.logs().list_tags_for_resource().resource_arn(&arn).send().await?;
        let tags = Tags(found.tags.unwrap_or_default().into_iter().collect());
        Ok(LogGroupData {
            arn: Some(arn),
            creation_time: g.creation_time(),
            id: Some(config.name.clone()),
            kms_key_id: Some(g.kms_key_id().unwrap_or_default().to_owned()),
            log_group_class: Some(g.log_group_class().map_or("", |c| c.as_str()).to_owned()),
            name: config.name.clone(),
            retention_in_days: Some(g.retention_in_days().unwrap_or_default()),
            tags: Some(cx.visible_tags(&tags)),
        })
    }
}
