//! Base64, character encodings, URL escapes, gzip and CSV.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::Cursor;

use base64::Engine;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use flate2::{Compress, Compression, Crc, FlushCompress};
use stackctl_core::Ty;

use super::FnContext;
use super::args::text;
use super::charset;
use super::protocol::{FnError, FnResult, Function, Kind as P, Param, Returns};
use crate::value::Value;

const STR: Param = Param::str("str");

/// The family.
pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("base64encode", &[STR], Returns::Is(P::Str), |a, _, _| {
        Ok(Value::string(STANDARD.encode(text(a, 0))))
    }),
    Function::new("base64decode", &[STR], Returns::Is(P::Str), base64decode),
    Function::new("base64gzip", &[STR], Returns::Is(P::Str), base64gzip),
    Function::new("textencodebase64", &[Param::str("string"), Param::str("encoding")], Returns::Is(P::Str), encode),
    Function::new("textdecodebase64", &[Param::str("source"), Param::str("encoding")], Returns::Is(P::Str), decode),
    Function::new("urlencode", &[STR], Returns::Is(P::Str), |a, _, _| Ok(Value::string(url(text(a, 0))))),
    Function::new("csvdecode", &[STR], Returns::Is(P::Any), |a, _, _| csv(text(a, 0))),
];

/// Base64 with padding; line breaks are skipped, and bits that the last byte does not need may be anything.
fn unbase64(text: &str) -> Result<Vec<u8>, base64::DecodeError> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
    );
    let joined: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    LENIENT.decode(joined)
}

fn base64decode(a: &[Value], _: &Ty, _: &FnContext<'_>) -> FnResult {
    let bytes = unbase64(text(a, 0)).map_err(|_| FnError::new("failed to decode base64 data"))?;
    let text = String::from_utf8(bytes)
        .map_err(|_| FnError::new("the result of decoding the provided string is not valid UTF-8"))?;
    Ok(Value::string(text))
}

/// A gzip member as Go writes one: the data is flushed before an empty last block ends it. Compressors differ in the
/// matches that they find, so that the bytes of longer texts need not be the same everywhere.
fn base64gzip(a: &[Value], _: &Ty, _: &FnContext<'_>) -> FnResult {
    let data = text(a, 0).as_bytes();
    // Magic, deflate, no flags, no time, no extra flags, unknown system.
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let mut deflate = Compress::new(Compression::default(), false);
    loop {
        let read = usize::try_from(deflate.total_in()).unwrap_or(usize::MAX);
        out.reserve(data.len() / 2 + 64);
        deflate
            .compress_vec(&data[read..], &mut out, FlushCompress::Sync)
            .map_err(|e| FnError::new(format!("failed to gzip data: {e}")))?;
        if out.len() < out.capacity() {
            break;
        }
    }
    out.extend([1, 0, 0, 0xff, 0xff]);
    let mut crc = Crc::new();
    crc.update(data);
    out.extend(crc.sum().to_le_bytes());
    out.extend(crc.amount().to_le_bytes());
    Ok(Value::string(STANDARD.encode(out)))
}

fn unsupported(name: &str) -> FnError {
    FnError::arg(1, format!("{name:?} is not a supported IANA encoding name or alias in this version"))
}

fn encode(a: &[Value], _: &Ty, _: &FnContext<'_>) -> FnResult {
    let (source, name) = (text(a, 0), text(a, 1));
    let set = charset::find(name).ok_or_else(|| unsupported(name))?;
    let cannot =
        || FnError::arg(0, format!("the given string contains characters that cannot be represented in {name}"));
    Ok(Value::string(STANDARD.encode(set.encode(source).ok_or_else(cannot)?)))
}

fn decode(a: &[Value], _: &Ty, _: &FnContext<'_>) -> FnResult {
    let (source, name) = (text(a, 0), text(a, 1));
    let set = charset::find(name).ok_or_else(|| unsupported(name))?;
    let bytes = unbase64(source).map_err(|e| FnError::arg(0, format!("the given value is not valid base64: {e}")))?;
    let cannot = || FnError::arg(0, format!("the given string contains symbols that are not defined for {name}"));
    Ok(Value::string(set.decode(&bytes).ok_or_else(cannot)?))
}

/// Escapes for the query of a URL: all but letters, digits and `-._~`; a space becomes `+`.
fn url(text: &str) -> String {
    const KEEP: percent_encoding::AsciiSet =
        percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b' ');
    percent_encoding::utf8_percent_encode(text, &KEEP).to_string().replace(' ', "+")
}

/// The `csv` crate drops a byte order mark; here it is part of the first name.
const MARK: &str = "\u{feff}";

fn reader(text: &str) -> csv::Reader<Cursor<Cow<'_, [u8]>>> {
    let input = match text.starts_with(MARK) {
        true => Cow::Owned([MARK, text].concat().into_bytes()),
        false => Cow::Borrowed(text.as_bytes()),
    };
    csv::ReaderBuilder::new().has_headers(true).flexible(false).from_reader(Cursor::new(input))
}

fn headers(text: &str) -> Result<Vec<String>, FnError> {
    strict_quotes(text)?;
    let mut r = reader(text);
    let names: Vec<String> = r.headers().map_err(csv_error)?.iter().map(str::to_owned).collect();
    if names.is_empty() {
        return Err(FnError::new("missing header line"));
    }
    let mut seen = BTreeSet::new();
    match names.iter().find(|n| !seen.insert(n.as_str())) {
        Some(twice) => Err(FnError::new(format!("duplicate column name {twice:?}"))),
        None => Ok(names),
    }
}

fn csv(text: &str) -> FnResult {
    let names = headers(text)?;
    let of = Ty::object(names.iter().map(|h| (h.as_str(), Ty::String)));
    let mut out = Vec::new();
    for row in reader(text).records() {
        let row = row.map_err(csv_error)?;
        out.push(Value::object(names.iter().zip(row.iter().map(Value::string))));
    }
    Ok(Value::list(&of, out))
}

fn csv_error(e: csv::Error) -> FnError {
    let line = e.position().map_or_else(String::new, |p| format!(" on line {}", p.line()));
    let what = match e.kind() {
        csv::ErrorKind::UnequalLengths { .. } => "wrong number of fields".to_owned(),
        other => format!("{other:?}"),
    };
    FnError::new(format!("CSV parse error{line}: {what}"))
}

/// The `csv` crate takes stray quotes as text; here they are errors: a quote opens a field at its very start, doubles
/// inside, and ends it before a comma or the end of the line.
fn strict_quotes(text: &str) -> Result<(), FnError> {
    let mut line = 1;
    let mut chars = text.chars().peekable();
    let mut start = true;
    while let Some(c) = chars.next() {
        let bad = |line: usize, what: &str| Err(FnError::new(format!("CSV parse error on line {line}: {what}")));
        match c {
            '"' if start => loop {
                match chars.next() {
                    Some('"') if chars.peek() == Some(&'"') => {
                        chars.next();
                    }
                    Some('"') => {
                        if !matches!(chars.peek(), None | Some(',' | '\n' | '\r')) {
                            return bad(line, "extraneous or missing \" in quoted-field");
                        }
                        break;
                    }
                    Some('\n') => line += 1,
                    Some(_) => {}
                    None => return bad(line, "extraneous or missing \" in quoted-field"),
                }
            },
            '"' => return bad(line, "bare \" in non-quoted-field"),
            '\n' => line += 1,
            _ => {}
        }
        start = matches!(c, ',' | '\n');
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn gzip_can_be_read_again() {
        let texts =
            [String::new(), "hello".to_owned(), "abc".repeat(50_000), (0..5000).map(|n| format!("{n},")).collect()];
        for t in texts {
            let files = crate::files::Memory::new();
            let cx = FnContext {
                files: &files,
                planning: true,
                plan_time: None,
                now: jiff::Timestamp::UNIX_EPOCH,
                ids: &NoIds,
                render: &|_, _, _| Err(String::new()),
            };
            let zipped = base64gzip(&[t.as_str().into()], &Ty::String, &cx).unwrap();
            let zipped = STANDARD.decode(zipped.as_str().unwrap()).unwrap();
            let mut back = String::new();
            flate2::read::GzDecoder::new(&zipped[..]).read_to_string(&mut back).unwrap();
            assert!(back == t, "{} bytes came back of {}", back.len(), t.len());
        }
    }

    struct NoIds;
    impl stackctl_core::Ids for NoIds {
        fn fill(&self, _: &mut [u8]) {}
    }
}
