//! Schemas of providers in Terraform's format 1.0, for editors and linters.

use serde_json::{Map, Value as Json, json};
use stackctl_core::schema::{Attr, Block, BlockType, Nesting, Presence, Schema};
use stackctl_core::{Known, Provider};

/// Everything about a provider.
pub(crate) fn provider(p: &dyn Provider) -> Json {
    let all = |names: Vec<&'static str>, of: &dyn Fn(&str) -> Option<Schema>| -> Map<String, Json> {
        let mut names = names;
        names.sort_unstable();
        names.into_iter().filter_map(|n| Some((n.to_owned(), schema(&of(n)?)))).collect()
    };
    let resources = all(p.resources(), &|n| p.resource(n).cloned());
    let data = all(p.data_sources(), &|n| p.data(n).cloned());
    let ephemerals = all(p.ephemerals(), &|n| p.ephemeral(n).cloned());
    let mut m = Map::new();
    let config = p.config();
    let bare = config.block.attrs.is_empty() && config.block.blocks.is_empty();
    m.insert("provider".to_owned(), if bare { json!({ "version": 0 }) } else { schema(config) });
    for (name, part) in
        [("resource_schemas", resources), ("data_source_schemas", data), ("ephemeral_resource_schemas", ephemerals)]
    {
        if !part.is_empty() {
            m.insert(name.to_owned(), Json::Object(part));
        }
    }
    Json::Object(m)
}

fn schema(s: &Schema) -> Json {
    json!({ "version": s.version, "block": block(&s.block, s.doc) })
}

fn block(b: &Block, doc: &str) -> Json {
    let mut m = Map::new();
    if !b.attrs.is_empty() {
        let attrs: Map<String, Json> = b.attrs.iter().map(|(n, a)| ((*n).to_owned(), attribute(a))).collect();
        m.insert("attributes".to_owned(), Json::Object(attrs));
    }
    if !b.blocks.is_empty() {
        let blocks: Map<String, Json> = b.blocks.iter().map(|(n, t)| ((*n).to_owned(), nested(t))).collect();
        m.insert("block_types".to_owned(), Json::Object(blocks));
    }
    describe(&mut m, doc);
    Json::Object(m)
}

fn describe(m: &mut Map<String, Json>, doc: &str) {
    if !doc.is_empty() {
        m.insert("description".to_owned(), doc.into());
    }
    m.insert("description_kind".to_owned(), if doc.contains('`') { "markdown" } else { "plain" }.into());
}

fn attribute(a: &Attr) -> Json {
    let mut m = Map::new();
    m.insert("type".to_owned(), a.ty.to_json());
    describe(&mut m, &documentation(a));
    let mut flag = |name: &str, on: bool| {
        if on {
            m.insert(name.to_owned(), true.into());
        }
    };
    flag("deprecated", a.deprecated.is_some());
    flag("required", a.presence == Presence::Required);
    flag("optional", matches!(a.presence, Presence::Optional | Presence::OptComputed));
    flag("computed", matches!(a.presence, Presence::Computed | Presence::OptComputed));
    flag("sensitive", a.sensitive);
    flag("write_only", a.write_only);
    Json::Object(m)
}

/// The format has no place for defaults and reasons of deprecation.
fn documentation(a: &Attr) -> String {
    let default = match &a.default {
        Some(v) if *v != Known::Null => format!(" Default: `{}`.", v.to_json()),
        _ => String::new(),
    };
    let deprecated = a.deprecated.map(|d| format!(" Deprecated: {d}")).unwrap_or_default();
    format!("{}{default}{deprecated}", a.doc).trim().to_owned()
}

fn nested(t: &BlockType) -> Json {
    let mut m = Map::new();
    let mode = match t.nesting {
        Nesting::Single => "single",
        Nesting::List => "list",
        Nesting::Set => "set",
    };
    m.insert("nesting_mode".to_owned(), mode.into());
    let mut inner = block(&t.block, t.doc);
    if t.deprecated.is_some() {
        inner["deprecated"] = true.into();
    }
    m.insert("block".to_owned(), inner);
    if t.min > 0 {
        m.insert("min_items".to_owned(), t.min.into());
    }
    if t.max > 0 {
        m.insert("max_items".to_owned(), t.max.into());
    }
    Json::Object(m)
}
