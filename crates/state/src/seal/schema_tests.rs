//! As much of JSON Schema as the project's schemas use.

use serde_json::Value as Json;

/// What a value has that its schema does not allow.
pub(super) fn check(root: &Json, schema: &Json, v: &Json, at: &str) -> Vec<String> {
    if let Some(name) = schema["$ref"].as_str() {
        let target = root.pointer(name.trim_start_matches('#')).unwrap_or_else(|| panic!("no {name}"));
        return check(root, target, v, at);
    }
    let mut out = Vec::new();
    let types: Vec<&str> = match &schema["type"] {
        Json::Array(all) => all.iter().filter_map(Json::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    };
    if !types.is_empty() && !types.contains(&kind(v)) {
        out.push(format!("{at} is a {} and no {types:?}", kind(v)));
    }
    if schema.get("const").is_some_and(|c| c != v) {
        out.push(format!("{at} is {v} and not {}", schema["const"]));
    }
    if schema["enum"].as_array().is_some_and(|all| !all.contains(v)) {
        out.push(format!("{at} is {v}, none of {}", schema["enum"]));
    }
    if let (Some("^[0-9a-f]{8}$"), Some(text)) = (schema["pattern"].as_str(), v.as_str())
        && !(text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)))
    {
        out.push(format!("{at} is {text:?}, not eight hexadecimal digits"));
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str) {
        if v.get(name).is_none() {
            out.push(format!("{at} has no {name}"));
        }
    }
    for (name, inner) in v.as_object().into_iter().flatten() {
        let here = format!("{at}.{name}");
        match (schema["properties"].get(name), &schema["additionalProperties"]) {
            (Some(s), _) => out.extend(check(root, s, inner, &here)),
            (None, Json::Bool(false)) => out.push(format!("{here} is unknown")),
            (None, s) => out.extend(check(root, s, inner, &here)),
        }
    }
    for (i, inner) in v.as_array().into_iter().flatten().enumerate() {
        out.extend(check(root, &schema["items"], inner, &format!("{at}[{i}]")));
    }
    out
}

fn kind(v: &Json) -> &'static str {
    match v {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(n) if n.is_i64() || n.is_u64() => "integer",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}
