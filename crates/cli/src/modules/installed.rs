//! What `init` left behind, as every other command sees it: where modules are, and whether they are the pinned ones.
//!
//! `init` notes which files it left, so that afterwards only those that were touched have to be read. What it noted is never
//! believed about content: the hash in the lock file is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use stackctl_core::{Diagnostic, Severity};
use stackctl_lang::config::{Located, Manifest, ManifestEntry, ModuleRequest, ModuleSource};
use stackctl_lang::diag::Problem;
use stackctl_lang::files::Files;

use super::hash::{self, Index};
use super::lock::{FILE, Lock, Pin};

/// More files that differ are counted only.
const MOST_NAMED: usize = 5;

/// The list of fetched modules, checked against the lock file.
pub(crate) struct Installed {
    manifest: Manifest,
    lock: Lock,
    /// Files by call, as `init` left them.
    noted: BTreeMap<String, Index>,
    cwd: PathBuf,
    /// Modules that are missing are no errors.
    optional: bool,
}

impl Installed {
    /// What is in a data directory. Files that belong into a saved plan are read through `files`.
    ///
    /// # Errors
    /// If the lock file cannot be read.
    pub(crate) fn read(files: &dyn Files, data_dir: &Path) -> Result<Installed, Box<Diagnostic>> {
        Ok(Installed {
            manifest: Manifest::read(files, data_dir),
            lock: Lock::read(files.cwd())?,
            noted: noted(data_dir),
            cwd: files.cwd().to_owned(),
            optional: false,
        })
    }
    /// The same; with `optional`, a module that is missing or another one is left out with a warning, and contents are not
    /// compared.
    #[must_use]
    pub(crate) fn optional(self, optional: bool) -> Installed {
        Installed { optional, ..self }
    }
    fn find(&self, request: &ModuleRequest<'_>) -> Result<Located, Box<Problem>> {
        let located = self.manifest.locate(request)?;
        let key = Manifest::key(request.path);
        // It may be another call's, which has the same source.
        let entry = self.manifest.entry(&key).filter(|e| e.located() == located);
        let entry = entry.or_else(|| self.manifest.modules.iter().find(|e| e.located() == located));
        let pin = entry.and_then(|e| Some((e, self.lock.modules.get(&key).or_else(|| self.lock.modules.get(&e.key))?)));
        let Some((entry, pin)) = pin.filter(|(e, p)| same_source(e, p)) else { return Ok(located) };
        let name = request.path;
        let not_pinned = |detail: String, hint: &str| {
            Err(Box::new(Problem::error("Module is not the pinned one", detail).hinted(hint.to_owned())))
        };
        let fetch = "Run \"stackctl init\" to fetch what is pinned.";
        if let Some(version) = pin.version.as_ref().filter(|v| **v != entry.version) {
            let detail = format!("{name}: version {} is installed, and {FILE} pins {version}.", entry.version);
            return not_pinned(detail, fetch);
        }
        let Some(package) = located.package.as_ref().filter(|_| !self.optional) else { return Ok(located) };
        let shown = package.display();
        match state(&self.cwd.join(package), pin, self.noted.get(&entry.key)) {
            State::Pinned => Ok(located),
            State::Other => {
                let commit = pin.commit.as_deref().map(|c| format!(" (commit {c})")).unwrap_or_default();
                not_pinned(format!("What is in {shown} is not what {FILE} pins for {name}{commit}."), fetch)
            }
            State::Edited(changes) => {
                let detail = format!(
                    "{shown} was changed after it was fetched, and is not what {FILE} pins for {name} any more: {changes}."
                );
                let hint = format!(
                    "Run \"stackctl init\" to fetch what is pinned; the changes are lost then. To keep them, move {shown} \
                     out of there, and name the new place as the module's source (./PATH)."
                );
                not_pinned(detail, &hint)
            }
            State::Unreadable(why) => {
                not_pinned(format!("{shown}, which {FILE} pins for {name}, cannot be read: {why}."), fetch)
            }
        }
    }
}

fn same_source(entry: &ManifestEntry, pin: &Pin) -> bool {
    // Where it is another, loading says that the source has changed.
    stackctl_lang::config::source::hide_password(&entry.source) == pin.source
}

/// How a package relates to its pin.
#[derive(Debug, PartialEq, Eq)]
enum State {
    Pinned,
    /// Another fetch, by whomever.
    Other,
    /// It was the pinned one once. What is different now.
    Edited(String),
    /// Why.
    Unreadable(String),
}

fn state(package: &Path, pin: &Pin, noted: Option<&Index>) -> State {
    let none = Index::new();
    let before = noted.unwrap_or(&none);
    let now = match hash::index(package, before) {
        Ok(now) => now,
        Err(e) => return State::Unreadable(e.to_string()),
    };
    if hash::of(&now) == pin.hash {
        return State::Pinned;
    }
    if hash::of(before) != pin.hash {
        return State::Other;
    }
    let mut changes = hash::differences(before, &now);
    let more = changes.len().saturating_sub(MOST_NAMED);
    changes.truncate(MOST_NAMED);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    State::Edited(format!("{}{more}", changes.join(", ")))
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

/// Files by call, as `init` left them. Where nothing was noted, or by another version of this program, all are read.
fn noted(data_dir: &Path) -> BTreeMap<String, Index> {
    let text = std::fs::read(record(data_dir)).ok();
    text.and_then(|t| serde_json::from_slice(&t).ok()).unwrap_or_default()
}

/// Notes the files of packages by call, for other commands.
pub(super) fn keep(data_dir: &Path, packages: &BTreeMap<&str, PathBuf>) -> std::io::Result<()> {
    let path = record(data_dir);
    if packages.is_empty() && !path.exists() {
        return Ok(());
    }
    let index = |(key, dir): (&&str, &PathBuf)| Ok((key.to_string(), hash::index(dir, &Index::new())?));
    let all = packages.iter().map(index).collect::<std::io::Result<BTreeMap<String, Index>>>()?;
    super::lock::replace(&path, &serde_json::to_vec(&all).map_err(std::io::Error::other)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_installed_has_to_be_what_is_pinned() {
        let dir = tempfile::tempdir().unwrap();
        let write = |text: &str| std::fs::write(dir.path().join("main.tf"), text).unwrap();
        write("one");
        let noted = hash::index(dir.path(), &Index::new()).unwrap();
        let pin = Pin { hash: hash::of(&noted), ..Pin::default() };
        let check = |pin: &Pin, noted: Option<&Index>| state(dir.path(), pin, noted);
        assert_eq!(check(&pin, Some(&noted)), State::Pinned);
        assert_eq!(check(&pin, None), State::Pinned, "Terraform fetched it");
        let other = Pin { hash: "h1:other".into(), ..Pin::default() };
        assert_eq!(check(&other, Some(&noted)), State::Other);
        write("one and more");
        assert_eq!(check(&pin, Some(&noted)), State::Edited("main.tf differs".into()));
        assert_eq!(check(&pin, None), State::Other);
        for i in 0..9 {
            std::fs::write(dir.path().join(format!("{i}.tf")), "").unwrap();
        }
        let State::Edited(changes) = check(&pin, Some(&noted)) else { panic!() };
        assert!(changes.starts_with("0.tf is new, ") && changes.ends_with(", and 5 more"), "{changes}");
        let gone = state(&dir.path().join("nothing"), &pin, Some(&noted));
        assert!(matches!(gone, State::Unreadable(_)), "{gone:?}");
    }
}
