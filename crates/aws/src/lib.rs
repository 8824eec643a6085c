//! AWS resource types and data sources, and the provider that holds them.
//!
//! `kit/` is what all types share; each service is a folder whose `mod.rs` is its table of contents, and each type is one
//! file that holds everything about it. This crate never sees the engine: it is reached through `stackctl_core::Provider`.
//!
//! Start at `ec2/security_group.rs` for a type, at [`kit::resource`] for the traits.

use std::sync::Arc;

use stackctl_core::Provider;

pub mod kit;
pub mod web;

#[cfg(feature = "cloudwatch")]
mod cloudwatch;

#[cfg(feature = "dynamodb")]
mod dynamodb;

#[cfg(feature = "ec2")]
mod ec2;

#[cfg(feature = "iam")]
mod iam;

#[cfg(feature = "kms")]
mod kms;

#[cfg(feature = "cloudwatchlogs")]
mod logs;

#[cfg(feature = "rds")]
mod rds;

mod meta;

#[cfg(feature = "s3")]
mod s3;

#[cfg(feature = "sns")]
mod sns;

#[cfg(feature = "sqs")]
mod sqs;

#[cfg(feature = "ssm")]
mod ssm;

/// The table of all types.
pub fn provider() -> Arc<dyn Provider> {
    Arc::new(aws())
}

/// The same, with what only this crate's users know: API actions.
pub fn aws() -> kit::provider::Aws {
    kit::provider::Aws::new(vec![
        #[cfg(feature = "cloudwatch")]
        cloudwatch::service(),
        #[cfg(feature = "dynamodb")]
        dynamodb::service(),
        #[cfg(feature = "ec2")]
        ec2::service(),
        #[cfg(feature = "iam")]
        iam::service(),
        #[cfg(feature = "kms")]
        kms::service(),
        #[cfg(feature = "cloudwatchlogs")]
        logs::service(),
        #[cfg(feature = "rds")]
        rds::service(),
        meta::service(),
        #[cfg(feature = "s3")]
        s3::service(),
        #[cfg(feature = "sns")]
        sns::service(),
        #[cfg(feature = "sqs")]
        sqs::service(),
        #[cfg(feature = "ssm")]
        ssm::service(),
    ])
    .opening(vec![
        #[cfg(feature = "kms")]
        kms::ephemerals(),
        #[cfg(feature = "ssm")]
        ssm::ephemerals(),
    ])
}
