//! Values as a plan shows them: what they become, line by line, as the language would write them.

use std::collections::{BTreeMap, BTreeSet};

use similar::{Algorithm, DiffOp};
use stackctl_core::{Known, Partial, Path, Step};

use super::term::{Style, Term};

/// What happens to a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Add,
    Remove,
    Change,
    None,
}

/// Where secrets are, in a value before and after.
#[derive(Clone, Copy)]
pub(crate) struct Secrets<'a> {
    pub(crate) before: &'a [Path],
    pub(crate) after: &'a [Path],
}

/// Writes lines.
pub(crate) struct Writer<'a> {
    pub(crate) term: &'a Term,
    pub(crate) out: Vec<String>,
    pub(crate) secrets: Secrets<'a>,
    /// Places that force a replacement.
    pub(crate) replace: &'a [Path],
}

const UNKNOWN: &str = "(known after apply)";
const SENSITIVE: &str = "(sensitive value)";

impl Writer<'_> {
    /// The mark as it stands before a line.
    pub(crate) fn mark(&self, m: Mark) -> String {
        match m {
            Mark::Add => self.term.paint(Style::Green, "+"),
            Mark::Remove => self.term.paint(Style::Red, "-"),
            Mark::Change => self.term.paint(Style::Yellow, "~"),
            Mark::None => " ".to_owned(),
        }
    }
    /// A line at an indent, with its mark two columns before the text.
    pub(crate) fn line(&mut self, indent: usize, m: Mark, text: &str) {
        let line = match m {
            Mark::None => format!("{}{text}", " ".repeat(indent)),
            m => format!("{}{} {text}", " ".repeat(indent.saturating_sub(2)), self.mark(m)),
        };
        self.out.push(line.trim_end().to_owned());
    }
    /// ` # forces replacement`, where it does.
    pub(crate) fn forces(&self, path: &Path) -> String {
        match self.replace.iter().any(|p| p == path || (p.0.is_empty() && path.0.is_empty())) {
            true => format!(" {}", self.term.paint(Style::Red, "# forces replacement")),
            false => String::new(),
        }
    }
    fn is_secret(&self, path: &Path, after: bool) -> bool {
        let list = if after { self.secrets.after } else { self.secrets.before };
        list.iter().any(|p| same_place(p, path))
    }

    /// One attribute or element: `NAME = VALUE`, with what it was and what it becomes.
    pub(crate) fn attribute(
        &mut self,
        indent: usize,
        head: &str,
        path: &Path,
        before: Option<&Partial>,
        after: Option<&Partial>,
        tail: &str,
    ) {
        let (b, a) = (before.filter(|v| !v.is_null()), after.filter(|v| !v.is_null()));
        let secret = (self.is_secret(path, false), self.is_secret(path, true));
        let forces = self.forces(path);
        if secret.0 || secret.1 {
            let m = change(b, a);
            self.line(indent, m, &format!("{head}{SENSITIVE}{tail}{forces}"));
            return;
        }
        match (b, a) {
            (None, None) => self.line(indent, Mark::None, &format!("{head}null{tail}")),
            (None, Some(a)) => self.whole(indent, Mark::Add, head, path, a, &format!("{tail}{forces}")),
            (Some(b), None) => {
                self.whole(indent, Mark::Remove, head, path, b, &format!(" -> null{tail}{forces}"));
            }
            (Some(b), Some(a)) if a == b => self.whole(indent, Mark::None, head, path, b, tail),
            (Some(b), Some(Partial::Unknown)) => {
                self.whole_as(indent, Mark::Change, head, path, b, &format!(" -> {UNKNOWN}{tail}{forces}"), true);
            }
            (Some(b), Some(a)) => self.changed(indent, head, path, b, a, &format!("{tail}{forces}")),
        }
    }

    /// A value that does not change.
    pub(crate) fn plain(&mut self, indent: usize, head: &str, path: &Path, v: &Partial, m: Mark) {
        if self.is_secret(path, true) {
            self.line(indent, m, &format!("{head}{SENSITIVE}"));
        } else {
            self.whole(indent, m, head, path, v, "");
        }
    }
    /// A value all of whose lines have one mark.
    fn whole(&mut self, indent: usize, m: Mark, head: &str, path: &Path, v: &Partial, tail: &str) {
        self.whole_as(indent, m, head, path, v, tail, false);
    }
    #[expect(clippy::too_many_arguments, reason = "one line of a plan has that many parts")]
    fn whole_as(&mut self, indent: usize, m: Mark, head: &str, path: &Path, v: &Partial, tail: &str, removed: bool) {
        let inner = if removed { Mark::Remove } else { m };
        match v {
            Partial::Map(map) if !map.is_empty() => {
                self.line(indent, m, &format!("{head}{{"));
                self.members(indent + 4, inner, path, map);
                self.line(indent, Mark::None, &format!("}}{tail}"));
            }
            Partial::List(list) if !list.is_empty() => {
                self.line(indent, m, &format!("{head}["));
                for (i, v) in list.iter().enumerate() {
                    let at = path.with_index(i);
                    if self.is_secret(&at, inner != Mark::Remove) {
                        self.line(indent + 4, inner, &format!("{SENSITIVE},"));
                    } else {
                        self.whole(indent + 4, inner, "", &at, v, ",");
                    }
                }
                self.line(indent, Mark::None, &format!("]{tail}"));
            }
            Partial::String(s) => match json(s) {
                Some(doc) => {
                    self.line(indent, m, &format!("{head}jsonencode("));
                    self.whole(indent + 4, inner, "", &json_path(), &doc, "");
                    self.line(indent, Mark::None, &format!("){tail}"));
                }
                None if s.trim_end_matches('\n').contains('\n') => {
                    self.line(indent, m, &format!("{head}<<-EOT"));
                    for l in s.lines() {
                        self.out.push(format!("{}{l}", " ".repeat(indent + 4)));
                    }
                    self.line(indent, Mark::None, &format!("EOT{tail}"));
                }
                None => self.wrapped(indent, m, head, &quoted(s), tail),
            },
            v => self.line(indent, m, &format!("{head}{}{tail}", scalar(v))),
        }
    }
    fn members(&mut self, indent: usize, m: Mark, path: &Path, map: &BTreeMap<String, Partial>) {
        let width = map.keys().map(|k| key(k).chars().count()).max().unwrap_or(0);
        for (k, v) in map {
            let at = path.with(Step::Attr(k.clone()));
            let head = format!("{:width$} = ", key(k));
            if self.is_secret(&at, m != Mark::Remove) {
                self.line(indent, m, &format!("{head}{SENSITIVE}"));
            } else {
                self.whole(indent, m, &head, &at, v, "");
            }
        }
    }
    /// A long text goes on in the next line, indented, so that a terminal does not tear the picture apart.
    fn wrapped(&mut self, indent: usize, m: Mark, head: &str, text: &str, tail: &str) {
        let room = self.term.width.saturating_sub(indent + head.chars().count() + 4);
        if !self.term.live || text.chars().count() <= room || room < 20 {
            self.line(indent, m, &format!("{head}{text}{tail}"));
            return;
        }
        let chars: Vec<char> = text.chars().collect();
        let pad = " ".repeat(head.chars().count());
        for (i, part) in chars.chunks(room).enumerate() {
            let part: String = part.iter().collect();
            let end = if (i + 1) * room >= chars.len() { tail } else { "" };
            if i == 0 {
                self.line(indent, m, &format!("{head}{part}{end}"));
            } else {
                self.line(indent, Mark::None, &format!("{pad}{part}{end}"));
            }
        }
    }

    fn changed(&mut self, indent: usize, head: &str, path: &Path, b: &Partial, a: &Partial, tail: &str) {
        match (b, a) {
            (Partial::Map(x), Partial::Map(y)) => {
                self.line(indent, Mark::Change, &format!("{head}{{"));
                self.map(indent + 4, path, x, y);
                self.line(indent, Mark::None, &format!("}}{tail}"));
            }
            (Partial::List(x), Partial::List(y)) => {
                self.line(indent, Mark::Change, &format!("{head}["));
                self.list(indent + 4, path, x, y);
                self.line(indent, Mark::None, &format!("]{tail}"));
            }
            (Partial::String(x), Partial::String(y)) => match (json(x), json(y)) {
                (Some(b), Some(a)) if b != a => {
                    self.line(indent, Mark::Change, &format!("{head}jsonencode("));
                    self.attribute(indent + 4, "", &json_path(), Some(&b), Some(&a), "");
                    self.line(indent, Mark::None, &format!("){tail}"));
                }
                _ if x.trim_end_matches('\n').contains('\n') || y.trim_end_matches('\n').contains('\n') => {
                    self.line(indent, Mark::Change, &format!("{head}<<-EOT"));
                    self.text(indent + 4, x, y);
                    self.line(indent, Mark::None, &format!("EOT{tail}"));
                }
                _ => self.wrapped(indent, Mark::Change, head, &format!("{} -> {}", quoted(x), quoted(y)), tail),
            },
            _ if is_scalar(b) && is_scalar(a) => {
                self.line(indent, Mark::Change, &format!("{head}{} -> {}{tail}", scalar(b), scalar(a)));
            }
            _ => {
                self.whole(indent, Mark::Remove, head, path, b, "");
                self.whole(indent, Mark::Add, head, path, a, tail);
            }
        }
    }
    fn map(&mut self, indent: usize, path: &Path, b: &BTreeMap<String, Partial>, a: &BTreeMap<String, Partial>) {
        let keys: BTreeSet<&String> = b.keys().chain(a.keys()).collect();
        let width = keys.iter().map(|k| key(k).chars().count()).max().unwrap_or(0);
        let mut same = 0;
        for k in keys {
            let (x, y) = (b.get(k), a.get(k));
            if x == y && k != "Name" && k != "id" && k != "name" {
                same += usize::from(x.is_some_and(|v| !v.is_null()));
                continue;
            }
            let at = path.with(Step::Attr(k.clone()));
            self.attribute(indent, &format!("{:width$} = ", key(k)), &at, x, y, "");
        }
        self.hidden(indent, same, "element");
    }
    fn list(&mut self, indent: usize, path: &Path, b: &[Partial], a: &[Partial]) {
        let mut hidden = 0;
        for op in similar::capture_diff_slices(Algorithm::Myers, b, a) {
            match op {
                DiffOp::Equal { len, .. } => hidden += len,
                DiffOp::Delete { old_index, old_len, .. } => {
                    for (i, v) in b.iter().enumerate().skip(old_index).take(old_len) {
                        self.attribute(indent, "", &path.with_index(i), Some(v), None, ",");
                    }
                }
                DiffOp::Insert { new_index, new_len, .. } => {
                    for (i, v) in a.iter().enumerate().skip(new_index).take(new_len) {
                        self.attribute(indent, "", &path.with_index(i), None, Some(v), ",");
                    }
                }
                DiffOp::Replace { old_index, old_len, new_index, new_len } => {
                    for n in 0..old_len.max(new_len) {
                        let x = (n < old_len).then(|| &b[old_index + n]);
                        let y = (n < new_len).then(|| &a[new_index + n]);
                        self.attribute(indent, "", &path.with_index(new_index + n), x, y, ",");
                    }
                }
            }
        }
        self.hidden(indent, hidden, "element");
    }
    fn text(&mut self, indent: usize, b: &str, a: &str) {
        for change in similar::TextDiff::from_lines(b, a).iter_all_changes() {
            let m = match change.tag() {
                similar::ChangeTag::Equal => Mark::None,
                similar::ChangeTag::Delete => Mark::Remove,
                similar::ChangeTag::Insert => Mark::Add,
            };
            self.line(indent, m, change.value().trim_end_matches('\n'));
        }
    }
    /// `# (3 unchanged elements hidden)`
    pub(crate) fn hidden(&mut self, indent: usize, n: usize, what: &str) {
        if n > 0 {
            let s = if n == 1 { "" } else { "s" };
            let text = self.term.paint(Style::Faint, &format!("# ({n} unchanged {what}{s} hidden)"));
            self.line(indent, Mark::None, &text);
        }
    }
}

/// The mark of a change between two values, null meaning none.
pub(crate) fn change(b: Option<&Partial>, a: Option<&Partial>) -> Mark {
    match (b, a) {
        (None, Some(_)) => Mark::Add,
        (Some(_), None) => Mark::Remove,
        (b, a) if b == a => Mark::None,
        _ => Mark::Change,
    }
}

/// True if the two paths name the same place; keys of maps may be spelled as attributes.
fn same_place(a: &Path, b: &Path) -> bool {
    let name = |s: &Step| match s {
        Step::Attr(n) | Step::Key(n) => Some(n.clone()),
        Step::Index(_) => None,
    };
    a.0.len() == b.0.len() && a.0.iter().zip(&b.0).all(|(x, y)| x == y || (name(x).is_some() && name(x) == name(y)))
}

/// Places inside of JSON documents are nobody's attributes.
fn json_path() -> Path {
    Path::attr("(document)")
}

fn is_scalar(v: &Partial) -> bool {
    !matches!(v, Partial::List(_) | Partial::Map(_))
}

/// A value on one line.
pub(crate) fn scalar(v: &Partial) -> String {
    match v {
        Partial::Unknown => UNKNOWN.to_owned(),
        Partial::Null => "null".to_owned(),
        Partial::Bool(b) => b.to_string(),
        Partial::Number(n) => n.to_string(),
        Partial::String(s) => quoted(s),
        Partial::List(_) => "[]".to_owned(),
        Partial::Map(_) => "{}".to_owned(),
    }
}

/// The text as the language quotes it.
pub(crate) fn quoted(s: &str) -> String {
    let mut out = String::with_capacity(s.len() + 2);
    out.push('"');
    let mut chars = s.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '$' | '%' if chars.peek() == Some(&'{') => {
                out.push(c);
                out.push(c);
            }
            // Control characters would steer the terminal.
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A key of a map: bare where it is an identifier.
pub(crate) fn key(k: &str) -> String {
    let bare = k.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && k.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if bare { k.to_owned() } else { quoted(k) }
}

/// The document in a text that holds a JSON object or array.
fn json(s: &str) -> Option<Partial> {
    let t = s.trim_start();
    if !(t.starts_with('{') || t.starts_with('[')) {
        return None;
    }
    let doc: serde_json::Value = serde_json::from_str(s).ok()?;
    let known = Known::from_json(&doc);
    let empty = matches!(&known, Known::Map(m) if m.is_empty()) || matches!(&known, Known::List(l) if l.is_empty());
    (!empty).then(|| known.into())
}
