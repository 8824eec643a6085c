//! `tls_cert_request`: a request for a certificate.

use std::collections::BTreeMap;

use stackctl_core::{Attr, Block, Known, Path, Schema, Ty};

use super::key::Key;
use super::{issue, name, pem, x509};
use crate::checksums::sha1_hex;
use crate::table::Type;

/// The type.
pub(crate) fn resource() -> Type {
    let made = |doc| Attr { not_null: true, ..Attr::computed(Ty::String) }.doc(doc);
    let attrs = BTreeMap::from([
        ("cert_request_pem", made("The request in PEM.")),
        ("dns_names", names("Domain names that the certificate shall be for.")),
        ("id", Attr::id()),
        ("ip_addresses", names("IP addresses that the certificate shall be for.")),
        ("key_algorithm", made("Kind of the private key.")),
        ("private_key_pem", issue::secret_key("Private key of the certificate, in PEM.")),
        ("uris", names("URIs that the certificate shall be for.")),
    ]);
    let schema = Schema {
        doc: "A request for a certificate, to be signed by a CA.",
        ..Schema::new("tls_cert_request", Block { attrs, blocks: [("subject", name::block())].into() })
    };
    Type {
        plan: |draft| {
            name::keep_empty(draft);
            let pem = draft.prior("private_key_pem").as_str().is_some_and(|t| t.contains("-----BEGIN"));
            if !draft.is_create() && draft.changes("private_key_pem") && pem {
                draft.replace("private_key_pem");
            }
        },
        ..Type::new(schema, |new, host| {
            Box::pin(async move {
                let mut v = new.clone();
                let key = private_key(&v, "private_key_pem")?;
                let alt_names = x509::alternative_names(&v)?;
                let bytes = x509::request(&name::encode(v.get("subject")), alt_names.as_deref(), &key, host)?;
                let text = pem::write("CERTIFICATE REQUEST", &bytes);
                v.set("id", sha1_hex(text.trim().as_bytes()).into());
                v.set("cert_request_pem", text.into());
                v.set("key_algorithm", key.algorithm().into());
                Ok(v)
            })
        })
    }
}

/// A list of alternative names.
pub(super) fn names(doc: &'static str) -> Attr {
    Attr::optional(Ty::list(Ty::String)).force_new().doc(doc)
}

/// The private key that an argument holds.
pub(super) fn private_key(v: &Known, attr: &str) -> stackctl_core::Result<Key> {
    let key = Key::read(v.get(attr).as_str().unwrap_or_default());
    key.map_err(|e| stackctl_core::Error { path: Some(Path::attr(attr)), ..e })
}
