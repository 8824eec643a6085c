//! SQS: contents.

mod queue;
mod queue_data;
mod queue_policy;

use crate::kit::erase::{data, resource};
use crate::kit::provider::Service;

/// The types of this service.
pub(crate) fn service() -> Service {
    Service {
        resources: vec![resource::<queue::Queue>(), resource::<queue_policy::QueuePolicy>()],
        data: vec![data::<queue_data::QueueData>()],
    }
}
