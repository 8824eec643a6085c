//! Moments as RFC 3339 writes them, in the offset they were written in, and the arithmetic of calendars.

use std::collections::BTreeMap;
use std::fmt;

use jiff::civil::{Date, DateTime};
use jiff::fmt::temporal::Pieces;
use jiff::tz::Offset;
use jiff::{Span, Timestamp};
use stackctl_core::{Attr, Error, Host, Known, Path, Result, Ty};

/// A moment and the offset from UTC that shows it.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    at: DateTime,
    offset: Offset,
}

impl Moment {
    /// Now, in whole seconds.
    pub(crate) fn now(host: &Host) -> Moment {
        let t = Timestamp::from_second(host.clock.now().as_second()).unwrap_or(Timestamp::UNIX_EPOCH);
        Moment { at: Offset::UTC.to_datetime(t), offset: Offset::UTC }
    }

    /// Reads the moment that an attribute holds.
    ///
    /// # Errors
    /// If it is none.
    pub(crate) fn parse(attr: &str, text: &str) -> Result<Moment> {
        let wrong = || {
            Error::at(Path::attr(attr), format!("{text:?} is not a moment."))
                .hinted("Write it as in RFC 3339: 2026-01-31T12:00:00Z.")
        };
        // RFC 3339 wants date, time and offset; what is read here is more lenient.
        text.parse::<Timestamp>().map_err(|_| wrong())?;
        let pieces = Pieces::parse(text).map_err(|_| wrong())?;
        let time = pieces.time().ok_or_else(wrong)?;
        let offset = pieces.to_numeric_offset().unwrap_or(Offset::UTC);
        Ok(Moment { at: pieces.date().to_datetime(time), offset })
    }

    /// Seconds since 1970.
    pub(crate) fn unix(self) -> i64 {
        self.offset.to_timestamp(self.at).map_or(0, Timestamp::as_second)
    }

    /// So many years, months and days later. What overflows a month runs into the next one: a month after 31 January is
    /// 3 March (2 March in leap years).
    pub(crate) fn plus_date(self, years: i64, months: i64, days: i64) -> Option<Moment> {
        let months = (i64::from(self.at.year()) * 12 + i64::from(self.at.month()) - 1)
            .checked_add(years.checked_mul(12)?)?
            .checked_add(months)?;
        let (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
        let first = Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, 1).ok()?;
        let days = days.checked_add(i64::from(self.at.day()) - 1)?;
        let date = first.checked_add(Span::new().try_days(days).ok()?).ok()?;
        Some(Moment { at: date.to_datetime(self.at.time()), ..self })
    }

    /// So many seconds later.
    pub(crate) fn plus_seconds(self, seconds: i64) -> Option<Moment> {
        Some(Moment { at: self.at.checked_add(Span::new().try_seconds(seconds).ok()?).ok()?, ..self })
    }

    /// Sets `year` … `second` and `unix`.
    pub(crate) fn spell(self, v: &mut Known) {
        let t = self.at;
        for (name, n) in [
            ("day", i64::from(t.day())),
            ("hour", i64::from(t.hour())),
            ("minute", i64::from(t.minute())),
            ("month", i64::from(t.month())),
            ("second", i64::from(t.second())),
            ("unix", self.unix()),
            ("year", i64::from(t.year())),
        ] {
            v.set(name, n.into());
        }
    }
}

/// `2026-01-31T12:00:00Z`, `2026-01-31T14:00:00+02:00`
impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.at.strftime("%Y-%m-%dT%H:%M:%S"))?;
        match self.offset.seconds() {
            0 => f.write_str("Z"),
            s => write!(f, "{}{:02}:{:02}", if s < 0 { '-' } else { '+' }, s.abs() / 3600, s.abs() / 60 % 60),
        }
    }
}

/// The computed attributes that [`Moment::spell`] sets.
pub(crate) fn parts() -> BTreeMap<&'static str, Attr> {
    let part = |doc| Attr { not_null: true, ..Attr::computed(Ty::Number) }.doc(doc);
    BTreeMap::from([
        ("day", part("Day of the month.")),
        ("hour", part("Hour.")),
        ("minute", part("Minute.")),
        ("month", part("Month.")),
        ("second", part("Second.")),
        ("unix", part("Seconds since 1970.")),
        ("year", part("Year.")),
    ])
}

/// Their names.
pub(crate) const PARTS: [&str; 7] = ["day", "hour", "minute", "month", "second", "unix", "year"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_writes_and_adds() {
        type Case<'a> = (&'a str, (i64, i64, i64), i64, &'a str);
        let cases: &[Case<'_>] = &[
            ("2026-01-31T12:00:00Z", (0, 0, 0), 0, "2026-01-31T12:00:00Z"),
            ("2026-01-31T12:00:00Z", (0, 1, 0), 0, "2026-03-03T12:00:00Z"),
            ("2024-01-31T12:00:00Z", (0, 1, 0), 0, "2024-03-02T12:00:00Z"),
            ("2026-01-31T12:00:00Z", (0, -2, 0), 0, "2025-12-01T12:00:00Z"),
            ("2024-02-29T00:00:00Z", (1, 0, 0), 0, "2025-03-01T00:00:00Z"),
            ("2026-12-31T23:59:59Z", (0, 0, 1), 1, "2027-01-02T00:00:00Z"),
            ("2026-01-01T00:00:00+02:00", (0, 0, -1), 90, "2025-12-31T00:01:30+02:00"),
            ("2026-01-01T00:00:00-03:30", (0, 13, 0), 0, "2027-02-01T00:00:00-03:30"),
        ];
        for (from, (y, m, d), s, want) in cases {
            let t = Moment::parse("t", from).unwrap().plus_date(*y, *m, *d).unwrap().plus_seconds(*s).unwrap();
            assert_eq!(t.to_string(), *want);
        }
        assert_eq!(Moment::parse("t", "1970-01-01T02:00:00+02:00").unwrap().unix(), 0);
        assert!(Moment::parse("t", "1970-01-01").is_err());
        assert!(Moment::parse("t", "yesterday").is_err());
        assert!(Moment::parse("t", "1970-01-01T00:00:00Z").unwrap().plus_date(i64::MAX, 1, 1).is_none());
    }
}
