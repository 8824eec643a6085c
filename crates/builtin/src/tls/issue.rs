//! What `tls_self_signed_cert` and `tls_locally_signed_cert` share: arguments, extensions, renewal.

use std::collections::BTreeMap;

use jiff::{Span, Timestamp};
use rsa::BigUint;
use stackctl_core::{Attr, Check, Draft, Error, ForceNew, Host, Known, Partial, Path, Result, Ty};

use super::der;
use super::key::Key;
use super::pem;
use super::x509::{
    ALT_NAMES, AUTHORITY_KEY, BASIC, Content, EXTENDED_USAGE, KEY_USAGE, NAME_CONSTRAINTS, SUBJECT_KEY, certificate,
    extension, key_id,
};

/// Bits of the key usage extension, RFC 5280, section 4.2.1.3.
const USAGES: [&str; 9] = [
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "cert_signing",
    "crl_signing",
    "encipher_only",
    "decipher_only",
];

/// Purposes of the extended key usage extension.
const PURPOSES: [(&str, &str); 14] = [
    ("any_extended", "2.5.29.37.0"),
    ("client_auth", "1.3.6.1.5.5.7.3.2"),
    ("code_signing", "1.3.6.1.5.5.7.3.3"),
    ("email_protection", "1.3.6.1.5.5.7.3.4"),
    ("ipsec_end_system", "1.3.6.1.5.5.7.3.5"),
    ("ipsec_tunnel", "1.3.6.1.5.5.7.3.6"),
    ("ipsec_user", "1.3.6.1.5.5.7.3.7"),
    ("microsoft_commercial_code_signing", "1.3.6.1.4.1.311.2.1.22"),
    ("microsoft_kernel_code_signing", "1.3.6.1.4.1.311.61.1.1"),
    ("microsoft_server_gated_crypto", "1.3.6.1.4.1.311.10.3.3"),
    ("netscape_server_gated_crypto", "2.16.840.1.113730.4.1"),
    ("ocsp_signing", "1.3.6.1.5.5.7.3.9"),
    ("server_auth", "1.3.6.1.5.5.7.3.1"),
    ("timestamping", "1.3.6.1.5.5.7.3.8"),
];

const ALLOWED: &[&str] = &[
    "any_extended",
    "cert_signing",
    "client_auth",
    "code_signing",
    "content_commitment",
    "crl_signing",
    "data_encipherment",
    "decipher_only",
    "digital_signature",
    "email_protection",
    "encipher_only",
    "ipsec_end_system",
    "ipsec_tunnel",
    "ipsec_user",
    "key_agreement",
    "key_encipherment",
    "microsoft_commercial_code_signing",
    "microsoft_kernel_code_signing",
    "microsoft_server_gated_crypto",
    "netscape_server_gated_crypto",
    "ocsp_signing",
    "server_auth",
    "timestamping",
];

/// Arguments and attributes that both types have.
pub(super) fn attrs() -> BTreeMap<&'static str, Attr> {
    let made = |doc| Attr { not_null: true, ..Attr::computed(Ty::String) }.doc(doc);
    let flag = |doc| Attr::opt_computed(Ty::Bool).default(false).force_new().doc(doc);
    let names = |doc| Attr::optional(Ty::list(Ty::String)).force_new().doc(doc);
    let hours = Check::Range(0, 876_000);
    BTreeMap::from([
        (
            "allowed_uses",
            Attr::required(Ty::list(Ty::String))
                .force_new()
                .check(Check::Each(Box::new(Check::OneOf(ALLOWED))))
                .doc("What the key may be used for."),
        ),
        ("cert_pem", made("The certificate in PEM.")),
        (
            "early_renewal_hours",
            Attr::opt_computed(Ty::Number)
                .default(0i64)
                .check(hours.clone())
                .doc("How long before its end the certificate is replaced by the next apply."),
        ),
        ("id", Attr::id()),
        ("is_ca_certificate", flag("The certificate may sign others.")),
        (
            "max_path_length",
            Attr::opt_computed(Ty::Number)
                .default(-1i64)
                .force_new()
                .check(Check::Range(-1, 255))
                .doc("How many certificates may stand between this one, of a CA, and the last; −1 for no limit."),
        ),
        ("name_constraint_excluded_dns_names", names("Domains that certificates below this one must not be for.")),
        ("name_constraint_permitted_dns_names", names("Domains that certificates below this one may be for.")),
        ("name_constraint_permitted_dns_names_critical", flag("Who does not understand the constraints must refuse.")),
        ("ready_for_renewal", Attr::computed(Ty::Bool).doc("The certificate has ended, or its early renewal is due.")),
        ("set_authority_key_id", flag("Name the key that signed.")),
        ("set_subject_key_id", flag("Name the key of the certificate; certificates of a CA always do.")),
        ("validity_end_time", made("When the certificate ends.")),
        (
            "validity_period_hours",
            Attr::required(Ty::Number).force_new().check(hours).doc("How long the certificate is good."),
        ),
        ("validity_start_time", made("When the certificate begins.")),
    ])
}

/// A private key in a state of old may be its hash: only a key that is known to differ replaces.
pub(super) fn secret_key(doc: &'static str) -> Attr {
    Attr { sensitive: true, force_new: ForceNew::Conditional, ..Attr::required(Ty::String) }.doc(doc)
}

/// Plans `ready_for_renewal`, and the replacement where it is due.
pub(super) fn plan(draft: &mut Draft<'_>, keys: &[&str]) {
    draft.set("ready_for_renewal", Partial::Bool(false));
    if draft.is_create() {
        return;
    }
    for key in keys {
        let pem = draft.prior(key).as_str().is_some_and(|t| t.contains("-----BEGIN"));
        if draft.changes(key) && pem {
            draft.replace(key);
        }
    }
    if draft.prior("ready_for_renewal").as_bool() == Some(true) {
        draft.unknown("ready_for_renewal");
        draft.replace("ready_for_renewal");
    }
}

/// What a refresh finds: whether it is time for another one.
pub(super) fn refresh(v: &Known, host: &Host) -> Result<Option<Known>> {
    let mut v = v.clone();
    let Some(end) = v.get("validity_end_time").as_str().and_then(|t| t.parse::<Timestamp>().ok()) else {
        return Ok(Some(v));
    };
    let early = v.get("early_renewal_hours").as_i64().unwrap_or(0);
    if end.as_second().saturating_sub(early.saturating_mul(3600)) <= host.clock.now().as_second() {
        v.set("ready_for_renewal", true.into());
    }
    Ok(Some(v))
}

/// Who signs.
pub(super) struct Issuer<'a> {
    /// Its encoded name.
    pub(super) name: &'a [u8],
    /// The identifier of its key; `None` for a self-signed certificate, or if its certificate says none.
    pub(super) key_id: Option<&'a [u8]>,
    pub(super) key: &'a Key,
}

/// Signs a certificate for a public key and sets the attributes that say so.
pub(super) fn issue(
    v: &mut Known,
    (subject, public, alt_names): (&[u8], &[u8], Option<&[u8]>),
    by: &Issuer<'_>,
    host: &Host,
) -> Result<()> {
    let flag = |k: &str| v.get(k).as_bool() == Some(true);
    let empty = subject == der::sequence(&[]);
    let ca = flag("is_ca_certificate");
    if ca && empty {
        return Err(Error::at(Path::attr("is_ca_certificate"), "The certificate of a CA needs a subject.")
            .hinted("Add a `subject` block with a `common_name`."));
    }
    let mut extensions = usages(v.get("allowed_uses"));
    extensions.push(extension(BASIC, true, &basic(ca, v.get("max_path_length").as_i64().unwrap_or(-1))));
    let own = (ca || flag("set_subject_key_id")).then(|| key_id(public));
    if let Some(id) = &own {
        extensions.push(extension(SUBJECT_KEY, false, &der::element(der::OCTETS, id)));
    }
    let authority = match by.key_id {
        Some(id) => Some(id.to_vec()),
        None if flag("set_authority_key_id") => {
            let error = Error::at(Path::attr("set_authority_key_id"), "The key that signs has no identifier.");
            Some(own.ok_or_else(|| error.hinted("Set `set_subject_key_id` on the certificate that signs, too."))?)
        }
        None => None,
    };
    if let Some(id) = authority {
        extensions.push(extension(AUTHORITY_KEY, false, &der::sequence(&[der::element(0x80, &id)])));
    }
    if let Some(names) = alt_names {
        extensions.push(extension(ALT_NAMES, empty, names));
    }
    if let Some(value) = constraints(v)? {
        let critical = flag("name_constraint_permitted_dns_names_critical");
        extensions.push(extension(NAME_CONSTRAINTS, critical, &value));
    }
    let mut serial = [0; 16];
    host.ids.fill(&mut serial);
    // A serial number has at most 20 bytes and is positive.
    serial[0] = (serial[0] & 0x7f) | 0x01;
    let from = host.clock.now();
    let hours = v.get("validity_period_hours").as_i64().unwrap_or(0);
    let to = Span::new().try_hours(hours).and_then(|s| from.checked_add(s)).map_err(|_| {
        Error::at(Path::attr("validity_period_hours"), "The certificate would be good beyond the year 9999.")
    })?;
    let content =
        Content { serial: &serial, issuer: by.name, subject, not_before: from, not_after: to, public, extensions };
    let bytes = certificate(&content, by.key, host)?;
    v.set("cert_pem", pem::write("CERTIFICATE", &bytes).into());
    v.set("id", BigUint::from_bytes_be(&serial).to_string().into());
    v.set("ready_for_renewal", false.into());
    v.set("validity_start_time", from.to_string().into());
    v.set("validity_end_time", to.to_string().into());
    Ok(())
}

fn usages(allowed: &Known) -> Vec<Vec<u8>> {
    let allowed: Vec<&str> = allowed.as_list().unwrap_or_default().iter().filter_map(Known::as_str).collect();
    let mut out = Vec::new();
    let bits = USAGES.iter().enumerate().filter(|(_, u)| allowed.contains(u)).fold(0u16, |b, (i, _)| b | 0x8000 >> i);
    if bits != 0 {
        // A bit string without the zeros at its end, behind their number in the last byte.
        let bytes = bits.to_be_bytes();
        let used = if bytes[1] == 0 { 1 } else { 2 };
        let spare = bytes[used - 1].trailing_zeros() as u8;
        let value = [&[spare], &bytes[..used]].concat();
        out.push(extension(KEY_USAGE, true, &der::element(der::BITS, &value)));
    }
    let purposes: Vec<_> = allowed
        .iter()
        .filter_map(|a| PURPOSES.iter().find(|(name, _)| name == a))
        .map(|(_, oid)| der::oid(oid))
        .collect();
    if !purposes.is_empty() {
        out.push(extension(EXTENDED_USAGE, false, &der::sequence(&purposes)));
    }
    out
}

fn basic(ca: bool, max_path: i64) -> Vec<u8> {
    let mut parts = Vec::new();
    if ca {
        parts.push(der::element(der::BOOLEAN, &[0xff]));
        if let Ok(n) = u8::try_from(max_path) {
            parts.push(der::uint(&[n]));
        }
    }
    der::sequence(&parts)
}

fn constraints(v: &Known) -> Result<Option<Vec<u8>>> {
    let mut parts = Vec::new();
    for (attr, tag) in [("name_constraint_permitted_dns_names", 0xa0), ("name_constraint_excluded_dns_names", 0xa1)] {
        let mut trees = Vec::new();
        for (i, name) in v.get(attr).as_list().unwrap_or_default().iter().filter_map(Known::as_str).enumerate() {
            if !name.is_ascii() {
                let error = Error::at(Path::attr(attr).with_index(i), format!("{name:?} is not ASCII."));
                return Err(error.hinted("Write international domain names in their ASCII form, xn--…"));
            }
            trees.push(der::sequence(&[der::element(0x82, name.as_bytes())]));
        }
        if !trees.is_empty() {
            parts.push(der::element(tag, &trees.concat()));
        }
    }
    Ok((!parts.is_empty()).then(|| der::sequence(&parts)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usages_are_bits_and_purposes() {
        let of = |list: &[&str]| usages(&list.to_vec().into());
        assert!(of(&[]).is_empty());
        // digital_signature and key_encipherment: 101, five bits to spare.
        let both = of(&["key_encipherment", "digital_signature", "server_auth"]);
        assert_eq!(both.len(), 2);
        assert!(both[0].ends_with(&[3, 2, 5, 0xa0]), "{:x?}", both[0]);
        assert!(of(&["decipher_only"])[0].ends_with(&[3, 3, 7, 0, 0x80]));
        assert!(ALLOWED.iter().all(|a| of(&[a]).len() == 1));
        assert_eq!(ALLOWED.len(), USAGES.len() + PURPOSES.len());
    }

    #[test]
    fn basic_constraints() {
        for (ca, path, want) in
            [(false, 3, &[0x30, 0][..]), (true, -1, &[0x30, 3, 1, 1, 255]), (true, 0, &[0x30, 6, 1, 1, 255, 2, 1, 0])]
        {
            assert_eq!(basic(ca, path), want);
        }
    }
}
