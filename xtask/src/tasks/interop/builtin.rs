//! States of the small providers as Terraform's providers of these names write them, read back: nothing may change.

use serde_json::{Value, json};

use crate::lab::{Bench, Result, Tool};

const CONFIG: &str = r#"
resource "null_resource" "x" { triggers = { a = "1" } }
resource "random_id" "x" {
  byte_length = 4
  prefix      = "p-"
}
resource "random_integer" "x" {
  min  = 1
  max  = 10
  seed = "s"
}
resource "random_password" "x" {
  length           = 8
  override_special = "!"
  keepers          = { k = "v" }
}
resource "random_pet" "x" { length = 2 }
resource "random_shuffle" "x" {
  input        = ["a", "b", "c"]
  result_count = 2
}
resource "random_string" "x" {
  length  = 6
  special = false
  upper   = false
}
resource "random_uuid" "x" {}
resource "time_offset" "x" {
  base_rfc3339 = "2026-01-31T10:00:00Z"
  offset_days  = 7
}
resource "time_rotating" "x" {
  rfc3339        = "2026-01-31T10:00:00Z"
  rotation_years = 90
}
resource "time_sleep" "x" {
  create_duration = "30s"
  triggers        = { a = "1" }
}
resource "time_static" "x" {}
"#;

/// Plans on the recorded states; what came of it in words, and the number of types that would change.
pub(super) fn read_back(stackctl: &Tool) -> Result<(String, usize)> {
    let bench = Bench::of(CONFIG, None)?;
    let resources: Vec<Value> =
        states().into_iter().map(|(ty, version, attributes)| resource(ty, version, &attributes)).collect();
    let state = json!({"version": 4, "terraform_version": "1.11.4", "serial": 3,
        "lineage": "5a0c3c2e-7a53-4b2f-9f0e-6d2f8f9d9f11", "outputs": {}, "resources": resources, "check_results": null});
    bench.write("terraform.tfstate", &state.to_string())?;
    bench.run(stackctl, &["init", "-input=false"])?.want(0)?;
    let done = bench.run(stackctl, &["plan", "-input=false", "-out=p.plan"])?.want(0)?;
    let shown = bench.run(stackctl, &["show", "-json", "p.plan"])?.want(0)?.json()?;
    let all = shown["resource_changes"].as_array().cloned().unwrap_or_default();
    let changed: Vec<&Value> =
        all.iter().filter(|c| c["change"]["actions"] != json!(["no-op"])).map(|c| &c["address"]).collect();
    if all.len() != resources.len() {
        return Err(format!("{} of {} recorded objects are in the plan\n{}", all.len(), resources.len(), done.text()));
    }
    let quiet = all.len() - changed.len();
    let types: Vec<String> = all.iter().map(|c| format!("`{}`", c["type"].as_str().unwrap_or_default())).collect();
    let mut words = format!(
        "Recorded states of the small providers: {quiet} of {} types plan no change ({}).",
        all.len(),
        types.join(", ")
    );
    changed.iter().for_each(|at| words += &format!(" {at} differs."));
    Ok((words, changed.len()))
}

fn resource(ty: &str, version: u32, attributes: &Value) -> Value {
    let provider = ty.split('_').next().unwrap_or(ty);
    let secret = |name: &str| json!([{"type": "get_attr", "value": name}]);
    let sensitive = if ty == "random_password" { json!([secret("bcrypt_hash"), secret("result")]) } else { json!([]) };
    json!({"mode": "managed", "type": ty, "name": "x",
        "provider": format!("provider[\"registry.terraform.io/hashicorp/{provider}\"]"),
        "instances": [{"schema_version": version, "attributes": attributes, "sensitive_attributes": sensitive}]})
}

/// Type, schema version, attributes.
fn states() -> Vec<(&'static str, u32, Value)> {
    let text = |special: bool, upper: bool, length: u32| {
        json!({"id": "none", "keepers": null, "length": length, "lower": true, "min_lower": 0, "min_numeric": 0,
            "min_special": 0, "min_upper": 0, "number": true, "numeric": true, "override_special": null,
            "result": "ab3de6", "special": special, "upper": upper})
    };
    let mut password = text(true, true, 8);
    password["keepers"] = json!({"k": "v"});
    password["override_special"] = json!("!");
    password["result"] = json!("Ab3!e6gh");
    password["bcrypt_hash"] = json!("$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy");
    let mut string = text(false, false, 6);
    string["id"] = string["result"].clone();
    let moment = |day: u32, month: u32, id: &str, unix: i64| {
        json!({"day": day, "hour": 10, "id": id, "minute": 0, "month": month, "rfc3339": id, "second": 0,
            "triggers": null, "unix": unix, "year": 2026})
    };
    let base = "2026-01-31T10:00:00Z";
    let mut offset = moment(7, 2, "2026-02-07T10:00:00Z", 1_770_458_400);
    offset["base_rfc3339"] = json!(base);
    offset["id"] = json!(base);
    for unit in ["days", "hours", "minutes", "months", "seconds", "years"] {
        offset[format!("offset_{unit}")] = if unit == "days" { json!(7) } else { Value::Null };
    }
    let mut rotating = moment(31, 1, base, 1_769_853_600);
    rotating["rotation_rfc3339"] = json!("2116-01-31T10:00:00Z");
    for unit in ["days", "hours", "minutes", "months", "years"] {
        rotating[format!("rotation_{unit}")] = if unit == "years" { json!(90) } else { Value::Null };
    }
    vec![
        ("null_resource", 0, json!({"id": "5577006791947779410", "triggers": {"a": "1"}})),
        (
            "random_id",
            0,
            json!({"b64_std": "p-GkTHCQ==", "b64_url": "p-GkTHCQ", "byte_length": 4, "dec": "p-440715017",
                "hex": "p-1a44c709", "id": "GkTHCQ", "keepers": null, "prefix": "p-"}),
        ),
        ("random_integer", 0, json!({"id": "7", "keepers": null, "max": 10, "min": 1, "result": 7, "seed": "s"})),
        ("random_password", 3, password),
        ("random_pet", 0, json!({"id": "calm-otter", "keepers": null, "length": 2, "prefix": null, "separator": "-"})),
        (
            "random_shuffle",
            0,
            json!({"id": "-", "input": ["a", "b", "c"], "keepers": null, "result": ["c", "a"], "result_count": 2, "seed": null}),
        ),
        ("random_string", 2, string),
        (
            "random_uuid",
            0,
            json!({"id": "a3c1d2e4-0f5b-4c6d-8e7f-90a1b2c3d4e5", "keepers": null, "result": "a3c1d2e4-0f5b-4c6d-8e7f-90a1b2c3d4e5"}),
        ),
        ("time_offset", 0, offset),
        ("time_rotating", 0, rotating),
        (
            "time_sleep",
            0,
            json!({"create_duration": "30s", "destroy_duration": null, "id": base, "triggers": {"a": "1"}}),
        ),
        ("time_static", 0, moment(31, 1, base, 1_769_853_600)),
    ]
}
