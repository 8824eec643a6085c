//! `aws_db_subnet_group`.

use aws_sdk_rds::types::DbSubnetGroup as SdkGroup;

use super::{from_tags, retag, tags};
use crate::kit::prelude::*;

const NAME: &[&str; 2] = &["[ \\-.0-9_a-z]+", "lower-case letters, digits, spaces and - . _"];

/// A subnet group: where databases may be.
#[derive(Clone, Debug, Resource)]
#[resource(type = "aws_db_subnet_group", identity(name("name").tagged()))]
pub(crate) struct SubnetGroup {
    /// ARN.
    #[attr(starts_with = "arn:")]
    arn: Computed<String>,
    /// Description.
    #[attr(default = "Managed by Terraform")]
    description: String,
    /// Name, unique in account and region.
    #[attr(force_new, length(1, 255), prefix_max = 229, check = stackctl_core::Check::Pattern(NAME[0], NAME[1]), prefix_pattern = NAME)]
    name: Name,
    /// Subnets, in at least two availability zones.
    subnet_ids: BTreeSet<String>,
    /// IP versions that the subnets allow.
    supported_network_types: Computed<BTreeSet<String>>,
    /// Tags.
    tags: Tags,
    /// VPC of the subnets.
    vpc_id: Computed<String>,
}

impl Resource for SubnetGroup {
    const BATCH: usize = 100;
    const ACTIONS: &'static [&'static str] = &[
        "rds:AddTagsToResource",
        "rds:CreateDBSubnetGroup",
        "rds:DeleteDBSubnetGroup",
        "rds:DescribeDBSubnetGroups",
        "rds:ListTagsForResource",
        "rds:ModifyDBSubnetGroup",
        "rds:RemoveTagsFromResource",
    ];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        // The API knows one name or all.
        let one = (at.len() == 1).then(|| only(at).id.clone());
        let call = cx.rds().describe_db_subnet_groups().set_db_subnet_group_name(one);
        let groups = &all(call.into_paginator().items().send()).await?;
        let read = at.iter().map(|r| async move {
            let Some(g) = groups.iter().find(|g| g.db_subnet_group_name() == Some(&r.id)) else { return Ok(None) };
            let call = cx.rds().list_tags_for_resource().resource_name(g.db_subnet_group_arn().unwrap_or_default());
            // Deleted after it was listed: it is gone.
            let Some(found) = call.send().await.absent()? else { return Ok(None) };
            Ok::<_, Error>(Some(r.live(&r.id, live(g, from_tags(found.tag_list())))))
        });
        Ok(futures::future::try_join_all(read).await?.into_iter().flatten().collect())
    }

    async fn create(cx: &Cx, new: &Self) -> Result<String> {
        cx.rds()
            .create_db_subnet_group()
            .db_subnet_group_name(&new.name)
            .db_subnet_group_description(&new.description)
            .set_subnet_ids(Some(new.subnet_ids.iter().cloned().collect()))
            .set_tags(tags(&new.tags))
            .send()
            .await?;
        Ok(new.name.clone())
    }

    async fn delete(cx: &Cx, at: &Ref<Self>) -> Result<()> {
        cx.rds().delete_db_subnet_group().db_subnet_group_name(&at.id).send().await?;
        Ok(())
    }

    async fn retag(cx: &Cx, at: &[Ref<Self>], add: &Tags, remove: &[String]) -> Result<()> {
        for r in at {
            let arn = r.known.arn.clone().unwrap_or_else(|| cx.arn("rds", &format!("subgrp:{}", r.id)));
            retag(cx, &arn, add, remove).await?;
        }
        Ok(())
    }
}

impl Update for SubnetGroup {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        if changed!(ch, description, subnet_ids) {
            cx.rds()
                .modify_db_subnet_group()
                .db_subnet_group_name(&ch.at.id)
                .db_subnet_group_description(&ch.new.description)
                .set_subnet_ids(Some(ch.new.subnet_ids.iter().cloned().collect()))
                .send()
                .await?;
        }
        Ok(())
    }
}

fn live(g: &SdkGroup, tags: Tags) -> SubnetGroup {
    SubnetGroup {
        arn: g.db_subnet_group_arn().map(str::to_owned),
        description: g.db_subnet_group_description().unwrap_or_default().to_owned(),
        name: g.db_subnet_group_name().unwrap_or_default().to_owned(),
        subnet_ids: g.subnets().iter().filter_map(|s| s.subnet_identifier().map(str::to_owned)).collect(),
        supported_network_types: Some(g.supported_network_types().iter().cloned().collect()),
        tags,
        vpc_id: g.vpc_id().map(str::to_owned),
    }
}
