//! `terraform` blocks: version constraints, required providers, backend. `cloud` and `provider_meta` are
//! tolerated, experiments are not.

use stackctl_core::Ty;
use stackctl_hcl::ast::Block;
use stackctl_hcl::{ExprKind, Item, Span};

use super::blocks::object_items;
use super::fields::{Cx, Shape, constant, elements, split};
use super::model::{Backend, Content, ProviderRequirement};
use super::providers::{implied_source, parse_source};
use super::resource::provider_ref;
use crate::convert::convert;
use crate::diag::Problem;

const TERRAFORM: Shape = Shape {
    what: "terraform",
    attrs: &["required_version", "experiments", "language"],
    blocks: &[("required_providers", 0), ("backend", 1), ("cloud", 0), ("provider_meta", 1)],
    open: false,
};

/// Reads a `terraform` block into the content.
pub(super) fn terraform(b: Block, c: &mut Content, cx: &mut Cx) {
    let mut f = split(b.body, b.header_span, &TERRAFORM, cx);
    if let Some(e) = f.expr("required_version")
        && let Some(v) = text(&e, cx)
    {
        c.terraform.required_version.push((v, e.span));
    }
    if let Some(e) = f.expr("experiments") {
        let span = e.span;
        if !elements(e, "experiments", cx).is_empty() {
            let detail = "There are no experimental features here: without them the module may be another.";
            cx.report(Problem::error("Module uses experimental features", detail).at(span));
        }
    }
    for b in f.blocks("required_providers") {
        required_providers(b, c, cx);
    }
    for b in f.blocks("backend") {
        let span = b.header_span;
        if let Some(first) = &c.terraform.backend {
            let p = Problem::error("Duplicate backend configuration", "A module may have one backend only.");
            let p = p.at(span).with(first.span, "the first one is here");
            cx.report(p);
            continue;
        }
        let Some(label) = b.labels.first() else { continue };
        c.terraform.backend = Some(Backend { ty: label.value.to_string(), body: b.body, span });
    }
    for b in f.blocks("cloud") {
        c.terraform.cloud = Some(b.header_span);
    }
    if let (Some(cloud), Some(backend)) = (c.terraform.cloud, &c.terraform.backend) {
        let detail = "A module may have either a backend block or a cloud block: the state is in one place only.";
        let p = Problem::error("Both a backend and a cloud configuration", detail);
        let p = p.at(cloud).with(backend.span, "the backend is here");
        cx.report(p.hinted("Remove the cloud block: it is not carried out anyway."));
    }
}

fn required_providers(b: Block, c: &mut Content, cx: &mut Cx) {
    for item in b.body.items {
        let a = match item {
            Item::Attribute(a) => a,
            Item::Block(b) => {
                let p = Problem::error(
                    "Invalid required_providers syntax",
                    "Each required provider is an argument with an object: aws = { source = \"hashicorp/aws\" }.",
                );
                cx.report(p.at(b.header_span));
                continue;
            }
        };
        let (name, span) = (a.name.name.to_string(), a.name.span);
        if let Some(r) = requirement(&name, span, a.expr, cx) {
            if let Some(first) = c.required_providers.get(&name) {
                let p = Problem::error(
                    "Duplicate required provider",
                    format!("The provider \"{name}\" is required twice in this module."),
                );
                let p = p.at(span).with(first.span, "first required here");
                cx.report(p);
                continue;
            }
            c.required_providers.insert(name, r);
        }
    }
}

fn requirement(name: &str, span: Span, e: stackctl_hcl::Expr, cx: &mut Cx) -> Option<ProviderRequirement> {
    let mut r =
        ProviderRequirement { source: implied_source(name), version: None, configuration_aliases: Vec::new(), span };
    if !matches!(e.kind, ExprKind::Object(_)) {
        let at = e.span;
        r.version = Some((text(&e, cx)?, at));
        return Some(r);
    }
    for (key, at, value) in object_items(e) {
        match key.as_str() {
            "source" => {
                let written = text(&value, cx)?;
                match parse_source(&written) {
                    Some(s) => r.source = s,
                    None => cx.report(
                        Problem::error(
                            "Invalid provider source",
                            "A source is NAMESPACE/NAME or HOST/NAMESPACE/NAME, as in hashicorp/aws.",
                        )
                        .at(value.span),
                    ),
                }
            }
            "version" => r.version = text(&value, cx).map(|v| (v, value.span)),
            "configuration_aliases" => {
                for e in elements(value, "provider configurations", cx) {
                    r.configuration_aliases.extend(provider_ref(e, cx));
                }
            }
            _ => {
                let p = Problem::error(
                    "Invalid required_providers object",
                    format!("A required provider has no property \"{key}\"."),
                );
                cx.report(p.at(at).suggest(&key, ["source", "version", "configuration_aliases"]));
            }
        }
    }
    Some(r)
}

fn text(e: &stackctl_hcl::Expr, cx: &mut Cx) -> Option<String> {
    let v = constant(e, cx)?;
    let s = convert(&v, &Ty::String).ok().and_then(|v| v.as_str().map(str::to_owned));
    if s.is_none() {
        cx.report(Problem::error("Unsuitable value type", "A text is required here.").at(e.span));
    }
    s
}
