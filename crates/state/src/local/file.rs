//! Files that survive a power cut: read whole, replaced whole.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use crate::error::{Error, Result};

/// The content, `None` if there is no such file.
///
/// # Errors
/// If it is there and cannot be read.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(b) => Ok(Some(b)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::io("reading", path, e)),
    }
}

/// Writes a new file beside the path, durable but not in place yet. `mode` is that of a file that did not exist.
pub(super) fn prepare(path: &Path, bytes: &[u8], mode: u32) -> Result<(File, std::path::PathBuf)> {
    let tmp = super::beside(path, ".tmp");
    let failed = |e: std::io::Error| Error::io("writing", &tmp, e);
    match std::fs::remove_file(&tmp) {
        Err(e) if e.kind() != ErrorKind::NotFound => return Err(failed(e)),
        _ => {}
    }
    let mode = std::fs::metadata(path).map_or(mode, |m| m.permissions().mode() & 0o7777);
    let mut f = OpenOptions::new().read(true).write(true).create_new(true).mode(mode).open(&tmp).map_err(failed)?;
    let written = f.write_all(bytes).and_then(|()| f.sync_all());
    if let Err(e) = written {
        let _ = std::fs::remove_file(&tmp);
        return Err(failed(e));
    }
    Ok((f, tmp))
}

/// Puts a prepared file in its place.
pub(super) fn install(tmp: &Path, path: &Path) -> Result<()> {
    std::fs::rename(tmp, path).map_err(|e| Error::io("replacing", path, e))?;
    sync_dir(path)
}

/// Replaces a file whole: afterwards it has the old content or the new one, whatever happens. A new file is readable by
/// its owner alone.
///
/// # Errors
/// If it cannot be written; the old content is then still there.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let (_, tmp) = prepare(path, bytes, 0o600)?;
    install(&tmp, path)
}

/// Makes a rename or creation durable.
pub(super) fn sync_dir(path: &Path) -> Result<()> {
    let dir = path.parent().filter(|d| !d.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(dir).and_then(|d| d.sync_all()).map_err(|e| Error::io("syncing", dir, e))
}
