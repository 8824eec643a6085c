//! Certificates and requests for them (RFC 5280, RFC 2986): written, signed and read.

use std::net::IpAddr;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sha1::{Digest, Sha1};
use stackctl_core::{Error, ErrorKind, Host, Known, Path, Result};

use super::der::{self, Der, Item};
use super::key::Key;

pub(super) const SUBJECT_KEY: &str = "2.5.29.14";
pub(super) const KEY_USAGE: &str = "2.5.29.15";
pub(super) const ALT_NAMES: &str = "2.5.29.17";
pub(super) const BASIC: &str = "2.5.29.19";
pub(super) const NAME_CONSTRAINTS: &str = "2.5.29.30";
pub(super) const AUTHORITY_KEY: &str = "2.5.29.35";
pub(super) const EXTENDED_USAGE: &str = "2.5.29.37";
const EXTENSION_REQUEST: &str = "1.2.840.113549.1.9.14";

/// An extension.
pub(super) fn extension(oid: &str, critical: bool, value: &[u8]) -> Vec<u8> {
    let mut parts = vec![der::oid(oid)];
    if critical {
        parts.push(der::element(der::BOOLEAN, &[0xff]));
    }
    parts.push(der::element(der::OCTETS, value));
    der::sequence(&parts)
}

/// The value of the extension with alternative names; `None` if there are none.
///
/// # Errors
/// If an address is none, or a name has characters that certificates cannot hold.
pub(super) fn alternative_names(v: &Known) -> Result<Option<Vec<u8>>> {
    let mut parts = Vec::new();
    for (attr, tag) in [("dns_names", 0x82), ("ip_addresses", 0x87), ("uris", 0x86)] {
        for (i, text) in v.get(attr).as_list().unwrap_or_default().iter().filter_map(Known::as_str).enumerate() {
            let wrong = |what| Error::at(Path::attr(attr).with_index(i), format!("{text:?} is {what}."));
            let bytes = match attr {
                "ip_addresses" => match text.parse().map_err(|_| wrong("no IP address"))? {
                    IpAddr::V4(a) => a.octets().to_vec(),
                    IpAddr::V6(a) => a.octets().to_vec(),
                },
                _ if text.is_ascii() => text.as_bytes().to_vec(),
                _ => {
                    let error = wrong("not ASCII, as names in certificates have to be");
                    return Err(error.hinted("Write international domain names in their ASCII form, xn--…"));
                }
            };
            parts.push(der::element(tag, &bytes));
        }
    }
    Ok((!parts.is_empty()).then(|| der::sequence(&parts)))
}

/// The SHA-1 sum that names a public key.
pub(super) fn key_id(public: &[u8]) -> Vec<u8> {
    Sha1::digest(Key::identifier(public).unwrap_or_default()).to_vec()
}

/// What a certificate says.
pub(super) struct Content<'a> {
    /// Serial number, big-endian.
    pub(super) serial: &'a [u8],
    /// Encoded names.
    pub(super) issuer: &'a [u8],
    pub(super) subject: &'a [u8],
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
    /// SubjectPublicKeyInfo.
    pub(super) public: &'a [u8],
    /// Encoded.
    pub(super) extensions: Vec<Vec<u8>>,
}

fn moment(t: Timestamp) -> Vec<u8> {
    let t = t.to_zoned(TimeZone::UTC);
    match t.year() {
        1950..2050 => der::element(der::UTC_TIME, t.strftime("%y%m%d%H%M%SZ").to_string().as_bytes()),
        _ => der::element(der::TIME, t.strftime("%Y%m%d%H%M%SZ").to_string().as_bytes()),
    }
}

/// A signed certificate.
///
/// # Errors
/// If the key cannot sign.
pub(super) fn certificate(c: &Content<'_>, key: &Key, host: &Host) -> Result<Vec<u8>> {
    // The algorithm stands in what is signed, too: ask for it with an empty message.
    let (algorithm, _) = key.sign(&[], host)?;
    let body = der::sequence(&[
        der::tagged(0, &der::uint(&[2])),
        der::uint(c.serial),
        algorithm.clone(),
        c.issuer.to_vec(),
        der::sequence(&[moment(c.not_before), moment(c.not_after)]),
        c.subject.to_vec(),
        c.public.to_vec(),
        der::tagged(3, &der::sequence(&c.extensions)),
    ]);
    let (_, signature) = key.sign(&body, host)?;
    Ok(der::sequence(&[body, algorithm, der::bits(&signature)]))
}

/// A signed request for a certificate.
///
/// # Errors
/// If the key cannot sign.
pub(super) fn request(subject: &[u8], alt_names: Option<&[u8]>, key: &Key, host: &Host) -> Result<Vec<u8>> {
    let critical = subject == der::sequence(&[]);
    let attributes = alt_names.map_or_else(Vec::new, |names| {
        let extensions = der::sequence(&[extension(ALT_NAMES, critical, names)]);
        der::sequence(&[der::oid(EXTENSION_REQUEST), der::set(vec![extensions])])
    });
    let body = der::sequence(&[der::uint(&[0]), subject.to_vec(), key.public_der(), der::tagged(0, &attributes)]);
    let (algorithm, signature) = key.sign(&body, host)?;
    Ok(der::sequence(&[body, algorithm, der::bits(&signature)]))
}

/// A certificate that was read.
pub(super) struct Certificate {
    pub(super) version: u8,
    /// Big-endian.
    pub(super) serial: Vec<u8>,
    /// Object identifiers.
    pub(super) signed_with: String,
    pub(super) key_kind: String,
    /// Encoded names.
    pub(super) issuer: Vec<u8>,
    pub(super) subject: Vec<u8>,
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
    /// SubjectPublicKeyInfo.
    pub(super) public: Vec<u8>,
    pub(super) is_ca: bool,
    /// −1 without a limit, 0 also without the extension.
    pub(super) max_path: i64,
    /// The key's identifier, if the certificate says it.
    pub(super) key_id: Option<Vec<u8>>,
}

/// A request that was read.
pub(super) struct Request {
    /// Encoded name.
    pub(super) subject: Vec<u8>,
    /// SubjectPublicKeyInfo.
    pub(super) public: Vec<u8>,
    /// Value of the extension with alternative names.
    pub(super) alt_names: Option<Vec<u8>>,
}

/// Extensions as (identifier, value).
fn extensions(list: Der<'_>) -> impl Iterator<Item = (String, &[u8])> {
    list.filter_map(|e| {
        let mut e = e.inside();
        let oid = e.oid()?;
        e.one(der::BOOLEAN);
        Some((oid, e.one(der::OCTETS)?.content))
    })
}

fn timestamp(item: Item<'_>) -> Option<Timestamp> {
    let text = std::str::from_utf8(item.content).ok()?.strip_suffix('Z')?;
    let full = match item.tag {
        der::UTC_TIME => {
            let year: u8 = text.get(..2)?.parse().ok()?;
            format!("{}{text}", if year < 50 { "20" } else { "19" })
        }
        der::TIME => text.to_owned(),
        _ => return None,
    };
    if full.len() != 14 || !full.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (d, t) = full.split_at(8);
    format!("{}-{}-{}T{}:{}:{}Z", &d[..4], &d[4..6], &d[6..], &t[..2], &t[2..4], &t[4..]).parse().ok()
}

/// Reads a certificate; `None` if the bytes are none.
pub(super) fn read(bytes: &[u8]) -> Option<Certificate> {
    let mut body = Der(bytes).sequence()?.sequence()?;
    let version = match body.one(0xa0) {
        Some(v) => v.inside().uint()?.last()? + 1,
        None => 1,
    };
    let serial = body.one(der::INTEGER)?.content.to_vec();
    let signed_with = body.sequence()?.oid()?;
    let issuer = body.one(der::SEQUENCE)?.whole.to_vec();
    let mut validity = body.sequence()?;
    let (not_before, not_after) = (timestamp(validity.next()?)?, timestamp(validity.next()?)?);
    let subject = body.one(der::SEQUENCE)?.whole.to_vec();
    let public = body.one(der::SEQUENCE)?;
    let key_kind = public.inside().sequence()?.oid()?;
    let mut c = Certificate {
        version,
        serial,
        signed_with,
        key_kind,
        issuer,
        subject,
        not_before,
        not_after,
        public: public.whole.to_vec(),
        is_ca: false,
        max_path: 0,
        key_id: None,
    };
    if let Some(list) = body.find(|i| i.tag == 0xa3) {
        for (oid, value) in extensions(list.inside().sequence()?) {
            match oid.as_str() {
                BASIC => {
                    let mut v = Der(value).sequence()?;
                    c.is_ca = v.one(der::BOOLEAN).is_some_and(|b| b.content != [0]);
                    c.max_path = v.uint().map_or(-1, |n| n.iter().fold(0, |n, b| n << 8 | i64::from(*b)));
                }
                SUBJECT_KEY => c.key_id = Some(Der(value).one(der::OCTETS)?.content.to_vec()),
                _ => {}
            }
        }
    }
    Some(c)
}

/// Reads a request; `None` if the bytes are none.
pub(super) fn read_request(bytes: &[u8]) -> Option<Request> {
    let mut body = Der(bytes).sequence()?.sequence()?;
    body.uint()?;
    let subject = body.one(der::SEQUENCE)?.whole.to_vec();
    let public = body.one(der::SEQUENCE)?.whole.to_vec();
    let mut alt_names = None;
    for attribute in body.one(0xa0).map(Item::inside).into_iter().flatten() {
        let mut a = attribute.inside();
        if a.oid()? == EXTENSION_REQUEST {
            let list = a.one(der::SET)?.inside().sequence()?;
            alt_names = extensions(list).find(|(oid, _)| oid == ALT_NAMES).map(|(_, v)| v.to_vec());
        }
    }
    Some(Request { subject, public, alt_names })
}

/// The first block of this label in an argument.
///
/// # Errors
/// If there is none.
pub(super) fn block(attr: &str, text: &str, label: &str) -> Result<Vec<u8>> {
    super::pem::read(text).into_iter().find(|b| b.label == label).map(|b| b.bytes).ok_or_else(|| {
        let error = Error::at(Path::attr(attr), format!("The text holds no {} in PEM.", label.to_lowercase()));
        error.hinted(format!("It has to have a line -----BEGIN {label}----- and the end to it."))
    })
}

/// An argument that is damaged.
pub(super) fn damaged(attr: &str, what: &str) -> Error {
    Error { kind: ErrorKind::Other, ..Error::at(Path::attr(attr), format!("The {what} is damaged.")) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::host;

    #[test]
    fn what_is_written_is_read() {
        let (_dir, host) = host();
        for key in super::super::key::tests::keys(&host) {
            let public = key.public_der();
            let subject = super::super::name::encode(&Known::List(vec![Known::from([("common_name", "x")])]));
            let (from, to) = ("2026-01-31T12:00:00Z".parse().unwrap(), "2050-01-01T00:00:00Z".parse().unwrap());
            let content = Content {
                serial: &[0x80, 1],
                issuer: &subject,
                subject: &subject,
                not_before: from,
                not_after: to,
                public: &public,
                extensions: vec![
                    extension(BASIC, true, &der::sequence(&[der::element(der::BOOLEAN, &[255]), der::uint(&[3])])),
                    extension(SUBJECT_KEY, false, &der::element(der::OCTETS, &key_id(&public))),
                ],
            };
            let c = read(&certificate(&content, &key, &host).unwrap()).unwrap();
            assert_eq!((c.version, c.is_ca, c.max_path, c.not_before, c.not_after), (3, true, 3, from, to));
            assert!(c.public == public && c.subject == subject && c.issuer == subject && c.serial == [0, 0x80, 1]);
            assert_eq!(c.key_id.unwrap(), key_id(&public));

            let mut names = Known::from([("dns_names", vec!["a.example", "b.example"])]);
            names.set("ip_addresses", vec!["127.0.0.1", "::1"].into());
            let names = alternative_names(&names).unwrap().unwrap();
            let r = read_request(&request(&subject, Some(&names), &key, &host).unwrap()).unwrap();
            assert!(r.subject == subject && r.public == public && r.alt_names == Some(names));
            assert!(read_request(&request(&subject, None, &key, &host).unwrap()).unwrap().alt_names.is_none());
        }
    }

    #[test]
    fn names_that_are_none() {
        for (attr, text) in [("ip_addresses", "1.2.3"), ("dns_names", "müller.example"), ("uris", "http://ä")] {
            let e = alternative_names(&Known::from([(attr, vec![text])])).unwrap_err();
            assert_eq!(e.path.unwrap().to_string(), format!("{attr}[0]"));
        }
        assert!(alternative_names(&Known::object()).unwrap().is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = (read(&bytes), read_request(&bytes), super::super::name::show(&bytes));
        }
    }
}
