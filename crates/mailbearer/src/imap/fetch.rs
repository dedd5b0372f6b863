use std::vec;

use mailbearer_imap::session::{Event, Tag};
use mailbearer_imap::{
    Capability, Command, Data, FetchItem, Frame, Item, Limits, Part, Partial, Response, Section, SequenceSet,
};
use mailbearer_net::Runtime;

use super::{Body, Imap, Summary, listing::summary, sets::pieces};
use crate::Error;

/// What was fetched of messages, as it arrives.
pub struct Messages<'a, R: Runtime> {
    imap: &'a mut Imap<R>,
    /// What is to be asked for, in commands of moderate length.
    left: vec::IntoIter<SequenceSet>,
    items: Vec<FetchItem<'a>>,
    changed_since: Option<u64>,
    fetch: Option<Tag>,
}

/// What a response tells of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    frame: Frame,
    number: u32,
    uid: u32,
}

/// What works on messages of the open mailbox. Nothing is marked as read unless the items ask for it.
impl<R: Runtime> Imap<R> {
    /// Fetches these items of the messages with these UIDs.
    ///
    /// Meant for what is small; [`part`](Self::part) fetches bodies of any size.
    ///
    /// # Errors
    ///
    /// Fails for what can't be asked for. That the server refuses is told by [`Messages::next`].
    pub fn messages<'a>(
        &'a mut self,
        uids: SequenceSet,
        items: Vec<FetchItem<'a>>,
    ) -> R::Task<'a, Result<Messages<'a, R>, Error>> {
        R::task(Messages::start(self, uids, items, None))
    }

    /// As [`messages`](Self::messages), of those that changed since the mailbox had this MODSEQ (RFC 7162).
    ///
    /// # Errors
    ///
    /// As [`messages`](Self::messages), and [`unsupported`](Error::is_unsupported) without CONDSTORE.
    pub fn messages_changed_since<'a>(
        &'a mut self,
        uids: SequenceSet,
        items: Vec<FetchItem<'a>>,
        mod_seq: u64,
    ) -> R::Task<'a, Result<Messages<'a, R>, Error>> {
        R::task(async move {
            self.needs_mod_seq().await?;
            Messages::start(self, uids, items, Some(mod_seq)).await
        })
    }

    /// Fetches a section of a message as it is on the server, or a piece of it, in pieces. It is not marked as read.
    ///
    /// # Errors
    ///
    /// Fails for what can't be asked for. That there is no such message is told by [`Body::next`].
    pub fn part<'a>(
        &'a mut self,
        uid: u32,
        section: Section<'a>,
        partial: Option<Partial>,
    ) -> R::Task<'a, Result<Body<'a, R>, Error>> {
        R::task(Body::of_open(self, uid, FetchItem::Section { section, partial, peek: true }))
    }

    /// Fetches a part of a message without its transfer encoding, which the server takes off (RFC 3516). It is not
    /// marked as read.
    ///
    /// # Errors
    ///
    /// As [`part`](Self::part), and [`unsupported`](Error::is_unsupported) without BINARY. The server may not know
    /// the encoding of the part.
    pub fn binary_part<'a>(
        &'a mut self,
        uid: u32,
        part: Part<'a>,
        partial: Option<Partial>,
    ) -> R::Task<'a, Result<Body<'a, R>, Error>> {
        R::task(async move {
            if !self.offers(&Capability::Imap4Rev2).await? {
                self.needs(&Capability::Binary, "BINARY").await?;
            }
            Body::of_open(self, uid, FetchItem::Binary { part, partial, peek: true }).await
        })
    }

    pub(super) async fn needs_mod_seq(&mut self) -> Result<(), Error> {
        if !self.offers(&Capability::QResync).await? {
            self.needs(&Capability::CondStore, "CONDSTORE").await?;
        }
        Ok(())
    }
}

impl<'a, R: Runtime> Messages<'a, R> {
    async fn start(
        imap: &'a mut Imap<R>,
        set: SequenceSet,
        items: Vec<FetchItem<'a>>,
        changed_since: Option<u64>,
    ) -> Result<Self, Error> {
        imap.begin().await?;
        let left = pieces(&set).into_iter();
        let mut messages = Self { imap, left, items, changed_since, fetch: None };
        messages.ask()?;
        Ok(messages)
    }

    fn ask(&mut self) -> Result<(), Error> {
        self.fetch = None;
        let Some(set) = self.left.next() else { return Ok(()) };
        let (items, changed_since) = (self.items.clone(), self.changed_since);
        let fetch = Command::Fetch { uid: true, set, items, changed_since, vanished: false };
        self.fetch = Some(self.imap.session.command(&fetch)?);
        Ok(())
    }

    /// What is told of the next message; `None` after the last.
    ///
    /// A message may come twice, or one that was not asked for: servers tell of changed flags whenever they like.
    ///
    /// # Errors
    ///
    /// Fails if the server refuses, if a body is [too large](crate::Kind::TooLarge) to be held (fetch it by
    /// [`Imap::part`]), and if the session ends.
    pub fn next(&mut self) -> R::Task<'_, Result<Option<Fetched>, Error>> {
        R::task(async move {
            while let Some(fetch) = self.fetch {
                match self.imap.event().await? {
                    Event::Data(frame) => {
                        if let Some(fetched) = Fetched::of(frame)? {
                            return Ok(Some(fetched));
                        }
                    }
                    Event::LiteralStart { .. } => {
                        self.fetch = None;
                        return Err(Error::too_large(Limits::default().literal_inline));
                    }
                    Event::Done(completion) if completion.tag == fetch => {
                        if !completion.is_ok() {
                            self.fetch = None;
                            return Err(Error::command(completion));
                        }
                        self.ask()?;
                    }
                    _ => {}
                }
            }
            Ok(None)
        })
    }
}

impl Fetched {
    /// `None` for a response that is no FETCH, or does not say of which message.
    fn of(frame: Frame) -> Result<Option<Self>, Error> {
        let (number, uid) = match frame.response().map_err(Error::parse)? {
            Response::Untagged(Data::Fetch(fetch)) => {
                let uid = fetch.items.iter().find_map(|item| match item {
                    Item::Uid(uid) => Some(*uid),
                    _ => None,
                });
                (fetch.number, uid.unwrap_or_default())
            }
            Response::Untagged(Data::UidFetch(fetch)) => (0, fetch.number),
            _ => (0, 0),
        };
        Ok((uid > 0).then(|| Self { frame: frame.settle(), number, uid }))
    }

    /// The UID of the message.
    #[must_use]
    pub const fn uid(&self) -> u32 {
        self.uid
    }

    /// Its number; 0 on a server that tells only UIDs (RFC 9586).
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// What a listing tells of it, where [`Summary::ITEMS`] were fetched; `None` without ENVELOPE.
    #[must_use]
    pub fn summary(&self) -> Option<Summary> {
        summary(&self.items()).map(|summary| Summary { uid: self.uid, ..summary })
    }

    /// What is told of it, parsed anew on each call.
    #[must_use]
    pub fn items(&self) -> Vec<Item<'_>> {
        match self.frame.response() {
            Ok(Response::Untagged(Data::Fetch(fetch) | Data::UidFetch(fetch))) => fetch.items,
            _ => Vec::new(),
        }
    }
}
