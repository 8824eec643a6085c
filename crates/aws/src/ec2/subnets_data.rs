//! `data.aws_subnets`.

use super::FilterBlock;
use crate::kit::prelude::*;

/// Ids of subnets; none is an answer, too.
#[derive(Clone, Debug, Data)]
#[data(type = "aws_subnets", timeouts(read = 1200))]
pub(crate) struct Subnets {
    /// Filters of DescribeSubnets.
    filter: BTreeSet<FilterBlock>,
    /// The region.
    id: Computed<String>,
    /// Ids.
    ids: Computed<Vec<String>>,
    /// Tags that the subnets must have.
    tags: OptComputed<BTreeMap<String, String>>,
}

impl Data for Subnets {
    const ACTIONS: &'static [&'static str] = &["ec2:DescribeSubnets"];

    async fn read(cx: &Cx, config: &Self) -> Result<Self> {
        let mut filters = FilterBlock::tags(config.tags.as_ref().unwrap_or(&BTreeMap::new()));
        filters.extend(FilterBlock::sdk(&config.filter));
        let call = cx.ec2().describe_subnets().set_filters(Some(filters).filter(|f| !f.is_empty()));
        let subnets = all(call.into_paginator().items().send()).await?;
        Ok(Subnets {
            filter: config.filter.clone(),
            id: Some(cx.region().to_owned()),
            ids: Some(subnets.into_iter().filter_map(|s| s.subnet_id).collect()),
            tags: config.tags.clone(),
        })
    }
}
