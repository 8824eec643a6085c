//! Workspaces: names, and which one is selected.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::local::file;
use crate::session::Session;

/// The workspace that is always there.
pub const DEFAULT: &str = "default";

/// Refuses names that Terraform refuses: they must stand in a URL path unescaped.
///
/// # Errors
/// Says what is wrong with the name.
pub fn check_name(name: &str) -> Result<()> {
    let fine = !name.is_empty()
        && name != "."
        && name != ".."
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~$&+:=@".contains(&b));
    if fine {
        return Ok(());
    }
    let problem = "a name has letters, digits and -_.~$&+:=@ only, so that it can stand in a path".to_owned();
    Err(Error::Workspace { name: name.to_owned(), problem })
}

/// The selected workspace: `TF_WORKSPACE`, else the file `environment` in the data directory, else `default`.
///
/// # Errors
/// If the file cannot be read.
pub fn selected(data_dir: &Path, env: Option<&str>) -> Result<String> {
    if let Some(name) = env.filter(|n| !n.is_empty()) {
        return Ok(name.to_owned());
    }
    let text = file::read(&file_of(data_dir))?.unwrap_or_default();
    let name = String::from_utf8_lossy(&text).trim().to_owned();
    Ok(if name.is_empty() { DEFAULT.to_owned() } else { name })
}

/// Selects a workspace.
///
/// # Errors
/// If the file cannot be written.
pub fn select(data_dir: &Path, name: &str) -> Result<()> {
    check_name(name)?;
    std::fs::create_dir_all(data_dir).map_err(|e| Error::io("creating", data_dir, e))?;
    let path = file_of(data_dir);
    std::fs::write(&path, name).map_err(|e| Error::io("writing", &path, e))
}

/// The directory `.terraform`, or what `TF_DATA_DIR` says.
pub fn data_dir(cwd: &Path, env: Option<&str>) -> PathBuf {
    cwd.join(env.filter(|d| !d.is_empty()).unwrap_or(".terraform"))
}

fn file_of(data_dir: &Path) -> PathBuf {
    data_dir.join("environment")
}

pub(crate) fn deletable(name: &str) -> Result<()> {
    if name == DEFAULT {
        let problem = "the default workspace is always there and cannot be deleted".to_owned();
        return Err(Error::Workspace { name: name.to_owned(), problem });
    }
    Ok(())
}

/// Refuses to delete a workspace that still holds something, unless forced.
pub(crate) fn may_delete(name: &str, session: &Session, force: bool) -> Result<()> {
    let state = session.state();
    let held = state.objects().filter(|(t, _)| crate::model::is_managed(&t.addr.resource)).count();
    let open = session.pending().open.len() + session.pending().doubts.len() + session.pending().claims.len();
    if force || held + open == 0 {
        return Ok(());
    }
    let problem = if held > 0 {
        format!("it still holds {held} objects; destroy them first, or let go of them with -force")
    } else {
        format!("{open} requests of an interrupted run are not settled; run apply or destroy in it first")
    };
    Err(Error::Workspace { name: name.to_owned(), problem })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["dev", "a.b-c_d", "x:y"] {
            check_name(good).unwrap();
        }
        for bad in ["", "a/b", "a b", "ü", "..", "a%"] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn selection() {
        let dir = tempfile::tempdir().unwrap();
        let data = data_dir(dir.path(), None);
        assert_eq!(selected(&data, None).unwrap(), "default");
        select(&data, "dev").unwrap();
        assert_eq!(std::fs::read_to_string(dir.path().join(".terraform/environment")).unwrap(), "dev");
        assert_eq!(selected(&data, None).unwrap(), "dev");
        assert_eq!(selected(&data, Some("prod")).unwrap(), "prod");
        assert_eq!(data_dir(dir.path(), Some("x")), dir.path().join("x"));
    }
}
