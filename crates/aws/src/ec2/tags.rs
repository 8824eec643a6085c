//! Tags of EC2 objects: all of them are written by the same two calls, which take up to 1,000 ids.

use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagSpecification};

use crate::kit::edge::OWNER_TAG;
use crate::kit::prelude::*;

/// `retag` of every EC2 type.
pub(crate) async fn retag<T>(cx: &Cx, at: &[Ref<T>], add: &Tags, remove: &[String]) -> Result<()> {
    for chunk in at.chunks(1000) {
        let ids: Vec<String> = chunk.iter().map(|r| r.id.clone()).collect();
        if !remove.is_empty() {
            let keys = remove.iter().map(|k| Tag::builder().key(k).build()).collect();
            cx.ec2().delete_tags().set_resources(Some(ids.clone())).set_tags(Some(keys)).send().await?;
        }
        if let Some(tags) = add.sdk(tag) {
            cx.ec2().create_tags().set_resources(Some(ids)).set_tags(Some(tags)).send().await?;
        }
    }
    Ok(())
}

/// Tags that a create attaches; `None` if there are none.
pub(crate) fn specification(of: ResourceType, tags: &Tags) -> Option<Vec<TagSpecification>> {
    let tags = tags.sdk(tag)?;
    Some(vec![TagSpecification::builder().resource_type(of).set_tags(Some(tags)).build()])
}

/// Tags as an answer has them.
pub(crate) fn from_sdk(tags: &[Tag]) -> Tags {
    Tags::from_pairs(tags.iter().map(|t| (t.key(), t.value())))
}

/// Filter for what an intent made, by its ownership tag: for `find` of types without a unique name.
pub(crate) fn owned_by(token: &str) -> Filter {
    super::filter(&format!("tag:{OWNER_TAG}"), [token])
}

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}
