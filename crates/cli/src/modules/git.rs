//! Packages from git repositories, through the `git` command: its credentials, keys and proxies are the user's own.
//!
//! Only what is asked for is fetched: one commit without history, where the server gives it. Nothing of a repository is run:
//! hooks are off. Arguments of the query: `ref`, `depth` (which changes nothing then), `sshkey` (a private key in base64).

use std::io::Write as _;
use std::path::Path;

use base64::Engine as _;
use percent_encoding::percent_decode_str;
use stackctl_lang::config::source::RemoteSource;
use stackctl_lang::diag::Problem;

use super::program::{self, Done};

/// Says that the server does not give a single commit by that name; the whole repository may have it.
const NOT_ALONE: &[&str] = &[
    "couldn't find remote ref",
    "not our ref",
    "unadvertised object",
    "does not support shallow",
    "invalid refspec",
    "no such remote ref",
];

/// Variables of somebody else's repository, as hooks have them.
const FOREIGN: &[&str] = &[
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
];

/// What the query says.
struct Arguments {
    url: String,
    reference: Option<String>,
    key: Option<Vec<u8>>,
}

/// Checks out a repository into a directory that does not exist yet, submodules included, and answers with the commit.
/// `pin` is a commit that goes before what `ref` says.
///
/// # Errors
/// What git said.
pub(super) async fn fetch(
    source: &RemoteSource,
    pin: Option<&str>,
    into: &Path,
    interactive: bool,
) -> Result<String, Box<Problem>> {
    let args = arguments(source)?;
    let key = match &args.key {
        Some(key) => Some(key_file(key).map_err(|e| failed(source, &format!("the key cannot be kept: {e}")))?),
        None => None,
    };
    let git = Git { source, into, key: key.as_ref().map(tempfile::NamedTempFile::path), interactive };
    std::fs::create_dir_all(into).map_err(|e| failed(source, &e.to_string()))?;
    git.run(&["init", "--quiet"]).await?;
    git.run(&["remote", "add", "origin", &args.url]).await?;
    let commit = git.commit(pin, args.reference.as_deref()).await?;
    git.run(&["checkout", "--quiet", "--force", "--detach", &commit]).await?;
    if into.join(".gitmodules").exists() {
        let update = ["submodule", "--quiet", "update", "--init", "--recursive"];
        let shallow: Vec<&str> = update.into_iter().chain(["--depth", "1"]).collect();
        if git.run(&shallow).await.is_err() {
            git.run(&update).await?;
        }
    }
    forget(into, ".git").map_err(|e| failed(source, &e.to_string()))?;
    Ok(commit)
}

/// The commit that a directory with a clone has checked out.
pub(super) fn head(dir: &Path) -> Option<String> {
    if !dir.join(".git").exists() {
        return None;
    }
    let mut command = std::process::Command::new("git");
    for name in FOREIGN {
        command.env_remove(name);
    }
    let out =
        command.arg("-C").arg(dir).args(["rev-parse", "HEAD"]).stderr(std::process::Stdio::null()).output().ok()?;
    let text = String::from_utf8(out.stdout).ok()?;
    out.status.success().then(|| text.trim().to_owned()).filter(|t| !t.is_empty())
}

fn arguments(source: &RemoteSource) -> Result<Arguments, Box<Problem>> {
    let (mut reference, mut key, mut rest) = (None, None, Vec::new());
    for (name, value) in source.arguments() {
        let decoded = percent_decode_str(&value.replace('+', " ")).decode_utf8_lossy().into_owned();
        match name {
            "ref" if decoded.starts_with('-') => {
                return Err(failed(source, &format!("\"{decoded}\" is no name of a branch, tag or commit")));
            }
            "ref" => reference = Some(decoded).filter(|r| !r.is_empty()),
            "depth" if decoded.parse::<u32>().is_err() => {
                return Err(failed(source, &format!("depth=\"{decoded}\" is no number of commits")));
            }
            "depth" => {}
            "sshkey" => {
                // A plus sign of base64 is often written as it is.
                let text = percent_decode_str(value).decode_utf8_lossy().replace(' ', "+");
                let bytes = base64::engine::general_purpose::STANDARD.decode(text.trim());
                key = Some(bytes.map_err(|_| failed(source, "the argument \"sshkey\" is not in base64"))?);
            }
            _ if value.is_empty() => rest.push(name.to_owned()),
            _ => rest.push(format!("{name}={value}")),
        }
    }
    let query = if rest.is_empty() { String::new() } else { format!("?{}", rest.join("&")) };
    Ok(Arguments { url: format!("{}{query}", source.base()), reference, key })
}

fn key_file(key: &[u8]) -> std::io::Result<tempfile::NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix("stackctl-key-").tempfile()?;
    file.write_all(key)?;
    if !key.ends_with(b"\n") {
        file.write_all(b"\n")?;
    }
    file.flush()?;
    Ok(file)
}

/// Removes what belongs to version control (`name`), of repositories within it too.
pub(super) fn forget(dir: &Path, name: &str) -> std::io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let (kind, path) = (entry.file_type()?, entry.path());
        if path.file_name().is_some_and(|n| n == name) {
            if kind.is_dir() { std::fs::remove_dir_all(&path)? } else { std::fs::remove_file(&path)? }
        } else if kind.is_dir() {
            forget(&path, name)?;
        }
    }
    Ok(())
}

struct Git<'a> {
    source: &'a RemoteSource,
    into: &'a Path,
    key: Option<&'a Path>,
    interactive: bool,
}

impl Git<'_> {
    /// Fetches the wanted commit and names it in full.
    async fn commit(&self, pin: Option<&str>, reference: Option<&str>) -> Result<String, Box<Problem>> {
        let wanted = pin.or(reference).unwrap_or("HEAD");
        let alone = self.output(&["fetch", "--quiet", "--depth", "1", "--no-tags", "origin", wanted]).await?;
        if alone.ok {
            return Ok(self.run(&["rev-parse", "--verify", "FETCH_HEAD^{commit}"]).await?.trim().to_owned());
        }
        if !NOT_ALONE.iter().any(|text| alone.err.contains(text)) {
            return Err(self.said(&alone.err));
        }
        self.run(&["fetch", "--quiet", "--tags", "origin", "+refs/heads/*:refs/remotes/origin/*"]).await?;
        for name in [format!("refs/tags/{wanted}"), format!("refs/remotes/origin/{wanted}"), wanted.to_owned()] {
            let found = self.output(&["rev-parse", "--verify", "--quiet", &format!("{name}^{{commit}}")]).await?;
            if found.ok {
                return Ok(found.out.trim().to_owned());
            }
        }
        let shown = self.source.shown();
        Err(Box::new(match pin {
            Some(commit) => Problem::error(
                "Pinned commit is gone",
                format!(
                    "The repository of {shown} no longer has the commit {commit}, which {} pins.",
                    super::LOCK_FILE
                ),
            )
            .hinted("Run \"stackctl init -upgrade\" to take what the repository has now."),
            None => Problem::error(
                "Unknown git reference",
                format!("The repository of {shown} has no branch, tag or commit \"{wanted}\"."),
            )
            .hinted("Correct ?ref= in the source. An abbreviated commit needs at least 7 digits."),
        }))
    }
    async fn run(&self, args: &[&str]) -> Result<String, Box<Problem>> {
        let done = self.output(args).await?;
        if done.ok { Ok(done.out) } else { Err(self.said(&done.err)) }
    }
    async fn output(&self, args: &[&str]) -> Result<Done, Box<Problem>> {
        let mut command = tokio::process::Command::new("git");
        for name in FOREIGN {
            command.env_remove(name);
        }
        command.current_dir(self.into).kill_on_drop(true);
        command.args(["-c", "core.hooksPath=/dev/null", "-c", "advice.detachedHead=false"]);
        if self.source.url.starts_with("file:") {
            // Submodules of a repository of this machine may be on this machine.
            command.args(["-c", "protocol.file.allow=always"]);
        }
        command.args(args).env("LC_ALL", "C").env("GIT_TERMINAL_PROMPT", "0");
        let ssh = std::env::var("GIT_SSH_COMMAND").ok();
        let mut ssh_command = ssh.clone().unwrap_or_else(|| "ssh".to_owned());
        if let Some(key) = self.key {
            ssh_command.push_str(&format!(" -i '{}' -o IdentitiesOnly=yes", key.display()));
        }
        if !self.interactive && ssh.is_none() {
            ssh_command.push_str(" -o BatchMode=yes");
        }
        command.env("GIT_SSH_COMMAND", ssh_command);
        let hint = "Modules from git are fetched with the git command: install it, or put it on the PATH.";
        program::output(&mut command, hint).await
    }
    /// What git said, with a way out for what happens most.
    fn said(&self, err: &str) -> Box<Problem> {
        let has = |parts: &[&str]| parts.iter().any(|p| err.contains(p));
        let hint = if has(&["could not read Username", "Authentication failed", "terminal prompts disabled"]) {
            "Give git credentials for this host (git credential, ~/.netrc), or use git::ssh:// with a key."
        } else if has(&["Permission denied", "publickey"]) {
            "Check that the key of this account may read the repository: git ls-remote URL."
        } else if has(&["Could not resolve host", "Failed to connect", "unable to access", "Connection", "timed out"]) {
            "Check the network and the proxy: HTTPS_PROXY, and git config http.proxy."
        } else if has(&["not found", "does not exist", "does not appear to be a git repository"]) {
            "Check the address: git ls-remote URL. Private repositories without credentials look as if they did not exist."
        } else {
            "Try the same with git: git ls-remote URL."
        };
        let mut p = failed(self.source, &program::complaint(err));
        p.hint = Some(hint.into());
        p
    }
}

fn failed(source: &RemoteSource, reason: &str) -> Box<Problem> {
    program::failed("git", source, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Arguments, Box<Problem>> {
        arguments(&RemoteSource::parse(text).unwrap())
    }

    #[test]
    fn queries() {
        for (text, url, reference) in [
            ("git::https://h/x.git", "https://h/x.git", None),
            ("git::https://h/x.git?ref=v1&depth=1", "https://h/x.git", Some("v1")),
            ("git::https://h/x.git?a=b&ref=feature%2Fx&c", "https://h/x.git?a=b&c", Some("feature/x")),
            ("git::ssh://git@h/x.git?ref=", "ssh://git@h/x.git", None),
        ] {
            let a = read(text).unwrap_or_else(|p| panic!("{text}: {}", p.detail));
            assert_eq!((a.url.as_str(), a.reference.as_deref()), (url, reference), "{text}");
        }
        let key = read("git::ssh://git@h/x?sshkey=a2V5").ok().and_then(|a| a.key);
        assert_eq!(key.as_deref(), Some(&b"key"[..]));
        for (text, want) in [
            ("git::https://h/x?ref=--upload-pack%3Dx", "no name of a branch"),
            ("git::https://h/x?depth=all", "no number"),
            ("git::ssh://git@h/x?sshkey=%21", "base64"),
        ] {
            assert!(read(text).err().is_some_and(|p| p.detail.contains(want)), "{text}");
        }
    }
}
