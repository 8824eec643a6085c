//! `aws_security_group_rule`.

use aws_sdk_ec2::types::{IpPermission, IpRange, Ipv6Range, PrefixListId, SecurityGroupRule as Sdk, UserIdGroupPair};

use super::group_rules::{GroupRules, referenced};
use super::security_group::rules::protocol;
use crate::kit::prelude::*;

/// A rule of a security group with any number of sources, for which AWS keeps a rule each.
///
/// `aws_vpc_security_group_ingress_rule` and `…_egress_rule` are the better choice: one source each, an id and tags. Do not
/// use it with a group that has inline rules: each would remove what the other made.
#[derive(Clone, Debug, Resource)]
#[resource(
    type = "aws_security_group_rule",
    version = 2,
    identity(key(&["security_group_id", "type", "protocol", "from_port", "to_port"])),
    timeouts(create = 300),
    at_least_one_of("cidr_blocks", "ipv6_cidr_blocks", "prefix_list_ids", "self", "source_security_group_id"),
    conflicts("cidr_blocks", "self"),
    conflicts("cidr_blocks", "source_security_group_id"),
    conflicts("ipv6_cidr_blocks", "self"),
    conflicts("ipv6_cidr_blocks", "source_security_group_id"),
    conflicts("self", "source_security_group_id")
)]
pub(crate) struct SecurityGroupRule {
    /// IPv4 networks.
    #[attr(force_new, cidr4(0, 32))]
    cidr_blocks: Option<Vec<String>>,
    /// Description of each of its sources.
    #[attr(
        length(0, 255),
        pattern(r"[A-Za-z0-9 _.:/()#,@\[\]+=&;{}!$*-]*", "letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*")
    )]
    description: Option<String>,
    /// First port, or the ICMP type.
    #[attr(force_new, integer)]
    from_port: i32,
    /// IPv6 networks.
    #[attr(force_new, cidr6(0, 128))]
    ipv6_cidr_blocks: Option<Vec<String>>,
    /// Prefix lists.
    #[attr(force_new)]
    prefix_list_ids: Option<Vec<String>>,
    /// `tcp`, `udp`, `icmp`, `icmpv6`, a number, or `-1` for all.
    #[attr(force_new, ignore_case)]
    protocol: String,
    /// Security group that the rule belongs to.
    #[attr(force_new)]
    security_group_id: String,
    /// Id of AWS's rule, where there is one source.
    security_group_rule_id: Computed<String>,
    /// The group itself is a source.
    #[attr(name = "self", force_new, default = false)]
    itself: bool,
    /// Another security group, as id or as `account/id`.
    #[attr(force_new)]
    source_security_group_id: OptComputed<String>,
    /// Last port, or the ICMP code.
    #[attr(force_new, integer)]
    to_port: i32,
    /// Direction.
    #[attr(name = "type", force_new, one_of("ingress", "egress"))]
    direction: String,
}

#[derive(Debug, PartialEq, Eq)]
enum Source<'a> {
    Ipv4(&'a str),
    Ipv6(&'a str),
    List(&'a str),
    Group(&'a str),
}

impl SecurityGroupRule {
    fn egress(&self) -> bool {
        self.direction == "egress"
    }

    fn sources(&self) -> Vec<Source<'_>> {
        let group = self.source_security_group_id.as_deref().filter(|g| !g.is_empty());
        (self.cidr_blocks.iter().flatten().map(|c| Source::Ipv4(c)))
            .chain(self.ipv6_cidr_blocks.iter().flatten().map(|c| Source::Ipv6(c)))
            .chain(self.prefix_list_ids.iter().flatten().map(|l| Source::List(l)))
            .chain(group.map(Source::Group))
            .chain(self.itself.then_some(Source::Group(&self.security_group_id)))
            .collect()
    }

    /// AWS's rule for a source.
    fn matching<'a>(&self, source: &Source<'_>, rules: &'a [Sdk]) -> Option<&'a Sdk> {
        let named = protocol(&self.protocol);
        let any_port = named == "-1";
        rules.iter().find(|r| {
            let ports = (r.from_port.unwrap_or_default(), r.to_port.unwrap_or_default());
            r.is_egress.unwrap_or_default() == self.egress()
                && protocol(r.ip_protocol().unwrap_or_default()) == named
                && (any_port || ports == (self.from_port, self.to_port))
                && match source {
                    Source::Ipv4(c) => r.cidr_ipv4() == Some(c),
                    Source::Ipv6(c) => r.cidr_ipv6().is_some_and(|x| same_network(x, c)),
                    Source::List(l) => r.prefix_list_id() == Some(l),
                    // The account may be spelled out though it is one's own.
                    Source::Group(g) => referenced(r).is_some_and(|x| x == *g || g.ends_with(&format!("/{x}"))),
                }
        })
    }

    /// Everything in one permission, as it is sent.
    fn permission(&self) -> IpPermission {
        let text = self.description.clone().filter(|d| !d.is_empty());
        let p = IpPermission::builder().ip_protocol(protocol(&self.protocol));
        // A rule for every protocol is one for every port: it names none.
        let mut p = match protocol(&self.protocol).as_str() {
            "-1" => p,
            _ => p.from_port(self.from_port).to_port(self.to_port),
        };
        for s in self.sources() {
            p = match s {
                Source::Ipv4(c) => p.ip_ranges(IpRange::builder().cidr_ip(c).set_description(text.clone()).build()),
                Source::Ipv6(c) => {
                    p.ipv6_ranges(Ipv6Range::builder().cidr_ipv6(c).set_description(text.clone()).build())
                }
                Source::List(l) => {
                    p.prefix_list_ids(PrefixListId::builder().prefix_list_id(l).set_description(text.clone()).build())
                }
                Source::Group(g) => {
                    let (user, id) = g.split_once('/').map_or((None, g), |(u, id)| (Some(u.to_owned()), id));
                    let pair = UserIdGroupPair::builder().set_user_id(user).group_id(id).set_description(text.clone());
                    p.user_id_group_pairs(pair.build())
                }
            };
        }
        p.build()
    }

    /// The id that state holds: a checksum of group, ports, protocol, direction and sorted sources.
    fn id(&self) -> String {
        let mut text = format!("{}-", self.security_group_id);
        for port in [self.from_port, self.to_port].iter().filter(|p| **p > 0) {
            text += &format!("{port}-");
        }
        text += &format!("{}-{}-", protocol(&self.protocol), self.direction);
        for list in [&self.cidr_blocks, &self.ipv6_cidr_blocks, &self.prefix_list_ids] {
            let mut sorted: Vec<&String> = list.iter().flatten().collect();
            sorted.sort();
            sorted.iter().for_each(|v| text += &format!("{v}-"));
        }
        // A group's place is its id and its name, which is always empty in a VPC.
        let mut groups: Vec<&str> = self
            .sources()
            .iter()
            .filter_map(|s| if let Source::Group(g) = s { Some(g.rsplit('/').next().unwrap_or(g)) } else { None })
            .collect();
        groups.sort_unstable();
        groups.iter().for_each(|g| text += &format!("{g}--"));
        format!("sgrule-{}", super::crc32(&text))
    }
}

fn same_network(a: &str, b: &str) -> bool {
    match (a.parse::<ipnet::Ipv6Net>(), b.parse::<ipnet::Ipv6Net>()) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b,
    }
}

impl Resource for SecurityGroupRule {
    const BATCH: usize = 2000;
    const ACTIONS: &'static [&'static str] = &[
        "ec2:AuthorizeSecurityGroupEgress",
        "ec2:AuthorizeSecurityGroupIngress",
        "ec2:DescribeSecurityGroupRules",
        "ec2:RevokeSecurityGroupEgress",
        "ec2:RevokeSecurityGroupIngress",
        "ec2:UpdateSecurityGroupRuleDescriptionsEgress",
        "ec2:UpdateSecurityGroupRuleDescriptionsIngress",
    ];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let rules = cx.load::<GroupRules>(at.iter().map(|r| r.known.security_group_id.clone())).await?;
        let one = |r: &Ref<Self>| {
            let known = &r.known;
            let rules = rules.get(&known.security_group_id)?;
            let matching: Option<Vec<&Sdk>> = known.sources().iter().map(|s| known.matching(s, rules)).collect();
            let matching = matching.filter(|m| !m.is_empty())?;
            let value = SecurityGroupRule {
                description: matching[0].description.clone().filter(|d| !d.is_empty()),
                security_group_rule_id: match matching[..] {
                    [one] => one.security_group_rule_id.clone(),
                    _ => Some(String::new()),
                },
                cidr_blocks: known.cidr_blocks.clone(),
                from_port: known.from_port,
                ipv6_cidr_blocks: known.ipv6_cidr_blocks.clone(),
                prefix_list_ids: known.prefix_list_ids.clone(),
                protocol: protocol(&known.protocol),
                security_group_id: known.security_group_id.clone(),
                itself: known.itself,
                source_security_group_id: known.source_security_group_id.clone(),
                to_port: known.to_port,
                direction: known.direction.clone(),
            };
            Some(r.live(&r.id, value))
        };
        Ok(at.iter().filter_map(one).collect())
    }

    async fn create(cx: &Cx, new: &Self) -> Result<String> {
        let (group, permission) = (&new.security_group_id, new.permission());
        if new.egress() {
            cx.ec2().authorize_security_group_egress().group_id(group).ip_permissions(permission).send().await?;
        } else {
            cx.ec2().authorize_security_group_ingress().group_id(group).ip_permissions(permission).send().await?;
        }
        Ok(new.id())
    }

    async fn delete(cx: &Cx, at: &Ref<Self>) -> Result<()> {
        let (group, permission) = (&at.known.security_group_id, at.known.permission());
        if at.known.egress() {
            cx.ec2().revoke_security_group_egress().group_id(group).ip_permissions(permission).send().await?;
        } else {
            cx.ec2().revoke_security_group_ingress().group_id(group).ip_permissions(permission).send().await?;
        }
        Ok(())
    }

    async fn find(cx: &Cx, intent: &Intent<Self>) -> Result<Vec<Live<Self>>> {
        Self::read(cx, &[Ref { id: intent.keys.id(), known: intent.keys.clone(), wanted: None }]).await
    }

    fn import(spec: &str) -> Result<Vec<(&'static str, Known)>> {
        let wrong = || {
            let form = "SECURITY-GROUP-ID_TYPE_PROTOCOL_FROM-PORT_TO-PORT_SOURCE[_SOURCE]…";
            Error::invalid(format!("{spec:?} is not an id of a security group rule: write {form}."))
        };
        let parts: Vec<&str> = spec.split('_').collect();
        let [group, direction @ ("ingress" | "egress"), named, from, to, sources @ ..] = &parts[..] else {
            return Err(wrong());
        };
        if !group.starts_with("sg-") || sources.is_empty() {
            return Err(wrong());
        }
        let port = |text: &str| -> Result<Known> {
            match text {
                "all" => Ok(Known::from(0_i32)),
                text => Ok(Known::from(text.parse::<i32>().map_err(|_| wrong())?)),
            }
        };
        let mut known = vec![
            ("security_group_id", Known::from(*group)),
            ("type", Known::from(*direction)),
            ("protocol", Known::from(protocol(named).as_str())),
            ("from_port", port(from)?),
            ("to_port", port(to)?),
        ];
        let (mut ipv4, mut ipv6, mut lists) = (Vec::new(), Vec::new(), Vec::new());
        for s in sources {
            match *s {
                "self" => known.push(("self", true.into())),
                s if s.starts_with("pl-") => lists.push(s),
                s if s.contains("sg-") => known.push(("source_security_group_id", s.into())),
                s if s.contains(':') => ipv6.push(s),
                s if s.contains('.') => ipv4.push(s),
                _ => return Err(wrong()),
            }
        }
        for (name, list) in [("cidr_blocks", ipv4), ("ipv6_cidr_blocks", ipv6), ("prefix_list_ids", lists)] {
            if !list.is_empty() {
                known.push((name, Known::from(list)));
            }
        }
        Ok(known)
    }

    fn plan(draft: &mut Draft<'_>) {
        if let Some(p) = draft.planned("protocol").as_str().map(protocol) {
            draft.set("protocol", Partial::String(p));
        }
    }
}

impl Update for SecurityGroupRule {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        if changed!(ch, description) {
            let (group, permission) = (&ch.new.security_group_id, ch.new.permission());
            let ec2 = cx.ec2();
            if ch.new.egress() {
                let call = ec2.update_security_group_rule_descriptions_egress();
                call.group_id(group).ip_permissions(permission).send().await?;
            } else {
                let call = ec2.update_security_group_rule_descriptions_ingress();
                call.group_id(group).ip_permissions(permission).send().await?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports() {
        let of = |spec: &str| {
            let mut known = Known::object();
            SecurityGroupRule::import(spec).unwrap().into_iter().for_each(|(name, value)| known.set(name, value));
            known
        };
        let k = of("sg-1_ingress_6_443_443_10.0.0.0/8_2001:db8::/32_self");
        assert_eq!(k.get("protocol").as_str(), Some("tcp"));
        assert_eq!(k.get("cidr_blocks"), &Known::from(vec!["10.0.0.0/8"]));
        assert_eq!(k.get("ipv6_cidr_blocks"), &Known::from(vec!["2001:db8::/32"]));
        assert_eq!(k.get("self").as_bool(), Some(true));
        assert_eq!(of("sg-1_egress_all_0_0_9/sg-2").get("source_security_group_id").as_str(), Some("9/sg-2"));
        for bad in
            ["sg-1_ingress_tcp_1_2", "x_ingress_tcp_1_2_self", "sg-1_in_tcp_1_2_self", "sg-1_ingress_tcp_a_2_self"]
        {
            assert!(SecurityGroupRule::import(bad).is_err(), "{bad}");
        }
    }
}
