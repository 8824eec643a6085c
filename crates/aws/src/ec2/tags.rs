//! Tags of EC2 objects: all of them are written by the same two calls, which take up to 1,000 ids.

use std::collections::HashMap;

use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagSpecification};

use crate::kit::edge::OWNER_TAG;
use crate::kit::prelude::*;

/// `retag` of every EC2 type.
pub(crate) async fn retag<T>(cx: &Cx, at: &[Ref<T>], add: &Tags, remove: &[String]) -> Result<()> {
    if add.is_empty() && matches!(remove, [key] if key == OWNER_TAG) {
        return disown(cx, at.iter().map(|r| r.id.clone())).await;
    }
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

/// Removes the ownership tag, together with that of other objects that are finished in the same moment.
async fn disown(cx: &Cx, ids: impl Iterator<Item = String>) -> Result<()> {
    let outcomes = cx.load::<Disowned>(ids).await?;
    outcomes.into_values().try_for_each(|outcome| match &*outcome {
        Err(e) if !e.is_not_found() => Err(e.clone()),
        _ => Ok(()),
    })
}

/// What came of removing the ownership tag, by id.
struct Disowned;

impl Loader for Disowned {
    type Out = Result<()>;
    const BATCH: usize = 1000;
    const PATIENT: bool = true;

    async fn load(cx: &Cx, ids: Vec<String>) -> Result<HashMap<String, Result<()>>> {
        let delete = |ids: Vec<String>| async move {
            let key = Tag::builder().key(OWNER_TAG).build();
            let sent = cx.ec2().delete_tags().set_resources(Some(ids)).tags(key).send().await;
            sent.map(|_| ()).map_err(Error::from)
        };
        let together = delete(ids.clone()).await;
        // One that is gone spoils the request for all.
        if ids.len() > 1 && together.as_ref().is_err_and(Error::is_not_found) {
            let each = ids.into_iter().map(|id| async { (id.clone(), delete(vec![id]).await) });
            return Ok(futures::future::join_all(each).await.into_iter().collect());
        }
        Ok(ids.into_iter().map(|id| (id, together.clone())).collect())
    }
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
