//! `stackctl.lock.json`: what was fetched for each module call, so that everybody who works on the stack gets the same. It
//! stands beside the stack and is to be committed.
//!
//! A pin holds as long as the call asks for the same source and its constraint allows the pinned version. `init -upgrade`
//! makes new pins.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use stackctl_core::Diagnostic;
use stackctl_lang::config::Source;
use stackctl_lang::config::versions::{Constraint, Version};

/// Name of the file.
pub(crate) const FILE: &str = "stackctl.lock.json";

/// Version of the format that is written.
const FORMAT: u32 = 1;

/// All pins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lock {
    /// Version of the format.
    pub(super) version: u32,
    /// Pins by the names of the calls on the way, with dots.
    #[serde(default)]
    pub(crate) modules: BTreeMap<String, Pin>,
}

impl Default for Lock {
    fn default() -> Lock {
        Lock { version: FORMAT, modules: BTreeMap::new() }
    }
}

/// What was fetched for one call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pin {
    /// Source in its complete form, without passwords.
    pub(crate) source: String,
    /// Version, for modules of a registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    /// Commit, for modules from git.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) commit: Option<String>,
    /// Hash of the package's content.
    pub(crate) hash: String,
}

impl Pin {
    /// True if the call still asks for this.
    pub(super) fn serves(&self, source: &Source, constraint: Option<&Constraint>) -> bool {
        let allowed = |c: &Constraint| self.version.as_deref().and_then(Version::parse).is_some_and(|v| c.allows(&v));
        self.source == shown(source) && constraint.is_none_or(allowed)
    }
}

/// A source as the file has it.
pub(super) fn shown(source: &Source) -> String {
    stackctl_lang::config::source::hide_password(&source.to_string())
}

impl Lock {
    fn path(dir: &Path) -> PathBuf {
        dir.join(FILE)
    }
    /// The pins of a stack; none where there is no file.
    ///
    /// # Errors
    /// If there is a file that cannot be read or is none of ours.
    pub(crate) fn read(dir: &Path) -> Result<Lock, Box<Diagnostic>> {
        let unusable = |detail: String, hint: &str| {
            Box::new(Diagnostic::error("Unusable lock file", format!("{FILE}: {detail}")).hinted(hint))
        };
        let text = match std::fs::read_to_string(Lock::path(dir)) {
            Ok(t) => t,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Lock::default()),
            Err(e) => return Err(unusable(format!("{e}."), "Make the file readable.")),
        };
        let restore = "Restore it from version control, or delete it and run: stackctl init";
        let lock: Lock = serde_json::from_str(&text).map_err(|e| unusable(format!("{e}."), restore))?;
        if lock.version > FORMAT {
            let detail = format!("it has format {}, and this program knows formats up to {FORMAT}.", lock.version);
            return Err(unusable(detail, "Use a newer stackctl."));
        }
        Ok(lock)
    }
    /// Writes the file; removes it where nothing is pinned.
    ///
    /// # Errors
    /// If that is not possible.
    pub(super) fn write(&self, dir: &Path) -> std::io::Result<()> {
        let path = Lock::path(dir);
        if self.modules.is_empty() {
            return match std::fs::remove_file(path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(e),
                _ => Ok(()),
            };
        }
        let mut text = serde_json::to_vec_pretty(self).map_err(std::io::Error::other)?;
        text.push(b'\n');
        replace(&path, &text)
    }
}

/// Writes a file as a whole: a crash leaves the old one.
pub(super) fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(dir)?;
    let mut file = tempfile::Builder::new().prefix(".stackctl-").permissions(permissions()).tempfile_in(dir)?;
    std::io::Write::write_all(&mut file, content)?;
    file.persist(path).map_err(|e| e.error)?;
    Ok(())
}

/// Readable by all, as files that are committed are.
fn permissions() -> std::fs::Permissions {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::Permissions::from_mode(0o644)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_hold_for_the_same_source_and_an_allowed_version() {
        let pin = |source: &str, version: Option<&str>| Pin {
            source: source.to_owned(),
            version: version.map(str::to_owned),
            ..Pin::default()
        };
        let source = |s: &str| Source::parse(s, false).unwrap();
        let constraint = Constraint::parse("~> 1.2").unwrap();
        let net = pin("registry.terraform.io/a/net/aws", Some("1.3.0"));
        assert!(net.serves(&source("a/net/aws"), Some(&constraint)));
        assert!(net.serves(&source("a/net/aws"), None));
        assert!(!net.serves(&source("a/net/aws//sub"), None));
        assert!(!pin(&net.source, Some("2.0.0")).serves(&source("a/net/aws"), Some(&constraint)));
        let git = pin("git::https://u:***@h/x.git", None);
        assert!(git.serves(&source("git::https://u:secret@h/x.git"), None), "passwords are not pinned");
    }

    #[test]
    fn files_that_are_none() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Lock::read(dir.path()).unwrap(), Lock::default());
        for (text, want) in [("{", "EOF"), ("[]", "invalid"), ("{\"version\": 9}", "format 9"), ("{}", "missing field")]
        {
            std::fs::write(dir.path().join(FILE), text).unwrap();
            let e = Lock::read(dir.path()).unwrap_err();
            assert!(e.detail.contains(want), "{text}: {}", e.detail);
        }
    }

    #[test]
    fn written_and_read_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let mut lock = Lock::default();
        lock.modules.insert("a.b".into(), Pin { source: "x/y/z".into(), hash: "h1:".into(), ..Pin::default() });
        lock.write(dir.path()).unwrap();
        assert_eq!(Lock::read(dir.path()).unwrap(), lock);
        Lock::default().write(dir.path()).unwrap();
        assert!(!dir.path().join(FILE).exists());
    }
}
