//! `aws_db_parameter_group`.

use aws_sdk_rds::types::{ApplyMethod, DbParameterGroup as SdkGroup, Parameter as SdkParameter};
use stackctl_core::Check;

use super::{from_tags, retag, tags};
use crate::kit::prelude::*;

const NAME: Check = Check::Pattern(
    "[a-z](-?[0-9a-z.])*",
    "lower-case letters, digits, . and single hyphens, from a letter to a letter, digit or .",
);
const PREFIX: &[&str; 2] = &["[a-z](-?[0-9a-z])*-?", "lower-case letters, digits and single hyphens, from a letter on"];
/// Most parameters of one request.
const CHUNK: usize = 20;

/// A parameter group: settings of a database engine.
///
/// Parameters that are not named keep the engine's defaults; one that is named no longer goes back to its default.
#[derive(Clone, Debug, Resource)]
#[resource(type = "aws_db_parameter_group", identity(name("name").tagged()))]
pub(crate) struct ParameterGroup {
    /// ARN.
    #[attr(starts_with = "arn:")]
    arn: Computed<String>,
    /// Description.
    #[attr(force_new, default = "Managed by Terraform")]
    description: String,
    /// Engine and version, such as `postgres16`.
    #[attr(force_new)]
    family: String,
    /// Name, unique in account and region.
    #[attr(force_new, length(1, 255), prefix_max = 255, check = NAME, prefix_pattern = PREFIX)]
    name: Name,
    /// Parameters that differ from the engine's defaults.
    parameter: BTreeSet<Parameter>,
    /// Keep the group when the resource is destroyed.
    #[attr(default = false, stays)]
    skip_destroy: Local<bool>,
    /// Tags.
    tags: Tags,
}

/// A parameter.
#[derive(Block, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Parameter {
    /// When a change takes effect: static parameters need `pending-reboot`.
    #[attr(default = "immediate", ignore_case, one_of("immediate", "pending-reboot"))]
    apply_method: String,
    /// Name.
    #[attr(ignore_case)]
    name: String,
    /// Value.
    value: String,
}

impl Resource for ParameterGroup {
    const BATCH: usize = 100;
    const ACTIONS: &'static [&'static str] = &[
        "rds:AddTagsToResource",
        "rds:CreateDBParameterGroup",
        "rds:DeleteDBParameterGroup",
        "rds:DescribeDBParameterGroups",
        "rds:DescribeDBParameters",
        "rds:ListTagsForResource",
        "rds:ModifyDBParameterGroup",
        "rds:RemoveTagsFromResource",
        "rds:ResetDBParameterGroup",
    ];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        // The API knows one name or all.
        let one = (at.len() == 1).then(|| only(at).id.clone());
        let call = cx.rds().describe_db_parameter_groups().set_db_parameter_group_name(one);
        let groups = &all(call.into_paginator().items().send()).await?;
        let read = at.iter().map(|r| async move {
            let Some(g) = groups.iter().find(|g| g.db_parameter_group_name() == Some(&r.id)) else { return Ok(None) };
            let (arn, known) = (g.db_parameter_group_arn().unwrap_or_default(), &r.known.parameter);
            let (parameters, found) =
                futures::try_join!(async { parameters(cx, &r.id, known).await.absent() }, async {
                    cx.rds().list_tags_for_resource().resource_name(arn).send().await.absent()
                },)?;
            // Deleted after it was listed: it is gone.
            let (Some(parameter), Some(found)) = (parameters, found) else { return Ok(None) };
            Ok::<_, Error>(Some(r.live(&r.id, live(g, parameter, from_tags(found.tag_list())))))
        });
        Ok(futures::future::try_join_all(read).await?.into_iter().flatten().collect())
    }

    async fn create(cx: &Cx, new: &Self) -> Result<String> {
        cx.rds()
            .create_db_parameter_group()
            .db_parameter_group_name(&new.name)
            .db_parameter_group_family(&new.family)
            .description(&new.description)
            .set_tags(tags(&new.tags))
            .send()
            .await?;
        Ok(new.name.clone())
    }

    async fn delete(cx: &Cx, at: &Ref<Self>) -> Result<()> {
        if !at.known.skip_destroy {
            cx.rds().delete_db_parameter_group().db_parameter_group_name(&at.id).send().await?;
        }
        Ok(())
    }

    async fn retag(cx: &Cx, at: &[Ref<Self>], add: &Tags, remove: &[String]) -> Result<()> {
        for r in at {
            let arn = r.known.arn.clone().unwrap_or_else(|| cx.arn("rds", &format!("pg:{}", r.id)));
            retag(cx, &arn, add, remove).await?;
        }
        Ok(())
    }
}

impl Update for ParameterGroup {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        if !changed!(ch, parameter) {
            return Ok(());
        }
        let names = |l: &BTreeSet<Parameter>| l.iter().map(Parameter::key).collect::<BTreeSet<_>>();
        let (old, new) = (&ch.old.parameter, &ch.new.parameter);
        let set: Vec<_> = new.iter().filter(|p| !old.iter().any(|o| o.same(p))).map(Parameter::sdk).collect();
        for chunk in set.chunks(CHUNK) {
            let call = cx.rds().modify_db_parameter_group().db_parameter_group_name(&ch.at.id);
            call.set_parameters(Some(chunk.to_vec())).send().await?;
        }
        let kept = names(new);
        let reset: Vec<_> = old.iter().filter(|p| !kept.contains(&p.key())).map(Parameter::sdk).collect();
        for chunk in reset.chunks(CHUNK) {
            let call = cx.rds().reset_db_parameter_group().db_parameter_group_name(&ch.at.id);
            call.reset_all_parameters(false).set_parameters(Some(chunk.to_vec())).send().await?;
        }
        Ok(())
    }
}

impl Parameter {
    fn key(&self) -> String {
        self.name.to_lowercase()
    }
    fn same(&self, other: &Parameter) -> bool {
        let case = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
        case(&self.name, &other.name) && self.value == other.value && case(&self.apply_method, &other.apply_method)
    }
    fn sdk(&self) -> SdkParameter {
        SdkParameter::builder()
            .parameter_name(self.key())
            .parameter_value(&self.value)
            .apply_method(ApplyMethod::from(self.apply_method.to_lowercase().as_str()))
            .build()
    }
}

/// Parameters that users set, and those that are configured with the engine's own value: AWS does not call them set.
async fn parameters(cx: &Cx, group: &str, known: &BTreeSet<Parameter>) -> Result<BTreeSet<Parameter>> {
    let describe = |source: Option<&str>| {
        let call = cx.rds().describe_db_parameters().db_parameter_group_name(group);
        all(call.set_source(source.map(str::to_owned)).into_paginator().items().send())
    };
    let mut found: BTreeSet<Parameter> = describe(Some("user")).await?.iter().filter_map(from_sdk).collect();
    let unset: Vec<_> = known.iter().filter(|k| !found.iter().any(|f| f.name == k.key())).collect();
    if !unset.is_empty() {
        let defaults: Vec<_> = describe(None).await?.iter().filter_map(from_sdk).collect();
        let equal = |d: &Parameter, k: &Parameter| d.name == k.key() && d.value == k.value;
        let same = unset.into_iter().filter(|k| defaults.iter().any(|d| equal(d, k)));
        // A default has no method of its own.
        found.extend(same.map(|k| Parameter { name: k.key(), ..k.clone() }));
    }
    Ok(found)
}

fn from_sdk(p: &SdkParameter) -> Option<Parameter> {
    Some(Parameter {
        apply_method: p.apply_method().map_or("immediate", |m| m.as_str()).to_lowercase(),
        name: p.parameter_name()?.to_lowercase(),
        value: p.parameter_value()?.to_owned(),
    })
}

fn live(g: &SdkGroup, parameter: BTreeSet<Parameter>, tags: Tags) -> ParameterGroup {
    ParameterGroup {
        arn: g.db_parameter_group_arn().map(str::to_owned),
        description: g.description().unwrap_or_default().to_owned(),
        family: g.db_parameter_group_family().unwrap_or_default().to_owned(),
        name: g.db_parameter_group_name().unwrap_or_default().to_owned(),
        parameter,
        skip_destroy: unread(),
        tags,
    }
}
