//! IAM types.

use serde_json::{Value as Json, json};

use crate::rig::{Rig, unique};

fn policy(principal: &str) -> String {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": principal}},
    ]})
    .to_string()
}

fn allow(action: &str) -> String {
    json!({"Statement": [{"Effect": "Allow", "Action": [action], "Resource": "*"}], "Version": "2012-10-17"})
        .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn role() {
    let rig = Rig::with(json!({"default_tags": [{"tags": {"team": "core"}}]})).await;
    let name = unique("role");
    let raw = aws_sdk_iam::Client::new(&rig.raw().await);
    let made = raw.create_policy().policy_name(unique("p")).policy_document(allow("s3:*")).send().await.unwrap();
    let arn = made.policy.unwrap().arn.unwrap();
    let with = |more: Json| {
        let mut c = json!({"name": name, "assume_role_policy": policy("ec2.amazonaws.com"), "path": "/x/"});
        c.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        c
    };
    let first = json!({
        "description": "d", "permissions_boundary": arn, "tags": {"a": "1"}, "managed_policy_arns": [arn],
        "inline_policy": [{"name": "a", "policy": allow("s3:Get*")}, {"name": "b", "policy": allow("s3:Put*")}],
    });
    let r = rig.create("aws_iam_role", with(first)).await;
    let second = json!({
        "description": "e", "tags": {"a": "2"}, "managed_policy_arns": [],
        "inline_policy": [{"name": "b", "policy": allow("s3:*")}, {"name": "c", "policy": allow("s3:Put*")}],
        "assume_role_policy": policy("rds.amazonaws.com"),
    });
    let changed = [
        "assume_role_policy",
        "description",
        "inline_policy",
        "managed_policy_arns",
        "permissions_boundary",
        "tags",
        "tags_all",
    ];
    let r = rig.update(r, with(second.clone()), &changed).await;
    let mut third = second;
    third["inline_policy"] = json!([{}]);
    third["force_detach_policies"] = json!(true);
    let r = rig.update(r, with(third), &["force_detach_policies", "inline_policy"]).await;
    rig.import(&r, &name, &[]).await;
    raw.attach_role_policy().role_name(&name).policy_arn(&arn).send().await.unwrap();
    rig.delete(r).await;
}

/// Without the exclusive arguments, policies of others stay.
#[tokio::test(flavor = "multi_thread")]
async fn role_without_policies() {
    let rig = Rig::new().await;
    let name = unique("bare");
    let config = json!({"name": name, "assume_role_policy": policy("ec2.amazonaws.com"), "max_session_duration": 7200});
    let r = rig.create("aws_iam_role", config.clone()).await;
    let raw = aws_sdk_iam::Client::new(&rig.raw().await);
    raw.put_role_policy().role_name(&name).policy_name("x").policy_document(allow("s3:*")).send().await.unwrap();
    let longer = json!({"name": name, "assume_role_policy": policy("ec2.amazonaws.com"), "max_session_duration": 3600});
    let r = rig.update(r, longer, &["max_session_duration"]).await;
    assert_eq!(raw.list_role_policies().role_name(&name).send().await.unwrap().policy_names().len(), 1);
    raw.delete_role_policy().role_name(&name).policy_name("x").send().await.unwrap();
    rig.delete(r).await;
}
