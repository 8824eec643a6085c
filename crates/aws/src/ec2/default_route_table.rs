//! `aws_default_route_table`.

use aws_sdk_ec2::types::RouteTable;

use super::filter;
use super::routes::{self, Tables, inline_route};
use super::tags::{from_sdk, retag};
use crate::kit::prelude::*;

/// The route table that AWS made with a VPC.
///
/// It is not created but taken over as it is: every route that configuration does not name is removed. Destroying the
/// resource leaves the table with its routes alone.
#[derive(Clone, Debug, Resource)]
#[resource(
    type = "aws_default_route_table",
    identity(key(&["default_route_table_id"])),
    setting,
    timeouts(create = 120, update = 120)
)]
pub(crate) struct DefaultRouteTable {
    /// ARN.
    #[attr(starts_with = "arn:")]
    arn: Computed<String>,
    /// Id of the table, an attribute of the VPC.
    #[attr(force_new)]
    default_route_table_id: String,
    /// Account that owns the table.
    owner_id: Computed<String>,
    /// Virtual private gateways that propagate their routes.
    propagating_vgws: Option<BTreeSet<String>>,
    /// Routes.
    #[attr(as_attr, if_configured)]
    route: OptComputed<BTreeSet<Entry>>,
    /// Tags.
    tags: Tags,
    /// VPC.
    vpc_id: Computed<String>,
}

/// An inline route: one destination and one target.
#[derive(Block, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
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
    /// Instance.
    #[attr(default = "")]
    instance_id: String,
    /// IPv6 network.
    #[attr(default = "", ignore_case, pattern(r"([0-9A-Fa-f:.]+/[0-9]+)?", "an IPv6 network such as 2001:db8::/56"))]
    ipv6_cidr_block: String,
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
    core_network_arn: CoreNetwork,
    egress_only_gateway_id: EgressOnly,
    gateway_id: Gateway,
    instance_id: Instance,
    nat_gateway_id: Nat,
    network_interface_id: Interface,
    transit_gateway_id: Transit,
    vpc_endpoint_id: Endpoint,
    vpc_peering_connection_id: Peering,
});

impl Resource for DefaultRouteTable {
    const BATCH: usize = 200;
    const ACTIONS: &'static [&'static str] = &[
        "ec2:CreateRoute",
        "ec2:CreateTags",
        "ec2:DeleteRoute",
        "ec2:DeleteTags",
        "ec2:DescribeRouteTables",
        "ec2:DisableVgwRoutePropagation",
        "ec2:EnableVgwRoutePropagation",
        "ec2:ReplaceRoute",
    ];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let (of_vpcs, of_tables): (Vec<_>, Vec<_>) = at.iter().partition(|r| r.id.starts_with("vpc-"));
        let tables = cx.load::<Tables>(of_tables.iter().map(|r| r.id.clone())).await?;
        let mut out: Vec<_> = of_tables.iter().filter_map(|r| Some(live(cx, r, tables.get(&r.id)?))).collect();
        // An import names the VPC.
        if !of_vpcs.is_empty() {
            let call = cx.ec2().describe_route_tables().filters(filter("association.main", ["true"]));
            let call = call.filters(filter("vpc-id", of_vpcs.iter().map(|r| &r.id)));
            let tables = all(call.into_paginator().items().send()).await?;
            let of = |vpc: &str| tables.iter().find(|t| t.vpc_id() == Some(vpc));
            out.extend(of_vpcs.iter().filter_map(|r| Some(live(cx, r, of(&r.id)?))));
        }
        Ok(out)
    }

    async fn create(_cx: &Cx, new: &Self) -> Result<String> {
        Ok(new.default_route_table_id.clone())
    }

    /// Only forgotten: AWS deletes the table with its VPC.
    async fn delete(_cx: &Cx, _at: &Ref<Self>) -> Result<()> {
        Ok(())
    }

    async fn retag(cx: &Cx, at: &[Ref<Self>], add: &Tags, remove: &[String]) -> Result<()> {
        retag(cx, at, add, remove).await
    }

    fn validate(config: &Partial, errors: &mut Vec<stackctl_core::Error>) {
        routes::check(config, errors);
    }
}

impl Update for DefaultRouteTable {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        let (id, old) = (&ch.at.id, ch.old);
        // What AWS and others put there is not the user's: it goes when the table is taken over.
        let new = if ch.fresh { &ch.at.known } else { ch.new };
        if ch.fresh || changed!(ch, propagating_vgws) {
            let (old, new) = (&old.propagating_vgws, &new.propagating_vgws);
            let none = BTreeSet::new();
            routes::propagate(cx, id, old.as_ref().unwrap_or(&none), new.as_ref().unwrap_or(&none)).await?;
        }
        if ch.fresh || changed!(ch, route) {
            let (old, new) = (&old.route, &new.route);
            let none = BTreeSet::new();
            routes::change(cx, id, old.as_ref().unwrap_or(&none), new.as_ref().unwrap_or(&none)).await?;
        }
        Ok(())
    }
}

fn live(cx: &Cx, r: &Ref<DefaultRouteTable>, t: &RouteTable) -> Live<DefaultRouteTable> {
    let id = t.route_table_id.clone().unwrap_or_default();
    let value = DefaultRouteTable {
        arn: Some(routes::arn(cx, t)),
        default_route_table_id: id.clone(),
        owner_id: t.owner_id.clone(),
        propagating_vgws: Some(routes::propagating(t)),
        route: Some(routes::inline(t, &r.known.route)),
        tags: from_sdk(t.tags()),
        vpc_id: t.vpc_id.clone(),
    };
    r.live(id, value)
}
