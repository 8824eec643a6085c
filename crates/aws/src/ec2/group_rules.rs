//! Rules of security groups as the API lists them, one by one: what the three types of single rules share. The rules of
//! all groups that a refresh asks for are read in requests of 200 groups ([`GroupRules`]).

use std::collections::HashMap;

use aws_sdk_ec2::types::SecurityGroupRule;

use super::filter;
use crate::kit::prelude::*;

/// Most rules that one page may hold.
const PAGE: i32 = 1000;

/// Rules by group.
pub(super) struct GroupRules;

impl Loader for GroupRules {
    type Out = Vec<SecurityGroupRule>;
    const BATCH: usize = 200;

    async fn load(cx: &Cx, ids: Vec<String>) -> Result<HashMap<String, Self::Out>> {
        let mut out: HashMap<String, Self::Out> = HashMap::new();
        for rule in listed(cx, "group-id", ids).await? {
            if let Some(group) = rule.group_id.clone() {
                out.entry(group).or_default().push(rule);
            }
        }
        Ok(out)
    }
}

/// Rules that a filter lets through.
pub(super) async fn listed(
    cx: &Cx,
    name: &str,
    values: impl IntoIterator<Item = impl Into<String>>,
) -> Result<Vec<SecurityGroupRule>> {
    let call = cx.ec2().describe_security_group_rules().filters(filter(name, values)).max_results(PAGE);
    all(call.into_paginator().items().send()).await
}

/// The group that a rule is about, with its account where that is another one.
pub(super) fn referenced(rule: &SecurityGroupRule) -> Option<String> {
    let info = rule.referenced_group_info()?;
    let id = info.group_id()?;
    Some(match info.user_id().filter(|u| !u.is_empty() && rule.group_owner_id().is_some_and(|o| o != *u)) {
        Some(user) => format!("{user}/{id}"),
        None => id.to_owned(),
    })
}
