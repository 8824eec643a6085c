//! Regions and partitions (AWS General Reference, "AWS service endpoints").

/// Known regions, by partition.
const REGIONS: &[(&str, &str, &[&str])] = &[
    (
        "aws",
        "amazonaws.com",
        &[
            "af-south-1",
            "ap-east-1",
            "ap-east-2",
            "ap-northeast-1",
            "ap-northeast-2",
            "ap-northeast-3",
            "ap-south-1",
            "ap-south-2",
            "ap-southeast-1",
            "ap-southeast-2",
            "ap-southeast-3",
            "ap-southeast-4",
            "ap-southeast-5",
            "ap-southeast-6",
            "ap-southeast-7",
            "ca-central-1",
            "ca-west-1",
            "eu-central-1",
            "eu-central-2",
            "eu-north-1",
            "eu-south-1",
            "eu-south-2",
            "eu-west-1",
            "eu-west-2",
            "eu-west-3",
            "il-central-1",
            "me-central-1",
            "me-south-1",
            "mx-central-1",
            "sa-east-1",
            "us-east-1",
            "us-east-2",
            "us-west-1",
            "us-west-2",
        ],
    ),
    ("aws-cn", "amazonaws.com.cn", &["cn-north-1", "cn-northwest-1"]),
    ("aws-us-gov", "amazonaws.com", &["us-gov-east-1", "us-gov-west-1"]),
    ("aws-iso", "c2s.ic.gov", &["us-iso-east-1", "us-iso-west-1"]),
    ("aws-iso-b", "sc2s.sgov.gov", &["us-isob-east-1", "us-isob-west-1"]),
    ("aws-iso-e", "cloud.adc-e.uk", &["eu-isoe-west-1"]),
    ("aws-iso-f", "csp.hci.ic.gov", &["us-isof-east-1", "us-isof-south-1"]),
    ("aws-eusc", "amazonaws.eu", &["eusc-de-east-1"]),
];

/// True for a region that AWS has.
pub fn is_region(region: &str) -> bool {
    REGIONS.iter().any(|(_, _, names)| names.contains(&region))
}

/// The partition of a region; unknown regions are judged by their prefix.
pub fn partition(region: &str) -> &'static str {
    if let Some((p, _, _)) = REGIONS.iter().find(|(_, _, names)| names.contains(&region)) {
        return p;
    }
    let prefixes = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-isob-", "aws-iso-b"),
        ("us-isof-", "aws-iso-f"),
        ("us-iso-", "aws-iso"),
        ("eu-isoe-", "aws-iso-e"),
        ("eusc-", "aws-eusc"),
    ];
    prefixes.iter().find(|(prefix, _)| region.starts_with(prefix)).map_or("aws", |(_, p)| p)
}

/// The domain of a partition's endpoints.
pub fn dns_suffix(partition: &str) -> &'static str {
    REGIONS.iter().find(|(p, _, _)| *p == partition).map_or("amazonaws.com", |(_, dns, _)| dns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions() {
        for (region, want) in [
            ("eu-west-1", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-east-1", "aws-us-gov"),
            ("us-isob-new-9", "aws-iso-b"),
            ("xx-new-1", "aws"),
        ] {
            assert_eq!(partition(region), want, "{region}");
        }
        assert!(!is_region("us-east-9"));
        assert_eq!(dns_suffix("aws-cn"), "amazonaws.com.cn");
    }
}
