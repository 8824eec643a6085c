//! Packages from Mercurial repositories, through the `hg` command: its credentials, keys and proxies are the user's own.
//!
//! Argument of the query: `rev`, a branch, tag, bookmark or changeset.

use std::path::Path;

use percent_encoding::percent_decode_str;
use stackctl_lang::config::source::RemoteSource;
use stackctl_lang::diag::Problem;

use super::program::{self, Done};

/// Checks out a repository into a directory that does not exist yet, and answers with the changeset. `pin` is a changeset
/// that goes before what `rev` says.
///
/// # Errors
/// What hg said.
pub(super) async fn fetch(source: &RemoteSource, pin: Option<&str>, into: &Path) -> Result<String, Box<Problem>> {
    let (url, revision) = arguments(source);
    let hg = Hg { source };
    let target = into.display().to_string();
    hg.run(None, &["clone", "--quiet", "--noupdate", "--", &url, &target]).await?;
    let wanted = pin.or(revision.as_deref());
    // In one word: a name that begins with a hyphen is no option.
    let chosen = wanted.map(|r| format!("--rev={r}"));
    let update: Vec<&str> = ["update", "--quiet", "--clean"].into_iter().chain(chosen.as_deref()).collect();
    let done = hg.output(Some(into), &update).await?;
    match wanted {
        Some(name) if !done.ok && (done.err.contains("unknown revision") || done.err.contains("not found")) => {
            return Err(unknown(source, name, pin.is_some()));
        }
        _ if !done.ok => return Err(hg.said(&done.err)),
        _ => {}
    }
    let node = hg.run(Some(into), &["log", "--rev=.", "--template={node}"]).await?;
    super::git::forget(into, ".hg").map_err(|e| failed(source, &e.to_string()))?;
    Ok(node.trim().to_owned())
}

/// The repository's address, and what is wanted of it.
fn arguments(source: &RemoteSource) -> (String, Option<String>) {
    let (mut revision, mut rest) = (None, Vec::new());
    for (name, value) in source.arguments() {
        match name {
            "rev" => {
                revision = Some(percent_decode_str(value).decode_utf8_lossy().into_owned()).filter(|r| !r.is_empty())
            }
            _ if value.is_empty() => rest.push(name.to_owned()),
            _ => rest.push(format!("{name}={value}")),
        }
    }
    let query = if rest.is_empty() { String::new() } else { format!("?{}", rest.join("&")) };
    (format!("{}{query}", source.base()), revision)
}

fn unknown(source: &RemoteSource, name: &str, pinned: bool) -> Box<Problem> {
    let shown = source.shown();
    Box::new(match pinned {
        true => {
            let lock = super::LOCK_FILE;
            let detail = format!("The repository of {shown} no longer has the changeset {name}, which {lock} pins.");
            let hint = "Run \"stackctl init -upgrade\" to take what the repository has now.";
            Problem::error("Pinned commit is gone", detail).hinted(hint)
        }
        false => {
            let detail = format!("The repository of {shown} has no branch, tag, bookmark or changeset \"{name}\".");
            Problem::error("Unknown Mercurial revision", detail).hinted("Correct ?rev= in the source.")
        }
    })
}

struct Hg<'a> {
    source: &'a RemoteSource,
}

impl Hg<'_> {
    async fn run(&self, dir: Option<&Path>, args: &[&str]) -> Result<String, Box<Problem>> {
        let done = self.output(dir, args).await?;
        if done.ok { Ok(done.out) } else { Err(self.said(&done.err)) }
    }
    async fn output(&self, dir: Option<&Path>, args: &[&str]) -> Result<Done, Box<Problem>> {
        let mut command = tokio::process::Command::new("hg");
        if let Some(dir) = dir {
            command.current_dir(dir);
        }
        command.args(["--noninteractive", "--pager=never"]).args(args).kill_on_drop(true);
        command.env("HGPLAIN", "1").env("LC_ALL", "C.UTF-8");
        let hint = "Modules from hg:: are fetched with Mercurial's hg command: install the package \"mercurial\", or put hg on the \
                    PATH.";
        program::output(&mut command, hint).await
    }
    /// What hg said.
    fn said(&self, err: &str) -> Box<Problem> {
        let mut p = failed(self.source, &program::complaint(err));
        p.hint = Some("Try the same with Mercurial: hg identify URL.".into());
        p
    }
}

fn failed(source: &RemoteSource, reason: &str) -> Box<Problem> {
    program::failed("hg", source, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries() {
        for (text, url, revision) in [
            ("hg::https://h/x", "https://h/x", None),
            ("hg::https://h/x?rev=v%2F1", "https://h/x", Some("v/1")),
            ("hg::https://h/x//sub?a=b&rev=1&c", "https://h/x?a=b&c", Some("1")),
            ("hg::ssh://h/x?rev=", "ssh://h/x", None),
        ] {
            let (at, wanted) = arguments(&RemoteSource::parse(text).unwrap());
            assert_eq!((at.as_str(), wanted.as_deref()), (url, revision), "{text}");
        }
    }
}
