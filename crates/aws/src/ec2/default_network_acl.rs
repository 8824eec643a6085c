//! `aws_default_network_acl`.

use aws_sdk_ec2::types::{IcmpTypeCode, NetworkAcl, NetworkAclEntry, PortRange, RuleAction};

use super::filter;
use super::tags::{from_sdk, retag};
use crate::kit::prelude::*;

/// Numbers from here on are AWS's own last rules, which deny what nothing else matched.
const LAST_RULES: i32 = 32767;

/// The network ACL that AWS made with a VPC.
///
/// It is not created but taken over as it is: every rule that configuration does not name is removed, and without
/// `ingress` and `egress` all are, which denies all traffic. A subnet leaves it only for another ACL, so one that is
/// missing from `subnet_ids` shows as a change that cannot be made. Destroying the resource leaves the ACL alone.
#[derive(Clone, Debug, Resource)]
#[resource(type = "aws_default_network_acl", identity(key(&["default_network_acl_id"])), setting)]
pub(crate) struct DefaultNetworkAcl {
    /// ARN.
    #[attr(starts_with = "arn:")]
    arn: Computed<String>,
    /// Id of the ACL, an attribute of the VPC.
    #[attr(force_new)]
    default_network_acl_id: String,
    /// Rules for outgoing traffic.
    egress: BTreeSet<Entry>,
    /// Rules for incoming traffic.
    ingress: BTreeSet<Entry>,
    /// Account that owns the ACL.
    owner_id: Computed<String>,
    /// Subnets.
    subnet_ids: Option<BTreeSet<String>>,
    /// Tags.
    tags: Tags,
    /// VPC.
    vpc_id: Computed<String>,
}

/// A rule.
#[derive(Block, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entry {
    /// What happens to matching traffic.
    #[attr(one_of("allow", "deny"))]
    action: String,
    /// IPv4 network.
    #[attr(default = "")]
    cidr_block: String,
    /// First port.
    from_port: i32,
    /// ICMP code.
    icmp_code: Option<i32>,
    /// ICMP type.
    icmp_type: Option<i32>,
    /// IPv6 network.
    #[attr(default = "")]
    ipv6_cidr_block: String,
    /// `tcp`, `udp`, `icmp`, `icmpv6`, a number, or `-1` for all.
    protocol: String,
    /// Place in the order of rules; the first that matches decides.
    #[attr(range(1, 32766))]
    rule_no: i32,
    /// Last port.
    to_port: i32,
}

impl Entry {
    /// True if the API cannot tell them apart.
    fn same(&self, other: &Entry) -> bool {
        let canonical = |e: &Entry| Entry {
            icmp_code: Some(e.icmp_code.unwrap_or_default()),
            icmp_type: Some(e.icmp_type.unwrap_or_default()),
            protocol: number(&e.protocol),
            ..e.clone()
        };
        canonical(self) == canonical(other)
    }

    fn live(e: &NetworkAclEntry) -> Entry {
        let ports = e.port_range();
        let icmp = e.icmp_type_code();
        Entry {
            action: e.rule_action().map(|a| a.as_str().to_owned()).unwrap_or_default(),
            cidr_block: e.cidr_block.clone().unwrap_or_default(),
            from_port: ports.and_then(|p| p.from).unwrap_or_default(),
            icmp_code: Some(icmp.and_then(|i| i.code).unwrap_or_default()),
            icmp_type: Some(icmp.and_then(|i| i.r#type).unwrap_or_default()),
            ipv6_cidr_block: e.ipv6_cidr_block.clone().unwrap_or_default(),
            protocol: number(e.protocol().unwrap_or_default()),
            rule_no: e.rule_number.unwrap_or_default(),
            to_port: ports.and_then(|p| p.to).unwrap_or_default(),
        }
    }
}

/// The API knows protocols by number alone (IANA, "Protocol Numbers").
fn number(protocol: &str) -> String {
    match protocol.to_ascii_lowercase().as_str() {
        "all" => "-1",
        "icmp" => "1",
        "igmp" => "2",
        "ipv4" => "4",
        "tcp" => "6",
        "udp" => "17",
        "ipv6" => "41",
        "gre" => "47",
        "esp" => "50",
        "ah" => "51",
        "icmpv6" | "ipv6-icmp" => "58",
        "ospf" => "89",
        "sctp" => "132",
        other => return other.to_owned(),
    }
    .to_owned()
}

/// Live rules, spelled as before.
fn entries(acl: &NetworkAcl, egress: bool, known: &BTreeSet<Entry>) -> BTreeSet<Entry> {
    let mine =
        |e: &&NetworkAclEntry| e.egress.unwrap_or_default() == egress && e.rule_number.is_some_and(|n| n < LAST_RULES);
    let live = acl.entries().iter().filter(mine).map(Entry::live);
    live.map(|e| known.iter().find(|k| k.same(&e)).cloned().unwrap_or(e)).collect()
}

impl Resource for DefaultNetworkAcl {
    const BATCH: usize = 200;
    const ACTIONS: &'static [&'static str] = &[
        "ec2:CreateNetworkAclEntry",
        "ec2:CreateTags",
        "ec2:DeleteNetworkAclEntry",
        "ec2:DeleteTags",
        "ec2:DescribeNetworkAcls",
        "ec2:ReplaceNetworkAclAssociation",
    ];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let ids = at.iter().map(|r| r.id.clone()).collect();
        let call = cx.ec2().describe_network_acls().set_network_acl_ids(Some(ids));
        let acls = all(call.into_paginator().items().send()).await?;
        let live = acls.iter().filter_map(|a| {
            let r = at.iter().find(|r| a.network_acl_id() == Some(&r.id))?;
            let owner = a.owner_id().unwrap_or(cx.account());
            let value = DefaultNetworkAcl {
                arn: Some(format!("arn:{}:ec2:{}:{owner}:network-acl/{}", cx.partition(), cx.region(), r.id)),
                default_network_acl_id: r.id.clone(),
                egress: entries(a, true, &r.known.egress),
                ingress: entries(a, false, &r.known.ingress),
                owner_id: Some(owner.to_owned()),
                subnet_ids: Some(a.associations().iter().filter_map(|a| a.subnet_id.clone()).collect()),
                tags: from_sdk(a.tags()),
                vpc_id: a.vpc_id.clone(),
            };
            Some(r.live(&r.id, value))
        });
        Ok(live.collect())
    }

    async fn create(_cx: &Cx, new: &Self) -> Result<String> {
        Ok(new.default_network_acl_id.clone())
    }

    /// Only forgotten: AWS deletes the ACL with its VPC.
    async fn delete(_cx: &Cx, _at: &Ref<Self>) -> Result<()> {
        Ok(())
    }

    async fn retag(cx: &Cx, at: &[Ref<Self>], add: &Tags, remove: &[String]) -> Result<()> {
        retag(cx, at, add, remove).await
    }

    fn import(spec: &str) -> Result<Vec<(&'static str, Known)>> {
        Ok(vec![("default_network_acl_id", spec.into())])
    }

    /// A rule that is alive under another spelling is planned as it stands in state.
    fn plan(draft: &mut Draft<'_>) {
        for attr in ["egress", "ingress"] {
            let Partial::List(planned) = draft.planned(attr) else { continue };
            let prior: BTreeSet<Entry> = crate::kit::value::Value::decode(draft.prior(attr));
            let mut planned = planned.clone();
            for e in &mut planned {
                let Ok(known) = e.to_known() else { continue };
                let decoded = <Entry as crate::kit::value::Element>::decode(&known);
                if let Some(p) = prior.iter().find(|p| p.same(&decoded)) {
                    *e = crate::kit::value::Element::encode(p).into();
                }
            }
            planned.sort();
            draft.set(attr, Partial::List(planned));
        }
    }
}

impl Update for DefaultNetworkAcl {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        let (id, old, new) = (&ch.at.id, ch.old, ch.new);
        if changed!(ch, egress) {
            exchange(cx, id, true, &old.egress, &new.egress).await?;
        }
        if changed!(ch, ingress) {
            exchange(cx, id, false, &old.ingress, &new.ingress).await?;
        }
        if changed!(ch, subnet_ids) {
            let have = old.subnet_ids.iter().flatten().collect::<BTreeSet<_>>();
            let more: Vec<&String> = new.subnet_ids.iter().flatten().filter(|s| !have.contains(s)).collect();
            if !more.is_empty() {
                take_over(cx, id, &more).await?;
            }
        }
        Ok(())
    }
}

/// Removes what is not wanted, then adds what is missing: two rules cannot have one number.
async fn exchange(cx: &Cx, acl: &str, egress: bool, old: &BTreeSet<Entry>, new: &BTreeSet<Entry>) -> Result<()> {
    for e in old.iter().filter(|o| !new.iter().any(|n| n.same(o))) {
        let call = cx.ec2().delete_network_acl_entry().network_acl_id(acl);
        call.egress(egress).rule_number(e.rule_no).send().await.absent()?;
    }
    for e in new.iter().filter(|n| !old.iter().any(|o| o.same(n))) {
        let protocol = number(&e.protocol);
        let icmp = matches!(protocol.as_str(), "1" | "58").then(|| {
            let (kind, code) = (e.icmp_type.unwrap_or_default(), e.icmp_code.unwrap_or_default());
            IcmpTypeCode::builder().r#type(kind).code(code).build()
        });
        cx.ec2()
            .create_network_acl_entry()
            .network_acl_id(acl)
            .egress(egress)
            .rule_number(e.rule_no)
            .rule_action(RuleAction::from(e.action.as_str()))
            .protocol(protocol)
            .port_range(PortRange::builder().from(e.from_port).to(e.to_port).build())
            .set_cidr_block(Some(e.cidr_block.clone()).filter(|c| !c.is_empty()))
            .set_ipv6_cidr_block(Some(e.ipv6_cidr_block.clone()).filter(|c| !c.is_empty()))
            .set_icmp_type_code(icmp)
            .send()
            .await?;
    }
    Ok(())
}

/// Brings subnets from their ACLs to this one.
async fn take_over(cx: &Cx, acl: &str, subnets: &[&String]) -> Result<()> {
    let by_subnet = filter("association.subnet-id", subnets.iter().copied());
    let acls = all(cx.ec2().describe_network_acls().filters(by_subnet).into_paginator().items().send()).await?;
    for a in acls.iter().filter(|a| a.network_acl_id() != Some(acl)).flat_map(|a| a.associations()) {
        let (Some(subnet), Some(id)) = (&a.subnet_id, a.network_acl_association_id()) else { continue };
        if subnets.contains(&subnet) {
            cx.ec2().replace_network_acl_association().association_id(id).network_acl_id(acl).send().await?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn icmp_is_read() {
        let icmp = IcmpTypeCode::builder().r#type(8).code(-1).build();
        let e = NetworkAclEntry::builder().protocol("1").rule_number(7).icmp_type_code(icmp).build();
        let e = Entry::live(&e);
        assert_eq!((e.protocol.as_str(), e.icmp_type, e.icmp_code), ("1", Some(8), Some(-1)));
    }

    #[test]
    fn one_rule_in_two_spellings() {
        let of = |protocol: &str, code: Option<i32>| Entry {
            action: "allow".into(),
            cidr_block: "0.0.0.0/0".into(),
            from_port: 0,
            icmp_code: code,
            icmp_type: None,
            ipv6_cidr_block: String::new(),
            protocol: protocol.into(),
            rule_no: 100,
            to_port: 0,
        };
        assert!(of("tcp", None).same(&of("6", Some(0))));
        assert!(of("ALL", None).same(&of("-1", None)));
        assert!(!of("tcp", None).same(&of("udp", None)));
    }
}
