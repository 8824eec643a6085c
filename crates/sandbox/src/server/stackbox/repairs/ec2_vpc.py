"""Repairs of EC2: VPCs, subnets, network ACLs, internet gateways and elastic IPs."""
from stackbox import states
from stackbox.repairs import AwsError, repair, replace


def dependency(what):
    return AwsError("DependencyViolation", f"The {what} has dependencies and cannot be deleted.")


def _pending(thing, kind):
    """Keeps `state` at pending for as long as the sandbox's states say."""
    if (seconds := states.delay(kind, "create")) > 0:
        usual, thing.state = thing.state, "pending"
        states.later(seconds, lambda: setattr(thing, "state", usual))
    return thing


@repair("ec2")
def vpc_states():
    """EC2 API reference, Vpc and Subnet: the state is pending, then available."""
    from moto.ec2.models.subnets import SubnetBackend
    from moto.ec2.models.vpcs import VPCBackend

    replace(VPCBackend, "create_vpc")(lambda old, self, *a, **k: _pending(old(self, *a, **k), "vpc"))
    replace(SubnetBackend, "create_subnet")(lambda old, self, *a, **k: _pending(old(self, *a, **k), "subnet"))


@repair("ec2")
def delete_vpc():
    """EC2 API reference, DeleteVpc: "you must detach or delete all gateways and resources that are associated with the
    VPC"; its default security group, network ACL and main route table go with it."""
    from moto.ec2.models.vpcs import VPCBackend

    @replace(VPCBackend, "delete_vpc")
    def delete(old, self, vpc_id):
        vpc = self.get_vpc(vpc_id)
        attached = [g for g in self.internet_gateways.values() if g.vpc is not None and g.vpc.id == vpc_id]
        groups = [g for g in self.groups.get(vpc_id, {}).values() if not g.is_default]
        acls = [a for a in self.network_acls.values() if a.vpc_id == vpc_id and not a.default]
        endpoints = [e for e in self.vpc_end_points.values() if e.vpc_id == vpc_id and e.state != "deleted"]
        if attached or groups or acls or endpoints:
            raise dependency(f"vpc '{vpc.id}'")
        self.sandbox_deleting_vpc = vpc_id
        try:
            gone = old(self, vpc_id)
        finally:
            self.sandbox_deleting_vpc = None
        for acl in [a for a in self.network_acls.values() if a.vpc_id == vpc_id]:
            self.network_acls.pop(acl.id)
        self.groups.pop(vpc_id, None)
        return gone


@repair("ec2")
def delete_subnet():
    """EC2 API reference, DeleteSubnet: "you must terminate all running instances in the subnet before"; network
    interfaces in it are a DependencyViolation. Its associations with a route table and a network ACL go with it."""
    from moto.ec2.models.subnets import SubnetBackend

    @replace(SubnetBackend, "delete_subnet")
    def delete(old, self, subnet_id):
        for eni in list(self.enis.values()):
            if eni.subnet.id == subnet_id:
                if eni.instance is None or eni.instance._state.name != "terminated":
                    raise dependency(f"subnet '{subnet_id}'")
                self.enis.pop(eni.id)
        subnet = old(self, subnet_id)
        for table in self.route_tables.values():
            for key in [k for k, v in table._associations.items() if v == subnet_id]:
                table._associations.pop(key)
        for acl in self.network_acls.values():
            for key in [k for k, v in acl._associations.items() if v.subnet_id == subnet_id]:
                acl._associations.pop(key)
        return subnet


@repair("ec2")
def subnet_attributes():
    """EC2 API reference, ModifySubnetAttribute (EnableDns64, PrivateDnsHostnameTypeOnLaunch, resource name DNS
    records) and SubnetIpv6CidrBlockAssociation (State is a string); an IPv6-only subnet has no IPv4 addresses."""
    from moto.ec2.models.subnets import Subnet
    from moto.ec2.responses.subnets import Subnets

    Subnet.ipv6_cidr_block_association_set = property(lambda self: [
        {"ipv6CidrBlock": a["ipv6CidrBlock"], "associationId": a["associationId"],
         "ipv6CidrBlockState": {"state": a["ipv6CidrBlockState"]["State"]}}
        for a in self.ipv6_cidr_block_associations.values() if a["ipv6CidrBlockState"]["State"] == "associated"])

    @replace(Subnet, "available_ip_address_count", as_property=True)
    def available_ip_address_count(old, self):
        return 0 if self.ipv6_native else old(self)

    @replace(Subnets, "modify_subnet_attribute")
    def modify_subnet_attribute(old, self):
        subnet = self.ec2_backend.get_subnet(self._get_param("SubnetId"))
        options = subnet.private_dns_name_options_on_launch

        def given(name):
            value = self._get_param(name)
            return value.get("Value") if isinstance(value, dict) else self._get_param(f"{name}.Value")

        def flag(value):
            return value if isinstance(value, bool) else str(value).lower() == "true"

        if (value := given("EnableResourceNameDnsAAAARecordOnLaunch")) is not None:
            options["EnableResourceNameDnsAAAARecord"] = flag(value)
        if (value := given("EnableResourceNameDnsARecordOnLaunch")) is not None:
            options["EnableResourceNameDnsARecord"] = flag(value)
        if kind := self._get_param("PrivateDnsHostnameTypeOnLaunch"):
            options["HostnameType"] = kind
        if (value := given("EnableDns64")) is not None:
            subnet.enable_dns64 = flag(value)
        return old(self)


@repair("ec2")
def network_acls():
    """Amazon VPC user guide, "Custom network ACLs": every ACL ends in rules that deny what nothing else matched;
    EC2 API reference, error codes InvalidNetworkAclID.NotFound and InvalidNetworkAclEntry.NotFound."""
    from moto.ec2.models.network_acls import NetworkAclBackend

    @replace(NetworkAclBackend, "create_network_acl")
    def create_network_acl(old, self, vpc_id, tags=None, default=False):
        acl = old(self, vpc_id, tags, default)
        ipv6 = bool(self.get_vpc(vpc_id).get_cidr_block_association_set(ipv6=True))
        rules = [] if default else [(32767, "deny", "0.0.0.0/0", None)]
        rules += [(32768, "deny", None, "::/0")] if ipv6 else []
        rules += [(101, "allow", None, "::/0")] if ipv6 and default else []
        for number, action, cidr, cidr6 in rules:
            for egress in (True, False):
                self.create_network_acl_entry(acl.id, number, "-1", action, egress, cidr, None, None, None, None, cidr6)
        return acl

    @replace(NetworkAclBackend, "delete_network_acl_entry")
    def delete_network_acl_entry(old, self, network_acl_id, rule_number, egress):
        entries = self.get_network_acl(network_acl_id).network_acl_entries
        if not any(e.egress == egress and e.rule_number == rule_number for e in entries):
            way = "egress" if egress else "ingress"
            message = f"The {way} entry with rule number '{rule_number}' does not exist in network ACL '{network_acl_id}'"
            raise AwsError("InvalidNetworkAclEntry.NotFound", message)
        return old(self, network_acl_id, rule_number, egress)

    @replace(NetworkAclBackend, "describe_network_acls")
    def describe_network_acls(old, self, network_acl_ids=None, filters=None):
        for network_acl_id in network_acl_ids or []:
            self.get_network_acl(network_acl_id)
        return old(self, network_acl_ids, filters)

    @replace(NetworkAclBackend, "delete_network_acl")
    def delete_network_acl(old, self, network_acl_id):
        if self.get_network_acl(network_acl_id).default:
            raise AwsError("InvalidParameterValue", f"cannot delete default network ACL {network_acl_id}")
        return old(self, network_acl_id)


def addresses_in(backend, vpc_id):
    """Elastic IPs that are mapped to something in a VPC."""
    gateways = [n for n in backend.nat_gateways.values() if n.vpc_id == vpc_id and n.state not in ("deleted", "failed")]
    through_gateways = [a.get("allocationId") for n in gateways for a in n.address_set if a.get("allocationId")]
    return through_gateways + [a.allocation_id for a in backend.addresses if a.eni and a.eni.subnet.vpc_id == vpc_id]


@repair("ec2")
def internet_gateways():
    """Amazon VPC user guide, "Delete an internet gateway", and error code DependencyViolation: a gateway cannot be
    detached while the VPC has mapped public addresses; a VPC has one internet gateway at most."""
    from moto.ec2.models.internet_gateways import InternetGatewayBackend

    @replace(InternetGatewayBackend, "detach_internet_gateway")
    def detach_internet_gateway(old, self, internet_gateway_id, vpc_id):
        if addresses_in(self, vpc_id):
            raise AwsError("DependencyViolation", f"Network {vpc_id} has some mapped public address(es). Please unmap "
                           "those public address(es) before detaching the gateway.")
        return old(self, internet_gateway_id, vpc_id)

    @replace(InternetGatewayBackend, "attach_internet_gateway")
    def attach_internet_gateway(old, self, internet_gateway_id, vpc_id):
        self.get_internet_gateway(internet_gateway_id)
        for other in self.internet_gateways.values():
            if other.vpc is not None and other.vpc.id == vpc_id and other.id != internet_gateway_id:
                raise AwsError("InvalidParameterValue", f"Network {vpc_id} already has an internet gateway attached")
        return old(self, internet_gateway_id, vpc_id)


@repair("ec2")
def network_border_group():
    """EC2 API reference, Address: NetworkBorderGroup, the name of the Region where none was asked for."""
    from moto.ec2.models.elastic_ip_addresses import ElasticAddress
    from moto.ec2.responses.elastic_ip_addresses import ElasticIPAddresses

    @replace(ElasticIPAddresses, "allocate_address")
    def allocate_address(old, self):
        answer = old(self)
        address = self.ec2_backend.address_by_allocation([answer.result["AllocationId"]])[0]
        if group := self._get_param("NetworkBorderGroup"):
            address.network_border_group = group
        answer.result["NetworkBorderGroup"] = address.network_border_group
        return answer

    ElasticAddress.network_border_group = property(
        lambda self: self.__dict__.get("border_group") or self.ec2_backend.region_name,
        lambda self, value: self.__dict__.__setitem__("border_group", value))


@repair("ec2")
def release_address():
    """EC2 API reference, ReleaseAddress: an address that is still associated is refused (InvalidIPAddress.InUse)."""
    from moto.ec2.models.elastic_ip_addresses import ElasticAddressBackend

    @replace(ElasticAddressBackend, "release_address")
    def release(old, self, address=None, allocation_id=None):
        found = self.address_by_allocation([allocation_id]) if allocation_id else self.address_by_ip([address])
        if found and (found[0].association_id or found[0].eni or found[0].instance):
            raise AwsError("InvalidIPAddress.InUse", f"Address {found[0].public_ip} is in use.")
        return old(self, address=address, allocation_id=allocation_id)
