"""Repairs of EC2: security groups and their rules."""
import copy

from stackbox.repairs import AwsError, repair, replace

PROTOCOLS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "all": "-1"}
"""As IpProtocol comes back, by the number or word that was sent (EC2 API reference, IpPermission)."""
WITH_PORTS = ("tcp", "udp", "icmp", "icmpv6")


def _source(rule):
    """What the rule's traffic comes from or goes to, as a key."""
    group = rule.source_group or {}
    return (rule.ip_range.get("CidrIp"), rule.ip_range.get("CidrIpv6"), group.get("GroupId") or group.get("GroupName"),
            rule.prefix_list_id)


def _key(rule):
    return rule.ip_protocol, rule.from_port, rule.to_port, _source(rule)


def _with_ports(rule):
    """As a SecurityGroupRule is shown: without ports it has -1 for both."""
    shown = copy.copy(rule)
    if shown.from_port is None:
        shown.from_port = shown.to_port = -1
    return shown


@repair("ec2")
def rule_fields():
    """EC2 API reference, SecurityGroupRule and IpPermission: a description belongs to a rule whatever its source; a
    protocol without ports has the ports -1; two rules that differ only in description are duplicates."""
    from moto.ec2.models.security_groups import GroupedSecurityRuleView, SecurityGroup, SecurityGroupRule

    @replace(SecurityGroupRule, "__init__")
    def __init__(old, self, ec2_backend, ip_protocol, group_id, from_port, to_port, ip_range, source_group=None,
                 prefix_list_id=None, is_egress=True, tags=None):
        protocol = PROTOCOLS.get(str(ip_protocol).lower(), str(ip_protocol).lower())
        if protocol not in WITH_PORTS:
            from_port = to_port = -1
        old(self, ec2_backend, protocol, group_id, from_port, to_port, dict(ip_range or {}), dict(source_group or {}),
            prefix_list_id, is_egress=is_egress, tags=tags)
        if protocol not in WITH_PORTS:
            self.from_port = self.to_port = None
        sources = (self.ip_range, self.source_group, prefix_list_id or {})
        self.text = next((s["Description"] for s in sources if s.get("Description")), None)
        self.source_group.pop("Description", None)
        self.ip_range.pop("Description", None)

    SecurityGroupRule.description = property(lambda self: self.text)
    SecurityGroupRule.__eq__ = lambda self, other: _key(self) == _key(other)

    def grouped(rules):
        views = {}
        for rule in rules:
            view = views.setdefault((rule.ip_protocol, rule.from_port, rule.to_port),
                                    GroupedSecurityRuleView(rule.from_port, rule.to_port, rule.ip_protocol))
            text = {"Description": rule.text} if rule.text else {}
            if rule.ip_range:
                view.all_ip_ranges.append({**rule.ip_range, **text})
            if rule.source_group:
                view.source_groups.append({**rule.source_group, **text})
            if rule.prefix_list_id:
                view.prefix_list_ids.append({"PrefixListId": rule.prefix_list_id, **text})
        return list(views.values())

    SecurityGroup._flattened_rules = lambda self, rules: grouped(rules)


@repair("ec2")
def rules_at_once():
    """EC2 API reference, AuthorizeSecurityGroupIngress/Egress: all permissions of a request are added or none, and
    the answer has every rule that was added; RevokeSecurityGroupIngress/Egress likewise."""
    from moto.core.responses import ActionResult
    from moto.ec2.responses.security_groups import SecurityGroups

    def whole(self, action):
        self.error_on_dryrun()
        backend, added, before = self.ec2_backend, [], {}
        try:
            for kwargs in self._process_rules_from_querystring():
                group = backend.get_security_group_by_name_or_id(kwargs["group_name_or_id"])
                if group is not None and group.id not in before:
                    before[group.id] = (group, list(group.ingress_rules), list(group.egress_rules))
                if action.startswith("revoke"):
                    kwargs.pop("sgrule_tags", None)
                done = getattr(backend, action)(**kwargs)
                added += done[0] if done else []
        except Exception:
            for group, ingress, egress in before.values():
                group.ingress_rules, group.egress_rules = ingress, egress
            raise
        return added

    def authorize(action):
        return lambda self: ActionResult(
            {"Return": True, "SecurityGroupRules": [_with_ports(r) for r in whole(self, action)]})

    def revoke(action):
        def act(self):
            whole(self, action)
            return ActionResult({"Return": True})
        return act

    for way in ("ingress", "egress"):
        setattr(SecurityGroups, f"authorize_security_group_{way}", authorize(f"authorize_security_group_{way}"))
        setattr(SecurityGroups, f"revoke_security_group_{way}", revoke(f"revoke_security_group_{way}"))


@repair("ec2")
def rule_changes():
    """EC2 API reference, ModifySecurityGroupRules (every kind of source, protocols without ports) and
    UpdateSecurityGroupRuleDescriptionsIngress/Egress (by permission or by rule id, whatever the source)."""
    from moto.core.responses import ActionResult
    from moto.ec2.models.security_groups import SecurityGroupBackend, SecurityGroupRule
    from moto.ec2.responses.security_groups import SecurityGroups

    def not_found(rule_id):
        return AwsError("InvalidSecurityGroupRuleId.NotFound", f"The security group rule ID '{rule_id}' does not exist")

    @replace(SecurityGroupBackend, "modify_security_group_rules")
    def modify_security_group_rules(old, self, group_id, rules):
        group = self.get_security_group_by_name_or_id(group_id)
        if group is None:
            raise AwsError("InvalidGroup.NotFound", f"The security group '{group_id}' does not exist")
        for rule_id, new in rules.items():
            rule = group.get_rule(rule_id)
            if rule is None:
                raise not_found(rule_id)
            sources = [k for k in ("CidrIpv4", "CidrIpv6", "PrefixListId", "ReferencedGroupId") if new.get(k)]
            if len(sources) != 1:
                raise AwsError("InvalidParameterCombination", "Exactly one of cidrIpv4, cidrIpv6, prefixListId and "
                               "referencedGroupId must be given")
            range_ = {"CidrIpv4": {"CidrIp": new.get("CidrIpv4")}, "CidrIpv6": {"CidrIpv6": new.get("CidrIpv6")}}
            source = {"GroupId": new.get("ReferencedGroupId"), "UserId": self.account_id, "OwnerId": self.account_id}
            fresh = SecurityGroupRule(
                self, new.get("IpProtocol"), group.id, new.get("FromPort"), new.get("ToPort"), range_.get(sources[0]),
                source if sources[0] == "ReferencedGroupId" else None,
                {"PrefixListId": new["PrefixListId"]} if sources[0] == "PrefixListId" else None)
            kinds = [[bool(part) for part in _source(r)] for r in (rule, fresh)]
            if kinds[0] != kinds[1]:
                raise AwsError("InvalidParameterValue", f"Invalid rule type for security group rule '{rule_id}'.")
            for name in ("ip_protocol", "from_port", "to_port", "ip_range", "source_group", "prefix_list_id"):
                setattr(rule, name, getattr(fresh, name))
            rule.text = new.get("Description") or None

    def describe(way):
        def act(self):
            backend = self.ec2_backend
            group_id = self._get_param("GroupId") or self._get_param("GroupName")
            group = backend.get_security_group_by_name_or_id(group_id)
            if group is None:
                raise AwsError("InvalidGroup.NotFound", f"The security group '{group_id}' does not exist")
            rules = getattr(group, f"{way}_rules")
            for wanted in self._get_param("SecurityGroupRuleDescriptions", []):
                rule = next((r for r in rules if r.id == wanted["SecurityGroupRuleId"]), None)
                if rule is None:
                    raise not_found(wanted["SecurityGroupRuleId"])
                rule.text = wanted.get("Description") or None
            for p in self._get_param("IpPermissions", []):
                ranges = p.get("IpRanges", []) + p.get("Ipv6Ranges", [])
                sources = backend._add_source_group(copy.deepcopy(p.get("UserIdGroupPairs", [])), group.vpc_id)
                for like in backend._iterate_security_rules(p.get("IpProtocol"), group.id, p.get("FromPort"),
                                                            p.get("ToPort"), ranges, sources, p.get("PrefixListIds", [])):
                    rule = next((r for r in rules if r == like), None)
                    if rule is None:
                        message = "The specified rule does not exist in this security group."
                        raise AwsError("InvalidPermission.NotFound", message)
                    rule.text = like.text
            return ActionResult({"Return": True})
        return act

    SecurityGroups.update_security_group_rule_descriptions_ingress = describe("ingress")
    SecurityGroups.update_security_group_rule_descriptions_egress = describe("egress")


def users_of(backend, group):
    """Why a security group cannot be deleted: names of what uses it."""
    from moto.elbv2.models import elbv2_backends
    from moto.rds.models import rds_backends

    for eni in backend.enis.values():
        instance = getattr(eni, "instance", None)
        gone = instance is not None and instance._state.name == "terminated"
        if not gone and group.id in [g.id for g in eni.group_set]:
            yield eni.id
    for groups in backend.groups.values():
        for other in groups.values():
            for rule in [*other.ingress_rules, *other.egress_rules]:
                if other.id != group.id and (rule.source_group or {}).get("GroupId") == group.id:
                    yield rule.id
    for endpoint in backend.vpc_end_points.values():
        if group.id in endpoint.security_group_ids and endpoint.state != "deleted":
            yield endpoint.id
    account, region = backend.account_id, backend.region_name
    for database in rds_backends[account][region].databases.values():
        if group.id in (database.vpc_security_group_ids or []):
            yield database.db_instance_identifier
    for balancer in elbv2_backends[account][region].load_balancers.values():
        if group.id in (balancer.security_groups or []):
            yield balancer.name


@repair("ec2")
def groups_in_use():
    """EC2 API reference, DeleteSecurityGroup: a group that is associated with an instance or network interface, or is
    referenced by another group, fails with DependencyViolation; the default group cannot be deleted (CannotDelete)."""
    from moto.ec2.models.security_groups import SecurityGroupBackend

    @replace(SecurityGroupBackend, "delete_security_group")
    def delete_security_group(old, self, name=None, group_id=None):
        group = self.get_security_group_from_id(group_id) if group_id else self.get_security_group_by_name_or_id(name)
        if group is not None and getattr(self, "sandbox_deleting_vpc", None) != group.vpc_id:
            if group.is_default:
                message = f'the specified group: "{group.id}" name: "default" cannot be deleted by a user'
                raise AwsError("CannotDelete", message)
            if next(users_of(self, group), None) is not None:
                raise AwsError("DependencyViolation", f"resource {group.id} has a dependent object")
        return old(self, name=name, group_id=group_id)

    @replace(SecurityGroupBackend, "describe_security_groups")
    def describe_security_groups(old, self, group_ids=None, groupnames=None, filters=None):
        for group_id in group_ids or []:
            if self.get_security_group_from_id(group_id) is None:
                raise AwsError("InvalidGroup.NotFound", f"The security group '{group_id}' does not exist")
        return old(self, group_ids, groupnames, filters)


@repair("ec2")
def default_group_rules():
    """Amazon VPC user guide, "Default security groups for your VPCs": allows all traffic from members of the group
    itself, and all outbound traffic."""
    from moto.ec2.models.security_groups import SecurityGroupBackend, SecurityGroupRule

    @replace(SecurityGroupBackend, "create_security_group")
    def create_security_group(old, self, name, description, vpc_id=None, tags=None, force=False, is_default=None):
        if vpc_id and vpc_id not in self.vpcs:
            raise AwsError("InvalidVpcID.NotFound", f"The vpc ID '{vpc_id}' does not exist")
        group = old(self, name, description, vpc_id=vpc_id, tags=tags, force=force, is_default=is_default)
        if is_default and not group.ingress_rules:
            itself = {"GroupId": group.id, "UserId": self.account_id, "OwnerId": self.account_id}
            group.ingress_rules.append(
                SecurityGroupRule(self, "-1", group.id, None, None, None, itself, None, is_egress=False))
        return group
