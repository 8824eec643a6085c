//! `aws_sqs_queue`.

use aws_sdk_sqs::types::QueueAttributeName;

use crate::kit::attributes::{self, Kind, Table};
use crate::kit::names;
use crate::kit::prelude::*;
use crate::kit::value::Value;

/// A queue.
///
/// Creating a queue does not fail where one of its name and attributes exists: a queue of somebody else is found before
/// the request. AWS keeps the name of a deleted queue for a minute.
#[derive(Clone, Debug, Resource)]
#[resource(
    type = "aws_sqs_queue",
    identity(name("name").silent().tagged()),
    timeouts(create = 180, delete = 180, update = 180),
    conflicts("kms_master_key_id", "sqs_managed_sse_enabled")
)]
pub(crate) struct Queue {
    /// ARN.
    #[attr(starts_with = "arn:")]
    arn: Computed<String>,
    /// Tell duplicates of a FIFO queue by their content.
    #[attr(default = false)]
    content_based_deduplication: bool,
    /// Where duplicates are looked for.
    #[attr(one_of("messageGroup", "queue"))]
    deduplication_scope: OptComputed<String>,
    /// Seconds for which new messages are hidden.
    #[attr(default = 0, range(0, 900))]
    delay_seconds: i32,
    /// Whether it keeps messages in order.
    #[attr(force_new, default = false)]
    fifo_queue: bool,
    /// What the throughput of a FIFO queue is limited by.
    #[attr(one_of("perMessageGroupId", "perQueue"))]
    fifo_throughput_limit: OptComputed<String>,
    /// Seconds for which a data key is used again.
    #[attr(range(60, 86400))]
    kms_data_key_reuse_period_seconds: OptComputed<i32>,
    /// KMS key that encrypts messages.
    kms_master_key_id: Option<String>,
    /// Largest message, in bytes.
    #[attr(default = 262_144, range(1024, 262_144))]
    max_message_size: i32,
    /// Seconds for which messages are kept.
    #[attr(default = 345_600, range(60, 1_209_600))]
    message_retention_seconds: i32,
    /// Name; that of a FIFO queue ends in `.fifo`.
    #[attr(force_new)]
    name: Name,
    /// Who may do what with the queue.
    #[attr(json)]
    policy: OptComputed<Policy>,
    /// Seconds for which a request waits for messages.
    #[attr(default = 0, integer)]
    receive_wait_time_seconds: i32,
    /// Which queues may use this one for messages that they cannot handle.
    #[attr(json)]
    redrive_allow_policy: OptComputed<Json>,
    /// Where messages go that cannot be handled.
    #[attr(json)]
    redrive_policy: OptComputed<Json>,
    /// Encrypt with a key of SQS.
    sqs_managed_sse_enabled: OptComputed<bool>,
    /// Tags.
    tags: Tags,
    /// URL, which is also the id.
    url: Computed<String>,
    /// Seconds for which a received message is hidden from others.
    #[attr(default = 30, range(0, 43200))]
    visibility_timeout_seconds: i32,
}

const ATTRIBUTES: Table = &[
    ("arn", "QueueArn", Kind::Text),
    ("content_based_deduplication", "ContentBasedDeduplication", Kind::Bool),
    ("deduplication_scope", "DeduplicationScope", Kind::Text),
    ("delay_seconds", "DelaySeconds", Kind::Number),
    ("fifo_queue", "FifoQueue", Kind::Bool),
    ("fifo_throughput_limit", "FifoThroughputLimit", Kind::Text),
    ("kms_data_key_reuse_period_seconds", "KmsDataKeyReusePeriodSeconds", Kind::Number),
    ("kms_master_key_id", "KmsMasterKeyId", Kind::Text),
    ("max_message_size", "MaximumMessageSize", Kind::Number),
    ("message_retention_seconds", "MessageRetentionPeriod", Kind::Number),
    ("policy", "Policy", Kind::Text),
    ("receive_wait_time_seconds", "ReceiveMessageWaitTimeSeconds", Kind::Number),
    ("redrive_allow_policy", "RedriveAllowPolicy", Kind::Text),
    ("redrive_policy", "RedrivePolicy", Kind::Text),
    ("sqs_managed_sse_enabled", "SqsManagedSseEnabled", Kind::Bool),
    ("visibility_timeout_seconds", "VisibilityTimeout", Kind::Number),
];
/// What AWS uses where nothing is said, and answers only for queues with a key.
const REUSE_SECONDS: i32 = 300;

impl Resource for Queue {
    const ACTIONS: &'static [&'static str] = &[
        "sqs:CreateQueue",
        "sqs:DeleteQueue",
        "sqs:GetQueueAttributes",
        "sqs:GetQueueUrl",
        "sqs:ListQueueTags",
        "sqs:SetQueueAttributes",
        "sqs:TagQueue",
        "sqs:UntagQueue",
    ];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let at = only(at);
        let (found, tags) = futures::try_join!(
            async {
                let call = cx.sqs().get_queue_attributes().queue_url(&at.id);
                Ok::<_, Error>(call.attribute_names(QueueAttributeName::All).send().await?)
            },
            async { Ok(cx.sqs().list_queue_tags().queue_url(&at.id).send().await?) },
        )?;
        let map = found.attributes.unwrap_or_default();
        let tags: BTreeMap<_, _> = tags.tags.unwrap_or_default().into_iter().collect();
        let name = at.id.rsplit('/').next().unwrap_or_default();
        let more = [("name", Known::from(name)), ("tags", tags.encode()), ("url", Known::from(at.id.as_str()))];
        let attribute = |k: &str| map.get(&QueueAttributeName::from(k)).map(String::as_str);
        let mut value: Self = attributes::read(ATTRIBUTES, attribute, Known::from(more));
        value.kms_data_key_reuse_period_seconds.get_or_insert(REUSE_SECONDS);
        Ok(vec![at.live(&at.id, value)])
    }

    async fn create(cx: &Cx, new: &Self) -> Result<String> {
        let mut call = cx.sqs().create_queue().queue_name(&new.name);
        for (name, value) in attributes::set(ATTRIBUTES, new) {
            call = call.attributes(QueueAttributeName::from(name), value);
        }
        // Queues are encrypted unless they are told not to be.
        if new.sqs_managed_sse_enabled == Some(false) {
            call = call.attributes(QueueAttributeName::SqsManagedSseEnabled, "false");
        }
        let tags = (!new.tags.is_empty()).then(|| new.tags.0.clone().into_iter().collect());
        call.set_tags(tags).send().await?.queue_url.ok_or_else(|| Error::incomplete("the queue's URL"))
    }

    async fn delete(cx: &Cx, at: &Ref<Self>) -> Result<()> {
        cx.sqs().delete_queue().queue_url(&at.id).send().await?;
        Ok(())
    }

    async fn retag(cx: &Cx, at: &[Ref<Self>], add: &Tags, remove: &[String]) -> Result<()> {
        for r in at {
            if !remove.is_empty() {
                cx.sqs().untag_queue().queue_url(&r.id).set_tag_keys(Some(remove.to_vec())).send().await?;
            }
            if !add.is_empty() {
                let tags = add.0.clone().into_iter().collect();
                cx.sqs().tag_queue().queue_url(&r.id).set_tags(Some(tags)).send().await?;
            }
        }
        Ok(())
    }

    async fn find(cx: &Cx, intent: &Intent<Self>) -> Result<Vec<Live<Self>>> {
        let found = cx.sqs().get_queue_url().queue_name(&intent.keys.name).send().await.absent()?;
        match found.and_then(|f| f.queue_url) {
            Some(url) => intent.read(cx, url).await,
            None => Ok(Vec::new()),
        }
    }

    fn plan(draft: &mut Draft<'_>) {
        names::plan_fifo(draft, "fifo_queue", 80);
        let on = Partial::Bool(true);
        if draft.config("content_based_deduplication") == &on && draft.planned("fifo_queue") == &Partial::Bool(false) {
            draft.error("content_based_deduplication", "This is for FIFO queues: set `fifo_queue = true`.");
        }
        // Without a key nothing is said about its use, neither to the service nor by it.
        let key = draft.planned("kms_master_key_id");
        let keyless = key.is_null() || key.as_str() == Some("");
        if keyless && draft.planned("sqs_managed_sse_enabled") != &on && !draft.is_create() {
            draft.keep("kms_data_key_reuse_period_seconds");
        }
    }
}

impl Update for Queue {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        let mut changed = attributes::changed(ATTRIBUTES, ch);
        if ch.new.kms_master_key_id.is_none() && ch.new.sqs_managed_sse_enabled != Some(true) {
            changed.retain(|(name, _)| *name != "KmsDataKeyReusePeriodSeconds");
        }
        if !changed.is_empty() {
            let of = |(name, value): (&str, String)| (QueueAttributeName::from(name), value);
            let attributes = changed.into_iter().map(of).collect();
            cx.sqs().set_queue_attributes().queue_url(&ch.at.id).set_attributes(Some(attributes)).send().await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attribute_is_read() {
        let besides = ["id", "name", "name_prefix", "tags", "tags_all", "url"];
        assert_eq!(attributes::missing::<Queue>(ATTRIBUTES, &besides), Vec::<&str>::new());
    }
}
