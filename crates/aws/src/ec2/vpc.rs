//! `aws_vpc`.

use aws_sdk_ec2::types::{
    ResourceType, Tenancy, VpcAttributeName, VpcCidrBlockStateCode, VpcIpv6CidrBlockAssociation, VpcState, VpcTenancy,
};
use futures::future::try_join_all;

use super::tags::{from_sdk, owned_by, retag, specification};
use super::{filter, flag, found, given, shown};
use crate::kit::prelude::*;

/// The pool of addresses that Amazon provides.
const AMAZON: &str = "Amazon";
/// What the API answers for every pool that IPAM manages.
const IPAM: &str = "IPAM Managed";

/// A VPC.
///
/// AWS makes a route table, a network ACL and a security group with it, which have types of their own
/// (`aws_default_route_table` …) and go away with it.
#[derive(Clone, Debug, Resource)]
#[resource(
    type = "aws_vpc",
    version = 1,
    identity(tag()),
    conflicts("assign_generated_ipv6_cidr_block", "ipv6_ipam_pool_id"),
    conflicts("cidr_block", "ipv4_netmask_length"),
    required_with("ipv4_netmask_length", "ipv4_ipam_pool_id"),
    required_with("ipv6_cidr_block", "ipv6_ipam_pool_id"),
    required_with("ipv6_cidr_block_network_border_group", "assign_generated_ipv6_cidr_block"),
    required_with("ipv6_netmask_length", "ipv6_ipam_pool_id")
)]
pub(crate) struct Vpc {
    /// ARN.
    #[attr(starts_with = "arn:")]
    arn: Computed<String>,
    /// Have Amazon assign an IPv6 network.
    assign_generated_ipv6_cidr_block: Option<bool>,
    /// IPv4 network; taken from the pool if unset.
    #[attr(force_new, cidr4(16, 28))]
    cidr_block: OptComputed<String>,
    /// Network ACL that AWS made with the VPC.
    default_network_acl_id: Computed<String>,
    /// Main route table, at first the one that AWS made with the VPC.
    default_route_table_id: Computed<String>,
    /// Security group that AWS made with the VPC.
    default_security_group_id: Computed<String>,
    /// DHCP options.
    dhcp_options_id: Computed<String>,
    /// Give instances with public addresses public host names.
    enable_dns_hostnames: OptComputed<bool>,
    /// Answer DNS queries.
    #[attr(default = true)]
    enable_dns_support: bool,
    /// Measure how much of the address space is used.
    enable_network_address_usage_metrics: OptComputed<bool>,
    /// Tenancy of instances. From `dedicated` to `default` it changes in place, the other way the VPC is replaced.
    #[attr(conditional, default = "default", one_of("default", "dedicated"))]
    instance_tenancy: String,
    /// IPAM pool that the IPv4 network comes from.
    #[attr(force_new)]
    ipv4_ipam_pool_id: Local<Option<String>>,
    /// Prefix length of the IPv4 network that the pool shall give.
    #[attr(force_new, range(16, 28))]
    ipv4_netmask_length: Local<Option<i32>>,
    /// Association of the IPv6 network.
    #[attr(changes_with = &["assign_generated_ipv6_cidr_block"])]
    ipv6_association_id: Computed<String>,
    /// IPv6 network.
    #[attr(changes_with = &["assign_generated_ipv6_cidr_block"], cidr6(44, 60))]
    ipv6_cidr_block: OptComputed<String>,
    /// Group of zones from which the IPv6 network is advertised.
    ipv6_cidr_block_network_border_group: OptComputed<String>,
    /// IPAM pool that the IPv6 network comes from.
    ipv6_ipam_pool_id: Option<String>,
    /// Prefix length of the IPv6 network that the pool shall give.
    #[attr(one_of_numbers(44, 48, 52, 56, 60))]
    ipv6_netmask_length: Local<Option<i32>>,
    /// Route table of subnets without one of their own.
    main_route_table_id: Computed<String>,
    /// Account that owns the VPC.
    owner_id: Computed<String>,
    /// Tags.
    tags: Tags,
}

impl Resource for Vpc {
    const BATCH: usize = 200;
    const ACTIONS: &'static [&'static str] = &[
        "ec2:AssociateVpcCidrBlock",
        "ec2:CreateTags",
        "ec2:CreateVpc",
        "ec2:DeleteTags",
        "ec2:DeleteVpc",
        "ec2:DescribeNetworkAcls",
        "ec2:DescribeRouteTables",
        "ec2:DescribeSecurityGroups",
        "ec2:DescribeVpcAttribute",
        "ec2:DescribeVpcs",
        "ec2:DisassociateVpcCidrBlock",
        "ec2:ModifyVpcAttribute",
        "ec2:ModifyVpcTenancy",
    ];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let ids = filter("vpc-id", at.iter().map(|r| &r.id));
        let vpcs = all(cx.ec2().describe_vpcs().filters(ids).into_paginator().items().send()).await?;
        let ids: Vec<String> = vpcs.iter().filter_map(|v| v.vpc_id.clone()).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let (attributes, tables, acls, groups) = futures::try_join!(
            try_join_all(ids.iter().map(|id| Attributes::read(cx, id))),
            main_route_tables(cx, &ids),
            default_acls(cx, &ids),
            default_groups(cx, &ids),
        )?;
        let attributes: BTreeMap<&String, Attributes> = ids.iter().zip(attributes).collect();
        let live = vpcs.iter().filter_map(|v| {
            let id = v.vpc_id.as_ref()?;
            let (r, a) = (at.iter().find(|r| r.id == *id)?, attributes.get(id)?);
            let ipv6 = ipv6_of(v.ipv6_cidr_block_association_set(), r.known.ipv6_association_id.as_deref());
            let pool = ipv6.and_then(|a| a.ipv6_pool.clone());
            let value = Vpc {
                arn: Some(arn(cx, v.owner_id(), id)),
                assign_generated_ipv6_cidr_block: ipv6.map(|_| pool.as_deref() == Some(AMAZON)),
                cidr_block: v.cidr_block.clone(),
                default_network_acl_id: acls.get(id).cloned(),
                default_route_table_id: tables.get(id).cloned(),
                default_security_group_id: groups.get(id).cloned(),
                dhcp_options_id: v.dhcp_options_id.clone(),
                enable_dns_hostnames: Some(a.dns_hostnames),
                enable_dns_support: a.dns_support,
                enable_network_address_usage_metrics: Some(a.usage_metrics),
                instance_tenancy: v.instance_tenancy.as_ref().map_or("default", Tenancy::as_str).to_owned(),
                ipv4_ipam_pool_id: unread(),
                ipv4_netmask_length: unread(),
                ipv6_association_id: shown(&ipv6.and_then(|a| a.association_id.clone())),
                ipv6_cidr_block: shown(&ipv6.and_then(|a| a.ipv6_cidr_block.clone())),
                ipv6_cidr_block_network_border_group: shown(&ipv6.and_then(|a| a.network_border_group.clone())),
                ipv6_ipam_pool_id: match pool.as_deref() {
                    Some(AMAZON) => None,
                    Some(IPAM) => r.known.ipv6_ipam_pool_id.clone(),
                    _ => pool,
                },
                ipv6_netmask_length: unread(),
                main_route_table_id: tables.get(id).cloned(),
                owner_id: v.owner_id.clone(),
                tags: from_sdk(v.tags()),
            };
            Some(r.live(id, value).status(status(v)))
        });
        Ok(live.collect())
    }

    async fn create(cx: &Cx, new: &Self) -> Result<String> {
        let made = cx
            .ec2()
            .create_vpc()
            .set_cidr_block(new.cidr_block.clone())
            .set_ipv4_ipam_pool_id(new.ipv4_ipam_pool_id.clone())
            .set_ipv4_netmask_length(new.ipv4_netmask_length)
            .amazon_provided_ipv6_cidr_block(new.assign_generated_ipv6_cidr_block.unwrap_or_default())
            .set_ipv6_cidr_block(new.ipv6_cidr_block.clone())
            .set_ipv6_cidr_block_network_border_group(new.ipv6_cidr_block_network_border_group.clone())
            .set_ipv6_ipam_pool_id(new.ipv6_ipam_pool_id.clone())
            .set_ipv6_netmask_length(new.ipv6_netmask_length)
            .instance_tenancy(Tenancy::from(new.instance_tenancy.as_str()))
            .set_tag_specifications(specification(ResourceType::Vpc, &new.tags))
            .send()
            .await?;
        made.vpc.and_then(|v| v.vpc_id).ok_or_else(|| Error::incomplete("the VPC's id"))
    }

    async fn delete(cx: &Cx, at: &Ref<Self>) -> Result<()> {
        cx.ec2().delete_vpc().vpc_id(&at.id).send().await?;
        Ok(())
    }

    async fn retag(cx: &Cx, at: &[Ref<Self>], add: &Tags, remove: &[String]) -> Result<()> {
        retag(cx, at, add, remove).await
    }

    async fn find(cx: &Cx, intent: &Intent<Self>) -> Result<Vec<Live<Self>>> {
        let call = cx.ec2().describe_vpcs().filters(owned_by(&intent.token));
        let vpcs = all(call.into_paginator().items().send()).await?;
        found(cx, intent, vpcs.into_iter().map(|v| v.vpc_id)).await
    }

    fn plan(draft: &mut Draft<'_>) {
        let in_place = draft.prior("instance_tenancy").as_str() == Some("dedicated")
            && draft.planned("instance_tenancy").as_str() == Some("default");
        if !draft.is_create() && draft.changes("instance_tenancy") && !in_place {
            draft.replace("instance_tenancy");
        }
    }
}

impl Update for Vpc {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        let (id, old, new) = (&ch.at.id, ch.old, ch.new);
        let modify = || cx.ec2().modify_vpc_attribute().vpc_id(id);
        if changed!(ch, enable_dns_support) {
            modify().enable_dns_support(flag(new.enable_dns_support)).send().await?;
        }
        if changed!(ch, enable_dns_hostnames) {
            modify().enable_dns_hostnames(flag(new.enable_dns_hostnames.unwrap_or_default())).send().await?;
        }
        if changed!(ch, enable_network_address_usage_metrics) {
            let on = new.enable_network_address_usage_metrics.unwrap_or_default();
            modify().enable_network_address_usage_metrics(flag(on)).send().await?;
        }
        if changed!(ch, instance_tenancy) {
            let tenancy = VpcTenancy::from(new.instance_tenancy.as_str());
            cx.ec2().modify_vpc_tenancy().vpc_id(id).instance_tenancy(tenancy).send().await?;
        }
        if changed!(
            ch,
            assign_generated_ipv6_cidr_block,
            ipv6_cidr_block_network_border_group,
            ipv6_cidr_block,
            ipv6_ipam_pool_id
        ) {
            if let Some(association) = given(&old.ipv6_association_id) {
                cx.ec2().disassociate_vpc_cidr_block().association_id(association).send().await.absent()?;
            }
            let call = cx.ec2().associate_vpc_cidr_block().vpc_id(id);
            if new.assign_generated_ipv6_cidr_block == Some(true) {
                let group = if_changed!(ch, ipv6_cidr_block_network_border_group);
                let call = call.amazon_provided_ipv6_cidr_block(true);
                call.set_ipv6_cidr_block_network_border_group(group).send().await?;
            } else if let Some(pool) = &new.ipv6_ipam_pool_id {
                // A length asks the pool for any network, so a network that an earlier one left in the plan is not meant.
                let network = new.ipv6_cidr_block.clone().filter(|_| new.ipv6_netmask_length.is_none());
                let call = call.ipv6_ipam_pool_id(pool).set_ipv6_cidr_block(network);
                call.set_ipv6_netmask_length(new.ipv6_netmask_length).send().await?;
            }
        }
        Ok(())
    }
}

fn status(v: &aws_sdk_ec2::types::Vpc) -> Status {
    let moving = |a: &VpcIpv6CidrBlockAssociation| {
        matches!(state(a), Some(VpcCidrBlockStateCode::Associating | VpcCidrBlockStateCode::Disassociating))
    };
    match v.state() {
        Some(VpcState::Pending) => Status::Pending,
        _ if v.ipv6_cidr_block_association_set().iter().any(moving) => Status::Pending,
        _ => Status::Ready,
    }
}

fn state(a: &VpcIpv6CidrBlockAssociation) -> Option<&VpcCidrBlockStateCode> {
    a.ipv6_cidr_block_state().and_then(|s| s.state())
}

/// The association of the IPv6 network: the one known before, else any.
fn ipv6_of<'a>(all: &'a [VpcIpv6CidrBlockAssociation], known: Option<&str>) -> Option<&'a VpcIpv6CidrBlockAssociation> {
    let alive = || all.iter().filter(|a| state(a) == Some(&VpcCidrBlockStateCode::Associated));
    alive().find(|a| known.is_some() && a.association_id() == known).or_else(|| alive().next())
}

/// ARN of a VPC.
pub(super) fn arn(cx: &Cx, owner: Option<&str>, id: &str) -> String {
    format!("arn:{}:ec2:{}:{}:vpc/{id}", cx.partition(), cx.region(), owner.unwrap_or(cx.account()))
}

/// What only DescribeVpcAttribute tells, one by one.
pub(super) struct Attributes {
    pub(super) dns_hostnames: bool,
    pub(super) dns_support: bool,
    pub(super) usage_metrics: bool,
}

impl Attributes {
    /// Asks for the attributes of a VPC.
    pub(super) async fn read(cx: &Cx, id: &str) -> Result<Attributes> {
        let ask = |a: VpcAttributeName| cx.ec2().describe_vpc_attribute().vpc_id(id).attribute(a).send();
        let (hostnames, support, metrics) = futures::try_join!(
            ask(VpcAttributeName::EnableDnsHostnames),
            ask(VpcAttributeName::EnableDnsSupport),
            ask(VpcAttributeName::EnableNetworkAddressUsageMetrics),
        )?;
        let on = |v: Option<aws_sdk_ec2::types::AttributeBooleanValue>| v.and_then(|v| v.value).unwrap_or_default();
        Ok(Attributes {
            dns_hostnames: on(hostnames.enable_dns_hostnames),
            dns_support: on(support.enable_dns_support),
            usage_metrics: on(metrics.enable_network_address_usage_metrics),
        })
    }
}

/// Main route tables of VPCs, by VPC.
pub(super) async fn main_route_tables(cx: &Cx, vpcs: &[String]) -> Result<BTreeMap<String, String>> {
    let call = cx.ec2().describe_route_tables().filters(filter("association.main", ["true"]));
    let tables = all(call.filters(filter("vpc-id", vpcs)).into_paginator().items().send()).await?;
    Ok(tables.into_iter().filter_map(|t| Some((t.vpc_id?, t.route_table_id?))).collect())
}

async fn default_acls(cx: &Cx, vpcs: &[String]) -> Result<BTreeMap<String, String>> {
    let call = cx.ec2().describe_network_acls().filters(filter("default", ["true"]));
    let acls = all(call.filters(filter("vpc-id", vpcs)).into_paginator().items().send()).await?;
    Ok(acls.into_iter().filter_map(|a| Some((a.vpc_id?, a.network_acl_id?))).collect())
}

async fn default_groups(cx: &Cx, vpcs: &[String]) -> Result<BTreeMap<String, String>> {
    let call = cx.ec2().describe_security_groups().filters(filter("group-name", ["default"]));
    let groups = all(call.filters(filter("vpc-id", vpcs)).into_paginator().items().send()).await?;
    Ok(groups.into_iter().filter_map(|g| Some((g.vpc_id?, g.group_id?))).collect())
}
