"""Repairs of KMS."""
import json

from stackbox.clock import CLOCK
from stackbox.repairs import AwsError, repair, replace

ROTATION_DAYS = 365
"""KMS API reference, EnableKeyRotation: the period where none is given."""


@repair("kms")
def rotation_periods():
    """KMS API reference, EnableKeyRotation (RotationPeriodInDays, 90 to 2560) and GetKeyRotationStatus: the period is
    told while rotation is on."""
    from moto.kms.responses import KmsResponse

    @replace(KmsResponse, "enable_key_rotation")
    def enable_key_rotation(old, self):
        days = self._get_param("RotationPeriodInDays")
        if days is not None and not 90 <= days <= 2560:
            raise AwsError("ValidationException", "RotationPeriodInDays must be between 90 and 2560")
        answer = old(self)
        key = self.kms_backend.keys[self.kms_backend.get_key_id(self._get_param("KeyId"))]
        key.sandbox_period = days or getattr(key, "sandbox_period", ROTATION_DAYS)
        return answer

    @replace(KmsResponse, "get_key_rotation_status")
    def get_key_rotation_status(old, self):
        answer = json.loads(old(self))
        key = self.kms_backend.keys[self.kms_backend.get_key_id(self._get_param("KeyId"))]
        answer["KeyId"] = key.id
        if answer["KeyRotationEnabled"]:
            answer["RotationPeriodInDays"] = getattr(key, "sandbox_period", ROTATION_DAYS)
        return json.dumps(answer)


@repair("kms")
def alias_dates():
    """KMS API reference, AliasListEntry: CreationDate, and LastUpdatedDate, when the alias got its key."""
    from moto.kms.models import Alias, KmsBackend
    from moto.kms.responses import KmsResponse

    @replace(Alias, "__init__")
    def __init__(old, self, *args, **kwargs):
        old(self, *args, **kwargs)
        self.sandbox_created = self.sandbox_updated = CLOCK.now()

    @replace(KmsBackend, "update_alias")
    def update_alias(old, self, *args, **kwargs):
        alias = old(self, *args, **kwargs)
        alias.sandbox_updated = CLOCK.now()
        return alias

    @replace(KmsResponse, "list_aliases")
    def list_aliases(old, self):
        answer = json.loads(old(self))
        made = {alias.alias_name: alias for alias in self.kms_backend.list_aliases()}
        for entry in answer["Aliases"]:
            if alias := made.get(entry["AliasName"]):
                entry["CreationDate"], entry["LastUpdatedDate"] = alias.sandbox_created, alias.sandbox_updated
        return json.dumps(answer)


@repair("kms")
def keys_that_wait_for_deletion():
    """KMS API reference, KMSInvalidStateException, and developer guide, "Key states": a key that is pending deletion
    can neither be changed nor scheduled again."""
    from moto.kms.responses import KmsResponse

    def refuse(old, self):
        key = self.kms_backend.keys.get(self.kms_backend.get_key_id(self._get_param("KeyId")))
        if key is not None and key.key_state == "PendingDeletion":
            raise AwsError("KMSInvalidStateException", f"{key.arn} is pending deletion.")
        return old(self)

    for name in ("schedule_key_deletion", "enable_key", "disable_key", "enable_key_rotation", "disable_key_rotation",
                 "update_key_description", "tag_resource", "untag_resource"):
        replace(KmsResponse, name)(refuse)
