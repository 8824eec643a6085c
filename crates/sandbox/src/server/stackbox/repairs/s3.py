"""Repairs of S3. Answers are rewritten as text: moto's serializer has no place to hook into a root element."""
import base64
import json
import re
import urllib.parse
import uuid
from xml.etree import ElementTree

from stackbox.repairs import AwsError, after, before, repair, replace
from stackbox.wire import Answer

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
ROOTS = {
    "GetBucketVersioning": "VersioningConfiguration",
    "GetBucketAccelerateConfiguration": "AccelerateConfiguration",
    "GetBucketNotificationConfiguration": "NotificationConfiguration",
}
"""Action → root element of "Response Syntax" on the action's page of the S3 API reference."""
DEFAULT_ENCRYPTION = (
    f'<ServerSideEncryptionConfiguration xmlns="{NAMESPACE}"><Rule><ApplyServerSideEncryptionByDefault>'
    "<SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault>"
    "<BucketKeyEnabled>false</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>"
)
STORED = {"analytics", "intelligent-tiering", "inventory", "metrics", "requestPayment"}
"""Sub-resources of a bucket that moto ignores: the document that was put is the document that one gets."""


def _xml(body, status=200):
    return Answer(status, [("Content-Type", "application/xml")], b'<?xml version="1.0" encoding="UTF-8"?>\n' + body)


def _bucket(incoming):
    """moto's bucket of the request; the service's error where there is none."""
    from moto.s3.models import s3_backends
    from moto.utilities.utils import get_partition

    from stackbox.repairs import account_of

    name = urllib.parse.unquote(incoming.request.path.split("/")[1])
    bucket = s3_backends[account_of(incoming)][get_partition(incoming.region)].buckets.get(name)
    if bucket is None:
        raise AwsError("NoSuchBucket", "The specified bucket does not exist", 404, BucketName=name)
    return bucket


@after("s3")
def root_elements(incoming, answer):
    """S3 API reference, GetBucketVersioning, GetBucketAccelerateConfiguration and
    GetBucketNotificationConfiguration, "Response Syntax": the names of the root elements."""
    root = ROOTS.get(incoming.action)
    if not root or answer.status != 200:
        return answer
    text = re.sub(rb"^<\?xml[^>]*\?>\s*", b"", answer.body)
    found = re.match(rb"<([\w:]+)([^>]*?)(/?)>", text)
    if not found or found.group(1) == root.encode():
        return answer
    rest = text[found.end():].rpartition(b"</" + found.group(1))[0]
    body = f'<{root} xmlns="{NAMESPACE}">'.encode() + rest + f"</{root}>".encode()
    return _xml(body)


@before("s3")
def mfa_delete_is_kept(incoming):
    """S3 API reference, PutBucketVersioning: MfaDelete is part of the configuration; moto keeps the status alone."""
    if incoming.action == "PutBucketVersioning":
        found = re.search(rb"<MfaDelete>(\w+)</MfaDelete>", incoming.request.body)
        if found:
            _bucket(incoming).__dict__["sandbox_mfa_delete"] = found.group(1)
    return None


@after("s3")
def mfa_delete_is_told(incoming, answer):
    """S3 API reference, GetBucketVersioning: MfaDelete is returned once it was configured."""
    if incoming.action != "GetBucketVersioning" or answer.status != 200:
        return answer
    kept = _bucket(incoming).__dict__.get("sandbox_mfa_delete")
    end = answer.body.rfind(b"</")
    if kept is None or end < 0 or b"<MfaDelete>" in answer.body:
        return answer
    return _xml(re.sub(rb"^<\?xml[^>]*\?>\s*", b"", answer.body[:end] + b"<MfaDelete>" + kept + b"</MfaDelete>" + answer.body[end:]))


@before("s3")
def stored_documents(incoming):
    """S3 API reference, GetBucketRequestPayment (BucketOwner where nothing was put), PutBucketAnalyticsConfiguration,
    PutBucketIntelligentTieringConfiguration, PutBucketInventoryConfiguration, PutBucketMetricsConfiguration."""
    sub = next((s for s in incoming.query if s in STORED), None)
    if sub is None or len([p for p in incoming.request.path.split("/", 2) if p]) != 1:
        return None
    shelf = _bucket(incoming).__dict__.setdefault("sandbox_documents", {})
    key, method = (sub, incoming.query.get("id", "")), incoming.request.method
    if method == "PUT":
        shelf[key] = incoming.request.body
        return Answer(200)
    if method == "DELETE":
        if shelf.pop(key, None) is None:
            raise AwsError("NoSuchConfiguration", "The specified configuration does not exist.", 404)
        return Answer(204)
    if key in shelf:
        return _xml(re.sub(rb"^<\?xml[^>]*\?>\s*", b"", shelf[key]))
    if sub == "requestPayment":
        return _xml(f'<RequestPaymentConfiguration xmlns="{NAMESPACE}"><Payer>BucketOwner</Payer>'
                    "</RequestPaymentConfiguration>".encode())
    if key[1]:
        raise AwsError("NoSuchConfiguration", "The specified configuration does not exist.", 404)
    kind = {"analytics": "Analytics", "intelligent-tiering": "IntelligentTiering", "inventory": "Inventory",
            "metrics": "Metrics"}[sub]
    inner = b"".join(re.sub(rb"^<\?xml[^>]*\?>\s*", b"", d) for k, d in sorted(shelf.items()) if k[0] == sub)
    return _xml(f'<List{kind}ConfigurationsResult xmlns="{NAMESPACE}"><IsTruncated>false</IsTruncated>'.encode()
                + inner + f"</List{kind}ConfigurationsResult>".encode())


LACKING = {"abac", "metadataConfiguration", "metadataInventoryTable", "metadataJournalTable", "metadataTable", "session"}
"""Sub-resources of a bucket that moto takes for a listing of its objects."""


@before("s3")
def lacking_documents(incoming):
    """S3 API reference, GetBucketAbac, GetBucketMetadataConfiguration, CreateSession: not the bucket's objects."""
    if sub := next((s for s in incoming.query if s in LACKING), None):
        raise AwsError("NotSupportedBySandbox", f"{sub} of a bucket is not supported by the sandbox", 501)


@after("s3")
def created_tags(incoming, answer):
    """S3 API reference, CreateBucket, "CreateBucketConfiguration": Tags of the bucket that is created."""
    if incoming.action == "CreateBucket" and answer.status == 200 and b"<Tag>" in incoming.request.body:
        from moto.s3.models import s3_backends
        from moto.utilities.utils import get_partition

        from stackbox.repairs import account_of

        bucket = _bucket(incoming)
        root = ElementTree.fromstring(incoming.request.body)
        text = {child.tag.rpartition("}")[2]: [] for child in root.iter()}
        for child in root.iter():
            text[child.tag.rpartition("}")[2]].append(child.text or "")
        s3_backends[account_of(incoming)][get_partition(incoming.region)].tagger.tag_resource(
            bucket.arn, [{"Key": k, "Value": v} for k, v in zip(text.get("Key", []), text.get("Value", []))])
    return answer


@after("s3")
def request_id(incoming, answer):
    """S3 API reference, "Common response headers": x-amz-request-id."""
    if number := answer.header("x-amzn-requestid"):
        answer.set_header("x-amz-request-id", number)
    return answer


@after("s3")
def default_encryption(incoming, answer):
    """Amazon S3 user guide, "Default encryption FAQ": since January 2023 every bucket has SSE-S3 as the base level;
    deleting its configuration resets it to that."""
    if incoming.action == "GetBucketEncryption" and b"ServerSideEncryptionConfigurationNotFoundError" in answer.body:
        return _xml(DEFAULT_ENCRYPTION.encode())
    return answer


@repair("s3")
def access_logs():
    """Amazon S3 user guide, "Logging requests with server access logging": records arrive within a few hours, so a
    log bucket stays empty while a test runs."""
    from moto.s3.models import FakeBucket, S3Backend

    replace(S3Backend, "log_incoming_request")(lambda old, self, *args, **kwargs: None)

    @replace(FakeBucket, "set_logging")
    def set_logging(old, self, config, backend):
        if config and config["TargetBucket"] in backend.buckets:
            self.logging = config
        else:
            old(self, config, backend)


@repair("s3")
def secure_transport():
    """IAM user guide, "AWS global condition context keys", aws:SecureTransport: a statement for requests without TLS does
    not apply to others (moto ignores conditions). Requests to the sandbox stand for requests over TLS."""
    from moto.iam.access_control import IAMPolicy, PermissionResult
    from moto.s3.models import FakeBucket

    def without_tls(statement):
        wanted = statement.get("Condition", {}).get("Bool", {}).get("aws:SecureTransport")
        return str(wanted).lower() == "false"

    @replace(FakeBucket, "get_permission")
    def get_permission(old, self, action, resource):
        if self.policy is None:
            return old(self, action, resource)
        policy = json.loads(self.policy)
        statements = policy.get("Statement", [])
        statements = [statements] if isinstance(statements, dict) else statements
        policy["Statement"] = [s for s in statements if not without_tls(s)]
        if not policy["Statement"]:
            return PermissionResult.NEUTRAL
        return IAMPolicy(json.dumps(policy)).is_action_permitted(action, resource)


@after("s3")
def lifecycle_details(incoming, answer):
    """S3 API reference, PutBucketLifecycleConfiguration and GetBucketLifecycleConfiguration: rules come back as they
    were put (moto loses NewerNoncurrentVersions and sizes in filters), with an ID where none was given, and so does
    the header x-amz-transition-default-minimum-object-size."""
    header = "x-amz-transition-default-minimum-object-size"
    if "lifecycle" not in incoming.query or answer.status >= 300:
        return answer
    bucket = _bucket(incoming)
    if incoming.action == "PutBucketLifecycleConfiguration":
        rules = re.findall(rb"<Rule\b.*?</Rule>", incoming.request.body, re.S)
        bucket.sandbox_rules = [_with_id(rule) for rule in rules]
        bucket.sandbox_minimum = incoming.request.headers.get(header, "all_storage_classes_128K")
    elif incoming.action == "GetBucketLifecycleConfiguration" and hasattr(bucket, "sandbox_rules"):
        root = f'<LifecycleConfiguration xmlns="{NAMESPACE}">'.encode()
        answer = _xml(root + b"".join(bucket.sandbox_rules) + b"</LifecycleConfiguration>")
    answer.set_header(header, getattr(bucket, "sandbox_minimum", "all_storage_classes_128K"))
    return answer


def _with_id(rule):
    if re.search(rb"<ID>[^<]", rule):
        return rule
    number = base64.b64encode(uuid.uuid4().bytes + uuid.uuid4().bytes)[:32]
    return re.sub(rb"<Rule\b([^>]*)>", rb"<Rule\1><ID>" + number + b"</ID>", re.sub(rb"<ID\s*/>|<ID></ID>", b"", rule), count=1)
