//! A plan and a state in Terraform's JSON: plan format 1.2, state format 1.0.
//!
//! Sensitive values are null beside their `*_sensitive` mark unless `unsealed` is asked for. The `configuration` part is
//! in [`super::config`].

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};
use stackctl_core::{InstanceAddr, InstanceKey, Known, Mode, ModuleAddr, Partial, Path, Schema, Step, Ty};
use stackctl_engine::plan::{Action, CheckAddr, CheckResult, CheckStatus, Drift, Operation, OutputChange, Plan};
use stackctl_state::{State, TERRAFORM_VERSION};

use crate::render::dynamic::{plain, secrets};

/// Options of the rendering.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    /// Show secrets.
    pub(crate) unsealed: bool,
    /// Schema of the type of an instance.
    pub(crate) schema: &'a dyn Fn(&InstanceAddr) -> Option<Schema>,
}

/// A plan; `configuration` is what [`super::config::configuration`] makes.
pub(crate) fn plan(plan: &Plan, configuration: Json, view: View<'_>) -> Json {
    let mut out = Map::new();
    let mut put = |k: &str, v: Json| {
        out.insert(k.to_owned(), v);
    };
    put("format_version", "1.2".into());
    put("terraform_version", TERRAFORM_VERSION.into());
    let variables: Map<String, Json> = plan
        .variables
        .iter()
        .map(|(n, v)| {
            let hidden = (v.sensitive && !view.unsealed) || v.ephemeral;
            (n.clone(), json!({"value": if hidden { Json::Null } else { v.value.to_json() }}))
        })
        .collect();
    put("variables", Json::Object(variables));
    put("planned_values", planned_values(plan, view));
    let drift: Vec<Json> = plan.drift.iter().map(|d| drift_change(d, view)).collect();
    if !drift.is_empty() {
        put("resource_drift", Json::Array(drift));
    }
    let changes = plan.ops.iter().filter(|o| !(o.action == Action::Delete && o.replacement.is_some()));
    let changes = changes.map(|o| {
        let mut c = change(o, view);
        if let (Some(text), Some(of)) = (plan.generated.get(&o.addr.to_string()), c["change"].as_object_mut()) {
            of.insert("generated_config".into(), text.as_str().into());
        }
        c
    });
    put("resource_changes", changes.collect());
    let outputs: Map<String, Json> = plan.outputs.iter().map(|(n, c)| (n.clone(), output(c, view))).collect();
    put("output_changes", Json::Object(outputs));
    put("prior_state", state(&plan.prior, view));
    put("configuration", configuration);
    let relevant: Vec<Json> = plan
        .relevant
        .iter()
        .map(|r| json!({"resource": r.resource, "attribute": r.attribute.to_plan_json()}))
        .collect();
    put("relevant_attributes", Json::Array(relevant));
    put("checks", plan.checks.iter().map(check).collect());
    put("timestamp", plan.timestamp.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into());
    put("applyable", (!plan.errored && plan.has_changes()).into());
    put("complete", plan.complete.into());
    put("errored", plan.errored.into());
    Json::Object(out)
}

/// A state.
pub(crate) fn state(s: &State, view: View<'_>) -> Json {
    let mut out = Map::new();
    out.insert("format_version".into(), "1.0".into());
    out.insert("terraform_version".into(), TERRAFORM_VERSION.into());
    if s.is_empty() {
        return Json::Object(out);
    }
    let outputs: Map<String, Json> = s
        .outputs
        .iter()
        .map(|(n, o)| {
            let value = if o.sensitive && !view.unsealed { Json::Null } else { o.value.to_json() };
            (n.clone(), json!({"sensitive": o.sensitive, "value": value, "type": o.ty.to_json()}))
        })
        .collect();
    let resources = s.objects().filter(|(at, _)| at.deposed.is_none()).map(|(at, o)| {
        let schema = (view.schema)(&at.addr);
        let marked: Vec<Path> = o.sensitive.iter().cloned().collect();
        let sensitive = secrets(schema.as_ref(), &marked);
        let value = plain(schema.as_ref(), Partial::from((*o.attributes).clone()));
        let mut r = resource(&at.addr, &o.provider.source, o.schema_version, &value, None, &sensitive, view);
        if o.status == stackctl_state::ObjectStatus::Tainted {
            r.insert("tainted".into(), true.into());
        }
        if !o.dependencies.is_empty() {
            r.insert("depends_on".into(), o.dependencies.clone().into());
        }
        (at.addr.resource.module.clone(), Json::Object(r))
    });
    let values = json!({"outputs": outputs, "root_module": modules(resources.collect())});
    out.insert("values".into(), values);
    Json::Object(out)
}

fn planned_values(plan: &Plan, view: View<'_>) -> Json {
    let outputs: Map<String, Json> = plan
        .outputs
        .iter()
        .filter_map(|(n, c)| {
            let after = c.after.as_ref()?;
            let mut o = Map::new();
            o.insert("sensitive".into(), c.after_sensitive.into());
            if let Ok(known) = after.to_known() {
                o.insert("type".into(), c.ty.to_json());
                let hidden = c.after_sensitive && !view.unsealed;
                o.insert("value".into(), if hidden { Json::Null } else { known.to_json() });
            }
            Some((n.clone(), Json::Object(o)))
        })
        .collect();
    let resources = plan.ops.iter().filter(|o| o.deposed.is_none()).filter_map(|o| {
        let planned = o.planned()?;
        let schema = (view.schema)(&o.addr);
        let planned = plain(schema.as_ref(), planned);
        let hidden = secrets(schema.as_ref(), &o.after_sensitive);
        let version = schema.as_ref().map_or(0, |s| s.version);
        let ty = schema.map(|s| s.block.ty());
        let r = resource(&o.addr, &o.provider.source, version, &planned, ty.as_ref(), &hidden, view);
        Some((o.addr.resource.module.clone(), Json::Object(r)))
    });
    json!({"outputs": outputs, "root_module": modules(resources.collect())})
}

fn resource(
    addr: &InstanceAddr,
    source: &str,
    version: u64,
    value: &Partial,
    ty: Option<&Ty>,
    sensitive: &[Path],
    view: View<'_>,
) -> Map<String, Json> {
    let mut r = Map::new();
    r.insert("address".into(), addr.to_string().into());
    identity(addr, &mut r);
    r.insert("provider_name".into(), source.into());
    r.insert("schema_version".into(), version.into());
    r.insert("values".into(), known_part(value, sensitive, view, &mut Vec::new()).unwrap_or(Json::Null));
    r.insert("sensitive_values".into(), marks(value, ty, sensitive));
    r
}

fn identity(addr: &InstanceAddr, r: &mut Map<String, Json>) {
    let mode = if addr.resource.mode == Mode::Data { "data" } else { "managed" };
    r.insert("mode".into(), mode.into());
    r.insert("type".into(), addr.resource.ty.as_str().into());
    r.insert("name".into(), addr.resource.name.as_str().into());
    if let Some(k) = &addr.key {
        r.insert("index".into(), key(k));
    }
}

fn key(k: &InstanceKey) -> Json {
    match k {
        InstanceKey::Int(i) => (*i).into(),
        InstanceKey::Str(s) => s.as_str().into(),
    }
}

/// The tree of modules with their resources.
fn modules(resources: Vec<(ModuleAddr, Json)>) -> Json {
    let mut by: BTreeMap<ModuleAddr, Vec<Json>> = BTreeMap::new();
    by.entry(ModuleAddr::root()).or_default();
    for (module, r) in resources {
        // Modules between this one and the root exist even without resources of their own.
        let mut up = module.parent();
        while let Some(m) = up {
            up = m.parent();
            by.entry(m).or_default();
        }
        by.entry(module).or_default().push(r);
    }
    fn build(at: &ModuleAddr, by: &BTreeMap<ModuleAddr, Vec<Json>>) -> Map<String, Json> {
        let mut out = Map::new();
        if !at.is_root() {
            out.insert("address".into(), at.to_string().into());
        }
        if let Some(r) = by.get(at).filter(|r| !r.is_empty()) {
            out.insert("resources".into(), Json::Array(r.clone()));
        }
        let children: Vec<Json> = by
            .keys()
            .filter(|m| m.0.len() == at.0.len() + 1 && at.contains(m))
            .map(|m| Json::Object(build(m, by)))
            .collect();
        if !children.is_empty() {
            out.insert("child_modules".into(), Json::Array(children));
        }
        out
    }
    Json::Object(build(&ModuleAddr::root(), &by))
}

fn change(op: &Operation, view: View<'_>) -> Json {
    let mut out = Map::new();
    out.insert("address".into(), op.addr.to_string().into());
    if !op.addr.resource.module.is_root() {
        out.insert("module_address".into(), op.addr.resource.module.to_string().into());
    }
    if let Some(p) = &op.previous {
        out.insert("previous_address".into(), p.to_string().into());
    }
    identity(&op.addr, &mut out);
    out.insert("provider_name".into(), op.provider.source.as_str().into());
    if let Some(d) = &op.deposed {
        out.insert("deposed".into(), d.as_str().into());
    }
    let before = op.before.as_ref().map(|b| Partial::from((**b).clone()));
    let before = if op.action == Action::Create && op.replacement.is_none() { None } else { before };
    let schema = (view.schema)(&op.addr);
    let shown = |v: Option<Partial>| v.map(|v| plain(schema.as_ref(), v));
    // What is let go of stays as it is, but not in the state.
    let planned = if op.action == Action::Forget { None } else { op.planned() };
    let (before, after) = (shown(before), shown(planned));
    let hidden = |paths: &[Path]| secrets(schema.as_ref(), paths);
    let (hidden_before, hidden_after) = (hidden(&op.before_sensitive), hidden(&op.after_sensitive));
    let ty = schema.as_ref().map(|s| s.block.ty());
    let mut c = values(before.as_ref(), after.as_ref(), ty.as_ref(), &hidden_before, &hidden_after, view);
    let mut head = Map::new();
    head.insert("actions".into(), op.actions().into());
    head.append(&mut c);
    if !op.replace_paths.is_empty() {
        head.insert("replace_paths".into(), op.replace_paths.iter().map(Path::to_plan_json).collect());
    }
    if let Some(id) = &op.importing {
        head.insert("importing".into(), json!({"id": id}));
    }
    out.insert("change".into(), Json::Object(head));
    if let Some(r) = op.reason {
        out.insert("action_reason".into(), r.as_str().into());
    }
    Json::Object(out)
}

fn drift_change(d: &Drift, view: View<'_>) -> Json {
    let mut out = Map::new();
    out.insert("address".into(), d.addr.to_string().into());
    if !d.addr.resource.module.is_root() {
        out.insert("module_address".into(), d.addr.resource.module.to_string().into());
    }
    identity(&d.addr, &mut out);
    out.insert("provider_name".into(), d.provider.source.as_str().into());
    let before = Partial::from((*d.before).clone());
    let after = d.after.as_ref().map(|a| Partial::from((**a).clone()));
    let mut c = values(Some(&before), after.as_ref(), None, &d.before_sensitive, &d.after_sensitive, view);
    let mut head = Map::new();
    head.insert("actions".into(), json!([if after.is_some() { "update" } else { "delete" }]));
    head.append(&mut c);
    out.insert("change".into(), Json::Object(head));
    Json::Object(out)
}

/// `before`, `after`, `after_unknown`, `before_sensitive`, `after_sensitive`.
fn values(
    before: Option<&Partial>,
    after: Option<&Partial>,
    ty: Option<&Ty>,
    before_sensitive: &[Path],
    after_sensitive: &[Path],
    view: View<'_>,
) -> Map<String, Json> {
    let mut c = Map::new();
    let known =
        |v: Option<&Partial>, s: &[Path]| v.and_then(|v| known_part(v, s, view, &mut Vec::new())).unwrap_or(Json::Null);
    c.insert("before".into(), known(before, before_sensitive));
    c.insert("after".into(), known(after, after_sensitive));
    let unknown = after.filter(|v| !v.is_known()).map_or_else(|| json!({}), unknown_part);
    c.insert("after_unknown".into(), unknown);
    c.insert("before_sensitive".into(), before.map_or(Json::Bool(false), |v| marks(v, ty, before_sensitive)));
    c.insert("after_sensitive".into(), after.map_or(Json::Bool(false), |v| marks(v, ty, after_sensitive)));
    c
}

fn output(c: &OutputChange, view: View<'_>) -> Json {
    let hide = |v: Json, sensitive: bool| if sensitive && !view.unsealed { Json::Null } else { v };
    let before = c.before.as_ref().map_or(Json::Null, Known::to_json);
    let after = c.after.as_ref().and_then(|v| known_part(v, &[], view, &mut Vec::new())).unwrap_or(Json::Null);
    let unknown = match &c.after {
        None => Json::Bool(false),
        Some(v) if v.is_known() => Json::Bool(false),
        Some(v) => unknown_part(v),
    };
    // The format has one flag for both.
    let sensitive = c.before_sensitive || c.after_sensitive;
    json!({
        "actions": [c.action()],
        "before": hide(before, c.before_sensitive),
        "after": hide(after, c.after_sensitive),
        "after_unknown": unknown,
        "before_sensitive": sensitive,
        "after_sensitive": sensitive,
    })
}

fn is_secret(at: &[Step], sensitive: &[Path]) -> bool {
    sensitive.iter().any(|p| {
        p.0.len() == at.len()
            && p.0.iter().zip(at).all(|(a, b)| match (a, b) {
                (Step::Index(x), Step::Index(y)) => x == y,
                (Step::Attr(x) | Step::Key(x), Step::Attr(y) | Step::Key(y)) => x == y,
                _ => false,
            })
    })
}

/// The value without its unknown parts, secrets null; `None` where all of it is unknown.
fn known_part(v: &Partial, sensitive: &[Path], view: View<'_>, at: &mut Vec<Step>) -> Option<Json> {
    if !view.unsealed && is_secret(at, sensitive) && !matches!(v, Partial::Unknown) {
        return Some(Json::Null);
    }
    Some(match v {
        Partial::Unknown => return None,
        Partial::List(l) => {
            let mut out = Vec::with_capacity(l.len());
            for (i, v) in l.iter().enumerate() {
                at.push(Step::Index(i));
                out.push(known_part(v, sensitive, view, at).unwrap_or(Json::Null));
                at.pop();
            }
            Json::Array(out)
        }
        Partial::Map(m) => {
            let mut out = Map::new();
            for (k, v) in m {
                at.push(Step::Attr(k.clone()));
                if let Some(v) = known_part(v, sensitive, view, at) {
                    out.insert(k.clone(), v);
                }
                at.pop();
            }
            Json::Object(out)
        }
        leaf => leaf.or_null().to_json(),
    })
}

/// True where the value is unknown, in a mirror of its structure.
fn unknown_part(v: &Partial) -> Json {
    match v {
        Partial::Unknown => true.into(),
        Partial::List(l) => l.iter().map(unknown_part).collect(),
        Partial::Map(m) => m
            .iter()
            .filter(|(_, v)| matches!(v, Partial::Unknown | Partial::List(_) | Partial::Map(_)))
            .map(|(k, v)| (k.clone(), unknown_part(v)))
            .collect::<Map<_, _>>()
            .into(),
        _ => false.into(),
    }
}

/// True where the value is sensitive, in a mirror of its structure. What is not known mirrors its type.
fn marks(v: &Partial, ty: Option<&Ty>, sensitive: &[Path]) -> Json {
    fn go(v: &Partial, ty: Option<&Ty>, sensitive: &[Path], at: &mut Vec<Step>) -> Json {
        if is_secret(at, sensitive) {
            return true.into();
        }
        match (v, ty) {
            (Partial::Unknown, Some(Ty::List(_) | Ty::Set(_) | Ty::Tuple(_))) => json!([]),
            (Partial::Unknown, Some(Ty::Map(_) | Ty::Object(_))) => json!({}),
            (Partial::List(l), ty) => {
                let of = |i: usize| match ty {
                    Some(Ty::List(t) | Ty::Set(t)) => Some(&**t),
                    Some(Ty::Tuple(ts)) => ts.get(i),
                    _ => None,
                };
                let item = |(i, v): (usize, &Partial)| {
                    at.push(Step::Index(i));
                    let m = go(v, of(i), sensitive, at);
                    at.pop();
                    m
                };
                l.iter().enumerate().map(item).collect()
            }
            (Partial::Map(m), ty) => {
                let of = |k: &String| match ty {
                    Some(Ty::Map(t)) => Some(&**t),
                    Some(Ty::Object(o)) => o.attrs.get(k),
                    _ => None,
                };
                let mut out = Map::new();
                for (k, v) in m {
                    at.push(Step::Attr(k.clone()));
                    let mark = go(v, of(k), sensitive, at);
                    at.pop();
                    if mark != Json::Bool(false) {
                        out.insert(k.clone(), mark);
                    }
                }
                Json::Object(out)
            }
            _ => false.into(),
        }
    }
    go(v, ty, sensitive, &mut Vec::new())
}

fn check(c: &CheckResult) -> Json {
    let mut address = Map::new();
    let in_module = |module: &ModuleAddr, name: String| match module.is_root() {
        true => name,
        false => format!("{module}.{name}"),
    };
    let (kind, display, module) = match &c.addr {
        CheckAddr::Resource(r) => {
            let mode = if r.mode == Mode::Data { "data" } else { "managed" };
            address.insert("mode".into(), mode.into());
            address.insert("type".into(), r.ty.as_str().into());
            address.insert("name".into(), r.name.as_str().into());
            ("resource", r.to_string(), &r.module)
        }
        CheckAddr::Output(m, n) => {
            address.insert("name".into(), n.as_str().into());
            ("output_value", in_module(m, format!("output.{n}")), m)
        }
        CheckAddr::Check(m, n) => {
            address.insert("name".into(), n.as_str().into());
            ("check", in_module(m, format!("check.{n}")), m)
        }
        CheckAddr::Variable(m, n) => {
            address.insert("name".into(), n.as_str().into());
            ("var", in_module(m, format!("var.{n}")), m)
        }
    };
    address.insert("kind".into(), kind.into());
    if !module.is_root() {
        address.insert("module".into(), module.to_string().into());
    }
    address.insert("to_display".into(), display.as_str().into());
    let local = display.strip_prefix(&format!("{module}.")).unwrap_or(&display).to_owned();
    let instances: Vec<Json> = c
        .instances
        .iter()
        .map(|i| {
            let mut a = Map::new();
            if let Some(k) = &i.key {
                a.insert("instance_key".into(), key(k));
            }
            if !i.module.is_root() {
                a.insert("module".into(), i.module.to_string().into());
            }
            let keyed = i.key.as_ref().map(ToString::to_string).unwrap_or_default();
            a.insert("to_display".into(), in_module(&i.module, format!("{local}{keyed}")).into());
            let mut out = Map::new();
            out.insert("address".into(), Json::Object(a));
            out.insert("status".into(), status(i.status).into());
            if !i.problems.is_empty() {
                let problems: Vec<Json> = i.problems.iter().map(|m| json!({"message": m})).collect();
                out.insert("problems".into(), Json::Array(problems));
            }
            Json::Object(out)
        })
        .collect();
    json!({"address": address, "status": status(c.status), "instances": instances})
}

fn status(s: CheckStatus) -> &'static str {
    match s {
        CheckStatus::Pass => "pass",
        CheckStatus::Unknown => "unknown",
        CheckStatus::Fail => "fail",
        CheckStatus::Error => "error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEW: View<'_> = View { unsealed: false, schema: &|_| None };

    fn value() -> Partial {
        let mut v = Partial::object();
        v.set("a", Partial::String("x".into()));
        v.set("id", Partial::Unknown);
        v.set("list", Partial::List(vec![Partial::Bool(true), Partial::Unknown]));
        v.set("pw", Partial::String("hunter2".into()));
        v
    }

    #[test]
    fn unknown_parts_are_left_out_and_secrets_null() {
        let secret = [Path::attr("pw")];
        let ty = Ty::object([("pw", Ty::String), ("tags", Ty::map(Ty::String)), ("names", Ty::set(Ty::String))]);
        let mut value = value();
        value.set("tags", Partial::Unknown);
        value.set("names", Partial::Unknown);
        let c = values(None, Some(&value), Some(&ty), &[], &secret, VIEW);
        assert_eq!(c["after"], json!({"a": "x", "list": [true, null], "pw": null}));
        assert_eq!(c["after_unknown"], json!({"id": true, "list": [false, true], "names": true, "tags": true}));
        let marks = json!({"list": [false, false], "pw": true, "tags": {}, "names": []});
        assert_eq!(c["after_sensitive"], marks);
        assert_eq!((&c["before"], &c["before_sensitive"]), (&Json::Null, &Json::Bool(false)));
    }

    #[test]
    fn modules_nest() {
        let at = ModuleAddr::parse("module.a[0].module.b").unwrap_or_default();
        let out = modules(vec![(at, json!(1))]);
        assert_eq!(out["child_modules"][0]["address"], "module.a[0]");
        assert_eq!(out["child_modules"][0]["child_modules"][0]["resources"], json!([1]));
    }
}
