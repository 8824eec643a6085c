//! `data.aws_kms_key`.

use aws_sdk_kms::primitives::{DateTime, DateTimeFormat};
use aws_sdk_kms::types::MultiRegionKey;

use crate::kit::prelude::*;

/// A key.
#[derive(Clone, Debug, Data)]
#[data(type = "aws_kms_key")]
pub(crate) struct KeyData {
    /// ARN.
    arn: Computed<String>,
    /// Account that owns it.
    aws_account_id: Computed<String>,
    /// Cluster of CloudHSM that holds it.
    cloud_hsm_cluster_id: Computed<String>,
    /// When it was made.
    creation_date: Computed<String>,
    /// Key store that holds it.
    custom_key_store_id: Computed<String>,
    /// What it is.
    customer_master_key_spec: Computed<String>,
    /// When it will be deleted.
    deletion_date: Computed<String>,
    /// Description.
    description: Computed<String>,
    /// Whether it can be used.
    enabled: Computed<bool>,
    /// Whether its material expires.
    expiration_model: Computed<String>,
    /// Tokens of grants that are not visible everywhere yet.
    grant_tokens: Option<Vec<String>>,
    /// Id.
    id: OptComputed<String>,
    /// Id, ARN or alias of the key.
    key_id: String,
    /// `AWS` or `CUSTOMER`.
    key_manager: Computed<String>,
    /// What it is.
    key_spec: Computed<String>,
    /// State.
    key_state: Computed<String>,
    /// What it is for.
    key_usage: Computed<String>,
    /// Whether it is a multi-Region key.
    multi_region: Computed<bool>,
    /// Primary key and replicas.
    multi_region_configuration: Computed<Vec<MultiRegion>>,
    /// Where its material comes from.
    origin: Computed<String>,
    /// Days until the deletion of a primary key once its replicas are gone.
    pending_deletion_window_in_days: Computed<i32>,
    /// When its material expires.
    valid_to: Computed<String>,
    /// The key in an external key store.
    xks_key_configuration: Computed<Vec<External>>,
}

/// Keys that share their material.
#[derive(Block, Clone, Debug)]
pub(crate) struct MultiRegion {
    /// `PRIMARY` or `REPLICA`.
    multi_region_key_type: String,
    /// Primary key.
    primary_key: Computed<Vec<Member>>,
    /// Replicas.
    replica_keys: Computed<Vec<Member>>,
}

/// One of them.
#[derive(Block, Clone, Debug)]
pub(crate) struct Member {
    /// ARN.
    arn: String,
    /// Region.
    region: String,
}

/// A key in an external key store.
#[derive(Block, Clone, Debug)]
pub(crate) struct External {
    /// Id there.
    id: String,
}

impl Data for KeyData {
    const ACTIONS: &'static [&'static str] = &["kms:DescribeKey"];

    async fn read(cx: &Cx, config: &Self) -> Result<Self> {
        let call = cx.kms().describe_key().key_id(&config.key_id).set_grant_tokens(config.grant_tokens.clone());
        let k = call.send().await?.key_metadata.ok_or_else(|| Error::incomplete("the key"))?;
        #[expect(deprecated, reason = "the data source has this attribute")]
        let first_spec = k.customer_master_key_spec().map(|s| s.as_str().to_owned());
        let text = |v: Option<&str>| Some(v.unwrap_or_default().to_owned());
        let time =
            |t: Option<&DateTime>| t.and_then(|t| DateTime::from_secs(t.secs()).fmt(DateTimeFormat::DateTime).ok());
        let member = |m: &MultiRegionKey| Member {
            arn: m.arn().unwrap_or_default().to_owned(),
            region: m.region().unwrap_or_default().to_owned(),
        };
        let regions = k.multi_region_configuration().map(|m| MultiRegion {
            multi_region_key_type: m.multi_region_key_type().map_or("", |t| t.as_str()).to_owned(),
            primary_key: Some(m.primary_key().map(member).into_iter().collect()),
            replica_keys: Some(m.replica_keys().iter().map(member).collect()),
        });
        let external = k.xks_key_configuration().and_then(|x| x.id()).map(|id| External { id: id.to_owned() });
        Ok(KeyData {
            arn: k.arn.clone(),
            aws_account_id: k.aws_account_id.clone(),
            cloud_hsm_cluster_id: text(k.cloud_hsm_cluster_id()),
            creation_date: time(k.creation_date()),
            custom_key_store_id: text(k.custom_key_store_id()),
            customer_master_key_spec: first_spec,
            deletion_date: time(k.deletion_date()),
            description: text(k.description()),
            enabled: Some(k.enabled()),
            expiration_model: text(k.expiration_model().map(|m| m.as_str())),
            grant_tokens: config.grant_tokens.clone(),
            id: Some(k.key_id.clone()),
            key_id: config.key_id.clone(),
            key_manager: k.key_manager().map(|m| m.as_str().to_owned()),
            key_spec: k.key_spec().map(|s| s.as_str().to_owned()),
            key_state: k.key_state().map(|s| s.as_str().to_owned()),
            key_usage: k.key_usage().map(|u| u.as_str().to_owned()),
            multi_region: Some(k.multi_region().unwrap_or_default()),
            multi_region_configuration: Some(regions.into_iter().collect()),
            origin: k.origin().map(|o| o.as_str().to_owned()),
            pending_deletion_window_in_days: Some(k.pending_deletion_window_in_days().unwrap_or_default()),
            valid_to: time(k.valid_to()),
            xks_key_configuration: Some(external.into_iter().collect()),
        })
    }
}
