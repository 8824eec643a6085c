//! `random_string`: a random text that is no secret.

use stackctl_core::Schema;

use super::chars;
use crate::table::Type;

/// The type.
pub(crate) fn resource() -> Type {
    let schema = Schema {
        version: 2,
        doc: "A random text, made once and kept in state. Use `random_password` for secrets.",
        ..Schema::new("random_string", chars::block(false))
    };
    Type {
        plan: chars::plan,
        import: |text| {
            let mut v = chars::import(text);
            v.set("id", text.into());
            Ok(v)
        },
        upgrade: |_, v| chars::upgrade(v),
        ..Type::new(schema, |new, host| {
            Box::pin(async move {
                let mut v = new.clone();
                let text = chars::generate(new, host)?;
                v.set("id", text.as_str().into());
                v.set("result", text.into());
                Ok(v)
            })
        })
    }
}
