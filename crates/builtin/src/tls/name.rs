//! Distinguished names: the `subject` block, its encoding (RFC 5280, section 4.1.2.4), and names as text (RFC 2253).

use std::collections::BTreeMap;

use stackctl_core::{Attr, Block, BlockType, Draft, Known, Nesting, Partial, Ty};

use super::der::{self, Der};
use crate::checksums::hex;

const EMAIL: &str = "1.2.840.113549.1.9.1";

/// Argument, object identifier, and its short name, in the order in which certificates have them.
const FIELDS: [(&str, &str, &str); 10] = [
    ("country", "2.5.4.6", "C"),
    ("organization", "2.5.4.10", "O"),
    ("organizational_unit", "2.5.4.11", "OU"),
    ("locality", "2.5.4.7", "L"),
    ("province", "2.5.4.8", "ST"),
    ("street_address", "2.5.4.9", "STREET"),
    ("postal_code", "2.5.4.17", "POSTALCODE"),
    ("common_name", "2.5.4.3", "CN"),
    ("serial_number", "2.5.4.5", "SERIALNUMBER"),
    ("email_address", EMAIL, ""),
];

/// The `subject` block.
pub(super) fn block() -> BlockType {
    let text = |doc| Attr::optional(Ty::String).force_new().doc(doc);
    let attrs = BTreeMap::from([
        ("common_name", text("Common name, `CN`.")),
        ("country", text("Country, `C`.")),
        ("email_address", text("Mail address, PKCS #9.")),
        ("locality", text("Locality, `L`.")),
        ("organization", text("Organization, `O`.")),
        ("organizational_unit", text("Unit of the organization, `OU`.")),
        ("postal_code", text("Postal code.")),
        ("province", text("Province, `ST`.")),
        ("serial_number", text("Serial number of the subject, `SERIALNUMBER`.")),
        (
            "street_address",
            Attr::optional(Ty::list(Ty::String)).force_new().doc("Lines of the street address, `STREET`."),
        ),
    ]);
    BlockType {
        max: 1,
        force_new: true,
        doc: "Whom the certificate is for.",
        ..BlockType::new(Nesting::List, Block { attrs, blocks: BTreeMap::new() })
    }
}

/// Old states hold empty texts where nothing was configured: they mean the same.
pub(super) fn keep_empty(draft: &mut Draft<'_>) {
    let prior = draft.prior("subject").as_list().and_then(|l| l.first()).cloned().unwrap_or_default();
    if let Partial::List(list) = draft.planned("subject").clone()
        && let [Partial::Map(mut planned)] = list.try_into().unwrap_or([Partial::Null])
    {
        for (name, _, _) in FIELDS {
            let old = prior.get(name);
            let empty = old.as_str() == Some("") || old.as_list().is_some_and(<[Known]>::is_empty);
            if empty && planned.get(name).is_none_or(Partial::is_null) {
                planned.insert(name.to_owned(), old.clone().into());
            }
        }
        draft.set("subject", Partial::List(vec![Partial::Map(planned)]));
    }
}

/// The name that a `subject` block describes, encoded; an empty one for no block.
pub(super) fn encode(subject: &Known) -> Vec<u8> {
    let Some(subject) = subject.as_list().and_then(|l| l.first()) else { return der::sequence(&[]) };
    let mut parts = Vec::new();
    for (name, oid, _) in FIELDS {
        let values: Vec<&str> = match subject.get(name) {
            Known::List(lines) => lines.iter().filter_map(Known::as_str).collect(),
            v => v.as_str().filter(|t| !t.is_empty()).into_iter().collect(),
        };
        let pairs: Vec<_> = values.into_iter().map(|t| der::sequence(&[der::oid(oid), text(oid, t)])).collect();
        if !pairs.is_empty() {
            parts.push(der::set(pairs));
        }
    }
    der::sequence(&parts)
}

fn text(oid: &str, t: &str) -> Vec<u8> {
    let printable = |c: char| c.is_ascii_alphanumeric() || " '()+,-./:=?".contains(c);
    let tag = match () {
        () if oid == EMAIL && t.is_ascii() => der::IA5,
        () if t.chars().all(printable) => der::PRINTABLE,
        () => der::UTF8,
    };
    der::element(tag, t.as_bytes())
}

/// An encoded name as text, last part first: `CN=example.com,O=Example`.
pub(super) fn show(name: &[u8]) -> Option<String> {
    // Parts: the known ones in the order of FIELDS, then the others in theirs.
    let mut known: [Vec<String>; 9] = Default::default();
    let mut others = Vec::new();
    for part in Der(name).sequence()? {
        for pair in part.inside() {
            let mut pair = pair.inside();
            let (oid, value) = (pair.oid()?, pair.next()?);
            let text = decode(value.tag, value.content);
            match FIELDS[..9].iter().position(|(_, o, _)| *o == oid) {
                Some(i) => known[i].push(format!("{}={}", FIELDS[i].2, escape(&text))),
                None => others.push(format!("{oid}=#{}", hex(&self::text("", &text)))),
            }
        }
    }
    let known = known.into_iter().rev().filter(|p| !p.is_empty()).map(|p| p.join("+"));
    Some(known.chain(others.into_iter().rev()).collect::<Vec<_>>().join(","))
}

fn decode(tag: u8, bytes: &[u8]) -> String {
    match tag {
        // BMPString and TeletexString, of old certificates.
        0x1e => {
            let units: Vec<u16> = bytes.chunks_exact(2).map(|c| u16::from_be_bytes([c[0], c[1]])).collect();
            String::from_utf16_lossy(&units)
        }
        0x14 => bytes.iter().map(|b| char::from(*b)).collect(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

fn escape(t: &str) -> String {
    let last = t.chars().count().saturating_sub(1);
    let mut out = String::new();
    for (i, c) in t.chars().enumerate() {
        let special = match c {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => true,
            '#' => i == 0,
            ' ' => i == 0 || i == last,
            _ => false,
        };
        if special {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_text() {
        let cases: &[(Known, &str)] = &[
            (Known::from([("common_name", "example.com"), ("organization", "ACME Examples, Inc")]), {
                "CN=example.com,O=ACME Examples\\, Inc"
            }),
            (Known::from([("country", "DE"), ("common_name", " ä#"), ("organization", "")]), "CN=\\ ä#,C=DE"),
            (Known::from([("email_address", "a@b"), ("common_name", "x")]), {
                "CN=x,1.2.840.113549.1.9.1=#0c03614062"
            }),
            (Known::object(), ""),
        ];
        for (subject, want) in cases {
            assert_eq!(show(&encode(&Known::List(vec![subject.clone()]))).as_deref(), Some(*want));
        }
        let lines = Known::from([("street_address", vec!["2 b", "1 a"])]);
        assert_eq!(show(&encode(&Known::List(vec![lines]))).as_deref(), Some("STREET=1 a+STREET=2 b"));
        assert_eq!(encode(&Known::Null), [0x30, 0]);
    }
}
