"""An inventory of what exists in moto's backends: {type: {id: attributes}}.

For crash tests to count orphans and duplicates, and for destroy tests to see that nothing is left. What AWS itself
makes is left out: default VPCs and what is in them, main route tables, default groups and ACLs, managed keys.
Types are Terraform's. Nothing is imported that no request has asked for: a service never used has nothing.
"""
import sys


def inventory():
    found = {}
    for service, collect in COLLECTORS:
        module = sys.modules.get(f"moto.{service}.models")
        if module is None:
            continue
        backends = getattr(module, f"{service}_backends")
        for account in list(backends):
            for region in list(backends[account]):
                for kind, key, attributes in collect(backends[account][region]):
                    attributes = {k: v for k, v in attributes.items() if v not in (None, [], {})}
                    things = found.setdefault(kind, {})
                    name = key if key not in things else f"{key}@{region}"
                    things[name] = {"region": region, "account": account, **attributes}
    return found


def _tags(pairs):
    """Tags as a map, from any of moto's shapes."""
    if isinstance(pairs, dict):
        return pairs
    return {t.get("Key", t.get("key")): t.get("Value", t.get("value")) for t in pairs or []}


def _ec2(b):
    ours = {v.id for v in b.vpcs.values() if not v.is_default}
    for vpc in b.vpcs.values():
        if vpc.id in ours:
            yield "aws_vpc", vpc.id, {"cidr_block": vpc.cidr_block, "tags": _tags(vpc.get_tags())}
    for zone in b.subnets.values():
        for subnet in zone.values():
            if subnet.vpc_id in ours:
                yield "aws_subnet", subnet.id, {"vpc_id": subnet.vpc_id, "cidr_block": subnet.cidr_block,
                                                "availability_zone": subnet.availability_zone, "tags": _tags(subnet.get_tags())}
    for igw in b.internet_gateways.values():
        yield "aws_internet_gateway", igw.id, {"vpc_id": igw.vpc and igw.vpc.id, "tags": _tags(igw.get_tags())}
    for eip in b.addresses:
        yield "aws_eip", eip.allocation_id, {"public_ip": eip.public_ip, "association_id": eip.association_id,
                                             "tags": _tags(eip.get_tags())}
    for nat in b.nat_gateways.values():
        if nat.state not in ("deleted", "failed"):
            yield "aws_nat_gateway", nat.id, {"state": nat.state, "subnet_id": nat.subnet_id, "tags": _tags(nat.get_tags())}
    for table in b.route_tables.values():
        if table.vpc_id in ours:
            yield from _route_table(table)
    for acl in b.network_acls.values():
        if acl.vpc_id in ours and not acl.default:
            yield "aws_network_acl", acl.id, {"vpc_id": acl.vpc_id, "tags": _tags(acl.get_tags())}
    for groups in b.groups.values():
        for group in groups.values():
            if group.vpc_id in ours or not group.is_default:
                yield from _security_group(group)
    for endpoint in b.vpc_end_points.values():
        if endpoint.state != "deleted":
            yield "aws_vpc_endpoint", endpoint.id, {"vpc_id": endpoint.vpc_id, "tags": _tags(endpoint.get_tags())}
    for eni in b.enis.values():
        if eni.subnet.vpc_id in ours and not any(n._eni is eni for n in b.nat_gateways.values()):
            gone = eni.instance is not None and eni.instance._state.name == "terminated"
            if not gone:
                yield "aws_network_interface", eni.id, {"subnet_id": eni.subnet.id}
    for reservation in b.reservations.values():
        for instance in reservation.instances:
            if instance._state.name != "terminated":
                yield "aws_instance", instance.id, {"state": instance._state.name, "tags": _tags(instance.get_tags())}


def _route_table(table):
    main = table.main_association_id
    routes = [r for r in table._routes.values() if not r.local]
    for route in routes:
        where = route.destination_cidr_block or route.destination_ipv6_cidr_block or route.destination_prefix_list_id
        yield "aws_route", f"{table.id}:{where}", {}
    for association, target in table._associations.items():
        yield "aws_route_table_association", association, {"route_table_id": table.id, "target": target}
    if not main:
        yield "aws_route_table", table.id, {"vpc_id": table.vpc_id, "routes": len(routes), "tags": _tags(table.get_tags())}


def _security_group(group):
    """A default group is not a resource, though rules of its own are: it starts with one of each kind."""
    for way, rules in (("ingress", group.ingress_rules), ("egress", group.egress_rules)):
        for rule in rules:
            yield "security_group_rule", rule.id, {
                "group_id": group.id, "type": way, "protocol": rule.ip_protocol, "from_port": rule.from_port,
                "to_port": rule.to_port, "source": [*rule.ip_range.values(), *filter(None, [
                    (rule.source_group or {}).get("GroupId"), rule.prefix_list_id])],
                "description": rule.description, "tags": _tags(rule.get_tags())}
    if not group.is_default:
        yield "aws_security_group", group.id, {"name": group.name, "vpc_id": group.vpc_id, "tags": _tags(group.get_tags())}


def _rds(b):
    for name, db in b.databases.items():
        group = getattr(db, "db_subnet_group", None)
        yield "aws_db_instance", name, {"status": db.status, "engine": db.engine, "resource_id": db.dbi_resource_id,
                                        "subnet_group": group and group.name, "replica": db.is_replica, "tags": _tags(db.tags)}
    for name, snapshot in b.database_snapshots.items():
        if snapshot.snapshot_type == "manual":
            yield "aws_db_snapshot", name, {"tags": _tags(snapshot.tags)}
    for name, group in b.subnet_groups.items():
        yield "aws_db_subnet_group", name, {"vpc_id": group.vpc_id, "tags": _tags(group.tags)}
    for name, group in b.db_parameter_groups.items():
        if name.startswith("default."):
            continue
        yield "aws_db_parameter_group", name, {"family": group.family, "parameters": sorted(group.parameters), "tags": _tags(group.tags)}


def _s3(b):
    for name, bucket in b.buckets.items():
        block = bucket.public_access_block
        yield "aws_s3_bucket", name, {
            "objects": sum(1 for _ in bucket.keys.items()), "versioning": bucket.versioning_status,
            "lifecycle_rules": len(bucket.rules or []), "encrypted": bool(bucket.encryption), "policy": bool(bucket.policy),
            "cors_rules": len(bucket.cors or []), "public_access_block": block is not None,
            "ownership": bool(bucket.ownership_rule), "tags": _tags(b.tagger.list_tags_for_resource(bucket.arn)["Tags"])}


def _iam(b):
    from moto.iam.models import AWSManagedPolicy

    for role in b.roles.values():
        yield "aws_iam_role", role.name, {
            "path": role.path, "policies": sorted(role.managed_policies), "inline": sorted(role.policies), "tags": _tags(role.tags)}
        for name in role.policies:
            yield "aws_iam_role_policy", f"{role.name}:{name}", {}
        for arn in role.managed_policies:
            yield "aws_iam_role_policy_attachment", f"{role.name}/{arn}", {}
    for policy in b.managed_policies.values():
        if not isinstance(policy, AWSManagedPolicy):
            yield "aws_iam_policy", policy.arn, {"versions": len(policy.versions), "attached": policy.attachment_count}
    for name, profile in b.instance_profiles.items():
        yield "aws_iam_instance_profile", profile.name, {"roles": [r.name for r in profile.roles]}
    for name in b.users:
        yield "aws_iam_user", name, {}
    for arn, provider in b.open_id_providers.items():
        yield "aws_iam_openid_connect_provider", arn, {
            "clients": sorted(provider.client_id_list or []), "tags": _tags(provider.tag_list_type)}


def _cloudwatch(b):
    for name, alarm in b.alarms.items():
        yield "aws_cloudwatch_metric_alarm", name, {"threshold": alarm.threshold, "actions": alarm.alarm_actions}
    for name, dashboard in b.dashboards.items():
        yield "aws_cloudwatch_dashboard", name, {"body": dashboard.body}


def _logs(b):
    for name, group in b.groups.items():
        yield "aws_cloudwatch_log_group", name, {"retention": group.retention_in_days}
    for kept in b.filters.metric_filters:
        where = f"{kept['logGroupName']}:{kept['filterName']}"
        yield "aws_cloudwatch_log_metric_filter", where, {"pattern": kept.get("filterPattern")}


def _sns(b):
    for arn, topic in b.topics.items():
        yield "aws_sns_topic", arn, {"name": topic.name, "policy": topic.policy, "shown_as": topic.display_name,
                                    "tags": _tags(topic._tags)}
    for arn, subscription in b.subscriptions.items():
        yield "aws_sns_topic_subscription", arn, {"topic": subscription.topic.arn, "protocol": subscription.protocol,
                                                  "endpoint": subscription.endpoint}


def _sqs(b):
    for name, queue in b.queues.items():
        yield "aws_sqs_queue", name, {
            "policy": queue.policy, "visibility": queue.visibility_timeout, "tags": _tags(queue.tags)}


def _ssm(b):
    for name, versions in dict.items(b._parameters):
        if versions and not name.startswith("/aws/"):
            yield "aws_ssm_parameter", versions[-1].name, {"type": versions[-1].parameter_type, "version": versions[-1].version}


def _dynamodb(b):
    for name, table in b.tables.items():
        yield "aws_dynamodb_table", name, {"items": len(table.items) if hasattr(table, "items") else None}


def _kms(b):
    for key in b.keys.values():
        if not (key.description or "").startswith("Default ") and key.key_state != "PendingDeletion":
            yield "aws_kms_key", key.id, {
                "description": key.description, "policy": key.policy, "rotates": bool(key.key_rotation_status)}
        for name in key.aliases:
            if not name.startswith("alias/aws/"):
                yield "aws_kms_alias", name, {"key": key.id}


def _elbv2(b):
    for arn in b.load_balancers:
        yield "aws_lb", arn, {}
    for arn in b.target_groups:
        yield "aws_lb_target_group", arn, {}


COLLECTORS = [("ec2", _ec2), ("rds", _rds), ("s3", _s3), ("iam", _iam), ("cloudwatch", _cloudwatch), ("logs", _logs),
              ("sns", _sns), ("sqs", _sqs), ("ssm", _ssm), ("dynamodb", _dynamodb), ("kms", _kms), ("elbv2", _elbv2)]
