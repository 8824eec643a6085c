//! What the properties of a `.tf.json` file are, as far as the language itself decides it.

use stackctl_hcl::json::{Field, Parent, StringMode};

use super::blocks::FILE;

/// What a property is, within the blocks around it.
pub(super) fn field(path: &[Parent<'_>], name: &str) -> Field {
    const TEMPLATE: Field = Field::Attribute(StringMode::Template);
    const LITERAL: Field = Field::Attribute(StringMode::Literal);
    const NATIVE: Field = Field::Attribute(StringMode::Native);
    let block = |labels| Field::Block { labels };
    let Some(parent) = path.last() else {
        let known = FILE.blocks.iter().find(|(kind, _)| *kind == name);
        return known.map_or(TEMPLATE, |(_, labels)| block(*labels));
    };
    match (parent.kind, name) {
        ("variable", "type") => NATIVE,
        ("variable", "validation") => block(0),
        ("variable", _) => LITERAL,
        ("output", "precondition") => block(0),
        ("check", "data") => block(2),
        ("check", "assert") => block(0),
        ("terraform", "required_providers" | "cloud") => block(0),
        ("terraform", "backend" | "provider_meta") => block(1),
        ("terraform" | "required_providers", _) => LITERAL,
        ("resource" | "data" | "ephemeral" | "removed", "lifecycle") => block(0),
        ("resource" | "removed", "provisioner") => block(1),
        ("resource" | "provisioner", "connection") => block(0),
        ("provisioner", "when" | "on_failure") => NATIVE,
        ("lifecycle", "precondition" | "postcondition") => block(0),
        ("lifecycle", "ignore_changes" | "replace_triggered_by") => NATIVE,
        ("resource" | "data" | "ephemeral" | "output" | "module", "depends_on") => NATIVE,
        ("resource" | "data" | "ephemeral" | "import", "provider") => NATIVE,
        ("module", "providers") => NATIVE,
        ("moved" | "removed", "from" | "to") | ("import", "to") => NATIVE,
        ("dynamic", "content") => block(0),
        ("dynamic", "iterator") => NATIVE,
        ("resource" | "data" | "ephemeral" | "provider" | "content", "dynamic") => block(1),
        _ => TEMPLATE,
    }
}
