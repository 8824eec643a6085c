//! `aws_cloudwatch_metric_alarm`.

use std::collections::HashMap;

use aws_sdk_cloudwatch::types::{
    AlarmType, ComparisonOperator, Dimension, Metric as SdkMetric, MetricAlarm as SdkAlarm, MetricDataQuery,
    MetricStat, StandardUnit, Statistic, Tag,
};
use stackctl_core::{Check, Path, Step};

use crate::kit::names::METRIC_UNITS;
use crate::kit::prelude::*;

const STATISTICS: &[&str] = &["SampleCount", "Average", "Sum", "Minimum", "Maximum"];
/// A percentile, or a statistic over a part of the values.
const EXTENDED: Check = Check::Pattern(
    r"(p|tm|wm|tc|ts)\d{1,2}(\.\d+)?|p100|IQM|(TM|WM|TC|TS|PR)\((\d*(\.\d+)?%?)?:(\d*(\.\d+)?%?)?\)",
    "a percentile or trimmed statistic such as p99.9, tm90, IQM or TM(2%:98%)",
);
/// A statistic by its name, or one of those.
const STAT: Check = Check::Pattern(
    r"SampleCount|Average|Sum|Minimum|Maximum|(p|tm|wm|tc|ts)\d{1,2}(\.\d+)?|p100|IQM|(TM|WM|TC|TS|PR)\((\d*(\.\d+)?%?)?:(\d*(\.\d+)?%?)?\)",
    "SampleCount, Average, Sum, Minimum, Maximum, or a percentile or trimmed statistic such as p99.9",
);

/// An alarm on a metric, or on an expression over metrics.
///
/// Creating an alarm does not fail where one of its name exists: an alarm of somebody else is found before the request.
#[derive(Clone, Debug, Resource)]
#[resource(
    type = "aws_cloudwatch_metric_alarm",
    version = 1,
    identity(name("alarm_name").silent().tagged()),
    conflicts("metric_query", "dimensions", "extended_statistic", "metric_name", "namespace", "period", "statistic"),
    conflicts("extended_statistic", "statistic"),
    conflicts("threshold", "threshold_metric_id")
)]
pub(crate) struct MetricAlarm {
    /// Whether its actions are carried out.
    #[attr(default = true)]
    actions_enabled: bool,
    /// ARNs of what happens when it goes off.
    #[attr(arn)]
    alarm_actions: Option<BTreeSet<String>>,
    /// Description.
    #[attr(length(0, 1024))]
    alarm_description: Option<String>,
    /// Name, unique in account and region.
    #[attr(force_new, length(1, 255))]
    alarm_name: String,
    /// ARN.
    #[attr(starts_with = "arn:")]
    arn: Computed<String>,
    /// How the metric is compared with the threshold.
    #[attr(one_of(
        "GreaterThanOrEqualToThreshold",
        "GreaterThanThreshold",
        "LessThanThreshold",
        "LessThanOrEqualToThreshold",
        "LessThanLowerOrGreaterThanUpperThreshold",
        "LessThanLowerThreshold",
        "GreaterThanUpperThreshold"
    ))]
    comparison_operator: String,
    /// How many of the periods must be over the threshold.
    #[attr(range(1, i64::MAX))]
    datapoints_to_alarm: Option<i32>,
    /// Dimensions of the metric.
    dimensions: Option<BTreeMap<String, String>>,
    /// What few values mean for a percentile.
    #[attr(one_of("evaluate", "ignore"))]
    evaluate_low_sample_count_percentiles: OptComputed<String>,
    /// Number of periods that are looked at.
    #[attr(range(1, i64::MAX))]
    evaluation_periods: i32,
    /// Percentile of the metric.
    #[attr(check = EXTENDED)]
    extended_statistic: Option<String>,
    /// ARNs of what happens when there is not enough data.
    #[attr(arn, items(0, 5))]
    insufficient_data_actions: Option<BTreeSet<String>>,
    /// Metric.
    #[attr(length(1, 255))]
    metric_name: Option<String>,
    /// Metrics and expressions over them; one of them is what the alarm watches.
    metric_query: BTreeSet<Query>,
    /// Namespace of the metric.
    #[attr(length(1, 255))]
    namespace: Option<String>,
    /// ARNs of what happens when it is over.
    #[attr(arn)]
    ok_actions: Option<BTreeSet<String>>,
    /// Seconds of a period: 10, 20, 30, or a multiple of 60.
    #[attr(integer)]
    period: Option<i32>,
    /// Statistic of the metric.
    #[attr(check = Check::OneOf(STATISTICS))]
    statistic: Option<String>,
    /// Tags.
    tags: Tags,
    /// The limit.
    threshold: Option<f64>,
    /// Id of the query whose band is the limit.
    #[attr(length(1, 255))]
    threshold_metric_id: Option<String>,
    /// What missing data means.
    #[attr(default = "missing", one_of("breaching", "ignore", "missing", "notBreaching"))]
    treat_missing_data: String,
    /// Unit of the metric.
    #[attr(check = Check::OneOf(METRIC_UNITS))]
    unit: Option<String>,
}

/// A metric, or an expression over others.
#[derive(Block, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Query {
    /// Account of the metric.
    #[attr(length(1, 255))]
    account_id: Option<String>,
    /// Expression over other queries.
    #[attr(length(1, 1024))]
    expression: Option<String>,
    /// Name in expressions.
    #[attr(length(1, 255))]
    id: String,
    /// Label.
    label: Option<String>,
    /// Metric.
    metric: Option<Metric>,
    /// Seconds of a period of an expression.
    #[attr(integer)]
    period: Option<i32>,
    /// Whether the alarm watches this one.
    return_data: Option<bool>,
}

/// A metric of a query.
#[derive(Block, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Metric {
    /// Dimensions.
    dimensions: Option<BTreeMap<String, String>>,
    /// Name.
    #[attr(length(1, 255))]
    metric_name: String,
    /// Namespace.
    #[attr(length(1, 255))]
    namespace: Option<String>,
    /// Seconds of a period.
    #[attr(integer)]
    period: i32,
    /// Statistic, or a percentile.
    #[attr(check = STAT)]
    stat: String,
    /// Unit.
    #[attr(check = Check::OneOf(METRIC_UNITS))]
    unit: Option<String>,
}

impl Resource for MetricAlarm {
    const BATCH: usize = 100;
    const ACTIONS: &'static [&'static str] = &[
        "cloudwatch:DeleteAlarms",
        "cloudwatch:DescribeAlarms",
        "cloudwatch:ListTagsForResource",
        "cloudwatch:PutMetricAlarm",
        "cloudwatch:TagResource",
        "cloudwatch:UntagResource",
    ];

    async fn read(cx: &Cx, at: &[Ref<Self>]) -> Result<Vec<Live<Self>>> {
        let found = cx.load::<Alarms>(at.iter().map(|r| r.id.clone())).await?;
        let read = at.iter().filter_map(|r| Some((r, found.get(&r.id)?))).map(|(r, a)| async move {
            let call = cx.cloudwatch().list_tags_for_resource().resource_arn(a.alarm_arn().unwrap_or_default());
            // Deleted after it was listed: it is gone.
            let Some(tags) = call.send().await.absent()? else { return Ok(None) };
            let tags = Tags::from_pairs(tags.tags().iter().map(|t| (t.key(), t.value())));
            Ok::<_, Error>(Some(r.live(&r.id, live(a, tags))))
        });
        Ok(futures::future::try_join_all(read).await?.into_iter().flatten().collect())
    }

    async fn create(cx: &Cx, new: &Self) -> Result<String> {
        put(cx, new).await?;
        Ok(new.alarm_name.clone())
    }

    async fn delete(cx: &Cx, at: &Ref<Self>) -> Result<()> {
        cx.cloudwatch().delete_alarms().alarm_names(&at.id).send().await?;
        Ok(())
    }

    async fn retag(cx: &Cx, at: &[Ref<Self>], add: &Tags, remove: &[String]) -> Result<()> {
        for r in at {
            let arn = r.known.arn.clone().unwrap_or_else(|| cx.arn("cloudwatch", &format!("alarm:{}", r.id)));
            if !remove.is_empty() {
                let call = cx.cloudwatch().untag_resource().resource_arn(&arn);
                call.set_tag_keys(Some(remove.to_vec())).send().await?;
            }
            if let Some(tags) = add.sdk(tag) {
                cx.cloudwatch().tag_resource().resource_arn(&arn).set_tags(Some(tags)).send().await?;
            }
        }
        Ok(())
    }

    fn validate(config: &Partial, errors: &mut Vec<stackctl_core::Error>) {
        let mut check = |v: &Partial, short: &[i64], path: Vec<Step>| {
            let Partial::Number(n) = v else { return };
            let seconds = n.to_i64().unwrap_or_default();
            if !short.contains(&seconds) && (seconds <= 0 || seconds % 60 != 0) {
                let list = short.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                let message = format!("A period has {list} seconds, or a multiple of 60.");
                errors.push(stackctl_core::Error::at(Path(path), message));
            }
        };
        check(config.get("period"), &[10, 20, 30], vec![Step::Attr("period".into())]);
        if let Partial::List(queries) = config.get("metric_query") {
            for q in queries {
                let within = || vec![Step::Attr("metric_query".into())];
                check(q.get("period"), &[1, 5, 10, 20, 30], within());
                if let Partial::List(metrics) = q.get("metric") {
                    metrics.iter().for_each(|m| check(m.get("period"), &[1, 5, 10, 20, 30], within()));
                }
            }
        }
        let set = |n: &str| !config.get(n).is_null() && config.get(n).as_str() != Some("");
        if set("metric_name") && !set("statistic") && !set("extended_statistic") {
            let message = "A metric needs a `statistic` or an `extended_statistic`.";
            errors.push(stackctl_core::Error::at(Path::attr("metric_name"), message));
        }
    }
}

impl Update for MetricAlarm {
    async fn update(cx: &Cx, ch: &Change<'_, Self>) -> Result<()> {
        // One request sets the whole alarm; it leaves the tags of an existing one alone.
        if ch.fields.0.is_empty() { Ok(()) } else { put(cx, ch.new).await }
    }
}

/// Alarms by name: also whether a name is free, which is asked before each create.
struct Alarms;

impl Loader for Alarms {
    type Out = SdkAlarm;
    const BATCH: usize = 100;

    async fn load(cx: &Cx, names: Vec<String>) -> Result<HashMap<String, SdkAlarm>> {
        let call = cx.cloudwatch().describe_alarms().set_alarm_names(Some(names)).alarm_types(AlarmType::MetricAlarm);
        let found = call.max_records(100).send().await?.metric_alarms.unwrap_or_default();
        Ok(found.into_iter().filter_map(|a| Some((a.alarm_name.clone()?, a))).collect())
    }
}

async fn put(cx: &Cx, new: &MetricAlarm) -> Result<()> {
    let list = |l: &Option<BTreeSet<String>>| l.as_ref().map(|l| l.iter().cloned().collect::<Vec<_>>());
    let queries: Vec<_> = new.metric_query.iter().map(query).collect();
    // A limit is a number unless a query draws it.
    let threshold = new.threshold_metric_id.is_none().then(|| new.threshold.unwrap_or_default());
    cx.cloudwatch()
        .put_metric_alarm()
        .alarm_name(&new.alarm_name)
        .actions_enabled(new.actions_enabled)
        .set_alarm_actions(list(&new.alarm_actions))
        .set_alarm_description(new.alarm_description.clone())
        .comparison_operator(ComparisonOperator::from(new.comparison_operator.as_str()))
        .set_datapoints_to_alarm(new.datapoints_to_alarm)
        .set_dimensions(new.dimensions.as_ref().map(dimensions))
        .set_evaluate_low_sample_count_percentile(new.evaluate_low_sample_count_percentiles.clone())
        .evaluation_periods(new.evaluation_periods)
        .set_extended_statistic(new.extended_statistic.clone())
        .set_insufficient_data_actions(list(&new.insufficient_data_actions))
        .set_metric_name(new.metric_name.clone())
        .set_metrics(Some(queries).filter(|q| !q.is_empty()))
        .set_namespace(new.namespace.clone())
        .set_ok_actions(list(&new.ok_actions))
        .set_period(new.period)
        .set_statistic(new.statistic.as_deref().map(Statistic::from))
        .set_tags(new.tags.sdk(tag))
        .set_threshold(threshold)
        .set_threshold_metric_id(new.threshold_metric_id.clone())
        .treat_missing_data(&new.treat_missing_data)
        .set_unit(new.unit.as_deref().map(StandardUnit::from))
        .send()
        .await?;
    Ok(())
}

fn live(a: &SdkAlarm, tags: Tags) -> MetricAlarm {
    let set = |l: &[String]| (!l.is_empty()).then(|| l.iter().cloned().collect());
    let text = |t: Option<&str>| t.filter(|t| !t.is_empty()).map(str::to_owned);
    MetricAlarm {
        actions_enabled: a.actions_enabled().unwrap_or(true),
        alarm_actions: set(a.alarm_actions()),
        alarm_description: text(a.alarm_description()),
        alarm_name: a.alarm_name().unwrap_or_default().to_owned(),
        arn: text(a.alarm_arn()),
        comparison_operator: a.comparison_operator().map_or("", |c| c.as_str()).to_owned(),
        datapoints_to_alarm: a.datapoints_to_alarm(),
        dimensions: from_dimensions(a.dimensions()),
        evaluate_low_sample_count_percentiles: text(a.evaluate_low_sample_count_percentile()),
        evaluation_periods: a.evaluation_periods().unwrap_or_default(),
        extended_statistic: text(a.extended_statistic()),
        insufficient_data_actions: set(a.insufficient_data_actions()),
        metric_name: text(a.metric_name()),
        metric_query: a.metrics().iter().map(from_query).collect(),
        namespace: text(a.namespace()),
        ok_actions: set(a.ok_actions()),
        period: a.period(),
        statistic: text(a.statistic().map(|s| s.as_str())),
        tags,
        threshold: a.threshold(),
        threshold_metric_id: text(a.threshold_metric_id()),
        treat_missing_data: text(a.treat_missing_data()).unwrap_or_else(|| "missing".to_owned()),
        unit: text(a.unit().map(|u| u.as_str())),
    }
}

fn query(q: &Query) -> MetricDataQuery {
    let stat = q.metric.as_ref().map(|m| {
        let metric = SdkMetric::builder()
            .metric_name(&m.metric_name)
            .set_namespace(m.namespace.clone())
            .set_dimensions(m.dimensions.as_ref().map(dimensions))
            .build();
        let unit = m.unit.as_deref().map(StandardUnit::from);
        MetricStat::builder().metric(metric).period(m.period).stat(&m.stat).set_unit(unit).build()
    });
    MetricDataQuery::builder()
        .id(&q.id)
        .set_account_id(q.account_id.clone())
        .set_expression(q.expression.clone())
        .set_label(q.label.clone())
        .set_metric_stat(stat)
        .set_period(q.period.filter(|p| *p != 0))
        .return_data(q.return_data.unwrap_or_default())
        .build()
}

fn from_query(q: &MetricDataQuery) -> Query {
    let text = |t: Option<&str>| t.filter(|t| !t.is_empty()).map(str::to_owned);
    Query {
        account_id: text(q.account_id()),
        expression: text(q.expression()),
        id: q.id().unwrap_or_default().to_owned(),
        label: text(q.label()),
        metric: q.metric_stat().map(|s| Metric {
            dimensions: s.metric().and_then(|m| from_dimensions(m.dimensions())),
            metric_name: s.metric().and_then(|m| m.metric_name()).unwrap_or_default().to_owned(),
            namespace: text(s.metric().and_then(|m| m.namespace())),
            period: s.period().unwrap_or_default(),
            stat: s.stat().unwrap_or_default().to_owned(),
            unit: text(s.unit().map(|u| u.as_str())),
        }),
        period: q.period(),
        return_data: q.return_data(),
    }
}

fn dimensions(d: &BTreeMap<String, String>) -> Vec<Dimension> {
    d.iter().map(|(k, v)| Dimension::builder().name(k).value(v).build()).collect()
}

fn from_dimensions(d: &[Dimension]) -> Option<BTreeMap<String, String>> {
    let pair = |d: &Dimension| Some((d.name()?.to_owned(), d.value()?.to_owned()));
    (!d.is_empty()).then(|| d.iter().filter_map(pair).collect())
}

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}
