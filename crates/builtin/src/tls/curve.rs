//! ECDSA on the four NIST curves (FIPS 186-4, SEC 1): one table over the crates that compute.

/// A curve. Keys are padded big-endian numbers, points are uncompressed as SEC 1 writes them.
pub(super) struct Curve {
    /// `P256`, as arguments name it.
    pub(super) name: &'static str,
    /// `nistp256`, as OpenSSH names it; empty where it does not know it.
    pub(super) ssh: &'static str,
    /// Its object identifier.
    pub(super) oid: &'static str,
    /// Bytes of a private key and of a coordinate.
    pub(super) size: usize,
    /// Bits of the first byte that a private key may use.
    first: u8,
    public: fn(&[u8]) -> Option<Vec<u8>>,
    sign: fn(&[u8], &[u8]) -> Option<Vec<u8>>,
    #[cfg(test)]
    verify: fn(&[u8], &[u8], &[u8]) -> bool,
}

macro_rules! curve {
    ($lib:ident, $name:literal, $ssh:literal, $oid:literal, $size:literal, $first:literal) => {
        Curve {
            name: $name,
            ssh: $ssh,
            oid: $oid,
            size: $size,
            first: $first,
            public: |d| Some($lib::SecretKey::from_slice(d).ok()?.public_key().to_sec1_bytes().into_vec()),
            sign: |d, digest| {
                use $lib::ecdsa::signature::hazmat::PrehashSigner;
                let key = $lib::ecdsa::SigningKey::from_slice(d).ok()?;
                let signature: $lib::ecdsa::Signature = key.sign_prehash(digest).ok()?;
                Some(signature.to_bytes().to_vec())
            },
            #[cfg(test)]
            verify: |q, digest, signature| {
                use $lib::ecdsa::signature::hazmat::PrehashVerifier;
                let Ok(key) = $lib::ecdsa::VerifyingKey::from_sec1_bytes(q) else { return false };
                let Ok(signature) = $lib::ecdsa::Signature::from_slice(signature) else { return false };
                key.verify_prehash(digest, &signature).is_ok()
            },
        }
    };
}

/// All curves.
pub(super) static CURVES: [Curve; 4] = [
    curve!(p224, "P224", "", "1.3.132.0.33", 28, 0xff),
    curve!(p256, "P256", "nistp256", "1.2.840.10045.3.1.7", 32, 0xff),
    curve!(p384, "P384", "nistp384", "1.3.132.0.34", 48, 0xff),
    curve!(p521, "P521", "nistp521", "1.3.132.0.35", 66, 0x01),
];

impl Curve {
    /// The public key of a private one; `None` if that is no private key of the curve. Zeros may stand in front of the
    /// private key, or be missing there.
    pub(super) fn public(&self, d: &[u8]) -> Option<Vec<u8>> {
        (self.public)(&self.padded(d)?)
    }

    /// The private key in as many bytes as the curve has.
    pub(super) fn padded(&self, d: &[u8]) -> Option<Vec<u8>> {
        let d = &d[d.iter().take_while(|b| **b == 0).count()..];
        let mut out = vec![0; self.size.checked_sub(d.len())?];
        out.extend(d);
        Some(out)
    }

    /// A random private key; `fill` fills a buffer with random bytes.
    pub(super) fn random(&self, fill: &dyn Fn(&mut [u8])) -> Vec<u8> {
        loop {
            let mut d = vec![0; self.size];
            fill(&mut d);
            d[0] &= self.first;
            if self.public(&d).is_some() {
                return d;
            }
        }
    }

    /// Signs a digest (RFC 6979): the two numbers, each as long as a private key.
    pub(super) fn sign(&self, d: &[u8], digest: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
        let both = (self.sign)(&self.padded(d)?, digest)?;
        let (r, s) = both.split_at_checked(self.size)?;
        Some((r.to_vec(), s.to_vec()))
    }

    /// True if the signature of a digest is good.
    #[cfg(test)]
    pub(super) fn verify(&self, q: &[u8], digest: &[u8], r: &[u8], s: &[u8]) -> bool {
        (self.verify)(q, digest, &[r, s].concat())
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::generate::seeded;

    #[test]
    fn signatures_verify_and_forgeries_do_not() {
        let n = Cell::new(0u32);
        let fill = |out: &mut [u8]| {
            n.set(n.get() + 1);
            let mut next = seeded(&n.get().to_string());
            out.iter_mut().for_each(|b| *b = next() as u8);
        };
        for c in &CURVES {
            let d = c.random(&fill);
            let q = c.public(&d).unwrap();
            assert_eq!((q[0], q.len()), (4, 1 + 2 * c.size), "{}", c.name);
            let digest = [0xab; 64];
            let (r, s) = c.sign(&d, &digest).unwrap();
            assert!(c.verify(&q, &digest, &r, &s), "{}", c.name);
            assert!(!c.verify(&q, &[0xac; 64], &r, &s), "{}", c.name);
            assert!(!c.verify(&q, &digest, &s, &r), "{}", c.name);
            assert!(c.public(&[0; 99]).is_none() && c.public(&[0xff; 66]).is_none());
            assert_eq!(c.public(&[&[0, 0][..], &d].concat()), Some(q));
        }
    }
}
