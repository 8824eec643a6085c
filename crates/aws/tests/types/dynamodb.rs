//! Tables.

use serde_json::{Value as Json, json};

use crate::rig::{Object, Rig, known, unique};

const TY: &str = "aws_dynamodb_table";

/// A table with attributes `k` and others, paid per request unless `more` says otherwise.
fn table(name: &str, attributes: &[&str], more: Json) -> Json {
    let attributes: Vec<Json> = attributes.iter().map(|a| json!({"name": a, "type": "S"})).collect();
    let mut out = json!({"name": name, "hash_key": "k", "billing_mode": "PAY_PER_REQUEST", "attribute": attributes});
    out.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    out
}

fn indexes(o: &Object) -> Vec<(String, i64)> {
    let of = |i: &stackctl_core::Known| {
        (i.get("name").as_str().unwrap().to_owned(), i.get("read_capacity").as_i64().unwrap_or_default())
    };
    o.state.get("global_secondary_index").as_list().unwrap().iter().map(of).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn lock_table() {
    let rig = Rig::with(json!({"default_tags": [{"tags": {"team": "core"}}]})).await;
    let name = unique("locks");
    let first = json!({
        "point_in_time_recovery": [{"enabled": true}], "server_side_encryption": [{"enabled": true}],
        "tags": {"a": "1"}, "ttl": [{"attribute_name": "until", "enabled": true}],
    });
    let t = rig.create(TY, table(&name, &["k"], first)).await;
    assert_eq!(t.id, name);
    assert_eq!(
        t.state.get("arn").as_str(),
        Some(format!("arn:aws:dynamodb:us-east-1:123456789012:table/{name}").as_str())
    );
    let sse = t.state.get("server_side_encryption").as_list().unwrap();
    assert_eq!(sse[0].get("kms_key_arn").as_str(), Some(""), "the key of the service is not shown");
    let second = json!({
        "deletion_protection_enabled": true, "table_class": "STANDARD_INFREQUENT_ACCESS", "tags": {"b": "2"},
        "point_in_time_recovery": [{"enabled": true, "recovery_period_in_days": 7}],
        "server_side_encryption": [{"enabled": false}], "ttl": [{"enabled": false}],
    });
    let changed = [
        "deletion_protection_enabled",
        "point_in_time_recovery",
        "server_side_encryption",
        "table_class",
        "tags",
        "tags_all",
        "ttl",
    ];
    let t = rig.update(t, table(&name, &["k"], second), &changed).await;
    rig.import(&t, &name, &[]).await;
    let third = json!({"table_class": "STANDARD", "tags": {"b": "2"}});
    let t = rig.update(t, table(&name, &["k"], third), &["deletion_protection_enabled", "table_class"]).await;
    rig.delete(t).await;
}

/// Indexes come and go one after the other, also while the table is busy for a minute after each.
#[tokio::test(flavor = "multi_thread")]
async fn indexes_one_by_one() {
    let rig = Rig::new().await;
    rig.sandbox.states(&json!({"table": {"create": 60, "modify": 60}})).await.unwrap();
    let name = unique("orders");
    let index = |name: &str, hash: &str, more: Json| {
        let mut out = json!({"name": name, "hash_key": hash, "projection_type": "ALL"});
        out.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        out
    };
    let paid = |read: i64| json!({"read_capacity": read, "write_capacity": 1});
    let provisioned = |attributes: &[&str], read: i64, indexes: Json| {
        let more = json!({
            "billing_mode": "PROVISIONED", "read_capacity": read, "write_capacity": 2, "range_key": "r",
            "global_secondary_index": indexes,
            "local_secondary_index": [{"name": "l", "range_key": "x", "projection_type": "KEYS_ONLY"}],
        });
        table(&name, attributes, more)
    };
    let all = ["k", "r", "x", "y"];
    let two = json!([
        index("a", "x", paid(1)),
        index("b", "x", json!({"range_key": "y", "read_capacity": 1, "write_capacity": 1}))
    ]);
    let t = rig.create(TY, provisioned(&all, 1, two)).await;
    assert_eq!(indexes(&t), [("a".to_owned(), 1), ("b".to_owned(), 1)]);
    // One grows, one goes, two come.
    let three = json!([index("a", "x", paid(5)), index("c", "y", paid(1)), index("d", "y", paid(2))]);
    let t = rig.update(t, provisioned(&all, 3, three), &["global_secondary_index", "read_capacity"]).await;
    assert_eq!(indexes(&t), [("a".to_owned(), 5), ("c".to_owned(), 1), ("d".to_owned(), 2)]);
    // An index with other keys is made anew.
    let other = json!([index("a", "y", paid(5)), index("c", "y", paid(1)), index("d", "x", paid(2))]);
    let t = rig.update(t, provisioned(&all, 3, other), &["global_secondary_index"]).await;
    // Another way to pay, and back: capacities go and come with it.
    let free =
        |read: Json| json!([index("a", "y", read.clone()), index("c", "y", read.clone()), index("d", "x", read)]);
    let lsi = json!([{"name": "l", "range_key": "x", "projection_type": "KEYS_ONLY"}]);
    let on_demand = json!({
        "range_key": "r", "global_secondary_index": free(json!({})), "local_secondary_index": lsi,
        "on_demand_throughput": [{"max_read_request_units": 10, "max_write_request_units": -1}],
    });
    let t = rig.update(t, table(&name, &all, on_demand), &["billing_mode", "on_demand_throughput"]).await;
    let t = rig
        .update(
            t,
            provisioned(&all, 4, free(paid(3))),
            &["billing_mode", "global_secondary_index", "on_demand_throughput", "read_capacity", "write_capacity"],
        )
        .await;
    assert_eq!(indexes(&t).iter().map(|i| i.1).collect::<Vec<_>>(), [3, 3, 3]);
    rig.import(&t, &name, &[]).await;
    rig.delete(t).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn streams() {
    let rig = Rig::new().await;
    let name = unique("events");
    let stream = |on: bool, view: &str| table(&name, &["k"], json!({"stream_enabled": on, "stream_view_type": view}));
    let t = rig.create(TY, stream(true, "NEW_IMAGE")).await;
    let label = |o: &Object| o.state.get("stream_label").as_str().unwrap().to_owned();
    let first = label(&t);
    assert!(t.state.get("stream_arn").as_str().unwrap().ends_with(&first));
    let t = rig.update(t, stream(true, "KEYS_ONLY"), &["stream_view_type"]).await;
    assert_ne!(label(&t), first, "a stream with other content is another stream");
    let t = rig.update(t, stream(false, ""), &["stream_enabled", "stream_view_type"]).await;
    rig.delete(t).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas() {
    let rig = Rig::new().await;
    rig.sandbox.states(&json!({"table": {"modify": 30}})).await.unwrap();
    let name = unique("global");
    let with = |replicas: Json| {
        let more = json!({"replica": replicas, "stream_enabled": true, "stream_view_type": "NEW_AND_OLD_IMAGES", "tags": {"a": "1"}});
        table(&name, &["k"], more)
    };
    let arn = |o: &Object| {
        let replicas = o.state.get("replica").as_list().unwrap();
        assert_eq!(replicas.len(), 1);
        replicas[0].get("arn").as_str().unwrap().to_owned()
    };
    let t = rig.create(TY, with(json!([{"region_name": "eu-west-1", "point_in_time_recovery": true}]))).await;
    assert!(arn(&t).contains(":eu-west-1:"));
    // The old one goes, the new one comes, one after the other.
    let t = rig.update(t, with(json!([{"region_name": "us-west-2", "propagate_tags": true}])), &["replica"]).await;
    let there = arn(&t);
    assert!(there.contains(":us-west-2:"));
    let west = rig.beside(json!({"region": "us-west-2"})).await;
    let found = west.data("aws_dynamodb_table", json!({"name": name})).await.unwrap();
    assert_eq!((&found["arn"], &found["tags"]), (&json!(there), &json!({"a": "1"})));
    rig.import(&t, &name, &["replica"]).await;
    rig.delete(t).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn restored() {
    let rig = Rig::new().await;
    let source = rig.create(TY, table(&unique("old"), &["k"], json!({}))).await;
    let name = unique("new");
    let config = json!({
        "name": name, "billing_mode": "PAY_PER_REQUEST", "hash_key": "k", "attribute": [{"name": "k", "type": "S"}],
        "restore_source_name": source.id, "restore_to_latest_time": true, "tags": {"a": "1"},
        "deletion_protection_enabled": true,
    });
    let t = rig.create(TY, config.clone()).await;
    assert_eq!(t.state.get("deletion_protection_enabled").as_bool(), Some(true));
    // Another source is another table; none is as before.
    let mut other = config.clone();
    other["restore_source_name"] = json!("x");
    assert_eq!(crate::group_rules::replacing(&rig, TY, &known(other), &t.state).len(), 1);
    let mut none = config;
    none.as_object_mut().unwrap().remove("restore_source_name");
    assert!(crate::group_rules::replacing(&rig, TY, &known(none.clone()), &t.state).is_empty());
    none["deletion_protection_enabled"] = json!(false);
    let t = rig.update(t, none, &["deletion_protection_enabled", "restore_source_name"]).await;
    rig.delete(t).await;
    rig.delete(source).await;
}
