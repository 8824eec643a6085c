//! EC2 and VPC: contents, and what its types share.

mod default_network_acl;
mod default_route_table;
mod default_security_group;
mod eip;
mod group_rules;
mod internet_gateway;
mod nat_gateway;
mod route;
mod route_table;
mod route_table_association;
mod routes;
mod security_group;
mod security_group_rule;
mod subnet;
mod tags;
mod vpc;
mod vpc_security_group_rule;

mod ami_data;
mod availability_zones_data;
mod route_table_data;
mod security_group_data;
mod subnet_data;
mod subnets_data;
mod vpc_data;

use crate::kit::erase::{data, resource};
use crate::kit::prelude::*;
use crate::kit::provider::Service;

/// The types of this service.
pub(crate) fn service() -> Service {
    Service {
        resources: vec![
            resource::<default_network_acl::DefaultNetworkAcl>(),
            resource::<default_route_table::DefaultRouteTable>(),
            resource::<default_security_group::DefaultSecurityGroup>(),
            resource::<eip::Eip>(),
            resource::<internet_gateway::InternetGateway>(),
            resource::<nat_gateway::NatGateway>(),
            resource::<route::Route>(),
            resource::<route_table::RouteTable>(),
            resource::<route_table_association::RouteTableAssociation>(),
            resource::<security_group::SecurityGroup>(),
            resource::<security_group_rule::SecurityGroupRule>(),
            resource::<subnet::Subnet>(),
            resource::<vpc::Vpc>(),
            resource::<vpc_security_group_rule::EgressRule>(),
            resource::<vpc_security_group_rule::IngressRule>(),
        ],
        data: vec![
            data::<ami_data::Ami>(),
            data::<availability_zones_data::AvailabilityZones>(),
            data::<route_table_data::RouteTableData>(),
            data::<security_group_data::SecurityGroupData>(),
            data::<subnet_data::SubnetData>(),
            data::<subnets_data::Subnets>(),
            data::<vpc_data::VpcData>(),
        ],
    }
}

/// A filter of a `Describe` call.
pub(crate) fn filter(name: &str, values: impl IntoIterator<Item = impl Into<String>>) -> aws_sdk_ec2::types::Filter {
    let values = values.into_iter().map(Into::into).collect();
    aws_sdk_ec2::types::Filter::builder().name(name).set_values(Some(values)).build()
}

/// A flag of a `Modify` call.
fn flag(on: bool) -> aws_sdk_ec2::types::AttributeBooleanValue {
    aws_sdk_ec2::types::AttributeBooleanValue::builder().value(on).build()
}

/// A text as state holds it: the older plugin SDK stores one that the service does not have as empty.
fn shown(v: &Option<String>) -> Option<String> {
    Some(v.clone().unwrap_or_default())
}

/// A text that is neither missing nor empty.
fn given(v: &Option<String>) -> Option<&String> {
    v.as_ref().filter(|t| !t.is_empty())
}

/// What an intent made, read by the ids that carry its ownership tag.
async fn found<T: Resource>(
    cx: &Cx,
    intent: &Intent<T>,
    ids: impl IntoIterator<Item = Option<String>>,
) -> Result<Vec<Live<T>>> {
    let at = |id| Ref { id, known: intent.keys.clone(), wanted: None };
    let at: Vec<Ref<T>> = ids.into_iter().flatten().map(at).collect();
    if at.is_empty() { Ok(Vec::new()) } else { T::read(cx, &at).await }
}

/// The checksum (CRC-32 of IEEE 802.3) that some ids in state are made of.
fn crc32(text: &str) -> u32 {
    !text.bytes().fold(!0, |sum, byte| {
        (0..8).fold(sum ^ u32::from(byte), |s, _| if s & 1 == 1 { (s >> 1) ^ 0xEDB8_8320 } else { s >> 1 })
    })
}

/// A `filter` block of a data source.
#[derive(Block, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FilterBlock {
    /// Name of the filter, as the `Describe` call has it.
    name: String,
    /// Accepted values.
    values: BTreeSet<String>,
}

impl FilterBlock {
    /// The filters that blocks ask for.
    fn sdk(blocks: &BTreeSet<FilterBlock>) -> Vec<aws_sdk_ec2::types::Filter> {
        blocks.iter().map(|b| filter(&b.name, &b.values)).collect()
    }
    /// Filters for tags.
    fn tags(tags: &BTreeMap<String, String>) -> Vec<aws_sdk_ec2::types::Filter> {
        tags.iter().map(|(k, v)| filter(&format!("tag:{k}"), [v])).collect()
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn checksums() {
        assert_eq!(super::crc32("123456789"), 0xCBF4_3926);
    }
}
