//! `data.aws_subnet`.

use aws_sdk_ec2::types::SubnetCidrBlockStateCode;

use super::tags::from_sdk;
use super::{FilterBlock, filter};
use crate::kit::prelude::*;

/// A subnet. Exactly one must match.
#[derive(Clone, Debug, Data)]
#[data(type = "aws_subnet", timeouts(read = 1200))]
pub(crate) struct SubnetData {
    /// ARN.
    arn: Computed<String>,
    /// Whether new network interfaces get an IPv6 address.
    assign_ipv6_address_on_creation: Computed<bool>,
    /// Availability zone by name, to find a subnet by.
    availability_zone: OptComputed<String>,
    /// Availability zone by id, to find a subnet by.
    availability_zone_id: OptComputed<String>,
    /// How many addresses are free.
    available_ip_address_count: Computed<i32>,
    /// IPv4 network, to find a subnet by.
    cidr_block: OptComputed<String>,
    /// Pool of customer-owned addresses.
    customer_owned_ipv4_pool: Computed<String>,
    /// Whether it is the zone's default subnet. `false` does not filter.
    default_for_az: OptComputed<bool>,
    /// Whether names with IPv4 addresses alone get synthesized IPv6 addresses.
    enable_dns64: Computed<bool>,
    /// Position at which network interfaces become local ones on an Outpost.
    enable_lni_at_device_index: Computed<i32>,
    /// Whether resource names have A records.
    enable_resource_name_dns_a_record_on_launch: Computed<bool>,
    /// Whether resource names have AAAA records.
    enable_resource_name_dns_aaaa_record_on_launch: Computed<bool>,
    /// Filters of DescribeSubnets.
    filter: BTreeSet<FilterBlock>,
    /// Id, to find a subnet by.
    id: OptComputed<String>,
    /// IPv6 network, to find a subnet by.
    ipv6_cidr_block: OptComputed<String>,
    /// Association of the IPv6 network.
    ipv6_cidr_block_association_id: Computed<String>,
    /// Whether it has IPv6 addresses alone.
    ipv6_native: Computed<bool>,
    /// Whether new network interfaces get a customer-owned address.
    map_customer_owned_ip_on_launch: Computed<bool>,
    /// Whether new network interfaces get a public IPv4 address.
    map_public_ip_on_launch: Computed<bool>,
    /// Outpost.
    outpost_arn: Computed<String>,
    /// Account that owns the subnet.
    owner_id: Computed<String>,
    /// What host names of instances are made from.
    private_dns_hostname_type_on_launch: Computed<String>,
    /// `pending` or `available`, to find a subnet by.
    state: OptComputed<String>,
    /// Tags, to find a subnet by.
    tags: OptComputed<BTreeMap<String, String>>,
    /// VPC, to find a subnet by.
    vpc_id: OptComputed<String>,
}

impl Data for SubnetData {
    const ACTIONS: &'static [&'static str] = &["ec2:DescribeSubnets"];

    async fn read(cx: &Cx, config: &Self) -> Result<Self> {
        let set = |name: &str, v: &Option<String>| v.iter().map(|v| filter(name, [v])).collect::<Vec<_>>();
        let mut filters = set("availability-zone", &config.availability_zone);
        filters.extend(set("availability-zone-id", &config.availability_zone_id));
        filters.extend(set("cidr-block", &config.cidr_block));
        filters.extend(config.default_for_az.filter(|d| *d).map(|_| filter("default-for-az", ["true"])));
        filters.extend(set("ipv6-cidr-block-association.ipv6-cidr-block", &config.ipv6_cidr_block));
        filters.extend(set("state", &config.state));
        filters.extend(set("vpc-id", &config.vpc_id));
        filters.extend(FilterBlock::tags(config.tags.as_ref().unwrap_or(&BTreeMap::new())));
        filters.extend(FilterBlock::sdk(&config.filter));
        filters.extend(set("subnet-id", &config.id));
        let call = cx.ec2().describe_subnets().set_filters(Some(filters).filter(|f| !f.is_empty()));
        let mut subnets = all(call.into_paginator().items().send()).await?;
        let s = match subnets.len() {
            1 => subnets.remove(0),
            0 => return Err(Error::invalid("No subnet matches.")),
            n => return Err(Error::invalid(format!("{n} subnets match: say more about the one that is meant."))),
        };
        let id = s.subnet_id.clone().ok_or_else(|| Error::incomplete("the subnet's id"))?;
        Ok(found(cx, config, &s, id))
    }
}

fn found(cx: &Cx, config: &SubnetData, s: &aws_sdk_ec2::types::Subnet, id: String) -> SubnetData {
    let text = |v: Option<&str>| Some(v.unwrap_or_default().to_owned());
    let associated = |a: &&aws_sdk_ec2::types::SubnetIpv6CidrBlockAssociation| {
        a.ipv6_cidr_block_state().and_then(|s| s.state()) == Some(&SubnetCidrBlockStateCode::Associated)
    };
    let ipv6 = s.ipv6_cidr_block_association_set().iter().find(associated);
    let names = s.private_dns_name_options_on_launch();
    let owner = s.owner_id().unwrap_or_default();
    let arn = || format!("arn:{}:ec2:{}:{owner}:subnet/{id}", cx.partition(), cx.region());
    SubnetData {
        arn: Some(s.subnet_arn.clone().unwrap_or_else(arn)),
        assign_ipv6_address_on_creation: Some(s.assign_ipv6_address_on_creation.unwrap_or_default()),
        availability_zone: text(s.availability_zone()),
        availability_zone_id: text(s.availability_zone_id()),
        available_ip_address_count: Some(s.available_ip_address_count.unwrap_or_default()),
        cidr_block: text(s.cidr_block()),
        customer_owned_ipv4_pool: text(s.customer_owned_ipv4_pool()),
        default_for_az: Some(s.default_for_az.unwrap_or_default()),
        enable_dns64: Some(s.enable_dns64.unwrap_or_default()),
        enable_lni_at_device_index: Some(s.enable_lni_at_device_index.unwrap_or_default()),
        enable_resource_name_dns_a_record_on_launch: Some(
            names.and_then(|n| n.enable_resource_name_dns_a_record).unwrap_or_default(),
        ),
        enable_resource_name_dns_aaaa_record_on_launch: Some(
            names.and_then(|n| n.enable_resource_name_dns_aaaa_record).unwrap_or_default(),
        ),
        filter: config.filter.clone(),
        ipv6_cidr_block: text(ipv6.and_then(|a| a.ipv6_cidr_block())),
        ipv6_cidr_block_association_id: text(ipv6.and_then(|a| a.association_id())),
        ipv6_native: Some(s.ipv6_native.unwrap_or_default()),
        map_customer_owned_ip_on_launch: Some(s.map_customer_owned_ip_on_launch.unwrap_or_default()),
        map_public_ip_on_launch: Some(s.map_public_ip_on_launch.unwrap_or_default()),
        outpost_arn: text(s.outpost_arn()),
        owner_id: text(s.owner_id()),
        private_dns_hostname_type_on_launch: text(names.and_then(|n| n.hostname_type()).map(|t| t.as_str())),
        state: text(s.state().map(|s| s.as_str())),
        tags: Some(cx.visible_tags(&from_sdk(s.tags()))),
        vpc_id: text(s.vpc_id()),
        id: Some(id),
    }
}
