//! Date and time of RFC 5322 section 3.3, obsolete forms included.

use core::fmt;

use mailbearer_wire::{Date, DateOutOfRange, DateTime};

use crate::ascii::is_space;

/// Reads the value of a `Date` header, or an IMAP `INTERNALDATE`.
///
/// Takes what is in the field: comments, no or a full weekday or one in another language, white space anywhere, hyphens in the date,
/// years of two and three digits (section 4.3), the order of C's `asctime` and of ISO 8601, the year after the day,
/// a fraction of a second, twelve hours with `AM` or `PM`, `+02:00`, `GMT+2`. The weekday is not compared with the
/// date. The zones of North America and `UT`, `UTC`, `GMT`, `Z` are known; other names and no zone at all count as
/// UTC, as section 4.3 asks: [`date_time_and_zone`] tells that they did. What follows the zone is ignored.
///
/// # Errors
///
/// [`DateTimeError::Expected`] names what is missing where; [`DateTimeError::OutOfRange`] is a day that
/// the month does not have, or a time past 23:59:60.
pub fn date_time(value: &[u8]) -> Result<DateTime, DateTimeError> {
    date_time_and_zone(value).map(|(date, _)| date)
}

/// [`date_time`], and whether its zone is known: the moment is off by some hours where it is not.
///
/// # Errors
///
/// As [`date_time`].
pub fn date_time_and_zone(value: &[u8]) -> Result<(DateTime, Zone), DateTimeError> {
    Parser { input: value, rest: value }.date_time()
}

/// What a date says of its zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "it is known or it is not")]
pub enum Zone {
    /// An offset, or a name that RFC 5322 defines.
    Known,
    /// None, or a name that means something else from place to place. It was taken for UTC, or for the zone whose name
    /// it begins with.
    Unknown,
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
    fn date_time(mut self) -> Result<(DateTime, Zone), DateTimeError> {
        self.foreign_weekday();
        let mut word = self.word();
        if word.is_some_and(is_weekday) {
            self.symbol(b'.');
            self.symbol(b',');
            word = self.word();
        }
        match word.map(Date::month_of) {
            None => {
                self.skip();
                let before = self.rest.len();
                let day = self.number("day")?;
                if before.saturating_sub(self.rest.len()) == 4 && self.symbol(b'-') {
                    return self.iso_8601(day);
                }
                self.symbol(b'-');
                let word = self.word();
                let month = word.and_then(Date::month_of).ok_or_else(|| self.expected("month"))?;
                self.symbol(b'.');
                self.symbol(b'-');
                let year = self.year()?;
                self.symbol(b',');
                let time = self.time()?;
                let zone = self.zone()?;
                checked(year, month, day, time, zone)
            }
            Some(Some(month)) => {
                let day = self.number("day")?;
                self.symbol(b',');
                // `Apr 09 2005 06:39:52 -0700`: the year is no hour.
                let before = self.rest;
                let year = self.year()?;
                if !matches!(self.peek(), Some(b':' | b'.')) {
                    let time = self.time()?;
                    let zone = self.zone()?;
                    return checked(year, month, day, time, zone);
                }
                self.rest = before;
                // `Jul  1 10:52:37 [zone] 2003`, as C's asctime and Unix date print it.
                let time = self.time()?;
                let no_zone = self.peek().is_some_and(|byte| byte.is_ascii_digit());
                let zone = if no_zone { None } else { Some(self.zone()?) };
                let year = self.year()?;
                let zone = match zone {
                    Some(zone) => zone,
                    None => self.zone()?,
                };
                checked(year, month, day, time, zone)
            }
            Some(None) => Err(self.expected("weekday or day")),
        }
    }

    /// Skips what stands before a comma and has no digit: a weekday, in whatever language.
    fn foreign_weekday(&mut self) {
        self.skip();
        let end = self.rest.iter().position(|&byte| is_space(byte) || byte == b',' || byte.is_ascii_digit());
        if let Some((_, [b',', after @ ..])) = end.and_then(|end| self.rest.split_at_checked(end)) {
            self.rest = after;
        }
    }

    /// `2003-07-01T10:52:37+02:00`, from the month on.
    fn iso_8601(mut self, year: i64) -> Result<(DateTime, Zone), DateTimeError> {
        let month = self.number("month")?;
        if !self.symbol(b'-') {
            return Err(self.expected("hyphen"));
        }
        let day = self.number("day")?;
        // The T.
        self.word();
        let time = self.time()?;
        let zone = self.zone()?;
        checked(year, u8::try_from(month).map_err(|_| DateTimeError::OutOfRange)?, day, time, zone)
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
        // Some mailers write `08.00.00`.
        let separator = if self.peek() == Some(b'.') { b'.' } else { b':' };
        if !self.symbol(separator) {
            return Err(self.expected("colon"));
        }
        let minute = self.number("minute")?;
        let second = if self.symbol(separator) { self.number("second")? } else { 0 };
        // ISO 8601 has a comma as well.
        if matches!(self.rest, [b',', b'0'..=b'9', ..]) {
            self.symbol(b',');
            self.number("fraction")?;
        } else if self.symbol(b'.') {
            self.number("fraction")?;
        }
        // Before the zone is looked at, so that the first thing that is wrong is named.
        if hour > 23 || minute > 59 || second > 60 {
            return Err(DateTimeError::OutOfRange);
        }
        Ok((self.of_half_day(hour), minute, second))
    }

    /// The hour of 24, where `AM` or `PM` follows.
    fn of_half_day(&mut self, hour: i64) -> i64 {
        let before = self.rest;
        let is = |word: Option<&[u8]>, name: &[u8]| word.is_some_and(|word| word.eq_ignore_ascii_case(name));
        if matches!(self.peek(), Some(b'A' | b'a' | b'P' | b'p')) {
            let word = self.word();
            match hour {
                12 if is(word, b"am") => return 0,
                1..=11 if is(word, b"pm") => return hour.saturating_add(12),
                _ if is(word, b"am") || is(word, b"pm") => return hour,
                _ => self.rest = before,
            }
        }
        hour
    }

    /// `zone = ( "+" / "-" ) 4DIGIT`, and `obs-zone` of section 4.3, in minutes.
    fn zone(&mut self) -> Result<(i16, Zone), DateTimeError> {
        if matches!(self.peek(), Some(b'+' | b'-')) {
            return Ok((self.offset()?, Zone::Known));
        }
        let Some(word) = self.word() else { return Ok((0, Zone::Unknown)) };
        let next = self.rest.first().copied();
        if ["UT", "UTC", "GMT", "Z"].iter().any(|name| word.eq_ignore_ascii_case(name.as_bytes())) {
            let minutes = if matches!(self.peek(), Some(b'+' | b'-')) { self.offset()? } else { 0 };
            return Ok((minutes, Zone::Known));
        }
        let named = NAMED_ZONES.iter().find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()));
        Ok(match named {
            // `EST5EDT` is summer time or it is not.
            Some((_, hours)) if next.is_some_and(|byte| byte.is_ascii_digit()) => {
                (hours.saturating_mul(60), Zone::Unknown)
            }
            Some((_, hours)) => (hours.saturating_mul(60), Zone::Known),
            None => (0, Zone::Unknown),
        })
    }

    /// A sign, hours and minutes; or hours alone, and a colon or none before the minutes.
    fn offset(&mut self) -> Result<i16, DateTimeError> {
        let negative = self.peek() == Some(b'-');
        // Some write it twice.
        while self.symbol(b'-') || self.symbol(b'+') {}
        let before = self.rest.len();
        let mut zone = self.number("zone")?;
        if self.symbol(b':') {
            zone = zone.saturating_mul(100).saturating_add(self.number("minutes of the zone")?);
        } else if before.saturating_sub(self.rest.len()) <= 2 {
            zone = zone.saturating_mul(100);
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
    (offset, zone): (i16, Zone),
) -> Result<(DateTime, Zone), DateTimeError> {
    let small = |number: i64| u8::try_from(number).map_err(|_| DateTimeError::OutOfRange);
    let year = u16::try_from(year).map_err(|_| DateTimeError::OutOfRange)?;
    let date = Date::new(year, month, small(day)?)?;
    Ok((DateTime::at(date, (small(hour)?, small(minute)?, small(second)?), offset)?, zone))
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
            ("Tue, 1 Jul 2003 10.52.37 +0200", (1_057_049_557, 120)),
            ("1 Jul 2003 8.52.37 GMT", (1_057_049_557, 0)),
            ("Tue Jul  1 08.52.37 2003", (1_057_049_557, 0)),
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
    fn tells_zones_that_it_does_not_know() {
        let (winter, known, unknown) = (1_057_049_557, Zone::Known, Zone::Unknown);
        let rows: &[(&str, (i64, i16, Zone))] = &[
            ("1 Jul 2003 08:52:37 +0000", (winter, 0, known)),
            ("1 Jul 2003 08:52:37 -0000", (winter, 0, known)),
            ("1 Jul 2003 08:52:37 GMT", (winter, 0, known)),
            ("1 Jul 2003 08:52:37 Z", (winter, 0, known)),
            ("1 Jul 2003 03:52:37 est", (winter, -300, known)),
            ("1 Jul 2003 08:52:37", (winter, 0, unknown)),
            ("1 Jul 2003 08:52:37 A", (winter, 0, unknown)),
            ("1 Jul 2003 08:52:37 MEZ", (winter, 0, unknown)),
            ("1 Jul 2003 08:52:37 Pacific Daylight Time", (winter, 0, unknown)),
            ("1 Jul 2003 03:52:37 EST5EDT", (winter, -300, unknown)),
            ("1 Jul 2003 10:52:37 GMT+0200", (winter, 120, known)),
            ("1 Jul 2003 10:52:37 UTC+2", (winter, 120, known)),
            ("1 Jul 2003 10:52:37 GMT +0200", (winter, 120, known)),
            ("1 Jul 2003 08:52:37 GMT (+0200)", (winter, 0, known)),
            ("Di, 1 Jul 2003 10:52:37 +0200", (winter, 120, known)),
            ("m\u{e9}r., 1 Jul 2003 10:52:37 +0200", (winter, 120, known)),
            ("\u{706b},1 Jul 2003 10:52:37 +0200", (winter, 120, known)),
            ("2003-07-01 10:52:37,123 +0200", (winter, 120, known)),
            ("1 Jul 2003 10:52:37 +0200 (GMT+02:00)", (winter, 120, known)),
            ("1 Jul 2003 04:52:37 --0400", (winter, -240, known)),
            ("1 Jul 2003 21:52:37 +1300", (winter, 780, known)),
            ("Tue,1 Jul 2003 8:52:37 +00", (winter, 0, known)),
            ("Tue, Jul 01 2003 10:52:37 +0200", (winter, 120, known)),
            ("July 1, 2003 8:52:37 AM GMT", (winter, 0, known)),
            ("1 Jul 2003 12:02:03 AM -0000", (1_057_017_723, 0, known)),
            ("1 Jul 2003 12:02:03 pm -0000", (1_057_060_923, 0, known)),
            ("1 Jul 2003 1:02:03 pm", (1_057_064_523, 0, unknown)),
            ("1 Jul 2003 08:52:37 AST", (winter, 0, unknown)),
            ("2003-07-01T10:52:37+02:00", (winter, 120, known)),
            ("2003-07-01 08:52:37", (winter, 0, unknown)),
            ("Tue Jul  1 08:52:37 2003", (winter, 0, unknown)),
            ("Tue Jul  1 03:52:37 EST 2003", (winter, -300, known)),
            ("Tue Jul  1 08:52:37 MEZ 2003", (winter, 0, unknown)),
        ];
        for (input, want) in rows {
            let got = date_time_and_zone(input.as_bytes());
            let got = got.map(|(date, zone)| (date.unix_seconds(), date.offset_minutes(), zone));
            assert_eq!(got, Ok(*want), "{input}");
        }
        // What can't be read is no date, and not today.
        for input in [
            "jue ago 30 13:55:12 2007",
            "Wed, 17 Jul 2002",
            "13:2:1",
            "2003-07",
            "soon",
            "1 Jul 2003 13:00 +99:60",
        ] {
            assert!(parse(input.as_bytes()).is_err(), "{input}");
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
