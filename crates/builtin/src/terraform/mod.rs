//! The `terraform` provider: `terraform_data`, and the outputs of other states.

pub(crate) mod data;
pub(crate) mod remote_state;
