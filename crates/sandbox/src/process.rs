//! Starting the server: for one test, or kept for a user until stopped.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::{Control, Error, files, venv};

/// Until the server must have answered; a cold file cache on a busy machine takes long.
const START: Duration = Duration::from_secs(120);

/// How to start.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Tracebacks of requests that the emulator cannot execute go to its log.
    pub verbose: bool,
}

/// A sandbox of this process: it ends when this is dropped, or when this process ends, however it ends.
#[derive(Debug)]
pub struct Sandbox {
    control: Control,
    child: Option<Child>,
    log: PathBuf,
    _dir: Option<tempfile::TempDir>,
}

impl std::ops::Deref for Sandbox {
    type Target = Control;

    fn deref(&self) -> &Control {
        &self.control
    }
}

/// What the run directory remembers of a kept sandbox.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    pid: u32,
    port: u16,
    /// Of the server; programs before there were versions did not write one.
    #[serde(default)]
    version: String,
}

impl Kept {
    /// What `dir` remembers, if it is alive.
    async fn alive(dir: &Path) -> Option<Kept> {
        let text = std::fs::read(dir.join(KEPT)).ok()?;
        let kept: Kept = serde_json::from_slice(&text).ok()?;
        (Control { port: kept.port }.health().await.ok()? == kept.pid).then_some(kept)
    }
}

/// Name of the file in a run directory that says which server is kept.
const KEPT: &str = "sandbox.json";

impl Sandbox {
    /// Starts a server with an empty world; installs the emulators first if they are missing, which takes a minute.
    ///
    /// # Errors
    /// [`Error::Python`], [`Error::Venv`] and [`Error::Pip`] where it cannot be installed, [`Error::Start`].
    pub async fn start(options: Options) -> Result<Self, Error> {
        let dir =
            tempfile::Builder::new().prefix("stackctl-sandbox-").tempdir().map_err(Error::io(std::env::temp_dir()))?;
        let log = dir.path().join("server.log");
        let (port, child) = spawn(&options, &log, None).await?;
        Ok(Self { control: Control { port }, child: Some(child), log, _dir: Some(dir) })
    }

    /// The sandbox that is kept in `dir`, started if none runs there. It goes on when this is dropped and when this
    /// process ends, until [`Sandbox::stop_kept`]. One of another version is replaced if its world is empty; it ends by
    /// itself once the last of its forks has.
    ///
    /// # Errors
    /// As [`Sandbox::start`]; [`Error::Version`] where one of another version holds something.
    pub async fn attach_or_start(dir: &Path) -> Result<Self, Error> {
        std::fs::create_dir_all(dir).map_err(Error::io(dir))?;
        let _lock = lock(dir).await?;
        let log = dir.join("server.log");
        let ours = files::version();
        if let Some(kept) = Kept::alive(dir).await {
            let control = Control { port: kept.port };
            if kept.version == ours {
                return Ok(Self { control, child: None, log, _dir: None });
            }
            let world = control.world().await?;
            let held = world.iter().filter(|(_, objects)| !objects.is_empty());
            let holds: Vec<String> = held.map(|(ty, objects)| format!("{} {ty}", objects.len())).collect();
            if !holds.is_empty() {
                let theirs = if kept.version.is_empty() { "unknown".to_owned() } else { kept.version };
                return Err(Error::Version { endpoint: control.endpoint(), theirs, ours, holds: holds.join(", ") });
            }
        }
        let path = dir.join(KEPT);
        let (port, child) = spawn(&Options::default(), &log, Some(&path)).await?;
        let kept = Kept { pid: child.id().unwrap_or_default(), port, version: ours };
        std::fs::write(&path, serde_json::to_vec(&kept).unwrap_or_default()).map_err(Error::io(&path))?;
        Ok(Self { control: Control { port }, child: None, log, _dir: None })
    }

    /// The sandbox kept in `dir`, if it is alive.
    pub async fn kept(dir: &Path) -> Option<Control> {
        Kept::alive(dir).await.map(|kept| Control { port: kept.port })
    }

    /// Version of the server that is kept in `dir`, if one is alive; empty for one that does not know its own.
    pub async fn kept_version(dir: &Path) -> Option<String> {
        Kept::alive(dir).await.map(|kept| kept.version)
    }

    /// Version of the server that this program brings.
    pub fn version() -> String {
        files::version()
    }

    /// Ends the sandbox kept in `dir`. False where none was alive.
    ///
    /// # Errors
    /// [`Error::Io`] where the directory cannot be written.
    pub async fn stop_kept(dir: &Path) -> Result<bool, Error> {
        if !dir.is_dir() {
            return Ok(false);
        }
        let _lock = lock(dir).await?;
        let alive = Self::kept(dir).await;
        if let Some(control) = alive {
            control.exit().await?;
        }
        match std::fs::remove_file(dir.join(KEPT)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::Io { path: dir.join(KEPT), source: error })
            }
            _ => Ok(alive.is_some()),
        }
    }

    /// Where a user's kept sandbox has its run directory.
    ///
    /// # Errors
    /// [`Error::Home`].
    pub fn run_dir() -> Result<PathBuf, Error> {
        Ok(venv::home()?.join("sandbox-run"))
    }

    /// For control requests; outlives this value, though the server of a started sandbox does not.
    pub fn control(&self) -> Control {
        self.control
    }

    /// The server's standard error: tracebacks with [`Options::verbose`].
    pub fn log_file(&self) -> &Path {
        &self.log
    }

    /// Ends a started sandbox and waits until it is gone; lets go of a kept one.
    pub async fn stop(mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself already.
            let _ = child.kill().await;
        }
    }
}

async fn lock(dir: &Path) -> Result<std::fs::File, Error> {
    let path = dir.join("lock");
    tokio::task::spawn_blocking(move || {
        let file = std::fs::File::create(&path).map_err(Error::io(&path))?;
        file.lock().map_err(Error::io(&path))?;
        Ok(file)
    })
    .await
    .map_err(|e| Error::Start(e.to_string()))?
}

/// Starts the server and waits until it listens. With `until` it outlives this process, while that file names it.
async fn spawn(options: &Options, log: &Path, until: Option<&Path>) -> Result<(u16, Child), Error> {
    let (python, server) = tokio::task::spawn_blocking(|| {
        let python = venv::ensure("moto", venv::MOTO)?;
        Ok::<_, Error>((python, files::place(&venv::home()?)?))
    })
    .await
    .map_err(|e| Error::Start(e.to_string()))??;
    let stderr = std::fs::File::create(log).map_err(Error::io(log))?;
    let mut command = Command::new(&python);
    command.arg(&server).args(["--port", &options.port.to_string()]);
    for (name, _) in std::env::vars_os().filter(|(n, _)| n.to_string_lossy().starts_with("AWS_")) {
        command.env_remove(name);
    }
    if options.verbose {
        command.arg("--verbose");
    }
    if let Some(file) = until {
        command.arg("--detach").arg("--until").arg(file).stdin(Stdio::null()).process_group(0);
    } else {
        // The pipe is the lifeline: the server ends when its other end closes, even if this process is killed.
        command.stdin(Stdio::piped()).kill_on_drop(true);
    }
    let mut child = command.stdout(Stdio::piped()).stderr(stderr).spawn().map_err(Error::io(&python))?;
    let told = async {
        let mut line = String::new();
        if let Some(out) = child.stdout.take() {
            BufReader::new(out).read_line(&mut line).await.ok()?;
        }
        serde_json::from_str::<Kept>(&line).ok()
    };
    match tokio::time::timeout(START, told).await {
        Ok(Some(kept)) => Ok((kept.port, child)),
        outcome => {
            let _ = child.kill().await;
            let text = venv::tail(&std::fs::read(log).unwrap_or_default(), 8);
            let why = if outcome.is_err() { "no answer in time" } else { "it ended at once" };
            Err(Error::Start(format!("{why}\n{text}")))
        }
    }
}
