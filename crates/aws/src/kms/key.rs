//! `aws_kms_key`.

#[expect(deprecated, reason = "the argument is the one that Terraform sends")]
use aws_sdk_kms::types::CustomerMasterKeySpec;
use aws_sdk_kms::types::{KeyManagerType, KeyMetadata, KeyState, KeyUsageType, OriginType};
use stackctl_core::ErrorKind;

use super::tags;
use crate::kit::edge::normal;
use crate::kit::prelude::*;

/// A key.
///
/// Deleting schedules the deletion: KMS keeps the key for `deletion_window_in_days`, 30 days where that is not set, and
/// until then it can be recovered by hand. A disabled key can only be enabled: other changes of one that stays disabled
/// are refused by KMS.
#[derive(Clone, Debug, Resource)]
#[resource(
    type = "aws_kms_key",
    identity(tag()),
    timeouts(create = 120),
    required_with("rotation_period_in_days", "enable_key_rotation"),
    required_with("xks_key_id", "custom_key_store_id")
)]
pub(crate) struct Key {
    /// ARN.
    #[attr(starts_with = "arn:")]
    arn: Computed<String>,
    /// Accept a policy by which nobody could change the policy again.
    #[attr(default = false)]
    bypass_policy_lockout_safety_check: Local<bool>,
    /// Key store that holds the key: one of CloudHSM, or with `xks_key_id` an external one.
    #[attr(force_new, length(1, 22))]
    custom_key_store_id: Option<String>,
    /// What the key is.
    #[attr(
        force_new,
        default = "SYMMETRIC_DEFAULT",
        one_of(
            "RSA_2048",
            "RSA_3072",
            "RSA_4096",
            "ECC_NIST_P256",
            "ECC_NIST_P384",
            "ECC_NIST_P521",
            "ECC_SECG_P256K1",
            "SYMMETRIC_DEFAULT",
            "HMAC_224",
            "HMAC_256",
            "HMAC_384",
            "HMAC_512",
            "SM2"
        )
    )]
    customer_master_key_spec: String,
    /// Days between destruction of this resource and deletion of the key.
    #[attr(range(7, 30))]
    deletion_window_in_days: Local<Option<i32>>,
    /// Description.
    #[attr(length(0, 8192))]
    description: OptComputed<String>,
    /// Replace the key's material regularly.
    #[attr(default = false)]
    enable_key_rotation: bool,
    /// Whether the key can be used.
    #[attr(default = true)]
    is_enabled: bool,
    /// Id.
    key_id: Computed<String>,
    /// What the key is for.
    #[attr(
        force_new,
        default = "ENCRYPT_DECRYPT",
        one_of("SIGN_VERIFY", "ENCRYPT_DECRYPT", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT")
    )]
    key_usage: String,
    /// Whether it is the primary key of a multi-Region key.
    #[attr(force_new)]
    multi_region: OptComputed<bool>,
    /// Who may do what with the key.
    #[attr(json)]
    policy: OptComputed<Policy>,
    /// Days between rotations; KMS takes 365 where it is not set.
    #[attr(range(90, 2560))]
    rotation_period_in_days: OptComputed<i32>,
    /// Tags.
    tags: Tags,
    /// Id of the key in the external key store.
    #[attr(force_new, length(1, 128))]
    xks_key_id: Option<String>,
}

impl Resource for Key {
    const ACTIONS: &'static [&'static str] = &[
        "kms:CreateKey",
        "kms:DescribeKey",
        "kms:DisableKey",
        "kms:DisableKeyRotation",
        "kms:EnableKey",
        "kms:EnableKeyRotation",
        "kms:GetKeyPolicy",
        "kms:GetKeyRotationStatus",
        "kms:ListKeys",
        "kms:ListResourceTags",
        "kms:PutKeyPolicy",
        "kms:ScheduleKeyDeletion",
        "kms:TagResource",
        "kms:UntagResource",
        "kms:UpdateKeyDescription",
    ];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let at = only(at);
        let found = cx.kms().describe_key().key_id(&at.id).send().await?;
        let key = found.key_metadata.ok_or_else(|| Error::incomplete("the key"))?;
        if matches!(key.key_state(), Some(KeyState::PendingDeletion | KeyState::PendingReplicaDeletion)) {
            return Ok(Vec::new());
        }
        let (policy, rotation, tags) = futures::try_join!(policy(cx, &at.id), rotation(cx, &key), tags_of(cx, &at.id))?;
        let status = match key.key_state() {
            Some(KeyState::Creating | KeyState::Updating) => Status::Pending,
            _ => Status::Ready,
        };
        let created = key.creation_date().map(|d| d.secs());
        Ok(vec![at.live(key.key_id(), live(&key, policy, rotation, tags)).status(status).created(created)])
    }

    async fn create(cx: &Cx, new: &Self) -> Result<String> {
        let origin = match (&new.custom_key_store_id, &new.xks_key_id) {
            (_, Some(_)) => Some(OriginType::ExternalKeyStore),
            (Some(_), None) => Some(OriginType::AwsCloudhsm),
            (None, None) => None,
        };
        #[expect(deprecated, reason = "the argument is the one that Terraform sends")]
        let made = cx
            .kms()
            .create_key()
            .set_bypass_policy_lockout_safety_check(new.bypass_policy_lockout_safety_check.then_some(true))
            .customer_master_key_spec(CustomerMasterKeySpec::from(new.customer_master_key_spec.as_str()))
            .key_usage(KeyUsageType::from(new.key_usage.as_str()))
            .set_origin(origin)
            .set_custom_key_store_id(new.custom_key_store_id.clone())
            .set_xks_key_id(new.xks_key_id.clone())
            .set_description(new.description.clone())
            .set_multi_region(new.multi_region.filter(|m| *m))
            .set_policy(new.policy.as_ref().map(|p| p.0.clone()).filter(|p| !p.is_empty()))
            .set_tags(tags(&new.tags)?)
            .send()
            .await?;
        made.key_metadata.map(|k| k.key_id).ok_or_else(|| Error::incomplete("the key's id"))
    }

    async fn delete(cx: &Cx, at: &Ref<Self>) -> Result<()> {
        let call = cx.kms().schedule_key_deletion().key_id(&at.id);
        match call.set_pending_window_in_days(at.known.deletion_window_in_days).send().await.map_err(Error::from) {
            // Scheduled already: it is as good as gone.
            Err(e) if e.code() == "KMSInvalidStateException" && e.0.message.contains("pending deletion") => Ok(()),
            done => done.map(|_| ()),
        }
    }

    async fn retag(cx: &Cx, at: &[Ref<Self>], add: &Tags, remove: &[String]) -> Result<()> {
        for r in at {
            if !remove.is_empty() {
                cx.kms().untag_resource().key_id(&r.id).set_tag_keys(Some(remove.to_vec())).send().await?;
            }
            if let Some(tags) = tags(add)? {
                cx.kms().tag_resource().key_id(&r.id).set_tags(Some(tags)).send().await?;
            }
        }
        Ok(())
    }

    /// KMS cannot search by tag: each key's tags are asked for.
    async fn find(cx: &Cx, intent: &Intent<Self>) -> Result<Vec<Live<Self>>> {
        let keys = all(cx.kms().list_keys().limit(1000).into_paginator().items().send()).await?;
        let ids: Vec<String> = keys.into_iter().filter_map(|k| k.key_id).collect();
        // A star stands for the rest, as in EC2's filters: `state rebuild` knows the beginning alone.
        let owns = |v: &str| match intent.token.strip_suffix('*') {
            Some(start) => v.starts_with(start),
            None => v == intent.token,
        };
        let owned = ids.iter().map(|id| async move {
            match tags_of(cx, id).await {
                Ok(tags) if tags.iter().any(|(k, v)| k == crate::kit::edge::OWNER_TAG && owns(v)) => {
                    intent.read(cx, id).await
                }
                // A key whose tags this identity may not read is not one that it has just made.
                Err(e) if !matches!(e.kind(), ErrorKind::NotFound | ErrorKind::Denied) => Err(e),
                _ => Ok(Vec::new()),
            }
        });
        Ok(futures::future::try_join_all(owned).await?.into_iter().flatten().collect())
    }

    fn plan(draft: &mut Draft<'_>) {
        // KMS chooses the period with the first rotation, and forgets it with the last.
        if !draft.is_create()
            && draft.changes("enable_key_rotation")
            && draft.config("rotation_period_in_days").is_null()
        {
            draft.unknown("rotation_period_in_days");
        }
    }
}

impl Update for Key {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        let (kms, id, new) = (cx.kms(), &ch.at.id, ch.new);
        // A disabled key accepts no change but this.
        if changed!(ch, is_enabled) && new.is_enabled {
            kms.enable_key().key_id(id).send().await?;
        }
        if changed!(ch, enable_key_rotation, rotation_period_in_days) {
            if new.enable_key_rotation {
                let days = new.rotation_period_in_days.filter(|d| *d > 0);
                kms.enable_key_rotation().key_id(id).set_rotation_period_in_days(days).send().await?;
            } else if changed!(ch, enable_key_rotation) {
                kms.disable_key_rotation().key_id(id).send().await?;
            }
        }
        if changed!(ch, description) {
            let text = new.description.clone().unwrap_or_default();
            kms.update_key_description().key_id(id).description(text).send().await?;
        }
        if let Some(policy) = if_changed!(ch, policy).filter(|p| !p.is_empty()) {
            let call = kms.put_key_policy().key_id(id).policy_name(POLICY).policy(policy);
            let bypass = new.bypass_policy_lockout_safety_check.then_some(true);
            call.set_bypass_policy_lockout_safety_check(bypass).send().await?;
        }
        if changed!(ch, is_enabled) && !new.is_enabled {
            kms.disable_key().key_id(id).send().await?;
        }
        Ok(())
    }
}

/// The one policy that a key can have.
const POLICY: &str = "default";

async fn policy(cx: &Cx, id: &str) -> Result<Option<Policy>> {
    let found = cx.kms().get_key_policy().key_id(id).policy_name(POLICY).send().await?;
    Ok(found.policy.map(|p| Policy(normal(&p).unwrap_or(p))))
}

/// Whether the key's material is replaced, and after how many days.
async fn rotation(cx: &Cx, key: &KeyMetadata) -> Result<(bool, i32)> {
    if key.origin() != Some(&OriginType::AwsKms) || key.key_manager() == Some(&KeyManagerType::Aws) {
        return Ok((false, 0));
    }
    match cx.kms().get_key_rotation_status().key_id(key.key_id()).send().await.map_err(Error::from) {
        Ok(found) => Ok((found.key_rotation_enabled(), found.rotation_period_in_days().unwrap_or_default())),
        // Keys that cannot rotate.
        Err(e) if matches!(e.code(), "UnsupportedOperationException" | "UnsupportedOperation") => Ok((false, 0)),
        Err(e) => Err(e),
    }
}

async fn tags_of(cx: &Cx, id: &str) -> Result<Tags> {
    let found = all(cx.kms().list_resource_tags().key_id(id).into_paginator().items().send()).await?;
    Ok(Tags::from_pairs(found.iter().map(|t| (Some(t.tag_key()), Some(t.tag_value())))))
}

fn live(k: &KeyMetadata, policy: Option<Policy>, (rotates, days): (bool, i32), tags: Tags) -> Key {
    #[expect(deprecated, reason = "state has the name by which the API called the kind of a key first")]
    let spec = k.customer_master_key_spec().map(|s| s.as_str()).or(k.key_spec().map(|s| s.as_str()));
    let text = |v: Option<&str>| Some(v.unwrap_or_default().to_owned());
    Key {
        arn: k.arn().map(str::to_owned),
        bypass_policy_lockout_safety_check: unread(),
        custom_key_store_id: text(k.custom_key_store_id()),
        customer_master_key_spec: spec.unwrap_or_default().to_owned(),
        deletion_window_in_days: unread(),
        description: text(k.description()),
        enable_key_rotation: rotates,
        is_enabled: k.enabled(),
        key_id: Some(k.key_id().to_owned()),
        key_usage: k.key_usage().map_or("", |u| u.as_str()).to_owned(),
        multi_region: Some(k.multi_region().unwrap_or_default()),
        policy,
        rotation_period_in_days: Some(days),
        tags,
        xks_key_id: text(k.xks_key_configuration().and_then(|x| x.id())),
    }
}
