use mailbearer_imap::{Address, Data, Fetch, FetchItem, Flag, Frame, Item, List, Text};
use mailbearer_mime::{
    DateTime,
    decode::{self, DisplayAddress},
};

/// A message in a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Names the message in its mailbox permanently. 0 if the server sent none.
    pub uid: u32,
    /// Its present number. 0 on a server that sends UIDs only (RFC 9586).
    pub number: u32,
    /// The time of its Date field, or the time of arrival if that field is missing or broken.
    pub date: Option<DateTime>,
    /// Name of the first author, or the address if there is no name. Decoded; may hold control characters.
    pub from: String,
    /// Address of the first author. Empty if there is none.
    pub address: String,
    /// Its subject, decoded; may hold control characters.
    pub subject: String,
    /// `To`, with the members of groups but not the names of groups. Names are decoded, and may hold control
    /// characters.
    pub to: Vec<DisplayAddress>,
    /// `Cc`, in the same form.
    pub cc: Vec<DisplayAddress>,
    /// Where replies should go. The author, if the message does not say.
    pub reply_to: Vec<DisplayAddress>,
    /// `Message-ID`, as it is written. Empty if there is none.
    pub message_id: String,
    /// `In-Reply-To`, as it is written. Empty if there is none.
    pub in_reply_to: String,
    /// Its size in octets, which some servers estimate.
    pub size: u64,
    /// Whether it was read.
    pub seen: bool,
    /// Whether it was answered.
    pub answered: bool,
    /// Whether somebody flagged it.
    pub flagged: bool,
    /// Whether it is still being written.
    pub draft: bool,
    /// Whether files are attached (`hasAttachment` of RFC 8621 section 4.1.4). Pictures that stand in the text are none.
    /// `None` if the server was not asked ([`Examined::list_with_attachments`](crate::Examined::list_with_attachments))
    /// or did not say.
    pub has_attachments: Option<bool>,
    /// Whether the server can't show the message, or what it says can't be read. Unknown fields are empty then.
    pub incomplete: bool,
}

impl Summary {
    /// The items to fetch for a summary.
    pub const ITEMS: [FetchItem<'static>; 5] =
        [FetchItem::Uid, FetchItem::Flags, FetchItem::InternalDate, FetchItem::Size, FetchItem::Envelope];
    /// What a server can say of a message that it can't show.
    pub(super) const LITTLE: [FetchItem<'static>; 4] =
        [FetchItem::Uid, FetchItem::Flags, FetchItem::InternalDate, FetchItem::Size];

    /// Makes the summary of a message of which nothing is known but that it exists.
    pub(super) fn unknown(uid: u32, number: u32) -> Self {
        Self { uid, number, incomplete: true, ..Self::default() }
    }
}

/// Makes a summary of a response. `None` for one that says nothing of a header, such as one about changed flags. A
/// header that the server can't parse (`ENVELOPE NIL`) counts as one.
pub(crate) fn summary(number: u32, items: &[Item<'_>]) -> Option<Summary> {
    told(number, items, false)
}

/// As [`summary`]. If `is_told`, also for a response without a header.
fn told(number: u32, items: &[Item<'_>], mut is_told: bool) -> Option<Summary> {
    let (mut summary, mut arrived) = (Summary::unknown(0, number), None);
    summary.uid = Fetch::uid_of(items).unwrap_or_default();
    for item in items {
        match item {
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

/// Makes a summary of a response without a header, if that has the size: one about changed flags has not.
pub(crate) fn little(number: u32, items: &[Item<'_>]) -> Option<Summary> {
    let has_size = items.iter().any(|item| matches!(item, Item::Size(_)));
    let mut summary = told(number, items, true).filter(|_| has_size)?;
    summary.incomplete = true;
    Some(summary)
}

/// Cuts a FETCH response that can't be read before the item at fault: a header or a structure, which servers make from
/// what strangers sent. `None` if no such item is at fault.
pub(super) fn salvage(frame: &Frame) -> Option<Frame> {
    let octets = frame.octets();
    if !frame.streamed().is_empty() {
        return None;
    }
    // The last such item first, so that an envelope that can be read stays.
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
    // Distinguishes an answer to this question from a change of flags.
    cut.extend_from_slice(if cut.ends_with(b"(") { b"" } else { b" " });
    cut.extend_from_slice(b"ENVELOPE NIL)\r\n");
    let cut = Frame::from(cut);
    // By the grammar of listings, so that a program that only lists links no other.
    let is_fetch = matches!(cut.summary_data(), Ok(Some(Data::Fetch(_) | Data::UidFetch(_))));
    is_fetch.then_some(cut)
}

/// Returns where an item begins, with the space in front of it if there is one.
fn position(octets: &[u8], item: &[u8]) -> Option<usize> {
    let found = octets.windows(item.len()).position(|window| window.eq_ignore_ascii_case(item))?;
    let opens = item.first() == Some(&b'(');
    Some(found.saturating_add(usize::from(opens)))
}

/// Returns the addresses of a list. The start and the end of a group have no host.
fn people(list: &List<'_, Address<'_>>) -> Vec<DisplayAddress> {
    let mailboxes = list.iter().filter(|mailbox| mailbox.host.is_some());
    let shown = mailboxes.map(|mailbox| {
        let name = mailbox.name.as_deref().map(|name| decode::unstructured(name).into_owned());
        DisplayAddress::new(name.unwrap_or_default(), address(&mailbox))
    });
    shown.collect()
}

/// Returns a value with ids, which is ASCII if it is any good.
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

/// Items whose values come from what strangers sent.
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
