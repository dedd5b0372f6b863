//! Parses the values of arguments, and explains what is wrong with them.

use std::num::NonZeroU32;

use jiff::{
    Timestamp,
    civil::{self, DateTime as Civil},
    fmt::temporal::{Pieces, PiecesOffset},
    tz::TimeZone,
};
use mailbearer::{
    advice::Language,
    proto::imap::{Date, DateTime, Flag, Part},
};

use crate::output;

/// The flags of one argument.
pub(crate) type Flags = Vec<Flag<'static>>;

/// Reads a number from 1 on.
pub(crate) fn count(text: &str) -> Result<NonZeroU32, String> {
    text.parse().map_err(|_| "a number from 1 to 4294967295 is wanted".into())
}

/// Reads a number of seconds.
pub(crate) fn seconds(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| "a number of seconds is wanted, as 120".into())
}

/// Reads a name, which may be anything but empty.
pub(crate) fn name(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("it is empty".into()) } else { Ok(text.to_owned()) }
}

/// Reads a day, `YYYY-MM-DD`.
pub(crate) fn date(text: &str) -> Result<Date, String> {
    let is_digit = |octet: u8| octet.is_ascii_digit();
    let has_form = text.len() == A_DAY_LONG && text.bytes().filter(|octet| is_digit(*octet)).count() == 8;
    let day: civil::Date = text.parse().map_err(|_| if has_form { NO_DAY } else { A_DAY })?;
    // ISO 8601 has other forms of a day, which here are more likely typing errors.
    if day.to_string() != text {
        return Err(A_DAY.into());
    }
    imap_date(day)
}

const A_DAY: &str = "a day is written YYYY-MM-DD";
const A_DAY_LONG: usize = "YYYY-MM-DD".len();
const NO_DAY: &str = "the calendar has no such day";
const A_MOMENT: &str = "a moment is written 2026-01-31 or 2026-01-31T18:30+01:00";

fn imap_date(day: civil::Date) -> Result<Date, String> {
    let part = |number: i8| u8::try_from(number).unwrap_or_default();
    let year = u16::try_from(day.year()).map_err(|_| A_DAY)?;
    Date::new(year, part(day.month()), part(day.day())).map_err(|error| error.to_string())
}

/// The time zone of the person at the terminal.
pub(crate) fn zone() -> TimeZone {
    TimeZone::try_system().unwrap_or_else(|_| {
        output::warning("the time zone can't be found out; times are in UTC");
        TimeZone::UTC
    })
}

/// Reads a moment: a day, or a day and a time, with or without an offset from UTC.
pub(crate) fn date_time(text: &str) -> Result<DateTime, String> {
    let wrong = |_| A_MOMENT.to_owned();
    let pieces = Pieces::parse(text).map_err(wrong)?;
    let time = pieces.time().unwrap_or_else(jiff::civil::Time::midnight);
    let civil = Civil::from_parts(pieces.date(), time);
    let seconds = match pieces.offset() {
        None => zone().to_ambiguous_zoned_datetime(civil).compatible().map_err(wrong)?.offset().seconds(),
        Some(PiecesOffset::Numeric(offset)) => offset.offset().seconds(),
        Some(_) => 0,
    };
    let zone = i16::try_from(seconds.div_euclid(60)).ok().filter(|zone| zone.unsigned_abs() < 24 * 60);
    let zone = zone.ok_or("no time zone is a day away")?;
    let date = imap_date(civil.date())?;
    let part = |number: i8| u8::try_from(number).unwrap_or_default();
    DateTime::at(date, (part(time.hour()), part(time.minute()), part(time.second())), zone)
        .map_err(|error| error.to_string())
}

/// Reads a flag that a client may set. The standard ones are known without their backslash too, which shells take away.
pub(crate) fn flag(text: &str) -> Result<Flag<'static>, String> {
    let system = ["seen", "answered", "flagged", "deleted", "draft"];
    let name = if system.iter().any(|name| name.eq_ignore_ascii_case(text)) {
        format!("\\{text}")
    } else {
        text.to_owned()
    };
    match Flag::new(&name) {
        Ok(Flag::Recent | Flag::Any) => Err("only servers set that flag".into()),
        Ok(flag) => Ok(flag.into_owned()),
        Err(_) => Err("a flag is a word without spaces, quotes, parentheses and the like".into()),
    }
}

/// Reads flags with commas or spaces between them.
pub(crate) fn some_flags(text: &str) -> Result<Flags, String> {
    let flags = flags(text)?;
    if flags.is_empty() { Err("it names no flag".into()) } else { Ok(flags) }
}

/// Reads flags with commas or spaces between them, or none.
pub(crate) fn flags(text: &str) -> Result<Flags, String> {
    text.split([',', ' ']).filter(|name| !name.is_empty()).map(flag).collect()
}

/// Reads the number of a part.
pub(crate) fn part(text: &str) -> Result<Part<'static>, String> {
    if text.is_empty() {
        return Err("no number".into());
    }
    Part::parse(text).map(Part::into_owned).map_err(|_| "a part is numbers with dots between them".into())
}

/// A moment as text for programs, in UTC.
pub(crate) fn utc(seconds: i64) -> Option<String> {
    Timestamp::from_second(seconds).ok().map(|date| date.to_string())
}

/// A language that hints are written in.
pub(crate) fn language(text: &str) -> Result<Language, String> {
    match text {
        "en" => Ok(Language::English),
        "zh" => Ok(Language::Chinese),
        _ => Err("hints are in en and zh".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_moments() {
        assert_eq!(date("2024-02-29"), Ok(Date::new(2024, 2, 29).unwrap()));
        for text in
            ["2026-02-29", "2026-13-01", "26-01-01", "2026-1-1", "2026-01-01 ", "+026-01-01", "2026-01", ""]
        {
            assert!(date(text).is_err(), "{text}");
        }
        for (text, want) in [
            ("2026-01-31T18:30:05+01:00", "Sat, 31 Jan 2026 18:30:05 +0100"),
            ("2026-01-31T18:30Z", "Sat, 31 Jan 2026 18:30:00 +0000"),
            ("2026-01-31 18:30:05.7-03:30", "Sat, 31 Jan 2026 18:30:05 -0330"),
        ] {
            assert_eq!(date_time(text).unwrap().to_string(), want, "{text}");
        }
        assert!(date_time("2026-01-31").unwrap().to_string().starts_with("Sat, 31 Jan 2026 00:00:00 "));
        for text in ["", "now", "2026-01-32", "2026-01-31T25:00Z", "-002026-01-31", "2026-01-31T18:30+26:00"]
        {
            assert!(date_time(text).is_err(), "{text}");
        }
    }

    #[test]
    fn flags_with_and_without_backslash() {
        for (text, want) in [
            ("seen", Flag::Seen),
            ("\\Seen", Flag::Seen),
            ("DELETED", Flag::Deleted),
            ("$Forwarded", Flag::new("$Forwarded").unwrap()),
            ("Work", Flag::new("Work").unwrap()),
        ] {
            assert_eq!(flag(text), Ok(want), "{text}");
        }
        for text in ["", "\\", "\\Recent", "\\*", "a b", "a)", "{3}", "a\r\nb", "ü", "*"] {
            assert!(flag(text).is_err(), "{text:?}");
        }
        assert_eq!(flags("seen,Work draft").map(|flags| flags.len()), Ok(3));
        assert_eq!(flags(""), Ok(Vec::new()));
        assert!(flags("seen,a)").is_err());
    }
}
