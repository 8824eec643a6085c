//! `override.tf` and `*_override.tf`: their blocks change blocks of the other files, argument by argument.

use stackctl_hcl::Item;
use stackctl_hcl::ast::Block;

use super::fields::{Cx, literal_text};
use crate::diag::Problem;

/// Merges the overrides into the blocks, in their order.
pub(super) fn merge(mut blocks: Vec<Block>, overrides: Vec<Block>, cx: &mut Cx) -> Vec<Block> {
    for o in overrides {
        match o.kind.as_str() {
            "locals" => merge_locals(&mut blocks, o, cx),
            "terraform" => merge_terraform(&mut blocks, o),
            "moved" | "import" | "removed" | "check" => {
                let kind = o.kind.as_str();
                cx.report(
                    Problem::error(
                        format!("Cannot override '{kind}' blocks"),
                        format!("A {kind} block may not stand in an override file."),
                    )
                    .at(o.header_span),
                );
            }
            _ => {
                let found = blocks.iter_mut().find(|b| same(b, &o));
                match found {
                    Some(base) => merge_block(base, o),
                    None => cx.report(
                        Problem::error(
                            format!("Missing {} to override", o.kind.as_str()),
                            format!(
                                "No {} \"{}\" is declared in the other files: an override file can only change what \
                                 they declare.",
                                o.kind.as_str(),
                                o.labels.iter().map(|l| &*l.value).collect::<Vec<_>>().join("\" \"")
                            ),
                        )
                        .at(o.header_span),
                    ),
                }
            }
        }
    }
    blocks
}

/// True if the two blocks are of the same object. Providers have their alias, too.
fn same(a: &Block, b: &Block) -> bool {
    let alias = |b: &Block| b.body.attribute("alias").and_then(|a| literal_text(&a.expr));
    a.kind.as_str() == b.kind.as_str()
        && a.labels.iter().map(|l| &l.value).eq(b.labels.iter().map(|l| &l.value))
        && (a.kind.as_str() != "provider" || alias(a) == alias(b))
}

/// Replaces arguments, and all nested blocks of a kind that the override has; `lifecycle` argument by argument.
fn merge_block(base: &mut Block, over: Block) {
    let made_by = |b: &Block| match b.kind.as_str() {
        "dynamic" => b.label(0).unwrap_or_default().to_owned(),
        kind => kind.to_owned(),
    };
    let repeats = |b: &Block| b.body.attribute("count").is_some() && b.body.attribute("for_each").is_some();
    let own = repeats(base) || repeats(&over);
    let over_kinds: Vec<String> = over.body.blocks().map(made_by).collect();
    base.body.items.retain(|i| match i {
        Item::Block(b) => b.kind.as_str() == "lifecycle" || !over_kinds.contains(&made_by(b)),
        Item::Attribute(_) => true,
    });
    for item in over.body.items {
        match item {
            Item::Attribute(a) => set(&mut base.body.items, a),
            Item::Block(b) if b.kind.as_str() == "lifecycle" => merge_lifecycle(base, b),
            Item::Block(b) => base.body.items.push(Item::Block(b)),
        }
    }
    // Where one has the count and the other for_each, the count holds.
    if !own && repeats(base) {
        base.body.items.retain(|i| !matches!(i, Item::Attribute(a) if a.name.as_str() == "for_each"));
    }
}

fn merge_lifecycle(base: &mut Block, over: Block) {
    let found = base.body.items.iter_mut().find_map(|i| match i {
        Item::Block(b) if b.kind.as_str() == "lifecycle" => Some(b),
        _ => None,
    });
    match found {
        Some(b) => merge_block(b, over),
        None => base.body.items.push(Item::Block(over)),
    }
}

fn set(items: &mut Vec<Item>, a: stackctl_hcl::Attribute) {
    let old = items.iter().position(|i| matches!(i, Item::Attribute(o) if o.name.as_str() == a.name.as_str()));
    match old {
        Some(i) => items[i] = Item::Attribute(a),
        None => items.push(Item::Attribute(a)),
    }
}

fn merge_locals(blocks: &mut Vec<Block>, over: Block, cx: &mut Cx) {
    let mut left = Vec::new();
    for item in over.body.items {
        let Item::Attribute(a) = item else {
            left.push(item);
            continue;
        };
        let home = blocks.iter_mut().filter(|b| b.kind.as_str() == "locals").find_map(|b| {
            b.body.items.iter_mut().find(|i| matches!(i, Item::Attribute(o) if o.name.as_str() == a.name.as_str()))
        });
        match home {
            Some(slot) => *slot = Item::Attribute(a),
            None => {
                let name = a.name.as_str();
                let detail = format!(
                    "No local value \"{name}\" is declared in the other files: an override file can only change what they \
                     declare."
                );
                cx.report(Problem::error("Missing local value to override", detail).at(a.name.span));
                // Declared all the same, so that what refers to it is not reported, too.
                left.push(Item::Attribute(a));
            }
        }
    }
    if !left.is_empty() {
        blocks.push(Block { body: stackctl_hcl::Body { items: left, ..over.body }, ..over });
    }
}

/// `required_version` and `backend` replace, required providers are merged one by one.
fn merge_terraform(blocks: &mut Vec<Block>, over: Block) {
    let left = over.body.items;
    for item in &left {
        for b in blocks.iter_mut().filter(|b| b.kind.as_str() == "terraform") {
            match item {
                Item::Attribute(a) => {
                    b.body.items.retain(|i| !matches!(i, Item::Attribute(o) if o.name.as_str() == a.name.as_str()))
                }
                Item::Block(o) if matches!(o.kind.as_str(), "backend" | "cloud") => {
                    let settings =
                        |i: &Item| matches!(i, Item::Block(x) if matches!(x.kind.as_str(), "backend" | "cloud"));
                    b.body.items.retain(|i| !settings(i));
                }
                Item::Block(o) if o.kind.as_str() == "required_providers" => {
                    let names: Vec<_> = o.body.attributes().map(|a| a.name.as_str()).collect();
                    let named = |i: &Item| matches!(i, Item::Attribute(a) if names.contains(&a.name.as_str()));
                    for i in &mut b.body.items {
                        if let Item::Block(x) = i
                            && x.kind.as_str() == "required_providers"
                        {
                            x.body.items.retain(|i| !named(i));
                        }
                    }
                }
                Item::Block(_) => {}
            }
        }
    }
    if !left.is_empty() {
        blocks.push(Block { body: stackctl_hcl::Body { items: left, ..over.body }, ..over });
    }
}
