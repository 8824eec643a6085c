//! Each type against the emulator: created, read, completed, changed, imported, deleted. [`rig`] stands in for the engine
//! and sees only `stackctl_core`.

mod actions;
mod arguments;
mod cloudwatch;
mod data_sources;
mod dynamodb;
mod ec2;
mod facts;
mod failures;
mod group_rules;
mod iam;
mod iam_policies;
mod kms;
mod listed;
mod messaging;
mod network;
mod provider;
mod rds;
mod rds_groups;
mod rig;
mod s3;
mod s3_settings;
mod small;
mod ssm;
