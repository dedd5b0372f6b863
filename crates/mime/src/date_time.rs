//! Date and time of RFC 5322 section 3.3, obsolete forms included.

use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use crate::ascii::is_space;

/// 0000-01-01 00:00:00 and 9999-12-31 23:59:59, local.
const RANGE: core::ops::RangeInclusive<i64> = -62_167_219_200..=253_402_300_799;
/// `9959` of the zone, in minutes.
const MAX_OFFSET: i16 = 99 * 60 + 59;
const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A moment and the zone it is written in.
///
/// Covers the years 0 to 9999 in local time. `Display` prints the form of RFC 5322 section 3.3, as in
/// `Tue, 1 Jul 2003 10:52:37 +0200`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DateTime {
    unix_seconds: i64,
    offset_minutes: i16,
}

impl DateTime {
    /// `unix_seconds` since 1970-01-01 00:00 UTC, written in a zone `offset_minutes` east of UTC.
    ///
    /// # Errors
    ///
    /// Fails if the year in that zone is not in 0 to 9999, or the zone is more than 99:59 away.
    pub fn new(unix_seconds: i64, offset_minutes: i16) -> Result<Self, DateTimeError> {
        let date_time = Self { unix_seconds, offset_minutes };
        if RANGE.contains(&date_time.local()) && offset_minutes.unsigned_abs() <= MAX_OFFSET.unsigned_abs() {
            Ok(date_time)
        } else {
            Err(DateTimeError::OutOfRange)
        }
    }

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
    pub fn parse(value: &[u8]) -> Result<Self, DateTimeError> {
        Parser { input: value, rest: value }.date_time()
    }

    /// Seconds since 1970-01-01 00:00 UTC.
    #[must_use]
    pub fn unix_seconds(self) -> i64 {
        self.unix_seconds
    }

    /// Minutes that the zone is east of UTC.
    #[must_use]
    pub fn offset_minutes(self) -> i16 {
        self.offset_minutes
    }

    pub(crate) fn year(self) -> i64 {
        civil_from_days(self.local().div_euclid(86_400)).0
    }

    fn local(self) -> i64 {
        self.unix_seconds.saturating_add(i64::from(self.offset_minutes).saturating_mul(60))
    }
}

impl FromStr for DateTime {
    type Err = DateTimeError;

    fn from_str(text: &str) -> Result<Self, DateTimeError> {
        Self::parse(text.as_bytes())
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written())
    }
}

impl DateTime {
    /// The form of RFC 5322 section 3.3. Digit by digit: each message has one, and formatting takes ten times as long.
    pub(crate) fn written(self) -> String {
        let local = self.local();
        let (days, second) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        let (year, month, day) = civil_from_days(days);
        let mut text = String::with_capacity(32);
        // 1970-01-01 was a Thursday.
        text.push_str(name(&WEEKDAYS, days.saturating_add(4).rem_euclid(7)));
        text.push_str(", ");
        push_digits(&mut text, day, if day < 10 { 1 } else { 10 });
        text.push(' ');
        text.push_str(name(&MONTHS, month.saturating_sub(1)));
        text.push(' ');
        push_digits(&mut text, year, 1_000);
        for (mark, part) in [(' ', second / 3_600), (':', second / 60 % 60), (':', second % 60)] {
            text.push(mark);
            push_digits(&mut text, part, 10);
        }
        text.push_str(if self.offset_minutes < 0 { " -" } else { " +" });
        let offset = i64::from(self.offset_minutes.unsigned_abs());
        push_digits(&mut text, offset / 60, 10);
        push_digits(&mut text, offset % 60, 10);
        text
    }
}

/// The decimal digits of `number` from the place of `unit` on.
fn push_digits(text: &mut String, number: i64, unit: i64) {
    let mut unit = unit;
    while unit > 0 {
        let digit = u8::try_from(number.checked_div(unit).unwrap_or_default() % 10).unwrap_or_default();
        text.push(char::from(b'0'.saturating_add(digit)));
        unit /= 10;
    }
}

/// Why a date cannot be read or written.
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

/// A date is read token by token; white space and comments may stand between any two.
struct Parser<'a> {
    input: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Parser<'a> {
    fn date_time(mut self) -> Result<DateTime, DateTimeError> {
        let mut word = self.word();
        if word.is_some_and(|word| index(&WEEKDAYS, word).is_some()) {
            self.symbol(b'.');
            self.symbol(b',');
            word = self.word();
        }
        match word.map(|word| index(&MONTHS, word)) {
            None => {
                let day = self.number("day")?;
                self.symbol(b'-');
                let word = self.word();
                let month =
                    word.and_then(|word| index(&MONTHS, word)).ok_or_else(|| self.expected("month"))?;
                self.symbol(b'.');
                self.symbol(b'-');
                let year = self.year()?;
                let time = self.time()?;
                let zone = self.zone()?;
                date_time(year, month, day, time, zone)
            }
            // `Jul  1 10:52:37 [zone] 2003`, as C's asctime and Unix date print it.
            Some(Some(month)) => {
                let day = self.number("day")?;
                let time = self.time()?;
                let zone =
                    if self.peek().is_some_and(|byte| byte.is_ascii_digit()) { 0 } else { self.zone()? };
                let year = self.year()?;
                let zone = if zone == 0 { self.zone()? } else { zone };
                date_time(year, month, day, time, zone)
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

    /// `time-of-day = hour ":" minute [ ":" second ]`, in seconds.
    fn time(&mut self) -> Result<i64, DateTimeError> {
        let hour = self.number("hour")?;
        if !self.symbol(b':') {
            return Err(self.expected("colon"));
        }
        let minute = self.number("minute")?;
        let second = if self.symbol(b':') { self.number("second")? } else { 0 };
        if self.symbol(b'.') {
            self.number("fraction")?;
        }
        if hour > 23 || minute > 59 || second > 60 {
            return Err(DateTimeError::OutOfRange);
        }
        Ok(hour.saturating_mul(3_600).saturating_add(minute.saturating_mul(60)).saturating_add(second))
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

fn date_time(year: i64, month: i64, day: i64, time: i64, zone: i16) -> Result<DateTime, DateTimeError> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    if !(1..=last).contains(&day) || !(0..=9_999).contains(&year) {
        return Err(DateTimeError::OutOfRange);
    }
    let local = days_from_civil(year, month, day).saturating_mul(86_400).saturating_add(time);
    DateTime::new(local.saturating_sub(i64::from(zone).saturating_mul(60)), zone)
}

/// One-based place of the name that `word` begins with.
fn index(names: &[&str], word: &[u8]) -> Option<i64> {
    let start = word.get(..3)?;
    let place = names.iter().position(|name| start.eq_ignore_ascii_case(name.as_bytes()))?;
    i64::try_from(place).ok()?.checked_add(1)
}

fn name<'a>(names: &[&'a str], place: i64) -> &'a str {
    usize::try_from(place).ok().and_then(|place| names.get(place)).copied().unwrap_or_default()
}

// Both count from 0000-03-01, so that the leap day is the last of its year; 719 468 days lie between it and
// 1970. A month of that year begins on day (153 m + 2) / 5.

#[expect(clippy::arithmetic_side_effects, reason = "years 0 to 9999, months 1 to 12, days 1 to 31")]
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (153 * month + 2) / 5 + day - 1 - 719_468
}

#[expect(clippy::arithmetic_side_effects, reason = "days of the years 0 to 9999, checked by `DateTime::new`")]
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = if month < 10 { (year, month + 3) } else { (year + 1, month - 9) };
    (era * 400 + year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
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
            let got = DateTime::parse(input.as_bytes()).map(|d| (d.unix_seconds(), d.offset_minutes()));
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
            assert_eq!(DateTime::parse(input.as_bytes()), Err(*want), "{input}");
        }
    }

    #[test]
    fn prints_the_form_of_the_rfc() {
        let rows = [
            (1_057_049_557, 120, "Tue, 1 Jul 2003 10:52:37 +0200"),
            (880_127_706, -360, "Fri, 21 Nov 1997 09:55:06 -0600"),
            (-27_723_426, -210, "Thu, 13 Feb 1969 23:32:54 -0330"),
            (951_782_399, 0, "Mon, 28 Feb 2000 23:59:59 +0000"),
            (951_782_400, 0, "Tue, 29 Feb 2000 00:00:00 +0000"),
            (*RANGE.start(), 0, "Sat, 1 Jan 0000 00:00:00 +0000"),
            (*RANGE.end(), 0, "Fri, 31 Dec 9999 23:59:59 +0000"),
        ];
        for (seconds, minutes, want) in rows {
            assert_eq!(DateTime::new(seconds, minutes).unwrap().to_string(), want);
        }
    }

    #[test]
    fn keeps_to_its_range() {
        let refused = [
            (RANGE.start() - 1, 0),
            (RANGE.end() + 1, 0),
            (*RANGE.end(), 1),
            (*RANGE.start(), -1),
            (0, 6_000),
            (0, -6_000),
            (0, i16::MIN),
            (i64::MIN, i16::MIN),
            (i64::MAX, i16::MAX),
        ];
        for (seconds, minutes) in refused {
            assert_eq!(
                DateTime::new(seconds, minutes),
                Err(DateTimeError::OutOfRange),
                "{seconds} {minutes}"
            );
        }
        assert!(DateTime::new(0, MAX_OFFSET).is_ok() && DateTime::new(0, -MAX_OFFSET).is_ok());
    }

    proptest! {
        #[test]
        fn reads_what_it_prints(seconds in RANGE, minutes in -MAX_OFFSET..=MAX_OFFSET) {
            if let Ok(date_time) = DateTime::new(seconds, minutes) {
                prop_assert_eq!(date_time.to_string().parse(), Ok(date_time));
            }
        }

        #[test]
        fn total(seconds in any::<i64>(), minutes in any::<i16>(), bytes in any::<Vec<u8>>()) {
            let _ = DateTime::new(seconds, minutes).map(|d| d.to_string());
            let _ = DateTime::parse(&bytes);
        }

        #[test]
        fn total_on_date_like_text(text in "[0-9 A-Za-z:+,.()-]{0,40}", tail in "[ 0-9:+-]{0,40}") {
            let _ = DateTime::parse(text.as_bytes());
            let _ = DateTime::parse(alloc::format!("1 Jul {tail}").as_bytes());
        }
    }
}
