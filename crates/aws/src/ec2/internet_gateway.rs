//! `aws_internet_gateway`.

use aws_sdk_ec2::types::{AttachmentStatus, ResourceType};

use super::tags::{from_sdk, owned_by, retag, specification};
use super::{filter, found, given, shown};
use crate::kit::prelude::*;

/// An internet gateway, which is attached to one VPC at most.
#[derive(Clone, Debug, Resource)]
#[resource(type = "aws_internet_gateway", identity(tag()), timeouts(create = 1200, update = 1200, delete = 1200))]
pub(crate) struct InternetGateway {
    /// ARN.
    #[attr(starts_with = "arn:")]
    arn: Computed<String>,
    /// Account that owns the gateway.
    owner_id: Computed<String>,
    /// Tags.
    tags: Tags,
    /// VPC that it is attached to; left as it is if unset.
    vpc_id: OptComputed<String>,
}

impl Resource for InternetGateway {
    const BATCH: usize = 200;
    const ACTIONS: &'static [&'static str] = &[
        "ec2:AttachInternetGateway",
        "ec2:CreateInternetGateway",
        "ec2:CreateTags",
        "ec2:DeleteInternetGateway",
        "ec2:DeleteTags",
        "ec2:DescribeInternetGateways",
        "ec2:DetachInternetGateway",
    ];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let ids = filter("internet-gateway-id", at.iter().map(|r| &r.id));
        let gateways = all(cx.ec2().describe_internet_gateways().filters(ids).into_paginator().items().send()).await?;
        let live = gateways.iter().filter_map(|g| {
            let r = at.iter().find(|r| g.internet_gateway_id() == Some(&r.id))?;
            let attached = g.attachments().iter().find(|a| a.state() != Some(&AttachmentStatus::Detached));
            let owner = g.owner_id().unwrap_or(cx.account());
            let value = InternetGateway {
                arn: Some(format!("arn:{}:ec2:{}:{owner}:internet-gateway/{}", cx.partition(), cx.region(), r.id)),
                owner_id: g.owner_id.clone(),
                tags: from_sdk(g.tags()),
                vpc_id: shown(&attached.and_then(|a| a.vpc_id.clone())),
            };
            let moving = matches!(
                attached.and_then(|a| a.state()),
                Some(AttachmentStatus::Attaching | AttachmentStatus::Detaching)
            );
            Some(r.live(&r.id, value).status(if moving { Status::Pending } else { Status::Ready }))
        });
        Ok(live.collect())
    }

    async fn create(cx: &Cx, new: &Self) -> Result<String> {
        let tags = specification(ResourceType::InternetGateway, &new.tags);
        let made = cx.ec2().create_internet_gateway().set_tag_specifications(tags).send().await?;
        let id = made.internet_gateway.and_then(|g| g.internet_gateway_id);
        id.ok_or_else(|| Error::incomplete("the gateway's id"))
    }

    async fn delete(cx: &Cx, at: &Ref<Self>) -> Result<()> {
        if let Some(vpc) = given(&at.known.vpc_id) {
            detach(cx, &at.id, vpc).await?;
        }
        cx.ec2().delete_internet_gateway().internet_gateway_id(&at.id).send().await?;
        Ok(())
    }

    async fn retag(cx: &Cx, at: &[Ref<Self>], add: &Tags, remove: &[String]) -> Result<()> {
        retag(cx, at, add, remove).await
    }

    async fn find(cx: &Cx, intent: &Intent<Self>) -> Result<Vec<Live<Self>>> {
        let call = cx.ec2().describe_internet_gateways().filters(owned_by(&intent.token));
        let gateways = all(call.into_paginator().items().send()).await?;
        found(cx, intent, gateways.into_iter().map(|g| g.internet_gateway_id)).await
    }
}

impl Update for InternetGateway {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        if changed!(ch, vpc_id) {
            if let Some(vpc) = given(&ch.old.vpc_id) {
                detach(cx, &ch.at.id, vpc).await?;
            }
            if let Some(vpc) = &ch.new.vpc_id {
                cx.ec2().attach_internet_gateway().internet_gateway_id(&ch.at.id).vpc_id(vpc).send().await?;
            }
        }
        Ok(())
    }
}

async fn detach(cx: &Cx, id: &str, vpc: &str) -> Result<()> {
    cx.ec2().detach_internet_gateway().internet_gateway_id(id).vpc_id(vpc).send().await.absent()?;
    Ok(())
}
