use mailbearer_imap::session::Event;
use mailbearer_imap::{Address, Data, FetchItem, Flag, Frame, Item, SequenceSet};
use mailbearer_mime::{DateTime, decode};
use mailbearer_net::Runtime;

use super::{Imap, Pair, mailbox};
use crate::Error;

/// Which messages of a mailbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Range {
    /// Every message, asked for in the same flight as the mailbox.
    #[default]
    All,
    /// The newest; costs a flight more, as the server has to say first how many there are.
    Last(u32),
}

/// A message in a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Names the message in its mailbox for good; 0 if the server told none.
    pub uid: u32,
    /// The time of the Date field, or where that is missing or broken the time of arrival.
    pub date: Option<DateTime>,
    /// The first author, by name where there is one. Decoded; may hold control characters.
    pub from: String,
    /// The first author's address; empty where there is none.
    pub address: String,
    /// Decoded; may hold control characters.
    pub subject: String,
    /// In octets; some servers estimate it.
    pub size: u64,
    /// Whether it was read.
    pub seen: bool,
}

impl Summary {
    /// What is fetched for one.
    pub const ITEMS: [FetchItem<'static>; 5] =
        [FetchItem::Uid, FetchItem::Flags, FetchItem::InternalDate, FetchItem::Size, FetchItem::Envelope];
}

/// The messages of a mailbox as they arrive.
pub struct Listing<'a, R: Runtime> {
    imap: &'a mut Imap<R>,
    pair: Option<Pair>,
    exists: u32,
}

impl<'a, R: Runtime> Listing<'a, R> {
    pub(super) async fn start(imap: &'a mut Imap<R>, name: &str, range: Range) -> Result<Self, Error> {
        let name = mailbox(name)?;
        imap.begin().await?;
        imap.leave();
        let examine = imap.session.examine(name)?;
        let mut listing = Self { imap, pair: None, exists: 0 };
        let set = match range {
            Range::All => Some(SequenceSet::all()),
            Range::Last(count) => {
                let exists = listing.count_messages(examine).await?;
                let first = exists.saturating_sub(count).saturating_add(1);
                (first <= exists).then(|| SequenceSet::range(first, exists))
            }
        };
        if let Some(set) = set {
            let fetch = listing.imap.session.fetch(set, Summary::ITEMS.into())?;
            listing.pair = Some(Pair::new(Some(examine), fetch));
        }
        Ok(listing)
    }

    async fn count_messages(&mut self, examine: mailbearer_imap::session::Tag) -> Result<u32, Error> {
        loop {
            match self.imap.event().await? {
                Event::Data(frame) => {
                    self.take_in(&frame)?;
                }
                Event::Done(completion) if completion.tag == examine => {
                    return if completion.is_ok() {
                        Ok(self.exists)
                    } else {
                        Err(Error::command(completion))
                    };
                }
                _ => {}
            }
        }
    }

    /// The next message; `None` after the last.
    ///
    /// # Errors
    ///
    /// Fails if the server refuses to open the mailbox or to list it, and if the session ends.
    pub fn next(&mut self) -> R::Task<'_, Result<Option<Summary>, Error>> {
        R::task(async move {
            while let Some(pair) = &mut self.pair {
                match self.imap.event().await? {
                    Event::Data(frame) => {
                        if let Some(summary) = self.take_in(&frame)? {
                            return Ok(Some(summary));
                        }
                    }
                    Event::Done(completion) => {
                        let answered = pair.answered(completion);
                        // An empty mailbox has no message `1:*`, and some servers say so with a BAD.
                        let is_empty = pair.opened && self.exists == 0;
                        match answered {
                            Ok(false) => continue,
                            Ok(true) => self.pair = None,
                            Err(_) if is_empty => self.pair = None,
                            Err(error) => {
                                self.pair = None;
                                return Err(error);
                            }
                        }
                    }
                    _ => {}
                }
            }
            Ok(None)
        })
    }

    fn take_in(&mut self, frame: &Frame) -> Result<Option<Summary>, Error> {
        match frame.summary_data().map_err(Error::parse)? {
            Some(Data::Exists(count)) => {
                self.exists = count;
                Ok(None)
            }
            Some(Data::Fetch(fetch)) => Ok(summary(&fetch.items)),
            _ => Ok(None),
        }
    }
}

/// `None` for a response that only tells of a change of flags.
pub(crate) fn summary(items: &[Item<'_>]) -> Option<Summary> {
    let (mut summary, mut arrived, mut is_whole) = (Summary::default(), None, false);
    for item in items {
        match item {
            Item::Uid(uid) => summary.uid = *uid,
            Item::Size(size) => summary.size = *size,
            Item::Flags(flags) => summary.seen = flags.iter().any(|flag| flag == Flag::Seen),
            Item::InternalDate(date) => {
                arrived = DateTime::new(date.unix_seconds(), date.zone_minutes()).ok()
            }
            Item::Envelope(envelope) => {
                is_whole = true;
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
                summary.date = envelope.date.as_deref().and_then(|date| DateTime::parse(date).ok());
            }
            _ => {}
        }
    }
    summary.date = summary.date.or(arrived);
    is_whole.then_some(summary)
}

fn address(author: &Address<'_>) -> String {
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    match (author.mailbox.as_deref().map(text), author.host.as_deref().map(text)) {
        (Some(mailbox), Some(host)) => format!("{mailbox}@{host}"),
        (Some(mailbox), None) => mailbox,
        (None, _) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use mailbearer_imap::Response;

    use super::*;

    fn told(items: &str) -> Option<Summary> {
        let frame = Frame::from(format!("* 1 FETCH ({items})\r\n").into_bytes());
        match frame.response() {
            Ok(Response::Untagged(Data::Fetch(fetch))) => summary(&fetch.items),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_response_with_an_envelope_tells_of_a_message() {
        let whole = told(
            "UID 7 RFC822.SIZE 99 FLAGS (\\Seen) INTERNALDATE \"24-Nov-2026 06:32:00 +0100\" ENVELOPE (\"x\" \
             \"=?utf-8?q?Gr=C3=BC=C3=9Fe?=\" ((\"=?utf-8?q?Z=C3=B6e?=\" NIL \"z\" \"x\")) NIL NIL NIL NIL NIL NIL NIL)",
        );
        let want = Summary {
            uid: 7,
            date: DateTime::new(1_795_498_320, 60).ok(),
            from: "Zöe".into(),
            address: "z@x".into(),
            subject: "Grüße".into(),
            size: 99,
            seen: true,
        };
        assert_eq!(whole, Some(want));
        let bare = told("UID 7 ENVELOPE (NIL NIL ((NIL NIL \"z\" \"x\")) NIL NIL NIL NIL NIL NIL NIL)");
        assert_eq!(bare.map(|bare| (bare.from, bare.date)), Some(("z@x".into(), None)));
        assert_eq!(told("UID 7 FLAGS (\\Seen)"), None);
    }
}
