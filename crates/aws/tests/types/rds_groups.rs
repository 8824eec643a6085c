//! Groups that databases refer to.

use serde_json::{Value as Json, json};

use crate::rig::{Rig, unique};

#[tokio::test(flavor = "multi_thread")]
async fn db_subnet_group() {
    let rig = Rig::with(json!({"default_tags": [{"tags": {"team": "core"}}]})).await;
    let raw = aws_sdk_ec2::Client::new(&rig.raw().await);
    let vpc = raw.create_vpc().cidr_block("10.7.0.0/16").send().await.unwrap().vpc.unwrap().vpc_id.unwrap();
    let mut subnets = Vec::new();
    for (i, zone) in ["us-east-1a", "us-east-1b", "us-east-1c"].iter().enumerate() {
        let call = raw.create_subnet().vpc_id(&vpc).cidr_block(format!("10.7.{i}.0/24")).availability_zone(*zone);
        subnets.push(call.send().await.unwrap().subnet.unwrap().subnet_id.unwrap());
    }
    let name = unique("group");
    let with = |subnets: &[String], more: Json| {
        let mut c = json!({"name": name, "subnet_ids": subnets});
        c.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        c
    };
    let g = rig.create("aws_db_subnet_group", with(&subnets[..2], json!({"tags": {"a": "1"}}))).await;
    assert_eq!(g.state.get("vpc_id").to_json(), json!(vpc));
    let second = with(&subnets[1..], json!({"description": "d", "tags": {"b": "1"}}));
    let g = rig.update(g, second, &["description", "subnet_ids", "tags", "tags_all"]).await;
    rig.import(&g, &name, &[]).await;
    rig.delete(g).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn db_parameter_group() {
    let rig = Rig::new().await;
    let name = unique("params");
    let with = |parameters: Json, tags: Json| json!({"name": name, "family": "postgres16", "description": "d", "parameter": parameters, "tags": tags});
    let logged = |v: &str| json!({"name": "log_min_duration_statement", "value": v});
    let preload =
        json!({"name": "shared_preload_libraries", "value": "pg_stat_statements", "apply_method": "pending-reboot"});
    // More than one request holds.
    let mut many: Vec<Json> = (0..25).map(|i| json!({"name": format!("x{i:02}"), "value": "1"})).collect();
    many.extend([logged("500"), preload.clone()]);
    let g = rig.create("aws_db_parameter_group", with(json!(many), json!({"a": "1"}))).await;
    let g = rig.update(g, with(json!([logged("900"), preload]), json!({"a": "1"})), &["parameter"]).await;
    let g = rig.update(g, with(json!([logged("900")]), json!({})), &["parameter", "tags", "tags_all"]).await;
    rig.import(&g, &name, &[]).await;
    rig.delete(g).await;
}
