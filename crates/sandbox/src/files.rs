//! The server's Python files, embedded. `place` writes them once per content, so that Python can cache its bytecode.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::Error;

macro_rules! server_files {
    ($($name:literal),+ $(,)?) => { &[$(($name, include_str!(concat!("server/", $name)))),+] };
}

/// (path below the server's directory, text) of every file; a test compares the list with the directory.
pub(crate) const FILES: &[(&str, &str)] = server_files![
    "__main__.py",
    "stackbox/__init__.py",
    "stackbox/app.py",
    "stackbox/cbor.py",
    "stackbox/clock.py",
    "stackbox/control.py",
    "stackbox/faults.py",
    "stackbox/incoming.py",
    "stackbox/lifeline.py",
    "stackbox/repairs/__init__.py",
    "stackbox/repairs/dynamodb.py",
    "stackbox/repairs/ec2_gateways.py",
    "stackbox/repairs/ec2_groups.py",
    "stackbox/repairs/ec2_speed.py",
    "stackbox/repairs/ec2_vpc.py",
    "stackbox/repairs/iam.py",
    "stackbox/repairs/kms.py",
    "stackbox/repairs/messaging.py",
    "stackbox/repairs/observability.py",
    "stackbox/repairs/rds.py",
    "stackbox/repairs/s3.py",
    "stackbox/states.py",
    "stackbox/tokens.py",
    "stackbox/wire.py",
    "stackbox/world.py",
    "stackbox/wrong.py",
];

/// Hexadecimal digest of texts, 16 digits.
pub(crate) fn digest<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash = Sha256::new();
    for text in texts {
        hash.update(text.as_bytes());
        hash.update([0]);
    }
    hash.finalize().iter().take(8).map(|b| format!("{b:02x}")).collect()
}

/// Version of the embedded server: a digest of its files.
pub(crate) fn version() -> String {
    digest(FILES.iter().flat_map(|(name, text)| [*name, *text]))
}

/// The directory of the server's files below `home`, written if it is not there yet.
pub(crate) fn place(home: &Path) -> Result<PathBuf, Error> {
    let target = home.join(format!("server-{}", version()));
    if target.is_dir() {
        return Ok(target);
    }
    let fresh = tempfile::Builder::new().prefix(".server-").tempdir_in(home).map_err(Error::io(home))?;
    for (name, text) in FILES {
        let path = fresh.path().join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(Error::io(parent))?;
        }
        std::fs::write(&path, text).map_err(Error::io(&path))?;
    }
    // Another process may have been faster: its files are the same.
    match std::fs::rename(fresh.path(), &target) {
        Ok(()) => drop(fresh.keep()),
        Err(_) if target.is_dir() => {}
        Err(error) => return Err(Error::Io { path: target, source: error }),
    }
    Ok(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn python_files(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).unwrap().map(Result::unwrap) {
            if entry.path().is_dir() {
                python_files(&entry.path(), found);
            } else if entry.path().extension().is_some_and(|e| e == "py") {
                found.push(entry.path());
            }
        }
    }

    #[test]
    fn every_file_is_embedded() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/server");
        let mut found = Vec::new();
        python_files(&root, &mut found);
        let mut names: Vec<_> =
            found.iter().map(|p| p.strip_prefix(&root).unwrap().to_str().unwrap().to_owned()).collect();
        names.sort();
        assert_eq!(names, FILES.iter().map(|(name, _)| (*name).to_owned()).collect::<Vec<_>>());
        for (name, text) in FILES {
            assert!(text.lines().count() < 600, "{name} is too long");
        }
    }

    #[test]
    fn placing_twice_is_the_same_directory() {
        let home = tempfile::tempdir().unwrap();
        let first = place(home.path()).unwrap();
        assert_eq!(first, place(home.path()).unwrap());
        assert!(first.join("stackbox/repairs/__init__.py").is_file());
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1);
    }
}
