//! IAM policies, their relations to roles, and documents.

use serde_json::{Value as Json, json};

use crate::rig::{Object, Rig, unique};

fn allow(action: &str) -> String {
    json!({"Statement": [{"Effect": "Allow", "Action": [action], "Resource": "*"}], "Version": "2012-10-17"})
        .to_string()
}

async fn role(rig: &Rig) -> Object {
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}},
    ]});
    rig.create("aws_iam_role", json!({"name": unique("role"), "assume_role_policy": trust.to_string()})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn policy() {
    let rig = Rig::with(json!({"default_tags": [{"tags": {"team": "core"}}]})).await;
    let name = unique("policy");
    let with = |action: &str, tags: Json| json!({"name": name, "path": "/x/", "description": "d", "policy": allow(action), "tags": tags});
    let mut p = rig.create("aws_iam_policy", with("s3:Get*", json!({"a": "1"}))).await;
    assert_eq!(p.state.get("arn").to_json(), json!(format!("arn:aws:iam::123456789012:policy/x/{name}")));
    p = rig.update(p, with("s3:Get*", json!({"b": "1"})), &["tags", "tags_all"]).await;
    // More versions than AWS keeps.
    for action in ["s3:a", "s3:b", "s3:c", "s3:d", "s3:e", "s3:f"] {
        p = rig.update(p, with(action, json!({"b": "1"})), &["policy"]).await;
    }
    let raw = aws_sdk_iam::Client::new(&rig.raw().await);
    assert_eq!(raw.list_policy_versions().policy_arn(&p.id).send().await.unwrap().versions().len(), 5);
    rig.import(&p, &p.id, &[]).await;
    rig.delete(p).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn role_policy() {
    let rig = Rig::new().await;
    let role = role(&rig).await;
    let name = unique("inline");
    let with = |action: &str| json!({"name": name, "role": role.id, "policy": allow(action)});
    let p = rig.create("aws_iam_role_policy", with("s3:Get*")).await;
    assert_eq!(p.id, format!("{}:{name}", role.id));
    assert!(p.state.get("policy").as_str().unwrap().starts_with(r#"{"Version":"2012-10-17","Statement""#));
    let p = rig.update(p, with("s3:Put*"), &["policy"]).await;
    rig.import(&p, &p.id, &[]).await;
    rig.delete(p).await;
    rig.delete(role).await;
}

/// Attachments of one role are read with one request.
#[tokio::test(flavor = "multi_thread")]
async fn role_policy_attachment() {
    let rig = Rig::new().await;
    let role = role(&rig).await;
    let mut policies = Vec::new();
    for _ in 0..2 {
        policies.push(rig.create("aws_iam_policy", json!({"name": unique("p"), "policy": allow("s3:*")})).await);
    }
    let mut attached = Vec::new();
    for p in &policies {
        let config = json!({"role": role.id, "policy_arn": p.id});
        attached.push(rig.create("aws_iam_role_policy_attachment", config).await);
    }
    let lists = async || {
        let log = rig.sandbox.log().await.unwrap();
        let asked = |l: &&stackctl_sandbox::Logged| {
            l.action == "ListAttachedRolePolicies" && l.params.to_string().contains(&role.id)
        };
        log.iter().filter(asked).count()
    };
    let before = lists().await;
    let at = attached.iter().map(|a| stackctl_core::Ref { id: a.id.clone(), known: a.state.clone(), wanted: None });
    assert_eq!(rig.instance.read("aws_iam_role_policy_attachment", at.collect()).await.unwrap().len(), 2);
    assert_eq!(lists().await, before + 1);
    rig.import(&attached[0], &format!("{}/{}", role.id, policies[0].id), &[]).await;
    for o in attached.into_iter().chain(policies).chain([role]) {
        rig.delete(o).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn instance_profile() {
    let rig = Rig::new().await;
    let (one, two) = (role(&rig).await, role(&rig).await);
    let name = unique("profile");
    let with =
        |role: Option<&Object>, tags: Json| json!({"name": name, "role": role.map(|r| r.id.as_str()), "tags": tags});
    let p = rig.create("aws_iam_instance_profile", with(Some(&one), json!({"a": "1"}))).await;
    let p = rig.update(p, with(Some(&two), json!({"a": "2"})), &["role", "tags", "tags_all"]).await;
    let p = rig.update(p, with(None, json!({"a": "2"})), &["role"]).await;
    let p = rig.update(p, with(Some(&one), json!({"a": "2"})), &["role"]).await;
    rig.import(&p, &name, &[]).await;
    for o in [p, one, two] {
        rig.delete(o).await;
    }
}
