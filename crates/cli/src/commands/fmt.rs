//! `fmt`: configuration files in canonical form.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use stackctl_core::Diagnostic;

use super::Context;
use crate::cli::Fmt;
use crate::{Exit, Outcome};

/// Exit code of `-check` when something would change.
const WOULD_CHANGE: u8 = 3;

/// Rewrites files, or says what it would do.
pub(crate) fn run(cx: Context, args: Fmt) -> Outcome {
    if args.targets.iter().any(|t| t == "-") {
        return stdin(&cx, &args);
    }
    let targets: Vec<PathBuf> = match args.targets.as_slice() {
        [] => vec![PathBuf::from(".")],
        given => given.iter().map(PathBuf::from).collect(),
    };
    let mut files = Vec::new();
    let mut errors = Vec::new();
    for t in &targets {
        if t.is_dir() {
            directory(t, args.recursive, &mut files, &mut errors);
        } else if t.is_file() {
            files.push(t.clone());
        } else {
            errors.push(Diagnostic::error("No such file", format!("There is no file or directory {}.", t.display())));
        }
    }
    let mut changed = 0;
    for file in files {
        match one(&cx, &args, &file) {
            Ok(true) => changed += 1,
            Ok(false) => {}
            Err(d) => errors.push(*d),
        }
    }
    match (errors.is_empty(), args.check && changed > 0) {
        (false, _) => Err(errors),
        (true, true) => Ok(Exit::Code(WOULD_CHANGE)),
        (true, false) => Ok(Exit::Done),
    }
}

fn directory(dir: &Path, recursive: bool, files: &mut Vec<PathBuf>, errors: &mut Vec<Diagnostic>) {
    let entries = match std::fs::read_dir(dir) {
        Ok(e) => e,
        Err(e) => {
            errors.push(Diagnostic::error("Unreadable directory", format!("{}: {e}.", dir.display())));
            return;
        }
    };
    let mut paths: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    paths.sort();
    for p in paths {
        let name = p.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if name.starts_with('.') {
            continue;
        }
        // Links to directories are not followed: they may lead in circles.
        if p.is_dir() && !p.is_symlink() {
            if recursive {
                directory(&p, recursive, files, errors);
            }
        } else if [".tf", ".tfvars", ".tftest.hcl"].iter().any(|e| name.ends_with(e)) && p.is_file() {
            files.push(p.strip_prefix(".").map(Path::to_path_buf).unwrap_or(p));
        }
    }
}

/// True if the file changes.
fn one(cx: &Context, args: &Fmt, file: &Path) -> Result<bool, Box<Diagnostic>> {
    let name = file.display().to_string();
    let problem = |m: String| Box::new(Diagnostic::error("Unformatted file", format!("{name}: {m}")));
    let text = std::fs::read_to_string(file).map_err(|e| problem(e.to_string()))?;
    let new = format(&text, &name)?;
    if new == text {
        return Ok(false);
    }
    if args.list {
        cx.term.line(&name);
    }
    if args.diff {
        cx.term.raw(&diff(&text, &new, &name));
    }
    if args.write && !args.check {
        std::fs::write(file, &new).map_err(|e| problem(e.to_string()))?;
    }
    Ok(true)
}

fn stdin(cx: &Context, args: &Fmt) -> Outcome {
    let mut text = String::new();
    if let Err(e) = std::io::stdin().read_to_string(&mut text) {
        return Err(vec![Diagnostic::error("Unreadable input", format!("Standard input: {e}."))]);
    }
    let mut new = format(&text, "<stdin>").map_err(|d| vec![*d])?;
    if !new.is_empty() && !new.ends_with('\n') {
        new.push('\n');
    }
    if args.diff {
        cx.term.raw(&diff(&text, &new, "<stdin>"));
    } else if !args.check {
        cx.term.raw(&new);
    }
    Ok(if args.check && new != text { Exit::Code(WOULD_CHANGE) } else { Exit::Done })
}

fn format(text: &str, name: &str) -> Result<String, Box<Diagnostic>> {
    stackctl_hcl::fmt::format(text).map_err(|errors| {
        let mut sources = stackctl_hcl::SourceMap::new();
        sources.add(name, text);
        let problems = errors.into_iter().take(1).map(stackctl_lang::diag::Problem::from).collect();
        let first = stackctl_lang::diag::diagnostics(problems, &sources).into_iter().next();
        Box::new(first.unwrap_or_else(|| Diagnostic::error("Invalid file", format!("{name} cannot be read."))))
    })
}

fn diff(old: &str, new: &str, name: &str) -> String {
    similar::TextDiff::from_lines(old, new)
        .unified_diff()
        .header(&format!("old/{name}"), &format!("new/{name}"))
        .to_string()
}
