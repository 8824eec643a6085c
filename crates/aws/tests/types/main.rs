//! Each type against the emulator: created, read, completed, changed, imported, deleted. [`rig`] stands in for the engine
//! and sees only `stackctl_core`.

mod ec2;
mod facts;
mod iam;
mod rds;
mod group_rules;
mod network;
mod rig;
mod s3;
