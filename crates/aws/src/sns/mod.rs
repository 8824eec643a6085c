//! SNS: contents, and what its types share.

mod topic;
mod topic_data;
mod topic_policy;
mod topic_subscription;

use aws_sdk_sns::types::Tag;

use crate::kit::erase::{data, resource};
use crate::kit::prelude::*;
use crate::kit::provider::Service;

/// The types of this service.
pub(crate) fn service() -> Service {
    Service {
        resources: vec![
            resource::<topic::Topic>(),
            resource::<topic_policy::TopicPolicy>(),
            resource::<topic_subscription::Subscription>(),
        ],
        data: vec![data::<topic_data::TopicData>()],
    }
}

/// Tags as a create takes them.
pub(crate) fn tags(tags: &Tags) -> Result<Option<Vec<Tag>>> {
    let tags = tags.iter().map(|(k, v)| Ok(Tag::builder().key(k).value(v).build()?)).collect::<Result<Vec<_>>>()?;
    Ok(Some(tags).filter(|t| !t.is_empty()))
}

/// The name at the end of an ARN.
pub(crate) fn name_of(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or_default()
}
