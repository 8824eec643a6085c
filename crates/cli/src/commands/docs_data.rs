//! `docs-data`: what the documentation pages of resources are made of, as JSON. Hidden; `cargo xtask docs` reads it.
//!
//! Facts come from the schemas as they are; wording and layout are the generator's.

use serde_json::{Map, Value, json};
use stackctl_core::schema::{Attr, Block, BlockType, Check, ForceNew, Identity, Nesting, Presence, Rule, Schema};

use super::Context;
use crate::{Exit, Outcome};

/// Writes all schemas.
pub(crate) fn run(cx: &Context) -> Outcome {
    let providers: Vec<Value> = crate::stack::all_providers()
        .iter()
        .map(|p| {
            let (mut resources, mut data, mut ephemeral) = (p.resources(), p.data_sources(), p.ephemerals());
            resources.sort_unstable();
            data.sort_unstable();
            ephemeral.sort_unstable();
            json!({
                "provider": p.name(),
                "source": p.source(),
                "version": p.version(),
                "config": schema(p.config()),
                "resources": resources.iter().filter_map(|t| p.resource(t)).map(schema).collect::<Vec<_>>(),
                "data": data.iter().filter_map(|t| p.data(t)).map(schema).collect::<Vec<_>>(),
                "ephemeral": ephemeral.iter().filter_map(|t| p.ephemeral(t)).map(schema).collect::<Vec<_>>(),
            })
        })
        .collect();
    cx.term.line(&serde_json::to_string_pretty(&Value::Array(providers)).unwrap_or_default());
    Ok(Exit::Done)
}

fn schema(s: &Schema) -> Value {
    let timeouts = [
        ("create", s.timeouts.create),
        ("read", s.timeouts.read),
        ("update", s.timeouts.update),
        ("delete", s.timeouts.delete),
    ];
    let timeouts: Map<String, Value> =
        timeouts.into_iter().filter_map(|(n, t)| Some((n.to_owned(), t?.as_secs().into()))).collect();
    let refused: Map<String, Value> = s.refused.iter().map(|(n, why)| ((*n).to_owned(), json!(why))).collect();
    let mut out = block(&s.block);
    let more = json!({
        "name": s.name,
        "doc": s.doc,
        "refused": refused,
        "timeouts": timeouts,
        "identity": identity(&s.identity),
        "rules": s.rules.iter().map(rule).collect::<Vec<_>>(),
    });
    if let (Value::Object(out), Value::Object(more)) = (&mut out, more) {
        out.extend(more);
    }
    out
}

fn block(b: &Block) -> Value {
    let attributes: Vec<Value> = b.attrs.iter().map(|(n, a)| attribute(n, a)).collect();
    let blocks: Vec<Value> = b.blocks.iter().filter(|(n, _)| **n != "timeouts").map(|(n, b)| nested(n, b)).collect();
    json!({ "attributes": attributes, "blocks": blocks })
}

fn attribute(name: &str, a: &Attr) -> Value {
    json!({
        "name": name,
        "type": a.ty.to_string(),
        "presence": match a.presence {
            Presence::Required => "required",
            Presence::Optional => "optional",
            Presence::OptComputed => "optional+computed",
            Presence::Computed => "computed",
        },
        "force_new": match a.force_new {
            ForceNew::No => "no",
            ForceNew::Yes => "yes",
            ForceNew::Conditional => "sometimes",
        },
        "default": a.default.as_ref().map(stackctl_core::Known::to_json),
        "doc": a.doc,
        "sensitive": a.sensitive,
        "write_only": a.write_only,
        "deprecated": a.deprecated,
        "generated": a.generated,
        "prefix_of": a.prefix_of,
        "checks": a.checks.iter().map(check).collect::<Vec<_>>(),
        "block": a.element.as_ref().filter(|_| a.as_block).map(|e| block(e)),
    })
}

fn nested(name: &str, b: &BlockType) -> Value {
    let mut out = block(&b.block);
    let more = json!({
        "name": name,
        "nesting": match b.nesting {
            Nesting::Single => "single",
            Nesting::List => "list",
            Nesting::Set => "set",
        },
        "min": b.min,
        "max": b.max,
        "force_new": if b.force_new { "yes" } else { "no" },
        "doc": b.doc,
        "deprecated": b.deprecated,
    });
    if let (Value::Object(out), Value::Object(more)) = (&mut out, more) {
        out.extend(more);
    }
    out
}

fn check(c: &Check) -> String {
    let list = |v: &[&str]| v.iter().map(|s| format!("`{s}`")).collect::<Vec<_>>().join(", ");
    match c {
        Check::OneOf(v) => format!("one of {}", list(v)),
        Check::OneOfIgnoreCase(v) => format!("one of {} (any case)", list(v)),
        Check::Range(a, b) => format!("{a} to {b}"),
        Check::RangeOr(a, b, others) => {
            let others: Vec<String> = others.iter().map(i64::to_string).collect();
            format!("{a} to {b}, or {}", others.join(", "))
        }
        Check::Integer => "a whole number".to_owned(),
        Check::MultipleOf(n) => format!("a multiple of {n}"),
        Check::Length(a, b) => format!("{a} to {b} characters"),
        Check::Pattern(_, words) => (*words).to_owned(),
        Check::Cidr4(a, b) => format!("an IPv4 network, /{a} to /{b}"),
        Check::Cidr6(a, b) => format!("an IPv6 network, /{a} to /{b}"),
        Check::Cidr => "a network in CIDR notation".to_owned(),
        Check::Ip => "an IP address".to_owned(),
        Check::Arn => "an ARN".to_owned(),
        Check::Json => "a JSON document".to_owned(),
        Check::Items(a, b) if *b == usize::MAX => format!("at least {a} elements"),
        Check::Items(a, b) => format!("{a} to {b} elements"),
        Check::Each(c) => format!("each element {}", check(c)),
    }
}

fn rule(r: &Rule) -> String {
    let list = |v: &[&str]| v.iter().map(|s| format!("`{s}`")).collect::<Vec<_>>().join(", ");
    match r {
        Rule::ExactlyOneOf(v) => format!("Exactly one of {} is set.", list(v)),
        Rule::AtLeastOneOf(v) => format!("At least one of {} is set.", list(v)),
        Rule::Conflicts(a, v) => format!("`{a}` excludes {}.", list(v)),
        Rule::RequiredWith(a, v) => format!("`{a}` needs {}.", list(v)),
    }
}

/// How an object is found again after a crash, in words.
fn identity(i: &Identity) -> Option<String> {
    match i {
        Identity::Token => Some("its client token".to_owned()),
        Identity::Tag => Some("the tag `stackctl:id`, which it carries until its id is recorded".to_owned()),
        Identity::Name { attr, within, tagged, .. } => {
            let scope = if within.is_empty() { String::new() } else { format!(" within {}", within.join(", ")) };
            let tag =
                if *tagged { ", and the tag `stackctl:id`, which it carries until its id is recorded" } else { "" };
            Some(format!("its `{attr}`, which is unique{scope}{tag}"))
        }
        Identity::Key(of) => {
            Some(format!("the relation itself: {}", of.iter().map(|s| format!("`{s}`")).collect::<Vec<_>>().join(", ")))
        }
        Identity::None => None,
    }
}
