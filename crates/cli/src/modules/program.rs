//! Programs that fetch modules for us: git and Mercurial.

use std::process::Stdio;

use stackctl_lang::config::source::{RemoteSource, hide_password};
use stackctl_lang::diag::Problem;

/// What a program said.
pub(super) struct Done {
    pub(super) ok: bool,
    pub(super) out: String,
    pub(super) err: String,
}

/// Runs it to its end, without standard input.
///
/// # Errors
/// If it cannot be started; `hint` says how it gets there.
pub(super) async fn output(command: &mut tokio::process::Command, hint: &str) -> Result<Done, Box<Problem>> {
    let name = command.as_std().get_program().to_string_lossy().into_owned();
    let out = command.stdin(Stdio::null()).output().await.map_err(|e| {
        let detail = format!("\"{name}\" cannot be started: {e}.");
        Box::new(Problem::error(format!("The {name} command is missing"), detail).hinted(hint.to_owned()))
    })?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok(Done { ok: out.status.success(), out: text(&out.stdout), err: text(&out.stderr) })
}

/// The beginning of what it complained about, in one line and without passwords.
pub(super) fn complaint(err: &str) -> String {
    let lines = err.lines().map(str::trim).filter(|l| !l.is_empty());
    let text = hide_password(&lines.take(8).collect::<Vec<_>>().join(" "));
    text.trim_end_matches('.').to_owned()
}

/// A module that the program could not fetch.
pub(super) fn failed(name: &str, source: &RemoteSource, reason: &str) -> Box<Problem> {
    let detail = format!("{} cannot be fetched with {name}: {reason}.", source.shown());
    Box::new(Problem::error("Failed to fetch module", detail))
}
