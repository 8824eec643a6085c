//! `aws_default_security_group`.

use aws_sdk_ec2::types::{IpPermission, SecurityGroup};

use super::filter;
use super::security_group::rules::{self, Rule, grouped, live_atoms};
use super::security_group::{Rules, difference};
use super::tags::{from_sdk, retag};
use crate::kit::prelude::*;

/// The security group that AWS made with a VPC.
///
/// It is not created but taken over as it is: every rule that configuration does not name is removed, and without
/// `ingress` and `egress` all are. Destroying the resource leaves the group with its rules alone.
#[derive(Clone, Debug, Resource)]
#[resource(type = "aws_default_security_group", version = 1, identity(key(&["vpc_id"])), setting)]
pub(crate) struct DefaultSecurityGroup {
    /// ARN.
    #[attr(starts_with = "arn:")]
    arn: Computed<String>,
    /// Description, which AWS chose.
    description: Computed<String>,
    /// Rules for outgoing traffic.
    #[attr(as_attr, if_configured)]
    egress: OptComputed<BTreeSet<Rule>>,
    /// Rules for incoming traffic.
    #[attr(as_attr, if_configured)]
    ingress: OptComputed<BTreeSet<Rule>>,
    /// Name, `default`.
    name: Computed<String>,
    /// Always empty.
    name_prefix: Computed<String>,
    /// Account that owns the group.
    owner_id: Computed<String>,
    /// Has no effect: the group is never deleted.
    #[attr(default = false)]
    revoke_rules_on_delete: Local<bool>,
    /// Tags.
    tags: Tags,
    /// VPC; the region's default VPC if unset.
    #[attr(force_new)]
    vpc_id: OptComputed<String>,
}

impl Resource for DefaultSecurityGroup {
    const BATCH: usize = 200;
    const ACTIONS: &'static [&'static str] = &[
        "ec2:AuthorizeSecurityGroupEgress",
        "ec2:AuthorizeSecurityGroupIngress",
        "ec2:CreateTags",
        "ec2:DeleteTags",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeVpcs",
        "ec2:RevokeSecurityGroupEgress",
        "ec2:RevokeSecurityGroupIngress",
    ];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let ids = filter("group-id", at.iter().map(|r| &r.id));
        let groups = all(cx.ec2().describe_security_groups().filters(ids).into_paginator().items().send()).await?;
        let live = groups.iter().filter_map(|g| {
            let r = at.iter().find(|r| g.group_id() == Some(&r.id))?;
            Some(r.live(&r.id, live(cx, &r.id, g, &r.known)))
        });
        Ok(live.collect())
    }

    async fn create(cx: &Cx, new: &Self) -> Result<String> {
        let vpc = match &new.vpc_id {
            Some(vpc) => vpc.clone(),
            None => {
                let vpcs = cx.ec2().describe_vpcs().filters(filter("is-default", ["true"])).send().await?;
                let vpc = vpcs.vpcs().first().and_then(|v| v.vpc_id.clone());
                vpc.ok_or_else(|| Error::invalid("The region has no default VPC: set `vpc_id`."))?
            }
        };
        let call = cx.ec2().describe_security_groups().filters(filter("group-name", ["default"]));
        let groups = call.filters(filter("vpc-id", [&vpc])).send().await?;
        let id = groups.security_groups().first().and_then(|g| g.group_id.clone());
        id.ok_or_else(|| Error(stackctl_core::Error::new(stackctl_core::ErrorKind::NotYetVisible, missing(&vpc))))
    }

    /// Only forgotten: AWS deletes the group with its VPC.
    async fn delete(_cx: &Cx, _at: &Ref<Self>) -> Result<()> {
        Ok(())
    }

    async fn retag(cx: &Cx, at: &[Ref<Self>], add: &Tags, remove: &[String]) -> Result<()> {
        retag(cx, at, add, remove).await
    }

    async fn find(cx: &Cx, intent: &Intent<Self>) -> Result<Vec<Live<Self>>> {
        let id = Self::create(cx, &intent.keys).await?;
        Self::read(cx, &[Ref { id, known: intent.keys.clone(), wanted: None }]).await
    }

    fn plan(draft: &mut Draft<'_>) {
        for attr in ["egress", "ingress"] {
            rules::plan(draft, attr);
        }
    }
}

impl Update for DefaultSecurityGroup {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        let (id, old) = (&ch.at.id, ch.old);
        // What AWS and others put there is not the user's: it goes when the group is taken over.
        let new = if ch.fresh { &ch.at.known } else { ch.new };
        if ch.fresh || changed!(ch, ingress) {
            let (revoke, authorize) = difference(id, &old.ingress, &new.ingress);
            if !revoke.is_empty() {
                cx.ec2().revoke_security_group_ingress().group_id(id).set_ip_permissions(Some(revoke)).send().await?;
            }
            if !authorize.is_empty() {
                cx.ec2()
                    .authorize_security_group_ingress()
                    .group_id(id)
                    .set_ip_permissions(Some(authorize))
                    .send()
                    .await?;
            }
        }
        if ch.fresh || changed!(ch, egress) {
            let (revoke, authorize) = difference(id, &old.egress, &new.egress);
            if !revoke.is_empty() {
                cx.ec2().revoke_security_group_egress().group_id(id).set_ip_permissions(Some(revoke)).send().await?;
            }
            if !authorize.is_empty() {
                cx.ec2()
                    .authorize_security_group_egress()
                    .group_id(id)
                    .set_ip_permissions(Some(authorize))
                    .send()
                    .await?;
            }
        }
        Ok(())
    }
}

fn missing(vpc: &str) -> String {
    format!("The default security group of {vpc} is not there.")
}

fn live(cx: &Cx, id: &str, g: &SecurityGroup, known: &DefaultSecurityGroup) -> DefaultSecurityGroup {
    let owner = g.owner_id().unwrap_or_default();
    let rules = |permissions: &[IpPermission], known: &Rules| {
        Some(grouped(live_atoms(permissions, id, owner), known.iter().flatten()))
    };
    DefaultSecurityGroup {
        arn: Some(format!("arn:{}:ec2:{}:{owner}:security-group/{id}", cx.partition(), cx.region())),
        description: g.description.clone(),
        egress: rules(g.ip_permissions_egress(), &known.egress),
        ingress: rules(g.ip_permissions(), &known.ingress),
        name: g.group_name.clone(),
        name_prefix: Some(String::new()),
        owner_id: g.owner_id.clone(),
        revoke_rules_on_delete: unread(),
        tags: from_sdk(g.tags()),
        vpc_id: g.vpc_id.clone().filter(|v| !v.is_empty()),
    }
}
