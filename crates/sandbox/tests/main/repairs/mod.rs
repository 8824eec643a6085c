//! One test per repair of the emulator, named after the function in `server/stackbox/repairs/` that it covers.

mod ec2;
mod keys_and_tables;
mod other;
mod rds;
mod s3;

use crate::aws::{Answer, Aws};

/// Two subnets in two zones of a new VPC.
pub(crate) fn subnets(aws: Aws) -> (String, [String; 2]) {
    let vpc = aws.query("ec2", "CreateVpc", &[("CidrBlock", "10.0.0.0/16")]).ok().tag("vpcId");
    let subnet = |cidr, zone| {
        aws.query("ec2", "CreateSubnet", &[("VpcId", &vpc), ("CidrBlock", cidr), ("AvailabilityZone", zone)])
            .ok()
            .tag("subnetId")
    };
    let both = [subnet("10.0.1.0/24", "us-east-1a"), subnet("10.0.2.0/24", "us-east-1b")];
    (vpc, both)
}

/// What every database needs.
const DATABASE: [(&str, &str); 5] = [
    ("DBInstanceClass", "db.t3.micro"),
    ("Engine", "postgres"),
    ("AllocatedStorage", "20"),
    ("MasterUsername", "admin1"),
    ("MasterUserPassword", "not-a-secret"),
];

/// CreateDBInstance with further parameters.
pub(crate) fn database(aws: Aws, name: &str, more: &[(&str, &str)]) -> Answer {
    let params = [&[("DBInstanceIdentifier", name)], &DATABASE[..], more].concat();
    aws.query("rds", "CreateDBInstance", &params)
}

/// DescribeDBInstances of one.
pub(crate) fn described(aws: Aws, name: &str) -> Answer {
    aws.query("rds", "DescribeDBInstances", &[("DBInstanceIdentifier", name)])
}

/// A public NAT gateway with its VPC, internet gateway and address.
pub(crate) fn gateway(aws: Aws) -> [String; 5] {
    let (vpc, [subnet, _]) = subnets(aws);
    let internet = aws.query("ec2", "CreateInternetGateway", &[]).ok().tag("internetGatewayId");
    aws.query("ec2", "AttachInternetGateway", &[("InternetGatewayId", &internet), ("VpcId", &vpc)]).ok();
    let address = aws.query("ec2", "AllocateAddress", &[("Domain", "vpc")]).ok().tag("allocationId");
    let nat = aws.query("ec2", "CreateNatGateway", &[("SubnetId", &subnet), ("AllocationId", &address)]).ok();
    [vpc, subnet, internet, address, nat.tag("natGatewayId")]
}
