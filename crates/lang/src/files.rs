//! Reading files and directories behind one trait, so that configuration and functions read from the disk, from the
//! snapshot in a saved plan, or from a test's table alike.
//!
//! Nothing here writes. Relative paths start from [`Files::cwd`], never from the process's own directory. Start at
//! [`Files`]; a saved plan wraps [`Disk`] in [`Recorder`] and later reads from [`Memory`].

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// What stands at a path, symbolic links followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A pipe, a device, a dangling link.
    Other,
}

/// One entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Entry {
    /// File name without its directory. Names that are not UTF-8 are shown with replacement characters.
    pub name: String,
    /// What it is.
    pub kind: Kind,
}

/// Access to files for reading.
pub trait Files: Send + Sync {
    /// Directory that relative paths start from; absolute.
    fn cwd(&self) -> &Path;
    /// The content of a file.
    ///
    /// # Errors
    /// As the operating system gives them; `InvalidInput` or `IsADirectory` for a directory.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;
    /// The entries of a directory, sorted by name.
    ///
    /// # Errors
    /// As the operating system gives them.
    fn list(&self, path: &Path) -> io::Result<Vec<Entry>>;
    /// What stands at a path; `None` if nothing does or it cannot be seen.
    fn kind(&self, path: &Path) -> Option<Kind>;
    /// The same place without symbolic links, for telling directory loops.
    fn real(&self, path: &Path) -> PathBuf {
        normalise(&self.cwd().join(path))
    }
    /// The user's home directory, for `pathexpand`.
    fn home(&self) -> Option<PathBuf> {
        None
    }
}

/// Most bytes of a file that is read.
const LARGEST: u64 = 256 << 20;

/// The disk, seen from a directory.
#[derive(Clone, Debug)]
pub struct Disk {
    cwd: PathBuf,
    home: Option<PathBuf>,
}

impl Disk {
    /// The disk, with relative paths starting from `cwd` (absolute).
    pub fn new(cwd: impl Into<PathBuf>) -> Disk {
        Disk { cwd: cwd.into(), home: None }
    }
    /// The same with a home directory.
    #[must_use]
    pub fn with_home(self, home: Option<PathBuf>) -> Disk {
        Disk { home, ..self }
    }
}

impl Files for Disk {
    fn cwd(&self) -> &Path {
        &self.cwd
    }
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let file = std::fs::File::open(self.cwd.join(path))?;
        // Devices never end, and their size says nothing.
        let expected = file.metadata().map_or(0, |m| m.len());
        let (mut bytes, limit) = (Vec::with_capacity(expected.min(LARGEST) as usize), LARGEST + 1);
        io::Read::read_to_end(&mut io::Read::take(file, limit), &mut bytes)?;
        if bytes.len() as u64 == limit {
            let text = format!("it has more than {} MiB", LARGEST >> 20);
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
        }
        Ok(bytes)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let dir = self.cwd.join(path);
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(&dir)? {
            let entry = entry?;
            let kind = kind_of(std::fs::metadata(entry.path()).ok().as_ref());
            entries.push(Entry { name: entry.file_name().to_string_lossy().into_owned(), kind });
        }
        entries.sort();
        Ok(entries)
    }
    fn kind(&self, path: &Path) -> Option<Kind> {
        std::fs::metadata(self.cwd.join(path)).ok().map(|m| kind_of(Some(&m)))
    }
    fn real(&self, path: &Path) -> PathBuf {
        let path = self.cwd.join(path);
        std::fs::canonicalize(&path).unwrap_or_else(|_| normalise(&path))
    }
    fn home(&self) -> Option<PathBuf> {
        self.home.clone()
    }
}

fn kind_of(m: Option<&std::fs::Metadata>) -> Kind {
    match m {
        Some(m) if m.is_file() => Kind::File,
        Some(m) if m.is_dir() => Kind::Directory,
        _ => Kind::Other,
    }
}

/// A table of files: the snapshot of a saved plan, or a test's. Directories exist by what is in them.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    cwd: PathBuf,
    files: BTreeMap<PathBuf, Arc<[u8]>>,
    directories: BTreeSet<PathBuf>,
    /// What was observed besides contents: listings, and what stood (or did not stand) at a path.
    listings: BTreeMap<PathBuf, Vec<Entry>>,
    kinds: BTreeMap<PathBuf, Option<Kind>>,
}

impl Memory {
    /// An empty table seen from `/`.
    pub fn new() -> Memory {
        Memory::at("/")
    }
    /// An empty table seen from a directory.
    pub fn at(cwd: impl Into<PathBuf>) -> Memory {
        Memory { cwd: cwd.into(), ..Memory::default() }
    }
    /// A table of names and texts, seen from `/`.
    pub fn of<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Memory {
        let mut m = Memory::new();
        for (name, text) in files {
            m.add(name, text.as_bytes());
        }
        m
    }
    /// Adds a file, and the directories that it is in.
    pub fn add(&mut self, path: impl AsRef<Path>, content: impl Into<Arc<[u8]>>) {
        let path = normalise(&self.cwd.join(path));
        self.add_directory(path.parent().unwrap_or(Path::new("/")));
        self.files.insert(path, content.into());
    }
    /// Adds a directory, and those that it is in.
    pub fn add_directory(&mut self, path: impl AsRef<Path>) {
        let path = normalise(&self.cwd.join(path));
        self.directories.extend(path.ancestors().map(Path::to_owned));
    }
    /// Every file with its absolute path.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, &[u8])> {
        self.files.iter().map(|(p, c)| (p.as_path(), &**c))
    }
    /// Sets what a directory lists, whatever contents are here.
    pub fn add_listing(&mut self, path: impl AsRef<Path>, entries: Vec<Entry>) {
        let path = normalise(&self.cwd.join(path));
        self.add_directory(&path);
        self.listings.insert(path, entries);
    }
    /// Sets what stands at a path, whatever contents are here.
    pub fn add_kind(&mut self, path: impl AsRef<Path>, kind: Option<Kind>) {
        self.kinds.insert(normalise(&self.cwd.join(path)), kind);
    }
    /// What [`Memory::add_listing`] set, by absolute path.
    pub fn listings(&self) -> impl Iterator<Item = (&Path, &[Entry])> {
        self.listings.iter().map(|(p, e)| (p.as_path(), e.as_slice()))
    }
    /// What [`Memory::add_kind`] set, by absolute path.
    pub fn kinds(&self) -> impl Iterator<Item = (&Path, Option<Kind>)> {
        self.kinds.iter().map(|(p, k)| (p.as_path(), *k))
    }
    fn missing(path: &Path) -> io::Error {
        io::Error::new(io::ErrorKind::NotFound, format!("{} does not exist", path.display()))
    }
}

impl Files for Memory {
    fn cwd(&self) -> &Path {
        &self.cwd
    }
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let path = normalise(&self.cwd.join(path));
        match self.files.get(&path) {
            Some(content) => Ok(content.to_vec()),
            None if self.directories.contains(&path) => Err(io::Error::from(io::ErrorKind::IsADirectory)),
            None => Err(Memory::missing(&path)),
        }
    }
    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let path = normalise(&self.cwd.join(path));
        if let Some(entries) = self.listings.get(&path) {
            return Ok(entries.clone());
        }
        if !self.directories.contains(&path) {
            return Err(Memory::missing(&path));
        }
        let files = self.files.keys().map(|p| (p, Kind::File));
        let directories = self.directories.iter().map(|p| (p, Kind::Directory));
        let mut entries: Vec<Entry> = files
            .chain(directories)
            .filter(|(p, _)| p.parent() == Some(&path))
            .filter_map(|(p, kind)| Some(Entry { name: p.file_name()?.to_string_lossy().into_owned(), kind }))
            .collect();
        entries.sort();
        Ok(entries)
    }
    fn kind(&self, path: &Path) -> Option<Kind> {
        let path = normalise(&self.cwd.join(path));
        if let Some(kind) = self.kinds.get(&path) {
            return *kind;
        }
        if self.files.contains_key(&path) {
            Some(Kind::File)
        } else {
            self.directories.contains(&path).then_some(Kind::Directory)
        }
    }
}

/// Passes every read on and keeps what was seen, for the snapshot of a saved plan: contents, listings, what is where.
pub struct Recorder<F> {
    inner: F,
    seen: Mutex<Memory>,
}

impl<F: Files> Recorder<F> {
    /// Records reads of `inner`.
    pub fn new(inner: F) -> Recorder<F> {
        let seen = Mutex::new(Memory::at(inner.cwd()));
        Recorder { inner, seen }
    }
    /// What has been read so far.
    pub fn snapshot(&self) -> Memory {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<F: Files> Files for Recorder<F> {
    fn cwd(&self) -> &Path {
        self.inner.cwd()
    }
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let content = self.inner.read(path)?;
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).add(path, content.as_slice());
        Ok(content)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let entries = self.inner.list(path)?;
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).add_listing(path, entries.clone());
        Ok(entries)
    }
    fn kind(&self, path: &Path) -> Option<Kind> {
        let kind = self.inner.kind(path);
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).add_kind(path, kind);
        kind
    }
    fn real(&self, path: &Path) -> PathBuf {
        self.inner.real(path)
    }
    fn home(&self) -> Option<PathBuf> {
        self.inner.home()
    }
}

/// The path without `.` and `..`, by its text alone.
pub fn normalise(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => match out.components().next_back() {
                Some(Component::Normal(_)) => {
                    out.pop();
                }
                Some(Component::RootDir | Component::Prefix(_)) => {}
                _ => out.push(".."),
            },
            part => out.push(part),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_looks_like_a_disk() {
        let m = Memory::of([("/a/main.tf", "x"), ("/a/b/c.txt", "y")]);
        let names: Vec<_> = m.list(Path::new("a")).unwrap().into_iter().map(|e| (e.name, e.kind)).collect();
        assert_eq!(names, [("b".to_owned(), Kind::Directory), ("main.tf".to_owned(), Kind::File)]);
        assert_eq!(m.read(Path::new("a/b/../main.tf")).unwrap(), b"x");
        assert_eq!(m.read(Path::new("a/b")).unwrap_err().kind(), io::ErrorKind::IsADirectory);
        assert_eq!(m.read(Path::new("zz")).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(m.list(Path::new("zz")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn recorder_keeps_what_was_read() {
        let r = Recorder::new(Memory::of([("/a.txt", "x"), ("/b.txt", "y")]));
        r.read(Path::new("a.txt")).unwrap();
        assert_eq!((r.kind(Path::new("b.txt")), r.kind(Path::new("c.txt"))), (Some(Kind::File), None));
        let listed = r.list(Path::new(".")).unwrap();
        let seen = r.snapshot();
        assert_eq!(seen.iter().map(|(p, _)| p).collect::<Vec<_>>(), [Path::new("/a.txt")]);
        assert_eq!(seen.list(Path::new(".")).unwrap(), listed);
        assert_eq!((seen.kind(Path::new("b.txt")), seen.kind(Path::new("c.txt"))), (Some(Kind::File), None));
    }

    #[test]
    fn paths_are_normalised_by_their_text() {
        for (path, want) in [("a/./b/../c", "a/c"), ("../x", "../x"), ("/../x", "/x"), ("./m", "m"), ("a/..", "")] {
            assert_eq!(normalise(Path::new(path)), Path::new(want), "{path}");
        }
    }
}
