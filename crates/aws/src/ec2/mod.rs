//! EC2 and VPC: contents, and what its types share.

mod security_group;
mod tags;

use crate::kit::erase::resource;
use crate::kit::provider::Service;

/// The types of this service.
pub(crate) fn service() -> Service {
    Service { resources: vec![resource::<security_group::SecurityGroup>()], data: vec![] }
}

/// A filter of a `Describe` call.
pub(crate) fn filter(name: &str, values: impl IntoIterator<Item = impl Into<String>>) -> aws_sdk_ec2::types::Filter {
    let values = values.into_iter().map(Into::into).collect();
    aws_sdk_ec2::types::Filter::builder().name(name).set_values(Some(values)).build()
}
