//! `archive_file`, the data source and the resource: an archive of files, a directory or given contents.
//!
//! Both write the archive whenever they are read. Modification times are left out, so that the same content makes the
//! same archive.

use std::collections::BTreeMap;
use std::fs;

use stackctl_core::{Attr, Block, BlockType, Check, ForceNew, Host, Known, Nesting, Path, Result, Rule, Schema, Ty};

use super::pack::{Entry, Kind, collect, pack};
use crate::checksums::{self, sha1_hex};
use crate::local::{place, trouble};
use crate::table::{Source, Type};

/// `data.archive_file`.
pub(crate) fn source() -> Source {
    let schema = Schema {
        doc: "An archive of files, a directory or given contents, written whenever the data source is read.",
        ..schema(ForceNew::No)
    };
    Source::new(schema, |config, setup| Box::pin(async move { make(config, &setup.host) }))
}

/// `archive_file`.
pub(crate) fn resource() -> Type {
    let schema = Schema {
        doc: "An archive of files, a directory or given contents. The data source of the same name is the better choice.",
        ..schema(ForceNew::Yes)
    };
    Type::new(schema, |new, host| Box::pin(async move { make(new.clone(), host) }))
        .refreshed(|v, host| make(v.clone(), host).map(Some))
}

fn schema(force_new: ForceNew) -> Schema {
    let text = |doc| Attr { force_new, ..Attr::optional(Ty::String) }.doc(doc);
    let flag = |doc| Attr { force_new, ..Attr::optional(Ty::Bool) }.doc(doc);
    let made = |doc| Attr { not_null: true, ..Attr::computed(Ty::String) }.doc(doc);
    let must = || Attr { force_new, ..Attr::required(Ty::String) };
    let attrs = BTreeMap::from([
        (
            "exclude_symlink_directories",
            flag("Leave out directories that are reached through symbolic links; false where nothing is set."),
        ),
        (
            "excludes",
            Attr { force_new, ..Attr::optional(Ty::set(Ty::String)) }
                .doc("Patterns of paths under `source_dir` to leave out: `*` within a name, `**` across directories."),
        ),
        ("id", Attr::id()),
        ("output_base64sha256", made("SHA-256 sum of the archive in base64.")),
        ("output_base64sha512", made("SHA-512 sum of the archive in base64.")),
        (
            "output_file_mode",
            text("Mode of all files in the archive, in octal digits; that of the files where nothing is set.")
                .check(Check::Pattern("0?[0-7]{3,4}", "octal digits: \"0644\"")),
        ),
        ("output_md5", made("MD5 sum of the archive.")),
        ("output_path", must().doc("Name of the archive. Missing directories are made.")),
        ("output_sha", made("SHA-1 sum of the archive.")),
        ("output_sha256", made("SHA-256 sum of the archive.")),
        ("output_sha512", made("SHA-512 sum of the archive.")),
        ("output_size", Attr { not_null: true, ..Attr::computed(Ty::Number) }.doc("Size of the archive in bytes.")),
        ("source_content", text("Content of the only file.")),
        ("source_content_filename", text("Name of the only file, with `source_content`.")),
        ("source_dir", text("Directory to pack.")),
        ("source_file", text("File to pack.")),
        ("type", must().check(Check::OneOf(&["zip", "tar.gz"])).doc("Kind of the archive.")),
    ]);
    let source = Block {
        attrs: BTreeMap::from([
            ("content", must().doc("Content of the file.")),
            ("filename", must().doc("Its name in the archive.")),
        ]),
        blocks: BTreeMap::new(),
    };
    let source = BlockType {
        force_new: force_new == ForceNew::Yes,
        doc: "A file with a given content.",
        ..BlockType::new(Nesting::Set, source)
    };
    Schema {
        rules: vec![
            Rule::ExactlyOneOf(&["source", "source_content_filename", "source_file", "source_dir"]),
            Rule::RequiredWith("source_content", &["source_content_filename"]),
            Rule::RequiredWith("source_content_filename", &["source_content"]),
            Rule::Conflicts("excludes", &["source", "source_content_filename", "source_file"]),
        ],
        ..Schema::new("archive_file", Block { attrs, blocks: BTreeMap::from([("source", source)]) })
    }
}

fn make(mut v: Known, host: &Host) -> Result<Known> {
    let text = |k: &str| v.get(k).as_str();
    let kind = if text("type") == Some("tar.gz") { Kind::TarGz } else { Kind::Zip };
    let mode = text("output_file_mode").and_then(|m| u32::from_str_radix(m, 8).ok());
    let bytes = pack(kind, &entries(&v, host)?, mode)?;
    let at = place(host, text("output_path").unwrap_or_default());
    if let Some(dir) = at.parent() {
        fs::create_dir_all(dir).map_err(|e| trouble("made", dir, &e))?;
    }
    // An archive that is right already stays untouched: others may be reading it.
    if fs::read(&at).ok().as_deref() != Some(&bytes) {
        fs::write(&at, &bytes).map_err(|e| trouble("written", &at, &e))?;
    }
    checksums::set(&mut v, "output", "sha", &bytes);
    v.set("output_size", i64::try_from(bytes.len()).unwrap_or(i64::MAX).into());
    v.set("id", sha1_hex(&bytes).into());
    Ok(v)
}

fn entries(v: &Known, host: &Host) -> Result<Vec<Entry>> {
    let text = |k: &str| v.get(k).as_str();
    if let Some(dir) = text("source_dir") {
        let excludes: Vec<&str> =
            v.get("excludes").as_list().unwrap_or_default().iter().filter_map(Known::as_str).collect();
        let no_links = v.get("exclude_symlink_directories").as_bool().unwrap_or(false);
        return collect(&place(host, dir), &excludes, no_links);
    }
    if let Some(file) = text("source_file") {
        let at = place(host, file);
        let entry = Entry::of_file(&at, at.file_name().unwrap_or_default().to_string_lossy().into_owned());
        return entry.map(|e| vec![e]).map_err(|e| stackctl_core::Error { path: Some(Path::attr("source_file")), ..e });
    }
    if let Some(name) = text("source_content_filename") {
        return Ok(vec![Entry::new(name, text("source_content").unwrap_or_default())]);
    }
    let one = |s: &Known| {
        (
            s.get("filename").as_str().unwrap_or_default().to_owned(),
            s.get("content").as_str().unwrap_or_default().to_owned(),
        )
    };
    let all: BTreeMap<String, String> = v.get("source").as_list().unwrap_or_default().iter().map(one).collect();
    Ok(all.iter().map(|(name, content)| Entry::new(name, content)).collect())
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use super::*;
    use crate::testing::host;

    #[test]
    fn archives_and_their_sums() {
        let (dir, host) = host();
        fs::create_dir_all(dir.path().join("src/node_modules/x")).unwrap();
        fs::write(dir.path().join("src/index.js"), "main").unwrap();
        fs::write(dir.path().join("src/node_modules/x/a.js"), "dependency").unwrap();
        let mut v = Known::from([("type", "zip"), ("source_dir", "src"), ("output_path", "out/f.zip")]);
        v.set("excludes", vec!["node_modules/**"].into());
        let made = make(v.clone(), &host).unwrap();
        let bytes = fs::read(dir.path().join("out/f.zip")).unwrap();
        assert_eq!(made.get("output_size").as_i64(), Some(bytes.len() as i64));
        assert_eq!(made.get("id").as_str(), Some(&*sha1_hex(&bytes)));
        let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        assert_eq!(zip.len(), 1);
        let mut text = String::new();
        zip.by_name("index.js").unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "main");
        assert_eq!(make(v, &host).unwrap(), made, "the same content makes the same archive");
    }

    #[test]
    fn contents_and_missing_files() {
        let (_dir, host) = host();
        let mut v = Known::from([("type", "tar.gz"), ("output_path", "o.tgz")]);
        let part = |n: &str, c: &str| Known::from([("filename", n), ("content", c)]);
        v.set("source", Known::List(vec![part("b", "2"), part("a/x", "1")]));
        make(v, &host).unwrap();
        let read = fs::read(host.cwd.join("o.tgz")).unwrap();
        let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(&read[..]));
        let names: Vec<_> = tar.entries().unwrap().map(|e| e.unwrap().path().unwrap().display().to_string()).collect();
        assert_eq!(names, ["a/x", "b"]);
        let v = Known::from([("type", "zip"), ("output_path", "o.zip"), ("source_file", "missing")]);
        assert!(make(v, &host).unwrap_err().message.contains("missing cannot be read"));
    }
}
