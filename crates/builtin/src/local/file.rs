//! `local_file` and `local_sensitive_file`: a file with a given content.
//!
//! Start at [`create`]. A file that was changed or removed by others is gone as far as a refresh is concerned, and is
//! written anew by the next apply.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path as File;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use stackctl_core::{Attr, Block, BoxFuture, Check, Error, Host, Known, Path, Result, Rule, Schema, Ty};

use super::{place, trouble};
use crate::checksums::{self, sha1_hex};
use crate::table::Type;

/// `local_file`.
pub(crate) fn plain() -> Type {
    let mut attrs = attrs(false, "0777");
    let old = Attr { deprecated: Some("Use the `local_sensitive_file` resource instead"), ..text() };
    attrs.insert("sensitive_content", old.sensitive().doc("Content of the file, hidden wherever values are shown."));
    ty(Schema {
        doc: "A file on the machine that runs stackctl.",
        rules: vec![Rule::ExactlyOneOf(&["content", "sensitive_content", "content_base64", "source"])],
        ..Schema::new("local_file", Block { attrs, blocks: BTreeMap::new() })
    })
}

/// `local_sensitive_file`.
pub(crate) fn sensitive() -> Type {
    ty(Schema {
        doc: "A file with secret content on the machine that runs stackctl.",
        rules: vec![Rule::ExactlyOneOf(&["content", "content_base64", "source"])],
        ..Schema::new("local_sensitive_file", Block { attrs: attrs(true, "0700"), blocks: BTreeMap::new() })
    })
}

fn text() -> Attr {
    Attr::optional(Ty::String).force_new()
}

fn attrs(sensitive: bool, mode: &'static str) -> BTreeMap<&'static str, Attr> {
    let content = |doc| Attr { sensitive, ..text() }.doc(doc);
    let permission = |doc| {
        Attr::opt_computed(Ty::String)
            .default(mode)
            .force_new()
            .check(Check::Pattern("[0-7]{3,4}", "three or four octal digits: \"0644\""))
            .doc(doc)
    };
    let mut attrs = BTreeMap::from([
        ("content", content("Content of the file.")),
        ("content_base64", content("Content of the file in base64, for what is no text.")),
        ("content_sha1", Attr { not_null: true, ..Attr::computed(Ty::String) }.doc("SHA-1 sum of the content.")),
        ("directory_permission", permission("Mode of directories that have to be made, before the umask.")),
        ("file_permission", permission("Mode of the file, before the umask.")),
        ("filename", Attr::required(Ty::String).force_new().doc("Name of the file. Missing directories are made.")),
        ("id", Attr::id()),
        ("source", text().doc("File to copy.")),
    ]);
    for (name, doc) in [
        ("content_md5", "MD5 sum of the content."),
        ("content_sha256", "SHA-256 sum of the content."),
        ("content_base64sha256", "SHA-256 sum of the content in base64."),
        ("content_sha512", "SHA-512 sum of the content."),
        ("content_base64sha512", "SHA-512 sum of the content in base64."),
    ] {
        attrs.insert(name, Attr { not_null: true, ..Attr::computed(Ty::String) }.doc(doc));
    }
    attrs
}

fn ty(schema: Schema) -> Type {
    Type {
        delete: |v, host| {
            let at = place(host, v.get("filename").as_str().unwrap_or_default());
            Box::pin(async move {
                match fs::remove_file(&at) {
                    Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(trouble("removed", &at, &e)),
                    _ => Ok(()),
                }
            })
        },
        ..Type::new(schema, create)
    }
    .refreshed(refresh)
}

fn create<'a>(new: &'a Known, host: &'a Host) -> BoxFuture<'a, Result<Known>> {
    Box::pin(async move {
        let content = content(new, host)?;
        let at = place(host, new.get("filename").as_str().unwrap_or_default());
        let mode = |k: &str| u32::from_str_radix(new.get(k).as_str().unwrap_or("0777"), 8).unwrap_or(0o777);
        write(&at, &content, mode("file_permission"), mode("directory_permission"))?;
        let mut v = new.clone();
        checksums::set(&mut v, "content", "sha1", &content);
        v.set("id", sha1_hex(&content).into());
        Ok(v)
    })
}

fn content(v: &Known, host: &Host) -> Result<Vec<u8>> {
    let text = |k: &str| v.get(k).as_str();
    if let Some(b64) = text("content_base64") {
        return BASE64_STANDARD
            .decode(b64)
            .map_err(|_| Error::at(Path::attr("content_base64"), "The content is not base64."));
    }
    if let Some(source) = text("source") {
        let at = place(host, source);
        return fs::read(&at).map_err(|e| Error { path: Some(Path::attr("source")), ..trouble("read", &at, &e) });
    }
    Ok(text("content").or_else(|| text("sensitive_content")).unwrap_or_default().as_bytes().to_vec())
}

fn write(at: &File, content: &[u8], mode: u32, dir_mode: u32) -> Result<()> {
    if let Some(dir) = at.parent().filter(|d| !d.exists()) {
        fs::DirBuilder::new().recursive(true).mode(dir_mode).create(dir).map_err(|e| trouble("made", dir, &e))?;
    }
    fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(at)
        .and_then(|mut f| f.write_all(content))
        .map_err(|e| trouble("written", at, &e))
}

/// A file that is not what was written is gone.
fn refresh(v: &Known, host: &Host) -> Result<Option<Known>> {
    let at = place(host, v.get("filename").as_str().unwrap_or_default());
    match fs::read(&at) {
        Ok(content) => Ok((Some(sha1_hex(&content).as_str()) == v.get("id").as_str()).then(|| v.clone())),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(trouble("read", &at, &e)),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::testing::{host, run};

    fn planned(args: &[(&str, &str)]) -> Known {
        let mut v = Known::from([("file_permission", "0640"), ("directory_permission", "0700")]);
        args.iter().for_each(|(k, t)| v.set(*k, (*t).into()));
        v
    }

    #[test]
    fn life_of_a_file() {
        let (dir, host) = host();
        let ty = plain();
        let made = run((ty.create)(&planned(&[("filename", "a/b/c.txt"), ("content", "abc")]), &host)).unwrap();
        let at = dir.path().join("a/b/c.txt");
        assert_eq!(fs::read(&at).unwrap(), b"abc");
        assert_eq!(fs::metadata(&at).unwrap().permissions().mode() & 0o137, 0);
        assert_eq!(fs::metadata(dir.path().join("a/b")).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(made.get("id").as_str(), Some("a9993e364706816aba3e25717850c26c9cd0d89d"));
        assert_eq!(refresh(&made, &host).unwrap(), Some(made.clone()));
        fs::write(&at, "other").unwrap();
        assert_eq!(refresh(&made, &host).unwrap(), None);
        run((ty.delete)(&made, &host)).unwrap();
        assert!(!at.exists());
        assert_eq!(refresh(&made, &host).unwrap(), None);
        run((ty.delete)(&made, &host)).unwrap();
    }

    #[test]
    fn contents() {
        let (dir, host) = host();
        fs::write(dir.path().join("in"), [0, 159, 146, 150]).unwrap();
        type Case<'a> = (&'a str, &'a str, Result<&'a [u8], &'a str>);
        let cases: &[Case<'_>] = &[
            ("content", "ä", Ok("ä".as_bytes())),
            ("sensitive_content", "s", Ok(b"s")),
            ("content_base64", "AP8=", Ok(&[0, 255])),
            ("content_base64", "not base64!", Err("not base64")),
            ("source", "in", Ok(&[0, 159, 146, 150])),
            ("source", "missing", Err("cannot be read")),
        ];
        for (name, value, want) in cases {
            let got = content(&planned(&[(name, value)]), &host);
            match (got, want) {
                (Ok(got), Ok(want)) => assert_eq!(got, *want, "{name}"),
                (Err(e), Err(want)) => assert!(e.message.contains(want), "{name}: {}", e.message),
                (got, want) => panic!("{name}: {got:?}, not {want:?}"),
            }
        }
    }
}
