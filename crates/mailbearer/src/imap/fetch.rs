use std::mem;

use mailbearer_imap::session::Event;
use mailbearer_imap::{
    Capability, Command, Data, FetchItem, Frame, Item, LiteralOf, Response, SequenceSet, UidSet,
};
use mailbearer_net::{Blocking, Runtime};
use mailbearer_wire::Octets;

use super::{
    Authenticated, Examined, OddLine, Summary,
    ask::Ask,
    run::SET_LINE,
    summary::{salvage, summary},
};
use crate::Error;

/// What was fetched of messages, as it arrives.
pub struct Messages<'a, R: Runtime> {
    imap: &'a mut Authenticated<R>,
    state: MessagesState<'a>,
}

/// [`Messages`] that borrow no session.
#[derive(Debug)]
pub struct MessagesState<'a> {
    uids: UidSet,
    told: UidSet,
    /// What is to be asked for, in commands of moderate length, the next one last.
    left: Vec<SequenceSet>,
    items: Vec<FetchItem<'a>>,
    changed_since: Option<u64>,
    ask: Ask,
    large: Large,
}

/// What is known of a literal that is coming.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Large {
    /// There is none.
    None,
    /// It is of something that was not asked for.
    Unasked,
    /// It may be of a message that was asked for; the response behind it tells.
    Asked,
}

/// A step of [`Messages::next_piece`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessagePiece {
    /// What comes in the pieces that follow: a value of a message that is larger than is held.
    Large(LiteralOf),
    /// The next octets of it, up to 64 KiB.
    Octets(Octets),
    /// The data of a message. A value that came in pieces belongs to it, and is empty in here.
    Message(Fetched),
    /// The pieces that came belong to no message that was asked for.
    Discard,
}

/// What a response tells of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    frame: Frame,
    number: u32,
    uid: u32,
    odd: Option<OddLine>,
}

/// What works on messages. Nothing is marked as read unless the items ask for it and the mailbox is open for changes.
impl<R: Runtime> Examined<'_, R> {
    /// Fetches these items of the messages with these UIDs.
    ///
    /// Values of more than 1 MiB come by [`Messages::next_piece`]; [`part`](Self::part) fetches a single body of any size.
    ///
    /// # Errors
    ///
    /// Fails for what can't be asked for. If the server refuses, [`Messages::next`] fails.
    pub fn messages<'a>(
        &'a mut self,
        uids: UidSet,
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
        uids: UidSet,
        items: Vec<FetchItem<'a>>,
        mod_seq: u64,
    ) -> R::Task<'a, Result<Messages<'a, R>, Error>> {
        R::task(async move {
            self.needs_mod_seq().await?;
            Messages::start(self, uids, items, Some(mod_seq)).await
        })
    }

    /// Goes on with messages that were [detached](Messages::detach). [`Messages::next`] fails if another command was given
    /// since.
    pub fn resume_messages<'a>(&'a mut self, state: MessagesState<'a>) -> Messages<'a, R> {
        Messages { imap: self, state }
    }

    pub(super) async fn needs_mod_seq(&mut self) -> Result<(), Error> {
        if !self.offers(&Capability::QResync).await? {
            self.needs(&Capability::CondStore, "CONDSTORE").await?;
        }
        Ok(())
    }
}

impl<'a, R: Runtime> Messages<'a, R> {
    pub(super) async fn start(
        imap: &'a mut Authenticated<R>,
        uids: UidSet,
        items: Vec<FetchItem<'a>>,
        changed_since: Option<u64>,
    ) -> Result<Self, Error> {
        imap.begin().await?;
        let mut left: Vec<_> = uids.lines(SET_LINE).collect();
        left.reverse();
        let ask = Ask::new(imap);
        let (told, large) = (UidSet::new(), Large::None);
        let state = MessagesState { uids, told, left, items, changed_since, ask, large };
        let mut messages = Self { imap, state };
        messages.ask()?;
        Ok(messages)
    }

    fn ask(&mut self) -> Result<(), Error> {
        let state = &mut self.state;
        let Some(set) = state.left.pop() else { return Ok(()) };
        let (items, changed_since) = (state.items.clone(), state.changed_since);
        let fetch = Command::Fetch { uid: true, set, items, changed_since, vanished: false };
        state.ask.give(self.imap.session.command(&fetch)?);
        Ok(())
    }

    /// The data of the next message; `None` after the last.
    ///
    /// A message may come twice: servers tell of changed flags whenever they like. None comes that was not asked for.
    ///
    /// # Errors
    ///
    /// Fails if the server refuses, and if the session ends. Fails for a message of which a value is
    /// [too large](crate::Kind::TooLarge) to be held; the next call goes on behind it. [`next_piece`](Self::next_piece)
    /// takes values of any size.
    pub fn next(&mut self) -> R::Task<'_, Result<Option<Fetched>, Error>> {
        R::task(self.advance())
    }

    /// As [`next`](Self::next), where what is too large to be held comes in pieces, ahead of the message that it is of.
    ///
    /// # Errors
    ///
    /// Fails if the server refuses, and if the session ends. The pieces of a message that came before are incomplete then.
    pub fn next_piece(&mut self) -> R::Task<'_, Result<Option<MessagePiece>, Error>> {
        R::task(self.advance_piece())
    }

    pub(super) async fn advance(&mut self) -> Result<Option<Fetched>, Error> {
        let mut is_cut = false;
        while let Some(piece) = self.advance_piece().await? {
            match piece {
                MessagePiece::Message(_) if is_cut => {
                    return Err(Error::too_large(self.imap.session.limits().literal_inline));
                }
                MessagePiece::Message(fetched) => return Ok(Some(fetched)),
                MessagePiece::Large(_) | MessagePiece::Octets(_) => is_cut = true,
                MessagePiece::Discard => is_cut = false,
            }
        }
        Ok(None)
    }

    async fn advance_piece(&mut self) -> Result<Option<MessagePiece>, Error> {
        while !self.state.ask.is_over() {
            match self.state.ask.event(self.imap).await? {
                Event::Data(frame) => {
                    let octets = frame.octets().len();
                    let large = mem::replace(&mut self.state.large, Large::None);
                    match self.take_in(frame) {
                        Some(fetched) => {
                            if !self.state.told.contains(fetched.uid) {
                                self.state.told.insert(fetched.uid);
                                self.imap.asked(octets);
                            }
                            return Ok(Some(MessagePiece::Message(fetched)));
                        }
                        None if large == Large::Asked => return Ok(Some(MessagePiece::Discard)),
                        None => {}
                    }
                }
                Event::LiteralStart { head, .. } => {
                    let (limits, quirks) = (self.imap.session.limits(), self.imap.session.quirks());
                    let of = LiteralOf::of(&head, limits, quirks).filter(|of| {
                        let (uids, told) = (&self.state.uids, &self.state.told);
                        of.uid.is_none_or(|uid| uids.contains(uid) && !told.contains(uid))
                    });
                    if let Some(of) = of {
                        self.state.large = Large::Asked;
                        return Ok(Some(MessagePiece::Large(of)));
                    }
                    if self.state.large == Large::None {
                        self.state.large = Large::Unasked;
                    }
                }
                Event::LiteralChunk(octets) if self.state.large == Large::Asked => {
                    self.imap.asked_piece(octets.len());
                    return Ok(Some(MessagePiece::Octets(octets)));
                }
                Event::Done(completion) => match self.state.ask.answered(self.imap, completion)? {
                    Some(completion) if !completion.is_ok() => return Err(Error::fetch_refused(completion)),
                    Some(_) => self.ask()?,
                    None => {}
                },
                _ => {}
            }
        }
        Ok(None)
    }

    /// As [`next`](Self::next), for an iterator: the first error is the last item.
    pub(crate) async fn next_or_end(&mut self) -> Result<Option<Fetched>, Error> {
        let next = self.advance().await;
        if next.is_err() {
            self.state.ask.end();
        }
        next
    }

    /// Lets go of the session, and keeps the place. [`Examined::resume_messages`] goes on.
    #[must_use]
    pub fn detach(self) -> MessagesState<'a> {
        self.state
    }

    /// `None` for a response that tells of no message that was asked for.
    fn take_in(&mut self, frame: Frame) -> Option<Fetched> {
        let (frame, odd) = match frame.response() {
            Ok(_) => (frame, None),
            Err(error) => {
                let cut = salvage(&frame);
                if cut.is_none() {
                    self.imap.note_odd(&frame, &error);
                }
                (cut?, Some(OddLine::of(&frame, &error, self.imap.session.redactor())))
            }
        };
        let fetched = Fetched::of(frame)?;
        self.state.uids.contains(fetched.uid).then_some(Fetched { odd, ..fetched })
    }
}

/// The messages as [`Messages::next`] gives them.
impl Iterator for Messages<'_, Blocking> {
    type Item = Result<Fetched, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        Blocking::task(self.next_or_end()).transpose()
    }
}

impl Fetched {
    /// `None` for a response that is no FETCH, or does not say of which message.
    fn of(frame: Frame) -> Option<Self> {
        let (number, uid) = match frame.response() {
            Ok(Response::Untagged(Data::Fetch(fetch))) => {
                let uid = fetch.items.iter().find_map(|item| match item {
                    Item::Uid(uid) => Some(*uid),
                    _ => None,
                });
                (fetch.number, uid.unwrap_or_default())
            }
            Ok(Response::Untagged(Data::UidFetch(fetch))) => (0, fetch.number),
            _ => (0, 0),
        };
        (uid > 0).then(|| Self { frame: frame.settle(), number, uid, odd: None })
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

    /// The response, if not all of it can be read: [`items`](Self::items) are those that could.
    #[must_use]
    pub const fn odd(&self) -> Option<&OddLine> {
        self.odd.as_ref()
    }

    /// What a listing tells of it, where [`Summary::ITEMS`] were fetched; `None` without ENVELOPE.
    #[must_use]
    pub fn summary(&self) -> Option<Summary> {
        summary(self.number, &self.items()).map(|summary| Summary { uid: self.uid, ..summary })
    }

    /// Its data items, parsed on each call.
    #[must_use]
    pub fn items(&self) -> Vec<Item<'_>> {
        match self.frame.response() {
            Ok(Response::Untagged(Data::Fetch(fetch) | Data::UidFetch(fetch))) => fetch.items,
            _ => Vec::new(),
        }
    }
}
