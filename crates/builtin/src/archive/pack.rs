//! Files into archives: what goes in, and the two formats.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Cursor, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use stackctl_core::{Error, ErrorKind, Result};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::local::trouble;

/// Format of an archive.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Zip,
    TarGz,
}

/// A file in an archive.
pub(super) struct Entry {
    /// Path, with `/`.
    name: String,
    content: Vec<u8>,
    /// Permissions.
    mode: u32,
}

impl Entry {
    /// A file with a given content.
    pub(super) fn new(name: &str, content: &str) -> Entry {
        Entry { name: name.to_owned(), content: content.as_bytes().to_vec(), mode: 0o644 }
    }
    /// A file on the disk.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn of_file(at: &Path, name: String) -> Result<Entry> {
        let content = fs::read(at).map_err(|e| trouble("read", at, &e))?;
        let mode = fs::metadata(at).map_err(|e| trouble("read", at, &e))?.permissions().mode() & 0o7777;
        Ok(Entry { name, content, mode })
    }
}

/// All files under a directory in the order of their names, but for those that a pattern excludes.
///
/// # Errors
/// If something cannot be read, a pattern is none, or symbolic links lead in a circle.
pub(super) fn collect(dir: &Path, excludes: &[&str], no_linked_dirs: bool) -> Result<Vec<Entry>> {
    let mut set = GlobSetBuilder::new();
    for text in excludes.iter().filter(|t| !t.is_empty()) {
        let glob = GlobBuilder::new(text).literal_separator(true).build();
        let wrong = |e: globset::Error| {
            Error::at(stackctl_core::Path::attr("excludes"), format!("{text:?} is not a pattern: {}.", e.kind()))
        };
        set.add(glob.map_err(wrong)?);
    }
    let set = set.build().map_err(|e| Error::invalid(format!("The patterns are too many: {e}.")))?;
    let mut out = Vec::new();
    let mut walk = Walk { set, no_linked_dirs, inside: BTreeSet::new(), out: &mut out };
    walk.dir(dir, "")?;
    Ok(out)
}

struct Walk<'a> {
    set: GlobSet,
    no_linked_dirs: bool,
    /// Real paths of the directories that the walk is in.
    inside: BTreeSet<PathBuf>,
    out: &'a mut Vec<Entry>,
}

impl Walk<'_> {
    fn dir(&mut self, dir: &Path, prefix: &str) -> Result<()> {
        let real = fs::canonicalize(dir).map_err(|e| trouble("read", dir, &e))?;
        if !self.inside.insert(real.clone()) {
            let text = format!("{} leads back to a directory that it lies in.", dir.display());
            return Err(Error::new(ErrorKind::Other, text).hinted("Exclude the symbolic link."));
        }
        let mut names = Vec::new();
        for e in fs::read_dir(dir).map_err(|e| trouble("read", dir, &e))? {
            names.push(e.map_err(|e| trouble("read", dir, &e))?.file_name());
        }
        names.sort();
        for name in names {
            let (at, path) = (dir.join(&name), format!("{prefix}{}", name.to_string_lossy()));
            if self.set.is_match(&path) {
                continue;
            }
            let meta = fs::metadata(&at).map_err(|e| trouble("read", &at, &e))?;
            if !meta.is_dir() {
                self.out.push(Entry::of_file(&at, path)?);
            } else if !(self.no_linked_dirs && at.is_symlink()) {
                self.dir(&at, &format!("{path}/"))?;
            }
        }
        self.inside.remove(&real);
        Ok(())
    }
}

/// The bytes of an archive. `mode` replaces those of the files.
///
/// # Errors
/// If a name does not fit into the format.
pub(super) fn pack(kind: Kind, entries: &[Entry], mode: Option<u32>) -> Result<Vec<u8>> {
    let failed = |name: &str, e: &dyn std::fmt::Display| {
        Error::new(ErrorKind::Other, format!("{name:?} cannot be put into the archive: {e}."))
    };
    match kind {
        Kind::Zip => {
            let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
            for e in entries {
                let options = SimpleFileOptions::default()
                    .compression_method(CompressionMethod::Deflated)
                    .last_modified_time(DateTime::default())
                    .large_file(e.content.len() > u32::MAX as usize)
                    .unix_permissions(mode.unwrap_or(e.mode));
                zip.start_file(e.name.as_str(), options).map_err(|x| failed(&e.name, &x))?;
                zip.write_all(&e.content).map_err(|x| failed(&e.name, &x))?;
            }
            zip.finish().map(Cursor::into_inner).map_err(|x| failed("", &x))
        }
        Kind::TarGz => {
            let gz = GzBuilder::new().operating_system(255).write(Vec::new(), Compression::default());
            let mut tar = tar::Builder::new(gz);
            for e in entries {
                let mut header = tar::Header::new_ustar();
                header.set_size(e.content.len() as u64);
                header.set_mode(mode.unwrap_or(e.mode));
                header.set_mtime(0);
                tar.append_data(&mut header, &e.name, &e.content[..]).map_err(|x| failed(&e.name, &x))?;
            }
            tar.into_inner().and_then(flate2::write::GzEncoder::finish).map_err(|x| failed("", &x))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_goes_in() {
        let dir = tempfile::tempdir().unwrap();
        let at = |p: &str| dir.path().join(p);
        for d in ["a/deep", "b"] {
            fs::create_dir_all(at(d)).unwrap();
        }
        for f in ["a/1.txt", "a/deep/2.txt", "a/deep/3.log", "top.txt"] {
            fs::write(at(f), f).unwrap();
        }
        symlink(at("a"), at("b/link")).unwrap();
        let names = |excludes: &[&str], no_links| {
            collect(dir.path(), excludes, no_links).map(|l| l.into_iter().map(|e| e.name).collect::<Vec<_>>().join(" "))
        };
        let cases: &[(&[&str], bool, &str)] = &[
            (&[], true, "a/1.txt a/deep/2.txt a/deep/3.log top.txt"),
            (&["b"], false, "a/1.txt a/deep/2.txt a/deep/3.log top.txt"),
            (&["a/deep"], false, "a/1.txt b/link/1.txt b/link/deep/2.txt b/link/deep/3.log top.txt"),
            (&["*.txt", "b"], false, "a/1.txt a/deep/2.txt a/deep/3.log"),
            (&["**/*.txt", "b/**"], false, "a/deep/3.log"),
        ];
        for (excludes, no_links, want) in cases {
            assert_eq!(names(excludes, *no_links).unwrap(), *want, "{excludes:?}");
        }
        symlink(dir.path(), at("b/loop")).unwrap();
        assert!(names(&[], false).unwrap_err().message.contains("leads back"));
        assert!(names(&["[a"], false).unwrap_err().message.contains("not a pattern"));
    }

    #[test]
    fn modes() {
        let entry = Entry { mode: 0o755, ..Entry::new("x", "1") };
        for (mode, want) in [(None, 0o755), (Some(0o600), 0o600)] {
            let bytes = pack(Kind::Zip, std::slice::from_ref(&entry), mode).unwrap();
            let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
            assert_eq!(zip.by_index(0).unwrap().unix_mode().map(|m| m & 0o777), Some(want));
        }
    }
}
