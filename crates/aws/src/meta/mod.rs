//! Who and where: data sources that ask no service, but what the connection knows. Contents.

mod caller_identity_data;
mod default_tags_data;
mod partition_data;
mod region_data;

use crate::kit::erase::data;
use crate::kit::provider::Service;

/// The data sources.
pub(crate) fn service() -> Service {
    Service {
        resources: vec![],
        data: vec![
            data::<caller_identity_data::CallerIdentity>(),
            data::<default_tags_data::DefaultTags>(),
            data::<partition_data::Partition>(),
            data::<region_data::Region>(),
        ],
    }
}
