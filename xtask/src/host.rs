//! What a task finds on this machine: the repository, the built binary, Terraform, the sandbox.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::lab::{Result, Tool, World};
use crate::tell;

/// Where things are, where the usual places are not meant.
#[derive(clap::Args, Debug)]
pub(crate) struct Where {
    /// The binary; without it, it is built.
    #[arg(long, global = true, value_name = "FILE")]
    stackctl: Option<PathBuf>,
    /// Terraform; without it, the one on PATH.
    #[arg(long, global = true, value_name = "FILE")]
    terraform: Option<PathBuf>,
    /// Configuration of Terraform's command line, which may name a mirror of providers; without it, TF_CLI_CONFIG_FILE.
    #[arg(long, global = true, value_name = "FILE")]
    terraform_config: Option<PathBuf>,
}

/// The directory of this repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// Cargo as a user would start it. What `cargo run` tells this task about itself (`CARGO_PKG_NAME`, `CARGO_MANIFEST_DIR`, …)
/// must not reach it: build scripts of dependencies watch these variables, and a change compiles every SDK anew.
fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let settings = ["HOME", "TARGET_DIR", "INCREMENTAL", "TERM_", "BUILD_", "NET_", "PROFILE_", "HTTP_", "REGISTR"];
    for (name, _) in std::env::vars_os() {
        let ours = name.to_str().and_then(|n| n.strip_prefix("CARGO"));
        if ours.is_some_and(|rest| !settings.iter().any(|s| rest.strip_prefix('_').is_some_and(|r| r.starts_with(s)))) {
            cargo.env_remove(&name);
        }
    }
    cargo
}

/// Builds, and names the executable of that target.
fn built(mut cargo: Command, target: &str) -> Result<Tool> {
    cargo.arg("--message-format=json-render-diagnostics");
    let output = cargo.current_dir(root()).output().map_err(|e| format!("cargo cannot be started: {e}"))?;
    if !output.status.success() {
        return Err(format!("{target} cannot be built:\n{}", String::from_utf8_lossy(&output.stderr)));
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let executable = messages.lines().filter_map(|l| serde_json::from_str::<serde_json::Value>(l).ok()).find_map(|m| {
        let ours = m["target"]["name"] == target;
        m["executable"].as_str().filter(|_| ours).map(PathBuf::from)
    });
    executable.map(Tool::new).ok_or_else(|| "cargo names no executable".to_owned())
}

impl Where {
    /// The binary, built in the given profile unless it was named.
    pub(crate) fn stackctl(&self, release: bool) -> Result<Tool> {
        if let Some(file) = &self.stackctl {
            let file = file.canonicalize().map_err(|e| format!("{}: {e}", file.display()))?;
            return Ok(Tool::new(file));
        }
        let mut cargo = cargo();
        cargo.args(["build", "--quiet"]);
        if release {
            cargo.arg("--release");
        }
        built(cargo, "stackctl")
    }

    /// The example that measures the parser alone, built as users' binaries are.
    pub(crate) fn parser(&self) -> Result<Tool> {
        let mut cargo = cargo();
        cargo.args(["build", "--quiet", "--release", "-p", "stackctl-hcl", "--example", "parse"]);
        built(cargo, "parse")
    }

    /// Terraform with its provider mirror, where both are at hand.
    pub(crate) fn terraform(&self) -> Option<Tool> {
        let on_path = || {
            let path = std::env::var_os("PATH")?;
            std::env::split_paths(&path).map(|d| d.join("terraform")).find(|f| f.is_file())
        };
        let program = self.terraform.clone().or_else(on_path)?;
        let mut tool = Tool::new(program.canonicalize().unwrap_or(program));
        let config =
            self.terraform_config.clone().or_else(|| std::env::var_os("TF_CLI_CONFIG_FILE").map(PathBuf::from));
        if let Some(config) = config {
            let config = config.canonicalize().unwrap_or(config);
            tool.env.push(("TF_CLI_CONFIG_FILE".to_owned(), config.to_string_lossy().into_owned()));
        }
        Some(tool)
    }
}

/// An empty world of this task's own; it ends with this value. The user's sandbox serves it, whose own world is not touched.
#[derive(Debug)]
pub(crate) struct Empty {
    /// The world.
    pub(crate) world: World,
}

impl Empty {
    /// Starts the sandbox where none runs, and forks an empty world off it.
    pub(crate) fn new(stackctl: &Tool) -> Result<Empty> {
        let run = |what: &str| Command::new(&stackctl.program).args(["sandbox", what]).output();
        let started = run("start").map_err(|e| format!("{} cannot be started: {e}", stackctl.program.display()))?;
        let text = String::from_utf8_lossy(&started.stdout).into_owned();
        let port = text.split("127.0.0.1:").nth(1).and_then(|rest| {
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            digits.parse().ok()
        });
        let Some(port) = port else {
            return Err(format!("the sandbox does not start: {text}{}", String::from_utf8_lossy(&started.stderr)));
        };
        let world = World { port }.fork()?;
        world.reset()?;
        tell(&format!("world at {}", world.endpoint()));
        Ok(Empty { world })
    }
}

impl Drop for Empty {
    fn drop(&mut self) {
        self.world.exit();
    }
}
