//! CloudWatch Logs: contents.

mod log_group;

use crate::kit::erase::resource;
use crate::kit::provider::Service;

/// The types of this service.
pub(crate) fn service() -> Service {
    Service { resources: vec![resource::<log_group::LogGroup>()], data: vec![] }
}
