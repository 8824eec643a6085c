//! Systems Manager: contents.

mod parameter;
mod parameter_data;

use crate::kit::erase::{data, resource};
use crate::kit::provider::Service;

/// The types of this service.
pub(crate) fn service() -> Service {
    Service { resources: vec![resource::<parameter::Parameter>()], data: vec![data::<parameter_data::ParameterData>()] }
}
