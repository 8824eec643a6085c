//! Lines: indentation by brackets, one space or none between tokens, and columns of `=` and of comments.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use super::Piece;
use super::spacing::space_between;
use crate::token::Kind;

/// A line of the source, divided into cells. Indexes of pieces; an empty range is no cell.
struct Line {
    lead: Range<usize>,
    /// From `=` on, if what follows it has as many opening as closing brackets.
    assign: Range<usize>,
    /// The comment at the end of a line that has something before it.
    comment: Range<usize>,
}

/// Sets the spaces of every piece.
pub(super) fn lay_out(pieces: &mut [Piece<'_>]) {
    let lines = lines(pieces);
    indent(pieces, &lines);
    space(pieces, &lines);
    align(pieces, &lines, |line| line.lead.clone(), |line| line.assign.clone());
    align(pieces, &lines, |line| line.lead.start..line.assign.end.max(line.lead.end), |line| line.comment.clone());
}

fn brackets(pieces: &[Piece<'_>]) -> i32 {
    pieces.iter().map(|piece| piece.kind.bracket_change()).sum()
}

fn lines(pieces: &[Piece<'_>]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut start = 0;
    let last = pieces.iter().rposition(|piece| piece.kind != Kind::Eof).map_or(0, |last| last + 1);
    for end in 1..=last {
        if end == last || pieces[end - 1].ends_line() {
            lines.push(cells(pieces, start..end));
            start = end;
        }
    }
    lines
}

fn cells(pieces: &[Piece<'_>], line: Range<usize>) -> Line {
    let mut lead = line;
    let mut comment = lead.end..lead.end;
    if lead.len() > 1 && pieces[lead.end - 1].kind == Kind::Comment {
        comment = lead.end - 1..lead.end;
        lead.end -= 1;
    }
    let mut assign = lead.end..lead.end;
    let equal = pieces[lead.clone()].iter().skip(1).position(|piece| piece.kind == Kind::Equal);
    if let Some(skipped) = equal {
        let equal = lead.start + 1 + skipped;
        if brackets(&pieces[equal..lead.end]) == 0 {
            assign = equal..lead.end;
            lead.end = equal;
        }
    }
    Line { lead, assign, comment }
}

/// Two spaces for every line that left brackets open, however many it left. A line that closes more than it opens gives
/// back the steps of the lines whose brackets it closes, and stands with the outermost of them.
fn indent(pieces: &mut [Piece<'_>], lines: &[Line]) {
    let mut steps: Vec<i32> = Vec::new();
    for line in lines.iter().filter(|line| !line.lead.is_empty()) {
        let first = line.lead.start;
        if pieces[first].kind == Kind::Newline {
            pieces[first].spaces = 0;
            continue;
        }
        let lead = &pieces[line.lead.clone()];
        let heredoc = lead.iter().position(|piece| matches!(piece.kind, Kind::OHeredoc | Kind::OFlushHeredoc));
        let net = brackets(&lead[..heredoc.unwrap_or(lead.len())]) + brackets(&pieces[line.assign.clone()]);
        let mut to_close = -net;
        while to_close > 0
            && let Some(step) = steps.last_mut()
        {
            if *step > to_close {
                *step -= to_close;
                break;
            }
            to_close -= *step;
            steps.pop();
        }
        pieces[first].spaces = 2 * steps.len();
        if net > 0 {
            steps.push(net);
        }
    }
}

fn space(pieces: &mut [Piece<'_>], lines: &[Line]) {
    for line in lines {
        for cell in [&line.lead, &line.assign] {
            for index in cell.clone().skip(1) {
                let before = (index >= cell.start + 2).then(|| &pieces[index - 2]);
                let space = space_between(before.map(|piece| piece.kind), &pieces[index - 1], &pieces[index]);
                pieces[index].spaces = usize::from(space);
            }
        }
    }
}

/// Moves the second cell of each run of lines that have one to the column after the longest first cell.
fn align(
    pieces: &mut [Piece<'_>],
    lines: &[Line],
    first: impl Fn(&Line) -> Range<usize>,
    second: impl Fn(&Line) -> Range<usize>,
) {
    for run in lines.chunk_by(|a, b| second(a).is_empty() == second(b).is_empty()) {
        if run.iter().all(|line| second(line).is_empty()) {
            continue;
        }
        let widths: Vec<usize> = run.iter().map(|line| columns(&pieces[first(line)])).collect();
        let widest = widths.iter().copied().max().unwrap_or(0);
        for (line, width) in run.iter().zip(widths) {
            pieces[second(line).start].spaces = widest - width + 1;
        }
    }
}

/// Width in grapheme clusters.
fn columns(pieces: &[Piece<'_>]) -> usize {
    let width = |text: &str| if text.is_ascii() { text.len() } else { text.graphemes(true).count() };
    pieces.iter().map(|piece| piece.spaces + width(&piece.text)).sum()
}
