//! Where the modules are that are not at a local path: fetching is `init`'s, finding what it fetched is here.
//!
//! [`Manifest`] is the list that `init` leaves behind, in Terraform's format, so that either tool finds what the other one
//! fetched. What a source address means is [`super::source`]'s.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use stackctl_core::ModuleAddr;

use super::source::Source;
use super::versions::{Constraint, Version};
use crate::diag::Problem;
use crate::files::Files;

/// A module that is asked for.
#[derive(Clone, Copy, Debug)]
pub struct ModuleRequest<'a> {
    /// Address of the call.
    pub path: &'a ModuleAddr,
    /// Where it comes from; never a local path.
    pub source: &'a Source,
    /// Version constraint, for modules of a registry.
    pub version: Option<&'a Constraint>,
}

/// A module that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// Its directory, relative to the working directory.
    pub dir: PathBuf,
    /// The directory of the package that it is part of, which its local module calls may not leave.
    pub package: Option<PathBuf>,
}

/// Finds modules that are not at local paths.
pub trait ModuleSource {
    /// The directory of a module.
    ///
    /// # Errors
    /// Why there is none; whoever loads places it at the call's source.
    fn locate(&self, request: &ModuleRequest<'_>) -> Result<Located, Box<Problem>>;
}

/// The list of fetched modules, `modules.json`, in Terraform's format.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Source in its complete form, as [`Source`] prints it.
    #[serde(rename = "Source")]
    pub source: String,
    /// Version, for modules from a registry.
    #[serde(rename = "Version", default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Directory, relative to the working directory.
    #[serde(rename = "Dir")]
    pub dir: String,
}

impl ManifestEntry {
    /// True if this is what a call asks for.
    pub fn serves(&self, source: &Source, version: Option<&Constraint>) -> bool {
        let allowed = |c: &Constraint| Version::parse(&self.version).is_some_and(|v| c.allows(&v));
        self.source == source.to_string() && version.is_none_or(allowed)
    }
    /// The module's directory and its package's.
    pub fn located(&self) -> Located {
        let dir = PathBuf::from(&self.dir);
        // `modules/KEY` is the package; directories in it may have the same name.
        let name = |d: Option<&Path>| d.and_then(Path::file_name).map(|n| n.to_string_lossy().into_owned());
        let of_call = |d: &&Path| {
            name(Some(d)).is_some_and(|n| n == self.key) && name(d.parent()).is_some_and(|n| n == "modules")
        };
        let package = dir.ancestors().filter(of_call).last().map(Path::to_owned);
        Located { package, dir }
    }
}

impl Manifest {
    /// Reads `modules/modules.json` in a data directory (`.terraform`). A missing or broken file is an empty list.
    pub fn read(files: &dyn Files, data_dir: &Path) -> Manifest {
        let read = files.read(&Manifest::file(data_dir)).ok();
        read.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }
    /// Where the list is in a data directory.
    pub fn file(data_dir: &Path) -> PathBuf {
        data_dir.join("modules/modules.json")
    }
    /// The key of a call in the list.
    pub fn key(path: &ModuleAddr) -> String {
        path.0.iter().map(|s| s.name.as_str()).collect::<Vec<_>>().join(".")
    }
    /// The entry of a call.
    pub fn entry(&self, key: &str) -> Option<&ManifestEntry> {
        self.modules.iter().find(|m| m.key == key)
    }
}

impl ModuleSource for Manifest {
    fn locate(&self, request: &ModuleRequest<'_>) -> Result<Located, Box<Problem>> {
        let of_call = self.entry(&Manifest::key(request.path));
        // Another call of the same module was fetched: nothing has to be downloaded for this one.
        let all = of_call.into_iter().chain(&self.modules);
        if let Some(found) = all.into_iter().find(|m| m.serves(request.source, request.version)) {
            return Ok(found.located());
        }
        let shown = super::source::hide_password(&request.source.to_string());
        let detail = match of_call {
            None => format!("The module {shown} has not been fetched yet."),
            Some(m) if m.source != request.source.to_string() => {
                format!("The source of this module has changed to {shown} since it was fetched.")
            }
            Some(m) => format!(
                "The version constraint has changed since the module was fetched: version {} of {shown} does not meet it.",
                m.version
            ),
        };
        let p = Problem::error("Module not installed", detail);
        Err(Box::new(p.hinted("Run \"stackctl init\" to fetch all modules that this configuration needs.")))
    }
}
