//! `terraform_data`: keeps a value, and replaces itself and others when another value changes.

use std::collections::BTreeMap;

use stackctl_core::{Attr, Block, Draft, Known, Partial, Schema, Ty};

use crate::generate::uuid;
use crate::table::Type;

/// The type.
pub(crate) fn data() -> Type {
    let attrs = BTreeMap::from([
        ("id", Attr::id()),
        ("input", Attr::optional(Ty::Dynamic).doc("Value to keep; `output` takes it over when it is applied.")),
        ("output", Attr { mirrors: Some("input"), ..Attr::computed(Ty::Dynamic) }.doc("The kept value.")),
        ("triggers_replace", Attr::optional(Ty::Dynamic).force_new().doc("Value whose change replaces the object.")),
    ]);
    let schema = Schema {
        doc: "Keeps a value in state and takes part in the life cycle of resources, without any object outside.",
        ..Schema::new("terraform_data", Block { attrs, blocks: BTreeMap::new() })
    };
    Type {
        plan,
        update: |_, new| Ok(with_output(new.clone())),
        import: |id| Ok(with_output(Known::from([("id", id)]))),
        ..Type::new(schema, |new, host| {
            Box::pin(async move {
                let mut v = new.clone();
                v.set("id", uuid(host).into());
                Ok(with_output(v))
            })
        })
    }
}

/// `output` is known only when it stays as it is.
fn plan(draft: &mut Draft<'_>) {
    if draft.changes("input") && !(draft.is_create() && draft.planned("input").is_null()) {
        // Of a value that is not known yet, its type is.
        let ty = draft.planned("input").get("type").clone();
        match ty {
            Partial::Null | Partial::Unknown => draft.unknown("output"),
            ty => draft
                .set("output", Partial::Map([("type".to_owned(), ty), ("value".to_owned(), Partial::Unknown)].into())),
        }
    } else {
        let output = if draft.is_create() { Partial::Null } else { draft.prior("output").clone().into() };
        draft.set("output", output);
    }
}

fn with_output(mut v: Known) -> Known {
    let input = v.get("input").clone();
    v.set("output", input);
    v
}
