//! `stackctl`: plans and applies infrastructure written in the Terraform language on AWS.
//!
//! The only crate that renders, prompts, reads the environment and exits. A command is a file in [`commands`]; what
//! several of them need is in [`stack`] (configuration, variables, backend, providers of a directory).

mod args;
mod cli;
mod commands;
mod host;
mod json;
mod modules;
mod overlay;
mod render;
mod sandboxed;
mod saved;
mod settings;
mod stack;

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};
use stackctl_core::{Diagnostic, Diagnostics};

use crate::cli::{Cli, Command, StateCmd, StateSub, VarSource};
use crate::commands::Context;
use crate::render::term::Term;

/// Plans are made of many small maps: with this allocator they cost a third less CPU time, and less memory, than with glibc's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How a command ended.
pub(crate) enum Exit {
    /// 0
    Done,
    /// A code of its own: 2 for changes or drift, 3 for `fmt -check`.
    Code(u8),
}

/// Result of a command. Errors are diagnostics that have not been shown yet.
pub(crate) type Outcome = Result<Exit, Diagnostics>;

fn main() -> ExitCode {
    let env: BTreeMap<String, String> =
        std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect();
    let given: Vec<String> = std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect();
    let argv = match args::normalise(given.clone(), &env) {
        Ok(argv) => argv,
        Err(e) => return usage(&e),
    };
    let mut cli = match parse(&argv) {
        Ok(cli) => cli,
        Err(e) => {
            let code = u8::try_from(e.exit_code()).unwrap_or(1).min(1);
            // A reader that is gone cannot be told anything.
            let _ = e.print();
            return ExitCode::from(code);
        }
    };
    let term = Term::of_process(cli.global.no_color);
    if cli.version {
        cli.command = Some(Command::Version(cli::Version { json: false }));
    }
    let Some(command) = cli.command else {
        let _ = Cli::command().print_help();
        return ExitCode::from(1);
    };
    log(&env, cli.global.unsafe_log);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(r) => r,
        Err(e) => return usage(&format!("the runtime cannot be started: {e}")),
    };
    let compact = cli.global.compact_warnings;
    let code = runtime.block_on(async {
        if cli.global.sandbox && !matches!(command, Command::Sandbox(_) | Command::Version(_)) {
            return match sandboxed::reexec(&given, &term).await {
                Err(d) => fail(&term, &[*d], compact),
                Ok(never) => match never {},
            };
        }
        match Context::new(cli.global, env, term) {
            Ok(cx) => match commands::run(cx, command).await {
                Ok(Exit::Done) => 0,
                Ok(Exit::Code(n)) => n,
                Err(diags) => fail(&term, &diags, compact),
            },
            Err(d) => fail(&term, &[*d], compact),
        }
    });
    // Tasks that still wait (a third Ctrl-C) are not waited for.
    runtime.shutdown_background();
    ExitCode::from(code)
}

/// Shows what was not shown yet.
fn fail(term: &Term, diags: &[Diagnostic], compact: bool) -> u8 {
    commands::show_diagnostics(term, diags, compact, &commands::source);
    1
}

fn usage(e: &str) -> ExitCode {
    Term::of_process(false).error_line(&format!("error: {e}"));
    ExitCode::from(1)
}

/// Parses, and keeps the order of `-var` and `-var-file` among each other.
fn parse(argv: &[String]) -> Result<Cli, clap::Error> {
    let matches = Cli::command().try_get_matches_from(argv)?;
    let mut cli = Cli::from_arg_matches(&matches)?;
    if let (Some(command), Some((_, sub))) = (&mut cli.command, matches.subcommand()) {
        let variables = match command {
            Command::Plan(c) => Some(&mut c.planning.variables),
            Command::Apply(c) | Command::Destroy(c) | Command::Refresh(c) => Some(&mut c.planning.variables),
            Command::Drift(c) => Some(&mut c.variables),
            Command::Console(c) => Some(&mut c.variables),
            Command::Import(c) => Some(&mut c.variables),
            Command::State(StateCmd { command: StateSub::Rebuild(c) }) => Some(&mut c.variables),
            _ => None,
        };
        // The options of a subcommand of `state` stand one level deeper.
        let sub = if variables.is_some() { sub.subcommand().map_or(sub, |(_, s)| s) } else { sub };
        if let Some(v) = variables {
            let mut found: Vec<(usize, VarSource)> = Vec::new();
            let at = |id: &str| sub.indices_of(id).map(Iterator::collect::<Vec<_>>).unwrap_or_default();
            found.extend(at("var").into_iter().zip(v.var.iter().cloned().map(VarSource::Var)));
            found.extend(at("var_file").into_iter().zip(v.var_file.iter().cloned().map(VarSource::File)));
            found.sort_by_key(|(i, _)| *i);
            v.order = found.into_iter().map(|(_, s)| s).collect();
        }
    }
    Ok(cli)
}

/// `TF_LOG` and `STACKCTL_LOG` choose the level. Other people's code is capped at warnings: it logs requests with their
/// secrets.
fn log(env: &BTreeMap<String, String>, unsafe_log: bool) {
    let level = env.get("STACKCTL_LOG").or_else(|| env.get("TF_LOG")).map(|l| l.to_lowercase());
    let level = match level.as_deref() {
        None | Some("" | "off") => return,
        Some(l @ ("trace" | "debug" | "info" | "warn" | "error")) => l.to_owned(),
        Some(_) => "trace".to_owned(),
    };
    let ours =
        ["stackctl", "stackctl_aws", "stackctl_backend", "stackctl_engine", "stackctl_sandbox", "stackctl_state"];
    let filter = if unsafe_log {
        level
    } else {
        let ours: Vec<String> = ours.iter().map(|c| format!("{c}={level}")).collect();
        format!("{},{}", if level == "error" { "error" } else { "warn" }, ours.join(","))
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false);
    match env.get("TF_LOG_PATH").and_then(|p| std::fs::OpenOptions::new().create(true).append(true).open(p).ok()) {
        Some(file) => builder.with_writer(std::sync::Mutex::new(file)).init(),
        None => builder.with_writer(std::io::stderr).init(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_keep_their_order() {
        let argv: Vec<String> =
            ["stackctl", "plan", "--var", "a=1", "--var-file=f", "--var=b=2"].map(str::to_owned).to_vec();
        let Some(Command::Plan(p)) = parse(&argv).unwrap().command else { panic!("not a plan") };
        let want = [VarSource::Var("a=1".into()), VarSource::File("f".into()), VarSource::Var("b=2".into())];
        assert_eq!(p.planning.variables.order, want);
    }

    #[test]
    fn command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    /// Messages that send users to a command name one that exists.
    #[test]
    fn messages_name_commands_that_exist() {
        let mut wrong = Vec::new();
        let crates = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let mut dirs = vec![crates];
        let mut seen = 0;
        while let Some(dir) = dirs.pop() {
            for entry in std::fs::read_dir(&dir).unwrap().map(|e| e.unwrap().path()) {
                if entry.is_dir() {
                    dirs.push(entry);
                } else if entry.extension().is_some_and(|e| e == "rs") {
                    let text = std::fs::read_to_string(&entry).unwrap();
                    // A text may be broken into lines by a backslash.
                    let text = text.replace("\\\n", "").split_whitespace().collect::<Vec<_>>().join(" ");
                    for (at, _) in text.match_indices("stackctl ") {
                        seen += 1;
                        let named =
                            text[at + "stackctl ".len()..].split([' ', '`', '"', ',', '.', ':', ';', ')', '\\']);
                        let named: Vec<&str> = named.take(2).collect();
                        if !is_command(&named) {
                            wrong.push(format!("{}: stackctl {}", entry.display(), named.join(" ")));
                        }
                    }
                }
            }
        }
        assert!(seen > 50, "the sources were not found");
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    fn is_command(words: &[&str]) -> bool {
        let is_word = |w: &str| !w.is_empty() && w.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        let root = Cli::command();
        let Some(command) = root.find_subcommand(words[0]) else {
            // Sentences about the program itself.
            let verbs =
                ["cannot", "data", "document", "exclude", "has", "key", "saved", "trace", "v", "will", "and", "is"];
            return !is_word(words[0]) || verbs.contains(&words[0]);
        };
        let second = words.get(1).copied().unwrap_or_default();
        !command.has_subcommands()
            || !is_word(second)
            || second.starts_with('-')
            || command.find_subcommand(second).is_some()
    }
}
