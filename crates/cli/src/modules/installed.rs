//! What `init` left behind, as every other command sees it: where modules are, and whether they are the pinned ones.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use stackctl_core::{Diagnostic, Severity};
use stackctl_lang::config::{Located, Manifest, ManifestEntry, ModuleRequest, ModuleSource};
use stackctl_lang::diag::Problem;
use stackctl_lang::files::Files;

use super::lock::{FILE, Lock, Pin};

/// The list of fetched modules, checked against the lock file.
pub(crate) struct Installed {
    manifest: Manifest,
    /// Why a call's module is not the pinned one.
    stale: BTreeMap<String, String>,
    /// Modules that are missing are no errors.
    optional: bool,
}

impl Installed {
    /// What is in a data directory. Files that belong into a saved plan are read through `files`.
    ///
    /// # Errors
    /// If the lock file cannot be read.
    pub(crate) fn read(files: &dyn Files, data_dir: &Path) -> Result<Installed, Box<Diagnostic>> {
        let manifest = Manifest::read(files, data_dir);
        let lock = Lock::read(files.cwd())?;
        let hashes = hashes(data_dir);
        let why = |key: &String, pin: &Pin| Some((key.clone(), stale(manifest.entry(key)?, pin, hashes.get(key))?));
        let stale = lock.modules.iter().filter_map(|(key, pin)| why(key, pin)).collect();
        Ok(Installed { manifest, stale, optional: false })
    }
    /// The same; with `optional`, a module that is missing or another one is left out with a warning.
    #[must_use]
    pub(crate) fn optional(self, optional: bool) -> Installed {
        Installed { optional, ..self }
    }
    fn find(&self, request: &ModuleRequest<'_>) -> Result<Located, Box<Problem>> {
        let located = self.manifest.locate(request)?;
        match self.stale.get(&Manifest::key(request.path)) {
            None => Ok(located),
            Some(why) => {
                let detail = format!("{} is not the pinned module: {why}.", request.path);
                let p = Problem::error("Module is not the pinned one", detail);
                Err(Box::new(p.hinted("Run \"stackctl init\" to fetch what is pinned.")))
            }
        }
    }
}

fn stale(entry: &ManifestEntry, pin: &Pin, hash: Option<&String>) -> Option<String> {
    if stackctl_lang::config::source::hide_password(&entry.source) != pin.source {
        return None;
    }
    if let Some(version) = pin.version.as_ref().filter(|v| **v != entry.version) {
        return Some(format!("version {} is installed, and {FILE} pins {version}", entry.version));
    }
    let other = hash.is_some_and(|h| *h != pin.hash);
    let commit = pin.commit.as_deref().map(|c| format!(" (commit {c})")).unwrap_or_default();
    other.then(|| format!("what is installed differs from what {FILE} pins{commit}"))
}

impl ModuleSource for Installed {
    fn locate(&self, request: &ModuleRequest<'_>) -> Result<Located, Box<Problem>> {
        self.find(request).map_err(|p| match self.optional {
            true => Box::new(Problem { severity: Severity::Warning, ..*p }),
            false => p,
        })
    }
}

fn record(data_dir: &Path) -> PathBuf {
    data_dir.join("stackctl/modules.json")
}

/// Content hashes by call, as `init` left them.
fn hashes(data_dir: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read(record(data_dir)).ok();
    text.and_then(|t| serde_json::from_slice(&t).ok()).unwrap_or_default()
}

/// Keeps content hashes by call for other commands.
pub(super) fn keep(data_dir: &Path, hashes: &BTreeMap<&str, &str>) -> std::io::Result<()> {
    let path = record(data_dir);
    match hashes.is_empty() && !path.exists() {
        true => Ok(()),
        false => super::lock::replace(&path, &serde_json::to_vec(hashes).map_err(std::io::Error::other)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_installed_has_to_be_what_is_pinned() {
        let source = "registry.terraform.io/a/b/c";
        let entry = |version: &str| ManifestEntry {
            source: source.to_owned(),
            version: version.to_owned(),
            ..ManifestEntry::default()
        };
        let pin = Pin { source: source.into(), version: Some("1.0.0".into()), commit: None, hash: "h1:x".into() };
        let hash = |h: &str| Some(h.to_owned());
        assert_eq!(stale(&entry("1.0.0"), &pin, hash("h1:x").as_ref()), None);
        assert_eq!(stale(&entry("1.0.0"), &pin, None), None, "Terraform fetched it; init looks closer");
        assert!(stale(&entry("1.1.0"), &pin, None).unwrap().contains("version 1.1.0"));
        assert!(stale(&entry("1.0.0"), &pin, hash("h1:y").as_ref()).unwrap().contains("differs"));
        let other = ManifestEntry { source: "git::https://h/x".into(), ..entry("1.1.0") };
        assert_eq!(stale(&other, &pin, None), None, "loading says that the source has changed");
    }
}
