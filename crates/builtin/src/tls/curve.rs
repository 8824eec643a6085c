//! ECDSA on the four NIST curves (FIPS 186-4, SEC 1), on top of big numbers.
//!
//! The big numbers underneath do not work in constant time. Keys are made, and certificates signed, in a process of the
//! user's own whose timing nobody else observes; every bit of a secret takes the same operations, and every signature its
//! own random nonce. Nothing here must ever serve requests of others.

use std::sync::LazyLock;

use rsa::BigUint;

/// A point that is not the one at infinity.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) x: BigUint,
    pub(super) y: BigUint,
}

/// A curve y² = x³ − 3x + b over a prime field.
pub(super) struct Curve {
    /// `P256`, as arguments name it.
    pub(super) name: &'static str,
    /// `nistp256`, as OpenSSH names it; empty where it does not know it.
    pub(super) ssh: &'static str,
    /// Its object identifier.
    pub(super) oid: &'static str,
    /// Bytes of a coordinate.
    pub(super) size: usize,
    p: BigUint,
    b: BigUint,
    g: Point,
    n: BigUint,
}

/// All curves.
pub(super) fn curves() -> &'static [Curve; 4] {
    static ALL: LazyLock<[Curve; 4]> = LazyLock::new(|| {
        let number = |hex: &str| BigUint::parse_bytes(hex.as_bytes(), 16).unwrap_or_default();
        let curve = |name, ssh, oid, size, [p, b, x, y, n]: [&str; 5]| {
            let g = Point { x: number(x), y: number(y) };
            Curve { name, ssh, oid, size, p: number(p), b: number(b), g, n: number(n) }
        };
        [
            curve(
                "P224",
                "",
                "1.3.132.0.33",
                28,
                [
                    "ffffffffffffffffffffffffffffffff000000000000000000000001",
                    "b4050a850c04b3abf54132565044b0b7d7bfd8ba270b39432355ffb4",
                    "b70e0cbd6bb4bf7f321390b94a03c1d356c21122343280d6115c1d21",
                    "bd376388b5f723fb4c22dfe6cd4375a05a07476444d5819985007e34",
                    "ffffffffffffffffffffffffffff16a2e0b8f03e13dd29455c5c2a3d",
                ],
            ),
            curve(
                "P256",
                "nistp256",
                "1.2.840.10045.3.1.7",
                32,
                [
                    "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff",
                    "5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b",
                    "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296",
                    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
                    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
                ],
            ),
            curve(
                "P384",
                "nistp384",
                "1.3.132.0.34",
                48,
                [
                    "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffff",
                    "b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef",
                    "aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7",
                    "3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f",
                    "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973",
                ],
            ),
            curve(
                "P521",
                "nistp521",
                "1.3.132.0.35",
                66,
                [
                    "01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\
                 ffffffffffffffffffffffffffffffff",
                    "51953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf\
                 073573df883d2c34f1ef451fd46b503f00",
                    "c6858e06b70404e9cd9e3ecb662395b4429c648139053fb521f828af606b4d3dbaa14b5e77efe75928fe1dc127a2ffa8\
                 de3348b3c1856a429bf97e7e31c2e5bd66",
                    "011839296a789a3bc0045c8a5fb42c7d1bd998f54449579b446817afbd17273e662c97ee72995ef42640c550b9013fad\
                 0761353c7086a272c24088be94769fd16650",
                    "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709\
                 a5d03bb5c9b8899c47aebb6fb71e91386409",
                ],
            ),
        ]
    });
    &ALL
}

/// A point in Jacobian coordinates: (X/Z², Y/Z³), at infinity where Z is zero.
#[derive(Clone)]
struct Jacobian {
    x: BigUint,
    y: BigUint,
    z: BigUint,
}

impl Curve {
    fn add(&self, a: &BigUint, b: &BigUint) -> BigUint {
        (a + b) % &self.p
    }
    fn sub(&self, a: &BigUint, b: &BigUint) -> BigUint {
        (a + &self.p - b) % &self.p
    }
    fn mul(&self, a: &BigUint, b: &BigUint) -> BigUint {
        (a * b) % &self.p
    }
    fn times(&self, k: u8, a: &BigUint) -> BigUint {
        (a * BigUint::from(k)) % &self.p
    }

    fn double(&self, a: &Jacobian) -> Jacobian {
        let delta = self.mul(&a.z, &a.z);
        let gamma = self.mul(&a.y, &a.y);
        let beta = self.mul(&a.x, &gamma);
        let alpha = self.times(3, &self.mul(&self.sub(&a.x, &delta), &self.add(&a.x, &delta)));
        let x = self.sub(&self.mul(&alpha, &alpha), &self.times(8, &beta));
        let sum = self.add(&a.y, &a.z);
        let z = self.sub(&self.sub(&self.mul(&sum, &sum), &gamma), &delta);
        let y = self.mul(&alpha, &self.sub(&self.times(4, &beta), &x));
        let y = self.sub(&y, &self.times(8, &self.mul(&gamma, &gamma)));
        Jacobian { x, y, z }
    }

    fn plus(&self, a: &Jacobian, b: &Jacobian) -> Jacobian {
        let zero = BigUint::default();
        if a.z == zero {
            return b.clone();
        }
        if b.z == zero {
            return a.clone();
        }
        let (aa, bb) = (self.mul(&a.z, &a.z), self.mul(&b.z, &b.z));
        let (u1, u2) = (self.mul(&a.x, &bb), self.mul(&b.x, &aa));
        let (s1, s2) = (self.mul(&a.y, &self.mul(&b.z, &bb)), self.mul(&b.y, &self.mul(&a.z, &aa)));
        let (h, r) = (self.sub(&u2, &u1), self.sub(&s2, &s1));
        if h == zero {
            return if r == zero { self.double(a) } else { Jacobian { z: zero, ..a.clone() } };
        }
        let hh = self.mul(&h, &h);
        let hhh = self.mul(&h, &hh);
        let v = self.mul(&u1, &hh);
        let x = self.sub(&self.sub(&self.mul(&r, &r), &hhh), &self.times(2, &v));
        let y = self.sub(&self.mul(&r, &self.sub(&v, &x)), &self.mul(&s1, &hhh));
        Jacobian { x, y, z: self.mul(&h, &self.mul(&a.z, &b.z)) }
    }

    fn lift(p: &Point) -> Jacobian {
        Jacobian { x: p.x.clone(), y: p.y.clone(), z: BigUint::from(1u8) }
    }

    /// k·P; every bit of `k` takes a doubling and an addition.
    fn scale(&self, k: &BigUint, p: &Jacobian) -> Jacobian {
        let zero = BigUint::default();
        let (mut acc, bytes) = (Jacobian { x: zero.clone(), y: zero.clone(), z: zero }, padded(k, self.size));
        for bit in bytes.iter().flat_map(|b| (0..8).rev().map(move |i| b >> i & 1)) {
            acc = self.double(&acc);
            let other = self.plus(&acc, p);
            acc = if bit == 1 { other } else { acc };
        }
        acc
    }

    fn flat(&self, a: &Jacobian) -> Option<Point> {
        if a.z == BigUint::default() {
            return None;
        }
        let inverse = a.z.modpow(&(&self.p - BigUint::from(2u8)), &self.p);
        let square = self.mul(&inverse, &inverse);
        Some(Point { x: self.mul(&a.x, &square), y: self.mul(&a.y, &self.mul(&square, &inverse)) })
    }

    /// The public key of a private one; `None` if that is no private key of the curve.
    pub(super) fn public(&self, d: &BigUint) -> Option<Point> {
        if *d == BigUint::default() || *d >= self.n {
            return None;
        }
        self.flat(&self.scale(d, &Curve::lift(&self.g)))
    }

    /// A random private key or nonce; `fill` fills a buffer with random bytes.
    pub(super) fn scalar(&self, fill: &dyn Fn(&mut [u8])) -> BigUint {
        let spare = self.size * 8 - self.n.bits();
        loop {
            let mut bytes = vec![0; self.size];
            fill(&mut bytes);
            bytes[0] &= 0xff >> spare;
            let k = BigUint::from_bytes_be(&bytes);
            if k != BigUint::default() && k < self.n {
                return k;
            }
        }
    }

    /// The point as SEC 1 writes it, uncompressed.
    pub(super) fn encode(&self, q: &Point) -> Vec<u8> {
        [&[4][..], &padded(&q.x, self.size), &padded(&q.y, self.size)].concat()
    }

    fn digest_number(&self, digest: &[u8]) -> BigUint {
        let z = BigUint::from_bytes_be(digest);
        z >> (digest.len() * 8).saturating_sub(self.n.bits())
    }

    /// Signs a digest: (r, s).
    pub(super) fn sign(&self, d: &BigUint, digest: &[u8], fill: &dyn Fn(&mut [u8])) -> (BigUint, BigUint) {
        let (z, zero) = (self.digest_number(digest), BigUint::default());
        loop {
            let k = self.scalar(fill);
            let Some(point) = self.public(&k) else { continue };
            let r = point.x % &self.n;
            let inverse = k.modpow(&(&self.n - BigUint::from(2u8)), &self.n);
            let s = inverse * (&z + &r * d) % &self.n;
            if r != zero && s != zero {
                return (r, s);
            }
        }
    }

    /// True if the point lies on the curve.
    pub(super) fn contains(&self, q: &Point) -> bool {
        let cube = self.mul(&q.x, &self.mul(&q.x, &q.x));
        let right = self.add(&self.sub(&cube, &self.times(3, &q.x)), &self.b);
        q.x < self.p && q.y < self.p && self.mul(&q.y, &q.y) == right
    }

    /// Reads what [`Curve::encode`] writes.
    pub(super) fn decode(&self, bytes: &[u8]) -> Option<Point> {
        let [4, xy @ ..] = bytes else { return None };
        let (x, y) = xy.split_at_checked(self.size).filter(|(_, y)| y.len() == self.size)?;
        let q = Point { x: BigUint::from_bytes_be(x), y: BigUint::from_bytes_be(y) };
        self.contains(&q).then_some(q)
    }

    /// True if the signature of a digest is good.
    #[cfg(test)]
    pub(super) fn verify(&self, q: &Point, digest: &[u8], r: &BigUint, s: &BigUint) -> bool {
        let zero = BigUint::default();
        if *r == zero || *s == zero || *r >= self.n || *s >= self.n || !self.contains(q) {
            return false;
        }
        let w = s.modpow(&(&self.n - BigUint::from(2u8)), &self.n);
        let (u1, u2) = (self.digest_number(digest) * &w % &self.n, r * &w % &self.n);
        let sum = self.plus(&self.scale(&u1, &Curve::lift(&self.g)), &self.scale(&u2, &Curve::lift(q)));
        self.flat(&sum).is_some_and(|p| p.x % &self.n == *r)
    }
}

/// Big-endian bytes, zeros in front.
pub(super) fn padded(n: &BigUint, size: usize) -> Vec<u8> {
    let bytes = n.to_bytes_be();
    let mut out = vec![0; size.saturating_sub(bytes.len())];
    out.extend(bytes);
    out
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::generate::seeded;

    #[test]
    fn constants_are_those_of_curves() {
        for c in curves() {
            assert!(c.contains(&c.g), "{}", c.name);
            let end = c.scale(&c.n, &Curve::lift(&c.g));
            assert!(c.flat(&end).is_none(), "{}: the order of the generator", c.name);
            assert_eq!(c.p.bits().div_ceil(8), c.size);
            assert!(c.public(&c.n).is_none() && c.public(&BigUint::default()).is_none());
            assert!(c.decode(&c.encode(&c.g)) == Some(c.g.clone()));
        }
    }

    #[test]
    fn signatures_verify_and_forgeries_do_not() {
        let n = Cell::new(0u32);
        let fill = |out: &mut [u8]| {
            n.set(n.get() + 1);
            let mut next = seeded(&n.get().to_string());
            out.iter_mut().for_each(|b| *b = next() as u8);
        };
        for c in curves() {
            let d = c.scalar(&fill);
            let q = c.public(&d).unwrap();
            let digest = [0xab; 64];
            let (r, s) = c.sign(&d, &digest, &fill);
            assert!(c.verify(&q, &digest, &r, &s), "{}", c.name);
            assert!(!c.verify(&q, &[0xac; 64], &r, &s), "{}", c.name);
            assert!(!c.verify(&q, &digest, &s, &r), "{}", c.name);
        }
    }
}
