//! The `configuration` part of plan JSON: what the files say, as constants and references.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};
use stackctl_core::{Block, Mode, Nesting};
use stackctl_engine::providers::Providers;
use stackctl_hcl::ast::{IndexKey, StepKind};
use stackctl_hcl::{Body, Expr};
use stackctl_lang::config::{Config, Module, Repeat, Resource};
use stackctl_lang::eval::constant;
use stackctl_lang::refs::{Reference, references};

/// The whole configuration.
pub(crate) fn configuration(config: &Config, providers: &Providers) -> Json {
    let cx = Cx { config, providers };
    let mut all = Map::new();
    for module in config.modules() {
        for p in &module.content.provider_configs {
            let source = module.content.provider_source(&p.name);
            let mut out = Map::new();
            out.insert("name".into(), p.name.as_str().into());
            out.insert("full_name".into(), source.as_str().into());
            if let Some(a) = &p.alias {
                out.insert("alias".into(), a.as_str().into());
            }
            if !module.path.is_root() {
                out.insert("module_address".into(), module.path.to_string().into());
            }
            if let Some(table) = providers.table(&source) {
                out.insert("expressions".into(), cx.body(&p.body, &table.config().block));
            }
            all.insert(key(module, &p.name, p.alias.as_deref()), Json::Object(out));
        }
        for k in module.content.resources.keys() {
            let name = k.ty.split('_').next().unwrap_or_default();
            let source = module.content.provider_source(name);
            all.entry(name.to_owned()).or_insert_with(|| json!({"name": name, "full_name": source}));
        }
    }
    json!({"provider_config": all, "root_module": cx.module(&config.root)})
}

fn key(module: &Module, name: &str, alias: Option<&str>) -> String {
    let local = alias.map_or_else(|| name.to_owned(), |a| format!("{name}.{a}"));
    if module.path.is_root() { local } else { format!("{}:{local}", module.path) }
}

struct Cx<'a> {
    config: &'a Config,
    providers: &'a Providers,
}

impl Cx<'_> {
    fn module(&self, module: &Module) -> Json {
        let content = &module.content;
        let mut out = Map::new();
        let outputs: Map<String, Json> = content
            .outputs
            .values()
            .map(|o| {
                let mut m = Map::new();
                if o.sensitive {
                    m.insert("sensitive".into(), true.into());
                }
                m.insert("expression".into(), self.expr(&o.value));
                if let Some(d) = &o.description {
                    m.insert("description".into(), d.as_str().into());
                }
                (o.name.clone(), Json::Object(m))
            })
            .collect();
        if !outputs.is_empty() {
            out.insert("outputs".into(), Json::Object(outputs));
        }
        let resources: Vec<Json> = content.resources.values().map(|r| self.resource(module, r)).collect();
        if !resources.is_empty() {
            out.insert("resources".into(), Json::Array(resources));
        }
        let calls: Map<String, Json> = content
            .module_calls
            .values()
            .map(|c| {
                let mut m = Map::new();
                m.insert("source".into(), c.source.as_str().into());
                let expressions: Map<String, Json> =
                    c.body.attributes().map(|a| (a.name.as_str().to_owned(), self.expr(&a.expr))).collect();
                m.insert("expressions".into(), Json::Object(expressions));
                self.repeat(&c.repeat, &mut m);
                if let Some(child) = module.children.get(&c.name) {
                    m.insert("module".into(), self.module(child));
                }
                (c.name.clone(), Json::Object(m))
            })
            .collect();
        if !calls.is_empty() {
            out.insert("module_calls".into(), Json::Object(calls));
        }
        let variables: Map<String, Json> = content
            .variables
            .values()
            .map(|v| {
                let mut m = Map::new();
                if let Some(d) = v.default.as_ref().filter(|_| !v.sensitive) {
                    m.insert("default".into(), d.to_partial(&d.ty()).or_null().to_json());
                }
                if let Some(d) = &v.description {
                    m.insert("description".into(), d.as_str().into());
                }
                if v.sensitive {
                    m.insert("sensitive".into(), true.into());
                }
                (v.name.clone(), Json::Object(m))
            })
            .collect();
        if !variables.is_empty() {
            out.insert("variables".into(), Json::Object(variables));
        }
        Json::Object(out)
    }

    fn resource(&self, module: &Module, r: &Resource) -> Json {
        let addr = module.addr(r);
        let (provider, alias) = match &r.provider {
            Some(p) => (p.name.clone(), p.alias.clone()),
            None => (r.key.ty.split('_').next().unwrap_or_default().to_owned(), None),
        };
        let table = self.providers.table(&module.content.provider_source(&provider));
        let schema = table.and_then(|t| match r.key.mode {
            Mode::Data => t.data(&r.key.ty),
            Mode::Ephemeral => t.ephemeral(&r.key.ty),
            _ => t.resource(&r.key.ty),
        });
        let mut out = Map::new();
        out.insert("address".into(), addr.local().into());
        let mode = match r.key.mode {
            Mode::Data => "data",
            Mode::Managed => "managed",
            Mode::Ephemeral => "ephemeral",
        };
        out.insert("mode".into(), mode.into());
        out.insert("type".into(), r.key.ty.as_str().into());
        out.insert("name".into(), r.key.name.as_str().into());
        out.insert("provider_config_key".into(), key(&self.config.root, &provider, alias.as_deref()).into());
        if let Some(s) = schema {
            out.insert("expressions".into(), self.body(&r.body, &s.block));
            out.insert("schema_version".into(), s.version.into());
        }
        self.repeat(&r.repeat, &mut out);
        Json::Object(out)
    }

    fn repeat(&self, r: &Repeat, out: &mut Map<String, Json>) {
        match r {
            Repeat::Single => {}
            Repeat::Count(e) => {
                out.insert("count_expression".into(), self.expr(e));
            }
            Repeat::ForEach(e) => {
                out.insert("for_each_expression".into(), self.expr(e));
            }
        }
    }

    fn body(&self, body: &Body, schema: &Block) -> Json {
        let mut out: BTreeMap<String, Json> = BTreeMap::new();
        for a in body.attributes() {
            out.insert(a.name.as_str().to_owned(), self.expr(&a.expr));
        }
        for b in body.blocks() {
            let name = b.kind.as_str();
            let Some(ty) = schema.blocks.get(name) else { continue };
            let inner = self.body(&b.body, &ty.block);
            match ty.nesting {
                Nesting::Single => {
                    out.insert(name.to_owned(), inner);
                }
                Nesting::List | Nesting::Set => match out.entry(name.to_owned()).or_insert_with(|| json!([])) {
                    Json::Array(list) => list.push(inner),
                    other => *other = inner,
                },
            }
        }
        Json::Object(out.into_iter().collect())
    }

    /// A constant, or what the expression refers to: each prefix of a reference, the longest first.
    fn expr(&self, e: &Expr) -> Json {
        let refs = references(e);
        if refs.is_empty() {
            let (value, problems) = constant(e);
            return match problems.is_empty() {
                true => json!({"constant_value": value.to_partial(&value.ty()).or_null().to_json()}),
                false => json!({}),
            };
        }
        let mut names: Vec<String> = Vec::new();
        for r in refs {
            for name in prefixes(&r) {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        json!({"references": names})
    }
}

/// `a.b.c`, `a.b`: the reference and what it lies in, the longest first.
fn prefixes(r: &Reference<'_>) -> Vec<String> {
    let mut out = vec![r.subject.to_string()];
    for step in r.rest {
        let so_far = out.last().cloned().unwrap_or_default();
        out.push(match &step.kind {
            StepKind::Attr(name) => format!("{so_far}.{name}"),
            StepKind::Index(IndexKey::Number(n)) => format!("{so_far}[{n}]"),
            StepKind::Index(IndexKey::String(s)) => format!("{so_far}[{s:?}]"),
            _ => break,
        });
    }
    out.reverse();
    out
}
