//! The date of HTTP, to tell how long from one to another.

use mailbearer_wire::{Date, DateTime};

/// Seconds since 1970 of an `IMF-fixdate` (RFC 9110 section 5.6.7), such as `Sun, 06 Nov 1994 08:49:37 GMT`. The forms
/// that RFC 9110 calls obsolete are not read.
pub(super) fn seconds(value: &[u8]) -> Option<u64> {
    let text = core::str::from_utf8(value).ok()?;
    let mut words = text.split(' ');
    words.next().filter(|weekday| weekday.ends_with(','))?;
    let mut word = || words.next();
    let (day, month, year, time, zone) = (word()?, word()?, word()?, word()?, word()?);
    let mut clock = time.split(':');
    let mut part = || digits(clock.next()?, 2)?.try_into().ok();
    let time = (part()?, part()?, part()?);
    if zone != "GMT" || words.next().is_some() || clock.next().is_some() {
        return None;
    }
    let month = Date::month_of(month.as_bytes()).filter(|_| month.len() == 3)?;
    let date = Date::new(digits(year, 4)?, month, digits(day, 2)?.try_into().ok()?).ok()?;
    DateTime::at(date, time, 0).ok()?.unix_seconds().try_into().ok()
}

/// A number of exactly so many digits.
fn digits(text: &str, count: usize) -> Option<u16> {
    let fits = text.len() == count && text.bytes().all(|octet| octet.is_ascii_digit());
    fits.then(|| text.parse().ok()).flatten()
}

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
            ("Wed, 30 Feb 2000 00:00:00 GMT", None),
            ("Sun, 06 November 1994 08:49:37 GMT", None),
            ("Sat, 31 Dec 2016 23:59:60 GMT", Some(1_483_228_800)),
            ("Sun, 00 Nov 1994 08:49:37 GMT", None),
            ("Sun, 06 Nov 1994 08:49 GMT", None),
            ("Sun, 06 Nov 1994 08:49:37:00 GMT", None),
            ("Sun, 06 Nov 1994 08:49:37 GMT +1", None),
            ("Sun, 06 Nov +994 08:49:37 GMT", None),
            ("", None),
        ];
        for (text, want) in rows {
            assert_eq!(seconds(text.as_bytes()), want, "{text}");
        }
    }
}
