//! Content hashes of directories: SHA-256 over the sorted list of files with their own hashes, `h1:` and base64, as Go's
//! `dirhash` writes it. Directories of version control are left out, so that a clone and its archive hash alike.
//!
//! Reading all files of all modules before every plan would be slow: an [`Index`] remembers what was read.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use base64::Engine as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The files of a directory, by their path in it with slashes.
pub(super) type Index = BTreeMap<String, Seen>;

/// A file as it was read: while the first four are the same, so is the hash.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen {
    bytes: u64,
    /// Nanoseconds since 1970.
    modified: i64,
    /// The same, of the entry itself; no program sets it back.
    changed: i64,
    inode: u64,
    /// SHA-256 of its content in hexadecimal digits.
    hash: String,
}

/// The hash of everything below a directory.
///
/// # Errors
/// If something in it cannot be read.
pub(super) fn directory(dir: &Path) -> io::Result<String> {
    Ok(of(&index(dir, &Index::new())?))
}

/// The hash that a directory with these files has.
pub(super) fn of(index: &Index) -> String {
    let list: String = index.iter().map(|(name, seen)| format!("{}  {name}\n", seen.hash)).collect();
    let sum = Sha256::digest(list.as_bytes());
    format!("h1:{}", base64::engine::general_purpose::STANDARD.encode(sum))
}

/// All files below a directory. Those that are as `known` has them are not read again.
///
/// # Errors
/// If something in it cannot be read.
pub(super) fn index(dir: &Path, known: &Index) -> io::Result<Index> {
    let mut out = Index::new();
    collect(dir, "", known, &mut out)?;
    Ok(out)
}

/// What is not the same in two states of a directory: `main.tf differs`, `x.tf is new`, `y.tf is gone`.
pub(super) fn differences(before: &Index, now: &Index) -> Vec<String> {
    let names = before.keys().chain(now.keys().filter(|n| !before.contains_key(*n)));
    let mut out: Vec<String> = names
        .filter_map(|name| match (before.get(name), now.get(name)) {
            (Some(a), Some(b)) => (a.hash != b.hash).then(|| format!("{name} differs")),
            (None, _) => Some(format!("{name} is new")),
            (_, None) => Some(format!("{name} is gone")),
        })
        .collect();
    out.sort();
    out
}

fn collect(dir: &Path, prefix: &str, known: &Index, out: &mut Index) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name == ".git" || name == ".hg" {
            continue;
        }
        let (shown, meta) = (format!("{prefix}{name}"), entry.metadata()?);
        if meta.is_dir() {
            collect(&entry.path(), &format!("{shown}/"), known, out)?;
            continue;
        }
        let nanoseconds = |s: i64, n: i64| s.saturating_mul(1_000_000_000).saturating_add(n);
        let mut seen = Seen {
            bytes: meta.len(),
            modified: nanoseconds(meta.mtime(), meta.mtime_nsec()),
            changed: nanoseconds(meta.ctime(), meta.ctime_nsec()),
            inode: meta.ino(),
            hash: String::new(),
        };
        seen.hash = match known.get(&shown) {
            Some(k)
                if (k.bytes, k.modified, k.changed, k.inode)
                    == (seen.bytes, seen.modified, seen.changed, seen.inode) =>
            {
                k.hash.clone()
            }
            // A link counts as its text: what it leads to may be outside.
            _ if meta.is_symlink() => hex(std::fs::read_link(entry.path())?.to_string_lossy().as_bytes()),
            _ => hex(&std::fs::read(entry.path())?),
        };
        out.insert(shown, seen);
    }
    Ok(())
}

/// SHA-256 in hexadecimal digits.
pub(super) fn hex(content: &[u8]) -> String {
    digits(&Sha256::digest(content))
}

/// Bytes in hexadecimal digits.
pub(super) fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_contents_count_and_nothing_else() {
        let tree = |files: &[(&str, &str)]| {
            let dir = tempfile::tempdir().unwrap();
            for (name, text) in files {
                let path = dir.path().join(name);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
            directory(dir.path()).unwrap()
        };
        let one = tree(&[("a.tf", "x"), ("b/c.tf", "y")]);
        assert_eq!(one, "h1:nI/QCQaAszG2wIkoOExBJBH8j1T7U0kgM3ybN7DaTDI=");
        assert_eq!(one, tree(&[("b/c.tf", "y"), ("a.tf", "x"), (".git/HEAD", "z")]));
        assert_ne!(one, tree(&[("a.tf", "x"), ("b/d.tf", "y")]));
        assert_ne!(one, tree(&[("a.tf", "x"), ("b/c.tf", "z")]));
    }

    #[test]
    fn what_is_as_it_was_is_not_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for name in ["a", "b", "c"] {
            std::fs::write(at(name), name).unwrap();
        }
        let mut before = index(dir.path(), &Index::new()).unwrap();
        assert_eq!(of(&before), directory(dir.path()).unwrap());
        // A hash that no reading would give shows who was not read.
        before.get_mut("a").unwrap().hash = "kept".to_owned();
        assert_eq!(index(dir.path(), &before).unwrap(), before);
        // The same size and time of modification, which tools can set.
        let time = std::fs::metadata(at("b")).unwrap().modified().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20));
        std::fs::write(at("b"), "B").unwrap();
        std::fs::File::options().write(true).open(at("b")).unwrap().set_modified(time).unwrap();
        std::fs::remove_file(at("c")).unwrap();
        std::fs::write(at("d"), "d").unwrap();
        let now = index(dir.path(), &before).unwrap();
        assert_eq!(differences(&before, &now), ["b differs", "c is gone", "d is new"]);
        let text = serde_json::to_string(&now).unwrap();
        assert_eq!(serde_json::from_str::<Index>(&text).unwrap(), now);
    }
}
