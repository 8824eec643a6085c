//! What goes wrong between us and the service, and what becomes of it.

use serde_json::json;
use stackctl_core::{Change, Error, ErrorKind, Intent, New, Ref};
use stackctl_sandbox::{Fault, Kind};

use crate::rig::{Rig, known, unique};

const GROUP: &str = "aws_security_group";

async fn create(rig: &Rig, name: &str) -> Result<String, Error> {
    let value = known(json!({"name": name, "description": "d", "vpc_id": null}));
    Ok(rig.instance.create(GROUP, New { value, token: format!("token-{name}") }).await?.id)
}

async fn sent(rig: &Rig, action: &str) -> usize {
    rig.sandbox.log().await.unwrap().iter().filter(|l| l.action == action).count()
}

/// The object exists, nobody knows its id: one request was sent, and the tag tells whose it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_create_is_not_repeated_after_a_lost_answer() {
    let rig = Rig::new().await;
    for kind in [Kind::LostAnswer, Kind::CutAnswer] {
        let name = unique("lost");
        rig.sandbox.clear_log().await.unwrap();
        rig.sandbox.faults(&[Fault::new(kind, "ec2", "CreateSecurityGroup")]).await.unwrap();
        let e = create(&rig, &name).await.unwrap_err();
        assert_eq!((e.kind, sent(&rig, "CreateSecurityGroup").await), (ErrorKind::Lost, 1), "{kind:?}: {e}");
        let intent = Intent { token: format!("token-{name}"), keys: known(json!({"name": name})), since: None };
        let found = rig.instance.find(GROUP, intent).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].evidence, stackctl_core::Evidence::Token);
        let strange = Intent { token: "another".into(), keys: known(json!({"name": name})), since: None };
        assert_eq!(rig.instance.find(GROUP, strange).await.unwrap()[0].evidence, stackctl_core::Evidence::OtherToken);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_inside_the_service_leaves_a_create_in_doubt() {
    let rig = Rig::new().await;
    rig.sandbox.faults(&[Fault::new(Kind::Error500, "ec2", "CreateSecurityGroup")]).await.unwrap();
    let e = create(&rig, &unique("inside")).await.unwrap_err();
    assert_eq!((e.kind, sent(&rig, "CreateSecurityGroup").await), (ErrorKind::Lost, 1), "{e}");
}

/// An SSM parameter gets a version with each request: an update is not repeated blindly either.
#[tokio::test(flavor = "multi_thread")]
async fn an_update_is_not_repeated_without_an_answer() {
    const PARAMETER: &str = "aws_ssm_parameter";
    let rig = Rig::new().await;
    for kind in [Kind::LostAnswer, Kind::CutAnswer, Kind::Error500] {
        let name = unique("again");
        let with = |value: &str| known(json!({"name": name, "type": "String", "value": value}));
        let id = rig.instance.create(PARAMETER, New { value: with("a"), token: name.clone() }).await.unwrap().id;
        rig.sandbox.clear_log().await.unwrap();
        rig.sandbox.faults(&[Fault::new(kind, "ssm", "PutParameter")]).await.unwrap();
        let at = Ref { id, known: with("a"), wanted: None };
        let fields = ["value".to_owned()].into();
        let change = Change { at, old: with("a"), new: with("b"), fresh: false, fields };
        let e = rig.instance.update(PARAMETER, change).await.unwrap_err();
        assert_eq!((e.kind, sent(&rig, "PutParameter").await), (ErrorKind::Lost, 1), "{e}");
    }
}

/// A throttled request was not carried out: it is sent again, creates too.
#[tokio::test(flavor = "multi_thread")]
async fn throttling_is_waited_out() {
    let rig = Rig::new().await;
    rig.sandbox.faults(&[Fault::new(Kind::Throttle, "ec2", "CreateSecurityGroup")]).await.unwrap();
    create(&rig, &unique("slow")).await.unwrap();
    assert_eq!(sent(&rig, "CreateSecurityGroup").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_are_repeated() {
    let rig = Rig::new().await;
    let id = create(&rig, &unique("read")).await.unwrap();
    for kind in [Kind::LostAnswer, Kind::CutAnswer, Kind::Error500] {
        rig.sandbox.faults(&[Fault::new(kind, "ec2", "DescribeSecurityGroups")]).await.unwrap();
        let at = Ref { id: id.clone(), known: known(json!({})), wanted: None };
        assert_eq!(rig.instance.read(GROUP, vec![at]).await.unwrap().len(), 1, "{kind:?}");
    }
}

/// Errors name service, operation, code and request, and never what was sent.
#[tokio::test(flavor = "multi_thread")]
async fn errors_carry_the_call() {
    let rig = Rig::new().await;
    let name = unique("twice");
    create(&rig, &name).await.unwrap();
    let e = create(&rig, &name).await.unwrap_err();
    let call = e.call.clone().unwrap();
    assert_eq!(e.kind, ErrorKind::Exists);
    assert_eq!((call.service.as_str(), call.operation.as_str()), ("ec2", "CreateSecurityGroup"));
    assert_eq!(call.code.as_deref(), Some("InvalidGroup.Duplicate"));
    assert!(call.request_id.is_some());
}

/// 250 groups are read in two requests, by whomever they are asked.
#[tokio::test(flavor = "multi_thread")]
async fn reads_are_batched() {
    let rig = Rig::new().await;
    let mut ids = Vec::new();
    for i in 0..30 {
        ids.push(create(&rig, &format!("batch-{i}")).await.unwrap());
    }
    // Ids that do not exist count like those that do.
    ids.extend((0..220).map(|i| format!("sg-{i:017x}")));
    rig.sandbox.clear_log().await.unwrap();
    let at = |id: &String| Ref { id: id.clone(), known: known(json!({})), wanted: None };
    let reads = ids.iter().map(|id| rig.instance.read(GROUP, vec![at(id)]));
    let found: usize = futures::future::try_join_all(reads).await.unwrap().iter().map(Vec::len).sum();
    assert_eq!((found, sent(&rig, "DescribeSecurityGroups").await), (30, 2));
}
