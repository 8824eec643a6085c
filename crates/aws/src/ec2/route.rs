//! `aws_route`.

use std::sync::Arc;

use aws_sdk_ec2::types::{Route as Sdk, RouteTable as Table};

use super::routes::{self, Destination, Kind, LOCAL, Plain, Tables, Target, targets};
use super::{given, shown};
use crate::kit::prelude::*;

/// A route of a route table.
///
/// Do not use it with a table that has inline routes: each would remove what the other made. The local route of a VPC
/// cannot be created, but imported, and then given another target.
#[derive(Clone, Debug, Resource)]
#[resource(
    type = "aws_route",
    identity(key(&[
        "route_table_id", "destination_cidr_block", "destination_ipv6_cidr_block", "destination_prefix_list_id",
    ])),
    timeouts(create = 300, update = 120, delete = 300),
    exactly_one_of(
        "carrier_gateway_id", "core_network_arn", "egress_only_gateway_id", "gateway_id", "local_gateway_id",
        "nat_gateway_id", "network_interface_id", "transit_gateway_id", "vpc_endpoint_id", "vpc_peering_connection_id"
    ),
    exactly_one_of("destination_cidr_block", "destination_ipv6_cidr_block", "destination_prefix_list_id"),
    conflicts("carrier_gateway_id", "destination_ipv6_cidr_block"),
    conflicts("destination_cidr_block", "egress_only_gateway_id"),
    conflicts("destination_prefix_list_id", "vpc_endpoint_id")
)]
pub(crate) struct Route {
    /// Carrier gateway.
    carrier_gateway_id: Option<String>,
    /// Core network.
    core_network_arn: Option<String>,
    /// Destination: an IPv4 network.
    #[attr(force_new, cidr4(0, 32))]
    destination_cidr_block: Option<String>,
    /// Destination: an IPv6 network.
    #[attr(force_new, ignore_case, cidr6(0, 128))]
    destination_ipv6_cidr_block: Option<String>,
    /// Destination: a prefix list.
    #[attr(force_new)]
    destination_prefix_list_id: Option<String>,
    /// Egress-only internet gateway.
    egress_only_gateway_id: Option<String>,
    /// Internet or virtual private gateway, or `local`.
    gateway_id: Option<String>,
    /// Instance behind the network interface.
    instance_id: Computed<String>,
    /// Account that owns the instance.
    instance_owner_id: Computed<String>,
    /// Local gateway of an Outpost.
    local_gateway_id: Option<String>,
    /// NAT gateway.
    nat_gateway_id: Option<String>,
    /// Network interface.
    network_interface_id: OptComputed<String>,
    /// How the route came about.
    origin: Computed<String>,
    /// Route table.
    #[attr(force_new)]
    route_table_id: String,
    /// `active`, or `blackhole` where the target is not available.
    state: Computed<String>,
    /// Transit gateway.
    transit_gateway_id: Option<String>,
    /// VPC endpoint.
    vpc_endpoint_id: Option<String>,
    /// Peering connection.
    vpc_peering_connection_id: Option<String>,
}

impl Route {
    fn destination(&self) -> Option<Destination> {
        let (v4, v6) = (self.destination_cidr_block.as_deref(), self.destination_ipv6_cidr_block.as_deref());
        Destination::of(v4, v6, self.destination_prefix_list_id.as_deref())
    }
    /// All targets; after a change of kind, `network_interface_id` may still be that of before.
    fn targets(&self) -> impl Iterator<Item = Target> {
        let all = [
            (Kind::Carrier, &self.carrier_gateway_id),
            (Kind::CoreNetwork, &self.core_network_arn),
            (Kind::EgressOnly, &self.egress_only_gateway_id),
            (Kind::Gateway, &self.gateway_id),
            (Kind::LocalGateway, &self.local_gateway_id),
            (Kind::Nat, &self.nat_gateway_id),
            (Kind::Transit, &self.transit_gateway_id),
            (Kind::Endpoint, &self.vpc_endpoint_id),
            (Kind::Peering, &self.vpc_peering_connection_id),
            (Kind::Interface, &self.network_interface_id),
        ];
        all.map(|(k, id)| Some((k, given(id)?.clone()))).into_iter().flatten()
    }
    fn plain(&self) -> Result<Plain> {
        let destination = self.destination().ok_or_else(|| Error::invalid("A route needs a destination."))?;
        let target = self.targets().next().ok_or_else(|| Error::invalid("A route needs a target."))?;
        Ok(Plain { destination, target })
    }
}

impl Resource for Route {
    const BATCH: usize = 1000;
    const ACTIONS: &'static [&'static str] =
        &["ec2:CreateRoute", "ec2:DeleteRoute", "ec2:DescribeRouteTables", "ec2:ReplaceRoute"];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let tables = cx.load::<Tables>(at.iter().map(|r| r.known.route_table_id.clone())).await?;
        let one = |r: &Ref<Self>| {
            let table: &Arc<Table> = tables.get(&r.known.route_table_id)?;
            let wanted = r.known.destination()?;
            let route = table.routes().iter().find(|x| Destination::live(x).is_some_and(|d| d.same(&wanted)))?;
            Some(r.live(id(&r.known.route_table_id, &wanted), live(&r.known, route)))
        };
        Ok(at.iter().filter_map(one).collect())
    }

    async fn create(cx: &Cx, new: &Self) -> Result<String> {
        if new.gateway_id.as_deref() == Some(LOCAL) {
            let message =
                "A local route cannot be created: AWS makes it with the VPC's network. Import it to manage it.";
            return Err(Error::invalid(message));
        }
        let route = new.plain()?;
        routes::create(cx, &new.route_table_id, &route).await?;
        Ok(id(&new.route_table_id, &route.destination))
    }

    async fn delete(cx: &Cx, at: &Ref<Self>) -> Result<()> {
        match at.known.destination() {
            // Only forgotten: AWS keeps the local route as long as the VPC's network.
            _ if at.known.gateway_id.as_deref() == Some(LOCAL) => Ok(()),
            Some(d) => routes::delete(cx, &at.known.route_table_id, &d).await,
            None => Err(Error::invalid("The route's destination is not known.")),
        }
    }

    async fn find(cx: &Cx, intent: &Intent<Self>) -> Result<Vec<Live<Self>>> {
        let Some(d) = intent.keys.destination() else { return Ok(Vec::new()) };
        let at = Ref { id: id(&intent.keys.route_table_id, &d), known: intent.keys.clone(), wanted: None };
        Self::read(cx, &[at]).await
    }

    fn import(spec: &str) -> Result<Vec<(&'static str, Known)>> {
        let parts = spec.split_once('_').filter(|(t, d)| !t.is_empty() && !d.is_empty());
        let (table, text) = parts.ok_or_else(|| {
            Error::invalid(format!("{spec:?} is not an id of a route: write ROUTE-TABLE-ID_DESTINATION."))
        })?;
        let (name, d) = if text.contains(':') {
            ("destination_ipv6_cidr_block", Destination::Ipv6(text.into()))
        } else if text.contains('.') {
            ("destination_cidr_block", Destination::Ipv4(text.into()))
        } else {
            ("destination_prefix_list_id", Destination::PrefixList(text.into()))
        };
        Ok(vec![("id", id(table, &d).as_str().into()), ("route_table_id", table.into()), (name, text.into())])
    }
}

impl Update for Route {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        if changed!(
            ch,
            carrier_gateway_id,
            core_network_arn,
            egress_only_gateway_id,
            gateway_id,
            local_gateway_id,
            nat_gateway_id,
            network_interface_id,
            transit_gateway_id,
            vpc_endpoint_id,
            vpc_peering_connection_id
        ) {
            let mut route = ch.new.plain()?;
            if changed!(ch, network_interface_id)
                && let Some(interface) = given(&ch.new.network_interface_id)
            {
                route.target = (Kind::Interface, interface.clone());
            }
            routes::replace(cx, &ch.new.route_table_id, &route).await?;
        }
        Ok(())
    }
}

fn live(known: &Route, r: &Sdk) -> Route {
    let to = targets(r);
    let to = |k: Kind| to.get(&k).cloned();
    Route {
        carrier_gateway_id: to(Kind::Carrier),
        core_network_arn: to(Kind::CoreNetwork),
        destination_cidr_block: known.destination_cidr_block.clone(),
        destination_ipv6_cidr_block: known.destination_ipv6_cidr_block.clone(),
        destination_prefix_list_id: known.destination_prefix_list_id.clone(),
        egress_only_gateway_id: to(Kind::EgressOnly),
        gateway_id: to(Kind::Gateway),
        instance_id: shown(&to(Kind::Instance)),
        instance_owner_id: shown(&r.instance_owner_id),
        local_gateway_id: to(Kind::LocalGateway),
        nat_gateway_id: to(Kind::Nat),
        network_interface_id: shown(&to(Kind::Interface)),
        origin: r.origin().map(|o| o.as_str().to_owned()),
        route_table_id: known.route_table_id.clone(),
        state: r.state().map(|s| s.as_str().to_owned()),
        transit_gateway_id: to(Kind::Transit),
        vpc_endpoint_id: to(Kind::Endpoint),
        vpc_peering_connection_id: to(Kind::Peering),
    }
}

/// The id that state holds: the table and a checksum of the destination.
fn id(table: &str, d: &Destination) -> String {
    format!("r-{table}{}", super::crc32(d.text()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports() {
        let of = |spec: &str| {
            let mut known = Known::object();
            Route::import(spec).unwrap().into_iter().for_each(|(name, value)| known.set(name, value));
            known
        };
        let v4 = of("rtb-1_0.0.0.0/0");
        assert_eq!(v4.get("id").as_str(), Some("r-rtb-11080289494"));
        assert_eq!(of("rtb-1_::/0").get("destination_ipv6_cidr_block").as_str(), Some("::/0"));
        assert_eq!(of("rtb-1_pl-2").get("destination_prefix_list_id").as_str(), Some("pl-2"));
        assert!(Route::import("rtb-1").is_err());
    }
}
