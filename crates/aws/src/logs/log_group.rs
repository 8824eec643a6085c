//! `aws_cloudwatch_log_group`.

use aws_sdk_cloudwatchlogs::types::{LogGroup as SdkLogGroup, LogGroupClass};

use crate::kit::prelude::*;

const NAME: &[&str; 2] = &[r"[#\-./0-9A-Z_a-z]+", "letters, digits and - . / _ #"];
const DAYS: &[i64] =
    &[0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/// A log group.
#[derive(Clone, Debug, Resource)]
#[resource(type = "aws_cloudwatch_log_group", identity(name("name").dated().tagged()))]
pub(crate) struct LogGroup {
    /// ARN.
    #[attr(starts_with = "arn:")]
    arn: Computed<String>,
    /// KMS key that encrypts new entries.
    kms_key_id: Option<String>,
    /// What the group's entries can be used for.
    #[attr(force_new, one_of("STANDARD", "INFREQUENT_ACCESS", "DELIVERY"))]
    log_group_class: OptComputed<String>,
    /// Name, unique in account and region.
    #[attr(force_new, length(1, 512), prefix_max = 483, check = stackctl_core::Check::Pattern(NAME[0], NAME[1]), prefix_pattern = NAME)]
    name: Name,
    /// Days for which entries are kept; 0 for ever.
    #[attr(default = 0, check = stackctl_core::Check::RangeOr(i64::MAX, i64::MIN, DAYS), integer)]
    retention_in_days: i32,
    /// Keep the group when the resource is destroyed.
    #[attr(default = false, stays)]
    skip_destroy: Local<bool>,
    /// Tags.
    tags: Tags,
}

impl Resource for LogGroup {
    // `DescribeLogGroups` takes so many names.
    const BATCH: usize = 50;
    const ACTIONS: &'static [&'static str] = &[
        "logs:AssociateKmsKey",
        "logs:CreateLogGroup",
        "logs:DeleteLogGroup",
        "logs:DeleteRetentionPolicy",
        "logs:DescribeLogGroups",
        "logs:DisassociateKmsKey",
        "logs:ListTagsForResource",
        "logs:PutRetentionPolicy",
        "logs:TagResource",
        "logs:UntagResource",
    ];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let groups = &groups(cx, at).await?;
        let read = at.iter().map(|r| async move {
            let Some(g) = groups.iter().find(|g| g.log_group_name() == Some(&r.id)) else { return Ok(None) };
            let arn = arn(g);
            // Deleted after it was listed: it is gone.
            let found = cx.logs().list_tags_for_resource().resource_arn(&arn).send().await.absent()?;
            let Some(found) = found else { return Ok(None) };
            let tags = Tags(found.tags.unwrap_or_default().into_iter().collect());
            let value = LogGroup {
                arn: Some(arn),
                kms_key_id: g.kms_key_id().map(str::to_owned),
                log_group_class: g.log_group_class().map(|c| c.as_str().to_owned()),
                name: r.id.clone(),
                retention_in_days: g.retention_in_days().unwrap_or_default(),
                skip_destroy: unread(),
                tags,
            };
            let created = g.creation_time().map(|ms| ms / 1000);
            Ok::<_, Error>(Some(r.live(&r.id, value).created(created)))
        });
        Ok(futures::future::try_join_all(read).await?.into_iter().flatten().collect())
    }

    async fn create(cx: &Cx, new: &Self) -> Result<String> {
        let tags = (!new.tags.is_empty()).then(|| new.tags.0.clone().into_iter().collect());
        cx.logs()
            .create_log_group()
            .log_group_name(&new.name)
            .set_kms_key_id(new.kms_key_id.clone())
            .set_log_group_class(new.log_group_class.as_deref().map(LogGroupClass::from))
            .set_tags(tags)
            .send()
            .await?;
        Ok(new.name.clone())
    }

    async fn delete(cx: &Cx, at: &Ref<Self>) -> Result<()> {
        if !at.known.skip_destroy {
            cx.logs().delete_log_group().log_group_name(&at.id).send().await?;
        }
        Ok(())
    }

    async fn retag(cx: &Cx, at: &[Ref<Self>], add: &Tags, remove: &[String]) -> Result<()> {
        for r in at {
            let arn = r.known.arn.clone().unwrap_or_else(|| cx.arn("logs", &format!("log-group:{}", r.id)));
            if !remove.is_empty() {
                let call = cx.logs().untag_resource().resource_arn(&arn);
                call.set_tag_keys(Some(remove.to_vec())).send().await?;
            }
            if !add.is_empty() {
                let tags = add.0.clone().into_iter().collect();
                cx.logs().tag_resource().resource_arn(&arn).set_tags(Some(tags)).send().await?;
            }
        }
        Ok(())
    }
}

impl Update for LogGroup {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        let (logs, name, new) = (cx.logs(), &ch.at.id, ch.new);
        if changed!(ch, retention_in_days) {
            if new.retention_in_days == 0 {
                logs.delete_retention_policy().log_group_name(name).send().await?;
            } else {
                let call = logs.put_retention_policy().log_group_name(name);
                call.retention_in_days(new.retention_in_days).send().await?;
            }
        }
        if changed!(ch, kms_key_id) {
            match &new.kms_key_id {
                Some(key) => drop(logs.associate_kms_key().log_group_name(name).kms_key_id(key).send().await?),
                None => drop(logs.disassociate_kms_key().log_group_name(name).send().await?),
            }
        }
        Ok(())
    }
}

/// The groups of these names, and perhaps others.
async fn groups(cx: &Cx, at: &[Ref<LogGroup>]) -> Result<Vec<SdkLogGroup>> {
    if let [r] = at {
        return named(cx, &r.id).await;
    }
    let names = at.iter().map(|r| r.id.clone()).collect();
    let call = cx.logs().describe_log_groups().set_log_group_identifiers(Some(names)).limit(50);
    match all(call.into_paginator().items().send()).await {
        // Should one missing group spoil the answer, each is asked for by itself.
        Err(e) if e.is_not_found() => {
            let each = futures::future::try_join_all(at.iter().map(|r| named(cx, &r.id))).await?;
            Ok(each.into_iter().flatten().collect())
        }
        found => found,
    }
}

/// The group of that name: the first of those that start with it, as they come in order.
pub(super) async fn named(cx: &Cx, name: &str) -> Result<Vec<SdkLogGroup>> {
    let found = cx.logs().describe_log_groups().log_group_name_prefix(name).limit(1).send().await?;
    Ok(found.log_groups.unwrap_or_default())
}

/// The ARN without the `:*` that stands for all streams of the group.
pub(super) fn arn(g: &SdkLogGroup) -> String {
    let arn = g.log_group_arn().or(g.arn()).unwrap_or_default();
    arn.strip_suffix(":*").unwrap_or(arn).to_owned()
}
