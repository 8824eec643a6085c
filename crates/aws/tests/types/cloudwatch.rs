//! CloudWatch and CloudWatch Logs types.

use serde_json::{Value as Json, json};

use crate::rig::{Rig, unique};

fn alarm(name: &str, more: Json) -> Json {
    let mut c = json!({"alarm_name": name, "comparison_operator": "GreaterThanThreshold", "evaluation_periods": 2});
    c.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    c
}

#[tokio::test(flavor = "multi_thread")]
async fn metric_alarm() {
    let rig = Rig::with(json!({"default_tags": [{"tags": {"team": "core"}}]})).await;
    let (name, topic) = (unique("alarm"), "arn:aws:sns:us-east-1:123456789012:t");
    let first = json!({
        "metric_name": "CPUUtilization", "namespace": "AWS/RDS", "period": 300, "statistic": "Average", "threshold": 80.5,
        "dimensions": {"DBInstanceIdentifier": "db"}, "alarm_actions": [topic], "alarm_description": "d",
        "treat_missing_data": "breaching", "unit": "Percent", "datapoints_to_alarm": 1, "tags": {"a": "1"},
    });
    let a = rig.create("aws_cloudwatch_metric_alarm", alarm(&name, first.clone())).await;
    assert_eq!(a.state.get("tags_all").to_json(), json!({"a": "1", "team": "core"}));
    let mut second = first;
    second["threshold"] = json!(90);
    second["ok_actions"] = json!([topic]);
    second["actions_enabled"] = json!(false);
    second["tags"] = json!({"b": "2"});
    second.as_object_mut().unwrap().remove("alarm_actions");
    let changed = ["actions_enabled", "alarm_actions", "ok_actions", "tags", "tags_all", "threshold"];
    let a = rig.update(a, alarm(&name, second), &changed).await;
    rig.import(&a, &name, &[]).await;
    rig.delete(a).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metric_alarm_on_an_expression() {
    let rig = Rig::new().await;
    let name = unique("math");
    let with = |expression: &str| {
        let metric = |name: &str| {
            json!([{"metric_name": name, "namespace": "AWS/S3", "period": 60, "stat": "Sum", "unit": "Count",
                    "dimensions": {"BucketName": "b"}}])
        };
        alarm(
            &name,
            json!({"threshold": 1, "metric_query": [
                {"id": "e1", "expression": expression, "label": "rate", "return_data": true},
                {"id": "m1", "metric": metric("4xxErrors")},
                {"id": "m2", "metric": metric("AllRequests")},
            ]}),
        )
    };
    let a = rig.create("aws_cloudwatch_metric_alarm", with("m1/m2*100")).await;
    let a = rig.update(a, with("m1/m2"), &["metric_query"]).await;
    rig.import(&a, &name, &[]).await;
    rig.delete(a).await;
}

/// Many alarms are read with one request, and one for the tags of each.
#[tokio::test(flavor = "multi_thread")]
async fn alarms_are_read_together() {
    let rig = Rig::new().await;
    let mut alarms = Vec::new();
    for i in 0..3 {
        let more = json!({"metric_name": "m", "namespace": "n", "period": 60, "statistic": "Sum", "threshold": i});
        alarms.push(rig.create("aws_cloudwatch_metric_alarm", alarm(&unique("many"), more)).await);
    }
    let at = alarms.iter().map(|a| stackctl_core::Ref { id: a.id.clone(), known: a.state.clone(), wanted: None });
    assert_eq!(rig.instance.read("aws_cloudwatch_metric_alarm", at.collect()).await.unwrap().len(), 3);
    let log = rig.sandbox.log().await.unwrap();
    let all = |l: &&stackctl_sandbox::Logged| {
        let asked = l.params.to_string();
        l.action == "DescribeAlarms" && alarms.iter().all(|a| asked.contains(&a.id))
    };
    assert_eq!(log.iter().filter(all).count(), 1);
    for a in alarms {
        rig.delete(a).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn log_group() {
    let rig = Rig::new().await;
    let name = format!("/test/{}", unique("logs"));
    let with = |days: i32, tags: Json| json!({"name": name, "retention_in_days": days, "tags": tags});
    let g = rig.create("aws_cloudwatch_log_group", with(30, json!({"a": "1"}))).await;
    assert!(!g.state.get("arn").as_str().unwrap().ends_with('*'));
    let longer = rig.create("aws_cloudwatch_log_group", json!({"name": format!("{name}-longer")})).await;
    let g = rig.update(g, with(0, json!({"a": "2"})), &["retention_in_days", "tags", "tags_all"]).await;
    let g = rig.update(g, with(7, json!({"a": "2"})), &["retention_in_days"]).await;
    rig.import(&g, &name, &[]).await;
    let at = [&g, &longer].map(|g| stackctl_core::Ref { id: g.id.clone(), known: g.state.clone(), wanted: None });
    assert_eq!(rig.instance.read("aws_cloudwatch_log_group", at.to_vec()).await.unwrap().len(), 2);
    rig.delete(g).await;
    rig.delete(longer).await;
}

/// With `skip_destroy` the group stays.
#[tokio::test(flavor = "multi_thread")]
async fn log_group_that_stays() {
    let rig = Rig::new().await;
    let name = unique("kept");
    let g = rig.create("aws_cloudwatch_log_group", json!({"name": name, "skip_destroy": true})).await;
    let at = stackctl_core::Ref { id: g.id.clone(), known: g.state.clone(), wanted: None };
    rig.instance.delete("aws_cloudwatch_log_group", at).await.unwrap();
    let g = rig.update(g, json!({"name": name}), &["skip_destroy"]).await;
    rig.delete(g).await;
}
