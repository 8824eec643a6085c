"""AWS errors in the wire format of the service that answers.

Formats: AWS JSON 1.0/1.1, AWS query, EC2 query, REST-JSON and REST-XML of the Smithy documentation, S3's error page.
"""
import json
import uuid
from xml.sax.saxutils import escape

from stackbox import cbor
from stackbox.wire import Answer

THROTTLE = {"ec2": ("RequestLimitExceeded", 503), "s3": ("SlowDown", 503), "rds": ("Throttling", 400),
            "dynamodb": ("ThrottlingException", 400), "sqs": ("ThrottlingException", 400),
            "json": ("ThrottlingException", 400), "query": ("Throttling", 400), "rest-json": ("TooManyRequestsException", 429),
            "rest-xml": ("Throttling", 400), "rpc-v2-cbor": ("ThrottlingException", 400)}
INTERNAL = {"ec2": ("InternalError", 500), "s3": ("InternalError", 500), "query": ("InternalFailure", 500),
            "json": ("InternalServerError", 500)}


def throttle(incoming):
    """The service's answer to too many requests."""
    return THROTTLE.get(incoming.service) or THROTTLE.get(incoming.protocol, ("ThrottlingException", 400))


def internal(incoming):
    """The service's own failure."""
    return INTERNAL.get(incoming.service) or INTERNAL.get(incoming.protocol, ("InternalFailure", 500))


def error(incoming, code, message, status=400, **extra):
    """An Answer that any AWS SDK reads as that error. `extra` adds members to the error (strings)."""
    request_id = str(uuid.uuid4())
    fault = "Receiver" if status >= 500 else "Sender"
    more = "".join(f"<{k}>{escape(v)}</{k}>" for k, v in extra.items())
    inner = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>{more}"
    if incoming.service == "s3":
        body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inner}<RequestId>{request_id}</RequestId></Error>'
        kind, headers = "application/xml", [("x-amz-request-id", request_id)]
    elif incoming.protocol == "ec2":
        body = (f"<Response><Errors><Error>{inner}</Error></Errors><RequestID>{request_id}</RequestID></Response>")
        kind, headers = "text/xml;charset=UTF-8", [("x-amzn-requestid", request_id)]
    elif incoming.protocol in ("query", "rest-xml"):
        body = (f"<ErrorResponse><Error><Type>{fault}</Type>{inner}</Error>"
                f"<RequestId>{request_id}</RequestId></ErrorResponse>")
        kind, headers = "text/xml", [("x-amzn-requestid", request_id)]
    elif incoming.protocol == "rpc-v2-cbor":
        document = {"__type": code, "message": message, **extra}
        return Answer(status, [("Content-Type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor"),
                               ("x-amzn-requestid", request_id)], cbor.dumps(document))
    else:
        body = json.dumps({"__type": code, "message": message, **extra})
        kind = "application/json" if incoming.protocol == "rest-json" else "application/x-amz-json-1.1"
        headers = [("x-amzn-requestid", request_id), ("x-amzn-errortype", code)]
    return Answer(status, [("Content-Type", kind), *headers], body.encode())
