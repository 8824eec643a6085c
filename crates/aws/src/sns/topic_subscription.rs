//! `aws_sns_topic_subscription`.

use super::name_of;
use crate::kit::attributes::{self, Kind, Table};
use crate::kit::prelude::*;

/// A subscription.
///
/// Subscriptions of people, and of web endpoints that do not confirm by themselves, stay pending until somebody confirms.
/// A pending subscription cannot be deleted: AWS drops it after three days.
#[derive(Clone, Debug, Resource)]
#[resource(
    type = "aws_sns_topic_subscription",
    identity(key(&["topic_arn", "protocol", "endpoint"])),
    refused(("confirmation_timeout_in_minutes", "A new subscription is waited for as long as any other object."))
)]
pub(crate) struct Subscription {
    /// ARN.
    #[attr(starts_with = "arn:")]
    arn: Computed<String>,
    /// Minutes within which an endpoint must have confirmed.
    #[attr(default = 1, integer)]
    confirmation_timeout_in_minutes: Local<i32>,
    /// Whether the confirmation was signed.
    confirmation_was_authenticated: Computed<bool>,
    /// How deliveries are repeated.
    #[attr(json)]
    delivery_policy: Option<Json>,
    /// Where messages go.
    #[attr(force_new)]
    endpoint: String,
    /// Whether a web endpoint confirms by itself.
    #[attr(default = false)]
    endpoint_auto_confirms: Local<bool>,
    /// Which messages are delivered.
    #[attr(json)]
    filter_policy: Option<Json>,
    /// What `filter_policy` looks at.
    #[attr(one_of("MessageAttributes", "MessageBody"))]
    filter_policy_scope: OptComputed<String>,
    /// Account that owns the subscription.
    owner_id: Computed<String>,
    /// Whether it waits for confirmation.
    #[attr(stays)]
    pending_confirmation: Computed<bool>,
    /// Kind of endpoint.
    #[attr(
        force_new,
        one_of("application", "email", "email-json", "firehose", "http", "https", "lambda", "sms", "sqs")
    )]
    protocol: String,
    /// Deliver messages without an envelope.
    #[attr(default = false)]
    raw_message_delivery: bool,
    /// Where messages go that cannot be delivered.
    #[attr(json)]
    redrive_policy: Option<Json>,
    /// Which archived messages are sent again.
    #[attr(json)]
    replay_policy: Option<Json>,
    /// Role that delivers to Firehose.
    #[attr(arn)]
    subscription_role_arn: Option<String>,
    /// Topic.
    #[attr(force_new, arn)]
    topic_arn: String,
}

/// What can be set.
const SETTINGS: Table = &[
    ("delivery_policy", "DeliveryPolicy", Kind::Text),
    ("filter_policy", "FilterPolicy", Kind::Text),
    ("filter_policy_scope", "FilterPolicyScope", Kind::Text),
    ("raw_message_delivery", "RawMessageDelivery", Kind::Bool),
    ("redrive_policy", "RedrivePolicy", Kind::Text),
    ("replay_policy", "ReplayPolicy", Kind::Text),
    ("subscription_role_arn", "SubscriptionRoleArn", Kind::Text),
];
/// What only the service sets, or only the create.
const FIXED: Table = &[
    ("arn", "SubscriptionArn", Kind::Text),
    ("confirmation_was_authenticated", "ConfirmationWasAuthenticated", Kind::Bool),
    ("endpoint", "Endpoint", Kind::Text),
    ("owner_id", "Owner", Kind::Text),
    ("pending_confirmation", "PendingConfirmation", Kind::Bool),
    ("protocol", "Protocol", Kind::Text),
    ("topic_arn", "TopicArn", Kind::Text),
];

impl Resource for Subscription {
    const ACTIONS: &'static [&'static str] = &[
        "sns:GetSubscriptionAttributes",
        "sns:ListSubscriptionsByTopic",
        "sns:SetSubscriptionAttributes",
        "sns:Subscribe",
        "sns:Unsubscribe",
    ];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let at = only(at);
        let found = cx.sns().get_subscription_attributes().subscription_arn(&at.id).send().await?;
        let map = found.attributes.unwrap_or_default();
        let map = |k: &str| map.get(k).map(String::as_str);
        let fixed: Self = attributes::read(FIXED, map, Known::object());
        let mut value: Self = attributes::read(SETTINGS, map, crate::kit::HasSchema::encode(&fixed));
        if at.known.filter_policy.is_none() {
            value.filter_policy = value.filter_policy.filter(|p| p.as_str() != "{}");
        }
        let status = if value.pending_confirmation == Some(true) && confirms(&at.known) {
            Status::Pending
        } else {
            Status::Ready
        };
        Ok(vec![at.live(&at.id, value).status(status)])
    }

    async fn create(cx: &Cx, new: &Self) -> Result<String> {
        let mut call = cx.sns().subscribe().topic_arn(&new.topic_arn).protocol(&new.protocol).endpoint(&new.endpoint);
        for (name, value) in attributes::set(SETTINGS, new) {
            call = call.attributes(name, value);
        }
        let made = call.return_subscription_arn(true).send().await?;
        made.subscription_arn.ok_or_else(|| Error::incomplete("the subscription's ARN"))
    }

    async fn delete(cx: &Cx, at: &Ref<Self>) -> Result<()> {
        match cx.sns().unsubscribe().subscription_arn(&at.id).send().await.map_err(Error::from) {
            Err(e) if e.code().starts_with("InvalidParameter") && e.to_string().contains("pending confirmation") => {
                Ok(())
            }
            done => done.map(|_| ()),
        }
    }

    async fn find(cx: &Cx, intent: &Intent<Self>) -> Result<Vec<Live<Self>>> {
        let keys = &intent.keys;
        let pages = cx.sns().list_subscriptions_by_topic().topic_arn(&keys.topic_arn).into_paginator().items().send();
        let found = all(pages).await.absent()?.unwrap_or_default();
        let same =
            found.into_iter().find(|s| s.protocol() == Some(&keys.protocol) && s.endpoint() == Some(&keys.endpoint));
        // Pending subscriptions are listed without their ARN; subscribing again answers with it.
        match same.and_then(|s| s.subscription_arn).filter(|arn| !name_of(arn).is_empty() && arn.starts_with("arn:")) {
            Some(arn) => intent.read(cx, arn).await,
            None => Ok(Vec::new()),
        }
    }

    fn plan(draft: &mut Draft<'_>) {
        let set = |v: &Partial| v.as_str() != Some("") && !v.is_null();
        if set(draft.config("filter_policy_scope")) && !set(draft.config("filter_policy")) {
            draft.error("filter_policy_scope", "`filter_policy_scope` says what `filter_policy` looks at: set both.");
        }
    }
}

impl Update for Subscription {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        let mut changed = attributes::changed(SETTINGS, ch);
        // Every policy on attributes fits the scope of bodies, but not the other way round: that scope comes before the
        // policy, the scope of attributes after it.
        changed.sort_by_key(|(name, value)| match (*name, value.as_str()) {
            ("FilterPolicyScope", "MessageBody") => 0,
            ("FilterPolicyScope", _) => 2,
            _ => 1,
        });
        for (name, value) in changed {
            // The empty policy is how a policy is removed.
            let value = if name == "FilterPolicy" && value.is_empty() { "{}".to_owned() } else { value };
            let call = cx.sns().set_subscription_attributes().subscription_arn(&ch.at.id);
            call.attribute_name(name).attribute_value(value).send().await?;
        }
        Ok(())
    }
}

/// Whether the endpoint confirms without anybody's help.
fn confirms(s: &Subscription) -> bool {
    match s.protocol.as_str() {
        "http" | "https" => s.endpoint_auto_confirms,
        "email" | "email-json" | "" => false,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attribute_is_read() {
        let mut besides: Vec<&str> = FIXED.iter().map(|(ours, ..)| *ours).collect();
        besides.extend(["confirmation_timeout_in_minutes", "endpoint_auto_confirms", "id"]);
        assert_eq!(attributes::missing::<Subscription>(SETTINGS, &besides), Vec::<&str>::new());
    }
}
