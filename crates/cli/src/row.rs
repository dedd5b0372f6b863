//! A message on a line: for `list` and `watch`.

use jiff::{Timestamp, tz::TimeZone};
use mailbearer::{Summary, wire::printable};
use serde_json::json;

use crate::{value, width};

/// A message as an object.
pub(crate) fn object(message: &Summary) -> serde_json::Value {
    json!({
        "uid": message.uid,
        "date": message.date.and_then(|date| value::utc(date.unix_seconds())),
        "from": message.from,
        "address": message.address,
        "subject": message.subject,
        "size": message.size,
        "seen": message.seen,
    })
}

/// The columns of a message. They are only cut for a person: a program gets all of it.
pub(crate) fn line(message: &Summary, zone: &TimeZone, cut: bool) -> String {
    let date = message.date.and_then(|date| Timestamp::from_second(date.unix_seconds()).ok()).map_or_else(
        || "-".into(),
        |date| date.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string(),
    );
    // Escaped before it is measured.
    let from = printable(&message.from);
    let from = if cut { width::fit(&from, FROM) } else { from.into_owned() };
    format!("{:>7}  {date:<16}  {}  {}", message.uid, width::pad(&from, FROM), printable(&message.subject))
}

/// Columns for who sent it.
const FROM: usize = 28;

#[cfg(test)]
mod tests {
    use mailbearer::DateTime;

    use super::*;

    #[test]
    fn columns_stand_under_each_other() {
        let rows = [
            ("Ann Example", "Hi", "      1  2026-11-24 06:32  Ann Example                   Hi"),
            ("张三", "你好", "      1  2026-11-24 06:32  张三                          你好"),
            (
                "A name that is longer than its column",
                "x\u{1b}[2J",
                "      1  2026-11-24 06:32  A name that is longer than …  x\\x1b[2J",
            ),
            ("", "", "      1  2026-11-24 06:32                                "),
        ];
        let date = DateTime::new(1_795_498_320, 120).ok();
        let shown = |uid, date, from: &str, subject: &str, zone: &TimeZone, cut| {
            let mut message = Summary::default();
            (message.uid, message.date) = (uid, date);
            (message.from, message.subject) = (from.into(), subject.into());
            line(&message, zone, cut)
        };
        for (from, subject, want) in rows {
            let zone = TimeZone::fixed(jiff::tz::offset(1));
            assert_eq!(shown(1, date, from, subject, &zone, true), want, "{from}");
        }
        let zone = TimeZone::UTC;
        assert_eq!(
            shown(1, date, "A name that is longer than its column", "x", &zone, false),
            "      1  2026-11-24 05:32  A name that is longer than its column  x"
        );
        assert_eq!(
            shown(u32::MAX, None, "Ann", "", &zone, true),
            "4294967295  -                 Ann                           "
        );
    }

    #[test]
    fn an_object_has_all_of_it() {
        let mut message = Summary::default();
        (message.uid, message.size, message.seen) = (7, 99, true);
        message.date = DateTime::new(1_795_498_320, 60).ok();
        (message.from, message.address, message.subject) = ("Zöe".into(), "z@x".into(), "Grüße".into());
        assert_eq!(
            object(&message).to_string(),
            "{\"address\":\"z@x\",\"date\":\"2026-11-24T05:32:00Z\",\"from\":\"Zöe\",\"seen\":true,\"size\":99,\
             \"subject\":\"Grüße\",\"uid\":7}"
        );
    }
}
