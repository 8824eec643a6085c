"""The memory of client tokens: same token and parameters, same answer; other parameters, the service's error.

EC2: "Ensuring idempotency in Amazon EC2 API requests" (a repeated request answers with the same resource and does
nothing; other parameters give IdempotentParameterMismatch). The other services document it at the token parameter of
the action. Only successful requests are remembered.
"""
import hashlib
import json

from stackbox import wrong

FIELDS = {"acm": "IdempotencyToken", "ec2": "ClientToken", "ecs": "clientToken", "eks": "clientRequestToken",
          "elasticfilesystem": "ClientToken", "backup": "CreatorRequestId", "globalaccelerator": "IdempotencyToken",
          "servicediscovery": "CreatorRequestId"}
"""Service → name of its token parameter."""
MISMATCH = {"ecs": ("InvalidParameterException", "Creation of service was not idempotent."),
            "eks": ("InvalidParameterException", "The request token was used with other parameters.")}
_MESSAGE = "The client token was used before with other parameters."


class Tokens:
    """Answers by (account, region, service, action, token)."""

    def __init__(self):
        self.answers = {}

    def key(self, incoming, account):
        """(key, digest of the other parameters), or None where the request carries no token."""
        field = FIELDS.get(incoming.service)
        if not field or not incoming.changes:
            return None
        params = incoming.params.get("body") if incoming.protocol.startswith("rest") else incoming.params
        token = params.get(field) if isinstance(params, dict) else None
        if not token:
            return None
        rest = json.dumps({k: v for k, v in params.items() if k != field}, sort_keys=True, default=str)
        where = (account, incoming.region, incoming.service, incoming.action, token)
        return where, hashlib.sha256(rest.encode()).hexdigest()

    def recall(self, incoming, key):
        """The remembered Answer, an error Answer for other parameters, or None."""
        if key is None or key[0] not in self.answers:
            return None
        digest, answer = self.answers[key[0]]
        if digest == key[1]:
            return answer
        code, message = MISMATCH.get(incoming.service, ("IdempotentParameterMismatch", _MESSAGE))
        return wrong.error(incoming, code, message)

    def remember(self, key, answer):
        if key is not None and answer.status < 300:
            self.answers[key[0]] = (key[1], answer)
