//! The files of a directory: found, read, parsed, overrides merged.

use std::path::Path;

use stackctl_hcl::ast::Block;
use stackctl_hcl::{SourceMap, Span};

use super::fields::Cx;
use super::{blocks, merge};
use crate::config::Content;
use crate::diag::Problem;
use crate::files::{Files, Kind};

/// Reads a directory. `None`, with a report, if it cannot be read or has no configuration files.
pub(super) fn directory(
    dir: &Path,
    files: &dyn Files,
    sources: &mut SourceMap,
    cx: &mut Cx,
    place: Option<Span>,
) -> Option<Content> {
    let placed = |p: Problem| match place {
        Some(s) => p.at(s),
        None => p,
    };
    let entries = match files.list(dir) {
        Ok(entries) => entries,
        Err(e) => {
            let detail = format!("The module directory {} cannot be read: {}.", dir.display(), reason(&e));
            let p = placed(Problem::error("Failed to read module directory", detail));
            cx.report(match neighbour(dir, files) {
                Some(name) => p.hinted(format!("Did you mean \"{name}\"?")),
                None => p,
            });
            return None;
        }
    };
    let names: Vec<_> = entries.iter().filter(|e| e.kind != Kind::Directory && is_config(&e.name)).collect();
    if names.is_empty() {
        let detail = format!("The directory {} has no configuration files (.tf or .tf.json).", dir.display());
        if place.is_none() {
            cx.report(Problem::error("No configuration files", detail));
            return None;
        }
        // A module without files is one that does nothing, and most likely a mistake.
        cx.report(placed(Problem::warning("No configuration files", detail)));
    }
    let (mut primary, mut overrides): (Vec<Block>, Vec<Block>) = (Vec::new(), Vec::new());
    for e in names {
        let path = dir.join(&e.name);
        let shown = crate::files::normalise(&path).display().to_string();
        if e.kind == Kind::Other {
            // Reading a pipe or a device might never end.
            let detail = format!("{shown} is neither a file nor a link to one.");
            cx.report(Problem::error("Failed to read file", detail));
            continue;
        }
        let Some(text) = read_text(&path, &shown, files, cx) else { continue };
        let found = parse(&shown, text, sources, cx);
        if is_override(&e.name) { overrides.extend(found) } else { primary.extend(found) }
    }
    let merged = merge::merge(primary, overrides, cx);
    Some(blocks::content(dir, merged, cx))
}

/// The directory beside one that does not exist that was most likely meant.
fn neighbour(dir: &Path, files: &dyn Files) -> Option<String> {
    let entries = files.list(dir.parent()?).ok()?;
    let names: Vec<_> = entries.into_iter().filter(|e| e.kind == Kind::Directory).map(|e| e.name).collect();
    let written = dir.file_name()?.to_string_lossy().into_owned();
    crate::diag::closest(&written, names.iter().map(String::as_str)).map(str::to_owned)
}

fn is_config(name: &str) -> bool {
    let ignored = name.starts_with('.') || name.ends_with('~') || (name.starts_with('#') && name.ends_with('#'));
    !ignored && (name.ends_with(".tf") || name.ends_with(".tf.json"))
}

fn is_override(name: &str) -> bool {
    let stem = name.strip_suffix(".tf.json").or_else(|| name.strip_suffix(".tf")).unwrap_or(name);
    stem == "override" || stem.ends_with("_override")
}

fn reason(e: &std::io::Error) -> String {
    use std::io::ErrorKind;
    match e.kind() {
        ErrorKind::NotFound => "it does not exist".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        ErrorKind::NotADirectory => "it is not a directory".to_owned(),
        _ => e.to_string(),
    }
}

/// The text of a file; `None`, with a report, if it cannot be read or is no text.
pub(super) fn read_text(path: &Path, shown: &str, files: &dyn Files, cx: &mut Cx) -> Option<String> {
    let bytes = match files.read(path) {
        Ok(bytes) => bytes,
        Err(e) => {
            let detail = format!("The file {shown} cannot be read: {}.", reason(&e));
            cx.report(Problem::error("Failed to read file", detail));
            return None;
        }
    };
    match String::from_utf8(bytes) {
        Ok(text) if text.contains('\0') => {
            let detail = format!("The file {shown} is binary: it contains zero bytes. Configuration is text in UTF-8.");
            cx.report(Problem::error("Invalid file content", detail));
            None
        }
        Ok(text) => Some(text),
        Err(e) => {
            let at = e.utf8_error().valid_up_to();
            let line = e.as_bytes()[..at].iter().filter(|b| **b == b'\n').count() + 1;
            let detail = format!("The file {shown} is not UTF-8 text: line {line} has a byte sequence that is none.");
            cx.report(Problem::error("Invalid character encoding", detail));
            None
        }
    }
}

fn parse(shown: &str, text: String, sources: &mut SourceMap, cx: &mut Cx) -> Vec<Block> {
    let id = sources.add(shown, text.as_str());
    let (body, errors) = if shown.ends_with(".json") {
        cx.json.insert(id);
        stackctl_hcl::json::parse_body(&text, id, &mut super::json::field)
    } else {
        stackctl_hcl::parse_body(&text, id)
    };
    cx.problems.extend(errors.into_iter().map(Problem::from));
    blocks::top_level(body, cx)
}
