//! EC2 types.

use serde_json::json;

use crate::rig::{Rig, unique};

/// A VPC, made with what the types under test do not need to be right.
async fn vpc(rig: &Rig) -> String {
    let client = raw(rig).await;
    let made = client.create_vpc().cidr_block("10.9.0.0/16").send().await.unwrap();
    made.vpc.unwrap().vpc_id.unwrap()
}

async fn raw(rig: &Rig) -> aws_sdk_ec2::Client {
    aws_sdk_ec2::Client::new(&rig.raw().await)
}

#[tokio::test(flavor = "multi_thread")]
async fn security_group() {
    let rig = Rig::with(json!({"default_tags": [{"tags": {"team": "core"}}]})).await;
    let (vpc, name) = (vpc(&rig).await, unique("web"));
    let ssh =
        json!({"protocol": "TCP", "from_port": 22, "to_port": 22, "cidr_blocks": ["10.0.0.0/8", "192.168.0.0/16"]});
    let own = json!({"protocol": "-1", "from_port": 0, "to_port": 0, "self": true});
    let out = json!({"protocol": "-1", "from_port": 0, "to_port": 0, "cidr_blocks": ["0.0.0.0/0"]});
    let base = |ingress: serde_json::Value, tags: serde_json::Value| json!({"name": name, "vpc_id": vpc, "description": "d", "ingress": ingress, "egress": [out], "tags": tags});
    let sg = rig.create("aws_security_group", base(json!([ssh, own]), json!({"a": "1", "b": "2"}))).await;
    assert_eq!(sg.state.get("tags_all").to_json(), json!({"a": "1", "b": "2", "team": "core"}));
    let ssh2 =
        json!({"protocol": "tcp", "from_port": 22, "to_port": 22, "cidr_blocks": ["10.0.0.0/8"], "description": "in"});
    let sg = rig.update(sg, base(json!([ssh2, own]), json!({"a": "3"})), &["ingress", "tags", "tags_all"]).await;
    let sg = rig.update(sg, base(json!([]), json!({"a": "3"})), &["ingress"]).await;
    rig.import(&sg, &sg.id, &[]).await;
    rig.delete(sg).await;
}

/// Without `egress`, the rule that AWS adds goes away, and rules that others add later stay.
#[tokio::test(flavor = "multi_thread")]
async fn security_group_without_rules() {
    let rig = Rig::new().await;
    let config = json!({"name": unique("bare"), "vpc_id": vpc(&rig).await, "revoke_rules_on_delete": true});
    let sg = rig.create("aws_security_group", config).await;
    assert_eq!(sg.state.get("egress").to_json(), json!([]));
    let permission = aws_sdk_ec2::types::IpPermission::builder()
        .ip_protocol("tcp")
        .from_port(1)
        .to_port(1)
        .ip_ranges(aws_sdk_ec2::types::IpRange::builder().cidr_ip("10.0.0.0/8").build())
        .build();
    raw(&rig)
        .await
        .authorize_security_group_ingress()
        .group_id(&sg.id)
        .ip_permissions(permission)
        .send()
        .await
        .unwrap();
    let live = rig.read_as("aws_security_group", &sg.id, sg.state.clone()).await.unwrap();
    assert_eq!(live.value.get("ingress").as_list().unwrap().len(), 1);
    rig.delete(sg).await;
}
