//! Timestamps in RFC 3339, strictly: `2018-01-02T23:12:01Z`.

use jiff::civil::DateTime;
use jiff::{SignedDuration, Timestamp};

use super::args::text;
use super::protocol::{FnError, Function, Kind as P, Param, Returns};
use crate::value::Value;

/// The family.
pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("timestamp", &[], Returns::Is(P::Str), |_, ty, cx| {
        Ok(if cx.planning { Value::unknown(ty) } else { Value::string(utc(cx.now)) })
    }),
    Function::new("plantimestamp", &[], Returns::Is(P::Str), |_, ty, cx| {
        Ok(cx.plan_time.map_or_else(|| Value::unknown(ty), |t| Value::string(utc(t))))
    }),
    Function::new("timeadd", &[Param::str("timestamp"), Param::str("duration")], Returns::Is(P::Str), |a, _, _| {
        let t = Time::parse(text(a, 0)).map_err(FnError::new)?;
        let d = duration(text(a, 1)).map_err(FnError::new)?;
        let civil = t.civil.checked_add(d).map_err(|_| FnError::new("the result is out of range"))?;
        Ok(Value::string(Time { civil, ..t }.rfc3339()))
    })
    .nullable(),
    Function::new(
        "timecmp",
        &[Param::str("timestamp_a"), Param::str("timestamp_b")],
        Returns::Is(P::Num),
        |a, _, _| {
            let at = |i: usize| Time::parse(text(a, i)).map_err(|e| FnError::arg(i, e));
            let (x, y) = (at(0)?.utc(), at(1)?.utc());
            Ok(Value::number(x.cmp(&y) as i64))
        },
    ),
    Function::new("formatdate", &[Param::str("format"), Param::str("time")], Returns::Is(P::Str), |a, _, _| {
        let t = Time::parse(text(a, 1)).map_err(|e| FnError::arg(1, e))?;
        format(text(a, 0), &t).map(Value::string).map_err(|e| FnError::arg(0, e))
    }),
];

fn utc(t: Timestamp) -> String {
    Time { civil: jiff::tz::Offset::UTC.to_datetime(t), offset: 0 }.rfc3339()
}

/// A point in time as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Time {
    civil: DateTime,
    /// Minutes east of UTC.
    offset: i32,
}

impl Time {
    pub(super) fn new(civil: DateTime, offset: i32) -> Time {
        Time { civil, offset }
    }
    fn parse(text: &str) -> Result<Time, String> {
        let fail = |what: String| Err(format!("not a valid RFC3339 timestamp: {what}"));
        let mut at = Cursor { rest: text };
        let parse = |at: &mut Cursor<'_>| -> Result<Time, String> {
            let year = at.digits(4, "year")?;
            at.expect("-")?;
            let month = at.digits(2, "month")?;
            at.expect("-")?;
            let day = at.digits(2, "day of month")?;
            if !at.rest.starts_with('T') {
                return Err("missing required time introducer 'T'".to_owned());
            }
            at.expect("T")?;
            let hour = at.digits(2, "hour")?;
            at.expect(":")?;
            let minute = at.digits(2, "minute")?;
            at.expect(":")?;
            let second = at.digits(2, "second")?;
            let mut nanos = 0;
            if let Some(fraction) = at.rest.strip_prefix('.') {
                let n = fraction.bytes().take_while(u8::is_ascii_digit).count();
                if n == 0 {
                    return Err(format!("cannot use {:?} as fraction of a second", at.rest));
                }
                let digits: String = fraction[..n.min(9)].chars().chain("000000000".chars()).take(9).collect();
                nanos = digits.parse().unwrap_or(0);
                at.rest = &fraction[n..];
            }
            if hour > 23 {
                return Err("hour must be between 0 and 23 inclusive".to_owned());
            }
            if minute > 59 || second > 59 {
                return Err("minute and second must be between 0 and 59 inclusive".to_owned());
            }
            let offset = at.offset()?;
            let small = |n: u16| i8::try_from(n).unwrap_or(-1);
            let year = i16::try_from(year).unwrap_or(-1);
            if !(1..=12).contains(&month) {
                return Err(format!("month {month} is out of range"));
            }
            DateTime::new(year, small(month), small(day), small(hour), small(minute), small(second), nanos)
                .map(|civil| Time { civil, offset })
                .map_err(|_| "day out of range".to_owned())
        };
        parse(&mut at).or_else(fail)
    }
    fn utc(self) -> DateTime {
        self.civil.saturating_sub(SignedDuration::from_mins(i64::from(self.offset)))
    }
    /// `+05:30`, or `Z` for UTC.
    fn zone(self, separator: &str, zulu: &str) -> String {
        if self.offset == 0 && !zulu.is_empty() {
            return zulu.to_owned();
        }
        let sign = if self.offset < 0 { '-' } else { '+' };
        let m = self.offset.unsigned_abs();
        format!("{sign}{:02}{separator}{:02}", m / 60, m % 60)
    }
    /// RFC 3339 to the second.
    pub(super) fn rfc3339(self) -> String {
        let c = self.civil;
        let (y, mo, d, h, m, s) = (c.year(), c.month(), c.day(), c.hour(), c.minute(), c.second());
        format!("{y:04}-{mo:02}-{d:02}T{h:02}:{m:02}:{s:02}{}", self.zone(":", "Z"))
    }
}

struct Cursor<'t> {
    rest: &'t str,
}

impl Cursor<'_> {
    fn digits(&mut self, n: usize, what: &str) -> Result<u16, String> {
        if self.rest.is_empty() {
            return Err(format!("end of string before {what}"));
        }
        let digits = self.rest.get(..n).filter(|d| d.bytes().all(|b| b.is_ascii_digit()));
        let value =
            digits.and_then(|d| d.parse().ok()).ok_or_else(|| format!("cannot use {:?} as {what}", self.rest))?;
        self.rest = &self.rest[n..];
        Ok(value)
    }
    fn expect(&mut self, what: &str) -> Result<(), String> {
        match self.rest.strip_prefix(what) {
            Some(rest) => {
                self.rest = rest;
                Ok(())
            }
            None if self.rest.is_empty() => Err(format!("end of string where {what:?} is expected")),
            None => Err(format!("found {:?} where {what:?} is expected", self.rest)),
        }
    }
    fn offset(&mut self) -> Result<i32, String> {
        if self.rest == "Z" {
            return Ok(0);
        }
        let bad = format!("cannot use {:?} as UTC offset", self.rest);
        let sign = match self.rest.bytes().next() {
            Some(b'+') => 1,
            Some(b'-') => -1,
            None => return Err("end of string before UTC offset".to_owned()),
            _ => return Err(bad),
        };
        let (h, m) = self.rest[1..].split_once(':').ok_or_else(|| bad.clone())?;
        let two = |s: &str, most: i32| -> Option<i32> {
            let fits = s.len() == 2 && s.bytes().all(|b| b.is_ascii_digit());
            s.parse().ok().filter(|n| fits && *n <= most)
        };
        let (h, m) = two(h, 23).zip(two(m, 59)).ok_or(bad)?;
        Ok(sign * (h * 60 + m))
    }
}

/// A duration as `1h30m`, `-1.5h`, `500ms`: a sign, then numbers with units.
fn duration(text: &str) -> Result<SignedDuration, String> {
    let bad = || format!("invalid duration {text:?}");
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(SignedDuration::ZERO);
    }
    if rest.is_empty() {
        return Err(bad());
    }
    let mut nanos: i128 = 0;
    while !rest.is_empty() {
        let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (whole, fraction) = rest[..number].split_once('.').unwrap_or((&rest[..number], ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return Err(bad());
        }
        rest = &rest[number..];
        let end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let scale: i128 = match &rest[..end] {
            "" => return Err(format!("missing unit in duration {text:?}")),
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            unit => return Err(format!("unknown unit {unit:?} in duration {text:?}")),
        };
        rest = &rest[end..];
        let part: i128 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| bad())? };
        let fraction = &fraction[..fraction.len().min(18)];
        let tenths = 10i128.pow(u32::try_from(fraction.len()).unwrap_or(0));
        let extra: i128 =
            if fraction.is_empty() { 0 } else { fraction.parse::<i128>().map_err(|_| bad())? * scale / tenths };
        nanos = part
            .checked_mul(scale)
            .and_then(|n| n.checked_add(extra))
            .and_then(|n| n.checked_add(nanos))
            .ok_or_else(bad)?;
    }
    // Go's durations are 64-bit nanoseconds: about 292 years.
    i64::try_from(if negative { -nanos } else { nanos }).map(SignedDuration::from_nanos).map_err(|_| bad())
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// Runs of one letter are verbs, quotes hold literal text, everything else stands for itself.
fn format(format: &str, t: &Time) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = format;
    while let Some(c) = rest.chars().next() {
        if c == '\'' {
            let (text, after) = quoted(&rest[1..])?;
            out.push_str(&text);
            rest = after;
            continue;
        }
        if !c.is_ascii_alphabetic() {
            out.push(c);
            rest = &rest[c.len_utf8()..];
            continue;
        }
        let run = rest.find(|x| x != c).unwrap_or(rest.len());
        let verb = &rest[..run];
        out.push_str(&expand(verb, t).map_err(|why| {
            if why.is_empty() {
                format!("invalid date format verb {verb:?}")
            } else {
                format!("invalid date format verb {verb:?}: {why}")
            }
        })?);
        rest = &rest[run..];
    }
    Ok(out)
}

/// Text up to the closing quote; two quotes in a row are one. `''` outside is a quote, too.
fn quoted(text: &str) -> Result<(String, &str), String> {
    if let Some(after) = text.strip_prefix('\'') {
        return Ok(("'".to_owned(), after));
    }
    let mut out = String::new();
    let mut rest = text;
    loop {
        let Some(i) = rest.find('\'') else { return Err("unterminated literal '".to_owned()) };
        out.push_str(&rest[..i]);
        rest = &rest[i + 1..];
        match rest.strip_prefix('\'') {
            Some(after) => {
                out.push('\'');
                rest = after;
            }
            None => return Ok((out, rest)),
        }
    }
}

fn expand(verb: &str, t: &Time) -> Result<String, &'static str> {
    let c = t.civil;
    let hour12 = if c.hour() % 12 == 0 { 12 } else { c.hour() % 12 };
    let month = MONTHS[usize::try_from(c.month() - 1).unwrap_or(0)];
    let day = DAYS[usize::try_from(c.weekday().to_monday_zero_offset()).unwrap_or(0)];
    Ok(match verb {
        "YY" => format!("{:02}", c.year() % 100),
        "YYYY" => format!("{:04}", c.year()),
        "M" => c.month().to_string(),
        "MM" => format!("{:02}", c.month()),
        "MMM" => month[..3].to_owned(),
        "MMMM" => month.to_owned(),
        "D" => c.day().to_string(),
        "DD" => format!("{:02}", c.day()),
        "EEE" => day[..3].to_owned(),
        "EEEE" => day.to_owned(),
        "h" => c.hour().to_string(),
        "hh" => format!("{:02}", c.hour()),
        "H" => hour12.to_string(),
        "HH" => format!("{hour12:02}"),
        "AA" => if c.hour() < 12 { "AM" } else { "PM" }.to_owned(),
        "aa" => if c.hour() < 12 { "am" } else { "pm" }.to_owned(),
        "m" => c.minute().to_string(),
        "mm" => format!("{:02}", c.minute()),
        "s" => c.second().to_string(),
        "ss" => format!("{:02}", c.second()),
        "Z" => t.zone(":", "Z"),
        "ZZZ" => t.zone("", "UTC"),
        "ZZZZ" => t.zone("", ""),
        "ZZZZZ" => t.zone(":", ""),
        other => {
            return Err(match other.as_bytes()[0] {
                b'Y' => "year must either be \"YY\" or \"YYYY\"",
                b'M' => "month must be \"M\", \"MM\", \"MMM\", or \"MMMM\"",
                b'D' => "day of month must either be \"D\" or \"DD\"",
                b'E' => "day of week must either be \"EEE\" or \"EEEE\"",
                b'h' => "24-hour must either be \"h\" or \"hh\"",
                b'H' => "12-hour must either be \"H\" or \"HH\"",
                b'A' => "must be \"AA\"",
                b'a' => "must be \"aa\"",
                b'm' => "minute must either be \"m\" or \"mm\"",
                b's' => "second must either be \"s\" or \"ss\"",
                b'Z' => "timezone must be Z, ZZZZ, or ZZZZZ",
                _ => "",
            });
        }
    })
}
