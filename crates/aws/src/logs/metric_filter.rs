//! `aws_cloudwatch_log_metric_filter`.

use aws_sdk_cloudwatchlogs::types::{MetricFilter as Sdk, MetricTransformation, StandardUnit};

use crate::kit::names::METRIC_UNITS;
use crate::kit::prelude::*;

const NAME: &[&str; 2] = &["[^:*]*", "anything but `:` and `*`"];
const METRIC: &[&str; 2] = &["[^:*$]*", "anything but `:`, `*` and `$`"];

/// A metric that is made from entries of a log group.
///
/// Putting a filter replaces one of its name: one of somebody else is found before the request.
#[derive(Clone, Debug, Resource)]
#[resource(type = "aws_cloudwatch_log_metric_filter", identity(name("name").within(&["log_group_name"]).silent()))]
pub(crate) struct MetricFilter {
    /// Log group.
    #[attr(force_new, length(1, 512), check = stackctl_core::Check::Pattern(NAME[0], NAME[1]))]
    log_group_name: String,
    /// The metric.
    metric_transformation: Transformation,
    /// Name, unique in the log group.
    #[attr(force_new, length(1, 512), check = stackctl_core::Check::Pattern(NAME[0], NAME[1]))]
    name: String,
    /// Which entries count; empty for all.
    #[attr(length(0, 1024))]
    pattern: String,
}

/// What a metric is made of.
#[derive(Block, Clone, Debug, PartialEq)]
pub(crate) struct Transformation {
    /// Value while no entry matches.
    #[attr(pattern(r"([-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?)?", "a number"))]
    default_value: Option<String>,
    /// Names of dimensions and fields of entries that they are taken from.
    dimensions: Option<BTreeMap<String, String>>,
    /// Name.
    #[attr(length(1, 255), check = stackctl_core::Check::Pattern(METRIC[0], METRIC[1]))]
    name: String,
    /// Namespace.
    #[attr(length(1, 255), check = stackctl_core::Check::Pattern(METRIC[0], METRIC[1]))]
    namespace: String,
    /// Unit.
    #[attr(default = "None", check = stackctl_core::Check::OneOf(METRIC_UNITS))]
    unit: String,
    /// Value of an entry: a number or a field of it.
    #[attr(length(1, 100))]
    value: String,
}

impl Resource for MetricFilter {
    const BATCH: usize = 100;
    const ACTIONS: &'static [&'static str] =
        &["logs:DeleteMetricFilter", "logs:DescribeMetricFilters", "logs:PutMetricFilter"];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let groups: BTreeSet<&str> = at.iter().map(|r| r.known.log_group_name.as_str()).collect();
        let one = if let [r] = at { Some(r.id.clone()) } else { None };
        let one = &one;
        let lists = groups.into_iter().filter(|g| !g.is_empty()).map(|group| async move {
            let call = cx.logs().describe_metric_filters().log_group_name(group);
            let pages = call.set_filter_name_prefix(one.clone()).into_paginator().items().send();
            // A group that is gone has no filters.
            Ok::<_, Error>(all(pages).await.absent()?.unwrap_or_default())
        });
        let filters: Vec<Sdk> = futures::future::try_join_all(lists).await?.into_iter().flatten().collect();
        let of = |r: &Ref<Self>| {
            let mine = |f: &&Sdk| f.filter_name() == Some(&r.id) && f.log_group_name() == Some(&r.known.log_group_name);
            filters.iter().find(mine)
        };
        Ok(at.iter().filter_map(|r| Some(r.live(&r.id, live(of(r)?)?))).collect())
    }

    async fn create(cx: &Cx, new: &Self) -> Result<String> {
        put(cx, new).await?;
        Ok(new.name.clone())
    }

    async fn delete(cx: &Cx, at: &Ref<Self>) -> Result<()> {
        let call = cx.logs().delete_metric_filter().log_group_name(&at.known.log_group_name);
        call.filter_name(&at.id).send().await?;
        Ok(())
    }

    fn import(spec: &str) -> Result<Vec<(&'static str, Known)>> {
        let parts = spec.split_once(':').filter(|(group, name)| !group.is_empty() && !name.is_empty());
        let (group, name) = parts.ok_or_else(|| Error::invalid(format!("{spec:?} is not LOG-GROUP:NAME.")))?;
        Ok(vec![("id", name.into()), ("log_group_name", group.into()), ("name", name.into())])
    }

    fn plan(draft: &mut Draft<'_>) {
        if let Some(text) = draft.planned("pattern").as_str().map(|t| t.trim().to_owned()) {
            draft.set("pattern", Partial::String(text));
        }
    }
}

impl Update for MetricFilter {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        if changed!(ch, metric_transformation, pattern) { put(cx, ch.new).await } else { Ok(()) }
    }
}

async fn put(cx: &Cx, new: &MetricFilter) -> Result<()> {
    let t = &new.metric_transformation;
    let number = t.default_value.as_deref().filter(|v| !v.is_empty()).map(str::parse::<f64>);
    let number = number.transpose().map_err(|_| Error::invalid("`default_value` is not a number."))?;
    let dimensions = t.dimensions.clone().filter(|d| !d.is_empty());
    let made = MetricTransformation::builder()
        .set_default_value(number)
        .set_dimensions(dimensions.map(|d| d.into_iter().collect()))
        .metric_name(&t.name)
        .metric_namespace(&t.namespace)
        .metric_value(&t.value)
        .unit(StandardUnit::from(t.unit.as_str()))
        .build()?;
    let call = cx.logs().put_metric_filter().log_group_name(&new.log_group_name).filter_name(&new.name);
    call.filter_pattern(new.pattern.trim()).metric_transformations(made).send().await?;
    Ok(())
}

fn live(f: &Sdk) -> Option<MetricFilter> {
    let t = f.metric_transformations().first()?;
    let dimensions = t.dimensions().map(|d| d.iter().map(|(k, v)| (k.clone(), v.clone())).collect());
    Some(MetricFilter {
        log_group_name: f.log_group_name()?.to_owned(),
        metric_transformation: Transformation {
            default_value: Some(t.default_value().map(|n| n.to_string()).unwrap_or_default()),
            dimensions,
            name: t.metric_name().to_owned(),
            namespace: t.metric_namespace().to_owned(),
            unit: t.unit().map_or("None", |u| u.as_str()).to_owned(),
            value: t.metric_value().to_owned(),
        },
        name: f.filter_name()?.to_owned(),
        pattern: f.filter_pattern().unwrap_or_default().to_owned(),
    })
}
