//! Small types: policies of topics and queues, dashboards, metrics of logs, identity providers.

use serde_json::{Value as Json, json};

use crate::rig::{Rig, known, unique};

fn policy(sid: &str, action: &str, resource: &str) -> String {
    let root = "arn:aws:iam::123456789012:root";
    json!({"Version": "2012-10-17", "Statement": [
        {"Sid": sid, "Effect": "Allow", "Principal": {"AWS": root}, "Action": action, "Resource": resource},
    ]})
    .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn topic_policy() {
    let rig = Rig::new().await;
    let topic = rig.create("aws_sns_topic", json!({"name": unique("t")})).await;
    let first = topic.state.get("policy").as_str().unwrap().to_owned();
    let with = |sid: &str| json!({"arn": topic.id, "policy": policy(sid, "sns:Publish", &topic.id)});
    let p = rig.create("aws_sns_topic_policy", with("a")).await;
    assert_eq!(p.state.get("owner").as_str(), Some("123456789012"));
    let p = rig.update(p, with("b"), &["policy"]).await;
    rig.import(&p, &topic.id, &[]).await;
    rig.delete(p).await;
    // The topic is as AWS made it.
    let live = rig.read_as("aws_sns_topic", &topic.id, known(json!({}))).await.unwrap();
    let (now, then) = (live.value.get("policy").clone(), known(json!(first)));
    assert!(stackctl_core::equal::same(stackctl_core::Equality::Policy, &now, &then), "{} {first}", now.to_json());
    rig.delete(topic).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn queue_policy() {
    let rig = Rig::new().await;
    let queue = rig.create("aws_sqs_queue", json!({"name": unique("q")})).await;
    let arn = queue.state.get("arn").as_str().unwrap().to_owned();
    let with = |sid: &str| json!({"queue_url": queue.id, "policy": policy(sid, "sqs:SendMessage", &arn)});
    let p = rig.create("aws_sqs_queue_policy", with("a")).await;
    let p = rig.update(p, with("b"), &["policy"]).await;
    rig.import(&p, &queue.id, &[]).await;
    rig.delete(p).await;
    rig.delete(queue).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dashboard() {
    let rig = Rig::new().await;
    let name = unique("board");
    let of = |text: &str| {
        let widget = json!({"type": "text", "width": 3, "height": 3, "properties": {"markdown": text}});
        json!({"dashboard_name": name, "dashboard_body": json!({"widgets": [widget]}).to_string()})
    };
    let board = rig.create("aws_cloudwatch_dashboard", of("a")).await;
    let board = rig.update(board, of("b"), &["dashboard_body"]).await;
    rig.import(&board, &name, &[]).await;
    rig.delete(board).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metric_filter() {
    let rig = Rig::new().await;
    let group = rig.create("aws_cloudwatch_log_group", json!({"name": unique("/app")})).await;
    let of = |pattern: &str, more: Json| {
        let mut metric = json!({"name": "Errors", "namespace": "App", "value": "1"});
        metric.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"log_group_name": group.id, "name": "errors", "pattern": pattern, "metric_transformation": [metric]})
    };
    let other = json!({"log_group_name": group.id, "name": "errors-2", "pattern": "",
        "metric_transformation": [{"name": "All", "namespace": "App", "value": "1"}]});
    let other = rig.create("aws_cloudwatch_log_metric_filter", other).await;
    let filter = rig.create("aws_cloudwatch_log_metric_filter", of(" ERROR ", json!({"default_value": "0"}))).await;
    assert_eq!(filter.state.get("pattern").as_str(), Some("ERROR"));
    let filter = rig
        .update(filter, of("WARN", json!({"unit": "Count", "value": "2"})), &["metric_transformation", "pattern"])
        .await;
    rig.import(&filter, &format!("{}:errors", group.id), &[]).await;
    rig.delete(filter).await;
    rig.delete(other).await;
    rig.delete(group).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn openid_connect_provider() {
    let rig = Rig::with(json!({"default_tags": [{"tags": {"team": "core"}}]})).await;
    let print = |c: char| c.to_string().repeat(40);
    let of = |ids: &[&str], thumbprint: char| json!({"url": "https://token.example.com/x", "client_id_list": ids, "thumbprint_list": [print(thumbprint)]});
    let p = rig.create("aws_iam_openid_connect_provider", of(&["a", "b"], '1')).await;
    assert_eq!(p.id, "arn:aws:iam::123456789012:oidc-provider/token.example.com/x");
    let p = rig.update(p, of(&["b", "c"], '2'), &["client_id_list", "thumbprint_list"]).await;
    // State as another tool writes it has the URL without its scheme: that is the same one.
    let mut bare = p.state.clone();
    bare.set("url", "token.example.com/x".into());
    let planned = rig.planned("aws_iam_openid_connect_provider", &known(of(&["b", "c"], '2')), Some(&bare));
    assert!(rig.differing("aws_iam_openid_connect_provider", &planned, &bare).is_empty());
    rig.import(&p, &p.id, &["url"]).await;
    rig.delete(p).await;
}
