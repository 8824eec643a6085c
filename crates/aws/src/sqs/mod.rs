//! SQS: contents.

mod queue;

use crate::kit::erase::resource;
use crate::kit::provider::Service;

/// The types of this service.
pub(crate) fn service() -> Service {
    Service { resources: vec![resource::<queue::Queue>()], data: vec![] }
}
