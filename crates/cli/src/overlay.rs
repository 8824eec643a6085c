//! The files of a stack with one more configuration file in its directory, which exists in memory alone.

use std::io;
use std::path::{Path, PathBuf};

use stackctl_lang::files::{Entry, Files, Kind, normalise};

/// Files with one more in the working directory.
pub(crate) struct Overlay<'a> {
    pub(crate) inner: &'a dyn Files,
    /// Name of the file, without a directory.
    pub(crate) name: &'a str,
    pub(crate) text: &'a str,
}

impl Overlay<'_> {
    fn is_it(&self, path: &Path) -> bool {
        normalise(&self.inner.cwd().join(path)) == normalise(&self.inner.cwd().join(self.name))
    }
}

impl Files for Overlay<'_> {
    fn cwd(&self) -> &Path {
        self.inner.cwd()
    }
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        if self.is_it(path) { Ok(self.text.as_bytes().to_vec()) } else { self.inner.read(path) }
    }
    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let mut entries = self.inner.list(path)?;
        if self.is_it(&path.join(self.name)) {
            entries.retain(|e| e.name != self.name);
            entries.push(Entry { name: self.name.to_owned(), kind: Kind::File });
            entries.sort();
        }
        Ok(entries)
    }
    fn kind(&self, path: &Path) -> Option<Kind> {
        if self.is_it(path) { Some(Kind::File) } else { self.inner.kind(path) }
    }
    fn real(&self, path: &Path) -> PathBuf {
        self.inner.real(path)
    }
    fn home(&self) -> Option<PathBuf> {
        self.inner.home()
    }
}
