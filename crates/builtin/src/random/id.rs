//! `random_id`: random bytes in several spellings.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use stackctl_core::{Attr, Block, Check, Error, Known, Schema, Ty};

use crate::table::Type;

/// The type.
pub(crate) fn resource() -> Type {
    let text = |doc| Attr { not_null: true, ..Attr::computed(Ty::String) }.doc(doc);
    let attrs = BTreeMap::from([
        ("b64_std", text("The bytes in base64.")),
        ("b64_url", text("The bytes in URL-safe base64 without padding.")),
        ("byte_length", Attr::required(Ty::Number).force_new().check(Check::Range(1, 4096)).doc("Number of bytes.")),
        ("dec", text("The bytes as a decimal number.")),
        ("hex", text("The bytes in hexadecimal digits.")),
        ("id", Attr::id()),
        ("keepers", super::keepers()),
        ("prefix", Attr::optional(Ty::String).force_new().doc("Text before each spelling; `id` goes without.")),
    ]);
    let schema = Schema {
        doc: "Random bytes, made once and kept in state, for names that must not collide.",
        ..Schema::new("random_id", Block { attrs, blocks: BTreeMap::new() })
    };
    Type {
        import: |spec| {
            let (prefix, text) = spec.rsplit_once(',').map_or((None, spec), |(p, t)| (Some(p), t));
            let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| {
                Error::invalid(format!("{text:?} is not URL-safe base64.")).hinted("The import id is [PREFIX,]ID.")
            })?;
            let mut v = Known::from([("byte_length", Known::from(bytes.len() as i64)), ("prefix", prefix.into())]);
            spell(&mut v, &bytes);
            Ok(v)
        },
        ..Type::new(schema, |new, host| {
            Box::pin(async move {
                let mut v = new.clone();
                let n = usize::try_from(new.get("byte_length").as_i64().unwrap_or(0)).unwrap_or(0);
                let mut bytes = vec![0; n];
                host.ids.fill(&mut bytes);
                spell(&mut v, &bytes);
                Ok(v)
            })
        })
    }
}

fn spell(v: &mut Known, bytes: &[u8]) {
    let url = BASE64_URL_SAFE_NO_PAD.encode(bytes);
    let prefix = v.get("prefix").as_str().unwrap_or_default().to_owned();
    let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    for (name, text) in
        [("b64_std", BASE64_STANDARD.encode(bytes)), ("b64_url", url.clone()), ("dec", decimal(bytes)), ("hex", hex)]
    {
        v.set(name, format!("{prefix}{text}").into());
    }
    v.set("id", url.into());
}

/// The bytes as one big-endian number.
fn decimal(bytes: &[u8]) -> String {
    let mut digits: Vec<u8> = vec![0];
    for b in bytes {
        let mut carry = u32::from(*b);
        for d in digits.iter_mut().rev() {
            let x = u32::from(*d) * 256 + carry;
            *d = (x % 10) as u8;
            carry = x / 10;
        }
        while carry > 0 {
            digits.insert(0, (carry % 10) as u8);
            carry /= 10;
        }
    }
    digits.iter().map(|d| char::from(b'0' + d)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        let mut v = Known::from([("prefix", "p-")]);
        spell(&mut v, &[0x01, 0x00, 0xff]);
        let text = |k| v.get(k).as_str().unwrap_or_default();
        assert_eq!((text("dec"), text("hex"), text("id"), text("b64_std")), ("p-65791", "p-0100ff", "AQD_", "p-AQD/"));
    }
}
