//! `data.aws_kms_alias`.

use crate::kit::prelude::*;

/// An alias, and the key behind it.
#[derive(Clone, Debug, Data)]
#[data(type = "aws_kms_alias")]
pub(crate) struct AliasData {
    /// ARN.
    arn: Computed<String>,
    /// ARN.
    id: OptComputed<String>,
    /// Name, which begins with `alias/`.
    #[attr(check = stackctl_core::Check::Pattern("alias/[-/0-9A-Z_a-z]+", "`alias/` and letters, digits and -/_"))]
    name: String,
    /// ARN of the key.
    target_key_arn: Computed<String>,
    /// Id of the key.
    target_key_id: Computed<String>,
}

impl Data for AliasData {
    const ACTIONS: &'static [&'static str] = &["kms:DescribeKey", "kms:ListAliases"];

    async fn read(cx: &Cx, config: &Self) -> Result<Self> {
        // AWS makes the key of one of its own aliases when it is asked for first: the list may not tell it.
        let target = cx.kms().describe_key().key_id(&config.name).send().await.absent()?.and_then(|k| k.key_metadata);
        let aliases = all(cx.kms().list_aliases().limit(100).into_paginator().items().send()).await?;
        let alias = aliases.into_iter().find(|a| a.alias_name() == Some(&config.name));
        let (Some(alias), Some(target)) = (alias, target) else {
            return Err(Error::invalid(format!("There is no alias {:?} in {}.", config.name, cx.region())));
        };
        Ok(AliasData {
            id: alias.alias_arn.clone(),
            arn: alias.alias_arn,
            name: config.name.clone(),
            target_key_arn: target.arn,
            target_key_id: Some(target.key_id),
        })
    }
}
