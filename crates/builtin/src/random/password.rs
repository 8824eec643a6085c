//! `random_password`: a random secret.

use stackctl_core::{Attr, Error, ForceNew, Known, Result, Schema, Ty};

use super::chars;
use crate::table::{Ephemeral, Type};

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

/// The same without anything in state: another password each time.
pub(crate) fn ephemeral() -> Ephemeral {
    let mut block = chars::block(true);
    for name in ["id", "keepers", "number"] {
        block.attrs.remove(name);
    }
    block.attrs.values_mut().for_each(|a| a.force_new = ForceNew::No);
    if let Some(numeric) = block.attrs.get_mut("numeric") {
        numeric.default = Some(true.into());
    }
    let hash = Attr { sensitive: true, not_null: true, ..Attr::computed(Ty::String) };
    block.attrs.insert("bcrypt_hash", hash.doc("The bcrypt hash of the password."));
    let schema = Schema {
        doc: "A random password that is stored nowhere: another one in every run.",
        ..Schema::new("random_password", block)
    };
    Ephemeral {
        validate: chars::too_long,
        ..Ephemeral::new(schema, |config, host| {
            Box::pin(async move {
                let text = chars::generate(&config, host)?;
                let mut v = finish(config, &text)?;
                v.set("result", text.into());
                if let Some(m) = v.as_map_mut() {
                    m.remove("id");
                }
                Ok(v)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{host, run};

    #[test]
    fn an_ephemeral_password_is_another_one_each_time() {
        let (_dir, host) = host();
        let mut args = Known::from([("override_special", "!")]);
        for (k, n) in [("length", 20i64), ("min_special", 3)] {
            args.set(k, n.into());
        }
        args.set("upper", false.into());
        let made = || run((ephemeral().open)(args.clone(), &host)).unwrap();
        let (a, b) = (made(), made());
        let text = |v: &Known| v.get("result").as_str().unwrap().to_owned();
        assert_ne!(text(&a), text(&b));
        for v in [&a, &b] {
            let t = text(v);
            assert_eq!(t.len(), 20);
            assert!(t.matches('!').count() >= 3 && !t.contains(|c: char| c.is_ascii_uppercase()), "{t}");
            assert!(bcrypt::verify(t, v.get("bcrypt_hash").as_str().unwrap()).unwrap());
            let names: Vec<&str> = v.as_map().unwrap().keys().map(String::as_str).collect();
            assert!(names.iter().all(|n| ephemeral().schema.block.attrs.contains_key(n)), "{names:?}");
        }
        let short = stackctl_core::Partial::from(Known::from_json(&serde_json::json!({"length": 2, "min_lower": 3})));
        assert_eq!((ephemeral().validate)(&short).len(), 1);
    }
}
