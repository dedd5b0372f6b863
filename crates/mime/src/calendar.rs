//! Invitations: what `text/calendar` says of an event (RFC 5545, RFC 5546).

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use mailbearer_wire::{Date, DateTime};

use crate::line_end::with_lines;

/// An event that somebody invites to, changes, cancels or answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Invitation {
    /// `REQUEST` for an invitation, `REPLY` for the answer to one, `CANCEL`, …, in upper case; empty for an event that
    /// asks nothing.
    pub method: String,
    /// Title. This text and the others may hold control characters.
    pub summary: String,
    /// When it begins.
    pub start: Option<When>,
    /// When it ends. For whole days this is the day after the last one.
    pub end: Option<When>,
    /// Where it is.
    pub location: String,
    /// Description.
    pub description: String,
    /// The person who invites.
    pub organizer: Option<Attendee>,
    /// The people who are invited, or the one who answers: the first 1,000 of them.
    pub attendees: Vec<Attendee>,
    /// Id of the event, the same in each message about it.
    pub uid: String,
    /// Number of the revision, which grows with each change.
    pub sequence: u32,
    /// How often it repeats, as the data write it (RFC 5545 section 3.3.10). Empty if it does not repeat.
    pub rule: String,
}

/// A person who organises or attends an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attendee {
    /// Name; empty if there is none.
    pub name: String,
    /// Mail address, or another URI.
    pub address: String,
    /// `ACCEPTED`, `DECLINED`, `TENTATIVE`, `NEEDS-ACTION`, …, in upper case. Empty if the data do not say.
    pub status: String,
}

/// A day, or a time of day in a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct When {
    /// The day.
    pub date: Date,
    /// Hour, minute and second; `None` for the whole day.
    pub time: Option<(u8, u8, u8)>,
    /// Name of the time zone, `UTC` for one. `None` means local time, wherever the reader is.
    pub zone: Option<String>,
}

/// Reads the first event of calendar data. Returns `None` if there is none.
///
/// Looks at the first 10,000 lines of an event. Takes time linear in `text`.
///
/// ```
/// let text = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nSUMMARY:Tea\\, for\r\n  two\r\n\
///     DTSTART;TZID=Europe/Berlin:20261126T160000\r\nDURATION:PT1H30M\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
/// let invitation = mailbearer_mime::calendar::invitation(text).ok_or("no event")?;
/// assert_eq!((invitation.method.as_str(), invitation.summary.as_str()), ("REQUEST", "Tea, for two"));
/// assert_eq!(invitation.end.and_then(|end| end.time), Some((17, 30, 0)));
/// # Ok::<(), &str>(())
/// ```
#[must_use]
pub fn invitation(text: &str) -> Option<Invitation> {
    let text = with_lines(Cow::Borrowed(text.strip_prefix('\u{FEFF}').unwrap_or(text)));
    let mut invitation = Invitation::default();
    let mut duration = None;
    // What is open inside of the event: a reminder has a text of its own.
    let (mut in_event, mut inside, mut seen) = (false, 0usize, 0usize);
    for line in Lines(&text) {
        let Some(line) = Line::parse(&line) else { continue };
        match line.name.as_str() {
            "BEGIN" if in_event => inside = inside.saturating_add(1),
            "BEGIN" => in_event = line.value.trim().eq_ignore_ascii_case("VEVENT"),
            "END" if in_event && inside == 0 => break,
            "END" => inside = inside.saturating_sub(1),
            "METHOD" if !in_event => invitation.method = line.value.trim().to_ascii_uppercase(),
            _ if in_event && inside == 0 => invitation.set(&line, &mut duration),
            _ => {}
        }
        seen = seen.saturating_add(usize::from(in_event));
        if seen > MAX_LINES {
            break;
        }
    }
    if invitation.end.is_none()
        && let (Some(start), Some(seconds)) = (&invitation.start, duration)
    {
        invitation.end = start.later(seconds);
    }
    in_event.then_some(invitation)
}

const MAX_LINES: usize = 10_000;
const MAX_ATTENDEES: usize = 1_000;

impl Invitation {
    fn set(&mut self, line: &Line<'_>, duration: &mut Option<i64>) {
        match line.name.as_str() {
            "SUMMARY" => self.summary = unescaped(line.value),
            "LOCATION" => self.location = unescaped(line.value),
            "DESCRIPTION" => self.description = unescaped(line.value),
            "UID" => self.uid = unescaped(line.value),
            "RRULE" => self.rule = line.value.trim().into(),
            "SEQUENCE" => self.sequence = line.value.trim().parse().unwrap_or_default(),
            "DTSTART" => self.start = line.when(),
            "DTEND" => self.end = line.when(),
            "DURATION" => *duration = seconds_of(line.value.trim()),
            "ORGANIZER" => self.organizer = Some(line.attendee()),
            "ATTENDEE" if self.attendees.len() < MAX_ATTENDEES => self.attendees.push(line.attendee()),
            _ => {}
        }
    }
}

impl When {
    fn later(&self, seconds: i64) -> Option<Self> {
        let start = DateTime::at(self.date, self.time.unwrap_or_default(), 0).ok()?;
        let end = DateTime::new(start.unix_seconds().checked_add(seconds)?, 0).ok()?;
        Some(Self { date: end.date(), time: self.time.map(|_| end.time()), zone: self.zone.clone() })
    }
}

/// `name *(";" param) ":" value`
struct Line<'a> {
    name: String,
    parameters: Vec<(String, &'a str)>,
    value: &'a str,
}

impl<'a> Line<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (mut quoted, mut from) = (false, 0usize);
        let (mut name, mut parameters) = (None, Vec::new());
        for (at, byte) in line.bytes().enumerate() {
            match byte {
                b'"' => quoted = !quoted,
                b';' | b':' if !quoted => {
                    let piece = line.get(from..at)?;
                    if name.is_none() {
                        // Some put a group in front, as in vCard.
                        name = Some(piece.rsplit('.').next()?.trim().to_ascii_uppercase());
                    } else if let Some((name, value)) = piece.split_once('=') {
                        parameters.push((name.trim().to_ascii_uppercase(), value.trim().trim_matches('"')));
                    }
                    from = at.saturating_add(1);
                    if byte == b':' {
                        return Some(Self { name: name?, parameters, value: line.get(from..)? });
                    }
                }
                _ => {}
            }
        }
        None
    }

    fn parameter(&self, name: &str) -> Option<&'a str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }

    /// `date` or `date-time` (RFC 5545 sections 3.3.4 and 3.3.5).
    fn when(&self) -> Option<When> {
        let value = self.value.trim();
        let number = |from: usize, to: usize| {
            let digits = value.get(from..to).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
            digits.parse::<u16>().ok()
        };
        let small = |from, to| u8::try_from(number(from, to)?).ok();
        let date = Date::new(number(0, 4)?, small(4, 6)?, small(6, 8)?).ok()?;
        if value.len() == 8 {
            return Some(When { date, time: None, zone: None });
        }
        let time = (small(9, 11)?, small(11, 13)?, small(13, 15)?);
        let valid = value.as_bytes().get(8).is_some_and(|byte| byte.eq_ignore_ascii_case(&b'T'));
        DateTime::at(date, time, 0).ok().filter(|_| valid)?;
        let zone = match value.get(15..)? {
            "Z" | "z" => Some("UTC".into()),
            _ => self.parameter("TZID").map(Into::into),
        };
        Some(When { date, time: Some(time), zone })
    }

    fn attendee(&self) -> Attendee {
        let value = self.value.trim();
        let address = match value.get(..7) {
            Some(scheme) if scheme.eq_ignore_ascii_case("mailto:") => value.get(7..).unwrap_or_default(),
            _ => value,
        };
        Attendee {
            name: caret_decoded(self.parameter("CN").unwrap_or_default()),
            address: address.into(),
            status: self.parameter("PARTSTAT").unwrap_or_default().to_ascii_uppercase(),
        }
    }
}

/// Lines, unfolded: one that begins with white space goes on with the one before (RFC 5545 section 3.1).
struct Lines<'a>(&'a str);

impl<'a> Iterator for Lines<'a> {
    type Item = Cow<'a, str>;

    fn next(&mut self) -> Option<Cow<'a, str>> {
        if self.0.is_empty() {
            return None;
        }
        let mut line = Cow::Borrowed(self.take());
        while self.0.starts_with([' ', '\t']) {
            self.0 = self.0.get(1..).unwrap_or_default();
            let more = self.take();
            line.to_mut().push_str(more);
        }
        Some(line)
    }
}

impl<'a> Lines<'a> {
    fn take(&mut self) -> &'a str {
        let (line, rest) = self.0.split_once('\n').unwrap_or((self.0, ""));
        self.0 = rest;
        line.strip_suffix('\r').unwrap_or(line)
    }
}

/// `\n`, `\,`, `\;` and `\\` (RFC 5545 section 3.3.11).
fn unescaped(value: &str) -> String {
    replaced(value.trim(), '\\', |c| match c {
        'n' | 'N' => Some('\n'),
        ',' | ';' | ':' | '\\' | '"' => Some(c),
        _ => None,
    })
}

/// `^n`, `^^` and `^'` (RFC 6868).
fn caret_decoded(value: &str) -> String {
    replaced(value, '^', |c| match c {
        'n' => Some('\n'),
        '^' => Some('^'),
        '\'' => Some('"'),
        _ => None,
    })
}

fn replaced(text: &str, mark: char, meaning: impl Fn(char) -> Option<char>) -> String {
    let (mut out, mut characters) = (String::with_capacity(text.len()), text.chars());
    while let Some(c) = characters.next() {
        let escaped = characters.clone().next().filter(|_| c == mark).and_then(&meaning);
        if escaped.is_some() {
            characters.next();
        }
        out.push(escaped.unwrap_or(c));
    }
    out
}

/// `dur-value` in seconds (RFC 5545 section 3.3.6).
fn seconds_of(value: &str) -> Option<i64> {
    let (sign, text) = match value.strip_prefix('-') {
        Some(text) => (-1, text),
        None => (1, value.strip_prefix('+').unwrap_or(value)),
    };
    let (mut total, mut number) = (0_i64, 0_i64);
    for c in text.strip_prefix(['P', 'p'])?.chars() {
        let unit = match c.to_ascii_uppercase() {
            'T' => continue,
            'W' => 604_800,
            'D' => 86_400,
            'H' => 3_600,
            'M' => 60,
            'S' => 1,
            digit => {
                number = number.checked_mul(10)?.checked_add(i64::from(digit.to_digit(10)?))?;
                continue;
            }
        };
        total = total.checked_add(number.checked_mul(unit)?)?;
        number = 0;
    }
    total.checked_mul(sign)
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use proptest::prelude::*;

    use super::*;

    fn when(year: u16, month: u8, day: u8, time: Option<(u8, u8, u8)>, zone: Option<&str>) -> Option<When> {
        Some(When { date: Date::new(year, month, day).unwrap(), time, zone: zone.map(Into::into) })
    }

    #[test]
    fn an_invitation_is_told() {
        let text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:request\r\nBEGIN:VTIMEZONE\r\nTZID:W. Europe\r\nBEGIN:STANDARD\r\n\
            DTSTART:16010101T030000\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\n\
            ORGANIZER;CN=\"Ann; of: Ops\":MAILTO:ann@example.org\r\n\
            ATTENDEE;PARTSTAT=needs-action;CN=Bob ^'B^':mailto:bob@exam\r\n ple.org\r\n\
            SUMMARY;LANGUAGE=de:Gr\u{fc}\u{df}e\\; und\\nmehr\r\nLOCATION:Room 1\r\nUID:1@x\r\nSEQUENCE:2\r\n\
            DTSTART;TZID=W. Europe:20261126T100000\r\nDTEND:20261126T093000Z\r\nRRULE:FREQ=DAILY\r\n\
            BEGIN:VALARM\r\nSUMMARY:no\r\nDURATION:PT5M\r\nEND:VALARM\r\nDESCRIPTION:a\\\\b\r\nEND:VEVENT\r\n\
            BEGIN:VEVENT\r\nSUMMARY:second\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        let want = Invitation {
            method: "REQUEST".into(),
            summary: "Gr\u{fc}\u{df}e; und\nmehr".into(),
            start: when(2026, 11, 26, Some((10, 0, 0)), Some("W. Europe")),
            end: when(2026, 11, 26, Some((9, 30, 0)), Some("UTC")),
            location: "Room 1".into(),
            description: "a\\b".into(),
            organizer: Some(Attendee {
                name: "Ann; of: Ops".into(),
                address: "ann@example.org".into(),
                status: String::new(),
            }),
            attendees: Vec::from([Attendee {
                name: "Bob \"B\"".into(),
                address: "bob@example.org".into(),
                status: "NEEDS-ACTION".into(),
            }]),
            uid: "1@x".into(),
            sequence: 2,
            rule: "FREQ=DAILY".into(),
        };
        for end in ["\r\n", "\n", "\r", "\r\r\n"] {
            assert_eq!(invitation(&text.replace("\r\n", end)), Some(want.clone()), "{end:?}");
        }
    }

    #[test]
    fn times_are_read() {
        type Row = (&'static str, Option<When>, Option<When>);
        let rows: &[Row] = &[
            (
                "DTSTART;VALUE=DATE:20260131\nDURATION:P1D",
                when(2026, 1, 31, None, None),
                when(2026, 2, 1, None, None),
            ),
            (
                "DTSTART:20261231T233000\nDURATION:P1WT1H",
                when(2026, 12, 31, Some((23, 30, 0)), None),
                when(2027, 1, 8, Some((0, 30, 0)), None),
            ),
            ("DTSTART:20260230T000000Z", None, None),
            ("DTSTART:20260228T250000Z\nDURATION:PT1H", None, None),
            ("DTSTART:20260228X100000Z", None, None),
            ("DTSTART:2026", None, None),
            ("DTSTART:", None, None),
        ];
        for (lines, start, end) in rows {
            let told = invitation(&format!("BEGIN:VEVENT\n{lines}\nEND:VEVENT")).unwrap();
            assert_eq!((&told.start, &told.end), (start, end), "{lines}");
        }
        assert_eq!(invitation("BEGIN:VCALENDAR\nBEGIN:VTODO\nSUMMARY:x\nEND:VTODO"), None);
    }

    #[test]
    fn an_event_is_read_up_to_its_limits() {
        let event = |lines: &str, count: usize| {
            invitation(&format!("BEGIN:VEVENT\n{}SUMMARY:x\nEND:VEVENT", lines.repeat(count))).unwrap()
        };
        for (count, want) in [(MAX_ATTENDEES, MAX_ATTENDEES), (MAX_ATTENDEES + 1, MAX_ATTENDEES)] {
            assert_eq!(event("ATTENDEE:mailto:a@b\n", count).attendees.len(), want);
        }
        // The line that begins it counts.
        for (count, want) in [(MAX_LINES - 1, "x"), (MAX_LINES, "")] {
            assert_eq!(event("X:y\n", count).summary, want, "{count}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in ".*", line in "(DTSTART|DURATION|ORGANIZER)[;:=\"PTZ0-9é^\\\\]{0,30}") {
            let _ = invitation(&text);
            let _ = invitation(&format!("BEGIN:VEVENT\n{line}"));
        }
    }
}
