//! `data.tls_certificate`: the certificates that a server shows, or that a text holds.

use std::collections::BTreeMap;

use http::Uri;
use jiff::Timestamp;
use rsa::BigUint;
use stackctl_core::{Attr, Block, Check, Error, Known, Path, Result, Rule, Schema, Ty};

use super::key::{EC, ED25519, RSA};
use super::x509::{self, damaged};
use super::{name, pem};
use crate::checksums::sha1_hex;
use crate::table::{Setup, Source};
use crate::web::connect::{Proxy, Target, Trust, Via, proxy_for, tls};

/// Names of signature algorithms by their identifiers.
const SIGNATURES: [(&str, &str); 13] = [
    ("1.2.840.113549.1.1.2", "MD2-RSA"),
    ("1.2.840.113549.1.1.4", "MD5-RSA"),
    ("1.2.840.113549.1.1.5", "SHA1-RSA"),
    ("1.2.840.113549.1.1.11", "SHA256-RSA"),
    ("1.2.840.113549.1.1.12", "SHA384-RSA"),
    ("1.2.840.113549.1.1.13", "SHA512-RSA"),
    ("1.2.840.10040.4.3", "DSA-SHA1"),
    ("2.16.840.1.101.3.4.3.2", "DSA-SHA256"),
    ("1.2.840.10045.4.1", "ECDSA-SHA1"),
    ("1.2.840.10045.4.3.2", "ECDSA-SHA256"),
    ("1.2.840.10045.4.3.3", "ECDSA-SHA384"),
    ("1.2.840.10045.4.3.4", "ECDSA-SHA512"),
    (ED25519, "Ed25519"),
];

/// The data source.
pub(crate) fn source() -> Source {
    let one = Ty::object([
        ("cert_pem", Ty::String),
        ("is_ca", Ty::Bool),
        ("issuer", Ty::String),
        ("max_path_length", Ty::Number),
        ("not_after", Ty::String),
        ("not_before", Ty::String),
        ("public_key_algorithm", Ty::String),
        ("serial_number", Ty::String),
        ("sha1_fingerprint", Ty::String),
        ("signature_algorithm", Ty::String),
        ("subject", Ty::String),
        ("version", Ty::Number),
    ]);
    let scheme = Check::Pattern("(https|tls)://.*", "a URL that begins with https:// or tls://");
    let attrs = BTreeMap::from([
        ("certificates", Attr::computed(Ty::list(one)).doc("The certificates of the server, that of the root first.")),
        ("content", Attr::optional(Ty::String).doc("Certificates in PEM, instead of a server's.")),
        ("id", Attr::id()),
        ("url", Attr::optional(Ty::String).check(scheme).doc("The server: https://HOST[:PORT] or tls://HOST:PORT.")),
        (
            "verify_chain",
            Attr::optional(Ty::Bool).doc("Fail if the certificates are not to be trusted; true where nothing is set."),
        ),
    ]);
    let schema = Schema {
        doc: "The certificates that a server shows, or that a text holds.",
        rules: vec![Rule::ExactlyOneOf(&["url", "content"]), Rule::Conflicts("content", &["verify_chain"])],
        ..Schema::new("tls_certificate", Block { attrs, blocks: BTreeMap::new() })
    };
    Source::new(schema, |config, setup| {
        Box::pin(async move {
            let certificates = match config.get("content").as_str() {
                Some(text) => of_text(text)?,
                None => of_server(&config, setup).await?,
            };
            let shown: Vec<Known> = certificates.iter().map(|c| show(c)).collect::<Result<_>>()?;
            let mut v = config;
            v.set("id", sha1_hex(&certificates.concat()).into());
            v.set("certificates", Known::List(shown));
            Ok(v)
        })
    })
}

fn of_text(text: &str) -> Result<Vec<Vec<u8>>> {
    let all = pem::read(text).into_iter().filter(|b| b.label == "CERTIFICATE").map(|b| b.bytes);
    let all: Vec<_> = all.collect();
    match all.is_empty() {
        true => Err(Error::at(Path::attr("content"), "The text holds no certificate in PEM.")),
        false => Ok(all),
    }
}

async fn of_server(config: &Known, setup: &Setup) -> Result<Vec<Vec<u8>>> {
    let at_url = |e: Error| Error { path: Some(Path::attr("url")), ..e };
    let text = config.get("url").as_str().unwrap_or_default();
    let url: Uri = text.parse().map_err(|_| at_url(Error::invalid(format!("{text:?} is not a URL."))))?;
    let target = Target::of(&url).map_err(at_url)?;
    let proxy = if url.scheme_str() == Some("https") { proxy(setup, &target)? } else { None };
    let verify = config.get("verify_chain").as_bool().unwrap_or(true);
    let via = Via::new(if verify { Trust::System } else { Trust::Anyone }, None)?;
    let stream = tls(&target, proxy.as_ref(), &via).await.map_err(|f| at_url(f.error))?;
    let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
    // Servers show their own certificate first; here the root comes first.
    Ok(shown.iter().rev().map(|c| c.as_ref().to_vec()).collect())
}

/// The proxy of the provider's configuration.
fn proxy(setup: &Setup, target: &Target) -> Result<Option<Proxy>> {
    let Some(block) = setup.config.get("proxy").as_list().and_then(|l| l.first()) else { return Ok(None) };
    let text = |k: &str| block.get(k).as_str().filter(|t| !t.is_empty());
    let proxy = match text("url") {
        Some(url) => Some(Proxy::parse(url)?),
        None if block.get("from_env").as_bool().unwrap_or(true) => proxy_for(target, &setup.host.env)?,
        None => None,
    };
    Ok(proxy.map(|p| match text("username") {
        Some(user) => p.with_login(user, text("password").unwrap_or_default()),
        None => p,
    }))
}

fn show(bytes: &[u8]) -> Result<Known> {
    let c = x509::read(bytes).ok_or_else(|| damaged("content", "certificate"))?;
    let names = |n: &[u8]| name::show(n).ok_or_else(|| damaged("content", "certificate"));
    let signature = SIGNATURES.iter().find(|(oid, _)| *oid == c.signed_with).map_or("0", |(_, name)| name);
    let kind = match c.key_kind.as_str() {
        RSA => "RSA",
        EC => "ECDSA",
        ED25519 => "Ed25519",
        "1.2.840.10040.4.1" => "DSA",
        _ => "0",
    };
    let moment = |t: Timestamp| t.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let mut v = Known::from([("signature_algorithm", signature), ("public_key_algorithm", kind)]);
    v.set("cert_pem", pem::write("CERTIFICATE", bytes).into());
    v.set("is_ca", c.is_ca.into());
    v.set("issuer", names(&c.issuer)?.into());
    v.set("subject", names(&c.subject)?.into());
    v.set("max_path_length", c.max_path.into());
    v.set("not_before", moment(c.not_before).into());
    v.set("not_after", moment(c.not_after).into());
    v.set("serial_number", BigUint::from_bytes_be(&c.serial).to_string().into());
    v.set("sha1_fingerprint", sha1_hex(bytes).into());
    v.set("version", i64::from(c.version).into());
    Ok(v)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use stackctl_core::Host;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::super::key::Key;
    use super::super::self_signed_cert;
    use super::*;
    use crate::testing::{run, setup};

    /// A self-signed certificate for this machine, good now, and its key.
    fn own(host: &Host, key: &Key) -> Known {
        let mut args = Known::from([("private_key_pem", key.pem())]);
        args.set("subject", Known::List(vec![Known::from([("common_name", "test"), ("country", "DE")])]));
        args.set("ip_addresses", vec!["127.0.0.1"].into());
        args.set("allowed_uses", vec!["server_auth", "digital_signature"].into());
        args.set("validity_period_hours", 200_000i64.into());
        run((self_signed_cert::resource().create)(&args, host)).unwrap()
    }

    #[test]
    fn certificates_of_a_text() {
        let (_dir, setup) = setup(Known::object());
        let own = own(&setup.host, &Key::new_ec("P256", &setup.host).unwrap());
        let read = |text: &str| run((source().read)(Known::from([("content", text)]), &setup));
        let pem = own.get("cert_pem").as_str().unwrap();
        let v = read(&format!("{pem}{pem}")).unwrap();
        let all = v.get("certificates").as_list().unwrap();
        assert_eq!(all.len(), 2);
        let c = &all[0];
        let text = |k: &str| c.get(k).as_str().unwrap_or_default();
        assert_eq!((text("subject"), text("issuer")), ("CN=test,C=DE", "CN=test,C=DE"));
        assert_eq!((text("signature_algorithm"), text("public_key_algorithm")), ("ECDSA-SHA256", "ECDSA"));
        assert_eq!(text("not_before"), "2026-01-31T12:00:00Z");
        assert_eq!(text("cert_pem"), pem);
        assert_eq!(text("serial_number"), own.get("id").as_str().unwrap());
        assert_eq!((c.get("version").as_i64(), c.get("is_ca").as_bool()), (Some(3), Some(false)));
        assert!(read("nothing").unwrap_err().message.contains("no certificate"));
    }

    /// Our certificates against another implementation: rustls serves with them, and its client checks them.
    #[test]
    fn certificates_of_a_server() {
        let (_dir, setup) = setup(Known::object());
        for key in [Key::new_ec("P256", &setup.host), Key::new_ec("P384", &setup.host), Key::new_ed25519(&setup.host)] {
            let key = key.unwrap();
            let pem_text = own(&setup.host, &key).get("cert_pem").as_str().unwrap().to_owned();
            let cert = CertificateDer::from(of_text(&pem_text).unwrap().remove(0));
            let secret = PrivateKeyDer::try_from(pem::read(&key.pkcs8_pem()).remove(0).bytes).unwrap();
            let server =
                rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                    .with_safe_default_protocol_versions()
                    .unwrap()
                    .with_no_client_auth()
                    .with_single_cert(vec![cert.clone()], secret)
                    .unwrap();
            run(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let url = format!("https://{}", listener.local_addr().unwrap());
                let acceptor = TlsAcceptor::from(Arc::new(server));
                tokio::spawn(async move {
                    while let Ok((tcp, _)) = listener.accept().await {
                        if let Ok(mut tls) = acceptor.accept(tcp).await {
                            let _ = tls.read(&mut [0; 1000]).await;
                            let _ = tls.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").await;
                        }
                    }
                });
                let mut config = Known::from([("url", url.as_str())]);
                let e = (source().read)(config.clone(), &setup).await.unwrap_err();
                assert!(e.message.contains("certificate"), "{}", e.message);
                config.set("verify_chain", false.into());
                let v = (source().read)(config, &setup).await.unwrap();
                assert_eq!(v.get("certificates").as_list().unwrap()[0].get("cert_pem").as_str(), Some(&*pem_text));

                let http = |args: &[(&str, Known)]| {
                    let mut config = Known::from([("url", url.as_str())]);
                    args.iter().for_each(|(k, v)| config.set(*k, v.clone()));
                    (crate::http_data::source().read)(config, &setup)
                };
                for args in [("insecure", Known::from(true)), ("ca_cert_pem", pem_text.as_str().into())] {
                    assert_eq!(http(&[args]).await.unwrap().get("response_body").as_str(), Some("hi"));
                }
                assert!(http(&[]).await.is_err());
            });
        }
    }
}
