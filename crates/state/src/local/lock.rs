//! The lock on a state file.
//!
//! An open-file-description lock: it belongs to one opened file and not to the process, so that two sessions of one
//! process exclude each other and closing some other handle of the file releases nothing. It conflicts with the
//! `fcntl` lock that Terraform takes. Systems without it get `flock`, which excludes our own runs only.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use stackctl_core::Host;

use super::{backoff, file};
use crate::backend::{Locking, Notice, Options};
use crate::error::{Error, Result};
use crate::lock::LockInfo;

/// A held lock. Dropping it releases the lock, as the end of the process does.
pub(super) struct Lock {
    file: File,
    path: PathBuf,
    info: Option<LockInfo>,
    /// The state file was made for the lock; it goes with it if it is still empty.
    made: bool,
    /// So was its directory, a workspace's.
    made_dir: bool,
}

impl Lock {
    /// Takes the lock, waiting as long as the options say.
    pub(super) async fn take(path: &Path, place: &str, options: &Options, host: &Host) -> Result<Lock> {
        let timeout = match options.locking {
            Locking::On { timeout } => timeout,
            Locking::Off => Duration::ZERO,
        };
        let start = host.clock.boot();
        let mut attempt = 0;
        loop {
            if let Some(mut lock) = Lock::attempt(path)? {
                let info = LockInfo::new(host, &options.operation, "", place);
                let at = info_path(path);
                file::write_private(&at, info.to_json().as_bytes())?;
                lock.info = Some(info);
                return Ok(lock);
            }
            let holder = holder(path);
            let since = host.clock.boot().saturating_sub(start);
            if since >= timeout {
                return Err(Error::Locked {
                    place: place.to_owned(),
                    reason: holder.as_ref().err().cloned().unwrap_or_default(),
                    holder: holder.ok().map(Box::new),
                });
            }
            (options.watch)(Notice::Waiting { holder: holder.ok().map(Box::new), since });
            host.clock.sleep(backoff(attempt).min(timeout - since)).await;
            attempt += 1;
        }
    }

    /// One attempt; `None` if somebody else holds it.
    fn attempt(path: &Path) -> Result<Option<Lock>> {
        let failed = |e: std::io::Error| Error::io("locking", path, e);
        let dir = path.parent().filter(|d| !d.as_os_str().is_empty() && !d.exists());
        if let Some(dir) = dir {
            std::fs::create_dir_all(dir).map_err(failed)?;
        }
        loop {
            let made = !path.exists();
            let f = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(path)
                .map_err(failed)?;
            if !try_lock(&f).map_err(failed)? {
                return Ok(None);
            }
            // A writer before us may have put another file in its place between our open and our lock.
            if is_at(&f, path) {
                let made_dir = made && dir.is_some();
                return Ok(Some(Lock { file: f, path: path.to_owned(), info: None, made, made_dir }));
            }
        }
    }

    /// Locks a file that is about to take the place of the locked one.
    pub(super) fn add(&self, f: &File) -> Result<()> {
        match try_lock(f) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::io("locking", &self.path, "somebody else has locked the new file")),
            Err(e) => Err(Error::io("locking", &self.path, e)),
        }
    }
    /// The locked file is now this one.
    pub(super) fn moved_to(&mut self, f: File) {
        self.file = f;
        self.made = false;
        self.made_dir = false;
    }
    /// True if the path still leads to the locked file.
    pub(super) fn holds(&self) -> bool {
        is_at(&self.file, &self.path)
    }
    /// Releases the lock and removes its record.
    pub(super) fn release(self) -> Result<()> {
        if self.info.is_some() {
            remove(&info_path(&self.path))?;
        }
        if self.made && self.file.metadata().is_ok_and(|m| m.len() == 0) && self.holds() {
            remove(&self.path)?;
            if let (true, Some(dir)) = (self.made_dir, self.path.parent()) {
                // Fails, as it should, if something else is in it by now.
                let _ = std::fs::remove_dir(dir);
            }
        }
        Ok(())
    }
}

/// Breaks a lock that nobody holds any more: a record that a dead process left.
pub(super) fn force_unlock(path: &Path, id: &str) -> Result<LockInfo> {
    let refuse = |problem: String| Error::Unlock { problem };
    let info = holder(path).map_err(|e| refuse(format!("{} is not locked, or {e}", path.display())))?;
    if info.id != id {
        return Err(refuse(format!("the lock has the ID {}, not {id}", info.id)));
    }
    if path.exists() {
        match Lock::attempt(path)? {
            Some(lock) => lock.release()?,
            None => {
                return Err(refuse(format!(
                    "the lock of {} is held by a running process and ends with it; stop that process ({}) instead",
                    path.display(),
                    info.who
                )));
            }
        }
    }
    remove(&info_path(path))?;
    Ok(info)
}

fn holder(path: &Path) -> Result<LockInfo, String> {
    match file::read(&info_path(path)) {
        Ok(Some(b)) => LockInfo::parse(&String::from_utf8_lossy(&b)),
        Ok(None) => Err("it has left no record".to_owned()),
        Err(e) => Err(e.to_string()),
    }
}

fn info_path(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.lock.info"))
}

fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(Error::io("removing", path, e)),
        _ => Ok(()),
    }
}

fn is_at(f: &File, path: &Path) -> bool {
    match (f.metadata(), std::fs::metadata(path)) {
        (Ok(a), Ok(b)) => (a.dev(), a.ino()) == (b.dev(), b.ino()),
        _ => false,
    }
}

#[cfg(target_os = "linux")]
fn try_lock(f: &File) -> std::io::Result<bool> {
    use nix::errno::Errno;
    use nix::fcntl::{FcntlArg, fcntl};
    use nix::libc::{F_WRLCK, SEEK_SET, flock};
    let whole = flock {
        l_type: i16::try_from(F_WRLCK).unwrap_or_default(),
        l_whence: i16::try_from(SEEK_SET).unwrap_or_default(),
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    match fcntl(f, FcntlArg::F_OFD_SETLK(&whole)) {
        Ok(_) => Ok(true),
        Err(Errno::EAGAIN | Errno::EACCES) => Ok(false),
        Err(e) => Err(e.into()),
    }
}

#[cfg(not(target_os = "linux"))]
fn try_lock(f: &File) -> std::io::Result<bool> {
    match f.try_lock() {
        Ok(()) => Ok(true),
        Err(std::fs::TryLockError::WouldBlock) => Ok(false),
        Err(std::fs::TryLockError::Error(e)) => Err(e),
    }
}
