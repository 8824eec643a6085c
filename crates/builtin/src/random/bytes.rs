//! `random_bytes`: random bytes that are a secret.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use stackctl_core::{Attr, Block, Check, Error, Known, Schema, Ty};

use crate::checksums::hex;
use crate::table::Type;

/// The type.
pub(crate) fn resource() -> Type {
    let text = |doc| Attr { sensitive: true, not_null: true, ..Attr::computed(Ty::String) }.doc(doc);
    let attrs = BTreeMap::from([
        ("base64", text("The bytes in base64.")),
        ("hex", text("The bytes in hexadecimal digits.")),
        ("keepers", super::keepers()),
        ("length", Attr::required(Ty::Number).force_new().check(Check::Range(1, 1 << 20)).doc("Number of bytes.")),
    ]);
    let schema = Schema {
        doc: "Random bytes, made once and kept in state as a sensitive value, for keys and other secrets.",
        ..Schema::new("random_bytes", Block { attrs, blocks: BTreeMap::new() })
    };
    Type {
        import: |text| {
            let bytes = BASE64_STANDARD.decode(text).map_err(|_| {
                Error::invalid("The import id is not base64.").hinted("It is the value of `base64`, with its padding.")
            })?;
            let length = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
            Ok(spell(Known::from([("length", length)]), &bytes))
        },
        ..Type::new(schema, |new, host| {
            Box::pin(async move {
                let mut bytes = vec![0; usize::try_from(new.get("length").as_i64().unwrap_or(0)).unwrap_or(0)];
                host.ids.fill(&mut bytes);
                Ok(spell(new.clone(), &bytes))
            })
        })
    }
}

fn spell(mut v: Known, bytes: &[u8]) -> Known {
    v.set("base64", BASE64_STANDARD.encode(bytes).into());
    v.set("hex", hex(bytes).into());
    v
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{host, run};

    #[test]
    fn bytes_and_their_import() {
        let (_dir, host) = host();
        let ty = resource();
        let v = run((ty.create)(&Known::from([("length", 24i64)]), &host)).unwrap();
        assert_eq!(v.get("hex").as_str().unwrap().len(), 48);
        let again = (ty.import)(v.get("base64").as_str().unwrap()).unwrap();
        assert_eq!((again.get("hex"), again.get("length")), (v.get("hex"), v.get("length")));
        assert!((ty.import)("no base64").is_err());
    }
}
