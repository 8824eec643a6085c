//! Repairs of IAM, SNS and SQS; the inventory.

use serde_json::json;

use super::gateway;
use crate::world;

const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;

#[tokio::test]
async fn iam_trust_policies() {
    let (_, aws) = world().await;
    let create =
        |document: &str| aws.query("iam", "CreateRole", &[("RoleName", "r"), ("AssumeRolePolicyDocument", document)]);
    for bad in ["{", "[]", "{}", POLICY, r#"{"Version":"2020-01-01","Statement":[]}"#] {
        create(bad).refused("MalformedPolicyDocument");
    }
    create(crate::control::TRUST).ok();
    aws.query("iam", "UpdateAssumeRolePolicy", &[("RoleName", "r"), ("PolicyDocument", POLICY)])
        .refused("MalformedPolicyDocument");
}

#[tokio::test]
async fn iam_delete_policy() {
    let (_, aws) = world().await;
    aws.query("iam", "CreateRole", &[("RoleName", "r"), ("AssumeRolePolicyDocument", crate::control::TRUST)]).ok();
    let arn = aws.query("iam", "CreatePolicy", &[("PolicyName", "p"), ("PolicyDocument", POLICY)]).ok().tag("Arn");
    let both = [("RoleName", "r"), ("PolicyArn", arn.as_str())];
    aws.query("iam", "AttachRolePolicy", &both).ok();
    aws.query("iam", "DeletePolicy", &both[1..]).refused("DeleteConflict");
    aws.query("iam", "DeleteRole", &both[..1]).refused("DeleteConflict");
    aws.query("iam", "DetachRolePolicy", &both).ok();
    let version = [both[1], ("PolicyDocument", POLICY), ("SetAsDefault", "true")];
    aws.query("iam", "CreatePolicyVersion", &version).ok();
    aws.query("iam", "DeletePolicy", &both[1..]).refused("DeleteConflict");
    aws.query("iam", "DeletePolicyVersion", &[both[1], ("VersionId", "v1")]).ok();
    aws.query("iam", "DeletePolicy", &both[1..]).ok();
    aws.query("iam", "DeleteRole", &both[..1]).ok();
}

#[tokio::test]
async fn sns_unconfirmed_subscriptions_and_topic_attributes() {
    let (_, aws) = world().await;
    let tracing = [("Attributes.entry.1.key", "TracingConfig"), ("Attributes.entry.1.value", "Active")];
    let topic = aws.query("sns", "CreateTopic", &[&[("Name", "t")], &tracing[..]].concat()).ok().tag("TopicArn");
    let attributes = aws.query("sns", "GetTopicAttributes", &[("TopicArn", &topic)]).ok();
    assert!(attributes.body.contains("TracingConfig"), "{}", attributes.body);
    let subscribe = |protocol, endpoint| {
        let to = [
            ("TopicArn", topic.as_str()),
            ("Protocol", protocol),
            ("Endpoint", endpoint),
            ("ReturnSubscriptionArn", "true"),
        ];
        aws.query("sns", "Subscribe", &to).ok().tag("SubscriptionArn")
    };
    let (mail, queue) = (subscribe("email", "a@example.com"), subscribe("sqs", "arn:aws:sqs:us-east-1:123456789012:q"));
    let pending = |arn: &str| {
        let got = aws.query("sns", "GetSubscriptionAttributes", &[("SubscriptionArn", arn)]).ok().body;
        got.replace(char::is_whitespace, "").contains("<key>PendingConfirmation</key><value>true</value>")
    };
    assert!(pending(&mail) && !pending(&queue));
    aws.query("sns", "Unsubscribe", &[("SubscriptionArn", &mail)]).refused("pending confirmation");
    aws.query("sns", "Unsubscribe", &[("SubscriptionArn", &queue)]).ok();
}

#[tokio::test]
async fn sqs_redrive_policies() {
    let (_, aws) = world().await;
    let dead = r#"{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:123456789012:dead","maxReceiveCount":3}"#;
    let create = |document| aws.json("sqs", "AmazonSQS.CreateQueue", document).ok();
    create(json!({"QueueName": "dead", "Attributes": {"RedriveAllowPolicy": r#"{"redrivePermission": "allowAll"}"#}}));
    create(json!({"QueueName": "q", "Attributes": {"RedrivePolicy": dead.replace(",", ", ")}}));
    let attributes = |name: &str| {
        let url = format!("{}/123456789012/{name}", aws.0.endpoint());
        let got =
            aws.json("sqs", "AmazonSQS.GetQueueAttributes", json!({"QueueUrl": url, "AttributeNames": ["All"]})).ok();
        serde_json::from_str::<serde_json::Value>(&got.body).unwrap()["Attributes"].clone()
    };
    assert_eq!(attributes("q")["RedrivePolicy"], dead);
    assert_eq!(attributes("q").get("RedriveAllowPolicy"), None);
    assert_eq!(attributes("dead")["RedriveAllowPolicy"], r#"{"redrivePermission":"allowAll"}"#);
}

#[tokio::test]
async fn sqs_kept_policy() {
    let (_, aws) = world().await;
    let url = format!("{}/123456789012/q", aws.0.endpoint());
    aws.json("sqs", "AmazonSQS.CreateQueue", json!({"QueueName": "q", "Attributes": {"Policy": POLICY}})).ok();
    let set = |attributes| {
        aws.json("sqs", "AmazonSQS.SetQueueAttributes", json!({"QueueUrl": url, "Attributes": attributes})).ok()
    };
    let policy = || {
        let all = json!({"QueueUrl": url, "AttributeNames": ["All"]});
        aws.json("sqs", "AmazonSQS.GetQueueAttributes", all).ok().body.contains("Statement")
    };
    set(json!({"DelaySeconds": "5"}));
    assert!(policy());
    set(json!({"Policy": ""}));
    assert!(!policy());
}

#[tokio::test]
async fn iam_update_role() {
    let (_, aws) = world().await;
    let name = ("RoleName", "r");
    let create = [
        name,
        ("AssumeRolePolicyDocument", crate::control::TRUST),
        ("Description", "text"),
        ("MaxSessionDuration", "7200"),
    ];
    aws.query("iam", "CreateRole", &create).ok();
    let role = || {
        let got = aws.query("iam", "GetRole", &[name]).ok();
        (got.tag("Description"), got.tag("MaxSessionDuration"))
    };
    aws.query("iam", "UpdateRole", &[name, ("MaxSessionDuration", "3600")]).ok();
    assert_eq!(role(), ("text".into(), "3600".into()));
    aws.query("iam", "UpdateRole", &[name, ("MaxSessionDuration", "7200")]).ok();
    aws.query("iam", "UpdateRole", &[name, ("Description", "new")]).ok();
    assert_eq!(role(), ("new".into(), "7200".into()));
}

#[tokio::test]
async fn logs_group_class_and_ssm_data_types() {
    let (_, aws) = world().await;
    aws.json("logs", "Logs_20140328.CreateLogGroup", json!({"logGroupName": "a"})).ok();
    aws.json(
        "logs",
        "Logs_20140328.CreateLogGroup",
        json!({"logGroupName": "b", "logGroupClass": "INFREQUENT_ACCESS"}),
    )
    .ok();
    let groups = aws.json("logs", "Logs_20140328.DescribeLogGroups", json!({})).ok().body;
    let groups: serde_json::Value = serde_json::from_str(&groups).unwrap();
    let classes: Vec<_> = groups["logGroups"].as_array().unwrap().iter().map(|g| g["logGroupClass"].clone()).collect();
    assert_eq!(classes, ["STANDARD", "INFREQUENT_ACCESS"]);
    let parameter = |kind| json!({"Name": "/p", "Value": "v", "Type": "String", "DataType": kind, "Overwrite": true});
    aws.json("ssm", "AmazonSSM.PutParameter", parameter("aws:ssm:integration")).ok();
    aws.json("ssm", "AmazonSSM.PutParameter", parameter("nonsense")).refused("data type is not supported");
}

#[tokio::test]
async fn the_world_has_what_was_made_and_nothing_else() {
    let (control, aws) = world().await;
    assert_eq!(control.world().await.unwrap().keys().collect::<Vec<_>>(), [""; 0]);
    let [vpc, subnet, internet, address, nat] = gateway(aws);
    let world = control.world().await.unwrap();
    for (kind, id) in [
        ("aws_vpc", &vpc),
        ("aws_subnet", &subnet),
        ("aws_internet_gateway", &internet),
        ("aws_eip", &address),
        ("aws_nat_gateway", &nat),
    ] {
        assert!(world[kind].contains_key(id), "{kind} in {world:?}");
    }
    assert_eq!((world["aws_vpc"].len(), world["aws_subnet"].len()), (1, 2));
    aws.query("ec2", "CreateTags", &[("ResourceId.1", &vpc), ("Tag.1.Key", "k"), ("Tag.1.Value", "v")]).ok();
    assert_eq!(control.world().await.unwrap()["aws_vpc"][&vpc]["tags"], json!({"k": "v"}));
    aws.query("ec2", "DeleteNatGateway", &[("NatGatewayId", &nat)]).ok();
    assert!(!control.world().await.unwrap().contains_key("aws_nat_gateway"));
}
