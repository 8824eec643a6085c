//! `aws_subnet`.

use aws_sdk_ec2::types::{
    HostnameType, ResourceType, SubnetCidrBlockStateCode, SubnetIpv6CidrBlockAssociation, SubnetState,
};

use super::tags::{from_sdk, owned_by, retag, specification};
use super::{filter, flag, found, given, shown};
use crate::kit::prelude::*;

/// A subnet of a VPC.
#[derive(Clone, Debug, Resource)]
#[resource(
    type = "aws_subnet",
    version = 1,
    identity(tag()),
    timeouts(create = 600, delete = 1200),
    conflicts("availability_zone", "availability_zone_id"),
    required_with("customer_owned_ipv4_pool", "map_customer_owned_ip_on_launch", "outpost_arn"),
    required_with("map_customer_owned_ip_on_launch", "customer_owned_ipv4_pool", "outpost_arn")
)]
pub(crate) struct Subnet {
    /// ARN.
    #[attr(starts_with = "arn:")]
    arn: Computed<String>,
    /// Give new network interfaces an IPv6 address.
    #[attr(default = false)]
    assign_ipv6_address_on_creation: bool,
    /// Availability zone, by name; AWS chooses if neither name nor id is set.
    #[attr(force_new)]
    availability_zone: OptComputed<String>,
    /// Availability zone, by id.
    #[attr(force_new)]
    availability_zone_id: OptComputed<String>,
    /// IPv4 network; unset for a subnet of IPv6 alone.
    #[attr(force_new, cidr4(0, 32))]
    cidr_block: Option<String>,
    /// Pool of customer-owned addresses on an Outpost.
    customer_owned_ipv4_pool: Option<String>,
    /// Answer DNS queries for IPv4-only names with synthesized IPv6 addresses.
    #[attr(default = false)]
    enable_dns64: bool,
    /// Position at which network interfaces become local ones on an Outpost.
    #[attr(integer)]
    enable_lni_at_device_index: Option<i32>,
    /// Answer queries for resource names with A records.
    #[attr(default = false)]
    enable_resource_name_dns_a_record_on_launch: bool,
    /// Answer queries for resource names with AAAA records.
    #[attr(default = false)]
    enable_resource_name_dns_aaaa_record_on_launch: bool,
    /// IPv6 network.
    #[attr(cidr6(0, 128))]
    ipv6_cidr_block: Option<String>,
    /// Association of the IPv6 network.
    ipv6_cidr_block_association_id: Computed<String>,
    /// A subnet of IPv6 alone.
    #[attr(force_new, default = false)]
    ipv6_native: bool,
    /// Give new network interfaces a customer-owned address on an Outpost.
    map_customer_owned_ip_on_launch: Option<bool>,
    /// Give new network interfaces a public IPv4 address.
    #[attr(default = false)]
    map_public_ip_on_launch: bool,
    /// Outpost.
    #[attr(force_new, arn)]
    outpost_arn: Option<String>,
    /// Account that owns the subnet.
    owner_id: Computed<String>,
    /// What host names of instances are made from.
    #[attr(one_of("ip-name", "resource-name"))]
    private_dns_hostname_type_on_launch: OptComputed<String>,
    /// Tags.
    tags: Tags,
    /// VPC.
    #[attr(force_new)]
    vpc_id: String,
}

impl Resource for Subnet {
    const BATCH: usize = 200;
    const ACTIONS: &'static [&'static str] = &[
        "ec2:AssociateSubnetCidrBlock",
        "ec2:CreateSubnet",
        "ec2:CreateTags",
        "ec2:DeleteSubnet",
        "ec2:DeleteTags",
        "ec2:DescribeSubnets",
        "ec2:DisassociateSubnetCidrBlock",
        "ec2:ModifySubnetAttribute",
    ];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let ids = filter("subnet-id", at.iter().map(|r| &r.id));
        let subnets = all(cx.ec2().describe_subnets().filters(ids).into_paginator().items().send()).await?;
        let live = subnets.iter().filter_map(|s| {
            let r = at.iter().find(|r| s.subnet_id() == Some(&r.id))?;
            Some(r.live(&r.id, live(cx, &r.id, s)).status(status(s)))
        });
        Ok(live.collect())
    }

    async fn create(cx: &Cx, new: &Self) -> Result<String> {
        let made = cx
            .ec2()
            .create_subnet()
            .set_availability_zone(new.availability_zone.clone())
            .set_availability_zone_id(new.availability_zone_id.clone())
            .set_cidr_block(new.cidr_block.clone())
            .set_ipv6_cidr_block(new.ipv6_cidr_block.clone())
            .set_ipv6_native(new.ipv6_native.then_some(true))
            .set_outpost_arn(new.outpost_arn.clone())
            .set_tag_specifications(specification(ResourceType::Subnet, &new.tags))
            .vpc_id(&new.vpc_id)
            .send()
            .await?;
        made.subnet.and_then(|s| s.subnet_id).ok_or_else(|| Error::incomplete("the subnet's id"))
    }

    async fn delete(cx: &Cx, at: &Ref<Self>) -> Result<()> {
        cx.ec2().delete_subnet().subnet_id(&at.id).send().await?;
        Ok(())
    }

    async fn retag(cx: &Cx, at: &[Ref<Self>], add: &Tags, remove: &[String]) -> Result<()> {
        retag(cx, at, add, remove).await
    }

    async fn find(cx: &Cx, intent: &Intent<Self>) -> Result<Vec<Live<Self>>> {
        let call = cx.ec2().describe_subnets().filters(owned_by(&intent.token));
        let subnets = all(call.into_paginator().items().send()).await?;
        found(cx, intent, subnets.into_iter().map(|s| s.subnet_id)).await
    }
}

impl Update for Subnet {
    /// One attribute in each request: the API takes no more.
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        let (id, old, new) = (&ch.at.id, ch.old, ch.new);
        let modify = || cx.ec2().modify_subnet_attribute().subnet_id(id);
        if changed!(ch, customer_owned_ipv4_pool, map_customer_owned_ip_on_launch) {
            let call = modify().set_customer_owned_ipv4_pool(new.customer_owned_ipv4_pool.clone());
            let on = new.map_customer_owned_ip_on_launch.unwrap_or_default();
            call.map_customer_owned_ip_on_launch(flag(on)).send().await?;
        }
        if changed!(ch, enable_dns64) {
            modify().enable_dns64(flag(new.enable_dns64)).send().await?;
        }
        if changed!(ch, enable_lni_at_device_index) {
            let call = match new.enable_lni_at_device_index {
                Some(i) if i > 0 => modify().enable_lni_at_device_index(i),
                _ => modify().disable_lni_at_device_index(flag(true)),
            };
            call.send().await?;
        }
        if changed!(ch, enable_resource_name_dns_a_record_on_launch) {
            let on = flag(new.enable_resource_name_dns_a_record_on_launch);
            modify().enable_resource_name_dns_a_record_on_launch(on).send().await?;
        }
        if changed!(ch, enable_resource_name_dns_aaaa_record_on_launch) {
            let on = flag(new.enable_resource_name_dns_aaaa_record_on_launch);
            modify().enable_resource_name_dns_aaaa_record_on_launch(on).send().await?;
        }
        if changed!(ch, map_public_ip_on_launch) {
            modify().map_public_ip_on_launch(flag(new.map_public_ip_on_launch)).send().await?;
        }
        if changed!(ch, private_dns_hostname_type_on_launch) {
            let kind = new.private_dns_hostname_type_on_launch.as_deref().map(HostnameType::from);
            modify().set_private_dns_hostname_type_on_launch(kind).send().await?;
        }
        // Addresses can be assigned only while there is a network to take them from: off before it goes, on after it came.
        let assign = changed!(ch, assign_ipv6_address_on_creation);
        if assign && !new.assign_ipv6_address_on_creation {
            modify().assign_ipv6_address_on_creation(flag(false)).send().await?;
        }
        if changed!(ch, ipv6_cidr_block) {
            if let Some(association) = given(&old.ipv6_cidr_block_association_id) {
                cx.ec2().disassociate_subnet_cidr_block().association_id(association).send().await.absent()?;
            }
            if let Some(network) = &new.ipv6_cidr_block {
                cx.ec2().associate_subnet_cidr_block().subnet_id(id).ipv6_cidr_block(network).send().await?;
            }
        }
        if assign && new.assign_ipv6_address_on_creation {
            modify().assign_ipv6_address_on_creation(flag(true)).send().await?;
        }
        Ok(())
    }
}

fn live(cx: &Cx, id: &str, s: &aws_sdk_ec2::types::Subnet) -> Subnet {
    let ipv6 = s.ipv6_cidr_block_association_set().iter();
    let ipv6 = ipv6.into_iter().find(|a| state(a) == Some(&SubnetCidrBlockStateCode::Associated));
    let names = s.private_dns_name_options_on_launch();
    let arn = || format!("arn:{}:ec2:{}:{}:subnet/{id}", cx.partition(), cx.region(), s.owner_id().unwrap_or_default());
    Subnet {
        arn: Some(s.subnet_arn.clone().unwrap_or_else(arn)),
        assign_ipv6_address_on_creation: s.assign_ipv6_address_on_creation.unwrap_or_default(),
        availability_zone: s.availability_zone.clone(),
        availability_zone_id: s.availability_zone_id.clone(),
        cidr_block: s.cidr_block.clone().filter(|c| !c.is_empty()),
        customer_owned_ipv4_pool: s.customer_owned_ipv4_pool.clone(),
        enable_dns64: s.enable_dns64.unwrap_or_default(),
        enable_lni_at_device_index: s.enable_lni_at_device_index,
        enable_resource_name_dns_a_record_on_launch: names
            .and_then(|n| n.enable_resource_name_dns_a_record)
            .unwrap_or_default(),
        enable_resource_name_dns_aaaa_record_on_launch: names
            .and_then(|n| n.enable_resource_name_dns_aaaa_record)
            .unwrap_or_default(),
        ipv6_cidr_block: ipv6.and_then(|a| a.ipv6_cidr_block.clone()),
        ipv6_cidr_block_association_id: shown(&ipv6.and_then(|a| a.association_id.clone())),
        ipv6_native: s.ipv6_native.unwrap_or_default(),
        map_customer_owned_ip_on_launch: s.map_customer_owned_ip_on_launch,
        map_public_ip_on_launch: s.map_public_ip_on_launch.unwrap_or_default(),
        outpost_arn: s.outpost_arn.clone(),
        owner_id: s.owner_id.clone(),
        private_dns_hostname_type_on_launch: names.and_then(|n| n.hostname_type()).map(|t| t.as_str().to_owned()),
        tags: from_sdk(s.tags()),
        vpc_id: s.vpc_id.clone().unwrap_or_default(),
    }
}

fn state(a: &SubnetIpv6CidrBlockAssociation) -> Option<&SubnetCidrBlockStateCode> {
    a.ipv6_cidr_block_state().and_then(|s| s.state())
}

fn status(s: &aws_sdk_ec2::types::Subnet) -> Status {
    use SubnetCidrBlockStateCode::{Associating, Disassociating, Failed};
    let ipv6 = s.ipv6_cidr_block_association_set();
    let failed =
        ipv6.iter().find(|a| state(a) == Some(&Failed)).and_then(|a| a.ipv6_cidr_block_state()?.status_message());
    match (s.state(), failed) {
        (Some(SubnetState::Pending), _) => Status::Pending,
        (Some(s @ (SubnetState::Failed | SubnetState::FailedInsufficientCapacity)), _) => {
            Status::Failed(format!("The subnet is in state {}.", s.as_str()))
        }
        (_, Some(why)) => Status::Failed(format!("The IPv6 network could not be associated: {why}")),
        _ if ipv6.iter().any(|a| matches!(state(a), Some(Associating | Disassociating))) => Status::Pending,
        _ => Status::Ready,
    }
}
