//! Systems Manager types.

use serde_json::{Value as Json, json};

use crate::rig::{Rig, unique};

#[tokio::test(flavor = "multi_thread")]
async fn parameter() {
    let rig = Rig::with(json!({"default_tags": [{"tags": {"team": "core"}}]})).await;
    let name = format!("/test/{}", unique("p"));
    let with = |more: Json| {
        let mut c = json!({"name": name, "type": "String"});
        c.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        c
    };
    let first = with(json!({"value": "a", "description": "d", "tags": {"a": "1"}}));
    let p = rig.create("aws_ssm_parameter", first).await;
    assert_eq!(p.state.get("version").to_json(), json!(1));
    assert!(p.state.get("insecure_value").is_null());
    let second = with(json!({"value": "b", "description": "e", "allowed_pattern": "[a-z]", "tags": {"b": "1"}}));
    let p = rig.update(p, second, &["allowed_pattern", "description", "tags", "tags_all", "value"]).await;
    assert_eq!(p.state.get("version").to_json(), json!(2));
    rig.import(&p, &name, &[]).await;
    rig.delete(p).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parameter_shown_in_plans() {
    let rig = Rig::new().await;
    let name = unique("open");
    let with = |v: &str| json!({"name": name, "type": "StringList", "insecure_value": v});
    let p = rig.create("aws_ssm_parameter", with("a,b")).await;
    assert_eq!(p.state.get("insecure_value").to_json(), json!("a,b"));
    assert!(p.state.get("value").is_null());
    let p = rig.update(p, with("c"), &["insecure_value"]).await;
    rig.delete(p).await;
}

/// A value that came write-only is nowhere in state.
#[tokio::test(flavor = "multi_thread")]
async fn parameter_written_only() {
    let rig = Rig::new().await;
    let name = unique("secret");
    let with = |v: &str, version: i32| json!({"name": name, "type": "SecureString", "value_wo": v, "value_wo_version": version});
    let p = rig.create("aws_ssm_parameter", with("hunter2", 1)).await;
    assert!(!p.state.to_json().to_string().contains("hunter2"));
    assert_eq!(p.state.get("has_value_wo").to_json(), json!(true));
    let p = rig.update(p, with("hunter3", 2), &["value_wo_version"]).await;
    assert!(!p.state.to_json().to_string().contains("hunter"));
    let raw = aws_sdk_ssm::Client::new(&rig.raw().await);
    let found = raw.get_parameter().name(&name).with_decryption(true).send().await.unwrap();
    assert_eq!(found.parameter.unwrap().value.unwrap(), "hunter3");
    rig.delete(p).await;
}

/// With `overwrite` a parameter of somebody else is taken over, its tags included.
#[tokio::test(flavor = "multi_thread")]
async fn parameter_taken_over() {
    let rig = Rig::new().await;
    let name = unique("theirs");
    let raw = aws_sdk_ssm::Client::new(&rig.raw().await);
    let kind = aws_sdk_ssm::types::ParameterType::String;
    raw.put_parameter().name(&name).value("x").r#type(kind).send().await.unwrap();
    let config = json!({"name": name, "type": "String", "value": "y", "overwrite": true, "tags": {"a": "1"}});
    let p = rig.create("aws_ssm_parameter", config).await;
    assert_eq!(p.state.get("value").to_json(), json!("y"));
    rig.delete(p).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_are_read_together() {
    let rig = Rig::new().await;
    let mut all = Vec::new();
    for i in 0..12 {
        let config = json!({"name": unique("many"), "type": "String", "value": i.to_string()});
        all.push(rig.create("aws_ssm_parameter", config).await);
    }
    let at = all.iter().map(|p| stackctl_core::Ref { id: p.id.clone(), known: p.state.clone(), wanted: None });
    let live = rig.instance.read("aws_ssm_parameter", at.collect()).await.unwrap();
    assert_eq!(live.len(), 12);
    for (l, p) in live.iter().zip(&all) {
        assert_eq!(l.value.get("value"), p.state.get("value"));
    }
    for p in all {
        rig.delete(p).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parameter_opened() {
    let rig = Rig::new().await;
    let name = unique("opened");
    let p = rig.create("aws_ssm_parameter", json!({"name": name, "type": "SecureString", "value": "hunter2"})).await;
    let arn = p.state.get("arn").to_json();
    let opened = rig.open("aws_ssm_parameter", json!({"arn": arn})).await.unwrap();
    assert_eq!(
        (&opened["value"], &opened["type"], &opened["name"]),
        (&json!("hunter2"), &json!("SecureString"), &json!(name))
    );
    assert_eq!((&opened["arn"], &opened["with_decryption"], &opened["version"]), (&arn, &json!(true), &json!(1)));
    let closed = rig.open("aws_ssm_parameter", json!({"arn": arn, "with_decryption": false})).await.unwrap();
    assert!(closed["value"] != json!("hunter2") && closed["with_decryption"] == json!(false), "{closed}");
    rig.delete(p).await;
    assert!(rig.open("aws_ssm_parameter", json!({"arn": arn})).await.is_err());
}
