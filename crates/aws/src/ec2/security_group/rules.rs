//! Inline rules of security groups. The API keeps one rule per source, users write several sources in one block: both
//! are taken apart into atoms, compared, and put together again as the user wrote them.

use std::cmp::Ordering;

use aws_sdk_ec2::types::{IpPermission, IpRange, Ipv6Range, PrefixListId, UserIdGroupPair};
use stackctl_core::Path;

use crate::kit::prelude::*;

/// An inline rule.
#[derive(Block, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rule {
    /// IPv4 networks.
    #[attr(cidr4(0, 32))]
    pub(crate) cidr_blocks: Option<Vec<String>>,
    /// Description of each of its sources.
    #[attr(
        default = "",
        length(0, 255),
        pattern(r"[A-Za-z0-9 _.:/()#,@\[\]+=&;{}!$*-]*", "letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*")
    )]
    pub(crate) description: String,
    /// First port, or the ICMP type.
    #[attr(integer)]
    pub(crate) from_port: i32,
    /// IPv6 networks.
    #[attr(cidr6(0, 128))]
    pub(crate) ipv6_cidr_blocks: Option<Vec<String>>,
    /// Prefix lists.
    pub(crate) prefix_list_ids: Option<Vec<String>>,
    /// `tcp`, `udp`, `icmp`, `icmpv6`, a number, or `-1` for all.
    #[attr(ignore_case)]
    pub(crate) protocol: String,
    /// Security groups, as id or as `account/id`.
    pub(crate) security_groups: Option<BTreeSet<String>>,
    /// The group itself.
    #[attr(name = "self", default = false)]
    pub(crate) itself: bool,
    /// Last port, or the ICMP code.
    #[attr(integer)]
    pub(crate) to_port: i32,
}

impl Rule {
    /// Everything, from or to a network.
    pub(crate) fn everything(network: &str) -> Rule {
        let list = Some(vec![network.to_owned()]);
        let mut r = Rule { protocol: "-1".into(), ..Rule::default() };
        *(if network.contains(':') { &mut r.ipv6_cidr_blocks } else { &mut r.cidr_blocks }) = list;
        r
    }
}

/// One source of one rule: what the API keeps.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Atom {
    key: Key,
    source: Source,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    protocol: String,
    from: i32,
    to: i32,
    description: String,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    Cidr(String),
    Cidr6(String),
    PrefixList(String),
    Group(String),
    Itself,
}

/// The name under which the API knows a protocol.
pub(crate) fn protocol(text: &str) -> String {
    match text.to_ascii_lowercase().as_str() {
        "all" | "-1" => "-1".into(),
        "6" => "tcp".into(),
        "17" => "udp".into(),
        "1" => "icmp".into(),
        "58" => "icmpv6".into(),
        other => other.to_owned(),
    }
}

/// Rules taken apart.
pub(crate) fn atoms<'a>(rules: impl IntoIterator<Item = &'a Rule>) -> BTreeSet<Atom> {
    let mut out = BTreeSet::new();
    for r in rules {
        let key = Key {
            protocol: protocol(&r.protocol),
            from: r.from_port,
            to: r.to_port,
            description: r.description.clone(),
        };
        let sources = (r.cidr_blocks.iter().flatten().cloned().map(Source::Cidr))
            .chain(r.ipv6_cidr_blocks.iter().flatten().cloned().map(Source::Cidr6))
            .chain(r.prefix_list_ids.iter().flatten().cloned().map(Source::PrefixList))
            .chain(r.security_groups.iter().flatten().cloned().map(Source::Group))
            .chain(r.itself.then_some(Source::Itself));
        out.extend(sources.map(|source| Atom { key: key.clone(), source }));
    }
    out
}

/// What the API says, taken apart.
pub(crate) fn live_atoms(permissions: &[IpPermission], group: &str, owner: &str) -> BTreeSet<Atom> {
    let mut out = BTreeSet::new();
    for p in permissions {
        // "All protocols" has no ports, whatever an answer says.
        let all = protocol(p.ip_protocol().unwrap_or_default()) == "-1";
        let port = |n: Option<i32>| n.filter(|_| !all).unwrap_or_default();
        let mut add = |description: Option<&str>, source: Source| {
            let key = Key {
                protocol: protocol(p.ip_protocol().unwrap_or_default()),
                from: port(p.from_port()),
                to: port(p.to_port()),
                description: description.unwrap_or_default().to_owned(),
            };
            out.insert(Atom { key, source });
        };
        for r in p.ip_ranges() {
            add(r.description(), Source::Cidr(r.cidr_ip().unwrap_or_default().to_owned()));
        }
        for r in p.ipv6_ranges() {
            add(r.description(), Source::Cidr6(r.cidr_ipv6().unwrap_or_default().to_owned()));
        }
        for l in p.prefix_list_ids() {
            add(l.description(), Source::PrefixList(l.prefix_list_id().unwrap_or_default().to_owned()));
        }
        for g in p.user_id_group_pairs() {
            let id = g.group_id().or(g.group_name()).unwrap_or_default();
            let source = match g.user_id().filter(|u| !u.is_empty() && !owner.is_empty() && *u != owner) {
                _ if id == group => Source::Itself,
                Some(user) => Source::Group(format!("{user}/{id}")),
                None => Source::Group(id.to_owned()),
            };
            add(g.description(), source);
        }
    }
    out
}

/// Live atoms as rules: a rule that was written and is wholly alive stays as it was written, the rest is gathered by
/// protocol, ports and description.
pub(crate) fn grouped<'a>(live: BTreeSet<Atom>, written: impl IntoIterator<Item = &'a Rule>) -> BTreeSet<Rule> {
    let mut out = BTreeSet::new();
    let mut rest = live.clone();
    for r in written {
        let own = atoms([r]);
        if !own.is_empty() && own.is_subset(&live) {
            rest.retain(|a| !own.contains(a));
            out.insert(r.clone());
        }
    }
    let mut gathered: BTreeMap<Key, Rule> = BTreeMap::new();
    for a in rest {
        let r = gathered.entry(a.key.clone()).or_insert_with(|| Rule {
            cidr_blocks: Some(Vec::new()),
            description: a.key.description.clone(),
            from_port: a.key.from,
            ipv6_cidr_blocks: Some(Vec::new()),
            prefix_list_ids: Some(Vec::new()),
            protocol: a.key.protocol.clone(),
            security_groups: Some(BTreeSet::new()),
            itself: false,
            to_port: a.key.to,
        });
        match a.source {
            Source::Cidr(c) => r.cidr_blocks.get_or_insert_default().push(c),
            Source::Cidr6(c) => r.ipv6_cidr_blocks.get_or_insert_default().push(c),
            Source::PrefixList(l) => r.prefix_list_ids.get_or_insert_default().push(l),
            Source::Group(g) => {
                r.security_groups.get_or_insert_default().insert(g);
            }
            Source::Itself => r.itself = true,
        }
    }
    out.extend(gathered.into_values());
    out
}

/// Rules without what AWS allows a new group.
pub(crate) fn without_defaults(rules: &Option<BTreeSet<Rule>>) -> Option<BTreeSet<Rule>> {
    let mut left = atoms(rules.iter().flatten());
    for network in ["0.0.0.0/0", "::/0"] {
        for a in atoms([&Rule::everything(network)]) {
            left.remove(&a);
        }
    }
    Some(grouped(left, []))
}

/// Atoms as the API takes them, one permission for each protocol, ports and description, `group` itself apart.
pub(crate) fn permissions<'a>(group: &str, atoms: impl IntoIterator<Item = &'a Atom>) -> Vec<IpPermission> {
    let mut sorted: Vec<&Atom> = atoms.into_iter().collect();
    let part = |a: &Atom| (a.key.clone(), a.source == Source::Itself);
    sorted.sort_by(|a, b| part(a).cmp(&part(b)).then(a.source.cmp(&b.source)));
    sorted.chunk_by(|a, b| part(a).cmp(&part(b)) == Ordering::Equal).map(|part| permission(group, part)).collect()
}

fn permission(group: &str, atoms: &[&Atom]) -> IpPermission {
    let key = &atoms[0].key;
    let text = Some(&key.description).filter(|d| !d.is_empty()).cloned();
    // "All protocols" has no ports.
    let port = |n: i32| Some(n).filter(|_| key.protocol != "-1");
    let mut p =
        IpPermission::builder().ip_protocol(&key.protocol).set_from_port(port(key.from)).set_to_port(port(key.to));
    for a in atoms {
        p = match &a.source {
            Source::Cidr(c) => p.ip_ranges(IpRange::builder().cidr_ip(c).set_description(text.clone()).build()),
            Source::Cidr6(c) => p.ipv6_ranges(Ipv6Range::builder().cidr_ipv6(c).set_description(text.clone()).build()),
            Source::PrefixList(l) => {
                p.prefix_list_ids(PrefixListId::builder().prefix_list_id(l).set_description(text.clone()).build())
            }
            Source::Group(g) => {
                let (user, id) = g.split_once('/').map_or((None, g.as_str()), |(u, id)| (Some(u.to_owned()), id));
                let pair = UserIdGroupPair::builder().set_user_id(user).group_id(id).set_description(text.clone());
                p.user_id_group_pairs(pair.build())
            }
            Source::Itself => {
                let pair = UserIdGroupPair::builder().group_id(group).set_description(text.clone());
                p.user_id_group_pairs(pair.build())
            }
        };
    }
    p.build()
}

/// What AWS allows a new group, in the form in which it is revoked.
pub(crate) fn default_egress(network: &str) -> IpPermission {
    let p = IpPermission::builder().ip_protocol("-1").from_port(0).to_port(0);
    match network.contains(':') {
        true => p.ipv6_ranges(Ipv6Range::builder().cidr_ipv6(network).build()).build(),
        false => p.ip_ranges(IpRange::builder().cidr_ip(network).build()).build(),
    }
}

/// The parts of permissions that name a group.
pub(crate) fn naming(permissions: &[IpPermission], id: &str) -> Vec<IpPermission> {
    let part = |p: &IpPermission| {
        let pairs: Vec<_> = p.user_id_group_pairs().iter().filter(|g| g.group_id() == Some(id)).cloned().collect();
        let only = IpPermission::builder()
            .set_ip_protocol(p.ip_protocol.clone())
            .set_from_port(p.from_port)
            .set_to_port(p.to_port)
            .set_user_id_group_pairs(Some(pairs.clone()))
            .build();
        (!pairs.is_empty()).then_some(only)
    };
    permissions.iter().filter_map(part).collect()
}

/// The plan hook for one of the two attributes: names of protocols, and ports that go with "all protocols".
pub(crate) fn plan(draft: &mut Draft<'_>, attr: &str) {
    let Partial::List(rules) = draft.planned(attr) else { return };
    let mut rules = rules.clone();
    for r in &mut rules {
        let Some(p) = r.get("protocol").as_str().map(protocol) else { continue };
        let port = |name: &str| match r.get(name) {
            Partial::Number(n) => n.to_i64() != Some(0),
            _ => false,
        };
        if p == "-1" && (port("from_port") || port("to_port")) {
            let message = "`from_port` and `to_port` must be 0 where `protocol` is \"-1\" (all protocols).";
            draft.errors.push(stackctl_core::Error::at(Path::attr(attr), message));
        }
        r.set("protocol", Partial::String(p));
    }
    rules.sort();
    rules.dedup();
    draft.set(attr, Partial::List(rules));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(protocol: &str, port: i32, networks: &[&str]) -> Rule {
        Rule {
            protocol: protocol.into(),
            from_port: port,
            to_port: port,
            cidr_blocks: Some(networks.iter().map(|n| (*n).to_owned()).collect()),
            ..Rule::default()
        }
    }

    #[test]
    fn written_rules_survive_reading() {
        let written = [rule("TCP", 22, &["10.0.0.0/8", "192.168.0.0/16"]), rule("6", 22, &["10.1.0.0/16"])];
        let sent = permissions("sg-1", &atoms(&written));
        assert_eq!(sent.len(), 1, "one permission for equal ports");
        let live = live_atoms(&sent, "sg-1", "1");
        assert_eq!(grouped(live.clone(), &written), written.iter().cloned().collect());
        let gathered = grouped(live, []);
        assert_eq!(gathered.len(), 1);
        assert_eq!(gathered.first().unwrap().cidr_blocks.as_ref().unwrap().len(), 3);
    }

    #[test]
    fn a_missing_source_shows_as_drift() {
        let written = [rule("tcp", 80, &["10.0.0.0/8", "10.0.1.0/24"])];
        let mut live = atoms(&written);
        live.pop_first();
        let read = grouped(live, &written);
        assert_eq!(read.first().unwrap().cidr_blocks.as_deref(), Some(&["10.0.1.0/24".to_owned()][..]));
    }

    #[test]
    fn other_accounts_groups_keep_their_account() {
        let r = Rule { security_groups: Some(["9/sg-2".to_owned(), "sg-3".to_owned()].into()), ..rule("tcp", 1, &[]) };
        let live = live_atoms(&permissions("sg-1", &atoms([&r])), "sg-1", "1");
        assert_eq!(grouped(live, [&r]).first(), Some(&r));
    }
}
