//! Systems Manager: contents.

mod parameter;

use crate::kit::erase::resource;
use crate::kit::provider::Service;

/// The types of this service.
pub(crate) fn service() -> Service {
    Service { resources: vec![resource::<parameter::Parameter>()], data: vec![] }
}
