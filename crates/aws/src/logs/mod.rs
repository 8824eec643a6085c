//! CloudWatch Logs: contents.

mod log_group;
mod log_group_data;
mod metric_filter;

use crate::kit::erase::{data, resource};
use crate::kit::provider::Service;

/// The types of this service.
pub(crate) fn service() -> Service {
    Service {
        resources: vec![resource::<log_group::LogGroup>(), resource::<metric_filter::MetricFilter>()],
        data: vec![data::<log_group_data::LogGroupData>()],
    }
}
