//! ASN.1 in its distinguished encoding (X.690), as far as keys and certificates need it.
//!
//! Writing is by functions that return the bytes of one element; reading is by [`Der`], which never panics and answers
//! `None` where the bytes are not what is asked for.

pub(super) const BOOLEAN: u8 = 0x01;
pub(super) const INTEGER: u8 = 0x02;
pub(super) const BITS: u8 = 0x03;
pub(super) const OCTETS: u8 = 0x04;
pub(super) const OID: u8 = 0x06;
pub(super) const UTF8: u8 = 0x0c;
pub(super) const PRINTABLE: u8 = 0x13;
pub(super) const IA5: u8 = 0x16;
pub(super) const UTC_TIME: u8 = 0x17;
pub(super) const TIME: u8 = 0x18;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;

/// An element of a tag.
pub(super) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let n = content.len();
    let mut out = vec![tag];
    if n < 0x80 {
        out.push(n as u8);
    } else {
        let bytes = n.to_be_bytes();
        let skip = bytes.iter().take_while(|b| **b == 0).count();
        out.push(0x80 | (bytes.len() - skip) as u8);
        out.extend(&bytes[skip..]);
    }
    out.extend(content);
    out
}

/// A sequence.
pub(super) fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
    element(SEQUENCE, &parts.concat())
}

/// A set: its elements are sorted.
pub(super) fn set(mut parts: Vec<Vec<u8>>) -> Vec<u8> {
    parts.sort();
    element(SET, &parts.concat())
}

/// A number that is not negative, from its big-endian bytes.
pub(super) fn uint(bytes: &[u8]) -> Vec<u8> {
    let skip = bytes.iter().take_while(|b| **b == 0).count().min(bytes.len().saturating_sub(1));
    let bytes = &bytes[skip..];
    match bytes.first() {
        None => element(INTEGER, &[0]),
        Some(b) if *b >= 0x80 => element(INTEGER, &[&[0], bytes].concat()),
        Some(_) => element(INTEGER, bytes),
    }
}

/// An object identifier, `1.2.840`.
pub(super) fn oid(dotted: &str) -> Vec<u8> {
    let arcs: Vec<u64> = dotted.split('.').filter_map(|a| a.parse().ok()).collect();
    let mut content = Vec::new();
    let first = arcs.first().copied().unwrap_or(0) * 40 + arcs.get(1).copied().unwrap_or(0);
    for arc in std::iter::once(first).chain(arcs.into_iter().skip(2)) {
        let groups = (64 - arc.leading_zeros()).div_ceil(7).max(1);
        content.extend((0..groups).rev().map(|g| ((arc >> (7 * g)) & 0x7f) as u8 | if g > 0 { 0x80 } else { 0 }));
    }
    element(OID, &content)
}

/// A string of whole bytes.
pub(super) fn bits(bytes: &[u8]) -> Vec<u8> {
    element(BITS, &[&[0], bytes].concat())
}

/// Null.
pub(super) fn null() -> Vec<u8> {
    vec![5, 0]
}

/// Something in brackets with a number: `[0] EXPLICIT`.
pub(super) fn tagged(n: u8, inner: &[u8]) -> Vec<u8> {
    element(0xa0 | n, inner)
}

/// The text of an object identifier's content.
pub(super) fn dotted(content: &[u8]) -> Option<String> {
    let (mut arcs, mut arc) = (Vec::new(), 0u64);
    for b in content {
        arc = arc.checked_mul(128)? | u64::from(b & 0x7f);
        if b & 0x80 == 0 {
            arcs.push(arc);
            arc = 0;
        }
    }
    let first = *arcs.first()?;
    let top = (first / 40).min(2);
    let head = [top, first - top * 40];
    Some(head.iter().chain(&arcs[1..]).map(u64::to_string).collect::<Vec<_>>().join("."))
}

/// Elements that follow each other.
#[derive(Clone, Copy)]
pub(super) struct Der<'a>(pub(super) &'a [u8]);

/// An element that was read.
#[derive(Clone, Copy)]
pub(super) struct Item<'a> {
    pub(super) tag: u8,
    pub(super) content: &'a [u8],
    /// Tag and length included.
    pub(super) whole: &'a [u8],
}

impl<'a> Item<'a> {
    /// The elements inside.
    pub(super) fn inside(self) -> Der<'a> {
        Der(self.content)
    }
}

impl<'a> Der<'a> {
    /// The next element, if it has this tag.
    pub(super) fn one(&mut self, tag: u8) -> Option<Item<'a>> {
        let mut ahead = *self;
        let item = ahead.next().filter(|i| i.tag == tag)?;
        *self = ahead;
        Some(item)
    }
    /// The elements of the next one, a sequence.
    pub(super) fn sequence(&mut self) -> Option<Der<'a>> {
        self.one(SEQUENCE).map(Item::inside)
    }
    /// The next element, a number that is not negative.
    pub(super) fn uint(&mut self) -> Option<&'a [u8]> {
        let bytes = self.one(INTEGER)?.content;
        match bytes {
            [] => None,
            [0, rest @ ..] if !rest.is_empty() => Some(rest),
            [b, ..] if *b >= 0x80 => None,
            _ => Some(bytes),
        }
    }
    /// The next element, an object identifier.
    pub(super) fn oid(&mut self) -> Option<String> {
        dotted(self.one(OID)?.content)
    }
    /// The next element, a string of whole bytes.
    pub(super) fn bits(&mut self) -> Option<&'a [u8]> {
        match self.one(BITS)?.content {
            [0, bytes @ ..] => Some(bytes),
            _ => None,
        }
    }
}

impl<'a> Iterator for Der<'a> {
    type Item = Item<'a>;
    fn next(&mut self) -> Option<Item<'a>> {
        let [tag, len, rest @ ..] = self.0 else { return None };
        let (n, rest) = match *len {
            n @ 0..0x80 => (usize::from(n), rest),
            n => {
                let size = usize::from(n & 0x7f);
                if !(1..=4).contains(&size) || rest.len() < size {
                    return None;
                }
                (rest[..size].iter().fold(0, |n, b| n << 8 | usize::from(*b)), &rest[size..])
            }
        };
        let content = rest.get(..n)?;
        let whole = &self.0[..self.0.len() - rest.len() + n];
        self.0 = &rest[n..];
        Some(Item { tag: *tag, content, whole })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn identifiers_and_numbers() {
        for (text, bytes) in [
            ("1.2.840.113549.1.1.11", &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b][..]),
            ("2.5.29.15", &[0x55, 0x1d, 0x0f]),
            ("2.16.840.1.113730.4.1", &[0x60, 0x86, 0x48, 0x01, 0x86, 0xf8, 0x42, 0x04, 0x01]),
        ] {
            assert_eq!(oid(text)[2..], *bytes);
            assert_eq!(dotted(bytes).as_deref(), Some(text));
        }
        assert_eq!(uint(&[]), [2, 1, 0]);
        assert_eq!(uint(&[0, 0, 0x80]), [2, 2, 0, 0x80]);
        assert_eq!(Der(&uint(&[0x80, 1])).uint(), Some(&[0x80, 1][..]));
        let long = element(OCTETS, &[7; 300]);
        assert_eq!(long[..4], [4, 0x82, 1, 44]);
        assert_eq!(Der(&long).next().map(|i| i.content.len()), Some(300));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut all = vec![Der(&bytes)];
            while let Some(mut d) = all.pop() {
                for i in d.by_ref() {
                    let _ = (dotted(i.content), Der(i.whole).uint(), Der(i.whole).bits());
                    all.push(i.inside());
                }
            }
        }
    }
}
