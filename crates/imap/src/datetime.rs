use core::fmt;

use crate::Invalid;

/// A moment with its time zone, `date-time` of RFC 9051 section 9.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateTime {
    date: Date,
    hour: u8,
    minute: u8,
    second: u8,
    zone_minutes: i16,
}

/// A day, `date` of RFC 9051 section 9.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl DateTime {
    /// A moment on a local clock that is `zone_minutes` ahead of UTC.
    ///
    /// # Errors
    ///
    /// Returns [`Invalid`] if an hour is past 23, a minute past 59, a second past 60, or the zone a day or more
    /// away.
    pub fn new(date: Date, (hour, minute, second): (u8, u8, u8), zone_minutes: i16) -> Result<Self, Invalid> {
        if hour > 23 || minute > 59 || second > 60 || zone_minutes.unsigned_abs() >= 24 * 60 {
            return Err(Invalid("no such time"));
        }
        Ok(Self { date, hour, minute, second, zone_minutes })
    }

    /// Reads `date-time` without its quotes: `17-Jul-1996 02:44:25 -0700`, the day also with one digit.
    ///
    /// # Errors
    ///
    /// Returns [`Invalid`] for anything else, the `00-Jan-0000` of some servers too.
    pub fn parse(text: &[u8]) -> Result<Self, Invalid> {
        Self::read(text).ok_or(Invalid("not a date and time"))
    }

    fn read(text: &[u8]) -> Option<Self> {
        let (date, time) = text.split_at_checked(text.len().checked_sub(15)?)?;
        let date = Date::read(date.strip_prefix(b" ").unwrap_or(date))?;
        let &[b' ', h, hh, b':', m, mm, b':', s, ss, b' ', sign, zh, zhh, zm, zmm] = time else {
            return None;
        };
        let minutes = i16::from(pair(zh, zhh)?).checked_mul(60)?.checked_add(i16::from(pair(zm, zmm)?))?;
        let zone = match sign {
            b'+' => minutes,
            b'-' => minutes.checked_neg()?,
            _ => return None,
        };
        Self::new(date, (pair(h, hh)?, pair(m, mm)?, pair(s, ss)?), zone).ok()
    }

    /// The day on the local clock.
    #[must_use]
    pub const fn date(self) -> Date {
        self.date
    }

    /// Hour, minute and second on the local clock.
    #[must_use]
    pub const fn time(self) -> (u8, u8, u8) {
        (self.hour, self.minute, self.second)
    }

    /// How far the local clock is ahead of UTC.
    #[must_use]
    pub const fn zone_minutes(self) -> i16 {
        self.zone_minutes
    }

    /// Seconds since 1970-01-01 00:00 UTC.
    #[must_use]
    pub fn unix_seconds(self) -> i64 {
        let of_day = i64::from(self.hour)
            .saturating_mul(3600)
            .saturating_add(i64::from(self.minute).saturating_mul(60))
            .saturating_add(i64::from(self.second))
            .saturating_sub(i64::from(self.zone_minutes).saturating_mul(60));
        self.date.days().saturating_mul(86_400).saturating_add(of_day)
    }
}

impl Date {
    /// A day of the Gregorian calendar.
    ///
    /// # Errors
    ///
    /// Returns [`Invalid`] for a day that is not in it, and for years past 9999.
    pub fn new(year: u16, month: u8, day: u8) -> Result<Self, Invalid> {
        let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let days = match month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => 0,
        };
        if year > 9999 || day == 0 || day > days {
            return Err(Invalid("no such day"));
        }
        Ok(Self { year, month, day })
    }

    /// Reads `date` without quotes: `1-Feb-1994`.
    ///
    /// # Errors
    ///
    /// Returns [`Invalid`] for anything else.
    pub fn parse(text: &[u8]) -> Result<Self, Invalid> {
        Self::read(text).ok_or(Invalid("not a date"))
    }

    fn read(text: &[u8]) -> Option<Self> {
        let (day, rest) = match text {
            [d, b'-', rest @ ..] => (pair(b'0', *d)?, rest),
            [d, dd, b'-', rest @ ..] => (pair(*d, *dd)?, rest),
            _ => return None,
        };
        let (name, rest) = rest.split_at_checked(3)?;
        let month = match &[name.first()? | 0x20, name.get(1)? | 0x20, name.get(2)? | 0x20] {
            b"jan" => 1,
            b"feb" => 2,
            b"mar" => 3,
            b"apr" => 4,
            b"may" => 5,
            b"jun" => 6,
            b"jul" => 7,
            b"aug" => 8,
            b"sep" => 9,
            b"oct" => 10,
            b"nov" => 11,
            b"dec" => 12,
            _ => return None,
        };
        let &[b'-', y, yy, yyy, yyyy] = rest else { return None };
        let century = u16::from(pair(y, yy)?).checked_mul(100)?;
        let year = century.checked_add(u16::from(pair(yyy, yyyy)?))?;
        Self::new(year, month, day).ok()
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

    /// Days since 1970-01-01.
    fn days(self) -> i64 {
        // Years counted from March, so that the leap day is the last.
        let month = i64::from(self.month);
        let year = i64::from(self.year).saturating_sub(i64::from(month <= 2));
        let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let from_march = month.saturating_add(9).rem_euclid(12);
        let of_year = from_march
            .saturating_mul(153)
            .saturating_add(2)
            .div_euclid(5)
            .saturating_add(i64::from(self.day))
            .saturating_sub(1);
        let leap_days = of_era.div_euclid(4).saturating_sub(of_era.div_euclid(100));
        let of_era = of_era.saturating_mul(365).saturating_add(leap_days).saturating_add(of_year);
        era.saturating_mul(146_097).saturating_add(of_era).saturating_sub(719_468)
    }

    fn month_name(self) -> &'static str {
        usize::from(self.month)
            .checked_sub(1)
            .and_then(|index| MONTHS.get(index))
            .copied()
            .unwrap_or_default()
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { date, hour, minute, second, zone_minutes } = self;
        let sign = if *zone_minutes < 0 { '-' } else { '+' };
        let zone = zone_minutes.unsigned_abs();
        write!(
            f,
            "{:02}-{}-{:04} {hour:02}:{minute:02}:{second:02} {sign}{:02}{:02}",
            date.day,
            date.month_name(),
            date.year,
            zone / 60,
            zone % 60
        )
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{:04}", self.day, self.month_name(), self.year)
    }
}

fn pair(tens: u8, ones: u8) -> Option<u8> {
    if !tens.is_ascii_digit() || !ones.is_ascii_digit() {
        return None;
    }
    (tens & 0xf).checked_mul(10)?.checked_add(ones & 0xf)
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn moments_are_read_printed_and_placed_in_time() {
        let rows = [
            ("17-Jul-1996 02:44:25 -0700", "17-Jul-1996 02:44:25 -0700", 837_596_665),
            (" 1-Jan-1970 00:00:00 +0000", "01-Jan-1970 00:00:00 +0000", 0),
            ("1-mar-2000 00:00:00 +0100", "01-Mar-2000 00:00:00 +0100", 951_865_200),
            ("29-Feb-2024 23:59:60 +1400", "29-Feb-2024 23:59:60 +1400", 1_709_200_800),
            ("31-Dec-9999 00:00:00 +0000", "31-Dec-9999 00:00:00 +0000", 253_402_214_400),
        ];
        for (text, want, seconds) in rows {
            let moment = DateTime::parse(text.as_bytes()).unwrap();
            assert_eq!((moment.to_string(), moment.unix_seconds()), (want.into(), seconds), "{text}");
        }
        let refused = [
            "00-Jan-0000 00:00:00 +0000",
            "30-Feb-2024 00:00:00 +0000",
            "29-Feb-2100 00:00:00 +0000",
            "01-Foo-2024 00:00:00 +0000",
            "01-Jan-2024 24:00:00 +0000",
            "01-Jan-2024 23:60:00 +0000",
            "01-Jan-2024 23:59:61 +0000",
            "01-Jan-2024 00:00:00 +2400",
            "01-Jan-2024 00:00:00 0000",
            "01-Jan-2024 00:00:00",
            "01-Jan-24 00:00:00 +0000",
            "",
        ];
        for text in refused {
            assert!(DateTime::parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn days_are_read_and_printed() {
        assert_eq!(Date::parse(b"1-Feb-1994").unwrap().to_string(), "1-Feb-1994");
        assert_eq!(Date::parse(b"01-Feb-1994"), Date::new(1994, 2, 1));
        assert!(Date::parse(b"1994-02-01").is_err());
        assert!(Date::new(10_000, 1, 1).is_err() && Date::new(2024, 13, 1).is_err());
    }
}
