//! Where things stand in the source: byte spans, and the map from file ids to names, texts and line indexes.
//!
//! A [`Span`] is three integers and is copied everywhere; names and texts live in one [`SourceMap`] that whoever loads
//! files owns. Nothing here reads a file. Start at [`SourceMap::add`] and [`SourceMap::position`].

use std::sync::Arc;

use unicode_segmentation::UnicodeSegmentation;

/// Number of a file in a [`SourceMap`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

/// A half-open range of bytes `[start, end)` of one file. Offsets are UTF-8 bytes from the beginning of the file (a
/// byte order mark counts) and always lie on character boundaries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    pub file: FileId,
    pub start: u32,
    pub end: u32,
}

impl Span {
    /// The span of the bytes `start..end` of `file`.
    pub fn new(file: FileId, start: usize, end: usize) -> Span {
        Span { file, start: clamp(start), end: clamp(end) }
    }

    /// The smallest span that covers both; `other` must be of the same file.
    #[must_use]
    pub fn to(self, other: Span) -> Span {
        Span { file: self.file, start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// The empty span at the beginning of this one.
    #[must_use]
    pub fn at_start(self) -> Span {
        Span { end: self.start, ..self }
    }

    /// The empty span at the end of this one.
    #[must_use]
    pub fn at_end(self) -> Span {
        Span { start: self.end, ..self }
    }

    /// Number of bytes.
    pub fn len(self) -> usize {
        self.end.saturating_sub(self.start) as usize
    }

    /// Whether the span covers no byte.
    pub fn is_empty(self) -> bool {
        self.end <= self.start
    }

    /// Whether `other` lies within this span.
    pub fn contains(self, other: Span) -> bool {
        self.file == other.file && self.start <= other.start && other.end <= self.end
    }
}

fn clamp(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

/// A place in a file as people and Terraform's JSON diagnostics count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in grapheme clusters, from 1.
    pub column: u32,
    /// Byte offset in the file, from 0.
    pub byte: u32,
}

/// A [`Span`] turned into positions, with the name of its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    pub filename: Arc<str>,
    pub start: Position,
    pub end: Position,
}

/// One file: its name as shown to users, its text and where its lines begin.
#[derive(Clone, Debug)]
pub struct Source {
    name: Arc<str>,
    text: Arc<str>,
    line_starts: Arc<[u32]>,
}

/// The byte order mark that editors on some systems put before a text.
pub const BYTE_ORDER_MARK: &str = "\u{feff}";

impl Source {
    /// A file with this name and text. Lines end at `\n`.
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Source {
        let text: Arc<str> = text.into();
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| clamp(at + 1));
        let line_starts = std::iter::once(0).chain(newlines).collect();
        Source { name: name.into(), text, line_starts }
    }

    /// The name as shown to users: a path relative to the root module, or a label such as `<value for var.x>`.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// The text of `span`; empty if the span is not of this text.
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    /// Number of lines; a text that ends with a newline has an empty last line.
    pub fn line_count(&self) -> u32 {
        clamp(self.line_starts.len())
    }

    /// The text of a line (from 1) without its line break; `None` past the end.
    pub fn line(&self, line: u32) -> Option<&str> {
        let index = line.checked_sub(1)? as usize;
        let start = *self.line_starts.get(index)? as usize;
        let end = self.line_starts.get(index + 1).map_or(self.text.len(), |next| *next as usize);
        Some(self.text.get(start..end)?.trim_end_matches(['\n', '\r']))
    }

    /// Byte offset at which a line (from 1) begins; `None` past the end.
    pub fn line_start(&self, line: u32) -> Option<u32> {
        self.line_starts.get(line.checked_sub(1)? as usize).copied()
    }

    /// Line and column of a byte offset; an offset past the end counts as the end.
    pub fn position(&self, byte: u32) -> Position {
        let byte = byte.min(clamp(self.text.len()));
        let line = self.line_starts.partition_point(|start| *start <= byte).max(1);
        let start = self.line_starts.get(line - 1).copied().unwrap_or(0) as usize;
        let before = self.text.get(start..byte as usize).unwrap_or_default();
        let before = before.strip_prefix(BYTE_ORDER_MARK).unwrap_or(before);
        let columns = if before.is_ascii() { before.len() } else { before.graphemes(true).count() };
        Position { line: clamp(line), column: clamp(columns + 1), byte }
    }
}

/// All files of a run. Cloning is cheap: names and texts are shared.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    files: Vec<Source>,
}

impl SourceMap {
    /// A map without files.
    pub fn new() -> SourceMap {
        SourceMap::default()
    }

    /// Adds a file and returns its number. The same name may be added again; it gets another number.
    pub fn add(&mut self, name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> FileId {
        let id = FileId(clamp(self.files.len()));
        self.files.push(Source::new(name, text));
        id
    }

    /// The file with this number, if it was added to this map.
    pub fn get(&self, file: FileId) -> Option<&Source> {
        self.files.get(file.0 as usize)
    }

    /// Every file with its number, in the order added.
    pub fn iter(&self) -> impl Iterator<Item = (FileId, &Source)> {
        self.files.iter().enumerate().map(|(index, source)| (FileId(clamp(index)), source))
    }

    /// The text of a span; empty for a span of an unknown file.
    pub fn slice(&self, span: Span) -> &str {
        self.get(span.file).map_or("", |source| source.slice(span))
    }

    /// Line and column of a span's beginning.
    pub fn position(&self, span: Span) -> Option<Position> {
        Some(self.get(span.file)?.position(span.start))
    }

    /// File name, beginning and end of a span; `None` for a span of an unknown file.
    pub fn range(&self, span: Span) -> Option<Range> {
        let source = self.get(span.file)?;
        let (start, end) = (source.position(span.start), source.position(span.end));
        Some(Range { filename: source.name.clone(), start, end })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_grapheme_clusters() {
        let cases: &[(&str, u32, (u32, u32))] = &[
            ("abc", 0, (1, 1)),
            ("abc", 3, (1, 4)),
            ("a\nbc", 2, (2, 1)),
            ("a\r\nbc", 4, (2, 2)),
            ("e\u{301}x", 3, (1, 2)),
            ("\u{feff}ab", 4, (1, 2)),
            ("a\n", 2, (2, 1)),
            ("a", 99, (1, 2)),
            ("", 0, (1, 1)),
        ];
        for (text, byte, expected) in cases {
            let position = Source::new("t", *text).position(*byte);
            assert_eq!((position.line, position.column), *expected, "{text:?} at {byte}");
        }
    }

    #[test]
    fn lines_come_without_their_breaks() {
        let source = Source::new("t", "a\r\nb\n");
        assert_eq!((1..=4).map(|line| source.line(line)).collect::<Vec<_>>(), [Some("a"), Some("b"), Some(""), None]);
        assert_eq!(source.line_start(2), Some(3));
        assert_eq!(source.line(0), None);
    }
}
