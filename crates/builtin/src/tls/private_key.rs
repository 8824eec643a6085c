//! `tls_private_key`: a private key, made once and kept in state.

use std::collections::BTreeMap;

use stackctl_core::{Attr, Block, BoxFuture, Check, Error, ErrorKind, ForceNew, Host, Known, Result, Schema, Ty};

use super::key::Key;
use super::{openssh, public_attrs, set_public};
use crate::table::{Ephemeral, Type};

/// The type.
pub(crate) fn resource() -> Type {
    let secret = |doc| Attr { sensitive: true, not_null: true, ..Attr::computed(Ty::String) }.doc(doc);
    let mut attrs = public_attrs();
    attrs.extend(BTreeMap::from([
        (
            "algorithm",
            Attr::required(Ty::String)
                .force_new()
                .check(Check::OneOf(&["RSA", "ECDSA", "ED25519"]))
                .doc("Kind of the key."),
        ),
        (
            "ecdsa_curve",
            Attr::opt_computed(Ty::String)
                .default("P224")
                .force_new()
                .check(Check::OneOf(&["P224", "P256", "P384", "P521"]))
                .doc("Curve of an ECDSA key."),
        ),
        ("openssh_comment", Attr::optional(Ty::String).force_new().doc("Comment in the OpenSSH spellings.")),
        ("private_key_openssh", secret("The private key in OpenSSH's PEM; empty for the curve P224.")),
        ("private_key_pem", secret("The private key in PEM.")),
        ("private_key_pem_pkcs8", secret("The private key in PEM, PKCS #8.")),
        (
            "rsa_bits",
            Attr::opt_computed(Ty::Number)
                .default(2048i64)
                .force_new()
                .check(Check::Range(512, 16384))
                .doc("Size of an RSA key."),
        ),
    ]));
    let schema = Schema {
        version: 1,
        doc: "A private key. It is kept in state: better for tests than for production, unless the state is sealed.",
        ..Schema::new("tls_private_key", Block { attrs, blocks: BTreeMap::new() })
    };
    Type { upgrade, ..Type::new(schema, create) }
}

/// The same without anything in state: another key each time.
pub(crate) fn ephemeral() -> Ephemeral {
    let mut block = resource().schema.block;
    for name in ["id", "openssh_comment"] {
        block.attrs.remove(name);
    }
    block.attrs.values_mut().for_each(|a| a.force_new = ForceNew::No);
    let schema = Schema {
        doc: "A private key that is stored nowhere: another one in every run.",
        ..Schema::new("tls_private_key", block)
    };
    Ephemeral::new(schema, |config, host| {
        Box::pin(async move {
            let mut v = create(&config, host).await?;
            if let Some(m) = v.as_map_mut() {
                m.retain(|k, _| k != "id" && k != "openssh_comment");
            }
            Ok(v)
        })
    })
}

fn create<'a>(new: &'a Known, host: &'a Host) -> BoxFuture<'a, Result<Known>> {
    Box::pin(async move {
        let (args, host) = (new.clone(), host.clone());
        // RSA keys take seconds of computing.
        let made = tokio::task::spawn_blocking(move || make(&args, &host)).await;
        made.unwrap_or_else(|e| Err(Error::new(ErrorKind::Other, format!("The key could not be made: {e}."))))
    })
}

fn make(args: &Known, host: &Host) -> Result<Known> {
    let text = |k: &str| args.get(k).as_str().unwrap_or_default();
    let key = match text("algorithm") {
        "RSA" => Key::new_rsa(usize::try_from(args.get("rsa_bits").as_i64().unwrap_or(2048)).unwrap_or(2048), host)?,
        "ECDSA" => Key::new_ec(text("ecdsa_curve"), host)?,
        _ => Key::new_ed25519(host)?,
    };
    let comment = text("openssh_comment");
    let mut v = args.clone();
    v.set("private_key_pem", key.pem().into());
    v.set("private_key_pem_pkcs8", key.pkcs8_pem().into());
    v.set("private_key_openssh", openssh::write(&key, comment, host).unwrap_or_default().into());
    set_public(&mut v, &key, comment);
    Ok(v)
}

/// Version 0 lacked the PKCS #8 spelling and the SHA-256 fingerprint; OpenSSH's needs randomness, which nothing here has.
fn upgrade(version: u64, mut v: Known) -> Known {
    if version == 0
        && let Ok(key) = Key::read(v.get("private_key_pem").as_str().unwrap_or_default())
    {
        v.set("private_key_pem_pkcs8", key.pkcs8_pem().into());
        if v.get("private_key_openssh").is_null() {
            v.set("private_key_openssh", "".into());
        }
        set_public(&mut v, &key, "");
    }
    v
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{host, run};

    #[test]
    fn keys_of_every_kind() {
        let (_dir, host) = host();
        for (algorithm, curve, bits, begins) in [
            ("RSA", "P224", 1024i64, "-----BEGIN RSA PRIVATE KEY-----"),
            ("ECDSA", "P224", 2048, "-----BEGIN EC PRIVATE KEY-----"),
            ("ECDSA", "P521", 2048, "-----BEGIN EC PRIVATE KEY-----"),
            ("ED25519", "P224", 2048, "-----BEGIN PRIVATE KEY-----"),
        ] {
            let mut args = Known::from([("algorithm", algorithm), ("ecdsa_curve", curve), ("openssh_comment", "me")]);
            args.set("rsa_bits", bits.into());
            let v = run((resource().create)(&args, &host)).unwrap();
            let text = |k: &str| v.get(k).as_str().unwrap().to_owned();
            assert!(text("private_key_pem").starts_with(begins) && text("private_key_pem").ends_with("-----\n"));
            assert_eq!(text("public_key_openssh").ends_with(" me\n"), curve != "P224" || algorithm != "ECDSA");
            assert_eq!(text("id").len(), 40);

            args.as_map_mut().unwrap().remove("openssh_comment");
            let open = run((ephemeral().open)(args, &host)).unwrap();
            assert_ne!(open.get("private_key_pem"), v.get("private_key_pem"));
            assert!(open.as_map().unwrap().keys().all(|k| ephemeral().schema.block.attrs.contains_key(k.as_str())));

            let mut old = v.clone();
            old.set("private_key_pem_pkcs8", Known::Null);
            let new = (resource().upgrade)(0, old);
            assert_eq!(new.get("private_key_pem_pkcs8"), v.get("private_key_pem_pkcs8"));
        }
    }
}
