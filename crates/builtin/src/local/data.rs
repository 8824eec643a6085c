//! `data.local_file` and `data.local_sensitive_file`: the content of a file.

use std::collections::BTreeMap;
use std::fs;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use stackctl_core::{Attr, Block, Error, Path, Schema, Ty};

use super::{place, trouble};
use crate::checksums::{self, sha1_hex};
use crate::table::Source;

/// `data.local_file`.
pub(crate) fn plain() -> Source {
    source("local_file", "The content of a file on the machine that runs stackctl.", false)
}

/// `data.local_sensitive_file`.
pub(crate) fn sensitive() -> Source {
    source("local_sensitive_file", "The secret content of a file on the machine that runs stackctl.", true)
}

fn source(name: &'static str, doc: &'static str, sensitive: bool) -> Source {
    let made = |doc| Attr::computed(Ty::String).doc(doc);
    let content = |doc| Attr { sensitive, ..made(doc) };
    let mut attrs = BTreeMap::from([
        ("content", content("Content of the file, as text.")),
        ("content_base64", content("Content of the file in base64.")),
        ("content_sha1", made("SHA-1 sum of the content.")),
        ("filename", Attr::required(Ty::String).doc("Name of the file.")),
        ("id", Attr::id()),
    ]);
    for (name, doc) in [
        ("content_md5", "MD5 sum of the content."),
        ("content_sha256", "SHA-256 sum of the content."),
        ("content_base64sha256", "SHA-256 sum of the content in base64."),
        ("content_sha512", "SHA-512 sum of the content."),
        ("content_base64sha512", "SHA-512 sum of the content in base64."),
    ] {
        attrs.insert(name, made(doc));
    }
    let schema = Schema { doc, ..Schema::new(name, Block { attrs, blocks: BTreeMap::new() }) };
    Source::new(schema, |config, setup| {
        Box::pin(async move {
            let at = place(&setup.host, config.get("filename").as_str().unwrap_or_default());
            let content =
                fs::read(&at).map_err(|e| Error { path: Some(Path::attr("filename")), ..trouble("read", &at, &e) })?;
            let mut v = config;
            checksums::set(&mut v, "content", "sha1", &content);
            v.set("content", String::from_utf8_lossy(&content).into_owned().into());
            v.set("content_base64", BASE64_STANDARD.encode(&content).into());
            v.set("id", sha1_hex(&content).into());
            Ok(v)
        })
    })
}

#[cfg(test)]
mod tests {
    use stackctl_core::Known;

    use super::*;
    use crate::testing::{run, setup};

    #[test]
    fn reads_text_and_bytes() {
        let (dir, setup) = setup(Known::object());
        fs::write(dir.path().join("f"), [b'a', 255]).unwrap();
        let read = |name: &str| run((plain().read)(Known::from([("filename", name)]), &setup));
        let v = read("f").unwrap();
        assert_eq!(v.get("content").as_str(), Some("a\u{fffd}"));
        assert_eq!(v.get("content_base64").as_str(), Some("Yf8="));
        assert!(read("missing").unwrap_err().message.contains("missing cannot be read"));
        assert!(sensitive().schema.block.attrs["content"].sensitive);
    }
}
