//! `data.aws_default_tags`.

use crate::kit::prelude::*;

/// Tags that the provider block gives to every object.
#[derive(Clone, Debug, Data)]
#[data(type = "aws_default_tags")]
pub(crate) struct DefaultTags {
    /// Partition.
    id: OptComputed<String>,
    /// The tags.
    tags: Computed<BTreeMap<String, String>>,
}

impl Data for DefaultTags {
    const ACTIONS: &'static [&'static str] = &[];

    async fn read(cx: &Cx, config: &Self) -> Result<Self> {
        let rules = cx.tag_rules();
        let tags = rules.defaults.iter().filter(|(k, _)| !rules.ignores(k));
        Ok(DefaultTags {
            id: Some(config.id.clone().unwrap_or_else(|| cx.partition().to_owned())),
            tags: Some(tags.map(|(k, v)| (k.clone(), v.clone())).collect()),
        })
    }
}
