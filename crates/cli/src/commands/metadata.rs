//! `metadata functions`: the signatures of all functions, in Terraform's format, for editors.

use serde_json::{Map, Value as Json, json};
use stackctl_lang::functions::{Param, Signature, description, names, signature};

use super::Context;
use crate::cli::{MetadataCmd, MetadataSub};
use crate::{Exit, Outcome};

/// Carries out a subcommand.
pub(crate) fn run(cx: &Context, command: MetadataCmd) -> Outcome {
    match command.command {
        MetadataSub::Functions(_) => cx.term.line(&functions().to_string()),
    }
    Ok(Exit::Done)
}

/// All functions, under their own names and behind `core::`.
fn functions() -> Json {
    let all: Vec<Signature> = names().into_iter().filter_map(signature).collect();
    let mut signatures = Map::new();
    for prefix in ["", "core::"] {
        signatures.extend(all.iter().map(|s| (format!("{prefix}{}", s.name), json(s))));
    }
    json!({ "format_version": "1.0", "function_signatures": signatures })
}

/// One signature.
pub(super) fn json(s: &Signature) -> Json {
    let mut m = Map::new();
    if let Some(text) = description(s.name) {
        m.insert("description".to_owned(), text.into());
    }
    m.insert("return_type".to_owned(), s.returns.to_json());
    if !s.params.is_empty() {
        m.insert("parameters".to_owned(), s.params.iter().map(parameter).collect());
    }
    if let Some(p) = &s.variadic {
        m.insert("variadic_parameter".to_owned(), parameter(p));
    }
    Json::Object(m)
}

fn parameter(p: &Param) -> Json {
    let mut m = Map::new();
    m.insert("name".to_owned(), p.name.into());
    if p.null {
        m.insert("is_nullable".to_owned(), true.into());
    }
    m.insert("type".to_owned(), p.kind.ty().to_json());
    Json::Object(m)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_have_terraforms_form() {
        let all = functions();
        let of = |name: &str| all["function_signatures"][name].clone();
        let number = json!({ "name": "num", "type": "number" });
        let text = "`abs` takes the sign off a number.";
        assert_eq!(of("abs"), json!({ "description": text, "return_type": "number", "parameters": [number] }));
        assert_eq!(of("core::abs"), of("abs"));
        let maps = json!({ "name": "maps", "is_nullable": true, "type": "dynamic" });
        assert_eq!((&of("merge")["return_type"], &of("merge")["variadic_parameter"]), (&json!("dynamic"), &maps));
        let described = |s: &Json| s["description"].as_str().is_some_and(|d| !d.is_empty());
        assert!(all["function_signatures"].as_object().unwrap().values().all(described));
        assert_eq!(all["function_signatures"].as_object().unwrap().len(), 2 * 118);
    }
}
