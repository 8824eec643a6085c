//! Functions of strings. Lengths and positions count grapheme clusters, as users see characters.

use stackctl_core::Ty;
use unicode_segmentation::UnicodeSegmentation;

use super::FnContext;
use super::args::{fits, items, text, whole};
use super::protocol::{FnError, FnResult, Function, Kind as P, Param, Returns};
use crate::value::{Kind, MOST_NODES, Value};

const STR: Param = Param::str("str");

/// The family.
pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("chomp", &[STR], Returns::Is(P::Str), |a, _, _| s(text(a, 0).trim_end_matches(['\r', '\n']))),
    Function::new("endswith", &[STR, Param::str("suffix")], Returns::Is(P::Bool), |a, _, _| {
        Ok(Value::bool(text(a, 0).ends_with(text(a, 1))))
    }),
    Function::new("indent", &[Param::num("spaces"), STR], Returns::Is(P::Str), indent),
    Function::new("join", &[Param::str("separator")], Returns::Is(P::Str), join).variadic(Param::new("lists", P::Strs)),
    Function::new("lower", &[STR], Returns::Is(P::Str), |a, _, _| s(text(a, 0).chars().map(lower).collect::<String>())),
    Function::new("split", &[Param::str("separator"), STR], Returns::Is(P::Strs), split),
    Function::new("startswith", &[STR.unknown(), Param::str("prefix")], Returns::Is(P::Bool), starts_with),
    Function::new("strcontains", &[STR, Param::str("substr")], Returns::Is(P::Bool), |a, _, _| {
        Ok(Value::bool(text(a, 0).contains(text(a, 1))))
    })
    .nullable(),
    Function::new("strrev", &[STR], Returns::Is(P::Str), |a, _, _| {
        s(text(a, 0).graphemes(true).rev().collect::<String>())
    }),
    Function::new("substr", &[STR, Param::num("offset"), Param::num("length")], Returns::Is(P::Str), substr),
    Function::new("title", &[STR], Returns::Is(P::Str), |a, _, _| s(title(text(a, 0)))),
    Function::new("trim", &[STR, Param::str("cutset")], Returns::Is(P::Str), |a, _, _| {
        let cut = |c: char| text(a, 1).contains(c);
        s(text(a, 0).trim_matches(cut))
    }),
    Function::new("trimprefix", &[STR, Param::str("prefix")], Returns::Is(P::Str), |a, _, _| {
        s(text(a, 0).strip_prefix(text(a, 1)).unwrap_or(text(a, 0)))
    }),
    Function::new("trimspace", &[STR], Returns::Is(P::Str), |a, _, _| s(text(a, 0).trim())),
    Function::new("trimsuffix", &[STR, Param::str("suffix")], Returns::Is(P::Str), |a, _, _| {
        s(text(a, 0).strip_suffix(text(a, 1)).unwrap_or(text(a, 0)))
    }),
    Function::new("upper", &[STR], Returns::Is(P::Str), |a, _, _| s(text(a, 0).chars().map(upper).collect::<String>())),
];

fn s(text: impl AsRef<str>) -> FnResult {
    Ok(Value::string(text))
}

/// Most spaces that `indent` puts before a line, against accidents.
const MOST_INDENT: i64 = 10_000;

fn indent(a: &[Value], _: &Ty, _: &FnContext<'_>) -> FnResult {
    let n = whole(a, 0)?;
    let pad = usize::try_from(n).ok().filter(|_| n <= MOST_INDENT);
    let pad = pad.ok_or_else(|| FnError::arg(0, format!("must lie between 0 and {MOST_INDENT}")))?;
    let lines = text(a, 1).matches('\n').count();
    fits(lines.saturating_mul(pad).saturating_add(text(a, 1).len()))?;
    s(text(a, 1).replace('\n', &format!("\n{}", " ".repeat(pad))))
}

fn join(a: &[Value], ty: &Ty, _: &FnContext<'_>) -> FnResult {
    if a.len() < 2 {
        return Err(FnError::new("at least one list is required"));
    }
    if a.iter().any(|l| !l.is_wholly_known()) {
        return Ok(Value::unknown(ty));
    }
    let mut parts: Vec<&str> = Vec::new();
    for i in 1..a.len() {
        for (n, v) in items(a, i).iter().enumerate() {
            let Some(v) = v.as_str() else {
                let place = if a.len() > 2 { format!("element {n} of list {i}") } else { format!("element {n}") };
                return Err(FnError::arg(i, format!("{place} is null; cannot concatenate null values")));
            };
            parts.push(v);
        }
    }
    let separators = text(a, 0).len().saturating_mul(parts.len());
    fits(parts.iter().fold(separators, |n, p| n.saturating_add(p.len())))?;
    s(parts.join(text(a, 0)))
}

fn split(a: &[Value], _: &Ty, _: &FnContext<'_>) -> FnResult {
    let (separator, text) = (text(a, 0), text(a, 1));
    let most = usize::try_from(MOST_NODES).unwrap_or(usize::MAX);
    let parts: Vec<&str> = match separator {
        "" => text.graphemes(true).take(most).collect(),
        separator => text.split(separator).take(most).collect(),
    };
    if parts.len() == most {
        return Err(FnError::new(format!("the text would be split into more than {most} parts")));
    }
    Ok(Value::strings(parts))
}

fn starts_with(a: &[Value], ty: &Ty, _: &FnContext<'_>) -> FnResult {
    let prefix = text(a, 1);
    Ok(match a[0].kind() {
        // What is known of the start may decide.
        Kind::Unknown(r) if r.prefix.starts_with(prefix) => Value::bool(true),
        Kind::Unknown(r) if prefix.starts_with(&r.prefix) => Value::unknown(ty),
        Kind::Unknown(_) => Value::bool(false),
        _ => Value::bool(text(a, 0).starts_with(prefix)),
    })
}

fn substr(a: &[Value], _: &Ty, _: &FnContext<'_>) -> FnResult {
    let blame = |e: FnError| FnError::new(e.message);
    let (offset, length) = (whole(a, 1).map_err(blame)?, whole(a, 2).map_err(blame)?);
    let all: Vec<&str> = text(a, 0).graphemes(true).collect();
    let total = i64::try_from(all.len()).unwrap_or(i64::MAX);
    let start = if offset < 0 { total.saturating_add(offset).max(0) } else { offset.min(total) };
    // A length of zero counts as none at all where the offset is counted from the end.
    let end = if length < 0 || (length == 0 && offset < 0) { total } else { start.saturating_add(length).min(total) };
    let at = |n: i64| usize::try_from(n).unwrap_or(0);
    s(all[at(start)..at(end)].concat())
}

/// Upper case of one character, where it is one character.
fn upper(c: char) -> char {
    let mut full = c.to_uppercase();
    match (full.next(), full.next(), c) {
        (Some(u), None, _) => u,
        // Greek letters with iota subscript: one capital letter, though the full mapping has two.
        (_, _, '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}') => {
            char::from_u32(c as u32 + 8).unwrap_or(c)
        }
        (_, _, '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}') => char::from_u32(c as u32 + 9).unwrap_or(c),
        _ => c,
    }
}

/// Lower case of one character, where it is one character.
fn lower(c: char) -> char {
    let mut full = c.to_lowercase();
    match (full.next(), full.next(), c) {
        (Some(l), None, _) => l,
        (_, _, '\u{130}') => 'i',
        _ => c,
    }
}

/// Upper case of the first letter of every word. Words end at white space and at ASCII punctuation but the underscore.
fn title(text: &str) -> String {
    let separator = |c: char| {
        if c.is_ascii() { !c.is_ascii_alphanumeric() && c != '_' } else { !c.is_alphanumeric() && c.is_whitespace() }
    };
    let mut before = ' ';
    text.chars()
        .map(|c| {
            let first = separator(before);
            before = c;
            if first { titled(c) } else { c }
        })
        .collect()
}

/// The form of a letter that begins a capitalised word: differs from upper case for a few digraphs.
fn titled(c: char) -> char {
    match c {
        '\u{1c4}'..='\u{1c6}' => '\u{1c5}',
        '\u{1c7}'..='\u{1c9}' => '\u{1c8}',
        '\u{1ca}'..='\u{1cc}' => '\u{1cb}',
        '\u{1f1}'..='\u{1f3}' => '\u{1f2}',
        '\u{10d0}'..='\u{10ff}' => c,
        _ => upper(c),
    }
}

/// The number of grapheme clusters.
pub(super) fn width(text: &str) -> usize {
    text.graphemes(true).count()
}
