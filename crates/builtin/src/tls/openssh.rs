//! Keys as OpenSSH writes them: PROTOCOL.key, RFC 4253 and RFC 5656.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};
use rsa::traits::PublicKeyParts;
use rsa::{BigUint, RsaPrivateKey};
use sha2::{Digest, Sha256};
use stackctl_core::{Error, ErrorKind, Host, Result};

use super::curve::CURVES;
use super::key::Key;
use super::pem;
use crate::checksums::{hex, md5};

const MAGIC: &[u8] = b"openssh-key-v1\0";

fn string(bytes: &[u8]) -> Vec<u8> {
    // Keys are far below four gigabytes.
    [&(bytes.len() as u32).to_be_bytes()[..], bytes].concat()
}

fn number(n: &BigUint) -> Vec<u8> {
    let bytes = n.to_bytes_be();
    let bytes = if bytes == [0] { Vec::new() } else { bytes };
    match bytes.first() {
        Some(b) if *b >= 0x80 => string(&[&[0], &bytes[..]].concat()),
        _ => string(&bytes),
    }
}

/// Kind and bytes of the public key; `None` for a curve that OpenSSH does not know.
fn public(key: &Key) -> Option<(String, Vec<u8>)> {
    let (kind, parts) = match key {
        Key::Rsa(k) => ("ssh-rsa".to_owned(), [number(k.e()), number(k.n())].concat()),
        Key::Ec { curve, .. } if curve.ssh.is_empty() => return None,
        Key::Ec { curve, q, .. } => {
            let parts = [string(curve.ssh.as_bytes()), string(q)].concat();
            (format!("ecdsa-sha2-{}", curve.ssh), parts)
        }
        Key::Ed25519 { public, .. } => ("ssh-ed25519".to_owned(), string(public)),
    };
    let bytes = [string(kind.as_bytes()), parts].concat();
    Some((kind, bytes))
}

/// The line of `authorized_keys`, and the MD5 and SHA-256 fingerprints.
pub(super) fn public_line(key: &Key, comment: &str) -> Option<(String, String, String)> {
    let (kind, bytes) = public(key)?;
    let comment = if comment.is_empty() { String::new() } else { format!(" {comment}") };
    let line = format!("{kind} {}{comment}\n", BASE64_STANDARD.encode(&bytes));
    let md5 = md5(&bytes).chunks(1).map(hex).collect::<Vec<_>>().join(":");
    let sha256 = format!("SHA256:{}", BASE64_STANDARD_NO_PAD.encode(Sha256::digest(&bytes)));
    Some((line, md5, sha256))
}

/// The private key in OpenSSH's own PEM, without a passphrase.
pub(super) fn write(key: &Key, comment: &str, host: &Host) -> Option<String> {
    let (kind, public) = public(key)?;
    let fields = match key {
        Key::Rsa(k) => Key::rsa_numbers(k)?.iter().flat_map(number).collect(),
        Key::Ec { curve, d, q } => {
            [string(curve.ssh.as_bytes()), string(q), number(&BigUint::from_bytes_be(d))].concat()
        }
        Key::Ed25519 { seed, public } => [string(public), string(&[&seed[..], public].concat())].concat(),
    };
    let mut check = [0; 4];
    host.ids.fill(&mut check);
    let mut private = [&check[..], &check, &string(kind.as_bytes()), &fields, &string(comment.as_bytes())].concat();
    for n in 1.. {
        if private.len().is_multiple_of(8) {
            break;
        }
        private.push(n);
    }
    let none = string(b"none");
    let all = [MAGIC, &none, &none, &string(b""), &1u32.to_be_bytes(), &string(&public), &string(&private)].concat();
    Some(pem::write("OPENSSH PRIVATE KEY", &all))
}

/// Fields that follow each other.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn word(&mut self) -> Option<u32> {
        let (word, rest) = self.0.split_first_chunk::<4>()?;
        self.0 = rest;
        Some(u32::from_be_bytes(*word))
    }
    fn string(&mut self) -> Option<&'a [u8]> {
        let n = usize::try_from(self.word()?).ok()?;
        let (text, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(text)
    }
    fn number(&mut self) -> Option<BigUint> {
        self.string().map(BigUint::from_bytes_be)
    }
}

/// Reads what [`write`] writes.
///
/// # Errors
/// If it is none, or needs a passphrase.
pub(super) fn read(bytes: &[u8]) -> Result<Key> {
    let wrong = |m: &str| Error::new(ErrorKind::Other, m);
    let damaged = || wrong("The OpenSSH private key is damaged, or of a kind that is not supported.");
    let mut outer = Fields(bytes.strip_prefix(MAGIC).ok_or_else(damaged)?);
    if outer.string().ok_or_else(damaged)? != b"none" {
        return Err(wrong("The private key is encrypted with a passphrase.").hinted("Decrypt it first."));
    }
    fields(&mut outer).ok_or_else(damaged)
}

fn fields(outer: &mut Fields<'_>) -> Option<Key> {
    outer.string()?;
    outer.string()?;
    (outer.word()? == 1).then_some(())?;
    outer.string()?;
    let mut f = Fields(outer.string()?);
    (f.word()? == f.word()?).then_some(())?;
    match f.string()? {
        b"ssh-rsa" => {
            let (n, e, d) = (f.number()?, f.number()?, f.number()?);
            f.number()?;
            let primes = vec![f.number()?, f.number()?];
            RsaPrivateKey::from_components(n, e, d, primes).ok().map(|k| Key::Rsa(Box::new(k)))
        }
        b"ssh-ed25519" => {
            f.string()?;
            Key::ed25519(f.string()?.get(..32)?)
        }
        kind => {
            let name = kind.strip_prefix(b"ecdsa-sha2-")?;
            let curve = CURVES.iter().find(|c| !c.ssh.is_empty() && c.ssh.as_bytes() == name)?;
            f.string()?;
            f.string()?;
            Key::ec(curve, f.string()?)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_public_key_of_rfc_8032() {
        let seed: Vec<u8> = (0..32)
            .map(|i| {
                let text = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
                u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap()
            })
            .collect();
        let Some(Key::Ed25519 { public, .. }) = Key::ed25519(&seed) else { panic!("no key") };
        assert_eq!(hex(&public), "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
        let (line, md5, sha256) = public_line(&Key::ed25519(&seed).unwrap(), "c").unwrap();
        let want = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea c\n";
        assert_eq!(line, want);
        assert_eq!((md5.len(), sha256.len()), (47, 50));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes);
            let _ = read(&[MAGIC, &string(b"none"), &bytes[..]].concat());
        }
    }
}
