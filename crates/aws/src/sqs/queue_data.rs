//! `data.aws_sqs_queue`.

use aws_sdk_sqs::types::QueueAttributeName;

use crate::kit::prelude::*;

/// A queue.
#[derive(Clone, Debug, Data)]
#[data(type = "aws_sqs_queue")]
pub(crate) struct QueueData {
    /// ARN.
    arn: Computed<String>,
    /// URL.
    id: OptComputed<String>,
    /// Name.
    name: String,
    /// Tags.
    tags: OptComputed<BTreeMap<String, String>>,
    /// URL.
    url: Computed<String>,
}

impl Data for QueueData {
    const ACTIONS: &'static [&'static str] = &["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListQueueTags"];

    async fn read(cx: &Cx, config: &Self) -> Result<Self> {
        let found = cx.sqs().get_queue_url().queue_name(&config.name).send().await?;
        let url = found.queue_url.ok_or_else(|| Error::incomplete("the queue's URL"))?;
        let (found, tags) = futures::try_join!(
            async {
                let call = cx.sqs().get_queue_attributes().queue_url(&url);
                Ok::<_, Error>(call.attribute_names(QueueAttributeName::QueueArn).send().await?)
            },
            async { Ok(cx.sqs().list_queue_tags().queue_url(&url).send().await?) },
        )?;
        let tags = Tags(tags.tags.unwrap_or_default().into_iter().collect());
        Ok(QueueData {
            arn: found.attributes.and_then(|mut a| a.remove(&QueueAttributeName::QueueArn)),
            id: Some(url.clone()),
            name: config.name.clone(),
            tags: Some(cx.visible_tags(&tags)),
            url: Some(url),
        })
    }
}
