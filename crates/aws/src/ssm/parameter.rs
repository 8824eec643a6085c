//! `aws_ssm_parameter`.

use std::collections::HashMap;

use aws_sdk_ssm::types::{
    Parameter as SdkParameter, ParameterMetadata, ParameterStringFilter, ParameterTier, ParameterType,
    ResourceTypeForTagging, Tag,
};

use crate::kit::prelude::*;

/// A parameter.
///
/// Its value is in exactly one of `value`, `insecure_value` and `value_wo`. With `overwrite` the create takes over an
/// existing parameter. The tier cannot go from `Advanced` back to `Standard`, and `Intelligent-Tiering` is a choice of
/// the create: afterwards the parameter is in one of the other two.
#[derive(Clone, Debug, Resource)]
#[resource(
    type = "aws_ssm_parameter",
    identity(name("name").tagged()),
    exactly_one_of("insecure_value", "value", "value_wo"),
    required_with("value_wo", "value_wo_version"),
    required_with("value_wo_version", "value_wo"),
    refused(("arn", "The parameter's name determines its ARN."))
)]
pub(crate) struct Parameter {
    /// Regular expression that the value matches.
    #[attr(length(0, 1024))]
    allowed_pattern: Option<String>,
    /// ARN.
    #[attr(starts_with = "arn:")]
    arn: OptComputed<String>,
    /// What the value means.
    #[attr(force_new, one_of("aws:ec2:image", "aws:ssm:integration", "text"))]
    data_type: OptComputed<String>,
    /// Description.
    #[attr(length(0, 1024))]
    description: Option<String>,
    /// Whether the value came by `value_wo`.
    #[attr(changes_with("value_wo_version"))]
    has_value_wo: Computed<bool>,
    /// The value, shown in plans.
    #[attr(changes_with("value"))]
    insecure_value: OptComputed<String>,
    /// KMS key of a `SecureString`.
    key_id: OptComputed<String>,
    /// Name.
    #[attr(force_new, length(1, 2048))]
    name: String,
    /// Take over an existing parameter.
    overwrite: Local<Option<bool>>,
    /// Tags.
    tags: Tags,
    /// Tier.
    #[attr(conditional, one_of("Standard", "Advanced", "Intelligent-Tiering"))]
    tier: OptComputed<String>,
    /// Type.
    #[attr(name = "type", one_of("String", "StringList", "SecureString"))]
    kind: String,
    /// The value.
    #[attr(sensitive, changes_with("insecure_value"))]
    value: OptComputed<Secret>,
    /// The value, never stored; sent when `value_wo_version` changes.
    #[attr(sensitive)]
    value_wo: WriteOnly,
    /// Version of `value_wo`.
    #[attr(integer)]
    value_wo_version: Local<Option<i64>>,
    /// Number of the value, which every change raises.
    #[attr(changes_with("value"))]
    version: Computed<i64>,
}

impl Resource for Parameter {
    // `DescribeParameters` takes so many names.
    const BATCH: usize = 50;
    const ACTIONS: &'static [&'static str] = &[
        "ssm:AddTagsToResource",
        "ssm:DeleteParameter",
        "ssm:DescribeParameters",
        "ssm:GetParameters",
        "ssm:ListTagsForResource",
        "ssm:PutParameter",
        "ssm:RemoveTagsFromResource",
    ];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let names: Vec<String> = at.iter().map(|r| r.id.clone()).collect();
        let values = names.chunks(10).map(|names| async move {
            let call = cx.ssm().get_parameters().set_names(Some(names.to_vec())).with_decryption(true);
            Ok::<_, Error>(call.send().await?.parameters.unwrap_or_default())
        });
        let (values, details) = futures::try_join!(futures::future::try_join_all(values), details(cx, &names))?;
        let values: Vec<SdkParameter> = values.into_iter().flatten().collect();
        let (values, details) = (&values, &details);
        let read = at.iter().map(|r| async move {
            let (Some(value), Some(detail)) = (values.iter().find(|v| v.name() == Some(&r.id)), details.get(&r.id))
            else {
                return Ok(None);
            };
            let call = cx.ssm().list_tags_for_resource().resource_type(ResourceTypeForTagging::Parameter);
            // Deleted after it was listed: it is gone.
            let Some(found) = call.resource_id(&r.id).send().await.map_err(gone).absent()? else { return Ok(None) };
            let tags = Tags::from_pairs(found.tag_list().iter().map(|t| (Some(t.key()), Some(t.value()))));
            Ok::<_, Error>(Some(r.live(&r.id, live(value, detail, tags, &r.known))))
        });
        Ok(futures::future::try_join_all(read).await?.into_iter().flatten().collect())
    }

    async fn create(cx: &Cx, new: &Self) -> Result<String> {
        let overwrite = new.overwrite == Some(true);
        // The API takes tags or `overwrite`; in the latter case they are set afterwards.
        let tags = if overwrite { None } else { tags(&new.tags)? };
        cx.ssm()
            .put_parameter()
            .name(&new.name)
            .r#type(ParameterType::from(new.kind.as_str()))
            .value(sent(new, None))
            .allowed_pattern(new.allowed_pattern.clone().unwrap_or_default())
            .set_description(new.description.clone())
            .set_data_type(new.data_type.clone())
            .set_tier(new.tier.as_deref().map(ParameterTier::from))
            .set_key_id(key(new))
            .overwrite(overwrite)
            .set_tags(tags)
            .send()
            .await?;
        Ok(new.name.clone())
    }

    async fn delete(cx: &Cx, at: &Ref<Self>) -> Result<()> {
        cx.ssm().delete_parameter().name(&at.id).send().await?;
        Ok(())
    }

    async fn retag(cx: &Cx, at: &[Ref<Self>], add: &Tags, remove: &[String]) -> Result<()> {
        let kind = ResourceTypeForTagging::Parameter;
        for r in at {
            if !remove.is_empty() {
                let call = cx.ssm().remove_tags_from_resource().resource_type(kind.clone()).resource_id(&r.id);
                call.set_tag_keys(Some(remove.to_vec())).send().await.map_err(gone)?;
            }
            if let Some(tags) = tags(add)? {
                let call = cx.ssm().add_tags_to_resource().resource_type(kind.clone()).resource_id(&r.id);
                call.set_tags(Some(tags)).send().await.map_err(gone)?;
            }
        }
        Ok(())
    }

    fn plan(draft: &mut Draft<'_>) {
        if draft.is_create() {
            return;
        }
        match (draft.prior("tier").as_str(), draft.planned("tier").as_str()) {
            (Some(_), Some("Intelligent-Tiering")) => draft.keep("tier"),
            (Some("Advanced"), Some("Standard")) => draft.replace("tier"),
            _ => {}
        }
    }

    fn validate(config: &Partial, errors: &mut Vec<stackctl_core::Error>) {
        if config.get("type").as_str() == Some("SecureString") && !config.get("insecure_value").is_null() {
            let message = "A SecureString has its value in `value` or `value_wo`.";
            errors.push(stackctl_core::Error::at(stackctl_core::Path::attr("insecure_value"), message));
        }
    }
}

impl Update for Parameter {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        let new = ch.new;
        let put = changed!(ch, allowed_pattern, description, insecure_value, key_id, tier, kind, value);
        if put || (!ch.fresh && changed!(ch, value_wo_version)) {
            cx.ssm()
                .put_parameter()
                .name(&ch.at.id)
                .r#type(ParameterType::from(new.kind.as_str()))
                .value(sent(new, Some(ch)))
                // An absent pattern stays, an empty one goes.
                .allowed_pattern(new.allowed_pattern.clone().unwrap_or_default())
                .set_description(changed!(ch, description).then(|| new.description.clone().unwrap_or_default()))
                .set_tier(new.tier.as_deref().map(ParameterTier::from))
                .set_key_id(key(new))
                .overwrite(true)
                .send()
                .await?;
        }
        Ok(())
    }
}

fn live(p: &SdkParameter, detail: &ParameterMetadata, tags: Tags, known: &Parameter) -> Parameter {
    let kind = p.r#type().map_or("", |t| t.as_str()).to_owned();
    let value = p.value().unwrap_or_default().to_owned();
    let written = known.value_wo_version.is_some();
    let open = known.insecure_value.as_deref().is_some_and(|v| !v.is_empty()) && kind != "SecureString";
    Parameter {
        allowed_pattern: detail.allowed_pattern().map(str::to_owned),
        arn: p.arn().map(str::to_owned),
        data_type: detail.data_type().or(p.data_type()).map(str::to_owned),
        description: detail.description().map(str::to_owned),
        has_value_wo: written.then_some(true),
        insecure_value: (open && !written).then(|| value.clone()),
        key_id: detail.key_id().map(str::to_owned),
        name: p.name().unwrap_or_default().to_owned(),
        overwrite: unread(),
        tags,
        tier: detail.tier().map(|t| t.as_str().to_owned()),
        kind,
        value: (!open && !written).then(|| value.into()),
        value_wo: unread(),
        value_wo_version: unread(),
        version: Some(p.version()),
    }
}

async fn details(cx: &Cx, names: &[String]) -> Result<HashMap<String, ParameterMetadata>> {
    let filter =
        ParameterStringFilter::builder().key("Name").option("Equals").set_values(Some(names.to_vec())).build()?;
    let pages =
        all(cx.ssm().describe_parameters().parameter_filters(filter).max_results(50).into_paginator().send()).await?;
    let found = pages.into_iter().flat_map(|p| p.parameters.unwrap_or_default());
    Ok(found.filter_map(|d| Some((d.name.clone()?, d))).collect())
}

/// The value to send: every change of a parameter sends it again.
fn sent(p: &Parameter, ch: Option<&Change<'_, Parameter>>) -> String {
    let secret = |s: &Option<Secret>| s.as_ref().map(|s| s.expose().to_owned());
    let moved = ch.is_some_and(|ch| changed!(ch, value));
    let open = p.insecure_value.clone().filter(|v| !moved && !v.is_empty());
    secret(&p.value_wo).or(open).or_else(|| secret(&p.value)).unwrap_or_default()
}

fn key(p: &Parameter) -> Option<String> {
    p.key_id.clone().filter(|_| p.kind == "SecureString")
}

fn tags(tags: &Tags) -> Result<Option<Vec<Tag>>> {
    let tags = tags.iter().map(|(k, v)| Ok(Tag::builder().key(k).value(v).build()?)).collect::<Result<Vec<_>>>()?;
    Ok(Some(tags).filter(|t| !t.is_empty()))
}

/// Tagging calls a missing parameter an invalid id.
fn gone(e: impl Into<Error>) -> Error {
    let e = e.into();
    if e.code() == "InvalidResourceId" {
        let inner = stackctl_core::Error { kind: stackctl_core::ErrorKind::NotFound, ..e.0 };
        return Error(inner);
    }
    e
}
