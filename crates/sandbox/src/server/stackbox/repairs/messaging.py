"""Repairs of SNS and SQS."""
import json

from stackbox.repairs import AwsError, repair, replace

CONFIRMED_BY_OWNER = ("email", "email-json", "http", "https")
"""Protocols whose endpoint has to confirm a subscription (SNS developer guide, "Subscription confirmation")."""


def pending(subscription):
    return subscription.protocol in CONFIRMED_BY_OWNER and not subscription.confirmed


@repair("sns")
def unconfirmed_subscriptions():
    """SNS API reference, GetSubscriptionAttributes (PendingConfirmation) and Unsubscribe: a subscription that awaits
    its endpoint's confirmation says so and cannot be unsubscribed."""
    from moto.sns.models import SNSBackend

    @replace(SNSBackend, "subscribe")
    def subscribe(old, self, *args, **kwargs):
        subscription = old(self, *args, **kwargs)
        if pending(subscription):
            subscription.attributes["PendingConfirmation"] = "true"
            subscription.attributes["ConfirmationWasAuthenticated"] = "false"
        return subscription

    @replace(SNSBackend, "unsubscribe")
    def unsubscribe(old, self, subscription_arn):
        subscription = self.subscriptions.get(subscription_arn)
        if subscription is not None and pending(subscription):
            message = "Invalid parameter: SubscriptionArn Reason: Cannot unsubscribe a subscription that is pending confirmation"
            raise AwsError("InvalidParameter", message)
        return old(self, subscription_arn)


@repair("sns")
def topic_attributes():
    """SNS API reference, GetTopicAttributes: every attribute that CreateTopic or SetTopicAttributes was given."""
    from moto.core.utils import camelcase_to_underscores
    from moto.sns.responses import SNSResponse

    names = ["SignatureVersion", "TracingConfig", "FifoThroughputScope", "ArchivePolicy", "ContentBasedDeduplication"]
    for target in ("HTTP", "Firehose", "Lambda", "Application", "SQS"):
        names += [f"{target}{what}" for what in ("SuccessFeedbackRoleArn", "SuccessFeedbackSampleRate", "FailureFeedbackRoleArn")]

    @replace(SNSResponse, "get_topic_attributes")
    def get_topic_attributes(old, self):
        answer, topic = old(self), self.backend.get_topic(self._get_param("TopicArn"))
        for name in names:
            value = getattr(topic, camelcase_to_underscores(name), None)
            if value not in (None, ""):
                answer.result["Attributes"].setdefault(name, value)
        return answer

    @replace(SNSResponse, "create_topic")
    def create_topic(old, self):
        answer = old(self)
        topic = self.backend.get_topic(answer.result["TopicArn"])
        for name, value in (self._get_attributes() or {}).items():
            if not hasattr(topic, camelcase_to_underscores(name)):
                setattr(topic, camelcase_to_underscores(name), value)
        return answer


@repair("sqs")
def redrive_policies():
    """SQS API reference, GetQueueAttributes: RedrivePolicy and RedriveAllowPolicy are JSON objects as text, without
    blanks, and absent where never set."""
    from moto.sqs.models import Queue

    def compact(value):
        return json.dumps(json.loads(value) if isinstance(value, str) else value, separators=(",", ":"))

    Queue.redrive_allow_policy = None
    if "RedriveAllowPolicy" not in Queue.BASE_ATTRIBUTES:
        Queue.BASE_ATTRIBUTES.append("RedriveAllowPolicy")

    @replace(Queue, "attributes", as_property=True)
    def attributes(old, self):
        found = old(self)
        for name in ("RedrivePolicy", "RedriveAllowPolicy"):
            if found.get(name):
                found[name] = compact(found[name])
            else:
                found.pop(name, None)
        return found


@repair("sqs")
def kept_policy():
    """SQS API reference, SetQueueAttributes: attributes that are not named keep their value; an empty Policy removes
    the policy."""
    from moto.sqs.models import Queue

    @replace(Queue, "_set_attributes")
    def set_attributes(old, self, attributes, now=None):
        kept = self.__dict__.get("_policy_json")
        old(self, attributes, now)
        if "Policy" not in attributes and kept:
            self._policy_json = kept
