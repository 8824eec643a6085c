//! Data sources against objects that a test made: what they show is what the objects' own types show.

use serde_json::{Value as Json, json};

use crate::rig::{Object, Rig, unique};

/// Compares attributes of a data source with those of an object, by the names on both sides.
fn same(data: &Json, o: &Object, names: &[(&str, &str)]) {
    for (ours, theirs) in names {
        assert_eq!(data[ours], o.state.get(theirs).to_json(), "{}: {ours}", o.ty);
    }
}

/// The same with equal names.
fn alike(data: &Json, o: &Object, names: &[&str]) {
    same(data, o, &names.iter().map(|n| (*n, *n)).collect::<Vec<_>>());
}

async fn lacks(rig: &Rig, ty: &str, config: Json) {
    assert!(rig.data(ty, config).await.is_err(), "{ty} finds what does not exist");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_tables() {
    let rig = Rig::new().await;
    let key = rig.create("aws_kms_key", json!({"description": "d", "multi_region": true})).await;
    let name = format!("alias/{}", unique("a"));
    let alias = rig.create("aws_kms_alias", json!({"name": name, "target_key_id": key.id})).await;
    for id in [key.id.as_str(), key.state.get("arn").as_str().unwrap(), &name] {
        let found = rig.data("aws_kms_key", json!({"key_id": id})).await.unwrap();
        alike(&found, &key, &["arn", "description", "key_usage", "multi_region", "customer_master_key_spec"]);
        assert_eq!((&found["id"], &found["key_id"]), (&json!(key.id), &json!(id)));
        assert_eq!(found["key_state"], "Enabled");
    }
    let found = rig.data("aws_kms_alias", json!({"name": name})).await.unwrap();
    alike(&found, &alias, &["arn", "target_key_arn"]);
    assert_eq!(found["target_key_id"], json!(key.id));
    // AWS's own, which are made when they are asked for.
    assert!(rig.data("aws_kms_alias", json!({"name": "alias/aws/s3"})).await.is_ok());
    lacks(&rig, "aws_kms_alias", json!({"name": "alias/none"})).await;
    lacks(&rig, "aws_kms_key", json!({"key_id": "alias/none"})).await;

    let table = json!({
        "name": unique("t"), "hash_key": "k", "range_key": "r", "read_capacity": 1, "write_capacity": 2,
        "attribute": [{"name": "k", "type": "S"}, {"name": "r", "type": "N"}], "tags": {"a": "1"},
        "global_secondary_index": [
            {"name": "g", "hash_key": "r", "projection_type": "ALL", "read_capacity": 1, "write_capacity": 1},
        ],
    });
    let t = rig.create("aws_dynamodb_table", table).await;
    let found = rig.data("aws_dynamodb_table", json!({"name": t.id})).await.unwrap();
    let names =
        ["arn", "attribute", "billing_mode", "hash_key", "range_key", "read_capacity", "tags", "write_capacity"];
    alike(&found, &t, &names);
    assert_eq!(found["global_secondary_index"][0]["name"], "g");
    lacks(&rig, "aws_dynamodb_table", json!({"name": "none"})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn iam() {
    let rig = Rig::new().await;
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    let role = json!({"name": unique("r"), "assume_role_policy": trust, "path": "/app/", "tags": {"a": "1"}});
    let role = rig.create("aws_iam_role", role).await;
    let found = rig.data("aws_iam_role", json!({"name": role.id})).await.unwrap();
    alike(&found, &role, &["arn", "create_date", "max_session_duration", "path", "tags", "unique_id"]);
    lacks(&rig, "aws_iam_role", json!({"name": "none"})).await;

    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    let policy = json!({"name": unique("p"), "path": "/app/", "policy": document, "description": "d"});
    let policy = rig.create("aws_iam_policy", policy).await;
    let name = policy.state.get("name").to_json();
    for config in [
        json!({"arn": policy.id}),
        json!({"name": name}),
        json!({"name": name, "path_prefix": "/app"}),
        json!({"name": "ReadOnlyAccess"}),
    ] {
        let found = rig.data("aws_iam_policy", config.clone()).await.unwrap();
        if config["name"] != "ReadOnlyAccess" {
            alike(&found, &policy, &["arn", "description", "name", "path", "policy_id"]);
            let parsed = |text: &str| serde_json::from_str::<Json>(text).unwrap();
            assert_eq!(parsed(found["policy"].as_str().unwrap()), parsed(document));
        }
    }
    lacks(&rig, "aws_iam_policy", json!({"name": name, "path_prefix": "/other"})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn network() {
    let rig = Rig::new().await;
    let vpc = rig.create("aws_vpc", json!({"cidr_block": "10.7.0.0/16"})).await;
    let subnet = |cidr: &str, name: &str| json!({"vpc_id": vpc.id, "cidr_block": cidr, "availability_zone": "us-east-1a", "tags": {"Name": name}});
    let a = rig.create("aws_subnet", subnet("10.7.1.0/24", "a")).await;
    let b = rig.create("aws_subnet", subnet("10.7.2.0/24", "b")).await;
    for config in [
        json!({"id": a.id}),
        json!({"cidr_block": "10.7.1.0/24", "vpc_id": vpc.id}),
        json!({"tags": {"Name": "a"}}),
        json!({"filter": [{"name": "tag:Name", "values": ["a"]}]}),
    ] {
        let found = rig.data("aws_subnet", config).await.unwrap();
        alike(&found, &a, &["arn", "availability_zone", "availability_zone_id", "cidr_block", "id", "tags", "vpc_id"]);
        assert!(found["available_ip_address_count"].as_i64().unwrap() > 200, "{found}");
    }
    lacks(&rig, "aws_subnet", json!({"vpc_id": vpc.id})).await;
    lacks(&rig, "aws_subnet", json!({"id": "subnet-0123"})).await;

    let name = unique("sg");
    let group = json!({"name": name, "description": "d", "vpc_id": vpc.id, "tags": {"k": name}});
    let group = rig.create("aws_security_group", group).await;
    for config in [json!({"id": group.id}), json!({"name": name, "vpc_id": vpc.id}), json!({"tags": {"k": name}})] {
        let found = rig.data("aws_security_group", config).await.unwrap();
        alike(&found, &group, &["arn", "description", "id", "name", "tags", "vpc_id"]);
    }
    lacks(&rig, "aws_security_group", json!({"name": "none"})).await;

    let gateway = rig.create("aws_internet_gateway", json!({"vpc_id": vpc.id})).await;
    let route = json!({"vpc_id": vpc.id, "route": [{"cidr_block": "0.0.0.0/0", "gateway_id": gateway.id}]});
    let table = rig.create("aws_route_table", route).await;
    let association = json!({"subnet_id": b.id, "route_table_id": table.id});
    let association = rig.create("aws_route_table_association", association).await;
    for config in [json!({"route_table_id": table.id}), json!({"subnet_id": b.id})] {
        let found = rig.data("aws_route_table", config).await.unwrap();
        alike(&found, &table, &["arn", "id", "owner_id", "vpc_id"]);
        assert_eq!(found["routes"].as_array().unwrap().len(), 1, "{found}");
        assert_eq!(found["routes"][0]["gateway_id"], json!(gateway.id));
        assert_eq!(found["associations"][0]["subnet_id"], json!(b.id));
        assert_eq!(found["associations"][0]["route_table_association_id"], json!(association.id));
    }
    lacks(&rig, "aws_route_table", json!({"vpc_id": vpc.id})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn storage_and_messages() {
    let rig = Rig::with(json!({"default_tags": [{"tags": {"team": "core"}}]})).await;
    let found = rig.data("aws_default_tags", json!({})).await.unwrap();
    assert_eq!((&found["tags"], &found["id"]), (&json!({"team": "core"}), &json!("aws")));

    let bucket = rig.create("aws_s3_bucket", json!({"bucket": unique("data")})).await;
    let found = rig.data("aws_s3_bucket", json!({"bucket": bucket.id})).await.unwrap();
    let names = ["arn", "bucket_domain_name", "bucket_regional_domain_name", "hosted_zone_id", "region"];
    alike(&found, &bucket, &names);
    assert_eq!(found["website_endpoint"], Json::Null);
    lacks(&rig, "aws_s3_bucket", json!({"bucket": unique("none")})).await;
    let found = rig.data("aws_canonical_user_id", json!({})).await.unwrap();
    assert!(!found["id"].as_str().unwrap().is_empty());

    let topic = rig.create("aws_sns_topic", json!({"name": unique("t"), "tags": {"a": "1"}})).await;
    let found = rig.data("aws_sns_topic", json!({"name": topic.state.get("name").as_str()})).await.unwrap();
    same(&found, &topic, &[("arn", "arn"), ("id", "arn"), ("tags", "tags_all")]);
    lacks(&rig, "aws_sns_topic", json!({"name": "none"})).await;

    let queue = rig.create("aws_sqs_queue", json!({"name": unique("q"), "tags": {"a": "1"}})).await;
    let found = rig.data("aws_sqs_queue", json!({"name": queue.state.get("name").as_str()})).await.unwrap();
    same(&found, &queue, &[("arn", "arn"), ("id", "url"), ("url", "url"), ("tags", "tags_all")]);
    lacks(&rig, "aws_sqs_queue", json!({"name": "none"})).await;

    let group = json!({"name": unique("/app"), "retention_in_days": 7, "tags": {"a": "1"}});
    let group = rig.create("aws_cloudwatch_log_group", group).await;
    let found = rig.data("aws_cloudwatch_log_group", json!({"name": group.id})).await.unwrap();
    alike(&found, &group, &["arn", "log_group_class", "retention_in_days"]);
    assert!(found["creation_time"].as_i64().unwrap() > 1_000_000_000_000, "{found}");
    lacks(&rig, "aws_cloudwatch_log_group", json!({"name": "/ap"})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters() {
    let rig = Rig::new().await;
    for kind in ["String", "SecureString"] {
        let parameter = json!({"name": unique("/p"), "type": kind, "value": "v"});
        let parameter = rig.create("aws_ssm_parameter", parameter).await;
        let found = rig.data("aws_ssm_parameter", json!({"name": parameter.id})).await.unwrap();
        alike(&found, &parameter, &["arn", "type", "value", "version"]);
        assert_eq!(found["with_decryption"], json!(true));
        assert_eq!(found["insecure_value"], if kind == "String" { "v" } else { "" });
        let sealed = json!({"name": parameter.id, "with_decryption": false});
        let sealed = rig.data("aws_ssm_parameter", sealed).await.unwrap();
        assert_eq!(sealed["value"] == "v", kind == "String");
    }
    lacks(&rig, "aws_ssm_parameter", json!({"name": "/none"})).await;
    // The value stays hidden.
    assert!(rig.provider.data("aws_ssm_parameter").unwrap().block.attrs["value"].sensitive);
}

#[tokio::test(flavor = "multi_thread")]
async fn databases() {
    let rig = Rig::new().await;
    let name = unique("db");
    let config = json!({
        "identifier": name, "engine": "postgres", "instance_class": "db.t3.micro", "allocated_storage": 20,
        "username": "admin1", "password": "not-a-secret", "skip_final_snapshot": true, "tags": {"n": name},
    });
    let db = rig.create("aws_db_instance", config).await;
    for config in [json!({"db_instance_identifier": name}), json!({"tags": {"n": name}})] {
        let found = rig.data("aws_db_instance", config).await.unwrap();
        alike(
            &found,
            &db,
            &["address", "allocated_storage", "endpoint", "engine", "resource_id", "storage_type", "tags"],
        );
        same(&found, &db, &[("db_instance_arn", "arn"), ("id", "identifier"), ("master_username", "username")]);
    }
    lacks(&rig, "aws_db_instance", json!({"db_instance_identifier": "none"})).await;
    lacks(&rig, "aws_db_instance", json!({"tags": {"n": "none"}})).await;
}
