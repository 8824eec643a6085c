//! `data.aws_region`.

use crate::kit::prelude::*;
use crate::kit::region::{dns_suffix, is_region, partition};

/// A region: that of the provider, or the one that is asked for.
#[derive(Clone, Debug, Data)]
#[data(type = "aws_region")]
pub(crate) struct Region {
    /// Name in words, `Europe (Ireland)`.
    description: Computed<String>,
    /// Its EC2 endpoint, to find a region by.
    endpoint: OptComputed<String>,
    /// Name.
    id: OptComputed<String>,
    /// Name, to find a region by.
    name: OptComputed<String>,
}

impl Data for Region {
    const ACTIONS: &'static [&'static str] = &[];

    async fn read(cx: &Cx, config: &Self) -> Result<Self> {
        let (name, endpoint) = (config.name.as_deref(), config.endpoint.as_deref());
        let by_endpoint = match endpoint {
            Some(e) => {
                let region = e.strip_prefix("ec2.").and_then(|e| e.split('.').next()).unwrap_or_default();
                if endpoint_of(region) != e || !is_region(region) {
                    return Err(Error::invalid(format!("No region has the EC2 endpoint {e:?}.")));
                }
                Some(region)
            }
            None => None,
        };
        if let (Some(a), Some(b)) = (name, by_endpoint)
            && a != b
        {
            return Err(Error::invalid(format!("The endpoint belongs to the region {b}, not to {a}.")));
        }
        let region = name.or(by_endpoint).unwrap_or(cx.region());
        if !is_region(region) && region != cx.region() {
            return Err(Error::invalid(format!("{region:?} is not a known AWS region.")));
        }
        Ok(Region {
            description: Some(description(region).to_owned()),
            endpoint: Some(endpoint_of(region)),
            id: Some(config.id.clone().unwrap_or_else(|| region.to_owned())),
            name: Some(region.to_owned()),
        })
    }
}

fn endpoint_of(region: &str) -> String {
    format!("ec2.{region}.{}", dns_suffix(partition(region)))
}

/// Name in words (AWS General Reference, "AWS service endpoints"); empty for regions newer than this table.
fn description(region: &str) -> &'static str {
    match region {
        "af-south-1" => "Africa (Cape Town)",
        "ap-east-1" => "Asia Pacific (Hong Kong)",
        "ap-east-2" => "Asia Pacific (Taipei)",
        "ap-northeast-1" => "Asia Pacific (Tokyo)",
        "ap-northeast-2" => "Asia Pacific (Seoul)",
        "ap-northeast-3" => "Asia Pacific (Osaka)",
        "ap-south-1" => "Asia Pacific (Mumbai)",
        "ap-south-2" => "Asia Pacific (Hyderabad)",
        "ap-southeast-1" => "Asia Pacific (Singapore)",
        "ap-southeast-2" => "Asia Pacific (Sydney)",
        "ap-southeast-3" => "Asia Pacific (Jakarta)",
        "ap-southeast-4" => "Asia Pacific (Melbourne)",
        "ap-southeast-5" => "Asia Pacific (Malaysia)",
        "ap-southeast-7" => "Asia Pacific (Thailand)",
        "ca-central-1" => "Canada (Central)",
        "ca-west-1" => "Canada West (Calgary)",
        "cn-north-1" => "China (Beijing)",
        "cn-northwest-1" => "China (Ningxia)",
        "eu-central-1" => "Europe (Frankfurt)",
        "eu-central-2" => "Europe (Zurich)",
        "eu-north-1" => "Europe (Stockholm)",
        "eu-south-1" => "Europe (Milan)",
        "eu-south-2" => "Europe (Spain)",
        "eu-west-1" => "Europe (Ireland)",
        "eu-west-2" => "Europe (London)",
        "eu-west-3" => "Europe (Paris)",
        "il-central-1" => "Israel (Tel Aviv)",
        "me-central-1" => "Middle East (UAE)",
        "me-south-1" => "Middle East (Bahrain)",
        "mx-central-1" => "Mexico (Central)",
        "sa-east-1" => "South America (Sao Paulo)",
        "us-east-1" => "US East (N. Virginia)",
        "us-east-2" => "US East (Ohio)",
        "us-west-1" => "US West (N. California)",
        "us-west-2" => "US West (Oregon)",
        "us-gov-east-1" => "AWS GovCloud (US-East)",
        "us-gov-west-1" => "AWS GovCloud (US-West)",
        "us-iso-east-1" => "US ISO East",
        "us-iso-west-1" => "US ISO WEST",
        "us-isob-east-1" => "US ISOB East (Ohio)",
        "eu-isoe-west-1" => "EU ISOE West",
        "us-isof-east-1" => "US ISOF EAST",
        "us-isof-south-1" => "US ISOF SOUTH",
        "eusc-de-east-1" => "EU (Germany)",
        _ => "",
    }
}
