//! `aws_sqs_queue_policy`.

use aws_sdk_sqs::types::QueueAttributeName;

use crate::kit::prelude::*;

/// The policy of a queue.
#[derive(Clone, Debug, Resource)]
#[resource(type = "aws_sqs_queue_policy", version = 1, identity(key(&["queue_url"])))]
pub(crate) struct QueuePolicy {
    /// Who may do what with the queue.
    #[attr(json)]
    policy: Policy,
    /// URL of the queue.
    #[attr(force_new)]
    queue_url: String,
}

impl Resource for QueuePolicy {
    const ACTIONS: &'static [&'static str] = &["sqs:GetQueueAttributes", "sqs:SetQueueAttributes"];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let at = only(at);
        let call = cx.sqs().get_queue_attributes().queue_url(&at.id);
        let found = call.attribute_names(QueueAttributeName::Policy).send().await?;
        let policy = found.attributes.and_then(|mut a| a.remove(&QueueAttributeName::Policy)).unwrap_or_default();
        if policy.is_empty() {
            return Ok(Vec::new());
        }
        Ok(vec![at.live(&at.id, QueuePolicy { policy: policy.into(), queue_url: at.id.clone() })])
    }

    async fn create(cx: &Cx, new: &Self) -> Result<String> {
        put(cx, &new.queue_url, new.policy.as_str()).await?;
        Ok(new.queue_url.clone())
    }

    async fn delete(cx: &Cx, at: &Ref<Self>) -> Result<()> {
        put(cx, &at.id, "").await
    }
}

impl Update for QueuePolicy {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        if changed!(ch, policy) { put(cx, &ch.at.id, ch.new.policy.as_str()).await } else { Ok(()) }
    }
}

async fn put(cx: &Cx, queue: &str, policy: &str) -> Result<()> {
    cx.sqs().set_queue_attributes().queue_url(queue).attributes(QueueAttributeName::Policy, policy).send().await?;
    Ok(())
}
