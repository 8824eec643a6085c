"""Repairs of EC2: NAT gateways, VPC endpoints and route tables."""
from stackbox import states
from stackbox.repairs import AwsError, repair, replace

VISIBLE = 3600.0
"""Seconds for which a deleted NAT gateway is still described (Amazon VPC user guide, "Work with NAT gateways")."""


def _in_use(backend, gateway):
    """Does an elastic IP of the gateway belong to it still?"""
    return [a for a in backend.addresses if a.eni is not None and a.eni is gateway._eni]


@repair("ec2")
def nat_gateways():
    """EC2 API reference, NatGateway (pending, available, deleting, deleted), DescribeNatGateways and DeleteNatGateway
    (NatGatewayNotFound); VPC user guide: deleting one disassociates its elastic IP and removes its interface, and the
    gateway stays visible as deleted for about an hour."""
    from moto.ec2.models.nat_gateways import NatGatewayBackend

    def known(self, nat_gateway_id):
        if nat_gateway_id not in self.nat_gateways:
            raise AwsError("NatGatewayNotFound", f"NAT gateway {nat_gateway_id} was not found")
        return self.nat_gateways[nat_gateway_id]

    @replace(NatGatewayBackend, "describe_nat_gateways")
    def describe_nat_gateways(old, self, filters, nat_gateway_ids):
        for nat_gateway_id in nat_gateway_ids or []:
            known(self, nat_gateway_id)
        found = old(self, {k: v for k, v in (filters or {}).items() if not k.startswith("tag")}, nat_gateway_ids)
        tags = {k: v for k, v in (filters or {}).items() if k.startswith("tag")}
        return [g for g in found if all(_tagged(g, k, v) for k, v in tags.items())]

    @replace(NatGatewayBackend, "create_nat_gateway")
    def create_nat_gateway(old, self, subnet_id, allocation_id, tags=None, connectivity_type=None):
        connectivity_type = connectivity_type or "public"
        if connectivity_type == "public" and not allocation_id:
            raise AwsError("MissingParameter", "The request must include the AllocationId parameter. Add the required "
                           "parameter and retry the request.")
        gateway = old(self, subnet_id, allocation_id, tags, connectivity_type)
        if (seconds := states.delay("nat_gateway", "create")) > 0:
            gateway.state = "pending"
            states.later(seconds, lambda: gateway.state == "pending" and setattr(gateway, "state", "available"))
        return gateway

    @replace(NatGatewayBackend, "delete_nat_gateway")
    def delete_nat_gateway(old, self, nat_gateway_id):
        gateway = known(self, nat_gateway_id)
        if gateway.state in ("deleting", "deleted"):
            return gateway
        gateway.state = "deleting"

        def done():
            for address in _in_use(self, gateway):
                self.disassociate_address(address=address.public_ip)
            self.enis.pop(gateway._eni.id, None)
            gateway.state = "deleted"
            states.later(VISIBLE, lambda: self.nat_gateways.pop(gateway.id, None))

        states.later(states.delay("nat_gateway", "delete"), done)
        return gateway


def _tagged(thing, key, values):
    tags = {t["key"]: t["value"] for t in thing.get_tags()}
    if key == "tag-key":
        return any(v in tags for v in values)
    return tags.get(key[len("tag:"):]) in values


@repair("ec2")
def vpc_endpoints():
    """EC2 API reference, VpcEndpoint (pending, available, deleting), DeleteVpcEndpoints, error code
    InvalidVpcEndpointId.NotFound: a deleted endpoint is gone, and so are its routes, whether or not they were there."""
    from moto.ec2.models.vpcs import VPCBackend

    @replace(VPCBackend, "create_vpc_endpoint")
    def create_vpc_endpoint(old, self, *args, **kwargs):
        endpoint = old(self, *args, **kwargs)
        endpoint.vpc_endpoint_type = endpoint.vpc_endpoint_type or "Gateway"
        if (seconds := states.delay("vpc_endpoint", "create")) > 0:
            endpoint.state = "pending"
            states.later(seconds, lambda: endpoint.state == "pending" and setattr(endpoint, "state", "available"))
        return endpoint

    @replace(VPCBackend, "delete_vpc_endpoints")
    def delete_vpc_endpoints(old, self, vpce_ids=None):
        for vpce_id in vpce_ids or []:
            if vpce_id not in self.vpc_end_points:
                continue
            endpoint = self.vpc_end_points[vpce_id]
            if endpoint.vpc_endpoint_type.lower() == "gateway":
                endpoint.route_table_ids = [
                    t for t in endpoint.route_table_ids if t in self.route_tables and any(
                        r.destination_prefix_list and r.destination_prefix_list.id == endpoint.destination_prefix_list_id
                        for r in self.route_tables[t]._routes.values())]
            old(self, [vpce_id])
            if (seconds := states.delay("vpc_endpoint", "delete")) > 0:
                endpoint.state = "deleting"
            states.later(seconds, lambda gone=vpce_id: self.vpc_end_points.pop(gone, None))
