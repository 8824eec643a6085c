//! `regex`, `regexall` and `replace`: the RE2 dialect on the `regex` crate.
//!
//! [`translate`] rewrites what the two dialects read differently: `\w \d \s \b` are ASCII only, `\Q…\E`, octal escapes,
//! literal braces, brackets inside classes, repeated group names; and refuses what RE2 refuses. Both match leftmost-first
//! in linear time; a compiled program may take [`SIZE`] bytes.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use stackctl_core::Ty;

use super::FnContext;
use super::args::{fits, text};
use super::protocol::{FnError, FnResult, Function, Kind as P, Param, Returns};
use crate::value::{LONGEST_TEXT, Value, too_long};

const PATTERN: Param = Param::str("pattern");

/// The family.
pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("regex", &[PATTERN, Param::str("string")], Returns::Of(|a| result_ty(&a[0])), |a, _, _| {
        let re = compile(text(a, 0)).map_err(|e| FnError::arg(0, e))?;
        match re.regex.captures(text(a, 1)) {
            Some(c) => Ok(re.value(&c)),
            None => Err(FnError::new("pattern did not match any part of the given string")),
        }
    }),
    Function::new(
        "regexall",
        &[PATTERN, Param::str("string")],
        Returns::Of(|a| result_ty(&a[0]).map(Ty::list)),
        |a, ty, _| {
            let re = compile(text(a, 0)).map_err(|e| FnError::arg(0, e))?;
            let all = re.regex.captures_iter(text(a, 1)).map(|c| re.value(&c)).collect();
            Ok(super::collection::list_of(ty, all))
        },
    )
    .documented(P::List),
    Function::new(
        "replace",
        &[Param::str("str"), Param::str("substr"), Param::str("replace")],
        Returns::Is(P::Str),
        replace,
    ),
];

/// Most bytes that a compiled pattern may take.
const SIZE: usize = 16 << 20;

/// Largest repetition count, as in RE2.
const MOST_REPEATS: u32 = 1000;

/// A compiled pattern and the names of its groups, by number.
struct Compiled {
    regex: regex::Regex,
    names: Vec<Option<String>>,
}

impl Compiled {
    /// The whole match, the groups as a tuple, or as an object if they have names; null for groups that took no part.
    fn value(&self, c: &regex::Captures<'_>) -> Value {
        let group = |i: usize| c.get(i).map_or_else(|| Value::null(&Ty::String), |m| Value::string(m.as_str()));
        if self.names.is_empty() {
            return group(0);
        }
        if self.names[0].is_some() {
            let named = self.names.iter().enumerate().filter_map(|(i, n)| Some((n.as_deref()?, group(i + 1))));
            return Value::object(named);
        }
        Value::tuple((1..=self.names.len()).map(group).collect())
    }
    fn ty(&self) -> Ty {
        match self.names.first() {
            None => Ty::String,
            Some(Some(_)) => Ty::object(self.names.iter().flatten().map(|n| (n.as_str(), Ty::String))),
            Some(None) => Ty::Tuple(vec![Ty::String; self.names.len()]),
        }
    }
    /// Replaces every match; `$1`, `$name`, `${name}` and `$$` are expanded.
    /// `None` if the result would be too long.
    fn replace(&self, text: &str, with: &str) -> Option<String> {
        let (mut out, mut end) = (String::new(), 0);
        for c in self.regex.captures_iter(text) {
            let Some(m) = c.get(0) else { continue };
            out.push_str(&text[end..m.start()]);
            out.push_str(&self.expand(with, &c));
            end = m.end();
            if out.len() > LONGEST_TEXT {
                return None;
            }
        }
        out.push_str(&text[end..]);
        Some(out)
    }
    fn expand(&self, template: &str, c: &regex::Captures<'_>) -> String {
        let mut out = String::new();
        let mut rest = template;
        while let Some(i) = rest.find('$') {
            out.push_str(&rest[..i]);
            rest = &rest[i + 1..];
            if let Some(r) = rest.strip_prefix('$') {
                out.push('$');
                rest = r;
                continue;
            }
            let braced = rest.strip_prefix('{');
            let body = braced.unwrap_or(rest);
            let end = body.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(body.len());
            let (name, after) = body.split_at(end);
            let after = match braced {
                Some(_) => after.strip_prefix('}'),
                None => Some(after),
            };
            match after {
                Some(after) if !name.is_empty() => {
                    out.push_str(self.group(name, c));
                    rest = after;
                }
                _ => out.push('$'),
            }
        }
        out + rest
    }
    fn group<'t>(&self, name: &str, c: &regex::Captures<'t>) -> &'t str {
        let numbered = name.parse::<usize>().ok().filter(|_| !name.starts_with('0') || name == "0");
        let found = match numbered {
            Some(n) => c.get(n),
            None => {
                let same = self.names.iter().enumerate().filter(|(_, n)| n.as_deref() == Some(name));
                same.filter_map(|(i, _)| c.get(i + 1)).next()
            }
        };
        found.map_or("", |m| m.as_str())
    }
}

fn result_ty(pattern: &Value) -> Result<Ty, FnError> {
    let Some(p) = pattern.as_str() else { return Ok(Ty::Dynamic) };
    let re = compile(p).map_err(|e| FnError::arg(0, e))?;
    if re.names.iter().any(Option::is_some) && re.names.iter().any(Option::is_none) {
        let message = "invalid regexp pattern: cannot mix both named and unnamed capture groups";
        return Err(FnError::arg(0, message));
    }
    Ok(re.ty())
}

fn replace(a: &[Value], _: &Ty, _: &FnContext<'_>) -> FnResult {
    let (subject, what, with) = (text(a, 0), text(a, 1), text(a, 2));
    let out = match what.strip_prefix('/').and_then(|w| w.strip_suffix('/')) {
        Some(pattern) => {
            let replaced = compile(pattern).map_err(FnError::new)?.replace(subject, with);
            replaced.ok_or_else(|| FnError::new(too_long()))?
        }
        None => {
            let found = subject.matches(what).count();
            fits(found.saturating_mul(with.len()).saturating_add(subject.len()))?;
            subject.replace(what, with)
        }
    };
    Ok(Value::string(out))
}

/// Patterns compiled before; a module applies few patterns to many strings.
static CACHE: LazyLock<Mutex<HashMap<String, Arc<Compiled>>>> = LazyLock::new(Mutex::default);
const CACHED: usize = 256;

fn compile(pattern: &str) -> Result<Arc<Compiled>, String> {
    let cache = || CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = cache().get(pattern) {
        return Ok(found.clone());
    }
    let invalid = |e: String| format!("invalid regexp pattern: {e}");
    let (source, names) = translate(pattern).map_err(invalid)?;
    let regex = regex::RegexBuilder::new(&source).size_limit(SIZE).nest_limit(200).build().map_err(|e| match e {
        regex::Error::CompiledTooBig(_) => invalid("expression too large".to_owned()),
        other => invalid(other.to_string().lines().last().unwrap_or_default().trim().to_owned()),
    })?;
    let compiled = Arc::new(Compiled { regex, names });
    let mut cache = cache();
    if cache.len() >= CACHED {
        cache.clear();
    }
    cache.insert(pattern.to_owned(), compiled.clone());
    Ok(compiled)
}

/// The pattern in the dialect of the `regex` crate, and the name of each group.
pub(super) fn translate(pattern: &str) -> Result<(String, Vec<Option<String>>), String> {
    let mut t = Translator { rest: pattern, out: String::new(), names: Vec::new() };
    t.run()?;
    Ok((t.out, t.names))
}

struct Translator<'p> {
    rest: &'p str,
    out: String,
    names: Vec<Option<String>>,
}

/// One item of a character class.
enum Item {
    Char(char),
    Class(String),
}

impl<'p> Translator<'p> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }
    fn literal(&mut self, c: char) {
        self.out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
    }
    fn run(&mut self) -> Result<(), String> {
        // Whether the last thing written may be repeated, or was a repetition.
        let (mut repeatable, mut repeated) = (false, false);
        while !self.rest.is_empty() {
            if let Some(op) = self.repetition()? {
                if repeated {
                    return Err(format!("invalid nested repetition operator in {op}"));
                }
                if !repeatable {
                    return Err(format!("missing argument to repetition operator: {op}"));
                }
                self.out.push_str(&op);
                if self.rest.starts_with('?') {
                    self.next();
                    self.out.push('?');
                }
                repeated = true;
                continue;
            }
            repeated = false;
            let Some(c) = self.next() else { break };
            repeatable = !matches!(c, '|' | '(');
            match c {
                '\\' => self.escape()?,
                '[' => self.class()?,
                '(' => repeatable = self.group()?,
                '.' | '^' | '$' | '|' | ')' => self.out.push(c),
                c => self.literal(c),
            }
        }
        Ok(())
    }
    /// `*`, `+`, `?`, `{n}`, `{n,}`, `{n,m}` at the current place; other braces are literal.
    fn repetition(&mut self) -> Result<Option<String>, String> {
        let Some(c) = self.rest.chars().next() else { return Ok(None) };
        if matches!(c, '*' | '+' | '?') {
            self.next();
            return Ok(Some(c.to_string()));
        }
        let Some((inner, after)) = self.rest.strip_prefix('{').and_then(|r| r.split_once('}')) else { return Ok(None) };
        let (low, high) = inner.split_once(',').map_or((inner, None), |(l, h)| (l, Some(h)));
        let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        if !digits(low) || high.is_some_and(|h| !h.is_empty() && !digits(h)) {
            return Ok(None);
        }
        let count = |s: &str| s.parse::<u32>().ok().filter(|n| *n <= MOST_REPEATS);
        let bad = || format!("invalid repeat count in {{{inner}}}");
        let low = count(low).ok_or_else(bad)?;
        if let Some(h) = high.filter(|h| !h.is_empty())
            && count(h).ok_or_else(bad)? < low
        {
            return Err(bad());
        }
        self.rest = after;
        Ok(Some(format!("{{{inner}}}")))
    }
    /// After `(`. True if what was written can be repeated, as flags cannot.
    fn group(&mut self) -> Result<bool, String> {
        let Some(special) = self.rest.strip_prefix('?') else {
            self.names.push(None);
            self.out.push('(');
            return Ok(false);
        };
        if let Some(named) = special.strip_prefix("P<").or_else(|| special.strip_prefix('<')) {
            let name = named.split_once('>').map(|(n, _)| n);
            let fits = |n: &&str| !n.is_empty() && n.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            let name = name.filter(fits).ok_or("invalid named capture")?;
            self.rest = &named[name.len() + 1..];
            self.names.push(Some(name.to_owned()));
            self.out.push('(');
            return Ok(false);
        }
        let end = special.find([':', ')']).unwrap_or(special.len());
        let flags = &special[..end];
        let shown: String = special.chars().take(1).collect();
        let known = flags.chars().all(|c| matches!(c, 'i' | 'm' | 's' | 'U' | '-'));
        if end == special.len() || !known || flags.matches('-').count() > 1 || flags.ends_with('-') {
            return Err(format!("invalid or unsupported Perl syntax in (?{shown}"));
        }
        self.out.push_str("(?");
        self.out.push_str(flags);
        self.out.push_str(&special[end..=end]);
        self.rest = &special[end + 1..];
        Ok(false)
    }
    /// After a backslash, outside a class.
    fn escape(&mut self) -> Result<(), String> {
        if let Some(quoted) = self.rest.strip_prefix('Q') {
            let (text, after) = quoted.split_once("\\E").unwrap_or((quoted, ""));
            self.out.push_str(&regex::escape(text));
            self.rest = after;
            return Ok(());
        }
        match self.rest.chars().next() {
            Some('b') => {
                self.next();
                self.out.push_str("(?-u:\\b)");
            }
            Some(c @ ('A' | 'z' | 'B')) => {
                self.next();
                self.out.push('\\');
                self.out.push(c);
            }
            _ => match self.escaped()? {
                Item::Char(c) => self.literal(c),
                Item::Class(class) => {
                    self.out.push('[');
                    self.out.push_str(&class);
                    self.out.push(']');
                }
            },
        }
        Ok(())
    }
    /// After a backslash, what is allowed inside and outside classes.
    fn escaped(&mut self) -> Result<Item, String> {
        let Some(c) = self.next() else { return Err("trailing backslash at end of expression".to_owned()) };
        let class = |s: &str| Ok(Item::Class(s.to_owned()));
        match c {
            'd' => class("0-9"),
            'D' => class("[^0-9]"),
            's' => class("\\t\\n\\x0C\\r "),
            'S' => class("[^\\t\\n\\x0C\\r ]"),
            'w' => class("0-9A-Za-z_"),
            'W' => class("[^0-9A-Za-z_]"),
            'a' => Ok(Item::Char('\u{7}')),
            'f' => Ok(Item::Char('\u{c}')),
            't' => Ok(Item::Char('\t')),
            'n' => Ok(Item::Char('\n')),
            'r' => Ok(Item::Char('\r')),
            'v' => Ok(Item::Char('\u{b}')),
            'x' => {
                let digits = match self.rest.strip_prefix('{') {
                    Some(r) => r.split_once('}'),
                    None => self.rest.get(..2).map(|d| (d, &self.rest[2..])),
                };
                let parsed = digits.and_then(|(d, after)| {
                    let hex = !d.is_empty() && d.bytes().all(|b| b.is_ascii_hexdigit());
                    Some((char::from_u32(u32::from_str_radix(d, 16).ok().filter(|_| hex)?)?, after))
                });
                let (c, after) = parsed.ok_or("invalid escape sequence in \\x")?;
                self.rest = after;
                Ok(Item::Char(c))
            }
            '0'..='7' => {
                let more = self.rest.bytes().take(2).take_while(|b| (b'0'..=b'7').contains(b)).count();
                if c != '0' && more == 0 {
                    return Err(format!("invalid escape sequence in \\{c}"));
                }
                let value = self.rest[..more].bytes().fold(c as u32 - 48, |v, b| v * 8 + u32::from(b - b'0'));
                self.rest = &self.rest[more..];
                char::from_u32(value).map(Item::Char).ok_or_else(|| format!("invalid escape sequence in \\{c}"))
            }
            'p' | 'P' => {
                let (name, after) = match self.rest.strip_prefix('{') {
                    Some(r) => r.split_once('}').ok_or("invalid character class range in \\p")?,
                    None => {
                        let end = self.rest.chars().next().map_or(0, char::len_utf8);
                        self.rest.split_at(end)
                    }
                };
                let (name, negated) = name.strip_prefix('^').map_or((name, c == 'P'), |n| (n, c == 'p'));
                if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                    return Err(format!("invalid character class range in \\{c}{{{name}}}"));
                }
                self.rest = after;
                Ok(Item::Class(format!("\\{}{{{name}}}", if negated { 'P' } else { 'p' })))
            }
            c if c.is_ascii_punctuation() => Ok(Item::Char(c)),
            c => Err(format!("invalid escape sequence in \\{c}")),
        }
    }
    /// After `[`.
    fn class(&mut self) -> Result<(), String> {
        let missing = || "missing closing ] in character class".to_owned();
        self.out.push('[');
        if self.rest.starts_with('^') {
            self.next();
            self.out.push('^');
        }
        let mut first = true;
        loop {
            if self.rest.starts_with(']') && !first {
                self.next();
                self.out.push(']');
                return Ok(());
            }
            first = false;
            match self.class_item().ok_or_else(missing)?? {
                Item::Class(c) => self.out.push_str(&c),
                Item::Char(low) => {
                    let ranged = self.rest.strip_prefix('-').filter(|r| !r.starts_with(']'));
                    self.class_char(low);
                    if let Some(after) = ranged {
                        self.rest = after;
                        let Some(high) = self.class_item() else { return Err(missing()) };
                        match high? {
                            Item::Char(high) if high >= low => {
                                self.out.push('-');
                                self.class_char(high);
                            }
                            Item::Char(high) => {
                                return Err(format!("invalid character class range in {low}-{high}"));
                            }
                            Item::Class(_) => return Err(format!("invalid character class range in {low}-")),
                        }
                    }
                }
            }
        }
    }
    fn class_char(&mut self, c: char) {
        if c.is_alphanumeric() { self.out.push(c) } else { self.out.push_str(&format!("\\x{{{:X}}}", c as u32)) }
    }
    fn class_item(&mut self) -> Option<Result<Item, String>> {
        if let Some(inner) = self.rest.strip_prefix("[:")
            && let Some((name, after)) = inner.split_once(":]")
            && name.trim_start_matches('^').bytes().all(|b| b.is_ascii_lowercase())
        {
            self.rest = after;
            return Some(Ok(Item::Class(format!("[:{name}:]"))));
        }
        match self.next()? {
            '\\' => Some(self.escaped()),
            c => Some(Ok(Item::Char(c))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the pattern finds first, `-` if nothing, or an error.
    fn check(pattern: &str, text: &str, expect: &str) {
        let got = match compile(pattern) {
            Ok(re) => re.regex.find(text).map_or("-", |m| m.as_str()).to_owned(),
            Err(e) => format!("error: {}", e.trim_start_matches("invalid regexp pattern: ")),
        };
        assert_eq!(got, expect, "{pattern} on {text}");
    }

    #[test]
    fn dialect() {
        for (pattern, text, expect) in [
            ("a|ab", "ab", "a"),
            (r"^\w+$", "é", "-"),
            (r"\bfoo\b", "éfoo foo", "foo"),
            (r"\Qa.b\E+", "a.bb", "a.bb"),
            ("a{,2}", "a{,2}", "a{,2}"),
            ("{", "{", "{"),
            ("a{x}", "a{x}", "a{x}"),
            ("[a&&b]+", "a&b", "a&b"),
            ("[[a]", "[", "["),
            ("[]a]+", "]a", "]a"),
            ("[^]a]", "]b", "b"),
            (r"[\w-]+", "é a-b", "a-b"),
            (r"[\d\D]", "x", "x"),
            (r"\x41\x{42}\103", "ABC", "ABC"),
            (r"\p{Greek}+", "aαβ", "αβ"),
            (r"\p{^Greek}\PN", "αab1", "ab"),
            ("[[:alpha:]]+", "1ab", "ab"),
            (r"\_", "_", "_"),
            (r"(?i)K+?", "kk", "k"),
            (".+", "a\nb", "a"),
            ("(?s).+", "a\nb", "a\nb"),
            ("(?<n>a)(?P<n>b)", "ab", "ab"),
            ("x*", "aaa", ""),
            ("[a--b]", "-", "error: invalid character class range in a--"),
            ("[", "a", "error: missing closing ] in character class"),
            ("a**", "a", "error: invalid nested repetition operator in *"),
            ("*", "a", "error: missing argument to repetition operator: *"),
            ("a{2,1}", "a", "error: invalid repeat count in {2,1}"),
            (r"\d{1001}", "1", "error: invalid repeat count in {1001}"),
            ("(?=a)", "a", "error: invalid or unsupported Perl syntax in (?="),
            (r"\1", "a", "error: invalid escape sequence in \\1"),
            (r"\Z", "a", "error: invalid escape sequence in \\Z"),
            (r"\é", "é", "error: invalid escape sequence in \\é"),
            ("((a{1000}){1000}){1000}", "a", "error: expression too large"),
        ] {
            check(pattern, text, expect);
        }
    }

    #[test]
    fn replacements() {
        for (text, pattern, with, expect) in [
            ("1.2.3", r"\.(\d+)$", "-$1", "1.2-3"),
            ("ab", "a(b)", "$1c", ""),
            ("abc", "(?P<x>b)", "${x}y", "abyc"),
            ("abc", "b", "$", "a$c"),
            ("abc", "b", "$$x", "a$xc"),
            ("abc", "b", "[$0]", "a[b]c"),
            ("abc", "", "-", "-a-b-c-"),
            ("aaa", "a*?", "b", "bababab"),
            ("abc", "b", "${1", "a${1c"),
        ] {
            assert_eq!(compile(pattern).unwrap().replace(text, with).as_deref(), Some(expect), "{pattern} {with}");
        }
    }
}
