//! `aws_nat_gateway`.

use aws_sdk_ec2::types::{ConnectivityType, NatGatewayAddress, NatGatewayAddressStatus, NatGatewayState, ResourceType};

use super::tags::{from_sdk, owned_by, retag, specification};
use super::{filter, found, shown};
use crate::kit::prelude::*;

/// A NAT gateway.
///
/// A public one needs `allocation_id`; a private one has no elastic IP addresses at all.
#[derive(Clone, Debug, Resource)]
#[resource(
    type = "aws_nat_gateway",
    identity(token()),
    timeouts(create = 600, update = 600, delete = 1800),
    conflicts("secondary_private_ip_address_count", "secondary_private_ip_addresses")
)]
pub(crate) struct NatGateway {
    /// Allocation of its elastic IP address.
    #[attr(force_new)]
    allocation_id: Option<String>,
    /// Association of the address.
    association_id: Computed<String>,
    /// Whether it leads to the internet or to other networks of one's own.
    #[attr(force_new, default = "public", one_of("public", "private"))]
    connectivity_type: String,
    /// Its network interface.
    network_interface_id: Computed<String>,
    /// Private address; AWS chooses if unset.
    #[attr(force_new, ip)]
    private_ip: OptComputed<String>,
    /// Public address.
    public_ip: Computed<String>,
    /// Allocations of further elastic IP addresses.
    secondary_allocation_ids: Option<BTreeSet<String>>,
    /// How many further private addresses AWS shall choose.
    #[attr(force_new, integer, changes_with = &["secondary_allocation_ids", "secondary_private_ip_addresses"])]
    secondary_private_ip_address_count: OptComputed<i32>,
    /// Further private addresses.
    #[attr(changes_with = &["secondary_allocation_ids"])]
    secondary_private_ip_addresses: OptComputed<BTreeSet<String>>,
    /// Subnet that it stands in.
    #[attr(force_new)]
    subnet_id: String,
    /// Tags.
    tags: Tags,
}

impl Resource for NatGateway {
    const BATCH: usize = 200;
    const ACTIONS: &'static [&'static str] = &[
        "ec2:AssignPrivateNatGatewayAddress",
        "ec2:AssociateNatGatewayAddress",
        "ec2:CreateNatGateway",
        "ec2:CreateTags",
        "ec2:DeleteNatGateway",
        "ec2:DeleteTags",
        "ec2:DescribeNatGateways",
        "ec2:DisassociateNatGatewayAddress",
        "ec2:UnassignPrivateNatGatewayAddress",
    ];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let ids = filter("nat-gateway-id", at.iter().map(|r| &r.id));
        let gateways = all(cx.ec2().describe_nat_gateways().filter(ids).into_paginator().items().send()).await?;
        let live = gateways.iter().filter_map(|g| {
            let r = at.iter().find(|r| g.nat_gateway_id() == Some(&r.id))?;
            Some(r.live(&r.id, live(g)).status(status(g)?))
        });
        Ok(live.collect())
    }

    async fn create(cx: &Cx, new: &Self) -> Result<String> {
        let list =
            |s: &Option<BTreeSet<String>>| s.as_ref().filter(|s| !s.is_empty()).map(|s| s.iter().cloned().collect());
        let made = cx
            .ec2()
            .create_nat_gateway()
            .client_token(cx.token())
            .set_allocation_id(new.allocation_id.clone())
            .connectivity_type(ConnectivityType::from(new.connectivity_type.as_str()))
            .set_private_ip_address(new.private_ip.clone())
            .set_secondary_allocation_ids(list(&new.secondary_allocation_ids))
            .set_secondary_private_ip_address_count(new.secondary_private_ip_address_count)
            .set_secondary_private_ip_addresses(list(&new.secondary_private_ip_addresses))
            .subnet_id(&new.subnet_id)
            .set_tag_specifications(specification(ResourceType::Natgateway, &new.tags))
            .send()
            .await?;
        made.nat_gateway.and_then(|g| g.nat_gateway_id).ok_or_else(|| Error::incomplete("the gateway's id"))
    }

    async fn delete(cx: &Cx, at: &Ref<Self>) -> Result<()> {
        cx.ec2().delete_nat_gateway().nat_gateway_id(&at.id).send().await?;
        Ok(())
    }

    async fn retag(cx: &Cx, at: &[Ref<Self>], add: &Tags, remove: &[String]) -> Result<()> {
        retag(cx, at, add, remove).await
    }

    async fn find(cx: &Cx, intent: &Intent<Self>) -> Result<Vec<Live<Self>>> {
        let call = cx.ec2().describe_nat_gateways().filter(owned_by(&intent.token));
        let gateways = all(call.into_paginator().items().send()).await?;
        found(cx, intent, gateways.into_iter().map(|g| g.nat_gateway_id)).await
    }

    fn plan(draft: &mut Draft<'_>) {
        let forbidden: &[&str] = match draft.planned("connectivity_type").as_str() {
            Some("private") => &["allocation_id", "secondary_allocation_ids"],
            Some("public") => &["secondary_private_ip_address_count"],
            _ => &[],
        };
        for name in forbidden {
            let set = draft.config(name);
            if !set.is_null() && set.is_known() {
                let kind = draft.planned("connectivity_type").as_str().unwrap_or_default().to_owned();
                draft.error(name, format!("`{name}` cannot be set for a {kind} NAT gateway."));
            }
        }
    }
}

impl Update for NatGateway {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        let (id, old, new) = (&ch.at.id, ch.old, ch.new);
        let less = |a: &Option<BTreeSet<String>>, b: &Option<BTreeSet<String>>| -> Vec<String> {
            a.iter().flatten().filter(|v| !b.as_ref().is_some_and(|b| b.contains(*v))).cloned().collect()
        };
        let ips = &new.secondary_private_ip_addresses;
        let more_ips = if changed!(ch, secondary_private_ip_addresses) {
            less(ips, &old.secondary_private_ip_addresses)
        } else {
            Vec::new()
        };
        if new.connectivity_type == "private" {
            if changed!(ch, secondary_private_ip_addresses) {
                if !more_ips.is_empty() {
                    let call = cx.ec2().assign_private_nat_gateway_address().nat_gateway_id(id);
                    call.set_private_ip_addresses(Some(more_ips)).send().await?;
                }
                let gone = less(&old.secondary_private_ip_addresses, ips);
                if !gone.is_empty() {
                    let call = cx.ec2().unassign_private_nat_gateway_address().nat_gateway_id(id);
                    call.set_private_ip_addresses(Some(gone)).send().await?;
                }
            }
            return Ok(());
        }
        if changed!(ch, secondary_allocation_ids) {
            let more = less(&new.secondary_allocation_ids, &old.secondary_allocation_ids);
            if !more.is_empty() {
                let call = cx.ec2().associate_nat_gateway_address().nat_gateway_id(id).set_allocation_ids(Some(more));
                call.set_private_ip_addresses(Some(more_ips).filter(|l| !l.is_empty())).send().await?;
            }
            let gone = less(&old.secondary_allocation_ids, &new.secondary_allocation_ids);
            if !gone.is_empty() {
                let gateways = cx.ec2().describe_nat_gateways().nat_gateway_ids(id).send().await?;
                let addresses = gateways.nat_gateways().iter().flat_map(|g| g.nat_gateway_addresses());
                let of_gone = addresses.filter(|a| a.allocation_id().is_some_and(|id| gone.iter().any(|g| g == id)));
                let associations = of_gone.filter_map(|a| a.association_id.clone()).collect();
                let call = cx.ec2().disassociate_nat_gateway_address().nat_gateway_id(id);
                call.set_association_ids(Some(associations)).send().await?;
            }
        }
        Ok(())
    }
}

fn live(g: &aws_sdk_ec2::types::NatGateway) -> NatGateway {
    let all = g.nat_gateway_addresses();
    // Addresses of gateways that are older than secondary ones do not say that they are primary.
    let primary = all.iter().position(|a| a.is_primary == Some(true)).unwrap_or(0);
    let first = all.get(primary);
    let others = || all.iter().enumerate().filter(|(i, _)| *i != primary).map(|(_, a)| a);
    let set = |of: fn(&NatGatewayAddress) -> Option<String>| Some(others().filter_map(of).collect::<BTreeSet<_>>());
    let ips = set(|a| a.private_ip.clone());
    NatGateway {
        allocation_id: first.and_then(|a| a.allocation_id.clone()),
        association_id: shown(&first.and_then(|a| a.association_id.clone())),
        connectivity_type: g.connectivity_type().map_or("public", ConnectivityType::as_str).to_owned(),
        network_interface_id: first.and_then(|a| a.network_interface_id.clone()),
        private_ip: first.and_then(|a| a.private_ip.clone()),
        public_ip: shown(&first.and_then(|a| a.public_ip.clone())),
        secondary_allocation_ids: set(|a| a.allocation_id.clone()),
        secondary_private_ip_address_count: ips.as_ref().and_then(|i| i.len().try_into().ok()),
        secondary_private_ip_addresses: ips,
        subnet_id: g.subnet_id.clone().unwrap_or_default(),
        tags: from_sdk(g.tags()),
    }
}

/// `None` once it is deleted: the API shows a deleted gateway for about an hour.
fn status(g: &aws_sdk_ec2::types::NatGateway) -> Option<Status> {
    use NatGatewayAddressStatus::{Assigning, Associating, Disassociating, Failed, Unassigning};
    let of = |a: &NatGatewayAddress, is: &[NatGatewayAddressStatus]| a.status().is_some_and(|s| is.contains(s));
    let addresses = g.nat_gateway_addresses();
    Some(match g.state() {
        Some(NatGatewayState::Deleted) => return None,
        Some(NatGatewayState::Deleting) => Status::Deleting,
        Some(NatGatewayState::Pending) => Status::Pending,
        Some(NatGatewayState::Failed) => {
            let (code, why) = (g.failure_code().unwrap_or_default(), g.failure_message().unwrap_or_default());
            Status::Failed(format!("AWS could not make the NAT gateway: {code}: {why}"))
        }
        _ => match addresses.iter().find(|a| of(a, &[Failed])) {
            Some(a) => Status::Failed(a.failure_message().unwrap_or("An address could not be associated.").to_owned()),
            None if addresses.iter().any(|a| of(a, &[Assigning, Associating, Disassociating, Unassigning])) => {
                Status::Pending
            }
            None => Status::Ready,
        },
    })
}
