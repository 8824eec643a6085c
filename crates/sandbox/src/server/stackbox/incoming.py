"""What a request asks for: service, region, action and parameters, in every AWS protocol."""
import functools
import json
import re
import urllib.parse

from stackbox import cbor

SERVICE_NAMES = {"monitoring": "cloudwatch", "email": "ses", "states": "stepfunctions"}
"""Signing names that differ from the name under which people know the service."""

_SCOPE = re.compile(r"Credential=([^/]*)/\d*/([^/]*)/([^/]+)/aws4_request")
_CHANGING = re.compile(r"^(Get|List|Describe|Head|Search|Lookup|Simulate|Batch(Get|Describe)|Query$|Scan$|Select|Check|"
                       r"AssumeRole|Validate|Filter|Test|Preview|Decode)")
_ACCESS_KEY = re.compile(r"AWSAccessKeyId=([^&]*)")

S3_BUCKET = {
    "": {"GET": "ListObjects", "PUT": "CreateBucket", "DELETE": "DeleteBucket", "HEAD": "HeadBucket", "POST": "PostObject"},
    "accelerate": {"GET": "GetBucketAccelerateConfiguration", "PUT": "PutBucketAccelerateConfiguration"},
    "acl": {"GET": "GetBucketAcl", "PUT": "PutBucketAcl"},
    "analytics": {"GET": "GetBucketAnalyticsConfiguration", "PUT": "PutBucketAnalyticsConfiguration",
                  "DELETE": "DeleteBucketAnalyticsConfiguration"},
    "cors": {"GET": "GetBucketCors", "PUT": "PutBucketCors", "DELETE": "DeleteBucketCors"},
    "delete": {"POST": "DeleteObjects"},
    "encryption": {"GET": "GetBucketEncryption", "PUT": "PutBucketEncryption", "DELETE": "DeleteBucketEncryption"},
    "intelligent-tiering": {"GET": "GetBucketIntelligentTieringConfiguration",
                            "PUT": "PutBucketIntelligentTieringConfiguration",
                            "DELETE": "DeleteBucketIntelligentTieringConfiguration"},
    "inventory": {"GET": "GetBucketInventoryConfiguration", "PUT": "PutBucketInventoryConfiguration",
                  "DELETE": "DeleteBucketInventoryConfiguration"},
    "lifecycle": {"GET": "GetBucketLifecycleConfiguration", "PUT": "PutBucketLifecycleConfiguration",
                  "DELETE": "DeleteBucketLifecycle"},
    "list-type": {"GET": "ListObjectsV2"},
    "location": {"GET": "GetBucketLocation"},
    "logging": {"GET": "GetBucketLogging", "PUT": "PutBucketLogging"},
    "metrics": {"GET": "GetBucketMetricsConfiguration", "PUT": "PutBucketMetricsConfiguration",
                "DELETE": "DeleteBucketMetricsConfiguration"},
    "notification": {"GET": "GetBucketNotificationConfiguration", "PUT": "PutBucketNotificationConfiguration"},
    "object-lock": {"GET": "GetObjectLockConfiguration", "PUT": "PutObjectLockConfiguration"},
    "ownershipControls": {"GET": "GetBucketOwnershipControls", "PUT": "PutBucketOwnershipControls",
                          "DELETE": "DeleteBucketOwnershipControls"},
    "policy": {"GET": "GetBucketPolicy", "PUT": "PutBucketPolicy", "DELETE": "DeleteBucketPolicy"},
    "policyStatus": {"GET": "GetBucketPolicyStatus"},
    "publicAccessBlock": {"GET": "GetPublicAccessBlock", "PUT": "PutPublicAccessBlock",
                          "DELETE": "DeletePublicAccessBlock"},
    "replication": {"GET": "GetBucketReplication", "PUT": "PutBucketReplication", "DELETE": "DeleteBucketReplication"},
    "requestPayment": {"GET": "GetBucketRequestPayment", "PUT": "PutBucketRequestPayment"},
    "tagging": {"GET": "GetBucketTagging", "PUT": "PutBucketTagging", "DELETE": "DeleteBucketTagging"},
    "uploads": {"GET": "ListMultipartUploads"},
    "versioning": {"GET": "GetBucketVersioning", "PUT": "PutBucketVersioning"},
    "versions": {"GET": "ListObjectVersions"},
    "website": {"GET": "GetBucketWebsite", "PUT": "PutBucketWebsite", "DELETE": "DeleteBucketWebsite"},
}
S3_OBJECT = {
    "": {"GET": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject", "HEAD": "HeadObject"},
    "acl": {"GET": "GetObjectAcl", "PUT": "PutObjectAcl"},
    "attributes": {"GET": "GetObjectAttributes"},
    "legal-hold": {"GET": "GetObjectLegalHold", "PUT": "PutObjectLegalHold"},
    "partNumber": {"PUT": "UploadPart"},
    "restore": {"POST": "RestoreObject"},
    "retention": {"GET": "GetObjectRetention", "PUT": "PutObjectRetention"},
    "tagging": {"GET": "GetObjectTagging", "PUT": "PutObjectTagging", "DELETE": "DeleteObjectTagging"},
    "torrent": {"GET": "GetObjectTorrent"},
    "uploadId": {"GET": "ListParts", "POST": "CompleteMultipartUpload", "DELETE": "AbortMultipartUpload"},
    "uploads": {"POST": "CreateMultipartUpload"},
}
S3_LISTS = {"analytics", "intelligent-tiering", "inventory", "metrics"}


class Incoming:
    """A request to AWS, understood. `params` is what a test asserts on; it holds no credentials."""

    def __init__(self, request):
        self.request = request
        self.query = dict(urllib.parse.parse_qsl(request.query, keep_blank_values=True))
        auth = request.headers.get("authorization", "") + urllib.parse.unquote(self.query.get("X-Amz-Credential", ""))
        scope = _SCOPE.search(auth if "Credential=" in auth else f"Credential={auth}")
        self.access_key, self.region, signing = scope.groups() if scope else ("", "us-east-1", None)
        self.target = request.headers.get("x-amz-target", "")
        self.form = {}
        if "x-www-form-urlencoded" in request.headers.get("content-type", "") and len(request.body) < 1 << 22:
            self.form = dict(urllib.parse.parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
        if signing is None:
            if self.form.get("Action", "").startswith("AssumeRole"):
                signing = "sts"
            else:
                signing = re.split(r"[._]", self.target)[0].lower() or "s3"
        self.service = SERVICE_NAMES.get(signing, signing)
        self.protocol, self.action, self.params = self._understand()

    @property
    def changes(self):
        """Does it change something? (By the action's verb.)"""
        return not _CHANGING.match(self.action)

    def _understand(self):
        """(protocol, action, parameters)."""
        request = self.request
        if rpc := re.fullmatch(r"/service/\w+/operation/(\w+)", request.path):
            body = cbor.loads(request.body) if request.body else {}
            return "rpc-v2-cbor", rpc.group(1), cbor.plain(body)
        if self.target:
            try:
                body = json.loads(request.body or b"{}")
            except ValueError:
                body = {}
            return "json", self.target.rpartition(".")[2], body
        form = self.form or self.query
        if "Action" in form and self.service != "s3":
            params = {k: v for k, v in form.items() if k not in ("Action", "Version")}
            return ("ec2" if self.service == "ec2" else "query"), form["Action"], params
        if self.service == "s3":
            return "rest-xml", self._s3_action(), self._rest_params()
        protocol, action = rest_action(self.service, request.method, request.path, request.query)
        return protocol, action, self._rest_params()

    def _rest_params(self):
        params = {k: v for k, v in self.query.items() if not k.startswith("X-Amz-")}
        headers = {k: v for k, v in self.request.headers.items()
                   if k.startswith(("if-", "x-amz-", "content-md5")) and k not in HIDDEN_HEADERS}
        text = self.request.body[:65536].decode("utf-8", "replace")
        try:
            body = json.loads(text) if text[:1] in ("{", "[") else text
        except ValueError:
            body = text
        return {"path": urllib.parse.unquote(self.request.path), "query": params, "headers": headers, "body": body}

    def _s3_action(self):
        method, parts = self.request.method, [p for p in self.request.path.split("/", 2) if p]
        if not parts:
            return "ListBuckets"
        table = S3_BUCKET if len(parts) == 1 else S3_OBJECT
        if table is S3_OBJECT and method == "PUT" and "x-amz-copy-source" in self.request.headers:
            return "UploadPartCopy" if "partNumber" in self.query else "CopyObject"
        for sub in self.query:
            if sub and method in table.get(sub, ()):
                name = table[sub][method]
                if sub in S3_LISTS and method == "GET" and "id" not in self.query:
                    return name.replace("Get", "List", 1).replace("Configuration", "Configurations")
                return name
        return table[""].get(method, f"{method} {'bucket' if table is S3_BUCKET else 'object'}")


HIDDEN_HEADERS = {"x-amz-security-token", "x-amz-date", "x-amz-content-sha256", "x-amz-user-agent", "x-amz-target",
                  "x-amz-server-side-encryption-customer-key"}


@functools.lru_cache(maxsize=None)
def _rest_table(service):
    """[(method, pattern, number of literal characters, required query keys, action)] from botocore's model."""
    import botocore.session

    session = botocore.session.get_session()
    names = {"stepfunctions": "stepfunctions", "elasticfilesystem": "efs", "cloudfront": "cloudfront"}
    known = session.get_available_services()
    name = names.get(service, service)
    if name not in known:
        return "rest-json", []
    model = session.get_service_model(name)
    table = []
    for action in model.operation_names:
        http = model.operation_model(action).http
        path, _, query = http["requestUri"].partition("?")
        pattern = re.sub(r"\\{(\w+)(\\\+)?\\}", lambda m: "(.+)" if m.group(2) else "([^/]+)", re.escape(path.rstrip("/")))
        table.append((http["method"], re.compile(pattern + "/?$"), len(re.sub(r"{[^}]*}", "", path)),
                      set(filter(None, (q.split("=")[0] for q in query.split("&")))), action))
    return model.metadata["protocol"], sorted(table, key=lambda row: (-row[2], -len(row[3])))


def rest_action(service, method, path, query):
    """(protocol, action) of a REST request; the method and path themselves where no model knows them."""
    protocol, table = _rest_table(service)
    keys = {q.split("=")[0] for q in query.split("&")}
    for verb, pattern, _, needed, action in table:
        if verb == method and needed <= keys and pattern.match(path):
            return protocol, action
    return protocol, f"{method} {path}"
