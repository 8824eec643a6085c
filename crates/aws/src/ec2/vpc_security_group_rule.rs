//! `aws_vpc_security_group_ingress_rule` and `aws_vpc_security_group_egress_rule`: one type twice, but for the direction
//! and the call that creates. Their texts differ in nothing else, so both are written by one macro.

#![expect(
    dead_code,
    reason = "names of attributes that the derive writes count as unused where a macro wrote the struct"
)]

use aws_sdk_ec2::types::{
    IpPermission, IpRange, Ipv6Range, PrefixListId, ResourceType, SecurityGroupRule as Sdk, SecurityGroupRuleRequest,
    SecurityGroupRuleUpdate, UserIdGroupPair,
};

use super::found;
use super::group_rules::{GroupRules, listed, referenced};
use super::security_group::rules::protocol;
use super::tags::{from_sdk, owned_by, retag, specification};
use crate::kit::prelude::*;

/// Where traffic comes from or goes to: exactly one of these is set, and its kind cannot change.
const SOURCES: [&str; 4] = ["cidr_ipv4", "cidr_ipv6", "prefix_list_id", "referenced_security_group_id"];

macro_rules! rule_type {
    ($(#[$doc:meta])* $name:ident, $type:literal, $egress:literal, $authorize:ident, $($action:literal),+) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Resource)]
        #[resource(
            type = $type,
            identity(tag()),
            framework,
            exactly_one_of("cidr_ipv4", "cidr_ipv6", "prefix_list_id", "referenced_security_group_id")
        )]
        pub(crate) struct $name {
            /// ARN.
            #[attr(starts_with = "arn:")]
            arn: Computed<String>,
            /// IPv4 network.
            #[attr(conditional, cidr4(0, 32))]
            cidr_ipv4: Option<String>,
            /// IPv6 network.
            #[attr(conditional, cidr6(0, 128))]
            cidr_ipv6: Option<String>,
            /// Description.
            description: Option<String>,
            /// First port, or the ICMP type; not set for all protocols.
            #[attr(range(-1, 65535))]
            from_port: Option<i32>,
            /// `tcp`, `udp`, `icmp`, `icmpv6`, a number, or `-1` for all.
            ip_protocol: String,
            /// Prefix list.
            #[attr(conditional)]
            prefix_list_id: Option<String>,
            /// Another security group, as id or as `account/id`.
            #[attr(conditional)]
            referenced_security_group_id: Option<String>,
            /// Security group that the rule belongs to.
            #[attr(force_new)]
            security_group_id: String,
            /// Id of the rule.
            security_group_rule_id: Computed<String>,
            /// Tags.
            tags: Tags,
            /// Last port, or the ICMP code; not set for all protocols.
            #[attr(range(-1, 65535))]
            to_port: Option<i32>,
        }

        impl $name {
            fn permission(&self) -> IpPermission {
                let text = self.description.clone();
                let p = IpPermission::builder()
                    .ip_protocol(protocol(&self.ip_protocol))
                    .set_from_port(self.from_port)
                    .set_to_port(self.to_port);
                if let Some(c) = &self.cidr_ipv4 {
                    p.ip_ranges(IpRange::builder().cidr_ip(c).set_description(text).build()).build()
                } else if let Some(c) = &self.cidr_ipv6 {
                    p.ipv6_ranges(Ipv6Range::builder().cidr_ipv6(c).set_description(text).build()).build()
                } else if let Some(l) = &self.prefix_list_id {
                    p.prefix_list_ids(PrefixListId::builder().prefix_list_id(l).set_description(text).build()).build()
                } else {
                    let group = self.referenced_security_group_id.as_deref().unwrap_or_default();
                    let (user, id) = group.split_once('/').map_or((None, group), |(u, id)| (Some(u.to_owned()), id));
                    let pair = UserIdGroupPair::builder().set_user_id(user).group_id(id).set_description(text);
                    p.user_id_group_pairs(pair.build()).build()
                }
            }

            fn live(cx: &Cx, r: &Ref<Self>, rule: &Sdk) -> Option<Live<Self>> {
                if rule.is_egress.unwrap_or_default() != $egress {
                    return None;
                }
                let id = rule.security_group_rule_id()?;
                let owner = rule.group_owner_id().unwrap_or(cx.account());
                let arn = || format!("arn:{}:ec2:{}:{owner}:security-group-rule/{id}", cx.partition(), cx.region());
                let named = rule.ip_protocol().unwrap_or_default();
                // The API answers -1 for ports that were not set.
                let port = |p: Option<i32>, known: Option<i32>| p.filter(|p| *p != -1 || known.is_some());
                let text = |v: &Option<String>| v.clone().filter(|t| !t.is_empty());
                let value = $name {
                    arn: Some(rule.security_group_rule_arn.clone().unwrap_or_else(arn)),
                    cidr_ipv4: text(&rule.cidr_ipv4),
                    cidr_ipv6: text(&rule.cidr_ipv6),
                    description: text(&rule.description)
                        .or_else(|| r.known.description.clone().filter(String::is_empty)),
                    from_port: port(rule.from_port, r.known.from_port),
                    ip_protocol: if protocol(&r.known.ip_protocol) == protocol(named) {
                        r.known.ip_protocol.clone()
                    } else {
                        named.to_owned()
                    },
                    prefix_list_id: text(&rule.prefix_list_id),
                    referenced_security_group_id: referenced(rule),
                    security_group_id: rule.group_id.clone().unwrap_or_default(),
                    security_group_rule_id: Some(id.to_owned()),
                    tags: from_sdk(rule.tags()),
                    to_port: port(rule.to_port, r.known.to_port),
                };
                Some(r.live(id, value))
            }
        }

        impl Resource for $name {
            const BATCH: usize = 2000;
            const ACTIONS: &'static [&'static str] = &[$($action),+];

            async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
                let group = |r: &Ref<Self>| r.known.security_group_id.clone();
                let groups: BTreeSet<String> = at.iter().map(group).filter(|g| !g.is_empty()).collect();
                let rules = cx.load::<GroupRules>(groups).await?;
                // An import knows the rule alone.
                let alone: Vec<&String> = at.iter().filter(|r| group(r).is_empty()).map(|r| &r.id).collect();
                let mut imported = Vec::new();
                for chunk in alone.chunks(200) {
                    imported.extend(listed(cx, "security-group-rule-id", chunk.iter().copied()).await?);
                }
                let all = rules.values().flat_map(|l| l.iter()).chain(&imported);
                let by_id: BTreeMap<&str, &Sdk> = all.filter_map(|r| Some((r.security_group_rule_id()?, r))).collect();
                Ok(at.iter().filter_map(|r| Self::live(cx, r, by_id.get(r.id.as_str())?)).collect())
            }

            async fn create(cx: &Cx, new: &Self) -> Result<String> {
                let made = cx
                    .ec2()
                    .$authorize()
                    .group_id(&new.security_group_id)
                    .ip_permissions(new.permission())
                    .set_tag_specifications(specification(ResourceType::SecurityGroupRule, &new.tags))
                    .send()
                    .await?;
                let rule = made.security_group_rules.unwrap_or_default().pop();
                rule.and_then(|r| r.security_group_rule_id).ok_or_else(|| Error::incomplete("the rule's id"))
            }

            async fn delete(cx: &Cx, at: &Ref<Self>) -> Result<()> {
                revoke(cx, &at.known.security_group_id, &at.id, $egress).await
            }

            async fn retag(cx: &Cx, at: &[Ref<Self>], add: &Tags, remove: &[String]) -> Result<()> {
                retag(cx, at, add, remove).await
            }

            async fn find(cx: &Cx, intent: &Intent<Self>) -> Result<Vec<Live<Self>>> {
                let call = cx.ec2().describe_security_group_rules().filters(owned_by(&intent.token));
                let rules = all(call.into_paginator().items().send()).await?;
                found(cx, intent, rules.into_iter().map(|r| r.security_group_rule_id)).await
            }

            fn plan(draft: &mut Draft<'_>) {
                plan(draft);
            }
        }

        impl Update for $name {
            async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
                if changed!(
                    ch,
                    cidr_ipv4,
                    cidr_ipv6,
                    description,
                    from_port,
                    ip_protocol,
                    prefix_list_id,
                    referenced_security_group_id,
                    to_port
                ) {
                    let new = ch.new;
                    let group = new.referenced_security_group_id.as_deref();
                    let request = SecurityGroupRuleRequest::builder()
                        .set_cidr_ipv4(new.cidr_ipv4.clone())
                        .set_cidr_ipv6(new.cidr_ipv6.clone())
                        .set_description(new.description.clone())
                        .set_from_port(new.from_port)
                        .ip_protocol(protocol(&new.ip_protocol))
                        .set_prefix_list_id(new.prefix_list_id.clone())
                        .set_referenced_group_id(group.map(|g| g.rsplit('/').next().unwrap_or(g).to_owned()))
                        .set_to_port(new.to_port)
                        .build();
                    let update = SecurityGroupRuleUpdate::builder()
                        .security_group_rule_id(&ch.at.id)
                        .security_group_rule(request)
                        .build();
                    let call = cx.ec2().modify_security_group_rules().group_id(&new.security_group_id);
                    call.security_group_rules(update).send().await?;
                }
                Ok(())
            }
        }
    };
}

rule_type! {
    /// A rule for incoming traffic of a security group.
    ///
    /// Do not use it with a group that has inline rules: each would remove what the other made.
    IngressRule, "aws_vpc_security_group_ingress_rule", false, authorize_security_group_ingress,
    "ec2:AuthorizeSecurityGroupIngress", "ec2:CreateTags", "ec2:DeleteTags", "ec2:DescribeSecurityGroupRules",
    "ec2:ModifySecurityGroupRules", "ec2:RevokeSecurityGroupIngress"
}

rule_type! {
    /// A rule for outgoing traffic of a security group.
    ///
    /// Do not use it with a group that has inline rules: each would remove what the other made.
    EgressRule, "aws_vpc_security_group_egress_rule", true, authorize_security_group_egress,
    "ec2:AuthorizeSecurityGroupEgress", "ec2:CreateTags", "ec2:DeleteTags", "ec2:DescribeSecurityGroupRules",
    "ec2:ModifySecurityGroupRules", "ec2:RevokeSecurityGroupEgress"
}

/// The kind of source cannot change in place.
fn plan(draft: &mut Draft<'_>) {
    if draft.is_create() {
        return;
    }
    for name in SOURCES {
        if draft.prior(name).is_null() != draft.planned(name).is_null() {
            draft.replace(name);
        }
    }
}

async fn revoke(cx: &Cx, group: &str, id: &str, egress: bool) -> Result<()> {
    if egress {
        cx.ec2().revoke_security_group_egress().group_id(group).security_group_rule_ids(id).send().await?;
    } else {
        cx.ec2().revoke_security_group_ingress().group_id(group).security_group_rule_ids(id).send().await?;
    }
    Ok(())
}
