//! Which modules a configuration wants, and getting them: the configuration is loaded again and again, each time with the
//! modules that the last round found to be missing, until nothing is missing.
//!
//! What is there already stays, if it is what the call asks for and what the lock file pins. A package that several calls
//! want is fetched once in a run. A module is put in its place as a whole: one that cannot be fetched leaves what was there.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use futures::StreamExt as _;
use stackctl_aws::web::Web;
use stackctl_core::{Diagnostic, Diagnostics};
use stackctl_hcl::SourceMap;
use stackctl_lang::config::source::RemoteSource;
use stackctl_lang::config::versions::Constraint;
use stackctl_lang::config::{Config, Located, Manifest, ManifestEntry, Module, ModuleRequest, ModuleSource, Source};
use stackctl_lang::diag::{Problem, diagnostics};
use stackctl_lang::files::Disk;

use super::fetch::{self, Package};
use super::lock::{FILE, Lock, Pin, shown};
use super::registry::Registries;
use super::{git, hash, installed};
use crate::commands::Context;

/// Packages fetched at the same time.
const AT_ONCE: usize = 8;
/// Modules that call modules deeper than this are taken for a loop.
const DEEPEST: usize = 64;

/// What `init` and `get` say.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options {
    /// Fetch everything anew, the newest versions that the constraints allow, and pin that.
    pub(crate) upgrade: bool,
    /// The lock file may not change.
    pub(crate) frozen: bool,
}

/// Fetches what the configuration of the working directory wants and does not have. Without modules from elsewhere it writes
/// nothing.
///
/// # Errors
/// Everything that is wrong with the configuration and its modules, each at its place.
pub(crate) async fn install(cx: &Context, options: Options) -> Result<(), Diagnostics> {
    let cwd = cx.host.cwd.clone();
    let data_dir = crate::stack::data_dir(cx);
    let shown_dir = data_dir.strip_prefix(&cwd).unwrap_or(&data_dir).to_owned();
    let files = Disk::new(&cwd);
    let web = Web::new(&cx.host.env).map_err(|e| vec![Diagnostic::from_provider("No network", e)])?;
    let run = Run {
        cx,
        options,
        modules: shown_dir.join("modules"),
        old: Manifest::read(&files, &data_dir),
        lock: Lock::read(&cwd).map_err(|d| vec![*d])?,
        web: &web,
        registries: Registries::new(&web, &cx.host.env),
    };
    let mut known = Known::default();
    for _ in 0..DEEPEST {
        let (_, _, wanted) = load(&files, &known);
        if wanted.is_empty() {
            break;
        }
        run.round(wanted, &mut known).await;
    }
    let (config, mut diags, wanted) = load(&files, &known);
    if !wanted.is_empty() {
        let detail = format!("Modules call modules more than {DEEPEST} levels deep.");
        diags.push(Diagnostic::error("Modules are nested too deeply", detail));
    }
    let complete = !stackctl_core::diag::has_errors(&diags);
    if let Some(config) = config {
        run.keep(&config, &known, complete, &data_dir).map_err(|d| vec![*d])?;
    }
    diags.retain(Diagnostic::is_error);
    if diags.is_empty() { Ok(()) } else { Err(diags) }
}

/// A module that is in its place.
struct Ready {
    located: Located,
    /// Complete source and version, as the list has them.
    source: String,
    version: String,
    /// None for directories of this machine.
    pin: Option<Pin>,
}

/// What the rounds found out, by the names of the calls on the way.
#[derive(Default)]
struct Known {
    ready: BTreeMap<String, Ready>,
    failed: BTreeMap<String, Problem>,
}

/// A module that a round has to get.
#[derive(Clone, Debug)]
struct Wanted {
    key: String,
    source: Source,
    constraint: Option<Constraint>,
}

/// Gives what is known, and notes what is not.
struct Noting<'k> {
    known: &'k Known,
    wanted: RefCell<Vec<Wanted>>,
}

impl ModuleSource for Noting<'_> {
    fn locate(&self, request: &ModuleRequest<'_>) -> Result<Located, Box<Problem>> {
        let key = Manifest::key(request.path);
        if let Some(ready) = self.known.ready.get(&key) {
            return Ok(ready.located.clone());
        }
        if let Some(problem) = self.known.failed.get(&key) {
            return Err(Box::new(problem.clone()));
        }
        let constraint = request.version.cloned();
        self.wanted.borrow_mut().push(Wanted { key, source: request.source.clone(), constraint });
        Err(Box::new(Problem::error("Module not installed", "It is about to be fetched.")))
    }
}

fn load(files: &Disk, known: &Known) -> (Option<Config>, Diagnostics, Vec<Wanted>) {
    let noting = Noting { known, wanted: RefCell::default() };
    let mut sources = SourceMap::new();
    let (config, problems) = Config::load_problems(Path::new("."), files, &mut sources, &noting);
    (config, diagnostics(problems, &sources), noting.wanted.into_inner())
}

struct Run<'a> {
    cx: &'a Context,
    options: Options,
    /// `.terraform/modules`, relative to the working directory where it is in it.
    modules: PathBuf,
    old: Manifest,
    lock: Lock,
    web: &'a Web,
    registries: Registries<'a>,
}

/// What a fetch gave.
struct Fetched {
    package: Package,
    version: String,
    /// The package, until it is in its place.
    at: PathBuf,
    /// Removes what is left.
    _dir: tempfile::TempDir,
}

impl Run<'_> {
    async fn round(&self, wanted: Vec<Wanted>, known: &mut Known) {
        let mut groups: BTreeMap<String, Vec<Wanted>> = BTreeMap::new();
        for w in wanted {
            match self.there(&w) {
                Some(ready) => self.settle(w, ready, known),
                None => groups.entry(self.same(&w)).or_default().push(w),
            }
        }
        let fetches = groups.into_values().map(|group| async move { (self.fetch(&group[0]).await, group) });
        let mut done: Vec<_> = futures::stream::iter(fetches).buffer_unordered(AT_ONCE).collect().await;
        done.sort_by(|(_, a), (_, b)| a[0].key.cmp(&b[0].key));
        for (fetched, group) in done {
            let n = group.len();
            for (i, w) in group.into_iter().enumerate() {
                let ready = match &fetched {
                    Ok(f) => self.place(&w, f, i + 1 == n),
                    Err(p) => Err(p.clone()),
                };
                match ready {
                    Ok(ready) => {
                        self.say(&w, &ready);
                        self.settle(w, ready, known);
                    }
                    Err(p) => drop(known.failed.insert(w.key, *p)),
                }
            }
        }
    }
    /// Takes a module, unless it is one of those that call it.
    fn settle(&self, w: Wanted, ready: Ready, known: &mut Known) {
        let callers = w.key.match_indices('.').map(|(i, _)| &w.key[..i]).filter_map(|k| known.ready.get(k));
        if callers.into_iter().any(|c| c.source == ready.source && c.version == ready.version) {
            let detail =
                format!("{} calls a module that it is inside of ({}): this would never end.", w.key, shown(&w.source));
            known.failed.insert(w.key, Problem::error("Module includes itself", detail));
            return;
        }
        known.ready.insert(w.key, ready);
    }
    fn pin(&self, w: &Wanted) -> Option<&Pin> {
        let pin = self.lock.modules.get(&w.key).filter(|_| !self.options.upgrade);
        pin.filter(|p| p.serves(&w.source, w.constraint.as_ref()))
    }
    /// Names what is fetched once for all calls with the same name.
    fn same(&self, w: &Wanted) -> String {
        let package = match &w.source {
            Source::Registry(r) => format!("{}/{}", r.host, r.package()),
            Source::Remote(r) => r.package().to_string(),
            Source::Local(path) => path.clone(),
        };
        format!("{package} {:?} {:?}", w.constraint, self.pin(w).map(|p| (&p.version, &p.commit)))
    }
    /// What is in its place already and may stay.
    fn there(&self, w: &Wanted) -> Option<Ready> {
        let entry = self.old.entry(&w.key).filter(|e| e.serves(&w.source, w.constraint.as_ref()))?;
        let package = self.modules.join(&w.key);
        let located = Located { dir: PathBuf::from(&entry.dir), package: Some(package.clone()) };
        let usable = located.dir.starts_with(&package) && self.cx.host.cwd.join(&located.dir).is_dir();
        if self.options.upgrade || !usable {
            return None;
        }
        let package = self.cx.host.cwd.join(package);
        let ready = |pin| Ready { located, source: entry.source.clone(), version: entry.version.clone(), pin };
        if package.is_symlink() {
            return Some(ready(None));
        }
        let hash = hash::directory(&package).ok()?;
        let pin = match self.pin(w) {
            Some(pin) => {
                let version = pin.version.as_deref().unwrap_or_default();
                Some(pin.clone()).filter(|p| p.hash == hash && version == entry.version)?
            }
            None => Pin {
                source: shown(&w.source),
                version: Some(entry.version.clone()).filter(|v| !v.is_empty()),
                commit: git::head(&package),
                hash,
            },
        };
        Some(ready(Some(pin)))
    }
    async fn fetch(&self, w: &Wanted) -> Result<Fetched, Box<Problem>> {
        let root = self.cx.host.cwd.join(&self.modules);
        let dir =
            std::fs::create_dir_all(&root).and_then(|()| tempfile::Builder::new().prefix(".fetch-").tempdir_in(&root));
        let dir = dir.map_err(|e| unwritable(&root, &e))?;
        let pin = self.pin(w);
        let (source, version): (RemoteSource, String) = match &w.source {
            Source::Remote(r) => (r.package(), String::new()),
            Source::Registry(r) => {
                let version = match pin.and_then(|p| p.version.clone()) {
                    Some(version) => version,
                    None => self.registries.newest(r, w.constraint.as_ref()).await?,
                };
                (self.registries.location(r, &version).await?, version)
            }
            Source::Local(path) => return Err(Box::new(Problem::error("Module not installed", path.as_str()))),
        };
        let at = dir.path().join("package");
        let commit = pin.and_then(|p| p.commit.as_deref());
        let package = fetch::package(self.web, &self.cx.host, &source, commit, &at, self.cx.term.interactive).await?;
        if let (Some(pin), Some(hash)) = (pin, &package.hash)
            && pin.hash != *hash
        {
            let version =
                pin.version.as_deref().or(pin.commit.as_deref()).map(|v| format!(" ({v})")).unwrap_or_default();
            let detail = format!(
                "What {}{version} is now is not what {FILE} pins: its content has the hash {hash}, and {} is pinned. \
                 Somebody replaced it.",
                shown(&w.source),
                pin.hash
            );
            let hint = "Find out what has changed. To take what is there now, run \"stackctl init -upgrade\".";
            return Err(Box::new(Problem::error("Module content has changed", detail).hinted(hint)));
        }
        Ok(Fetched { package, version, at, _dir: dir })
    }
    /// Puts a fetched package in its place: a copy, or, for the last that wants it, the package itself.
    fn place(&self, w: &Wanted, f: &Fetched, last: bool) -> Result<Ready, Box<Problem>> {
        let named = [f.package.subdir.as_str(), w.source.subdir()];
        let named = named.into_iter().filter(|s| !s.is_empty()).collect::<Vec<_>>().join("/");
        let subdir = fetch::subdirectory(&f.at, &named, &shown(&w.source))?;
        let package = self.modules.join(&w.key);
        let target = self.cx.host.cwd.join(&package);
        let put = || {
            remove(&target)?;
            match last {
                true => std::fs::rename(&f.at, &target),
                false => copy(&f.at, &target),
            }
        };
        put().map_err(|e| unwritable(&target, &e))?;
        let pin = f.package.hash.clone().map(|hash| Pin {
            source: shown(&w.source),
            version: Some(f.version.clone()).filter(|v| !v.is_empty()),
            commit: f.package.commit.clone(),
            hash,
        });
        let dir = if subdir.as_os_str().is_empty() { package.clone() } else { package.join(subdir) };
        let located = Located { dir, package: Some(package) };
        Ok(Ready { located, source: w.source.to_string(), version: f.version.clone(), pin })
    }
    fn say(&self, w: &Wanted, ready: &Ready) {
        let version = match (&ready.version, ready.pin.as_ref().and_then(|p| p.commit.as_deref())) {
            (v, _) if !v.is_empty() => format!(" {v}"),
            (_, Some(commit)) => format!(" at {}", &commit[..commit.len().min(12)]),
            _ => String::new(),
        };
        let dir = ready.located.dir.display();
        self.cx.term.line(&format!("- {}: {}{version} in {dir}", w.key, shown(&w.source)));
    }
    /// Writes the list of modules and the lock file.
    fn keep(&self, config: &Config, known: &Known, complete: bool, data_dir: &Path) -> Result<(), Box<Diagnostic>> {
        let cwd = &self.cx.host.cwd;
        let failed = |what: &Path, e: &std::io::Error| {
            let detail = format!("{}: {e}.", what.display());
            Box::new(Diagnostic::error("Modules cannot be recorded", detail))
        };
        let mut lock = Lock::default();
        if !complete {
            lock.modules.clone_from(&self.lock.modules);
        }
        let pins = known.ready.iter().filter_map(|(k, r)| Some((k.clone(), r.pin.clone()?)));
        lock.modules.extend(pins);
        if self.options.frozen && lock != self.lock {
            let all = lock.modules.keys().chain(self.lock.modules.keys());
            let mut changed: Vec<_> =
                all.filter(|k| lock.modules.get(*k) != self.lock.modules.get(*k)).cloned().collect();
            changed.sort();
            changed.dedup();
            let detail = format!("{FILE} does not agree with the configuration about: {}.", changed.join(", "));
            let hint = "Run \"stackctl init\" without -lockfile=readonly, and commit the file.";
            return Err(Box::new(Diagnostic::error("Lock file is out of date", detail).hinted(hint)));
        }
        let mut list = Manifest { modules: vec![ManifestEntry { dir: ".".into(), ..ManifestEntry::default() }] };
        entries(&config.root, "", known, &mut list.modules);
        list.modules.sort_by(|a, b| a.key.cmp(&b.key));
        if !complete {
            let more = self.old.modules.iter().filter(|m| known.failed.contains_key(&m.key)).cloned();
            list.modules.extend(more);
        }
        let path = Manifest::file(data_dir);
        if list != self.old && (path.exists() || !known.ready.is_empty()) {
            let text = serde_json::to_vec(&list).map_err(|e| failed(&path, &e.into()))?;
            super::lock::replace(&path, &text).map_err(|e| failed(&path, &e))?;
        }
        let pinned = known.ready.iter().filter(|(_, r)| r.pin.is_some());
        let packages = pinned.filter_map(|(k, r)| Some((k.as_str(), cwd.join(r.located.package.as_ref()?)))).collect();
        installed::keep(data_dir, &packages).map_err(|e| failed(data_dir, &e))?;
        if lock != self.lock {
            lock.write(cwd).map_err(|e| failed(&cwd.join(FILE), &e))?;
            if self.lock.modules.is_empty() {
                self.cx.term.line(&format!("{FILE} records what was fetched: commit it."));
            }
        }
        Ok(())
    }
}

/// The list's entries of everything that a module calls.
fn entries(module: &Module, prefix: &str, known: &Known, out: &mut Vec<ManifestEntry>) {
    for (name, child) in &module.children {
        let key = format!("{prefix}{name}");
        let Some(call) = module.module_calls.get(name) else { continue };
        let source = Source::parse(&call.source, call.version.is_some());
        let source = source.map(|s| s.to_string()).unwrap_or_else(|_| call.source.clone());
        let ready = known.ready.get(&key);
        let version = ready.map(|r| r.version.clone()).unwrap_or_default();
        let dir = ready.map(|r| &r.located.dir).unwrap_or(&child.dir).display().to_string();
        out.push(ManifestEntry { key: key.clone(), source, version, dir });
        entries(child, &format!("{key}."), known, out);
    }
}

fn unwritable(path: &Path, e: &std::io::Error) -> Box<Problem> {
    Box::new(Problem::error("Modules cannot be stored", format!("{}: {e}.", path.display())))
}

/// Removes what stands at a path, if anything does.
fn remove(path: &Path) -> std::io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(m) if m.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => std::fs::remove_file(path),
        Err(_) => Ok(()),
    }
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    let meta = std::fs::symlink_metadata(from)?;
    if meta.is_symlink() {
        return std::os::unix::fs::symlink(std::fs::read_link(from)?, to);
    }
    if !meta.is_dir() {
        return std::fs::copy(from, to).map(drop);
    }
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}
