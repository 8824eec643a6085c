//! Each type against the emulator: created, read, completed, changed, imported, deleted. [`rig`] stands in for the engine
//! and sees only `stackctl_core`.

mod actions;
mod arguments;
mod ec2;
mod facts;
mod failures;
mod group_rules;
mod iam;
mod listed;
mod network;
mod rds;
mod rig;
mod s3;
