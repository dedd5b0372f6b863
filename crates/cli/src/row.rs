//! A message on a line: for `list` and `watch`.

use jiff::{Timestamp, tz::TimeZone};
use mailbearer::{
    DateTime, Summary,
    imap_protocol::{Address, Flag, Item, Text},
    mime::decode,
    wire::printable,
};
use serde_json::json;

use crate::{value, width};

/// What is shown of a message.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) uid: u32,
    date: Option<DateTime>,
    from: String,
    address: String,
    subject: String,
    size: u64,
    seen: bool,
}

impl From<Summary> for Row {
    fn from(summary: Summary) -> Self {
        let Summary { uid, date, from, address, subject, size, seen, .. } = summary;
        Self { uid, date, from, address, subject, size, seen }
    }
}

impl Row {
    /// What a FETCH response tells; `None` where it has no envelope, as when it only tells of a change of flags.
    pub(crate) fn of(items: &[Item<'_>]) -> Option<Self> {
        let (mut row, mut arrived, mut is_whole) = (Self::default(), None, false);
        for item in items {
            match item {
                Item::Uid(uid) => row.uid = *uid,
                Item::Size(size) => row.size = *size,
                Item::Flags(flags) => row.seen = flags.iter().any(|flag| flag == Flag::Seen),
                Item::InternalDate(date) => {
                    arrived = DateTime::new(date.unix_seconds(), date.zone_minutes()).ok();
                }
                Item::Envelope(envelope) => {
                    is_whole = true;
                    row.date = envelope.date.as_deref().and_then(|date| DateTime::parse(date).ok());
                    row.subject = envelope.subject.as_ref().map(decoded).unwrap_or_default();
                    if let Some(author) = envelope.from.iter().next() {
                        row.address = address(&author);
                        let name = author.name.as_ref().filter(|name| !name.is_empty());
                        row.from = name.map_or_else(|| row.address.clone(), decoded);
                    }
                }
                _ => {}
            }
        }
        row.date = row.date.or(arrived);
        is_whole.then_some(row)
    }

    pub(crate) fn object(&self) -> serde_json::Value {
        json!({
            "uid": self.uid,
            "date": self.date.and_then(|date| value::utc(date.unix_seconds())),
            "from": self.from,
            "address": self.address,
            "subject": self.subject,
            "size": self.size,
            "seen": self.seen,
        })
    }

    /// The columns of a message. They are only cut for a person: a program gets all of it.
    pub(crate) fn line(&self, zone: &TimeZone, cut: bool) -> String {
        let date = self.date.and_then(|date| Timestamp::from_second(date.unix_seconds()).ok()).map_or_else(
            || "-".into(),
            |date| date.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string(),
        );
        // Escaped before it is measured.
        let from = printable(&self.from);
        let from = if cut { width::fit(&from, FROM) } else { from.into_owned() };
        format!("{:>7}  {date:<16}  {}  {}", self.uid, width::pad(&from, FROM), printable(&self.subject))
    }
}

fn decoded(text: &Text<'_>) -> String {
    decode::unstructured(text).into_owned()
}

fn address(author: &Address<'_>) -> String {
    let text = |text: &Option<Text<'_>>| text.as_ref().map(|text| text.to_text().into_owned());
    match (text(&author.mailbox), text(&author.host)) {
        (Some(mailbox), Some(host)) => format!("{mailbox}@{host}"),
        (mailbox, _) => mailbox.unwrap_or_default(),
    }
}

/// Columns for who sent it.
const FROM: usize = 28;

#[cfg(test)]
mod tests {
    use mailbearer::imap_protocol::{Data, Frame, Response};

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
        let row = |uid, date, from: &str, subject: &str| Row {
            uid,
            date,
            from: from.into(),
            subject: subject.into(),
            ..Row::default()
        };
        for (from, subject, want) in rows {
            let zone = TimeZone::fixed(jiff::tz::offset(1));
            assert_eq!(row(1, date, from, subject).line(&zone, true), want, "{from}");
        }
        let long = row(1, date, "A name that is longer than its column", "x").line(&TimeZone::UTC, false);
        assert_eq!(long, "      1  2026-11-24 05:32  A name that is longer than its column  x");
        assert_eq!(
            row(u32::MAX, None, "Ann", "").line(&TimeZone::UTC, true),
            "4294967295  -                 Ann                           "
        );
    }

    #[test]
    fn a_response_tells_what_a_listing_does() {
        let told = |items: &str| {
            let frame = Frame::from(format!("* 1 FETCH ({items})\r\n").into_bytes());
            match frame.response() {
                Ok(Response::Untagged(Data::Fetch(fetch))) => Row::of(&fetch.items),
                other => panic!("{other:?}"),
            }
        };
        let row = told(
            "UID 7 RFC822.SIZE 99 FLAGS (\\Seen) INTERNALDATE \"24-Nov-2026 06:32:00 +0100\" ENVELOPE (\"x\" \
             \"=?utf-8?q?Gr=C3=BC=C3=9Fe?=\" ((\"=?utf-8?q?Z=C3=B6e?=\" NIL \"z\" \"x\")) NIL NIL NIL NIL NIL NIL NIL)",
        );
        let row = row.unwrap().object().to_string();
        assert_eq!(
            row,
            "{\"address\":\"z@x\",\"date\":\"2026-11-24T05:32:00Z\",\"from\":\"Zöe\",\"seen\":true,\"size\":99,\
             \"subject\":\"Grüße\",\"uid\":7}"
        );
        let bare =
            told("UID 7 ENVELOPE (NIL NIL ((NIL NIL \"z\" \"x\")) NIL NIL NIL NIL NIL NIL NIL)").unwrap();
        assert_eq!((bare.from.as_str(), bare.date), ("z@x", None));
        assert_eq!(told("UID 7 FLAGS (\\Seen)"), None);
    }
}
