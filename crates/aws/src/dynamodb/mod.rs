//! DynamoDB: contents.

mod table;
mod table_data;

use crate::kit::erase::{data, resource};
use crate::kit::provider::Service;

/// The types of this service.
pub(crate) fn service() -> Service {
    Service { resources: vec![resource::<table::Table>()], data: vec![data::<table_data::TableData>()] }
}
