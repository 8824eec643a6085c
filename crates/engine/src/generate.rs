//! Configuration for objects that `import` blocks name and nobody has written yet.
//!
//! Each object is read once, and its attributes become a resource block: what is required, and what is set otherwise than
//! by default. The plan that follows takes the text as if it stood in a file. Nothing secret is written. Start at
//! [`generate`]; the text of one block is [`block_of`].

use std::collections::BTreeSet;
use std::sync::Arc;

use stackctl_core::{
    Attr, Block, Diagnostic, Diagnostics, InstanceAddr, Known, Nesting, Presence, Ref, Rule, Schema, Status,
};
use stackctl_lang::config::Import;
use stackctl_state::State;

use crate::eval::{Console, Settings, address};
use crate::events::{Event, Events, Subject};
use crate::plan::import_id;
use crate::providers::Providers;
use crate::refresh::absorb;

/// First lines of a file of generated configuration.
pub const HEADER: &str = "# __generated__ by stackctl\n# Please review these resources and move them into your main \
                          configuration files.\n";

/// A resource block that was made from an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated {
    /// Address of the instance.
    pub addr: InstanceAddr,
    /// The block, with the comment that says where it comes from.
    pub text: String,
}

/// Makes blocks for the targets of import blocks that have none. Empty where every target has its block.
///
/// # Errors
/// If a target is not a single resource of the root module, or its object cannot be read.
pub async fn generate(
    settings: &Settings,
    state: &Arc<State>,
    providers: &Providers,
    events: &Events,
) -> Result<Vec<Generated>, Diagnostics> {
    let root = Arc::clone(&settings.config.root);
    let missing: Vec<&Import> = root.imports.iter().filter(|i| is_missing(settings, i)).collect();
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let mut sources: Vec<String> = missing.iter().filter_map(|i| Some(root.provider_source(&provider(i)?.0))).collect();
    sources.sort();
    sources.dedup();
    let mut console = Console::of_state_with(Arc::clone(state), settings.clone(), providers, &sources);
    let (mut out, mut errors) = (Vec::new(), Vec::new());
    for import in missing {
        match one(import, settings, &mut console, providers, events).await {
            Ok(Some(g)) if out.iter().any(|o: &Generated| o.addr == g.addr) => {}
            Ok(Some(g)) => out.push(g),
            Ok(None) => {}
            Err(mut diags) => errors.append(&mut diags),
        }
    }
    out.sort_by(|a, b| a.addr.cmp(&b.addr));
    if errors.is_empty() { Ok(out) } else { Err(errors) }
}

/// True if nothing is configured at the target of an import.
fn is_missing(settings: &Settings, import: &Import) -> bool {
    let Some(addr) = address::config_addr(&import.to) else { return false };
    let module = settings.config.module(&addr.module);
    module.is_none_or(|m| m.resource(addr.mode, &addr.ty, &addr.name).is_none())
}

/// Local name and alias of the provider configuration of an import.
fn provider(import: &Import) -> Option<(String, Option<String>)> {
    match &import.provider {
        Some(p) => Some((p.name.clone(), p.alias.clone())),
        None => Some((implied(&address::config_addr(&import.to)?.ty).to_owned(), None)),
    }
}

fn implied(ty: &str) -> &str {
    ty.split('_').next().unwrap_or(ty)
}

async fn one(
    import: &Import,
    settings: &Settings,
    console: &mut Console<'_>,
    providers: &Providers,
    events: &Events,
) -> Result<Option<Generated>, Diagnostics> {
    let range = |span| stackctl_lang::diag::range(&settings.sources, span);
    let fail = |summary: &str, detail: String, span| {
        let mut d = Diagnostic::error(summary, detail);
        d.range = range(span);
        vec![d]
    };
    let to = import.to.span;
    let Some(addr) = address::instance_addr(&import.to, &mut |_| None).filter(|_| import.for_each.is_none()) else {
        let detail = "Configuration can be made for single resources only: the import block has for_each, or an address \
                      with an expression in it.";
        return Err(fail("Configuration cannot be generated", detail.to_owned(), to));
    };
    let why = match (addr.resource.module.is_root(), &addr.key) {
        (false, _) => Some("it stands in a module, and configuration is made for the root module only"),
        (true, Some(_)) => Some("it is an instance of a resource with count or for_each"),
        (true, None) => None,
    };
    if let Some(why) = why {
        let detail = format!("{addr} has no resource block, and none can be made for it: {why}.");
        return Err(fail("Configuration cannot be generated", detail, to));
    }
    let id = import_id(&console.value(&import.id)?)
        .map_err(|p| fail("Invalid import", p.detail.to_string(), import.id.span))?;
    let id = id.as_str();
    let Some((name, alias)) = provider(import) else { return Ok(None) };
    let source = settings.config.root.provider_source(&name);
    if providers.table(&source).is_none() {
        let detail = format!("{addr} belongs to the provider {source}, which is not built in.");
        return Err(fail("Unknown provider", detail, to));
    }
    let (at, config) = console.provider(&name, alias.as_deref()).map_err(|mut diags| {
        if diags.is_empty() {
            diags = fail(
                "Provider configuration not known",
                format!(
                    "To make configuration for {addr}, the object has to be read, and its provider is not known yet."
                ),
                import.span,
            );
        }
        diags
    })?;
    let ty = addr.resource.ty.clone();
    let wrong = |d: Diagnostic| {
        let mut d = d.of(&addr);
        d.range = d.range.or_else(|| range(import.span));
        vec![d]
    };
    let configured = providers.configure(&at, config).await;
    let configured = configured.map_err(|e| wrong(Diagnostic::from_provider(format!("Error configuring {at}"), e)))?;
    let Some(schema) = configured.table.resource(&ty) else {
        let d = Diagnostic::error(
            "Invalid resource type",
            format!("The provider {} has no resource type \"{ty}\" here.", at.source),
        );
        let near = stackctl_lang::diag::closest(&ty, configured.table.resources());
        return Err(wrong(match near {
            Some(c) => d.hinted(format!("Did you mean \"{c}\"?")),
            None => d,
        }));
    };
    let known = configured.table.import(&ty, id);
    let mut known = known.map_err(|e| {
        let mut d = Diagnostic::from_provider("Invalid import id", e);
        d.range = range(import.id.span);
        wrong(d)
    })?;
    if known.get("id").is_null() {
        known.set("id", Known::from(id));
    }
    let subject = Subject { addr: Arc::new(addr.clone()), deposed: None };
    let asked = known.get("id").as_str().unwrap_or(id).to_owned();
    events.send(Event::RefreshStart { subject: subject.clone(), id: asked.clone() });
    let live = configured.instance.read(&ty, vec![Ref { id: asked.clone(), known, wanted: None }]).await;
    let live = live.map_err(|e| wrong(Diagnostic::from_provider(format!("Importing {addr}"), e)))?;
    events.send(Event::RefreshDone { subject, id: asked });
    // The plan that follows says so where there is no such object.
    let Some(live) = live.into_iter().find(|l| l.status != Status::Deleting) else { return Ok(None) };
    let value = absorb(schema, &Known::Null, live.value);
    let with = import.provider.as_ref().filter(|p| p.alias.is_some() || p.name != implied(&ty));
    let with = with.map(|p| p.alias.as_ref().map_or_else(|| p.name.clone(), |a| format!("{}.{a}", p.name)));
    let text = block_of(schema, &addr, id, with.as_deref(), &value);
    Ok(Some(Generated { addr, text }))
}

/// The resource block of an object, formatted.
pub fn block_of(schema: &Schema, addr: &InstanceAddr, id: &str, provider: Option<&str>, value: &Known) -> String {
    let mut w = Writer { out: String::new(), depth: 1 };
    let shown: String = id.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if let Some(p) = provider {
        w.line(&format!("provider = {p}"));
    }
    w.block(schema, &schema.block, value, true);
    let head = format!("# __generated__ by stackctl, from \"{shown}\"\n");
    let resource = &addr.resource;
    let text = format!("{head}resource \"{}\" \"{}\" {{\n{}}}\n", resource.ty, resource.name, w.out);
    stackctl_hcl::fmt::format(&text).unwrap_or(text)
}

/// Arguments that another one, which is written, excludes.
fn excluded(schema: &Schema, value: &Known) -> BTreeSet<&'static str> {
    let set = |n: &str| !is_nothing(value.get(n));
    let mut out = BTreeSet::new();
    for rule in &schema.rules {
        match rule {
            Rule::ExactlyOneOf(all) => {
                let first = all.iter().find(|n| !n.contains('.') && set(n));
                out.extend(all.iter().copied().filter(|n| first.is_some_and(|f| f != n)));
            }
            Rule::Conflicts(one, others) if !out.contains(one) && set(one) => {
                // What configuration alone sets goes before what the provider fills in.
                let optional = |n: &str| schema.block.attrs.get(n).is_some_and(|a| a.presence != Presence::OptComputed);
                match others.iter().find(|n| set(n) && optional(n) && !optional(one)) {
                    Some(_) => {
                        out.insert(*one);
                    }
                    None => out.extend(others.iter().copied()),
                }
            }
            Rule::Conflicts(..) | Rule::AtLeastOneOf(_) | Rule::RequiredWith(..) => {}
        }
    }
    out
}

/// Nothing that anybody would have to write.
fn is_nothing(v: &Known) -> bool {
    match v {
        Known::Null => true,
        Known::String(s) => s.is_empty(),
        Known::List(l) => l.is_empty(),
        Known::Map(m) => m.is_empty(),
        Known::Bool(_) | Known::Number(_) => false,
    }
}

fn is_zero(v: &Known) -> bool {
    is_nothing(v) || matches!(v, Known::Bool(false)) || v.as_i64() == Some(0)
}

struct Writer {
    out: String,
    depth: usize,
}

impl Writer {
    fn line(&mut self, text: &str) {
        self.out.push_str(&"  ".repeat(self.depth));
        self.out.push_str(text);
        self.out.push('\n');
    }

    fn block(&mut self, schema: &Schema, block: &Block, value: &Known, top: bool) {
        let excluded = if top { excluded(schema, value) } else { BTreeSet::new() };
        for (name, attr) in &block.attrs {
            if !(top && (*name == "tags_all" || excluded.contains(name))) {
                self.attribute(schema, block, name, attr, value);
            }
        }
        for (name, b) in block.blocks.iter().filter(|(n, _)| **n != "timeouts" && !excluded.contains(*n)) {
            let items: Vec<&Known> = match (b.nesting, value.get(name)) {
                (Nesting::Single, m @ Known::Map(_)) => vec![m],
                (_, Known::List(l)) => l.iter().collect(),
                _ => Vec::new(),
            };
            for item in items {
                let before = self.out.len();
                self.line(&format!("{name} {{"));
                let empty = self.out.len();
                self.depth += 1;
                self.block(schema, &b.block, item, false);
                self.depth -= 1;
                // A block that says nothing is one that nobody has written.
                if self.out.len() == empty && b.min == 0 {
                    self.out.truncate(before);
                } else {
                    self.line("}");
                }
            }
        }
    }

    fn attribute(&mut self, schema: &Schema, block: &Block, name: &str, attr: &Attr, value: &Known) {
        let v = value.get(name);
        let required = attr.presence == Presence::Required;
        if attr.presence == Presence::Computed || attr.write_only || attr.deprecated.is_some() && !required {
            return;
        }
        // A prefix is of no use where the name is written.
        if attr.prefix_of.is_some_and(|n| block.attrs.contains_key(n)) {
            return;
        }
        let usual = match &attr.default {
            Some(d) => v == d || v.is_null(),
            None => is_nothing(v) || schema.zero_is_null && attr.presence == Presence::Optional && is_zero(v),
        };
        // Zero that the provider chose says no more than that nothing was chosen.
        let chosen = attr.presence == Presence::OptComputed && attr.default.is_none() && is_zero(v);
        if !required && (usual || chosen) {
            return;
        }
        if attr.sensitive {
            self.line(&format!("{name} = null # sensitive"));
            return;
        }
        let text = self.text_of(v);
        self.line(&format!("{name} = {text}"));
    }

    /// An expression for an attribute's value: JSON documents as what they say.
    fn text_of(&mut self, v: &Known) -> String {
        if let Some(s) = v.as_str()
            && let Ok(json) = serde_json::from_str::<serde_json::Value>(s)
            && (json.is_object() || json.is_array())
        {
            return format!("jsonencode({})", self.expr(&Known::from_json(&json)));
        }
        self.expr(v)
    }

    fn expr(&mut self, v: &Known) -> String {
        match v {
            Known::Null => "null".to_owned(),
            Known::Bool(b) => b.to_string(),
            Known::Number(n) => n.to_json().to_string(),
            Known::String(s) => quoted(s),
            Known::List(l) => {
                let items: Vec<String> = l.iter().map(|v| self.expr(v)).collect();
                format!("[{}]", items.join(", "))
            }
            Known::Map(m) if m.is_empty() => "{}".to_owned(),
            Known::Map(m) => {
                self.depth += 1;
                let pad = "  ".repeat(self.depth);
                let mut out = "{\n".to_owned();
                for (k, v) in m {
                    let key = if stackctl_hcl::is_identifier(k) { k.clone() } else { quoted(k) };
                    let v = self.expr(v);
                    out.push_str(&format!("{pad}{key} = {v}\n"));
                }
                self.depth -= 1;
                out.push_str(&"  ".repeat(self.depth));
                out.push('}');
                out
            }
        }
    }
}

/// A text as the language writes it.
fn quoted(text: &str) -> String {
    stackctl_lang::value::show::quoted(text).replace("${", "$${").replace("%{", "%%{")
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use stackctl_core::{BlockType, Ty};

    use super::*;

    fn schema() -> Schema {
        let text = || Attr::optional(Ty::String);
        let rule = Block {
            attrs: [("port", Attr::required(Ty::Number)), ("note", text()), ("rule_id", Attr::computed(Ty::String))]
                .into(),
            blocks: Default::default(),
        };
        let attrs = [
            ("arn", Attr::computed(Ty::String)),
            ("id", Attr::id()),
            ("name", Attr::opt_computed(Ty::String)),
            ("name_prefix", Attr { prefix_of: Some("name"), ..Attr::opt_computed(Ty::String) }),
            ("policy", text()),
            ("password", text().sensitive()),
            ("old", Attr { deprecated: Some("Use name."), ..text() }),
            ("size", Attr::optional(Ty::Number).default(1i64)),
            ("fast", Attr::optional(Ty::Bool).default(true)),
            ("zone", Attr::opt_computed(Ty::String)),
            ("zone_id", Attr::opt_computed(Ty::String)),
            ("empty", text()),
            ("count_of", Attr::optional(Ty::Number)),
            ("tags", Attr::optional(Ty::map(Ty::String))),
            ("tags_all", Attr::opt_computed(Ty::map(Ty::String))),
            ("cidrs", Attr::required(Ty::list(Ty::String))),
        ];
        let blocks = [("rule", BlockType::new(Nesting::Set, rule))].into();
        Schema {
            rules: vec![Rule::Conflicts("zone", &["zone_id"])],
            ..Schema::new("test_thing", Block { attrs: attrs.into(), blocks })
        }
    }

    #[test]
    fn what_is_set_is_written_and_nothing_secret() {
        let value = Known::from_json(&json!({
            "id": "t-1", "arn": "arn:x", "name": "a \"b\" ${c}", "policy": "{\"B\":[1,{\"c\":null}],\"A\":true}",
            "password": "hunter2", "old": "x", "size": 1, "fast": false, "zone": "z", "zone_id": "zz", "empty": "",
            "count_of": 0, "tags": {"Name": "n", "a b": "c"}, "tags_all": {"Name": "n"}, "cidrs": [],
            "rule": [{"port": 80, "note": null, "rule_id": "r"}, {"port": 443, "note": "tls\n"}],
        }));
        let addr = InstanceAddr::parse("test_thing.a").unwrap();
        let expect = "\
# __generated__ by stackctl, from \"t-1\"
resource \"test_thing\" \"a\" {
  cidrs    = []
  fast     = false
  name     = \"a \\\"b\\\" $${c}\"
  password = null # sensitive
  policy = jsonencode({
    A = true
    B = [1, {
      c = null
    }]
  })
  tags = {
    Name  = \"n\"
    \"a b\" = \"c\"
  }
  zone = \"z\"
  rule {
    port = 80
  }
  rule {
    note = \"tls\\n\"
    port = 443
  }
}
";
        assert_eq!(block_of(&schema(), &addr, "t-1", None, &value), expect);
        let with = block_of(&schema(), &addr, "t-1", Some("test.west"), &value);
        assert!(with.contains("\n  provider = test.west\n"), "{with}");
    }
}
