//! State in a file, with a journal beside it.
//!
//! `PATH` is Terraform's state file, `PATH.journal` ours, `PATH.backup` and `.NAME.lock.info` Terraform's. The lock is
//! an open-file-description lock on the state file itself, which Terraform's own lock conflicts with; it dies with its
//! process, so there is no lease. Workspaces other than `default` live in `terraform.tfstate.d/NAME/`.

pub mod file;
mod history;
mod lock;
mod open;
mod writer;

use std::path::{Path, PathBuf};
use std::time::Duration;

use stackctl_core::{BoxFuture, Host};

use crate::backend::{Access, Backend, Options, Parked, Version};
use crate::error::{Error, Result};
use crate::lock::LockInfo;
use crate::seal::Sealing;
use crate::session::Session;
use crate::workspace::{self, DEFAULT};

/// The `local` backend.
#[derive(Clone, Debug)]
pub struct Local {
    /// Directory that relative paths start from.
    cwd: PathBuf,
    path: PathBuf,
    workspace_dir: PathBuf,
}

impl Local {
    /// The backend as `backend "local"` configures it; `None` for the defaults `terraform.tfstate` and
    /// `terraform.tfstate.d`.
    pub fn new(cwd: impl Into<PathBuf>, path: Option<&str>, workspace_dir: Option<&str>) -> Local {
        let or = |v: Option<&str>, default: &str| PathBuf::from(v.filter(|v| !v.is_empty()).unwrap_or(default));
        Local {
            cwd: cwd.into(),
            path: or(path, "terraform.tfstate"),
            workspace_dir: or(workspace_dir, "terraform.tfstate.d"),
        }
    }
    /// The state file of a workspace, absolute if the working directory is.
    pub fn file(&self, workspace: &str) -> PathBuf {
        self.cwd.join(self.relative(workspace))
    }
    fn relative(&self, workspace: &str) -> PathBuf {
        if workspace == DEFAULT {
            self.path.clone()
        } else {
            self.workspace_dir.join(workspace).join("terraform.tfstate")
        }
    }
    fn names(&self) -> Result<Vec<String>> {
        let dir = self.cwd.join(&self.workspace_dir);
        let mut names = Vec::new();
        match std::fs::read_dir(&dir) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(Error::io("listing", &dir, e)),
            Ok(entries) => {
                for e in entries {
                    let e = e.map_err(|e| Error::io("listing", &dir, e))?;
                    if e.path().is_dir() {
                        names.push(e.file_name().to_string_lossy().into_owned());
                    }
                }
            }
        }
        names.retain(|n| n != DEFAULT);
        names.sort();
        names.insert(0, DEFAULT.to_owned());
        Ok(names)
    }
}

impl Backend for Local {
    fn kind(&self) -> &'static str {
        "local"
    }
    fn place(&self, workspace: &str) -> String {
        self.relative(workspace).display().to_string()
    }
    fn workspaces<'a>(&'a self) -> BoxFuture<'a, Result<Vec<String>>> {
        Box::pin(async { self.names() })
    }
    fn open<'a>(&'a self, options: Options, host: &'a Host) -> BoxFuture<'a, Result<Session>> {
        let path = self.file(&options.workspace);
        let place = self.place(&options.workspace);
        Box::pin(open::open(path, place, options, host))
    }
    fn raw<'a>(&'a self, workspace: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>>> {
        let path = self.file(workspace);
        Box::pin(async move { Ok(file::read(&path)?.filter(|b| !b.is_empty())) })
    }
    fn delete<'a>(&'a self, options: Options, force: bool, host: &'a Host) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let name = options.workspace.clone();
            workspace::deletable(&name)?;
            if !self.names()?.contains(&name) {
                return Err(Error::NoWorkspace { name });
            }
            let sealing = Sealing { without_key: true, ..options.sealing.clone() };
            let session = self.open(Options { access: Access::Plan, sealing, ..options }, host).await?;
            let answer = workspace::may_delete(&name, &session, force);
            session.close().await?;
            answer?;
            let dir = self.cwd.join(&self.workspace_dir).join(&name);
            std::fs::remove_dir_all(&dir).map_err(|e| Error::io("removing", &dir, e))
        })
    }
    fn versions<'a>(&'a self, workspace: &'a str) -> BoxFuture<'a, Result<Vec<Version>>> {
        Box::pin(async { history::versions(&self.file(workspace)) })
    }
    fn version<'a>(&'a self, workspace: &'a str, id: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>>> {
        Box::pin(async move { history::version(&self.file(workspace), id) })
    }
    fn parked<'a>(&'a self, workspace: &'a str) -> BoxFuture<'a, Result<Vec<Parked>>> {
        Box::pin(async { history::parked(&self.file(workspace)) })
    }
    fn discard<'a>(&'a self, workspace: &'a str, lineage: &'a str) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move { history::discard(&self.file(workspace), lineage) })
    }
    fn force_unlock<'a>(&'a self, workspace: &'a str, id: &'a str) -> BoxFuture<'a, Result<LockInfo>> {
        let path = self.file(workspace);
        Box::pin(async move { lock::force_unlock(&path, id) })
    }
}

/// `PATH` with an ending more.
fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    path.with_file_name(name)
}

/// Waits between attempts to lock: one second, doubling up to sixteen, as Terraform.
pub(crate) fn backoff(attempt: u32) -> Duration {
    Duration::from_secs(1 << attempt.min(4))
}

#[cfg(test)]
mod tests;
