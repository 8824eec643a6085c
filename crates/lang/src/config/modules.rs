//! Where the modules are that are not at a local path: fetching is `init`'s, finding what it fetched is here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use stackctl_core::ModuleAddr;

use crate::files::Files;

/// A module that is asked for.
#[derive(Clone, Copy, Debug)]
pub struct ModuleRequest<'a> {
    /// Address of the call.
    pub path: &'a ModuleAddr,
    /// Source as written.
    pub source: &'a str,
    /// Version constraint as written.
    pub version: Option<&'a str>,
}

/// Finds modules that are not at local paths.
pub trait ModuleSource {
    /// The directory of a module, relative to the working directory.
    ///
    /// # Errors
    /// Why there is none, as a sentence.
    fn locate(&self, request: &ModuleRequest<'_>) -> Result<PathBuf, String>;
}

/// True for `./x` and `../x`.
pub fn is_local(source: &str) -> bool {
    source == "." || source == ".." || source.starts_with("./") || source.starts_with("../")
}

/// The list of fetched modules, `modules.json`, in Terraform's format.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Manifest {
    /// One entry for each module call.
    #[serde(rename = "Modules", default)]
    pub modules: Vec<ManifestEntry>,
}

/// A fetched module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestEntry {
    /// Names of the calls on the way, with dots: `a.b`. Empty for the root.
    #[serde(rename = "Key")]
    pub key: String,
    /// Source as written; registry sources in their long form.
    #[serde(rename = "Source")]
    pub source: String,
    /// Version, for modules from a registry.
    #[serde(rename = "Version", default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Directory, relative to the working directory.
    #[serde(rename = "Dir")]
    pub dir: String,
}

impl Manifest {
    /// Reads `modules/modules.json` in a data directory (`.terraform`). A missing or broken file is an empty list.
    pub fn read(files: &dyn Files, data_dir: &Path) -> Manifest {
        let read = files.read(&data_dir.join("modules/modules.json")).ok();
        read.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }
    /// The key of a call in the list.
    pub fn key(path: &ModuleAddr) -> String {
        path.0.iter().map(|s| s.name.as_str()).collect::<Vec<_>>().join(".")
    }
    /// Entries by key.
    pub fn by_key(&self) -> BTreeMap<&str, &ManifestEntry> {
        self.modules.iter().map(|m| (m.key.as_str(), m)).collect()
    }
}

impl ModuleSource for Manifest {
    fn locate(&self, request: &ModuleRequest<'_>) -> Result<PathBuf, String> {
        let key = Manifest::key(request.path);
        let source = request.source;
        match self.modules.iter().find(|m| m.key == key) {
            None => Err(format!("The module \"{source}\" has not been fetched yet.")),
            Some(m) if m.source != source && !m.source.ends_with(&format!("/{source}")) => {
                Err(format!("The source of this module has changed to \"{source}\" since it was fetched."))
            }
            Some(m) => Ok(PathBuf::from(&m.dir)),
        }
    }
}
