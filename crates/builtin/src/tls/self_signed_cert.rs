//! `tls_self_signed_cert`: a certificate that nobody else vouches for.

use stackctl_core::{Attr, Block, Schema, Ty};

use super::cert_request::{names, private_key};
use super::issue::{Issuer, attrs, issue, plan, refresh, secret_key};
use super::{name, x509};
use crate::table::Type;

/// The type.
pub(crate) fn resource() -> Type {
    let mut attrs = attrs();
    attrs.extend([
        ("dns_names", names("Domain names that the certificate is for.")),
        ("ip_addresses", names("IP addresses that the certificate is for.")),
        ("key_algorithm", Attr { not_null: true, ..Attr::computed(Ty::String) }.doc("Kind of the private key.")),
        ("private_key_pem", secret_key("Private key of the certificate, in PEM.")),
        ("uris", names("URIs that the certificate is for.")),
    ]);
    let schema = Schema {
        doc: "A certificate signed by its own key. It is replaced when it ends, or earlier on request.",
        ..Schema::new("tls_self_signed_cert", Block { attrs, blocks: [("subject", name::block())].into() })
    };
    Type {
        plan: |draft| {
            name::keep_empty(draft);
            plan(draft, &["private_key_pem"]);
        },
        ..Type::new(schema, |new, host| {
            Box::pin(async move {
                let mut v = new.clone();
                let key = private_key(&v, "private_key_pem")?;
                let (subject, public) = (name::encode(v.get("subject")), key.public_der());
                let alt_names = x509::alternative_names(&v)?;
                let by = Issuer { name: &subject, key_id: None, key: &key };
                issue(&mut v, (&subject, &public, alt_names.as_deref()), &by, host)?;
                v.set("key_algorithm", key.algorithm().into());
                Ok(v)
            })
        })
    }
    .refreshed(refresh)
}
