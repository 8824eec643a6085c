//! `data.aws_security_group`.

use super::tags::from_sdk;
use super::{FilterBlock, filter};
use crate::kit::prelude::*;

/// A security group. Exactly one must match.
#[derive(Clone, Debug, Data)]
#[data(type = "aws_security_group", timeouts(read = 1200))]
pub(crate) struct SecurityGroupData {
    /// ARN.
    arn: Computed<String>,
    /// Description.
    description: Computed<String>,
    /// Filters of DescribeSecurityGroups.
    filter: BTreeSet<FilterBlock>,
    /// Id, to find a group by.
    id: OptComputed<String>,
    /// Name, to find a group by.
    name: OptComputed<String>,
    /// Tags, to find a group by.
    tags: OptComputed<BTreeMap<String, String>>,
    /// VPC, to find a group by.
    vpc_id: OptComputed<String>,
}

impl Data for SecurityGroupData {
    const ACTIONS: &'static [&'static str] = &["ec2:DescribeSecurityGroups"];

    async fn read(cx: &Cx, config: &Self) -> Result<Self> {
        let set = |name: &str, v: &Option<String>| v.iter().map(|v| filter(name, [v])).collect::<Vec<_>>();
        let mut filters = set("group-name", &config.name);
        filters.extend(set("vpc-id", &config.vpc_id));
        filters.extend(FilterBlock::tags(config.tags.as_ref().unwrap_or(&BTreeMap::new())));
        filters.extend(FilterBlock::sdk(&config.filter));
        filters.extend(set("group-id", &config.id));
        let call = cx.ec2().describe_security_groups().set_filters(Some(filters).filter(|f| !f.is_empty()));
        let mut groups = all(call.into_paginator().items().send()).await?;
        let g = match groups.len() {
            1 => groups.remove(0),
            0 => return Err(Error::invalid("No security group matches.")),
            n => {
                return Err(Error::invalid(format!(
                    "{n} security groups match: say more about the one that is meant."
                )));
            }
        };
        let id = g.group_id.clone().ok_or_else(|| Error::incomplete("the group's id"))?;
        let owner = g.owner_id().unwrap_or_default();
        let arn = || format!("arn:{}:ec2:{}:{owner}:security-group/{id}", cx.partition(), cx.region());
        Ok(SecurityGroupData {
            arn: Some(g.security_group_arn.clone().unwrap_or_else(arn)),
            description: g.description.clone(),
            filter: config.filter.clone(),
            name: g.group_name.clone(),
            tags: Some(cx.visible_tags(&from_sdk(g.tags()))),
            vpc_id: g.vpc_id.clone(),
            id: Some(id),
        })
    }
}
