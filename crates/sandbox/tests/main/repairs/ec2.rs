//! Repairs of EC2.

use std::time::Duration;

use serde_json::json;

use super::{database, gateway, subnets};
use crate::aws::Aws;
use crate::world;

#[tokio::test]
async fn ec2_vpc_states() {
    let (control, aws) = world().await;
    control.states(&json!({"vpc": {"create": 5}, "subnet": {"create": 7}})).await.unwrap();
    let (vpc, [subnet, _]) = subnets(aws);
    let state = || {
        let pending = |action, id| aws.query("ec2", action, &[id]).ok().body.contains("<state>pending</state>");
        (pending("DescribeVpcs", ("VpcId.1", vpc.as_str())), pending("DescribeSubnets", ("SubnetId.1", &subnet)))
    };
    assert_eq!(state(), (true, true));
    control.clock_advance(Duration::from_secs(6)).await.unwrap();
    assert_eq!(state(), (false, true));
    control.clock_advance(Duration::from_secs(6)).await.unwrap();
    assert_eq!(state(), (false, false));
}

#[tokio::test]
async fn ec2_delete_vpc() {
    let (_, aws) = world().await;
    let vpc = aws.query("ec2", "CreateVpc", &[("CidrBlock", "10.0.0.0/16")]).ok().tag("vpcId");
    let of_vpc = |action, item| {
        let filter = [("Filter.1.Name", "vpc-id"), ("Filter.1.Value.1", vpc.as_str())];
        aws.query("ec2", action, &filter).ok().tags(item).len()
    };
    let parts = || {
        [
            of_vpc("DescribeNetworkAcls", "networkAclId") > 0,
            of_vpc("DescribeSecurityGroups", "groupName") > 0,
            of_vpc("DescribeRouteTables", "vpcId") > 0,
        ]
    };
    assert_eq!(parts(), [true; 3]);
    let delete = || aws.query("ec2", "DeleteVpc", &[("VpcId", &vpc)]);
    let group = [("GroupName", "g"), ("GroupDescription", "text"), ("VpcId", vpc.as_str())];
    let group = aws.query("ec2", "CreateSecurityGroup", &group).ok().tag("groupId");
    delete().refused("DependencyViolation");
    aws.query("ec2", "DeleteSecurityGroup", &[("GroupId", &group)]).ok();
    let gateway = aws.query("ec2", "CreateInternetGateway", &[]).ok().tag("internetGatewayId");
    let both = [("InternetGatewayId", gateway.as_str()), ("VpcId", &vpc)];
    aws.query("ec2", "AttachInternetGateway", &both).ok();
    delete().refused("DependencyViolation");
    aws.query("ec2", "DetachInternetGateway", &both).ok();
    delete().ok();
    assert_eq!(parts(), [false; 3]);
}

#[tokio::test]
async fn ec2_delete_subnet() {
    let (_, aws) = world().await;
    let (vpc, [subnet, _]) = subnets(aws);
    let delete = || aws.query("ec2", "DeleteSubnet", &[("SubnetId", &subnet)]);
    let eni = aws.query("ec2", "CreateNetworkInterface", &[("SubnetId", &subnet)]).ok().tag("networkInterfaceId");
    delete().refused("DependencyViolation");
    aws.query("ec2", "DeleteNetworkInterface", &[("NetworkInterfaceId", &eni)]).ok();
    let table = aws.query("ec2", "CreateRouteTable", &[("VpcId", &vpc)]).ok().tag("routeTableId");
    aws.query("ec2", "AssociateRouteTable", &[("RouteTableId", &table), ("SubnetId", &subnet)]).ok();
    aws.query("ec2", "DeleteRouteTable", &[("RouteTableId", &table)]).refused("DependencyViolation");
    delete().ok();
    aws.query("ec2", "DeleteRouteTable", &[("RouteTableId", &table)]).ok();
}

#[tokio::test]
async fn ec2_subnet_attributes() {
    let (_, aws) = world().await;
    let vpc =
        aws.query("ec2", "CreateVpc", &[("CidrBlock", "10.0.0.0/16"), ("AmazonProvidedIpv6CidrBlock", "true")]).ok();
    let vpc = vpc.tag("vpcId");
    let block = aws.query("ec2", "DescribeVpcs", &[("VpcId.1", &vpc)]).ok().tag("ipv6CidrBlock").replace("/56", "/64");
    let params = [("VpcId", vpc.as_str()), ("CidrBlock", "10.0.1.0/24"), ("Ipv6CidrBlock", block.as_str())];
    let made = aws.query("ec2", "CreateSubnet", &params).ok();
    assert_eq!(made.tag("ipv6CidrBlockState").replace(['\n', ' '], ""), "<state>associated</state>");
    let subnet = made.tag("subnetId");
    for (name, value) in [
        ("EnableDns64.Value", "true"),
        ("PrivateDnsHostnameTypeOnLaunch", "resource-name"),
        ("EnableResourceNameDnsAAAARecordOnLaunch.Value", "true"),
        ("MapPublicIpOnLaunch.Value", "true"),
    ] {
        aws.query("ec2", "ModifySubnetAttribute", &[("SubnetId", &subnet), (name, value)]).ok();
    }
    let got = aws.query("ec2", "DescribeSubnets", &[("SubnetId.1", &subnet)]).ok();
    let names = ["enableDns64", "hostnameType", "enableResourceNameDnsAAAARecord", "mapPublicIpOnLaunch"];
    assert_eq!(names.map(|n| got.tag(n)), ["true", "resource-name", "true", "true"]);
}

#[tokio::test]
async fn ec2_network_acls() {
    let (_, aws) = world().await;
    let (vpc, _) = subnets(aws);
    let made = aws.query("ec2", "CreateNetworkAcl", &[("VpcId", &vpc)]).ok();
    assert_eq!(made.tags("ruleNumber"), ["32767", "32767"]);
    let acl = made.tag("networkAclId");
    let entry = [("NetworkAclId", acl.as_str()), ("RuleNumber", "5"), ("Egress", "true")];
    aws.query("ec2", "DeleteNetworkAclEntry", &entry).refused("InvalidNetworkAclEntry.NotFound");
    aws.query("ec2", "DeleteNetworkAcl", &[("NetworkAclId", &acl)]).ok();
    aws.query("ec2", "DescribeNetworkAcls", &[("NetworkAclId.1", &acl)]).refused("InvalidNetworkAclID.NotFound");
}

#[tokio::test]
async fn ec2_nat_gateways() {
    let (control, aws) = world().await;
    control.states(&json!({"nat_gateway": {"create": 60, "delete": 30}})).await.unwrap();
    let [_, subnet, _, address, nat] = gateway(aws);
    let describe = || aws.query("ec2", "DescribeNatGateways", &[("NatGatewayId.1", &nat)]);
    assert_eq!(describe().ok().tag("state"), "pending");
    control.clock_advance(Duration::from_secs(61)).await.unwrap();
    assert_eq!(describe().ok().tag("state"), "available");
    aws.query("ec2", "DeleteNatGateway", &[("NatGatewayId", &nat)]).ok();
    assert_eq!(describe().ok().tag("state"), "deleting");
    aws.query("ec2", "DeleteSubnet", &[("SubnetId", &subnet)]).refused("DependencyViolation");
    control.clock_advance(Duration::from_secs(31)).await.unwrap();
    assert_eq!(describe().ok().tag("state"), "deleted");
    aws.query("ec2", "ReleaseAddress", &[("AllocationId", &address)]).ok();
    aws.query("ec2", "DeleteSubnet", &[("SubnetId", &subnet)]).ok();
    control.clock_advance(Duration::from_secs(3601)).await.unwrap();
    describe().refused("NatGatewayNotFound");
    aws.query("ec2", "DeleteNatGateway", &[("NatGatewayId", &nat)]).refused("NatGatewayNotFound");
}

#[tokio::test]
async fn ec2_internet_gateways_and_addresses_in_use() {
    let (_, aws) = world().await;
    let [vpc, _, internet, address, nat] = gateway(aws);
    let detach = || aws.query("ec2", "DetachInternetGateway", &[("InternetGatewayId", &internet), ("VpcId", &vpc)]);
    detach().refused("mapped public address");
    aws.query("ec2", "ReleaseAddress", &[("AllocationId", &address)]).refused("InvalidIPAddress.InUse");
    let second = aws.query("ec2", "CreateInternetGateway", &[]).ok().tag("internetGatewayId");
    aws.query("ec2", "AttachInternetGateway", &[("InternetGatewayId", &second), ("VpcId", &vpc)])
        .refused("already has an internet gateway");
    aws.query("ec2", "DeleteNatGateway", &[("NatGatewayId", &nat)]).ok();
    detach().ok();
    aws.query("ec2", "ReleaseAddress", &[("AllocationId", &address)]).ok();
}

#[tokio::test]
async fn ec2_vpc_endpoints() {
    let (_, aws) = world().await;
    let (vpc, _) = subnets(aws);
    let table = aws.query("ec2", "CreateRouteTable", &[("VpcId", &vpc)]).ok().tag("routeTableId");
    let service = ("ServiceName", "com.amazonaws.us-east-1.s3");
    let made = aws.query("ec2", "CreateVpcEndpoint", &[("VpcId", &vpc), service, ("RouteTableId.1", &table)]).ok();
    let endpoint = made.tag("vpcEndpointId");
    let routes = aws.query("ec2", "DescribeRouteTables", &[("RouteTableId.1", &table)]).ok();
    let list = routes.tag("destinationPrefixListId");
    assert!(list.starts_with("pl-"), "{}", routes.body);
    aws.query("ec2", "DeleteVpcEndpoints", &[("VpcEndpointId.1", &endpoint)]).ok();
    aws.query("ec2", "DescribeVpcEndpoints", &[("VpcEndpointId.1", &endpoint)])
        .refused("InvalidVpcEndpointId.NotFound");
    aws.query("ec2", "DeleteRouteTable", &[("RouteTableId", &table)]).ok();
}

fn group(aws: Aws, vpc: &str, name: &str) -> String {
    let params = [("GroupName", name), ("GroupDescription", "text"), ("VpcId", vpc)];
    aws.query("ec2", "CreateSecurityGroup", &params).ok().tag("groupId")
}

fn rules(aws: Aws, group: &str) -> crate::aws::Answer {
    let filter = [("Filter.1.Name", "group-id"), ("Filter.1.Value.1", group)];
    aws.query("ec2", "DescribeSecurityGroupRules", &filter).ok()
}

#[tokio::test]
async fn ec2_rule_fields_and_rules_at_once() {
    let (_, aws) = world().await;
    let (vpc, _) = subnets(aws);
    let (one, two) = (group(aws, &vpc, "one"), group(aws, &vpc, "two"));
    let web = [
        ("GroupId", one.as_str()),
        ("IpPermissions.1.IpProtocol", "6"),
        ("IpPermissions.1.FromPort", "80"),
        ("IpPermissions.1.ToPort", "80"),
        ("IpPermissions.1.Groups.1.GroupId", two.as_str()),
        ("IpPermissions.1.Groups.1.Description", "from two"),
    ];
    let list = [
        ("IpPermissions.2.IpProtocol", "-1"),
        ("IpPermissions.2.PrefixListIds.1.PrefixListId", "pl-1"),
        ("IpPermissions.2.PrefixListIds.1.Description", "from a list"),
    ];
    let made = aws.query("ec2", "AuthorizeSecurityGroupIngress", &[&web[..], &list].concat()).ok();
    assert_eq!(made.tags("description"), ["from two", "from a list"]);
    assert_eq!(
        (made.tags("ipProtocol"), made.tags("fromPort")),
        (vec!["tcp".into(), "-1".into()], vec!["80".into(), "-1".into()])
    );
    let shown = aws.query("ec2", "DescribeSecurityGroups", &[("GroupId.1", &one)]).ok();
    assert_eq!(shown.tags("description"), ["from two", "from a list"]);
    let other_text = [
        ("IpPermissions.2.IpProtocol", "udp"),
        ("IpPermissions.2.FromPort", "53"),
        ("IpPermissions.2.ToPort", "53"),
        ("IpPermissions.2.IpRanges.1.CidrIp", "10.0.0.0/8"),
    ];
    let mut again = [&web[..], &other_text].concat();
    again[5].1 = "other text";
    let count = rules(aws, &one).tags("securityGroupRuleId").len();
    aws.query("ec2", "AuthorizeSecurityGroupIngress", &again).refused("InvalidPermission.Duplicate");
    assert_eq!(rules(aws, &one).tags("securityGroupRuleId").len(), count, "all or nothing");
    let revoke = [&web[..5], &other_text].concat();
    aws.query("ec2", "RevokeSecurityGroupIngress", &revoke).refused("InvalidPermission.NotFound");
    assert_eq!(rules(aws, &one).tags("securityGroupRuleId").len(), count, "all or nothing");
    aws.query("ec2", "RevokeSecurityGroupIngress", &web[..5]).ok();
    assert_eq!(rules(aws, &one).tags("securityGroupRuleId").len(), count - 1);
}

#[tokio::test]
async fn ec2_rule_changes() {
    let (_, aws) = world().await;
    let (vpc, _) = subnets(aws);
    let (one, two) = (group(aws, &vpc, "one"), group(aws, &vpc, "two"));
    let permission = [
        ("GroupId", one.as_str()),
        ("IpPermissions.1.IpProtocol", "tcp"),
        ("IpPermissions.1.FromPort", "80"),
        ("IpPermissions.1.ToPort", "80"),
        ("IpPermissions.1.Groups.1.GroupId", two.as_str()),
    ];
    let made = aws.query("ec2", "AuthorizeSecurityGroupEgress", &permission).ok();
    let id = made.tag("securityGroupRuleId");
    let text = [("IpPermissions.1.Groups.1.Description", "by permission")];
    aws.query("ec2", "UpdateSecurityGroupRuleDescriptionsEgress", &[&permission[..], &text].concat()).ok();
    let rule = || aws.query("ec2", "DescribeSecurityGroupRules", &[("SecurityGroupRuleId.1", &id)]).ok();
    assert_eq!(rule().tag("description"), "by permission");
    let change = [
        ("GroupId", one.as_str()),
        ("SecurityGroupRule.1.SecurityGroupRuleId", id.as_str()),
        ("SecurityGroupRule.1.SecurityGroupRule.IpProtocol", "-1"),
        ("SecurityGroupRule.1.SecurityGroupRule.ReferencedGroupId", one.as_str()),
        ("SecurityGroupRule.1.SecurityGroupRule.Description", "by rule"),
    ];
    aws.query("ec2", "ModifySecurityGroupRules", &change).ok();
    let got = rule();
    assert_eq!(
        (got.tag("ipProtocol"), got.tag("fromPort"), got.tag("description")),
        ("-1".into(), "-1".into(), "by rule".into())
    );
    assert!(got.tag("referencedGroupInfo").contains(&one), "{}", got.body);
}

#[tokio::test]
async fn ec2_groups_in_use() {
    let (_, aws) = world().await;
    let (vpc, [subnet, other]) = subnets(aws);
    let (one, two) = (group(aws, &vpc, "one"), group(aws, &vpc, "two"));
    let delete = |id: &str| aws.query("ec2", "DeleteSecurityGroup", &[("GroupId", id)]);
    let source =
        [("GroupId", one.as_str()), ("IpPermissions.1.IpProtocol", "-1"), ("IpPermissions.1.Groups.1.GroupId", &two)];
    aws.query("ec2", "AuthorizeSecurityGroupIngress", &source).ok();
    delete(&two).refused("DependencyViolation");
    aws.query("ec2", "RevokeSecurityGroupIngress", &source).ok();
    let eni = [("SubnetId", subnet.as_str()), ("SecurityGroupId.1", &two)];
    let eni = aws.query("ec2", "CreateNetworkInterface", &eni).ok().tag("networkInterfaceId");
    delete(&two).refused("DependencyViolation");
    aws.query("ec2", "DeleteNetworkInterface", &[("NetworkInterfaceId", &eni)]).ok();
    delete(&two).ok();
    delete(&two).refused("InvalidGroup.NotFound");
    let members = [("SubnetIds.SubnetIdentifier.1", subnet.as_str()), ("SubnetIds.SubnetIdentifier.2", &other)];
    let name = [("DBSubnetGroupName", "g"), ("DBSubnetGroupDescription", "text")];
    aws.query("rds", "CreateDBSubnetGroup", &[&name[..], &members].concat()).ok();
    database(aws, "db", &[name[0], ("VpcSecurityGroupIds.VpcSecurityGroupId.1", &one)]).ok();
    delete(&one).refused("DependencyViolation");
    let default = [("Filter.1.Name", "group-name"), ("Filter.1.Value.1", "default"), ("Filter.2.Name", "vpc-id")];
    let default =
        aws.query("ec2", "DescribeSecurityGroups", &[&default[..], &[("Filter.2.Value.1", vpc.as_str())]].concat());
    delete(&default.tag("groupId")).refused("CannotDelete");
    // The default group starts with one rule each way (`default_group_rules`).
    let of_default = rules(aws, &default.tag("groupId"));
    assert_eq!(of_default.tags("isEgress"), ["true", "false"]);
    assert!(of_default.tag("referencedGroupInfo").contains(&default.tag("groupId")));
}

#[tokio::test]
async fn ec2_network_border_group() {
    let (_, aws) = world().await;
    let group = |more: &[(&str, &str)]| {
        let made = aws.query("ec2", "AllocateAddress", &[&[("Domain", "vpc")], more].concat()).ok().tag("allocationId");
        aws.query("ec2", "DescribeAddresses", &[("AllocationId.1", &made)]).ok().tag("networkBorderGroup")
    };
    assert_eq!(group(&[]), "us-east-1");
    assert_eq!(group(&[("NetworkBorderGroup", "us-east-1-bos-1")]), "us-east-1-bos-1");
}
