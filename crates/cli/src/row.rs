//! One line for each message, for `list` and `watch`.

use jiff::{Timestamp, tz::TimeZone};
use mailbearer::{DisplayAddress, Summary, proto::wire::printable};
use serde_json::json;

use crate::{output, value};

/// A message as an object.
pub(crate) fn object(message: &Summary) -> serde_json::Value {
    let mut object = json!({
        "uid": message.uid,
        "date": message.date.and_then(|date| value::utc(date.unix_seconds())),
        "from": message.from,
        "address": message.address,
        "subject": message.subject,
        "to": message.to.iter().map(person).collect::<Vec<_>>(),
        "cc": message.cc.iter().map(person).collect::<Vec<_>>(),
        "reply_to": message.reply_to.iter().map(person).collect::<Vec<_>>(),
        "message_id": Some(&message.message_id).filter(|id| !id.is_empty()),
        "in_reply_to": Some(&message.in_reply_to).filter(|id| !id.is_empty()),
        "size": message.size,
        "seen": message.seen,
        "answered": message.answered,
        "flagged": message.flagged,
    });
    if let Some(fields) = object.as_object_mut() {
        // Left out where it is false: it is rarely true.
        if message.incomplete {
            fields.insert("incomplete".into(), true.into());
        }
        if let Some(attachments) = message.has_attachments {
            fields.insert("attachments".into(), attachments.into());
        }
    }
    object
}

fn person(mailbox: &DisplayAddress) -> serde_json::Value {
    json!({ "name": mailbox.name, "address": mailbox.address })
}

/// What stands for a message that the server does not show, or shows in a form that we can't read.
pub(crate) fn incomplete(message: &Summary) -> String {
    let name = match (message.uid, message.number) {
        (0, number) => format!("message {number}"),
        (uid, _) => format!("UID {uid}"),
    };
    format!("{name}: the server's answer about this message can't be read in full")
}

/// The columns of a message.
///
/// With a `width` they are cut to fit, with a star for unread messages, an exclamation mark for flagged ones, and an `@` for
/// attached files. Without, for programs, nothing is cut and the columns never change.
pub(crate) fn line(message: &Summary, zone: &TimeZone, width: Option<usize>) -> String {
    // On a narrow terminal the time would take the place of the subject.
    let (form, columns) =
        if width.is_some_and(|width| width < NARROW) { ("%Y-%m-%d", 10) } else { ("%Y-%m-%d %H:%M", 16) };
    let date = message
        .date
        .and_then(|date| Timestamp::from_second(date.unix_seconds()).ok())
        .map_or_else(|| "-".into(), |date| date.to_zoned_datetime(zone.clone()).strftime(form).to_string());
    // Escapes change the width, so they come first.
    let (from, subject) = (printable(&message.from), printable(&message.subject));
    let Some(width) = width else {
        return format!("{:>7}  {date:<columns$}  {}  {subject}", message.uid, output::pad(&from, FROM));
    };
    let mark = |is_so: bool, mark| if is_so { mark } else { ' ' };
    let marks = [
        mark(!message.seen, '*'),
        mark(message.flagged, '!'),
        mark(message.has_attachments == Some(true), '@'),
    ];
    let start = format!("{:>7} {} {date:<columns$}  ", message.uid, String::from_iter(marks));
    let room = width.saturating_sub(start.len());
    // On a narrow terminal the subject gets most of what is left.
    let column = FROM.min(room / 3);
    let from = output::pad(&output::fit(&from, column), column);
    output::fit(&format!("{start}{from}  {subject}"), width)
}

/// Columns below which a terminal is narrow.
const NARROW: usize = 60;
/// Columns for the sender.
const FROM: usize = 28;

#[cfg(test)]
mod tests {
    use mailbearer::DateTime;

    use super::*;

    fn shown(uid: u32, from: &str, subject: &str, width: Option<usize>) -> String {
        let mut message = Summary::default();
        (message.uid, message.date) = (uid, DateTime::new(1_795_498_320, 120).ok());
        (message.from, message.subject) = (from.into(), subject.into());
        line(&message, &TimeZone::fixed(jiff::tz::offset(1)), width)
    }

    #[test]
    fn columns_stand_under_each_other() {
        for (from, subject, want) in [
            ("Ann Example", "Hi", "      1 *   2026-11-24 06:32  Ann Example                   Hi"),
            ("张三", "你好", "      1 *   2026-11-24 06:32  张三                          你好"),
            (
                "A name that is longer than its column",
                "x\u{1b}[2J",
                "      1 *   2026-11-24 06:32  A name that is longer than …  x\\x1b[2J",
            ),
            ("", "", "      1 *   2026-11-24 06:32                                "),
        ] {
            assert_eq!(shown(1, from, subject, Some(120)), want, "{from}");
        }
        assert_eq!(
            shown(1, "A name that is longer than its column", "x", None),
            "      1  2026-11-24 06:32  A name that is longer than its column  x"
        );
        let mut message = Summary::default();
        (message.uid, message.seen, message.from) = (u32::MAX, true, "Ann".into());
        assert_eq!(
            line(&message, &TimeZone::UTC, None),
            "4294967295  -                 Ann                           "
        );
    }

    #[test]
    fn a_message_shows_what_it_is() {
        for (seen, flagged, attachments, want) in
            [(false, true, Some(true), "*!@"), (true, false, Some(false), "   "), (true, true, None, " ! ")]
        {
            let mut message = Summary::default();
            (message.uid, message.seen, message.flagged) = (1, seen, flagged);
            message.has_attachments = attachments;
            assert_eq!(&line(&message, &TimeZone::UTC, Some(80))[8..11], want);
        }
    }

    /// Subjects fit 80 and 40 columns, with a mark of unread.
    #[test]
    fn a_line_fits_the_terminal() {
        let subject = "Ein 很长的 subject that goes on and on and on, and then some more of it after that";
        for (width, want) in [
            (80, "      1 *   2026-11-24 06:32  Ann Example of …  Ein 很长的 subject that goes on…"),
            (
                120,
                &format!("      1 *   2026-11-24 06:32  Ann Example of somewhere      {}…", &subject[..62]),
            ),
            (60, "      1 *   2026-11-24 06:32  Ann Examp…  Ein 很长的 subjec…"),
            (59, "      1 *   2026-11-24  Ann Exampl…  Ein 很长的 subject th…"),
            (40, "      1 *   2026-11-24  Ann …  Ein 很长…"),
            (20, "      1 *   2026-11…"),
            (1, "…"),
        ] {
            let line = shown(1, "Ann Example of somewhere", subject, Some(width));
            assert_eq!(line, want, "{width}");
            assert!(output::width(&line) <= width, "{width}");
        }
    }

    #[test]
    fn an_object_has_all_of_it() {
        let mut message = Summary::default();
        (message.uid, message.size, message.seen) = (7, 99, true);
        message.date = DateTime::new(1_795_498_320, 60).ok();
        (message.from, message.address, message.subject) = ("Zöe".into(), "z@x".into(), "Grüße".into());
        message.to = vec![DisplayAddress::new("Ann", "a@x")];
        (message.message_id, message.has_attachments) = ("<1@x>".into(), Some(true));
        assert_eq!(
            object(&message).to_string(),
            "{\"address\":\"z@x\",\"answered\":false,\"attachments\":true,\"cc\":[],\"date\":\"2026-11-24T05:32:00Z\",\
             \"flagged\":false,\"from\":\"Zöe\",\"in_reply_to\":null,\"message_id\":\"<1@x>\",\"reply_to\":[],\
             \"seen\":true,\"size\":99,\"subject\":\"Grüße\",\"to\":[{\"address\":\"a@x\",\"name\":\"Ann\"}],\"uid\":7}"
        );
    }
}
