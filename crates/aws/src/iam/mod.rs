//! IAM: contents, and what its types share.

mod instance_profile;
mod openid_connect_provider;
mod policy;
mod policy_data;
mod policy_document;
mod role;
mod role_data;
mod role_policy;
mod role_policy_attachment;

use aws_sdk_iam::types::Tag;

use crate::kit::erase::{data, resource};
use crate::kit::prelude::*;
use crate::kit::provider::Service;

/// The types of this service.
pub(crate) fn service() -> Service {
    Service {
        resources: vec![
            resource::<instance_profile::InstanceProfile>(),
            resource::<openid_connect_provider::OpenIdConnectProvider>(),
            resource::<policy::ManagedPolicy>(),
            resource::<role::Role>(),
            resource::<role_policy::RolePolicy>(),
            resource::<role_policy_attachment::Attachment>(),
        ],
        data: vec![
            data::<policy_data::PolicyData>(),
            data::<policy_document::PolicyDocument>(),
            data::<role_data::RoleData>(),
        ],
    }
}

/// Tags as a create takes them.
pub(crate) fn tags(tags: &Tags) -> Result<Option<Vec<Tag>>> {
    let tags = tags.iter().map(|(k, v)| Ok(Tag::builder().key(k).value(v).build()?)).collect::<Result<Vec<_>>>()?;
    Ok(Some(tags).filter(|t| !t.is_empty()))
}

/// Tags as an answer has them.
pub(crate) fn from_tags(tags: &[Tag]) -> Tags {
    Tags::from_pairs(tags.iter().map(|t| (Some(t.key()), Some(t.value()))))
}

/// A document as IAM returns it: percent-encoded.
pub(crate) fn document(encoded: &str) -> String {
    percent_encoding::percent_decode_str(encoded).decode_utf8_lossy().into_owned()
}

/// A time as state holds it: whole seconds.
pub(crate) fn time(t: &aws_sdk_iam::primitives::DateTime) -> Option<String> {
    use aws_sdk_iam::primitives::{DateTime, DateTimeFormat};
    DateTime::from_secs(t.secs()).fmt(DateTimeFormat::DateTime).ok()
}

/// What names of IAM objects consist of.
pub(crate) const NAME: &[&str; 2] = &[r"[\w+=,.@-]+", "letters, digits and +=,.@_-"];
