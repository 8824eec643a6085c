//! Archives of modules: which kind a file is, and unpacking without leaving the directory.
//!
//! `.zip`, `.tar` and gzip are read here; bzip2, xz and zstd through the programs of those names. An archive can neither
//! write outside of its directory nor grow without bound.

use std::io::{Cursor, Read};
use std::path::{Component, Path};
use std::process::Stdio;

/// More bytes than this are not unpacked.
const MOST_BYTES: u64 = 2 << 30;
/// More files than this are not unpacked.
const MOST_FILES: usize = 200_000;

/// A kind of archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Zip,
    Tar,
    /// A tar behind gzip.
    Gzip,
    /// A tar behind a program that unpacks it.
    Program(&'static str),
}

/// Endings of names, the longer before the shorter.
const KINDS: &[(&str, Kind)] = &[
    ("tar.gz", Kind::Gzip),
    ("tgz", Kind::Gzip),
    ("tar.bz2", Kind::Program("bzip2")),
    ("tbz2", Kind::Program("bzip2")),
    ("tar.xz", Kind::Program("xz")),
    ("txz", Kind::Program("xz")),
    ("tar.zst", Kind::Program("zstd")),
    ("tzst", Kind::Program("zstd")),
    ("tar", Kind::Tar),
    ("zip", Kind::Zip),
];

impl Kind {
    /// What `archive=NAME` means.
    pub(super) fn named(name: &str) -> Option<Kind> {
        KINDS.iter().find(|(n, _)| *n == name).map(|(_, k)| *k)
    }
    /// What the ending of a path means.
    pub(super) fn of_path(path: &str) -> Option<Kind> {
        KINDS.iter().find(|(n, _)| path.strip_suffix(n).is_some_and(|p| p.ends_with('.'))).map(|(_, k)| *k)
    }
    /// All names, for messages.
    pub(super) fn names() -> String {
        KINDS.iter().map(|(n, _)| *n).collect::<Vec<_>>().join(", ")
    }
}

/// Unpacks an archive into a directory.
///
/// # Errors
/// Why it cannot be unpacked, as the end of a sentence.
pub(super) fn unpack(kind: Kind, content: &[u8], into: &Path) -> Result<(), String> {
    std::fs::create_dir_all(into).map_err(|e| e.to_string())?;
    match kind {
        Kind::Zip => zip(content, into),
        Kind::Tar => tar(content, into),
        Kind::Gzip => tar(flate2::read::MultiGzDecoder::new(content), into),
        Kind::Program(program) => tar(Cursor::new(through(program, content)?), into),
    }
}

/// The content behind `PROGRAM -dc`.
fn through(program: &str, content: &[u8]) -> Result<Vec<u8>, String> {
    let mut child = std::process::Command::new(program)
        .arg("-dc")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| format!("the program {program:?}, which unpacks it, cannot be started: {e}"))?;
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let mut out = Vec::new();
    let read = std::thread::scope(|s| {
        s.spawn(move || {
            // Where the program ends early, its exit code tells.
            let _ = stdin.map(|mut pipe| std::io::Write::write_all(&mut pipe, content));
        });
        stdout.map_or(Ok(0), |pipe| pipe.take(MOST_BYTES + 1).read_to_end(&mut out))
    });
    if out.len() as u64 > MOST_BYTES {
        let _ = child.kill();
    }
    let status = child.wait().map_err(|e| e.to_string())?;
    match read {
        Ok(_) if out.len() as u64 > MOST_BYTES => Err(too_large()),
        Ok(_) if status.success() => Ok(out),
        _ => Err(format!("it is damaged: {program} cannot read it")),
    }
}

fn too_large() -> String {
    format!("it holds more than {} GB", MOST_BYTES >> 30)
}

fn tar(content: impl Read, into: &Path) -> Result<(), String> {
    let damaged = |e: std::io::Error| format!("it is damaged: {e}");
    let mut archive = tar::Archive::new(content);
    archive.set_preserve_mtime(false);
    let (mut bytes, mut files) = (0u64, 0usize);
    for entry in archive.entries().map_err(damaged)? {
        let mut entry = entry.map_err(damaged)?;
        let kind = entry.header().entry_type();
        let wanted =
            kind.is_file() || kind.is_dir() || kind.is_symlink() || kind.is_hard_link() || kind.is_contiguous();
        if !wanted {
            continue;
        }
        files += 1;
        bytes = bytes.saturating_add(entry.size());
        if bytes > MOST_BYTES || files > MOST_FILES {
            return Err(too_large());
        }
        let name = entry.path().map_err(damaged)?.display().to_string();
        // False: its path leads out of the directory.
        if !entry.unpack_in(into).map_err(damaged)? {
            return Err(outside(&name));
        }
    }
    match files {
        0 => Err("it is empty".to_owned()),
        _ => Ok(()),
    }
}

fn outside(name: &str) -> String {
    format!("its entry {name:?} leads out of the directory that it is unpacked to")
}

fn zip(content: &[u8], into: &Path) -> Result<(), String> {
    let damaged = |e: zip::result::ZipError| format!("it is damaged: {e}");
    let failed = |e: std::io::Error| format!("it cannot be unpacked: {e}");
    let mut archive = zip::ZipArchive::new(Cursor::new(content)).map_err(damaged)?;
    if archive.len() > MOST_FILES {
        return Err(too_large());
    }
    let mut left = MOST_BYTES;
    for i in 0..archive.len() {
        let mut entry = archive.by_index(i).map_err(damaged)?;
        let name = entry.name().map_err(damaged)?.into_owned();
        let inside = |p: &Path| p.components().all(|c| matches!(c, Component::Normal(_) | Component::CurDir));
        let Some(path) = entry.enclosed_name().filter(|p| inside(p)) else { return Err(outside(&name)) };
        let target = into.join(path);
        if entry.is_dir() {
            std::fs::create_dir_all(&target).map_err(failed)?;
            continue;
        }
        if entry.is_symlink() {
            return Err(format!("its entry {name:?} is a symbolic link, which zip archives of modules may not have"));
        }
        std::fs::create_dir_all(target.parent().unwrap_or(into)).map_err(failed)?;
        let mut file = std::fs::File::create(&target).map_err(failed)?;
        // The size in the header is a claim: what counts is what comes out.
        let written = std::io::copy(&mut entry.by_ref().take(left + 1), &mut file).map_err(failed)?;
        left = left.checked_sub(written).ok_or_else(too_large)?;
        if let Some(mode) = entry.unix_mode().filter(|m| m & 0o111 != 0) {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::Permissions::from_mode(mode & 0o777 | 0o600);
            std::fs::set_permissions(&target, mode).map_err(failed)?;
        }
    }
    if archive.is_empty() { Err("it is empty".to_owned()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn kinds() {
        for (path, want) in [
            ("/a/m.zip", Some(Kind::Zip)),
            ("m.tar.gz", Some(Kind::Gzip)),
            ("m.tgz", Some(Kind::Gzip)),
            ("m.tar.xz", Some(Kind::Program("xz"))),
            ("/a/tar", None),
            ("/archive/v1.0", None),
        ] {
            assert_eq!(Kind::of_path(path), want, "{path}");
        }
        assert_eq!((Kind::named("tar.gz"), Kind::named("rar")), (Some(Kind::Gzip), None));
    }

    fn tarred(files: &[(&str, &str)]) -> Vec<u8> {
        let mut b = tar::Builder::new(Vec::new());
        for (name, text) in files {
            let mut h = tar::Header::new_gnu();
            h.set_size(text.len() as u64);
            h.set_mode(0o644);
            // Written into the header's bytes: the builder refuses names that lead outside.
            h.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            h.set_cksum();
            b.append(&h, text.as_bytes()).unwrap();
        }
        b.into_inner().unwrap()
    }

    #[test]
    fn archives_are_unpacked_inside_of_their_directory() {
        let dir = tempfile::tempdir().unwrap();
        let good = tarred(&[("m/main.tf", "locals {}")]);
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gz.write_all(&good).unwrap();
        let mut z = zip::ZipWriter::new(Cursor::new(Vec::new()));
        z.start_file("m/main.tf", zip::write::SimpleFileOptions::default()).unwrap();
        z.write_all(b"locals {}").unwrap();
        let zipped = z.finish().unwrap().into_inner();
        for (i, (kind, content)) in
            [(Kind::Tar, good), (Kind::Gzip, gz.finish().unwrap()), (Kind::Zip, zipped)].into_iter().enumerate()
        {
            let into = dir.path().join(i.to_string());
            unpack(kind, &content, &into).unwrap();
            assert_eq!(std::fs::read_to_string(into.join("m/main.tf")).unwrap(), "locals {}", "{kind:?}");
        }
    }

    #[test]
    fn archives_that_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let into = dir.path().join("in/side");
        for (kind, content, want) in [
            (Kind::Tar, tarred(&[("../../evil", "x")]), "leads out"),
            (Kind::Gzip, b"no archive".to_vec(), "damaged"),
            (Kind::Zip, b"no archive".to_vec(), "damaged"),
            (Kind::Tar, tarred(&[]), "empty"),
        ] {
            let e = unpack(kind, &content, &into).unwrap_err();
            assert!(e.contains(want), "{kind:?}: {e}");
        }
        assert!(!dir.path().join("evil").exists());
    }
}
