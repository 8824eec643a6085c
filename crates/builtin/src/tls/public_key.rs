//! `data.tls_public_key`: the public key of a private one.

use std::collections::BTreeMap;

use stackctl_core::{Attr, Block, Error, Path, Rule, Schema, Ty};

use super::key::Key;
use super::{public_attrs, set_public};
use crate::table::Source;

/// The data source.
pub(crate) fn source() -> Source {
    let secret = |doc| Attr { sensitive: true, ..Attr::optional(Ty::String) }.doc(doc);
    let mut attrs = public_attrs();
    attrs.extend(BTreeMap::from([
        ("algorithm", Attr::computed(Ty::String).doc("Kind of the key: RSA, ECDSA or ED25519.")),
        ("private_key_openssh", secret("The private key in OpenSSH's PEM.")),
        ("private_key_pem", secret("The private key in PEM.")),
    ]));
    let schema = Schema {
        doc: "The public key of a private key, in several spellings.",
        rules: vec![Rule::ExactlyOneOf(&["private_key_pem", "private_key_openssh"])],
        ..Schema::new("tls_public_key", Block { attrs, blocks: BTreeMap::new() })
    };
    Source::new(schema, |config, _| {
        Box::pin(async move {
            let attr = if config.get("private_key_pem").is_null() { "private_key_openssh" } else { "private_key_pem" };
            let key = Key::read(config.get(attr).as_str().unwrap_or_default());
            let key = key.map_err(|e| Error { path: Some(Path::attr(attr)), ..e })?;
            let mut v = config;
            v.set("algorithm", key.algorithm().into());
            set_public(&mut v, &key, "");
            Ok(v)
        })
    })
}

#[cfg(test)]
mod tests {
    use stackctl_core::Known;

    use super::*;
    use crate::testing::{run, setup};
    use crate::tls::openssh;

    #[test]
    fn both_spellings_give_the_same_key() {
        let (_dir, setup) = setup(Known::object());
        let key = Key::new_ec("P256", &setup.host).unwrap();
        let read = |attr: &str, text: String| run((source().read)(Known::from([(attr, text)]), &setup));
        let a = read("private_key_pem", key.pem()).unwrap();
        let b = read("private_key_openssh", openssh::write(&key, "", &setup.host).unwrap()).unwrap();
        for k in ["id", "algorithm", "public_key_pem", "public_key_openssh", "public_key_fingerprint_sha256"] {
            assert_eq!(a.get(k), b.get(k), "{k}");
        }
        assert_eq!(a.get("algorithm").as_str(), Some("ECDSA"));
        assert_eq!(read("private_key_pem", "x".into()).unwrap_err().path, Some(Path::attr("private_key_pem")));
    }
}
