//! `aws_sns_topic`.

use super::{name_of, tags};
use crate::kit::attributes::{self, Kind, Table};
use crate::kit::names;
use crate::kit::prelude::*;
use crate::kit::value::Value;

/// A topic.
///
/// Creating a topic does not fail where one of its name exists: a topic of somebody else is found before the request.
#[derive(Clone, Debug, Resource)]
#[resource(type = "aws_sns_topic", identity(name("name").silent().tagged()))]
pub(crate) struct Topic {
    /// Role for logging failed deliveries to mobile applications.
    #[attr(arn)]
    application_failure_feedback_role_arn: Option<String>,
    /// Role for logging successful deliveries to mobile applications.
    #[attr(arn)]
    application_success_feedback_role_arn: Option<String>,
    /// Percentage of successful deliveries to mobile applications that are logged.
    #[attr(range(0, 100))]
    application_success_feedback_sample_rate: Option<i32>,
    /// How long a FIFO topic archives messages.
    #[attr(json)]
    archive_policy: Option<Json>,
    /// ARN.
    #[attr(starts_with = "arn:")]
    arn: Computed<String>,
    /// From when on messages can be replayed.
    beginning_archive_time: Computed<String>,
    /// Tell duplicates of a FIFO topic by their content.
    #[attr(default = false)]
    content_based_deduplication: bool,
    /// How deliveries are repeated.
    #[attr(json)]
    delivery_policy: Option<Json>,
    /// Name in messages to people.
    display_name: Option<String>,
    /// What the throughput of a FIFO topic is limited by.
    #[attr(one_of("Topic", "MessageGroup"))]
    fifo_throughput_scope: OptComputed<String>,
    /// Whether it keeps messages in order.
    #[attr(force_new, default = false)]
    fifo_topic: bool,
    /// Role for logging failed deliveries to Firehose.
    #[attr(arn)]
    firehose_failure_feedback_role_arn: Option<String>,
    /// Role for logging successful deliveries to Firehose.
    #[attr(arn)]
    firehose_success_feedback_role_arn: Option<String>,
    /// Percentage of successful deliveries to Firehose that are logged.
    #[attr(range(0, 100))]
    firehose_success_feedback_sample_rate: Option<i32>,
    /// Role for logging failed deliveries to HTTP endpoints.
    #[attr(arn)]
    http_failure_feedback_role_arn: Option<String>,
    /// Role for logging successful deliveries to HTTP endpoints.
    #[attr(arn)]
    http_success_feedback_role_arn: Option<String>,
    /// Percentage of successful deliveries to HTTP endpoints that are logged.
    #[attr(range(0, 100))]
    http_success_feedback_sample_rate: Option<i32>,
    /// KMS key that encrypts messages.
    kms_master_key_id: Option<String>,
    /// Role for logging failed deliveries to functions.
    #[attr(arn)]
    lambda_failure_feedback_role_arn: Option<String>,
    /// Role for logging successful deliveries to functions.
    #[attr(arn)]
    lambda_success_feedback_role_arn: Option<String>,
    /// Percentage of successful deliveries to functions that are logged.
    #[attr(range(0, 100))]
    lambda_success_feedback_sample_rate: Option<i32>,
    /// Name; that of a FIFO topic ends in `.fifo`.
    #[attr(force_new)]
    name: Name,
    /// Account that owns the topic.
    owner: Computed<String>,
    /// Who may do what with the topic.
    #[attr(json)]
    policy: OptComputed<Policy>,
    /// Version of the hash by which messages are signed.
    #[attr(range(1, 2))]
    signature_version: OptComputed<i32>,
    /// Role for logging failed deliveries to queues.
    #[attr(arn)]
    sqs_failure_feedback_role_arn: Option<String>,
    /// Role for logging successful deliveries to queues.
    #[attr(arn)]
    sqs_success_feedback_role_arn: Option<String>,
    /// Percentage of successful deliveries to queues that are logged.
    #[attr(range(0, 100))]
    sqs_success_feedback_sample_rate: Option<i32>,
    /// Tags.
    tags: Tags,
    /// Whether X-Ray traces messages.
    #[attr(one_of("Active", "PassThrough"))]
    tracing_config: OptComputed<String>,
}

const ATTRIBUTES: Table = &[
    ("application_failure_feedback_role_arn", "ApplicationFailureFeedbackRoleArn", Kind::Text),
    ("application_success_feedback_role_arn", "ApplicationSuccessFeedbackRoleArn", Kind::Text),
    ("application_success_feedback_sample_rate", "ApplicationSuccessFeedbackSampleRate", Kind::Number),
    ("archive_policy", "ArchivePolicy", Kind::Text),
    ("arn", "TopicArn", Kind::Text),
    ("beginning_archive_time", "BeginningArchiveTime", Kind::Text),
    ("content_based_deduplication", "ContentBasedDeduplication", Kind::Bool),
    ("delivery_policy", "DeliveryPolicy", Kind::Text),
    ("display_name", "DisplayName", Kind::Text),
    ("fifo_throughput_scope", "FifoThroughputScope", Kind::Text),
    ("fifo_topic", "FifoTopic", Kind::Bool),
    ("firehose_failure_feedback_role_arn", "FirehoseFailureFeedbackRoleArn", Kind::Text),
    ("firehose_success_feedback_role_arn", "FirehoseSuccessFeedbackRoleArn", Kind::Text),
    ("firehose_success_feedback_sample_rate", "FirehoseSuccessFeedbackSampleRate", Kind::Number),
    ("http_failure_feedback_role_arn", "HTTPFailureFeedbackRoleArn", Kind::Text),
    ("http_success_feedback_role_arn", "HTTPSuccessFeedbackRoleArn", Kind::Text),
    ("http_success_feedback_sample_rate", "HTTPSuccessFeedbackSampleRate", Kind::Number),
    ("kms_master_key_id", "KmsMasterKeyId", Kind::Text),
    ("lambda_failure_feedback_role_arn", "LambdaFailureFeedbackRoleArn", Kind::Text),
    ("lambda_success_feedback_role_arn", "LambdaSuccessFeedbackRoleArn", Kind::Text),
    ("lambda_success_feedback_sample_rate", "LambdaSuccessFeedbackSampleRate", Kind::Number),
    ("owner", "Owner", Kind::Text),
    ("policy", "Policy", Kind::Text),
    ("signature_version", "SignatureVersion", Kind::Number),
    ("sqs_failure_feedback_role_arn", "SQSFailureFeedbackRoleArn", Kind::Text),
    ("sqs_success_feedback_role_arn", "SQSSuccessFeedbackRoleArn", Kind::Text),
    ("sqs_success_feedback_sample_rate", "SQSSuccessFeedbackSampleRate", Kind::Number),
    ("tracing_config", "TracingConfig", Kind::Text),
];

impl Resource for Topic {
    const ACTIONS: &'static [&'static str] = &[
        "sns:CreateTopic",
        "sns:DeleteTopic",
        "sns:GetTopicAttributes",
        "sns:ListTagsForResource",
        "sns:ListTopics",
        "sns:SetTopicAttributes",
        "sns:TagResource",
        "sns:UntagResource",
    ];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let at = only(at);
        let (found, tags) = futures::try_join!(
            async { Ok::<_, Error>(cx.sns().get_topic_attributes().topic_arn(&at.id).send().await?) },
            async { Ok(cx.sns().list_tags_for_resource().resource_arn(&at.id).send().await?) },
        )?;
        let map = found.attributes.unwrap_or_default();
        let tags = Tags::from_pairs(tags.tags().iter().map(|t| (Some(t.key()), Some(t.value()))));
        let more = Known::from([("name", Known::from(name_of(&at.id))), ("tags", tags.encode())]);
        Ok(vec![at.live(&at.id, attributes::read(ATTRIBUTES, |k| map.get(k).map(String::as_str), more))])
    }

    async fn create(cx: &Cx, new: &Self) -> Result<String> {
        let call = cx.sns().create_topic().name(&new.name).set_tags(tags(&new.tags)?);
        let call = if new.fifo_topic { call.attributes("FifoTopic", "true") } else { call };
        call.send().await?.topic_arn.ok_or_else(|| Error::incomplete("the topic's ARN"))
    }

    async fn delete(cx: &Cx, at: &Ref<Self>) -> Result<()> {
        cx.sns().delete_topic().topic_arn(&at.id).send().await?;
        Ok(())
    }

    async fn retag(cx: &Cx, at: &[Ref<Self>], add: &Tags, remove: &[String]) -> Result<()> {
        for r in at {
            if !remove.is_empty() {
                cx.sns().untag_resource().resource_arn(&r.id).set_tag_keys(Some(remove.to_vec())).send().await?;
            }
            if let Some(tags) = tags(add)? {
                cx.sns().tag_resource().resource_arn(&r.id).set_tags(Some(tags)).send().await?;
            }
        }
        Ok(())
    }

    async fn find(cx: &Cx, intent: &Intent<Self>) -> Result<Vec<Live<Self>>> {
        let name = &intent.keys.name;
        if !cx.account().is_empty() {
            return intent.read(cx, cx.arn("sns", name)).await;
        }
        let topics = all(cx.sns().list_topics().into_paginator().items().send()).await?;
        match topics.into_iter().filter_map(|t| t.topic_arn).find(|arn| name_of(arn) == name) {
            Some(arn) => intent.read(cx, arn).await,
            None => Ok(Vec::new()),
        }
    }

    fn plan(draft: &mut Draft<'_>) {
        names::plan_fifo(draft, "fifo_topic", 256);
        if draft.planned("fifo_topic") == &Partial::Bool(true) {
            return;
        }
        for attr in ["archive_policy", "content_based_deduplication", "fifo_throughput_scope"] {
            if draft.config(attr).is_known() && !stackctl_core::equal::is_zero(&draft.config(attr).or_null()) {
                draft.error(attr, format!("`{attr}` is for FIFO topics: set `fifo_topic = true`."));
            }
        }
    }
}

impl Update for Topic {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        for (name, value) in attributes::changed(ATTRIBUTES, ch) {
            // A topic always has a policy: an empty one is not sent.
            if name == "FifoTopic" || (name == "Policy" && value.is_empty()) {
                continue;
            }
            let call = cx.sns().set_topic_attributes().topic_arn(&ch.at.id);
            call.attribute_name(name).attribute_value(value).send().await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attribute_is_read() {
        let besides = ["id", "name", "name_prefix", "tags", "tags_all"];
        assert_eq!(attributes::missing::<Topic>(ATTRIBUTES, &besides), Vec::<&str>::new());
    }
}
