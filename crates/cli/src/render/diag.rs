//! Diagnostics for people: the user's line underlined, what the service said, and what to do.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use stackctl_core::{Diagnostic, Severity, SourceRange};

use super::term::Term;

/// Gives the text of a source file by the name that ranges carry.
pub(crate) type Text<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A range of a source, how it is marked, and why.
type Place = (std::ops::Range<usize>, AnnotationKind, String);

/// Renders one diagnostic.
pub(crate) fn render(term: &Term, d: &Diagnostic, text: Text<'_>) -> String {
    let level = match d.severity {
        Severity::Error => Level::ERROR.with_name("Error"),
        Severity::Warning => Level::WARNING.with_name("Warning"),
    };
    let title = level.primary_title(d.summary.as_str());
    let mut group = Group::with_title(title);
    let mut sources: Vec<(String, String, Vec<Place>)> = Vec::new();
    let places = d.range.iter().map(|r| (r, AnnotationKind::Primary, String::new()));
    let places = places.chain(d.context.iter().map(|(r, why)| (r, AnnotationKind::Context, why.clone())));
    let mut elsewhere = Vec::new();
    for (range, kind, why) in places {
        let Some(source) = text(&range.filename) else {
            elsewhere.push(place(range));
            continue;
        };
        let span = span(range, &source);
        match sources.iter_mut().find(|(name, ..)| *name == range.filename) {
            Some((_, _, marks)) => marks.push((span, kind, why)),
            None => sources.push((range.filename.clone(), source, vec![(span, kind, why)])),
        }
    }
    for (name, source, marks) in &sources {
        let mut snippet = Snippet::source(source.as_str()).path(name.as_str()).line_start(1);
        for (span, kind, why) in marks {
            let mark = kind.span(span.clone());
            snippet = snippet.annotation(if why.is_empty() { mark } else { mark.label(why.as_str()) });
        }
        group = group.element(snippet);
    }
    let mut notes: Vec<(Level<'_>, String)> = Vec::new();
    if !d.detail.is_empty() {
        notes.push((Level::NOTE.no_name(), d.detail.clone()));
    }
    let objects = d.address.iter().map(|a| format!("with {a}"));
    let paths = d.path.iter().filter(|_| d.range.is_none()).map(|p| format!("attribute {p}"));
    let at = elsewhere.into_iter().map(|p| format!("at {p}"));
    for line in objects.chain(paths).chain(at) {
        notes.push((Level::NOTE, line));
    }
    for (name, value) in &d.values {
        notes.push((Level::NOTE, format!("{name} {value}")));
    }
    if let Some(c) = &d.call {
        let mut line = format!("{} {}", c.service, c.operation);
        if let Some(code) = &c.code {
            line.push_str(&format!(" answered {code}"));
        }
        if let Some(status) = c.status {
            line.push_str(&format!(" (HTTP {status})"));
        }
        if let Some(id) = &c.request_id {
            line.push_str(&format!(", request id {id}"));
        }
        notes.push((Level::NOTE, line));
    }
    if let Some(h) = &d.hint {
        notes.push((Level::HELP, h.clone()));
    }
    for (level, line) in &notes {
        group = group.element(level.clone().message(line.as_str()));
    }
    let renderer = if term.color { Renderer::styled() } else { Renderer::plain() };
    renderer.term_width(term.width).render(&[group])
}

/// `main.tf:3:5`
pub(crate) fn place(r: &SourceRange) -> String {
    format!("{}:{}:{}", r.filename, r.start.line, r.start.column)
}

/// The range in bytes, brought into the text and onto character borders: a file may have changed since it was read.
fn span(r: &SourceRange, text: &str) -> std::ops::Range<usize> {
    let fit = |mut i: usize| {
        i = i.min(text.len());
        while !text.is_char_boundary(i) {
            i -= 1;
        }
        i
    };
    let (start, end) = (fit(r.start.byte as usize), fit(r.end.byte as usize));
    start..end.max(start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use stackctl_core::Position;

    #[test]
    fn shows_line_cause_and_hint() {
        let term = Term { color: false, live: false, interactive: false, width: 100 };
        let text = "resource \"aws_vpc\" \"main\" {\n  cidr_blok = \"10.0.0.0/16\"\n}\n";
        let at = |byte: u32| Position { line: 2, column: byte - 27, byte };
        let range = SourceRange { filename: "main.tf".into(), start: at(30), end: at(39) };
        let d = Diagnostic::error("Unknown argument", "There is no argument \"cidr_blok\" here.")
            .at(range)
            .hinted("Did you mean \"cidr_block\"?");
        let out = render(&term, &d, &|_| Some(text.to_owned()));
        for want in ["Error: Unknown argument", "main.tf:2:3", "^^^^^^^^^", "Did you mean \"cidr_block\"?"] {
            assert!(out.contains(want), "{want} is missing in\n{out}");
        }
    }
}
