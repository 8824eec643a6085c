//! `data.aws_sns_topic`.

use super::name_of;
use crate::kit::prelude::*;

/// A topic.
#[derive(Clone, Debug, Data)]
#[data(type = "aws_sns_topic")]
pub(crate) struct TopicData {
    /// ARN.
    arn: Computed<String>,
    /// ARN.
    id: OptComputed<String>,
    /// Name.
    name: String,
    /// Tags.
    tags: OptComputed<BTreeMap<String, String>>,
}

impl Data for TopicData {
    const ACTIONS: &'static [&'static str] = &["sns:ListTagsForResource", "sns:ListTopics"];

    async fn read(cx: &Cx, config: &Self) -> Result<Self> {
        let topics = all(cx.sns().list_topics().into_paginator().items().send()).await?;
        let arn = topics.into_iter().filter_map(|t| t.topic_arn).find(|arn| name_of(arn) == config.name);
        let missing = || Error::invalid(format!("There is no topic {:?} in {}.", config.name, cx.region()));
        let arn = arn.ok_or_else(missing)?;
        let found = cx.sns().list_tags_for_resource().resource_arn(&arn).send().await?;
        let tags = Tags::from_pairs(found.tags().iter().map(|t| (Some(t.key()), Some(t.value()))));
        Ok(TopicData {
            id: Some(arn.clone()),
            arn: Some(arn),
            name: config.name.clone(),
            tags: Some(cx.visible_tags(&tags)),
        })
    }
}
