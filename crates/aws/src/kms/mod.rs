//! KMS: contents, and what its types share.

mod alias;
mod alias_data;
mod key;
mod key_data;
mod secrets_ephemeral;

use aws_sdk_kms::types::Tag;

use crate::kit::erase::{AnyData, data, ephemeral, resource};
use crate::kit::prelude::*;
use crate::kit::provider::Service;

/// The types of this service.
pub(crate) fn service() -> Service {
    Service {
        resources: vec![resource::<alias::Alias>(), resource::<key::Key>()],
        data: vec![data::<alias_data::AliasData>(), data::<key_data::KeyData>()],
    }
}

/// Its ephemeral types.
pub(crate) fn ephemerals() -> Vec<Box<dyn AnyData>> {
    vec![ephemeral::<secrets_ephemeral::Secrets>()]
}

/// Tags as a create takes them.
fn tags(tags: &Tags) -> Result<Option<Vec<Tag>>> {
    let tags =
        tags.iter().map(|(k, v)| Ok(Tag::builder().tag_key(k).tag_value(v).build()?)).collect::<Result<Vec<_>>>()?;
    Ok(Some(tags).filter(|t| !t.is_empty()))
}

/// The key's id in an id or ARN of a key.
fn key_id(text: &str) -> &str {
    text.split_once(":key/").map_or(text, |(_, id)| id)
}

/// True if both name one key, by id or ARN. Two ARNs must be the same.
fn same_key(a: &str, b: &str) -> bool {
    a == b || (a.starts_with("arn:") != b.starts_with("arn:") && key_id(a) == key_id(b))
}

/// ARN of the key that a service uses by default in this region; `None` where it cannot be told.
pub(crate) async fn default_key(cx: &Cx, service: &'static str) -> Option<String> {
    let ask = move |cx: Cx| async move {
        let found = cx.kms().describe_key().key_id(format!("alias/aws/{service}")).send().await?;
        Ok::<_, Error>(found.key_metadata.and_then(|k| k.arn))
    };
    // Whoever may read a table may not see keys: then its key is shown.
    let found = cx.shared(format!("default key {service}"), ask).await.ok()?;
    (*found).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_keys() {
        let arn = "arn:aws:kms:us-east-1:123456789012:key/k";
        assert!(same_key(arn, "k") && same_key("k", arn) && same_key("k", "k"));
        assert!(!same_key(arn, "arn:aws:kms:us-east-2:123456789012:key/k") && !same_key(arn, "l"));
    }
}
