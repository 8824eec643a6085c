//! A stack: configuration, variables, workspace, backend and providers of the working directory, as every command needs
//! them.

mod remote_state;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stackctl_core::{Diagnostic, Diagnostics, Known, Presence, Provider, Schema};
use stackctl_engine::providers::Providers;
use stackctl_hcl::SourceMap;
use stackctl_lang::config::Config;
use stackctl_lang::config::inputs::{Argument, Inputs, collect};
use stackctl_lang::diag::{Problem, diagnostics};
use stackctl_lang::files::{Disk, Files, Recorder};
use stackctl_state::{Backend, workspace};

use crate::cli::{VarSource, Variables};
use crate::commands::Context;
use crate::modules::Installed;
use crate::overlay::Overlay;
use crate::settings::{self, Journal, OwnershipTags};

/// A loaded stack.
pub(crate) struct Stack {
    /// Reads files.
    pub(crate) files: Arc<dyn Files>,
    /// Remembers what was read from disk: a saved plan carries it.
    pub(crate) recorder: Option<Arc<Recorder<Disk>>>,
    /// The text of everything that was read.
    pub(crate) sources: Arc<SourceMap>,
    /// The configuration.
    pub(crate) config: Config,
    /// Values of root variables.
    pub(crate) inputs: Inputs,
    /// Workspace of this run.
    pub(crate) workspace: String,
    /// Where the state is.
    pub(crate) backend: Arc<dyn Backend>,
    /// Type and settings of the backend.
    pub(crate) backend_settings: (String, Known),
    /// The providers.
    pub(crate) providers: Arc<Providers>,
    /// Warnings that came up on the way.
    pub(crate) warnings: Diagnostics,
}

/// What a command says about loading.
#[derive(Clone, Copy, Default)]
pub(crate) struct Loading<'a> {
    /// `--env`
    pub(crate) env: Option<&'a str>,
    /// `-var`, `-var-file`
    pub(crate) variables: Option<&'a Variables>,
    /// Variables need values.
    pub(crate) complete: bool,
    /// Missing values may be asked for.
    pub(crate) input: bool,
    /// The command is about the state: a directory without configuration will do.
    pub(crate) state_only: bool,
    /// Name and text of one more configuration file.
    pub(crate) extra: Option<(&'a str, &'a str)>,
}

impl Stack {
    /// Loads the stack of the working directory, with its backend.
    pub(crate) async fn load(cx: &Context, how: Loading<'_>) -> Result<Stack, Diagnostics> {
        let mut stack = Stack::offline(cx, how)?;
        (stack.backend_settings, stack.backend) = crate::commands::configured_backend(cx, &stack).await?;
        Ok(stack)
    }
    /// Loads the stack of the working directory without looking at its backend: for commands that need no state.
    pub(crate) fn offline(cx: &Context, how: Loading<'_>) -> Result<Stack, Diagnostics> {
        let settings = settings::load(&cx.host.cwd).map_err(|d| vec![*d])?;
        let home = cx.env("HOME").map(PathBuf::from);
        let files = Arc::new(Recorder::new(Disk::new(&cx.host.cwd).with_home(home)));
        let mut sources = SourceMap::new();
        let data_dir = data_dir(cx);
        let manifest = Installed::read(&*files, &data_dir).map_err(|d| vec![*d])?.optional(how.state_only);
        let seen: &dyn Files = match how.extra {
            Some((name, text)) => &Overlay { inner: &*files, name, text },
            None => &*files,
        };
        let (mut config, mut warnings) = Config::load(Path::new("."), seen, &mut sources, &manifest);
        if config.is_none() && how.state_only && !has_configuration(&cx.host.cwd) {
            // The state of a directory can be looked at without the configuration that made it.
            let empty = stackctl_lang::files::Memory::of([("main.tf", "")]);
            (config, warnings) = Config::load(Path::new("."), &empty, &mut sources, &manifest);
        }
        if how.state_only {
            // Looking at a state needs its backend and nothing else of the configuration.
            warnings.retain(Diagnostic::is_error);
        }
        let Some(config) = config.filter(|_| !stackctl_core::diag::has_errors(&warnings)) else {
            if !stackctl_core::diag::has_errors(&warnings) {
                warnings.push(no_configuration(cx));
            }
            return Err(warnings);
        };
        let versions: BTreeMap<&str, &str> = all_providers().iter().map(|p| (p.source(), p.version())).collect();
        let problems = config.version_problems(&|source| versions.get(source).map(|v| (*v).to_owned()));
        warnings.extend(diagnostics(problems, &sources));
        warnings.extend(diagnostics(provisioners(&config), &sources));
        let mut arguments = Vec::new();
        if let Some(name) = how.env {
            workspace::check_name(name).map_err(|e| vec![e.diagnostic()])?;
            arguments.push(Argument::File(environment_file(&cx.host.cwd, name).map_err(|d| vec![*d])?));
        }
        if let Some(v) = how.variables {
            arguments.extend(v.order.iter().map(|s| match s {
                VarSource::Var(text) => Argument::Var(text.clone()),
                VarSource::File(path) => Argument::File(PathBuf::from(path)),
            }));
        }
        let (mut inputs, problems) = collect(&config.root.content, &cx.host.env, &arguments, &*files, &mut sources);
        warnings.extend(diagnostics(problems, &sources));
        if how.complete && !stackctl_core::diag::has_errors(&warnings) {
            ask_missing(cx, how.input, &config, &mut inputs, &mut sources)?;
        }
        if stackctl_core::diag::has_errors(&warnings) {
            return Err(warnings);
        }
        let workspace = match how.env {
            Some(name) => name.to_owned(),
            None => workspace::selected(&data_dir, cx.env("TF_WORKSPACE")).map_err(|e| vec![e.diagnostic()])?,
        };
        let mut host = cx.host.clone();
        host.keep_ownership_tags = settings.ownership_tags == OwnershipTags::Keep;
        let providers = Arc::new(Providers::new(all_providers(), host));
        Ok(Stack {
            files: Arc::clone(&files) as Arc<dyn Files>,
            recorder: Some(files),
            backend_settings: ("local".to_owned(), Known::object()),
            sources: Arc::new(sources),
            config,
            inputs,
            workspace,
            backend: Arc::new(stackctl_state::Local::new(&cx.host.cwd, None, None)),
            providers,
            warnings,
        })
    }
    /// What the engine evaluates with. The present is taken now.
    pub(crate) fn settings(&self, cx: &Context) -> stackctl_engine::eval::Settings {
        let now = cx.host.clock.now();
        stackctl_engine::eval::Settings {
            config: self.config.clone(),
            sources: Arc::clone(&self.sources),
            files: Arc::clone(&self.files),
            ids: Arc::clone(&cx.host.ids),
            now,
            plan_time: Some(now),
            planning: true,
            workspace: self.workspace.clone(),
            variables: self.inputs.values.clone(),
        }
    }
    /// The schema of the object at an address, for whoever renders it.
    pub(crate) fn schema(&self, addr: &stackctl_core::InstanceAddr) -> Option<Schema> {
        schema_of(&self.providers, addr)
    }
}

/// A stack that relies on a provisioner that is not carried out must not be applied.
fn provisioners(config: &Config) -> Vec<Problem> {
    let refuse = |p: &stackctl_lang::config::Provisioner| {
        let detail = format!("The provisioner {:?} is not available; local-exec is.", p.ty);
        Problem::error("Unsupported provisioner", detail)
            .at(p.span)
            .hinted("Do the work with local-exec, in another step, or with the service that the resource belongs to.")
    };
    let modules = config.modules();
    let resources = modules.iter().flat_map(|m| m.content.resources.values());
    let of_resources = resources.flat_map(|r| r.provisioners.iter());
    let of_removed = modules.iter().flat_map(|m| m.removed.iter()).flat_map(|r| r.provisioners.iter());
    let other = |p: &&stackctl_lang::config::Provisioner| p.ty != stackctl_engine::eval::LOCAL_EXEC;
    of_resources.chain(of_removed).filter(other).map(refuse).collect()
}

/// The schema of the type of an instance.
pub(crate) fn schema_of(providers: &Providers, addr: &stackctl_core::InstanceAddr) -> Option<Schema> {
    let ty = &addr.resource.ty;
    let table = providers.of_type(ty)?;
    match addr.resource.mode {
        stackctl_core::Mode::Data => table.data(ty).cloned(),
        _ => table.resource(ty).cloned(),
    }
}

/// All providers of this program.
pub(crate) fn all_providers() -> Vec<Arc<dyn Provider>> {
    let mut all = stackctl_builtin::providers(Arc::new(remote_state::Backends));
    all.push(stackctl_aws::provider());
    all
}

/// `.terraform`, or what `TF_DATA_DIR` says.
pub(crate) fn data_dir(cx: &Context) -> PathBuf {
    workspace::data_dir(&cx.host.cwd, cx.env("TF_DATA_DIR"))
}

/// True if a directory has configuration files.
pub(crate) fn has_configuration(dir: &Path) -> bool {
    let is_config = |n: &str| n.ends_with(".tf") || n.ends_with(".tf.json");
    std::fs::read_dir(dir).is_ok_and(|mut d| d.any(|e| e.is_ok_and(|e| e.file_name().to_str().is_some_and(is_config))))
}

fn no_configuration(cx: &Context) -> Diagnostic {
    Diagnostic::error(
        "No configuration files",
        format!("{} has no files that end in .tf or .tf.json.", cx.host.cwd.display()),
    )
    .hinted("Name the directory of a stack: stackctl plan DIRECTORY, or -chdir=DIRECTORY.")
}

/// `environments/NAME.tfvars` or `NAME.tfvars`, with or without `.json`.
fn environment_file(cwd: &Path, name: &str) -> Result<PathBuf, Box<Diagnostic>> {
    let candidates = [
        format!("environments/{name}.tfvars"),
        format!("environments/{name}.tfvars.json"),
        format!("{name}.tfvars"),
        format!("{name}.tfvars.json"),
    ];
    if let Some(found) = candidates.iter().find(|c| cwd.join(c).is_file()) {
        return Ok(PathBuf::from(found));
    }
    let mut known: Vec<String> = [cwd.join("environments"), cwd.to_path_buf()]
        .iter()
        .filter_map(|d| std::fs::read_dir(d).ok())
        .flat_map(|entries| entries.filter_map(|e| e.ok()?.file_name().into_string().ok()))
        .filter_map(|n| n.strip_suffix(".tfvars").map(str::to_owned))
        .filter(|n| n != "terraform" && !n.ends_with(".auto"))
        .collect();
    known.sort();
    known.dedup();
    let detail = format!("Neither environments/{name}.tfvars nor {name}.tfvars exists in {}.", cwd.display());
    let hint = match known.is_empty() {
        true => "Create one of them, or leave --env out.".to_owned(),
        false => format!("There are: {}.", known.join(", ")),
    };
    Err(Box::new(Diagnostic::error("Unknown environment", detail).hinted(hint)))
}

fn ask_missing(
    cx: &Context,
    input: bool,
    config: &Config,
    inputs: &mut Inputs,
    sources: &mut SourceMap,
) -> Result<(), Diagnostics> {
    let root = &config.root.content;
    if cx.may_ask(input) {
        for name in inputs.missing.clone() {
            let Some(v) = root.variables.get(&name) else { continue };
            let about = v.description.as_deref().map(|d| format!("  {d}\n\n")).unwrap_or_default();
            let Some(text) = cx.ask(&format!("var.{name}\n{about}  Enter a value: ")) else { break };
            if let Err(problems) = inputs.set(v, &text, sources) {
                return Err(diagnostics(problems, sources));
            }
        }
    }
    match inputs.missing.is_empty() {
        true => Ok(()),
        false => Err(diagnostics(inputs.missing_problems(root), sources)),
    }
}

/// Type and settings of the backend that the configuration and `init -backend-config` choose.
///
/// # Errors
/// If there is no such backend, or its arguments are wrong or incomplete.
pub(crate) fn backend_settings(
    config: &Config,
    sources: &SourceMap,
    overrides: &BTreeMap<String, Known>,
) -> Result<(String, Known), Diagnostics> {
    let Some(block) = &config.root.content.terraform.backend else {
        return Ok(("local".to_owned(), Known::object()));
    };
    let Some(schema) = stackctl_backend::block(&block.ty) else {
        let detail = format!("There is no backend {:?}; there are local and s3.", block.ty);
        return Err(diagnostics(vec![Problem::error("Unsupported backend", detail).at(block.span)], sources));
    };
    // A setting that `init -backend-config` gave may be what the block lacks, so that nothing is required of it alone.
    let decoded = crate::commands::decode_backend(&schema, &block.body, block.span);
    let mut known = decoded.map_err(|problems| diagnostics(problems, sources))?;
    for (name, value) in overrides {
        known.set(name.as_str(), value.clone());
    }
    let missing = schema.block.attrs.iter().find(|(n, a)| a.presence == Presence::Required && known.get(n).is_null());
    if let Some((name, _)) = missing {
        let p = Problem::error("Incomplete backend", format!("The backend needs the argument {name:?}."));
        let p = p.at(block.span).hinted(format!("Set it in the block, or: stackctl init -backend-config={name}=VALUE"));
        return Err(diagnostics(vec![p], sources));
    }
    Ok((block.ty.clone(), known))
}

/// The backend of a type and settings. In the sandbox it is made where it is missing.
pub(crate) async fn backend(cx: &Context, (ty, known): &(String, Known)) -> Result<Arc<dyn Backend>, Diagnostics> {
    let failed = |e| vec![Diagnostic::from_provider("The state backend cannot be used", e)];
    if ty == "s3" && cx.env(crate::sandboxed::VARIABLE).is_some() {
        stackctl_backend::ensure(known, &cx.host).await.map_err(failed)?;
    }
    let journal = settings::load(&cx.host.cwd).map_err(|d| vec![*d])?.journal == Journal::On;
    stackctl_backend::configure(ty, known, journal, &cx.host).await.map_err(failed)
}
