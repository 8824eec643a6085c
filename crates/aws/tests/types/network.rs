//! VPCs, subnets, gateways, routes, and what AWS makes with a VPC.

use serde_json::{Value as Json, json};
use stackctl_core::Ref;

use crate::group_rules::replacing;
use crate::rig::{Object, Rig, known};

async fn vpc(rig: &Rig) -> Object {
    rig.create("aws_vpc", json!({"cidr_block": "10.9.0.0/16"})).await
}

async fn subnet(rig: &Rig, vpc: &Object, cidr: &str) -> Object {
    rig.create("aws_subnet", json!({"vpc_id": vpc.id, "cidr_block": cidr, "availability_zone": "us-east-1a"})).await
}

fn text(o: &Object, attr: &str) -> String {
    o.state.get(attr).as_str().unwrap_or_else(|| panic!("{}.{attr} is no text", o.ty)).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn vpc_life() {
    let rig = Rig::with(json!({"default_tags": [{"tags": {"team": "core"}}]})).await;
    let base = |more: Json| {
        let mut config = json!({"cidr_block": "10.1.0.0/16", "assign_generated_ipv6_cidr_block": true});
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        config
    };
    let v = rig.create("aws_vpc", base(json!({"enable_dns_hostnames": true, "tags": {"a": "1"}}))).await;
    assert_eq!(v.state.get("tags_all").to_json(), json!({"a": "1", "team": "core"}));
    for attr in ["default_network_acl_id", "default_security_group_id", "main_route_table_id", "ipv6_association_id"] {
        assert!(!text(&v, attr).is_empty(), "{attr}");
    }
    assert!(text(&v, "ipv6_cidr_block").ends_with("/56"));
    assert_eq!(v.state.get("enable_dns_support").as_bool(), Some(true));
    let more = json!({
        "enable_dns_hostnames": false, "enable_dns_support": false, "enable_network_address_usage_metrics": true,
    });
    let changed =
        ["enable_dns_hostnames", "enable_dns_support", "enable_network_address_usage_metrics", "tags", "tags_all"];
    let v = rig.update(v, base(more.clone()), &changed).await;
    rig.import(&v, &v.id, &[]).await;
    let mut off = base(more);
    off["assign_generated_ipv6_cidr_block"] = json!(false);
    let v = rig.update(v, off, &["assign_generated_ipv6_cidr_block"]).await;
    assert_eq!(text(&v, "ipv6_association_id"), "");
    rig.delete(v).await;
}

/// From dedicated to default in place, the other way by replacement.
#[tokio::test(flavor = "multi_thread")]
async fn vpc_tenancy() {
    let rig = Rig::new().await;
    let of = |tenancy: &str| json!({"cidr_block": "10.1.0.0/16", "instance_tenancy": tenancy});
    let v = rig.create("aws_vpc", of("dedicated")).await;
    let replaced =
        |prior: &Object, tenancy: &str| !replacing(&rig, "aws_vpc", &known(of(tenancy)), &prior.state).is_empty();
    assert!(!replaced(&v, "default"));
    let plain = rig.create("aws_vpc", of("default")).await;
    assert!(replaced(&plain, "dedicated"));
}

#[tokio::test(flavor = "multi_thread")]
async fn subnet_life() {
    let rig = Rig::new().await;
    let v = rig.create("aws_vpc", json!({"cidr_block": "10.1.0.0/16", "assign_generated_ipv6_cidr_block": true})).await;
    let network = |n: u8| text(&v, "ipv6_cidr_block").replace("00::/56", &format!("{n:02x}::/64"));
    let of = |more: Json| {
        let mut config = json!({"vpc_id": v.id, "cidr_block": "10.1.1.0/24", "availability_zone": "us-east-1b"});
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        config
    };
    let s = rig.create("aws_subnet", of(json!({"map_public_ip_on_launch": true, "tags": {"a": "1"}}))).await;
    assert_eq!(text(&s, "private_dns_hostname_type_on_launch"), "ip-name");
    let second = json!({
        "ipv6_cidr_block": network(1), "assign_ipv6_address_on_creation": true, "enable_dns64": true,
        "enable_resource_name_dns_a_record_on_launch": true, "enable_resource_name_dns_aaaa_record_on_launch": true,
        "private_dns_hostname_type_on_launch": "resource-name",
    });
    let changed = [
        "assign_ipv6_address_on_creation",
        "enable_dns64",
        "enable_resource_name_dns_a_record_on_launch",
        "enable_resource_name_dns_aaaa_record_on_launch",
        "ipv6_cidr_block",
        "map_public_ip_on_launch",
        "private_dns_hostname_type_on_launch",
        "tags",
        "tags_all",
    ];
    let s = rig.update(s, of(second), &changed).await;
    rig.import(&s, &s.id, &[]).await;
    rig.delete(s).await;
    let s = rig
        .create("aws_subnet", of(json!({"ipv6_cidr_block": network(2), "assign_ipv6_address_on_creation": true})))
        .await;
    assert!(!text(&s, "ipv6_cidr_block_association_id").is_empty());
    rig.delete(s).await;
    rig.delete(v).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn internet_gateway() {
    let rig = Rig::new().await;
    let (a, b) = (vpc(&rig).await, vpc(&rig).await);
    let of = |vpc: &Object| json!({"vpc_id": vpc.id, "tags": {"k": "v"}});
    let g = rig.create("aws_internet_gateway", of(&a)).await;
    let g = rig.update(g, of(&b), &["vpc_id"]).await;
    let g = rig.update(g, json!({"tags": {"k": "v"}}), &[]).await;
    assert_eq!(text(&g, "vpc_id"), b.id);
    rig.import(&g, &g.id, &[]).await;
    rig.delete(g).await;
    let loose = rig.create("aws_internet_gateway", json!({})).await;
    assert_eq!(text(&loose, "vpc_id"), "");
    rig.delete(loose).await;
    rig.delete(a).await;
    rig.delete(b).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn elastic_address() {
    let rig = Rig::new().await;
    let v = vpc(&rig).await;
    let s = subnet(&rig, &v, "10.9.1.0/24").await;
    let gateway = rig.create("aws_internet_gateway", json!({"vpc_id": v.id})).await;
    let interface = async || {
        let client = aws_sdk_ec2::Client::new(&rig.raw().await);
        let made = client.create_network_interface().subnet_id(&s.id).send().await.unwrap();
        made.network_interface.unwrap().network_interface_id.unwrap()
    };
    let (one, two) = (interface().await, interface().await);
    let of = |i: &str| json!({"domain": "vpc", "network_interface": i});
    let e = rig.create("aws_eip", of(&one)).await;
    let ip = text(&e, "public_ip");
    assert_eq!(text(&e, "public_dns"), format!("ec2-{}.compute-1.amazonaws.com", ip.replace('.', "-")));
    assert!(text(&e, "private_dns").starts_with("ip-10-9-1-"));
    assert_eq!(e.state.get("vpc").as_bool(), Some(true));
    let e = rig.update(e, of(&two), &["network_interface"]).await;
    let e = rig
        .update(e, json!({"domain": "vpc", "network_interface": two, "tags": {"k": "v"}}), &["tags", "tags_all"])
        .await;
    rig.import(&e, &e.id, &[]).await;
    rig.delete(e).await;
    let plain = rig.create("aws_eip", json!({"vpc": true, "network_border_group": "us-east-1"})).await;
    rig.delete(plain).await;
    rig.delete(gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nat_gateway() {
    let rig = Rig::new().await;
    let v = vpc(&rig).await;
    let s = subnet(&rig, &v, "10.9.1.0/24").await;
    let gateway = rig.create("aws_internet_gateway", json!({"vpc_id": v.id})).await;
    let e = rig.create("aws_eip", json!({"domain": "vpc"})).await;
    let of = |tags: Json| json!({"allocation_id": e.id, "subnet_id": s.id, "tags": tags});
    let n = rig.create("aws_nat_gateway", of(json!({"a": "1"}))).await;
    assert_eq!(text(&n, "public_ip"), text(&e, "public_ip"));
    let n = rig.update(n, of(json!({"b": "2"})), &["tags", "tags_all"]).await;
    rig.import(&n, &n.id, &[]).await;
    rig.delete(n).await;
    let private = rig.create("aws_nat_gateway", json!({"connectivity_type": "private", "subnet_id": s.id})).await;
    assert!(!text(&private, "private_ip").is_empty());
    rig.delete(private).await;
    rig.delete(e).await;
    rig.delete(gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn route_table() {
    let rig = Rig::new().await;
    let v = rig.create("aws_vpc", json!({"cidr_block": "10.9.0.0/16", "assign_generated_ipv6_cidr_block": true})).await;
    let g = rig.create("aws_internet_gateway", json!({"vpc_id": v.id})).await;
    let s = subnet(&rig, &v, "10.9.1.0/24").await;
    let n = rig.create("aws_nat_gateway", json!({"connectivity_type": "private", "subnet_id": s.id})).await;
    let of = |routes: Json| json!({"vpc_id": v.id, "route": routes, "tags": {"k": "v"}});
    let world = json!({"cidr_block": "0.0.0.0/0", "gateway_id": g.id});
    let world6 = json!({"ipv6_cidr_block": "2001:DB8::/32", "gateway_id": g.id});
    let t = rig.create("aws_route_table", of(json!([world, world6]))).await;
    assert_eq!(t.state.get("route").as_list().unwrap().len(), 2);
    let through = json!({"cidr_block": "0.0.0.0/0", "nat_gateway_id": n.id});
    let other = json!({"cidr_block": "192.0.2.0/24", "gateway_id": g.id});
    let t = rig.update(t, of(json!([through, other])), &["route"]).await;
    let t = rig.update(t, of(json!([])), &["route"]).await;
    rig.import(&t, &t.id, &[]).await;
    rig.delete(t).await;
    let bare = rig.create("aws_route_table", json!({"vpc_id": v.id})).await;
    let association = json!({"subnet_id": s.id, "route_table_id": bare.id});
    rig.create("aws_route_table_association", association).await;
    rig.delete(bare).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn route() {
    let rig = Rig::new().await;
    let v = rig.create("aws_vpc", json!({"cidr_block": "10.9.0.0/16", "assign_generated_ipv6_cidr_block": true})).await;
    let g = rig.create("aws_internet_gateway", json!({"vpc_id": v.id})).await;
    let s = subnet(&rig, &v, "10.9.1.0/24").await;
    let n = rig.create("aws_nat_gateway", json!({"connectivity_type": "private", "subnet_id": s.id})).await;
    let t = rig.create("aws_route_table", json!({"vpc_id": v.id})).await;
    let of =
        |target: &str, id: &str| json!({"route_table_id": t.id, "destination_cidr_block": "0.0.0.0/0", target: id});
    let r = rig.create("aws_route", of("gateway_id", &g.id)).await;
    assert_eq!(r.id, format!("r-{}1080289494", t.id));
    let r = rig.update(r, of("nat_gateway_id", &n.id), &["gateway_id", "nat_gateway_id"]).await;
    rig.import(&r, &format!("{}_0.0.0.0/0", t.id), &[]).await;
    let six = json!({"route_table_id": t.id, "destination_ipv6_cidr_block": "2001:DB8:0::/48", "gateway_id": g.id});
    let r6 = rig.create("aws_route", six).await;
    rig.import(&r6, &format!("{}_2001:DB8:0::/48", t.id), &[]).await;
    rig.delete(r6).await;
    rig.delete(r).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn route_table_association() {
    let rig = Rig::new().await;
    let v = vpc(&rig).await;
    let s = subnet(&rig, &v, "10.9.1.0/24").await;
    let table = async || rig.create("aws_route_table", json!({"vpc_id": v.id})).await;
    let (one, two) = (table().await, table().await);
    let of = |t: &Object| json!({"subnet_id": s.id, "route_table_id": t.id});
    let a = rig.create("aws_route_table_association", of(&one)).await;
    rig.import(&a, &format!("{}/{}", s.id, one.id), &[]).await;
    let before = a.id.clone();
    let a = rig.update(a, of(&two), &["route_table_id"]).await;
    assert_ne!(text(&a, "id"), before, "another table, another association");
    let a = Object { id: text(&a, "id"), ..a };
    rig.import(&a, &format!("{}/{}", s.id, two.id), &[]).await;
    rig.delete(a).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn default_route_table() {
    let rig = Rig::new().await;
    let v = vpc(&rig).await;
    let g = rig.create("aws_internet_gateway", json!({"vpc_id": v.id})).await;
    let id = text(&v, "default_route_table_id");
    let client = aws_sdk_ec2::Client::new(&rig.raw().await);
    let strange = client.create_route().route_table_id(&id).destination_cidr_block("198.51.100.0/24");
    strange.gateway_id(&g.id).send().await.unwrap();
    let of = |routes: Json| json!({"default_route_table_id": id, "route": routes, "tags": {"k": "v"}});
    let t = rig.create("aws_default_route_table", of(json!([{"cidr_block": "0.0.0.0/0", "gateway_id": g.id}]))).await;
    assert_eq!(t.state.get("route").as_list().unwrap().len(), 1, "the strange route is gone");
    let t = rig.update(t, of(json!([{"cidr_block": "203.0.113.0/24", "gateway_id": g.id}])), &["route"]).await;
    rig.import(&t, &v.id, &[]).await;
    rig.delete(t).await;
    let bare = rig.create("aws_default_route_table", json!({"default_route_table_id": id})).await;
    assert_eq!(bare.state.get("route").to_json(), json!([]), "without routes, all go");
}

#[tokio::test(flavor = "multi_thread")]
async fn default_network_acl() {
    let rig = Rig::new().await;
    let v = vpc(&rig).await;
    let s = subnet(&rig, &v, "10.9.1.0/24").await;
    let id = text(&v, "default_network_acl_id");
    let all = json!({"rule_no": 100, "action": "allow", "protocol": "-1", "from_port": 0, "to_port": 0, "cidr_block": "0.0.0.0/0"});
    let web = json!({"rule_no": 110, "action": "allow", "protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_block": "10.0.0.0/8"});
    let dns = json!({"rule_no": 120, "action": "deny", "protocol": "udp", "from_port": 53, "to_port": 53, "ipv6_cidr_block": "::/0"});
    let of = |ingress: Json, egress: Json| json!({"default_network_acl_id": id, "subnet_ids": [s.id], "ingress": ingress, "egress": egress, "tags": {"k": "v"}});
    let a = rig.create("aws_default_network_acl", of(json!([all, web]), json!([all]))).await;
    let a = rig.update(a, of(json!([web, dns]), json!([])), &["egress", "ingress"]).await;
    rig.import(&a, &id, &["ingress"]).await;
    rig.delete(a).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn data_sources() {
    let rig = Rig::new().await;
    let ask = async |ty: &str, config: Json| {
        let mut config = known(config);
        stackctl_core::canonical::canonical(&rig.provider.data(ty).unwrap().block, &mut config);
        rig.instance.data(ty, config).await.unwrap_or_else(|e| panic!("{ty}: {e}")).to_json()
    };
    let zones = ask("aws_availability_zones", json!({"state": "available", "exclude_names": ["us-east-1b"]})).await;
    assert!(zones["names"].as_array().unwrap().contains(&json!("us-east-1a")));
    assert!(!zones["names"].as_array().unwrap().contains(&json!("us-east-1b")));
    assert_eq!(zones["names"].as_array().unwrap().len(), zones["zone_ids"].as_array().unwrap().len());
    assert_eq!(zones["id"], "us-east-1");
    let v = rig.create("aws_vpc", json!({"cidr_block": "10.7.0.0/16", "tags": {"Name": "seven"}})).await;
    let s = subnet(&rig, &v, "10.7.1.0/24").await;
    let by_tag = ask("aws_vpc", json!({"tags": {"Name": "seven"}})).await;
    assert_eq!((&by_tag["id"], &by_tag["cidr_block"]), (&json!(v.id), &json!("10.7.0.0/16")));
    assert_eq!(by_tag["main_route_table_id"], v.state.get("main_route_table_id").to_json());
    assert_eq!(by_tag["cidr_block_associations"][0]["state"], "associated");
    let default = ask("aws_vpc", json!({"default": true})).await;
    assert_eq!(default["default"], true);
    let filter = json!([{"name": "vpc-id", "values": [v.id]}]);
    assert_eq!(ask("aws_subnets", json!({"filter": filter})).await["ids"], json!([s.id]));
    let amazon =
        json!({"owners": ["amazon"], "most_recent": true, "filter": [{"name": "name", "values": ["amzn2-ami-*"]}]});
    let image = ask("aws_ami", amazon).await;
    assert!(image["id"].as_str().unwrap().starts_with("ami-"), "{image}");
    let none = known(json!({"owners": ["self"], "name_regex": "^nothing$", "filter": []}));
    assert!(rig.instance.data("aws_ami", none).await.is_err());
    let who = ask("aws_caller_identity", json!({})).await;
    assert_eq!((&who["account_id"], &who["id"]), (&json!("123456789012"), &json!("123456789012")));
    assert!(who["arn"].as_str().unwrap().starts_with("arn:aws:"));
    let region = ask("aws_region", json!({})).await;
    assert_eq!((&region["name"], &region["endpoint"]), (&json!("us-east-1"), &json!("ec2.us-east-1.amazonaws.com")));
    assert_eq!(ask("aws_region", json!({"endpoint": "ec2.eu-west-1.amazonaws.com"})).await["name"], "eu-west-1");
    let partition = ask("aws_partition", json!({})).await;
    assert_eq!(
        partition,
        json!({
            "dns_suffix": "amazonaws.com", "id": "aws", "partition": "aws", "reverse_dns_prefix": "com.amazonaws",
        })
    );
}

/// What was deleted behind our back is gone, in every batch.
#[tokio::test(flavor = "multi_thread")]
async fn missing_objects_are_gone() {
    let rig = Rig::new().await;
    let v = vpc(&rig).await;
    for (ty, id) in [
        ("aws_vpc", "vpc-0123456789abcdef0"),
        ("aws_subnet", "subnet-0123456789abcdef0"),
        ("aws_internet_gateway", "igw-0123456789abcdef0"),
        ("aws_eip", "eipalloc-0123456789abcdef0"),
        ("aws_nat_gateway", "nat-0123456789abcdef0"),
        ("aws_route_table", "rtb-0123456789abcdef0"),
        ("aws_route_table_association", "rtbassoc-0123456789abcdef0"),
        ("aws_vpc_security_group_ingress_rule", "sgr-0123456789abcdef0"),
        ("aws_default_network_acl", "acl-0123456789abcdef0"),
    ] {
        assert!(rig.read_as(ty, id, known(json!({}))).await.is_none(), "{ty}");
    }
    let at = |id: &str| Ref { id: id.to_owned(), known: known(json!({})), wanted: None };
    let both = rig.instance.read("aws_vpc", vec![at(&v.id), at("vpc-0123456789abcdef0")]).await.unwrap();
    assert_eq!(both.iter().map(|l| &l.id).collect::<Vec<_>>(), [&v.id]);
}
