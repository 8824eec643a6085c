//! `aws_route_table`.

use aws_sdk_ec2::types::{ResourceType, RouteTable as Sdk};

use super::found;
use super::routes::{self, Tables, inline_route};
use super::tags::{from_sdk, owned_by, retag, specification};
use crate::kit::prelude::*;

/// A route table with its inline routes.
///
/// Inline routes and `aws_route` exclude each other: inline routes remove every route that they do not name. Routes of
/// gateway endpoints, propagated routes and the VPC's local route stay.
#[derive(Clone, Debug, Resource)]
#[resource(type = "aws_route_table", identity(token()), timeouts(create = 300, update = 120, delete = 300))]
pub(crate) struct RouteTable {
    /// ARN.
    #[attr(starts_with = "arn:")]
    arn: Computed<String>,
    /// Account that owns the table.
    owner_id: Computed<String>,
    /// Virtual private gateways that propagate their routes.
    propagating_vgws: OptComputed<BTreeSet<String>>,
    /// Routes.
    #[attr(as_attr, if_configured)]
    route: OptComputed<BTreeSet<Entry>>,
    /// Tags.
    tags: Tags,
    /// VPC.
    #[attr(force_new)]
    vpc_id: String,
}

/// An inline route: one destination and one target.
#[derive(Block, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    /// Carrier gateway.
    #[attr(default = "")]
    carrier_gateway_id: String,
    /// IPv4 network.
    #[attr(default = "", pattern(r"([0-9.]+/[0-9]+)?", "an IPv4 network such as 10.0.0.0/8"))]
    cidr_block: String,
    /// Core network.
    #[attr(default = "")]
    core_network_arn: String,
    /// Prefix list.
    #[attr(default = "")]
    destination_prefix_list_id: String,
    /// Egress-only internet gateway.
    #[attr(default = "")]
    egress_only_gateway_id: String,
    /// Internet or virtual private gateway, or `local`.
    #[attr(default = "")]
    gateway_id: String,
    /// IPv6 network.
    #[attr(default = "", ignore_case, pattern(r"([0-9A-Fa-f:.]+/[0-9]+)?", "an IPv6 network such as 2001:db8::/56"))]
    ipv6_cidr_block: String,
    /// Local gateway of an Outpost.
    #[attr(default = "")]
    local_gateway_id: String,
    /// NAT gateway.
    #[attr(default = "")]
    nat_gateway_id: String,
    /// Network interface.
    #[attr(default = "")]
    network_interface_id: String,
    /// Transit gateway.
    #[attr(default = "")]
    transit_gateway_id: String,
    /// VPC endpoint.
    #[attr(default = "")]
    vpc_endpoint_id: String,
    /// Peering connection.
    #[attr(default = "")]
    vpc_peering_connection_id: String,
}

inline_route!(Entry {
    carrier_gateway_id: Carrier,
    core_network_arn: CoreNetwork,
    egress_only_gateway_id: EgressOnly,
    gateway_id: Gateway,
    local_gateway_id: LocalGateway,
    nat_gateway_id: Nat,
    network_interface_id: Interface,
    transit_gateway_id: Transit,
    vpc_endpoint_id: Endpoint,
    vpc_peering_connection_id: Peering,
});

impl Resource for RouteTable {
    const BATCH: usize = 200;
    const ACTIONS: &'static [&'static str] = &[
        "ec2:CreateRoute",
        "ec2:CreateRouteTable",
        "ec2:CreateTags",
        "ec2:DeleteRoute",
        "ec2:DeleteRouteTable",
        "ec2:DeleteTags",
        "ec2:DescribeRouteTables",
        "ec2:DisableVgwRoutePropagation",
        "ec2:DisassociateRouteTable",
        "ec2:EnableVgwRoutePropagation",
        "ec2:ReplaceRoute",
    ];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let tables = cx.load::<Tables>(at.iter().map(|r| r.id.clone())).await?;
        let live = |r: &Ref<Self>, t: &Sdk| RouteTable {
            arn: Some(routes::arn(cx, t)),
            owner_id: t.owner_id.clone(),
            propagating_vgws: Some(routes::propagating(t)),
            route: Some(routes::inline(t, &r.known.route)),
            tags: from_sdk(t.tags()),
            vpc_id: t.vpc_id.clone().unwrap_or_default(),
        };
        Ok(at.iter().filter_map(|r| Some(r.live(&r.id, live(r, tables.get(&r.id)?)))).collect())
    }

    async fn create(cx: &Cx, new: &Self) -> Result<String> {
        let tags = specification(ResourceType::RouteTable, &new.tags);
        let call = cx.ec2().create_route_table().client_token(cx.token()).vpc_id(&new.vpc_id);
        let made = call.set_tag_specifications(tags).send().await?;
        made.route_table.and_then(|t| t.route_table_id).ok_or_else(|| Error::incomplete("the route table's id"))
    }

    async fn delete(cx: &Cx, at: &Ref<Self>) -> Result<()> {
        let delete = || cx.ec2().delete_route_table().route_table_id(&at.id).send();
        match delete().await.map_err(Error::from) {
            Err(e) if e.kind() == stackctl_core::ErrorKind::InUse => {}
            done => return done.map(|_| ()),
        }
        let tables = cx.load::<Tables>([at.id.clone()]).await?;
        for a in tables.values().flat_map(|t| t.associations()) {
            if let (false, Some(id)) = (a.main == Some(true), a.route_table_association_id()) {
                cx.ec2().disassociate_route_table().association_id(id).send().await.absent()?;
            }
        }
        delete().await?;
        Ok(())
    }

    async fn retag(cx: &Cx, at: &[Ref<Self>], add: &Tags, remove: &[String]) -> Result<()> {
        retag(cx, at, add, remove).await
    }

    async fn find(cx: &Cx, intent: &Intent<Self>) -> Result<Vec<Live<Self>>> {
        let call = cx.ec2().describe_route_tables().filters(owned_by(&intent.token));
        let tables = all(call.into_paginator().items().send()).await?;
        found(cx, intent, tables.into_iter().map(|t| t.route_table_id)).await
    }

    fn validate(config: &Partial, errors: &mut Vec<stackctl_core::Error>) {
        routes::check(config, errors);
    }
}

impl Update for RouteTable {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        let (id, old, new) = (&ch.at.id, ch.old, ch.new);
        let none = BTreeSet::new();
        if changed!(ch, propagating_vgws) {
            let (old, new) = (&old.propagating_vgws, &new.propagating_vgws);
            routes::propagate(cx, id, old.as_ref().unwrap_or(&none), new.as_ref().unwrap_or(&none)).await?;
        }
        let none = BTreeSet::new();
        if changed!(ch, route) {
            let (old, new) = (&old.route, &new.route);
            routes::change(cx, id, old.as_ref().unwrap_or(&none), new.as_ref().unwrap_or(&none)).await?;
        }
        Ok(())
    }
}
