//! `data.aws_partition`.

use crate::kit::prelude::*;
use crate::kit::region::dns_suffix;

/// Partition of the region.
#[derive(Clone, Debug, Data)]
#[data(type = "aws_partition")]
pub(crate) struct Partition {
    /// Domain of its endpoints, `amazonaws.com`.
    dns_suffix: Computed<String>,
    /// Name.
    id: OptComputed<String>,
    /// Name, `aws`.
    partition: Computed<String>,
    /// Prefix of service names of endpoints, `com.amazonaws`.
    reverse_dns_prefix: Computed<String>,
}

impl Data for Partition {
    const ACTIONS: &'static [&'static str] = &[];

    async fn read(cx: &Cx, config: &Self) -> Result<Self> {
        let suffix = dns_suffix(cx.partition());
        let reverse: Vec<&str> = suffix.split('.').rev().collect();
        Ok(Partition {
            dns_suffix: Some(suffix.to_owned()),
            id: Some(config.id.clone().unwrap_or_else(|| cx.partition().to_owned())),
            partition: Some(cx.partition().to_owned()),
            reverse_dns_prefix: Some(reverse.join(".")),
        })
    }
}
