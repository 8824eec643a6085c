//! The configuration: what the files of a directory and of the modules that it calls say.
//!
//! [`Config::load`] reads everything and reports every error of every file at once; it evaluates nothing but literals.
//! The tree is of module calls, not of instances: expanding `count` and `for_each` is the planner's.
//!
//! - [`model`]: the types. Start at [`Module`] and [`Resource`].
//! - [`inputs`]: values of root variables from the command line, the environment and files.
//! - [`modules`]: where called modules are found.
//! - [`source`]: what a module's source address means.
//! - [`providers`]: which provider configuration a resource uses.
//! - [`versions`]: version constraints.

pub(crate) mod fields;
pub mod inputs;
pub mod model;
pub mod modules;
pub mod providers;
pub mod source;
pub mod versions;

mod blocks;
mod json;
mod merge;
mod read;
mod refactor;
mod resource;
mod terraform;
mod types;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stackctl_core::{Diagnostics, ModuleAddr, ResourceAddr};
use stackctl_hcl::SourceMap;

pub use model::*;
pub use modules::{Located, Manifest, ManifestEntry, ModuleRequest, ModuleSource};
pub use providers::ProviderConfigAddr;
pub use source::Source;

use crate::diag::{Problem, diagnostics};
use crate::files::{Files, normalise};
use fields::Cx;

/// More module calls than this are taken for a mistake.
const MAX_MODULES: usize = 100_000;

/// A configuration: the root module and everything below.
#[derive(Clone, Debug)]
pub struct Config {
    /// The root module.
    pub root: Arc<Module>,
}

impl Config {
    /// Reads the configuration of a directory (relative to [`Files::cwd`], usually `.`). The sources are added to the
    /// map. `None` if the directory has no configuration files or cannot be read; otherwise what could be understood,
    /// whatever else is wrong.
    pub fn load(
        dir: &Path,
        files: &dyn Files,
        sources: &mut SourceMap,
        modules: &dyn ModuleSource,
    ) -> (Option<Config>, Diagnostics) {
        let (config, problems) = Config::load_problems(dir, files, sources, modules);
        (config, diagnostics(problems, sources))
    }

    /// As [`Config::load`], with problems that are not rendered yet.
    pub fn load_problems(
        dir: &Path,
        files: &dyn Files,
        sources: &mut SourceMap,
        modules: &dyn ModuleSource,
    ) -> (Option<Config>, Vec<Problem>) {
        let mut loader = Loader { files, sources, modules, cx: Cx::default(), cache: HashMap::new(), count: 0 };
        let at = Located { dir: dir.to_owned(), package: None };
        let root = loader.module(ModuleAddr::root(), &at, None, &mut Vec::new());
        let mut problems = loader.cx.problems;
        problems.sort_by_key(|p| p.span);
        (root.map(|root| Config { root: Arc::new(root) }), problems)
    }

    /// A module by its address; instance keys do not matter.
    pub fn module(&self, path: &ModuleAddr) -> Option<&Arc<Module>> {
        path.0.iter().try_fold(&self.root, |m, step| m.children.get(&step.name))
    }
    /// A resource by its address; module instance keys do not matter.
    pub fn resource(&self, addr: &ResourceAddr) -> Option<&Resource> {
        self.module(&addr.module)?.resource(addr.mode, &addr.ty, &addr.name)
    }
    /// Every module, callers before what they call.
    pub fn modules(&self) -> Vec<&Arc<Module>> {
        let mut out = vec![&self.root];
        let mut next = 0;
        while let Some(m) = out.get(next) {
            out.extend(m.children.values());
            next += 1;
        }
        out
    }
}

struct Loader<'a> {
    files: &'a dyn Files,
    sources: &'a mut SourceMap,
    modules: &'a dyn ModuleSource,
    cx: Cx,
    /// Content of directories read before; `None` for those that could not be.
    cache: HashMap<PathBuf, Option<Arc<Content>>>,
    count: usize,
}

impl Loader<'_> {
    fn module(
        &mut self,
        path: ModuleAddr,
        at: &Located,
        call: Option<&ModuleCall>,
        above: &mut Vec<PathBuf>,
    ) -> Option<Module> {
        let dir = at.dir.as_path();
        let place = call.map(|c| c.source_span);
        let real = self.files.real(dir);
        if above.contains(&real) {
            let p = Problem::error(
                "Module includes itself",
                format!("{path} calls a module that it is inside of ({}): this would never end.", dir.display()),
            );
            self.cx.report(match place {
                Some(s) => p.at(s),
                None => p,
            });
            return None;
        }
        self.count += 1;
        if self.count > MAX_MODULES {
            if self.count == MAX_MODULES + 1 {
                let detail = format!("The configuration has more than {MAX_MODULES} module calls.");
                self.cx.report(Problem::error("Too many modules", detail));
            }
            return None;
        }
        let content = match self.cache.get(&real) {
            Some(c) => c.clone(),
            None => {
                let c = read::directory(dir, self.files, self.sources, &mut self.cx, place).map(Arc::new);
                self.cache.insert(real.clone(), c.clone());
                c
            }
        }?;
        let mut children = BTreeMap::new();
        above.push(real);
        for call in content.module_calls.values() {
            let addr = path.child(call.name.as_str(), None);
            // Equal directories share their content, so that the caller's own directory is `at`'s, not the content's.
            let Some(child) = self.locate(&addr, call, at) else { continue };
            if let Some(child) = self.module(addr, &child, Some(call), above) {
                children.insert(call.name.clone(), Arc::new(child));
            }
        }
        above.pop();
        Some(Module { path, content, children })
    }

    fn locate(&mut self, addr: &ModuleAddr, call: &ModuleCall, caller: &Located) -> Option<Located> {
        let found = self.find(addr, call, caller);
        found.map_err(|p| self.cx.report(p.at(call.source_span))).ok()
    }

    fn find(&self, addr: &ModuleAddr, call: &ModuleCall, caller: &Located) -> Result<Located, Box<Problem>> {
        let source = Source::parse(&call.source, call.version.is_some()).map_err(|e| {
            let p = Problem::error("Invalid module source address", e.message);
            Box::new(match e.hint {
                Some(hint) => p.hinted(hint),
                None => p,
            })
        })?;
        if let Source::Local(path) = &source {
            let dir = normalise(&caller.dir.join(path));
            if caller.package.as_ref().is_some_and(|p| !dir.starts_with(p)) {
                let detail = format!(
                    "\"{path}\" leads out of the package that the calling module was fetched with, so that what is there \
                     depends on where it was fetched to."
                );
                let p = Problem::error("Local module path escapes module package", detail);
                return Err(Box::new(
                    p.hinted("Call the other module by an address of its own, or by a path inside of the package."),
                ));
            }
            let dir = if dir.as_os_str().is_empty() { PathBuf::from(".") } else { dir };
            return Ok(Located { dir, package: caller.package.clone() });
        }
        let version = match call.version.as_deref().map(|v| (v, versions::Constraint::parse(v))) {
            Some((text, None)) => return Err(Box::new(versions::invalid(text))),
            Some((_, constraint)) => constraint,
            None => None,
        };
        self.modules.locate(&ModuleRequest { path: addr, source: &source, version: version.as_ref() })
    }
}
