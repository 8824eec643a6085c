//! Names that several services share, and rules for them.

use stackctl_core::{Draft, Partial};

/// Units of CloudWatch metrics (CloudWatch API reference, MetricDatum), in the order of that page.
pub const METRIC_UNITS: &[&str] = &[
    "Seconds",
    "Microseconds",
    "Milliseconds",
    "Bytes",
    "Kilobytes",
    "Megabytes",
    "Gigabytes",
    "Terabytes",
    "Bits",
    "Kilobits",
    "Megabits",
    "Gigabits",
    "Terabits",
    "Percent",
    "Count",
    "Bytes/Second",
    "Kilobytes/Second",
    "Megabytes/Second",
    "Gigabytes/Second",
    "Terabytes/Second",
    "Bits/Second",
    "Kilobits/Second",
    "Megabits/Second",
    "Gigabits/Second",
    "Terabits/Second",
    "Count/Second",
    "None",
];

/// Checks a new name that ends in `.fifo` exactly where the flag `fifo` is set: letters, digits, `-` and `_` before that,
/// `most` characters in all.
pub fn plan_fifo(draft: &mut Draft<'_>, fifo: &str, most: usize) {
    let (Some(name), Partial::Bool(fifo)) = (draft.planned("name").as_str(), draft.planned(fifo)) else { return };
    if !draft.is_create() {
        return;
    }
    let stem = if *fifo { name.strip_suffix(".fifo") } else { Some(name) };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let valid = stem.is_some_and(|s| !s.is_empty() && name.len() <= most && s.chars().all(plain));
    if !valid {
        let end = if *fifo { ", and ends in \".fifo\"" } else { "" };
        let message = format!("{name:?} is not a name: it has letters, digits, - and _, at most {most} of them{end}.");
        draft.error("name", message);
    }
}
