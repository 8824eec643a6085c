//! `tls_locally_signed_cert`: a certificate signed by a CA whose key is at hand.

use stackctl_core::{Attr, Block, Error, Known, Path, Schema, Ty};

use super::cert_request::private_key;
use super::issue::{Issuer, attrs, issue, plan, refresh, secret_key};
use super::x509::{self, block, damaged};
use crate::table::Type;

/// The type.
pub(crate) fn resource() -> Type {
    let text = |doc| Attr::required(Ty::String).force_new().doc(doc);
    let mut attrs = attrs();
    attrs.extend([
        ("ca_cert_pem", text("Certificate of the CA in PEM.")),
        ("ca_key_algorithm", Attr { not_null: true, ..Attr::computed(Ty::String) }.doc("Kind of the CA's key.")),
        ("ca_private_key_pem", secret_key("Private key of the CA in PEM.")),
        ("cert_request_pem", text("The request for the certificate in PEM.")),
    ]);
    let schema = Schema {
        doc: "A certificate for a request, signed by a CA whose key is at hand. It is replaced when it ends, or earlier on \
              request.",
        ..Schema::new("tls_locally_signed_cert", Block { attrs, blocks: Default::default() })
    };
    Type {
        plan: |draft| plan(draft, &["ca_private_key_pem"]),
        ..Type::new(schema, |new, host| {
            Box::pin(async move {
                let mut v = new.clone();
                let bytes = |v: &Known, attr: &str, label| block(attr, v.get(attr).as_str().unwrap_or_default(), label);
                let request = x509::read_request(&bytes(&v, "cert_request_pem", "CERTIFICATE REQUEST")?)
                    .ok_or_else(|| damaged("cert_request_pem", "request"))?;
                let ca = x509::read(&bytes(&v, "ca_cert_pem", "CERTIFICATE")?)
                    .ok_or_else(|| damaged("ca_cert_pem", "certificate of the CA"))?;
                let key = private_key(&v, "ca_private_key_pem")?;
                if key.public_der() != ca.public {
                    let message = "The private key is not that of the CA's certificate.";
                    return Err(Error::at(Path::attr("ca_private_key_pem"), message));
                }
                let by = Issuer { name: &ca.subject, key_id: ca.key_id.as_deref(), key: &key };
                issue(&mut v, (&request.subject, &request.public, request.alt_names.as_deref()), &by, host)?;
                v.set("ca_key_algorithm", key.algorithm().into());
                Ok(v)
            })
        })
    }
    .refreshed(refresh)
}

#[cfg(test)]
mod tests {
    use stackctl_core::Host;

    use super::super::{cert_request, key::Key, self_signed_cert};
    use super::*;
    use crate::table::Type;
    use crate::testing::{host, run};

    fn make(ty: &Type, args: &[(&str, Known)], host: &Host) -> Result<Known, Error> {
        let mut v = Known::object();
        args.iter().for_each(|(k, a)| v.set(*k, a.clone()));
        run((ty.create)(&v, host))
    }

    #[test]
    fn a_chain_of_two() {
        let (_dir, host) = host();
        let (ca_key, key) = (Key::new_ec("P384", &host).unwrap(), Key::new_ed25519(&host).unwrap());
        let subject = |cn: &str| Known::List(vec![Known::from([("common_name", cn)])]);
        let ca = make(
            &self_signed_cert::resource(),
            &[
                ("private_key_pem", ca_key.pem().into()),
                ("subject", subject("ca")),
                ("is_ca_certificate", true.into()),
                ("set_authority_key_id", true.into()),
                ("max_path_length", 0i64.into()),
                ("validity_period_hours", 24i64.into()),
                ("allowed_uses", vec!["cert_signing"].into()),
                ("name_constraint_permitted_dns_names", vec![".example"].into()),
            ],
            &host,
        )
        .unwrap();
        assert_eq!(ca.get("validity_end_time").as_str(), Some("2026-02-01T12:00:00.5Z"));
        assert_eq!(ca.get("key_algorithm").as_str(), Some("ECDSA"));
        let request = make(
            &cert_request::resource(),
            &[
                ("private_key_pem", key.pem().into()),
                ("subject", subject("leaf")),
                ("dns_names", vec!["a.example"].into()),
            ],
            &host,
        )
        .unwrap();
        let sign = |ca_key: &Key| {
            make(
                &resource(),
                &[
                    ("cert_request_pem", request.get("cert_request_pem").clone()),
                    ("ca_cert_pem", ca.get("cert_pem").clone()),
                    ("ca_private_key_pem", ca_key.pem().into()),
                    ("validity_period_hours", 1i64.into()),
                    ("early_renewal_hours", 1i64.into()),
                    ("allowed_uses", vec!["server_auth"].into()),
                ],
                &host,
            )
        };
        let leaf = sign(&ca_key).unwrap();
        let read = |v: &Known| x509::read(&block("x", v.get("cert_pem").as_str().unwrap(), "CERTIFICATE").unwrap());
        let (ca_cert, leaf_cert) = (read(&ca).unwrap(), read(&leaf).unwrap());
        assert!(ca_cert.is_ca && ca_cert.max_path == 0 && !leaf_cert.is_ca);
        assert!(leaf_cert.issuer == ca_cert.subject && leaf_cert.public == key.public_der());

        let message = sign(&Key::new_ec("P384", &host).unwrap()).unwrap_err().message;
        assert!(message.contains("not that of the CA"), "{message}");
        // An hour before its end is now.
        assert_eq!(refresh(&leaf, &host).unwrap().unwrap().get("ready_for_renewal").as_bool(), Some(true));
        assert_eq!(refresh(&ca, &host).unwrap().unwrap().get("ready_for_renewal").as_bool(), Some(false));
    }
}
