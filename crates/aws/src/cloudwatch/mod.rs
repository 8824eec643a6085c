//! CloudWatch: contents.

mod dashboard;
mod metric_alarm;

use crate::kit::erase::resource;
use crate::kit::provider::Service;

/// The types of this service.
pub(crate) fn service() -> Service {
    Service {
        resources: vec![resource::<dashboard::Dashboard>(), resource::<metric_alarm::MetricAlarm>()],
        data: vec![],
    }
}
