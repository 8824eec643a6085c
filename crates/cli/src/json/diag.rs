//! Diagnostics in Terraform's JSON form, with the snippet that editors show.

use serde_json::{Map, Value as Json, json};
use stackctl_core::{Diagnostic, Severity, SourceRange};

use crate::render::diag::Text;

/// One diagnostic.
pub(crate) fn diagnostic(d: &Diagnostic, text: Text<'_>) -> Json {
    let severity = match d.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut detail = d.detail.clone();
    if let Some(c) = &d.call {
        let code = c.code.as_deref().map(|c| format!(", {c}")).unwrap_or_default();
        let id = c.request_id.as_deref().map(|i| format!(", request id {i}")).unwrap_or_default();
        detail.push_str(&format!("\n\n{} {}{code}{id}", c.service, c.operation));
    }
    if let Some(h) = &d.hint {
        detail.push_str(&format!("\n\n{h}"));
    }
    let mut out = Map::new();
    out.insert("severity".into(), severity.into());
    out.insert("summary".into(), d.summary.as_str().into());
    out.insert("detail".into(), detail.trim_start().into());
    if let Some(a) = &d.address {
        out.insert("address".into(), a.as_str().into());
    }
    if let Some(r) = &d.range {
        out.insert("range".into(), serde_json::to_value(r).unwrap_or_default());
        if let Some(source) = text(&r.filename) {
            out.insert("snippet".into(), snippet(d, r, &source));
        }
    }
    Json::Object(out)
}

fn snippet(d: &Diagnostic, r: &SourceRange, source: &str) -> Json {
    let first = r.start.line.max(1) as usize;
    let last = (r.end.line.max(r.start.line)) as usize;
    let lines: Vec<&str> = source.lines().skip(first - 1).take(last + 1 - first).collect();
    let code = lines.join("\n");
    let line_start = source.lines().take(first - 1).map(|l| l.len() + 1).sum::<usize>();
    let offset = |byte: u32| (byte as usize).saturating_sub(line_start).min(code.len());
    let values: Vec<Json> = d.values.iter().map(|(name, is)| json!({"traversal": name, "statement": is})).collect();
    json!({
        "context": context(source, first),
        "code": code,
        "start_line": first,
        "highlight_start_offset": offset(r.start.byte),
        "highlight_end_offset": offset(r.end.byte),
        "values": values,
    })
}

/// The header of the block that a line stands in: the nearest line above that starts at the margin and opens a block.
fn context(source: &str, line: usize) -> Json {
    let above: Vec<&str> = source.lines().take(line).collect();
    let opens = |l: &&&str| l.starts_with(|c: char| c.is_alphabetic()) && l.contains('{');
    match above.iter().rev().find(opens) {
        Some(l) => l.split('{').next().unwrap_or_default().trim_end().into(),
        None => Json::Null,
    }
}
