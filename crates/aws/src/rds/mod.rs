//! RDS: contents, and what its types share.

mod db_instance;
mod db_instance_data;
mod db_parameter_group;
mod db_subnet_group;

use aws_sdk_rds::types::Tag;

use crate::kit::erase::{data, resource};
use crate::kit::prelude::*;
use crate::kit::provider::Service;

/// The types of this service.
pub(crate) fn service() -> Service {
    Service {
        resources: vec![
            resource::<db_instance::DbInstance>(),
            resource::<db_parameter_group::ParameterGroup>(),
            resource::<db_subnet_group::SubnetGroup>(),
        ],
        data: vec![data::<db_instance_data::DbInstanceData>()],
    }
}

/// Tags as a create takes them.
pub(crate) fn tags(tags: &Tags) -> Option<Vec<Tag>> {
    tags.sdk(|k, v| Tag::builder().key(k).value(v).build())
}

/// Tags as an answer has them.
pub(crate) fn from_tags(tags: &[Tag]) -> Tags {
    Tags::from_pairs(tags.iter().map(|t| (t.key(), t.value())))
}

/// `retag` of every RDS type, by ARN.
pub(crate) async fn retag(cx: &Cx, arn: &str, add: &Tags, remove: &[String]) -> Result<()> {
    if !remove.is_empty() {
        cx.rds().remove_tags_from_resource().resource_name(arn).set_tag_keys(Some(remove.to_vec())).send().await?;
    }
    if let Some(tags) = tags(add) {
        cx.rds().add_tags_to_resource().resource_name(arn).set_tags(Some(tags)).send().await?;
    }
    Ok(())
}

/// A time as state holds it: whole seconds.
pub(crate) fn time(t: &aws_sdk_rds::primitives::DateTime) -> Option<String> {
    use aws_sdk_rds::primitives::{DateTime, DateTimeFormat};
    DateTime::from_secs(t.secs()).fmt(DateTimeFormat::DateTime).ok()
}
