//! The `tls` provider: private keys, requests for certificates, certificates, and what servers show.
//!
//! `key` and `x509` are the two sides of it; `der` and `pem` spell bytes, `curve` computes. The types stand in files of
//! their own names.

pub(crate) mod cert_request;
pub(crate) mod certificate;
mod curve;
mod der;
mod issue;
mod key;
pub(crate) mod locally_signed_cert;
mod name;
mod openssh;
pub(crate) mod pem;
pub(crate) mod private_key;
pub(crate) mod public_key;
pub(crate) mod self_signed_cert;
mod x509;

use std::collections::BTreeMap;

use stackctl_core::{Attr, Block, BlockType, Known, Nesting, Schema, Ty};

use crate::checksums::sha1_hex;
use key::Key;

/// The `provider "tls"` block.
pub(crate) fn config() -> Schema {
    let text = |doc| Attr::optional(Ty::String).doc(doc);
    let proxy = Block {
        attrs: BTreeMap::from([
            (
                "from_env",
                Attr::opt_computed(Ty::Bool)
                    .doc("Take the proxy of the variables HTTPS_PROXY and NO_PROXY; true where nothing is set."),
            ),
            ("password", text("Password for the proxy.").sensitive()),
            ("url", text("The proxy's URL.")),
            ("username", text("User name for the proxy.")),
        ]),
        blocks: BTreeMap::new(),
    };
    let proxy = BlockType {
        max: 1,
        doc: "Proxy through which `data.tls_certificate` reaches `https` URLs.",
        ..BlockType::new(Nesting::List, proxy)
    };
    Schema {
        zero_is_null: false,
        ..Schema::new("tls", Block { attrs: BTreeMap::new(), blocks: [("proxy", proxy)].into() })
    }
}

/// The attributes that describe the public key of a private one.
fn public_attrs() -> BTreeMap<&'static str, Attr> {
    let text = |doc| Attr { not_null: true, ..Attr::computed(Ty::String) }.doc(doc);
    BTreeMap::from([
        ("id", Attr::id()),
        ("public_key_fingerprint_md5", text("MD5 fingerprint as OpenSSH shows it; empty for the curve P224.")),
        ("public_key_fingerprint_sha256", text("SHA-256 fingerprint as OpenSSH shows it; empty for the curve P224.")),
        ("public_key_openssh", text("The public key as a line of `authorized_keys`; empty for the curve P224.")),
        ("public_key_pem", text("The public key in PEM.")),
    ])
}

/// Sets what [`public_attrs`] names.
fn set_public(v: &mut Known, key: &Key, comment: &str) {
    let der = key.public_der();
    let (line, md5, sha256) = openssh::public_line(key, comment).unwrap_or_default();
    v.set("id", sha1_hex(der.trim_ascii()).into());
    v.set("public_key_pem", pem::write("PUBLIC KEY", &der).into());
    v.set("public_key_openssh", line.into());
    v.set("public_key_fingerprint_md5", md5.into());
    v.set("public_key_fingerprint_sha256", sha256.into());
}
