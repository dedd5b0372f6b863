use mailbearer_imap::{Address, Data, FetchItem, Flag, Frame, Item, List, Text};
use mailbearer_mime::{
    DateTime,
    decode::{self, DisplayAddress},
};

/// A message in a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Names the message in its mailbox for good; 0 if the server told none.
    pub uid: u32,
    /// Its number at this moment; 0 on a server that tells only UIDs (RFC 9586).
    pub number: u32,
    /// The time of the Date field, or where that is missing or broken the time of arrival.
    pub date: Option<DateTime>,
    /// The first author, by name where there is one. Decoded; may hold control characters.
    pub from: String,
    /// The first author's address; empty where there is none.
    pub address: String,
    /// Decoded; may hold control characters.
    pub subject: String,
    /// `To`: the members of groups too, without the names of these. Names are decoded, and may hold control characters.
    pub to: Vec<DisplayAddress>,
    /// `Cc`.
    pub cc: Vec<DisplayAddress>,
    /// Where replies go; the author, where the message does not say it.
    pub reply_to: Vec<DisplayAddress>,
    /// `Message-ID`, as it is written; empty where there is none.
    pub message_id: String,
    /// `In-Reply-To`, as it is written; empty where there is none.
    pub in_reply_to: String,
    /// In octets; some servers estimate it.
    pub size: u64,
    /// Whether it was read.
    pub seen: bool,
    /// Whether it was answered.
    pub answered: bool,
    /// Whether somebody marked it.
    pub flagged: bool,
    /// Whether it is still being written.
    pub draft: bool,
    /// Whether files are attached; `None` where the server was not asked
    /// ([`Examined::list_with_attachments`](crate::Examined::list_with_attachments)) or did not tell.
    pub has_attachments: Option<bool>,
    /// Whether the server can't show the message, or not so that it can be read: what is not known is empty.
    pub incomplete: bool,
}

impl Summary {
    /// What is fetched for one.
    pub const ITEMS: [FetchItem<'static>; 5] =
        [FetchItem::Uid, FetchItem::Flags, FetchItem::InternalDate, FetchItem::Size, FetchItem::Envelope];
    /// What a server can tell of a message that it can't show.
    pub(super) const LITTLE: [FetchItem<'static>; 4] =
        [FetchItem::Uid, FetchItem::Flags, FetchItem::InternalDate, FetchItem::Size];

    /// Nothing is known of this message but that it is there.
    pub(super) fn unknown(uid: u32, number: u32) -> Self {
        Self { uid, number, incomplete: true, ..Self::default() }
    }
}

/// `None` for a response that tells nothing of a header, as one of changed flags does. A header that the server can't
/// make out (`ENVELOPE NIL`) is told all the same.
pub(crate) fn summary(number: u32, items: &[Item<'_>]) -> Option<Summary> {
    told(number, items, false)
}

/// As [`summary`]; a response `is_told` that has no header in it, too.
fn told(number: u32, items: &[Item<'_>], mut is_told: bool) -> Option<Summary> {
    let (mut summary, mut arrived) = (Summary::unknown(0, number), None);
    for item in items {
        match item {
            Item::Uid(uid) => summary.uid = *uid,
            Item::Size(size) => summary.size = *size,
            Item::Flags(flags) => {
                for flag in flags.iter() {
                    match flag {
                        Flag::Seen => summary.seen = true,
                        Flag::Answered => summary.answered = true,
                        Flag::Flagged => summary.flagged = true,
                        Flag::Draft => summary.draft = true,
                        _ => {}
                    }
                }
            }
            Item::InternalDate(date) => arrived = Some(*date),
            Item::Envelope(envelope) => {
                (is_told, summary.incomplete) = (true, false);
                if let Some(subject) = &envelope.subject {
                    summary.subject = decode::unstructured(subject).into_owned();
                }
                if let Some(author) = envelope.from.iter().next() {
                    summary.address = address(&author);
                    summary.from = match &author.name {
                        Some(name) if !name.is_empty() => decode::unstructured(name).into_owned(),
                        _ => summary.address.clone(),
                    };
                }
                summary.to = people(&envelope.to);
                summary.cc = people(&envelope.cc);
                summary.reply_to = people(&envelope.reply_to);
                summary.message_id = line(envelope.message_id.as_ref());
                summary.in_reply_to = line(envelope.in_reply_to.as_ref());
                summary.date = envelope.date.as_deref().and_then(|date| decode::date_time(date).ok());
            }
            Item::Other { name, .. } => is_told |= name.eq_ignore_ascii_case(b"ENVELOPE"),
            _ => {}
        }
    }
    summary.date = summary.date.or(arrived);
    is_told.then_some(summary)
}

/// What a response tells that has no header in it, if it tells the size: one of changed flags has none.
pub(crate) fn little(number: u32, items: &[Item<'_>]) -> Option<Summary> {
    let has_size = items.iter().any(|item| matches!(item, Item::Size(_)));
    let mut summary = told(number, items, true).filter(|_| has_size)?;
    summary.incomplete = true;
    Some(summary)
}

/// A FETCH response that can't be read, up to the item of it that is the matter: a header or a structure, which are the
/// ones that servers take from what strangers sent. `None` if that is not it.
pub(super) fn salvage(frame: &Frame) -> Option<Frame> {
    let octets = frame.octets();
    if !frame.streamed().is_empty() {
        return None;
    }
    // The last one first: an envelope that can be read stays.
    let mut end = octets.len();
    loop {
        let starts = ITEMS.iter().filter_map(|item| position(octets, item));
        end = starts.filter(|start| *start < end).max()?;
        if let Some(cut) = cut_at(octets, end) {
            return Some(cut);
        }
    }
}

fn cut_at(octets: &[u8], start: usize) -> Option<Frame> {
    let (head, _) = octets.split_at_checked(start)?;
    let mut cut = head.to_vec();
    // Tells an answer to this question from a change of flags.
    cut.extend_from_slice(if cut.ends_with(b"(") { b"" } else { b" " });
    cut.extend_from_slice(b"ENVELOPE NIL)\r\n");
    let cut = Frame::from(cut);
    // By the grammar of listings, which is all that a program links that does nothing else.
    let is_fetch = matches!(cut.summary_data(), Ok(Some(Data::Fetch(_) | Data::UidFetch(_))));
    is_fetch.then_some(cut)
}

/// Where an item begins, at the space in front of it if there is one.
fn position(octets: &[u8], item: &[u8]) -> Option<usize> {
    let found = octets.windows(item.len()).position(|window| window.eq_ignore_ascii_case(item))?;
    let opens = item.first() == Some(&b'(');
    Some(found.saturating_add(usize::from(opens)))
}

/// The mailboxes of a list. What begins and ends a group has no host.
fn people(list: &List<'_, Address<'_>>) -> Vec<DisplayAddress> {
    let mailboxes = list.iter().filter(|mailbox| mailbox.host.is_some());
    let shown = mailboxes.map(|mailbox| {
        let name = mailbox.name.as_deref().map(|name| decode::unstructured(name).into_owned());
        DisplayAddress::new(name.unwrap_or_default(), address(&mailbox))
    });
    shown.collect()
}

/// A value of ids, which is ASCII where it is worth anything.
fn line(value: Option<&Text<'_>>) -> String {
    value.map(|value| String::from_utf8_lossy(value.trim_ascii()).into_owned()).unwrap_or_default()
}

fn address(author: &Address<'_>) -> String {
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    match (author.mailbox.as_deref().map(text), author.host.as_deref().map(text)) {
        (Some(mailbox), Some(host)) => format!("{mailbox}@{host}"),
        (Some(mailbox), None) => mailbox,
        (None, _) => String::new(),
    }
}

/// Items whose value comes from what strangers sent.
const ITEMS: [&[u8]; 6] =
    [b" ENVELOPE ", b"(ENVELOPE ", b" BODYSTRUCTURE ", b"(BODYSTRUCTURE ", b" BODY ", b"(BODY "];

#[cfg(test)]
mod tests {
    use mailbearer_imap::Response;

    use super::*;

    fn told(items: &str) -> Option<Summary> {
        let frame = Frame::from(format!("* 1 FETCH ({items})\r\n").into_bytes());
        match frame.response() {
            Ok(Response::Untagged(Data::Fetch(fetch))) => summary(fetch.number, &fetch.items),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_response_with_an_envelope_tells_of_a_message() {
        let whole = told(
            "UID 7 RFC822.SIZE 99 FLAGS (\\Seen Work \\Answered) INTERNALDATE \"24-Nov-2026 06:32:00 +0100\" ENVELOPE (\"x\" \
             \"=?utf-8?q?Gr=C3=BC=C3=9Fe?=\" ((\"=?utf-8?q?Z=C3=B6e?=\" NIL \"z\" \"x\")) NIL ((NIL NIL \"r\" \"x\")) \
             ((NIL NIL \"friends\" NIL)(\"Ann\" NIL \"a\" \"x\")(NIL NIL NIL NIL)(NIL NIL \"b\" \"x\")) \
             ((\"=?utf-8?q?J=C3=B6rg?=\" NIL \"j\" \"x\")) NIL \"<0@x>\" \" <1@x>\")",
        );
        let want = Summary {
            uid: 7,
            number: 1,
            date: DateTime::new(1_795_498_320, 60).ok(),
            from: "Zöe".into(),
            address: "z@x".into(),
            subject: "Grüße".into(),
            to: vec![DisplayAddress::new("Ann", "a@x"), DisplayAddress::new("", "b@x")],
            cc: vec![DisplayAddress::new("Jörg", "j@x")],
            reply_to: vec![DisplayAddress::new("", "r@x")],
            message_id: "<1@x>".into(),
            in_reply_to: "<0@x>".into(),
            size: 99,
            seen: true,
            answered: true,
            ..Summary::default()
        };
        assert_eq!(whole, Some(want));
        let bare = told("UID 7 ENVELOPE (NIL NIL ((NIL NIL \"z\" \"x\")) NIL NIL NIL NIL NIL NIL NIL)");
        assert_eq!(bare.map(|bare| (bare.from, bare.date)), Some(("z@x".into(), None)));
        assert_eq!(told("UID 7 FLAGS (\\Seen)"), None);
    }

    #[test]
    fn what_can_be_read_of_an_odd_response_is() {
        for (items, want) in [
            ("UID 7 FLAGS () ENVELOPE (NIL \"a\" b\" c", Some(7)),
            ("ENVELOPE (NIL ((( UID 7", Some(0)),
            ("UID 7 envelope x y", Some(7)),
            ("UID 7 BODYSTRUCTURE (((", Some(7)),
            ("UID 7 BODY (((", Some(7)),
            ("UID 7 BODY[] (((", None),
            ("UID 7 FLAGS (((", None),
            ("UID x ENVELOPE NIL", Some(0)),
        ] {
            let frame = Frame::from(format!("* 1 FETCH ({items})\r\n").into_bytes());
            let uid = salvage(&frame).map(|frame| match frame.response() {
                Ok(Response::Untagged(Data::Fetch(fetch))) => summary(1, &fetch.items).unwrap(),
                other => panic!("{other:?}"),
            });
            assert_eq!(uid.as_ref().map(|summary| summary.uid), want, "{items}");
            assert!(uid.is_none_or(|summary| summary.incomplete), "{items}");
        }
        assert_eq!(salvage(&Frame::from(b"* LIST (ENVELOPE x\r\n".to_vec())), None);
    }
}
