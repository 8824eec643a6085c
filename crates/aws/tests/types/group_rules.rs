//! Rules of security groups that are resources of their own, and the group that AWS makes with a VPC.

use serde_json::{Value as Json, json};
use stackctl_core::{Known, Ref};

use crate::rig::{Object, Rig, known, unique};

async fn group(rig: &Rig) -> Object {
    let vpc = rig.create("aws_vpc", json!({"cidr_block": "10.9.0.0/16"})).await;
    rig.create("aws_security_group", json!({"name": unique("sg"), "vpc_id": vpc.id})).await
}

fn text(o: &Object, attr: &str) -> String {
    o.state.get(attr).as_str().unwrap_or_else(|| panic!("{}.{attr} is no text", o.ty)).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn ingress_rule() {
    let rig = Rig::with(json!({"default_tags": [{"tags": {"team": "core"}}]})).await;
    let g = group(&rig).await;
    let of = |more: Json| {
        let mut config = json!({"security_group_id": g.id, "ip_protocol": "tcp", "from_port": 443, "to_port": 443});
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        config
    };
    let ty = "aws_vpc_security_group_ingress_rule";
    let first = json!({"cidr_ipv4": "10.0.0.0/8", "description": "in", "tags": {"a": "1"}});
    let r = rig.create(ty, of(first)).await;
    assert_eq!(text(&r, "security_group_rule_id"), r.id);
    assert_eq!(r.state.get("tags_all").to_json(), json!({"a": "1", "team": "core"}));
    let second = json!({"cidr_ipv4": "10.1.0.0/16", "description": "other", "to_port": 444, "tags": {"a": "1"}});
    let r = rig.update(r, of(second.clone()), &["cidr_ipv4", "description", "to_port"]).await;
    let mut number = of(second);
    number["ip_protocol"] = json!("6");
    let r = rig.update(r, number, &["ip_protocol"]).await;
    rig.import(&r, &r.id, &["ip_protocol"]).await;
    rig.delete(r).await;
    let everything = json!({"security_group_id": g.id, "ip_protocol": "-1", "referenced_security_group_id": g.id});
    let r = rig.create(ty, everything).await;
    assert!(r.state.get("from_port").is_null());
    rig.import(&r, &r.id, &[]).await;
    rig.delete(r).await;
    let six = json!({"security_group_id": g.id, "ip_protocol": "icmpv6", "from_port": 128, "to_port": 0, "cidr_ipv6": "2001:db8::/32"});
    let r = rig.create(ty, six).await;
    rig.delete(r).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn egress_rule() {
    let rig = Rig::new().await;
    let g = group(&rig).await;
    let ty = "aws_vpc_security_group_egress_rule";
    let of = |to: u16| json!({"security_group_id": g.id, "ip_protocol": "tcp", "from_port": 5432, "to_port": to, "referenced_security_group_id": g.id});
    let r = rig.create(ty, of(5432)).await;
    let r = rig.update(r, of(5433), &["to_port"]).await;
    rig.import(&r, &r.id, &[]).await;
    let wrong = rig.read_as("aws_vpc_security_group_ingress_rule", &r.id, known(json!({}))).await;
    assert!(wrong.is_none(), "a rule of the other direction");
    let other = json!({"security_group_id": g.id, "ip_protocol": "tcp", "from_port": 1, "to_port": 1, "cidr_ipv4": "10.0.0.0/8"});
    let paths = replacing(&rig, ty, &known(other), &r.state);
    assert_eq!(paths, ["cidr_ipv4", "referenced_security_group_id"], "another kind of source replaces");
    rig.delete(r).await;
}

/// Attributes that a plan replaces the object for.
pub(crate) fn replacing(rig: &Rig, ty: &str, config: &Known, prior: &Known) -> Vec<String> {
    let mut full = config.clone();
    stackctl_core::canonical::canonical(&rig.provider.resource(ty).unwrap().block, &mut full);
    let config = full.clone().into();
    let (mut planned, mut replace, mut errors) = (full.into(), Default::default(), Vec::new());
    let mut draft = stackctl_core::Draft {
        config: &config,
        prior: Some(prior),
        planned: &mut planned,
        replace: &mut replace,
        errors: &mut errors,
    };
    rig.provider.plan(ty, &known(json!({})).into(), &mut draft);
    replace.iter().map(ToString::to_string).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_with_many_sources() {
    let rig = Rig::new().await;
    let g = group(&rig).await;
    let ty = "aws_security_group_rule";
    let of = |description: &str| {
        json!({
            "security_group_id": g.id, "type": "ingress", "protocol": "TCP", "from_port": 80, "to_port": 81,
            "cidr_blocks": ["10.2.0.0/16", "10.1.0.0/16"], "ipv6_cidr_blocks": ["2001:db8::/32"],
            "description": description,
        })
    };
    let r = rig.create(ty, of("one")).await;
    assert_eq!((text(&r, "protocol").as_str(), text(&r, "security_group_rule_id").as_str()), ("tcp", ""));
    let r = rig.update(r, of("two"), &["description"]).await;
    let spec = format!("{}_ingress_tcp_80_81_10.2.0.0/16_10.1.0.0/16_2001:db8::/32", g.id);
    let imported = Object { id: spec.clone(), ty: r.ty, state: r.state.clone() };
    rig.import(&imported, &spec, &["id"]).await;
    rig.delete(r).await;
    for (more, direction) in [(json!({"self": true}), "egress"), (json!({"source_security_group_id": g.id}), "ingress")]
    {
        let mut config =
            json!({"security_group_id": g.id, "type": direction, "protocol": "-1", "from_port": 0, "to_port": 0});
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let r = rig.create(ty, config).await;
        assert!(text(&r, "security_group_rule_id").starts_with("sgr-"));
        assert!(r.id.starts_with("sgrule-"));
        rig.delete(r).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn default_security_group() {
    let rig = Rig::new().await;
    let vpc = rig.create("aws_vpc", json!({"cidr_block": "10.9.0.0/16"})).await;
    let ty = "aws_default_security_group";
    let own = json!({"protocol": "-1", "from_port": 0, "to_port": 0, "self": true});
    let web = json!({"protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_blocks": ["10.0.0.0/8"], "description": "web"});
    let of = |ingress: Json| json!({"vpc_id": vpc.id, "ingress": ingress, "egress": [web], "tags": {"k": "v"}});
    let g = rig.create(ty, of(json!([own]))).await;
    assert_eq!(text(&g, "name"), "default");
    let g = rig.update(g, of(json!([web])), &["ingress"]).await;
    rig.import(&g, &g.id, &[]).await;
    let id = g.id.clone();
    rig.delete(g).await;
    let bare = rig.create(ty, json!({"vpc_id": vpc.id})).await;
    assert_eq!(bare.id, id);
    assert_eq!(bare.state.get("ingress").to_json(), json!([]), "without rules, all go");
    assert_eq!(bare.state.get("egress").to_json(), json!([]));
}

/// A refresh of 300 groups and 1,400 rules asks ten questions at most.
#[tokio::test(flavor = "multi_thread")]
async fn many_groups_and_rules_are_read_in_few_requests() {
    use aws_sdk_ec2::types::{IpPermission, IpRange};
    let rig = Rig::new().await;
    let client = aws_sdk_ec2::Client::new(&rig.raw().await);
    let made = client.create_vpc().cidr_block("10.9.0.0/16").send().await.unwrap();
    let vpc = made.vpc.unwrap().vpc_id.unwrap();
    let (mut groups, mut rules) = (Vec::new(), Vec::new());
    for i in 0..300 {
        let call = client.create_security_group().group_name(format!("g{i}")).description("d").vpc_id(&vpc);
        let group = call.send().await.unwrap().group_id.unwrap();
        let range = |n: usize| IpRange::builder().cidr_ip(format!("10.{n}.0.0/16")).build();
        let ranges = (0..if i < 200 { 5 } else { 4 }).map(range).collect();
        let p = IpPermission::builder().ip_protocol("tcp").from_port(1).to_port(1).set_ip_ranges(Some(ranges)).build();
        let call = client.authorize_security_group_ingress().group_id(&group).ip_permissions(p);
        let made = call.send().await.unwrap().security_group_rules.unwrap();
        let at = known(json!({"security_group_id": group}));
        rules.extend(made.into_iter().map(|r| Ref {
            id: r.security_group_rule_id.unwrap(),
            known: at.clone(),
            wanted: None,
        }));
        groups.push(Ref { id: group, known: known(json!({})), wanted: None });
    }
    assert_eq!((groups.len(), rules.len()), (300, 1400));
    let before = rig.sandbox.log().await.unwrap().len();
    let (g, r) = tokio::join!(
        rig.instance.read("aws_security_group", groups),
        rig.instance.read("aws_vpc_security_group_ingress_rule", rules),
    );
    assert_eq!((g.unwrap().len(), r.unwrap().len()), (300, 1400));
    let asked = rig.sandbox.log().await.unwrap().len() - before;
    assert!(asked <= 10, "{asked} requests");
}
