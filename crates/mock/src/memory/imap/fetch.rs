//! FETCH: one message after the other, so that an answer is never held as a whole.

use std::{collections::VecDeque, sync::Arc};

use mailbearer_imap::{
    Code, Data, DateTime, Fetch, FetchItem, Item, Partial, Section, SequenceSet, Text, server::Error,
};

use super::{
    Imap,
    body_structure::body_structure,
    envelope::envelope,
    flags,
    structure::{Node, Piece},
};
use crate::memory::{mailbox::Message, personality::Quirks};

/// A FETCH that is being answered.
#[derive(Debug)]
pub(crate) struct Fetching {
    uid: bool,
    items: Vec<FetchItem<'static>>,
    /// Numbers and UIDs still to come.
    messages: VecDeque<(u32, u32)>,
    /// The limit that left some out, and the UID of the first that is shown.
    stopped: Option<(u32, u32)>,
}

impl Imap {
    pub(super) fn fetch(
        &mut self,
        uid: bool,
        set: &SequenceSet,
        items: &[FetchItem<'_>],
    ) -> Result<(), Error> {
        let picked = self.view.as_ref().and_then(|view| view.pick(set, uid));
        let (Some(messages), Some(mut items)) = (picked, owned(items)) else {
            return self.bad_arguments();
        };
        // RFC 9051 section 6.4.9: UID FETCH tells the UID unasked.
        if uid && !items.contains(&FetchItem::Uid) {
            items.insert(0, FetchItem::Uid);
        }
        let mut messages = VecDeque::from(messages);
        // RFC 9738 section 3.1: the newest are told, and the code names the oldest of them.
        let limit = self.voice().quirks.message_limit;
        let most = limit.and_then(|limit| usize::try_from(limit).ok()).filter(|most| messages.len() > *most);
        let stopped = most.and_then(|most| {
            messages.drain(..messages.len().saturating_sub(most));
            limit.zip(messages.front().map(|(_, uid)| *uid))
        });
        self.fetching = Some(Fetching { uid, items, messages, stopped });
        Ok(())
    }

    /// Answers for the next message.
    pub(super) fn go_on_fetching(&mut self) -> Result<(), Error> {
        let Some(mut fetching) = self.fetching.take() else { return self.bad("Command Error. 12") };
        let Some((number, uid)) = fetching.messages.pop_front() else {
            if self.tell_changes(fetching.uid) {
                return Ok(());
            }
            let quirks = &self.voice().quirks;
            if let Some((limit, uid)) = fetching.stopped {
                return self.ok(&format!(
                    "[MESSAGELIMIT {limit} {uid}] FETCH completed with {limit} partial results"
                ));
            }
            return match quirks.throttled.filter(|_| self.world.provider.is_some() && self.fetched > MUCH) {
                Some(text) => self.ok(text),
                None => self.done("FETCH"),
            };
        };
        let Some(view) = &mut self.view else { return Ok(()) };
        let mut items = fetching.items.clone();
        let message = {
            let mut store = self.world.mailbox.lock();
            let seen = !view.read_only && items.iter().any(sets_seen);
            let unseen = |message: &&Message| !message.has_flag("\\Seen");
            if seen && view.of(&store).and_then(|folder| folder.message(uid)).as_ref().is_some_and(unseen) {
                store.change(&view.folder, |folder| {
                    if let Some(message) = folder.message_mut(uid) {
                        message.flags.push("\\Seen".to_owned());
                    }
                });
                items.extend((!items.contains(&FetchItem::Flags)).then_some(FetchItem::Flags));
            }
            view.of(&store).and_then(|folder| folder.message(uid)).cloned()
        };
        // Another session expunged it, and this client can't be told before the end.
        if let Some(message) = message {
            if items.contains(&FetchItem::Flags) {
                view.told_flags(number, &message.flags);
            }
            if !self.tell_message(number, &message, &items) {
                return self.no(Some(Code::Limit), "Too much of one message.");
            }
        }
        self.fetching = Some(fetching);
        Ok(())
    }

    /// Queues what is told of a message. Returns `false` if that is more than the server tells at once.
    fn tell_message(&mut self, number: u32, message: &Message, items: &[FetchItem<'_>]) -> bool {
        let (octets, quirks) = (Arc::clone(&message.octets), &self.voice().quirks);
        let mut node = None;
        let mut node = || node.get_or_insert_with(|| Arc::new(Node::parse(&octets))).clone();
        let (mut told, mut total) = (Vec::new(), 0_usize);
        for item in items {
            let item = match item {
                FetchItem::Uid => Some(Item::Uid(message.uid)),
                FetchItem::Flags => Some(Item::Flags(flags(&message.flags))),
                FetchItem::InternalDate => internal_date(message).map(Item::InternalDate),
                FetchItem::Size => Some(Item::Size(told_size(&octets, quirks))),
                FetchItem::Envelope => {
                    Some(Item::Envelope(envelope(octets.get(node().header.clone()).unwrap_or_default())))
                }
                FetchItem::BodyStructure | FetchItem::Body => Some(Item::BodyStructure {
                    extended: matches!(item, FetchItem::BodyStructure),
                    structure: Box::new(body_structure(
                        &octets,
                        &node(),
                        quirks,
                        matches!(item, FetchItem::BodyStructure),
                    )),
                }),
                FetchItem::Section { section, partial, .. } => {
                    let data = section_of(&octets, &mut node, section).map(|data| cut(data, *partial));
                    let origin = partial.map(|partial| partial.offset);
                    Some(Item::Body { section: section.clone(), origin, data })
                }
                FetchItem::Rfc822 => Some(Item::Rfc822(section_of(&octets, &mut node, &Section::WHOLE))),
                FetchItem::Rfc822Header => {
                    Some(Item::Rfc822Header(section_of(&octets, &mut node, &Section::HEADER)))
                }
                FetchItem::Rfc822Text => {
                    Some(Item::Rfc822Text(section_of(&octets, &mut node, &Section::TEXT)))
                }
                _ => None,
            };
            if let Some(Item::Body { data, .. } | Item::Rfc822(data) | Item::Rfc822Text(data)) = &item {
                total = total.saturating_add(data.as_ref().map_or(0, |data| data.len()));
            }
            told.extend(item);
        }
        let fits = total <= self.world.limits.message_octets.saturating_mul(2);
        if fits {
            self.fetched = self.fetched.saturating_add(u64::try_from(total).unwrap_or(u64::MAX));
            self.tell(Data::Fetch(Fetch { number, items: told }));
        }
        fits
    }
}

/// The size that the server tells. Exchange tells another one than the message has if it keeps it as a MAPI object.
pub(super) fn told_size(octets: &[u8], quirks: &Quirks) -> u64 {
    let size = u64::try_from(octets.len()).unwrap_or(u64::MAX);
    let kept = b"application/ms-tnef";
    let start = octets.get(..HEAD).unwrap_or(octets);
    let is_kept =
        quirks.estimated_size && start.windows(kept.len()).any(|window| window.eq_ignore_ascii_case(kept));
    if is_kept { size.saturating_add(size / 8).saturating_add(512) } else { size }
}

/// Octets at the start of a message in which its kind is looked for.
const HEAD: usize = 4096;
/// Octets that a session may fetch before it is throttled.
const MUCH: u64 = 1 << 20;

/// The same items, borrowed from nothing; `None` for one that is not offered.
fn owned(items: &[FetchItem<'_>]) -> Option<Vec<FetchItem<'static>>> {
    let own = |item: &FetchItem<'_>| match item {
        FetchItem::Uid => Some(FetchItem::Uid),
        FetchItem::Flags => Some(FetchItem::Flags),
        FetchItem::InternalDate => Some(FetchItem::InternalDate),
        FetchItem::Size => Some(FetchItem::Size),
        FetchItem::Envelope => Some(FetchItem::Envelope),
        FetchItem::BodyStructure => Some(FetchItem::BodyStructure),
        FetchItem::Body => Some(FetchItem::Body),
        FetchItem::Section { section, partial, peek } => {
            Some(FetchItem::Section { section: section.clone().into_owned(), partial: *partial, peek: *peek })
        }
        FetchItem::Rfc822 => Some(FetchItem::Rfc822),
        FetchItem::Rfc822Header => Some(FetchItem::Rfc822Header),
        FetchItem::Rfc822Text => Some(FetchItem::Rfc822Text),
        _ => None,
    };
    items.iter().map(own).collect()
}

const fn sets_seen(item: &FetchItem<'_>) -> bool {
    matches!(item, FetchItem::Section { peek: false, .. } | FetchItem::Rfc822 | FetchItem::Rfc822Text)
}

/// The octets of a section. A part that is not there has none, which is NIL.
fn section_of<'a>(
    octets: &'a [u8],
    node: &mut impl FnMut() -> Arc<Node>,
    section: &Section<'_>,
) -> Option<Text<'a>> {
    match node().section(octets, section)? {
        Piece::Range(range) => octets.get(range).map(Text::from),
        Piece::Made(made) => Some(Text::from(made)),
    }
}

/// A range that starts past the end is empty (RFC 9051 section 6.4.5.1).
fn cut(data: Text<'_>, partial: Option<Partial>) -> Text<'_> {
    let Some(Partial { offset, count }) = partial else { return data };
    let start = usize::try_from(offset).unwrap_or(usize::MAX).min(data.len());
    let end = start.saturating_add(usize::try_from(count).unwrap_or(usize::MAX)).min(data.len());
    Text::from(data.get(start..end).unwrap_or_default().to_vec())
}

/// When a message arrived.
pub(super) fn internal_date(message: &Message) -> Option<DateTime> {
    let (seconds, zone) = message.internal_date;
    DateTime::new(seconds, zone).ok()
}
