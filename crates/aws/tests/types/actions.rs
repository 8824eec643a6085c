//! The API actions that types declare against those that they call: IAM policies are made of the former.
//!
//! Each life of an object in this test binary leaves its requests in the emulator's log; [`check`] reads them when the
//! object is gone.

use std::collections::BTreeSet;

/// Requests whose IAM action has another name (Service Authorization Reference).
const NAMES: &[(&str, &[&str])] = &[
    ("s3:HeadBucket", &["s3:ListBucket"]),
    ("s3:ListBuckets", &["s3:ListAllMyBuckets"]),
    ("s3:CreateBucket", &["s3:CreateBucket", "s3:TagResource"]),
    ("s3:GetBucketAccelerateConfiguration", &["s3:GetAccelerateConfiguration"]),
    ("s3:PutBucketAccelerateConfiguration", &["s3:PutAccelerateConfiguration"]),
    ("s3:GetBucketCors", &["s3:GetBucketCORS"]),
    ("s3:PutBucketCors", &["s3:PutBucketCORS"]),
    ("s3:DeleteBucketCors", &["s3:PutBucketCORS"]),
    ("s3:GetBucketEncryption", &["s3:GetEncryptionConfiguration"]),
    ("s3:PutBucketEncryption", &["s3:PutEncryptionConfiguration"]),
    ("s3:DeleteBucketEncryption", &["s3:PutEncryptionConfiguration"]),
    ("s3:GetBucketLifecycleConfiguration", &["s3:GetLifecycleConfiguration"]),
    ("s3:PutBucketLifecycleConfiguration", &["s3:PutLifecycleConfiguration"]),
    ("s3:DeleteBucketLifecycle", &["s3:PutLifecycleConfiguration"]),
    ("s3:GetBucketReplication", &["s3:GetReplicationConfiguration"]),
    ("s3:PutBucketReplication", &["s3:PutReplicationConfiguration"]),
    ("s3:DeleteBucketReplication", &["s3:PutReplicationConfiguration"]),
    ("s3:GetObjectLockConfiguration", &["s3:GetBucketObjectLockConfiguration"]),
    ("s3:PutObjectLockConfiguration", &["s3:PutBucketObjectLockConfiguration"]),
    ("s3:DeleteBucketTagging", &["s3:PutBucketTagging"]),
    ("s3:DeleteObjects", &["s3:DeleteObject", "s3:DeleteObjectVersion"]),
    ("s3:ListObjectVersions", &["s3:ListBucketVersions"]),
    ("s3:GetPublicAccessBlock", &["s3:GetBucketPublicAccessBlock"]),
    ("s3:PutPublicAccessBlock", &["s3:PutBucketPublicAccessBlock"]),
    ("s3:DeletePublicAccessBlock", &["s3:PutBucketPublicAccessBlock"]),
    ("s3:DeleteBucketOwnershipControls", &["s3:PutBucketOwnershipControls"]),
];

/// What the IAM actions of a request are.
pub(crate) fn of(service: &str, action: &str) -> BTreeSet<String> {
    let request = format!("{service}:{action}");
    match NAMES.iter().find(|(r, _)| *r == request) {
        Some((_, names)) => names.iter().map(|n| (*n).to_owned()).collect(),
        None => [request].into(),
    }
}

/// Fails if a type sent a request that it does not declare.
pub(crate) fn check(ty: &str, sent: impl IntoIterator<Item = (String, String)>) {
    let aws = stackctl_aws::aws();
    let declared: BTreeSet<&str> = aws.actions(ty).unwrap_or_default().iter().copied().collect();
    for (service, action) in sent {
        for name in of(&service, &action) {
            assert!(declared.contains(name.as_str()), "{ty} sends {name} without declaring it in ACTIONS");
        }
    }
}

/// The same for a data source.
pub(crate) fn check_data(ty: &str, sent: impl IntoIterator<Item = (String, String)>) {
    let aws = stackctl_aws::aws();
    let declared: BTreeSet<&str> = aws.data_actions(ty).unwrap_or_default().iter().copied().collect();
    for (service, action) in sent {
        for name in of(&service, &action) {
            assert!(declared.contains(name.as_str()), "data.{ty} sends {name} without declaring it in ACTIONS");
        }
    }
}

/// The same for an ephemeral type.
pub(crate) fn check_ephemeral(ty: &str, sent: impl IntoIterator<Item = (String, String)>) {
    let aws = stackctl_aws::aws();
    let declared: BTreeSet<&str> = aws.ephemeral_actions(ty).unwrap_or_default().iter().copied().collect();
    for (service, action) in sent {
        for name in of(&service, &action) {
            assert!(declared.contains(name.as_str()), "ephemeral.{ty} sends {name} without declaring it in ACTIONS");
        }
    }
}

/// Declared actions are spelled as IAM spells them, sorted, and each once.
#[test]
fn declarations_are_tidy() {
    use stackctl_core::Provider;
    let aws = stackctl_aws::aws();
    let resources = aws.resources().into_iter().filter_map(|t| Some((t, aws.actions(t)?)));
    let data = aws.data_sources().into_iter().filter_map(|t| Some((t, aws.data_actions(t)?)));
    for (ty, actions) in resources.chain(data) {
        assert!(actions.is_sorted_by(|a, b| a < b), "{ty}: ACTIONS are not sorted");
        for a in actions {
            let name = a.split_once(':').map(|(_, n)| n).unwrap_or_default();
            assert!(name.starts_with(|c: char| c.is_ascii_uppercase()), "{ty}: {a:?} is no IAM action");
        }
    }
}
