//! `aws_sns_topic_policy`.

use crate::kit::prelude::*;

/// The policy of a topic.
///
/// A topic always has one: when the resource is destroyed, the topic gets the policy with which AWS makes topics.
#[derive(Clone, Debug, Resource)]
#[resource(type = "aws_sns_topic_policy", identity(key(&["arn"])), setting)]
pub(crate) struct TopicPolicy {
    /// ARN of the topic.
    #[attr(force_new, arn)]
    arn: String,
    /// Account that owns the topic.
    owner: Computed<String>,
    /// Who may do what with the topic.
    #[attr(json)]
    policy: Policy,
}

impl Resource for TopicPolicy {
    const ACTIONS: &'static [&'static str] = &["sns:GetTopicAttributes", "sns:SetTopicAttributes"];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let at = only(at);
        let found = cx.sns().get_topic_attributes().topic_arn(&at.id).send().await?;
        let map = found.attributes.unwrap_or_default();
        let text = |k: &str| map.get(k).cloned().unwrap_or_default();
        let value = TopicPolicy { arn: at.id.clone(), owner: Some(text("Owner")), policy: text("Policy").into() };
        Ok(vec![at.live(&at.id, value)])
    }

    async fn create(cx: &Cx, new: &Self) -> Result<String> {
        put(cx, &new.arn, new.policy.as_str()).await?;
        Ok(new.arn.clone())
    }

    async fn delete(cx: &Cx, at: &Ref<Self>) -> Result<()> {
        let owner = at.id.split(':').nth(4).unwrap_or_default();
        put(cx, &at.id, &first(&at.id, owner)).await
    }
}

impl Update for TopicPolicy {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        if changed!(ch, policy) { put(cx, &ch.at.id, ch.new.policy.as_str()).await } else { Ok(()) }
    }
}

async fn put(cx: &Cx, topic: &str, policy: &str) -> Result<()> {
    let call = cx.sns().set_topic_attributes().topic_arn(topic);
    call.attribute_name("Policy").attribute_value(policy).send().await?;
    Ok(())
}

/// The policy with which AWS makes topics (Amazon SNS developer guide, "Default topic policy").
fn first(topic: &str, owner: &str) -> String {
    const ACTIONS: [&str; 8] = [
        "SNS:GetTopicAttributes",
        "SNS:SetTopicAttributes",
        "SNS:AddPermission",
        "SNS:RemovePermission",
        "SNS:DeleteTopic",
        "SNS:Subscribe",
        "SNS:ListSubscriptionsByTopic",
        "SNS:Publish",
    ];
    serde_json::json!({
        "Version": "2008-10-17",
        "Id": "__default_policy_ID",
        "Statement": [{
            "Sid": "__default_statement_ID",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": ACTIONS,
            "Resource": topic,
            "Condition": {"StringEquals": {"AWS:SourceOwner": owner}},
        }],
    })
    .to_string()
}
