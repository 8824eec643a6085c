//! Reading the version-4 file.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value as Json;
use serde_json::value::RawValue;
use stackctl_core::{InstanceAddr, InstanceKey, Known, Mode, ModuleAddr, Path, ResourceAddr, Ty};

use super::json;
use crate::error::{Error, Result};
use crate::model::{
    Author, CheckResult, DeposedKey, Mark, Object, ObjectStatus, Output, ProviderAddr, State, TERRAFORM_VERSION, Target,
};
use crate::seal::{SEALED_VERSION, Seal};

#[derive(Deserialize)]
struct Probe<'a> {
    #[serde(borrow, default)]
    version: Option<&'a RawValue>,
    #[serde(borrow, default)]
    resources: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct File<'a> {
    #[serde(default)]
    terraform_version: Option<String>,
    #[serde(borrow, default)]
    serial: Option<&'a RawValue>,
    #[serde(default)]
    lineage: Option<String>,
    #[serde(default)]
    outputs: Option<BTreeMap<String, FileOutput>>,
    #[serde(borrow, default)]
    resources: Option<Vec<FileResource<'a>>>,
    #[serde(default)]
    check_results: Option<Vec<CheckResult>>,
    #[serde(default)]
    stackctl: Option<Ours>,
}

#[derive(Deserialize)]
struct Ours {
    #[serde(default)]
    journal: Option<Mark>,
    #[serde(default)]
    by: Option<Author>,
    #[serde(default)]
    seal: Option<Json>,
}

#[derive(Deserialize)]
struct FileOutput {
    value: json::Value,
    #[serde(rename = "type")]
    ty: Json,
    #[serde(default)]
    sensitive: bool,
}

#[derive(Deserialize)]
struct FileResource<'a> {
    #[serde(borrow, default)]
    module: Option<Cow<'a, str>>,
    #[serde(borrow)]
    mode: Cow<'a, str>,
    #[serde(rename = "type")]
    ty: String,
    name: String,
    #[serde(borrow)]
    provider: Cow<'a, str>,
    #[serde(default)]
    instances: Option<Vec<FileInstance>>,
}

#[derive(Deserialize)]
struct FileInstance {
    #[serde(default)]
    index_key: Option<json::Value>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    deposed: Option<String>,
    #[serde(default)]
    schema_version: Option<u64>,
    #[serde(default)]
    attributes: Option<json::Value>,
    #[serde(default)]
    attributes_flat: Option<BTreeMap<String, String>>,
    #[serde(default)]
    sensitive_attributes: Option<Vec<Json>>,
    #[serde(default)]
    private: Option<String>,
    #[serde(default)]
    dependencies: Option<Vec<String>>,
    #[serde(default)]
    create_before_destroy: Option<bool>,
    #[serde(default)]
    stackctl_unfinished: Option<bool>,
    #[serde(default)]
    stackctl_tagged: Option<bool>,
    #[serde(default)]
    stackctl_provider: Option<String>,
}

/// The whole file.
pub(super) fn state(bytes: &[u8], place: &str) -> Result<State> {
    let bad = |problem: String, hint: &str| Error::Format { place: place.to_owned(), problem, hint: hint.to_owned() };
    let foreign = "Check that this is the state file that you mean. Nothing was changed.";
    let text = std::str::from_utf8(bytes)
        .map_err(|e| bad(format!("it is not text (byte {} is not UTF-8)", e.valid_up_to()), foreign))?;
    if text.trim().is_empty() {
        return Err(bad(
            "it is empty".to_owned(),
            "Bring the state back from a backup, or remove the file to start anew.",
        ));
    }
    if !text.trim_start().starts_with('{') {
        return Err(bad("it is not a JSON object".to_owned(), foreign));
    }
    let probe: Probe<'_> =
        serde_json::from_str(text).map_err(|e| bad(format!("it is not a JSON object: {e}"), foreign))?;
    let version = probe.version.map(|v| v.get().parse::<u64>().map_err(|_| v.get()));
    match version {
        Some(Ok(4)) => {}
        Some(Ok(v @ 0..4)) => {
            return Err(bad(
                format!("it has version {v}, which Terraform 0.11 and older wrote"),
                "Let Terraform 0.12 to 1.x upgrade it (terraform apply -refresh-only), then try again.",
            ));
        }
        Some(Ok(v)) => {
            return Err(bad(
                format!("it has version {v}, and 4 is the newest that is known here"),
                "It was written by a newer tool. Use that tool, or a newer stackctl.",
            ));
        }
        Some(Err(v)) => return Err(bad(format!("its version is {v}"), foreign)),
        None if probe.resources.is_none() => return Err(bad("it has no \"version\"".to_owned(), foreign)),
        None => return Err(bad("it has resources, and no \"version\"".to_owned(), foreign)),
    }
    let mut file: File<'_> = serde_json::from_str(text).map_err(|e| bad(e.to_string(), foreign))?;
    let mut terraform_version = file.terraform_version.unwrap_or_default();
    let seal = file.stackctl.as_mut().and_then(|o| o.seal.take()).map(seal).transpose();
    let seal = seal.map_err(|e| bad(e, "Use a newer stackctl, or restore an earlier version of the state."))?;
    if seal.is_some() {
        TERRAFORM_VERSION.clone_into(&mut terraform_version);
    } else if terraform_version == SEALED_VERSION {
        return Err(bad(
            "it is sealed, and the header with its key is gone".to_owned(),
            "Another tool has rewritten the file. Restore the version before: stackctl state history",
        ));
    } else if !terraform_version.is_empty() && !is_version(&terraform_version) {
        return Err(bad(
            format!("terraform_version is {terraform_version:?}, not a version number"),
            "It was written by a tool that others are not meant to read after.",
        ));
    }
    let (mark, by) = file.stackctl.map_or((None, None), |o| (o.journal, o.by));
    let serial = file.serial.map_or(Ok(0), |n| n.get().parse::<u64>().map_err(|_| n.get()));
    let serial = serial.map_err(|n| bad(format!("its serial is {n}, not a whole number"), foreign))?;
    let mut out = State {
        terraform_version,
        serial,
        lineage: file.lineage.unwrap_or_default(),
        outputs: BTreeMap::new(),
        resources: BTreeMap::new(),
        checks: file.check_results,
        mark,
        by,
        seal: seal.map(Arc::new),
    };
    for (name, o) in file.outputs.unwrap_or_default() {
        let o = output(o).map_err(|e| bad(format!("output {name:?}: {e}"), foreign))?;
        out.outputs.insert(name, o);
    }
    let mut providers: BTreeMap<String, Arc<ProviderAddr>> = BTreeMap::new();
    for r in file.resources.unwrap_or_default() {
        resource(&mut out, &mut providers, r).map_err(|e| bad(e, foreign))?;
    }
    Ok(out)
}

/// The `outputs` object of a record.
pub(crate) fn outputs(v: &Json) -> Result<BTreeMap<String, Output>, String> {
    let text = v.to_string();
    let file: BTreeMap<String, FileOutput> = serde_json::from_str(&text).map_err(|e| format!("outputs: {e}"))?;
    file.into_iter().map(|(name, o)| output(o).map(|o| (name, o))).collect()
}

/// One entry of `instances`, alone.
pub(crate) fn object(text: &str, provider: &Arc<ProviderAddr>) -> Result<Object, String> {
    let i: FileInstance = serde_json::from_str(text).map_err(|e| format!("object: {e}"))?;
    instance(i, provider).map(|(_, _, o)| o)
}

fn output(o: FileOutput) -> Result<Output, String> {
    let ty = Ty::from_json(&o.ty).ok_or_else(|| format!("{} is not a type", o.ty))?;
    Ok(Output { value: o.value.0, ty, sensitive: o.sensitive })
}

fn resource(
    out: &mut State,
    providers: &mut BTreeMap<String, Arc<ProviderAddr>>,
    r: FileResource<'_>,
) -> Result<(), String> {
    let module = r.module.as_deref().unwrap_or_default();
    let module = ModuleAddr::parse(module).ok_or_else(|| format!("{module:?} is not a module address"))?;
    let mode = match &*r.mode {
        "managed" => Mode::Managed,
        "data" => Mode::Data,
        other => return Err(format!("resource {}.{} has mode {other:?}", r.ty, r.name)),
    };
    let addr = ResourceAddr { module, mode, ty: r.ty, name: r.name };
    let provider = match providers.get(&*r.provider) {
        Some(p) => p.clone(),
        None => {
            let p = ProviderAddr::parse(&r.provider)
                .ok_or_else(|| format!("{addr}: {:?} is not a provider address", r.provider))?;
            let p = Arc::new(p);
            providers.insert(r.provider.into_owned(), p.clone());
            p
        }
    };
    let mut resource = out.resources.remove(&addr).map_or_else(Default::default, Arc::unwrap_or_clone);
    for i in r.instances.unwrap_or_default() {
        let (key, deposed, o) = instance(i, &provider).map_err(|e| format!("{addr}: {e}"))?;
        let o = Arc::new(o);
        let entry = resource.instances.entry(key.clone()).or_default();
        let taken = match &deposed {
            None => entry.current.replace(o).is_some(),
            Some(d) => entry.deposed.insert(d.clone(), o).is_some(),
        };
        if taken {
            let at = Target { addr: InstanceAddr { resource: addr, key }, deposed };
            return Err(format!("{at} occurs twice"));
        }
    }
    if !resource.instances.is_empty() {
        out.resources.insert(addr, Arc::new(resource));
    }
    Ok(())
}

type Entry = (Option<InstanceKey>, Option<DeposedKey>, Object);

fn instance(i: FileInstance, provider: &Arc<ProviderAddr>) -> Result<Entry, String> {
    let key = match i.index_key.map(|v| v.0) {
        None | Some(Known::Null) => None,
        Some(Known::String(s)) => Some(InstanceKey::Str(s)),
        Some(Known::Number(n)) => match n.to_i64().and_then(|n| u64::try_from(n).ok()) {
            Some(n) => Some(InstanceKey::Int(n)),
            None => return Err(format!("index_key {n} is not a whole number from 0")),
        },
        Some(_) => return Err("index_key is neither number nor string".to_owned()),
    };
    let status = match i.status.as_deref() {
        None | Some("") => ObjectStatus::Ready,
        Some("tainted") => ObjectStatus::Tainted,
        Some(other) => return Err(format!("unknown status {other:?}")),
    };
    let attributes = match (i.attributes.map(|v| v.0), &i.attributes_flat) {
        (Some(m @ Known::Map(_)), _) => m,
        (None | Some(Known::Null), Some(_)) => Known::Null,
        (None | Some(Known::Null), None) => Known::object(),
        (Some(_), _) => return Err("attributes are not an object".to_owned()),
    };
    let provider = match i.stackctl_provider {
        None => provider.clone(),
        Some(p) => Arc::new(ProviderAddr::parse(&p).ok_or_else(|| format!("{p:?} is not a provider address"))?),
    };
    let flat = if attributes.is_null() { i.attributes_flat } else { None };
    let o = Object {
        schema_version: i.schema_version.unwrap_or(0),
        attributes: Arc::new(attributes),
        flat,
        sensitive: i.sensitive_attributes.unwrap_or_default().iter().filter_map(sensitive).collect::<BTreeSet<_>>(),
        private: i.private.filter(|p| !p.is_empty()),
        status,
        unfinished: i.stackctl_unfinished == Some(true),
        tagged: i.stackctl_tagged == Some(true),
        dependencies: i.dependencies.unwrap_or_default(),
        create_before_destroy: i.create_before_destroy == Some(true),
        provider,
    };
    Ok((key, i.deposed.as_deref().and_then(DeposedKey::parse), o))
}

/// The path of a sensitive value. Steps that we cannot address hide what they lie in: too much is better than too little.
fn sensitive(v: &Json) -> Option<Path> {
    let steps = v.as_array()?;
    (1..=steps.len()).rev().find_map(|n| Path::from_state_json(&Json::Array(steps[..n].to_vec())))
}

/// The header of a sealed state.
fn seal(v: Json) -> Result<Seal, String> {
    match v.get("v").and_then(Json::as_u64) {
        Some(1) => serde_json::from_value(v).map_err(|e| format!("the header of its key is damaged ({e})")),
        _ => Err("it is sealed in a form that is not known here".to_owned()),
    }
}

/// `1.11.4`, `1.12.0-beta1`
fn is_version(text: &str) -> bool {
    let core = text.split(['-', '+']).next().unwrap_or_default();
    let parts: Vec<&str> = core.split('.').collect();
    (1..=3).contains(&parts.len()) && parts.iter().all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()))
}
