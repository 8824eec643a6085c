//! Systems Manager: contents.

mod parameter;
mod parameter_data;
mod parameter_ephemeral;

use crate::kit::erase::{AnyData, data, ephemeral, resource};
use crate::kit::provider::Service;

/// The types of this service.
pub(crate) fn service() -> Service {
    Service { resources: vec![resource::<parameter::Parameter>()], data: vec![data::<parameter_data::ParameterData>()] }
}

/// Its ephemeral types.
pub(crate) fn ephemerals() -> Vec<Box<dyn AnyData>> {
    vec![ephemeral::<parameter_ephemeral::OpenParameter>()]
}
