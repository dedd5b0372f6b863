use core::fmt;

use mailbearer_wire::{Date, DateTime};

use crate::Invalid;

/// Reads `date-time` of RFC 9051 section 9 without its quotes: `17-Jul-1996 02:44:25 -0700`. The day may also have one
/// digit.
///
/// # Errors
///
/// Returns [`Invalid`] for anything else, also for the `00-Jan-0000` that some servers send.
pub fn parse_date_time(text: &[u8]) -> Result<DateTime, Invalid> {
    date_time(text).ok_or(Invalid("not a date and time"))
}

/// Reads `date` of RFC 9051 section 9 without quotes: `1-Feb-1994`.
///
/// # Errors
///
/// Returns [`Invalid`] for anything else.
pub fn parse_date(text: &[u8]) -> Result<Date, Invalid> {
    date(text).ok_or(Invalid("not a date"))
}

fn date_time(text: &[u8]) -> Option<DateTime> {
    let (day, time) = text.split_at_checked(text.len().checked_sub(15)?)?;
    let day = date(day.strip_prefix(b" ").unwrap_or(day))?;
    let (&[b' ', ref clock @ .., b' '], &[sign, ref zone @ ..]) = time.split_first_chunk::<10>()? else {
        return None;
    };
    let (hours, minutes) = two_pairs(u32::from_le_bytes(zone.try_into().ok()?))?;
    let minutes = i16::from(hours).checked_mul(60)?.checked_add(i16::from(minutes))?;
    let zone = match sign {
        _ if minutes >= 24 * 60 => return None,
        b'+' => minutes,
        b'-' => minutes.checked_neg()?,
        _ => return None,
    };
    DateTime::at(day, time_of_day(u64::from_le_bytes(*clock))?, zone).ok()
}

fn date(text: &[u8]) -> Option<Date> {
    let (day, rest) = match text {
        [d, b'-', rest @ ..] => (pair(b'0', *d)?, rest),
        [d, dd, b'-', rest @ ..] => (pair(*d, *dd)?, rest),
        _ => return None,
    };
    let &[m, mm, mmm, b'-', ref year @ ..] = rest else { return None };
    let (century, year) = two_pairs(u32::from_le_bytes(year.try_into().ok()?))?;
    let year = u16::from(century).checked_mul(100)?.checked_add(u16::from(year))?;
    Date::new(year, Date::month_of(&[m, mm, mmm])?, day).ok()
}

// Adds up all pairs of digits at once, in the register that they came in.

/// The two numbers that four digits make. The first digit is in the lowest octet.
fn two_pairs(digits: u32) -> Option<(u8, u8)> {
    let turned = digits ^ 0x3030_3030;
    if (turned.wrapping_add(0x7676_7676) | turned) & 0x8080_8080 != 0 {
        return None;
    }
    let [first, _, second, _] = turned.wrapping_mul(10).wrapping_add(turned >> 8).to_le_bytes();
    Some((first, second))
}

/// Reads `hh:mm:ss`. The first digit is in the lowest octet.
fn time_of_day(octets: u64) -> Option<(u8, u8, u8)> {
    let turned = octets ^ 0x3030_3a30_303a_3030;
    if (turned.wrapping_add(0x7676_7f76_767f_7676) | turned) & 0x8080_8080_8080_8080 != 0 {
        return None;
    }
    let [hour, _, _, minute, _, _, second, _] =
        turned.wrapping_mul(10).wrapping_add(turned >> 8).to_le_bytes();
    Some((hour, minute, second))
}

fn pair(tens: u8, ones: u8) -> Option<u8> {
    if !tens.is_ascii_digit() || !ones.is_ascii_digit() {
        return None;
    }
    (tens & 0xf).checked_mul(10)?.checked_add(ones & 0xf)
}

/// Prints a date as IMAP writes it, without quotes.
pub(crate) struct Written<T>(pub(crate) T);

impl fmt::Display for Written<Date> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{:04}", self.0.day(), self.0.month_name(), self.0.year())
    }
}

impl fmt::Display for Written<DateTime> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (date, (hour, minute, second)) = (self.0.date(), self.0.time());
        let sign = if self.0.offset_minutes() < 0 { '-' } else { '+' };
        let zone = self.0.offset_minutes().unsigned_abs();
        write!(
            f,
            "{:02}-{}-{:04} {hour:02}:{minute:02}:{second:02} {sign}{:02}{:02}",
            date.day(),
            date.month_name(),
            date.year(),
            zone / 60,
            zone % 60
        )
    }
}

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
            ("29-Feb-2024 23:59:60 +1400", "01-Mar-2024 00:00:00 +1400", 1_709_200_800),
            ("31-Dec-9999 00:00:00 +0000", "31-Dec-9999 00:00:00 +0000", 253_402_214_400),
        ];
        for (text, want, seconds) in rows {
            let moment = parse_date_time(text.as_bytes()).unwrap();
            assert_eq!(
                (Written(moment).to_string(), moment.unix_seconds()),
                (want.into(), seconds),
                "{text}"
            );
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
            assert!(parse_date_time(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn days_are_read_and_printed() {
        assert_eq!(Written(parse_date(b"1-Feb-1994").unwrap()).to_string(), "1-Feb-1994");
        assert_eq!(parse_date(b"01-Feb-1994").ok(), Date::new(1994, 2, 1).ok());
        assert!(parse_date(b"1994-02-01").is_err());
    }
}
