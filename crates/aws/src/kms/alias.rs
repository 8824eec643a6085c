//! `aws_kms_alias`.

use aws_sdk_kms::types::AliasListEntry;

use super::same_key;
use crate::kit::prelude::*;

pub(super) const NAME: &[&str; 2] = &["alias/[-/0-9A-Z_a-z]+", "`alias/` and letters, digits and -/_"];

/// Another name of a key.
#[derive(Clone, Debug, Resource)]
#[resource(type = "aws_kms_alias", identity(name("name").dated()))]
pub(crate) struct Alias {
    /// ARN.
    #[attr(starts_with = "arn:")]
    arn: Computed<String>,
    /// Name, which begins with `alias/`.
    #[attr(force_new, length(7, 256), prefix_max = 230, check = stackctl_core::Check::Pattern(NAME[0], NAME[1]), prefix_pattern = NAME, generated = "alias/")]
    name: Name,
    /// ARN of the key.
    #[attr(starts_with = "arn:")]
    target_key_arn: Computed<String>,
    /// The key, by id or ARN.
    target_key_id: String,
}

impl Resource for Alias {
    // There is no way to ask for some of them: all are listed.
    const BATCH: usize = 1000;
    const ACTIONS: &'static [&'static str] =
        &["kms:CreateAlias", "kms:DeleteAlias", "kms:ListAliases", "kms:UpdateAlias"];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let aliases = all(cx.kms().list_aliases().limit(100).into_paginator().items().send()).await?;
        let live = at.iter().filter_map(|r| {
            let a = aliases.iter().find(|a| a.alias_name() == Some(&r.id))?;
            Some(r.live(&r.id, live(a, &r.known)).created(a.creation_date().map(|d| d.secs())))
        });
        Ok(live.collect())
    }

    async fn create(cx: &Cx, new: &Self) -> Result<String> {
        cx.kms().create_alias().alias_name(&new.name).target_key_id(&new.target_key_id).send().await?;
        Ok(new.name.clone())
    }

    async fn delete(cx: &Cx, at: &Ref<Self>) -> Result<()> {
        cx.kms().delete_alias().alias_name(&at.id).send().await?;
        Ok(())
    }

    fn plan(draft: &mut Draft<'_>) {
        if draft.is_create() || !draft.changes("target_key_id") {
            return;
        }
        let (old, new) = (draft.prior("target_key_id").as_str(), draft.planned("target_key_id").as_str());
        if let (Some(old), Some(new)) = (old, new)
            && same_key(old, new)
        {
            return draft.keep("target_key_id");
        }
        draft.unknown("target_key_arn");
    }
}

impl Update for Alias {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        if changed!(ch, target_key_id) {
            let call = cx.kms().update_alias().alias_name(&ch.at.id);
            call.target_key_id(&ch.new.target_key_id).send().await?;
        }
        Ok(())
    }
}

fn live(a: &AliasListEntry, known: &Alias) -> Alias {
    let (arn, id) = (a.alias_arn().unwrap_or_default(), a.target_key_id().unwrap_or_default());
    let name = a.alias_name().unwrap_or_default();
    // Both stand in one account and region.
    let target = arn.strip_suffix(name).map(|start| format!("{start}key/{id}"));
    let written = Some(&known.target_key_id).filter(|w| target.as_deref().is_some_and(|t| same_key(t, w)));
    Alias {
        arn: Some(arn.to_owned()),
        name: name.to_owned(),
        target_key_id: written.cloned().unwrap_or_else(|| id.to_owned()),
        target_key_arn: target,
    }
}
