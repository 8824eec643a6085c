"""Smithy RPC v2 CBOR for services whose SDK speaks it while moto does not: requests become AWS JSON, answers CBOR.

The Rust SDK sends CloudWatch requests that way. RFC 8949 says what the bytes mean; Smithy's page on RPC v2 CBOR says
which of it is used: tag 1 for timestamps, no other tags, definite and indefinite lengths.
"""
import base64
import datetime
import functools
import json
import struct

from stackbox.wire import Answer


class Timestamp(float):
    """Seconds since 1970 that came as tag 1 or go out as it."""


def loads(data):
    value, _ = _read(data, 0)
    return value


def _read(data, at):
    head = data[at]
    major, info = head >> 5, head & 31
    at += 1
    if major == 7:
        if info == 25:
            return struct.unpack(">e", data[at:at + 2])[0], at + 2
        if info == 26:
            return struct.unpack(">f", data[at:at + 4])[0], at + 4
        if info == 27:
            return struct.unpack(">d", data[at:at + 8])[0], at + 8
        return {20: False, 21: True}.get(info), at
    if info == 31:
        return _indefinite(data, at, major)
    if info < 24:
        count = info
    else:
        size = 1 << (info - 24)
        count = int.from_bytes(data[at:at + size], "big")
        at += size
    if major == 0:
        return count, at
    if major == 1:
        return -1 - count, at
    if major in (2, 3):
        raw = bytes(data[at:at + count])
        return (raw if major == 2 else raw.decode()), at + count
    if major == 4:
        items = []
        for _ in range(count):
            item, at = _read(data, at)
            items.append(item)
        return items, at
    if major == 5:
        table = {}
        for _ in range(count):
            key, at = _read(data, at)
            table[key], at = _read(data, at)
        return table, at
    value, at = _read(data, at)
    return (Timestamp(value) if count == 1 else value), at


def _indefinite(data, at, major):
    parts = []
    while data[at] != 0xFF:
        part, at = _read(data, at)
        parts.append(part)
    if major == 5:
        return dict(zip(parts[::2], parts[1::2])), at + 1
    if major == 4:
        return parts, at + 1
    return (b"" if major == 2 else "").join(parts), at + 1


def _head(major, count):
    if count < 24:
        return bytes([major << 5 | count])
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if count < 1 << 8 * size:
            return bytes([major << 5 | info]) + count.to_bytes(size, "big")
    raise ValueError("too large for CBOR")


def dumps(value):
    if value is None:
        return b"\xf6"
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, Timestamp):
        return b"\xc1\xfb" + struct.pack(">d", value)
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, float):
        return b"\xfb" + struct.pack(">d", value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        raw = value.encode()
        return _head(3, len(raw)) + raw
    if isinstance(value, list):
        return _head(4, len(value)) + b"".join(map(dumps, value))
    return _head(5, len(value)) + b"".join(dumps(k) + dumps(v) for k, v in value.items())


def plain(value):
    """What JSON can carry: bytes as base64, timestamps as numbers."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Timestamp):
        return float(value)
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return value


@functools.lru_cache(maxsize=None)
def _model(service):
    import botocore.session

    return botocore.session.get_session().get_service_model(service)


def as_json(incoming):
    """(headers, body) of the same request in AWS JSON 1.0, which moto understands."""
    prefix = _model(incoming.service).metadata["targetPrefix"]
    gone = ("content-type", "content-length", "accept", "smithy-protocol")
    headers = [(k, v) for k, v in incoming.request.raw_headers if k.lower() not in gone]
    body = json.dumps(incoming.params).encode()
    return [*headers, ("Content-Type", "application/x-amz-json-1.0"), ("Content-Length", str(len(body))),
            ("X-Amz-Target", f"{prefix}.{incoming.action}")], body


def answer(incoming, got):
    """moto's JSON answer as CBOR, with the types that the service's model gives."""
    try:
        document = json.loads(got.body or b"{}")
    except ValueError:
        return got
    kind = ("Content-Type", "application/cbor")
    request_id = got.header("x-amzn-requestid") or "0"
    if got.status >= 400:
        code = str(document.get("__type", document.get("Code", "InternalFailure"))).rpartition("#")[2]
        message = document.get("message") or document.get("Message") or ""
        query_error = got.header("x-amzn-query-error")
        headers = [kind, ("smithy-protocol", "rpc-v2-cbor"), ("x-amzn-requestid", request_id)]
        headers += [("x-amzn-query-error", query_error)] if query_error else []
        return Answer(got.status, headers, dumps({"__type": code, "message": message}))
    shape = _model(incoming.service).operation_model(incoming.action).output_shape
    body = dumps(_typed(document, shape) if shape else {})
    return Answer(got.status, [kind, ("smithy-protocol", "rpc-v2-cbor"), ("x-amzn-requestid", request_id)], body)


def _typed(value, shape):
    if value is None:
        return None
    if shape.type_name == "structure":
        return {k: _typed(value[k], member) for k, member in shape.members.items() if value.get(k) is not None}
    if shape.type_name == "list":
        return [_typed(v, shape.member) for v in value]
    if shape.type_name == "map":
        return {k: _typed(v, shape.value) for k, v in value.items()}
    if shape.type_name == "timestamp":
        if isinstance(value, str):
            return Timestamp(datetime.datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp())
        return Timestamp(value)
    if shape.type_name in ("double", "float"):
        return float(value)
    if shape.type_name in ("integer", "long"):
        return int(value)
    if shape.type_name == "boolean":
        return value if isinstance(value, bool) else str(value).lower() == "true"
    if shape.type_name == "blob":
        return base64.b64decode(value)
    return str(value)
