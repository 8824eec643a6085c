//! The commands, a file each, and what they share.

mod apply;
mod bootstrap;
mod console;
mod docs_data;
mod drift;
mod fmt;
mod force_unlock;
mod get;
mod graph;
mod import;
mod init;
mod init_backend;
mod metadata;
mod modules;
mod opened;
mod output;
mod plan;
mod planning;
mod providers;
mod sandbox;
mod seal;
mod show;
mod state;
mod taint;
mod validate;
mod version;
mod workspace;

use std::collections::BTreeMap;
use std::io::Write as _;

use stackctl_core::{Diagnostic, Host};
use stackctl_state::ObjectStatus;

use crate::cli::{Command, Global};
use crate::render::diag::Text;
use crate::render::term::Term;
use crate::{Outcome, sandboxed};

/// What every command gets.
pub(crate) struct Context {
    pub(crate) global: Global,
    pub(crate) term: Term,
    pub(crate) host: Host,
}

impl Context {
    /// The surroundings of this process.
    pub(crate) fn new(global: Global, env: BTreeMap<String, String>, term: Term) -> Result<Context, Box<Diagnostic>> {
        let clock = env.get(sandboxed::VARIABLE).and_then(|port| sandboxed::clock(port));
        let host = crate::host::host(env, clock);
        let mut cx = Context { global, term, host };
        if let Some(dir) = cx.global.chdir.clone() {
            cx.enter(&dir)?;
        }
        Ok(cx)
    }
    /// Goes into a directory, as `-chdir` does.
    pub(crate) fn enter(&mut self, dir: &str) -> Result<(), Box<Diagnostic>> {
        std::env::set_current_dir(dir).map_err(|e| {
            let detail = format!("{dir:?} cannot be entered: {e}.");
            Box::new(Diagnostic::error("Unusable directory", detail))
        })?;
        self.host.cwd = std::env::current_dir().unwrap_or_default();
        Ok(())
    }
    /// Goes into the directory that a command names, if it names one.
    pub(crate) fn enter_named(&mut self, dir: Option<&String>) -> Result<(), Vec<Diagnostic>> {
        match dir {
            Some(d) => self.enter(d).map_err(|d| vec![*d]),
            None => Ok(()),
        }
    }
    /// An environment variable that is set and not empty.
    pub(crate) fn env(&self, name: &str) -> Option<&str> {
        self.host.env.get(name).map(String::as_str).filter(|v| !v.is_empty())
    }
    /// True if questions may be asked.
    pub(crate) fn may_ask(&self, input: bool) -> bool {
        let off = self.env("TF_INPUT").is_some_and(|v| matches!(v, "0" | "false"));
        input && !off && self.term.interactive
    }
    /// Asks a question; `None` if there is nobody to answer.
    pub(crate) fn ask(&self, question: &str) -> Option<String> {
        self.term.raw(question);
        let mut line = String::new();
        let n = std::io::stdin().read_line(&mut line).ok()?;
        (n > 0).then(|| line.trim().to_owned())
    }
    /// Shows diagnostics.
    pub(crate) fn show(&self, diags: &[Diagnostic], text: Text<'_>) {
        show_diagnostics(&self.term, diags, self.global.compact_warnings, text);
    }
}

/// Shows a note in passing, or, where it has a detail, a warning.
pub(crate) fn show_note(term: &Term, note: &Diagnostic) {
    match note.detail.is_empty() {
        true => term.error_line(&format!("Note: {}", note.summary)),
        false => show_diagnostics(term, std::slice::from_ref(note), false, &source),
    }
}

/// Shows diagnostics on standard error. Many warnings of one kind are folded.
pub(crate) fn show_diagnostics(term: &Term, diags: &[Diagnostic], compact: bool, text: Text<'_>) {
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut out = Vec::new();
    for d in diags {
        if !d.is_error() {
            let n = seen.entry(&d.summary).or_default();
            *n += 1;
            if compact {
                let at = d.range.as_ref().map(|r| format!(" ({})", crate::render::diag::place(r))).unwrap_or_default();
                out.push(format!("Warning: {}{at}", d.summary));
                continue;
            }
            if *n > 1 {
                continue;
            }
        }
        out.push(crate::render::diag::render(term, d, text));
    }
    if !compact {
        for (summary, n) in seen.into_iter().filter(|(_, n)| *n > 1) {
            out.push(format!("Warning: {summary}: {} more of this kind", n - 1));
        }
    }
    if !out.is_empty() {
        let mut err = std::io::stderr().lock();
        let _ = writeln!(err, "{}", out.join("\n\n"));
    }
}

/// Carries out a command.
pub(crate) async fn run(cx: Context, command: Command) -> Outcome {
    match command {
        Command::Init(a) => init::run(cx, a).await,
        Command::Bootstrap(a) => bootstrap::run(cx, a).await,
        Command::Get(a) => get::run(cx, a).await,
        Command::Validate(a) => validate::run(cx, a).await,
        Command::Plan(a) => plan::run(cx, a).await,
        Command::Apply(a) => apply::run(cx, a, apply::Kind::Apply).await,
        Command::Destroy(a) => apply::run(cx, a, apply::Kind::Destroy).await,
        Command::Refresh(a) => apply::run(cx, a, apply::Kind::Refresh).await,
        Command::Drift(a) => drift::run(cx, a).await,
        Command::ForceUnlock(a) => force_unlock::run(cx, a).await,
        Command::Output(a) => output::run(cx, a).await,
        Command::Show(a) => show::run(cx, a).await,
        Command::State(a) => state::run(cx, a.command).await,
        Command::Import(a) => import::run(cx, a).await,
        Command::Taint(a) => taint::run(cx, a, ObjectStatus::Tainted).await,
        Command::Untaint(a) => taint::run(cx, a, ObjectStatus::Ready).await,
        Command::Workspace(a) => workspace::run(cx, a.command).await,
        Command::Console(a) => console::run(cx, a).await,
        Command::Graph(a) => graph::run(cx, a).await,
        Command::Fmt(a) => fmt::run(cx, a),
        Command::Version(a) => version::run(cx, a),
        Command::Sandbox(a) => sandbox::run(cx, a.command).await,
        Command::Providers(a) => providers::run(cx, a).await,
        Command::Metadata(a) => metadata::run(&cx, a),
        Command::Modules(a) => modules::run(cx, a),
        Command::DocsData => docs_data::run(&cx),
        Command::Test(_) => Err(vec![refused("test", "Write tests with a tool of your choice around `plan -json`.")]),
        Command::Login(_) => Err(vec![refused("login", "Give a token for a module registry in TF_TOKEN_<host>.")]),
        Command::Logout(_) => Err(vec![refused("logout", "Tokens are read from TF_TOKEN_<host> and never stored.")]),
    }
}

fn refused(command: &str, way_out: &str) -> Diagnostic {
    Diagnostic::error("Not available", format!("stackctl has no command {command:?}.")).hinted(way_out)
}

/// The text of a source file, for whoever shows a place in it.
pub(crate) fn source(name: &str) -> Option<String> {
    std::fs::read_to_string(name).ok()
}

pub(crate) use init_backend::{decode as decode_backend, of_stack as configured_backend};
