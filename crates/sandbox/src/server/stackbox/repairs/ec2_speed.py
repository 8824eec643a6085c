"""Repairs of EC2: what grows with the square of the world.

Looking at one object must not look at all of them: describing 1,400 rules of 300 groups took longer than a client waits.
"""
import functools
import re

from stackbox.repairs import repair, replace

_PLAIN = re.compile(r"[\w:/@ -]*", re.ASCII)
"""Without a character that means something in a filter."""


@functools.lru_cache(maxsize=4096)
def _pattern(text):
    glob = re.sub(r"(?<!\\)\?", ".?", re.sub(r"(?<!\\)\*", ".*", text))
    return re.compile(f"^{glob}$")


def matches(pattern, value):
    """What `aws_api_matches` answers, without compiling an expression for every pair."""
    if _PLAIN.fullmatch(pattern):
        return pattern == str(value)
    return _pattern(pattern).match(str(value)) is not None


@repair("ec2")
def filters_of_groups():
    """As before, faster."""
    from moto.ec2.models import security_groups

    security_groups.aws_api_matches = matches

    def among(attribute):
        def act(self, values):
            value, kept = getattr(self, attribute), getattr(self, "sandbox_filter", None)
            if kept is None or kept[0] is not values:
                kept = (values, {v for v in values if _PLAIN.fullmatch(v)}, [v for v in values if not _PLAIN.fullmatch(v)])
                type(self).sandbox_filter = kept
            return value in kept[1] or any(matches(v, value) for v in kept[2])
        return act

    security_groups.SecurityGroup.filter_group_id = among("id")
    security_groups.SecurityGroupRule.filter_group_id = among("group_id")
    security_groups.SecurityGroupRule.filter_id = among("id")


@repair("ec2")
def tags_of_one():
    """The tags of one object are looked up by its id."""
    from moto.ec2.models.tags import TagBackend
    from moto.ec2.utils import EC2_PREFIX_TO_RESOURCE, get_prefix

    @replace(TagBackend, "describe_tags")
    def describe_tags(old, self, filters=None):
        ids = (filters or {}).get("resource-id") or []
        if len(filters or {}) != 1 or len(ids) != 1 or not _PLAIN.fullmatch(ids[0]):
            return old(self, filters)
        kind = EC2_PREFIX_TO_RESOURCE.get(get_prefix(ids[0]), "")
        tags = self.tags[ids[0]] if ids[0] in self.tags else {}
        return [{"resource_id": ids[0], "key": k, "value": v, "resource_type": kind} for k, v in tags.items()]
