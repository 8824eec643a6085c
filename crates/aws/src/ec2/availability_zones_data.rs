//! `data.aws_availability_zones`.

use super::{FilterBlock, filter};
use crate::kit::prelude::*;

/// Availability zones of the region.
#[derive(Clone, Debug, Data)]
#[data(type = "aws_availability_zones", timeouts(read = 1200))]
pub(crate) struct AvailabilityZones {
    /// Also local zones and those that the account has not opted into.
    all_availability_zones: Option<bool>,
    /// Zones to leave out, by name.
    exclude_names: Option<BTreeSet<String>>,
    /// Zones to leave out, by id.
    exclude_zone_ids: Option<BTreeSet<String>>,
    /// Filters of DescribeAvailabilityZones.
    filter: BTreeSet<FilterBlock>,
    /// Groups of the zones.
    group_names: Computed<BTreeSet<String>>,
    /// The region.
    id: Computed<String>,
    /// Names, in order.
    names: Computed<Vec<String>>,
    /// Only zones in this state.
    #[attr(one_of("available", "information", "impaired", "unavailable", "constrained"))]
    state: Option<String>,
    /// Ids, in the order of the names.
    zone_ids: Computed<Vec<String>>,
}

impl Data for AvailabilityZones {
    const ACTIONS: &'static [&'static str] = &["ec2:DescribeAvailabilityZones"];

    async fn read(cx: &Cx, config: &Self) -> Result<Self> {
        let state = config.state.iter().map(|s| filter("state", [s]));
        let filters: Vec<_> = state.chain(FilterBlock::sdk(&config.filter)).collect();
        let call = cx.ec2().describe_availability_zones().set_all_availability_zones(config.all_availability_zones);
        let answer = call.set_filters(Some(filters).filter(|f| !f.is_empty())).send().await?;
        let mut zones = answer.availability_zones.unwrap_or_default();
        zones.sort_by(|a, b| a.zone_name.cmp(&b.zone_name));
        let out = |l: &Option<BTreeSet<String>>, v: Option<&str>| l.iter().flatten().any(|x| Some(x.as_str()) == v);
        zones.retain(|z| !out(&config.exclude_names, z.zone_name()) && !out(&config.exclude_zone_ids, z.zone_id()));
        Ok(AvailabilityZones {
            group_names: Some(zones.iter().map(|z| z.group_name.clone().unwrap_or_default()).collect()),
            id: Some(cx.region().to_owned()),
            names: Some(zones.iter().map(|z| z.zone_name.clone().unwrap_or_default()).collect()),
            zone_ids: Some(zones.iter().map(|z| z.zone_id.clone().unwrap_or_default()).collect()),
            ..config.clone()
        })
    }
}
