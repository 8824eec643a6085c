//! `data.cloudinit_config`: parts for cloud-init in one multi-part MIME text.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use flate2::{Compression, Crc, GzBuilder};
use stackctl_core::{Attr, Block, BlockType, Error, Known, Nesting, Partial, Path, Schema, Ty};

use crate::table::Source;

/// The data source.
pub(crate) fn source() -> Source {
    let part = Block {
        attrs: BTreeMap::from([
            ("content", Attr::required(Ty::String).doc("Content of the part.")),
            ("content_type", Attr::opt_computed(Ty::String).doc("Its MIME type; `text/plain` where nothing is set.")),
            ("filename", Attr::optional(Ty::String).doc("Its file name.")),
            ("merge_type", Attr::optional(Ty::String).doc("How cloud-init merges it: header `X-Merge-Type`.")),
        ]),
        blocks: BTreeMap::new(),
    };
    let flag = |doc| Attr::opt_computed(Ty::Bool).doc(doc);
    let attrs = BTreeMap::from([
        ("base64_encode", flag("Encode the result in base64; true where nothing is set, required with `gzip`.")),
        (
            "boundary",
            Attr::opt_computed(Ty::String).doc("Text between the parts; `MIMEBOUNDARY` where nothing is set."),
        ),
        ("gzip", flag("Compress the result; true where nothing is set.")),
        ("id", Attr::id()),
        ("rendered", Attr::computed(Ty::String).doc("The result.")),
    ]);
    let parts = BlockType { min: 1, doc: "A part.", ..BlockType::new(Nesting::List, part) };
    let schema = Schema {
        doc: "A multi-part configuration for cloud-init, as user data of instances takes it.",
        ..Schema::new("cloudinit_config", Block { attrs, blocks: BTreeMap::from([("part", parts)]) })
    };
    let read = Source::new(schema, |mut v, _| {
        Box::pin(async move {
            let gzip = v.get("gzip").as_bool().unwrap_or(true);
            let base64 = v.get("base64_encode").as_bool().unwrap_or(true);
            let boundary = v.get("boundary").as_str().unwrap_or("MIMEBOUNDARY").to_owned();
            check_boundary(&boundary)?;
            let mut parts = v.get("part").as_list().unwrap_or_default().to_vec();
            for p in &mut parts {
                if p.get("content_type").as_str().is_none_or(str::is_empty) {
                    p.set("content_type", "text/plain".into());
                }
            }
            let text = render(&boundary, &parts);
            let bytes = if gzip { compress(text.as_bytes()) } else { text.into_bytes() };
            let rendered = match base64 {
                true => BASE64_STANDARD.encode(&bytes),
                false => String::from_utf8_lossy(&bytes).into_owned(),
            };
            let mut sum = Crc::new();
            sum.update(rendered.as_bytes());
            v.set("id", sum.sum().to_string().into());
            v.set("rendered", rendered.into());
            v.set("gzip", gzip.into());
            v.set("base64_encode", base64.into());
            v.set("boundary", boundary.into());
            v.set("part", Known::List(parts));
            Ok(v)
        })
    });
    Source { validate, ..read }
}

fn validate(config: &Partial) -> Vec<Error> {
    let off = |k: &str| matches!(config.get(k), Partial::Bool(false));
    if off("base64_encode") && matches!(config.get("gzip"), Partial::Null | Partial::Bool(true)) {
        let error = Error::at(Path::attr("base64_encode"), "A compressed result is no text and has to be encoded.");
        return vec![error.hinted("Set `gzip` to false, or leave `base64_encode` out.")];
    }
    Vec::new()
}

/// RFC 2046, section 5.1.1.
fn check_boundary(text: &str) -> Result<(), Error> {
    let good = |c: char| c.is_ascii_alphanumeric() || "'()+_,-./:=? ".contains(c);
    if (1..=70).contains(&text.len()) && text.chars().all(good) && !text.ends_with(' ') {
        return Ok(());
    }
    Err(Error::at(
        Path::attr("boundary"),
        "A boundary has 1 to 70 letters, digits, spaces (not at the end) and signs of '()+_,-./:=?",
    ))
}

fn render(boundary: &str, parts: &[Known]) -> String {
    // The first header ends in a bare line feed: so does the text that existing instances were made with.
    let mut out = format!("Content-Type: multipart/mixed; boundary=\"{boundary}\"\nMIME-Version: 1.0\r\n\r\n");
    for (i, p) in parts.iter().enumerate() {
        let text = |k: &str| p.get(k).as_str().filter(|t| !t.is_empty());
        let _ = write!(out, "{}--{boundary}\r\n", if i > 0 { "\r\n" } else { "" });
        if let Some(name) = text("filename") {
            let _ = write!(out, "Content-Disposition: attachment; filename=\"{name}\"\r\n");
        }
        let kind = text("content_type").unwrap_or("text/plain");
        let _ = write!(out, "Content-Transfer-Encoding: 7bit\r\nContent-Type: {kind}\r\nMime-Version: 1.0\r\n");
        if let Some(merge) = text("merge_type") {
            let _ = write!(out, "X-Merge-Type: {merge}\r\n");
        }
        let _ = write!(out, "\r\n{}", text("content").unwrap_or_default());
    }
    let _ = write!(out, "\r\n--{boundary}--\r\n");
    out
}

fn compress(bytes: &[u8]) -> Vec<u8> {
    let mut gz = GzBuilder::new().operating_system(255).write(Vec::new(), Compression::default());
    // Writing into memory does not fail.
    let _ = gz.write_all(bytes);
    gz.finish().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::testing::{run, setup};

    fn read(config: Known) -> Result<Known, Error> {
        let (_dir, setup) = setup(Known::object());
        run((source().read)(config, &setup))
    }

    #[test]
    fn plain_text() {
        let mut config = Known::from([("gzip", false), ("base64_encode", false)]);
        let first =
            Known::from([("content_type", "text/x-shellscript"), ("content", "baz"), ("filename", "foobar.sh")]);
        let second = Known::from([("content", "two"), ("merge_type", "list()")]);
        config.set("part", Known::List(vec![first, second]));
        let v = read(config).unwrap();
        let want = "Content-Type: multipart/mixed; boundary=\"MIMEBOUNDARY\"\nMIME-Version: 1.0\r\n\r\n--MIMEBOUNDARY\r\n\
            Content-Disposition: attachment; filename=\"foobar.sh\"\r\nContent-Transfer-Encoding: 7bit\r\n\
            Content-Type: text/x-shellscript\r\nMime-Version: 1.0\r\n\r\nbaz\r\n--MIMEBOUNDARY\r\n\
            Content-Transfer-Encoding: 7bit\r\nContent-Type: text/plain\r\nMime-Version: 1.0\r\n\
            X-Merge-Type: list()\r\n\r\ntwo\r\n--MIMEBOUNDARY--\r\n";
        assert_eq!(v.get("rendered").as_str(), Some(want));
        assert_eq!(v.get("part").as_list().unwrap()[1].get("content_type").as_str(), Some("text/plain"));
    }

    #[test]
    fn compressed_by_default() {
        let mut config = Known::object();
        config.set("part", Known::List(vec![Known::from([("content", "x")])]));
        let v = read(config).unwrap();
        let bytes = BASE64_STANDARD.decode(v.get("rendered").as_str().unwrap()).unwrap();
        let mut text = String::new();
        flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
        assert!(text.ends_with("\r\n\r\nx\r\n--MIMEBOUNDARY--\r\n"), "{text:?}");
        assert_eq!((v.get("gzip").as_bool(), v.get("boundary").as_str()), (Some(true), Some("MIMEBOUNDARY")));
        assert!(v.get("id").as_str().unwrap().parse::<u32>().is_ok());
    }

    #[test]
    fn mistakes() {
        let partial = |v: Known| Partial::from(v);
        assert_eq!(validate(&partial(Known::from([("base64_encode", false)]))).len(), 1);
        assert_eq!(validate(&partial(Known::from([("base64_encode", false), ("gzip", false)]))).len(), 0);
        for (text, good) in [("a b", true), ("a ", false), ("", false), ("ä", false), (&*"x".repeat(71), false)] {
            assert_eq!(check_boundary(text).is_ok(), good, "{text:?}");
        }
    }
}
