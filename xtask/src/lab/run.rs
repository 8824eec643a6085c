//! A program on a copy of a stack.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::{Result, World};

/// A program that speaks Terraform's command line.
#[derive(Clone, Debug)]
pub(crate) struct Tool {
    /// The executable.
    pub(crate) program: PathBuf,
    /// Variables that only this program needs.
    pub(crate) env: Vec<(String, String)>,
}

impl Tool {
    /// A program without variables of its own.
    pub(crate) fn new(program: impl Into<PathBuf>) -> Tool {
        Tool { program: program.into(), env: Vec::new() }
    }

    /// Its name for reports.
    pub(crate) fn name(&self) -> String {
        self.program.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// How a run ended.
#[derive(Clone, Debug)]
pub(crate) struct Done {
    /// Exit code; none where a signal ended it.
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

impl Done {
    /// Both outputs.
    pub(crate) fn text(&self) -> String {
        format!("{}{}", self.out, self.err)
    }

    /// The same run, if it ended with that code.
    pub(crate) fn want(self, code: i32) -> Result<Done> {
        if self.code == Some(code) {
            return Ok(self);
        }
        Err(format!("exit code {:?}, wanted {code}\n{}", self.code, end_of(&self.text(), 4000)))
    }

    /// Standard output as one JSON document.
    pub(crate) fn json(&self) -> Result<Value> {
        serde_json::from_str(&self.out).map_err(|e| format!("no JSON ({e}): {}", end_of(&self.text(), 1000)))
    }
}

fn end_of(text: &str, most: usize) -> &str {
    let from = (text.len().saturating_sub(most)..text.len()).find(|i| text.is_char_boundary(*i)).unwrap_or(0);
    &text[from..]
}

/// A copy of a stack in a directory of its own, and the world it is about.
#[derive(Debug)]
pub(crate) struct Bench {
    dir: tempfile::TempDir,
    /// Where requests go; without one, programs find no AWS.
    pub(crate) world: Option<World>,
    /// More variables for every program.
    pub(crate) env: Vec<(String, String)>,
}

impl Bench {
    /// An empty directory.
    pub(crate) fn empty(world: Option<World>) -> Result<Bench> {
        let dir = tempfile::Builder::new().prefix("stack-").tempdir().map_err(|e| format!("no directory: {e}"))?;
        Ok(Bench { dir, world, env: Vec::new() })
    }

    /// A copy of a directory with everything in it: state and plans too.
    pub(crate) fn copy_of(from: &Path, world: Option<World>) -> Result<Bench> {
        let bench = Bench::empty(world)?;
        copy(from, bench.path()).map_err(|e| format!("{} cannot be copied: {e}", from.display()))?;
        Ok(bench)
    }

    /// One with this configuration in `main.tf`.
    pub(crate) fn of(text: &str, world: Option<World>) -> Result<Bench> {
        let bench = Bench::empty(world)?;
        bench.write("main.tf", text)?;
        Ok(bench)
    }

    /// The directory.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a file in it.
    pub(crate) fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.path().join(name);
        let made = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&path, text));
        made.map_err(|e| format!("{} cannot be written: {e}", path.display()))
    }

    /// A file in it; none where there is no such file.
    pub(crate) fn read(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.path().join(name)).ok()
    }

    /// The local state.
    pub(crate) fn state(&self) -> Result<Value> {
        let text = self.read("terraform.tfstate").ok_or("there is no local state")?;
        serde_json::from_str(&text).map_err(|e| format!("the local state is no JSON: {e}"))
    }

    /// Types of managed resources in the local state with the number of their instances, deposed ones too.
    pub(crate) fn recorded(&self) -> Result<super::world::Census> {
        match self.read("terraform.tfstate") {
            None => Ok(super::world::Census::new()),
            Some(_) => Ok(Bench::census(&self.state()?)),
        }
    }

    /// The same for a state that was read.
    pub(crate) fn census(state: &Value) -> super::world::Census {
        let mut census = super::world::Census::new();
        for r in state["resources"].as_array().into_iter().flatten().filter(|r| r["mode"] == "managed") {
            let n = r["instances"].as_array().map_or(0, Vec::len);
            *census.entry(super::world::text(&r["type"]).to_owned()).or_default() += n;
        }
        census
    }

    /// The command, ready to run here, in an environment without settings of whoever runs this.
    pub(crate) fn command(&self, tool: &Tool, args: &[&str]) -> Command {
        let mut command = Command::new(&tool.program);
        command.args(args).current_dir(self.path()).stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            let settings = ["AWS_", "TF_", "STACKCTL_"].iter().any(|p| text.starts_with(p));
            if settings && text != "STACKCTL_SANDBOX_HOME" || text.to_lowercase().ends_with("_proxy") {
                command.env_remove(name);
            }
        }
        command.env("TF_IN_AUTOMATION", "1").env("CHECKPOINT_DISABLE", "1").env("NO_COLOR", "1");
        command.envs(self.world.map(World::env).unwrap_or_default());
        command.envs(self.env.iter().cloned()).envs(tool.env.iter().cloned());
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, tool: &Tool, args: &[&str]) -> Result<Done> {
        finish(self.start(tool, args)?)
    }

    /// Starts it.
    pub(crate) fn start(&self, tool: &Tool, args: &[&str]) -> Result<Child> {
        let mut command = self.command(tool, args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().map_err(|e| format!("{} cannot be started: {e}", tool.program.display()))
    }
}

/// Waits for the end of a started program.
pub(crate) fn finish(child: Child) -> Result<Done> {
    let output = child.wait_with_output().map_err(|e| format!("waiting failed: {e}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Done { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) })
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
        if kind.is_dir() {
            copy(&entry.path(), &target)?;
        } else if kind.is_file() {
            std::fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}
