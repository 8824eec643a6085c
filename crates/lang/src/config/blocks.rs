//! The blocks of a module's files, made into its [`Content`]. Names are unique per kind; a second one is reported with
//! both places.

use std::path::Path;

use indexmap::IndexMap;
use indexmap::map::Entry;
use stackctl_core::Mode;
use stackctl_hcl::ast::Block;
use stackctl_hcl::{Body, ExprKind, Item, Span};

use super::fields::{Cx, Shape, check_labels, constant, key_text, literal_text, mode_word, split};
use super::model::{
    CheckBlock, Content, Import, Local, ModuleCall, Moved, Output, ProviderConfig, ProviderRef, Removed, ResourceKey,
    Variable,
};
use super::resource::{conditions, depends_on, invalid_name, provider_ref, provisioner, repeat, resource};
use super::{refactor, terraform, types};
use crate::convert::TypeConstraint;
use crate::diag::Problem;

/// The blocks that a file may hold, with their number of labels.
pub(super) const FILE: Shape = Shape {
    what: "configuration",
    attrs: &[],
    blocks: &[
        ("variable", 1),
        ("output", 1),
        ("locals", 0),
        ("resource", 2),
        ("data", 2),
        ("ephemeral", 2),
        ("module", 1),
        ("provider", 1),
        ("terraform", 0),
        ("moved", 0),
        ("import", 0),
        ("removed", 0),
        ("check", 1),
    ],
    open: false,
};

const VARIABLE: Shape = Shape {
    what: "variable",
    attrs: &["type", "default", "description", "sensitive", "nullable", "ephemeral"],
    blocks: &[("validation", 0)],
    open: false,
};
const OUTPUT: Shape = Shape {
    what: "output",
    attrs: &["value", "description", "sensitive", "ephemeral", "depends_on"],
    blocks: &[("precondition", 0)],
    open: false,
};
const MODULE: Shape = Shape {
    what: "module",
    attrs: &["source", "version", "count", "for_each", "depends_on", "providers"],
    blocks: &[],
    open: true,
};
const PROVIDER: Shape = Shape { what: "provider", attrs: &["alias", "version"], blocks: &[], open: true };
const CHECK: Shape = Shape { what: "check", attrs: &[], blocks: &[("data", 2), ("assert", 0)], open: false };
const REMOVED: Shape =
    Shape { what: "removed", attrs: &["from"], blocks: &[("lifecycle", 0), ("provisioner", 1)], open: false };
const REMOVED_LIFECYCLE: Shape = Shape { what: "lifecycle", attrs: &["destroy"], blocks: &[], open: false };
const MOVED: Shape = Shape { what: "moved", attrs: &["from", "to"], blocks: &[], open: false };
const IMPORT: Shape = Shape { what: "import", attrs: &["to", "id", "for_each", "provider"], blocks: &[], open: false };

/// Names that a variable cannot have, because a `module` block gives them a meaning.
const RESERVED_VARIABLES: [&str; 8] =
    ["source", "version", "providers", "count", "for_each", "lifecycle", "depends_on", "locals"];

/// Makes the blocks of all files of a directory into its content.
pub(super) fn content(dir: &Path, blocks: Vec<Block>, cx: &mut Cx) -> Content {
    let mut c = Content { dir: dir.to_owned(), ..Content::default() };
    for b in blocks {
        let header = b.header_span;
        match b.kind.as_str() {
            "variable" => {
                if let Some(v) = variable(b, cx) {
                    unique(&mut c.variables, v.name.clone(), v, header, |v| v.span, "variable", cx);
                }
            }
            "output" => {
                if let Some(o) = output(b, cx) {
                    unique(&mut c.outputs, o.name.clone(), o, header, |o| o.span, "output", cx);
                }
            }
            "locals" => locals(b, &mut c.locals, cx),
            "resource" => add_resource(resource(b, Mode::Managed, None, cx), &mut c, cx),
            "data" => add_resource(resource(b, Mode::Data, None, cx), &mut c, cx),
            "ephemeral" => add_resource(resource(b, Mode::Ephemeral, None, cx), &mut c, cx),
            "module" => {
                if let Some(m) = module_call(b, cx) {
                    unique(&mut c.module_calls, m.name.clone(), m, header, |m| m.span, "module call", cx);
                }
            }
            "provider" => {
                if let Some(p) = provider(b, cx) {
                    add_provider(p, &mut c, cx);
                }
            }
            "terraform" => terraform::terraform(b, &mut c, cx),
            "moved" => c.moved.extend(moved(b, cx)),
            "import" => c.imports.extend(import(b, cx)),
            "removed" => c.removed.extend(removed(b, cx)),
            "check" => check(b, &mut c, cx),
            _ => {}
        }
    }
    c
}

fn unique<T>(
    map: &mut IndexMap<String, T>,
    name: String,
    value: T,
    span: Span,
    place: impl Fn(&T) -> Span,
    what: &str,
    cx: &mut Cx,
) {
    match map.entry(name) {
        Entry::Vacant(e) => {
            e.insert(value);
        }
        Entry::Occupied(e) => cx.report(duplicate(what, e.key(), span, place(e.get()))),
    }
}

fn duplicate(what: &str, name: &str, span: Span, first: Span) -> Problem {
    Problem::error(
        format!("Duplicate {what} declaration"),
        format!("A {what} named \"{name}\" is declared already. Names are unique within a module."),
    )
    .at(span)
    .with(first, "first declared here")
}

fn add_resource(r: Option<super::model::Resource>, c: &mut Content, cx: &mut Cx) {
    let Some(r) = r else { return };
    match c.resources.entry(r.key.clone()) {
        Entry::Vacant(e) => {
            e.insert(r);
        }
        Entry::Occupied(e) => {
            let ResourceKey { mode, ty, name } = e.key();
            cx.report(
                Problem::error(
                    format!("Duplicate {} \"{ty}\" configuration", mode_word(*mode)),
                    format!("A {ty} named \"{name}\" is declared already. Names are unique per type in a module."),
                )
                .at(r.span)
                .with(e.get().span, "first declared here"),
            );
        }
    }
}

fn add_provider(p: ProviderConfig, c: &mut Content, cx: &mut Cx) {
    if let Some(first) = c.provider_config(&p.name, p.alias.as_deref()) {
        let detail = match &p.alias {
            None => format!(
                "A default configuration of the provider \"{}\" is given already. Further ones need an \"alias\".",
                p.name
            ),
            Some(a) => format!("A configuration \"{}.{a}\" is given already. Aliases are unique.", p.name),
        };
        let first = first.span;
        cx.report(
            Problem::error("Duplicate provider configuration", detail).at(p.span).with(first, "first declared here"),
        );
    }
    c.provider_configs.push(p);
}

/// The name in the first label, if it can be one.
fn named(b: &Block, what: &str, cx: &mut Cx) -> Option<String> {
    let label = b.labels.first()?;
    if !stackctl_hcl::is_identifier(&label.value) {
        cx.report(invalid_name(what, "name", label.span));
        return None;
    }
    Some(label.value.to_string())
}

fn variable(b: Block, cx: &mut Cx) -> Option<Variable> {
    let name = named(&b, "variable", cx)?;
    let span = b.header_span;
    if RESERVED_VARIABLES.contains(&name.as_str()) {
        let detail = format!(
            "The variable name \"{name}\" is reserved, because it has a meaning inside of module blocks. Choose another."
        );
        cx.report(Problem::error("Invalid variable name", detail).at(b.labels[0].span));
    }
    let mut f = split(b.body, span, &VARIABLE, cx);
    let ty = f.expr("type");
    let typed = ty.is_some();
    let constraint = ty.and_then(|e| types::constraint(&e, cx)).unwrap_or_else(TypeConstraint::any);
    let nullable = f.bool("nullable", cx).unwrap_or(true);
    let default = f.expr("default").and_then(|e| {
        let v = constant(&e, cx)?;
        if v.is_null() && !nullable {
            let detail = "This default is null, and the variable is not nullable.";
            cx.report(Problem::error("Invalid default value for variable", detail).at(e.span));
            return None;
        }
        match constraint.convert(&v) {
            Ok(v) => Some(v),
            Err(err) => {
                let detail = format!("This default value is not compatible with the variable's type: {err}.");
                cx.report(Problem::error("Invalid default value for variable", detail).at(e.span));
                None
            }
        }
    });
    let description = f.string("description", cx);
    Some(Variable {
        description,
        constraint,
        typed,
        default,
        nullable,
        sensitive: f.bool("sensitive", cx).unwrap_or_default(),
        ephemeral: f.bool("ephemeral", cx).unwrap_or_default(),
        validations: conditions(f.blocks("validation"), "validation", cx),
        name,
        span,
    })
}

fn output(b: Block, cx: &mut Cx) -> Option<Output> {
    let name = named(&b, "output", cx)?;
    let span = b.header_span;
    let mut f = split(b.body, span, &OUTPUT, cx);
    let value = f.required("value", cx);
    let description = f.string("description", cx);
    let sensitive = f.bool("sensitive", cx).unwrap_or_default();
    let ephemeral = f.bool("ephemeral", cx).unwrap_or_default();
    let depends_on = depends_on(&mut f, cx);
    let preconditions = conditions(f.blocks("precondition"), "precondition", cx);
    let value = value?;
    Some(Output { name, value, description, sensitive, ephemeral, depends_on, preconditions, span })
}

fn locals(b: Block, out: &mut IndexMap<String, Local>, cx: &mut Cx) {
    for item in b.body.items {
        match item {
            Item::Attribute(a) => {
                if !stackctl_hcl::is_identifier(a.name.as_str()) {
                    cx.report(invalid_name("local value", "name", a.name.span));
                    continue;
                }
                let span = a.name.span;
                let (name, local) = (a.name.name.to_string(), Local { value: a.expr, span });
                unique(out, name, local, span, |l| l.span, "local value", cx);
            }
            Item::Block(b) => {
                let detail = "A locals block holds arguments only: NAME = VALUE.";
                let p = Problem::error("Unexpected block in locals", detail).at(b.header_span);
                cx.report(p.hinted(format!("For an object write an equals sign: {} = {{ … }}.", b.kind.as_str())));
            }
        }
    }
}

fn module_call(b: Block, cx: &mut Cx) -> Option<ModuleCall> {
    let name = named(&b, "module", cx)?;
    let span = b.header_span;
    let mut f = split(b.body, span, &MODULE, cx);
    let source = f.required("source", cx);
    let source_span = source.as_ref().map_or(span, |e| e.span);
    let source = source.and_then(|e| {
        let v = constant(&e, cx)?;
        if v.as_str().is_none() {
            cx.report(Problem::error("Invalid module source", "A literal text is required here.").at(e.span));
        }
        v.as_str().map(str::to_owned)
    });
    let version = f.string("version", cx);
    let mut providers = Vec::new();
    if let Some(e) = f.expr("providers") {
        match e.kind {
            ExprKind::Object(items) => {
                for item in items {
                    let at = item.key.span();
                    let child = provider_key(item.key, cx);
                    let parent = provider_ref(item.value, cx);
                    if let (Some(child), Some(parent)) = (child, parent) {
                        if providers.iter().any(|(c, _): &(ProviderRef, _)| same_ref(c, &child)) {
                            let detail = "This provider configuration is passed twice.";
                            cx.report(Problem::error("Duplicate provider address", detail).at(at));
                        }
                        providers.push((child, parent));
                    }
                }
            }
            ExprKind::Invalid => {}
            _ => cx.report(
                Problem::error(
                    "Invalid providers argument",
                    "An object is required here, from names in the module to configurations here: \
                     { aws = aws.west }.",
                )
                .at(e.span),
            ),
        }
    }
    let repeat = repeat(&mut f, cx);
    let depends_on = depends_on(&mut f, cx);
    let body = f.rest();
    for nested in body.blocks() {
        cx.report(
            Problem::error(
                "Unsupported block type",
                format!(
                    "Blocks of type \"{}\" are not expected in a module block. Variables are set as arguments.",
                    nested.kind.as_str()
                ),
            )
            .at(nested.header_span),
        );
    }
    Some(ModuleCall { source: source?, name, source_span, version, repeat, depends_on, providers, body, span })
}

fn same_ref(a: &ProviderRef, b: &ProviderRef) -> bool {
    (&a.name, &a.alias) == (&b.name, &b.alias)
}

fn provider_key(key: stackctl_hcl::ast::ObjectKey, cx: &mut Cx) -> Option<ProviderRef> {
    use stackctl_hcl::ast::ObjectKey;
    match key {
        ObjectKey::Name(n) => Some(ProviderRef { name: n.name.to_string(), alias: None, span: n.span }),
        ObjectKey::Expr(e) => provider_ref(e, cx),
    }
}

fn provider(b: Block, cx: &mut Cx) -> Option<ProviderConfig> {
    let name = named(&b, "provider", cx)?;
    let span = b.header_span;
    let mut f = split(b.body, span, &PROVIDER, cx);
    if let Some(v) = f.attr("version") {
        cx.report(
            Problem::warning(
                "Version constraints inside provider configuration blocks are deprecated",
                "State the version in required_providers instead.",
            )
            .at(v.name.span),
        );
    }
    let alias = f.expr("alias").and_then(|e| {
        let alias = literal_text(&e).or_else(|| crate::refs::keyword(&e).map(str::to_owned));
        if !alias.as_deref().is_some_and(stackctl_hcl::is_identifier) {
            cx.report(invalid_name("provider configuration", "alias", e.span));
            return None;
        }
        alias
    });
    Some(ProviderConfig { name, alias, body: f.rest(), span })
}

fn moved(b: Block, cx: &mut Cx) -> Option<Moved> {
    let span = b.header_span;
    let mut f = split(b.body, span, &MOVED, cx);
    let (from, to) = (f.required("from", cx), f.required("to", cx));
    let from = from.and_then(|e| refactor::endpoint(e, true, cx));
    let to = to.and_then(|e| refactor::endpoint(e, true, cx));
    let (from, to) = (from?, to?);
    if from.resource.is_some() != to.resource.is_some() {
        let detail = "\"from\" and \"to\" must both be resources, or both be modules.";
        cx.report(Problem::error("Invalid \"moved\" addresses", detail).at(span));
        return None;
    }
    Some(Moved { from, to, span })
}

fn import(b: Block, cx: &mut Cx) -> Option<Import> {
    let span = b.header_span;
    let mut f = split(b.body, span, &IMPORT, cx);
    let (to, id) = (f.required("to", cx), f.required("id", cx));
    let for_each = f.expr("for_each");
    let provider = f.expr("provider").and_then(|e| provider_ref(e, cx));
    let to = super::fields::address(to?, cx);
    Some(Import { to, id: id?, for_each, provider, span })
}

fn removed(b: Block, cx: &mut Cx) -> Option<Removed> {
    let span = b.header_span;
    let mut f = split(b.body, span, &REMOVED, cx);
    let from = f.required("from", cx).and_then(|e| refactor::endpoint(e, false, cx));
    if let Some(from) = from.as_ref().filter(|f| f.resource.as_ref().is_some_and(|r| r.mode != Mode::Managed)) {
        let detail = "Only managed resources are destroyed or forgotten: remove the block of a data source, and nothing is left.";
        cx.report(Problem::error("Data source address not allowed", detail).at(from.span));
        return None;
    }
    let destroy = f.block("lifecycle", cx).and_then(|b| {
        let mut f = split(b.body, b.header_span, &REMOVED_LIFECYCLE, cx);
        f.bool("destroy", cx)
    });
    let provisioners = f.blocks("provisioner").into_iter().filter_map(|b| provisioner(b, cx)).collect();
    Some(Removed { from: from?, destroy: destroy.unwrap_or(true), provisioners, span })
}

fn check(b: Block, c: &mut Content, cx: &mut Cx) {
    let Some(name) = named(&b, "check", cx) else { return };
    let span = b.header_span;
    let mut f = split(b.body, span, &CHECK, cx);
    let data = f.block("data", cx).and_then(|d| resource(d, Mode::Data, Some(&name), cx));
    let key = data.as_ref().map(|r| r.key.clone());
    add_resource(data, c, cx);
    let asserts = conditions(f.blocks("assert"), "assert", cx);
    if asserts.is_empty() {
        let detail = "A check block has at least one assert block.";
        cx.report(Problem::error("Missing assert block", detail).at(span));
    }
    let block = CheckBlock { name: name.clone(), data: key, asserts, span };
    unique(&mut c.checks, name, block, span, |c| c.span, "check", cx);
}

/// The top-level blocks of a file's body, with errors for everything else.
pub(super) fn top_level(body: Body, cx: &mut Cx) -> Vec<Block> {
    let mut out = Vec::new();
    for item in body.items {
        match item {
            Item::Block(b) => match FILE.blocks.iter().find(|(k, _)| *k == b.kind.as_str()) {
                Some((_, labels)) => {
                    if check_labels(&b, *labels, cx) {
                        out.push(b);
                    }
                }
                None => cx.report(
                    Problem::error(
                        "Unsupported block type",
                        format!("Blocks of type \"{}\" are not expected here.", b.kind.as_str()),
                    )
                    .at(b.kind.span)
                    .suggest(b.kind.as_str(), FILE.blocks.iter().map(|(k, _)| *k)),
                ),
            },
            Item::Attribute(a) => cx.report(
                Problem::error(
                    "Unsupported argument",
                    format!("An argument named \"{}\" is not expected here.", a.name.as_str()),
                )
                .at(a.name.span)
                .suggest(a.name.as_str(), FILE.blocks.iter().map(|(k, _)| *k)),
            ),
        }
    }
    out
}

/// Names in an object expression, for `required_providers`.
pub(super) fn object_items(e: stackctl_hcl::Expr) -> Vec<(String, Span, stackctl_hcl::Expr)> {
    match e.kind {
        ExprKind::Object(items) => items
            .into_iter()
            .filter_map(|i| {
                let (name, at) = key_text(&i.key)?;
                Some((name, at, i.value))
            })
            .collect(),
        _ => Vec::new(),
    }
}
