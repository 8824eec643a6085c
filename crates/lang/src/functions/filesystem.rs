//! Files and paths. Paths are relative to the working directory, `~` is the home directory, and results have slashes.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use globset::{GlobBuilder, GlobMatcher};
use stackctl_core::Ty;

use super::FnContext;
use super::args::text;
use super::hash_crypto::{Digest, hash};
use super::protocol::{FnError, FnResult, Function, Kind as P, Param, Returns};
use crate::convert::convert;
use crate::files::{Kind as FileKind, normalise};
use crate::value::{Kind, Value};

const PATH: &[Param] = &[Param::str("path")];

macro_rules! hashes {
    ($(($name:literal, $digest:ident, $base64:literal)),*) => {
        &[$(Function::new($name, PATH, Returns::Is(P::Str), |a, _, cx| {
            Ok(Value::string(hash(Digest::$digest, $base64, &read(cx, text(a, 0))?)))
        })),*]
    };
}

/// Hashes of files.
pub(super) const HASHES: &[Function] = hashes![
    ("filemd5", Md5, false),
    ("filesha1", Sha1, false),
    ("filesha256", Sha256, false),
    ("filesha512", Sha512, false),
    ("filebase64sha256", Sha256, true),
    ("filebase64sha512", Sha512, true)
];

/// The family.
pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("file", PATH, Returns::Is(P::Str), |a, _, cx| read_text(cx, text(a, 0)).map(Value::string)),
    Function::new("filebase64", PATH, Returns::Is(P::Str), |a, _, cx| {
        Ok(Value::string(STANDARD.encode(read(cx, text(a, 0))?)))
    }),
    Function::new("fileexists", PATH, Returns::Is(P::Bool), fileexists),
    Function::new("fileset", &[Param::str("path"), Param::str("pattern")], Returns::Is(P::StrSet), fileset),
    Function::new("templatefile", &[Param::str("path"), Param::any("vars")], Returns::Is(P::Any), |a, _, cx| {
        let path = text(a, 0);
        let template = read_text(cx, path)?;
        render(&template, path, &a[1], cx)
    })
    .nullable(),
    Function::new("templatestring", &[Param::str("template"), Param::any("vars")], Returns::Is(P::Str), |a, _, cx| {
        let v = render(text(a, 0), "<templatestring argument>", &a[1], cx)?;
        convert(&v, &Ty::String).map_err(|e| FnError::arg(0, format!("the template's result is no text: {e}")))
    }),
    Function::new("abspath", PATH, Returns::Is(P::Str), |a, _, cx| slashed(&normalise(&cx.absolute(text(a, 0))))),
    Function::new("pathexpand", PATH, Returns::Is(P::Str), |a, _, cx| slashed(&expand(cx, text(a, 0))?)),
    Function::new("basename", PATH, Returns::Is(P::Str), |a, _, _| {
        let path = text(a, 0).trim_end_matches('/');
        Ok(Value::string(match (path, text(a, 0)) {
            ("", "") => ".",
            ("", _) => "/",
            (p, _) => p.rsplit('/').next().unwrap_or(p),
        }))
    }),
    Function::new("dirname", PATH, Returns::Is(P::Str), |a, _, _| {
        let path = text(a, 0);
        let dir = path.rsplit_once('/').map_or("", |(d, _)| d);
        let dir = if dir.is_empty() && path.starts_with('/') { "/" } else { dir };
        Ok(Value::string(clean(dir)))
    }),
];

fn slashed(path: &Path) -> FnResult {
    Ok(Value::string(path.to_string_lossy().replace('\\', "/")))
}

/// A path by its text alone, without `.`, `x/..` and doubled slashes; `.` for the empty one.
fn clean(path: &str) -> String {
    let mut out: Vec<&str> = Vec::new();
    let rooted = path.starts_with('/');
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if out.last().is_some_and(|p| *p != "..") => {
                out.pop();
            }
            ".." if rooted => {}
            part => out.push(part),
        }
    }
    let joined = out.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        _ => joined,
    }
}

/// The path with a leading `~` replaced by the home directory.
fn expand(cx: &FnContext<'_>, path: &str) -> Result<PathBuf, FnError> {
    let Some(rest) = path.strip_prefix('~') else { return Ok(PathBuf::from(path)) };
    let home = || cx.files.home().ok_or_else(|| FnError::new("the home directory is not known"));
    if rest.is_empty() {
        return home();
    }
    match rest.strip_prefix('/') {
        Some(rest) => Ok(home()?.join(rest)),
        None => Err(FnError::new("cannot expand user-specific home dir")),
    }
}

fn read(cx: &FnContext<'_>, path: &str) -> Result<Vec<u8>, FnError> {
    let found = expand(cx, path)?;
    if cx.files.kind(&found) == Some(FileKind::Directory) {
        return Err(FnError::arg(0, format!("failed to read file: {path:?} is a directory")));
    }
    match cx.files.read(&found) {
        Ok(bytes) => Ok(bytes),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Err(FnError::arg(
            0,
            format!(
                "no file exists at {path:?}; this function works only with files that are distributed as part of the \
                 configuration source code, so if this file will be created by a resource in this configuration you must \
                 instead obtain this result from an attribute of that resource"
            ),
        )),
        Err(e) => Err(FnError::arg(0, format!("failed to read file: {e}"))),
    }
}

fn read_text(cx: &FnContext<'_>, path: &str) -> Result<String, FnError> {
    String::from_utf8(read(cx, path)?).map_err(|_| {
        FnError::new(format!(
            "contents of {path:?} are not valid UTF-8; use the filebase64 function to obtain the Base64 encoded contents \
             or the other file functions (e.g. filemd5, filesha256) to obtain file hashing results instead"
        ))
    })
}

fn fileexists(a: &[Value], _: &Ty, cx: &FnContext<'_>) -> FnResult {
    let path = text(a, 0);
    let found = expand(cx, path)?;
    match cx.files.kind(&found) {
        None if found.ancestors().skip(1).any(|d| matches!(cx.files.kind(d), Some(FileKind::File))) => {
            Err(FnError::new(format!("{path:?} leads through a file")))
        }
        None => Ok(Value::bool(false)),
        Some(FileKind::File) => Ok(Value::bool(true)),
        Some(FileKind::Directory) => Err(FnError::new(format!("{path:?} is a directory, not a file"))),
        Some(FileKind::Other) => Err(FnError::new(format!("{path:?} is not a regular file"))),
    }
}

/// Evaluates a template. Its variables must be an object or map whose names are identifiers.
fn render(template: &str, name: &str, vars: &Value, cx: &FnContext<'_>) -> FnResult {
    let names: Vec<String> = match (vars.kind(), vars.ty()) {
        (Kind::Map(m) | Kind::Object(m), _) => m.keys().cloned().collect(),
        _ => return Err(FnError::arg(1, "invalid vars value: must be a map")),
    };
    for n in &names {
        let mut chars = n.chars();
        let first = chars.next().is_some_and(|c| c.is_alphabetic() || c == '_');
        if !first || !chars.all(|c| c.is_alphanumeric() || matches!(c, '_' | '-')) {
            return Err(FnError::arg(
                1,
                format!(
                    "invalid template variable name {n:?}: must start with a letter, followed by zero or more letters, \
                     digits, and underscores"
                ),
            ));
        }
    }
    (cx.render)(template, name, vars).map_err(FnError::new)
}

fn fileset(a: &[Value], _: &Ty, cx: &FnContext<'_>) -> FnResult {
    let (dir, pattern) = (expand(cx, text(a, 0))?, text(a, 1));
    let bad = |why: String| FnError::new(format!("failed to glob pattern {pattern:?}: {why}"));
    let mut found = BTreeSet::new();
    for pattern in alternatives(pattern).map_err(bad)? {
        let pattern = clean(pattern.trim_start_matches('/'));
        let parts: Vec<Part> =
            pattern.split('/').map(Part::parse).collect::<Result<_, _>>().map_err(|e| bad(e.to_string()))?;
        let mut walk = Walk { cx, found: &mut found, above: vec![cx.files.real(&dir)] };
        walk.step(&dir, "", &parts)?;
    }
    Ok(Value::set(&Ty::String, found.into_iter().map(Value::string).collect()))
}

/// Most patterns that braces may expand to.
const MOST_ALTERNATIVES: usize = 1024;

/// The pattern once for each choice in its braces.
fn alternatives(pattern: &str) -> Result<Vec<String>, String> {
    let mut done: Vec<String> = Vec::new();
    let mut open = vec![pattern.to_owned()];
    while let Some(p) = open.pop() {
        if done.len() + open.len() > MOST_ALTERNATIVES {
            return Err("too many alternatives".to_owned());
        }
        let Some(start) = unescaped(&p, 0, '{') else {
            done.push(p);
            continue;
        };
        let (mut depth, mut cuts, mut end) = (0, vec![start + 1], None);
        let mut escaped = false;
        for (i, c) in p[start..].char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '{' => depth += 1,
                ',' if depth == 1 => cuts.push(start + i + 1),
                '}' => {
                    depth -= 1;
                    if depth == 0 {
                        end = Some(start + i);
                        break;
                    }
                }
                _ => {}
            }
        }
        let end = end.ok_or("syntax error in pattern")?;
        cuts.push(end + 1);
        for w in cuts.windows(2) {
            open.push(format!("{}{}{}", &p[..start], &p[w[0]..w[1] - 1], &p[end + 1..]));
        }
    }
    Ok(done)
}

fn unescaped(text: &str, from: usize, wanted: char) -> Option<usize> {
    let mut escaped = false;
    for (i, c) in text[from..].char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            c if c == wanted => return Some(from + i),
            _ => {}
        }
    }
    None
}

/// One component of a pattern.
enum Part {
    /// Any number of directories.
    Any,
    /// Just this name.
    Name(String),
    Pattern(GlobMatcher),
}

impl Part {
    fn parse(text: &str) -> Result<Part, globset::Error> {
        if text == "**" {
            return Ok(Part::Any);
        }
        if !text.contains(['*', '?', '[', '\\']) {
            return Ok(Part::Name(text.to_owned()));
        }
        let mut one_star = text.to_owned();
        while one_star.contains("**") {
            one_star = one_star.replace("**", "*");
        }
        let glob =
            GlobBuilder::new(&plain_exclamations(&one_star)).literal_separator(true).backslash_escape(true).build()?;
        Ok(Part::Pattern(glob.compile_matcher()))
    }
}

/// Moves a `!` at the start of a class to its end: only `^` excludes.
fn plain_exclamations(pattern: &str) -> String {
    let (mut out, mut rest) = (String::new(), pattern);
    while let Some(at) = rest.find("[!") {
        let Some(end) = rest[at..].find(']').map(|i| at + i) else { break };
        let escaped = rest[..at].ends_with('\\');
        out.push_str(&rest[..at]);
        match &rest[at + 2..end] {
            _ if escaped => out.push_str(&rest[at..=end]),
            "" => out.push('!'),
            class => out.push_str(&format!("[{class}!]")),
        }
        rest = &rest[end + 1..];
    }
    out + rest
}

/// A walk through directories. A directory that leads back to one above it through a link is not entered.
struct Walk<'a, 'b> {
    cx: &'a FnContext<'b>,
    found: &'a mut BTreeSet<String>,
    above: Vec<PathBuf>,
}

impl Walk<'_, '_> {
    fn step(&mut self, dir: &Path, at: &str, parts: &[Part]) -> Result<(), FnError> {
        let Some((first, rest)) = parts.split_first() else { return Ok(()) };
        let below = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}/{name}") };
        match first {
            Part::Name(name) => {
                let path = dir.join(name);
                match self.cx.files.kind(&path) {
                    Some(FileKind::File) if rest.is_empty() => {
                        self.found.insert(below(name));
                    }
                    Some(FileKind::Directory) if !rest.is_empty() => self.enter(&path, &below(name), rest)?,
                    _ => {}
                }
                Ok(())
            }
            Part::Pattern(glob) => {
                for e in self.list(dir)? {
                    if !glob.is_match(&e.name) {
                        continue;
                    }
                    match e.kind {
                        FileKind::File if rest.is_empty() => {
                            self.found.insert(below(&e.name));
                        }
                        FileKind::Directory if !rest.is_empty() => {
                            self.enter(&dir.join(&e.name), &below(&e.name), rest)?
                        }
                        _ => {}
                    }
                }
                Ok(())
            }
            Part::Any => {
                self.step(dir, at, rest)?;
                for e in self.list(dir)? {
                    match e.kind {
                        FileKind::File if rest.is_empty() => {
                            self.found.insert(below(&e.name));
                        }
                        FileKind::Directory => self.enter(&dir.join(&e.name), &below(&e.name), parts)?,
                        _ => {}
                    }
                }
                Ok(())
            }
        }
    }
    fn enter(&mut self, dir: &Path, at: &str, parts: &[Part]) -> Result<(), FnError> {
        let real = self.cx.files.real(dir);
        // Only `**` could go round for ever; what the pattern names is entered as often as it is named.
        if matches!(parts.first(), Some(Part::Any)) && self.above.contains(&real) {
            return Ok(());
        }
        self.above.push(real);
        let done = self.step(dir, at, parts);
        self.above.pop();
        done
    }
    fn list(&self, dir: &Path) -> Result<Vec<crate::files::Entry>, FnError> {
        match self.cx.files.list(dir) {
            Ok(l) => Ok(l),
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(Vec::new()),
            Err(e) => Err(FnError::new(format!("failed to list {}: {e}", dir.display()))),
        }
    }
}
