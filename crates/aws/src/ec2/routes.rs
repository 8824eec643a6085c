//! Routes: what `aws_route`, `aws_route_table` and `aws_default_route_table` share. A route is a destination and a target;
//! its table is read once for everybody who asks for a part of it ([`Tables`]).

use std::collections::HashMap;

use aws_sdk_ec2::types::{self as sdk, RouteOrigin};
use stackctl_core::Path;

use super::filter;
use crate::kit::prelude::*;

/// The gateway that stands for the VPC itself.
pub(super) const LOCAL: &str = "local";

/// Route tables by id, one request for everybody who asks in the same moment.
pub(super) struct Tables;

impl Loader for Tables {
    type Out = sdk::RouteTable;
    const BATCH: usize = 200;

    async fn load(cx: &Cx, ids: Vec<String>) -> Result<HashMap<String, Self::Out>> {
        let call = cx.ec2().describe_route_tables().filters(filter("route-table-id", ids));
        let tables = all(call.into_paginator().items().send()).await?;
        Ok(tables.into_iter().filter_map(|t| Some((t.route_table_id.clone()?, t))).collect())
    }
}

/// Where packets go to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Destination {
    Ipv4(String),
    Ipv6(String),
    PrefixList(String),
}

impl Destination {
    /// From three arguments of which one is set.
    pub(super) fn of(ipv4: Option<&str>, ipv6: Option<&str>, list: Option<&str>) -> Option<Destination> {
        let set = |v: Option<&str>| v.filter(|v| !v.is_empty()).map(str::to_owned);
        let ipv4 = set(ipv4).map(Destination::Ipv4);
        ipv4.or_else(|| set(ipv6).map(Destination::Ipv6)).or_else(|| set(list).map(Destination::PrefixList))
    }
    /// Of a live route.
    pub(super) fn live(r: &sdk::Route) -> Option<Destination> {
        let (v4, v6) = (r.destination_cidr_block(), r.destination_ipv6_cidr_block());
        Destination::of(v4, v6, r.destination_prefix_list_id())
    }
    /// As configuration spells it.
    pub(super) fn text(&self) -> &str {
        match self {
            Destination::Ipv4(d) | Destination::Ipv6(d) | Destination::PrefixList(d) => d,
        }
    }
    /// True for one place: an IPv6 network has many spellings.
    pub(super) fn same(&self, other: &Destination) -> bool {
        match (self, other) {
            (Destination::Ipv6(a), Destination::Ipv6(b)) => {
                match (a.parse::<ipnet::Ipv6Net>(), b.parse::<ipnet::Ipv6Net>()) {
                    (Ok(a), Ok(b)) => a == b,
                    _ => a.eq_ignore_ascii_case(b),
                }
            }
            _ => self == other,
        }
    }
}

/// Kinds of targets, as `aws_route` names its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Carrier,
    CoreNetwork,
    EgressOnly,
    Endpoint,
    Gateway,
    Instance,
    Interface,
    LocalGateway,
    Nat,
    Peering,
    Transit,
}

/// What takes the packets.
pub(super) type Target = (Kind, String);

/// A route as it is sent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Plain {
    pub(super) destination: Destination,
    pub(super) target: Target,
}

/// Targets of a live route, by kind. A route through an instance names its interface, too.
pub(super) fn targets(r: &sdk::Route) -> BTreeMap<Kind, String> {
    let gateway = r.gateway_id.clone().unwrap_or_default();
    // The API calls endpoints gateways when it reads.
    let (endpoint, gateway) =
        if gateway.starts_with("vpce-") { (gateway, String::new()) } else { (String::new(), gateway) };
    let all = [
        (Kind::Carrier, r.carrier_gateway_id.clone()),
        (Kind::CoreNetwork, r.core_network_arn.clone()),
        (Kind::EgressOnly, r.egress_only_internet_gateway_id.clone()),
        (Kind::Endpoint, Some(endpoint)),
        (Kind::Gateway, Some(gateway)),
        (Kind::Instance, r.instance_id.clone()),
        (Kind::Interface, r.network_interface_id.clone()),
        (Kind::LocalGateway, r.local_gateway_id.clone()),
        (Kind::Nat, r.nat_gateway_id.clone()),
        (Kind::Peering, r.vpc_peering_connection_id.clone()),
        (Kind::Transit, r.transit_gateway_id.clone()),
    ];
    all.into_iter().filter_map(|(k, v)| Some((k, v.filter(|v| !v.is_empty())?))).collect()
}

/// `Inline` of a block of inline routes: which attribute is the target of which kind.
macro_rules! inline_route {
    ($block:ident { $($attr:ident: $kind:ident),+ $(,)? }) => {
        impl $crate::ec2::routes::Inline for $block {
            fn plain(&self) -> Option<$crate::ec2::routes::Plain> {
                use $crate::ec2::routes::{Destination, Kind, Plain};
                let targets = [$((Kind::$kind, &self.$attr)),+];
                let (kind, id) = targets.into_iter().find(|(_, id)| !id.is_empty())?;
                let (v4, v6, list) = (&self.cidr_block, &self.ipv6_cidr_block, &self.destination_prefix_list_id);
                Some(Plain { destination: Destination::of(Some(v4), Some(v6), Some(list))?, target: (kind, id.clone()) })
            }

            fn live(
                d: &$crate::ec2::routes::Destination,
                targets: &BTreeMap<$crate::ec2::routes::Kind, String>,
            ) -> $block {
                use $crate::ec2::routes::{Destination, Kind};
                let text = |is: bool| if is { d.text().to_owned() } else { String::new() };
                $block {
                    cidr_block: text(matches!(d, Destination::Ipv4(_))),
                    destination_prefix_list_id: text(matches!(d, Destination::PrefixList(_))),
                    ipv6_cidr_block: text(matches!(d, Destination::Ipv6(_))),
                    $($attr: targets.get(&Kind::$kind).cloned().unwrap_or_default(),)+
                }
            }
        }
    };
}
pub(super) use inline_route;

macro_rules! with_destination {
    ($call:expr, $destination:expr) => {
        match $destination {
            Destination::Ipv4(d) => $call.destination_cidr_block(d),
            Destination::Ipv6(d) => $call.destination_ipv6_cidr_block(d),
            Destination::PrefixList(d) => $call.destination_prefix_list_id(d),
        }
    };
}

macro_rules! with_target {
    ($call:expr, $target:expr) => {{
        let (kind, id) = $target;
        match kind {
            Kind::Carrier => $call.carrier_gateway_id(id),
            Kind::CoreNetwork => $call.core_network_arn(id),
            Kind::EgressOnly => $call.egress_only_internet_gateway_id(id),
            Kind::Endpoint => $call.vpc_endpoint_id(id),
            Kind::Gateway => $call.gateway_id(id),
            Kind::Instance => $call.instance_id(id),
            Kind::Interface => $call.network_interface_id(id),
            Kind::LocalGateway => $call.local_gateway_id(id),
            Kind::Nat => $call.nat_gateway_id(id),
            Kind::Peering => $call.vpc_peering_connection_id(id),
            Kind::Transit => $call.transit_gateway_id(id),
        }
    }};
}

/// Adds a route to a table.
pub(super) async fn create(cx: &Cx, table: &str, r: &Plain) -> Result<()> {
    let call = with_destination!(cx.ec2().create_route().route_table_id(table), &r.destination);
    with_target!(call, &r.target).send().await?;
    Ok(())
}

/// Gives a route another target.
pub(super) async fn replace(cx: &Cx, table: &str, r: &Plain) -> Result<()> {
    let call = with_destination!(cx.ec2().replace_route().route_table_id(table), &r.destination);
    let call = if is_local(&r.target) { call.local_target(true) } else { with_target!(call, &r.target) };
    call.send().await?;
    Ok(())
}

/// Removes a route from a table.
pub(super) async fn delete(cx: &Cx, table: &str, d: &Destination) -> Result<()> {
    with_destination!(cx.ec2().delete_route().route_table_id(table), d).send().await?;
    Ok(())
}

fn is_local((kind, id): &Target) -> bool {
    *kind == Kind::Gateway && id == LOCAL
}

/// An inline route of a route table.
pub(super) trait Inline: Ord + Clone {
    /// The route as it is sent; `None` if it lacks a destination or a target.
    fn plain(&self) -> Option<Plain>;
    /// A live route.
    fn live(destination: &Destination, targets: &BTreeMap<Kind, String>) -> Self;
}

/// The routes of a table that its `route` argument is about, spelled as before. Routes of gateway endpoints, propagated
/// ones and the local ones that nobody wrote are not.
pub(super) fn inline<R: Inline>(t: &sdk::RouteTable, known: &Option<BTreeSet<R>>) -> BTreeSet<R> {
    let mut out = BTreeSet::new();
    for r in t.routes() {
        let (Some(destination), targets) = (Destination::live(r), targets(r)) else { continue };
        let written = known.iter().flatten().find(|k| k.plain().is_some_and(|k| k.destination.same(&destination)));
        let local = targets.get(&Kind::Gateway).is_some_and(|g| g == LOCAL);
        let of_endpoint = matches!(destination, Destination::PrefixList(_)) && targets.contains_key(&Kind::Endpoint);
        let of_lattice = r.gateway_id() == Some("VpcLattice");
        let propagated = r.origin() == Some(&RouteOrigin::EnableVgwRoutePropagation);
        if of_endpoint || of_lattice || propagated || (local && written.is_none()) {
            continue;
        }
        let same =
            written.filter(|w| w.plain().is_some_and(|p| targets.get(&p.target.0).is_some_and(|id| *id == p.target.1)));
        out.insert(same.cloned().unwrap_or_else(|| R::live(&destination, &targets)));
    }
    out
}

/// Makes the inline routes of a table so.
pub(super) async fn change<R: Inline>(cx: &Cx, table: &str, old: &BTreeSet<R>, new: &BTreeSet<R>) -> Result<()> {
    let plain = |l: &BTreeSet<R>| l.iter().filter_map(Inline::plain).collect::<Vec<Plain>>();
    let (old, new) = (plain(old), plain(new));
    let of = |l: &[Plain], d: &Destination| l.iter().find(|r| r.destination.same(d)).cloned();
    for o in &old {
        // A local route stays as long as its network.
        if of(&new, &o.destination).is_none() && !is_local(&o.target) {
            delete(cx, table, &o.destination).await.absent()?;
        }
    }
    for n in &new {
        match of(&old, &n.destination) {
            Some(o) if o.target == n.target => {}
            None if !is_local(&n.target) => create(cx, table, n).await?,
            _ => replace(cx, table, n).await?,
        }
    }
    Ok(())
}

/// Makes the gateways that propagate routes into a table so.
pub(super) async fn propagate(cx: &Cx, table: &str, old: &BTreeSet<String>, new: &BTreeSet<String>) -> Result<()> {
    for gateway in old.difference(new) {
        let call = cx.ec2().disable_vgw_route_propagation().route_table_id(table);
        call.gateway_id(gateway).send().await.absent()?;
    }
    for gateway in new.difference(old) {
        cx.ec2().enable_vgw_route_propagation().route_table_id(table).gateway_id(gateway).send().await?;
    }
    Ok(())
}

/// Gateways that propagate routes into a table.
pub(super) fn propagating(t: &sdk::RouteTable) -> BTreeSet<String> {
    t.propagating_vgws().iter().filter_map(|g| g.gateway_id.clone()).collect()
}

/// ARN of a route table.
pub(super) fn arn(cx: &Cx, t: &sdk::RouteTable) -> String {
    let (owner, id) = (t.owner_id().unwrap_or(cx.account()), t.route_table_id().unwrap_or_default());
    format!("arn:{}:ec2:{}:{owner}:route-table/{id}", cx.partition(), cx.region())
}

/// Checks inline routes as configured: one destination, one target.
pub(super) fn check(config: &Partial, errors: &mut Vec<stackctl_core::Error>) {
    const DESTINATIONS: [&str; 3] = ["cidr_block", "destination_prefix_list_id", "ipv6_cidr_block"];
    let Partial::List(routes) = config.get("route") else { return };
    for r in routes.iter().filter_map(Partial::as_map) {
        let set = |destination: bool| {
            let of = r.iter().filter(|(k, _)| DESTINATIONS.contains(&k.as_str()) == destination);
            let given = of.filter(|(_, v)| !v.is_null() && v.as_str() != Some(""));
            let (known, unknown): (Vec<_>, Vec<_>) = given.partition(|(_, v)| v.is_known());
            (known.len(), unknown.len())
        };
        for (what, (known, unknown)) in [("destination", set(true)), ("target", set(false))] {
            if known > 1 || (known == 0 && unknown == 0) {
                let message = format!("A route needs exactly one {what}; this one has {known}.");
                errors.push(stackctl_core::Error::at(Path::attr("route"), message));
            }
        }
        let text = |name: &str| r.get(name).and_then(Partial::as_str).filter(|t| !t.is_empty());
        let bad4 = text("cidr_block").is_some_and(|t| t.parse::<ipnet::Ipv4Net>().is_ok_and(|n| n != n.trunc()));
        let bad6 = text("ipv6_cidr_block").is_some_and(|t| t.parse::<ipnet::Ipv6Net>().is_ok_and(|n| n != n.trunc()));
        if bad4 || bad6 {
            let message = "The destination's address is not the first one of its network.";
            errors.push(stackctl_core::Error::at(Path::attr("route"), message));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations() {
        let v6 = |s: &str| Destination::Ipv6(s.into());
        assert!(v6("2001:DB8:0::/32").same(&v6("2001:db8::/32")));
        assert!(!v6("2001:db8::/32").same(&v6("2001:db8::/33")));
        assert!(!Destination::Ipv4("10.0.0.0/8".into()).same(&Destination::PrefixList("10.0.0.0/8".into())));
        assert_eq!(Destination::of(Some(""), None, Some("pl-1")), Some(Destination::PrefixList("pl-1".into())));
    }
}
