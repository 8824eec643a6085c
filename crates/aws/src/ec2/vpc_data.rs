//! `data.aws_vpc`.

use aws_sdk_ec2::types::Tenancy;

use super::tags::from_sdk;
use super::vpc::{Attributes, arn, main_route_tables};
use super::{FilterBlock, filter};
use crate::kit::prelude::*;

/// A VPC. Exactly one must match.
#[derive(Clone, Debug, Data)]
#[data(type = "aws_vpc", timeouts(read = 1200))]
pub(crate) struct VpcData {
    /// ARN.
    arn: Computed<String>,
    /// First IPv4 network.
    cidr_block: OptComputed<String>,
    /// All IPv4 networks.
    cidr_block_associations: Computed<Vec<Association>>,
    /// Whether it is the region's default VPC. `false` does not filter.
    default: OptComputed<bool>,
    /// DHCP options.
    dhcp_options_id: OptComputed<String>,
    /// Whether instances with public addresses get public host names.
    enable_dns_hostnames: Computed<bool>,
    /// Whether DNS queries are answered.
    enable_dns_support: Computed<bool>,
    /// Whether use of the address space is measured.
    enable_network_address_usage_metrics: Computed<bool>,
    /// Filters of DescribeVpcs.
    filter: BTreeSet<FilterBlock>,
    /// Id.
    id: OptComputed<String>,
    /// Tenancy of instances.
    instance_tenancy: Computed<String>,
    /// Association of the IPv6 network.
    ipv6_association_id: Computed<String>,
    /// IPv6 network.
    ipv6_cidr_block: Computed<String>,
    /// Route table of subnets without one of their own.
    main_route_table_id: Computed<String>,
    /// Account that owns the VPC.
    owner_id: Computed<String>,
    /// `pending` or `available`, to find a VPC by.
    state: OptComputed<String>,
    /// Tags, to find a VPC by.
    tags: OptComputed<BTreeMap<String, String>>,
}

/// An IPv4 network of a VPC.
#[derive(Block, Clone, Debug)]
pub(crate) struct Association {
    /// Id.
    association_id: String,
    /// Network.
    cidr_block: String,
    /// State.
    state: String,
}

impl Data for VpcData {
    const ACTIONS: &'static [&'static str] =
        &["ec2:DescribeRouteTables", "ec2:DescribeVpcAttribute", "ec2:DescribeVpcs"];

    async fn read(cx: &Cx, config: &Self) -> Result<Self> {
        let set = |name: &str, v: &Option<String>| v.iter().map(|v| filter(name, [v])).collect::<Vec<_>>();
        let mut filters = set("cidr", &config.cidr_block);
        filters.extend(set("dhcp-options-id", &config.dhcp_options_id));
        filters.extend(config.default.filter(|d| *d).map(|_| filter("is-default", ["true"])));
        filters.extend(set("state", &config.state));
        filters.extend(FilterBlock::tags(config.tags.as_ref().unwrap_or(&BTreeMap::new())));
        filters.extend(FilterBlock::sdk(&config.filter));
        filters.extend(set("vpc-id", &config.id));
        let call = cx.ec2().describe_vpcs().set_filters(Some(filters).filter(|f| !f.is_empty()));
        let mut vpcs = all(call.into_paginator().items().send()).await?;
        let v = match vpcs.len() {
            1 => vpcs.remove(0),
            0 => return Err(Error::invalid("No VPC matches.")),
            n => return Err(Error::invalid(format!("{n} VPCs match: say more about the one that is meant."))),
        };
        let id = v.vpc_id.clone().ok_or_else(|| Error::incomplete("the VPC's id"))?;
        let ids = [id.clone()];
        let (a, tables) = futures::try_join!(Attributes::read(cx, &id), main_route_tables(cx, &ids))?;
        let ipv6 = v.ipv6_cidr_block_association_set().first();
        let association = |a: &aws_sdk_ec2::types::VpcCidrBlockAssociation| Association {
            association_id: a.association_id.clone().unwrap_or_default(),
            cidr_block: a.cidr_block.clone().unwrap_or_default(),
            state: a.cidr_block_state().and_then(|s| s.state()).map(|s| s.as_str().to_owned()).unwrap_or_default(),
        };
        Ok(VpcData {
            arn: Some(arn(cx, v.owner_id(), &id)),
            cidr_block: v.cidr_block.clone(),
            cidr_block_associations: Some(v.cidr_block_association_set().iter().map(association).collect()),
            default: v.is_default,
            dhcp_options_id: v.dhcp_options_id.clone(),
            enable_dns_hostnames: Some(a.dns_hostnames),
            enable_dns_support: Some(a.dns_support),
            enable_network_address_usage_metrics: Some(a.usage_metrics),
            filter: config.filter.clone(),
            instance_tenancy: v.instance_tenancy.as_ref().map(Tenancy::as_str).map(str::to_owned),
            ipv6_association_id: ipv6.and_then(|a| a.association_id.clone()),
            ipv6_cidr_block: ipv6.and_then(|a| a.ipv6_cidr_block.clone()),
            main_route_table_id: tables.get(&id).cloned(),
            owner_id: v.owner_id.clone(),
            state: config.state.clone(),
            tags: Some(cx.visible_tags(&from_sdk(v.tags()))),
            id: Some(id),
        })
    }
}
