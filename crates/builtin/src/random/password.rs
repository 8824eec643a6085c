//! `random_password`: a random secret.

use stackctl_core::{Attr, Error, Known, Result, Schema, Ty};

use super::chars;
use crate::table::Type;

/// The type.
pub(crate) fn resource() -> Type {
    let mut block = chars::block(true);
    let hash = Attr { sensitive: true, not_null: true, ..Attr::computed(Ty::String) };
    block.attrs.insert("bcrypt_hash", hash.doc("The bcrypt hash of the password."));
    let schema = Schema {
        version: 3,
        doc: "A random password, made once and kept in state as a sensitive value.",
        ..Schema::new("random_password", block)
    };
    Type {
        plan: chars::plan,
        import: |text| finish(chars::import(text), text),
        upgrade: |_, v| chars::upgrade(v),
        ..Type::new(schema, |new, host| {
            Box::pin(async move {
                let text = chars::generate(new, host)?;
                let mut v = new.clone();
                v.set("result", text.as_str().into());
                finish(v, &text)
            })
        })
    }
}

fn finish(mut v: Known, text: &str) -> Result<Known> {
    // bcrypt reads 72 bytes at most; a longer password is hashed by its first 72, as everywhere.
    let bytes = &text.as_bytes()[..text.len().min(72)];
    let hash = bcrypt::hash(bytes, 10).map_err(|e| Error::invalid(format!("The password cannot be hashed: {e}")))?;
    v.set("bcrypt_hash", hash.into());
    v.set("id", "none".into());
    Ok(v)
}
