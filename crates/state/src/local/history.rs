//! What lies beside a state file: its backups, and journals of other lineages. Reads only, [`discard`] aside.

use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{beside, file};
use crate::backend::Parked;
use crate::error::{Error, Result};
use crate::model::State;
use crate::segment::{Base, Segment, replay};
use crate::store::Version;

/// The state file and its backups (`PATH.backup`, `PATH.SECONDS.backup`), newest first.
pub(super) fn versions(path: &Path) -> Result<Vec<Version>> {
    let mut out = Vec::new();
    for (name, found) in neighbours(path, ".backup")? {
        out.extend(version_of(&name, &found, false)?);
    }
    out.sort_by(|a, b| (b.at, &b.id).cmp(&(a.at, &a.id)));
    if let Some(v) = version_of(&name_of(path), path, true)?.filter(|v| v.size > 0) {
        out.insert(0, v);
    }
    Ok(out)
}

/// The content of a file that [`versions`] lists.
pub(super) fn version(path: &Path, id: &str) -> Result<Option<Vec<u8>>> {
    if id == name_of(path) {
        return file::read(path);
    }
    match neighbours(path, ".backup")?.into_iter().find(|(name, _)| name == id) {
        Some((_, found)) => file::read(&found),
        None => Ok(None),
    }
}

/// Journals of other lineages: those moved aside, and the one in place if the state is of another lineage.
pub(super) fn parked(path: &Path) -> Result<Vec<Parked>> {
    let lineage = file::read(path)?.and_then(|b| State::parse(&b, "").ok()).map(|s| s.lineage);
    let mut out = Vec::new();
    let in_place = beside(path, ".journal");
    let mut found: Vec<PathBuf> = aside(path)?;
    if in_place.exists() {
        found.push(in_place.clone());
    }
    for journal in found {
        let place = journal.display().to_string();
        let bytes = file::read(&journal)?.unwrap_or_default();
        let (segments, _) = Segment::decode_all(&bytes, &place)?;
        let Some(own) = segments.last().map(|s| s.header.lineage.clone()) else { continue };
        if journal == in_place && lineage.as_ref().is_none_or(|l| *l == own) {
            continue;
        }
        // Folded into nothing: whatever it made is a claim.
        let replayed =
            replay(State::new(own.as_str()), &Base { sha256: "-".to_owned(), serial: 0 }, &segments, &place)?;
        out.push(Parked {
            lineage: own,
            place,
            records: replayed.records,
            open: replayed.ledger.open.len(),
            claims: replayed.ledger.claims,
        });
    }
    Ok(out)
}

/// Deletes the journals of a lineage that [`parked`] lists.
pub(super) fn discard(path: &Path, lineage: &str) -> Result<bool> {
    let mut any = false;
    for p in parked(path)?.into_iter().filter(|p| p.lineage == lineage) {
        let journal = PathBuf::from(&p.place);
        std::fs::remove_file(&journal).map_err(|e| Error::io("removing", &journal, e))?;
        any = true;
    }
    Ok(any)
}

fn aside(path: &Path) -> Result<Vec<PathBuf>> {
    let start = format!("{}.journal.", name_of(path));
    let all = neighbours(path, "")?;
    Ok(all.into_iter().filter(|(n, _)| n.starts_with(&start) && !n.ends_with(".tmp")).map(|(_, p)| p).collect())
}

/// Files beside the state file whose names begin with its own and end like this.
fn neighbours(path: &Path, ending: &str) -> Result<Vec<(String, PathBuf)>> {
    let dir = path.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let start = format!("{}.", name_of(path));
    let entries = match std::fs::read_dir(dir) {
        Ok(e) => e,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::io("listing", dir, e)),
    };
    let mut out = Vec::new();
    for e in entries {
        let e = e.map_err(|e| Error::io("listing", dir, e))?;
        let Ok(name) = e.file_name().into_string() else { continue };
        if name.starts_with(&start) && name.ends_with(ending) && e.path().is_file() {
            out.push((name, e.path()));
        }
    }
    out.sort();
    Ok(out)
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn version_of(name: &str, path: &Path, current: bool) -> Result<Option<Version>> {
    let meta = match std::fs::metadata(path) {
        Ok(m) => m,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(Error::io("reading", path, e)),
    };
    let at = meta.modified().ok().and_then(|t| Timestamp::try_from(t).ok());
    Ok(Some(Version { id: name.to_owned(), at, size: meta.len(), current, deleted: false }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backups_are_versions_and_nothing_else_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("terraform.tfstate");
        for name in ["", ".backup", ".1700000000.backup", ".journal", ".tmp"] {
            std::fs::write(beside(&path, name), format!("content{name}")).unwrap();
        }
        std::fs::write(dir.path().join("other.backup"), "x").unwrap();
        let all = versions(&path).unwrap();
        assert_eq!(all.iter().map(|v| v.current).collect::<Vec<_>>(), [true, false, false]);
        assert_eq!(version(&path, "terraform.tfstate.backup").unwrap().unwrap(), b"content.backup");
        for id in ["other.backup", "../terraform.tfstate", "terraform.tfstate.journal"] {
            assert_eq!(version(&path, id).unwrap(), None, "{id}");
        }
    }
}
