//! Literal text: quoted strings, heredocs and bare templates, and what closes them when the text does not.

use super::{LexError, Lexer, MAX_REWINDS, Mode, offset};
use crate::token::Kind;

impl Lexer<'_> {
    /// `${` or `%{` at the current place (not escaped): its token and the mode of its content.
    pub(super) fn sequence(&mut self) {
        let start = self.at;
        let kind = if self.bytes[start] == b'$' { Kind::Interp } else { Kind::Control };
        let strip = usize::from(self.peek(2) == b'~');
        self.push(kind, start, start + 2 + strip);
        self.stack.push(Mode::Code { depth: 0, open: offset(start) });
    }

    /// Length of `$${` and `%%{` at `at`, else 0.
    fn escaped_sequence(&self, at: usize) -> usize {
        let byte = self.bytes[at];
        let escape = self.bytes.get(at + 1) == Some(&byte) && self.bytes.get(at + 2) == Some(&b'{');
        if escape { 3 } else { 0 }
    }

    pub(super) fn quoted(&mut self, open: u32) {
        let start = self.at;
        let mut end = start;
        let flush = |lexer: &mut Self, end: usize| {
            if end > start {
                lexer.push(Kind::QuotedLit, start, end);
            }
        };
        while let Some(byte) = self.bytes.get(end) {
            match byte {
                b'"' => {
                    flush(self, end);
                    self.stack.pop();
                    return self.push(Kind::CQuote, end, end + 1);
                }
                b'\\' => {
                    let escaped = self.bytes.get(end + 1).copied();
                    end += if escaped.is_none_or(|byte| byte == b'\n' || byte == b'\r') { 1 } else { 2 };
                    while !self.text.is_char_boundary(end) {
                        end += 1;
                    }
                }
                b'$' | b'%' if self.escaped_sequence(end) > 0 => end += 3,
                b'$' | b'%' if self.bytes.get(end + 1) == Some(&b'{') => {
                    flush(self, end);
                    return self.sequence();
                }
                b'\n' => {
                    let end = if end > start && self.bytes[end - 1] == b'\r' { end - 1 } else { end };
                    flush(self, end);
                    return self.unterminated_quote(open, end);
                }
                _ => end += 1,
            }
        }
        flush(self, end);
        self.unterminated_quote(open, end);
    }

    /// Closes the string at the end of its line, together with all strings around it that began on the same line: the
    /// missing quote or brace is likely theirs, and the following lines are code again.
    fn unterminated_quote(&mut self, open: u32, end: usize) {
        let line_start = self.text[..open as usize].rfind('\n').map_or(0, |at| at + 1);
        let mut outermost = open;
        let mut context = None;
        while let Some(mode) = self.stack.last().copied() {
            match mode {
                Mode::Quoted { open } if open as usize >= line_start => {
                    outermost = open;
                    self.push(Kind::CQuote, end, end);
                }
                Mode::Code { open, .. } if self.in_sequence() && open as usize >= line_start => {
                    if !matches!(self.stack.get(self.stack.len() - 2), Some(Mode::Quoted { .. })) {
                        break;
                    }
                    context = Some(((open, open + 2), "this sequence may lack its closing brace"));
                    self.push(Kind::SeqEnd, end, end);
                }
                _ => break,
            }
            self.stack.pop();
        }
        let detail = "There is no closing quote for this string before the end of its line. A string of several lines \
                      is written with `\\n`, or as a heredoc (`<<EOT`).";
        let error = self.error("Unclosed string", detail, outermost as usize, end);
        error.context = context;
    }

    pub(super) fn heredoc(&mut self, open: u32, marker: (u32, u32), line_start: bool) {
        let start = self.at;
        if line_start {
            let end = self.line_end(start);
            let line = &self.text[start..end];
            if line.trim() == &self.text[marker.0 as usize..marker.1 as usize] {
                self.stack.pop();
                let end = if line.ends_with('\r') { end - 1 } else { end };
                if end == self.bytes.len() {
                    let detail = "The line that ends a heredoc needs a line break after the name.";
                    let error = self.error("Unclosed heredoc", detail, start, end);
                    error.context = Some(((open, marker.1), "opened here"));
                    error.hint = Some("end the file with a line break".to_owned());
                }
                return self.push(Kind::CHeredoc, start, end);
            }
        }
        self.literal_line();
        let ends_line = self.at > start && self.bytes[self.at - 1] == b'\n';
        let in_sequence = matches!(self.stack.last(), Some(Mode::Code { .. }));
        let index = self.stack.len() - 1 - usize::from(in_sequence);
        if let Some(Mode::Heredoc { line_start, .. }) = self.stack.get_mut(index) {
            *line_start = ends_line && !in_sequence;
        }
    }

    /// Literal text up to the end of the line, or to the next sequence, which is entered.
    pub(super) fn literal_line(&mut self) {
        let start = self.at;
        let mut end = start;
        while let Some(byte) = self.bytes.get(end) {
            match byte {
                b'\n' => return self.push(Kind::StringLit, start, end + 1),
                b'$' | b'%' if self.escaped_sequence(end) > 0 => end += 3,
                b'$' | b'%' if self.bytes.get(end + 1) == Some(&b'{') => {
                    if end > start {
                        self.push(Kind::StringLit, start, end);
                    }
                    return self.sequence();
                }
                _ => end += 1,
            }
        }
        self.push(Kind::StringLit, start, end);
    }

    /// When the text ended inside of a sequence of a quoted string: takes the line of that string for the broken one,
    /// closes everything that began there, and starts over on the next line.
    pub(super) fn rewind(&mut self) -> bool {
        let quoted = self.stack.iter().position(|mode| matches!(mode, Mode::Quoted { .. }));
        let Some((index, Mode::Quoted { open })) = quoted.and_then(|index| Some((index, *self.stack.get(index)?)))
        else {
            return false;
        };
        let line_end = self.line_end(open as usize);
        if line_end == self.bytes.len() || self.rewinds == MAX_REWINDS {
            return false;
        }
        self.rewinds += 1;
        self.stack.truncate(index);
        self.at = if self.bytes[line_end - 1] == b'\r' { line_end - 1 } else { line_end };
        let end = offset(self.at);
        self.tokens.truncate(self.tokens.partition_point(|token| token.end <= end));
        self.errors.retain(|error| error.at.0 < end);
        let first = self.tokens.partition_point(|token| token.start < open);
        let mut unclosed = Vec::new();
        for token in &self.tokens[first..] {
            match token.kind {
                Kind::OQuote | Kind::Interp | Kind::Control => unclosed.push(*token),
                Kind::CQuote | Kind::SeqEnd => drop(unclosed.pop()),
                _ => {}
            }
        }
        let innermost =
            unclosed.iter().rev().find(|token| token.kind != Kind::OQuote).map_or(open, |token| token.start);
        for token in unclosed.into_iter().rev() {
            let kind = if token.kind == Kind::OQuote { Kind::CQuote } else { Kind::SeqEnd };
            self.push(kind, end as usize, end as usize);
        }
        self.unclosed_sequence(innermost as usize, end as usize);
        true
    }

    fn unclosed_sequence(&mut self, start: usize, end: usize) -> &mut LexError {
        let detail = "There is no closing brace for this sequence. Brackets or quotes inside of it may not match.";
        let error = self.error("Unclosed template sequence", detail, start, end);
        error.hint = Some("write `$${` or `%%{` for the characters themselves".to_owned());
        error
    }

    /// Closes what the end of the text leaves open, innermost first, and reports the innermost.
    pub(super) fn finish(&mut self) {
        let end = self.bytes.len();
        let mut reported = false;
        while let Some(mode) = self.stack.pop() {
            match mode {
                Mode::Quoted { open } => {
                    self.push(Kind::CQuote, end, end);
                    if !reported {
                        let detail = "There is no closing quote for this string before the end of its line.";
                        self.error("Unclosed string", detail, open as usize, open as usize + 1);
                    }
                }
                Mode::Heredoc { open, marker, .. } => {
                    self.push(Kind::CHeredoc, end, end);
                    if !reported {
                        let name = &self.text[marker.0 as usize..marker.1 as usize];
                        let detail = format!("There is no line that holds only `{name}` to end this heredoc.");
                        self.error("Unclosed heredoc", detail, open as usize, marker.1 as usize).swallows = true;
                    }
                }
                Mode::Code { open, .. } if !self.stack.is_empty() => {
                    self.push(Kind::SeqEnd, end, end);
                    if !reported {
                        self.unclosed_sequence(open as usize, open as usize + 2).swallows = true;
                    }
                }
                Mode::Code { .. } | Mode::Bare => continue,
            }
            reported = true;
        }
    }
}
