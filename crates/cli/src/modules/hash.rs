//! Content hashes of directories: SHA-256 over the sorted list of files with their own hashes, `h1:` and base64, as Go's
//! `dirhash` writes it. Directories of version control are left out, so that a clone and its archive hash alike.

use std::io;
use std::path::Path;

use base64::Engine as _;
use sha2::{Digest as _, Sha256};

/// The hash of everything below a directory.
///
/// # Errors
/// If something in it cannot be read.
pub(super) fn directory(dir: &Path) -> io::Result<String> {
    let mut files = Vec::new();
    collect(dir, "", &mut files)?;
    files.sort();
    let list: String = files.iter().map(|(name, hash)| format!("{hash}  {name}\n")).collect();
    let sum = Sha256::digest(list.as_bytes());
    Ok(format!("h1:{}", base64::engine::general_purpose::STANDARD.encode(sum)))
}

fn collect(dir: &Path, prefix: &str, out: &mut Vec<(String, String)>) -> io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name == ".git" {
            continue;
        }
        let (shown, kind) = (format!("{prefix}{name}"), entry.file_type()?);
        if kind.is_dir() {
            collect(&entry.path(), &format!("{shown}/"), out)?;
        } else if kind.is_symlink() {
            // A link counts as its text: what it leads to may be outside.
            let target = std::fs::read_link(entry.path())?;
            out.push((shown, hex(target.to_string_lossy().as_bytes())));
        } else {
            out.push((shown, hex(&std::fs::read(entry.path())?)));
        }
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
}
