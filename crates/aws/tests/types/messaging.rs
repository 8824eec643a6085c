//! SNS and SQS types.

use serde_json::{Value as Json, json};
use stackctl_core::Intent;

use crate::rig::{Rig, known, unique};

fn policy(service: &str, action: &str, resource: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "x", "Effect": "Allow", "Principal": {"Service": service}, "Action": action, "Resource": resource},
    ]})
    .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn topic() {
    let rig = Rig::with(json!({"default_tags": [{"tags": {"team": "core"}}]})).await;
    let name = unique("topic");
    let arn = format!("arn:aws:sns:us-east-1:123456789012:{name}");
    let first = json!({
        "name": name, "display_name": "Alarms", "policy": policy("cloudwatch.amazonaws.com", "sns:Publish", &arn),
        "kms_master_key_id": "alias/aws/sns", "tags": {"a": "1"},
    });
    let t = rig.create("aws_sns_topic", first.clone()).await;
    assert_eq!(t.id, arn);
    // It is found before another create would take it over.
    let keys = known(json!({"name": name}));
    let found = rig.instance.find("aws_sns_topic", Intent { token: "other".into(), keys, since: None }).await.unwrap();
    assert_eq!(found.len(), 1);
    let mut second = first;
    second["display_name"] = json!("Bells");
    second["tags"] = json!({"b": "2"});
    second.as_object_mut().unwrap().remove("kms_master_key_id");
    let t = rig.update(t, second, &["display_name", "kms_master_key_id", "tags", "tags_all"]).await;
    rig.import(&t, &arn, &[]).await;
    rig.delete(t).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifo_topic() {
    let rig = Rig::new().await;
    let name = format!("{}.fifo", unique("fifo"));
    let with = |on: bool| json!({"name": name, "fifo_topic": true, "content_based_deduplication": on});
    let t = rig.create("aws_sns_topic", with(true)).await;
    let t = rig.update(t, with(false), &["content_based_deduplication"]).await;
    rig.delete(t).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn queue() {
    let rig = Rig::with(json!({"default_tags": [{"tags": {"team": "core"}}]})).await;
    let dead = rig.create("aws_sqs_queue", json!({"name": unique("dead"), "sqs_managed_sse_enabled": true})).await;
    let name = unique("queue");
    let arn = format!("arn:aws:sqs:us-east-1:123456789012:{name}");
    let redrive =
        |n: i32| json!({"deadLetterTargetArn": dead.state.get("arn").as_str(), "maxReceiveCount": n}).to_string();
    let first = json!({
        "name": name, "visibility_timeout_seconds": 60, "receive_wait_time_seconds": 20, "delay_seconds": 5,
        "policy": policy("sns.amazonaws.com", "sqs:SendMessage", &arn), "redrive_policy": redrive(5), "tags": {"a": "1"},
        "sqs_managed_sse_enabled": true,
    });
    let q = rig.create("aws_sqs_queue", first.clone()).await;
    assert_eq!(q.state.get("arn").to_json(), json!(arn));
    assert_eq!(q.state.get("url").to_json(), json!(q.id));
    let mut second = first;
    second["redrive_policy"] = json!(redrive(3));
    second["delay_seconds"] = json!(0);
    second["message_retention_seconds"] = json!(1_209_600);
    second["tags"] = json!({});
    let changed = ["delay_seconds", "message_retention_seconds", "redrive_policy", "tags", "tags_all"];
    let q = rig.update(q, second, &changed).await;
    rig.import(&q, &q.id, &[]).await;
    rig.delete(q).await;
    rig.delete(dead).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifo_queue() {
    let rig = Rig::new().await;
    let name = format!("{}.fifo", unique("fifo"));
    let with = |on: bool| json!({"name": name, "fifo_queue": true, "content_based_deduplication": on});
    let q = rig.create("aws_sqs_queue", with(true)).await;
    let q = rig.update(q, with(false), &["content_based_deduplication"]).await;
    rig.delete(q).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn subscription() {
    let rig = Rig::new().await;
    let topic = rig.create("aws_sns_topic", json!({"name": unique("news")})).await;
    let queue = rig.create("aws_sqs_queue", json!({"name": unique("inbox")})).await;
    let with = |more: Json| {
        let mut c = json!({"topic_arn": topic.id, "protocol": "sqs", "endpoint": queue.state.get("arn").as_str()});
        c.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        c
    };
    let filter = |v: &str| json!({"kind": [v]}).to_string();
    let first = with(json!({"raw_message_delivery": true, "filter_policy": filter("a")}));
    let s = rig.create("aws_sns_topic_subscription", first).await;
    let second = with(json!({"filter_policy": filter("b")}));
    let s = rig.update(s, second, &["filter_policy", "raw_message_delivery"]).await;
    let s = rig.update(s, with(json!({})), &["filter_policy"]).await;
    let bodies = with(json!({"filter_policy": filter("c"), "filter_policy_scope": "MessageBody"}));
    let s = rig.update(s, bodies, &["filter_policy", "filter_policy_scope"]).await;
    rig.import(&s, &s.id, &[]).await;
    rig.delete(s).await;
    rig.delete(queue).await;
    rig.delete(topic).await;
}
