use std::io::Write;

use jiff::{Timestamp, tz::TimeZone};
use mailbearer::{DateTime, Range, Summary, wire::printable};
use serde_json::json;

use crate::{
    cli::{GlobalArgs, ListArgs},
    error::Error,
    output::Output,
    session::Session,
    width,
};

pub(crate) fn run(
    global: &GlobalArgs,
    arguments: &ListArgs,
    out: &mut Output<impl Write>,
) -> Result<(), Error> {
    super::check_folder(&arguments.folder)?;
    let session = Session::open(global, true)?;
    let range = arguments.limit.map_or(Range::All, |count| Range::Last(count.get()));
    let mut imap = session.with_token(|client| client.connect_imap())?;
    let mut listing = imap.list(&arguments.folder, range)?;
    let zone = TimeZone::system();
    while let Some(summary) = listing.next()? {
        if out.is_json() {
            out.json(&object(&summary))?;
        } else {
            let Summary { uid, date, from, subject, .. } = &summary;
            let line = line(*uid, *date, from, subject, &zone, out.is_terminal());
            out.line(&line)?;
        }
    }
    // Everything is here; that the server says goodbye is not worth failing for.
    let _ = imap.logout();
    Ok(())
}

fn object(summary: &Summary) -> serde_json::Value {
    let date = summary.date.and_then(|date| Timestamp::from_second(date.unix_seconds()).ok());
    json!({
        "uid": summary.uid,
        "date": date.map(|date| date.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        "from": summary.from,
        "address": summary.address,
        "subject": summary.subject,
        "size": summary.size,
        "seen": summary.seen,
    })
}

/// The columns of a message. They are only cut for a person: a program gets all of it.
fn line(uid: u32, date: Option<DateTime>, from: &str, subject: &str, zone: &TimeZone, cut: bool) -> String {
    let date = date.and_then(|date| Timestamp::from_second(date.unix_seconds()).ok()).map_or_else(
        || "-".into(),
        |date| date.to_zoned_datetime(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string(),
    );
    // Escaped before it is measured.
    let from = printable(from);
    let from = if cut { width::fit(&from, FROM) } else { from.into_owned() };
    format!("{uid:>7}  {date:<16}  {}  {}", width::pad(&from, FROM), printable(subject))
}

/// Columns for who sent it.
const FROM: usize = 28;

#[cfg(test)]
mod tests {
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
        for (from, subject, want) in rows {
            let zone = TimeZone::fixed(jiff::tz::offset(1));
            assert_eq!(line(1, date, from, subject, &zone, true), want, "{from}");
        }
        let long = line(1, date, "A name that is longer than its column", "x", &TimeZone::UTC, false);
        assert_eq!(long, "      1  2026-11-24 05:32  A name that is longer than its column  x");
        assert_eq!(
            line(u32::MAX, None, "Ann", "", &TimeZone::UTC, true),
            "4294967295  -                 Ann                           "
        );
    }
}
