//! A private virtual environment with the emulators, made on first use and shared by all processes of the user.
//!
//! Where: `$STACKCTL_SANDBOX_HOME`, else `$XDG_CACHE_HOME/stackctl`, else `~/.cache/stackctl`; below it one directory
//! per set of pins. pip runs with the user's own configuration (index, proxy, certificates); nothing is overridden.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Error, files};

/// What the server needs.
pub(crate) const MOTO: &[&str] = &["moto[server]==5.2.5"];
const READY: &str = "installed";

/// The directory that holds everything of the sandbox.
///
/// # Errors
/// [`Error::Home`] where no variable names one.
pub fn home() -> Result<PathBuf, Error> {
    let set = |name| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    set("STACKCTL_SANDBOX_HOME")
        .or_else(|| set("XDG_CACHE_HOME").map(|dir| dir.join("stackctl")))
        .or_else(|| set("HOME").map(|dir| dir.join(".cache/stackctl")))
        .ok_or(Error::Home)
}

/// Python of the environment with these packages, installed first if need be. Blocks, for a minute when installing;
/// processes that need the same environment wait for each other.
pub(crate) fn ensure(name: &str, packages: &[&str]) -> Result<PathBuf, Error> {
    let home = home()?;
    let dir = home.join(format!("{name}-{}", files::digest(packages.iter().copied())));
    let python = dir.join("bin/python3");
    if dir.join(READY).is_file() && python.exists() {
        return Ok(python);
    }
    std::fs::create_dir_all(&home).map_err(Error::io(&home))?;
    let path = dir.with_extension("lock");
    let lock = std::fs::File::create(&path).map_err(Error::io(&path))?;
    lock.lock().map_err(Error::io(&path))?;
    if dir.join(READY).is_file() && python.exists() {
        return Ok(python);
    }
    tracing::info!(directory = %dir.display(), "installing the sandbox's emulators");
    install(&dir, &python, packages)?;
    std::fs::write(dir.join(READY), packages.join("\n")).map_err(Error::io(dir.join(READY)))?;
    Ok(python)
}

fn install(dir: &Path, python: &Path, packages: &[&str]) -> Result<(), Error> {
    check_version()?;
    if dir.exists() {
        // Left behind by an installation that was interrupted.
        std::fs::remove_dir_all(dir).map_err(Error::io(dir))?;
    }
    let made =
        Command::new("python3").args(["-m", "venv"]).arg(dir).output().map_err(|e| Error::Venv(e.to_string()))?;
    if !made.status.success() {
        return Err(Error::Venv(tail(&[made.stdout, made.stderr].concat(), 6)));
    }
    let pip = Command::new(python)
        .args(["-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--quiet"])
        .args(packages)
        .output()
        .map_err(Error::io(python))?;
    if pip.status.success() {
        return Ok(());
    }
    Err(Error::Pip { packages: packages.join(" "), lines: tail(&[pip.stdout, pip.stderr].concat(), 12) })
}

fn check_version() -> Result<(), Error> {
    let out = Command::new("python3")
        .args(["-c", "import sys; print('%d.%d' % sys.version_info[:2]); sys.exit(sys.version_info < (3, 10))"])
        .output()
        .map_err(|e| Error::Python(format!("cannot run python3 ({e})")))?;
    if out.status.success() {
        return Ok(());
    }
    Err(Error::Python(format!("python3 is version {}", String::from_utf8_lossy(&out.stdout).trim())))
}

/// The last lines of an output.
pub(crate) fn tail(output: &[u8], lines: usize) -> String {
    let text = String::from_utf8_lossy(output);
    let all: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::tail;

    #[test]
    fn tail_keeps_the_end() {
        assert_eq!(tail(b"a\n\nb\nc\n", 2), "b\nc");
        assert_eq!(tail(b"", 2), "");
    }
}
