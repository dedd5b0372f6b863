//! Date and time of RFC 5322 section 3.3, obsolete forms included.

use core::fmt;

use mailbearer_wire::{Date, DateOutOfRange, DateTime};

use crate::ascii::is_space;

/// Reads the value of a `Date` header, or an IMAP `INTERNALDATE`.
///
/// Takes what is in the field: comments, no or a full weekday, white space anywhere, hyphens in the date,
/// years of two and three digits (section 4.3), the order of C's `asctime`, a fraction of a second,
/// `+02:00`. The weekday is not compared with the date. The zones of North America and `UT`, `UTC`,
/// `GMT`, `Z` are known; other names and no zone at all count as UTC, as section 4.3 asks. What follows
/// the zone is ignored.
///
/// # Errors
///
/// [`DateTimeError::Expected`] names what is missing where; [`DateTimeError::OutOfRange`] is a day that
/// the month does not have, or a time past 23:59:60.
pub fn date_time(value: &[u8]) -> Result<DateTime, DateTimeError> {
    Parser { input: value, rest: value }.date_time()
}

/// Why a date cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DateTimeError {
    /// The text has something else where `what` belongs.
    Expected {
        /** What the grammar wants. */
        what: &'static str,
        /** Offset in octets of what stands there instead. */
        offset: usize,
    },
    /// A number is too large for its place, or the year is not in 0 to 9999.
    OutOfRange,
}

impl fmt::Display for DateTimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expected { what, offset } => write!(f, "no {what} at octet {offset} of the date"),
            Self::OutOfRange => f.write_str("date out of range"),
        }
    }
}

impl core::error::Error for DateTimeError {}

impl From<DateOutOfRange> for DateTimeError {
    fn from(_: DateOutOfRange) -> Self {
        Self::OutOfRange
    }
}

/// A date is read token by token; white space and comments may stand between any two.
struct Parser<'a> {
    input: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Parser<'a> {
    fn date_time(mut self) -> Result<DateTime, DateTimeError> {
        let mut word = self.word();
        if word.is_some_and(is_weekday) {
            self.symbol(b'.');
            self.symbol(b',');
            word = self.word();
        }
        match word.map(Date::month_of) {
            None => {
                let day = self.number("day")?;
                self.symbol(b'-');
                let word = self.word();
                let month = word.and_then(Date::month_of).ok_or_else(|| self.expected("month"))?;
                self.symbol(b'.');
                self.symbol(b'-');
                let year = self.year()?;
                let time = self.time()?;
                let zone = self.zone()?;
                checked(year, month, day, time, zone)
            }
            // `Jul  1 10:52:37 [zone] 2003`, as C's asctime and Unix date print it.
            Some(Some(month)) => {
                let day = self.number("day")?;
                let time = self.time()?;
                let zone =
                    if self.peek().is_some_and(|byte| byte.is_ascii_digit()) { 0 } else { self.zone()? };
                let year = self.year()?;
                let zone = if zone == 0 { self.zone()? } else { zone };
                checked(year, month, day, time, zone)
            }
            Some(None) => Err(self.expected("weekday or day")),
        }
    }

    /// `year = 4*DIGIT`, and `obs-year` of section 4.3.
    fn year(&mut self) -> Result<i64, DateTimeError> {
        self.skip();
        let before = self.rest.len();
        let year = self.number("year")?;
        Ok(match before.saturating_sub(self.rest.len()) {
            1 | 2 if year < 50 => year.saturating_add(2000),
            1..=3 => year.saturating_add(1900),
            _ => year,
        })
    }

    /// `time-of-day = hour ":" minute [ ":" second ]`
    fn time(&mut self) -> Result<(i64, i64, i64), DateTimeError> {
        let hour = self.number("hour")?;
        if !self.symbol(b':') {
            return Err(self.expected("colon"));
        }
        let minute = self.number("minute")?;
        let second = if self.symbol(b':') { self.number("second")? } else { 0 };
        if self.symbol(b'.') {
            self.number("fraction")?;
        }
        // Before the zone is looked at, so that the first thing that is wrong is named.
        if hour > 23 || minute > 59 || second > 60 {
            return Err(DateTimeError::OutOfRange);
        }
        Ok((hour, minute, second))
    }

    /// `zone = ( "+" / "-" ) 4DIGIT`, and `obs-zone` of section 4.3, in minutes.
    fn zone(&mut self) -> Result<i16, DateTimeError> {
        let negative = match self.peek() {
            Some(b'+') => false,
            Some(b'-') => true,
            _ => {
                let hours = match self.word() {
                    Some(word) => {
                        NAMED_ZONES.iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()))
                    }
                    None => None,
                };
                return Ok(hours.map_or(0, |(_, hours)| hours.saturating_mul(60)));
            }
        };
        self.rest = self.rest.get(1..).unwrap_or_default();
        let mut zone = self.number("zone")?;
        if self.symbol(b':') {
            zone = zone.saturating_mul(100).saturating_add(self.number("minutes of the zone")?);
        }
        if zone > 9_959 || zone % 100 > 59 {
            return Err(DateTimeError::OutOfRange);
        }
        let minutes = (zone / 100).saturating_mul(60).saturating_add(zone % 100);
        let minutes = i16::try_from(minutes).map_err(|_| DateTimeError::OutOfRange)?;
        Ok(if negative { minutes.saturating_neg() } else { minutes })
    }

    fn number(&mut self, what: &'static str) -> Result<i64, DateTimeError> {
        self.skip();
        let digits = self.take(|byte| byte.is_ascii_digit()).ok_or_else(|| self.expected(what))?;
        Ok(digits.iter().fold(0, |value: i64, digit| {
            value.saturating_mul(10).saturating_add(i64::from(digit.wrapping_sub(b'0')))
        }))
    }

    fn word(&mut self) -> Option<&'a [u8]> {
        self.skip();
        self.take(|byte| byte.is_ascii_alphabetic())
    }

    fn symbol(&mut self, symbol: u8) -> bool {
        let there = self.peek() == Some(symbol);
        if there {
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
        there
    }

    fn peek(&mut self) -> Option<u8> {
        self.skip();
        self.rest.first().copied()
    }

    fn take(&mut self, class: impl Fn(&u8) -> bool) -> Option<&'a [u8]> {
        let len = self.rest.iter().position(|byte| !class(byte)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest;
        (len > 0).then_some(taken)
    }

    /// Skips white space and nested comments.
    fn skip(&mut self) {
        let (mut depth, mut escaped) = (0usize, false);
        let mut rest = self.rest;
        while let Some((&byte, after)) = rest.split_first() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if depth > 0 => escaped = true,
                b'(' => depth = depth.saturating_add(1),
                b')' if depth > 0 => depth = depth.saturating_sub(1),
                _ if depth > 0 || is_space(byte) => {}
                _ => break,
            }
            rest = after;
        }
        self.rest = rest;
    }

    fn expected(&self, what: &'static str) -> DateTimeError {
        DateTimeError::Expected { what, offset: self.input.len().saturating_sub(self.rest.len()) }
    }
}

/// Hours of the named zones of section 4.3. A military letter is not among them: RFC 822 had their signs
/// wrong, so they count as UTC.
const NAMED_ZONES: [(&str, i16); 8] =
    [("EST", -5), ("EDT", -4), ("CST", -6), ("CDT", -5), ("MST", -7), ("MDT", -6), ("PST", -8), ("PDT", -7)];

fn checked(
    year: i64,
    month: u8,
    day: i64,
    (hour, minute, second): (i64, i64, i64),
    zone: i16,
) -> Result<DateTime, DateTimeError> {
    let small = |number: i64| u8::try_from(number).map_err(|_| DateTimeError::OutOfRange);
    let year = u16::try_from(year).map_err(|_| DateTimeError::OutOfRange)?;
    let date = Date::new(year, month, small(day)?)?;
    Ok(DateTime::at(date, (small(hour)?, small(minute)?, small(second)?), zone)?)
}

/// Whether `word` begins with a weekday.
fn is_weekday(word: &[u8]) -> bool {
    word.get(..3).is_some_and(|start| WEEKDAYS.iter().any(|name| start.eq_ignore_ascii_case(name.as_bytes())))
}

const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

#[cfg(test)]
mod tests {
    use super::{date_time as parse, *};
    use alloc::string::ToString;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    #[test]
    fn parses_what_is_in_the_field() {
        let rows: &[(&str, (i64, i16))] = &[
            // RFC 5322 appendix A.1.1, A.1.2, A.1.3, A.5, A.6.2, A.6.3.
            ("Fri, 21 Nov 1997 09:55:06 -0600", (880_127_706, -360)),
            ("Tue, 1 Jul 2003 10:52:37 +0200", (1_057_049_557, 120)),
            ("Thu, 13 Feb 1969 23:32:54 -0330", (-27_723_426, -210)),
            (
                "Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n               -0330 (Newfoundland Time)",
                (-27_723_480, -210),
            ),
            ("21 Nov 97 09:55:06 GMT", (880_106_106, 0)),
            ("Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", (880_127_706, -360)),
            ("(a (nested \\) one)) Fri, 21 Nov 1997 09:55:06 -0600", (880_127_706, -360)),
            ("Tuesday, 01 July 2003 10:52:37 +02:00", (1_057_049_557, 120)),
            ("Tue 1 Jul 2003 10:52:37 +0200 CEST", (1_057_049_557, 120)),
            ("01-Jul-2003 10:52:37 +0200", (1_057_049_557, 120)),
            (" 1-Jul-2003 10:52:37 +0200", (1_057_049_557, 120)),
            ("Tue Jul  1 08:52:37 2003", (1_057_049_557, 0)),
            ("Tue Jul  1 08:52:37 UTC 2003", (1_057_049_557, 0)),
            ("Tue Jul  1 03:52:37 EST 2003", (1_057_049_557, -300)),
            ("Tue Jul  1 10:52:37 2003 +0200", (1_057_049_557, 120)),
            ("1 JUL 2003 08:52:37.123 Z", (1_057_049_557, 0)),
            ("1 jul 103 08:52:37 ut", (1_057_049_557, 0)),
            ("1 Jul 03 08:52:37", (1_057_049_557, 0)),
            ("1 Jul 2003 08:52:37 A", (1_057_049_557, 0)),
            ("1 Jul 2003 08:52:37 XYZZY", (1_057_049_557, 0)),
            ("1 Jul 2003 01:52:37 PDT", (1_057_049_557, -420)),
            ("1 Jan 49 00:00 Z", (2_493_072_000, 0)),
            ("1 Jan 50 00:00 Z", (-631_152_000, 0)),
            ("31 Dec 2016 23:59:60 Z", (1_483_228_800, 0)),
            ("29 Feb 2000 00:00 Z", (951_782_400, 0)),
            ("Mon, 01 Jan 1601 00:00:00 +0000", (-11_644_473_600, 0)),
            ("31 Dec 9999 23:59:59 -9959", (253_402_660_739, -5_999)),
            ("1 Jan 0000 00:00:00 +0000", (-62_167_219_200, 0)),
        ];
        for (input, want) in rows {
            let got = parse(input.as_bytes()).map(|d| (d.unix_seconds(), d.offset_minutes()));
            assert_eq!(got, Ok(*want), "{input}");
        }
    }

    #[test]
    fn refuses_the_rest() {
        let expected = |what, offset| DateTimeError::Expected { what, offset };
        let rows: &[(&str, DateTimeError)] = &[
            ("", expected("day", 0)),
            ("yesterday", expected("weekday or day", 9)),
            ("Fri,", expected("day", 4)),
            ("1 Foo 2003 1:2", expected("month", 5)),
            ("1 Jul", expected("year", 5)),
            ("1 Jul 2003", expected("hour", 10)),
            ("1 Jul 2003 12", expected("colon", 13)),
            ("1 Jul 2003 12:", expected("minute", 14)),
            ("1 Jul 2003 12:30 +", expected("zone", 18)),
            ("1 Jul 2003 24:00", DateTimeError::OutOfRange),
            ("1 Jul 2003 23:60", DateTimeError::OutOfRange),
            ("1 Jul 2003 23:59:61", DateTimeError::OutOfRange),
            ("0 Jul 2003 00:00", DateTimeError::OutOfRange),
            ("31 Jun 2003 00:00", DateTimeError::OutOfRange),
            ("29 Feb 1900 00:00", DateTimeError::OutOfRange),
            ("1 Jul 10000 00:00", DateTimeError::OutOfRange),
            ("1 Jul 99999999999999999999999 00:00", DateTimeError::OutOfRange),
            ("1 Jul 2003 00:00 +0060", DateTimeError::OutOfRange),
            ("1 Jul 2003 00:00 +10000", DateTimeError::OutOfRange),
            ("00-Jan-0000 00:00:00 +0000", DateTimeError::OutOfRange),
        ];
        for (input, want) in rows {
            assert_eq!(parse(input.as_bytes()), Err(*want), "{input}");
        }
    }

    proptest! {
        #[test]
        fn reads_what_is_printed(seconds in -62_167_219_200..=253_402_300_799_i64, minutes in -5_999..=5_999_i16) {
            if let Ok(date) = DateTime::new(seconds, minutes) {
                prop_assert_eq!(parse(date.to_string().as_bytes()), Ok(date));
            }
        }

        #[test]
        fn total(bytes in any::<Vec<u8>>()) {
            let _ = parse(&bytes);
        }

        #[test]
        fn total_on_date_like_text(text in "[0-9 A-Za-z:+,.()-]{0,40}", tail in "[ 0-9:+-]{0,40}") {
            let _ = parse(text.as_bytes());
            let _ = parse(alloc::format!("1 Jul {tail}").as_bytes());
        }
    }
}
