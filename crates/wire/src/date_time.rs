//! Days of the calendar and moments, which mail, IMAP and HTTP each write in their own way.

use alloc::vec::Vec;
use core::fmt;

/// A day of the Gregorian calendar, in the years 0 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

/// A moment, to the second, and the zone that it is written in.
///
/// Covers the years 0 to 9999 on the clock of that zone. `Display` prints the form of RFC 5322 section 3.3, as in
/// `Tue, 1 Jul 2003 10:52:37 +0200`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DateTime {
    unix_seconds: i64,
    offset_minutes: i16,
}

/// There is no such day, time or zone, or the year is past 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "there is nothing to tell of a day that is not there")]
pub struct DateOutOfRange;

impl Date {
    /// A day by its year, its month from 1 on, and its day of the month from 1 on.
    ///
    /// # Errors
    ///
    /// Returns [`DateOutOfRange`] for a day that its month does not have, and for years past 9999.
    pub fn new(year: u16, month: u8, day: u8) -> Result<Self, DateOutOfRange> {
        let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => 0,
        };
        if year > 9999 || day == 0 || day > days {
            return Err(DateOutOfRange);
        }
        Ok(Self { year, month, day })
    }

    /// The year.
    #[must_use]
    pub const fn year(self) -> u16 {
        self.year
    }

    /// The month, from 1 on.
    #[must_use]
    pub const fn month(self) -> u8 {
        self.month
    }

    /// The day of the month, from 1 on.
    #[must_use]
    pub const fn day(self) -> u8 {
        self.day
    }

    /// The month as mail writes it: `Jan` to `Dec`.
    #[must_use]
    pub fn month_name(self) -> &'static str {
        usize::from(self.month)
            .checked_sub(1)
            .and_then(|index| MONTHS.get(index))
            .copied()
            .unwrap_or_default()
    }

    /// The month, from 1 on, that `name` names: its first three letters in any case.
    #[must_use]
    pub fn month_of(name: &[u8]) -> Option<u8> {
        let &[a, b, c] = name.get(..3)? else { return None };
        // Told apart by their letters in lower case, without a comparison for each.
        match &[a | 0x20, b | 0x20, c | 0x20] {
            b"jan" => Some(1),
            b"feb" => Some(2),
            b"mar" => Some(3),
            b"apr" => Some(4),
            b"may" => Some(5),
            b"jun" => Some(6),
            b"jul" => Some(7),
            b"aug" => Some(8),
            b"sep" => Some(9),
            b"oct" => Some(10),
            b"nov" => Some(11),
            b"dec" => Some(12),
            _ => None,
        }
    }

    // Both ways count years from March on, so that the leap day is the last of its year: a month of such a year begins
    // on its day (153 m + 2) / 5. 719 468 days lie between 0000-03-01 and 1970-01-01.

    #[expect(clippy::arithmetic_side_effects, reason = "years 0 to 9999, months 1 to 12, days 1 to 31")]
    fn days(self) -> i64 {
        let (year, month) = (u32::from(self.year), u32::from(self.month));
        // 400 years later, which are 146 097 days, so that the first is not below 0.
        let (year, month) = if month > 2 { (year + 400, month - 3) } else { (year + 399, month + 9) };
        let days =
            year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + u32::from(self.day);
        i64::from(days) - 1 - 719_468 - 146_097
    }

    #[expect(clippy::arithmetic_side_effects, reason = "days of the years 0 to 9999")]
    fn of_days(days: i64) -> Self {
        let days = days + 719_468;
        let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
        let month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month + 2) / 5 + 1;
        let (year, month) = if month < 10 { (year, month + 3) } else { (year + 1, month - 9) };
        Self {
            year: u16::try_from(era * 400 + year).unwrap_or_default(),
            month: u8::try_from(month).unwrap_or_default(),
            day: u8::try_from(day).unwrap_or_default(),
        }
    }
}

impl DateTime {
    /// `unix_seconds` since 1970-01-01 00:00 UTC, written in a zone `offset_minutes` east of UTC.
    ///
    /// # Errors
    ///
    /// Returns [`DateOutOfRange`] if the year in that zone is not in 0 to 9999, or the zone is more than 99:59 away.
    pub fn new(unix_seconds: i64, offset_minutes: i16) -> Result<Self, DateOutOfRange> {
        let date_time = Self { unix_seconds, offset_minutes };
        if RANGE.contains(&date_time.local()) && offset_minutes.unsigned_abs() <= MAX_OFFSET {
            Ok(date_time)
        } else {
            Err(DateOutOfRange)
        }
    }

    /// Hour, minute and second of a day on a clock `offset_minutes` ahead of UTC. A 60th second is the first of the
    /// next minute.
    ///
    /// # Errors
    ///
    /// Returns [`DateOutOfRange`] if the hour is past 23, the minute past 59 or the second past 60, and as
    /// [`new`](Self::new).
    pub fn at(
        date: Date,
        (hour, minute, second): (u8, u8, u8),
        offset_minutes: i16,
    ) -> Result<Self, DateOutOfRange> {
        if hour > 23 || minute > 59 || second > 60 {
            return Err(DateOutOfRange);
        }
        let [hour, minute, second] = [hour, minute, second].map(i64::from);
        let of_day =
            hour.saturating_mul(3_600).saturating_add(minute.saturating_mul(60)).saturating_add(second);
        let local = date.days().saturating_mul(86_400).saturating_add(of_day);
        Self::new(local.saturating_sub(i64::from(offset_minutes).saturating_mul(60)), offset_minutes)
    }

    /// Seconds since 1970-01-01 00:00 UTC.
    #[must_use]
    pub const fn unix_seconds(self) -> i64 {
        self.unix_seconds
    }

    /// Minutes that the zone is east of UTC.
    #[must_use]
    pub const fn offset_minutes(self) -> i16 {
        self.offset_minutes
    }

    /// The day on the clock of the zone.
    #[must_use]
    pub fn date(self) -> Date {
        Date::of_days(self.local().div_euclid(86_400))
    }

    /// Hour, minute and second on the clock of the zone.
    #[must_use]
    pub fn time(self) -> (u8, u8, u8) {
        let second = self.local().rem_euclid(86_400);
        let part = |number: i64| u8::try_from(number).unwrap_or_default();
        (part(second / 3_600), part(second / 60 % 60), part(second % 60))
    }

    /// Appends what `Display` prints. Each message has a date, and formatting takes several times as long.
    pub fn append_to(self, out: &mut Vec<u8>) {
        let (date, (hour, minute, second)) = (self.date(), self.time());
        // 1970-01-01 was a Thursday.
        let weekday = self.local().div_euclid(86_400).saturating_add(4).rem_euclid(7);
        let weekday = usize::try_from(weekday).ok().and_then(|day| WEEKDAYS.get(day));
        out.extend_from_slice(weekday.copied().unwrap_or_default().as_bytes());
        out.extend_from_slice(b", ");
        let [tens, ones] = digits(date.day);
        if date.day >= 10 {
            out.push(tens);
        }
        let [a, b, c] = date.month_name().as_bytes().first_chunk().copied().unwrap_or_default();
        let low = |number: u16| u8::try_from(number % 100).map_or([b'0'; 2], digits);
        let [[y, e], [u, r]] = [date.year / 100, date.year].map(low);
        let [[h, o], [m, i], [s, n]] = [hour, minute, second].map(digits);
        let sign = if self.offset_minutes < 0 { b'-' } else { b'+' };
        let offset = self.offset_minutes.unsigned_abs();
        let [[z, w], [v, x]] = [offset / 60, offset % 60].map(low);
        out.extend_from_slice(&[
            ones, b' ', a, b, c, b' ', y, e, u, r, b' ', h, o, b':', m, i, b':', s, n, b' ', sign, z, w, v, x,
        ]);
    }

    fn local(self) -> i64 {
        // Saturates only for moments that are out of range anyway.
        self.unix_seconds.saturating_add(i64::from(self.offset_minutes).saturating_mul(60))
    }
}

/// In the form of RFC 5322 section 3.3.
impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(31);
        self.append_to(&mut text);
        f.write_str(str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Display for DateOutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("date out of range")
    }
}

impl core::error::Error for DateOutOfRange {}

/// The two decimal digits of a number below 100.
fn digits(number: u8) -> [u8; 2] {
    [number / 10, number % 10].map(|digit| b'0'.wrapping_add(digit))
}

/// 0000-01-01 00:00:00 and 9999-12-31 23:59:59, local.
const RANGE: core::ops::RangeInclusive<i64> = -62_167_219_200..=253_402_300_799;
/// `9959` of a zone, in minutes.
const MAX_OFFSET: u16 = 99 * 60 + 59;
const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn days_that_there_are() {
        for (year, month, day, want) in [
            (2024, 2, 29, true),
            (2023, 2, 29, false),
            (2000, 2, 29, true),
            (1900, 2, 29, false),
            (2023, 2, 28, true),
            (2026, 4, 30, true),
            (2026, 4, 31, false),
            (2026, 12, 31, true),
            (2026, 12, 32, false),
            (2026, 13, 1, false),
            (2026, 0, 1, false),
            (2026, 1, 0, false),
            (0, 1, 1, true),
            (9999, 12, 31, true),
            (10_000, 1, 1, false),
        ] {
            assert_eq!(Date::new(year, month, day).is_ok(), want, "{year}-{month}-{day}");
        }
        let day = Date::new(1994, 2, 1).unwrap();
        assert_eq!((day.year(), day.month(), day.day(), day.month_name()), (1994, 2, 1, "Feb"));
        assert_eq!(
            [&b"FEB"[..], b"february", b"fe", b"xyz"].map(Date::month_of),
            [Some(2), Some(2), None, None]
        );
        for (name, month) in MONTHS.iter().zip(1..) {
            assert_eq!(Date::month_of(name.as_bytes()), Some(month), "{name}");
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
            let date_time = DateTime::new(seconds, minutes).unwrap();
            assert_eq!(date_time.to_string(), want);
            assert_eq!(DateTime::at(date_time.date(), date_time.time(), minutes), Ok(date_time), "{want}");
        }
        assert_eq!(DateOutOfRange.to_string(), "date out of range");
    }

    #[test]
    fn times_that_there_are() {
        let day = Date::new(2016, 12, 31).unwrap();
        let leap = DateTime::at(day, (23, 59, 60), 0).unwrap();
        assert_eq!((leap.unix_seconds(), leap.time()), (1_483_228_800, (0, 0, 0)));
        for time in [(24, 0, 0), (0, 60, 0), (0, 0, 61)] {
            assert_eq!(DateTime::at(day, time, 0), Err(DateOutOfRange), "{time:?}");
        }
        let there = DateTime::at(day, (1, 2, 3), -90).unwrap();
        assert_eq!((there.unix_seconds(), there.offset_minutes()), (1_483_151_523, -90));
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
            assert_eq!(DateTime::new(seconds, minutes), Err(DateOutOfRange), "{seconds} {minutes}");
        }
        assert!(DateTime::new(0, 5_999).is_ok() && DateTime::new(0, -5_999).is_ok());
    }

    proptest! {
        #[test]
        fn there_and_back(seconds in RANGE, minutes in -5_999..=5_999_i16) {
            if let Ok(date_time) = DateTime::new(seconds, minutes) {
                prop_assert_eq!(DateTime::at(date_time.date(), date_time.time(), minutes), Ok(date_time));
                let date = date_time.date();
                prop_assert_eq!(Date::new(date.year(), date.month(), date.day()), Ok(date));
            }
        }

        #[test]
        fn total(seconds in any::<i64>(), minutes in any::<i16>()) {
            let _ = DateTime::new(seconds, minutes).map(|date_time| date_time.to_string());
        }
    }
}
