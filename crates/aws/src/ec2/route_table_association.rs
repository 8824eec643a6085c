//! `aws_route_table_association`.

use aws_sdk_ec2::types::{RouteTableAssociation as Sdk, RouteTableAssociationStateCode as Code};

use super::filter;
use super::routes::Tables;
use crate::kit::prelude::*;

/// Use of a route table by a subnet or a gateway.
#[derive(Clone, Debug, Resource)]
#[resource(
    type = "aws_route_table_association",
    identity(key(&["subnet_id", "gateway_id", "route_table_id"])),
    timeouts(create = 300, update = 120, delete = 300),
    exactly_one_of("gateway_id", "subnet_id")
)]
pub(crate) struct RouteTableAssociation {
    /// Internet or virtual private gateway.
    #[attr(force_new)]
    gateway_id: Option<String>,
    /// Route table. Exchanging it gives the association another id.
    route_table_id: String,
    /// Subnet.
    #[attr(force_new)]
    subnet_id: Option<String>,
}

impl Resource for RouteTableAssociation {
    const BATCH: usize = 200;
    const ACTIONS: &'static [&'static str] = &[
        "ec2:AssociateRouteTable",
        "ec2:DescribeRouteTables",
        "ec2:DisassociateRouteTable",
        "ec2:ReplaceRouteTableAssociation",
    ];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let tables = cx.load::<Tables>(at.iter().map(|r| r.known.route_table_id.clone())).await?;
        let mut live = Vec::new();
        let mut rest = Vec::new();
        for r in at {
            let table = tables.get(&r.known.route_table_id);
            let of_table = table.into_iter().flat_map(|t| t.associations());
            match of_table.filter_map(|a| answer(r, a)).next() {
                Some(l) => live.push(l),
                None => rest.push(r),
            }
        }
        // The subnet may use another table by now, which gives the association another id.
        for (name, of) in [("association.subnet-id", subnet as Part), ("association.gateway-id", gateway as Part)] {
            let users: BTreeSet<&String> = rest.iter().filter_map(|r| of(&r.known)).collect();
            if users.is_empty() {
                continue;
            }
            let call = cx.ec2().describe_route_tables().filters(filter(name, users));
            let tables = all(call.into_paginator().items().send()).await?;
            for r in &rest {
                let mut associations = tables.iter().flat_map(|t| t.associations());
                live.extend(associations.find_map(|a| answer(r, a)));
            }
        }
        Ok(live)
    }

    async fn create(cx: &Cx, new: &Self) -> Result<String> {
        let made = cx
            .ec2()
            .associate_route_table()
            .route_table_id(&new.route_table_id)
            .set_gateway_id(new.gateway_id.clone())
            .set_subnet_id(new.subnet_id.clone())
            .send()
            .await?;
        made.association_id.ok_or_else(|| Error::incomplete("the association's id"))
    }

    async fn delete(cx: &Cx, at: &Ref<Self>) -> Result<()> {
        cx.ec2().disassociate_route_table().association_id(&at.id).send().await?;
        Ok(())
    }

    async fn find(cx: &Cx, intent: &Intent<Self>) -> Result<Vec<Live<Self>>> {
        let at = Ref { id: String::new(), known: intent.keys.clone(), wanted: None };
        let mut live = Self::read(cx, &[at]).await?;
        live.retain(|l| l.value.route_table_id == intent.keys.route_table_id);
        Ok(live)
    }

    fn import(spec: &str) -> Result<Vec<(&'static str, Known)>> {
        match spec.split('/').collect::<Vec<_>>()[..] {
            [user, table] if !user.is_empty() && !table.is_empty() => {
                let name = if user.starts_with("subnet-") { "subnet_id" } else { "gateway_id" };
                Ok(vec![(name, user.into()), ("route_table_id", table.into())])
            }
            _ => Err(Error::invalid(format!(
                "{spec:?} is not an id of an association: write SUBNET-ID/ROUTE-TABLE-ID or GATEWAY-ID/ROUTE-TABLE-ID."
            ))),
        }
    }
}

impl Update for RouteTableAssociation {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        if changed!(ch, route_table_id) {
            let call = cx.ec2().replace_route_table_association().association_id(&ch.at.id);
            call.route_table_id(&ch.new.route_table_id).send().await?;
        }
        Ok(())
    }
}

type Part = fn(&RouteTableAssociation) -> Option<&String>;

fn subnet(a: &RouteTableAssociation) -> Option<&String> {
    a.subnet_id.as_ref()
}

fn gateway(a: &RouteTableAssociation) -> Option<&String> {
    a.gateway_id.as_ref()
}

/// The association if it is the one asked for, by id or by who uses the table.
fn answer(r: &Ref<RouteTableAssociation>, a: &Sdk) -> Option<Live<RouteTableAssociation>> {
    let by_user = |of: Option<&str>, known: &Option<String>| known.is_some() && of == known.as_deref();
    let id = a.route_table_association_id()?;
    let known = &r.known;
    if a.main == Some(true)
        || !(id == r.id || by_user(a.subnet_id(), &known.subnet_id) || by_user(a.gateway_id(), &known.gateway_id))
    {
        return None;
    }
    let status = match a.association_state().and_then(|s| Some((s.state()?, s.status_message()))) {
        Some((Code::Disassociated, _)) => return None,
        Some((Code::Disassociating, _)) => Status::Deleting,
        Some((Code::Associating, _)) => Status::Pending,
        Some((Code::Failed, why)) => {
            Status::Failed(format!("The association failed: {}", why.unwrap_or("AWS gives no reason.")))
        }
        _ => Status::Ready,
    };
    let value = RouteTableAssociation {
        gateway_id: a.gateway_id.clone().filter(|g| !g.is_empty()),
        route_table_id: a.route_table_id.clone().unwrap_or_default(),
        subnet_id: a.subnet_id.clone().filter(|s| !s.is_empty()),
    };
    Some(r.live(id, value).status(status))
}
