//! The date of HTTP, to tell how long from one to another.

/// Seconds since 1970 of an `IMF-fixdate` (RFC 9110 section 5.6.7), such as `Sun, 06 Nov 1994 08:49:37 GMT`. The forms
/// that RFC 9110 calls obsolete are not read.
pub(super) fn seconds(value: &[u8]) -> Option<u64> {
    let text = core::str::from_utf8(value).ok()?;
    let (_, text) = text.split_once(", ")?;
    let mut words = text.split(' ');
    let mut word = || words.next();
    let (day, month, year, time, zone) = (word()?, word()?, word()?, word()?, word()?);
    let digits = |text: &str, count: usize| {
        let fits = text.len() == count && text.bytes().all(|octet| octet.is_ascii_digit());
        fits.then(|| text.parse::<u64>().ok()).flatten()
    };
    let mut clock = time.split(':');
    let mut part = || digits(clock.next()?, 2);
    let (hour, minute, second) = (part()?, part()?, part()?);
    if zone != "GMT" || words.next().is_some() || clock.next().is_some() {
        return None;
    }
    let month = MONTHS.iter().position(|name| *name == month)?;
    let (day, year) = (digits(day, 2)?, digits(year, 4)?);
    if !(1..=31).contains(&day) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // Years that begin in March have the leap day at their end, so that all months before it begin at the same day.
    let month = u64::try_from(month).ok()?.checked_add(1)?;
    let (year, month) =
        if month > 2 { (year, month.checked_sub(3)?) } else { (year.checked_sub(1)?, month.checked_add(9)?) };
    let leap_days =
        year.checked_div(4)?.checked_sub(year.checked_div(100)?)?.checked_add(year.checked_div(400)?)?;
    let month_days = month.checked_mul(153)?.checked_add(2)?.checked_div(5)?;
    let days = year.checked_mul(365)?.checked_add(leap_days)?.checked_add(month_days)?.checked_add(day)?;
    let days = days.checked_sub(DAYS_BEFORE_1970)?;
    let hours = days.checked_mul(24)?.checked_add(hour)?;
    hours.checked_mul(60)?.checked_add(minute)?.checked_mul(60)?.checked_add(second)
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// From 1 March of the year 0 until 1 January 1970, and one, as days of a month are counted from 1.
const DAYS_BEFORE_1970: u64 = 719_469;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_http_writes() {
        let rows = [
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
            ("Tue, 29 Feb 2000 23:59:59 GMT", Some(951_868_799)),
            ("Fri, 31 Dec 9999 23:59:59 GMT", Some(253_402_300_799)),
            ("Wed, 31 Dec 1969 23:59:59 GMT", None),
            ("Sun, 06 Nov 1994 08:49:37 UTC", None),
            ("Sun, 06 Nov 1994 24:00:00 GMT", None),
            ("Sun, 6 Nov 1994 08:49:37 GMT", None),
            ("Sunday, 06-Nov-94 08:49:37 GMT", None),
            ("Sun Nov  6 08:49:37 1994", None),
            ("Sun, 00 Nov 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 08:49 GMT", None),
            ("Sun, 06 Nov +994 08:49:37 GMT", None),
            ("", None),
        ];
        for (text, want) in rows {
            assert_eq!(seconds(text.as_bytes()), want, "{text}");
        }
    }
}
