//! Private keys: made, read from PEM, written in every spelling, and used to sign.
//!
//! A [`Key`] has no `Debug`: it never reaches logs.

use ring::signature::{Ed25519KeyPair, KeyPair};
use rsa::pkcs1::{DecodeRsaPrivateKey, EncodeRsaPrivateKey, EncodeRsaPublicKey};
use rsa::rand_core::{CryptoRng, RngCore};
use rsa::traits::{PrivateKeyParts, PublicKeyParts};
use rsa::{BigUint, Pkcs1v15Sign, RsaPrivateKey};
use sha2::{Digest, Sha256, Sha384, Sha512};
use stackctl_core::{Error, ErrorKind, Host, Ids, Result};

use super::curve::{CURVES, Curve};
use super::der::{self, Der};
use super::pem;

pub(super) const RSA: &str = "1.2.840.113549.1.1.1";
pub(super) const EC: &str = "1.2.840.10045.2.1";
pub(super) const ED25519: &str = "1.3.101.112";

/// A private key.
pub(super) enum Key {
    Rsa(Box<RsaPrivateKey>),
    Ec { curve: &'static Curve, d: Vec<u8>, q: Vec<u8> },
    Ed25519 { seed: [u8; 32], public: [u8; 32] },
}

/// The host's randomness for crates that want their own trait.
pub(super) struct Dice<'a>(pub(super) &'a dyn Ids);

impl RngCore for Dice<'_> {
    fn next_u32(&mut self) -> u32 {
        rsa::rand_core::impls::next_u32_via_fill(self)
    }
    fn next_u64(&mut self) -> u64 {
        rsa::rand_core::impls::next_u64_via_fill(self)
    }
    fn fill_bytes(&mut self, dest: &mut [u8]) {
        self.0.fill(dest);
    }
    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> std::result::Result<(), rsa::rand_core::Error> {
        self.0.fill(dest);
        Ok(())
    }
}
impl CryptoRng for Dice<'_> {}

fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Other, message)
}

impl Key {
    /// A new RSA key. Takes seconds.
    pub(super) fn new_rsa(bits: usize, host: &Host) -> Result<Key> {
        let key = RsaPrivateKey::new(&mut Dice(&*host.ids), bits);
        key.map(|k| Key::Rsa(Box::new(k))).map_err(|e| wrong(format!("An RSA key of {bits} bits cannot be made: {e}.")))
    }
    /// A new key on the curve of this name.
    pub(super) fn new_ec(name: &str, host: &Host) -> Result<Key> {
        let curve = CURVES.iter().find(|c| c.name == name);
        let curve = curve.ok_or_else(|| wrong(format!("There is no curve {name:?}.")))?;
        let d = curve.random(&|out| host.ids.fill(out));
        Key::ec(curve, &d).ok_or_else(|| wrong("The curve refuses the key."))
    }
    /// A new Ed25519 key.
    pub(super) fn new_ed25519(host: &Host) -> Result<Key> {
        let mut seed = [0; 32];
        host.ids.fill(&mut seed);
        Key::ed25519(&seed).ok_or_else(|| wrong("The seed is none of Ed25519."))
    }
    pub(super) fn ec(curve: &'static Curve, d: &[u8]) -> Option<Key> {
        Some(Key::Ec { curve, d: curve.padded(d)?, q: curve.public(d)? })
    }
    pub(super) fn ed25519(seed: &[u8]) -> Option<Key> {
        let seed: [u8; 32] = seed.try_into().ok()?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).ok()?;
        Some(Key::Ed25519 { seed, public: pair.public_key().as_ref().try_into().ok()? })
    }

    /// Reads the first key of a PEM text: PKCS #1, SEC 1, PKCS #8 or OpenSSH, without a passphrase.
    ///
    /// # Errors
    /// If there is none. The message repeats nothing of the text.
    pub(super) fn read(text: &str) -> Result<Key> {
        let blocks = pem::read(text);
        let block = blocks.iter().find(|b| b.label.ends_with("PRIVATE KEY")).ok_or_else(|| {
            wrong("The text holds no private key in PEM.")
                .hinted("It has to have a line -----BEGIN … PRIVATE KEY----- and the end to it.")
        })?;
        if block.encrypted || block.label == "ENCRYPTED PRIVATE KEY" {
            return Err(wrong("The private key is encrypted with a passphrase.").hinted("Decrypt it first."));
        }
        let key = match block.label.as_str() {
            "RSA PRIVATE KEY" => RsaPrivateKey::from_pkcs1_der(&block.bytes).ok().map(|k| Key::Rsa(Box::new(k))),
            "EC PRIVATE KEY" => sec1(&block.bytes, None),
            "PRIVATE KEY" => pkcs8(&block.bytes),
            "OPENSSH PRIVATE KEY" => return super::openssh::read(&block.bytes),
            other => return Err(wrong(format!("Keys of the kind {other:?} are not supported."))),
        };
        key.ok_or_else(|| wrong("The private key is damaged, or of a kind that is not supported."))
    }

    /// `RSA`, `ECDSA` or `ED25519`.
    pub(super) fn algorithm(&self) -> &'static str {
        match self {
            Key::Rsa(_) => "RSA",
            Key::Ec { .. } => "ECDSA",
            Key::Ed25519 { .. } => "ED25519",
        }
    }

    /// The public key as certificates carry it: SubjectPublicKeyInfo.
    pub(super) fn public_der(&self) -> Vec<u8> {
        let (kind, bits) = match self {
            Key::Rsa(_) => (der::sequence(&[der::oid(RSA), der::null()]), self.public_bits()),
            Key::Ec { curve, .. } => (der::sequence(&[der::oid(EC), der::oid(curve.oid)]), self.public_bits()),
            Key::Ed25519 { .. } => (der::sequence(&[der::oid(ED25519)]), self.public_bits()),
        };
        der::sequence(&[kind, der::bits(&bits)])
    }

    /// The public key without its kind: PKCS #1, a point, or the bytes of Ed25519.
    fn public_bits(&self) -> Vec<u8> {
        match self {
            Key::Rsa(k) => k.to_public_key().to_pkcs1_der().map(|d| d.as_bytes().to_vec()).unwrap_or_default(),
            Key::Ec { q, .. } => q.clone(),
            Key::Ed25519 { public, .. } => public.to_vec(),
        }
    }

    /// The private key in PEM of its kind: PKCS #1 for RSA, SEC 1 for curves, PKCS #8 for Ed25519.
    pub(super) fn pem(&self) -> String {
        match self {
            Key::Rsa(_) => pem::write("RSA PRIVATE KEY", &self.inner(true)),
            Key::Ec { .. } => pem::write("EC PRIVATE KEY", &self.inner(true)),
            Key::Ed25519 { .. } => self.pkcs8_pem(),
        }
    }

    /// The private key in PEM, PKCS #8.
    pub(super) fn pkcs8_pem(&self) -> String {
        let kind = match self {
            Key::Rsa(_) => der::sequence(&[der::oid(RSA), der::null()]),
            Key::Ec { curve, .. } => der::sequence(&[der::oid(EC), der::oid(curve.oid)]),
            Key::Ed25519 { .. } => der::sequence(&[der::oid(ED25519)]),
        };
        let inner = der::element(der::OCTETS, &self.inner(false));
        pem::write("PRIVATE KEY", &der::sequence(&[der::uint(&[0]), kind, inner]))
    }

    fn inner(&self, named: bool) -> Vec<u8> {
        match self {
            Key::Rsa(k) => k.to_pkcs1_der().map(|d| d.as_bytes().to_vec()).unwrap_or_default(),
            Key::Ec { curve, d, q } => {
                let mut parts = vec![der::uint(&[1]), der::element(der::OCTETS, d)];
                if named {
                    parts.push(der::tagged(0, &der::oid(curve.oid)));
                }
                parts.push(der::tagged(1, &der::bits(q)));
                der::sequence(&parts)
            }
            Key::Ed25519 { seed, .. } => der::element(der::OCTETS, seed),
        }
    }

    /// Signs a message: the algorithm as certificates name it, and the signature.
    pub(super) fn sign(&self, message: &[u8], host: &Host) -> Result<(Vec<u8>, Vec<u8>)> {
        match self {
            Key::Rsa(k) => {
                // DigestInfo of SHA-256, RFC 8017, section 9.2, note 1.
                let prefix = [
                    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
                    0x00, 0x04, 0x20,
                ];
                let padding = Pkcs1v15Sign { hash_len: Some(32), prefix: prefix.into() };
                let signature = k
                    .sign_with_rng(&mut Dice(&*host.ids), padding, &Sha256::digest(message))
                    .map_err(|e| wrong(format!("The RSA key cannot sign: {e}.")))?;
                Ok((der::sequence(&[der::oid("1.2.840.113549.1.1.11"), der::null()]), signature))
            }
            Key::Ec { curve, d, .. } => {
                let (oid, digest) = match curve.size {
                    48 => ("1.2.840.10045.4.3.3", Sha384::digest(message).to_vec()),
                    66 => ("1.2.840.10045.4.3.4", Sha512::digest(message).to_vec()),
                    _ => ("1.2.840.10045.4.3.2", Sha256::digest(message).to_vec()),
                };
                let (r, s) = curve.sign(d, &digest).ok_or_else(|| wrong("The key cannot sign."))?;
                let signature = der::sequence(&[der::uint(&r), der::uint(&s)]);
                Ok((der::sequence(&[der::oid(oid)]), signature))
            }
            Key::Ed25519 { seed, .. } => {
                let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|e| wrong(e.to_string()))?;
                Ok((der::sequence(&[der::oid(ED25519)]), pair.sign(message).as_ref().to_vec()))
            }
        }
    }

    /// The bytes whose SHA-1 sum names the key in certificates: PKCS #1, the point, or an octet string.
    pub(super) fn identifier(public: &[u8]) -> Option<Vec<u8>> {
        let mut info = Der(public).sequence()?;
        let kind = info.sequence()?.oid()?;
        let bits = info.bits()?;
        Some(if kind == ED25519 { der::element(der::OCTETS, bits) } else { bits.to_vec() })
    }

    /// The big numbers of an RSA key: n, e, d, q⁻¹ mod p, p, q.
    pub(super) fn rsa_numbers(k: &RsaPrivateKey) -> Option<[BigUint; 6]> {
        let [p, q] = k.primes() else { return None };
        let inverse = k.crt_coefficient()?;
        Some([k.n().clone(), k.e().clone(), k.d().clone(), inverse, p.clone(), q.clone()])
    }
}

fn sec1(bytes: &[u8], named: Option<&str>) -> Option<Key> {
    let mut inside = Der(bytes).sequence()?;
    inside.uint().filter(|v| *v == [1])?;
    let d = inside.one(der::OCTETS)?.content;
    let inner = inside.one(0xa0).and_then(|i| i.inside().oid());
    let oid = inner.as_deref().or(named)?;
    let curve = CURVES.iter().find(|c| c.oid == oid)?;
    let key = Key::ec(curve, d)?;
    // A public key that does not belong to the private one means damage.
    match (inside.one(0xa1).map(|i| i.inside().bits()), &key) {
        (Some(point), Key::Ec { q, .. }) if point? != q => None,
        _ => Some(key),
    }
}

fn pkcs8(bytes: &[u8]) -> Option<Key> {
    let mut inside = Der(bytes).sequence()?;
    inside.uint()?;
    let mut kind = inside.sequence()?;
    let inner = inside.one(der::OCTETS)?.content;
    match kind.oid()?.as_str() {
        RSA => RsaPrivateKey::from_pkcs1_der(inner).ok().map(|k| Key::Rsa(Box::new(k))),
        EC => sec1(inner, kind.oid().as_deref()),
        ED25519 => Key::ed25519(Der(inner).one(der::OCTETS)?.content),
        _ => None,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::testing::host;

    /// One key of each kind; RSA's is small, so that tests are fast.
    pub(in crate::tls) fn keys(host: &Host) -> Vec<Key> {
        let mut all = vec![Key::new_rsa(1024, host).unwrap(), Key::new_ed25519(host).unwrap()];
        all.extend(CURVES.iter().map(|c| Key::new_ec(c.name, host).unwrap()));
        all
    }

    #[test]
    fn every_spelling_is_read_back() {
        let (_dir, host) = host();
        for key in keys(&host) {
            let what = key.algorithm();
            let ssh = super::super::openssh::write(&key, "me@here", &host);
            for text in [key.pem(), key.pkcs8_pem()].into_iter().chain(ssh) {
                let back = Key::read(&format!("# a comment\n{text}")).unwrap_or_else(|e| panic!("{what}: {e}"));
                assert!(back.public_der() == key.public_der() && back.pem() == key.pem(), "{what}");
            }
        }
    }

    #[test]
    fn signatures_of_ring_s_kinds_verify() {
        use ring::signature as sig;
        let (_dir, host) = host();
        for key in keys(&host) {
            let (_, signature) = key.sign(b"message", &host).unwrap();
            let bits = key.public_bits();
            let with = |alg: &'static dyn sig::VerificationAlgorithm| {
                sig::UnparsedPublicKey::new(alg, &bits).verify(b"message", &signature).is_ok()
            };
            let good = match &key {
                Key::Rsa(_) => with(&sig::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY),
                Key::Ed25519 { .. } => with(&sig::ED25519),
                Key::Ec { curve, .. } if curve.name == "P256" => with(&sig::ECDSA_P256_SHA256_ASN1),
                Key::Ec { curve, .. } if curve.name == "P384" => with(&sig::ECDSA_P384_SHA384_ASN1),
                // curve.rs checks its own signatures on the others.
                Key::Ec { .. } => true,
            };
            assert!(good, "{}", key.algorithm());
        }
    }

    #[test]
    fn mistakes_say_what_they_are_and_repeat_nothing() {
        let cases = [
            ("", "no private key"),
            ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "no private key"),
            ("-----BEGIN RSA PRIVATE KEY-----\nc2VjcmV0\n-----END RSA PRIVATE KEY-----", "damaged"),
            ("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----", "damaged"),
            ("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----", "passphrase"),
            ("-----BEGIN DSA PRIVATE KEY-----\nAAAA\n-----END DSA PRIVATE KEY-----", "not supported"),
        ];
        for (text, want) in cases {
            let e = Key::read(text).err().unwrap();
            assert!(e.message.contains(want) && !e.message.contains("secret"), "{}", e.message);
        }
    }
}
