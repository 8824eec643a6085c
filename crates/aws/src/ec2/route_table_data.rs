//! `data.aws_route_table`.

use aws_sdk_ec2::types::{self as sdk, RouteOrigin, RouteTableAssociationStateCode};

use super::routes::{self, Kind, LOCAL};
use super::tags::from_sdk;
use super::{FilterBlock, filter};
use crate::kit::prelude::*;

/// A route table. Exactly one must match.
#[derive(Clone, Debug, Data)]
#[data(type = "aws_route_table", timeouts(read = 1200))]
pub(crate) struct RouteTableData {
    /// ARN.
    arn: Computed<String>,
    /// What uses it.
    associations: Computed<Vec<Association>>,
    /// Filters of DescribeRouteTables.
    filter: BTreeSet<FilterBlock>,
    /// Gateway that uses it, to find a table by.
    gateway_id: OptComputed<String>,
    /// Id.
    id: OptComputed<String>,
    /// Account that owns it.
    owner_id: Computed<String>,
    /// Id, to find a table by.
    route_table_id: OptComputed<String>,
    /// Routes, without those that belong to the VPC, are propagated, or belong to gateway endpoints.
    routes: Computed<Vec<Route>>,
    /// Subnet that uses it, to find a table by.
    subnet_id: OptComputed<String>,
    /// Tags, to find a table by.
    tags: OptComputed<BTreeMap<String, String>>,
    /// VPC, to find a table by.
    vpc_id: OptComputed<String>,
}

/// What uses a table.
#[derive(Block, Clone, Debug)]
pub(crate) struct Association {
    /// Gateway.
    gateway_id: String,
    /// Whether it is used where nothing else is said.
    main: bool,
    /// Id of the association.
    route_table_association_id: String,
    /// Table.
    route_table_id: String,
    /// Subnet.
    subnet_id: String,
}

/// A route.
#[derive(Block, Clone, Debug)]
pub(crate) struct Route {
    /// Carrier gateway.
    carrier_gateway_id: String,
    /// IPv4 destination.
    cidr_block: String,
    /// Core network.
    core_network_arn: String,
    /// Prefix list as the destination.
    destination_prefix_list_id: String,
    /// Egress-only internet gateway.
    egress_only_gateway_id: String,
    /// Internet gateway or virtual private gateway.
    gateway_id: String,
    /// Instance.
    instance_id: String,
    /// IPv6 destination.
    ipv6_cidr_block: String,
    /// Local gateway.
    local_gateway_id: String,
    /// NAT gateway.
    nat_gateway_id: String,
    /// Network interface.
    network_interface_id: String,
    /// Transit gateway.
    transit_gateway_id: String,
    /// VPC endpoint.
    vpc_endpoint_id: String,
    /// Peering connection.
    vpc_peering_connection_id: String,
}

impl Data for RouteTableData {
    const ACTIONS: &'static [&'static str] = &["ec2:DescribeRouteTables"];

    async fn read(cx: &Cx, config: &Self) -> Result<Self> {
        let set = |name: &str, v: &Option<String>| v.iter().map(|v| filter(name, [v])).collect::<Vec<_>>();
        let mut filters = set("route-table-id", &config.route_table_id);
        filters.extend(set("vpc-id", &config.vpc_id));
        filters.extend(set("association.subnet-id", &config.subnet_id));
        filters.extend(set("association.gateway-id", &config.gateway_id));
        filters.extend(FilterBlock::tags(config.tags.as_ref().unwrap_or(&BTreeMap::new())));
        filters.extend(FilterBlock::sdk(&config.filter));
        let call = cx.ec2().describe_route_tables().set_filters(Some(filters).filter(|f| !f.is_empty()));
        let mut tables = all(call.into_paginator().items().send()).await?;
        let t = match tables.len() {
            1 => tables.remove(0),
            0 => return Err(Error::invalid("No route table matches.")),
            n => return Err(Error::invalid(format!("{n} route tables match: say more about the one that is meant."))),
        };
        let id = t.route_table_id.clone().ok_or_else(|| Error::incomplete("the route table's id"))?;
        Ok(RouteTableData {
            arn: Some(routes::arn(cx, &t)),
            associations: Some(t.associations().iter().filter(|a| lasts(a)).map(association).collect()),
            filter: config.filter.clone(),
            gateway_id: config.gateway_id.clone(),
            owner_id: t.owner_id.clone(),
            route_table_id: Some(id.clone()),
            routes: Some(t.routes().iter().filter(|r| own(r)).map(route).collect()),
            subnet_id: config.subnet_id.clone(),
            tags: Some(cx.visible_tags(&from_sdk(t.tags()))),
            vpc_id: t.vpc_id.clone(),
            id: Some(id),
        })
    }
}

fn lasts(a: &sdk::RouteTableAssociation) -> bool {
    let state = a.association_state().and_then(|s| s.state());
    !matches!(
        state,
        Some(RouteTableAssociationStateCode::Disassociating | RouteTableAssociationStateCode::Disassociated)
    )
}

fn association(a: &sdk::RouteTableAssociation) -> Association {
    let text = |v: Option<&str>| v.unwrap_or_default().to_owned();
    Association {
        gateway_id: text(a.gateway_id()),
        main: a.main.unwrap_or_default(),
        route_table_association_id: text(a.route_table_association_id()),
        route_table_id: text(a.route_table_id()),
        subnet_id: text(a.subnet_id()),
    }
}

/// True for a route that somebody made.
fn own(r: &sdk::Route) -> bool {
    let gateway = r.gateway_id().unwrap_or_default();
    let endpoint = r.destination_prefix_list_id().is_some() && gateway.starts_with("vpce-");
    !matches!(gateway, LOCAL | "VpcLattice") && r.origin() != Some(&RouteOrigin::EnableVgwRoutePropagation) && !endpoint
}

fn route(r: &sdk::Route) -> Route {
    let targets = routes::targets(r);
    let to = |k: Kind| targets.get(&k).cloned().unwrap_or_default();
    let text = |v: Option<&str>| v.unwrap_or_default().to_owned();
    Route {
        carrier_gateway_id: to(Kind::Carrier),
        cidr_block: text(r.destination_cidr_block()),
        core_network_arn: to(Kind::CoreNetwork),
        destination_prefix_list_id: text(r.destination_prefix_list_id()),
        egress_only_gateway_id: to(Kind::EgressOnly),
        gateway_id: to(Kind::Gateway),
        instance_id: to(Kind::Instance),
        ipv6_cidr_block: text(r.destination_ipv6_cidr_block()),
        local_gateway_id: to(Kind::LocalGateway),
        nat_gateway_id: to(Kind::Nat),
        network_interface_id: to(Kind::Interface),
        transit_gateway_id: to(Kind::Transit),
        vpc_endpoint_id: to(Kind::Endpoint),
        vpc_peering_connection_id: to(Kind::Peering),
    }
}
